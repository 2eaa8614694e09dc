/*
 * vyoma_shell.c - vyoma:desktop/shell: panels, other apps' windows, global
 * shortcuts and spaces, for the desktop's own components.  Whether an app may
 * is decided by the compositor, which knows who is on each connection.
 */
#include "gfx/icons.h"
#include "wasi/ifaces.h"
#include "wasi/vyoma_ui.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 64

static struct gfx_display *display_of(wasi_ctx *ctx)
{
    struct vyoma_display *d = vyoma_display_get(ctx);
    return d ? d->gfx : NULL;
}

static void send(wasi_ctx *ctx, const struct gfx_msg *msg, const void *tail,
                 size_t len)
{
    struct gfx_display *d = display_of(ctx);
    if (d)
        gfx_display_send(d, msg, tail, len);
}

/* Without a connection there are no windows and no screen. */
static const struct gfx_shell *shell_of(wasi_ctx *ctx)
{
    static const struct gfx_shell nothing;
    struct gfx_display *d = display_of(ctx);
    if (!d)
        return &nothing;
    gfx_display_dispatch(d);
    return gfx_display_shell(d);
}

static void put_list(cm_value *out, cm_value *items, size_t len)
{
    out->list.items = items;
    out->list.len = len;
}

/* ---- panels ------------------------------------------------------------ */

static vm_status create_panel(cm_call *call, void *host, const cm_value *args,
                              cm_value *result)
{
    const cm_value *o = args[0].list.items; /* fields of panel-options */
    struct gfx_msg msg = {0};
    msg.create.kind = GFX_PANEL;
    msg.create.layer = (uint32_t)o[1].variant.index;
    msg.create.anchor = (uint32_t)o[2].variant.index;
    msg.create.x = (int32_t)o[3].s;
    msg.create.y = (int32_t)o[4].s;
    msg.create.width = ui_side(o[5].u);
    msg.create.height = ui_side(o[6].u);
    msg.create.exclusive = (uint32_t)o[7].u;
    msg.create.radius = (uint32_t)o[8].u;
    msg.create.flags = o[9].flags;
    return ui_create_window(call, host, &msg, o[0], result);
}

static void panel_send(const cm_value *args, struct gfx_msg *msg)
{
    struct ui_window *panel = args[0].rep;
    gfx_surface_send(panel->surface, msg, NULL, 0);
}

static vm_status move_panel(cm_call *call, void *host, const cm_value *args,
                            cm_value *result)
{
    struct gfx_msg msg = {.type = GFX_REQ_PANEL_MOVE};
    msg.rect.x = (int32_t)args[1].s;
    msg.rect.y = (int32_t)args[2].s;
    panel_send(args, &msg);
    return VM_OK;
}

static vm_status show_panel(cm_call *call, void *host, const cm_value *args,
                            cm_value *result)
{
    struct gfx_msg msg = {.type = GFX_REQ_PANEL_SHOW, .value = args[1].u != 0};
    panel_send(args, &msg);
    return VM_OK;
}

static vm_status two_numbers(cm_call *call, uint64_t a, uint64_t b,
                             cm_value *result)
{
    cm_value *fields = wasi_values(call, 2);
    if (!fields)
        return wasi_no_memory(call);
    fields[0].u = a;
    fields[1].u = b;
    put_list(result, fields, 2);
    return VM_OK;
}

static vm_status screen_size(cm_call *call, void *host, const cm_value *args,
                             cm_value *result)
{
    const struct gfx_shell *sh = shell_of(host);
    return two_numbers(call, (uint64_t)sh->width, (uint64_t)sh->height, result);
}

/* ---- events ------------------------------------------------------------ */

enum { /* the cases of the variant shell-event */
       CASE_WINDOWS,
       CASE_MENUS,
       CASE_SHORTCUT,
       CASE_MENU_SHORTCUT,
       CASE_SPACES,
       CASE_REVEAL,
       CASE_SCREEN,
};

static bool put_pair(cm_call *call, cm_value *event, cm_value a, cm_value b)
{
    cm_value *payload = wasi_values(call, 1), *fields = wasi_values(call, 2);
    if (!payload || !fields)
        return false;
    fields[0] = a;
    fields[1] = b;
    put_list(payload, fields, 2);
    event->variant.payload = payload;
    return true;
}

static bool put_number(cm_call *call, cm_value *event, uint64_t value)
{
    cm_value *payload = wasi_values(call, 1);
    if (!payload)
        return false;
    payload->u = value;
    event->variant.payload = payload;
    return true;
}

