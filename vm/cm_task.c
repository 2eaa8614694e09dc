/*
 * cm_task.c - tasks and threads (cm_task.h): canon_lift for components with
 * asynchronous parts, and the event loop that resumes what waits.
 *
 * A thread is a small state machine (cm_phase); each step either goes on, ends
 * the thread, or blocks it, which is VM_PENDING.  The queue of waiting threads
 * is first in, first out, where definitions.py chooses at random.
 */
#include "vm/cm_task.h"

#include "vm/store.h"

#include <stdlib.h>
#include <string.h>

/* ---- the queue of waiting threads ----------------------------------------
 */

bool cm_always_ready(const cm_thread *thread)
{
    return true;
}

/* start_waiting_internal */
void cm_thread_queue(cm_sched *sched, cm_thread *thread, cm_ready ready,
                     void *ready_for)
{
    thread->ready = ready;
    thread->ready_for = ready_for;
    thread->waiting = true;
    thread->queue_next = NULL;
    thread->queue_prev = sched->last;
    *(sched->last ? &sched->last->queue_next : &sched->first) = thread;
    sched->last = thread;
}

/* stop_waiting_internal */
void cm_thread_unqueue(cm_sched *sched, cm_thread *thread)
{
    if (!thread->waiting)
        return;
    *(thread->queue_prev ? &thread->queue_prev->queue_next : &sched->first) =
        thread->queue_next;
    *(thread->queue_next ? &thread->queue_next->queue_prev : &sched->last) =
        thread->queue_prev;
    thread->waiting = false;
}

cm_thread *cm_thread_of(const cm_sched *sched, const vm_fiber *fiber)
{
    cm_thread *thread = sched->current;
    return thread && thread->fiber == fiber ? thread : NULL;
}

/* deliver_pending_cancel */
bool cm_task_deliver_cancel(cm_task *task, bool cancellable)
{
    if (!cancellable || task->state != CM_TASK_PENDING_CANCEL)
        return false;
    task->state = CM_TASK_CANCEL_DELIVERED;
    return true;
}

vm_status cm_thread_wait(cm_sched *sched, vm_fiber *fiber, const cm_wait *wait)
{
    cm_thread *thread = cm_thread_of(sched, fiber);
    if (!thread)
        return vm_trap(fiber,
                       "cannot block a synchronous task before returning");
    thread->cancelled = cm_task_deliver_cancel(thread->task, wait->cancellable);
    if (thread->cancelled)
        return VM_OK;
    thread->ready_for = wait->ready_for;
    if (wait->ready && !wait->yields && wait->ready(thread))
        return VM_OK;
    if (wait->ready)
        cm_thread_queue(sched, thread, wait->ready, wait->ready_for);
    thread->cancellable = wait->cancellable;
    vm_fiber_set_pending(fiber, wait->again);
    return VM_PENDING;
}

/* ---- threads: making, the instance's table, ending ------------------------
 */

/* Table.add */
static bool add_index(cm_async *async, cm_thread *thread)
{
    if (async->nfree) {
        thread->index = async->free[--async->nfree];
    } else {
        if (async->nthreads + 1 >= async->capacity) {
            uint32_t capacity = async->capacity ? 2 * async->capacity : 8;
            cm_thread **threads =
                realloc(async->threads, capacity * sizeof *threads);
            if (threads)
                async->threads = threads;
            uint32_t *free_list =
                realloc(async->free, capacity * sizeof *free_list);
            if (free_list)
                async->free = free_list;
            if (!threads || !free_list)
                return false;
            async->capacity = capacity;
        }
        thread->index = ++async->nthreads;
    }
    async->threads[thread->index] = thread;
    return true;
}

void cm_async_finish(cm_async *async)
{
    free(async->threads);
    free(async->free);
}

cm_thread *cm_thread_at(cm_instance *inst, uint32_t index)
{
    cm_async *async = cm_handles_async(inst->handles);
    return index && index <= async->nthreads ? async->threads[index] : NULL;
}

