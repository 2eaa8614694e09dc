/*
 * cm_func.c - calling lifted functions: entering and leaving instances,
 * canon_lift, and cm_func_call, by which the embedder gets in.
 */
#include "vm/cm_task.h"

#include <string.h>

/* ---- entering and leaving ------------------------------------------------
 *
 * The entering set of a call is the callee's instance and its ancestors,
 * without the caller's instance and its ancestors: all of those are running
 * already, or are passed through on the way down.
 */

bool cm_is_ancestor(const cm_instance *inst, const cm_instance *of)
{
    while (of && of != inst)
        of = of->parent;
    return of != NULL;
}

/* The next member of the entering set from `inst` on, or NULL. */
static cm_instance *entering(cm_instance *inst, const cm_instance *caller)
{
    /* Ancestor chains that meet go on together: the first hit ends it. */
    return inst && !cm_is_ancestor(inst, caller) ? inst : NULL;
}

/* may_enter_from */
bool cm_may_enter(cm_instance *inst, const cm_instance *caller)
{
    cm_instance *i;
    for (i = entering(inst, caller); i; i = entering(i->parent, caller))
        if (!i->may_enter)
            return false;
    return true;
}

/* enter_from */
vm_status cm_enter(cm_call *call, cm_instance *inst, cm_instance *caller)
{
    cm_instance *i;
    if (!cm_may_enter(inst, caller))
        return cm_trap(call, "cannot enter component instance: it is "
                             "running, or a trap ended it");
    for (i = entering(inst, caller); i; i = entering(i->parent, caller))
        i->may_enter = false;
    return VM_OK;
}

/* leave_to */
void cm_leave(cm_instance *inst, cm_instance *caller)
{
    cm_instance *i;
    for (i = entering(inst, caller); i; i = entering(i->parent, caller))
        i->may_enter = true;
}

/* call_and_trap_on_throw */
vm_status cm_core_call(cm_call *call, vm_func *func, vm_slot *slots)
{
    vm_status status =
        vm_call_slots(call->store->store, func, slots, &call->error);
    if (status != VM_THROWN)
        return status;
    call->error.text[0] = '\0'; /* "uncaught exception" */
    return cm_trap(call, "an exception left the component uncaught");
}

vm_status cm_core_call_apart(cm_call *call, vm_func *func, vm_slot *slots)
{
    cm_sched *sched = cm_store_sched(call->store);
    cm_context context;
    cm_context_enter(sched, &context);
    vm_status status = cm_core_call(call, func, slots);
    cm_context_leave(sched, &context);
    return status;
}

/* ---- canon lift -------------------------------------------------------- */

static const cm_flat *lift_plan(cm_call *call, cm_func *func)
{
    if (func->plan)
        return func->plan;
    cm_flat *flat = cm_arena_alloc(&call->store->arena, 1, sizeof *flat);
    if (flat)
        cm_flatten(func->type, CM_LIFT, func->options.is_async,
                   func->options.callback != NULL, func->options.mem64, flat);
    func->plan = flat;
    return flat;
}

static vm_status post_return(cm_call *call, cm_func *func, vm_slot result)
{
    vm_slot slots[1] = {result};
    if (!func->options.post_return)
        return VM_OK;
    func->instance->may_leave = false;
    CM_TRY(cm_core_call(call, func->options.post_return, slots));
    func->instance->may_leave = true;
    return VM_OK;
}

static vm_status lifted_call(cm_call *call, cm_func *func, cm_mode mode,
                             const cm_value *args, cm_sink *sink)
{
    const cm_flat *flat = lift_plan(call, func);
    vm_slot slots[CM_MAX_FLAT_PARAMS + 1];
    cm_value result;
    cm_ctx cx;
    if (!flat)
        return cm_trap(call, "out of memory for calling %.*s",
                       (int)func->name.len, func->name.data);
    cm_ctx_init(&cx, call, func->instance, &func->options, func->view, mode);
    CM_TRY(cm_lower_params(&cx, func->type->params, flat->spilled_params, args,
                           slots));
    CM_TRY(cm_core_call(call, func->core, slots));
    vm_slot returned = slots[0];
    if (func->type->result) {
        cm_ctx_init(&cx, call, func->instance, &func->options, func->view,
                    mode);
        CM_TRY(cm_lift_result(&cx, func->type->result, flat->spilled_result,
                              &returned, &result));
    }
    if (call->borrows) /* Task.return_ */
        return cm_trap(call,
                       "borrow handles still remain at the end of the call");
    CM_TRY(sink->put(sink, func->type->result ? &result : NULL));
    return post_return(call, func, returned);
}

