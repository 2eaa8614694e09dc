/*
 * cm_linker.c - what a component's imports can be given: host interfaces,
 * whose tables of functions are held against their WIT here, and instances of
 * other components.
 *
 * The linker's cm_view says what the resource numbers in its WIT's types stand
 * for; each number has one cm_resource, made when it is first met, so that an
 * interface may use a resource whose own interface is defined later, or never.
 */
#include "vm/cm_canon.h"

#include "vm/cm_wit.h"

#include <stdlib.h>
#include <string.h>

typedef struct definition {
    struct definition *next;
    vm_name name; /* with version */
    cm_item item;
    cm_externtype type;
    const cm_view *view;
    /* A host interface, until an import asks for it: */
    const cm_host_interface *table;
    void *host;
} definition;

struct cm_linker {
    vm_engine *engine;
    cm_wit wit;
    cm_arena arena;
    cm_view view;
    uint32_t capacity; /* of view.slots */
    definition *first, **last;
};

enum { ARENA_LIMIT = 1 << 28 };

#define NAME(name) (int)(name).len, (name).data

cm_linker *cm_linker_create(vm_engine *engine)
{
    cm_linker *linker = calloc(1, sizeof *linker);
    if (!linker)
        return NULL;
    linker->engine = engine;
    linker->last = &linker->first;
    cm_wit_init(&linker->wit);
    cm_arena_init(&linker->arena, ARENA_LIMIT);
    return linker;
}

void cm_linker_destroy(cm_linker *linker)
{
    if (!linker)
        return;
    free(linker->view.slots);
    cm_wit_finish(&linker->wit);
    cm_arena_finish(&linker->arena);
    free(linker);
}

vm_status cm_linker_add_wit(cm_linker *linker, const char *name,
                            const char *wit, size_t len, vm_error *err)
{
    return cm_wit_add(&linker->wit, name, wit, len, err);
}

vm_status cm_linker_check_wit(cm_linker *linker, vm_error *err)
{
    return cm_wit_check(&linker->wit, err);
}

static vm_status no_memory(vm_error *err)
{
    vm_error_set(err, VM_PHASE_LINK, SIZE_MAX, "out of memory while linking");
    return VM_NO_MEMORY;
}

/* ---- resources -----------------------------------------------------------
 */

static bool grow_view(cm_linker *linker, uint32_t need)
{
    if (need <= linker->capacity)
        return true;
    uint32_t capacity = linker->capacity ? linker->capacity : 32;
    while (capacity < need)
        capacity *= 2;
    cm_resource **slots = realloc(linker->view.slots, capacity * sizeof *slots);
    if (!slots)
        return false;
    memset(slots + linker->capacity, 0,
           (capacity - linker->capacity) * sizeof *slots);
    linker->view.slots = slots;
    linker->capacity = capacity;
    return true;
}

static cm_resource *resource_at(cm_linker *linker, uint32_t number)
{
    cm_resource **slot = &linker->view.slots[number];
    if (!*slot)
        *slot = cm_arena_alloc(&linker->arena, 1, sizeof **slot);
    return *slot;
}

/* All numbers that resolving WIT has given out so far get a resource, since
 * any type may mention any of them. */
static bool fill_view(cm_linker *linker)
{
    uint32_t count = linker->wit.nresources;
    if (!grow_view(linker, count))
        return false;
    for (; linker->view.count < count; linker->view.count++)
        if (!resource_at(linker, linker->view.count))
            return false;
    return true;
}

/* ---- tables against WIT --------------------------------------------------
 */

static const cm_host_func *find_func(const cm_host_interface *table,
                                     vm_name name)
{
    for (const cm_host_func *f = table->funcs; f && f->name; f++)
        if (strlen(f->name) == name.len &&
            !memcmp(f->name, name.data, name.len))
            return f;
    return NULL;
}

static const cm_host_resource *find_resource(const cm_host_interface *table,
                                             vm_name name)
{
    for (const cm_host_resource *r = table->resources; r && r->name; r++)
        if (strlen(r->name) == name.len &&
            !memcmp(r->name, name.data, name.len))
            return r;
    return NULL;
}

