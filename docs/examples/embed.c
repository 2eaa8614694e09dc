/*
 * embed.c - the engine in a program of yours, through the standard C API.
 *
 *     make libvyoma
 *     cc -I. docs/examples/embed.c build/x86_64/libvyoma.a -lm -lpthread
 *
 * The module imports a function and exports another, which adds its argument
 * to what the import answers:
 *
 *     (module
 *       (import "host" "answer" (func $answer (result i32)))
 *       (func (export "plus") (param i32) (result i32)
 *         (i32.add (call $answer) (local.get 0))))
 */
#include "vm/wasm.h"

#include <stdio.h>

static const unsigned char binary[] = {
    0,  'a', 's', 'm',  1,   0,    0,    0,                         /* header */
    1,  10,  2,   0x60, 0,   1,    0x7f, 0x60, 1, 0x7f, 1,    0x7f, /* types */
    2,  15,  1,   4,    'h', 'o',  's',  't', /* imports */
    6,  'a', 'n', 's',  'w', 'e',  'r',  0,    0, 3,    2,    1,
    1,                                                        /* functions */
    7,  8,   1,   4,    'p', 'l',  'u',  's',  0, 1,          /* exports */
    10, 9,   1,   7,    0,   0x10, 0,    0x20, 0, 0x6a, 0x0b, /* code */
};

static wasm_trap_t *answer(void *env, const wasm_val_vec_t *args,
                           wasm_val_vec_t *results)
{
    results->data[0] = (wasm_val_t)WASM_I32_VAL(*(int *)env);
    return NULL;
}

int main(void)
{
    int number = 40;
    wasm_engine_t *engine = wasm_engine_new();
    wasm_store_t *store = wasm_store_new(engine);

    wasm_byte_vec_t bytes = {sizeof binary, (char *)binary};
    wasm_module_t *module = wasm_module_new(store, &bytes);
    if (!module) {
        fprintf(stderr, "the module is not valid\n");
        return 1;
    }

    wasm_functype_t *type = wasm_functype_new_0_1(wasm_valtype_new_i32());
    wasm_func_t *import =
        wasm_func_new_with_env(store, type, answer, &number, NULL);
    wasm_functype_delete(type);
    wasm_extern_t *externs[] = {wasm_func_as_extern(import)};
    wasm_extern_vec_t imports = WASM_ARRAY_VEC(externs);
    wasm_trap_t *trap = NULL;
    wasm_instance_t *instance =
        wasm_instance_new(store, module, &imports, &trap);
    if (!instance) {
        fprintf(stderr, "the module does not link\n");
        return 1;
    }

    wasm_extern_vec_t exports;
    wasm_instance_exports(instance, &exports);
    wasm_val_t in[] = {WASM_I32_VAL(2)}, out[] = {WASM_INIT_VAL};
    wasm_val_vec_t args = WASM_ARRAY_VEC(in), results = WASM_ARRAY_VEC(out);
    trap =
        wasm_func_call(wasm_extern_as_func(exports.data[0]), &args, &results);
    if (!trap)
        printf("plus(2) = %d\n", out[0].of.i32);

    wasm_extern_vec_delete(&exports);
    wasm_instance_delete(instance);
    wasm_func_delete(import);
    wasm_module_delete(module);
    wasm_store_delete(store);
    wasm_engine_delete(engine);
    return trap != NULL;
}
