/*
 * test_refs.c - references that the host holds: roots, and the references of
 * the standard C API.  All runs twice: as usual, and with garbage collected at
 * every allocation (and overwritten), so that a lost root is found at once.
 */
#include "tests/engine/engine.h"

#include "vm/heap.h"
#include "vm/wasm.h"

typedef struct guest {
    vm_engine *engine;
    loaded module;
    vm_store *store;
    vm_instance *instance;
    vm_tag *throws; /* the host throws it instead of answering */
} guest;

/* Makes garbage in the guest, then answers the argument. */
static vm_status pass(vm_fiber *fiber, void *env, vm_slot *slots)
{
    guest *g = env;
    vm_value n = {.i32 = 300};
    vm_error err = {0};
    vm_func *churn = func_of(g->instance, "churn");
    assert_int_equal(vm_call(g->store, churn, &n, NULL, &err), VM_OK);
    return g->throws ? vm_throw(fiber, g->throws, slots) : VM_OK;
}

static guest start(bool often, uint64_t memory_bytes)
{
    guest g = {0};
    const vm_options options = {.collect_often = often};
    const vm_store_limits limits = {.memory_bytes = memory_bytes};
    g.engine = vm_engine_create(&options);
    assert_non_null(g.engine);
    g.module = load(g.engine, "refs");
    g.store = new_store(g.engine, &limits);
    return g;
}

static void connect(guest *g)
{
    const vm_extern import = {.kind = VM_EXTERN_FUNC,
                              .func = host_func(g->store, VM_ANYREF, pass, g)};
    g->instance = instantiate(g->store, &g->module, &import);
}

static void stop(guest *g)
{
    vm_store_destroy(g->store);
    unload(&g->module);
    vm_engine_destroy(g->engine);
}

static vm_ref box(guest *g, int32_t value)
{
    vm_value in = {.i32 = value}, out = {0};
    call(g->store, g->instance, "box", &in, &out);
    assert_true(out.ref);
    return out.ref;
}

static int32_t unbox(guest *g, vm_ref ref)
{
    vm_value in = {.ref = ref}, out = {0};
    call(g->store, g->instance, "unbox", &in, &out);
    return out.i32;
}

static void churn(guest *g, int32_t n)
{
    vm_value in = {.i32 = n};
    call(g->store, g->instance, "churn", &in, NULL);
}

static void roots_keep(bool often)
{
    enum { N = 200 };
    vm_root *roots[N];
    guest g = start(often, 4 << 20);
    connect(&g);
    for (int i = 0; i < N; i++)
        roots[i] = vm_root_create(g.store, box(&g, i));
    churn(&g, 2000);
    for (int i = 0; i < N; i += 2) /* in no particular order */
        vm_root_destroy(roots[(i * 7) % N]);
    churn(&g, 2000);
    for (int i = 1; i < N; i += 2)
        assert_int_equal(unbox(&g, vm_root_ref(roots[i])), i);

    vm_value in = {.i32 = 70}, out[2] = {0};
    call(g.store, g.instance, "two", &in, out);
    vm_root *first = vm_root_create(g.store, out[0].ref);
    assert_int_equal(unbox(&g, out[1].ref), 71);
    assert_int_equal(unbox(&g, vm_root_ref(first)), 70);
    vm_root_destroy(first);
    vm_root_destroy(NULL);
    stop(&g); /* what is left goes with the store */
}

static void roots_keep_objects(void **state)
{
    roots_keep(false);
    roots_keep(true);
}

/* The heap holds some tens of thousands of boxes. */
static void what_is_not_rooted_goes(void **state)
{
    guest g = start(false, 1 << 20);
    connect(&g);
    for (int i = 0; i < 200000; i++)
        (void)box(&g, i);
    vm_value in = {.i32 = 1}, out = {0};
    vm_error err = {0};
    vm_status status;
    vm_func *make = func_of(g.instance, "box");
    int n = 0;
    while ((status = vm_call(g.store, make, &in, &out, &err)) == VM_OK) {
        assert_non_null(vm_root_create(g.store, out.ref));
        assert_true(++n < 100000);
    }
    assert_int_equal(status, VM_TRAP);
    assert_string_equal(err.text,
                        "out of memory: the garbage-collected heap is full");
    assert_true(n > 1000);
    stop(&g);
}