static vm_status disagree(vm_error *err, const wit_interface *wit,
                          const char *what, vm_name name, const char *where)
{
    vm_error_set(err, VM_PHASE_LINK, SIZE_MAX,
                 "host interface %.*s: %s '%.*s' %s", NAME(wit->full_name),
                 what, NAME(name), where);
    return VM_INVALID;
}

static vm_name name_of(const char *name)
{
    return (vm_name){name, strlen(name)};
}

static bool in_wit(const wit_interface *wit, const char *name, cm_sort sort)
{
    const cm_decl *decl = cm_interface_find(wit->out, name, strlen(name));
    return decl && decl->type.sort == sort &&
           (sort != CM_SORT_TYPE || decl->type.fresh);
}

/* Every row is in the WIT (the other way is seen while making the items). */
static vm_status check_rows(const cm_host_interface *table,
                            const wit_interface *wit, vm_error *err)
{
    for (const cm_host_func *f = table->funcs; f && f->name; f++)
        if (!in_wit(wit, f->name, CM_SORT_FUNC))
            return disagree(err, wit, "function", name_of(f->name),
                            "is in the table, but not in the WIT");
    for (const cm_host_resource *r = table->resources; r && r->name; r++)
        if (!in_wit(wit, r->name, CM_SORT_TYPE))
            return disagree(err, wit, "resource", name_of(r->name),
                            "is in the table, but not in the WIT");
    return VM_OK;
}

/* ---- making an interface's items ------------------------------------------
 */

typedef struct maker {
    cm_linker *linker;
    const cm_host_interface *table;
    const wit_interface *wit;
    void *host;
    vm_error *err;
} maker;

static vm_status make_func(maker *m, const cm_decl *decl, cm_item *item)
{
    const cm_host_func *row = find_func(m->table, decl->name);
    if (!row || !row->fn)
        return disagree(m->err, m->wit, "function", decl->name,
                        "is in the WIT, but not in the table");
    cm_func *func = cm_arena_alloc(&m->linker->arena, 1, sizeof *func);
    if (!func)
        return no_memory(m->err);
    *func = (cm_func){.type = decl->type.func,
                      .view = &m->linker->view,
                      .name = decl->name,
                      .interface = m->wit->full_name,
                      .fn = row->fn,
                      .host = m->host};
    item->func = func;
    return VM_OK;
}

static vm_status make_type(maker *m, const cm_decl *decl, cm_item *item)
{
    if (decl->type.type.kind != CM_DEF_RESOURCE)
        return VM_OK;
    item->resource = resource_at(m->linker, decl->type.type.resource);
    if (!decl->type.fresh)
        return VM_OK;
    item->resource->host = find_resource(m->table, decl->name);
    item->resource->host_data = m->host;
    if (item->resource->host)
        return VM_OK;
    return disagree(m->err, m->wit, "resource", decl->name,
                    "is in the WIT, but not in the table");
}

static vm_status make_items(maker *m, cm_item *items)
{
    const cm_interface *iface = m->wit->out;
    for (uint32_t i = 0; i < iface->count; i++) {
        const cm_decl *decl = &iface->exports[i];
        items[i].sort = decl->type.sort;
        if (decl->type.sort == CM_SORT_FUNC)
            CM_TRY(make_func(m, decl, &items[i]));
        else
            CM_TRY(make_type(m, decl, &items[i]));
    }
    return VM_OK;
}

/* ---- definitions ---------------------------------------------------------
 */

static vm_status add_definition(cm_linker *linker, const definition *def,
                                vm_error *err)
{
    for (definition *d = linker->first; d; d = d->next)
        if (vm_name_equal(d->name, def->name)) {
            vm_error_set(err, VM_PHASE_LINK, SIZE_MAX,
                         "%.*s is defined twice in the linker",
                         NAME(def->name));
            return VM_INVALID;
        }
    definition *copy = cm_arena_alloc(&linker->arena, 1, sizeof *copy);
    if (!copy)
        return no_memory(err);
    *copy = *def;
    *linker->last = copy;
    linker->last = &copy->next;
    return VM_OK;
}

