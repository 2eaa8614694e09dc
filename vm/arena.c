/* arena.c - see arena.h. */
#include "vm/arena.h"

#include <stdlib.h>

struct vm_arena_block {
    struct vm_arena_block *next;
    _Alignas(16) uint8_t bytes[];
};

enum { BLOCK = 4000, ALIGN = 16 };

/* A large request gets a block of its own, behind the one in use. */
static void *alloc_large(vm_arena *arena, size_t bytes)
{
    struct vm_arena_block *block = calloc(1, sizeof *block + bytes);
    if (!block)
        return NULL;
    arena->total += bytes;
    if (arena->blocks) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        arena->blocks = block;
        arena->used = arena->size = bytes;
    }
    return block->bytes;
}

void *vm_arena_alloc(vm_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
        return NULL;
    bytes = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (bytes > BLOCK / 4)
        return alloc_large(arena, bytes);
    if (!arena->blocks || arena->size - arena->used < bytes) {
        struct vm_arena_block *block = calloc(1, sizeof *block + BLOCK);
        if (!block)
            return NULL;
        block->next = arena->blocks;
        arena->blocks = block;
        arena->used = 0;
        arena->size = BLOCK;
        arena->total += BLOCK;
    }
    void *p = arena->blocks->bytes + arena->used;
    arena->used += bytes;
    return p;
}

void vm_arena_finish(vm_arena *arena)
{
    while (arena->blocks) {
        struct vm_arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
    *arena = (vm_arena){0};
}
