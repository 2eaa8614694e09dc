/*
 * compile_ops.c - instructions without control flow: operands are taken from
 * the symbolic stack, the result is left pending.
 */
#include "vm/compile.h"
#include "vm/interp.def"

#include <string.h>

/* ---- what kind of instruction
 * ---------------------------------------------------- */

enum {
    IS_COMMUTATIVE = 1,
    IS_COMPARE = 2, /* of integers */
    IS_ROUNDED = 4, /* may make a NaN */
};

#define COMMUTATIVE(op, ...) [VM_OP_##op] = IS_COMMUTATIVE,
#define COMPARE(op) [VM_OP_##op] = IS_COMMUTATIVE | IS_COMPARE,
#define FCOMMUTATIVE(op, ...) [VM_OP_##op] = IS_COMMUTATIVE | IS_ROUNDED,
#define ROUNDED(op, ...) [VM_OP_##op] = IS_ROUNDED,
static const uint8_t traits[VM_OP_COUNT] = {
    VM_INT_COMMUTATIVE(COMMUTATIVE) VM_INT_COMPARE(COMPARE)
        VM_FLOAT_COMMUTATIVE(FCOMMUTATIVE) VM_FLOAT_ORDERED(ROUNDED)
            ROUNDED(F32_MIN) ROUNDED(F32_MAX) ROUNDED(F64_MIN) ROUNDED(F64_MAX)
                ROUNDED(F32_CEIL) ROUNDED(F32_FLOOR) ROUNDED(F32_TRUNC)
                    ROUNDED(F32_NEAREST) ROUNDED(F32_SQRT) ROUNDED(F64_CEIL)
                        ROUNDED(F64_FLOOR) ROUNDED(F64_TRUNC)
                            ROUNDED(F64_NEAREST) ROUNDED(F64_SQRT)
                                ROUNDED(F32_DEMOTE_F64)
                                    ROUNDED(F64_PROMOTE_F32)};

#define PAIR(a, b) [VM_OP_##a] = VM_OP_##b + 1, [VM_OP_##b] = VM_OP_##a + 1
static const uint16_t negations[VM_OP_COUNT] = {
    PAIR(I32_EQ, I32_NE),     PAIR(I32_LT_S, I32_GE_S),
    PAIR(I32_LT_U, I32_GE_U), PAIR(I32_GT_S, I32_LE_S),
    PAIR(I32_GT_U, I32_LE_U), PAIR(I64_EQ, I64_NE),
    PAIR(I64_LT_S, I64_GE_S), PAIR(I64_LT_U, I64_GE_U),
    PAIR(I64_GT_S, I64_LE_S), PAIR(I64_GT_U, I64_LE_U),
};

static const uint16_t swaps[VM_OP_COUNT] = {
    PAIR(I32_LT_S, I32_GT_S), PAIR(I32_LT_U, I32_GT_U),
    PAIR(I32_LE_S, I32_GE_S), PAIR(I32_LE_U, I32_GE_U),
    PAIR(I64_LT_S, I64_GT_S), PAIR(I64_LT_U, I64_GT_U),
    PAIR(I64_LE_S, I64_GE_S), PAIR(I64_LE_U, I64_GE_U),
};

vm_op cc_negate(vm_op op)
{
    return negations[op] ? (vm_op)(negations[op] - 1) : VM_OP_COUNT;
}

vm_op cc_swap(vm_op op)
{
    return swaps[op] ? (vm_op)(swaps[op] - 1) : VM_OP_COUNT;
}

static value_class letter_class(char letter)
{
    switch (letter) {
    case 'i':
    case 'l': return C_INT;
    case 'f': return C_F32;
    case 'd': return C_F64;
    default: return C_SLOT;
    }
}

/* ---- arithmetic
 * --------------------------------------------------------------------- */

/* Deterministic mode: results that may be NaNs are made canonical at home. */
static void canonicalise(cc *c, char result)
{
    cc_flush(c);
    cc_start(c, vm_simple[result == 'f' ? VM_X_CANON32 : VM_X_CANON64]);
    cc_cell(c, c->stack[c->sp - 1].home);
}

