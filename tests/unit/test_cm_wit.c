/* test_cm_wit.c - WIT text: what parses, to which types; what does not, and
 * where the message points.  The official WIT is read from SUITES. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>

#include <cmocka.h>

#include "vm/cm_wit.h"

static vm_status add(cm_wit *wit, const char *text, vm_error *err)
{
    return cm_wit_add(wit, "t.wit", text, strlen(text), err);
}

static wit_interface *find(cm_wit *wit, const char *name)
{
    wit_interface *iface = NULL;
    vm_error err = {0};
    if (cm_wit_find(wit, name, strlen(name), &iface, &err) != VM_OK)
        fail_msg("%s: %s", name, err.text);
    return iface;
}

static const cm_externtype *export_of(const wit_interface *iface,
                                      const char *name)
{
    const cm_decl *decl = cm_interface_find(iface->out, name, strlen(name));
    if (!decl)
        fail_msg("no export %s", name);
    return &decl->type;
}

static const cm_type *param(const wit_interface *iface, const char *func,
                            uint32_t i)
{
    const cm_externtype *type = export_of(iface, func);
    assert_int_equal(type->sort, CM_SORT_FUNC);
    assert_true(i < type->func->params->count);
    return type->func->params->fields[i].type;
}

static const char kitchen_sink[] =
    "package a:b@1.2.3-rc.1;\n"
    "/// docs, /* nested */ and all\n"
    "/* block /* nested */ still */\n"
    "use c:d/e@0.2.0 as other;\n"
    "@since(version = 1.2.3-rc.1)\n"
    "interface types {\n"
    "  use other.{thing as gadget, size};\n"
    "  record point { x: s32, y: s32, }\n"
    "  variant shape { none, dot(point), text(string) }\n"
    "  enum color { red, green, HTTP-blue }\n"
    "  flags mode { read, write, x-2 }\n"
    "  type points = list<point>;\n"
    "  type later = after;\n"
    "  record after { a: option<u8>, b: result<_, string>, c: result }\n"
    "  resource blob {\n"
    "    constructor(init: list<u8>);\n"
    "    @unstable(feature = x-y) write: func(bytes: list<u8>);\n"
    "    merge: static func(a: borrow<blob>, b: blob) -> own<blob>;\n"
    "    slow: async func() -> future<u8>;\n"
    "  }\n"
    "  resource bare;\n"
    "  %record: func(%type: tuple<u8, f64>, l: list<u32, 4>, m: map<string,\n"
    "    u8>) -> result<stream<u8>, error-context>;\n"
    "  take: func(g: gadget, b: borrow<gadget>, s: size, f: future);\n"
    "  shapes: func(s: shape, c: color, m: mode, p: points, l: later);\n"
    "  nothing:func();\n"
    "}\n"
    "world w {\n"
    "  include v with { a as b };\n"
    "  import types; import x: func(); export c:d/e@0.2.9;\n"
    "  import log: interface { log: func(s: string); }\n"
    "  @external-id(\"//x\") import plain: types;\n"
    "  type t = u8;\n"
    "}\n"
    "world v {}\n"
    "package c:d@0.2.9 {\n"
    "  interface e { resource thing; type size = u64; }\n"
    "}\n";

static void everything_in_the_grammar_resolves(void **state)
{
    cm_wit wit;
    vm_error err = {0};
    cm_wit_init(&wit);
    assert_int_equal(add(&wit, kitchen_sink, &err), VM_OK);
    if (cm_wit_check(&wit, &err) != VM_OK)
        fail_msg("%s", err.text);
    wit_interface *types = find(&wit, "a:b/types");
    assert_memory_equal(types->full_name.data, "a:b/types@1.2.3-rc.1",
                        types->full_name.len);
    assert_int_equal(param(types, "shapes", 0)->kind, CM_VARIANT);
    assert_int_equal(param(types, "shapes", 0)->count, 3);
    assert_int_equal(param(types, "shapes", 3)->elem->kind, CM_RECORD);
    assert_int_equal(param(types, "shapes", 4)->count, 3);
    assert_int_equal(param(types, "record", 1)->kind, CM_FIXED_LIST);
    assert_int_equal(param(types, "record", 1)->count, 4);
    assert_int_equal(param(types, "record", 2)->kind, CM_MAP);
    assert_int_equal(param(types, "[method]blob.write", 0)->kind, CM_BORROW);
    assert_true(export_of(types, "[method]blob.slow")->func->is_async);
    assert_int_equal(export_of(types, "[constructor]blob")->func->result->kind,
                     CM_OWN);
    cm_wit_finish(&wit);
}

