/*
 * vm.h - the engine's API for everything that sits above core WebAssembly:
 * the component model (component.h), preview 1, the wast runner, and the
 * standard C API (wasm.h), which is a thin layer over this one.
 *
 * bytes -> vm_module (decoded, validated; immutable, shared) -> vm_instance
 * (in a vm_store, which owns everything guest-made and counts it against
 * limits) -> calls, which run on a vm_fiber (the guest's own stack).
 *
 * The engine knows no operating system beyond memory and time.  Nothing here
 * is thread-safe except vm_engine and vm_module, which are safe to share.
 */
#ifndef VYOMA_VM_H
#define VYOMA_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

#define VM_MUST_CHECK __attribute__((warn_unused_result))
#define VM_PRINTF(f, a) __attribute__((format(printf, f, a)))

typedef struct vm_engine vm_engine;     /* type registry and options */
typedef struct vm_module vm_module;     /* decoded and validated code */
typedef struct vm_store vm_store;       /* all state of one guest */
typedef struct vm_instance vm_instance; /* a module with its imports */
typedef struct vm_func vm_func;
typedef struct vm_table vm_table;
typedef struct vm_memory vm_memory;
typedef struct vm_global vm_global;
typedef struct vm_tag vm_tag;
typedef struct vm_fiber vm_fiber; /* guest call stack, suspendable */
typedef struct vm_root vm_root;   /* a reference that the host keeps */

/*
 * A value type, packed so that equality is integer equality across modules:
 * numeric and vector types are their binary codes; a reference type carries a
 * nullable bit and either an abstract heap type or the engine-wide canonical
 * id of a defined type.  See types.h.
 */
typedef uint32_t vm_type;

/* A reference.  0 is null of every type.  See heap.h for the encoding. */
typedef uint64_t vm_ref;

/* A value outside the guest's frames, where every value takes 16 bytes. */
typedef union vm_value {
    int32_t i32;
    uint32_t u32;
    int64_t i64;
    uint64_t u64;
    float f32;
    double f64;
    vm_ref ref;
    uint8_t v128[16];
} vm_value;

/*
 * A value inside a frame, or passed to a host function: 8 bytes.  i32 and f32
 * use the low half (the high half is unspecified); v128 takes two slots.
 */
typedef uint64_t vm_slot;

typedef enum vm_status {
    VM_OK = 0,
    VM_TRAP,        /* the guest misbehaved or a limit was hit; text in error */
    VM_THROWN,      /* an exception left the guest uncaught */
    VM_PENDING,     /* a host call waits; resume the fiber when it may go on */
    VM_INTERRUPTED, /* fuel or epoch ran out; the fiber may be resumed */
    VM_EXIT,        /* the guest asked to end (proc_exit, cli/exit) */
    VM_INVALID,     /* bytes are malformed or invalid, or do not link */
    VM_NO_MEMORY,
} vm_status;

/* Where a VM_INVALID came from: the suite distinguishes them. */
typedef enum vm_phase {
    VM_PHASE_DECODE,   /* malformed */
    VM_PHASE_VALIDATE, /* invalid */
    VM_PHASE_LINK,     /* unlinkable */
    VM_PHASE_RUN,
} vm_phase;

/*
 * The first error of an operation: what, where, and what would be valid.
 * `offset` is a byte offset into the module or component, or SIZE_MAX.
 */
typedef struct vm_error {
    vm_phase phase;
    size_t offset;
    char text[320];
} vm_error;

/* Writes the first error only; later calls on a set error are ignored. */
void vm_error_set(vm_error *err, vm_phase phase, size_t offset, const char *fmt,
                  ...) VM_PRINTF(4, 5);

/* ---- engine ---------------------------------------------------------- */

typedef struct vm_options {
    bool deterministic; /* canonical NaNs, deterministic relaxed SIMD */
    bool eager;         /* compile every function at load */
    bool count;         /* what is executed: counts.h; slows guests down */
    bool collect_often; /* garbage at every allocation: finds lost roots */
    unsigned threads;   /* that may validate a large module; 0 and 1: none */
    bool images;        /* instances share data that they have not written, */
                        /* through a file in memory (memfd_create) */
} vm_options;

