/* test_gfx_canvas.c - regions, coverage, clips, gradients, text, pixels. */
#include "gfx/blend.h"
#include "gfx/canvas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SIDE 200

struct fixture {
    struct gfx_canvas *c;
    struct gfx_image image;
};

static int setup(void **state)
{
    static struct fixture f;
    f.c = gfx_canvas_create();
    assert_true(gfx_image_init(&f.image, SIDE, SIDE));
    gfx_canvas_bind(f.c, f.image);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    gfx_canvas_destroy(f->c);
    gfx_image_finish(&f->image);
    return 0;
}

static uint32_t at(const struct fixture *f, int x, int y)
{
    return f->image.pixels[y * SIDE + x];
}

/* The picture's alpha summed up, in pixels. */
static double ink(const struct fixture *f)
{
    double sum = 0;
    for (int i = 0; i < SIDE * SIDE; i++)
        sum += (f->image.pixels[i] >> 24) / 255.0;
    return sum;
}

static void region_covers_what_was_added(void **state)
{
    struct gfx_region r = {0};
    uint32_t seed = 1;
    struct gfx_rect rects[100];
    for (int i = 0; i < 100; i++) {
        seed = seed * 1664525 + 1013904223;
        rects[i] = gfx_rect_of((int)(seed >> 8 & 1023), (int)(seed >> 18),
                               1 + (int)(seed & 63), 1 + (int)(seed & 31));
        gfx_region_add(&r, rects[i]);
        assert_in_range(r.n, 1, GFX_REGION_MAX);
    }
    for (int i = 0; i < 100; i++) {
        bool covered = false;
        for (int k = 0; k < r.n; k++)
            covered |= gfx_rect_inside(rects[i], r.rects[k]);
        assert_true(covered);
    }
}

static void blending_keeps_its_ends(void **state)
{
    for (unsigned a = 0; a < 256; a++) {
        assert_int_equal(px_mul(0xffffffff, a), a * 0x01010101u);
        uint32_t p = px_premultiply(a << 24 | 0xffffff);
        assert_int_equal(p, a * 0x01010101u);
        uint32_t over = px_over(0xffffffff, p);
        assert_int_equal(over, 0xffffffff); /* white on white, no overflow */
        assert_int_equal(px_over(0x12345678, 0), 0x12345678);
    }
}

static void rectangles_are_exact(void **state)
{
    struct fixture *f = *state;
    gfx_canvas_fill_rect(f->c, 10, 10, 20, 20, 0xffff0000);
    assert_int_equal(at(f, 10, 10), 0xffff0000);
    assert_int_equal(at(f, 29, 29), 0xffff0000);
    assert_int_equal(at(f, 9, 10), 0);
    assert_int_equal(at(f, 30, 10), 0);
    gfx_canvas_clear(f->c, 0);
    gfx_canvas_fill_rect(f->c, 50.5f, 60.25f, 10, 10, 0xff000000);
    assert_in_range(at(f, 50, 65) >> 24, 126, 129);
    assert_in_range(at(f, 55, 60) >> 24, 190, 193);
    assert_in_range(at(f, 50, 70) >> 24, 30, 34);
    assert_true(fabs(ink(f) - 100) < 0.5);
}

static void shapes_have_their_area(void **state)
{
    struct fixture *f = *state;
    gfx_canvas_fill_ellipse(f->c, 100, 100, 50, 30, 0xff000000);
    assert_true(fabs(ink(f) - M_PI * 50 * 30) < 12);
    gfx_canvas_clear(f->c, 0);
    gfx_canvas_fill_rounded_rect(f->c, 20, 20, 100, 60, 15, 0xff000000);
    assert_true(fabs(ink(f) - (6000 - (4 - M_PI) * 225)) < 6);
    gfx_canvas_clear(f->c, 0);
    gfx_canvas_line(f->c, 20, 30, 140, 120, 8, 0xff000000);
    assert_true(fabs(ink(f) - (150 * 8 + M_PI * 16)) < 4);
    gfx_canvas_clear(f->c, 0);
    gfx_canvas_stroke_circle(f->c, 100, 100, 40, 6, 0xff000000);
    assert_true(fabs(ink(f) - M_PI * (43 * 43 - 37 * 37)) < 8);
}

static void rules_differ_where_paths_overlap(void **state)
{
    struct fixture *f = *state;
    struct gfx_path *p = gfx_canvas_path(f->c);
    gfx_path_rounded_rect(p, &GFX_IDENTITY, 10, 10, 100, 100, 0);
    gfx_path_rounded_rect(p, &GFX_IDENTITY, 40, 40, 40, 40, 0);
    gfx_canvas_fill_path(f->c, GFX_EVEN_ODD, 0xff000000);
    assert_true(fabs(ink(f) - (10000 - 1600)) < 1);
    gfx_canvas_clear(f->c, 0);
    gfx_canvas_fill_path(f->c, GFX_NONZERO, 0xff000000);
    assert_true(fabs(ink(f) - 10000) < 1);
}

