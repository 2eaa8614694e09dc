/* error.c - the first error of an operation, as text with a place. */
#include "vm/vm.h"

#include <stdarg.h>
#include <stdio.h>

void vm_error_set(vm_error *err, vm_phase phase, size_t offset, const char *fmt,
                  ...)
{
    if (!err || err->text[0])
        return;
    err->phase = phase;
    err->offset = offset;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
}
