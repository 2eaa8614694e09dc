/*
 * cm_stream.c - streams and futures: two ends that meet and copy from one
 * guest's memory into another's.
 *
 * An end whose partner is not there yet leaves its buffer with the shared part
 * (`pending`); the partner's operation then copies and notifies it.  A future
 * is a stream of one value, with its own rules about when it is done.
 */
#include "vm/cm_stream.h"

#include <string.h>

enum { MAX_BUFFER = (1 << 28) - 1 };
#define BLOCKED UINT32_MAX

/* ---- types ---------------------------------------------------------------
 */

static bool same_fields(const cm_type *a, const cm_view *av, const cm_type *b,
                        const cm_view *bv)
{
    for (uint32_t i = 0; a->fields && i < a->count; i++)
        if (!vm_name_equal(a->fields[i].name, b->fields[i].name) ||
            !cm_types_equal(a->fields[i].type, av, b->fields[i].type, bv))
            return false;
    return true;
}

bool cm_types_equal(const cm_type *a, const cm_view *av, const cm_type *b,
                    const cm_view *bv)
{
    if (!a || !b || (a == b && av == bv))
        return a == b;
    if (a->kind != b->kind || a->count != b->count)
        return false;
    if (a->kind == CM_OWN || a->kind == CM_BORROW)
        return av->slots[a->resource - av->base] ==
               bv->slots[b->resource - bv->base];
    return cm_types_equal(a->elem, av, b->elem, bv) &&
           same_fields(a, av, b, bv);
}

static bool none_or_number(const cm_type *type)
{
    return !type || (type->kind >= CM_S8 && type->kind <= CM_F64);
}

/* ---- copying -------------------------------------------------------------
 */

static uint64_t item_size(const cm_end *e)
{
    return e->type->elem ? e->type->elem->size[e->options.mem64] : 0;
}

/* dst.write(src.read(n)), value by value through the component's layouts. */
static vm_status copy_values(cm_call *call, cm_end *dst, cm_end *src,
                             uint32_t n)
{
    cm_ctx from, to;
    cm_value *items = cm_arena_alloc(&call->arena, n, sizeof *items);
    if (!items)
        return cm_trap(call, "out of memory for copying in a stream");
    cm_ctx_init(&from, call, src->inst, &src->options, &src->inst->view,
                CM_MODE_RAW);
    cm_ctx_init(&to, call, dst->inst, &dst->options, &dst->inst->view,
                CM_MODE_RAW);
    CM_TRY(cm_load_items(&from, src->ptr, src->type->elem, n, items));
    return cm_store_items(&to, items, n, dst->type->elem, dst->ptr);
}

static vm_status copy_items(cm_call *call, cm_end *dst, cm_end *src, uint32_t n)
{
    uint64_t to = item_size(dst), from = item_size(src);
    if (src->type->elem && cm_type_is_numeric(src->type->elem))
        cm_copy_numbers(vm_memory_data(dst->options.memory) + dst->ptr,
                        vm_memory_data(src->options.memory) + src->ptr,
                        src->type->elem, n);
    else if (src->type->elem)
        CM_TRY(copy_values(call, dst, src, n));
    dst->ptr += n * to;
    src->ptr += n * from;
    dst->progress += n;
    src->progress += n;
    return VM_OK;
}

uint32_t cm_end_remain(const cm_end *e)
{
    return e->length - e->progress;
}

/* on_copy: there may be more; on_copy_done: there is not. */
void cm_end_notify(cm_end *e, cm_copy_result result, bool reclaims)
{
    e->waitable.has_event = true;
    e->result = result;
    e->reclaims = reclaims;
}

/* reset_and_notify_pending */
void cm_shared_notify(cm_shared *s, cm_copy_result result)
{
    cm_end *e = s->pending;
    s->pending = NULL;
    cm_end_notify(e, result, false);
}

