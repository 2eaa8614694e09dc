/*
 * seat.c - the pointer: what is under it, what a press begins, and where its
 * events go.  Motion is sent once per turn of the main loop, not per report.
 */
#include "gfx/server.h"

#include <linux/input-event-codes.h>
#include <stdlib.h>

#define DOUBLE_CLICK_NS 400000000ull
#define DRAG_START 4    /* pixels before a title press becomes a drag */
#define SNAP_EDGE 3     /* pixels from the screen's edge */
#define SNAP_CORNER 110 /* from a corner along it */
#define REVEAL_LEAVE 56

/* ---- what is under the pointer --------------------------------------------
 */

static bool panel_ink(const struct surface *f, int x, int y)
{
    int u = x - f->x, v = y - f->y;
    if (u < 0 || v < 0 || u >= f->front.width || v >= f->front.height ||
        u >= f->width || v >= f->height)
        return false;
    return pool_pixels(&f->front)[(size_t)v * f->front.stride + u] >> 24 != 0;
}

static struct surface *modal_panel(const struct server *s)
{
    for (int i = s->nstack - 1; i >= 0; i--) {
        struct surface *f = s->stack[i];
        if (f->kind == GFX_PANEL && f->flags & GFX_PANEL_MODAL &&
            surface_shown(s, f))
            return f;
    }
    return NULL;
}

/* Windows on their way somewhere let the pointer through. */
static bool takes_pointer(const struct server *s, const struct surface *f)
{
    if (!surface_shown(s, f))
        return false;
    return f->kind == GFX_PANEL ||
           (s->space_at == (float)f->space &&
            !(f->anim.shown && f->anim.end != ANIM_SETTLE));
}

/*
 * The surface at a point, and the part of it.  Under a modal panel only its
 * own app's panels count; elsewhere the modal panel itself is found, with
 * zone NONE.
 */
static struct surface *hit(struct server *s, int x, int y, enum zone *zone)
{
    struct surface *modal = modal_panel(s);
    for (int i = s->nstack - 1; i >= 0; i--) {
        struct surface *f = s->stack[i];
        if (!takes_pointer(s, f))
            continue;
        if (modal && (f->client != modal->client || f->kind != GFX_PANEL))
            continue;
        *zone = f->kind == GFX_PANEL
                    ? (panel_ink(f, x, y) ? ZONE_CONTENT : ZONE_NONE)
                    : frame_zone(f, x, y);
        if (*zone)
            return f;
    }
    *zone = ZONE_NONE;
    return modal;
}

/* ---- events ---------------------------------------------------------------
 */

static void send_pointer(struct server *s, struct surface *f,
                         enum gfx_pointer_kind kind, uint32_t button,
                         uint32_t clicks)
{
    struct gfx_msg msg = {.type = GFX_EV_POINTER};
    if (!f)
        return;
    msg.pointer.kind = kind;
    msg.pointer.button = button;
    msg.pointer.clicks = clicks;
    msg.pointer.modifiers = s->seat.modifiers;
    msg.pointer.x = (float)(s->seat.x - f->x);
    msg.pointer.y = (float)(s->seat.y - f->y);
    client_event(f, &msg, true);
}

void seat_flush(struct server *s)
{
    struct seat *t = &s->seat;
    if (!t->motion_pending)
        return;
    t->motion_pending = false;
    if (t->grab == GRAB_CONTENT)
        send_pointer(s, t->grabbed, GFX_POINTER_MOTION, 0, 0);
    else if (t->grab == GRAB_NONE && t->over &&
             (t->zone == ZONE_CONTENT || t->over == modal_panel(s)))
        send_pointer(s, t->over, GFX_POINTER_MOTION, 0, 0);
}

static void show_cursor(struct server *s, uint32_t cursor)
{
    if (s->seat.cursor == cursor)
        return;
    damage_rect(s, cursor_rect(s));
    s->seat.cursor = cursor;
    damage_rect(s, cursor_rect(s));
    if (s->hardware_cursor) {
        int hx, hy;
        cursor_hot(cursor, &hx, &hy);
        s->backend->ops->set_cursor(s->backend, &s->cursors[cursor], hx, hy);
    }
}

