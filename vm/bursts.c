/*
 * bursts.c - exact counts of everything cost too much to be had always; counts
 * of a small part, drawn evenly, cost nothing much and estimate the whole.
 *
 * A function can have a twin: its code once more, with counters in its basic
 * blocks (compile_count.c).  Both have the same frames, pinned locals and
 * instructions; the twin's cells are the function's with two more, the counter,
 * before each block.  So an instruction of one has its place in the other,
 * and a guest can go on in either.
 *
 * Time is measured in fuel: loop turns and calls.  Every so often (the plan's
 * period, varied at random) a burst begins, at a loop turn or a call, and lasts
 * for so many of them: what a guest executes from one of these to the next is
 * counted as a whole, or not at all, with the same probability for all.  What
 * was counted, times all fuel by counted fuel, is the estimate.  The first
 * burst, from the start on, is longer, and counts as itself, so that short
 * programs are counted exactly.
 *
 * In a burst fuel is taken by the unit, so that each loop turn and each call
 * asks here, and goes on in the twin.  That leaves the returns into functions
 * that were called before the burst began.  The innermost of these frames gets
 * a fence: its return address is that of a handler which asks here as well, and
 * puts the fence one frame further out.  When the burst ends, the frames within
 * the fence, which are those that it entered, get the addresses of the code
 * that does not count.
 */
#include "vm/bursts.h"

#include "vm/compile.h"

#include <stdlib.h>
#include <string.h>

/* ---- twins ------------------------------------------------------------------
 */

/* How many counters of the twin come before the cell, which is one of the
 * twin's, or one of the function's; a counter right before it is not one. */
