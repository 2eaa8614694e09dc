/*
 * interp_fuse.c - handlers: pairs of instructions that programs run one after
 * the other most often, in one.
 *
 *     LATCH_cmp   x += y, then back if x cmp z (i32): the end of most loops
 *                 field 0: x, 1: y, imm32: target | y's constant, low half; z's
 *                 slot or constant, high half
 *     TEST        branch if x & K is not zero, or is
 *                 field 0: x, imm32: target | K
 *     LOAD_...    load, then branch on the value being zero, or K
 *                 field 0: address, 1: second address, imm32: target |
 *                 low half: offset + size, high half: K
 *     SHL_ADD     (x << field 3) + y;  a constant y in the next cell
 *     MUL_ADD...  x * y + z, x * y - z, z - x * y, each rounded: fields 1, 2, 3
 */
#include "vm/interp.h"

#include "vm/fuse.h"

/* Tables of macros: laid out by hand. */
/* clang-format off */

#define U32(x) ((uint32_t)(x))
#define S32(x) ((int32_t)(x))
#define LOW(cell) ((uint32_t)(cell))
#define HIGH(cell) ((uint32_t)((cell) >> 32))

#define VALUE_S(k) fp[FIELD(k)]
#define VALUE_A(k) acc
#define VALUE_P(k) l0
#define VALUE_Q(k) l1

/* ---- the end of a loop
 * ---------------------------------------------------------- */

#define SET_S(k, v) fp[FIELD(k)] = (v)
#define SET_P(k, v) l0 = (v)
#define SET_Q(k, v) l1 = (v)
#define STEP_S U32(fp[FIELD(1)])
#define STEP_P U32(l0)
#define STEP_Q U32(l1)
#define STEP_K LOW(pc[2])
#define BOUND_S U32(fp[HIGH(pc[2])])
#define BOUND_P U32(l0)
#define BOUND_Q U32(l1)
#define BOUND_K HIGH(pc[2])

#define TEST_NE(x, y) ((x) != (y))
#define TEST_LT_S(x, y) (S32(x) < S32(y))
#define TEST_LT_U(x, y) ((x) < (y))
#define TEST_GT_S(x, y) (S32(x) > S32(y))
#define TEST_GT_U(x, y) ((x) > (y))

