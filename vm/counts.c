/*
 * counts.c - adding the counters of basic blocks up (counts.h).
 */
#include "vm/counts.h"

#include "vm/bursts.h"
#include "vm/compile.h"
#include "vm/fuse.h"
#include "vm/reader.h"

#include <stdlib.h>
#include <string.h>

/* Handlers and pairs of them, by address. */
typedef struct handler_map {
    vm_handler_count *items;
    uint32_t count, size; /* open addressing; a power of two */
} handler_map;

typedef struct tally {
    vm_counts *counts;
    handler_map handlers, pairs;
    handler_map wholes; /* of sequences: how many instructions they are */
    bool failed;
} tally;

/* ---- handlers ---------------------------------------------------------------
 */

static vm_handler_count *find(const handler_map *map, uintptr_t before,
                              uintptr_t handler)
{
    uint64_t hash = (before * 31 ^ handler) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t i = (uint32_t)(hash >> 32) & (map->size - 1);
    while (map->items[i].handler &&
           (map->items[i].handler != handler || map->items[i].before != before))
        i = (i + 1) & (map->size - 1);
    return &map->items[i];
}

static bool make_room(handler_map *map)
{
    if (map->count < map->size / 2)
        return true;
    handler_map grown = {.count = map->count,
                         .size = map->size ? map->size * 2 : 1024};
    grown.items = calloc(grown.size, sizeof *grown.items);
    if (!grown.items)
        return false;
    for (uint32_t i = 0; i < map->size; i++)
        if (map->items[i].handler)
            *find(&grown, map->items[i].before, map->items[i].handler) =
                map->items[i];
    free(map->items);
    *map = grown;
    return true;
}

static void add_handler(tally *t, handler_map *map, uintptr_t before,
                        uintptr_t handler, uint64_t n)
{
    if (!make_room(map)) {
        t->failed = true;
        return;
    }
    vm_handler_count *item = find(map, before, handler);
    map->count += !item->handler;
    item->handler = handler;
    item->before = before;
    item->count += n;
}

static void note_sequences(tally *t)
{
    for (uint32_t i = 0; i < vm_nsequences; i++) {
        const vm_sequence *s = &vm_sequences[i];
        add_handler(t, &t->wholes, 0, (uintptr_t)s->whole, s->part[2] ? 3 : 2);
    }
}

/* Instructions behind the handler's own that it runs as well. */
static uint32_t runs_more(const tally *t, uintptr_t handler)
{
    const vm_handler_count *whole =
        t->wholes.size ? find(&t->wholes, 0, handler) : NULL;
    return whole && whole->handler ? (uint32_t)whole->count - 1 : 0;
}

/* The instructions of a block, by the map; `end` is the next block's cell. */
static void add_dispatches(tally *t, const struct vm_code *code, uint32_t start,
                           uint32_t end, uint64_t n)
{
    uint32_t at = 0, skip = 0;
    uintptr_t before = 0;
    for (const uint8_t *p = code->map, *stop = p + code->map_size; p < stop;) {
        at += vm_read_u32(&p);
        (void)vm_read_u32(&p);
        if (at >= end)
            return;
        if (at < start || code->cells[at] == (uintptr_t)vm_count_block)
            continue;
        uintptr_t handler = code->cells[at];
        if (skip) {
            skip--;
            continue;
        }
        skip = runs_more(t, handler);
        t->counts->dispatches += n;
        add_handler(t, &t->handlers, 0, handler, n);
        if (before)
            add_handler(t, &t->pairs, before, handler, n);
        before = handler;
    }
}

static int by_count(const void *a, const void *b)
{
    const vm_handler_count *x = a, *y = b;
    return (x->count < y->count) - (x->count > y->count);
}

/* The map's items without the gaps, in order. */
static vm_handler_count *in_order(handler_map *map)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < map->size; i++)
        if (map->items[i].handler)
            map->items[n++] = map->items[i];
    if (n)
        qsort(map->items, n, sizeof *map->items, by_count);
    return map->items;
}

/* ---- instructions -----------------------------------------------------------
 */

static void add_pair(vm_counts *c, uint32_t first, uint32_t second, uint64_t n)
{
    c->pairs[(size_t)first * VM_OP_COUNT + second] += n;
}

