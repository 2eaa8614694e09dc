/* exercise.c - see exercise.h. */
#include "tests/robust/exercise.h"

#include "vm/component.h"
#include "vm/types.h"

#include <stdlib.h>
#include <string.h>

enum { FUEL = 20000, MAX_CALLS = 50 };

/* One engine for all: what types it collects is part of the test. */
static vm_engine *engine(void)
{
    static vm_engine *one;
    if (!one)
        one = vm_engine_create(NULL);
    if (!one)
        abort();
    return one;
}

/* A host function that answers zeros. */
static vm_status answer_zeros(vm_fiber *fiber, void *env, vm_slot *slots)
{
    const vm_functype *type = env;
    memset(slots, 0, type->result_slots * sizeof *slots);
    return VM_OK;
}

/* Something that fits the import; false when there is nothing. */
static bool make_import(vm_store *store, const vm_externtype *type,
                        vm_extern *out)
{
    const vm_value zero = {0};
    out->kind = type->kind;
    switch (type->kind) {
    case VM_EXTERN_FUNC:
        out->func = vm_func_create_host(store, type->func, answer_zeros,
                                        (void *)type->func);
        return out->func;
    case VM_EXTERN_TABLE:
        return vm_type_is_nullable(type->table.type) &&
               vm_table_create(store, &type->table.limits, type->table.type, 0,
                               &out->table) == VM_OK;
    case VM_EXTERN_MEMORY:
        return vm_memory_create(store, &type->memory, &out->memory) == VM_OK;
    case VM_EXTERN_GLOBAL:
        return vm_type_is_defaultable(type->global.type) &&
               vm_global_create(store, type->global.type,
                                type->global.is_mutable, zero,
                                &out->global) == VM_OK;
    case VM_EXTERN_TAG:
        return vm_tag_create(store, type->func, &out->tag) == VM_OK;
    }
    return false;
}

/* Calls a function with zeros, unless it wants a reference that is not null. */
static void call(vm_store *store, vm_func *func)
{
    const vm_functype *type = vm_func_type(func);
    uint32_t slots = type->param_slots > type->result_slots
                         ? type->param_slots
                         : type->result_slots;
    vm_error err = {0};
    for (uint32_t i = 0; i < type->nparams; i++)
        if (!vm_type_is_defaultable(type->types[i]))
            return;
    vm_slot *values = calloc(slots + 1, sizeof *values);
    if (!values)
        return;
    vm_store_set_fuel(store, FUEL);
    vm_status status = vm_call_slots(store, func, values, &err);
    (void)status; /* any answer will do */
    free(values);
}

static void run(vm_store *store, vm_module *module)
{
    size_t nimports, nexports;
    vm_error err = {0};
    vm_instance *instance;
    const vm_import *imports = vm_module_imports(module, &nimports);
    const vm_export *exports = vm_module_exports(module, &nexports);
    vm_extern *externs = calloc(nimports + 1, sizeof *externs);
    if (!externs)
        return;
    for (size_t i = 0; i < nimports; i++)
        if (!make_import(store, &imports[i].type, &externs[i]))
            goto done;
    vm_store_set_fuel(store, FUEL);
    if (vm_instance_create(store, module, externs, &instance, &err) != VM_OK)
        goto done;
    for (size_t i = 0, calls = 0; i < nexports && calls < MAX_CALLS; i++) {
        if (exports[i].type.kind != VM_EXTERN_FUNC)
            continue;
        vm_func *func = vm_instance_export_at(instance, i).func;
        if (func) /* else out of memory */
            call(store, func);
        calls++;
    }
done:
    free(externs);
}

bool exercise_bytes(const uint8_t *bytes, size_t len)
{
    static const vm_store_limits limits = {.memory_bytes = 64 << 20,
                                           .table_elements = 1 << 20,
                                           .instances = 100,
                                           .stack_bytes = 256 << 10};
    vm_module *module;
    vm_store *store;
    vm_error err = {0};
    if (cm_is_component(bytes, len))
        return exercise_component(engine(), &limits, bytes, len);
    if (vm_module_load(engine(), bytes, len, &module, &err) != VM_OK)
        return false;
    if (vm_store_create(engine(), &limits, &store) == VM_OK) {
        run(store, module);
        vm_store_destroy(store);
    }
    vm_module_release(module);
    return true;
}