/* register_thread */
static vm_status register_thread(cm_thread *thread)
{
    cm_task *task = thread->task;
    if (!add_index(cm_handles_async(task->inst->handles), thread))
        return cm_trap(task->call, "out of memory for a thread");
    thread->next = task->threads;
    task->threads = thread;
    thread->registered = true;
    return VM_OK;
}

/* unregister_thread */
static vm_status unregister_thread(cm_thread *thread)
{
    cm_task *task = thread->task;
    cm_async *async = cm_handles_async(task->inst->handles);
    cm_thread **link = &task->threads;
    while (*link != thread)
        link = &(*link)->next;
    *link = thread->next;
    thread->registered = false;
    if (!task->threads && task->state != CM_TASK_RESOLVED)
        return cm_trap(task->call, "%.*s ended without calling task.return",
                       (int)task->func->name.len, task->func->name.data);
    async->threads[thread->index] = NULL;
    async->free[async->nfree++] = thread->index;
    return VM_OK;
}

/* Threads are reused, but stay until the store ends.  THREAD_BYTES is what one
 * takes at least: the first pages of its stack, tables. */
enum { MAX_THREADS = 1 << 15, THREAD_BYTES = 8192 };

static cm_thread *take_thread(cm_sched *sched)
{
    cm_thread *thread = sched->idle;
    if (thread) {
        vm_fiber *fiber = thread->fiber;
        sched->idle = thread->next;
        *thread = (cm_thread){.fiber = fiber};
        return thread;
    }
    if (sched->nthreads >= MAX_THREADS ||
        !vm_store_charge(sched->store->store, THREAD_BYTES))
        return NULL;
    thread = cm_arena_alloc(&sched->store->arena, 1, sizeof *thread);
    if (!thread || vm_fiber_create(sched->store->store, &thread->fiber)) {
        vm_store_refund(sched->store->store, THREAD_BYTES);
        return NULL;
    }
    sched->nthreads++;
    return thread;
}

static void end_thread(cm_sched *sched, cm_thread *thread)
{
    cm_task *task = thread->task;
    if (task->implicit == thread)
        task->implicit = NULL;
    thread->next = sched->idle;
    sched->idle = thread;
    if (!task->threads)
        cm_task_release(task);
}

vm_status cm_thread_create(cm_sched *sched, cm_task *task, vm_func *entry,
                           uint64_t argument, cm_thread **out)
{
    cm_thread *thread = take_thread(sched);
    if (!thread)
        return cm_trap(task->call,
                       "out of memory for a thread, or more than %u of them",
                       MAX_THREADS);
    thread->task = task;
    thread->entry = entry;
    if (entry) {
        thread->phase = CM_PHASE_CORE;
        CM_TRY(vm_fiber_start(thread->fiber, entry, &argument,
                              &task->call->error));
        CM_TRY(register_thread(thread));
    }
    *out = thread;
    return VM_OK;
}

/* ---- a thread's steps ----------------------------------------------------
 */

static bool needs_exclusive(const cm_task *task)
{
    return task->func->type->is_async &&
           (!task->func->options.is_async || task->func->options.callback);
}

static bool has_backpressure(const cm_task *task)
{
    const cm_async *async = cm_handles_async(task->inst->handles);
    return async->backpressure ||
           (needs_exclusive(task) && async->exclusive_thread);
}

static bool may_enter(const cm_thread *thread)
{
    return !has_backpressure(thread->task);
}

static vm_status start_core(cm_thread *thread)
{
    cm_task *task = thread->task;
    cm_func *func = task->func;
    vm_slot slots[CM_MAX_FLAT_PARAMS + 1];
    cm_ctx cx;
    task->state = CM_TASK_STARTED;
    CM_TRY(task->caller->start(task->caller, task));
    cm_ctx_init(&cx, task->call, task->inst, &func->options, func->view,
                task->caller->mode);
    CM_TRY(cm_lower_params(&cx, func->type->params, task->flat.spilled_params,
                           task->call->args, slots));
    thread->phase = CM_PHASE_CORE;
    return vm_fiber_start(thread->fiber, func->core, slots, &task->call->error);
}

