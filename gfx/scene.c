/*
 * scene.c - from damage to pixels.
 *
 * A damaged rectangle is composed from the uppermost opaque thing that covers
 * it; where one covers only a part, the rectangle is split along its edges,
 * so that hidden pixels are never drawn.
 */
#include "gfx/blend.h"
#include "gfx/server.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLUR_REACH 24
#define SPLIT_DEPTH 6
#define SPLIT_AREA 4096
#define BLANK 0xfff6f5f8u /* content not drawn yet */

/* An image standing for a part of the screen. */
struct target {
    struct gfx_image *image;
    int ox, oy; /* screen position of its first pixel */
};

/* ---- damage ---------------------------------------------------------------
 */

void damage_rect(struct server *s, struct gfx_rect rect)
{
    gfx_region_add(&s->damage,
                   gfx_rect_and(rect, gfx_rect_of(0, 0, s->width, s->height)));
}

static struct gfx_rect panel_rect(const struct surface *f)
{
    return gfx_rect_of(f->x, f->y, f->width, f->height);
}

static bool blurs(const struct surface *f)
{
    return f->kind == GFX_PANEL && f->flags & GFX_PANEL_BLUR;
}

void damage_under(struct server *s, const struct surface *f,
                  struct gfx_rect rect)
{
    damage_rect(s, rect);
    for (int i = s->nstack - 1; i >= 0 && s->stack[i] != f; i--) {
        struct surface *p = s->stack[i];
        struct gfx_rect near = gfx_rect_grow(rect, BLUR_REACH);
        if (!blurs(p) || gfx_rect_empty(gfx_rect_and(near, panel_rect(p))))
            continue;
        p->backdrop_stale = true;
        if (surface_shown(s, p))
            damage_rect(s, panel_rect(p));
    }
}

void damage_all(struct server *s)
{
    damage_under(s, NULL, gfx_rect_of(0, 0, s->width, s->height));
}

void damage_surface(struct surface *f)
{
    if (surface_shown(f->client->server, f))
        damage_under(f->client->server, f, extent_rect(f));
}

/* ---- one window -----------------------------------------------------------
 */

/* Coverage of the pixels of a rounded bottom-right corner. */
static uint8_t corner[CORNER][CORNER];

static void corner_span(void *ctx, int x, int y, int n, const uint8_t *cov,
                        unsigned all)
{
    for (int i = 0; i < n; i++)
        corner[y][x + i] = (uint8_t)(cov ? cov[i] : all);
}

static void corner_init(void)
{
    struct gfx_path path = {0};
    struct gfx_raster raster = {0};
    if (corner[0][0])
        return;
    gfx_path_rounded_rect(&path, &GFX_IDENTITY, -3 * CORNER, -3 * CORNER,
                          4 * CORNER, 4 * CORNER, CORNER);
    gfx_path_fill(&path, &raster);
    gfx_raster_sweep(&raster, gfx_rect_of(0, 0, CORNER, CORNER), GFX_NONZERO,
                     corner_span, NULL);
    gfx_path_finish(&path);
    gfx_raster_finish(&raster);
}

static struct gfx_image front_image(const struct surface *f)
{
    return (struct gfx_image){(uint32_t *)(uintptr_t)pool_pixels(&f->front),
                              f->front.width, f->front.height, f->front.stride};
}

/* Fills what the app's buffer does not reach of the (bigger) content. */
static void draw_blank(struct gfx_image *image, const struct gfx_image *src,
                       struct gfx_rect clip, struct gfx_rect place)
{
    struct gfx_rect right = place, below = place;
    right.x0 += src->width;
    below.y0 += src->height;
    gfx_fill(image, gfx_rect_and(right, clip), BLANK);
    gfx_fill(image, gfx_rect_and(below, clip), BLANK);
}

