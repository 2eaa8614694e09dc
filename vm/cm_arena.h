/*
 * cm_arena.h - memory with the life of a component's (or the linker's) types,
 * and the name index used over it.  Memory that input can ask for is bounded
 * by the arena's limit, and at run time by the store's.
 */
#ifndef VYOMA_CM_ARENA_H
#define VYOMA_CM_ARENA_H

#include "vm/vm.h"

typedef struct cm_chunk cm_chunk;

typedef struct cm_arena {
    cm_chunk *chunks;
    size_t used; /* bytes handed out, all chunks together */
    size_t limit;
    struct cm_budget *budget; /* NULL: none */
    vm_store *store; /* whose memory limit the chunks count against, or NULL */
} cm_arena;

/* What several arenas take from the system together. */
typedef struct cm_budget {
    size_t used, limit;
} cm_budget;

void cm_arena_init(cm_arena *arena, size_t limit);
void cm_arena_finish(cm_arena *arena);
/* Forgets all allocations but keeps the first chunk for the next ones. */
void cm_arena_reset(cm_arena *arena);
/* Zeroed, 16-byte aligned; NULL when the limit or memory is exhausted, or
 * count * size overflows. */
void *cm_arena_alloc(cm_arena *arena, size_t count, size_t size);
void *cm_arena_copy(cm_arena *arena, const void *data, size_t size);

static inline bool vm_name_equal(vm_name a, vm_name b)
{
    return a.len == b.len &&
           (a.len == 0 || __builtin_memcmp(a.data, b.data, a.len) == 0);
}

/* A hash of bytes.  With a seed that input cannot know (an address), nobody
 * can make many names collide on purpose. */
uint64_t cm_hash(const void *data, size_t len, uint64_t seed);

/*
 * Maps names to the position they were added at: open addressing over an
 * array of names that the caller keeps (each `stride` bytes apart).
 */
typedef struct cm_names {
    uint32_t *slots; /* position + 1; 0 is empty */
    uint32_t mask;   /* number of slots - 1 */
} cm_names;

#define CM_NAME_NONE UINT32_MAX

/* Indexes `count` names; false when memory ran out.  With equal names the
 * first one wins. */
VM_MUST_CHECK bool cm_names_build(cm_arena *arena, cm_names *names,
                                  const vm_name *first, size_t stride,
                                  uint32_t count);
uint32_t cm_names_find(const cm_names *names, const vm_name *first,
                       size_t stride, const char *name, size_t len);

#endif
