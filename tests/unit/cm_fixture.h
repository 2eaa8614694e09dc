/*
 * cm_fixture.h - a component instance made by hand, for tests of the canonical
 * ABI: its memory is real, its core functions and its realloc are C functions
 * that can misbehave in every way a guest can.  Types are written in WIT.
 */
#ifndef VYOMA_TEST_CM_FIXTURE_H
#define VYOMA_TEST_CM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Rows of test tables leave out what is zero. */
#pragma clang diagnostic ignored "-Wmissing-field-initializers"
#pragma clang diagnostic ignored "-Wunused-function"

#include "vm/cm_canon.h"
#include "vm/cm_wit.h"

enum { MAX_RESOURCES = 8, MAX_REALLOCS = 16 };

typedef struct guest guest;

/* What a guest's realloc does, and what it was asked. */
typedef struct realloc_plan {
    uint64_t next; /* bump allocation from here */
    bool answer;   /* answer this instead, from call `good` on: */
    uint64_t address;
    unsigned good;
    bool traps;
    bool grows;        /* grow the memory by a page at each call */
    vm_func *reenters; /* call this from inside */
    unsigned calls;
    uint64_t asked[MAX_REALLOCS][4];
} realloc_plan;

struct guest {
    cm_instance inst;
    vm_memory *memory;
    cm_options options;
    realloc_plan plan;
    cm_resource *slots[MAX_RESOURCES];
};

typedef struct fixture {
    vm_engine *engine;
    vm_store *store;
    cm_wit wit;
    guest a, b; /* a calls b */
    cm_resource resources[MAX_RESOURCES];
} fixture;

static fixture fx;

static vm_status guest_realloc(vm_fiber *fiber, void *env, vm_slot *slots)
{
    guest *g = env;
    realloc_plan *plan = &g->plan;
    if (plan->calls < MAX_REALLOCS)
        for (int i = 0; i < 4; i++)
            plan->asked[plan->calls][i] =
                g->options.mem64 ? slots[i] : (uint32_t)slots[i];
    plan->calls++;
    if (plan->traps)
        return vm_trap(fiber, "realloc gave up");
    if (plan->grows)
        (void)vm_memory_grow(g->memory, 1);
    if (plan->reenters) {
        vm_error err = {0};
        vm_slot inner[CM_MAX_FLAT_PARAMS + 1] = {0};
        if (vm_call_slots(fx.store, plan->reenters, inner, &err) != VM_OK)
            return vm_trap(fiber, "%s", err.text);
    }
    if (plan->answer && plan->calls > plan->good) {
        slots[0] = plan->address;
        return VM_OK;
    }
    uint64_t align = slots[2] ? slots[2] : 1;
    uint64_t old = slots[0], old_size = slots[1], size = slots[3];
    plan->next = (plan->next + align - 1) & ~(align - 1);
    slots[0] = plan->next;
    plan->next += size;
    uint64_t have = vm_memory_size(g->memory);
    if (plan->next > have)
        (void)vm_memory_grow(g->memory, (plan->next - have + 65535) / 65536);
    uint64_t copy = old_size < size ? old_size : size;
    if (old && plan->next <= vm_memory_size(g->memory))
        memmove(vm_memory_data(g->memory) + slots[0],
                vm_memory_data(g->memory) + old, copy);
    return VM_OK;
}

static vm_func *core_func(const vm_type *types, uint32_t nparams,
                          uint32_t nresults, vm_host_fn fn, void *env)
{
    vm_functype type = {nparams, nresults, nparams, nresults, types};
    vm_func *func = vm_func_create_host(fx.store, &type, fn, env);
    assert_non_null(func);
    return func;
}

static void guest_init(guest *g, bool mem64)
{
    static const vm_type i32[] = {0x7f, 0x7f, 0x7f, 0x7f, 0x7f};
    static const vm_type i64[] = {0x7e, 0x7e, 0x7e, 0x7e, 0x7e};
    vm_limits limits = {
        .min = 1, .max = 64, .is64 = mem64, .page_size_log2 = 16};
    *g = (guest){0};
    g->inst.store = fx.store;
    g->inst.may_enter = g->inst.may_leave = true;
    g->inst.handles = cm_handles_create(&g->inst);
    for (int i = 0; i < MAX_RESOURCES; i++)
        g->slots[i] = &fx.resources[i];
    g->inst.view = (cm_view){0, MAX_RESOURCES, g->slots};
    assert_int_equal(vm_memory_create(fx.store, &limits, &g->memory), VM_OK);
    g->options.memory = g->memory;
    g->options.mem64 = mem64;
    g->options.realloc = core_func(mem64 ? i64 : i32, 4, 1, guest_realloc, g);
    g->plan.next = 4096;
}

static void fixture_start(bool mem64_a, bool mem64_b)
{
    fx = (fixture){0};
    fx.engine = vm_engine_create(NULL);
    assert_non_null(fx.engine);
    assert_int_equal(vm_store_create(fx.engine, NULL, &fx.store), VM_OK);
    cm_wit_init(&fx.wit);
    guest_init(&fx.a, mem64_a);
    guest_init(&fx.b, mem64_b);
}

static void fixture_end(void)
{
    cm_handles_destroy(fx.a.inst.handles);
    cm_handles_destroy(fx.b.inst.handles);
    vm_store_destroy(fx.store);
    vm_engine_destroy(fx.engine);
    cm_wit_finish(&fx.wit);
}

/* The type of `f` in an interface whose body is given.  The text is kept. */
static const cm_functype *functype(const char *body)
{
    static unsigned count;
    size_t size = strlen(body) + 100;
    char *text = cm_arena_alloc(&fx.wit.arena, size, 1), name[32];
    vm_error err = {0};
    wit_interface *iface = NULL;
    assert_non_null(text);
    snprintf(text, size, "package t:p%u; interface i { %s }", ++count, body);
    snprintf(name, sizeof name, "t:p%u/i", count);
    if (cm_wit_add(&fx.wit, body, text, strlen(text), &err) != VM_OK ||
        cm_wit_find(&fx.wit, name, strlen(name), &iface, &err) != VM_OK)
        fail_msg("%s", err.text);
    const cm_decl *decl = cm_interface_find(iface->out, "f", 1);
    assert_non_null(decl);
    return decl->type.func;
}

/* `callee` as an import of guest `g`. */
static vm_func *import_into(guest *g, cm_func *callee)
{
    vm_func *func =
        cm_lower_create(&g->inst, callee, callee->type, &g->options);
    assert_non_null(func);
    return func;
}

/* A component function of guest `g` whose core code is `fn`. */
static cm_func export_of(guest *g, const cm_functype *type, vm_host_fn fn,
                         void *env)
{
    cm_flat flat;
    cm_flatten(type, CM_LIFT, false, false, g->options.mem64, &flat);
    return (cm_func){
        .type = type,
        .view = &g->inst.view,
        .name = {"f", 1},
        .instance = &g->inst,
        .core = core_func(flat.types, flat.nparams, flat.nresults, fn, env),
        .options = g->options};
}

static cm_func host_func(const cm_functype *type, cm_host_fn fn, void *host)
{
    return (cm_func){.type = type,
                     .view = &fx.a.inst.view,
                     .name = {"f", 1},
                     .fn = fn,
                     .host = host};
}

static void assert_traps(vm_status status, const vm_error *err,
                         const char *text, const char *what)
{
    if (status != VM_TRAP || !strstr(err->text, text))
        fail_msg("%s: status %d '%s', wanted a trap with '%s'", what, status,
                 err->text, text);
}

#endif
