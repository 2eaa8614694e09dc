/*
 * code.h - threaded code: what compile*.c makes and interp*.c runs.
 *
 * The code of a function is an array of 64-bit cells.  An instruction is the
 * address of its handler followed by operand cells, most often one: four
 * 16-bit fields (frame slots), or two and a 32-bit immediate:
 *
 *     field     0        1        2        3
 *             | dst    | a      | b      | c      |
 *             | dst    | a      | imm32           |
 *
 * A frame is an array of 8-byte slots:
 *
 *     [parameters][other locals] [record] [operand stack ...]
 *      ^fp                        ^fp + rec
 *
 * A call's arguments lie on top of the caller's operand stack and become the
 * first slots of the callee's frame; results come back at the same place,
 * except that a single number comes back in the accumulator.  The call fills
 * the callee's record: where to go on, the caller's fp and its pinned locals.
 */
#ifndef VYOMA_VM_CODE_H
#define VYOMA_VM_CODE_H

#include "vm/store.h"

/* Where clang has no such convention, tail calls alone do. */
#if defined(__x86_64__) || defined(__aarch64__)
#define VM_PRESERVE_NONE __attribute__((preserve_none))
#ifdef __x86_64__
#define VM_SPARE_RCX
#endif
#else
#define VM_PRESERVE_NONE
#endif

/*
 * The abstract machine's registers, as every handler receives them.  The order
 * is chosen for what preserve_none makes of it on x86-64 (r12 to r15, rdi, rsi,
 * rdx, rcx, r8, r9, r11): pc, fp and acc, which most instructions of a handler
 * name, are in the registers with the shortest encodings, and rcx is passed
 * undefined, so that shifts, whose count must be in cl, need no moves.
 */
#ifdef VM_SPARE_RCX
#define VM_SPARE_PARAM uint64_t spare,
#define VM_SPARE_ARG spare,
#define VM_FORGET_SPARE() __asm__("" : "=c"(spare))
#else
#define VM_SPARE_PARAM
#define VM_SPARE_ARG
#define VM_FORGET_SPARE() (void)0
#endif
#define VM_PARAMS                                                              \
    vm_fiber *restrict fiber, vm_instance *restrict inst, uint8_t *mem,        \
        uint64_t msize, const vm_cell *restrict pc, vm_slot *restrict fp,      \
        uint64_t acc, VM_SPARE_PARAM uint64_t l0, uint64_t l1,                 \
        uint64_t budget, double fd, float fs, double d0
#define VM_ARGS                                                                \
    fiber, inst, mem, msize, pc, fp, acc, VM_SPARE_ARG l0, l1, budget, fd, fs, \
        d0

typedef VM_PRESERVE_NONE void (*vm_handler)(VM_PARAMS);

/* The record, relative to fp + rec. */
enum {
    VM_REC_PC,
    VM_REC_FP,
    VM_REC_L0,
    VM_REC_L1,
    VM_REC_D0,
    /* Calls into another instance return through vm_cross_return: */
    VM_REC_CROSS_PC,
    VM_REC_CROSS_FP,
    VM_REC_CROSS_INSTANCE,
    VM_REC_SLOTS
};

/* Frames larger than this check the stack themselves (h_check_stack). */
#define VM_STACK_GUARD 1024
#define VM_MAX_FRAME 65000

/* Where a function's results are when it returns. */
typedef enum vm_result_class {
    VM_RESULT_SLOTS, /* fp[0...] of the callee, or none */
    VM_RESULT_ACC,
    VM_RESULT_F32,
    VM_RESULT_F64,
} vm_result_class;

typedef enum vm_catch_kind {
    VM_EH_CATCH, /* VM_CATCH ... VM_CATCH_ALL_REF, in their order */
    VM_EH_CATCH_REF,
    VM_EH_CATCH_ALL,
    VM_EH_CATCH_ALL_REF,
    VM_EH_DELEGATE,     /* go on at entry `target` of the table */
    VM_EH_LEGACY_CATCH, /* the exception itself, then its values */
    VM_EH_LEGACY_CATCH_ALL,
} vm_catch_kind;

