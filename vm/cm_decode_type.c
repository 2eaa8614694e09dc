/*
 * cm_decode_type.c - the type section, and types wherever they stand.
 * Binary.md "Type Definitions".
 */
#include "vm/cm_decode.h"

#include <stdlib.h>
#include <string.h>

/* ---- looking types up -------------------------------------------------- */

bool cm_type_at(cm_decoder *d, uint32_t index, cm_typedef *out)
{
    if (index >= d->scope->types.count)
        return cm_out_of_bounds(d, "type", index);
    *out = d->scope->types.at[index];
    return true;
}

bool cm_resource_at(cm_decoder *d, uint32_t index, cm_typedef *out)
{
    if (!cm_type_at(d, index, out))
        return false;
    return out->kind == CM_DEF_RESOURCE ||
           cm_invalid(d, "type index %u is not a resource type", index);
}

static bool value_at(cm_decoder *d, uint32_t index, const cm_type **out)
{
    cm_typedef def;
    if (!cm_type_at(d, index, &def))
        return false;
    *out = def.value;
    return def.kind == CM_DEF_VALUE ||
           cm_invalid(d, "type index %u is not a defined type", index);
}

/* ---- value types ------------------------------------------------------- */

/* The primitive with that code, or NULL. */
static const cm_type *prim_of(uint8_t code)
{
    static const uint8_t kinds[] = {
        CM_STRING, CM_CHAR, CM_F64, CM_F32, CM_U64, CM_S64,  CM_U32,
        CM_S32,    CM_U16,  CM_S16, CM_U8,  CM_S8,  CM_BOOL,
    };
    if (code >= 0x73 && code <= 0x7f)
        return cm_type_prim((cm_kind)kinds[code - 0x73]);
    return code == 0x64 ? cm_type_prim(CM_ERROR_CONTEXT) : NULL;
}

bool cm_read_valtype(cm_decoder *d, const cm_type **out)
{
    int64_t code;
    const uint8_t *at = d->at;
    if (!cm_read_s33(d, &code))
        return false;
    if (code >= 0)
        return value_at(d, (uint32_t)code, out);
    *out = d->at == at + 1 ? prim_of(*at) : NULL;
    return *out || cm_bad_byte(d, d->at[-1], "component value type");
}

bool cm_read_opt_valtype(cm_decoder *d, const cm_type **out)
{
    uint8_t byte;
    *out = NULL;
    if (!cm_read_byte(d, &byte))
        return false;
    if (byte == 1)
        return cm_read_valtype(d, out);
    return byte == 0 || cm_bad_byte(d, byte, "optional component value type");
}

/* How the labels of a kind of type are called in messages. */
typedef struct label_words {
    const char *full, *brief;
} label_words;

static bool check_label(cm_decoder *d, cm_nameset *names, vm_name name,
                        const label_words *words)
{
    vm_name previous;
    if (name.len == 0)
        return cm_invalid(d, "%s name cannot be empty", words->full);
    if (!cm_name_is_kebab(name.data, name.len))
        return cm_invalid(d, "%s name `" VM_NAME_FMT "` is not in kebab case",
                          words->full, VM_NAME_ARG(name));
    switch (cm_nameset_add(names, name, false, &previous)) {
    case CM_NAMESET_ADDED: return true;
    case CM_NAMESET_NO_MEMORY: return cm_no_memory(d);
    case CM_NAMESET_CONFLICT: break;
    }
    return cm_invalid(d,
                      "%s name `" VM_NAME_FMT
                      "` conflicts with previous %s name `" VM_NAME_FMT "`",
                      words->full, VM_NAME_ARG(name), words->brief,
                      VM_NAME_ARG(previous));
}

/* What follows the label. */
static bool read_field(cm_decoder *d, const cm_type **out)
{
    return cm_read_valtype(d, out);
}

static bool read_case(cm_decoder *d, const cm_type **out)
{
    uint8_t zero;
    if (!cm_read_opt_valtype(d, out) || !cm_read_byte(d, &zero))
        return false;
    return zero == 0 || cm_bad_byte(d, zero, "zero byte required");
}

/* A vector of labels, each followed by what `read` reads (if not NULL). */
static bool read_labels(cm_decoder *d, const label_words *words,
                        bool (*read)(cm_decoder *, const cm_type **),
                        cm_field **fields, uint32_t *count)
{
    cm_nameset names = {0};
    bool ok = false;
    if (!cm_read_count(d, count))
        return false;
    *fields = cm_arena_alloc(d->arena, *count, sizeof **fields);
    if (!*fields)
        return cm_no_memory(d);
    for (uint32_t i = 0; i < *count; i++) {
        cm_field *f = &(*fields)[i];
        if (!cm_read_name(d, &f->name) || (read && !read(d, &f->type)) ||
            !check_label(d, &names, f->name, words))
            goto done;
    }
    ok = true;
done:
    cm_nameset_finish(&names);
    return ok;
}

