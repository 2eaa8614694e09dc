/*
 * requests.c - what apps ask for: one row per message, one short function
 * each.  Who may send what, and how long, is checked in wire.c already.
 */
#include "gfx/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void (*surface_fn)(struct surface *f, const struct gfx_msg *msg,
                           const char *tail, size_t len);
typedef void (*client_fn)(struct client *c, const struct gfx_msg *msg,
                          const char *tail, size_t len);

/* ---- about one surface ----------------------------------------------------
 */

static void on_destroy(struct surface *f, const struct gfx_msg *msg,
                       const char *tail, size_t len)
{
    surface_destroy(f);
}

static void on_present(struct surface *f, const struct gfx_msg *msg,
                       const char *tail, size_t len)
{
    surface_present(f, msg);
}

static void on_frame(struct surface *f, const struct gfx_msg *msg,
                     const char *tail, size_t len)
{
    f->frame_wanted = true;
    server_wake(f->client->server);
}

static void on_title(struct surface *f, const struct gfx_msg *msg,
                     const char *tail, size_t len)
{
    len = (size_t)gfx_min((int)len, GFX_TITLE_MAX - 1);
    memcpy(f->title, tail, len);
    f->title[len] = 0;
    f->decor_stale = true;
    damage_surface(f);
    shell_window_changed(f);
}

static void on_size(struct surface *f, const struct gfx_msg *msg,
                    const char *tail, size_t len)
{
    int w = gfx_max(1, gfx_min(msg->size.width, GFX_SIDE_MAX));
    int h = gfx_max(1, gfx_min(msg->size.height, GFX_SIDE_MAX));
    if (f->kind == GFX_PANEL) {
        damage_surface(f);
        f->width = w;
        f->height = h;
        surface_resize(f, w, h);
        panel_place(f);
        damage_surface(f);
    } else if (!f->fullscreen) {
        window_set_rect(f, gfx_rect_of(f->x, f->y, gfx_max(w, f->min_width),
                                       gfx_max(h, f->min_height)));
    }
}

static void on_cursor(struct surface *f, const struct gfx_msg *msg,
                      const char *tail, size_t len)
{
    f->cursor = msg->value < GFX_CURSORS ? msg->value : GFX_CURSOR_ARROW;
    seat_refocus(f->client->server);
}

static void on_menus(struct surface *f, const struct gfx_msg *msg,
                     const char *tail, size_t len)
{
    if (!menus_valid(tail, len)) {
        client_doom(f->client, "malformed menus");
        return;
    }
    char *copy = malloc(len + 1);
    if (!copy)
        return;
    memcpy(copy, tail, len);
    free(f->menus);
    f->menus = copy;
    f->menus_len = len;
    if (f->client->server->active == f)
        shell_menus_changed(f->client->server);
}

static void on_attention(struct surface *f, const struct gfx_msg *msg,
                         const char *tail, size_t len)
{
    if (f->client->server->active == f || f->attention)
        return;
    f->attention = true;
    shell_window_changed(f);
}

static void on_hide(struct surface *f, const struct gfx_msg *msg,
                    const char *tail, size_t len)
{
    if (f->kind == GFX_WINDOW)
        window_close(f);
}

static void on_panel_move(struct surface *f, const struct gfx_msg *msg,
                          const char *tail, size_t len)
{
    damage_surface(f);
    f->offset_x = msg->rect.x;
    f->offset_y = msg->rect.y;
    panel_place(f);
    damage_surface(f);
    seat_refocus(f->client->server);
}

static void on_panel_show(struct surface *f, const struct gfx_msg *msg,
                          const char *tail, size_t len)
{
    damage_surface(f);
    f->visible = msg->value != 0;
    damage_surface(f);
    focus_update(f->client->server);
    seat_refocus(f->client->server);
}

static const surface_fn about_surface[GFX_MSG_TYPES] = {
    [GFX_REQ_DESTROY] = on_destroy,
    [GFX_REQ_PRESENT] = on_present,
    [GFX_REQ_FRAME] = on_frame,
    [GFX_REQ_TITLE] = on_title,
    [GFX_REQ_SIZE] = on_size,
    [GFX_REQ_CURSOR] = on_cursor,
    [GFX_REQ_MENUS] = on_menus,
    [GFX_REQ_ATTENTION] = on_attention,
    [GFX_REQ_HIDE] = on_hide,
    [GFX_REQ_PANEL_MOVE] = on_panel_move,
    [GFX_REQ_PANEL_SHOW] = on_panel_show,
};

/* ---- about the app, or all of the desktop ---------------------------------
 */

static void on_create(struct client *c, const struct gfx_msg *msg,
                      const char *tail, size_t len)
{
    surface_create(c, msg, tail, len);
}

static void on_pong(struct client *c, const struct gfx_msg *msg,
                    const char *tail, size_t len)
{
    if (msg->value != c->ping_serial)
        return;
    c->ping_sent = 0;
    client_responds(c, true);
}

static void on_sync(struct client *c, const struct gfx_msg *msg,
                    const char *tail, size_t len)
{
    reply_value(c, 1);
}

