/*
 * interp_gc.c - handlers: structs, arrays, casts, i31, exceptions.
 *
 *     field 0: destination, fields 1...3: operands, or field 1: the first of
 *     several operands in a row | type or field | count or segment
 *
 * Types and fields live as long as the engine, so code names them by address.
 */
#include "vm/interp.h"

#include "vm/heap.h"

/* Tables of macros: laid out by hand. */
/* clang-format off */

#define LIST(X)                                                                \
    X(STRUCT_NEW)                                                              \
    X(STRUCT_NEW_DEFAULT)                                                      \
    X(STRUCT_GET)                                                              \
    X(STRUCT_GET_S)                                                            \
    X(STRUCT_SET) X(ARRAY_NEW) X(ARRAY_NEW_DEFAULT) X(ARRAY_NEW_FIXED)         \
        X(ARRAY_NEW_DATA) X(ARRAY_NEW_ELEM) X(ARRAY_GET) X(ARRAY_GET_S)        \
            X(ARRAY_SET) X(ARRAY_LEN) X(ARRAY_FILL) X(ARRAY_COPY)              \
                X(ARRAY_INIT_DATA) X(ARRAY_INIT_ELEM) X(REF_TEST) X(REF_CAST)  \
                    X(REF_I31) X(I31_GET_S) X(I31_GET_U) X(THROW) X(THROW_REF)
#define X(name) extern HANDLER(vm_x_##name);
LIST(X)
#undef X

#define TYPE() ((const vm_deftype *)(uintptr_t)pc[2])
#define FIELD_OF() ((const vm_field *)(uintptr_t)pc[2])
#define BYTES(object) ((uint8_t *)(object)->payload)

#define FAIL(text)                                                             \
    do {                                                                       \
        fiber->status = vm_trap(fiber, text);                                  \
        JUMP(vm_stop);                                                         \
    } while (0)
#define NO_ROOM "out of memory: the garbage-collected heap is full"

/* ---- structs
 * -------------------------------------------------------------------- */

static void fill_struct(vm_object *o, const vm_deftype *t, const vm_slot *from)
{
    for (uint32_t i = 0; i < t->st.nfields; i++) {
        const vm_field *f = &t->st.fields[i];
        vm_field_store(f, BYTES(o) + f->offset, from);
        from += vm_type_slots(f->type);
    }
}

HANDLER(vm_x_STRUCT_NEW)
{
    const vm_deftype *t = TYPE();
    PAY_FOR(t->st.size);
    SAVE();
    vm_object *o = vm_heap_new(fiber->store, t->id, 0, t->st.size);
    if (UNLIKELY(!o))
        FAIL(NO_ROOM);
    fill_struct(o, t, fp + FIELD(1));
    fp[FIELD(0)] = vm_ref_from_object(o);
    NEXT(3);
}

HANDLER(vm_x_STRUCT_NEW_DEFAULT)
{
    const vm_deftype *t = TYPE();
    PAY_FOR(t->st.size);
    SAVE();
    vm_object *o = vm_heap_new(fiber->store, t->id, 0, t->st.size);
    if (UNLIKELY(!o))
        FAIL(NO_ROOM);
    fp[FIELD(0)] = vm_ref_from_object(o);
    NEXT(3);
}

#define STRUCT_GET(name, sign)                                                 \
    HANDLER(name)                                                              \
    {                                                                          \
        const vm_object *o = vm_ref_object(fp[FIELD(1)]);                      \
        if (UNLIKELY(!o))                                                      \
            FAIL("null structure reference");                                  \
        const vm_field *f = FIELD_OF();                                        \
        vm_field_load(f, BYTES(o) + f->offset, sign, &fp[FIELD(0)]);           \
        NEXT(3);                                                               \
    }
STRUCT_GET(vm_x_STRUCT_GET, false)
STRUCT_GET(vm_x_STRUCT_GET_S, true)

