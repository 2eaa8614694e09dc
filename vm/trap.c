/*
 * trap.c - looking at a stopped fiber's frames: unwinding to an exception's
 * handler, and the trace of a trap.
 *
 * A frame is known by its pc: the code that contains it says where the record
 * is, and the record where the caller goes on.  While walking, pc is where a
 * frame would go on, so it lies just behind the instruction that called.
 */
#include "vm/bursts.h"
#include "vm/heap.h"
#include "vm/lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const vm_cell vm_host_entry[];

/* ---- walking
 * ----------------------------------------------------------------- */

/* The code of the frame, after stepping over returns into other instances;
 * NULL at the bottom. */
static struct vm_code *frame_code(const vm_fiber *f, vm_registers *r)
{
    if (r->pc == vm_cross_return || r->pc == vm_inner_return) {
        const vm_slot *cross = r->fp;
        r->pc = (const vm_cell *)(uintptr_t)cross[0];
        r->fp = (vm_slot *)(uintptr_t)cross[1];
        r->instance = (vm_instance *)(uintptr_t)cross[2];
    }
    r->pc = vm_behind_fence(f, r->pc);
    if (r->pc == vm_exit_entry || r->pc == vm_host_entry || !r->instance)
        return NULL;
    return vm_code_find(r->instance->module, r->pc);
}

static void pop_frame(vm_registers *r, const struct vm_code *code)
{
    const vm_slot *rec = r->fp + code->rec;
    r->pc = (const vm_cell *)(uintptr_t)rec[VM_REC_PC];
    r->l0 = rec[VM_REC_L0];
    r->l1 = rec[VM_REC_L1];
    memcpy(&r->d0, &rec[VM_REC_D0], sizeof r->d0);
    r->fp = (vm_slot *)(uintptr_t)rec[VM_REC_FP];
}

/* ---- exceptions
 * ---------------------------------------------------------------- */

static bool catches(const vm_eh *e, const vm_instance *in,
                    const vm_object *exception)
{
    switch (e->kind) {
    case VM_EH_CATCH_ALL:
    case VM_EH_CATCH_ALL_REF:
    case VM_EH_LEGACY_CATCH_ALL: return true;
    default: return (uintptr_t)in->tags[e->tag] == exception->payload[0];
    }
}

static const vm_eh *find_handler(const struct vm_code *code,
                                 const vm_registers *r,
                                 const vm_object *exception)
{
    uint32_t cell = (uint32_t)(r->pc - code->cells);
    for (uint32_t i = 0; i < code->neh; i++) {
        const vm_eh *e = &code->eh[i];
        if (cell <= e->start || cell > e->end)
            continue;
        if (e->kind == VM_EH_DELEGATE) {
            i = e->target - 1; /* always a later one */
            continue;
        }
        if (catches(e, r->instance, exception))
            return e;
    }
    return NULL;
}

/* Puts what the handler receives into its slots. */
static void deliver(const vm_eh *e, vm_slot *fp, const vm_object *exception,
                    vm_ref ref)
{
    vm_slot *out = fp + e->dst;
    bool values = e->kind == VM_EH_CATCH || e->kind == VM_EH_CATCH_REF ||
                  e->kind == VM_EH_LEGACY_CATCH;
    if (e->kind >= VM_EH_LEGACY_CATCH)
        *out++ = ref;
    if (values) {
        memcpy(out, exception->payload + 1,
               exception->length * sizeof(vm_slot));
        out += exception->length;
    }
    if (e->kind == VM_EH_CATCH_REF || e->kind == VM_EH_CATCH_ALL_REF)
        *out = ref;
}

bool vm_unwind(vm_fiber *f)
{
    vm_registers r = f->regs;
    const vm_object *exception = vm_ref_object(f->exception);
    struct vm_code *code;
    f->status = VM_THROWN;
    if (!exception)
        return false;
    while ((code = frame_code(f, &r))) {
        const vm_eh *e = find_handler(code, &r, exception);
        if (e) {
            deliver(e, r.fp, exception, f->exception);
            r.pc = code->cells + e->target;
            f->regs = r;
            f->exception = 0;
            return true;
        }
        pop_frame(&r, code);
        if (r.pc == vm_inner_return) { /* call_and_trap_on_throw */
            f->status = vm_trap(f, "an exception left the component uncaught");
            return false;
        }
    }
    return false;
}

/* ---- walking a fiber that stopped
 * ------------------------------------------------------------------ */

/* The frame in regs, or the next fiber's when this one has no more. */
static void settle(vm_walk *w)
{
    while (!(w->code = frame_code(w->fiber, &w->regs)) && w->fiber->outer) {
        w->fiber = w->fiber->outer;
        w->regs = w->fiber->regs;
    }
}

vm_walk vm_walk_start(const vm_fiber *fiber)
{
    vm_walk w = {.fiber = fiber, .regs = fiber->regs};
    settle(&w);
    return w;
}

void vm_walk_next(vm_walk *w)
{
    pop_frame(&w->regs, w->code);
    settle(w);
    w->depth++;
}

/* A fiber's innermost frame stands at its instruction; others behind it. */
uint32_t vm_walk_cell(const vm_walk *w)
{
    uint32_t cell = (uint32_t)(w->regs.pc - w->code->cells);
    bool inner = w->regs.fp == w->fiber->regs.fp;
    return !inner && cell ? cell - 1 : cell;
}

uint32_t vm_walk_offset(const vm_walk *w)
{
    return vm_code_offset(w->code, vm_walk_cell(w));
}

