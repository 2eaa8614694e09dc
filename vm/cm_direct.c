/*
 * cm_direct.c - the short way between two components, for functions that take
 * scalars, UTF-8 strings and lists of numbers, and answer with a scalar: canon
 * lower of one and canon lift of the other, put together when they are linked.
 *
 * Such a call lends and owns no handles and makes no tree of values.  What
 * remains of the canonical ABI is a coercion per value, a copy from memory to
 * memory per string or list, and the checks of entering and leaving; the callee
 * runs on the caller's fiber (vm_may_enter).  Whatever is wrong before the
 * callee is entered is left to the general way (cm_lower.c) to find again and
 * to say.
 */
#include "vm/cm_task.h"

#include "vm/cm_strings.h"
#include "vm/code.h"

#include <string.h>

/* What becomes of one flat value; a row without effect has none. */
typedef enum coercion {
    COERCE_BOOL,
    COERCE_S8,
    COERCE_U8,
    COERCE_S16,
    COERCE_U16,
    COERCE_F32,
    COERCE_F64,
    COERCE_CHAR,
    COERCE_MASK,  /* flags: of the labels */
    COERCE_INDEX, /* enum: below the number of cases */
} coercion;

typedef struct step {
    uint8_t slot;
    uint8_t kind; /* coercion */
    uint32_t n;   /* mask, or number of cases */
} step;

/* A string or list: an address, and a length in the slot after it. */
typedef struct range {
    uint8_t slot;
    const cm_type *elem; /* NULL: a string */
} range;

enum { MAX_RANGES = CM_MAX_FLAT_PARAMS / 2 };

struct cm_direct {
    const cm_lowered *lowered;
    cm_sched *sched;
    vm_func *core;
    cm_instance *caller, *callee;
    uint8_t entering; /* the callee and how many of its ancestors are entered */
    uint8_t nparams, nsteps, nranges, nresult_steps;
    step steps[CM_MAX_FLAT_PARAMS];
    range ranges[MAX_RANGES];
    step result;
};

/* ---- planning ------------------------------------------------------------
 */

typedef struct plan {
    step *steps;
    range *ranges; /* NULL: there may be none */
    uint8_t nsteps, nranges, nslots;
} plan;

static void add(plan *p, coercion kind, uint32_t n)
{
    p->steps[p->nsteps++] = (step){p->nslots, (uint8_t)kind, n};
}

static bool add_range(plan *p, const cm_type *elem)
{
    if (!p->ranges || p->nranges == MAX_RANGES)
        return false;
    p->ranges[p->nranges++] = (range){p->nslots, elem};
    p->nslots++; /* plan_type counts the other */
    return true;
}

/* False when the type is more than can go this way. */
static bool plan_type(plan *p, const cm_type *type)
{
    switch ((cm_kind)type->kind) {
    case CM_S32:
    case CM_U32:
    case CM_S64:
    case CM_U64: break;
    case CM_BOOL: add(p, COERCE_BOOL, 0); break;
    case CM_S8: add(p, COERCE_S8, 0); break;
    case CM_U8: add(p, COERCE_U8, 0); break;
    case CM_S16: add(p, COERCE_S16, 0); break;
    case CM_U16: add(p, COERCE_U16, 0); break;
    case CM_F32: add(p, COERCE_F32, 0); break;
    case CM_F64: add(p, COERCE_F64, 0); break;
    case CM_CHAR: add(p, COERCE_CHAR, 0); break;
    case CM_ENUM: add(p, COERCE_INDEX, type->count); break;
    case CM_FLAGS:
        if (type->count < 32)
            add(p, COERCE_MASK, (UINT32_C(1) << type->count) - 1);
        break;
    case CM_STRING:
        if (!add_range(p, NULL))
            return false;
        break;
    case CM_LIST:
        if (!cm_type_is_numeric(type->elem) || !add_range(p, type->elem))
            return false;
        break;
    case CM_RECORD:
    case CM_TUPLE:
        for (uint32_t i = 0; i < type->count; i++)
            if (!plan_type(p, type->fields[i].type))
                return false;
        return true;
    default: return false;
    }
    p->nslots++;
    return true;
}

/* Both ways of kinship trap, which is for the general way to say. */
static bool plan_entering(cm_direct *d)
{
    const cm_instance *i = d->callee;
    if (cm_is_ancestor(d->callee, d->caller) ||
        cm_is_ancestor(d->caller, d->callee))
        return false;
    for (; i && !cm_is_ancestor(i, d->caller); i = i->parent)
        if (!++d->entering)
            return false;
    return true;
}

