/*
 * cm_decode_value.c - value definitions and start functions.  Binary.md "Value
 * Definitions", "Start Definitions".  Each value is used exactly once, by an
 * instantiation, a start function or an export.
 */
#include "vm/cm_decode.h"

#include "vm/cm_strings.h"

#include <string.h>

/* ---- constants --------------------------------------------------------- */

static bool read_value(cm_decoder *d, const cm_type *t, cm_value *out);

static bool read_bytes(cm_decoder *d, size_t n, uint64_t *out)
{
    *out = 0;
    if (n > (size_t)(d->end - d->at))
        return cm_malformed(d, "unexpected end-of-file in a value");
    memcpy(out, d->at, n);
    d->at += n;
    return true;
}

/* Floats are fixed-width; their only NaN is the canonical one. */
static bool read_float(cm_decoder *d, const cm_type *t, cm_value *out)
{
    bool wide = t->kind == CM_F64;
    if (!read_bytes(d, wide ? 8 : 4, &out->u))
        return false;
    uint64_t nan = wide ? UINT64_C(0x7ff8000000000000) : 0x7fc00000;
    bool is_nan = wide ? out->f64 != out->f64 : out->f32 != out->f32;
    return !is_nan || out->u == nan ||
           cm_malformed(d, "a NaN that is not canonical");
}

static bool read_signed(cm_decoder *d, unsigned bits, cm_value *out)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        if (!cm_read_byte(d, &byte))
            return false;
        if (shift > 63)
            return cm_malformed(d, "integer representation too long");
        value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (shift < 64 && (byte & 0x40))
        value |= ~UINT64_C(0) << shift;
    out->s = (int64_t)value;
    int64_t limit = bits == 64 ? INT64_MAX : (INT64_C(1) << (bits - 1)) - 1;
    return (out->s <= limit && out->s >= -limit - 1) ||
           cm_malformed(d, "integer too large");
}

static bool read_unsigned(cm_decoder *d, unsigned bits, cm_value *out)
{
    return cm_read_u64(d, &out->u) && (bits == 64 || out->u >> bits == 0 ||
                                       cm_malformed(d, "integer too large"));
}

/* One code point in UTF-8. */
static bool read_char(cm_decoder *d, cm_value *out)
{
    uint8_t lead;
    uint64_t ignored;
    const uint8_t *start = d->at;
    if (!cm_read_byte(d, &lead))
        return false;
    size_t more = lead < 0xc0 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (!read_bytes(d, more, &ignored))
        return false;
    if (!cm_text_valid((cm_text){start, more + 1, CM_TEXT_UTF8}))
        return cm_malformed(d, "malformed UTF-8 encoding of a char");
    out->u = more ? lead & (0x3fu >> more) : lead;
    for (size_t i = 1; i <= more; i++)
        out->u = out->u << 6 | (start[i] & 0x3fu);
    return true;
}

static bool read_items(cm_decoder *d, const cm_type *t, size_t n, cm_value *out)
{
    if (n > (size_t)(d->end - d->at)) /* each takes a byte at least */
        return cm_malformed(d, "unexpected end-of-file in a value");
    out->list.len = n;
    out->list.items = cm_arena_alloc(d->arena, n, sizeof *out->list.items);
    if (!out->list.items)
        return cm_no_memory(d);
    for (size_t i = 0; i < n; i++)
        if (!read_value(d, t->elem ? t->elem : t->fields[i].type,
                        &out->list.items[i]))
            return false;
    return true;
}

static bool read_list(cm_decoder *d, const cm_type *t, cm_value *out)
{
    uint32_t n = t->count;
    if (t->kind != CM_FIXED_LIST && !cm_read_count(d, &n))
        return false;
    if (t->kind == CM_FIXED_LIST || t->elem->kind != CM_U8)
        return read_items(d, t, n, out);
    if (n > (size_t)(d->end - d->at))
        return cm_malformed(d, "unexpected end-of-file in a value");
    out->bytes.data = d->at;
    out->bytes.len = n;
    d->at += n;
    return true;
}

static bool read_case(cm_decoder *d, const cm_type *t, cm_value *out)
{
    uint32_t index;
    if (!cm_read_u32(d, &index))
        return false;
    if (index >= t->count)
        return cm_malformed(d, "case %u of a %s with %u cases", index,
                            cm_kind_name((cm_kind)t->kind), t->count);
    const cm_type *payload = t->fields[index].type;
    out->variant.index = index;
    out->variant.payload = NULL;
    if (!payload)
        return true;
    out->variant.payload = cm_arena_alloc(d->arena, 1, sizeof *out);
    if (!out->variant.payload)
        return cm_no_memory(d);
    return read_value(d, payload, out->variant.payload);
}

static bool read_flags(cm_decoder *d, const cm_type *t, cm_value *out)
{
    uint64_t bits;
    if (!read_bytes(d, (t->count + 7) / 8, &bits))
        return false;
    out->flags = (uint32_t)bits;
    return t->count == 32 || bits >> t->count == 0 ||
           cm_malformed(d, "flags that the type does not have");
}

static bool read_string(cm_decoder *d, cm_value *out)
{
    vm_name text;
    if (!cm_read_name(d, &text))
        return false;
    out->str.data = text.data;
    out->str.len = text.len;
    return true;
}

