/*
 * validate_loop.c - the validator's main loop.  Most instructions of a body
 * are of a few plain kinds with operands of the right type: those are handled
 * here with everything in local variables.  Whatever is unusual about an
 * instruction (a long LEB128, an unreachable block, a wrong type, the end of
 * the module being near) is left, untouched, to vm_validate_step.
 */
#include "vm/validate.h"

typedef enum fast_kind {
    SLOW,
    LOCAL_GET,
    LOCAL_SET,
    LOCAL_TEE,
    CONST, /* LEB128 */
    UNARY,
    BINARY,
    LOAD,
    STORE,
    BLOCK, /* without parameters and results */
    IF,
    BR_IF,
    END,
    CALL,
    DROP,
    GLOBAL_GET,
    GLOBAL_SET,
} fast_kind;

/* By opcode byte: the kind, operand and result types, and opcodes.def's
 * argument. */
static struct fast_row {
    uint8_t kind, operand, result, arg;
} rows[256];

/* Those whose signature tells too little. */
static const struct {
    uint16_t op;
    uint8_t kind;
} own_kinds[] = {
    {VM_OP_LOCAL_GET, LOCAL_GET},
    {VM_OP_LOCAL_SET, LOCAL_SET},
    {VM_OP_LOCAL_TEE, LOCAL_TEE},
    {VM_OP_GLOBAL_GET, GLOBAL_GET},
    {VM_OP_GLOBAL_SET, GLOBAL_SET},
    {VM_OP_BLOCK, BLOCK},
    {VM_OP_IF, IF},
    {VM_OP_BR_IF, BR_IF},
    {VM_OP_END, END},
    {VM_OP_CALL, CALL},
    {VM_OP_DROP, DROP},
};

static void make_row(vm_op op, const vm_signature *s)
{
    struct fast_row *row = &rows[vm_ops[op].code];
    uint8_t imm = vm_ops[op].imm;
    row->arg = vm_ops[op].arg;
    row->result = s->push[0];
    row->operand = s->npop ? s->pop[s->npop - 1] : 0;
    if (imm == VM_IMM_NONE && s->npop == 1 && s->npush == 1)
        row->kind = UNARY;
    else if (imm == VM_IMM_NONE && s->npop == 2 && s->npush == 1)
        row->kind = BINARY; /* both operands of one type */
    else if (imm == VM_IMM_I32 || imm == VM_IMM_I64)
        row->kind = CONST;
    else if (imm == VM_IMM_MEMARG)
        row->kind = s->npush ? LOAD : STORE;
}

void vm_validate_init_loop(const vm_signature *signatures)
{
    for (int op = 0; op < VM_OP_COUNT; op++)
        if (vm_ops[op].prefix == 0 && signatures[op].npop != VM_SPECIAL)
            make_row((vm_op)op, &signatures[op]);
    for (size_t i = 0; i < sizeof own_kinds / sizeof *own_kinds; i++)
        rows[vm_ops[own_kinds[i].op].code].kind = own_kinds[i].kind;
}

/* No LEB128 with an opcode before it is longer than this. */
enum { LONGEST = 24 };

/*
 * Skips a LEB128 of at most four bytes, which fits any immediate; NULL when it
 * is longer, and may not.
 */
static inline const uint8_t *skip_leb(const uint8_t *p)
{
    if (!(p[0] & 0x80))
        return p + 1;
    if (!(p[1] & 0x80))
        return p + 2;
    if (!(p[2] & 0x80))
        return p + 3;
    return p[3] & 0x80 ? NULL : p + 4;
}

/* An index in one or two bytes, else too large a number; moves *p past. */
static inline uint32_t short_index(const uint8_t **p)
{
    const uint8_t *b = *p;
    *p = b + 1 + (b[0] >> 7);
    return b[0] & 0x80 ? (b[0] & 0x7fu) | (uint32_t)b[1] << 7 : b[0];
}

