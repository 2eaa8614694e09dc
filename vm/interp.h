/*
 * interp.h - what handlers are made of.  Included by interp_*.c only.
 *
 * A hot handler is a leaf: it fetches operands by kind, computes, puts the
 * result by kind, and jumps to the next handler.  Everything that calls C
 * (hosts, growing, allocation, traps) is a handler of its own, which the hot
 * ones jump to, so that they never spill a register.
 */
#ifndef VYOMA_VM_INTERP_H
#define VYOMA_VM_INTERP_H

#include "vm/code.h"
#include "vm/interp.def"
#include "vm/xops.h"

#include <string.h>

#if !defined(__clang__)
#error "handlers end in guaranteed tail calls: clang compiles the engine"
#endif
#define VM_MUSTTAIL __attribute__((musttail))

/* What handlers touch is guest memory and frames, which AddressSanitizer does
 * not know; it cannot instrument locals under this calling convention. */
#define HANDLER(name)                                                          \
    __attribute__((no_sanitize("address"))) VM_PRESERVE_NONE void name(        \
        VM_PARAMS)
/* Off the hot path: never inlined, placed apart. */
#define COLD __attribute__((noinline, cold))
#define JUMP(handler)                                                          \
    do {                                                                       \
        VM_FORGET_SPARE();                                                     \
        VM_MUSTTAIL return handler(VM_ARGS);                                   \
    } while (0)
/* On to the instruction n cells further. */
#ifdef VM_COUNT
void vm_count(const vm_cell *pc);
#else
#define vm_count(pc) (void)0
#endif
#define NEXT(n)                                                                \
    do {                                                                       \
        pc += (n);                                                             \
        vm_count(pc);                                                          \
        JUMP(((vm_handler)(uintptr_t)*pc));                                    \
    } while (0)

/* Operand fields of the first operand cell. */
#define FIELD(k) (((const uint16_t *)(pc + 1))[k])
#define IMM32 (((const int32_t *)(pc + 1))[1])
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* ---- integer results -----------------------------------------------------
 */

#define INT_PUT_S(v) fp[FIELD(0)] = (v)
#define INT_PUT_A(v) acc = (v)
#define INT_PUT_P(v) l0 = (v)
#define INT_PUT_Q(v) l1 = (v)

/* ---- floating-point operands ----------------------------------------------
 */