static void host_calls_keep(bool often)
{
    guest g = start(often, 0);
    connect(&g);
    assert_int_equal(call_i32(g.store, g.instance, "through", 34), 1034);
    assert_int_equal(call_i32(g.store, g.instance, "catch", 5), -1);
    g.throws = export_of(g.instance, "tag").tag;
    assert_int_equal(call_i32(g.store, g.instance, "catch", 5), 5);
    vm_value in = {.i32 = 34}, out;
    vm_error err = {0};
    assert_int_equal(
        vm_call(g.store, func_of(g.instance, "through"), &in, &out, &err),
        VM_THROWN);
    stop(&g);
}

static void host_calls_keep_their_arguments(void **state)
{
    host_calls_keep(false);
    host_calls_keep(true);
}

static void tables_and_globals_keep(void **state)
{
    guest g = start(true, 0);
    connect(&g);
    vm_global *global = export_of(g.instance, "global").global;
    vm_table *table = export_of(g.instance, "objects").table;
    vm_ref ref;
    vm_global_set(global, (vm_value){.ref = box(&g, 1)});
    assert_true(vm_table_set(table, 2, box(&g, 2)));
    vm_global *own;
    assert_int_equal(vm_global_create(g.store, VM_ANYREF, false,
                                      (vm_value){.ref = box(&g, 3)}, &own),
                     VM_OK);
    churn(&g, 100);
    assert_int_equal(unbox(&g, vm_global_get(global).ref), 1);
    assert_true(vm_table_get(table, 2, &ref));
    assert_int_equal(unbox(&g, ref), 2);
    assert_int_equal(unbox(&g, vm_global_get(own).ref), 3);
    stop(&g);
}

/* ---- the standard C API --------------------------------------------------
 */

typedef struct api {
    wasm_engine_t *engine;
    wasm_store_t *store;
    wasm_extern_vec_t exports;
} api;

/* In the order of api.wat. */
enum {
    GLOBAL,
    OBJECTS,
    FUNCTIONS,
    BOX,
    SMALL,
    UNBOX,
    TYPED,
    NEVER_NULL,
    OUTSIDE,
    CHURN,
    SELF
};

static api api_start(void)
{
    api a = {.engine = wasm_engine_new()};
    a.store = wasm_store_new(a.engine);
    wasm_byte_vec_t bytes;
    bytes.data = (char *)read_wasm("api", &bytes.size);
    wasm_module_t *module = wasm_module_new(a.store, &bytes);
    assert_non_null(module);
    free(bytes.data);
    wasm_instance_t *instance = wasm_instance_new(a.store, module, NULL, NULL);
    assert_non_null(instance);
    wasm_instance_exports(instance, &a.exports);
    wasm_instance_delete(instance);
    wasm_module_delete(module);
    return a;
}

static void api_stop(api *a)
{
    wasm_extern_vec_delete(&a->exports);
    wasm_store_delete(a->store);
    wasm_engine_delete(a->engine);
}

static wasm_trap_t *api_call(api *a, int export, wasm_val_t in, wasm_val_t *out)
{
    wasm_func_t *func = wasm_extern_as_func(a->exports.data[export]);
    wasm_val_vec_t args = {1, &in}, results = {1, out};
    assert_non_null(func);
    return wasm_func_call(func, &args, &results);
}

static wasm_ref_t *api_box(api *a, int32_t value)
{
    wasm_val_t out = WASM_INIT_VAL;
    assert_null(api_call(a, BOX, (wasm_val_t)WASM_I32_VAL(value), &out));
    assert_true(out.kind == WASM_EXTERNREF && out.of.ref);
    return out.of.ref;
}

static void api_gets(api *a, int export, wasm_ref_t *ref, int32_t value)
{
    wasm_val_t out = WASM_INIT_VAL;
    assert_null(api_call(a, export, (wasm_val_t)WASM_REF_VAL(ref), &out));
    assert_true(out.kind == WASM_I32 && out.of.i32 == value);
}

static void api_refuses(api *a, int export, wasm_val_t in, const char *expected)
{
    wasm_val_t out = WASM_INIT_VAL;
    wasm_trap_t *trap = api_call(a, export, in, &out);
    wasm_message_t text;
    assert_non_null(trap);
    wasm_trap_message(trap, &text);
    assert_string_equal(text.data, expected);
    wasm_name_delete(&text);
    wasm_trap_delete(trap);
}