static bool read_record(cm_decoder *d, cm_type_spec *spec)
{
    static const label_words words = {"record field", "field"};
    return read_labels(d, &words, read_field, &spec->fields, &spec->count);
}

static bool read_variant(cm_decoder *d, cm_type_spec *spec)
{
    static const label_words words = {"variant case", "case"};
    return read_labels(d, &words, read_case, &spec->fields, &spec->count);
}

static bool read_flags(cm_decoder *d, cm_type_spec *spec)
{
    static const label_words words = {"flag", "flag"};
    return read_labels(d, &words, NULL, &spec->fields, &spec->count);
}

static bool read_enum(cm_decoder *d, cm_type_spec *spec)
{
    static const label_words words = {"enum tag", "tag"};
    return read_labels(d, &words, NULL, &spec->fields, &spec->count);
}

static bool read_tuple(cm_decoder *d, cm_type_spec *spec)
{
    if (!cm_read_count(d, &spec->count))
        return false;
    spec->fields = cm_arena_alloc(d->arena, spec->count, sizeof *spec->fields);
    if (!spec->fields)
        return cm_no_memory(d);
    for (uint32_t i = 0; i < spec->count; i++)
        if (!cm_read_valtype(d, &spec->fields[i].type))
            return false;
    return true;
}

static bool read_list(cm_decoder *d, cm_type_spec *spec)
{
    return cm_read_valtype(d, &spec->elem);
}

static bool read_fixed_list(cm_decoder *d, cm_type_spec *spec)
{
    return cm_read_valtype(d, &spec->elem) && cm_read_u32(d, &spec->count);
}

static bool read_opt_elem(cm_decoder *d, cm_type_spec *spec)
{
    return cm_read_opt_valtype(d, &spec->elem);
}

static bool set_pair(cm_decoder *d, cm_type_spec *spec, const char *first,
                     const char *second, const cm_type *a, const cm_type *b)
{
    spec->count = 2;
    spec->fields = cm_arena_alloc(d->arena, 2, sizeof *spec->fields);
    if (!spec->fields)
        return cm_no_memory(d);
    spec->fields[0] = (cm_field){.name = {first, strlen(first)}, .type = a};
    spec->fields[1] = (cm_field){.name = {second, strlen(second)}, .type = b};
    return true;
}

static bool read_map(cm_decoder *d, cm_type_spec *spec)
{
    const cm_type *key, *value;
    return cm_read_valtype(d, &key) && cm_read_valtype(d, &value) &&
           set_pair(d, spec, "", "", key, value);
}

static bool read_option(cm_decoder *d, cm_type_spec *spec)
{
    const cm_type *some;
    return cm_read_valtype(d, &some) &&
           set_pair(d, spec, "none", "some", NULL, some);
}

static bool read_result(cm_decoder *d, cm_type_spec *spec)
{
    const cm_type *ok, *error;
    return cm_read_opt_valtype(d, &ok) && cm_read_opt_valtype(d, &error) &&
           set_pair(d, spec, "ok", "error", ok, error);
}

static bool read_handle(cm_decoder *d, cm_type_spec *spec)
{
    uint32_t index;
    cm_typedef def;
    if (!cm_read_u32(d, &index) || !cm_resource_at(d, index, &def))
        return false;
    spec->resource = def.resource;
    spec->ident = def.ident;
    return true;
}

static const struct {
    uint8_t code;
    cm_kind kind;
    bool has_ident; /* the definition is one that needs an external name */
    bool (*read)(cm_decoder *d, cm_type_spec *spec);
} defined[] = {
    {0x72, CM_RECORD, true, read_record},
    {0x71, CM_VARIANT, true, read_variant},
    {0x70, CM_LIST, false, read_list},
    {0x67, CM_FIXED_LIST, false, read_fixed_list},
    {0x6f, CM_TUPLE, false, read_tuple},
    {0x6e, CM_FLAGS, true, read_flags},
    {0x6d, CM_ENUM, true, read_enum},
    {0x6b, CM_OPTION, false, read_option},
    {0x6a, CM_RESULT, false, read_result},
    {0x69, CM_OWN, false, read_handle},
    {0x68, CM_BORROW, false, read_handle},
    {0x66, CM_STREAM, false, read_opt_elem},
    {0x65, CM_FUTURE, false, read_opt_elem},
    {0x63, CM_MAP, false, read_map},
};