vm_engine *vm_engine_create(const vm_options *options); /* NULL: defaults */
void vm_engine_destroy(vm_engine *engine); /* after all modules and stores */

/* ---- modules --------------------------------------------------------- */

typedef enum vm_extern_kind {
    VM_EXTERN_FUNC,
    VM_EXTERN_TABLE,
    VM_EXTERN_MEMORY,
    VM_EXTERN_GLOBAL,
    VM_EXTERN_TAG,
} vm_extern_kind;

typedef struct vm_functype {
    uint32_t nparams, nresults;
    uint32_t param_slots, result_slots; /* v128 counts as two */
    const vm_type *types;               /* params, then results */
} vm_functype;

typedef struct vm_limits {
    uint64_t min, max; /* max is UINT64_MAX when absent */
    bool is64, shared;
    uint8_t page_size_log2; /* memories only: 16, or 0 (custom page sizes) */
} vm_limits;

/* The type of an import or export, as declared. */
typedef struct vm_externtype {
    vm_extern_kind kind;
    union {
        const vm_functype *func; /* func, tag */
        struct {
            vm_limits limits;
            vm_type type;
        } table;
        vm_limits memory;
        struct {
            vm_type type;
            bool is_mutable;
        } global;
    };
    uint32_t typeid; /* func, tag: canonical id, for exact matching */
} vm_externtype;

/* Names are not NUL-terminated: they are views of the module's bytes. */
typedef struct vm_name {
    const char *data;
    size_t len;
} vm_name;

typedef struct vm_import {
    vm_name module, name;
    vm_externtype type;
} vm_import;

typedef struct vm_export {
    vm_name name;
    vm_externtype type;
    uint32_t index; /* in the module's index space of that kind */
} vm_export;

/*
 * Decodes and validates `bytes`, which the caller keeps alive and unchanged
 * until the module is released (functions are compiled from them lazily).
 * On success *out holds one reference.  VM_INVALID or VM_NO_MEMORY on failure.
 */
VM_MUST_CHECK vm_status vm_module_load(vm_engine *engine, const uint8_t *bytes,
                                       size_t len, vm_module **out,
                                       vm_error *err);
vm_module *vm_module_retain(vm_module *module);
void vm_module_release(vm_module *module); /* NULL is accepted */

/* Arrays owned by the module. */
const vm_import *vm_module_imports(const vm_module *module, size_t *count);
const vm_export *vm_module_exports(const vm_module *module, size_t *count);

/* ---- stores and limits ----------------------------------------------- */

/* Zero means the default; exceeding one is a trap that names it. */
typedef struct vm_store_limits {
    uint64_t memory_bytes;   /* linear memories, tables, GC heap together */
    uint64_t table_elements; /* per table */
    uint32_t instances;
    uint32_t stack_bytes; /* per fiber */
} vm_store_limits;

VM_MUST_CHECK vm_status vm_store_create(vm_engine *engine,
                                        const vm_store_limits *limits,
                                        vm_store **out);
void vm_store_destroy(vm_store *store); /* everything in it goes with it */
void *vm_store_data(const vm_store *store);
void vm_store_set_data(vm_store *store, void *data);
/*
 * A second pointer, for the layer between engine and embedder (the component
 * model): `finish` runs first thing in vm_store_destroy, guest state intact.
 */
void vm_store_set_extension(vm_store *store, void *extension,
                            void (*finish)(void *extension));
void *vm_store_extension(const vm_store *store);
/* The store behind one of the standard C API's (wasm.h): to give it fuel, to
 * stop it, to dump it. */
struct wasm_store_t;
vm_store *vm_store_of(const struct wasm_store_t *store);
/* Fuel: decreases at loop heads and calls.  UINT64_MAX (default): endless. */
void vm_store_set_fuel(vm_store *store, uint64_t fuel);
uint64_t vm_store_fuel(const vm_store *store);
/* Takes fuel for work done for the guest outside its code; false when there is
 * not so much left, or the store was interrupted: then stop, as
 * VM_INTERRUPTED. */
