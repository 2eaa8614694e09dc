/*
 * atomic.h - waiting on shared memory, and the list of atomic instructions.
 */
#ifndef VYOMA_VM_ATOMIC_H
#define VYOMA_VM_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

/* Tables of macros: laid out by hand. */
/* clang-format off */

#define VM_ATOMICS(X)                                                                                 \
    X(MEMORY_ATOMIC_NOTIFY)                                                                           \
    X(MEMORY_ATOMIC_WAIT32) X(MEMORY_ATOMIC_WAIT64) X(ATOMIC_FENCE) X(                                \
        I32_ATOMIC_LOAD) X(I64_ATOMIC_LOAD) X(I32_ATOMIC_LOAD8_U) X(I32_ATOMIC_LOAD16_U)              \
        X(I64_ATOMIC_LOAD8_U) X(I64_ATOMIC_LOAD16_U) X(I64_ATOMIC_LOAD32_U) X(                        \
            I32_ATOMIC_STORE) X(I64_ATOMIC_STORE) X(I32_ATOMIC_STORE8) X(I32_ATOMIC_STORE16)          \
            X(I64_ATOMIC_STORE8) X(I64_ATOMIC_STORE16) X(I64_ATOMIC_STORE32) X(                       \
                I32_ATOMIC_RMW_ADD) X(I64_ATOMIC_RMW_ADD) X(I32_ATOMIC_RMW8_ADD_U)                    \
                X(I32_ATOMIC_RMW16_ADD_U) X(I64_ATOMIC_RMW8_ADD_U) X(                                 \
                    I64_ATOMIC_RMW16_ADD_U) X(I64_ATOMIC_RMW32_ADD_U) X(I32_ATOMIC_RMW_SUB)           \
                    X(I64_ATOMIC_RMW_SUB) X(I32_ATOMIC_RMW8_SUB_U) X(                                 \
                        I32_ATOMIC_RMW16_SUB_U) X(I64_ATOMIC_RMW8_SUB_U) X(I64_ATOMIC_RMW16_SUB_U)    \
                        X(I64_ATOMIC_RMW32_SUB_U) X(I32_ATOMIC_RMW_AND) X(                            \
                            I64_ATOMIC_RMW_AND) X(I32_ATOMIC_RMW8_AND_U) X(I32_ATOMIC_RMW16_AND_U)    \
                            X(I64_ATOMIC_RMW8_AND_U) X(I64_ATOMIC_RMW16_AND_U) X(                     \
                                I64_ATOMIC_RMW32_AND_U) X(I32_ATOMIC_RMW_OR) X(I64_ATOMIC_RMW_OR)     \
                                X(I32_ATOMIC_RMW8_OR_U) X(I32_ATOMIC_RMW16_OR_U) X(                   \
                                    I64_ATOMIC_RMW8_OR_U) X(I64_ATOMIC_RMW16_OR_U)                    \
                                    X(I64_ATOMIC_RMW32_OR_U) X(I32_ATOMIC_RMW_XOR) X(                 \
                                        I64_ATOMIC_RMW_XOR) X(I32_ATOMIC_RMW8_XOR_U)                  \
                                        X(I32_ATOMIC_RMW16_XOR_U) X(                                  \
                                            I64_ATOMIC_RMW8_XOR_U) X(I64_ATOMIC_RMW16_XOR_U)          \
                                            X(I64_ATOMIC_RMW32_XOR_U) X(                              \
                                                I32_ATOMIC_RMW_XCHG) X(I64_ATOMIC_RMW_XCHG)           \
                                                X(I32_ATOMIC_RMW8_XCHG_U) X(                          \
                                                    I32_ATOMIC_RMW16_XCHG_U)                          \
                                                    X(I64_ATOMIC_RMW8_XCHG_U) X(                      \
                                                        I64_ATOMIC_RMW16_XCHG_U)                      \
                                                        X(I64_ATOMIC_RMW32_XCHG_U) X(                 \
                                                            I32_ATOMIC_RMW_CMPXCHG)                   \
                                                            X(I64_ATOMIC_RMW_CMPXCHG) X(              \
                                                                I32_ATOMIC_RMW8_CMPXCHG_U)            \
                                                                X(I32_ATOMIC_RMW16_CMPXCHG_U)         \
                                                                    X(I64_ATOMIC_RMW8_CMPXCHG_U)      \
                                                                        X(I64_ATOMIC_RMW16_CMPXCHG_U) \
                                                                            X(I64_ATOMIC_RMW32_CMPXCHG_U)

/*
 * Waits at an address of `bytes` (4 or 8) that should hold `expected`, for at
 * most that many nanoseconds (negative: for ever).  0: woken, 1: it held
 * something else, 2: timed out.
 */
uint32_t vm_atomic_wait(void *address, uint32_t bytes, uint64_t expected,
                        int64_t timeout);
/* Wakes up to `count` waiters; returns how many. */
uint32_t vm_atomic_notify(void *address, uint32_t count);

#endif