/* stream_event, future_event */
static void end_take(cm_waitable *w, cm_event *event)
{
    static const uint32_t codes[2][2] = {
        {CM_EVENT_STREAM_READ, CM_EVENT_STREAM_WRITE},
        {CM_EVENT_FUTURE_READ, CM_EVENT_FUTURE_WRITE}};
    cm_end *e = (cm_end *)w;
    if (e->reclaims && e->shared->pending == e)
        e->shared->pending = NULL;
    bool done = e->result == CM_COPY_DROPPED ||
                (e->shared->is_future && e->result == CM_COPY_COMPLETED);
    e->state = done ? CM_END_DONE : CM_END_IDLE;
    event->code = codes[e->shared->is_future][e->is_writer];
    event->payload = e->shared->is_future
                         ? e->result
                         : (uint32_t)e->result | e->progress << 4;
}

/* Both are there: SharedStreamImpl.read and write from `pending` on. */
static vm_status rendezvous_stream(cm_call *call, cm_shared *s, cm_end *e)
{
    cm_end *p = s->pending;
    if (cm_end_remain(p)) {
        uint32_t n = cm_end_remain(e) < cm_end_remain(p) ? cm_end_remain(e)
                                                         : cm_end_remain(p);
        if (n) {
            CM_TRY(copy_items(call, e->is_writer ? p : e, e->is_writer ? e : p,
                              n));
            cm_end_notify(p, CM_COPY_COMPLETED, true);
        }
        cm_end_notify(e, CM_COPY_COMPLETED, false);
        return VM_OK;
    }
    if (e->is_writer && !e->length && !p->length) {
        cm_end_notify(e, CM_COPY_COMPLETED, false);
        return VM_OK;
    }
    cm_shared_notify(s, CM_COPY_COMPLETED);
    s->pending = e;
    return VM_OK;
}

/* SharedFutureImpl.read and write from `pending` on. */
static vm_status rendezvous_future(cm_call *call, cm_shared *s, cm_end *e)
{
    cm_end *p = s->pending;
    CM_TRY(copy_items(call, e->is_writer ? p : e, e->is_writer ? e : p, 1));
    cm_shared_notify(s, CM_COPY_COMPLETED);
    cm_end_notify(e, CM_COPY_COMPLETED, false);
    return VM_OK;
}

static vm_status begin_copy(cm_call *call, cm_end *e)
{
    cm_shared *s = e->shared;
    e->state = CM_END_COPYING;
    if (s->host)
        return cm_host_copy(call, e);
    if (s->dropped) {
        cm_end_notify(e, CM_COPY_DROPPED, false);
        return VM_OK;
    }
    if (!s->pending) {
        s->pending = e;
        return VM_OK;
    }
    if (s->pending->inst == e->inst && !none_or_number(e->type->elem))
        return cm_trap(call,
                       "cannot read from and write to intra-component "
                       "%s",
                       s->is_future ? "future" : "stream");
    return s->is_future ? rendezvous_future(call, s, e)
                        : rendezvous_stream(call, s, e);
}

/* ---- finding ends ---------------------------------------------------------
 */

static const char *kind_name(const cm_type *type)
{
    return type->kind == CM_FUTURE ? "future" : "stream";
}

static unsigned handle_kind(bool is_future, bool is_writer)
{
    static const unsigned kinds[2][2] = {
        {CM_OBJECT_STREAM_READ, CM_OBJECT_STREAM_WRITE},
        {CM_OBJECT_FUTURE_READ, CM_OBJECT_FUTURE_WRITE}};
    return kinds[is_future][is_writer];
}

static vm_status find_end(vm_fiber *fiber, const cm_builtin_env *b,
                          uint32_t index, bool is_writer, cm_end **out)
{
    const cm_type *type = b->spec.value;
    CM_TRY(cm_may_leave(fiber, b->inst));
    cm_end *e = cm_object_at(b->inst, index,
                             handle_kind(type->kind == CM_FUTURE, is_writer));
    if (!e)
        return vm_trap(fiber, "unknown handle index %u: no %s end of a %s",
                       index, is_writer ? "writable" : "readable",
                       kind_name(type));
    if (!cm_types_equal(e->type, &e->inst->view, type, &b->inst->view))
        return vm_trap(fiber, "handle index %u is a %s of another type", index,
                       kind_name(type));
    *out = e;
    return VM_OK;
}

