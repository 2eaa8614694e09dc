/*
 * cm_abi_lower.c - lowering: cm_value to core values and guest memory, walking
 * the type (definitions.py store and lower_flat).
 *
 * Where memory is needed the guest's realloc is asked, and its answer checked;
 * since it may grow the memory, the context's view is renewed after each call.
 * Strings follow definitions.py's sequence of reallocs for each pair of
 * encodings, because guests can see it.
 */
#include "vm/cm_task.h"

#include "vm/cm_strings.h"

#include <assert.h>
#include <string.h>

static void store_int(cm_ctx *cx, uint64_t value, uint64_t ptr, unsigned size)
{
    memcpy(cx->mem + ptr, &value, size);
}

static void store_pointer(cm_ctx *cx, uint64_t value, uint64_t ptr)
{
    store_int(cx, value, ptr, cx->p ? 8 : 4);
}

/* ---- realloc -------------------------------------------------------------
 */

/* Checks a pointer for `size` bytes that the guest gave us to write to. */
static vm_status check_space(cm_ctx *cx, const char *whose, uint64_t ptr,
                             uint64_t align, uint64_t size)
{
    if (ptr & (align - 1))
        return cm_trap(cx->call,
                       "%s: result not aligned (unaligned pointer 0x%llx for "
                       "alignment %llu)",
                       whose, (unsigned long long)ptr,
                       (unsigned long long)align);
    if (ptr > cx->mem_size || size > cx->mem_size - ptr)
        return cm_trap(cx->call,
                       "%s: beyond end of memory (%llu bytes at 0x%llx, out "
                       "of bounds of memory)",
                       whose, (unsigned long long)size,
                       (unsigned long long)ptr);
    return VM_OK;
}

/* LiftLowerContext.reallocate, with the check that follows each use. */
static vm_status reallocate(cm_ctx *cx, uint64_t old, uint64_t old_size,
                            uint64_t align, uint64_t size, uint64_t *out)
{
    if (!cx->p && size > UINT32_MAX)
        return cm_trap(cx->call, "%llu bytes do not fit into a 32-bit memory",
                       (unsigned long long)size);
    vm_slot slots[4] = {old, old_size, align, size};
    cx->inst->may_leave = false;
    CM_TRY(cm_core_call_apart(cx->call, cx->options->realloc, slots));
    cx->inst->may_leave = true;
    cx->mem = vm_memory_data(cx->options->memory);
    cx->mem_size = vm_memory_size(cx->options->memory);
    *out = cx->p ? slots[0] : (uint32_t)slots[0];
    return check_space(cx, "realloc return", *out, align, size);
}

vm_status cm_reallocate(cm_ctx *cx, uint64_t align, uint64_t size,
                        uint64_t *out)
{
    return reallocate(cx, 0, 0, align, size, out);
}

/* ---- strings -------------------------------------------------------------
 */

/* Where a string ends up, before it is stored or put into slots. */
typedef struct range {
    uint64_t ptr, units;
} range;

/*
 * The realloc sequences of store_string_*: `first` bytes are asked for; if
 * that proves too little, `worst`; then the rest is given back, down to `size`.
 */
typedef struct plan {
    uint64_t align, first, worst, size;
    uint64_t shrink_align;
} plan;

static vm_status run_plan(cm_ctx *cx, const plan *plan, cm_text text,
                          cm_text_encoding to, uint64_t *ptr)
{
    uint64_t have = plan->first;
    CM_TRY(reallocate(cx, 0, 0, plan->align, have, ptr));
    if (plan->worst > have) {
        CM_TRY(reallocate(cx, *ptr, have, plan->align, plan->worst, ptr));
        have = plan->worst;
    }
    assert(plan->size <= have);
    cm_text_convert(text, to, cx->mem + *ptr);
    if (plan->size < have)
        return reallocate(cx, *ptr, have, plan->shrink_align, plan->size, ptr);
    return VM_OK;
}

