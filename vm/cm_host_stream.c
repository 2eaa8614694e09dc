/*
 * cm_host_stream.c - streams and futures between a guest and the host, and the
 * rounds in which the host's pending operations are tried again (component.h,
 * "asynchronous hosts").
 */
#include "vm/cm_stream.h"

#include <string.h>

/* ---- host ends -----------------------------------------------------------
 */

static void finish_host(const cm_host_end *host, bool complete)
{
    if (host->source && host->source->drop)
        host->source->drop(host->source_state);
    if (host->sink && host->sink->end)
        host->sink->end(host->sink_state, complete);
}

void cm_shared_end_host(cm_shared *s, bool complete)
{
    cm_sched *sched = cm_store_sched(s->store);
    s->host = NULL;
    *(s->hosted_prev ? &s->hosted_prev->hosted_next : &sched->hosted) =
        s->hosted_next;
    if (s->hosted_next)
        s->hosted_next->hosted_prev = s->hosted_prev;
    finish_host(&s->host_end, complete);
    cm_heap_free(&s->store->heap, s->host_end.bytes);
    s->host_end.bytes = NULL;
    cm_shared_release(s);
}

static void attach(cm_shared *s, const cm_host_end *host)
{
    cm_sched *sched = cm_store_sched(s->store);
    s->host_end = *host;
    s->host = &s->host_end;
    s->hosted_prev = NULL;
    s->hosted_next = sched->hosted;
    if (s->hosted_next)
        s->hosted_next->hosted_prev = s;
    sched->hosted = s;
}

static vm_status from_host(cm_call *call, bool is_future,
                           const cm_source *source, void *state, cm_value *out)
{
    const cm_host_end host = {.source = source, .source_state = state};
    cm_shared *s = cm_shared_create(call->store, is_future, 2);
    if (!s) {
        finish_host(&host, false);
        return cm_trap(call, "out of memory for a stream");
    }
    s->is_bytes = source->bytes;
    attach(s, &host);
    out->rep = s;
    return VM_OK;
}

vm_status cm_stream_from_host(cm_call *call, const cm_source *source,
                              void *state, cm_value *out)
{
    return from_host(call, false, source, state, out);
}

vm_status cm_future_from_host(cm_call *call, const cm_source *source,
                              void *state, cm_value *out)
{
    return from_host(call, true, source, state, out);
}

vm_status cm_stream_to_host(cm_call *call, const cm_value *value,
                            const cm_sink_ops *sink, void *state)
{
    cm_shared *s = value->rep;
    cm_call_claim(call, s);
    if (s->host) { /* the host's own comes back */
        s->host->sink = sink;
        s->host->sink_state = state;
        cm_shared_release(s);
        return VM_OK;
    }
    attach(s, &(cm_host_end){.sink = sink, .sink_state = state});
    if (s->dropped)
        cm_shared_end_host(s, true);
    return VM_OK;
}

void cm_stream_discard(const cm_value *value)
{
    cm_shared_drop(value->rep);
}

void cm_hosted_finish(cm_sched *sched)
{
    while (sched->hosted)
        cm_shared_end_host(sched->hosted, false);
}

/* ---- copying --------------------------------------------------------------
 */

static bool is_bytes(const cm_end *e)
{
    return e->type->elem && e->type->elem->kind == CM_U8 &&
           !e->shared->is_future;
}

static void init_ctx(cm_ctx *cx, cm_call *call, const cm_end *e)
{
    cm_ctx_init(cx, call, e->inst, &e->options, &e->inst->view, CM_MODE_VIEW);
}

static uint64_t advance(cm_end *e, size_t n)
{
    uint64_t ptr = e->ptr;
    if (e->type->elem)
        e->ptr += n * e->type->elem->size[e->options.mem64];
    e->progress += (uint32_t)n;
    return ptr;
}

