/*
 * compile_fuse.c - finds pairs of instructions that have one handler.
 *
 * Three ways: the pending instruction is the operand of this one (SHL_ADD,
 * MUL_ADD); the pending condition of a branch is a load or a mask; or the last
 * instruction emitted, with no label after it, is taken back (LATCH).
 */
#include "vm/compile.h"
#include "vm/fuse.h"

/* The entry's value is being held back, and it is this instruction's. */
static bool is_pending(const cc *c, const entry *e, vm_op op)
{
    return e->kind == E_PENDING && c->has_pending && c->pending.op == op;
}

/* ---- arithmetic
 * ---------------------------------------------------------------- */

static bool shl_add(cc *c, uint32_t shifted, uint32_t other)
{
    entry *y = &c->stack[other];
    insn in = c->pending;
    if (!is_pending(c, &c->stack[shifted], VM_OP_I32_SHL) || in.bk != VM_K_K ||
        in.ak == VM_K_K)
        return false;
    vm_kind kind = y->kind == E_SLOT    ? VM_K_S
                   : y->kind == E_CONST ? VM_K_K
                   : y->kind == E_P     ? VM_K_P
                   : y->kind == E_Q     ? VM_K_Q
                                        : VM_KINDS;
    if (kind == VM_KINDS)
        return false;
    in.op = VM_X_SHL_ADD;
    in.row = vm_rows[VM_X_SHL_ADD];
    in.format = FMT_CELL;
    in.c = (uint16_t)(in.k & 31);
    in.bk = (uint8_t)kind;
    in.b = kind == VM_K_S ? (uint16_t)y->slot : 0;
    in.k = y->k;
    c->has_pending = false;
    cc_pop(c);
    cc_pop(c);
    cc_push_pending(c, &in, false);
    return true;
}

static vm_kind float_kind(const entry *e, bool is64)
{
    switch (e->kind) {
    case E_SLOT: return VM_K_S;
    case E_F32: return is64 ? VM_KINDS : VM_K_A;
    case E_F64: return is64 ? VM_K_A : VM_KINDS;
    case E_D0: return is64 ? VM_K_P : VM_KINDS;
    default: return VM_KINDS;
    }
}

/* z with the pending product x * y */
static bool mul_with(cc *c, uint32_t product, uint32_t other, bool is64,
                     uint32_t form)
{
    const entry *z = &c->stack[other];
    if (!is_pending(c, &c->stack[product],
                    is64 ? VM_OP_F64_MUL : VM_OP_F32_MUL))
        return false;
    vm_kind kind = float_kind(z, is64);
    insn in = c->pending;
    if (kind == VM_KINDS)
        return false;
    in.row = vm_mul_rows[form][is64][kind];
    if (!in.row[VM_ROW_INDEX(in.ak, in.bk, VM_K_S)])
        return false;
    in.op = VM_X_MUL_ADD;
    in.c = kind == VM_K_S ? (uint16_t)z->slot : 0;
    c->has_pending = false;
    cc_pop(c);
    cc_pop(c);
    cc_push_pending(c, &in, false);
    return true;
}

/* global + K, or - K */
static bool global_add(cc *c, vm_op op)
{
    const entry *k = &c->stack[c->sp - 1];
    insn in = c->pending;
    if (k->kind != E_CONST ||
        !is_pending(c, &c->stack[c->sp - 2], (vm_op)VM_X_GLOBAL_GET) ||
        in.result != C_INT)
        return false;
    in.op = VM_X_GLOBAL_ADD;
    in.row = vm_rows[VM_X_GLOBAL_ADD];
    in.nextra = 1;
    in.extra[0] = op == VM_OP_I32_ADD ? (uint32_t)k->k : -(uint32_t)k->k;
    c->has_pending = false;
    cc_pop(c);
    cc_pop(c);
    cc_push_pending(c, &in, false);
    return true;
}

