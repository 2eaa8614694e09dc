/*
 * server.h - the compositor's own structures, shared by its files.
 *
 *   compositor.c  main loop, control socket, when to draw
 *   client.c's other side: clients.c (sockets, queues) -> requests.c (a table)
 *   surfaces.c    buffers and their life; windows.c: stacking, focus, places
 *   seat.c, keys.c  input -> window; frame.c: decorations and their zones
 *   scene.c       what is seen: damage -> pixels; animate.c moves it
 *   shell.c       windows as the desktop's components see them; dump.c
 *   session.c     places of windows, kept for a successor
 */
#ifndef VYOMA_GFX_SERVER_H
#define VYOMA_GFX_SERVER_H

#include "gfx/backend.h"
#include "gfx/canvas.h"
#include "gfx/control.h"
#include "gfx/session.h"
#include "gfx/wire.h"

#define CLIENTS_MAX 512
#define SURFACES_PER_CLIENT 24
#define SURFACES_MAX 1024
#define PIXELS_PER_CLIENT (12 << 20) /* of all buffers, in pixels */
#define QUEUE_MAX 96
#define SHORTCUTS_MAX 64
#define SPACES_MAX 16

#define TITLE_HEIGHT 28
#define CORNER 10
#define MIN_WIDTH 160
#define MIN_HEIGHT 60

struct server;
struct client;

/* A memfd with two buffers of one size, shared with the app. */
struct pool {
    uint32_t *map; /* NULL: none */
    uint32_t serial;
    int width, height, stride;
    int current; /* the buffer shown, or -1 */
};

enum anim_end { ANIM_NOTHING, ANIM_HIDE, ANIM_SETTLE };

/* A surface shown elsewhere than in its place, or on the way there. */
struct anim {
    bool shown; /* drawn from `now`, not from its place */
    bool running;
    struct gfx_rectf from, to, now; /* of the frame, on the screen */
    float alpha_from, alpha_to, alpha;
    uint64_t start, duration; /* ns */
    enum anim_end end;        /* SETTLE: back in its place when done */
};

struct surface {
    struct client *client;
    uint32_t id;     /* the client's number */
    uint32_t global; /* the window id that the shell knows */
    enum gfx_surface_kind kind;
    uint32_t flags;
    char title[GFX_TITLE_MAX];

    struct pool front, pending;
    uint32_t last_serial;
    int want_width, want_height; /* to configure when pending is presented */
    bool mapped;                 /* something has been presented */
    bool visible;                /* panels: show-panel */
    bool frame_wanted;
    uint32_t cursor;
    char *menus;
    size_t menus_len;

    /* Place of the content on the screen. */
    int x, y, width, height;
    int min_width, min_height;

    /* Windows */
    bool minimised, hidden, fullscreen, attention, snapped;
    bool closed; /* by its user, while the app goes on */
    /* Of a window that met another compositor before: its place in the
     * stack then (0: raised since, or new), and whether it had the focus. */
    uint32_t order;
    bool restored, was_focused;
    uint32_t space;
    uint32_t recency;
    struct gfx_rect restore; /* content before full screen or snapping */
    struct gfx_image decor;  /* title bar */
    bool decor_stale;
    int hot_button; /* of the title bar: -2 none, -1 group, 0..2 that one */
    struct anim anim;
    struct client *mover;      /* whose transform it is under, if any */
    struct gfx_image snapshot; /* frame and content, while shown elsewhere */
    bool snapshot_stale;

    /* Panels */
    uint32_t layer, anchor, exclusive, radius;
    int offset_x, offset_y;
    struct gfx_image backdrop; /* what lies behind, blurred */
    bool backdrop_stale;
};

struct queued {
    struct gfx_msg msg;
    char *tail;
    size_t len;
    int fd;
};

struct client {
    struct server *server;
    int fd;
    struct gfx_control who;
    bool shell, watching, ready_told, doomed, write_armed;
    bool stale; /* what it says is still meant for another compositor */
    struct surface *surfaces[SURFACES_PER_CLIENT];
    size_t pixels;
    struct queued queue[QUEUE_MAX];
    int nqueued, first_queued;
    uint64_t ping_sent; /* 0: none outstanding */
    uint32_t ping_serial;
    bool unresponsive;
};

enum grab_kind {
    GRAB_NONE,
    GRAB_CONTENT,
    GRAB_MOVE,
    GRAB_RESIZE,
    GRAB_BUTTON,
    GRAB_SWALLOW
};

/* Parts of a window under the pointer; the edges combine. */
enum zone {
    ZONE_NONE = 0,
    ZONE_LEFT = 1,
    ZONE_RIGHT = 2,
    ZONE_TOP = 4,
    ZONE_BOTTOM = 8,
    ZONE_EDGES = 15,
    ZONE_CONTENT = 16,
    ZONE_TITLE = 32,
    ZONE_BUTTON0 = 64, /* red, yellow, green follow */
};

