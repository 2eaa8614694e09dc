/* test_shell.c - the privileged interface: panels, windows, shortcuts. */
#include "tests/desktop/harness.h"

#include <linux/input-event-codes.h>
#include <poll.h>
#include <string.h>

struct shell {
    struct desk desk;
    struct gfx_display *sh, *app;
    struct gfx_surface *bar, *one, *two;
};

/* Waits up to two seconds for a shell event of this type. */
static bool shell_wait(struct gfx_display *d, uint32_t type,
                       struct gfx_msg *event)
{
    struct pollfd p = {.fd = gfx_display_fd(d), .events = POLLIN};
    do {
        gfx_display_dispatch(d);
        while (gfx_display_event(d, event)) {
            gfx_display_waits(d);
            if (event->type == type)
                return true;
        }
    } while (poll(&p, 1, 2000) > 0);
    return false;
}

static void start(struct shell *t)
{
    struct gfx_msg bar = {0};
    desk_start(&t->desk, 1440, 900);
    t->sh = desk_connect(&t->desk, "menubar", true);
    t->app = desk_connect(&t->desk, "app", false);
    bar.create.width = 1440;
    bar.create.height = 28;
    bar.create.layer = GFX_LAYER_TOP;
    bar.create.anchor = GFX_ANCHOR_TOP;
    bar.create.exclusive = 28;
    bar.create.flags = GFX_PANEL_BLUR;
    t->bar = desk_panel(t->sh, &bar);
    fill(t->bar, 0x80ffffff);
    desk_roundtrip(t->sh);
    t->one = desk_window(t->app, "One", 400, 300, 0);
    fill(t->one, 0xff20a040);
    t->two = desk_window(t->app, "Two", 300, 200, 0);
    fill(t->two, 0xffa02060);
    desk_roundtrip(t->app);
    desk_sync(&t->desk);
}

static void test_list(struct shell *t)
{
    const struct gfx_shell *sh = gfx_display_shell(t->sh);
    desk_roundtrip(t->sh);
    tap(sh->width == 1440 && sh->height == 900, "the screen's size is known");
    tap(sh->nwindows == 2 && !strcmp(sh->windows[0].title, "Two") &&
            !strcmp(sh->windows[1].title, "One") &&
            !strcmp(sh->windows[0].app, "app"),
        "windows come most recent first, panels do not");
    struct gfx_msg title = {.type = GFX_REQ_TITLE}, e;
    while (gfx_display_event(t->sh, &e))
        ;
    gfx_surface_send(t->one, &title, "Uno", 3);
    tap(shell_wait(t->sh, GFX_EV_WINDOW, &e), "a change is told");
    desk_roundtrip(t->sh);
    tap(!strcmp(sh->windows[1].title, "Uno"), "with what has changed");
    gfx_surface_send(t->one, &title, "One", 3);
    desk_roundtrip(t->app);
}

static uint32_t id_of(struct shell *t, const char *title)
{
    const struct gfx_shell *sh = gfx_display_shell(t->sh);
    desk_roundtrip(t->sh);
    for (int i = 0; i < sh->nwindows; i++)
        if (!strcmp(sh->windows[i].title, title))
            return sh->windows[i].id;
    return 0;
}

static void ask(struct shell *t, const char *title, uint32_t action)
{
    struct gfx_msg msg = {.type = GFX_REQ_PERFORM};
    msg.perform.window = id_of(t, title);
    msg.perform.action = action;
    gfx_display_send(t->sh, &msg, NULL, 0);
    desk_roundtrip(t->sh);
}

static void perform(struct shell *t, const char *title, uint32_t action)
{
    ask(t, title, action);
    desk_sync(&t->desk);
}

static void test_actions(struct shell *t)
{
    int a[4] = {0}, b[4] = {0};
    perform(t, "One", GFX_ACT_ACTIVATE);
    tap(desk_flag(&t->desk, "One", "focused"), "activate focuses");
    desk_rect(&t->desk, "One", "frame", a);
    perform(t, "One", GFX_ACT_MINIMISE);
    tap(!desk_flag(&t->desk, "One", "shown"), "minimise takes it away");
    perform(t, "One", GFX_ACT_ACTIVATE);
    desk_rect(&t->desk, "One", "frame", b);
    tap(desk_flag(&t->desk, "One", "shown") && !memcmp(a, b, sizeof a),
        "and activate brings it back to its place");
    perform(t, "One", GFX_ACT_HIDE_APP);
    tap(!desk_flag(&t->desk, "Two", "shown"), "hiding concerns the whole app");
    perform(t, "One", GFX_ACT_SHOW_APP);
    perform(t, "One", GFX_ACT_ACTIVATE);
    ask(t, "One", GFX_ACT_KILL_APP);
    tap(desk_expect(&t->desk, GFX_CONTROL_KILL, NULL).instance == 2,
        "a kill names the instance to PID 1");
}

