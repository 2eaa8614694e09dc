/*
 * validate_body.c - the validator's main loop: control, variables, memory and
 * everything whose types the signature table tells.  References, tables and
 * heap objects are in validate_ref.c.
 */
#include "vm/validate.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- signatures --------------------------------------------------------- */

static vm_signature signatures[VM_OP_COUNT];

static uint8_t letter_type(char letter)
{
    static const uint8_t types[] = {
        ['i'] = VM_I32, ['l'] = VM_I64,  ['f'] = VM_F32,
        ['d'] = VM_F64, ['v'] = VM_V128, ['a'] = VM_ADDRESS,
    };
    return types[(unsigned char)letter];
}

static void read_signature(vm_signature *s, const char *text)
{
    if (*text == '*') {
        s->npop = VM_SPECIAL;
        return;
    }
    for (; *text != ':'; text++)
        s->pop[s->npop++] = letter_type(*text);
    while (*++text)
        s->push[s->npush++] = letter_type(*text);
}

/* Section 3.4.12, constant instructions. */
static const uint16_t const_ops[] = {
    VM_OP_END,
    VM_OP_GLOBAL_GET,
    VM_OP_I32_CONST,
    VM_OP_I64_CONST,
    VM_OP_F32_CONST,
    VM_OP_F64_CONST,
    VM_OP_V128_CONST,
    VM_OP_I32_ADD,
    VM_OP_I32_SUB,
    VM_OP_I32_MUL,
    VM_OP_I64_ADD,
    VM_OP_I64_SUB,
    VM_OP_I64_MUL,
    VM_OP_REF_NULL,
    VM_OP_REF_FUNC,
    VM_OP_REF_I31,
    VM_OP_STRUCT_NEW,
    VM_OP_STRUCT_NEW_DEFAULT,
    VM_OP_ARRAY_NEW,
    VM_OP_ARRAY_NEW_DEFAULT,
    VM_OP_ARRAY_NEW_FIXED,
    VM_OP_ANY_CONVERT_EXTERN,
    VM_OP_EXTERN_CONVERT_ANY,
};

static void build_signatures(void)
{
    for (int op = 0; op < VM_OP_COUNT; op++)
        read_signature(&signatures[op], vm_ops[op].sig);
    for (size_t i = 0; i < sizeof const_ops / sizeof *const_ops; i++)
        signatures[const_ops[i]].is_const = true;
    vm_validate_init_loop(signatures);
}

void vm_validate_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, build_signatures);
}

/* ---- memory immediates -------------------------------------------------- */

static vm_type address_type(const vm_limits *limits)
{
    return limits->is64 ? VM_I64 : VM_I32;
}

vm_type vm_validate_memory(vm_validator *v, uint32_t *index)
{
    uint32_t i = vm_reader_u32(&v->r);
    if (!vm_validate_index(v, i, v->m->nmemories, "memory"))
        return VM_I32;
    if (index)
        *index = i;
    return address_type(&v->m->memories[i]);
}

/*
 * Section 3.4.6: at most natural alignment, and exactly that for atomics; the
 * offset must fit the address type.
 */
static vm_type check_memarg(vm_validator *v, vm_op op)
{
    vm_reader *r = &v->r;
    const uint8_t *at = r->pos;
    uint32_t flags = vm_reader_u32(r), index = 0;
    if (flags >= 0x80)
        vm_reader_malformed(r, at, "malformed memop flags 0x%x", flags);
    uint32_t align = flags & 0x3f, natural = vm_ops[op].arg;
    if (flags & 0x40)
        index = vm_reader_u32(r);
    uint64_t offset = vm_reader_u64(r);
    if (!vm_validate_index(v, index, v->m->nmemories, "memory"))
        return VM_I32;
    if (align > natural)
        vm_validate_fail(v,
                         "alignment must not be larger than natural: 2^%u, "
                         "at most 2^%u",
                         align, natural);
    if (vm_ops[op].prefix == 0xfe && align != natural)
        vm_validate_fail(v, "atomic alignment must be natural: 2^%u, not 2^%u",
                         natural, align);
    const vm_limits *limits = &v->m->memories[index];
    if (!limits->is64 && offset > UINT32_MAX)
        vm_validate_fail(v, "offset out of range: more than 32 bits in a "
                            "32-bit memory");
    return address_type(limits);
}

static void check_lane(vm_validator *v, uint32_t lanes)
{
    uint8_t lane = vm_reader_u8(&v->r);
    if (lane >= lanes)
        vm_validate_fail(v, "invalid lane index %u: there are %u", lane, lanes);
}