static insn new_insn(const cc *c, vm_op op, insn_format format)
{
    return (insn){.op = (uint16_t)op,
                  .format = (uint8_t)format,
                  .row = vm_rows[op],
                  .offset = c->offset};
}

/* An instruction with a row: one or two operands, one result. */
static void rowed(cc *c, vm_op op)
{
    const char *sig = vm_ops[op].sig;
    bool two = sig[1] != ':';
    char result = sig[two ? 3 : 2];
    value_class class = letter_class(sig[0]);
    insn in = new_insn(c, op, two && sig[0] == 'i' ? FMT_INT : FMT_CELL);
    entry b = {0}, a;
    if (two)
        b = cc_pop(c);
    a = cc_pop(c);
    cc_resolve(c, &in, &a, class, two ? &b : NULL, class,
               traits[op] & IS_COMMUTATIVE);
    in.result = (uint8_t)letter_class(result);
    cc_push_pending(c, &in, false);
    if (c->deterministic && (traits[op] & IS_ROUNDED))
        canonicalise(c, result);
}

static bool is_local(const entry *e)
{
    return e->local && !e->wide &&
           (e->kind == E_SLOT || e->kind == E_P || e->kind == E_Q);
}

static vm_kind local_kind(const entry *e)
{
    return e->kind == E_SLOT ? VM_K_S : e->kind == E_P ? VM_K_P : VM_K_Q;
}

/* Leaves an i32 sum of locals and constants uncomputed. */
static bool lazy_sum(cc *c, bool negate)
{
    entry b = c->stack[c->sp - 1], a = c->stack[c->sp - 2];
    if (!negate && a.kind == E_CONST) {
        entry t = a;
        a = b;
        b = t;
    }
    entry sum = a;
    if (b.kind == E_CONST) {
        uint32_t k = negate ? -(uint32_t)b.k : (uint32_t)b.k;
        if (a.kind == E_SUM && a.bk == VM_K_K) {
            k += (uint32_t)a.k;
        } else if (is_local(&a)) {
            sum.ak = (uint8_t)local_kind(&a);
            sum.bk = VM_K_K;
        } else {
            return false;
        }
        sum.k = k;
    } else if (!negate && is_local(&a) && is_local(&b)) {
        sum.ak = (uint8_t)local_kind(&a);
        sum.bk = (uint8_t)local_kind(&b);
        sum.slot2 = b.slot;
        sum.local2 = b.local;
    } else {
        return false;
    }
    sum.kind = E_SUM;
    cc_sum_kinds(&sum);
    if (!vm_rows[VM_OP_I32_ADD][VM_ROW_INDEX(sum.ak, sum.bk, VM_K_S)])
        return false; /* a pinned local to itself */
    cc_pop(c);
    cc_pop(c);
    cc_push(c, sum);
    return true;
}

/* x == 0 turns a comparison around, or is one with a constant. */
static void eqz(cc *c, vm_op eq)
{
    if (eq == VM_OP_I32_EQ && c->has_pending && c->pending_at == c->sp - 1 &&
        c->pending.op < VM_OP_COUNT && (traits[c->pending.op] & IS_COMPARE)) {
        vm_op negated = cc_negate((vm_op)c->pending.op);
        c->pending.op = (uint16_t)negated;
        c->pending.row = vm_rows[negated];
        return;
    }
    cc_push_const(c, 0);
    rowed(c, eq);
}

