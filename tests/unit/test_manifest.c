/* test_manifest.c - manifests become grants; errors name file, line, reason
 * and what would be valid. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "supervisor/manifest.h"
#include "wasi/proto_process.h"
#include "wasi/wasi.h"

static app_grant grant;
static manifest_error error;

static bool parse(const char *text)
{
    return manifest_parse("manifests/app.toml", text, strlen(text), NULL, NULL,
                          &grant, &error);
}

static void defaults(void **state)
{
    assert_true(parse("name = 'app'\n"));
    assert_string_equal(grant.title, "app");
    assert_string_equal(grant.component, "/system/apps/app.wasm");
    assert_int_equal(grant.capabilities, WASI_CAP_STDIO);
    assert_int_equal(grant.restart, GRANT_RESTART_NEVER);
    assert_true(grant_is_sane(&grant));
}

static void everything(void **state)
{
    if (!parse(
            "name = 'app'\n"
            "title = 'An App'\n"
            "icon = { glyph = 'pen', color = '#102030', accent = '#FFFFFF' }\n"
            "component = 'other.wasm'\n"
            "args = ['a', 'b c']\n"
            "xxh64 = '0123456789abcdef'\n"
            "visible = false\n"
            "[capabilities]\n"
            "display = true\n"
            "shell = false\n"
            "clocks = '10ms'\n"
            "random = true\n"
            "environment = { K = 'V', L = '' }\n"
            "filesystem = [{ host = '/data/app', guest = '/d', write = true "
            "}, { host = '/system/fonts' }]\n"
            "network = { listen = ['tcp:8080'], connect = ['udp:10.0.0.0/8:"
            "53-60', 'tcp:example.org:*'], resolve = true }\n"
            "ipc = { peers = ['notes'], provide = ['t'], subscribe = ['u'] "
            "}\n"
            "process = ['list', 'log']\n"
            "[limits]\n"
            "memory = '8M'\n"
            "stack = '64K'\n"
            "fuel = 5\n"
            "time = '1500ms'\n"
            "table-elements = 300\n"
            "instances = 7\n"
            "cpu = 50\n"
            "[restart]\n"
            "policy = 'always'\n"
            "backoff = '2s'\n"
            "attempts = 3\n"))
        fail_msg("%s", error.text);
    assert_true(grant_is_sane(&grant));
    assert_string_equal(grant.component, "/system/apps/other.wasm");
    assert_int_equal(grant.color, 0x102030);
    assert_string_equal(grant_strings_at(&grant.args, 1), "b c");
    assert_true(grant.xxh64 == 0x0123456789abcdef);
    assert_int_equal(grant.capabilities,
                     WASI_CAP_STDIO | WASI_CAP_DISPLAY | WASI_CAP_CLOCKS |
                         WASI_CAP_RANDOM | WASI_CAP_ENVIRONMENT |
                         WASI_CAP_FILESYSTEM | WASI_CAP_NETWORK | WASI_CAP_IPC |
                         WASI_CAP_PROCESS);
    assert_int_equal(grant.lines[__builtin_ctz(WASI_CAP_SHELL)], 10);
    assert_int_equal(grant.lines[__builtin_ctz(WASI_CAP_HTTP)], 8);
    assert_int_equal(grant.clock_resolution_ns, 10000000);
    assert_string_equal(grant_strings_at(&grant.environment, 1), "L=");
    assert_string_equal(grant.folders[1].guest, "/system/fonts");
    assert_int_equal(grant.folders[0].writable, 1);
    assert_int_equal(grant.network.nconnect, 2);
    assert_int_equal(grant.verbs, 1 << PROC_VERB_LIST | 1 << PROC_VERB_LOG);
    assert_int_equal(grant.memory, 8 << 20);
    assert_int_equal(grant.fuel, 5);
    assert_int_equal(grant.time_ns, 1500000000);
    assert_int_equal(grant.table_elements, 300);
    assert_int_equal(grant.instances, 7);
    assert_int_equal(grant.backoff_ms, 2000);
}

static const struct {
    const char *text, *message;
} refused[] = {
    {"", "manifests/app.toml:1: 'name' is missing; add name = \"app\""},
    {"name = 'notes'", "manifests/app.toml:1: name is \"notes\", must equal "
                       "the file's name: \"app\""},
    {"name = 'app'\ntitel = 'x'", "manifests/app.toml:2: unknown key 'titel' "
                                  "in the manifest; did you mean 'title'?"},
    {"name = 'app'\nqqqqqqqqqqq = 1",
     "manifests/app.toml:2: unknown key 'qqqqqqqqqqq' in the manifest; valid "
     "are: name, title, icon,"},
    {"name = 'app'\n[capabilities]\ndisplay = 'yes'",
     "manifests/app.toml:3: 'display' is a string, must be true or false"},
    {"name = 'app'\n[capabilities]\nfilesystm = []",
     "did you mean 'filesystem'?"},
    {"name = 'app'\n[capabilities]\nprocess = ['kil']",
     "\"kil\" is not valid; valid are: \"list\", \"launch\", \"kill\""},
    {"name = 'app'\n[capabilities]\nfilesystem = [{ host = '/etc' }]",
     "must be below /data or /system"},
    {"name = 'app'\n[capabilities]\nfilesystem = [{ host = '/data/../etc' }]",
     "without '.' and '..'"},
    {"name = 'app'\n[capabilities]\nfilesystem = [{ host = '/database' }]",
     "must be below /data or /system"},
    {"name = 'app'\n[capabilities]\nfilesystem = [{ host = '/system/apps', "
     "write = true }]",
     "read only"},
    {"name = 'app'\n[capabilities]\nfilesystem = [{ guest = '/x' }]",
     "needs 'host'"},
    {"name = 'app'\n[capabilities]\nnetwork = { connect = ['tcp:1.2.3:80'] }",
     "a host is"},
    {"name = 'app'\n[capabilities]\nnetwork = { connect = ['icmp:1.2.3.4:1'] }",
     "tcp:HOST:PORT"},
    {"name = 'app'\n[capabilities]\nnetwork = { listen = ['tcp:70000'] }",
     "a port is"},
    {"name = 'app'\n[capabilities]\nnetwork = { listen = ['tcp:a.org:80'] }",
     "not the name 'a.org'"},
    {"name = 'app'\n[limits]\nmemory = '32MB'", "must be a size"},
    {"name = 'app'\n[limits]\nmemory = '99999999999999999999'",
     "must be a size"},
    {"name = 'app'\n[limits]\nmemory = '1K'", "at least 256K"},
    {"name = 'app'\n[limits]\ncpu = 0", "must be 1 to 1000"},
    {"name = 'app'\n[limits]\nstack = '4G'", "at most 1G"},
    {"name = 'app'\n[limits]\ntime = '5'", "must be a duration"},
    {"name = 'app'\n[limits]\ntime = '10us'", "from \"1ms\" on"},
    {"name = 'app'\n[limits]\ninstances = 0", "must be 1 to 1000000"},
    {"name = 'app'\n[limits]\ntable-elements = -1", "must be 1 to"},
    {"name = 'app'\n[restart]\npolicy = 'maybe'", "valid are: \"never\""},
    {"name = 'app'\n[restart]\nbackoff = '1ns'", "\"10ms\" to \"3600s\""},
    {"name = 'app'\nicon = { color = 'red' }", "\"#rrggbb\""},
    {"name = 'app'\nxxh64 = '12'", "16 lower-case"},
    {"name = 'app'\ncomponent = '../x'", "without '..'"},
    {"name = 'app'\nname = 'app'", "manifests/app.toml:2: 'name' is already"},
    {"name = 'app'\ntitle = "
     "'0123456789012345678901234567890123456789012345678'",
     "longer than 47 bytes"},
};

static void refuses_with_reason(void **state)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_false(parse(refused[i].text));
        if (!strstr(error.text, refused[i].message))
            fail_msg("%s\n got \"%s\"", refused[i].text, error.text);
    }
}

static void bad_file_name_is_refused(void **state)
{
    assert_false(manifest_parse("m/My App.toml", "name = 'x'", 10, NULL, NULL,
                                &grant, &error));
    assert_non_null(strstr(error.text, "NAME.toml"));
}

/* The component is one byte, 'A'; xxh64 from xxhsum -H1. */
static int open_letter(void *env, const char *path)
{
    int ends[2];
    assert_string_equal(path, "/system/apps/app.wasm");
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "A", 1), 1);
    close(ends[1]);
    return ends[0];
}

