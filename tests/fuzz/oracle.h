/* oracle.h - values and state as words: see oracle.c. */
#ifndef VYOMA_TESTS_ORACLE_H
#define VYOMA_TESTS_ORACLE_H

#include "vm/types.h"
#include "vm/vm.h"

#include <inttypes.h>
#include <stdbool.h>

/* " WORD" for each; slots as they lie in frames. */
void oracle_print_values(const vm_type *types, uint32_t n,
                         const vm_slot *slots);
/* " LETTER" for each. */
void oracle_print_types(const vm_type *types, uint32_t n);
/* Of the exported globals, tables and memories. */
void oracle_print_state(vm_instance *instance, const vm_export *exports,
                        size_t n);

/* Can JavaScript call it, and be called by it? */
bool oracle_can_call(const vm_functype *type);
/* Some value of the type; which one depends on `n`, 0 being zero or null.
 * False: JavaScript cannot make any. */
bool oracle_choose(vm_store *store, vm_type type, unsigned n, uint64_t *out);

/* Did it end for a reason that other engines do not share? */
bool oracle_is_exhausted(const vm_error *err);
/* Says "exhausted", and ends the process. */
void oracle_stop(const vm_error *err);

#endif