#define LATCH(cmp, x, y, z)                                                    \
    static HANDLER(latch_##cmp##_##x##y##z)                                    \
    {                                                                          \
        uint32_t v = U32(VALUE_##x(0)) + STEP_##y, bound = BOUND_##z;          \
        SET_##x(0, v);                                                         \
        if (TEST_##cmp(v, bound)) {                                            \
            pc += IMM32;                                                       \
            COUNT_THEN_GO();                                                   \
        }                                                                      \
        NEXT(3);                                                               \
    }
#define ITEM(cmp, x, y, z) [ROW_AT(x, y, z)] = latch_##cmp##_##x##y##z,
#define BOUNDS_S(X, cmp, y)                                                    \
    X(cmp, S, y, S) X(cmp, S, y, P) X(cmp, S, y, Q) X(cmp, S, y, K)
#define BOUNDS_P(X, cmp, y) X(cmp, P, y, S) X(cmp, P, y, Q) X(cmp, P, y, K)
#define BOUNDS_Q(X, cmp, y) X(cmp, Q, y, S) X(cmp, Q, y, P) X(cmp, Q, y, K)
#define LATCHES(X, cmp)                                                        \
    BOUNDS_S(X, cmp, K)                                                        \
    BOUNDS_S(X, cmp, S)                                                        \
    BOUNDS_S(X, cmp, P)                                                        \
    BOUNDS_S(X, cmp, Q)                                                        \
    BOUNDS_P(X, cmp, K) BOUNDS_P(X, cmp, S) BOUNDS_P(X, cmp, Q)                \
        BOUNDS_Q(X, cmp, K) BOUNDS_Q(X, cmp, S) BOUNDS_Q(X, cmp, P)

#define LATCH_ROW(cmp)                                                         \
    LATCHES(LATCH, cmp)                                                        \
    static const vm_handler latch_##cmp[VM_ROW] = {LATCHES(ITEM, cmp)};
LATCH_ROW(NE)
LATCH_ROW(LT_S)
LATCH_ROW(LT_U)
LATCH_ROW(GT_S)
LATCH_ROW(GT_U)

const vm_handler *const vm_latch_rows[VM_OP_COUNT] = {
    [VM_OP_I32_NE] = latch_NE,     [VM_OP_I32_LT_S] = latch_LT_S,
    [VM_OP_I32_LT_U] = latch_LT_U, [VM_OP_I32_GT_S] = latch_GT_S,
    [VM_OP_I32_GT_U] = latch_GT_U,
};

/* ---- bit tests
 * ---------------------------------------------------------------------- */

#define GO_fwd NEXT(0)
#define GO_back COUNT_THEN_GO()
#define BIT_TEST(x, sense, suffix, way)                                        \
    static HANDLER(test_##suffix##_##x##_##way)                                \
    {                                                                          \
        if (sense(U32(VALUE_##x(0)) & U32(pc[2]))) {                           \
            pc += IMM32;                                                       \
            GO_##way;                                                          \
        }                                                                      \
        NEXT(3);                                                               \
    }
#define BIT_TESTS(x)                                                           \
    BIT_TEST(x, !!, true, fwd)                                                 \
    BIT_TEST(x, !!, true, back)                                                \
    BIT_TEST(x, !, false, fwd)                                                 \
    BIT_TEST(x, !, false, back)
BIT_TESTS(S)
BIT_TESTS(A)
BIT_TESTS(P)
BIT_TESTS(Q)
#define BIT_ITEMS(x)                                                           \
    [VM_ROW_INDEX(KIND_##x, VM_K_K,                                            \
                  VM_BRANCH_FORWARD)] = test_true_##x##_fwd,                   \
                  [VM_ROW_INDEX(KIND_##x, VM_K_K, VM_BRANCH_BACK)] =           \
                      test_true_##x##_back,                                    \
                  [VM_ROW_INDEX(KIND_##x, VM_K_K, VM_BRANCH_FORWARD_NOT)] =    \
                      test_false_##x##_fwd,                                    \
                  [VM_ROW_INDEX(KIND_##x, VM_K_K, VM_BRANCH_BACK_NOT)] =       \
                      test_false_##x##_back,
const vm_handler vm_test_row[VM_ROW] = {BIT_ITEMS(S) BIT_ITEMS(A) BIT_ITEMS(P)
                                            BIT_ITEMS(Q)};

/* ---- load and branch
 * ------------------------------------------------------------------ */

#define ADDRESS_S(b) ADDRESS_S_##b
#define LB_SUM(a, b) (U32(VALUE_##a(0)) + U32(VALUE_##b(1)))
#define LB_ONE(a, b) U32(VALUE_##a(0))

#define LOAD_BRANCH(op, M, a, b, form, test, way)                              \
    static HANDLER(lb_##op##_##a##b##_##test##_##way)                          \
    {                                                                          \
        uint64_t end = (uint64_t)form(a, b) + LOW(pc[2]);                      \
        M v;                                                                   \
        __asm__("" : "+r"(end));                                               \
        if (UNLIKELY(end > msize))                                             \
            JUMP(vm_trap_memory);                                              \
        memcpy(&v, mem + end - sizeof v, sizeof v);                            \
        if (LB_##test(v)) {                                                    \
            pc += IMM32;                                                       \
            GO_##way;                                                          \
        }                                                                      \
        NEXT(3);                                                               \
    }
#define LB_TRUE(v) (v)
#define LB_FALSE(v) (!(v))
#define LB_EQ(v) ((v) == HIGH(pc[2]))
#define LB_NE(v) ((v) != HIGH(pc[2]))

#define LB_WAYS(X, op, M, a, b, form)                                          \
    X(op, M, a, b, form, TRUE, fwd)                                            \
    X(op, M, a, b, form, TRUE, back)                                           \
    X(op, M, a, b, form, FALSE, fwd)                                           \
    X(op, M, a, b, form, FALSE, back)                                          \
    X(op, M, a, b, form, EQ, fwd) X(op, M, a, b, form, EQ, back)               \
        X(op, M, a, b, form, NE, fwd) X(op, M, a, b, form, NE, back)
#define LB_ALL(X, op, M)                                                       \
    LB_WAYS(X, op, M, S, K, LB_ONE)                                            \
    LB_WAYS(X, op, M, A, K, LB_ONE)                                            \
    LB_WAYS(X, op, M, P, K, LB_ONE)                                            \
    LB_WAYS(X, op, M, Q, K, LB_ONE)                                            \
    LB_WAYS(X, op, M, S, S, LB_SUM) LB_WAYS(X, op, M, P, S, LB_SUM)            \
        LB_WAYS(X, op, M, Q, S, LB_SUM) LB_WAYS(X, op, M, P, Q, LB_SUM)

LB_ALL(LOAD_BRANCH, I32_LOAD, uint32_t)
LB_ALL(LOAD_BRANCH, I32_LOAD8_U, uint8_t)

/* [test * 2 + way][a, b] */
#define WAY_fwd 0
#define WAY_back 1
#define LB_ITEM(op, M, a, b, form, test, way)                                  \
    [VM_LOAD_##test * 2 + WAY_##way][ROW_AT(a, b, S)] =                        \
        lb_##op##_##a##b##_##test##_##way,
const vm_handler vm_load_branch[8][VM_ROW] = {LB_ALL(LB_ITEM, I32_LOAD, _)};
const vm_handler vm_load8_branch[8][VM_ROW] = {LB_ALL(LB_ITEM, I32_LOAD8_U, _)};

/* ---- load into a local, compare it, branch ----------------------------- */

/* field 0: destination, field 1: address, imm32: target | low half: offset +
 * size, high half: z's slot or constant */
#define TEST_EQ(x, y) ((x) == (y))
#define LOAD_COMPARE(cmp, d, a, z, way)                                        \
    static HANDLER(lc_##cmp##_##d##a##z##_##way)                               \
    {                                                                          \
        uint64_t end = (uint64_t)U32(VALUE_##a(1)) + LOW(pc[2]);               \
        uint32_t v;                                                            \
        __asm__("" : "+r"(end));                                               \
        if (UNLIKELY(end > msize))                                             \
            JUMP(vm_trap_memory);                                              \
        memcpy(&v, mem + end - sizeof v, sizeof v);                            \
        SET_##d(0, v);                                                         \
        if (TEST_##cmp(v, BOUND_##z)) {                                        \
            pc += IMM32;                                                       \
            GO_##way;                                                          \
        }                                                                      \
        NEXT(3);                                                               \
    }
#define LC_WAYS(X, cmp, d, a, z) X(cmp, d, a, z, fwd) X(cmp, d, a, z, back)
#define LC_BOUNDS(X, cmp, d, a)                                                \
    LC_WAYS(X, cmp, d, a, S) LC_WAYS(X, cmp, d, a, K)
#define LC_FROM(X, cmp, d)                                                     \
    LC_BOUNDS(X, cmp, d, S) LC_BOUNDS(X, cmp, d, P) LC_BOUNDS(X, cmp, d, Q)
#define LC_ALL(X, cmp) LC_FROM(X, cmp, S) LC_FROM(X, cmp, P) LC_FROM(X, cmp, Q)
#define LC_ITEM(cmp, d, a, z, way)                                             \
    [WAY_##way][ROW_AT(d, a, z)] = lc_##cmp##_##d##a##z##_##way,
#define LC_ROW(cmp)                                                            \
    LC_ALL(LOAD_COMPARE, cmp)                                                  \
    static const vm_handler lc_##cmp[2][VM_ROW] = {LC_ALL(LC_ITEM, cmp)};
LC_ROW(EQ)
LC_ROW(NE)
LC_ROW(LT_S)
LC_ROW(LT_U)
LC_ROW(GT_S)
LC_ROW(GT_U)

const vm_handler (*const vm_load_compare[VM_OP_COUNT])[VM_ROW] = {
    [VM_OP_I32_EQ] = lc_EQ,     [VM_OP_I32_NE] = lc_NE,
    [VM_OP_I32_LT_S] = lc_LT_S, [VM_OP_I32_LT_U] = lc_LT_U,
    [VM_OP_I32_GT_S] = lc_GT_S, [VM_OP_I32_GT_U] = lc_GT_U,
};

/* ---- shift and add
 * ---------------------------------------------------------------------- */

#define ADD_S U32(fp[FIELD(2)])
#define ADD_P U32(l0)
#define ADD_Q U32(l1)
#define ADD_K U32(pc[2])
#define CELLS_S 2
#define CELLS_P 2
#define CELLS_Q 2
#define CELLS_K 3
#define SHL_ADD(a, b, d)                                                       \
    static HANDLER(shl_add_##a##b##d)                                          \
    {                                                                          \
        INT_PUT_##d(                                                           \
            (uint64_t)(uint32_t)((U32(VALUE_##a(1)) << FIELD(3)) + ADD_##b));  \
        NEXT(CELLS_##b);                                                       \
    }
#define SHL_ITEM(a, b, d) [ROW_AT(a, b, d)] = shl_add_##a##b##d,
#define SHL_TO(X, a, b) X(a, b, S) X(a, b, A) X(a, b, P) X(a, b, Q)
#define SHL_FROM(X, a)                                                         \
    SHL_TO(X, a, S) SHL_TO(X, a, P) SHL_TO(X, a, Q) SHL_TO(X, a, K)
#define SHL_ALL(X) SHL_FROM(X, S) SHL_FROM(X, A) SHL_FROM(X, P) SHL_FROM(X, Q)
SHL_ALL(SHL_ADD)
extern const vm_handler vm_row_SHL_ADD[VM_ROW];
const vm_handler vm_row_SHL_ADD[VM_ROW] = {SHL_ALL(SHL_ITEM)};

/* ---- multiply and add
 * ---------------------------------------------------------------------- */

#define Z_S(T) get_##T(&fp[FIELD(3)])
#define Z_A(T) FLT_ACC_##T
#define Z_P(T) d0
#define CALC_MUL_ADD(p, z) ((p) + (z))
#define CALC_MUL_SUB(p, z) ((p) - (z))
#define CALC_SUB_MUL(p, z) ((z) - (p))

#define MUL(op, T, a, b, z, d)                                                 \
    static HANDLER(op##_##T##_##a##b##z##d)                                    \
    {                                                                          \
        T product = FLT_A_##a(T) * FLT_B_##b(T);                               \
        FLT_PUT_##d(T, CALC_##op(product, Z_##z(T)));                          \
        NEXT(2);                                                               \
    }
#define MUL_ITEM(op, T, a, b, z, d) [ROW_AT(a, b, d)] = op##_##T##_##a##b##z##d,
#define MUL_TO_f32(X, op, T, a, b, z) X(op, T, a, b, z, S) X(op, T, a, b, z, A)
#define MUL_TO_f64(X, op, T, a, b, z)                                          \
    MUL_TO_f32(X, op, T, a, b, z) X(op, T, a, b, z, P)
#define MUL_S_f32(X, op, T)                                                    \
    MUL_TO_f32(X, op, T, S, S, S) MUL_TO_f32(X, op, T, A, S, S)
#define MUL_S_f64(X, op, T)                                                    \
    MUL_TO_f64(X, op, T, S, S, S) MUL_TO_f64(X, op, T, A, S, S)                \
        MUL_TO_f64(X, op, T, P, S, S) MUL_TO_f64(X, op, T, A, P, S)            \
            MUL_TO_f64(X, op, T, P, P, S)
#define MUL_A_f32(X, op, T) MUL_TO_f32(X, op, T, S, S, A)
#define MUL_A_f64(X, op, T)                                                    \
    MUL_TO_f64(X, op, T, S, S, A) MUL_TO_f64(X, op, T, P, S, A)                \
        MUL_TO_f64(X, op, T, P, P, A)
#define MUL_P_f64(X, op, T)                                                    \
    MUL_TO_f64(X, op, T, S, S, P) MUL_TO_f64(X, op, T, A, S, P)                \
        MUL_TO_f64(X, op, T, P, S, P)

#define MULS(op)                                                               \
    MUL_S_f32(MUL, op, f32) MUL_S_f64(MUL, op, f64) MUL_A_f32(MUL, op, f32)    \
        MUL_A_f64(MUL, op, f64) MUL_P_f64(MUL, op, f64)
MULS(MUL_ADD)
MULS(MUL_SUB)
MULS(SUB_MUL)

#define MUL_ROWS(op)                                                           \
    {                                                                          \
        {[VM_K_S] = {MUL_S_f32(MUL_ITEM, op, f32)},                            \
         [VM_K_A] = {MUL_A_f32(MUL_ITEM, op, f32)}},                           \
        {                                                                      \
            [VM_K_S] = {MUL_S_f64(MUL_ITEM, op, f64)},                         \
            [VM_K_A] = {MUL_A_f64(MUL_ITEM, op, f64)}, [VM_K_P] = {            \
                MUL_P_f64(MUL_ITEM, op, f64)                                   \
            }                                                                  \
        }                                                                      \
    }
const vm_handler vm_mul_rows[3][2][VM_K_P + 1][VM_ROW] = {
    [VM_MUL_ADD] = MUL_ROWS(MUL_ADD),
    [VM_MUL_SUB] = MUL_ROWS(MUL_SUB),
    [VM_SUB_MUL] = MUL_ROWS(SUB_MUL),
};
