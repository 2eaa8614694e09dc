/*
 * engine.h - what the engine's tests share: modules are text in wat/, which the
 * build turns into $BUILD/engine/NAME.wasm.
 */
#ifndef VYOMA_TESTS_ENGINE_H
#define VYOMA_TESTS_ENGINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vm/types.h"
#include "vm/vm.h"

#pragma clang diagnostic ignored "-Wunused-function"
#pragma clang diagnostic ignored "-Wmissing-field-initializers"

static vm_engine *engine;

static uint8_t *read_wasm(const char *name, size_t *len)
{
    char path[512];
    const char *build = getenv("BUILD");
    snprintf(path, sizeof path, "%s/engine/%s.wasm", build ? build : "build",
             name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("cannot open %s", path);
    fseek(f, 0, SEEK_END);
    *len = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = malloc(*len + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *len, f), *len);
    fclose(f);
    return bytes;
}

/* A module and its bytes, which last as long. */
typedef struct loaded {
    uint8_t *bytes;
    vm_module *module;
} loaded;

static loaded load(vm_engine *in, const char *name)
{
    size_t len;
    vm_error err = {0};
    loaded l = {.bytes = read_wasm(name, &len)};
    if (vm_module_load(in, l.bytes, len, &l.module, &err) != VM_OK)
        fail_msg("%s: %s", name, err.text);
    return l;
}

static void unload(loaded *l)
{
    vm_module_release(l->module);
    free(l->bytes);
}

static vm_store *new_store(vm_engine *in, const vm_store_limits *limits)
{
    vm_store *store;
    assert_int_equal(vm_store_create(in, limits, &store), VM_OK);
    return store;
}

static vm_instance *instantiate(vm_store *store, const loaded *l,
                                const vm_extern *imports)
{
    vm_instance *instance;
    vm_error err = {0};
    if (vm_instance_create(store, l->module, imports, &instance, &err) != VM_OK)
        fail_msg("%s", err.text);
    return instance;
}

static vm_extern export_of(vm_instance *instance, const char *name)
{
    vm_extern out;
    if (!vm_instance_export(instance, name, strlen(name), &out))
        fail_msg("no export %s", name);
    return out;
}

static vm_func *func_of(vm_instance *instance, const char *name)
{
    return export_of(instance, name).func;
}

/* Calls an export that must succeed. */
static void call(vm_store *store, vm_instance *instance, const char *name,
                 const vm_value *args, vm_value *results)
{
    vm_error err = {0};
    if (vm_call(store, func_of(instance, name), args, results, &err) != VM_OK)
        fail_msg("%s: %s", name, err.text);
}

static int32_t call_i32(vm_store *store, vm_instance *instance,
                        const char *name, int32_t arg)
{
    vm_value in = {.i32 = arg}, out = {0};
    call(store, instance, name, &in, &out);
    return out.i32;
}

/* A host function of one parameter and one result of the same type. */
static vm_func *host_func(vm_store *store, vm_type type, vm_host_fn fn,
                          void *env)
{
    const vm_type types[] = {type, type};
    const vm_functype f = {1, 1, 1, 1, types};
    vm_func *func = vm_func_create_host(store, &f, fn, env);
    assert_non_null(func);
    return func;
}

static int engine_up(void **state)
{
    engine = vm_engine_create(NULL);
    return engine ? 0 : -1;
}

static int engine_down(void **state)
{
    vm_engine_destroy(engine);
    return 0;
}

#endif