vm_status cm_linker_define(cm_linker *linker, const cm_host_interface *table,
                           void *host, vm_error *err)
{
    definition def = {.table = table, .host = host, .view = &linker->view};
    CM_TRY(cm_wit_name(&linker->wit, table->name, strlen(table->name),
                       &def.name, err));
    return add_definition(linker, &def, err);
}

/* Reads the WIT of a host interface and holds the table against it. */
static vm_status complete(cm_linker *linker, definition *def, vm_error *err)
{
    const cm_host_interface *table = def->table;
    wit_interface *wit;
    if (!table)
        return VM_OK;
    CM_TRY(
        cm_wit_find(&linker->wit, table->name, strlen(table->name), &wit, err));
    CM_TRY(check_rows(table, wit, err));
    cm_exports *exports = cm_arena_alloc(&linker->arena, 1, sizeof *exports);
    cm_item *items =
        cm_arena_alloc(&linker->arena, wit->out->count, sizeof *items);
    if (!exports || !items || !fill_view(linker))
        return no_memory(err);
    maker m = {linker, table, wit, def->host, err};
    CM_TRY(make_items(&m, items));
    *exports = (cm_exports){wit->out, &linker->view, items};
    def->item.sort = def->type.sort = CM_SORT_INSTANCE;
    def->item.instance = exports;
    def->type.instance = wit->out;
    def->table = NULL;
    return VM_OK;
}

vm_status cm_linker_check(cm_linker *linker, vm_error *err)
{
    for (definition *def = linker->first; def; def = def->next)
        CM_TRY(complete(linker, def, err));
    return VM_OK;
}

/* The export called `name`, or a compatible version of it; else -1. */
static int64_t find_export(const cm_exports *exports, vm_name name)
{
    for (uint32_t i = 0; i < exports->type->count; i++)
        if (vm_name_equal(exports->type->exports[i].name, name))
            return i;
    for (uint32_t i = 0; i < exports->type->count; i++)
        if (cm_name_satisfies(name, exports->type->exports[i].name, true))
            return i;
    return -1;
}

vm_status cm_linker_define_instance(cm_linker *linker, const char *name,
                                    cm_instance *instance, vm_error *err)
{
    const cm_exports *exports = &instance->exports;
    char *copy = cm_arena_copy(&linker->arena, name, strlen(name) + 1);
    if (!copy)
        return no_memory(err);
    definition def = {.name = name_of(copy), .view = exports->view};
    int64_t i = find_export(exports, def.name);
    if (i >= 0) {
        def.item = exports->items[i];
        def.type = exports->type->exports[i].type;
    } else {
        def.item.sort = def.type.sort = CM_SORT_INSTANCE;
        def.item.instance = exports;
        def.type.instance = exports->type;
    }
    return add_definition(linker, &def, err);
}

vm_name cm_linker_defined(const cm_linker *linker, size_t i)
{
    const definition *def = linker->first;
    while (def && i--)
        def = def->next;
    return def ? def->name : (vm_name){0};
}

/* An exact name wins over a compatible version. */
static definition *find_definition(const cm_linker *linker, vm_name name)
{
    for (definition *d = linker->first; d; d = d->next)
        if (vm_name_equal(d->name, name))
            return d;
    for (definition *d = linker->first; d; d = d->next)
        if (cm_name_satisfies(name, d->name, false))
            return d;
    return NULL;
}

bool cm_linker_knows(cm_linker *linker, vm_name name)
{
    wit_interface *wit;
    vm_error err = {0};
    return cm_wit_find(&linker->wit, name.data, name.len, &wit, &err) == VM_OK;
}

bool cm_linker_lookup(cm_linker *linker, vm_name name, cm_item *item,
                      cm_externtype *type, const cm_view **view, vm_error *err)
{
    definition *def = find_definition(linker, name);
    if (!def || complete(linker, def, err) != VM_OK)
        return false;
    *item = def->item;
    *type = def->type;
    *view = def->view;
    return true;
}