/* The rest of enter_implicit_thread. */
static vm_status admit(cm_thread *thread)
{
    cm_async *async = cm_handles_async(thread->task->inst->handles);
    if (needs_exclusive(thread->task))
        async->exclusive_thread = thread;
    CM_TRY(register_thread(thread));
    return start_core(thread);
}

static vm_status step_new(cm_sched *sched, cm_thread *thread)
{
    cm_async *async = cm_handles_async(thread->task->inst->handles);
    if (!thread->task->func->type->is_async ||
        (!has_backpressure(thread->task) && !async->num_waiting_to_enter))
        return admit(thread);
    async->num_waiting_to_enter++;
    thread->phase = CM_PHASE_ENTER;
    thread->cancellable = true;
    cm_thread_queue(sched, thread, may_enter, NULL);
    return VM_PENDING;
}

static vm_status step_enter(cm_sched *sched, cm_thread *thread)
{
    cm_handles_async(thread->task->inst->handles)->num_waiting_to_enter--;
    if (!thread->cancelled)
        return admit(thread);
    thread->phase = CM_PHASE_DONE;
    return cm_task_cancel(thread->task);
}

/* exit_implicit_thread */
static vm_status exit_implicit(cm_thread *thread)
{
    if (needs_exclusive(thread->task))
        cm_handles_async(thread->task->inst->handles)->exclusive_thread = NULL;
    thread->phase = CM_PHASE_DONE;
    return unregister_thread(thread);
}

/* On the thread's own fiber: its context is still there. */
static vm_status post_return(cm_thread *thread, vm_slot result)
{
    cm_task *task = thread->task;
    vm_error err = {0};
    if (!task->func->options.post_return)
        return VM_OK;
    task->inst->may_leave = false;
    CM_TRY(vm_fiber_start(thread->fiber, task->func->options.post_return,
                          &result, &task->call->error));
    if (vm_fiber_run(thread->fiber, &err) != VM_OK)
        return cm_trap(task->call, "%s (in post-return)", err.text);
    task->inst->may_leave = true;
    return VM_OK;
}

/* A synchronously lifted function has returned. */
static vm_status sync_returned(cm_thread *thread, vm_slot returned)
{
    cm_task *task = thread->task;
    cm_func *func = task->func;
    cm_value value;
    if (func->type->result) {
        cm_ctx cx;
        cm_ctx_init(&cx, task->call, task->inst, &func->options, func->view,
                    task->caller->mode);
        CM_TRY(cm_lift_result(&cx, func->type->result,
                              task->flat.spilled_result, &returned, &value));
    }
    CM_TRY(cm_task_return(task, func->type->result ? &value : NULL));
    CM_TRY(post_return(thread, returned));
    return exit_implicit(thread);
}

enum { CALLBACK_EXIT, CALLBACK_YIELD, CALLBACK_WAIT };

static bool loop_ready(const cm_thread *thread)
{
    return !cm_handles_async(thread->task->inst->handles)->exclusive_thread &&
           (!thread->set || cm_set_has_event(thread->set));
}

/* What the core function or the callback answered: what to wait for. */
static vm_status callback_returned(cm_sched *sched, cm_thread *thread,
                                   uint32_t packed)
{
    cm_task *task = thread->task;
    uint32_t code = packed & 0xf;
    if (code == CALLBACK_EXIT)
        return exit_implicit(thread);
    if (code > CALLBACK_WAIT)
        return cm_trap(task->call, "unsupported callback code %u", code);
    thread->set =
        code == CALLBACK_WAIT ? cm_set_at(task->inst, packed >> 4) : NULL;
    if (code == CALLBACK_WAIT && !thread->set)
        return cm_trap(task->call,
                       "unknown handle index %u: the callback waits on no "
                       "waitable set",
                       packed >> 4);
    cm_handles_async(task->inst->handles)->exclusive_thread = NULL;
    if (thread->set)
        thread->set->num_waiting++;
    thread->phase = CM_PHASE_LOOP;
    thread->cancelled = cm_task_deliver_cancel(task, true);
    if (thread->cancelled || (thread->set && loop_ready(thread)))
        return VM_OK;
    thread->cancellable = true;
    cm_thread_queue(sched, thread, loop_ready, NULL);
    return VM_PENDING;
}

