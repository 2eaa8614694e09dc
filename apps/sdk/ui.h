/*
 * ui.h - imports of vyoma:ui: windows, events, the 2D canvas.  What each call
 * means is written in wasi/wit/vyoma/ui.wit; here are only the flattened C
 * signatures.  Coordinates are pixels, colours 0xAARRGGBB.
 */
#ifndef VYOMA_SDK_UI_H
#define VYOMA_SDK_UI_H

#include "sdk/wasi.h"

#define UI_CANVAS "vyoma:ui/canvas@0.1.0"
#define UI_WINDOW "vyoma:ui/window@0.1.0"
#define CANVAS(method) IMPORT(UI_CANVAS, "[method]canvas." method)
#define WINDOW(method) IMPORT(UI_WINDOW, "[method]window." method)

/* ---- canvas ---- */

typedef uint32_t color;
enum { FONT_UI, FONT_BOLD, FONT_MONO };
enum { ALIGN_LEFT, ALIGN_CENTER, ALIGN_RIGHT };
enum { FILL_NONZERO, FILL_EVEN_ODD };

typedef struct font_metrics {
    float ascent, descent, line_height;
} font_metrics;

typedef struct pixels {
    const uint8_t *data; /* R, G, B, A */
    size_t len;
} pixels;

IMPORT(UI_CANVAS, "[constructor]canvas")
handle canvas_create(uint32_t width, uint32_t height);
IMPORT(UI_CANVAS, "[resource-drop]canvas") void canvas_drop(handle self);
CANVAS("save") void canvas_save(handle self);
CANVAS("restore") void canvas_restore(handle self);
CANVAS("translate") void canvas_translate(handle self, float x, float y);
CANVAS("scale") void canvas_scale(handle self, float x, float y);
CANVAS("rotate") void canvas_rotate(handle self, float radians);
CANVAS("clip-rect")
void canvas_clip(handle self, float x, float y, float w, float h);
CANVAS("clip-rounded-rect")
void canvas_clip_round(handle self, float x, float y, float w, float h,
                       float radius);
CANVAS("clear") void canvas_clear(handle self, color c);
CANVAS("fill-rect")
void canvas_rect(handle self, float x, float y, float w, float h, color c);
CANVAS("stroke-rect")
void canvas_frame(handle self, float x, float y, float w, float h,
                  float line_width, color c);
CANVAS("fill-rounded-rect")
void canvas_round(handle self, float x, float y, float w, float h, float radius,
                  color c);
CANVAS("stroke-rounded-rect")
void canvas_round_frame(handle self, float x, float y, float w, float h,
                        float radius, float line_width, color c);
CANVAS("fill-circle")
void canvas_disc(handle self, float x, float y, float radius, color c);
CANVAS("stroke-circle")
void canvas_circle(handle self, float x, float y, float radius,
                   float line_width, color c);
CANVAS("line")
void canvas_line(handle self, float x0, float y0, float x1, float y1,
                 float line_width, color c);
CANVAS("shadow")
void canvas_shadow(handle self, float x, float y, float w, float h,
                   float radius, float blur, color c);
CANVAS("begin-path") void canvas_begin(handle self);
CANVAS("move-to") void canvas_move_to(handle self, float x, float y);
CANVAS("line-to") void canvas_line_to(handle self, float x, float y);
CANVAS("quad-to")
void canvas_quad_to(handle self, float cx, float cy, float x, float y);
CANVAS("cubic-to")
void canvas_cubic_to(handle self, float c0x, float c0y, float c1x, float c1y,
                     float x, float y);
CANVAS("arc")
void canvas_arc(handle self, float x, float y, float radius, float start,
                float end);
CANVAS("add-rounded-rect")
void canvas_add_round(handle self, float x, float y, float w, float h,
                      float radius);
