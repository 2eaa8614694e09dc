/*
 * wire.h - the messages between an app's display client (client.c) and the
 * compositor, over a SOCK_SEQPACKET socket.
 *
 * Every message is one struct gfx_msg, then up to GFX_TAIL_MAX bytes whose
 * meaning depends on the type, and at most one descriptor.  The table in
 * wire.c says for each type who may send it and how long its tail may be;
 * gfx_wire_recv refuses everything else, so that receivers only look at
 * values.
 */
#ifndef VYOMA_GFX_WIRE_H
#define VYOMA_GFX_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GFX_TAIL_MAX 61440
#define GFX_TITLE_MAX 256
#define GFX_MENUS_MAX 12288
#define GFX_WIRE_RECTS 8

enum gfx_msg_type {
    /* App to compositor: for the surface named in the message. */
    GFX_REQ_CREATE = 1, /* tail: title */
    GFX_REQ_DESTROY,
    GFX_REQ_PRESENT,
    GFX_REQ_FRAME,
    GFX_REQ_TITLE, /* tail: title */
    GFX_REQ_SIZE,
    GFX_REQ_CURSOR,
    GFX_REQ_MENUS, /* tail: menus, see menus.h */
    GFX_REQ_ATTENTION,
    GFX_REQ_HIDE, /* closed by its user; the app goes on */
    GFX_REQ_PONG,
    GFX_REQ_SYNC,     /* answered by REPLY: all sent before has been handled */
    GFX_REQ_CLIP_SET, /* tail: text */
    GFX_REQ_CLIP_GET, /* answered by REPLY with the text */
    GFX_REQ_RESUME,   /* after RESTARTED: what was sent before is void */

    /* The same, for clients with GFX_CLIENT_SHELL only. */
    GFX_REQ_PANEL_MOVE,
    GFX_REQ_PANEL_SHOW,
    GFX_REQ_WATCH, /* send the windows, and keep doing so */
    GFX_REQ_PERFORM,
    GFX_REQ_CHOOSE,
    GFX_REQ_TRANSFORM,
    GFX_REQ_DOCK_ICON, /* tail: app */
    GFX_REQ_SHORTCUT,  /* answered by REPLY: 1 granted */
    GFX_REQ_HANDLED,   /* value: a SHORTCUT's or KEY's serial: acted on */
    GFX_REQ_SPACES,
    GFX_REQ_MENUS_GET, /* answered by REPLY with the menus */
    GFX_REQ_THUMBNAIL, /* answered by REPLY with a memfd of pixels */
    GFX_REQ_DUMP,      /* answered by REPLY with a memfd of JSON */

    /* Compositor to app. */
    GFX_EV_CONFIGURE = 64, /* a memfd: two buffers, then a gfx_buffer_state */
    GFX_EV_KEY,
    GFX_EV_POINTER,
    GFX_EV_SCROLL,
    GFX_EV_FOCUS,
    GFX_EV_MENU,
    GFX_EV_FRAME,
    GFX_EV_CLOSE,
    GFX_EV_QUIT,
    GFX_EV_OUTSIDE,
    GFX_EV_PING,
    GFX_EV_REPLY,     /* tail, descriptor: see the requests */
    GFX_EV_REFUSED,   /* the surface could not be created: value says why */
    GFX_EV_RESTARTED, /* a successor that knows nothing: see client.c */

    /* Compositor to watching shell clients. */
    GFX_EV_SCREEN,
    GFX_EV_WINDOW,      /* a window is new or changed; tail: app NUL title */
    GFX_EV_WINDOW_GONE, /* value: the window */
    GFX_EV_MENUS_CHANGED,
    GFX_EV_SHORTCUT,
    GFX_EV_MENU_SHORTCUT,
    GFX_EV_SPACES,
    GFX_EV_REVEAL,
    GFX_MSG_TYPES,
};

enum gfx_surface_kind { GFX_WINDOW, GFX_PANEL };
enum gfx_window_flags { /* bit order of window-flags in the WIT */
                        GFX_WINDOW_FIXED = 1,
                        GFX_WINDOW_BARE = 2,
                        GFX_WINDOW_TRANSPARENT = 4,
                        GFX_WINDOW_UNFOCUSED = 8,
};
enum gfx_panel_flags { /* bit order of panel-flags */
                       GFX_PANEL_KEYBOARD = 1,
                       GFX_PANEL_MODAL = 2,
                       GFX_PANEL_BLUR = 4,
                       GFX_PANEL_SHADOW = 8,
};
enum gfx_layer { GFX_LAYER_BOTTOM, GFX_LAYER_TOP, GFX_LAYER_OVERLAY };
enum gfx_anchor {
    GFX_ANCHOR_TOP_LEFT,
    GFX_ANCHOR_TOP,
    GFX_ANCHOR_TOP_RIGHT,
    GFX_ANCHOR_BOTTOM,
    GFX_ANCHOR_CENTER,
    GFX_ANCHOR_FILL,
};
enum gfx_modifiers {
    GFX_SHIFT = 1,
    GFX_CONTROL = 2,
    GFX_ALT = 4,
    GFX_SUPER = 8,
    GFX_CAPS = 16,
};
enum gfx_key_state { GFX_KEY_PRESSED, GFX_KEY_REPEATED, GFX_KEY_RELEASED };
enum gfx_pointer_kind {
    GFX_POINTER_MOTION,
    GFX_POINTER_PRESS,
    GFX_POINTER_RELEASE,
    GFX_POINTER_ENTER,
    GFX_POINTER_LEAVE,
};
enum gfx_button { GFX_BUTTON_NONE, GFX_LEFT, GFX_RIGHT, GFX_MIDDLE };
enum gfx_cursor {
    GFX_CURSOR_ARROW,
    GFX_CURSOR_HAND,
    GFX_CURSOR_TEXT,
    GFX_CURSOR_CROSSHAIR,
    GFX_CURSOR_MOVE,
    GFX_CURSOR_RESIZE_H,
    GFX_CURSOR_RESIZE_V,
    GFX_CURSOR_RESIZE_FALLING,
    GFX_CURSOR_RESIZE_RISING,
    GFX_CURSOR_WAIT,
    GFX_CURSOR_HIDDEN,
    GFX_CURSORS,
};
enum gfx_window_state { /* bit order of window-state */
                        GFX_STATE_FOCUSED = 1,
                        GFX_STATE_MINIMISED = 2,
                        GFX_STATE_HIDDEN = 4,
                        GFX_STATE_FULLSCREEN = 8,
                        GFX_STATE_ATTENTION = 16,
                        GFX_STATE_UNRESPONSIVE = 32,
                        GFX_STATE_CLOSED = 64,
};
enum gfx_action { /* order of window-action */
                  GFX_ACT_ACTIVATE,
                  GFX_ACT_MINIMISE,
                  GFX_ACT_RESTORE,
                  GFX_ACT_CLOSE,
                  GFX_ACT_FULLSCREEN,
                  GFX_ACT_HIDE_APP,
                  GFX_ACT_SHOW_APP,
                  GFX_ACT_QUIT_APP,
                  GFX_ACT_KILL_APP,
                  GFX_ACTIONS,
};
/* In MENU_SHORTCUT: not an item of the app's, but this and a gfx_action. */
#define GFX_SYSTEM_ITEM 0x80000000u