static void draw_corner(struct gfx_image *image, const struct gfx_image *src,
                        struct gfx_rect clip, struct gfx_rect place, bool left)
{
    struct gfx_rect r = {left ? place.x0 : place.x1 - CORNER, place.y1 - CORNER,
                         left ? place.x0 + CORNER : place.x1, place.y1};
    struct gfx_rect c = gfx_rect_and(r, clip);
    for (int y = c.y0; y < c.y1; y++)
        for (int x = c.x0; x < c.x1; x++) {
            int sx = x - place.x0, sy = y - place.y0;
            int k = corner[y - r.y0][left ? r.x1 - 1 - x : x - r.x0];
            uint32_t p = BLANK;
            if (sx < src->width && sy < src->height)
                p = src->pixels[(size_t)sy * src->stride + sx] | 0xff000000u;
            uint32_t *d = image->pixels + (size_t)y * image->stride + x;
            *d = px_over(*d, px_mul(p, (unsigned)k));
        }
}

static void copy_opaque(struct gfx_image *image, struct gfx_rect r,
                        const struct gfx_image *src, struct gfx_rect place)
{
    gfx_copy(image, r, src, r.x0 - place.x0, r.y0 - place.y0);
}

/* `place` and `clip` are in the image's own coordinates. */
static void draw_content(const struct surface *f, struct gfx_image *image,
                         struct gfx_rect clip, struct gfx_rect place)
{
    struct gfx_image src = front_image(f);
    struct gfx_rect r =
        gfx_rect_and(gfx_rect_and(clip, place), gfx_image_rect(image));
    if (gfx_rect_empty(r))
        return;
    if (f->kind == GFX_PANEL || f->flags & GFX_WINDOW_TRANSPARENT) {
        gfx_over(image, r, &src, r.x0 - place.x0, r.y0 - place.y0, 255);
        return;
    }
    if (!framed(f)) {
        draw_blank(image, &src, r, place);
        copy_opaque(image, r, &src, place);
        return;
    }
    struct gfx_rect body = place, foot = place;
    body.y1 = foot.y0 = place.y1 - CORNER;
    foot.x0 += CORNER;
    foot.x1 -= CORNER;
    struct gfx_rect parts[2] = {gfx_rect_and(body, r), gfx_rect_and(foot, r)};
    for (int i = 0; i < 2; i++) {
        if (gfx_rect_empty(parts[i]))
            continue;
        draw_blank(image, &src, parts[i], place);
        copy_opaque(image, parts[i], &src, place);
    }
    draw_corner(image, &src, r, place, true);
    draw_corner(image, &src, r, place, false);
}

/* Title bar and content with the frame's corner at (x, y) of the image. */
static void draw_frame(struct surface *f, struct gfx_image *image,
                       struct gfx_rect clip, int x, int y)
{
    int above = framed(f) ? TITLE_HEIGHT : 0;
    if (above) {
        frame_update(f);
        struct gfx_rect bar = gfx_rect_of(x, y, f->width, TITLE_HEIGHT);
        struct gfx_rect r = gfx_rect_and(bar, clip);
        if (!gfx_rect_empty(r) && f->decor.pixels)
            gfx_over(image, r, &f->decor, r.x0 - x, r.y0 - y, 255);
    }
    draw_content(f, image, clip,
                 gfx_rect_of(x, y + above, f->width, f->height));
}

void window_picture(struct surface *f)
{
    struct gfx_rect r = frame_rect(f);
    int w = r.x1 - r.x0, h = r.y1 - r.y0;
    if (!f->front.map || (!f->snapshot_stale && f->snapshot.pixels))
        return;
    if (f->snapshot.width != w || f->snapshot.height != h) {
        gfx_image_finish(&f->snapshot);
        if (!gfx_image_init(&f->snapshot, w, h))
            return;
    }
    gfx_fill(&f->snapshot, gfx_image_rect(&f->snapshot), 0);
    draw_frame(f, &f->snapshot, gfx_image_rect(&f->snapshot), 0, 0);
    f->snapshot_stale = false;
}

