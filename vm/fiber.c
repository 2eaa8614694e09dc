/*
 * fiber.c - guest call stacks, and calls from the host into the guest.
 *
 * A fiber runs one call at a time.  Nothing of the guest lives on the C stack:
 * when a host function answers VM_PENDING, or fuel runs out, the handlers
 * return with the registers saved in the fiber, and vm_fiber_run resumes.
 */
#include "vm/bursts.h"
#include "vm/heap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

extern const vm_cell vm_host_entry[];

vm_status vm_fiber_create(vm_store *store, vm_fiber **out)
{
    vm_fiber *f = aligned_alloc(16, (sizeof *f + 15) & ~(size_t)15);
    if (!f)
        return VM_NO_MEMORY;
    memset(f, 0, sizeof *f);
    size_t bytes = store->limits.stack_bytes & ~(size_t)15;
    f->stack = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (f->stack == MAP_FAILED) {
        free(f);
        return VM_NO_MEMORY;
    }
    f->stack_end = f->stack + bytes / sizeof(vm_slot);
    f->stack_limit = f->stack_end - VM_STACK_GUARD - VM_REC_SLOTS;
    f->store = store;
    f->next = store->fibers;
    store->fibers = f;
    *out = f;
    return VM_OK;
}

void vm_fiber_destroy(vm_fiber *f)
{
    if (!f)
        return;
    vm_trace_forget(f->store, f);
    vm_fiber **link = &f->store->fibers;
    while (*link != f)
        link = &(*link)->next;
    *link = f->next;
    munmap(f->stack, (size_t)((char *)f->stack_end - (char *)f->stack));
    free(f);
}

/* ---- starting ----------------------------------------------------------- */

/* Sets the registers to call `func`, whose arguments are on the stack. */
static vm_status prepare(vm_fiber *f, vm_func *func, vm_error *err)
{
    const vm_functype *type = vm_func_type(func);
    vm_trace_clear(f->store);
    if (f->state == VM_FIBER_RUNNING) {
        vm_error_set(err, VM_PHASE_RUN, SIZE_MAX, "the fiber is running");
        return VM_TRAP;
    }
    if (vm_func_store(func) != f->store) {
        vm_error_set(err, VM_PHASE_RUN, SIZE_MAX,
                     "the function belongs to another store");
        return VM_TRAP;
    }
    uint32_t need = type->param_slots > type->result_slots ? type->param_slots
                                                           : type->result_slots;
    if (need + VM_STACK_GUARD + VM_REC_SLOTS >
        (size_t)(f->stack_end - f->stack)) {
        vm_error_set(err, VM_PHASE_RUN, SIZE_MAX, "call stack exhausted");
        return VM_TRAP;
    }
    f->func = func;
    f->pending = NULL;
    f->paid = 0;
    f->paying = false;
    f->fence_fp = NULL;
    f->counted = false;
    f->regs = (vm_registers){.fp = f->stack, .instance = func->instance};
    f->regs.pc = vm_host_entry;
    if (func->instance) {
        vm_slot *rec = f->stack + func->code->rec;
        rec[VM_REC_PC] = (uintptr_t)vm_exit_entry;
        rec[VM_REC_FP] = (uintptr_t)f->stack;
        f->regs.pc = func->code->entry;
        f->regs.acc = (uintptr_t)func->code;
    }
    f->state = VM_FIBER_READY;
    f->status = VM_OK;
    return VM_OK;
}

vm_status vm_fiber_start(vm_fiber *f, vm_func *func, const vm_slot *args,
                         vm_error *err)
{
    vm_status status = prepare(f, func, err);
    uint32_t n = vm_func_type(func)->param_slots;
    if (status == VM_OK && n)
        memcpy(f->stack, args, n * sizeof(vm_slot));
    return status;
}

/* ---- running ------------------------------------------------------------ */

/* A result returned in a register goes to where those in slots are. */
static void store_results(const vm_fiber *f, const vm_func *func, vm_slot *out)
{
    switch (vm_result_class_of(&func->type->func)) {
    case VM_RESULT_ACC: *out = f->regs.acc; break;
    case VM_RESULT_F32: memcpy(out, &f->regs.fs, 4); break;
    case VM_RESULT_F64: memcpy(out, &f->regs.fd, 8); break;
    case VM_RESULT_SLOTS: break;
    }
}

