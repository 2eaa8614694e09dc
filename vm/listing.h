/*
 * listing.h - a function's WebAssembly and the threaded code made from it, as
 * lines of text: what `vyoma objdump` prints.
 */
#ifndef VYOMA_VM_LISTING_H
#define VYOMA_VM_LISTING_H

#include "vm/vm.h"

#include <stdio.h>

/* The name of a handler, for people. */
typedef void (*vm_handler_name)(uintptr_t handler, char *buf, size_t size);

/*
 * Prints function `func` of the module, which is compiled anew for this.
 * VM_TRAP when it cannot be compiled; VM_NO_MEMORY.  An imported function has
 * one line.
 */
VM_MUST_CHECK vm_status vm_listing_print(vm_module *module, uint32_t func,
                                         vm_handler_name name, FILE *out,
                                         vm_error *err);

#endif