/* Returns how many instructions the block has. */
static uint64_t add_block(vm_counts *c, const vm_module *m,
                          const vm_code_block *b, uint64_t n)
{
    const uint8_t *p = m->bytes + b->start, *last = m->bytes + b->last;
    uint32_t before = b->from; /* plus one */
    uint64_t length = 0;
    while (p <= last) {
        vm_op op = vm_read_op(&p);
        vm_skip_immediates(m, op, &p);
        if (!vm_op_is_counted(op))
            continue;
        c->opcodes[op] += n;
        length++;
        if (before)
            add_pair(c, before - 1, op, n);
        before = op + 1;
    }
    return length;
}

static uint64_t count_of(const vm_store *store, const struct vm_code *code,
                         uint32_t block)
{
    return store->bursts ? vm_bursts_count(store->bursts, code, block)
                         : code->cells[code->blocks[block].cell + 1];
}

static void add_func(tally *t, const vm_instance *in, uint32_t index)
{
    const struct vm_code *code = atomic_load(&in->module->funcs[index].code);
    vm_counts *c = t->counts;
    bool ran = false;
    if (code && in->store->bursts)
        code = code->twin;
    if (!code || !code->nblocks)
        return;
    vm_func_count *f = &c->funcs[c->nfuncs];
    *f = (vm_func_count){.instance = in, .func = index};
    f->calls = count_of(in->store, code, 0);
    for (uint32_t i = 0; i < code->nblocks; i++) {
        const vm_code_block *b = &code->blocks[i];
        uint64_t n = count_of(in->store, code, i);
        ran |= n != 0;
        uint32_t next =
            i + 1 < code->nblocks ? code->blocks[i + 1].cell : code->ncells;
        if (!n)
            continue;
        if (i) /* the first is the entry */
            f->instructions += n * add_block(c, in->module, b, n);
        if (!in->store->bursts) /* handlers are those of exact counts */
            add_dispatches(t, code, b->cell, next, n);
    }
    c->instructions += f->instructions;
    c->nfuncs += ran;
}

/* ---- all --------------------------------------------------------------------
 */

/* The oldest instance of its module: that counts for all. */
static bool is_first(const vm_instance *in)
{
    for (const vm_instance *i = in->next; i; i = i->next)
        if (i->module == in->module)
            return false;
    return true;
}

static int by_instructions(const void *a, const void *b)
{
    const vm_func_count *x = a, *y = b;
    return (x->instructions < y->instructions) -
           (x->instructions > y->instructions);
}

static bool add_all(tally *t, const vm_store *store)
{
    vm_counts *c = t->counts;
    size_t total = 1;
    for (const vm_instance *in = store->instances; in; in = in->next)
        total += is_first(in) ? in->module->nfuncs : 0;
    c->opcodes = calloc(VM_OP_COUNT, sizeof *c->opcodes);
    c->pairs = calloc((size_t)VM_OP_COUNT * VM_OP_COUNT, sizeof *c->pairs);
    c->funcs = calloc(total, sizeof *c->funcs);
    if (!c->opcodes || !c->pairs || !c->funcs)
        return false;
    note_sequences(t);
    for (const vm_instance *in = store->instances; in; in = in->next)
        for (uint32_t i = 0; is_first(in) && i < in->module->nfuncs; i++)
            add_func(t, in, i);
    if (c->nfuncs)
        qsort(c->funcs, c->nfuncs, sizeof *c->funcs, by_instructions);
    return !t->failed;
}

vm_counts *vm_counts_collect(vm_store *store)
{
    tally t = {.counts = calloc(1, sizeof(vm_counts))};
    if (!t.counts)
        return NULL;
    const struct vm_bursts *b = store->bursts;
    if (b)
        vm_bursts_settle(store);
    bool ok = (b || store->engine->options.count) && add_all(&t, store);
    t.counts->exact = !b || b->first;
    if (b && !b->first) {
        t.counts->bursts = b->nbursts;
        t.counts->counted_units = b->first_units + b->units[true];
        t.counts->units = t.counts->counted_units + b->units[false];
    }
    free(t.wholes.items);
    t.counts->handlers = in_order(&t.handlers);
    t.counts->nhandlers = t.handlers.count;
    t.counts->handler_pairs = in_order(&t.pairs);
    t.counts->nhandler_pairs = t.pairs.count;
    if (ok)
        return t.counts;
    vm_counts_free(t.counts);
    return NULL;
}

const vm_module *vm_instance_module(const vm_instance *instance)
{
    return instance->module;
}

void vm_counts_free(vm_counts *c)
{
    if (!c)
        return;
    free(c->opcodes);
    free(c->pairs);
    free(c->funcs);
    free(c->handlers);
    free(c->handler_pairs);
    free(c);
}
