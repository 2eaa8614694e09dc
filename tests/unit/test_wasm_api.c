/* test_wasm_api.c - the standard C API: calls both ways, traps, references,
 * tables, globals, memories, ownership. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vm/wasm.h"

static wasm_engine_t *engine;
static wasm_store_t *store;

static int setup(void **state)
{
    engine = wasm_engine_new();
    store = engine ? wasm_store_new(engine) : NULL;
    return store ? 0 : -1;
}

static int teardown(void **state)
{
    wasm_store_delete(store);
    wasm_engine_delete(engine);
    return 0;
}

/*
 * (module
 *   (import "m" "f" (func (param i32 i64) (result f64)))
 *   (memory (export "mem") 1 2)
 *   (global (export "g") (mut i32) (i32.const 7))
 *   (table (export "t") 2 10 funcref)
 *   (func (export "call") (param i32 i64) (result f64)
 *     (call 0 (local.get 0) (local.get 1)))
 *   (func (export "trap") unreachable)
 *   (func (export "id") (param externref) (result externref) (local.get 0))
 *   (elem (i32.const 0) func 2))
 */
/* clang-format off */
static const unsigned char binary[] = {
    0, 'a', 's', 'm', 1, 0, 0, 0,
    1, 15, 3, 0x60, 2, 0x7f, 0x7e, 1, 0x7c, /* types */
    0x60, 0, 0, 0x60, 1, 0x6f, 1, 0x6f,
    2, 7, 1, 1, 'm', 1, 'f', 0, 0, /* import */
    3, 4, 3, 0, 1, 2, /* functions */
    4, 5, 1, 0x70, 1, 2, 10, /* table */
    5, 4, 1, 1, 1, 2, /* memory */
    6, 6, 1, 0x7f, 1, 0x41, 7, 0x0b, /* global */
    7, 34, 6, /* exports */
    3, 'm', 'e', 'm', 2, 0, 1, 'g', 3, 0, 1, 't', 1, 0,
    4, 'c', 'a', 'l', 'l', 0, 1, 4, 't', 'r', 'a', 'p', 0, 2,
    2, 'i', 'd', 0, 3,
    9, 7, 1, 0, 0x41, 0, 0x0b, 1, 2, /* elements */
    10, 19, 3, /* code */
    8, 0, 0x20, 0, 0x20, 1, 0x10, 0, 0x0b,
    3, 0, 0x00, 0x0b,
    4, 0, 0x20, 0, 0x0b,
};
/* clang-format on */

typedef struct host {
    int calls;
    const char *trap;
} host;

static wasm_trap_t *add(void *env, const wasm_val_vec_t *args,
                        wasm_val_vec_t *results)
{
    host *h = env;
    h->calls++;
    if (h->trap) {
        wasm_message_t message;
        wasm_name_new_from_string_nt(&message, h->trap);
        wasm_trap_t *trap = wasm_trap_new(store, &message);
        wasm_name_delete(&message);
        return trap;
    }
    double sum = (double)args->data[0].of.i32 + (double)args->data[1].of.i64;
    results->data[0] = (wasm_val_t)WASM_F64_VAL(sum);
    return NULL;
}

static void count(void *env)
{
    ++*(int *)env;
}

/* Instantiates the module above; fills exports. */
static wasm_instance_t *instantiate(host *h, wasm_extern_vec_t *exports)
{
    wasm_byte_vec_t bytes = {sizeof binary, (char *)binary};
    wasm_module_t *module = wasm_module_new(store, &bytes);
    assert_non_null(module);
    wasm_functype_t *type = wasm_functype_new_2_1(
        wasm_valtype_new_i32(), wasm_valtype_new_i64(), wasm_valtype_new_f64());
    wasm_func_t *func = wasm_func_new_with_env(store, type, add, h, NULL);
    wasm_extern_t *list[] = {wasm_func_as_extern(func)};
    wasm_extern_vec_t imports = WASM_ARRAY_VEC(list);
    wasm_trap_t *trap;
    wasm_instance_t *instance =
        wasm_instance_new(store, module, &imports, &trap);
    assert_null(trap);
    assert_non_null(instance);
    wasm_instance_exports(instance, exports);
    assert_int_equal(exports->size, 6);
    wasm_functype_delete(type);
    wasm_func_delete(func);
    wasm_module_delete(module); /* the code must outlive this */
    return instance;
}