static void select(cc *c, bool is_ref)
{
    entry cond = cc_pop(c);
    insn in = {.op = VM_X_BR_TRUE, /* any row that takes S, A, P, Q */
               .format = FMT_CELL,
               .row = vm_branch_rows[VM_X_BR_TRUE],
               .offset = c->offset};
    cc_resolve(c, &in, &cond, C_INT, NULL, C_INT, false);
    vm_kind kind = (vm_kind)in.ak;
    uint16_t slot = in.a;
    if (kind == VM_K_P || kind == VM_K_Q) {
        slot = cc_in_slot(c, &cond);
        kind = VM_K_S;
    }
    uint16_t op = kind == VM_K_A ? VM_X_SELECT_A : VM_X_SELECT_S;
    entry b = cc_pop(c), a = cc_pop(c);
    if (a.wide) {
        in = (insn){.op = VM_X_SELECT128,
                    .format = FMT_CELL,
                    .a = cc_in_slot(c, &a),
                    .b = cc_in_slot(c, &b),
                    .c = kind == VM_K_S ? slot : cc_in_slot(c, &cond),
                    .result = C_SLOT,
                    .offset = c->offset};
        cc_push_pending(c, &in, true);
        return;
    }
    in = (insn){.op = op,
                .format = FMT_SELECT,
                .row = vm_rows[op],
                .c = slot,
                .offset = c->offset};
    cc_resolve(c, &in, &a, C_INT, &b, C_INT, false);
    in.result = is_ref ? C_SLOT : C_INT;
    cc_push_pending(c, &in, false);
}

/* ---- instructions with one handler
 * ------------------------------------------------------ */

void cc_simple(cc *c, insn *in, uint32_t n, char result)
{
    entry e[3];
    for (uint32_t i = n; i-- > 0;)
        e[i] = cc_pop(c);
    cc_flush(c);
    uint16_t *const slots[] = {&in->a, &in->b, &in->c};
    for (uint32_t i = 0; i < n; i++)
        *slots[i] = cc_in_slot(c, &e[i]);
    in->offset = c->offset;
    in->result = C_SLOT;
    in->format = FMT_CELL;
    if (result == ':')
        cc_encode(c, in, VM_K_S, 0);
    else
        cc_push_pending(c, in, result == 'v');
}

static void simple_imm(cc *c, vm_op op, uint32_t n, char result, uint64_t imm)
{
    insn in = {.op = (uint16_t)op, .nextra = 1, .extra = {imm}};
    cc_simple(c, &in, n, result);
}

/* An index with bit 31 set when addresses are 64-bit. */
static uint64_t memory_index(const cc *c, uint32_t i)
{
    return i | (c->m->memories[i].is64 ? 1u << 31 : 0);
}

static uint64_t table_index(const cc *c, uint32_t i)
{
    return i | (c->m->tables[i].limits.is64 ? 1u << 31 : 0);
}

/* Operands of the signature up to ':', and the result's letter. */
static uint32_t operands(const char *sig, char *result)
{
    uint32_t n = (uint32_t)(strchr(sig, ':') - sig);
    *result = sig[n + 1] ? sig[n + 1] : ':';
    return n;
}

/* Four or two words in a row to two. */
static void wide_arithmetic(cc *c, vm_op op)
{
    uint32_t n = (uint32_t)(strchr(vm_ops[op].sig, ':') - vm_ops[op].sig);
    cc_stage(c, n);
    for (uint32_t i = 0; i < n; i++)
        cc_pop(c);
    cc_start(c, vm_simple[op]);
    cc_cell(c, cc_fields(c->height, c->height, 0, 0));
    cc_push_home(c, false);
    cc_push_home(c, false);
}

/* ---- memory
 * ---------------------------------------------------------------------------------
 */

static void far_access(cc *c, vm_op op, vm_memarg arg, uint64_t more)
{
    char result;
    uint32_t n = operands(vm_ops[op].sig, &result);
    uint64_t is64 = c->m->memories[arg.memory].is64;
    insn in = {.op = (uint16_t)op,
               .handler = vm_far[op],
               .nextra = 2,
               .extra = {arg.offset, arg.memory | is64 << 32 | more << 40}};
    cc_simple(c, &in, n, result);
}

