/*
 * names.c - what custom sections tell: names (appendix of the specification)
 * and branch hints.  Read on first use, since most runs never ask; a section
 * that is malformed counts up to its first fault.
 */
#include "vm/arena.h"
#include "vm/decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct indexed_name {
    uint32_t index;
    vm_name name;
} indexed_name;

typedef struct hint {
    uint32_t func, offset; /* into the module's bytes */
    bool likely;
} hint;

typedef struct vm_names {
    vm_arena arena;
    vm_name module;
    indexed_name *funcs; /* ascending */
    uint32_t nfuncs;
    const uint8_t *locals, *locals_end; /* subsection 2, unread */
    hint *hints;                        /* ascending */
    uint32_t nhints;
} vm_names;

enum { NAMES_MODULE = 0, NAMES_FUNC = 1, NAMES_LOCAL = 2 };

static vm_reader section_reader(const vm_module *m, const vm_section *s)
{
    vm_reader r = vm_reader_start(m->bytes, m->size, NULL);
    r.pos = m->bytes + s->offset;
    r.end = r.pos + s->size;
    return r;
}

/* ---- names -------------------------------------------------------------- */

/* Stops at the first name that is malformed or out of order. */
static void read_func_names(vm_names *names, vm_reader *r)
{
    uint32_t n = vm_reader_count(r, 2, "names");
    names->funcs = vm_arena_alloc(&names->arena, n, sizeof *names->funcs);
    if (!names->funcs)
        return;
    for (uint32_t i = 0; i < n; i++) {
        indexed_name entry = {.index = vm_reader_u32(r)};
        entry.name = vm_reader_name(r);
        if (r->failed || (i && entry.index <= names->funcs[i - 1].index))
            return;
        names->funcs[names->nfuncs++] = entry;
    }
}

static void read_names(vm_module *m, vm_names *names)
{
    const vm_section *section = vm_module_custom(m, "name", 0);
    if (!section)
        return;
    vm_reader all = section_reader(m, section);
    while (all.pos < all.end) {
        uint8_t id = vm_reader_u8(&all);
        uint32_t size = vm_reader_u32(&all);
        const uint8_t *bytes = vm_reader_bytes(&all, size);
        if (!bytes)
            return;
        vm_reader r = all;
        r.pos = bytes;
        r.end = bytes + size;
        if (id == NAMES_MODULE)
            names->module = vm_reader_name(&r);
        if (id == NAMES_FUNC && !names->funcs)
            read_func_names(names, &r);
        if (id == NAMES_LOCAL) {
            names->locals = bytes;
            names->locals_end = r.end;
        }
    }
}

/* ---- branch hints ------------------------------------------------------- */

static uint32_t count_hints(vm_reader r)
{
    uint32_t total = 0;
    for (uint32_t n = vm_reader_count(&r, 2, "functions"); n; n--) {
        (void)vm_reader_u32(&r);
        for (uint32_t k = vm_reader_count(&r, 3, "hints"); k; k--) {
            (void)vm_reader_u32(&r);
            (void)vm_reader_u32(&r);
            (void)vm_reader_u8(&r);
            total += !r.failed;
        }
    }
    return total;
}

/* Offsets in the section count from where the function's locals start. */
static void read_hints(vm_module *m, vm_names *names)
{
    const vm_section *section =
        vm_module_custom(m, "metadata.code.branch_hint", 0);
    if (!section)
        return;
    vm_reader r = section_reader(m, section);
    uint32_t total = count_hints(r);
    names->hints = vm_arena_alloc(&names->arena, total, sizeof *names->hints);
    if (!names->hints)
        return;
    for (uint32_t n = vm_reader_count(&r, 2, "functions"); n; n--) {
        uint32_t func = vm_reader_u32(&r);
        if (r.failed || func >= m->nfuncs)
            return;
        for (uint32_t k = vm_reader_count(&r, 3, "hints"); k; k--) {
            hint h = {.func = func,
                      .offset = m->funcs[func].locals + vm_reader_u32(&r)};
            bool one = vm_reader_u32(&r) == 1;
            h.likely = vm_reader_u8(&r) == 1;
            if (r.failed || !one)
                return;
            names->hints[names->nhints++] = h;
        }
    }
}

