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
#include "vm/interp.h"

/* Tables of macros: laid out by hand. */
/* clang-format off */

/* All addresses are those of the end of the access: that is what is compared,
 * and the offset includes the size. */
#define OFFSET ((uint64_t)(uint32_t)IMM32)
#define ADDR_S ((uint64_t)(uint32_t)fp[FIELD(1)] + OFFSET)
#define ADDR_A ((uint64_t)(uint32_t)acc + OFFSET)
#define ADDR_P ((uint64_t)(uint32_t)l0 + OFFSET)
#define ADDR_Q ((uint64_t)(uint32_t)l1 + OFFSET)
#define ADDR_K OFFSET
#define STORE_ADDR_S ((uint64_t)(uint32_t)fp[FIELD(0)] + OFFSET)
#define STORE_ADDR_A ADDR_A
#define STORE_ADDR_P ADDR_P
#define STORE_ADDR_Q ADDR_Q
#define STORE_ADDR_K ADDR_K

#define CHECK(end)                                                             \
    __asm__("" : "+r"(end)); /* else the sum is computed twice */              \
    if (UNLIKELY(end > msize))                                                 \
    JUMP(vm_trap_memory)

/* ---- loads
 * ------------------------------------------------------------------- */

#define TO_INT(X, op, a) X(op, a, S) X(op, a, A) X(op, a, P) X(op, a, Q)
#define TO_f32(X, op, a) X(op, a, S) X(op, a, A)
#define TO_f64(X, op, a) X(op, a, S) X(op, a, A) X(op, a, P)
#define FROM_ALL(TO, X, op)                                                    \
    TO(X, op, S) TO(X, op, A) TO(X, op, P) TO(X, op, Q) TO(X, op, K)

#define LOAD(op, a, d)                                                         \
    static HANDLER(op##_##a##d)                                                \
    {                                                                          \
        uint64_t end = ADDR_##a;                                               \
        mem_##op v;                                                            \
        CHECK(end);                                                            \
        memcpy(&v, mem + end - sizeof v, sizeof v);                            \
        PUT_##op(d, v);                                                        \
        NEXT(2);                                                               \
    }
#define ITEM(op, a, d) [ROW_AT(a, S, d)] = op##_##a##d,

#define INT_PUT_AS(d, T, v) INT_PUT_##d((uint64_t)(T)(v))
#define FLT_PUT_AS(d, T, v) FLT_PUT_##d(T, v)

#define PUT_I32_LOAD(d, v) INT_PUT_AS(d, uint32_t, v)
#define PUT_I64_LOAD(d, v) INT_PUT_AS(d, uint64_t, v)
#define PUT_I32_LOAD8_S(d, v) INT_PUT_AS(d, uint32_t, v)
#define PUT_I32_LOAD8_U(d, v) INT_PUT_AS(d, uint32_t, v)
#define PUT_I32_LOAD16_S(d, v) INT_PUT_AS(d, uint32_t, v)
#define PUT_I32_LOAD16_U(d, v) INT_PUT_AS(d, uint32_t, v)
#define PUT_I64_LOAD8_S(d, v) INT_PUT_AS(d, uint64_t, v)
#define PUT_I64_LOAD16_S(d, v) INT_PUT_AS(d, uint64_t, v)
#define PUT_I64_LOAD32_S(d, v) INT_PUT_AS(d, uint64_t, v)
#define PUT_F32_LOAD(d, v) FLT_PUT_AS(d, f32, v)
#define PUT_F64_LOAD(d, v) FLT_PUT_AS(d, f64, v)

#define INT_LOAD(op, M, T)                                                     \
    typedef M mem_##op;                                                        \
    FROM_ALL(TO_INT, LOAD, op)                                                 \
    extern const vm_handler vm_row_##op[VM_ROW];                               \
    const vm_handler vm_row_##op[VM_ROW] = {FROM_ALL(TO_INT, ITEM, op)};
VM_INT_LOAD(INT_LOAD)

#define FLOAT_LOAD(op, T)                                                      \
    typedef T mem_##op;                                                        \
    FROM_ALL(TO_##T, LOAD, op)                                                 \
    extern const vm_handler vm_row_##op[VM_ROW];                               \
    const vm_handler vm_row_##op[VM_ROW] = {FROM_ALL(TO_##T, ITEM, op)};
VM_FLOAT_LOAD(FLOAT_LOAD)

/* ---- stores
 * -------------------------------------------------------------------- */

#define VALUE_S fp[FIELD(1)]
#define VALUE_A acc
#define VALUE_P l0
#define VALUE_Q l1
#define VALUE_K pc[2]
#define CELLS_S 2
#define CELLS_A 2
#define CELLS_P 2
#define CELLS_Q 2
#define CELLS_K 3

#define STORE(op, a, b)                                                        \
    static HANDLER(op##_##a##b)                                                \
    {                                                                          \
        uint64_t end = STORE_ADDR_##a;                                         \
        mem_##op v = (mem_##op)VALUE_##b;                                      \
        CHECK(end);                                                            \
        memcpy(mem + end - sizeof v, &v, sizeof v);                            \
        NEXT(CELLS_##b);                                                       \
    }
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
    typedef M mem_##op;                                                        \
    STORE_PAIRS(STORE, op)                                                     \
    extern const vm_handler vm_row_##op[VM_ROW];                               \
    const vm_handler vm_row_##op[VM_ROW] = {STORE_PAIRS(STORE_ITEM, op)};
VM_INT_STORE(INT_STORE)

#define FVALUE_S(T) get_##T(&fp[FIELD(1)])
#define FVALUE_A(T) FLT_ACC_##T
#define FVALUE_P(T) d0
#define FVALUE_K(T) get_##T(&pc[2])
#define FSTORE(op, T, a, b)                                                    \
    static HANDLER(op##_##a##b)                                                \
    {                                                                          \
        uint64_t end = STORE_ADDR_##a;                                         \
        T v = FVALUE_##b(T);                                                   \
        CHECK(end);                                                            \
        memcpy(mem + end - sizeof v, &v, sizeof v);                            \
        NEXT(CELLS_##b);                                                       \
    }
#define FSTORE_ITEM(op, T, a, b) [ROW_AT(a, b, S)] = op##_##a##b,
#define FSTORE_PAIRS_f32(X, op, T)                                             \
    X(op, T, S, S)                                                             \
    X(op, T, S, A)                                                             \
    X(op, T, S, K)                                                             \
    X(op, T, A, S)                                                             \
    X(op, T, A, A) X(op, T, A, K) X(op, T, P, S) X(op, T, P, A) X(op, T, P, K) \
        X(op, T, Q, S) X(op, T, Q, A) X(op, T, Q, K) X(op, T, K, S)            \
            X(op, T, K, A) X(op, T, K, K)
#define FSTORE_PAIRS_f64(X, op, T)                                             \
    FSTORE_PAIRS_f32(X, op, T) X(op, T, S, P) X(op, T, A, P) X(op, T, P, P)    \
        X(op, T, Q, P) X(op, T, K, P)
#define FLOAT_STORE(op, T)                                                     \
    FSTORE_PAIRS_##T(FSTORE, op,                                               \
                     T) extern const vm_handler vm_row_##op[VM_ROW];           \
    const vm_handler vm_row_##op[VM_ROW] = {                                   \
        FSTORE_PAIRS_##T(FSTORE_ITEM, op, T)};
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
