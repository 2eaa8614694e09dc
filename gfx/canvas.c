/*
 * canvas.c - the canvas's operations: state, then shape -> raster -> spans.
 * Where a shape is a whole number of pixels the raster is skipped.
 */
#include "gfx/canvas.h"
#include "gfx/blend.h"
#include "gfx/paint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STACK 64
#define MASK_BYTES (16u << 20) /* of all round clips of one canvas */
#define BITMAP_GLYPH 96.f      /* bigger ones are drawn as paths */

/* A round clip's coverage, shared by the states that have it. */
struct mask {
    int refs;
    size_t bytes;
    struct gfx_mask view;
    uint8_t coverage[];
};

struct state {
    struct gfx_matrix matrix;
    struct gfx_rect clip;
    struct mask *mask;
};

struct gfx_canvas {
    struct gfx_image image;
    struct gfx_region damage;
    struct gfx_path path;  /* the app's */
    struct gfx_path shape; /* of the operation under way */
    struct gfx_raster raster;
    struct gfx_paint paint;
    size_t mask_bytes;
    bool (*ready)(void *);
    void *ready_data;
    int depth;
    struct state states[STACK];
};

static struct state *top(struct gfx_canvas *c)
{
    return &c->states[c->depth];
}

static void mask_drop(struct gfx_canvas *c, struct mask *m)
{
    if (m && --m->refs == 0) {
        c->mask_bytes -= m->bytes;
        free(m);
    }
}

struct gfx_canvas *gfx_canvas_create(void)
{
    return calloc(1, sizeof(struct gfx_canvas));
}

static void reset(struct gfx_canvas *c)
{
    for (int i = 0; i <= c->depth; i++)
        mask_drop(c, c->states[i].mask);
    c->depth = 0;
    c->states[0] =
        (struct state){GFX_IDENTITY, gfx_image_rect(&c->image), NULL};
}

void gfx_canvas_destroy(struct gfx_canvas *c)
{
    if (!c)
        return;
    reset(c);
    gfx_path_finish(&c->path);
    gfx_path_finish(&c->shape);
    gfx_raster_finish(&c->raster);
    free(c);
}

void gfx_canvas_bind(struct gfx_canvas *c, struct gfx_image image)
{
    c->image = image;
    c->damage.n = 0;
    reset(c);
}

void gfx_canvas_retarget(struct gfx_canvas *c, uint32_t *pixels)
{
    c->image.pixels = pixels;
}

const struct gfx_image *gfx_canvas_image(const struct gfx_canvas *c)
{
    return &c->image;
}

struct gfx_region gfx_canvas_take_damage(struct gfx_canvas *c)
{
    struct gfx_region taken = c->damage;
    c->damage.n = 0;
    return taken;
}

void gfx_canvas_on_draw(struct gfx_canvas *c, bool (*ready)(void *), void *data)
{
    c->ready = ready;
    c->ready_data = data;
}

/* The part of `rect` an operation may touch: marked damaged, made writable.
 * Empty when there is nothing to do. */
static struct gfx_rect begin(struct gfx_canvas *c, struct gfx_rect rect)
{
    struct gfx_rect r = gfx_rect_and(rect, top(c)->clip);
    if (gfx_rect_empty(r) || (c->ready && !c->ready(c->ready_data)))
        return (struct gfx_rect){0};
    gfx_region_add(&c->damage, r);
    return r;
}

/* ---- state ----------------------------------------------------------------
 */

bool gfx_canvas_save(struct gfx_canvas *c)
{
    if (c->depth + 1 == STACK)
        return false;
    c->states[c->depth + 1] = *top(c);
    c->depth++;
    if (top(c)->mask)
        top(c)->mask->refs++;
    return true;
}

void gfx_canvas_restore(struct gfx_canvas *c)
{
    if (!c->depth)
        return;
    mask_drop(c, top(c)->mask);
    c->depth--;
}

void gfx_canvas_translate(struct gfx_canvas *c, float x, float y)
{
    struct gfx_matrix *m = &top(c)->matrix;
    struct gfx_point p = gfx_apply(m, x, y);
    m->e = p.x;
    m->f = p.y;
}

void gfx_canvas_scale(struct gfx_canvas *c, float x, float y)
{
    struct gfx_matrix *m = &top(c)->matrix;
    m->a *= x;
    m->b *= x;
    m->c *= y;
    m->d *= y;
}

