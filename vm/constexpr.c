/*
 * constexpr.c - evaluates constant expressions: initial values of globals and
 * tables, offsets of segments, elements.  A small stack machine over validated
 * bytes; the collector scans its stack.
 */
#include "vm/heap.h"
#include "vm/reader.h"

#include <stdlib.h>
#include <string.h>

typedef struct eval {
    vm_instance *in;
    vm_value *stack;
    uint32_t depth, capacity;
    vm_heap_range range; /* covers the stack */
    vm_error *err;
} eval;

static vm_status out_of_memory(eval *e)
{
    vm_error_set(e->err, VM_PHASE_RUN, SIZE_MAX,
                 "out of memory in a constant expression");
    return VM_TRAP;
}

static vm_status push(eval *e, vm_value v)
{
    if (e->depth == e->capacity) {
        uint32_t capacity = e->capacity ? e->capacity * 2 : 16;
        vm_value *stack = realloc(e->stack, capacity * sizeof *stack);
        if (!stack)
            return out_of_memory(e);
        e->stack = stack;
        e->capacity = capacity;
    }
    e->stack[e->depth++] = v;
    e->range.words = &e->stack->u64;
    e->range.count = e->depth * (sizeof v / sizeof v.u64);
    return VM_OK;
}

static vm_status push_object(eval *e, vm_object *o)
{
    return o ? push(e, (vm_value){.ref = vm_ref_from_object(o)})
             : out_of_memory(e);
}

static void to_slots(vm_value v, vm_slot *slots)
{
    memcpy(slots, &v, 16);
}

static vm_status new_struct(eval *e, const vm_deftype *t, bool filled)
{
    vm_object *o = vm_heap_new(e->in->store, t->id, 0, t->st.size);
    for (uint32_t i = t->st.nfields; o && filled && i-- > 0;) {
        vm_slot slots[2];
        to_slots(e->stack[--e->depth], slots);
        vm_field_store(&t->st.fields[i],
                       (uint8_t *)o->payload + t->st.fields[i].offset, slots);
    }
    return push_object(e, o);
}

static void set_element(vm_object *o, const vm_deftype *t, uint32_t i,
                        vm_value v)
{
    vm_slot slots[2];
    to_slots(v, slots);
    vm_field_store(&t->array,
                   (uint8_t *)o->payload + (uint64_t)i * t->array.size, slots);
}

/* array.new and array.new_default */
static vm_status new_array(eval *e, const vm_deftype *t, bool filled)
{
    uint32_t n = e->stack[--e->depth].u32;
    vm_object *o = vm_heap_new_array(e->in->store, t, n);
    if (filled) {
        vm_value v = e->stack[--e->depth];
        for (uint32_t i = 0; o && i < n; i++)
            set_element(o, t, i, v);
    }
    return push_object(e, o);
}

static vm_status new_array_fixed(eval *e, const vm_deftype *t, uint32_t n)
{
    vm_object *o = vm_heap_new_array(e->in->store, t, n);
    e->depth -= n;
    for (uint32_t i = 0; o && i < n; i++)
        set_element(o, t, i, e->stack[e->depth + i]);
    return push_object(e, o);
}

static vm_status ref_func(eval *e, uint32_t index)
{
    vm_func *f = vm_instance_func(e->in, index);
    return f ? push(e, (vm_value){.ref = vm_ref_from_func(f)})
             : out_of_memory(e);
}

static vm_status push_v128(eval *e, const uint8_t **p)
{
    vm_value v;
    memcpy(v.v128, *p, 16);
    *p += 16;
    return push(e, v);
}

static void arithmetic(eval *e, vm_op op)
{
    uint64_t *a = &e->stack[e->depth - 2].u64, b = e->stack[--e->depth].u64;
    switch (op) {
    case VM_OP_I32_ADD: *a = (uint32_t)(*a + b); break;
    case VM_OP_I32_SUB: *a = (uint32_t)(*a - b); break;
    case VM_OP_I32_MUL: *a = (uint32_t)(*a * b); break;
    case VM_OP_I64_ADD: *a += b; break;
    case VM_OP_I64_SUB: *a -= b; break;
    default: *a *= b; break;
    }
}

static vm_status step(eval *e, vm_op op, const uint8_t **p)
{
    const vm_module *m = e->in->module;
    switch (op) {
    case VM_OP_I32_CONST:
        return push(e, (vm_value){.u64 = (uint32_t)vm_read_s32(p)});
    case VM_OP_I64_CONST: return push(e, (vm_value){.i64 = vm_read_s64(p)});
    case VM_OP_F32_CONST: return push(e, (vm_value){.u64 = vm_read_fixed32(p)});
    case VM_OP_F64_CONST: return push(e, (vm_value){.u64 = vm_read_fixed64(p)});
    case VM_OP_V128_CONST: return push_v128(e, p);
    case VM_OP_GLOBAL_GET:
        return push(e, e->in->globals[vm_read_u32(p)]->value);
    case VM_OP_REF_NULL: vm_read_heap(m, p); return push(e, (vm_value){0});
    case VM_OP_REF_FUNC: return ref_func(e, vm_read_u32(p));
    case VM_OP_REF_I31: {
        vm_value *v = &e->stack[e->depth - 1];
        uint32_t number = v->u32 & 0x7fffffff;
        v->ref = vm_ref_from_i31(number);
        return VM_OK;
    }
    case VM_OP_STRUCT_NEW: return new_struct(e, m->types[vm_read_u32(p)], true);
    case VM_OP_STRUCT_NEW_DEFAULT:
        return new_struct(e, m->types[vm_read_u32(p)], false);
    case VM_OP_ARRAY_NEW: return new_array(e, m->types[vm_read_u32(p)], true);
    case VM_OP_ARRAY_NEW_DEFAULT:
        return new_array(e, m->types[vm_read_u32(p)], false);
    case VM_OP_ARRAY_NEW_FIXED: {
        const vm_deftype *t = m->types[vm_read_u32(p)];
        return new_array_fixed(e, t, vm_read_u32(p));
    }
    case VM_OP_ANY_CONVERT_EXTERN:
    case VM_OP_EXTERN_CONVERT_ANY: return VM_OK;
    default: arithmetic(e, op); return VM_OK;
    }
}

vm_status vm_constexpr_eval(vm_instance *in, const uint8_t **p, vm_value *out,
                            vm_error *err)
{
    eval e = {.in = in, .err = err};
    vm_status status = VM_OK;
    vm_heap_enter(in->store, &e.range);
    while (status == VM_OK) {
        vm_op op = vm_read_op(p);
        if (op == VM_OP_END)
            break;
        status = step(&e, op, p);
    }
    vm_heap_leave(in->store);
    if (status == VM_OK)
        *out = e.stack[e.depth - 1];
    free(e.stack);
    return status;
}