static void api_keeps_objects(void **state)
{
    enum { N = 100 };
    api a = api_start();
    wasm_ref_t *refs[N];
    wasm_val_t out = WASM_INIT_VAL;
    for (int i = 0; i < N; i++)
        refs[i] = api_box(&a, i);
    for (int i = 0; i < N; i += 2)
        wasm_ref_delete(refs[i]);
    assert_null(api_call(&a, CHURN, (wasm_val_t)WASM_INIT_VAL, &out));
    for (int i = 1; i < N; i += 2)
        api_gets(&a, UNBOX, refs[i], i);

    /* the same object, found again, is the same reference */
    wasm_table_t *objects = wasm_extern_as_table(a.exports.data[OBJECTS]);
    assert_true(wasm_table_set(objects, 3, refs[1]));
    wasm_ref_t *found = wasm_table_get(objects, 3);
    assert_true(wasm_ref_same(found, refs[1]));
    assert_false(wasm_ref_same(found, refs[3]));
    wasm_ref_delete(found);
    for (int i = 1; i < N; i += 2)
        wasm_ref_delete(refs[i]);
    assert_null(api_call(&a, CHURN, (wasm_val_t)WASM_INIT_VAL, &out));
    found = wasm_table_get(objects, 3);
    api_gets(&a, UNBOX, found, 1);
    wasm_ref_delete(found);
    api_stop(&a);
}

static void api_checks_types(void **state)
{
    api a = api_start(), b = api_start();
    static const char wrong[] = "argument 0 is not of its type";
    wasm_ref_t *box = api_box(&a, 7), *other = api_box(&b, 8);
    wasm_val_t out = WASM_INIT_VAL;
    assert_null(api_call(&a, SMALL, (wasm_val_t)WASM_I32_VAL(7), &out));
    wasm_ref_t *i31 = out.of.ref;
    assert_null(api_call(&a, SELF, (wasm_val_t)WASM_INIT_VAL, &out));
    assert_int_equal(out.kind, WASM_FUNCREF);
    wasm_ref_t *self = out.of.ref;
    wasm_foreign_t *foreign = wasm_foreign_new(a.store);
    wasm_ref_t *host = wasm_foreign_as_ref(foreign);

    api_gets(&a, TYPED, box, 7);
    api_refuses(&a, UNBOX, (wasm_val_t)WASM_REF_VAL(i31), "cast failure");
    api_refuses(&a, TYPED, (wasm_val_t)WASM_REF_VAL(i31), wrong);
    api_refuses(&a, TYPED, (wasm_val_t)WASM_REF_VAL(self), wrong);
    api_refuses(&a, TYPED, (wasm_val_t)WASM_REF_VAL(host), wrong);
    api_refuses(&a, TYPED, (wasm_val_t)WASM_I64_VAL((intptr_t)box), wrong);
    api_refuses(&a, UNBOX, (wasm_val_t)WASM_REF_VAL(other), wrong);
    api_refuses(&a, BOX, (wasm_val_t)WASM_REF_VAL(box), wrong);
    api_refuses(&a, NEVER_NULL, (wasm_val_t)WASM_INIT_VAL, wrong);

    wasm_table_t *objects = wasm_extern_as_table(a.exports.data[OBJECTS]);
    wasm_table_t *functions = wasm_extern_as_table(a.exports.data[FUNCTIONS]);
    assert_true(wasm_table_set(functions, 0, self));
    assert_true(wasm_table_set(objects, 0, box));
    assert_true(wasm_table_set(objects, 1, host));
    assert_false(wasm_table_set(objects, 1, self));
    assert_false(wasm_table_set(objects, 1, other));
    assert_false(wasm_table_set(functions, 1, box));
    assert_false(wasm_table_set(functions, 1, host));
    assert_false(wasm_table_grow(functions, 1, i31));
    wasm_global_t *global = wasm_extern_as_global(a.exports.data[GLOBAL]);
    const wasm_val_t wrong_value = WASM_REF_VAL(self);
    wasm_global_set(global, &wrong_value);
    wasm_global_get(global, &out);
    assert_null(out.of.ref);

    /* through the guest and back a foreign object is the same */
    assert_null(api_call(&a, OUTSIDE, (wasm_val_t)WASM_REF_VAL(host), &out));
    assert_true(wasm_ref_same(out.of.ref, host));
    wasm_val_delete(&out);
    wasm_foreign_delete(foreign);
    wasm_ref_delete(i31);
    wasm_ref_delete(self);
    wasm_ref_delete(box);
    wasm_ref_delete(other);
    api_stop(&a);
    api_stop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_keep_objects),
        cmocka_unit_test(what_is_not_rooted_goes),
        cmocka_unit_test(host_calls_keep_their_arguments),
        cmocka_unit_test(tables_and_globals_keep),
        cmocka_unit_test(api_keeps_objects),
        cmocka_unit_test(api_checks_types),
    };
    return cmocka_run_group_tests_name("engine_refs", tests, NULL, NULL);
}
