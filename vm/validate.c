/*
 * validate.c - a module's validity outside of function bodies (section 3.5),
 * in the order of the sections, before the walk over the bodies.
 */
#include "vm/validate.h"

#include <stdlib.h>
#include <string.h>

/* An error about something that has no bytes of its own any more. */
static void fail_at(vm_validator *v, size_t offset, const char *text,
                    uint32_t index)
{
    vm_reader_invalid(&v->r, v->m->bytes + offset, text, index);
}

static size_t section_offset(const vm_module *m, uint8_t id)
{
    for (uint32_t i = 0; i < m->nsections; i++)
        if (m->sections[i].id == id)
            return m->sections[i].offset;
    return 0;
}

/* ---- declared supertypes (section 3.3.10) ------------------------------- */

/* Mutable fields must be equal, immutable ones may be subtypes. */
static bool field_matches(const vm_types *types, const vm_field *a,
                          const vm_field *b)
{
    if (a->is_mutable != b->is_mutable)
        return false;
    return a->is_mutable ? a->type == b->type
                         : vm_type_matches(types, a->type, b->type);
}

static bool func_matches(const vm_types *types, const vm_functype *a,
                         const vm_functype *b)
{
    if (a->nparams != b->nparams || a->nresults != b->nresults)
        return false;
    for (uint32_t i = 0; i < a->nparams; i++)
        if (!vm_type_matches(types, b->types[i], a->types[i]))
            return false;
    for (uint32_t i = a->nparams; i < a->nparams + a->nresults; i++)
        if (!vm_type_matches(types, a->types[i], b->types[i]))
            return false;
    return true;
}

static bool struct_matches(const vm_types *types, const vm_deftype *a,
                           const vm_deftype *b)
{
    if (a->st.nfields < b->st.nfields)
        return false;
    for (uint32_t i = 0; i < b->st.nfields; i++)
        if (!field_matches(types, &a->st.fields[i], &b->st.fields[i]))
            return false;
    return true;
}

static bool super_is_valid(const vm_types *types, const vm_deftype *def)
{
    if (def->depth == 0)
        return true;
    const vm_deftype *super = vm_types_get(types, def->supers[def->depth - 1]);
    if (super->is_final || super->kind != def->kind)
        return false;
    switch ((vm_comp_kind)def->kind) {
    case VM_COMP_FUNC: return func_matches(types, &def->func, &super->func);
    case VM_COMP_STRUCT: return struct_matches(types, def, super);
    case VM_COMP_ARRAY: return field_matches(types, &def->array, &super->array);
    }
    return false;
}

static void check_types(vm_validator *v)
{
    const vm_module *m = v->m;
    for (uint32_t i = 0; i < m->ntypes; i++)
        if (!super_is_valid(v->types, m->types[i]))
            fail_at(v, section_offset(m, 1),
                    "sub type %u does not match its supertype", i);
}

/* ---- limits ------------------------------------------------------------- */

static void check_limits(vm_validator *v, const vm_limits *limits,
                         uint64_t most, size_t at, const char *what)
{
    const uint8_t *place = v->m->bytes + at;
    if (limits->min > most || (limits->max != UINT64_MAX && limits->max > most))
        vm_reader_invalid(&v->r, place, "%s size: at most %llu are possible",
                          what, (unsigned long long)most);
    if (limits->min > limits->max)
        vm_reader_invalid(&v->r, place,
                          "size minimum must not be greater than maximum: "
                          "%llu and %llu",
                          (unsigned long long)limits->min,
                          (unsigned long long)limits->max);
}

static void check_memories(vm_validator *v)
{
    const vm_module *m = v->m;
    size_t at = section_offset(m, 5);
    if (m->nmemories > VM_MAX_MEMORIES)
        fail_at(v, at, "multiple memories: more than %u", VM_MAX_MEMORIES);
    for (uint32_t i = 0; i < m->nmemories; i++) {
        const vm_limits *limits = &m->memories[i];
        uint32_t log2 = limits->page_size_log2;
        if (log2 != 0 && log2 != 16)
            fail_at(v, at, "invalid custom page size 2^%u, not 1 or 65536",
                    log2);
        uint64_t most = limits->is64 ? (log2 ? UINT64_C(1) << 48 : UINT64_MAX)
                                     : (log2 ? 1u << 16 : UINT32_MAX);
        check_limits(v, limits, most, at, "memory");
    }
}

/* ---- tables, globals, tags ---------------------------------------------- */