static bool has_focus(const struct client *c)
{
    const struct surface *focus = c->server->seat.focus;
    return focus && focus->client == c;
}

static void on_clip_set(struct client *c, const struct gfx_msg *msg,
                        const char *tail, size_t len)
{
    if (!has_focus(c))
        return;
    memcpy(c->server->clipboard, tail, len);
    c->server->clipboard_len = len;
}

static void on_clip_get(struct client *c, const struct gfx_msg *msg,
                        const char *tail, size_t len)
{
    reply_blob(c, c->server->clipboard,
               has_focus(c) ? c->server->clipboard_len : 0);
}

static void on_watch(struct client *c, const struct gfx_msg *msg,
                     const char *tail, size_t len)
{
    shell_watch(c);
}

static void on_perform(struct client *c, const struct gfx_msg *msg,
                       const char *tail, size_t len)
{
    struct surface *f = surface_global(c->server, msg->perform.window);
    if (f && msg->perform.action < GFX_ACTIONS)
        window_perform(f, msg->perform.action);
}

static void on_choose(struct client *c, const struct gfx_msg *msg,
                      const char *tail, size_t len)
{
    struct surface *f = surface_global(c->server, msg->menu.window);
    struct gfx_msg event = {.type = GFX_EV_MENU, .value = msg->menu.item};
    if (f)
        client_event(f, &event, true);
}

static void on_transform(struct client *c, const struct gfx_msg *msg,
                         const char *tail, size_t len)
{
    struct surface *f = surface_global(c->server, msg->transform.window);
    unsigned ms = msg->transform.milliseconds;
    ms = ms < 10000 ? ms : 10000;
    const float v[] = {msg->transform.x, msg->transform.y, msg->transform.w,
                       msg->transform.h, msg->transform.opacity};
    for (size_t i = 0; i < sizeof v / sizeof *v; i++)
        if (!(v[i] > -1e5f && v[i] < 1e5f))
            return;
    if (!f || f->minimised || f->closed)
        return;
    f->mover = msg->transform.clear ? NULL : c;
    if (msg->transform.clear)
        anim_settle(f, ms);
    else
        anim_show(f, (struct gfx_rectf){v[0], v[1], v[2], v[3]}, v[4], ms,
                  ANIM_NOTHING);
}

static void on_dock_icon(struct client *c, const struct gfx_msg *msg,
                         const char *tail, size_t len)
{
    dock_icon_set(c->server, tail, msg);
}

static void on_shortcut(struct client *c, const struct gfx_msg *msg,
                        const char *tail, size_t len)
{
    client_ready(c);
    reply_value(c, shortcut_request(c, msg));
}

static void on_handled(struct client *c, const struct gfx_msg *msg,
                       const char *tail, size_t len)
{
    keys_handled(c, msg->value);
}

static void on_spaces(struct client *c, const struct gfx_msg *msg,
                      const char *tail, size_t len)
{
    spaces_request(c->server, msg);
}

static void on_menus_get(struct client *c, const struct gfx_msg *msg,
                         const char *tail, size_t len)
{
    struct surface *f = surface_global(c->server, msg->value);
    reply_blob(c, f ? f->menus : NULL, f ? f->menus_len : 0);
}

static void on_thumbnail(struct client *c, const struct gfx_msg *msg,
                         const char *tail, size_t len)
{
    shell_thumbnail(c, msg);
}

static void on_dump(struct client *c, const struct gfx_msg *msg,
                    const char *tail, size_t len)
{
    size_t n = 0;
    char *json = dump_state(c->server, &n);
    reply_memfd(c, json, n, 0, 0);
    free(json);
}

static const client_fn about_client[GFX_MSG_TYPES] = {
    [GFX_REQ_CREATE] = on_create,       [GFX_REQ_PONG] = on_pong,
    [GFX_REQ_SYNC] = on_sync,           [GFX_REQ_CLIP_SET] = on_clip_set,
    [GFX_REQ_CLIP_GET] = on_clip_get,   [GFX_REQ_WATCH] = on_watch,
    [GFX_REQ_PERFORM] = on_perform,     [GFX_REQ_CHOOSE] = on_choose,
    [GFX_REQ_TRANSFORM] = on_transform, [GFX_REQ_DOCK_ICON] = on_dock_icon,
    [GFX_REQ_SHORTCUT] = on_shortcut,   [GFX_REQ_SPACES] = on_spaces,
    [GFX_REQ_MENUS_GET] = on_menus_get, [GFX_REQ_THUMBNAIL] = on_thumbnail,
    [GFX_REQ_DUMP] = on_dump,           [GFX_REQ_HANDLED] = on_handled,
};

void request_handle(struct client *c, const struct gfx_msg *msg,
                    const char *tail, size_t len)
{
    if (c->stale || msg->type == GFX_REQ_RESUME) {
        c->stale &= msg->type != GFX_REQ_RESUME;
        return;
    }
    if (about_client[msg->type]) {
        about_client[msg->type](c, msg, tail, len);
        return;
    }
    struct surface *f = surface_find(c, msg->surface);
    if (!f)
        client_doom(c, "request for a surface it does not have");
    else if (about_surface[msg->type])
        about_surface[msg->type](f, msg, tail, len);
}