static void check_shuffle(vm_validator *v, uint32_t lanes)
{
    for (int i = 0; i < 16; i++)
        check_lane(v, lanes);
}

static void check_data_index(vm_validator *v)
{
    uint32_t index = vm_reader_u32(&v->r);
    if (v->m->data_count == UINT32_MAX)
        vm_reader_malformed(&v->r, v->at, "data count section required");
    vm_validate_index(v, index, v->m->ndatas, "data segment");
}

/* ---- instructions with a fixed signature -------------------------------- */

/* Immediates of such an instruction; answers what VM_ADDRESS stands for. */
static vm_type simple_immediates(vm_validator *v, vm_op op)
{
    vm_reader *r = &v->r;
    uint8_t arg = vm_ops[op].arg;
    vm_type address = VM_BOTTOM;
    switch (vm_ops[op].imm) {
    case VM_IMM_NONE: break;
    case VM_IMM_MEMARG: return check_memarg(v, op);
    case VM_IMM_I32: (void)vm_reader_sleb(r, 32); break;
    case VM_IMM_I64: (void)vm_reader_sleb(r, 64); break;
    case VM_IMM_F32: (void)vm_reader_bytes(r, 4); break;
    case VM_IMM_F64: (void)vm_reader_bytes(r, 8); break;
    case VM_IMM_V128: (void)vm_reader_bytes(r, 16); break;
    case VM_IMM_LANE: check_lane(v, arg); break;
    case VM_IMM_SHUFFLE: check_shuffle(v, arg); break;
    case VM_IMM_MEMORY: return vm_validate_memory(v, NULL);
    case VM_IMM_DATA: check_data_index(v); break;
    case VM_IMM_MEMARG_LANE:
        address = check_memarg(v, op);
        check_lane(v, 16u >> arg);
        break;
    case VM_IMM_MEMORY_DATA:
        check_data_index(v);
        return vm_validate_memory(v, NULL);
    case VM_IMM_ELEM:
        vm_validate_index(v, vm_reader_u32(r), v->m->nelems, "elem segment");
        break;
    case VM_IMM_ZERO:
        if (vm_reader_u8(r) != 0)
            vm_reader_malformed(r, v->at, "zero byte expected");
        break;
    default: __builtin_unreachable();
    }
    return address;
}

static inline void check_simple(vm_validator *v, vm_op op,
                                const vm_signature *s)
{
    vm_type address = VM_BOTTOM;
    if (vm_ops[op].imm != VM_IMM_NONE)
        address = simple_immediates(v, op);
    for (uint32_t i = s->npop; i--;)
        vm_pop(v, s->pop[i] == VM_ADDRESS ? address : s->pop[i]);
    for (uint32_t i = 0; i < s->npush; i++)
        vm_push(v, s->push[i] == VM_ADDRESS ? address : s->push[i]);
    if (vm_ops[op].prefix == 0xfd)
        v->flags |= VM_FUNC_HAS_V128;
}

/* ---- locals and globals ------------------------------------------------- */

static vm_type local_type_slow(const vm_validator *v, uint32_t index)
{
    uint32_t low = 0, high = v->nruns - 1;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (index < v->runs[mid].end)
            high = mid;
        else
            low = mid + 1;
    }
    return v->runs[low].type;
}

static inline vm_type read_local(vm_validator *v, uint32_t *index)
{
    *index = vm_reader_u32(&v->r);
    if (*index < v->nfast)
        return v->fast[*index];
    if (!vm_validate_index(v, *index, v->nlocals, "local"))
        return VM_BOTTOM;
    return local_type_slow(v, *index);
}

static void mark_set(vm_validator *v, uint32_t index)
{
    if (index >= v->nlocals || v->set[index])
        return;
    if (v->ninits == v->init_capacity) {
        uint32_t capacity = v->init_capacity ? v->init_capacity * 2 : 64;
        uint32_t *inits = realloc(v->inits, capacity * sizeof *inits);
        if (!inits) {
            v->no_memory = true;
            vm_validate_fail(v, "out of memory");
            return;
        }
        v->inits = inits;
        v->init_capacity = capacity;
    }
    v->set[index] = true;
    v->inits[v->ninits++] = index;
}

static inline void check_local_get(vm_validator *v)
{
    uint32_t index;
    vm_type type = read_local(v, &index);
    if (v->tracks_inits && !vm_type_is_defaultable(type) && !v->set[index] &&
        !v->r.failed)
        vm_validate_fail(v, "uninitialized local %u", index);
    vm_push(v, type);
}

