/*
 * wasm_api_extern.c - the standard C API's functions, globals, tables,
 * memories and instances.
 */
#include "vm/wasm_api.h"

#include "vm/store.h"

#include <stdio.h>
#include <stdlib.h>

#define REF(p) ((wasm_ref_t *)(p))
#define CONST_REF(p) ((const wasm_ref_t *)(p))

/* The reference that stands for something of the engine's.  A function's type
 * is its own: what it is exported as may be a supertype. */
static wasm_ref_t *extern_ref(wasm_store_t *store, const vm_externtype *type,
                              void *key)
{
    wasm_ref_t *ref = wasm_ref_find(store, WASM_REF_EXTERN, key);
    if (ref)
        return ref;
    ref = wasm_ref_create(store, WASM_REF_EXTERN, key);
    if (!ref)
        return NULL;
    ref->type = *type;
    if (type->kind == VM_EXTERN_FUNC) {
        ref->type.func = vm_func_type(ref->func);
        ref->type.typeid = ref->func->type->id;
    }
    return ref;
}

static wasm_externtype_t *type_of(const wasm_ref_t *ref)
{
    return wasm_externtype_of(&ref->type, ref->store->number);
}

static vm_limits limits_to_vm(const wasm_limits_t *l, bool is_memory)
{
    return (vm_limits){.min = l->min,
                       .max = l->max == wasm_limits_max_default ? UINT64_MAX
                                                                : l->max,
                       .page_size_log2 = is_memory ? 16 : 0};
}

/* ---- functions ---------------------------------------------------------- */

static vm_value slot_value(vm_slot slot)
{
    vm_value v = {.u64 = slot};
    return v;
}

static vm_status end_with(vm_fiber *fiber, wasm_trap_t *trap)
{
    const wasm_byte_vec_t *text = &REF(trap)->bytes;
    vm_status status =
        vm_trap(fiber, "%.*s", (int)text->size, text->data ? text->data : "");
    wasm_trap_delete(trap);
    return status;
}

static vm_status give_results(vm_fiber *fiber, const wasm_callback *c,
                              const wasm_val_vec_t *results, vm_slot *slots)
{
    const vm_functype *type = c->type;
    for (uint32_t i = 0; i < type->nresults; i++) {
        vm_value value;
        if (!wasm_val_to_vm(c->store, type->types[type->nparams + i],
                            &results->data[i], &value))
            return vm_trap(fiber, "the host's result %u is not of its type", i);
        slots[i] = value.u64;
    }
    return VM_OK;
}

/* Runs the embedder's function; slots are single, as no v128 can be declared.
 */
static vm_status run_callback(vm_fiber *fiber, void *env, vm_slot *slots)
{
    wasm_callback *c = env;
    const vm_functype *type = c->type;
    wasm_val_vec_t args, results;
    wasm_val_vec_new_uninitialized(&args, type->nparams);
    wasm_val_vec_new_uninitialized(&results, type->nresults);
    if (args.size < type->nparams || results.size < type->nresults) {
        wasm_val_vec_delete(&args);
        wasm_val_vec_delete(&results);
        return vm_trap(fiber, "out of memory: cannot call the host");
    }
    for (size_t i = 0; i < args.size; i++)
        wasm_val_of(c->store, type->types[i], slot_value(slots[i]),
                    &args.data[i]);
    wasm_trap_t *trap = c->with_env ? c->with_env(c->env, &args, &results)
                                    : c->plain(&args, &results);
    vm_status status =
        trap ? end_with(fiber, trap) : give_results(fiber, c, &results, slots);
    wasm_val_vec_delete(&args);
    wasm_val_vec_delete(&results);
    return status;
}

/* The engine's form of a declared type, freed by the caller. */
static vm_type *types_to_vm(const wasm_functype_t *t, uint64_t engine)
{
    size_t n = t->params.size + t->results.size;
    vm_type *types = calloc(n + 1, sizeof *types), *to = types;
    if (!types)
        return NULL;
    for (size_t i = 0; i < t->params.size; i++)
        *to++ = wasm_valtype_to_vm(t->params.data[i], engine);
    for (size_t i = 0; i < t->results.size; i++)
        *to++ = wasm_valtype_to_vm(t->results.data[i], engine);
    return types;
}

static bool has_v128(const wasm_valtype_vec_t *types)
{
    for (size_t i = 0; i < types->size; i++)
        if (types->data[i]->kind == WASM_V128)
            return true;
    return false;
}