/* A used resource is the same resource, an own one is fresh. */
static void resources_keep_their_identity(void **state)
{
    cm_wit wit;
    vm_error err = {0};
    cm_wit_init(&wit);
    assert_int_equal(add(&wit, kitchen_sink, &err), VM_OK);
    wit_interface *types = find(&wit, "a:b/types");
    wit_interface *e = find(&wit, "c:d/e");
    const cm_externtype *thing = export_of(e, "thing");
    const cm_externtype *gadget = export_of(types, "gadget");
    assert_true(thing->fresh);
    assert_false(gadget->fresh);
    assert_int_equal(thing->type.resource, gadget->type.resource);
    assert_int_equal(param(types, "take", 0)->kind, CM_OWN);
    assert_int_equal(param(types, "take", 0)->resource, thing->type.resource);
    assert_int_equal(param(types, "take", 1)->kind, CM_BORROW);
    assert_int_not_equal(export_of(types, "blob")->type.resource,
                         export_of(types, "bare")->type.resource);
    cm_wit_finish(&wit);
}

static void versions_match_by_semver(void **state)
{
    static const struct {
        const char *name, *full; /* NULL: not found */
    } cases[] = {
        {"p:q/i", "p:q/i@0.2.12"},
        {"p:q/i@0.2.12", "p:q/i@0.2.12"},
        {"p:q/i@0.2.0", "p:q/i@0.2.12"},
        {"p:q/i@0.2", "p:q/i@0.2.12"},
        {"p:q/i@0.3.0", "p:q/i@0.3.0"},
        {"p:q/i@0.3.1", "p:q/i@0.3.0"},
        {"p:q/i@1.7.0", "p:q/i@1.0.0"},
        {"p:q/i@1", "p:q/i@1.0.0"},
        {"p:q/i@0.4.0", NULL},
        {"p:q/i@2.0.0", NULL},
        {"p:q/i@0.3.0-rc", NULL},
        {"p:q/j", NULL},
        {"p:r/i", NULL},
        {"i", NULL},
        {"", NULL},
        {"p:q/j@0.3.0", NULL},
    };
    cm_wit wit;
    vm_error err = {0};
    cm_wit_init(&wit);
    assert_int_equal(add(&wit,
                         "package p:q@0.2.12 { interface i {} }"
                         "package p:q@0.3.0 { interface i {} }"
                         "package p:q@1.0.0 { interface i {} }",
                         &err),
                     VM_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wit_interface *iface = NULL;
        vm_status status = cm_wit_find(&wit, cases[i].name,
                                       strlen(cases[i].name), &iface, &err);
        assert_int_equal(status, cases[i].full ? VM_OK : VM_INVALID);
        if (cases[i].full)
            assert_memory_equal(iface->full_name.data, cases[i].full,
                                strlen(cases[i].full));
    }
    cm_wit_finish(&wit);
}

/* Files of a package may be put together in any order. */
static void files_of_a_package_join(void **state)
{
    cm_wit wit;
    vm_error err = {0};
    cm_wit_init(&wit);
    assert_int_equal(add(&wit,
                         "interface a { use b.{t}; f: func(x: t); }\n"
                         "package x:y@0.1.0;\ninterface b { type t = u8; }\n"
                         "package x:y@0.1.0;\ninterface c {}\n",
                         &err),
                     VM_OK);
    assert_int_equal(add(&wit, "package x:y@0.1.0; interface d {}", &err),
                     VM_OK);
    find(&wit, "x:y/a");
    find(&wit, "x:y/c");
    find(&wit, "x:y/d");
    assert_int_equal(add(&wit, "package x:y@0.1.0; interface e {}", &err),
                     VM_INVALID); /* too late: x:y was read */
    cm_wit_finish(&wit);
}

