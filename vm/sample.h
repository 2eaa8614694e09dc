/*
 * sample.h - where a running guest is, as seen from a signal handler: what the
 * profiler asks a thousand times a second.
 */
#ifndef VYOMA_VM_SAMPLE_H
#define VYOMA_VM_SAMPLE_H

#include "vm/lines.h"
#include "vm/vm.h"

#define VM_SAMPLE_FRAMES 256

typedef enum vm_sample_kind {
    VM_SAMPLE_GUEST,
    VM_SAMPLE_HOST,    /* a host function, called by the next frame */
    VM_SAMPLE_COMPILE, /* the engine, translating a function for its first call,
                          or for counting */
} vm_sample_kind;

typedef struct vm_sample_frame {
    vm_sample_kind kind;
    uint32_t cell;         /* guest: of the instruction, see vm/code.h */
    vm_instance *instance; /* guest */
    struct vm_code *code;  /* guest, compile */
    const vm_func *host;   /* host */
} vm_sample_frame;

typedef struct vm_sample {
    uint32_t count;
    bool truncated; /* there were more frames */
    bool lost;      /* a guest runs, but where could not be told */
    vm_sample_frame frames[VM_SAMPLE_FRAMES]; /* innermost first */
} vm_sample;

/*
 * Async-signal-safe; to be called on the thread that runs the store's guests,
 * with the general registers that the signal interrupted, and its stack
 * pointer.  No frames: no guest runs.
 */
void vm_sample_take(const vm_store *store, const uintptr_t *registers,
                    uint32_t nregisters, uintptr_t stack_pointer,
                    vm_sample *out);

/* ---- afterwards, while the store exists ------------------------------------
 */

/* True when both are in the same function (of the same instance). */
bool vm_sample_same_func(const vm_sample_frame *a, const vm_sample_frame *b);
/* "FUNC" or "MODULE!FUNC", "[host] MODULE FUNC", "[vyoma] compile". */
void vm_sample_label(const vm_sample_frame *frame, char *buf, size_t size);

/* Of guest frames: where the function and the instruction are in the module. */
typedef struct vm_sample_place {
    const vm_module *module;
    uint32_t func;   /* index */
    uint32_t start;  /* of the function's body */
    uint32_t offset; /* of the instruction */
    bool has_line;
    vm_line line;
    uint16_t op; /* vm_op of the instruction */
} vm_sample_place;
void vm_sample_locate(const vm_sample_frame *frame, vm_sample_place *out);

/*
 * Which instruction comes before another in its function's code: asked in the
 * order of offsets, a function is read once.  Starts as zeros.
 */
typedef struct vm_sample_cursor {
    const vm_module *module;
    uint32_t func, offset; /* of what is read next */
    uint32_t before;       /* the vm_op before that plus one, or 0 */
} vm_sample_cursor;
/*
 * A vm_op plus one; 0 where there is none, or ways may meet: first in its
 * function, or behind a `loop`, `catch` or `end`.
 */
uint32_t vm_sample_before(vm_sample_cursor *cursor, const vm_module *module,
                          uint32_t func, uint32_t offset);

#endif
