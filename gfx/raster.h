/*
 * raster.h - polygons to coverage: edges go in, spans of 8-bit coverage come
 * out, row by row.  Who draws them (canvas.c) or keeps them (text.c) is the
 * caller's business.
 */
#ifndef VYOMA_GFX_RASTER_H
#define VYOMA_GFX_RASTER_H

#include "gfx/image.h"

struct gfx_edge; /* raster.c */

struct gfx_raster {
    struct gfx_edge *edges;
    int n, capacity;
    bool overflow; /* too many edges: nothing is drawn */
};

enum gfx_rule { GFX_NONZERO, GFX_EVEN_ODD };

/*
 * One span: `n` pixels from (x, y), with coverages `cov` (1 to 255 matter, 0
 * may occur), or all `all` when cov is NULL.
 */
typedef void (*gfx_span_fn)(void *ctx, int x, int y, int n, const uint8_t *cov,
                            unsigned all);

void gfx_raster_finish(struct gfx_raster *raster);
void gfx_raster_reset(struct gfx_raster *raster);
/* Coordinates in pixels; anything outside +-2^20, or NaN, is clamped. */
void gfx_raster_line(struct gfx_raster *raster, float x0, float y0, float x1,
                     float y1);
/* Pixels that may be touched. */
struct gfx_rect gfx_raster_bounds(const struct gfx_raster *raster);
/* Consumes the edges.  clip is at most GFX_SIDE_MAX wide. */
void gfx_raster_sweep(struct gfx_raster *raster, struct gfx_rect clip,
                      enum gfx_rule rule, gfx_span_fn span, void *ctx);

#endif