/* store_string_copy, store_utf16_to_utf8, store_latin1_to_utf8 */
static vm_status store_utf8(cm_ctx *cx, cm_text text, range *out)
{
    uint64_t size = cm_text_size(text, CM_TEXT_UTF8);
    plan plan = {1, text.units, 0, size, 1};
    if (size > text.units) /* not all ASCII */
        plan.worst = text.units * (text.encoding == CM_TEXT_UTF16 ? 3 : 2);
    out->units = size;
    return run_plan(cx, &plan, text, CM_TEXT_UTF8, &out->ptr);
}

/* store_string_copy, store_utf8_to_utf16 */
static vm_status store_utf16(cm_ctx *cx, cm_text text, range *out)
{
    uint64_t size = cm_text_size(text, CM_TEXT_UTF16);
    plan plan = {2, text.units * 2, 0, size, 2};
    out->units = size / 2;
    return run_plan(cx, &plan, text, CM_TEXT_UTF16, &out->ptr);
}

static uint64_t tagged(const cm_ctx *cx, uint64_t units)
{
    return units | UINT64_C(1) << (cx->p ? 63 : 31);
}

/* store_probably_utf16_to_latin1_or_utf16 */
static vm_status store_compact_utf16(cm_ctx *cx, cm_text text, range *out)
{
    uint64_t narrow = cm_text_size(text, CM_TEXT_LATIN1);
    if (narrow == SIZE_MAX) {
        out->units = tagged(cx, text.units);
        plan plan = {2, text.units * 2, 0, text.units * 2, 2};
        return run_plan(cx, &plan, text, CM_TEXT_UTF16, &out->ptr);
    }
    out->units = narrow;
    plan plan = {2, text.units * 2, 0, narrow, 1};
    if (narrow) /* definitions.py shrinks even when there is nothing */
        return run_plan(cx, &plan, text, CM_TEXT_LATIN1, &out->ptr);
    CM_TRY(reallocate(cx, 0, 0, 2, 0, &out->ptr));
    return reallocate(cx, out->ptr, 0, 1, 0, &out->ptr);
}

/* store_string_to_latin1_or_utf16, and the copy of what is Latin-1 already */
static vm_status store_latin1_or_utf16(cm_ctx *cx, cm_text text, range *out)
{
    uint64_t narrow = cm_text_size(text, CM_TEXT_LATIN1);
    if (narrow != SIZE_MAX) {
        plan plan = {2, text.units, 0, narrow, 2};
        out->units = narrow;
        return run_plan(cx, &plan, text, CM_TEXT_LATIN1, &out->ptr);
    }
    uint64_t size = cm_text_size(text, CM_TEXT_UTF16);
    plan plan = {2, text.units, text.units * 2, size, 2};
    out->units = tagged(cx, size / 2);
    return run_plan(cx, &plan, text, CM_TEXT_UTF16, &out->ptr);
}

/* store_string_into_range */
static vm_status store_string(cm_ctx *cx, const cm_value *value, range *out)
{
    static const cm_text_encoding encodings[] = {
        [CM_RAW_UTF8] = CM_TEXT_UTF8,
        [CM_RAW_UTF16] = CM_TEXT_UTF16,
        [CM_RAW_LATIN1] = CM_TEXT_LATIN1,
        [CM_RAW_COMPACT_UTF16] = CM_TEXT_UTF16};
    size_t raw = value->str.len >> CM_RAW_SHIFT;
    size_t units = value->str.len & (((size_t)1 << CM_RAW_SHIFT) - 1);
    if (units > CM_MAX_BYTE_LENGTH)
        return cm_trap(cx->call, "a string is longer than 2^28-1 bytes");
    cm_text text = {(const uint8_t *)value->str.data, units, encodings[raw]};
    switch (cx->options->encoding) {
    case CM_UTF8: return store_utf8(cx, text, out);
    case CM_UTF16: return store_utf16(cx, text, out);
    case CM_LATIN1_UTF16:
        return raw == CM_RAW_COMPACT_UTF16
                   ? store_compact_utf16(cx, text, out)
                   : store_latin1_or_utf16(cx, text, out);
    }
    return cm_trap(cx->call, "unknown string encoding");
}

