/*
 * paint.h - what a shape is filled with, and how a span of it is blended.
 */
#ifndef VYOMA_GFX_PAINT_H
#define VYOMA_GFX_PAINT_H

#include "gfx/image.h"

enum gfx_paint_kind { GFX_PAINT_SOLID, GFX_PAINT_LINEAR, GFX_PAINT_RADIAL };

struct gfx_paint {
    enum gfx_paint_kind kind;
    uint32_t pixel;     /* solid; premultiplied */
    uint32_t ramp[256]; /* gradients; premultiplied */
    float x, y;         /* radial: centre */
    float dx, dy, at;   /* linear: t = dx * x + dy * y + at */
    float inverse;      /* radial: 1 / radius */
};

/* A mask that narrows every span; NULL coverage: none. */
struct gfx_mask {
    const uint8_t *coverage;
    struct gfx_rect rect; /* of the coverage, row by row */
};

void gfx_paint_solid(struct gfx_paint *paint, uint32_t color);
/* The points are in device space. */
void gfx_paint_linear(struct gfx_paint *paint, float x0, float y0, float x1,
                      float y1, uint32_t c0, uint32_t c1);
void gfx_paint_radial(struct gfx_paint *paint, float x, float y, float radius,
                      uint32_t c0, uint32_t c1);

/* What a span needs: a gfx_span_fn's ctx for gfx_paint_span. */
struct gfx_brush {
    struct gfx_image *image;
    const struct gfx_paint *paint;
    const struct gfx_mask *mask;
};
void gfx_paint_span(void *brush, int x, int y, int n, const uint8_t *cov,
                    unsigned all);

#endif
