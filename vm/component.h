/*
 * component.h - the component model's API: load a component, link it against
 * host interfaces, call its exports.  Implemented by the cm_*.c files, over
 * vm.h.  Specification: WebAssembly/component-model, design/mvp.
 *
 * Host interfaces are written down twice on purpose and compared: their types
 * come from WIT text (cm_linker_add_wit), their code from const tables of
 * {WIT name, C function} (cm_host_interface).  Linking fails when the two
 * disagree, and when the component's import disagrees with the WIT.
 */
#ifndef VYOMA_COMPONENT_H
#define VYOMA_COMPONENT_H

#include "vm/vm.h"

#pragma GCC visibility push(default)

typedef struct cm_component cm_component; /* decoded, validated, shared */
typedef struct cm_linker cm_linker;       /* what imports can be given */
typedef struct cm_instance cm_instance;   /* lives in a vm_store */
typedef struct cm_func cm_func;           /* a lifted export */
typedef struct cm_call cm_call;           /* one call crossing the boundary */

/*
 * A component-level value as the host sees it: 16 bytes, untagged (its type
 * is always known from the WIT).  Which member holds it:
 *
 *   bool, u8..u64, s8..s64, char    u (s for signed), zero/sign-extended
 *   f32, f64                        f32, f64
 *   string                          str: UTF-8, not NUL-terminated
 *   list<u8>                        bytes
 *   list<T>, list<T, n>             list: items[len]
 *   map<K, V>                       list of tuples
 *   record, tuple                   list: one item per field
 *   variant, result, option, enum   variant: case index and payload (NULL if
 *                                   the case has none).  option: 0 none,
 *                                   1 some; result: 0 ok, 1 err
 *   flags                           flags: bit i is flag i (up to 32)
 *   own, borrow                     rep: for a host resource the pointer the
 *                                   host made it with
 *
 * Arguments live until the host function returns.  str and bytes arguments are
 * checked views of guest memory, valid until the guest runs again.  Results
 * are built with cm_alloc and friends and may also be static.
 */
typedef union cm_value {
    uint64_t u;
    int64_t s;
    float f32;
    double f64;
    uint32_t flags;
    void *rep;
    struct {
        const char *data;
        size_t len;
    } str;
    struct {
        const uint8_t *data;
        size_t len;
    } bytes;
    struct {
        union cm_value *items;
        size_t len;
    } list;
    struct {
        uint64_t index;
        union cm_value *payload;
    } variant;
} cm_value;

/* ---- inside a host function ------------------------------------------- */

/*
 * Implements one WIT function.  `host` is the pointer given to
 * cm_linker_define; `args` follows the parameters (self first for methods);
 * `result` is written when the function has a result.  Returns as vm_host_fn
 * does; traps with cm_trap.  An own<T> argument passes ownership to the host
 * function; a borrow<T> does not.
 */
typedef vm_status (*cm_host_fn)(cm_call *call, void *host, const cm_value *args,
                                cm_value *result);

/* Zeroed memory that lives until the call ends; NULL when the guest's limit
 * is exceeded (return cm_trap then).  16-byte aligned. */
void *cm_alloc(cm_call *call, size_t size);
VM_MUST_CHECK vm_status cm_trap(cm_call *call, const char *fmt, ...)
    VM_PRINTF(2, 3);
VM_MUST_CHECK vm_status cm_exit(cm_call *call, int code);
vm_store *cm_call_store(cm_call *call);

/* A pointer that a host function which answers VM_PENDING finds again when it
 * is called for the same call; NULL the first time.  `finish`, if not NULL,
 * gets it when the call ends, however that comes about. */
void cm_call_set_state(cm_call *call, void *state, void (*finish)(void *state));
void *cm_call_state(const cm_call *call);

/* Result builders for the most common shapes; payload is copied. */
VM_MUST_CHECK vm_status cm_ok(cm_call *call, cm_value *result,
                              const cm_value *payload); /* result::ok */