static int open_nothing(void *env, const char *path)
{
    errno = ENOENT;
    return -1;
}

static bool parse_with(const char *text, manifest_open open_component)
{
    return manifest_parse("manifests/app.toml", text, strlen(text),
                          open_component, NULL, &grant, &error);
}

static void component_is_checked(void **state)
{
    assert_true(parse_with("name = 'app'", open_letter));
    assert_false(
        parse_with("name = 'app'\ncomponent = 'app.wasm'", open_nothing));
    assert_string_equal(error.text,
                        "manifests/app.toml:2: component /system/apps/app.wasm"
                        ": No such file or directory");
    assert_false(
        parse_with("name = 'app'\nxxh64 = '0000000000000000'", open_letter));
    char *has = strstr(error.text, "manifests/app.toml:2: component "
                                   "/system/apps/app.wasm has xxh64 ");
    assert_non_null(has);
    char again[80] = "name = 'app'\nxxh64 = '";
    strncat(again, strstr(error.text, "has xxh64 ") + 10, 16);
    strcat(again, "'");
    assert_true(parse_with(again, open_letter));
}

static void boot_list(void **state)
{
    boot_plan plan = {0};
    const char *text = "apps = ['menubar', 'dock']";
    assert_true(
        manifest_parse_boot("boot.toml", text, strlen(text), &plan, &error));
    assert_int_equal(plan.napps, 2);
    assert_string_equal(plan.apps[1], "dock");
    text = "apps = ['Not An App']";
    assert_false(
        manifest_parse_boot("boot.toml", text, strlen(text), &plan, &error));
    assert_string_equal(error.text,
                        "boot.toml:1: \"Not An App\" is not an app's name");
}