/* The title bar's button group shows its signs while the pointer is on it. */
static void update_hot(struct surface *f, enum zone zone, int x, int y)
{
    if (!f || f->kind != GFX_WINDOW)
        return;
    int hot = -2;
    if (zone >= ZONE_BUTTON0)
        hot = (int)zone - ZONE_BUTTON0;
    else if (zone == ZONE_TITLE && x < f->x + 70 &&
             y > f->y - TITLE_HEIGHT + 4 && y < f->y - 4)
        hot = -1;
    frame_set_hot(f, hot);
}

static void set_over(struct server *s, struct surface *f, enum zone zone)
{
    struct seat *t = &s->seat;
    bool was_in = t->over && t->zone == ZONE_CONTENT;
    bool is_in = f && zone == ZONE_CONTENT;
    if (t->over && t->over != f)
        update_hot(t->over, ZONE_NONE, 0, 0);
    if (was_in && (!is_in || t->over != f))
        send_pointer(s, t->over, GFX_POINTER_LEAVE, 0, 0);
    bool entered = is_in && (!was_in || t->over != f);
    t->over = f;
    t->zone = zone;
    if (entered)
        send_pointer(s, f, GFX_POINTER_ENTER, 0, 0);
    update_hot(f, zone, t->x, t->y);
    show_cursor(s, zone_cursor(f, zone));
}

void seat_refocus(struct server *s)
{
    enum zone zone;
    if (s->seat.grab != GRAB_NONE) {
        if (s->seat.grab == GRAB_CONTENT && s->seat.grabbed)
            show_cursor(s, s->seat.grabbed->cursor);
        return;
    }
    struct surface *f = hit(s, s->seat.x, s->seat.y, &zone);
    set_over(s, f, zone);
}

void seat_forget(struct surface *f)
{
    struct seat *t = &f->client->server->seat;
    if (t->over == f)
        t->over = NULL;
    if (t->focus == f)
        t->focus = NULL;
    if (t->grabbed == f) {
        t->grabbed = NULL;
        t->grab = t->buttons ? GRAB_SWALLOW : GRAB_NONE;
        t->snap = (struct gfx_rect){0};
    }
    seat_refocus(f->client->server);
}

/* ---- moving and resizing windows ------------------------------------------
 */

/* The area a window dropped with the pointer here would take; or none. */
static struct gfx_rect snap_area(const struct server *s)
{
    struct gfx_rect a = usable_area(s);
    int x = s->seat.x, y = s->seat.y;
    bool left = x < SNAP_EDGE, right = x >= s->width - SNAP_EDGE;
    int mid_x = (a.x0 + a.x1) / 2, mid_y = (a.y0 + a.y1) / 2;
    if (!left && !right)
        return y < SNAP_EDGE ? a : (struct gfx_rect){0};
    if (left)
        a.x1 = mid_x;
    else
        a.x0 = mid_x;
    if (y < a.y0 + SNAP_CORNER)
        a.y1 = mid_y;
    else if (y > a.y1 - SNAP_CORNER)
        a.y0 = mid_y;
    return a;
}

static void show_snap(struct server *s, struct gfx_rect area)
{
    damage_rect(s, s->seat.snap);
    s->seat.snap = area;
    damage_rect(s, area);
}

/* Dragging a snapped window away gives it its size back, under the pointer. */
static void unsnap(struct server *s, struct surface *f)
{
    struct seat *t = &s->seat;
    int w = f->restore.x1 - f->restore.x0, h = f->restore.y1 - f->restore.y0;
    int along = (t->x - f->x) * w / gfx_max(f->width, 1);
    f->snapped = false;
    window_set_rect(f, gfx_rect_of(t->x - along, f->y, w, h));
    t->grab_x = t->x;
    t->grab_y = t->y;
    t->grab_rect = gfx_rect_of(f->x, f->y, f->width, f->height);
}

static void drag_move(struct server *s, struct surface *f)
{
    struct seat *t = &s->seat;
    int dx = t->x - t->grab_x, dy = t->y - t->grab_y;
    if (!t->dragging && abs(dx) < DRAG_START && abs(dy) < DRAG_START)
        return;
    t->dragging = true;
    if (f->snapped) {
        unsnap(s, f);
        dx = dy = 0;
    }
    struct gfx_rect area = usable_area(s);
    int x = t->grab_rect.x0 + dx, y = t->grab_rect.y0 + dy;
    x = gfx_max(60 - f->width, gfx_min(x, s->width - 60));
    y = gfx_max(area.y0 + TITLE_HEIGHT, gfx_min(y, s->height - 8));
    window_move(f, x, y);
    if (!(f->flags & GFX_WINDOW_FIXED))
        show_snap(s, snap_area(s));
}

