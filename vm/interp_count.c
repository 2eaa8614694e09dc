/*
 * interp_count.c - the handler that counts a basic block (compile_count.c): its
 * operand cell is the counter.
 */
#include "vm/interp.h"

HANDLER(vm_count_block)
{
    ++*(vm_cell *)(uintptr_t)(pc + 1);
    NEXT(2);
}
