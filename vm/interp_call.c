/*
 * interp_call.c - handlers: calls, tail calls, returns, and the way to and from
 * host functions and other instances.
 *
 *     CALL           field 0: arguments, 1: callee's record | code
 *     TAIL_CALL      field 0: arguments, 1: callee's record, 2: own record,
 *                    3: argument slots | code
 *     the others     field 0: arguments, 1: index or reference, 2: own record,
 *                    3: argument slots | type | table or import
 *     RET...         field 0: own record, 1: value; a constant in the next cell
 */
#include "vm/bodies.h"

#include "vm/bursts.h"
#include "vm/heap.h"

/* Tables of macros: laid out by hand. */
/* clang-format off */

#define CALL_ANY_CELLS 4

#define FUNC_OF(slot) ((const vm_func *)(uintptr_t)(slot))
#define CODE_OF(cell) ((const struct vm_code *)(uintptr_t)(cell))

static COLD HANDLER(call_other);
static COLD HANDLER(enter_inner);
static COLD HANDLER(tail_other);

#define X(name) extern HANDLER(vm_x_##name);
X(CALL)
X(CALL_IMPORT)
X(CALL_INDIRECT64)
X(CALL_REF)
X(TAIL_CALL) X(TAIL_CALL_ANY) X(TAIL_CALL_INDIRECT) X(TAIL_CALL_REF)
    X(RET_SLOTS)
#undef X

ONE(CALL, )

HANDLER(vm_x_CALL_IMPORT)
{
    acc = (uintptr_t)inst->imports[pc[3]];
    JUMP(call_other);
}

/* ---- through tables and references
 * --------------------------------------------- */

static COLD HANDLER(trap_undefined_element)
{
    fiber->status = vm_trap(fiber, "undefined element");
    JUMP(vm_stop);
}

static COLD HANDLER(trap_uninitialized_element)
{
    fiber->status = vm_trap(fiber, "uninitialized element");
    JUMP(vm_stop);
}

static COLD HANDLER(trap_null_function)
{
    fiber->status = vm_trap(fiber, "null function reference");
    JUMP(vm_stop);
}

static COLD HANDLER(trap_signature)
{
    fiber->status = vm_trap(fiber, "indirect call type mismatch");
    JUMP(vm_stop);
}

/* The index of a 32-bit table's element, by kind; or in a slot, for any. */
#define INDEX_S U32(fp[FIELD(1)])
#define INDEX_A U32(acc)
#define INDEX_P U32(l0)
#define INDEX_Q U32(l1)
#define INDEX_any (pc[3] >> 32 ? fp[FIELD(1)] : U32(fp[FIELD(1)]))