/* An index of up to four bytes; UINT32_MAX when it is longer. */
static inline uint32_t medium_index(const uint8_t **p)
{
    const uint8_t *b = *p;
    uint32_t index = b[0] & 0x7f, n = 0;
    for (; b[n] & 0x80; index |= (b[n] & 0x7fu) << 7 * n)
        if (++n == 4)
            return UINT32_MAX;
    *p = b + n + 1;
    return index;
}

static bool label_is_empty(const vm_ctrl *c)
{
    return (c->op == VM_OP_LOOP ? c->nparams : c->nresults) == 0;
}

/* A block, not the function's own, that leaves nothing: no more to check. */
static bool end_is_plain(const vm_validator *v, const vm_ctrl *c)
{
    return v->nctrls > 1 && c->nresults == 0 && c->ninits == v->ninits &&
           (c->op != VM_OP_IF || c->nparams == 0);
}

/* Opens a block of type [] -> []; false when there is no room. */
static inline bool open_plain(vm_validator *v, uint16_t op, uint32_t height)
{
    if (v->nctrls == v->ctrl_capacity)
        return false;
    v->ctrls[v->nctrls++] =
        (vm_ctrl){.op = op, .height = height, .ninits = v->ninits};
    if (v->nctrls > v->max_ctrls)
        v->max_ctrls = v->nctrls;
    v->floor = height;
    return true;
}

/*
 * Replaces a call's operands by its results; NULL when they are not exactly of
 * the parameters' types, or when there is no room.
 */
static inline vm_type *call_plain(const vm_functype *type, vm_type *sp,
                                  const vm_type *floor, const vm_type *limit)
{
    uint32_t n = type->nparams;
    if (sp - floor < n || limit - sp < type->nresults)
        return NULL;
    sp -= n;
    for (uint32_t i = 0; i < n; i++)
        if (sp[i] != type->types[i])
            return NULL;
    for (uint32_t i = 0; i < type->nresults; i++)
        sp[i] = type->types[n + i];
    return sp + type->nresults;
}

/*
 * Runs up to `stop`, which leaves LONGEST bytes of the module unread.  An
 * instruction that straddles the body's end is noticed after it.
 */