static void test_transform(struct shell *t)
{
    struct gfx_msg msg = {.type = GFX_REQ_TRANSFORM};
    int a[4] = {0}, b[4] = {0};
    desk_rect(&t->desk, "One", "frame", a);
    msg.transform.window = id_of(t, "One");
    msg.transform.x = 40;
    msg.transform.y = 500;
    msg.transform.w = (float)a[2] / 2;
    msg.transform.h = (float)a[3] / 2;
    msg.transform.opacity = 1;
    msg.transform.milliseconds = 60;
    gfx_display_send(t->sh, &msg, NULL, 0);
    desk_roundtrip(t->sh);
    desk_sync(&t->desk);
    desk_look(&t->desk);
    tap(desk_flag(&t->desk, "One", "transformed") &&
            desk_pixel(&t->desk, 140, 600) == 0x20a040,
        "a transform shows the window's picture elsewhere");
    fill(t->one, 0xffffd000);
    desk_roundtrip(t->app);
    desk_sync(&t->desk);
    desk_look(&t->desk);
    tap(desk_pixel(&t->desk, 140, 600) == 0xffd000, "and it is live");
    msg.transform.clear = 1;
    gfx_display_send(t->sh, &msg, NULL, 0);
    desk_roundtrip(t->sh);
    desk_sync(&t->desk);
    desk_rect(&t->desk, "One", "frame", b);
    tap(!desk_flag(&t->desk, "One", "transformed") && !memcmp(a, b, sizeof a),
        "and goes back exactly");
    tap(desk_redraw_differs(&t->desk) == 0, "without a trail");
}

static bool ask_shortcut(struct gfx_display *d, uint32_t id, uint32_t mods,
                         uint32_t code)
{
    struct gfx_msg msg = {.type = GFX_REQ_SHORTCUT}, reply;
    int fd;
    msg.shortcut.id = id;
    msg.shortcut.modifiers = mods;
    msg.shortcut.code = code;
    msg.shortcut.phase = 1;
    return gfx_display_call(d, &msg, NULL, 0, &reply, NULL, &fd) &&
           reply.reply.value;
}

static bool phase(struct shell *t, uint32_t id, uint32_t want)
{
    struct gfx_msg e;
    return shell_wait(t->sh, GFX_EV_SHORTCUT, &e) && e.shortcut.id == id &&
           e.shortcut.phase == want;
}

static void test_shortcuts(struct shell *t)
{
    struct gfx_display *rival = desk_connect(&t->desk, "rival", true);
    struct gfx_msg e;
    tap(ask_shortcut(t->sh, 5, GFX_SUPER, KEY_TAB), "a shortcut is granted");
    tap(!ask_shortcut(rival, 1, GFX_SUPER, KEY_TAB), "but not twice");
    desk_key(&t->desk, KEY_LEFTMETA, true);
    desk_tap(&t->desk, KEY_TAB);
    desk_tap(&t->desk, KEY_TAB);
    tap(phase(t, 5, GFX_SHORTCUT_PRESSED) && phase(t, 5, GFX_SHORTCUT_PRESSED),
        "each press is told");
    desk_key(&t->desk, KEY_LEFTMETA, false);
    tap(phase(t, 5, GFX_SHORTCUT_RELEASED), "and the release of its modifier");
    desk_sync(&t->desk);
    bool leaked = false;
    gfx_display_dispatch(t->app);
    while (gfx_surface_event(t->one, &e))
        leaked |= e.type == GFX_EV_KEY && e.key.code == KEY_TAB;
    tap(!leaked, "the window below sees none of it");
    gfx_display_destroy(rival);
}

