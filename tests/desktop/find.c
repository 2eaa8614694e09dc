/*
 * find.c - finds a text on the screen: the text is drawn anew, at the four
 * phases of a pixel that glyphs have, and slid over the picture; the score is
 * the correlation of its coverage with the picture's brightness, so that
 * neither the colours nor what shines through a panel matter.
 */
#include "gfx/canvas.h"
#include "tests/desktop/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PAD 3
#define SIDE_MAX 512
#define SPARSE 5 /* every n-th sample for a first look */
#define PLAIN 12 /* variance of brightness below which nothing stands */

struct template
{
    int width, height, baseline, n;
    int16_t dx[SIDE_MAX * 64], dy[SIDE_MAX * 64];
    float value[SIDE_MAX * 64]; /* coverage less its mean, unit length */
    uint8_t cover[SIDE_MAX * 64];
};

static void normalise(float *v, int n)
{
    double sum = 0, square = 0;
    for (int i = 0; i < n; i++)
        sum += (double)v[i];
    for (int i = 0; i < n; i++) {
        v[i] -= (float)(sum / n);
        square += (double)v[i] * (double)v[i];
    }
    float scale = square > 0 ? (float)(1 / sqrt(square)) : 0;
    for (int i = 0; i < n; i++)
        v[i] *= scale;
}

static bool make_template(struct template *t, enum gfx_font font, float size,
                          const char *text, float phase)
{
    struct gfx_image image;
    size_t len = strlen(text);
    t->width = (int)ceilf(gfx_text_width(font, size, text, len)) + 2 * PAD;
    t->height = (int)ceilf(size * 1.1f) + 2 * PAD;
    t->baseline = (int)ceilf(size * 0.8f) + PAD;
    if (t->width > SIDE_MAX || t->height > 64 ||
        !gfx_image_init(&image, t->width, t->height))
        return false;
    struct gfx_canvas *c = gfx_canvas_create();
    gfx_canvas_bind(c, image);
    gfx_canvas_clear(c, 0xff000000);
    gfx_canvas_text(c, font, size, PAD + phase, (float)t->baseline, text, len,
                    0xffffffff);
    t->n = 0;
    for (int y = 0; y < t->height; y++)
        for (int x = 0; x < t->width; x++) {
            uint32_t p = image.pixels[(size_t)y * image.stride + x];
            t->dx[t->n] = (int16_t)x;
            t->dy[t->n] = (int16_t)y;
            t->cover[t->n] = (uint8_t)p;
            t->value[t->n++] = (float)(p & 255);
        }
    gfx_canvas_destroy(c);
    gfx_image_finish(&image);
    normalise(t->value, t->n);
    return true;
}

/* Correlation of every `step`-th sample with the picture there. */
static float score_at(const struct template *t, const uint8_t *light,
                      int stride, int x, int y, int step)
{
    float sum = 0, square = 0, product = 0, mean = 0, own = 0;
    int n = 0;
    for (int i = 0; i < t->n; i += step, n++) {
        float v = light[(y + t->dy[i]) * stride + x + t->dx[i]];
        sum += v;
        square += v * v;
        product += v * t->value[i];
        mean += t->value[i];
        own += t->value[i] * t->value[i];
    }
    float spread = square - sum * sum / (float)n;
    float against = own - mean * mean / (float)n;
    if (spread < PLAIN * (float)n || against <= 0)
        return 0;
    return (product - sum * mean / (float)n) / sqrtf(spread * against);
}

static uint32_t mean_ink(const struct template *t,
                         const struct gfx_image *screen, int x, int y)
{
    uint64_t sums[3] = {0}, n = 0;
    for (int i = 0; i < t->n; i++) {
        if (t->cover[i] < 225)
            continue;
        uint32_t p = screen->pixels[(size_t)(y + t->dy[i]) * screen->stride +
                                    x + t->dx[i]];
        for (int k = 0; k < 3; k++)
            sums[k] += p >> (16 - 8 * k) & 255;
        n++;
    }
    n = n ? n : 1;
    return (uint32_t)(sums[0] / n << 16 | sums[1] / n << 8 | sums[2] / n);
}

static uint8_t *brightness(const struct gfx_image *screen)
{
    uint8_t *light = malloc((size_t)screen->width * (size_t)screen->height + 1);
    for (int y = 0; light && y < screen->height; y++)
        for (int x = 0; x < screen->width; x++) {
            uint32_t p = screen->pixels[(size_t)y * screen->stride + x];
            light[y * screen->width + x] =
                (uint8_t)(((p >> 16 & 255) * 2 + (p >> 8 & 255) * 5 +
                           (p & 255)) /
                          8);
        }
    return light;
}

/* Sums over everything above and to the left, of values and of squares. */
struct sums {
    uint32_t *value;
    uint64_t *square;
    int stride;
};

static bool sums_init(struct sums *s, const uint8_t *light, int w, int h)
{
    s->stride = w + 1;
    s->value = calloc((size_t)(w + 1) * (size_t)(h + 1), sizeof *s->value);
    s->square = calloc((size_t)(w + 1) * (size_t)(h + 1), sizeof *s->square);
    if (!s->value || !s->square)
        return false;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            int at = (y + 1) * s->stride + x + 1, up = at - s->stride;
            uint32_t v = light[y * w + x];
            s->value[at] =
                v + s->value[at - 1] + s->value[up] - s->value[up - 1];
            s->square[at] =
                v * v + s->square[at - 1] + s->square[up] - s->square[up - 1];
        }
    return true;
}

/* A rectangle of one shade, as most are. */
static bool plain(const struct sums *s, int x, int y, int w, int h)
{
    int a = y * s->stride + x, b = a + h * s->stride;
    double n = w * h;
    double sum = s->value[b + w] - s->value[b] - s->value[a + w] + s->value[a];
    double square = (double)(s->square[b + w] - s->square[b] -
                             s->square[a + w] + s->square[a]);
    return square / n - sum / n * (sum / n) < PLAIN;
}

struct found find_text(const struct gfx_image *screen, struct gfx_rect within,
                       enum gfx_font font, float size, const char *text)
{
    static struct template t;
    struct found best = {0};
    struct sums sums = {0};
    uint8_t *light = brightness(screen);
    bool ok = light && sums_init(&sums, light, screen->width, screen->height);
    for (int phase = 0; ok && phase < 4; phase++) {
        if (!make_template(&t, font, size, text, (float)phase / 4))
            break;
        int x1 = gfx_min(within.x1, screen->width) - t.width;
        int y1 = gfx_min(within.y1, screen->height) - t.height;
        for (int y = gfx_max(within.y0, 0); y <= y1; y++)
            for (int x = gfx_max(within.x0, 0); x <= x1; x++) {
                if (plain(&sums, x, y, t.width, t.height))
                    continue;
                float k = score_at(&t, light, screen->width, x, y, SPARSE);
                if (fabsf(k) < 0.6f)
                    continue;
                k = fabsf(score_at(&t, light, screen->width, x, y, 1));
                if (k > best.score)
                    best = (struct found){k, x + PAD, y + t.baseline,
                                          t.width - 2 * PAD,
                                          mean_ink(&t, screen, x, y)};
            }
    }
    free(sums.value);
    free(sums.square);
    free(light);
    return best;
}
