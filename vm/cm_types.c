/*
 * cm_types.c - making component-level types: layout in memory and as flat core
 * values, computed once per type (CanonicalABI.md "Alignment", "Element Size",
 * "Flattening").  Used by the binary decoder and by the WIT reader.
 */
#include "vm/cm_types.h"

#include "vm/types.h"

#include <string.h>

#define NFLAT_MANY 255 /* more than CM_MAX_FLAT_PARAMS */

/* ---- primitives -------------------------------------------------------- */

#define PRIM(kind_, bytes, flat_)                                              \
    [kind_] = {                                                                \
        .kind = kind_,                                                         \
        .align = {bytes, bytes},                                               \
        .size = {bytes, bytes},                                                \
        .nflat = 1,                                                            \
        .flat = {{flat_}, {flat_}},                                            \
        .depth = 1,                                                            \
        .weight = 1,                                                           \
        .inside = {UINT32_MAX, 0, UINT32_MAX, 0},                              \
    }

static const cm_type prims[CM_ERROR_CONTEXT + 1] = {
    PRIM(CM_BOOL, 1, VM_I32),
    PRIM(CM_S8, 1, VM_I32),
    PRIM(CM_U8, 1, VM_I32),
    PRIM(CM_S16, 2, VM_I32),
    PRIM(CM_U16, 2, VM_I32),
    PRIM(CM_S32, 4, VM_I32),
    PRIM(CM_U32, 4, VM_I32),
    PRIM(CM_S64, 8, VM_I64),
    PRIM(CM_U64, 8, VM_I64),
    PRIM(CM_F32, 4, VM_F32),
    PRIM(CM_F64, 8, VM_F64),
    PRIM(CM_CHAR, 4, VM_I32),
    PRIM(CM_ERROR_CONTEXT, 4, VM_I32),
    [CM_STRING] = {.kind = CM_STRING,
                   .align = {4, 8},
                   .size = {8, 16},
                   .nflat = 2,
                   .flat = {{VM_I32, VM_I32}, {VM_I64, VM_I64}},
                   .has_pointer = true,
                   .depth = 1,
                   .weight = 1,
                   .inside = {UINT32_MAX, 0, UINT32_MAX, 0}},
};

const cm_type *cm_type_prim(cm_kind kind)
{
    return &prims[kind];
}

/* ---- layout ------------------------------------------------------------ */

static uint64_t align_to(uint64_t offset, uint32_t align)
{
    return (offset + align - 1) & ~(uint64_t)(align - 1);
}

/* Appends a flat type of both pointer sizes; too many become NFLAT_MANY. */
static void flat_add(cm_type *t, uint8_t flat32, uint8_t flat64)
{
    if (t->nflat >= CM_MAX_FLAT_PARAMS) {
        t->nflat = NFLAT_MANY;
        return;
    }
    t->flat[0][t->nflat] = flat32;
    t->flat[1][t->nflat] = flat64;
    t->nflat++;
}

static void flat_append(cm_type *t, const cm_type *part)
{
    if (part->nflat > CM_MAX_FLAT_PARAMS)
        t->nflat = NFLAT_MANY;
    else
        for (uint8_t i = 0; i < part->nflat; i++)
            flat_add(t, part->flat[0][i], part->flat[1][i]);
}

/* CanonicalABI.md join */
static uint8_t flat_join(uint8_t a, uint8_t b)
{
    if (a == b)
        return a;
    if ((a == VM_I32 && b == VM_F32) || (a == VM_F32 && b == VM_I32))
        return VM_I32;
    return VM_I64;
}

/* Merges a case's flat types into those after the discriminant. */
static void flat_merge(cm_type *t, const cm_type *part)
{
    if (part->nflat > CM_MAX_FLAT_PARAMS) {
        t->nflat = NFLAT_MANY;
        return;
    }
    for (uint8_t i = 0; i < part->nflat; i++) {
        if (t->nflat == NFLAT_MANY)
            return;
        if (i + 1 >= t->nflat)
            flat_add(t, part->flat[0][i], part->flat[1][i]);
        else
            for (int p = 0; p < 2; p++)
                t->flat[p][i + 1] =
                    flat_join(t->flat[p][i + 1], part->flat[p][i]);
    }
}