void gfx_canvas_rotate(struct gfx_canvas *c, float radians)
{
    struct gfx_matrix *m = &top(c)->matrix, o = *m;
    float s = sinf(radians), k = cosf(radians);
    m->a = o.a * k + o.c * s;
    m->b = o.b * k + o.d * s;
    m->c = o.c * k - o.a * s;
    m->d = o.d * k - o.b * s;
}

static int to_pixel(float v)
{
    if (!(v > -32000))
        return -32000;
    return v < 32000 ? (int)floorf(v + 0.5f) : 32000;
}

/* The transformed rectangle's bounding box, to whole pixels. */
static struct gfx_rect device_rect(const struct gfx_matrix *m, float x, float y,
                                   float w, float h)
{
    struct gfx_point p[4] = {gfx_apply(m, x, y), gfx_apply(m, x + w, y),
                             gfx_apply(m, x, y + h),
                             gfx_apply(m, x + w, y + h)};
    float x0 = p[0].x, y0 = p[0].y, x1 = x0, y1 = y0;
    for (int i = 1; i < 4; i++) {
        x0 = fminf(x0, p[i].x);
        x1 = fmaxf(x1, p[i].x);
        y0 = fminf(y0, p[i].y);
        y1 = fmaxf(y1, p[i].y);
    }
    return (struct gfx_rect){to_pixel(x0), to_pixel(y0), to_pixel(x1),
                             to_pixel(y1)};
}

static struct gfx_rect tidy(struct gfx_rect r)
{
    return gfx_rect_empty(r) ? (struct gfx_rect){0} : r;
}

void gfx_canvas_clip_rect(struct gfx_canvas *c, float x, float y, float w,
                          float h)
{
    struct state *s = top(c);
    s->clip = tidy(gfx_rect_and(s->clip, device_rect(&s->matrix, x, y, w, h)));
}

static void mask_span(void *ctx, int x, int y, int n, const uint8_t *cov,
                      unsigned all)
{
    struct mask *m = ctx;
    int width = m->view.rect.x1 - m->view.rect.x0;
    uint8_t *to = m->coverage + (size_t)(y - m->view.rect.y0) * width +
                  (x - m->view.rect.x0);
    for (int i = 0; i < n; i++)
        to[i] = (uint8_t)(cov ? cov[i] : all);
}

static void mask_and(struct mask *m, const struct mask *with)
{
    struct gfx_rect r = m->view.rect, o = with->view.rect;
    size_t at = 0;
    for (int y = r.y0; y < r.y1; y++)
        for (int x = r.x0; x < r.x1; x++, at++) {
            unsigned k =
                with->coverage[(size_t)(y - o.y0) * (o.x1 - o.x0) + (x - o.x0)];
            m->coverage[at] = (uint8_t)(m->coverage[at] * px_scale(k) >> 8);
        }
}

/* Over the limit the clip stays the bounding box: only corners are lost. */
void gfx_canvas_clip_rounded_rect(struct gfx_canvas *c, float x, float y,
                                  float w, float h, float radius)
{
    struct state *s = top(c);
    gfx_path_reset(&c->shape);
    gfx_raster_reset(&c->raster);
    gfx_path_rounded_rect(&c->shape, &s->matrix, x, y, w, h, radius);
    gfx_path_fill(&c->shape, &c->raster);
    s->clip = tidy(gfx_rect_and(s->clip, gfx_raster_bounds(&c->raster)));
    size_t bytes = (size_t)gfx_rect_area(s->clip);
    struct mask *m = NULL;
    if (bytes && c->mask_bytes + bytes <= MASK_BYTES)
        m = calloc(1, sizeof *m + bytes);
    if (!m)
        return;
    m->refs = 1;
    m->bytes = bytes;
    m->view = (struct gfx_mask){m->coverage, s->clip};
    gfx_raster_sweep(&c->raster, s->clip, GFX_NONZERO, mask_span, m);
    if (s->mask)
        mask_and(m, s->mask);
    mask_drop(c, s->mask);
    c->mask_bytes += bytes;
    s->mask = m;
}

/* ---- filling shapes -------------------------------------------------------
 */

static struct gfx_brush brush(struct gfx_canvas *c)
{
    struct mask *m = top(c)->mask;
    return (struct gfx_brush){&c->image, &c->paint, m ? &m->view : NULL};
}