static inline void check_local_set(vm_validator *v, bool tee)
{
    uint32_t index;
    vm_type type = read_local(v, &index);
    vm_pop(v, type);
    if (v->tracks_inits && !vm_type_is_defaultable(type))
        mark_set(v, index);
    if (tee)
        vm_push(v, type);
}

/* In constant expressions only earlier, immutable ones (section 3.4.12). */
static void check_global_get(vm_validator *v)
{
    uint32_t index = vm_reader_u32(&v->r);
    uint32_t count = v->type ? v->m->nglobals : v->nglobals;
    if (!vm_validate_index(v, index, count, "global"))
        return;
    const vm_globaldecl *global = &v->m->globals[index];
    if (!v->type && global->is_mutable)
        vm_validate_fail(v,
                         "constant expression required: global %u is "
                         "mutable",
                         index);
    vm_push(v, global->type);
}

static void check_global_set(vm_validator *v)
{
    uint32_t index = vm_reader_u32(&v->r);
    if (!vm_validate_index(v, index, v->m->nglobals, "global"))
        return;
    const vm_globaldecl *global = &v->m->globals[index];
    if (!global->is_mutable)
        vm_validate_fail(v, "immutable global %u", index);
    vm_pop(v, global->type);
}

/* ---- blocks ------------------------------------------------------------- */

static void use_functype(vm_ctrl *c, const vm_functype *type)
{
    c->nparams = type->nparams;
    c->nresults = type->nresults;
    c->types = type->types;
}

static void read_blocktype(vm_validator *v, vm_ctrl *c)
{
    vm_reader *r = &v->r;
    uint8_t byte = vm_reader_peek(r);
    if (byte == 0x40) {
        r->pos++;
    } else if ((byte & 0xc0) == 0x40) {
        c->single = vm_decode_valtype(r, &v->scope);
        c->nresults = 1;
    } else {
        const uint8_t *at = r->pos;
        int64_t index = vm_reader_s33(r);
        if (index < 0) {
            vm_reader_malformed(r, at, "malformed block type");
            return;
        }
        if (!vm_validate_index(v, (uint32_t)index, v->m->ntypes, "type"))
            return;
        if (v->m->types[index]->kind != VM_COMP_FUNC)
            vm_validate_fail(v, "block type %u is not a function type",
                             (uint32_t)index);
        else
            use_functype(c, &v->m->types[index]->func);
    }
}

/* Moves the parameters from the outer block to the inner one. */
static void enter_block(vm_validator *v, const vm_ctrl *c)
{
    vm_pop_types(v, c->types, c->nparams);
    vm_push_ctrl(v, c);
    vm_push_types(v, c->types, c->nparams);
}

static void check_block(vm_validator *v, vm_op op)
{
    vm_ctrl c = {.op = (uint16_t)op};
    read_blocktype(v, &c);
    if (op == VM_OP_IF)
        vm_pop(v, VM_I32);
    else if (op == VM_OP_LOOP)
        v->flags |= VM_FUNC_HAS_LOOPS;
    else if (op == VM_OP_TRY)
        v->flags |= VM_FUNC_HAS_EH;
    enter_block(v, &c);
}

static void check_else(vm_validator *v)
{
    if (v->ctrls[v->nctrls - 1].op != VM_OP_IF) {
        vm_reader_malformed(&v->r, v->at, "unexpected token: else without if");
        return;
    }
    vm_ctrl c = vm_pop_ctrl(v);
    c.op = VM_OP_ELSE;
    vm_push_ctrl(v, &c);
    vm_push_types(v, c.types, c.nparams);
}

static void check_end(vm_validator *v)
{
    vm_ctrl c = vm_pop_ctrl(v);
    if (c.op == VM_OP_IF) { /* the missing else passes the parameters on */
        vm_push_ctrl(v, &c);
        vm_push_types(v, c.types, c.nparams);
        (void)vm_pop_ctrl(v);
    }
    if (v->nctrls)
        vm_push_types(v, vm_ctrl_results(&c), c.nresults);
    else if (v->r.pos < v->r.end)
        vm_reader_malformed(&v->r, v->r.pos,
                            "END opcode expected at the end only: %zu bytes "
                            "follow (section size mismatch)",
                            vm_reader_left(&v->r));
}

/* ---- branches ----------------------------------------------------------- */