/* Takes over what is true of a type because it is true of a part of it. */
static void absorb(cm_type *t, const cm_type *part)
{
    t->has_borrow |= part->has_borrow;
    t->has_resource |= part->has_resource;
    t->has_async |= part->has_async;
    t->has_pointer |= part->has_pointer;
    if (part->depth >= t->depth)
        t->depth = part->depth + 1; /* checked in finish */
    uint32_t weight;
    if (__builtin_add_overflow(t->weight, part->weight, &weight))
        weight = UINT32_MAX;
    t->weight = weight;
    cm_ranges_join(&t->inside, &part->inside);
}

static const char *layout_record(cm_type *t, cm_field *fields)
{
    uint64_t size[2] = {0, 0};
    t->align[0] = t->align[1] = 1;
    for (uint32_t i = 0; i < t->count; i++) {
        const cm_type *f = fields[i].type;
        for (int p = 0; p < 2; p++) {
            size[p] = align_to(size[p], f->align[p]);
            fields[i].offset[p] = (uint32_t)size[p];
            size[p] += f->size[p];
            if (size[p] > UINT32_MAX / 2)
                return "type exceeds maximum byte size";
            if (f->align[p] > t->align[p])
                t->align[p] = f->align[p];
        }
        flat_append(t, f);
        absorb(t, f);
    }
    for (int p = 0; p < 2; p++)
        t->size[p] = (uint32_t)align_to(size[p], t->align[p]);
    return NULL;
}

static const char *layout_variant(cm_type *t, cm_field *cases)
{
    uint8_t disc = t->count <= 0x100 ? 1 : t->count <= 0x10000 ? 2 : 4;
    uint32_t max_size[2] = {0, 0}, max_align[2] = {1, 1};
    t->disc_size = disc;
    flat_add(t, VM_I32, VM_I32);
    for (uint32_t i = 0; i < t->count; i++) {
        const cm_type *c = cases[i].type;
        if (!c)
            continue;
        for (int p = 0; p < 2; p++) {
            if (c->size[p] > max_size[p])
                max_size[p] = c->size[p];
            if (c->align[p] > max_align[p])
                max_align[p] = c->align[p];
        }
        flat_merge(t, c);
        absorb(t, c);
    }
    for (int p = 0; p < 2; p++) {
        t->payload[p] = (uint32_t)align_to(disc, max_align[p]);
        t->align[p] = (uint8_t)(max_align[p] > disc ? max_align[p] : disc);
        t->size[p] =
            (uint32_t)align_to(t->payload[p] + max_size[p], t->align[p]);
    }
    return NULL;
}

static const char *layout_flags(cm_type *t, cm_field *labels)
{
    if (t->count > 32)
        return "cannot have more than 32 flags";
    uint8_t bytes = t->count <= 8 ? 1 : t->count <= 16 ? 2 : 4;
    t->disc_size = bytes;
    t->align[0] = t->align[1] = bytes;
    t->size[0] = t->size[1] = bytes;
    flat_add(t, VM_I32, VM_I32);
    return NULL;
}

/* A pointer and a length. */
static const char *layout_list(cm_type *t, cm_field *fields)
{
    t->align[0] = 4, t->align[1] = 8;
    t->size[0] = 8, t->size[1] = 16;
    t->has_pointer = true;
    flat_add(t, VM_I32, VM_I64);
    flat_add(t, VM_I32, VM_I64);
    absorb(t, t->elem);
    return NULL;
}

static const char *layout_fixed_list(cm_type *t, cm_field *fields)
{
    if (t->count == 0)
        return "fixed-size list must have a length greater than 0";
    for (int p = 0; p < 2; p++) {
        uint64_t size = (uint64_t)t->count * t->elem->size[p];
        if (size > UINT32_MAX / 2)
            return "type exceeds maximum byte size";
        t->size[p] = (uint32_t)size;
        t->align[p] = t->elem->align[p];
    }
    if (t->count > CM_MAX_FLAT_PARAMS)
        t->nflat = NFLAT_MANY;
    else
        for (uint32_t i = 0; i < t->count; i++)
            flat_append(t, t->elem);
    absorb(t, t->elem);
    return NULL;
}

