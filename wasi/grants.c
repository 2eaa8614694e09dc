/*
 * grants.c - from what was granted to what exists: the table of host
 * interfaces with the capability that each needs, and the names by which a
 * manifest or a command line grants them.
 */
#include "wasi/ifaces.h"
#include "wasi/internal.h"
#include "wasi/wit.h"

#include <string.h>

/* 0: harmless, always there. */
static const struct {
    uint32_t capability;
    const cm_host_interface *iface;
} interfaces[] = {
    {0, &wasi_iface_error},
    {0, &wasi_iface_poll},
    {0, &wasi_iface_streams},
    {0, &wasi_iface_exit},
    {WASI_CAP_ENVIRONMENT, &wasi_iface_environment},
    {WASI_CAP_STDIO, &wasi_iface_stdin},
    {WASI_CAP_STDIO, &wasi_iface_stdout},
    {WASI_CAP_STDIO, &wasi_iface_stderr},
    {WASI_CAP_STDIO, &wasi_iface_terminal_input},
    {WASI_CAP_STDIO, &wasi_iface_terminal_output},
    {WASI_CAP_STDIO, &wasi_iface_terminal_stdin},
    {WASI_CAP_STDIO, &wasi_iface_terminal_stdout},
    {WASI_CAP_STDIO, &wasi_iface_terminal_stderr},
    {WASI_CAP_CLOCKS, &wasi_iface_monotonic_clock},
    {WASI_CAP_CLOCKS, &wasi_iface_wall_clock},
    {WASI_CAP_CLOCKS, &wasi_iface_timezone},
    {WASI_CAP_RANDOM, &wasi_iface_random},
    {WASI_CAP_RANDOM, &wasi_iface_insecure},
    {WASI_CAP_RANDOM, &wasi_iface_insecure_seed},
    {WASI_CAP_FILESYSTEM, &wasi_iface_filesystem_types},
    {WASI_CAP_FILESYSTEM, &wasi_iface_preopens},
    {WASI_CAP_NETWORK, &wasi_iface_network},
    {WASI_CAP_NETWORK, &wasi_iface_instance_network},
    {WASI_CAP_NETWORK, &wasi_iface_tcp},
    {WASI_CAP_NETWORK, &wasi_iface_tcp_create_socket},
    {WASI_CAP_NETWORK, &wasi_iface_udp},
    {WASI_CAP_NETWORK, &wasi_iface_udp_create_socket},
    {WASI_CAP_NETWORK, &wasi_iface_ip_name_lookup},
    {WASI_CAP_ENVIRONMENT, &wasi_iface_config},
    {WASI_CAP_ENVIRONMENT, &wasi_iface_config_rc},
    {WASI_CAP_STDIO, &wasi_iface_logging},
    {WASI_CAP_KEYVALUE, &wasi_iface_keyvalue_store},
    {WASI_CAP_KEYVALUE, &wasi_iface_keyvalue_batch},
    {WASI_CAP_KEYVALUE, &wasi_iface_keyvalue_atomics},
    {WASI_CAP_HTTP, &wasi_iface_http_types},
    {WASI_CAP_HTTP, &wasi_iface_outgoing_handler},
    {0, &wasi_p3_cli_types},
    {0, &wasi_p3_clocks_types},
    {0, &wasi_p3_exit},
    {WASI_CAP_ENVIRONMENT, &wasi_p3_environment},
    {WASI_CAP_STDIO, &wasi_p3_stdin},
    {WASI_CAP_STDIO, &wasi_p3_stdout},
    {WASI_CAP_STDIO, &wasi_p3_stderr},
    {WASI_CAP_STDIO, &wasi_p3_terminal_input},
    {WASI_CAP_STDIO, &wasi_p3_terminal_output},
    {WASI_CAP_STDIO, &wasi_p3_terminal_stdin},
    {WASI_CAP_STDIO, &wasi_p3_terminal_stdout},
    {WASI_CAP_STDIO, &wasi_p3_terminal_stderr},
    {WASI_CAP_CLOCKS, &wasi_p3_monotonic_clock},
    {WASI_CAP_CLOCKS, &wasi_p3_system_clock},
    {WASI_CAP_CLOCKS, &wasi_p3_timezone},
    {WASI_CAP_RANDOM, &wasi_p3_random},
    {WASI_CAP_RANDOM, &wasi_p3_insecure},
    {WASI_CAP_RANDOM, &wasi_p3_insecure_seed},
    {WASI_CAP_FILESYSTEM, &wasi_p3_filesystem_types},
    {WASI_CAP_FILESYSTEM, &wasi_p3_preopens},
    {WASI_CAP_NETWORK, &wasi_p3_sockets_types},
    {WASI_CAP_NETWORK, &wasi_p3_ip_name_lookup},
    {WASI_CAP_HTTP, &wasi_p3_http_types},
    {WASI_CAP_HTTP, &wasi_p3_http_client},
    {WASI_CAP_DISPLAY, &vyoma_iface_canvas},
    {WASI_CAP_DISPLAY, &vyoma_iface_window},
    {WASI_CAP_DISPLAY, &vyoma_iface_clipboard},
    {WASI_CAP_SHELL, &vyoma_iface_shell},
    {WASI_CAP_PROCESS, &vyoma_iface_process},
    {WASI_CAP_IPC, &vyoma_iface_ipc},
};

