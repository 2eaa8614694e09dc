/*
 * interp_count.c - the handler that counts a basic block (compile_count.c): its
 * operand cell is the counter.  And that of the fence (bursts.c).
 */
#include "vm/interp.h"

#include "vm/bursts.h"

HANDLER(vm_count_block)
{
    ++*(vm_cell *)(uintptr_t)(pc + 1);
    NEXT(2);
}

/* Results in registers stay there. */
static HANDLER(fence_return)
{
    SAVE();
    vm_bursts_return(fiber);
    pc = fiber->regs.pc;
    NEXT(0);
}

const vm_cell vm_fence_return[] = {(vm_cell)(uintptr_t)&fence_return};
