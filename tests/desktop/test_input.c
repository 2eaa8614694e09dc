/* test_input.c - keys, shortcuts, menus, clipboard, scrolling. */
#include "gfx/menus.h"
#include "tests/desktop/harness.h"

#include <linux/input-event-codes.h>
#include <string.h>

struct app {
    struct desk desk;
    struct gfx_display *d, *other;
    struct gfx_surface *s;
};

static bool key(struct app *t, uint32_t code, uint32_t text, uint32_t mods,
                uint32_t state)
{
    struct gfx_msg e;
    return surface_wait(t->d, t->s, GFX_EV_KEY, &e) && e.key.code == code &&
           e.key.text == text && e.key.modifiers == mods &&
           e.key.state == state;
}

static void test_keys(struct app *t)
{
    desk_tap(&t->desk, KEY_A);
    tap(key(t, KEY_A, 'a', 0, GFX_KEY_PRESSED) &&
            key(t, KEY_A, 'a', 0, GFX_KEY_RELEASED),
        "a key arrives pressed and released");
    desk_key(&t->desk, KEY_LEFTSHIFT, true);
    desk_tap(&t->desk, KEY_1);
    desk_key(&t->desk, KEY_LEFTSHIFT, false);
    tap(key(t, KEY_LEFTSHIFT, 0, GFX_SHIFT, GFX_KEY_PRESSED) &&
            key(t, KEY_1, '!', GFX_SHIFT, GFX_KEY_PRESSED),
        "shift makes the upper sign");
    desk_sync(&t->desk);
    struct gfx_msg e;
    while (gfx_display_dispatch(t->d) && gfx_surface_event(t->s, &e))
        ;
    desk_tap(&t->desk, KEY_CAPSLOCK);
    desk_tap(&t->desk, KEY_Z);
    tap(key(t, KEY_CAPSLOCK, 0, GFX_CAPS, GFX_KEY_PRESSED) &&
            key(t, KEY_CAPSLOCK, 0, GFX_CAPS, GFX_KEY_RELEASED) &&
            key(t, KEY_Z, 'Z', GFX_CAPS, GFX_KEY_PRESSED),
        "caps lock makes capitals");
    desk_tap(&t->desk, KEY_CAPSLOCK);
    desk_key(&t->desk, KEY_ENTER, true);
    desk_send(&t->desk, GFX_CONTROL_KEY, KEY_ENTER, 2);
    desk_key(&t->desk, KEY_ENTER, false);
    bool repeated = false;
    while (surface_wait(t->d, t->s, GFX_EV_KEY, &e) &&
           !(e.key.code == KEY_ENTER && e.key.state == GFX_KEY_RELEASED))
        repeated |= e.key.code == KEY_ENTER && e.key.text == '\n' &&
                    e.key.state == GFX_KEY_REPEATED;
    tap(repeated, "a held key repeats");
}

static void test_scroll(struct app *t)
{
    struct gfx_msg e;
    int r[4] = {0};
    desk_rect(&t->desk, "Keys", "content", r);
    desk_pointer(&t->desk, r[0] + 40, r[1] + 50);
    desk_send(&t->desk, GFX_CONTROL_SCROLL, 0, 40);
    tap(surface_wait(t->d, t->s, GFX_EV_SCROLL, &e) && e.scroll.dy == 40 &&
            e.scroll.x == 40 && e.scroll.y == 50,
        "scrolling goes to what is under the pointer");
    desk_send(&t->desk, GFX_CONTROL_BUTTON, BTN_RIGHT, 1);
    desk_send(&t->desk, GFX_CONTROL_BUTTON, BTN_RIGHT, 0);
    bool right = false;
    for (int i = 0; i < 4 && !right; i++)
        right = surface_wait(t->d, t->s, GFX_EV_POINTER, &e) &&
                e.pointer.kind == GFX_POINTER_PRESS &&
                e.pointer.button == GFX_RIGHT;
    tap(right, "the right button is told from the left");
    desk_button(&t->desk, true);
    desk_pointer(&t->desk, 5, 5);
    bool outside = false;
    for (int i = 0; i < 6 && !outside; i++)
        outside = surface_wait(t->d, t->s, GFX_EV_POINTER, &e) &&
                  e.pointer.kind == GFX_POINTER_MOTION && e.pointer.x < 0;
    tap(outside, "a held button keeps the motion coming outside");
    desk_button(&t->desk, false);
}