bool cc_fuse_binary(cc *c, vm_op op)
{
    uint32_t b = c->sp - 1, a = c->sp - 2;
    if (!c->has_pending || c->pending_at < a || c->deterministic)
        return false;
    switch (op) {
    case VM_OP_I32_SUB: return global_add(c, op);
    case VM_OP_I32_ADD:
        return global_add(c, op) || shl_add(c, a, b) || shl_add(c, b, a);
    case VM_OP_F32_ADD:
        return mul_with(c, a, b, false, VM_MUL_ADD) ||
               mul_with(c, b, a, false, VM_MUL_ADD);
    case VM_OP_F64_ADD:
        return mul_with(c, a, b, true, VM_MUL_ADD) ||
               mul_with(c, b, a, true, VM_MUL_ADD);
    case VM_OP_F32_SUB:
        return mul_with(c, a, b, false, VM_MUL_SUB) ||
               mul_with(c, b, a, false, VM_SUB_MUL);
    case VM_OP_F64_SUB:
        return mul_with(c, a, b, true, VM_MUL_SUB) ||
               mul_with(c, b, a, true, VM_SUB_MUL);
    default: return false;
    }
}

/* ---- branches
 * --------------------------------------------------------------------- */

/* Emits the handler with two cells; returns the half for the target. */
static uint32_t emit(cc *c, vm_handler h, uint32_t f0, uint32_t f1,
                     uint64_t cell, uint32_t *base)
{
    *base = cc_start(c, h);
    cc_cell(c, cc_fields(f0, f1, 0, 0));
    cc_cell(c, cell);
    return *base * 2 + 3;
}

/* The pending condition is x & K. */
static uint32_t test(cc *c, bool sense, bool back, uint32_t *base)
{
    const insn *in = &c->pending;
    uint32_t which = (back ? VM_BRANCH_BACK : VM_BRANCH_FORWARD) +
                     (sense ? 0 : VM_BRANCH_FORWARD_NOT);
    vm_handler h = vm_test_row[VM_ROW_INDEX(in->ak, in->bk, which)];
    if (!h)
        return 0;
    c->has_pending = false;
    return emit(c, h, in->a, 0, in->k, base);
}

/* Takes the last instruction back, if it was emitted just before and no label
 * lies in between. */
static bool take_back(cc *c)
{
    const last_insn *l = &c->last;
    if (!l->valid || l->end != c->ncells || c->barrier > l->start)
        return false;
    c->ncells = l->start;
    c->nmap = l->nmap;
    c->map_cell = l->map_cell;
    c->map_offset = l->map_offset;
    c->last.valid = false;
    return true;
}

static bool same_place(vm_kind k1, uint32_t s1, vm_kind k2, uint32_t s2)
{
    return k1 == k2 && (k1 != VM_K_S || s1 == s2);
}

/* x += y by the last instruction, then this comparison of x with z. */
static uint32_t latch(cc *c, insn in, uint32_t *base)
{
    const last_insn *l = &c->last;
    insn add = l->in;
    if (!l->valid || add.op != VM_OP_I32_ADD || l->dk == VM_K_A)
        return 0;
    if (!same_place(in.ak, in.a, l->dk, l->slot)) { /* x on the right? */
        vm_op swapped = cc_swap((vm_op)in.op);
        if (swapped != VM_OP_COUNT)
            in.op = (uint16_t)swapped;
        else if (in.op != VM_OP_I32_NE)
            return 0;
        vm_kind k = in.ak;
        uint16_t s = in.a;
        in.ak = in.bk;
        in.a = in.b;
        in.bk = (uint8_t)k;
        in.b = s;
        if (!same_place(in.ak, in.a, l->dk, l->slot))
            return 0;
    }
    if (!same_place(add.ak, add.a, l->dk, l->slot)) {
        if (!same_place(add.bk, add.b, l->dk, l->slot))
            return 0;
        add.bk = add.ak;
        add.b = add.a;
    }
    if (same_place(in.bk, in.b, l->dk, l->slot))
        return 0; /* compared with itself */
    const vm_handler *row = vm_latch_rows[in.op];
    vm_handler h = row ? row[VM_ROW_INDEX(l->dk, add.bk, in.bk)] : NULL;
    uint32_t x = l->slot;
    if (!h || !take_back(c))
        return 0;
    uint64_t z = in.bk == VM_K_K ? (uint32_t)in.k : in.b;
    return emit(c, h, x, add.b, (uint32_t)add.k | z << 32, base);
}

