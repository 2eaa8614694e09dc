/*
 * cm_waitable.c - waitable sets, subtasks and their built-ins; and canon_lower
 * for components with asynchronous parts.
 */
#include "vm/cm_task.h"

#include <string.h>

enum { BLOCKED = -1 };

/* ---- objects in the handle table ----------------------------------------- */

void *cm_object_at(cm_instance *inst, uint32_t index, unsigned kind)
{
    cm_handle *handle = cm_handles_get(inst->handles, index);
    return handle && handle->kind == kind ? handle->object : NULL;
}

cm_set *cm_set_at(cm_instance *inst, uint32_t index)
{
    return cm_object_at(inst, index, CM_OBJECT_SET);
}

uint32_t cm_object_add(vm_fiber *fiber, cm_instance *inst, unsigned kind,
                       void *object)
{
    cm_handle entry = {.kind = (uint8_t)kind, .object = object};
    uint32_t index;
    if (cm_handles_add(inst->handles, &entry, &index))
        return index;
    (void)!vm_trap(fiber, "the handle table is full");
    return 0;
}

static bool is_waitable(unsigned kind)
{
    return kind >= CM_OBJECT_SUBTASK && kind <= CM_OBJECT_FUTURE_WRITE;
}

static vm_status unknown(vm_fiber *fiber, uint32_t index, const char *wanted)
{
    return vm_trap(fiber, "unknown handle index %u: no %s", index, wanted);
}

/* ---- waitables and sets --------------------------------------------------
 */

/* Waitable.join; a NULL set takes it out. */
void cm_waitable_join(cm_waitable *w, cm_set *set)
{
    if (w->set) {
        *(w->set_prev ? &w->set_prev->set_next : &w->set->first) = w->set_next;
        *(w->set_next ? &w->set_next->set_prev : &w->set->last) = w->set_prev;
    }
    w->set = set;
    w->set_next = NULL;
    w->set_prev = set ? set->last : NULL;
    if (set) {
        *(set->last ? &set->last->set_next : &set->first) = w;
        set->last = w;
    }
}

/* get_pending_event */
cm_event cm_waitable_take(cm_waitable *w)
{
    cm_event event = {CM_EVENT_NONE, w->index, 0};
    w->has_event = false;
    w->take(w, &event);
    return event;
}

bool cm_set_has_event(const cm_set *set)
{
    for (const cm_waitable *w = set->first; w; w = w->set_next)
        if (w->has_event)
            return true;
    return false;
}

cm_event cm_set_take(cm_set *set)
{
    cm_waitable *w = set->first;
    while (!w->has_event)
        w = w->set_next;
    /* To the end, so that a busy one does not starve the others. */
    cm_waitable_join(w, set);
    return cm_waitable_take(w);
}

static bool set_ready(const cm_thread *thread)
{
    return cm_set_has_event(thread->ready_for);
}

bool cm_waitable_ready(const cm_thread *thread)
{
    return ((const cm_waitable *)thread->ready_for)->has_event;
}

static vm_status set_new(vm_fiber *fiber, void *env, vm_slot *slots)
{
    cm_builtin_env *b = env;
    CM_TRY(cm_may_leave(fiber, b->inst));
    cm_set *set = cm_heap_alloc(&b->store->heap, sizeof *set);
    if (!set)
        return vm_trap(fiber, "out of memory for a waitable set");
    slots[0] = cm_object_add(fiber, b->inst, CM_OBJECT_SET, set);
    return slots[0] ? VM_OK : VM_TRAP;
}

static vm_status set_drop(vm_fiber *fiber, void *env, vm_slot *slots)
{
    cm_builtin_env *b = env;
    uint32_t index = (uint32_t)slots[0];
    CM_TRY(cm_may_leave(fiber, b->inst));
    cm_set *set = cm_set_at(b->inst, index);
    if (!set)
        return unknown(fiber, index, "waitable set");
    if (set->first)
        return vm_trap(fiber, "cannot drop waitable set with waitables in it");
    if (set->num_waiting)
        return vm_trap(fiber, "cannot drop waitable set with waiters");
    cm_handles_remove(b->inst->handles, index);
    cm_heap_free(&b->store->heap, set);
    return VM_OK;
}

