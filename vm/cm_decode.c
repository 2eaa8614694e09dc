/*
 * cm_decode.c - a component's sections: index spaces, instances, aliases,
 * imports and exports.  One pass over the bytes; each definition is validated
 * when it is read, against the index spaces as they are then.
 * Binary.md "Component Definitions".
 */
#include "vm/cm_decode.h"

#include <stdlib.h>
#include <string.h>

/* ---- scopes ------------------------------------------------------------ */

bool cm_scope_enter(cm_decoder *d, cm_builder *b, cm_scope_kind kind)
{
    if (d->depth >= CM_MAX_DEPTH)
        return cm_invalid(d, "components and types nest deeper than %d",
                          CM_MAX_DEPTH);
    *b = (cm_builder){.kind = kind,
                      .outer = d->scope,
                      .serial = ++d->serials,
                      .base = d->resources.count};
    d->scope = b;
    d->depth++;
    return true;
}

void cm_scope_leave(cm_decoder *d)
{
    cm_builder *b = d->scope;
    d->scope = b->outer;
    d->depth--;
    free(b->core_types.at);
    for (int i = 0; i < 5; i++)
        free(b->core[i].at);
    free(b->modules.at);
    free(b->core_instances.at);
    free(b->types.at);
    free(b->funcs.at);
    free(b->values.at);
    free(b->components.at);
    free(b->instances.at);
    free(b->steps.at);
    cm_side_finish(&b->imports);
    cm_side_finish(&b->exports);
}

bool cm_step_add(cm_decoder *d, cm_step step)
{
    return d->scope->kind != CM_IN_COMPONENT ||
           CM_PUSH(d, &d->scope->steps, step);
}

bool cm_out_of_bounds(cm_decoder *d, const char *space, uint32_t index)
{
    return cm_invalid(d, "unknown %s %u: %s index out of bounds", space, index,
                      space);
}

bool cm_space_add(cm_decoder *d, const cm_externtype *type)
{
    cm_builder *b = d->scope;
    switch (type->sort) {
    case CM_SORT_CORE_MODULE: return CM_PUSH(d, &b->modules, type->module);
    case CM_SORT_FUNC: return CM_PUSH(d, &b->funcs, type->func);
    case CM_SORT_TYPE: return CM_PUSH(d, &b->types, type->type);
    case CM_SORT_COMPONENT: return CM_PUSH(d, &b->components, type->component);
    case CM_SORT_INSTANCE:
        if (b->instances.count >= CM_MAX_INSTANCES)
            return cm_invalid(d, "more than %u instances in a component",
                              CM_MAX_INSTANCES);
        return CM_PUSH(d, &b->instances, type->instance);
    case CM_SORT_VALUE: return cm_value_add(d, type->value, false);
    }
    return false;
}

/* ---- items by sort and index ------------------------------------------- */

static const char *const space_names[] = {"module", "function",  "value",
                                          "type",   "component", "instance"};

static bool item_at(cm_decoder *d, cm_sort sort, uint32_t index,
                    cm_externtype *out)
{
    const cm_builder *b = d->scope;
    *out = (cm_externtype){.sort = sort};
    switch (sort) {
    case CM_SORT_CORE_MODULE:
        if (index >= b->modules.count)
            break;
        out->module = b->modules.at[index];
        return true;
    case CM_SORT_FUNC:
        if (index >= b->funcs.count)
            break;
        out->func = b->funcs.at[index];
        return true;
    case CM_SORT_TYPE:
        if (index >= b->types.count)
            break;
        out->type = b->types.at[index];
        return true;
    case CM_SORT_COMPONENT:
        if (index >= b->components.count)
            break;
        out->component = b->components.at[index];
        return true;
    case CM_SORT_INSTANCE:
        if (index >= b->instances.count)
            break;
        out->instance = b->instances.at[index];
        return true;
    case CM_SORT_VALUE: return cm_value_use(d, index, &out->value);
    }
    return cm_out_of_bounds(d, space_names[sort], index);
}

static bool read_sort(cm_decoder *d, cm_sort *out)
{
    uint8_t byte;
    if (!cm_read_byte(d, &byte))
        return false;
    *out = (cm_sort)byte;
    if (byte == 0) {
        if (!cm_read_byte(d, &byte))
            return false;
        return byte == 0x11 || cm_bad_byte(d, byte, "component external kind");
    }
    return byte <= CM_SORT_INSTANCE ||
           cm_bad_byte(d, byte, "component external kind");
}

