/*
 * frame.c - window frames: geometry, what lies under a point, and looks.
 *
 * The content's corners are rounded when it is composed (scene.c); the title
 * bar is a picture kept with the window, redrawn when its looks change.
 */
#include "gfx/server.h"

#include <stdio.h>
#include <string.h>

#define EDGE_OUT 5 /* how far outside the frame an edge can be taken */
#define EDGE_IN 3
#define EDGE_CORNER 14
#define BUTTON_STEP 20
enum { BUTTON_Y = TITLE_HEIGHT / 2 };

bool framed(const struct surface *f)
{
    return f->kind == GFX_WINDOW && !(f->flags & GFX_WINDOW_BARE) &&
           !f->fullscreen;
}

struct gfx_rect frame_rect(const struct surface *f)
{
    struct gfx_rect r = gfx_rect_of(f->x, f->y, f->width, f->height);
    if (framed(f))
        r.y0 -= TITLE_HEIGHT;
    return r;
}

struct gfx_rect extent_rect(const struct surface *f)
{
    const struct server *s = f->client->server;
    struct gfx_rect r = frame_rect(f);
    if (f->anim.shown) {
        const struct gfx_rectf *n = &f->anim.now;
        r = (struct gfx_rect){(int)n->x - 1, (int)n->y - 1,
                              (int)(n->x + n->w) + 2, (int)(n->y + n->h) + 2};
    }
    int slide = (int)space_offset(s, f);
    r = gfx_rect_move(r, slide, 0);
    if (framed(f) || f->flags & GFX_PANEL_SHADOW)
        return (struct gfx_rect){r.x0 - 46, r.y0 - 34, r.x1 + 46, r.y1 + 62};
    return r;
}

/* ---- zones ----------------------------------------------------------------
 */

static enum zone edges(struct gfx_rect r, int x, int y)
{
    struct gfx_rect inner = gfx_rect_grow(r, -EDGE_IN);
    struct gfx_rect corner = gfx_rect_grow(r, -EDGE_CORNER);
    if (gfx_rect_has(inner, x, y))
        return ZONE_NONE;
    int zone = 0;
    bool side = x < inner.x0 || x >= inner.x1;
    bool end = y < inner.y0 || y >= inner.y1;
    if (x < (end ? corner.x0 : inner.x0))
        zone |= ZONE_LEFT;
    if (x >= (end ? corner.x1 : inner.x1))
        zone |= ZONE_RIGHT;
    if (y < (side ? corner.y0 : inner.y0))
        zone |= ZONE_TOP;
    if (y >= (side ? corner.y1 : inner.y1))
        zone |= ZONE_BOTTOM;
    return zone;
}

static enum zone title_zone(struct gfx_rect r, int x, int y)
{
    for (int i = 0; i < 3; i++) {
        int dx = x - (r.x0 + BUTTON_STEP * (i + 1)), dy = y - (r.y0 + BUTTON_Y);
        if (dx * dx + dy * dy <= 81)
            return ZONE_BUTTON0 + i;
    }
    return ZONE_TITLE;
}

enum zone frame_zone(const struct surface *f, int x, int y)
{
    struct gfx_rect r = frame_rect(f);
    bool resizable = framed(f) && !(f->flags & GFX_WINDOW_FIXED);
    if (!gfx_rect_has(gfx_rect_grow(r, resizable ? EDGE_OUT : 0), x, y))
        return ZONE_NONE;
    enum zone zone = resizable ? edges(r, x, y) : ZONE_NONE;
    if (zone)
        return zone;
    if (framed(f) && y < f->y)
        return title_zone(r, x, y);
    return ZONE_CONTENT;
}

uint32_t zone_cursor(const struct surface *f, enum zone zone)
{
    switch ((int)zone) {
    case ZONE_LEFT:
    case ZONE_RIGHT: return GFX_CURSOR_RESIZE_H;
    case ZONE_TOP:
    case ZONE_BOTTOM: return GFX_CURSOR_RESIZE_V;
    case ZONE_LEFT | ZONE_TOP:
    case ZONE_RIGHT | ZONE_BOTTOM: return GFX_CURSOR_RESIZE_FALLING;
    case ZONE_RIGHT | ZONE_TOP:
    case ZONE_LEFT | ZONE_BOTTOM: return GFX_CURSOR_RESIZE_RISING;
    case ZONE_CONTENT:
        return !f                        ? GFX_CURSOR_ARROW
               : f->client->unresponsive ? GFX_CURSOR_WAIT
                                         : f->cursor;
    default: return GFX_CURSOR_ARROW;
    }
}

/* ---- looks ----------------------------------------------------------------
 */

static void glyph_close(struct gfx_canvas *c, float x, float y, uint32_t ink)
{
    gfx_canvas_line(c, x - 2.4f, y - 2.4f, x + 2.4f, y + 2.4f, 1.2f, ink);
    gfx_canvas_line(c, x - 2.4f, y + 2.4f, x + 2.4f, y - 2.4f, 1.2f, ink);
}

static void glyph_minimise(struct gfx_canvas *c, float x, float y, uint32_t ink)
{
    gfx_canvas_line(c, x - 3, y, x + 3, y, 1.4f, ink);
}

