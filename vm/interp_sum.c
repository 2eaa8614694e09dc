/*
 * interp_sum.c - handlers: loads and stores whose address is a 32-bit sum.
 *
 *     x + K    load   field 0: destination, 1: x, imm32: offset + size | K
 *              store  field 0: x, 1: value, imm32: offset + size | K
 *     x + y    load   fields: destination, x, y, offset + size
 *              store  fields: x, y, value, offset + size
 *
 * A constant value follows in a cell of its own.
 */
#include "vm/interp.h"

#define PAIRS_K(TO, X, op) TO(X, op, S, K) TO(X, op, P, K) TO(X, op, Q, K)
#define PAIRS_XY(TO, X, op)                                                    \
    TO(X, op, S, S)                                                            \
    TO(X, op, P, S)                                                            \
    TO(X, op, Q, S) TO(X, op, P, Q) TO(X, op, P, P) TO(X, op, Q, Q)
#define PAIRS(TO, X, op) PAIRS_K(TO, X, op) PAIRS_XY(TO, X, op)

/* x, given its field */
#define X_S(k) fp[FIELD(k)]
#define X_P(k) l0
#define X_Q(k) l1

/* The sum for a load (x in field 1) and for a store (in field 0), and the
 * offset that goes with it. */
#define SUM(a, b, first) SUM_##b(a, b, first)
#define SUM_K(a, b, first) ((uint32_t)X_##a(first) + (uint32_t)pc[2])
#define SUM_S(a, b, first) SUM_XY(a, b, first)
#define SUM_P(a, b, first) SUM_XY(a, b, first)
#define SUM_Q(a, b, first) SUM_XY(a, b, first)
#define SUM_XY(a, b, first)                                                    \
    ((uint32_t)X_##a(first) + (uint32_t)X_##b(first + 1))
#define OFFSET(b) OFFSET_##b
#define OFFSET_K ((uint64_t)(uint32_t)IMM32)
#define OFFSET_S FIELD(3)
#define OFFSET_P FIELD(3)
#define OFFSET_Q FIELD(3)
#define CELLS(b) CELLS_##b
#define CELLS_K 3
#define CELLS_S 2
#define CELLS_P 2
#define CELLS_Q 2

#define CHECK(end)                                                             \
    __asm__("" : "+r"(end)); /* else the sum is computed twice */              \
    if (UNLIKELY(end > msize))                                                 \
    JUMP(vm_trap_memory)

/* ---- loads
 * --------------------------------------------------------------------- */

#define TO_INT(X, op, a, b)                                                    \
    X(op, a, b, S) X(op, a, b, A) X(op, a, b, P) X(op, a, b, Q)
#define TO_F32(X, op, a, b) X(op, a, b, S) X(op, a, b, A)
#define TO_F64(X, op, a, b) X(op, a, b, S) X(op, a, b, A) X(op, a, b, P)

#define LOAD(op, a, b, d)                                                      \
    static HANDLER(op##_##a##b##d)                                             \
    {                                                                          \
        uint64_t end = (uint64_t)SUM(a, b, 1) + OFFSET(b);                     \
        mem_##op v;                                                            \
        CHECK(end);                                                            \
        memcpy(&v, mem + end - sizeof v, sizeof v);                            \
        PUT_##op(d, v);                                                        \
        NEXT(CELLS(b));                                                        \
    }
#define ITEM(op, a, b, d) [ROW_AT(a, b, d)] = op##_##a##b##d,
#define LOADS(op, M, TO)                                                       \
    typedef M mem_##op;                                                        \
    PAIRS(TO, LOAD, op)                                                        \
    extern const vm_handler vm_sum_##op[VM_ROW];                               \
    const vm_handler vm_sum_##op[VM_ROW] = {PAIRS(TO, ITEM, op)};

#define PUT_I32_LOAD(d, v) INT_PUT_##d((uint64_t)(uint32_t)(v))
#define PUT_I32_LOAD8_U(d, v) INT_PUT_##d((uint64_t)(uint32_t)(v))
#define PUT_I32_LOAD8_S(d, v) INT_PUT_##d((uint64_t)(uint32_t)(v))
#define PUT_I32_LOAD16_U(d, v) INT_PUT_##d((uint64_t)(uint32_t)(v))
#define PUT_I32_LOAD16_S(d, v) INT_PUT_##d((uint64_t)(uint32_t)(v))
#define PUT_I64_LOAD(d, v) INT_PUT_##d((uint64_t)(v))
#define PUT_F32_LOAD(d, v) FLT_PUT_##d(f32, v)
#define PUT_F64_LOAD(d, v) FLT_PUT_##d(f64, v)

LOADS(I32_LOAD, uint32_t, TO_INT)
LOADS(I64_LOAD, uint64_t, TO_INT)
LOADS(I32_LOAD8_U, uint8_t, TO_INT)
LOADS(I32_LOAD8_S, int8_t, TO_INT)
LOADS(I32_LOAD16_U, uint16_t, TO_INT)
LOADS(I32_LOAD16_S, int16_t, TO_INT)
LOADS(F32_LOAD, f32, TO_F32)
LOADS(F64_LOAD, f64, TO_F64)

/* ---- stores
 * ---------------------------------------------------------------------- */

#define OF_INT(X, op, a, b)                                                    \
    X(op, a, b, S) X(op, a, b, K) X(op, a, b, A) X(op, a, b, P) X(op, a, b, Q)
#define OF_F32(X, op, a, b) X(op, a, b, S) X(op, a, b, A)
#define OF_F64(X, op, a, b) X(op, a, b, S) X(op, a, b, A) X(op, a, b, P)

#define VALUE_FIELD(b) VALUE_FIELD_##b
#define VALUE_FIELD_K FIELD(1)
#define VALUE_FIELD_S FIELD(2)
#define VALUE_FIELD_P FIELD(2)
#define VALUE_FIELD_Q FIELD(2)
#define MORE_S 0
#define MORE_K 1
#define MORE_A 0
#define MORE_P 0
#define MORE_Q 0

#define INT_VALUE_S(b) fp[VALUE_FIELD(b)]
#define INT_VALUE_K(b) pc[CELLS(b)]
#define INT_VALUE_A(b) acc
#define INT_VALUE_P(b) l0
#define INT_VALUE_Q(b) l1
#define F32_VALUE_S(b) get_f32(&fp[VALUE_FIELD(b)])
#define F32_VALUE_A(b) fs
#define F64_VALUE_S(b) get_f64(&fp[VALUE_FIELD(b)])
#define F64_VALUE_A(b) fd
#define F64_VALUE_P(b) d0

#define STORE(op, a, b, v)                                                     \
    static HANDLER(op##_##a##b##v)                                             \
    {                                                                          \
        uint64_t end = (uint64_t)SUM(a, b, 0) + OFFSET(b);                     \
        mem_##op value = (mem_##op)VALUE_##op(v, b);                           \
        CHECK(end);                                                            \
        memcpy(mem + end - sizeof value, &value, sizeof value);                \
        NEXT(CELLS(b) + MORE_##v);                                             \
    }
#define STORES(op, M, OF)                                                      \
    typedef M mem_##op;                                                        \
    PAIRS(OF, STORE, op)                                                       \
    extern const vm_handler vm_sum_##op[VM_ROW];                               \
    const vm_handler vm_sum_##op[VM_ROW] = {PAIRS(OF, ITEM, op)};

#define VALUE_I32_STORE(v, b) INT_VALUE_##v(b)
#define VALUE_I64_STORE(v, b) INT_VALUE_##v(b)
#define VALUE_I32_STORE8(v, b) INT_VALUE_##v(b)
#define VALUE_I32_STORE16(v, b) INT_VALUE_##v(b)
#define VALUE_F32_STORE(v, b) F32_VALUE_##v(b)
#define VALUE_F64_STORE(v, b) F64_VALUE_##v(b)

STORES(I32_STORE, uint32_t, OF_INT)
STORES(I64_STORE, uint64_t, OF_INT)
STORES(I32_STORE8, uint8_t, OF_INT)
STORES(I32_STORE16, uint16_t, OF_INT)
STORES(F32_STORE, f32, OF_F32)
STORES(F64_STORE, f64, OF_F64)

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