HANDLER(vm_x_STRUCT_SET)
{
    vm_object *o = vm_ref_object(fp[FIELD(1)]);
    if (UNLIKELY(!o))
        FAIL("null structure reference");
    const vm_field *f = FIELD_OF();
    vm_field_store(f, BYTES(o) + f->offset, &fp[FIELD(2)]);
    NEXT(3);
}

/* ---- arrays
 * ---------------------------------------------------------------------- */

#define PAY_FOR_ELEMENTS(field, n) PAY_FOR((uint64_t)(n) * (field)->size)

static uint8_t *element(const vm_object *o, const vm_field *f, uint64_t i)
{
    return BYTES(o) + i * f->size;
}

/* The first element is stored, the others are copies of all that is there. */
static void fill(vm_object *o, const vm_field *f, uint64_t i, uint64_t n,
                 const vm_slot *value)
{
    uint8_t *to = element(o, f, i);
    uint64_t size = n * f->size;
    if (n)
        vm_field_store(f, to, value);
    for (uint64_t done = f->size; done < size; done *= 2)
        memcpy(to + done, to, done < size - done ? done : size - done);
}

HANDLER(vm_x_ARRAY_NEW)
{
    const vm_deftype *t = TYPE();
    uint32_t n = (uint32_t)fp[FIELD(2)];
    PAY_FOR_ELEMENTS(&t->array, n);
    SAVE();
    vm_object *o = vm_heap_new_array(fiber->store, t, n);
    if (UNLIKELY(!o))
        FAIL(NO_ROOM);
    fill(o, &t->array, 0, n, &fp[FIELD(1)]);
    fp[FIELD(0)] = vm_ref_from_object(o);
    NEXT(3);
}

HANDLER(vm_x_ARRAY_NEW_DEFAULT)
{
    const vm_deftype *t = TYPE();
    uint32_t n = (uint32_t)fp[FIELD(1)];
    PAY_FOR_ELEMENTS(&t->array, n);
    SAVE();
    vm_object *o = vm_heap_new_array(fiber->store, t, n);
    if (UNLIKELY(!o))
        FAIL(NO_ROOM);
    fp[FIELD(0)] = vm_ref_from_object(o);
    NEXT(3);
}

HANDLER(vm_x_ARRAY_NEW_FIXED)
{
    const vm_deftype *t = TYPE();
    uint32_t n = (uint32_t)pc[3], width = vm_type_slots(t->array.type);
    PAY_FOR_ELEMENTS(&t->array, n);
    SAVE();
    vm_object *o = vm_heap_new_array(fiber->store, t, n);
    if (UNLIKELY(!o))
        FAIL(NO_ROOM);
    for (uint32_t i = 0; i < n; i++)
        vm_field_store(&t->array, element(o, &t->array, i),
                       fp + FIELD(1) + i * width);
    fp[FIELD(0)] = vm_ref_from_object(o);
    NEXT(4);
}

/* Bytes of a data segment for n elements from s on; NULL: out of bounds. */
static const uint8_t *data_for(const vm_instance *in, uint32_t segment,
                               const vm_field *f, uint64_t s, uint64_t n)
{
    if (!vm_in_range(s, n * f->size, vm_data_size(in, segment)))
        return NULL;
    const vm_module *m = in->module;
    return m->bytes + m->datas[segment].offset + s;
}

HANDLER(vm_x_ARRAY_NEW_DATA)
{
    const vm_deftype *t = TYPE();
    uint32_t s = (uint32_t)fp[FIELD(1)], n = (uint32_t)fp[FIELD(2)];
    const uint8_t *from = data_for(inst, (uint32_t)pc[3], &t->array, s, n);
    if (UNLIKELY(!from))
        FAIL("out of bounds memory access");
    PAY_FOR_ELEMENTS(&t->array, n);
    SAVE();
    vm_object *o = vm_heap_new_array(fiber->store, t, n);
    if (UNLIKELY(!o))
        FAIL(NO_ROOM);
    memcpy(BYTES(o), from, (size_t)n * t->array.size);
    fp[FIELD(0)] = vm_ref_from_object(o);
    NEXT(4);
}