/* What a module has declared stays that type; the rest is spelled out. */
static vm_func *create_vm_func(wasm_store_t *store, const wasm_functype_t *t,
                               wasm_callback *c)
{
    const vm_externtype declared = {.kind = VM_EXTERN_FUNC, .typeid = t->id};
    if (t->engine == store->number)
        return vm_func_create_host_as(store->vm, &declared, run_callback, c);
    vm_type *types = types_to_vm(t, store->number);
    const vm_functype type = {.nparams = (uint32_t)t->params.size,
                              .nresults = (uint32_t)t->results.size,
                              .param_slots = (uint32_t)t->params.size,
                              .result_slots = (uint32_t)t->results.size,
                              .types = types};
    vm_func *func =
        types ? vm_func_create_host(store->vm, &type, run_callback, c) : NULL;
    free(types);
    return func;
}

static wasm_func_t *create_func(wasm_store_t *store, const wasm_functype_t *t,
                                const wasm_callback *callback)
{
    if (has_v128(&t->params) || has_v128(&t->results))
        return NULL;
    wasm_callback *c = malloc(sizeof *c);
    if (!c)
        return NULL;
    *c = *callback;
    vm_func *func = create_vm_func(store, t, c);
    if (!func) {
        free(c);
        return NULL;
    }
    c->store = store;
    c->type = vm_func_type(func);
    c->next = store->callbacks;
    store->callbacks = c;
    const vm_externtype type = {.kind = VM_EXTERN_FUNC};
    return (wasm_func_t *)extern_ref(store, &type, func);
}

wasm_func_t *wasm_func_new(wasm_store_t *store, const wasm_functype_t *type,
                           wasm_func_callback_t callback)
{
    return create_func(store, type, &(wasm_callback){.plain = callback});
}

wasm_func_t *wasm_func_new_with_env(wasm_store_t *store,
                                    const wasm_functype_t *type,
                                    wasm_func_callback_with_env_t callback,
                                    void *env, void (*finalizer)(void *))
{
    return create_func(store, type,
                       &(wasm_callback){.with_env = callback,
                                        .env = env,
                                        .finalizer = finalizer});
}

wasm_functype_t *wasm_func_type(const wasm_func_t *func)
{
    return wasm_externtype_as_functype(type_of(CONST_REF(func)));
}

size_t wasm_func_param_arity(const wasm_func_t *func)
{
    return CONST_REF(func)->type.func->nparams;
}

size_t wasm_func_result_arity(const wasm_func_t *func)
{
    return CONST_REF(func)->type.func->nresults;
}

static bool types_have_v128(const vm_functype *type)
{
    return type->param_slots + type->result_slots !=
           type->nparams + type->nresults;
}

static vm_status args_to_vm(wasm_store_t *store, const vm_functype *type,
                            const wasm_val_vec_t *args, vm_value *out,
                            vm_error *err)
{
    for (uint32_t i = 0; i < type->nparams; i++) {
        if (wasm_val_to_vm(store, type->types[i], &args->data[i], &out[i]))
            continue;
        vm_error_set(err, VM_PHASE_RUN, SIZE_MAX,
                     "argument %u is not of its type", i);
        return VM_TRAP;
    }
    return VM_OK;
}

wasm_trap_t *wasm_func_call(const wasm_func_t *func, const wasm_val_vec_t *args,
                            wasm_val_vec_t *results)
{
    const wasm_ref_t *ref = CONST_REF(func);
    const vm_functype *type = ref->type.func;
    vm_error err = {0};
    size_t nargs = args ? args->size : 0,
           nresults = results ? results->size : 0;
    if (types_have_v128(type))
        return wasm_trap_of(ref->store, "v128 values cannot be passed "
                                        "through the C API");
    if (nargs < type->nparams || nresults < type->nresults)
        return wasm_trap_of(ref->store, "too few arguments or results");
    vm_value *values =
        calloc(type->nparams + type->nresults + 1, sizeof *values);
    if (!values)
        return wasm_trap_of(ref->store, "out of memory");
    vm_value *out = values + type->nparams;
    vm_status status = args_to_vm(ref->store, type, args, values, &err);
    if (status == VM_OK)
        status = vm_call(ref->store->vm, ref->func, values, out, &err);
    for (uint32_t i = 0; status == VM_OK && i < type->nresults; i++)
        wasm_val_of(ref->store, type->types[type->nparams + i], out[i],
                    &results->data[i]);
    free(values);
    return status == VM_OK ? NULL
                           : wasm_trap_of_status(ref->store, status, &err);
}

/* ---- globals ------------------------------------------------------------ */

wasm_global_t *wasm_global_new(wasm_store_t *store,
                               const wasm_globaltype_t *type,
                               const wasm_val_t *value)
{
    vm_global *global;
    vm_value init;
    vm_externtype t = {.kind = VM_EXTERN_GLOBAL};
    t.global.type = wasm_valtype_to_vm(&type->content, store->number);
    t.global.is_mutable = type->mutability == WASM_VAR;
    if (!wasm_val_to_vm(store, t.global.type, value, &init) ||
        vm_global_create(store->vm, t.global.type, t.global.is_mutable, init,
                         &global) != VM_OK)
        return NULL;
    return (wasm_global_t *)extern_ref(store, &t, global);
}