/* The trap came from one frame of guest code, at that instruction. */
static void check_frame(const wasm_trap_t *trap, wasm_instance_t *instance,
                        uint32_t func, size_t offset, unsigned char opcode)
{
    wasm_frame_vec_t trace;
    wasm_trap_trace(trap, &trace);
    assert_int_equal(trace.size, 1);
    wasm_frame_t *origin = wasm_trap_origin(trap);
    assert_non_null(origin);
    for (int i = 0; i < 2; i++) {
        const wasm_frame_t *frame = i ? trace.data[0] : origin;
        assert_int_equal(wasm_frame_func_index(frame), func);
        assert_int_equal(wasm_frame_func_offset(frame), offset);
        assert_int_equal(binary[wasm_frame_module_offset(frame)], opcode);
        assert_ptr_equal(wasm_frame_instance(frame), instance);
    }
    wasm_frame_delete(origin);
    wasm_frame_vec_delete(&trace);
}

static void calls_and_traps(void **state)
{
    host h = {0};
    wasm_extern_vec_t exports;
    wasm_instance_t *instance = instantiate(&h, &exports);
    wasm_func_t *call = wasm_extern_as_func(exports.data[3]);
    wasm_val_t in[] = {WASM_I32_VAL(2), WASM_I64_VAL(40)};
    wasm_val_t out[] = {WASM_INIT_VAL};
    wasm_val_vec_t args = WASM_ARRAY_VEC(in), results = WASM_ARRAY_VEC(out);
    assert_int_equal(wasm_func_param_arity(call), 2);
    assert_null(wasm_func_call(call, &args, &results));
    assert_true(out[0].kind == WASM_F64 && out[0].of.f64 == 42);
    assert_int_equal(h.calls, 1);

    h.trap = "no more";
    wasm_trap_t *trap = wasm_func_call(call, &args, &results);
    wasm_message_t text;
    assert_non_null(trap);
    wasm_trap_message(trap, &text);
    assert_string_equal(text.data, "no more");
    wasm_name_delete(&text);
    check_frame(trap, instance, 1, 5, 0x10); /* its call of the import */
    wasm_trap_delete(trap);

    wasm_val_vec_t none = WASM_EMPTY_VEC;
    trap = wasm_func_call(wasm_extern_as_func(exports.data[4]), &none, &none);
    assert_non_null(trap);
    wasm_trap_message(trap, &text);
    assert_string_equal(text.data, "unreachable");
    wasm_name_delete(&text);
    check_frame(trap, instance, 2, 1, 0x00);
    wasm_trap_delete(trap);

    trap = wasm_func_call(call, &none, &results); /* too few arguments */
    assert_non_null(trap);
    assert_null(wasm_trap_origin(trap));
    wasm_trap_delete(trap);
    wasm_extern_vec_delete(&exports);
    wasm_instance_delete(instance);
}

static void references(void **state)
{
    host h = {0};
    int finalized = 0;
    wasm_extern_vec_t exports;
    wasm_instance_t *instance = instantiate(&h, &exports);
    wasm_foreign_t *foreign = wasm_foreign_new(store);
    wasm_foreign_set_host_info_with_finalizer(foreign, &finalized, count);
    wasm_val_t in[] = {WASM_REF_VAL(wasm_foreign_as_ref(foreign))};
    wasm_val_t out[] = {WASM_INIT_VAL};
    wasm_val_vec_t args = WASM_ARRAY_VEC(in), results = WASM_ARRAY_VEC(out);
    wasm_func_t *id = wasm_extern_as_func(exports.data[5]);
    assert_null(wasm_func_call(id, &args, &results));
    assert_true(wasm_ref_same(out[0].of.ref, in[0].of.ref));
    assert_ptr_equal(wasm_ref_get_host_info(out[0].of.ref), &finalized);
    wasm_val_delete(&out[0]);
    wasm_foreign_delete(foreign);
    assert_int_equal(finalized, 0); /* the guest may still hold it */

    foreign = wasm_foreign_new(store);
    wasm_foreign_set_host_info_with_finalizer(foreign, &finalized, count);
    wasm_foreign_t *copy = wasm_foreign_copy(foreign);
    wasm_foreign_delete(foreign);
    assert_int_equal(finalized, 0);
    wasm_foreign_delete(copy);
    assert_int_equal(finalized, 1);

    wasm_extern_vec_delete(&exports);
    wasm_instance_delete(instance);
    wasm_store_delete(store);
    assert_int_equal(finalized, 2);
    store = wasm_store_new(engine);
    assert_non_null(store);
}

