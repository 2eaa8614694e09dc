/*
 * interp_branch.c - handlers: branches, alone and fused with comparisons.
 *
 * Backward branches count against the budget, so that loops can be stopped.
 */
#include "vm/bodies.h"

/* Tables of macros: laid out by hand. */
/* clang-format off */

/* The same pairs as for comparisons as values, of which they are made. */
#define PAIRS_64(X, op)                                                        \
    X(op, S, K) X(op, A, K) X(op, P, K) X(op, Q, K) X(op, S, S) X(op, A, S)
#define PAIRS_32(X, op)                                                        \
    PAIRS_64(X, op) X(op, P, S) X(op, Q, S) X(op, A, P) X(op, A, Q) X(op, P, Q)

#define INT_BRANCH(op, x, y)                                                   \
    static ONE(BRANCH, op, x, y, f) static ONE(BRANCH, op, x, y, b)
#define BRANCH_ITEM(op, x, y)                                                  \
    [BRANCH_INDEX(x, y, f)] = br_##op##_##x##y##_f,                            \
    [BRANCH_INDEX(x, y, b)] = br_##op##_##x##y##_b,

#define COMPARE(PAIRS, op)                                                     \
    PAIRS(INT_BRANCH, op)                                                      \
    const vm_handler vm_brow_##op[VM_ROW] = {PAIRS(BRANCH_ITEM, op)};
#define COMPARE_32(op) COMPARE(PAIRS_32, op)
#define COMPARE_64(op) COMPARE(PAIRS_64, op)
VM_I32_COMPARE(COMPARE_32)
VM_I64_COMPARE(COMPARE_64)

/* ---- on a number being zero or not
 * ------------------------------------------- */

#define SINGLE(X, op) X(op, S, S) X(op, A, S) X(op, P, S) X(op, Q, S)

SINGLE(INT_BRANCH, BR_TRUE)
SINGLE(INT_BRANCH, BR_FALSE)
const vm_handler vm_brow_BR_TRUE[VM_ROW_OF_ONE] = {SINGLE(BRANCH_ITEM, BR_TRUE)};
const vm_handler vm_brow_BR_FALSE[VM_ROW_OF_ONE] = {SINGLE(BRANCH_ITEM, BR_FALSE)};

/* ---- floating point
 * ------------------------------------------------------------ */

/* Forward only: loops seldom end with one. */
#define FPAIRS_f32(X, op, T)                                                   \
    X(op, T, S, S) X(op, T, A, S) X(op, T, S, A) X(op, T, S, K) X(op, T, A, K)
#define FPAIRS_f64(X, op, T)                                                   \
    FPAIRS_f32(X, op, T) X(op, T, P, S) X(op, T, P, K)

#define FLOAT_BRANCH(op, T, x, y)                                              \
    static ONE(FBRANCH, T, op, x, y, f) static ONE(FBRANCH, T, op, x, y, nf)
#define FLOAT_ITEM(op, T, a, b)                                                \
    [BRANCH_INDEX(a, b, f)] = br_##op##_##a##b##_f,                            \
    [BRANCH_INDEX(a, b, nf)] = br_##op##_##a##b##_nf,
#define FLOAT_COMPARE(op, T)                                                   \
    FPAIRS_##T(FLOAT_BRANCH, op, T)                                            \
    const vm_handler vm_brow_##op[VM_ROW] = {FPAIRS_##T(FLOAT_ITEM, op, T)};
VM_FLOAT_COMPARE(FLOAT_COMPARE)

/* ---- without a condition, and tables
 * --------------------------------------------- */

extern HANDLER(vm_x_BR);
extern HANDLER(vm_x_BR_BACK);

ONE(BR, )
ONE(BR_BACK, )

#define TABLE(op, a, b) static ONE(TABLE, a)
#define TABLE_ITEM(op, a, b) [ROW_AT(a, S, S)] = br_table_##a,
SINGLE(TABLE, _)
const vm_handler vm_row_BR_TABLE[VM_ROW_OF_ONE] = {SINGLE(TABLE_ITEM, _)};