/* Draws what is in the raster with the paint. */
static void sweep(struct gfx_canvas *c, enum gfx_rule rule)
{
    struct gfx_rect r = begin(c, gfx_raster_bounds(&c->raster));
    struct gfx_brush b = brush(c);
    if (!gfx_rect_empty(r))
        gfx_raster_sweep(&c->raster, r, rule, gfx_paint_span, &b);
}

static struct gfx_path *new_shape(struct gfx_canvas *c)
{
    gfx_path_reset(&c->shape);
    gfx_raster_reset(&c->raster);
    return &c->shape;
}

static void fill_shape(struct gfx_canvas *c, enum gfx_rule rule, uint32_t color)
{
    gfx_path_fill(&c->shape, &c->raster);
    gfx_paint_solid(&c->paint, color);
    sweep(c, rule);
}

/* How much the transform magnifies lengths. */
static float magnification(const struct gfx_matrix *m)
{
    return sqrtf(fabsf(m->a * m->d - m->b * m->c));
}

void gfx_canvas_clear(struct gfx_canvas *c, uint32_t color)
{
    struct state *s = top(c);
    struct gfx_rect r = begin(c, s->clip);
    uint32_t pixel = px_premultiply(color);
    if (!s->mask) {
        gfx_fill(&c->image, r, pixel);
        return;
    }
    int width = s->mask->view.rect.x1 - s->mask->view.rect.x0;
    for (int y = r.y0; y < r.y1; y++) {
        uint32_t *d = c->image.pixels + (size_t)y * c->image.stride;
        const uint8_t *m =
            s->mask->coverage + (size_t)(y - s->mask->view.rect.y0) * width;
        for (int x = r.x0; x < r.x1; x++)
            d[x] = px_mix(d[x], pixel, px_scale(m[x - s->mask->view.rect.x0]));
    }
}

/* True when the transform maps the rectangle to whole pixels. */
static bool aligned(const struct gfx_matrix *m, float x, float y, float w,
                    float h, struct gfx_rect *out)
{
    if (m->b != 0 || m->c != 0)
        return false;
    *out = device_rect(m, x, y, w, h);
    const float e = 1.f / 256;
    return fabsf(m->a * x + m->e - (float)out->x0) < e * fabsf(m->a) + e &&
           fabsf(m->a) < 64 && w > 0 && h > 0 && m->a > 0 && m->d > 0 &&
           fabsf(m->d * y + m->f - (float)out->y0) < e &&
           fabsf(m->a * (x + w) + m->e - (float)out->x1) < e &&
           fabsf(m->d * (y + h) + m->f - (float)out->y1) < e;
}

void gfx_canvas_fill_rect(struct gfx_canvas *c, float x, float y, float w,
                          float h, uint32_t color)
{
    struct gfx_rect r;
    if (!top(c)->mask && aligned(&top(c)->matrix, x, y, w, h, &r)) {
        gfx_fill_over(&c->image, begin(c, r), px_premultiply(color));
        return;
    }
    gfx_canvas_fill_rounded_rect(c, x, y, w, h, 0, color);
}

void gfx_canvas_fill_rounded_rect(struct gfx_canvas *c, float x, float y,
                                  float w, float h, float radius,
                                  uint32_t color)
{
    if (!(w > 0 && h > 0))
        return;
    gfx_path_rounded_rect(new_shape(c), &top(c)->matrix, x, y, w, h, radius);
    fill_shape(c, GFX_NONZERO, color);
}

void gfx_canvas_stroke_rect(struct gfx_canvas *c, float x, float y, float w,
                            float h, float width, uint32_t color)
{
    gfx_canvas_stroke_rounded_rect(c, x, y, w, h, 0, width, color);
}

/* The space between an outer and an inner outline. */
void gfx_canvas_stroke_rounded_rect(struct gfx_canvas *c, float x, float y,
                                    float w, float h, float radius, float width,
                                    uint32_t color)
{
    float k = width / 2;
    if (!(w > 0 && h > 0 && k > 0))
        return;
    struct gfx_path *p = new_shape(c);
    const struct gfx_matrix *m = &top(c)->matrix;
    gfx_path_rounded_rect(p, m, x - k, y - k, w + width, h + width,
                          radius > 0 ? radius + k : 0);
    if (w > width && h > width)
        gfx_path_rounded_rect(p, m, x + k, y + k, w - width, h - width,
                              radius - k);
    fill_shape(c, GFX_EVEN_ODD, color);
}

