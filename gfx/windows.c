/*
 * windows.c - where windows and panels are: stacking, focus, placement,
 * full screen, snapping, spaces, and the actions on them.
 */
#include "gfx/server.h"

#include <string.h>

#define OPEN_MS 160
#define SPACE_MS 320

bool surface_shown(const struct server *s, const struct surface *f)
{
    if (!f->mapped)
        return false;
    if (f->kind == GFX_PANEL)
        return f->visible && (f->layer != GFX_LAYER_TOP || s->reveal ||
                              !fullscreen_window(s));
    float away = (float)f->space - s->space_at;
    return !f->hidden && !f->closed && away > -1 && away < 1 &&
           (f->anim.shown || !f->minimised);
}

/* ---- stacking -------------------------------------------------------------
 */

static int level(const struct surface *f)
{
    static const int of_layer[] = {0, 2, 3};
    return f->kind == GFX_WINDOW ? 1 : of_layer[f->layer];
}

/* On the same level the newest is uppermost, unless it comes back to where it
 * was among others that come back. */
static bool belongs_above(const struct surface *other, const struct surface *f)
{
    if (level(other) != level(f))
        return level(other) > level(f);
    return f->order && (!other->order || other->order > f->order);
}

void stack_insert(struct surface *f)
{
    struct server *s = f->client->server;
    int at = s->nstack;
    while (at > 0 && belongs_above(s->stack[at - 1], f))
        at--;
    memmove(&s->stack[at + 1], &s->stack[at],
            (size_t)(s->nstack - at) * sizeof *s->stack);
    s->stack[at] = f;
    s->nstack++;
}

void stack_remove(struct surface *f)
{
    struct server *s = f->client->server;
    for (int i = 0; i < s->nstack; i++)
        if (s->stack[i] == f) {
            memmove(&s->stack[i], &s->stack[i + 1],
                    (size_t)(s->nstack - i - 1) * sizeof *s->stack);
            s->nstack--;
            return;
        }
}

void window_raise(struct surface *f)
{
    f->order = 0;
    stack_remove(f);
    stack_insert(f);
    f->client->server->session_stale = true;
    damage_surface(f);
}

void window_close(struct surface *f)
{
    struct server *s = f->client->server;
    if (f->closed || !f->mapped)
        return;
    damage_surface(f);
    f->closed = true;
    f->anim.shown = f->anim.running = false;
    f->attention = false;
    shell_window_changed(f);
    if (s->active == f)
        focus_choose(s);
    fullscreen_check(s);
    seat_refocus(s);
}

/* The uppermost window on the screen. */
static struct surface *top_window(const struct server *s)
{
    for (int i = s->nstack - 1; i >= 0; i--) {
        struct surface *f = s->stack[i];
        if (f->kind == GFX_WINDOW && f->mapped && !f->hidden && !f->closed &&
            !f->minimised && f->space == s->space)
            return f;
    }
    return NULL;
}

struct surface *fullscreen_window(const struct server *s)
{
    struct surface *f = top_window(s);
    return f && f->fullscreen ? f : NULL;
}

/* ---- focus ----------------------------------------------------------------
 */

static void tell_focus(struct surface *f, bool has)
{
    struct gfx_msg msg = {.type = GFX_EV_FOCUS, .value = has};
    if (f)
        client_event(f, &msg, false);
}

void focus_update(struct server *s)
{
    struct surface *target = s->active;
    for (int i = 0; i < s->nstack; i++) {
        struct surface *f = s->stack[i];
        if (f->kind == GFX_PANEL && f->flags & GFX_PANEL_KEYBOARD &&
            f->mapped && f->visible)
            target = f; /* the uppermost wins */
    }
    if (target == s->seat.focus)
        return;
    tell_focus(s->seat.focus, false);
    keys_refocus(s);
    s->seat.focus = target;
    tell_focus(target, true);
}

void look_changed(struct surface *f)
{
    f->decor_stale = f->snapshot_stale = true;
    damage_surface(f);
    shell_window_changed(f);
}

