/*
 * decode.c - a module's sections, in order (section 5.5).  Reads everything
 * but function bodies, which it only measures.
 */
#include "vm/decode.h"

#include <string.h>

void *vm_decode_alloc(vm_decoder *d, size_t count, size_t size)
{
    void *p = vm_arena_alloc(&d->m->arena, count, size);
    if (!p) {
        d->no_memory = true;
        vm_reader_malformed(&d->r, d->r.pos, "out of memory");
    }
    return p;
}

/* ---- index spaces: imports first, then what the section declares -------- */

/* The next import of that kind from *cursor on; NULL after the last. */
static const vm_import *next_import(const vm_module *m, vm_extern_kind kind,
                                    uint32_t *cursor)
{
    while (*cursor < m->nimports) {
        const vm_import *import = &m->imports[(*cursor)++];
        if (import->type.kind == kind)
            return import;
    }
    return NULL;
}

static void make_funcs(vm_decoder *d, uint32_t n)
{
    vm_module *m = d->m;
    m->nfuncs = m->nfunc_imports + n;
    m->funcs = vm_decode_alloc(d, m->nfuncs, sizeof *m->funcs);
    if (!m->funcs)
        return;
    const vm_import *import;
    for (uint32_t i = 0, at = 0;
         (import = next_import(m, VM_EXTERN_FUNC, &at));)
        m->funcs[i++].type =
            vm_types_get(&m->engine->types, import->type.typeid);
}

static void make_tables(vm_decoder *d, uint32_t n)
{
    vm_module *m = d->m;
    m->ntables = m->ntable_imports + n;
    m->tables = vm_decode_alloc(d, m->ntables, sizeof *m->tables);
    if (!m->tables)
        return;
    const vm_import *import;
    for (uint32_t i = 0, at = 0;
         (import = next_import(m, VM_EXTERN_TABLE, &at));)
        m->tables[i++] = (vm_tabledecl){.limits = import->type.table.limits,
                                        .type = import->type.table.type};
}

static void make_memories(vm_decoder *d, uint32_t n)
{
    vm_module *m = d->m;
    m->nmemories = m->nmemory_imports + n;
    m->memories = vm_decode_alloc(d, m->nmemories, sizeof *m->memories);
    if (!m->memories)
        return;
    const vm_import *import;
    for (uint32_t i = 0, at = 0;
         (import = next_import(m, VM_EXTERN_MEMORY, &at));)
        m->memories[i++] = import->type.memory;
}

static void make_globals(vm_decoder *d, uint32_t n)
{
    vm_module *m = d->m;
    m->nglobals = m->nglobal_imports + n;
    m->globals = vm_decode_alloc(d, m->nglobals, sizeof *m->globals);
    if (!m->globals)
        return;
    const vm_import *import;
    for (uint32_t i = 0, at = 0;
         (import = next_import(m, VM_EXTERN_GLOBAL, &at));)
        m->globals[i++] =
            (vm_globaldecl){.type = import->type.global.type,
                            .is_mutable = import->type.global.is_mutable};
}

static void make_tags(vm_decoder *d, uint32_t n)
{
    vm_module *m = d->m;
    m->ntags = m->ntag_imports + n;
    m->tags = vm_decode_alloc(d, m->ntags, sizeof *m->tags);
    if (!m->tags)
        return;
    const vm_import *import;
    for (uint32_t i = 0, at = 0; (import = next_import(m, VM_EXTERN_TAG, &at));)
        m->tags[i++] = vm_types_get(&m->engine->types, import->type.typeid);
}

/* ---- sections ----------------------------------------------------------- */

static void read_funcs(vm_decoder *d)
{
    vm_module *m = d->m;
    vm_typescope scope = vm_module_scope(m);
    uint32_t n = vm_reader_count(&d->r, 1, "functions");
    make_funcs(d, n);
    for (uint32_t i = m->nfunc_imports; i < m->nfuncs && !d->r.failed; i++)
        m->funcs[i].type = vm_decode_functype(&d->r, &scope);
}