typedef float f32;
typedef double f64;
static inline f32 get_f32(const vm_slot *p)
{
    f32 v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline f64 get_f64(const vm_slot *p)
{
    f64 v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void put_f32(vm_slot *p, f32 v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    *p = bits;
}

static inline void put_f64(vm_slot *p, f64 v)
{
    memcpy(p, &v, sizeof v);
}

/* Minimum and maximum: a NaN wins, and -0 is below 0. */
static inline f32 min_f32(f32 x, f32 y)
{
    if (x != x || y != y)
        return x + y;
    return x < y || (x == y && __builtin_signbit(x)) ? x : y;
}

static inline f32 max_f32(f32 x, f32 y)
{
    if (x != x || y != y)
        return x + y;
    return x > y || (x == y && !__builtin_signbit(x)) ? x : y;
}

static inline f64 min_f64(f64 x, f64 y)
{
    if (x != x || y != y)
        return x + y;
    return x < y || (x == y && __builtin_signbit(x)) ? x : y;
}

static inline f64 max_f64(f64 x, f64 y)
{
    if (x != x || y != y)
        return x + y;
    return x > y || (x == y && !__builtin_signbit(x)) ? x : y;
}

/* Accumulators by type; only an f64 local can be pinned. */
#define FLT_ACC_f32 fs
#define FLT_ACC_f64 fd

#define FLT_A_S(T) get_##T(&fp[FIELD(1)])
#define FLT_A_A(T) FLT_ACC_##T
#define FLT_A_P(T) d0
#define FLT_A_K(T) get_##T(&pc[2])
#define FLT_B_S(T) get_##T(&fp[FIELD(2)])
#define FLT_B_A(T) FLT_ACC_##T
#define FLT_B_P(T) d0
#define FLT_B_K(T) get_##T(&pc[2])

#define FLT_PUT_S(T, v) put_##T(&fp[FIELD(0)], v)
#define FLT_PUT_A(T, v) FLT_ACC_##T = (v)
#define FLT_PUT_P(T, v) d0 = (v)

/* ---- memory by index --------------------------------------------------------
 */

/* pc[2]: offset; pc[3]: memory, bit 32 set when its addresses are 64-bit. */
/* NULL when out of bounds.  `base` is the address in a slot. */
static inline uint8_t *far_address(const vm_cell *pc, vm_instance *inst,
                                   uint64_t base, uint64_t size)
{
    vm_memory *m = inst->memories[(uint32_t)pc[3]];
    uint64_t ea, bytes = vm_memory_bytes(m);
    if (!(pc[3] >> 32 & 1))
        base = (uint32_t)base;
    if (__builtin_add_overflow(base, pc[2], &ea) || bytes < size ||
        ea > bytes - size)
        return NULL;
    return m->data + ea;
}

/* ---- leaving the hot path ---------------------------------------------------
 */

/* Saves the registers where the rest of the engine finds them. */
#define SAVE()                                                                 \
    (fiber->regs = (vm_registers){pc, fp, inst, acc, l0, l1, fd, d0, fs})
/* Before C code in a handler that needs pc no more: samples do (sample.c). */
#define NOTE_PC() (*(const vm_cell *volatile *)&fiber->regs.pc = pc)
#define RELOAD_MEMORY()                                                        \
    (mem = inst->memory0->data, msize = vm_memory_bytes(inst->memory0))

/* Hidden, so that a conditional jump can lead straight to them. */
#pragma GCC visibility push(hidden)

/* Traps; each stops the run. */
HANDLER(vm_trap_memory);
HANDLER(vm_trap_divide);
HANDLER(vm_trap_overflow);
HANDLER(vm_trap_invalid_conversion);
HANDLER(vm_trap_stack);
HANDLER(vm_stop);   /* fiber->status is set; pc is where to resume */
HANDLER(vm_thrown); /* fiber->exception is set: unwind */

/* Out of budget at pc: take a slice of fuel and go on, or stop. */
HANDLER(vm_refuel);
#pragma GCC visibility pop

/*
 * Goes on at `to`, a pc that was loaded.  All that comes after is loaded
 * through pc: operands, handlers, and where the next branch leads.  A processor
 * predicts jumps but no data, so that this chain of loads would be the least
 * time that a loop takes, however little it does.  Therefore handlers remember
 * where they went last, and if that is where they go now, which is for the
 * branch predictor to guess, what follows waits for nothing.  The two have to
 * look different to the compiler, which else takes the one that it has for the
 * other.  Handlers share the places by turns.
 */
#define FOLLOW(to) FOLLOW_(to, fiber->targets[__COUNTER__ % VM_TARGETS])
#define FOLLOW_(to, remembered)                                                \
    do {                                                                       \
        const vm_cell *target = (to), **last = &(remembered);                  \
        pc = *last;                                                            \
        __asm__("" : "+r"(pc));                                                \
        if (UNLIKELY(pc != target)) {                                          \
            __asm__ volatile("" : "+r"(target));                               \
            *last = pc = target;                                               \
        }                                                                      \
    } while (0)

/* A backward branch or a call was taken: count it. */
#define COUNT_THEN_GO()                                                        \
    do {                                                                       \
        if (UNLIKELY(__builtin_sub_overflow(budget, 1, &budget)))              \
            JUMP(vm_refuel);                                                   \
        NEXT(0);                                                               \
    } while (0)

/* Before work in proportion to `bytes`; stops when that cannot be paid for. */
#define PAY_FOR(bytes)                                                         \
    do {                                                                       \
        uint64_t units = (uint64_t)(bytes) / VM_FUEL_BYTES;                    \
        bool pays = units <= budget || vm_fuel_pay(fiber, units, budget);      \
        budget = units <= budget ? budget - units : 0;                         \
        if (UNLIKELY(!pays)) {                                                 \
            fiber->status = VM_INTERRUPTED;                                    \
            JUMP(vm_stop);                                                     \
        }                                                                      \
    } while (0)

#define KIND_S VM_K_S
#define KIND_K VM_K_K
#define KIND_A VM_K_A
#define KIND_P VM_K_P
#define KIND_Q VM_K_Q
#define ROW_AT(a, b, d) VM_ROW_INDEX(KIND_##a, KIND_##b, KIND_##d)
#define SUM_STORE_AT(a, b, v) VM_SUM_STORE_INDEX(KIND_##a, KIND_##b, KIND_##v)

/* ---- the rows that are made in interp_*.c ---------------------------------
 */

#define VM_DECLARE_ROW(op, ...) extern const vm_handler vm_row_##op[];
#define VM_DECLARE_BROW(op, ...) extern const vm_handler vm_brow_##op[];
#define VM_DECLARE_SUM(op, ...) extern const vm_handler vm_sum_##op[];
VM_ROWS(VM_DECLARE_ROW)
VM_ONLY_ROWS(VM_DECLARE_ROW)
VM_BRANCHES(VM_DECLARE_BROW)
VM_DECLARE_BROW(BR_TRUE)
VM_DECLARE_BROW(BR_FALSE)
VM_SUMS(VM_DECLARE_SUM)

#endif
