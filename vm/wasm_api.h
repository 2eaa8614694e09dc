/*
 * wasm_api.h - what the files of the standard C API (wasm.h) share.
 *
 *   wasm_api_types.c   vectors, types, import and export types
 *   wasm_api.c         engine, store, references, modules
 *   wasm_api_trap.c    traps and their frames
 *   wasm_api_extern.c  functions, globals, tables, memories, instances
 *
 * Whatever lives in a store is one struct behind its wasm_NAME_t pointer, with
 * a count of owners.  The store remembers it by the engine's pointer, so that
 * the same function found twice is the same wasm_func_t.
 */
#ifndef VYOMA_VM_WASM_API_H
#define VYOMA_VM_WASM_API_H

#include "vm/vm.h"
#include "vm/wasm.h"

/* ---- types -------------------------------------------------------------- */

/*
 * Types that come from a module remember the engine's type, which the standard
 * has no words for: references to defined types, and which of several types of
 * the same shape a function has.  So a function made with the type of an import
 * satisfies that import.  What is made by kind alone means the standard's.
 *
 * Ids of defined types are one engine's: `engine` is its number, or 0.
 */
struct wasm_valtype_t {
    wasm_valkind_t kind;
    vm_type type;
    uint64_t engine;
};

struct wasm_externtype_t {
    wasm_externkind_t kind;
};

struct wasm_functype_t {
    wasm_externtype_t base;
    wasm_valtype_vec_t params, results;
    uint32_t id; /* of the defined type, when engine is not 0 */
    uint64_t engine;
};

struct wasm_globaltype_t {
    wasm_externtype_t base;
    wasm_valtype_t content;
    wasm_mutability_t mutability;
};

struct wasm_tabletype_t {
    wasm_externtype_t base;
    wasm_valtype_t element;
    wasm_limits_t limits;
};

struct wasm_memorytype_t {
    wasm_externtype_t base;
    wasm_limits_t limits;
};

/* The standard's view of an engine's types; and what one means to an engine. */
wasm_valkind_t wasm_kind_of(vm_type type);
wasm_externtype_t *wasm_externtype_of(const vm_externtype *type,
                                      uint64_t engine);
vm_type wasm_valtype_to_vm(const wasm_valtype_t *type, uint64_t engine);
void wasm_bytes_set(wasm_byte_vec_t *out, const char *data, size_t len);

/* ---- references --------------------------------------------------------- */

typedef enum wasm_ref_kind {
    WASM_REF_EXTERN,
    WASM_REF_TRAP,
    WASM_REF_FOREIGN,
    WASM_REF_MODULE,
    WASM_REF_INSTANCE,
    WASM_REF_VALUE, /* an i31, an object or an exception of the guest's */
} wasm_ref_kind;

struct wasm_ref_t {
    wasm_ref_kind kind;
    unsigned owners;
    bool pinned; /* the guest may hold it: it stays until the store goes */
    wasm_store_t *store;
    struct wasm_ref_t *next; /* in the store's bucket */
    void *host_info;
    void (*finalizer)(void *);
    vm_externtype type; /* externs */
    union {
        void *key; /* what the store finds it by */
        vm_func *func;
        vm_global *global;
        vm_table *table;
        vm_memory *memory;
        vm_tag *tag;
        vm_instance *instance;
    };
    vm_root *root;         /* values: keeps the object; the key is its ref */
    vm_module *module;     /* modules, instances */
    wasm_byte_vec_t bytes; /* modules: the binary; traps: the message */
    vm_frame *frames;      /* traps: where they came from */
    size_t nframes;
};

enum { WASM_BUCKETS = 256 };

struct wasm_engine_t {
    vm_engine *vm;
    uint64_t number; /* in the process, from 1 */
};

/* Environments of host functions live as long as the store. */
typedef struct wasm_callback {
    struct wasm_callback *next;
    wasm_store_t *store;
    const vm_functype *type;
    wasm_func_callback_t plain;
    wasm_func_callback_with_env_t with_env;
    void *env;
    void (*finalizer)(void *);
} wasm_callback;

struct wasm_store_t {
    vm_engine *engine;
    uint64_t number; /* the engine's */
    vm_store *vm;
    wasm_callback *callbacks;
    wasm_ref_t *buckets[WASM_BUCKETS];
};

/* A new reference with one owner; found by `key` when that is not NULL. */
wasm_ref_t *wasm_ref_create(wasm_store_t *store, wasm_ref_kind kind, void *key);
/* The reference of that key, with one more owner; NULL if there is none. */
wasm_ref_t *wasm_ref_find(wasm_store_t *store, wasm_ref_kind kind,
                          const void *key);
/* A trap of the host's own, without frames; and what ended a call. */
wasm_trap_t *wasm_trap_of(wasm_store_t *store, const char *text);
wasm_trap_t *wasm_trap_of_status(wasm_store_t *store, vm_status status,
                                 const vm_error *err);

/*
 * Values across the boundary.  References of the host's that the guest gets are
 * pinned; the guest's own objects arrive as opaque references, which keep them.
 * What the host gives must fit the type: false when it does not, or belongs to
 * another store.
 */
VM_MUST_CHECK bool wasm_val_to_vm(wasm_store_t *store, vm_type type,
                                  const wasm_val_t *value, vm_value *out);
void wasm_val_of(wasm_store_t *store, vm_type type, vm_value value,
                 wasm_val_t *out);
VM_MUST_CHECK bool wasm_ref_to_vm(wasm_store_t *store, vm_type type,
                                  wasm_ref_t *ref, vm_ref *out);
wasm_ref_t *wasm_ref_of(wasm_store_t *store, vm_type type, vm_ref ref);

#endif
