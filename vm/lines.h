/*
 * lines.h - source positions: what DWARF's line tables (custom section
 * .debug_line) say of instructions.  For backtraces, profiles and listings.
 */
#ifndef VYOMA_VM_LINES_H
#define VYOMA_VM_LINES_H

#include "vm/module.h"

/* Names are views of the module's bytes. */
typedef struct vm_line {
    vm_name dir;           /* may be empty */
    vm_name file;          /* a path of its own when absolute, else below dir */
    uint32_t line, column; /* from 1; column 0: unknown */
} vm_line;

/*
 * The position of the instruction at `offset` into the module's bytes; false
 * when the module does not tell.  Tables are read on first use, thread-safe;
 * what is malformed in them counts up to its first fault.
 */
bool vm_module_line(const vm_module *module, uint32_t offset, vm_line *out);
/* "DIR/FILE", control characters replaced; what does not fit is cut off. */
void vm_line_path(const vm_line *line, char *buf, size_t size);

void vm_lines_free(vm_module *module); /* for the module's destruction */

#endif
