/*
 * interp_branch.c - handlers: branches, alone and fused with comparisons.
 *
 *     field 0: a's slot, field 1: b's slot, imm32: target, in cells from pc;
 *     a constant b is the next cell.
 *
 * Backward branches count against the budget, so that loops can be stopped.
 */
#include "vm/interp.h"

/* Tables of macros: laid out by hand. */
/* clang-format off */

#define U32(x) ((uint32_t)(x))
#define S32(x) ((int32_t)(x))
#define S64(x) ((int64_t)(x))

#define TEST_I32_EQ(x, y) (U32(x) == U32(y))
#define TEST_I32_NE(x, y) (U32(x) != U32(y))
#define TEST_I32_LT_S(x, y) (S32(x) < S32(y))
#define TEST_I32_LT_U(x, y) (U32(x) < U32(y))
#define TEST_I32_GT_S(x, y) (S32(x) > S32(y))
#define TEST_I32_GT_U(x, y) (U32(x) > U32(y))
#define TEST_I32_LE_S(x, y) (S32(x) <= S32(y))
#define TEST_I32_LE_U(x, y) (U32(x) <= U32(y))
#define TEST_I32_GE_S(x, y) (S32(x) >= S32(y))
#define TEST_I32_GE_U(x, y) (U32(x) >= U32(y))
#define TEST_I64_EQ(x, y) ((x) == (y))
#define TEST_I64_NE(x, y) ((x) != (y))
#define TEST_I64_LT_S(x, y) (S64(x) < S64(y))
#define TEST_I64_LT_U(x, y) ((x) < (y))
#define TEST_I64_GT_S(x, y) (S64(x) > S64(y))
#define TEST_I64_GT_U(x, y) ((x) > (y))
#define TEST_I64_LE_S(x, y) (S64(x) <= S64(y))
#define TEST_I64_LE_U(x, y) ((x) <= (y))
#define TEST_I64_GE_S(x, y) (S64(x) >= S64(y))
#define TEST_I64_GE_U(x, y) ((x) >= (y))
#define TEST_F32_EQ(x, y) ((x) == (y))
#define TEST_F32_NE(x, y) ((x) != (y))
#define TEST_F32_LT(x, y) ((x) < (y))
#define TEST_F32_GT(x, y) ((x) > (y))
#define TEST_F32_LE(x, y) ((x) <= (y))
#define TEST_F32_GE(x, y) ((x) >= (y))
#define TEST_F64_EQ(x, y) ((x) == (y))
#define TEST_F64_NE(x, y) ((x) != (y))
#define TEST_F64_LT(x, y) ((x) < (y))
#define TEST_F64_GT(x, y) ((x) > (y))
#define TEST_F64_LE(x, y) ((x) <= (y))
#define TEST_F64_GE(x, y) ((x) >= (y))

#define BR_A_S fp[FIELD(0)]
#define BR_A_A acc
#define BR_A_P l0
#define BR_A_Q l1
#define BR_B_S fp[FIELD(1)]
#define BR_B_P l0
#define BR_B_Q l1
#define BR_B_K pc[2]

#define CELLS_S 2
#define CELLS_A 2
#define CELLS_P 2
#define CELLS_Q 2
#define CELLS_K 3

#define GO_F                                                                   \
    {                                                                          \
        pc += IMM32;                                                           \
        NEXT(0);                                                               \
    }
#define GO_B                                                                   \
    {                                                                          \
        pc += IMM32;                                                           \
        COUNT_THEN_GO();                                                       \
    }

#define PAIRS(X, op)                                                           \
    X(op, S, K)                                                                \
    X(op, A, K)                                                                \
    X(op, P, K)                                                                \
    X(op, Q, K)                                                                \
    X(op, S, S) X(op, A, S) X(op, P, S) X(op, Q, S) X(op, A, P) X(op, A, Q)    \
        X(op, P, P) X(op, P, Q) X(op, Q, Q)