static void run_fast(vm_validator *v, const uint8_t *stop)
{
    const uint8_t *pos;
    const uint32_t nfast = v->tracks_inits ? 0 : v->nfast;
    const vm_type *const fast = v->fast;
    const vm_type address = v->m->nmemories == 0     ? 0
                            : v->m->memories[0].is64 ? VM_I64
                                                     : VM_I32;
    vm_type *sp, *floor, *peak, *limit;
#define RELOAD()                                                               \
    (pos = v->r.pos, sp = v->stack + v->height, floor = v->stack + v->floor,   \
     peak = v->stack + v->max_height, limit = v->stack + v->capacity)
    RELOAD();
    while (pos < stop) {
        const struct fast_row row = rows[*pos];
        const uint8_t *next = pos + 1;
        if (sp > peak)
            peak = sp;
        switch ((fast_kind)row.kind) {
        case LOCAL_GET: {
            uint32_t i = short_index(&next);
            if (i >= nfast || sp == limit)
                break;
            *sp++ = fast[i];
            pos = next;
            continue;
        }
        case LOCAL_SET:
        case LOCAL_TEE: {
            uint32_t i = short_index(&next);
            if (i >= nfast || sp == floor || sp[-1] != fast[i])
                break;
            sp -= row.kind == LOCAL_SET;
            pos = next;
            continue;
        }
        case CONST:
            next = skip_leb(next);
            if (!next || sp == limit)
                break;
            *sp++ = row.result;
            pos = next;
            continue;
        case UNARY:
            if (sp == floor || sp[-1] != row.operand)
                break;
            sp[-1] = row.result;
            pos = next;
            continue;
        case BINARY:
            if (sp - floor < 2 || sp[-1] != row.operand ||
                sp[-2] != row.operand)
                break;
            sp--;
            sp[-1] = row.result;
            pos = next;
            continue;
        case LOAD:
            if (*next > row.arg || sp == floor || sp[-1] != address)
                break;
            next = skip_leb(next + 1);
            if (!next)
                break;
            sp[-1] = row.result;
            pos = next;
            continue;
        case STORE:
            if (*next > row.arg || sp - floor < 2 || sp[-1] != row.operand ||
                sp[-2] != address)
                break;
            next = skip_leb(next + 1);
            if (!next)
                break;
            sp -= 2;
            pos = next;
            continue;
        case BR_IF:
            if (*next >= v->nctrls || *next >= 0x80 || sp == floor ||
                sp[-1] != VM_I32 ||
                !label_is_empty(&v->ctrls[v->nctrls - 1 - *next]))
                break;
            sp--;
            pos = next + 1;
            continue;
        case END: {
            const vm_ctrl *top = &v->ctrls[v->nctrls - 1];
            if (sp != floor || !end_is_plain(v, top))
                break;
            v->nctrls--;
            v->floor = top[-1].height;
            floor = v->stack + v->floor;
            pos = next;
            continue;
        }
        case BLOCK:
            if (*next != 0x40 ||
                !open_plain(v, VM_OP_BLOCK, (uint32_t)(sp - v->stack)))
                break;
            floor = sp;
            pos = next + 1;
            continue;
        case IF:
            if (*next != 0x40 || sp == floor || sp[-1] != VM_I32 ||
                !open_plain(v, VM_OP_IF, (uint32_t)(sp - 1 - v->stack)))
                break;
            floor = --sp;
            pos = next + 1;
            continue;
        case CALL: {
            uint32_t i = medium_index(&next);
            if (i >= v->m->nfuncs)
                break;
            vm_type *after =
                call_plain(&v->m->funcs[i].type->func, sp, floor, limit);
            if (!after)
                break;
            v->flags |= VM_FUNC_HAS_CALLS;
            sp = after;
            pos = next;
            continue;
        }
        case DROP:
            if (sp == floor)
                break;
            sp--;
            pos = next;
            continue;
        case GLOBAL_GET: {
            uint32_t i = short_index(&next);
            if (i >= v->m->nglobals || sp == limit)
                break;
            *sp++ = v->m->globals[i].type;
            pos = next;
            continue;
        }
        case GLOBAL_SET: {
            uint32_t i = short_index(&next);
            if (i >= v->m->nglobals || sp == floor ||
                sp[-1] != v->m->globals[i].type || !v->m->globals[i].is_mutable)
                break;
            sp--;
            pos = next;
            continue;
        }
        case SLOW: break;
        }
        v->r.pos = pos;
        v->height = (uint32_t)(sp - v->stack);
        v->max_height = (uint32_t)(peak - v->stack);
        vm_validate_step(v);
        RELOAD();
    }
#undef RELOAD
    v->r.pos = pos;
    v->height = (uint32_t)(sp - v->stack);
    v->max_height = (uint32_t)((sp > peak ? sp : peak) - v->stack);
}

void vm_validate_run(vm_validator *v)
{
    vm_reader *r = &v->r;
    const uint8_t *module_end = v->m->bytes + v->m->size;
    const uint8_t *stop = module_end - r->end >= LONGEST  ? r->end
                          : module_end - r->pos > LONGEST ? module_end - LONGEST
                                                          : r->pos;
    if (v->type && (v->stack || vm_validate_grow(v)))
        run_fast(v, stop);
    while (r->pos < r->end && v->nctrls)
        vm_validate_step(v);
    if (r->failed)
        return;
    if (r->pos > r->end || v->nctrls)
        vm_reader_malformed(r, r->end,
                            "unexpected end: %u blocks are still open (END "
                            "opcode expected)",
                            v->nctrls);
}
