/*
 * oracle.c - runs a module and tells all that can be observed, for comparison
 * with another engine that does the same (differential.mjs).
 *
 *   oracle FILE
 *
 * Imported functions answer zeros and nulls; every exported function whose
 * types JavaScript can pass is called once with zeros.  Lines:
 *
 *   skip WHY                   nothing else follows
 *   results N TYPES            what the N-th import answers
 *   start trap|exception       instantiation failed
 *   import N VALUE...          the N-th import was called
 *   call N [TYPES]             the N-th export is called: i, l, f, d, r (null)
 *   result VALUE... / trap / exception / exhausted
 *
 * After "exhausted" (a stack or a limit, where engines may differ) it stops.
 */
#include "vm/types.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct import_env {
    size_t number;
    const vm_functype *type;
} import_env;

/* Every NaN is one, since engines may choose their bits. */
static void print_value(vm_type type, uint64_t bits)
{
    double value;
    float single;
    switch (type) {
    case VM_I32: printf(" %" PRId32, (int32_t)bits); break;
    case VM_I64: printf(" %" PRId64, (int64_t)bits); break;
    case VM_F32:
        memcpy(&single, &bits, sizeof single);
        if (single != single)
            printf(" nan");
        else
            printf(" %08" PRIx32, (uint32_t)bits);
        break;
    case VM_F64:
        memcpy(&value, &bits, sizeof value);
        if (value != value)
            printf(" nan");
        else
            printf(" %016" PRIx64, bits);
        break;
    default: printf(" %s", bits ? "ref" : "null"); break;
    }
}

static void print_types(const vm_type *types, uint32_t n)
{
    static const char letters[] = {[VM_I32 & 7] = 'i',
                                   [VM_I64 & 7] = 'l',
                                   [VM_F32 & 7] = 'f',
                                   [VM_F64 & 7] = 'd'};
    for (uint32_t i = 0; i < n; i++)
        putchar(vm_type_is_ref(types[i]) ? 'r' : letters[types[i] & 7]);
    putchar('\n');
}

static vm_status log_import(vm_fiber *fiber, void *env, vm_slot *slots)
{
    const import_env *import = env;
    printf("import %zu", import->number);
    for (uint32_t i = 0; i < import->type->nparams; i++)
        print_value(import->type->types[i], slots[i]);
    printf("\n");
    memset(slots, 0, import->type->result_slots * sizeof *slots);
    return VM_OK;
}

static bool is_passable(vm_type type)
{
    return type != VM_V128 && vm_type_is_defaultable(type) &&
           !(vm_type_is_ref(type) && (vm_type_id(type) == VM_HEAP_EXN ||
                                      vm_type_id(type) == VM_HEAP_NOEXN));
}

static bool all_passable(const vm_functype *type)
{
    for (uint32_t i = 0; i < type->nparams; i++)
        if (!is_passable(type->types[i]))
            return false;
    for (uint32_t i = 0; i < type->nresults; i++) {
        vm_type t = type->types[type->nparams + i];
        if (!is_passable(vm_type_is_ref(t) ? t | VM_NULLABLE : t))
            return false;
    }
    return true;
}

/* Only functions and externref globals are made up: see differential.mjs. */
static bool make_import(vm_store *store, const vm_import *import, size_t number,
                        import_env *env, vm_extern *out)
{
    const vm_externtype *type = &import->type;
    out->kind = type->kind;
    if (type->kind == VM_EXTERN_FUNC) {
        for (uint32_t i = 0; i < type->func->nresults; i++)
            if (!is_passable(type->func->types[type->func->nparams + i]))
                return false;
        *env = (import_env){number, type->func};
        out->func = vm_func_create_host(store, type->func, log_import, env);
        if (!all_passable(type->func) || !out->func)
            return false;
        if (type->func->nresults) {
            printf("results %zu ", number);
            print_types(type->func->types + type->func->nparams,
                        type->func->nresults);
        }
        return true;
    }
    if (type->kind == VM_EXTERN_GLOBAL && !type->global.is_mutable &&
        vm_type_id(type->global.type) == VM_HEAP_EXTERN) {
        const vm_value value = {.ref = vm_ref_from_host(1)};
        return vm_global_create(store, type->global.type, false, value,
                                &out->global) == VM_OK;
    }
    return false;
}

/* Prints how a call ended; false when nothing more can be compared. */
static bool print_end(vm_status status, const vm_error *err)
{
    if (status == VM_THROWN) {
        printf("exception\n");
        return true;
    }
    if (status == VM_TRAP && !strstr(err->text, "exhausted") &&
        !strstr(err->text, "limit")) {
        printf("trap %s\n", err->text);
        return true;
    }
    printf("exhausted\n");
    return false;
}

static bool call_export(vm_store *store, size_t number, vm_func *func)
{
    const vm_functype *type = vm_func_type(func);
    if (!all_passable(type))
        return true;
    printf("call %zu ", number);
    print_types(type->types, type->nparams);
    vm_slot *slots =
        calloc(type->param_slots + type->result_slots + 1, sizeof *slots);
    vm_error err = {0};
    if (!slots)
        return false;
    vm_store_set_fuel(store, 10000000);
    vm_status status = vm_call_slots(store, func, slots, &err);
    bool goes_on = true;
    if (status == VM_OK) {
        printf("result");
        for (uint32_t i = 0; i < type->nresults; i++)
            print_value(type->types[type->nparams + i], slots[i]);
        printf("\n");
    } else {
        goes_on = print_end(status, &err);
    }
    free(slots);
    return goes_on;
}

static void run(vm_engine *engine, const uint8_t *bytes, size_t len)
{
    vm_module *module;
    vm_store *store;
    vm_instance *instance;
    vm_error err = {0};
    if (vm_module_load(engine, bytes, len, &module, &err) != VM_OK) {
        printf("invalid %s\n", err.text);
        return;
    }
    if (vm_store_create(engine, NULL, &store) != VM_OK)
        exit(2);
    size_t nimports, nexports;
    const vm_import *imports = vm_module_imports(module, &nimports);
    const vm_export *exports = vm_module_exports(module, &nexports);
    vm_extern *externs = calloc(nimports + 1, sizeof *externs);
    import_env *envs = calloc(nimports + 1, sizeof *envs);
    bool good = externs && envs;
    for (size_t i = 0; good && i < nimports; i++)
        good = make_import(store, &imports[i], i, &envs[i], &externs[i]);
    vm_store_set_fuel(store, 10000000);
    if (!good) {
        printf("\nskip imports\n");
    } else {
        vm_status status =
            vm_instance_create(store, module, externs, &instance, &err);
        if (status != VM_OK) {
            printf("start ");
            (void)print_end(status, &err);
        }
        for (size_t i = 0; status == VM_OK && i < nexports; i++)
            if (exports[i].type.kind == VM_EXTERN_FUNC &&
                !call_export(store, i, vm_instance_export_at(instance, i).func))
                break;
    }
    vm_store_destroy(store);
    vm_module_release(module);
    free(externs);
    free(envs);
}

int main(int argc, char **argv)
{
    FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (!f) {
        fprintf(stderr, "usage: oracle FILE\n");
        return 2;
    }
    fseek(f, 0, SEEK_END);
    size_t len = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = malloc(len + 1);
    vm_engine *engine = vm_engine_create(NULL);
    if (!bytes || !engine || fread(bytes, 1, len, f) != len)
        return 2;
    fclose(f);
    run(engine, bytes, len);
    vm_engine_destroy(engine);
    free(bytes);
    return 0;
}
