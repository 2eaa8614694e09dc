/*
 * cm_subst.c - replacing resource numbers and definitions inside types, for
 * instantiation ("the actual type supplied is immediately substituted for all
 * uses of the import", Binary.md) and for giving definitions new names.
 *
 * Types are shared graphs: what mentions no key (known from its ranges) is
 * used as it is, and each node is rewritten once per substitution.  Keys are
 * numbers that belong to the scope being left, so nothing inside can bind
 * them again and no renaming of bound numbers is needed.
 */
#include "vm/cm_decode.h"

#include <string.h>

bool cm_subst_resource(cm_subst *s, uint32_t from, uint32_t to)
{
    cm_ranges key = CM_RANGES_NONE;
    key.resource_lo = key.resource_hi = from;
    cm_ranges_join(&s->keys, &key);
    return cm_map_put(&s->resources, (uint64_t)from + 1, to) ||
           cm_no_memory(s->d);
}

bool cm_subst_ident(cm_subst *s, uint32_t from, cm_typedef to)
{
    cm_ranges key = CM_RANGES_NONE;
    cm_typedef *copy = cm_arena_copy(s->d->arena, &to, sizeof to);
    key.ident_lo = key.ident_hi = from;
    cm_ranges_join(&s->keys, &key);
    return (copy && cm_map_put(&s->idents, from, (uintptr_t)copy)) ||
           cm_no_memory(s->d);
}

void cm_subst_finish(cm_subst *s)
{
    cm_map_finish(&s->resources);
    cm_map_finish(&s->idents);
    cm_map_finish(&s->memo);
}

static bool touches(const cm_subst *s, const cm_ranges *inside)
{
    return (inside->ident_lo <= s->keys.ident_hi &&
            s->keys.ident_lo <= inside->ident_hi) ||
           (inside->resource_lo <= s->keys.resource_hi &&
            s->keys.resource_lo <= inside->resource_hi);
}

static const cm_typedef *ident_of(const cm_subst *s, uint32_t ident)
{
    uint64_t value;
    return cm_map_get(&s->idents, ident, &value)
               ? (const cm_typedef *)(uintptr_t)value
               : NULL;
}

static uint32_t resource_of(const cm_subst *s, uint32_t number)
{
    uint64_t value;
    return cm_map_get(&s->resources, (uint64_t)number + 1, &value)
               ? (uint32_t)value
               : number;
}

/* ---- value types ------------------------------------------------------- */

static const cm_type *rebuild(cm_subst *s, const cm_type *t)
{
    const char *why;
    cm_type_spec spec = {.kind = (cm_kind)t->kind,
                         .count = t->count,
                         .ident = t->ident,
                         .resource = t->resource};
    if (t->kind == CM_OWN || t->kind == CM_BORROW) {
        const cm_typedef *to = ident_of(s, t->ident);
        spec.resource = resource_of(s, t->resource);
        if (to) {
            spec.ident = to->ident;
            spec.resource = to->resource;
        }
    }
    if (t->elem && t->kind != CM_MAP) {
        spec.elem = cm_subst_type(s, t->elem);
        if (!spec.elem)
            return NULL;
    }
    const cm_type *source = t->kind == CM_MAP ? t->elem : t;
    if (source->fields) {
        spec.count = source->count;
        spec.fields = cm_arena_copy(s->d->arena, source->fields,
                                    source->count * sizeof *source->fields);
        if (!spec.fields)
            return cm_no_memory(s->d), NULL;
        for (uint32_t i = 0; i < source->count; i++)
            if (spec.fields[i].type &&
                !(spec.fields[i].type = cm_subst_type(s, spec.fields[i].type)))
                return NULL;
    }
    const cm_type *made = cm_type_create(s->d->arena, &spec, &why);
    if (!made && why)
        cm_invalid(s->d, "%s", why);
    else if (!made)
        cm_no_memory(s->d);
    return made;
}

const cm_type *cm_subst_type(cm_subst *s, const cm_type *t)
{
    uint64_t known;
    if (!touches(s, &t->inside))
        return t;
    /* First: a definition may become a key after it was rewritten itself. */
    const cm_typedef *to = ident_of(s, t->ident);
    if (to && to->kind == CM_DEF_VALUE)
        return to->value;
    if (cm_map_get(&s->memo, (uintptr_t)t, &known))
        return (const cm_type *)(uintptr_t)known;
    const cm_type *made = rebuild(s, t);
    if (made && !cm_map_put(&s->memo, (uintptr_t)t, (uintptr_t)made))
        return cm_no_memory(s->d), NULL;
    return made;
}

