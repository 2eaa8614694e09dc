/*
 * table.c - tables, globals and tags: the small kinds of guest state.
 */
#include "vm/image.h"
#include "vm/store.h"

#include <stdlib.h>
#include <string.h>

/* ---- elements --------------------------------------------------------------
 */

bool vm_table_is_pending(const vm_table *t, uint64_t i)
{
    return t->image && !t->elems[i] && i < t->image->count &&
           t->image->funcs[i];
}

vm_func *vm_table_make(vm_table *t, uint64_t i)
{
    vm_func *f = vm_instance_func(t->instance, t->image->funcs[i] - 1);
    if (f)
        t->elems[i] = vm_ref_from_func(f);
    return f;
}

/* Before nulls are written, or elements read all at once: from here on a null
 * is a null. */
static bool settle(vm_table *t)
{
    if (!t->image)
        return true;
    for (uint64_t i = 0; i < t->image->count; i++)
        if (vm_table_is_pending(t, i) && !vm_table_make(t, i))
            return false;
    t->image = NULL;
    return true;
}

vm_status vm_table_create(vm_store *store, const vm_limits *limits,
                          vm_type type, vm_ref init, vm_table **out)
{
    if (limits->min > store->limits.table_elements)
        return VM_NO_MEMORY;
    vm_table *t = calloc(1, sizeof *t);
    if (!t)
        return VM_NO_MEMORY;
    t->limits = *limits;
    t->type = type;
    t->store = store;
    if (limits->min) {
        t->elems = vm_store_alloc(store, limits->min * sizeof(vm_ref));
        if (!t->elems) {
            free(t);
            return VM_NO_MEMORY;
        }
    }
    t->size = t->capacity = limits->min;
    for (uint64_t i = 0; init && i < t->size; i++)
        t->elems[i] = init;
    t->next = store->tables;
    store->tables = t;
    *out = t;
    return VM_OK;
}

void vm_table_destroy(vm_table *t)
{
    if (!t)
        return;
    vm_store_free(t->store, t->elems, t->capacity * sizeof(vm_ref));
    free(t);
}

/* Room for `size` elements, growing geometrically within the limits. */
static bool reserve(vm_table *t, uint64_t size, uint64_t max)
{
    if (size <= t->capacity)
        return true;
    uint64_t capacity = size + size / 4;
    if (capacity > max)
        capacity = max;
    vm_ref *elems = vm_store_alloc(t->store, capacity * sizeof(vm_ref));
    if (!elems)
        return false;
    if (t->size)
        memcpy(elems, t->elems, t->size * sizeof(vm_ref));
    vm_store_free(t->store, t->elems, t->capacity * sizeof(vm_ref));
    t->elems = elems;
    t->capacity = capacity;
    return true;
}

int64_t vm_table_grow(vm_table *t, uint64_t delta, vm_ref init)
{
    uint64_t old = t->size, max = t->store->limits.table_elements;
    if (t->limits.max < max)
        max = t->limits.max;
    if (delta > max || old > max - delta || !reserve(t, old + delta, max))
        return -1;
    t->size = old + delta;
    for (uint64_t i = old; i < t->size; i++)
        t->elems[i] = init;
    return (int64_t)old;
}

bool vm_table_get(vm_table *t, uint64_t i, vm_ref *out)
{
    if (i >= t->size || (vm_table_is_pending(t, i) && !vm_table_make(t, i)))
        return false;
    *out = t->elems[i];
    return true;
}

bool vm_table_set(vm_table *t, uint64_t i, vm_ref ref)
{
    if (i >= t->size || (!ref && !settle(t)))
        return false;
    t->elems[i] = ref;
    return true;
}

uint64_t vm_table_size(const vm_table *t)
{
    return t->size;
}

bool vm_table_init(vm_table *t, const vm_elems *elems, uint64_t d, uint64_t s,
                   uint64_t n)
{
    if (!vm_in_range(s, n, elems->count) || !vm_in_range(d, n, t->size) ||
        !settle(t))
        return false;
    if (n)
        memcpy(t->elems + d, elems->refs + s, n * sizeof(vm_ref));
    return true;
}

bool vm_table_copy(vm_table *to, vm_table *from, uint64_t d, uint64_t s,
                   uint64_t n)
{
    if (!vm_in_range(s, n, from->size) || !vm_in_range(d, n, to->size) ||
        !settle(from) || !settle(to))
        return false;
    if (n)
        memmove(to->elems + d, from->elems + s, n * sizeof(vm_ref));
    return true;
}

bool vm_table_fill(vm_table *t, uint64_t i, vm_ref ref, uint64_t n)
{
    if (!vm_in_range(i, n, t->size) || (!ref && !settle(t)))
        return false;
    while (n--)
        t->elems[i++] = ref;
    return true;
}

/* ---- globals ------------------------------------------------------------ */

vm_status vm_global_create(vm_store *store, vm_type type, bool is_mutable,
                           vm_value init, vm_global **out)
{
    vm_host_global *made = aligned_alloc(16, sizeof *made);
    if (!made)
        return VM_NO_MEMORY;
    memset(made, 0, sizeof *made);
    made->store = store;
    vm_global *g = &made->global;
    g->type = type;
    g->is_mutable = is_mutable;
    g->by_host = true;
    vm_global_set(g, init);
    g->next = store->globals;
    store->globals = g;
    *out = g;
    return VM_OK;
}

vm_store *vm_global_store(const vm_global *g)
{
    return g->by_host ? ((const vm_host_global *)g)->store : g->instance->store;
}

vm_value vm_global_get(const vm_global *g)
{
    return g->value;
}

void vm_global_set(vm_global *g, vm_value v)
{
    switch (g->type) {
    case VM_I32: g->value.u64 = v.u32; break;
    case VM_F32: {
        uint32_t bits;
        memcpy(&bits, &v.f32, sizeof bits);
        g->value.u64 = bits;
        break;
    }
    case VM_V128: g->value = v; break;
    default: g->value.u64 = v.u64;
    }
}

/* ---- tags ---------------------------------------------------------------- */

vm_status vm_tag_create(vm_store *store, const vm_functype *type, vm_tag **out)
{
    vm_tag *tag = calloc(1, sizeof *tag);
    if (!tag)
        return VM_NO_MEMORY;
    vm_status status =
        vm_types_intern_func(&store->engine->types, type, &tag->type);
    if (status != VM_OK) {
        free(tag);
        return status;
    }
    tag->store = store;
    tag->next = store->tags;
    store->tags = tag;
    *out = tag;
    return VM_OK;
}