static void check_br(vm_validator *v)
{
    vm_ctrl *label = vm_validate_label(v);
    if (!label)
        return;
    uint32_t n;
    const vm_type *types = vm_label_types(label, &n);
    vm_pop_types(v, types, n);
    vm_validate_unreachable(v);
}

static void check_br_if(vm_validator *v)
{
    vm_ctrl *label = vm_validate_label(v);
    vm_pop(v, VM_I32);
    if (!label)
        return;
    uint32_t n;
    const vm_type *types = vm_label_types(label, &n);
    vm_pop_types(v, types, n);
    vm_push_types(v, types, n);
}

/* The operands against one label's types, leaving them as they are. */
static void check_br_table_label(vm_validator *v, const vm_ctrl *label,
                                 uint32_t arity)
{
    uint32_t n;
    const vm_type *types = vm_label_types(label, &n);
    if (n != arity) {
        vm_validate_fail(v,
                         "type mismatch: labels of br_table take %u and %u "
                         "values",
                         n, arity);
        return;
    }
    for (uint32_t i = 0; i < n && !v->r.failed; i++) {
        vm_type want = types[n - 1 - i];
        if (v->height - v->floor <= i) {
            (void)vm_validate_underflow(v);
            continue;
        }
        vm_type got = v->stack[v->height - 1 - i];
        if (got != VM_BOTTOM && !vm_type_matches(v->types, got, want))
            vm_validate_mismatch(v, want, got);
    }
}

static void check_br_table(vm_validator *v)
{
    const uint8_t *at = v->r.pos;
    uint32_t n = vm_reader_count(&v->r, 1, "labels");
    if (n > VM_MAX_BR_TABLE)
        vm_reader_invalid(&v->r, at, "br_table of %u labels, at most %u", n,
                          VM_MAX_BR_TABLE);
    vm_pop(v, VM_I32);
    /* The default comes last but tells the arity: all must agree anyway. */
    uint32_t arity = UINT32_MAX;
    const vm_ctrl *last = NULL;
    for (uint32_t i = 0; i <= n && !v->r.failed; i++) {
        const vm_ctrl *label = vm_validate_label(v);
        if (!label || label == last)
            continue;
        if (arity == UINT32_MAX)
            (void)vm_label_types(label, &arity);
        check_br_table_label(v, label, arity);
        last = label;
    }
    vm_validate_unreachable(v);
}

static void check_return(vm_validator *v)
{
    vm_pop_types(v, v->type->types + v->type->nparams, v->type->nresults);
    vm_validate_unreachable(v);
}

static void check_unreachable(vm_validator *v)
{
    vm_validate_unreachable(v);
}

/* ---- calls -------------------------------------------------------------- */

void vm_validate_call(vm_validator *v, const vm_functype *type)
{
    v->flags |= VM_FUNC_HAS_CALLS;
    vm_pop_types(v, type->types, type->nparams);
    vm_push_types(v, type->types + type->nparams, type->nresults);
}

/* The callee's results must match the caller's (section 3.4.2). */
void vm_validate_tail_call(vm_validator *v, const vm_functype *type)
{
    const vm_functype *mine = v->type;
    v->flags |= VM_FUNC_HAS_CALLS;
    vm_pop_types(v, type->types, type->nparams);
    if (type->nresults != mine->nresults)
        vm_validate_fail(v,
                         "type mismatch: tail call with %u results in a "
                         "function with %u",
                         type->nresults, mine->nresults);
    for (uint32_t i = 0; i < type->nresults && !v->r.failed; i++) {
        vm_type got = type->types[type->nparams + i];
        vm_type want = mine->types[mine->nparams + i];
        if (!vm_type_matches(v->types, got, want))
            vm_validate_mismatch(v, want, got);
    }
    vm_validate_unreachable(v);
}

static const vm_functype *read_callee(vm_validator *v)
{
    uint32_t index = vm_reader_u32(&v->r);
    return vm_validate_index(v, index, v->m->nfuncs, "function")
               ? &v->m->funcs[index].type->func
               : NULL;
}

static void check_call(vm_validator *v)
{
    const vm_functype *type = read_callee(v);
    if (type)
        vm_validate_call(v, type);
}

static void check_return_call(vm_validator *v)
{
    const vm_functype *type = read_callee(v);
    if (type)
        vm_validate_tail_call(v, type);
}

/* ---- exceptions --------------------------------------------------------- */

static const vm_functype *read_tag(vm_validator *v)
{
    uint32_t index = vm_reader_u32(&v->r);
    return vm_validate_index(v, index, v->m->ntags, "tag")
               ? &v->m->tags[index]->func
               : NULL;
}

