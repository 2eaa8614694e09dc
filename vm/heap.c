/*
 * heap.c - the garbage-collected heap: size classes in aligned blocks, mark
 * and sweep, nothing moves.
 *
 * Small objects live in 64 KiB blocks of one size class each; a block is
 * aligned to its size, so the block of an address is a mask away and a hash of
 * blocks tells whether a word found in a frame can be a reference.  Large
 * objects have a block of their own.  A collection marks from the roots with an
 * explicit stack, then sweeps every block, rebuilding the free lists; it runs
 * when as much has been allocated as survived the last one.
 */
#include "vm/heap.h"
#include "vm/code.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BLOCK (UINT64_C(64) << 10)
#define SMALL_MAX 4096
#define NCLASSES 24
#define GRANULE 16
#define FIRST_COLLECT (UINT64_C(1) << 20)

/* Sizes of objects, header included. */
static const uint16_t class_size[NCLASSES] = {
    16,  32,  48,  64,  80,  96,  112,  128,  160,  192,  224,  256,
    320, 384, 448, 512, 640, 768, 1024, 1280, 1536, 2048, 2720, 4096};

typedef struct block {
    struct block *next;
    uint64_t bytes; /* of the whole mapping */
    uint32_t size;  /* of one object; large: 0 */
    uint32_t count; /* objects */
    uint32_t class;
    bool large_mark;
    uint64_t marks[BLOCK / GRANULE / 64];
    _Alignas(16) uint8_t data[];
} block;

struct vm_heap {
    vm_store *store;
    block *blocks;
    vm_object *free[NCLASSES];
    block **hash; /* open addressing by address */
    uint32_t nhash, nblocks;
    uint64_t allocated, live, threshold; /* bytes */
    vm_object **stack;
    size_t depth, capacity;
    bool overflow; /* the mark stack could not grow */
};

static struct vm_heap *heap_of(vm_store *store)
{
    if (!store->heap) {
        store->heap = calloc(1, sizeof *store->heap);
        if (!store->heap)
            return NULL;
        store->heap->store = store;
        store->heap->threshold = FIRST_COLLECT;
    }
    return store->heap;
}

/* ---- blocks ---------------------------------------------------------------
 */

static uint32_t hash_slot(const struct vm_heap *h, uintptr_t address)
{
    return (uint32_t)((address / BLOCK * 0x9e3779b97f4a7c15u) >> 32) &
           (h->nhash - 1);
}

static void hash_insert(struct vm_heap *h, block *b)
{
    uint32_t i = hash_slot(h, (uintptr_t)b);
    while (h->hash[i])
        i = (i + 1) & (h->nhash - 1);
    h->hash[i] = b;
}

/* Rebuilds the hash from the list, with room for `more` blocks. */
static bool hash_rebuild(struct vm_heap *h, uint32_t more)
{
    uint32_t n = 64;
    while (n < (h->nblocks + more) * 2)
        n *= 2;
    if (n > h->nhash) {
        block **hash = calloc(n, sizeof *hash);
        if (!hash)
            return false;
        free(h->hash);
        h->hash = hash;
        h->nhash = n;
    } else {
        memset(h->hash, 0, h->nhash * sizeof *h->hash);
    }
    for (block *b = h->blocks; b; b = b->next)
        hash_insert(h, b);
    return true;
}

static block *find_block(const struct vm_heap *h, uintptr_t address)
{
    uintptr_t base = address & ~(uintptr_t)(BLOCK - 1);
    if (!h->nhash)
        return NULL;
    for (uint32_t i = hash_slot(h, base); h->hash[i];
         i = (i + 1) & (h->nhash - 1))
        if ((uintptr_t)h->hash[i] == base)
            return h->hash[i];
    return NULL;
}