/* sortidx, with the item's type and what cm_arg.index should be for it. */
static bool read_item(cm_decoder *d, cm_arg *arg, cm_externtype *type)
{
    if (!read_sort(d, &arg->sort) || !cm_read_u32(d, &arg->index) ||
        !item_at(d, arg->sort, arg->index, type))
        return false;
    if (arg->sort == CM_SORT_TYPE)
        arg->index = type->type.kind == CM_DEF_RESOURCE ? type->type.resource
                                                        : UINT32_MAX;
    return true;
}

/* ---- names with attributes --------------------------------------------- */

static bool read_attribute(cm_decoder *d, vm_name name, unsigned *seen,
                           vm_name *implements)
{
    static const char *const names[] = {"implements", "versionsuffix",
                                        "external-id"};
    uint8_t kind;
    vm_name value;
    if (!cm_read_byte(d, &kind))
        return false;
    if (kind > 2)
        return cm_bad_byte(d, kind, "name option");
    if (!cm_read_name(d, &value))
        return false;
    if (*seen & 1u << kind)
        return cm_invalid(d, "duplicate '%s' option in name", names[kind]);
    *seen |= 1u << kind;
    if (kind == 0)
        *implements = value;
    if (kind != 1)
        return true;
    /* The canonical version and its suffix make a version. */
    cm_extern_name n;
    char why[200];
    char *whole = cm_arena_alloc(d->arena, name.len + value.len, 1);
    if (!whole)
        return cm_no_memory(d);
    memcpy(whole, name.data, name.len);
    memcpy(whole + name.len, value.data, value.len);
    if (cm_name_parse(name, &n, why, sizeof why) && !n.version.len)
        return cm_invalid(d, "a version suffix needs a name with a version");
    return cm_name_parse((vm_name){whole, name.len + value.len}, &n, why,
                         sizeof why) ||
           cm_invalid(d, "invalid version suffix: %s", why);
}

