/*
 * sample_label.c - what the frames of samples are called, and where they are in
 * modules and sources (sample.h).
 */
#include "vm/code.h"
#include "vm/compile.h"
#include "vm/reader.h"
#include "vm/sample.h"

#include <stdio.h>

bool vm_sample_same_func(const vm_sample_frame *a, const vm_sample_frame *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind == VM_SAMPLE_GUEST
               ? a->code->func == b->code->func && a->instance == b->instance
               : a->kind != VM_SAMPLE_HOST || a->host == b->host;
}

static void host_label(const vm_func *func, char *buf, size_t size)
{
    const vm_host_func *host = (const vm_host_func *)func;
    vm_name m = host->module, n = host->name;
    if (!n.len)
        n = (vm_name){"function", 8};
    snprintf(buf, size, "[host] %.*s%s%.*s", (int)(m.len < 100 ? m.len : 100),
             m.data ? m.data : "", m.len ? " " : "",
             (int)(n.len < 100 ? n.len : 100), n.data);
    for (char *p = buf; size && *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
}

void vm_sample_label(const vm_sample_frame *frame, char *buf, size_t size)
{
    switch (frame->kind) {
    case VM_SAMPLE_GUEST:
        vm_func_label(frame->instance, frame->code->func, buf, size);
        break;
    case VM_SAMPLE_HOST: host_label(frame->host, buf, size); break;
    case VM_SAMPLE_COMPILE: snprintf(buf, size, "[vyoma] compile"); break;
    }
}

void vm_sample_locate(const vm_sample_frame *frame, vm_sample_place *out)
{
    const struct vm_code *code = frame->code;
    const vm_module *m = code->module;
    *out = (vm_sample_place){.module = m,
                             .func = code->func,
                             .start = m->funcs[code->func].locals,
                             .offset = vm_code_offset(code, frame->cell)};
    const uint8_t *p = m->bytes + out->offset;
    out->op = (uint16_t)vm_read_op(&p);
    out->has_line = vm_module_line(m, out->offset, &out->line);
}

/* What comes before the instruction behind this one, given what came before. */
static uint32_t pass(vm_op op, uint32_t before)
{
    switch (op) {
    case VM_OP_BLOCK:
    case VM_OP_TRY:
    case VM_OP_TRY_TABLE: return before;
    case VM_OP_ELSE: return VM_OP_IF + 1; /* from there alone */
    default: return vm_op_is_counted(op) ? op + 1u : 0;
    }
}

uint32_t vm_sample_before(vm_sample_cursor *c, const vm_module *m,
                          uint32_t func, uint32_t offset)
{
    if (c->module != m || c->func != func || c->offset > offset)
        *c = (vm_sample_cursor){
            .module = m, .func = func, .offset = m->funcs[func].body};
    while (c->offset < offset) {
        const uint8_t *p = m->bytes + c->offset;
        vm_op op = vm_read_op(&p);
        vm_skip_immediates(m, op, &p);
        c->before = pass(op, c->before);
        c->offset = (uint32_t)(p - m->bytes);
    }
    return c->before;
}
