/*
 * wasm_api.c - the standard C API's engine, store, references and modules.
 */
#include "vm/wasm_api.h"

#include "vm/heap.h"

#include <stdlib.h>

/* ---- engine and store --------------------------------------------------- */

struct wasm_config_t {
    vm_options options;
};

wasm_config_t *wasm_config_new(void)
{
    return calloc(1, sizeof(wasm_config_t));
}

void wasm_config_delete(wasm_config_t *config)
{
    free(config);
}

wasm_engine_t *wasm_engine_new_with_config(wasm_config_t *config)
{
    static _Atomic uint64_t engines;
    wasm_engine_t *engine = calloc(1, sizeof *engine);
    if (engine)
        engine->number = ++engines;
    if (engine)
        engine->vm = vm_engine_create(config ? &config->options : NULL);
    wasm_config_delete(config);
    if (engine && engine->vm)
        return engine;
    free(engine);
    return NULL;
}

wasm_engine_t *wasm_engine_new(void)
{
    return wasm_engine_new_with_config(NULL);
}

void wasm_engine_delete(wasm_engine_t *engine)
{
    if (engine)
        vm_engine_destroy(engine->vm);
    free(engine);
}

wasm_store_t *wasm_store_new(wasm_engine_t *engine)
{
    wasm_store_t *store = calloc(1, sizeof *store);
    if (!store)
        return NULL;
    store->engine = engine->vm;
    store->number = engine->number;
    const vm_store_limits limits = {.instances = UINT32_MAX};
    if (vm_store_create(engine->vm, &limits, &store->vm) == VM_OK)
        return store;
    free(store);
    return NULL;
}

vm_store *vm_store_of(const wasm_store_t *store)
{
    return store->vm;
}

static void free_ref(wasm_ref_t *ref)
{
    if (ref->finalizer)
        ref->finalizer(ref->host_info);
    vm_root_destroy(ref->root);
    vm_module_release(ref->module);
    wasm_byte_vec_delete(&ref->bytes);
    free(ref->frames);
    free(ref);
}

/* What is pinned, and what the embedder forgot, goes with the store. */
void wasm_store_delete(wasm_store_t *store)
{
    if (!store)
        return;
    for (int i = 0; i < WASM_BUCKETS; i++) {
        for (wasm_ref_t *r = store->buckets[i], *next; r; r = next) {
            next = r->next;
            free_ref(r);
        }
    }
    for (wasm_callback *c = store->callbacks, *next; c; c = next) {
        next = c->next;
        if (c->finalizer)
            c->finalizer(c->env);
        free(c);
    }
    vm_store_destroy(store->vm);
    free(store);
}

/* ---- references --------------------------------------------------------- */

static wasm_ref_t **bucket_of(wasm_store_t *store, const void *key)
{
    return &store->buckets[(uintptr_t)key / 16 % WASM_BUCKETS];
}

wasm_ref_t *wasm_ref_create(wasm_store_t *store, wasm_ref_kind kind, void *key)
{
    wasm_ref_t *ref = calloc(1, sizeof *ref);
    if (!ref)
        return NULL;
    ref->kind = kind;
    ref->owners = 1;
    ref->store = store;
    ref->key = key ? key : ref;
    wasm_ref_t **bucket = bucket_of(store, ref->key);
    ref->next = *bucket;
    *bucket = ref;
    return ref;
}

wasm_ref_t *wasm_ref_find(wasm_store_t *store, wasm_ref_kind kind,
                          const void *key)
{
    for (wasm_ref_t *r = *bucket_of(store, key); r; r = r->next) {
        if (r->key == key && r->kind == kind) {
            r->owners++;
            return r;
        }
    }
    return NULL;
}

wasm_ref_t *wasm_ref_copy(const wasm_ref_t *ref)
{
    wasm_ref_t *same = (wasm_ref_t *)ref; /* the count is no part of it */
    if (same)
        same->owners++;
    return same;
}

void wasm_ref_delete(wasm_ref_t *ref)
{
    if (!ref || --ref->owners || ref->pinned)
        return;
    wasm_ref_t **link = bucket_of(ref->store, ref->key);
    while (*link != ref)
        link = &(*link)->next;
    *link = ref->next;
    free_ref(ref);
}