VM_MUST_CHECK vm_status cm_err(cm_call *call, cm_value *result,
                               const cm_value *payload); /* result::err */
VM_MUST_CHECK vm_status cm_some(cm_call *call, cm_value *result,
                                const cm_value *payload); /* NULL: none */

/* ---- asynchronous hosts ------------------------------------------------
 *
 * In a component with asynchronous parts a host function may answer VM_PENDING
 * (it is called again with the same arguments when things may have changed),
 * and hosts may hold one end of a stream or future.  What a pending operation
 * waits for is the host's business: before each round of attempts `begin` is
 * called, in which the host forgets what it waited for; the operations that
 * still cannot go on say so to the host on their way; and when none could,
 * `wait` blocks until one may, or answers VM_PENDING if none ever will.
 */
typedef struct cm_waiter {
    void (*begin)(void *host);
    vm_status (*wait)(void *host, vm_error *err);
} cm_waiter;
void cm_call_set_waiter(cm_call *call, const cm_waiter *waiter, void *host);

/*
 * The host's end of a stream or future that a guest reads.  `read` gives up to
 * `max` values: bytes for stream<u8>, else cm_values (built with cm_alloc); a
 * future gives one.  VM_PENDING: none yet.  VM_OK with *n 0: the end.  `drop`
 * is called once, when the guest wants no more, or the store ends.
 */
typedef struct cm_source {
    vm_status (*read)(void *state, cm_call *call, void *out, size_t max,
                      size_t *n);
    void (*drop)(void *state);
    bool bytes; /* it is a stream<u8>'s */
} cm_source;
/* As a value to lower as stream<T> or future<T>; a trap when memory is out,
 * after which drop was called. */
VM_MUST_CHECK vm_status cm_stream_from_host(cm_call *call,
                                            const cm_source *source,
                                            void *state, cm_value *out);
VM_MUST_CHECK vm_status cm_future_from_host(cm_call *call,
                                            const cm_source *source,
                                            void *state, cm_value *out);

/*
 * The host's end of a stream or future that a guest writes, and gave to the
 * host as `value`.  `write` takes some of `n` values, as above, and says how
 * many; VM_PENDING: none now; VM_OK with *taken 0: no more ever.  `end` is
 * called once: the guest has no more, or (not `complete`) the store ends.  A
 * future's sink takes its value at once.  What the host made itself is relayed.
 */
typedef struct cm_sink_ops {
    vm_status (*write)(void *state, cm_call *call, const void *values, size_t n,
                       size_t *taken);
    void (*end)(void *state, bool complete);
} cm_sink_ops;
VM_MUST_CHECK vm_status cm_stream_to_host(cm_call *call, const cm_value *value,
                                          const cm_sink_ops *sink, void *state);
/* A stream or future that a guest gave is not wanted after all. */
void cm_stream_discard(const cm_value *value);

/* ---- host interfaces -------------------------------------------------- */

typedef struct cm_host_func {
    const char *name; /* "now", "[method]input-stream.read", ... */
    cm_host_fn fn;
} cm_host_func;

typedef struct cm_host_resource {
    const char *name;                    /* "input-stream" */
    void (*drop)(void *host, void *rep); /* the guest dropped its own<T> */
} cm_host_resource;

typedef struct cm_host_interface {
    const char *name; /* "wasi:io/streams", no version: the WIT has it */
    const cm_host_func *funcs;         /* ended by a NULL name */
    const cm_host_resource *resources; /* ended by a NULL name, or NULL */
} cm_host_interface;

/* A linker outlives the stores that instances were linked into with it. */
cm_linker *cm_linker_create(vm_engine *engine);
void cm_linker_destroy(cm_linker *linker);

/*
 * Makes the packages in `wit` (one or more; nested or top-level `package`
 * statements) known.  `name` is used in errors.  Text is kept by reference and
 * parsed on first use, so that unused packages cost nothing.
 */
