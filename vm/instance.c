/*
 * instance.c - instantiation: imports are matched, globals, tables, memories
 * and segments are made and filled, the start function runs; and looking up
 * exports.  Specification: core, execution, modules.
 */
#include "vm/code.h"
#include "vm/heap.h"
#include "vm/image.h"
#include "vm/reader.h"

#include <stdlib.h>
#include <string.h>

/* ---- matching imports -----------------------------------------------------
 */

static bool limits_match(const vm_limits *have, uint64_t size,
                         const vm_limits *want)
{
    return size >= want->min && have->is64 == want->is64 &&
           have->shared == want->shared &&
           have->page_size_log2 == want->page_size_log2 &&
           (want->max == UINT64_MAX || have->max <= want->max);
}

static bool global_matches(const vm_types *types, const vm_global *have,
                           const vm_globaldecl *want)
{
    if (have->is_mutable != want->is_mutable)
        return false;
    return want->is_mutable ? have->type == want->type
                            : vm_type_matches(types, have->type, want->type);
}

static const vm_store *store_of(const vm_extern *x)
{
    switch (x->kind) {
    case VM_EXTERN_FUNC: return vm_func_store(x->func);
    case VM_EXTERN_TABLE: return x->table->store;
    case VM_EXTERN_MEMORY: return x->memory->store;
    case VM_EXTERN_GLOBAL: return vm_global_store(x->global);
    case VM_EXTERN_TAG: return x->tag->store;
    }
    return NULL;
}

/* Takes one import into the instance if it has the declared type. */
static bool take_import(vm_instance *in, const vm_extern *x, uint32_t *next)
{
    const vm_module *m = in->module;
    uint32_t i = next[x->kind]++;
    switch (x->kind) {
    case VM_EXTERN_FUNC:
        in->imports[i] = x->func;
        return vm_deftype_extends(x->func->type, m->funcs[i].type);
    case VM_EXTERN_TABLE:
        in->tables[i] = x->table;
        return x->table->type == m->tables[i].type &&
               limits_match(&x->table->limits, x->table->size,
                            &m->tables[i].limits);
    case VM_EXTERN_MEMORY:
        in->memories[i] = x->memory;
        return limits_match(&x->memory->limits, x->memory->pages,
                            &m->memories[i]);
    case VM_EXTERN_GLOBAL:
        in->globals[i] = x->global;
        return global_matches(&m->engine->types, x->global, &m->globals[i]);
    case VM_EXTERN_TAG: in->tags[i] = x->tag; return x->tag->type == m->tags[i];
    }
    return false;
}

static vm_status refuse_import(const vm_import *want, const char *why,
                               vm_error *err)
{
    vm_error_set(err, VM_PHASE_LINK, SIZE_MAX, "%s: %.*s.%.*s", why,
                 (int)want->module.len, want->module.data, (int)want->name.len,
                 want->name.data);
    return VM_INVALID;
}

static vm_status link_imports(vm_instance *in, const vm_extern *imports,
                              vm_error *err)
{
    const vm_module *m = in->module;
    uint32_t next[5] = {0};
    for (uint32_t i = 0; i < m->nimports; i++) {
        const vm_import *want = &m->imports[i];
        if (imports[i].kind != want->type.kind ||
            !take_import(in, &imports[i], next))
            return refuse_import(want, "incompatible import type", err);
        if (store_of(&imports[i]) != in->store)
            return refuse_import(want, "import from another store", err);
    }
    return VM_OK;
}

/* ---- making -----------------------------------------------------------------
 */

static void *carve(uint8_t **at, size_t count, size_t size)
{
    void *p = *at;
    *at += (count * size + 15) & ~(size_t)15;
    return p;
}