static void tables_globals_memories(void **state)
{
    host h = {0};
    wasm_extern_vec_t exports;
    wasm_instance_t *instance = instantiate(&h, &exports);
    wasm_memory_t *memory = wasm_extern_as_memory(exports.data[0]);
    assert_null(wasm_extern_as_table(exports.data[0]));
    assert_int_equal(wasm_memory_size(memory), 1);
    assert_true(wasm_memory_grow(memory, 1));
    assert_false(wasm_memory_grow(memory, 1));
    assert_int_equal(wasm_memory_data_size(memory), 2 * MEMORY_PAGE_SIZE);
    wasm_memorytype_t *mt = wasm_memory_type(memory);
    assert_int_equal(wasm_memorytype_limits(mt)->max, 2);
    wasm_memorytype_delete(mt);

    wasm_global_t *global = wasm_extern_as_global(exports.data[1]);
    wasm_val_t value = WASM_INIT_VAL;
    wasm_global_get(global, &value);
    assert_int_equal(value.of.i32, 7);
    value.of.i32 = 9;
    wasm_global_set(global, &value);
    value.of.i32 = 0;
    wasm_global_get(global, &value);
    assert_int_equal(value.of.i32, 9);

    wasm_table_t *table = wasm_extern_as_table(exports.data[2]);
    wasm_ref_t *f = wasm_table_get(table, 0);
    assert_true(wasm_ref_same(
        f, wasm_func_as_ref(wasm_extern_as_func(exports.data[4]))));
    assert_null(wasm_table_get(table, 1));
    assert_true(wasm_table_set(table, 1, f));
    assert_false(wasm_table_set(table, 2, f));
    assert_true(wasm_table_grow(table, 3, f));
    assert_false(wasm_table_grow(table, 6, NULL));
    assert_int_equal(wasm_table_size(table), 5);
    wasm_ref_t *same = wasm_table_get(table, 4);
    assert_ptr_equal(same, f);
    wasm_ref_delete(same);
    wasm_ref_delete(f);
    wasm_extern_vec_delete(&exports);
    wasm_instance_delete(instance);
}

static void types(void **state)
{
    wasm_byte_vec_t bytes = {sizeof binary, (char *)binary};
    assert_true(wasm_module_validate(store, &bytes));
    wasm_module_t *module = wasm_module_new(store, &bytes);
    wasm_importtype_vec_t imports;
    wasm_exporttype_vec_t exports, copy;
    wasm_module_imports(module, &imports);
    wasm_module_exports(module, &exports);
    assert_int_equal(imports.size, 1);
    assert_memory_equal(wasm_importtype_name(imports.data[0])->data, "f", 1);
    const wasm_functype_t *type = wasm_externtype_as_functype_const(
        wasm_importtype_type(imports.data[0]));
    assert_int_equal(wasm_functype_params(type)->size, 2);
    assert_int_equal(wasm_valtype_kind(wasm_functype_results(type)->data[0]),
                     WASM_F64);
    wasm_exporttype_vec_copy(&copy, &exports);
    wasm_exporttype_vec_delete(&exports);
    assert_int_equal(wasm_externtype_kind(wasm_exporttype_type(copy.data[2])),
                     WASM_EXTERN_TABLE);
    wasm_exporttype_vec_delete(&copy);
    wasm_importtype_vec_delete(&imports);
    wasm_shared_module_t *shared = wasm_module_share(module);
    wasm_module_delete(module);
    module = wasm_module_obtain(store, shared);
    assert_non_null(module);
    wasm_module_delete(module);
    wasm_shared_module_delete(shared);
    bytes.size--;
    assert_false(wasm_module_validate(store, &bytes));
    assert_null(wasm_module_new(store, &bytes));
}

/*
 * (module
 *   (rec (type $f (func (param i32) (result i32))) (type $s (struct)))
 *   (type $open (sub (func (result (ref null $s)))))
 *   (import "m" "f" (func (type $f)))
 *   (import "m" "g" (func (type $open)))
 *   (global (export "n") (mut (ref null $s)) (ref.null none))
 *   (func (export "go") (type $f)
 *     (drop (call 1)) (call 0 (local.get 0))))
 */
/* clang-format off */
static const unsigned char grouped[] = {
    0, 'a', 's', 'm', 1, 0, 0, 0,
    1, 17, 2, 0x4e, 2, 0x60, 1, 0x7f, 1, 0x7f, 0x5f, 0,
    0x50, 0, 0x60, 0, 1, 0x63, 1,
    2, 13, 2, 1, 'm', 1, 'f', 0, 0, 1, 'm', 1, 'g', 0, 2,
    3, 2, 1, 0,
    6, 7, 1, 0x63, 1, 1, 0xd0, 0x71, 0x0b,
    7, 10, 2, 1, 'n', 3, 0, 2, 'g', 'o', 0, 2,
    10, 11, 1, 9, 0, 0x10, 1, 0x1a, 0x20, 0, 0x10, 0, 0x0b,
};
/* clang-format on */

static wasm_trap_t *twice(const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    results->data[0] = (wasm_val_t)WASM_I32_VAL(2 * args->data[0].of.i32);
    return NULL;
}

static wasm_trap_t *nothing(const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    results->data[0] = (wasm_val_t)WASM_INIT_VAL;
    return NULL;
}