static vm_status check_idle(vm_fiber *fiber, const cm_end *e)
{
    bool future = e->shared->is_future;
    const char *name = kind_name(e->type);
    if (e->state == CM_END_IDLE)
        return VM_OK;
    if (e->state != CM_END_DONE)
        return vm_trap(fiber,
                       "cannot have concurrent operations active on a "
                       "%s",
                       name);
    if (future)
        return vm_trap(fiber, e->is_writer
                                  ? "cannot write to future after previous "
                                    "write succeeded or readable end dropped"
                                  : "cannot read from future after previous "
                                    "read succeeded");
    return vm_trap(fiber,
                   "cannot %s after being notified that the %s end "
                   "dropped",
                   e->is_writer ? "write to stream" : "read from stream",
                   e->is_writer ? "readable" : "writable");
}

static vm_status check_sync(vm_fiber *fiber, const cm_builtin_env *b,
                            const cm_end *e, bool is_async)
{
    if (is_async || !e->waitable.set)
        return VM_OK;
    return vm_trap(fiber, "waitable cannot be used synchronously while added "
                          "to a waitable set");
}

/* BufferGuestImpl.__init__ */
static vm_status set_buffer(vm_fiber *fiber, const cm_builtin_env *b, cm_end *e,
                            uint64_t ptr, uint32_t length)
{
    const cm_type *elem = e->type->elem;
    e->options = b->spec.options;
    e->ptr = ptr;
    e->length = length;
    e->progress = 0;
    if (length > MAX_BUFFER)
        return vm_trap(fiber,
                       "a stream's buffer of %u values is more than "
                       "2^28-1",
                       length);
    if (!elem || !length)
        return VM_OK;
    uint64_t size = vm_memory_size(e->options.memory);
    uint64_t bytes = (uint64_t)length * item_size(e);
    if (ptr & (elem->align[e->options.mem64] - 1u))
        return vm_trap(fiber, "unaligned pointer of a %s's buffer",
                       kind_name(e->type));
    if (ptr > size || bytes > size - ptr)
        return vm_trap(fiber, "pointer out of bounds of memory: a %s's buffer",
                       kind_name(e->type));
    return VM_OK;
}

/* ---- reading and writing --------------------------------------------------
 */

static vm_status run_copy(vm_fiber *fiber, const cm_builtin_env *b, cm_end *e)
{
    cm_call *call = cm_call_begin(b->store, fiber);
    if (!call)
        return vm_trap(fiber, "out of memory for copying in a stream");
    vm_status status = begin_copy(call, e);
    if (status != VM_OK)
        return cm_call_fail(call, status, (vm_name){kind_name(e->type), 6});
    cm_call_end(call);
    return VM_OK;
}

/* The end of each operation: now, later with BLOCKED, or after waiting. */
static vm_status finish(vm_fiber *fiber, const cm_builtin_env *b, cm_end *e,
                        bool is_async, vm_slot *slots)
{
    if (!e->waitable.has_event) {
        if (is_async) {
            slots[0] = BLOCKED;
            return VM_OK;
        }
        e->waitable.has_sync_waiter = true;
        CM_TRY(cm_thread_wait(cm_store_sched(b->store), fiber,
                              &(cm_wait){.ready = cm_waitable_ready,
                                         .ready_for = e,
                                         .again = e}));
    }
    e->waitable.has_sync_waiter = false;
    slots[0] = cm_waitable_take(&e->waitable).payload;
    return VM_OK;
}

/* stream_copy, future_copy: slots are index, pointer (, length). */
static vm_status copy(vm_fiber *fiber, cm_builtin_env *b, vm_slot *slots,
                      bool is_writer)
{
    bool is_async = b->spec.options.is_async;
    cm_end *e = vm_fiber_pending(fiber);
    if (e) {
        vm_fiber_set_pending(fiber, NULL);
        return finish(fiber, b, e, is_async, slots);
    }
    CM_TRY(find_end(fiber, b, (uint32_t)slots[0], is_writer, &e));
    CM_TRY(check_idle(fiber, e));
    CM_TRY(check_sync(fiber, b, e, is_async));
    bool wide = b->spec.options.mem64;
    uint64_t ptr = wide ? slots[1] : (uint32_t)slots[1];
    uint64_t length = e->shared->is_future ? 1
                      : wide               ? slots[2]
                                           : (uint32_t)slots[2];
    if (length > UINT32_MAX)
        length = UINT32_MAX;
    CM_TRY(set_buffer(fiber, b, e, ptr, (uint32_t)length));
    CM_TRY(run_copy(fiber, b, e));
    return finish(fiber, b, e, is_async, slots);
}