static void check_tables(vm_validator *v)
{
    const vm_module *m = v->m;
    size_t at = section_offset(m, 4);
    if (m->ntables > VM_MAX_TABLES)
        fail_at(v, at, "more than %u tables", VM_MAX_TABLES);
    v->nglobals = m->nglobal_imports;
    for (uint32_t i = 0; i < m->ntables && !v->r.failed; i++) {
        const vm_tabledecl *table = &m->tables[i];
        check_limits(v, &table->limits,
                     table->limits.is64 ? UINT64_MAX : UINT32_MAX, at, "table");
        if (table->init.size)
            vm_validate_const(v, table->init, table->type);
        else if (i >= m->ntable_imports && !vm_type_is_defaultable(table->type))
            fail_at(v, at,
                    "type mismatch: table %u of non-null references has no "
                    "initial value",
                    i);
    }
}

static void check_globals(vm_validator *v)
{
    const vm_module *m = v->m;
    for (uint32_t i = m->nglobal_imports; i < m->nglobals && !v->r.failed;
         i++) {
        v->nglobals = i;
        vm_validate_const(v, m->globals[i].init, m->globals[i].type);
    }
    v->nglobals = m->nglobals;
}

static void check_tags(vm_validator *v)
{
    const vm_module *m = v->m;
    for (uint32_t i = 0; i < m->ntags; i++)
        if (m->tags[i]->func.nresults)
            fail_at(v, section_offset(m, 13), "non-empty tag result type: %u",
                    i);
}

/* ---- exports and start -------------------------------------------------- */

