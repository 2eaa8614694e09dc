/*
 * cm_heap.h - what a guest makes and drops one by one at run time: the ends of
 * streams and futures, waitable sets, error contexts.  Each block counts
 * against the store's memory limit; what was not freed goes with the store.
 */
#ifndef VYOMA_CM_HEAP_H
#define VYOMA_CM_HEAP_H

#include "vm/vm.h"

typedef struct cm_block cm_block;

typedef struct cm_heap {
    vm_store *store;
    cm_block *blocks;
} cm_heap;

void cm_heap_init(cm_heap *heap, vm_store *store);
void cm_heap_finish(cm_heap *heap);
/* Zeroed; NULL when the limit or memory is exhausted. */
void *cm_heap_alloc(cm_heap *heap, size_t size);
void cm_heap_free(cm_heap *heap, void *p); /* NULL is accepted */

#endif
