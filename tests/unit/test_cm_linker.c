/*
 * test_cm_linker.c - host tables against their WIT, and what an import finds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vm/cm_internal.h"

static const char wit[] =
    "package a:io@0.2.5 {\n"
    "  interface poll { resource pollable { ready: func() -> bool; } }\n"
    "  interface streams {\n"
    "    use poll.{pollable};\n"
    "    resource flow { subscribe: func() -> pollable; }\n"
    "    record point { x: u8 }\n"
    "    open: func(p: point) -> flow;\n"
    "  }\n"
    "}\n"
    "package a:clock@0.2.5 { interface now { now: func() -> u64; } }\n"
    "package a:clock@0.3.0 { interface now { now: func() -> s64; } }\n";

static vm_status nothing(cm_call *call, void *host, const cm_value *args,
                         cm_value *result)
{
    return VM_OK;
}

#define ROW(name) {name, nothing}
#define END {NULL, NULL}

static const cm_host_func poll_rows[] = {ROW("[method]pollable.ready"), END};
static const cm_host_resource poll_resources[] = {{"pollable", NULL}, END};
static const cm_host_interface poll = {"a:io/poll", poll_rows, poll_resources};

static const cm_host_func stream_rows[] = {ROW("open"),
                                           ROW("[method]flow.subscribe"), END};
static const cm_host_resource stream_resources[] = {{"flow", NULL}, END};
static const cm_host_interface streams = {"a:io/streams", stream_rows,
                                          stream_resources};

static cm_linker *start(void)
{
    vm_error err = {0};
    cm_linker *linker = cm_linker_create(NULL);
    assert_non_null(linker);
    if (cm_linker_add_wit(linker, "t.wit", wit, strlen(wit), &err) ||
        cm_linker_check_wit(linker, &err))
        fail_msg("%s", err.text);
    return linker;
}

static void define(cm_linker *linker, const cm_host_interface *iface,
                   void *host)
{
    vm_error err = {0};
    if (cm_linker_define(linker, iface, host, &err) ||
        cm_linker_check(linker, &err))
        fail_msg("%s", err.text);
}

static bool lookup(cm_linker *linker, const char *name, cm_item *item,
                   cm_externtype *type)
{
    const cm_view *view;
    vm_error err = {0};
    return cm_linker_lookup(linker, (vm_name){name, strlen(name)}, item, type,
                            &view, &err);
}

static const cm_item *item_of(const cm_item *instance, const char *name)
{
    const cm_exports *exports = instance->instance;
    for (uint32_t i = 0; i < exports->type->count; i++)
        if (exports->type->exports[i].name.len == strlen(name) &&
            !memcmp(exports->type->exports[i].name.data, name, strlen(name)))
            return &exports->items[i];
    fail_msg("no item %s", name);
    return NULL;
}

static void imports_find_what_was_defined(void **state)
{
    cm_linker *linker = start();
    int host;
    cm_item item;
    cm_externtype type;
    define(linker, &streams, &host);
    assert_true(lookup(linker, "a:io/streams@0.2.5", &item, &type));
    assert_int_equal(item.sort, CM_SORT_INSTANCE);
    assert_ptr_equal(item_of(&item, "open")->func->fn, nothing);
    assert_ptr_equal(item_of(&item, "open")->func->host, &host);
    assert_true(lookup(linker, "a:io/streams@0.2.0", &item, &type));
    assert_true(lookup(linker, "a:io/streams@0.2.6", &item, &type));
    assert_false(lookup(linker, "a:io/streams@0.3.0", &item, &type));
    assert_false(lookup(linker, "a:io/poll@0.2.5", &item, &type));
    vm_name name = cm_linker_defined(linker, 0);
    assert_int_equal(name.len, strlen("a:io/streams@0.2.5"));
    assert_null(cm_linker_defined(linker, 1).data);
    cm_linker_destroy(linker);
}

/* The pollable of streams and of poll is one resource, in either order. */
static void used_resources_are_shared(void **state)
{
    for (int order = 0; order < 2; order++) {
        cm_linker *linker = start();
        int host_a, host_b;
        cm_item a, b;
        cm_externtype type;
        define(linker, order ? &poll : &streams, order ? &host_a : &host_b);
        define(linker, order ? &streams : &poll, order ? &host_b : &host_a);
        assert_true(lookup(linker, "a:io/poll@0.2.5", &a, &type));
        assert_true(lookup(linker, "a:io/streams@0.2.5", &b, &type));
        cm_resource *pollable = item_of(&a, "pollable")->resource;
        assert_ptr_equal(pollable, item_of(&b, "pollable")->resource);
        assert_ptr_equal(pollable->host, &poll_resources[0]);
        assert_ptr_equal(pollable->host_data, &host_a);
        assert_ptr_not_equal(pollable, item_of(&b, "flow")->resource);
        cm_linker_destroy(linker);
    }
}