static bool read_value(cm_decoder *d, const cm_type *t, cm_value *out)
{
    bool flag;
    uint64_t bits;
    *out = (cm_value){0};
    switch ((cm_kind)t->kind) {
    case CM_BOOL:
        if (!cm_read_bool(d, &flag))
            return false;
        out->u = flag;
        return true;
    case CM_U8: return read_bytes(d, 1, &out->u);
    case CM_S8:
        if (!read_bytes(d, 1, &bits))
            return false;
        out->s = (int64_t)(bits ^ 0x80) - 0x80; /* sign-extended */
        return true;
    case CM_U16: return read_unsigned(d, 16, out);
    case CM_U32: return read_unsigned(d, 32, out);
    case CM_U64: return read_unsigned(d, 64, out);
    case CM_S16: return read_signed(d, 16, out);
    case CM_S32: return read_signed(d, 32, out);
    case CM_S64: return read_signed(d, 64, out);
    case CM_F32:
    case CM_F64: return read_float(d, t, out);
    case CM_CHAR: return read_char(d, out);
    case CM_STRING: return read_string(d, out);
    case CM_LIST:
    case CM_FIXED_LIST:
    case CM_MAP: return read_list(d, t, out);
    case CM_RECORD:
    case CM_TUPLE: return read_items(d, t, t->count, out);
    case CM_VARIANT:
    case CM_ENUM:
    case CM_OPTION:
    case CM_RESULT: return read_case(d, t, out);
    case CM_FLAGS: return read_flags(d, t, out);
    default: break;
    }
    return cm_invalid(d, "a value cannot be of a type with handles");
}

/* ---- the value index space --------------------------------------------- */

bool cm_value_add(cm_decoder *d, const cm_type *type, bool used)
{
    if (type->has_resource || type->has_async)
        return cm_invalid(d, "a value cannot be of a type with handles");
    return CM_PUSH(d, &d->scope->values, (cm_value_info){type, used});
}

bool cm_value_use(cm_decoder *d, uint32_t index, const cm_type **type)
{
    if (index >= d->scope->values.count)
        return cm_out_of_bounds(d, "value", index);
    cm_value_info *info = &d->scope->values.at[index];
    *type = info->type;
    if (info->used)
        return cm_invalid(d, "value %u cannot be used more than once", index);
    info->used = true;
    return true;
}

bool cm_values_all_used(cm_decoder *d)
{
    for (uint32_t i = 0; i < d->scope->values.count; i++)
        if (!d->scope->values.at[i].used)
            return cm_invalid(d,
                              "value index %u was not used as part of an "
                              "instantiation, start function, or export",
                              i);
    return true;
}

/* ---- definitions ------------------------------------------------------- */

bool cm_decode_value(cm_decoder *d)
{
    const cm_type *type;
    uint32_t size;
    cm_value *value = cm_arena_alloc(d->arena, 1, sizeof *value);
    if (!value)
        return cm_no_memory(d);
    if (!cm_read_valtype(d, &type) || !cm_read_u32(d, &size))
        return false;
    const uint8_t *start = d->at;
    if (!read_value(d, type, value))
        return false;
    if ((size_t)(d->at - start) != size)
        return cm_malformed(d,
                            "value size mismatch: %u bytes declared, %zu "
                            "read",
                            size, (size_t)(d->at - start));
    return cm_value_add(d, type, false) &&
           cm_step_add(d, (cm_step){.kind = CM_STEP_VALUE, .value = value});
}

static bool check_start_arg(cm_decoder *d, const cm_type *have,
                            const cm_field *param)
{
    cm_match m;
    cm_externtype sub = {.sort = CM_SORT_VALUE, .value = have};
    cm_externtype super = {.sort = CM_SORT_VALUE, .value = param->type};
    cm_match_init(&m, d->core_types);
    bool ok = cm_match_extern(&m, &sub, NULL, &super, NULL) ||
              cm_invalid(d,
                         "type mismatch for start function argument "
                         "`" VM_NAME_FMT "`: %s",
                         VM_NAME_ARG(param->name), cm_match_why(&m));
    cm_match_finish(&m);
    return ok;
}

bool cm_decode_start(cm_decoder *d)
{
    uint32_t func, count, results;
    if (!cm_read_u32(d, &func) || !cm_read_count(d, &count))
        return false;
    if (func >= d->scope->funcs.count)
        return cm_out_of_bounds(d, "function", func);
    const cm_functype *f = d->scope->funcs.at[func];
    if (f->is_async)
        return cm_invalid(d, "a start function cannot be async");
    if (count != f->params->count)
        return cm_invalid(d,
                          "component start function requires %u arguments "
                          "but was given %u",
                          f->params->count, count);
    cm_arg *args = cm_arena_alloc(d->arena, count, sizeof *args);
    if (!args)
        return cm_no_memory(d);
    for (uint32_t i = 0; i < count; i++) {
        const cm_type *have;
        args[i].sort = CM_SORT_VALUE;
        if (!cm_read_u32(d, &args[i].index) ||
            !cm_value_use(d, args[i].index, &have) ||
            !check_start_arg(d, have, &f->params->fields[i]))
            return false;
    }
    if (!cm_read_u32(d, &results))
        return false;
    if (results != (f->result != NULL))
        return cm_invalid(d,
                          "component start function has a result count of "
                          "%u, not %u",
                          f->result != NULL, results);
    return (!f->result || cm_value_add(d, f->result, false)) &&
           cm_step_add(d, (cm_step){.kind = CM_STEP_START,
                                    .index = func,
                                    .count = count,
                                    .args = args});
}
