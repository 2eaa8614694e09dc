/*
 * compile.c - the pass over a function's body: frame, blocks, branches.
 *
 * At a label all paths agree: values are in their homes.  A branch that carries
 * values moves them there first; a conditional one that has to move something
 * jumps around the moves.
 */
#include "vm/compile.h"

#include <stdlib.h>
#include <string.h>

uint32_t vm_rec_slot(const vm_funcdecl *f)
{
    uint32_t results = f->type->func.result_slots;
    return f->local_slots > results ? f->local_slots : results;
}

/* ---- labels and patches
 * ------------------------------------------------------- */

static const vm_type *label_params(const label *l)
{
    return l->type.params;
}

static const vm_type *label_results(const label *l)
{
    return l->type.storage ? &l->type.storage : l->type.results;
}

static label *label_at(cc *c, uint32_t depth)
{
    return &c->labels[c->nlabels - 1 - depth];
}

/* What a branch to the label carries. */
static uint32_t arity(const label *l, const vm_type **types)
{
    if (l->kind == L_LOOP) {
        *types = label_params(l);
        return l->type.nparams;
    }
    *types = label_results(l);
    return l->type.nresults;
}

static label *push_label(cc *c, label_kind kind)
{
    c->labels =
        cc_grow(c, c->labels, c->nlabels, &c->labels_cap, sizeof(label));
    label *l = &c->labels[c->nlabels++];
    *l = (label){.kind = (uint8_t)kind,
                 .patches = NO_PATCH,
                 .else_patch = NO_PATCH,
                 .delegates = NO_PATCH};
    return l;
}

static uint32_t add_patch(cc *c, uint32_t next, uint32_t where, uint32_t base,
                          bool is_eh)
{
    uint32_t i = c->free_patch;
    if (i != NO_PATCH) {
        c->free_patch = c->patches[i].next;
    } else {
        c->patches =
            cc_grow(c, c->patches, c->npatches, &c->patches_cap, sizeof(patch));
        i = c->npatches++;
    }
    c->patches[i] = (patch){next, is_eh, where, base};
    return i;
}

/* Fills a 32-bit half of a cell. */
static void write_half(cc *c, uint32_t half, uint32_t value)
{
    memcpy((uint32_t *)c->cells + half, &value, sizeof value);
}

/* The branch at `base` leads to `target`; remembered for thread_jumps. */
static void set_target(cc *c, uint32_t half, uint32_t base, uint32_t to)
{
    write_half(c, half, to - base);
    c->jumps = cc_grow(c, c->jumps, c->njumps, &c->jumps_cap, sizeof(jump));
    c->jumps[c->njumps++] = (jump){half, base};
}

static void bind(cc *c, uint32_t *list, uint32_t target)
{
    while (*list != NO_PATCH) {
        uint32_t i = *list;
        patch *p = &c->patches[i];
        if (p->is_eh)
            c->eh[p->where].target = target;
        else
            set_target(c, p->where, p->base, target);
        *list = p->next;
        p->next = c->free_patch;
        c->free_patch = i;
    }
}

/* The half at `half` of the instruction at `base` is to lead to the label. */
static void target(cc *c, label *l, uint32_t half, uint32_t base)
{
    if (l->kind == L_LOOP) {
        set_target(c, half, base, l->start);
    } else {
        l->patches = add_patch(c, l->patches, half, base, false);
        l->reached = true;
    }
}

/* ---- moving values to a label
 * ---------------------------------------------------- */

/* Do the top n entries lie where the label wants them? */
static bool in_place(const cc *c, const label *l, uint32_t n)
{
    uint32_t height = l->height;
    for (uint32_t i = c->sp - n; i < c->sp; i++) {
        const entry *e = &c->stack[i];
        if (e->kind != E_SLOT || e->slot != height)
            return false;
        height += 1 + e->wide;
    }
    return true;
}

/* Copies the top n values to slots from `slot` on; entries stay as they are.
 * In ascending order, since homes only ever move down. */
