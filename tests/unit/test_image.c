/*
 * test_image.c - instances start from a shared image (vm/image.c): elements
 * that are made when first used, and data that is shared until it is written.
 */
#include "vm/image.h"
#include "vm/store.h"
#include "vm/vm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { DATA = 100000, DATA_AT = 5000, MEMORY = 3 * 65536 };

/* ---- a module --------------------------------------------------------------
 * Functions: 0 and 1 give 10 and 11; 2 calls an element; 3 loads a byte.
 * Table of 4: 0 and 1, then nulls.  Memory of 3 pages, data from DATA_AT on.
 */

static uint8_t module_bytes[DATA + 512];
static size_t module_size;

static void put(const void *bytes, size_t n)
{
    memcpy(module_bytes + module_size, bytes, n);
    module_size += n;
}

static void put_leb(uint32_t v) /* in five bytes, always */
{
    uint8_t b[5] = {v | 0x80, v >> 7 | 0x80, v >> 14 | 0x80, v >> 21 | 0x80,
                    v >> 28};
    put(b, sizeof b);
}

#define PUT(...)                                                               \
    do {                                                                       \
        const uint8_t bytes_[] = {__VA_ARGS__};                                \
        put(bytes_, sizeof bytes_);                                            \
    } while (0)

static uint8_t data_at(uint32_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

static void build_module(void)
{
    module_size = 0;
    PUT(0, 'a', 's', 'm', 1, 0, 0, 0);
    PUT(1, 10, 2, 0x60, 0, 1, 0x7f, 0x60, 1, 0x7f, 1, 0x7f);
    PUT(3, 5, 4, 0, 0, 1, 1);
    PUT(4, 4, 1, 0x70, 0, 4);
    PUT(5, 3, 1, 0, 3);
    PUT(7, 23, 4, 1, 't', 1, 0, 1, 'm', 2, 0, 4, 'c', 'a', 'l', 'l', 0, 2, 4,
        'l', 'o', 'a', 'd', 0, 3);
    PUT(9, 8, 1, 0, 0x41, 0, 0x0b, 2, 0, 1);
    PUT(10, 27, 4, 4, 0, 0x41, 10, 0x0b, 4, 0, 0x41, 11, 0x0b);
    PUT(7, 0, 0x20, 0, 0x11, 0, 0, 0x0b);
    PUT(7, 0, 0x20, 0, 0x2d, 0, 0, 0x0b);
    PUT(11);
    put_leb(11 + DATA);
    PUT(1, 0, 0x41, 0x88, 0x27, 0x0b); /* i32.const 5000 */
    put_leb(DATA);
    for (uint32_t i = 0; i < DATA; i++)
        PUT(data_at(i));
    PUT(0); /* a custom section of nothing but an empty name */
    PUT(1, 0);
}

typedef struct fixture {
    vm_engine *engine;
    vm_module *module;
    vm_store *store;
    vm_instance *instance[3];
} fixture;

static int set_up(void **state)
{
    static fixture f;
    vm_error err = {0};
    memset(&f, 0, sizeof f);
    f.engine = vm_engine_create(&(vm_options){.images = true});
    assert_non_null(f.engine);
    if (vm_module_load(f.engine, module_bytes, module_size, &f.module, &err))
        fail_msg("%s", err.text);
    assert_int_equal(vm_store_create(f.engine, NULL, &f.store), VM_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            vm_instance_create(f.store, f.module, NULL, &f.instance[i], &err),
            VM_OK);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    vm_store_destroy(f->store);
    vm_module_release(f->module);
    vm_engine_destroy(f->engine);
    return 0;
}

static vm_extern export_of(vm_instance *in, const char *name)
{
    vm_extern x;
    assert_true(vm_instance_export(in, name, strlen(name), &x));
    return x;
}

/* The result, or -1 after a trap. */
static int64_t call(fixture *f, int i, const char *name, uint32_t arg)
{
    vm_error err = {0};
    vm_value in = {.u32 = arg}, out = {0};
    vm_func *func = export_of(f->instance[i], name).func;
    vm_status status = vm_call(f->store, func, &in, &out, &err);
    return status == VM_OK ? (int64_t)out.u32 : -1;
}

/* ---- tables ----------------------------------------------------------------
 */

static void elements_are_made_when_they_are_called(void **state)
{
    fixture *f = *state;
    vm_table *t = export_of(f->instance[0], "t").table;
    assert_true(vm_table_is_pending(t, 0));
    assert_int_equal(call(f, 0, "call", 0), 10);
    assert_false(vm_table_is_pending(t, 0));
    assert_int_equal(call(f, 0, "call", 0), 10);
    assert_int_equal(call(f, 0, "call", 1), 11);
    assert_int_equal(call(f, 0, "call", 2), -1);
    assert_int_equal(call(f, 0, "call", 4), -1);
}

static void elements_are_the_same_function_each_time(void **state)
{
    fixture *f = *state;
    vm_table *t = export_of(f->instance[0], "t").table;
    vm_ref first, second;
    assert_true(vm_table_get(t, 1, &first));
    assert_true(vm_table_get(t, 1, &second));
    assert_true(first && first == second);
    assert_true(vm_table_get(t, 3, &first));
    assert_true(first == 0);
    assert_false(vm_table_get(t, 4, &first));
}

static void a_null_that_is_written_stays(void **state)
{
    fixture *f = *state;
    vm_table *t = export_of(f->instance[0], "t").table;
    assert_true(vm_table_set(t, 0, 0));
    assert_int_equal(call(f, 0, "call", 0), -1);
    assert_int_equal(call(f, 0, "call", 1), 11);
    assert_int_equal(call(f, 1, "call", 0), 10);
}

static void nulls_that_fill_stay(void **state)
{
    fixture *f = *state;
    vm_table *t = export_of(f->instance[2], "t").table;
    assert_true(vm_table_fill(t, 1, 0, 2));
    assert_int_equal(call(f, 2, "call", 0), 10);
    assert_int_equal(call(f, 2, "call", 1), -1);
}

static void elements_move_and_grow_with_the_table(void **state)
{
    fixture *f = *state;
    vm_table *t = export_of(f->instance[0], "t").table;
    assert_int_equal(vm_table_grow(t, 40, 0), 4);
    assert_true(vm_table_copy(t, t, 20, 0, 3));
    assert_int_equal(call(f, 0, "call", 21), 11);
    assert_int_equal(call(f, 0, "call", 22), -1);
    assert_int_equal(call(f, 0, "call", 0), 10);
}

static void copies_between_tables_call_their_own_instance(void **state)
{
    fixture *f = *state;
    vm_table *a = export_of(f->instance[0], "t").table;
    vm_table *b = export_of(f->instance[1], "t").table;
    vm_ref there, here;
    assert_true(vm_table_copy(b, a, 2, 0, 2));
    assert_int_equal(call(f, 1, "call", 3), 11);
    assert_true(vm_table_get(a, 1, &there));
    assert_true(vm_table_get(b, 3, &here));
    assert_true(here == there);
}

/* ---- data ------------------------------------------------------------------
 */

static void check_data(vm_memory *m)
{
    const uint8_t *p = vm_memory_data(m);
    assert_int_equal(vm_memory_size(m), MEMORY);
    for (uint32_t i = 0; i < MEMORY; i++)
        if (p[i] !=
            (i >= DATA_AT && i < DATA_AT + DATA ? data_at(i - DATA_AT) : 0))
            fail_msg("byte %u is %u", i, p[i]);
}

static void every_instance_starts_with_its_data(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 3; i++)
        check_data(export_of(f->instance[i], "m").memory);
    assert_int_equal(call(f, 2, "load", DATA_AT + 77), data_at(77));
}

