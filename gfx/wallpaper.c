/*
 * wallpaper.c - the desktop's picture: a mesh of colours, made at boot.
 *
 * Bands of colour flow across; they are computed on a grid of 16 pixels and
 * interpolated between, in integers, with an ordered dither against banding.
 * Three colour channels travel in one 64-bit word, 8.8 fixed point each: this
 * runs before the first frame and must cost next to nothing.
 */
#include "gfx/server.h"

#include <math.h>

#define CELL 16

/* The colours that the bands go through, from above to below. */
static const struct {
    float at, r, g, b;
} stops[] = {
    {-0.30f, 10, 14, 52},   {0.12f, 24, 44, 132},   {0.34f, 74, 58, 178},
    {0.52f, 152, 66, 176},  {0.68f, 226, 84, 140},  {0.82f, 252, 128, 108},
    {1.04f, 255, 160, 100}, {1.30f, 255, 196, 120},
};

/* A wave of period and height one, made of parabolas. */
static float wave(float t)
{
    t -= floorf(t + 0.5f);
    return 8 * t - 16 * t * fabsf(t);
}

static uint64_t pack(float r, float g, float b, float light)
{
    float k = 256 * light;
    return (uint64_t)fminf(b * k, 65000) | (uint64_t)fminf(g * k, 65000) << 16 |
           (uint64_t)fminf(r * k, 65000) << 32;
}

/* The colour at a point of the screen, packed as 8.8 lanes b, g, r. */
static uint64_t node(float x, float y)
{
    enum { LAST = sizeof stops / sizeof *stops - 1 };
    float flow = y + 0.17f * wave(0.62f * x + 0.08f) +
                 0.055f * wave(1.45f * x - 0.55f * y + 0.30f) -
                 0.10f * (x - 0.5f);
    float fold = wave(1.9f * flow + 0.45f * x) * 0.065f +
                 wave(3.7f * flow - 0.8f * x + 0.4f) * 0.035f;
    int i = 0;
    while (i + 1 < LAST && flow > stops[i + 1].at)
        i++;
    float t = (flow - stops[i].at) / (stops[i + 1].at - stops[i].at);
    t = fminf(fmaxf(t, 0), 1);
    float r = stops[i].r + (stops[i + 1].r - stops[i].r) * t;
    float g = stops[i].g + (stops[i + 1].g - stops[i].g) * t;
    float b = stops[i].b + (stops[i + 1].b - stops[i].b) * t;
    return pack(r, g, b, 0.93f + fold);
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