/*
 * An exception handler, innermost first: covers pcs with start < pc <= end
 * (a pc that throws is the cell after the call).  Values go to slot `dst` on.
 */
typedef struct vm_eh {
    uint32_t start, end;
    uint32_t kind, tag;
    uint32_t target; /* cell */
    uint32_t dst;
} vm_eh;

/* A basic block of code that counts: see compile_count.c.  The first of a
 * function stands for its entry, and has no instructions. */
typedef struct vm_code_block {
    uint32_t start, last; /* offsets of instructions in the module's bytes */
    uint32_t cell;        /* of the counter's instruction */
    uint16_t from; /* the only vm_op that leads to the start, plus one; or 0 */
} vm_code_block;

VM_PRESERVE_NONE void vm_count_block(VM_PARAMS);

struct vm_code {
    const vm_cell *entry; /* vm_lazy_entry until compiled */
    uint32_t rec;         /* slot of the record */
    uint32_t frame;       /* slots, 0 until compiled */
    uint32_t func;        /* index in the module */
    uint32_t ncells;
    vm_module *module;
    const vm_cell *cells;
    const vm_eh *eh;
    uint32_t neh;
    uint32_t map_size;
    const uint8_t *map;          /* see vm_code_offset */
    const vm_code_block *blocks; /* when counting */
    uint32_t nblocks;
    bool counts;          /* it is the twin of another: see bursts.c */
    struct vm_code *twin; /* that does, or does not; NULL: not yet, itself: it
                             cannot have one */
    uint64_t *exact;      /* counts by block that are not estimates */
};

extern const vm_cell vm_lazy_entry[], vm_exit_entry[], vm_cross_return[],
    vm_inner_return[], vm_fence_return[];

/* The code object of a function of the module; NULL: out of memory. */
struct vm_code *vm_code_get(vm_module *module, uint32_t func);
/* Makes `entry` real.  Thread-safe.  Errors: out of memory, frame too big. */
VM_MUST_CHECK vm_status vm_code_compile(struct vm_code *code, vm_error *err);
/* The code of the same function that counts; compiled when first asked for.
 * NULL: out of memory. */
struct vm_code *vm_code_twin(struct vm_code *code);
/* The code that contains pc, or NULL. */
struct vm_code *vm_code_find(vm_module *module, const vm_cell *pc);
/* The same in a signal handler on a thread that runs or compiles the module's
 * code, and for a pc that is no return address: NULL while that cannot be told.
 */
struct vm_code *vm_code_find_async(vm_module *module, const vm_cell *pc);
/* Offset in the module's bytes of the instruction that contains the cell. */
uint32_t vm_code_offset(const struct vm_code *code, uint32_t cell);

static inline vm_result_class vm_result_class_of(const vm_functype *type)
{
    if (type->nresults != 1)
        return VM_RESULT_SLOTS;
    switch (type->types[type->nparams]) {
    case VM_I32:
    case VM_I64: return VM_RESULT_ACC;
    case VM_F32: return VM_RESULT_F32;
    case VM_F64: return VM_RESULT_F64;
    default: return VM_RESULT_SLOTS;
    }
}

/* ---- host functions around guest functions ---------------------------------
 */

/*
 * A host function can have a guest function called on its own fiber, at no more
 * cost than a call between instances.  It looks whether it may (when called by
 * anything but a plain call, it may not), puts that function's arguments at
 * slots[VM_INNER], says vm_enter, and answers VM_OK.  When the function has
 * returned, vm_func_set_after's `fn` is called with the same slots, the result
 * (one slot at most) at slots[VM_INNER], and its own at slots[0].  Slots 1 to
 * VM_INNER - 1 are the host function's in between; no exception passes.
 */
