/*
 * wasi_config.c - wasi:config/store and wasi:logging/logging.
 *
 * Configuration is a list of NAME=VALUE that the host gives; where it gives
 * none apart, the environment serves.  A log message is a line on standard
 * error, which for an app of the desktop is its log.
 */
#include "wasi/ifaces.h"
#include "wasi/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- config ------------------------------------------------------------ */

static char *const *settings(const wasi_ctx *ctx, size_t *count)
{
    *count = ctx->nsettings ? ctx->nsettings : ctx->nenv;
    return ctx->nsettings ? ctx->settings : ctx->env;
}

static vm_status config_get(cm_call *call, void *host, const cm_value *args,
                            cm_value *result)
{
    size_t count, len = args[0].str.len;
    char *const *all = settings(host, &count);
    cm_value option, value;
    bool found = false;
    for (size_t i = 0; !found && i < count; i++) {
        found = strcspn(all[i], "=") == len &&
                !memcmp(all[i], args[0].str.data, len);
        if (found)
            value = wasi_string(all[i] + len + (all[i][len] == '='));
    }
    vm_status status = cm_some(call, &option, found ? &value : NULL);
    return status == VM_OK ? cm_ok(call, result, &option) : status;
}

static vm_status config_get_all(cm_call *call, void *host, const cm_value *args,
                                cm_value *result)
{
    size_t count;
    char *const *all = settings(host, &count);
    cm_value *items = wasi_values(call, count);
    cm_value *pairs = wasi_values(call, count * 2);
    if (!items || !pairs)
        return wasi_no_memory(call);
    for (size_t i = 0; i < count; i++, pairs += 2) {
        size_t len = strcspn(all[i], "=");
        pairs[0].str.data = all[i];
        pairs[0].str.len = len;
        pairs[1] = wasi_string(all[i] + len + (all[i][len] == '='));
        items[i].list.items = pairs;
        items[i].list.len = 2;
    }
    return wasi_ok_list(call, result, items, count);
}

static const cm_host_func config_funcs[] = {
    {"get", config_get}, {"get-all", config_get_all}, {0}};

const cm_host_interface wasi_iface_config = {
    .name = "wasi:config/store@0.2.0-draft", .funcs = config_funcs};
const cm_host_interface wasi_iface_config_rc = {
    .name = "wasi:config/store@0.2.0-rc.1", .funcs = config_funcs};

/* ---- logging ----------------------------------------------------------- */

/* One write per message, so that lines of several guests do not mix; line ends
 * inside a message must not pass for messages of their own. */
static vm_status log_message(cm_call *call, void *host, const cm_value *args,
                             cm_value *result)
{
    static const char *const levels[] = {"trace", "debug", "info",
                                         "warn",  "error", "critical"};
    enum { LINE_MAX_BYTES = 4096 };
    const wasi_ctx *ctx = host;
    char line[LINE_MAX_BYTES];
    const char *context = args[1].str.len ? args[1].str.data : "";
    int n = snprintf(line, sizeof line, "%s %.*s%s%.*s",
                     levels[args[0].variant.index], (int)args[1].str.len,
                     context, args[1].str.len ? ": " : "", (int)args[2].str.len,
                     args[2].str.len ? args[2].str.data : "");
    size_t len = n < LINE_MAX_BYTES ? (size_t)n : LINE_MAX_BYTES - 1;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < ' ')
            line[i] = ' ';
    line[len++] = '\n';
    if (ctx->stdio[2] >= 0)
        (void)!write(ctx->stdio[2], line, len);
    return VM_OK;
}

const cm_host_interface wasi_iface_logging = {
    .name = "wasi:logging/logging",
    .funcs = (const cm_host_func[]){{"log", log_message}, {0}},
};
