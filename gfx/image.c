/* image.c - regions and blits: see image.h. */
#include "gfx/image.h"
#include "gfx/blend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- regions ------------------------------------------------------------ */

/* Joining two rectangles paints this much that neither asked for. */
static long waste(struct gfx_rect a, struct gfx_rect b)
{
    return gfx_rect_area(gfx_rect_or(a, b)) - gfx_rect_area(a) -
           gfx_rect_area(b);
}

static void join_cheapest(struct gfx_region *region)
{
    int bi = 0, bj = 1;
    for (int i = 0; i < region->n; i++)
        for (int j = i + 1; j < region->n; j++)
            if (waste(region->rects[i], region->rects[j]) <
                waste(region->rects[bi], region->rects[bj])) {
                bi = i;
                bj = j;
            }
    region->rects[bi] = gfx_rect_or(region->rects[bi], region->rects[bj]);
    region->rects[bj] = region->rects[--region->n];
}

void gfx_region_add(struct gfx_region *region, struct gfx_rect rect)
{
    if (gfx_rect_empty(rect))
        return;
    for (int i = 0; i < region->n; i++) {
        if (gfx_rect_inside(rect, region->rects[i]))
            return;
        if (waste(rect, region->rects[i]) <= 256) {
            rect = gfx_rect_or(rect, region->rects[i]);
            region->rects[i] = region->rects[--region->n];
            i = -1; /* the bigger one may swallow others */
        }
    }
    if (region->n == GFX_REGION_MAX)
        join_cheapest(region);
    region->rects[region->n++] = rect;
}

void gfx_region_add_region(struct gfx_region *region,
                           const struct gfx_region *other)
{
    for (int i = 0; i < other->n; i++)
        gfx_region_add(region, other->rects[i]);
}

struct gfx_rect gfx_region_bounds(const struct gfx_region *region)
{
    struct gfx_rect bounds = {0};
    for (int i = 0; i < region->n; i++)
        bounds = gfx_rect_or(bounds, region->rects[i]);
    return bounds;
}

/* ---- images ------------------------------------------------------------- */

bool gfx_image_init(struct gfx_image *image, int width, int height)
{
    *image = (struct gfx_image){0};
    if (width < 1 || height < 1 || width > GFX_SIDE_MAX ||
        height > GFX_SIDE_MAX)
        return false;
    image->pixels = calloc((size_t)width * height, sizeof *image->pixels);
    if (!image->pixels)
        return false;
    image->width = image->stride = width;
    image->height = height;
    return true;
}

void gfx_image_finish(struct gfx_image *image)
{
    free(image->pixels);
    *image = (struct gfx_image){0};
}

static uint32_t *row(const struct gfx_image *image, int x, int y)
{
    return image->pixels + (size_t)y * image->stride + x;
}

/* Cuts `to` to both images; moves the source point along. */
static struct gfx_rect cut(const struct gfx_image *dst, struct gfx_rect to,
                           const struct gfx_image *src, int *sx, int *sy)
{
    struct gfx_rect r = gfx_rect_and(to, gfx_image_rect(dst));
    struct gfx_rect s =
        gfx_rect_move(gfx_image_rect(src), to.x0 - *sx, to.y0 - *sy);
    r = gfx_rect_and(r, s);
    *sx += r.x0 - to.x0;
    *sy += r.y0 - to.y0;
    return r;
}

void gfx_copy(struct gfx_image *dst, struct gfx_rect to,
              const struct gfx_image *src, int sx, int sy)
{
    struct gfx_rect r = cut(dst, to, src, &sx, &sy);
    if (gfx_rect_empty(r))
        return;
    for (int y = r.y0; y < r.y1; y++)
        memcpy(row(dst, r.x0, y), row(src, sx, sy + y - r.y0),
               (size_t)(r.x1 - r.x0) * sizeof(uint32_t));
}

static void over_row(uint32_t *d, const uint32_t *s, int n)
{
    for (int i = 0; i < n; i++) {
        uint32_t p = s[i];
        if (p >= 0xff000000u)
            d[i] = p;
        else if (p)
            d[i] = px_over(d[i], p);
    }
}

static void over_row_alpha(uint32_t *d, const uint32_t *s, int n, unsigned a)
{
    for (int i = 0; i < n; i++)
        if (s[i])
            d[i] = px_over(d[i], px_mul(s[i], a));
}

void gfx_over(struct gfx_image *dst, struct gfx_rect to,
              const struct gfx_image *src, int sx, int sy, unsigned alpha)
{
    struct gfx_rect r = cut(dst, to, src, &sx, &sy);
    if (gfx_rect_empty(r) || !alpha)
        return;
    for (int y = r.y0; y < r.y1; y++) {
        uint32_t *d = row(dst, r.x0, y);
        const uint32_t *s = row(src, sx, sy + y - r.y0);
        if (alpha == 255)
            over_row(d, s, r.x1 - r.x0);
        else
            over_row_alpha(d, s, r.x1 - r.x0, alpha);
    }
}

void gfx_fill(struct gfx_image *dst, struct gfx_rect to, uint32_t pixel)
{
    struct gfx_rect r = gfx_rect_and(to, gfx_image_rect(dst));
    if (gfx_rect_empty(r))
        return;
    uint32_t *first = row(dst, r.x0, r.y0);
    for (int i = 0; i < r.x1 - r.x0; i++)
        first[i] = pixel;
    for (int y = r.y0 + 1; y < r.y1; y++)
        memcpy(row(dst, r.x0, y), first,
               (size_t)(r.x1 - r.x0) * sizeof(uint32_t));
}

