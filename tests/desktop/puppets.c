/* puppets.c - native apps that do what a test says: see session.h. */
#include "gfx/menus.h"
#include "tests/desktop/session.h"

#include <stdlib.h>
#include <string.h>

static int slot_of(const struct run *r, const char *title, const char **why)
{
    *why = "no such window";
    for (int i = 0; r->puppet && i < PUPPET_WINDOWS; i++)
        if (r->puppet->windows[i] && !strcmp(r->puppet->titles[i], title))
            return i;
    return -1;
}

bool puppet_open(struct run *r, const char *title, int w, int h, uint32_t color,
                 uint32_t flags, const char **why)
{
    struct puppet *p = r->puppet;
    int i = 0;
    *why = "not a puppet, or too many windows";
    while (p && i < PUPPET_WINDOWS && p->windows[i])
        i++;
    if (!p || i == PUPPET_WINDOWS)
        return false;
    p->windows[i] = desk_window(p->display, title, w, h, flags);
    snprintf(p->titles[i], sizeof p->titles[i], "%s", title);
    fill(p->windows[i], color);
    return true;
}

bool puppet_close(struct run *r, const char *title, const char **why)
{
    int i = slot_of(r, title, why);
    if (i < 0)
        return false;
    gfx_surface_destroy(r->puppet->windows[i]);
    r->puppet->windows[i] = NULL;
    return true;
}

bool puppet_fill(struct run *r, const char *title, uint32_t color,
                 const char **why)
{
    int i = slot_of(r, title, why);
    if (i >= 0)
        fill(r->puppet->windows[i], color);
    return i >= 0;
}

static size_t put_record(char *to, struct gfx_menu_record r, const char *text)
{
    r.len = (uint16_t)strlen(text);
    memcpy(to, &r, sizeof r);
    memcpy(to + sizeof r, text, r.len);
    return sizeof r + r.len;
}

static size_t put_item(char *to, const char *item)
{
    struct gfx_menu_record r = {0};
    unsigned id, modifiers, flags;
    char key;
    int at = 0;
    if (sscanf(item, "%u:%c:%u:%u:%n", &id, &key, &modifiers, &flags, &at) < 4)
        return 0;
    r.id = id;
    r.key = key == '-' ? 0 : (uint32_t)key;
    r.modifiers = (uint8_t)modifiers;
    r.flags = (uint8_t)flags;
    return put_record(to, r, item + at);
}

bool puppet_menus(struct run *r, const char *title, char *spec,
                  const char **why)
{
    static char data[GFX_MENUS_MAX];
    size_t len = 0;
    char *next_menu, *next_item;
    int i = slot_of(r, title, why);
    if (i < 0)
        return false;
    for (char *menu = strtok_r(spec, "|", &next_menu); menu;
         menu = strtok_r(NULL, "|", &next_menu)) {
        struct gfx_menu_record head = {.flags = GFX_MENU_TITLE};
        char *item = strtok_r(menu, ";", &next_item);
        len += put_record(data + len, head, item);
        while ((item = strtok_r(NULL, ";", &next_item)))
            len += put_item(data + len, item);
    }
    struct gfx_msg msg = {.type = GFX_REQ_MENUS};
    gfx_surface_send(r->puppet->windows[i], &msg, data, len);
    return true;
}

bool puppet_ask(struct run *r, const char *title, uint32_t request,
                const char **why)
{
    struct gfx_msg msg = {.type = request};
    int i = slot_of(r, title, why);
    if (i >= 0)
        gfx_surface_send(r->puppet->windows[i], &msg, NULL, 0);
    return i >= 0;
}

static const char *pointer_names[] = {"motion", "press", "release", "enter",
                                      "leave"};

static void put_event(FILE *out, const struct gfx_msg *e)
{
    switch (e->type) {
    case GFX_EV_KEY:
        fprintf(out, "[\"key\", %u, %u, %u, %u]", e->key.code, e->key.text,
                e->key.modifiers, e->key.state);
        break;
    case GFX_EV_POINTER:
        fprintf(out, "[\"%s\", %g, %g, %u]", pointer_names[e->pointer.kind % 5],
                (double)e->pointer.x, (double)e->pointer.y, e->pointer.clicks);
        break;
    case GFX_EV_CONFIGURE:
        fprintf(out, "[\"resized\", %d, %d]", e->configure.width,
                e->configure.height);
        break;
    case GFX_EV_FOCUS: fprintf(out, "[\"focus\", %u]", e->value); break;
    case GFX_EV_MENU: fprintf(out, "[\"menu\", %u]", e->value); break;
    case GFX_EV_CLOSE: fprintf(out, "[\"close\"]"); break;
    case GFX_EV_QUIT: fprintf(out, "[\"quit\"]"); break;
    default: fprintf(out, "[\"other\", %u]", e->type);
    }
}

bool puppet_events(struct run *r, const char *title, FILE *out,
                   const char **why)
{
    struct gfx_msg e;
    int i = slot_of(r, title, why);
    if (i < 0)
        return false;
    const char *separator = "";
    gfx_display_dispatch(r->puppet->display);
    fputc('[', out);
    while (gfx_surface_event(r->puppet->windows[i], &e)) {
        fputs(separator, out);
        put_event(out, &e);
        separator = ", ";
    }
    fputc(']', out);
    return true;
}

void puppet_dispatch(struct run *r)
{
    gfx_display_dispatch(r->puppet->display);
}

void puppet_destroy(struct puppet *p)
{
    if (!p)
        return;
    gfx_display_destroy(p->display);
    free(p);
}
