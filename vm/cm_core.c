/*
 * cm_core.c - subtyping between core imports and exports, for components that
 * link core modules: the rules of core instantiation, applied to types.
 * WebAssembly "Matching": limits, and exact or covariant element types.
 */
#include "vm/cm_match.h"

#include <stdio.h>

const char *cm_core_kind_name(vm_extern_kind kind)
{
    static const char *const names[] = {"func", "table", "memory", "global",
                                        "tag"};
    return names[kind];
}

static const char *type_name(vm_type type, char *buf, size_t size)
{
    if (type == VM_FUNCREF)
        return "funcref";
    if (type == VM_EXTERNREF)
        return "externref";
    return vm_type_name(type, buf, size);
}

static bool limits_match(const vm_limits *sub, const vm_limits *super)
{
    return sub->min >= super->min && sub->max <= super->max;
}

/* "(func (param i32) (result i32))" */
static void print_func(const vm_functype *f, char *buf, size_t size)
{
    size_t used = (size_t)snprintf(buf, size, "(func");
    for (uint32_t i = 0; i < f->nparams + f->nresults; i++) {
        char type[32];
        bool first = i == 0 || i == f->nparams;
        if (i == f->nparams && i && used < size)
            used += (size_t)snprintf(buf + used, size - used, ")");
        if (first && used < size)
            used += (size_t)snprintf(buf + used, size - used, " (%s",
                                     i < f->nparams ? "param" : "result");
        if (used < size)
            used +=
                (size_t)snprintf(buf + used, size - used, " %s",
                                 vm_type_name(f->types[i], type, sizeof type));
    }
    if (used < size)
        snprintf(buf + used, size - used, "%s",
                 f->nparams + f->nresults ? "))" : ")");
}

static bool func_matches(const vm_types *types, const vm_externtype *sub,
                         const vm_externtype *super, char *why, size_t size)
{
    if (vm_type_matches(types, VM_REF | sub->typeid, VM_REF | super->typeid))
        return true;
    char want[64], have[64];
    print_func(super->func, want, sizeof want);
    print_func(sub->func, have, sizeof have);
    snprintf(why, size, "expected: %s, found: %s", want, have);
    return false;
}

static bool table_matches(const vm_types *types, const vm_externtype *sub,
                          const vm_externtype *super, char *why, size_t size)
{
    char want[32], have[32];
    if (sub->table.type != super->table.type) {
        snprintf(why, size, "expected table element type %s, found %s",
                 type_name(super->table.type, want, sizeof want),
                 type_name(sub->table.type, have, sizeof have));
        return false;
    }
    if (sub->table.limits.is64 != super->table.limits.is64) {
        snprintf(why, size, "mismatch in index type used for tables");
        return false;
    }
    if (limits_match(&sub->table.limits, &super->table.limits))
        return true;
    snprintf(why, size, "mismatch in table limits");
    return false;
}

static bool memory_matches(const vm_types *types, const vm_externtype *sub,
                           const vm_externtype *super, char *why, size_t size)
{
    const char *problem = NULL;
    if (sub->memory.shared != super->memory.shared)
        problem = "mismatch in the shared flag for memories";
    else if (sub->memory.is64 != super->memory.is64)
        problem = "mismatch in index type used for memories";
    else if (sub->memory.page_size_log2 != super->memory.page_size_log2)
        problem = "mismatch in page size for memories";
    else if (!limits_match(&sub->memory, &super->memory))
        problem = "mismatch in memory limits";
    if (problem)
        snprintf(why, size, "%s", problem);
    return !problem;
}

static bool global_matches(const vm_types *types, const vm_externtype *sub,
                           const vm_externtype *super, char *why, size_t size)
{
    char want[32], have[32];
    if (sub->global.is_mutable != super->global.is_mutable) {
        snprintf(why, size, "global types differ in mutability");
        return false;
    }
    if (super->global.is_mutable
            ? sub->global.type == super->global.type
            : vm_type_matches(types, sub->global.type, super->global.type))
        return true;
    snprintf(why, size, "expected global type %s, found %s",
             vm_type_name(super->global.type, want, sizeof want),
             vm_type_name(sub->global.type, have, sizeof have));
    return false;
}

static bool tag_matches(const vm_types *types, const vm_externtype *sub,
                        const vm_externtype *super, char *why, size_t size)
{
    if (sub->typeid == super->typeid)
        return true;
    snprintf(why, size, "tag types differ");
    return false;
}

bool cm_core_matches(const vm_types *types, const vm_externtype *sub,
                     const vm_externtype *super, char *why, size_t size)
{
    static bool (*const matchers[])(const vm_types *, const vm_externtype *,
                                    const vm_externtype *, char *, size_t) = {
        func_matches, table_matches, memory_matches, global_matches,
        tag_matches};
    if (sub->kind == super->kind)
        return matchers[super->kind](types, sub, super, why, size);
    snprintf(why, size, "expected %s, found %s", cm_core_kind_name(super->kind),
             cm_core_kind_name(sub->kind));
    return false;
}