static void check_throw(vm_validator *v)
{
    const vm_functype *tag = read_tag(v);
    if (!tag)
        return;
    vm_pop_types(v, tag->types, tag->nparams);
    vm_validate_unreachable(v);
}

static void check_throw_ref(vm_validator *v)
{
    vm_pop(v, VM_EXNREF);
    vm_validate_unreachable(v);
}

/* One catch clause: what it pushes must match the label. */
static void check_catch_clause(vm_validator *v)
{
    const uint8_t *at = v->r.pos;
    uint8_t kind = vm_reader_u8(&v->r);
    if (kind > VM_CATCH_ALL_REF)
        vm_reader_malformed(&v->r, at, "malformed catch clause 0x%02x", kind);
    static const vm_functype none;
    const vm_functype *tag = kind <= VM_CATCH_REF ? read_tag(v) : &none;
    const vm_ctrl *label = vm_validate_label(v);
    if (!tag || !label || v->r.failed)
        return;
    uint32_t n, has_ref = kind & 1;
    const vm_type *types = vm_label_types(label, &n);
    if (n != tag->nparams + has_ref) {
        vm_validate_fail(v,
                         "type mismatch: a catch clause of %u values to a "
                         "label that takes %u",
                         tag->nparams + has_ref, n);
        return;
    }
    for (uint32_t i = 0; i < n && !v->r.failed; i++) {
        vm_type got = i < tag->nparams ? tag->types[i] : (VM_REF | VM_HEAP_EXN);
        if (!vm_type_matches(v->types, got, types[i]))
            vm_validate_mismatch(v, types[i], got);
    }
}

static void check_try_table(vm_validator *v)
{
    vm_ctrl c = {.op = VM_OP_TRY_TABLE};
    v->flags |= VM_FUNC_HAS_EH;
    read_blocktype(v, &c);
    uint32_t n = vm_reader_count(&v->r, 2, "catch clauses");
    for (uint32_t i = 0; i < n && !v->r.failed; i++)
        check_catch_clause(v);
    enter_block(v, &c);
}

/* Legacy: `catch` and `catch_all` end the try, or the catch before. */
static void check_catch(vm_validator *v, vm_op op)
{
    static const vm_functype none;
    const vm_functype *tag = op == VM_OP_CATCH ? read_tag(v) : &none;
    uint16_t open = v->ctrls[v->nctrls - 1].op;
    if (open != VM_OP_TRY && open != VM_OP_CATCH) {
        vm_reader_malformed(&v->r, v->at, "unexpected token: %s without try",
                            vm_ops[op].text);
        return;
    }
    if (!tag)
        return;
    vm_ctrl c = vm_pop_ctrl(v);
    c.op = (uint16_t)op;
    vm_push_ctrl(v, &c);
    vm_push_types(v, tag->types, tag->nparams);
}

static void check_rethrow(vm_validator *v)
{
    const vm_ctrl *label = vm_validate_label(v);
    if (label && label->op != VM_OP_CATCH && label->op != VM_OP_CATCH_ALL)
        vm_validate_fail(v, "invalid rethrow label: not a catch block");
    vm_validate_unreachable(v);
}

/* Ends a try; its label counts from outside of it. */
static void check_delegate(vm_validator *v)
{
    if (v->ctrls[v->nctrls - 1].op != VM_OP_TRY) {
        vm_reader_malformed(&v->r, v->at,
                            "unexpected token: delegate without try");
        return;
    }
    vm_ctrl c = vm_pop_ctrl(v);
    (void)vm_validate_label(v);
    vm_push_types(v, vm_ctrl_results(&c), c.nresults);
}

/* ---- parametric --------------------------------------------------------- */

/* Without a type only for numbers and vectors (section 3.4.1). */
static void check_select(vm_validator *v)
{
    vm_pop(v, VM_I32);
    vm_type a = vm_pop_any(v), b = vm_pop_any(v);
    if (vm_type_is_ref(a) || vm_type_is_ref(b))
        vm_validate_fail(v, "type mismatch: select of references needs a "
                            "type");
    else if (a != b && a != VM_BOTTOM && b != VM_BOTTOM)
        vm_validate_mismatch(v, a, b);
    vm_push(v, a == VM_BOTTOM ? b : a);
}

