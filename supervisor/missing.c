/* missing.c - stands in for parts of the engine that have not landed yet, so
 * that PID 1 can be linked and tested.  To be removed with the last of them. */
#include <stdlib.h>

#pragma clang diagnostic ignored "-Wmissing-prototypes"

#define MISSING(name)                                                          \
    __attribute__((weak)) void name(void)                                      \
    {                                                                          \
        abort();                                                               \
    }
MISSING(cm_store_get)