static void drag_resize(struct server *s, struct surface *f)
{
    struct seat *t = &s->seat;
    struct gfx_rect r = t->grab_rect;
    int dx = t->x - t->grab_x, dy = t->y - t->grab_y;
    int least_y = usable_area(s).y0 + TITLE_HEIGHT;
    if (t->grab_zone & ZONE_LEFT)
        r.x0 = gfx_min(r.x0 + dx, r.x1 - f->min_width);
    if (t->grab_zone & ZONE_RIGHT)
        r.x1 = gfx_max(r.x1 + dx, r.x0 + f->min_width);
    if (t->grab_zone & ZONE_TOP)
        r.y0 = gfx_max(least_y, gfx_min(r.y0 + dy, r.y1 - f->min_height));
    if (t->grab_zone & ZONE_BOTTOM)
        r.y1 = gfx_max(r.y1 + dy, r.y0 + f->min_height);
    f->snapped = false;
    window_set_rect(f, r);
}

static void drag(struct server *s)
{
    struct surface *f = s->seat.grabbed;
    switch (s->seat.grab) {
    case GRAB_MOVE: drag_move(s, f); break;
    case GRAB_RESIZE: drag_resize(s, f); break;
    case GRAB_CONTENT: s->seat.motion_pending = true; break;
    case GRAB_BUTTON:
        update_hot(f, frame_zone(f, s->seat.x, s->seat.y), s->seat.x,
                   s->seat.y);
        break;
    default: break;
    }
}

/* Full screen: the top layer comes back at the upper edge. */
static void check_reveal(struct server *s)
{
    bool reveal = s->reveal;
    if (!fullscreen_window(s))
        reveal = false;
    else if (s->seat.y == 0)
        reveal = true;
    else if (s->seat.y > REVEAL_LEAVE && !modal_panel(s))
        reveal = false;
    if (reveal == s->reveal)
        return;
    struct gfx_msg msg = {.type = GFX_EV_REVEAL, .value = reveal};
    s->reveal = reveal;
    damage_all(s);
    shell_broadcast(s, &msg);
}

void seat_pointer(struct server *s, int x, int y)
{
    struct seat *t = &s->seat;
    x = gfx_max(0, gfx_min(x, s->width - 1));
    y = gfx_max(0, gfx_min(y, s->height - 1));
    if (x == t->x && y == t->y)
        return;
    if (s->hardware_cursor) {
        int hx, hy;
        cursor_hot(t->cursor, &hx, &hy);
        s->backend->ops->move_cursor(s->backend, x - hx, y - hy);
    } else {
        damage_rect(s, cursor_rect(s));
    }
    t->x = x;
    t->y = y;
    if (!s->hardware_cursor)
        damage_rect(s, cursor_rect(s));
    check_reveal(s);
    if (t->grab != GRAB_NONE) {
        drag(s);
        return;
    }
    seat_refocus(s);
    t->motion_pending = true;
}

/* ---- buttons --------------------------------------------------------------
 */

static uint32_t count_click(struct seat *t, uint32_t button)
{
    uint64_t now = gfx_now();
    bool again = t->click_button == button &&
                 now - t->click_time < DOUBLE_CLICK_NS &&
                 abs(t->x - t->click_x) < 6 && abs(t->y - t->click_y) < 6;
    t->clicks = again ? t->clicks + 1 : 1;
    t->click_button = button;
    t->click_time = now;
    t->click_x = t->x;
    t->click_y = t->y;
    return t->clicks < 255 ? t->clicks : 255;
}

static void begin_grab(struct server *s, enum grab_kind kind, struct surface *f)
{
    struct seat *t = &s->seat;
    t->grab = kind;
    t->grabbed = f;
    t->grab_zone = t->zone;
    t->grab_x = t->x;
    t->grab_y = t->y;
    t->dragging = false;
    if (f)
        t->grab_rect = gfx_rect_of(f->x, f->y, f->width, f->height);
}