/* Stores have no destination: the address goes to field 0, the value to 1. */
static void far_store(cc *c, vm_op op, vm_memarg arg)
{
    uint64_t is64 = c->m->memories[arg.memory].is64;
    entry value = cc_pop(c), address = cc_pop(c);
    insn in = {.op = (uint16_t)op,
               .handler = vm_far[op],
               .format = FMT_CELL,
               .nextra = 2,
               .extra = {arg.offset, arg.memory | is64 << 32},
               .offset = c->offset};
    uint16_t a = cc_in_slot(c, &address);
    in.a = cc_in_slot(c, &value);
    cc_encode(c, &in, VM_K_S, a);
}

/* Offset and size of a near access, which handlers add in one. */
static uint32_t end_offset(vm_op op, vm_memarg arg)
{
    return (uint32_t)arg.offset + (1u << vm_ops[op].arg);
}

/*
 * An access whose address is a sum: x + K, with K in the next cell, or x + y,
 * when the offset fits in field 3.  `at`: the field of x.
 */
static bool fuse_sum(const insn *in, const entry *sum, vm_op op)
{
    if (sum->kind != E_SUM || !vm_sum_rows[op] ||
        (sum->bk != VM_K_K && in->imm > UINT16_MAX))
        return false;
    return vm_sum_rows[op][VM_ROW_INDEX(sum->ak, sum->bk, VM_K_S)];
}

static void load(cc *c, vm_op op, vm_memarg arg)
{
    insn in = new_insn(c, op, FMT_LOAD);
    entry a = cc_pop(c);
    in.imm = end_offset(op, arg);
    in.result = (uint8_t)letter_class(vm_ops[op].sig[2]);
    if (fuse_sum(&in, &a, op)) {
        cc_flush(c);
        in.row = vm_sum_rows[op];
        in.format = FMT_SUM_LOAD;
        in.ak = a.ak;
        in.bk = a.bk;
        in.a = (uint16_t)a.slot;
        in.b = (uint16_t)a.slot2;
        in.k = a.k;
        cc_push_pending(c, &in, false);
        return;
    }
    cc_resolve(c, &in, &a, C_INT, NULL, C_INT, false);
    cc_push_pending(c, &in, false);
}

/* The third index of a row of fused stores is the value's kind. */
static void store_to_sum(cc *c, vm_op op, insn *in, entry *value,
                         const entry *sum)
{
    value_class class = letter_class(vm_ops[op].sig[1]);
    insn probe = *in;
    /* The value on its own chooses like the value of a plain store to a slot.
     */
    entry dummy = {.kind = E_SLOT};
    cc_resolve(c, &probe, &dummy, C_INT, value, class, false);
    in->row = NULL;
    in->handler =
        vm_sum_rows[op][VM_SUM_STORE_INDEX(sum->ak, sum->bk, probe.bk)];
    if (!in->handler) { /* this kind of value only from a slot */
        in->handler = vm_sum_rows[op][VM_ROW_INDEX(sum->ak, sum->bk, VM_K_S)];
        probe.b = cc_in_slot(c, value);
        probe.bk = VM_K_S;
    }
    in->format = FMT_SUM_STORE;
    in->ak = sum->ak;
    in->bk = sum->bk;
    in->a = (uint16_t)sum->slot;
    in->b = (uint16_t)sum->slot2;
    in->k = sum->k;
    in->c = probe.b;
    if (probe.bk == VM_K_K) {
        in->nextra = 1;
        in->extra[0] = probe.k2;
    }
    in->result = C_NONE;
    cc_encode(c, in, VM_K_S, 0);
}

static void store(cc *c, vm_op op, vm_memarg arg)
{
    insn in = new_insn(c, op, FMT_STORE);
    entry value = cc_pop(c), address = cc_pop(c);
    in.imm = end_offset(op, arg);
    if (fuse_sum(&in, &address, op)) {
        store_to_sum(c, op, &in, &value, &address);
        return;
    }
    cc_resolve(c, &in, &address, C_INT, &value, letter_class(vm_ops[op].sig[1]),
               false);
    in.result = C_NONE;
    cc_encode(c, &in, VM_K_S, 0);
}