/* A table may start with 0x40 0x00 and then has an initial value. */
static void read_table(vm_decoder *d, vm_tabledecl *table)
{
    vm_reader *r = &d->r;
    vm_typescope scope = vm_module_scope(d->m);
    bool has_init = vm_reader_peek(r) == 0x40;
    if (has_init) {
        const uint8_t *at = ++r->pos;
        if (vm_reader_u8(r) != 0)
            vm_reader_malformed(r, at, "zero byte expected");
    }
    table->type = vm_decode_reftype(r, &scope);
    table->limits = vm_decode_limits(r, false);
    if (has_init)
        table->init = vm_decode_expr(d);
}

static void read_tables(vm_decoder *d)
{
    vm_module *m = d->m;
    make_tables(d, vm_reader_count(&d->r, 3, "tables"));
    for (uint32_t i = m->ntable_imports; i < m->ntables && !d->r.failed; i++)
        read_table(d, &m->tables[i]);
}

static void read_memories(vm_decoder *d)
{
    vm_module *m = d->m;
    make_memories(d, vm_reader_count(&d->r, 2, "memories"));
    for (uint32_t i = m->nmemory_imports; i < m->nmemories && !d->r.failed; i++)
        m->memories[i] = vm_decode_limits(&d->r, true);
}

static void read_tags(vm_decoder *d)
{
    vm_module *m = d->m;
    vm_typescope scope = vm_module_scope(m);
    make_tags(d, vm_reader_count(&d->r, 2, "tags"));
    for (uint32_t i = m->ntag_imports; i < m->ntags && !d->r.failed; i++) {
        const uint8_t *at = d->r.pos;
        if (vm_reader_u8(&d->r) != 0)
            vm_reader_malformed(&d->r, at, "malformed tag attribute, not 0");
        m->tags[i] = vm_decode_functype(&d->r, &scope);
    }
}

static void read_globals(vm_decoder *d)
{
    vm_module *m = d->m;
    vm_typescope scope = vm_module_scope(m);
    make_globals(d, vm_reader_count(&d->r, 3, "globals"));
    for (uint32_t i = m->nglobal_imports; i < m->nglobals && !d->r.failed;
         i++) {
        vm_globaldecl *global = &m->globals[i];
        global->type = vm_decode_valtype(&d->r, &scope);
        const uint8_t *at = d->r.pos;
        uint8_t mut = vm_reader_u8(&d->r);
        if (mut > 1)
            vm_reader_malformed(
                &d->r, at, "malformed mutability: 0x%02x, not 0 or 1", mut);
        global->is_mutable = mut;
        global->init = vm_decode_expr(d);
    }
}

static void read_exports(vm_decoder *d)
{
    vm_module *m = d->m;
    uint32_t n = vm_reader_count(&d->r, 3, "exports");
    m->exports = vm_decode_alloc(d, n, sizeof *m->exports);
    for (uint32_t i = 0; i < n && !d->r.failed; i++) {
        m->exports[i].name = vm_reader_name(&d->r);
        const uint8_t *at = d->r.pos;
        uint8_t kind = vm_reader_u8(&d->r);
        if (kind > VM_EXTERN_TAG)
            vm_reader_malformed(&d->r, at, "malformed export kind 0x%02x",
                                kind);
        m->exports[i].type.kind = (vm_extern_kind)kind;
        m->exports[i].index = vm_reader_u32(&d->r);
    }
    m->nexports = n;
}

static void read_start(vm_decoder *d)
{
    d->m->start = vm_reader_u32(&d->r);
}

static void read_data_count(vm_decoder *d)
{
    d->m->data_count = vm_reader_u32(&d->r);
}

/* ---- code --------------------------------------------------------------- */

