/*
 * compile_call.c - calls: arguments are put on top of the caller's stack, where
 * they are the first slots of the callee's frame.
 */
#include "vm/compile.h"

/* An entry that only has to be copied to its home: its kind, or VM_KINDS. */
static vm_kind copy_kind(const cc *c, uint32_t i)
{
    const entry *e = &c->stack[i];
    if (i >= c->sp || e->wide)
        return VM_KINDS;
    switch (e->kind) {
    case E_SLOT: return e->slot == e->home ? VM_KINDS : VM_K_S;
    case E_CONST: return VM_K_K;
    case E_P: return VM_K_P;
    case E_Q: return VM_K_Q;
    default: return VM_KINDS;
    }
}

static void is_home(cc *c, uint32_t i, uint32_t n)
{
    for (; n--; i++) {
        entry *e = &c->stack[i];
        if (e->local)
            c->locals[e->local - 1].refs--;
        e->kind = E_SLOT;
        e->slot = e->home;
        e->local = 0;
    }
}

/* Copies two or three entries from `i` on at once; returns how many. */
static uint32_t copy_some(cc *c, uint32_t i)
{
    const entry *e = &c->stack[i];
    vm_kind a = copy_kind(c, i), b = a;
    if (a != VM_KINDS)
        b = copy_kind(c, i + 1);
    if (a == VM_KINDS || b == VM_KINDS)
        return 0;
    vm_kind d = copy_kind(c, i + 2);
    uint32_t n = a == VM_K_S && b == VM_K_S && d == VM_K_S ? 3 : 2;
    if (n == 3) {
        cc_start(c, vm_simple[VM_X_MOVE3]);
        cc_cell(c, cc_fields(e[0].home, e[0].slot, e[1].slot, e[2].slot));
    } else {
        cc_start(c, vm_rows[VM_X_MOVE2][VM_ROW_INDEX(a, b, VM_K_S)]);
        cc_cell(c, cc_fields(e[0].home, a == VM_K_S ? e[0].slot : 0,
                             b == VM_K_S ? e[1].slot : 0, 0));
        if (a == VM_K_K || b == VM_K_K) {
            cc_cell(c, e[0].k);
            cc_cell(c, e[1].k);
        }
    }
    is_home(c, i, n);
    return n;
}

void cc_stage(cc *c, uint32_t n)
{
    cc_flush(c);
    for (uint32_t i = c->sp - n; i < c->sp;) {
        uint32_t done = copy_some(c, i);
        i += done ? done : 1;
    }
    cc_spill(c, c->sp - n, true);
}

static void push_result(cc *c, vm_result_class class)
{
    static const uint8_t kinds[] = {[VM_RESULT_ACC] = E_ACC,
                                    [VM_RESULT_F32] = E_F32,
                                    [VM_RESULT_F64] = E_F64};
    cc_push(c, (entry){.kind = kinds[class]});
}

static void push_results(cc *c, const vm_functype *type)
{
    vm_result_class class = vm_result_class_of(type);
    if (class != VM_RESULT_SLOTS) {
        push_result(c, class);
        return;
    }
    for (uint32_t i = 0; i < type->nresults; i++)
        cc_push_home(c, type->types[type->nparams + i] == VM_V128);
}

/* Puts the arguments in place; returns their first slot. */
static uint32_t stage_call(cc *c, const vm_functype *type)
{
    cc_stage(c, type->nparams);
    cc_spill_accumulators(c);
    uint32_t args = c->height - type->param_slots;
    uint32_t slots = type->param_slots > type->result_slots
                         ? type->param_slots
                         : type->result_slots;
    if (c->max_slot < args + slots)
        c->max_slot = args + slots;
    for (uint32_t i = 0; i < type->nparams; i++)
        cc_pop(c);
    return args;
}

static void after(cc *c, const vm_functype *type, bool tail)
{
    if (tail)
        c->dead = true;
    else
        push_results(c, type);
}

static void call(cc *c, bool tail)
{
    uint32_t func = vm_read_u32(&c->p);
    const vm_funcdecl *f = &c->m->funcs[func];
    const vm_functype *type = &f->type->func;
    uint32_t args = stage_call(c, type), rec = vm_rec_slot(c->f);
    if (func < c->m->nfunc_imports) {
        cc_start(c, vm_simple[tail ? VM_X_TAIL_CALL_ANY : VM_X_CALL_IMPORT]);
        cc_cell(c, cc_fields(args, 0, rec, type->param_slots));
        cc_cell(c, 0);
        cc_cell(c, func);
    } else {
        struct vm_code *code = vm_code_get(c->m, func);
        if (!code)
            cc_fail(c, "out of memory");
        cc_start(c, vm_simple[tail ? VM_X_TAIL_CALL : VM_X_CALL]);
        cc_cell(c, cc_fields(args, code->rec, rec, type->param_slots));
        cc_cell(c, (uintptr_t)code);
    }
    after(c, type, tail);
}

/* Through a reference or a table; the operand is in a slot. */
static void call_other(cc *c, uint16_t op, const vm_deftype *type,
                       uint64_t where, bool tail)
{
    entry operand = cc_pop(c);
    uint16_t slot = cc_in_slot(c, &operand);
    uint32_t args = stage_call(c, &type->func);
    cc_start(c, vm_simple[op]);
    cc_cell(c,
            cc_fields(args, slot, vm_rec_slot(c->f), type->func.param_slots));
    cc_cell(c, (uintptr_t)type);
    cc_cell(c, where);
    after(c, &type->func, tail);
}

/* A 32-bit index may stay in a register: staging arguments leaves it alone. */
static void call_element(cc *c, const vm_deftype *type, uint32_t table)
{
    entry index = cc_pop(c);
    insn in = {.op = VM_X_CALL_INDIRECT,
               .format = FMT_CELL,
               .row = vm_rows[VM_X_CALL_INDIRECT],
               .offset = c->offset};
    cc_resolve(c, &in, &index, C_INT, NULL, C_INT, false);
    uint32_t args = stage_call(c, &type->func);
    cc_start(c, in.row[VM_ROW_INDEX(in.ak, VM_K_S, VM_K_S)]);
    cc_cell(c, cc_fields(args, in.a, 0, 0));
    cc_cell(c, (uintptr_t)type);
    cc_cell(c, table);
    after(c, &type->func, false);
}

static void call_indirect(cc *c, bool tail)
{
    const vm_deftype *type = c->m->types[vm_read_u32(&c->p)];
    uint32_t table = vm_read_u32(&c->p);
    uint64_t is64 = c->m->tables[table].limits.is64;
    if (!tail && !is64)
        call_element(c, type, table);
    else
        call_other(c, tail ? VM_X_TAIL_CALL_INDIRECT : VM_X_CALL_INDIRECT64,
                   type, table | is64 << 32, tail);
}

static void call_ref(cc *c, bool tail)
{
    const vm_deftype *type = c->m->types[vm_read_u32(&c->p)];
    call_other(c, tail ? VM_X_TAIL_CALL_REF : VM_X_CALL_REF, type, 0, tail);
}

bool cc_call(cc *c, vm_op op)
{
    switch (op) {
    case VM_OP_CALL: call(c, false); return true;
    case VM_OP_RETURN_CALL: call(c, true); return true;
    case VM_OP_CALL_INDIRECT: call_indirect(c, false); return true;
    case VM_OP_RETURN_CALL_INDIRECT: call_indirect(c, true); return true;
    case VM_OP_CALL_REF: call_ref(c, false); return true;
    case VM_OP_RETURN_CALL_REF: call_ref(c, true); return true;
    default: return false;
    }
}
