/*
 * opcodes.h - enums and tables made from opcodes.def.
 *
 * vm_op numbers are dense, in table order.  vm_op_find maps prefix and code to
 * a vm_op; vm_ops[] says of each what the others want to know.
 */
#ifndef VYOMA_VM_OPCODES_H
#define VYOMA_VM_OPCODES_H

#include <stdbool.h>
#include <stdint.h>

/* What follows the opcode in the bytes. */
typedef enum vm_imm_kind {
    VM_IMM_NONE,
    VM_IMM_BLOCK,  /* block type: empty, value type or type index */
    VM_IMM_LABEL,  /* relative depth */
    VM_IMM_LABELS, /* vector of depths, then the default */
    VM_IMM_FUNC,   /* index spaces */
    VM_IMM_TYPE,
    VM_IMM_LOCAL,
    VM_IMM_GLOBAL,
    VM_IMM_TABLE,
    VM_IMM_MEMORY,
    VM_IMM_TAG,
    VM_IMM_ELEM,
    VM_IMM_DATA,
    VM_IMM_CALL_INDIRECT, /* type, table */
    VM_IMM_TABLE2,        /* destination, source */
    VM_IMM_MEMORY2,       /* destination, source */
    VM_IMM_TYPE2,         /* destination, source */
    VM_IMM_TABLE_ELEM,    /* element segment, table */
    VM_IMM_MEMORY_DATA,   /* data segment, memory */
    VM_IMM_TYPE_FIELD,
    VM_IMM_TYPE_LEN, /* type, number of operands */
    VM_IMM_TYPE_DATA,
    VM_IMM_TYPE_ELEM,
    VM_IMM_SELECT,      /* vector of value types */
    VM_IMM_HEAP,        /* heap type */
    VM_IMM_BR_ON_CAST,  /* flags, label, heap type, heap type */
    VM_IMM_TRY_TABLE,   /* block type, vector of catch clauses */
    VM_IMM_MEMARG,      /* alignment and memory, offset */
    VM_IMM_MEMARG_LANE, /* the same, then a lane byte */
    VM_IMM_LANE,        /* lane byte */
    VM_IMM_SHUFFLE,     /* 16 lane bytes */
    VM_IMM_V128,        /* 16 bytes */
    VM_IMM_I32,         /* signed LEB128 */
    VM_IMM_I64,
    VM_IMM_F32,  /* 4 bytes */
    VM_IMM_F64,  /* 8 bytes */
    VM_IMM_ZERO, /* a zero byte */
} vm_imm_kind;

typedef enum vm_op {
#define OP(name, prefix, code, text, imm, arg, sig) VM_OP_##name,
#include "vm/opcodes.def"
#undef OP
    VM_OP_COUNT
} vm_op;

typedef struct vm_op_info {
    const char *text;
    const char *sig; /* see opcodes.def */
    uint16_t code;
    uint8_t prefix; /* 0, 0xfb, 0xfc, 0xfd or 0xfe */
    uint8_t imm;    /* vm_imm_kind */
    uint8_t arg;    /* see opcodes.def */
} vm_op_info;

extern const vm_op_info vm_ops[VM_OP_COUNT];

/* Numbers by prefix (none, 0xfb ... 0xfe) and code, plus one; 0 for none. */
#define VM_OP_CODES 512
#define VM_OP_INDEX(prefix, code)                                              \
    (((prefix) ? (prefix) - 0xfa : 0) * VM_OP_CODES + (code))
extern const uint16_t vm_op_numbers[5 * VM_OP_CODES];

static inline bool vm_op_is_prefix(uint8_t byte)
{
    return byte >= 0xfb && byte <= 0xfe;
}

/* VM_OP_COUNT when there is no such instruction. */
static inline vm_op vm_op_find(uint8_t prefix, uint32_t code)
{
    uint16_t n =
        code < VM_OP_CODES ? vm_op_numbers[VM_OP_INDEX(prefix, code)] : 0;
    return n ? (vm_op)(n - 1) : VM_OP_COUNT;
}

/* Catch clauses of try_table. */
enum {
    VM_CATCH = 0,
    VM_CATCH_REF = 1,
    VM_CATCH_ALL = 2,
    VM_CATCH_ALL_REF = 3,
};

#endif
