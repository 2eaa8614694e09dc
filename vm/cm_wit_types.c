/*
 * cm_wit_types.c - WIT syntax trees to component-model types: names are looked
 * up, `use` is followed, resources get their numbers, layouts are computed by
 * cm_type_create.  Everything happens on first use and is kept in the tree
 * (wit_def.out, wit_interface.out).
 */
#include "vm/cm_wit.h"

#include <stdio.h>
#include <string.h>

enum { MAX_CHAIN = 1000, ARENA_LIMIT = 1 << 28 };

/* Where names are looked up, and where messages point. */
typedef struct scope {
    cm_wit *wit;
    wit_interface *iface;
    unsigned depth; /* of definitions that need definitions */
    vm_error *err;
} scope;

#define FAIL(s, pos, ...)                                                      \
    wit_fail((s)->iface->source, (pos), (s)->err, __VA_ARGS__)

#define NAME(name) (int)(name).len, (name).data

void cm_wit_init(cm_wit *wit)
{
    *wit = (cm_wit){0};
    cm_arena_init(&wit->arena, ARENA_LIMIT);
}

void cm_wit_finish(cm_wit *wit)
{
    cm_arena_finish(&wit->arena);
}

static vm_status no_memory(scope *s)
{
    vm_error_set(s->err, VM_PHASE_LINK, SIZE_MAX,
                 "out of memory while resolving WIT types");
    return VM_NO_MEMORY;
}

/* ---- packages and interfaces ---------------------------------------------
 */

/* The part of a version that compatible ones share: "1" of 1.2.3, "0.2" of
 * 0.2.12, "0.0.3" of 0.0.3; a pre-release is compatible with itself only. */
static vm_name version_track(vm_name version)
{
    size_t end = 0;
    if (!version.len || memchr(version.data, '-', version.len))
        return version;
    while (end < version.len) {
        size_t start = end;
        while (end < version.len && version.data[end] != '.' &&
               version.data[end] != '+')
            end++;
        bool zero = end - start == 1 && version.data[start] == '0';
        if (!zero || end == version.len || version.data[end] == '+')
            break;
        end++;
    }
    return (vm_name){version.data, end};
}

static bool compatible(vm_name a, vm_name b)
{
    return vm_name_equal(version_track(a), version_track(b));
}

static wit_interface *package_interface(const wit_package *package,
                                        vm_name name)
{
    for (uint32_t i = 0; i < package->ninterfaces; i++)
        if (vm_name_equal(package->interfaces[i]->name, name))
            return package->interfaces[i];
    return NULL;
}

static vm_status find_path(cm_wit *wit, wit_package *package,
                           const wit_path *path, unsigned depth,
                           wit_interface **out, vm_error *err);

/* In one package: an interface, or what a top-level `use` calls by the name.
 * *out is NULL when there is neither. */
static vm_status find_in_package(cm_wit *wit, wit_package *package,
                                 vm_name name, unsigned depth,
                                 wit_interface **out, vm_error *err)
{
    TRY(wit_parse_package(wit, package, err));
    *out = package_interface(package, name);
    for (uint32_t i = 0; !*out && i < package->naliases; i++)
        if (vm_name_equal(package->aliases[i].name, name) && depth < MAX_CHAIN)
            return find_path(wit, package, &package->aliases[i].path, depth + 1,
                             out, err);
    return VM_OK;
}

static bool package_fits(const wit_package *package, const wit_path *path,
                         bool exact)
{
    return vm_name_equal(package->id, path->package) &&
           (!path->version.len ||
            (exact ? vm_name_equal(package->version, path->version)
                   : compatible(package->version, path->version)));
}

/* An exact version wins over a compatible one. */
static vm_status find_path(cm_wit *wit, wit_package *package,
                           const wit_path *path, unsigned depth,
                           wit_interface **out, vm_error *err)
{
    *out = NULL;
    if (!path->package.len)
        return find_in_package(wit, package, path->item, depth, out, err);
    for (int exact = 1; exact >= 0; exact--)
        for (wit_package *p = wit->packages; p && !*out; p = p->next)
            if (package_fits(p, path, exact))
                TRY(find_in_package(wit, p, path->item, depth, out, err));
    return VM_OK;
}

/* Follows a `use` path written in s->iface. */
static vm_status follow(scope *s, const wit_path *path, wit_interface **out)
{
    TRY(find_path(s->wit, s->iface->package, path, 0, out, s->err));
    if (*out)
        return VM_OK;
    if (!path->package.len)
        return FAIL(s, path->pos, "package %.*s has no interface '%.*s'",
                    NAME(s->iface->package->id), NAME(path->item));
    return FAIL(s, path->pos, "there is no interface %.*s/%.*s%s%.*s",
                NAME(path->package), NAME(path->item),
                path->version.len ? "@" : "", NAME(path->version));
}