/* Lays the arrays out from `at` on; returns where they end. */
static uint8_t *lay_out(vm_instance *in, const vm_module *m, uint8_t *at)
{
    size_t own = m->nfuncs - m->nfunc_imports;
    in->memories = carve(&at, m->nmemories, sizeof(void *));
    in->tables = carve(&at, m->ntables, sizeof(void *));
    in->globals = carve(&at, m->nglobals, sizeof(void *));
    in->imports = carve(&at, m->nfunc_imports, sizeof(void *));
    in->func_pages =
        carve(&at, (own + VM_FUNC_PAGE - 1) / VM_FUNC_PAGE, sizeof(void *));
    in->tags = carve(&at, m->ntags, sizeof(void *));
    in->elems = carve(&at, m->nelems, sizeof(vm_elems));
    in->dropped = carve(&at, m->ndatas / 8 + 1, 1);
    return at;
}

#define HEAD ((sizeof(vm_instance) + 15) & ~(size_t)15)

/* Bytes before the module's own globals. */
static size_t globals_start(const vm_module *m)
{
    vm_instance scratch;
    uint8_t *none = (uint8_t *)16; /* any aligned address: only measured */
    return HEAD + (size_t)(lay_out(&scratch, m, none) - none);
}

uint32_t vm_instance_global_offset(const vm_module *m, uint32_t index)
{
    return (uint32_t)(globals_start(m) +
                      (index - m->nglobal_imports) * sizeof(vm_global) +
                      offsetof(vm_global, value));
}

static vm_instance *allocate(vm_store *store, vm_module *m)
{
    size_t size = globals_start(m) +
                  (m->nglobals - m->nglobal_imports) * sizeof(vm_global);
    vm_instance *in = vm_store_alloc(store, size); /* aligned to 16 */
    if (!in)
        return NULL;
    in->module = vm_module_retain(m);
    in->store = store;
    in->size = size;
    vm_global *own = (vm_global *)lay_out(in, m, (uint8_t *)in + HEAD);
    for (uint32_t i = m->nglobal_imports; i < m->nglobals; i++, own++) {
        own->type = m->globals[i].type;
        own->is_mutable = m->globals[i].is_mutable;
        own->instance = in;
        in->globals[i] = own;
    }
    in->next = store->instances;
    store->instances = in;
    store->ninstances++;
    return in;
}

static vm_status no_room(vm_error *err, const char *what)
{
    vm_error_set(err, VM_PHASE_RUN, SIZE_MAX,
                 "out of memory: cannot make a %s within the limits", what);
    return VM_TRAP;
}

static vm_status eval_at(vm_instance *in, vm_constexpr expr, vm_value *out,
                         vm_error *err)
{
    const uint8_t *p = in->module->bytes + expr.offset;
    return vm_constexpr_eval(in, &p, out, err);
}

static vm_status make_memories(vm_instance *in, vm_error *err)
{
    const vm_module *m = in->module;
    for (uint32_t i = m->nmemory_imports; i < m->nmemories; i++)
        if (vm_memory_create(in->store, &m->memories[i], &in->memories[i]) !=
            VM_OK)
            return no_room(err, "memory");
    in->memory0 = m->nmemories ? in->memories[0] : in->store->no_memory;
    return VM_OK;
}

static vm_status make_tags(vm_instance *in, vm_error *err)
{
    const vm_module *m = in->module;
    for (uint32_t i = m->ntag_imports; i < m->ntags; i++)
        if (vm_tag_create(in->store, &m->tags[i]->func, &in->tags[i]) != VM_OK)
            return no_room(err, "tag");
        else
            in->tags[i]->type = m->tags[i];
    return VM_OK;
}

static vm_status make_globals(vm_instance *in, vm_error *err)
{
    const vm_module *m = in->module;
    vm_status status = VM_OK;
    for (uint32_t i = m->nglobal_imports; i < m->nglobals; i++) {
        vm_value v;
        status = eval_at(in, m->globals[i].init, &v, err);
        if (status != VM_OK)
            break;
        vm_global_set(in->globals[i], v);
    }
    return status;
}

