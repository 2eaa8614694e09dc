/*
 * cm_match.c - type checking between what is imported and what is given.
 * Subtyping is structural: instances may offer more, components may ask for
 * less, value types must be equal; resource types are compared by identity.
 * Binary.md "instantiate", Explainer.md "Type Checking".
 */
#include "vm/cm_match.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_IMPORT_PAIRS 10000000u

/* ---- reasons ----------------------------------------------------------- */

void cm_match_init(cm_match *m, const vm_types *types)
{
    *m = (cm_match){.types = types, .used = sizeof m->why - 1, .top = true};
}

void cm_match_finish(cm_match *m)
{
    free(m->pairs);
}

const char *cm_match_why(const cm_match *m)
{
    return m->why + m->used;
}

/* Puts a text before what is there; what does not fit is left out. */
static void prepend(cm_match *m, const char *text)
{
    size_t len = strlen(text);
    if (len > m->used)
        return;
    m->used -= len;
    memcpy(m->why + m->used, text, len);
}

static bool differ(cm_match *m, const char *fmt, ...) VM_PRINTF(2, 3);
static bool differ(cm_match *m, const char *fmt, ...)
{
    char text[120];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    prepend(m, text);
    return false;
}

/* Adds where a reason that has been given applies. */
static bool within(cm_match *m, const char *fmt, ...) VM_PRINTF(2, 3);
static bool within(cm_match *m, const char *fmt, ...)
{
    char text[120];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    prepend(m, ": ");
    prepend(m, text);
    return false;
}

/* ---- resources --------------------------------------------------------- */

/* The slot of a number, or NULL when it stands for itself. */
static cm_resource **slot_of(const cm_env *env, uint32_t number)
{
    for (; env; env = env->outer)
        if (env->view && env->view->slots && number >= env->view->base &&
            number - env->view->base < env->view->count)
            return &env->view->slots[number - env->view->base];
    return NULL;
}

static cm_token token_of(const cm_env *env, uint32_t number)
{
    cm_resource **slot = slot_of(env, number);
    return slot && *slot ? (cm_token)*slot : (cm_token)((uintptr_t)number + 1);
}

static bool pair_add(cm_match *m, uint32_t ident, cm_typedef with)
{
    if (!m->want_pairs || !ident)
        return true;
    if (m->npairs == m->pairs_room) {
        uint32_t room = m->pairs_room ? m->pairs_room * 2 : 16;
        cm_pair *pairs = realloc(m->pairs, room * sizeof *pairs);
        if (!pairs) {
            m->no_memory = true;
            return differ(m, "out of memory");
        }
        m->pairs = pairs;
        m->pairs_room = room;
    }
    m->pairs[m->npairs++] = (cm_pair){ident, with};
    return true;
}

/* ---- value types ------------------------------------------------------- */

typedef struct sides {
    const cm_env *sub, *super;
} sides;

static bool match_value(cm_match *m, const cm_type *sub, const cm_type *super,
                        const sides *s);

static bool match_part(cm_match *m, const cm_type *sub, const cm_type *super,
                       const sides *s)
{
    m->top = false;
    return match_value(m, sub, super, s);
}

static bool match_fields(cm_match *m, const cm_type *sub, const cm_type *super,
                         const sides *s)
{
    if (sub->count != super->count)
        return differ(m, "expected %u fields, found %u", super->count,
                      sub->count);
    for (uint32_t i = 0; i < super->count; i++) {
        const cm_field *a = &sub->fields[i], *b = &super->fields[i];
        if (!vm_name_equal(a->name, b->name))
            return differ(m,
                          "expected field name `" VM_NAME_FMT
                          "`, found `" VM_NAME_FMT "`",
                          VM_NAME_ARG(b->name), VM_NAME_ARG(a->name));
        if (!match_part(m, a->type, b->type, s))
            return within(m, "type mismatch in record field `" VM_NAME_FMT "`",
                          VM_NAME_ARG(b->name));
    }
    return true;
}