static void glyph_fullscreen(struct gfx_canvas *c, float x, float y,
                             uint32_t ink)
{
    const float a[6] = {x - 3, y - 3, x + 1.6f, y - 3, x - 3, y + 1.6f};
    const float b[6] = {x + 3, y + 3, x - 1.6f, y + 3, x + 3, y - 1.6f};
    gfx_canvas_fill_triangle(c, a, ink);
    gfx_canvas_fill_triangle(c, b, ink);
}

static const struct {
    uint32_t fill, edge, ink;
    void (*glyph)(struct gfx_canvas *, float, float, uint32_t);
} buttons[3] = {
    {0xffff5f57, 0xffe0443e, 0xff7e0508, glyph_close},
    {0xfffebc2e, 0xffdea123, 0xff985712, glyph_minimise},
    {0xff28c840, 0xff1aab29, 0xff0b5d12, glyph_fullscreen},
};

static void draw_buttons(const struct surface *f, struct gfx_canvas *c,
                         bool active)
{
    bool group = f->hot_button != -2;
    for (int i = 0; i < 3; i++) {
        float x = (float)(BUTTON_STEP * (i + 1)), y = BUTTON_Y;
        bool usable = i != 2 || !(f->flags & GFX_WINDOW_FIXED);
        bool lit = (active || group) && usable;
        gfx_canvas_fill_ellipse(c, x, y, 6, 6,
                                lit ? buttons[i].fill : 0xffd3d2d6);
        gfx_canvas_stroke_circle(c, x, y, 5.75f, 0.5f,
                                 lit ? buttons[i].edge : 0xffbfbec3);
        if (f->hot_button == i && lit)
            gfx_canvas_fill_ellipse(c, x, y, 6, 6, 0x18000000);
        if (group && lit)
            buttons[i].glyph(c, x, y, buttons[i].ink);
    }
}

/* Square at the bottom, where the content goes on. */
static void draw_bar(struct gfx_canvas *c, float w, bool active)
{
    struct gfx_path *p = gfx_canvas_path(c);
    const struct gfx_matrix *m = gfx_canvas_matrix(c);
    gfx_path_reset(p);
    gfx_path_rounded_rect(p, m, 0, 0, w, TITLE_HEIGHT + 2 * CORNER, CORNER);
    if (active)
        gfx_canvas_fill_linear(c, 0, 0, 0, TITLE_HEIGHT, 0xfff7f6f8,
                               0xffeceaee);
    else
        gfx_canvas_fill_path(c, GFX_NONZERO, 0xfff5f4f6);
    gfx_canvas_fill_rect(c, 0, TITLE_HEIGHT - 1, w, 1,
                         active ? 0xffd5d3d8 : 0xffe2e1e5);
}

static void draw_title(const struct surface *f, struct gfx_canvas *c,
                       bool active)
{
    char title[GFX_TITLE_MAX + 24];
    size_t len =
        (size_t)snprintf(title, sizeof title, "%s%s", f->title,
                         f->client->unresponsive ? " (not responding)" : "");
    float side = BUTTON_STEP * 4, w = (float)f->width;
    float text = gfx_text_width(GFX_FONT_UI_BOLD, 13, title, len);
    uint32_t ink = active ? 0xff3a383e : 0xffa5a3aa;
    if (text <= w - 2 * side)
        gfx_canvas_text_in(c, GFX_FONT_UI_BOLD, 13, side, 19, w - 2 * side,
                           GFX_ALIGN_CENTER, title, len, ink);
    else
        gfx_canvas_text_in(c, GFX_FONT_UI_BOLD, 13, side, 19, w - side - 12,
                           GFX_ALIGN_LEFT, title, len, ink);
}

void frame_update(struct surface *f)
{
    static struct gfx_canvas *canvas;
    bool active = f->client->server->active == f;
    if (!f->decor_stale || !framed(f))
        return;
    if (!canvas && !(canvas = gfx_canvas_create()))
        return;
    if (f->decor.width != f->width) {
        gfx_image_finish(&f->decor);
        if (!gfx_image_init(&f->decor, f->width, TITLE_HEIGHT))
            return;
    }
    gfx_canvas_bind(canvas, f->decor);
    gfx_canvas_clear(canvas, 0);
    draw_bar(canvas, (float)f->width, active);
    draw_buttons(f, canvas, active);
    draw_title(f, canvas, active);
    f->decor_stale = false;
}

void frame_set_hot(struct surface *f, int button)
{
    if (f->hot_button == button)
        return;
    f->hot_button = button;
    f->decor_stale = f->snapshot_stale = true;
    damage_under(
        f->client->server, f,
        gfx_rect_of(f->x, f->y - TITLE_HEIGHT, f->width, TITLE_HEIGHT));
}

/* A wide soft shadow, a tight one, and a hairline. */
void frame_shadow(struct gfx_image *image, struct gfx_rect clip,
                  struct gfx_rect r, bool focused, unsigned alpha)
{
    int w = r.x1 - r.x0, h = r.y1 - r.y0;
    uint32_t wide = (focused ? 0x6a : 0x3c) * alpha / 255 << 24;
    uint32_t tight = (focused ? 0x48 : 0x38) * alpha / 255 << 24;
    gfx_shadow_draw(image, clip, r.x0, r.y0 + (focused ? 16 : 8), w, h, CORNER,
                    focused ? 44 : 26, wide);
    gfx_shadow_draw(image, clip, r.x0, r.y0 + 1, w, h, CORNER, 3, tight);
}
