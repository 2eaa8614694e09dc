/*
 * cm_visible.c - importing and exporting: what gets an external name, what must
 * have one, and what an instance or a component looks like from outside.
 * Explainer.md "External Visibility of Types"; Binary.md "Import and Export
 * Definitions".
 *
 * Every definition of a record, variant, enum or flags, and every name of a
 * resource, is an `ident`.  Importing or exporting a type makes a new ident
 * that has a name in the present scope; a type may be used in an import or
 * export when all idents in it have one.
 */
#include "vm/cm_decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names of definitions ---------------------------------------------- */

bool cm_new_ident(cm_decoder *d, uint32_t *out)
{
    if (d->idents.count == 0 && !CM_PUSH(d, &d->idents, (cm_ident_info){0}))
        return false;
    *out = d->idents.count;
    return CM_PUSH(d, &d->idents, (cm_ident_info){0});
}

bool cm_new_resource(cm_decoder *d, uint32_t *out)
{
    *out = d->resources.count;
    return CM_PUSH(d, &d->resources, (cm_resource_info){0});
}

static void name(cm_decoder *d, cm_level level, uint32_t ident)
{
    if (ident)
        d->idents.at[ident] =
            (cm_ident_info){d->scope->serial, level == CM_AS_IMPORT};
}

static bool is_named(const cm_decoder *d, cm_level level, uint32_t ident)
{
    const cm_ident_info *info = &d->idents.at[ident];
    return info->serial == d->scope->serial &&
           (level != CM_AS_IMPORT || info->imported);
}

/* ---- may it be seen? --------------------------------------------------- */

static bool visible(cm_decoder *d, cm_level level, const cm_type *t);

static bool parts_visible(cm_decoder *d, cm_level level, const cm_type *t)
{
    if (t->elem && !visible(d, level, t->elem))
        return false;
    for (uint32_t i = 0; t->fields && i < t->count; i++)
        if (t->fields[i].type && !visible(d, level, t->fields[i].type))
            return false;
    return true;
}

static bool visible(cm_decoder *d, cm_level level, const cm_type *t)
{
    if (t->inside.ident_lo > t->inside.ident_hi)
        return true;
    uint32_t as_import = d->scope->serial * 2 + 1;
    uint32_t key = level == CM_AS_IMPORT ? as_import : as_import - 1;
    if (t->visible_in == key || t->visible_in == as_import)
        return true;
    /* What has a name had its parts checked when it got it. */
    if (t->ident ? !is_named(d, level, t->ident) : !parts_visible(d, level, t))
        return false;
    ((cm_type *)t)->visible_in = key; /* never a static primitive: see above */
    return true;
}

static bool func_visible(cm_decoder *d, cm_level level, const cm_functype *f)
{
    return visible(d, level, f->params) &&
           (!f->result || visible(d, level, f->result));
}

static bool type_visible(cm_decoder *d, cm_level level, const cm_typedef *t);

/* An instance type gives names to what it exports as it goes. */
static bool interface_visible(cm_decoder *d, cm_level level,
                              const cm_interface *iface)
{
    for (uint32_t i = 0; i < iface->count; i++) {
        const cm_externtype *type = &iface->exports[i].type;
        bool ok = true;
        if (type->sort == CM_SORT_FUNC)
            ok = func_visible(d, level, type->func);
        else if (type->sort == CM_SORT_INSTANCE)
            ok = interface_visible(d, level, type->instance);
        else if (type->sort == CM_SORT_TYPE)
            ok = type_visible(d, level, &type->type);
        if (!ok)
            return false;
        if (type->sort != CM_SORT_TYPE)
            continue;
        if (type->type.kind == CM_DEF_RESOURCE)
            name(d, level, type->type.ident);
        if (type->type.kind == CM_DEF_VALUE)
            name(d, level, type->type.value->ident);
    }
    return true;
}

static bool type_visible(cm_decoder *d, cm_level level, const cm_typedef *t)
{
    switch (t->kind) {
    case CM_DEF_VALUE: return parts_visible(d, level, t->value);
    case CM_DEF_FUNC: return func_visible(d, level, t->func);
    case CM_DEF_INSTANCE: return interface_visible(d, level, t->instance);
    case CM_DEF_RESOURCE:
    case CM_DEF_COMPONENT: break; /* closed, and checked at its definition */
    }
    return true;
}