static void command_line(void **state)
{
    boot_plan plan = {0};
    const char *text = "console=ttyS0 vyoma.scale=200:hello "
                       "vyoma.ip=10.0.2.15/24:10.0.2.2:10.0.2.3 quiet\n";
    assert_true(manifest_parse_cmdline(text, strlen(text), &plan, &error));
    assert_int_equal(plan.scale, 200);
    assert_string_equal(plan.scale_app, "hello");
    assert_int_equal(plan.prefix, 24);
    assert_int_equal(plan.gateway, inet_addr("10.0.2.2"));
    assert_true(boot_plan_is_sane(&plan));
    text = "vyoma.scale=many vyoma.ip=10.0.2.15/24:10.0.2.2:10.0.2.4";
    assert_false(manifest_parse_cmdline(text, strlen(text), &plan, &error));
    assert_non_null(strstr(error.text, "valid is vyoma.scale=COUNT:APP"));
    assert_int_equal(plan.dns, inet_addr("10.0.2.4"));
}

/* ---- addresses ----------------------------------------------------- */

static bool matches(const char *rule_text, const char *address, uint16_t port)
{
    grant_address rule;
    const char *why;
    uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff};
    assert_true(grant_address_parse(rule_text, &rule, &why));
    if (strchr(address, ':'))
        assert_int_equal(inet_pton(AF_INET6, address, bytes), 1);
    else
        assert_int_equal(inet_pton(AF_INET, address, bytes + 12), 1);
    return grant_address_matches(&rule, GRANT_TCP, bytes, port);
}

