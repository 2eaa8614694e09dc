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
    BR_IF,
    END,
} fast_kind;

/* By opcode byte: the kind, operand and result types, and opcodes.def's
 * argument. */
static struct fast_row {
    uint8_t kind, operand, result, arg;
} rows[256];

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
    rows[vm_ops[VM_OP_LOCAL_GET].code].kind = LOCAL_GET;
    rows[vm_ops[VM_OP_LOCAL_SET].code].kind = LOCAL_SET;
    rows[vm_ops[VM_OP_LOCAL_TEE].code].kind = LOCAL_TEE;
    rows[vm_ops[VM_OP_BR_IF].code].kind = BR_IF;
    rows[vm_ops[VM_OP_END].code].kind = END;
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

/* A local's index in one or two bytes; moves *p past it. */
static inline uint32_t local_index(const uint8_t **p)
{
    const uint8_t *b = *p;
    *p = b + 1 + (b[0] >> 7);
    return b[0] & 0x80 ? (b[0] & 0x7fu) | (uint32_t)b[1] << 7 : b[0];
}

static bool label_is_empty(const vm_ctrl *c)
{
    return (c->op == VM_OP_LOOP ? c->nparams : c->nresults) == 0;
}

/* A block, not the function's own, that leaves nothing: no more to check. */
static bool end_is_plain(const vm_validator *v, const vm_ctrl *c)
{
    return v->nctrls > 1 && c->nresults == 0 && c->op != VM_OP_IF &&
           c->ninits == v->ninits;
}

/*
 * Runs up to `stop`, which leaves LONGEST bytes of the module unread.  An
 * instruction that straddles the body's end is noticed after it.
 */
static void run_fast(vm_validator *v, const uint8_t *stop)
{
    const uint8_t *pos = v->r.pos;
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
            uint32_t i = local_index(&next);
            if (i >= nfast || sp == limit)
                break;
            *sp++ = fast[i];
            pos = next;
            continue;
        }
        case LOCAL_SET:
        case LOCAL_TEE: {
            uint32_t i = local_index(&next);
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