#define INT_BRANCH(op, a, b)                                                   \
    static HANDLER(br_##op##_##a##b##_f)                                       \
    {                                                                          \
        if (TEST_##op(BR_A_##a, BR_B_##b))                                     \
            GO_F NEXT(CELLS_##b);                                              \
    }                                                                          \
    static HANDLER(br_##op##_##a##b##_b)                                       \
    {                                                                          \
        if (TEST_##op(BR_A_##a, BR_B_##b))                                     \
            GO_B NEXT(CELLS_##b);                                              \
    }
#define BRANCH_ITEM(op, a, b)                                                  \
    [VM_ROW_INDEX(KIND_##a, KIND_##b,                                          \
                  VM_BRANCH_FORWARD)] = br_##op##_##a##b##_f,                  \
                  [VM_ROW_INDEX(KIND_##a, KIND_##b, VM_BRANCH_BACK)] =         \
                      br_##op##_##a##b##_b,

#define COMPARE(op)                                                            \
    PAIRS(INT_BRANCH, op)                                                      \
    extern const vm_handler vm_brow_##op[VM_ROW];                              \
    const vm_handler vm_brow_##op[VM_ROW] = {PAIRS(BRANCH_ITEM, op)};
VM_INT_COMPARE(COMPARE)

/* ---- on a number being zero or not
 * ------------------------------------------- */

#define TEST_BR_TRUE(x, y) (U32(x) != 0)
#define TEST_BR_FALSE(x, y) (U32(x) == 0)
#define SINGLE(X, op) X(op, S, S) X(op, A, S) X(op, P, S) X(op, Q, S)

SINGLE(INT_BRANCH, BR_TRUE)
SINGLE(INT_BRANCH, BR_FALSE)
extern const vm_handler vm_brow_BR_TRUE[VM_ROW], vm_brow_BR_FALSE[VM_ROW];
const vm_handler vm_brow_BR_TRUE[VM_ROW] = {SINGLE(BRANCH_ITEM, BR_TRUE)};
const vm_handler vm_brow_BR_FALSE[VM_ROW] = {SINGLE(BRANCH_ITEM, BR_FALSE)};

/* ---- floating point
 * ------------------------------------------------------------ */

#define FBR_A_S(T) get_##T(&fp[FIELD(0)])
#define FBR_A_A(T) FLT_ACC_##T
#define FBR_A_P(T) d0
#define FBR_B_S(T) get_##T(&fp[FIELD(1)])
#define FBR_B_A(T) FLT_ACC_##T
#define FBR_B_P(T) d0
#define FBR_B_K(T) get_##T(&pc[2])

#define FPAIRS_f32(X, op, T)                                                   \
    X(op, T, S, S) X(op, T, A, S) X(op, T, S, A) X(op, T, S, K) X(op, T, A, K)
#define FPAIRS_f64(X, op, T)                                                   \
    FPAIRS_f32(X, op, T) X(op, T, P, S) X(op, T, S, P) X(op, T, P, K)          \
        X(op, T, A, P) X(op, T, P, A)

#define FLOAT_ONE(op, T, a, b, suffix, test, GO)                               \
    static HANDLER(br_##op##_##a##b##suffix)                                   \
    {                                                                          \
        if (test(TEST_##op(FBR_A_##a(T), FBR_B_##b(T))))                       \
            GO NEXT(CELLS_##b);                                                \
    }
#define FLOAT_BRANCH(op, T, a, b)                                              \
    FLOAT_ONE(op, T, a, b, _f, , GO_F)                                         \
    FLOAT_ONE(op, T, a, b, _b, , GO_B)                                         \
    FLOAT_ONE(op, T, a, b, _nf, !, GO_F)                                       \
    FLOAT_ONE(op, T, a, b, _nb, !, GO_B)
#define FLOAT_ITEM(op, T, a, b)                                                \
    BRANCH_ITEM(op, a, b)                                                      \
    [VM_ROW_INDEX(KIND_##a, KIND_##b,                                          \
                  VM_BRANCH_FORWARD_NOT)] = br_##op##_##a##b##_nf,             \
                  [VM_ROW_INDEX(KIND_##a, KIND_##b, VM_BRANCH_BACK_NOT)] =     \
                      br_##op##_##a##b##_nb,

#define FLOAT_COMPARE(op, T)                                                   \
    FPAIRS_##T(FLOAT_BRANCH, op,                                               \
               T) extern const vm_handler vm_brow_##op[VM_ROW];                \
    const vm_handler vm_brow_##op[VM_ROW] = {FPAIRS_##T(FLOAT_ITEM, op, T)};
VM_FLOAT_COMPARE(FLOAT_COMPARE)

/* ---- without a condition, and tables
 * --------------------------------------------- */

extern HANDLER(vm_x_BR);
extern HANDLER(vm_x_BR_BACK);

HANDLER(vm_x_BR)
{
    pc += IMM32;
    NEXT(0);
}

HANDLER(vm_x_BR_BACK)
{
    pc += IMM32;
    COUNT_THEN_GO();
}

/* imm32: number of targets, the default last; then targets, two in a cell. */
#define TABLE(op, a, b)                                                        \
    static HANDLER(br_table_##a)                                               \
    {                                                                          \
        uint32_t i = (uint32_t)BR_A_##a, n = (uint32_t)IMM32;                  \
        i = i < n ? i : n - 1;                                                 \
        pc += ((const int32_t *)(pc + 2))[i];                                  \
        NEXT(0);                                                               \
    }
#define TABLE_ITEM(op, a, b) [ROW_AT(a, S, S)] = br_table_##a,
SINGLE(TABLE, _)
extern const vm_handler vm_row_BR_TABLE[VM_ROW];
const vm_handler vm_row_BR_TABLE[VM_ROW] = {SINGLE(TABLE_ITEM, _)};