static void draw_elsewhere(struct server *s, struct surface *f, struct target t,
                           struct gfx_rect clip)
{
    struct gfx_rectf n = f->anim.now;
    n.x += space_offset(s, f) - (float)t.ox;
    n.y -= (float)t.oy;
    unsigned alpha = (unsigned)(f->anim.alpha * 255 + 0.5f);
    struct gfx_rect r = {(int)n.x, (int)n.y, (int)(n.x + n.w),
                         (int)(n.y + n.h)};
    window_picture(f);
    if (!f->snapshot.pixels)
        return;
    if (framed(f))
        frame_shadow(t.image, clip, r, s->active == f, alpha);
    gfx_over_scaled(t.image, clip, n, &f->snapshot,
                    (struct gfx_rectf){0, 0, (float)f->snapshot.width,
                                       (float)f->snapshot.height},
                    alpha);
}

/* The shadow, where the window itself does not cover it. */
static void draw_shadow(struct server *s, struct surface *f, struct target t,
                        struct gfx_rect clip, struct gfx_rect frame)
{
    struct gfx_rect hole = gfx_rect_grow(frame, -CORNER);
    struct gfx_rect bands[4] = {
        {clip.x0, clip.y0, clip.x1, gfx_min(hole.y0, clip.y1)},
        {clip.x0, gfx_max(hole.y1, clip.y0), clip.x1, clip.y1},
        {clip.x0, hole.y0, gfx_min(frame.x0, clip.x1), hole.y1},
        {gfx_max(frame.x1, clip.x0), hole.y0, clip.x1, hole.y1},
    };
    for (int i = 0; i < 4; i++) {
        struct gfx_rect r = gfx_rect_and(bands[i], clip);
        if (!gfx_rect_empty(r))
            frame_shadow(t.image, r, frame, s->active == f, 255);
    }
}

/* ---- panels ---------------------------------------------------------------
 */

static void compose(struct server *s, struct target t, struct gfx_rect r,
                    int top, int depth);

static void box_row(uint32_t *p, int n, int step, uint32_t *tmp)
{
    enum { HALF = 2 };
    uint64_t sum = 0;
    for (int i = 0; i < n; i++)
        tmp[i] = p[(size_t)i * step];
    for (int i = -HALF; i < n; i++) {
        sum += px_spread(tmp[gfx_min(i + HALF, n - 1)]);
        if (i < 0)
            sum += i == -HALF ? px_spread(tmp[0]) * HALF : 0;
        else {
            /* of five values: 51 / 256 is close to a fifth, and fits */
            p[(size_t)i * step] = px_pack((sum * 51 + PX_HALF) >> 8 & PX_LANES);
            sum -= px_spread(tmp[gfx_max(i - HALF, 0)]);
        }
    }
}

static void box_blur(struct gfx_image *image)
{
    uint32_t tmp[GFX_SIDE_MAX];
    for (int pass = 0; pass < 3; pass++) {
        for (int y = 0; y < image->height; y++)
            box_row(image->pixels + (size_t)y * image->stride, image->width, 1,
                    tmp);
        for (int x = 0; x < image->width; x++)
            box_row(image->pixels + x, image->height, image->stride, tmp);
    }
}

/* What lies below the panel, at a quarter of the size, blurred, enlarged. */
static void backdrop_update(struct server *s, struct surface *f, int index)
{
    struct gfx_rect r = panel_rect(f);
    int w = f->width, h = f->height;
    struct gfx_image full, small;
    if (f->backdrop.width != w || f->backdrop.height != h) {
        gfx_image_finish(&f->backdrop);
        if (!gfx_image_init(&f->backdrop, w, h))
            return;
    }
    if (!gfx_image_init(&full, w, h))
        return;
    compose(s, (struct target){&full, r.x0, r.y0}, r, index, 0);
    if (gfx_image_init(&small, (w + 3) / 4, (h + 3) / 4)) {
        struct gfx_rectf a = {0, 0, (float)w, (float)h};
        struct gfx_rectf b = {0, 0, (float)small.width, (float)small.height};
        gfx_over_scaled(&small, gfx_image_rect(&small), b, &full, a, 255);
        box_blur(&small);
        gfx_fill(&f->backdrop, gfx_image_rect(&f->backdrop), 0);
        gfx_over_scaled(&f->backdrop, gfx_image_rect(&f->backdrop), a, &small,
                        b, 255);
        gfx_image_finish(&small);
        f->backdrop_stale = false;
    }
    gfx_image_finish(&full);
}

