/*
 * coredump.c - writing core dumps (coredump.h).
 *
 * A dump is a module that is never instantiated.  Memories and globals are in
 * the sections for them, whose index spaces are the dump's own: every memory
 * and global that some instance has, once.  Custom sections tell the rest:
 *
 *     core           the program's name
 *     coremodules    names of modules
 *     coreinstances  module, memories and globals of each instance
 *     corestack      frames, the youngest first
 *
 * A section starts with its size, so each is written twice: first to count.
 */
#include "vm/coredump.h"

#include "vm/code.h"
#include "vm/compile.h"
#include "vm/leb.h"
#include "vm/reader.h"

#include <stdlib.h>
#include <string.h>

/* Pointers to numbers, in the order in which they came. */
typedef struct index_map {
    const void **items;
    uint32_t count;
    uint32_t *slots; /* open addressing: number + 1 */
    uint32_t mask;
} index_map;

typedef struct dump {
    const vm_store *store;
    const char *name;
    FILE *file; /* NULL while counting */
    uint64_t count;
    bool failed;                   /* out of memory */
    const vm_instance **instances; /* in the order of their making */
    index_map modules, memories, globals, where; /* where: of instances */
} dump;

/* ---- numbers of things ------------------------------------------------------
 */

static uint32_t *slot_of(const index_map *map, const void *item)
{
    uint64_t hash = (uintptr_t)item * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t i = (uint32_t)(hash >> 32) & map->mask;
    while (map->slots[i] && map->items[map->slots[i] - 1] != item)
        i = (i + 1) & map->mask;
    return &map->slots[i];
}

static bool make_room(index_map *map)
{
    if (map->slots && map->count < map->mask / 2)
        return true;
    uint32_t size = map->slots ? (map->mask + 1) * 2 : 64;
    const void **items = realloc(map->items, size * sizeof *items);
    if (items)
        map->items = items;
    uint32_t *slots = items ? calloc(size, sizeof *slots) : NULL;
    if (!slots)
        return false;
    free(map->slots);
    map->slots = slots;
    map->mask = size - 1;
    for (uint32_t i = 0; i < map->count; i++)
        *slot_of(map, items[i]) = i + 1;
    return true;
}

static void number(dump *d, index_map *map, const void *item)
{
    if (!make_room(map)) {
        d->failed = true;
        return;
    }
    uint32_t *slot = slot_of(map, item);
    if (*slot)
        return;
    map->items[map->count++] = item;
    *slot = map->count;
}

static uint32_t number_of(const index_map *map, const void *item)
{
    return *slot_of(map, item) - 1;
}

static void free_map(index_map *map)
{
    free(map->items);
    free(map->slots);
}

static void number_all(dump *d)
{
    uint32_t n = 0;
    for (const vm_instance *in = d->store->instances; in; in = in->next)
        n++;
    d->instances = calloc(n + 1, sizeof *d->instances);
    d->failed = !d->instances;
    for (const vm_instance *in = d->store->instances; in && n; in = in->next)
        if (d->instances)
            d->instances[--n] = in;
    for (uint32_t i = 0; !d->failed && d->instances[i]; i++) {
        const vm_instance *in = d->instances[i];
        number(d, &d->where, in);
        number(d, &d->modules, in->module);
        for (uint32_t k = 0; k < in->module->nmemories; k++)
            number(d, &d->memories, in->memories[k]);
        for (uint32_t k = 0; k < in->module->nglobals; k++)
            number(d, &d->globals, in->globals[k]);
    }
}

/* ---- bytes ------------------------------------------------------------------
 */

static void bytes(dump *d, const void *data, size_t size)
{
    d->count += size;
    if (d->file && size)
        fwrite(data, 1, size, d->file);
}

static void byte(dump *d, uint8_t value)
{
    bytes(d, &value, 1);
}

static void unsigned_leb(dump *d, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        byte(d, (uint8_t)(v | 0x80));
    byte(d, (uint8_t)v);
}

static void signed_leb(dump *d, int64_t v)
{
    for (; v < -64 || v > 63; v >>= 7)
        byte(d, (uint8_t)((v & 0x7f) | 0x80));
    byte(d, (uint8_t)(v & 0x7f));
}