/* Functions of those types as imports; NULL after a trap that refuses them. */
static wasm_instance_t *instantiate_with(const wasm_module_t *module,
                                         const wasm_functype_t *f,
                                         const wasm_functype_t *g)
{
    wasm_func_t *funcs[] = {wasm_func_new(store, f, twice),
                            wasm_func_new(store, g, nothing)};
    wasm_extern_t *list[] = {wasm_func_as_extern(funcs[0]),
                             wasm_func_as_extern(funcs[1])};
    wasm_extern_vec_t imports = WASM_ARRAY_VEC(list);
    wasm_trap_t *trap;
    wasm_instance_t *instance =
        wasm_instance_new(store, module, &imports, &trap);
    assert_true(!instance == !!trap);
    wasm_func_delete(funcs[0]);
    wasm_func_delete(funcs[1]);
    wasm_trap_delete(trap);
    return instance;
}

static const wasm_functype_t *import_type(const wasm_importtype_vec_t *imports,
                                          size_t i)
{
    return wasm_externtype_as_functype_const(
        wasm_importtype_type(imports->data[i]));
}

static void check_grouped(wasm_instance_t *instance)
{
    wasm_extern_vec_t exports;
    wasm_instance_exports(instance, &exports);
    wasm_val_t in[] = {WASM_I32_VAL(21)}, out[] = {WASM_INIT_VAL};
    wasm_val_vec_t args = WASM_ARRAY_VEC(in), results = WASM_ARRAY_VEC(out);
    wasm_func_t *go = wasm_extern_as_func(exports.data[1]);
    assert_null(wasm_func_call(go, &args, &results));
    assert_int_equal(out[0].of.i32, 42);
    /* a global of the type of a module's, whatever the standard calls it */
    wasm_globaltype_t *type =
        wasm_global_type(wasm_extern_as_global(exports.data[0]));
    wasm_foreign_t *foreign = wasm_foreign_new(store);
    wasm_val_t null = WASM_INIT_VAL;
    wasm_val_t other = WASM_REF_VAL(wasm_foreign_as_ref(foreign));
    wasm_global_t *global = wasm_global_new(store, type, &null);
    assert_non_null(global);
    assert_null(wasm_global_new(store, type, &other)); /* no struct */
    wasm_global_delete(global);
    wasm_foreign_delete(foreign);
    wasm_globaltype_delete(type);
    wasm_extern_vec_delete(&exports);
}

/* A type in a recursion group, or one that is open, is not the one that is
 * spelled the same: an import of it wants a function of its very type. */
static void types_of_groups(void **state)
{
    wasm_byte_vec_t bytes = {sizeof grouped, (char *)grouped};
    wasm_module_t *module = wasm_module_new(store, &bytes);
    assert_non_null(module);
    wasm_importtype_vec_t imports;
    wasm_module_imports(module, &imports);
    wasm_functype_t *f = wasm_functype_copy(import_type(&imports, 0));
    wasm_functype_t *g = wasm_functype_copy(import_type(&imports, 1));
    wasm_importtype_vec_delete(&imports);
    wasm_functype_t *spelled =
        wasm_functype_new_1_1(wasm_valtype_new_i32(), wasm_valtype_new_i32());
    assert_null(instantiate_with(module, spelled, g));
    wasm_instance_t *instance = instantiate_with(module, f, g);
    assert_non_null(instance);
    check_grouped(instance);

    /* the type of a function is as good as that of an import */
    wasm_extern_vec_t exports;
    wasm_instance_exports(instance, &exports);
    wasm_functype_t *own = wasm_func_type(wasm_extern_as_func(exports.data[1]));
    wasm_extern_vec_delete(&exports);
    wasm_instance_delete(instance);
    instance = instantiate_with(module, own, g);
    assert_non_null(instance);
    wasm_instance_delete(instance);

    /* another engine's types are spelled out */
    wasm_engine_t *engine2 = wasm_engine_new();
    wasm_store_t *store2 = wasm_store_new(engine2);
    wasm_func_t *func = wasm_func_new(store2, f, twice);
    assert_non_null(func);
    wasm_functype_t *type2 = wasm_func_type(func);
    wasm_func_delete(func);
    wasm_store_delete(store2);
    wasm_engine_delete(engine2);
    assert_null(instantiate_with(module, type2, g));
    wasm_functype_delete(type2);
    wasm_functype_delete(own);
    wasm_functype_delete(spelled);
    wasm_functype_delete(f);
    wasm_functype_delete(g);
    wasm_module_delete(module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_and_traps),         cmocka_unit_test(references),
        cmocka_unit_test(tables_globals_memories), cmocka_unit_test(types),
        cmocka_unit_test(types_of_groups),
    };
    return cmocka_run_group_tests_name("wasm_api", tests, setup, teardown);
}
