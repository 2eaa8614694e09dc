/*
 * counts.h - counts of what a guest executed: how often each function was
 * called, each instruction run, and each pair of instructions one after the
 * other.  Exact for engines made with the option `count`; for stores of others,
 * from a small part that is counted (bursts.c).
 */
#ifndef VYOMA_VM_COUNTS_H
#define VYOMA_VM_COUNTS_H

#include "vm/opcodes.h"
#include "vm/vm.h"

typedef struct vm_func_count {
    const vm_instance *instance; /* one that has the function */
    uint32_t func;
    uint64_t calls, instructions;
} vm_func_count;

/* How often the engine went to a handler: what a dispatch costs is paid for. */
typedef struct vm_handler_count {
    uintptr_t handler, before; /* before: of pairs, the one that ran first */
    uint64_t count;
} vm_handler_count;

/*
 * How to count a part, in units of fuel (loop turns and calls): how long at the
 * start, where counts are exact, unless this takes functions of more than so
 * many bytes; and then, every `period` on average, how long; but not before
 * `per_byte` times the functions' bytes have passed, since each of them has to
 * be compiled once for it.
 */
typedef struct vm_count_plan {
    uint64_t exact, exact_bytes;
    uint64_t period, length, per_byte;
} vm_count_plan;

typedef struct vm_counts {
    bool exact;                            /* not estimates */
    uint64_t units, counted_units, bursts; /* what estimates stand on */
    uint64_t instructions; /* those that mark structure (block, loop, else,
                              end, try ...) do nothing and are not counted */
    uint64_t dispatches;
    uint64_t *opcodes; /* by vm_op */
    uint64_t *pairs;   /* by first * VM_OP_COUNT + second */
    vm_func_count *funcs;
    uint32_t nfuncs;
    vm_handler_count *handlers, *handler_pairs; /* the most frequent first */
    uint32_t nhandlers, nhandler_pairs;
} vm_counts;

/*
 * Has the store count a part of what will run in it, whatever the engine's
 * options; `plan` may be NULL.  False: out of memory.
 */
VM_MUST_CHECK bool vm_counts_start(vm_store *store, const vm_count_plan *plan);

/*
 * Adds up what the store's instances have executed (with what other stores
 * have of the same modules), or estimates it.  NULL: out of memory, or it was
 * not counted.
 *
 * Counted are basic blocks, so a trap leaves counted what is behind it in its
 * block.  Pairs are those within blocks, and from the end of one into one that
 * can be reached from there only.  Handlers are those of the code that counts:
 * sequences of instructions that have one handler end where blocks do.
 */
vm_counts *vm_counts_collect(vm_store *store);
void vm_counts_free(vm_counts *counts);
/* Functions of instances of one module are counted together. */
const vm_module *vm_instance_module(const vm_instance *instance);

#endif