/* Instance types are checked when they are imported or exported. */
static bool need(cm_decoder *d, cm_level level, bool ok, const char *what)
{
    return ok || d->scope->kind == CM_IN_INSTANCE_TYPE ||
           cm_invalid(d,
                      "%s not valid to be used as %s: a type it mentions has "
                      "no name here; %s the type first",
                      what, level == CM_AS_IMPORT ? "import" : "export",
                      level == CM_AS_IMPORT ? "import" : "export");
}

/* ---- opening ----------------------------------------------------------- */

/* A type under its new name. */
static bool rename_type(cm_decoder *d, cm_level level, cm_typedef *t)
{
    uint32_t ident;
    if (t->kind == CM_DEF_RESOURCE) {
        if (!cm_new_ident(d, &ident))
            return false;
        t->ident = ident;
        name(d, level, ident);
    } else if (t->kind == CM_DEF_VALUE && t->value->ident) {
        cm_type *copy = cm_freeze(d, t->value, sizeof *t->value);
        if (!copy || !cm_new_ident(d, &ident))
            return false;
        cm_ranges_join(&copy->inside,
                       &(cm_ranges){ident, ident, UINT32_MAX, 0});
        copy->ident = ident;
        copy->visible_in = 0;
        t->value = copy;
        name(d, level, ident);
    }
    return true;
}

/* (sub resource): a new resource type. */
static bool new_resource(cm_decoder *d, cm_level level, cm_typedef *t)
{
    if (!cm_new_resource(d, &t->resource))
        return false;
    if (level == CM_AS_IMPORT)
        d->resources.at[t->resource].bound = d->scope->serial;
    t->kind = CM_DEF_RESOURCE;
    return rename_type(d, level, t);
}

static const cm_interface *open_interface(cm_subst *s, cm_level level,
                                          const cm_interface *iface);

static bool open_type(cm_subst *s, cm_level level, const cm_externtype *type,
                      cm_externtype *out)
{
    cm_decoder *d = s->d;
    if (!cm_subst_extern(s, type, out) ||
        !need(d, level, type_visible(d, level, &out->type), "instance"))
        return false;
    uint32_t ident = type->type.kind == CM_DEF_RESOURCE ? type->type.ident
                     : type->type.kind == CM_DEF_VALUE ? type->type.value->ident
                                                       : 0;
    if (type->fresh) {
        if (!new_resource(d, level, &out->type) ||
            !cm_subst_resource(s, type->type.resource, out->type.resource))
            return false;
    } else if (!rename_type(d, level, &out->type)) {
        return false;
    }
    return !ident || cm_subst_ident(s, ident, out->type);
}

static bool open_item(cm_subst *s, cm_level level, const cm_externtype *type,
                      cm_externtype *out)
{
    switch (type->sort) {
    case CM_SORT_TYPE: return open_type(s, level, type, out);
    case CM_SORT_INSTANCE:
        *out = *type;
        return (out->instance = open_interface(s, level, type->instance)) !=
               NULL;
    case CM_SORT_FUNC:
        return cm_subst_extern(s, type, out) &&
               need(s->d, level, func_visible(s->d, level, out->func),
                    "instance");
    default: return cm_subst_extern(s, type, out);
    }
}

static const cm_interface *open_interface(cm_subst *s, cm_level level,
                                          const cm_interface *iface)
{
    cm_interface *made = cm_freeze(s->d, iface, sizeof *iface);
    cm_decl *decls = cm_freeze(s->d, iface->exports,
                               (size_t)iface->count * sizeof *iface->exports);
    if (!made || !decls)
        return NULL;
    made->exports = decls;
    made->inside = CM_RANGES_NONE;
    for (uint32_t i = 0; i < made->count; i++) {
        if (!open_item(s, level, &iface->exports[i].type, &decls[i].type))
            return NULL;
        cm_ranges_extern(&made->inside, &decls[i].type);
    }
    return made;
}

bool cm_export_item(cm_decoder *d, const cm_externtype *item,
                    cm_externtype *out)
{
    if (item->sort != CM_SORT_INSTANCE)
        return cm_declare(d, CM_AS_EXPORT, item, out);
    *out = *item;
    return cm_work(d, item->instance->weight) &&
           need(d, CM_AS_EXPORT,
                interface_visible(d, CM_AS_EXPORT, item->instance), "instance");
}

