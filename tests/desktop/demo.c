/*
 * demo.c - a desktop with a menu bar, a dock and windows, drawn by native
 * clients: `demo OUT.png [minimise|mission|fullscreen]`.  To look at; the
 * tests are in test_*.c.
 */
#include "tests/desktop/harness.h"

#include <math.h>
#include <string.h>

static struct gfx_surface *panel(struct gfx_display *d, struct gfx_msg *msg)
{
    enum gfx_create_error error;
    msg->create.kind = GFX_PANEL;
    return gfx_surface_create(d, msg, "panel", 5, &error);
}

static void text(struct gfx_canvas *c, enum gfx_font font, float size, float x,
                 float y, const char *s, uint32_t color)
{
    gfx_canvas_text(c, font, size, x, y, s, strlen(s), color);
}

static void menu_bar(struct gfx_display *d)
{
    static const char *const menus[] = {"File", "Edit", "View", "Window",
                                        "Help"};
    struct gfx_msg msg = {0};
    msg.create.width = 1440;
    msg.create.height = 28;
    msg.create.layer = GFX_LAYER_TOP;
    msg.create.anchor = GFX_ANCHOR_TOP;
    msg.create.exclusive = 28;
    msg.create.flags = GFX_PANEL_BLUR;
    struct gfx_surface *s = panel(d, &msg);
    struct gfx_canvas *c = gfx_surface_canvas(s);
    gfx_canvas_clear(c, 0x66ffffff);
    gfx_canvas_fill_ellipse(c, 24, 14, 6, 6, 0xff1c1c1e);
    text(c, GFX_FONT_UI_BOLD, 13, 48, 19, "Notes", 0xff1c1c1e);
    for (int i = 0; i < 5; i++)
        text(c, GFX_FONT_UI, 13, (float)(104 + i * 52), 19, menus[i],
             0xff1c1c1e);
    text(c, GFX_FONT_UI, 13, 1300, 19, "Tue 25 Nov  10:24", 0xff1c1c1e);
    gfx_surface_present(s);
}

static void dock(struct gfx_display *d)
{
    static const uint32_t colors[][2] = {
        {0xff5ac8fa, 0xff007aff}, {0xff3a3a3c, 0xff1c1c1e},
        {0xffffd60a, 0xffff9f0a}, {0xffff6482, 0xffff2d55},
        {0xff63e6be, 0xff12b886}, {0xffda8fff, 0xffaf52de},
    };
    struct gfx_msg msg = {0};
    msg.create.width = 6 * 64 + 20;
    msg.create.height = 74;
    msg.create.layer = GFX_LAYER_TOP;
    msg.create.anchor = GFX_ANCHOR_BOTTOM;
    msg.create.y = 8;
    msg.create.radius = 20;
    msg.create.flags = GFX_PANEL_BLUR | GFX_PANEL_SHADOW;
    struct gfx_surface *s = panel(d, &msg);
    struct gfx_canvas *c = gfx_surface_canvas(s);
    float w = (float)msg.create.width;
    gfx_canvas_fill_rounded_rect(c, 0, 0, w, 74, 20, 0x40ffffff);
    gfx_canvas_stroke_rounded_rect(c, 0.5f, 0.5f, w - 1, 73, 19.5f, 1,
                                   0x50ffffff);
    for (int i = 0; i < 6; i++) {
        struct gfx_path *p = gfx_canvas_path(c);
        float x = (float)(16 + i * 64);
        gfx_path_reset(p);
        gfx_path_rounded_rect(p, gfx_canvas_matrix(c), x, 9, 52, 52, 13);
        gfx_canvas_fill_linear(c, x, 9, x, 61, colors[i][0], colors[i][1]);
        gfx_canvas_fill_ellipse(c, x + 26, 68, 2, 2, 0xb0000000);
    }
    gfx_surface_present(s);
}

static void notes(struct gfx_display *d)
{
    static const char *const lines[] = {
        "Things to try",
        "",
        "Drag this window by its title bar.",
        "Press the red button to close it.",
        "Every app here is a WebAssembly component",
        "of a few kilobytes, in a jail of its own."};
    struct gfx_surface *s = desk_window(d, "Notes", 620, 380, 0);
    struct gfx_canvas *c = gfx_surface_canvas(s);
    gfx_canvas_clear(c, 0xffffffff);
    gfx_canvas_fill_rect(c, 0, 0, 180, 380, 0xfff3f2f5);
    gfx_canvas_fill_rect(c, 180, 0, 1, 380, 0xffe2e1e5);
    gfx_canvas_fill_rounded_rect(c, 8, 10, 164, 44, 7, 0xffffd60a);
    text(c, GFX_FONT_UI_BOLD, 13, 20, 28, "Things to try", 0xff1c1c1e);
    text(c, GFX_FONT_UI, 12, 20, 45, "Drag this window...", 0xff5c5b61);
    text(c, GFX_FONT_UI_BOLD, 13, 20, 78, "Shopping", 0xff1c1c1e);
    text(c, GFX_FONT_UI, 12, 20, 95, "Milk, bread, a kernel", 0xff8e8d94);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        text(c, i ? GFX_FONT_UI : GFX_FONT_UI_BOLD, i ? 14 : 20, 204,
             (float)(44 + i * 24), lines[i], 0xff1c1c1e);
    gfx_surface_present(s);
}