static void access(cc *c, vm_op op)
{
    vm_memarg arg = vm_read_memarg(&c->p);
    bool is_load = vm_ops[op].sig[1] == ':';
    bool near = !arg.memory && !c->m->memories[0].is64 &&
                arg.offset <= UINT32_MAX - 8 && vm_rows[op];
    if (near && is_load)
        load(c, op, arg);
    else if (near)
        store(c, op, arg);
    else if (!is_load && vm_rows[op])
        far_store(c, op, arg);
    else
        far_access(c, op, arg, 0);
}

static void access_lane(cc *c, vm_op op)
{
    vm_memarg arg = vm_read_memarg(&c->p);
    far_access(c, op, arg, *c->p++);
}

/* ---- vectors
 * -----------------------------------------------------------------------------------
 */

static void bytes16(cc *c, insn *in)
{
    memcpy(in->extra, c->p, 16);
    in->nextra = 2;
    c->p += 16;
}

static bool is_rounded_vector(vm_op op)
{
    static const char *const names[] = {"add",
                                        "sub",
                                        "mul",
                                        "div",
                                        "min",
                                        "max",
                                        "sqrt",
                                        "ceil",
                                        "floor",
                                        "trunc",
                                        "nearest",
                                        "demote_f64x2_zero",
                                        "promote_low_f32x4",
                                        "relaxed_madd",
                                        "relaxed_nmadd",
                                        "relaxed_min",
                                        "relaxed_max"};
    const char *text = vm_ops[op].text;
    if (strncmp(text, "f32x4.", 6) && strncmp(text, "f64x2.", 6))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(text + 6, names[i]))
            return true;
    return false;
}

/* Whatever the signature says, over slots. */
static void by_signature(cc *c, vm_op op)
{
    insn in = {.op = (uint16_t)op};
    char result;
    uint32_t n = operands(vm_ops[op].sig, &result);
    if (vm_ops[op].imm == VM_IMM_LANE) {
        in.nextra = 1;
        in.extra[0] = *c->p++;
    } else if (vm_ops[op].imm == VM_IMM_SHUFFLE) {
        bytes16(c, &in);
    } else if (vm_ops[op].imm == VM_IMM_ZERO) {
        c->p++;
    }
    cc_simple(c, &in, n, result);
    if (c->deterministic && result == 'v' && is_rounded_vector(op)) {
        cc_flush(c);
        cc_start(c, vm_simple[vm_ops[op].text[1] == '3' ? VM_X_CANON32X4
                                                        : VM_X_CANON64X2]);
        cc_cell(c, c->stack[c->sp - 1].home);
    }
}

/* ---- variables
 * -----------------------------------------------------------------------------------
 */

static void local_get(cc *c, uint32_t index)
{
    const local *l = &c->locals[index];
    cc_push(c, (entry){.kind = l->pin,
                       .wide = l->type == VM_V128,
                       .slot = l->slot,
                       .local = index + 1});
}

static void global_get(cc *c, uint32_t index)
{
    vm_type type = c->m->globals[index].type;
    insn in = {.offset = c->offset, .format = FMT_IMM, .imm = index};
    cc_flush(c);
    in.result = C_SLOT;
    if (type == VM_V128) {
        in.op = VM_X_GLOBAL_GET128;
    } else if (index < c->m->nglobal_imports) {
        in.op = VM_X_GLOBAL_GET_ANY;
    } else {
        in.op = VM_X_GLOBAL_GET;
        in.row = vm_rows[in.op];
        in.imm = vm_instance_global_offset(c->m, index);
        if (type == VM_I32 || type == VM_I64)
            in.result = C_INT;
    }
    cc_push_pending(c, &in, type == VM_V128);
}