static bool match_tuple(cm_match *m, const cm_type *sub, const cm_type *super,
                        const sides *s)
{
    if (sub->count != super->count)
        return differ(m, "expected %u types, found %u", super->count,
                      sub->count);
    for (uint32_t i = 0; i < super->count; i++)
        if (!match_part(m, sub->fields[i].type, super->fields[i].type, s))
            return within(m, "type mismatch in tuple field %u", i);
    return true;
}

static bool match_cases(cm_match *m, const cm_type *sub, const cm_type *super,
                        const sides *s)
{
    if (sub->count != super->count)
        return differ(m, "expected %u cases, found %u", super->count,
                      sub->count);
    for (uint32_t i = 0; i < super->count; i++) {
        const cm_field *a = &sub->fields[i], *b = &super->fields[i];
        vm_name name = b->name;
        if (!vm_name_equal(a->name, name))
            return differ(m,
                          "expected case named `" VM_NAME_FMT
                          "`, found `" VM_NAME_FMT "`",
                          VM_NAME_ARG(name), VM_NAME_ARG(a->name));
        if (b->type && !a->type)
            return differ(
                m, "expected case `" VM_NAME_FMT "` to have a type, found none",
                VM_NAME_ARG(name));
        if (a->type && !b->type)
            return differ(m, "expected case `" VM_NAME_FMT "` to have no type",
                          VM_NAME_ARG(name));
        if (b->type && !match_part(m, a->type, b->type, s))
            return within(m, "type mismatch in variant case `" VM_NAME_FMT "`",
                          VM_NAME_ARG(name));
    }
    return true;
}

static bool match_result(cm_match *m, const cm_type *sub, const cm_type *super,
                         const sides *s)
{
    static const char *const sides_[2] = {"ok", "err"};
    for (uint32_t i = 0; i < 2; i++) {
        const cm_type *a = sub->fields[i].type, *b = super->fields[i].type;
        if (b && !a)
            return differ(m, "expected %s type, but found none", sides_[i]);
        if (a && !b)
            return differ(m, "expected %s type to not be present", sides_[i]);
        if (b && !match_part(m, a, b, s))
            return within(m, "type mismatch in %s variant", sides_[i]);
    }
    return true;
}

/* Labels of flags and enums. */
static bool match_labels(cm_match *m, const cm_type *sub, const cm_type *super,
                         const sides *s)
{
    bool same = sub->count == super->count;
    for (uint32_t i = 0; same && i < super->count; i++)
        same = vm_name_equal(sub->fields[i].name, super->fields[i].name);
    return same || differ(m, "mismatch in %s elements",
                          cm_kind_name((cm_kind)super->kind));
}

static bool match_elem(cm_match *m, const cm_type *sub, const cm_type *super,
                       const sides *s)
{
    const char *kind = cm_kind_name((cm_kind)super->kind);
    if (sub->count != super->count)
        return differ(m, "expected a %s of %u elements, found %u", kind,
                      super->count, sub->count);
    if (!sub->elem != !super->elem)
        return differ(m,
                      super->elem ? "expected %s type, but found none"
                                  : "expected %s type to not be present",
                      kind);
    return !super->elem || match_part(m, sub->elem, super->elem, s) ||
           within(m, "type mismatch in %s", kind);
}

static bool match_option(cm_match *m, const cm_type *sub, const cm_type *super,
                         const sides *s)
{
    return match_part(m, sub->fields[1].type, super->fields[1].type, s) ||
           within(m, "type mismatch in option");
}

static bool match_resource(cm_match *m, uint32_t sub, uint32_t super,
                           const sides *s)
{
    return token_of(s->sub, sub) == token_of(s->super, super) ||
           differ(m, "resource types are not the same");
}

static bool match_handle(cm_match *m, const cm_type *sub, const cm_type *super,
                         const sides *s)
{
    return match_resource(m, sub->resource, super->resource, s);
}

