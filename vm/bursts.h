/*
 * bursts.h - counting what a guest executes for a small part of the time, so
 * that the rest runs at full speed: between the interpreter and bursts.c.
 * What it gives is asked for through counts.h.
 */
#ifndef VYOMA_VM_BURSTS_H
#define VYOMA_VM_BURSTS_H

#include "vm/code.h"
#include "vm/counts.h"

struct vm_bursts {
    vm_count_plan plan;
    bool on;               /* what runs is counted */
    bool first;            /* the first burst, which is exact, is not over */
    uint64_t mark, length; /* of this phase: the fuel at its start; units */
    uint64_t first_units;  /* counted in the first burst */
    uint64_t units[2];     /* since: not counted, counted */
    uint64_t nbursts;
    uint64_t compiled; /* bytes of functions */
    uint32_t random;
};

/* The largest slice of fuel to take, with what was taken before all used. */
uint64_t vm_bursts_slice(vm_store *store);
/*
 * With the registers saved: at a loop head, a function's entry or a handler of
 * exceptions; at a call's return through vm_fence_return; and before a fiber
 * runs.  They may move pc to code that counts, or back.
 */
void vm_bursts_turn(vm_fiber *fiber);
void vm_bursts_return(vm_fiber *fiber);
void vm_bursts_resume(vm_fiber *fiber);
/* Where a frame goes on whose return address is the fence. */
static inline const vm_cell *vm_behind_fence(const vm_fiber *fiber,
                                             const vm_cell *pc)
{
    return pc == vm_fence_return ? fiber->fence_pc : pc;
}
/* When nothing runs: accounts for the phase that it ended in. */
void vm_bursts_settle(vm_store *store);
/* How often the block of code that counts has run, as an estimate. */
uint64_t vm_bursts_count(const struct vm_bursts *bursts,
                         const struct vm_code *code, uint32_t block);

#endif
