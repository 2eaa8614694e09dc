/*
 * control.h - what PID 1 and the compositor say to each other, over one
 * SOCK_SEQPACKET socket.  Every message is one struct gfx_control; fields a
 * type does not use are zero.  Plain data only: both sides check the size and
 * the type and nothing else needs parsing.
 */
#ifndef VYOMA_GFX_CONTROL_H
#define VYOMA_GFX_CONTROL_H

#include <stdint.h>

enum gfx_control_type {
    /* To the compositor. */
    GFX_CONTROL_CLIENT = 1, /* a new app; its socket's other end is attached
                               (SCM_RIGHTS), also SOCK_SEQPACKET */
    GFX_CONTROL_DUMP,       /* reply DUMPED with a memfd of JSON attached */
    GFX_CONTROL_SCREENSHOT, /* write a PNG (with 1 in `a` the bare pixels,
                               0xXXRRGGBB) to the attached descriptor, then
                               reply SHOT (0 in `a` if it went well) */
    GFX_CONTROL_KEY,        /* inject: evdev code in a, b 1 press 0 release */
    GFX_CONTROL_POINTER,    /* inject: to x = a, y = b, in pixels */
    GFX_CONTROL_BUTTON,     /* inject: evdev BTN_* in a, b 1 press 0 release */
    GFX_CONTROL_SCROLL,     /* inject: dx = a, dy = b, in pixels */
    GFX_CONTROL_SYNC,       /* reply SYNCED when all earlier messages have
                               taken effect and the screen shows it, and no
                               animation runs */
    GFX_CONTROL_STOP,       /* leave the main loop */
    GFX_CONTROL_REDRAW,     /* compose everything anew (tests compare) */

    /* From the compositor. */
    GFX_CONTROL_FIRST_FRAME = 64, /* the wallpaper is on the screen */
    GFX_CONTROL_READY, /* instance showed its first window or panel */
    GFX_CONTROL_KILL,  /* the user wants `instance` ended at once */
    GFX_CONTROL_GONE,  /* instance's connection closed (a: 1 misbehaved) */
    GFX_CONTROL_DUMPED,
    GFX_CONTROL_SHOT,
    GFX_CONTROL_SYNCED,
};

enum gfx_control_flags {
    GFX_CLIENT_SHELL = 1 << 0,   /* may use the privileged requests */
    GFX_CLIENT_ADOPTED = 1 << 1, /* was another compositor's, which ended */
};

struct gfx_control {
    uint32_t type;
    uint32_t instance; /* PID 1's number for the running app */
    uint32_t pid;
    uint32_t flags;
    int32_t a, b;
    char app[32];   /* the manifest's name, NUL-terminated */
    char title[64]; /* what people read */
};
_Static_assert(sizeof(struct gfx_control) == 120, "wire format");

#endif
