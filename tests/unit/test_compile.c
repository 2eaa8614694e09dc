/*
 * test_compile.c - the compiler to threaded code: hostile bodies take time in
 * proportion to their length, and the tables that it picks from are complete.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "vm/code.h"
#include "vm/fuse.h"
#include "vm/module.h"

/* ---- bodies -------------------------------------------------------------- */

typedef struct bytes {
    uint8_t *data;
    size_t len;
} bytes;

static void put(bytes *b, const void *data, size_t len)
{
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

#define PUT(b, ...)                                                            \
    put(b, (const uint8_t[]){__VA_ARGS__},                                     \
        sizeof((const uint8_t[]){__VA_ARGS__}))

/* Always five bytes. */
static void put_u32(bytes *b, uint32_t v)
{
    PUT(b, (uint8_t)(v | 0x80), (uint8_t)(v >> 7 | 0x80),
        (uint8_t)(v >> 14 | 0x80), (uint8_t)(v >> 21 | 0x80),
        (uint8_t)(v >> 28));
}

/* Seconds of CPU time to compile a module's only function, [] -> [], of that
 * body. */
static double compile(const bytes *body)
{
    bytes m = {malloc(body->len + 64), 0};
    vm_engine *engine = vm_engine_create(NULL);
    vm_module *module = NULL;
    vm_error err = {0};
    assert_non_null(m.data);
    assert_non_null(engine);
    PUT(&m, 0, 'a', 's', 'm', 1, 0, 0, 0);
    PUT(&m, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10);
    put_u32(&m, (uint32_t)body->len + 6);
    PUT(&m, 1);
    put_u32(&m, (uint32_t)body->len);
    put(&m, body->data, body->len);
    assert_int_equal(vm_module_load(engine, m.data, m.len, &module, &err),
                     VM_OK);
    struct vm_code *code = vm_code_get(module, 0);
    assert_non_null(code);
    clock_t start = clock();
    assert_int_equal(vm_code_compile(code, &err), VM_OK);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    vm_module_release(module);
    vm_engine_destroy(engine);
    free(m.data);
    return seconds;
}

/* Many blocks around many br_tables, each of which needs a stub of its own,
 * since what it leads to is the end of the function. */
static void stubs_in_linear_time(void **state)
{
    enum { N = 60000 };
    bytes body = {malloc(N * 32 + 8), 0};
    assert_non_null(body.data);
    PUT(&body, 0);
    for (int i = 0; i < N; i++)
        PUT(&body, 0x02, 0x40); /* block */
    for (int i = 0; i < N; i++) {
        PUT(&body, 0x02, 0x40, 0x41, 0, 0x0d, 0); /* block (br_if 0) */
        PUT(&body, 0x41, 0, 0x0e, 0);             /* (br_table N + 1) end */
        put_u32(&body, N + 1);
        PUT(&body, 0x0b);
    }
    for (int i = 0; i <= N; i++)
        PUT(&body, 0x0b);
    assert_true(compile(&body) < 2.0);
    free(body.data);
}

/* ---- tables ---------------------------------------------------------------
 */

/* A sequence of handlers that do not exist would never be found. */
static void sequences_are_of_handlers(void **state)
{
    assert_true(vm_nsequences > 100);
    for (uint32_t i = 0; i < vm_nsequences; i++) {
        const vm_sequence *s = &vm_sequences[i];
        assert_non_null(s->whole);
        assert_true(*s->part[0] && *s->part[1]);
        assert_true(!s->part[2] || *s->part[2]);
    }
}

static void no_sequence_twice(void **state)
{
    for (uint32_t i = 0; i < vm_nsequences; i++)
        for (uint32_t j = 0; j < i; j++)
            assert_memory_not_equal(vm_sequences[i].part, vm_sequences[j].part,
                                    sizeof vm_sequences[i].part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stubs_in_linear_time),
        cmocka_unit_test(sequences_are_of_handlers),
        cmocka_unit_test(no_sequence_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
