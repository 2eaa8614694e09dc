/*
 * cm_decode_core.c - core modules in a component, the instances made of them,
 * and core types.  Binary.md "Instance Definitions", "Type Definitions".
 */
#include "vm/cm_decode.h"

#include <stdlib.h>
#include <string.h>

/* ---- modules ----------------------------------------------------------- */

/* Finds two imports with the same two-level name: they would become one
 * component-level name.  `n` is the position of the second. */
static bool duplicate_import(cm_decoder *d, const vm_import *imports, size_t n,
                             size_t *at)
{
    cm_map seen = {0};
    bool found = false;
    for (size_t i = 0; i < n && !found; i++) {
        uint64_t other, h = (uintptr_t)d->arena->chunks;
        h = cm_hash(imports[i].module.data, imports[i].module.len, h);
        h = cm_hash(imports[i].name.data, imports[i].name.len, h);
        for (; cm_map_get(&seen, h ? h : 1, &other); h++)
            if (vm_name_equal(imports[other].module, imports[i].module) &&
                vm_name_equal(imports[other].name, imports[i].name))
                break;
        found = cm_map_get(&seen, h ? h : 1, &other);
        *at = i;
        if (!found && !cm_map_put(&seen, h ? h : 1, i)) {
            cm_no_memory(d);
            break;
        }
    }
    cm_map_finish(&seen);
    return found;
}

static bool check_imports(cm_decoder *d, const vm_import *imports, size_t n)
{
    size_t at;
    if (duplicate_import(d, imports, n, &at))
        return cm_invalid(
            d, "duplicate import name `" VM_NAME_FMT ":" VM_NAME_FMT "`",
            VM_NAME_ARG(imports[at].module), VM_NAME_ARG(imports[at].name));
    return d->err->text[0] == '\0';
}

static const cm_moduletype *
make_moduletype(cm_decoder *d, const vm_import *imports, size_t nimports,
                const vm_export *exports, size_t nexports)
{
    cm_moduletype *type = cm_arena_alloc(d->arena, 1, sizeof *type);
    if (!type)
        return cm_no_memory(d), NULL;
    *type = (cm_moduletype){nimports, nexports, imports, exports, {0}};
    if (!check_imports(d, imports, nimports))
        return NULL;
    if (nexports && !cm_names_build(d->arena, &type->index, &exports[0].name,
                                    sizeof *exports, (uint32_t)nexports))
        return cm_no_memory(d), NULL;
    for (size_t i = 0; i < nexports; i++)
        if (cm_names_find(&type->index, &exports[0].name, sizeof *exports,
                          exports[i].name.data, exports[i].name.len) != i) {
            cm_invalid(d, "export name `" VM_NAME_FMT "` already defined",
                       VM_NAME_ARG(exports[i].name));
            return NULL;
        }
    return type;
}

static bool keep_module(cm_decoder *d, vm_module *module)
{
    cm_component *c = d->component;
    if (c->nmodules == c->modules_room &&
        !cm_vec_grow(d, (void **)&c->modules, &c->modules_room,
                     sizeof *c->modules))
        return false;
    c->modules[c->nmodules++] = module;
    return true;
}

bool cm_decode_core_module(cm_decoder *d, const uint8_t *bytes, size_t size)
{
    vm_module *module;
    vm_error err = {0};
    size_t nimports, nexports;
    if (cm_is_component(bytes, size))
        return cm_malformed(d, "expected a version header for a module, found "
                               "a component's");
    if (vm_module_load(d->component->engine, bytes, size, &module, &err)) {
        size_t base = (size_t)(bytes - d->start);
        if (err.offset != SIZE_MAX)
            err.offset += base;
        if (d->err->text[0] == '\0')
            *d->err = err;
        return false;
    }
    if (!keep_module(d, module)) {
        vm_module_release(module);
        return false;
    }
    const vm_import *imports = vm_module_imports(module, &nimports);
    const vm_export *exports = vm_module_exports(module, &nexports);
    const cm_moduletype *type =
        make_moduletype(d, imports, nimports, exports, nexports);
    return type && CM_PUSH(d, &d->scope->modules, type) &&
           cm_step_add(d, (cm_step){.kind = CM_STEP_MODULE, .module = module});
}

/* ---- core instances ---------------------------------------------------- */