/* The longest matching prefix decides.  What has neither is another component's
 * to give. */
static const struct {
    const char *prefix, *key, *option;
} names[] = {
    {"wasi:cli/environment", "environment", "--env NAME=VALUE"},
    {"wasi:cli/", "stdio", NULL},
    {"wasi:clocks/", "clocks", NULL},
    {"wasi:random/", "random", NULL},
    {"wasi:filesystem/", "filesystem", "--dir HOST::GUEST"},
    {"wasi:sockets/", "network", "-S inherit-network"},
    {"wasi:http/", "http", "-S http"},
    {"wasi:http/handler", NULL, NULL},
    {"wasi:http/incoming-handler", NULL, NULL},
    {"wasi:cli/run", NULL, NULL},
    {"wasi:config/", "environment", "-S config-var=NAME=VALUE"},
    {"wasi:logging/", "stdio", NULL},
    {"wasi:keyvalue/", "keyvalue", "-S keyvalue"},
    {"vyoma:ui/", "display", NULL},
    {"vyoma:desktop/", "shell", NULL},
    {"vyoma:ipc/", "ipc", NULL},
    {"vyoma:process/", "process", NULL},
};

static vm_status add_wit(cm_linker *linker, vm_error *err)
{
    vm_status status = VM_OK;
    for (size_t i = 0; status == VM_OK && wasi_wit[i].name; i++)
        status = cm_linker_add_wit(linker, wasi_wit[i].name, wasi_wit[i].text,
                                   wasi_wit[i].len, err);
    return status;
}

vm_status wasi_link_prepare(cm_linker *linker, vm_error *err)
{
    vm_status status = add_wit(linker, err);
    return status == VM_OK ? cm_linker_check_wit(linker, err) : status;
}

vm_status wasi_link(cm_linker *linker, wasi_ctx *ctx, vm_error *err)
{
    vm_status status = add_wit(linker, err);
    return status == VM_OK ? wasi_link_granted(linker, ctx, err) : status;
}

vm_status wasi_link_granted(cm_linker *linker, wasi_ctx *ctx, vm_error *err)
{
    vm_status status = VM_OK;
    size_t count = sizeof interfaces / sizeof *interfaces;
    for (size_t i = 0; status == VM_OK && i < count; i++) {
        uint32_t needed = interfaces[i].capability;
        if ((needed & ctx->capabilities) == needed)
            status = cm_linker_define(linker, interfaces[i].iface, ctx, err);
    }
    return status;
}

cm_func *wasi_find_run(cm_instance *instance)
{
    cm_func *run = cm_instance_func(instance, "wasi:cli/run@0.3.0", "run");
    return run ? run : cm_instance_func(instance, "wasi:cli/run", "run");
}

vm_status wasi_call_run(cm_func *run, int *code, vm_error *err)
{
    cm_result result;
    vm_status status = cm_func_call(run, NULL, &result, err);
    if (status != VM_OK)
        return status;
    *code = result.value.variant.index ? 1 : 0;
    status = cm_result_run(&result, NULL, NULL, err);
    cm_result_free(&result);
    return status;
}

/* The row for an interface, or -1. */
static int find(const char *interface, size_t len)
{
    int best = -1;
    size_t best_len = 0;
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
        size_t n = strlen(names[i].prefix);
        if (n <= len && n > best_len &&
            !memcmp(names[i].prefix, interface, n)) {
            best = i;
            best_len = n;
        }
    }
    return best;
}

static size_t unversioned(const char *name, size_t len)
{
    const char *at = memchr(name, '@', len);
    return at ? (size_t)(at - name) : len;
}

vm_name wasi_other_version(const cm_linker *linker, const char *interface,
                           size_t len)
{
    vm_name own = {0};
    if (!len)
        return own;
    len = unversioned(interface, len);
    for (size_t i = 0; (own = cm_linker_defined(linker, i)).data; i++)
        if (unversioned(own.data, own.len) == len &&
            !memcmp(own.data, interface, len))
            return own;
    return own;
}

const char *wasi_capability_name(const char *interface, size_t len)
{
    int row = find(interface, len);
    return row < 0 ? NULL : names[row].key;
}

const char *wasi_capability_option(const char *interface, size_t len)
{
    int row = find(interface, len);
    return row < 0 ? NULL : names[row].option;
}
