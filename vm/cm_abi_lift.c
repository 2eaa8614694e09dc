/*
 * cm_abi_lift.c - lifting: core values and guest memory to cm_value, walking
 * the type.  Every trap condition of definitions.py's load and lift_flat is
 * checked here, and only here.
 *
 * A core value is a 64-bit slot whose low half holds an i32 or f32.  Because of
 * that the coercions between joined flat types of a variant (CoerceValueIter)
 * are the identity: the reader takes the bits that it needs.
 */
#include "vm/cm_task.h"

#include "vm/cm_strings.h"

#include <string.h>

void cm_ctx_init(cm_ctx *cx, cm_call *call, cm_instance *inst,
                 const cm_options *options, const cm_view *view, cm_mode mode)
{
    *cx = (cm_ctx){.call = call,
                   .inst = inst,
                   .options = options,
                   .view = view,
                   .mode = mode,
                   .p = options->mem64};
    if (options->memory) {
        cx->mem = vm_memory_data(options->memory);
        cx->mem_size = vm_memory_size(options->memory);
    }
}

/* Bytes that a kind without structure takes in memory; else 0. */
static const uint8_t scalar_size[CM_KIND_COUNT] = {
    [CM_BOOL] = 1,          [CM_S8] = 1,     [CM_U8] = 1,     [CM_S16] = 2,
    [CM_U16] = 2,           [CM_S32] = 4,    [CM_U32] = 4,    [CM_S64] = 8,
    [CM_U64] = 8,           [CM_F32] = 4,    [CM_F64] = 8,    [CM_CHAR] = 4,
    [CM_OWN] = 4,           [CM_BORROW] = 4, [CM_STREAM] = 4, [CM_FUTURE] = 4,
    [CM_ERROR_CONTEXT] = 4,
};

static uint64_t load_int(const cm_ctx *cx, uint64_t ptr, unsigned size)
{
    uint64_t value = 0;
    memcpy(&value, cx->mem + ptr, size); /* all our machines are LE */
    return value;
}

static uint64_t load_pointer(const cm_ctx *cx, uint64_t ptr)
{
    return load_int(cx, ptr, cx->p ? 8 : 4);
}

static uint64_t slot_pointer(const cm_ctx *cx, vm_slot slot)
{
    return cx->p ? slot : (uint32_t)slot;
}

/* True when size bytes at ptr are inside the memory. */
static bool in_memory(const cm_ctx *cx, uint64_t ptr, uint64_t size)
{
    return ptr <= cx->mem_size && size <= cx->mem_size - ptr;
}

static void *lift_alloc(cm_ctx *cx, size_t count, size_t size)
{
    return cm_arena_alloc(&cx->call->arena, count, size);
}

static vm_status no_room(cm_ctx *cx)
{
    return cm_trap(cx->call, "the values of one call take more than %zu MiB",
                   CM_CALL_BYTES >> 20);
}

/* ---- scalars -------------------------------------------------------------
 */

/* convert_i32_to_char */
static vm_status lift_char(cm_ctx *cx, uint32_t c, cm_value *out)
{
    if (!cm_is_char(c))
        return cm_trap(cx->call,
                       "invalid `char` bit pattern: 0x%x is no "
                       "Unicode scalar value",
                       c);
    out->u = c;
    return VM_OK;
}

static vm_status lift_scalar(cm_ctx *cx, const cm_type *type, uint64_t bits,
                             cm_value *out)
{
    switch ((cm_kind)type->kind) {
    case CM_BOOL: out->u = (uint32_t)bits != 0; break;
    case CM_S8: out->s = (int8_t)bits; break;
    case CM_U8: out->u = (uint8_t)bits; break;
    case CM_S16: out->s = (int16_t)bits; break;
    case CM_U16: out->u = (uint16_t)bits; break;
    case CM_S32: out->s = (int32_t)bits; break;
    case CM_U32: out->u = (uint32_t)bits; break;
    case CM_S64:
    case CM_U64: out->u = bits; break;
    case CM_F32: out->u = cm_nan32((uint32_t)bits); break;
    case CM_F64: out->u = cm_nan64(bits); break;
    case CM_CHAR: return lift_char(cx, (uint32_t)bits, out);
    case CM_OWN:
    case CM_BORROW: return cm_lift_handle(cx, type, (uint32_t)bits, out);
    case CM_STREAM:
    case CM_FUTURE: return cm_lift_end(cx, type, (uint32_t)bits, out);
    case CM_ERROR_CONTEXT:
        return cm_lift_error_context(cx, (uint32_t)bits, out);
    default:
        return cm_trap(cx->call, "values of type %s cannot cross here yet",
                       cm_kind_name((cm_kind)type->kind));
    }
    return VM_OK;
}

