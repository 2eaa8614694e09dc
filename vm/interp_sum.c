/*
 * interp_sum.c - handlers: loads and stores whose address is a 32-bit sum.
 */
#include "vm/bodies.h"

/* TO: for x + K; FEW: for x + y. */
#define PAIRS(TO, FEW, X, op)                                                  \
    TO(X, op, S, K)                                                            \
    TO(X, op, P, K)                                                            \
    TO(X, op, Q, K) FEW(X, op, S, S) FEW(X, op, P, S) FEW(X, op, Q, S)

/* ---- loads
 * --------------------------------------------------------------------- */

#define TO_INT(X, op, a, b)                                                    \
    X(op, a, b, S) X(op, a, b, A) X(op, a, b, P) X(op, a, b, Q)
#define TO_SA(X, op, a, b) X(op, a, b, S) X(op, a, b, A)
#define TO_F64(X, op, a, b) X(op, a, b, S) X(op, a, b, A) X(op, a, b, P)

#define LOAD(op, a, b, d) static ONE(SUM_LOAD, op, a, b, d)
#define ITEM(op, a, b, d) [ROW_AT(a, b, d)] = op##_##a##b##d,
#define LOADS(op, TO)                                                          \
    PAIRS(TO, TO_SA, LOAD, op)                                                 \
    const vm_handler vm_sum_##op[VM_ROW] = {PAIRS(TO, TO_SA, ITEM, op)};

LOADS(I32_LOAD, TO_INT)
LOADS(I64_LOAD, TO_INT)
LOADS(I32_LOAD8_U, TO_INT)
LOADS(I32_LOAD8_S, TO_INT)
LOADS(I32_LOAD16_U, TO_INT)
LOADS(I32_LOAD16_S, TO_INT)
LOADS(F32_LOAD, TO_SA)
LOADS(F64_LOAD, TO_F64)

/* ---- stores
 * ---------------------------------------------------------------------- */

#define OF_INT(X, op, a, b)                                                    \
    X(op, a, b, S) X(op, a, b, K) X(op, a, b, A) X(op, a, b, P) X(op, a, b, Q)
#define OF_SKA(X, op, a, b) X(op, a, b, S) X(op, a, b, K) X(op, a, b, A)
#define OF_SA(X, op, a, b) X(op, a, b, S) X(op, a, b, A)
#define OF_F64(X, op, a, b) X(op, a, b, S) X(op, a, b, A) X(op, a, b, P)

#define STORE(op, a, b, v) static ONE(SUM_STORE, op, a, b, v)
#define STORE_ITEM(op, a, b, v) [SUM_STORE_AT(a, b, v)] = op##_##a##b##v,
#define STORES(op, OF, FEW)                                                    \
    PAIRS(OF, FEW, STORE, op)                                                  \
    const vm_handler vm_sum_##op[VM_ROW] = {PAIRS(OF, FEW, STORE_ITEM, op)};

STORES(I32_STORE, OF_INT, OF_SKA)
STORES(I64_STORE, OF_INT, OF_SKA)
STORES(I32_STORE8, OF_INT, OF_SKA)
STORES(I32_STORE16, OF_INT, OF_SKA)
STORES(F32_STORE, OF_SA, OF_SA)
STORES(F64_STORE, OF_F64, OF_SA)

const vm_handler *const vm_sum_rows[VM_OP_COUNT] = {
    [VM_OP_I32_LOAD] = vm_sum_I32_LOAD,
    [VM_OP_I64_LOAD] = vm_sum_I64_LOAD,
    [VM_OP_I32_LOAD8_U] = vm_sum_I32_LOAD8_U,
    [VM_OP_I32_LOAD8_S] = vm_sum_I32_LOAD8_S,
    [VM_OP_I32_LOAD16_U] = vm_sum_I32_LOAD16_U,
    [VM_OP_I32_LOAD16_S] = vm_sum_I32_LOAD16_S,
    [VM_OP_I64_LOAD8_U] = vm_sum_I32_LOAD8_U,
    [VM_OP_I64_LOAD16_U] = vm_sum_I32_LOAD16_U,
    [VM_OP_I64_LOAD32_U] = vm_sum_I32_LOAD,
    [VM_OP_F32_LOAD] = vm_sum_F32_LOAD,
    [VM_OP_F64_LOAD] = vm_sum_F64_LOAD,
    [VM_OP_I32_STORE] = vm_sum_I32_STORE,
    [VM_OP_I64_STORE] = vm_sum_I64_STORE,
    [VM_OP_I32_STORE8] = vm_sum_I32_STORE8,
    [VM_OP_I32_STORE16] = vm_sum_I32_STORE16,
    [VM_OP_I64_STORE8] = vm_sum_I32_STORE8,
    [VM_OP_I64_STORE16] = vm_sum_I32_STORE16,
    [VM_OP_I64_STORE32] = vm_sum_I32_STORE,
    [VM_OP_F32_STORE] = vm_sum_F32_STORE,
    [VM_OP_F64_STORE] = vm_sum_F64_STORE,
};
