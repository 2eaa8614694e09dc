/* cm_heap.c - see cm_heap.h.  Blocks are doubly linked, so that any can go. */
#include "vm/cm_heap.h"

#include "vm/store.h"

struct cm_block {
    cm_block *next, *prev;
    size_t size; /* with this header */
    _Alignas(16) unsigned char data[];
};

void cm_heap_init(cm_heap *heap, vm_store *store)
{
    *heap = (cm_heap){.store = store};
}

void cm_heap_finish(cm_heap *heap)
{
    while (heap->blocks)
        cm_heap_free(heap, heap->blocks->data);
}

void *cm_heap_alloc(cm_heap *heap, size_t size)
{
    size_t bytes;
    if (__builtin_add_overflow(size, sizeof(cm_block), &bytes))
        return NULL;
    cm_block *block = vm_store_alloc(heap->store, bytes);
    if (!block)
        return NULL;
    block->size = bytes;
    block->next = heap->blocks;
    if (block->next)
        block->next->prev = block;
    heap->blocks = block;
    return block->data;
}

void cm_heap_free(cm_heap *heap, void *p)
{
    if (!p)
        return;
    cm_block *block = (cm_block *)((char *)p - offsetof(cm_block, data));
    *(block->prev ? &block->prev->next : &heap->blocks) = block->next;
    if (block->next)
        block->next->prev = block->prev;
    vm_store_free(heap->store, block, block->size);
}