static bool (*const matchers[CM_KIND_COUNT])(cm_match *, const cm_type *,
                                             const cm_type *, const sides *) = {
    [CM_LIST] = match_elem,     [CM_FIXED_LIST] = match_elem,
    [CM_MAP] = match_elem,      [CM_RECORD] = match_fields,
    [CM_TUPLE] = match_tuple,   [CM_VARIANT] = match_cases,
    [CM_ENUM] = match_labels,   [CM_OPTION] = match_option,
    [CM_RESULT] = match_result, [CM_FLAGS] = match_labels,
    [CM_OWN] = match_handle,    [CM_BORROW] = match_handle,
    [CM_STREAM] = match_elem,   [CM_FUTURE] = match_elem,
};

static bool match_value(cm_match *m, const cm_type *sub, const cm_type *super,
                        const sides *s)
{
    /* The same node means the same type unless resources are renamed. */
    if (sub == super && !sub->has_resource)
        return true;
    const char *want = cm_kind_name((cm_kind)super->kind);
    const char *have = cm_kind_name((cm_kind)sub->kind);
    if (sub->kind == super->kind)
        return super->kind <= CM_ERROR_CONTEXT ||
               matchers[super->kind](m, sub, super, s);
    if (super->kind > CM_ERROR_CONTEXT)
        return differ(m, "expected %s, found %s", want, have);
    if (sub->kind <= CM_ERROR_CONTEXT)
        return differ(m, "expected primitive `%s` found primitive `%s`", want,
                      have);
    return differ(m, "expected %s, found %s", m->top ? "primitive" : want,
                  have);
}

/* ---- functions --------------------------------------------------------- */

static bool match_func(cm_match *m, const cm_functype *sub,
                       const cm_functype *super, const sides *s)
{
    const cm_type *a = sub->params, *b = super->params;
    if (sub->is_async != super->is_async)
        return differ(m, "expected %s function, found %s function",
                      super->is_async ? "an async" : "a synchronous",
                      sub->is_async ? "an async" : "a synchronous");
    if (a->count != b->count)
        return differ(m, "expected %u parameters, found %u", b->count,
                      a->count);
    for (uint32_t i = 0; i < b->count; i++) {
        const cm_field *f = &a->fields[i], *g = &b->fields[i];
        if (!vm_name_equal(f->name, g->name))
            return differ(m,
                          "expected parameter named `" VM_NAME_FMT
                          "`, found `" VM_NAME_FMT "`",
                          VM_NAME_ARG(g->name), VM_NAME_ARG(f->name));
        if (!match_part(m, f->type, g->type, s))
            return within(
                m, "type mismatch in function parameter `" VM_NAME_FMT "`",
                VM_NAME_ARG(g->name));
    }
    if (!sub->result != !super->result)
        return differ(m, "function results differ: one side expected a "
                         "result, found none on the other");
    return !super->result || match_part(m, sub->result, super->result, s) ||
           within(m, "type mismatch with result type");
}

/* ---- instances, components, modules ------------------------------------ */

static bool match_decls(cm_match *m, const cm_interface *sub,
                        const cm_interface *super, const sides *s)
{
    for (uint32_t i = 0; i < super->count; i++) {
        const cm_decl *want = &super->exports[i];
        const cm_decl *have =
            cm_interface_find(sub, want->name.data, want->name.len);
        if (!have)
            return differ(m, "missing expected export `" VM_NAME_FMT "`",
                          VM_NAME_ARG(want->name));
        m->top = true;
        if (!cm_match_extern(m, &have->type, s->sub, &want->type, s->super))
            return within(m,
                          "type mismatch in instance export `" VM_NAME_FMT "`",
                          VM_NAME_ARG(want->name));
    }
    return true;
}

/* Imports are looked for one by one: not among very many. */
static bool few_imports(cm_match *m, size_t sub, size_t super)
{
    return sub < 1000 || super < MAX_IMPORT_PAIRS / sub ||
           differ(m, "%zu imports are too many to be compared", sub);
}

