/*
 * compile_gc.c - references and garbage-collected types.
 */
#include "vm/compile.h"

/* ---- branches
 * ------------------------------------------------------------------ */

/* Pushes whether the reference in a slot is null (or not), as a condition. */
static entry null_test(cc *c, uint16_t slot, vm_op compare)
{
    insn in = {.op = (uint16_t)compare,
               .format = FMT_CELL,
               .ak = VM_K_S,
               .bk = VM_K_K,
               .a = slot,
               .row = vm_rows[compare],
               .result = C_INT,
               .offset = c->offset};
    cc_push_pending(c, &in, false);
    return cc_pop(c);
}

static void br_on_null(cc *c)
{
    uint32_t depth = vm_read_u32(&c->p);
    entry ref = cc_pop(c);
    uint16_t slot = cc_in_slot(c, &ref);
    c->height = ref.home + 1; /* keep the reference's home */
    entry cond = null_test(c, slot, VM_OP_I64_EQ);
    c->height = ref.home;
    cc_branch_if(c, cond, true, depth);
    cc_push(c, ref);
}

static void br_on_non_null(cc *c)
{
    uint32_t depth = vm_read_u32(&c->p);
    entry ref = cc_pop(c);
    uint16_t slot = cc_in_slot(c, &ref);
    cc_push(c, ref);
    cc_branch_if(c, null_test(c, slot, VM_OP_I64_NE), true, depth);
    cc_pop(c);
}

/* br_on_cast and br_on_cast_fail: the reference stays on the stack. */
static void br_on_cast(cc *c, bool on_success)
{
    uint8_t flags = *c->p++;
    uint32_t depth = vm_read_u32(&c->p);
    vm_read_heap(c->m, &c->p);
    vm_type to = VM_REF | (flags & 2 ? VM_NULLABLE : 0);
    to |= vm_read_heap(c->m, &c->p);
    entry ref = cc_pop(c);
    uint16_t slot = cc_in_slot(c, &ref);
    cc_push(c, ref);
    insn in = {.op = VM_OP_REF_TEST,
               .format = FMT_CELL,
               .result = C_SLOT,
               .a = slot,
               .nextra = 1,
               .extra = {to},
               .offset = c->offset};
    cc_push_pending(c, &in, false);
    cc_branch_if(c, cc_pop(c), on_success, depth);
}

/* ---- instructions over slots
 * ------------------------------------------------------ */

/* One extra cell: a type or a field, by address. */
static void with_pointer(cc *c, vm_op op, uint32_t n, char result,
                         const void *p)
{
    insn in = {.op = (uint16_t)op, .nextra = 1, .extra = {(uintptr_t)p}};
    cc_simple(c, &in, n, result);
}

static char letter(vm_type type)
{
    return type == VM_V128 ? 'v' : 'r';
}

/* n operands in a row, then one or two cells; a reference, or nothing, back. */
static void in_a_row(cc *c, vm_op op, uint32_t n, const void *p, int64_t second,
                     bool result)
{
    cc_stage(c, n);
    for (uint32_t i = 0; i < n; i++)
        cc_pop(c);
    cc_start(c, vm_simple[op]);
    cc_cell(c, cc_fields(c->height, c->height, 0, 0));
    cc_cell(c, (uintptr_t)p);
    if (second >= 0)
        cc_cell(c, (uint64_t)second);
    if (result)
        cc_push_home(c, false);
}

static void test_or_cast(cc *c, vm_op op, vm_op base, bool nullable)
{
    vm_type type = VM_REF | (nullable ? VM_NULLABLE : 0);
    type |= vm_read_heap(c->m, &c->p);
    insn in = {.op = (uint16_t)base, .nextra = 1, .extra = {type}};
    cc_simple(c, &in, 1, 'r');
}

static const vm_deftype *read_type(cc *c)
{
    return c->m->types[vm_read_u32(&c->p)];
}

static const vm_field *read_field(cc *c)
{
    const vm_deftype *t = read_type(c);
    return &t->st.fields[vm_read_u32(&c->p)];
}