static bool put_event(cm_call *call, const struct gfx_msg *m, cm_value *event)
{
    switch (m->type) {
    case GFX_EV_MENUS_CHANGED: event->variant.index = CASE_MENUS; return true;
    case GFX_EV_SPACES: event->variant.index = CASE_SPACES; return true;
    case GFX_EV_SHORTCUT:
        event->variant.index = CASE_SHORTCUT;
        return put_pair(call, event, (cm_value){.u = m->shortcut.id},
                        (cm_value){.variant = {.index = m->shortcut.phase}});
    case GFX_EV_MENU_SHORTCUT:
        event->variant.index = CASE_MENU_SHORTCUT;
        return put_pair(call, event, (cm_value){.u = m->menu.window},
                        (cm_value){.u = m->menu.item});
    case GFX_EV_REVEAL:
        event->variant.index = CASE_REVEAL;
        return put_number(call, event, m->value);
    case GFX_EV_SCREEN:
        event->variant.index = CASE_SCREEN;
        return put_pair(call, event, (cm_value){.u = (uint64_t)m->size.width},
                        (cm_value){.u = (uint64_t)m->size.height});
    default: event->variant.index = CASE_WINDOWS; return true;
    }
}

static vm_status events(cm_call *call, void *host, const cm_value *args,
                        cm_value *result)
{
    struct gfx_msg msg;
    struct gfx_display *d = display_of(host);
    size_t n = 0;
    put_list(result, NULL, 0);
    shell_of(host); /* starts to watch, takes in what has arrived */
    if (!d || !gfx_display_has_events(d))
        return VM_OK;
    cm_value *items = wasi_values(call, EVENTS_AT_ONCE);
    if (!items)
        return wasi_no_memory(call);
    while (n < EVENTS_AT_ONCE && gfx_display_event(d, &msg))
        if (!put_event(call, &msg, &items[n++]))
            return wasi_no_memory(call);
    put_list(result, items, n);
    return VM_OK;
}

static void prepare(void *parent, wasi_wait *wait)
{
    struct gfx_display *d = ((struct vyoma_display *)parent)->gfx;
    gfx_display_waits(d);
    bool alive = gfx_display_dispatch(d);
    wait->ready = gfx_display_has_events(d);
    if (!wait->ready && alive) {
        wait->fd = gfx_display_fd(d);
        wait->events = POLLIN;
    }
}

static void never(void *parent, wasi_wait *wait)
{
}

static vm_status subscribe(cm_call *call, void *host, const cm_value *args,
                           cm_value *result)
{
    struct vyoma_display *d = vyoma_display_get(host);
    shell_of(host);
    return wasi_own(call, result, wasi_pollable_create(d, d ? prepare : never));
}

/* ---- windows ----------------------------------------------------------- */

static bool window_value(cm_call *call, const struct gfx_window_info *w,
                         cm_value *out)
{
    cm_value *f = wasi_values(call, 10);
    char *names = cm_alloc(call, sizeof w->app + sizeof w->title);
    if (!f || !names)
        return false;
    memcpy(names, w->app, sizeof w->app);
    memcpy(names + sizeof w->app, w->title, sizeof w->title);
    f[0].u = w->id;
    f[1] = wasi_string(names);
    f[2].u = w->instance;
    f[3] = wasi_string(names + sizeof w->app);
    f[4].flags = w->state;
    f[5].u = w->space;
    f[6].s = w->x;
    f[7].s = w->y;
    f[8].s = w->width;
    f[9].s = w->height;
    put_list(out, f, 10);
    return true;
}

static vm_status windows(cm_call *call, void *host, const cm_value *args,
                         cm_value *result)
{
    const struct gfx_shell *sh = shell_of(host);
    cm_value *items = wasi_values(call, (size_t)sh->nwindows);
    if (!items)
        return wasi_no_memory(call);
    for (int i = 0; i < sh->nwindows; i++)
        if (!window_value(call, &sh->windows[i], &items[i]))
            return wasi_no_memory(call);
    put_list(result, items, (size_t)sh->nwindows);
    return VM_OK;
}

static vm_status perform(cm_call *call, void *host, const cm_value *args,
                         cm_value *result)
{
    struct gfx_msg msg = {.type = GFX_REQ_PERFORM};
    msg.perform.window = (uint32_t)args[0].u;
    msg.perform.action = (uint32_t)args[1].variant.index;
    send(host, &msg, NULL, 0);
    return VM_OK;
}