/* ---- everything else --------------------------------------------------- */

static const cm_functype *subst_func(cm_subst *s, const cm_functype *f)
{
    cm_ranges inside = CM_RANGES_NONE;
    cm_ranges_extern(&inside,
                     &(cm_externtype){.sort = CM_SORT_FUNC, .func = f});
    if (!touches(s, &inside))
        return f;
    const char *why;
    const cm_type *p = f->params;
    cm_functype *made = cm_arena_alloc(s->d->arena, 1, sizeof *made);
    cm_field *fields =
        cm_arena_copy(s->d->arena, p->fields, p->count * sizeof *p->fields);
    if (!made || !fields)
        return cm_no_memory(s->d), NULL;
    for (uint32_t i = 0; i < p->count; i++)
        if (!(fields[i].type = cm_subst_type(s, fields[i].type)))
            return NULL;
    made->is_async = f->is_async;
    made->params = cm_type_params(s->d->arena, fields, p->count, &why);
    if (!made->params)
        return cm_no_memory(s->d), NULL;
    if (f->result && !(made->result = cm_subst_type(s, f->result)))
        return NULL;
    return made;
}

static bool subst_def(cm_subst *s, const cm_typedef *def, cm_typedef *out);

static const cm_decl *subst_decls(cm_subst *s, const cm_decl *decls,
                                  uint32_t count)
{
    cm_decl *made =
        cm_arena_copy(s->d->arena, decls, (size_t)count * sizeof *made);
    if (!made)
        return cm_no_memory(s->d), NULL;
    for (uint32_t i = 0; i < count; i++)
        if (!cm_subst_extern(s, &decls[i].type, &made[i].type))
            return NULL;
    return made;
}

const cm_interface *cm_subst_interface(cm_subst *s, const cm_interface *iface)
{
    if (!touches(s, &iface->inside))
        return iface;
    const cm_decl *decls = subst_decls(s, iface->exports, iface->count);
    cm_interface *made = cm_arena_copy(s->d->arena, iface, sizeof *iface);
    if (!decls || !made)
        return cm_no_memory(s->d), NULL;
    made->exports = decls;
    made->inside = CM_RANGES_NONE;
    for (uint32_t i = 0; i < made->count; i++)
        cm_ranges_extern(&made->inside, &decls[i].type);
    return made;
}

static const cm_componenttype *subst_component(cm_subst *s,
                                               const cm_componenttype *c)
{
    if (!touches(s, &c->inside))
        return c;
    cm_componenttype *made = cm_arena_copy(s->d->arena, c, sizeof *c);
    if (!made)
        return cm_no_memory(s->d), NULL;
    made->imports = subst_decls(s, c->imports, c->nimports);
    made->exports = cm_subst_interface(s, c->exports);
    if (!made->imports || !made->exports)
        return NULL;
    made->inside = made->exports->inside;
    for (uint32_t i = 0; i < made->nimports; i++)
        cm_ranges_extern(&made->inside, &made->imports[i].type);
    return made;
}

static bool subst_def(cm_subst *s, const cm_typedef *def, cm_typedef *out)
{
    const cm_typedef *to;
    *out = *def;
    switch (def->kind) {
    case CM_DEF_VALUE:
        return (out->value = cm_subst_type(s, def->value)) != NULL;
    case CM_DEF_RESOURCE:
        to = ident_of(s, def->ident);
        out->resource = resource_of(s, def->resource);
        if (to)
            *out = *to;
        return true;
    case CM_DEF_FUNC: return (out->func = subst_func(s, def->func)) != NULL;
    case CM_DEF_INSTANCE:
        return (out->instance = cm_subst_interface(s, def->instance)) != NULL;
    case CM_DEF_COMPONENT:
        return (out->component = subst_component(s, def->component)) != NULL;
    }
    return false;
}

