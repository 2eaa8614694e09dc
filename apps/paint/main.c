/*
 * paint - drawing with the pointer: colours, brush sizes, undo, files.
 *
 * The picture is a canvas off the screen; strokes are drawn on it as they
 * are made, and undo swaps it with a copy taken before the last stroke.
 * Super-S saves to picture.ppm in the granted folder (binary PPM, which every
 * viewer opens); the file is loaded at start.
 */
#include "sdk/ui.h"

#define WIDTH 560
#define HEIGHT 360
#define BAR 48.0f
#define SWATCH 26.0f
#define NAME "picture.ppm"
#define HEADER "P6\n560 360\n255\n"
#define FILE_SIZE (sizeof(HEADER) - 1 + WIDTH * HEIGHT * 3)

enum { MENU_SAVE = 1, MENU_CLEAR, MENU_UNDO };

static const color palette[] = {
    0xff1d1d1f, 0xff8e8e93, 0xffffffff, 0xffff3b30, 0xffff9500, 0xffffcc00,
    0xff34c759, 0xff00c7be, 0xff0a84ff, 0xff5856d6, 0xffff2d92,
};
static const float sizes[] = {2, 5, 10, 20};

static handle picture, before;
static size_t ink, size = 1;
static bool drawing;
static float last_x, last_y;
static const char *note = "";

/* ---- picture ---- */

static void remember(void)
{
    canvas_draw(before, picture, 0, 0, WIDTH, HEIGHT, 0, 0, WIDTH, HEIGHT, 1);
}

static void undo(void)
{
    handle now = picture;
    picture = before;
    before = now;
}

static void stroke(float x, float y)
{
    canvas_line(picture, last_x, last_y, x, y, sizes[size], palette[ink]);
    last_x = x;
    last_y = y;
}

/* ---- files ---- */

static void save(void)
{
    uint8_t error = 20;
    pixels rgba;
    canvas_get_pixels(picture, 0, 0, WIDTH, HEIGHT, &rgba);
    char *file = arena_alloc(FILE_SIZE);
    memcpy(file, HEADER, sizeof(HEADER) - 1);
    char *to = file + sizeof(HEADER) - 1;
    for (size_t i = 0; i < rgba.len; i += 4, to += 3)
        memcpy(to, rgba.data + i, 3);
    handle dir = fs_root();
    bool ok =
        dir >= 0 && fs_save(dir, STR(NAME), (str){file, FILE_SIZE}, &error);
    note = ok ? "Saved" : fs_error_name(error);
}

static void load(void)
{
    void *mark = arena_mark();
    size_t len;
    uint8_t error;
    char *file = arena_alloc(FILE_SIZE);
    handle dir = fs_root();
    if (dir < 0 || !fs_load(dir, STR(NAME), file, FILE_SIZE, &len, &error) ||
        len != FILE_SIZE || memcmp(file, HEADER, sizeof(HEADER) - 1))
        return;
    const char *from = file + sizeof(HEADER) - 1;
    uint8_t *rgba = arena_alloc(WIDTH * HEIGHT * 4);
    for (size_t i = 0; i < WIDTH * HEIGHT * 4; i += 4, from += 3) {
        memcpy(rgba + i, from, 3);
        rgba[i + 3] = 255;
    }
    canvas_put_pixels(picture, 0, 0, WIDTH, HEIGHT, rgba, WIDTH * HEIGHT * 4);
    arena_release(mark);
}

/* ---- window ---- */

static float swatch_x(size_t i)
{
    return 14 + (float)i * (SWATCH + 6);
}

static float size_x(size_t i)
{
    return swatch_x(COUNT(palette)) + 14 + (float)i * 32;
}

static void draw(app *a)
{
    handle c = a->canvas;
    canvas_clear(c, PANEL);
    canvas_draw(c, picture, 0, 0, WIDTH, HEIGHT, 0, BAR, WIDTH, HEIGHT, 1);
    canvas_rect(c, 0, BAR - 1, WIDTH, 1, HAIRLINE);
    for (size_t i = 0; i < COUNT(palette); i++) {
        float x = swatch_x(i) + SWATCH / 2;
        if (i == ink)
            canvas_circle(c, x, BAR / 2, SWATCH / 2 + 2, 2, ACCENT);
        canvas_disc(c, x, BAR / 2, SWATCH / 2 - 1, palette[i]);
        canvas_circle(c, x, BAR / 2, SWATCH / 2 - 1, 1, 0x30000000);
    }
    for (size_t i = 0; i < COUNT(sizes); i++) {
        if (i == size)
            canvas_round(c, size_x(i), 9, 30, 30, 7, 0xffd8d8de);
        canvas_disc(c, size_x(i) + 15, BAR / 2, sizes[i] / 2 + 0.5f, INK);
    }
    canvas_text_in(c, FONT_UI, 12, WIDTH - 74, BAR / 2 + 4, 64, ALIGN_RIGHT,
                   note, text_length(note), INK_SOFT);
}

static void press(float x, float y)
{
    if (y >= BAR) {
        remember();
        drawing = true;
        note = "";
        last_x = x;
        last_y = y - BAR;
        stroke(last_x, last_y);
        return;
    }
    for (size_t i = 0; i < COUNT(palette); i++)
        if (x >= swatch_x(i) - 3 && x < swatch_x(i) + SWATCH + 3)
            ink = i;
    for (size_t i = 0; i < COUNT(sizes); i++)
        if (x >= size_x(i) && x < size_x(i) + 32)
            size = i;
}

static void choose(uint32_t item)
{
    if (item == MENU_SAVE)
        save();
    if (item == MENU_UNDO)
        undo();
    if (item == MENU_CLEAR) {
        remember();
        canvas_clear(picture, 0xffffffff);
    }
}

static void on_event(app *a, const event *e)
{
    float x = e->pointer.x, y = e->pointer.y;
    if (e->kind == EVENT_MENU) {
        choose(e->menu);
    } else if (e->kind == EVENT_POINTER) {
        if (e->pointer.kind == POINTER_PRESS &&
            e->pointer.button == BUTTON_LEFT)
            press(x, y);
        else if (e->pointer.kind == POINTER_RELEASE)
            drawing = false;
        else if (drawing && e->pointer.kind == POINTER_MOTION)
            stroke(x, y - BAR);
        else
            return;
    } else {
        return;
    }
    app_redraw(a);
}

static const menu_item file_items[] = {
    {MENU_SAVE, {"Save", 4}, 's', 0, 0},
};
static const menu_item edit_items[] = {
    {MENU_UNDO, {"Undo", 4}, 'z', 0, 0},
    {MENU_CLEAR, {"Clear", 5}, 'k', 0, 0},
};
static const menu menus[] = {
    {{"File", 4}, file_items, COUNT(file_items)},
    {{"Edit", 4}, edit_items, COUNT(edit_items)},
};

APP_RUN int app_run(void)
{
    static app paint = {.draw = draw, .on_event = on_event};
    picture = canvas_create(WIDTH, HEIGHT);
    before = canvas_create(WIDTH, HEIGHT);
    canvas_clear(picture, 0xffffffff);
    canvas_clear(before, 0xffffffff);
    load();
    app_open(&paint, STR("Paint"), WIDTH, HEIGHT + (uint32_t)BAR, WINDOW_FIXED);
    window_set_menus(paint.window, menus, COUNT(menus));
    window_set_cursor(paint.window, CURSOR_CROSSHAIR);
    return app_loop(&paint);
}
