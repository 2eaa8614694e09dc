/*
 * p3_io.c - waiting and byte streams of WASI 0.3 (p3.h), over the same
 * wasi_input and wasi_output as 0.2's.
 *
 * A stream and its future share a pipe, which either of them keeps alive.  What
 * the pipe is over goes with the stream, and then the future is answered.
 */
#include "wasi/p3.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- waiting --------------------------------------------------------------
 *
 * Per guest: what this round's pending operations wait for.
 */

struct wasi_p3 {
    wasi_wait *waits;
    size_t count, capacity;
};

void wasi_p3_destroy(struct wasi_p3 *p3)
{
    if (!p3)
        return;
    free(p3->waits);
    free(p3);
}

static struct wasi_p3 *get_p3(wasi_ctx *ctx)
{
    if (!ctx->p3)
        ctx->p3 = calloc(1, sizeof *ctx->p3);
    return ctx->p3;
}

static void begin_round(void *host)
{
    wasi_ctx *ctx = host;
    if (ctx->p3)
        ctx->p3->count = 0;
}

static vm_status wait_round(void *host, vm_error *err)
{
    wasi_ctx *ctx = host;
    if (!ctx->p3 || !ctx->p3->count)
        return VM_PENDING;
    int number = wasi_wait_any(ctx, ctx->p3->waits, ctx->p3->count);
    if (!number)
        return VM_OK;
    vm_error_set(err, VM_PHASE_RUN, SIZE_MAX, "%s",
                 number == EINTR ? "interrupted while waiting"
                                 : strerror(number));
    return VM_TRAP;
}

static const cm_waiter waiter = {begin_round, wait_round};

vm_status wasi_p3_wait(cm_call *call, wasi_ctx *ctx, const wasi_wait *wait)
{
    struct wasi_p3 *p3 = get_p3(ctx);
    cm_call_set_waiter(call, &waiter, ctx);
    if (!p3)
        return wasi_no_memory(call);
    if (p3->count == p3->capacity) {
        size_t capacity = p3->capacity ? 2 * p3->capacity : 8;
        wasi_wait *waits = realloc(p3->waits, capacity * sizeof *waits);
        if (!waits)
            return wasi_no_memory(call);
        p3->waits = waits;
        p3->capacity = capacity;
    }
    p3->waits[p3->count++] = *wait;
    return VM_PENDING;
}

vm_status wasi_p3_idle(cm_call *call, wasi_ctx *ctx)
{
    cm_call_set_waiter(call, &waiter, ctx);
    return VM_PENDING;
}

vm_status wasi_p3_other(cm_call *call, uint64_t index, cm_value *out)
{
    out->variant.index = index;
    out->variant.payload = wasi_values(call, 1);
    return out->variant.payload ? VM_OK : wasi_no_memory(call);
}

/* ---- pipes --------------------------------------------------------------- */

typedef struct p3_pipe {
    wasi_object object;
    wasi_ctx *ctx;
    void *owner; /* wasi_input, wasi_output, or what `read` reads */
    wasi_p3_read read;
    wasi_p3_error error;
    bool over; /* the stream is: the future may answer */
    int number;
} p3_pipe;

static void pipe_finish(void *self)
{
    p3_pipe *p = self;
    wasi_release(p->owner);
    free(p);
}

/* With two references: the stream's and the future's. */
static p3_pipe *new_pipe(wasi_ctx *ctx, void *owner, int number,
                         wasi_p3_error error)
{
    p3_pipe *p = wasi_object_create(sizeof *p, pipe_finish);
    if (!p) {
        wasi_release(owner);
        return NULL;
    }
    p->ctx = ctx;
    p->owner = owner;
    p->error = error;
    p->number = number ? number : owner ? 0 : ENOMEM;
    wasi_retain(p);
    return p;
}

static vm_status wait_with(cm_call *call, p3_pipe *p,
                           void (*prepare)(void *parent, wasi_wait *wait))
{
    wasi_wait wait = {.fd = -1, .deadline = WASI_NEVER};
    prepare(p->owner, &wait);
    return wasi_p3_wait(call, p->ctx, &wait);
}

/* ---- the guest reads ------------------------------------------------------
 */

static vm_status read_input(void *owner, cm_call *call, void *out, size_t max,
                            size_t *n, int *number)
{
    wasi_input *in = owner;
    ssize_t got = wasi_input_read(in, out, max);
    if (got == 0)
        return VM_PENDING;
    if (got == WASI_FAILED)
        *number = in->error;
    *n = got > 0 ? (size_t)got : 0;
    return VM_OK;
}

