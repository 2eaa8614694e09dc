/*
 * decode_types.c - value types and the type section (section 5.3), interned
 * into the engine's registry one recursion group at a time.
 */
#include "vm/decode.h"

#include <stdlib.h>
#include <string.h>

/* ---- value types -------------------------------------------------------- */

static uint32_t type_id(vm_reader *r, const vm_typescope *scope,
                        const uint8_t *at, uint64_t index)
{
    if (index < scope->ntypes)
        return scope->types[index]->id;
    if (index < (uint64_t)scope->ntypes + scope->nrec)
        return VM_REC_BIT | (uint32_t)(index - scope->ntypes);
    vm_reader_invalid(r, at, "unknown type %llu: the module has %u types",
                      (unsigned long long)index, scope->ntypes + scope->nrec);
    return 0;
}

uint32_t vm_decode_heaptype(vm_reader *r, const vm_typescope *scope)
{
    const uint8_t *at = r->pos;
    int64_t code = vm_reader_s33(r);
    if (r->failed)
        return 0;
    if (code >= 0)
        return type_id(r, scope, at, (uint64_t)code);
    uint32_t byte = (uint32_t)(code & 0x7f);
    if (code == -0x1e) { /* 0x62: exact */
        vm_reader_malformed(r, at, VM_NO_DESCRIPTORS ": exact heap type");
        return 0;
    }
    if (code < -64 || byte < 0x69 || byte > 0x74) {
        vm_reader_malformed(r, at, "malformed heap type: 0x%02x", byte);
        return 0;
    }
    return VM_ABSTRACT | byte;
}

/* VM_BOTTOM, without an error, when `byte` starts no reference type. */
static vm_type reftype_of(vm_reader *r, const vm_typescope *scope, uint8_t byte)
{
    if (byte == 0x64)
        return VM_REF | vm_decode_heaptype(r, scope);
    if (byte == 0x63)
        return VM_REF | VM_NULLABLE | vm_decode_heaptype(r, scope);
    if (byte >= 0x69 && byte <= 0x74)
        return VM_REF | VM_NULLABLE | VM_ABSTRACT | byte;
    return VM_BOTTOM;
}

vm_type vm_decode_reftype(vm_reader *r, const vm_typescope *scope)
{
    const uint8_t *at = r->pos;
    uint8_t byte = vm_reader_u8(r);
    vm_type type = reftype_of(r, scope, byte);
    if (type == VM_BOTTOM)
        vm_reader_malformed(r, at, "malformed reference type: 0x%02x", byte);
    return type;
}

vm_type vm_decode_valtype(vm_reader *r, const vm_typescope *scope)
{
    const uint8_t *at = r->pos;
    uint8_t byte = vm_reader_u8(r);
    if (byte >= VM_V128 && byte <= VM_I32)
        return byte;
    vm_type type = reftype_of(r, scope, byte);
    if (type == VM_BOTTOM)
        vm_reader_malformed(r, at, "malformed value type: 0x%02x", byte);
    return type;
}

const vm_deftype *vm_decode_functype(vm_reader *r, const vm_typescope *scope)
{
    const uint8_t *at = r->pos;
    uint32_t index = vm_reader_u32(r);
    if (r->failed)
        return NULL;
    if (index >= scope->ntypes) {
        vm_reader_invalid(r, at, "unknown type %u: the module has %u types",
                          index, scope->ntypes);
        return NULL;
    }
    if (scope->types[index]->kind != VM_COMP_FUNC) {
        vm_reader_invalid(r, at, "type %u is not a function type", index);
        return NULL;
    }
    return scope->types[index];
}

/* ---- composite types ---------------------------------------------------- */

/* What the section's reading needs beside the module; freed at its end. */
typedef struct type_reader {
    vm_decoder *d;
    vm_reader *r;
    vm_arena arena; /* one recursion group */
    vm_typescope scope;
    uint32_t capacity; /* of m->types */
} type_reader;

static void *scratch(type_reader *t, size_t count, size_t size)
{
    void *p = vm_arena_alloc(&t->arena, count, size);
    if (!p) {
        t->d->no_memory = true;
        vm_reader_malformed(t->r, t->r->pos, "out of memory");
    }
    return p;
}

/* Reads a vector of value types to the end of `types`, which has room for
 * VM_MAX_PARAMS more. */
static uint32_t read_values(type_reader *t, vm_type *types, const char *what)
{
    const uint8_t *at = t->r->pos;
    uint32_t n = vm_reader_count(t->r, 1, what);
    if (n > VM_MAX_PARAMS) {
        vm_reader_invalid(t->r, at, "too many %s: %u, at most %u are allowed",
                          what, n, VM_MAX_PARAMS);
        return 0;
    }
    for (uint32_t i = 0; i < n; i++)
        types[i] = vm_decode_valtype(t->r, &t->scope);
    return n;
}

static void read_func(type_reader *t, vm_subtype *out)
{
    vm_type types[2 * VM_MAX_PARAMS];
    out->kind = VM_COMP_FUNC;
    out->nparams = read_values(t, types, "parameters");
    out->ntypes =
        out->nparams + read_values(t, types + out->nparams, "results");
    vm_type *copy = scratch(t, out->ntypes, sizeof *copy);
    if (copy)
        memcpy(copy, types, out->ntypes * sizeof *copy);
    out->types = copy;
}

static void read_field(type_reader *t, vm_type *type, bool *is_mutable)
{
    uint8_t byte = vm_reader_peek(t->r);
    if (byte == VM_I8 || byte == VM_I16) {
        t->r->pos++;
        *type = byte;
    } else {
        *type = vm_decode_valtype(t->r, &t->scope);
    }
    const uint8_t *at = t->r->pos;
    uint8_t mut = vm_reader_u8(t->r);
    if (mut > 1)
        vm_reader_malformed(t->r, at,
                            "malformed mutability: 0x%02x, not 0 or 1", mut);
    *is_mutable = mut;
}

