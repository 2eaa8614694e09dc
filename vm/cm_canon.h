/*
 * cm_canon.h - the canonical ABI's own structures: a call in flight, and the
 * context that values are lifted and lowered in.
 *
 * core import --cm_lower.c--> lift arguments (cm_abi_lift.c) -> host function
 *   or lifted callee (cm_func.c) -> lower results (cm_abi_lower.c)
 *
 * Specification: CanonicalABI.md and its definitions.py; functions that follow
 * one there say so by its name.
 */
#ifndef VYOMA_CM_CANON_H
#define VYOMA_CM_CANON_H

#include "vm/cm_internal.h"

/* definitions.py MAX_STRING_BYTE_LENGTH and MAX_LIST_BYTE_LENGTH. */
#define CM_MAX_BYTE_LENGTH ((1u << 28) - 1)
/* What the values of one call may take on the host's side. */
#define CM_CALL_BYTES ((size_t)128 << 20)
/* ... and what all calls of a store hold that are under way together. */
#define CM_CALLS_BYTES ((size_t)256 << 20)

/* Returns the status of a failing expression from the function around it. */
#define CM_TRY(expression)                                                     \
    do {                                                                       \
        vm_status status_ = (expression);                                      \
        if (__builtin_expect(status_ != VM_OK, 0))                             \
            return status_;                                                    \
    } while (0)

/* ---- handle tables (cm_resource.c) ------------------------------------- */

typedef enum cm_handle_kind {
    CM_HANDLE_FREE,
    CM_HANDLE_RESOURCE,
    CM_HANDLE_OBJECT, /* first of the async part's kinds */
} cm_handle_kind;

/* An element of CanonicalABI.md's Table; for resources its ResourceHandle. */
typedef struct cm_handle {
    uint8_t kind; /* cm_handle_kind */
    bool own;
    uint32_t lends; /* borrows out at the moment; FREE: next free index */
    cm_resource *resource;
    union {
        uint64_t rep; /* host resource: the pointer; guest's: its i32 or i64 */
        void *object;
    };
    cm_call *scope; /* a borrow's: the call it must not outlive */
} cm_handle;

/* Entry `index`, or NULL.  Valid until the next cm_handles_add. */
cm_handle *cm_handles_get(cm_handles *handles, uint32_t index);
/* Copies the entry in.  False when the table is full, or memory is. */
VM_MUST_CHECK bool cm_handles_add(cm_handles *handles, const cm_handle *entry,
                                  uint32_t *index);
void cm_handles_remove(cm_handles *handles, uint32_t index);
uint32_t cm_handles_count(const cm_handles *handles); /* live entries */

/* The built-ins resource.new, resource.drop and resource.rep; env is a
 * cm_builtin_env. */
vm_status cm_resource_new(vm_fiber *fiber, void *env, vm_slot *slots);
vm_status cm_resource_drop(vm_fiber *fiber, void *env, vm_slot *slots);
vm_status cm_resource_rep(vm_fiber *fiber, void *env, vm_slot *slots);

/* A trap inside of realloc and post-return: what each call out begins with. */
VM_MUST_CHECK vm_status cm_may_leave(vm_fiber *fiber, const cm_instance *inst);

typedef struct cm_builtin_env {
    cm_instance *inst;
    cm_store *store;
    cm_builtin_spec spec;
} cm_builtin_env;

/* ---- calls (cm_host.c) ------------------------------------------------- */

/* A handle lent for the time of a call. */
typedef struct cm_lend {
    struct cm_lend *next;
    uint32_t index;
} cm_lend;

/* A host resource taken out of one place and not yet put into another: should
 * the call fail now, it is dropped. */
typedef struct cm_moving {
    struct cm_moving *next;
    cm_resource *resource;
    uint64_t rep;
} cm_moving;

/* A stream, future or error context taken out of one place and not yet put
 * into another: released with the call, unless claimed by then. */
typedef struct cm_passing {
    struct cm_passing *next;
    void *object;
    bool moves; /* a host function that takes it owns it */
    void (*release)(cm_store *store, void *object);
} cm_passing;

/*
 * One call crossing a component's boundary: CanonicalABI.md's Subtask (of the
 * caller) and Task (of the callee) in one.  Pooled per store, with its arena,
 * so that a call touches no heap once the pool is warm.
 */
