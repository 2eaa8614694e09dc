/*
 * client.c - the app's side of the display: see client.h.
 *
 * The compositor may end, and be started again, while the app goes on: the
 * connection stays (PID 1 holds its other end), and the successor says
 * RESTARTED.  Then every surface is created again as it was, and what it showed
 * is copied into its new buffers and presented; the app sees a resize.
 */
#include "gfx/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SURFACES_MAX 24
#define EVENTS_MAX 256
#define WINDOWS_MAX 1024
#define PATIENCE_MS 2000

struct ring {
    struct gfx_msg events[EVENTS_MAX];
    int first, n;
};

/* The memory of one size: two buffers. */
struct buffers {
    uint32_t *map; /* NULL: none */
    size_t bytes;
    uint32_t serial;
    int width, height, stride;
};

struct gfx_surface {
    struct gfx_display *display;
    uint32_t id;
    struct gfx_msg created; /* the request, for a successor; so are these: */
    char title[GFX_TITLE_MAX];
    size_t title_len;
    uint32_t cursor;
    void *menus; /* owned */
    size_t menus_len;
    bool frame_wanted, restores;
    struct gfx_canvas *canvas;
    struct buffers now, next; /* next: configured, not yet taken */
    bool refused;
    enum gfx_create_error why;
    int back;      /* buffer to draw into */
    bool writable; /* it is free and up to date */
    bool presented;
    struct gfx_region stale[2]; /* what each lacks of the latest picture */
    struct ring ring;
};

struct gfx_display {
    int fd;
    bool gone;
    uint32_t next_id, restarts;
    struct gfx_surface *surfaces[SURFACES_MAX];
    bool replied; /* reply below is new */
    struct gfx_msg reply;
    char *reply_tail; /* where the caller wants it, or NULL */
    int reply_fd;
    bool watching, screen_known;
    bool windows_changed, menus_changed, spaces_changed;
    uint32_t taken; /* serial of what was, and not acted on yet; 0: none */
    struct gfx_shell shell;
    struct ring ring;
    char tail[GFX_TAIL_MAX + 1];
};

/* ---- connection -----------------------------------------------------------
 */

struct gfx_display *gfx_display_create(int fd)
{
    struct gfx_display *d = calloc(1, sizeof *d);
    if (!d) {
        close(fd);
        return NULL;
    }
    d->fd = fd;
    d->reply_fd = -1;
    return d;
}

void gfx_display_destroy(struct gfx_display *d)
{
    if (!d)
        return;
    for (int i = 0; i < SURFACES_MAX; i++)
        gfx_surface_destroy(d->surfaces[i]);
    if (d->reply_fd >= 0)
        close(d->reply_fd);
    free(d->shell.windows);
    close(d->fd);
    free(d);
}