/* unpack_flags_from_int: bits without a flag are ignored. */
static void lift_flags(const cm_type *type, uint64_t bits, cm_value *out)
{
    out->u = type->count >= 32 ? (uint32_t)bits
                               : bits & ((UINT32_C(1) << type->count) - 1);
}

/* ---- strings -------------------------------------------------------------
 */

/* What load_string_from_range's `match` yields; raw is a CM_RAW_*. */
typedef struct string_form {
    cm_text_encoding encoding;
    unsigned unit, align, raw;
} string_form;

static const string_form forms[] = {
    [CM_UTF8] = {CM_TEXT_UTF8, 1, 1, CM_RAW_UTF8},
    [CM_UTF16] = {CM_TEXT_UTF16, 2, 2, CM_RAW_UTF16},
    [CM_LATIN1_UTF16] = {CM_TEXT_LATIN1, 1, 2, CM_RAW_LATIN1},
};
static const string_form tagged_form = {CM_TEXT_UTF16, 2, 2,
                                        CM_RAW_COMPACT_UTF16};

static vm_status invalid_text(cm_ctx *cx, const string_form *form)
{
    if (form->encoding == CM_TEXT_UTF8)
        return cm_trap(cx->call, "invalid utf-8: incomplete utf-8 byte "
                                 "sequence, or bytes that are none");
    return cm_trap(cx->call, "invalid utf-16: unpaired surrogate");
}

static vm_status copy_text(cm_ctx *cx, cm_text text, cm_value *out)
{
    size_t size = cm_text_size(text, CM_TEXT_UTF8);
    char *copy = lift_alloc(cx, size, 1);
    if (!copy)
        return no_room(cx);
    cm_text_convert(text, CM_TEXT_UTF8, (uint8_t *)copy);
    out->str.data = copy;
    out->str.len = size;
    return VM_OK;
}

/* load_string_from_range */
static vm_status lift_string(cm_ctx *cx, uint64_t ptr, uint64_t units,
                             cm_value *out)
{
    const string_form *form = &forms[cx->options->encoding];
    uint64_t tag = UINT64_C(1) << (cx->p ? 63 : 31);
    if (cx->options->encoding == CM_LATIN1_UTF16 && (units & tag)) {
        form = &tagged_form;
        units ^= tag;
    }
    if (units > CM_MAX_BYTE_LENGTH / form->unit)
        return cm_trap(cx->call,
                       "string pointer/length out of bounds of memory: more "
                       "than 2^28-1 bytes");
    if (ptr & (form->align - 1))
        return cm_trap(cx->call, "unaligned pointer of a string: 0x%llx",
                       (unsigned long long)ptr);
    if (!in_memory(cx, ptr, units * form->unit))
        return cm_trap(cx->call,
                       "string pointer/length out of bounds of memory: %llu "
                       "bytes at 0x%llx",
                       (unsigned long long)units * form->unit,
                       (unsigned long long)ptr);
    cm_text text = {cx->mem + ptr, units, form->encoding};
    if (!cm_text_valid(text))
        return invalid_text(cx, form);
    if (cx->mode == CM_MODE_COPY ||
        (cx->mode == CM_MODE_VIEW && form->encoding != CM_TEXT_UTF8))
        return copy_text(cx, text, out);
    out->str.data = (const char *)text.data;
    out->str.len = units;
    if (cx->mode == CM_MODE_RAW)
        out->str.len |= (size_t)form->raw << CM_RAW_SHIFT;
    return VM_OK;
}

/* ---- structured values in memory --------------------------------------- */

static vm_status load(cm_ctx *cx, uint64_t ptr, const cm_type *type,
                      cm_value *out);

vm_status cm_load_items(cm_ctx *cx, uint64_t ptr, const cm_type *elem, size_t n,
                        cm_value *items)
{
    for (size_t i = 0; i < n; i++)
        CM_TRY(load(cx, ptr + i * elem->size[cx->p], elem, &items[i]));
    return VM_OK;
}

static vm_status load_items(cm_ctx *cx, uint64_t ptr, const cm_type *elem,
                            size_t count, cm_value *out)
{
    cm_value *items = lift_alloc(cx, count, sizeof *items);
    if (!items)
        return no_room(cx);
    out->list.items = items;
    out->list.len = count;
    return cm_load_items(cx, ptr, elem, count, items);
}

