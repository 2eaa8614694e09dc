/*
 * mission - Mission Control: Ctrl-Up shows all windows of the space at once.
 *
 * The compositor moves the windows (set-transform) and goes on drawing them
 * live; this app lays them out, and lies over them as a panel that takes the
 * pointer and the keyboard.  A strip of spaces is at the top: a click switches,
 * "+" adds one, and a window that is dragged onto a space moves there.
 * Ctrl-Left and Ctrl-Right slide between spaces at any time.
 */
#include "sdk/desktop.h"

#define WINDOWS 32
#define STRIP 138.0f
#define CARD_W 152.0f
#define CARD_H 95.0f
#define CARD_Y 14.0f
#define SMALL 64
#define MOVE 220 /* milliseconds */

enum { SHORTCUT_TOGGLE = 1, SHORTCUT_LEFT, SHORTCUT_RIGHT, SHORTCUT_CLOSE };

typedef struct tile {
    uint32_t window;
    float aspect; /* width / height */
    float x, y, w, h;
    char title[40];
    uint8_t length;
} tile;

/* A window on a space's card, in pixels of the screen. */
typedef struct small {
    uint32_t space;
    float x, y, w, h;
} small;

static tile tiles[WINDOWS];
static size_t count, columns;
static small smalls[SMALL];
static size_t small_count;
static int selected = -1, dragged = -1;
static float press_x, press_y, drag_x, drag_y;
static space_info spaces;

/* ---- layout ---- */

static bool on_screen(const window_info *w)
{
    return !(w->state & (WIN_MINIMISED | WIN_HIDDEN | WIN_CLOSED)) &&
           w->height > 0;
}

static void collect(void)
{
    window_list windows;
    shell_spaces(&spaces);
    shell_windows(&windows);
    count = small_count = 0;
    for (size_t i = 0; i < windows.len; i++) {
        const window_info *w = &windows.items[i];
        if (!on_screen(w))
            continue;
        if (small_count < SMALL)
            smalls[small_count++] = (small){w->space, (float)w->x, (float)w->y,
                                            (float)w->width, (float)w->height};
        if (w->space != spaces.current || count == WINDOWS)
            continue;
        tile *t = &tiles[count++];
        t->window = w->id;
        t->aspect = (float)w->width / (float)w->height;
        t->w = (float)w->width;
        t->length = (uint8_t)MIN(w->title.len, sizeof t->title);
        memcpy(t->title, w->title.data, t->length);
    }
}

/* Rows and columns as even as the windows' number allows; each window fits
 * its cell, keeps its aspect, and is never enlarged. */
static void arrange(app *a)
{
    columns = 1;
    while (columns * columns < count)
        columns++;
    size_t rows = (count + columns - 1) / columns;
    float cell_w = (a->width - 80) / (float)columns;
    float cell_h = (a->height - STRIP - 96) / (float)rows;
    for (size_t i = 0; i < count; i++) {
        tile *t = &tiles[i];
        size_t row = i / columns;
        size_t in_row = row == rows - 1 ? count - row * columns : columns;
        float x = 40 + (a->width - 80 - cell_w * (float)in_row) / 2 +
                  cell_w * (float)(i % columns);
        float y = STRIP + 10 + cell_h * (float)row;
        float w = MIN(t->w, cell_w - 40);
        w = MIN(w, (cell_h - 50) * t->aspect);
        t->w = w;
        t->h = w / t->aspect;
        t->x = x + (cell_w - t->w) / 2;
        t->y = y + (cell_h - 30 - t->h) / 2;
        shell_set_transform(t->window, t->x, t->y, t->w, t->h, 1, MOVE);
    }
}

static void put_back(void)
{
    for (size_t i = 0; i < count; i++)
        shell_clear_transform(tiles[i].window, MOVE);
}

static void leave(app *a)
{
    put_back();
    count = 0;
    panel_close(a);
}

static void show(app *a)
{
    put_back(); /* those of another space, or that go on elsewhere */
    collect();
    selected = dragged = -1;
    if (!a->window) {
        shell_size s;
        screen_size(&s);
        panel_open(a, STR("mission"), LAYER_OVERLAY, ANCHOR_FILL, 0, 0, s.width,
                   s.height, 0, 0, PANEL_KEYBOARD | PANEL_MODAL);
    }
    if (count)
        arrange(a);
    app_redraw(a);
}