/* Values from the host to the guest's buffer; a few at a time. */
static vm_status read_values(cm_call *call, cm_end *e, size_t *n)
{
    enum { BATCH = 16 };
    cm_host_end *host = e->shared->host;
    const cm_type *elem = e->type->elem;
    size_t max = cm_end_remain(e) < BATCH ? cm_end_remain(e) : BATCH;
    cm_value items[BATCH] = {0};
    cm_ctx cx;
    CM_TRY(host->source->read(host->source_state, call, items, max, n));
    if (!elem || !*n) {
        advance(e, *n);
        return VM_OK;
    }
    init_ctx(&cx, call, e);
    for (size_t i = 0; i < *n; i++)
        CM_TRY(cm_move_values(&cx, elem, &items[i]));
    return cm_store_items(&cx, items, *n, elem, advance(e, *n));
}

/* Values from the guest's buffer to the host.  Resources go one at a time, and
 * back to the guest when the host does not take them. */
static vm_status write_values(cm_call *call, cm_end *e, size_t *n)
{
    enum { BATCH = 16 };
    cm_host_end *host = e->shared->host;
    const cm_type *elem = e->type->elem;
    bool has_resource = elem && (elem->has_resource || elem->has_async);
    size_t batch = has_resource ? 1 : BATCH;
    size_t max = cm_end_remain(e) < batch ? cm_end_remain(e) : batch;
    cm_value items[BATCH] = {0};
    cm_taken *taken = NULL;
    cm_ctx cx;
    init_ctx(&cx, call, e);
    cx.taken = &taken;
    if (elem)
        CM_TRY(cm_load_items(&cx, e->ptr, elem, max, items));
    vm_status status = host->sink->write(host->sink_state, call, items, max, n);
    if (status == VM_OK && *n)
        cm_call_all_arrived(call);
    else if (elem && elem->has_async && status == VM_PENDING)
        return cm_trap(call, "a host must take a stream at once");
    else if (status == VM_OK || status == VM_PENDING)
        cm_put_back(&cx);
    advance(e, *n);
    return status;
}

static vm_status copy_bytes(cm_call *call, cm_end *e, size_t *n)
{
    cm_host_end *host = e->shared->host;
    uint8_t *mem = vm_memory_data(e->options.memory) + e->ptr;
    if (host->source)
        CM_TRY(host->source->read(host->source_state, call, mem,
                                  cm_end_remain(e), n));
    else
        CM_TRY(host->sink->write(host->sink_state, call, mem, cm_end_remain(e),
                                 n));
    advance(e, *n);
    return VM_OK;
}

/* VM_PENDING when the host cannot yet. */
static vm_status try_copy(cm_call *call, cm_end *e)
{
    cm_host_end *host = e->shared->host;
    size_t n = 0;
    vm_status status = VM_OK;
    if (!cm_end_remain(e)) {
        cm_end_notify(e, CM_COPY_COMPLETED, false);
        return VM_OK;
    }
    if (is_bytes(e))
        status = copy_bytes(call, e, &n);
    else if (host->source)
        status = read_values(call, e, &n);
    else
        status = write_values(call, e, &n);
    CM_TRY(status);
    bool over = !n || e->shared->is_future;
    if (over) {
        e->shared->dropped = true;
        cm_shared_end_host(e->shared, true);
    }
    cm_end_notify(e, n ? CM_COPY_COMPLETED : CM_COPY_DROPPED, false);
    return VM_OK;
}

vm_status cm_host_copy(cm_call *call, cm_end *e)
{
    vm_status status = try_copy(call, e);
    if (status != VM_PENDING)
        return status;
    e->shared->pending = e;
    return VM_OK;
}

/* ---- rounds --------------------------------------------------------------
 */

void cm_call_set_waiter(cm_call *call, const cm_waiter *waiter, void *host)
{
    cm_sched *sched = cm_store_sched(call->store);
    sched->waiter = waiter;
    sched->waiter_host = host;
}

/* A guest's operation that waits for its host end. */
static vm_status retry_stream(cm_sched *sched, cm_call *call, cm_shared *s,
                              bool *progress, bool *waiting)
{
    cm_call *temporary = cm_call_begin(sched->store, NULL);
    if (!temporary)
        return cm_trap(call, "out of memory for a stream");
    cm_end *e = s->pending;
    s->pending = NULL;
    vm_status status = try_copy(temporary, e);
    if (status == VM_PENDING) {
        s->pending = e;
        *waiting = true;
    } else if (status == VM_OK) {
        *progress = true;
    } else {
        vm_error_set(&call->error, VM_PHASE_RUN, SIZE_MAX, "%s",
                     temporary->error.text);
        return status;
    }
    cm_call_end(temporary);
    return VM_OK;
}