static void copy_values(cc *c, uint32_t n, uint32_t slot)
{
    for (uint32_t i = c->sp - n; i < c->sp; i++) {
        const entry *e = &c->stack[i];
        cc_move(c, e, E_SLOT, slot);
        slot += 1 + e->wide;
    }
}

static void move_values(cc *c, const label *l, uint32_t n)
{
    /* A single pending result is computed right where it belongs. */
    if (c->has_pending && n == 1 && c->pending_at == c->sp - 1) {
        cc_encode(c, &c->pending, VM_K_S, l->height);
        c->has_pending = false;
        entry *e = &c->stack[c->sp - 1];
        e->kind = E_SLOT;
        e->slot = l->height;
        return;
    }
    cc_flush(c);
    copy_values(c, n, l->height);
}

static void emit_br(cc *c, label *l)
{
    bool back = l->kind == L_LOOP;
    uint32_t base = cc_start(c, vm_simple[back ? VM_X_BR_BACK : VM_X_BR]);
    cc_cell(c, 0);
    target(c, l, base * 2 + 3, base);
}

/* ---- returning
 * --------------------------------------------------------------------- */

static void return_number(cc *c, vm_result_class class, entry e)
{
    static const uint16_t ops[] = {[VM_RESULT_ACC] = VM_X_RET,
                                   [VM_RESULT_F32] = VM_X_RET_F32,
                                   [VM_RESULT_F64] = VM_X_RET_F64};
    value_class vc = (value_class)(class - VM_RESULT_ACC);
    insn in = {.op = ops[class],
               .format = FMT_CELL,
               .row = vm_rows[ops[class]],
               .offset = c->offset};
    cc_resolve(c, &in, &e, vc, NULL, C_INT, false);
    cc_encode(c, &in, VM_K_S, vm_rec_slot(c->f));
}

/* Results that stand for locals could be overwritten by others before they are
 * copied; they go home first. */
static void return_slots(cc *c)
{
    cc_flush(c);
    cc_spill(c, c->sp - c->type->nresults, false);
    copy_values(c, c->type->nresults, 0);
    cc_start(c, vm_simple[VM_X_RET_SLOTS]);
    cc_cell(c, vm_rec_slot(c->f));
}

/* Returns the top values; for a conditional return they stay on the stack, and
 * nothing of them may be pending. */
void cc_return(cc *c)
{
    vm_result_class class = vm_result_class_of(c->type);
    if (class == VM_RESULT_SLOTS) {
        return_slots(c);
    } else {
        entry top = c->stack[c->sp - 1];
        return_number(c, class, top);
    }
}

/* ---- branches
 * ------------------------------------------------------------------------ */

void cc_branch(cc *c, uint32_t depth)
{
    label *l = label_at(c, depth);
    const vm_type *types;
    uint32_t n = arity(l, &types);
    if (l->kind == L_FUNC) {
        cc_return(c);
    } else {
        move_values(c, l, n);
        emit_br(c, l);
    }
    c->has_pending = false;
    c->dead = true;
}

/*
 * Makes the pending comparison the branch on its being true (sense), or false.
 * False, with nothing changed, if there is no handler for it.
 */
static bool compare_to_branch(cc *c, insn *in, bool sense, bool back,
                              uint32_t *which)
{
    *in = c->pending;
    *which = back ? VM_BRANCH_BACK : VM_BRANCH_FORWARD;
    if (in->op >= VM_OP_COUNT || !vm_branch_rows[in->op])
        return false;
    if (in->bk == VM_K_K && !in->k &&
        (in->op == VM_OP_I32_EQ || in->op == VM_OP_I32_NE)) {
        in->op =
            (in->op == VM_OP_I32_NE) == sense ? VM_X_BR_TRUE : VM_X_BR_FALSE;
        in->bk = VM_K_S;
    } else if (!sense) {
        vm_op negated = cc_negate((vm_op)in->op);
        if (negated != VM_OP_COUNT)
            in->op = (uint16_t)negated;
        else
            *which += VM_BRANCH_FORWARD_NOT;
    }
    if (!vm_branch_rows[in->op][VM_ROW_INDEX(in->ak, in->bk, *which)])
        return false;
    c->has_pending = false;
    return true;
}

