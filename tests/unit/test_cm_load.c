/* test_cm_load.c - loading and instantiating components made byte by byte:
 * what is refused, and with what words; limits against small files that ask
 * for much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vm/cm_internal.h"

/* ---- bytes ----------------------------------------------------------------
 */

typedef struct bytes {
    uint8_t *at;
    size_t len, room;
} bytes;

static void put(bytes *b, const void *data, size_t len)
{
    if (b->len + len > b->room) {
        b->room = (b->len + len) * 2;
        b->at = realloc(b->at, b->room);
        assert_non_null(b->at);
    }
    memcpy(b->at + b->len, data, len);
    b->len += len;
}

static void put_byte(bytes *b, uint8_t byte)
{
    put(b, &byte, 1);
}

static void put_u32(bytes *b, uint32_t value)
{
    for (; value >= 0x80; value >>= 7)
        put_byte(b, (uint8_t)(value | 0x80));
    put_byte(b, (uint8_t)value);
}

#define PUT(b, text) put(b, text, sizeof(text) - 1)

static bytes component(void)
{
    bytes b = {0};
    PUT(&b, "\0asm\x0d\0\1\0");
    return b;
}

/* Appends a section and frees its contents. */
static void section(bytes *b, uint8_t id, bytes *contents)
{
    put_byte(b, id);
    put_u32(b, (uint32_t)contents->len);
    put(b, contents->at, contents->len);
    free(contents->at);
}

/* ---- what is done with them
 * -------------------------------------------------- */

static vm_engine *engine;
static vm_error err;

static int setup(void **state)
{
    engine = vm_engine_create(NULL);
    return engine == NULL;
}

static int teardown(void **state)
{
    vm_engine_destroy(engine);
    return 0;
}

static cm_component *load(const bytes *b)
{
    cm_component *c = NULL;
    memset(&err, 0, sizeof err);
    return cm_component_load(engine, b->at, b->len, &c, &err) == VM_OK ? c
                                                                       : NULL;
}

static void assert_loads(bytes *b)
{
    cm_component *c = load(b);
    assert_non_null(c);
    cm_component_release(c);
    free(b->at);
}

static void assert_refused(bytes *b, vm_phase phase, const char *text)
{
    assert_null(load(b));
    assert_int_equal(err.phase, phase);
    assert_non_null(strstr(err.text, text));
    free(b->at);
}

/* Instantiates in a store of its own, without anything to import. */
static vm_status instantiate(bytes *b, vm_name *missing)
{
    vm_store *store;
    cm_instance *instance;
    cm_component *c = load(b);
    assert_non_null(c);
    assert_int_equal(vm_store_create(engine, NULL, &store), VM_OK);
    vm_status status = cm_instantiate(NULL, c, store, &instance, missing, &err);
    cm_component_release(c); /* the store holds on to what it needs */
    vm_store_destroy(store);
    return status;
}

/* ---- tests
 * ------------------------------------------------------------------------ */

static void preambles(void **state)
{
    bytes b = component();
    assert_true(cm_is_component(b.at, b.len));
    assert_loads(&b);
    b = (bytes){0};
    PUT(&b, "\0asm\1\0\0\0");
    assert_false(cm_is_component(b.at, b.len));
    assert_refused(&b, VM_PHASE_DECODE, "expected a version header");
    b = (bytes){0};
    PUT(&b, "\0asm\x0e\0\1\0");
    assert_refused(&b, VM_PHASE_DECODE, "unknown binary version 0xe");
}

/* (type (func)) */
static void func_type(bytes *b)
{
    bytes types = {0};
    PUT(&types, "\1\x40\0\1\0");
    section(b, 7, &types);
}

/* A component that imports and exports the function "f". */
static bytes passing_on(void)
{
    bytes b = component(), imports = {0}, exports = {0};
    func_type(&b);
    PUT(&imports, "\1\0\1f\1\0");
    section(&b, 10, &imports);
    PUT(&exports, "\1\0\1g\1\0\0");
    section(&b, 11, &exports);
    return b;
}