static void versions_are_told_apart(void **state)
{
    static const cm_host_func rows[] = {ROW("now"), END};
    static const cm_host_interface old = {"a:clock/now@0.2", rows, NULL};
    static const cm_host_interface new = {"a:clock/now@0.3", rows, NULL};
    cm_linker *linker = start();
    cm_item item;
    cm_externtype type;
    define(linker, &old, NULL);
    define(linker, &new, NULL);
    assert_true(lookup(linker, "a:clock/now@0.2.1", &item, &type));
    assert_int_equal(item_of(&item, "now")->func->type->result->kind, CM_U64);
    assert_true(lookup(linker, "a:clock/now@0.3.0", &item, &type));
    assert_int_equal(item_of(&item, "now")->func->type->result->kind, CM_S64);
    cm_linker_destroy(linker);
}

static void tables_that_disagree_are_refused(void **state)
{
    static const cm_host_func missing[] = {ROW("open"), END};
    static const cm_host_func extra[] = {
        ROW("open"), ROW("[method]flow.subscribe"), ROW("close"), END};
    static const cm_host_func hole[] = {
        {"open", NULL}, ROW("[method]flow.subscribe"), END};
    static const cm_host_resource more[] = {
        {"flow", NULL}, {"pollable", NULL}, END};
    static const struct {
        cm_host_interface iface;
        const char *text;
    } cases[] = {
        {{"a:io/streams", missing, stream_resources},
         "function '[method]flow.subscribe' is in the WIT, but not in"},
        {{"a:io/streams", extra, stream_resources},
         "function 'close' is in the table, but not in the WIT"},
        {{"a:io/streams", hole, stream_resources},
         "function 'open' is in the WIT, but not in the table"},
        {{"a:io/streams", stream_rows, NULL},
         "resource 'flow' is in the WIT, but not in the table"},
        {{"a:io/streams", stream_rows, more}, /* a used one is not its own */
         "resource 'pollable' is in the table, but not in the WIT"},
        {{"a:io/nothing", stream_rows, NULL}, "no WIT text has an interface"},
        {{"a:io/streams@0.4", stream_rows, NULL}, "no WIT text has"},
        {{"streams", stream_rows, NULL}, "no WIT text has an interface"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cm_linker *linker = start();
        vm_error err = {0};
        vm_status status =
            cm_linker_define(linker, &cases[i].iface, NULL, &err);
        if (status == VM_OK)
            status = cm_linker_check(linker, &err);
        assert_int_equal(status, VM_INVALID);
        if (!strstr(err.text, cases[i].text))
            fail_msg("got '%s', wanted '%s'", err.text, cases[i].text);
        cm_linker_destroy(linker);
    }
}

static void defining_twice_is_refused(void **state)
{
    cm_linker *linker = start();
    vm_error err = {0};
    define(linker, &poll, NULL);
    assert_int_equal(cm_linker_define(linker, &poll, NULL, &err), VM_INVALID);
    assert_non_null(strstr(err.text, "defined twice"));
    cm_linker_destroy(linker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(imports_find_what_was_defined),
        cmocka_unit_test(used_resources_are_shared),
        cmocka_unit_test(versions_are_told_apart),
        cmocka_unit_test(tables_that_disagree_are_refused),
        cmocka_unit_test(defining_twice_is_refused),
    };
    return cmocka_run_group_tests_name("cm_linker", tests, NULL, NULL);
}