static void test_modal(struct shell *t)
{
    struct gfx_msg msg = {0}, e;
    int r[4] = {0};
    msg.create.width = 200;
    msg.create.height = 100;
    msg.create.layer = GFX_LAYER_OVERLAY;
    msg.create.anchor = GFX_ANCHOR_CENTER;
    msg.create.flags = GFX_PANEL_KEYBOARD | GFX_PANEL_MODAL | GFX_PANEL_SHADOW;
    struct gfx_surface *p = desk_panel(t->sh, &msg);
    fill(p, 0xffffffff);
    desk_roundtrip(t->sh);
    desk_sync(&t->desk);
    desk_tap(&t->desk, KEY_X);
    tap(surface_wait(t->sh, p, GFX_EV_KEY, &e) && e.key.text == 'x',
        "a keyboard panel gets the keys");
    tap(desk_flag(&t->desk, "One", "focused"),
        "while the window keeps the look of focus");
    desk_rect(&t->desk, "One", "content", r);
    desk_click(&t->desk, r[0] + 10, r[1] + 10);
    tap(surface_wait(t->sh, p, GFX_EV_OUTSIDE, &e),
        "a press outside a modal panel is told to it");
    desk_sync(&t->desk);
    bool leaked = false;
    gfx_display_dispatch(t->app);
    while (gfx_surface_event(t->one, &e))
        leaked |= e.type == GFX_EV_KEY || e.type == GFX_EV_POINTER;
    tap(!leaked, "and goes nowhere else");
    gfx_display_waits(t->sh);
    gfx_surface_destroy(p);
    desk_roundtrip(t->sh);
    tap(desk_flag(&t->desk, "One", "keyboard"), "then the keys go back");
}

static void test_spaces(struct shell *t)
{
    struct gfx_msg msg = {.type = GFX_REQ_SPACES}, e;
    msg.spaces.op = GFX_SPACES_COUNT;
    msg.spaces.space = 3;
    gfx_display_send(t->sh, &msg, NULL, 0);
    tap(shell_wait(t->sh, GFX_EV_SPACES, &e) &&
            gfx_display_shell(t->sh)->spaces == 3,
        "spaces are made");
    msg.spaces.op = GFX_SPACES_MOVE;
    msg.spaces.window = id_of(t, "Two");
    msg.spaces.space = 2;
    gfx_display_send(t->sh, &msg, NULL, 0);
    desk_roundtrip(t->sh);
    tap(!desk_flag(&t->desk, "Two", "shown"), "a window moved away is gone");
    msg.spaces.op = GFX_SPACES_SWITCH;
    msg.spaces.milliseconds = 80;
    gfx_display_send(t->sh, &msg, NULL, 0);
    desk_roundtrip(t->sh);
    desk_sync(&t->desk);
    tap(desk_flag(&t->desk, "Two", "shown") &&
            !desk_flag(&t->desk, "One", "shown") &&
            desk_flag(&t->desk, "Two", "focused"),
        "switching shows that space and focuses there");
    tap(desk_redraw_differs(&t->desk) == 0, "sliding leaves no trail");
    perform(t, "One", GFX_ACT_ACTIVATE);
    tap(desk_flag(&t->desk, "One", "shown"), "activating goes to its space");
}

static void test_bar(struct shell *t)
{
    int r[4] = {0};
    desk_rect(&t->desk, "One", "frame", r);
    desk_drag(&t->desk, r[0] + 200, r[1] + 10, r[0] + 200, 40);
    desk_drag(&t->desk, r[0] + 200, 40, r[0] + 200, 10);
    desk_rect(&t->desk, "One", "frame", r);
    tap(r[1] == 28, "a title bar never goes under the menu bar");
    perform(t, "One", GFX_ACT_FULLSCREEN);
    tap(!desk_flag(&t->desk, "panel", "shown"),
        "the menu bar hides in full screen");
    desk_pointer(&t->desk, 700, 300);
    desk_pointer(&t->desk, 700, 0);
    desk_sync(&t->desk);
    tap(desk_flag(&t->desk, "panel", "shown"),
        "and comes back at the top edge");
    desk_pointer(&t->desk, 700, 300);
    desk_sync(&t->desk);
    tap(!desk_flag(&t->desk, "panel", "shown"), "and leaves again");
    perform(t, "One", GFX_ACT_FULLSCREEN);
    tap(desk_redraw_differs(&t->desk) == 0, "without a trail");
}

void test_shell(void)
{
    struct shell t;
    start(&t);
    test_list(&t);
    test_actions(&t);
    test_transform(&t);
    test_shortcuts(&t);
    test_modal(&t);
    test_bar(&t);
    test_spaces(&t);
    gfx_display_destroy(t.app);
    gfx_display_destroy(t.sh);
    tap(desk_stop(&t.desk) == 0, "the compositor ends cleanly");
}
