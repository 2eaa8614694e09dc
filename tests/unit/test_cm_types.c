/* test_cm_types.c - layout and flattening; the numbers were computed with the
 * specification's definitions.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vm/cm_types.h"
#include "vm/types.h"

static cm_arena arena;

static int setup(void **state)
{
    cm_arena_init(&arena, 16 << 20);
    return 0;
}

static int teardown(void **state)
{
    cm_arena_finish(&arena);
    return 0;
}

static const cm_type *make(cm_kind kind, uint32_t count,
                           const cm_type *const *parts)
{
    const char *why;
    cm_field *fields = cm_arena_alloc(&arena, count, sizeof *fields);
    for (uint32_t i = 0; i < count; i++)
        fields[i] =
            (cm_field){.name = {"f", 1}, .type = parts ? parts[i] : NULL};
    cm_type_spec spec = {.kind = kind, .count = count, .fields = fields};
    return cm_type_create(&arena, &spec, &why);
}

static const cm_type *list_of(const cm_type *elem, uint32_t fixed,
                              const char **why)
{
    cm_type_spec spec = {
        .kind = fixed ? CM_FIXED_LIST : CM_LIST, .count = fixed, .elem = elem};
    return cm_type_create(&arena, &spec, why);
}

static void check(const cm_type *t, uint32_t size32, uint32_t align32,
                  uint32_t size64, uint32_t align64, unsigned nflat)
{
    assert_non_null(t);
    assert_int_equal(t->size[0], size32);
    assert_int_equal(t->align[0], align32);
    assert_int_equal(t->size[1], size64);
    assert_int_equal(t->align[1], align64);
    assert_int_equal(t->nflat, nflat);
}

static void records(void **state)
{
    const cm_type *parts[] = {cm_type_prim(CM_U8), cm_type_prim(CM_U32),
                              cm_type_prim(CM_U8), cm_type_prim(CM_STRING),
                              cm_type_prim(CM_U64)};
    const cm_type *t = make(CM_RECORD, 5, parts);
    check(t, 32, 8, 40, 8, 6);
    assert_int_equal(t->fields[1].offset[0], 4);
    assert_int_equal(t->fields[3].offset[0], 12);
    assert_int_equal(t->fields[3].offset[1], 16);
    assert_int_equal(t->fields[4].offset[0], 24);
    assert_int_equal(t->flat[0][3], VM_I32);
    assert_int_equal(t->flat[1][3], VM_I64);
    assert_true(t->has_pointer);
}

static void variants(void **state)
{
    const cm_type *parts[] = {cm_type_prim(CM_F32), NULL, cm_type_prim(CM_U64),
                              cm_type_prim(CM_STRING)};
    const cm_type *t = make(CM_VARIANT, 4, parts);
    check(t, 16, 8, 24, 8, 3);
    assert_int_equal(t->payload[0], 8);
    assert_int_equal(t->flat[0][0], VM_I32);
    assert_int_equal(t->flat[0][1], VM_I64); /* f32, u64, pointer */
    assert_int_equal(t->flat[0][2], VM_I32);
    const cm_type *few[] = {cm_type_prim(CM_F32), cm_type_prim(CM_U32)};
    assert_int_equal(make(CM_VARIANT, 2, few)->flat[0][1], VM_I32);
    check(make(CM_ENUM, 256, NULL), 1, 1, 1, 1, 1);
    check(make(CM_ENUM, 257, NULL), 2, 2, 2, 2, 1);
    check(make(CM_ENUM, 65537, NULL), 4, 4, 4, 4, 1);
}

static void flags(void **state)
{
    check(make(CM_FLAGS, 8, NULL), 1, 1, 1, 1, 1);
    check(make(CM_FLAGS, 9, NULL), 2, 2, 2, 2, 1);
    check(make(CM_FLAGS, 32, NULL), 4, 4, 4, 4, 1);
    assert_null(make(CM_FLAGS, 33, NULL));
    assert_null(make(CM_FLAGS, 0, NULL));
}