bool cm_read_extern_name(cm_decoder *d, vm_name *name, vm_name *implements)
{
    uint8_t prefix;
    uint32_t count;
    unsigned seen = 0;
    *implements = (vm_name){0};
    if (!cm_read_byte(d, &prefix))
        return false;
    if (prefix > 2)
        return cm_bad_byte(d, prefix, "component name");
    if (!cm_read_name(d, name))
        return false;
    if (prefix < 2)
        return true;
    if (!cm_read_count(d, &count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!read_attribute(d, *name, &seen, implements))
            return false;
    return true;
}

/* `implements.data` is NULL when the attribute was not given. */
bool cm_check_implements(cm_decoder *d, vm_name name, vm_name implements,
                         cm_sort sort)
{
    cm_extern_name n;
    char why[200];
    if (!implements.data)
        return true;
    if (!cm_name_parse(implements, &n, why, sizeof why))
        return cm_invalid(d, "value of `implements` is not a valid name: %s",
                          why);
    if (n.kind != CM_NAME_INTERFACE)
        return cm_invalid(d,
                          "value `" VM_NAME_FMT
                          "` of `implements` must be an interface name",
                          VM_NAME_ARG(implements));
    if (sort != CM_SORT_INSTANCE)
        return cm_invalid(d, "only instances can have an `implements`");
    if (!cm_name_parse(name, &n, why, sizeof why) || n.kind != CM_NAME_LABEL)
        return cm_invalid(
            d, "name `" VM_NAME_FMT "` is not valid with `implements`",
            VM_NAME_ARG(name));
    return true;
}

/* ---- imports and exports ----------------------------------------------- */

/* An import definition, or an import or export declarator. */
bool cm_import_or_export_decl(cm_decoder *d, cm_level level)
{
    cm_builder *b = d->scope;
    cm_side *side = level == CM_AS_IMPORT ? &b->imports : &b->exports;
    vm_name name, implements;
    cm_externtype type, declared;
    if (!cm_read_extern_name(d, &name, &implements) ||
        !cm_read_externtype(d, &type) ||
        !cm_check_implements(d, name, implements, type.sort) ||
        !cm_declare(d, level, &type, &declared) ||
        !cm_side_add(d, side, level, name, &declared) ||
        !cm_space_add(d, &declared))
        return false;
    return cm_step_add(d, (cm_step){.kind = CM_STEP_IMPORT,
                                    .sort = (uint8_t)declared.sort,
                                    .count = side->decls.count - 1,
                                    .type = declared,
                                    .name = name});
}

static bool decode_import(cm_decoder *d)
{
    return cm_import_or_export_decl(d, CM_AS_IMPORT);
}

/* An export with a type of its own: the item must be usable as that. */
static bool ascribe(cm_decoder *d, const cm_externtype *item,
                    cm_externtype *declared)
{
    cm_externtype type;
    cm_match m;
    cm_view view = {.base = d->resources.count};
    cm_env env = {&view, NULL};
    bool ok = false;
    if (!cm_read_externtype(d, &type) ||
        !cm_declare(d, CM_AS_EXPORT, &type, declared))
        return false;
    view.count = d->resources.count - view.base;
    view.slots = calloc((size_t)view.count + 1, sizeof *view.slots);
    if (!view.slots)
        return cm_no_memory(d);
    cm_match_init(&m, d->core_types);
    ok = cm_match_extern(&m, item, NULL, declared, &env) ||
         cm_invalid(d,
                    "ascribed type of export is not compatible with the "
                    "item's type: %s",
                    cm_match_why(&m));
    cm_match_finish(&m);
    free(view.slots);
    return ok;
}

static bool decode_export(cm_decoder *d)
{
    vm_name name, implements;
    cm_externtype item, declared;
    cm_arg arg;
    uint8_t has_type;
    if (!cm_read_extern_name(d, &name, &implements) ||
        !read_item(d, &arg, &item) || !cm_read_byte(d, &has_type))
        return false;
    if (has_type > 1)
        return cm_bad_byte(d, has_type, "optional component export type");
    if (!cm_check_implements(d, name, implements, item.sort) ||
        !(has_type ? ascribe(d, &item, &declared)
                   : cm_export_item(d, &item, &declared)) ||
        !cm_side_add(d, &d->scope->exports, CM_AS_EXPORT, name, &declared) ||
        !(item.sort == CM_SORT_VALUE ? cm_value_add(d, declared.value, true)
                                     : cm_space_add(d, &declared)))
        return false;
    return cm_step_add(d, (cm_step){.kind = CM_STEP_EXPORT,
                                    .sort = (uint8_t)declared.sort,
                                    .index = arg.index,
                                    .count = d->scope->exports.decls.count - 1,
                                    .type = declared,
                                    .name = name});
}

/* ---- instances --------------------------------------------------------- */

static bool instantiate(cm_decoder *d)
{
    uint32_t index, count;
    cm_externtype component, made = {.sort = CM_SORT_INSTANCE};
    if (!cm_read_u32(d, &index) ||
        !item_at(d, CM_SORT_COMPONENT, index, &component) ||
        !cm_read_count(d, &count))
        return false;
    cm_arg *args = cm_arena_alloc(d->arena, count, sizeof *args);
    cm_given *given = cm_arena_alloc(d->arena, count, sizeof *given);
    if (!args || !given)
        return cm_no_memory(d);
    for (uint32_t i = 0; i < count; i++) {
        if (!cm_read_name(d, &args[i].name) ||
            !read_item(d, &args[i], &given[i].type))
            return false;
        given[i].name = args[i].name;
    }
    cm_names *names = cm_arena_alloc(d->arena, 1, sizeof *names);
    if (!names)
        return cm_no_memory(d);
    made.instance =
        cm_instantiate_type(d, component.component, given, count, names);
    return made.instance && cm_space_add(d, &made) &&
           cm_step_add(d, (cm_step){.kind = CM_STEP_INSTANCE,
                                    .index = index,
                                    .count = count,
                                    .args = args,
                                    .arg_names = names,
                                    .type = made});
}

static bool bag(cm_decoder *d)
{
    cm_side side = {0};
    uint32_t count;
    bool ok = false;
    cm_externtype made = {.sort = CM_SORT_INSTANCE};
    if (!cm_read_count(d, &count))
        return false;
    cm_arg *args = cm_arena_alloc(d->arena, count, sizeof *args);
    if (!args)
        return cm_no_memory(d);
    for (uint32_t i = 0; i < count; i++) {
        vm_name implements;
        cm_externtype type;
        if (!cm_read_extern_name(d, &args[i].name, &implements) ||
            !read_item(d, &args[i], &type) ||
            !cm_check_implements(d, args[i].name, implements, type.sort) ||
            !cm_side_add(d, &side, CM_AS_BAG, args[i].name, &type))
            goto done;
    }
    const cm_decl *decls = CM_FREEZE(d, &side.decls);
    if (decls)
        made.instance = cm_make_interface(d, decls, count);
    ok = made.instance && cm_space_add(d, &made) &&
         cm_step_add(d, (cm_step){.kind = CM_STEP_BAG,
                                  .count = count,
                                  .args = args,
                                  .type = made});
done:
    cm_side_finish(&side);
    return ok;
}

static bool decode_instance(cm_decoder *d)
{
    uint8_t byte;
    if (!cm_read_byte(d, &byte))
        return false;
    switch (byte) {
    case 0: return instantiate(d);
    case 1: return bag(d);
    default: return cm_bad_byte(d, byte, "instance");
    }
}

/* ---- aliases ----------------------------------------------------------- */

/* Inside of types, aliases are for types and the instances they come from. */
static bool check_alias_sort(cm_decoder *d, bool allowed)
{
    return allowed || d->scope->kind == CM_IN_COMPONENT ||
           cm_invalid(d, "aliases in component and instance types may only "
                         "refer to types or instances");
}

static bool alias_export(cm_decoder *d, cm_sort sort)
{
    uint32_t index;
    vm_name name;
    cm_externtype instance;
    if (!check_alias_sort(d,
                          sort == CM_SORT_TYPE || sort == CM_SORT_INSTANCE) ||
        !cm_read_u32(d, &index) || !cm_read_name(d, &name) ||
        !item_at(d, CM_SORT_INSTANCE, index, &instance))
        return false;
    const cm_interface *iface = instance.instance;
    const cm_decl *decl = cm_interface_find(iface, name.data, name.len);
    if (!decl)
        return cm_invalid(d,
                          "instance %u has no export named `" VM_NAME_FMT "`",
                          index, VM_NAME_ARG(name));
    if (decl->type.sort != sort)
        return cm_invalid(d,
                          "export `" VM_NAME_FMT "` of instance %u is not a %s",
                          VM_NAME_ARG(name), index, space_names[sort]);
    if (!cm_space_add(d, &decl->type))
        return false;
    return sort == CM_SORT_TYPE ||
           cm_step_add(d,
                       (cm_step){.kind = CM_STEP_ALIAS_EXPORT,
                                 .sort = (uint8_t)sort,
                                 .index = index,
                                 .count = (uint32_t)(decl - iface->exports)});
}

/* The scope `count` out of the present one; *crosses: past a component. */
static const cm_builder *scope_out(cm_decoder *d, uint32_t count, bool *crosses)
{
    const cm_builder *b = d->scope;
    *crosses = false;
    for (uint32_t i = 0; i < count && b; i++) {
        *crosses |= b->kind == CM_IN_COMPONENT;
        b = b->outer;
    }
    if (!b)
        cm_invalid(d, "invalid outer alias count of %u", count);
    return b;
}

static bool outer_type(cm_decoder *d, const cm_builder *from, uint32_t index,
                       bool crosses)
{
    if (index >= from->types.count)
        return cm_out_of_bounds(d, "type", index);
    const cm_typedef type = from->types.at[index]; /* `from` may grow */
    if (crosses && cm_type_is_open(&type))
        return cm_invalid(d, "cannot alias outer type which transitively "
                             "refers to resources not defined in the current "
                             "component");
    return CM_PUSH(d, &d->scope->types, type);
}

static bool outer_step(cm_decoder *d, cm_sort sort, uint32_t count,
                       uint32_t index)
{
    return cm_step_add(d, (cm_step){.kind = CM_STEP_ALIAS_OUTER,
                                    .sort = (uint8_t)sort,
                                    .index = index,
                                    .count = count});
}

static bool alias_outer(cm_decoder *d, uint8_t sort, uint8_t core_sort)
{
    uint32_t count, index;
    bool crosses;
    bool is_core_type = sort == 0 && core_sort == 0x10;
    bool is_module = sort == 0 && core_sort == 0x11;
    if (!is_core_type && !is_module && sort != CM_SORT_TYPE &&
        sort != CM_SORT_COMPONENT) {
        d->at--; /* the byte before the target's */
        return cm_bad_byte(d, sort ? sort : core_sort,
                           "component outer alias kind");
    }
    if (!check_alias_sort(d, is_core_type || sort == CM_SORT_TYPE) ||
        !cm_read_u32(d, &count) || !cm_read_u32(d, &index))
        return false;
    const cm_builder *from = scope_out(d, count, &crosses);
    if (!from)
        return false;
    if (sort == CM_SORT_TYPE)
        return outer_type(d, from, index, crosses);
    if (sort == CM_SORT_COMPONENT) {
        if (index >= from->components.count)
            return cm_out_of_bounds(d, "component", index);
        return CM_PUSH(d, &d->scope->components, from->components.at[index]) &&
               outer_step(d, CM_SORT_COMPONENT, count, index);
    }
    if (is_module) {
        if (index >= from->modules.count)
            return cm_out_of_bounds(d, "module", index);
        return CM_PUSH(d, &d->scope->modules, from->modules.at[index]) &&
               outer_step(d, CM_SORT_CORE_MODULE, count, index);
    }
    if (index >= from->core_types.count)
        return cm_out_of_bounds(d, "core type", index);
    return CM_PUSH(d, &d->scope->core_types, from->core_types.at[index]);
}

bool cm_decode_alias(cm_decoder *d)
{
    uint8_t sort, core_sort = 0, target;
    if (!cm_read_byte(d, &sort) ||
        (sort == 0 && !cm_read_byte(d, &core_sort)) ||
        !cm_read_byte(d, &target))
        return false;
    switch (target) {
    case 0:
        if (sort > CM_SORT_INSTANCE || (sort == 0 && core_sort != 0x11))
            return cm_bad_byte(d, sort ? sort : core_sort,
                               "component external kind");
        return alias_export(d, (cm_sort)sort);
    case 1:
        if (sort != 0 || core_sort > VM_EXTERN_TAG)
            return cm_bad_byte(d, sort ? sort : core_sort,
                               "core external kind");
        return check_alias_sort(d, false) &&
               cm_decode_core_alias(d, (vm_extern_kind)core_sort);
    case 2: return alias_outer(d, sort, core_sort);
    default: return cm_bad_byte(d, target, "alias");
    }
}

/* ---- sections ---------------------------------------------------------- */

static const cm_scope *decode_component(cm_decoder *d, const uint8_t *bytes,
                                        size_t size);

static bool decode_module(cm_decoder *d)
{
    const uint8_t *bytes = d->at;
    size_t size = (size_t)(d->end - d->at);
    d->at = d->end;
    return cm_decode_core_module(d, bytes, size);
}

static bool decode_nested(cm_decoder *d)
{
    const cm_scope *scope =
        decode_component(d, d->at, (size_t)(d->end - d->at));
    return scope && CM_PUSH(d, &d->scope->components, scope->type) &&
           cm_step_add(d, (cm_step){.kind = CM_STEP_COMPONENT, .scope = scope});
}

static bool decode_custom(cm_decoder *d)
{
    vm_name name;
    if (!cm_read_name(d, &name))
        return false;
    d->at = d->end;
    return true;
}

static const struct {
    bool (*decode)(cm_decoder *d);
    bool is_vector; /* `decode` is for each element */
} sections[] = {
    {decode_custom, false},          {decode_module, false},
    {cm_decode_core_instance, true}, {cm_decode_core_type, true},
    {decode_nested, false},          {decode_instance, true},
    {cm_decode_alias, true},         {cm_decode_type, true},
    {cm_decode_canon, true},         {cm_decode_start, false},
    {decode_import, true},           {decode_export, true},
    {cm_decode_value, true},
};

static bool decode_section(cm_decoder *d, const uint8_t *end)
{
    uint8_t id;
    uint32_t size, count = 1;
    if (!cm_read_byte(d, &id))
        return false;
    if (id >= sizeof sections / sizeof *sections) {
        d->at--;
        return cm_malformed(d, "malformed section id: %u", id);
    }
    if (!cm_read_u32(d, &size))
        return false;
    if (size > (size_t)(end - d->at))
        return cm_malformed(d,
                            "unexpected end-of-file: section of %u bytes, %zu "
                            "are left",
                            size, (size_t)(end - d->at));
    d->end = d->at + size;
    if (sections[id].is_vector && !cm_read_count(d, &count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!sections[id].decode(d))
            return false;
    if (d->at != d->end)
        return cm_malformed(d, "section size mismatch: unexpected data at the "
                               "end of the section");
    d->end = end;
    return true;
}

static bool decode_preamble(cm_decoder *d)
{
    static const uint8_t magic[4] = {0, 'a', 's', 'm'};
    const uint8_t *p = d->at;
    if (d->end - p < 8)
        return cm_malformed(d, "unexpected end: a component starts with eight "
                               "bytes of preamble");
    if (memcmp(p, magic, sizeof magic) != 0)
        return cm_malformed(d, "magic header not detected: bad magic number");
    d->at += 4;
    uint32_t version = p[4] | (uint32_t)p[5] << 8;
    uint32_t layer = p[6] | (uint32_t)p[7] << 8;
    if (layer != 1)
        return cm_malformed(d,
                            "expected a version header for a component, "
                            "found layer %u and version 0x%x",
                            layer, version);
    if (version != 0x0d)
        return cm_malformed(d, "unknown binary version 0x%x, expected 0xd",
                            version);
    d->at += 4;
    return true;
}

static bool finish_scope(cm_decoder *d, cm_scope *scope)
{
    const cm_builder *b = d->scope;
    scope->type = cm_component_type(d);
    scope->nsteps = b->steps.count;
    scope->steps = CM_FREEZE(d, &b->steps);
    for (int i = 0; i < 5; i++)
        scope->counts[CM_SPACE_CORE_FUNC + i] = b->core[i].count;
    scope->counts[CM_SPACE_CORE_MODULE] = b->modules.count;
    scope->counts[CM_SPACE_CORE_INSTANCE] = b->core_instances.count;
    scope->counts[CM_SPACE_FUNC] = b->funcs.count;
    scope->counts[CM_SPACE_VALUE] = b->values.count;
    scope->counts[CM_SPACE_COMPONENT] = b->components.count;
    scope->counts[CM_SPACE_INSTANCE] = b->instances.count;
    return scope->type && scope->steps && cm_values_all_used(d);
}

/* Reads one component; the present section's end is restored. */
static const cm_scope *decode_component(cm_decoder *d, const uint8_t *bytes,
                                        size_t size)
{
    const uint8_t *end = bytes + size, *outer_end = d->end;
    cm_builder b;
    bool ok = false;
    cm_scope *scope = cm_arena_alloc(d->arena, 1, sizeof *scope);
    if (!scope)
        return cm_no_memory(d), NULL;
    scope->component = d->component;
    scope->outer = d->scope ? d->scope->scope : NULL;
    d->at = bytes;
    d->end = end;
    if (!decode_preamble(d) || !cm_scope_enter(d, &b, CM_IN_COMPONENT))
        return NULL;
    b.scope = scope;
    while (d->at < end)
        if (!decode_section(d, end))
            goto done;
    ok = finish_scope(d, scope);
    d->end = outer_end;
done:
    cm_scope_leave(d);
    return ok ? scope : NULL;
}

/* ---- loading ----------------------------------------------------------- */

bool cm_is_component(const uint8_t *bytes, size_t len)
{
    return len >= 8 && memcmp(bytes, "\0asm", 4) == 0 && bytes[6] == 1 &&
           bytes[7] == 0;
}

cm_component *cm_component_retain(cm_component *component)
{
    atomic_fetch_add(&component->refs, 1);
    return component;
}

void cm_component_release(cm_component *component)
{
    if (!component || atomic_fetch_sub(&component->refs, 1) != 1)
        return;
    for (uint32_t i = 0; i < component->nmodules; i++)
        vm_module_release(component->modules[i]);
    free(component->modules);
    cm_arena_finish(&component->arena);
    free(component);
}

vm_status cm_component_load(vm_engine *engine, const uint8_t *bytes, size_t len,
                            cm_component **out, vm_error *err)
{
    vm_error scratch = {0};
    if (!err)
        err = &scratch;
    err->text[0] = '\0';
    cm_component *c = calloc(1, sizeof *c);
    if (!c)
        return VM_NO_MEMORY;
    atomic_init(&c->refs, 1);
    c->engine = engine;
    c->bytes = bytes;
    c->size = len;
    cm_arena_init(&c->arena, CM_ARENA_LIMIT);
    cm_decoder d = {.component = c,
                    .core_types = &engine->types,
                    .arena = &c->arena,
                    .err = err,
                    .start = bytes,
                    .at = bytes,
                    .end = bytes + len};
    c->root = decode_component(&d, bytes, len);
    free(d.idents.at);
    free(d.resources.at);
    if (!c->root) {
        cm_component_release(c);
        return VM_INVALID;
    }
    *out = c;
    return VM_OK;
}

size_t cm_component_import_count(const cm_component *component)
{
    return component->root->type->nimports;
}

vm_name cm_component_import(const cm_component *component, size_t i)
{
    return component->root->type->imports[i].name;
}

size_t cm_component_export_count(const cm_component *component)
{
    return component->root->type->exports->count;
}

vm_name cm_component_export(const cm_component *component, size_t i)
{
    return component->root->type->exports->exports[i].name;
}
