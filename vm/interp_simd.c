/*
 * interp_simd.c - handlers: 128-bit vectors, over pairs of slots, with the
 * compiler's vector types.
 *
 *     field 0: destination, fields 1...3: operands | lane, shuffle, or as
 *     far_address; a lane of a memory access is above bit 40 of its index
 *
 * Relaxed instructions do what their plain counterparts do, everywhere.
 */
#include "vm/interp.h"

#include "vm/simd.h"

typedef int8_t i8x16 __attribute__((vector_size(16)));
typedef uint8_t u8x16 __attribute__((vector_size(16)));
typedef int16_t i16x8 __attribute__((vector_size(16)));
typedef uint16_t u16x8 __attribute__((vector_size(16)));
typedef int32_t i32x4 __attribute__((vector_size(16)));
typedef uint32_t u32x4 __attribute__((vector_size(16)));
typedef int64_t i64x2 __attribute__((vector_size(16)));
typedef uint64_t u64x2 __attribute__((vector_size(16)));
typedef float f32x4 __attribute__((vector_size(16)));
typedef double f64x2 __attribute__((vector_size(16)));
/* Halves, and twice as wide. */
typedef int8_t i8x8 __attribute__((vector_size(8)));
typedef uint8_t u8x8 __attribute__((vector_size(8)));
typedef int16_t i16x4 __attribute__((vector_size(8)));
typedef uint16_t u16x4 __attribute__((vector_size(8)));
typedef int32_t i32x2 __attribute__((vector_size(8)));
typedef uint32_t u32x2 __attribute__((vector_size(8)));
typedef float f32x2 __attribute__((vector_size(8)));
typedef int16_t i16x16 __attribute__((vector_size(32)));
typedef uint16_t u16x16 __attribute__((vector_size(32)));
typedef int32_t i32x8 __attribute__((vector_size(32)));
typedef uint32_t u32x8 __attribute__((vector_size(32)));

#define DECLARE(op, ...) extern HANDLER(vm_x_##op);
VM_SIMD(DECLARE)

#define GET(v, k) memcpy(&v, &fp[FIELD(k)], sizeof v)
#define PUT(v) memcpy(&fp[FIELD(0)], &v, sizeof v)

