/* run_invoke.h - `vyoma run --invoke`: arguments from text, results to it. */
#ifndef VYOMA_RUN_INVOKE_H
#define VYOMA_RUN_INVOKE_H

#include "vm/component.h"

/* Calls a core function; prints each result on a line. */
VM_MUST_CHECK vm_status run_invoke_core(vm_store *store, vm_func *func,
                                        const char *const *args, size_t count,
                                        vm_error *err);

/*
 * Calls a component's function: `call` is "name" or "name(arguments)" or
 * "interface.name(arguments)" in WAVE (the component model's value text);
 * further `args` are the arguments when `call` has no parentheses.  Prints the
 * result as WAVE.
 */
VM_MUST_CHECK vm_status run_invoke_component(cm_instance *instance,
                                             const char *call,
                                             const char *const *args,
                                             size_t count, vm_error *err);

#endif