vm_status vm_inner_end(vm_fiber *f, vm_slot *slots)
{
    const vm_host_func *host = (const vm_host_func *)(uintptr_t)slots[0];
    store_results(f, &host->func, &slots[VM_INNER]);
    return host->after(f, host->func.env, slots);
}

static void report(vm_fiber *f, vm_error *err)
{
    static const char *const texts[] = {
        [VM_THROWN] = "uncaught exception",
        [VM_INTERRUPTED] = "interrupted: out of fuel or time",
        [VM_EXIT] = "the program has exited",
        [VM_NO_MEMORY] = "out of memory",
    };
    if (f->status == VM_OK || f->status == VM_PENDING)
        return;
    const char *text = texts[f->status];
    if (f->text[0] || !text)
        text = f->text;
    vm_error_set(err, VM_PHASE_RUN, SIZE_MAX, "%s", text);
}

static vm_status finish(vm_fiber *f, vm_error *err)
{
    switch (f->status) {
    case VM_OK: store_results(f, f->func, f->stack); break;
    case VM_TRAP:
    case VM_INTERRUPTED:
    case VM_THROWN: vm_trace_capture(f); break;
    default: break;
    }
    /* On through the host function that called, if it passes it on. */
    if (f->status == VM_THROWN && f->outer)
        f->outer->exception = f->exception;
    bool resumable = f->status == VM_PENDING || f->status == VM_INTERRUPTED;
    f->state = resumable ? VM_FIBER_READY : VM_FIBER_IDLE;
    report(f, err);
    return f->status;
}

vm_status vm_fiber_run(vm_fiber *f, vm_error *err)
{
    vm_store *store = f->store;
    if (f->state != VM_FIBER_READY) {
        vm_error_set(err, VM_PHASE_RUN, SIZE_MAX, "nothing to run");
        return VM_TRAP;
    }
    /* A loop or call that it was stopped at has not been paid for yet. */
    bool can_pay =
        f->status != VM_INTERRUPTED || f->paying || vm_store_spend(store, 1);
    f->paying = false;
    f->text[0] = '\0';
    f->status = can_pay ? VM_OK : VM_INTERRUPTED;
    f->exception = 0;
    if (!can_pay)
        return finish(f, err);
    if (store->nesting >= VM_MAX_NESTING) {
        f->status = vm_trap(f, "call stack exhausted");
        return finish(f, err);
    }
    f->outer = store->current;
    store->current = f;
    store->nesting++;
    f->state = VM_FIBER_RUNNING;
    f->outside = NULL;
    f->may_enter = false;
    f->inner = NULL;
    f->c_stack = (uintptr_t)__builtin_frame_address(0);
    if (store->bursts)
        vm_bursts_resume(f);
    vm_interp_run(f);
    store->nesting--;
    store->current = f->outer;
    return finish(f, err);
}

const vm_slot *vm_fiber_results(const vm_fiber *f)
{
    return f->stack;
}

void vm_fiber_set_pending(vm_fiber *f, void *state)
{
    f->pending = state;
}

void *vm_fiber_pending(const vm_fiber *f)
{
    return f->pending;
}

vm_store *vm_fiber_store(vm_fiber *f)
{
    return f->store;
}

vm_instance *vm_fiber_caller(vm_fiber *f)
{
    return f->caller;
}

/* ---- whole calls --------------------------------------------------------- */

static vm_status take_fiber(vm_store *store, vm_fiber **out)
{
    if (!store->idle) {
        vm_status status = vm_fiber_create(store, out);
        if (status == VM_OK)
            (*out)->pooled = true;
        return status;
    }
    *out = store->idle;
    store->idle = (*out)->next_idle;
    return VM_OK;
}

/* Runs to the end; a suspended call cannot be kept, so it is dropped. */
static vm_status run_whole(vm_fiber *f, vm_error *err)
{
    vm_status status = vm_fiber_run(f, err);
    if (status == VM_PENDING) {
        status = VM_TRAP;
        vm_error_set(err, VM_PHASE_RUN, SIZE_MAX,
                     "a nested call cannot wait for the host");
    }
    return status;
}

static void give_back(vm_fiber *f)
{
    f->state = VM_FIBER_IDLE;
    f->next_idle = f->store->idle;
    f->store->idle = f;
}

