/*
 * cm_instance.c - instantiation: runs a component's steps, each of which adds
 * to one of the instance's index spaces.  Types were checked when the component
 * was loaded; what can still fail is core instantiation (segments, start
 * functions, limits) and, for a root, linking.
 */
#include "vm/cm_link.h"
#include "vm/cm_names.h"
#include "vm/cm_task.h"
#include "vm/cm_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORE_BYTES ((size_t)256 << 20) /* for run-time structures */
#define MAX_STORE_INSTANCES 10000       /* of components, per store */
#define MAX_NESTING 200                 /* instantiation inside of another */

/* ---- per store --------------------------------------------------------- */

static void store_finish(void *extension)
{
    cm_store *cs = extension;
    for (cm_instance *i = cs->instances; i; i = i->next)
        cm_handles_destroy(i->handles);
    cm_calls_destroy(cs);
    for (cm_instance *i = cs->instances; i; i = i->next)
        cm_component_release(i->component);
    cm_heap_finish(&cs->heap);
    cm_arena_finish(&cs->arena);
    free(cs);
}

cm_store *cm_store_get(vm_store *store)
{
    cm_store *cs = vm_store_extension(store);
    if (cs)
        return cs;
    cs = calloc(1, sizeof *cs);
    if (!cs)
        return NULL;
    cs->store = store;
    cm_arena_init(&cs->arena, STORE_BYTES);
    cs->arena.store = store;
    cm_heap_init(&cs->heap, store);
    vm_store_set_extension(store, cs, store_finish);
    return cs;
}

/* ---- building ---------------------------------------------------------- */

typedef struct builder {
    cm_store *cs;
    cm_instance *inst;
    const cm_item *imports;
    cm_item *exports;
    unsigned depth;
    vm_error *err;
} builder;

static vm_status no_memory(vm_error *err)
{
    if (err && !err->text[0])
        vm_error_set(err, VM_PHASE_LINK, SIZE_MAX,
                     "out of memory while instantiating a component");
    return VM_NO_MEMORY;
}

static void *take(builder *b, size_t count, size_t size)
{
    return cm_arena_alloc(&b->cs->arena, count, size);
}

static struct cm_spaces *spaces_create(cm_arena *arena,
                                       const uint32_t counts[CM_SPACE_COUNT])
{
    struct cm_spaces *s = cm_arena_alloc(arena, 1, sizeof *s);
    bool ok = s != NULL;
    for (int i = 0; ok && i < 5; i++) {
        s->core[i] = cm_arena_alloc(arena, counts[CM_SPACE_CORE_FUNC + i],
                                    sizeof *s->core[i]);
        ok = s->core[i] != NULL;
    }
    if (!ok)
        return NULL;
    s->modules =
        cm_arena_alloc(arena, counts[CM_SPACE_CORE_MODULE], sizeof *s->modules);
    s->core_instances = cm_arena_alloc(arena, counts[CM_SPACE_CORE_INSTANCE],
                                       sizeof *s->core_instances);
    s->funcs = cm_arena_alloc(arena, counts[CM_SPACE_FUNC], sizeof *s->funcs);
    s->values =
        cm_arena_alloc(arena, counts[CM_SPACE_VALUE], sizeof *s->values);
    s->components = cm_arena_alloc(arena, counts[CM_SPACE_COMPONENT],
                                   sizeof *s->components);
    s->instances =
        cm_arena_alloc(arena, counts[CM_SPACE_INSTANCE], sizeof *s->instances);
    return s->modules && s->core_instances && s->funcs && s->values &&
                   s->components && s->instances
               ? s
               : NULL;
}

static cm_instance *instance_create(cm_store *cs, const cm_scope *scope)
{
    cm_arena *arena = &cs->arena;
    cm_instance *inst = cm_arena_alloc(arena, 1, sizeof *inst);
    if (!inst)
        return NULL;
    inst->store = cs->store;
    inst->scope = scope;
    inst->may_leave = true; /* may_enter: when all steps have run */
    inst->view.base = scope->type->base;
    inst->view.count = scope->type->nbound;
    inst->view.slots =
        cm_arena_alloc(arena, inst->view.count, sizeof *inst->view.slots);
    inst->spaces = spaces_create(arena, scope->counts);
    if (!inst->view.slots || !inst->spaces)
        return NULL;
    inst->handles = cm_handles_create(inst);
    if (!inst->handles)
        return NULL;
    inst->next = cs->instances;
    cs->instances = inst;
    return inst;
}

