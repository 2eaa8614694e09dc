/*
 * role_broker.c - vyoma:ipc between apps.  PID 1 hands each client's control
 * socket over together with the client's name and rights, so that a sender is
 * who the broker says; nothing in a message can change that.
 *
 * The broker keeps no queue: a receiver's queue is the buffer of its inbox
 * socket, which the kernel bounds.  When it is full, the sender is told so.
 * Nothing here waits for anyone, and one turn of the loop takes one message
 * of each client, so that a flood costs its sender only.
 */
#include "supervisor/roles.h"
#include "wasi/msg.h"
#include "wasi/proto_ipc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CLIENTS = 512, MAX_REQUESTS = 1024, MAX_PER_CLIENT = 64 };

typedef struct client {
    uint32_t id;
    int control, inbox;  /* inbox -1 until IPC_HELLO */
    uint32_t subscribed; /* bits of ipc.subscribe */
    char app[GRANT_NAME];
    grant_ipc ipc;
} client;

typedef struct pending {
    uint64_t id; /* 0: free */
    uint32_t from, to;
    char topic[IPC_NAME];
} pending;

static struct {
    int epoll;
    uint64_t next_request;
    client *clients[MAX_CLIENTS];
    pending requests[MAX_REQUESTS];
    char payload[IPC_MAX_PAYLOAD];
} self;

/* ---- delivering ---------------------------------------------------- */

static ipc_status deliver(client *to, ipc_kind kind, const char *sender,
                          const char *topic, uint64_t id, size_t size)
{
    ipc_delivery head = {.kind = kind, .size = (uint32_t)size, .id = id};
    if (to->inbox < 0)
        return IPC_NO_PEER;
    strncpy(head.sender, sender, sizeof head.sender - 1);
    strncpy(head.topic, topic, sizeof head.topic - 1);
    int err = msg_send(to->inbox, &head, sizeof head, self.payload, size, NULL,
                       0, MSG_DONTWAIT);
    if (err == -EAGAIN || err == -ENOBUFS)
        return IPC_FULL;
    return err ? IPC_NO_PEER : IPC_OK;
}

static client *by_id(uint32_t id)
{
    for (size_t i = 0; i < MAX_CLIENTS; i++)
        if (self.clients[i] && self.clients[i]->id == id)
            return self.clients[i];
    return NULL;
}

/* The oldest instance of that name which receives. */
static client *by_name(const char *app)
{
    client *best = NULL;
    for (size_t i = 0; i < MAX_CLIENTS; i++) {
        client *c = self.clients[i];
        if (c && c->inbox >= 0 && !strcmp(c->app, app) &&
            (!best || c->id < best->id))
            best = c;
    }
    return best;
}

static int topic_index(const grant_topics *topics, const char *name)
{
    for (uint32_t i = 0; i < topics->count; i++)
        if (!strcmp(topics->name[i], name))
            return (int)i;
    return -1;
}

/* ---- requests, one function each ----------------------------------- */

typedef struct asking {
    client *from;
    ipc_request head;
    size_t size;
    uint64_t value;
    int fd; /* goes along with the answer, then closed; or -1 */
} asking;

static ipc_status do_hello(asking *a)
{
    int ends[2];
    if (msg_pair(ends))
        return IPC_UNAVAILABLE;
    if (a->from->inbox >= 0)
        close(a->from->inbox);
    a->from->inbox = ends[0];
    a->from->subscribed = 0;
    a->fd = ends[1];
    return IPC_OK;
}

static ipc_status find_peer(asking *a, client **peer)
{
    if (!grant_topics_has(&a->from->ipc.peers, a->head.peer))
        return IPC_DENIED;
    *peer = by_name(a->head.peer);
    return *peer ? IPC_OK : IPC_NO_PEER;
}

static ipc_status do_send(asking *a)
{
    client *peer;
    ipc_status status = find_peer(a, &peer);
    return status ? status
                  : deliver(peer, IPC_KIND_DIRECT, a->from->app, a->head.topic,
                            0, a->size);
}

static ipc_status do_publish(asking *a)
{
    if (!grant_topics_has(&a->from->ipc.provide, a->head.topic))
        return IPC_DENIED;
    for (size_t i = 0; i < MAX_CLIENTS; i++) {
        client *c = self.clients[i];
        int topic = c ? topic_index(&c->ipc.subscribe, a->head.topic) : -1;
        if (topic >= 0 && c->subscribed >> topic & 1 && c != a->from)
            a->value += !deliver(c, IPC_KIND_PUBLISHED, a->from->app,
                                 a->head.topic, 0, a->size);
    }
    return IPC_OK;
}

static ipc_status do_subscribe(asking *a)
{
    int topic = topic_index(&a->from->ipc.subscribe, a->head.topic);
    if (topic < 0)
        return IPC_DENIED;
    a->from->subscribed |= 1u << topic;
    return IPC_OK;
}

static pending *free_request(uint32_t from)
{
    pending *found = NULL;
    size_t same = 0;
    for (size_t i = 0; i < MAX_REQUESTS; i++) {
        pending *p = &self.requests[i];
        if (!p->id && !found)
            found = p;
        same += p->id && p->from == from;
    }
    return same < MAX_PER_CLIENT ? found : NULL;
}

