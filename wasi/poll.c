/*
 * poll.c - the one place where a guest waits: a set of descriptors and
 * deadlines under ppoll(2).  Pollables ask their parent what to wait for.
 */
#include "wasi/internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SMALL_SET = 16 }; /* polled without an allocation */

uint64_t wasi_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/*
 * What ppoll is given: each descriptor once, whatever number of waits it has,
 * since the kernel refuses more entries than a process may have descriptors.
 */
typedef struct poll_set {
    struct pollfd small[SMALL_SET], *fds;
    size_t count;
    int *by_fd; /* of large sets: 1 + the descriptor's place in fds */
    size_t nby_fd;
} poll_set;

static int poll_set_init(poll_set *p, const wasi_wait *set, size_t count)
{
    int max = 0;
    *p = (poll_set){.fds = p->small};
    if (count <= SMALL_SET)
        return 0;
    for (size_t i = 0; i < count; i++)
        max = set[i].fd > max ? set[i].fd : max;
    p->nby_fd = (size_t)max + 1;
    p->by_fd = calloc(p->nby_fd, sizeof *p->by_fd);
    p->fds = calloc(count < p->nby_fd ? count : p->nby_fd, sizeof *p->fds);
    return p->by_fd && p->fds ? 0 : ENOMEM;
}

static void poll_set_finish(poll_set *p)
{
    if (p->fds != p->small)
        free(p->fds);
    free(p->by_fd);
}

/* The descriptor's entry, or NULL. */
static struct pollfd *entry_of(poll_set *p, int fd)
{
    if (p->by_fd)
        return p->by_fd[fd] ? &p->fds[p->by_fd[fd] - 1] : NULL;
    for (size_t i = 0; i < p->count; i++)
        if (p->fds[i].fd == fd)
            return &p->fds[i];
    return NULL;
}

static void add(poll_set *p, int fd, short events)
{
    struct pollfd *entry = entry_of(p, fd);
    if (!entry) {
        entry = &p->fds[p->count++];
        *entry = (struct pollfd){.fd = fd};
        if (p->by_fd)
            p->by_fd[fd] = (int)p->count;
    }
    entry->events |= events;
}

/* Fills p; returns the earliest deadline, or 0 when one is ready now. */
static uint64_t prepare(const wasi_wait *set, size_t count, poll_set *p)
{
    uint64_t deadline = WASI_NEVER;
    p->count = 0;
    if (p->by_fd)
        memset(p->by_fd, 0, p->nby_fd * sizeof *p->by_fd);
    for (size_t i = 0; i < count; i++) {
        if (set[i].ready)
            deadline = 0;
        else if (set[i].fd >= 0)
            add(p, set[i].fd, set[i].events);
        if (!set[i].ready && set[i].deadline < deadline)
            deadline = set[i].deadline;
    }
    return deadline;
}

static bool collect(wasi_wait *set, size_t count, poll_set *p)
{
    uint64_t now = wasi_now_ns();
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        const struct pollfd *entry =
            set[i].fd >= 0 && !set[i].ready ? entry_of(p, set[i].fd) : NULL;
        short wanted = (short)(set[i].events | POLLERR | POLLHUP | POLLNVAL);
        if ((entry && entry->revents & wanted) || set[i].deadline <= now)
            set[i].ready = true;
        any |= set[i].ready;
    }
    return any;
}

/* Waiting to write is part of writing; anything else is the program's own. */
static void tell_waiting(wasi_ctx *ctx, const wasi_wait *set, size_t count)
{
    void (*waiting)(void *data) = ctx->waiting;
    bool own = false;
    for (size_t i = 0; i < count; i++)
        own |= set[i].fd < 0 || set[i].events & POLLIN;
    if (!own)
        return;
    ctx->waiting = NULL;
    waiting(ctx->waiting_data);
}

static int poll_until(wasi_ctx *ctx, wasi_wait *set, size_t count, poll_set *p)
{
    for (;;) {
        if (ctx && ctx->interrupted)
            return EINTR;
        uint64_t deadline = prepare(set, count, p);
        struct timespec left = {0}, *timeout = &left;
        uint64_t now = wasi_now_ns();
        if (deadline == WASI_NEVER) {
            timeout = NULL;
        } else if (deadline > now) {
            left.tv_sec = (time_t)((deadline - now) / 1000000000u);
            left.tv_nsec = (long)((deadline - now) % 1000000000u);
        }
        if (ppoll(p->fds, p->count, timeout, NULL) < 0 && errno != EINTR)
            return errno;
        if (collect(set, count, p))
            return 0;
    }
}

int wasi_wait_any(wasi_ctx *ctx, wasi_wait *set, size_t count)
{
    poll_set p;
    int error = poll_set_init(&p, set, count);
    if (ctx && ctx->waiting)
        tell_waiting(ctx, set, count);
    if (ctx && ctx->before_wait)
        ctx->before_wait(ctx->before_wait_data);
    if (!error)
        error = poll_until(ctx, set, count, &p);
    poll_set_finish(&p);
    return error;
}

int wasi_wait_one(wasi_ctx *ctx, wasi_wait *wait)
{
    return wait->ready ? 0 : wasi_wait_any(ctx, wait, 1);
}

bool wasi_wait_ready(wasi_wait *wait)
{
    if (wait->ready)
        return true;
    struct pollfd fd = {.fd = wait->fd, .events = wait->events};
    if (wait->fd >= 0 && poll(&fd, 1, 0) > 0)
        wait->ready = true;
    else if (wait->deadline != WASI_NEVER && wait->deadline <= wasi_now_ns())
        wait->ready = true;
    return wait->ready;
}

static void pollable_finish(void *self)
{
    wasi_pollable *pollable = self;
    wasi_release(pollable->parent);
    free(pollable);
}

wasi_pollable *wasi_pollable_create(void *parent, wasi_prepare_fn prepare)
{
    wasi_pollable *pollable =
        wasi_object_create(sizeof *pollable, pollable_finish);
    if (!pollable)
        return NULL;
    pollable->parent = parent ? wasi_retain(parent) : NULL;
    pollable->prepare = prepare;
    pollable->deadline = WASI_NEVER;
    return pollable;
}

wasi_pollable *wasi_pollable_create_timer(uint64_t deadline)
{
    wasi_pollable *pollable = wasi_pollable_create(NULL, NULL);
    if (pollable)
        pollable->deadline = deadline;
    return pollable;
}

wasi_wait wasi_pollable_wait(wasi_pollable *pollable)
{
    wasi_wait wait = {.fd = -1, .deadline = pollable->deadline};
    if (pollable->prepare)
        pollable->prepare(pollable->parent, &wait);
    return wait;
}

bool wasi_pollable_ready(wasi_pollable *pollable)
{
    for (;;) {
        wasi_wait wait = wasi_pollable_wait(pollable);
        if (wait.ready || !wasi_wait_ready(&wait))
            return wait.ready;
        if (!wait.step)
            return true;
    }
}

/* Looks at what was only a step again; true when one is really ready. */
static bool settle(wasi_pollable *const *pollables, wasi_wait *set,
                   size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        if (set[i].ready && set[i].step)
            set[i].ready = wasi_pollable_ready(pollables[i]);
        any |= set[i].ready;
    }
    return any;
}

int wasi_wait_pollables(wasi_ctx *ctx, wasi_pollable *const *pollables,
                        wasi_wait *set, size_t count)
{
    int error;
    do {
        for (size_t i = 0; i < count; i++)
            set[i] = wasi_pollable_wait(pollables[i]);
        error = wasi_wait_any(ctx, set, count);
    } while (!error && !settle(pollables, set, count));
    return error;
}