wasm_globaltype_t *wasm_global_type(const wasm_global_t *global)
{
    return wasm_externtype_as_globaltype(type_of(CONST_REF(global)));
}

void wasm_global_get(const wasm_global_t *global, wasm_val_t *out)
{
    const wasm_ref_t *ref = CONST_REF(global);
    wasm_val_of(ref->store, ref->type.global.type, vm_global_get(ref->global),
                out);
}

void wasm_global_set(wasm_global_t *global, const wasm_val_t *value)
{
    wasm_ref_t *ref = REF(global);
    vm_value v;
    if (ref->type.global.is_mutable &&
        wasm_val_to_vm(ref->store, ref->type.global.type, value, &v))
        vm_global_set(ref->global, v);
}

/* ---- tables ------------------------------------------------------------- */

wasm_table_t *wasm_table_new(wasm_store_t *store, const wasm_tabletype_t *type,
                             wasm_ref_t *init)
{
    vm_table *table;
    vm_ref word;
    vm_externtype t = {.kind = VM_EXTERN_TABLE};
    t.table.type = wasm_valtype_to_vm(&type->element, store->number);
    t.table.limits = limits_to_vm(&type->limits, false);
    if (!wasm_ref_to_vm(store, t.table.type, init, &word) ||
        vm_table_create(store->vm, &t.table.limits, t.table.type, word,
                        &table) != VM_OK)
        return NULL;
    return (wasm_table_t *)extern_ref(store, &t, table);
}

wasm_tabletype_t *wasm_table_type(const wasm_table_t *table)
{
    return wasm_externtype_as_tabletype(type_of(CONST_REF(table)));
}

wasm_ref_t *wasm_table_get(const wasm_table_t *table, wasm_table_size_t index)
{
    const wasm_ref_t *ref = CONST_REF(table);
    vm_ref value;
    if (!vm_table_get(ref->table, index, &value))
        return NULL;
    return wasm_ref_of(ref->store, ref->type.table.type, value);
}

bool wasm_table_set(wasm_table_t *table, wasm_table_size_t index,
                    wasm_ref_t *value)
{
    const wasm_ref_t *ref = REF(table);
    vm_ref word;
    return wasm_ref_to_vm(ref->store, ref->type.table.type, value, &word) &&
           vm_table_set(ref->table, index, word);
}

wasm_table_size_t wasm_table_size(const wasm_table_t *table)
{
    return (wasm_table_size_t)vm_table_size(CONST_REF(table)->table);
}

bool wasm_table_grow(wasm_table_t *table, wasm_table_size_t delta,
                     wasm_ref_t *init)
{
    const wasm_ref_t *ref = REF(table);
    vm_ref word;
    return wasm_ref_to_vm(ref->store, ref->type.table.type, init, &word) &&
           vm_table_grow(ref->table, delta, word) >= 0;
}

/* ---- memories ----------------------------------------------------------- */

wasm_memory_t *wasm_memory_new(wasm_store_t *store,
                               const wasm_memorytype_t *type)
{
    vm_memory *memory;
    vm_externtype t = {.kind = VM_EXTERN_MEMORY};
    t.memory = limits_to_vm(&type->limits, true);
    if (t.memory.min > 65536 || t.memory.min > t.memory.max ||
        vm_memory_create(store->vm, &t.memory, &memory) != VM_OK)
        return NULL;
    return (wasm_memory_t *)extern_ref(store, &t, memory);
}

wasm_memorytype_t *wasm_memory_type(const wasm_memory_t *memory)
{
    return wasm_externtype_as_memorytype(type_of(CONST_REF(memory)));
}

byte_t *wasm_memory_data(wasm_memory_t *memory)
{
    return (byte_t *)vm_memory_data(REF(memory)->memory);
}

size_t wasm_memory_data_size(const wasm_memory_t *memory)
{
    return vm_memory_size(CONST_REF(memory)->memory);
}

wasm_memory_pages_t wasm_memory_size(const wasm_memory_t *memory)
{
    return (wasm_memory_pages_t)(wasm_memory_data_size(memory) /
                                 MEMORY_PAGE_SIZE);
}

bool wasm_memory_grow(wasm_memory_t *memory, wasm_memory_pages_t delta)
{
    return vm_memory_grow(REF(memory)->memory, delta) >= 0;
}

/* ---- externs ------------------------------------------------------------ */

