/*
 * compile_emit.c - the symbolic stack, operands, and emitting cells.
 */
#include "vm/compile.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- failing and growing
 * ----------------------------------------------------- */

void cc_fail(cc *c, const char *fmt, ...)
{
    char text[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    vm_error_set(c->err, VM_PHASE_RUN, c->offset, "%s", text);
    longjmp(c->fail, 1);
}

void *cc_grow(cc *c, void *array, uint32_t n, uint32_t *cap, size_t size)
{
    if (n < *cap)
        return array;
    uint32_t want = *cap ? *cap * 2 : 32;
    void *grown = want > n ? realloc(array, want * size) : NULL;
    if (!grown)
        cc_fail(c, "out of memory: cannot compile function %u", c->code->func);
    *cap = want;
    return grown;
}

/* ---- cells
 * -------------------------------------------------------------------- */

void cc_cell(cc *c, uint64_t cell)
{
    c->cells = cc_grow(c, c->cells, c->ncells, &c->cells_cap, sizeof(vm_cell));
    c->cells[c->ncells++] = cell;
}

static void map_byte(cc *c, uint8_t byte)
{
    c->map = cc_grow(c, c->map, c->nmap, &c->map_cap, 1);
    c->map[c->nmap++] = byte;
}

static void map_number(cc *c, uint32_t v)
{
    for (; v >= 0x80; v >>= 7)
        map_byte(c, (uint8_t)(v | 0x80));
    map_byte(c, (uint8_t)v);
}

/* Deltas from the instruction before: cells, then bytes (zigzag). */
static void map_add(cc *c, uint32_t offset)
{
    int32_t delta = (int32_t)(offset - c->map_offset);
    map_number(c, c->ncells - c->map_cell);
    map_number(c, (uint32_t)delta << 1 ^ (uint32_t)(delta >> 31));
    c->map_cell = c->ncells;
    c->map_offset = offset;
}

uint32_t vm_code_offset(const struct vm_code *code, uint32_t cell)
{
    uint32_t at = 0, offset = code->module->funcs[code->func].body;
    for (const uint8_t *p = code->map, *end = p + code->map_size; p < end;) {
        at += vm_read_u32(&p);
        if (at > cell)
            break;
        uint32_t delta = vm_read_u32(&p);
        offset += delta >> 1 ^ -(delta & 1);
    }
    return offset;
}

uint32_t cc_start(cc *c, vm_handler h)
{
    map_add(c, c->offset);
    cc_cell(c, (uintptr_t)h);
    return c->ncells - 1;
}

/* ---- the stack
 * ------------------------------------------------------------------ */

static void note_accumulator(cc *c, uint8_t kind, uint32_t at)
{
    if (kind >= E_ACC && kind <= E_F64)
        c->acc_at[kind - E_ACC] = at;
}

static void add_refs(cc *c, const entry *e, int change)
{
    if (e->local)
        c->locals[e->local - 1].refs += (uint32_t)change;
    if (e->local2)
        c->locals[e->local2 - 1].refs += (uint32_t)change;
}

void cc_push(cc *c, entry e)
{
    c->stack = cc_grow(c, c->stack, c->sp, &c->stack_cap, sizeof(entry));
    e.home = c->height;
    c->height += 1 + e.wide;
    if (c->height > c->max_slot)
        c->max_slot = c->height;
    if (c->max_slot > VM_MAX_FRAME)
        cc_fail(c, "function %u is too large: it needs more than %u slots",
                c->code->func, VM_MAX_FRAME);
    add_refs(c, &e, 1);
    c->stack[c->sp++] = e;
    note_accumulator(c, e.kind, c->sp);
}

void cc_push_home(cc *c, bool wide)
{
    cc_push(c, (entry){.kind = E_SLOT, .wide = wide, .slot = c->height});
}

void cc_push_const(cc *c, uint64_t k)
{
    cc_push(c, (entry){.kind = E_CONST, .k = k});
}

void cc_push_pending(cc *c, const insn *in, bool wide)
{
    c->pending = *in;
    c->has_pending = true;
    c->pending_at = c->sp;
    cc_push(c, (entry){.kind = E_PENDING, .wide = wide});
}

entry cc_pop(cc *c)
{
    entry e = c->stack[--c->sp];
    c->height = e.home;
    add_refs(c, &e, -1);
    note_accumulator(c, e.kind, 0);
    if (c->clean > c->sp)
        c->clean = c->sp;
    return e;
}

/* ---- encoding
 * -------------------------------------------------------------------- */

static vm_handler handler_of(const insn *in, vm_kind d)
{
    if (in->row)
        return in->row[VM_ROW_INDEX(in->ak, in->bk, d)];
    if (d != VM_K_S)
        return NULL;
    return in->handler ? in->handler : vm_simple[in->op];
}

bool cc_can_put(const insn *in, vm_kind d, value_class class)
{
    return (d == VM_K_S || in->result == class) && handler_of(in, d);
}

static uint64_t with_imm(uint32_t f0, uint32_t f1, uint32_t imm)
{
    return (uint64_t)(f0 | f1 << 16) | (uint64_t)imm << 32;
}

void cc_encode(cc *c, const insn *in, vm_kind d, uint32_t slot)
{
    uint32_t offset = c->offset;
    bool ka = in->ak == VM_K_K, kb = in->bk == VM_K_K;
    c->offset = in->offset;
    vm_handler h = handler_of(in, d);
    if (!h)
        cc_fail(c, "internal: no handler for %u with %u, %u, %u", in->op,
                in->ak, in->bk, d);
    if (c->listing)
        cc_note(c, in, d, slot);
    cc_start(c, h);
    switch ((insn_format)in->format) {
    case FMT_INT:
        cc_cell(c, ka   ? with_imm(slot, in->b, (uint32_t)in->k)
                   : kb ? with_imm(slot, in->a, (uint32_t)in->k)
                        : cc_fields(slot, in->a, in->b, 0));
        break;
    case FMT_CELL:
        cc_cell(c, cc_fields(slot, in->a, in->b, in->c));
        if (ka || kb)
            cc_cell(c, in->k);
        break;
    case FMT_LOAD:
        cc_cell(c, with_imm(slot, in->a, in->imm + (ka ? (uint32_t)in->k : 0)));
        break;
    case FMT_STORE:
        cc_cell(c,
                with_imm(in->a, in->b, in->imm + (ka ? (uint32_t)in->k : 0)));
        if (kb)
            cc_cell(c, in->k2);
        break;
    case FMT_SELECT:
        cc_cell(c, cc_fields(slot, in->a, in->b, in->c));
        if (ka || kb) {
            cc_cell(c, in->k);
            cc_cell(c, in->k2);
        }
        break;
    case FMT_SUM_LOAD:
        cc_cell(c, kb ? with_imm(slot, in->a, in->imm)
                      : cc_fields(slot, in->a, in->b, in->imm));
        if (kb)
            cc_cell(c, (uint32_t)in->k);
        break;
    case FMT_SUM_STORE:
        cc_cell(c, kb ? with_imm(in->a, in->c, in->imm)
                      : cc_fields(in->a, in->b, in->c, in->imm));
        if (kb)
            cc_cell(c, (uint32_t)in->k);
        break;
    case FMT_IMM:
        cc_cell(c, with_imm(slot, in->a, in->imm));
        if (ka)
            cc_cell(c, in->k);
        break;
    }
    for (uint32_t i = 0; i < in->nextra; i++)
        cc_cell(c, in->extra[i]);
    c->offset = offset;
}

void cc_flush(cc *c)
{
    if (!c->has_pending)
        return;
    entry *e = &c->stack[c->pending_at];
    cc_encode(c, &c->pending, VM_K_S, e->home);
    c->has_pending = false;
    e->kind = E_SLOT;
    e->slot = e->home;
}

/* ---- moves
 * ------------------------------------------------------------------------ */

/* Register of an entry: its class and kind. */
static vm_kind kind_of(const entry *e, value_class class)
{
    switch ((entry_kind)e->kind) {
    case E_SLOT: return VM_K_S;
    case E_CONST: return VM_K_K;
    case E_ACC: return class == C_INT ? VM_K_A : VM_KINDS;
    case E_F32: return class == C_F32 ? VM_K_A : VM_KINDS;
    case E_F64: return class == C_F64 ? VM_K_A : VM_KINDS;
    case E_P: return class == C_INT ? VM_K_P : VM_KINDS;
    case E_Q: return class == C_INT ? VM_K_Q : VM_KINDS;
    case E_D0: return class == C_F64 ? VM_K_P : VM_KINDS;
    case E_PENDING:
    case E_SUM: break;
    }
    return VM_KINDS;
}

static value_class class_of(entry_kind kind)
{
    switch (kind) {
    case E_F32: return C_F32;
    case E_F64:
    case E_D0: return C_F64;
    default: return C_INT;
    }
}

static vm_kind register_kind(entry_kind kind)
{
    switch (kind) {
    case E_P:
    case E_D0: return VM_K_P;
    case E_Q: return VM_K_Q;
    case E_SLOT: return VM_K_S;
    default: return VM_K_A;
    }
}

static insn sum_insn(const cc *c, const entry *e)
{
    return (insn){.op = VM_OP_I32_ADD,
                  .format = FMT_INT,
                  .result = C_INT,
                  .ak = e->ak,
                  .bk = e->bk,
                  .a = (uint16_t)e->slot,
                  .b = (uint16_t)e->slot2,
                  .k = e->k,
                  .row = vm_rows[VM_OP_I32_ADD],
                  .offset = c->offset};
}

static void move_sum(cc *c, const entry *e, entry_kind to, uint32_t slot)
{
    insn in = sum_insn(c, e);
    if (cc_can_put(&in, register_kind(to), class_of(to))) {
        cc_encode(c, &in, register_kind(to), slot);
        return;
    }
    cc_encode(c, &in, VM_K_S, e->home);
    entry home = {.kind = E_SLOT, .slot = e->home, .home = e->home};
    cc_move(c, &home, to, slot);
}

void cc_move(cc *c, const entry *e, entry_kind to, uint32_t slot)
{
    if (e->kind == E_SUM) {
        move_sum(c, e, to, slot);
        return;
    }
    static const uint16_t ops[] = {VM_X_MOVE, VM_X_FMOVE32, VM_X_FMOVE64};
    if (e->wide) {
        if (e->slot == slot)
            return;
        insn wide = {.op = VM_X_MOVE128,
                     .format = FMT_CELL,
                     .a = (uint16_t)e->slot,
                     .offset = c->offset};
        cc_encode(c, &wide, VM_K_S, slot);
        return;
    }
    if (e->kind == to && (to != E_SLOT || e->slot == slot))
        return;
    value_class class = to == E_SLOT ? class_of(e->kind) : class_of(to);
    insn in = {.op = ops[class],
               .format = FMT_CELL,
               .result = (uint8_t)class,
               .a = (uint16_t)e->slot,
               .k = e->k,
               .offset = c->offset};
    in.row = vm_rows[in.op];
    vm_kind from = kind_of(e, class);
    if (from == VM_KINDS) { /* from one register file to another */
        cc_move(c, e, E_SLOT, e->home);
        in.a = (uint16_t)e->home;
        from = VM_K_S;
    }
    in.ak = (uint8_t)from;
    cc_encode(c, &in, register_kind(to), slot);
}

static void move_home(cc *c, entry *e, uint32_t index)
{
    if (e->kind == E_SLOT && e->slot == e->home)
        return;
    cc_move(c, e, E_SLOT, e->home);
    add_refs(c, e, -1);
    if (index < c->sp)
        note_accumulator(c, e->kind, 0);
    e->kind = E_SLOT;
    e->slot = e->home;
    e->local = e->local2 = 0;
}

/* True while the pending instruction's entry is still on the stack. */
static bool pending_on_stack(const cc *c)
{
    return c->has_pending && c->pending_at < c->sp;
}

void cc_spill(cc *c, uint32_t from, bool consts)
{
    if (pending_on_stack(c))
        cc_flush(c);
    uint32_t i = from > c->clean || consts ? from : c->clean;
    for (; i < c->sp; i++)
        if (consts || c->stack[i].kind != E_CONST)
            move_home(c, &c->stack[i], i);
    if (from <= c->clean)
        c->clean = c->sp;
}

void cc_spill_local(cc *c, uint32_t index)
{
    if (!c->locals[index].refs)
        return;
    if (pending_on_stack(c))
        cc_flush(c);
    for (uint32_t i = c->clean; i < c->sp && c->locals[index].refs; i++)
        if (c->stack[i].local == index + 1 || c->stack[i].local2 == index + 1)
            move_home(c, &c->stack[i], i);
}

void cc_spill_accumulators(cc *c)
{
    if (pending_on_stack(c))
        cc_flush(c);
    for (int class = C_INT; class <= C_F64; class ++)
        if (c->acc_at[class]) {
            uint32_t i = c->acc_at[class] - 1;
            move_home(c, &c->stack[i], i);
        }
}

uint16_t cc_in_slot(cc *c, entry *e)
{
    if (c->has_pending)
        cc_flush(c);
    if (e->kind == E_PENDING) { /* popped before it was flushed */
        e->kind = E_SLOT;
        e->slot = e->home;
    }
    if (e->kind != E_SLOT) {
        cc_move(c, e, E_SLOT, e->home);
        e->kind = E_SLOT;
        e->slot = e->home;
    }
    return (uint16_t)e->slot;
}

/* ---- operands
 * ----------------------------------------------------------------------- */

static bool has_variant(const insn *in, vm_kind a, vm_kind b)
{
    if (a == VM_KINDS || b == VM_KINDS)
        return false;
    if (!in->row)
        return a == VM_K_S && b == VM_K_S;
    return in->row[VM_ROW_INDEX(a, b, 0)];
}

/* Operands that can be exchanged: registers, then slots, then constants. */
static bool in_order(vm_kind a, vm_kind b)
{
    static const uint8_t rank[] = {[VM_K_A] = 0, [VM_K_P] = 1, [VM_K_Q] = 2,
                                   [VM_K_S] = 3, [VM_K_K] = 4, [VM_KINDS] = 5};
    return rank[a] <= rank[b];
}

static bool variant(const insn *in, vm_kind a, vm_kind b, bool commutative)
{
    return commutative && !in_order(a, b) ? has_variant(in, b, a)
                                          : has_variant(in, a, b);
}

/* A constant that the format can hold. */
static bool constant_fits(const insn *in, const entry *e, bool is_a)
{
    if (in->format == FMT_INT)
        return (int64_t)e->k == (int32_t)e->k || vm_ops[in->op].sig[0] == 'i';
    if (in->format == FMT_LOAD || (in->format == FMT_STORE && is_a))
        return (uint64_t)(uint32_t)e->k + in->imm <= UINT32_MAX;
    return true;
}

static vm_kind natural(const insn *in, const entry *e, value_class class,
                       bool is_a)
{
    vm_kind kind = kind_of(e, class);
    if (kind == VM_K_K && !constant_fits(in, e, is_a))
        return VM_KINDS;
    return kind;
}

/* May the pending result be taken from the accumulator as `e` here? */
static bool through_accumulator(cc *c, const insn *in, const entry *other,
                                value_class class, value_class other_class,
                                bool is_a, bool commutative)
{
    if (class > C_F64 || c->acc_at[class] ||
        !cc_can_put(&c->pending, VM_K_A, class))
        return false;
    vm_kind o = VM_K_S;
    if (other) {
        o = natural(in, other, other_class, !is_a);
        if (other->kind == (entry_kind)(E_ACC + class))
            return false; /* both */
    }
    for (int i = 0; i < 2; i++, o = VM_K_S)
        if (is_a ? variant(in, VM_K_A, o, commutative)
                 : variant(in, o, VM_K_A, commutative))
            return true;
    return false;
}

static void settle_pending(cc *c, const insn *in, entry *e, entry *other,
                           value_class class, value_class other_class,
                           bool is_a, bool commutative)
{
    if (through_accumulator(c, in, other, class, other_class, is_a,
                            commutative)) {
        cc_encode(c, &c->pending, VM_K_A, 0);
        e->kind = (uint8_t)(E_ACC + class);
    } else {
        cc_encode(c, &c->pending, VM_K_S, e->home);
        e->kind = E_SLOT;
        e->slot = e->home;
    }
    c->has_pending = false;
}

static void set_operand(insn *in, const entry *e, vm_kind kind, bool is_a)
{
    uint16_t slot = kind == VM_K_S ? (uint16_t)e->slot : 0;
    if (is_a) {
        in->ak = (uint8_t)kind;
        in->a = slot;
    } else {
        in->bk = (uint8_t)kind;
        in->b = slot;
    }
    if (kind != VM_K_K)
        return;
    bool second =
        !is_a && (in->format == FMT_STORE || in->format == FMT_SELECT);
    *(second ? &in->k2 : &in->k) = e->k;
}

static void swap_operands(insn *in, entry **a, entry **b)
{
    entry *t = *a;
    *a = *b;
    *b = t;
    vm_op swapped = in->op < VM_OP_COUNT ? cc_swap((vm_op)in->op) : VM_OP_COUNT;
    if (swapped != VM_OP_COUNT) {
        in->op = (uint16_t)swapped;
        in->row = vm_rows[swapped];
    }
}

static void to_slot(cc *c, entry *e)
{
    cc_move(c, e, E_SLOT, e->home);
    e->kind = E_SLOT;
    e->slot = e->home;
}

/* Operands: registers first, as the rows of fused accesses have them. */
bool cc_sum_kinds(entry *e)
{
    if (in_order((vm_kind)e->ak, (vm_kind)e->bk))
        return true;
    uint8_t kind = e->ak;
    uint32_t slot = e->slot;
    e->ak = e->bk;
    e->bk = kind;
    e->slot = e->slot2;
    e->slot2 = slot;
    return true;
}

/* A sum that has to be computed after all becomes the pending instruction. */
static void compute_sum(cc *c, entry *e, entry *other)
{
    if (e->kind != E_SUM)
        return;
    if (other && (other->kind == E_PENDING || other->kind == E_SUM))
        return; /* that one goes first; this one goes to its slot */
    cc_flush(c);
    c->pending = sum_insn(c, e);
    c->has_pending = true;
    c->pending_at = c->sp;
    e->kind = E_PENDING;
}

void cc_resolve(cc *c, insn *in, entry *a, value_class ac, entry *b,
                value_class bc, bool commutative)
{
    if (b && a->kind == E_SUM && b->kind == E_SUM) {
        cc_flush(c);
        to_slot(c, a);
    }
    compute_sum(c, a, b);
    if (b)
        compute_sum(c, b, a);
    if (a->kind == E_PENDING)
        settle_pending(c, in, a, b, ac, bc, true, commutative);
    else if (b && b->kind == E_PENDING)
        settle_pending(c, in, b, a, bc, ac, false, commutative);
    else
        cc_flush(c);
    vm_kind ka = natural(in, a, ac, true);
    vm_kind kb = b ? natural(in, b, bc, false) : VM_K_S;
    if (!variant(in, ka, kb, commutative)) {
        /* Constants move first, then whatever is left. */
        if (b && (variant(in, ka, VM_K_S, commutative) ||
                  !variant(in, VM_K_S, kb, commutative))) {
            to_slot(c, b);
            kb = VM_K_S;
        }
        if (!variant(in, ka, kb, commutative)) {
            to_slot(c, a);
            ka = VM_K_S;
        }
        if (b && !variant(in, ka, kb, commutative)) {
            to_slot(c, b);
            kb = VM_K_S;
        }
    }
    if (b && commutative && !in_order(ka, kb)) {
        vm_kind t = ka;
        ka = kb;
        kb = t;
        swap_operands(in, &a, &b);
    }
    set_operand(in, a, ka, true);
    if (b)
        set_operand(in, b, kb, false);
}

/* ---- locals
 * ------------------------------------------------------------------------------
 */

static entry local_entry(const cc *c, uint32_t index)
{
    const local *l = &c->locals[index];
    return (entry){.kind = l->pin,
                   .wide = l->type == VM_V128,
                   .slot = l->slot,
                   .local = index + 1};
}

/* Makes the pending instruction write the local itself, if it can. */
static bool pending_to_local(cc *c, const local *l)
{
    vm_kind d = register_kind(l->pin);
    value_class class = class_of(l->pin);
    if (!cc_can_put(&c->pending, d, class))
        return false;
    cc_encode(c, &c->pending, d, l->slot);
    c->has_pending = false;
    return true;
}

void cc_set_local(cc *c, uint32_t index, bool tee)
{
    const local *l = &c->locals[index];
    entry e = cc_pop(c);
    if (e.local != index + 1 || e.kind == E_SUM) {
        cc_spill_local(c, index);
        if (e.kind != E_PENDING) {
            cc_flush(c);
            cc_move(c, &e, l->pin, l->slot);
        } else if (!pending_to_local(c, l)) {
            cc_in_slot(c, &e);
            cc_move(c, &e, l->pin, l->slot);
        }
    }
    if (tee)
        cc_push(c, local_entry(c, index));
}
