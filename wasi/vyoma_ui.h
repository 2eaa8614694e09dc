/*
 * vyoma_ui.h - what the files behind vyoma:ui and vyoma:desktop share: the
 * connection to the compositor and the resources made on it.
 */
#ifndef VYOMA_WASI_VYOMA_UI_H
#define VYOMA_WASI_VYOMA_UI_H

#include "gfx/client.h"
#include "wasi/internal.h"

/* The connection; windows hold it, so that it outlives them. */
struct vyoma_display {
    wasi_object object;
    struct gfx_display *gfx;
    size_t pixels; /* of canvases off the screen */
};

/* The resource window. */
struct ui_window {
    wasi_object object;
    struct vyoma_display *display;
    struct gfx_surface *surface;
};

/* The resource canvas: a window's, or memory of its own. */
struct ui_canvas {
    wasi_object object;
    struct gfx_canvas *canvas;
    struct ui_window *window; /* NULL: off the screen */
    struct vyoma_display *display;
    struct gfx_image image;
};

/* A width or height for the compositor, which refuses those that are too large
 * with a reason. */
static inline int ui_side(uint64_t side)
{
    return side <= GFX_SIDE_MAX ? (int)side : GFX_SIDE_MAX + 1;
}

/* Made at first use; NULL without a grant or memory. */
struct vyoma_display *vyoma_display_get(wasi_ctx *ctx);
/* What wasi_ctx_destroy calls. */
void vyoma_display_destroy(struct vyoma_display *display);

/* Creates the surface that `msg` describes as result<window, window-error>. */
vm_status ui_create_window(cm_call *call, wasi_ctx *ctx, struct gfx_msg *msg,
                           cm_value title, cm_value *result);
/* Menus on the wire to list<menu>. */
vm_status ui_menus_value(cm_call *call, const char *data, size_t len,
                         cm_value *result);

#endif
