/*
 * interp_float.c - handlers: floating point, and conversions.
 *
 *     field 0: destination, field 1: a, field 2: b; a constant is the next cell
 *
 * Rounding is done with integer conversions, since without SSE 4.1 the C
 * library's functions are calls, and handlers must be leaves.
 */
#include "vm/bodies.h"

/* ---- two operands
 * ------------------------------------------------------------ */

#define TO_f32(X, op, T, a, b) X(op, T, a, b, S) X(op, T, a, b, A)
#define TO_f64(X, op, T, a, b)                                                 \
    X(op, T, a, b, S) X(op, T, a, b, A) X(op, T, a, b, P)

#define COMMUTATIVE_f32(TO, X, op, T)                                          \
    TO(X, op, T, S, S) TO(X, op, T, A, S) TO(X, op, T, S, K) TO(X, op, T, A, K)
#define COMMUTATIVE_f64(TO, X, op, T)                                          \
    COMMUTATIVE_f32(TO, X, op, T) TO(X, op, T, P, S) TO(X, op, T, P, K)        \
        TO(X, op, T, A, P) TO(X, op, T, P, P)
#define ORDERED_f32(TO, X, op, T)                                              \
    COMMUTATIVE_f32(TO, X, op, T) TO(X, op, T, S, A) TO(X, op, T, K, S)        \
        TO(X, op, T, K, A)
#define ORDERED_f64(TO, X, op, T)                                              \
    COMMUTATIVE_f64(TO, X, op, T) TO(X, op, T, S, A) TO(X, op, T, K, S)        \
        TO(X, op, T, K, A) TO(X, op, T, S, P) TO(X, op, T, P, A)               \
            TO(X, op, T, K, P)
#define RARE_PAIRS(TO, X, op, T)                                               \
    TO(X, op, T, S, S) TO(X, op, T, A, S) TO(X, op, T, S, K)

#define BINARY(op, T, a, b, d) static ONE(FLOAT, T, op, a, b, d)
#define ITEM(op, T, a, b, d) [ROW_AT(a, b, d)] = op##_##a##b##d,
#define ROW(PAIRS, TO, op, T)                                                  \
    const vm_handler vm_row_##op[VM_ROW] = {PAIRS(TO, ITEM, op, T)};
#define ROW_OF_ONE(PAIRS, TO, op, T)                                           \
    const vm_handler vm_row_##op[VM_ROW_OF_ONE] = {PAIRS(TO, ITEM, op, T)};

#define COMMUTATIVE(op, T)                                                     \
    COMMUTATIVE_##T(TO_##T, BINARY, op, T) ROW(COMMUTATIVE_##T, TO_##T, op, T)
VM_FLOAT_COMMUTATIVE(COMMUTATIVE)
#define ORDERED(op, T)                                                         \
    ORDERED_##T(TO_##T, BINARY, op, T) ROW(ORDERED_##T, TO_##T, op, T)