/* A handle: an index into the instance's table. */
static const char *layout_handle(cm_type *t, cm_field *fields)
{
    t->align[0] = t->align[1] = 4;
    t->size[0] = t->size[1] = 4;
    flat_add(t, VM_I32, VM_I32);
    if (t->kind == CM_OWN || t->kind == CM_BORROW) {
        t->has_resource = true;
        t->has_borrow = t->kind == CM_BORROW;
        t->inside.resource_lo = t->inside.resource_hi = t->resource;
        return NULL;
    }
    t->has_async = true;
    if (!t->elem)
        return NULL;
    if (t->elem->has_borrow)
        return t->kind == CM_STREAM
                   ? "stream element types cannot contain a `borrow` type"
                   : "future payload types cannot contain a `borrow` type";
    if (t->kind == CM_STREAM && t->elem->kind == CM_CHAR)
        return "`stream<char>` is not valid at this time";
    bool pointer = t->has_pointer;
    absorb(t, t->elem);
    t->has_pointer = pointer; /* values do not pass with the handle */
    return NULL;
}

static const struct {
    const char *(*layout)(cm_type *t, cm_field *fields);
    const char *empty; /* error when there are no fields */
    bool is_named;     /* needs an external name when exported */
} kinds[CM_KIND_COUNT] = {
    [CM_LIST] = {layout_list, NULL, false},
    [CM_MAP] = {layout_list, NULL, false},
    [CM_FIXED_LIST] = {layout_fixed_list, NULL, false},
    [CM_RECORD] = {layout_record, "record type must have at least one field",
                   true},
    [CM_TUPLE] = {layout_record, "tuple type must have at least one type",
                  false},
    [CM_VARIANT] = {layout_variant, "variant type must have at least one case",
                    true},
    [CM_ENUM] = {layout_variant, "enum type must have at least one variant",
                 true},
    [CM_OPTION] = {layout_variant, NULL, false},
    [CM_RESULT] = {layout_variant, NULL, false},
    [CM_FLAGS] = {layout_flags, "flags must have at least one entry", true},
    [CM_OWN] = {layout_handle, NULL, true},
    [CM_BORROW] = {layout_handle, NULL, true},
    [CM_STREAM] = {layout_handle, NULL, false},
    [CM_FUTURE] = {layout_handle, NULL, false},
};

/* ---- construction ------------------------------------------------------ */

static const char *create(cm_arena *arena, const cm_type_spec *spec,
                          bool may_be_empty, cm_type **out)
{
    *out = NULL;
    if (spec->count == 0 && kinds[spec->kind].empty && !may_be_empty)
        return kinds[spec->kind].empty;
    cm_type *t = cm_arena_alloc(arena, 1, sizeof *t);
    if (!t)
        return NULL;
    t->kind = (uint8_t)spec->kind;
    t->count = spec->count;
    t->fields = spec->fields;
    t->elem = spec->elem;
    t->resource = spec->resource;
    t->depth = 1;
    t->weight = 1 + (spec->elem ? 0 : spec->count);
    t->inside = CM_RANGES_NONE;
    if (kinds[spec->kind].is_named && spec->ident) {
        t->ident = spec->ident;
        t->inside.ident_lo = t->inside.ident_hi = t->ident;
    }
    const char *why = kinds[spec->kind].layout(t, spec->fields);
    if (why)
        return why;
    if (t->depth > CM_MAX_TYPE_DEPTH)
        return "type nesting is too deep";
    if (t->weight > CM_MAX_TYPE_WEIGHT)
        return "effective type size exceeds the limit of 1000000";
    *out = t;
    return NULL;
}

static cm_field *make_fields(cm_arena *arena, const char *const names[2],
                             const cm_type *a, const cm_type *b)
{
    cm_field *fields = cm_arena_alloc(arena, 2, sizeof *fields);
    if (!fields)
        return NULL;
    fields[0].name = (vm_name){names[0], strlen(names[0])};
    fields[1].name = (vm_name){names[1], strlen(names[1])};
    fields[0].type = a;
    fields[1].type = b;
    return fields;
}