static vm_status window_menus(cm_call *call, void *host, const cm_value *args,
                              cm_value *result)
{
    struct gfx_msg msg = {.type = GFX_REQ_MENUS_GET,
                          .value = (uint32_t)args[0].u};
    struct gfx_msg reply = {0};
    struct gfx_display *d = display_of(host);
    char *tail = cm_alloc(call, GFX_TAIL_MAX + 1);
    int fd = -1;
    if (!tail)
        return wasi_no_memory(call);
    if (!d || !gfx_display_call(d, &msg, NULL, 0, &reply, tail, &fd))
        reply.reply.length = 0;
    return ui_menus_value(call, tail, (size_t)reply.reply.length, result);
}

static vm_status choose_menu(cm_call *call, void *host, const cm_value *args,
                             cm_value *result)
{
    struct gfx_msg msg = {.type = GFX_REQ_CHOOSE};
    msg.menu.window = (uint32_t)args[0].u;
    msg.menu.item = (uint32_t)args[1].u;
    send(host, &msg, NULL, 0);
    return VM_OK;
}

static vm_status set_transform(cm_call *call, void *host, const cm_value *args,
                               cm_value *result)
{
    struct gfx_msg msg = {.type = GFX_REQ_TRANSFORM};
    msg.transform.window = (uint32_t)args[0].u;
    msg.transform.x = args[1].f32;
    msg.transform.y = args[2].f32;
    msg.transform.w = args[3].f32;
    msg.transform.h = args[4].f32;
    msg.transform.opacity = args[5].f32;
    msg.transform.milliseconds = (uint32_t)args[6].u;
    send(host, &msg, NULL, 0);
    return VM_OK;
}

static vm_status clear_transform(cm_call *call, void *host,
                                 const cm_value *args, cm_value *result)
{
    struct gfx_msg msg = {.type = GFX_REQ_TRANSFORM};
    msg.transform.window = (uint32_t)args[0].u;
    msg.transform.clear = 1;
    msg.transform.milliseconds = (uint32_t)args[1].u;
    send(host, &msg, NULL, 0);
    return VM_OK;
}

static vm_status set_dock_icon(cm_call *call, void *host, const cm_value *args,
                               cm_value *result)
{
    struct gfx_msg msg = {.type = GFX_REQ_DOCK_ICON};
    msg.rect.x = (int32_t)args[1].s;
    msg.rect.y = (int32_t)args[2].s;
    msg.rect.width = (int32_t)args[3].s;
    msg.rect.height = (int32_t)args[4].s;
    if (args[0].str.len < 32)
        send(host, &msg, args[0].str.data, args[0].str.len);
    return VM_OK;
}

/* ---- answers in shared memory ------------------------------------------ */

struct blob {
    void *map; /* NULL: none */
    size_t len;
    int width, height;
};

static struct blob ask_blob(wasi_ctx *ctx, const struct gfx_msg *msg)
{
    struct gfx_display *d = display_of(ctx);
    struct blob blob = {0};
    struct gfx_msg reply;
    int fd = -1;
    if (!d || !gfx_display_call(d, msg, NULL, 0, &reply, NULL, &fd) || fd < 0)
        return blob;
    void *map = MAP_FAILED;
    if (reply.reply.length > 0)
        map = mmap(NULL, (size_t)reply.reply.length, PROT_READ, MAP_SHARED, fd,
                   0);
    close(fd);
    if (map != MAP_FAILED)
        blob = (struct blob){map, (size_t)reply.reply.length, reply.reply.width,
                             reply.reply.height};
    return blob;
}

static vm_status draw_icon(cm_call *call, void *host, const cm_value *args,
                           cm_value *result)
{
    struct ui_canvas *target = args[0].rep;
    gfx_icon_draw(target->canvas, args[1].str.data, args[1].str.len,
                  (uint32_t)args[2].u, (uint32_t)args[3].u, args[4].f32,
                  args[5].f32, args[6].f32);
    return VM_OK;
}

/* Centred in the rectangle; the compositor kept the aspect. */
static vm_status draw_thumbnail(cm_call *call, void *host, const cm_value *args,
                                cm_value *result)
{
    struct ui_canvas *target = args[1].rep;
    struct gfx_msg msg = {.type = GFX_REQ_THUMBNAIL};
    int w = (int)args[4].s, h = (int)args[5].s;
    if (w < 1 || h < 1 || w > GFX_SIDE_MAX || h > GFX_SIDE_MAX)
        return VM_OK;
    msg.thumbnail.window = (uint32_t)args[0].u;
    msg.thumbnail.width = w;
    msg.thumbnail.height = h;
    struct blob b = ask_blob(host, &msg);
    if (!b.map)
        return VM_OK;
    struct gfx_image image = {b.map, b.width, b.height, b.width};
    float bw = (float)b.width, bh = (float)b.height;
    int64_t left = args[2].s + (w - b.width) / 2;
    int64_t top = args[3].s + (h - b.height) / 2;
    gfx_canvas_image_draw(
        target->canvas, &image, (struct gfx_rectf){0, 0, bw, bh},
        (struct gfx_rectf){(float)left, (float)top, bw, bh}, 1);
    munmap(b.map, b.len);
    return VM_OK;
}