VM_FLOAT_ORDERED(ORDERED)
#define RARE(op, T)                                                            \
    RARE_PAIRS(TO_##T, BINARY, op, T) ROW(RARE_PAIRS, TO_##T, op, T)
VM_FLOAT_RARE(RARE)

/* ---- one operand
 * --------------------------------------------------------------- */

/*
 * Beyond 2^52 (2^23) every number is an integer already.  Adding and taking
 * away that bound rounds to nearest even in the unit's own mode; the others
 * truncate and adjust.  A NaN goes through an addition, which quiets it (and
 * which the compiler cannot fold).
 */
#define ROUNDING(T, INT, LIMIT, ABS, SIGN)                                     \
    static inline T trunc_##T(T x)                                             \
    {                                                                          \
        return ABS(x) < LIMIT ? SIGN((T)(INT)x, x) : x != x ? x + x : x;       \
    }                                                                          \
    static inline T floor_##T(T x)                                             \
    {                                                                          \
        T t = trunc_##T(x);                                                    \
        return t > x ? t - 1 : t;                                              \
    }                                                                          \
    static inline T ceil_##T(T x)                                              \
    {                                                                          \
        T t = trunc_##T(x);                                                    \
        return t < x ? SIGN(t + 1, x) : t;                                     \
    }                                                                          \
    static inline T nearest_##T(T x)                                           \
    {                                                                          \
        T limit = SIGN(LIMIT, x);                                              \
        return ABS(x) < LIMIT ? SIGN((x + limit) - limit, x)                   \
               : x != x       ? x + x                                          \
                              : x;                                                   \
    }
ROUNDING(f32, int32_t, 8388608.0f, __builtin_fabsf, __builtin_copysignf)
ROUNDING(f64, int64_t, 4503599627370496.0, __builtin_fabs, __builtin_copysign)

#define CALC1_F32_ABS(x) __builtin_fabsf(x)
#define CALC1_F32_NEG(x) (-(x))
#define CALC1_F32_CEIL(x) ceil_f32(x)
#define CALC1_F32_FLOOR(x) floor_f32(x)
#define CALC1_F32_TRUNC(x) trunc_f32(x)
#define CALC1_F32_NEAREST(x) nearest_f32(x)
#define CALC1_F32_SQRT(x) __builtin_sqrtf(x)
#define CALC1_F64_ABS(x) __builtin_fabs(x)
#define CALC1_F64_NEG(x) (-(x))
#define CALC1_F64_CEIL(x) ceil_f64(x)
#define CALC1_F64_FLOOR(x) floor_f64(x)
#define CALC1_F64_TRUNC(x) trunc_f64(x)
#define CALC1_F64_NEAREST(x) nearest_f64(x)
#define CALC1_F64_SQRT(x) __builtin_sqrt(x)

#define UNARY_PAIRS_f32(TO, X, op, T) TO(X, op, T, S, S) TO(X, op, T, A, S)
#define UNARY_PAIRS_f64(TO, X, op, T)                                          \
    UNARY_PAIRS_f32(TO, X, op, T) TO(X, op, T, P, S)
#define UNARY_HANDLER(op, T, a, b, d)                                          \
    static HANDLER(op##_##a##b##d)                                             \
    {                                                                          \
        T x = FLT_A_##a(T);                                                    \
        FLT_PUT_##d(T, CALC1_##op(x));                                         \
        NEXT(2);                                                               \
    }
#define UNARY(op, T)                                                           \
    UNARY_PAIRS_##T(TO_##T, UNARY_HANDLER, op, T)                              \
        ROW_OF_ONE(UNARY_PAIRS_##T, TO_##T, op, T)
VM_FLOAT_UNARY(UNARY)

/* ---- comparisons as values
 * -------------------------------------------------------- */

#define TO_INT(X, op, T, a, b) X(op, T, a, b, S) X(op, T, a, b, A)
#define COMPARE_HANDLER(op, T, a, b, d)                                        \
    static HANDLER(op##_##a##b##d)                                             \
    {                                                                          \
        T x = FLT_A_##a(T), y = FLT_B_##b(T);                                  \
        INT_PUT_##d((uint64_t)CALC_##op(x, y));                                \
        NEXT(2 + MORE_##a + MORE_##b);                                         \
    }
/* The same pairs as for branches, since a comparison may become one. */
#define COMPARE_f32(TO, X, op, T)                                              \
    TO(X, op, T, S, S)                                                         \
    TO(X, op, T, A, S) TO(X, op, T, S, A) TO(X, op, T, S, K) TO(X, op, T, A, K)
#define COMPARE_f64(TO, X, op, T)                                              \
    COMPARE_f32(TO, X, op, T) TO(X, op, T, P, S) TO(X, op, T, P, K)
#define COMPARE(op, T)                                                         \
    COMPARE_##T(TO_INT, COMPARE_HANDLER, op, T) ROW(COMPARE_##T, TO_INT, op, T)
VM_FLOAT_COMPARE(COMPARE)

/* ---- conversions
 * -------------------------------------------------------------------- */

#define INT_SOURCES(TO, X, op, T)                                              \
    TO(X, op, T, S, S) TO(X, op, T, A, S) TO(X, op, T, P, S) TO(X, op, T, Q, S)
#define CONVERT_HANDLER(op, T, a, b, d)                                        \
    static HANDLER(op##_##a##b##d)                                             \
    {                                                                          \
        FLT_PUT_##d(T, (T)(from_##op)(INT_A_##a(_)));                          \
        NEXT(2);                                                               \
    }
#define INT_TO_FLOAT(op, T, FROM)                                              \
    typedef FROM from_##op;                                                    \
    INT_SOURCES(TO_##T, CONVERT_HANDLER, op, T)                                \
    ROW_OF_ONE(INT_SOURCES, TO_##T, op, T)
VM_INT_TO_FLOAT(INT_TO_FLOAT)

#define TRUNC_HANDLER(op, T, a, b, d)                                          \
    static HANDLER(op##_##a##b##d)                                             \
    {                                                                          \
        T x = FLT_A_##a(T);                                                    \
        if (UNLIKELY(!(ABOVE_##op(x) && x < bound_##op))) {                    \
            if (x != x)                                                        \
                JUMP(vm_trap_invalid_conversion);                              \
            JUMP(vm_trap_overflow);                                            \
        }                                                                      \
        INT_PUT_##d((uint64_t)(slot_##op)(int_##op)x);                         \
        NEXT(2);                                                               \
    }
#define ABOVE_I32_TRUNC_F32_S(x) ((x) > least_I32_TRUNC_F32_S)
#define ABOVE_I32_TRUNC_F32_U(x) ((x) > least_I32_TRUNC_F32_U)
#define ABOVE_I32_TRUNC_F64_S(x) ((x) > least_I32_TRUNC_F64_S)
#define ABOVE_I32_TRUNC_F64_U(x) ((x) > least_I32_TRUNC_F64_U)
#define ABOVE_I64_TRUNC_F32_S(x) ((x) >= -9223372036854775808.0f)
#define ABOVE_I64_TRUNC_F32_U(x) ((x) > least_I64_TRUNC_F32_U)
#define ABOVE_I64_TRUNC_F64_S(x) ((x) >= -9223372036854775808.0)
#define ABOVE_I64_TRUNC_F64_U(x) ((x) > least_I64_TRUNC_F64_U)
#define FLOAT_TO_INT(op, T, INT, SLOT, LEAST, BOUND)                           \
    typedef INT int_##op;                                                      \
    typedef SLOT slot_##op;                                                    \
    __attribute__((unused)) static const T least_##op = LEAST,                 \
                                           bound_##op = BOUND;                 \
    UNARY_PAIRS_##T(TO_INT, TRUNC_HANDLER, op, T)                              \
        ROW_OF_ONE(UNARY_PAIRS_##T, TO_INT, op, T)
VM_FLOAT_TO_INT(FLOAT_TO_INT)

#define DEMOTE(op, T, a, b, d)                                                 \
    static HANDLER(op##_##a##b##d)                                             \
    {                                                                          \
        FLT_PUT_##d(f32, (f32)FLT_A_##a(f64));                                 \
        NEXT(2);                                                               \
    }
#define PROMOTE(op, T, a, b, d)                                                \
    static HANDLER(op##_##a##b##d)                                             \
    {                                                                          \
        FLT_PUT_##d(f64, (f64)FLT_A_##a(f32));                                 \
        NEXT(2);                                                               \
    }
UNARY_PAIRS_f64(TO_f32, DEMOTE, F32_DEMOTE_F64,
                f32) ROW_OF_ONE(UNARY_PAIRS_f64, TO_f32, F32_DEMOTE_F64, f32)
    UNARY_PAIRS_f32(TO_f64, PROMOTE, F64_PROMOTE_F32, f64)
        ROW_OF_ONE(UNARY_PAIRS_f32, TO_f64, F64_PROMOTE_F32, f64)

/* Saturating: over slots only. */
#define SATURATE(op, T, INT, SLOT, MIN, MAX, LEAST, BOUND)                     \
    extern HANDLER(vm_x_##op);                                                 \
    HANDLER(vm_x_##op)                                                         \
    {                                                                          \
        T x = FLT_A_S(T);                                                      \
        INT v = x != x ? 0 : x < LEAST ? MIN : x >= BOUND ? MAX : (INT)x;      \
        fp[FIELD(0)] = (SLOT)v;                                                \
        NEXT(2);                                                               \
    }
            SATURATE(I32_TRUNC_SAT_F32_S, f32, int32_t, uint32_t, INT32_MIN,
                     INT32_MAX, -2147483648.0f,
                     2147483648.0f) SATURATE(I32_TRUNC_SAT_F32_U, f32, uint32_t,
                                             uint32_t, 0, UINT32_MAX, 0.0f,
                                             4294967296.0f)
                SATURATE(I32_TRUNC_SAT_F64_S, f64, int32_t, uint32_t, INT32_MIN,
                         INT32_MAX, -2147483648.0, 2147483648.0)
                    SATURATE(I32_TRUNC_SAT_F64_U, f64, uint32_t, uint32_t, 0,
                             UINT32_MAX, 0.0, 4294967296.0)
                        SATURATE(I64_TRUNC_SAT_F32_S, f32, int64_t, uint64_t,
                                 INT64_MIN, INT64_MAX, -9223372036854775808.0f,
                                 9223372036854775808.0f)
                            SATURATE(I64_TRUNC_SAT_F32_U, f32, uint64_t,
                                     uint64_t, 0, UINT64_MAX, 0.0f,
                                     18446744073709551616.0f)
                                SATURATE(I64_TRUNC_SAT_F64_S, f64, int64_t,
                                         uint64_t, INT64_MIN, INT64_MAX,
                                         -9223372036854775808.0,
                                         9223372036854775808.0)
                                    SATURATE(I64_TRUNC_SAT_F64_U, f64, uint64_t,
                                             uint64_t, 0, UINT64_MAX, 0.0,
                                             18446744073709551616.0)

    /* ---- deterministic mode: canonical NaNs
       ----------------------------------------------- */

    extern HANDLER(vm_x_CANON32);
extern HANDLER(vm_x_CANON64);

HANDLER(vm_x_CANON32)
{
    f32 x = get_f32(&fp[FIELD(0)]);
    if (UNLIKELY(x != x))
        fp[FIELD(0)] = 0x7fc00000;
    NEXT(2);
}

HANDLER(vm_x_CANON64)
{
    f64 x = get_f64(&fp[FIELD(0)]);
    if (UNLIKELY(x != x))
        fp[FIELD(0)] = 0x7ff8000000000000;
    NEXT(2);
}