/* Strings and lists are copied as they are. */
static bool copies_plainly(const cm_options *from, const cm_options *to)
{
    return from->encoding == CM_UTF8 && to->encoding == CM_UTF8 &&
           !from->mem64 && !to->mem64 && from->memory && to->memory &&
           to->realloc;
}

static bool plan_all(cm_direct *d, const cm_lowered *l)
{
    const cm_options *lift = &l->callee->options;
    bool plainly = copies_plainly(&l->options, lift);
    plan params = {.steps = d->steps, .ranges = plainly ? d->ranges : NULL};
    plan result = {.steps = &d->result};
    if (lift->is_async || lift->post_return || l->options.is_async ||
        l->type->params->nflat > CM_MAX_FLAT_PARAMS ||
        (l->type->result && l->type->result->nflat > 1) ||
        !plan_type(&params, l->type->params) ||
        (l->type->result && !plan_type(&result, l->type->result)))
        return false;
    d->nparams = params.nslots;
    d->nsteps = params.nsteps;
    d->nranges = params.nranges;
    d->nresult_steps = result.nsteps;
    return plan_entering(d);
}

cm_direct *cm_direct_create(const cm_lowered *l)
{
    cm_direct *d;
    cm_direct plan = {.lowered = l,
                      .sched = cm_store_sched(l->store),
                      .core = l->callee->core,
                      .caller = l->inst,
                      .callee = l->callee->instance};
    if (!plan_all(&plan, l))
        return NULL;
    d = cm_arena_alloc(&l->store->arena, 1, sizeof *d);
    if (d)
        *d = plan;
    return d;
}

/* ---- coercions (definitions.py lift_flat, then lower_flat) -----------------
 */

/* False: it would trap. */
static bool coerce(const step *s, vm_slot *slot)
{
    uint32_t low = (uint32_t)*slot;
    switch ((coercion)s->kind) {
    case COERCE_BOOL: *slot = low != 0; return true;
    case COERCE_S8: *slot = (uint32_t)(int8_t)low; return true;
    case COERCE_U8: *slot = (uint8_t)low; return true;
    case COERCE_S16: *slot = (uint32_t)(int16_t)low; return true;
    case COERCE_U16: *slot = (uint16_t)low; return true;
    case COERCE_F32: *slot = cm_nan32(low); return true;
    case COERCE_F64: *slot = cm_nan64(*slot); return true;
    case COERCE_MASK: *slot = low & s->n; return true;
    case COERCE_INDEX: *slot = low; return low < s->n;
    case COERCE_CHAR: *slot = low; return cm_is_char(low);
    }
    return false;
}

static bool coerce_all(const cm_direct *d, vm_slot *slots)
{
    for (unsigned i = 0; i < d->nsteps; i++)
        if (!coerce(&d->steps[i], &slots[d->steps[i].slot]))
            return false;
    return true;
}

/* ---- strings and lists ---------------------------------------------------
 */

static uint64_t bytes_of(const range *r, const vm_slot *slots)
{
    uint64_t length = (uint32_t)slots[r->slot + 1];
    return r->elem ? length * r->elem->size[0] : length;
}

/* load_string_from_range, load_list_from_range; false: it would trap. */
static bool find_range(const cm_direct *d, const range *r, const vm_slot *slots,
                       const uint8_t **out)
{
    const vm_memory *memory = d->lowered->options.memory;
    uint64_t ptr = (uint32_t)slots[r->slot], size = bytes_of(r, slots);
    uint64_t align = r->elem ? r->elem->align[0] : 1;
    if (size > CM_MAX_BYTE_LENGTH || ptr & (align - 1) ||
        ptr + size > vm_memory_size(memory))
        return false;
    *out = (const uint8_t *)vm_memory_data((vm_memory *)memory) + ptr;
    return r->elem || cm_text_valid((cm_text){*out, size, CM_TEXT_UTF8});
}

static bool find_ranges(const cm_direct *d, const vm_slot *slots,
                        const uint8_t **out)
{
    for (unsigned i = 0; i < d->nranges; i++)
        if (!find_range(d, &d->ranges[i], slots, &out[i]))
            return false;
    return true;
}

/* store_string_into_range, store_list_into_range */
static vm_status copy_range(cm_ctx *cx, const range *r, const uint8_t *from,
                            vm_slot *slots)
{
    uint64_t ptr, size = bytes_of(r, slots);
    CM_TRY(cm_reallocate(cx, r->elem ? r->elem->align[0] : 1, size, &ptr));
    if (r->elem)
        cm_copy_numbers(cx->mem + ptr, from, r->elem,
                        (uint32_t)slots[r->slot + 1]);
    else if (size)
        memcpy(cx->mem + ptr, from, size);
    slots[r->slot] = ptr;
    return VM_OK;
}