/* ---- types --------------------------------------------------------------- */

static vm_status resolve_def(scope *s, wit_def *def);
static vm_status resolve_type(scope *s, const wit_type *in,
                              const cm_type **out);

static wit_def *find_def(const wit_interface *iface, vm_name name)
{
    for (uint32_t i = 0; i < iface->ndefs; i++)
        if (vm_name_equal(iface->defs[i].name, name))
            return &iface->defs[i];
    return NULL;
}

static vm_status lookup(scope *s, vm_name name, uint32_t pos,
                        const cm_typedef **out)
{
    wit_def *def = find_def(s->iface, name);
    if (!def)
        return FAIL(s, pos, "there is no type '%.*s' here", NAME(name));
    TRY(resolve_def(s, def));
    *out = &def->out;
    return VM_OK;
}

static vm_status create(scope *s, const wit_type *in, const cm_type_spec *spec,
                        const cm_type **out)
{
    const char *why = NULL;
    *out = cm_type_create(&s->wit->arena, spec, &why);
    if (*out)
        return VM_OK;
    return why ? FAIL(s, in->pos, "%s", why) : no_memory(s);
}

static vm_status resolve_handle(scope *s, const wit_type *in,
                                const cm_type **out)
{
    const cm_typedef *target;
    TRY(lookup(s, in->name, in->pos, &target));
    if (target->kind != CM_DEF_RESOURCE)
        return FAIL(s, in->pos,
                    "'%.*s' is no resource, so there are no "
                    "handles to it",
                    NAME(in->name));
    return create(s, in,
                  &(cm_type_spec){.kind = (cm_kind)in->kind,
                                  .resource = target->resource},
                  out);
}

/* A type's name stands for the type, or for an owning handle. */
static vm_status resolve_name(scope *s, const wit_type *in, const cm_type **out)
{
    const cm_typedef *target;
    TRY(lookup(s, in->name, in->pos, &target));
    *out = target->value;
    if (target->kind == CM_DEF_VALUE)
        return VM_OK;
    return create(s, in,
                  &(cm_type_spec){.kind = CM_OWN, .resource = target->resource},
                  out);
}

static vm_status resolve_fields(scope *s, const wit_field *in, uint32_t count,
                                cm_field **out)
{
    cm_field *fields = cm_arena_alloc(&s->wit->arena, count, sizeof *fields);
    if (!fields)
        return no_memory(s);
    for (uint32_t i = 0; i < count; i++) {
        fields[i].name = in[i].name;
        if (in[i].type)
            TRY(resolve_type(s, in[i].type, &fields[i].type));
    }
    *out = fields;
    return VM_OK;
}