enum gfx_shortcut_phase {
    GFX_SHORTCUT_PRESSED,
    GFX_SHORTCUT_REPEATED,
    GFX_SHORTCUT_RELEASED,
};
enum gfx_spaces_op { GFX_SPACES_COUNT, GFX_SPACES_SWITCH, GFX_SPACES_MOVE };
enum gfx_refusal { GFX_REFUSED_LIMIT, GFX_REFUSED_MEMORY };

struct gfx_msg {
    uint32_t type;
    uint32_t surface; /* the app's own number for it, not 0 */
    union {
        uint32_t value;
        struct {
            uint32_t kind, flags; /* gfx_window_flags or gfx_panel_flags */
            int32_t width, height, min_width, min_height; /* 0: none */
            uint32_t layer, anchor, exclusive, radius;    /* panels */
            int32_t x, y;
        } create;
        struct {
            uint32_t serial; /* of the configure that made the buffers */
            uint32_t buffer; /* 0 or 1 */
            uint32_t nrects;
            int32_t rects[GFX_WIRE_RECTS][4]; /* x0 y0 x1 y1 */
        } present;
        struct {
            int32_t width, height;
        } size;
        struct {
            uint32_t window, action;
        } perform;
        struct {
            uint32_t window, item;
        } menu;
        struct {
            uint32_t window;
            uint32_t clear; /* 1: back to its place */
            float x, y, w, h, opacity;
            uint32_t milliseconds;
        } transform;
        struct {
            int32_t x, y, width, height;
        } rect;
        struct {
            uint32_t id, modifiers, code;
            uint32_t phase;  /* event; request: 1 register, 0 give up */
            uint32_t serial; /* event */
        } shortcut;
        struct {
            uint32_t op, space, window, milliseconds;
        } spaces;
        struct {
            uint32_t window;
            int32_t width, height;
        } thumbnail;

        struct {
            uint32_t serial;
            int32_t width, height, stride; /* stride in pixels */
        } configure;
        struct {
            uint32_t code, text, modifiers, state;
            uint32_t serial; /* for panels: to be HANDLED; 0: need not */
        } key;
        struct {
            uint32_t kind, button, clicks, modifiers;
            float x, y;
        } pointer;
        struct {
            float x, y, dx, dy;
            uint32_t modifiers;
        } scroll;
        struct {
            uint64_t time; /* CLOCK_MONOTONIC, ns */
        } frame;
        struct {
            uint32_t value;
            int32_t width, height, length;
        } reply;
        struct {
            uint32_t id, instance, state, space;
            uint32_t recency; /* greater: focused later */
            int32_t x, y, width, height;
        } window;
        struct {
            uint32_t count, current;
        } space_info;
    };
};
_Static_assert(sizeof(struct gfx_msg) == 152, "wire format");

/*
 * Behind the two buffers: which one the compositor shows, so that the app
 * knows when it may draw into the other without being woken up for it.
 */
struct gfx_buffer_state {
    uint32_t shown; /* buffer + 1; 0: none yet */
    uint32_t reserved[15];
};

enum gfx_side { GFX_FROM_APP, GFX_FROM_SHELL, GFX_FROM_COMPOSITOR };

/* Sends one message; false with errno (EAGAIN when the peer does not read).
 * fd is -1 or a descriptor to pass, which stays the caller's. */
bool gfx_wire_send(int socket, const struct gfx_msg *msg, const void *tail,
                   size_t len, int fd);

enum gfx_wire_status {
    GFX_WIRE_OK,
    GFX_WIRE_EMPTY,
    GFX_WIRE_CLOSED,
    GFX_WIRE_BAD
};

/*
 * Receives one message without waiting.  `tail` has room for GFX_TAIL_MAX
 * bytes and one more, which is set to NUL; *fd is a received descriptor (owned
 * by the caller) or -1.  BAD: the peer sent what `from` may not send.
 */
enum gfx_wire_status gfx_wire_recv(int socket, enum gfx_side from,
                                   struct gfx_msg *msg, char *tail, size_t *len,
                                   int *fd);
const char *gfx_wire_name(uint32_t type);

#endif