static const vm_export *coreinst_find(const cm_coreinst *inst, vm_name name)
{
    uint32_t i = CM_NAME_NONE;
    if (inst->count)
        i = cm_names_find(&inst->index, &inst->exports[0].name,
                          sizeof *inst->exports, name.data, name.len);
    return i == CM_NAME_NONE ? NULL : &inst->exports[i];
}

static bool push_coreinst(cm_decoder *d, const cm_coreinst *inst)
{
    if (d->scope->core_instances.count >= CM_MAX_INSTANCES)
        return cm_invalid(d, "more than %u core instances in a component",
                          CM_MAX_INSTANCES);
    return CM_PUSH(d, &d->scope->core_instances, inst);
}

static bool read_core_args(cm_decoder *d, cm_arg **args, uint32_t *count)
{
    if (!cm_read_count(d, count))
        return false;
    *args = cm_arena_alloc(d->arena, *count, sizeof **args);
    if (!*args)
        return cm_no_memory(d);
    for (uint32_t i = 0; i < *count; i++) {
        cm_arg *arg = &(*args)[i];
        uint8_t sort;
        if (!cm_read_name(d, &arg->name) || !cm_read_byte(d, &sort))
            return false;
        if (sort != 0x12)
            return cm_bad_byte(d, sort, "instantiation arg kind");
        if (!cm_read_u32(d, &arg->index))
            return false;
        if (arg->index >= d->scope->core_instances.count)
            return cm_out_of_bounds(d, "core instance", arg->index);
    }
    return true;
}

static bool index_args(cm_decoder *d, const cm_arg *args, uint32_t count,
                       cm_names *index)
{
    if (!count)
        return true;
    if (!cm_names_build(d->arena, index, &args[0].name, sizeof *args, count))
        return cm_no_memory(d);
    for (uint32_t i = 0; i < count; i++)
        if (cm_names_find(index, &args[0].name, sizeof *args, args[i].name.data,
                          args[i].name.len) != i)
            return cm_invalid(d,
                              "duplicate module instantiation argument named "
                              "`" VM_NAME_FMT "`",
                              VM_NAME_ARG(args[i].name));
    return true;
}

static bool check_core_import(cm_decoder *d, const cm_coreinst *from,
                              const vm_import *want)
{
    char why[160];
    const vm_export *have = coreinst_find(from, want->name);
    if (!have)
        return cm_invalid(d,
                          "module instantiation argument `" VM_NAME_FMT
                          "` does not export an item named `" VM_NAME_FMT "`",
                          VM_NAME_ARG(want->module), VM_NAME_ARG(want->name));
    return cm_core_matches(d->core_types, &have->type, &want->type, why,
                           sizeof why) ||
           cm_invalid(d,
                      "type mismatch for export `" VM_NAME_FMT "` of module "
                      "instantiation argument `" VM_NAME_FMT "`: %s",
                      VM_NAME_ARG(want->name), VM_NAME_ARG(want->module), why);
}

static bool instantiate_module(cm_decoder *d)
{
    cm_builder *b = d->scope;
    cm_arg *args;
    uint32_t index, count;
    cm_names *names = cm_arena_alloc(d->arena, 1, sizeof *names);
    if (!names)
        return cm_no_memory(d);
    if (!cm_read_u32(d, &index))
        return false;
    if (index >= b->modules.count)
        return cm_out_of_bounds(d, "module", index);
    if (!read_core_args(d, &args, &count) || !index_args(d, args, count, names))
        return false;
    const cm_moduletype *type = b->modules.at[index];
    for (size_t i = 0; i < type->nimports; i++) {
        const vm_import *want = &type->imports[i];
        uint32_t at = CM_NAME_NONE;
        if (count)
            at = cm_names_find(names, &args[0].name, sizeof *args,
                               want->module.data, want->module.len);
        if (at == CM_NAME_NONE)
            return cm_invalid(d,
                              "missing module instantiation argument named "
                              "`" VM_NAME_FMT "`",
                              VM_NAME_ARG(want->module));
        if (!check_core_import(d, b->core_instances.at[args[at].index], want))
            return false;
    }
    cm_coreinst *inst = cm_arena_alloc(d->arena, 1, sizeof *inst);
    if (!inst)
        return cm_no_memory(d);
    *inst = (cm_coreinst){type->nexports, type->exports, type->index};
    return push_coreinst(d, inst) &&
           cm_step_add(d, (cm_step){.kind = CM_STEP_CORE_INSTANCE,
                                    .index = index,
                                    .count = count,
                                    .args = args,
                                    .arg_names = names});
}