static vm_status read_end(vm_fiber *fiber, void *env, vm_slot *slots)
{
    return copy(fiber, env, slots, false);
}

static vm_status write_end(vm_fiber *fiber, void *env, vm_slot *slots)
{
    return copy(fiber, env, slots, true);
}

/* cancel_copy */
static vm_status cancel(vm_fiber *fiber, cm_builtin_env *b, vm_slot *slots,
                        bool is_writer)
{
    cm_end *e = vm_fiber_pending(fiber);
    if (e) {
        vm_fiber_set_pending(fiber, NULL);
        return finish(fiber, b, e, b->spec.is_async, slots);
    }
    CM_TRY(find_end(fiber, b, (uint32_t)slots[0], is_writer, &e));
    if (e->state != CM_END_COPYING || e->waitable.has_sync_waiter)
        return vm_trap(fiber,
                       "cannot cancel: no operation is under way on "
                       "the %s",
                       kind_name(e->type));
    CM_TRY(check_sync(fiber, b, e, b->spec.is_async));
    e->state = CM_END_CANCELLING;
    /* A part that was copied already is reported with the cancellation. */
    if (!e->waitable.has_event ||
        (e->reclaims && e->shared->pending == e && cm_end_remain(e)))
        cm_shared_notify(e->shared, CM_COPY_CANCELLED);
    return finish(fiber, b, e, b->spec.is_async, slots);
}

static vm_status cancel_read(vm_fiber *fiber, void *env, vm_slot *slots)
{
    return cancel(fiber, env, slots, false);
}

static vm_status cancel_write(vm_fiber *fiber, void *env, vm_slot *slots)
{
    return cancel(fiber, env, slots, true);
}

/* ---- making and dropping --------------------------------------------------
 */

cm_shared *cm_shared_create(cm_store *store, bool is_future, unsigned refs)
{
    cm_shared *s = cm_heap_alloc(&store->heap, sizeof *s);
    if (!s)
        return NULL;
    s->store = store;
    s->is_future = is_future;
    s->refs = refs;
    return s;
}

void cm_shared_release(cm_shared *s)
{
    if (--s->refs == 0)
        cm_heap_free(&s->store->heap, s);
}

static cm_end *new_end(cm_store *store, cm_instance *inst, cm_shared *s,
                       const cm_type *type, bool is_writer)
{
    cm_end *e = cm_heap_alloc(&store->heap, sizeof *e);
    if (!e)
        return NULL;
    e->waitable.take = end_take;
    s->is_bytes =
        type->kind == CM_STREAM && type->elem && type->elem->kind == CM_U8;
    e->shared = s;
    e->type = type;
    e->inst = inst;
    e->is_writer = is_writer;
    return e;
}

/* canon_stream_new, canon_future_new: readable | writable << 32 */
static vm_status end_new(vm_fiber *fiber, void *env, vm_slot *slots)
{
    cm_builtin_env *b = env;
    const cm_type *type = b->spec.value;
    CM_TRY(cm_may_leave(fiber, b->inst));
    cm_shared *s =
        cm_shared_create(b->store, type->kind == CM_FUTURE, 2 /* ends */);
    cm_end *ends[2] = {NULL, NULL};
    for (int i = 0; s && i < 2; i++)
        ends[i] = new_end(b->store, b->inst, s, type, i);
    if (!ends[0] || !ends[1])
        return vm_trap(fiber, "out of memory for a %s", kind_name(type));
    for (int i = 0; i < 2; i++) {
        ends[i]->waitable.index = cm_object_add(
            fiber, b->inst, handle_kind(s->is_future, i), ends[i]);
        if (!ends[i]->waitable.index)
            return VM_TRAP;
    }
    slots[0] = ends[0]->waitable.index | (uint64_t)ends[1]->waitable.index
                                             << 32;
    return VM_OK;
}

void cm_shared_drop(cm_shared *s)
{
    if (!s->dropped) {
        s->dropped = true;
        if (s->host)
            cm_shared_end_host(s, true);
        if (s->pending)
            cm_shared_notify(s, CM_COPY_DROPPED);
    }
    cm_shared_release(s);
}

