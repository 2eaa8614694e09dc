/*
 * clients.c - connections: receiving requests, and sending without ever
 * waiting for an app.
 *
 * What the socket does not take waits in a bounded queue.  Input is dropped
 * when that is three quarters full; news about state (sizes, buffers, focus)
 * replaces older news of the same kind, so it cannot pile up.  An app that
 * manages to fill it anyway is disconnected.
 */
#include "gfx/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUESTS_PER_TURN 32
#define HUNG_NS 3000000000ull

void client_add(struct server *s, const struct gfx_control *who, int fd)
{
    int slot = 0;
    while (slot < CLIENTS_MAX && s->clients[slot])
        slot++;
    struct client *c = slot < CLIENTS_MAX ? calloc(1, sizeof *c) : NULL;
    if (!c || !server_watch(s, fd, c, false)) {
        fprintf(stderr, "compositor: %.31s refused: too many apps\n", who->app);
        free(c);
        close(fd);
        return;
    }
    c->server = s;
    c->fd = fd;
    c->who = *who;
    c->who.app[sizeof c->who.app - 1] = 0;
    c->who.title[sizeof c->who.title - 1] = 0;
    c->shell = who->flags & GFX_CLIENT_SHELL;
    s->clients[slot] = c;
    c->stale = who->flags & GFX_CLIENT_ADOPTED;
    struct gfx_msg restarted = {.type = GFX_EV_RESTARTED};
    if (c->stale)
        client_send(c, &restarted, NULL, 0, -1, false);
}

void client_doom(struct client *c, const char *why)
{
    if (c->doomed)
        return;
    c->doomed = true;
    if (why)
        fprintf(stderr, "compositor: %s disconnected: %s\n", c->who.app, why);
    control_tell(c->server, GFX_CONTROL_GONE, c->who.instance, why != NULL);
}

static void entry_finish(struct queued *q)
{
    free(q->tail);
    if (q->fd >= 0)
        close(q->fd);
    *q = (struct queued){.fd = -1};
}

static void client_destroy(struct client *c)
{
    shortcuts_forget(c);
    anim_forget(c);
    session_forget(c->server, c->who.instance);
    for (int i = 0; i < SURFACES_PER_CLIENT; i++)
        surface_destroy(c->surfaces[i]);
    for (int i = 0; i < c->nqueued; i++)
        entry_finish(&c->queue[(c->first_queued + i) % QUEUE_MAX]);
    server_unwatch(c->server, c->fd);
    close(c->fd);
    free(c);
}

void clients_reap(struct server *s)
{
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (s->clients[i] && s->clients[i]->doomed) {
            struct client *c = s->clients[i];
            s->clients[i] = NULL;
            client_destroy(c);
        }
}

/* ---- receiving ------------------------------------------------------------
 */

void client_readable(struct client *c)
{
    static char tail[GFX_TAIL_MAX + 1];
    struct gfx_msg msg;
    size_t len;
    int fd;
    for (int i = 0; i < REQUESTS_PER_TURN && !c->doomed; i++) {
        switch (gfx_wire_recv(c->fd, c->shell ? GFX_FROM_SHELL : GFX_FROM_APP,
                              &msg, tail, &len, &fd)) {
        case GFX_WIRE_OK: request_handle(c, &msg, tail, len); break;
        case GFX_WIRE_EMPTY: return;
        case GFX_WIRE_CLOSED: client_doom(c, NULL); return;
        case GFX_WIRE_BAD: client_doom(c, "malformed message"); return;
        }
    }
}

/* ---- sending --------------------------------------------------------------
 */

