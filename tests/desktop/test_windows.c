/* test_windows.c - what windows do under the pointer. */
#include "tests/desktop/harness.h"

#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <string.h>

#define RED 0xffd02020u
#define BLUE 0xff2040d0u
#define TITLE 28

struct two {
    struct desk desk;
    struct gfx_display *a, *b;
    struct gfx_surface *red, *blue;
};

static void start(struct two *t)
{
    desk_start(&t->desk, 1440, 900);
    t->a = desk_connect(&t->desk, "red", false);
    t->b = desk_connect(&t->desk, "blue", false);
    t->red = desk_window(t->a, "Red", 400, 300, 0);
    fill(t->red, RED);
    desk_roundtrip(t->a);
    t->blue = desk_window(t->b, "Blue", 400, 300, 0);
    fill(t->blue, BLUE);
    desk_roundtrip(t->b);
    desk_sync(&t->desk);
}

static void stop(struct two *t)
{
    gfx_display_destroy(t->a);
    gfx_display_destroy(t->b);
    tap(desk_stop(&t->desk) == 0, "the compositor ends cleanly");
}

static bool near(uint32_t a, uint32_t b)
{
    for (int shift = 0; shift < 24; shift += 8)
        if (abs((int)(a >> shift & 255) - (int)(b >> shift & 255)) > 3)
            return false;
    return true;
}

static uint32_t content_pixel(struct two *t, const char *title)
{
    int r[4] = {0};
    desk_rect(&t->desk, title, "content", r);
    return desk_pixel(&t->desk, r[0] + 30, r[1] + r[3] - 30);
}

static void test_first(struct two *t)
{
    desk_look(&t->desk);
    tap(near(content_pixel(t, "Blue"), BLUE), "a presented window shows");
    tap(desk_flag(&t->desk, "Blue", "focused") &&
            !desk_flag(&t->desk, "Red", "focused"),
        "the newest window has the focus");
    int r[4] = {0};
    desk_rect(&t->desk, "Blue", "frame", r);
    tap(desk_pixel(&t->desk, r[0] + 20, r[1] + 9) >> 16 > 0xf0 &&
            (desk_pixel(&t->desk, r[0] + 20, r[1] + 9) & 0xff) < 0x80,
        "its title bar has a red button");
    desk_rect(&t->desk, "Red", "frame", r);
    uint32_t p = desk_pixel(&t->desk, r[0] + 20, r[1] + 14);
    tap((p >> 16) - (p & 0xff) + 8 < 16 && (p >> 16) > 0x80,
        "buttons are grey without focus");
    tap(desk_redraw_differs(&t->desk) == 0,
        "what was drawn bit by bit equals the whole drawn anew");
}

static void test_focus(struct two *t)
{
    struct gfx_msg event;
    int r[4] = {0};
    desk_rect(&t->desk, "Red", "content", r);
    desk_click(&t->desk, r[0] + 20, r[1] + 20);
    desk_sync(&t->desk);
    tap(desk_flag(&t->desk, "Red", "focused"), "a click focuses");
    tap(surface_wait(t->a, t->red, GFX_EV_POINTER, &event),
        "and reaches the window");
    tap(surface_wait(t->a, t->red, GFX_EV_POINTER, &event) &&
            event.pointer.x == 20 && event.pointer.y == 20,
        "in its own coordinates");
    desk_look(&t->desk);
    tap(near(content_pixel(t, "Red"), RED), "and raises it");
}

static void test_drag(struct two *t)
{
    int a[4] = {0}, b[4] = {0};
    desk_rect(&t->desk, "Red", "frame", a);
    desk_drag(&t->desk, a[0] + 200, a[1] + 10, a[0] + 300, a[1] + 130);
    desk_rect(&t->desk, "Red", "frame", b);
    tap(b[0] == a[0] + 100 && b[1] == a[1] + 120 && b[2] == a[2],
        "a title drag moves by as much as the pointer");
    tap(desk_redraw_differs(&t->desk) == 0, "and leaves no trail");
    desk_drag(&t->desk, b[0] + 200, b[1] + 10, 700, 899);
    desk_rect(&t->desk, "Red", "frame", a);
    tap(a[1] + TITLE <= 900, "the title bar stays on the screen below");
    desk_drag(&t->desk, a[0] + 200, a[1] + 10, a[0] + 200, 100);
}