struct cm_call {
    cm_call *next; /* in the pool */
    cm_store *store;
    cm_arena arena;
    vm_fiber *fiber; /* whose host call this is; NULL: called by the embedder */
    vm_error error;  /* what cm_trap said */
    cm_handles *lender;
    cm_lend *lends;
    cm_moving *moving, **moving_end;
    cm_passing *passing, **passing_end;
    uint32_t borrows; /* Task.num_borrows */
    cm_value *args;   /* kept while a host function is pending */
    void *state;      /* cm_call_set_state */
    void (*state_finish)(void *state);
};

/* NULL when memory ran out. */
cm_call *cm_call_begin(cm_store *store, vm_fiber *fiber);
/* Ends lends, drops what is still moving, returns the call to the pool. */
void cm_call_end(cm_call *call);
/* Ends a call and makes its failure the fiber's; `name` tells where. */
VM_MUST_CHECK vm_status cm_call_fail(cm_call *call, vm_status status,
                                     vm_name name);
/* Subtask.deliver_resolve: the handles lent for the call are free again. */
void cm_call_end_lends(cm_call *call);
/* Drops what is still moving. */
void cm_call_drop_moving(cm_call *call);
/* Notes a moving resource; host resources only. */
VM_MUST_CHECK vm_status cm_call_move(cm_call *call, cm_resource *resource,
                                     uint64_t rep);
/* The first moving resource has arrived. */
void cm_call_arrived(cm_call *call);
/* All have: the host function owns them now. */
void cm_call_all_arrived(cm_call *call);
/* Notes an object that the call holds a reference to; on failure it is released
 * at once. */
VM_MUST_CHECK vm_status cm_call_pass(cm_call *call, void *object,
                                     void (*release)(cm_store *store,
                                                     void *object),
                                     bool moves);
/* The reference goes to whoever asks.  False when the call has none. */
bool cm_call_claim(cm_call *call, const void *object);

/* ---- lifting and lowering (cm_abi_*.c) ------------------------------------
 */

/* What lifted strings and lists of numbers are: */
typedef enum cm_mode {
    CM_MODE_VIEW, /* views of guest memory where the encoding allows */
    CM_MODE_COPY, /* copies that outlive post-return */
    CM_MODE_RAW,  /* for cm_abi_lower: views in the guest's encoding */
} cm_mode;

/* A handle that lifting took out of its table. */
typedef struct cm_taken {
    struct cm_taken *next;
    uint32_t index;
    cm_handle entry;
} cm_taken;

/* definitions.py LiftLowerContext. */
typedef struct cm_ctx {
    cm_call *call;
    cm_instance *inst;
    const cm_options *options;
    const cm_view *view; /* of the types walked */
    cm_mode mode;        /* lift: how; lower: how the values were lifted */
    uint8_t p;           /* layout index: 0 or 1 for 64-bit memories */
    uint8_t *mem;        /* the options' memory */
    uint64_t mem_size;
    cm_taken **taken; /* NULL, or where to note what cm_put_back needs */
} cm_ctx;

void cm_ctx_init(cm_ctx *cx, cm_call *call, cm_instance *inst,
                 const cm_options *options, const cm_view *view, cm_mode mode);

static inline cm_resource *cm_ctx_resource(const cm_ctx *cx,
                                           const cm_type *type)
{
    return cx->view->slots[type->resource - cx->view->base];
}

/* definitions.py lift_flat_values for parameters: `out` has room for
 * params->count values. */
VM_MUST_CHECK vm_status cm_lift_params(cm_ctx *cx, const cm_type *params,
                                       bool spilled, const vm_slot *slots,
                                       cm_value *out);
/* ... for a result: slots[0] is the value or points to it. */
VM_MUST_CHECK vm_status cm_lift_result(cm_ctx *cx, const cm_type *type,
                                       bool spilled, const vm_slot *slots,
                                       cm_value *out);
/* lower_flat_values: spilled parameters are put where realloc says. */
VM_MUST_CHECK vm_status cm_lower_params(cm_ctx *cx, const cm_type *params,
                                        bool spilled, const cm_value *values,
                                        vm_slot *slots);
/* ... for a result: into slots[0], or where `out` (out_param) points. */
VM_MUST_CHECK vm_status cm_lower_result(cm_ctx *cx, const cm_type *type,
                                        bool spilled, const cm_value *value,
                                        uint64_t out, vm_slot *slots);