bool cm_declare(cm_decoder *d, cm_level level, const cm_externtype *type,
                cm_externtype *out)
{
    cm_subst s = {.d = d, .keys = CM_RANGES_NONE};
    *out = *type;
    if (!cm_work(d, cm_weight_extern(type)))
        return false;
    switch (type->sort) {
    case CM_SORT_FUNC:
        return need(d, level, func_visible(d, level, type->func), "func");
    case CM_SORT_TYPE:
        if (type->fresh)
            return new_resource(d, level, &out->type);
        return need(d, level, type_visible(d, level, &type->type), "type") &&
               rename_type(d, level, &out->type);
    case CM_SORT_INSTANCE:
        out->instance = open_interface(&s, level, type->instance);
        cm_subst_finish(&s);
        return out->instance != NULL;
    case CM_SORT_VALUE:
        return need(d, level, visible(d, level, type->value), "value");
    case CM_SORT_COMPONENT:
    case CM_SORT_CORE_MODULE: break;
    }
    return true;
}

/* ---- annotated names --------------------------------------------------- */

/* The handle must be of the resource called `wanted` on this side. */
static bool check_resource_name(cm_decoder *d, const cm_side *side,
                                const cm_type *handle, vm_name wanted)
{
    uint64_t position;
    if (!cm_map_get(&side->resources, handle->ident, &position))
        return cm_invalid(d, "resource used in function does not have a name "
                             "in this context");
    vm_name found = side->decls.at[position - 1].name;
    return vm_name_equal(found, wanted) ||
           cm_invalid(d,
                      "function does not match expected resource name "
                      "`" VM_NAME_FMT "`",
                      VM_NAME_ARG(found));
}

static bool check_constructor(cm_decoder *d, const cm_side *side,
                              const cm_extern_name *n, const cm_functype *f)
{
    const cm_type *r = f->result;
    if (!r)
        return cm_invalid(d, "function should return one value");
    if (r->kind == CM_RESULT)
        r = r->fields[0].type;
    if (!r || r->kind != CM_OWN)
        return cm_invalid(d, "function should return `(own $T)` or `(result "
                             "(own $T))`");
    return check_resource_name(d, side, r, n->resource);
}

static bool check_method(cm_decoder *d, const cm_side *side,
                         const cm_extern_name *n, const cm_functype *f)
{
    if (f->params->count == 0)
        return cm_invalid(d, "function should have at least one argument");
    const cm_field *self = &f->params->fields[0];
    if (!vm_name_equal(self->name, (vm_name){"self", 4}))
        return cm_invalid(d, "function should have a first argument called "
                             "`self`");
    if (self->type->kind != CM_BORROW)
        return cm_invalid(d, "function should take a first argument of "
                             "`(borrow $T)`");
    return check_resource_name(d, side, self->type, n->resource);
}

static bool check_static(cm_decoder *d, const cm_side *side,
                         const cm_extern_name *n, const cm_functype *f)
{
    uint32_t at = cm_nameset_find(&side->names, n->resource);
    if (at < side->decls.count) {
        const cm_externtype *type = &side->decls.at[at].type;
        if (type->sort == CM_SORT_TYPE && type->type.kind == CM_DEF_RESOURCE)
            return true;
    }
    return cm_invalid(d, "static resource name is not known in this context");
}

static bool check_annotated(cm_decoder *d, const cm_side *side, vm_name text,
                            const cm_extern_name *n, const cm_externtype *type)
{
    static bool (*const checks[])(cm_decoder *, const cm_side *,
                                  const cm_extern_name *,
                                  const cm_functype *) = {
        [CM_NAME_CONSTRUCTOR] = check_constructor,
        [CM_NAME_METHOD] = check_method,
        [CM_NAME_STATIC] = check_static,
        [CM_NAME_INTERFACE] = NULL,
    };
    if (!checks[n->kind])
        return true;
    if (type->sort != CM_SORT_FUNC)
        return cm_invalid(d, "item with name `" VM_NAME_FMT "` is not a func",
                          VM_NAME_ARG(text));
    return checks[n->kind](d, side, n, type->func);
}

bool cm_side_add(cm_decoder *d, cm_side *side, cm_level level, vm_name text,
                 const cm_externtype *type)
{
    const char *side_name = level == CM_AS_IMPORT ? "import" : "export";
    cm_extern_name n;
    vm_name previous;
    char why[240];
    if (!cm_name_parse(text, &n, why, sizeof why))
        return cm_invalid(d, "%s name %s", side_name, why);
    if (!check_annotated(d, side, text, &n, type))
        return false;
    switch (cm_nameset_add(&side->names, text, true, &previous)) {
    case CM_NAMESET_ADDED: break;
    case CM_NAMESET_NO_MEMORY: return cm_no_memory(d);
    case CM_NAMESET_CONFLICT:
        return cm_invalid(d,
                          "%s name `" VM_NAME_FMT "` conflicts with previous "
                          "name `" VM_NAME_FMT "`",
                          side_name, VM_NAME_ARG(text), VM_NAME_ARG(previous));
    }
    if (!CM_PUSH(d, &side->decls, (cm_decl){text, *type}))
        return false;
    if (level == CM_AS_BAG || type->sort != CM_SORT_TYPE ||
        type->type.kind != CM_DEF_RESOURCE)
        return true;
    return cm_map_put(&side->resources, type->type.ident, side->decls.count) ||
           cm_no_memory(d);
}