/* ---- drawing ---- */

static float card_x(app *a, uint32_t i)
{
    float all = (float)(spaces.count + 1) * (CARD_W + 16);
    return (a->width - all) / 2 + (float)i * (CARD_W + 16);
}

static void draw_card(app *a, uint32_t i)
{
    handle c = a->canvas;
    float x = card_x(a, i), k = CARD_W / a->width;
    bool add = i == spaces.count, here = i == spaces.current;
    canvas_round(c, x, CARD_Y, CARD_W, CARD_H, 7,
                 add ? 0x24ffffff : 0xff6a5fb4);
    if (add) {
        draw_centered(c, FONT_UI, 28, x, CARD_Y + 57, CARD_W, STR("+"),
                      0xffffffff);
        return;
    }
    canvas_rect(c, x, CARD_Y + 2, CARD_W, 2, 0x90ffffff); /* its menu bar */
    for (size_t n = small_count; n--;) {
        const small *s = &smalls[n];
        if (s->space == i)
            canvas_round(c, x + s->x * k, CARD_Y + s->y * k, s->w * k, s->h * k,
                         2, 0xe8f0f0f4);
    }
    if (here)
        canvas_round_frame(c, x - 3, CARD_Y - 3, CARD_W + 6, CARD_H + 6, 9,
                           2.5f, 0xffffffff);
    char name[16];
    text t = TEXT(name);
    put(&t, STR("Desktop "));
    put_number(&t, i + 1);
    draw_centered(c, here ? FONT_BOLD : FONT_UI, 12, x, STRIP - 10, CARD_W,
                  text_str(&t), 0xffffffff);
}

static void draw(app *a)
{
    handle c = a->canvas;
    canvas_clear(c, 0x02000000); /* not clear: it takes the presses */
    canvas_rect(c, 0, 0, a->width, STRIP, 0xec242838);
    for (uint32_t i = 0; i <= spaces.count; i++)
        draw_card(a, i);
    for (int i = 0; i < (int)count; i++) {
        const tile *t = &tiles[i];
        if (i == selected)
            canvas_round_frame(c, t->x - 5, t->y - 5, t->w + 10, t->h + 10, 12,
                               4, ACCENT);
        str title = {t->title, t->length};
        float w = measure_text(FONT_BOLD, 13, title.data, title.len);
        float x = t->x + (t->w - w) / 2, y = t->y + t->h + 10;
        canvas_round(c, x - 10, y, w + 20, 22, 11, 0x90101018);
        draw_text(c, FONT_BOLD, 13, x, y + 15.5f, title, 0xffffffff);
    }
}

/* ---- input ---- */

static int tile_at(float x, float y)
{
    for (int i = 0; i < (int)count; i++)
        if (x >= tiles[i].x && x < tiles[i].x + tiles[i].w && y >= tiles[i].y &&
            y < tiles[i].y + tiles[i].h)
            return i;
    return -1;
}

/* The space whose card is there; spaces.count for "+", -1 for none. */
static int card_at(app *a, float x, float y)
{
    for (uint32_t i = 0; y < STRIP && i <= spaces.count; i++)
        if (x >= card_x(a, i) && x < card_x(a, i) + CARD_W)
            return (int)i;
    return -1;
}

static void pick(app *a, int i)
{
    uint32_t window = i >= 0 ? tiles[i].window : 0;
    leave(a);
    if (window)
        shell_perform(window, ACTION_ACTIVATE);
}

static void press_card(app *a, uint32_t card)
{
    if (card == spaces.count)
        shell_set_space_count(spaces.count + 1);
    else
        shell_switch_space(card, MOVE);
    show(a);
}

static void drop(app *a, float x, float y)
{
    int card = card_at(a, x, y), from = dragged;
    float dx = x - press_x, dy = y - press_y;
    dragged = -1;
    if (dx * dx + dy * dy < 25)
        return pick(a, from);
    if (card >= 0) {
        if ((uint32_t)card == spaces.count)
            shell_set_space_count(spaces.count + 1);
        shell_clear_transform(tiles[from].window, 0);
        shell_move_to_space(tiles[from].window, (uint32_t)card);
    }
    show(a);
}

