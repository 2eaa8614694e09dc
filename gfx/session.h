/*
 * session.h - what outlives a compositor: where the windows were.
 *
 * PID 1 makes a piece of memory and hands it to each compositor that it starts;
 * the compositor writes its windows' places into it as they change, and the
 * next one reads them when the apps bring their windows back (client.c).
 * PID 1 never looks inside.  The memory holds two copies, written in turn, each
 * with a serial and a checksum: a compositor that dies while it writes one
 * leaves the other.  Its reader trusts nothing: the writer may have been taken
 * over.
 */
#ifndef VYOMA_GFX_SESSION_H
#define VYOMA_GFX_SESSION_H

#include <assert.h>
#include <stdint.h>

#define GFX_SESSION_WINDOWS 256
#define GFX_SESSION_MAGIC 0x31535956u /* "VYS1" */

enum gfx_session_flags {
    GFX_SESSION_MINIMISED = 1 << 0,
    GFX_SESSION_HIDDEN = 1 << 1,
    GFX_SESSION_CLOSED = 1 << 2,
    GFX_SESSION_FULLSCREEN = 1 << 3,
    GFX_SESSION_SNAPPED = 1 << 4,
    GFX_SESSION_FOCUSED = 1 << 5,
};

struct gfx_session_window {
    uint32_t instance, surface;     /* PID 1's number, the app's number */
    int32_t x, y, width, height;    /* content */
    int32_t restore[4];             /* x0 y0 x1 y1 before it was snapped */
    uint32_t flags, space, recency; /* recency: greater, focused later */
    uint32_t age; /* compositors since its app was last heard of */
};
static_assert(sizeof(struct gfx_session_window) == 56, "layout");

struct gfx_session {
    uint32_t magic;
    uint32_t nwindows, nspaces, space;
    uint64_t serial; /* the greater one of two is the later */
    uint64_t check;  /* of all that is used, itself taken as 0 */
    struct gfx_session_window windows[GFX_SESSION_WINDOWS]; /* bottom to top */
};

struct gfx_session_memory {
    struct gfx_session slots[2];
};

/* Empty memory of that size, sealed against any other; -1 with errno. */
int gfx_session_create(void);
/* What `check` must be; nwindows must be in range. */
uint64_t gfx_session_check(const struct gfx_session *session);

#endif
