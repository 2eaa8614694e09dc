/*
 * arena.h - zeroed memory that is freed all at once: what a module's decoded
 * form is made of.
 */
#ifndef VYOMA_VM_ARENA_H
#define VYOMA_VM_ARENA_H

#include "vm/vm.h"

typedef struct vm_arena {
    struct vm_arena_block *blocks;
    size_t used, size; /* of the newest block */
    size_t total;      /* bytes taken from malloc */
} vm_arena;

/* NULL when out of memory or when count * size overflows; 16-byte aligned.
 * A count of zero answers a valid pointer. */
void *vm_arena_alloc(vm_arena *arena, size_t count, size_t size);
void vm_arena_finish(vm_arena *arena);

#endif