static void global_set(cc *c, uint32_t index)
{
    vm_type type = c->m->globals[index].type;
    insn in = {.offset = c->offset, .format = FMT_IMM, .imm = index};
    entry a = cc_pop(c);
    if (type == VM_V128 || index < c->m->nglobal_imports) {
        in.op = type == VM_V128 ? VM_X_GLOBAL_SET128 : VM_X_GLOBAL_SET_ANY;
        in.a = cc_in_slot(c, &a);
    } else if (a.kind == E_SUM && a.bk == VM_K_K) {
        cc_flush(c);
        in.op = VM_X_GLOBAL_SET_ADD;
        in.row = vm_rows[in.op];
        in.imm = vm_instance_global_offset(c->m, index);
        in.ak = a.ak;
        in.a = (uint16_t)a.slot;
        in.nextra = 1;
        in.extra[0] = (uint32_t)a.k;
    } else {
        in.op = VM_X_GLOBAL_SET;
        in.row = vm_rows[in.op];
        in.imm = vm_instance_global_offset(c->m, index);
        cc_resolve(c, &in, &a, C_INT, NULL, C_INT, false);
    }
    cc_encode(c, &in, VM_K_S, 0);
}

/* ---- all
 * -------------------------------------------------------------------------------------------
 */

static void drop(cc *c)
{
    entry e = cc_pop(c);
    if (e.kind == E_PENDING)
        cc_flush(c); /* it may trap */
}

/* Two indices and three operands. */
static void copy_like(cc *c, vm_op op, uint64_t first, uint64_t second)
{
    simple_imm(c, op, 3, ':', first | second << 32);
}

static bool memory_op(cc *c, vm_op op)
{
    uint32_t i;
    switch (op) {
    case VM_OP_MEMORY_SIZE:
        simple_imm(c, op, 0, 'i', memory_index(c, vm_read_u32(&c->p)));
        return true;
    case VM_OP_MEMORY_GROW:
        simple_imm(c, op, 1, 'i', memory_index(c, vm_read_u32(&c->p)));
        return true;
    case VM_OP_MEMORY_FILL:
        simple_imm(c, op, 3, ':', memory_index(c, vm_read_u32(&c->p)));
        return true;
    case VM_OP_MEMORY_COPY:
        i = vm_read_u32(&c->p);
        copy_like(c, op, memory_index(c, i),
                  memory_index(c, vm_read_u32(&c->p)));
        return true;
    case VM_OP_MEMORY_INIT:
        i = vm_read_u32(&c->p);
        copy_like(c, op, i, memory_index(c, vm_read_u32(&c->p)));
        return true;
    case VM_OP_DATA_DROP:
        simple_imm(c, op, 0, ':', vm_read_u32(&c->p));
        return true;
    default: return false;
    }
}

static bool table_op(cc *c, vm_op op)
{
    uint32_t i;
    switch (op) {
    case VM_OP_TABLE_GET:
        simple_imm(c, op, 1, 'r', table_index(c, vm_read_u32(&c->p)));
        return true;
    case VM_OP_TABLE_SET: {
        insn in = {.op = (uint16_t)op,
                   .nextra = 1,
                   .extra = {table_index(c, vm_read_u32(&c->p))}};
        cc_simple(c, &in, 2, ':');
        return true;
    }
    case VM_OP_TABLE_SIZE:
        simple_imm(c, op, 0, 'i', table_index(c, vm_read_u32(&c->p)));
        return true;
    case VM_OP_TABLE_GROW:
        simple_imm(c, op, 2, 'i', table_index(c, vm_read_u32(&c->p)));
        return true;
    case VM_OP_TABLE_FILL:
        simple_imm(c, op, 3, ':', table_index(c, vm_read_u32(&c->p)));
        return true;
    case VM_OP_TABLE_COPY:
        i = vm_read_u32(&c->p);
        copy_like(c, op, table_index(c, i), table_index(c, vm_read_u32(&c->p)));
        return true;
    case VM_OP_TABLE_INIT:
        i = vm_read_u32(&c->p);
        copy_like(c, op, i, table_index(c, vm_read_u32(&c->p)));
        return true;
    case VM_OP_ELEM_DROP:
        simple_imm(c, op, 0, ':', vm_read_u32(&c->p));
        return true;
    default: return false;
    }
}