/* ---- lists ---------------------------------------------------------------
 */

static vm_status store(cm_ctx *cx, const cm_value *value, const cm_type *type,
                       uint64_t ptr);

vm_status cm_store_items(cm_ctx *cx, const cm_value *items, size_t count,
                         const cm_type *elem, uint64_t ptr)
{
    for (size_t i = 0; i < count; i++)
        CM_TRY(store(cx, &items[i], elem, ptr + i * elem->size[cx->p]));
    return VM_OK;
}

/* store_list_into_range */
static vm_status store_list(cm_ctx *cx, const cm_value *value,
                            const cm_type *elem, range *out)
{
    uint64_t size, count = value->list.len; /* bytes.len is in its place */
    if (__builtin_mul_overflow(count, (uint64_t)elem->size[cx->p], &size) ||
        size > UINT32_MAX)
        return cm_trap(cx->call, "a list takes more than 2^32-1 bytes");
    CM_TRY(reallocate(cx, 0, 0, elem->align[cx->p], size, &out->ptr));
    out->units = count;
    if (elem->kind == CM_U8 ||
        (cx->mode == CM_MODE_RAW && cm_type_is_numeric(elem))) {
        if (size)
            cm_copy_numbers(cx->mem + out->ptr, value->bytes.data, elem, count);
        return VM_OK;
    }
    return cm_store_items(cx, value->list.items, count, elem, out->ptr);
}

static vm_status store_range(cm_ctx *cx, const range *range, uint64_t ptr)
{
    store_pointer(cx, range->ptr, ptr);
    store_pointer(cx, range->units, ptr + (cx->p ? 8 : 4));
    return VM_OK;
}

/* ---- everything, to memory --------------------------------------------- */

static vm_status store_fields(cm_ctx *cx, const cm_value *items,
                              const cm_type *type, uint64_t ptr)
{
    for (uint32_t i = 0; i < type->count; i++) {
        const cm_field *field = &type->fields[i];
        CM_TRY(store(cx, &items[i], field->type, ptr + field->offset[cx->p]));
    }
    return VM_OK;
}

static vm_status store_variant(cm_ctx *cx, const cm_value *value,
                               const cm_type *type, uint64_t ptr)
{
    uint64_t index = value->variant.index;
    assert(index < type->count); /* a host function's mistake */
    const cm_type *payload = type->fields[index].type;
    store_int(cx, index, ptr, type->disc_size);
    if (!payload)
        return VM_OK;
    return store(cx, value->variant.payload, payload,
                 ptr + type->payload[cx->p]);
}

/* Everything that is passed as an index into the handle table. */
static vm_status lower_index(cm_ctx *cx, const cm_type *type,
                             const cm_value *value, uint32_t *index)
{
    if (type->kind == CM_OWN || type->kind == CM_BORROW)
        return cm_lower_handle(cx, type, value, index);
    if (type->kind == CM_ERROR_CONTEXT)
        return cm_lower_error_context(cx, value, index);
    return cm_lower_end(cx, type, value, index);
}

static vm_status store_scalar(cm_ctx *cx, const cm_value *value,
                              const cm_type *type, uint64_t ptr)
{
    uint32_t index;
    switch ((cm_kind)type->kind) {
    case CM_BOOL: store_int(cx, value->u != 0, ptr, 1); break;
    case CM_S8:
    case CM_U8: store_int(cx, value->u, ptr, 1); break;
    case CM_S16:
    case CM_U16: store_int(cx, value->u, ptr, 2); break;
    case CM_S32:
    case CM_U32:
    case CM_F32:
    case CM_CHAR: store_int(cx, value->u, ptr, 4); break;
    case CM_S64:
    case CM_U64:
    case CM_F64: store_int(cx, value->u, ptr, 8); break;
    case CM_OWN:
    case CM_BORROW:
    case CM_STREAM:
    case CM_FUTURE:
    case CM_ERROR_CONTEXT:
        CM_TRY(lower_index(cx, type, value, &index));
        store_int(cx, index, ptr, 4);
        break;
    default:
        return cm_trap(cx->call, "values of type %s cannot cross here yet",
                       cm_kind_name((cm_kind)type->kind));
    }
    return VM_OK;
}

