/*
 * image.h - what the active segments of a module make of its tables and its
 * memory, worked out once and shared by all instances.  Private to vm/.
 *
 * A table starts with nothing in it but a view of this: a function becomes a
 * value when the element is first looked at (table.c).  The first instance
 * copies its data segments into its memory; when there is a second one, their
 * bytes are put into a file in memory, and from then on instances map that
 * privately, so that they share the pages which they do not write.
 */
#ifndef VYOMA_VM_IMAGE_H
#define VYOMA_VM_IMAGE_H

#include "vm/module.h"
#include "vm/vm.h"

/* Of one table: function index + 1 by element, 0 for null. */
typedef struct vm_table_image {
    uint32_t count; /* elements, from the first on */
    uint32_t *funcs;
} vm_table_image;

/*
 * By table index; NULL when the module's element segments have to be carried
 * out one by one: one of them is for an imported table, has an offset that is
 * not a constant, items that are not function indices, or does not fit.
 */
const vm_table_image *vm_image_tables(vm_module *module);

/*
 * Puts the active data segments of `module` into `memory`, its memory 0.
 * False: nothing was done, and they have to be copied.
 */
VM_MUST_CHECK bool vm_image_map_data(vm_module *module, vm_memory *memory);

void vm_image_free(vm_module *module); /* for the module's destruction */

#endif