static vm_status step_loop(cm_sched *sched, cm_thread *thread)
{
    cm_task *task = thread->task;
    cm_event event = {CM_EVENT_NONE, 0, 0};
    if (thread->cancelled)
        event.code = CM_EVENT_TASK_CANCELLED;
    else if (thread->set)
        event = cm_set_take(thread->set);
    if (thread->set)
        thread->set->num_waiting--;
    cm_handles_async(task->inst->handles)->exclusive_thread = thread;
    thread->phase = CM_PHASE_CORE;
    vm_slot slots[3] = {event.code, event.index, event.payload};
    return vm_fiber_start(thread->fiber, task->func->options.callback, slots,
                          &task->call->error);
}

static vm_status core_returned(cm_sched *sched, cm_thread *thread)
{
    vm_slot result = 0;
    const cm_options *options = &thread->task->func->options;
    if (thread->entry) {
        thread->phase = CM_PHASE_DONE;
        return unregister_thread(thread);
    }
    if (thread->task->flat.nresults)
        result = vm_fiber_results(thread->fiber)[0];
    if (!options->is_async)
        return sync_returned(thread, result);
    if (!options->callback)
        return exit_implicit(thread);
    return callback_returned(sched, thread, (uint32_t)result);
}

static vm_status step_core(cm_sched *sched, cm_thread *thread)
{
    cm_call *call = thread->task->call;
    vm_error err = {0};
    vm_status status = vm_fiber_run(thread->fiber, &err);
    if (status == VM_OK)
        return core_returned(sched, thread);
    if (status == VM_PENDING)
        return status;
    if (status == VM_THROWN)
        return cm_trap(call, "an exception left the component uncaught");
    vm_error_set(&call->error, err.phase, err.offset, "%s", err.text);
    return status;
}

/* Until the thread blocks (VM_PENDING) or is done. */
static vm_status run_thread(cm_sched *sched, cm_thread *thread)
{
    static vm_status (*const steps[])(cm_sched *, cm_thread *) = {
        [CM_PHASE_NEW] = step_new,
        [CM_PHASE_ENTER] = step_enter,
        [CM_PHASE_CORE] = step_core,
        [CM_PHASE_LOOP] = step_loop,
    };
    while (thread->phase != CM_PHASE_DONE)
        CM_TRY(steps[thread->phase](sched, thread));
    return VM_OK;
}

vm_status cm_thread_resume(cm_sched *sched, cm_thread *thread, bool cancelled,
                           cm_call *call)
{
    cm_thread *outer = sched->current;
    uint64_t *outer_context = sched->context;
    while (thread) {
        cm_thread_unqueue(sched, thread);
        sched->current = thread;
        sched->context = thread->context;
        thread->running = true;
        thread->cancelled = cancelled;
        thread->switch_to = NULL;
        cm_call *own = thread->task->call;
        vm_status status = run_thread(sched, thread);
        sched->current = outer;
        sched->context = outer_context;
        if (status != VM_OK && status != VM_PENDING) {
            if (call != own)
                vm_error_set(&call->error, VM_PHASE_RUN, SIZE_MAX, "%s",
                             own->error.text);
            return status;
        }
        cm_thread *next = status == VM_PENDING ? thread->switch_to : NULL;
        thread->running = false;
        if (status == VM_OK)
            end_thread(sched, thread);
        thread = next;
        cancelled = false;
    }
    return VM_OK;
}