/*
 * A component of type `sub` does for `super` when it imports no more and
 * exports no less: super's imports, as given things, must satisfy sub's.
 */
static bool match_component(cm_match *m, const cm_componenttype *sub,
                            const cm_componenttype *super, const sides *s)
{
    cm_view sub_view = {sub->base, sub->nbound, NULL};
    cm_view super_view = {super->base, super->nbound, NULL};
    cm_env sub_env = {&sub_view, s->sub}, super_env = {&super_view, s->super};
    bool ok = false, want_pairs = m->want_pairs;
    if (!few_imports(m, sub->nimports, super->nimports))
        return false;
    m->want_pairs = false;
    sub_view.slots = calloc((size_t)sub->nbound + 1, sizeof *sub_view.slots);
    super_view.slots =
        calloc((size_t)super->nbound + 1, sizeof *super_view.slots);
    if (!sub_view.slots || !super_view.slots) {
        m->no_memory = true;
        differ(m, "out of memory");
        goto done;
    }
    for (uint32_t i = 0; i < sub->nimports; i++) {
        const cm_decl *want = &sub->imports[i], *have = NULL;
        for (uint32_t j = 0; j < super->nimports && !have; j++)
            if (vm_name_equal(super->imports[j].name, want->name))
                have = &super->imports[j];
        if (!have) {
            differ(m, "missing expected import `" VM_NAME_FMT "`",
                   VM_NAME_ARG(want->name));
            goto done;
        }
        m->top = true;
        if (!cm_match_extern(m, &have->type, &super_env, &want->type,
                             &sub_env)) {
            within(m, "type mismatch in import `" VM_NAME_FMT "`",
                   VM_NAME_ARG(want->name));
            goto done;
        }
    }
    sides in = {&sub_env, &super_env};
    ok = match_decls(m, sub->exports, super->exports, &in);
done:
    m->want_pairs = want_pairs;
    free(sub_view.slots);
    free(super_view.slots);
    return ok;
}

static const vm_export *module_export(const cm_moduletype *type, vm_name name)
{
    uint32_t i = CM_NAME_NONE;
    if (type->nexports)
        i = cm_names_find(&type->index, &type->exports[0].name,
                          sizeof type->exports[0], name.data, name.len);
    return i == CM_NAME_NONE ? NULL : &type->exports[i];
}

static bool match_module(cm_match *m, const cm_moduletype *sub,
                         const cm_moduletype *super)
{
    char why[120];
    if (!m->types)
        return differ(m, "core modules cannot be given by the host");
    if (!few_imports(m, sub->nimports, super->nimports))
        return false;
    for (size_t i = 0; i < sub->nimports; i++) {
        const vm_import *want = &sub->imports[i], *have = NULL;
        for (size_t j = 0; j < super->nimports && !have; j++)
            if (vm_name_equal(super->imports[j].module, want->module) &&
                vm_name_equal(super->imports[j].name, want->name))
                have = &super->imports[j];
        if (!have)
            return differ(
                m, "missing expected import `" VM_NAME_FMT "::" VM_NAME_FMT "`",
                VM_NAME_ARG(want->module), VM_NAME_ARG(want->name));
        if (!cm_core_matches(m->types, &have->type, &want->type, why,
                             sizeof why)) {
            differ(m, "%s", why);
            return within(
                m, "type mismatch in import `" VM_NAME_FMT "::" VM_NAME_FMT "`",
                VM_NAME_ARG(want->module), VM_NAME_ARG(want->name));
        }
    }
    for (size_t i = 0; i < super->nexports; i++) {
        const vm_export *want = &super->exports[i];
        const vm_export *have = module_export(sub, want->name);
        if (!have)
            return differ(m, "missing expected export `" VM_NAME_FMT "`",
                          VM_NAME_ARG(want->name));
        if (!cm_core_matches(m->types, &have->type, &want->type, why,
                             sizeof why)) {
            differ(m, "%s", why);
            return within(m, "type mismatch in export `" VM_NAME_FMT "`",
                          VM_NAME_ARG(want->name));
        }
    }
    return true;
}