/*
 * Emits a branch on the popped condition.  Returns the half to fill with the
 * target and, in *base, the instruction it is relative to.
 */
static uint32_t branch_on(cc *c, entry cond, bool sense, bool back,
                          uint32_t *base)
{
    insn in;
    uint32_t which;
    if (cond.kind != E_PENDING ||
        !compare_to_branch(c, &in, sense, back, &which)) {
        in = (insn){.op = sense ? VM_X_BR_TRUE : VM_X_BR_FALSE,
                    .format = FMT_CELL,
                    .offset = c->offset};
        in.row = vm_branch_rows[in.op];
        which = back ? VM_BRANCH_BACK : VM_BRANCH_FORWARD;
        cc_resolve(c, &in, &cond, C_INT, NULL, C_INT, false);
    }
    const vm_handler *row = vm_branch_rows[in.op];
    *base = cc_start(c, row[VM_ROW_INDEX(in.ak, in.bk, which)]);
    cc_cell(c, cc_fields(in.a, in.b, 0, 0));
    if (in.bk == VM_K_K)
        cc_cell(c, in.k);
    return *base * 2 + 3;
}

/* Values that a conditional branch carries go home, without disturbing the
 * condition. */
void cc_branch_if(cc *c, entry cond, bool sense, uint32_t depth)
{
    label *l = label_at(c, depth);
    const vm_type *types;
    uint32_t n = arity(l, &types), base;
    if (n)
        cc_spill(c, c->sp - n, true);
    if (l->kind != L_FUNC && in_place(c, l, n)) {
        uint32_t half = branch_on(c, cond, sense, l->kind == L_LOOP, &base);
        target(c, label_at(c, depth), half, base);
        return;
    }
    uint32_t half = branch_on(c, cond, !sense, false, &base);
    uint32_t around = add_patch(c, NO_PATCH, half, base, false);
    cc_count_way(c);
    l = label_at(c, depth);
    if (l->kind == L_FUNC) {
        cc_return(c);
    } else {
        copy_values(c, n, l->height);
        emit_br(c, l);
    }
    bind(c, &around, c->ncells);
}

/* ---- br_table
 * ---------------------------------------------------------------------------
 */

/* Where an entry of the table leads: straight to the label, or to moves.  The
 * labels that need moves are chained through `next_stub`. */
static void table_target(cc *c, uint32_t depth, uint32_t half, uint32_t base,
                         uint32_t *stubs)
{
    label *l = label_at(c, depth);
    const vm_type *types;
    uint32_t n = arity(l, &types);
    if (l->kind != L_FUNC && l->kind != L_LOOP && in_place(c, l, n)) {
        target(c, l, half, base);
        return;
    }
    if (l->stub_epoch != c->epoch) {
        l->stub_epoch = c->epoch;
        l->stub = NO_PATCH;
        l->next_stub = *stubs;
        *stubs = (uint32_t)(l - c->labels);
    }
    l->stub = add_patch(c, l->stub, half, base, false);
}

static void emit_stubs(cc *c, uint32_t first)
{
    for (uint32_t i = first; i != NO_PATCH; i = c->labels[i].next_stub) {
        label *l = &c->labels[i];
        const vm_type *types;
        uint32_t n = arity(l, &types);
        bind(c, &l->stub, c->ncells);
        cc_count_way(c);
        if (l->kind == L_FUNC) {
            cc_return(c);
        } else {
            copy_values(c, n, l->height);
            emit_br(c, &c->labels[i]);
        }
    }
}

static void br_table(cc *c)
{
    uint32_t count = vm_read_u32(&c->p) + 1, stubs = NO_PATCH;
    entry index = cc_pop(c);
    const uint8_t *first = c->p;
    const vm_type *types;
    uint32_t n = arity(label_at(c, vm_read_u32(&first)), &types);
    if (n)
        cc_spill(c, c->sp - n, true);
    insn in = {.op = VM_X_BR_TABLE,
               .format = FMT_LOAD,
               .row = vm_rows[VM_X_BR_TABLE],
               .offset = c->offset};
    cc_resolve(c, &in, &index, C_INT, NULL, C_INT, false);
    uint32_t base = cc_start(c, in.row[VM_ROW_INDEX(in.ak, VM_K_S, VM_K_S)]);
    cc_cell(c, (uint64_t)in.a | (uint64_t)count << 32);
    for (uint32_t i = 0; i < count; i += 2)
        cc_cell(c, 0);
    c->epoch++;
    for (uint32_t i = 0; i < count; i++)
        table_target(c, vm_read_u32(&c->p), (base + 2) * 2 + i, base, &stubs);
    emit_stubs(c, stubs);
    c->dead = true;
}