/* A name, which has to be UTF-8: if it is not, its other bytes are lost. */
static void text(dump *d, const char *data, size_t len)
{
    bool valid = vm_utf8_valid((const uint8_t *)data, len);
    unsigned_leb(d, len);
    for (size_t i = 0; i < len; i++)
        byte(d, valid || (uint8_t)data[i] < 0x80 ? (uint8_t)data[i] : '?');
}

static void block(dump *d, const uint8_t *data, size_t size)
{
    unsigned_leb(d, size);
    bytes(d, data, size);
}

static void section(dump *d, uint8_t id, const char *name,
                    void (*write)(dump *d))
{
    FILE *file = d->file;
    d->file = NULL;
    d->count = 0;
    if (!id)
        text(d, name, strlen(name));
    write(d);
    d->file = file;
    byte(d, id);
    unsigned_leb(d, d->count - 1);
    if (!id)
        text(d, name, strlen(name));
    write(d);
}

/* ---- memories and globals ---------------------------------------------------
 */

static void memories(dump *d)
{
    unsigned_leb(d, d->memories.count);
    for (uint32_t i = 0; i < d->memories.count; i++) {
        const vm_memory *m = d->memories.items[i];
        const vm_limits *l = &m->limits;
        bool small = l->page_size_log2 != 16, max = l->max != UINT64_MAX;
        byte(d, (uint8_t)(max | l->shared << 1 | l->is64 << 2 | small << 3));
        unsigned_leb(d, m->pages);
        if (max)
            unsigned_leb(d, l->max);
        if (small)
            unsigned_leb(d, l->page_size_log2);
    }
}

/* The abstract type at the top of a reference's hierarchy, nullable. */
static uint8_t top_type(const vm_store *store, vm_type type)
{
    switch (vm_heap_top(&store->engine->types, vm_type_id(type))) {
    case VM_HEAP_FUNC: return 0x70;
    case VM_HEAP_EXTERN: return 0x6f;
    case VM_HEAP_EXN: return 0x69;
    default: return 0x6e;
    }
}

static void global(dump *d, const vm_global *g)
{
    bool number = g->type == VM_I32 || g->type == VM_I64 || g->type == VM_F32 ||
                  g->type == VM_F64;
    uint8_t type = number               ? (uint8_t)g->type
                   : g->type == VM_V128 ? 0x7b
                                        : top_type(d->store, g->type);
    byte(d, type);
    byte(d, 0); /* constant */
    switch (g->type) {
    case VM_I32:
        byte(d, 0x41);
        signed_leb(d, g->value.i32);
        break;
    case VM_I64:
        byte(d, 0x42);
        signed_leb(d, g->value.i64);
        break;
    case VM_F32:
        byte(d, 0x43);
        bytes(d, &g->value, 4);
        break;
    case VM_F64:
        byte(d, 0x44);
        bytes(d, &g->value, 8);
        break;
    case VM_V128:
        bytes(d, "\xfd\x0c", 2);
        bytes(d, &g->value, 16);
        break;
    default:
        byte(d, 0xd0);
        byte(d, type);
        break;
    }
    byte(d, 0x0b);
}

static void globals(dump *d)
{
    unsigned_leb(d, d->globals.count);
    for (uint32_t i = 0; i < d->globals.count; i++)
        global(d, d->globals.items[i]);
}

/* ---- contents of memories ---------------------------------------------------
 */

/* Runs of zeros are left out, but for the ends of blocks; these are large in
 * memories that would have more segments than a module may. */
#define BLOCK 4096u
#define LARGE_BLOCK 65536u
#define MAX_SMALL (50000u * BLOCK)
#define MAX_DATA (UINT32_MAX - (1u << 20)) /* a section's size has 32 bits */

static bool is_zero(const uint8_t *p, uint64_t n)
{
    return !n || (!*p && !memcmp(p, p + 1, n - 1));
}

typedef struct run {
    uint64_t start, end;
} run;

/* The next run of blocks that are not zero; false: there are no more. */
static bool next_run(const vm_memory *m, run *r)
{
    uint64_t size = vm_memory_bytes(m);
    uint64_t step = size > MAX_SMALL ? LARGE_BLOCK : BLOCK;
    bool found = false;
    for (uint64_t at = r->end; at < size; at += step) {
        uint64_t n = size - at < step ? size - at : step;
        bool zero = is_zero(m->data + at, n);
        if (found && zero)
            break;
        if (!zero && !found)
            r->start = at;
        found |= !zero;
        r->end = at + n;
    }
    return found;
}