/* The queued message that `msg` makes obsolete, or NULL. */
static struct queued *obsolete(struct client *c, const struct gfx_msg *msg)
{
    switch (msg->type) {
    case GFX_EV_CONFIGURE:
    case GFX_EV_FOCUS:
    case GFX_EV_FRAME:
    case GFX_EV_CLOSE:
    case GFX_EV_QUIT:
    case GFX_EV_SCREEN:
    case GFX_EV_MENUS_CHANGED:
    case GFX_EV_SPACES:
    case GFX_EV_WINDOW: break;
    default: return NULL;
    }
    for (int i = 0; i < c->nqueued; i++) {
        struct queued *q = &c->queue[(c->first_queued + i) % QUEUE_MAX];
        if (q->msg.type == msg->type && q->msg.surface == msg->surface &&
            (msg->type != GFX_EV_WINDOW || q->msg.window.id == msg->window.id))
            return q;
    }
    return NULL;
}

static void enqueue(struct client *c, const struct gfx_msg *msg,
                    const void *tail, size_t len, int fd, bool droppable)
{
    struct queued *q = obsolete(c, msg);
    if (q) {
        entry_finish(q);
    } else if (droppable && c->nqueued >= QUEUE_MAX * 3 / 4) {
        return;
    } else if (c->nqueued == QUEUE_MAX) {
        if (fd >= 0)
            close(fd);
        client_doom(c, "it does not read its events");
        return;
    } else {
        q = &c->queue[(c->first_queued + c->nqueued++) % QUEUE_MAX];
    }
    *q = (struct queued){.msg = *msg, .fd = fd};
    if (len && (q->tail = malloc(len))) {
        memcpy(q->tail, tail, len);
        q->len = len;
    }
    if (!c->write_armed)
        c->write_armed = server_watch(c->server, c->fd, c, true);
}

void client_send(struct client *c, const struct gfx_msg *msg, const void *tail,
                 size_t len, int fd, bool droppable)
{
    if (!c->doomed && !c->nqueued && gfx_wire_send(c->fd, msg, tail, len, fd)) {
        if (fd >= 0)
            close(fd);
        return;
    }
    if (c->doomed || (!c->nqueued && errno != EAGAIN && errno != ENOBUFS)) {
        if (fd >= 0)
            close(fd);
        client_doom(c, NULL);
        return;
    }
    enqueue(c, msg, tail, len, fd, droppable);
}

void client_event(struct surface *f, struct gfx_msg *msg, bool droppable)
{
    msg->surface = f->id;
    client_send(f->client, msg, NULL, 0, -1, droppable);
}

void client_writable(struct client *c)
{
    while (c->nqueued && !c->doomed) {
        struct queued *q = &c->queue[c->first_queued];
        if (!gfx_wire_send(c->fd, &q->msg, q->tail, q->len, q->fd)) {
            if (errno != EAGAIN && errno != ENOBUFS)
                client_doom(c, NULL);
            return;
        }
        entry_finish(q);
        c->first_queued = (c->first_queued + 1) % QUEUE_MAX;
        c->nqueued--;
    }
    if (c->write_armed)
        c->write_armed = !server_watch(c->server, c->fd, c, false);
}

/* ---- is it alive? ---------------------------------------------------------
 */

/* Asked when the user turns to the app; answered when it reads its events. */
void client_ping(struct client *c)
{
    if (c->ping_sent)
        return;
    struct gfx_msg msg = {.type = GFX_EV_PING, .value = ++c->ping_serial};
    c->ping_sent = gfx_now();
    client_send(c, &msg, NULL, 0, -1, true);
    server_wake(c->server);
}

/* Its windows say so, in their titles and by the pointer's shape. */
void client_responds(struct client *c, bool does)
{
    if (c->unresponsive == !does)
        return;
    c->unresponsive = !does;
    for (int i = 0; i < SURFACES_PER_CLIENT; i++)
        if (c->surfaces[i])
            look_changed(c->surfaces[i]);
    seat_refocus(c->server);
}

bool clients_check_pings(struct server *s)
{
    bool waiting = false;
    uint64_t now = gfx_now();
    for (int i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = s->clients[i];
        if (!c || !c->ping_sent || c->unresponsive)
            continue;
        if (now - c->ping_sent < HUNG_NS) {
            waiting = true;
            continue;
        }
        client_responds(c, false);
    }
    return waiting;
}