struct round_copy {
    struct gfx_image *dst;
    const struct gfx_image *src;
    int ox, oy;
};

static void round_span(void *ctx, int x, int y, int n, const uint8_t *cov,
                       unsigned all)
{
    struct round_copy *c = ctx;
    uint32_t *d = c->dst->pixels + (size_t)y * c->dst->stride + x;
    const uint32_t *s =
        c->src->pixels + (size_t)(y - c->oy) * c->src->stride + (x - c->ox);
    for (int i = 0; i < n; i++) {
        unsigned k = cov ? cov[i] : all;
        d[i] = k == 255 ? s[i] : px_over(d[i], px_mul(s[i], k));
    }
}

static void draw_backdrop(struct surface *f, struct gfx_image *image,
                          struct gfx_rect clip, struct gfx_rect place)
{
    struct gfx_path path = {0};
    struct gfx_raster raster = {0};
    struct round_copy copy = {image, &f->backdrop, place.x0, place.y0};
    if (!f->backdrop.pixels)
        return;
    gfx_path_rounded_rect(&path, &GFX_IDENTITY, (float)place.x0,
                          (float)place.y0, (float)f->width, (float)f->height,
                          (float)f->radius);
    gfx_path_fill(&path, &raster);
    gfx_raster_sweep(
        &raster, gfx_rect_and(clip, gfx_rect_and(place, gfx_image_rect(image))),
        GFX_NONZERO, round_span, &copy);
    gfx_path_finish(&path);
    gfx_raster_finish(&raster);
}

static void draw_panel(struct surface *f, struct target t, struct gfx_rect clip)
{
    struct gfx_rect place = gfx_rect_move(panel_rect(f), -t.ox, -t.oy);
    if (f->flags & GFX_PANEL_SHADOW) {
        gfx_shadow_draw(t.image, clip, place.x0, place.y0 + 8, f->width,
                        f->height, (int)f->radius, 32, 0x50000000);
        gfx_shadow_draw(t.image, clip, place.x0, place.y0, f->width, f->height,
                        (int)f->radius, 2, 0x30000000);
    }
    if (blurs(f))
        draw_backdrop(f, t.image, clip, place);
    draw_content(f, t.image, clip, place);
}

/* ---- the whole ------------------------------------------------------------
 */

static void draw_surface(struct server *s, struct surface *f, struct target t,
                         struct gfx_rect r)
{
    struct gfx_rect clip =
        gfx_rect_and(gfx_rect_move(r, -t.ox, -t.oy), gfx_image_rect(t.image));
    if (f->kind == GFX_PANEL) {
        draw_panel(f, t, clip);
        return;
    }
    if (f->anim.shown) {
        draw_elsewhere(s, f, t, clip);
        return;
    }
    struct gfx_rect frame =
        gfx_rect_move(frame_rect(f), (int)space_offset(s, f) - t.ox, -t.oy);
    if (framed(f) && !gfx_rect_inside(clip, gfx_rect_grow(frame, -CORNER)))
        draw_shadow(s, f, t, clip, frame);
    draw_frame(f, t.image, clip, frame.x0, frame.y0);
}

/* The part of the screen that the surface hides; may be empty. */
static struct gfx_rect opaque_rect(const struct server *s,
                                   const struct surface *f)
{
    if (f->kind == GFX_PANEL || f->flags & GFX_WINDOW_TRANSPARENT ||
        f->anim.shown)
        return (struct gfx_rect){0};
    struct gfx_rect r =
        gfx_rect_move(frame_rect(f), (int)space_offset(s, f), 0);
    if (framed(f)) {
        r.y0 += CORNER;
        r.y1 -= CORNER;
    }
    return r;
}

static void draw_wallpaper(struct server *s, struct target t, struct gfx_rect r)
{
    gfx_copy(t.image, gfx_rect_move(r, -t.ox, -t.oy), &s->wallpaper, r.x0,
             r.y0);
}