static const char *core_space_name(vm_extern_kind kind)
{
    return kind == VM_EXTERN_FUNC ? "core function" : cm_core_kind_name(kind);
}

static bool core_bag(cm_decoder *d)
{
    uint32_t count;
    if (!cm_read_count(d, &count))
        return false;
    vm_export *exports = cm_arena_alloc(d->arena, count, sizeof *exports);
    cm_coreinst *inst = cm_arena_alloc(d->arena, 1, sizeof *inst);
    if (!exports || !inst)
        return cm_no_memory(d);
    for (uint32_t i = 0; i < count; i++) {
        vm_export *e = &exports[i];
        uint8_t kind;
        if (!cm_read_name(d, &e->name) || !cm_read_byte(d, &kind))
            return false;
        if (kind > VM_EXTERN_TAG)
            return cm_bad_byte(d, kind, "core external kind");
        if (!cm_read_u32(d, &e->index))
            return false;
        if (e->index >= d->scope->core[kind].count)
            return cm_out_of_bounds(d, core_space_name((vm_extern_kind)kind),
                                    e->index);
        e->type = d->scope->core[kind].at[e->index];
    }
    const cm_moduletype *type = make_moduletype(d, NULL, 0, exports, count);
    if (!type)
        return false;
    *inst = (cm_coreinst){count, exports, type->index};
    return push_coreinst(d, inst) &&
           cm_step_add(d, (cm_step){.kind = CM_STEP_CORE_BAG,
                                    .count = count,
                                    .bag = inst});
}

bool cm_decode_core_instance(cm_decoder *d)
{
    uint8_t byte;
    if (!cm_read_byte(d, &byte))
        return false;
    switch (byte) {
    case 0: return instantiate_module(d);
    case 1: return core_bag(d);
    default: return cm_bad_byte(d, byte, "core instance");
    }
}

bool cm_decode_core_alias(cm_decoder *d, vm_extern_kind kind)
{
    uint32_t index;
    vm_name name;
    if (!cm_read_u32(d, &index) || !cm_read_name(d, &name))
        return false;
    if (index >= d->scope->core_instances.count)
        return cm_out_of_bounds(d, "core instance", index);
    const vm_export *e =
        coreinst_find(d->scope->core_instances.at[index], name);
    if (!e)
        return cm_invalid(d,
                          "core instance %u has no export named "
                          "`" VM_NAME_FMT "`",
                          index, VM_NAME_ARG(name));
    if (e->type.kind != kind)
        return cm_invalid(d,
                          "export `" VM_NAME_FMT "` for core instance %u is "
                          "not a %s but a %s",
                          VM_NAME_ARG(name), index, cm_core_kind_name(kind),
                          cm_core_kind_name(e->type.kind));
    return CM_PUSH(d, &d->scope->core[kind], e->type) &&
           cm_step_add(d, (cm_step){.kind = CM_STEP_ALIAS_CORE,
                                    .sort = (uint8_t)kind,
                                    .index = index,
                                    .name = name});
}

/* ---- core types -------------------------------------------------------- */

/* Where type indices are looked up: those known, then the group being read. */
typedef struct core_scope {
    cm_vec_coretype *types;
    uint32_t group; /* types of the recursion group so far, and to come */
} core_scope;

static bool core_heap(cm_decoder *d, const core_scope *s, vm_type *out)
{
    int64_t code;
    if (!cm_read_s33(d, &code))
        return false;
    if (code < 0) {
        *out = VM_ABSTRACT | (uint32_t)(code & 0x7f);
        return (*out >= VM_HEAP_EXN && *out <= VM_HEAP_NOEXN) ||
               cm_malformed(d, "malformed heap type");
    }
    uint64_t index = (uint64_t)code;
    if (index < s->types->count && s->types->at[index].def)
        *out = s->types->at[index].def->id;
    else if (index >= s->types->count && index - s->types->count < s->group)
        *out = VM_REC_BIT | (uint32_t)(index - s->types->count);
    else
        return cm_out_of_bounds(d, "type", (uint32_t)index);
    return true;
}

