/*
 * interp_int.c - handlers: integer arithmetic and comparisons.
 */
#include "vm/bodies.h"

/* Tables of macros: laid out by hand. */
/* clang-format off */

/* ---- variants ---------------------------------------------------------------
 *
 * The compiler orders commutative operands: registers, then slot, then K.  What
 * is not here has not been seen to matter: it costs a move to a slot.
 */

#define TO_ALL(X, op, a, b)                                                    \
    X(op, a, b, S) X(op, a, b, A) X(op, a, b, P) X(op, a, b, Q)
#define TO_SA(X, op, a, b) X(op, a, b, S) X(op, a, b, A)

/* TO: for pairs with a constant; FEW: for the others. */
#define PAIRS_BASE(TO, FEW, X, op)                                             \
    TO(X, op, S, K) TO(X, op, A, K) TO(X, op, P, K) TO(X, op, Q, K)            \
    FEW(X, op, S, S) FEW(X, op, A, S) FEW(X, op, P, S) FEW(X, op, Q, S)
#define PAIRS_TWO_PINNED(TO, FEW, X, op)                                       \
    PAIRS_BASE(TO, FEW, X, op)                                                 \
    FEW(X, op, A, P) FEW(X, op, A, Q) FEW(X, op, P, Q)
#define PAIRS_ORDERED_64(TO, FEW, X, op)                                       \
    PAIRS_BASE(TO, FEW, X, op) FEW(X, op, S, A) FEW(X, op, K, S)               \
    FEW(X, op, K, A)
#define PAIRS_ORDERED_32(TO, FEW, X, op)                                       \
    PAIRS_BASE(TO, FEW, X, op) FEW(X, op, A, P) FEW(X, op, A, Q)               \
    FEW(X, op, S, A) FEW(X, op, K, S) FEW(X, op, K, A)                         \
    FEW(X, op, S, P) FEW(X, op, S, Q) FEW(X, op, K, P) FEW(X, op, K, Q)
#define PAIRS_COMPARE_64(TO, FEW, X, op)                                       \
    FEW(X, op, S, K) FEW(X, op, A, K) FEW(X, op, P, K) FEW(X, op, Q, K)        \
    FEW(X, op, S, S) FEW(X, op, A, S)
#define PAIRS_DIVIDE(TO, FEW, X, op)                                           \
    FEW(X, op, S, S) FEW(X, op, S, K) FEW(X, op, A, S) FEW(X, op, A, K)        \
    FEW(X, op, S, A) FEW(X, op, P, K) FEW(X, op, Q, K)

#define INT_32(op, a, b, d) static ONE(INT, 32, op, a, b, d)
#define INT_64(op, a, b, d) static ONE(INT, 64, op, a, b, d)

#define ROW_ITEM(op, a, b, d) [ROW_AT(a, b, d)] = op##_##a##b##d,
#define MAKE(PAIRS, TO, FEW, X, op)                                            \
    PAIRS(TO, FEW, X, op)                                                      \
    const vm_handler vm_row_##op[VM_ROW] = {PAIRS(TO, FEW, ROW_ITEM, op)};

/* ---- division
 * ------------------------------------------------------------------ */

#define DIVIDE_S(T, U, x, y, MIN)                                              \
    if (UNLIKELY(!(T)(y)))                                                     \
        JUMP(vm_trap_divide);                                                  \
    if (UNLIKELY((T)(y) == -1 && (T)(x) == MIN))                               \
        JUMP(vm_trap_overflow);                                                \
    x = (U)((T)(x) / (T)(y));
#define DIVIDE_U(U, x, y, operator)                                            \
    if (UNLIKELY(!(U)(y)))                                                     \
        JUMP(vm_trap_divide);                                                  \
    x = (U)(x) operator(U)(y);
#define REMAINDER_S(T, U, x, y)                                                \
    if (UNLIKELY(!(T)(y)))                                                     \
        JUMP(vm_trap_divide);                                                  \
    x = (T)(y) == -1 ? 0 : (U)((T)(x) % (T)(y));

#define DO_I32_DIV_S(x, y) DIVIDE_S(int32_t, uint32_t, x, y, INT32_MIN)
#define DO_I32_DIV_U(x, y) DIVIDE_U(uint32_t, x, y, /)
#define DO_I32_REM_S(x, y) REMAINDER_S(int32_t, uint32_t, x, y)
#define DO_I32_REM_U(x, y) DIVIDE_U(uint32_t, x, y, %)
#define DO_I64_DIV_S(x, y) DIVIDE_S(int64_t, uint64_t, x, y, INT64_MIN)
#define DO_I64_DIV_U(x, y) DIVIDE_U(uint64_t, x, y, /)
#define DO_I64_REM_S(x, y) REMAINDER_S(int64_t, uint64_t, x, y)
#define DO_I64_REM_U(x, y) DIVIDE_U(uint64_t, x, y, %)