/* store: ptr is aligned and in bounds, as whoever got it has checked. */
static vm_status store(cm_ctx *cx, const cm_value *value, const cm_type *type,
                       uint64_t ptr)
{
    range range;
    switch ((cm_kind)type->kind) {
    case CM_STRING:
        CM_TRY(store_string(cx, value, &range));
        return store_range(cx, &range, ptr);
    case CM_LIST:
    case CM_MAP:
        CM_TRY(store_list(cx, value, type->elem, &range));
        return store_range(cx, &range, ptr);
    case CM_FIXED_LIST:
        return cm_store_items(cx, value->list.items, type->count, type->elem,
                              ptr);
    case CM_RECORD:
    case CM_TUPLE: return store_fields(cx, value->list.items, type, ptr);
    case CM_VARIANT:
    case CM_ENUM:
    case CM_OPTION:
    case CM_RESULT: return store_variant(cx, value, type, ptr);
    case CM_FLAGS:
        store_int(cx, value->flags, ptr, type->disc_size);
        return VM_OK;
    default: return store_scalar(cx, value, type, ptr);
    }
}

/* ---- everything, to slots ---------------------------------------------- */

static vm_status lower_flat(cm_ctx *cx, const cm_value *value,
                            const cm_type *type, vm_slot **slots);

static vm_status lower_flat_fields(cm_ctx *cx, const cm_value *items,
                                   const cm_type *type, vm_slot **slots)
{
    for (uint32_t i = 0; i < type->count; i++)
        CM_TRY(lower_flat(cx, &items[i], type->fields[i].type, slots));
    return VM_OK;
}

/* The payload's values take the first slots; what other cases would need
 * beyond is zero.  i32 and f32 bits fill a joined i64 zero-extended. */
static vm_status lower_flat_variant(cm_ctx *cx, const cm_value *value,
                                    const cm_type *type, vm_slot **slots)
{
    vm_slot *at = *slots;
    uint64_t index = value->variant.index;
    assert(index < type->count); /* a host function's mistake */
    memset(at, 0, type->nflat * sizeof *at);
    *at++ = index;
    *slots += type->nflat;
    const cm_type *payload = type->fields[index].type;
    return payload ? lower_flat(cx, value->variant.payload, payload, &at)
                   : VM_OK;
}

static vm_status lower_flat_scalar(cm_ctx *cx, const cm_value *value,
                                   const cm_type *type, vm_slot *slot)
{
    uint32_t index;
    switch ((cm_kind)type->kind) {
    case CM_BOOL: *slot = value->u != 0; break;
    case CM_U8: *slot = (uint8_t)value->u; break;
    case CM_U16: *slot = (uint16_t)value->u; break;
    case CM_S8: *slot = (uint32_t)(int8_t)value->s; break;
    case CM_S16: *slot = (uint32_t)(int16_t)value->s; break;
    case CM_S32:
    case CM_U32:
    case CM_F32:
    case CM_CHAR: *slot = (uint32_t)value->u; break;
    case CM_S64:
    case CM_U64:
    case CM_F64: *slot = value->u; break;
    case CM_FLAGS: *slot = value->flags; break;
    case CM_OWN:
    case CM_BORROW:
    case CM_STREAM:
    case CM_FUTURE:
    case CM_ERROR_CONTEXT:
        CM_TRY(lower_index(cx, type, value, &index));
        *slot = index;
        break;
    default:
        return cm_trap(cx->call, "values of type %s cannot cross here yet",
                       cm_kind_name((cm_kind)type->kind));
    }
    return VM_OK;
}

static vm_status lower_flat_range(const range *range, vm_slot **slots)
{
    (*slots)[0] = range->ptr;
    (*slots)[1] = range->units;
    *slots += 2;
    return VM_OK;
}