VM_MUST_CHECK bool vm_store_spend(vm_store *store, uint64_t fuel);
/* Async-signal-safe: makes running guests return VM_INTERRUPTED soon. */
void vm_store_interrupt(vm_store *store);

/* ---- instances ------------------------------------------------------- */

typedef struct vm_extern {
    vm_extern_kind kind;
    union {
        vm_func *func;
        vm_table *table;
        vm_memory *memory;
        vm_global *global;
        vm_tag *tag;
    };
} vm_extern;

/*
 * Links `module` against `imports` (one for each of vm_module_imports, in
 * order; types are checked here) and runs its start function.  VM_INVALID with
 * phase LINK when an import does not match or is another store's; VM_TRAP from
 * segments or start (the instance then stays in the store, since others may
 * refer to it).
 */
VM_MUST_CHECK vm_status vm_instance_create(vm_store *store, vm_module *module,
                                           const vm_extern *imports,
                                           vm_instance **out, vm_error *err);
/* Looks an export up by name; false when there is none. */
bool vm_instance_export(vm_instance *instance, const char *name, size_t len,
                        vm_extern *out);
/* The export with the given position in vm_module_exports; its func is NULL
 * when there is no memory for it. */
vm_extern vm_instance_export_at(vm_instance *instance, size_t position);

/* ---- functions ------------------------------------------------------- */

/*
 * A host function.  `slots` holds the arguments and receives the results (it
 * has room for the larger of the two).  Return VM_OK; VM_TRAP after vm_trap;
 * VM_EXIT after vm_exit; VM_THROWN after vm_throw; or VM_PENDING, after which
 * the same function is called again with the same arguments when the fiber is
 * resumed (use vm_fiber_set_pending to carry state from one to the other).
 */
typedef vm_status (*vm_host_fn)(vm_fiber *fiber, void *env, vm_slot *slots);

/*
 * `type` is copied.  `env` outlives the store. NULL: out of memory.
 *
 * What `type` spells out is a final type in a recursion group of its own (core
 * specification, types).  An import whose type stands in a larger group, or is
 * open, is another type: for that, declare the function as what the module
 * wants, which is the second form.  Its `type` is a function's, of an import or
 * an export of a module of the store's engine.
 */
vm_func *vm_func_create_host(vm_store *store, const vm_functype *type,
                             vm_host_fn fn, void *env);
vm_func *vm_func_create_host_as(vm_store *store, const vm_externtype *type,
                                vm_host_fn fn, void *env);
/* What profiles call a host function; both names outlive the store. */
void vm_func_set_name(vm_func *func, vm_name module, vm_name name);
const vm_functype *vm_func_type(const vm_func *func);

VM_MUST_CHECK vm_status vm_trap(vm_fiber *fiber, const char *fmt, ...)
    VM_PRINTF(2, 3);
VM_MUST_CHECK vm_status vm_exit(vm_fiber *fiber, int code);
/* Throws: `slots` hold the values that the tag's type takes as parameters. */
VM_MUST_CHECK vm_status vm_throw(vm_fiber *fiber, vm_tag *tag,
                                 const vm_slot *slots);

/* The store, and the instance whose code made the host call (or NULL). */
vm_store *vm_fiber_store(vm_fiber *fiber);
vm_instance *vm_fiber_caller(vm_fiber *fiber);

/*
 * Calls `func` to its end on a fiber of the store's pool, nested inside
 * whatever runs now.  A host call that answers VM_PENDING inside is a trap.
 * `args` and `results` follow the function's type.
 */
VM_MUST_CHECK vm_status vm_call(vm_store *store, vm_func *func,
                                const vm_value *args, vm_value *results,
                                vm_error *err);
/* The same with packed slots, in place: arguments in, results out. */
VM_MUST_CHECK vm_status vm_call_slots(vm_store *store, vm_func *func,
                                      vm_slot *slots, vm_error *err);
int vm_store_exit_code(const vm_store *store); /* after VM_EXIT */

/* ---- fibers: calls that may be suspended ------------------------------ */