static vm_status make_tables(vm_instance *in, vm_error *err)
{
    const vm_module *m = in->module;
    const vm_table_image *images =
        m->nelems ? vm_image_tables(in->module) : NULL;
    in->imaged_tables = images;
    for (uint32_t i = m->ntable_imports; i < m->ntables; i++) {
        const vm_tabledecl *decl = &m->tables[i];
        vm_value init = {0};
        vm_status status = VM_OK;
        if (decl->init.size)
            status = eval_at(in, decl->init, &init, err);
        if (status != VM_OK)
            return status;
        if (vm_table_create(in->store, &decl->limits, decl->type, init.ref,
                            &in->tables[i]) != VM_OK)
            return no_room(err, "table");
        if (images) {
            in->tables[i]->image = &images[i];
            in->tables[i]->instance = in;
        }
    }
    return VM_OK;
}

/* ---- segments
 * ----------------------------------------------------------------- */

static vm_status eval_items(vm_instance *in, const vm_elemdecl *decl,
                            vm_elems *elems, vm_error *err)
{
    const uint8_t *p = in->module->bytes + decl->items;
    for (; elems->count < decl->count; elems->count++) {
        vm_value v = {0};
        if (decl->is_indices) {
            vm_func *f = vm_instance_func(in, vm_read_u32(&p));
            if (!f)
                return no_room(err, "function reference");
            v.ref = vm_ref_from_func(f);
        } else {
            vm_status status = vm_constexpr_eval(in, &p, &v, err);
            if (status != VM_OK)
                return status;
        }
        elems->refs[elems->count] = v.ref;
    }
    return VM_OK;
}

static vm_status make_elems(vm_instance *in, vm_error *err)
{
    const vm_module *m = in->module;
    vm_status status = VM_OK;
    for (uint32_t i = 0; i < m->nelems && status == VM_OK; i++) {
        const vm_elemdecl *decl = &m->elems[i];
        if (decl->mode == VM_SEGMENT_DECLARED || !decl->count ||
            (decl->mode == VM_SEGMENT_ACTIVE && in->imaged_tables))
            continue;
        in->elems[i].refs =
            vm_store_alloc(in->store, decl->count * sizeof(vm_ref));
        if (!in->elems[i].refs)
            return no_room(err, "element segment");
        status = eval_items(in, decl, &in->elems[i], err);
    }
    return status;
}

/* A segment's offset, as the unsigned number it is. */
static vm_status eval_offset(vm_instance *in, vm_constexpr expr, bool is64,
                             uint64_t *out, vm_error *err)
{
    vm_value v;
    vm_status status = eval_at(in, expr, &v, err);
    if (status == VM_OK)
        *out = is64 ? v.u64 : v.u32;
    return status;
}

static vm_status apply_elem(vm_instance *in, uint32_t i, vm_error *err)
{
    const vm_elemdecl *decl = &in->module->elems[i];
    if (decl->mode != VM_SEGMENT_ACTIVE || in->imaged_tables)
        return VM_OK;
    vm_table *table = in->tables[decl->table];
    uint64_t d = 0;
    vm_status status =
        eval_offset(in, decl->start, table->limits.is64, &d, err);
    if (status != VM_OK)
        return status;
    vm_elems *elems = &in->elems[i];
    if (!vm_table_init(table, elems, d, 0, elems->count)) {
        vm_error_set(err, VM_PHASE_RUN, SIZE_MAX,
                     "out of bounds table access: element segment %u", i);
        return VM_TRAP;
    }
    vm_store_free(in->store, elems->refs, decl->count * sizeof(vm_ref));
    *elems = (vm_elems){0};
    return VM_OK;
}