/* Composes the parts of `r` around `hole`. */
static void compose_around(struct server *s, struct target t, struct gfx_rect r,
                           struct gfx_rect hole, int top, int depth)
{
    const struct gfx_rect parts[4] = {{r.x0, r.y0, r.x1, hole.y0},
                                      {r.x0, hole.y1, r.x1, r.y1},
                                      {r.x0, hole.y0, hole.x0, hole.y1},
                                      {hole.x1, hole.y0, r.x1, hole.y1}};
    for (int i = 0; i < 4; i++)
        if (!gfx_rect_empty(parts[i]))
            compose(s, t, parts[i], top, depth);
}

/* Draws `r` of the screen with the surfaces below index `top`. */
static void compose(struct server *s, struct target t, struct gfx_rect r,
                    int top, int depth)
{
    int base = -1;
    for (int i = top - 1; i >= 0 && base < 0; i--) {
        struct surface *f = s->stack[i];
        if (!surface_shown(s, f))
            continue;
        struct gfx_rect o = gfx_rect_and(opaque_rect(s, f), r);
        if (gfx_rect_empty(o))
            continue;
        if (gfx_rect_inside(r, o)) {
            base = i;
        } else if (depth < SPLIT_DEPTH && gfx_rect_area(o) >= SPLIT_AREA) {
            compose_around(s, t, r, o, top, depth + 1);
            r = o;
            base = i;
        }
    }
    if (base < 0)
        draw_wallpaper(s, t, r);
    for (int i = base < 0 ? 0 : base; i < top; i++) {
        struct surface *f = s->stack[i];
        if (surface_shown(s, f) &&
            !gfx_rect_empty(gfx_rect_and(extent_rect(f), r)))
            draw_surface(s, f, t, r);
    }
}

static void draw_snap_preview(struct server *s, struct gfx_image *image,
                              struct gfx_rect rect)
{
    static struct gfx_canvas *canvas;
    struct gfx_rect p = gfx_rect_grow(s->seat.snap, -6);
    if (gfx_rect_empty(gfx_rect_and(s->seat.snap, rect)) ||
        (!canvas && !(canvas = gfx_canvas_create())))
        return;
    gfx_canvas_bind(canvas, *image);
    gfx_canvas_clip_rect(canvas, (float)rect.x0, (float)rect.y0,
                         (float)(rect.x1 - rect.x0),
                         (float)(rect.y1 - rect.y0));
    float x = (float)p.x0, y = (float)p.y0, w = (float)(p.x1 - p.x0),
          h = (float)(p.y1 - p.y0);
    gfx_canvas_fill_rounded_rect(canvas, x, y, w, h, 14, 0x40ffffff);
    gfx_canvas_stroke_rounded_rect(canvas, x, y, w, h, 14, 2, 0xb0ffffff);
}

struct gfx_rect cursor_rect(const struct server *s)
{
    int hx, hy;
    cursor_hot(s->seat.cursor, &hx, &hy);
    const struct gfx_image *c = &s->cursors[s->seat.cursor];
    return gfx_rect_of(s->seat.x - hx, s->seat.y - hy, c->width, c->height);
}

static void draw_cursor(struct server *s, struct gfx_image *image,
                        struct gfx_rect rect)
{
    struct gfx_rect all = cursor_rect(s), r = gfx_rect_and(all, rect);
    if (!s->hardware_cursor && !gfx_rect_empty(r))
        gfx_over(image, r, &s->cursors[s->seat.cursor], r.x0 - all.x0,
                 r.y0 - all.y0, 255);
}

void scene_draw(struct server *s, struct gfx_image *image, struct gfx_rect rect)
{
    corner_init();
    for (int i = 0; i < s->nstack; i++) {
        struct surface *f = s->stack[i];
        if (blurs(f) && f->backdrop_stale && surface_shown(s, f) &&
            !gfx_rect_empty(gfx_rect_and(panel_rect(f), rect)))
            backdrop_update(s, f, i);
    }
    compose(s, (struct target){image, 0, 0}, rect, s->nstack, 0);
    draw_snap_preview(s, image, rect);
    draw_cursor(s, image, rect);
}