static vm_status drop(vm_fiber *fiber, cm_builtin_env *b, vm_slot *slots,
                      bool is_writer)
{
    cm_end *e;
    CM_TRY(find_end(fiber, b, (uint32_t)slots[0], is_writer, &e));
    if (e->shared->is_future && is_writer && e->state != CM_END_DONE &&
        e->state != CM_END_COPYING && e->state != CM_END_CANCELLING)
        return vm_trap(fiber, "cannot drop future write end without first "
                              "writing a value");
    if (e->state == CM_END_COPYING || e->state == CM_END_CANCELLING)
        return vm_trap(fiber, "cannot drop busy %s", kind_name(e->type));
    cm_waitable_join(&e->waitable, NULL);
    cm_handles_remove(b->inst->handles, (uint32_t)slots[0]);
    cm_shared_drop(e->shared);
    cm_heap_free(&b->store->heap, e);
    return VM_OK;
}

static vm_status drop_readable(vm_fiber *fiber, void *env, vm_slot *slots)
{
    return drop(fiber, env, slots, false);
}

static vm_status drop_writable(vm_fiber *fiber, void *env, vm_slot *slots)
{
    return drop(fiber, env, slots, true);
}

/* ---- as values -----------------------------------------------------------
 */

static void drop_passing(cm_store *store, void *object)
{
    cm_shared_drop(object);
}

/* lift_async_value */
vm_status cm_lift_end(cm_ctx *cx, const cm_type *type, uint32_t index,
                      cm_value *out)
{
    const char *name = kind_name(type);
    cm_end *e = cm_object_at(cx->inst, index,
                             handle_kind(type->kind == CM_FUTURE, false));
    if (!e)
        return cm_trap(cx->call,
                       "unknown handle index %u: no readable end of a %s",
                       index, name);
    if (!cm_types_equal(e->type, &e->inst->view, type, cx->view))
        return cm_trap(cx->call, "handle index %u is a %s of another type",
                       index, name);
    if (e->state == CM_END_DONE)
        return cm_trap(cx->call,
                       e->shared->is_future
                           ? "cannot lift future after previous read succeeded"
                           : "cannot lift stream after being notified that "
                             "the writable end dropped");
    if (e->state != CM_END_IDLE)
        return cm_trap(cx->call, "cannot remove busy %s", name);
    if (e->waitable.set)
        return cm_trap(cx->call, "cannot lift %s while it's in a waitable set",
                       name);
    cm_handles_remove(cx->inst->handles, index);
    out->rep = e->shared;
    cm_heap_free(&cx->call->store->heap, e);
    return cm_call_pass(cx->call, out->rep, drop_passing, true);
}

/* lower_stream, lower_future */
vm_status cm_lower_end(cm_ctx *cx, const cm_type *type, const cm_value *value,
                       uint32_t *index)
{
    cm_shared *s = value->rep;
    cm_call_claim(cx->call, s);
    cm_end *e = new_end(cx->call->store, cx->inst, s, type, false);
    cm_handle entry = {.kind = (uint8_t)handle_kind(s->is_future, false),
                       .object = e};
    if (!e || !cm_handles_add(cx->inst->handles, &entry, index))
        return cm_trap(cx->call, "out of memory or handles for a %s",
                       kind_name(type));
    e->waitable.index = *index;
    return VM_OK;
}

const vm_host_fn cm_stream_builtins[CM_BUILTIN_COUNT] = {
    [CM_STREAM_NEW] = end_new,
    [CM_STREAM_READ] = read_end,
    [CM_STREAM_WRITE] = write_end,
    [CM_STREAM_CANCEL_READ] = cancel_read,
    [CM_STREAM_CANCEL_WRITE] = cancel_write,
    [CM_STREAM_DROP_READABLE] = drop_readable,
    [CM_STREAM_DROP_WRITABLE] = drop_writable,
    [CM_FUTURE_NEW] = end_new,
    [CM_FUTURE_READ] = read_end,
    [CM_FUTURE_WRITE] = write_end,
    [CM_FUTURE_CANCEL_READ] = cancel_read,
    [CM_FUTURE_CANCEL_WRITE] = cancel_write,
    [CM_FUTURE_DROP_READABLE] = drop_readable,
    [CM_FUTURE_DROP_WRITABLE] = drop_writable,
};
