/*
 * interp_int.c - handlers: integer arithmetic and comparisons.
 */
#include "vm/interp.h"

/* Tables of macros: laid out by hand. */
/* clang-format off */

/* ---- what each computes, from two 64-bit operands ---------------------------
 */

#define U32(x) ((uint32_t)(x))
#define S32(x) ((int32_t)(x))
#define S64(x) ((int64_t)(x))

#define CALC_I32_ADD(x, y) (U32(x) + U32(y))
#define CALC_I32_SUB(x, y) (U32(x) - U32(y))
#define CALC_I32_MUL(x, y) (U32(x) * U32(y))
#define CALC_I32_AND(x, y) (U32(x) & U32(y))
#define CALC_I32_OR(x, y) (U32(x) | U32(y))
#define CALC_I32_XOR(x, y) (U32(x) ^ U32(y))
#define CALC_I32_SHL(x, y) (U32(x) << (U32(y) & 31))
#define CALC_I32_SHR_S(x, y) U32(S32(x) >> (U32(y) & 31))
#define CALC_I32_SHR_U(x, y) (U32(x) >> (U32(y) & 31))
#define CALC_I32_ROTL(x, y) rotl32(U32(x), U32(y))
#define CALC_I32_ROTR(x, y) rotl32(U32(x), -U32(y))
#define CALC_I64_ADD(x, y) ((x) + (y))
#define CALC_I64_SUB(x, y) ((x) - (y))
#define CALC_I64_MUL(x, y) ((x) * (y))
#define CALC_I64_AND(x, y) ((x) & (y))
#define CALC_I64_OR(x, y) ((x) | (y))
#define CALC_I64_XOR(x, y) ((x) ^ (y))
#define CALC_I64_SHL(x, y) ((x) << ((y) & 63))
#define CALC_I64_SHR_S(x, y) ((uint64_t)(S64(x) >> ((y) & 63)))
#define CALC_I64_SHR_U(x, y) ((x) >> ((y) & 63))
#define CALC_I64_ROTL(x, y) rotl64(x, y)
#define CALC_I64_ROTR(x, y) rotl64(x, -(y))

#define CALC_I32_EQ(x, y) (U32(x) == U32(y))
#define CALC_I32_NE(x, y) (U32(x) != U32(y))
#define CALC_I32_LT_S(x, y) (S32(x) < S32(y))
#define CALC_I32_LT_U(x, y) (U32(x) < U32(y))
#define CALC_I32_GT_S(x, y) (S32(x) > S32(y))
#define CALC_I32_GT_U(x, y) (U32(x) > U32(y))
#define CALC_I32_LE_S(x, y) (S32(x) <= S32(y))
#define CALC_I32_LE_U(x, y) (U32(x) <= U32(y))
#define CALC_I32_GE_S(x, y) (S32(x) >= S32(y))
#define CALC_I32_GE_U(x, y) (U32(x) >= U32(y))
#define CALC_I64_EQ(x, y) ((x) == (y))
#define CALC_I64_NE(x, y) ((x) != (y))
#define CALC_I64_LT_S(x, y) (S64(x) < S64(y))
#define CALC_I64_LT_U(x, y) ((x) < (y))
#define CALC_I64_GT_S(x, y) (S64(x) > S64(y))
#define CALC_I64_GT_U(x, y) ((x) > (y))
#define CALC_I64_LE_S(x, y) (S64(x) <= S64(y))
#define CALC_I64_LE_U(x, y) ((x) <= (y))
#define CALC_I64_GE_S(x, y) (S64(x) >= S64(y))
#define CALC_I64_GE_U(x, y) ((x) >= (y))

#define CALC_I32_CLZ(x) (U32(x) ? U32(__builtin_clz(U32(x))) : 32)
#define CALC_I32_CTZ(x) (U32(x) ? U32(__builtin_ctz(U32(x))) : 32)
#define CALC_I32_POPCNT(x) U32(__builtin_popcount(U32(x)))
#define CALC_I64_CLZ(x) ((x) ? (uint64_t)__builtin_clzll(x) : 64)
#define CALC_I64_CTZ(x) ((x) ? (uint64_t)__builtin_ctzll(x) : 64)
#define CALC_I64_POPCNT(x) (uint64_t)__builtin_popcountll(x)
#define CALC_I32_EXTEND8_S(x) U32((int8_t)(x))
#define CALC_I32_EXTEND16_S(x) U32((int16_t)(x))
#define CALC_I64_EXTEND8_S(x) ((uint64_t)(int8_t)(x))
#define CALC_I64_EXTEND16_S(x) ((uint64_t)(int16_t)(x))
#define CALC_I64_EXTEND32_S(x) ((uint64_t)(int32_t)(x))
#define CALC_I64_EXTEND_I32_S(x) ((uint64_t)(int32_t)(x))
#define CALC_I64_EXTEND_I32_U(x) ((uint64_t)U32(x))

static inline uint32_t rotl32(uint32_t x, uint32_t n)
{
    return x << (n & 31) | x >> (-n & 31);
}

static inline uint64_t rotl64(uint64_t x, uint64_t n)
{
    return x << (n & 63) | x >> (-n & 63);
}

/* ---- variants
 * ---------------------------------------------------------------- */

#define TO_ALL(X, op, a, b)                                                    \
    X(op, a, b, S) X(op, a, b, A) X(op, a, b, P) X(op, a, b, Q)