vm_status cm_lifted_call(cm_call *call, cm_func *func, cm_mode mode,
                         const cm_value *args, cm_sink *sink)
{
    cm_sched *sched = cm_store_sched(call->store);
    cm_context context;
    cm_context_enter(sched, &context);
    vm_status status = lifted_call(call, func, mode, args, sink);
    cm_context_leave(sched, &context);
    return status;
}

/* ---- the embedder's way in --------------------------------------------- */

typedef struct embedder_sink {
    cm_sink sink;
    cm_value *value;
} embedder_sink;

static vm_status put_value(cm_sink *sink, const cm_value *result)
{
    if (result)
        *((embedder_sink *)sink)->value = *result;
    return VM_OK;
}

/* All on one fiber. */
static vm_status call_nested(cm_call *call, cm_func *func, const cm_value *args,
                             cm_value *result)
{
    embedder_sink sink = {{put_value}, result};
    CM_TRY(cm_enter(call, func->instance, NULL));
    CM_TRY(cm_lifted_call(call, func, CM_MODE_COPY, args, &sink.sink));
    cm_leave(func->instance, NULL);
    return VM_OK;
}

/*
 * As a task, with the event loop.  The embedder may be told of a failure, such
 * as a deadlock or the end of its fuel, while the task can still go on in later
 * calls: then it is `gone`, and with it what it passed.
 */
typedef struct embedder {
    cm_caller caller; /* first */
    cm_value value;
    const cm_value *args;
    bool gone;
} embedder;

static vm_status embedder_start(cm_caller *caller, cm_task *task)
{
    embedder *e = (embedder *)caller;
    if (e->gone)
        return cm_trap(task->call, "the call was given up before it started");
    task->call->args = (cm_value *)e->args;
    return VM_OK;
}

static vm_status embedder_resolve(cm_caller *caller, const cm_value *result,
                                  bool cancelled)
{
    if (result)
        ((embedder *)caller)->value = *result;
    return VM_OK;
}

static vm_status call_task(cm_sched *sched, cm_call *call, cm_func *func,
                           const cm_value *args, cm_result *result)
{
    embedder *e = cm_arena_alloc(&call->arena, 1, sizeof *e);
    cm_task *task = NULL;
    if (!e)
        return cm_trap(call, "out of memory for a call");
    e->caller = (cm_caller){embedder_start, embedder_resolve, CM_MODE_COPY};
    e->args = args;
    vm_status status =
        cm_task_start(sched, call, func, NULL, &e->caller, &task);
    if (status == VM_OK)
        status = cm_task_run(sched, task);
    e->gone = status != VM_OK;
    result->value = e->value;
    result->task = task;
    return status;
}

static vm_status call_guest(cm_sched *sched, cm_call *call, cm_func *func,
                            const cm_value *args, cm_result *result)
{
    cm_ctx cx;
    cm_ctx_init(&cx, call, func->instance, &func->options, func->view,
                CM_MODE_COPY);
    CM_TRY(cm_move_params(&cx, func->type->params, args));
    if (sched->used || func->options.is_async)
        CM_TRY(call_task(sched, call, func, args, result));
    else
        CM_TRY(call_nested(call, func, args, &result->value));
    cm_call_all_arrived(call);
    return VM_OK;
}

vm_status cm_func_call(cm_func *func, const cm_value *args, cm_result *result,
                       vm_error *err)
{
    *result = (cm_result){0};
    cm_store *store =
        func->instance ? cm_store_get(func->instance->store) : NULL;
    if (!store) {
        vm_error_set(err, VM_PHASE_RUN, SIZE_MAX,
                     "%.*s is a host function and cannot be called from here",
                     (int)func->name.len, func->name.data);
        return VM_INVALID;
    }
    cm_call *call = cm_call_begin(store, NULL);
    if (!call)
        return VM_NO_MEMORY;
    vm_status status =
        call_guest(cm_store_sched(store), call, func, args, result);
    if (status == VM_OK) {
        result->arena = call;
        return VM_OK;
    }
    if (err)
        vm_error_set(err, call->error.phase, call->error.offset, "%s",
                     call->error.text);
    cm_call_drop_moving(call); /* a task may still point at the call */
    *result = (cm_result){0};
    return status;
}

vm_status cm_result_run(cm_result *result, bool (*enough)(void *data),
                        void *data, vm_error *err)
{
    cm_call *call = result->arena;
    vm_status status = VM_OK;
    if (result->task)
        status = cm_task_run_on(cm_store_sched(call->store), result->task,
                                enough, data);
    if (status != VM_OK && err)
        vm_error_set(err, call->error.phase, call->error.offset, "%s",
                     call->error.text);
    return status;
}

cm_call *cm_result_call(const cm_result *result)
{
    return result->arena;
}

void cm_result_free(cm_result *result)
{
    if (result->task)
        cm_task_release(result->task);
    else if (result->arena)
        cm_call_end(result->arena);
    *result = (cm_result){0};
}