/* ---- the trace of a trap
 * ------------------------------------------------------------------ */

/* Kept as found, for most traces are never asked for. */
typedef struct raw_frame {
    vm_instance *instance;
    const struct vm_code *code;
    uint32_t cell;
} raw_frame;

typedef struct vm_trace {
    const vm_fiber *fiber; /* where it began, while that is as it was */
    const vm_fiber *outer; /* called the host function that trapped in turn */
    const vm_cell *outer_pc;
    uint32_t count, kept;
    raw_frame frames[VM_TRACE_FRAMES];
} vm_trace;

/* A trap that goes on through a host function keeps the trace that tells where
 * it began. */
static bool goes_on(vm_trace *t, const vm_fiber *f)
{
    if (!t->count || t->outer != f || t->outer_pc != f->regs.pc)
        return false;
    t->outer = f->outer;
    t->outer_pc = f->outer ? f->outer->regs.pc : NULL;
    return true;
}

void vm_trace_clear(vm_store *store)
{
    if (store->trace)
        store->trace->count = store->trace->kept = 0;
}

void vm_trace_capture(vm_fiber *f)
{
    vm_store *s = f->store;
    if (!s->trace && !(s->trace = calloc(1, sizeof *s->trace)))
        return;
    vm_trace *t = s->trace;
    if (goes_on(t, f))
        return;
    t->fiber = f;
    t->count = t->kept = 0;
    for (vm_walk w = vm_walk_start(f); w.code; vm_walk_next(&w)) {
        if (t->kept < VM_TRACE_FRAMES)
            t->frames[t->kept++] =
                (raw_frame){w.regs.instance, w.code, vm_walk_cell(&w)};
        t->count++;
    }
    t->outer = f->outer;
    t->outer_pc = f->outer ? f->outer->regs.pc : NULL;
}

void vm_trace_forget(vm_store *store, const vm_fiber *fiber)
{
    if (store->trace && store->trace->fiber == fiber)
        store->trace->fiber = NULL;
}

vm_walk vm_walk_of_trap(const vm_store *store)
{
    const vm_trace *t = store->trace;
    return t && t->count && t->fiber ? vm_walk_start(t->fiber) : (vm_walk){0};
}

static vm_frame frame_of(const raw_frame *raw)
{
    const struct vm_code *code = raw->code;
    uint32_t offset = vm_code_offset(code, raw->cell);
    uint32_t start = code->module->funcs[code->func].locals;
    return (vm_frame){raw->instance, code->func, offset, offset - start};
}

size_t vm_store_trace(const vm_store *store, vm_frame *frames, size_t max)
{
    const vm_trace *t = store->trace;
    if (!t)
        return 0;
    for (size_t i = 0; i < max && i < t->kept; i++)
        frames[i] = frame_of(&t->frames[i]);
    return t->count;
}

/* ---- as text
 * ------------------------------------------------------------------ */

typedef struct text {
    char *at, *end;
    size_t wanted; /* bytes it would take */
} text;

static void add(text *t, const char *fmt, ...) VM_PRINTF(2, 3);
static void add(text *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    size_t room = (size_t)(t->end - t->at);
    int n = vsnprintf(t->at, room, fmt, args);
    va_end(args);
    t->wanted += (size_t)n;
    if (room)
        t->at += (size_t)n < room ? (size_t)n : room - 1;
}

/* Which of several instances: the module's name, numbered when there were
 * others of that name before it, or just its number. */
static void describe_instance(text *t, const vm_instance *instance)
{
    vm_name name = vm_module_name(instance->module);
    uint32_t older = 0, same = 0;
    if (!instance->next && instance == instance->store->instances)
        return;
    for (const vm_instance *i = instance->next; i; i = i->next, older++) {
        vm_name other = vm_module_name(i->module);
        same += other.len == name.len && name.len &&
                !memcmp(other.data, name.data, name.len);
    }
    if (!name.len)
        add(t, "instance[%u]!", older);
    else
        add(t, "%.*s", name.len < 100 ? (int)name.len : 100, name.data);
    if (same)
        add(t, "#%u", same + 1);
    if (name.len)
        add(t, "!");
}

void vm_func_label(const vm_instance *instance, uint32_t func, char *buf,
                   size_t size)
{
    text t = {buf, buf + size, 0};
    describe_instance(&t, instance);
    for (char *p = buf; p < t.at; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    vm_module_func_label(instance->module, func, t.at, (size_t)(t.end - t.at));
}

static void describe(text *t, uint32_t n, const vm_frame *frame)
{
    char label[200];
    vm_line line;
    const vm_module *m = frame->instance->module;
    vm_func_label(frame->instance, frame->func, label, sizeof label);
    add(t, "  %2u: %s (0x%x)", n, label, frame->offset);
    if (vm_module_line(m, frame->offset, &line)) {
        vm_line_path(&line, label, sizeof label);
        add(t, " at %s:%u", label, line.line);
        if (line.column)
            add(t, ":%u", line.column);
    }
    add(t, "\n");
}

size_t vm_fiber_backtrace(const vm_store *store, char *buf, size_t size)
{
    const vm_trace *trace = store->trace;
    text t = {buf, buf + size, 0};
    if (size)
        *buf = '\0';
    if (!trace)
        return 0;
    for (uint32_t i = 0; i < trace->kept; i++) {
        vm_frame frame = frame_of(&trace->frames[i]);
        describe(&t, i, &frame);
    }
    if (trace->count > trace->kept)
        add(&t, "  ... %u more frames\n", trace->count - trace->kept);
    return t.wanted;
}
