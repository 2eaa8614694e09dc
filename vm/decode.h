/*
 * decode.h - what the decoder's files share with each other and with the
 * validator.  bytes -> decode*.c -> vm_module -> validate*.c.
 *
 * Decoding makes the module's arrays and checks the grammar (section 5): its
 * errors are "malformed".  Indices of types are looked up here as well, since
 * ids are what is stored; every other index is the validator's business.
 */
#ifndef VYOMA_VM_DECODE_H
#define VYOMA_VM_DECODE_H

#include "vm/leb.h"
#include "vm/module.h"
#include "vm/opcodes.h"

/*
 * Which types an index may name: `types` for the finished ones, and the `nrec`
 * types after them of the recursion group being read (answered as relative
 * ids, see VM_REC_BIT).
 */
typedef struct vm_typescope {
    const vm_deftype *const *types;
    uint32_t ntypes, nrec;
} vm_typescope;

static inline vm_typescope vm_module_scope(const vm_module *m)
{
    return (vm_typescope){m->types, m->ntypes, 0};
}

/* Types; VM_BOTTOM or 0 after an error. */
vm_type vm_decode_valtype(vm_reader *r, const vm_typescope *scope);
vm_type vm_decode_reftype(vm_reader *r, const vm_typescope *scope);
uint32_t vm_decode_heaptype(vm_reader *r, const vm_typescope *scope);
/* The type behind an index that must be a function's; NULL after an error. */
const vm_deftype *vm_decode_functype(vm_reader *r, const vm_typescope *scope);

/* Skips an instruction's immediates, checking their grammar only. */
void vm_decode_skip(vm_reader *r, vm_op op);
/* An opcode; VM_OP_COUNT after an error. */
vm_op vm_decode_op(vm_reader *r);

/* A proposal that is recognised, in order to say this. */
#define VM_NO_DESCRIPTORS "custom descriptors are not supported"

typedef struct vm_decoder {
    vm_reader r;
    vm_module *m;
    bool no_memory;
} vm_decoder;

/* From the module's arena; NULL (and the reader fails) when out of memory. */
void *vm_decode_alloc(vm_decoder *d, size_t count, size_t size);
/* Finds the end of an expression. */
vm_constexpr vm_decode_expr(vm_decoder *d);

/* Sections with files of their own; d->r covers just the section. */
void vm_decode_types(vm_decoder *d);
void vm_decode_imports(vm_decoder *d);
void vm_decode_elems(vm_decoder *d);
void vm_decode_datas(vm_decoder *d);
vm_limits vm_decode_limits(vm_reader *r, bool is_memory);

/* Decodes all of m->bytes into m. */
VM_MUST_CHECK vm_status vm_module_decode(vm_module *m, vm_error *err);
/* Checks all of it; also fills in what bodies need (max_slots and such). */
VM_MUST_CHECK vm_status vm_module_validate(vm_module *m, vm_error *err);

#endif
