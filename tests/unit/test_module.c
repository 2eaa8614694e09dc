/*
 * test_module.c - loading modules that the official suite does not have:
 * bombs, limits, places of errors, custom sections.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vm/module.h"

/* ---- a small assembler ------------------------------------------------ */

typedef struct bytes {
    uint8_t *data;
    size_t len, capacity;
} bytes;

static void put(bytes *b, const void *data, size_t len)
{
    if (b->len + len > b->capacity) {
        b->capacity = (b->len + len) * 2;
        b->data = realloc(b->data, b->capacity);
        assert_non_null(b->data);
    }
    if (len)
        memcpy(b->data + b->len, data, len);
    b->len += len;
}

static void put_u8(bytes *b, uint8_t byte)
{
    put(b, &byte, 1);
}

static void put_leb(bytes *b, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        put_u8(b, (uint8_t)(value | 0x80));
    put_u8(b, (uint8_t)value);
}

/* Appends a section and empties its contents. */
static void put_section(bytes *b, uint8_t id, bytes *contents)
{
    put_u8(b, id);
    put_leb(b, contents->len);
    put(b, contents->data, contents->len);
    contents->len = 0;
}

#define PUT(b, ...)                                                            \
    put(b, (const uint8_t[]){__VA_ARGS__},                                     \
        sizeof((const uint8_t[]){__VA_ARGS__}))

static void put_header(bytes *b)
{
    PUT(b, 0, 'a', 's', 'm', 1, 0, 0, 0);
}

/* A module with one function [] -> [] of that body (locals included). */
static bytes one_function(const bytes *body)
{
    bytes m = {0}, s = {0};
    put_header(&m);
    PUT(&s, 1, 0x60, 0, 0);
    put_section(&m, 1, &s);
    PUT(&s, 1, 0);
    put_section(&m, 3, &s);
    put_u8(&s, 1);
    put_leb(&s, body->len);
    put(&s, body->data, body->len);
    put_section(&m, 10, &s);
    free(s.data);
    return m;
}

static vm_engine *engine;

static vm_status load(const bytes *b, vm_error *err)
{
    vm_module *module = NULL;
    *err = (vm_error){0};
    vm_status status = vm_module_load(engine, b->data, b->len, &module, err);
    vm_module_release(module);
    return status;
}

static int setup(void **state)
{
    engine = vm_engine_create(NULL);
    return engine ? 0 : -1;
}

static int teardown(void **state)
{
    vm_engine_destroy(engine);
    return 0;
}

/* ---- tests ----------------------------------------------------------------
 */

static void a_million_nested_blocks(void **state)
{
    enum { N = 1000000 };
    bytes body = {0};
    vm_error err;
    put_u8(&body, 0);
    for (int i = 0; i < N; i++)
        PUT(&body, 0x02, 0x40);
    for (int i = 0; i <= N; i++)
        put_u8(&body, 0x0b);
    bytes m = one_function(&body);
    assert_int_equal(load(&m, &err), VM_OK);
    m.len = m.len - 1; /* without the last end */
    assert_int_equal(load(&m, &err), VM_INVALID);
    free(m.data);
    free(body.data);
}

/* Every vector of the format, claiming 2^32-1 items. */
static void counts_of_four_billion(void **state)
{
    static const uint8_t ids[] = {1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 13};
    for (size_t i = 0; i < sizeof ids; i++) {
        bytes m = {0}, s = {0};
        vm_error err;
        put_header(&m);
        put_leb(&s, UINT32_MAX);
        PUT(&s, 0, 0, 0, 0);
        put_section(&m, ids[i], &s);
        assert_int_equal(load(&m, &err), VM_INVALID);
        assert_int_equal(err.phase, VM_PHASE_DECODE);
        assert_int_equal(err.offset, 10);
        free(m.data);
        free(s.data);
    }
}

