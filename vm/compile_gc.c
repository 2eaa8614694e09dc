/*
 * compile_gc.c - references and garbage-collected types.
 */
#include "vm/compile.h"

/* ---- branches
 * ------------------------------------------------------------------ */

/* Pushes whether the reference in a slot is null (or not), as a condition. */
static entry null_test(cc *c, uint16_t slot, vm_op compare)
{
    insn in = {.op = (uint16_t)compare,
               .format = FMT_INT,
               .ak = VM_K_S,
               .bk = VM_K_K,
               .a = slot,
               .row = vm_rows[compare],
               .result = C_INT,
               .offset = c->offset};
    cc_push_pending(c, &in, false);
    return cc_pop(c);
}

static void br_on_null(cc *c)
{
    uint32_t depth = vm_read_u32(&c->p);
    entry ref = cc_pop(c);
    uint16_t slot = cc_in_slot(c, &ref);
    c->height = ref.home + 1; /* keep the reference's home */
    entry cond = null_test(c, slot, VM_OP_I64_EQ);
    c->height = ref.home;
    cc_branch_if(c, cond, true, depth);
    cc_push(c, ref);
}

static void br_on_non_null(cc *c)
{
    uint32_t depth = vm_read_u32(&c->p);
    entry ref = cc_pop(c);
    uint16_t slot = cc_in_slot(c, &ref);
    cc_push(c, ref);
    cc_branch_if(c, null_test(c, slot, VM_OP_I64_NE), true, depth);
    cc_pop(c);
}

bool cc_gc(cc *c, vm_op op)
{
    switch (op) {
    case VM_OP_BR_ON_NULL: br_on_null(c); return true;
    case VM_OP_BR_ON_NON_NULL: br_on_non_null(c); return true;
    case VM_OP_REF_AS_NON_NULL: {
        insn in = {.op = (uint16_t)op};
        cc_simple(c, &in, 1, 'r');
        return true;
    }
    default: return false;
    }
}