#define IFACE(body) "package a:b;\ninterface i {\n" body "\n}"

static const struct {
    const char *text, *message;
} wrong[] = {
    {"interface i {}", "t.wit:1:1: there is no package statement"},
    {"package a;", "t.wit:1:10: expected ':' (a package is named"},
    {"package a:b;\ninterface i {", "t.wit:2:13: expected a '}'"},
    {"package a:b;\n/* open", "t.wit:2:1: the comment is not closed"},
    {"package a:b;\n  #", "t.wit:2:3: no token begins with this character"},
    {"package a:b;\nfoo", "t.wit:2:1: expected interface, world, use or"},
    {"package a:b@x;", "t.wit:1:13: expected a version such as 0.2.0"},
    {"package a:b; interface i {} interface i {}",
     "t.wit:1:39: package a:b has an interface or world 'i' already"},
    {"type t = u8; package a:b {}", "t.wit:1:14: what stands before this"},
    {IFACE("f: func(x: u8"), "expected ')' or ',', found '}'"},
    {IFACE("f: func()"), "t.wit:4:1: expected ';', found '}'"},
    {IFACE("f: fun();"), "t.wit:3:4: expected func, found 'fun'"},
    {IFACE("f: func(x: nope);"), "t.wit:3:12: there is no type 'nope' here"},
    {IFACE("type t = u8;\ntype t = u8;"),
     "t.wit:4:1: the name 't' is defined already"},
    {IFACE("f: func();\nf: func();"),
     "t.wit:4:1: the function 'f' is defined already"},
    {IFACE("f: func(x: u8, x: u8);"), "the name 'x' is there already"},
    {IFACE("record r { a: u8, a: u8 }"), "the name 'a' is there already"},
    {IFACE("type t = t;"), "t.wit:3:1: the type 't' refers to itself"},
    {IFACE("record a { b: b }\nrecord b { a: a }"), "refers to itself"},
    {IFACE("type n = u8;\nf: func(x: borrow<n>);"), "'n' is no resource"},
    {IFACE("use j.{t};"), "t.wit:3:5: package a:b has no interface 'j'"},
    {IFACE("use i.{t};"), "the type 't' refers to itself"},
    {IFACE("use i.{u as t};"), "interface a:b/i has no type 'u'"},
    {IFACE("use x:y/z@1.0.0.{t};"), "there is no interface x:y/z@1.0.0"},
    {IFACE("type list = u8;"), "'list' is a keyword; write %list"},
    {IFACE("type a--b = u8;"), "a name is words of letters and digits"},
    {IFACE("type aB = u8;"), "a name is words of letters and digits"},
    {IFACE("type t = list<u8, 0>;"), "expected a length of 1 to 4294967295"},
    {IFACE("type t = result<_>;"), "expected ',' and the error's type"},
    {IFACE("type t = option<>;"), "expected a type, found '>'"},
    {"package a:b; world w { export nope; }", "has no interface 'nope'"},
    {"package a:b; world w { include nope; }", "has no world 'nope'"},
    {"package a:b; world w { import f func(); }", "expected ';', found"},
};

static void errors_point_at_the_place(void **state)
{
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cm_wit wit;
        vm_error err = {0};
        cm_wit_init(&wit);
        vm_status status = add(&wit, wrong[i].text, &err);
        if (status == VM_OK)
            status = cm_wit_check(&wit, &err);
        if (status != VM_INVALID || !strstr(err.text, wrong[i].message))
            fail_msg("case %zu: status %d, got '%s', wanted '%s'", i, status,
                     err.text, wrong[i].message);
        cm_wit_finish(&wit);
    }
}

/* No prefix of a good text crashes or is taken for an endless one. */
static void every_truncation_ends(void **state)
{
    for (size_t len = 0; len < sizeof kitchen_sink - 1; len++) {
        char *copy = malloc(len + 1); /* exact: ASan sees over-reads */
        memcpy(copy, kitchen_sink, len);
        cm_wit wit;
        vm_error err = {0};
        cm_wit_init(&wit);
        if (cm_wit_add(&wit, "t.wit", copy, len, &err) == VM_OK)
            (void)!cm_wit_check(&wit, &err);
        cm_wit_finish(&wit);
        free(copy);
    }
}

