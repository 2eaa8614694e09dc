/*
 * icons.c - see icons.h.
 *
 * A glyph is a row of strokes and shapes on a grid of 16 x 16, written as
 * text: a letter for the shape, then coordinates in hexadecimal digits.
 *   l x y x y      line            r x y w h  rounded rectangle, filled
 *   o x y r        circle          f x y w h  rectangle, outlined
 */
#include "sdk/icons.h"

static const struct {
    char name[12];
    const char *strokes;
} glyphs[] = {
    {"clock", "o885l8885l88a9"},
    {"terminal", "l4578l784bl8bcb"},
    {"calculator", "r4483r4922r7922ra922r4c22r7c22rac22"},
    {"paint", "l5cc5l5c6al6a4dr4c22rc322"},
    {"notes", "l56b6l58b8l5aba l5c9c"},
    {"globe", "o885l38d8l838dl56b6l5aba"},
    {"gauge", "o895l89b6r7822"},
    {"window", "f3449a l36d6"},
};

static int digit(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

static void draw_strokes(handle c, const char *s, color ink)
{
    float v[4];
    while (*s) {
        char shape = *s++;
        if (shape == ' ')
            continue;
        int count = shape == 'o' ? 3 : 4;
        for (int i = 0; i < count && *s;) {
            if (*s != ' ')
                v[i++] = (float)digit(*s);
            s++;
        }
        switch (shape) {
        case 'l': canvas_line(c, v[0], v[1], v[2], v[3], 1.1f, ink); break;
        case 'r': canvas_round(c, v[0], v[1], v[2], v[3], 1, ink); break;
        case 'o':
            canvas_round_frame(c, v[0] - v[2], v[1] - v[2], 2 * v[2], 2 * v[2],
                               v[2], 1.1f, ink);
            break;
        default: canvas_round_frame(c, v[0], v[1], v[2], v[3], 1, 1.1f, ink);
        }
    }
}

/* Each of three channels moved towards white by amount/256. */
static color lighter(color c, uint32_t amount)
{
    color out = 0xff000000;
    for (int shift = 0; shift < 24; shift += 8) {
        uint32_t v = c >> shift & 255;
        out |= (v + (255 - v) * amount / 256) << shift;
    }
    return out;
}

void icon_draw(handle c, const app_icon *icon, float x, float y, float size)
{
    color base = 0xff000000 | icon->color;
    canvas_save(c);
    canvas_translate(c, x, y);
    canvas_scale(c, size / 16, size / 16);
    canvas_begin(c);
    canvas_add_round(c, 0.6f, 0.6f, 14.8f, 14.8f, 3.5f);
    canvas_fill_linear(c, 0, 0, 0, 16, lighter(base, 70), base);
    canvas_round_frame(c, 0.6f, 0.6f, 14.8f, 14.8f, 3.5f, 0.2f, 0x28000000);
    for (size_t i = 0; i < COUNT(glyphs); i++)
        if (str_equal(icon->glyph, str_of(glyphs[i].name)))
            draw_strokes(c, glyphs[i].strokes, 0xff000000 | icon->accent);
    canvas_restore(c);
}
