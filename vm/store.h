/*
 * store.h - the run-time structures behind the handles of vm.h: everything a
 * guest has at run time hangs off its vm_store.  Private to vm/.
 *
 * Compiled code is shared by all instances of a module, in any store, so it
 * names everything by offset or index from the vm_instance; handlers read
 * these structures directly.
 */
#ifndef VYOMA_VM_STORE_H
#define VYOMA_VM_STORE_H

#include "vm/module.h"
#include "vm/vm.h"

#include <pthread.h>
#include <stdatomic.h>

typedef uint64_t vm_cell; /* a cell of threaded code: see code.h */

struct vm_memory {
    uint8_t *data;
    _Atomic uint64_t bytes; /* accessible; only ever grows */
    uint64_t pages;
    uint64_t reserved; /* bytes of address space from data on */
    bool may_move;     /* it could outgrow that */
    vm_limits limits;
    vm_store *store;
    vm_memory *next;
    pthread_mutex_t lock; /* growing of a shared memory */
};

struct vm_table {
    vm_ref *elems;
    uint64_t size, capacity;
    vm_limits limits;
    vm_type type;
    vm_store *store;
    vm_table *next;
    /*
     * Where an element is null, these say which function of the instance it
     * may stand for.  NULL: a null is a null.
     */
    const struct vm_table_image *image;
    vm_instance *instance;
};

struct vm_global {
    _Alignas(16) vm_value value;
    vm_type type;
    bool is_mutable;
    bool by_host;
    union {
        vm_global *next;       /* host-made: in the store's list */
        vm_instance *instance; /* the others */
    };
};

typedef struct vm_host_global {
    vm_global global;
    vm_store *store;
} vm_host_global;

struct vm_tag {
    const vm_deftype *type;
    vm_store *store;
    vm_tag *next;
};

/*
 * A function as a value.  Those of an instance are made when first referred
 * to.  call_indirect compares `type` before anything else.
 */
struct vm_func {
    const vm_deftype *type;
    vm_instance *instance; /* NULL: a host function */
    union {
        struct vm_code *code;
        vm_host_fn host;
    };
    union {
        void *env;
        uint64_t index; /* in the module */
    };
};

typedef struct vm_host_func {
    vm_func func;
    vm_store *store;
    vm_name module, name; /* for people; may be empty */
    vm_host_fn after;     /* see vm_may_enter */
} vm_host_func;

struct vm_root {
    vm_ref ref;
    vm_root *next, **link; /* in the store's list */
};

#define VM_FUNC_PAGE 32 /* vm_funcs are made in groups of this many */

/* A passive or declared segment's references; dropped ones have count 0. */
typedef struct vm_elems {
    vm_ref *refs;
    uint32_t count;
} vm_elems;

/* One block of memory: this, then the arrays, then the module's globals. */
struct vm_instance {
    vm_module *module;
    vm_store *store;
    vm_memory *memory0; /* never NULL: an empty one stands in */
    vm_memory **memories;
    vm_table **tables;
    vm_global **globals; /* own ones are at the end of this block */
    vm_func **imports;   /* functions */
    vm_func **func_pages;
    vm_tag **tags;
    vm_elems *elems;
    uint8_t *dropped;                /* data segments: one bit each */
    bool imaged_tables, imaged_data; /* image.c did the active segments */
    vm_instance *next;
    size_t size; /* bytes of the block */
};

typedef enum vm_fiber_state {
    VM_FIBER_IDLE,
    VM_FIBER_READY, /* started or suspended: registers are saved below */
    VM_FIBER_RUNNING,
} vm_fiber_state;

/* The registers of the abstract machine while no handler runs. */
typedef struct vm_registers {
    const vm_cell *pc;
    vm_slot *fp;
    vm_instance *instance;
    uint64_t acc, l0, l1;
    double fd, d0;
    float fs;
} vm_registers;

/* Branch targets that handlers remember: FOLLOW in interp.h. */
#define VM_TARGETS 64

struct vm_fiber {
    vm_slot *stack_limit; /* frames may start below this: see VM_STACK_GUARD */
    const vm_cell *targets[VM_TARGETS];
    vm_store *store;
    vm_status status; /* why the handlers returned */
    vm_fiber_state state;
    vm_registers regs;
    vm_slot *stack, *stack_end;
    vm_func *func; /* being run */
    void *pending;
    vm_instance *caller; /* of the host function that runs */
    bool may_enter;      /* see vm_may_enter */
    const vm_func *inner;
    vm_ref exception; /* on its way, or uncaught */
    uint64_t paid;    /* fuel, for the instruction it stopped at */
    bool paying;      /* it stopped there for lack of more */
    /* Counting in bursts: the frame whose return address is the fence, or NULL;
     * what that was; and whether some frames go on in code that counts. */
    const vm_slot *fence_fp;
    const vm_cell *fence_pc;
    bool counted;
    vm_fiber *outer; /* the one that ran when this one started */
    vm_fiber *next;  /* in the store's list of all fibers */
    vm_fiber *next_idle;
    bool pooled;
    /* For samples: the host function that runs, VM_COMPILING, or NULL while
     * handlers do; and where the C stack stood before they did.  Volatile:
     * signal handlers look at it. */
    const vm_func *volatile outside;
    uintptr_t c_stack;
    char text[300]; /* of the trap */
};

