/*
 * shadow.c - soft shadows of rounded rectangles.
 *
 * Three box blurs of the shape's mask come close to a Gaussian.  Away from
 * the corners a shadow is constant along the edge, so the mask is made for
 * the smallest shape with the same corners, cached, and stretched from its
 * middle row and column when drawn.
 */
#include "gfx/blend.h"
#include "gfx/canvas.h"

#include <stdlib.h>
#include <string.h>

#define CACHED 8
#define LIMIT 128 /* of radius and blur */

struct mask {
    int w, h, radius, blur; /* of the shape */
    int width, height;      /* of the mask: shape plus reach on each side */
    uint8_t *coverage;
    unsigned long used;
};

static struct mask masks[CACHED];
static unsigned long clock_hand;

static void mask_span(void *ctx, int x, int y, int n, const uint8_t *cov,
                      unsigned all)
{
    struct mask *m = ctx;
    uint8_t *to = m->coverage + (size_t)y * m->width + x;
    if (cov)
        memcpy(to, cov, (size_t)n);
    else
        memset(to, (int)all, (size_t)n);
}

static void draw_shape(struct mask *m)
{
    struct gfx_path path = {0};
    struct gfx_raster raster = {0};
    float reach = (float)gfx_shadow_reach(m->blur);
    gfx_path_rounded_rect(&path, &GFX_IDENTITY, reach, reach, (float)m->w,
                          (float)m->h, (float)m->radius);
    gfx_path_fill(&path, &raster);
    gfx_raster_sweep(&raster, gfx_rect_of(0, 0, m->width, m->height),
                     GFX_NONZERO, mask_span, m);
    gfx_path_finish(&path);
    gfx_raster_finish(&raster);
}

/* Averages each value with `half` neighbours on both sides; values beyond the
 * ends are zero. */
static void box_blur(uint8_t *data, int n, int step, int half, uint8_t *tmp)
{
    unsigned sum = 0, inverse = 65536u / (unsigned)(2 * half + 1);
    for (int i = 0; i < n; i++)
        tmp[i] = data[(size_t)i * step];
    for (int i = 0; i < gfx_min(half, n); i++)
        sum += tmp[i];
    for (int i = 0; i < n; i++) {
        if (i + half < n)
            sum += tmp[i + half];
        if (i - half - 1 >= 0)
            sum -= tmp[i - half - 1];
        data[(size_t)i * step] = (uint8_t)((sum * inverse + 32768) >> 16);
    }
}

static void blur(struct mask *m, uint8_t *tmp)
{
    int half = m->blur / 3;
    for (int pass = 0; half && pass < 3; pass++) {
        for (int y = 0; y < m->height; y++)
            box_blur(m->coverage + (size_t)y * m->width, m->width, 1, half,
                     tmp);
        for (int x = 0; x < m->width; x++)
            box_blur(m->coverage + x, m->height, m->width, half, tmp);
    }
}

static bool mask_make(struct mask *m)
{
    int reach = gfx_shadow_reach(m->blur);
    m->width = m->w + 2 * reach;
    m->height = m->h + 2 * reach;
    m->coverage = calloc((size_t)m->width, (size_t)m->height);
    uint8_t *tmp = malloc((size_t)gfx_max(m->width, m->height));
    if (m->coverage && tmp) {
        draw_shape(m);
        blur(m, tmp);
    } else {
        free(m->coverage);
        m->coverage = NULL;
    }
    free(tmp);
    return m->coverage != NULL;
}

static const struct mask *mask_get(int w, int h, int radius, int blur_by)
{
    int whole = 2 * (radius + blur_by) + 3; /* beyond, edges are constant */
    w = gfx_min(w, whole);
    h = gfx_min(h, whole);
    struct mask *oldest = &masks[0];
    for (int i = 0; i < CACHED; i++) {
        struct mask *m = &masks[i];
        if (m->coverage && m->w == w && m->h == h && m->radius == radius &&
            m->blur == blur_by) {
            m->used = ++clock_hand;
            return m;
        }
        if (m->used < oldest->used)
            oldest = m;
    }
    free(oldest->coverage);
    *oldest = (struct mask){.w = w, .h = h, .radius = radius, .blur = blur_by};
    oldest->used = ++clock_hand;
    return mask_make(oldest) ? oldest : NULL;
}

/* Where a coordinate of the stretched shadow lies in the mask. */
static int unstretch(int at, int full, int size)
{
    int head = size / 2;
    if (at < head)
        return at;
    return at >= full - (size - head - 1) ? at - full + size : head;
}

static void shade(uint32_t *d, const uint8_t *cov, int n, uint32_t color)
{
    for (int i = 0; i < n; i++)
        if (cov[i])
            d[i] = px_over(d[i], px_mul(color, cov[i]));
}

static void shade_run(uint32_t *d, int n, uint32_t pixel)
{
    unsigned keep = 255 - (pixel >> 24);
    if (pixel)
        for (int i = 0; i < n; i++)
            d[i] = pixel + px_mul(d[i], keep);
}

/* One row of the shadow: columns [from, to) of `full`. */
static void shade_row(uint32_t *d, const uint8_t *cov, int from, int to,
                      int full, int size, uint32_t color)
{
    int head = size / 2, tail = full - (size - head - 1);
    if (full <= size)
        head = tail = full;
    int a = gfx_max(from, 0), b = gfx_min(to, head);
    if (a < b)
        shade(d + a - from, cov + a, b - a, color);
    a = gfx_max(from, head), b = gfx_min(to, tail);
    if (a < b)
        shade_run(d + a - from, b - a, px_mul(color, cov[head]));
    a = gfx_max(from, tail), b = gfx_min(to, full);
    if (a < b)
        shade(d + a - from, cov + a - full + size, b - a, color);
}

void gfx_shadow_draw(struct gfx_image *dst, struct gfx_rect clip, int x, int y,
                     int w, int h, int radius, int blur_by, uint32_t color)
{
    if (w < 1 || h < 1)
        return;
    radius = gfx_max(0, gfx_min(gfx_min(radius, LIMIT), gfx_min(w, h) / 2));
    blur_by = gfx_max(0, gfx_min(blur_by, LIMIT));
    int reach = gfx_shadow_reach(blur_by);
    struct gfx_rect all = gfx_rect_grow(gfx_rect_of(x, y, w, h), reach);
    clip = gfx_rect_and(gfx_rect_and(clip, all), gfx_image_rect(dst));
    const struct mask *m =
        gfx_rect_empty(clip) ? NULL : mask_get(w, h, radius, blur_by);
    if (!m)
        return;
    uint32_t pixel = px_premultiply(color);
    for (int row = clip.y0; row < clip.y1; row++) {
        int my = unstretch(row - all.y0, all.y1 - all.y0, m->height);
        shade_row(dst->pixels + (size_t)row * dst->stride + clip.x0,
                  m->coverage + (size_t)my * m->width, clip.x0 - all.x0,
                  clip.x1 - all.x0, all.x1 - all.x0, m->width, pixel);
    }
}