enum { VM_INNER = 4 };
static inline bool vm_may_enter(const vm_fiber *fiber, const vm_func *callee)
{
    return fiber->may_enter && callee->instance;
}
static inline void vm_enter(vm_fiber *fiber, const vm_func *callee)
{
    fiber->inner = callee;
}
void vm_func_set_after(vm_func *func, vm_host_fn fn);
/* For the handlers: `regs` have the result; slots[0] the host function. */
vm_status vm_inner_end(vm_fiber *fiber, vm_slot *slots);

/* ---- between the handlers and the rest --------------------------------- */

/* Runs fiber->regs until something stops it; fiber->status says what. */
void vm_interp_run(vm_fiber *fiber);

/*
 * Finds a handler for fiber->exception, unwinding from fiber->regs; sets regs
 * to it.  False when none: fiber->status is then VM_THROWN, or VM_TRAP where no
 * exception may pass.
 */
bool vm_unwind(vm_fiber *fiber);
/* Takes a slice of fuel for the budget register; 0: stop now. */
uint64_t vm_fuel_take(vm_fiber *fiber);
/*
 * Pays for one instruction that does much: `units`, more than the budget
 * register holds, which goes into it.  False: there is not so much fuel, or an
 * interruption; what there was is taken, and the instruction, which has not
 * begun, pays the rest when it is come back to.
 */
VM_MUST_CHECK bool vm_fuel_pay(vm_fiber *fiber, uint64_t units,
                               uint64_t budget);
/* What a unit pays for, of bytes that instructions move or fill. */
#define VM_FUEL_BYTES 64
/* Notes the frames of a fiber that trapped in the store; and forgets them. */
void vm_trace_clear(vm_store *store);
void vm_trace_forget(vm_store *store, const vm_fiber *fiber); /* it goes */
void vm_trace_capture(vm_fiber *fiber);
/*
 * Walking a fiber that does not run, frame by frame, outwards through host
 * functions into the fibers that called them.  `regs` are the frame's: pc is
 * where it would go on, so it lies behind the instruction that called, except
 * in the innermost frame, where it is the instruction that trapped.
 */
typedef struct vm_walk {
    const vm_fiber *fiber;
    vm_registers regs;
    struct vm_code *code; /* of this frame; NULL: there are no more */
    uint32_t depth;
} vm_walk;
vm_walk vm_walk_start(const vm_fiber *fiber);
/* From where the store's last trap was; no frames if that is gone. */
vm_walk vm_walk_of_trap(const vm_store *store);
void vm_walk_next(vm_walk *walk);
/* The frame's instruction: a cell of it, and its offset in the module's bytes.
 */
uint32_t vm_walk_cell(const vm_walk *walk);
uint32_t vm_walk_offset(const vm_walk *walk);

/* "FUNC", or "MODULE!FUNC" when there are several instances. */
void vm_func_label(const vm_instance *instance, uint32_t func, char *buf,
                   size_t size);

/* ---- operand kinds ------------------------------------------------------ */

/* Where an operand comes from or a result goes; handlers exist per kind.  A
 * result cannot go to the last. */
typedef enum vm_kind {
    VM_K_S, /* a frame slot */
    VM_K_A, /* accumulator: integer, f32 or f64 */
    VM_K_P, /* first pinned local: l0, or d0 */
    VM_K_Q, /* second pinned local: l1 */
    VM_K_K, /* an immediate */
    VM_KINDS
} vm_kind;

/* A row of handlers, and the place of one in it; the rows of instructions with
 * one operand, where b is S, are shorter. */
#define VM_DESTINATIONS VM_K_K
#define VM_ROW (VM_KINDS * VM_KINDS * VM_DESTINATIONS)
#define VM_ROW_OF_ONE (VM_KINDS * VM_DESTINATIONS)
#define VM_ROW_INDEX(a, b, d) (((b) * VM_KINDS + (a)) * VM_DESTINATIONS + (d))

#endif