static void select_typed(cc *c)
{
    bool is_ref = false;
    for (uint32_t n = vm_read_u32(&c->p); n; n--)
        is_ref = vm_type_is_ref(vm_read_type(c->m, &c->p));
    select(c, is_ref);
}

static void const128(cc *c)
{
    insn in = {.op = VM_X_CONST128};
    bytes16(c, &in);
    cc_simple(c, &in, 0, 'v');
}

void cc_op(cc *c, vm_op op)
{
    switch (op) {
    case VM_OP_NOP: return;
    case VM_OP_DROP: drop(c); return;
    case VM_OP_LOCAL_GET: local_get(c, vm_read_u32(&c->p)); return;
    case VM_OP_LOCAL_SET: cc_set_local(c, vm_read_u32(&c->p), false); return;
    case VM_OP_LOCAL_TEE: cc_set_local(c, vm_read_u32(&c->p), true); return;
    case VM_OP_GLOBAL_GET: global_get(c, vm_read_u32(&c->p)); return;
    case VM_OP_GLOBAL_SET: global_set(c, vm_read_u32(&c->p)); return;
    case VM_OP_SELECT: select(c, false); return;
    case VM_OP_SELECT_T: select_typed(c); return;
    case VM_OP_I32_CONST:
        cc_push_const(c, (uint32_t)vm_read_s32(&c->p));
        return;
    case VM_OP_I64_CONST:
        cc_push_const(c, (uint64_t)vm_read_s64(&c->p));
        return;
    case VM_OP_F32_CONST: cc_push_const(c, vm_read_fixed32(&c->p)); return;
    case VM_OP_F64_CONST: cc_push_const(c, vm_read_fixed64(&c->p)); return;
    case VM_OP_V128_CONST: const128(c); return;
    case VM_OP_I32_ADD:
    case VM_OP_I32_SUB:
        if (!lazy_sum(c, op == VM_OP_I32_SUB) && !cc_fuse_binary(c, op))
            rowed(c, op);
        return;
    case VM_OP_I32_EQZ: eqz(c, VM_OP_I32_EQ); return;
    case VM_OP_I64_EQZ: eqz(c, VM_OP_I64_EQ); return;
    case VM_OP_I32_WRAP_I64:
        if (c->stack[c->sp - 1].kind == E_CONST)
            c->stack[c->sp - 1].k = (uint32_t)c->stack[c->sp - 1].k;
        return;
    case VM_OP_I32_REINTERPRET_F32: /* bits stay where they are */
    case VM_OP_I64_REINTERPRET_F64:
    case VM_OP_F32_REINTERPRET_I32:
    case VM_OP_F64_REINTERPRET_I64: return;
    case VM_OP_REF_NULL:
        vm_read_heap(c->m, &c->p);
        cc_push_const(c, 0);
        return;
    case VM_OP_REF_IS_NULL: eqz(c, VM_OP_I64_EQ); return;
    case VM_OP_REF_EQ: rowed(c, VM_OP_I64_EQ); return;
    case VM_OP_REF_FUNC: simple_imm(c, op, 0, 'r', vm_read_u32(&c->p)); return;
    case VM_OP_I64_ADD128:
    case VM_OP_I64_SUB128:
    case VM_OP_I64_MUL_WIDE_S:
    case VM_OP_I64_MUL_WIDE_U: wide_arithmetic(c, op); return;
    default: break;
    }
    if (memory_op(c, op) || table_op(c, op) || cc_gc(c, op))
        return;
    if (vm_ops[op].imm == VM_IMM_MEMARG)
        access(c, op);
    else if (vm_ops[op].imm == VM_IMM_MEMARG_LANE)
        access_lane(c, op);
    else if (vm_rows[op])
        rowed(c, op);
    else
        by_signature(c, op);
}