static vm_status lift_bytes(cm_ctx *cx, uint64_t ptr, size_t size, size_t count,
                            cm_value *out)
{
    const uint8_t *data = cx->mem + ptr;
    if (cx->mode == CM_MODE_COPY) {
        uint8_t *copy = lift_alloc(cx, size, 1);
        if (!copy)
            return no_room(cx);
        data = size ? memcpy(copy, data, size) : copy;
    }
    out->bytes.data = data;
    out->bytes.len = count;
    return VM_OK;
}

/* load_list_from_range */
static vm_status lift_list(cm_ctx *cx, uint64_t ptr, uint64_t count,
                           const cm_type *elem, cm_value *out)
{
    uint64_t size;
    if (__builtin_mul_overflow(count, (uint64_t)elem->size[cx->p], &size) ||
        size > CM_MAX_BYTE_LENGTH)
        return cm_trap(cx->call,
                       "list content out-of-bounds: more than 2^28-1 bytes");
    if (ptr & (elem->align[cx->p] - 1u))
        return cm_trap(cx->call, "unaligned pointer of a list: 0x%llx",
                       (unsigned long long)ptr);
    if (!in_memory(cx, ptr, size))
        return cm_trap(cx->call,
                       "list content out-of-bounds: %llu bytes at 0x%llx",
                       (unsigned long long)size, (unsigned long long)ptr);
    if (elem->kind == CM_U8 ||
        (cx->mode == CM_MODE_RAW && cm_type_is_numeric(elem)))
        return lift_bytes(cx, ptr, size, count, out);
    return load_items(cx, ptr, elem, count, out);
}

static vm_status load_fields(cm_ctx *cx, uint64_t ptr, const cm_type *type,
                             cm_value *items)
{
    for (uint32_t i = 0; i < type->count; i++) {
        const cm_field *field = &type->fields[i];
        CM_TRY(load(cx, ptr + field->offset[cx->p], field->type, &items[i]));
    }
    return VM_OK;
}

static vm_status load_record(cm_ctx *cx, uint64_t ptr, const cm_type *type,
                             cm_value *out)
{
    cm_value *items = lift_alloc(cx, type->count, sizeof *items);
    if (!items)
        return no_room(cx);
    out->list.items = items;
    out->list.len = type->count;
    return load_fields(cx, ptr, type, items);
}

/* The case, and room for its payload if it has one. */
static vm_status begin_variant(cm_ctx *cx, const cm_type *type, uint32_t index,
                               cm_value *out, const cm_type **payload)
{
    if (index >= type->count)
        return cm_trap(cx->call, "invalid variant discriminant: %u of %u cases",
                       index, type->count);
    *payload = type->fields[index].type;
    out->variant.index = index;
    out->variant.payload = NULL;
    if (!*payload)
        return VM_OK;
    out->variant.payload = lift_alloc(cx, 1, sizeof(cm_value));
    return out->variant.payload ? VM_OK : no_room(cx);
}

static vm_status load_variant(cm_ctx *cx, uint64_t ptr, const cm_type *type,
                              cm_value *out)
{
    const cm_type *payload;
    uint32_t index = (uint32_t)load_int(cx, ptr, type->disc_size);
    CM_TRY(begin_variant(cx, type, index, out, &payload));
    if (!payload)
        return VM_OK;
    return load(cx, ptr + type->payload[cx->p], payload, out->variant.payload);
}

/* load: ptr is aligned and in bounds, as whoever got it has checked. */
static vm_status load(cm_ctx *cx, uint64_t ptr, const cm_type *type,
                      cm_value *out)
{
    switch ((cm_kind)type->kind) {
    case CM_STRING:
        return lift_string(cx, load_pointer(cx, ptr),
                           load_pointer(cx, ptr + (cx->p ? 8 : 4)), out);
    case CM_LIST:
    case CM_MAP:
        return lift_list(cx, load_pointer(cx, ptr),
                         load_pointer(cx, ptr + (cx->p ? 8 : 4)), type->elem,
                         out);
    case CM_FIXED_LIST:
        return load_items(cx, ptr, type->elem, type->count, out);
    case CM_RECORD:
    case CM_TUPLE: return load_record(cx, ptr, type, out);
    case CM_VARIANT:
    case CM_ENUM:
    case CM_OPTION:
    case CM_RESULT: return load_variant(cx, ptr, type, out);
    case CM_FLAGS:
        lift_flags(type, load_int(cx, ptr, type->disc_size), out);
        return VM_OK;
    default:
        return lift_scalar(cx, type, load_int(cx, ptr, scalar_size[type->kind]),
                           out);
    }
}