/* ---- blocks
 * ---------------------------------------------------------------------------------
 */

static void set_base(cc *c, label *l)
{
    l->sp = c->sp - l->type.nparams;
    l->height = l->type.nparams ? c->stack[l->sp].home : c->height;
}

/* Drops what is above the label's base. */
static void unwind_to(cc *c, const label *l)
{
    while (c->sp > l->sp)
        cc_pop(c);
}

static void push_homes(cc *c, const vm_type *types, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        cc_push_home(c, types[i] == VM_V128);
}

static void open_block(cc *c, label_kind kind)
{
    label *l = push_label(c, kind);
    vm_read_blocktype(c->m, &c->p, &l->type);
    cc_flush(c);
    cc_spill(c, 0, false);
    set_base(c, l);
    if (kind != L_BLOCK)
        cc_spill(c, l->sp, true);
    l->start = c->ncells;
}

static void open_if(cc *c)
{
    entry cond = cc_pop(c);
    label *l = push_label(c, L_IF);
    vm_read_blocktype(c->m, &c->p, &l->type);
    cc_spill(c, 0, false);
    set_base(c, l);
    cc_spill(c, l->sp, true);
    uint32_t base, half = branch_on(c, cond, false, false, &base);
    label_at(c, 0)->else_patch = add_patch(c, NO_PATCH, half, base, false);
}

/* The end of a block's straight way: results go where branches put them. */
static void fall_through(cc *c, label *l)
{
    if (c->dead)
        return;
    move_values(c, l, l->type.nresults);
}

static void else_branch(cc *c)
{
    label *l = label_at(c, 0);
    fall_through(c, l);
    if (!c->dead)
        emit_br(c, l);
    c->has_pending = false;
    unwind_to(c, l);
    bind(c, &l->else_patch, c->ncells);
    l->kind = L_ELSE;
    push_homes(c, label_params(l), l->type.nparams);
    c->dead = false;
}

/* ---- exceptions
 * -----------------------------------------------------------------------------
 */

static vm_eh *add_eh(cc *c, const label *l, uint32_t end, uint32_t kind)
{
    c->eh = cc_grow(c, c->eh, c->neh, &c->eh_cap, sizeof(vm_eh));
    vm_eh *e = &c->eh[c->neh++];
    *e = (vm_eh){.start = l->start, .end = end, .kind = kind};
    return e;
}

/* Clauses of a try_table, after its body; depths count from outside it. */
static void add_clauses(cc *c, const label *try)
{
    const uint8_t *p = try->catches;
    uint32_t n = vm_read_u32(&p), at = (uint32_t)(try - c->labels);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t kind = *p++;
        uint32_t tag = kind <= VM_CATCH_REF ? vm_read_u32(&p) : 0;
        label *l = &c->labels[at - 1 - vm_read_u32(&p)];
        vm_eh *e = add_eh(c, try, c->ncells, kind);
        e->tag = tag;
        e->dst = l->height;
        if (l->kind == L_LOOP) {
            e->target = l->start;
        } else {
            l->patches = add_patch(c, l->patches, c->neh - 1, 0, true);
            l->reached = true;
        }
    }
}

/* catch or catch_all of a legacy try: `rethrow` finds the exception below the
 * values, in a hidden slot. */