/* unpack_event: the payload goes to memory, the code is the result. */
static vm_status unpack_event(vm_fiber *fiber, const cm_builtin_env *b,
                              const cm_event *event, vm_slot *slots)
{
    vm_memory *memory = b->spec.options.memory;
    uint64_t ptr = b->spec.options.mem64 ? slots[1] : (uint32_t)slots[1];
    uint64_t size = vm_memory_size(memory);
    uint32_t words[2] = {event->index, event->payload};
    if (ptr & 3)
        return vm_trap(fiber, "unaligned pointer for an event");
    if (ptr > size || size - ptr < sizeof words)
        return vm_trap(fiber, "pointer for an event is out of bounds of "
                              "memory");
    memcpy(vm_memory_data(memory) + ptr, words, sizeof words);
    slots[0] = event->code;
    return VM_OK;
}

/* canon_waitable_set_wait */
static vm_status set_wait(vm_fiber *fiber, void *env, vm_slot *slots)
{
    cm_builtin_env *b = env;
    cm_sched *sched = cm_store_sched(b->store);
    cm_set *set = vm_fiber_pending(fiber);
    if (set) {
        vm_fiber_set_pending(fiber, NULL);
    } else {
        CM_TRY(cm_may_leave(fiber, b->inst));
        set = cm_set_at(b->inst, (uint32_t)slots[0]);
        if (!set)
            return unknown(fiber, (uint32_t)slots[0], "waitable set");
        set->num_waiting++;
        CM_TRY(cm_thread_wait(sched, fiber,
                              &(cm_wait){.ready = set_ready,
                                         .ready_for = set,
                                         .cancellable = b->spec.cancellable,
                                         .again = set}));
    }
    cm_event event = {CM_EVENT_TASK_CANCELLED, 0, 0};
    if (!cm_thread_of(sched, fiber)->cancelled)
        event = cm_set_take(set);
    set->num_waiting--;
    return unpack_event(fiber, b, &event, slots);
}

/* canon_waitable_set_poll */
static vm_status set_poll(vm_fiber *fiber, void *env, vm_slot *slots)
{
    cm_builtin_env *b = env;
    CM_TRY(cm_may_leave(fiber, b->inst));
    cm_set *set = cm_set_at(b->inst, (uint32_t)slots[0]);
    if (!set)
        return unknown(fiber, (uint32_t)slots[0], "waitable set");
    cm_thread *thread = cm_thread_of(cm_store_sched(b->store), fiber);
    cm_event event = {CM_EVENT_NONE, 0, 0};
    if (thread && cm_task_deliver_cancel(thread->task, b->spec.cancellable))
        event.code = CM_EVENT_TASK_CANCELLED;
    else if (cm_set_has_event(set))
        event = cm_set_take(set);
    return unpack_event(fiber, b, &event, slots);
}

/* canon_waitable_join */
static vm_status waitable_join(vm_fiber *fiber, void *env, vm_slot *slots)
{
    cm_builtin_env *b = env;
    uint32_t index = (uint32_t)slots[0], into = (uint32_t)slots[1];
    CM_TRY(cm_may_leave(fiber, b->inst));
    cm_handle *handle = cm_handles_get(b->inst->handles, index);
    if (!handle || !is_waitable(handle->kind))
        return unknown(fiber, index, "waitable");
    cm_waitable *w = handle->object;
    if (w->has_sync_waiter)
        return vm_trap(fiber, "waitable %u is being waited for synchronously",
                       index);
    cm_set *set = into ? cm_set_at(b->inst, into) : NULL;
    if (into && !set)
        return unknown(fiber, into, "waitable set");
    cm_waitable_join(w, set);
    return VM_OK;
}

