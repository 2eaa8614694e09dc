/*
 * probe - prints where the windows are, for tests: a line for each, the
 * focused first, then "probe: end".  With an argument it waits for
 * one, and minimises them.
 */
#include "sdk/desktop.h"

static char buffer[512];

static void put_field(text *t, const char *name, int64_t value)
{
    put_char(t, ' ');
    put_text(t, name);
    put_char(t, '=');
    put_number(t, value);
}

static void show(const window_info *w)
{
    text t = TEXT(buffer);
    put_text(&t, "probe: window app=");
    put(&t, w->app);
    put_field(&t, "id", w->id);
    put_field(&t, "x", w->x);
    put_field(&t, "y", w->y);
    put_field(&t, "w", w->width);
    put_field(&t, "h", w->height);
    put_field(&t, "state", w->state);
    put_char(&t, '\n');
    print(text_str(&t));
}

APP_RUN int app_run(void)
{
    window_list windows;
    str_list words;
    get_arguments(&words);
    shell_windows(&windows);
    handle changes = shell_subscribe();
    while (words.len > 1 && !windows.len) {
        shell_event_list events;
        ready_list ready;
        wasi_poll(&changes, 1, &ready);
        shell_events(&events);
        shell_windows(&windows);
    }
    for (size_t i = 0; i < windows.len; i++) {
        show(&windows.items[i]);
        if (words.len > 1)
            shell_perform(windows.items[i].id, ACTION_MINIMISE);
    }
    print(STR("probe: end\n"));
    return 0;
}