void gfx_canvas_fill_ellipse(struct gfx_canvas *c, float x, float y, float rx,
                             float ry, uint32_t color)
{
    struct gfx_path *p = new_shape(c);
    gfx_path_arc(p, &top(c)->matrix, x, y, rx, ry, 0, 6.2831853f);
    fill_shape(c, GFX_NONZERO, color);
}

void gfx_canvas_stroke_circle(struct gfx_canvas *c, float x, float y,
                              float radius, float width, uint32_t color)
{
    struct gfx_path *p = new_shape(c);
    const struct gfx_matrix *m = &top(c)->matrix;
    float outer = radius + width / 2, inner = radius - width / 2;
    gfx_path_arc(p, m, x, y, outer, outer, 0, 6.2831853f);
    gfx_path_close(p);
    if (inner > 0)
        gfx_path_arc(p, m, x, y, inner, inner, 0, 6.2831853f);
    fill_shape(c, GFX_EVEN_ODD, color);
}

void gfx_canvas_fill_triangle(struct gfx_canvas *c, const float points[6],
                              uint32_t color)
{
    struct gfx_path *p = new_shape(c);
    const struct gfx_matrix *m = &top(c)->matrix;
    gfx_path_move(p, m, points[0], points[1]);
    gfx_path_line(p, m, points[2], points[3]);
    gfx_path_line(p, m, points[4], points[5]);
    fill_shape(c, GFX_NONZERO, color);
}

void gfx_canvas_line(struct gfx_canvas *c, float x0, float y0, float x1,
                     float y1, float width, uint32_t color)
{
    struct gfx_path *p = new_shape(c);
    const struct gfx_matrix *m = &top(c)->matrix;
    gfx_path_move(p, m, x0, y0);
    gfx_path_line(p, m, x1, y1);
    gfx_path_stroke(p, &c->raster, width * magnification(m), true);
    gfx_paint_solid(&c->paint, color);
    sweep(c, GFX_NONZERO);
}

void gfx_canvas_shadow(struct gfx_canvas *c, float x, float y, float w, float h,
                       float radius, float blur, uint32_t color)
{
    const struct gfx_matrix *m = &top(c)->matrix;
    struct gfx_rect r = device_rect(m, x, y, w, h);
    float k = magnification(m);
    int reach = (int)fminf(fmaxf(blur * k, 0), 128);
    struct gfx_rect all = gfx_rect_grow(r, gfx_shadow_reach(reach));
    if (gfx_rect_empty(r))
        return;
    gfx_shadow_draw(&c->image, begin(c, all), r.x0, r.y0, r.x1 - r.x0,
                    r.y1 - r.y0, (int)fminf(fmaxf(radius * k, 0), 128), reach,
                    color);
}

/* ---- the app's path -------------------------------------------------------
 */

struct gfx_path *gfx_canvas_path(struct gfx_canvas *c)
{
    return &c->path;
}

const struct gfx_matrix *gfx_canvas_matrix(const struct gfx_canvas *c)
{
    return &c->states[c->depth].matrix;
}

static void fill_path(struct gfx_canvas *c, enum gfx_rule rule)
{
    gfx_raster_reset(&c->raster);
    gfx_path_fill(&c->path, &c->raster);
    sweep(c, rule);
}

void gfx_canvas_fill_path(struct gfx_canvas *c, enum gfx_rule rule,
                          uint32_t color)
{
    gfx_paint_solid(&c->paint, color);
    fill_path(c, rule);
}

void gfx_canvas_fill_linear(struct gfx_canvas *c, float x0, float y0, float x1,
                            float y1, uint32_t c0, uint32_t c1)
{
    struct gfx_point a = gfx_apply(&top(c)->matrix, x0, y0);
    struct gfx_point b = gfx_apply(&top(c)->matrix, x1, y1);
    gfx_paint_linear(&c->paint, a.x, a.y, b.x, b.y, c0, c1);
    fill_path(c, GFX_NONZERO);
}

void gfx_canvas_fill_radial(struct gfx_canvas *c, float x, float y,
                            float radius, uint32_t c0, uint32_t c1)
{
    const struct gfx_matrix *m = &top(c)->matrix;
    struct gfx_point p = gfx_apply(m, x, y);
    gfx_paint_radial(&c->paint, p.x, p.y, radius * magnification(m), c0, c1);
    fill_path(c, GFX_NONZERO);
}