static void press_window(struct server *s, struct surface *f, uint32_t button,
                         uint32_t clicks)
{
    enum zone zone = s->seat.zone;
    client_ping(f->client);
    window_raise(f);
    focus_set(s, f);
    if (zone == ZONE_CONTENT) {
        begin_grab(s, GRAB_CONTENT, f);
        send_pointer(s, f, GFX_POINTER_PRESS, button, clicks);
    } else if (button != GFX_LEFT) {
        begin_grab(s, GRAB_SWALLOW, NULL);
    } else if (zone >= ZONE_BUTTON0) {
        begin_grab(s, GRAB_BUTTON, f);
    } else if (zone == ZONE_TITLE) {
        begin_grab(s, GRAB_MOVE, f);
        if (clicks == 2)
            window_zoom(f);
        s->seat.grab_rect = gfx_rect_of(f->x, f->y, f->width, f->height);
    } else {
        begin_grab(s, GRAB_RESIZE, f);
    }
}

static void press(struct server *s, uint32_t button)
{
    struct seat *t = &s->seat;
    uint32_t clicks = count_click(t, button);
    seat_refocus(s);
    struct surface *f = t->over;
    if (f && t->zone == ZONE_NONE) { /* outside a modal panel */
        struct gfx_msg msg = {.type = GFX_EV_OUTSIDE};
        begin_grab(s, GRAB_SWALLOW, NULL);
        client_event(f, &msg, true);
    } else if (!f) {
        begin_grab(s, GRAB_SWALLOW, NULL);
    } else if (f->kind == GFX_PANEL) {
        begin_grab(s, GRAB_CONTENT, f);
        client_ping(f->client);
        send_pointer(s, f, GFX_POINTER_PRESS, button, clicks);
    } else {
        press_window(s, f, button, clicks);
    }
}

static void release_button(struct surface *f, enum zone began, int x, int y)
{
    static const enum gfx_action actions[3] = {GFX_ACT_CLOSE, GFX_ACT_MINIMISE,
                                               GFX_ACT_FULLSCREEN};
    if (frame_zone(f, x, y) == began)
        window_perform(f, actions[began - ZONE_BUTTON0]);
}

static void end_grab(struct server *s)
{
    struct seat *t = &s->seat;
    struct surface *f = t->grabbed;
    enum grab_kind kind = t->grab;
    t->grab = GRAB_NONE;
    t->grabbed = NULL;
    if (kind == GRAB_BUTTON)
        release_button(f, t->grab_zone, t->x, t->y);
    if (kind == GRAB_MOVE && !gfx_rect_empty(t->snap)) {
        f->restore = f->snapped ? f->restore : t->grab_rect;
        window_snap(f, t->snap);
        f->restore = t->grab_rect;
    }
    show_snap(s, (struct gfx_rect){0});
    seat_refocus(s);
}

void seat_button(struct server *s, uint32_t code, bool down)
{
    struct seat *t = &s->seat;
    uint32_t button = code == BTN_LEFT     ? GFX_LEFT
                      : code == BTN_RIGHT  ? GFX_RIGHT
                      : code == BTN_MIDDLE ? GFX_MIDDLE
                                           : GFX_BUTTON_NONE;
    uint32_t bit = 1u << button;
    if (!button || !(t->buttons & bit) == !down)
        return;
    seat_flush(s);
    t->buttons ^= bit;
    if (down && t->grab == GRAB_NONE) {
        press(s, button);
        return;
    }
    if (t->grab == GRAB_CONTENT)
        send_pointer(s, t->grabbed,
                     down ? GFX_POINTER_PRESS : GFX_POINTER_RELEASE, button, 0);
    if (!t->buttons)
        end_grab(s);
}

void seat_scroll(struct server *s, float dx, float dy)
{
    struct seat *t = &s->seat;
    struct gfx_msg msg = {.type = GFX_EV_SCROLL};
    if (!t->over || t->zone != ZONE_CONTENT)
        return;
    msg.scroll.x = (float)(t->x - t->over->x);
    msg.scroll.y = (float)(t->y - t->over->y);
    msg.scroll.dx = dx;
    msg.scroll.dy = dy;
    msg.scroll.modifiers = t->modifiers;
    client_event(t->over, &msg, true);
}
