/*
 * cm_resource.c - handles: the table of a component instance, lifting and
 * lowering own and borrow, and the resource built-ins.
 *
 * A table is dense, entry 0 unused, freed entries linked last-in first-out:
 * the order in which indices come back is part of the specification.
 */
#include "vm/cm_task.h"

#include "vm/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* definitions.py has 2^28-1; at 32 bytes an entry this is 8 MiB per guest. */
enum { MAX_HANDLES = 1 << 18, FIRST_CAPACITY = 16 };

struct cm_handles {
    cm_handle *entries;
    uint32_t count;    /* entries in use or freed, with entry 0 */
    uint32_t capacity; /* 0 until the first handle */
    uint32_t free;     /* head of the list of freed entries; 0: none */
    uint32_t live;
    vm_store *store; /* whose limit the table counts against */
    cm_async async;
};

/* ---- tables --------------------------------------------------------------
 */

cm_handles *cm_handles_create(cm_instance *inst)
{
    cm_handles *handles = calloc(1, sizeof *handles);
    if (!handles)
        return NULL;
    handles->count = 1;
    handles->store = inst->store;
    return handles;
}

void cm_handles_destroy(cm_handles *handles)
{
    if (!handles)
        return;
    for (uint32_t i = 1; handles->live && i < handles->count; i++) {
        cm_handle *handle = &handles->entries[i];
        if (handle->kind == CM_HANDLE_RESOURCE && handle->own &&
            handle->resource->host && handle->resource->host->drop)
            handle->resource->host->drop(handle->resource->host_data,
                                         (void *)(uintptr_t)handle->rep);
    }
    vm_store_refund(handles->store, handles->capacity * sizeof(cm_handle));
    cm_async_finish(&handles->async);
    free(handles->entries);
    free(handles);
}

cm_async *cm_handles_async(cm_handles *handles)
{
    return &handles->async;
}

cm_handle *cm_handles_get(cm_handles *handles, uint32_t index)
{
    if (index >= handles->count || !index)
        return NULL;
    cm_handle *handle = &handles->entries[index];
    return handle->kind == CM_HANDLE_FREE ? NULL : handle;
}

uint32_t cm_handles_count(const cm_handles *handles)
{
    return handles->live;
}

static bool grow(cm_handles *handles)
{
    uint32_t capacity =
        handles->capacity ? handles->capacity * 2 : FIRST_CAPACITY;
    size_t more = (capacity - handles->capacity) * sizeof(cm_handle);
    if (capacity > MAX_HANDLES || !vm_store_charge(handles->store, more))
        return false;
    cm_handle *entries = realloc(handles->entries, capacity * sizeof *entries);
    if (!entries) {
        vm_store_refund(handles->store, more);
        return false;
    }
    if (!handles->capacity)
        entries[0] = (cm_handle){0};
    handles->entries = entries;
    handles->capacity = capacity;
    return true;
}

bool cm_handles_add(cm_handles *handles, const cm_handle *entry,
                    uint32_t *index)
{
    uint32_t i = handles->free;
    if (i) {
        handles->free = handles->entries[i].lends;
    } else {
        if (handles->count >= handles->capacity && !grow(handles))
            return false;
        i = handles->count++;
    }
    handles->entries[i] = *entry;
    handles->live++;
    *index = i;
    return true;
}

void cm_handles_remove(cm_handles *handles, uint32_t index)
{
    handles->entries[index] =
        (cm_handle){.kind = CM_HANDLE_FREE, .lends = handles->free};
    handles->free = index;
    handles->live--;
}

/* ---- checks that all uses of a handle share ------------------------------
 */

static const char *resource_name(const cm_resource *resource)
{
    return resource->host ? resource->host->name : "guest-defined resource";
}

/* The resource handle at `index`; on failure NULL and what is wrong. */
static cm_handle *find(cm_instance *inst, uint32_t index,
                       const cm_resource *resource, char *why, size_t size)
{
    cm_handle *handle = cm_handles_get(inst->handles, index);
    if (!handle)
        snprintf(why, size, "unknown handle index %u", index);
    else if (handle->kind != CM_HANDLE_RESOURCE)
        snprintf(why, size,
                 "handle index %u used with the wrong type, expected %s but "
                 "found no resource",
                 index, resource_name(resource));
    else if (handle->resource != resource)
        snprintf(why, size,
                 "handle index %u used with the wrong type, expected %s but "
                 "found a different %s",
                 index, resource_name(resource),
                 resource_name(handle->resource));
    else
        return handle;
    return NULL;
}