bool cm_subst_extern(cm_subst *s, const cm_externtype *type, cm_externtype *out)
{
    *out = *type;
    switch (type->sort) {
    case CM_SORT_FUNC: return (out->func = subst_func(s, type->func)) != NULL;
    case CM_SORT_VALUE:
        return (out->value = cm_subst_type(s, type->value)) != NULL;
    case CM_SORT_TYPE: return subst_def(s, &type->type, &out->type);
    case CM_SORT_INSTANCE:
        return (out->instance = cm_subst_interface(s, type->instance)) != NULL;
    case CM_SORT_COMPONENT:
        return (out->component = subst_component(s, type->component)) != NULL;
    case CM_SORT_CORE_MODULE: return true;
    }
    return false;
}

/* ---- ranges and weights ------------------------------------------------ */

static void ranges_func(cm_ranges *to, const cm_functype *f)
{
    cm_ranges_join(to, &f->params->inside);
    if (f->result)
        cm_ranges_join(to, &f->result->inside);
}

static void ranges_def(cm_ranges *to, const cm_typedef *def)
{
    cm_ranges one = CM_RANGES_NONE;
    switch (def->kind) {
    case CM_DEF_VALUE: one = def->value->inside; break;
    case CM_DEF_RESOURCE:
        one.resource_lo = one.resource_hi = def->resource;
        if (def->ident)
            one.ident_lo = one.ident_hi = def->ident;
        break;
    case CM_DEF_FUNC: ranges_func(&one, def->func); break;
    case CM_DEF_INSTANCE: one = def->instance->inside; break;
    case CM_DEF_COMPONENT: one = def->component->inside; break;
    }
    cm_ranges_join(to, &one);
}

void cm_ranges_extern(cm_ranges *to, const cm_externtype *type)
{
    switch (type->sort) {
    case CM_SORT_FUNC: ranges_func(to, type->func); break;
    case CM_SORT_VALUE: cm_ranges_join(to, &type->value->inside); break;
    case CM_SORT_TYPE: ranges_def(to, &type->type); break;
    case CM_SORT_INSTANCE: cm_ranges_join(to, &type->instance->inside); break;
    case CM_SORT_COMPONENT: cm_ranges_join(to, &type->component->inside); break;
    case CM_SORT_CORE_MODULE: break;
    }
}

static uint32_t weight_func(const cm_functype *f)
{
    return f->params->weight + (f->result ? f->result->weight : 0);
}

uint32_t cm_weight_extern(const cm_externtype *type)
{
    switch (type->sort) {
    case CM_SORT_FUNC: return weight_func(type->func);
    case CM_SORT_VALUE: return type->value->weight;
    case CM_SORT_INSTANCE: return type->instance->weight;
    case CM_SORT_COMPONENT: return type->component->weight;
    case CM_SORT_CORE_MODULE:
        return 1 + (uint32_t)(type->module->nimports + type->module->nexports);
    case CM_SORT_TYPE: break;
    }
    switch (type->type.kind) {
    case CM_DEF_VALUE: return type->type.value->weight;
    case CM_DEF_RESOURCE: return 1;
    case CM_DEF_FUNC: return weight_func(type->type.func);
    case CM_DEF_INSTANCE: return type->type.instance->weight;
    case CM_DEF_COMPONENT: return type->type.component->weight;
    }
    return 1;
}

uint32_t cm_depth_extern(const cm_externtype *type)
{
    bool is_type = type->sort == CM_SORT_TYPE;
    if (type->sort == CM_SORT_INSTANCE)
        return type->instance->depth;
    if (type->sort == CM_SORT_COMPONENT)
        return type->component->depth;
    if (is_type && type->type.kind == CM_DEF_INSTANCE)
        return type->type.instance->depth;
    if (is_type && type->type.kind == CM_DEF_COMPONENT)
        return type->type.component->depth;
    return 0;
}

/* A resource outside of what the type itself binds. */
bool cm_type_is_open(const cm_typedef *type)
{
    cm_ranges r = CM_RANGES_NONE;
    uint32_t base = 0, nbound = 0;
    ranges_def(&r, type);
    if (r.resource_lo > r.resource_hi)
        return false;
    if (type->kind == CM_DEF_INSTANCE)
        base = type->instance->base, nbound = type->instance->nbound;
    if (type->kind == CM_DEF_COMPONENT)
        base = type->component->base, nbound = type->component->nbound;
    return r.resource_lo < base || r.resource_hi >= base + nbound;
}
