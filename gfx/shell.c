/*
 * shell.c - what the desktop's own components see of all windows, and the
 * answers to what they ask.
 */
#include "gfx/menus.h"
#include "gfx/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void shell_broadcast(struct server *s, struct gfx_msg *msg)
{
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (s->clients[i] && s->clients[i]->watching)
            client_send(s->clients[i], msg, NULL, 0, -1, false);
}

static uint32_t state_of(const struct surface *f)
{
    return (f->client->server->active == f ? GFX_STATE_FOCUSED : 0) |
           (f->minimised ? GFX_STATE_MINIMISED : 0) |
           (f->hidden ? GFX_STATE_HIDDEN : 0) |
           (f->fullscreen ? GFX_STATE_FULLSCREEN : 0) |
           (f->attention ? GFX_STATE_ATTENTION : 0) |
           (f->client->unresponsive ? GFX_STATE_UNRESPONSIVE : 0) |
           (f->closed ? GFX_STATE_CLOSED : 0);
}

static void tell_window(struct client *c, const struct surface *f)
{
    struct gfx_rect r = frame_rect(f);
    struct gfx_msg msg = {.type = GFX_EV_WINDOW};
    msg.window.id = f->global;
    msg.window.instance = f->client->who.instance;
    msg.window.state = state_of(f);
    msg.window.space = f->space;
    msg.window.recency = f->recency;
    msg.window.x = r.x0;
    msg.window.y = r.y0;
    msg.window.width = r.x1 - r.x0;
    msg.window.height = r.y1 - r.y0;
    char tail[32 + GFX_TITLE_MAX];
    size_t app = strlen(f->client->who.app) + 1, title = strlen(f->title);
    memcpy(tail, f->client->who.app, app);
    memcpy(tail + app, f->title, title);
    client_send(c, &msg, tail, app + title, -1, false);
}

void shell_window_changed(struct surface *f)
{
    struct server *s = f->client->server;
    if (f->kind != GFX_WINDOW || !f->mapped)
        return;
    s->session_stale = true;
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (s->clients[i] && s->clients[i]->watching)
            tell_window(s->clients[i], f);
}

void shell_window_gone(struct surface *f)
{
    struct gfx_msg msg = {.type = GFX_EV_WINDOW_GONE, .value = f->global};
    if (f->mapped)
        shell_broadcast(f->client->server, &msg);
}

static void tell_spaces(struct client *c)
{
    struct gfx_msg msg = {.type = GFX_EV_SPACES};
    msg.space_info.count = c->server->nspaces;
    msg.space_info.current = c->server->space;
    client_send(c, &msg, NULL, 0, -1, false);
}

void shell_spaces_changed(struct server *s)
{
    s->session_stale = true;
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (s->clients[i] && s->clients[i]->watching)
            tell_spaces(s->clients[i]);
}

void shell_watch(struct client *c)
{
    struct server *s = c->server;
    struct gfx_msg msg = {.type = GFX_EV_SCREEN};
    msg.size.width = s->width;
    msg.size.height = s->height;
    c->watching = true;
    client_send(c, &msg, NULL, 0, -1, false);
    tell_spaces(c);
    for (int i = 0; i < s->nstack; i++)
        if (s->stack[i]->kind == GFX_WINDOW && s->stack[i]->mapped)
            tell_window(c, s->stack[i]);
}

void shell_menus_changed(struct server *s)
{
    struct gfx_msg msg = {.type = GFX_EV_MENUS_CHANGED};
    shell_broadcast(s, &msg);
}

bool menus_valid(const char *data, size_t len)
{
    struct gfx_menu_record r;
    const char *text;
    size_t at = 0, menus = 0, items = 0;
    while (gfx_menu_next(data, len, &at, &r, &text)) {
        if (r.flags & GFX_MENU_TITLE) {
            menus++;
            items = 0;
        } else if (!menus || ++items > GFX_MENU_ITEMS_MAX) {
            return false;
        }
    }
    return at == len && menus <= GFX_MENU_COUNT_MAX;
}

/* ---- answers --------------------------------------------------------------
 */

void reply_value(struct client *c, uint32_t value)
{
    struct gfx_msg msg = {.type = GFX_EV_REPLY};
    msg.reply.value = value;
    client_send(c, &msg, NULL, 0, -1, false);
}

void reply_blob(struct client *c, const void *data, size_t len)
{
    struct gfx_msg msg = {.type = GFX_EV_REPLY};
    msg.reply.length = (int32_t)len;
    client_send(c, &msg, data, len, -1, false);
}

void reply_memfd(struct client *c, const void *data, size_t len, int width,
                 int height)
{
    struct gfx_msg msg = {.type = GFX_EV_REPLY};
    int fd = len ? memfd_with("reply", data, len) : -1;
    msg.reply.value = fd >= 0;
    msg.reply.width = width;
    msg.reply.height = height;
    msg.reply.length = (int32_t)len;
    client_send(c, &msg, NULL, 0, fd, false);
}

void shell_thumbnail(struct client *c, const struct gfx_msg *msg)
{
    struct surface *f = surface_global(c->server, msg->thumbnail.window);
    struct gfx_image small = {0};
    int w = gfx_min(msg->thumbnail.width, c->server->width);
    int h = gfx_min(msg->thumbnail.height, c->server->height);
    if (f)
        window_picture(f);
    if (f && f->snapshot.pixels && w > 0 && h > 0) {
        float k = (float)w / (float)f->snapshot.width;
        if (k * (float)f->snapshot.height > (float)h)
            k = (float)h / (float)f->snapshot.height;
        struct gfx_rectf from = {0, 0, (float)f->snapshot.width,
                                 (float)f->snapshot.height};
        struct gfx_rectf to = {0, 0, from.w * k, from.h * k};
        if (gfx_image_init(&small, gfx_max((int)to.w, 1),
                           gfx_max((int)to.h, 1)))
            gfx_over_scaled(&small, gfx_image_rect(&small), to, &f->snapshot,
                            from, 255);
    }
    reply_memfd(c, small.pixels, (size_t)small.width * (size_t)small.height * 4,
                small.width, small.height);
    gfx_image_finish(&small);
    if (f && !f->anim.shown)
        gfx_image_finish(&f->snapshot);
}