static vm_status lower_flat(cm_ctx *cx, const cm_value *value,
                            const cm_type *type, vm_slot **slots)
{
    range range;
    switch ((cm_kind)type->kind) {
    case CM_STRING:
        CM_TRY(store_string(cx, value, &range));
        return lower_flat_range(&range, slots);
    case CM_LIST:
    case CM_MAP:
        CM_TRY(store_list(cx, value, type->elem, &range));
        return lower_flat_range(&range, slots);
    case CM_FIXED_LIST:
        for (uint32_t i = 0; i < type->count; i++)
            CM_TRY(lower_flat(cx, &value->list.items[i], type->elem, slots));
        return VM_OK;
    case CM_RECORD:
    case CM_TUPLE: return lower_flat_fields(cx, value->list.items, type, slots);
    case CM_VARIANT:
    case CM_ENUM:
    case CM_OPTION:
    case CM_RESULT: return lower_flat_variant(cx, value, type, slots);
    default: return lower_flat_scalar(cx, value, type, (*slots)++);
    }
}

/* ---- parameters and results ----------------------------------------------
 */

vm_status cm_lower_params(cm_ctx *cx, const cm_type *params, bool spilled,
                          const cm_value *values, vm_slot *slots)
{
    if (!spilled)
        return lower_flat_fields(cx, values, params, &slots);
    uint64_t ptr;
    CM_TRY(
        reallocate(cx, 0, 0, params->align[cx->p], params->size[cx->p], &ptr));
    slots[0] = ptr;
    return store_fields(cx, values, params, ptr);
}

vm_status cm_lower_result(cm_ctx *cx, const cm_type *type, bool spilled,
                          const cm_value *value, uint64_t out, vm_slot *slots)
{
    if (!spilled)
        return lower_flat(cx, value, type, &slots);
    if (!cx->p)
        out = (uint32_t)out;
    CM_TRY(check_space(cx, "pointer for a result", out, type->align[cx->p],
                       type->size[cx->p]));
    return store(cx, value, type, out);
}

/* ---- ownership -----------------------------------------------------------
 */

static vm_status move_items(cm_ctx *cx, const cm_type *elem,
                            const cm_value *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        CM_TRY(cm_move_values(cx, elem, &items[i]));
    return VM_OK;
}

vm_status cm_move_params(cm_ctx *cx, const cm_type *params,
                         const cm_value *values)
{
    for (uint32_t i = 0; params->has_resource && i < params->count; i++)
        CM_TRY(cm_move_values(cx, params->fields[i].type, &values[i]));
    return VM_OK;
}

vm_status cm_move_values(cm_ctx *cx, const cm_type *type, const cm_value *value)
{
    if (!type->has_resource)
        return VM_OK;
    switch ((cm_kind)type->kind) {
    case CM_OWN:
        return cm_call_move(cx->call, cm_ctx_resource(cx, type), value->u);
    case CM_LIST:
    case CM_MAP:
    case CM_FIXED_LIST:
        return move_items(cx, type->elem, value->list.items, value->list.len);
    case CM_RECORD:
    case CM_TUPLE: return cm_move_params(cx, type, value->list.items);
    case CM_VARIANT:
    case CM_OPTION:
    case CM_RESULT: {
        const cm_type *payload = type->fields[value->variant.index].type;
        return payload ? cm_move_values(cx, payload, value->variant.payload)
                       : VM_OK;
    }
    default: return VM_OK;
    }
}

/* ---- numbers -------------------------------------------------------------
 *
 * A list of numbers, or of records of numbers, looks the same on both sides
 * and needs no checks: it is copied as it is, but for padding, which is left
 * out, since what stands in it is nobody else's business.
 */

bool cm_type_is_numeric(const cm_type *type)
{
    switch ((cm_kind)type->kind) {
    case CM_S8:
    case CM_U8:
    case CM_S16:
    case CM_U16:
    case CM_S32:
    case CM_U32:
    case CM_S64:
    case CM_U64:
    case CM_F32:
    case CM_F64: return true;
    case CM_FIXED_LIST: return cm_type_is_numeric(type->elem);
    case CM_RECORD:
    case CM_TUPLE: break;
    default: return false;
    }
    for (uint32_t i = 0; i < type->count; i++)
        if (!cm_type_is_numeric(type->fields[i].type))
            return false;
    return true;
}