struct seat {
    int x, y; /* pointer */
    uint32_t modifiers;
    uint32_t buttons;     /* pressed, bit per gfx_button */
    struct surface *over; /* gets motion */
    enum zone zone;
    bool motion_pending;
    enum grab_kind grab;
    struct surface *grabbed;
    enum zone grab_zone;
    int grab_x, grab_y;        /* pointer when it began */
    struct gfx_rect grab_rect; /* content when it began */
    bool dragging;
    struct gfx_rect snap; /* preview; empty: none */
    uint64_t click_time;
    int click_x, click_y;
    uint32_t click_button, clicks;
    uint8_t swallowed[96]; /* keys whose release goes nowhere; bits */
    uint8_t down[96];      /* keys that are held */
    uint32_t cursor;       /* shown */
    struct surface *focus; /* keyboard */
};

/* Keys that wait for the owner of a shortcut: see keys.c. */
struct held_keys {
    struct client *owner; /* NULL: none are held */
    uint64_t since;
    uint32_t serial; /* of the last shortcut that was told */
    struct {
        uint32_t code;
        int value;
    } keys[64];
    int n;
};

struct shortcut {
    struct client *client; /* NULL: free */
    uint32_t id, modifiers, code;
    bool held; /* until its modifiers are up */
};

struct server {
    const struct compositor_config *config;
    struct gfx_backend *backend;
    struct input *input;
    const struct gfx_image *shown; /* the last frame */
    int epoll, control, timer;
    bool wake; /* a frame is wanted even without damage */
    int width, height;
    struct client *clients[CLIENTS_MAX];
    struct surface *stack[SURFACES_MAX]; /* bottom to top, layers in order */
    int nstack;
    uint32_t next_global, next_recency;
    struct seat seat;
    const struct surface *fullscreen_last;
    struct surface *active; /* the window with the look of focus */
    struct shortcut shortcuts[SHORTCUTS_MAX];
    struct held_keys held;

    uint32_t space, nspaces;
    float space_at; /* where the screen is: fractions while sliding */
    float space_from;
    uint64_t space_start, space_duration;
    bool reveal; /* top layer shown over a full screen window */

    struct gfx_image wallpaper;
    struct gfx_image cursors[GFX_CURSORS];
    bool hardware_cursor;
    struct gfx_region damage;     /* of the next frame */
    struct gfx_region old_damage; /* of the last one */
    uint64_t last_frame;
    struct {
        uint64_t count, total, longest; /* frames drawn, ns */
    } drawn;
    bool sync_wanted;

    char clipboard[GFX_TAIL_MAX];
    size_t clipboard_len;
    struct {
        char app[32];
        struct gfx_rect rect;
    } dock_icons[64];
    int ndock_icons;
    struct gfx_session_memory *session; /* NULL: none */
    struct gfx_session *lost; /* windows that have not come back yet */
    uint64_t session_serial;
    bool session_stale;
    bool stopping;
    int exit_code;
};

uint64_t gfx_now(void); /* CLOCK_MONOTONIC in ns */

/* clients.c */
void client_add(struct server *s, const struct gfx_control *who, int fd);
void client_readable(struct client *c);
void client_writable(struct client *c);
/* Marks it; clients_reap destroys it when no one is looking at it. */
void client_doom(struct client *c, const char *why);
void clients_reap(struct server *s);
/* Input may be dropped when the app does not read; state may not.  `fd` is
 * taken over. */
void client_send(struct client *c, const struct gfx_msg *msg, const void *tail,
                 size_t len, int fd, bool droppable);
void client_event(struct surface *f, struct gfx_msg *msg, bool droppable);
void client_ping(struct client *c);
void client_responds(struct client *c, bool does);
bool clients_check_pings(struct server *s); /* true: some are outstanding */

/* requests.c */
void request_handle(struct client *c, const struct gfx_msg *msg,
                    const char *tail, size_t len);

/* surfaces.c */
/* Tells PID 1, once, that the app has a window or waits to be called for one.
 */
void client_ready(struct client *c);
struct surface *surface_find(struct client *c, uint32_t id);
struct surface *surface_global(struct server *s, uint32_t global);
void surface_create(struct client *c, const struct gfx_msg *msg,
                    const char *title, size_t len);
void surface_destroy(struct surface *f);
void surface_present(struct surface *f, const struct gfx_msg *msg);
/* Asks the app for this content size (clamped); buffers follow. */
void surface_resize(struct surface *f, int width, int height);
const uint32_t *pool_pixels(const struct pool *pool);
int memfd_with(const char *name, const void *data, size_t len);

