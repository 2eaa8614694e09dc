/*
 * icons.c - see icons.h.  Called by the desktop's components through
 * vyoma:desktop/shell, so that an icon looks the same wherever it is shown.
 *
 * A glyph is a row of strokes and shapes on a grid of 32 x 32, as text: a
 * letter for the shape, then its numbers.
 *   l x y x y        line              r x y w h r   rounded rectangle, filled
 *   o x y r          circle            f x y w h r   the same, outlined
 *   d x y r          disc              p x y x y x y triangle, filled
 * A capital letter is drawn in a lighter shade.  W N sets the line's width.
 */
#include "gfx/icons.h"

#include <stdlib.h>
#include <string.h>

#define GRID 32

static const struct {
    const char *name, *strokes;
} glyphs[] = {
    {"clock", "w2.2 o16 16 9.6 l16 16 16 10 l16 16 20 18.4 d16 16 1.3"},
    {"terminal", "w2.6 l8.5 10.5 14 16 l14 16 8.5 21.5 l16.5 21.5 23.5 21.5"},
    {"calculator",
     "R8 7 16 5.6 1.6 r8 15 4.2 4.2 1.2 r13.9 15 4.2 4.2 1.2 "
     "R19.8 15 4.2 10 1.2 r8 20.8 4.2 4.2 1.2 r13.9 20.8 4.2 4.2 1.2"},
    {"paint", "w3 l11 21 22.5 9.5 W5 L12 20 21 11 d9.6 22.4 2.6 w2 "
              "l7.6 25 12 24.4"},
    {"notes", "w2.2 l10 10.5 22 10.5 L10 15 22 15 L10 19.5 22 19.5 "
              "L10 24 17 24"},
    {"globe", "w1.9 o16 16 9.6 l6.6 16 25.4 16 l16 6.6 16 25.4 "
              "L8.6 11.2 23.4 11.2 L8.6 20.8 23.4 20.8"},
    {"gauge", "w2.2 o16 17 9.2 l16 17 20.6 11.6 d16 17 1.8"},
    {"window", "w1.9 f6.5 8 19 16 2.4 l6.5 12.6 25.5 12.6"},
    {"pencil", "w3 l11 21 21 11 p8.6 23.6 9.4 19.8 12.2 22.8"},
};

static const char *find(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof glyphs / sizeof *glyphs; i++)
        if (strlen(glyphs[i].name) == len && !memcmp(glyphs[i].name, name, len))
            return glyphs[i].strokes;
    return "";
}

static int numbers_of(char shape)
{
    static const struct {
        char shape;
        int count;
    } shapes[] = {{'l', 4}, {'o', 3}, {'d', 3}, {'r', 5},
                  {'f', 5}, {'p', 6}, {'w', 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (shapes[i].shape == shape)
            return shapes[i].count;
    return 0;
}

static void draw_shape(struct gfx_canvas *c, char shape, const float v[6],
                       float width, uint32_t ink)
{
    switch (shape) {
    case 'l': gfx_canvas_line(c, v[0], v[1], v[2], v[3], width, ink); break;
    case 'o': gfx_canvas_stroke_circle(c, v[0], v[1], v[2], width, ink); break;
    case 'd': gfx_canvas_fill_ellipse(c, v[0], v[1], v[2], v[2], ink); break;
    case 'r':
        gfx_canvas_fill_rounded_rect(c, v[0], v[1], v[2], v[3], v[4], ink);
        break;
    case 'f':
        gfx_canvas_stroke_rounded_rect(c, v[0], v[1], v[2], v[3], v[4], width,
                                       ink);
        break;
    case 'p': gfx_canvas_fill_triangle(c, v, ink); break;
    default: break;
    }
}

static void draw_strokes(struct gfx_canvas *c, const char *at, uint32_t accent)
{
    float width = 2;
    while (*at) {
        float v[6] = {0};
        char shape = *at++;
        bool light = shape >= 'A' && shape <= 'Z';
        if (shape == ' ')
            continue;
        shape |= 32;
        for (int i = 0; i < numbers_of(shape); i++) {
            char *end;
            v[i] = strtof(at, &end);
            at = end;
        }
        if (shape == 'w')
            width = v[0];
        else
            draw_shape(c, shape, v, width,
                       (light ? 0x96000000 : 0xff000000) | accent);
    }
}

/* Each channel moved towards white (or black, negative) by amount / 256. */
static uint32_t shade(uint32_t color, int amount)
{
    uint32_t out = 0xff000000;
    int to = amount < 0 ? 0 : 255, k = abs(amount);
    for (int shift = 0; shift < 24; shift += 8) {
        int v = (int)(color >> shift & 255);
        out |= (uint32_t)(v + (to - v) * k / 256) << shift;
    }
    return out;
}

/* A tile that is lit from above, with a bright upper and a dark lower rim. */
static void draw_tile(struct gfx_canvas *c, uint32_t color)
{
    struct gfx_path *p = gfx_canvas_path(c);
    const struct gfx_matrix *m = gfx_canvas_matrix(c);
    gfx_path_reset(p);
    gfx_path_rounded_rect(p, m, 1.2f, 1.2f, 29.6f, 29.6f, 7);
    gfx_canvas_fill_linear(c, 0, 1, 0, 31, shade(color, 88), shade(color, -14));
    gfx_canvas_stroke_rounded_rect(c, 1.4f, 1.4f, 29.2f, 29.2f, 6.8f, 0.4f,
                                   0x30000000);
    gfx_canvas_stroke_rounded_rect(c, 1.9f, 1.9f, 28.2f, 28.2f, 6.4f, 0.5f,
                                   0x38ffffff);
}

void gfx_icon_draw(struct gfx_canvas *canvas, const char *glyph, size_t len,
                   uint32_t color, uint32_t accent, float x, float y,
                   float size)
{
    gfx_canvas_save(canvas);
    gfx_canvas_translate(canvas, x, y);
    gfx_canvas_scale(canvas, size / GRID, size / GRID);
    draw_tile(canvas, color & 0xffffff);
    draw_strokes(canvas, find(glyph, len), accent & 0xffffff);
    gfx_canvas_restore(canvas);
}
