/*
 * oracle.c - runs modules and tells all that can be observed, for comparison
 * with another engine that does the same (differential.mjs).
 *
 *   oracle FILE...
 *
 * Each file runs in a process of its own and starts with a line "file NAME".
 * A value is one word: a letter for its type, then the value.
 *
 *     i5 l-5           i32, i64
 *     f3f800000 d...   f32, f64: the bits; "nan" for all NaNs
 *     n s5 h1 x r      null, i31, host's word, function, another object
 *     v                v128 or exnref, which JavaScript cannot have
 *
 * Lines, in order:
 *
 *   invalid WHY | skip WHY        nothing else follows
 *   func I RESULTS                how import I is made: these answer zeros
 *   global I VALUE MUTABLE
 *   table I ref MIN MAX | memory I i32|i64 MIN MAX | tag I TYPES
 *   start trap WHY | start exception | start exhausted WHY
 *   import I VALUE...             import I was called
 *   nested VALUE...               it calls what its argument names
 *   call E VALUE...               export E is called
 *   result VALUE... | trap WHY | exception | exhausted WHY
 *   global E VALUE, table E SIZE NULLS, memory E BYTES HASH
 *                                 after each call, of the exports
 *
 * After "exhausted WHY" (a stack or a limit, where engines may differ) it
 * stops.
 */
#include "tests/fuzz/oracle.h"
#include "tests/tools/read_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Calls of the guest's, by the test or by an import, while one file runs. */
enum {
    ROUNDS = 4,
    MAX_NESTED = 200,
    MAX_DEPTH = 3,
    MAX_SLOTS = 64,
    FUEL = 20000000
};

static struct {
    vm_store *store;
    vm_instance *instance;
    const vm_import *imports;
    const vm_export *exports;
    size_t nimports, nexports;
    vm_tag *js_tag, *type_error;
    unsigned nested, depth;
} run;

/* ---- imports that do something ------------------------------------------ */

static void print_results(const vm_functype *type, const vm_slot *slots)
{
    printf("result");
    oracle_print_values(type->types + type->nparams, type->nresults, slots);
    putchar('\n');
}

/* Prints how a call ended; stops when nothing more can be compared. */
static void print_end(vm_status status, const vm_error *err)
{
    if (status == VM_TRAP && !oracle_is_exhausted(err))
        printf("trap %s\n", err->text);
    else if (status == VM_THROWN)
        printf("exception\n");
    else
        oracle_stop(err);
}

static bool can_call_plainly(const vm_functype *type)
{
    if (run.depth >= MAX_DEPTH || run.nested >= MAX_NESTED ||
        type->param_slots > MAX_SLOTS || type->result_slots > MAX_SLOTS ||
        !oracle_can_call(type))
        return false;
    for (uint32_t i = 0; i < type->nparams; i++)
        if (!vm_type_is_defaultable(type->types[i]))
            return false;
    return true;
}

/* Calls with zeros; what cannot be called so is left alone. */
static vm_status call_plainly(vm_fiber *fiber, vm_func *func, bool catches,
                              vm_slot *result)
{
    const vm_functype *type = func ? vm_func_type(func) : NULL;
    vm_slot slots[MAX_SLOTS] = {0};
    vm_error err = {0};
    vm_status status = VM_OK;
    if (func && can_call_plainly(type)) {
        printf("nested");
        oracle_print_values(type->types, type->nparams, slots);
        putchar('\n');
        run.nested++;
        run.depth++;
        status = vm_call_slots(run.store, func, slots, &err);
        run.depth--;
        if (status == VM_OK)
            print_results(type, slots);
        else
            print_end(status, &err);
    }
    if (catches) {
        *result = status != VM_OK;
        return VM_OK;
    }
    return status == VM_TRAP ? vm_trap(fiber, "%s", err.text) : status;
}

static vm_func *export_function(vm_slot word)
{
    if (!run.instance || !run.nexports)
        return NULL;
    uint32_t index = (uint32_t)word % (uint32_t)run.nexports;
    if (run.exports[index].type.kind != VM_EXTERN_FUNC)
        return NULL;
    return vm_instance_export_at(run.instance, index).func;
}

