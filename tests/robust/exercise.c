/* exercise.c - see exercise.h. */
#include "tests/robust/exercise.h"

#include "vm/vm.h"

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

bool exercise_bytes(const uint8_t *bytes, size_t len)
{
    vm_module *module;
    vm_error err = {0};
    if (vm_module_load(engine(), bytes, len, &module, &err) != VM_OK)
        return false;
    vm_module_release(module);
    return true;
}
