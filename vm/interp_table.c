/*
 * interp_table.c - the tables of handlers that the compiler picks from,
 * collected from interp_*.c by the lists of interp.def and xops.h.
 */
#include "vm/atomic.h"
#include "vm/interp.h"
#include "vm/simd.h"

/* Tables of macros: laid out by hand. */
/* clang-format off */

/* ---- rows by operand kind
 * ---------------------------------------------------- */

#define ITEM(op, ...) [VM_OP_##op] = vm_row_##op,
#define XITEM(op) [VM_X_##op] = vm_row_##op,
#define ALIAS(op, as) [VM_OP_##op] = vm_row_##as,
#define BRANCH_ITEM(op, ...) [VM_OP_##op] = vm_brow_##op,

const vm_handler *const vm_rows[VM_X_COUNT] = {VM_ROWS(ITEM) VM_ONLY_ROWS(
    XITEM) VM_INT_LOAD_ALIAS(ALIAS) VM_INT_STORE_ALIAS(ALIAS)};

const vm_handler *const vm_branch_rows[VM_X_COUNT] = {
    VM_BRANCHES(BRANCH_ITEM)[VM_X_BR_TRUE] = vm_brow_BR_TRUE,
    [VM_X_BR_FALSE] = vm_brow_BR_FALSE,
};

/* ---- single handlers
 * ----------------------------------------------------------- */

#define SLOW(X)                                                                \
    X(MEMORY_SIZE)                                                             \
    X(MEMORY_GROW)                                                             \
    X(MEMORY_INIT)                                                             \
    X(DATA_DROP)                                                               \
    X(MEMORY_COPY)                                                             \
    X(MEMORY_FILL)                                                             \
    X(TABLE_GET)                                                               \
    X(TABLE_SET)                                                               \
    X(TABLE_SIZE)                                                              \
    X(TABLE_GROW) X(TABLE_FILL) X(TABLE_COPY) X(TABLE_INIT) X(ELEM_DROP)       \
        X(REF_FUNC) X(REF_AS_NON_NULL) X(I64_ADD128) X(I64_SUB128)             \
            X(I64_MUL_WIDE_S) X(I64_MUL_WIDE_U) X(I32_TRUNC_SAT_F32_S)         \
                X(I32_TRUNC_SAT_F32_U) X(I32_TRUNC_SAT_F64_S)                  \
                    X(I32_TRUNC_SAT_F64_U) X(I64_TRUNC_SAT_F32_S)              \
                        X(I64_TRUNC_SAT_F32_U) X(I64_TRUNC_SAT_F64_S)          \
                            X(I64_TRUNC_SAT_F64_U)
#define GC(X)                                                                  \
    X(STRUCT_NEW)                                                              \
    X(STRUCT_NEW_DEFAULT)                                                      \
    X(STRUCT_GET)                                                              \
    X(STRUCT_GET_S)                                                            \
    X(STRUCT_SET)                                                              \
    X(ARRAY_NEW)                                                               \
    X(ARRAY_NEW_DEFAULT)                                                       \
    X(ARRAY_NEW_FIXED)                                                         \
    X(ARRAY_NEW_DATA) X(ARRAY_NEW_ELEM) X(ARRAY_GET) X(ARRAY_GET_S)            \
        X(ARRAY_SET) X(ARRAY_LEN) X(ARRAY_FILL) X(ARRAY_COPY)                  \
            X(ARRAY_INIT_DATA) X(ARRAY_INIT_ELEM) X(REF_TEST) X(REF_CAST)      \
                X(REF_I31) X(I31_GET_S) X(I31_GET_U) X(THROW) X(THROW_REF)
#define OWN(X)                                                                 \
    X(MOVE128)                                                                 \
    X(CONST128)                                                                \
                                                                               \
    X(MOVE3)                                                                   \
    X(SELECT128)                                                               \
    X(GLOBAL_GET_ANY)                                                          \
    X(GLOBAL_SET_ANY)                                                          \
    X(GLOBAL_GET128)                                                           \
    X(GLOBAL_SET128)                                                           \
    X(BR) X(BR_BACK) X(RET_SLOTS) X(ZERO1) X(ZERO2) X(ZERO) X(CHECK_STACK)     \
        X(CALL) X(CALL_IMPORT) X(CALL_INDIRECT64) X(CALL_REF) X(TAIL_CALL)       \
            X(TAIL_CALL_ANY) X(TAIL_CALL_INDIRECT) X(TAIL_CALL_REF) X(CANON32) \
                X(CANON64) X(CANON32X4) X(CANON64X2) X(TRAP)
#define DECLARE_HANDLER(op, ...) extern HANDLER(vm_x_##op);
SLOW(DECLARE_HANDLER)
GC(DECLARE_HANDLER)
VM_SIMD(DECLARE_HANDLER)
VM_ATOMICS(DECLARE_HANDLER)
OWN(DECLARE_HANDLER)

#define HANDLER_ITEM(op, ...) [VM_OP_##op] = vm_x_##op,
#define OWN_ITEM(op) [VM_X_##op] = vm_x_##op,
const vm_handler vm_simple[VM_X_COUNT] = {SLOW(HANDLER_ITEM) GC(
    HANDLER_ITEM) VM_SIMD(HANDLER_ITEM) VM_ATOMICS(HANDLER_ITEM) OWN(OWN_ITEM)};
