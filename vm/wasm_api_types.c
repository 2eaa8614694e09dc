/* wasm_api_types.c - the standard C API's vectors and types. */
#include "vm/wasm_api.h"

#include "vm/types.h"

#include <stdlib.h>

/* ---- vectors ------------------------------------------------------------ */

/*
 * `copy` and `drop` treat one element.  A vector that cannot be allocated is
 * empty.
 */
#define DEFINE_VEC_OF(name, element, copy, drop)                               \
    void wasm_##name##_vec_new_empty(wasm_##name##_vec_t *out)                 \
    {                                                                          \
        *out = (wasm_##name##_vec_t){0, NULL};                                 \
    }                                                                          \
    void wasm_##name##_vec_new_uninitialized(wasm_##name##_vec_t *out,         \
                                             size_t size)                      \
    {                                                                          \
        out->data = size ? calloc(size, sizeof *out->data) : NULL;             \
        out->size = out->data ? size : 0;                                      \
    }                                                                          \
    void wasm_##name##_vec_new(wasm_##name##_vec_t *out, size_t size,          \
                               element const data[])                           \
    {                                                                          \
        wasm_##name##_vec_new_uninitialized(out, size);                        \
        for (size_t i = 0; i < out->size; i++)                                 \
            out->data[i] = data[i];                                            \
    }                                                                          \
    void wasm_##name##_vec_copy(wasm_##name##_vec_t *out,                      \
                                const wasm_##name##_vec_t *from)               \
    {                                                                          \
        wasm_##name##_vec_new_uninitialized(out, from->size);                  \
        for (size_t i = 0; i < out->size; i++)                                 \
            copy(&out->data[i], &from->data[i]);                               \
    }                                                                          \
    void wasm_##name##_vec_delete(wasm_##name##_vec_t *vec)                    \
    {                                                                          \
        for (size_t i = 0; i < vec->size; i++)                                 \
            drop(&vec->data[i]);                                               \
        free(vec->data);                                                       \
        *vec = (wasm_##name##_vec_t){0, NULL};                                 \
    }

#define DEFINE_VEC(name)                                                       \
    static void copy_##name(wasm_##name##_t **to,                              \
                            wasm_##name##_t *const *from)                      \
    {                                                                          \
        *to = *from ? wasm_##name##_copy(*from) : NULL;                        \
    }                                                                          \
    static void drop_##name(wasm_##name##_t **item)                            \
    {                                                                          \
        wasm_##name##_delete(*item);                                           \
    }                                                                          \
    DEFINE_VEC_OF(name, wasm_##name##_t *, copy_##name, drop_##name)

static void copy_byte(wasm_byte_t *to, const wasm_byte_t *from)
{
    *to = *from;
}

static void drop_byte(wasm_byte_t *byte)
{
}

DEFINE_VEC_OF(byte, wasm_byte_t, copy_byte, drop_byte)
DEFINE_VEC_OF(val, wasm_val_t, wasm_val_copy, wasm_val_delete)
DEFINE_VEC(valtype)
DEFINE_VEC(functype)
DEFINE_VEC(globaltype)
DEFINE_VEC(tabletype)
DEFINE_VEC(memorytype)
DEFINE_VEC(externtype)
DEFINE_VEC(importtype)
DEFINE_VEC(exporttype)
DEFINE_VEC(frame)
DEFINE_VEC(extern)

void wasm_bytes_set(wasm_byte_vec_t *out, const char *data, size_t len)
{
    wasm_byte_vec_new_uninitialized(out, len);
    if (out->size)
        memcpy(out->data, data, len);
}

/* ---- value types -------------------------------------------------------- */

static const struct {
    vm_type type;
    wasm_valkind_t kind;
} kinds[] = {
    {VM_I32, WASM_I32},
    {VM_I64, WASM_I64},
    {VM_F32, WASM_F32},
    {VM_F64, WASM_F64},
    {VM_V128, WASM_V128},
    {VM_FUNCREF, WASM_FUNCREF},
    {VM_EXTERNREF, WASM_EXTERNREF},
};
enum { NKINDS = sizeof kinds / sizeof *kinds };

/* References of every other type are shown as externref. */
wasm_valkind_t wasm_kind_of(vm_type type)
{
    for (size_t i = 0; i < NKINDS; i++)
        if (kinds[i].type == type)
            return kinds[i].kind;
    return WASM_EXTERNREF;
}

static vm_type kind_to_vm(wasm_valkind_t kind)
{
    for (size_t i = 0; i < NKINDS; i++)
        if (kinds[i].kind == kind)
            return kinds[i].type;
    return VM_EXTERNREF;
}

vm_type wasm_valtype_to_vm(const wasm_valtype_t *t, uint64_t engine)
{
    return t->engine == engine ? t->type : kind_to_vm(t->kind);
}

static wasm_valtype_t valtype_of(vm_type type, uint64_t engine)
{
    return (wasm_valtype_t){wasm_kind_of(type), type, engine};
}

wasm_valtype_t *wasm_valtype_copy(const wasm_valtype_t *t)
{
    wasm_valtype_t *copy = malloc(sizeof *copy);
    if (copy)
        *copy = *t;
    return copy;
}

wasm_valtype_t *wasm_valtype_new(wasm_valkind_t kind)
{
    return wasm_valtype_copy(&(wasm_valtype_t){.kind = kind});
}

void wasm_valtype_delete(wasm_valtype_t *t)
{
    free(t);
}

wasm_valkind_t wasm_valtype_kind(const wasm_valtype_t *t)
{
    return t->kind;
}

/* ---- function types ----------------------------------------------------- */

wasm_functype_t *wasm_functype_new(wasm_valtype_vec_t *params,
                                   wasm_valtype_vec_t *results)
{
    wasm_functype_t *t = malloc(sizeof *t);
    if (!t) {
        wasm_valtype_vec_delete(params);
        wasm_valtype_vec_delete(results);
        return NULL;
    }
    *t = (wasm_functype_t){
        .base = {WASM_EXTERN_FUNC}, .params = *params, .results = *results};
    return t;
}

wasm_functype_t *wasm_functype_copy(const wasm_functype_t *t)
{
    wasm_valtype_vec_t params, results;
    wasm_valtype_vec_copy(&params, &t->params);
    wasm_valtype_vec_copy(&results, &t->results);
    wasm_functype_t *copy = wasm_functype_new(&params, &results);
    if (copy) {
        copy->id = t->id;
        copy->engine = t->engine;
    }
    return copy;
}

void wasm_functype_delete(wasm_functype_t *t)
{
    if (!t)
        return;
    wasm_valtype_vec_delete(&t->params);
    wasm_valtype_vec_delete(&t->results);
    free(t);
}

const wasm_valtype_vec_t *wasm_functype_params(const wasm_functype_t *t)
{
    return &t->params;
}

const wasm_valtype_vec_t *wasm_functype_results(const wasm_functype_t *t)
{
    return &t->results;
}

static void fill_types(wasm_valtype_vec_t *out, const vm_type *types,
                       uint32_t n, uint64_t engine)
{
    wasm_valtype_vec_new_uninitialized(out, n);
    for (size_t i = 0; i < out->size; i++) {
        const wasm_valtype_t type = valtype_of(types[i], engine);
        out->data[i] = wasm_valtype_copy(&type);
    }
}

static wasm_externtype_t *functype_of(const vm_externtype *t, uint64_t engine)
{
    const vm_functype *type = t->func;
    wasm_valtype_vec_t params, results;
    fill_types(&params, type->types, type->nparams, engine);
    fill_types(&results, type->types + type->nparams, type->nresults, engine);
    wasm_functype_t *f = wasm_functype_new(&params, &results);
    if (!f)
        return NULL;
    f->id = t->typeid;
    f->engine = engine;
    return &f->base;
}

/* ---- global, table and memory types ------------------------------------- */

static void *copy_bytes(const void *from, size_t size)
{
    void *p = malloc(size);
    return p ? memcpy(p, from, size) : NULL;
}

#define DEFINE_PLAIN_TYPE(name)                                                \
    wasm_##name##_t *wasm_##name##_copy(const wasm_##name##_t *t)              \
    {                                                                          \
        return copy_bytes(t, sizeof *t);                                       \
    }                                                                          \
    void wasm_##name##_delete(wasm_##name##_t *t)                              \
    {                                                                          \
        free(t);                                                               \
    }

DEFINE_PLAIN_TYPE(globaltype)
DEFINE_PLAIN_TYPE(tabletype)
DEFINE_PLAIN_TYPE(memorytype)

wasm_globaltype_t *wasm_globaltype_new(wasm_valtype_t *content,
                                       wasm_mutability_t mutability)
{
    const wasm_globaltype_t t = {{WASM_EXTERN_GLOBAL}, *content, mutability};
    wasm_valtype_delete(content);
    return wasm_globaltype_copy(&t);
}

const wasm_valtype_t *wasm_globaltype_content(const wasm_globaltype_t *t)
{
    return &t->content;
}

wasm_mutability_t wasm_globaltype_mutability(const wasm_globaltype_t *t)
{
    return t->mutability;
}

wasm_tabletype_t *wasm_tabletype_new(wasm_valtype_t *element,
                                     const wasm_limits_t *limits)
{
    const wasm_tabletype_t t = {{WASM_EXTERN_TABLE}, *element, *limits};
    wasm_valtype_delete(element);
    return wasm_tabletype_copy(&t);
}

const wasm_valtype_t *wasm_tabletype_element(const wasm_tabletype_t *t)
{
    return &t->element;
}

const wasm_limits_t *wasm_tabletype_limits(const wasm_tabletype_t *t)
{
    return &t->limits;
}

wasm_memorytype_t *wasm_memorytype_new(const wasm_limits_t *limits)
{
    const wasm_memorytype_t t = {{WASM_EXTERN_MEMORY}, *limits};
    return wasm_memorytype_copy(&t);
}

const wasm_limits_t *wasm_memorytype_limits(const wasm_memorytype_t *t)
{
    return &t->limits;
}

/* ---- extern types ------------------------------------------------------- */

wasm_externkind_t wasm_externtype_kind(const wasm_externtype_t *t)
{
    return t->kind;
}

/* Each of the four starts with its wasm_externtype_t. */
#define DEFINE_EXTERNTYPE(name, of_kind)                                       \
    wasm_externtype_t *wasm_##name##_as_externtype(wasm_##name##_t *t)         \
    {                                                                          \
        return &t->base;                                                       \
    }                                                                          \
    const wasm_externtype_t *wasm_##name##_as_externtype_const(                \
        const wasm_##name##_t *t)                                              \
    {                                                                          \
        return &t->base;                                                       \
    }                                                                          \
    wasm_##name##_t *wasm_externtype_as_##name(wasm_externtype_t *t)           \
    {                                                                          \
        return t->kind == of_kind ? (wasm_##name##_t *)t : NULL;               \
    }                                                                          \
    const wasm_##name##_t *wasm_externtype_as_##name##_const(                  \
        const wasm_externtype_t *t)                                            \
    {                                                                          \
        return t->kind == of_kind ? (const wasm_##name##_t *)t : NULL;         \
    }

DEFINE_EXTERNTYPE(functype, WASM_EXTERN_FUNC)
DEFINE_EXTERNTYPE(globaltype, WASM_EXTERN_GLOBAL)
DEFINE_EXTERNTYPE(tabletype, WASM_EXTERN_TABLE)
DEFINE_EXTERNTYPE(memorytype, WASM_EXTERN_MEMORY)

wasm_externtype_t *wasm_externtype_copy(const wasm_externtype_t *t)
{
    static const size_t sizes[] = {
        [WASM_EXTERN_GLOBAL] = sizeof(wasm_globaltype_t),
        [WASM_EXTERN_TABLE] = sizeof(wasm_tabletype_t),
        [WASM_EXTERN_MEMORY] = sizeof(wasm_memorytype_t),
        [WASM_EXTERN_TAG] = sizeof(wasm_externtype_t),
    };
    if (t->kind == WASM_EXTERN_FUNC)
        return (wasm_externtype_t *)wasm_functype_copy(
            (const wasm_functype_t *)t);
    return copy_bytes(t, sizes[t->kind]);
}

void wasm_externtype_delete(wasm_externtype_t *t)
{
    if (t && t->kind == WASM_EXTERN_FUNC)
        wasm_functype_delete((wasm_functype_t *)t);
    else
        free(t);
}

/* 64-bit limits are cut to what the standard can say. */
static wasm_limits_t limits_of(const vm_limits *l)
{
    return (wasm_limits_t){l->min > UINT32_MAX ? UINT32_MAX : (uint32_t)l->min,
                           l->max > UINT32_MAX ? wasm_limits_max_default
                                               : (uint32_t)l->max};
}

wasm_externtype_t *wasm_externtype_of(const vm_externtype *type,
                                      uint64_t engine)
{
    switch (type->kind) {
    case VM_EXTERN_FUNC: return functype_of(type, engine);
    case VM_EXTERN_GLOBAL: {
        const wasm_globaltype_t t = {{WASM_EXTERN_GLOBAL},
                                     valtype_of(type->global.type, engine),
                                     type->global.is_mutable};
        return wasm_externtype_copy(&t.base);
    }
    case VM_EXTERN_TABLE: {
        const wasm_tabletype_t t = {{WASM_EXTERN_TABLE},
                                    valtype_of(type->table.type, engine),
                                    limits_of(&type->table.limits)};
        return wasm_externtype_copy(&t.base);
    }
    case VM_EXTERN_MEMORY: {
        const wasm_memorytype_t t = {{WASM_EXTERN_MEMORY},
                                     limits_of(&type->memory)};
        return wasm_externtype_copy(&t.base);
    }
    case VM_EXTERN_TAG: break;
    }
    return wasm_externtype_copy(&(wasm_externtype_t){WASM_EXTERN_TAG});
}

/* ---- imports and exports ------------------------------------------------ */

struct wasm_importtype_t {
    wasm_name_t module, name;
    wasm_externtype_t *type;
};

struct wasm_exporttype_t {
    wasm_name_t name;
    wasm_externtype_t *type;
};

wasm_importtype_t *wasm_importtype_new(wasm_name_t *module, wasm_name_t *name,
                                       wasm_externtype_t *type)
{
    wasm_importtype_t *t = malloc(sizeof *t);
    if (t) {
        *t = (wasm_importtype_t){*module, *name, type};
    } else {
        wasm_name_delete(module);
        wasm_name_delete(name);
        wasm_externtype_delete(type);
    }
    return t;
}

wasm_importtype_t *wasm_importtype_copy(const wasm_importtype_t *t)
{
    wasm_name_t module, name;
    wasm_name_copy(&module, &t->module);
    wasm_name_copy(&name, &t->name);
    return wasm_importtype_new(&module, &name, wasm_externtype_copy(t->type));
}

void wasm_importtype_delete(wasm_importtype_t *t)
{
    if (!t)
        return;
    wasm_name_delete(&t->module);
    wasm_name_delete(&t->name);
    wasm_externtype_delete(t->type);
    free(t);
}

const wasm_name_t *wasm_importtype_module(const wasm_importtype_t *t)
{
    return &t->module;
}

const wasm_name_t *wasm_importtype_name(const wasm_importtype_t *t)
{
    return &t->name;
}

const wasm_externtype_t *wasm_importtype_type(const wasm_importtype_t *t)
{
    return t->type;
}

wasm_exporttype_t *wasm_exporttype_new(wasm_name_t *name,
                                       wasm_externtype_t *type)
{
    wasm_exporttype_t *t = malloc(sizeof *t);
    if (t) {
        *t = (wasm_exporttype_t){*name, type};
    } else {
        wasm_name_delete(name);
        wasm_externtype_delete(type);
    }
    return t;
}

wasm_exporttype_t *wasm_exporttype_copy(const wasm_exporttype_t *t)
{
    wasm_name_t name;
    wasm_name_copy(&name, &t->name);
    return wasm_exporttype_new(&name, wasm_externtype_copy(t->type));
}

void wasm_exporttype_delete(wasm_exporttype_t *t)
{
    if (!t)
        return;
    wasm_name_delete(&t->name);
    wasm_externtype_delete(t->type);
    free(t);
}

const wasm_name_t *wasm_exporttype_name(const wasm_exporttype_t *t)
{
    return &t->name;
}

const wasm_externtype_t *wasm_exporttype_type(const wasm_exporttype_t *t)
{
    return t->type;
}