int gfx_display_fd(const struct gfx_display *d)
{
    return d->fd;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits for the socket until the deadline; false when it passed. */
static bool wait_socket(struct gfx_display *d, short events, int64_t deadline)
{
    struct pollfd p = {.fd = d->fd, .events = events};
    for (;;) {
        int64_t left = deadline - now_ms();
        int n = poll(&p, 1, left > 0 ? (int)left : 0);
        if (n > 0)
            return true;
        if (n == 0 || errno != EINTR)
            return false;
    }
}

void gfx_display_send(struct gfx_display *d, const struct gfx_msg *msg,
                      const void *tail, size_t len)
{
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (!d->gone && !gfx_wire_send(d->fd, msg, tail, len, -1))
        if ((errno != EAGAIN && errno != ENOBUFS) ||
            !wait_socket(d, POLLOUT, deadline))
            d->gone = true;
}

/* ---- events in ------------------------------------------------------------
 */

static struct gfx_msg *last(struct ring *r)
{
    return r->n ? &r->events[(r->first + r->n - 1) % EVENTS_MAX] : NULL;
}

/* A motion after a motion replaces it; when full, news is lost. */
static void push(struct ring *r, const struct gfx_msg *msg)
{
    struct gfx_msg *before = last(r);
    bool motion =
        msg->type == GFX_EV_POINTER && msg->pointer.kind == GFX_POINTER_MOTION;
    if (motion && before && before->type == GFX_EV_POINTER &&
        before->pointer.kind == GFX_POINTER_MOTION) {
        *before = *msg;
        return;
    }
    if (r->n < EVENTS_MAX)
        r->events[(r->first + r->n++) % EVENTS_MAX] = *msg;
}

static bool pop(struct ring *r, struct gfx_msg *msg)
{
    if (!r->n)
        return false;
    *msg = r->events[r->first];
    r->first = (r->first + 1) % EVENTS_MAX;
    r->n--;
    return true;
}

static void unmap(struct buffers *b)
{
    if (b->map)
        munmap(b->map, b->bytes);
    *b = (struct buffers){0};
}

static void restore(struct gfx_surface *s);

static void on_configure(struct gfx_surface *s, const struct gfx_msg *msg,
                         int fd)
{
    struct buffers b = {.serial = msg->configure.serial,
                        .width = msg->configure.width,
                        .height = msg->configure.height,
                        .stride = msg->configure.stride};
    b.bytes = (size_t)b.stride * (size_t)b.height * 2 * sizeof(uint32_t) +
              sizeof(struct gfx_buffer_state);
    b.map = mmap(NULL, b.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (b.map == MAP_FAILED) {
        s->refused = true;
        s->why = GFX_CREATE_MEMORY;
        return;
    }
    unmap(&s->next);
    s->next = b;
    push(&s->ring, msg);
    if (s->restores)
        restore(s);
}

static void surface_event(struct gfx_surface *s, const struct gfx_msg *msg,
                          int fd)
{
    switch (msg->type) {
    case GFX_EV_CONFIGURE:
        if (fd >= 0)
            on_configure(s, msg, fd);
        break;
    case GFX_EV_REFUSED:
        s->refused = true;
        s->why = msg->value == GFX_REFUSED_LIMIT ? GFX_CREATE_LIMIT
                                                 : GFX_CREATE_MEMORY;
        break;
    case GFX_EV_FRAME: s->frame_wanted = false; /* fallthrough */
    default: push(&s->ring, msg); break;
    }
}

/* ---- another compositor ---------------------------------------------------
 */

/* Tells it all there is to know about a surface. */
static void create_again(struct gfx_surface *s)
{
    struct gfx_msg create = s->created;
    struct gfx_msg cursor = {.type = GFX_REQ_CURSOR, .value = s->cursor};
    struct gfx_msg menus = {.type = GFX_REQ_MENUS};
    struct gfx_msg frame = {.type = GFX_REQ_FRAME};
    if (s->now.map) {
        create.create.width = s->now.width;
        create.create.height = s->now.height;
        s->restores = true;
    }
    gfx_surface_send(s, &create, s->title, s->title_len);
    if (s->cursor)
        gfx_surface_send(s, &cursor, NULL, 0);
    if (s->menus)
        gfx_surface_send(s, &menus, s->menus, s->menus_len);
    if (s->frame_wanted)
        gfx_surface_send(s, &frame, NULL, 0);
}

static void on_restarted(struct gfx_display *d)
{
    struct gfx_msg resume = {.type = GFX_REQ_RESUME};
    d->restarts++;
    gfx_display_send(d, &resume, NULL, 0);
    for (int i = 0; i < SURFACES_MAX; i++)
        if (d->surfaces[i])
            create_again(d->surfaces[i]);
}

static void forget_window(struct gfx_shell *sh, uint32_t id)
{
    for (int i = 0; i < sh->nwindows; i++)
        if (sh->windows[i].id == id) {
            memmove(&sh->windows[i], &sh->windows[i + 1],
                    (size_t)(sh->nwindows - i - 1) * sizeof *sh->windows);
            sh->nwindows--;
            return;
        }
}

/* Puts it where its recency belongs. */
static void note_window(struct gfx_shell *sh, const struct gfx_msg *msg,
                        const char *tail, size_t len)
{
    forget_window(sh, msg->window.id);
    struct gfx_window_info *grown =
        sh->nwindows < WINDOWS_MAX
            ? realloc(sh->windows,
                      (size_t)(sh->nwindows + 1) * sizeof *sh->windows)
            : NULL;
    if (!grown)
        return;
    sh->windows = grown;
    int at = 0;
    while (at < sh->nwindows && grown[at].recency > msg->window.recency)
        at++;
    memmove(&grown[at + 1], &grown[at],
            (size_t)(sh->nwindows - at) * sizeof *grown);
    sh->nwindows++;
    struct gfx_window_info *w = &grown[at];
    *w = (struct gfx_window_info){msg->window.id,
                                  msg->window.instance,
                                  msg->window.state,
                                  msg->window.space,
                                  msg->window.recency,
                                  msg->window.x,
                                  msg->window.y,
                                  msg->window.width,
                                  msg->window.height,
                                  {0},
                                  {0}};
    size_t app = strnlen(tail, len), title = app < len ? len - app - 1 : 0;
    memcpy(w->app, tail, app < sizeof w->app ? app : sizeof w->app - 1);
    if (title)
        memcpy(w->title, tail + app + 1,
               title < GFX_TITLE_MAX ? title : GFX_TITLE_MAX - 1);
}

static void shell_event(struct gfx_display *d, const struct gfx_msg *msg,
                        size_t len)
{
    switch (msg->type) {
    case GFX_EV_SCREEN:
        d->shell.width = msg->size.width;
        d->shell.height = msg->size.height;
        if (d->screen_known)
            push(&d->ring, msg);
        d->screen_known = true;
        break;
    case GFX_EV_WINDOW:
        note_window(&d->shell, msg, d->tail, len);
        d->windows_changed = true;
        break;
    case GFX_EV_WINDOW_GONE:
        forget_window(&d->shell, msg->value);
        d->windows_changed = true;
        break;
    case GFX_EV_SPACES:
        d->shell.spaces = msg->space_info.count;
        d->shell.space = msg->space_info.current;
        d->spaces_changed = true;
        break;
    case GFX_EV_MENUS_CHANGED: d->menus_changed = true; break;
    default: push(&d->ring, msg); break;
    }
}

static void on_reply(struct gfx_display *d, const struct gfx_msg *msg,
                     size_t len, int fd)
{
    if (d->reply_fd >= 0)
        close(d->reply_fd);
    d->reply = *msg;
    d->reply.reply.length = len ? (int32_t)len : msg->reply.length;
    d->reply_fd = fd;
    d->replied = true;
    if (d->reply_tail)
        memcpy(d->reply_tail, d->tail, len + 1);
}

static struct gfx_surface *find(struct gfx_display *d, uint32_t id)
{
    for (int i = 0; i < SURFACES_MAX; i++)
        if (d->surfaces[i] && d->surfaces[i]->id == id)
            return d->surfaces[i];
    return NULL;
}

static void on_message(struct gfx_display *d, const struct gfx_msg *msg,
                       size_t len, int fd)
{
    struct gfx_surface *s = msg->surface ? find(d, msg->surface) : NULL;
    if (msg->type == GFX_EV_REPLY) {
        on_reply(d, msg, len, fd);
        return;
    }
    if (msg->type == GFX_EV_PING) {
        struct gfx_msg pong = {.type = GFX_REQ_PONG, .value = msg->value};
        gfx_display_send(d, &pong, NULL, 0);
    } else if (msg->type == GFX_EV_RESTARTED) {
        on_restarted(d);
    } else if (s) {
        surface_event(s, msg, fd);
    } else if (!msg->surface) {
        shell_event(d, msg, len);
    }
    if (fd >= 0)
        close(fd); /* mapped by now, or of a surface destroyed meanwhile */
}

bool gfx_display_dispatch(struct gfx_display *d)
{
    struct gfx_msg msg;
    size_t len;
    int fd;
    while (!d->gone) {
        switch (gfx_wire_recv(d->fd, GFX_FROM_COMPOSITOR, &msg, d->tail, &len,
                              &fd)) {
        case GFX_WIRE_OK: on_message(d, &msg, len, fd); break;
        case GFX_WIRE_EMPTY: return true;
        default: d->gone = true; break;
        }
    }
    return false;
}

/* Dispatches until *flag; false when that takes too long. */
static bool wait_for(struct gfx_display *d, const bool *flag, bool value)
{
    int64_t deadline = now_ms() + PATIENCE_MS;
    uint32_t restarts = d->restarts;
    while (gfx_display_dispatch(d) && *flag != value) {
        if (d->restarts != restarts)
            return false; /* who was asked has ended */
        if (!wait_socket(d, POLLIN, deadline)) {
            d->gone = true;
            break;
        }
    }
    return !d->gone;
}

bool gfx_display_call(struct gfx_display *d, const struct gfx_msg *msg,
                      const void *request, size_t len, struct gfx_msg *reply,
                      char *tail, int *fd)
{
    d->replied = false;
    d->reply_tail = tail;
    gfx_display_send(d, msg, request, len);
    bool ok = wait_for(d, &d->replied, true);
    d->reply_tail = NULL;
    *fd = d->reply_fd;
    d->reply_fd = -1;
    *reply = d->reply;
    if (ok)
        return true;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return false;
}

/* ---- surfaces -------------------------------------------------------------
 */

static struct gfx_image image_of(const struct buffers *b, int which)
{
    return (struct gfx_image){b->map + (size_t)which * (size_t)b->stride *
                                           (size_t)b->height,
                              b->width, b->height, b->stride};
}

/* Puts the configured buffers in place of the present ones. */
static void take_next(struct gfx_surface *s)
{
    if (!s->next.map)
        return;
    unmap(&s->now);
    s->now = s->next;
    s->next = (struct buffers){0};
    s->back = 0;
    s->stale[0].n = s->stale[1].n = 0;
    s->writable = true;
    s->presented = false;
    gfx_canvas_bind(s->canvas, image_of(&s->now, 0));
}

static void send_present(struct gfx_surface *s,
                         const struct gfx_region *damage);

/* What was shown, in the new buffers. */
static void restore(struct gfx_surface *s)
{
    struct buffers old = s->now;
    struct gfx_image from = image_of(&old, s->back);
    bool shown = s->presented;
    s->restores = false;
    s->now = (struct buffers){0};
    take_next(s);
    struct gfx_image to = image_of(&s->now, 0);
    struct gfx_rect all = {0, 0, gfx_min(old.width, to.width),
                           gfx_min(old.height, to.height)};
    struct gfx_region damage = {0};
    gfx_copy(&to, all, &from, 0, 0);
    gfx_region_add(&damage, all);
    unmap(&old);
    if (shown)
        send_present(s, &damage);
}

/* True when the compositor shows this buffer, and so reads no other. */
static bool shows(const struct buffers *b, int which)
{
    const uint32_t *end = b->map + (size_t)b->stride * (size_t)b->height * 2;
    const struct gfx_buffer_state *state = (const struct gfx_buffer_state *)end;
    return __atomic_load_n(&state->shown, __ATOMIC_ACQUIRE) ==
           (uint32_t)which + 1;
}

/* Waits until the compositor has handled everything sent. */
static bool catch_up(struct gfx_display *d)
{
    struct gfx_msg msg = {.type = GFX_REQ_SYNC}, reply;
    int fd;
    return gfx_display_call(d, &msg, NULL, 0, &reply, NULL, &fd);
}

/* The other buffer becomes the canvas's, once the compositor shows this one. */
static bool make_writable(void *data)
{
    struct gfx_surface *s = data;
    if (s->writable)
        return true;
    int back = !s->back;
    if (!shows(&s->now, s->back) && !catch_up(s->display))
        return false;
    struct gfx_image to = image_of(&s->now, back);
    struct gfx_image from = image_of(&s->now, s->back);
    for (int i = 0; i < s->stale[back].n; i++) {
        struct gfx_rect r = s->stale[back].rects[i];
        gfx_copy(&to, r, &from, r.x0, r.y0);
    }
    s->stale[back].n = 0;
    s->back = back;
    s->writable = true;
    gfx_canvas_retarget(s->canvas, to.pixels);
    return true;
}

static struct gfx_surface *surface_new(struct gfx_display *d)
{
    int slot = 0;
    while (slot < SURFACES_MAX && d->surfaces[slot])
        slot++;
    struct gfx_surface *s = slot < SURFACES_MAX ? calloc(1, sizeof *s) : NULL;
    if (!s)
        return NULL;
    s->canvas = gfx_canvas_create();
    if (!s->canvas) {
        free(s);
        return NULL;
    }
    gfx_canvas_on_draw(s->canvas, make_writable, s);
    s->display = d;
    s->id = ++d->next_id;
    d->surfaces[slot] = s;
    return s;
}

static bool wait_buffers(struct gfx_surface *s)
{
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (gfx_display_dispatch(s->display) && !s->next.map && !s->refused)
        if (!wait_socket(s->display, POLLIN, deadline))
            break;
    if (!s->next.map && !s->refused)
        s->why = GFX_CREATE_GONE;
    return s->next.map != NULL;
}

struct gfx_surface *gfx_surface_create(struct gfx_display *d,
                                       struct gfx_msg *msg, const char *title,
                                       size_t len, enum gfx_create_error *error)
{
    struct gfx_surface *s = surface_new(d);
    if (!s) {
        *error = GFX_CREATE_LIMIT;
        return NULL;
    }
    msg->type = GFX_REQ_CREATE;
    s->created = *msg;
    s->title_len = len < GFX_TITLE_MAX ? len : GFX_TITLE_MAX;
    memcpy(s->title, title, s->title_len);
    gfx_surface_send(s, msg, title, s->title_len);
    if (wait_buffers(s)) {
        take_next(s);
        return s;
    }
    *error = s->why;
    s->id = s->refused ? 0 : s->id; /* the compositor has none to destroy */
    gfx_surface_destroy(s);
    return NULL;
}

void gfx_surface_destroy(struct gfx_surface *s)
{
    if (!s)
        return;
    struct gfx_display *d = s->display;
    struct gfx_msg msg = {.type = GFX_REQ_DESTROY};
    if (s->id)
        gfx_surface_send(s, &msg, NULL, 0);
    for (int i = 0; i < SURFACES_MAX; i++)
        if (d->surfaces[i] == s)
            d->surfaces[i] = NULL;
    gfx_canvas_destroy(s->canvas);
    unmap(&s->now);
    unmap(&s->next);
    free(s->menus);
    free(s);
}

struct gfx_canvas *gfx_surface_canvas(struct gfx_surface *s)
{
    return s->canvas;
}

void gfx_surface_size(const struct gfx_surface *s, int *w, int *h)
{
    *w = s->now.width;
    *h = s->now.height;
}

/* What a successor would have to be told. */
static void remember(struct gfx_surface *s, const struct gfx_msg *msg,
                     const void *tail, size_t len)
{
    if (msg->type == GFX_REQ_TITLE && len <= sizeof s->title) {
        memcpy(s->title, tail, len);
        s->title_len = len;
    } else if (msg->type == GFX_REQ_CURSOR) {
        s->cursor = msg->value;
    } else if (msg->type == GFX_REQ_FRAME) {
        s->frame_wanted = true;
    } else if (msg->type == GFX_REQ_MENUS && tail != s->menus) {
        free(s->menus);
        s->menus = len ? malloc(len) : NULL;
        s->menus_len = s->menus ? len : 0;
        if (s->menus)
            memcpy(s->menus, tail, len);
    }
}

void gfx_surface_send(struct gfx_surface *s, struct gfx_msg *msg,
                      const void *tail, size_t len)
{
    msg->surface = s->id;
    remember(s, msg, tail, len);
    gfx_display_send(s->display, msg, tail, len);
}

/* Rectangles on the wire are fewer than a region's. */
static void put_damage(struct gfx_msg *msg, const struct gfx_region *damage)
{
    int n = gfx_min(damage->n, GFX_WIRE_RECTS);
    for (int i = 0; i < n; i++) {
        struct gfx_rect r = damage->rects[i];
        if (i == GFX_WIRE_RECTS - 1)
            for (int k = i + 1; k < damage->n; k++)
                r = gfx_rect_or(r, damage->rects[k]);
        memcpy(msg->present.rects[i], (int32_t[4]){r.x0, r.y0, r.x1, r.y1},
               sizeof msg->present.rects[i]);
    }
    msg->present.nrects = (uint32_t)n;
}

static void send_present(struct gfx_surface *s, const struct gfx_region *damage)
{
    struct gfx_msg msg = {.type = GFX_REQ_PRESENT};
    msg.present.serial = s->now.serial;
    msg.present.buffer = (uint32_t)s->back;
    put_damage(&msg, damage);
    gfx_region_add_region(&s->stale[!s->back], damage);
    s->writable = false;
    s->presented = true;
    gfx_surface_send(s, &msg, NULL, 0);
}

void gfx_surface_present(struct gfx_surface *s)
{
    struct gfx_region damage = gfx_canvas_take_damage(s->canvas);
    if (s->presented && !damage.n)
        return;
    if (s->writable || make_writable(s))
        send_present(s, &damage);
}

bool gfx_surface_event(struct gfx_surface *s, struct gfx_msg *event)
{
    if (!pop(&s->ring, event))
        return false;
    if (event->type == GFX_EV_CONFIGURE)
        take_next(s);
    if (event->type == GFX_EV_KEY && event->key.serial)
        s->display->taken = event->key.serial;
    return true;
}

bool gfx_surface_has_events(const struct gfx_surface *s)
{
    return s->ring.n > 0;
}

/* ---- the desktop's own components -----------------------------------------
 */

const struct gfx_shell *gfx_display_shell(struct gfx_display *d)
{
    struct gfx_msg msg = {.type = GFX_REQ_WATCH};
    if (!d->watching) {
        d->watching = true;
        gfx_display_send(d, &msg, NULL, 0);
        if (wait_for(d, &d->screen_known, true))
            gfx_display_dispatch(d);
    }
    return &d->shell;
}

/* Takes a flag and turns it into an event. */
static bool take_flag(bool *flag, uint32_t type, struct gfx_msg *event)
{
    if (!*flag)
        return false;
    *flag = false;
    *event = (struct gfx_msg){.type = type};
    return true;
}

void gfx_display_waits(struct gfx_display *d)
{
    struct gfx_msg msg = {.type = GFX_REQ_HANDLED, .value = d->taken};
    if (d->taken)
        gfx_display_send(d, &msg, NULL, 0);
    d->taken = 0;
}

bool gfx_display_event(struct gfx_display *d, struct gfx_msg *event)
{
    if (pop(&d->ring, event)) {
        if (event->type == GFX_EV_SHORTCUT)
            d->taken = event->shortcut.serial;
        return true;
    }
    return take_flag(&d->windows_changed, GFX_EV_WINDOW, event) ||
           take_flag(&d->menus_changed, GFX_EV_MENUS_CHANGED, event) ||
           take_flag(&d->spaces_changed, GFX_EV_SPACES, event);
}

bool gfx_display_has_events(const struct gfx_display *d)
{
    return d->ring.n || d->windows_changed || d->menus_changed ||
           d->spaces_changed;
}