void focus_set(struct server *s, struct surface *f)
{
    struct surface *before = s->active;
    if (f) {
        f->recency = ++s->next_recency;
        f->attention = false;
    }
    s->active = f;
    if (before == f) {
        if (f)
            shell_window_changed(f);
        return;
    }
    if (before)
        look_changed(before);
    if (f)
        look_changed(f);
    fullscreen_check(s);
    focus_update(s);
    shell_menus_changed(s);
}

void focus_choose(struct server *s)
{
    focus_set(s, top_window(s));
}

void window_activate(struct surface *f)
{
    struct server *s = f->client->server;
    if (f->hidden)
        window_perform(f, GFX_ACT_SHOW_APP);
    if (f->closed) {
        f->closed = false;
        anim_open(f);
    }
    if (f->minimised)
        anim_restore(f);
    if (f->space != s->space) {
        struct gfx_msg msg = {.type = GFX_REQ_SPACES};
        msg.spaces.op = GFX_SPACES_SWITCH;
        msg.spaces.space = f->space;
        msg.spaces.milliseconds = SPACE_MS;
        spaces_request(s, &msg);
    }
    window_raise(f);
    focus_set(s, f);
    client_ping(f->client);
}

/* Before the one that had the focus is back, another has to do. */
void window_returned(struct surface *f)
{
    struct server *s = f->client->server;
    uint32_t recency = f->recency;
    if (f->was_focused || (!s->active && top_window(s) == f))
        focus_set(s, f);
    f->recency = recency;
    f->was_focused = false;
    shell_window_changed(f);
    fullscreen_check(s);
}

/* ---- places ---------------------------------------------------------------
 */

struct gfx_rect usable_area(const struct server *s)
{
    struct gfx_rect area = gfx_rect_of(0, 0, s->width, s->height);
    for (int i = 0; i < s->nstack; i++) {
        const struct surface *f = s->stack[i];
        if (f->kind != GFX_PANEL || !f->mapped || !f->exclusive)
            continue;
        if (f->anchor == GFX_ANCHOR_BOTTOM)
            area.y1 = gfx_min(area.y1, s->height - (int)f->exclusive);
        else
            area.y0 = gfx_max(area.y0, (int)f->exclusive);
    }
    return area;
}

/* New windows step down and right from the middle. */
void window_place_new(struct surface *f)
{
    struct server *s = f->client->server;
    struct gfx_rect area = usable_area(s);
    int above = framed(f) ? TITLE_HEIGHT : 0, n = 0;
    if (area.y0 == 0)
        area.y0 = TITLE_HEIGHT; /* the menu bar may come later */
    for (int i = 0; i < s->nstack; i++)
        n += s->stack[i]->kind == GFX_WINDOW &&
             s->stack[i]->space == s->space && !s->stack[i]->minimised &&
             !s->stack[i]->closed;
    int step = n % 7, room_x = area.x1 - area.x0 - f->width,
        room_y = area.y1 - area.y0 - f->height - above;
    f->x = area.x0 + room_x / 2 + (step * 3 % 7 - 3) * gfx_max(room_x, 0) / 8;
    f->y = area.y0 + above + room_y / 3 + (step - 2) * gfx_max(room_y, 0) / 14;
    f->x = gfx_max(area.x0, gfx_min(f->x, area.x1 - f->width));
    f->y = gfx_max(area.y0 + above, gfx_min(f->y, area.y1 - f->height));
}

void panel_place(struct surface *f)
{
    const struct server *s = f->client->server;
    int room_x = s->width - f->width, room_y = s->height - f->height;
    static const struct {
        int x, y; /* halves of the room */
        int sign; /* of offset y */
    } places[] = {
        [GFX_ANCHOR_TOP_LEFT] = {0, 0, 1},  [GFX_ANCHOR_TOP] = {1, 0, 1},
        [GFX_ANCHOR_TOP_RIGHT] = {2, 0, 1}, [GFX_ANCHOR_BOTTOM] = {1, 2, -1},
        [GFX_ANCHOR_CENTER] = {1, 1, 1},    [GFX_ANCHOR_FILL] = {0, 0, 1},
    };
    int dx = gfx_max(-GFX_SIDE_MAX, gfx_min(f->offset_x, GFX_SIDE_MAX));
    int dy = gfx_max(-GFX_SIDE_MAX, gfx_min(f->offset_y, GFX_SIDE_MAX));
    f->x = room_x * places[f->anchor].x / 2 + dx;
    f->y = room_y * places[f->anchor].y / 2 + dy * places[f->anchor].sign;
    f->backdrop_stale = true;
}