/* One, two, three vectors to one. */
#define V1(op, T, R, expr)                                                     \
    HANDLER(vm_x_##op)                                                         \
    {                                                                          \
        T a;                                                                   \
        GET(a, 1);                                                             \
        R r = (R)(expr);                                                       \
        PUT(r);                                                                \
        NEXT(2);                                                               \
    }
#define V2(op, T, R, expr)                                                     \
    HANDLER(vm_x_##op)                                                         \
    {                                                                          \
        T a, b;                                                                \
        GET(a, 1);                                                             \
        GET(b, 2);                                                             \
        R r = (R)(expr);                                                       \
        PUT(r);                                                                \
        NEXT(2);                                                               \
    }
#define V3(op, T, expr)                                                        \
    HANDLER(vm_x_##op)                                                         \
    {                                                                          \
        T a, b, c;                                                             \
        GET(a, 1);                                                             \
        GET(b, 2);                                                             \
        GET(c, 3);                                                             \
        T r = (T)(expr);                                                       \
        PUT(r);                                                                \
        NEXT(2);                                                               \
    }
/* Lane by lane, for what has no operator. */
#define EACH1(op, T, R, N, expr)                                               \
    HANDLER(vm_x_##op)                                                         \
    {                                                                          \
        T a;                                                                   \
        GET(a, 1);                                                             \
        R r = {0};                                                             \
        for (int i = 0; i < N; i++)                                            \
            r[i] = expr;                                                       \
        PUT(r);                                                                \
        NEXT(2);                                                               \
    }
#define EACH2(op, T, R, N, expr)                                               \
    HANDLER(vm_x_##op)                                                         \
    {                                                                          \
        T a, b;                                                                \
        GET(a, 1);                                                             \
        GET(b, 2);                                                             \
        R r = {0};                                                             \
        for (int i = 0; i < N; i++)                                            \
            r[i] = expr;                                                       \
        PUT(r);                                                                \
        NEXT(2);                                                               \
    }
/* A vector to a number. */
#define TO_I32(op, T, expr)                                                    \
    HANDLER(vm_x_##op)                                                         \
    {                                                                          \
        T a;                                                                   \
        GET(a, 1);                                                             \
        fp[FIELD(0)] = (uint32_t)(expr);                                       \
        NEXT(2);                                                               \
    }

/* ---- integers
 * -------------------------------------------------------------------- */

#define COMPARE_ALL(P, S, U)                                                   \
    V2(P##_EQ, S, S, a == b)                                                   \
    V2(P##_NE, S, S, a != b)                                                   \
    V2(P##_LT_S, S, S, a < b)                                                  \
    V2(P##_LT_U, U, U, a < b)                                                  \
    V2(P##_GT_S, S, S, a > b)                                                  \
    V2(P##_GT_U, U, U, a > b)                                                  \
    V2(P##_LE_S, S, S, a <= b)                                                 \
    V2(P##_LE_U, U, U, a <= b)                                                 \
    V2(P##_GE_S, S, S, a >= b)                                                 \
    V2(P##_GE_U, U, U, a >= b)
COMPARE_ALL(I8X16, i8x16, u8x16)
COMPARE_ALL(I16X8, i16x8, u16x8)
COMPARE_ALL(I32X4, i32x4, u32x4)
V2(I64X2_EQ, i64x2, i64x2, a == b)
V2(I64X2_NE, i64x2, i64x2, a != b)
V2(I64X2_LT_S, i64x2, i64x2, a < b)
V2(I64X2_GT_S, i64x2, i64x2, a > b)
V2(I64X2_LE_S, i64x2, i64x2, a <= b)
V2(I64X2_GE_S, i64x2, i64x2, a >= b)

V1(V128_NOT, u64x2, u64x2, ~a)
V2(V128_AND, u64x2, u64x2, a &b)
V2(V128_ANDNOT, u64x2, u64x2, a & ~b)
V2(V128_OR, u64x2, u64x2, a | b)
V2(V128_XOR, u64x2, u64x2, a ^ b)
V3(V128_BITSELECT, u64x2, (a & c) | (b & ~c))
TO_I32(V128_ANY_TRUE, u64x2, (a[0] | a[1]) != 0)

#define ARITHMETIC(P, S, U)                                                    \
    V1(P##_ABS, S, S, __builtin_elementwise_abs(a))                            \
    V1(P##_NEG, U, U, -a)                                                      \
    V2(P##_ADD, U, U, a + b)                                                   \
    V2(P##_SUB, U, U, a - b)
ARITHMETIC(I8X16, i8x16, u8x16)
ARITHMETIC(I16X8, i16x8, u16x8)
ARITHMETIC(I32X4, i32x4, u32x4)
ARITHMETIC(I64X2, i64x2, u64x2)
V2(I16X8_MUL, u16x8, u16x8, a *b)
V2(I32X4_MUL, u32x4, u32x4, a *b)
V2(I64X2_MUL, u64x2, u64x2, a *b)

#define MINMAX(P, S, U)                                                        \
    V2(P##_MIN_S, S, S, __builtin_elementwise_min(a, b))                       \
    V2(P##_MIN_U, U, U, __builtin_elementwise_min(a, b))                       \
    V2(P##_MAX_S, S, S, __builtin_elementwise_max(a, b))                       \
    V2(P##_MAX_U, U, U, __builtin_elementwise_max(a, b))
MINMAX(I8X16, i8x16, u8x16)
MINMAX(I16X8, i16x8, u16x8)
MINMAX(I32X4, i32x4, u32x4)

#define SATURATING(P, S, U)                                                    \
    V2(P##_ADD_SAT_S, S, S, __builtin_elementwise_add_sat(a, b))               \
    V2(P##_ADD_SAT_U, U, U, __builtin_elementwise_add_sat(a, b))               \
    V2(P##_SUB_SAT_S, S, S, __builtin_elementwise_sub_sat(a, b))               \
    V2(P##_SUB_SAT_U, U, U, __builtin_elementwise_sub_sat(a, b))
SATURATING(I8X16, i8x16, u8x16)
SATURATING(I16X8, i16x8, u16x8)

EACH2(I8X16_AVGR_U, u8x16, u8x16, 16, (uint8_t)((a[i] + b[i] + 1) / 2))
EACH2(I16X8_AVGR_U, u16x8, u16x8, 8, (uint16_t)((a[i] + b[i] + 1) / 2))
EACH1(I8X16_POPCNT, u8x16, u8x16, 16, (uint8_t)__builtin_popcount(a[i]))

/* The count is a number, taken modulo the lane's width. */
#define SHIFT(op, T, bits, operator)                                           \
    HANDLER(vm_x_##op)                                                         \
    {                                                                          \
        T a;                                                                   \
        GET(a, 1);                                                             \
        uint32_t n = (uint32_t)fp[FIELD(2)] & (bits - 1);                      \
        for (size_t i = 0; i < sizeof a * 8 / bits; i++)                       \
            a[i] = (__typeof__(a[0] + 0))(a[i] operator n);                    \
        PUT(a);                                                                \
        NEXT(2);                                                               \
    }
#define SHIFTS(P, S, U, bits)                                                  \
    SHIFT(P##_SHL, U, bits, <<)                                                \
    SHIFT(P##_SHR_S, S, bits, >>)                                              \
    SHIFT(P##_SHR_U, U, bits, >>)
SHIFTS(I8X16, i8x16, u8x16, 8)
SHIFTS(I16X8, i16x8, u16x8, 16)
SHIFTS(I32X4, i32x4, u32x4, 32)
SHIFTS(I64X2, i64x2, u64x2, 64)

#define ALL_TRUE(P, T, N)                                                      \
    HANDLER(vm_x_##P##_ALL_TRUE)                                               \
    {                                                                          \
        T a;                                                                   \
        GET(a, 1);                                                             \
        uint32_t all = 1;                                                      \
        for (int i = 0; i < N; i++)                                            \
            all &= a[i] != 0;                                                  \
        fp[FIELD(0)] = all;                                                    \
        NEXT(2);                                                               \
    }                                                                          \
    HANDLER(vm_x_##P##_BITMASK)                                                \
    {                                                                          \
        T a;                                                                   \
        GET(a, 1);                                                             \
        uint32_t mask = 0;                                                     \
        for (int i = 0; i < N; i++)                                            \
            mask |= (uint32_t)(a[i] < 0) << i;                                 \
        fp[FIELD(0)] = mask;                                                   \
        NEXT(2);                                                               \
    }
ALL_TRUE(I8X16, i8x16, 16)
ALL_TRUE(I16X8, i16x8, 8)
ALL_TRUE(I32X4, i32x4, 4)
ALL_TRUE(I64X2, i64x2, 2)

static inline int32_t clamp(int32_t v, int32_t low, int32_t high)
{
    return v < low ? low : v > high ? high : v;
}

#define Q15(x, y)                                                              \
    (int16_t)clamp(((int32_t)(x) * (int32_t)(y) + 0x4000) >> 15, -32768, 32767)
EACH2(I16X8_Q15MULR_SAT_S, i16x8, i16x8, 8, Q15(a[i], b[i]))
EACH2(I16X8_RELAXED_Q15MULR_S, i16x8, i16x8, 8, Q15(a[i], b[i]))

/* ---- between widths
 * ---------------------------------------------------------------- */

EACH2(I8X16_NARROW_I16X8_S, i16x8, i8x16, 16,
      (int8_t)clamp(i < 8 ? a[i] : b[i - 8], -128, 127))
EACH2(I8X16_NARROW_I16X8_U, i16x8, u8x16, 16,
      (uint8_t)clamp(i < 8 ? a[i] : b[i - 8], 0, 255))
EACH2(I16X8_NARROW_I32X4_S, i32x4, i16x8, 8,
      (int16_t)clamp(i < 4 ? a[i] : b[i - 4], -32768, 32767))
EACH2(I16X8_NARROW_I32X4_U, i32x4, u16x8, 8,
      (uint16_t)clamp(i < 4 ? a[i] : b[i - 4], 0, 65535))

/* N: lanes of the wider type. */
#define WIDEN(W, P, suffix, FROM, TO, N)                                       \
    EACH1(W##_EXTEND_LOW_##P##_##suffix, FROM, TO, N, a[i])                    \
    EACH1(W##_EXTEND_HIGH_##P##_##suffix, FROM, TO, N, a[i + N])               \
    EACH2(W##_EXTMUL_LOW_##P##_##suffix, FROM, TO, N,                          \
          (__typeof__(r[0] + 0))a[i] * (__typeof__(r[0] + 0))b[i])             \
    EACH2(W##_EXTMUL_HIGH_##P##_##suffix, FROM, TO, N,                         \
          (__typeof__(r[0] + 0))a[i + N] * (__typeof__(r[0] + 0))b[i + N])
WIDEN(I16X8, I8X16, S, i8x16, i16x8, 8)
WIDEN(I16X8, I8X16, U, u8x16, u16x8, 8)
WIDEN(I32X4, I16X8, S, i16x8, i32x4, 4)
WIDEN(I32X4, I16X8, U, u16x8, u32x4, 4)
WIDEN(I64X2, I32X4, S, i32x4, i64x2, 2)
WIDEN(I64X2, I32X4, U, u32x4, u64x2, 2)

EACH1(I16X8_EXTADD_PAIRWISE_I8X16_S, i8x16, i16x8, 8,
      (int16_t)(a[2 * i] + a[2 * i + 1]))
EACH1(I16X8_EXTADD_PAIRWISE_I8X16_U, u8x16, u16x8, 8,
      (uint16_t)(a[2 * i] + a[2 * i + 1]))
EACH1(I32X4_EXTADD_PAIRWISE_I16X8_S, i16x8, i32x4, 4,
      (int32_t)a[2 * i] + a[2 * i + 1])
EACH1(I32X4_EXTADD_PAIRWISE_I16X8_U, u16x8, u32x4, 4,
      (uint32_t)a[2 * i] + a[2 * i + 1])
EACH2(I32X4_DOT_I16X8_S, i16x8, i32x4, 4,
      (int32_t)((uint32_t)(a[2 * i] * b[2 * i]) +
                (uint32_t)(a[2 * i + 1] * b[2 * i + 1])))

#define DOT8(i) (a[2 * (i)] * b[2 * (i)] + a[2 * (i) + 1] * b[2 * (i) + 1])
EACH2(I16X8_RELAXED_DOT_I8X16_I7X16_S, i8x16, i16x8, 8, (int16_t)DOT8(i))

HANDLER(vm_x_I32X4_RELAXED_DOT_I8X16_I7X16_ADD_S)
{
    i8x16 a, b;
    u32x4 c;
    GET(a, 1);
    GET(b, 2);
    GET(c, 3);
    for (int i = 0; i < 4; i++)
        c[i] += (uint32_t)((int16_t)DOT8(2 * i) + (int16_t)DOT8(2 * i + 1));
    PUT(c);
    NEXT(2);
}

/* ---- floating point
 * ---------------------------------------------------------------- */

#define FLOATS(P, T, I, N, f)                                                  \
    V2(P##_EQ, T, I, a == b)                                                   \
    V2(P##_NE, T, I, a != b)                                                   \
    V2(P##_LT, T, I, a < b)                                                    \
    V2(P##_GT, T, I, a > b)                                                    \
    V2(P##_LE, T, I, a <= b)                                                   \
    V2(P##_GE, T, I, a >= b)                                                   \
    V1(P##_ABS, T, T, __builtin_elementwise_abs(a))                            \
    V1(P##_NEG, T, T, -a)                                                      \
    V1(P##_SQRT, T, T, __builtin_elementwise_sqrt(a))                          \
    V1(P##_CEIL, T, T, __builtin_elementwise_ceil(a))                          \
    V1(P##_FLOOR, T, T, __builtin_elementwise_floor(a))                        \
    V1(P##_TRUNC, T, T, __builtin_elementwise_trunc(a))                        \
    V1(P##_NEAREST, T, T, __builtin_elementwise_rint(a))                       \
    V2(P##_ADD, T, T, a + b)                                                   \
    V2(P##_SUB, T, T, a - b)                                                   \
    V2(P##_MUL, T, T, a *b)                                                    \
    V2(P##_DIV, T, T, a / b)                                                   \
    EACH2(P##_MIN, T, T, N, min_##f(a[i], b[i]))                               \
    EACH2(P##_MAX, T, T, N, max_##f(a[i], b[i]))                               \
    EACH2(P##_RELAXED_MIN, T, T, N, min_##f(a[i], b[i]))                       \
    EACH2(P##_RELAXED_MAX, T, T, N, max_##f(a[i], b[i]))                       \
    EACH2(P##_PMIN, T, T, N, b[i] < a[i] ? b[i] : a[i])                        \
    EACH2(P##_PMAX, T, T, N, a[i] < b[i] ? b[i] : a[i])                        \
    V3(P##_RELAXED_MADD, T, a *b + c)                                          \
    V3(P##_RELAXED_NMADD, T, -(a * b) + c)
FLOATS(F32X4, f32x4, i32x4, 4, f32)
FLOATS(F64X2, f64x2, i64x2, 2, f64)

V3(I8X16_RELAXED_LANESELECT, u64x2, (a & c) | (b & ~c))
V3(I16X8_RELAXED_LANESELECT, u64x2, (a & c) | (b & ~c))
V3(I32X4_RELAXED_LANESELECT, u64x2, (a & c) | (b & ~c))
V3(I64X2_RELAXED_LANESELECT, u64x2, (a & c) | (b & ~c))

static inline int32_t sat_s(double v)
{
    return v != v              ? 0
           : v < -2147483648.0 ? INT32_MIN
           : v >= 2147483648.0 ? INT32_MAX
                               : (int32_t)v;
}

static inline uint32_t sat_u(double v)
{
    return v != v || v < 0 ? 0 : v >= 4294967296.0 ? UINT32_MAX : (uint32_t)v;
}

EACH1(I32X4_TRUNC_SAT_F32X4_S, f32x4, i32x4, 4, sat_s((double)a[i]))
EACH1(I32X4_TRUNC_SAT_F32X4_U, f32x4, u32x4, 4, sat_u((double)a[i]))
EACH1(I32X4_TRUNC_SAT_F64X2_S_ZERO, f64x2, i32x4, 2, sat_s(a[i]))
EACH1(I32X4_TRUNC_SAT_F64X2_U_ZERO, f64x2, u32x4, 2, sat_u(a[i]))
EACH1(I32X4_RELAXED_TRUNC_F32X4_S, f32x4, i32x4, 4, sat_s((double)a[i]))
EACH1(I32X4_RELAXED_TRUNC_F32X4_U, f32x4, u32x4, 4, sat_u((double)a[i]))
EACH1(I32X4_RELAXED_TRUNC_F64X2_S_ZERO, f64x2, i32x4, 2, sat_s(a[i]))
EACH1(I32X4_RELAXED_TRUNC_F64X2_U_ZERO, f64x2, u32x4, 2, sat_u(a[i]))
EACH1(F32X4_CONVERT_I32X4_S, i32x4, f32x4, 4, (float)a[i])
EACH1(F32X4_CONVERT_I32X4_U, u32x4, f32x4, 4, (float)a[i])
EACH1(F64X2_CONVERT_LOW_I32X4_S, i32x4, f64x2, 2, (double)a[i])
EACH1(F64X2_CONVERT_LOW_I32X4_U, u32x4, f64x2, 2, (double)a[i])
EACH1(F32X4_DEMOTE_F64X2_ZERO, f64x2, f32x4, 2, (float)a[i])
EACH1(F64X2_PROMOTE_LOW_F32X4, f32x4, f64x2, 2, (double)a[i])

/* ---- lanes
 * ----------------------------------------------------------------------------
 */

HANDLER(vm_x_I8X16_SHUFFLE)
{
    uint8_t both[32], r[16];
    memcpy(both, &fp[FIELD(1)], 16);
    memcpy(both + 16, &fp[FIELD(2)], 16);
    const uint8_t *lanes = (const uint8_t *)&pc[2];
    for (int i = 0; i < 16; i++)
        r[i] = both[lanes[i]];
    PUT(r);
    NEXT(4);
}

EACH2(I8X16_SWIZZLE, u8x16, u8x16, 16, b[i] < 16 ? a[b[i]] : 0)
EACH2(I8X16_RELAXED_SWIZZLE, u8x16, u8x16, 16, b[i] < 16 ? a[b[i]] : 0)

#define SPLAT(op, T, N, expr)                                                  \
    HANDLER(vm_x_##op)                                                         \
    {                                                                          \
        T r;                                                                   \
        for (int i = 0; i < N; i++)                                            \
            r[i] = expr;                                                       \
        PUT(r);                                                                \
        NEXT(2);                                                               \
    }
SPLAT(I8X16_SPLAT, u8x16, 16, (uint8_t)fp[FIELD(1)])
SPLAT(I16X8_SPLAT, u16x8, 8, (uint16_t)fp[FIELD(1)])
SPLAT(I32X4_SPLAT, u32x4, 4, (uint32_t)fp[FIELD(1)])
SPLAT(I64X2_SPLAT, u64x2, 2, fp[FIELD(1)])
SPLAT(F32X4_SPLAT, u32x4, 4, (uint32_t)fp[FIELD(1)])
SPLAT(F64X2_SPLAT, u64x2, 2, fp[FIELD(1)])

#define EXTRACT(op, T, SLOT)                                                   \
    HANDLER(vm_x_##op)                                                         \
    {                                                                          \
        T v;                                                                   \
        memcpy(&v, (const T *)&fp[FIELD(1)] + pc[2], sizeof v);                \
        fp[FIELD(0)] = (SLOT)v;                                                \
        NEXT(3);                                                               \
    }
EXTRACT(I8X16_EXTRACT_LANE_S, int8_t, uint32_t)
EXTRACT(I8X16_EXTRACT_LANE_U, uint8_t, uint32_t)
EXTRACT(I16X8_EXTRACT_LANE_S, int16_t, uint32_t)
EXTRACT(I16X8_EXTRACT_LANE_U, uint16_t, uint32_t)
EXTRACT(I32X4_EXTRACT_LANE, uint32_t, uint32_t)
EXTRACT(I64X2_EXTRACT_LANE, uint64_t, uint64_t)
EXTRACT(F32X4_EXTRACT_LANE, uint32_t, uint32_t)
EXTRACT(F64X2_EXTRACT_LANE, uint64_t, uint64_t)

#define REPLACE(op, T, V)                                                      \
    HANDLER(vm_x_##op)                                                         \
    {                                                                          \
        V v;                                                                   \
        GET(v, 1);                                                             \
        v[pc[2]] = (T)fp[FIELD(2)];                                            \
        PUT(v);                                                                \
        NEXT(3);                                                               \
    }
REPLACE(I8X16_REPLACE_LANE, uint8_t, u8x16)
REPLACE(I16X8_REPLACE_LANE, uint16_t, u16x8)
REPLACE(I32X4_REPLACE_LANE, uint32_t, u32x4)
REPLACE(I64X2_REPLACE_LANE, uint64_t, u64x2)
REPLACE(F32X4_REPLACE_LANE, uint32_t, u32x4)
REPLACE(F64X2_REPLACE_LANE, uint64_t, u64x2)

/* ---- memory
 * -----------------------------------------------------------------------------
 */

#define FAR(op, bytes)                                                         \
    HANDLER(vm_x_##op)                                                         \
    {                                                                          \
        uint8_t *p = far_address(pc, inst, fp[FIELD(1)], bytes);               \
        if (UNLIKELY(!p))                                                      \
            JUMP(vm_trap_memory);
#define FAR_END                                                                \
    NEXT(4);                                                                   \
    }

FAR(V128_LOAD, 16)
memcpy(&fp[FIELD(0)], p, 16);
FAR_END
FAR(V128_STORE, 16)
memcpy(p, &fp[FIELD(2)], 16);
FAR_END

#define LOAD_EXTEND(op, HALF, FULL)                                            \
    FAR(op, 8)                                                                 \
    HALF half;                                                                 \
    memcpy(&half, p, sizeof half);                                             \
    FULL full = __builtin_convertvector(half, FULL);                           \
    PUT(full);                                                                 \
    FAR_END
LOAD_EXTEND(V128_LOAD8X8_S, i8x8, i16x8)
LOAD_EXTEND(V128_LOAD8X8_U, u8x8, u16x8)
LOAD_EXTEND(V128_LOAD16X4_S, i16x4, i32x4)
LOAD_EXTEND(V128_LOAD16X4_U, u16x4, u32x4)
LOAD_EXTEND(V128_LOAD32X2_S, i32x2, i64x2)
LOAD_EXTEND(V128_LOAD32X2_U, u32x2, u64x2)

#define LOAD_SPLAT(op, T, V, N)                                                \
    FAR(op, sizeof(T))                                                         \
    T v;                                                                       \
    memcpy(&v, p, sizeof v);                                                   \
    V r;                                                                       \
    for (int i = 0; i < N; i++)                                                \
        r[i] = v;                                                              \
    PUT(r);                                                                    \
    FAR_END
LOAD_SPLAT(V128_LOAD8_SPLAT, uint8_t, u8x16, 16)
LOAD_SPLAT(V128_LOAD16_SPLAT, uint16_t, u16x8, 8)
LOAD_SPLAT(V128_LOAD32_SPLAT, uint32_t, u32x4, 4)
LOAD_SPLAT(V128_LOAD64_SPLAT, uint64_t, u64x2, 2)

#define LOAD_ZERO(op, bytes)                                                   \
    FAR(op, bytes)                                                             \
    uint8_t r[16] = {0};                                                       \
    memcpy(r, p, bytes);                                                       \
    PUT(r);                                                                    \
    FAR_END
LOAD_ZERO(V128_LOAD32_ZERO, 4)
LOAD_ZERO(V128_LOAD64_ZERO, 8)

#define LANE ((uint32_t)(pc[3] >> 40))
#define LANES(bits)                                                            \
    FAR(V128_LOAD##bits##_LANE, bits / 8)                                      \
    uint8_t r[16];                                                             \
    memcpy(r, &fp[FIELD(2)], 16);                                              \
    memcpy(r + LANE * (bits / 8), p, bits / 8);                                \
    PUT(r);                                                                    \
    FAR_END                                                                    \
    FAR(V128_STORE##bits##_LANE, bits / 8)                                     \
    memcpy(p, (const uint8_t *)&fp[FIELD(2)] + LANE * (bits / 8), bits / 8);   \
    FAR_END
LANES(8)
LANES(16)
LANES(32)
LANES(64)

/* ---- deterministic mode
 * -------------------------------------------------------------------- */

extern HANDLER(vm_x_CANON32X4);
extern HANDLER(vm_x_CANON64X2);

HANDLER(vm_x_CANON32X4)
{
    u32x4 v;
    GET(v, 0);
    for (int i = 0; i < 4; i++)
        if ((v[i] & 0x7fffffff) > 0x7f800000)
            v[i] = 0x7fc00000;
    PUT(v);
    NEXT(2);
}

HANDLER(vm_x_CANON64X2)
{
    u64x2 v;
    GET(v, 0);
    for (int i = 0; i < 2; i++)
        if ((v[i] & INT64_MAX) > 0x7ff0000000000000)
            v[i] = 0x7ff8000000000000;
    PUT(v);
    NEXT(2);
}
