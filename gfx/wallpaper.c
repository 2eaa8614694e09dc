/*
 * wallpaper.c - the desktop's picture: a mesh of colours, made at boot.
 *
 * Soft lights are summed on a grid of 16 pixels and interpolated between, in
 * integers, with an ordered dither against banding.  Three colour channels
 * travel in one 64-bit word, 8.8 fixed point each: this runs before the first
 * frame and must cost next to nothing.
 */
#include "gfx/server.h"

#define CELL 16

struct light {
    float x, y, reach; /* in screen widths / heights */
    float r, g, b;
};

static const float ground[3] = {24, 28, 66};
static const struct light lights[] = {
    {0.08f, 0.10f, 0.55f, 42, 74, 168},   {0.95f, 0.05f, 0.50f, 92, 50, 160},
    {0.62f, 0.45f, 0.42f, 150, 62, 150},  {1.02f, 0.78f, 0.48f, 250, 120, 92},
    {0.70f, 1.06f, 0.36f, 255, 176, 110}, {0.22f, 0.88f, 0.50f, 34, 92, 160},
    {0.38f, 0.58f, 0.26f, 84, 60, 168},
};

/* The colour at a point of the screen, packed as 8.8 lanes b, g, r. */
static uint64_t node(float x, float y)
{
    float sum = 0.55f, r = ground[0] * sum, g = ground[1] * sum,
          b = ground[2] * sum;
    for (size_t i = 0; i < sizeof lights / sizeof *lights; i++) {
        const struct light *l = &lights[i];
        float dx = (x - l->x) / l->reach, dy = (y - l->y) / l->reach * 0.8f;
        float d = 1 + 1.6f * (dx * dx + dy * dy);
        float w = 1.5f / (d * d * d);
        sum += w;
        r += w * l->r;
        g += w * l->g;
        b += w * l->b;
    }
    float k = 256 / sum;
    return (uint64_t)(b * k) | (uint64_t)(g * k) << 16 |
           (uint64_t)(r * k) << 32;
}

static void fill_cell_row(uint32_t *row, int n, uint64_t at, uint64_t step,
                          const uint64_t *dither)
{
    for (int i = 0; i < n; i++, at += step) {
        uint64_t v = at + dither[i & 3];
        row[i] = 0xff000000u | (uint32_t)(v >> 8 & 0xff) |
                 (uint32_t)(v >> 16 & 0xff00) | (uint32_t)(v >> 24 & 0xff0000);
    }
}

/* (b - a) / CELL in every lane; borrows between lanes cancel when added. */
static uint64_t lane_step(uint64_t a, uint64_t b)
{
    int64_t step = 0;
    for (int shift = 32; shift >= 0; shift -= 16) {
        int from = (int)(a >> shift & 0xffff), to = (int)(b >> shift & 0xffff);
        step = step * 65536 + (to - from) / CELL;
    }
    return (uint64_t)step;
}

static void fill_row(struct gfx_image *image, int y, const uint64_t *top,
                     const uint64_t *step)
{
    static const uint8_t bayer[4][4] = {{0, 128, 32, 160},
                                        {192, 64, 224, 96},
                                        {48, 176, 16, 144},
                                        {240, 112, 208, 80}};
    uint64_t dither[4];
    for (int i = 0; i < 4; i++)
        dither[i] = bayer[y & 3][i] * 0x000100010001ull;
    uint32_t *row = image->pixels + (size_t)y * image->stride;
    uint64_t v = (uint64_t)(y % CELL);
    for (int x = 0, i = 0; x < image->width; x += CELL, i++) {
        uint64_t left = top[i] + step[i] * v;
        uint64_t right = top[i + 1] + step[i + 1] * v;
        fill_cell_row(row + x, gfx_min(CELL, image->width - x), left,
                      lane_step(left, right), dither);
    }
}

void wallpaper_draw(struct gfx_image *image)
{
    enum { NODES = GFX_SIDE_MAX / CELL + 2 };
    uint64_t top[NODES], next[NODES], step[NODES];
    int n = (image->width + CELL - 1) / CELL + 1;
    float w = (float)image->width, h = (float)image->height;
    for (int i = 0; i < n; i++)
        next[i] = node((float)(i * CELL) / w, 0);
    for (int y = 0; y < image->height; y++) {
        if (y % CELL == 0) {
            for (int i = 0; i < n; i++) {
                top[i] = next[i];
                next[i] = node((float)(i * CELL) / w, (float)(y + CELL) / h);
                step[i] = lane_step(top[i], next[i]);
            }
        }
        fill_row(image, y, top, step);
    }
}