CANVAS("close-path") void canvas_close(handle self);
CANVAS("fill-path") void canvas_fill(handle self, int32_t rule, color c);
CANVAS("fill-path-linear")
void canvas_fill_linear(handle self, float x0, float y0, float x1, float y1,
                        color c0, color c1);
CANVAS("fill-path-radial")
void canvas_fill_radial(handle self, float x, float y, float radius, color c0,
                        color c1);
CANVAS("stroke-path")
void canvas_stroke(handle self, float line_width, color c);
CANVAS("draw-text")
void canvas_text(handle self, int32_t font, float size, float x, float y,
                 const char *text, size_t len, color c);
CANVAS("draw-text-in")
void canvas_text_in(handle self, int32_t font, float size, float x, float y,
                    float width, int32_t align, const char *text, size_t len,
                    color c);
CANVAS("draw-canvas")
void canvas_draw(handle self, handle source, float sx, float sy, float sw,
                 float sh, float x, float y, float w, float h, float alpha);
CANVAS("put-pixels")
void canvas_put_pixels(handle self, int32_t x, int32_t y, uint32_t width,
                       uint32_t height, const uint8_t *rgba, size_t len);
CANVAS("get-pixels")
void canvas_get_pixels(handle self, int32_t x, int32_t y, uint32_t width,
                       uint32_t height, pixels *out);
IMPORT(UI_CANVAS, "measure-text")
float measure_text(int32_t font, float size, const char *text, size_t len);
IMPORT(UI_CANVAS, "fit-text")
uint32_t fit_text(int32_t font, float size, const char *text, size_t len,
                  float width, bool round);

/* ---- windows and events ---- */

enum { MOD_SHIFT = 1, MOD_CONTROL = 2, MOD_ALT = 4, MOD_SUPER = 8 };
enum { KEY_PRESSED, KEY_REPEATED, KEY_RELEASED };
enum {
    POINTER_MOTION,
    POINTER_PRESS,
    POINTER_RELEASE,
    POINTER_ENTER,
    POINTER_LEAVE
};
enum { BUTTON_NONE, BUTTON_LEFT, BUTTON_RIGHT, BUTTON_MIDDLE };
enum { CURSOR_ARROW, CURSOR_HAND, CURSOR_TEXT, CURSOR_CROSSHAIR };

/* Linux key codes that have no character. */
enum {
    CODE_ESC = 1,
    CODE_BACKSPACE = 14,
    CODE_TAB = 15,
    CODE_ENTER = 28,
    CODE_HOME = 102,
    CODE_UP = 103,
    CODE_PAGE_UP = 104,
    CODE_LEFT = 105,
    CODE_RIGHT = 106,
    CODE_END = 107,
    CODE_DOWN = 108,
    CODE_PAGE_DOWN = 109,
    CODE_DELETE = 111
};

typedef enum event_kind {
    EVENT_KEY,
    EVENT_POINTER,
    EVENT_SCROLL,
    EVENT_RESIZED,
    EVENT_FOCUS,
    EVENT_MENU,
    EVENT_FRAME,
    EVENT_CLOSE,
    EVENT_QUIT,
    EVENT_OUTSIDE_PRESS,
} event_kind;

typedef struct event {
    uint8_t kind; /* of event_kind */
    uint8_t pad[7];
    union {
        struct {
            uint32_t code, text;
            uint8_t modifiers, state;
        } key;
        struct {
            uint8_t kind, button, clicks, modifiers;
            float x, y;
        } pointer;
        struct {
            float x, y, dx, dy;
            uint8_t modifiers;
        } scroll;
        struct {
            uint32_t width, height;
        } resized;
        bool focus;
        uint32_t menu;
        uint64_t frame;
    };
} event;
_Static_assert(sizeof(event) == 32, "list<event> has 32-byte elements");

typedef struct event_list {
    const event *items;
    size_t len;
} event_list;