/* ---- tasks ---------------------------------------------------------------
 */

void cm_task_release(cm_task *task)
{
    if (--task->refs == 0)
        cm_call_end(task->call);
}

static vm_status check_borrows(cm_task *task)
{
    return task->call->borrows
               ? cm_trap(task->call, "borrow handles still remain at the end "
                                     "of the call")
               : VM_OK;
}

/* Task.return_ */
vm_status cm_task_return(cm_task *task, const cm_value *result)
{
    if (task->state == CM_TASK_RESOLVED)
        return cm_trap(task->call, "task.return or task.cancel was called "
                                   "already for this task");
    CM_TRY(check_borrows(task));
    CM_TRY(task->caller->resolve(task->caller, result, false));
    task->state = CM_TASK_RESOLVED;
    return VM_OK;
}

/* Task.cancel */
vm_status cm_task_cancel(cm_task *task)
{
    if (task->state != CM_TASK_CANCEL_DELIVERED)
        return cm_trap(task->call, "task.cancel without a cancellation that "
                                   "was delivered to the task");
    CM_TRY(check_borrows(task));
    CM_TRY(task->caller->resolve(task->caller, NULL, true));
    task->state = CM_TASK_RESOLVED;
    return VM_OK;
}

/* The thread that a cancellation wakes, or NULL. */
static cm_thread *cancel_candidate(const cm_task *task)
{
    const cm_async *async = cm_handles_async(task->inst->handles);
    bool excluded = needs_exclusive(task) && async->exclusive_thread &&
                    async->exclusive_thread != task->implicit;
    for (cm_thread *t = task->threads; t; t = t->next)
        if (t->cancellable && !t->running && !(excluded && t == task->implicit))
            return t;
    return NULL;
}

vm_status cm_task_request_cancel(cm_sched *sched, cm_task *task, cm_call *call,
                                 cm_instance *from)
{
    if (task->state == CM_TASK_INITIAL) {
        task->state = CM_TASK_CANCEL_DELIVERED;
        return cm_thread_resume(sched, task->implicit, true, call);
    }
    cm_thread *thread = cancel_candidate(task);
    if (!thread || !cm_may_enter(task->inst, from)) {
        task->state = CM_TASK_PENDING_CANCEL;
        return VM_OK;
    }
    task->state = CM_TASK_CANCEL_DELIVERED;
    cm_instance *inst = task->inst;
    CM_TRY(cm_enter(call, inst, from));
    CM_TRY(cm_thread_resume(sched, thread, true, call));
    cm_leave(inst, from);
    return VM_OK;
}

/* Implicit threads of tasks that need the stack for themselves stay out while
 * a synchronous call is on it. */
static bool can_use_stack(const cm_thread *thread)
{
    return thread->entry || !needs_exclusive(thread->task);
}

/* A function whose type is not async must return before its caller goes on:
 * meanwhile only other threads of its instance may run. */
static vm_status finish_sync(cm_sched *sched, cm_call *call, cm_task *task)
{
    while (task->state != CM_TASK_RESOLVED) {
        cm_thread *t = sched->first;
        while (t && !(t->task->inst == task->inst && t->registered &&
                      can_use_stack(t) && t->ready(t)))
            t = t->queue_next;
        if (!t)
            return cm_trap(call,
                           "cannot block a synchronous task before returning "
                           "(deadlock detected: event loop cannot make further "
                           "progress)");
        CM_TRY(cm_thread_resume(sched, t, false, call));
    }
    return VM_OK;
}

/*
 * A task that could not enter because a thread holds the instance, which has
 * what it waited for by now: that one goes first, so that the call starts.
 */
