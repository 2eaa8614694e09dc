/* desktop.c - see desktop.h. */
#include "sdk/desktop.h"

void panel_open(app *a, str name, int32_t layer, int32_t anchor, int32_t x,
                int32_t y, uint32_t width, uint32_t height, uint32_t exclusive,
                uint32_t radius, int32_t flags)
{
    handle_result panel;
    panel_create(name.data, name.len, layer, anchor, x, y, width, height,
                 exclusive, radius, flags, &panel);
    if (panel.is_err)
        __builtin_trap();
    a->window = panel.value;
    a->canvas = window_canvas(a->window);
    a->pollable = window_subscribe(a->window);
    a->width = (float)width;
    a->height = (float)height;
}

void panel_close(app *a)
{
    pollable_drop(a->pollable);
    canvas_drop(a->canvas);
    window_drop(a->window);
    a->window = 0;
    a->pollable = a->extra;
}