static void on_pointer(app *a, const event *e)
{
    float x = e->pointer.x, y = e->pointer.y;
    int at = tile_at(x, y), card = card_at(a, x, y);
    if (e->pointer.kind == POINTER_PRESS) {
        press_x = x;
        press_y = y;
        dragged = at;
        if (card >= 0)
            press_card(a, (uint32_t)card);
        else if (at < 0)
            leave(a);
        else {
            drag_x = x - tiles[at].x;
            drag_y = y - tiles[at].y;
        }
    } else if (e->pointer.kind == POINTER_RELEASE && dragged >= 0) {
        drop(a, x, y);
    } else if (dragged >= 0) {
        tile *t = &tiles[dragged];
        shell_set_transform(t->window, x - drag_x / 2, y - drag_y / 2, t->w / 2,
                            t->h / 2, 0.9f, 0);
    } else if (at != selected) {
        selected = at;
        app_redraw(a);
    }
}

static void on_key(app *a, const event *e)
{
    uint32_t code = e->key.code;
    if (e->key.state == KEY_RELEASED || e->key.modifiers & MOD_CONTROL)
        return;
    if (code == CODE_ESC)
        return leave(a);
    if (code == CODE_ENTER)
        return pick(a, selected);
    if (!count)
        return;
    int step = code == CODE_RIGHT  ? 1
               : code == CODE_LEFT ? -1
               : code == CODE_DOWN ? (int)columns
               : code == CODE_UP   ? -(int)columns
                                   : 0;
    int to = selected + step;
    if (selected < 0)
        selected = 0;
    else if (to >= 0 && to < (int)count)
        selected = to;
    app_redraw(a);
}

static void on_event(app *a, const event *e)
{
    if (e->kind == EVENT_POINTER)
        on_pointer(a, e);
    else if (e->kind == EVENT_KEY)
        on_key(a, e);
}

static void slide(app *a, int step)
{
    shell_spaces(&spaces);
    uint32_t to = spaces.current + (uint32_t)step;
    if (to < spaces.count)
        shell_switch_space(to, MOVE);
    if (a->window)
        show(a);
}

/* Whether the windows are still those that are laid out. */
static bool same(void)
{
    window_list windows;
    size_t n = 0;
    shell_windows(&windows);
    for (size_t i = 0; i < windows.len; i++) {
        if (!on_screen(&windows.items[i]) ||
            windows.items[i].space != spaces.current)
            continue;
        bool known = false;
        for (size_t k = 0; k < count; k++)
            known |= tiles[k].window == windows.items[i].id;
        if (!known && n < WINDOWS)
            return false;
        n++;
    }
    return MIN(n, WINDOWS) == count;
}

static void on_shell(app *a)
{
    shell_event_list events;
    shell_events(&events);
    for (size_t i = 0; i < events.len; i++) {
        const shell_event *e = &events.items[i];
        if (a->window && dragged < 0 &&
            (e->kind == SHELL_SPACES || (e->kind == SHELL_WINDOWS && !same())))
            show(a);
        if (e->kind != SHELL_SHORTCUT || e->shortcut.phase != SHORTCUT_PRESSED)
            continue;
        if (e->shortcut.id == SHORTCUT_LEFT || e->shortcut.id == SHORTCUT_RIGHT)
            slide(a, e->shortcut.id == SHORTCUT_LEFT ? -1 : 1);
        else if (a->window)
            leave(a);
        else if (e->shortcut.id == SHORTCUT_TOGGLE)
            show(a);
    }
}

APP_RUN int app_run(void)
{
    static app mission = {
        .draw = draw, .on_event = on_event, .on_extra = on_shell};
    shell_register(SHORTCUT_TOGGLE, MOD_CONTROL, CODE_UP);
    shell_register(SHORTCUT_CLOSE, MOD_CONTROL, CODE_DOWN);
    shell_register(SHORTCUT_LEFT, MOD_CONTROL, CODE_LEFT);
    shell_register(SHORTCUT_RIGHT, MOD_CONTROL, CODE_RIGHT);
    mission.pollable = mission.extra = shell_subscribe();
    return app_loop(&mission);
}