/* A null element: the instruction runs again once it is made. */
#define MISSING(a)                                                             \
    static COLD HANDLER(missing_element_##a)                                   \
    {                                                                          \
        vm_table *table = inst->tables[(uint32_t)pc[3]];                       \
        uint64_t i = INDEX_##a;                                                \
        if (!vm_table_is_pending(table, i))                                    \
            JUMP(trap_uninitialized_element);                                  \
        if (!vm_table_make(table, i)) {                                        \
            fiber->status =                                                    \
                vm_trap(fiber, "out of memory: no function reference can be "  \
                               "made within the limits");                      \
            JUMP(vm_stop);                                                     \
        }                                                                      \
        NEXT(0);                                                               \
    }
MISSING(S)
MISSING(A)
MISSING(P)
MISSING(Q)
MISSING(any)

/* The element that the instruction names; a trap to jump to when none. */
#define ELEMENT(f, a)                                                          \
    const vm_table *table = inst->tables[(uint32_t)pc[3]];                     \
    uint64_t i = INDEX_##a;                                                    \
    if (UNLIKELY(i >= table->size))                                            \
        JUMP(trap_undefined_element);                                          \
    const vm_func *f = FUNC_OF(table->elems[i]);                               \
    if (UNLIKELY(!f))                                                          \
    JUMP(missing_element_##a)

static bool signature_matches(const vm_func *f, const vm_cell *pc)
{
    return vm_deftype_extends(f->type, (const vm_deftype *)(uintptr_t)pc[2]);
}

static COLD HANDLER(check_then_call)
{
    if (!signature_matches(FUNC_OF(acc), pc))
        JUMP(trap_signature);
    JUMP(call_other);
}

#define CALL_ELEMENT(a)                                                        \
    {                                                                          \
        ELEMENT(f, a);                                                         \
        const struct vm_code *code = f->code;                                  \
        if (UNLIKELY((uintptr_t)f->type != pc[2] || f->instance != inst)) {    \
            acc = (uintptr_t)f;                                                \
            JUMP(check_then_call);                                             \
        }                                                                      \
        vm_slot *nfp = fp + FIELD(0), *rec = nfp + code->rec;                  \
        ENTER(code, nfp, rec, pc + CALL_ANY_CELLS, fp);                        \
    }

HANDLER(vm_x_CALL_INDIRECT64)
CALL_ELEMENT(any)

#define CALL_INDIRECT(a) static HANDLER(call_indirect_##a) CALL_ELEMENT(a)
#define CALL_ITEM(a) [ROW_AT(a, S, S)] = call_indirect_##a,
#define INDICES(X) X(S) X(A) X(P) X(Q)
INDICES(CALL_INDIRECT)
const vm_handler vm_row_CALL_INDIRECT[VM_ROW_OF_ONE] = {INDICES(CALL_ITEM)};

HANDLER(vm_x_CALL_REF)
{
    const vm_func *f = FUNC_OF(fp[FIELD(1)]);
    if (UNLIKELY(!f))
        JUMP(trap_null_function);
    acc = (uintptr_t)f;
    if (UNLIKELY(f->instance != inst))
        JUMP(call_other);
    const struct vm_code *code = f->code;
    vm_slot *nfp = fp + FIELD(0), *rec = nfp + code->rec;
    ENTER(code, nfp, rec, pc + CALL_ANY_CELLS, fp);
}

/* ---- hosts and other instances
 * -------------------------------------------------- */

/* Gives unused fuel back while something else may use or set it. */
static uint64_t give_back(vm_fiber *fiber, uint64_t budget)
{
    if (fiber->store->fuel == UINT64_MAX)
        return budget;
    fiber->store->fuel += budget;
    return 0;
}

static vm_status call_host(vm_fiber *fiber, const vm_func *f, vm_slot *slots)
{
    fiber->caller = fiber->regs.instance;
    fiber->outside = f;
    vm_status status = f->host(fiber, f->env, slots);
    fiber->outside = NULL;
    return status;
}

/* A result in slots goes to the accumulators as well. */
#define LOAD_RESULT(slots)                                                     \
    (acc = (slots)[0], fd = get_f64(slots), fs = get_f32(slots))

/* acc: the vm_func, of a host or of any instance. */
static COLD HANDLER(call_other)
{
    const vm_func *f = FUNC_OF(acc);
    vm_slot *nfp = fp + FIELD(0);
    if (f->instance) {
        const struct vm_code *code = f->code;
        vm_slot *rec = nfp + code->rec;
        if (UNLIKELY(rec > fiber->stack_limit))
            JUMP(vm_trap_stack);
        rec[VM_REC_CROSS_PC] = (uintptr_t)(pc + CALL_ANY_CELLS);
        rec[VM_REC_CROSS_FP] = (uintptr_t)fp;
        rec[VM_REC_CROSS_INSTANCE] = (uintptr_t)inst;
        inst = f->instance;
        RELOAD_MEMORY();
        ENTER(code, nfp, rec, vm_cross_return, &rec[VM_REC_CROSS_PC]);
    }
    budget = give_back(fiber, budget);
    SAVE();
    fiber->may_enter = nfp <= fiber->stack_limit;
    fiber->status = call_host(fiber, f, nfp);
    fiber->may_enter = false;
    RELOAD_MEMORY();
    if (UNLIKELY(fiber->status != VM_OK)) {
        if (fiber->status == VM_THROWN) {
            fiber->regs.pc += CALL_ANY_CELLS;
            JUMP(vm_thrown);
        }
        JUMP(vm_stop);
    }
    if (fiber->inner)
        JUMP(enter_inner);
    LOAD_RESULT(nfp);
    NEXT(CALL_ANY_CELLS);
}

/* A host function has a guest's called (vm_may_enter).  acc: the former. */
static COLD HANDLER(enter_inner)
{
    const vm_func *f = fiber->inner;
    const struct vm_code *code = f->code;
    vm_slot *nfp = fp + FIELD(0) + VM_INNER, *rec = nfp + code->rec;
    fiber->inner = NULL;
    if (UNLIKELY(rec > fiber->stack_limit))
        JUMP(vm_trap_stack);
    nfp[-VM_INNER] = acc;
    rec[VM_REC_CROSS_PC] = (uintptr_t)(pc + CALL_ANY_CELLS);
    rec[VM_REC_CROSS_FP] = (uintptr_t)fp;
    rec[VM_REC_CROSS_INSTANCE] = (uintptr_t)inst;
    inst = f->instance;
    RELOAD_MEMORY();
    ENTER(code, nfp, rec, vm_inner_return, &rec[VM_REC_CROSS_PC]);
}

/* ... which returns as in cross_return, to the rest of the host function. */
static HANDLER(inner_return)
{
    const vm_slot *cross = fp;
    pc = (const vm_cell *)(uintptr_t)cross[0] - CALL_ANY_CELLS;
    fp = (vm_slot *)(uintptr_t)cross[1];
    inst = (vm_instance *)(uintptr_t)cross[2];
    vm_slot *slots = fp + FIELD(0);
    SAVE();
    fiber->status = vm_inner_end(fiber, slots);
    RELOAD_MEMORY();
    if (UNLIKELY(fiber->status != VM_OK))
        JUMP(vm_stop);
    LOAD_RESULT(slots);
    NEXT(CALL_ANY_CELLS);
}

/* Returning into the instance that made a call: fp is &rec[VM_REC_CROSS_PC]. */
static HANDLER(cross_return)
{
    const vm_slot *cross = fp;
    pc = (const vm_cell *)(uintptr_t)cross[0];
    fp = (vm_slot *)(uintptr_t)cross[1];
    inst = (vm_instance *)(uintptr_t)cross[2];
    RELOAD_MEMORY();
    NEXT(0);
}

/* ---- tail calls
 * -------------------------------------------------------------------- */

/* Moves arguments and record into place; false: the stack is too small. */
static bool replace_frame(vm_fiber *fiber, vm_slot *fp, const vm_cell *pc,
                          uint32_t new_rec, bool cross, vm_instance *inst)
{
    vm_slot record[VM_REC_SLOTS], *rec = fp + new_rec;
    if (rec > fiber->stack_limit)
        return false;
    const vm_slot *old = fp + FIELD(2);
    memcpy(record, old, sizeof record);
    if (record[VM_REC_PC] == (uintptr_t)vm_cross_return ||
        record[VM_REC_PC] == (uintptr_t)vm_inner_return) {
        record[VM_REC_FP] = (uintptr_t)&rec[VM_REC_CROSS_PC];
    } else if (cross) {
        record[VM_REC_CROSS_PC] = record[VM_REC_PC];
        record[VM_REC_CROSS_FP] = record[VM_REC_FP];
        record[VM_REC_CROSS_INSTANCE] = (uintptr_t)inst;
        record[VM_REC_PC] = (uintptr_t)vm_cross_return;
        record[VM_REC_FP] = (uintptr_t)&rec[VM_REC_CROSS_PC];
    }
    memmove(fp, fp + FIELD(0), FIELD(3) * sizeof *fp);
    memcpy(rec, record, sizeof record);
    return true;
}

HANDLER(vm_x_TAIL_CALL)
{
    const struct vm_code *code = CODE_OF(pc[2]);
    NOTE_PC();
    if (UNLIKELY(!replace_frame(fiber, fp, pc, FIELD(1), false, inst)))
        JUMP(vm_trap_stack);
    pc = code->entry;
    acc = (uintptr_t)code;
    COUNT_THEN_GO();
}

HANDLER(vm_x_TAIL_CALL_ANY)
{
    acc = (uintptr_t)inst->imports[pc[3]];
    JUMP(tail_other);
}

HANDLER(vm_x_TAIL_CALL_INDIRECT)
{
    ELEMENT(f, any);
    if (UNLIKELY((uintptr_t)f->type != pc[2] && !signature_matches(f, pc)))
        JUMP(trap_signature);
    acc = (uintptr_t)f;
    JUMP(tail_other);
}

HANDLER(vm_x_TAIL_CALL_REF)
{
    acc = fp[FIELD(1)];
    if (UNLIKELY(!acc))
        JUMP(trap_null_function);
    JUMP(tail_other);
}

static COLD HANDLER(tail_other)
{
    const vm_func *f = FUNC_OF(acc);
    if (f->instance) {
        const struct vm_code *code = f->code;
        NOTE_PC();
        if (!replace_frame(fiber, fp, pc, code->rec, f->instance != inst, inst))
            JUMP(vm_trap_stack);
        inst = f->instance;
        RELOAD_MEMORY();
        pc = code->entry;
        acc = (uintptr_t)code;
        COUNT_THEN_GO();
    }
    vm_slot *slots = fp + FIELD(0);
    budget = give_back(fiber, budget);
    SAVE();
    fiber->status = call_host(fiber, f, slots);
    RELOAD_MEMORY();
    if (UNLIKELY(fiber->status == VM_THROWN)) {
        fiber->regs.pc += CALL_ANY_CELLS; /* no handler of this frame */
        JUMP(vm_thrown);
    }
    if (UNLIKELY(fiber->status != VM_OK))
        JUMP(vm_stop);
    LOAD_RESULT(slots);
    vm_slot record[VM_REC_L0 + 3];
    const vm_slot *rec = fp + FIELD(2);
    memcpy(record, rec, sizeof record);
    memmove(fp, slots, f->type->func.result_slots * sizeof *fp);
    pc = (const vm_cell *)(uintptr_t)record[VM_REC_PC];
    fp = (vm_slot *)(uintptr_t)record[VM_REC_FP];
    l0 = record[VM_REC_L0];
    l1 = record[VM_REC_L1];
    d0 = get_f64(&record[VM_REC_D0]);
    NEXT(0);
}

/* ---- returns
 * ------------------------------------------------------------------------ */

ONE(RET_SLOTS, )

#define RET(op, a) static ONE(RET, a)
#define RET_ITEM(op, a) [ROW_AT(a, S, S)] = ret_##a,
#define SOURCES(X) X(_, S) X(_, A) X(_, P) X(_, Q) X(_, K)
SOURCES(RET)
const vm_handler vm_row_RET[VM_ROW_OF_ONE] = {SOURCES(RET_ITEM)};

#define FRET(T, a) static ONE(FRET, T, a)
#define FRET_ITEM(T, a) [ROW_AT(a, S, S)] = ret_##T##_##a,
#define SOURCES_f32(X) X(f32, S) X(f32, A) X(f32, K)
#define SOURCES_f64(X) X(f64, S) X(f64, A) X(f64, K) X(f64, P)
SOURCES_f32(FRET)
SOURCES_f64(FRET)
const vm_handler vm_row_RET_F32[VM_ROW_OF_ONE] = {SOURCES_f32(FRET_ITEM)};
const vm_handler vm_row_RET_F64[VM_ROW_OF_ONE] = {SOURCES_f64(FRET_ITEM)};

/* ---- entering and leaving a run
 * --------------------------------------------------------- */

/* A function's first call: acc is its code. */
static COLD HANDLER(lazy)
{
    struct vm_code *code = (struct vm_code *)(uintptr_t)acc;
    vm_error err = {0};
    SAVE();
    fiber->outside = VM_COMPILING;
    fiber->status = vm_code_compile(code, &err);
    fiber->outside = NULL;
    if (UNLIKELY(fiber->status != VM_OK)) {
        fiber->status = vm_trap(fiber, "%s", err.text);
        JUMP(vm_stop);
    }
    pc = code->entry;
    NEXT(0);
}

static COLD HANDLER(leave)
{
    fiber->status = VM_OK;
    JUMP(vm_stop);
}

/* A host function called by the host, through a fiber. */
static COLD HANDLER(host_entry)
{
    SAVE();
    fiber->status = call_host(fiber, fiber->func, fp);
    LOAD_RESULT(fp);
    JUMP(vm_stop);
}

static COLD HANDLER(give_up)
{
    (void)give_back(fiber, budget);
    SAVE();
}

COLD HANDLER(vm_stop)
{
    JUMP(give_up);
}

#define CELL(handler) (vm_cell)(uintptr_t) & handler
extern const vm_cell vm_host_entry[];
const vm_cell vm_lazy_entry[] = {CELL(lazy)};
const vm_cell vm_exit_entry[] = {CELL(leave)};
const vm_cell vm_cross_return[] = {CELL(cross_return)};
const vm_cell vm_inner_return[] = {CELL(inner_return)};
const vm_cell vm_host_entry[] = {CELL(host_entry)};

COLD HANDLER(vm_refuel)
{
    budget = vm_fuel_take(fiber);
    if (UNLIKELY(!budget)) {
        fiber->status = VM_INTERRUPTED;
        JUMP(vm_stop);
    }
    budget--;
    if (UNLIKELY(fiber->store->bursts)) {
        SAVE();
        vm_bursts_turn(fiber);
        pc = fiber->regs.pc;
    }
    NEXT(0);
}

COLD HANDLER(vm_thrown)
{
    if (!vm_unwind(fiber)) {
        (void)give_back(fiber, budget);
        return; /* regs stay where the exception came from */
    }
    fiber->status = VM_OK;
    pc = fiber->regs.pc;
    fp = fiber->regs.fp;
    inst = fiber->regs.instance;
    l0 = fiber->regs.l0;
    l1 = fiber->regs.l1;
    d0 = fiber->regs.d0;
    RELOAD_MEMORY();
    COUNT_THEN_GO(); /* the handler may be the head of a loop */
}

void vm_interp_run(vm_fiber *fiber)
{
    const vm_registers *r = &fiber->regs;
    vm_instance *inst = r->instance;
    vm_memory *memory = inst ? inst->memory0 : fiber->store->no_memory;
    const vm_cell *pc = r->pc;
    vm_slot *fp = r->fp;
    uint8_t *mem = memory->data;
    uint64_t msize = vm_memory_bytes(memory), budget = 0;
    uint64_t acc = r->acc, l0 = r->l0, l1 = r->l1;
    double fd = r->fd, d0 = r->d0;
    float fs = r->fs;
#ifdef VM_SPARE_RCX
    uint64_t spare = 0;
#endif
    ((vm_handler)(uintptr_t)*pc)(VM_ARGS);
}

/* ---- traps
 * ---------------------------------------------------------------------------------
 */

#define TRAP(name, text)                                                       \
    COLD HANDLER(name)                                                         \
    {                                                                          \
        fiber->status = vm_trap(fiber, text);                                  \
        JUMP(vm_stop);                                                         \
    }
TRAP(vm_trap_divide, "integer divide by zero")
TRAP(vm_trap_overflow, "integer overflow")
TRAP(vm_trap_stack, "call stack exhausted")

/* Out of the bounds in the register; a shared memory may have grown. */
COLD HANDLER(vm_trap_memory)
{
    uint64_t bytes = vm_memory_bytes(inst->memory0);
    if (bytes != msize) {
        RELOAD_MEMORY();
        NEXT(0);
    }
    fiber->status = vm_trap(fiber, "out of bounds memory access");
    JUMP(vm_stop);
}

TRAP(vm_trap_invalid_conversion, "invalid conversion to integer")
