/*
 * cm_component.h - a component at rest: what cm_decode*.c makes of the bytes
 * and cm_instance.c executes.  A component is a list of steps, each of which
 * appends to one index space of the instance; everything that can be checked
 * without running has been checked when the list exists.
 */
#ifndef VYOMA_CM_COMPONENT_H
#define VYOMA_CM_COMPONENT_H

#include "vm/cm_internal.h"
#include "vm/types.h"

#include <stdatomic.h>

/* Implementation limits, checked where the bytes are read. */
#define CM_MAX_DEPTH 100        /* of nested components and types */
#define CM_MAX_ITEMS 1000000u   /* per index space */
#define CM_MAX_INSTANCES 10000u /* per component, core and nested together */
#define CM_MAX_WORK UINT64_C(200000000)
#define CM_ARENA_LIMIT ((size_t)512 << 20)

/* ---- types of whole modules, core instances, components ---------------- */

struct cm_moduletype {
    size_t nimports, nexports;
    const vm_import *imports;
    const vm_export *exports;
    cm_names index; /* of exports */
};

/* What a core instance offers.  vm_export.index: the item's index in its core
 * index space when the instance was put together from definitions. */
typedef struct cm_coreinst {
    size_t count;
    const vm_export *exports;
    cm_names index;
} cm_coreinst;

struct cm_componenttype {
    uint32_t nimports;
    const cm_decl *imports;
    const cm_interface *exports;
    uint32_t base, nbound; /* resource numbers bound by imports and exports */
    uint32_t weight, depth;
    cm_ranges inside;
};

/* ---- index spaces ------------------------------------------------------ */

/* Those that exist at run time. */
typedef enum cm_space {
    CM_SPACE_CORE_FUNC, /* the first five: vm_extern_kind */
    CM_SPACE_CORE_TABLE,
    CM_SPACE_CORE_MEMORY,
    CM_SPACE_CORE_GLOBAL,
    CM_SPACE_CORE_TAG,
    CM_SPACE_CORE_MODULE,
    CM_SPACE_CORE_INSTANCE,
    CM_SPACE_FUNC,
    CM_SPACE_VALUE,
    CM_SPACE_COMPONENT,
    CM_SPACE_INSTANCE,
    CM_SPACE_COUNT,
} cm_space;

/* ---- steps ------------------------------------------------------------- */

typedef enum cm_step_kind {
    CM_STEP_MODULE,        /* -> core module */
    CM_STEP_CORE_INSTANCE, /* -> core instance, from a module */
    CM_STEP_CORE_BAG,      /* -> core instance, from core items */
    CM_STEP_COMPONENT,     /* -> component */
    CM_STEP_INSTANCE,      /* -> instance, from a component */
    CM_STEP_BAG,           /* -> instance, from items */
    CM_STEP_ALIAS_EXPORT,  /* -> func, component, instance, core module */
    CM_STEP_ALIAS_CORE,    /* -> core func .. core tag */
    CM_STEP_ALIAS_OUTER,   /* -> core module, component */
    CM_STEP_RESOURCE,      /* defines a resource type */
    CM_STEP_LIFT,          /* -> func */
    CM_STEP_LOWER,         /* -> core func */
    CM_STEP_BUILTIN,       /* -> core func */
    CM_STEP_VALUE,         /* -> value, a constant */
    CM_STEP_START,         /* -> value, if the function has a result */
    CM_STEP_IMPORT,        /* -> what was imported */
    CM_STEP_EXPORT,        /* -> the same again, with the ascribed type */
} cm_step_kind;

/* A named argument or export of an item in some index space. */
typedef struct cm_arg {
    vm_name name;
    cm_sort sort;        /* component level */
    vm_extern_kind kind; /* core level */
    uint32_t index;      /* types: resource number, or UINT32_MAX */
} cm_arg;

/* Canonical options as indices; UINT32_MAX: absent. */
typedef struct cm_static_options {
    cm_encoding encoding;
    bool is_async, mem64;
    uint32_t memory, realloc, post_return, callback;
} cm_static_options;

typedef struct cm_step {
    uint8_t kind;   /* cm_step_kind */
    uint8_t sort;   /* cm_sort (alias export, export), vm_extern_kind */
    uint32_t index; /* what it applies to, in that thing's index space */
    uint32_t count; /* args; or how many scopes out; or position */
    union {
        vm_module *module;
        const cm_arg *args;
        const cm_coreinst *bag; /* core bag: items by kind and index */
        const cm_scope *scope;
        const cm_value *value;
        const struct cm_canon *canon;
        struct {
            uint32_t resource; /* its number */
            uint32_t dtor;     /* core func, or UINT32_MAX */
            bool rep64;
        } resource;
    };
    const cm_names *arg_names; /* index of args, of instantiations */
    /* The type of a new instance, import or export, to bind resources by. */
    cm_externtype type;
    vm_name name;
} cm_step;

typedef struct cm_canon {
    cm_builtin kind;
    const cm_functype *func; /* lift, lower */
    const vm_deftype *core;  /* signature of lower and built-ins */
    const cm_type *value;    /* as in cm_builtin_spec */
    uint32_t resource;       /* resource.* */
    cm_static_options options;
    bool is_async, cancellable;
    uint32_t index; /* context slot */
    uint32_t table; /* thread.new-indirect */
} cm_canon;

/* ---- components -------------------------------------------------------- */

/* A component definition, top level or nested. */
struct cm_scope {
    cm_component *component;
    const cm_scope *outer; /* NULL at top level */
    uint32_t nsteps;
    const cm_step *steps;
    uint32_t counts[CM_SPACE_COUNT];
    const cm_componenttype *type;
};

struct cm_component {
    vm_engine *engine;
    atomic_uint refs;
    const uint8_t *bytes;
    size_t size;
    cm_arena arena;
    const cm_scope *root;
    uint32_t nmodules, modules_room;
    vm_module **modules; /* to release */
};

static inline const cm_arg *cm_step_arg(const cm_step *step, vm_name name)
{
    uint32_t i = CM_NAME_NONE;
    if (step->count)
        i = cm_names_find(step->arg_names, &step->args[0].name,
                          sizeof *step->args, name.data, name.len);
    return i == CM_NAME_NONE ? NULL : &step->args[i];
}

#endif
