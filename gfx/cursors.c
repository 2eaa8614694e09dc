/* cursors.c - pointer shapes, drawn once as vectors. */
#include "gfx/server.h"

#include <math.h>

#define SIDE 32

static void outline(struct gfx_canvas *c, float width, uint32_t edge,
                    uint32_t inside)
{
    gfx_canvas_stroke_path(c, width, edge);
    gfx_canvas_fill_path(c, GFX_NONZERO, inside);
}

static void polygon(struct gfx_canvas *c, const float (*p)[2], int n)
{
    struct gfx_path *path = gfx_canvas_path(c);
    const struct gfx_matrix *m = gfx_canvas_matrix(c);
    gfx_path_reset(path);
    gfx_path_move(path, m, p[0][0], p[0][1]);
    for (int i = 1; i < n; i++)
        gfx_path_line(path, m, p[i][0], p[i][1]);
    gfx_path_close(path);
}

static void draw_arrow(struct gfx_canvas *c)
{
    static const float arrow[][2] = {
        {4, 3},         {4, 19.5f},     {7.9f, 15.9f}, {10.6f, 22},
        {13.4f, 20.8f}, {10.7f, 14.8f}, {16, 14.6f}};
    gfx_canvas_save(c);
    gfx_canvas_translate(c, 0.6f, 1.4f);
    polygon(c, arrow, 7);
    gfx_canvas_stroke_path(c, 4, 0x28000000);
    gfx_canvas_restore(c);
    polygon(c, arrow, 7);
    outline(c, 2.4f, 0xffffffff, 0xff101014);
}

static void draw_hand(struct gfx_canvas *c)
{
    struct gfx_path *p = gfx_canvas_path(c);
    const struct gfx_matrix *m = gfx_canvas_matrix(c);
    gfx_path_reset(p);
    gfx_path_rounded_rect(p, m, 9, 4, 3.6f, 14, 1.8f);
    gfx_path_rounded_rect(p, m, 12.6f, 10, 3.4f, 8, 1.7f);
    gfx_path_rounded_rect(p, m, 16, 11, 3.2f, 8, 1.6f);
    gfx_path_rounded_rect(p, m, 9, 13.5f, 10.2f, 11, 4.5f);
    gfx_path_move(p, m, 9, 20);
    gfx_path_line(p, m, 5, 15.5f);
    gfx_path_line(p, m, 6.6f, 14);
    gfx_path_line(p, m, 9.4f, 16.4f);
    gfx_path_close(p);
    outline(c, 2.6f, 0xff101014, 0xffffffff);
}

static void bar(struct gfx_canvas *c, float x0, float y0, float x1, float y1)
{
    struct gfx_path *p = gfx_canvas_path(c);
    const struct gfx_matrix *m = gfx_canvas_matrix(c);
    gfx_path_move(p, m, x0, y0);
    gfx_path_line(p, m, x1, y1);
}

static void draw_text(struct gfx_canvas *c)
{
    gfx_path_reset(gfx_canvas_path(c));
    bar(c, 12, 6, 12, 20);
    bar(c, 9, 5, 11, 5);
    bar(c, 13, 5, 15, 5);
    bar(c, 9, 21, 11, 21);
    bar(c, 13, 21, 15, 21);
    gfx_canvas_stroke_path(c, 3.4f, 0xffffffff);
    gfx_canvas_stroke_path(c, 1.5f, 0xff101014);
}

static void draw_crosshair(struct gfx_canvas *c)
{
    gfx_path_reset(gfx_canvas_path(c));
    bar(c, 12, 4, 12, 20);
    bar(c, 4, 12, 20, 12);
    gfx_canvas_stroke_path(c, 3.2f, 0xffffffff);
    gfx_canvas_stroke_path(c, 1.3f, 0xff101014);
}

/* A double arrow through (12, 12). */
static void draw_double(struct gfx_canvas *c, float degrees)
{
    static const float shape[][2] = {
        {-9, 0}, {-4.5f, -4}, {-4.5f, -1.1f}, {4.5f, -1.1f}, {4.5f, -4},
        {9, 0},  {4.5f, 4},   {4.5f, 1.1f},   {-4.5f, 1.1f}, {-4.5f, 4}};
    gfx_canvas_save(c);
    gfx_canvas_translate(c, 12, 12);
    gfx_canvas_rotate(c, degrees * 0.01745329f);
    polygon(c, shape, 10);
    outline(c, 2.6f, 0xffffffff, 0xff101014);
    gfx_canvas_restore(c);
}

static void draw_move(struct gfx_canvas *c)
{
    draw_double(c, 0);
    draw_double(c, 90);
}

static void draw_wait(struct gfx_canvas *c)
{
    gfx_canvas_fill_ellipse(c, 12, 12, 9, 9, 0xffffffff);
    for (int i = 0; i < 8; i++) {
        float a = (float)i * 0.78539816f;
        gfx_canvas_fill_ellipse(
            c, 12 + 5.6f * cosf(a), 12 + 5.6f * sinf(a), 1.7f, 1.7f,
            0xff000000u * 1 | (uint32_t)(30 + i * 20) * 0x10101u);
    }
}

static const struct {
    void (*draw)(struct gfx_canvas *);
    float degrees; /* of a double arrow, when draw is NULL */
    int hot_x, hot_y;
} shapes[GFX_CURSORS] = {
    [GFX_CURSOR_ARROW] = {draw_arrow, 0, 4, 3},
    [GFX_CURSOR_HAND] = {draw_hand, 0, 10, 4},
    [GFX_CURSOR_TEXT] = {draw_text, 0, 12, 13},
    [GFX_CURSOR_CROSSHAIR] = {draw_crosshair, 0, 12, 12},
    [GFX_CURSOR_MOVE] = {draw_move, 0, 12, 12},
    [GFX_CURSOR_RESIZE_H] = {NULL, 0, 12, 12},
    [GFX_CURSOR_RESIZE_V] = {NULL, 90, 12, 12},
    [GFX_CURSOR_RESIZE_FALLING] = {NULL, 45, 12, 12},
    [GFX_CURSOR_RESIZE_RISING] = {NULL, -45, 12, 12},
    [GFX_CURSOR_WAIT] = {draw_wait, 0, 12, 12},
};

void cursor_hot(uint32_t cursor, int *x, int *y)
{
    *x = shapes[cursor].hot_x;
    *y = shapes[cursor].hot_y;
}

bool cursors_init(struct server *s)
{
    struct gfx_canvas *c = gfx_canvas_create();
    bool ok = c != NULL;
    for (int i = 0; ok && i < GFX_CURSORS; i++) {
        ok = gfx_image_init(&s->cursors[i], SIDE, SIDE);
        if (!ok || i == GFX_CURSOR_HIDDEN)
            continue;
        gfx_canvas_bind(c, s->cursors[i]);
        if (shapes[i].draw)
            shapes[i].draw(c);
        else
            draw_double(c, shapes[i].degrees);
    }
    gfx_canvas_destroy(c);
    return ok;
}