/* Local declarations; the sum of runs must fit 32 bits (section 5.5.13). */
static void read_locals(vm_decoder *d, vm_funcdecl *func)
{
    vm_reader *r = &d->r;
    vm_typescope scope = vm_module_scope(d->m);
    const uint8_t *at = r->pos;
    func->locals = (uint32_t)vm_reader_offset(r);
    func->local_slots = func->type->func.param_slots;
    uint64_t total = func->type->func.nparams, slots = func->local_slots;
    uint32_t runs = vm_reader_count(r, 2, "local declarations");
    for (uint32_t i = 0; i < runs && !r->failed; i++) {
        uint32_t n = vm_reader_u32(r);
        vm_type type = vm_decode_valtype(r, &scope);
        total += n;
        slots += (uint64_t)n * vm_type_slots(type);
        if (type == VM_V128)
            func->flags |= VM_FUNC_HAS_V128;
        if (total > UINT32_MAX)
            vm_reader_malformed(r, at, "too many locals: over 2^32");
    }
    if (total > VM_MAX_LOCALS)
        vm_reader_invalid(r, at,
                          "too many locals: %llu, at most %u are allowed",
                          (unsigned long long)total, VM_MAX_LOCALS);
    func->nlocals = (uint32_t)total;
    func->local_slots = (uint32_t)slots;
}

static void read_body(vm_decoder *d, vm_funcdecl *func)
{
    vm_reader *r = &d->r;
    const uint8_t *at = r->pos;
    uint32_t size = vm_reader_u32(r);
    if (size > vm_reader_left(r) || size < 2)
        vm_reader_malformed(r, at,
                            "unexpected end: a function body of %u bytes in "
                            "%zu that are left (length out of bounds)",
                            size, vm_reader_left(r));
    if (r->failed)
        return;
    const uint8_t *section_end = r->end;
    r->end = r->pos + size;
    read_locals(d, func);
    func->body = (uint32_t)vm_reader_offset(r);
    func->body_size = (uint32_t)vm_reader_left(r);
    if (!r->failed) {
        r->pos = r->end;
        r->end = section_end;
    }
}

static void read_code(vm_decoder *d)
{
    vm_module *m = d->m;
    const uint8_t *at = d->r.pos;
    m->code_offset = (uint32_t)vm_reader_offset(&d->r);
    if (!m->funcs) /* there was no function section */
        make_funcs(d, 0);
    uint32_t n = vm_reader_count(&d->r, 3, "function bodies");
    uint32_t declared = m->nfuncs - m->nfunc_imports;
    if (n != declared && !d->r.failed)
        vm_reader_malformed(&d->r, at,
                            "function and code section have inconsistent "
                            "lengths: %u and %u",
                            declared, n);
    for (uint32_t i = m->nfunc_imports; i < m->nfuncs && !d->r.failed; i++)
        read_body(d, &m->funcs[i]);
}

/* ---- the order of sections ---------------------------------------------- */

static const struct section_kind {
    void (*read)(vm_decoder *d);
    uint8_t order; /* sections must come in ascending order */
} section_kinds[] = {
    [1] = {vm_decode_types, 1},   [2] = {vm_decode_imports, 2},
    [3] = {read_funcs, 3},        [4] = {read_tables, 4},
    [5] = {read_memories, 5},     [13] = {read_tags, 6},
    [6] = {read_globals, 7},      [7] = {read_exports, 8},
    [8] = {read_start, 9},        [9] = {vm_decode_elems, 10},
    [12] = {read_data_count, 11}, [10] = {read_code, 12},
    [11] = {vm_decode_datas, 13},
};
enum { NSECTION_KINDS = sizeof section_kinds / sizeof *section_kinds };

/* Spaces whose section has not come by when later ones need them. */
static void make_missing_spaces(vm_decoder *d)
{
    vm_module *m = d->m;
    if (!m->funcs)
        make_funcs(d, 0);
    if (!m->tables)
        make_tables(d, 0);
    if (!m->memories)
        make_memories(d, 0);
    if (!m->globals)
        make_globals(d, 0);
    if (!m->tags)
        make_tags(d, 0);
}

static void read_contents(vm_decoder *d, vm_section *section)
{
    vm_reader *r = &d->r;
    if (section->id == 0) {
        section->name = vm_reader_name(r);
        section->offset = (uint32_t)vm_reader_offset(r);
        section->size = (uint32_t)vm_reader_left(r);
        r->pos = r->end;
        return;
    }
    section_kinds[section->id].read(d);
    if (r->pos < r->end)
        vm_reader_malformed(r, r->pos,
                            "section size mismatch: %zu bytes are left in "
                            "section %u",
                            vm_reader_left(r), section->id);
}