enum {
    WINDOW_FIXED = 1,
    WINDOW_BARE = 2,
    WINDOW_TRANSPARENT = 4,
    WINDOW_UNFOCUSED = 8
};
enum { ITEM_DISABLED = 1, ITEM_CHECKED = 2, ITEM_SEPARATOR = 4 };

typedef struct menu_item {
    uint32_t id;
    str label;
    uint32_t key; /* shortcut with Super, or 0 */
    uint8_t modifiers, flags;
} menu_item;

typedef struct menu {
    str title;
    const menu_item *items;
    size_t count;
} menu;

IMPORT(UI_WINDOW, "[static]window.create")
void window_create(const char *title, size_t len, uint32_t width,
                   uint32_t height, uint32_t min_width, uint32_t min_height,
                   int32_t flags, handle_result *out);
IMPORT(UI_WINDOW, "[resource-drop]window") void window_drop(handle self);
WINDOW("canvas") handle window_canvas(handle self);
WINDOW("present") void window_present(handle self);
WINDOW("events") void window_events(handle self, event_list *out);
WINDOW("subscribe") handle window_subscribe(handle self);
WINDOW("request-frame") void window_request_frame(handle self);
WINDOW("set-title")
void window_set_title(handle self, const char *title, size_t len);
WINDOW("set-size")
void window_set_size(handle self, uint32_t width, uint32_t height);
WINDOW("set-cursor") void window_set_cursor(handle self, int32_t cursor);
WINDOW("set-menus")
void window_set_menus(handle self, const menu *menus, size_t count);
WINDOW("request-attention") void window_request_attention(handle self);
WINDOW("hide") void window_hide(handle self);

IMPORT("vyoma:ui/clipboard@0.1.0", "get-text") void clipboard_get(str *out);
IMPORT("vyoma:ui/clipboard@0.1.0", "set-text")
void clipboard_set(const char *text, size_t len);

/* ---- what every windowed app does (ui.c) ---- */

/*
 * A window with its canvas, size and pollable.  An app fills the callbacks
 * and calls app_loop, which draws when asked to (app_redraw) and returns when
 * the app is asked to quit.  A window that is closed is only hidden: the dock
 * brings it back.  While the app has none (0) its pollable is the extra one.
 */
typedef struct app {
    handle window, canvas, pollable;
    float width, height;
    bool dirty, over;
    void (*draw)(struct app *app);
    void (*on_event)(struct app *app, const event *e); /* may be NULL */
    /* When to call on_time, on the monotonic clock; UINT64_MAX: never. */
    uint64_t wake;
    void (*on_time)(struct app *app);
    /* Further pollables, and what to do when one is ready; `also` only where
     * there is on_extra, 0 for none. */
    handle extra, also;
    void (*on_extra)(struct app *app);
} app;

/* Traps when no window can be had: nothing is left to do then. */
void app_open(app *a, str title, uint32_t width, uint32_t height,
              int32_t flags);
int app_loop(app *a);
static inline void app_redraw(app *a)
{
    a->dirty = true;
}

/* Text with its baseline at y; centred text lies within w pixels from x. */
static inline void draw_text(handle c, int32_t font, float size, float x,
                             float y, str s, color ink)
{
    canvas_text(c, font, size, x, y, s.data, s.len, ink);
}

static inline void draw_centered(handle c, int32_t font, float size, float x,
                                 float y, float w, str s, color ink)
{
    canvas_text_in(c, font, size, x, y, w, ALIGN_CENTER, s.data, s.len, ink);
}

/* Writes the UTF-8 of a character into `out`; returns its length, 1 to 4. */
size_t utf8_put(char *out, uint32_t character);

/* The house palette. */
#define INK 0xff1d1d1fu
#define INK_SOFT 0xff6e6e73u
#define PAPER 0xfffafafcu
#define PANEL 0xfff0f0f3u
#define HAIRLINE 0xffd9d9deu
#define ACCENT 0xff0a84ffu

#endif