static void addresses_match(void **state)
{
    assert_true(matches("tcp:10.0.2.2:80", "10.0.2.2", 80));
    assert_true(matches("tcp:10.0.2.2:80", "::ffff:10.0.2.2", 80));
    assert_false(matches("tcp:10.0.2.2:80", "10.0.2.2", 81));
    assert_false(matches("tcp:10.0.2.2:80", "10.0.2.3", 80));
    assert_false(matches("udp:10.0.2.2:80", "10.0.2.2", 80));
    assert_true(matches("tcp:10.0.0.0/8:1-90", "10.255.1.1", 80));
    assert_false(matches("tcp:10.0.0.0/8:1-90", "11.0.0.1", 80));
    assert_true(matches("tcp:10.0.2.128/25:80", "10.0.2.200", 80));
    assert_false(matches("tcp:10.0.2.128/25:80", "10.0.2.100", 80));
    assert_true(matches("tcp:8080", "1.2.3.4", 8080));
    assert_true(matches("tcp:*:*", "2001:db8::1", 1));
    assert_true(matches("tcp:[2001:db8::]/32:*", "2001:db8::1", 1));
    assert_false(matches("tcp:[2001:db8::]/32:*", "2001:db9::1", 1));
    assert_true(matches("tcp:0.0.0.0/0:*", "9.9.9.9", 1));
    assert_false(matches("tcp:0.0.0.0/0:*", "2001:db8::1", 1));
    assert_false(matches("tcp:example.org:80", "1.2.3.4", 80));
}

static void damaged_grants_are_refused(void **state)
{
    assert_true(parse("name = 'app'\nargs = ['x']"));
    app_grant bad = grant;
    memset(bad.title, 'x', sizeof bad.title);
    assert_false(grant_is_sane(&bad));
    bad = grant;
    strcpy(bad.name, "../x");
    assert_false(grant_is_sane(&bad));
    bad = grant;
    bad.args.count = 2;
    assert_false(grant_is_sane(&bad));
    bad = grant;
    bad.args.bytes[1] = 'y';
    assert_false(grant_is_sane(&bad));
    bad = grant;
    bad.nfolders = GRANT_FOLDERS + 1;
    assert_false(grant_is_sane(&bad));
    bad = grant;
    bad.network.nlisten = UINT32_MAX;
    assert_false(grant_is_sane(&bad));
    bad = grant;
    bad.stdio = GRANT_STDIO_ATTACHED;
    assert_false(grant_is_sane(&bad));
}

/* Every manifest that the image ships is accepted. */
static void shipped_manifests_are_valid(void **state)
{
    static char text[16384];
    DIR *folder = opendir("manifests");
    if (!folder)
        skip();
    for (struct dirent *e; (e = readdir(folder));) {
        char path[300];
        boot_plan plan = {0};
        snprintf(path, sizeof path, "manifests/%s", e->d_name);
        FILE *file = strstr(e->d_name, ".toml") ? fopen(path, "r") : NULL;
        if (!file)
            continue;
        size_t len = fread(text, 1, sizeof text, file);
        fclose(file);
        bool ok =
            strcmp(e->d_name, "boot.toml")
                ? manifest_parse(path, text, len, NULL, NULL, &grant, &error)
                : manifest_parse_boot(path, text, len, &plan, &error);
        if (!ok)
            fail_msg("%s", error.text);
    }
    closedir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(everything),
        cmocka_unit_test(refuses_with_reason),
        cmocka_unit_test(bad_file_name_is_refused),
        cmocka_unit_test(component_is_checked),
        cmocka_unit_test(boot_list),
        cmocka_unit_test(command_line),
        cmocka_unit_test(addresses_match),
        cmocka_unit_test(damaged_grants_are_refused),
        cmocka_unit_test(shipped_manifests_are_valid),
    };
    return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
