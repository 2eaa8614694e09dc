/* test_cm_names.c - the grammar of extern names, uniqueness, versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vm/cm_internal.h"
#include "vm/cm_names.h"

static vm_name n(const char *text)
{
    return (vm_name){text, strlen(text)};
}

static bool parses(const char *text, cm_extern_name *out)
{
    char why[240];
    return cm_name_parse(n(text), out, why, sizeof why);
}

static void labels(void **state)
{
    static const char *const good[] = {
        "a", "a1", "a-1-b-2", "B", "B-1-C", "a11-B11-123-ABC-abc", "is-XML"};
    static const char *const bad[] = {"",     "1",   "1-a", "a-",
                                      "a--b", "-a",  "aBc", "a_b",
                                      "Foo",  "a.b", "a b", "\xc3\xa9"};
    cm_extern_name out;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(parses(good[i], &out) && out.kind == CM_NAME_LABEL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(parses(bad[i], &out));
}

static void interfaces(void **state)
{
    cm_extern_name out;
    assert_true(parses("wasi:http/types@0.2.0", &out));
    assert_int_equal(out.kind, CM_NAME_INTERFACE);
    assert_true(vm_name_equal(out.space, n("wasi")));
    assert_true(vm_name_equal(out.package, n("http")));
    assert_true(vm_name_equal(out.label, n("types")));
    assert_true(vm_name_equal(out.version, n("0.2.0")));
    assert_true(parses("a:b/c@1.0.0-rc.1+build.5", &out));
    assert_true(parses("a:b/c@0.2", &out)); /* canonical */
    assert_false(parses("a:b/c@1.2", &out));
    assert_false(parses("a:b/c@01.2.3", &out));
    assert_false(parses("a:b/c@1.0.0-01", &out));
    assert_false(parses("A:b/c", &out));
    assert_false(parses("a:b", &out));
    assert_false(parses("a:b/c/d", &out));
    assert_false(parses("a:b/c@", &out));
}

static void members(void **state)
{
    cm_extern_name out;
    assert_true(parses("[method]file.read", &out));
    assert_true(vm_name_equal(out.resource, n("file")));
    assert_true(vm_name_equal(out.label, n("read")));
    assert_true(parses("[constructor]file", &out));
    assert_true(parses("[static]file.open", &out));
    assert_false(parses("[method]file", &out));
    assert_false(parses("[other]file", &out));
}

static void versions(void **state)
{
    static const struct {
        const char *wanted, *offered;
        bool ok;
    } cases[] = {
        {"wasi:io/poll@0.2.0", "wasi:io/poll@0.2.12", true},
        {"wasi:io/poll@0.2.12", "wasi:io/poll@0.2.0", true},
        {"wasi:io/poll@0.2", "wasi:io/poll@0.2.6", true},
        {"wasi:io/poll@0.2.0", "wasi:io/poll@0.3.0", false},
        {"wasi:io/poll@1.2.3", "wasi:io/poll@1.9.0", true},
        {"wasi:io/poll@1.2.3", "wasi:io/poll@2.2.3", false},
        {"wasi:io/poll@0.0.1", "wasi:io/poll@0.0.2", false},
        {"wasi:io/poll@0.2.0-rc1", "wasi:io/poll@0.2.0", false},
        {"wasi:io/poll@0.2.0", "wasi:io/streams@0.2.0", false},
        {"wasi:io/poll", "wasi:io/poll@0.2.0", false},
        {"run", "run", true},
        {"run", "walk", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(
            cm_name_satisfies(n(cases[i].wanted), n(cases[i].offered), false),
            cases[i].ok);
    assert_true(
        cm_name_satisfies(n("wasi:cli/run"), n("wasi:cli/run@0.2.3"), true));
}

/* The example of Explainer.md "Name Uniqueness". */
static void uniqueness(void **state)
{
    static const char *const all[] = {"foo",
                                      "foo-bar",
                                      "[constructor]foo",
                                      "[method]foo.bar",
                                      "[static]foo.baz",
                                      "foo:bar/baz"};
    static const char *const clash[] = {"foo",
                                        "FOO",
                                        "foo-BAR",
                                        "[constructor]FOO",
                                        "[method]foo.BAR",
                                        "[static]foo.bar",
                                        "[method]foo.baz",
                                        "[method]foo.foo",
                                        "[static]foo-BAR.FOO-bar",
                                        "foo:bar/BAZ"};
    cm_nameset set = {0};
    vm_name previous;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_int_equal(cm_nameset_add(&set, n(all[i]), true, &previous),
                         CM_NAMESET_ADDED);
    for (size_t i = 0; i < sizeof clash / sizeof *clash; i++)
        assert_int_equal(cm_nameset_add(&set, n(clash[i]), true, &previous),
                         CM_NAMESET_CONFLICT);
    assert_int_equal(cm_nameset_find(&set, n("foo-bar")), 1);
    assert_int_equal(cm_nameset_find(&set, n("nope")), UINT32_MAX);
    cm_nameset_finish(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels),     cmocka_unit_test(interfaces),
        cmocka_unit_test(members),    cmocka_unit_test(versions),
        cmocka_unit_test(uniqueness),
    };
    return cmocka_run_group_tests_name("cm_names", tests, NULL, NULL);
}