#define DIVISION(W, op, a, b, d)                                               \
    static HANDLER(op##_##a##b##d)                                             \
    {                                                                          \
        uint64_t x = INT_A_##a(W), y = INT_B_##b(W, a);                        \
        DO_##op(x, y) INT_PUT_##d(x);                                          \
        NEXT(INT_CELLS_##W(a, b));                                             \
    }
#define DIVIDE_32(op, a, b, d) DIVISION(32, op, a, b, d)
#define DIVIDE_64(op, a, b, d) DIVISION(64, op, a, b, d)

/* ---- rows ------------------------------------------------------------------- */

#define COMMUTATIVE_32(op) MAKE(PAIRS_TWO_PINNED, TO_ALL, TO_ALL, INT_32, op)
#define COMMUTATIVE_64(op) MAKE(PAIRS_TWO_PINNED, TO_ALL, TO_SA, INT_64, op)
#define ORDERED_32(op) MAKE(PAIRS_ORDERED_32, TO_ALL, TO_SA, INT_32, op)
#define ORDERED_64(op) MAKE(PAIRS_ORDERED_64, TO_SA, TO_SA, INT_64, op)
/* Comparisons come in both directions, so operands can be ordered too. */
#define COMPARE_32(op) MAKE(PAIRS_TWO_PINNED, TO_SA, TO_SA, INT_32, op)
#define COMPARE_64(op) MAKE(PAIRS_COMPARE_64, TO_SA, TO_SA, INT_64, op)
#define DIVISION_32(op) MAKE(PAIRS_DIVIDE, TO_SA, TO_SA, DIVIDE_32, op)
#define DIVISION_64(op) MAKE(PAIRS_DIVIDE, TO_SA, TO_SA, DIVIDE_64, op)
VM_I32_COMMUTATIVE(COMMUTATIVE_32)
VM_I64_COMMUTATIVE(COMMUTATIVE_64)
VM_I32_ORDERED(ORDERED_32)
VM_I64_ORDERED(ORDERED_64)
VM_I32_COMPARE(COMPARE_32)
VM_I64_COMPARE(COMPARE_64)
VM_I32_DIVIDE(DIVISION_32)
VM_I64_DIVIDE(DIVISION_64)

/* ---- one operand ------------------------------------------------------------ */

#define UNARY_PAIRS(X, op)                                                     \
    UNARY_TO(X, op, S) UNARY_TO(X, op, A) UNARY_TO(X, op, P) UNARY_TO(X, op, Q)
#define UNARY_TO(X, op, a) X(op, a, S) X(op, a, A)
#define UNARY_ITEM(op, a, d) [ROW_AT(a, S, d)] = op##_##a##d,
#define UNARY_HANDLER(op, a, d) static ONE(UNARY, op, a, d)
#define UNARY(op)                                                              \
    UNARY_PAIRS(UNARY_HANDLER, op)                                             \
    const vm_handler vm_row_##op[VM_ROW_OF_ONE] = {UNARY_PAIRS(UNARY_ITEM, op)};
VM_INT_UNARY(UNARY)

/* ---- shift and add ---------------------------------------------------------- */

#define SHL_ITEM(a, b, d) [ROW_AT(a, b, d)] = shl_add_##a##b##d,
#define SHL_TO(X, a, b) X(a, b, S) X(a, b, A) X(a, b, P) X(a, b, Q)
#define SHL_FROM(X, a) SHL_TO(X, a, S) SHL_TO(X, a, K)
#define SHL_ALL(X)                                                             \
    SHL_FROM(X, S) SHL_FROM(X, A) SHL_FROM(X, P) SHL_FROM(X, Q)                \
    X(A, P, A) X(A, P, S) X(A, Q, A) X(A, Q, S) X(S, P, A) X(S, P, S)          \
    X(S, Q, A) X(S, Q, S)
#define SHL_ADD(a, b, d) static ONE(SHL_ADD, a, b, d)
SHL_ALL(SHL_ADD)
const vm_handler vm_row_SHL_ADD[VM_ROW] = {SHL_ALL(SHL_ITEM)};