static void huge_locals(void **state)
{
    bytes body = {0};
    vm_error err;
    put_u8(&body, 1);
    put_leb(&body, VM_MAX_LOCALS);
    PUT(&body, 0x7f, 0x20); /* i32; local.get the last */
    put_leb(&body, VM_MAX_LOCALS - 1);
    PUT(&body, 0x1a, 0x0b);
    bytes m = one_function(&body);
    assert_int_equal(load(&m, &err), VM_OK);
    free(m.data);

    body.len = 0;
    put_u8(&body, 1);
    put_leb(&body, VM_MAX_LOCALS + 1);
    PUT(&body, 0x7f, 0x0b);
    m = one_function(&body);
    assert_int_equal(load(&m, &err), VM_INVALID);
    assert_non_null(strstr(err.text, "too many locals"));
    free(m.data);
    free(body.data);
}

/* Locals beyond the fast ones are found by their runs. */
static void locals_by_runs(void **state)
{
    bytes body = {0};
    vm_error err;
    put_leb(&body, 400); /* i32, i64, i32, i64, ... */
    for (int i = 0; i < 400; i++)
        PUT(&body, 1, i % 2 ? 0x7e : 0x7f);
    for (int i = 0; i < 400; i++) {
        put_u8(&body, 0x20);
        put_leb(&body, (uint64_t)i);
        PUT(&body, i % 2 ? 0x50 : 0x45, 0x1a); /* eqz, drop */
    }
    put_u8(&body, 0x0b);
    bytes m = one_function(&body);
    assert_int_equal(load(&m, &err), VM_OK);
    free(m.data);
    free(body.data);
}

/* The operand stack is bounded, whatever a few bytes push. */
static void operand_bomb(void **state)
{
    bytes m = {0}, s = {0}, body = {0};
    vm_error err;
    put_header(&m);
    PUT(&s, 1, 0x60, 0);
    put_leb(&s, 1000);
    for (int i = 0; i < 1000; i++)
        put_u8(&s, 0x7f);
    put_section(&m, 1, &s);
    PUT(&s, 1, 0);
    put_section(&m, 3, &s);
    put_u8(&body, 0);
    for (int i = 0; i < 100000; i++)
        PUT(&body, 0x10, 0); /* call itself: 1,000 results each */
    PUT(&body, 0x00, 0x0b);
    put_u8(&s, 1);
    put_leb(&s, body.len);
    put(&s, body.data, body.len);
    put_section(&m, 10, &s);
    assert_int_equal(load(&m, &err), VM_INVALID);
    assert_non_null(strstr(err.text, "operand stack higher than"));
    free(m.data);
    free(s.data);
    free(body.data);
}

static void errors_tell_the_place(void **state)
{
    /* nop, i32.const 1, i64.eqz at offset 3 of the body, drop, end */
    static const uint8_t code[] = {0, 0x01, 0x41, 1, 0x50, 0x1a, 0x0b};
    const bytes body = {(uint8_t *)code, sizeof code, 0};
    vm_error err;
    bytes m = one_function(&body);
    assert_int_equal(load(&m, &err), VM_INVALID);
    assert_int_equal(err.phase, VM_PHASE_VALIDATE);
    assert_int_equal(err.offset, m.len - 3);
    assert_string_equal(err.text, "type mismatch: expected i64, got i32");
    free(m.data);
}

/* An instruction that runs over its body's end is not accepted. */
static void instructions_end_with_their_body(void **state)
{
    bytes m = {0}, s = {0};
    vm_error err;
    put_header(&m);
    PUT(&s, 1, 0x60, 0, 0);
    put_section(&m, 1, &s);
    PUT(&s, 2, 0, 0);
    put_section(&m, 3, &s);
    /* body one ends inside of its i32.const's LEB128 */
    PUT(&s, 2, 4, 0, 0x41, 0x80, 0x80, 4, 0, 0x01, 0x01, 0x0b);
    put_section(&m, 10, &s);
    PUT(&s, 40, 'p'); /* so that the fast path has room: a custom section */
    for (int i = 0; i < 40; i++)
        put_u8(&s, 'x');
    put_section(&m, 0, &s);
    assert_int_equal(load(&m, &err), VM_INVALID);
    assert_int_equal(err.phase, VM_PHASE_DECODE);
    free(m.data);
    free(s.data);
}