void gfx_canvas_stroke_path(struct gfx_canvas *c, float width, uint32_t color)
{
    gfx_raster_reset(&c->raster);
    gfx_path_stroke(&c->path, &c->raster,
                    width * magnification(&top(c)->matrix), true);
    gfx_paint_solid(&c->paint, color);
    sweep(c, GFX_NONZERO);
}

/* ---- text -----------------------------------------------------------------
 */

struct text_run {
    struct gfx_canvas *canvas;
    float size;  /* on the device */
    float x, y;  /* pen, in user space */
    float scale; /* user to device */
    bool as_path;
};

static void draw_bitmap(struct gfx_canvas *c, const struct gfx_glyph *g, int x,
                        int y)
{
    struct gfx_rect all =
        gfx_rect_of(x + g->left, y + g->top, g->width, g->height);
    struct gfx_rect r = begin(c, all);
    struct gfx_brush b = brush(c);
    for (int row = r.y0; row < r.y1; row++)
        gfx_paint_span(
            &b, r.x0, row, r.x1 - r.x0,
            g->coverage + (row - all.y0) * g->width + (r.x0 - all.x0), 0);
}

static void place_glyph(void *ctx, enum gfx_font font, int glyph, float x)
{
    struct text_run *run = ctx;
    struct gfx_canvas *c = run->canvas;
    const struct gfx_matrix *m = &top(c)->matrix;
    if (run->as_path) {
        gfx_path_reset(&c->shape);
        gfx_raster_reset(&c->raster);
        gfx_glyph_path(&c->shape, m, font, run->size / run->scale, glyph,
                       run->x + x / run->scale, run->y);
        gfx_path_fill(&c->shape, &c->raster);
        sweep(c, GFX_NONZERO);
        return;
    }
    struct gfx_point pen = gfx_apply(m, run->x, run->y);
    float px = pen.x + x + 0.125f;
    if (!(fabsf(px) < 16000 && fabsf(pen.y) < 16000))
        return;
    int whole = (int)floorf(px), phase = (int)((px - (float)whole) * 4);
    const struct gfx_glyph *g =
        gfx_glyph_get(font, run->size, glyph, phase & 3);
    if (g)
        draw_bitmap(c, g, whole, (int)floorf(pen.y + 0.5f));
}

void gfx_canvas_text(struct gfx_canvas *c, enum gfx_font font, float size,
                     float x, float y, const char *text, size_t len,
                     uint32_t color)
{
    const struct gfx_matrix *m = &top(c)->matrix;
    float scale = magnification(m);
    if (!(scale > 0 && scale < 1e3f && size > 0))
        return;
    bool plain = m->b == 0 && m->c == 0 && m->a > 0 && m->a == m->d;
    struct text_run run = {
        c, size * scale, x, y, scale, !plain || size * scale > BITMAP_GLYPH};
    gfx_paint_solid(&c->paint, color);
    gfx_text_walk(font, run.size, text, len, place_glyph, &run);
}

void gfx_canvas_text_in(struct gfx_canvas *c, enum gfx_font font, float size,
                        float x, float y, float width, enum gfx_align align,
                        const char *text, size_t len, uint32_t color)
{
    static const char dots[] = "\xe2\x80\xa6";
    float w = gfx_text_width(font, size, text, len);
    if (w <= width) {
        float room = align == GFX_ALIGN_LEFT     ? 0
                     : align == GFX_ALIGN_CENTER ? (width - w) / 2
                                                 : width - w;
        gfx_canvas_text(c, font, size, x + room, y, text, len, color);
        return;
    }
    float dots_w = gfx_text_width(font, size, dots, 3);
    len = gfx_text_fit(font, size, text, len, width - dots_w, false);
    while (len && text[len - 1] == ' ')
        len--;
    w = gfx_text_width(font, size, text, len);
    gfx_canvas_text(c, font, size, x, y, text, len, color);
    gfx_canvas_text(c, font, size, x + w, y, dots, 3, color);
}

/* ---- pixels ---------------------------------------------------------------
 */