/* ---- subtasks ------------------------------------------------------------
 */

bool cm_subtask_resolved(const cm_subtask *subtask)
{
    return subtask->state >= CM_SUBTASK_RETURNED;
}

void cm_subtask_deliver(cm_subtask *subtask)
{
    cm_call_end_lends(subtask->call);
    subtask->delivered = true;
}

static void subtask_take(cm_waitable *w, cm_event *event)
{
    cm_subtask *subtask = (cm_subtask *)w;
    if (cm_subtask_resolved(subtask) && !subtask->delivered)
        cm_subtask_deliver(subtask);
    event->code = CM_EVENT_SUBTASK;
    event->payload = subtask->state;
}

static cm_subtask *subtask_of(cm_caller *caller)
{
    return (cm_subtask *)((char *)caller - offsetof(cm_subtask, caller));
}

/* on_start */
static vm_status subtask_start(cm_caller *caller, cm_task *task)
{
    cm_subtask *subtask = subtask_of(caller);
    subtask->waitable.has_event |= subtask->notify;
    subtask->state = CM_SUBTASK_STARTED;
    return cm_lowered_lift_args(subtask->lowered, subtask->call, caller->mode,
                                subtask->slots);
}

/* on_resolve */
static vm_status subtask_resolve(cm_caller *caller, const cm_value *result,
                                 bool cancelled)
{
    cm_subtask *subtask = subtask_of(caller);
    subtask->waitable.has_event |= subtask->notify;
    if (cancelled) {
        subtask->state = subtask->state == CM_SUBTASK_STARTING
                             ? CM_SUBTASK_CANCELLED_BEFORE_STARTED
                             : CM_SUBTASK_CANCELLED_BEFORE_RETURNED;
        return VM_OK;
    }
    if (result)
        CM_TRY(cm_lowered_put_result(subtask->lowered, subtask->call,
                                     caller->mode, result, subtask->slots,
                                     subtask->slots));
    subtask->state = CM_SUBTASK_RETURNED;
    return VM_OK;
}

static cm_subtask *new_subtask(const cm_lowered *l, vm_fiber *fiber,
                               const vm_slot *slots)
{
    cm_call *call = cm_call_begin(l->store, fiber);
    cm_subtask *subtask =
        call ? cm_arena_alloc(&call->arena, 1, sizeof *subtask) : NULL;
    if (!subtask)
        return NULL;
    subtask->waitable.take = subtask_take;
    subtask->caller = (cm_caller){subtask_start, subtask_resolve, CM_MODE_RAW};
    subtask->call = call;
    subtask->lowered = l;
    memcpy(subtask->slots, slots, l->flat.nparams * sizeof *slots);
    return subtask;
}

/* Calls the host function; while it is pending the subtask is in the store's
 * list, and STARTED. */
static vm_status try_host(cm_subtask *subtask)
{
    const cm_lowered *l = subtask->lowered;
    cm_value result = {0};
    CM_TRY(l->callee->fn(subtask->call, l->callee->host, subtask->call->args,
                         &result));
    return subtask_resolve(&subtask->caller, l->type->result ? &result : NULL,
                           false);
}

static vm_status run_host(cm_subtask *subtask)
{
    cm_sched *sched = cm_store_sched(subtask->call->store);
    /* Copies: the guest may run, and write, while the call is pending. */
    subtask->caller.mode = CM_MODE_COPY;
    CM_TRY(subtask_start(&subtask->caller, NULL));
    subtask->caller.mode = CM_MODE_VIEW;
    cm_call_all_arrived(subtask->call);
    vm_status status = try_host(subtask);
    if (status != VM_PENDING)
        return status;
    subtask->host_next = sched->waiting_hosts;
    sched->waiting_hosts = subtask;
    return VM_OK;
}

