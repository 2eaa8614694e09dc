/* exercise_component.c - the component's part of exercise.h. */
#include "tests/robust/exercise.h"

#include "vm/cm_internal.h"

#include <stdlib.h>
#include <string.h>

enum { FUEL = 20000, MAX_CALLS = 20 };

/* The least value of a type; false when there is none to be made. */
static bool make_value(cm_arena *arena, const cm_type *t, cm_value *out)
{
    memset(out, 0, sizeof *out);
    switch ((cm_kind)t->kind) {
    case CM_RECORD:
    case CM_TUPLE:
    case CM_FIXED_LIST:
        out->list.len = t->count;
        out->list.items = cm_arena_alloc(arena, t->count, sizeof(cm_value));
        if (!out->list.items)
            return false;
        for (uint32_t i = 0; i < t->count; i++)
            if (!make_value(arena, t->elem ? t->elem : t->fields[i].type,
                            &out->list.items[i]))
                return false;
        return true;
    case CM_VARIANT:
    case CM_ENUM:
    case CM_OPTION:
    case CM_RESULT:
        if (!t->fields[0].type)
            return true;
        out->variant.payload = cm_arena_alloc(arena, 1, sizeof(cm_value));
        return out->variant.payload &&
               make_value(arena, t->fields[0].type, out->variant.payload);
    case CM_OWN:
    case CM_BORROW:
    case CM_STREAM:
    case CM_FUTURE:
    case CM_ERROR_CONTEXT: return false;
    default: return true;
    }
}

static void call(vm_store *store, cm_func *func)
{
    cm_arena arena;
    cm_result result;
    cm_value args;
    vm_error err = {0};
    cm_arena_init(&arena, 1 << 20);
    vm_store_set_fuel(store, FUEL);
    if (func->instance && make_value(&arena, func->type->params, &args) &&
        cm_func_call(func, args.list.items, &result, &err) == VM_OK)
        cm_result_free(&result);
    cm_arena_finish(&arena);
}

static void call_exports(vm_store *store, const cm_exports *exports,
                         unsigned *calls)
{
    for (uint32_t i = 0; i < exports->type->count && *calls < MAX_CALLS; i++) {
        const cm_item *item = &exports->items[i];
        if (item->sort == CM_SORT_INSTANCE) {
            call_exports(store, item->instance, calls);
        } else if (item->sort == CM_SORT_FUNC) {
            call(store, item->func);
            ++*calls;
        }
    }
}

static void run(vm_engine *engine, vm_store *store, cm_component *component)
{
    vm_error err = {0};
    vm_name missing;
    cm_instance *instance;
    unsigned calls = 0;
    cm_linker *linker = cm_linker_create(engine);
    if (!linker)
        return;
    vm_store_set_fuel(store, FUEL);
    if (cm_instantiate(linker, component, store, &instance, &missing, &err) ==
        VM_OK)
        call_exports(store, &instance->exports, &calls);
    cm_linker_destroy(linker);
}

bool exercise_component(vm_engine *engine, const vm_store_limits *limits,
                        const uint8_t *bytes, size_t len)
{
    cm_component *component;
    vm_store *store;
    vm_error err = {0};
    if (cm_component_load(engine, bytes, len, &component, &err) != VM_OK)
        return false;
    if (vm_store_create(engine, limits, &store) == VM_OK) {
        run(engine, store, component);
        vm_store_destroy(store);
    }
    cm_component_release(component);
    return true;
}