static vm_status dump_state(cm_call *call, void *host, const cm_value *args,
                            cm_value *result)
{
    struct gfx_msg msg = {.type = GFX_REQ_DUMP};
    struct blob b = ask_blob(host, &msg);
    char *text = cm_alloc(call, b.len + 1);
    if (text && b.map)
        memcpy(text, b.map, b.len);
    if (b.map)
        munmap(b.map, b.len);
    if (!text)
        return wasi_no_memory(call);
    result->str.data = text;
    result->str.len = b.len;
    return VM_OK;
}

/* ---- shortcuts and spaces ---------------------------------------------- */

static bool ask_shortcut(wasi_ctx *ctx, struct gfx_msg *msg)
{
    struct gfx_display *d = display_of(ctx);
    struct gfx_msg reply;
    int fd = -1;
    return d && gfx_display_call(d, msg, NULL, 0, &reply, NULL, &fd) &&
           reply.reply.value;
}

static vm_status register_shortcut(cm_call *call, void *host,
                                   const cm_value *args, cm_value *result)
{
    struct gfx_msg msg = {.type = GFX_REQ_SHORTCUT};
    msg.shortcut.id = (uint32_t)args[0].u;
    msg.shortcut.modifiers = args[1].flags;
    msg.shortcut.code = (uint32_t)args[2].u;
    msg.shortcut.phase = 1;
    result->u = ask_shortcut(host, &msg);
    return VM_OK;
}

static vm_status unregister_shortcut(cm_call *call, void *host,
                                     const cm_value *args, cm_value *result)
{
    struct gfx_msg msg = {.type = GFX_REQ_SHORTCUT};
    msg.shortcut.id = (uint32_t)args[0].u;
    ask_shortcut(host, &msg);
    return VM_OK;
}

static vm_status spaces(cm_call *call, void *host, const cm_value *args,
                        cm_value *result)
{
    const struct gfx_shell *sh = shell_of(host);
    return two_numbers(call, sh->spaces, sh->space, result);
}

static void send_spaces(wasi_ctx *ctx, uint32_t op, uint64_t space,
                        uint64_t window, uint64_t ms)
{
    struct gfx_msg msg = {.type = GFX_REQ_SPACES};
    msg.spaces.op = op;
    msg.spaces.space = (uint32_t)space;
    msg.spaces.window = (uint32_t)window;
    msg.spaces.milliseconds = (uint32_t)ms;
    send(ctx, &msg, NULL, 0);
}

static vm_status set_space_count(cm_call *call, void *host,
                                 const cm_value *args, cm_value *result)
{
    send_spaces(host, GFX_SPACES_COUNT, args[0].u, 0, 0);
    return VM_OK;
}

static vm_status switch_space(cm_call *call, void *host, const cm_value *args,
                              cm_value *result)
{
    send_spaces(host, GFX_SPACES_SWITCH, args[0].u, 0, args[1].u);
    return VM_OK;
}

static vm_status move_to_space(cm_call *call, void *host, const cm_value *args,
                               cm_value *result)
{
    send_spaces(host, GFX_SPACES_MOVE, args[1].u, args[0].u, 0);
    return VM_OK;
}

const cm_host_interface vyoma_iface_shell = {
    .name = "vyoma:desktop/shell",
    .funcs =
        (const cm_host_func[]){{"create-panel", create_panel},
                               {"move-panel", move_panel},
                               {"show-panel", show_panel},
                               {"screen-size", screen_size},
                               {"events", events},
                               {"subscribe", subscribe},
                               {"windows", windows},
                               {"perform", perform},
                               {"window-menus", window_menus},
                               {"choose-menu", choose_menu},
                               {"set-transform", set_transform},
                               {"clear-transform", clear_transform},
                               {"set-dock-icon", set_dock_icon},
                               {"draw-icon", draw_icon},
                               {"draw-thumbnail", draw_thumbnail},
                               {"register-shortcut", register_shortcut},
                               {"unregister-shortcut", unregister_shortcut},
                               {"spaces", spaces},
                               {"set-space-count", set_space_count},
                               {"switch-space", switch_space},
                               {"move-to-space", move_to_space},
                               {"dump-state", dump_state},
                               {0}},
};