static void forget_host(cm_sched *sched, const cm_subtask *subtask)
{
    cm_subtask **link = &sched->waiting_hosts;
    while (*link && *link != subtask)
        link = &(*link)->host_next;
    if (*link)
        *link = subtask->host_next;
}

vm_status cm_subtasks_retry(cm_sched *sched, cm_call *call, bool *progress,
                            bool *waiting)
{
    cm_subtask **link = &sched->waiting_hosts;
    while (*link) {
        cm_subtask *subtask = *link;
        vm_status status = try_host(subtask);
        if (status == VM_PENDING) {
            *waiting = true;
            link = &subtask->host_next;
            continue;
        }
        *link = subtask->host_next;
        if (status != VM_OK) {
            vm_error_set(&call->error, VM_PHASE_RUN, SIZE_MAX, "%s",
                         subtask->call->error.text);
            return status;
        }
        *progress = true;
    }
    return VM_OK;
}

static vm_status start_callee(cm_subtask *subtask)
{
    const cm_lowered *l = subtask->lowered;
    if (l->callee->fn)
        return run_host(subtask);
    CM_TRY(cm_check_kinship(subtask->call, l->callee->instance, l->inst));
    return cm_task_start(cm_store_sched(l->store), subtask->call, l->callee,
                         l->inst, &subtask->caller, &subtask->task);
}

static void free_subtask(cm_subtask *subtask)
{
    if (subtask->task)
        cm_task_release(subtask->task);
    else
        cm_call_end(subtask->call);
}

/* canon_lower, up to where it waits. */
static vm_status begin_subtask(vm_fiber *fiber, const cm_lowered *l,
                               const vm_slot *slots, cm_subtask **out)
{
    CM_TRY(cm_may_leave(fiber, l->inst));
    cm_subtask *subtask = new_subtask(l, fiber, slots);
    if (!subtask)
        return vm_trap(fiber, "out of memory for a call");
    vm_status status = start_callee(subtask);
    if (status == VM_EXIT)
        return vm_exit(fiber, vm_store_exit_code(l->store->store));
    if (status != VM_OK) /* the call is left to the store's end */
        return vm_trap(fiber, "%s (in %.*s)", subtask->call->error.text,
                       (int)l->callee->name.len, l->callee->name.data);
    *out = subtask;
    return VM_OK;
}

static bool subtask_ready(const cm_thread *thread)
{
    return cm_subtask_resolved(thread->ready_for);
}

vm_status cm_subtask_call_sync(vm_fiber *fiber, void *env, vm_slot *slots)
{
    const cm_lowered *l = env;
    cm_subtask *subtask = vm_fiber_pending(fiber);
    if (subtask) {
        vm_fiber_set_pending(fiber, NULL);
    } else {
        CM_TRY(begin_subtask(fiber, l, slots, &subtask));
        if (!cm_subtask_resolved(subtask))
            CM_TRY(cm_thread_wait(cm_store_sched(l->store), fiber,
                                  &(cm_wait){.ready = subtask_ready,
                                             .ready_for = subtask,
                                             .again = subtask}));
    }
    cm_subtask_deliver(subtask);
    slots[0] = subtask->slots[0];
    free_subtask(subtask);
    return VM_OK;
}

vm_status cm_subtask_call_async(vm_fiber *fiber, void *env, vm_slot *slots)
{
    const cm_lowered *l = env;
    cm_subtask *subtask;
    CM_TRY(begin_subtask(fiber, l, slots, &subtask));
    if (cm_subtask_resolved(subtask)) {
        cm_subtask_deliver(subtask);
        free_subtask(subtask);
        slots[0] = CM_SUBTASK_RETURNED;
        return VM_OK;
    }
    uint32_t index = cm_object_add(fiber, l->inst, CM_OBJECT_SUBTASK, subtask);
    if (!index)
        return VM_TRAP;
    subtask->waitable.index = index;
    subtask->notify = true;
    slots[0] = subtask->state | index << 4;
    return VM_OK;
}

