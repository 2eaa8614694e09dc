/*
 * cm_arena.c - chunked bump allocation under a limit, and the name index that
 * components, interfaces and core instances look their exports up in.
 */
#include "vm/cm_arena.h"

#include "vm/store.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_MIN 4096
#define CHUNK_MAX (256 * 1024)

struct cm_chunk {
    cm_chunk *next;
    size_t size, used; /* of data */
    _Alignas(16) unsigned char data[];
};

void cm_arena_init(cm_arena *arena, size_t limit)
{
    *arena = (cm_arena){.limit = limit};
}

/* True when `bytes` fit into both limits, and count now. */
static bool charge(cm_arena *arena, size_t bytes)
{
    cm_budget *budget = arena->budget;
    if (budget && bytes > budget->limit - budget->used)
        return false;
    if (arena->store && !vm_store_charge(arena->store, bytes))
        return false;
    if (budget)
        budget->used += bytes;
    return true;
}

static void refund(cm_arena *arena, size_t bytes)
{
    if (arena->budget)
        arena->budget->used -= bytes;
    if (arena->store)
        vm_store_refund(arena->store, bytes);
}

static cm_chunk *chunk_create(cm_arena *arena, size_t size)
{
    cm_chunk *chunk;
    size_t bytes = sizeof *chunk + size;
    if (!charge(arena, bytes))
        return NULL;
    chunk = malloc(bytes);
    if (chunk) {
        chunk->size = size;
        chunk->used = 0;
    } else {
        refund(arena, bytes);
    }
    return chunk;
}

/* Frees a chunk; the next one. */
static cm_chunk *chunk_free(cm_arena *arena, cm_chunk *chunk)
{
    cm_chunk *next = chunk->next;
    refund(arena, sizeof *chunk + chunk->size);
    free(chunk);
    return next;
}

void cm_arena_finish(cm_arena *arena)
{
    for (cm_chunk *chunk = arena->chunks; chunk;)
        chunk = chunk_free(arena, chunk);
    *arena = (cm_arena){
        .limit = arena->limit, .budget = arena->budget, .store = arena->store};
}

void cm_arena_reset(cm_arena *arena)
{
    cm_chunk *chunk = arena->chunks;
    while (chunk && chunk->next)
        chunk = chunk_free(arena, chunk);
    if (chunk)
        chunk->used = 0;
    arena->chunks = chunk;
    arena->used = 0;
}

/* Chunks double in size, so that a small component costs one small chunk. */
static cm_chunk *chunk_add(cm_arena *arena, size_t need)
{
    size_t size = arena->chunks ? arena->chunks->size * 2 : CHUNK_MIN;
    if (size > CHUNK_MAX)
        size = CHUNK_MAX;
    if (size < need)
        size = need;
    cm_chunk *chunk = chunk_create(arena, size);
    if (!chunk)
        return NULL;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *cm_arena_alloc(cm_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) ||
        __builtin_add_overflow(bytes, (size_t)15, &bytes))
        return NULL;
    bytes &= ~(size_t)15;
    if (!bytes)
        bytes = 16;
    if (bytes > arena->limit - arena->used)
        return NULL;
    cm_chunk *chunk = arena->chunks;
    if (!chunk || bytes > chunk->size - chunk->used)
        chunk = chunk_add(arena, bytes);
    if (!chunk)
        return NULL;
    void *p = chunk->data + chunk->used;
    chunk->used += bytes;
    arena->used += bytes;
    return memset(p, 0, bytes);
}

void *cm_arena_copy(cm_arena *arena, const void *data, size_t size)
{
    void *p = cm_arena_alloc(arena, 1, size);
    if (p && size)
        memcpy(p, data, size);
    return p;
}

/* ---- names ----------------------------------------------------------------
 */

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Eight bytes at a time, folded by a full multiplication (wyhash's way). */
uint64_t cm_hash(const void *data, size_t len, uint64_t seed)
{
    const uint64_t k0 = UINT64_C(0xa0761d6478bd642f);
    const uint64_t k1 = UINT64_C(0xe7037ed1a0b428db);
    const unsigned char *p = data;
    uint64_t h = seed ^ mix(len ^ k0, k1), word;
    for (; len >= 8; p += 8, len -= 8) {
        memcpy(&word, p, 8);
        h = mix(h ^ word, k1);
    }
    word = 0;
    if (len)
        memcpy(&word, p, len);
    return mix(h ^ word, k0);
}

/* The slot to look at first. */
static uint32_t hash(const cm_names *names, const char *data, size_t len)
{
    return (uint32_t)cm_hash(data, len, (uintptr_t)names->slots) & names->mask;
}

static const vm_name *name_at(const vm_name *first, size_t stride, uint32_t i)
{
    return (const vm_name *)((const char *)first + stride * i);
}

bool cm_names_build(cm_arena *arena, cm_names *names, const vm_name *first,
                    size_t stride, uint32_t count)
{
    uint32_t size = 4;
    if (count > UINT32_MAX / 4)
        return false;
    while (size < count * 2)
        size *= 2;
    uint32_t *slots = cm_arena_alloc(arena, size, sizeof *slots);
    if (!slots)
        return false;
    *names = (cm_names){.slots = slots, .mask = size - 1};
    for (uint32_t i = 0; i < count; i++) {
        const vm_name *name = name_at(first, stride, i);
        uint32_t at = hash(names, name->data, name->len);
        while (slots[at] &&
               !vm_name_equal(*name, *name_at(first, stride, slots[at] - 1)))
            at = (at + 1) & names->mask;
        if (!slots[at])
            slots[at] = i + 1;
    }
    return true;
}

uint32_t cm_names_find(const cm_names *names, const vm_name *first,
                       size_t stride, const char *name, size_t len)
{
    if (!names->slots)
        return CM_NAME_NONE;
    uint32_t at = hash(names, name, len);
    for (; names->slots[at]; at = (at + 1) & names->mask) {
        uint32_t i = names->slots[at] - 1;
        if (vm_name_equal((vm_name){name, len}, *name_at(first, stride, i)))
            return i;
    }
    return CM_NAME_NONE;
}