HANDLER(vm_x_ARRAY_NEW_ELEM)
{
    const vm_elems *elems = &inst->elems[pc[3]];
    uint32_t s = (uint32_t)fp[FIELD(1)], n = (uint32_t)fp[FIELD(2)];
    if (UNLIKELY(!vm_in_range(s, n, elems->count)))
        FAIL("out of bounds table access");
    PAY_FOR((uint64_t)n * sizeof(vm_ref));
    SAVE();
    vm_object *o = vm_heap_new_array(fiber->store, TYPE(), n);
    if (UNLIKELY(!o))
        FAIL(NO_ROOM);
    if (n)
        memcpy(BYTES(o), elems->refs + s, (size_t)n * sizeof(vm_ref));
    fp[FIELD(0)] = vm_ref_from_object(o);
    NEXT(4);
}

#define ARRAY_GET(name, sign)                                                  \
    HANDLER(name)                                                              \
    {                                                                          \
        const vm_object *o = vm_ref_object(fp[FIELD(1)]);                      \
        uint32_t i = (uint32_t)fp[FIELD(2)];                                   \
        if (UNLIKELY(!o))                                                      \
            FAIL("null array reference");                                      \
        if (UNLIKELY(i >= o->length))                                          \
            FAIL("out of bounds array access");                                \
        vm_field_load(FIELD_OF(), element(o, FIELD_OF(), i), sign,             \
                      &fp[FIELD(0)]);                                          \
        NEXT(3);                                                               \
    }
ARRAY_GET(vm_x_ARRAY_GET, false)
ARRAY_GET(vm_x_ARRAY_GET_S, true)

HANDLER(vm_x_ARRAY_SET)
{
    vm_object *o = vm_ref_object(fp[FIELD(1)]);
    uint32_t i = (uint32_t)fp[FIELD(2)];
    if (UNLIKELY(!o))
        FAIL("null array reference");
    if (UNLIKELY(i >= o->length))
        FAIL("out of bounds array access");
    vm_field_store(FIELD_OF(), element(o, FIELD_OF(), i), &fp[FIELD(3)]);
    NEXT(3);
}

HANDLER(vm_x_ARRAY_LEN)
{
    const vm_object *o = vm_ref_object(fp[FIELD(1)]);
    if (UNLIKELY(!o))
        FAIL("null array reference");
    fp[FIELD(0)] = o->length;
    NEXT(2);
}

/* In a row: array, index, value (one or two slots), count. */
HANDLER(vm_x_ARRAY_FILL)
{
    const vm_field *f = FIELD_OF();
    const vm_slot *p = fp + FIELD(1);
    vm_object *o = vm_ref_object(p[0]);
    uint32_t i = (uint32_t)p[1], n = (uint32_t)p[2 + vm_type_slots(f->type)];
    if (UNLIKELY(!o))
        FAIL("null array reference");
    if (UNLIKELY(!vm_in_range(i, n, o->length)))
        FAIL("out of bounds array access");
    PAY_FOR_ELEMENTS(f, n);
    fill(o, f, i, n, p + 2);
    NEXT(3);
}

/* In a row: array, index, array, index, count; the field is the target's. */
HANDLER(vm_x_ARRAY_COPY)
{
    const vm_field *f = FIELD_OF();
    const vm_slot *p = fp + FIELD(1);
    vm_object *to = vm_ref_object(p[0]), *from = vm_ref_object(p[2]);
    uint32_t d = (uint32_t)p[1], s = (uint32_t)p[3], n = (uint32_t)p[4];
    if (UNLIKELY(!to || !from))
        FAIL("null array reference");
    if (UNLIKELY(!vm_in_range(d, n, to->length) ||
                 !vm_in_range(s, n, from->length)))
        FAIL("out of bounds array access");
    PAY_FOR_ELEMENTS(f, n);
    memmove(element(to, f, d), element(from, f, s), (size_t)n * f->size);
    NEXT(3);
}