/* An exclusive panel came: windows give way. */
void panels_place(struct server *s)
{
    struct gfx_rect area = usable_area(s);
    for (int i = 0; i < s->nstack; i++) {
        struct surface *f = s->stack[i];
        int above = framed(f) ? TITLE_HEIGHT : 0;
        if (f->kind == GFX_WINDOW && !f->fullscreen && f->y - above < area.y0)
            window_move(f, f->x, area.y0 + above);
    }
}

static void moved(struct surface *f)
{
    f->snapshot_stale = true;
    damage_surface(f);
    shell_window_changed(f);
    seat_refocus(f->client->server);
}

void window_move(struct surface *f, int x, int y)
{
    damage_surface(f);
    f->x = x;
    f->y = y;
    moved(f);
}

void window_set_rect(struct surface *f, struct gfx_rect content)
{
    damage_surface(f);
    f->decor_stale |= f->width != content.x1 - content.x0;
    f->x = content.x0;
    f->y = content.y0;
    f->width = content.x1 - content.x0;
    f->height = content.y1 - content.y0;
    surface_resize(f, f->width, f->height);
    moved(f);
}

/* ---- full screen, snapping ------------------------------------------------
 */

static struct gfx_rect content_rect(const struct surface *f)
{
    return gfx_rect_of(f->x, f->y, f->width, f->height);
}

void fullscreen_check(struct server *s)
{
    const struct surface *now = fullscreen_window(s);
    if (now != s->fullscreen_last)
        damage_all(s);
    s->fullscreen_last = now;
}

static void toggle_fullscreen(struct surface *f)
{
    struct server *s = f->client->server;
    if (f->flags & GFX_WINDOW_FIXED)
        return;
    damage_surface(f);
    if (!f->fullscreen) {
        if (!f->snapped)
            f->restore = content_rect(f);
        f->fullscreen = true;
        window_set_rect(f, gfx_rect_of(0, 0, s->width, s->height));
    } else {
        f->fullscreen = f->snapped = false;
        window_set_rect(f, f->restore);
    }
    s->reveal = false;
    f->decor_stale = true;
    damage_all(s);
}

void window_snap(struct surface *f, struct gfx_rect frame)
{
    if (f->flags & GFX_WINDOW_FIXED)
        return;
    if (!f->snapped)
        f->restore = content_rect(f);
    f->snapped = true;
    if (framed(f))
        frame.y0 += TITLE_HEIGHT;
    window_set_rect(f, frame);
}

void window_zoom(struct surface *f)
{
    if (f->snapped) {
        f->snapped = false;
        window_set_rect(f, f->restore);
    } else {
        window_snap(f, usable_area(f->client->server));
    }
}

/* ---- actions --------------------------------------------------------------
 */

/* Calls for every window of the app. */
static void each_window(struct client *c, void (*call)(struct surface *))
{
    for (int i = 0; i < SURFACES_PER_CLIENT; i++)
        if (c->surfaces[i] && c->surfaces[i]->kind == GFX_WINDOW)
            call(c->surfaces[i]);
}

static void hide(struct surface *f)
{
    damage_surface(f);
    f->hidden = true;
    shell_window_changed(f);
}

static void unhide(struct surface *f)
{
    f->hidden = false;
    damage_surface(f);
    shell_window_changed(f);
}

static void ask_quit(struct surface *f)
{
    struct gfx_msg msg = {.type = GFX_EV_QUIT};
    client_event(f, &msg, false);
}

static void act_minimise(struct surface *f)
{
    if (!f->minimised)
        anim_minimise(f);
}