/* The entries of a map: exempt from the size limit, like a list's element. */
static const char *map_elem(cm_arena *arena, const cm_type_spec *spec,
                            cm_type **elem)
{
    static const uint32_t keys = 1u << CM_BOOL | 1u << CM_S8 | 1u << CM_U8 |
                                 1u << CM_S16 | 1u << CM_U16 | 1u << CM_S32 |
                                 1u << CM_U32 | 1u << CM_S64 | 1u << CM_U64 |
                                 1u << CM_CHAR | 1u << CM_STRING;
    if (!(keys >> spec->fields[0].type->kind & 1))
        return "map keys must be of a bool, integer, char or string type";
    cm_type_spec tuple = {.kind = CM_TUPLE, .count = 2, .fields = spec->fields};
    return create(arena, &tuple, false, elem);
}

const cm_type *cm_type_create(cm_arena *arena, const cm_type_spec *spec,
                              const char **why)
{
    cm_type_spec s = *spec;
    cm_type *t = NULL;
    *why = NULL;
    if (s.kind == CM_MAP) {
        *why = map_elem(arena, spec, &t);
        if (!t)
            return NULL;
        s = (cm_type_spec){.kind = CM_MAP, .elem = t};
    }
    *why = create(arena, &s, false, &t);
    if (t && t->size[1] >= CM_MAX_TYPE_SIZE) {
        *why = "type exceeds maximum byte size";
        return NULL;
    }
    return t;
}

const cm_type *cm_type_option(cm_arena *arena, const cm_type *some,
                              const char **why)
{
    static const char *const names[2] = {"none", "some"};
    cm_type_spec spec = {.kind = CM_OPTION, .count = 2};
    *why = NULL;
    spec.fields = make_fields(arena, names, NULL, some);
    return spec.fields ? cm_type_create(arena, &spec, why) : NULL;
}

const cm_type *cm_type_result(cm_arena *arena, const cm_type *ok,
                              const cm_type *error, const char **why)
{
    static const char *const names[2] = {"ok", "error"};
    cm_type_spec spec = {.kind = CM_RESULT, .count = 2};
    *why = NULL;
    spec.fields = make_fields(arena, names, ok, error);
    return spec.fields ? cm_type_create(arena, &spec, why) : NULL;
}

const cm_type *cm_type_params(cm_arena *arena, cm_field *fields, uint32_t count,
                              const char **why)
{
    cm_type *t;
    cm_type_spec spec = {.kind = CM_RECORD, .count = count, .fields = fields};
    *why = create(arena, &spec, true, &t);
    return t;
}

const cm_interface *cm_interface_create(cm_arena *arena, const cm_decl *exports,
                                        uint32_t count)
{
    cm_interface *iface = cm_arena_alloc(arena, 1, sizeof *iface);
    if (!iface)
        return NULL;
    iface->count = count;
    iface->exports = exports;
    if (count && !cm_names_build(arena, &iface->index, &exports[0].name,
                                 sizeof exports[0], count))
        return NULL;
    return iface;
}

const cm_decl *cm_interface_find(const cm_interface *iface, const char *name,
                                 size_t len)
{
    if (!iface->count)
        return NULL;
    uint32_t i = cm_names_find(&iface->index, &iface->exports[0].name,
                               sizeof iface->exports[0], name, len);
    return i == CM_NAME_NONE ? NULL : &iface->exports[i];
}

/* ---- flattening of functions ------------------------------------------- */

static void flat_result(cm_flat *out, vm_type type)
{
    out->types[out->nparams + out->nresults++] = type;
}