/* What of a type's bytes are numbers, in order: all but the padding, which is
 * nobody's to see.  Those that touch are one. */
enum { MAX_SPANS = 64 };
typedef struct span {
    uint32_t at, size;
} span;
typedef struct spans {
    uint32_t count;
    span items[MAX_SPANS];
} spans;

static bool add_span(spans *s, uint32_t at, uint32_t size)
{
    span *last = s->count ? &s->items[s->count - 1] : NULL;
    if (last && last->at + last->size == at) {
        last->size += size;
        return true;
    }
    if (s->count == MAX_SPANS)
        return false;
    s->items[s->count++] = (span){at, size};
    return true;
}

static bool find_spans(spans *s, const cm_type *type, uint32_t at);

static bool find_fixed(spans *s, const cm_type *elem, uint32_t n, uint32_t at)
{
    uint32_t size = elem->size[0];
    spans one = {.count = 0};
    if (!find_spans(&one, elem, 0))
        return false;
    if (one.count == 1 && one.items[0].size == size)
        return add_span(s, at, n * size);
    for (uint32_t i = 0; i < n; i++) /* has gaps, so it soon ends */
        if (!find_spans(s, elem, at + i * size))
            return false;
    return true;
}

/* False when there are too many. */
static bool find_spans(spans *s, const cm_type *type, uint32_t at)
{
    if (type->kind == CM_FIXED_LIST)
        return find_fixed(s, type->elem, type->count, at);
    if (type->kind != CM_RECORD && type->kind != CM_TUPLE)
        return add_span(s, at, type->size[0]);
    for (uint32_t i = 0; i < type->count; i++)
        if (!find_spans(s, type->fields[i].type,
                        at + type->fields[i].offset[0]))
            return false;
    return true;
}

/* The same, for what has more of them. */
static void copy_parts(uint8_t *to, const uint8_t *from, const cm_type *type)
{
    if (type->kind == CM_FIXED_LIST)
        for (uint32_t i = 0; i < type->count; i++)
            copy_parts(to + i * type->elem->size[0],
                       from + i * type->elem->size[0], type->elem);
    else if (type->kind != CM_RECORD && type->kind != CM_TUPLE)
        memcpy(to, from, type->size[0]);
    else
        for (uint32_t i = 0; i < type->count; i++) {
            const cm_field *field = &type->fields[i];
            copy_parts(to + field->offset[0], from + field->offset[0],
                       field->type);
        }
}

/* One span of all items; the sizes that numbers have need no call. */
static void copy_spans(uint8_t *to, const uint8_t *from, const span *s,
                       size_t n, uint32_t stride)
{
    to += s->at;
    from += s->at;
    if (s->size == 8)
        for (size_t i = 0; i < n; i++, to += stride, from += stride)
            memcpy(to, from, 8);
    else if (s->size == 4)
        for (size_t i = 0; i < n; i++, to += stride, from += stride)
            memcpy(to, from, 4);
    else
        for (size_t i = 0; i < n; i++, to += stride, from += stride)
            memcpy(to, from, s->size);
}

void cm_copy_numbers(uint8_t *to, const uint8_t *from, const cm_type *type,
                     size_t n)
{
    uint32_t size = type->size[0];
    spans s = {.count = 0};
    if (!n)
        return;
    if (!find_spans(&s, type, 0)) {
        for (size_t i = 0; i < n; i++)
            copy_parts(to + i * size, from + i * size, type);
        return;
    }
    if (s.count == 1 && s.items[0].size == size) {
        memmove(to, from, n * size); /* within one memory: numbers alone */
        return;
    }
    for (uint32_t k = 0; k < s.count; k++)
        copy_spans(to, from, &s.items[k], n, size);
}