static void catch_clause(cc *c, bool all)
{
    label *l = label_at(c, 0);
    uint32_t tag = all ? 0 : vm_read_u32(&c->p);
    fall_through(c, l);
    if (!c->dead)
        emit_br(c, l);
    c->has_pending = false;
    unwind_to(c, l);
    if (l->kind == L_TRY) {
        l->kind = L_CATCH;
        l->body_end = c->ncells;
        bind(c, &l->delegates, c->neh);
    }
    vm_eh *e = add_eh(c, l, l->body_end,
                      all ? VM_EH_LEGACY_CATCH_ALL : VM_EH_LEGACY_CATCH);
    e->tag = tag;
    e->target = c->ncells;
    e->dst = l->height;
    /* A throw in a clause is not this try's: its range has ended before. */
    cc_push_home(c, false);
    if (!all) {
        const vm_functype *type = &c->m->tags[tag]->func;
        push_homes(c, type->types, type->nparams);
    }
    c->dead = false;
}

/* A delegate sends on to the handlers outside of the label it names. */
static void add_delegate(cc *c, const label *try, uint32_t depth)
{
    vm_eh *e = add_eh(c, try, c->ncells, VM_EH_DELEGATE);
    e->target = UINT32_MAX;
    label *l = label_at(c, depth + 1);
    l->delegates = add_patch(c, l->delegates, c->neh - 1, 0, true);
}

static void throw_tag(cc *c, uint32_t tag)
{
    const vm_functype *type = &c->m->tags[tag]->func;
    cc_stage(c, type->nparams);
    uint32_t args = c->height - type->param_slots;
    cc_start(c, vm_simple[VM_OP_THROW]);
    cc_cell(c, cc_fields(args, type->param_slots, 0, 0));
    cc_cell(c, tag);
    c->dead = true;
}

static void throw_ref(cc *c, uint32_t slot)
{
    cc_start(c, vm_simple[VM_OP_THROW_REF]);
    cc_cell(c, cc_fields(0, slot, 0, 0));
    c->has_pending = false;
    c->dead = true;
}

/* ---- the end of a block
 * ------------------------------------------------------------------------ */

static void end_block(cc *c)
{
    label *l = label_at(c, 0);
    bool agree = l->reached || l->else_patch != NO_PATCH || l->kind == L_TRY ||
                 l->kind == L_CATCH || l->kind == L_TRY_TABLE;
    if (l->kind == L_LOOP)
        agree = false;
    bool catches = l->kind == L_TRY_TABLE;
    if (!agree) { /* only the straight way leads here */
        bind(c, &l->delegates, c->neh);
        c->nlabels--;
        return;
    }
    bool was_dead = c->dead;
    fall_through(c, l);
    bind(c, &l->delegates, c->neh);
    if (catches)
        add_clauses(c, l);
    uint32_t n = l->type.nresults;
    if (was_dead && !l->reached && l->else_patch == NO_PATCH) {
        c->nlabels--;
        return;
    }
    c->has_pending = false;
    unwind_to(c, l);
    bind(c, &l->patches, c->ncells);
    bind(c, &l->else_patch, c->ncells);
    c->nlabels--;
    /* The label is off the array but its memory is still there. */
    push_homes(c, label_results(l), n);
    c->dead = false;
}

static void end_function(cc *c)
{
    label *l = label_at(c, 0);
    if (!c->dead && !c->block_open)
        cc_count_way(c);
    if (!c->dead)
        cc_return(c);
    bind(c, &l->delegates, c->neh);
    if (l->patches != NO_PATCH) { /* caught by a clause that returns */
        c->has_pending = false;
        unwind_to(c, l);
        bind(c, &l->patches, c->ncells);
        push_homes(c, c->type->types + c->type->nparams, c->type->nresults);
        cc_return(c);
    }
    c->nlabels--;
}

/* ---- instructions
 * ---------------------------------------------------------------------------------
 */