static vm_status check_not_in_set(vm_fiber *fiber, const cm_waitable *w)
{
    return w->set ? vm_trap(fiber, "waitable cannot be used synchronously "
                                   "while added to a waitable set")
                  : VM_OK;
}

static vm_status start_cancel(vm_fiber *fiber, cm_builtin_env *b,
                              cm_subtask *subtask)
{
    cm_sched *sched = cm_store_sched(b->store);
    if (subtask->delivered)
        return vm_trap(fiber, "cannot cancel a subtask which has resolved");
    if (subtask->cancellation_requested)
        return vm_trap(fiber, "the subtask is being cancelled already");
    if (!b->spec.is_async)
        CM_TRY(check_not_in_set(fiber, &subtask->waitable));
    if (cm_subtask_resolved(subtask))
        return VM_OK;
    subtask->cancellation_requested = true;
    if (!subtask->task) { /* the host is not asked: it just is not called */
        forget_host(sched, subtask);
        return subtask_resolve(&subtask->caller, NULL, true) == VM_OK
                   ? VM_OK
                   : vm_trap(fiber, "%s", subtask->call->error.text);
    }
    if (cm_task_request_cancel(sched, subtask->task, subtask->call, b->inst))
        return vm_trap(fiber, "%s (in a cancelled subtask)",
                       subtask->call->error.text);
    return VM_OK;
}

/* canon_subtask_cancel */
static vm_status subtask_cancel(vm_fiber *fiber, void *env, vm_slot *slots)
{
    cm_builtin_env *b = env;
    cm_subtask *subtask = vm_fiber_pending(fiber);
    if (subtask) {
        vm_fiber_set_pending(fiber, NULL);
    } else {
        CM_TRY(cm_may_leave(fiber, b->inst));
        subtask = cm_object_at(b->inst, (uint32_t)slots[0], CM_OBJECT_SUBTASK);
        if (!subtask)
            return unknown(fiber, (uint32_t)slots[0], "subtask");
        CM_TRY(start_cancel(fiber, b, subtask));
        if (!cm_subtask_resolved(subtask)) {
            if (b->spec.is_async) {
                slots[0] = (uint32_t)BLOCKED;
                return VM_OK;
            }
            subtask->waitable.has_sync_waiter = true;
            CM_TRY(cm_thread_wait(cm_store_sched(b->store), fiber,
                                  &(cm_wait){.ready = subtask_ready,
                                             .ready_for = subtask,
                                             .again = subtask}));
        }
    }
    subtask->waitable.has_sync_waiter = false;
    slots[0] = cm_waitable_take(&subtask->waitable).payload;
    return VM_OK;
}

/* canon_subtask_drop */
static vm_status subtask_drop(vm_fiber *fiber, void *env, vm_slot *slots)
{
    cm_builtin_env *b = env;
    uint32_t index = (uint32_t)slots[0];
    CM_TRY(cm_may_leave(fiber, b->inst));
    cm_subtask *subtask = cm_object_at(b->inst, index, CM_OBJECT_SUBTASK);
    if (!subtask)
        return unknown(fiber, index, "subtask");
    if (!subtask->delivered)
        return vm_trap(fiber,
                       "cannot drop a subtask which has not yet resolved");
    cm_waitable_join(&subtask->waitable, NULL);
    cm_handles_remove(b->inst->handles, index);
    free_subtask(subtask);
    return VM_OK;
}

const vm_host_fn cm_waitable_builtins[CM_BUILTIN_COUNT] = {
    [CM_WAITABLE_SET_NEW] = set_new,    [CM_WAITABLE_SET_WAIT] = set_wait,
    [CM_WAITABLE_SET_POLL] = set_poll,  [CM_WAITABLE_SET_DROP] = set_drop,
    [CM_WAITABLE_JOIN] = waitable_join, [CM_SUBTASK_CANCEL] = subtask_cancel,
    [CM_SUBTASK_DROP] = subtask_drop,
};