#define TO_SA(X, op, a, b) X(op, a, b, S) X(op, a, b, A)

/* The compiler orders commutative operands: registers, then slot, then K. */
#define PAIRS_COMMUTATIVE(TO, X, op)                                           \
    TO(X, op, S, K)                                                            \
    TO(X, op, A, K)                                                            \
    TO(X, op, P, K)                                                            \
    TO(X, op, Q, K)                                                            \
    TO(X, op, S, S) TO(X, op, A, S) TO(X, op, P, S) TO(X, op, Q, S)            \
        TO(X, op, A, P) TO(X, op, A, Q) TO(X, op, P, P) TO(X, op, P, Q)        \
            TO(X, op, Q, Q)
#define PAIRS_ORDERED(TO, X, op)                                               \
    PAIRS_COMMUTATIVE(TO, X, op)                                               \
    TO(X, op, S, A)                                                            \
    TO(X, op, S, P)                                                            \
    TO(X, op, S, Q)                                                            \
    TO(X, op, P, A)                                                            \
    TO(X, op, Q, A) TO(X, op, Q, P) TO(X, op, K, S) TO(X, op, K, A)            \
        TO(X, op, K, P) TO(X, op, K, Q)
#define PAIRS_DIVIDE(TO, X, op)                                                \
    TO(X, op, S, S)                                                            \
    TO(X, op, S, K)                                                            \
    TO(X, op, A, S)                                                            \
    TO(X, op, A, K)                                                            \
    TO(X, op, S, A) TO(X, op, P, S) TO(X, op, P, K) TO(X, op, S, P)            \
        TO(X, op, Q, S) TO(X, op, Q, K) TO(X, op, S, Q)

#define BINARY(op, a, b, d)                                                    \
    static HANDLER(op##_##a##b##d)                                             \
    {                                                                          \
        uint64_t x = INT_A_##a, y = INT_B_##b(a);                              \
        INT_PUT_##d((uint64_t)(CALC_##op(x, y)));                              \
        NEXT(CELLS(a, b));                                                     \
    }

#define ROW_ITEM(op, a, b, d) [ROW_AT(a, b, d)] = op##_##a##b##d,
#define ROW(PAIRS, TO, op)                                                     \
    extern const vm_handler vm_row_##op[VM_ROW];                               \
    const vm_handler vm_row_##op[VM_ROW] = {PAIRS(TO, ROW_ITEM, op)};

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

#define DIVISION(op, a, b, d)                                                  \
    static HANDLER(op##_##a##b##d)                                             \
    {                                                                          \
        uint64_t x = INT_A_##a, y = INT_B_##b(a);                              \
        DO_##op(x, y) INT_PUT_##d(x);                                          \
        NEXT(CELLS(a, b));                                                     \
    }
#define DIVIDE(op)                                                             \
    PAIRS_DIVIDE(TO_ALL, DIVISION, op) ROW(PAIRS_DIVIDE, TO_ALL, op)

/* ---- i32: constants are immediates
 * --------------------------------------------- */

#define COMMUTATIVE(op)                                                        \
    PAIRS_COMMUTATIVE(TO_ALL, BINARY, op) ROW(PAIRS_COMMUTATIVE, TO_ALL, op)
#define ORDERED(op)                                                            \
    PAIRS_ORDERED(TO_ALL, BINARY, op) ROW(PAIRS_ORDERED, TO_ALL, op)
/* Comparisons come in both directions, so operands can be ordered too. */
#define COMPARE(op)                                                            \
    PAIRS_COMMUTATIVE(TO_SA, BINARY, op) ROW(PAIRS_COMMUTATIVE, TO_SA, op)

#define KONST ((uint32_t)IMM32)
#define KONST_SLOT FIELD(1)
#define CELLS(a, b) 2
VM_I32_COMMUTATIVE(COMMUTATIVE)
VM_I32_ORDERED(ORDERED)
VM_I32_COMPARE(COMPARE)
VM_I32_DIVIDE(DIVIDE)

/* ---- i64: constants are cells
 * ----------------------------------------------------- */

#undef KONST
#undef KONST_SLOT
#undef CELLS
#define KONST pc[2]
#define KONST_SLOT FIELD(2)
#define CELLS_S 0
#define CELLS_A 0
#define CELLS_P 0
#define CELLS_Q 0
#define CELLS_K 1
#define CELLS(a, b) (2 + CELLS_##a + CELLS_##b)
VM_I64_COMMUTATIVE(COMMUTATIVE)
VM_I64_ORDERED(ORDERED)
VM_I64_COMPARE(COMPARE)
VM_I64_DIVIDE(DIVIDE)

/* ---- one operand
 * ---------------------------------------------------------------- */

#define UNARY_PAIRS(TO, X, op)                                                 \
    TO(X, op, S, S) TO(X, op, A, S) TO(X, op, P, S) TO(X, op, Q, S)
#define UNARY_HANDLER(op, a, b, d)                                             \
    static HANDLER(op##_##a##b##d)                                             \
    {                                                                          \
        uint64_t x = INT_A_##a;                                                \
        INT_PUT_##d((uint64_t)(CALC_##op(x)));                                 \
        NEXT(2);                                                               \
    }
#define UNARY(op)                                                              \
    UNARY_PAIRS(TO_ALL, UNARY_HANDLER, op) ROW(UNARY_PAIRS, TO_ALL, op)
VM_INT_UNARY(UNARY)