static void names(void **state)
{
    bytes b = passing_on();
    cm_component *c = load(&b);
    assert_non_null(c);
    assert_int_equal(cm_component_import_count(c), 1);
    assert_int_equal(cm_component_export_count(c), 1);
    assert_memory_equal(cm_component_import(c, 0).data, "f", 1);
    assert_memory_equal(cm_component_export(c, 0).data, "g", 1);
    cm_component_release(c);
    free(b.at);
}

static void missing_import_is_named(void **state)
{
    vm_name missing = {0};
    bytes b = passing_on();
    assert_int_equal(instantiate(&b, &missing), VM_INVALID);
    assert_int_equal(err.phase, VM_PHASE_LINK);
    assert_int_equal(missing.len, 1);
    assert_non_null(strstr(err.text, "`f`"));
    free(b.at);
}

/* Every truncation is an error that says something. */
static void truncations(void **state)
{
    bytes b = passing_on();
    size_t whole = b.len, loaded = 0;
    for (size_t len = 0; len < whole; len++) {
        bytes part = {malloc(len + 1), len, len};
        memcpy(part.at, b.at, len);
        cm_component *c = load(&part);
        loaded += c != NULL; /* between sections */
        if (!c)
            assert_true(err.text[0]);
        cm_component_release(c);
        free(part.at);
    }
    assert_int_equal(loaded, 3);
    free(b.at);
}

static void huge_counts(void **state)
{
    static const uint8_t ids[] = {2, 3, 5, 6, 7, 8, 10, 11};
    for (size_t i = 0; i < sizeof ids; i++) {
        bytes b = component(), contents = {0};
        PUT(&contents, "\xff\xff\xff\xff\x0f\x7f");
        section(&b, ids[i], &contents);
        assert_refused(&b, VM_PHASE_DECODE, "unexpected end-of-file");
    }
}

static bytes nested(int depth)
{
    bytes b = component();
    for (int i = 0; i < depth; i++) {
        bytes outer = component();
        section(&outer, 4, &b);
        b = outer;
    }
    return b;
}

static void nesting(void **state)
{
    bytes b = nested(99);
    assert_loads(&b);
    b = nested(100);
    assert_refused(&b, VM_PHASE_VALIDATE, "nest deeper");
    b = nested(20000);
    assert_refused(&b, VM_PHASE_VALIDATE, "nest deeper");
}

/*
 * Component 0 is empty; each further one instantiates the one before `times`
 * times; the last is instantiated.
 */
static bytes chain(uint32_t length, uint32_t times)
{
    bytes b = component(), empty = component(), last = {0};
    section(&b, 4, &empty);
    for (uint32_t i = 1; i <= length; i++) {
        bytes c = component(), alias = {0}, instances = {0};
        PUT(&alias, "\1\4\2\1"); /* component, outer, one out */
        put_u32(&alias, i - 1);
        section(&c, 6, &alias);
        put_u32(&instances, times);
        for (uint32_t k = 0; k < times; k++)
            PUT(&instances, "\0\0\0");
        section(&c, 5, &instances);
        section(&b, 4, &c);
    }
    PUT(&last, "\1\0");
    put_u32(&last, length);
    PUT(&last, "\0");
    section(&b, 5, &last);
    return b;
}

static void instances_are_limited(void **state)
{
    bytes b = chain(10, 1);
    assert_int_equal(instantiate(&b, NULL), VM_OK);
    free(b.at);
    b = chain(30, 2); /* 2^30 instances in under 1 KB */
    assert_int_equal(instantiate(&b, NULL), VM_TRAP);
    assert_non_null(strstr(err.text, "too many component instances"));
    free(b.at);
    b = chain(5000, 1);
    assert_int_equal(instantiate(&b, NULL), VM_TRAP);
    assert_non_null(strstr(err.text, "nest too deeply"));
    free(b.at);
}

/* Instance types that double in size with every line. */
static void types_are_limited(void **state)
{
    bytes b = component(), types = {0};
    put_u32(&types, 41);
    PUT(&types, "\x42\0");
    for (uint32_t i = 1; i <= 40; i++) {
        PUT(&types, "\x42\3\2\3\2\1"); /* alias outer type, one out */
        put_u32(&types, i - 1);
        PUT(&types, "\4\0\1a\5\0\4\0\1b\5\0");
    }
    section(&b, 7, &types);
    assert_refused(&b, VM_PHASE_VALIDATE, "effective type size");
}