bool cc_control(cc *c, vm_op op)
{
    switch (op) {
    case VM_OP_BLOCK: open_block(c, L_BLOCK); return true;
    case VM_OP_LOOP: open_block(c, L_LOOP); return true;
    case VM_OP_TRY: open_block(c, L_TRY); return true;
    case VM_OP_TRY_TABLE: {
        open_block(c, L_TRY_TABLE);
        label_at(c, 0)->catches = c->p;
        for (uint32_t n = vm_read_u32(&c->p); n; n--) {
            if (*c->p++ <= VM_CATCH_REF)
                vm_read_u32(&c->p);
            vm_read_u32(&c->p);
        }
        return true;
    }
    case VM_OP_IF: open_if(c); return true;
    case VM_OP_ELSE: else_branch(c); return true;
    case VM_OP_CATCH: catch_clause(c, false); return true;
    case VM_OP_CATCH_ALL: catch_clause(c, true); return true;
    case VM_OP_DELEGATE: {
        label *l = label_at(c, 0);
        l->reached = l->reached || !c->dead;
        if (!c->dead)
            fall_through(c, l);
        add_delegate(c, l, vm_read_u32(&c->p));
        l->kind = L_BLOCK;
        end_block(c);
        return true;
    }
    case VM_OP_END:
        if (c->nlabels == 1)
            end_function(c);
        else
            end_block(c);
        return true;
    case VM_OP_BR: cc_branch(c, vm_read_u32(&c->p)); return true;
    case VM_OP_BR_IF: {
        entry cond = cc_pop(c);
        cc_branch_if(c, cond, true, vm_read_u32(&c->p));
        return true;
    }
    case VM_OP_BR_TABLE: br_table(c); return true;
    case VM_OP_RETURN: cc_branch(c, c->nlabels - 1); return true;
    case VM_OP_UNREACHABLE:
        cc_flush(c);
        cc_start(c, vm_simple[VM_X_TRAP]);
        cc_cell(c, 0);
        c->dead = true;
        return true;
    case VM_OP_THROW: throw_tag(c, vm_read_u32(&c->p)); return true;
    case VM_OP_THROW_REF: {
        entry e = cc_pop(c);
        throw_ref(c, cc_in_slot(c, &e));
        return true;
    }
    case VM_OP_RETHROW:
        cc_flush(c);
        throw_ref(c, label_at(c, vm_read_u32(&c->p))->height);
        return true;
    default: return false;
    }
}

/* Skips what cannot be reached; stops before what ends it. */
static void skip_dead(cc *c)
{
    for (uint32_t depth = 0;;) {
        const uint8_t *at = c->p;
        vm_op op = vm_read_op(&c->p);
        switch (op) {
        case VM_OP_BLOCK:
        case VM_OP_LOOP:
        case VM_OP_IF:
        case VM_OP_TRY:
        case VM_OP_TRY_TABLE: depth++; break;
        case VM_OP_ELSE:
        case VM_OP_CATCH:
        case VM_OP_CATCH_ALL:
            if (depth)
                break;
            c->p = at;
            return;
        case VM_OP_END:
        case VM_OP_DELEGATE:
            if (!depth--) {
                c->p = at;
                return;
            }
            break;
        default: break;
        }
        vm_skip_immediates(c->m, op, &c->p);
    }
}

/* ---- looking ahead: which locals to pin and to zero
 * ------------------------------------------------------ */

/*
 * One walk over the body before compiling it.  A local's uses inside loops are
 * counted, weighted by depth.  A local needs its zero only if it is read where
 * no assignment in the same or an enclosing block comes before (the rule by
 * which validation treats locals without a default).
 */
typedef struct lookahead {
    uint32_t *uses;
    uint8_t *is_set;    /* assigned in the blocks that are open */
    uint32_t *assigned; /* those, in order, to forget at the end of a block */
    uint32_t nassigned;
    struct open_block {
        bool is_loop;
        uint32_t nassigned;
    } *open;
    uint32_t nopen, depth;
} lookahead;

static void look_at_local(cc *c, lookahead *a, vm_op op, uint32_t i)
{
    uint32_t depth = a->depth < 5 ? a->depth : 5;
    if (depth && a->uses[i] < UINT32_MAX / 2)
        a->uses[i] += 1u << (3 * depth);
    if (op == VM_OP_LOCAL_GET) {
        if (!a->is_set[i])
            c->locals[i].zero = true;
    } else if (!a->is_set[i]) {
        a->is_set[i] = true;
        a->assigned[a->nassigned++] = i;
    }
}

