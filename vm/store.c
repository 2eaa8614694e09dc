/*
 * store.c - the store: what a guest owns, and its limits.
 */
#include "vm/heap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define DEFAULT_MEMORY (UINT64_C(4) << 30)
#define DEFAULT_ELEMENTS 10000000
#define DEFAULT_INSTANCES 100000
#define DEFAULT_STACK (UINT32_C(4) << 20)
#define MIN_STACK (UINT32_C(64) << 10)

static void set_limits(vm_store_limits *l)
{
    if (!l->memory_bytes)
        l->memory_bytes = DEFAULT_MEMORY;
    if (!l->table_elements)
        l->table_elements = DEFAULT_ELEMENTS;
    if (!l->instances)
        l->instances = DEFAULT_INSTANCES;
    if (!l->stack_bytes)
        l->stack_bytes = DEFAULT_STACK;
    if (l->stack_bytes < MIN_STACK)
        l->stack_bytes = MIN_STACK;
}

vm_status vm_store_create(vm_engine *engine, const vm_store_limits *limits,
                          vm_store **out)
{
    vm_store *store = calloc(1, sizeof *store);
    if (!store)
        return VM_NO_MEMORY;
    store->engine = engine;
    if (limits)
        store->limits = *limits;
    set_limits(&store->limits);
    store->fuel = UINT64_MAX;
    vm_limits none = {.max = 0, .page_size_log2 = 16};
    if (vm_memory_create(store, &none, &store->no_memory) != VM_OK) {
        free(store);
        return VM_NO_MEMORY;
    }
    *out = store;
    return VM_OK;
}

static void destroy_instance(vm_instance *in)
{
    vm_module *m = in->module;
    uint32_t own = m->nfuncs - m->nfunc_imports;
    for (uint32_t i = 0; i * VM_FUNC_PAGE < own; i++)
        vm_store_free(in->store, in->func_pages[i],
                      VM_FUNC_PAGE * sizeof(vm_func));
    for (uint32_t i = 0; i < m->nelems; i++)
        vm_store_free(in->store, in->elems[i].refs,
                      m->elems[i].count * sizeof(vm_ref));
    vm_store_free(in->store, in, in->size);
    vm_module_release(m);
}

#define DESTROY_LIST(type, list, destroy)                                      \
    for (type *item = (list), *next_; item; item = next_) {                    \
        next_ = item->next;                                                    \
        destroy(item);                                                         \
    }

void vm_store_destroy(vm_store *store)
{
    if (!store)
        return;
    if (store->finish)
        store->finish(store->extension);
    while (store->fibers) {
        store->fibers->pooled = false;
        vm_fiber_destroy(store->fibers);
    }
    vm_heap_destroy(store->heap);
    while (store->roots)
        vm_root_destroy(store->roots);
    DESTROY_LIST(vm_instance, store->instances, destroy_instance)
    DESTROY_LIST(vm_memory, store->memories, vm_memory_destroy)
    DESTROY_LIST(vm_table, store->tables, vm_table_destroy)
    DESTROY_LIST(vm_global, store->globals, free)
    DESTROY_LIST(vm_tag, store->tags, free)
    vm_host_funcs_destroy(store->funcs);
    free(store->trace);
    free(store->bursts);
    free(store);
}

void *vm_store_data(const vm_store *store)
{
    return store->data;
}

void vm_store_set_data(vm_store *store, void *data)
{
    store->data = data;
}

void vm_store_set_extension(vm_store *store, void *extension,
                            void (*finish)(void *extension))
{
    store->extension = extension;
    store->finish = finish;
}

void *vm_store_extension(const vm_store *store)
{
    return store->extension;
}

int vm_store_exit_code(const vm_store *store)
{
    return store->exit_code;
}

/* ---- limits ---------------------------------------------------------------
 */

void vm_store_set_fuel(vm_store *store, uint64_t fuel)
{
    store->fuel = fuel;
}

bool vm_store_spend(vm_store *store, uint64_t fuel)
{
    if (atomic_exchange_explicit(&store->interrupt, false,
                                 memory_order_relaxed))
        return false;
    if (store->fuel == UINT64_MAX)
        return true;
    if (store->fuel < fuel)
        return false;
    store->fuel -= fuel;
    return true;
}

uint64_t vm_store_fuel(const vm_store *store)
{
    return store->fuel;
}

void vm_store_interrupt(vm_store *store)
{
    atomic_store_explicit(&store->interrupt, true, memory_order_relaxed);
}

bool vm_store_charge(vm_store *store, uint64_t bytes)
{
    uint64_t limit = store->limits.memory_bytes;
    uint64_t used = atomic_load_explicit(&store->used, memory_order_relaxed);
    do {
        if (bytes > limit || used > limit - bytes)
            return false;
    } while (!atomic_compare_exchange_weak(&store->used, &used, used + bytes));
    return true;
}

void vm_store_refund(vm_store *store, uint64_t bytes)
{
    atomic_fetch_sub(&store->used, bytes);
}

enum { MAP_BYTES = 64 << 10 }; /* from here on untouched pages cost nothing */

static void *zeroed(size_t bytes)
{
    if (bytes < MAP_BYTES)
        return calloc(1, bytes ? bytes : 1);
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void *vm_store_alloc(vm_store *store, size_t bytes)
{
    if (!vm_store_charge(store, bytes))
        return NULL;
    void *p = zeroed(bytes);
    if (!p)
        vm_store_refund(store, bytes);
    return p;
}

void vm_store_free(vm_store *store, void *p, size_t bytes)
{
    if (!p)
        return;
    vm_store_refund(store, bytes);
    if (bytes < MAP_BYTES)
        free(p);
    else
        munmap(p, bytes);
}