void cm_flatten(const cm_functype *type, cm_dir dir, bool is_async,
                bool has_callback, bool mem64, cm_flat *out)
{
    const cm_type *params = type->params, *result = type->result;
    const vm_type pointer = mem64 ? VM_I64 : VM_I32;
    unsigned max_params = is_async && dir == CM_LOWER ? CM_MAX_FLAT_ASYNC_PARAMS
                                                      : CM_MAX_FLAT_PARAMS;
    *out = (cm_flat){0};
    out->spilled_params = params->nflat > max_params;
    if (out->spilled_params)
        out->types[out->nparams++] = pointer;
    else
        for (uint8_t i = 0; i < params->nflat; i++)
            out->types[out->nparams++] = params->flat[mem64][i];
    unsigned nresult = result ? result->nflat : 0;
    if (is_async) {
        out->spilled_result = dir == CM_LOWER && nresult > 0;
        if (out->spilled_result)
            out->types[out->nparams++] = pointer;
        if (dir == CM_LOWER || has_callback)
            flat_result(out, VM_I32);
        return;
    }
    out->spilled_result = nresult > CM_MAX_FLAT_RESULTS;
    if (out->spilled_result && dir == CM_LOWER)
        out->types[out->nparams++] = pointer;
    else if (out->spilled_result)
        flat_result(out, pointer);
    else if (nresult)
        flat_result(out, result->flat[mem64][0]);
}

vm_functype cm_flat_functype(const cm_flat *flat)
{
    return (vm_functype){
        .nparams = flat->nparams,
        .nresults = flat->nresults,
        .param_slots = flat->nparams,
        .result_slots = flat->nresults,
        .types = flat->types,
    };
}

/* ---- names for messages ------------------------------------------------ */

const char *cm_kind_name(cm_kind kind)
{
    static const char *const names[CM_KIND_COUNT] = {
        "bool",   "s8",
        "u8",     "s16",
        "u16",    "s32",
        "u32",    "s64",
        "u64",    "f32",
        "f64",    "char",
        "string", "error-context",
        "list",   "fixed-length list",
        "map",    "record",
        "tuple",  "variant",
        "enum",   "option",
        "result", "flags",
        "own",    "borrow",
        "stream", "future",
    };
    return names[kind];
}

const char *cm_sort_name(cm_sort sort)
{
    static const char *const names[] = {"core module", "func",      "value",
                                        "type",        "component", "instance"};
    return names[sort];
}

typedef struct printer {
    char *buf;
    size_t size, used;
} printer;

static void put(printer *p, const char *data, size_t len)
{
    size_t room = p->size - 1 - p->used;
    if (len > room)
        len = room;
    memcpy(p->buf + p->used, data, len);
    p->used += len;
}

static void put_text(printer *p, const char *text)
{
    put(p, text, strlen(text));
}

static void put_type(printer *p, const cm_type *t, int depth);

static void put_parts(printer *p, const cm_type *t, int depth)
{
    put_text(p, t->kind == CM_TUPLE ? "<" : " { ");
    for (uint32_t i = 0; i < t->count; i++) {
        if (i)
            put_text(p, ", ");
        put(p, t->fields[i].name.data, t->fields[i].name.len);
        if (t->fields[i].type) {
            if (t->kind != CM_TUPLE)
                put_text(p, ": ");
            put_type(p, t->fields[i].type, depth);
        }
    }
    put_text(p, t->kind == CM_TUPLE ? ">" : " }");
}

static void put_type(printer *p, const cm_type *t, int depth)
{
    if (p->used + 1 >= p->size)
        return;
    if (!t || depth > 8) {
        put_text(p, "_");
        return;
    }
    put_text(p, cm_kind_name((cm_kind)t->kind));
    if (t->kind <= CM_ERROR_CONTEXT)
        return;
    if (t->kind == CM_OPTION || t->elem) {
        put_text(p, "<");
        put_type(p, t->elem ? t->elem : t->fields[1].type, depth + 1);
        put_text(p, ">");
    } else if (t->kind == CM_RESULT) {
        put_text(p, "<");
        put_type(p, t->fields[0].type, depth + 1);
        put_text(p, ", ");
        put_type(p, t->fields[1].type, depth + 1);
        put_text(p, ">");
    } else if (t->count) {
        put_parts(p, t, depth + 1);
    }
}

void cm_type_print(const cm_type *type, char *buf, size_t size)
{
    printer p = {buf, size, 0};
    if (!size)
        return;
    put_type(&p, type, 0);
    buf[p.used] = '\0';
}
