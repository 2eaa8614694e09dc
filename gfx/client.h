/*
 * client.h - an app's side of the display: one connection, its surfaces, their
 * canvases and events.  Used by wasi/vyoma_ui.c in the app's jailed process,
 * which holds nothing but the socket; buffers come through it.
 *
 * Nothing blocks except: creating a surface, requests with an answer, and
 * drawing before the compositor has taken the last present; each for at most
 * two seconds, after which the connection counts as broken.
 */
#ifndef VYOMA_GFX_CLIENT_H
#define VYOMA_GFX_CLIENT_H

#include "gfx/canvas.h"
#include "gfx/wire.h"

struct gfx_display;
struct gfx_surface;

/* Takes the socket over.  NULL without memory. */
struct gfx_display *gfx_display_create(int fd);
void gfx_display_destroy(struct gfx_display *display); /* NULL is accepted */
int gfx_display_fd(const struct gfx_display *display); /* to poll for input */
/* Takes in what has arrived; false when the compositor is gone. */
bool gfx_display_dispatch(struct gfx_display *display);
/* Sends a request that is about no surface. */
void gfx_display_send(struct gfx_display *display, const struct gfx_msg *msg,
                      const void *tail, size_t len);
/*
 * Sends one and waits for its REPLY.  `tail` receives it (GFX_TAIL_MAX bytes
 * and a NUL, or NULL); *fd a descriptor or -1.  False when there is none.
 */
bool gfx_display_call(struct gfx_display *display, const struct gfx_msg *msg,
                      const void *request, size_t len, struct gfx_msg *reply,
                      char *tail, int *fd);

/* ---- surfaces -------------------------------------------------------------
 */

enum gfx_create_error { GFX_CREATE_LIMIT, GFX_CREATE_MEMORY, GFX_CREATE_GONE };

/*
 * msg->create is filled in by the caller, the rest here.  Waits for the first
 * buffers; the first event is a CONFIGURE.  NULL on failure, with *error.
 */
struct gfx_surface *gfx_surface_create(struct gfx_display *display,
                                       struct gfx_msg *msg, const char *title,
                                       size_t len,
                                       enum gfx_create_error *error);
void gfx_surface_destroy(struct gfx_surface *surface); /* NULL is accepted */
/* Owned by the surface, which keeps it bound to its back buffer. */
struct gfx_canvas *gfx_surface_canvas(struct gfx_surface *surface);
void gfx_surface_size(const struct gfx_surface *surface, int *w, int *h);
/* Shows what was drawn since the last time. */
void gfx_surface_present(struct gfx_surface *surface);
/* The next event; CONFIGURE puts the new buffers in place.  False: none. */
bool gfx_surface_event(struct gfx_surface *surface, struct gfx_msg *event);
bool gfx_surface_has_events(const struct gfx_surface *surface);
/* Fills in the surface and sends. */
void gfx_surface_send(struct gfx_surface *surface, struct gfx_msg *msg,
                      const void *tail, size_t len);

/* ---- the desktop's own components -----------------------------------------
 */

struct gfx_window_info {
    uint32_t id, instance, state, space, recency;
    int x, y, width, height;
    char app[32];
    char title[GFX_TITLE_MAX];
};

struct gfx_shell {
    int width, height; /* of the screen */
    uint32_t spaces, space;
    struct gfx_window_info *windows; /* most recent first */
    int nwindows;
};

/* Starts watching at the first call, and waits for the present state. */
const struct gfx_shell *gfx_display_shell(struct gfx_display *display);
/*
 * The next change: WINDOW (any, joined), MENUS_CHANGED, SHORTCUT,
 * MENU_SHORTCUT, SPACES, REVEAL or SCREEN.  False: none.
 */
bool gfx_display_event(struct gfx_display *display, struct gfx_msg *event);
bool gfx_display_has_events(const struct gfx_display *display);
/* To be called before waiting for more: what was taken has been acted on. */
void gfx_display_waits(struct gfx_display *display);

#endif