static bool named(const vm_import *import, const char *name)
{
    return import->name.len == strlen(name) &&
           !memcmp(import->name.data, name, import->name.len);
}

/* binaryen's fuzzer knows these names; the rest is logged and answers zeros. */
static vm_status run_import(vm_fiber *fiber, void *env, vm_slot *slots)
{
    const vm_import *import = env;
    const vm_functype *type = import->type.func;
    if (!oracle_can_call(type)) /* JavaScript's function is not reached */
        return vm_throw(fiber, run.type_error, NULL);
    printf("import %zu", import - run.imports);
    oracle_print_values(type->types, type->nparams, slots);
    putchar('\n');
    if (named(import, "call-export"))
        return call_plainly(fiber, export_function(slots[0]), false, slots);
    if (named(import, "call-export-catch"))
        return call_plainly(fiber, export_function(slots[0]), true, slots);
    if (named(import, "call-ref"))
        return call_plainly(fiber, vm_ref_to_func(slots[0]), false, slots);
    if (named(import, "call-ref-catch"))
        return call_plainly(fiber, vm_ref_to_func(slots[0]), true, slots);
    if (named(import, "throw") && run.js_tag) {
        const vm_slot thrown = vm_ref_from_host(1);
        return vm_throw(fiber, run.js_tag, &thrown);
    }
    memset(slots, 0, type->result_slots * sizeof *slots);
    return VM_OK;
}

/* ---- making imports ------------------------------------------------------ */

static bool make_func(const vm_import *import, vm_func **out)
{
    const vm_functype *type = import->type.func;
    const vm_type *results = type->types + type->nparams;
    for (uint32_t i = 0; i < type->nresults; i++)
        if (!vm_type_is_defaultable(results[i]))
            return false;
    printf("func %zu", import - run.imports);
    oracle_print_types(results, type->nresults);
    putchar('\n');
    *out = vm_func_create_host(run.store, type, run_import, (void *)import);
    return *out;
}

static bool make_global(const vm_import *import, vm_global **out)
{
    vm_type type = import->type.global.type;
    vm_value value = {0};
    bool fixed = vm_type_is_ref(type) && type != VM_EXTERNREF;
    if ((fixed && import->type.global.is_mutable) ||
        !oracle_choose(run.store, type, (unsigned)(import - run.imports),
                       &value.u64))
        return false;
    printf("global %zu", import - run.imports);
    oracle_print_values(&type, 1, &value.u64);
    printf(" %d\n", import->type.global.is_mutable);
    return vm_global_create(run.store, type, import->type.global.is_mutable,
                            value, out) == VM_OK;
}

static void print_limits(const vm_limits *limits)
{
    printf(" %" PRIu64, limits->min);
    if (limits->max != UINT64_MAX)
        printf(" %" PRIu64, limits->max);
    putchar('\n');
}

static bool make_table(const vm_import *import, vm_table **out)
{
    vm_type type = import->type.table.type;
    if ((type != VM_FUNCREF && type != VM_EXTERNREF) ||
        import->type.table.limits.is64)
        return false;
    printf("table %zu %s", import - run.imports,
           type == VM_FUNCREF ? "anyfunc" : "externref");
    print_limits(&import->type.table.limits);
    return vm_table_create(run.store, &import->type.table.limits, type, 0,
                           out) == VM_OK;
}

static bool make_memory(const vm_import *import, vm_memory **out)
{
    const vm_limits *limits = &import->type.memory;
    if (limits->shared || limits->page_size_log2 != 16)
        return false;
    printf("memory %zu %s", import - run.imports, limits->is64 ? "i64" : "i32");
    print_limits(limits);
    return vm_memory_create(run.store, limits, out) == VM_OK;
}

static bool make_tag(const vm_import *import, vm_tag **out)
{
    const vm_functype *type = import->type.func;
    for (uint32_t i = 0; i < type->nparams; i++)
        if ((vm_type_is_ref(type->types[i]) &&
             type->types[i] != VM_EXTERNREF) ||
            type->types[i] == VM_V128)
            return false;
    printf("tag %zu", import - run.imports);
    oracle_print_types(type->types, type->nparams);
    putchar('\n');
    if (vm_tag_create(run.store, type, out) != VM_OK)
        return false;
    if (named(import, "jstag"))
        run.js_tag = *out;
    return true;
}