/* ---- adding to the index spaces ---------------------------------------- */

static void add_core(builder *b, vm_extern item)
{
    struct cm_spaces *s = b->inst->spaces;
    s->core[item.kind][s->counts[CM_SPACE_CORE_FUNC + item.kind]++] = item;
}

static void add_core_func(builder *b, vm_func *func)
{
    add_core(b, (vm_extern){.kind = VM_EXTERN_FUNC, .func = func});
}

static void add_item(builder *b, const cm_item *item)
{
    struct cm_spaces *s = b->inst->spaces;
    switch (item->sort) {
    case CM_SORT_CORE_MODULE:
        s->modules[s->counts[CM_SPACE_CORE_MODULE]++] = item->module;
        break;
    case CM_SORT_FUNC: s->funcs[s->counts[CM_SPACE_FUNC]++] = item->func; break;
    case CM_SORT_COMPONENT:
        s->components[s->counts[CM_SPACE_COMPONENT]++] =
            (cm_closure){item->component.scope, item->component.outer};
        break;
    case CM_SORT_INSTANCE:
        s->instances[s->counts[CM_SPACE_INSTANCE]++] = item->instance;
        break;
    case CM_SORT_VALUE:
        s->values[s->counts[CM_SPACE_VALUE]++] = item->value;
        break;
    case CM_SORT_TYPE: break; /* resources are found through the view */
    }
}

static cm_item item_at(const cm_instance *inst, cm_sort sort, uint32_t index)
{
    const struct cm_spaces *s = inst->spaces;
    cm_item item = {.sort = sort};
    switch (sort) {
    case CM_SORT_CORE_MODULE: item.module = s->modules[index]; break;
    case CM_SORT_FUNC: item.func = s->funcs[index]; break;
    case CM_SORT_COMPONENT:
        item.component.scope = s->components[index].scope;
        item.component.outer = s->components[index].outer;
        break;
    case CM_SORT_INSTANCE: item.instance = s->instances[index]; break;
    case CM_SORT_TYPE:
        if (index != UINT32_MAX) /* a resource, by number */
            item.resource = inst->view.slots[index - inst->view.base];
        break;
    case CM_SORT_VALUE: item.value = s->values[index]; break;
    }
    return item;
}

/* Binds the item's resources and adds it as what `type` says it is. */
static vm_status add_as(builder *b, const cm_externtype *type,
                        const cm_item *item, cm_item *out)
{
    if (!cm_project(b->inst, &b->cs->arena, type, item, out))
        return no_memory(b->err);
    cm_bind(b->inst, type, out);
    add_item(b, out);
    return VM_OK;
}

/* ---- core instances ---------------------------------------------------- */

static bool core_export(const cm_core_item *from, vm_name name, vm_extern *out)
{
    if (from->instance)
        return vm_instance_export(from->instance, name.data, name.len, out);
    uint32_t i = CM_NAME_NONE;
    if (from->type->count)
        i = cm_names_find(&from->type->index, &from->type->exports[0].name,
                          sizeof *from->type->exports, name.data, name.len);
    if (i == CM_NAME_NONE)
        return false;
    *out = from->items[i];
    return true;
}

static bool core_import(const builder *b, const cm_step *step,
                        const vm_import *want, vm_extern *out)
{
    const cm_arg *arg = cm_step_arg(step, want->module);
    return arg && core_export(&b->inst->spaces->core_instances[arg->index],
                              want->name, out);
}

static vm_status step_core_instance(builder *b, const cm_step *step)
{
    struct cm_spaces *s = b->inst->spaces;
    vm_module *module = s->modules[step->index];
    vm_instance *made;
    size_t count;
    const vm_import *imports = vm_module_imports(module, &count);
    cm_sched *sched = cm_store_sched(b->cs);
    vm_extern *given = malloc((count + 1) * sizeof *given);
    if (!given || !sched) {
        free(given);
        return no_memory(b->err);
    }
    vm_status status = VM_OK;
    for (size_t i = 0; i < count && status == VM_OK; i++)
        if (!core_import(b, step, &imports[i], &given[i]))
            status = VM_INVALID; /* validation has seen that it is there */
    cm_context context;          /* the start function's */
    cm_context_enter(sched, &context);
    if (status == VM_OK)
        status = vm_instance_create(b->cs->store, module, given, &made, b->err);
    cm_context_leave(sched, &context);
    free(given);
    if (status == VM_OK)
        s->core_instances[s->counts[CM_SPACE_CORE_INSTANCE]++].instance = made;
    return status;
}

