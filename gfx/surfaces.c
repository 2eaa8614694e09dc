/*
 * surfaces.c - surfaces and their buffers.
 *
 * The compositor makes the memory: a sealed memfd with two buffers, which the
 * app maps and draws into.  It shows one buffer, and reads nothing of the
 * other; each present says which, and a word behind them (gfx_buffer_state)
 * says that it is so.  A new size means a new memfd;
 * the old one stays on the screen until the app has presented the new one.
 */
#include "gfx/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- buffers --------------------------------------------------------------
 */

static size_t pool_bytes(const struct pool *p)
{
    return (size_t)p->stride * (size_t)p->height * 2 * sizeof(uint32_t) +
           sizeof(struct gfx_buffer_state);
}

static void pool_drop(struct client *c, struct pool *p)
{
    if (!p->map)
        return;
    munmap(p->map, pool_bytes(p));
    c->pixels -= pool_bytes(p) / sizeof(uint32_t);
    *p = (struct pool){.current = -1};
}

const uint32_t *pool_pixels(const struct pool *p)
{
    return p->map + (size_t)p->current * (size_t)p->stride * (size_t)p->height;
}

/* A descriptor of `bytes` zeroes that can neither shrink nor grow. */
static int sealed_memory(size_t bytes)
{
    int fd = memfd_create("surface", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -1;
    if (ftruncate(fd, (off_t)bytes) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Makes the pending pool; returns its descriptor or -1. */
static int pool_make(struct surface *f, int width, int height)
{
    struct pool p = {.serial = f->last_serial + 1,
                     .width = width,
                     .height = height,
                     .stride = (width + 15) & ~15,
                     .current = -1};
    size_t bytes = pool_bytes(&p);
    if (f->client->pixels + bytes / sizeof(uint32_t) > 2 * PIXELS_PER_CLIENT)
        return -1;
    int fd = sealed_memory(bytes);
    if (fd < 0)
        return -1;
    p.map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p.map == MAP_FAILED) {
        close(fd);
        return -1;
    }
    f->client->pixels += bytes / sizeof(uint32_t);
    f->last_serial = p.serial;
    f->pending = p;
    return fd;
}

static bool configure(struct surface *f)
{
    int fd = pool_make(f, f->want_width, f->want_height);
    if (fd < 0)
        return false;
    struct gfx_msg msg = {.type = GFX_EV_CONFIGURE, .surface = f->id};
    msg.configure.serial = f->pending.serial;
    msg.configure.width = f->pending.width;
    msg.configure.height = f->pending.height;
    msg.configure.stride = f->pending.stride;
    client_send(f->client, &msg, NULL, 0, fd, false);
    return true;
}

void surface_resize(struct surface *f, int width, int height)
{
    f->want_width = gfx_max(1, gfx_min(width, GFX_SIDE_MAX));
    f->want_height = gfx_max(1, gfx_min(height, GFX_SIDE_MAX));
    if (f->pending.map ||
        (f->front.width == f->want_width && f->front.height == f->want_height))
        return;
    configure(f); /* without memory the old size stays */
}

/* ---- life -----------------------------------------------------------------
 */

struct surface *surface_find(struct client *c, uint32_t id)
{
    for (int i = 0; i < SURFACES_PER_CLIENT; i++)
        if (c->surfaces[i] && c->surfaces[i]->id == id)
            return c->surfaces[i];
    return NULL;
}

struct surface *surface_global(struct server *s, uint32_t global)
{
    for (int i = 0; i < s->nstack; i++)
        if (s->stack[i]->global == global && s->stack[i]->kind == GFX_WINDOW)
            return s->stack[i];
    return NULL;
}

static void refuse(struct client *c, uint32_t id, enum gfx_refusal why)
{
    struct gfx_msg msg = {.type = GFX_EV_REFUSED, .surface = id, .value = why};
    client_send(c, &msg, NULL, 0, -1, false);
}

static bool side_ok(int side)
{
    return side >= 1 && side <= GFX_SIDE_MAX;
}

static struct surface *surface_new(struct client *c, const struct gfx_msg *msg,
                                   const char *title, size_t len)
{
    int slot = 0;
    while (slot < SURFACES_PER_CLIENT && c->surfaces[slot])
        slot++;
    if (slot == SURFACES_PER_CLIENT || c->server->nstack == SURFACES_MAX ||
        !side_ok(msg->create.width) || !side_ok(msg->create.height))
        return NULL;
    struct surface *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->client = c;
    f->id = msg->surface;
    f->global = ++c->server->next_global;
    f->kind = msg->create.kind;
    f->flags = msg->create.flags;
    f->front.current = f->pending.current = -1;
    f->width = msg->create.width;
    f->height = msg->create.height;
    f->hot_button = -2;
    f->visible = true;
    f->decor_stale = f->snapshot_stale = f->backdrop_stale = true;
    memcpy(f->title, title, gfx_min((int)len, GFX_TITLE_MAX - 1));
    c->surfaces[slot] = f;
    return f;
}

static void window_setup(struct surface *f, const struct gfx_msg *msg)
{
    bool bare = f->flags & GFX_WINDOW_BARE;
    int least_w = bare ? 1 : MIN_WIDTH, least_h = bare ? 1 : MIN_HEIGHT;
    f->min_width = gfx_max(
        least_w, gfx_min(msg->create.min_width, f->client->server->width));
    f->min_height = gfx_max(
        least_h, gfx_min(msg->create.min_height, f->client->server->height));
    f->width = gfx_max(f->width, f->min_width);
    f->height = gfx_max(f->height, f->min_height);
    f->space = f->client->server->space;
    f->restored = session_restore(f);
    if (!f->restored)
        window_place_new(f);
}

static uint32_t at_most(uint32_t value, uint32_t max)
{
    return value < max ? value : max;
}

static void panel_setup(struct surface *f, const struct gfx_msg *msg)
{
    f->layer = at_most(msg->create.layer, GFX_LAYER_OVERLAY);
    f->anchor = at_most(msg->create.anchor, GFX_ANCHOR_FILL);
    f->exclusive =
        at_most(msg->create.exclusive, (uint32_t)f->client->server->height / 2);
    f->radius = at_most(msg->create.radius, 128);
    f->offset_x = msg->create.x;
    f->offset_y = msg->create.y;
    panel_place(f);
}

void surface_create(struct client *c, const struct gfx_msg *msg,
                    const char *title, size_t len)
{
    bool panel = msg->create.kind == GFX_PANEL;
    if (!msg->surface || surface_find(c, msg->surface) ||
        msg->create.kind > GFX_PANEL || (panel && !c->shell)) {
        client_doom(c, "it created a surface it may not create");
        return;
    }
    struct surface *f = surface_new(c, msg, title, len);
    if (!f) {
        refuse(c, msg->surface, GFX_REFUSED_LIMIT);
        return;
    }
    if (panel)
        panel_setup(f, msg);
    else
        window_setup(f, msg);
    f->want_width = f->width;
    f->want_height = f->height;
    bool fits = configure(f);
    if (!fits && f->restored) { /* the size that it had is too much now */
        f->want_width = f->width = msg->create.width;
        f->want_height = f->height = msg->create.height;
        f->fullscreen = f->snapped = false;
        fits = configure(f);
    }
    if (fits) {
        stack_insert(f);
        return;
    }
    refuse(c, msg->surface, GFX_REFUSED_MEMORY);
    surface_destroy(f);
}

void surface_destroy(struct surface *f)
{
    if (!f)
        return;
    struct client *c = f->client;
    struct server *s = c->server;
    damage_surface(f);
    stack_remove(f);
    seat_forget(f);
    if (f->kind == GFX_WINDOW)
        shell_window_gone(f);
    if (s->active == f) {
        s->active = NULL;
        focus_choose(s);
    }
    focus_update(s);
    pool_drop(c, &f->front);
    pool_drop(c, &f->pending);
    gfx_image_finish(&f->decor);
    gfx_image_finish(&f->snapshot);
    gfx_image_finish(&f->backdrop);
    free(f->menus);
    s->session_stale = true;
    for (int i = 0; i < SURFACES_PER_CLIENT; i++)
        if (c->surfaces[i] == f)
            c->surfaces[i] = NULL;
    free(f);
}

/* ---- presenting -----------------------------------------------------------
 */

/* Tells the app, through their memory, which of its buffers is shown. */
static void set_current(struct pool *p, int buffer)
{
    uint32_t *end = p->map + (size_t)p->stride * (size_t)p->height * 2;
    struct gfx_buffer_state *state = (struct gfx_buffer_state *)end;
    p->current = buffer;
    __atomic_store_n(&state->shown, (uint32_t)buffer + 1, __ATOMIC_RELEASE);
}

void client_ready(struct client *c)
{
    if (!c->ready_told)
        control_tell(c->server, GFX_CONTROL_READY, c->who.instance, 0);
    c->ready_told = true;
}

static void first_present(struct surface *f)
{
    struct client *c = f->client;
    f->mapped = true;
    client_ready(c);
    if (f->kind == GFX_PANEL) {
        panels_place(c->server);
        focus_update(c->server);
    } else if (f->restored) {
        window_returned(f);
    } else {
        anim_open(f);
        if (!(f->flags & GFX_WINDOW_UNFOCUSED))
            focus_set(c->server, f);
        shell_window_changed(f);
    }
    damage_surface(f);
    seat_refocus(c->server);
}

/* The app's damage, on the screen. */
static void damage_parts(struct surface *f, const struct gfx_msg *msg)
{
    struct gfx_rect all = gfx_rect_of(0, 0, f->width, f->height);
    uint32_t n = msg->present.nrects;
    if (f->anim.shown) {
        damage_surface(f);
        return;
    }
    int slide = (int)space_offset(f->client->server, f);
    for (uint32_t i = 0; i < n && i < GFX_WIRE_RECTS; i++) {
        const int32_t *r = msg->present.rects[i];
        struct gfx_rect part =
            gfx_rect_and((struct gfx_rect){r[0], r[1], r[2], r[3]}, all);
        damage_under(f->client->server, f,
                     gfx_rect_move(part, f->x + slide, f->y));
    }
}

static void show_pending(struct surface *f, int buffer)
{
    pool_drop(f->client, &f->front);
    f->front = f->pending;
    set_current(&f->front, buffer);
    f->pending = (struct pool){.current = -1};
    damage_surface(f);
    if (f->want_width != f->front.width || f->want_height != f->front.height)
        configure(f);
}

void surface_present(struct surface *f, const struct gfx_msg *msg)
{
    int buffer = (int)(msg->present.buffer & 1);
    f->snapshot_stale = true;
    if (f->pending.map && msg->present.serial == f->pending.serial) {
        show_pending(f, buffer);
    } else if (f->front.map && msg->present.serial == f->front.serial) {
        set_current(&f->front, buffer);
        if (surface_shown(f->client->server, f))
            damage_parts(f, msg);
    }
    if (!f->mapped && f->front.map)
        first_present(f);
}

int memfd_with(const char *name, const void *data, size_t len)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    for (size_t at = 0; at < len;) {
        ssize_t n = write(fd, (const char *)data + at, len - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            close(fd);
            return -1;
        }
        at += (size_t)n;
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}