/* In a row: array, index, offset, count. */
HANDLER(vm_x_ARRAY_INIT_DATA)
{
    const vm_field *f = FIELD_OF();
    const vm_slot *p = fp + FIELD(1);
    vm_object *o = vm_ref_object(p[0]);
    uint32_t d = (uint32_t)p[1], s = (uint32_t)p[2], n = (uint32_t)p[3];
    if (UNLIKELY(!o))
        FAIL("null array reference");
    if (UNLIKELY(!vm_in_range(d, n, o->length)))
        FAIL("out of bounds array access");
    const uint8_t *from = data_for(inst, (uint32_t)pc[3], f, s, n);
    if (UNLIKELY(!from))
        FAIL("out of bounds memory access");
    PAY_FOR_ELEMENTS(f, n);
    memcpy(element(o, f, d), from, (size_t)n * f->size);
    NEXT(4);
}

HANDLER(vm_x_ARRAY_INIT_ELEM)
{
    const vm_elems *elems = &inst->elems[pc[3]];
    const vm_slot *p = fp + FIELD(1);
    vm_object *o = vm_ref_object(p[0]);
    uint32_t d = (uint32_t)p[1], s = (uint32_t)p[2], n = (uint32_t)p[3];
    if (UNLIKELY(!o))
        FAIL("null array reference");
    if (UNLIKELY(!vm_in_range(d, n, o->length)))
        FAIL("out of bounds array access");
    if (UNLIKELY(!vm_in_range(s, n, elems->count)))
        FAIL("out of bounds table access");
    PAY_FOR((uint64_t)n * sizeof(vm_ref));
    if (n)
        memcpy(o->payload + d, elems->refs + s, (size_t)n * sizeof(vm_ref));
    NEXT(4);
}

/* ---- casts and i31
 * ------------------------------------------------------------------ */

HANDLER(vm_x_REF_TEST)
{
    fp[FIELD(0)] = vm_ref_test(fiber->store, fp[FIELD(1)], (vm_type)pc[2]);
    NEXT(3);
}

HANDLER(vm_x_REF_CAST)
{
    vm_ref ref = fp[FIELD(1)];
    if (UNLIKELY(!vm_ref_test(fiber->store, ref, (vm_type)pc[2])))
        FAIL("cast failure");
    fp[FIELD(0)] = ref;
    NEXT(3);
}

HANDLER(vm_x_REF_I31)
{
    fp[FIELD(0)] = vm_ref_from_i31((uint32_t)fp[FIELD(1)] & 0x7fffffff);
    NEXT(2);
}

HANDLER(vm_x_I31_GET_S)
{
    vm_ref ref = fp[FIELD(1)];
    if (UNLIKELY(!ref))
        FAIL("null i31 reference");
    fp[FIELD(0)] = (uint32_t)((int32_t)((uint32_t)(ref >> 32) << 1) >> 1);
    NEXT(2);
}

HANDLER(vm_x_I31_GET_U)
{
    vm_ref ref = fp[FIELD(1)];
    if (UNLIKELY(!ref))
        FAIL("null i31 reference");
    fp[FIELD(0)] = ref >> 32;
    NEXT(2);
}

/* ---- exceptions
 * ------------------------------------------------------------------------ */

/* field 0: first value, field 1: slots | tag */
HANDLER(vm_x_THROW)
{
    uint32_t n = FIELD(1);
    SAVE();
    vm_object *o =
        vm_heap_new(fiber->store, VM_OBJECT_EXN, n, (n + 1) * sizeof(vm_slot));
    if (UNLIKELY(!o))
        FAIL(NO_ROOM);
    o->payload[0] = (uintptr_t)inst->tags[pc[2]];
    memcpy(o->payload + 1, fp + FIELD(0), n * sizeof(vm_slot));
    fiber->exception = vm_ref_from_object(o);
    fiber->regs.pc = pc + 1; /* inside the instruction: see vm_eh */
    JUMP(vm_thrown);
}

HANDLER(vm_x_THROW_REF)
{
    vm_ref ref = fp[FIELD(1)];
    if (UNLIKELY(!ref))
        FAIL("null exception reference");
    SAVE();
    fiber->exception = ref;
    fiber->regs.pc = pc + 1;
    JUMP(vm_thrown);
}
