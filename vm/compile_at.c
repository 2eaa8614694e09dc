/*
 * compile_at.c - where a function's values are when it has stopped at one of
 * its instructions: for core dumps, which alone want to know.
 *
 * Types and places are found out anew.  The validator says what types the
 * operands have before the instruction.  The compiler is run up to there, and
 * again to behind it: where it then thinks that the values are, they are.
 *
 *   - Operands that the instruction leaves alone may have been moved for it
 *     (before a call, to their home slots): the second run tells.
 *   - Those that it takes are where the first run has them.  A result that was
 *     held back then has got its place since: what is noted for listings of the
 *     instruction's cells says which.
 */
#include "vm/compile.h"

#include <stdlib.h>

static const vm_functype *callee_of(const vm_module *m, vm_op op,
                                    const uint8_t *p)
{
    switch (op) {
    case VM_OP_CALL: return &m->funcs[vm_read_u32(&p)].type->func;
    case VM_OP_CALL_INDIRECT:
    case VM_OP_CALL_REF: return &m->types[vm_read_u32(&p)]->func;
    default: return NULL;
    }
}

/* How many of the n operands the instruction takes; all, if its signature does
 * not tell. */
static uint32_t count_taken(const vm_module *m, uint32_t offset, uint32_t n)
{
    const uint8_t *p = m->bytes + offset;
    vm_op op = vm_read_op(&p);
    const vm_functype *callee = callee_of(m, op, p);
    uint32_t taken = 0;
    if (callee)
        taken = callee->nparams + (op != VM_OP_CALL);
    else if (vm_ops[op].sig[0] == '*')
        taken = op == VM_OP_UNREACHABLE ? 0 : n;
    else
        while (vm_ops[op].sig[taken] != ':')
            taken++;
    return taken < n ? taken : n;
}

/* ---- places -----------------------------------------------------------------
 */

static cc_place place_of(const entry *e, vm_type type)
{
    cc_place p = {.type = type, .pin = e->kind, .slot = e->slot, .k = e->k};
    if (e->kind == E_SUM) {
        p.ak = e->ak;
        p.bk = e->bk;
        p.slot2 = e->slot2;
    }
    return p;
}

static uint8_t pin_of(vm_kind kind, vm_type type)
{
    bool is_float = type == VM_F32 || type == VM_F64;
    switch (kind) {
    case VM_K_S: return E_SLOT;
    case VM_K_A: return type == VM_F32 ? E_F32 : type == VM_F64 ? E_F64 : E_ACC;
    case VM_K_P: return is_float ? E_D0 : E_P;
    case VM_K_Q: return E_Q;
    case VM_K_K: return E_CONST;
    default: return E_PENDING;
    }
}

/* The first or second operand of the cells that the note is of. */
static void place_from_note(cc_place *p, const insn *in, bool second)
{
    bool plain = in->format == FMT_INT || in->format == FMT_CELL ||
                 in->format == FMT_LOAD || in->format == FMT_STORE;
    if (!plain)
        return;
    p->pin = pin_of(second ? in->bk : in->ak, p->type);
    p->slot = second ? in->b : in->a;
    p->k = second && in->format == FMT_STORE ? in->k2 : in->k;
}

static bool is_known(const entry *e)
{
    return e->kind != E_PENDING && e->kind != E_ACC && e->kind != E_F32 &&
           e->kind != E_F64;
}

/* The places of the first n operands, of which the instruction takes the last
 * `taken`.  True when a note of its cells could tell more. */
static bool fill(cc_place *out, const cc *before, const cc *after,
                 const vm_type *types, uint32_t n, uint32_t taken)
{
    bool lacking = false;
    for (uint32_t i = 0; i < n; i++) {
        const entry *e = &before->stack[i];
        bool is_taken = i >= before->sp - taken;
        if (!is_taken && i < after->sp)
            e = &after->stack[i];
        out[i] = place_of(e, types[i]);
        if (is_taken && !is_known(e)) {
            out[i].pin = E_PENDING;
            lacking = true;
        }
    }
    return lacking;
}

static void fill_from_note(cc_place *out, struct vm_code *code, uint32_t cell,
                           uint32_t n, uint32_t taken)
{
    vm_error err = {0};
    cc *c = taken <= 2 ? cc_listing(code, 0, &err) : NULL;
    const struct cc_noted *note = c ? cc_noted_at(c, cell) : NULL;
    for (uint32_t i = n - taken; note && i < n; i++)
        if (out[i].pin == E_PENDING)
            place_from_note(&out[i], &note->in, i > n - taken);
    if (c)
        cc_listing_free(c);
}

/* ---- of a function, and of an instruction ----------------------------------
 */

cc_place *vm_code_places(struct vm_code *code)
{
    vm_error err = {0};
    cc *c = cc_listing(code, code->module->funcs[code->func].body, &err);
    cc_place *places = c ? calloc(c->nlocals + 1, sizeof *places) : NULL;
    for (uint32_t i = 0; places && i < c->nlocals; i++)
        places[i] = (cc_place){.type = c->locals[i].type,
                               .slot = c->locals[i].slot,
                               .pin = c->locals[i].pin};
    if (c)
        cc_listing_free(c);
    return places;
}

cc_place *vm_code_operands(struct vm_code *code, uint32_t cell, bool all,
                           uint32_t *count)
{
    vm_error err = {0};
    vm_module *m = code->module;
    uint32_t offset = vm_code_offset(code, cell), n = 0;
    vm_type *types = vm_validate_operands(m, code->func, offset, &n);
    cc *before = types ? cc_listing(code, offset, &err) : NULL;
    cc *after = before ? cc_listing(code, offset + 1, &err) : NULL;
    cc_place *places = NULL;
    /* a legacy catch has more on the stack than the validator: leave it */
    if (after && before->sp == n)
        places = calloc(n + 1, sizeof *places);
    if (places) {
        uint32_t taken = count_taken(m, offset, n);
        *count = all ? n : n - taken;
        if (fill(places, before, after, types, *count, taken))
            fill_from_note(places, code, cell, n, taken);
    }
    if (after)
        cc_listing_free(after);
    if (before)
        cc_listing_free(before);
    free(types);
    return places;
}