static void read_fields(type_reader *t, vm_subtype *out, uint32_t n)
{
    vm_type *types = scratch(t, n, sizeof *types);
    bool *is_mutable = scratch(t, n, sizeof *is_mutable);
    out->types = types;
    out->is_mutable = is_mutable;
    out->ntypes = n;
    if (t->r->failed)
        return;
    for (uint32_t i = 0; i < n; i++)
        read_field(t, &types[i], &is_mutable[i]);
}

static void read_struct(type_reader *t, vm_subtype *out)
{
    const uint8_t *at = t->r->pos;
    uint32_t n = vm_reader_count(t->r, 2, "fields");
    if (n > VM_MAX_FIELDS)
        vm_reader_invalid(t->r, at,
                          "too many fields: %u, at most %u are allowed", n,
                          VM_MAX_FIELDS);
    out->kind = VM_COMP_STRUCT;
    read_fields(t, out, n);
}

static void read_comptype(type_reader *t, vm_subtype *out)
{
    const uint8_t *at = t->r->pos;
    uint8_t form = vm_reader_u8(t->r);
    switch (form) {
    case 0x60: read_func(t, out); return;
    case 0x5f: read_struct(t, out); return;
    case 0x5e:
        out->kind = VM_COMP_ARRAY;
        read_fields(t, out, 1);
        return;
    case 0x4c:
    case 0x4d:
        vm_reader_malformed(t->r, at, VM_NO_DESCRIPTORS ": type form 0x%02x",
                            form);
        return;
    default:
        vm_reader_malformed(t->r, at,
                            "malformed type form 0x%02x (integer "
                            "representation too long?): expected 0x60 func, "
                            "0x5f struct or 0x5e array",
                            form);
    }
}

/* The vector of supertypes; at most one (section 3.2.10). */
static void read_supers(type_reader *t, vm_subtype *out, uint32_t position)
{
    const uint8_t *at = t->r->pos;
    uint32_t n = vm_reader_count(t->r, 1, "supertypes");
    if (n > 1)
        vm_reader_invalid(t->r, at, "sub type: %u supertypes, not 0 or 1", n);
    if (n == 0 || t->r->failed)
        return;
    at = t->r->pos;
    uint32_t index = vm_reader_u32(t->r);
    if (index >= t->scope.ntypes + position)
        vm_reader_invalid(
            t->r, at, "unknown type %u: a supertype must come before", index);
    else
        out->super = type_id(t->r, &t->scope, at, index);
}

static void read_subtype(type_reader *t, vm_subtype *out, uint32_t position)
{
    *out = (vm_subtype){.is_final = true,
                        .super = VM_NO_TYPE,
                        .descriptor = VM_NO_TYPE,
                        .describes = VM_NO_TYPE};
    uint8_t form = vm_reader_peek(t->r);
    if (form == 0x50 || form == 0x4f) {
        t->r->pos++;
        out->is_final = form == 0x4f;
        read_supers(t, out, position);
    }
    read_comptype(t, out);
}

/* ---- recursion groups --------------------------------------------------- */

static bool reserve_types(type_reader *t, uint32_t n)
{
    vm_module *m = t->d->m;
    if (n > VM_MAX_TYPES - m->ntypes) {
        vm_reader_invalid(t->r, t->r->pos, "more than %u types", VM_MAX_TYPES);
        return false;
    }
    if (m->ntypes + n <= t->capacity)
        return true;
    uint32_t capacity = (m->ntypes + n) * 2;
    const vm_deftype **types = vm_decode_alloc(t->d, capacity, sizeof *types);
    if (!types)
        return false;
    if (m->ntypes)
        memcpy(types, m->types, m->ntypes * sizeof *types);
    m->types = types;
    t->capacity = capacity;
    return true;
}

static void intern_group(type_reader *t, const vm_subtype *group, uint32_t n,
                         const uint8_t *at)
{
    vm_module *m = t->d->m;
    uint32_t first = 0;
    vm_status status = vm_types_intern(&m->engine->types, group, n, &first);
    if (status == VM_NO_MEMORY) {
        t->d->no_memory = true;
        vm_reader_malformed(t->r, at, "out of memory");
    } else if (status != VM_OK) {
        vm_reader_invalid(t->r, at,
                          "too many types in this engine (at most %u), or "
                          "subtyping deeper than %u",
                          VM_MAX_TYPES, VM_MAX_SUPERS);
    }
    if (status != VM_OK)
        return;
    for (uint32_t i = 0; i < n; i++)
        m->types[m->ntypes++] = vm_types_get(&m->engine->types, first + i);
}

static void read_group(type_reader *t)
{
    const uint8_t *at = t->r->pos;
    uint32_t n = 1;
    if (vm_reader_peek(t->r) == 0x4e) {
        t->r->pos++;
        n = vm_reader_count(t->r, 2, "types");
    }
    if (t->r->failed || n == 0 || !reserve_types(t, n))
        return;
    t->scope = vm_module_scope(t->d->m);
    t->scope.nrec = n;
    vm_subtype *group = scratch(t, n, sizeof *group);
    for (uint32_t i = 0; i < n && !t->r->failed; i++)
        read_subtype(t, &group[i], i);
    if (!t->r->failed)
        intern_group(t, group, n, at);
    vm_arena_finish(&t->arena);
}

void vm_decode_types(vm_decoder *d)
{
    type_reader t = {.d = d, .r = &d->r};
    uint32_t n = vm_reader_count(&d->r, 2, "types");
    for (uint32_t i = 0; i < n && !d->r.failed; i++)
        read_group(&t);
}
