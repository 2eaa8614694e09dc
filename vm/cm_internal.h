/*
 * cm_internal.h - the component model's run-time structures, shared between
 * its own files: instantiation (cm_instance.c) makes them, the canonical ABI
 * (cm_abi*.c, cm_func.c, cm_resource.c) runs on them.
 *
 *   cm_component (static, shared) + cm_linker -> cm_instance (in a vm_store)
 *   export -> cm_func (lifted) -> cm_func_call
 *   core import -> vm_func made by cm_lower_create or cm_builtin_create
 */
#ifndef VYOMA_CM_INTERNAL_H
#define VYOMA_CM_INTERNAL_H

#include "vm/cm_heap.h"
#include "vm/cm_types.h"
#include "vm/component.h"

/* ---- resources --------------------------------------------------------- */

/* A resource type at run time: its address is its identity. */
struct cm_resource {
    cm_instance *impl; /* the instance that defined it; NULL: the host */
    vm_func *dtor;     /* guest: (i32) -> (), or NULL */
    bool rep64;        /* guest: rep is an i64 */
    const cm_host_resource *host;
    void *host_data; /* given to host->drop */
};

/* ---- canonical definitions ------------------------------------------------
 */

typedef enum cm_encoding {
    CM_UTF8,
    CM_UTF16,
    CM_LATIN1_UTF16,
} cm_encoding;

/* Canonical options, resolved. */
typedef struct cm_options {
    cm_encoding encoding;
    bool is_async;
    bool mem64; /* memory has 64-bit addresses: layout index 1 */
    vm_memory *memory;
    vm_func *realloc;
    vm_func *post_return;
    vm_func *callback;
} cm_options;

/*
 * A component function at run time.  `type` speaks in the resource numbers of
 * `view`, the definer's.  A lifted one has `instance` and `core`; a host one
 * has `fn` and `host`.
 */
struct cm_func {
    const cm_functype *type;
    const cm_view *view;
    vm_name name;      /* for messages */
    vm_name interface; /* of a host's */
    cm_instance *instance;
    vm_func *core;
    cm_options options;
    cm_host_fn fn;
    void *host;
    void *plan; /* CANON's, made on first use, in the store's arena */
};

/* The canonical built-ins, in the order of Binary.md's `canon`. */
typedef enum cm_builtin {
    CM_CANON_LIFT = 0x00,
    CM_CANON_LOWER = 0x01,
    CM_RESOURCE_NEW = 0x02,
    CM_RESOURCE_DROP = 0x03,
    CM_RESOURCE_REP = 0x04,
    CM_TASK_CANCEL = 0x05,
    CM_SUBTASK_CANCEL = 0x06,
    CM_TASK_RETURN = 0x09,
    CM_CONTEXT_GET = 0x0a,
    CM_CONTEXT_SET = 0x0b,
    CM_THREAD_YIELD = 0x0c,
    CM_SUBTASK_DROP = 0x0d,
    CM_STREAM_NEW = 0x0e,
    CM_STREAM_READ = 0x0f,
    CM_STREAM_WRITE = 0x10,
    CM_STREAM_CANCEL_READ = 0x11,
    CM_STREAM_CANCEL_WRITE = 0x12,
    CM_STREAM_DROP_READABLE = 0x13,
    CM_STREAM_DROP_WRITABLE = 0x14,
    CM_FUTURE_NEW = 0x15,
    CM_FUTURE_READ = 0x16,
    CM_FUTURE_WRITE = 0x17,
    CM_FUTURE_CANCEL_READ = 0x18,
    CM_FUTURE_CANCEL_WRITE = 0x19,
    CM_FUTURE_DROP_READABLE = 0x1a,
    CM_FUTURE_DROP_WRITABLE = 0x1b,
    CM_ERROR_CONTEXT_NEW = 0x1c,
    CM_ERROR_CONTEXT_DEBUG_MESSAGE = 0x1d,
    CM_ERROR_CONTEXT_DROP = 0x1e,
    CM_WAITABLE_SET_NEW = 0x1f,
    CM_WAITABLE_SET_WAIT = 0x20,
    CM_WAITABLE_SET_POLL = 0x21,
    CM_WAITABLE_SET_DROP = 0x22,
    CM_WAITABLE_JOIN = 0x23,
    CM_BACKPRESSURE_INC = 0x24,
    CM_BACKPRESSURE_DEC = 0x25,
    CM_THREAD_INDEX = 0x26,
    CM_THREAD_NEW_INDIRECT = 0x27,
    CM_THREAD_RESUME_LATER = 0x28,
    CM_THREAD_SUSPEND = 0x29,
    CM_THREAD_SUSPEND_THEN_RESUME = 0x2a,
    CM_THREAD_YIELD_THEN_RESUME = 0x2b,
    CM_THREAD_SUSPEND_THEN_PROMOTE = 0x2c,
    CM_THREAD_YIELD_THEN_PROMOTE = 0x2d,
    CM_BUILTIN_COUNT,
} cm_builtin;