static void segment(dump *d, uint32_t memory, bool is64, uint64_t at)
{
    unsigned_leb(d, memory ? 2 : 0);
    if (memory)
        unsigned_leb(d, memory);
    byte(d, is64 ? 0x42 : 0x41);
    signed_leb(d, is64 ? (int64_t)at : (int32_t)at);
    byte(d, 0x0b);
}

/* What does not fit in one section is left out: a partial dump. */
static uint32_t segments(dump *d, bool write)
{
    uint32_t n = 0;
    uint64_t total = 0;
    for (uint32_t i = 0; i < d->memories.count; i++) {
        const vm_memory *m = d->memories.items[i];
        for (run r = {0}; next_run(m, &r); n++) {
            uint64_t size = r.end - r.start;
            if (size > MAX_DATA - total)
                return n;
            total += size;
            if (!write)
                continue;
            segment(d, i, m->limits.is64, r.start);
            block(d, m->data + r.start, size);
        }
    }
    return n;
}

static void data(dump *d)
{
    unsigned_leb(d, segments(d, false));
    segments(d, true);
}

/* ---- modules and instances --------------------------------------------------
 */

static void core(dump *d)
{
    byte(d, 0);
    text(d, d->name, strlen(d->name));
}

/* A module without a name of its own is known by the program's. */
static void modules(dump *d)
{
    unsigned_leb(d, d->modules.count);
    for (uint32_t i = 0; i < d->modules.count; i++) {
        char made[300];
        vm_name name = vm_module_name(d->modules.items[i]);
        if (!name.len) {
            name.data = made;
            name.len = (size_t)snprintf(made, sizeof made, "%.250s%s%.0u",
                                        d->name, i ? "#" : "", i);
        }
        byte(d, 0);
        text(d, name.data, name.len);
    }
}

static void instances(dump *d)
{
    unsigned_leb(d, d->where.count);
    for (uint32_t i = 0; i < d->where.count; i++) {
        const vm_instance *in = d->instances[i];
        byte(d, 0);
        unsigned_leb(d, number_of(&d->modules, in->module));
        unsigned_leb(d, in->module->nmemories);
        for (uint32_t k = 0; k < in->module->nmemories; k++)
            unsigned_leb(d, number_of(&d->memories, in->memories[k]));
        unsigned_leb(d, in->module->nglobals);
        for (uint32_t k = 0; k < in->module->nglobals; k++)
            unsigned_leb(d, number_of(&d->globals, in->globals[k]));
    }
}

/* ---- frames -----------------------------------------------------------------
 */

/* Where the values of frames are that have stopped at one instruction; those
 * found are kept, for in a deep recursion it is the same few. */
typedef struct site {
    const struct vm_code *code;
    uint32_t cell;
    bool innermost;
    cc_place *locals, *operands;
    uint32_t noperands;
} site;

#define SITES 64

static void forget_site(site *s)
{
    free(s->locals);
    free(s->operands);
    *s = (site){0};
}

static const site *find_site(site *sites, const vm_walk *w)
{
    uint32_t cell = vm_walk_cell(w);
    bool innermost = w->depth == 0;
    uint64_t hash = ((uintptr_t)w->code ^ cell) * UINT64_C(0x9e3779b97f4a7c15);
    site *s = &sites[(hash >> 32) % SITES];
    if (s->code == w->code && s->cell == cell && s->innermost == innermost)
        return s;
    forget_site(s);
    *s = (site){.code = w->code, .cell = cell, .innermost = innermost};
    s->locals = vm_code_places(w->code);
    s->operands = vm_code_operands(w->code, cell, innermost, &s->noperands);
    return s;
}

/* Both operands of a sum are locals or constants. */
static uint8_t part_of(uint8_t kind)
{
    static const uint8_t pins[] = {[VM_K_S] = E_SLOT,
                                   [VM_K_A] = E_PENDING,
                                   [VM_K_P] = E_P,
                                   [VM_K_Q] = E_Q,
                                   [VM_K_K] = E_CONST};
    return pins[kind];
}

