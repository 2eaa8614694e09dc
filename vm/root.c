/*
 * root.c - references that the host keeps.
 *
 * The collector finds what the guest can reach by itself (see mark_roots in
 * heap.c), but no variable of the host's.  What a host got it may use until
 * guest code runs again in that store; to keep it longer, it roots it.  Roots
 * are a list in the store, walked at every collection.
 */
#include "vm/heap.h"

#include <stdlib.h>

vm_root *vm_root_create(vm_store *store, vm_ref ref)
{
    vm_root *root = malloc(sizeof *root);
    if (!root)
        return NULL;
    *root = (vm_root){.ref = ref, .next = store->roots, .link = &store->roots};
    if (root->next)
        root->next->link = &root->next;
    store->roots = root;
    return root;
}

void vm_root_destroy(vm_root *root)
{
    if (!root)
        return;
    *root->link = root->next;
    if (root->next)
        root->next->link = root->link;
    free(root);
}

vm_ref vm_root_ref(const vm_root *root)
{
    return root->ref;
}
