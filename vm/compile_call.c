/*
 * compile_call.c - calls: arguments are put on top of the caller's stack, where
 * they are the first slots of the callee's frame.
 */
#include "vm/compile.h"

/* Entries from `i` on that are plain copies from slots, up to three. */
static uint32_t run_of_copies(const cc *c, uint32_t i)
{
    uint32_t n = 0;
    for (; n < 3 && i + n < c->sp; n++) {
        const entry *e = &c->stack[i + n];
        if (e->kind != E_SLOT || e->slot == e->home || e->wide)
            break;
    }
    return n;
}

static void copy_run(cc *c, uint32_t i, uint32_t n)
{
    const entry *e = &c->stack[i];
    cc_start(c, vm_simple[n == 2 ? VM_X_MOVE2 : VM_X_MOVE3]);
    cc_cell(c,
            cc_fields(e[0].home, e[0].slot, e[1].slot, n == 3 ? e[2].slot : 0));
    for (uint32_t k = i; k < i + n; k++) {
        entry *moved = &c->stack[k];
        if (moved->local)
            c->locals[moved->local - 1].refs--;
        moved->slot = moved->home;
        moved->local = 0;
    }
}

void cc_stage(cc *c, uint32_t n)
{
    cc_flush(c);
    for (uint32_t i = c->sp - n; i < c->sp;) {
        uint32_t run = run_of_copies(c, i);
        if (run >= 2)
            copy_run(c, i, run);
        i += run ? run : 1;
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

static void call_indirect(cc *c, bool tail)
{
    const vm_deftype *type = c->m->types[vm_read_u32(&c->p)];
    uint32_t table = vm_read_u32(&c->p);
    uint64_t is64 = c->m->tables[table].limits.is64;
    call_other(c, tail ? VM_X_TAIL_CALL_INDIRECT : VM_X_CALL_INDIRECT, type,
               table | is64 << 32, tail);
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