/* A BLOCK-aligned mapping of `bytes`, a multiple of BLOCK. */
static void *map_aligned(uint64_t bytes)
{
    uint8_t *p = mmap(NULL, bytes + BLOCK, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    uint64_t head = -(uintptr_t)p & (BLOCK - 1);
    if (head)
        munmap(p, head);
    if (BLOCK - head)
        munmap(p + head + bytes, BLOCK - head);
    return p + head;
}

static block *block_create(struct vm_heap *h, uint64_t bytes)
{
    if ((h->nblocks + 1) * 2 > h->nhash && !hash_rebuild(h, 1))
        return NULL;
    if (!vm_store_charge(h->store, bytes))
        return NULL;
    block *b = map_aligned(bytes);
    if (!b) {
        vm_store_refund(h->store, bytes);
        return NULL;
    }
    b->bytes = bytes;
    b->next = h->blocks;
    h->blocks = b;
    h->nblocks++;
    hash_insert(h, b);
    return b;
}

static void block_unmap(struct vm_heap *h, block *b)
{
    h->nblocks--;
    vm_store_refund(h->store, b->bytes);
    munmap(b, b->bytes);
}

static vm_object *object_at(block *b, uint32_t i)
{
    return (vm_object *)(b->data + (size_t)i * b->size);
}

static void link_free(struct vm_heap *h, uint32_t class, vm_object *o)
{
    o->type = VM_OBJECT_FREE;
    o->payload[0] = (uintptr_t)h->free[class];
    h->free[class] = o;
}

static bool refill(struct vm_heap *h, uint32_t class)
{
    block *b = block_create(h, BLOCK);
    if (!b)
        return false;
    b->class = class;
    b->size = class_size[class];
    b->count = (uint32_t)((BLOCK - sizeof *b) / b->size);
    for (uint32_t i = b->count; i-- > 0;)
        link_free(h, class, object_at(b, i));
    return true;
}

void vm_heap_destroy(struct vm_heap *h)
{
    if (!h)
        return;
    for (block *b = h->blocks, *next; b; b = next) {
        next = b->next;
        block_unmap(h, b);
    }
    free(h->hash);
    free(h->stack);
    free(h);
}

/* ---- marking ---------------------------------------------------------------
 */

static bool set_mark(block *b, vm_object *o)
{
    if (!b->size) {
        bool was = b->large_mark;
        b->large_mark = true;
        return !was;
    }
    uint32_t i = (uint32_t)((uint8_t *)o - b->data) / GRANULE;
    uint64_t bit = UINT64_C(1) << (i % 64);
    bool was = b->marks[i / 64] & bit;
    b->marks[i / 64] |= bit;
    return !was;
}

static void push(struct vm_heap *h, vm_object *o)
{
    if (h->depth == h->capacity) {
        size_t capacity = h->capacity ? h->capacity * 2 : 1024;
        vm_object **stack = realloc(h->stack, capacity * sizeof *stack);
        if (!stack) {
            h->overflow = true;
            return;
        }
        h->stack = stack;
        h->capacity = capacity;
    }
    h->stack[h->depth++] = o;
}

/* Any word: marks the object it is the address of, if it is one. */
static void mark_word(struct vm_heap *h, uint64_t word)
{
    if (!word || word & 7)
        return;
    block *b = find_block(h, word);
    if (!b)
        return;
    uint64_t offset = word - (uintptr_t)b->data;
    if (word < (uintptr_t)b->data)
        return;
    if (b->size ? offset % b->size || offset / b->size >= b->count : offset)
        return;
    vm_object *o = vm_ref_object(word);
    if (o->type != VM_OBJECT_FREE && set_mark(b, o))
        push(h, o);
}

static void mark_words(struct vm_heap *h, const uint64_t *words, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        mark_word(h, words[i]);
}

static void scan(struct vm_heap *h, vm_object *o)
{
    if (o->type == VM_OBJECT_EXN) {
        mark_words(h, o->payload + 1, o->length);
        return;
    }
    const vm_deftype *t = vm_types_get(&h->store->engine->types, o->type);
    if (t->kind == VM_COMP_ARRAY) {
        if (vm_type_is_ref(t->array.type))
            mark_words(h, o->payload, o->length);
        return;
    }
    for (uint32_t i = 0; i < t->st.nfields; i++)
        if (vm_type_is_ref(t->st.fields[i].type))
            mark_word(h, o->payload[t->st.fields[i].offset / 8]);
}

static void drain(struct vm_heap *h)
{
    while (h->depth)
        scan(h, h->stack[--h->depth]);
}

static bool is_marked(block *b, vm_object *o)
{
    if (!b->size)
        return b->large_mark;
    uint32_t i = (uint32_t)((uint8_t *)o - b->data) / GRANULE;
    return b->marks[i / 64] >> (i % 64) & 1;
}

/* After an overflow: scans everything marked until nothing new turns up. */
static void rescan(struct vm_heap *h)
{
    while (h->overflow) {
        h->overflow = false;
        for (block *b = h->blocks; b; b = b->next)
            for (uint32_t i = 0; i < b->count; i++)
                if (is_marked(b, object_at(b, i))) {
                    scan(h, object_at(b, i));
                    drain(h);
                }
    }
}

static void mark_fiber(struct vm_heap *h, const vm_fiber *f)
{
    mark_word(h, f->exception);
    if (f->state == VM_FIBER_IDLE)
        return;
    const vm_slot *top = f->regs.fp + VM_STACK_GUARD;
    const vm_instance *in = f->regs.instance;
    const struct vm_code *code =
        in ? vm_code_find(in->module, f->regs.pc) : NULL;
    if (code)
        top = f->regs.fp + code->frame;
    if (top > f->stack_end)
        top = f->stack_end;
    mark_words(h, f->stack, (uint64_t)(top - f->stack));
    const uint64_t registers[] = {f->regs.acc, f->regs.l0, f->regs.l1};
    mark_words(h, registers, 3);
}

static void mark_instance(struct vm_heap *h, const vm_instance *in)
{
    const vm_module *m = in->module;
    for (uint32_t i = m->nglobal_imports; i < m->nglobals; i++)
        if (vm_type_is_ref(m->globals[i].type))
            mark_word(h, in->globals[i]->value.ref);
    for (uint32_t i = 0; i < m->nelems; i++)
        mark_words(h, in->elems[i].refs, in->elems[i].count);
}

static void mark_roots(struct vm_heap *h)
{
    const vm_store *s = h->store;
    for (const vm_fiber *f = s->fibers; f; f = f->next)
        mark_fiber(h, f);
    for (const vm_instance *in = s->instances; in; in = in->next)
        mark_instance(h, in);
    for (const vm_global *g = s->globals; g; g = g->next)
        if (vm_type_is_ref(g->type))
            mark_word(h, g->value.ref);
    for (const vm_table *t = s->tables; t; t = t->next)
        mark_words(h, t->elems, t->size);
    for (const vm_root *r = s->roots; r; r = r->next)
        mark_word(h, r->ref);
    for (const vm_heap_range *r = s->ranges; r; r = r->outer)
        mark_words(h, r->words, r->count);
}

/* ---- sweeping ---------------------------------------------------------------
 */

/* What comes out of a lost object should be seen to be wrong. */
static void release(struct vm_heap *h, block *b, vm_object *o)
{
    if (h->store->engine->options.collect_often)
        memset(o, 0xdb, b->size);
    link_free(h, b->class, o);
}

/* Frees what is not marked; true when nothing is left. */
static bool sweep_block(struct vm_heap *h, block *b)
{
    uint32_t live = 0;
    for (uint32_t i = 0; i < b->count; i++)
        live += is_marked(b, object_at(b, i));
    if (!live)
        return true;
    h->live += b->size ? (uint64_t)live * b->size : b->bytes;
    b->large_mark = false;
    if (b->size) {
        for (uint32_t i = b->count; i-- > 0;)
            if (!is_marked(b, object_at(b, i)))
                release(h, b, object_at(b, i));
        memset(b->marks, 0, sizeof b->marks);
    }
    return false;
}

static void sweep(struct vm_heap *h)
{
    memset(h->free, 0, sizeof h->free);
    h->live = 0;
    block **link = &h->blocks;
    while (*link) {
        block *b = *link;
        if (sweep_block(h, b)) {
            *link = b->next;
            block_unmap(h, b);
        } else {
            link = &b->next;
        }
    }
    if (h->nhash)
        (void)hash_rebuild(h, 0); /* never grows here, so cannot fail */
}

void vm_heap_collect(vm_store *store)
{
    struct vm_heap *h = store->heap;
    if (!h)
        return;
    mark_roots(h);
    drain(h);
    rescan(h);
    sweep(h);
    h->allocated = 0;
    h->threshold = h->live > FIRST_COLLECT ? h->live : FIRST_COLLECT;
}

/* ---- allocation
 * -------------------------------------------------------------- */

static uint32_t class_for(uint64_t bytes)
{
    uint32_t c = bytes <= 128 ? (uint32_t)((bytes + 15) / 16) - 1 : 8;
    while (class_size[c] < bytes)
        c++;
    return c;
}

static vm_object *try_small(struct vm_heap *h, uint64_t bytes)
{
    uint32_t class = class_for(bytes);
    if (!h->free[class] && !refill(h, class))
        return NULL;
    vm_object *o = h->free[class];
    h->free[class] = (vm_object *)(uintptr_t)o->payload[0];
    memset(o, 0, class_size[class]);
    h->allocated += class_size[class];
    return o;
}

static vm_object *try_large(struct vm_heap *h, uint64_t bytes)
{
    if (bytes > h->store->limits.memory_bytes)
        return NULL;
    bytes = (bytes + sizeof(block) + BLOCK - 1) & ~(BLOCK - 1);
    block *b = block_create(h, bytes);
    if (!b)
        return NULL;
    b->count = 1;
    h->allocated += bytes;
    return object_at(b, 0);
}

static vm_object *try_new(struct vm_heap *h, uint64_t bytes)
{
    return bytes <= SMALL_MAX ? try_small(h, bytes) : try_large(h, bytes);
}

vm_object *vm_heap_new(vm_store *store, uint32_t type, uint32_t length,
                       uint64_t bytes)
{
    struct vm_heap *h = heap_of(store);
    if (!h)
        return NULL;
    bytes += sizeof(vm_object);
    if (h->allocated + bytes > h->threshold ||
        store->engine->options.collect_often)
        vm_heap_collect(store);
    vm_object *o = try_new(h, bytes);
    if (!o) {
        vm_heap_collect(store);
        o = try_new(h, bytes);
    }
    if (!o)
        return NULL;
    o->type = type;
    o->length = length;
    return o;
}

vm_object *vm_heap_new_array(vm_store *store, const vm_deftype *type,
                             uint32_t length)
{
    uint64_t bytes = (uint64_t)length * type->array.size;
    return vm_heap_new(store, type->id, length, (bytes + 7) & ~UINT64_C(7));
}

/* ---- types and fields
 * --------------------------------------------------------- */

static bool test_object(const vm_types *types, vm_ref ref, uint32_t heap)
{
    if (vm_ref_is_host(ref))
        return heap == VM_HEAP_ANY || heap == VM_HEAP_EXTERN;
    if (vm_ref_is_i31(ref))
        return heap == VM_HEAP_I31 || heap == VM_HEAP_EQ ||
               heap == VM_HEAP_ANY || heap == VM_HEAP_EXTERN;
    const vm_object *o = vm_ref_object(ref);
    if (o->type == VM_OBJECT_EXN)
        return heap == VM_HEAP_EXN;
    const vm_deftype *t = vm_types_get(types, o->type);
    switch (heap) {
    case VM_HEAP_ANY:
    case VM_HEAP_EXTERN:
    case VM_HEAP_EQ: return true;
    case VM_HEAP_STRUCT: return t->kind == VM_COMP_STRUCT;
    case VM_HEAP_ARRAY: return t->kind == VM_COMP_ARRAY;
    default:
        return !(heap & VM_ABSTRACT) &&
               vm_deftype_extends(t, vm_types_get(types, heap));
    }
}

bool vm_ref_test(const vm_store *store, vm_ref ref, vm_type type)
{
    const vm_types *types = &store->engine->types;
    uint32_t heap = type & VM_HEAP_MASK;
    if (!ref)
        return vm_type_is_nullable(type);
    if (heap == VM_HEAP_NONE || heap == VM_HEAP_NOFUNC ||
        heap == VM_HEAP_NOEXTERN || heap == VM_HEAP_NOEXN)
        return false;
    if (vm_heap_top(types, heap) != VM_HEAP_FUNC)
        return test_object(types, ref, heap);
    const vm_func *f = vm_ref_to_func(ref);
    return heap == VM_HEAP_FUNC ||
           vm_deftype_extends(f->type, vm_types_get(types, heap));
}

void vm_field_load(const vm_field *field, const uint8_t *p, bool sign,
                   vm_slot *out)
{
    switch (field->size) {
    case 1: *out = sign ? (uint32_t)(int8_t)*p : *p; break;
    case 2: {
        uint16_t v;
        memcpy(&v, p, sizeof v);
        *out = sign ? (uint32_t)(int16_t)v : v;
        break;
    }
    case 4: {
        uint32_t v;
        memcpy(&v, p, sizeof v);
        *out = v;
        break;
    }
    default: memcpy(out, p, field->size);
    }
}

void vm_field_store(const vm_field *field, uint8_t *p, const vm_slot *in)
{
    memcpy(p, in, field->size);
}