/* ---- structured values in slots ---------------------------------------- */

static vm_status lift_flat(cm_ctx *cx, const vm_slot **slots,
                           const cm_type *type, cm_value *out);

static vm_status lift_flat_fields(cm_ctx *cx, const vm_slot **slots,
                                  const cm_type *type, cm_value *items)
{
    for (uint32_t i = 0; i < type->count; i++)
        CM_TRY(lift_flat(cx, slots, type->fields[i].type, &items[i]));
    return VM_OK;
}

/* Records, tuples and lists of fixed length: count values in a row. */
static vm_status lift_flat_row(cm_ctx *cx, const vm_slot **slots,
                               const cm_type *type, cm_value *out)
{
    cm_value *items = lift_alloc(cx, type->count, sizeof *items);
    if (!items)
        return no_room(cx);
    out->list.items = items;
    out->list.len = type->count;
    if (type->kind != CM_FIXED_LIST)
        return lift_flat_fields(cx, slots, type, items);
    for (uint32_t i = 0; i < type->count; i++)
        CM_TRY(lift_flat(cx, slots, type->elem, &items[i]));
    return VM_OK;
}

static vm_status lift_flat_variant(cm_ctx *cx, const vm_slot **slots,
                                   const cm_type *type, cm_value *out)
{
    const cm_type *payload;
    const vm_slot *at = *slots + 1;
    CM_TRY(begin_variant(cx, type, (uint32_t)**slots, out, &payload));
    *slots += type->nflat;
    if (!payload)
        return VM_OK;
    return lift_flat(cx, &at, payload, out->variant.payload);
}

static vm_status lift_flat(cm_ctx *cx, const vm_slot **slots,
                           const cm_type *type, cm_value *out)
{
    const vm_slot *at = *slots;
    switch ((cm_kind)type->kind) {
    case CM_STRING:
        *slots += 2;
        return lift_string(cx, slot_pointer(cx, at[0]), slot_pointer(cx, at[1]),
                           out);
    case CM_LIST:
    case CM_MAP:
        *slots += 2;
        return lift_list(cx, slot_pointer(cx, at[0]), slot_pointer(cx, at[1]),
                         type->elem, out);
    case CM_FIXED_LIST:
    case CM_RECORD:
    case CM_TUPLE: return lift_flat_row(cx, slots, type, out);
    case CM_VARIANT:
    case CM_ENUM:
    case CM_OPTION:
    case CM_RESULT: return lift_flat_variant(cx, slots, type, out);
    case CM_FLAGS:
        *slots += 1;
        lift_flags(type, at[0], out);
        return VM_OK;
    default: *slots += 1; return lift_scalar(cx, type, at[0], out);
    }
}

/* ---- parameters and results ----------------------------------------------
 */

/* lift_flat_values, more than max_flat: one pointer to all. */
static vm_status check_spill(cm_ctx *cx, const cm_type *type, uint64_t ptr)
{
    if (ptr & (type->align[cx->p] - 1u))
        return cm_trap(cx->call, "unaligned pointer of spilled values: 0x%llx",
                       (unsigned long long)ptr);
    if (!in_memory(cx, ptr, type->size[cx->p]))
        return cm_trap(cx->call,
                       "pointer out of bounds of memory: %u bytes of spilled "
                       "values at 0x%llx",
                       type->size[cx->p], (unsigned long long)ptr);
    return VM_OK;
}

vm_status cm_lift_params(cm_ctx *cx, const cm_type *params, bool spilled,
                         const vm_slot *slots, cm_value *out)
{
    if (!spilled)
        return lift_flat_fields(cx, &slots, params, out);
    uint64_t ptr = slot_pointer(cx, slots[0]);
    CM_TRY(check_spill(cx, params, ptr));
    return load_fields(cx, ptr, params, out);
}

vm_status cm_lift_result(cm_ctx *cx, const cm_type *type, bool spilled,
                         const vm_slot *slots, cm_value *out)
{
    if (!spilled)
        return lift_flat(cx, &slots, type, out);
    uint64_t ptr = slot_pointer(cx, slots[0]);
    CM_TRY(check_spill(cx, type, ptr));
    return load(cx, ptr, type, out);
}
