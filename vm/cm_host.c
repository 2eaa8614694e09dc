/*
 * cm_host.c - calls in flight: the pool they come from, what moves in them,
 * and what host functions may do with one (component.h, "inside a host
 * function").
 */
#include "vm/cm_task.h"

#include "vm/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the pool -------------------------------------------------------------
 *
 * cm_store.calls links the idle ones.  A call that a trap or a dropped fiber
 * left behind is in no list, so all of them are also chained in `all`.
 */

typedef struct pool {
    cm_sched sched;
    cm_budget budget; /* of all calls' arenas */
    cm_call *idle;
    struct pooled *all;
} pool;

typedef struct pooled {
    cm_call call; /* first: a cm_call is a pooled */
    struct pooled *next;
} pooled;

static pool *get_pool(cm_store *store)
{
    pool *pool = store->calls;
    if (pool)
        return pool;
    pool = calloc(1, sizeof *pool);
    if (pool) {
        pool->sched.store = store;
        pool->budget.limit = CM_CALLS_BYTES;
    }
    store->calls = pool;
    return pool;
}

cm_sched *cm_store_sched(cm_store *store)
{
    pool *pool = get_pool(store);
    return pool ? &pool->sched : NULL;
}

static cm_call *new_call(pool *pool, vm_store *store)
{
    pooled *p = vm_store_alloc(store, sizeof *p);
    if (!p)
        return NULL;
    cm_arena_init(&p->call.arena, CM_CALL_BYTES);
    p->call.arena.budget = &pool->budget;
    p->call.arena.store = store;
    p->next = pool->all;
    pool->all = p;
    return &p->call;
}

cm_call *cm_call_begin(cm_store *store, vm_fiber *fiber)
{
    pool *pool = get_pool(store);
    if (!pool)
        return NULL;
    cm_call *call = pool->idle;
    if (call)
        pool->idle = call->next;
    else
        call = new_call(pool, store->store);
    if (!call)
        return NULL;
    call->store = store;
    call->fiber = fiber;
    call->error.text[0] = '\0';
    call->lends = NULL;
    call->moving = NULL;
    call->moving_end = &call->moving;
    call->passing = NULL;
    call->passing_end = &call->passing;
    call->borrows = 0;
    call->state = NULL;
    call->state_finish = NULL;
    return call;
}

/* Subtask.deliver_resolve */
void cm_call_end_lends(cm_call *call)
{
    for (cm_lend *lend = call->lends; lend; lend = lend->next)
        cm_handles_get(call->lender, lend->index)->lends--;
    call->lends = NULL;
}

void cm_call_drop_moving(cm_call *call)
{
    for (cm_moving *m = call->moving; m; m = m->next)
        if (m->resource->host->drop)
            m->resource->host->drop(m->resource->host_data,
                                    (void *)(uintptr_t)m->rep);
    call->moving = NULL;
    call->moving_end = &call->moving;
}

static void finish_state(cm_call *call)
{
    if (call->state_finish)
        call->state_finish(call->state);
    call->state_finish = NULL;
}

static void release_passing(cm_call *call)
{
    for (cm_passing *p = call->passing; p; p = p->next)
        p->release(call->store, p->object);
    call->passing = NULL;
}

void cm_call_end(cm_call *call)
{
    pool *pool = call->store->calls;
    cm_call_end_lends(call);
    cm_call_drop_moving(call);
    finish_state(call);
    release_passing(call);
    cm_arena_reset(&call->arena);
    call->next = pool->idle;
    pool->idle = call;
}

vm_status cm_call_fail(cm_call *call, vm_status status, vm_name name)
{
    char text[sizeof call->error.text];
    vm_fiber *fiber = call->fiber;
    snprintf(text, sizeof text, "%s", call->error.text);
    vm_store *store = call->store->store;
    cm_call_end(call);
    if (status == VM_EXIT)
        return vm_exit(fiber, vm_store_exit_code(store));
    if (status == VM_INTERRUPTED)
        return vm_trap(fiber,
                       "interrupted inside %.*s, which cannot be "
                       "resumed",
                       (int)name.len, name.data);
    return vm_trap(fiber, "%s (in %.*s)", text, (int)name.len, name.data);
}