static vm_status step_core_bag(builder *b, const cm_step *step)
{
    struct cm_spaces *s = b->inst->spaces;
    vm_extern *items = take(b, step->count, sizeof *items);
    if (!items)
        return no_memory(b->err);
    for (uint32_t i = 0; i < step->count; i++) {
        const vm_export *e = &step->bag->exports[i];
        items[i] = s->core[e->type.kind][e->index];
    }
    s->core_instances[s->counts[CM_SPACE_CORE_INSTANCE]++] =
        (cm_core_item){.type = step->bag, .items = items};
    return VM_OK;
}

static vm_status step_alias_core(builder *b, const cm_step *step)
{
    vm_extern item;
    if (!core_export(&b->inst->spaces->core_instances[step->index], step->name,
                     &item))
        return VM_INVALID;
    add_core(b, item);
    return VM_OK;
}

static vm_status step_module(builder *b, const cm_step *step)
{
    cm_item item = {.sort = CM_SORT_CORE_MODULE, .module = step->module};
    add_item(b, &item);
    return VM_OK;
}

/* ---- instances of components ------------------------------------------- */

static vm_status run(cm_store *cs, const cm_closure *of, cm_instance *parent,
                     const cm_item *imports, unsigned depth, cm_instance **out,
                     vm_error *err);

/* The arguments in the order of the component's own imports. */
static vm_status collect_args(builder *b, const cm_step *step,
                              const cm_scope *scope, cm_item *items)
{
    for (uint32_t i = 0; i < scope->type->nimports; i++) {
        const cm_arg *arg = cm_step_arg(step, scope->type->imports[i].name);
        if (!arg)
            return VM_INVALID; /* validation has seen that it is there */
        items[i] = item_at(b->inst, arg->sort, arg->index);
    }
    return VM_OK;
}

static vm_status step_instance(builder *b, const cm_step *step)
{
    const cm_closure *of = &b->inst->spaces->components[step->index];
    cm_instance *made;
    cm_item item = {.sort = CM_SORT_INSTANCE}, out;
    cm_item *items =
        malloc(((size_t)of->scope->type->nimports + 1) * sizeof *items);
    if (!items)
        return no_memory(b->err);
    vm_status status = collect_args(b, step, of->scope, items);
    if (status == VM_OK)
        status = run(b->cs, of, b->inst, items, b->depth + 1, &made, b->err);
    free(items);
    if (status != VM_OK)
        return status;
    item.instance = &made->exports;
    return add_as(b, &step->type, &item, &out);
}

static vm_status step_bag(builder *b, const cm_step *step)
{
    cm_exports *made = take(b, 1, sizeof *made);
    cm_item *items = take(b, step->count, sizeof *items);
    if (!made || !items)
        return no_memory(b->err);
    for (uint32_t i = 0; i < step->count; i++)
        items[i] = item_at(b->inst, step->args[i].sort, step->args[i].index);
    *made = (cm_exports){step->type.instance, &b->inst->view, items};
    cm_item item = {.sort = CM_SORT_INSTANCE, .instance = made};
    add_item(b, &item);
    return VM_OK;
}

static vm_status step_component(builder *b, const cm_step *step)
{
    cm_item item = {.sort = CM_SORT_COMPONENT};
    item.component.scope = step->scope;
    item.component.outer = b->inst;
    add_item(b, &item);
    return VM_OK;
}

static vm_status step_alias_export(builder *b, const cm_step *step)
{
    const cm_exports *from = b->inst->spaces->instances[step->index];
    add_item(b, &from->items[step->count]);
    return VM_OK;
}

static vm_status step_alias_outer(builder *b, const cm_step *step)
{
    const cm_instance *from = b->inst;
    for (uint32_t i = 0; i < step->count; i++)
        from = from->outer;
    cm_item item = item_at(from, (cm_sort)step->sort, step->index);
    add_item(b, &item);
    return VM_OK;
}

static vm_status step_import(builder *b, const cm_step *step)
{
    cm_item out;
    return add_as(b, &step->type, &b->imports[step->count], &out);
}

static vm_status step_export(builder *b, const cm_step *step)
{
    cm_item item = item_at(b->inst, (cm_sort)step->sort, step->index);
    cm_item *out = &b->exports[step->count];
    if (item.sort == CM_SORT_FUNC && item.func->name.len == 0)
        item.func->name = step->name;
    return add_as(b, &step->type, &item, out);
}

