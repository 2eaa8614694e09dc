/* wast_spectest.c - the host module "spectest", and finding imports. */
#include "supervisor/wast.h"

#include "vm/types.h"

#include <string.h>

/* The print functions: nobody reads what they would print. */
static vm_status ignore(vm_fiber *fiber, void *env, vm_slot *slots)
{
    return VM_OK;
}

static void offer(wast_script *s, const char *name, vm_extern value)
{
    s->spectest[s->nspectest].name = name;
    s->spectest[s->nspectest++].value = value;
}

static bool create_funcs(wast_script *s)
{
    static const struct {
        const char *name;
        uint32_t nparams;
        vm_type params[2];
    } funcs[] = {
        {"print", 0, {0}},
        {"print_i32", 1, {VM_I32}},
        {"print_i64", 1, {VM_I64}},
        {"print_f32", 1, {VM_F32}},
        {"print_f64", 1, {VM_F64}},
        {"print_i32_f32", 2, {VM_I32, VM_F32}},
        {"print_f64_f64", 2, {VM_F64, VM_F64}},
    };
    for (size_t i = 0; i < sizeof funcs / sizeof *funcs; i++) {
        vm_functype type = {.nparams = funcs[i].nparams,
                            .param_slots = funcs[i].nparams,
                            .types = funcs[i].params};
        vm_func *func = vm_func_create_host(s->store, &type, ignore, NULL);
        if (!func)
            return false;
        offer(s, funcs[i].name,
              (vm_extern){.kind = VM_EXTERN_FUNC, .func = func});
    }
    return true;
}

static bool create_globals(wast_script *s)
{
    const struct {
        const char *name;
        vm_type type;
        vm_value value;
    } globals[] = {
        {"global_i32", VM_I32, {.i32 = 666}},
        {"global_i64", VM_I64, {.i64 = 666}},
        {"global_f32", VM_F32, {.f32 = 666.6f}},
        {"global_f64", VM_F64, {.f64 = 666.6}},
    };
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++) {
        vm_extern e = {.kind = VM_EXTERN_GLOBAL};
        if (vm_global_create(s->store, globals[i].type, false, globals[i].value,
                             &e.global) != VM_OK)
            return false;
        offer(s, globals[i].name, e);
    }
    return true;
}

static bool create_tables(wast_script *s)
{
    static const char *const names[] = {"table", "table64"};
    for (int is64 = 0; is64 < 2; is64++) {
        vm_limits limits = {.min = 10, .max = 20, .is64 = is64};
        vm_extern e = {.kind = VM_EXTERN_TABLE};
        if (vm_table_create(s->store, &limits, VM_FUNCREF, 0, &e.table) !=
            VM_OK)
            return false;
        offer(s, names[is64], e);
    }
    return true;
}

static bool create_memories(wast_script *s)
{
    static const char *const names[] = {"memory", "shared_memory"};
    for (int shared = 0; shared < 2; shared++) {
        vm_limits limits = {
            .min = 1, .max = 2, .shared = shared, .page_size_log2 = 16};
        vm_extern e = {.kind = VM_EXTERN_MEMORY};
        if (vm_memory_create(s->store, &limits, &e.memory) != VM_OK)
            return false;
        offer(s, names[shared], e);
    }
    return true;
}

bool wast_spectest_create(wast_script *s)
{
    return create_funcs(s) && create_globals(s) && create_tables(s) &&
           create_memories(s);
}

static bool is_name(vm_name name, const char *text)
{
    return strlen(text) == name.len && !memcmp(text, name.data, name.len);
}

bool wast_import_find(wast_script *s, const vm_import *import, vm_extern *out)
{
    for (wast_instance *i = s->registered; i; i = i->next)
        if (i->core && is_name(import->module, i->name))
            return vm_instance_export(i->core, import->name.data,
                                      import->name.len, out);
    if (!is_name(import->module, "spectest"))
        return false;
    for (size_t i = 0; i < s->nspectest; i++) {
        if (is_name(import->name, s->spectest[i].name)) {
            *out = s->spectest[i].value;
            return true;
        }
    }
    return false;
}