void gfx_fill_over(struct gfx_image *dst, struct gfx_rect to, uint32_t pixel)
{
    struct gfx_rect r = gfx_rect_and(to, gfx_image_rect(dst));
    if (pixel >= 0xff000000u) {
        gfx_fill(dst, r, pixel);
        return;
    }
    for (int y = r.y0; y < r.y1; y++) {
        uint32_t *d = row(dst, r.x0, y);
        for (int i = 0; i < r.x1 - r.x0; i++)
            d[i] = px_over(d[i], pixel);
    }
}

/* ---- scaled blits ---------------------------------------------------------
 */

/* Averages 2x2 blocks of the part of `src` that `from` needs. */
static bool halve(const struct gfx_image *src, struct gfx_rectf *from,
                  struct gfx_image *out)
{
    int x0 = gfx_max(0, (int)floorf(from->x)) & ~1;
    int y0 = gfx_max(0, (int)floorf(from->y)) & ~1;
    int x1 = gfx_min(src->width, (int)ceilf(from->x + from->w));
    int y1 = gfx_min(src->height, (int)ceilf(from->y + from->h));
    int w = (x1 - x0) / 2, h = (y1 - y0) / 2;
    if (w < 1 || h < 1 || !gfx_image_init(out, w, h))
        return false;
    for (int y = 0; y < h; y++) {
        const uint32_t *a = row(src, x0, y0 + 2 * y), *b = a + src->stride;
        uint32_t *d = row(out, 0, y);
        for (int x = 0; x < w; x++, a += 2, b += 2) {
            uint64_t sum = px_spread(a[0]) + px_spread(a[1]) + px_spread(b[0]) +
                           px_spread(b[1]);
            d[x] = px_pack((sum + 2 * (PX_LANES / 255)) >> 2 & PX_LANES);
        }
    }
    *from = (struct gfx_rectf){(from->x - x0) / 2, (from->y - y0) / 2,
                               from->w / 2, from->h / 2};
    return true;
}

/* One destination row: u walks the source in 16.16. */
struct sampler {
    const uint32_t *top, *bottom; /* two source rows */
    unsigned fy;                  /* weight of the bottom one, 0..256 */
    int width;
};

static uint32_t sample(const struct sampler *s, int64_t u)
{
    int x = (int)(u >> 16);
    unsigned fx = (unsigned)(u >> 8) & 255;
    int xa = x < 0 ? 0 : gfx_min(x, s->width - 1);
    int xb = x < -1 ? 0 : gfx_min(x + 1, s->width - 1);
    uint32_t top = px_mix(s->top[xa], s->top[xb], fx);
    uint32_t bottom = px_mix(s->bottom[xa], s->bottom[xb], fx);
    return px_mix(top, bottom, s->fy);
}

static void scale_into(struct gfx_image *dst, struct gfx_rect clip,
                       struct gfx_rectf to, const struct gfx_image *src,
                       struct gfx_rectf from, unsigned alpha)
{
    double step_x = from.w / to.w, step_y = from.h / to.h;
    int64_t du = (int64_t)(step_x * 65536);
    for (int y = clip.y0; y < clip.y1; y++) {
        double v = from.y + (y + 0.5 - to.y) * step_y - 0.5;
        double u = from.x + (clip.x0 + 0.5 - to.x) * step_x - 0.5;
        int vi = (int)floor(v);
        struct sampler s = {.width = src->width,
                            .fy = (unsigned)((v - vi) * 256)};
        s.top = row(src, 0, gfx_max(0, gfx_min(vi, src->height - 1)));
        s.bottom = row(src, 0, gfx_max(0, gfx_min(vi + 1, src->height - 1)));
        int64_t at = (int64_t)(u * 65536);
        uint32_t *d = row(dst, clip.x0, y);
        for (int i = 0; i < clip.x1 - clip.x0; i++, at += du) {
            uint32_t p = sample(&s, at);
            if (alpha != 255)
                p = px_mul(p, alpha);
            d[i] = px_over(d[i], p);
        }
    }
}

void gfx_over_scaled(struct gfx_image *dst, struct gfx_rect clip,
                     struct gfx_rectf to, const struct gfx_image *src,
                     struct gfx_rectf from, unsigned alpha)
{
    if (!(to.w > 0 && to.h > 0 && from.w > 0 && from.h > 0) || !alpha)
        return;
    if (!(fabsf(to.x) + fabsf(to.y) + to.w + to.h < 1e6f &&
          fabsf(from.x) + fabsf(from.y) + from.w + from.h < 1e6f))
        return;
    struct gfx_rect r = {(int)floorf(to.x + 0.5f), (int)floorf(to.y + 0.5f),
                         (int)floorf(to.x + to.w + 0.5f),
                         (int)floorf(to.y + to.h + 0.5f)};
    r = gfx_rect_and(gfx_rect_and(r, clip), gfx_image_rect(dst));
    if (gfx_rect_empty(r))
        return;
    struct gfx_image levels[12] = {{0}};
    int n = 0;
    while (n < 12 && from.w > 1.9f * to.w && from.h > 1.9f * to.h) {
        if (!halve(src, &from, &levels[n]))
            break;
        src = &levels[n++];
    }
    scale_into(dst, r, to, src, from, alpha);
    while (n > 0)
        gfx_image_finish(&levels[--n]);
}