/* ---- canonical definitions --------------------------------------------- */

static vm_func *core_func(const builder *b, uint32_t index)
{
    return index == UINT32_MAX
               ? NULL
               : b->inst->spaces->core[VM_EXTERN_FUNC][index].func;
}

static cm_options resolve(const builder *b, const cm_static_options *o)
{
    return (cm_options){
        .encoding = o->encoding,
        .is_async = o->is_async,
        .mem64 = o->mem64,
        .memory =
            o->memory == UINT32_MAX
                ? NULL
                : b->inst->spaces->core[VM_EXTERN_MEMORY][o->memory].memory,
        .realloc = core_func(b, o->realloc),
        .post_return = core_func(b, o->post_return),
        .callback = core_func(b, o->callback),
    };
}

static vm_status step_resource(builder *b, const cm_step *step)
{
    cm_resource *made = take(b, 1, sizeof *made);
    if (!made)
        return no_memory(b->err);
    *made = (cm_resource){.impl = b->inst,
                          .dtor = core_func(b, step->resource.dtor),
                          .rep64 = step->resource.rep64};
    b->inst->view.slots[step->resource.resource - b->inst->view.base] = made;
    return VM_OK;
}

static vm_status step_lift(builder *b, const cm_step *step)
{
    cm_func *made = take(b, 1, sizeof *made);
    if (!made)
        return no_memory(b->err);
    *made = (cm_func){.type = step->canon->func,
                      .view = &b->inst->view,
                      .name = {"", 0},
                      .instance = b->inst,
                      .core = core_func(b, step->index),
                      .options = resolve(b, &step->canon->options)};
    cm_item item = {.sort = CM_SORT_FUNC, .func = made};
    add_item(b, &item);
    return VM_OK;
}

static vm_status step_lower(builder *b, const cm_step *step)
{
    cm_options options = resolve(b, &step->canon->options);
    vm_func *made =
        cm_lower_create(b->inst, b->inst->spaces->funcs[step->index],
                        step->canon->func, &options);
    if (!made)
        return no_memory(b->err);
    add_core_func(b, made);
    return VM_OK;
}

static vm_status step_builtin(builder *b, const cm_step *step)
{
    const cm_canon *c = step->canon;
    cm_builtin_spec spec = {.kind = c->kind,
                            .type = c->core->func,
                            .value = c->value,
                            .options = resolve(b, &c->options),
                            .is_async = c->is_async,
                            .cancellable = c->cancellable,
                            .index = c->index};
    if (c->kind == CM_RESOURCE_NEW || c->kind == CM_RESOURCE_DROP ||
        c->kind == CM_RESOURCE_REP)
        spec.resource = b->inst->view.slots[c->resource - b->inst->view.base];
    if (c->kind == CM_THREAD_NEW_INDIRECT)
        spec.table = b->inst->spaces->core[VM_EXTERN_TABLE][c->table].table;
    vm_func *made = cm_builtin_create(b->inst, &spec);
    if (!made)
        return no_memory(b->err);
    add_core_func(b, made);
    return VM_OK;
}

/* ---- values ------------------------------------------------------------ */

static vm_status step_value(builder *b, const cm_step *step)
{
    cm_item item = {.sort = CM_SORT_VALUE, .value = step->value};
    add_item(b, &item);
    return VM_OK;
}

/*
 * Start functions are called from outside while the instance and its parents
 * are being made: nothing of theirs runs, so that they can be entered.
 */
static vm_status call_start(builder *b, cm_func *func, const cm_value *args,
                            cm_result *result)
{
    for (cm_instance *i = b->inst; i; i = i->parent)
        i->may_enter = true;
    vm_status status = cm_func_call(func, args, result, b->err);
    for (cm_instance *i = b->inst; i; i = i->parent)
        i->may_enter = false;
    return status;
}

static vm_status keep_result(builder *b, const cm_type *type,
                             const cm_value *value)
{
    cm_value *kept = take(b, 1, sizeof *kept);
    if (!kept || !cm_value_copy(&b->cs->arena, type, value, kept))
        return no_memory(b->err);
    cm_item item = {.sort = CM_SORT_VALUE, .value = kept};
    add_item(b, &item);
    return VM_OK;
}

