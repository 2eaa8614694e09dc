/* ui.c - see ui.h. */
#include "sdk/ui.h"

void app_open(app *a, str title, uint32_t width, uint32_t height, int32_t flags)
{
    handle_result window;
    window_create(title.data, title.len, width, height, 0, 0, flags, &window);
    if (window.is_err)
        __builtin_trap();
    a->window = window.value;
    a->canvas = window_canvas(a->window);
    a->pollable = window_subscribe(a->window);
    a->width = (float)width;
    a->height = (float)height;
}

static void take_events(app *a)
{
    event_list events;
    if (!a->window)
        return;
    window_events(a->window, &events);
    for (size_t i = 0; i < events.len && a->window; i++) {
        const event *e = &events.items[i];
        if (e->kind == EVENT_RESIZED) {
            a->width = (float)e->resized.width;
            a->height = (float)e->resized.height;
            a->dirty = true;
        }
        if (e->kind == EVENT_CLOSE)
            window_hide(a->window);
        a->over |= e->kind == EVENT_QUIT;
        if (a->on_event)
            a->on_event(a, e);
    }
}

/* Waits for the window, the extra pollable or the time, and acts on it. */
static void wait(app *a)
{
    handle polled[4] = {a->pollable};
    size_t n = 1;
    bool extra = a->on_extra != NULL, timer = a->on_time != NULL;
    if (extra)
        polled[n++] = a->extra;
    if (a->also)
        polled[n++] = a->also;
    if (timer)
        polled[n++] = subscribe_instant(a->wake);
    ready_list ready;
    wasi_poll(polled, n, &ready);
    if (timer)
        pollable_drop(polled[n - 1]);
    for (size_t i = 0; i < ready.len; i++) {
        uint32_t at = ready.items[i];
        if (at == 0)
            take_events(a);
        else if (at < n - timer)
            a->on_extra(a);
        else
            a->on_time(a);
    }
}

int app_loop(app *a)
{
    while (!a->over) {
        void *mark = arena_mark();
        wait(a);
        if (a->dirty && a->window && !a->over) {
            a->dirty = false;
            a->draw(a);
            window_present(a->window);
        }
        arena_release(mark);
    }
    return 0;
}

size_t utf8_put(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf00 >> n) | c);
    return n;
}