static bool struct_op(cc *c, vm_op op)
{
    const vm_deftype *t;
    const vm_field *f;
    switch (op) {
    case VM_OP_STRUCT_NEW:
        t = read_type(c);
        in_a_row(c, op, t->st.nfields, t, -1, true);
        return true;
    case VM_OP_STRUCT_NEW_DEFAULT:
        with_pointer(c, op, 0, 'r', read_type(c));
        return true;
    case VM_OP_STRUCT_GET:
    case VM_OP_STRUCT_GET_U:
        f = read_field(c);
        with_pointer(c, VM_OP_STRUCT_GET, 1, letter(f->type), f);
        return true;
    case VM_OP_STRUCT_GET_S:
        with_pointer(c, op, 1, 'r', read_field(c));
        return true;
    case VM_OP_STRUCT_SET:
        with_pointer(c, op, 2, ':', read_field(c));
        return true;
    default: return false;
    }
}

static bool array_new(cc *c, vm_op op)
{
    const vm_deftype *t;
    switch (op) {
    case VM_OP_ARRAY_NEW:
        with_pointer(c, op, 2, 'r', read_type(c));
        return true;
    case VM_OP_ARRAY_NEW_DEFAULT:
        with_pointer(c, op, 1, 'r', read_type(c));
        return true;
    case VM_OP_ARRAY_NEW_FIXED: {
        t = read_type(c);
        uint32_t n = vm_read_u32(&c->p);
        in_a_row(c, op, n, t, n, true);
        return true;
    }
    case VM_OP_ARRAY_NEW_DATA:
    case VM_OP_ARRAY_NEW_ELEM: {
        t = read_type(c);
        insn in = {.op = (uint16_t)op,
                   .nextra = 2,
                   .extra = {(uintptr_t)t, vm_read_u32(&c->p)}};
        cc_simple(c, &in, 2, 'r');
        return true;
    }
    default: return false;
    }
}

static bool array_op(cc *c, vm_op op)
{
    const vm_field *f;
    switch (op) {
    case VM_OP_ARRAY_GET:
    case VM_OP_ARRAY_GET_U:
        f = &read_type(c)->array;
        with_pointer(c, VM_OP_ARRAY_GET, 2, letter(f->type), f);
        return true;
    case VM_OP_ARRAY_GET_S:
        with_pointer(c, op, 2, 'r', &read_type(c)->array);
        return true;
    case VM_OP_ARRAY_SET:
        with_pointer(c, op, 3, ':', &read_type(c)->array);
        return true;
    case VM_OP_ARRAY_FILL:
        in_a_row(c, op, 4, &read_type(c)->array, -1, false);
        return true;
    case VM_OP_ARRAY_COPY:
        f = &read_type(c)->array;
        read_type(c);
        in_a_row(c, op, 5, f, -1, false);
        return true;
    case VM_OP_ARRAY_INIT_DATA:
    case VM_OP_ARRAY_INIT_ELEM:
        f = &read_type(c)->array;
        in_a_row(c, op, 4, f, vm_read_u32(&c->p), false);
        return true;
    default: return false;
    }
}

bool cc_gc(cc *c, vm_op op)
{
    switch (op) {
    case VM_OP_BR_ON_NULL: br_on_null(c); return true;
    case VM_OP_BR_ON_NON_NULL: br_on_non_null(c); return true;
    case VM_OP_BR_ON_CAST: br_on_cast(c, true); return true;
    case VM_OP_BR_ON_CAST_FAIL: br_on_cast(c, false); return true;
    case VM_OP_REF_TEST:
        test_or_cast(c, op, VM_OP_REF_TEST, false);
        return true;
    case VM_OP_REF_TEST_NULL:
        test_or_cast(c, op, VM_OP_REF_TEST, true);
        return true;
    case VM_OP_REF_CAST:
        test_or_cast(c, op, VM_OP_REF_CAST, false);
        return true;
    case VM_OP_REF_CAST_NULL:
        test_or_cast(c, op, VM_OP_REF_CAST, true);
        return true;
    case VM_OP_ANY_CONVERT_EXTERN: /* the same word */
    case VM_OP_EXTERN_CONVERT_ANY: return true;
    case VM_OP_ARRAY_LEN:
    case VM_OP_REF_I31:
    case VM_OP_I31_GET_S:
    case VM_OP_I31_GET_U:
    case VM_OP_REF_AS_NON_NULL: {
        insn in = {.op = (uint16_t)op};
        cc_simple(c, &in, 1, 'r');
        return true;
    }
    default: return struct_op(c, op) || array_new(c, op) || array_op(c, op);
    }
}
