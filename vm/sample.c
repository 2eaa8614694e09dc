/*
 * sample.c - finding the guest's frames when a signal has stopped it anywhere
 * (sample.h).
 *
 * Handlers keep pc, frame and instance in machine registers and save them only
 * before they call a host function.  Rather than to know in which registers
 * (which is the calling convention's business, and changes as handlers are
 * tuned), all of them are tried: three of the interrupted words are the
 * instance, pc and frame if and only if the frames from there on make sense
 * down to the bottom of the stack.  They hardly ever do so by accident: every
 * return address has to lie in a function's code, behind an instruction that
 * places the callee's frame just where it is.  The same covers the moments in a
 * call or return when half of the registers are the caller's.
 *
 * When a handler has called C (memory.copy, an allocation), the words are on
 * the C stack, in its frame, just below the engine's own.
 */
#include "vm/sample.h"

#include "vm/bursts.h"

#include <string.h>

extern const vm_cell vm_host_entry[];

#define MAX_WORDS 128
#define MAX_INSTANCES 1024 /* looked through for one word */
#define MAX_CALL_CELLS 6

typedef struct frame {
    vm_instance *instance;
    struct vm_code *code;
    const vm_cell *pc;
    const vm_slot *fp;
} frame;

/* ---- single frames ----------------------------------------------------------
 */

static bool in_stack(const vm_fiber *f, uintptr_t word)
{
    return word >= (uintptr_t)f->stack && word < (uintptr_t)f->stack_end &&
           word % sizeof(vm_slot) == 0;
}

/* True when an instruction that ends at `back`, in the caller's code, gives a
 * callee's frame that place: its first field, or an operand cell's. */
static bool calls_to(const frame *caller, const vm_slot *callee)
{
    for (int n = 2; n <= MAX_CALL_CELLS; n++) {
        const vm_cell *call = caller->pc - n;
        if (call < caller->code->cells)
            return false;
        if (caller->fp + (uint16_t)call[1] == callee)
            return true;
    }
    return false;
}

/* The caller's frame; its pc lies behind the call. */
typedef enum step { STEP_CALLER, STEP_BOTTOM, STEP_WRONG } step;

static step step_out(const vm_fiber *f, frame *at)
{
    const vm_slot *callee = at->fp, *rec = callee + at->code->rec;
    if (rec + VM_REC_SLOTS > f->stack_end)
        return STEP_WRONG;
    uintptr_t pc = rec[VM_REC_PC], fp = rec[VM_REC_FP];
    if (pc == (uintptr_t)vm_exit_entry)
        return callee == f->stack ? STEP_BOTTOM : STEP_WRONG;
    if (pc == (uintptr_t)vm_inner_return)
        callee -= VM_INNER; /* where the caller put its arguments */
    if (pc == (uintptr_t)vm_cross_return || pc == (uintptr_t)vm_inner_return) {
        if (fp != (uintptr_t)&rec[VM_REC_CROSS_PC])
            return STEP_WRONG;
        pc = rec[VM_REC_CROSS_PC];
        fp = rec[VM_REC_CROSS_FP];
        at->instance = (vm_instance *)(uintptr_t)rec[VM_REC_CROSS_INSTANCE];
    }
    if (!in_stack(f, fp) || fp >= (uintptr_t)callee)
        return STEP_WRONG;
    at->pc = vm_behind_fence(f, (const vm_cell *)pc);
    at->fp = (const vm_slot *)fp;
    at->code = vm_code_find_async(at->instance->module, at->pc);
    return at->code && calls_to(at, callee) ? STEP_CALLER : STEP_WRONG;
}

/* ---- the frames of a fiber --------------------------------------------------
 */

static void add(vm_sample *out, vm_sample_frame frame)
{
    if (out->count < VM_SAMPLE_FRAMES)
        out->frames[out->count++] = frame;
    else
        out->truncated = true;
}

