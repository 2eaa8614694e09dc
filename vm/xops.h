/*
 * xops.h - tables of handlers, by instruction: what the compiler picks from.
 *
 * vm_rows: handlers by kind of a, b and destination (NULL where there is no
 * such variant, and the compiler moves an operand to a slot first).
 * vm_branch_rows: comparisons fused with a branch; the third index is one of
 * VM_BRANCH_*.  vm_simple: the one handler over slots.  The engine's own
 * instructions (moves, branches, calls) follow the specification's in number.
 */
#ifndef VYOMA_VM_XOPS_H
#define VYOMA_VM_XOPS_H

#include "vm/code.h"
#include "vm/opcodes.h"

/* Tables of macros: laid out by hand. */
/* clang-format off */

/* X(name): instructions of the engine's own that have a row. */
#define VM_XROWS(X)                                                            \
    X(MOVE)    /* integer or any slot: a -> d; K in the next cell */           \
    X(FMOVE32) /* floating point, registers and constants */                   \
    X(FMOVE64)                                                                 \
    X(SELECT_S) /* condition in a slot, field 3 */                             \
    X(SELECT_A) /* in the accumulator */                                       \
    X(GLOBAL_GET) /* of the instance: byte offset */                           \
    X(GLOBAL_SET)                                                              \
    X(BR_TRUE) /* rows of branches: a != 0 */                                  \
    X(BR_FALSE)                                                                \
    X(BR_TABLE)                                                                \
    X(CALL_INDIRECT) /* by 32-bit index a */                                   \
    X(MOVE2)      /* a, b -> d, d + 1 */                                       \
    X(GLOBAL_ADD) /* a global + K */                                           \
    X(GLOBAL_SET_ADD)                                                          \
    X(SHL_ADD) /* (a << field 3) + b */                                        \
    X(RET)     /* one integer; row by a */                                     \
    X(RET_F32)                                                                 \
    X(RET_F64)

/* X(name): those with one handler. */
#define VM_XSIMPLE(X)                                                          \
    X(MOVE128)                                                                 \
    X(CONST128)                                                                \
                                                                               \
    X(MOVE3)                                                                   \
    X(SELECT128)                                                               \
    X(GLOBAL_GET_ANY) X(GLOBAL_SET_ANY) X(GLOBAL_GET128) X(GLOBAL_SET128)      \
        X(BR) X(BR_BACK) X(RET_SLOTS) X(ZERO1) X(ZERO2) X(ZERO) X(CHECK_STACK) \
            X(CALL) X(CALL_IMPORT) X(TAIL_CALL) X(TAIL_CALL_ANY) X(CALL_REF)   \
                X(CALL_INDIRECT64) X(TAIL_CALL_REF) X(TAIL_CALL_INDIRECT)        \
                    X(CANON32) X(CANON64) X(CANON32X4) X(CANON64X2)            \
                        X(BR_ON_CAST) X(BR_ON_CAST_FAIL) X(TRAP)

enum {
    VM_X_FIRST = VM_OP_COUNT - 1,
#define X(name) VM_X_##name,
    VM_XROWS(X) VM_XSIMPLE(X)
#undef X
        VM_X_COUNT
};

enum {
    VM_BRANCH_FORWARD,
    VM_BRANCH_BACK,
    VM_BRANCH_FORWARD_NOT,
    VM_BRANCH_BACK_NOT,
};

extern const vm_handler *const vm_rows[VM_X_COUNT];
extern const vm_handler *const vm_branch_rows[VM_X_COUNT];
extern const vm_handler vm_simple[VM_X_COUNT];
/* Accesses whose address is the sum of a and b: the third index is the kind of
 * the destination, or of the value stored. */
extern const vm_handler *const vm_sum_rows[VM_OP_COUNT];
/* The row's place for a value of kind v to be stored at the sum of a and b: a
 * constant's is where a, which never is one, would be. */
#define VM_SUM_STORE_INDEX(a, b, v)                                            \
    ((v) == VM_K_K ? VM_ROW_INDEX(VM_K_K, b, a) : VM_ROW_INDEX(a, b, v))
/* Loads and stores with a 64-bit or other than the first memory, or a wide
 * offset: over slots. */
extern const vm_handler vm_far[VM_OP_COUNT];

#endif
