/*
 * interp_atomic.c - handlers: atomic access to memory, over slots; addresses
 * as far_address, and naturally aligned.
 */
#include "vm/interp.h"

#include "vm/atomic.h"

#define DECLARE(op) extern HANDLER(vm_x_##op);
VM_ATOMICS(DECLARE)

static COLD HANDLER(trap_unaligned)
{
    fiber->status = vm_trap(fiber, "unaligned atomic");
    JUMP(vm_stop);
}

static COLD HANDLER(trap_not_shared)
{
    fiber->status = vm_trap(fiber, "expected shared memory");
    JUMP(vm_stop);
}

static inline bool is_aligned(const vm_cell *pc, uint64_t base, uint64_t size)
{
    return !((base + pc[2]) & (size - 1));
}

/* T *p: the operand in memory. */
#define ATOMIC(op, T)                                                          \
    HANDLER(vm_x_##op)                                                         \
    {                                                                          \
        if (UNLIKELY(!is_aligned(pc, fp[FIELD(1)], sizeof(T))))                \
            JUMP(trap_unaligned);                                              \
        T *p = (T *)far_address(pc, inst, fp[FIELD(1)], sizeof(T));            \
        if (UNLIKELY(!p))                                                      \
            JUMP(vm_trap_memory);
#define ATOMIC_END                                                             \
    NEXT(4);                                                                   \
    }

#define LOAD(op, T)                                                            \
    ATOMIC(op, T)                                                              \
    fp[FIELD(0)] = __atomic_load_n(p, __ATOMIC_SEQ_CST);                       \
    ATOMIC_END
LOAD(I32_ATOMIC_LOAD, uint32_t)
LOAD(I64_ATOMIC_LOAD, uint64_t)
LOAD(I32_ATOMIC_LOAD8_U, uint8_t)
LOAD(I32_ATOMIC_LOAD16_U, uint16_t)
LOAD(I64_ATOMIC_LOAD8_U, uint8_t)
LOAD(I64_ATOMIC_LOAD16_U, uint16_t)
LOAD(I64_ATOMIC_LOAD32_U, uint32_t)

#define STORE(op, T)                                                           \
    ATOMIC(op, T)                                                              \
    __atomic_store_n(p, (T)fp[FIELD(2)], __ATOMIC_SEQ_CST);                    \
    ATOMIC_END
STORE(I32_ATOMIC_STORE, uint32_t)
STORE(I64_ATOMIC_STORE, uint64_t)
STORE(I32_ATOMIC_STORE8, uint8_t)
STORE(I32_ATOMIC_STORE16, uint16_t)
STORE(I64_ATOMIC_STORE8, uint8_t)
STORE(I64_ATOMIC_STORE16, uint16_t)
STORE(I64_ATOMIC_STORE32, uint32_t)

#define RMW(op, T, function)                                                   \
    ATOMIC(op, T)                                                              \
    fp[FIELD(0)] = function(p, (T)fp[FIELD(2)], __ATOMIC_SEQ_CST);             \
    ATOMIC_END
#define RMW_ALL(name, function)                                                \
    RMW(I32_ATOMIC_RMW_##name, uint32_t, function)                             \
    RMW(I64_ATOMIC_RMW_##name, uint64_t, function)                             \
    RMW(I32_ATOMIC_RMW8_##name##_U, uint8_t, function)                         \
    RMW(I32_ATOMIC_RMW16_##name##_U, uint16_t, function)                       \
    RMW(I64_ATOMIC_RMW8_##name##_U, uint8_t, function)                         \
    RMW(I64_ATOMIC_RMW16_##name##_U, uint16_t, function)                       \
    RMW(I64_ATOMIC_RMW32_##name##_U, uint32_t, function)
RMW_ALL(ADD, __atomic_fetch_add)
RMW_ALL(SUB, __atomic_fetch_sub)
RMW_ALL(AND, __atomic_fetch_and)
RMW_ALL(OR, __atomic_fetch_or)
RMW_ALL(XOR, __atomic_fetch_xor)
RMW_ALL(XCHG, __atomic_exchange_n)

/* A narrow exchange compares the whole operand, so a wide one never matches. */
#define CMPXCHG(op, T, OPERAND)                                                \
    ATOMIC(op, T)                                                              \
    T expected = (T)fp[FIELD(2)];                                              \
    if ((OPERAND)fp[FIELD(2)] == expected)                                     \
        __atomic_compare_exchange_n(p, &expected, (T)fp[FIELD(3)], false,      \
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);       \
    else                                                                       \
        expected = __atomic_load_n(p, __ATOMIC_SEQ_CST);                       \
    fp[FIELD(0)] = expected;                                                   \
    ATOMIC_END
CMPXCHG(I32_ATOMIC_RMW_CMPXCHG, uint32_t, uint32_t)
CMPXCHG(I64_ATOMIC_RMW_CMPXCHG, uint64_t, uint64_t)
CMPXCHG(I32_ATOMIC_RMW8_CMPXCHG_U, uint8_t, uint32_t)
CMPXCHG(I32_ATOMIC_RMW16_CMPXCHG_U, uint16_t, uint32_t)
CMPXCHG(I64_ATOMIC_RMW8_CMPXCHG_U, uint8_t, uint64_t)
CMPXCHG(I64_ATOMIC_RMW16_CMPXCHG_U, uint16_t, uint64_t)
CMPXCHG(I64_ATOMIC_RMW32_CMPXCHG_U, uint32_t, uint64_t)

#define IS_SHARED inst->memories[(uint32_t)pc[3]]->limits.shared

#define WAIT(op, T, bytes)                                                     \
    ATOMIC(op, T)                                                              \
    if (UNLIKELY(!IS_SHARED))                                                  \
        JUMP(trap_not_shared);                                                 \
    fp[FIELD(0)] =                                                             \
        vm_atomic_wait(p, bytes, fp[FIELD(2)], (int64_t)fp[FIELD(3)]);         \
    ATOMIC_END
WAIT(MEMORY_ATOMIC_WAIT32, uint32_t, 4)
WAIT(MEMORY_ATOMIC_WAIT64, uint64_t, 8)

ATOMIC(MEMORY_ATOMIC_NOTIFY, uint32_t)
fp[FIELD(0)] = IS_SHARED ? vm_atomic_notify(p, (uint32_t)fp[FIELD(2)]) : 0;
ATOMIC_END

HANDLER(vm_x_ATOMIC_FENCE)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    NEXT(2);
}