static void terminal(struct gfx_display *d)
{
    static const char *const lines[] = {"vyoma:~$ ps",
                                        "  PID APP        MEM   CPU",
                                        "    7 compositor 14M   0.3%",
                                        "   12 menubar    1.1M  0.0%",
                                        "   13 dock       1.2M  0.0%",
                                        "   17 terminal   1.4M  0.1%",
                                        "vyoma:~$ \xe2\x96\x88"};
    struct gfx_surface *s =
        desk_window(d, "Terminal \xe2\x80\x94 shell", 560, 320, 0);
    struct gfx_canvas *c = gfx_surface_canvas(s);
    gfx_canvas_clear(c, 0xff1e1e24);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        text(c, GFX_FONT_MONO, 13, 14, (float)(26 + i * 19), lines[i],
             i == 0 || i == 6 ? 0xff8be9a8 : 0xffe4e4ea);
    gfx_surface_present(s);
}

static void clock_face(struct gfx_display *d)
{
    struct gfx_surface *s = desk_window(d, "Clock", 240, 240, GFX_WINDOW_FIXED);
    struct gfx_canvas *c = gfx_surface_canvas(s);
    gfx_canvas_clear(c, 0xfff6f5f8);
    gfx_canvas_shadow(c, 30, 34, 180, 180, 90, 18, 0x30000000);
    gfx_canvas_fill_ellipse(c, 120, 120, 90, 90, 0xffffffff);
    for (int i = 0; i < 60; i++) {
        float a = (float)i * 0.10471976f, r = i % 5 ? 81 : 77;
        gfx_canvas_line(c, 120 + r * sinf(a), 120 - r * cosf(a),
                        120 + 84 * sinf(a), 120 - 84 * cosf(a),
                        i % 5 ? 1 : 2.4f, i % 5 ? 0xffb9b8be : 0xff1c1c1e);
    }
    gfx_canvas_line(c, 120, 120, 90, 78, 5, 0xff1c1c1e);
    gfx_canvas_line(c, 120, 120, 168, 88, 3.4f, 0xff1c1c1e);
    gfx_canvas_line(c, 112, 136, 148, 62, 1.4f, 0xffff3b30);
    gfx_canvas_fill_ellipse(c, 120, 120, 4, 4, 0xffff3b30);
    gfx_surface_present(s);
}

/* Every window into a row of thumbnails. */
static void mission(struct gfx_display *d)
{
    const struct gfx_shell *sh = gfx_display_shell(d);
    for (int i = 0; i < sh->nwindows; i++) {
        const struct gfx_window_info *w = &sh->windows[i];
        struct gfx_msg msg = {.type = GFX_REQ_TRANSFORM};
        float k = 400.f / (float)w->width;
        msg.transform.window = w->id;
        msg.transform.x = (float)(60 + i * 460);
        msg.transform.y = 300;
        msg.transform.w = 400;
        msg.transform.h = (float)w->height * k;
        msg.transform.opacity = 1;
        msg.transform.milliseconds = 200;
        gfx_display_send(d, &msg, NULL, 0);
    }
}

int main(int argc, char **argv)
{
    struct desk desk;
    const char *what = argc > 2 ? argv[2] : "";
    desk_start(&desk, 1440, 900);
    struct gfx_display *shell = desk_connect(&desk, "menubar", true);
    struct gfx_display *app = desk_connect(&desk, "notes", false);
    struct gfx_display *other = desk_connect(&desk, "terminal", false);
    menu_bar(shell);
    dock(shell);
    desk_roundtrip(shell);
    terminal(other);
    desk_roundtrip(other);
    clock_face(other);
    desk_roundtrip(other);
    notes(app);
    desk_roundtrip(app);
    desk_pointer(&desk, 700, 470);
    if (!strcmp(what, "mission"))
        mission(shell);
    desk_roundtrip(shell);
    desk_sync(&desk);
    desk_save(&desk, argc > 1 ? argv[1] : "demo.png");
    puts(desk_state(&desk));
    gfx_display_destroy(app);
    gfx_display_destroy(other);
    gfx_display_destroy(shell);
    return desk_stop(&desk);
}