/* The same, for uses that take the handle out of the table. */
static cm_handle *find_to_remove(cm_instance *inst, uint32_t index,
                                 const cm_resource *resource, char *why,
                                 size_t size)
{
    cm_handle *handle = find(inst, index, resource, why, size);
    if (!handle || !handle->lends)
        return handle;
    snprintf(why, size,
             "cannot remove owned resource while borrowed (handle index %u)",
             index);
    return NULL;
}

/* ---- lifting and lowering ------------------------------------------------
 */

/* lift_own */
static vm_status lift_own(cm_ctx *cx, cm_resource *resource, uint32_t index,
                          cm_value *out)
{
    char why[160];
    cm_handle *handle =
        find_to_remove(cx->inst, index, resource, why, sizeof why);
    if (!handle)
        return cm_trap(cx->call, "%s", why);
    if (!handle->own)
        return cm_trap(cx->call,
                       "handle index %u is a borrow, where an owned resource "
                       "is to be passed on",
                       index);
    if (cx->taken) {
        cm_taken *taken = cm_arena_alloc(&cx->call->arena, 1, sizeof *taken);
        if (!taken)
            return cm_trap(cx->call, "out of memory for passing a resource on");
        *taken = (cm_taken){*cx->taken, index, *handle};
        *cx->taken = taken;
    }
    out->u = handle->rep;
    cm_handles_remove(cx->inst->handles, index);
    return cm_call_move(cx->call, resource, out->u);
}

/* The last one first: a table gives out again what was freed last. */
void cm_put_back(cm_ctx *cx)
{
    for (cm_taken *t = *cx->taken; t; t = t->next) {
        uint32_t index;
        bool added = cm_handles_add(cx->inst->handles, &t->entry, &index);
        assert(added && index == t->index);
        (void)added;
    }
    *cx->taken = NULL;
    cm_call_all_arrived(cx->call); /* nothing is on its way any more */
}

/* lift_borrow, Subtask.add_lender */
static vm_status lift_borrow(cm_ctx *cx, cm_resource *resource, uint32_t index,
                             cm_value *out)
{
    char why[160];
    cm_handle *handle = find(cx->inst, index, resource, why, sizeof why);
    if (!handle)
        return cm_trap(cx->call, "%s", why);
    cm_lend *lend = cm_arena_alloc(&cx->call->arena, 1, sizeof *lend);
    if (!lend)
        return cm_trap(cx->call, "out of memory for lending a handle");
    *lend = (cm_lend){cx->call->lends, index};
    cx->call->lends = lend;
    cx->call->lender = cx->inst->handles;
    handle->lends++;
    out->u = handle->rep;
    return VM_OK;
}

vm_status cm_lift_handle(cm_ctx *cx, const cm_type *type, uint32_t index,
                         cm_value *out)
{
    cm_resource *resource = cm_ctx_resource(cx, type);
    return type->kind == CM_OWN ? lift_own(cx, resource, index, out)
                                : lift_borrow(cx, resource, index, out);
}

static vm_status table_full(cm_call *call)
{
    return cm_trap(call, "the handle table is full: %u handles", MAX_HANDLES);
}

/* lower_own, lower_borrow */
vm_status cm_lower_handle(cm_ctx *cx, const cm_type *type,
                          const cm_value *value, uint32_t *index)
{
    cm_handle entry = {.kind = CM_HANDLE_RESOURCE,
                       .own = type->kind == CM_OWN,
                       .resource = cm_ctx_resource(cx, type),
                       .rep = value->u};
    if (!entry.own && entry.resource->impl == cx->inst) {
        *index = (uint32_t)entry.rep; /* the implementer sees its own rep */
        return VM_OK;
    }
    if (!entry.own)
        entry.scope = cx->call;
    if (!cm_handles_add(cx->inst->handles, &entry, index))
        return table_full(cx->call);
    if (!entry.own)
        cx->call->borrows++;
    else if (entry.resource->host)
        cm_call_arrived(cx->call);
    return VM_OK;
}

/* ---- built-ins ------------------------------------------------------------
 */

vm_status cm_may_leave(vm_fiber *fiber, const cm_instance *inst)
{
    return inst->may_leave ? VM_OK
                           : vm_trap(fiber, "cannot leave component instance "
                                            "during realloc or post-return");
}

/* canon_resource_new */
vm_status cm_resource_new(vm_fiber *fiber, void *env, vm_slot *slots)
{
    cm_builtin_env *b = env;
    cm_resource *resource = b->spec.resource;
    cm_handle entry = {.kind = CM_HANDLE_RESOURCE,
                       .own = true,
                       .resource = resource,
                       .rep = resource->rep64 ? slots[0] : (uint32_t)slots[0]};
    uint32_t index;
    CM_TRY(cm_may_leave(fiber, b->inst));
    if (!cm_handles_add(b->inst->handles, &entry, &index))
        return vm_trap(fiber, "the handle table is full: %u handles",
                       MAX_HANDLES);
    slots[0] = index;
    return VM_OK;
}