/* The accumulators are what they were in the frame that trapped only. */
static bool read_place(const cc_place *p, const vm_registers *r, bool innermost,
                       vm_slot *out)
{
    vm_slot x = 0, y = 0;
    switch ((entry_kind)p->pin) {
    case E_SLOT: *out = r->fp[p->slot]; return true;
    case E_CONST: *out = p->k; return true;
    case E_P: *out = r->l0; return true;
    case E_Q: *out = r->l1; return true;
    case E_D0: memcpy(out, &r->d0, sizeof *out); return true;
    case E_ACC: *out = r->acc; return innermost;
    case E_F32: memcpy(out, &r->fs, sizeof r->fs); return innermost;
    case E_F64: memcpy(out, &r->fd, sizeof *out); return innermost;
    case E_SUM: {
        const cc_place a = {.pin = part_of(p->ak), .slot = p->slot, .k = p->k};
        const cc_place b = {.pin = part_of(p->bk), .slot = p->slot2, .k = p->k};
        bool known = read_place(&a, r, innermost, &x) &&
                     read_place(&b, r, innermost, &y);
        *out = (uint32_t)(x + y);
        return known;
    }
    case E_PENDING: return false;
    }
    return false;
}

static void value(dump *d, const cc_place *place, const vm_registers *r,
                  bool innermost)
{
    vm_slot v;
    bool known = read_place(place, r, innermost, &v);
    switch (known ? place->type : 0) {
    case VM_I32:
        byte(d, 0x7f);
        signed_leb(d, (int32_t)v);
        break;
    case VM_I64:
        byte(d, 0x7e);
        signed_leb(d, (int64_t)v);
        break;
    case VM_F32:
        byte(d, 0x7d);
        bytes(d, &v, 4);
        break;
    case VM_F64:
        byte(d, 0x7c);
        bytes(d, &v, 8);
        break;
    default: byte(d, 0x01); break; /* missing */
    }
}

static void values(dump *d, const cc_place *places, uint32_t n,
                   const vm_walk *w)
{
    n = places ? n : 0;
    unsigned_leb(d, n);
    for (uint32_t i = 0; i < n; i++)
        value(d, &places[i], &w->regs, w->depth == 0);
}

static void frame(dump *d, const vm_walk *w, const site *s)
{
    const vm_funcdecl *f = &w->code->module->funcs[w->code->func];
    byte(d, 0);
    unsigned_leb(d, number_of(&d->where, w->regs.instance));
    unsigned_leb(d, w->code->func);
    unsigned_leb(d, vm_walk_offset(w) - f->locals);
    values(d, s->locals, f->nlocals, w);
    values(d, s->operands, s->noperands, w);
}

static void frames(dump *d)
{
    vm_walk start = vm_walk_of_trap(d->store), w;
    site sites[SITES] = {0};
    uint32_t n = 0;
    for (w = start; w.code; vm_walk_next(&w))
        n++;
    byte(d, 0);
    text(d, "main", 4);
    unsigned_leb(d, n);
    for (w = start; w.code; vm_walk_next(&w))
        frame(d, &w, find_site(sites, &w));
    for (int i = 0; i < SITES; i++)
        forget_site(&sites[i]);
}

/* ---- the file ---------------------------------------------------------------
 */

static void write_all(dump *d)
{
    bytes(d, "\0asm\1\0\0\0", 8);
    section(d, 0, "core", core);
    section(d, 0, "coremodules", modules);
    section(d, 0, "coreinstances", instances);
    section(d, 0, "corestack", frames);
    if (d->memories.count)
        section(d, 5, NULL, memories);
    if (d->globals.count)
        section(d, 6, NULL, globals);
    if (d->memories.count)
        section(d, 11, NULL, data);
}

bool vm_coredump_write(const vm_store *store, const char *name, FILE *out)
{
    dump d = {.store = store, .name = name, .file = out};
    number_all(&d);
    if (!d.failed)
        write_all(&d);
    free(d.instances);
    free_map(&d.modules);
    free_map(&d.memories);
    free_map(&d.globals);
    free_map(&d.where);
    return !d.failed && !fflush(out) && !ferror(out);
}
