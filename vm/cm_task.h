/*
 * cm_task.h - the asynchronous side of the canonical ABI: tasks, threads,
 * waitables, streams and futures.  Names are definitions.py's.
 *
 * A guest thread is a vm_fiber with the C state around it (cm_thread).  A
 * built-in that has to wait puts its thread into the store's queue and answers
 * VM_PENDING; whoever resumed the thread goes on then, and the event loop
 * (cm_task.c) resumes it when it is ready, upon which the built-in is called
 * again to finish.  Stores in which no component uses any of this run every
 * call nested on one fiber instead (cm_func.c, cm_lower.c).
 */
#ifndef VYOMA_CM_TASK_H
#define VYOMA_CM_TASK_H

#include "vm/cm_canon.h"

typedef struct cm_task cm_task;
typedef struct cm_thread cm_thread;
typedef struct cm_waitable cm_waitable;
typedef struct cm_set cm_set;

/* ---- threads and tasks (cm_task.c) ----------------------------------------
 */

typedef bool (*cm_ready)(const cm_thread *thread);

typedef enum cm_phase {
    CM_PHASE_NEW,   /* before backpressure was looked at */
    CM_PHASE_ENTER, /* waiting to enter */
    CM_PHASE_CORE,  /* its fiber runs core code */
    CM_PHASE_LOOP,  /* callback: between two calls */
    CM_PHASE_DONE,
} cm_phase;

struct cm_thread {
    cm_thread *next;                    /* of the task, or idle */
    cm_thread *queue_next, *queue_prev; /* of the store's waiting threads */
    cm_task *task;
    vm_fiber *fiber; /* kept when the thread is idle */
    cm_phase phase;
    bool running, waiting, cancellable;
    bool cancelled; /* what the last block answered */
    bool registered;
    cm_ready ready;
    void *ready_for; /* what `ready` looks at */
    cm_set *set;     /* LOOP: the set waited on; NULL: a yield */
    cm_thread *switch_to;
    uint32_t index; /* in the instance's thread table */
    vm_func *entry; /* thread.new-indirect; NULL: the implicit thread */
    uint64_t argument;
    uint64_t context[2];
};

typedef enum cm_task_state {
    CM_TASK_INITIAL,
    CM_TASK_STARTED,
    CM_TASK_PENDING_CANCEL,
    CM_TASK_CANCEL_DELIVERED,
    CM_TASK_RESOLVED,
} cm_task_state;

/* Who called: on_start and on_resolve. */
typedef struct cm_caller {
    /* Lifts the arguments into task->call->args. */
    vm_status (*start)(struct cm_caller *caller, cm_task *task);
    /* `result` NULL with `cancelled`: the task was cancelled. */
    vm_status (*resolve)(struct cm_caller *caller, const cm_value *result,
                         bool cancelled);
    cm_mode mode; /* how values pass between caller and task */
} cm_caller;

struct cm_task {
    cm_call *call; /* arena, lends and borrows */
    cm_func *func;
    cm_instance *inst;
    cm_caller *caller; /* until resolved */
    cm_task_state state;
    cm_thread *implicit;
    cm_thread *threads; /* registered ones */
    cm_flat flat;
    unsigned refs; /* the caller's, and one while it runs */
};

/* Per instance; hangs on its handle table. */
typedef struct cm_async {
    cm_thread **threads; /* by index; freed ones hold NULL */
    uint32_t *free;      /* freed indices, a stack */
    uint32_t nthreads, nfree, capacity;
    uint32_t backpressure, num_waiting_to_enter;
    cm_thread *exclusive_thread;
} cm_async;
cm_async *cm_handles_async(cm_handles *handles);
void cm_async_finish(cm_async *async);

/* Per store; hangs on its pool of calls. */
typedef struct cm_sched {
    bool used; /* some component has async parts */
    cm_store *store;
    cm_thread *current;
    uint64_t *context; /* the running thread's, or NULL; see cm_context_enter */
    cm_thread *first, *last; /* waiting, oldest first */
    cm_thread *idle;
    uint32_t nthreads; /* ever made */
    unsigned ticks;
    /* Asynchronous hosts: cm_host_stream.c */
    const cm_waiter *waiter;
    void *waiter_host;
    struct cm_shared *hosted;         /* streams with a host end */
    struct cm_subtask *waiting_hosts; /* calls of host functions */
} cm_sched;
cm_sched *cm_store_sched(cm_store *store); /* NULL: out of memory */

/* What runs from here to cm_context_leave is a thread of its own as far as
 * context.get and set can tell: its words are zero at first. */
typedef struct cm_context {
    uint64_t words[2];
    uint64_t *outer;
} cm_context;

static inline void cm_context_enter(cm_sched *sched, cm_context *context)
{
    *context = (cm_context){.outer = sched->context};
    sched->context = context->words;
}