static vm_status copy_ranges(const cm_direct *d, vm_fiber *fiber,
                             const uint8_t *const *from, vm_slot *slots)
{
    const cm_func *callee = d->lowered->callee;
    vm_status status = VM_OK;
    cm_ctx cx;
    cm_call *call = cm_call_begin(d->lowered->store, fiber);
    if (!call)
        return vm_trap(fiber, "out of memory for a call between components");
    cm_ctx_init(&cx, call, d->callee, &callee->options, callee->view,
                CM_MODE_RAW);
    for (unsigned i = 0; status == VM_OK && i < d->nranges; i++)
        status = copy_range(&cx, &d->ranges[i], from[i], slots);
    if (status != VM_OK)
        return cm_call_fail(call, status, callee->name);
    cm_call_end(call);
    return VM_OK;
}

/* ---- the call ------------------------------------------------------------
 */

/* enter_from; false: something of the set is running, or was left so. */
static bool enter(const cm_direct *d)
{
    cm_instance *inst = d->callee;
    for (unsigned i = 0; i < d->entering; i++, inst = inst->parent)
        if (!inst->may_enter)
            return false;
    inst = d->callee;
    for (unsigned i = 0; i < d->entering; i++, inst = inst->parent)
        inst->may_enter = false;
    return true;
}

/* leave_to */
static void leave(const cm_direct *d)
{
    cm_instance *inst = d->callee;
    for (unsigned i = 0; i < d->entering; i++, inst = inst->parent)
        inst->may_enter = true;
}

/* Slots 1 to 3 of VM_INNER hold the callee's context meanwhile. */
static cm_context *context_of(vm_slot *slots)
{
    _Static_assert(sizeof(cm_context) <= (VM_INNER - 1) * sizeof(vm_slot),
                   "a context is kept beside the arguments");
    return (cm_context *)&slots[1];
}

static void go(const cm_direct *d, vm_fiber *fiber, vm_slot *slots)
{
    for (unsigned i = d->nparams; i-- > 0;)
        slots[VM_INNER + i] = slots[i];
    cm_context_enter(d->sched, context_of(slots));
    vm_enter(fiber, d->core);
}

/* Apart, for the sake of calls that have none. */
static __attribute__((noinline)) bool go_with_ranges(const cm_direct *d,
                                                     vm_fiber *fiber,
                                                     vm_slot *slots,
                                                     vm_status *status)
{
    const uint8_t *from[MAX_RANGES];
    if (!find_ranges(d, slots, from) || !enter(d))
        return false;
    *status = copy_ranges(d, fiber, from, slots);
    if (*status == VM_OK)
        go(d, fiber, slots);
    return true;
}

bool cm_direct_call(const cm_direct *d, vm_fiber *fiber, vm_slot *slots,
                    vm_status *status)
{
    if (d->sched->used || !vm_may_enter(fiber, d->core) ||
        !d->caller->may_leave || !coerce_all(d, slots))
        return false;
    if (d->nranges)
        return go_with_ranges(d, fiber, slots, status);
    if (!enter(d))
        return false;
    go(d, fiber, slots);
    *status = VM_OK;
    return true;
}

/* The result goes the general way, to trap as it does. */
static vm_status refuse_result(const cm_direct *d, vm_fiber *fiber,
                               const vm_slot *result)
{
    const cm_lowered *l = d->lowered;
    cm_value value;
    cm_ctx cx;
    cm_call *call = cm_call_begin(l->store, fiber);
    if (!call)
        return vm_trap(fiber, "out of memory for a call between components");
    cm_ctx_init(&cx, call, l->callee->instance, &l->callee->options,
                l->callee->view, CM_MODE_RAW);
    vm_status status =
        cm_lift_result(&cx, l->callee->type->result, false, result, &value);
    return cm_call_fail(call, status, l->callee->name);
}

vm_status cm_direct_return(vm_fiber *fiber, void *env, vm_slot *slots)
{
    const cm_direct *d = ((const cm_lowered *)env)->direct;
    cm_context_leave(d->sched, context_of(slots));
    leave(d);
    slots[0] = slots[VM_INNER];
    if (d->nresult_steps && !coerce(&d->result, slots))
        return refuse_result(d, fiber, slots);
    return VM_OK;
}