static void clips_narrow_and_come_back(void **state)
{
    struct fixture *f = *state;
    assert_true(gfx_canvas_save(f->c));
    gfx_canvas_clip_rect(f->c, 50, 50, 20, 20);
    gfx_canvas_clip_rect(f->c, 60, 0, 100, 100);
    gfx_canvas_fill_rect(f->c, 0, 0, SIDE, SIDE, 0xff000000);
    assert_true(fabs(ink(f) - 200) < 0.1);
    gfx_canvas_restore(f->c);
    gfx_canvas_clear(f->c, 0);
    gfx_canvas_save(f->c);
    gfx_canvas_clip_rounded_rect(f->c, 50, 50, 80, 80, 40);
    gfx_canvas_fill_rect(f->c, 0, 0, SIDE, SIDE, 0xff000000);
    gfx_canvas_restore(f->c);
    assert_true(fabs(ink(f) - M_PI * 1600) < 12);
    gfx_canvas_fill_rect(f->c, 0, 0, SIDE, SIDE, 0xff000000);
    assert_true(fabs(ink(f) - SIDE * SIDE) < 0.1);
    int depth = 1;
    while (gfx_canvas_save(f->c))
        depth++;
    assert_int_equal(depth, 64);
}

static void transforms_compose(void **state)
{
    struct fixture *f = *state;
    gfx_canvas_translate(f->c, 100, 100);
    gfx_canvas_rotate(f->c, (float)M_PI / 2);
    gfx_canvas_scale(f->c, 2, 3);
    gfx_canvas_fill_rect(f->c, 0, 0, 10, 5, 0xff000000); /* 15 x 20 */
    assert_int_equal(at(f, 90, 110) >> 24, 255);
    assert_int_equal(at(f, 105, 110), 0);
    assert_true(fabs(ink(f) - 300) < 1);
}

static void gradients_reach_their_colours(void **state)
{
    struct fixture *f = *state;
    struct gfx_path *p = gfx_canvas_path(f->c);
    gfx_path_rounded_rect(p, &GFX_IDENTITY, 0, 0, SIDE, SIDE, 0);
    gfx_canvas_fill_linear(f->c, 50, 0, 150, 0, 0xff000000, 0xffffffff);
    assert_int_equal(at(f, 20, 9), 0xff000000);
    assert_int_equal(at(f, 180, 9), 0xffffffff);
    assert_in_range(at(f, 100, 9) & 255, 125, 131);
    gfx_canvas_fill_radial(f->c, 100, 100, 50, 0xffff0000, 0xff0000ff);
    assert_in_range(at(f, 100, 100) >> 16 & 255, 250, 255);
    assert_int_equal(at(f, 10, 10), 0xff0000ff);
}

static void strange_numbers_draw_nothing_bad(void **state)
{
    struct fixture *f = *state;
    static const float odd[] = {NAN,    INFINITY, -INFINITY, 1e30f,
                                -1e30f, 0,        1e-30f,    4e9f};
    enum { N = sizeof odd / sizeof *odd };
    for (int i = 0; i < N * N * N; i++) {
        float a = odd[i % N], b = odd[i / N % N], d = odd[i / N / N];
        struct gfx_path *p = gfx_canvas_path(f->c);
        const struct gfx_matrix *m = gfx_canvas_matrix(f->c);
        gfx_canvas_fill_rect(f->c, a, b, d, 5, 0xff00ff00);
        gfx_canvas_fill_rounded_rect(f->c, a, b, 50, d, 7, 0x80ff0000);
        gfx_canvas_stroke_circle(f->c, a, b, d, 3, 0xff0000ff);
        gfx_canvas_line(f->c, a, b, d, 10, b, 0xffffffff);
        gfx_canvas_shadow(f->c, a, b, 40, 40, d, a, 0xff000000);
        gfx_path_reset(p);
        gfx_path_arc(p, m, a, b, d, 10, a, b);
        gfx_path_cubic(p, m, a, b, d, a, b, d);
        gfx_canvas_stroke_path(f->c, d, 0xff123456);
        gfx_canvas_fill_linear(f->c, a, b, d, a, 1, 2);
        gfx_canvas_fill_radial(f->c, a, b, d, 1, 2);
        gfx_canvas_image_draw(
            f->c, &(struct gfx_image){(uint32_t[4]){0}, 2, 2, 2},
            (struct gfx_rectf){a, b, d, 1}, (struct gfx_rectf){b, a, 10, d}, a);
        gfx_canvas_clip_rounded_rect(f->c, 0, 0, SIDE, SIDE, a);
        gfx_canvas_save(f->c);
        gfx_canvas_rotate(f->c, a);
        gfx_canvas_scale(f->c, b, d);
        gfx_canvas_text(f->c, GFX_FONT_UI, d, a, b, "odd", 3, 0xffffffff);
        gfx_canvas_restore(f->c);
    }
}