static inline void cm_context_leave(cm_sched *sched, const cm_context *context)
{
    sched->context = context->outer;
}

/*
 * Store.lift and canon_lift: enters the instance, makes a task and runs it
 * until it blocks or ends.  The task lives in the call's arena, and ends the
 * call when its last reference goes; *out holds one.
 */
VM_MUST_CHECK vm_status cm_task_start(cm_sched *sched, cm_call *call,
                                      cm_func *func, cm_instance *from,
                                      cm_caller *caller, cm_task **out);
void cm_task_release(cm_task *task);
/* Store.tick until the task has answered; traps when nothing is ready. */
VM_MUST_CHECK vm_status cm_task_run(cm_sched *sched, cm_task *task);
/* The same after it has answered, until the embedder has enough or nothing is
 * left to do. */
VM_MUST_CHECK vm_status cm_task_run_on(cm_sched *sched, cm_task *task,
                                       bool (*enough)(void *data), void *data);
VM_MUST_CHECK vm_status cm_task_return(cm_task *task, const cm_value *result);
VM_MUST_CHECK vm_status cm_task_cancel(cm_task *task);
/* Task.request_cancellation; what goes wrong is told to `call`. */
VM_MUST_CHECK vm_status cm_task_request_cancel(cm_sched *sched, cm_task *task,
                                               cm_call *call,
                                               cm_instance *from);
bool cm_task_deliver_cancel(cm_task *task, bool cancellable);

/* Thread.resume, with the threads it switches to; errors go to `call`. */
VM_MUST_CHECK vm_status cm_thread_resume(cm_sched *sched, cm_thread *thread,
                                         bool cancelled, cm_call *call);

/* How a built-in waits. */
typedef struct cm_wait {
    cm_ready ready; /* NULL: until somebody resumes the thread */
    void *ready_for;
    bool cancellable;
    bool yields; /* even when it is ready at once */
    void *again; /* what vm_fiber_pending answers at the second call */
} cm_wait;
/*
 * Thread.wait_until and suspend: VM_PENDING when the thread was queued; the
 * built-in is called again to finish.  VM_OK when it need not wait.  In both
 * cases thread->cancelled tells of a cancellation afterwards.  A trap when the
 * fiber is no thread's, as in a start function or a destructor.
 */
VM_MUST_CHECK vm_status cm_thread_wait(cm_sched *sched, vm_fiber *fiber,
                                       const cm_wait *wait);
/* The thread whose fiber makes a host call, or NULL. */
cm_thread *cm_thread_of(const cm_sched *sched, const vm_fiber *fiber);
cm_thread *cm_thread_at(cm_instance *inst, uint32_t index);
VM_MUST_CHECK vm_status cm_thread_create(cm_sched *sched, cm_task *task,
                                         vm_func *entry, uint64_t argument,
                                         cm_thread **out);
void cm_thread_queue(cm_sched *sched, cm_thread *thread, cm_ready ready,
                     void *ready_for);
void cm_thread_unqueue(cm_sched *sched, cm_thread *thread);
bool cm_always_ready(const cm_thread *thread);

/* ---- waitables (cm_waitable.c) --------------------------------------------
 */

typedef enum cm_event_code {
    CM_EVENT_NONE,
    CM_EVENT_SUBTASK,
    CM_EVENT_STREAM_READ,
    CM_EVENT_STREAM_WRITE,
    CM_EVENT_FUTURE_READ,
    CM_EVENT_FUTURE_WRITE,
    CM_EVENT_TASK_CANCELLED,
} cm_event_code;

typedef struct cm_event {
    uint32_t code, index, payload;
} cm_event;

/* Handle kinds from CM_HANDLE_OBJECT on. */
typedef enum cm_object_kind {
    CM_OBJECT_SUBTASK = CM_HANDLE_OBJECT,
    CM_OBJECT_STREAM_READ,
    CM_OBJECT_STREAM_WRITE,
    CM_OBJECT_FUTURE_READ,
    CM_OBJECT_FUTURE_WRITE,
    CM_OBJECT_SET,
    CM_OBJECT_ERROR_CONTEXT,
} cm_object_kind;

struct cm_waitable {
    cm_waitable *set_next, *set_prev;
    cm_set *set;
    uint32_t index; /* its handle */
    bool has_event, has_sync_waiter;
    /* Makes the pending event definite: get_pending_event. */
    void (*take)(cm_waitable *waitable, cm_event *event);
};

struct cm_set {
    cm_waitable *first, *last;
    uint32_t num_waiting;
};

typedef enum cm_subtask_state {
    CM_SUBTASK_STARTING,
    CM_SUBTASK_STARTED,
    CM_SUBTASK_RETURNED,
    CM_SUBTASK_CANCELLED_BEFORE_STARTED,
    CM_SUBTASK_CANCELLED_BEFORE_RETURNED,
} cm_subtask_state;