wasm_externkind_t wasm_extern_kind(const wasm_extern_t *e)
{
    static const wasm_externkind_t kinds[] = {
        [VM_EXTERN_FUNC] = WASM_EXTERN_FUNC,
        [VM_EXTERN_TABLE] = WASM_EXTERN_TABLE,
        [VM_EXTERN_MEMORY] = WASM_EXTERN_MEMORY,
        [VM_EXTERN_GLOBAL] = WASM_EXTERN_GLOBAL,
        [VM_EXTERN_TAG] = WASM_EXTERN_TAG,
    };
    return kinds[CONST_REF(e)->type.kind];
}

wasm_externtype_t *wasm_extern_type(const wasm_extern_t *e)
{
    return type_of(CONST_REF(e));
}

#define DEFINE_EXTERN(name, of_kind)                                           \
    wasm_extern_t *wasm_##name##_as_extern(wasm_##name##_t *p)                 \
    {                                                                          \
        return (wasm_extern_t *)p;                                             \
    }                                                                          \
    const wasm_extern_t *wasm_##name##_as_extern_const(                        \
        const wasm_##name##_t *p)                                              \
    {                                                                          \
        return (const wasm_extern_t *)p;                                       \
    }                                                                          \
    wasm_##name##_t *wasm_extern_as_##name(wasm_extern_t *e)                   \
    {                                                                          \
        return e && REF(e)->type.kind == of_kind ? (wasm_##name##_t *)e        \
                                                 : NULL;                       \
    }                                                                          \
    const wasm_##name##_t *wasm_extern_as_##name##_const(                      \
        const wasm_extern_t *e)                                                \
    {                                                                          \
        return e && CONST_REF(e)->type.kind == of_kind                         \
                   ? (const wasm_##name##_t *)e                                \
                   : NULL;                                                     \
    }

DEFINE_EXTERN(func, VM_EXTERN_FUNC)
DEFINE_EXTERN(global, VM_EXTERN_GLOBAL)
DEFINE_EXTERN(table, VM_EXTERN_TABLE)
DEFINE_EXTERN(memory, VM_EXTERN_MEMORY)

/* ---- instances ---------------------------------------------------------- */

static vm_extern to_vm(const wasm_ref_t *ref)
{
    vm_extern e = {.kind = ref->type.kind};
    e.func = ref->key; /* the members of the union are all pointers */
    return e;
}

/* The imports in the engine's form, freed by the caller. */
static vm_status collect_imports(const wasm_extern_vec_t *imports, size_t n,
                                 vm_extern **out, vm_error *err)
{
    if ((imports ? imports->size : 0) < n) {
        vm_error_set(err, VM_PHASE_LINK, SIZE_MAX, "too few imports");
        return VM_INVALID;
    }
    vm_extern *externs = calloc(n + 1, sizeof *externs);
    if (!externs)
        return VM_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        if (!imports->data[i]) {
            vm_error_set(err, VM_PHASE_LINK, SIZE_MAX, "import %zu is NULL", i);
            free(externs);
            return VM_INVALID;
        }
        externs[i] = to_vm(CONST_REF(imports->data[i]));
    }
    *out = externs;
    return VM_OK;
}

wasm_instance_t *wasm_instance_new(wasm_store_t *store,
                                   const wasm_module_t *module,
                                   const wasm_extern_vec_t *imports,
                                   wasm_trap_t **trap)
{
    vm_module *m = CONST_REF(module)->module;
    size_t n;
    vm_error err = {0};
    vm_extern *externs = NULL;
    vm_instance *instance;
    (void)vm_module_imports(m, &n);
    if (trap)
        *trap = NULL;
    /* functions are compiled from the module's bytes when first called, and
     * even those of an instance whose start traps may be in a table */
    ((wasm_ref_t *)module)->pinned = true;
    vm_status status = collect_imports(imports, n, &externs, &err);
    if (status == VM_OK)
        status = vm_instance_create(store->vm, m, externs, &instance, &err);
    free(externs);
    if (status != VM_OK) {
        if (trap)
            *trap = wasm_trap_of_status(store, status, &err);
        return NULL;
    }
    wasm_ref_t *ref = wasm_ref_create(store, WASM_REF_INSTANCE, instance);
    if (ref)
        ref->module = vm_module_retain(m);
    return (wasm_instance_t *)ref;
}

void wasm_instance_exports(const wasm_instance_t *instance,
                           wasm_extern_vec_t *out)
{
    const wasm_ref_t *ref = CONST_REF(instance);
    size_t n;
    const vm_export *exports = vm_module_exports(ref->module, &n);
    wasm_extern_vec_new_uninitialized(out, n);
    for (size_t i = 0; i < out->size; i++) {
        vm_extern e = vm_instance_export_at(ref->instance, i);
        out->data[i] =
            (wasm_extern_t *)extern_ref(ref->store, &exports[i].type, e.func);
    }
}
