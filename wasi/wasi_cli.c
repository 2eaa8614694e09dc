/* wasi_cli.c - wasi:cli: arguments, environment, exit, standard streams. */
#include "wasi/ifaces.h"
#include "wasi/internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- environment ------------------------------------------------------- */

static vm_status get_environment(cm_call *call, void *host,
                                 const cm_value *args, cm_value *result)
{
    const wasi_ctx *ctx = host;
    cm_value *items = wasi_values(call, ctx->nenv);
    cm_value *pairs = wasi_values(call, ctx->nenv * 2);
    if (!items || !pairs)
        return wasi_no_memory(call);
    for (size_t i = 0; i < ctx->nenv; i++, pairs += 2) {
        const char *text = ctx->env[i], *equals = strchrnul(text, '=');
        pairs[0].str.data = text;
        pairs[0].str.len = (size_t)(equals - text);
        pairs[1] = wasi_string(*equals ? equals + 1 : "");
        items[i].list.items = pairs;
        items[i].list.len = 2;
    }
    result->list.items = items;
    result->list.len = ctx->nenv;
    return VM_OK;
}

static vm_status get_arguments(cm_call *call, void *host, const cm_value *args,
                               cm_value *result)
{
    const wasi_ctx *ctx = host;
    cm_value *items = wasi_values(call, ctx->nargs);
    if (!items)
        return wasi_no_memory(call);
    for (size_t i = 0; i < ctx->nargs; i++)
        items[i] = wasi_string(ctx->args[i]);
    result->list.items = items;
    result->list.len = ctx->nargs;
    return VM_OK;
}

static vm_status initial_cwd(cm_call *call, void *host, const cm_value *args,
                             cm_value *result)
{
    return cm_some(call, result, NULL);
}

const cm_host_interface wasi_iface_environment = {
    .name = "wasi:cli/environment",
    .funcs = (const cm_host_func[]){{"get-environment", get_environment},
                                    {"get-arguments", get_arguments},
                                    {"initial-cwd", initial_cwd},
                                    {0}},
};

/* ---- exit -------------------------------------------------------------- */

static vm_status cli_exit(cm_call *call, void *host, const cm_value *args,
                          cm_value *result)
{
    return cm_exit(call, args[0].variant.index ? 1 : 0);
}

static vm_status exit_with_code(cm_call *call, void *host, const cm_value *args,
                                cm_value *result)
{
    return cm_exit(call, (int)args[0].u);
}

const cm_host_interface wasi_iface_exit = {
    .name = "wasi:cli/exit",
    .funcs = (const cm_host_func[]){{"exit", cli_exit},
                                    {"exit-with-code", exit_with_code},
                                    {0}},
};

/* ---- standard streams -------------------------------------------------- */

/* A stream of its own over the shared descriptor: the guest may ask twice, and
 * drop one while it uses the other. */
