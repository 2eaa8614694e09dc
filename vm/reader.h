/*
 * reader.h - reading LEB128 numbers and instructions from bytes.
 *
 * Two readers.  The unchecked one (vm_read_*) walks bytes that validation has
 * accepted: no bounds, no errors; the compiler and instantiation use it.  The
 * checked one is leb.h's, for the decoder and the validator.
 */
#ifndef VYOMA_VM_READER_H
#define VYOMA_VM_READER_H

#include "vm/module.h"
#include "vm/opcodes.h"

#include <string.h>

static inline uint64_t vm_read_uleb(const uint8_t **p)
{
    uint64_t byte = *(*p)++;
    if (byte < 0x80)
        return byte;
    uint64_t value = byte & 0x7f;
    uint32_t shift = 7;
    do {
        byte = *(*p)++;
        value |= (byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    return value;
}

static inline uint32_t vm_read_u32(const uint8_t **p)
{
    return (uint32_t)vm_read_uleb(p);
}

static inline uint64_t vm_read_u64(const uint8_t **p)
{
    return vm_read_uleb(p);
}

static inline int64_t vm_read_s64(const uint8_t **p)
{
    uint64_t value = 0, byte;
    uint32_t shift = 0;
    do {
        byte = *(*p)++;
        value |= (byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (shift < 64 && (byte & 0x40))
        value |= ~UINT64_C(0) << shift;
    return (int64_t)value;
}

static inline int32_t vm_read_s32(const uint8_t **p)
{
    return (int32_t)vm_read_s64(p);
}

/* Fixed-width little-endian fields. */
static inline uint32_t vm_read_fixed32(const uint8_t **p)
{
    uint32_t v;
    memcpy(&v, *p, sizeof v);
    *p += sizeof v;
    return v;
}

static inline uint64_t vm_read_fixed64(const uint8_t **p)
{
    uint64_t v;
    memcpy(&v, *p, sizeof v);
    *p += sizeof v;
    return v;
}

/* The opcode, prefix included. */
static inline vm_op vm_read_op(const uint8_t **p)
{
    uint8_t byte = *(*p)++;
    if (!vm_op_is_prefix(byte))
        return (vm_op)(vm_op_numbers[byte] - 1);
    uint32_t code = vm_read_u32(p);
    return (vm_op)(vm_op_numbers[VM_OP_INDEX(byte, code)] - 1);
}

/* A heap type: VM_HEAP_* or the engine-wide id of a defined type. */
static inline uint32_t vm_read_heap(const vm_module *m, const uint8_t **p)
{
    int64_t code = vm_read_s64(p);
    return code < 0 ? VM_ABSTRACT | (uint32_t)(code & 0x7f)
                    : m->types[code]->id;
}

static inline vm_type vm_read_type(const vm_module *m, const uint8_t **p)
{
    uint8_t byte = *(*p)++;
    if (byte == 0x64) /* (ref ht) */
        return VM_REF | vm_read_heap(m, p);
    if (byte == 0x63) /* (ref null ht) */
        return VM_REF | VM_NULLABLE | vm_read_heap(m, p);
    if (byte >= 0x69 && byte <= 0x74)
        return VM_REF | VM_NULLABLE | VM_ABSTRACT | byte;
    return byte;
}

/*
 * A block type.  Empty and one-result types use `storage`, which has to live
 * as long as the result is used.
 */
typedef struct vm_blocktype {
    uint32_t nparams, nresults;
    const vm_type *params, *results;
    vm_type storage;
} vm_blocktype;

static inline void vm_read_blocktype(const vm_module *m, const uint8_t **p,
                                     vm_blocktype *out)
{
    *out = (vm_blocktype){0};
    uint8_t byte = **p;
    if (byte == 0x40) {
        (*p)++;
    } else if ((byte & 0xc0) == 0x40) { /* a negative number: a value type */
        out->storage = vm_read_type(m, p);
        out->results = &out->storage;
        out->nresults = 1;
    } else {
        const vm_functype *type = &m->types[vm_read_s64(p)]->func;
        out->nparams = type->nparams;
        out->nresults = type->nresults;
        out->params = type->types;
        out->results = type->types + type->nparams;
    }
}

typedef struct vm_memarg {
    uint64_t offset;
    uint32_t memory;
    uint8_t align; /* log2 of bytes */
} vm_memarg;

static inline vm_memarg vm_read_memarg(const uint8_t **p)
{
    vm_memarg arg = {0};
    uint32_t flags = vm_read_u32(p);
    arg.align = flags & 0x3f;
    if (flags & 0x40)
        arg.memory = vm_read_u32(p);
    arg.offset = vm_read_u64(p);
    return arg;
}

/* Local declarations: runs of one type each, after the parameters. */
typedef struct vm_local_runs {
    const vm_module *module;
    const uint8_t *pos;
    uint32_t left;
} vm_local_runs;

static inline vm_local_runs vm_local_runs_start(const vm_module *m,
                                                const vm_funcdecl *func)
{
    vm_local_runs r = {m, m->bytes + func->locals, 0};
    r.left = vm_read_u32(&r.pos);
    return r;
}

static inline bool vm_local_runs_next(vm_local_runs *r, uint32_t *count,
                                      vm_type *type)
{
    if (!r->left)
        return false;
    r->left--;
    *count = vm_read_u32(&r->pos);
    *type = vm_read_type(r->module, &r->pos);
    return true;
}

/*
 * Skips the immediates of `op`; *p is just after the opcode.  For walks that
 * look for something else (disassembly, finding the end of a block).
 */
void vm_skip_immediates(const vm_module *m, vm_op op, const uint8_t **p);

#endif