/* Eight bytes at a time: mangled names are long, and there are many. */
static uint32_t hash_name(const char *data, size_t len)
{
    uint64_t h = len, word;
    for (; len >= sizeof word; data += sizeof word, len -= sizeof word) {
        memcpy(&word, data, sizeof word);
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    word = 0;
    memcpy(&word, data, len);
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(h >> 32);
}

/* The slot with that name, or the empty one where it would go. */
static uint32_t find_slot(const vm_module *m, const char *name, size_t len)
{
    uint32_t mask = m->export_hash_size - 1;
    uint32_t slot = hash_name(name, len) & mask;
    for (; m->export_hash[slot]; slot = (slot + 1) & mask) {
        const vm_name *other = &m->exports[m->export_hash[slot] - 1].name;
        if (other->len == len && !memcmp(other->data, name, len))
            break;
    }
    return slot;
}

uint32_t vm_module_find_export(const vm_module *m, const char *name, size_t len)
{
    return m->export_hash[find_slot(m, name, len)] - 1;
}

static bool make_export_hash(vm_validator *v)
{
    vm_module *m = v->m;
    uint32_t size = 4;
    while (size < m->nexports * 2)
        size *= 2;
    m->export_hash = vm_arena_alloc(&m->arena, size, sizeof *m->export_hash);
    m->export_hash_size = size;
    if (!m->export_hash)
        v->no_memory = true;
    return m->export_hash;
}

/* Fills in the type; the index is known to be good. */
static void resolve_export(const vm_module *m, vm_export *e)
{
    const vm_deftype *def = NULL;
    switch (e->type.kind) {
    case VM_EXTERN_FUNC: def = m->funcs[e->index].type; break;
    case VM_EXTERN_TAG: def = m->tags[e->index]; break;
    case VM_EXTERN_MEMORY: e->type.memory = m->memories[e->index]; break;
    case VM_EXTERN_TABLE:
        e->type.table.limits = m->tables[e->index].limits;
        e->type.table.type = m->tables[e->index].type;
        break;
    case VM_EXTERN_GLOBAL:
        e->type.global.type = m->globals[e->index].type;
        e->type.global.is_mutable = m->globals[e->index].is_mutable;
        break;
    }
    e->type.typeid = def ? def->id : VM_NO_TYPE;
    if (def)
        e->type.func = &def->func;
}

static void declare(vm_validator *v, uint32_t func)
{
    v->declared[func / 8] |= (uint8_t)(1u << func % 8);
}

static void check_export(vm_validator *v, uint32_t position)
{
    static const char *const names[] = {"function", "table", "memory", "global",
                                        "tag"};
    vm_module *m = v->m;
    vm_export *e = &m->exports[position];
    const uint32_t counts[] = {m->nfuncs, m->ntables, m->nmemories, m->nglobals,
                               m->ntags};
    v->at = (const uint8_t *)e->name.data;
    if (!vm_validate_index(v, e->index, counts[e->type.kind],
                           names[e->type.kind]))
        return;
    uint32_t slot = find_slot(m, e->name.data, e->name.len);
    if (m->export_hash[slot])
        vm_validate_fail(v, "duplicate export name \"%.*s\"",
                         (int)(e->name.len < 100 ? e->name.len : 100),
                         e->name.data);
    m->export_hash[slot] = position + 1;
    resolve_export(m, e);
    if (e->type.kind == VM_EXTERN_FUNC)
        declare(v, e->index);
}

static void check_exports(vm_validator *v)
{
    if (!make_export_hash(v))
        return;
    for (uint32_t i = 0; i < v->m->nexports && !v->r.failed; i++)
        check_export(v, i);
}

static void check_start(vm_validator *v)
{
    const vm_module *m = v->m;
    size_t at = section_offset(m, 8);
    if (!at)
        return;
    v->at = m->bytes + at;
    if (!vm_validate_index(v, m->start, m->nfuncs, "function"))
        return;
    const vm_functype *type = &m->funcs[m->start].type->func;
    if (type->nparams || type->nresults)
        vm_validate_fail(v, "start function: it must take and return "
                            "nothing");
}

/* ---- segments ----------------------------------------------------------- */

static void check_elem_indices(vm_validator *v, const vm_elemdecl *elem)
{
    vm_reader r = v->r;
    r.pos = v->m->bytes + elem->items;
    r.end = v->m->bytes + v->m->size;
    for (uint32_t i = 0; i < elem->count && !v->r.failed; i++) {
        v->at = r.pos;
        uint32_t func = vm_reader_u32(&r);
        if (vm_validate_index(v, func, v->m->nfuncs, "function"))
            declare(v, func);
    }
}

/* Expressions follow each other; each ends where its own `end` is. */
static void check_elem_exprs(vm_validator *v, const vm_elemdecl *elem)
{
    vm_error ignored = {0};
    vm_decoder walk = {.r = vm_reader_start(v->m->bytes, v->m->size, &ignored),
                       .m = v->m};
    walk.r.pos = v->m->bytes + elem->items;
    for (uint32_t i = 0; i < elem->count && !v->r.failed; i++)
        vm_validate_const(v, vm_decode_expr(&walk), elem->type);
}

static void check_elem(vm_validator *v, const vm_elemdecl *elem)
{
    const vm_module *m = v->m;
    v->at = m->bytes + elem->items;
    if (elem->mode == VM_SEGMENT_ACTIVE) {
        if (!vm_validate_index(v, elem->table, m->ntables, "table"))
            return;
        const vm_tabledecl *table = &m->tables[elem->table];
        if (!vm_type_matches(v->types, elem->type, table->type))
            vm_validate_mismatch(v, table->type, elem->type);
        vm_validate_const(v, elem->start, table->limits.is64 ? VM_I64 : VM_I32);
    }
    if (elem->is_indices)
        check_elem_indices(v, elem);
    else
        check_elem_exprs(v, elem);
}

static void check_elems(vm_validator *v)
{
    for (uint32_t i = 0; i < v->m->nelems && !v->r.failed; i++)
        check_elem(v, &v->m->elems[i]);
}

static void check_datas(vm_validator *v)
{
    const vm_module *m = v->m;
    for (uint32_t i = 0; i < m->ndatas && !v->r.failed; i++) {
        const vm_datadecl *data = &m->datas[i];
        v->at = m->bytes + data->offset;
        if (data->mode != VM_SEGMENT_ACTIVE ||
            !vm_validate_index(v, data->memory, m->nmemories, "memory"))
            continue;
        vm_validate_const(v, data->start,
                          m->memories[data->memory].is64 ? VM_I64 : VM_I32);
    }
}

/* ---- all of it ---------------------------------------------------------- */

static void (*const checks[])(vm_validator *v) = {
    check_types,   check_tables,       check_memories, check_tags,
    check_globals, check_exports,      check_start,    check_elems,
    check_datas,   vm_validate_bodies,
};

vm_status vm_module_validate(vm_module *m, vm_error *err)
{
    vm_validate_init();
    vm_validator v = {.r = vm_reader_start(m->bytes, m->size, err),
                      .m = m,
                      .types = &m->engine->types,
                      .scope = vm_module_scope(m)};
    v.declared = calloc(m->nfuncs / 8 + 1, 1);
    if (!v.declared)
        return VM_NO_MEMORY;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (!v.r.failed && !v.no_memory)
            checks[i](&v);
    free(v.declared);
    vm_validator_finish(&v);
    if (v.no_memory)
        return VM_NO_MEMORY;
    return v.r.failed ? VM_INVALID : VM_OK;
}