static uint32_t counters_before(const struct vm_code *twin, uint32_t cell,
                                bool is_twins)
{
    uint32_t lo = 0, hi = twin->nblocks;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        uint32_t at = twin->blocks[mid].cell - (is_twins ? 0 : 2 * mid);
        if (at < cell)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static const vm_cell *in_twin(const struct vm_code *code, const vm_cell *pc)
{
    const struct vm_code *twin = code->twin;
    uint32_t cell = (uint32_t)(pc - code->cells);
    return twin->cells + cell + 2 * counters_before(twin, cell, false);
}

static const vm_cell *in_plain(const struct vm_code *twin, const vm_cell *pc)
{
    uint32_t cell = (uint32_t)(pc - twin->cells);
    return twin->twin->cells + cell - 2 * counters_before(twin, cell, true);
}

static struct vm_code *code_at(const vm_instance *instance, const vm_cell *pc)
{
    return instance ? vm_code_find(instance->module, pc) : NULL;
}

/* The code that the fiber is about to run; compiled, if it is a call's. */
static struct vm_code *current_code(vm_fiber *f)
{
    if (f->regs.pc != vm_lazy_entry)
        return code_at(f->regs.instance, f->regs.pc);
    struct vm_code *code = (struct vm_code *)(uintptr_t)f->regs.acc;
    vm_error err = {0};
    f->outside = VM_COMPILING;
    bool ok = vm_code_compile(code, &err) == VM_OK;
    f->outside = VM_COUNTING;
    if (ok)
        f->regs.pc = code->entry; /* else the handler there will say why */
    return code;
}

/* ---- return addresses -------------------------------------------------------
 */

typedef struct frame {
    vm_instance *instance;
    struct vm_code *code;
    vm_slot *fp;
} frame;

/* Where a frame keeps its return address into guest code; NULL: it has none. */
static vm_slot *return_slot(const frame *at)
{
    vm_slot *rec = at->fp + at->code->rec;
    if (rec[VM_REC_PC] == (uintptr_t)vm_exit_entry)
        return NULL;
    bool crosses = rec[VM_REC_PC] == (uintptr_t)vm_cross_return ||
                   rec[VM_REC_PC] == (uintptr_t)vm_inner_return;
    return &rec[crosses ? VM_REC_CROSS_PC : VM_REC_PC];
}

/* To the caller, whose code is at pc; false: it has none. */
static bool step_out(frame *at, const vm_cell *pc)
{
    const vm_slot *rec = at->fp + at->code->rec;
    vm_slot fp = rec[VM_REC_FP];
    if (return_slot(at) != &rec[VM_REC_PC]) {
        fp = rec[VM_REC_CROSS_FP];
        at->instance = (vm_instance *)(uintptr_t)rec[VM_REC_CROSS_INSTANCE];
    }
    at->fp = (vm_slot *)(uintptr_t)fp;
    at->code = code_at(at->instance, pc);
    return at->code != NULL;
}

/* The first burst ends early when much code has been compiled for it. */
static struct vm_code *twin_of(vm_fiber *f, struct vm_code *code)
{
    struct vm_bursts *b = f->store->bursts;
    if (code->counts)
        return code;
    if (!code->twin)
        b->compiled += code->module->funcs[code->func].body_size;
    if (b->first && b->compiled > b->plan.exact_bytes)
        b->length = 0;
    return vm_code_twin(code);
}

/* A return through a host function's second half needs a true address: there
 * the caller goes on in its twin at once, and the fence is its. */
static void put_fence(vm_fiber *f, frame at)
{
    vm_slot *slot;
    while ((slot = return_slot(&at)) &&
           at.fp[at.code->rec] == (uintptr_t)vm_inner_return) {
        const vm_cell *pc = (const vm_cell *)(uintptr_t)*slot;
        if (!step_out(&at, pc))
            return;
        if (!at.code->counts && twin_of(f, at.code))
            *slot = (uintptr_t)in_twin(at.code, pc);
    }
    if (!slot)
        return;
    f->fence_pc = (const vm_cell *)(uintptr_t)*slot;
    f->fence_fp = at.fp;
    *slot = (uintptr_t)vm_fence_return;
}

/* ---- into a burst and out of it
 * ----------------------------------------------
 */

/* What runs goes on in its twin; without one it is not counted. */
static void enter(vm_fiber *f)
{
    struct vm_code *code = current_code(f),
                   *twin = code ? twin_of(f, code) : NULL;
    if (!twin || f->regs.pc == vm_lazy_entry)
        return;
    if (code != twin)
        f->regs.pc =
            f->regs.pc == code->entry ? twin->entry : in_twin(code, f->regs.pc);
    f->counted = true;
    if (f->fence_fp > f->regs.fp) /* an exception has passed it */
        f->fence_fp = NULL;
    if (!f->fence_fp)
        put_fence(f, (frame){f->regs.instance, code, f->regs.fp});
}

/* Frames go on in code that does not count: those within the fence, and a few
 * behind it when it was put where others had returned from. */
static void leave(vm_fiber *f)
{
    frame at = {f->regs.instance, NULL, f->regs.fp};
    bool inside = f->fence_fp != NULL;
    vm_slot *slot;
    f->counted = false;
    at.code = f->state != VM_FIBER_IDLE ? current_code(f) : NULL;
    if (at.code && at.code->counts)
        f->regs.pc = in_plain(at.code, f->regs.pc);
    while (at.code && (inside || at.code->counts) &&
           (slot = return_slot(&at))) {
        const vm_cell *pc =
            vm_behind_fence(f, (const vm_cell *)(uintptr_t)*slot);
        inside = inside && at.fp != f->fence_fp;
        *slot = (uintptr_t)pc;
        if (step_out(&at, pc) && at.code->counts)
            *slot = (uintptr_t)in_plain(at.code, pc);
    }
    f->fence_fp = NULL;
}

/* ---- phases -----------------------------------------------------------------
 */

uint64_t vm_bursts_count(const struct vm_bursts *b, const struct vm_code *code,
                         uint32_t block)
{
    uint64_t n = code->cells[code->blocks[block].cell + 1];
    uint64_t exact = code->exact ? code->exact[block] : 0;
    if (b->first)
        return n;
    uint64_t counted = b->units[true], all = b->units[false] + counted;
    if (counted)
        return exact + (uint64_t)((double)n * (double)all / (double)counted);
    /* it ended before a second burst */
    return (uint64_t)((double)exact * (double)(b->first_units + all) /
                      (double)(b->first_units ? b->first_units : 1));
}

/* The first burst's counts are put aside. */
static bool keep_exact(struct vm_code *twin)
{
    twin->exact = calloc(twin->nblocks, sizeof *twin->exact);
    for (uint32_t i = 0; twin->exact && i < twin->nblocks; i++) {
        vm_cell *counter =
            (vm_cell *)(uintptr_t)&twin->cells[twin->blocks[i].cell + 1];
        twin->exact[i] = *counter;
        *counter = 0;
    }
    return twin->exact;
}

static void keep_all_exact(const vm_store *s)
{
    for (const vm_instance *in = s->instances; in; in = in->next)
        for (uint32_t i = 0; i < in->module->nfuncs; i++) {
            struct vm_code *code = atomic_load(&in->module->funcs[i].code);
            if (code && code->twin && code->twin != code && !code->twin->exact)
                (void)keep_exact(code->twin);
        }
}

static uint64_t random_below(struct vm_bursts *b, uint64_t n)
{
    b->random ^= b->random << 13;
    b->random ^= b->random >> 17;
    b->random ^= b->random << 5;
    return n ? b->random % n : 0;
}

/* What is decided by the past alone favours nothing that is to come. */
static bool may_begin(const struct vm_bursts *b)
{
    uint64_t past = b->first_units + b->units[false] + b->units[true];
    return b->compiled < b->plan.exact_bytes || !b->plan.per_byte ||
           (b->compiled - b->plan.exact_bytes) < past / b->plan.per_byte;
}

static void next_phase(vm_store *s, uint64_t used)
{
    struct vm_bursts *b = s->bursts;
    if (b->first) {
        b->first = false;
        b->first_units = used;
        keep_all_exact(s);
    } else {
        b->units[b->on] += used;
    }
    b->on = !b->on && may_begin(b);
    b->nbursts += b->on;
    b->mark = s->fuel;
    b->length =
        b->on ? b->plan.length
              : b->plan.period / 2 + 1 + random_below(b, b->plan.period + 1);
}

/* Used since the start of the phase; fuel that was given since is none. */
static uint64_t used_units(vm_store *s)
{
    struct vm_bursts *b = s->bursts;
    if (s->fuel == UINT64_MAX)
        s->fuel--; /* endless fuel is not counted */
    if (s->fuel > b->mark)
        b->mark = s->fuel;
    return b->mark - s->fuel;
}

void vm_bursts_settle(vm_store *s)
{
    struct vm_bursts *b = s->bursts;
    if (b->first)
        return;
    b->units[b->on] += used_units(s);
    b->mark = s->fuel;
}

uint64_t vm_bursts_slice(vm_store *s)
{
    struct vm_bursts *b = s->bursts;
    uint64_t used = used_units(s);
    if (used >= b->length) {
        next_phase(s, used);
        used = 0;
    }
    return b->on ? 1 : b->length - used;
}

/* ---- what the interpreter calls
 * ----------------------------------------------
 */

void vm_bursts_turn(vm_fiber *f)
{
    f->outside = VM_COUNTING;
    if (f->store->bursts->on)
        enter(f);
    for (vm_fiber *i = f->store->fibers; i; i = i->next)
        if (i->counted && !f->store->bursts->on)
            leave(i);
    f->outside = NULL;
}

void vm_bursts_return(vm_fiber *f)
{
    f->regs.pc = f->fence_pc;
    f->fence_fp = NULL;
    f->outside = VM_COUNTING;
    enter(f);
    f->outside = NULL;
}

void vm_bursts_resume(vm_fiber *f)
{
    f->outside = VM_COUNTING;
    if (f->store->bursts->on)
        enter(f);
    f->outside = NULL;
}

/* ---- what others call
 * ---------------------------------------------------------
 */

bool vm_counts_start(vm_store *s, const vm_count_plan *plan)
{
    static const vm_count_plan usual = {.exact = 20000,
                                        .exact_bytes = 24 << 10,
                                        .period = 200000,
                                        .length = 200,
                                        .per_byte = 150};
    struct vm_bursts *b = calloc(1, sizeof *b);
    if (!b)
        return false;
    *b = (struct vm_bursts){.plan = plan ? *plan : usual,
                            .on = true,
                            .first = true,
                            .random = 2463534242u};
    b->length = b->plan.exact;
    b->mark = s->fuel;
    free(s->bursts);
    s->bursts = b;
    return true;
}