vm_status vm_call_slots(vm_store *store, vm_func *func, vm_slot *slots,
                        vm_error *err)
{
    vm_fiber *f;
    vm_status status = take_fiber(store, &f);
    if (status != VM_OK) {
        vm_error_set(err, VM_PHASE_RUN, SIZE_MAX, "out of memory");
        return status;
    }
    status = vm_fiber_start(f, func, slots, err);
    if (status == VM_OK)
        status = run_whole(f, err);
    if (status == VM_OK)
        memcpy(slots, f->stack,
               vm_func_type(func)->result_slots * sizeof(vm_slot));
    give_back(f);
    return status;
}

static void values_to_slots(const vm_type *types, uint32_t n,
                            const vm_value *values, vm_slot *slots)
{
    for (uint32_t i = 0; i < n; slots += vm_type_slots(types[i++]))
        memcpy(slots, &values[i], 8 * vm_type_slots(types[i]));
}

static void slots_to_values(const vm_type *types, uint32_t n,
                            const vm_slot *slots, vm_value *values)
{
    for (uint32_t i = 0; i < n; slots += vm_type_slots(types[i++])) {
        memset(&values[i], 0, sizeof values[i]);
        memcpy(&values[i], slots, 8 * vm_type_slots(types[i]));
        if (types[i] == VM_I32 || types[i] == VM_F32)
            values[i].u64 = values[i].u32;
    }
}

vm_status vm_call(vm_store *store, vm_func *func, const vm_value *args,
                  vm_value *results, vm_error *err)
{
    const vm_functype *type = vm_func_type(func);
    vm_fiber *f;
    vm_status status = take_fiber(store, &f);
    if (status != VM_OK) {
        vm_error_set(err, VM_PHASE_RUN, SIZE_MAX, "out of memory");
        return status;
    }
    status = prepare(f, func, err);
    if (status == VM_OK) {
        values_to_slots(type->types, type->nparams, args, f->stack);
        status = run_whole(f, err);
    }
    if (status == VM_OK)
        slots_to_values(type->types + type->nparams, type->nresults, f->stack,
                        results);
    give_back(f);
    return status;
}

/* ---- how a host function ends a call ---------------------------------------
 */

vm_status vm_trap(vm_fiber *f, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (!f->text[0])
        vsnprintf(f->text, sizeof f->text, fmt, args);
    va_end(args);
    return f->status = VM_TRAP;
}

vm_status vm_throw(vm_fiber *f, vm_tag *tag, const vm_slot *slots)
{
    uint32_t n = tag->type->func.param_slots;
    vm_heap_range values = {.words = slots, .count = n};
    vm_heap_enter(f->store, &values);
    vm_object *o = vm_heap_new(f->store, VM_OBJECT_EXN, n,
                               ((uint64_t)n + 1) * sizeof(vm_slot));
    vm_heap_leave(f->store);
    if (!o)
        return vm_trap(f, "out of memory: the garbage-collected heap is full");
    o->payload[0] = (uintptr_t)tag;
    if (n)
        memcpy(o->payload + 1, slots, n * sizeof(vm_slot));
    f->exception = vm_ref_from_object(o);
    return f->status = VM_THROWN;
}

vm_status vm_exit(vm_fiber *f, int code)
{
    f->store->exit_code = code;
    return f->status = VM_EXIT;
}

/* ---- fuel ------------------------------------------------------------------
 */

#define SLICE 20000

uint64_t vm_fuel_take(vm_fiber *f)
{
    vm_store *s = f->store;
    if (atomic_load_explicit(&s->interrupt, memory_order_relaxed)) {
        atomic_store_explicit(&s->interrupt, false, memory_order_relaxed);
        return 0;
    }
    uint64_t slice = s->bursts ? vm_bursts_slice(s) : SLICE;
    if (slice > SLICE)
        slice = SLICE;
    if (s->fuel == UINT64_MAX)
        return slice;
    uint64_t take = s->fuel < slice ? s->fuel : slice;
    s->fuel -= take;
    return take;
}

bool vm_fuel_pay(vm_fiber *f, uint64_t units, uint64_t budget)
{
    vm_store *s = f->store;
    bool endless = s->fuel == UINT64_MAX;
    uint64_t have = endless ? UINT64_MAX : s->fuel + budget;
    uint64_t need = units - f->paid;
    f->paying =
        atomic_exchange_explicit(&s->interrupt, false, memory_order_relaxed);
    if (have < need) {
        f->paid += have;
        f->paying = true;
        have = need = 0;
    } else if (f->paying) {
        need = 0;
    } else {
        f->paid = 0;
    }
    if (!endless)
        s->fuel = have - need;
    return !f->paying;
}