static vm_status check_labels(scope *s, const wit_type *in)
{
    if (!in->fields || !in->fields[0].name.len) /* a tuple's have none */
        return VM_OK;
    for (uint32_t i = 0; i < in->count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (vm_name_equal(in->fields[i].name, in->fields[k].name))
                return FAIL(s, in->fields[i].pos,
                            "the name '%.*s' is there already",
                            NAME(in->fields[i].name));
    return VM_OK;
}

static vm_status resolve_option(scope *s, const wit_type *in,
                                const cm_type **out)
{
    const char *why = NULL;
    const cm_type *some;
    TRY(resolve_type(s, in->elem, &some));
    *out = cm_type_option(&s->wit->arena, some, &why);
    if (*out)
        return VM_OK;
    return why ? FAIL(s, in->pos, "%s", why) : no_memory(s);
}

/* Everything that is made of fields or of one element. */
static vm_status resolve_composite(scope *s, const wit_type *in,
                                   const cm_type **out)
{
    cm_type_spec spec = {.kind = (cm_kind)in->kind, .count = in->count};
    TRY(check_labels(s, in));
    if (in->fields)
        TRY(resolve_fields(s, in->fields, in->count, &spec.fields));
    if (in->elem)
        TRY(resolve_type(s, in->elem, &spec.elem));
    return create(s, in, &spec, out);
}

static vm_status resolve_type(scope *s, const wit_type *in, const cm_type **out)
{
    if (in->kind == WIT_NAME)
        return resolve_name(s, in, out);
    if (in->kind == CM_OWN || in->kind == CM_BORROW)
        return resolve_handle(s, in, out);
    if (in->kind == CM_OPTION)
        return resolve_option(s, in, out);
    if (in->kind > CM_ERROR_CONTEXT)
        return resolve_composite(s, in, out);
    *out = cm_type_prim((cm_kind)in->kind);
    return VM_OK;
}

/* use a.{b}: the definition b of a. */
static vm_status resolve_use(scope *s, wit_def *def)
{
    wit_interface *iface;
    TRY(follow(s, &def->from, &iface));
    wit_def *target = find_def(iface, def->from_name);
    if (!target)
        return FAIL(s, def->pos, "interface %.*s/%.*s has no type '%.*s'",
                    NAME(iface->package->id), NAME(iface->name),
                    NAME(def->from_name));
    scope there = {s->wit, iface, s->depth, s->err};
    TRY(resolve_def(&there, target));
    def->out = target->out;
    return VM_OK;
}

static vm_status resolve_body(scope *s, wit_def *def)
{
    if (!def->type)
        return resolve_use(s, def);
    if (def->type->kind == WIT_RESOURCE) {
        def->out.kind = CM_DEF_RESOURCE;
        def->out.resource = s->wit->nresources++;
        return VM_OK;
    }
    if (def->type->kind == WIT_NAME) { /* type a = b, b perhaps a resource */
        const cm_typedef *target;
        TRY(lookup(s, def->type->name, def->type->pos, &target));
        def->out = *target;
        return VM_OK;
    }
    def->out.kind = CM_DEF_VALUE;
    return resolve_type(s, def->type, &def->out.value);
}

static vm_status resolve_def(scope *s, wit_def *def)
{
    if (def->state == WIT_DONE)
        return VM_OK;
    if (def->state == WIT_BUSY)
        return FAIL(s, def->pos, "the type '%.*s' refers to itself",
                    NAME(def->name));
    if (s->depth == MAX_CHAIN)
        return FAIL(s, def->pos, "types are chained more than %d deep",
                    MAX_CHAIN);
    def->state = WIT_BUSY;
    s->depth++;
    vm_status status = resolve_body(s, def);
    s->depth--;
    def->state = status == VM_OK ? WIT_DONE : WIT_FRESH;
    return status;
}

/* ---- functions and interfaces --------------------------------------------
 */

static vm_status resolve_func(scope *s, const wit_func *in,
                              const cm_functype **out)
{
    cm_functype *func = cm_arena_alloc(&s->wit->arena, 1, sizeof *func);
    if (!func)
        return no_memory(s);
    wit_type params = {.kind = CM_RECORD,
                       .pos = in->pos,
                       .count = in->nparams,
                       .fields = in->params};
    cm_field *fields;
    const char *why = NULL;
    func->is_async = in->is_async;
    TRY(check_labels(s, &params));
    TRY(resolve_fields(s, in->params, in->nparams, &fields));
    func->params = cm_type_params(&s->wit->arena, fields, in->nparams, &why);
    if (!func->params)
        return why ? FAIL(s, in->pos, "%s", why) : no_memory(s);
    if (in->result)
        TRY(resolve_type(s, in->result, &func->result));
    *out = func;
    return VM_OK;
}

/* "wasi:io/streams@0.2.12" */
static vm_status make_full_name(cm_wit *wit, const wit_package *package,
                                vm_name item, vm_name *out)
{
    size_t size = package->id.len + item.len + package->version.len + 3;
    char *text = cm_arena_alloc(&wit->arena, size, 1);
    if (!text)
        return VM_NO_MEMORY;
    int len =
        snprintf(text, size, "%.*s/%.*s%s%.*s", NAME(package->id), NAME(item),
                 package->version.len ? "@" : "", NAME(package->version));
    *out = (vm_name){text, (size_t)len};
    return VM_OK;
}

static vm_status resolve_decls(scope *s, cm_decl *decls)
{
    wit_interface *iface = s->iface;
    for (uint32_t i = 0; i < iface->ndefs; i++, decls++) {
        wit_def *def = &iface->defs[i];
        TRY(resolve_def(s, def));
        decls->name = def->name;
        decls->type.sort = CM_SORT_TYPE;
        decls->type.fresh = def->owns_resource;
        decls->type.type = def->out;
    }
    for (uint32_t i = 0; i < iface->nfuncs; i++, decls++) {
        decls->name = iface->funcs[i].name;
        decls->type.sort = CM_SORT_FUNC;
        TRY(resolve_func(s, &iface->funcs[i], &decls->type.func));
    }
    return VM_OK;
}

static vm_status check_names(scope *s)
{
    for (uint32_t i = 0; i < s->iface->nfuncs; i++) {
        const wit_func *func = &s->iface->funcs[i];
        if (find_def(s->iface, func->name))
            return FAIL(s, func->pos, "'%.*s' is both a type and a function",
                        NAME(func->name));
    }
    return VM_OK;
}

static vm_status resolve_interface(cm_wit *wit, wit_interface *iface,
                                   vm_error *err)
{
    if (iface->out)
        return VM_OK;
    scope s = {wit, iface, 0, err};
    uint32_t count = iface->ndefs + iface->nfuncs;
    cm_decl *decls = cm_arena_alloc(&wit->arena, count, sizeof *decls);
    if (!decls)
        return no_memory(&s);
    TRY(check_names(&s));
    TRY(resolve_decls(&s, decls));
    if (make_full_name(wit, iface->package, iface->name, &iface->full_name))
        return no_memory(&s);
    iface->out = cm_interface_create(&wit->arena, decls, count);
    return iface->out ? VM_OK : no_memory(&s);
}

/* ---- the API -------------------------------------------------------------
 */

/* "a:b/c@1.2.3" -> its parts; false when it is no interface name. */
static bool split_name(const char *name, size_t len, wit_path *out)
{
    const char *slash = memrchr(name, '/', len);
    if (!slash)
        return false;
    const char *end = name + len;
    const char *at = memchr(slash, '@', (size_t)(end - slash));
    const char *item_end = at ? at : end;
    *out = (wit_path){.package = {name, (size_t)(slash - name)},
                      .item = {slash + 1, (size_t)(item_end - slash - 1)}};
    if (at)
        out->version = (vm_name){at + 1, (size_t)(end - at - 1)};
    return true;
}

vm_status cm_wit_find(cm_wit *wit, const char *name, size_t len,
                      wit_interface **out, vm_error *err)
{
    wit_path path;
    *out = NULL;
    if (split_name(name, len, &path))
        TRY(find_path(wit, NULL, &path, 0, out, err));
    if (*out)
        return resolve_interface(wit, *out, err);
    vm_error_set(err, VM_PHASE_LINK, SIZE_MAX,
                 "no WIT text has an interface %.*s", (int)len, name);
    return VM_INVALID;
}

vm_status cm_wit_name(cm_wit *wit, const char *name, size_t len, vm_name *out,
                      vm_error *err)
{
    wit_path path;
    if (split_name(name, len, &path))
        for (wit_package *p = wit->packages; p; p = p->next)
            if (package_fits(p, &path, false))
                return make_full_name(wit, p, path.item, out);
    vm_error_set(err, VM_PHASE_LINK, SIZE_MAX,
                 "no WIT text has an interface %.*s", (int)len, name);
    return VM_INVALID;
}

static bool package_has_world(const wit_package *package, vm_name name)
{
    for (uint32_t i = 0; i < package->nworlds; i++)
        if (vm_name_equal(package->worlds[i]->name, name))
            return true;
    return false;
}

static vm_status check_include(scope *s, const wit_path *path)
{
    if (!path->package.len) {
        if (package_has_world(s->iface->package, path->item))
            return VM_OK;
        return FAIL(s, path->pos, "package %.*s has no world '%.*s'",
                    NAME(s->iface->package->id), NAME(path->item));
    }
    for (wit_package *p = s->wit->packages; p; p = p->next) {
        if (!vm_name_equal(p->id, path->package) ||
            (path->version.len && !compatible(p->version, path->version)))
            continue;
        TRY(wit_parse_package(s->wit, p, s->err));
        if (package_has_world(p, path->item))
            return VM_OK;
    }
    return FAIL(s, path->pos, "there is no world %.*s/%.*s",
                NAME(path->package), NAME(path->item));
}

static vm_status check_item(scope *s, wit_item *item)
{
    wit_interface *iface;
    const cm_functype *func;
    switch (item->kind) {
    case WIT_ITEM_PATH:
        TRY(follow(s, &item->path, &iface));
        return resolve_interface(s->wit, iface, s->err);
    case WIT_ITEM_FUNC: return resolve_func(s, &item->func, &func);
    case WIT_ITEM_INTERFACE:
        return resolve_interface(s->wit, item->iface, s->err);
    case WIT_ITEM_INCLUDE: return check_include(s, &item->path);
    }
    return VM_OK;
}

static vm_status check_world(cm_wit *wit, wit_world *world, vm_error *err)
{
    scope s = {wit, world->types, 0, err};
    TRY(resolve_interface(wit, world->types, err));
    for (uint32_t i = 0; i < world->nitems; i++)
        TRY(check_item(&s, &world->items[i]));
    return VM_OK;
}

vm_status cm_wit_check(cm_wit *wit, vm_error *err)
{
    for (wit_package *p = wit->packages; p; p = p->next) {
        TRY(wit_parse_package(wit, p, err));
        for (uint32_t i = 0; i < p->ninterfaces; i++)
            TRY(resolve_interface(wit, p->interfaces[i], err));
        for (uint32_t i = 0; i < p->nworlds; i++)
            TRY(check_world(wit, p->worlds[i], err));
    }
    return VM_OK;
}