static void names_and_custom_sections(void **state)
{
    static const uint8_t code[] = {1, 2, 0x7f, 0x0b};
    const bytes body = {(uint8_t *)code, sizeof code, 0};
    bytes m = one_function(&body), s = {0};
    PUT(&s, 4, 'n', 'a', 'm', 'e');
    PUT(&s, 0, 3, 2, 'm', 'y');
    PUT(&s, 1, 6, 1, 0, 3, 'f', 'u', 'n');
    PUT(&s, 2, 8, 1, 0, 2, 0, 1, 'a', 1, 1, 'b'); /* one byte short */
    put_section(&m, 0, &s);
    PUT(&s, 1, 'x', 42);
    put_section(&m, 0, &s);

    vm_module *module;
    vm_error err = {0};
    assert_int_equal(vm_module_load(engine, m.data, m.len, &module, &err),
                     VM_OK);
    assert_int_equal(vm_module_name(module).len, 2);
    assert_memory_equal(vm_module_func_name(module, 0).data, "fun", 3);
    assert_int_equal(vm_module_func_name(module, 1).len, 0);
    assert_memory_equal(vm_module_local_name(module, 0, 0).data, "a", 1);
    assert_int_equal(vm_module_local_name(module, 0, 1).len, 0);
    const vm_section *x = vm_module_custom(module, "x", 0);
    assert_non_null(x);
    assert_int_equal(m.data[x->offset], 42);
    assert_null(vm_module_custom(module, "x", 1));
    vm_module_release(module);
    free(m.data);
    free(s.data);
}

static void branch_hints(void **state)
{
    /* i32.const 0, if, end, i32.const 0, if, end, end */
    static const uint8_t code[] = {0,    0x41, 0,    0x04, 0x40, 0x0b,
                                   0x41, 0x00, 0x04, 0x40, 0x0b, 0x0b};
    const bytes body = {(uint8_t *)code, sizeof code, 0};
    bytes m = one_function(&body), s = {0};
    static const char name[] = "metadata.code.branch_hint";
    put_leb(&s, sizeof name - 1);
    put(&s, name, sizeof name - 1);
    PUT(&s, 1, 0, 2, 3, 1, 0, 8, 1, 1);
    put_section(&m, 0, &s);
    vm_module *module;
    vm_error err = {0};
    assert_int_equal(vm_module_load(engine, m.data, m.len, &module, &err),
                     VM_OK);
    uint32_t base = module->funcs[0].locals, cursor = 0;
    assert_int_equal(vm_module_branch_hint(module, 0, base + 1, &cursor), -1);
    assert_int_equal(vm_module_branch_hint(module, 0, base + 3, &cursor), 0);
    assert_int_equal(vm_module_branch_hint(module, 0, base + 8, &cursor), 1);
    assert_int_equal(vm_module_branch_hint(module, 0, base + 9, &cursor), -1);
    vm_module_release(module);
    free(m.data);
    free(s.data);
}