static void test_resize(struct two *t)
{
    struct gfx_msg event;
    int a[4] = {0}, b[4] = {0};
    desk_rect(&t->desk, "Red", "frame", a);
    desk_drag(&t->desk, a[0] + a[2] + 1, a[1] + a[3] + 1, a[0] + a[2] + 61,
              a[1] + a[3] + 41);
    desk_rect(&t->desk, "Red", "frame", b);
    tap(b[2] == a[2] + 60 && b[3] == a[3] + 40 && b[0] == a[0],
        "the lower right corner resizes both ways");
    bool told = false;
    for (int i = 0; i < 8 && !told; i++) {
        told = surface_wait(t->a, t->red, GFX_EV_CONFIGURE, &event) &&
               event.configure.width == b[2];
        fill(t->red, RED);
        desk_roundtrip(t->a);
    }
    tap(told, "the app is told the new size");
    desk_sync(&t->desk);
    desk_look(&t->desk);
    tap(near(desk_pixel(&t->desk, b[0] + b[2] - 20, b[1] + b[3] - 20), RED),
        "and what it draws at that size is shown");
    desk_drag(&t->desk, b[0] - 1, b[1] + 100, b[0] + 2000, b[1] + 100);
    desk_rect(&t->desk, "Red", "frame", a);
    tap(a[2] == 160 && a[0] + a[2] == b[0] + b[2],
        "a left edge drag stops at the least width");
    desk_pointer(&t->desk, a[0] - 1, a[1] + 100);
    desk_sync(&t->desk);
    tap(strstr(desk_state(&t->desk), "\"cursor\": 5") != NULL,
        "an edge has its own cursor");
    tap(desk_redraw_differs(&t->desk) == 0, "resizing leaves no trail");
}

static void test_buttons(struct two *t)
{
    struct gfx_msg event;
    int r[4] = {0};
    desk_rect(&t->desk, "Blue", "frame", r);
    desk_click(&t->desk, r[0] + 20, r[1] + 14);
    tap(surface_wait(t->b, t->blue, GFX_EV_CLOSE, &event),
        "the red button asks the app to close");
    desk_click(&t->desk, r[0] + 40, r[1] + 14);
    desk_sync(&t->desk);
    tap(desk_flag(&t->desk, "Blue", "minimised") &&
            !desk_flag(&t->desk, "Blue", "shown") &&
            desk_flag(&t->desk, "Red", "focused"),
        "the yellow button minimises, the focus goes on");
    gfx_surface_destroy(t->blue);
    desk_roundtrip(t->b);
    tap(!desk_rect(&t->desk, "Blue", "frame", r), "a dropped window is gone");
    t->blue = desk_window(t->b, "Blue", 400, 300, 0);
    fill(t->blue, BLUE);
    desk_roundtrip(t->b);
    desk_sync(&t->desk);
    desk_rect(&t->desk, "Blue", "frame", r);
    desk_pointer(&t->desk, r[0] + 60, r[1] + 14);
    desk_button(&t->desk, true);
    desk_pointer(&t->desk, r[0] + 160, r[1] + 60);
    desk_button(&t->desk, false);
    desk_sync(&t->desk);
    tap(!desk_flag(&t->desk, "Blue", "fullscreen"),
        "a button let go elsewhere does nothing");
    desk_click(&t->desk, r[0] + 60, r[1] + 14);
    desk_sync(&t->desk);
    int f[4] = {0}, g[4] = {0};
    desk_rect(&t->desk, "Blue", "content", f);
    tap(desk_flag(&t->desk, "Blue", "fullscreen") && f[0] == 0 && f[1] == 0 &&
            f[2] == 1440 && f[3] == 900,
        "the green button goes full screen");
    desk_key(&t->desk, KEY_LEFTMETA, true);
    desk_key(&t->desk, KEY_LEFTCTRL, true);
    desk_tap(&t->desk, KEY_F);
    desk_key(&t->desk, KEY_LEFTCTRL, false);
    desk_key(&t->desk, KEY_LEFTMETA, false);
    desk_sync(&t->desk);
    desk_rect(&t->desk, "Blue", "frame", g);
    tap(g[0] == r[0] && g[1] == r[1] && g[2] == r[2] && g[3] == r[3],
        "Ctrl-Super-F brings the old place back");
}

static void test_snap(struct two *t)
{
    int r[4] = {0}, s[4] = {0};
    desk_rect(&t->desk, "Blue", "frame", r);
    desk_pointer(&t->desk, r[0] + 200, r[1] + 10);
    desk_button(&t->desk, true);
    desk_pointer(&t->desk, 600, 400);
    desk_pointer(&t->desk, 0, 450);
    desk_sync(&t->desk);
    tap(strstr(desk_state(&t->desk), "\"snap\": true") != NULL,
        "an edge drag previews");
    desk_button(&t->desk, false);
    desk_sync(&t->desk);
    desk_rect(&t->desk, "Blue", "frame", s);
    tap(s[0] == 0 && s[1] == 0 && s[2] == 720 && s[3] == 900,
        "and snaps to the left half");
    desk_drag(&t->desk, 300, 10, 700, 300);
    desk_rect(&t->desk, "Blue", "frame", s);
    tap(s[2] == r[2] && s[3] == r[3] && s[0] < 700 && s[0] + s[2] > 700,
        "dragging away gives the size back, under the pointer");
    desk_click(&t->desk, s[0] + 200, s[1] + 10);
    desk_click(&t->desk, s[0] + 200, s[1] + 10);
    desk_sync(&t->desk);
    desk_rect(&t->desk, "Blue", "frame", r);
    tap(r[2] == 1440 && r[3] == 900, "a double click on the title fills");
    tap(desk_redraw_differs(&t->desk) == 0, "snapping leaves no trail");
}

void test_windows(void)
{
    struct two t;
    start(&t);
    test_first(&t);
    test_focus(&t);
    test_drag(&t);
    test_resize(&t);
    test_buttons(&t);
    test_snap(&t);
    stop(&t);
}