static vm_status step_start(builder *b, const cm_step *step)
{
    cm_func *func = b->inst->spaces->funcs[step->index];
    cm_value *args = take(b, step->count, sizeof *args);
    cm_result result;
    if (!args)
        return no_memory(b->err);
    for (uint32_t i = 0; i < step->count; i++)
        args[i] = *b->inst->spaces->values[step->args[i].index];
    vm_status status = call_start(b, func, args, &result);
    if (status != VM_OK)
        return status;
    if (func->type->result)
        status = keep_result(b, func->type->result, &result.value);
    cm_result_free(&result);
    return status;
}

/* ---- running the steps ------------------------------------------------- */

static vm_status (*const steps[])(builder *b, const cm_step *step) = {
    [CM_STEP_MODULE] = step_module,
    [CM_STEP_CORE_INSTANCE] = step_core_instance,
    [CM_STEP_CORE_BAG] = step_core_bag,
    [CM_STEP_COMPONENT] = step_component,
    [CM_STEP_INSTANCE] = step_instance,
    [CM_STEP_BAG] = step_bag,
    [CM_STEP_ALIAS_EXPORT] = step_alias_export,
    [CM_STEP_ALIAS_CORE] = step_alias_core,
    [CM_STEP_ALIAS_OUTER] = step_alias_outer,
    [CM_STEP_RESOURCE] = step_resource,
    [CM_STEP_LIFT] = step_lift,
    [CM_STEP_LOWER] = step_lower,
    [CM_STEP_BUILTIN] = step_builtin,
    [CM_STEP_VALUE] = step_value,
    [CM_STEP_START] = step_start,
    [CM_STEP_IMPORT] = step_import,
    [CM_STEP_EXPORT] = step_export,
};

static vm_status run_steps(cm_store *cs, cm_instance *inst,
                           const cm_item *imports, unsigned depth,
                           vm_error *err)
{
    const cm_scope *scope = inst->scope;
    builder b = {cs, inst, imports, NULL, depth, err};
    b.exports = take(&b, scope->type->exports->count, sizeof *b.exports);
    if (!b.exports)
        return no_memory(err);
    for (uint32_t i = 0; i < scope->nsteps; i++) {
        vm_status status = steps[scope->steps[i].kind](&b, &scope->steps[i]);
        if (status != VM_OK)
            return status;
    }
    inst->exports = (cm_exports){scope->type->exports, &inst->view, b.exports};
    inst->may_enter = true;
    return VM_OK;
}

static vm_status too_many(vm_error *err, const char *what, unsigned limit)
{
    vm_error_set(err, VM_PHASE_RUN, SIZE_MAX, "%s: more than %u", what, limit);
    return VM_TRAP;
}

static vm_status add_instance(cm_store *cs, const cm_closure *of,
                              cm_instance *parent, unsigned depth,
                              cm_instance **out, vm_error *err)
{
    if (depth > MAX_NESTING)
        return too_many(err, "component instances nest too deeply",
                        MAX_NESTING);
    if (cs->ninstances >= MAX_STORE_INSTANCES)
        return too_many(err, "too many component instances",
                        MAX_STORE_INSTANCES);
    cm_instance *inst = instance_create(cs, of->scope);
    if (!inst)
        return no_memory(err);
    cs->ninstances++;
    inst->parent = parent;
    inst->outer = of->outer;
    *out = inst;
    return VM_OK;
}

static vm_status run(cm_store *cs, const cm_closure *of, cm_instance *parent,
                     const cm_item *imports, unsigned depth, cm_instance **out,
                     vm_error *err)
{
    vm_status status = add_instance(cs, of, parent, depth, out, err);
    return status == VM_OK ? run_steps(cs, *out, imports, depth, err) : status;
}

vm_status cm_instantiate(cm_linker *linker, cm_component *component,
                         vm_store *store, cm_instance **out, vm_name *missing,
                         vm_error *err)
{
    cm_closure root = {component->root, NULL};
    vm_error scratch = {0};
    cm_instance *inst;
    if (!err)
        err = &scratch;
    err->text[0] = '\0';
    cm_store *cs = cm_store_get(store);
    size_t count = cm_component_import_count(component);
    cm_item *items = calloc(count + 1, sizeof *items);
    if (!cs || !items) {
        free(items);
        return no_memory(err);
    }
    vm_status status = add_instance(cs, &root, NULL, 0, &inst, err);
    if (status == VM_OK) {
        inst->component = cm_component_retain(component);
        status = cm_link_imports(inst, linker, &cs->arena, items, missing, err);
    }
    if (status == VM_OK)
        status = run_steps(cs, inst, items, 0, err);
    free(items);
    if (status == VM_OK)
        *out = inst;
    return status;
}
