/* exercise.c - see exercise.h. */
#include "tests/robust/exercise.h"

#include "vm/component.h"

#include <stdlib.h>

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

static bool exercise_component(const uint8_t *bytes, size_t len)
{
    cm_component *component;
    vm_error err = {0};
    if (cm_component_load(engine(), bytes, len, &component, &err) != VM_OK)
        return false;
    cm_component_release(component);
    return true;
}

bool exercise_bytes(const uint8_t *bytes, size_t len)
{
    vm_module *module;
    vm_error err = {0};
    if (cm_is_component(bytes, len))
        return exercise_component(bytes, len);
    if (vm_module_load(engine(), bytes, len, &module, &err) != VM_OK)
        return false;
    vm_module_release(module);
    return true;
}
