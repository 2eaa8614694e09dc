/*
 * test_limits.c - limits and sharing: each limit is met by name and leaves the
 * store usable, thousands of instances share a module, stores do not mix.
 */
#include "tests/engine/engine.h"

#include <unistd.h>

static loaded small;

static vm_status create(vm_store *store, const loaded *l, vm_error *err)
{
    vm_instance *instance;
    *err = (vm_error){0};
    return vm_instance_create(store, l->module, NULL, &instance, err);
}

static void instances_are_limited(void **state)
{
    const vm_store_limits limits = {.instances = 5};
    vm_store *store = new_store(engine, &limits);
    vm_error err;
    for (int i = 0; i < 5; i++)
        assert_int_equal(create(store, &small, &err), VM_OK);
    assert_int_equal(create(store, &small, &err), VM_TRAP);
    assert_string_equal(err.text, "too many instances: the limit is 5");
    vm_store_destroy(store);
}

static void memory_is_limited(void **state)
{
    const vm_store_limits limits = {.memory_bytes = 10 * 65536};
    vm_store *store = new_store(engine, &limits);
    vm_instance *first = instantiate(store, &small, NULL);
    vm_error err;
    assert_int_equal(call_i32(store, first, "grow", 3), 1);
    assert_int_equal(call_i32(store, first, "grow", 1), -1); /* its maximum */
    vm_instance *second = instantiate(store, &small, NULL);
    assert_int_equal(call_i32(store, second, "grow", 3), 1);
    vm_instance *third = instantiate(store, &small, NULL);
    assert_int_equal(call_i32(store, third, "grow", 3), -1); /* the limit */
    assert_int_equal(create(store, &small, &err), VM_TRAP);
    assert_string_equal(err.text, "out of memory: cannot make a memory within "
                                  "the limits");
    assert_int_equal(call_i32(store, first, "next", 0), 1);
    vm_store_destroy(store);
}

static void table_elements_are_limited(void **state)
{
    vm_store_limits limits = {.table_elements = 10};
    vm_store *store = new_store(engine, &limits);
    vm_instance *in = instantiate(store, &small, NULL);
    vm_error err;
    assert_int_equal(call_i32(store, in, "grow-table", 3), -1);
    assert_int_equal(call_i32(store, in, "grow-table", 2), 8);
    assert_int_equal(call_i32(store, in, "grow-table", 1), -1);
    vm_store_destroy(store);
    limits.table_elements = 7;
    store = new_store(engine, &limits);
    assert_int_equal(create(store, &small, &err), VM_TRAP);
    assert_string_equal(err.text, "out of memory: cannot make a table within "
                                  "the limits");
    vm_store_destroy(store);
}

/* A small stack holds fewer frames; no stack is smaller than it may be. */
static void the_stack_is_limited(void **state)
{
    static const uint32_t sizes[] = {1, 1 << 20, 16 << 20};
    loaded calls = load(engine, "calls");
    int32_t reached[3];
    for (int i = 0; i < 3; i++) {
        const vm_store_limits limits = {.stack_bytes = sizes[i]};
        vm_store *store = new_store(engine, &limits);
        const vm_type types[] = {VM_I32, VM_I32};
        const vm_functype type = {1, 1, 1, 1, types};
        vm_func *none = vm_func_create_host(store, &type, NULL, NULL);
        const vm_extern imports[] = {{VM_EXTERN_FUNC, {none}},
                                     {VM_EXTERN_FUNC, {none}}};
        vm_instance *in = instantiate(store, &calls, imports);
        vm_value out;
        vm_error err = {0};
        uint64_t fuel = 1000000000;
        vm_store_set_fuel(store, fuel);
        assert_int_equal(
            vm_call(store, func_of(in, "endless"), NULL, &out, &err), VM_TRAP);
        assert_string_equal(err.text, "call stack exhausted");
        reached[i] = (int32_t)(fuel - vm_store_fuel(store));
        vm_store_destroy(store);
    }
    assert_true(reached[0] > 100 && reached[0] < reached[1]);
    assert_true(reached[1] * 10 < reached[2]);
    unload(&calls);
}

/* ---- thousands
 * ---------------------------------------------------------------- */

static size_t resident_bytes(void)
{
    unsigned long size, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    if (f)
        fclose(f);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void thousands_of_instances(void **state)
{
    enum { N = 3000, MAX_EACH = 40 << 10 };
    static vm_instance *all[N];
    vm_store *store = new_store(engine, NULL);
    all[0] = instantiate(store, &small, NULL);
    assert_int_equal(call_i32(store, all[0], "next", 0), 1);
    size_t before = resident_bytes();
    for (int i = 1; i < N; i++)
        all[i] = instantiate(store, &small, NULL);
    size_t each = (resident_bytes() - before) / N;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < N; i += 1 + i % 3)
            assert_int_equal(call_i32(store, all[i], "next", 0),
                             round + 1 + (i == 0));
    if (!__has_feature(address_sanitizer)) /* which has shadows */
        assert_in_range(each, 0, MAX_EACH);
    vm_store_destroy(store);
}