static vm_status apply_data(vm_instance *in, uint32_t i, vm_error *err)
{
    const vm_datadecl *decl = &in->module->datas[i];
    if (decl->mode != VM_SEGMENT_ACTIVE)
        return VM_OK;
    in->dropped[i / 8] |= (uint8_t)(1 << (i % 8));
    if (in->imaged_data)
        return VM_OK;
    vm_memory *memory = in->memories[decl->memory];
    uint64_t d = 0;
    vm_status status =
        eval_offset(in, decl->start, memory->limits.is64, &d, err);
    if (status != VM_OK)
        return status;
    if (!vm_in_range(d, decl->size, vm_memory_bytes(memory))) {
        vm_error_set(err, VM_PHASE_RUN, SIZE_MAX,
                     "out of bounds memory access: data segment %u", i);
        return VM_TRAP;
    }
    if (decl->size)
        memcpy(memory->data + d, in->module->bytes + decl->offset, decl->size);
    return VM_OK;
}

static vm_status apply_segments(vm_instance *in, vm_error *err)
{
    vm_status status = VM_OK;
    for (uint32_t i = 0; i < in->module->nelems && status == VM_OK; i++)
        status = apply_elem(in, i, err);
    if (status == VM_OK && in->module->nmemories)
        in->imaged_data = vm_image_map_data(in->module, in->memories[0]);
    for (uint32_t i = 0; i < in->module->ndatas && status == VM_OK; i++)
        status = apply_data(in, i, err);
    return status;
}

static vm_status run_start(vm_instance *in, vm_error *err)
{
    if (in->module->start == UINT32_MAX)
        return VM_OK;
    vm_func *f = vm_instance_func(in, in->module->start);
    return f ? vm_call(in->store, f, NULL, NULL, err)
             : no_room(err, "function reference");
}

static vm_status compile_all(vm_module *m, vm_error *err)
{
    vm_status status = VM_OK;
    for (uint32_t i = m->nfunc_imports; i < m->nfuncs && status == VM_OK; i++) {
        struct vm_code *code = vm_code_get(m, i);
        status = code ? vm_code_compile(code, err) : VM_NO_MEMORY;
    }
    return status;
}

vm_status vm_instance_create(vm_store *store, vm_module *module,
                             const vm_extern *imports, vm_instance **out,
                             vm_error *err)
{
    typedef vm_status (*step)(vm_instance *, vm_error *);
    static const step steps[] = {make_memories, make_tags,  make_globals,
                                 make_tables,   make_elems, apply_segments,
                                 run_start};
    if (store->ninstances >= store->limits.instances) {
        vm_error_set(err, VM_PHASE_RUN, SIZE_MAX,
                     "too many instances: the limit is %u",
                     store->limits.instances);
        return VM_TRAP;
    }
    if (module->engine != store->engine) {
        vm_error_set(err, VM_PHASE_LINK, SIZE_MAX,
                     "the module was loaded by another engine");
        return VM_INVALID;
    }
    vm_instance *in = allocate(store, module);
    if (!in)
        return no_room(err, "instance");
    in->memory0 = store->no_memory;
    vm_status status = link_imports(in, imports, err);
    if (status == VM_OK && store->engine->options.eager)
        status = compile_all(module, err);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (status == VM_OK)
            status = steps[i](in, err);
    if (status == VM_OK && out)
        *out = in;
    return status;
}

/* ---- exports
 * -------------------------------------------------------------------- */

vm_extern vm_instance_export_at(vm_instance *in, size_t position)
{
    const vm_export *e = &in->module->exports[position];
    vm_extern x = {.kind = e->type.kind};
    switch (e->type.kind) {
    case VM_EXTERN_FUNC: x.func = vm_instance_func(in, e->index); break;
    case VM_EXTERN_TABLE: x.table = in->tables[e->index]; break;
    case VM_EXTERN_MEMORY: x.memory = in->memories[e->index]; break;
    case VM_EXTERN_GLOBAL: x.global = in->globals[e->index]; break;
    case VM_EXTERN_TAG: x.tag = in->tags[e->index]; break;
    }
    return x;
}

bool vm_instance_export(vm_instance *in, const char *name, size_t len,
                        vm_extern *out)
{
    uint32_t i = vm_module_find_export(in->module, name, len);
    if (i == UINT32_MAX)
        return false;
    *out = vm_instance_export_at(in, i);
    return out->kind != VM_EXTERN_FUNC || out->func;
}
