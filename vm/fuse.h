/*
 * fuse.h - tables of the handlers that are two instructions in one
 * (interp_fuse.c), for the compiler (compile_fuse.c).
 */
#ifndef VYOMA_VM_FUSE_H
#define VYOMA_VM_FUSE_H

#include "vm/xops.h"

/* x += y, back if x cmp z: row by the kinds of x, y, z; by comparison. */
extern const vm_handler *const vm_latch_rows[VM_OP_COUNT];

/* Branches on x & K: like a branch row. */
extern const vm_handler vm_test_row[VM_ROW];

/* Load, then branch: by test * 2 (+ 1: backward), by kinds of the address; a
 * lone address has K for its second. */
enum {
    VM_LOAD_TRUE,
    VM_LOAD_FALSE,
    VM_LOAD_EQ,
    VM_LOAD_NE,
};
extern const vm_handler vm_load_branch[8][VM_ROW];
extern const vm_handler vm_load8_branch[8][VM_ROW];

/* Load into a local x, branch if x cmp z: by comparison; [0] forward, [1]
 * backward; row by the kinds of x, the address, z. */
extern const vm_handler (*const vm_load_compare[VM_OP_COUNT])[VM_ROW];

/* x * y with z: by form, f32 or f64, kind of z; then row by x, y, result. */
enum {
    VM_MUL_ADD,
    VM_MUL_SUB,
    VM_SUB_MUL,
};
extern const vm_handler vm_mul_rows[3][2][VM_K_P + 1][VM_ROW];

#endif
