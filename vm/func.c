/*
 * func.c - functions as values, references to them, and host functions.
 */
#include "vm/code.h"
#include "vm/heap.h"

#include <stdlib.h>

/* Host functions of a store, in a list of chunks. */
struct vm_host_funcs {
    struct vm_host_funcs *next;
    uint32_t count;
    vm_host_func funcs[64];
};

static vm_func *add_host(vm_store *store, const vm_deftype *type, vm_host_fn fn,
                         void *env)
{
    struct vm_host_funcs *chunk = store->funcs;
    if (!chunk || chunk->count == 64) {
        chunk = calloc(1, sizeof *chunk);
        if (!chunk)
            return NULL;
        chunk->next = store->funcs;
        store->funcs = chunk;
    }
    vm_host_func *f = &chunk->funcs[chunk->count++];
    *f = (vm_host_func){.func = {.type = type, .host = fn, .env = env},
                        .store = store};
    return &f->func;
}

vm_func *vm_func_create_host(vm_store *store, const vm_functype *type,
                             vm_host_fn fn, void *env)
{
    const vm_deftype *def;
    if (vm_types_intern_func(&store->engine->types, type, &def) != VM_OK)
        return NULL;
    return add_host(store, def, fn, env);
}

vm_func *vm_func_create_host_as(vm_store *store, const vm_externtype *type,
                                vm_host_fn fn, void *env)
{
    const vm_deftype *def = vm_types_get(&store->engine->types, type->typeid);
    return add_host(store, def, fn, env);
}

void vm_func_set_name(vm_func *func, vm_name module, vm_name name)
{
    vm_host_func *host = (vm_host_func *)func;
    host->module = module;
    host->name = name;
}

void vm_func_set_after(vm_func *func, vm_host_fn fn)
{
    ((vm_host_func *)func)->after = fn;
}

vm_store *vm_func_store(const vm_func *func)
{
    return func->instance ? func->instance->store
                          : ((const vm_host_func *)func)->store;
}

void vm_host_funcs_destroy(struct vm_host_funcs *funcs)
{
    while (funcs) {
        struct vm_host_funcs *next = funcs->next;
        free(funcs);
        funcs = next;
    }
}

vm_func *vm_instance_func(vm_instance *in, uint32_t index)
{
    const vm_module *m = in->module;
    if (index < m->nfunc_imports)
        return in->imports[index];
    uint32_t own = index - m->nfunc_imports;
    vm_func **page = &in->func_pages[own / VM_FUNC_PAGE];
    if (!*page) {
        *page = vm_store_alloc(in->store, VM_FUNC_PAGE * sizeof(vm_func));
        if (!*page)
            return NULL;
    }
    vm_func *f = &(*page)[own % VM_FUNC_PAGE];
    if (!f->type) {
        struct vm_code *code = vm_code_get(in->module, index);
        if (!code)
            return NULL;
        *f = (vm_func){
            .type = m->funcs[index].type, .instance = in, .code = code};
        f->index = index;
    }
    return f;
}

const vm_functype *vm_func_type(const vm_func *func)
{
    return &func->type->func;
}

vm_ref vm_ref_from_func(vm_func *func)
{
    return (uintptr_t)func;
}

vm_func *vm_ref_to_func(vm_ref ref)
{
    return (vm_func *)(uintptr_t)ref;
}

vm_ref vm_ref_from_host(uint64_t word)
{
    return word << 2 | 2;
}

uint64_t vm_ref_to_host(vm_ref ref)
{
    return ref >> 2;
}