static void forget_assigned(lookahead *a, uint32_t from)
{
    while (a->nassigned > from)
        a->is_set[a->assigned[--a->nassigned]] = false;
}

static void look_at_block(lookahead *a, vm_op op)
{
    switch (op) {
    case VM_OP_BLOCK:
    case VM_OP_LOOP:
    case VM_OP_IF:
    case VM_OP_TRY:
    case VM_OP_TRY_TABLE:
        a->open[a->nopen++] =
            (struct open_block){op == VM_OP_LOOP, a->nassigned};
        a->depth += op == VM_OP_LOOP;
        break;
    case VM_OP_ELSE:
    case VM_OP_CATCH:
    case VM_OP_CATCH_ALL:
        forget_assigned(a, a->open[a->nopen - 1].nassigned);
        break;
    case VM_OP_END:
    case VM_OP_DELEGATE:
        if (a->nopen) { /* not the function's own */
            a->nopen--;
            forget_assigned(a, a->open[a->nopen].nassigned);
            a->depth -= a->open[a->nopen].is_loop;
        }
        break;
    default: break;
    }
}

static void look_ahead(cc *c, lookahead *a)
{
    const uint8_t *p = c->p, *end = c->m->bytes + c->f->body + c->f->body_size;
    while (p < end) {
        vm_op op = vm_read_op(&p);
        if (op == VM_OP_LOCAL_GET || op == VM_OP_LOCAL_SET ||
            op == VM_OP_LOCAL_TEE) {
            look_at_local(c, a, op, vm_read_u32(&p));
            continue;
        }
        look_at_block(a, op);
        vm_skip_immediates(c->m, op, &p);
    }
}

static void pin_best(cc *c, const uint32_t *uses, entry_kind pin, vm_type t1,
                     vm_type t2)
{
    uint32_t best = UINT32_MAX, weight = 15;
    for (uint32_t i = 0; i < c->nlocals; i++) {
        const local *l = &c->locals[i];
        if (l->pin == E_SLOT && (l->type == t1 || l->type == t2) &&
            uses[i] > weight) {
            best = i;
            weight = uses[i];
        }
    }
    if (best != UINT32_MAX)
        c->locals[best].pin = (uint8_t)pin;
}

static void study_locals(cc *c)
{
    if (!c->nlocals)
        return;
    uint32_t n = c->nlocals;
    lookahead a = {.uses = calloc(n, sizeof *a.uses),
                   .is_set = calloc(n, 1),
                   .assigned = calloc(n, sizeof *a.assigned),
                   .open = calloc(c->f->max_labels + 1, sizeof *a.open)};
    bool ok = a.uses && a.is_set && a.assigned && a.open;
    if (ok) {
        for (uint32_t i = 0; i < c->type->nparams; i++)
            a.is_set[i] = true;
        look_ahead(c, &a);
        pin_best(c, a.uses, E_P, VM_I32, VM_I64);
        pin_best(c, a.uses, E_Q, VM_I32, VM_I64);
        pin_best(c, a.uses, E_D0, VM_F64, VM_F64);
    }
    free(a.uses);
    free(a.is_set);
    free(a.assigned);
    free(a.open);
    if (!ok)
        cc_fail(c, "out of memory");
}

/* ---- the frame
 * ------------------------------------------------------------------------------------------
 */

static void add_local(cc *c, vm_type type, uint32_t *slot)
{
    c->locals[c->nlocals++] =
        (local){.type = type, .slot = *slot, .pin = E_SLOT};
    *slot += vm_type_slots(type);
}

static void lay_out_frame(cc *c)
{
    uint32_t slot = 0, count;
    vm_type type;
    if (c->f->local_slots > VM_MAX_FRAME)
        cc_fail(c,
                "function %u is too large: its locals need more than %u "
                "slots",
                c->code->func, VM_MAX_FRAME);
    c->locals = calloc(c->f->nlocals + 1, sizeof(local));
    if (!c->locals)
        cc_fail(c, "out of memory");
    for (uint32_t i = 0; i < c->type->nparams; i++)
        add_local(c, c->type->types[i], &slot);
    vm_local_runs runs = vm_local_runs_start(c->m, c->f);
    while (vm_local_runs_next(&runs, &count, &type))
        while (count--)
            add_local(c, type, &slot);
    c->height = vm_rec_slot(c->f) + VM_REC_SLOTS;
    c->max_slot = c->height;
}