/* Checks id and order; `last` is the order of the section before. */
static bool check_id(vm_reader *r, const uint8_t *at, uint8_t id, uint8_t *last)
{
    if (id == 0)
        return true;
    if (id >= NSECTION_KINDS || !section_kinds[id].read) {
        vm_reader_malformed(r, at, "malformed section id %u", id);
        return false;
    }
    if (section_kinds[id].order <= *last) {
        vm_reader_malformed(r, at,
                            "unexpected content after last section: section "
                            "%u is out of order or repeated",
                            id);
        return false;
    }
    *last = section_kinds[id].order;
    return true;
}

/* Sections are few, but custom ones may be many: grows by doubling. */
static vm_section *add_section(vm_decoder *d)
{
    vm_module *m = d->m;
    uint32_t n = m->nsections;
    if (n < 8 ? n == 0 : !(n & (n - 1))) {
        vm_section *more = vm_decode_alloc(d, n ? n * 2 : 8, sizeof *more);
        if (!more)
            return NULL;
        if (n)
            memcpy(more, m->sections, n * sizeof *more);
        m->sections = more;
    }
    return &m->sections[m->nsections++];
}

static void read_section(vm_decoder *d, uint8_t *last)
{
    vm_reader *r = &d->r;
    const uint8_t *at = r->pos;
    uint8_t id = vm_reader_u8(r);
    if (!check_id(r, at, id, last))
        return;
    at = r->pos;
    uint32_t size = vm_reader_u32(r);
    if (size > vm_reader_left(r))
        vm_reader_malformed(r, at,
                            "unexpected end: section %u of %u bytes, %zu are "
                            "left (length out of bounds)",
                            id, size, vm_reader_left(r));
    vm_section *section = r->failed ? NULL : add_section(d);
    if (!section)
        return;
    *section = (vm_section){
        .id = id, .offset = (uint32_t)vm_reader_offset(r), .size = size};
    const uint8_t *module_end = r->end;
    r->end = r->pos + size;
    read_contents(d, section);
    if (!r->failed)
        r->end = module_end;
}

/* What the lengths of sections must agree on when one is missing. */
static void check_lengths(vm_decoder *d)
{
    vm_module *m = d->m;
    if (m->nfuncs > m->nfunc_imports && !m->code_offset)
        vm_reader_malformed(&d->r, d->r.end,
                            "function and code section have inconsistent "
                            "lengths: there is no code section");
    if (m->data_count != UINT32_MAX && m->data_count != m->ndatas)
        vm_reader_malformed(&d->r, d->r.end,
                            "data count and data section have inconsistent "
                            "lengths: %u and %u",
                            m->data_count, m->ndatas);
}

static void read_header(vm_reader *r)
{
    static const uint8_t magic[] = {0, 'a', 's', 'm'};
    static const uint8_t version[] = {1, 0, 0, 0};
    const uint8_t *at = r->pos;
    const uint8_t *bytes = vm_reader_bytes(r, 4);
    if (bytes && memcmp(bytes, magic, 4))
        vm_reader_malformed(r, at, "magic header not detected");
    at = r->pos;
    bytes = vm_reader_bytes(r, 4);
    if (bytes && memcmp(bytes, version, 4))
        vm_reader_malformed(r, at,
                            "unknown binary version %02x %02x %02x %02x, not "
                            "1 (a core module)",
                            bytes[0], bytes[1], bytes[2], bytes[3]);
}

vm_status vm_module_decode(vm_module *m, vm_error *err)
{
    vm_decoder d = {.r = vm_reader_start(m->bytes, m->size, err), .m = m};
    uint8_t last = 0;
    read_header(&d.r);
    while (d.r.pos < d.r.end)
        read_section(&d, &last);
    if (!d.r.failed)
        make_missing_spaces(&d);
    if (!d.r.failed)
        check_lengths(&d);
    if (d.no_memory)
        return VM_NO_MEMORY;
    return d.r.failed ? VM_INVALID : VM_OK;
}
