/*
 * path.h - paths: outlines built in user space, kept as polygons in device
 * space, and put into a raster filled or stroked.
 */
#ifndef VYOMA_GFX_PATH_H
#define VYOMA_GFX_PATH_H

#include "gfx/raster.h"

/* x' = a x + c y + e,  y' = b x + d y + f */
struct gfx_matrix {
    float a, b, c, d, e, f;
};
#define GFX_IDENTITY ((struct gfx_matrix){1, 0, 0, 1, 0, 0})

struct gfx_point {
    float x, y;
};

static inline struct gfx_point gfx_apply(const struct gfx_matrix *m, float x,
                                         float y)
{
    return (struct gfx_point){m->a * x + m->c * y + m->e,
                              m->b * x + m->d * y + m->f};
}

/* Points of all contours; a contour ends where the next one starts. */
struct gfx_path {
    struct gfx_point *points;
    uint8_t *marks; /* per point: GFX_MARK_* */
    int n, capacity;
    bool overflow;
};

enum { GFX_MARK_START = 1, GFX_MARK_CLOSED = 2 };

void gfx_path_finish(struct gfx_path *path);
void gfx_path_reset(struct gfx_path *path);
void gfx_path_move(struct gfx_path *path, const struct gfx_matrix *m, float x,
                   float y);
void gfx_path_line(struct gfx_path *path, const struct gfx_matrix *m, float x,
                   float y);
void gfx_path_quad(struct gfx_path *path, const struct gfx_matrix *m, float cx,
                   float cy, float x, float y);
void gfx_path_cubic(struct gfx_path *path, const struct gfx_matrix *m,
                    float c0x, float c0y, float c1x, float c1y, float x,
                    float y);
/* Clockwise from start to end (radians), joined by a line. */
void gfx_path_arc(struct gfx_path *path, const struct gfx_matrix *m, float x,
                  float y, float rx, float ry, float start, float end);
void gfx_path_rounded_rect(struct gfx_path *path, const struct gfx_matrix *m,
                           float x, float y, float w, float h, float radius);
void gfx_path_close(struct gfx_path *path);

void gfx_path_fill(const struct gfx_path *path, struct gfx_raster *raster);
/* Width in device pixels; round joins, round (or butt) ends. */
void gfx_path_stroke(const struct gfx_path *path, struct gfx_raster *raster,
                     float width, bool round_ends);

#endif
