/*
 * cm_builtin.c - the canonical built-ins as core functions: one table from
 * what the binary names to the function that does it, and those built-ins that
 * concern tasks and threads themselves.
 */
#include "vm/cm_task.h"

#include "vm/cm_strings.h"

#include <string.h>

/* The running thread, which most of these need. */
static vm_status current(vm_fiber *fiber, const cm_builtin_env *b,
                         cm_thread **out)
{
    CM_TRY(cm_may_leave(fiber, b->inst));
    *out = cm_thread_of(cm_store_sched(b->store), fiber);
    return *out ? VM_OK
                : vm_trap(fiber, "built-in called outside of a task (in a "
                                 "start function or a destructor)");
}

/* ---- context: two words of the running thread ---------------------------- */

static vm_status context_get(vm_fiber *fiber, void *env, vm_slot *slots)
{
    const cm_builtin_env *b = env;
    const uint64_t *context = cm_store_sched(b->store)->context;
    slots[0] = context ? context[b->spec.index] : 0;
    return VM_OK;
}

static vm_status context_set(vm_fiber *fiber, void *env, vm_slot *slots)
{
    const cm_builtin_env *b = env;
    uint64_t *context = cm_store_sched(b->store)->context;
    bool wide = b->spec.type.types[0] == 0x7e; /* i64 */
    if (context)
        context[b->spec.index] = wide ? slots[0] : (uint32_t)slots[0];
    return VM_OK;
}

/* ---- tasks --------------------------------------------------------------- */

/* canon_task_return */
static vm_status return_result(cm_builtin_env *b, cm_task *task,
                               const vm_slot *slots)
{
    const cm_options *options = &b->spec.options;
    const cm_type *type = b->spec.value;
    cm_value value;
    cm_ctx cx;
    if (task->state == CM_TASK_RESOLVED) /* and the caller may be gone */
        return cm_task_return(task, NULL);
    if (!task->func->options.is_async)
        return cm_trap(task->call, "task.return in a function that is not "
                                   "lifted async");
    if (!cm_types_equal(type, &b->inst->view, task->func->type->result,
                        task->func->view))
        return cm_trap(task->call, "invalid task.return signature for the "
                                   "current task");
    /* Toolchains name no memory where the result needs none. */
    if (options->encoding != task->func->options.encoding ||
        (options->memory && options->memory != task->func->options.memory))
        return cm_trap(task->call, "invalid task.return options for the "
                                   "current task");
    if (!type)
        return cm_task_return(task, NULL);
    cm_ctx_init(&cx, task->call, task->inst, options, task->func->view,
                task->caller->mode);
    CM_TRY(cm_lift_result(&cx, task->func->type->result,
                          type->nflat > CM_MAX_FLAT_PARAMS, slots, &value));
    return cm_task_return(task, &value);
}

static vm_status report(vm_fiber *fiber, const cm_task *task, vm_status status)
{
    return status == VM_OK ? status
                           : vm_trap(fiber, "%s", task->call->error.text);
}

static vm_status task_return(vm_fiber *fiber, void *env, vm_slot *slots)
{
    cm_builtin_env *b = env;
    cm_thread *thread;
    CM_TRY(current(fiber, b, &thread));
    return report(fiber, thread->task, return_result(b, thread->task, slots));
}

/* canon_task_cancel */
static vm_status task_cancel(vm_fiber *fiber, void *env, vm_slot *slots)
{
    cm_builtin_env *b = env;
    cm_thread *thread;
    CM_TRY(current(fiber, b, &thread));
    if (!thread->task->func->options.is_async)
        return vm_trap(fiber, "task.cancel in a function that is not lifted "
                              "async");
    return report(fiber, thread->task, cm_task_cancel(thread->task));
}

static vm_status backpressure_inc(vm_fiber *fiber, void *env, vm_slot *slots)
{
    cm_builtin_env *b = env;
    cm_async *async = cm_handles_async(b->inst->handles);
    if (++async->backpressure == 1 << 16)
        return vm_trap(fiber, "backpressure counter overflow");
    return VM_OK;
}

