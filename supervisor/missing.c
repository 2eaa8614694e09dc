/* missing.c - stands in for parts of the engine that have not landed yet, so
 * that PID 1 can be linked and tested.  To be removed with the last of them. */
#include <stdlib.h>

#pragma clang diagnostic ignored "-Wmissing-prototypes"

#define MISSING(name)                                                          \
    __attribute__((weak)) void name(void)                                      \
    {                                                                          \
        abort();                                                               \
    }
MISSING(vm_memory_data)
MISSING(vm_memory_size)
MISSING(vm_call_slots)
MISSING(cm_store_get)
MISSING(vm_exit)
MISSING(vm_store_exit_code)
