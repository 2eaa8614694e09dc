/*
 * coredump.h - what a guest was when it trapped, as a file for debuggers: the
 * WebAssembly tool conventions' core dump (Coredump.md).
 */
#ifndef VYOMA_VM_COREDUMP_H
#define VYOMA_VM_COREDUMP_H

#include "vm/vm.h"

#include <stdio.h>

#pragma GCC visibility push(default)

/*
 * Writes the store's memories, globals and instances, and the frames of its
 * last trap, to `out`, which must not have been written to.  `name` is the
 * program's.  To be called before anything else runs in the store.  False when
 * out of memory, or when writing failed (errno tells).
 *
 * A frame has its locals, and the operands on its stack: in the one that
 * trapped, before the instruction; in the others, below the arguments of the
 * call.  Values that the engine does not have any more, or that the format has
 * no code for (vectors, references), are written as missing.  References in
 * globals are written as null.
 */
VM_MUST_CHECK bool vm_coredump_write(const vm_store *store, const char *name,
                                     FILE *out);

#pragma GCC visibility pop

#endif