VM_MUST_CHECK vm_status vm_fiber_create(vm_store *store, vm_fiber **out);
void vm_fiber_destroy(vm_fiber *fiber); /* drops whatever it was running */
/* Prepares a call; slots are copied.  Run with vm_fiber_run. */
VM_MUST_CHECK vm_status vm_fiber_start(vm_fiber *fiber, vm_func *func,
                                       const vm_slot *args, vm_error *err);
/* Runs or resumes.  After VM_OK, results are in vm_fiber_results. */
VM_MUST_CHECK vm_status vm_fiber_run(vm_fiber *fiber, vm_error *err);
const vm_slot *vm_fiber_results(const vm_fiber *fiber);
void vm_fiber_set_pending(vm_fiber *fiber, void *state);
void *vm_fiber_pending(const vm_fiber *fiber);

/* A frame of guest code. */
typedef struct vm_frame {
    vm_instance *instance;
    uint32_t func;        /* index in the module */
    uint32_t offset;      /* of the instruction, in the module's bytes */
    uint32_t func_offset; /* the same, from where the function starts */
} vm_frame;

/*
 * The frames of the last trap or uncaught exception, innermost first, through
 * host functions into the code that called them.  Writes at most `max` of them
 * (the innermost VM_TRACE_FRAMES are kept) and returns how many there were.
 */
#define VM_TRACE_FRAMES 64
size_t vm_store_trace(const vm_store *store, vm_frame *frames, size_t max);
/* The same as text, with names and source positions; "" if none. */
size_t vm_fiber_backtrace(const vm_store *store, char *buf, size_t size);

/* ---- memories, tables, globals, tags ---------------------------------- */

VM_MUST_CHECK vm_status vm_memory_create(vm_store *store,
                                         const vm_limits *limits,
                                         vm_memory **out);
/* The base may move only if the memory is not in place-growing: re-read it
 * after any call into the guest. */
uint8_t *vm_memory_data(vm_memory *memory);
uint64_t vm_memory_size(const vm_memory *memory);          /* bytes */
int64_t vm_memory_grow(vm_memory *memory, uint64_t pages); /* old, or -1 */
vm_limits vm_memory_type(const vm_memory *memory);

VM_MUST_CHECK vm_status vm_table_create(vm_store *store,
                                        const vm_limits *limits, vm_type type,
                                        vm_ref init, vm_table **out);
VM_MUST_CHECK bool vm_table_get(vm_table *table, uint64_t i, vm_ref *out);
VM_MUST_CHECK bool vm_table_set(vm_table *table, uint64_t i, vm_ref ref);
uint64_t vm_table_size(const vm_table *table);

VM_MUST_CHECK vm_status vm_global_create(vm_store *store, vm_type type,
                                         bool is_mutable, vm_value init,
                                         vm_global **out);
vm_value vm_global_get(const vm_global *global);
void vm_global_set(vm_global *global, vm_value value);

VM_MUST_CHECK vm_status vm_tag_create(vm_store *store, const vm_functype *type,
                                      vm_tag **out);

/* ---- references ------------------------------------------------------- */

/*
 * A reference that the host got - an argument, a result, from a table or a
 * global - is good until guest code runs again in its store: then a garbage-
 * collected object that the guest has let go of may be gone.  A root keeps it.
 * The host sees to it that a reference which it passes fits the type that is
 * wanted, and never leaves its store.
 */

/* A root for `ref`, of any kind, null too; NULL: out of memory. */
vm_root *vm_root_create(vm_store *store, vm_ref ref);
/* Before the store goes; NULL is accepted. */
void vm_root_destroy(vm_root *root);
vm_ref vm_root_ref(const vm_root *root);

/* funcref <-> vm_func; NULL <-> null. */
vm_ref vm_ref_from_func(vm_func *func);
vm_func *vm_ref_to_func(vm_ref ref);
/* externref carrying a host word (any value of 62 bits or fewer). */
vm_ref vm_ref_from_host(uint64_t word);
uint64_t vm_ref_to_host(vm_ref ref);

#pragma GCC visibility pop

#endif