/* windows.c */
bool surface_shown(const struct server *s, const struct surface *f);
void window_place_new(struct surface *f);
void panel_place(struct surface *f);
void panels_place(struct server *s);
struct gfx_rect usable_area(const struct server *s);
void stack_insert(struct surface *f);
void stack_remove(struct surface *f);
void look_changed(struct surface *f); /* of the title bar */
void window_raise(struct surface *f);
void window_returned(struct surface *f); /* shown after a restart */
void window_close(struct surface *f);    /* until it is activated */
void window_activate(struct surface *f);
void focus_set(struct server *s, struct surface *window); /* NULL: none */
void focus_choose(struct server *s); /* after the focused one went */
void focus_update(struct server *s); /* keyboard panels came or went */
void window_move(struct surface *f, int x, int y);
void window_set_rect(struct surface *f, struct gfx_rect content);
void window_perform(struct surface *f, enum gfx_action action);
void window_zoom(struct surface *f);
void window_snap(struct surface *f, struct gfx_rect frame);
/* Redraws all when a full screen window came or went. */
void fullscreen_check(struct server *s);
struct surface *fullscreen_window(const struct server *s);
void spaces_request(struct server *s, const struct gfx_msg *msg);
void dock_icon_set(struct server *s, const char *app,
                   const struct gfx_msg *msg);

/* frame.c: geometry and looks of window frames */
bool framed(const struct surface *f);
struct gfx_rect frame_rect(const struct surface *f);  /* title bar included */
struct gfx_rect extent_rect(const struct surface *f); /* shadow included */
enum zone frame_zone(const struct surface *f, int x, int y);
uint32_t zone_cursor(const struct surface *f, enum zone zone);
void frame_update(struct surface *f); /* redraws the title bar if stale */
void frame_set_hot(struct surface *f, int button);
void frame_shadow(struct gfx_image *image, struct gfx_rect clip,
                  struct gfx_rect frame, bool focused, unsigned alpha);

/* scene.c */
void damage_all(struct server *s);
void damage_rect(struct server *s, struct gfx_rect rect);
/* Damage made by a surface at its level: blurs above it notice. */
void damage_under(struct server *s, const struct surface *f,
                  struct gfx_rect rect);
void damage_surface(struct surface *f);
void scene_draw(struct server *s, struct gfx_image *image,
                struct gfx_rect rect);
struct gfx_rect cursor_rect(const struct server *s);
void window_picture(struct surface *f); /* brings the snapshot up to date */

/* animate.c */
void anim_show(struct surface *f, struct gfx_rectf to, float alpha, unsigned ms,
               enum anim_end end);
void anim_open(struct surface *f);
void anim_minimise(struct surface *f);
void anim_restore(struct surface *f);
void anim_settle(struct surface *f, unsigned ms);
void anim_forget(struct client *mover);         /* it has ended: all back */
bool anim_tick(struct server *s, uint64_t now); /* true: more to come */
float space_offset(const struct server *s, const struct surface *f);

/* seat.c */
void seat_pointer(struct server *s, int x, int y);
void seat_button(struct server *s, uint32_t button, bool down);
void seat_scroll(struct server *s, float dx, float dy);
void seat_flush(struct server *s);   /* sends the last motion */
void seat_refocus(struct server *s); /* what is under the pointer changed */
void seat_forget(struct surface *f);

/* keys.c */
void seat_key(struct server *s, uint32_t code, int value);
void shortcuts_forget(struct client *c);
void keys_refocus(struct server *s); /* another surface has the keyboard */
/* Keys typed after a shortcut wait until its owner has acted on it. */
void keys_handled(struct client *c, uint32_t serial);
bool keys_check(struct server *s, uint64_t now); /* true: some are held */
bool shortcut_request(struct client *c, const struct gfx_msg *msg);
uint32_t keymap_text(uint32_t code, uint32_t modifiers);

/* shell.c */
void shell_window_changed(struct surface *f);
void shell_window_gone(struct surface *f);
void shell_broadcast(struct server *s, struct gfx_msg *msg);
void shell_watch(struct client *c);
void shell_menus_changed(struct server *s);
void shell_spaces_changed(struct server *s);
bool menus_valid(const char *data, size_t len);
void shell_thumbnail(struct client *c, const struct gfx_msg *msg);
void reply_value(struct client *c, uint32_t value);
void reply_blob(struct client *c, const void *data, size_t len);
void reply_memfd(struct client *c, const void *data, size_t len, int width,
                 int height);

/* session.c */
void session_open(struct server *s, int fd); /* takes fd; -1: none */
void session_finish(struct server *s);
void session_save(struct server *s); /* when something has changed */
/* Puts a new window where it was; false when nothing is known of it. */
bool session_restore(struct surface *f);
void session_forget(struct server *s, uint32_t instance); /* it has ended */

/* dump.c: JSON, malloc'ed; NULL without memory */
char *dump_state(struct server *s, size_t *len);

/* compositor.c */
void control_tell(struct server *s, enum gfx_control_type type,
                  uint32_t instance, int a);
void server_wake(struct server *s); /* something moves: keep frames coming */
bool server_watch(struct server *s, int fd, void *data, bool writable);
/* Closing is not enough: PID 1 has copies of the clients' sockets. */
void server_unwatch(struct server *s, int fd);

/* wallpaper.c, cursors.c */
void wallpaper_draw(struct gfx_image *image);
bool cursors_init(struct server *s);
void cursor_hot(uint32_t cursor, int *x, int *y);

/* evdev.c: devices; each is an epoll source */
struct input;
struct input *input_open(struct server *s, const char *dir);
void input_read(struct input *input); /* all devices */

#endif
