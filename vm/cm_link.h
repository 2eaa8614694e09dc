/*
 * cm_link.h - between instantiation (cm_instance.c) and the things that are
 * imported and exported (cm_link.c).
 */
#ifndef VYOMA_CM_LINK_H
#define VYOMA_CM_LINK_H

#include "vm/cm_component.h"

/* A core instance at run time: of a module, or put together from items. */
typedef struct cm_core_item {
    vm_instance *instance;   /* or */
    const cm_coreinst *type; /* its names, and */
    const vm_extern *items;
} cm_core_item;

typedef struct cm_closure {
    const cm_scope *scope;
    cm_instance *outer;
} cm_closure;

/* The index spaces of an instance while and after its steps run. */
struct cm_spaces {
    uint32_t counts[CM_SPACE_COUNT]; /* so far */
    vm_extern *core[5];
    vm_module **modules;
    cm_core_item *core_instances;
    cm_func **funcs;
    const cm_value **values;
    cm_closure *components;
    const cm_exports **instances;
};

/* Gives the resource numbers that `type` mentions the identities in `item`. */
void cm_bind(cm_instance *inst, const cm_externtype *type, const cm_item *item);
/*
 * The item as `type` sees it: an instance with just the exports that the type
 * has, in its order.  False when memory ran out.
 */
VM_MUST_CHECK bool cm_project(cm_instance *inst, cm_arena *arena,
                              const cm_externtype *type, const cm_item *item,
                              cm_item *out);
const cm_item *cm_exports_find(const cm_exports *exports, vm_name name);

/* Looks a root's imports up, checks and binds them; items[nimports], which may
 * point into `arena`. */
VM_MUST_CHECK vm_status cm_link_imports(cm_instance *inst, cm_linker *linker,
                                        cm_arena *arena, cm_item *items,
                                        vm_name *missing, vm_error *err);

#endif