static vm_status source_read(void *state, cm_call *call, void *out, size_t max,
                             size_t *n)
{
    p3_pipe *p = state;
    vm_status status = VM_OK;
    *n = 0;
    if (!p->number)
        status = p->read(p->owner, call, out, max, n, &p->number);
    if (status == VM_PENDING)
        return wait_with(call, p, wasi_input_prepare);
    if (status == VM_OK && !*n)
        p->over = true;
    return status;
}

/* The stream's end of the pipe goes. */
static void drop_stream(void *state)
{
    p3_pipe *p = state;
    p->over = true;
    wasi_release(p->owner);
    p->owner = NULL;
    wasi_release(p);
}

static void end_stream(void *state, bool complete)
{
    drop_stream(state);
}

static const cm_source byte_source = {source_read, drop_stream, true};
static const cm_source value_source = {source_read, drop_stream, false};

/* ---- the guest writes -----------------------------------------------------
 */

static vm_status sink_write(void *state, cm_call *call, const void *values,
                            size_t n, size_t *taken)
{
    p3_pipe *p = state;
    *taken = 0;
    if (p->number)
        return VM_OK;
    ssize_t done = wasi_output_take(p->owner, values, n);
    if (done == 0)
        return wait_with(call, p, wasi_output_prepare);
    if (done > 0)
        *taken = (size_t)done;
    else
        p->number =
            done == WASI_CLOSED ? EPIPE : ((wasi_output *)p->owner)->error;
    return VM_OK;
}

static const cm_sink_ops stream_sink = {sink_write, end_stream};

/* ---- the future: result<_, error-code> ------------------------------------
 */

static vm_status future_read(void *state, cm_call *call, void *out, size_t max,
                             size_t *n)
{
    p3_pipe *p = state;
    cm_value error;
    if (!p->over && !p->number)
        return wasi_p3_idle(call, p->ctx);
    *n = 1;
    if (!p->number)
        return cm_ok(call, out, NULL);
    vm_status status = p->error(call, p->number, &error);
    return status == VM_OK ? cm_err(call, out, &error) : status;
}

static const cm_source result_source = {future_read, wasi_release, false};

/* ---- making them ----------------------------------------------------------
 */

vm_status wasi_p3_stream(cm_call *call, wasi_ctx *ctx, const cm_source *source,
                         void *state, cm_value *out)
{
    cm_call_set_waiter(call, &waiter, ctx);
    return cm_stream_from_host(call, source, state, out);
}

vm_status wasi_p3_future(cm_call *call, wasi_ctx *ctx, const cm_source *source,
                         void *state, cm_value *out)
{
    cm_call_set_waiter(call, &waiter, ctx);
    return cm_future_from_host(call, source, state, out);
}

vm_status wasi_p3_sink(cm_call *call, wasi_ctx *ctx, const cm_value *value,
                       const cm_sink_ops *sink, void *state)
{
    cm_call_set_waiter(call, &waiter, ctx);
    return cm_stream_to_host(call, value, sink, state);
}

static vm_status make_source(cm_call *call, wasi_ctx *ctx,
                             const cm_source *source, void *owner,
                             wasi_p3_read read, int number, wasi_p3_error error,
                             cm_value *result)
{
    cm_value *pair = wasi_values(call, 2);
    p3_pipe *p = new_pipe(ctx, owner, number, error);
    if (!p || !pair) {
        wasi_release(p);
        wasi_release(p);
        return wasi_no_memory(call);
    }
    p->read = read;
    vm_status status = wasi_p3_stream(call, ctx, source, p, &pair[0]);
    if (status == VM_OK)
        status = cm_future_from_host(call, &result_source, p, &pair[1]);
    else
        wasi_release(p);
    result->list.items = pair;
    result->list.len = 2;
    return status;
}

vm_status wasi_p3_source(cm_call *call, wasi_ctx *ctx, void *owner,
                         wasi_p3_read read, int number, wasi_p3_error error,
                         cm_value *result)
{
    return make_source(call, ctx, &value_source, owner, read, number, error,
                       result);
}

vm_status wasi_p3_input(cm_call *call, wasi_ctx *ctx, wasi_input *in,
                        int number, wasi_p3_error error, cm_value *result)
{
    return make_source(call, ctx, &byte_source, in, read_input, number, error,
                       result);
}

vm_status wasi_p3_output(cm_call *call, wasi_ctx *ctx, const cm_value *stream,
                         wasi_output *out, int number, wasi_p3_error error,
                         cm_value *result)
{
    p3_pipe *p = new_pipe(ctx, out, number, error);
    if (!p)
        return wasi_no_memory(call);
    vm_status status = wasi_p3_sink(call, ctx, stream, &stream_sink, p);
    if (status == VM_OK)
        return cm_future_from_host(call, &result_source, p, result);
    wasi_release(p);
    return status;
}