static bool core_valtype(cm_decoder *d, const core_scope *s, bool packed,
                         vm_type *out)
{
    uint8_t code;
    if (!cm_read_byte(d, &code))
        return false;
    if (code >= VM_V128 && code <= VM_I32) {
        *out = code;
        return true;
    }
    if (packed && (code == VM_I8 || code == VM_I16)) {
        *out = code;
        return true;
    }
    if (code >= 0x69 && code <= 0x74) {
        *out = VM_REF | VM_NULLABLE | VM_ABSTRACT | code;
        return true;
    }
    if (code != 0x63 && code != 0x64)
        return cm_bad_byte(d, code, "value type");
    if (!core_heap(d, s, out))
        return false;
    *out |= VM_REF | (code == 0x63 ? VM_NULLABLE : 0);
    return true;
}

static bool core_valtypes(cm_decoder *d, const core_scope *s, bool fields,
                          vm_type **types, bool **is_mutable, uint32_t *count)
{
    if (!cm_read_count(d, count))
        return false;
    *types = cm_arena_alloc(d->arena, *count, sizeof **types);
    *is_mutable = cm_arena_alloc(d->arena, *count, sizeof **is_mutable);
    if (!*types || !*is_mutable)
        return cm_no_memory(d);
    if (*count > VM_MAX_PARAMS)
        return cm_invalid(d, "more than %d values in a core type",
                          VM_MAX_PARAMS);
    for (uint32_t i = 0; i < *count; i++)
        if (!core_valtype(d, s, fields, &(*types)[i]) ||
            (fields && !cm_read_bool(d, &(*is_mutable)[i])))
            return false;
    return true;
}

static bool core_func(cm_decoder *d, const core_scope *s, vm_subtype *out)
{
    vm_type *params, *results;
    bool *unused;
    uint32_t nparams, nresults;
    if (!core_valtypes(d, s, false, &params, &unused, &nparams) ||
        !core_valtypes(d, s, false, &results, &unused, &nresults))
        return false;
    vm_type *all = cm_arena_alloc(d->arena, nparams + nresults, sizeof *all);
    if (!all)
        return cm_no_memory(d);
    memcpy(all, params, nparams * sizeof *all);
    memcpy(all + nparams, results, nresults * sizeof *all);
    out->kind = VM_COMP_FUNC;
    out->nparams = nparams;
    out->ntypes = nparams + nresults;
    out->types = all;
    return true;
}

static bool core_aggregate(cm_decoder *d, const core_scope *s, bool is_struct,
                           vm_subtype *out)
{
    vm_type *types;
    bool *is_mutable;
    out->kind = is_struct ? VM_COMP_STRUCT : VM_COMP_ARRAY;
    out->ntypes = 1;
    if (is_struct) {
        if (!core_valtypes(d, s, true, &types, &is_mutable, &out->ntypes))
            return false;
    } else {
        types = cm_arena_alloc(d->arena, 1, sizeof *types);
        is_mutable = cm_arena_alloc(d->arena, 1, sizeof *is_mutable);
        if (!types || !is_mutable)
            return cm_no_memory(d);
        if (!core_valtype(d, s, true, types) || !cm_read_bool(d, is_mutable))
            return false;
    }
    out->types = types;
    out->is_mutable = is_mutable;
    return true;
}

static bool core_supers(cm_decoder *d, const core_scope *s, vm_subtype *out)
{
    uint32_t count, index;
    if (!cm_read_u32(d, &count))
        return false;
    if (count > 1)
        return cm_invalid(d, "a type may have one supertype, not %u", count);
    if (count == 0)
        return true;
    if (!cm_read_u32(d, &index))
        return false;
    if (index >= s->types->count || !s->types->at[index].def)
        return cm_out_of_bounds(d, "type", index);
    const vm_deftype *super = s->types->at[index].def;
    if (super->is_final)
        return cm_invalid(d, "supertype %u is final", index);
    out->super = super->id;
    return true;
}