static void lists(void **state)
{
    const char *why;
    check(list_of(cm_type_prim(CM_U8), 0, &why), 8, 4, 16, 8, 2);
    check(list_of(cm_type_prim(CM_U16), 3, &why), 6, 2, 6, 2, 3);
    assert_int_equal(list_of(cm_type_prim(CM_U8), 17, &why)->nflat, 255);
    assert_non_null(list_of(cm_type_prim(CM_U8), (1u << 28) - 1, &why));
    assert_null(list_of(cm_type_prim(CM_U8), 1u << 28, &why));
    assert_null(list_of(cm_type_prim(CM_U64), 1u << 29, &why));
    assert_non_null(why);
}

static void options_and_results(void **state)
{
    const char *why;
    const cm_type *o = cm_type_option(&arena, cm_type_prim(CM_U32), &why);
    check(o, 8, 4, 8, 4, 2);
    check(cm_type_result(&arena, NULL, NULL, &why), 1, 1, 1, 1, 1);
    check(cm_type_result(&arena, o, cm_type_prim(CM_F64), &why), 16, 8, 16, 8,
          3);
}

/* A tree of 2^30 nodes made of 30: refused, not walked. */
static void doubling_is_bounded(void **state)
{
    const char *why = NULL;
    const cm_type *t = cm_type_prim(CM_U8);
    for (int i = 0; t && i < 30; i++) {
        const cm_type *list = list_of(t, 0, &why);
        const cm_type *parts[] = {list, list};
        t = list ? make(CM_TUPLE, 2, parts) : NULL;
    }
    assert_null(t);
    t = cm_type_prim(CM_U8);
    for (int i = 0; t && i < 1000; i++)
        t = list_of(t, 0, &why);
    assert_null(t);
}

static void functions(void **state)
{
    const char *why;
    cm_flat flat;
    cm_field fields[17];
    for (int i = 0; i < 17; i++)
        fields[i] = (cm_field){.name = {"p", 1}, .type = cm_type_prim(CM_U32)};
    cm_functype f = {.result = cm_type_prim(CM_STRING)};
    f.params = cm_type_params(&arena, fields, 16, &why);
    cm_flatten(&f, CM_LOWER, false, false, false, &flat);
    assert_int_equal(flat.nparams, 17);
    assert_int_equal(flat.nresults, 0);
    assert_false(flat.spilled_params);
    assert_true(flat.spilled_result);
    cm_flatten(&f, CM_LIFT, false, false, true, &flat);
    assert_int_equal(flat.nparams, 16);
    assert_int_equal(flat.nresults, 1);
    assert_int_equal(flat.types[16], VM_I64);
    f.params = cm_type_params(&arena, fields, 17, &why);
    cm_flatten(&f, CM_LOWER, false, false, false, &flat);
    assert_int_equal(flat.nparams, 2);
    assert_true(flat.spilled_params);
    f.params = cm_type_params(&arena, fields, 5, &why);
    cm_flatten(&f, CM_LOWER, true, false, false, &flat); /* at most 4 */
    assert_int_equal(flat.nparams, 2);
    assert_int_equal(flat.nresults, 1);
    cm_flatten(&f, CM_LIFT, true, true, false, &flat);
    assert_int_equal(flat.nparams, 5);
    assert_int_equal(flat.nresults, 1);
    cm_flatten(&f, CM_LIFT, true, false, false, &flat);
    assert_int_equal(flat.nresults, 0);
}

static void printing(void **state)
{
    char buf[64];
    const char *why;
    const cm_type *t = cm_type_result(
        &arena, cm_type_option(&arena, cm_type_prim(CM_STRING), &why), NULL,
        &why);
    cm_type_print(t, buf, sizeof buf);
    assert_string_equal(buf, "result<option<string>, _>");
    cm_type_print(t, buf, 8);
    assert_string_equal(buf, "result<");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records),
        cmocka_unit_test(variants),
        cmocka_unit_test(flags),
        cmocka_unit_test(lists),
        cmocka_unit_test(options_and_results),
        cmocka_unit_test(doubling_is_bounded),
        cmocka_unit_test(functions),
        cmocka_unit_test(printing),
    };
    return cmocka_run_group_tests_name("cm_types", tests, setup, teardown);
}