static bool read_defvaltype(cm_decoder *d, uint8_t code, cm_typedef *out)
{
    cm_type_spec spec = {0};
    const char *why;
    size_t i = 0, n = sizeof defined / sizeof *defined;
    out->kind = CM_DEF_VALUE;
    out->value = prim_of(code);
    if (out->value)
        return true;
    while (i < n && defined[i].code != code)
        i++;
    if (i == n)
        return cm_bad_byte(d, code, "component defined type");
    spec.kind = defined[i].kind;
    if (!defined[i].read(d, &spec) ||
        (defined[i].has_ident && !cm_new_ident(d, &spec.ident)))
        return false;
    out->value = cm_type_create(d->arena, &spec, &why);
    if (!out->value)
        return why ? cm_invalid(d, "%s", why) : cm_no_memory(d);
    return true;
}

/* ---- functions --------------------------------------------------------- */

bool cm_read_resultlist(cm_decoder *d, const cm_type **out)
{
    uint8_t byte;
    *out = NULL;
    if (!cm_read_byte(d, &byte))
        return false;
    if (byte == 0)
        return cm_read_valtype(d, out);
    if (byte != 1)
        return cm_bad_byte(d, byte, "component function results");
    if (!cm_read_byte(d, &byte))
        return false;
    return byte == 0 || cm_bad_byte(d, byte, "number of results");
}

static bool read_functype(cm_decoder *d, bool is_async, cm_typedef *out)
{
    static const label_words words = {"function parameter", "parameter"};
    const char *why;
    cm_field *params;
    uint32_t count;
    cm_functype *f = cm_arena_alloc(d->arena, 1, sizeof *f);
    if (!f)
        return cm_no_memory(d);
    if (!read_labels(d, &words, read_field, &params, &count) ||
        !cm_read_resultlist(d, &f->result))
        return false;
    f->is_async = is_async;
    f->params = cm_type_params(d->arena, params, count, &why);
    if (!f->params)
        return why ? cm_invalid(d, "%s", why) : cm_no_memory(d);
    if (f->result && f->result->has_borrow)
        return cm_invalid(d, "function result cannot contain a `borrow` type");
    out->kind = CM_DEF_FUNC;
    out->func = f;
    return true;
}

/* ---- resources --------------------------------------------------------- */

static bool check_dtor(cm_decoder *d, uint32_t index, vm_type rep)
{
    if (index >= d->scope->core[VM_EXTERN_FUNC].count)
        return cm_out_of_bounds(d, "core function", index);
    const vm_functype *f = d->scope->core[VM_EXTERN_FUNC].at[index].func;
    return (f->nparams == 1 && f->nresults == 0 && f->types[0] == rep) ||
           cm_invalid(d,
                      "core function %u has the wrong signature for a "
                      "destructor: it must take the rep and return nothing",
                      index);
}

static bool read_resource(cm_decoder *d, cm_typedef *out)
{
    uint8_t rep, has_dtor;
    uint32_t dtor = UINT32_MAX;
    if (d->scope->kind != CM_IN_COMPONENT)
        return cm_invalid(d, "resources can only be defined within a concrete "
                             "component");
    if (!cm_read_byte(d, &rep))
        return false;
    if (rep != VM_I32 && rep != VM_I64)
        return cm_invalid(d, "resources can only be represented by `i32` or "
                             "`i64`");
    if (!cm_read_byte(d, &has_dtor))
        return false;
    if (has_dtor > 1)
        return cm_bad_byte(d, has_dtor, "optional resource destructor");
    if (has_dtor && (!cm_read_u32(d, &dtor) || !check_dtor(d, dtor, rep)))
        return false;
    out->kind = CM_DEF_RESOURCE;
    if (!cm_new_resource(d, &out->resource) || !cm_new_ident(d, &out->ident))
        return false;
    d->resources.at[out->resource].serial = d->scope->serial;
    d->resources.at[out->resource].rep64 = rep == VM_I64;
    return cm_step_add(
        d, (cm_step){.kind = CM_STEP_RESOURCE,
                     .resource = {out->resource, dtor, rep == VM_I64}});
}

/* ---- component and instance types -------------------------------------- */

static bool read_decl(cm_decoder *d)
{
    uint8_t byte;
    if (!cm_read_byte(d, &byte))
        return false;
    switch (byte) {
    case 0x00: return cm_decode_core_type(d);
    case 0x01: return cm_decode_type(d);
    case 0x02: return cm_decode_alias(d);
    case 0x03:
        if (d->scope->kind == CM_IN_COMPONENT_TYPE)
            return cm_import_or_export_decl(d, CM_AS_IMPORT);
        break;
    case 0x04: return cm_import_or_export_decl(d, CM_AS_EXPORT);
    default: break;
    }
    return cm_bad_byte(d, byte, "component or instance type declaration");
}

