/* test_types.c - interning of recursion groups, and subtyping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vm/types.h"

static vm_engine *engine;

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

static vm_subtype struct_of(const vm_type *types, const bool *is_mutable,
                            uint32_t n)
{
    return (vm_subtype){.kind = VM_COMP_STRUCT,
                        .super = VM_NO_TYPE,
                        .descriptor = VM_NO_TYPE,
                        .describes = VM_NO_TYPE,
                        .types = types,
                        .is_mutable = is_mutable,
                        .ntypes = n};
}

static uint32_t intern(const vm_subtype *group, uint32_t n)
{
    uint32_t first = VM_NO_TYPE;
    assert_int_equal(vm_types_intern(&engine->types, group, n, &first), VM_OK);
    return first;
}

static void equal_groups_share_ids(void **state)
{
    static const bool no[] = {false, false};
    const vm_type self[] = {VM_REF | VM_NULLABLE | VM_REC_BIT | 0, VM_I32};
    vm_subtype a = struct_of(self, no, 2), b = struct_of(self, no, 2);
    uint32_t id = intern(&a, 1);
    assert_int_equal(intern(&b, 1), id);
    const vm_deftype *def = vm_types_get(&engine->types, id);
    assert_int_equal(def->st.fields[0].type, VM_REF | VM_NULLABLE | id);
    /* the same structure in a group of two is another type */
    const vm_subtype two[] = {a, b};
    assert_int_not_equal(intern(two, 2), id);
    /* mutability and finality count */
    static const bool yes[] = {false, true};
    vm_subtype c = struct_of(self, yes, 2);
    assert_int_not_equal(intern(&c, 1), id);
    a.is_final = true;
    assert_int_not_equal(intern(&a, 1), id);
}

static void displays_answer_subtyping(void **state)
{
    static const bool no[] = {false};
    const vm_type fields[] = {VM_I32};
    uint32_t ids[VM_MAX_SUPERS + 1], super = VM_NO_TYPE;
    for (int i = 0; i <= VM_MAX_SUPERS; i++) {
        vm_subtype t = struct_of(fields, no, 1);
        t.super = super;
        super = ids[i] = intern(&t, 1);
    }
    for (int a = 0; a <= VM_MAX_SUPERS; a++)
        for (int b = 0; b <= VM_MAX_SUPERS; b++)
            assert_int_equal(vm_type_matches(&engine->types, VM_REF | ids[a],
                                             VM_REF | ids[b]),
                             a >= b);
    vm_subtype t = struct_of(fields, no, 1);
    t.super = super;
    uint32_t first;
    assert_int_equal(vm_types_intern(&engine->types, &t, 1, &first),
                     VM_INVALID);
}

static void layout_keeps_the_supertypes_prefix(void **state)
{
    static const bool no[6] = {false};
    const vm_type fields[] = {VM_I8, VM_I32, VM_I16, VM_V128, VM_I8, VM_F64};
    static const uint32_t offsets[] = {0, 4, 8, 16, 32, 40};
    vm_subtype t = struct_of(fields, no, 6);
    const vm_deftype *def = vm_types_get(&engine->types, intern(&t, 1));
    for (int i = 0; i < 6; i++)
        assert_int_equal(def->st.fields[i].offset, offsets[i]);
    assert_int_equal(def->st.size, 48);
    t.ntypes = 5;
    def = vm_types_get(&engine->types, intern(&t, 1));
    assert_int_equal(def->st.fields[4].offset, offsets[4]);
    assert_int_equal(def->st.size, 40);
}

static void abstract_types(void **state)
{
    static const bool no[] = {false};
    const vm_type fields[] = {VM_I32};
    vm_subtype t = struct_of(fields, no, 1);
    uint32_t st = intern(&t, 1);
    t.kind = VM_COMP_ARRAY;
    uint32_t array = intern(&t, 1);
    const vm_functype type = {0};
    const vm_deftype *func;
    assert_int_equal(vm_types_intern_func(&engine->types, &type, &func), VM_OK);
    const struct {
        uint32_t a, b;
        bool matches;
    } cases[] = {
        {st, VM_HEAP_STRUCT, true},
        {st, VM_HEAP_EQ, true},
        {st, VM_HEAP_ANY, true},
        {st, VM_HEAP_ARRAY, false},
        {st, VM_HEAP_FUNC, false},
        {st, VM_HEAP_EXTERN, false},
        {array, VM_HEAP_ARRAY, true},
        {array, VM_HEAP_EQ, true},
        {array, st, false},
        {func->id, VM_HEAP_FUNC, true},
        {func->id, VM_HEAP_ANY, false},
        {VM_HEAP_NOFUNC, func->id, true},
        {VM_HEAP_NONE, func->id, false},
        {VM_HEAP_NONE, st, true},
        {VM_HEAP_NONE, VM_HEAP_I31, true},
        {VM_HEAP_NONE, VM_HEAP_EXTERN, false},
        {VM_HEAP_NOEXTERN, VM_HEAP_EXTERN, true},
        {VM_HEAP_NOEXN, VM_HEAP_EXN, true},
        {VM_HEAP_I31, VM_HEAP_EQ, true},
        {VM_HEAP_I31, VM_HEAP_STRUCT, false},
        {VM_HEAP_EQ, VM_HEAP_I31, false},
        {VM_HEAP_ANY, VM_HEAP_EQ, false},
        {VM_HEAP_STRUCT, st, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vm_type a = VM_REF | cases[i].a, b = VM_REF | cases[i].b;
        const vm_types *types = &engine->types;
        assert_int_equal(vm_type_matches(types, a, b), cases[i].matches);
        assert_int_equal(
            vm_type_matches(types, a | VM_NULLABLE, b | VM_NULLABLE),
            cases[i].matches);
        assert_false(vm_type_matches(types, a | VM_NULLABLE, b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_groups_share_ids),
        cmocka_unit_test(displays_answer_subtyping),
        cmocka_unit_test(layout_keeps_the_supertypes_prefix),
        cmocka_unit_test(abstract_types),
    };
    return cmocka_run_group_tests_name("types", tests, setup, teardown);
}
