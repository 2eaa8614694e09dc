/*
 * decode_expr.c - walking instructions without understanding them: finds where
 * expressions end, and lets disassembly and others skip immediates.
 */
#include "vm/decode.h"
#include "vm/reader.h"

vm_op vm_decode_op(vm_reader *r)
{
    const uint8_t *at = r->pos;
    uint8_t prefix = vm_reader_u8(r);
    uint32_t code = prefix;
    if (vm_op_is_prefix(prefix))
        code = vm_reader_u32(r);
    else
        prefix = 0;
    if (r->failed)
        return VM_OP_COUNT;
    vm_op op = vm_op_find(prefix, code);
    if (op == VM_OP_COUNT) {
        if (prefix == 0xfb && code >= 0x20 && code <= 0x26)
            vm_reader_malformed(r, at, VM_NO_DESCRIPTORS ": opcode 0xfb 0x%x",
                                code);
        else if (prefix)
            vm_reader_malformed(r, at, "illegal opcode 0x%02x 0x%02x", prefix,
                                code);
        else
            vm_reader_malformed(r, at, "illegal opcode 0x%02x", code);
    }
    return op;
}

/* Any type is accepted: indices are not looked up here. */
static void skip_heaptype(vm_reader *r)
{
    const uint8_t *at = r->pos;
    int64_t code = vm_reader_s33(r);
    if (code < 0 &&
        (code < -64 || (code & 0x7f) < 0x69 || (code & 0x7f) > 0x74))
        vm_reader_malformed(r, at, "malformed heap type");
}

static void skip_valtype(vm_reader *r)
{
    uint8_t byte = vm_reader_peek(r);
    if (byte == 0x63 || byte == 0x64) {
        r->pos++;
        skip_heaptype(r);
    } else {
        vm_decode_valtype(r, &(vm_typescope){0});
    }
}

static void skip_blocktype(vm_reader *r)
{
    uint8_t byte = vm_reader_peek(r);
    if (byte == 0x40)
        r->pos++;
    else if ((byte & 0xc0) == 0x40)
        skip_valtype(r);
    else
        (void)vm_reader_s33(r);
}

static void skip_catches(vm_reader *r)
{
    skip_blocktype(r);
    uint32_t n = vm_reader_count(r, 2, "catch clauses");
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *at = r->pos;
        uint8_t kind = vm_reader_u8(r);
        if (kind > VM_CATCH_ALL_REF)
            vm_reader_malformed(r, at, "malformed catch clause 0x%02x", kind);
        if (kind <= VM_CATCH_REF)
            (void)vm_reader_u32(r);
        (void)vm_reader_u32(r);
    }
}

static void skip_memarg(vm_reader *r)
{
    uint32_t flags = vm_reader_u32(r);
    if (flags & 0x40)
        (void)vm_reader_u32(r);
    (void)vm_reader_u64(r);
}

static void skip_u32s(vm_reader *r, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        (void)vm_reader_u32(r);
}

void vm_decode_skip(vm_reader *r, vm_op op)
{
    switch ((vm_imm_kind)vm_ops[op].imm) {
    case VM_IMM_NONE: break;
    case VM_IMM_BLOCK: skip_blocktype(r); break;
    case VM_IMM_LABELS:
        skip_u32s(r, vm_reader_count(r, 1, "labels"));
        skip_u32s(r, 1);
        break;
    case VM_IMM_LABEL:
    case VM_IMM_FUNC:
    case VM_IMM_TYPE:
    case VM_IMM_LOCAL:
    case VM_IMM_GLOBAL:
    case VM_IMM_TABLE:
    case VM_IMM_MEMORY:
    case VM_IMM_TAG:
    case VM_IMM_ELEM:
    case VM_IMM_DATA: skip_u32s(r, 1); break;
    case VM_IMM_CALL_INDIRECT:
    case VM_IMM_TABLE2:
    case VM_IMM_MEMORY2:
    case VM_IMM_TYPE2:
    case VM_IMM_TABLE_ELEM:
    case VM_IMM_MEMORY_DATA:
    case VM_IMM_TYPE_FIELD:
    case VM_IMM_TYPE_LEN:
    case VM_IMM_TYPE_DATA:
    case VM_IMM_TYPE_ELEM: skip_u32s(r, 2); break;
    case VM_IMM_SELECT:
        for (uint32_t n = vm_reader_count(r, 1, "types"); n; n--)
            skip_valtype(r);
        break;
    case VM_IMM_HEAP: skip_heaptype(r); break;
    case VM_IMM_BR_ON_CAST:
        (void)vm_reader_u8(r);
        skip_u32s(r, 1);
        skip_heaptype(r);
        skip_heaptype(r);
        break;
    case VM_IMM_TRY_TABLE: skip_catches(r); break;
    case VM_IMM_MEMARG: skip_memarg(r); break;
    case VM_IMM_MEMARG_LANE:
        skip_memarg(r);
        (void)vm_reader_u8(r);
        break;
    case VM_IMM_ZERO:
    case VM_IMM_LANE: (void)vm_reader_u8(r); break;
    case VM_IMM_SHUFFLE:
    case VM_IMM_V128: (void)vm_reader_bytes(r, 16); break;
    case VM_IMM_I32: (void)vm_reader_sleb(r, 32); break;
    case VM_IMM_I64: (void)vm_reader_sleb(r, 64); break;
    case VM_IMM_F32: (void)vm_reader_bytes(r, 4); break;
    case VM_IMM_F64: (void)vm_reader_bytes(r, 8); break;
    }
}

void vm_skip_immediates(const vm_module *m, vm_op op, const uint8_t **p)
{
    vm_reader r = vm_reader_start(m->bytes, m->size, NULL);
    r.pos = *p;
    vm_decode_skip(&r, op);
    *p = r.pos;
}

static bool opens_block(vm_op op)
{
    return vm_ops[op].imm == VM_IMM_BLOCK || vm_ops[op].imm == VM_IMM_TRY_TABLE;
}

vm_constexpr vm_decode_expr(vm_decoder *d)
{
    vm_reader *r = &d->r;
    vm_constexpr expr = {.offset = (uint32_t)vm_reader_offset(r)};
    for (uint64_t depth = 1; depth && !r->failed;) {
        vm_op op = vm_decode_op(r);
        if (op == VM_OP_COUNT)
            break;
        vm_decode_skip(r, op);
        depth += opens_block(op);
        depth -= op == VM_OP_END || op == VM_OP_DELEGATE;
    }
    expr.size = (uint32_t)vm_reader_offset(r) - expr.offset;
    return expr;
}