static void zero_run(cc *c, uint32_t slot, uint32_t n)
{
    if (!n)
        return;
    cc_start(c, vm_simple[n == 1   ? VM_X_ZERO1
                          : n == 2 ? VM_X_ZERO2
                                   : VM_X_ZERO]);
    cc_cell(c, slot | (uint64_t)n << 32);
}

/* Locals in between that need no zero are cheaper to include than to skip. */
#define ZERO_GAP 8

static void zero_locals(cc *c)
{
    uint32_t from = 0, n = 0;
    for (uint32_t i = c->type->nparams; i < c->nlocals; i++) {
        const local *l = &c->locals[i];
        if (!l->zero || l->pin != E_SLOT)
            continue;
        if (!n || l->slot - (from + n) > ZERO_GAP) {
            zero_run(c, from, n);
            from = l->slot;
        }
        n = l->slot - from + vm_type_slots(l->type);
    }
    zero_run(c, from, n);
}

/* Pinned locals start as what their slots hold: an argument, or zero. */
static void load_pinned(cc *c)
{
    for (uint32_t i = 0; i < c->nlocals; i++) {
        const local *l = &c->locals[i];
        if (l->pin == E_SLOT || (i >= c->type->nparams && !l->zero))
            continue;
        entry e = {.kind = E_SLOT, .slot = l->slot, .home = l->slot};
        if (i >= c->type->nparams)
            e.kind = E_CONST;
        cc_move(c, &e, l->pin, l->slot);
    }
}

static uint32_t read_half(const cc *c, uint32_t half)
{
    uint32_t value;
    memcpy(&value, (const uint32_t *)c->cells + half, sizeof value);
    return value;
}

/* A branch that leads to an unconditional one goes where that goes.  Only a
 * branch that does so itself may take over the counting of backward ones. */
static void thread_jumps(cc *c)
{
    vm_cell br = (uintptr_t)vm_simple[VM_X_BR];
    vm_cell back = (uintptr_t)vm_simple[VM_X_BR_BACK];
    for (uint32_t i = 0; i < c->njumps; i++) {
        const jump *j = &c->jumps[i];
        for (int hops = 0; hops < 8; hops++) {
            uint32_t to = j->base + read_half(c, j->half);
            vm_cell next = c->cells[to];
            bool plain = c->cells[j->base] == br;
            if (next != br && !(next == back && plain))
                break;
            write_half(c, j->half, to + read_half(c, to * 2 + 3) - j->base);
            if (next == back)
                c->cells[j->base] = back;
        }
    }
}

void cc_locals(cc *c)
{
    lay_out_frame(c);
    study_locals(c);
}

void cc_body(cc *c)
{
    cc_locals(c);
    uint32_t check = cc_start(c, vm_simple[VM_X_CHECK_STACK]);
    cc_cell(c, 0);
    uint32_t rest = c->ncells;
    zero_locals(c);
    load_pinned(c);
    if (c->counting)
        cc_count_entry(c);
    label *l = push_label(c, L_FUNC);
    l->type = (vm_blocktype){.nresults = c->type->nresults,
                             .results = c->type->types + c->type->nparams};
    l->height = c->height;
    while (c->nlabels) {
        if (c->dead)
            skip_dead(c);
        c->offset = (uint32_t)(c->p - c->m->bytes);
        if (c->stop && c->offset >= c->stop)
            return; /* only to be looked at */
        vm_op op = vm_read_op(&c->p);
        if (c->counting)
            cc_count(c, op);
        if (!cc_control(c, op) && !cc_call(c, op))
            cc_op(c, op);
    }
    thread_jumps(c);
#ifndef VM_COUNT /* which counts single instructions */
    cc_fuse_sequences(c);
#endif
    write_half(c, check * 2 + 3, c->max_slot);
    c->skip = c->max_slot > VM_STACK_GUARD ? 0 : rest;
}
