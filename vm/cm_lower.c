/*
 * cm_lower.c - canon lower: what a core module's import of a component function
 * is at run time.  Calls nest on the C stack here; stores with asynchronous
 * parts go through cm_waitable.c instead.
 */
#include "vm/cm_task.h"

#include "vm/code.h"

#include <string.h>

/* The results' place when they are spilled: the last parameter. */
static uint64_t out_param(const cm_lowered *l, const vm_slot *slots)
{
    return l->flat.spilled_result ? slots[l->flat.nparams - 1] : 0;
}

vm_status cm_lowered_lift_args(const cm_lowered *l, cm_call *call, cm_mode mode,
                               const vm_slot *slots)
{
    const cm_type *params = l->type->params;
    cm_ctx cx;
    call->args =
        cm_arena_alloc(&call->arena, params->count, sizeof *call->args);
    if (!call->args)
        return cm_trap(call, "out of memory for arguments");
    cm_ctx_init(&cx, call, l->inst, &l->options, &l->inst->view, mode);
    return cm_lift_params(&cx, params, l->flat.spilled_params, slots,
                          call->args);
}

vm_status cm_lowered_put_result(const cm_lowered *l, cm_call *call,
                                cm_mode mode, const cm_value *result,
                                const vm_slot *args, vm_slot *slots)
{
    cm_ctx cx;
    cm_ctx_init(&cx, call, l->inst, &l->options, &l->inst->view, mode);
    if (mode == CM_MODE_VIEW) /* from the host: nothing is noted yet */
        CM_TRY(cm_move_values(&cx, l->type->result, result));
    return cm_lower_result(&cx, l->type->result, l->flat.spilled_result, result,
                           out_param(l, args), slots);
}

/* ---- to a host function --------------------------------------------------
 */

static vm_status run_host(const cm_lowered *l, cm_call *call, vm_slot *slots)
{
    cm_value result = {0};
    vm_status status =
        l->callee->fn(call, l->callee->host, call->args, &result);
    if (status != VM_OK || !l->type->result)
        return status;
    return cm_lowered_put_result(l, call, CM_MODE_VIEW, &result, slots, slots);
}

static vm_status start_host(const cm_lowered *l, cm_call *call,
                            const vm_slot *slots)
{
    CM_TRY(cm_lowered_lift_args(l, call, CM_MODE_VIEW, slots));
    cm_call_all_arrived(call);
    return VM_OK;
}

static vm_status no_call(vm_fiber *fiber)
{
    return vm_trap(fiber, "out of memory for a call between components");
}

/* In stores with asynchronous parts a function that may wait is a subtask. */
static bool may_wait(const cm_lowered *l)
{
    return l->type->is_async && cm_store_sched(l->store)->used;
}

/* A pending call comes back here with its arguments still lifted. */
static vm_status call_host(vm_fiber *fiber, void *env, vm_slot *slots)
{
    const cm_lowered *l = env;
    vm_status status = VM_OK;
    if (may_wait(l))
        return cm_subtask_call_sync(fiber, env, slots);
    cm_call *call = vm_fiber_pending(fiber);
    if (call) {
        vm_fiber_set_pending(fiber, NULL);
    } else {
        CM_TRY(cm_may_leave(fiber, l->inst));
        call = cm_call_begin(l->store, fiber);
        if (!call)
            return no_call(fiber);
        status = start_host(l, call, slots);
    }
    if (status == VM_OK)
        status = run_host(l, call, slots);
    if (status == VM_PENDING) {
        vm_fiber_set_pending(fiber, call);
        return status;
    }
    if (status != VM_OK)
        return cm_call_fail(call, status, l->callee->name);
    cm_call_end(call);
    return VM_OK;
}

/* ---- to another component ------------------------------------------------
 */

typedef struct caller_sink {
    cm_sink sink;
    const cm_lowered *lowered;
    cm_call *call;
    vm_slot *slots;
} caller_sink;

/* on_resolve: the result goes into the caller before post-return frees it. */
static vm_status put_result(cm_sink *base, const cm_value *result)
{
    caller_sink *sink = (caller_sink *)base;
    return result
               ? cm_lowered_put_result(sink->lowered, sink->call, CM_MODE_RAW,
                                       result, sink->slots, sink->slots)
               : VM_OK;
}

/*
 * CanonicalABI.md lets parent and child call each other ("donut wrapping"); the
 * component suite (trap-on-reenter.wast) has them trap for now, and so do we.
 */
vm_status cm_check_kinship(cm_call *call, const cm_instance *a,
                           const cm_instance *b)
{
    return cm_is_ancestor(a, b) || cm_is_ancestor(b, a)
               ? cm_trap(call, "cannot enter component instance: a parent and "
                               "its child cannot call each other yet")
               : VM_OK;
}

static vm_status run_guest(const cm_lowered *l, cm_call *call, vm_slot *slots)
{
    caller_sink sink = {{put_result}, l, call, slots};
    CM_TRY(cm_check_kinship(call, l->callee->instance, l->inst));
    CM_TRY(cm_enter(call, l->callee->instance, l->inst));
    CM_TRY(cm_lowered_lift_args(l, call, CM_MODE_RAW, slots));
    CM_TRY(
        cm_lifted_call(call, l->callee, CM_MODE_RAW, call->args, &sink.sink));
    cm_leave(l->callee->instance, l->inst);
    return VM_OK;
}

static vm_status call_guest(vm_fiber *fiber, void *env, vm_slot *slots)
{
    const cm_lowered *l = env;
    if (cm_store_sched(l->store)->used)
        return cm_subtask_call_sync(fiber, env, slots);
    CM_TRY(cm_may_leave(fiber, l->inst));
    cm_call *call = cm_call_begin(l->store, fiber);
    if (!call)
        return no_call(fiber);
    vm_status status = run_guest(l, call, slots);
    if (status != VM_OK)
        return cm_call_fail(call, status, l->callee->name);
    cm_call_end(call);
    return VM_OK;
}

/* ... the short way, where that can be. */
static vm_status call_directly(vm_fiber *fiber, void *env, vm_slot *slots)
{
    const cm_lowered *l = env;
    vm_status status;
    return cm_direct_call(l->direct, fiber, slots, &status)
               ? status
               : call_guest(fiber, env, slots);
}

vm_func *cm_lower_create(cm_instance *inst, cm_func *callee,
                         const cm_functype *type, const cm_options *options)
{
    cm_store *store = cm_store_get(inst->store);
    cm_sched *sched = store ? cm_store_sched(store) : NULL;
    cm_lowered *l = sched ? cm_arena_alloc(&store->arena, 1, sizeof *l) : NULL;
    if (!l)
        return NULL;
    *l = (cm_lowered){.inst = inst,
                      .store = store,
                      .callee = callee,
                      .type = type,
                      .options = *options};
    cm_flatten(type, CM_LOWER, options->is_async, false, options->mem64,
               &l->flat);
    sched->used |= options->is_async;
    vm_functype core = cm_flat_functype(&l->flat);
    vm_host_fn fn = options->is_async ? cm_subtask_call_async
                    : callee->fn      ? call_host
                                      : call_guest;
    if (fn == call_guest && (l->direct = cm_direct_create(l)))
        fn = call_directly;
    vm_func *func = vm_func_create_host(inst->store, &core, fn, l);
    if (!func)
        return NULL;
    vm_func_set_name(func, callee->interface, callee->name);
    vm_func_set_after(func, cm_direct_return);
    return func;
}