/* Notes every host resource that the values own as moving. */
VM_MUST_CHECK vm_status cm_move_values(cm_ctx *cx, const cm_type *type,
                                       const cm_value *value);
VM_MUST_CHECK vm_status cm_move_params(cm_ctx *cx, const cm_type *params,
                                       const cm_value *values);

/* lift_own, lift_borrow, lower_own, lower_borrow (cm_resource.c). */
VM_MUST_CHECK vm_status cm_lift_handle(cm_ctx *cx, const cm_type *type,
                                       uint32_t index, cm_value *out);
VM_MUST_CHECK vm_status cm_lower_handle(cm_ctx *cx, const cm_type *type,
                                        const cm_value *value, uint32_t *index);

/* `n` elements of a list, from and to memory that was checked. */
VM_MUST_CHECK vm_status cm_load_items(cm_ctx *cx, uint64_t ptr,
                                      const cm_type *elem, size_t n,
                                      cm_value *items);
VM_MUST_CHECK vm_status cm_store_items(cm_ctx *cx, const cm_value *items,
                                       size_t n, const cm_type *elem,
                                       uint64_t ptr);

/* A new place in the guest's memory, from its realloc, and checked. */
VM_MUST_CHECK vm_status cm_reallocate(cm_ctx *cx, uint64_t align, uint64_t size,
                                      uint64_t *out);

/* The owned handles that were lifted are back where they were. */
void cm_put_back(cm_ctx *cx);

/* Equal types, resources being what they stand for in their views. */
bool cm_types_equal(const cm_type *a, const cm_view *a_view, const cm_type *b,
                    const cm_view *b_view);

/* Numbers, and what is made of nothing else: passed on without a look. */
bool cm_type_is_numeric(const cm_type *type);
void cm_copy_numbers(uint8_t *to, const uint8_t *from, const cm_type *type,
                     size_t n);

/* canonicalize_nan32 and 64 */
static inline uint32_t cm_nan32(uint32_t bits)
{
    return (bits & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : bits;
}

static inline uint64_t cm_nan64(uint64_t bits)
{
    return (bits & INT64_MAX) > 0x7ff0000000000000 ? 0x7ff8000000000000 : bits;
}

/* A Unicode scalar value. */
static inline bool cm_is_char(uint32_t c)
{
    return c < 0x110000 && (c < 0xd800 || c > 0xdfff);
}

/* A lifted string in CM_MODE_RAW: str.len carries its encoding on top. */
enum {
    CM_RAW_UTF8,
    CM_RAW_UTF16,
    CM_RAW_LATIN1,
    CM_RAW_COMPACT_UTF16, /* latin1+utf16, tagged */
    CM_RAW_SHIFT = 60,
};

/* ---- entering and leaving (cm_func.c) -------------------------------------
 */

/* Also when the two are the same. */
bool cm_is_ancestor(const cm_instance *inst, const cm_instance *of);
/* ComponentInstance.may_enter_from, enter_from and leave_to; `caller` NULL: the
 * embedder. */
bool cm_may_enter(cm_instance *inst, const cm_instance *caller);
VM_MUST_CHECK vm_status cm_enter(cm_call *call, cm_instance *inst,
                                 cm_instance *caller);
void cm_leave(cm_instance *inst, cm_instance *caller);

/* What becomes of a lifted result (NULL: none), before post-return. */
typedef struct cm_sink {
    vm_status (*put)(struct cm_sink *sink, const cm_value *result);
} cm_sink;

/*
 * canon_lift: calls a lifted function, whose instance was entered.  `mode`
 * tells how the arguments were lifted, and how the result is to be.
 */
VM_MUST_CHECK vm_status cm_lifted_call(cm_call *call, cm_func *func,
                                       cm_mode mode, const cm_value *args,
                                       cm_sink *sink);

/* Calls core code that must return normally (call_and_trap_on_throw). */
VM_MUST_CHECK vm_status cm_core_call(cm_call *call, vm_func *func,
                                     vm_slot *slots);
/* The same on a thread of its own, as definitions.py has it for realloc and
 * destructors. */
VM_MUST_CHECK vm_status cm_core_call_apart(cm_call *call, vm_func *func,
                                           vm_slot *slots);

#endif