static ipc_status do_request(asking *a)
{
    client *peer;
    ipc_status status = find_peer(a, &peer);
    if (status)
        return status;
    pending *p = free_request(a->from->id);
    if (!p)
        return IPC_FULL;
    uint64_t id = ++self.next_request;
    status = deliver(peer, IPC_KIND_REQUEST, a->from->app, a->head.topic, id,
                     a->size);
    if (status)
        return status;
    *p = (pending){.id = id, .from = a->from->id, .to = peer->id};
    memcpy(p->topic, a->head.topic, sizeof p->topic);
    a->value = id;
    return IPC_OK;
}

/* Only the app that was asked can answer, and only once. */
static ipc_status do_reply(asking *a)
{
    pending *p = self.requests;
    while (p < self.requests + MAX_REQUESTS &&
           (!p->id || p->id != a->head.id || p->to != a->from->id))
        p++;
    if (p == self.requests + MAX_REQUESTS)
        return IPC_NO_REQUEST;
    client *asker = by_id(p->from);
    ipc_status status = asker ? deliver(asker, IPC_KIND_REPLY, a->from->app,
                                        p->topic, p->id, a->size)
                              : IPC_NO_PEER;
    if (status != IPC_FULL) /* then the answer may be tried again */
        p->id = 0;
    return status;
}

static ipc_status (*const ops[IPC_OP_END])(asking *a) = {
    [IPC_HELLO] = do_hello,     [IPC_SEND] = do_send,
    [IPC_PUBLISH] = do_publish, [IPC_SUBSCRIBE] = do_subscribe,
    [IPC_REQUEST] = do_request, [IPC_REPLY] = do_reply,
};

/* ---- clients ------------------------------------------------------- */

static void client_end(client *c)
{
    for (size_t i = 0; i < MAX_CLIENTS; i++)
        if (self.clients[i] == c)
            self.clients[i] = NULL;
    for (pending *p = self.requests; p < self.requests + MAX_REQUESTS; p++) {
        client *asker = p->id && p->to == c->id ? by_id(p->from) : NULL;
        if (asker)
            (void)deliver(asker, IPC_KIND_FAILED, c->app, p->topic, p->id, 0);
        if (p->id && (p->to == c->id || p->from == c->id))
            p->id = 0;
    }
    /* PID 1 holds the socket too: closing alone would neither tell the client
     * nor take it out of epoll. */
    shutdown(c->control, SHUT_RDWR);
    epoll_ctl(self.epoll, EPOLL_CTL_DEL, c->control, NULL);
    close(c->control);
    if (c->inbox >= 0)
        close(c->inbox);
    free(c);
}

static void answer(asking *a, ipc_status status)
{
    ipc_answer reply = {a->head.op, status, a->value};
    int err = msg_send(a->from->control, &reply, sizeof reply, NULL, 0, &a->fd,
                       a->fd >= 0, MSG_DONTWAIT);
    if (a->fd >= 0)
        close(a->fd);
    if (err) /* does not read its answers: not a client of ours */
        client_end(a->from);
}

static void client_read(void *client_)
{
    client *c = client_;
    asking a = {.from = c, .fd = -1};
    ssize_t size = msg_recv(c->control, &a.head, sizeof a.head, self.payload,
                            sizeof self.payload, NULL, 0, MSG_DONTWAIT);
    if (size == -EAGAIN)
        return;
    if (size == -EPIPE || size == -ECONNRESET) {
        client_end(c);
        return;
    }
    if (size < 0 || a.head.op >= IPC_OP_END || !ops[a.head.op] ||
        a.head.size != (size_t)size) {
        dprintf(STDERR_FILENO, "broker: %s sent a malformed message\n", c->app);
        client_end(c);
        return;
    }
    a.size = (size_t)size;
    a.head.peer[IPC_NAME - 1] = a.head.topic[IPC_NAME - 1] = 0;
    answer(&a, ops[a.head.op](&a));
}

static void client_add(const client_message *message, int fd)
{
    size_t i = 0;
    while (i < MAX_CLIENTS && self.clients[i])
        i++;
    client *c = i < MAX_CLIENTS ? calloc(1, sizeof *c) : NULL;
    if (!c) {
        close(fd);
        return;
    }
    *c = (client){.id = message->id, .control = fd, .inbox = -1};
    memcpy(c->app, message->app, sizeof c->app);
    c->ipc = message->ipc;
    self.clients[i] = c;
    role_watch(self.epoll, fd, c);
    /* Perhaps it waits for the answer of the broker before this one. */
    ipc_answer lost = {0, IPC_UNAVAILABLE, 0};
    if (message->adopted)
        (void)!msg_send(fd, &lost, sizeof lost, NULL, 0, NULL, 0, MSG_DONTWAIT);
}

int broker_main(int control, const role_options *options)
{
    self.epoll = epoll_create1(EPOLL_CLOEXEC);
    /* Ids of different brokers must not meet. */
    self.next_request = (uint64_t)getpid() << 32;
    role_enter("broker", ROLE_UID_BROKER, control);
    role_serve(&(role_service){control, self.epoll, client_add, client_read});
}