VM_MUST_CHECK vm_status cm_linker_add_wit(cm_linker *linker, const char *name,
                                          const char *wit, size_t len,
                                          vm_error *err);
/*
 * Wires one interface.  `iface` is kept by reference, `host` is passed on.
 * Where several versions of the WIT are known the name may carry one, as far
 * as is needed to tell them apart ("wasi:cli/stdout@0.3"); without one it means
 * the package that was added first.  The WIT is read,
 * and the table held against it, when an import asks for the interface (so
 * that what is not used costs nothing), or by cm_linker_check.
 */
VM_MUST_CHECK vm_status cm_linker_define(cm_linker *linker,
                                         const cm_host_interface *iface,
                                         void *host, vm_error *err);
/* Holds each table against its WIT: fails when a function or resource is
 * missing on either side. */
VM_MUST_CHECK vm_status cm_linker_check(cm_linker *linker, vm_error *err);
/* Parses and resolves all WIT that was added, used or not: for tests. */
VM_MUST_CHECK vm_status cm_linker_check_wit(cm_linker *linker, vm_error *err);
/* Satisfies imports named `name` from the exports of an instance. */
VM_MUST_CHECK vm_status cm_linker_define_instance(cm_linker *linker,
                                                  const char *name,
                                                  cm_instance *instance,
                                                  vm_error *err);
/* What was defined, in order, with versions; data NULL past the end. */
vm_name cm_linker_defined(const cm_linker *linker, size_t i);

/* ---- components ------------------------------------------------------- */

/* True when bytes start with the component preamble (layer 1). */
bool cm_is_component(const uint8_t *bytes, size_t len);
/* As vm_module_load: bytes stay alive and unchanged until release. */
VM_MUST_CHECK vm_status cm_component_load(vm_engine *engine,
                                          const uint8_t *bytes, size_t len,
                                          cm_component **out, vm_error *err);
cm_component *cm_component_retain(cm_component *component);
void cm_component_release(cm_component *component);

/* Top-level import and export names, with versions, as written. */
size_t cm_component_import_count(const cm_component *component);
vm_name cm_component_import(const cm_component *component, size_t i);
size_t cm_component_export_count(const cm_component *component);
vm_name cm_component_export(const cm_component *component, size_t i);

/*
 * Links and instantiates into `store`.  When an import cannot be satisfied,
 * VM_INVALID with phase LINK, and `missing` (if not NULL) names the import.
 */
VM_MUST_CHECK vm_status cm_instantiate(cm_linker *linker,
                                       cm_component *component, vm_store *store,
                                       cm_instance **out, vm_name *missing,
                                       vm_error *err);

/*
 * Finds a function export: `iface` NULL for one at top level, else an exported
 * instance such as "wasi:cli/run" (a version may be given; without one, or
 * with a semver-compatible one, it matches).  NULL when there is none.
 */
cm_func *cm_instance_func(cm_instance *instance, const char *iface,
                          const char *name);

/*
 * Calls a lifted export.  `args` follows its parameters.  The result, and all
 * it points to, lives until cm_result_free.
 */
typedef struct cm_result {
    cm_value value;
    void *arena, *task;
} cm_result;
VM_MUST_CHECK vm_status cm_func_call(cm_func *func, const cm_value *args,
                                     cm_result *result, vm_error *err);
void cm_result_free(cm_result *result);
/*
 * An asynchronous function may go on after it has answered, to write what the
 * answer promised: lets it, until the embedder has enough (NULL: until it has
 * ended) or nothing in the store can go on.
 */
VM_MUST_CHECK vm_status cm_result_run(cm_result *result,
                                      bool (*enough)(void *data), void *data,
                                      vm_error *err);
/* For cm_stream_to_host of a result's streams. */
cm_call *cm_result_call(const cm_result *result);

#pragma GCC visibility pop

#endif