static vm_status backpressure_dec(vm_fiber *fiber, void *env, vm_slot *slots)
{
    cm_builtin_env *b = env;
    cm_async *async = cm_handles_async(b->inst->handles);
    if (!async->backpressure)
        return vm_trap(fiber, "backpressure counter underflow");
    async->backpressure--;
    return VM_OK;
}

/* ---- threads ------------------------------------------------------------- */

static vm_status thread_index(vm_fiber *fiber, void *env, vm_slot *slots)
{
    cm_thread *thread;
    CM_TRY(current(fiber, env, &thread));
    slots[0] = thread->index;
    return VM_OK;
}

/* canon_thread_new_indirect: slots are table index, argument. */
static vm_status thread_new(vm_fiber *fiber, void *env, vm_slot *slots)
{
    cm_builtin_env *b = env;
    cm_thread *thread, *made;
    vm_ref ref;
    CM_TRY(current(fiber, b, &thread));
    if (!vm_table_get(b->spec.table, (uint32_t)slots[0], &ref) || !ref)
        return vm_trap(fiber,
                       "undefined element: no function at index %u of "
                       "the thread's table",
                       (uint32_t)slots[0]);
    vm_func *func = vm_ref_to_func(ref);
    const vm_functype *type = vm_func_type(func);
    if (type->nparams != 1 || type->nresults ||
        type->types[0] != b->spec.type.types[1])
        return vm_trap(fiber, "indirect call type mismatch: the thread's "
                              "function is not of the type that was declared");
    vm_status status = cm_thread_create(cm_store_sched(b->store), thread->task,
                                        func, slots[1], &made);
    if (status != VM_OK)
        return report(fiber, thread->task, status);
    slots[0] = made->index;
    return VM_OK;
}

static bool is_suspended(const cm_thread *thread)
{
    return !thread->running && !thread->waiting;
}

/* The thread that slots[0] names; it has to be suspended where `must` says. */
static vm_status other_thread(vm_fiber *fiber, const cm_builtin_env *b,
                              const vm_slot *slots, bool must, cm_thread **out)
{
    *out = cm_thread_at(b->inst, (uint32_t)slots[0]);
    if (!*out)
        return vm_trap(fiber, "unknown thread index %u", (uint32_t)slots[0]);
    if (must && !is_suspended(*out))
        return vm_trap(fiber, "cannot resume thread which is not suspended");
    return VM_OK;
}

static vm_status thread_resume_later(vm_fiber *fiber, void *env, vm_slot *slots)
{
    cm_builtin_env *b = env;
    cm_thread *other;
    CM_TRY(cm_may_leave(fiber, b->inst));
    CM_TRY(other_thread(fiber, b, slots, true, &other));
    cm_thread_queue(cm_store_sched(b->store), other, cm_always_ready, NULL);
    return VM_OK;
}

typedef enum successor { NOBODY, RESUME, PROMOTE } successor;

/* What thread.suspend, yield and their kin share: slots[0] may name another
 * thread, and becomes whether this one was cancelled. */
static vm_status switch_thread(vm_fiber *fiber, cm_builtin_env *b,
                               vm_slot *slots, bool yields, successor next)
{
    cm_sched *sched = cm_store_sched(b->store);
    cm_thread *thread = cm_thread_of(sched, fiber), *other = NULL;
    if (thread && vm_fiber_pending(fiber)) {
        vm_fiber_set_pending(fiber, NULL);
        slots[0] = thread->cancelled;
        return VM_OK;
    }
    CM_TRY(cm_may_leave(fiber, b->inst));
    if (next != NOBODY)
        CM_TRY(other_thread(fiber, b, slots, next == RESUME, &other));
    if (next == PROMOTE && !(other->waiting && other->ready(other)))
        other = NULL;
    vm_status status =
        cm_thread_wait(sched, fiber,
                       &(cm_wait){.ready = yields ? cm_always_ready : NULL,
                                  .cancellable = b->spec.cancellable,
                                  .yields = true,
                                  .again = thread});
    if (status == VM_PENDING && other) {
        cm_thread_unqueue(sched, other);
        thread->switch_to = other;
    }
    if (status == VM_OK)
        slots[0] = thread->cancelled;
    return status;
}

static vm_status thread_suspend(vm_fiber *fiber, void *env, vm_slot *slots)
{
    return switch_thread(fiber, env, slots, false, NOBODY);
}