static bool read_scope_type(cm_decoder *d, cm_scope_kind kind, cm_typedef *out)
{
    cm_builder b;
    uint32_t count;
    bool ok = false;
    if (!cm_read_count(d, &count) || !cm_scope_enter(d, &b, kind))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!read_decl(d))
            goto done;
    const cm_componenttype *type = cm_component_type(d);
    if (!type)
        goto done;
    out->kind = CM_DEF_COMPONENT;
    out->component = type;
    if (kind == CM_IN_INSTANCE_TYPE) {
        cm_interface *iface = (cm_interface *)type->exports;
        iface->base = type->base;
        iface->nbound = type->nbound;
        out->kind = CM_DEF_INSTANCE;
        out->instance = iface;
    }
    ok = true;
done:
    cm_scope_leave(d);
    return ok;
}

bool cm_decode_type(cm_decoder *d)
{
    cm_typedef def = {0};
    uint8_t byte;
    bool ok;
    if (!cm_read_byte(d, &byte))
        return false;
    switch (byte) {
    case 0x3f: ok = read_resource(d, &def); break;
    case 0x40: ok = read_functype(d, false, &def); break;
    case 0x43: ok = read_functype(d, true, &def); break;
    case 0x41: ok = read_scope_type(d, CM_IN_COMPONENT_TYPE, &def); break;
    case 0x42: ok = read_scope_type(d, CM_IN_INSTANCE_TYPE, &def); break;
    default: ok = read_defvaltype(d, byte, &def); break;
    }
    return ok && CM_PUSH(d, &d->scope->types, def);
}

/* ---- types of imports and exports -------------------------------------- */

static bool read_typebound(cm_decoder *d, cm_externtype *out)
{
    uint8_t byte;
    uint32_t index;
    if (!cm_read_byte(d, &byte))
        return false;
    if (byte == 1) {
        out->fresh = true;
        out->type.kind = CM_DEF_RESOURCE;
        return true;
    }
    if (byte != 0)
        return cm_bad_byte(d, byte, "type bound");
    return cm_read_u32(d, &index) && cm_type_at(d, index, &out->type);
}

/* A type index that must be of one kind. */
static bool read_index_of(cm_decoder *d, cm_def_kind kind, const char *what,
                          cm_typedef *out)
{
    uint32_t index;
    if (!cm_read_u32(d, &index) || !cm_type_at(d, index, out))
        return false;
    return out->kind == kind ||
           cm_invalid(d, "type index %u is not %s", index, what);
}

static bool read_module_type(cm_decoder *d, cm_externtype *out)
{
    uint8_t byte;
    uint32_t index;
    if (!cm_read_byte(d, &byte))
        return false;
    if (byte != 0x11)
        return cm_bad_byte(d, byte, "component external kind");
    if (!cm_read_u32(d, &index))
        return false;
    if (index >= d->scope->core_types.count)
        return cm_out_of_bounds(d, "core type", index);
    out->module = d->scope->core_types.at[index].module;
    return out->module ||
           cm_invalid(d, "core type index %u is not a module type", index);
}

/* wasm-tools writes no bound before a type: a primitive's code cannot be
 * mistaken for one. */
static bool read_valuebound(cm_decoder *d, cm_externtype *out)
{
    uint8_t byte;
    if (!cm_read_byte(d, &byte))
        return false;
    if (byte == 0)
        return cm_invalid(d, "`eq` bounds of values are not supported");
    if (byte >= 0x40)
        d->at--;
    else if (byte != 1)
        return cm_bad_byte(d, byte, "value bound");
    return cm_read_valtype(d, &out->value);
}

bool cm_read_externtype(cm_decoder *d, cm_externtype *out)
{
    cm_typedef def;
    uint8_t byte;
    *out = (cm_externtype){0};
    if (!cm_read_byte(d, &byte))
        return false;
    out->sort = (cm_sort)byte;
    switch (byte) {
    case CM_SORT_CORE_MODULE: return read_module_type(d, out);
    case CM_SORT_FUNC:
        if (!read_index_of(d, CM_DEF_FUNC, "a function type", &def))
            return false;
        out->func = def.func;
        return true;
    case CM_SORT_TYPE: return read_typebound(d, out);
    case CM_SORT_COMPONENT:
        if (!read_index_of(d, CM_DEF_COMPONENT, "a component type", &def))
            return false;
        out->component = def.component;
        return true;
    case CM_SORT_INSTANCE:
        if (!read_index_of(d, CM_DEF_INSTANCE, "an instance type", &def))
            return false;
        out->instance = def.instance;
        return true;
    case CM_SORT_VALUE: return read_valuebound(d, out);
    default: return cm_bad_byte(d, byte, "component external kind");
    }
}
