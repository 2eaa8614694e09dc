/* fuzz_component.c - libFuzzer: decoding and validation of components. */
#include "vm/component.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static vm_engine *engine(void)
{
    static vm_engine *one;
    static unsigned uses;
    if (uses++ % 1000 == 0) {
        vm_engine_destroy(one);
        one = vm_engine_create(NULL);
        if (!one)
            abort();
    }
    return one;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    cm_component *component = NULL;
    vm_error err = {0};
    vm_status status =
        cm_component_load(engine(), bytes, len, &component, &err);
    if (status == VM_INVALID && !err.text[0])
        abort(); /* every rejection says why */
    cm_component_release(component);
    return 0;
}
