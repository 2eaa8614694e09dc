/* fuzz_module.c - libFuzzer: decoding and validation of modules only. */
#include "vm/vm.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* A new engine every so often, since types stay in one until it goes. */
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
    vm_module *module = NULL;
    vm_error err = {0};
    vm_status status = vm_module_load(engine(), bytes, len, &module, &err);
    if (status == VM_INVALID && !err.text[0])
        abort(); /* every rejection says why */
    vm_module_release(module);
    return 0;
}