/* canon_resource_rep */
vm_status cm_resource_rep(vm_fiber *fiber, void *env, vm_slot *slots)
{
    cm_builtin_env *b = env;
    char why[160];
    cm_handle *handle =
        find(b->inst, (uint32_t)slots[0], b->spec.resource, why, sizeof why);
    if (!handle)
        return vm_trap(fiber, "%s", why);
    slots[0] = handle->rep;
    return VM_OK;
}

/* The destructor is a call into the instance that defined the resource. */
static vm_status call_destructor(cm_call *call, cm_instance *inst,
                                 cm_resource *resource, uint64_t rep)
{
    vm_slot slots[1] = {rep};
    CM_TRY(cm_enter(call, resource->impl, inst));
    if (resource->dtor)
        CM_TRY(cm_core_call_apart(call, resource->dtor, slots));
    cm_leave(resource->impl, inst);
    return VM_OK;
}

/* In stores with asynchronous parts it is a task, as of a function that was
 * lifted synchronously: its threads may switch, it may not block. */
typedef struct destructor {
    cm_caller caller;
    cm_value rep;
    cm_field param;
    cm_type params;
    cm_functype type;
    cm_func func;
} destructor;

static vm_status start_destructor(cm_caller *caller, cm_task *task)
{
    task->call->args = &((destructor *)caller)->rep;
    return VM_OK;
}

static vm_status end_destructor(cm_caller *caller, const cm_value *result,
                                bool cancelled)
{
    return VM_OK;
}

static vm_status run_destructor(cm_sched *sched, cm_call *call,
                                cm_instance *inst, cm_resource *resource,
                                uint64_t rep)
{
    destructor *d = cm_arena_alloc(&call->arena, 1, sizeof *d);
    cm_task *task;
    if (!d)
        return cm_trap(call, "out of memory for a destructor's call");
    d->caller = (cm_caller){start_destructor, end_destructor, CM_MODE_VIEW};
    d->rep.u = rep;
    d->param.type = cm_type_prim(resource->rep64 ? CM_U64 : CM_U32);
    d->params = (cm_type){.kind = CM_RECORD,
                          .align = {1, 1},
                          .nflat = 1,
                          .flat = {{resource->rep64 ? VM_I64 : VM_I32},
                                   {resource->rep64 ? VM_I64 : VM_I32}},
                          .count = 1,
                          .fields = &d->param};
    d->type.params = &d->params;
    d->func = (cm_func){.type = &d->type,
                        .view = &resource->impl->view,
                        .name = {"destructor", 10},
                        .instance = resource->impl,
                        .core = resource->dtor};
    CM_TRY(cm_task_start(sched, call, &d->func, inst, &d->caller, &task));
    cm_task_release(task); /* and with it the call */
    return VM_OK;
}

static vm_status destroy(vm_fiber *fiber, cm_builtin_env *b, uint64_t rep)
{
    cm_resource *resource = b->spec.resource;
    cm_sched *sched = cm_store_sched(b->store);
    bool as_task = sched->used && resource->dtor;
    if (resource->host) {
        if (resource->host->drop)
            resource->host->drop(resource->host_data, (void *)(uintptr_t)rep);
        return VM_OK;
    }
    cm_call *call = cm_call_begin(b->store, fiber);
    if (!call)
        return vm_trap(fiber, "out of memory for a destructor's call");
    vm_status status = as_task
                           ? run_destructor(sched, call, b->inst, resource, rep)
                           : call_destructor(call, b->inst, resource, rep);
    if (status == VM_EXIT && as_task)
        return vm_exit(fiber, vm_store_exit_code(b->store->store));
    if (status != VM_OK && as_task) /* which may still point at the call */
        return vm_trap(fiber, "%s (in destructor)", call->error.text);
    if (status != VM_OK)
        return cm_call_fail(call, status, (vm_name){"destructor", 10});
    if (!as_task)
        cm_call_end(call);
    return VM_OK;
}

/* canon_resource_drop */
vm_status cm_resource_drop(vm_fiber *fiber, void *env, vm_slot *slots)
{
    cm_builtin_env *b = env;
    uint32_t index = (uint32_t)slots[0];
    char why[160];
    CM_TRY(cm_may_leave(fiber, b->inst));
    cm_handle *handle =
        find_to_remove(b->inst, index, b->spec.resource, why, sizeof why);
    if (!handle)
        return vm_trap(fiber, "%s", why);
    cm_handle dropped = *handle;
    cm_handles_remove(b->inst->handles, index);
    if (dropped.own)
        return destroy(fiber, b, dropped.rep);
    dropped.scope->borrows--;
    return VM_OK;
}