static void check_select_t(vm_validator *v)
{
    uint32_t n = vm_reader_count(&v->r, 1, "types");
    if (n != 1)
        vm_validate_fail(v, "invalid result arity of select: %u, not 1", n);
    vm_type type = vm_decode_valtype(&v->r, &v->scope);
    vm_pop(v, VM_I32);
    vm_pop(v, type);
    vm_pop(v, type);
    vm_push(v, type);
}

/* The length has the smaller of the two address types. */
static void check_memory_copy(vm_validator *v)
{
    vm_type to = vm_validate_memory(v, NULL);
    vm_type from = vm_validate_memory(v, NULL);
    vm_pop(v, to == from ? to : VM_I32);
    vm_pop(v, from);
    vm_pop(v, to);
}

/* ---- the loop ----------------------------------------------------------- */

static void check_special(vm_validator *v, vm_op op)
{
    switch (op) {
    case VM_OP_UNREACHABLE: check_unreachable(v); break;
    case VM_OP_BLOCK:
    case VM_OP_LOOP:
    case VM_OP_IF:
    case VM_OP_TRY: check_block(v, op); break;
    case VM_OP_ELSE: check_else(v); break;
    case VM_OP_CATCH:
    case VM_OP_CATCH_ALL: check_catch(v, op); break;
    case VM_OP_THROW: check_throw(v); break;
    case VM_OP_RETHROW: check_rethrow(v); break;
    case VM_OP_THROW_REF: check_throw_ref(v); break;
    case VM_OP_END: check_end(v); break;
    case VM_OP_BR: check_br(v); break;
    case VM_OP_BR_IF: check_br_if(v); break;
    case VM_OP_BR_TABLE: check_br_table(v); break;
    case VM_OP_RETURN: check_return(v); break;
    case VM_OP_CALL: check_call(v); break;
    case VM_OP_RETURN_CALL: check_return_call(v); break;
    case VM_OP_DELEGATE: check_delegate(v); break;
    case VM_OP_DROP: (void)vm_pop_any(v); break;
    case VM_OP_SELECT: check_select(v); break;
    case VM_OP_SELECT_T: check_select_t(v); break;
    case VM_OP_TRY_TABLE: check_try_table(v); break;
    case VM_OP_LOCAL_GET: check_local_get(v); break;
    case VM_OP_LOCAL_SET: check_local_set(v, false); break;
    case VM_OP_LOCAL_TEE: check_local_set(v, true); break;
    case VM_OP_GLOBAL_GET: check_global_get(v); break;
    case VM_OP_GLOBAL_SET: check_global_set(v); break;
    case VM_OP_MEMORY_COPY: check_memory_copy(v); break;
    default: vm_ref_checks[op](v, op); break;
    }
}

/* The opcode at the reader, most being a single byte. */
static inline vm_op read_op(vm_reader *r)
{
    uint16_t n = vm_op_numbers[*r->pos];
    if (n) {
        r->pos++;
        return (vm_op)(n - 1);
    }
    return vm_decode_op(r);
}

void vm_validate_step(vm_validator *v)
{
    v->at = v->r.pos;
    vm_op op = read_op(&v->r);
    if (op == VM_OP_COUNT)
        return;
    const vm_signature *s = &signatures[op];
    if (!v->type && !s->is_const)
        vm_validate_fail(v, "constant expression required: %s is not constant",
                         vm_ops[op].text);
    else if (s->npop != VM_SPECIAL)
        check_simple(v, op, s);
    else
        check_special(v, op);
    if (v->height > v->max_height)
        v->max_height = v->height;
}

static void reset(vm_validator *v)
{
    v->height = v->max_height = v->floor = 0;
    v->nctrls = v->max_ctrls = 0;
    v->ninits = 0;
    v->flags = 0;
}

void vm_validate_start(vm_validator *v)
{
    reset(v);
    vm_ctrl c = {.op = VM_OP_BLOCK};
    use_functype(&c, v->type);
    c.types += c.nparams; /* the parameters are locals */
    c.nparams = 0;
    vm_push_ctrl(v, &c);
}

void vm_validate_body(vm_validator *v)
{
    vm_validate_start(v);
    vm_validate_run(v);
}

void vm_validate_const(vm_validator *v, vm_constexpr expr, vm_type result)
{
    const vm_module *m = v->m;
    reset(v);
    v->type = NULL;
    v->r.pos = m->bytes + expr.offset;
    v->r.end = v->r.pos + expr.size;
    vm_push_ctrl(
        v, &(vm_ctrl){.op = VM_OP_BLOCK, .nresults = 1, .single = result});
    vm_validate_run(v);
}
