/*
 * image.h - pixels, rectangles and regions: the vocabulary of everything in
 * gfx/.  Pixels are premultiplied 0xAARRGGBB in native byte order.
 */
#ifndef VYOMA_GFX_IMAGE_H
#define VYOMA_GFX_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gfx_image {
    uint32_t *pixels;
    int width, height;
    int stride; /* in pixels */
};

/* Half-open: x0 <= x < x1.  Empty when x0 >= x1 or y0 >= y1. */
struct gfx_rect {
    int x0, y0, x1, y1;
};

#define GFX_SIDE_MAX 4096 /* of any image, in pixels */

static inline int gfx_min(int a, int b)
{
    return a < b ? a : b;
}

static inline int gfx_max(int a, int b)
{
    return a > b ? a : b;
}

static inline struct gfx_rect gfx_rect_of(int x, int y, int w, int h)
{
    return (struct gfx_rect){x, y, x + w, y + h};
}

static inline bool gfx_rect_empty(struct gfx_rect r)
{
    return r.x0 >= r.x1 || r.y0 >= r.y1;
}

static inline struct gfx_rect gfx_rect_and(struct gfx_rect a, struct gfx_rect b)
{
    return (struct gfx_rect){gfx_max(a.x0, b.x0), gfx_max(a.y0, b.y0),
                             gfx_min(a.x1, b.x1), gfx_min(a.y1, b.y1)};
}

/* The smallest rectangle holding both; an empty one counts for nothing. */
static inline struct gfx_rect gfx_rect_or(struct gfx_rect a, struct gfx_rect b)
{
    if (gfx_rect_empty(a))
        return b;
    if (gfx_rect_empty(b))
        return a;
    return (struct gfx_rect){gfx_min(a.x0, b.x0), gfx_min(a.y0, b.y0),
                             gfx_max(a.x1, b.x1), gfx_max(a.y1, b.y1)};
}

static inline struct gfx_rect gfx_rect_move(struct gfx_rect r, int dx, int dy)
{
    return (struct gfx_rect){r.x0 + dx, r.y0 + dy, r.x1 + dx, r.y1 + dy};
}

static inline struct gfx_rect gfx_rect_grow(struct gfx_rect r, int by)
{
    return (struct gfx_rect){r.x0 - by, r.y0 - by, r.x1 + by, r.y1 + by};
}

static inline bool gfx_rect_has(struct gfx_rect r, int x, int y)
{
    return x >= r.x0 && x < r.x1 && y >= r.y0 && y < r.y1;
}

static inline bool gfx_rect_inside(struct gfx_rect in, struct gfx_rect out)
{
    return in.x0 >= out.x0 && in.y0 >= out.y0 && in.x1 <= out.x1 &&
           in.y1 <= out.y1;
}

static inline long gfx_rect_area(struct gfx_rect r)
{
    return gfx_rect_empty(r) ? 0 : (long)(r.x1 - r.x0) * (r.y1 - r.y0);
}

static inline struct gfx_rect gfx_image_rect(const struct gfx_image *image)
{
    return gfx_rect_of(0, 0, image->width, image->height);
}

/*
 * A set of rectangles, bounded: when it is full, the two whose union wastes
 * least are joined.  They may overlap, so it suits damage (drawing twice is
 * only slower).
 */
#define GFX_REGION_MAX 12
struct gfx_region {
    int n;
    struct gfx_rect rects[GFX_REGION_MAX];
};

void gfx_region_add(struct gfx_region *region, struct gfx_rect rect);
void gfx_region_add_region(struct gfx_region *region,
                           const struct gfx_region *other);
struct gfx_rect gfx_region_bounds(const struct gfx_region *region);

/* Zeroed (transparent); false when the sides are bad or memory is short. */
bool gfx_image_init(struct gfx_image *image, int width, int height);
void gfx_image_finish(struct gfx_image *image);

/* ---- blits: `dst` is clipped to `clip`, which lies within the image ------ */

/* Copies src's pixels at (sx, sy) to dst's rectangle. */
void gfx_copy(struct gfx_image *dst, struct gfx_rect to,
              const struct gfx_image *src, int sx, int sy);
/* Blends src over dst, times alpha (0 to 255). */
void gfx_over(struct gfx_image *dst, struct gfx_rect to,
              const struct gfx_image *src, int sx, int sy, unsigned alpha);
/* Replaces, or blends, with one premultiplied colour. */
void gfx_fill(struct gfx_image *dst, struct gfx_rect to, uint32_t pixel);
void gfx_fill_over(struct gfx_image *dst, struct gfx_rect to, uint32_t pixel);

/* A rectangle with fractions, for scaled blits. */
struct gfx_rectf {
    float x, y, w, h;
};
/* Blends src's rectangle `from`, scaled to `to` (bilinear; halved first where
 * it shrinks a lot), times alpha, inside clip. */
void gfx_over_scaled(struct gfx_image *dst, struct gfx_rect clip,
                     struct gfx_rectf to, const struct gfx_image *src,
                     struct gfx_rectf from, unsigned alpha);

#endif
