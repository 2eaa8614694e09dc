/*
 * interp_count.c - the handler that counts a basic block (compile_count.c): its
 * operand cell is the counter.
 */
#include "vm/interp.h"

extern HANDLER(count_block);
HANDLER(count_block)
{
    ++*(vm_cell *)(uintptr_t)(pc + 1);
    NEXT(2);
}

const vm_handler vm_count_handler = count_block;