static bool core_subtype(cm_decoder *d, const core_scope *s, uint8_t code,
                         vm_subtype *out)
{
    *out = (vm_subtype){.is_final = true,
                        .super = VM_NO_TYPE,
                        .descriptor = VM_NO_TYPE,
                        .describes = VM_NO_TYPE};
    if (code == 0x50 || code == 0x4f) {
        out->is_final = code == 0x4f;
        if (!core_supers(d, s, out) || !cm_read_byte(d, &code))
            return false;
    }
    switch (code) {
    case 0x60: return core_func(d, s, out);
    case 0x5f: return core_aggregate(d, s, true, out);
    case 0x5e: return core_aggregate(d, s, false, out);
    default: return cm_bad_byte(d, code, "type definition");
    }
}

/* A recursion group, or a type that is one by itself. */
static bool core_rectype(cm_decoder *d, cm_vec_coretype *types, uint8_t code)
{
    core_scope s = {types, 1};
    uint32_t first;
    if (code == 0x4e && !cm_read_count(d, &s.group))
        return false;
    vm_subtype *group = cm_arena_alloc(d->arena, s.group, sizeof *group);
    if (!group)
        return cm_no_memory(d);
    for (uint32_t i = 0; i < s.group; i++)
        if ((code == 0x4e || i) && !cm_read_byte(d, &code))
            return false;
        else if (!core_subtype(d, &s, code, &group[i]))
            return false;
    if (s.group == 0)
        return true;
    vm_types *registry = &d->component->engine->types;
    if (vm_types_intern(registry, group, s.group, &first))
        return cm_invalid(d, "too many core types");
    for (uint32_t i = 0; i < s.group; i++) {
        const vm_deftype *def = vm_types_get(registry, first + i);
        if (!CM_PUSH(d, types, (cm_coretype){def, NULL}))
            return false;
    }
    return true;
}

/* ---- module types ------------------------------------------------------ */

static bool core_limits(cm_decoder *d, bool is_memory, vm_limits *out)
{
    uint8_t flags;
    if (!cm_read_byte(d, &flags))
        return false;
    if (flags > 15 || (!is_memory && (flags & 8)))
        return cm_bad_byte(d, flags, "limits");
    *out = (vm_limits){.max = UINT64_MAX,
                       .is64 = flags & 4,
                       .shared = flags & 2,
                       .page_size_log2 = is_memory ? 16 : 0};
    if (!cm_read_u64(d, &out->min) ||
        ((flags & 1) && !cm_read_u64(d, &out->max)))
        return false;
    if (flags & 8) {
        uint32_t log2;
        if (!cm_read_u32(d, &log2))
            return false;
        if (log2 != 0 && log2 != 16)
            return cm_invalid(d, "invalid custom page size");
        out->page_size_log2 = (uint8_t)log2;
    }
    if (out->min > out->max)
        return cm_invalid(d, "size minimum must not be greater than maximum");
    if (out->shared && !(flags & 1))
        return cm_invalid(d, "shared memory must have maximum size");
    if (!is_memory)
        return true;
    uint64_t most = UINT64_MAX; /* in pages */
    if (out->page_size_log2)
        most = out->is64 ? UINT64_C(1) << 48 : UINT64_C(1) << 16;
    else if (!out->is64)
        most = UINT32_MAX;
    uint64_t max = flags & 1 ? out->max : out->min;
    return (out->min <= most && max <= most) ||
           cm_invalid(d, "memory size must be at most %llu pages",
                      (unsigned long long)most);
}

static bool core_func_at(cm_decoder *d, const cm_vec_coretype *types,
                         vm_externtype *out)
{
    uint32_t index;
    if (!cm_read_u32(d, &index))
        return false;
    if (index >= types->count)
        return cm_out_of_bounds(d, "type", index);
    const vm_deftype *def = types->at[index].def;
    if (!def || def->kind != VM_COMP_FUNC)
        return cm_invalid(d, "type index %u is not a function type", index);
    out->func = &def->func;
    out->typeid = def->id;
    return true;
}