static void writes_stay_with_their_instance(void **state)
{
    fixture *f = *state;
    vm_error err = {0};
    vm_memory *m[4];
    for (int i = 0; i < 3; i++)
        m[i] = export_of(f->instance[i], "m").memory;
    for (int i = 0; i < 3; i++)
        memset(vm_memory_data(m[i]) + 4000, i + 1, 9000);
    vm_instance *late;
    assert_int_equal(vm_instance_create(f->store, f->module, NULL, &late, &err),
                     VM_OK);
    m[3] = export_of(late, "m").memory;
    check_data(m[3]);
    for (int i = 0; i < 3; i++)
        assert_int_equal(vm_memory_data(m[i])[DATA_AT], i + 1);
}

static void memories_grow_behind_their_data(void **state)
{
    fixture *f = *state;
    vm_memory *m = export_of(f->instance[1], "m").memory;
    assert_int_equal(vm_memory_grow(m, 2), 3);
    assert_int_equal(vm_memory_data(m)[5 * 65536 - 1], 0);
    assert_int_equal(call(f, 1, "load", DATA_AT + DATA - 1), data_at(DATA - 1));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(elements_are_made_when_they_are_called),
        CASE(elements_are_the_same_function_each_time),
        CASE(a_null_that_is_written_stays),
        CASE(nulls_that_fill_stay),
        CASE(elements_move_and_grow_with_the_table),
        CASE(copies_between_tables_call_their_own_instance),
        CASE(every_instance_starts_with_its_data),
        CASE(writes_stay_with_their_instance),
        CASE(memories_grow_behind_their_data),
    };
    build_module();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