static void act_close(struct surface *f)
{
    struct gfx_msg msg = {.type = GFX_EV_CLOSE};
    client_event(f, &msg, false);
    client_ping(f->client);
}

static void act_hide(struct surface *f)
{
    each_window(f->client, hide);
    focus_choose(f->client->server);
}

static void act_show(struct surface *f)
{
    each_window(f->client, unhide);
}

static void act_quit(struct surface *f)
{
    each_window(f->client, ask_quit);
    client_ping(f->client);
}

static void act_kill(struct surface *f)
{
    control_tell(f->client->server, GFX_CONTROL_KILL, f->client->who.instance,
                 0);
}

void window_perform(struct surface *f, enum gfx_action action)
{
    static void (*const actions[GFX_ACTIONS])(struct surface *) = {
        [GFX_ACT_ACTIVATE] = window_activate,
        [GFX_ACT_MINIMISE] = act_minimise,
        [GFX_ACT_RESTORE] = window_activate,
        [GFX_ACT_CLOSE] = act_close,
        [GFX_ACT_FULLSCREEN] = toggle_fullscreen,
        [GFX_ACT_HIDE_APP] = act_hide,
        [GFX_ACT_SHOW_APP] = act_show,
        [GFX_ACT_QUIT_APP] = act_quit,
        [GFX_ACT_KILL_APP] = act_kill,
    };
    struct server *s = f->client->server;
    actions[action](f);
    fullscreen_check(s);
    seat_refocus(s);
}

/* ---- spaces ---------------------------------------------------------------
 */

static void set_count(struct server *s, uint32_t count)
{
    s->nspaces = count < 1 ? 1 : count > SPACES_MAX ? SPACES_MAX : count;
    for (int i = 0; i < s->nstack; i++)
        if (s->stack[i]->space >= s->nspaces) {
            s->stack[i]->space = s->nspaces - 1;
            shell_window_changed(s->stack[i]);
        }
    if (s->space >= s->nspaces) {
        s->space = s->nspaces - 1;
        s->space_at = (float)s->space;
    }
    damage_all(s);
}

static void switch_to(struct server *s, uint32_t space, uint32_t ms)
{
    if (space >= s->nspaces || space == s->space)
        return;
    s->space = space;
    s->space_from = s->space_at;
    s->space_start = gfx_now();
    s->space_duration = (uint64_t)(ms < 5000 ? ms : 5000) * 1000000;
    if (!s->space_duration)
        s->space_at = (float)space;
    damage_all(s);
    server_wake(s);
    focus_choose(s);
}

static void move_to(struct server *s, uint32_t window, uint32_t space)
{
    struct surface *f = surface_global(s, window);
    if (!f || space >= s->nspaces)
        return;
    damage_surface(f);
    f->space = space;
    damage_surface(f);
    shell_window_changed(f);
    if (s->active == f && space != s->space)
        focus_choose(s);
}

void spaces_request(struct server *s, const struct gfx_msg *msg)
{
    switch (msg->spaces.op) {
    case GFX_SPACES_COUNT: set_count(s, msg->spaces.space); break;
    case GFX_SPACES_SWITCH:
        switch_to(s, msg->spaces.space, msg->spaces.milliseconds);
        break;
    case GFX_SPACES_MOVE:
        move_to(s, msg->spaces.window, msg->spaces.space);
        break;
    default: break;
    }
    shell_spaces_changed(s);
    seat_refocus(s);
}

void dock_icon_set(struct server *s, const char *app, const struct gfx_msg *msg)
{
    const int max = sizeof s->dock_icons / sizeof *s->dock_icons;
    int i = 0;
    while (i < s->ndock_icons &&
           strncmp(s->dock_icons[i].app, app, sizeof s->dock_icons[i].app))
        i++;
    if (i == max)
        return;
    if (i == s->ndock_icons)
        s->ndock_icons++;
    strncpy(s->dock_icons[i].app, app, sizeof s->dock_icons[i].app - 1);
    s->dock_icons[i].rect =
        gfx_rect_of(msg->rect.x % 65536, msg->rect.y % 65536,
                    msg->rect.width & 0xffff, msg->rect.height & 0xffff);
}