/* Legacy exceptions, which the suite no longer has. */
static void legacy_exceptions(void **state)
{
    static const struct {
        uint8_t code[24];
        uint8_t len;
        bool valid;
    } cases[] = {
        /* try nop catch_all rethrow 0 end */
        {{0, 0x06, 0x40, 0x01, 0x19, 0x09, 0, 0x0b, 0x0b}, 9, true},
        /* try nop delegate 0 */
        {{0, 0x06, 0x40, 0x01, 0x18, 0, 0x0b}, 7, true},
        /* try (i32.const 1) catch_all (i32.const 2) end drop */
        {{0, 0x06, 0x7f, 0x41, 1, 0x19, 0x41, 2, 0x0b, 0x1a, 0x0b}, 11, true},
        /* the catch leaves nothing, but must leave an i32 */
        {{0, 0x06, 0x7f, 0x41, 1, 0x19, 0x0b, 0x1a, 0x0b}, 9, false},
        /* rethrow outside of a catch */
        {{0, 0x06, 0x40, 0x09, 0, 0x19, 0x0b, 0x0b}, 8, false},
        /* catch_all after catch_all */
        {{0, 0x06, 0x40, 0x19, 0x19, 0x0b, 0x0b}, 7, false},
        /* delegate past the function */
        {{0, 0x06, 0x40, 0x18, 1, 0x0b}, 6, false},
        /* catch of a tag that is not there */
        {{0, 0x06, 0x40, 0x07, 0, 0x0b, 0x0b}, 7, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const bytes body = {(uint8_t *)cases[i].code, cases[i].len, 0};
        vm_error err;
        bytes m = one_function(&body);
        assert_int_equal(load(&m, &err) == VM_OK, cases[i].valid);
        free(m.data);
    }
}

static void exports_are_found(void **state)
{
    enum { N = 1000 };
    bytes m = {0}, s = {0};
    char name[24];
    put_header(&m);
    PUT(&s, 1, 0, 1); /* a memory */
    put_section(&m, 5, &s);
    put_leb(&s, N);
    for (int i = 0; i < N; i++) {
        int len = snprintf(name, sizeof name, "a long name %d", i);
        put_u8(&s, (uint8_t)len);
        put(&s, name, (size_t)len);
        PUT(&s, 2, 0);
    }
    put_section(&m, 7, &s);
    vm_module *module;
    vm_error err = {0};
    assert_int_equal(vm_module_load(engine, m.data, m.len, &module, &err),
                     VM_OK);
    for (int i = 0; i < N; i++) {
        int len = snprintf(name, sizeof name, "a long name %d", i);
        assert_int_equal(vm_module_find_export(module, name, (size_t)len), i);
        assert_int_equal(vm_module_find_export(module, name, (size_t)len - 1),
                         i < 10 ? UINT32_MAX : (uint32_t)i / 10);
    }
    vm_module_release(module);
    free(m.data);
    free(s.data);
}

/* Several threads report the same error that one would: the first. */
static void threads_agree(void **state)
{
    enum { FUNCS = 1500, BODY = 1000, FIRST_BAD = 700, SECOND_BAD = 701 };
    bytes m = {0}, s = {0};
    put_header(&m);
    PUT(&s, 1, 0x60, 0, 0);
    put_section(&m, 1, &s);
    put_leb(&s, FUNCS);
    for (int i = 0; i < FUNCS; i++)
        put_u8(&s, 0);
    put_section(&m, 3, &s);
    put_leb(&s, FUNCS);
    for (int i = 0; i < FUNCS; i++) {
        put_leb(&s, BODY);
        put_u8(&s, 0);
        for (int k = 0; k < BODY - 2; k++)
            put_u8(&s, k == BODY - 3 && (i == FIRST_BAD || i == SECOND_BAD)
                           ? 0x1a /* drop */
                           : 0x01);
        put_u8(&s, 0x0b);
    }
    put_section(&m, 10, &s);
    size_t offsets[2];
    for (unsigned threads = 1; threads <= 2; threads++) {
        vm_options options = {.threads = threads * 2 - 1};
        vm_engine *own = vm_engine_create(&options);
        vm_module *module;
        vm_error err = {0};
        assert_int_equal(vm_module_load(own, m.data, m.len, &module, &err),
                         VM_INVALID);
        assert_int_equal(err.phase, VM_PHASE_VALIDATE);
        offsets[threads - 1] = err.offset;
        vm_engine_destroy(own);
    }
    assert_int_equal(offsets[0], offsets[1]);
    assert_int_equal(m.data[offsets[0]], 0x1a);
    free(m.data);
    free(s.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_nested_blocks),
        cmocka_unit_test(counts_of_four_billion),
        cmocka_unit_test(huge_locals),
        cmocka_unit_test(locals_by_runs),
        cmocka_unit_test(operand_bomb),
        cmocka_unit_test(errors_tell_the_place),
        cmocka_unit_test(instructions_end_with_their_body),
        cmocka_unit_test(names_and_custom_sections),
        cmocka_unit_test(branch_hints),
        cmocka_unit_test(legacy_exceptions),
        cmocka_unit_test(exports_are_found),
        cmocka_unit_test(threads_agree),
    };
    return cmocka_run_group_tests_name("module", tests, setup, teardown);
}