bool wasm_ref_same(const wasm_ref_t *a, const wasm_ref_t *b)
{
    return a == b;
}

void *wasm_ref_get_host_info(const wasm_ref_t *ref)
{
    return ref->host_info;
}

void wasm_ref_set_host_info(wasm_ref_t *ref, void *info)
{
    wasm_ref_set_host_info_with_finalizer(ref, info, NULL);
}

void wasm_ref_set_host_info_with_finalizer(wasm_ref_t *ref, void *info,
                                           void (*finalizer)(void *))
{
    ref->host_info = info;
    ref->finalizer = finalizer;
}

/* ---- the typed faces of references -------------------------------------- */

#define REF(p) ((wasm_ref_t *)(p))
#define CONST_REF(p) ((const wasm_ref_t *)(p))

#define DEFINE_REF_BASE(name)                                                  \
    void wasm_##name##_delete(wasm_##name##_t *p)                              \
    {                                                                          \
        wasm_ref_delete(REF(p));                                               \
    }                                                                          \
    wasm_##name##_t *wasm_##name##_copy(const wasm_##name##_t *p)              \
    {                                                                          \
        return (wasm_##name##_t *)wasm_ref_copy(CONST_REF(p));                 \
    }                                                                          \
    bool wasm_##name##_same(const wasm_##name##_t *a,                          \
                            const wasm_##name##_t *b)                          \
    {                                                                          \
        return wasm_ref_same(CONST_REF(a), CONST_REF(b));                      \
    }                                                                          \
    void *wasm_##name##_get_host_info(const wasm_##name##_t *p)                \
    {                                                                          \
        return wasm_ref_get_host_info(CONST_REF(p));                           \
    }                                                                          \
    void wasm_##name##_set_host_info(wasm_##name##_t *p, void *info)           \
    {                                                                          \
        wasm_ref_set_host_info(REF(p), info);                                  \
    }                                                                          \
    void wasm_##name##_set_host_info_with_finalizer(                           \
        wasm_##name##_t *p, void *info, void (*finalizer)(void *))             \
    {                                                                          \
        wasm_ref_set_host_info_with_finalizer(REF(p), info, finalizer);        \
    }

/* `test` tells whether a wasm_ref_t r is one. */
#define DEFINE_REF(name, test)                                                 \
    DEFINE_REF_BASE(name)                                                      \
    wasm_ref_t *wasm_##name##_as_ref(wasm_##name##_t *p)                       \
    {                                                                          \
        return REF(p);                                                         \
    }                                                                          \
    const wasm_ref_t *wasm_##name##_as_ref_const(const wasm_##name##_t *p)     \
    {                                                                          \
        return CONST_REF(p);                                                   \
    }                                                                          \
    wasm_##name##_t *wasm_ref_as_##name(wasm_ref_t *r)                         \
    {                                                                          \
        return r && (test) ? (wasm_##name##_t *)r : NULL;                      \
    }                                                                          \
    const wasm_##name##_t *wasm_ref_as_##name##_const(const wasm_ref_t *r)     \
    {                                                                          \
        return r && (test) ? (const wasm_##name##_t *)r : NULL;                \
    }

#define IS_EXTERN(of_kind)                                                     \
    (r->kind == WASM_REF_EXTERN && r->type.kind == (of_kind))

DEFINE_REF(trap, r->kind == WASM_REF_TRAP)
DEFINE_REF(foreign, r->kind == WASM_REF_FOREIGN)
DEFINE_REF(module, r->kind == WASM_REF_MODULE)
DEFINE_REF(instance, r->kind == WASM_REF_INSTANCE)
DEFINE_REF(extern, r->kind == WASM_REF_EXTERN)
DEFINE_REF(func, IS_EXTERN(VM_EXTERN_FUNC))
DEFINE_REF(global, IS_EXTERN(VM_EXTERN_GLOBAL))
DEFINE_REF(table, IS_EXTERN(VM_EXTERN_TABLE))
DEFINE_REF(memory, IS_EXTERN(VM_EXTERN_MEMORY))

wasm_foreign_t *wasm_foreign_new(wasm_store_t *store)
{
    return (wasm_foreign_t *)wasm_ref_create(store, WASM_REF_FOREIGN, NULL);
}

/* ---- values ------------------------------------------------------------- */

static vm_ref ref_word(wasm_ref_t *ref)
{
    if (ref->kind == WASM_REF_VALUE)
        return vm_root_ref(ref->root);
    if (ref->kind == WASM_REF_EXTERN && ref->type.kind == VM_EXTERN_FUNC)
        return vm_ref_from_func(ref->func);
    return vm_ref_from_host((uintptr_t)ref);
}

bool wasm_ref_to_vm(wasm_store_t *store, vm_type type, wasm_ref_t *ref,
                    vm_ref *out)
{
    const vm_types *types = &store->engine->types;
    *out = 0;
    if (!ref)
        return vm_type_is_nullable(type);
    /* before anything looks inside, since functions are no objects */
    bool is_func =
        ref->kind == WASM_REF_EXTERN && ref->type.kind == VM_EXTERN_FUNC;
    bool wants_func = vm_heap_top(types, vm_type_id(type)) == VM_HEAP_FUNC;
    vm_ref word = ref_word(ref);
    if (ref->store != store || is_func != wants_func ||
        !vm_ref_test(store->vm, word, type))
        return false;
    ref->pinned |= vm_ref_is_host(word);
    *out = word;
    return true;
}

/* Finds, or makes, what stands for a function. */
static wasm_ref_t *func_ref(wasm_store_t *store, vm_func *func)
{
    wasm_ref_t *ref = wasm_ref_find(store, WASM_REF_EXTERN, func);
    if (ref)
        return ref;
    ref = wasm_ref_create(store, WASM_REF_EXTERN, func);
    if (ref)
        ref->type = (vm_externtype){.kind = VM_EXTERN_FUNC,
                                    .func = vm_func_type(func),
                                    .typeid = func->type->id};
    return ref;
}

/* Finds, or makes, what stands for something of the guest's, and keeps it. */
static wasm_ref_t *value_ref(wasm_store_t *store, vm_ref word)
{
    void *key = (void *)(uintptr_t)word;
    wasm_ref_t *ref = wasm_ref_find(store, WASM_REF_VALUE, key);
    if (ref)
        return ref;
    vm_root *root = vm_root_create(store->vm, word);
    ref = root ? wasm_ref_create(store, WASM_REF_VALUE, key) : NULL;
    if (ref)
        ref->root = root;
    else
        vm_root_destroy(root);
    return ref;
}

wasm_ref_t *wasm_ref_of(wasm_store_t *store, vm_type type, vm_ref ref)
{
    if (ref == 0)
        return NULL;
    if (vm_heap_top(&store->engine->types, vm_type_id(type)) == VM_HEAP_FUNC)
        return func_ref(store, vm_ref_to_func(ref));
    if (!vm_ref_is_i31(ref) && vm_ref_is_host(ref))
        return wasm_ref_copy((wasm_ref_t *)(uintptr_t)vm_ref_to_host(ref));
    return value_ref(store, ref);
}

bool wasm_val_to_vm(wasm_store_t *store, vm_type type, const wasm_val_t *value,
                    vm_value *out)
{
    *out = (vm_value){0};
    if (vm_type_is_ref(type))
        return wasm_valkind_is_ref(value->kind) &&
               wasm_ref_to_vm(store, type, value->of.ref, &out->ref);
    switch (value->kind) {
    case WASM_I32: out->i32 = value->of.i32; break;
    case WASM_I64: out->i64 = value->of.i64; break;
    case WASM_F32: out->f32 = value->of.f32; break;
    case WASM_F64: out->f64 = value->of.f64; break;
    default: return false;
    }
    return wasm_kind_of(type) == value->kind;
}

void wasm_val_of(wasm_store_t *store, vm_type type, vm_value value,
                 wasm_val_t *out)
{
    *out = (wasm_val_t){.kind = wasm_kind_of(type)};
    switch (out->kind) {
    case WASM_I32: out->of.i32 = value.i32; break;
    case WASM_I64: out->of.i64 = value.i64; break;
    case WASM_F32: out->of.f32 = value.f32; break;
    case WASM_F64: out->of.f64 = value.f64; break;
    case WASM_V128: break;
    default:
        out->of.ref = wasm_ref_of(store, type, value.ref);
        if (vm_heap_top(&store->engine->types, vm_type_id(type)) ==
            VM_HEAP_FUNC)
            out->kind = WASM_FUNCREF;
        break;
    }
}

void wasm_val_delete(wasm_val_t *v)
{
    if (wasm_valkind_is_ref(v->kind)) {
        wasm_ref_delete(v->of.ref);
        v->of.ref = NULL;
    }
}

void wasm_val_copy(wasm_val_t *out, const wasm_val_t *v)
{
    *out = *v;
    if (wasm_valkind_is_ref(v->kind))
        out->of.ref = wasm_ref_copy(v->of.ref);
}

/* ---- modules ------------------------------------------------------------ */

wasm_module_t *wasm_module_new(wasm_store_t *store,
                               const wasm_byte_vec_t *binary)
{
    vm_error err = {0};
    wasm_ref_t *ref = wasm_ref_create(store, WASM_REF_MODULE, NULL);
    if (!ref)
        return NULL;
    wasm_byte_vec_copy(&ref->bytes, binary);
    if (vm_module_load(store->engine, (const uint8_t *)ref->bytes.data,
                       ref->bytes.size, &ref->module, &err) == VM_OK)
        return (wasm_module_t *)ref;
    ref->module = NULL;
    wasm_ref_delete(ref);
    return NULL;
}

bool wasm_module_validate(wasm_store_t *store, const wasm_byte_vec_t *binary)
{
    vm_module *module;
    vm_error err = {0};
    if (vm_module_load(store->engine, (const uint8_t *)binary->data,
                       binary->size, &module, &err) != VM_OK)
        return false;
    vm_module_release(module);
    return true;
}

void wasm_module_imports(const wasm_module_t *module,
                         wasm_importtype_vec_t *out)
{
    size_t n;
    const wasm_ref_t *ref = CONST_REF(module);
    const vm_import *imports = vm_module_imports(ref->module, &n);
    wasm_importtype_vec_new_uninitialized(out, n);
    for (size_t i = 0; i < out->size; i++) {
        wasm_name_t from, name;
        wasm_bytes_set(&from, imports[i].module.data, imports[i].module.len);
        wasm_bytes_set(&name, imports[i].name.data, imports[i].name.len);
        out->data[i] = wasm_importtype_new(
            &from, &name,
            wasm_externtype_of(&imports[i].type, ref->store->number));
    }
}

void wasm_module_exports(const wasm_module_t *module,
                         wasm_exporttype_vec_t *out)
{
    size_t n;
    const wasm_ref_t *ref = CONST_REF(module);
    const vm_export *exports = vm_module_exports(ref->module, &n);
    wasm_exporttype_vec_new_uninitialized(out, n);
    for (size_t i = 0; i < out->size; i++) {
        wasm_name_t name;
        wasm_bytes_set(&name, exports[i].name.data, exports[i].name.len);
        out->data[i] = wasm_exporttype_new(
            &name, wasm_externtype_of(&exports[i].type, ref->store->number));
    }
}

void wasm_module_serialize(const wasm_module_t *module, wasm_byte_vec_t *out)
{
    wasm_byte_vec_copy(out, &CONST_REF(module)->bytes);
}

wasm_module_t *wasm_module_deserialize(wasm_store_t *store,
                                       const wasm_byte_vec_t *bytes)
{
    return wasm_module_new(store, bytes);
}

/* Sharing keeps the binary; obtaining loads it for the other store. */
struct wasm_shared_module_t {
    wasm_byte_vec_t bytes;
};

wasm_shared_module_t *wasm_module_share(const wasm_module_t *module)
{
    wasm_shared_module_t *shared = calloc(1, sizeof *shared);
    if (shared)
        wasm_module_serialize(module, &shared->bytes);
    return shared;
}

wasm_module_t *wasm_module_obtain(wasm_store_t *store,
                                  const wasm_shared_module_t *shared)
{
    return wasm_module_new(store, &shared->bytes);
}

void wasm_shared_module_delete(wasm_shared_module_t *shared)
{
    if (shared)
        wasm_byte_vec_delete(&shared->bytes);
    free(shared);
}
