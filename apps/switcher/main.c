/*
 * switcher - Super-Tab: the running apps, most recently used first.
 *
 * A quick tap swaps the last two without showing anything: the panel opens
 * only when Super is held for a moment.  Tab, Shift-Tab, arrows and the pointer
 * move the selection; letting Super go activates it; Q quits and H hides the
 * selected app in place; Esc cancels.  Super-` goes through one app's windows.
 */
#include "sdk/desktop.h"

#define APPS 12
#define ICON 84.0f
#define CELL 104.0f
#define HEIGHT 150
#define DELAY (160 * MILLISECOND)

enum { SHORTCUT_NEXT = 1, SHORTCUT_PREVIOUS, SHORTCUT_WINDOW };
enum { CODE_GRAVE = 41, CODE_Q = 16, CODE_H = 35 };

static app_list installed;
static struct {
    const app_info *app;
    uint32_t window;
} apps[APPS];
static size_t count, selected;
static bool switching;

static const app_info *find_app(str name)
{
    for (size_t i = 0; i < installed.len; i++)
        if (str_equal(installed.items[i].name, name))
            return &installed.items[i];
    return NULL;
}

/* Apps with windows, by their most recently focused one. */
static void collect(void)
{
    window_list windows;
    shell_windows(&windows);
    count = 0;
    for (size_t i = 0; i < windows.len && count < APPS; i++) {
        const app_info *a = find_app(windows.items[i].app);
        bool known = !a;
        for (size_t k = 0; k < count; k++)
            known |= apps[k].app == a;
        if (known)
            continue;
        apps[count].app = a;
        apps[count++].window = windows.items[i].id;
    }
    if (selected >= count)
        selected = count ? count - 1 : 0;
}

static void finish(app *a, bool activate)
{
    if (!switching)
        return;
    switching = false;
    a->wake = UINT64_MAX;
    if (a->window)
        panel_close(a);
    if (activate && selected < count)
        shell_perform(apps[selected].window, ACTION_ACTIVATE);
}

static void move(app *a, int step)
{
    if (!switching) {
        switching = true;
        selected = 0;
        collect();
        a->wake = monotonic_now() + DELAY;
    }
    if (count)
        selected = (selected + count + (size_t)step) % count;
    app_redraw(a);
}

/* Super-`: the least recent window of the focused app comes to the front. */
static void next_window(void)
{
    window_list windows;
    shell_windows(&windows);
    uint32_t last = 0;
    for (size_t i = 1; i < windows.len; i++)
        if (str_equal(windows.items[i].app, windows.items[0].app) &&
            !(windows.items[i].state & (WIN_MINIMISED | WIN_CLOSED)))
            last = windows.items[i].id;
    if (last)
        shell_perform(last, ACTION_ACTIVATE);
}

/* ---- panel ---- */

static void draw(app *a)
{
    handle c = a->canvas;
    float w = (float)count * CELL + 24, left = (a->width - w) / 2;
    canvas_clear(c, 0);
    canvas_shadow(c, left, 34, w, HEIGHT, 22, 36, 0x60000000);
    canvas_round(c, left, 30, w, HEIGHT, 22, 0xe8ececf0);
    for (size_t i = 0; i < count; i++) {
        float x = left + 12 + (float)i * CELL;
        if (i == selected) {
            canvas_round(c, x + 2, 40, CELL - 4, CELL - 4, 14, 0x38000000);
            draw_centered(c, FONT_UI, 14, x - 40, 166, CELL + 80,
                          apps[i].app->title, INK);
        }
        icon_draw(c, &apps[i].app->icon, x + 10, 48, ICON);
    }
}

static size_t app_at(app *a, float x)
{
    float left = (a->width - (float)count * CELL) / 2;
    return x < left ? count : MIN((size_t)((x - left) / CELL), count);
}

static void on_key(app *a, const event *e)
{
    uint32_t code = e->key.code;
    if (e->key.state == KEY_RELEASED || selected >= count)
        return;
    if (code == CODE_LEFT || code == CODE_RIGHT)
        move(a, code == CODE_LEFT ? -1 : 1);
    else if (code == CODE_ESC)
        finish(a, false);
    else if (code == CODE_Q || code == CODE_H)
        shell_perform(apps[selected].window,
                      code == CODE_Q ? ACTION_QUIT_APP : ACTION_HIDE_APP);
}

static void on_event(app *a, const event *e)
{
    if (e->kind == EVENT_KEY)
        on_key(a, e);
    if (e->kind != EVENT_POINTER)
        return;
    size_t at = app_at(a, e->pointer.x);
    if (at >= count)
        return;
    if (at != selected)
        app_redraw(a);
    selected = at;
    if (e->pointer.kind == POINTER_PRESS)
        finish(a, true);
}

static void on_shell(app *a)
{
    shell_event_list events;
    shell_events(&events);
    for (size_t i = 0; i < events.len; i++) {
        const shell_event *e = &events.items[i];
        if (e->kind == SHELL_WINDOWS && switching) {
            collect();
            app_redraw(a);
        }
        if (e->kind != SHELL_SHORTCUT)
            continue;
        if (e->shortcut.phase == SHORTCUT_RELEASED)
            finish(a, true);
        else if (e->shortcut.id == SHORTCUT_WINDOW)
            next_window();
        else
            move(a, e->shortcut.id == SHORTCUT_NEXT ? 1 : -1);
    }
}

/* Super has been held long enough: show the apps. */
static void on_time(app *a)
{
    a->wake = UINT64_MAX;
    if (!switching || a->window || !count)
        return;
    panel_open(a, STR("switcher"), LAYER_OVERLAY, ANCHOR_CENTER, 0, 0,
               (uint32_t)(APPS * CELL) + 100, HEIGHT + 80, 0, 22,
               PANEL_KEYBOARD);
    app_redraw(a);
}

APP_RUN int app_run(void)
{
    static app switcher = {.draw = draw,
                           .on_event = on_event,
                           .on_extra = on_shell,
                           .on_time = on_time,
                           .wake = UINT64_MAX};
    process_apps(&installed);
    if (installed.is_err)
        installed.len = 0;
    shell_register(SHORTCUT_NEXT, MOD_SUPER, CODE_TAB);
    shell_register(SHORTCUT_PREVIOUS, MOD_SUPER | MOD_SHIFT, CODE_TAB);
    shell_register(SHORTCUT_WINDOW, MOD_SUPER, CODE_GRAVE);
    switcher.pollable = switcher.extra = shell_subscribe();
    return app_loop(&switcher);
}
