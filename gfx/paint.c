/* paint.c - colours, gradients and masks, span by span: see paint.h. */
#include "gfx/paint.h"
#include "gfx/blend.h"

#include <math.h>

#define CHUNK 64

void gfx_paint_solid(struct gfx_paint *paint, uint32_t color)
{
    paint->kind = GFX_PAINT_SOLID;
    paint->pixel = px_premultiply(color);
}

static void make_ramp(struct gfx_paint *paint, uint32_t c0, uint32_t c1)
{
    uint32_t a = px_premultiply(c0), b = px_premultiply(c1);
    for (unsigned i = 0; i < 256; i++)
        paint->ramp[i] = px_mix(a, b, px_scale(i));
}

void gfx_paint_linear(struct gfx_paint *paint, float x0, float y0, float x1,
                      float y1, uint32_t c0, uint32_t c1)
{
    float dx = x1 - x0, dy = y1 - y0, len2 = dx * dx + dy * dy;
    paint->kind = GFX_PAINT_LINEAR;
    make_ramp(paint, c0, c1);
    if (!(len2 > 1e-6f && len2 < 1e12f))
        len2 = 1e-6f;
    paint->dx = dx / len2;
    paint->dy = dy / len2;
    paint->at = -(x0 * paint->dx + y0 * paint->dy);
}

void gfx_paint_radial(struct gfx_paint *paint, float x, float y, float radius,
                      uint32_t c0, uint32_t c1)
{
    paint->kind = GFX_PAINT_RADIAL;
    make_ramp(paint, c0, c1);
    paint->x = x;
    paint->y = y;
    paint->inverse = radius > 1e-3f ? 1 / radius : 1e3f;
}

/* Position in the ramp; NaN goes to its start. */
static uint32_t ramp_at(const struct gfx_paint *paint, float t)
{
    if (!(t > 0))
        return paint->ramp[0];
    return paint->ramp[t < 1 ? (int)(t * 255.5f) : 255];
}

/* Linear gradients advance in 8.24 fixed point along the row. */
static void linear_row(const struct gfx_paint *paint, uint32_t *out, int x,
                       int y, int n)
{
    double t = ((double)paint->dx * (x + 0.5) + (double)paint->dy * (y + 0.5) +
                (double)paint->at) *
               255;
    double step = (double)paint->dx * 255;
    if (!(fabs(t) < 1e9 && fabs(step) < 1e6)) {
        for (int i = 0; i < n; i++)
            out[i] = ramp_at(paint, (float)((t + step * i) / 255));
        return;
    }
    int64_t at = (int64_t)(t * 16777216) + (1 << 23);
    int64_t by = (int64_t)(step * 16777216);
    for (int i = 0; i < n; i++, at += by) {
        int64_t k = at >> 24;
        out[i] = paint->ramp[k < 0 ? 0 : k > 255 ? 255 : k];
    }
}

static void radial_row(const struct gfx_paint *paint, uint32_t *out, int x,
                       int y, int n)
{
    float dy = (float)y + 0.5f - paint->y;
    for (int i = 0; i < n; i++) {
        float dx = (float)(x + i) + 0.5f - paint->x;
        out[i] = ramp_at(paint, sqrtf(dx * dx + dy * dy) * paint->inverse);
    }
}

static void blend_solid(uint32_t *d, uint32_t pixel, int n, const uint8_t *cov)
{
    bool opaque = pixel >= 0xff000000u;
    for (int i = 0; i < n; i++) {
        if (cov[i] == 255 && opaque)
            d[i] = pixel;
        else if (cov[i])
            d[i] = px_over(d[i], px_mul(pixel, cov[i]));
    }
}

static void blend_run(uint32_t *d, uint32_t pixel, int n)
{
    if (pixel >= 0xff000000u) {
        for (int i = 0; i < n; i++)
            d[i] = pixel;
        return;
    }
    unsigned keep = 255 - (pixel >> 24);
    for (int i = 0; i < n; i++)
        d[i] = pixel + px_mul(d[i], keep);
}

static void blend_pixels(uint32_t *d, const uint32_t *s, int n,
                         const uint8_t *cov, unsigned all)
{
    for (int i = 0; i < n; i++) {
        unsigned c = cov ? cov[i] : all;
        if (c)
            d[i] = px_over(d[i], px_mul(s[i], c));
    }
}

static void masked(const struct gfx_mask *mask, int x, int y, int n,
                   const uint8_t *cov, unsigned all, uint8_t *out)
{
    int width = mask->rect.x1 - mask->rect.x0;
    const uint8_t *m = mask->coverage + (size_t)(y - mask->rect.y0) * width +
                       (x - mask->rect.x0);
    for (int i = 0; i < n; i++)
        out[i] = (uint8_t)((cov ? cov[i] : all) * px_scale(m[i]) >> 8);
}

/* At most CHUNK pixels. */
static void chunk(const struct gfx_brush *b, int x, int y, int n,
                  const uint8_t *cov, unsigned all)
{
    uint32_t *d = b->image->pixels + (size_t)y * b->image->stride + x;
    uint32_t colors[CHUNK];
    uint8_t narrowed[CHUNK];
    if (b->mask) {
        masked(b->mask, x, y, n, cov, all, narrowed);
        cov = narrowed;
    }
    if (b->paint->kind == GFX_PAINT_SOLID) {
        blend_solid(d, b->paint->pixel, n, cov);
        return;
    }
    if (b->paint->kind == GFX_PAINT_LINEAR)
        linear_row(b->paint, colors, x, y, n);
    else
        radial_row(b->paint, colors, x, y, n);
    blend_pixels(d, colors, n, cov, all);
}

void gfx_paint_span(void *brush, int x, int y, int n, const uint8_t *cov,
                    unsigned all)
{
    const struct gfx_brush *b = brush;
    if (!cov && !b->mask && b->paint->kind == GFX_PAINT_SOLID) {
        blend_run(b->image->pixels + (size_t)y * b->image->stride + x,
                  px_mul(b->paint->pixel, all), n);
        return;
    }
    for (int i = 0; i < n; i += CHUNK)
        chunk(b, x + i, y, gfx_min(CHUNK, n - i), cov ? cov + i : NULL, all);
}