void cm_calls_destroy(cm_store *store)
{
    pool *pool = store->calls;
    if (pool)
        cm_hosted_finish(&pool->sched);
    for (pooled *p = pool ? pool->all : NULL, *next; p; p = next) {
        next = p->next;
        cm_call_drop_moving(&p->call);
        finish_state(&p->call);
        cm_arena_finish(&p->call.arena);
        vm_store_free(store->store, p, sizeof *p);
    }
    free(pool);
    store->calls = NULL;
}

/* ---- moving resources ----------------------------------------------------
 */

vm_status cm_call_move(cm_call *call, cm_resource *resource, uint64_t rep)
{
    if (!resource->host)
        return VM_OK; /* a guest's dies with its store */
    cm_moving *m = cm_arena_alloc(&call->arena, 1, sizeof *m);
    if (!m)
        return cm_trap(call, "out of memory for passing a resource on");
    *m = (cm_moving){NULL, resource, rep};
    *call->moving_end = m;
    call->moving_end = &m->next;
    return VM_OK;
}

void cm_call_arrived(cm_call *call)
{
    call->moving = call->moving->next;
    if (!call->moving)
        call->moving_end = &call->moving;
}

void cm_call_all_arrived(cm_call *call)
{
    call->moving = NULL;
    call->moving_end = &call->moving;
    call->passing_end = &call->passing;
    for (cm_passing *p = call->passing; p; p = p->next)
        if (!p->moves) {
            *call->passing_end = p;
            call->passing_end = &p->next;
        }
    *call->passing_end = NULL;
}

/* ---- passing streams, futures and error contexts on ------------------------
 */

vm_status cm_call_pass(cm_call *call, void *object,
                       void (*release)(cm_store *store, void *object),
                       bool moves)
{
    cm_passing *p = cm_arena_alloc(&call->arena, 1, sizeof *p);
    if (!p) {
        release(call->store, object);
        return cm_trap(call, "out of memory for passing a stream on");
    }
    *p = (cm_passing){NULL, object, moves, release};
    *call->passing_end = p;
    call->passing_end = &p->next;
    return VM_OK;
}

/* They are put down in the order in which they were taken up: the first one
 * is nearly always it. */
bool cm_call_claim(cm_call *call, const void *object)
{
    for (cm_passing **link = &call->passing; *link; link = &(*link)->next) {
        cm_passing *p = *link;
        if (p->object != object)
            continue;
        *link = p->next;
        if (!*link)
            call->passing_end = link;
        return true;
    }
    return false;
}

/* ---- for host functions --------------------------------------------------
 */

void *cm_alloc(cm_call *call, size_t size)
{
    return cm_arena_alloc(&call->arena, 1, size);
}

vm_status cm_trap(cm_call *call, const char *fmt, ...)
{
    char text[sizeof call->error.text];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    vm_error_set(&call->error, VM_PHASE_RUN, SIZE_MAX, "%s", text);
    return VM_TRAP;
}

vm_status cm_exit(cm_call *call, int code)
{
    if (!call->fiber)
        return cm_trap(call, "exit(%d) called by no guest", code);
    return vm_exit(call->fiber, code);
}

vm_store *cm_call_store(cm_call *call)
{
    return call->store->store;
}

void cm_call_set_state(cm_call *call, void *state, void (*finish)(void *state))
{
    call->state = state;
    call->state_finish = finish;
}

void *cm_call_state(const cm_call *call)
{
    return call->state;
}

static vm_status set_case(cm_call *call, cm_value *result, uint64_t index,
                          const cm_value *payload)
{
    cm_value *kept = NULL;
    if (payload) {
        kept = cm_alloc(call, sizeof *kept);
        if (!kept)
            return cm_trap(call, "out of memory for a result");
        *kept = *payload; /* which may be *result itself */
    }
    result->variant.index = index;
    result->variant.payload = kept;
    return VM_OK;
}

vm_status cm_ok(cm_call *call, cm_value *result, const cm_value *payload)
{
    return set_case(call, result, 0, payload);
}

vm_status cm_err(cm_call *call, cm_value *result, const cm_value *payload)
{
    return set_case(call, result, 1, payload);
}

vm_status cm_some(cm_call *call, cm_value *result, const cm_value *payload)
{
    return set_case(call, result, payload != NULL, payload);
}
