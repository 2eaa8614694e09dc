/*
 * interp_mem.c - handlers: loads and stores.
 *
 *     load    field 0: destination, field 1: address, imm32: offset + size
 *     store   field 0: address, field 1: value, imm32: offset + size; a
 * constant value is the next cell
 *
 * A constant address has been added to the offset.  The first memory with
 * 32-bit addresses lives in registers; everything else goes the far way, with
 * two more cells: offset, and memory index with bit 32 set for 64-bit ones.
 */
#include "vm/bodies.h"

/* Tables of macros: laid out by hand. */
/* clang-format off */

/* ---- loads
 * ------------------------------------------------------------------- */

#define TO_INT(X, op, a) X(op, a, S) X(op, a, A) X(op, a, P) X(op, a, Q)
#define TO_f32(X, op, a) X(op, a, S) X(op, a, A)
#define TO_f64(X, op, a) X(op, a, S) X(op, a, A) X(op, a, P)
#define FROM_ALL(TO, X, op)                                                    \
    TO(X, op, S) TO(X, op, A) TO(X, op, P) TO(X, op, Q) TO(X, op, K)

#define LOAD(op, a, d) static ONE(LOAD, op, a, d)
#define ITEM(op, a, d) [ROW_AT(a, S, d)] = op##_##a##d,

#define INT_LOAD(op, M, T)                                                     \
    FROM_ALL(TO_INT, LOAD, op)                                                 \
    const vm_handler vm_row_##op[VM_ROW_OF_ONE] = {FROM_ALL(TO_INT, ITEM, op)};
VM_INT_LOAD(INT_LOAD)

#define FLOAT_LOAD(op, T)                                                      \
    FROM_ALL(TO_##T, LOAD, op)                                                 \
    const vm_handler vm_row_##op[VM_ROW_OF_ONE] = {FROM_ALL(TO_##T, ITEM, op)};
VM_FLOAT_LOAD(FLOAT_LOAD)

/* ---- stores
 * -------------------------------------------------------------------- */

#define STORE(op, a, b) static ONE(STORE, op, a, b)
#define STORE_ITEM(op, a, b) [ROW_AT(a, b, S)] = op##_##a##b,
#define STORE_PAIRS(X, op)                                                     \
    X(op, S, S)                                                                \
    X(op, S, K)                                                                \
    X(op, S, A)                                                                \
    X(op, S, P)                                                                \
    X(op, S, Q) X(op, A, S) X(op, A, K) X(op, A, P) X(op, A, Q) X(op, P, S)    \
        X(op, P, K) X(op, P, A) X(op, P, P) X(op, P, Q) X(op, Q, S)            \
            X(op, Q, K) X(op, Q, A) X(op, Q, P) X(op, Q, Q) X(op, K, S)        \
                X(op, K, K) X(op, K, A) X(op, K, P) X(op, K, Q)

#define INT_STORE(op, M)                                                       \
    STORE_PAIRS(STORE, op)                                                     \
    const vm_handler vm_row_##op[VM_ROW] = {STORE_PAIRS(STORE_ITEM, op)};
VM_INT_STORE(INT_STORE)

#define FSTORE_PAIRS_f32(X, op)                                             \
    X(op, S, S)                                                             \
    X(op, S, A)                                                             \
    X(op, S, K)                                                             \
    X(op, A, S)                                                             \
    X(op, A, A) X(op, A, K) X(op, P, S) X(op, P, A) X(op, P, K) \
        X(op, Q, S) X(op, Q, A) X(op, Q, K) X(op, K, S)            \
            X(op, K, A) X(op, K, K)
#define FSTORE_PAIRS_f64(X, op)                                             \
    FSTORE_PAIRS_f32(X, op) X(op, S, P) X(op, A, P) X(op, P, P)    \
        X(op, Q, P) X(op, K, P)
#define FLOAT_STORE(op, T)                                                     \
    FSTORE_PAIRS_##T(STORE, op)                                                \
    const vm_handler vm_row_##op[VM_ROW] = {FSTORE_PAIRS_##T(STORE_ITEM, op)};
VM_FLOAT_STORE(FLOAT_STORE)

/* ---- the far way
 * ------------------------------------------------------------------ */

#define FAR_LOAD(op, M, T)                                                     \
    static HANDLER(far_##op)                                                   \
    {                                                                          \
        M v;                                                                   \
        uint8_t *p = far_address(pc, inst, fp[FIELD(1)], sizeof v);            \
        if (UNLIKELY(!p))                                                      \
            JUMP(vm_trap_memory);                                              \
        memcpy(&v, p, sizeof v);                                               \
        fp[FIELD(0)] = (uint64_t)(T)v;                                         \
        NEXT(4);                                                               \
    }
VM_INT_LOAD(FAR_LOAD)

#define FAR_STORE(op, M)                                                       \
    static HANDLER(far_##op)                                                   \
    {                                                                          \
        M v = (M)fp[FIELD(1)];                                                 \
        uint8_t *p = far_address(pc, inst, fp[FIELD(0)], sizeof v);            \
        if (UNLIKELY(!p))                                                      \
            JUMP(vm_trap_memory);                                              \
        memcpy(p, &v, sizeof v);                                               \
        NEXT(4);                                                               \
    }
VM_INT_STORE(FAR_STORE)

#define FAR_ITEM(op, M, ...) [VM_OP_##op] = far_##op,
#define FAR_ALIAS(op, as) [VM_OP_##op] = far_##as,
const vm_handler vm_far[VM_OP_COUNT] = {
    VM_INT_LOAD(FAR_ITEM) VM_INT_STORE(FAR_ITEM) VM_INT_LOAD_ALIAS(FAR_ALIAS)
        VM_INT_STORE_ALIAS(FAR_ALIAS)[VM_OP_F32_LOAD] = far_I32_LOAD,
    [VM_OP_F64_LOAD] = far_I64_LOAD,
    [VM_OP_F32_STORE] = far_I32_STORE,
    [VM_OP_F64_STORE] = far_I64_STORE,
};