static void deep_nesting_is_refused(void **state)
{
    enum { DEPTH = 100000 };
    char *text = malloc(DEPTH * 6 + 100), *at = text;
    at += sprintf(at, "package a:b; interface i { type t = ");
    for (int i = 0; i < DEPTH; i++)
        at += sprintf(at, "list<");
    cm_wit wit;
    vm_error err = {0};
    cm_wit_init(&wit);
    strcpy(at, "u8; }");
    assert_int_equal(add(&wit, text, &err), VM_OK);
    assert_int_equal(cm_wit_check(&wit, &err), VM_INVALID);
    assert_non_null(strstr(err.text, "nested more than"));
    cm_wit_finish(&wit);
    free(text);
}

/* ---- the official WIT ----------------------------------------------------
 */

static char *texts[200], *names[200];
static size_t ntexts;

static void read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);
    assert_non_null(file);
    size_t len = fread(text, 1, (1 << 20) - 1, file);
    text[len] = '\0';
    fclose(file);
    names[ntexts] = strdup(path);
    texts[ntexts++] = text;
}

/* Puts a folder's files together, as a package is: the texts are joined. */
static void read_package(const char *folder)
{
    DIR *dir = opendir(folder);
    size_t first = ntexts, total = 1;
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (strstr(entry->d_name, ".wit"))
            read_file(path);
    }
    closedir(dir);
    for (size_t i = first; i < ntexts; i++)
        total += strlen(texts[i]) + 1;
    char *joined = calloc(1, total);
    for (size_t i = first; i < ntexts; i++) {
        strcat(strcat(joined, texts[i]), "\n");
        free(texts[i]);
    }
    for (size_t i = first + 1; i < ntexts; i++)
        free(names[i]);
    texts[first] = joined;
    ntexts = first + 1;
}

static void the_official_wit_resolves(void **state)
{
    static const char *const packages[] = {
        "0.2/io",      "0.2/clocks", "0.2/random", "0.2/filesystem",
        "0.2/sockets", "0.2/cli",    "0.2/http",   "0.3/clocks",
        "0.3/random",  "0.3/cli",    "0.3/http",   "0.3/filesystem",
        "0.3/sockets"};
    const char *suites = getenv("SUITES");
    cm_wit wit;
    vm_error err = {0};
    cm_wit_init(&wit);
    for (size_t i = 0; i < sizeof packages / sizeof *packages; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/wit/%s",
                 suites ? suites : "../shared/suites", packages[i]);
        size_t before = ntexts;
        read_package(path);
        if (ntexts == before)
            skip();
        if (cm_wit_add(&wit, names[before], texts[before],
                       strlen(texts[before]), &err) != VM_OK)
            fail_msg("%s", err.text);
    }
    if (cm_wit_check(&wit, &err) != VM_OK)
        fail_msg("%s", err.text);
    wit_interface *streams = find(&wit, "wasi:io/streams@0.2.0");
    const cm_externtype *read = export_of(streams, "[method]input-stream.read");
    assert_int_equal(read->func->result->kind, CM_RESULT);
    assert_int_equal(read->func->result->fields[0].type->elem->kind, CM_U8);
    const cm_externtype *pollable = export_of(streams, "pollable");
    wit_interface *poll = find(&wit, "wasi:io/poll");
    assert_int_equal(pollable->type.resource,
                     export_of(poll, "pollable")->type.resource);
    find(&wit, "wasi:http/types@0.3.0");
    cm_wit_finish(&wit);
    for (size_t i = 0; i < ntexts; i++) {
        free(texts[i]);
        free(names[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_in_the_grammar_resolves),
        cmocka_unit_test(resources_keep_their_identity),
        cmocka_unit_test(versions_match_by_semver),
        cmocka_unit_test(files_of_a_package_join),
        cmocka_unit_test(errors_point_at_the_place),
        cmocka_unit_test(every_truncation_ends),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(the_official_wit_resolves),
    };
    return cmocka_run_group_tests_name("cm_wit", tests, NULL, NULL);
}
