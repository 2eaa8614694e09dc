/*
 * test_wasi_link.c - the host's tables and the official WIT agree: every
 * interface that a guest can import is defined, function by function, and a
 * capability that is not granted defines nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "wasi/internal.h"
#include "wasi/wit.h"

static wasi_ctx *make_ctx(uint32_t capabilities)
{
    wasi_ctx *ctx;
    wasi_config config = {.capabilities = capabilities,
                          .stdin_fd = -1,
                          .stdout_fd = -1,
                          .stderr_fd = -1,
                          .display_fd = -1,
                          .ipc_fd = -1,
                          .process_fd = -1};
    assert_int_equal(wasi_ctx_create(&config, &ctx, NULL), VM_OK);
    return ctx;
}

struct link {
    wasi_ctx *ctx;
    vm_engine *engine;
    cm_linker *linker;
};

static struct link link_with(uint32_t capabilities)
{
    vm_error err = {0};
    struct link link = {.ctx = make_ctx(capabilities),
                        .engine = vm_engine_create(NULL)};
    link.linker = cm_linker_create(link.engine);
    if (wasi_link(link.linker, link.ctx, &err) != VM_OK ||
        cm_linker_check(link.linker, &err) != VM_OK)
        fail_msg("%s", err.text);
    return link;
}

static void unlink_all(struct link *link)
{
    cm_linker_destroy(link->linker);
    vm_engine_destroy(link->engine);
    wasi_ctx_destroy(link->ctx);
}

static bool is_defined(const struct link *link, const char *name)
{
    vm_name defined;
    for (size_t i = 0; (defined = cm_linker_defined(link->linker, i)).data; i++)
        if (defined.len == strlen(name) &&
            !memcmp(defined.data, name, defined.len))
            return true;
    return false;
}

/* Interfaces that programs export, or that hold types only for those. */
static bool is_exported(const char *name)
{
    static const char *const exported[] = {
        "wasi:cli/run@",
        "wasi:http/incoming-handler@",
        "wasi:http/handler@",
    };
    for (size_t i = 0; i < sizeof exported / sizeof *exported; i++)
        if (!strncmp(name, exported[i], strlen(exported[i])))
            return true;
    return false;
}

/* Calls `check` for each "interface NAME {" of the embedded packages. */
static size_t for_each_interface(const char *namespace, const struct link *link,
                                 void (*check)(const struct link *,
                                               const char *))
{
    size_t count = 0;
    for (const wasi_wit_text *wit = wasi_wit; wit->name; wit++) {
        const char *at = wit->text, *version = strchr(wit->name, '@');
        if (strncmp(wit->name, namespace, strlen(namespace)))
            continue;
        while ((at = strstr(at, "\ninterface "))) {
            char name[128];
            at += strlen("\ninterface ");
            int len = snprintf(name, sizeof name, "%.*s/%.*s%s",
                               (int)(version - wit->name), wit->name,
                               (int)strcspn(at, " {"), at, version);
            assert_in_range(len, 1, sizeof name - 1);
            if (!is_exported(name)) {
                check(link, name);
                count++;
            }
        }
    }
    return count;
}

static void must_be_defined(const struct link *link, const char *name)
{
    if (!is_defined(link, name))
        fail_msg("%s is in the WIT, but no table defines it", name);
}

static void every_interface_of_the_wit_has_its_table(void **state)
{
    struct link link = link_with(UINT32_MAX);
    static const char *const packages[] = {
        "wasi:io",         "wasi:clocks",  "wasi:random", "wasi:cli",
        "wasi:filesystem", "wasi:sockets", "wasi:http",   "wasi:config",
        "wasi:logging",    "wasi:keyvalue"};
    for (size_t i = 0; i < sizeof packages / sizeof *packages; i++)
        assert_true(for_each_interface(packages[i], &link, must_be_defined) >
                    0);
    unlink_all(&link);
}

static void must_be_named(const struct link *link, const char *name)
{
    const char *key = wasi_capability_name(name, strlen(name));
    if (!key && !wasi_capability_option(name, strlen(name)) &&
        strncmp(name, "wasi:io/", 8) && strncmp(name, "wasi:cli/exit", 13))
        fail_msg("no capability is named for %s", name);
}

static void every_interface_belongs_to_a_capability(void **state)
{
    assert_true(for_each_interface("", NULL, must_be_named) > 30);
}

static void what_is_not_granted_is_not_defined(void **state)
{
    static const struct {
        uint32_t capability;
        const char *name;
    } rows[] = {
        {WASI_CAP_STDIO, "wasi:cli/stdout@0.2.12"},
        {WASI_CAP_FILESYSTEM, "wasi:filesystem/types@0.2.12"},
        {WASI_CAP_NETWORK, "wasi:sockets/tcp@0.2.12"},
        {WASI_CAP_CLOCKS, "wasi:clocks/wall-clock@0.2.12"},
        {WASI_CAP_RANDOM, "wasi:random/random@0.2.12"},
        {WASI_CAP_ENVIRONMENT, "wasi:cli/environment@0.2.12"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct link link = link_with(rows[i].capability);
        for (size_t j = 0; j < sizeof rows / sizeof *rows; j++)
            assert_int_equal(is_defined(&link, rows[j].name), i == j);
        assert_true(is_defined(&link, "wasi:io/streams@0.2.12"));
        unlink_all(&link);
    }
}

static void grants_are_named_in_messages(void **state)
{
#define CHECK(name, key)                                                       \
    assert_string_equal(wasi_capability_name(name, strlen(name)), key)
    CHECK("wasi:filesystem/types@0.2.3", "filesystem");
    CHECK("wasi:cli/environment@0.2.0", "environment");
    CHECK("wasi:cli/stdout@0.2.0", "stdio");
    CHECK("wasi:sockets/tcp@0.2.0", "network");
    CHECK("vyoma:ui/window@0.1.0", "display");
    CHECK("vyoma:process/control@0.1.0", "process");
    assert_null(wasi_capability_name("acme:rocket/launch", 18));
    assert_null(wasi_capability_name("wasi", 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_interface_of_the_wit_has_its_table),
        cmocka_unit_test(every_interface_belongs_to_a_capability),
        cmocka_unit_test(what_is_not_granted_is_not_defined),
        cmocka_unit_test(grants_are_named_in_messages),
    };
    return cmocka_run_group_tests_name("wasi_link", tests, NULL, NULL);
}
