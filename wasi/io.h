/*
 * io.h - what every host interface is made of: counted objects, pollables,
 * byte streams and errors.  The layer beneath wasi:io; preview 1, files,
 * sockets and the vyoma:* interfaces all build on it.
 *
 * A resource handed to a guest is a struct that starts with a wasi_object.
 * Its handle owns one reference; children (a stream's pollable, a socket's
 * streams) hold their parent, so the order of drops does not matter.
 */
#ifndef VYOMA_WASI_IO_H
#define VYOMA_WASI_IO_H

#include "wasi/wasi.h"

#include <sys/types.h>

/* ---- counted objects --------------------------------------------------- */

typedef struct wasi_object {
    uint32_t refs;
    void (*finish)(void *self); /* frees self and what it holds */
} wasi_object;

/* Zeroed, with one reference; NULL when out of memory.  `finish` frees. */
void *wasi_object_create(size_t size, void (*finish)(void *self));
void *wasi_retain(void *object); /* returns it */
void wasi_release(void *object); /* NULL is accepted */
/* The drop row of every cm_host_resource: releases the handle's reference. */
void wasi_drop(void *host, void *rep);

/* ---- waiting: one place blocks ----------------------------------------- */

/* What one waiter needs; `ready` may be set at once, without a descriptor. */
typedef struct wasi_wait {
    int fd;            /* -1: none */
    short events;      /* of poll(2) */
    bool ready;        /* in: already so; out: the outcome */
    bool step;         /* in: only a step on the way: ask again then */
    uint64_t deadline; /* CLOCK_MONOTONIC ns; UINT64_MAX: never */
} wasi_wait;

#define WASI_NEVER UINT64_MAX

/*
 * Blocks until at least one of `set` is ready and marks all that are.  Returns
 * 0, or an errno: EINTR after wasi_ctx_interrupt, ENOMEM.
 */
VM_MUST_CHECK int wasi_wait_any(wasi_ctx *ctx, wasi_wait *set, size_t count);
/* The same without blocking: true if ready now. */
bool wasi_wait_ready(wasi_wait *wait);
/*
 * The same for pollables: prepares `set` from them, and again after each step,
 * until one is ready.
 */
struct wasi_pollable;
VM_MUST_CHECK int wasi_wait_pollables(wasi_ctx *ctx,
                                      struct wasi_pollable *const *pollables,
                                      wasi_wait *set, size_t count);
/* Blocks on one. */
VM_MUST_CHECK int wasi_wait_one(wasi_ctx *ctx, wasi_wait *wait);
/* CLOCK_MONOTONIC now, in ns. */
uint64_t wasi_now_ns(void);

/* wasi:io/poll's pollable: asks its parent what to wait for. */
typedef void (*wasi_prepare_fn)(void *parent, wasi_wait *wait);
typedef struct wasi_pollable {
    wasi_object object;
    void *parent;            /* retained; may be NULL for timers */
    wasi_prepare_fn prepare; /* NULL: a timer */
    uint64_t deadline;       /* of a timer */
} wasi_pollable;

/* Retains `parent`.  NULL when out of memory. */
wasi_pollable *wasi_pollable_create(void *parent, wasi_prepare_fn prepare);
wasi_pollable *wasi_pollable_create_timer(uint64_t deadline);
/* What it waits for at this moment. */
wasi_wait wasi_pollable_wait(wasi_pollable *pollable);
bool wasi_pollable_ready(wasi_pollable *pollable);

/* ---- streams ----------------------------------------------------------- */

/* What read and write answer besides a byte count; 0 means "not now". */
enum {
    WASI_CLOSED = -1,
    WASI_FAILED = -2, /* the stream's `error` holds the errno */
};

typedef struct wasi_input wasi_input;
typedef struct wasi_output wasi_output;

typedef struct wasi_input_ops {
    /* Never blocks.  Up to len (> 0) bytes, 0, WASI_CLOSED or WASI_FAILED. */
    ssize_t (*read)(wasi_input *in, void *buf, size_t len);
    void (*prepare)(wasi_input *in, wasi_wait *wait);
} wasi_input_ops;

typedef struct wasi_output_ops {
    /* Never blocks longer than the descriptor's nature makes it. */
    ssize_t (*write)(wasi_output *out, const void *buf, size_t len);
    void (*prepare)(wasi_output *out, wasi_wait *wait);
    size_t permit; /* bytes that one write may carry */
} wasi_output_ops;

struct wasi_input {
    wasi_object object;
    const wasi_input_ops *ops;
    void *owner;      /* what `fd` belongs to, retained; NULL: the stream */
    int fd;           /* -1 if unused by ops */
    int error;        /* errno after WASI_FAILED */
    bool network;     /* error speaks of a socket, not of a file */
    bool closed;      /* no more: end, error, or shutdown */
    const bool *shut; /* owner: no more from here on; may be NULL */
    uint64_t offset;  /* files */
};

struct wasi_output {
    wasi_object object;
    const wasi_output_ops *ops;
    void *owner;
    int fd;
    int error;
    bool network;
    bool closed;
    const bool *shut;
    uint64_t offset;  /* files */
    size_t permitted; /* what the last check-write promised */
    uint8_t *pending; /* accepted, not yet taken by the descriptor */
    size_t pending_at, pending_len;
};

/*
 * Streams over a pipe, terminal, character device or socket.  With `owner`
 * NULL the stream owns `fd`; else it retains owner, which owns fd.  fd -1 makes
 * a closed stream.  The descriptor may be blocking: it is polled first.
 */
wasi_input *wasi_input_create(int fd, void *owner);
wasi_output *wasi_output_create(int fd, void *owner);
/* Over a regular file from `offset`; UINT64_MAX appends. */
wasi_input *wasi_input_create_file(int fd, void *owner, uint64_t offset);
wasi_output *wasi_output_create_file(int fd, void *owner, uint64_t offset);
/* For streams of another nature: `size` bytes, starting with a wasi_input. */
void *wasi_input_create_ops(size_t size, const wasi_input_ops *ops,
                            void (*finish)(void *self));
void *wasi_output_create_ops(size_t size, const wasi_output_ops *ops,
                             void (*finish)(void *self));
void wasi_input_finish(void *self); /* what the default finish does */
void wasi_output_finish(void *self);

/* As the ops, with the bookkeeping of closed streams and errors. */
ssize_t wasi_input_read(wasi_input *in, void *buf, size_t len);
/* Bytes that wasi_output_write will accept now; 0, WASI_CLOSED, WASI_FAILED */
ssize_t wasi_output_check(wasi_output *out);
/* Accepts all of buf (keeping what the descriptor does not take yet). */
ssize_t wasi_output_write(wasi_output *out, const void *buf, size_t len);
/* Takes some of buf and keeps nothing: bytes, 0 (not now), WASI_CLOSED,
 * WASI_FAILED.  Not to be mixed with wasi_output_write. */
ssize_t wasi_output_take(wasi_output *out, const void *buf, size_t len);
/* 0 while bytes are pending, 1 when none are, WASI_CLOSED, WASI_FAILED */
ssize_t wasi_output_flush(wasi_output *out);
void wasi_input_prepare(void *in, wasi_wait *wait);
void wasi_output_prepare(void *out, wasi_wait *wait);

/* ---- wasi:io/error ----------------------------------------------------- */

typedef struct wasi_error {
    wasi_object object;
    int number; /* errno */
    bool network;
} wasi_error;

wasi_error *wasi_error_create(int number, bool network);

#endif