static bool make_import(const vm_import *import, vm_extern *out)
{
    out->kind = import->type.kind;
    switch (import->type.kind) {
    case VM_EXTERN_FUNC: return make_func(import, &out->func);
    case VM_EXTERN_GLOBAL: return make_global(import, &out->global);
    case VM_EXTERN_TABLE: return make_table(import, &out->table);
    case VM_EXTERN_MEMORY: return make_memory(import, &out->memory);
    case VM_EXTERN_TAG: return make_tag(import, &out->tag);
    }
    return false;
}

/* ---- calling exports ------------------------------------------------------
 */

static void call_once(size_t number, vm_func *func, unsigned round)
{
    const vm_functype *type = vm_func_type(func);
    vm_slot slots[MAX_SLOTS] = {0};
    vm_error err = {0};
    if (!oracle_can_call(type) || type->param_slots > MAX_SLOTS ||
        type->result_slots > MAX_SLOTS)
        return;
    for (uint32_t i = 0; i < type->nparams; i++)
        if (!oracle_choose(run.store, type->types[i],
                           round ? round * 7 + i * 3 + (unsigned)number : 0,
                           &slots[i]))
            return;
    printf("call %zu", number);
    oracle_print_values(type->types, type->nparams, slots);
    putchar('\n');
    vm_store_set_fuel(run.store, FUEL);
    run.nested = 0;
    vm_status status = vm_call_slots(run.store, func, slots, &err);
    if (status == VM_OK) {
        print_results(type, slots);
    } else {
        print_end(status, &err);
    }
    oracle_print_state(run.instance, run.exports, run.nexports);
}

static void call_exports(void)
{
    for (unsigned round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < run.nexports; i++)
            if (run.exports[i].type.kind == VM_EXTERN_FUNC &&
                (!round || run.exports[i].type.func->nparams))
                call_once(i, vm_instance_export_at(run.instance, i).func,
                          round);
}

/* ---- one file -------------------------------------------------------------
 */

static void run_module(vm_module *module)
{
    vm_error err = {0};
    run.imports = vm_module_imports(module, &run.nimports);
    run.exports = vm_module_exports(module, &run.nexports);
    vm_extern *externs = calloc(run.nimports + 1, sizeof *externs);
    const vm_functype nothing = {0};
    bool good =
        externs && vm_tag_create(run.store, &nothing, &run.type_error) == VM_OK;
    for (size_t i = 0; good && i < run.nimports; i++)
        good = make_import(&run.imports[i], &externs[i]);
    if (!good) {
        printf("skip imports\n");
        free(externs);
        return;
    }
    vm_store_set_fuel(run.store, FUEL);
    vm_instance *instance;
    vm_status status =
        vm_instance_create(run.store, module, externs, &instance, &err);
    free(externs);
    if (status == VM_OK) {
        run.instance = instance;
        oracle_print_state(instance, run.exports, run.nexports);
        call_exports();
    } else {
        printf("start ");
        print_end(status, &err);
    }
}

static int run_file(const char *path)
{
    size_t len;
    vm_module *module;
    vm_error err = {0};
    const vm_store_limits limits = {.memory_bytes = 256 << 20};
    uint8_t *bytes = read_file(path, &len);
    vm_engine *engine = vm_engine_create(NULL);
    if (!bytes || !engine)
        return 2;
    if (vm_module_load(engine, bytes, len, &module, &err) != VM_OK) {
        printf("invalid %s\n", err.text);
    } else if (vm_store_create(engine, &limits, &run.store) == VM_OK) {
        run_module(module);
        vm_store_destroy(run.store);
        vm_module_release(module);
    }
    vm_engine_destroy(engine);
    free(bytes);
    return 0;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int status;
        printf("file %s\n", argv[i]);
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            alarm(60);
            status = run_file(argv[i]);
            fflush(stdout);
            exit(status);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
            return 2;
        if (WIFSIGNALED(status) || WEXITSTATUS(status))
            printf("\ndied %d\n", status);
    }
    return 0;
}