static void add_guest(vm_sample *out, const frame *at, bool inner)
{
    uint32_t cell = (uint32_t)(at->pc - at->code->cells);
    add(out, (vm_sample_frame){.kind = VM_SAMPLE_GUEST,
                               .cell = !inner && cell ? cell - 1 : cell,
                               .instance = at->instance,
                               .code = at->code});
}

/* All frames from this one on; false, and none are added, when they make no
 * sense.  A stack that is deeper than the sample is believed so far.  `inner`:
 * pc is at the instruction, not behind a call. */
static bool add_frames(const vm_fiber *f, frame at, bool inner, vm_sample *out)
{
    uint32_t before = out->count;
    step step;
    add_guest(out, &at, inner);
    while ((step = step_out(f, &at)) == STEP_CALLER && !out->truncated)
        add_guest(out, &at, false);
    if (step != STEP_WRONG)
        return true;
    out->count = before;
    out->truncated = false;
    return false;
}

/* ---- searching words --------------------------------------------------------
 */

static vm_instance *find_instance(const vm_store *store, uintptr_t word)
{
    uint32_t n = 0;
    vm_instance *in = store->instances;
    while (in && (uintptr_t)in != word && n++ < MAX_INSTANCES)
        in = in->next;
    return (uintptr_t)in == word ? in : NULL;
}

/* The frame itself; or, when a return has loaded the caller's pc and not yet
 * its frame, what the call before that pc says lies below the callee's. */
static bool try_frame(const vm_fiber *f, frame at, uintptr_t fp, bool returning,
                      vm_sample *out)
{
    at.fp = (const vm_slot *)fp;
    if (!returning)
        return in_stack(f, fp) && add_frames(f, at, true, out);
    for (int n = 2; n <= MAX_CALL_CELLS && at.pc - n >= at.code->cells; n++) {
        uintptr_t down = (uint16_t)at.pc[1 - n] * sizeof(vm_slot);
        at.fp = (const vm_slot *)(fp - down);
        if (down && in_stack(f, fp) && in_stack(f, fp - down) &&
            add_frames(f, at, true, out))
            return true;
    }
    return false;
}

static bool try_instance(const vm_fiber *f, vm_instance *instance,
                         const uintptr_t *words, uint32_t n, bool returning,
                         vm_sample *out)
{
    frame at = {.instance = instance};
    for (uint32_t i = 0; i < n; i++) {
        at.pc = (const vm_cell *)words[i];
        at.code = words[i] % sizeof(vm_cell) == 0
                      ? vm_code_find_async(instance->module, at.pc)
                      : NULL;
        for (uint32_t k = 0; at.code && k < n; k++)
            if (try_frame(f, at, words[k], returning, out))
                return true;
    }
    return false;
}

static bool search(const vm_fiber *f, const uintptr_t *words, uint32_t n,
                   bool returning, vm_sample *out)
{
    for (uint32_t i = 0; i < n; i++) {
        vm_instance *instance = find_instance(f->store, words[i]);
        if (instance && try_instance(f, instance, words, n, returning, out))
            return true;
    }
    return false;
}

/* As a fiber's registers were saved last: before it called a host function. */
static bool add_saved(const vm_fiber *f, vm_sample *out)
{
    frame at = {
        .instance = f->regs.instance, .pc = f->regs.pc, .fp = f->regs.fp};
    if (at.pc == vm_host_entry)
        return true; /* no frames of a guest */
    at.code =
        at.instance ? vm_code_find_async(at.instance->module, at.pc) : NULL;
    return at.code && in_stack(f, (uintptr_t)at.fp) &&
           add_frames(f, at, true, out);
}

/*
 * A tail call has its own pc noted and, while C code moves its arguments, its
 * caller's pc and frame in registers.  When these are what was found, its frame
 * is put inside of them.
 */
