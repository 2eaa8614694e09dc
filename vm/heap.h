/*
 * heap.h - garbage-collected objects: structs, arrays, exceptions.
 *
 * A vm_ref is 64 bits:
 *
 *     0                     null, of every type
 *     ...0 000              the address of a vm_object, or of a vm_func
 *     value << 32 | 1       an i31
 *     word << 2 | 2         a host's word (externref, also seen as any)
 *
 * Objects never move.  Frames are scanned conservatively (a slot that holds
 * the address of a live object keeps it), everything else precisely.
 */
#ifndef VYOMA_VM_HEAP_H
#define VYOMA_VM_HEAP_H

#include "vm/store.h"

typedef struct vm_object {
    uint32_t type;   /* id of the defined type, or VM_OBJECT_* */
    uint32_t length; /* arrays: elements; exceptions: slots */
    uint64_t payload[];
} vm_object;

#define VM_OBJECT_EXN 0xfffffffeu  /* payload[0] is the vm_tag * */
#define VM_OBJECT_FREE 0xffffffffu /* payload[0] links the free list */

static inline bool vm_ref_is_i31(vm_ref r)
{
    return r & 1;
}

static inline bool vm_ref_is_host(vm_ref r)
{
    return r & 2;
}

static inline vm_object *vm_ref_object(vm_ref r)
{
    return (vm_object *)(uintptr_t)r;
}

static inline vm_ref vm_ref_from_object(vm_object *o)
{
    return (uintptr_t)o;
}

static inline vm_ref vm_ref_from_i31(uint32_t value)
{
    return (uint64_t)value << 32 | 1;
}

/*
 * A zeroed object with that many bytes of payload.  May collect first, so all
 * live references must be reachable (frames, globals, tables, segments, roots,
 * or a vm_heap_range).  NULL: the store's limit is reached.
 */
vm_object *vm_heap_new(vm_store *store, uint32_t type, uint32_t length,
                       uint64_t bytes);
vm_object *vm_heap_new_array(vm_store *store, const vm_deftype *type,
                             uint32_t length);
void vm_heap_collect(vm_store *store);

/*
 * Words that are scanned, as frames are, from vm_heap_enter to vm_heap_leave:
 * references in a C function's own arrays.  The last to enter leaves first;
 * `words` and `count` may change meanwhile.
 */
typedef struct vm_heap_range {
    const uint64_t *words;
    size_t count;
    struct vm_heap_range *outer;
} vm_heap_range;

static inline void vm_heap_enter(vm_store *store, vm_heap_range *range)
{
    range->outer = store->ranges;
    store->ranges = range;
}

static inline void vm_heap_leave(vm_store *store)
{
    store->ranges = store->ranges->outer;
}

void vm_heap_destroy(struct vm_heap *heap);

/* Does the reference have this type?  `type` as in types.h, VM_REF set. */
bool vm_ref_test(const vm_store *store, vm_ref ref, vm_type type);

/* Fields and elements, from and to frame slots (v128 takes two). */
void vm_field_load(const vm_field *field, const uint8_t *p, bool sign,
                   vm_slot *out);
void vm_field_store(const vm_field *field, uint8_t *p, const vm_slot *in);

#endif