/* ---- answers ------------------------------------------------------------ */

/* Custom sections are read under one lock; NULL when out of memory. */
static const vm_names *get_names(const vm_module *module)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    vm_module *m = (vm_module *)module; /* only the cache is written */
    vm_names *names = atomic_load_explicit(&m->names, memory_order_acquire);
    if (names)
        return names;
    pthread_mutex_lock(&lock);
    names = atomic_load_explicit(&m->names, memory_order_relaxed);
    if (!names && (names = calloc(1, sizeof *names))) {
        read_names(m, names);
        read_hints(m, names);
        atomic_store_explicit(&m->names, names, memory_order_release);
    }
    pthread_mutex_unlock(&lock);
    return names;
}

void vm_names_free(vm_module *m)
{
    vm_names *names = atomic_load_explicit(&m->names, memory_order_acquire);
    if (names)
        vm_arena_finish(&names->arena);
    free(names);
}

vm_name vm_module_name(const vm_module *m)
{
    const vm_names *names = get_names(m);
    return names ? names->module : (vm_name){0};
}

vm_name vm_module_func_name(const vm_module *m, uint32_t func)
{
    const vm_names *names = get_names(m);
    uint32_t low = 0, high = names ? names->nfuncs : 0;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (names->funcs[mid].index < func)
            low = mid + 1;
        else
            high = mid;
    }
    return names && low < names->nfuncs && names->funcs[low].index == func
               ? names->funcs[low].name
               : (vm_name){0};
}

vm_name vm_module_local_name(const vm_module *m, uint32_t func, uint32_t local)
{
    const vm_names *names = get_names(m);
    if (!names || !names->locals)
        return (vm_name){0};
    vm_reader r = vm_reader_start(m->bytes, m->size, NULL);
    r.pos = names->locals;
    r.end = names->locals_end;
    for (uint32_t n = vm_reader_count(&r, 2, "functions"); n; n--) {
        uint32_t index = vm_reader_u32(&r);
        for (uint32_t k = vm_reader_count(&r, 2, "names"); k; k--) {
            uint32_t i = vm_reader_u32(&r);
            vm_name name = vm_reader_name(&r);
            if (index == func && i == local)
                return name;
        }
        if (index >= func)
            break;
    }
    return (vm_name){0};
}

/* An export or import of the function; its name is empty when it has none. */
static vm_name outside_name(const vm_module *m, uint32_t func)
{
    uint32_t n = func;
    for (uint32_t i = 0; func < m->nfunc_imports && i < m->nimports; i++)
        if (m->imports[i].type.kind == VM_EXTERN_FUNC && n-- == 0)
            return m->imports[i].name;
    for (uint32_t i = 0; i < m->nexports; i++)
        if (m->exports[i].type.kind == VM_EXTERN_FUNC &&
            m->exports[i].index == func)
            return m->exports[i].name;
    return (vm_name){0};
}

size_t vm_module_func_label(const vm_module *m, uint32_t func, char *buf,
                            size_t size)
{
    vm_name name = vm_module_func_name(m, func);
    if (!name.len)
        name = outside_name(m, func);
    if (!name.len) {
        int n = snprintf(buf, size, "func[%u]", func);
        return (size_t)n < size ? (size_t)n : size ? size - 1 : 0;
    }
    size_t n = name.len < size ? name.len : size ? size - 1 : 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char byte = (unsigned char)name.data[i];
        buf[i] = byte < ' ' || byte == 0x7f ? '?' : (char)byte;
    }
    if (size)
        buf[n] = '\0';
    return n;
}

int vm_module_branch_hint(const vm_module *m, uint32_t func, uint32_t offset,
                          uint32_t *cursor)
{
    const vm_names *names = get_names(m);
    if (!names)
        return -1;
    uint32_t i = *cursor;
    while (i < names->nhints &&
           (names->hints[i].func < func ||
            (names->hints[i].func == func && names->hints[i].offset < offset)))
        i++;
    *cursor = i;
    if (i == names->nhints || names->hints[i].func != func ||
        names->hints[i].offset != offset)
        return -1;
    return names->hints[i].likely;
}