typedef struct cm_subtask {
    cm_waitable waitable; /* first */
    cm_caller caller;
    cm_subtask_state state;
    bool cancellation_requested, delivered, notify;
    struct cm_subtask *host_next; /* of sched->waiting_hosts */
    cm_call *call;
    cm_task *task; /* NULL: a host function's */
    const struct cm_lowered *lowered;
    vm_slot slots[CM_MAX_FLAT_PARAMS + 2]; /* flat arguments, then results */
} cm_subtask;

bool cm_subtask_resolved(const cm_subtask *subtask);
void cm_subtask_deliver(cm_subtask *subtask);
void cm_waitable_join(cm_waitable *waitable, cm_set *set);
cm_event cm_waitable_take(cm_waitable *waitable);
bool cm_set_has_event(const cm_set *set);
cm_event cm_set_take(cm_set *set); /* of the first that has one */
/* The set at a handle, or NULL. */
cm_set *cm_set_at(cm_instance *inst, uint32_t index);
/* Thread.wait_for_pending_event's condition; ready_for is the waitable. */
bool cm_waitable_ready(const cm_thread *thread);

/* The object at a handle of a kind, or NULL. */
void *cm_object_at(cm_instance *inst, uint32_t index, unsigned kind);
/* A new handle for an object; its index, or 0 after a vm_trap. */
uint32_t cm_object_add(vm_fiber *fiber, cm_instance *inst, unsigned kind,
                       void *object);

/* ---- lowered functions (cm_lower.c) ---------------------------------------
 */

typedef struct cm_direct cm_direct;

/* A component function as one instance lowers it: all that a call needs. */
typedef struct cm_lowered {
    cm_instance *inst;
    cm_store *store;
    cm_func *callee;
    const cm_functype *type; /* in inst's resource numbers */
    cm_options options;
    cm_flat flat;
    cm_direct *direct; /* NULL: there is no short way */
} cm_lowered;
VM_MUST_CHECK vm_status cm_lowered_lift_args(const cm_lowered *l, cm_call *call,
                                             cm_mode mode,
                                             const vm_slot *slots);
VM_MUST_CHECK vm_status cm_lowered_put_result(const cm_lowered *l,
                                              cm_call *call, cm_mode mode,
                                              const cm_value *result,
                                              const vm_slot *args,
                                              vm_slot *slots);
VM_MUST_CHECK vm_status cm_check_kinship(cm_call *call, const cm_instance *a,
                                         const cm_instance *b);
/* vm_host_fns for lowered functions in stores with async parts. */
vm_status cm_subtask_call_sync(vm_fiber *fiber, void *env, vm_slot *slots);
vm_status cm_subtask_call_async(vm_fiber *fiber, void *env, vm_slot *slots);

/* Calls pending host functions again. */
VM_MUST_CHECK vm_status cm_subtasks_retry(cm_sched *sched, cm_call *call,
                                          bool *progress, bool *waiting);
/* A round of attempts at everything that waits for the host; with `block`, and
 * when nothing moved, waits for the host, or traps: deadlock. */
VM_MUST_CHECK vm_status cm_host_round(cm_sched *sched, cm_call *call,
                                      bool block);
/* At the store's end: host ends are dropped. */
void cm_hosted_finish(cm_sched *sched);

/* ---- the short way between components (cm_direct.c) ------------------------
 */

/* NULL when a lifted function has to be called the general way; or no memory,
 * which comes to the same. */
cm_direct *cm_direct_create(const cm_lowered *lowered);
/* For a vm_host_fn: true with what to answer, VM_OK when the call is under way;
 * false: nothing has happened. */
bool cm_direct_call(const cm_direct *direct, vm_fiber *fiber, vm_slot *slots,
                    vm_status *status);
/* ... and this follows: vm_func_set_after's; env is the cm_lowered. */
vm_status cm_direct_return(vm_fiber *fiber, void *env, vm_slot *slots);

/* ---- streams and futures (cm_stream.c) ------------------------------------
 */

/* lift_stream, lift_future and their lowering: a value is the shared part. */
VM_MUST_CHECK vm_status cm_lift_end(cm_ctx *cx, const cm_type *type,
                                    uint32_t index, cm_value *out);
VM_MUST_CHECK vm_status cm_lower_end(cm_ctx *cx, const cm_type *type,
                                     const cm_value *value, uint32_t *index);
VM_MUST_CHECK vm_status cm_lift_error_context(cm_ctx *cx, uint32_t index,
                                              cm_value *out);
VM_MUST_CHECK vm_status cm_lower_error_context(cm_ctx *cx,
                                               const cm_value *value,
                                               uint32_t *index);

/* ---- built-ins, by cm_builtin; cm_builtin.c puts them together -------------
 */

extern const vm_host_fn cm_waitable_builtins[CM_BUILTIN_COUNT];
extern const vm_host_fn cm_stream_builtins[CM_BUILTIN_COUNT];

#endif