void cm_side_finish(cm_side *side)
{
    free(side->decls.at);
    cm_nameset_finish(&side->names);
    cm_map_finish(&side->resources);
}

/* ---- the type of a component ------------------------------------------- */

/* How much there is in a list of declarations. */
typedef struct extent {
    uint64_t weight;
    uint32_t depth;
    cm_ranges inside;
} extent;

static void extent_add(extent *e, const cm_externtype *type)
{
    uint32_t depth = cm_depth_extern(type);
    e->weight += cm_weight_extern(type);
    if (depth > e->depth)
        e->depth = depth;
    cm_ranges_extern(&e->inside, type);
}

static bool extent_check(cm_decoder *d, const extent *e, uint32_t *weight)
{
    *weight = (uint32_t)e->weight;
    if (e->weight > CM_MAX_TYPE_WEIGHT)
        return cm_invalid(d, "effective type size exceeds the limit of %u",
                          CM_MAX_TYPE_WEIGHT);
    return e->depth < CM_MAX_DEPTH ||
           cm_invalid(d, "instance types nest deeper than the limit of %u",
                      CM_MAX_DEPTH);
}

bool cm_work(cm_decoder *d, uint32_t weight)
{
    d->work += weight;
    return d->work <= CM_MAX_WORK ||
           cm_invalid(d,
                      "the component's types are too complex: checking "
                      "them takes more than %llu steps",
                      (unsigned long long)CM_MAX_WORK);
}

const cm_interface *cm_make_interface(cm_decoder *d, const cm_decl *decls,
                                      uint32_t count)
{
    cm_interface *iface =
        (cm_interface *)cm_interface_create(d->arena, decls, count);
    if (!iface)
        return cm_no_memory(d), NULL;
    extent all = {.weight = 1, .inside = CM_RANGES_NONE};
    for (uint32_t i = 0; i < count; i++)
        extent_add(&all, &decls[i].type);
    iface->inside = all.inside;
    iface->depth = all.depth + 1;
    return extent_check(d, &all, &iface->weight) ? iface : NULL;
}

/*
 * Seen from outside, the first export that mentions a resource type which is
 * not imported binds it; the rest are equal to it.
 */
static bool bind_export(cm_decoder *d, cm_externtype *type)
{
    if (type->sort == CM_SORT_TYPE && type->type.kind == CM_DEF_RESOURCE) {
        uint32_t *bound = &d->resources.at[type->type.resource].bound;
        type->fresh = *bound != d->scope->serial;
        *bound = d->scope->serial;
    }
    if (type->sort != CM_SORT_INSTANCE ||
        type->instance->inside.resource_lo > type->instance->inside.resource_hi)
        return true;
    cm_interface *copy = cm_freeze(d, type->instance, sizeof *type->instance);
    if (!copy)
        return false;
    cm_decl *decls =
        cm_freeze(d, copy->exports, (size_t)copy->count * sizeof *decls);
    if (!decls)
        return false;
    for (uint32_t i = 0; i < copy->count; i++)
        if (!bind_export(d, &decls[i].type))
            return false;
    copy->exports = decls;
    type->instance = copy;
    return true;
}

const cm_componenttype *cm_component_type(cm_decoder *d)
{
    cm_builder *b = d->scope;
    cm_componenttype *type = cm_arena_alloc(d->arena, 1, sizeof *type);
    if (!type)
        return cm_no_memory(d), NULL;
    for (uint32_t i = 0;
         b->kind == CM_IN_COMPONENT && i < b->exports.decls.count; i++)
        if (!bind_export(d, &b->exports.decls.at[i].type))
            return NULL;
    const cm_decl *exports = CM_FREEZE(d, &b->exports.decls);
    if (!exports)
        return NULL;
    type->nimports = b->imports.decls.count;
    type->imports = CM_FREEZE(d, &b->imports.decls);
    type->exports = cm_make_interface(d, exports, b->exports.decls.count);
    if (!type->imports || !type->exports)
        return NULL;
    type->base = b->base;
    type->nbound = d->resources.count - b->base;
    extent all = {type->exports->weight, type->exports->depth,
                  type->exports->inside};
    for (uint32_t i = 0; i < type->nimports; i++)
        extent_add(&all, &type->imports[i].type);
    type->inside = all.inside;
    type->depth = all.depth + 1;
    return extent_check(d, &all, &type->weight) ? type : NULL;
}

