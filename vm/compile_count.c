/*
 * compile_count.c - counting (counts.h): where the compiler marks basic blocks.
 *
 * A block starts with an instruction of its own, COUNT, whose operand cell is
 * the counter.  It touches no register, so that the code around it is what it
 * would be without, but for fusions across the start of a block.
 */
#include "vm/compile.h"

/* What marks structure, and is nothing at run time. */
static bool is_structure(vm_op op)
{
    switch (op) {
    case VM_OP_BLOCK:
    case VM_OP_LOOP:
    case VM_OP_TRY:
    case VM_OP_TRY_TABLE:
    case VM_OP_ELSE:
    case VM_OP_CATCH:
    case VM_OP_CATCH_ALL:
    case VM_OP_DELEGATE:
    case VM_OP_END: return true;
    default: return false;
    }
}

bool vm_op_is_counted(vm_op op)
{
    return !is_structure(op);
}

/* After which what follows may run less often. */
static bool ends_block(vm_op op)
{
    switch (vm_ops[op].imm) {
    case VM_IMM_LABEL:
    case VM_IMM_LABELS:
    case VM_IMM_BR_ON_CAST:
    case VM_IMM_CALL_INDIRECT:
    case VM_IMM_TAG: return true;
    default: break;
    }
    return op == VM_OP_IF || op == VM_OP_CALL || op == VM_OP_CALL_REF ||
           op == VM_OP_RETURN_CALL || op == VM_OP_RETURN_CALL_REF ||
           op == VM_OP_RETURN || op == VM_OP_UNREACHABLE ||
           op == VM_OP_THROW_REF || op == VM_OP_RETHROW;
}

/* The end of a block to which nothing branches goes on with what was. */
static bool joins(const cc *c, vm_op op)
{
    if (op == VM_OP_BLOCK || op == VM_OP_TRY || op == VM_OP_TRY_TABLE)
        return false;
    if (op != VM_OP_END)
        return true;
    const label *l = &c->labels[c->nlabels - 1];
    bool plain = l->kind == L_LOOP ||
                 ((l->kind == L_BLOCK || l->kind == L_FUNC) && !l->reached);
    return !plain;
}

static void start_block(cc *c, uint32_t last)
{
    c->blocks =
        cc_grow(c, c->blocks, c->nblocks, &c->blocks_cap, sizeof *c->blocks);
    uint32_t cell = cc_start(c, vm_count_block);
    cc_cell(c, 0);
    c->blocks[c->nblocks++] = (vm_code_block){
        .start = c->offset, .last = last, .cell = cell, .from = c->block_from};
    c->block_open = true;
    c->block_from = 0;
}

void cc_count_entry(cc *c)
{
    c->block_from = 0;
    start_block(c, 0);
    c->block_open = false;
}

/* Code that no instruction of its block stands for: moves on one way of a
 * branch, or the return at a function's end to which branches lead. */
void cc_count_way(cc *c)
{
    uint16_t from = c->block_from;
    if (!c->counting)
        return;
    start_block(c, 0); /* which has no instructions of the program */
    c->block_open = false;
    c->block_from = from;
}

void cc_count(cc *c, vm_op op)
{
    if (is_structure(op)) {
        if (!joins(c, op))
            return;
        c->block_open = false;
        /* an else is reached from its if alone */
        c->block_from = op == VM_OP_ELSE ? VM_OP_IF + 1 : 0;
        return;
    }
    if (!c->block_open)
        start_block(c, c->offset);
    c->blocks[c->nblocks - 1].last = c->offset;
    if (ends_block(op)) {
        c->block_open = false;
        c->block_from = (uint16_t)(op + 1);
    }
}