/* With a round clip: drawn aside, then blended through the mask. */
static void draw_masked(struct gfx_canvas *c, struct gfx_rect r,
                        const struct gfx_image *src, struct gfx_rectf from,
                        struct gfx_rectf to, unsigned alpha)
{
    struct gfx_image aside;
    const struct gfx_mask *m = &top(c)->mask->view;
    if (!gfx_image_init(&aside, r.x1 - r.x0, r.y1 - r.y0))
        return;
    to.x -= (float)r.x0;
    to.y -= (float)r.y0;
    gfx_over_scaled(&aside, gfx_image_rect(&aside), to, src, from, alpha);
    for (int y = r.y0; y < r.y1; y++) {
        uint32_t *d = c->image.pixels + (size_t)y * c->image.stride;
        const uint32_t *s = aside.pixels + (size_t)(y - r.y0) * aside.stride;
        const uint8_t *k =
            m->coverage + (size_t)(y - m->rect.y0) * (m->rect.x1 - m->rect.x0);
        for (int x = r.x0; x < r.x1; x++)
            d[x] = px_over(d[x], px_mul(s[x - r.x0], k[x - m->rect.x0]));
    }
    gfx_image_finish(&aside);
}

void gfx_canvas_image_draw(struct gfx_canvas *c, const struct gfx_image *src,
                           struct gfx_rectf from, struct gfx_rectf to,
                           float alpha)
{
    struct state *s = top(c);
    struct gfx_point p = gfx_apply(&s->matrix, to.x, to.y);
    struct gfx_rectf f = {p.x, p.y, to.w * fabsf(s->matrix.a),
                          to.h * fabsf(s->matrix.d)};
    struct gfx_rect box = {to_pixel(f.x), to_pixel(f.y), to_pixel(f.x + f.w),
                           to_pixel(f.y + f.h)};
    struct gfx_rect r = begin(c, box);
    unsigned a = alpha > 0 ? (unsigned)(fminf(alpha, 1) * 255 + 0.5f) : 0;
    if (gfx_rect_empty(r))
        return;
    bool whole = from.x == floorf(from.x) && from.y == floorf(from.y) &&
                 fabsf(f.x - (float)box.x0) < 1e-3f &&
                 fabsf(f.y - (float)box.y0) < 1e-3f && f.w == from.w &&
                 f.h == from.h && from.x >= 0 && from.y >= 0 &&
                 from.x + from.w <= (float)src->width &&
                 from.y + from.h <= (float)src->height;
    if (s->mask)
        draw_masked(c, r, src, from, f, a);
    else if (whole)
        gfx_over(&c->image, r, src, (int)from.x + r.x0 - box.x0,
                 (int)from.y + r.y0 - box.y0, a);
    else
        gfx_over_scaled(&c->image, r, f, src, from, a);
}

void gfx_canvas_put_pixels(struct gfx_canvas *c, int x, int y, int width,
                           int height, const uint8_t *rgba)
{
    struct gfx_rect all = {gfx_max(x, 0), gfx_max(y, 0),
                           gfx_min(c->image.width - x, width) + x,
                           gfx_min(c->image.height - y, height) + y};
    if (x >= c->image.width || y >= c->image.height || gfx_rect_empty(all) ||
        (c->ready && !c->ready(c->ready_data)))
        return;
    gfx_region_add(&c->damage, all);
    for (int v = all.y0; v < all.y1; v++) {
        const uint8_t *s =
            rgba + ((size_t)(v - y) * (size_t)width + (size_t)(all.x0 - x)) * 4;
        uint32_t *d = c->image.pixels + (size_t)v * c->image.stride;
        for (int u = all.x0; u < all.x1; u++, s += 4)
            d[u] = px_premultiply((uint32_t)s[3] << 24 | (uint32_t)s[0] << 16 |
                                  (uint32_t)s[1] << 8 | s[2]);
    }
}

static void unpremultiply(uint32_t p, uint8_t *rgba)
{
    unsigned a = p >> 24;
    rgba[3] = (uint8_t)a;
    for (int i = 0; i < 3; i++) {
        unsigned v = p >> (16 - 8 * i) & 255;
        rgba[i] = (uint8_t)(a ? gfx_min((int)((v * 255 + a / 2) / a), 255) : 0);
    }
}

void gfx_canvas_get_pixels(const struct gfx_canvas *c, int x, int y, int width,
                           int height, uint8_t *rgba)
{
    memset(rgba, 0, (size_t)width * (size_t)height * 4);
    for (int64_t v = gfx_max(y, 0);
         v < c->image.height && v < (int64_t)y + height; v++)
        for (int64_t u = gfx_max(x, 0);
             u < c->image.width && u < (int64_t)x + width; u++)
            unpremultiply(c->image.pixels[v * c->image.stride + u],
                          rgba + ((v - y) * width + (u - x)) * 4);
}