/* Bytes that the sink did not take wait in a buffer. */
static vm_status relay_bytes(cm_call *call, cm_host_end *host, size_t *n)
{
    enum { BUFFER = 8 << 10 };
    if (!host->bytes)
        host->bytes = cm_heap_alloc(&call->store->heap, BUFFER);
    if (!host->bytes)
        return cm_trap(call, "out of memory for a stream");
    if (!host->len) {
        host->at = 0;
        CM_TRY(host->source->read(host->source_state, call, host->bytes, BUFFER,
                                  &host->len));
    }
    if (!host->len)
        return VM_OK;
    CM_TRY(host->sink->write(host->sink_state, call, host->bytes + host->at,
                             host->len, n));
    host->at += *n;
    host->len -= *n;
    return VM_OK;
}

/* Values live as long as the call: the sink takes them at once. */
static vm_status relay_value(cm_call *call, cm_host_end *host, size_t *n)
{
    cm_value item = {0};
    size_t have = 0;
    CM_TRY(host->source->read(host->source_state, call, &item, 1, &have));
    if (!have)
        return VM_OK;
    vm_status status = host->sink->write(host->sink_state, call, &item, 1, n);
    return status == VM_PENDING
               ? cm_trap(call, "a host must take a value at once")
               : status;
}

/* As far as it goes; VM_PENDING when one of the two cannot. */
static vm_status relay(cm_call *call, cm_shared *s, bool *progress)
{
    for (;;) {
        size_t n = 0;
        CM_TRY(s->is_bytes ? relay_bytes(call, s->host, &n)
                           : relay_value(call, s->host, &n));
        *progress = true;
        if (n && !s->is_future)
            continue;
        s->dropped = true;
        cm_shared_end_host(s, true);
        return VM_OK;
    }
}

static vm_status retry_relay(cm_sched *sched, cm_call *call, cm_shared *s,
                             bool *progress, bool *waiting)
{
    cm_call *temporary = cm_call_begin(sched->store, NULL);
    if (!temporary)
        return cm_trap(call, "out of memory for a stream");
    vm_status status = relay(temporary, s, progress);
    *waiting |= status == VM_PENDING;
    if (status != VM_OK && status != VM_PENDING)
        vm_error_set(&call->error, VM_PHASE_RUN, SIZE_MAX, "%s",
                     temporary->error.text);
    else
        status = VM_OK;
    cm_call_end(temporary);
    return status;
}

/* Ends that are over leave the list; one may end others through its host.
 * Those before it are then tried once more. */
static cm_shared *still_hosted(cm_sched *sched, cm_shared *next)
{
    if (!next)
        return NULL;
    bool hosted = next->host != NULL;
    cm_shared_release(next);
    return hosted ? next : sched->hosted;
}

static vm_status retry_streams(cm_sched *sched, cm_call *call, bool *progress,
                               bool *waiting)
{
    vm_status status = VM_OK;
    for (cm_shared *s = sched->hosted, *next; s && !status; s = next) {
        next = s->hosted_next;
        if (next)
            next->refs++;
        if (s->host->source && s->host->sink) {
            status = retry_relay(sched, call, s, progress, waiting);
        } else if (s->pending) {
            status = retry_stream(sched, call, s, progress, waiting);
        }
        next = still_hosted(sched, next);
    }
    return status;
}

vm_status cm_host_round(cm_sched *sched, cm_call *call, bool block)
{
    bool progress = false, waiting = false;
    if (sched->waiter)
        sched->waiter->begin(sched->waiter_host);
    CM_TRY(retry_streams(sched, call, &progress, &waiting));
    CM_TRY(cm_subtasks_retry(sched, call, &progress, &waiting));
    if (progress || !block)
        return VM_OK;
    if (!waiting || !sched->waiter)
        return VM_PENDING;
    vm_error err = {0};
    vm_status status = sched->waiter->wait(sched->waiter_host, &err);
    return status == VM_OK || status == VM_PENDING
               ? status
               : cm_trap(call, "%s", err.text);
}