static void stores_share_a_module(void **state)
{
    enum { N = 300 };
    static vm_store *stores[N];
    static vm_instance *instances[N];
    for (int i = 0; i < N; i++) {
        stores[i] = new_store(engine, NULL);
        instances[i] = instantiate(stores[i], &small, NULL);
    }
    for (int i = 0; i < N; i++) {
        assert_int_equal(call_i32(stores[i], instances[i], "next", 0), 1);
        if (i % 2)
            vm_store_destroy(stores[i]);
    }
    for (int i = 0; i < N; i += 2) {
        assert_int_equal(call_i32(stores[i], instances[i], "next", 0), 2);
        vm_store_destroy(stores[i]);
    }
}

/* ---- mixing
 * --------------------------------------------------------------------- */

static const char *const kinds[] = {"f", "t", "m", "g", "e"};

static void stores_do_not_mix(void **state)
{
    loaded wants = load(engine, "wants"), gives = load(engine, "gives");
    vm_store *a = new_store(engine, NULL), *b = new_store(engine, NULL);
    vm_instance *of_a = instantiate(a, &gives, NULL),
                *of_b = instantiate(b, &gives, NULL), *instance;
    vm_extern imports[5];
    vm_error err;
    for (int other = -1; other < 5; other++) {
        for (int i = 0; i < 5; i++)
            imports[i] = export_of(i == other ? of_b : of_a, kinds[i]);
        err = (vm_error){0};
        vm_status status =
            vm_instance_create(a, wants.module, imports, &instance, &err);
        if (other < 0) {
            assert_int_equal(status, VM_OK);
            assert_int_equal(call_i32(a, instance, "call", 0), 5);
        } else {
            char text[80];
            snprintf(text, sizeof text, "import from another store: m.%s",
                     kinds[other]);
            assert_int_equal(status, VM_INVALID);
            assert_string_equal(err.text, text);
        }
    }
    vm_value out;
    err = (vm_error){0};
    assert_int_equal(vm_call(a, func_of(of_b, "f"), NULL, &out, &err), VM_TRAP);
    assert_string_equal(err.text, "the function belongs to another store");
    vm_store_destroy(a);
    vm_store_destroy(b);
    unload(&wants);
    unload(&gives);
}

static void engines_do_not_mix(void **state)
{
    vm_engine *other = vm_engine_create(NULL);
    vm_store *store = new_store(other, NULL);
    vm_error err;
    assert_int_equal(create(store, &small, &err), VM_INVALID);
    assert_string_equal(err.text, "the module was loaded by another engine");
    vm_store_destroy(store);
    vm_engine_destroy(other);
}

/* A function of an instance whose start trapped lives on in the table. */
static void what_a_failed_instance_shared_stays(void **state)
{
    loaded l = load(engine, "start-shares");
    vm_store *store = new_store(engine, NULL);
    const vm_limits limits = {.min = 1, .max = UINT64_MAX};
    vm_extern import = {.kind = VM_EXTERN_TABLE};
    assert_int_equal(
        vm_table_create(store, &limits, VM_FUNCREF, 0, &import.table), VM_OK);
    vm_instance *instance;
    vm_error err = {0};
    assert_int_equal(
        vm_instance_create(store, l.module, &import, &instance, &err), VM_TRAP);
    assert_string_equal(err.text, "unreachable");
    vm_module_release(l.module);
    l.module = NULL;
    vm_ref ref = 0;
    vm_value out = {0};
    err = (vm_error){0};
    assert_true(vm_table_get(import.table, 0, &ref));
    assert_int_equal(vm_call(store, vm_ref_to_func(ref), NULL, &out, &err),
                     VM_OK);
    assert_int_equal(out.i32, '*');
    vm_store_destroy(store);
    unload(&l);
}

static int up(void **state)
{
    if (engine_up(state))
        return -1;
    small = load(engine, "small");
    return 0;
}

static int down(void **state)
{
    unload(&small);
    return engine_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instances_are_limited),
        cmocka_unit_test(memory_is_limited),
        cmocka_unit_test(table_elements_are_limited),
        cmocka_unit_test(the_stack_is_limited),
        cmocka_unit_test(thousands_of_instances),
        cmocka_unit_test(stores_share_a_module),
        cmocka_unit_test(stores_do_not_mix),
        cmocka_unit_test(engines_do_not_mix),
        cmocka_unit_test(what_a_failed_instance_shared_stays),
    };
    return cmocka_run_group_tests_name("engine_limits", tests, up, down);
}