const char *cm_builtin_name(cm_builtin kind); /* "resource.drop" */

/* A built-in other than lift and lower, resolved for one instance. */
typedef struct cm_builtin_spec {
    cm_builtin kind;
    vm_functype type;      /* its core signature, checked by validation */
    cm_resource *resource; /* resource.* */
    const cm_type *value;  /* stream.*, future.*: that type; task.return: the
                              result type or NULL */
    cm_options options;
    bool is_async;    /* the `async` immediate of the cancel built-ins */
    bool cancellable; /* the `cancellable` immediate */
    uint32_t index;   /* context.get/set: slot number */
    vm_table *table;  /* thread.new-indirect */
} cm_builtin_spec;

/* ---- instances --------------------------------------------------------------
 */

typedef struct cm_handles cm_handles; /* handle table: cm_resource.c */
typedef struct cm_scope cm_scope;     /* static description: cm_component.h */
typedef struct cm_exports cm_exports;

/* Anything a component can import or export, at run time. */
typedef struct cm_item {
    cm_sort sort;
    union {
        cm_func *func;
        const cm_exports *instance;
        cm_resource *resource; /* sort type: NULL when not a resource */
        vm_module *module;
        const cm_value *value;
        struct {
            const cm_scope *scope;
            cm_instance *outer; /* where its outer aliases are looked up */
        } component;
    };
} cm_item;

/* An instance as its users see it: the items in the order of its type. */
struct cm_exports {
    const cm_interface *type;
    const cm_view *view;
    const cm_item *items;
};

/*
 * An instance of a component (top level or nested).  CanonicalABI.md's
 * ComponentInstance: `may_enter` is cleared for the instance and all its
 * ancestors while they run; `may_leave` is cleared in realloc and post-return.
 */
struct cm_instance {
    vm_store *store;
    const cm_scope *scope;
    cm_component *component; /* holds a reference in the root only */
    cm_instance *parent;     /* instantiated by; NULL for a root */
    cm_instance *outer;      /* lexically enclosing; NULL for a root */
    cm_instance *next;       /* all instances of the store */
    bool may_enter, may_leave;
    bool poisoned;       /* a trap left it in the middle of something */
    cm_handles *handles; /* created by cm_instance.c */
    cm_view view;        /* resource numbers -> run-time identity */
    cm_exports exports;
    struct cm_spaces *spaces; /* index spaces, cm_instance.c's */
};

/* ---- per store --------------------------------------------------------- */

/*
 * What the component model keeps per vm_store: made at the first need, ended
 * by vm_store_destroy through vm_store_at_destroy.
 */
typedef struct cm_store {
    vm_store *store;
    cm_arena arena; /* run-time structures; ends with the store */
    cm_heap heap;   /* those that guests make and drop */
    cm_instance *instances;
    uint32_t ninstances;
    void *calls; /* CANON's: reusable call arenas */
} cm_store;

cm_store *cm_store_get(vm_store *store); /* NULL: out of memory */

/* ---- what the canonical ABI side provides ------------------------------ */

/* A core function that calls `callee` from inside `inst`.  `type` is callee's
 * type as `inst` sees it (resource numbers of inst->view).  NULL: no memory. */
vm_func *cm_lower_create(cm_instance *inst, cm_func *callee,
                         const cm_functype *type, const cm_options *options);
/* A core function for a built-in; `spec` is copied. */
vm_func *cm_builtin_create(cm_instance *inst, const cm_builtin_spec *spec);

cm_handles *cm_handles_create(cm_instance *inst);
/* Drops what the table still owns: host resources' drop runs. */
void cm_handles_destroy(cm_handles *handles);
/* Called at the store's end, after all handle tables are gone. */
void cm_calls_destroy(cm_store *cs);

/*
 * What satisfies the import `name` (semver-compatible versions match): the item
 * and its type.  False when nothing does; `err` is set only for real errors
 * such as WIT text that does not parse.  The item lives as long as the linker.
 */
VM_MUST_CHECK bool cm_linker_lookup(cm_linker *linker, vm_name name,
                                    cm_item *item, cm_externtype *type,
                                    const cm_view **view, vm_error *err);

/* Whether the linker's WIT has an interface of that name, defined or not. */
bool cm_linker_knows(cm_linker *linker, vm_name name);

/* ---- names (cm_names.c) ------------------------------------------------ */

/*
 * Explainer.md "Canonical Interface Name": true when an import of `wanted` may
 * be satisfied by `offered`: equal, or equal but for versions that are semver-
 * compatible (same major when it is not 0, else same minor when that is not 0,
 * else same patch; no pre-release), whichever is newer: what is used is
 * checked. A `wanted` without a version matches any version when `lax`.
 */
bool cm_name_satisfies(vm_name wanted, vm_name offered, bool lax);

#endif