static vm_status thread_yield(vm_fiber *fiber, void *env, vm_slot *slots)
{
    return switch_thread(fiber, env, slots, true, NOBODY);
}

static vm_status suspend_then_resume(vm_fiber *fiber, void *env, vm_slot *slots)
{
    return switch_thread(fiber, env, slots, false, RESUME);
}

static vm_status yield_then_resume(vm_fiber *fiber, void *env, vm_slot *slots)
{
    return switch_thread(fiber, env, slots, true, RESUME);
}

static vm_status suspend_then_promote(vm_fiber *fiber, void *env,
                                      vm_slot *slots)
{
    return switch_thread(fiber, env, slots, false, PROMOTE);
}

static vm_status yield_then_promote(vm_fiber *fiber, void *env, vm_slot *slots)
{
    return switch_thread(fiber, env, slots, true, PROMOTE);
}

/* ---- error contexts -------------------------------------------------------
 *
 * The message is what the guest gave, as UTF-8; handles share it.
 */

typedef struct error_context {
    unsigned refs;
    cm_value message;
    char text[];
} error_context;

static void release_context(cm_store *store, void *object)
{
    error_context *e = object;
    if (--e->refs == 0)
        cm_heap_free(&store->heap, e);
}

/* Runs `body` in a call of its own, for its arena and its errors. */
static vm_status with_call(vm_fiber *fiber, cm_builtin_env *b, vm_slot *slots,
                           vm_status (*body)(cm_ctx *cx, cm_builtin_env *b,
                                             vm_slot *slots))
{
    cm_ctx cx;
    CM_TRY(cm_may_leave(fiber, b->inst));
    cm_call *call = cm_call_begin(b->store, fiber);
    if (!call)
        return vm_trap(fiber, "out of memory for an error context");
    cm_ctx_init(&cx, call, b->inst, &b->spec.options, &b->inst->view,
                CM_MODE_VIEW);
    vm_status status = body(&cx, b, slots);
    if (status != VM_OK)
        return cm_call_fail(call, status, (vm_name){"error-context", 13});
    cm_call_end(call);
    return VM_OK;
}

static vm_status add_error_context(cm_ctx *cx, cm_builtin_env *b,
                                   vm_slot *slots)
{
    cm_value message;
    uint32_t index;
    CM_TRY(cm_lift_result(cx, cm_type_prim(CM_STRING), false, slots, &message));
    size_t size = message.str.len;
    error_context *e = cm_heap_alloc(&b->store->heap, sizeof *e + size);
    if (!e)
        return cm_trap(cx->call, "out of memory for an error context");
    if (size)
        memcpy(e->text, message.str.data, size);
    e->message.str.data = e->text;
    e->message.str.len = size;
    CM_TRY(cm_lower_error_context(cx, &(cm_value){.rep = e}, &index));
    slots[0] = index;
    return VM_OK;
}

static vm_status error_context_new(vm_fiber *fiber, void *env, vm_slot *slots)
{
    return with_call(fiber, env, slots, add_error_context);
}

static vm_status put_message(cm_ctx *cx, cm_builtin_env *b, vm_slot *slots)
{
    cm_value value;
    vm_slot unused[2];
    CM_TRY(cm_lift_error_context(cx, (uint32_t)slots[0], &value));
    const error_context *e = value.rep;
    return cm_lower_result(cx, cm_type_prim(CM_STRING), true, &e->message,
                           slots[1], unused);
}

static vm_status error_context_message(vm_fiber *fiber, void *env,
                                       vm_slot *slots)
{
    return with_call(fiber, env, slots, put_message);
}

static vm_status error_context_drop(vm_fiber *fiber, void *env, vm_slot *slots)
{
    cm_builtin_env *b = env;
    uint32_t index = (uint32_t)slots[0];
    CM_TRY(cm_may_leave(fiber, b->inst));
    error_context *e = cm_object_at(b->inst, index, CM_OBJECT_ERROR_CONTEXT);
    if (!e)
        return vm_trap(fiber, "unknown handle index %u: no error context",
                       index);
    cm_handles_remove(b->inst->handles, index);
    release_context(b->store, e);
    return VM_OK;
}

