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

/* Until there is a window. */
static void wait_for_windows(window_list *windows)
{
    handle changes = shell_subscribe(); /* first: none may come in between */
    shell_windows(windows);
    while (!windows->len) {
        shell_event_list events;
        ready_list ready;
        wasi_poll(&changes, 1, &ready);
        shell_events(&events);
        shell_windows(windows);
    }
}

/* Until all are: what is just coming up may not be told yet. */
static void minimise(window_list *windows)
{
    for (bool all = false; !all; shell_windows(windows)) {
        all = true;
        for (size_t i = 0; i < windows->len; i++)
            if (!(windows->items[i].state & WIN_MINIMISED)) {
                all = false;
                shell_perform(windows->items[i].id, ACTION_MINIMISE);
            }
    }
}

APP_RUN int app_run(void)
{
    window_list windows;
    str_list words;
    get_arguments(&words);
    shell_windows(&windows);
    if (words.len > 1) {
        wait_for_windows(&windows);
        minimise(&windows);
    }
    for (size_t i = 0; i < windows.len; i++)
        show(&windows.items[i]);
    print(STR("probe: end\n"));
    return 0;
}