static void pixels_go_in_and_out(void **state)
{
    struct fixture *f = *state;
    const uint8_t in[2 * 2 * 4] = {255, 0, 0, 255, 0,   255, 0, 255,
                                   0,   0, 0, 0,   200, 100, 0, 128};
    uint8_t out[4 * 4 * 4];
    gfx_canvas_put_pixels(f->c, 199, 199, 2, 2, in); /* mostly outside */
    assert_int_equal(at(f, 199, 199), 0xffff0000);
    gfx_canvas_put_pixels(f->c, 5, 5, 2, 2, in);
    gfx_canvas_get_pixels(f->c, 4, 4, 4, 4, out);
    assert_memory_equal(out + (4 + 1) * 4, in, 8);
    assert_int_equal(out[(8 + 2) * 4 + 3], 128);
    assert_in_range(out[(8 + 2) * 4], 198, 202);
    gfx_canvas_get_pixels(f->c, -2, -2, 4, 4, out);
    assert_int_equal(out[0], 0);
}

static void damage_is_what_was_drawn(void **state)
{
    struct fixture *f = *state;
    gfx_canvas_take_damage(f->c);
    gfx_canvas_fill_rect(f->c, 10, 20, 5, 6, 0xffffffff);
    struct gfx_region r = gfx_canvas_take_damage(f->c);
    assert_int_equal(r.n, 1);
    assert_memory_equal(&r.rects[0], (&(struct gfx_rect){10, 20, 15, 26}),
                        sizeof r.rects[0]);
    assert_int_equal(gfx_canvas_take_damage(f->c).n, 0);
}

static void text_is_measured_as_drawn(void **state)
{
    struct fixture *f = *state;
    char why[256];
    if (!gfx_fonts_load(NULL, why, sizeof why))
        skip();
    const char *text = "Wasm \xc3\xa4\xe2\x8c\x98";
    float w = gfx_text_width(GFX_FONT_UI, 16, text, strlen(text));
    assert_true(w > 40 && w < 100);
    gfx_canvas_text(f->c, GFX_FONT_UI, 16, 10, 30, text, strlen(text),
                    0xff000000);
    struct gfx_region r = gfx_canvas_take_damage(f->c);
    struct gfx_rect b = gfx_region_bounds(&r);
    assert_in_range(b.x0, 9, 12);
    assert_in_range(b.x1, (int)(10 + w) - 3, (int)(10 + w) + 2);
    assert_int_equal(
        gfx_text_fit(GFX_FONT_UI, 16, text, strlen(text), w + 1, false),
        strlen(text));
    for (size_t n = 0; n < strlen(text); n++) {
        if (((uint8_t)text[n] & 0xc0) == 0x80)
            continue; /* inside a character */
        float part = gfx_text_width(GFX_FONT_MONO, 16, text, n);
        assert_int_equal(gfx_text_fit(GFX_FONT_MONO, 16, text, strlen(text),
                                      part + 0.01f, false),
                         n);
    }
}

static void bad_utf8_is_replaced(void **state)
{
    static const struct {
        const char *bytes;
        uint32_t first;
        size_t used;
    } cases[] = {{"a", 'a', 1},
                 {"\xc3\xa4", 0xe4, 2},
                 {"\xe2\x8c\x98", 0x2318, 3},
                 {"\xf0\x9f\x98\x80", 0x1f600, 4},
                 {"\xff", 0xfffd, 1},
                 {"\xc0\x80", 0xfffd, 1},
                 {"\xed\xa0\x80", 0xfffd, 1},
                 {"\xe2\x8c", 0xfffd, 1},
                 {"\xf4\x90\x80\x80", 0xfffd, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t used = 0;
        assert_int_equal(
            gfx_utf8_next(cases[i].bytes, strlen(cases[i].bytes), &used),
            cases[i].first);
        assert_int_equal(used, cases[i].used);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(region_covers_what_was_added),
        cmocka_unit_test(blending_keeps_its_ends),
        cmocka_unit_test_setup_teardown(rectangles_are_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(shapes_have_their_area, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(rules_differ_where_paths_overlap, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(clips_narrow_and_come_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(transforms_compose, setup, teardown),
        cmocka_unit_test_setup_teardown(gradients_reach_their_colours, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(strange_numbers_draw_nothing_bad, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(pixels_go_in_and_out, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_what_was_drawn, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(text_is_measured_as_drawn, setup,
                                        teardown),
        cmocka_unit_test(bad_utf8_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