/* The last instruction loads x, and this compares it. */
static uint32_t load_compare(cc *c, insn in, bool back, uint32_t *base)
{
    const last_insn *l = &c->last;
    insn load = l->in;
    if (!l->valid || load.op != VM_OP_I32_LOAD || load.format != FMT_LOAD ||
        !same_place(in.ak, in.a, l->dk, l->slot) ||
        same_place(in.bk, in.b, l->dk, l->slot))
        return 0;
    const vm_handler(*rows)[VM_ROW] = vm_load_compare[in.op];
    vm_handler h =
        rows ? rows[back][VM_ROW_INDEX(l->dk, load.ak, in.bk)] : NULL;
    uint32_t x = l->slot;
    if (!h || !take_back(c))
        return 0;
    uint64_t z = in.bk == VM_K_K ? (uint32_t)in.k : in.b;
    return emit(c, h, x, load.a, load.imm | z << 32, base);
}

/* What a comparison of the accumulator with a constant tests. */
static int load_test(const insn *in, bool sense)
{
    switch (in->op) {
    case VM_OP_I32_NE: return sense ? VM_LOAD_NE : VM_LOAD_EQ;
    case VM_OP_I32_EQ: return sense ? VM_LOAD_EQ : VM_LOAD_NE;
    default: return -1;
    }
}

static uint32_t load_branch(cc *c, const insn *load, int which, uint32_t k,
                            bool back, uint32_t *base)
{
    const vm_handler(*rows)[VM_ROW] =
        load->op == VM_OP_I32_LOAD      ? vm_load_branch
        : load->op == VM_OP_I32_LOAD8_U ? vm_load8_branch
                                        : NULL;
    bool sum = load->format == FMT_SUM_LOAD;
    if (!rows || (!sum && load->format != FMT_LOAD) || load->ak == VM_K_K ||
        (sum && load->bk == VM_K_K))
        return 0;
    vm_kind second = sum ? (vm_kind)load->bk : VM_K_K;
    vm_handler h =
        rows[which * 2 + back][VM_ROW_INDEX(load->ak, second, VM_K_S)];
    if (!h)
        return 0;
    return emit(c, h, load->a, sum ? load->b : 0, load->imm | (uint64_t)k << 32,
                base);
}

uint32_t cc_fuse_branch(cc *c, bool sense, bool back, uint32_t *base)
{
    const insn in = c->pending;
    uint32_t half = 0;
    if (in.op == VM_OP_I32_AND)
        return test(c, sense, back, base);
    if (in.op == VM_OP_I32_LOAD || in.op == VM_OP_I32_LOAD8_U) {
        half = load_branch(c, &in, sense ? VM_LOAD_TRUE : VM_LOAD_FALSE, 0,
                           back, base);
        if (half)
            c->has_pending = false;
        return half;
    }
    int which = load_test(&in, sense);
    const last_insn *l = &c->last;
    if (which >= 0 && in.ak == VM_K_A && in.bk == VM_K_K && l->valid &&
        l->dk == VM_K_A && l->end == c->ncells && c->barrier <= l->start) {
        last_insn saved = *l;
        insn load = l->in;
        take_back(c);
        uint32_t k = (uint32_t)in.k;
        int zero = which == VM_LOAD_EQ ? VM_LOAD_FALSE : VM_LOAD_TRUE;
        half = load_branch(c, &load, k ? which : zero, k, back, base);
        if (!half) { /* as it was */
            c->last = saved;
            c->ncells = saved.end;
            c->nmap = saved.nmap_end;
            c->map_cell = saved.start;
            c->map_offset = load.offset;
        }
    } else if (in.op < VM_OP_COUNT) {
        insn compare = in;
        vm_op negated = cc_negate((vm_op)in.op);
        if (!sense && negated == VM_OP_COUNT)
            return 0;
        if (!sense)
            compare.op = (uint16_t)negated;
        half = back ? latch(c, compare, base) : 0;
        if (!half)
            half = load_compare(c, compare, back, base);
    }
    if (half)
        c->has_pending = false;
    return half;
}

/* A lone local as the condition. */
uint32_t cc_fuse_zero_test(cc *c, const insn *in, bool sense, bool back,
                           uint32_t *base)
{
    insn compare = *in;
    compare.op = sense ? VM_OP_I32_NE : VM_OP_I32_EQ;
    compare.bk = VM_K_K;
    compare.k = 0;
    uint32_t half = back ? latch(c, compare, base) : 0;
    return half ? half : load_compare(c, compare, back, base);
}