static int duplicate(const wasi_ctx *ctx, int which)
{
    int fd = ctx->stdio[which];
    return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static vm_status own_input(cm_call *call, cm_value *result, int fd)
{
    wasi_input *in = wasi_input_create(fd, NULL);
    if (!in && fd >= 0)
        close(fd);
    return wasi_own(call, result, in);
}

static vm_status own_output(cm_call *call, cm_value *result, int fd)
{
    wasi_output *out = wasi_output_create(fd, NULL);
    if (!out && fd >= 0)
        close(fd);
    return wasi_own(call, result, out);
}

static vm_status get_stdin(cm_call *call, void *host, const cm_value *args,
                           cm_value *result)
{
    return own_input(call, result, duplicate(host, 0));
}

static vm_status get_stdout(cm_call *call, void *host, const cm_value *args,
                            cm_value *result)
{
    return own_output(call, result, duplicate(host, 1));
}

static vm_status get_stderr(cm_call *call, void *host, const cm_value *args,
                            cm_value *result)
{
    return own_output(call, result, duplicate(host, 2));
}

const cm_host_interface wasi_iface_stdin = {
    .name = "wasi:cli/stdin",
    .funcs = (const cm_host_func[]){{"get-stdin", get_stdin}, {0}},
};
const cm_host_interface wasi_iface_stdout = {
    .name = "wasi:cli/stdout",
    .funcs = (const cm_host_func[]){{"get-stdout", get_stdout}, {0}},
};
const cm_host_interface wasi_iface_stderr = {
    .name = "wasi:cli/stderr",
    .funcs = (const cm_host_func[]){{"get-stderr", get_stderr}, {0}},
};

/* ---- terminals --------------------------------------------------------- */

static void terminal_finish(void *self)
{
    free(self);
}

/* The resources have no functions yet: a handle only says "a terminal". */
static vm_status terminal(cm_call *call, const wasi_ctx *ctx, int which,
                          cm_value *result)
{
    int fd = ctx->stdio[which];
    if (fd < 0 || !isatty(fd))
        return cm_some(call, result, NULL);
    wasi_object *object = wasi_object_create(sizeof *object, terminal_finish);
    if (!object)
        return wasi_no_memory(call);
    return cm_some(call, result, &(cm_value){.rep = object});
}

static vm_status get_terminal_stdin(cm_call *call, void *host,
                                    const cm_value *args, cm_value *result)
{
    return terminal(call, host, 0, result);
}

static vm_status get_terminal_stdout(cm_call *call, void *host,
                                     const cm_value *args, cm_value *result)
{
    return terminal(call, host, 1, result);
}

static vm_status get_terminal_stderr(cm_call *call, void *host,
                                     const cm_value *args, cm_value *result)
{
    return terminal(call, host, 2, result);
}

static const cm_host_func no_funcs[] = {{0}};

const cm_host_interface wasi_iface_terminal_input = {
    .name = "wasi:cli/terminal-input",
    .funcs = no_funcs,
    .resources = (const cm_host_resource[]){{"terminal-input", wasi_drop}, {0}},
};
const cm_host_interface wasi_iface_terminal_output = {
    .name = "wasi:cli/terminal-output",
    .funcs = no_funcs,
    .resources =
        (const cm_host_resource[]){{"terminal-output", wasi_drop}, {0}},
};
const cm_host_interface wasi_iface_terminal_stdin = {
    .name = "wasi:cli/terminal-stdin",
    .funcs =
        (const cm_host_func[]){{"get-terminal-stdin", get_terminal_stdin}, {0}},
};
const cm_host_interface wasi_iface_terminal_stdout = {
    .name = "wasi:cli/terminal-stdout",
    .funcs =
        (const cm_host_func[]){{"get-terminal-stdout", get_terminal_stdout},
                               {0}},
};
const cm_host_interface wasi_iface_terminal_stderr = {
    .name = "wasi:cli/terminal-stderr",
    .funcs =
        (const cm_host_func[]){{"get-terminal-stderr", get_terminal_stderr},
                               {0}},
};

/* ---- as in 0.3 -------------------------------------------------------------
 */

const cm_host_interface wasi_p3_environment = {
    .name = "wasi:cli/environment@0.3",
    .funcs = (const cm_host_func[]){{"get-environment", get_environment},
                                    {"get-arguments", get_arguments},
                                    {"get-initial-cwd", initial_cwd},
                                    {0}},
};
const cm_host_interface wasi_p3_exit = {
    .name = "wasi:cli/exit@0.3",
    .funcs = (const cm_host_func[]){{"exit", cli_exit},
                                    {"exit-with-code", exit_with_code},
                                    {0}},
};
const cm_host_interface wasi_p3_terminal_input = {
    .name = "wasi:cli/terminal-input@0.3",
    .funcs = no_funcs,
    .resources = (const cm_host_resource[]){{"terminal-input", wasi_drop}, {0}},
};
const cm_host_interface wasi_p3_terminal_output = {
    .name = "wasi:cli/terminal-output@0.3",
    .funcs = no_funcs,
    .resources =
        (const cm_host_resource[]){{"terminal-output", wasi_drop}, {0}},
};
const cm_host_interface wasi_p3_terminal_stdin = {
    .name = "wasi:cli/terminal-stdin@0.3",
    .funcs =
        (const cm_host_func[]){{"get-terminal-stdin", get_terminal_stdin}, {0}},
};
const cm_host_interface wasi_p3_terminal_stdout = {
    .name = "wasi:cli/terminal-stdout@0.3",
    .funcs =
        (const cm_host_func[]){{"get-terminal-stdout", get_terminal_stdout},
                               {0}},
};
const cm_host_interface wasi_p3_terminal_stderr = {
    .name = "wasi:cli/terminal-stderr@0.3",
    .funcs =
        (const cm_host_func[]){{"get-terminal-stderr", get_terminal_stderr},
                               {0}},
};
