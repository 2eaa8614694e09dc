/* opcodes.c - the tables behind opcodes.h. */
#include "vm/opcodes.h"

const vm_op_info vm_ops[VM_OP_COUNT] = {
#define OP(name, prefix, code, text, imm, arg, sig)                            \
    [VM_OP_##name] = {text, sig, code, prefix, VM_IMM_##imm, arg},
#include "vm/opcodes.def"
#undef OP
};

const uint16_t vm_op_numbers[5 * VM_OP_CODES] = {
#define OP(name, prefix, code, text, imm, arg, sig)                            \
    [VM_OP_INDEX(prefix, code)] = VM_OP_##name + 1,
#include "vm/opcodes.def"
#undef OP
};