static bool core_externtype(cm_decoder *d, cm_vec_coretype *types,
                            vm_externtype *out)
{
    core_scope s = {types, 0};
    uint8_t kind, zero;
    if (!cm_read_byte(d, &kind))
        return false;
    *out = (vm_externtype){.kind = (vm_extern_kind)kind};
    switch (kind) {
    case VM_EXTERN_FUNC: return core_func_at(d, types, out);
    case VM_EXTERN_TABLE:
        if (!core_valtype(d, &s, false, &out->table.type))
            return false;
        return (vm_type_is_ref(out->table.type) ||
                cm_malformed(d, "malformed reference type")) &&
               core_limits(d, false, &out->table.limits);
    case VM_EXTERN_MEMORY: return core_limits(d, true, &out->memory);
    case VM_EXTERN_GLOBAL:
        return core_valtype(d, &s, false, &out->global.type) &&
               cm_read_bool(d, &out->global.is_mutable);
    case VM_EXTERN_TAG:
        if (!cm_read_byte(d, &zero))
            return false;
        return (zero == 0 || cm_bad_byte(d, zero, "tag attribute")) &&
               core_func_at(d, types, out);
    default: return cm_bad_byte(d, kind, "external kind");
    }
}

typedef struct module_builder {
    cm_vec_coretype types;
    CM_VEC(vm_import) imports;
    CM_VEC(vm_export) exports;
} module_builder;

/* (alias outer ct idx (type)): 0 counts the module type itself. */
static bool module_alias(cm_decoder *d, module_builder *m)
{
    uint8_t sort, target;
    uint32_t out, index;
    if (!cm_read_byte(d, &sort))
        return false;
    if (sort != 0x10)
        return cm_bad_byte(d, sort, "outer alias kind");
    if (!cm_read_byte(d, &target))
        return false;
    if (target != 1)
        return cm_bad_byte(d, target, "outer alias target");
    if (!cm_read_u32(d, &out) || !cm_read_u32(d, &index))
        return false;
    const cm_builder *scope = d->scope;
    for (uint32_t i = 1; i < out && scope; i++)
        scope = scope->outer;
    if (!scope)
        return cm_invalid(d, "invalid outer alias count of %u", out);
    const cm_vec_coretype *types = out ? &scope->core_types : &m->types;
    if (index >= types->count)
        return cm_out_of_bounds(d, "type", index);
    if (!types->at[index].def)
        return cm_invalid(d, "a module type may only alias core value and "
                             "function types");
    return CM_PUSH(d, &m->types, types->at[index]);
}

static bool module_decl(cm_decoder *d, module_builder *m)
{
    uint8_t byte;
    vm_import import;
    vm_export export = {0};
    if (!cm_read_byte(d, &byte))
        return false;
    switch (byte) {
    case 0:
        return cm_read_name(d, &import.module) &&
               cm_read_name(d, &import.name) &&
               core_externtype(d, &m->types, &import.type) &&
               CM_PUSH(d, &m->imports, import);
    case 1:
        if (!cm_read_byte(d, &byte))
            return false;
        if (byte == 0x50)
            return cm_invalid(d, "invalid leading byte (0x50) for type "
                                 "definition: a module type cannot define "
                                 "module types");
        if (byte == 0x00 && !cm_read_byte(d, &byte))
            return false;
        return core_rectype(d, &m->types, byte);
    case 2: return module_alias(d, m);
    case 3:
        return cm_read_name(d, &export.name) &&
               core_externtype(d, &m->types, &export.type) &&
               CM_PUSH(d, &m->exports, export);
    default: return cm_bad_byte(d, byte, "type definition");
    }
}

static const cm_moduletype *read_moduletype(cm_decoder *d)
{
    module_builder m = {0};
    const cm_moduletype *type = NULL;
    uint32_t count;
    if (!cm_read_count(d, &count))
        return NULL;
    for (uint32_t i = 0; i < count; i++)
        if (!module_decl(d, &m))
            goto done;
    const vm_import *imports = CM_FREEZE(d, &m.imports);
    const vm_export *exports = CM_FREEZE(d, &m.exports);
    if (imports && exports)
        type = make_moduletype(d, imports, m.imports.count, exports,
                               m.exports.count);
done:
    free(m.types.at);
    free(m.imports.at);
    free(m.exports.at);
    return type;
}

bool cm_decode_core_type(cm_decoder *d)
{
    uint8_t code;
    if (!cm_read_byte(d, &code))
        return false;
    if (code == 0x50) {
        const cm_moduletype *type = read_moduletype(d);
        return type &&
               CM_PUSH(d, &d->scope->core_types, (cm_coretype){NULL, type});
    }
    if (code == 0x00) {
        if (!cm_read_byte(d, &code))
            return false;
        if (code != 0x50)
            return cm_bad_byte(d, code, "non-final sub type");
    }
    return core_rectype(d, &d->scope->core_types, code);
}