static void add_tail_call(const vm_fiber *f, const uintptr_t *words, uint32_t n,
                          vm_sample *out, uint32_t found)
{
    vm_sample_frame *caller = &out->frames[found];
    frame at = {.instance = caller->instance, .pc = f->regs.pc};
    at.code = vm_code_find_async(at.instance->module, at.pc);
    uint32_t cell = at.code ? (uint32_t)(at.pc - at.code->cells) : 0;
    if (!at.code || out->count == VM_SAMPLE_FRAMES)
        return;
    for (uint32_t i = 0; i < n; i++) {
        frame outer = at;
        outer.fp = (const vm_slot *)words[i];
        if (!in_stack(f, words[i]) || step_out(f, &outer) != STEP_CALLER ||
            outer.code != caller->code || outer.instance != caller->instance ||
            outer.pc != outer.code->cells + caller->cell || !caller->cell)
            continue;
        caller->cell--; /* within the call */
        memmove(caller + 1, caller, (out->count - found) * sizeof *caller);
        *caller = (vm_sample_frame){.kind = VM_SAMPLE_GUEST,
                                    .cell = cell,
                                    .instance = at.instance,
                                    .code = at.code};
        out->count++;
        return;
    }
}

/* Of a C stack whose frames are not this one's to know: AddressSanitizer must
 * not mind. */
__attribute__((no_sanitize("address"))) static uintptr_t read_word(uintptr_t at)
{
    return *(const uintptr_t *)at;
}

/* The registers, then the words of the handler's C frame as well; at last what
 * was saved, which is right while an exception is being unwound. */
static bool search_running(const vm_fiber *f, const uintptr_t *registers,
                           uint32_t n, uintptr_t sp, vm_sample *out)
{
    uintptr_t words[MAX_WORDS];
    uint32_t before = out->count;
    if (search(f, registers, n, false, out)) {
        add_tail_call(f, registers, n, out, before);
        return true;
    }
    if (search(f, registers, n, true, out))
        return true;
    if (!f->c_stack || sp >= f->c_stack)
        return false;
    n = n < MAX_WORDS / 2 ? n : MAX_WORDS / 2;
    /* Noted by tail calls, which have the caller's pc and frame at hand as
     * well: those would make sense, too. */
    words[0] = (uintptr_t)f->regs.pc;
    memcpy(words + 1, registers, n++ * sizeof *words);
    uintptr_t at = f->c_stack & ~(sizeof(uintptr_t) - 1);
    for (; n < MAX_WORDS && at > sp + sizeof(uintptr_t); n++) {
        at -= sizeof(uintptr_t);
        words[n] = read_word(at);
    }
    return search(f, words, n, false, out) || add_saved(f, out);
}

/* ---- fibers -----------------------------------------------------------------
 */

/* A function is called for the first time: its frame is there, its code not. */
static bool add_compiling(const vm_fiber *f, vm_sample *out)
{
    frame at = {.instance = f->regs.instance,
                .code = (struct vm_code *)(uintptr_t)f->regs.acc,
                .fp = f->regs.fp};
    add(out, (vm_sample_frame){.kind = VM_SAMPLE_COMPILE, .code = at.code});
    return step_out(f, &at) != STEP_CALLER || add_frames(f, at, false, out);
}

void vm_sample_take(const vm_store *store, const uintptr_t *registers,
                    uint32_t nregisters, uintptr_t sp, vm_sample *out)
{
    out->count = 0;
    out->truncated = out->lost = false;
    for (const vm_fiber *f = store->current; f && !out->truncated;
         f = f->outer) {
        bool found;
        if (f->outside == VM_COMPILING) {
            found = add_compiling(f, out);
        } else if (f->outside == VM_COUNTING) {
            add(out, (vm_sample_frame){.kind = VM_SAMPLE_COMPILE});
            found = add_saved(f, out);
        } else if (f->outside) {
            add(out,
                (vm_sample_frame){.kind = VM_SAMPLE_HOST, .host = f->outside});
            found = add_saved(f, out);
        } else {
            found = f == store->current &&
                    search_running(f, registers, nregisters, sp, out);
        }
        out->lost |= !found;
    }
}