/* (value 0), a core function f, lifted, as the start function; its result is
 * exported as "v".  `count` types: the last is the function's. */
static bytes with_start(bytes core, uint8_t count, bytes type, bytes value)
{
    bytes b = component(), instance = {0}, alias = {0};
    bytes types = {0}, canon = {0}, start = {0}, export = {0};
    section(&b, 1, &core);
    PUT(&instance, "\1\0\0\0");
    section(&b, 2, &instance);
    PUT(&alias, "\1\0\0\1\0\1f");
    section(&b, 6, &alias);
    put_byte(&types, count);
    put(&types, type.at, type.len);
    free(type.at);
    section(&b, 7, &types);
    PUT(&canon, "\1\0\0\0\0");
    put_byte(&canon, (uint8_t)(count - 1));
    section(&b, 8, &canon);
    section(&b, 12, &value);
    PUT(&start, "\0\1\0\1");
    section(&b, 9, &start);
    PUT(&export, "\1\0\1v\2\1\0");
    section(&b, 11, &export);
    return b;
}

static void start_returns_42(bytes b)
{
    vm_store *store;
    cm_instance *instance;
    cm_component *c = load(&b);
    assert_non_null(c);
    assert_int_equal(vm_store_create(engine, NULL, &store), VM_OK);
    assert_int_equal(cm_instantiate(NULL, c, store, &instance, NULL, &err),
                     VM_OK);
    assert_int_equal(instance->exports.items[0].sort, CM_SORT_VALUE);
    assert_int_equal(instance->exports.items[0].value->u, 42);
    cm_component_release(c);
    vm_store_destroy(store);
    free(b.at);
}

/* u32 41, and a function that adds one. */
static void start_functions(void **state)
{
    bytes core = {0}, type = {0}, value = {0};
    PUT(&core, "\0asm\1\0\0\0"
               "\1\6\1\x60\1\x7f\1\x7f"
               "\3\2\1\0"
               "\7\5\1\1f\0\0"
               "\x0a\x09\1\7\0\x20\0\x41\1\x6a\x0b");
    PUT(&type, "\x40\1\1x\x79\0\x79");
    PUT(&value, "\1\x79\1\x29");
    start_returns_42(with_start(core, 1, type, value));
}

/* list<u8, 3>, and a function that adds them up: not bytes, as a list<u8>, but
 * values one by one. */
static void lists_of_fixed_length_are_values(void **state)
{
    bytes core = {0}, type = {0}, value = {0};
    PUT(&core, "\0asm\1\0\0\0"
               "\1\x08\1\x60\3\x7f\x7f\x7f\1\x7f"
               "\3\2\1\0"
               "\7\5\1\1f\0\0"
               "\x0a\x0c\1\x0a\0\x20\0\x20\1\x6a\x20\2\x6a\x0b");
    PUT(&type, "\x67\x7d\3"
               "\x40\1\1x\0\0\x79");
    PUT(&value, "\1\0\3\x0a\x14\x0c");
    start_returns_42(with_start(core, 2, type, value));
}

/* Every value is used exactly once. */
static void values_are_linear(void **state)
{
    bytes b = component(), value = {0}, export = {0};
    PUT(&value, "\1\x79\1\x29");
    section(&b, 12, &value);
    bytes twice = {0};
    put(&twice, b.at, b.len);
    assert_refused(&b, VM_PHASE_VALIDATE, "was not used");
    PUT(&export, "\2\0\1v\2\0\0\0\1w\2\0\0");
    section(&twice, 11, &export);
    assert_refused(&twice, VM_PHASE_VALIDATE, "more than once");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preambles),
        cmocka_unit_test(names),
        cmocka_unit_test(missing_import_is_named),
        cmocka_unit_test(truncations),
        cmocka_unit_test(huge_counts),
        cmocka_unit_test(nesting),
        cmocka_unit_test(instances_are_limited),
        cmocka_unit_test(types_are_limited),
        cmocka_unit_test(start_functions),
        cmocka_unit_test(lists_of_fixed_length_are_values),
        cmocka_unit_test(values_are_linear),
    };
    return cmocka_run_group_tests_name("cm_load", tests, setup, teardown);
}