#define VM_COMPILING ((const vm_func *)1)
/* In bursts.c, with the registers saved. */
#define VM_COUNTING ((const vm_func *)2)

struct vm_store {
    vm_engine *engine;
    vm_store_limits limits;
    _Atomic uint64_t used; /* bytes, against limits.memory_bytes */
    uint64_t fuel;
    atomic_bool interrupt;
    int exit_code;
    uint32_t ninstances;
    uint32_t nesting; /* of vm_call on the C stack */
    vm_fiber *current, *fibers, *idle;
    vm_instance *instances;
    vm_memory *memories;
    vm_table *tables;
    vm_global *globals;
    vm_tag *tags;
    struct vm_host_funcs *funcs;
    vm_memory *no_memory;
    struct vm_heap *heap; /* made with the first object */
    vm_root *roots;
    struct vm_heap_range *ranges;
    struct vm_trace *trace;   /* of the last trap: trap.c */
    struct vm_bursts *bursts; /* counting a part of what runs, or NULL */
    void *data, *extension;
    void (*finish)(void *extension);
};

#define VM_PAGE_BYTES 65536
#define VM_MAX_NESTING 150 /* each level is C stack: the handlers' and the */
                           /* host function's */

/* Memory on behalf of the guest.  False when the limit would be passed. */
VM_MUST_CHECK bool vm_store_charge(vm_store *store, uint64_t bytes);
void vm_store_refund(vm_store *store, uint64_t bytes);
/* calloc and free with the above; large blocks are of pages of their own. */
void *vm_store_alloc(vm_store *store, size_t bytes);
void vm_store_free(vm_store *store, void *p, size_t bytes);

/* The function of an index space as a value; NULL: out of memory. */
vm_func *vm_instance_func(vm_instance *instance, uint32_t index);

/* Where the value of a module's own global is, in bytes from the instance. */
uint32_t vm_instance_global_offset(const vm_module *module, uint32_t index);

/* The store that it belongs to. */
vm_store *vm_func_store(const vm_func *func);
vm_store *vm_global_store(const vm_global *global);

void vm_host_funcs_destroy(struct vm_host_funcs *funcs);
void vm_memory_destroy(vm_memory *memory);
void vm_table_destroy(vm_table *table);
/* True when the null in elems[i] stands for a function of the image. */
bool vm_table_is_pending(const vm_table *table, uint64_t i);
/* Makes that element; NULL: out of memory. */
vm_func *vm_table_make(vm_table *table, uint64_t i);
/* Old size, or -1. */
int64_t vm_table_grow(vm_table *table, uint64_t delta, vm_ref init);
/* table.init, table.copy, table.fill; false: out of bounds. */
VM_MUST_CHECK bool vm_table_init(vm_table *table, const vm_elems *elems,
                                 uint64_t d, uint64_t s, uint64_t n);
VM_MUST_CHECK bool vm_table_copy(vm_table *to, vm_table *from, uint64_t d,
                                 uint64_t s, uint64_t n);
VM_MUST_CHECK bool vm_table_fill(vm_table *table, uint64_t i, vm_ref ref,
                                 uint64_t n);

/*
 * Evaluates a constant expression at *p, and moves *p behind its `end`.
 * Errors: VM_TRAP (an array too long, say), VM_NO_MEMORY.
 */
VM_MUST_CHECK vm_status vm_constexpr_eval(vm_instance *instance,
                                          const uint8_t **p, vm_value *out,
                                          vm_error *err);

/* Pointers into the module's bytes, NULL-safe for dropped segments. */
static inline uint64_t vm_data_size(const vm_instance *in, uint32_t i)
{
    bool dropped = in->dropped[i / 8] >> (i % 8) & 1;
    return dropped ? 0 : in->module->datas[i].size;
}

/* True when [i, i + n) lies in [0, size). */
static inline bool vm_in_range(uint64_t i, uint64_t n, uint64_t size)
{
    return i <= size && n <= size - i;
}

static inline uint64_t vm_memory_bytes(const vm_memory *m)
{
    return atomic_load_explicit(&m->bytes, memory_order_relaxed);
}

#endif
