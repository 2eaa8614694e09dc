/*
 * trap.c - looking at a stopped fiber's frames: unwinding to an exception's
 * handler, and backtraces.
 *
 * A frame is known by its pc: the code that contains it says where the record
 * is, and the record where the caller goes on.  While walking, pc is where a
 * frame would go on, so it lies just behind the instruction that called.
 */
#include "vm/code.h"
#include "vm/heap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const vm_cell vm_host_entry[];

/* ---- walking
 * ----------------------------------------------------------------- */

/* The code of the frame, after stepping over returns into other instances;
 * NULL at the bottom. */
static struct vm_code *frame_code(vm_registers *r)
{
    if (r->pc == vm_cross_return) {
        const vm_slot *cross = r->fp;
        r->pc = (const vm_cell *)(uintptr_t)cross[0];
        r->fp = (vm_slot *)(uintptr_t)cross[1];
        r->instance = (vm_instance *)(uintptr_t)cross[2];
    }
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
    if (!exception)
        return false;
    while ((code = frame_code(&r))) {
        const vm_eh *e = find_handler(code, &r, exception);
        if (e) {
            deliver(e, r.fp, exception, f->exception);
            r.pc = code->cells + e->target;
            f->regs = r;
            f->exception = 0;
            return true;
        }
        pop_frame(&r, code);
    }
    return false;
}

/* ---- backtraces
 * ------------------------------------------------------------------ */

#define MAX_FRAMES 64
#define TEXT_BYTES 8192

typedef struct text {
    char *at, *end;
} text;

static void add(text *t, const char *fmt, ...) VM_PRINTF(2, 3);
static void add(text *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(t->at, (size_t)(t->end - t->at), fmt, args);
    va_end(args);
    size_t room = (size_t)(t->end - t->at) - 1;
    t->at += (size_t)n < room ? (size_t)n : room;
}

static void describe(text *t, uint32_t n, const vm_registers *r,
                     const struct vm_code *code)
{
    const vm_module *m = code->module;
    uint32_t cell = (uint32_t)(r->pc - code->cells);
    vm_name name = vm_module_func_name(m, code->func);
    size_t offset = vm_code_offset(code, n && cell ? cell - 1 : cell);
    int len = name.len < 200 ? (int)name.len : 200;
    if (len)
        add(t, "  %2u: %.*s (0x%zx)\n", n, len, name.data, offset);
    else
        add(t, "  %2u: func[%u] (0x%zx)\n", n, code->func, offset);
}

void vm_backtrace_capture(vm_fiber *f)
{
    vm_store *s = f->store;
    if (!s->backtrace && !(s->backtrace = malloc(TEXT_BYTES)))
        return;
    text t = {s->backtrace, s->backtrace + TEXT_BYTES};
    *t.at = '\0';
    vm_registers r = f->regs;
    struct vm_code *code;
    uint32_t n = 0;
    for (; (code = frame_code(&r)); n++) {
        if (n < MAX_FRAMES)
            describe(&t, n, &r, code);
        pop_frame(&r, code);
    }
    if (n > MAX_FRAMES)
        add(&t, "  ... %u more frames\n", n - MAX_FRAMES);
}

size_t vm_fiber_backtrace(const vm_store *store, char *buf, size_t size)
{
    const char *from = store->backtrace ? store->backtrace : "";
    size_t len = strlen(from);
    if (size) {
        size_t n = len < size - 1 ? len : size - 1;
        memcpy(buf, from, n);
        buf[n] = '\0';
    }
    return len;
}