static vm_status hurry_holder(cm_sched *sched, cm_call *call, cm_task *task)
{
    cm_async *async = cm_handles_async(task->inst->handles);
    cm_thread *holder = async->exclusive_thread;
    if (task->state != CM_TASK_INITIAL || !holder || !holder->waiting ||
        !holder->ready(holder))
        return VM_OK;
    CM_TRY(cm_thread_resume(sched, holder, false, call));
    cm_thread *thread = task->implicit;
    if (task->state == CM_TASK_INITIAL && thread->waiting &&
        thread->ready(thread))
        return cm_thread_resume(sched, thread, false, call);
    return VM_OK;
}

static vm_status new_task(cm_sched *sched, cm_call *call, cm_func *func,
                          cm_caller *caller, cm_task **out)
{
    cm_task *task = cm_arena_alloc(&call->arena, 1, sizeof *task);
    if (!task)
        return cm_trap(call, "out of memory for a task");
    *task = (cm_task){.call = call,
                      .func = func,
                      .inst = func->instance,
                      .caller = caller,
                      .refs = 2};
    cm_flatten(func->type, CM_LIFT, func->options.is_async,
               func->options.callback != NULL, func->options.mem64,
               &task->flat);
    CM_TRY(cm_thread_create(sched, task, NULL, 0, &task->implicit));
    *out = task;
    return VM_OK;
}

vm_status cm_task_start(cm_sched *sched, cm_call *call, cm_func *func,
                        cm_instance *from, cm_caller *caller, cm_task **out)
{
    cm_task *task;
    CM_TRY(cm_enter(call, func->instance, from));
    CM_TRY(new_task(sched, call, func, caller, &task));
    *out = task;
    CM_TRY(cm_thread_resume(sched, task->implicit, false, call));
    CM_TRY(func->type->is_async ? hurry_holder(sched, call, task)
                                : finish_sync(sched, call, task));
    cm_leave(func->instance, from);
    return VM_OK;
}

/* Instances that a trap ended stay in the queue, and are passed over. */
static cm_thread *first_ready(const cm_sched *sched)
{
    cm_thread *thread = sched->first;
    while (thread &&
           !(thread->ready(thread) && cm_may_enter(thread->task->inst, NULL)))
        thread = thread->queue_next;
    return thread;
}

/* Store.tick; VM_PENDING when nothing will ever be ready.  Hosts get their turn
 * when no guest has anything to do, and now and then in any case.  A turn costs
 * fuel, since threads that only yield to each other may go on for ever without
 * running much code. */
static vm_status tick(cm_sched *sched, cm_call *call)
{
    enum { HOST_TURN = 64, TURN_FUEL = 4 };
    if (!vm_store_spend(cm_call_store(call), TURN_FUEL)) {
        vm_error_set(&call->error, VM_PHASE_RUN, SIZE_MAX,
                     "interrupted: out of fuel or time");
        return VM_INTERRUPTED;
    }
    if (++sched->ticks % HOST_TURN == 0)
        CM_TRY(cm_host_round(sched, call, false));
    cm_thread *thread = first_ready(sched);
    if (!thread)
        return cm_host_round(sched, call, true);
    cm_instance *inst = thread->task->inst;
    CM_TRY(cm_enter(call, inst, NULL));
    CM_TRY(cm_thread_resume(sched, thread, false, call));
    cm_leave(inst, NULL);
    return VM_OK;
}

vm_status cm_task_run(cm_sched *sched, cm_task *task)
{
    while (task->state != CM_TASK_RESOLVED) {
        vm_status status = tick(sched, task->call);
        if (status == VM_PENDING)
            return cm_trap(task->call, "deadlock detected: event loop cannot "
                                       "make further progress");
        CM_TRY(status);
    }
    return VM_OK;
}

vm_status cm_task_run_on(cm_sched *sched, cm_task *task,
                         bool (*enough)(void *data), void *data)
{
    vm_status status = VM_OK;
    /* the other reference than the caller's is of a task that runs */
    while (status == VM_OK && (enough ? !enough(data) : task->refs > 1))
        status = tick(sched, task->call);
    return status == VM_PENDING ? VM_OK : status;
}