/* ---- instantiation, as types ------------------------------------------- */

static const cm_given *find_given(const cm_names *index, const cm_given *given,
                                  uint32_t count, vm_name wanted)
{
    uint32_t i = CM_NAME_NONE;
    if (count)
        i = cm_names_find(index, &given[0].name, sizeof *given, wanted.data,
                          wanted.len);
    return i == CM_NAME_NONE ? NULL : &given[i];
}

static bool index_given(cm_decoder *d, const cm_given *given, uint32_t count,
                        cm_names *index)
{
    if (!count)
        return true;
    if (!cm_names_build(d->arena, index, &given[0].name, sizeof *given, count))
        return cm_no_memory(d);
    for (uint32_t i = 0; i < count; i++)
        if (find_given(index, given, count, given[i].name) != &given[i])
            return cm_invalid(d,
                              "instantiation argument `" VM_NAME_FMT
                              "` conflicts with previous argument "
                              "`" VM_NAME_FMT "`",
                              VM_NAME_ARG(given[i].name),
                              VM_NAME_ARG(given[i].name));
    return true;
}

/* Exports that bind a resource type make a new one for each instance. */
static bool renew_fresh(cm_subst *s, const cm_interface *iface)
{
    for (uint32_t i = 0; i < iface->count; i++) {
        const cm_externtype *type = &iface->exports[i].type;
        uint32_t number;
        if (type->sort == CM_SORT_INSTANCE && !renew_fresh(s, type->instance))
            return false;
        if (type->sort == CM_SORT_TYPE && type->fresh &&
            (!cm_new_resource(s->d, &number) ||
             !cm_subst_resource(s, type->type.resource, number)))
            return false;
    }
    return true;
}

static bool match_given(cm_decoder *d, cm_match *m, const cm_view *view,
                        const cm_componenttype *type, const cm_given *given,
                        uint32_t count, cm_names *names)
{
    cm_env super_env = {view, NULL};
    if (!index_given(d, given, count, names))
        return false;
    for (uint32_t i = 0; i < type->nimports; i++) {
        const cm_decl *want = &type->imports[i];
        const cm_given *have = find_given(names, given, count, want->name);
        if (!have)
            return cm_invalid(d, "missing import named `" VM_NAME_FMT "`",
                              VM_NAME_ARG(want->name));
        m->top = true;
        if (!cm_match_extern(m, &have->type, NULL, &want->type, &super_env))
            return cm_invalid(d,
                              "type mismatch for import `" VM_NAME_FMT "`: %s",
                              VM_NAME_ARG(want->name), cm_match_why(m));
    }
    return true;
}

const cm_interface *cm_instantiate_type(cm_decoder *d,
                                        const cm_componenttype *type,
                                        const cm_given *given, uint32_t count,
                                        cm_names *names)
{
    const cm_interface *made = NULL;
    cm_subst s = {.d = d, .keys = CM_RANGES_NONE};
    cm_view view = {type->base, type->nbound, NULL};
    cm_match m;
    cm_match_init(&m, d->core_types);
    m.want_pairs = true;
    if (!cm_work(d, type->weight + type->nbound / 16))
        goto done;
    view.slots = calloc((size_t)type->nbound + 1, sizeof *view.slots);
    if (!view.slots) {
        cm_no_memory(d);
        goto done;
    }
    if (!match_given(d, &m, &view, type, given, count, names))
        goto done;
    for (uint32_t i = 0; i < view.count; i++)
        if (view.slots[i] &&
            !cm_subst_resource(&s, view.base + i,
                               (uint32_t)((uintptr_t)view.slots[i] - 1)))
            goto done;
    for (uint32_t i = 0; i < m.npairs; i++)
        if (!cm_subst_ident(&s, m.pairs[i].ident, m.pairs[i].with))
            goto done;
    if (renew_fresh(&s, type->exports))
        made = cm_subst_interface(&s, type->exports);
done:
    free(view.slots);
    cm_match_finish(&m);
    cm_subst_finish(&s);
    return made;
}