/* File: Save (Super-S), Off (disabled, Super-O), Copy (Shift-Super-C) */
static void set_menus(struct app *t)
{
    static const struct {
        struct gfx_menu_record r;
        const char *text;
    } records[] = {
        {{0, 0, 0, GFX_MENU_TITLE, 4}, "File"},
        {{7, 's', 0, 0, 4}, "Save"},
        {{8, 'o', 0, GFX_MENU_DISABLED, 3}, "Off"},
        {{9, 'c', GFX_SHIFT, 0, 4}, "Copy"},
    };
    char data[256];
    size_t len = 0;
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        memcpy(data + len, &records[i].r, sizeof records[i].r);
        len += sizeof records[i].r;
        memcpy(data + len, records[i].text, records[i].r.len);
        len += records[i].r.len;
    }
    struct gfx_msg msg = {.type = GFX_REQ_MENUS};
    gfx_surface_send(t->s, &msg, data, len);
    desk_roundtrip(t->d);
}

static void super(struct app *t, int code, bool shift)
{
    desk_key(&t->desk, KEY_LEFTMETA, true);
    if (shift)
        desk_key(&t->desk, KEY_LEFTSHIFT, true);
    desk_tap(&t->desk, code);
    if (shift)
        desk_key(&t->desk, KEY_LEFTSHIFT, false);
    desk_key(&t->desk, KEY_LEFTMETA, false);
}

static void test_menus(struct app *t)
{
    struct gfx_msg e;
    set_menus(t);
    super(t, KEY_O, false);
    super(t, KEY_S, false);
    tap(surface_wait(t->d, t->s, GFX_EV_MENU, &e) && e.value == 7,
        "a menu's shortcut chooses its item; a disabled one is inert");
    super(t, KEY_C, true);
    tap(surface_wait(t->d, t->s, GFX_EV_MENU, &e) && e.value == 9,
        "with its modifiers");
    super(t, KEY_W, false);
    tap(surface_wait(t->d, t->s, GFX_EV_CLOSE, &e), "Super-W asks to close");
    super(t, KEY_Q, false);
    tap(surface_wait(t->d, t->s, GFX_EV_QUIT, &e), "Super-Q asks to quit");
    super(t, KEY_H, false);
    desk_sync(&t->desk);
    tap(desk_flag(&t->desk, "Keys", "hidden"), "Super-H hides the app");
}

static bool clip(struct gfx_display *d, const char *want)
{
    static char tail[GFX_TAIL_MAX + 1];
    struct gfx_msg msg = {.type = GFX_REQ_CLIP_GET}, reply;
    int fd;
    return gfx_display_call(d, &msg, NULL, 0, &reply, tail, &fd) &&
           (size_t)reply.reply.length == strlen(want) &&
           !memcmp(tail, want, strlen(want));
}

static void test_clipboard(struct app *t)
{
    struct gfx_msg msg = {.type = GFX_REQ_CLIP_SET};
    gfx_display_send(t->d, &msg, "hello", 5);
    tap(clip(t->d, "hello"), "the focused app reads what it wrote");
    gfx_display_send(t->other, &msg, "stolen", 6);
    tap(clip(t->other, ""), "another app reads nothing");
    tap(clip(t->d, "hello"), "and writes nothing");
}

static void test_frames(struct app *t)
{
    struct gfx_msg msg = {.type = GFX_REQ_FRAME}, a, b;
    gfx_surface_send(t->s, &msg, NULL, 0);
    bool first = surface_wait(t->d, t->s, GFX_EV_FRAME, &a);
    gfx_surface_send(t->s, &msg, NULL, 0);
    tap(first && surface_wait(t->d, t->s, GFX_EV_FRAME, &b) &&
            b.frame.time - a.frame.time >= 16000000,
        "frame events come a sixtieth of a second apart");
}

void test_input(void)
{
    struct app t;
    desk_start(&t.desk, 800, 600);
    t.d = desk_connect(&t.desk, "keys", false);
    t.other = desk_connect(&t.desk, "other", false);
    t.s = desk_window(t.d, "Keys", 300, 200, 0);
    fill(t.s, 0xffffffff);
    desk_roundtrip(t.d);
    desk_sync(&t.desk);
    test_keys(&t);
    test_scroll(&t);
    test_clipboard(&t);
    test_frames(&t);
    test_menus(&t);
    gfx_display_destroy(t.d);
    gfx_display_destroy(t.other);
    tap(desk_stop(&t.desk) == 0, "the compositor ends cleanly");
}
