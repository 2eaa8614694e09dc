/* validate_stack.c - operand and control stacks: the out-of-line half. */
#include "vm/validate.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- errors ------------------------------------------------------------- */

void vm_validate_fail(vm_validator *v, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    vm_reader_invalid(&v->r, v->at, "%s", text);
}

/* Ids mean nothing to a reader: answers the module's own index instead. */
static vm_type with_module_index(const vm_module *m, vm_type type)
{
    if (!vm_type_is_defined(type))
        return type;
    for (uint32_t i = 0; i < m->ntypes; i++)
        if (m->types[i]->id == vm_type_id(type))
            return (type & ~VM_HEAP_MASK) | i;
    return type;
}

void vm_validate_mismatch(vm_validator *v, vm_type want, vm_type got)
{
    char a[40], b[40];
    if (v->r.failed)
        return;
    vm_validate_fail(v, "type mismatch: expected %s, got %s",
                     vm_type_name(with_module_index(v->m, want), a, sizeof a),
                     vm_type_name(with_module_index(v->m, got), b, sizeof b));
}

bool vm_validate_index(vm_validator *v, uint32_t index, uint32_t count,
                       const char *what)
{
    if (index < count && !v->r.failed)
        return true;
    vm_validate_fail(v, "unknown %s %u: there are %u", what, index, count);
    return false;
}

/* ---- operands ----------------------------------------------------------- */

static bool out_of_memory(vm_validator *v)
{
    v->no_memory = true;
    vm_validate_fail(v, "out of memory");
    v->height = 0; /* nobody looks any more, and pushes stay in bounds */
    return false;
}

bool vm_validate_grow(vm_validator *v)
{
    if (v->capacity >= VM_MAX_OPERANDS) {
        vm_validate_fail(v, "operand stack higher than %u", VM_MAX_OPERANDS);
        v->height = 0;
        return false;
    }
    uint32_t capacity = v->capacity ? v->capacity * 2 : 1024;
    vm_type *stack = realloc(v->stack, capacity * sizeof *stack);
    if (!stack)
        return out_of_memory(v);
    v->stack = stack;
    v->capacity = capacity;
    return true;
}

vm_type vm_validate_underflow(vm_validator *v)
{
    if (!v->r.failed && !v->ctrls[v->nctrls - 1].unreachable)
        vm_validate_fail(v, "type mismatch: expected a value, but the "
                            "operand stack is empty");
    return VM_BOTTOM;
}

vm_type vm_pop_ref(vm_validator *v)
{
    vm_type type = vm_pop_any(v);
    if (type == VM_BOTTOM)
        return VM_REF | VM_HEAP_BOTTOM;
    if (!vm_type_is_ref(type)) {
        char buf[40];
        vm_validate_fail(v, "type mismatch: expected a reference, got %s",
                         vm_type_name(type, buf, sizeof buf));
        return VM_REF | VM_HEAP_BOTTOM;
    }
    return type;
}

void vm_pop_types(vm_validator *v, const vm_type *types, uint32_t n)
{
    while (n && !v->r.failed)
        vm_pop(v, types[--n]);
}

void vm_push_types(vm_validator *v, const vm_type *types, uint32_t n)
{
    for (uint32_t i = 0; i < n && !v->r.failed; i++)
        vm_push(v, types[i]);
    if (v->height > v->max_height)
        v->max_height = v->height;
}

/* ---- blocks ------------------------------------------------------------- */

static bool grow_ctrls(vm_validator *v)
{
    uint32_t capacity = v->ctrl_capacity ? v->ctrl_capacity * 2 : 64;
    vm_ctrl *ctrls = realloc(v->ctrls, capacity * sizeof *ctrls);
    if (!ctrls)
        return out_of_memory(v);
    v->ctrls = ctrls;
    v->ctrl_capacity = capacity;
    return true;
}

void vm_push_ctrl(vm_validator *v, const vm_ctrl *c)
{
    if (v->nctrls == v->ctrl_capacity && !grow_ctrls(v))
        return;
    vm_ctrl *top = &v->ctrls[v->nctrls++];
    *top = *c;
    top->height = v->height;
    top->ninits = v->ninits;
    top->unreachable = false;
    v->floor = v->height;
    if (v->nctrls > v->max_ctrls)
        v->max_ctrls = v->nctrls;
}

/* Locals set inside a block count as unset after it (section 3.1.6). */
static void forget_inits(vm_validator *v, uint32_t down_to)
{
    while (v->ninits > down_to)
        v->set[v->inits[--v->ninits]] = false;
}

vm_ctrl vm_pop_ctrl(vm_validator *v)
{
    vm_ctrl c = v->ctrls[v->nctrls - 1];
    vm_pop_types(v, vm_ctrl_results(&c), c.nresults);
    if (v->height != c.height && !v->r.failed)
        vm_validate_fail(v,
                         "type mismatch: %u values remain on the operand "
                         "stack at the end of the block",
                         v->height - c.height);
    forget_inits(v, c.ninits);
    v->nctrls--;
    v->floor = v->nctrls ? v->ctrls[v->nctrls - 1].height : 0;
    return c;
}

void vm_validate_unreachable(vm_validator *v)
{
    vm_ctrl *top = &v->ctrls[v->nctrls - 1];
    top->unreachable = true;
    if (v->height > v->max_height)
        v->max_height = v->height;
    if (v->height > top->height)
        v->height = top->height;
}

vm_ctrl *vm_validate_label(vm_validator *v)
{
    uint32_t depth = vm_reader_u32(&v->r);
    if (!vm_validate_index(v, depth, v->nctrls, "label"))
        return NULL;
    return &v->ctrls[v->nctrls - 1 - depth];
}