vm_status cm_lift_error_context(cm_ctx *cx, uint32_t index, cm_value *out)
{
    error_context *e = cm_object_at(cx->inst, index, CM_OBJECT_ERROR_CONTEXT);
    if (!e)
        return cm_trap(cx->call, "unknown handle index %u: no error context",
                       index);
    out->rep = e;
    e->refs++; /* the call's: its own handle may go meanwhile */
    return cm_call_pass(cx->call, e, release_context, false);
}

vm_status cm_lower_error_context(cm_ctx *cx, const cm_value *value,
                                 uint32_t *index)
{
    error_context *e = value->rep;
    cm_handle entry = {.kind = CM_OBJECT_ERROR_CONTEXT, .object = e};
    if (!cm_handles_add(cx->inst->handles, &entry, index))
        return cm_trap(cx->call, "the handle table is full");
    e->refs += !cm_call_claim(cx->call, e);
    return VM_OK;
}

/* ---- the table -----------------------------------------------------------
 */

static const vm_host_fn task_builtins[CM_BUILTIN_COUNT] = {
    [CM_RESOURCE_NEW] = cm_resource_new,
    [CM_RESOURCE_DROP] = cm_resource_drop,
    [CM_RESOURCE_REP] = cm_resource_rep,
    [CM_CONTEXT_GET] = context_get,
    [CM_CONTEXT_SET] = context_set,
    [CM_TASK_RETURN] = task_return,
    [CM_TASK_CANCEL] = task_cancel,
    [CM_BACKPRESSURE_INC] = backpressure_inc,
    [CM_BACKPRESSURE_DEC] = backpressure_dec,
    [CM_THREAD_INDEX] = thread_index,
    [CM_THREAD_NEW_INDIRECT] = thread_new,
    [CM_THREAD_RESUME_LATER] = thread_resume_later,
    [CM_THREAD_SUSPEND] = thread_suspend,
    [CM_THREAD_YIELD] = thread_yield,
    [CM_THREAD_SUSPEND_THEN_RESUME] = suspend_then_resume,
    [CM_THREAD_YIELD_THEN_RESUME] = yield_then_resume,
    [CM_THREAD_SUSPEND_THEN_PROMOTE] = suspend_then_promote,
    [CM_THREAD_YIELD_THEN_PROMOTE] = yield_then_promote,
    [CM_ERROR_CONTEXT_NEW] = error_context_new,
    [CM_ERROR_CONTEXT_DEBUG_MESSAGE] = error_context_message,
    [CM_ERROR_CONTEXT_DROP] = error_context_drop,
};

static vm_status unsupported(vm_fiber *fiber, void *env, vm_slot *slots)
{
    const cm_builtin_env *b = env;
    return vm_trap(fiber, "the canonical built-in 0x%02x is not supported",
                   b->spec.kind);
}

static vm_host_fn find(cm_builtin kind)
{
    if (task_builtins[kind])
        return task_builtins[kind];
    if (cm_waitable_builtins[kind])
        return cm_waitable_builtins[kind];
    return cm_stream_builtins[kind] ? cm_stream_builtins[kind] : unsupported;
}

/* Components with none of the other built-ins have nothing asynchronous. */
static bool is_plain(cm_builtin kind)
{
    return kind == CM_RESOURCE_NEW || kind == CM_RESOURCE_DROP ||
           kind == CM_RESOURCE_REP || kind == CM_CONTEXT_GET ||
           kind == CM_CONTEXT_SET;
}

vm_func *cm_builtin_create(cm_instance *inst, const cm_builtin_spec *spec)
{
    cm_store *store = cm_store_get(inst->store);
    cm_sched *sched = store ? cm_store_sched(store) : NULL;
    cm_builtin_env *env =
        sched ? cm_arena_alloc(&store->arena, 1, sizeof *env) : NULL;
    if (!env)
        return NULL;
    *env = (cm_builtin_env){inst, store, *spec};
    sched->used |= !is_plain(spec->kind);
    vm_func *func =
        vm_func_create_host(inst->store, &spec->type, find(spec->kind), env);
    const char *name = cm_builtin_name(spec->kind);
    if (func)
        vm_func_set_name(func, (vm_name){"canon", 5},
                         (vm_name){name, strlen(name)});
    return func;
}