/* ---- types as items ---------------------------------------------------- */

static const char *def_name(cm_def_kind kind)
{
    static const char *const names[] = {"defined type", "resource",
                                        "function type", "instance type",
                                        "component type"};
    return names[kind];
}

static bool match_fresh(cm_match *m, const cm_typedef *sub,
                        const cm_typedef *super, const sides *s)
{
    if (sub->kind != CM_DEF_RESOURCE)
        return differ(m, "expected resource, found %s", def_name(sub->kind));
    cm_resource **slot = slot_of(s->super, super->resource);
    /* A fresh type without a slot is a new type at this level: nothing that
     * was there before equals it. */
    if (slot && !*slot)
        *slot = (cm_resource *)token_of(s->sub, sub->resource);
    return match_resource(m, sub->resource, super->resource, s);
}

/* Type exports are invariant. */
static bool match_typedef(cm_match *m, const cm_typedef *sub,
                          const cm_typedef *super, const sides *s)
{
    if (sub->kind != super->kind)
        return differ(m, "expected %s, found %s", def_name(super->kind),
                      def_name(sub->kind));
    switch (super->kind) {
    case CM_DEF_VALUE:
        m->top = true;
        return match_value(m, sub->value, super->value, s);
    case CM_DEF_RESOURCE:
        return match_resource(m, sub->resource, super->resource, s);
    case CM_DEF_FUNC: return match_func(m, sub->func, super->func, s);
    case CM_DEF_INSTANCE:
        return match_decls(m, sub->instance, super->instance, s);
    case CM_DEF_COMPONENT:
        return match_component(m, sub->component, super->component, s);
    }
    return false;
}

static bool match_type_item(cm_match *m, const cm_externtype *sub,
                            const cm_externtype *super, const sides *s)
{
    const cm_typedef *b = &super->type;
    bool ok = super->fresh ? match_fresh(m, &sub->type, b, s)
                           : match_typedef(m, &sub->type, b, s);
    uint32_t ident = b->kind == CM_DEF_RESOURCE ? b->ident
                     : b->kind == CM_DEF_VALUE  ? b->value->ident
                                                : 0;
    return ok && pair_add(m, ident, sub->type);
}

bool cm_match_extern(cm_match *m, const cm_externtype *sub,
                     const cm_env *sub_env, const cm_externtype *super,
                     const cm_env *super_env)
{
    sides s = {sub_env, super_env};
    if (sub->sort != super->sort)
        return differ(m, "expected %s, found %s", cm_sort_name(super->sort),
                      cm_sort_name(sub->sort));
    switch (super->sort) {
    case CM_SORT_FUNC: return match_func(m, sub->func, super->func, &s);
    case CM_SORT_VALUE: return match_value(m, sub->value, super->value, &s);
    case CM_SORT_TYPE: return match_type_item(m, sub, super, &s);
    case CM_SORT_INSTANCE:
        return match_decls(m, sub->instance, super->instance, &s);
    case CM_SORT_COMPONENT:
        return match_component(m, sub->component, super->component, &s);
    case CM_SORT_CORE_MODULE:
        return match_module(m, sub->module, super->module);
    }
    return false;
}

bool cm_type_matches(const cm_externtype *sub, const cm_view *sub_view,
                     const cm_externtype *super, const cm_view *super_view,
                     vm_name what, vm_error *err)
{
    cm_match m;
    cm_env sub_env = {sub_view, NULL}, super_env = {super_view, NULL};
    cm_match_init(&m, NULL);
    bool ok = cm_match_extern(&m, sub, &sub_env, super, &super_env);
    if (!ok)
        vm_error_set(err, VM_PHASE_LINK, SIZE_MAX,
                     "type mismatch in `" VM_NAME_FMT "`: %s",
                     VM_NAME_ARG(what), cm_match_why(&m));
    cm_match_finish(&m);
    return ok;
}
