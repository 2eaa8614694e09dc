/*
 * cm_print.h - a component's outside as WIT text, for `vyoma inspect`.
 */
#ifndef VYOMA_CM_PRINT_H
#define VYOMA_CM_PRINT_H

#include "vm/component.h"

#include <stdio.h>

/* The world that the component's imports and exports make up. */
void cm_print_world(const cm_component *component, FILE *out);
/* What it is made of: core modules and their sizes, nested components. */
void cm_print_parts(const cm_component *component, FILE *out);

/* The core modules inside, nested ones included, in the order of the bytes. */
vm_module *const *cm_component_modules(const cm_component *component,
                                       uint32_t *count);

/* One line per import or export of a core module. */
void cm_print_externtype(const vm_externtype *type, FILE *out);

#endif
