/*
 * ctx.c - the context of one guest: everything it was granted, and helpers
 * that build the results of host functions.
 */
#include "wasi/file.h"
#include "wasi/internal.h"
#include "wasi/net.h"
#include "wasi/p3.h"
#include "wasi/preview1.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static void free_strings(char **strings)
{
    for (size_t i = 0; strings && strings[i]; i++)
        free(strings[i]);
    free(strings);
}

static char **copy_strings(const char *const *from, size_t count)
{
    char **to = calloc(count + 1, sizeof *to);
    for (size_t i = 0; to && i < count; i++) {
        to[i] = strdup(from[i]);
        if (!to[i]) {
            free_strings(to);
            return NULL;
        }
    }
    return to;
}

static bool copy_preopens(wasi_ctx *ctx, const wasi_config *config)
{
    ctx->preopens = calloc(config->npreopens + 1, sizeof *ctx->preopens);
    for (size_t i = 0; ctx->preopens && i < config->npreopens; i++) {
        const wasi_preopen *from = &config->preopens[i];
        wasi_dir_grant *to = &ctx->preopens[ctx->npreopens++];
        to->guest_path = strdup(from->guest_path);
        to->dir = wasi_file_create_preopen(from->fd, from->writable);
        if (!to->guest_path || !to->dir)
            return false;
    }
    return ctx->preopens != NULL;
}

vm_status wasi_ctx_create(const wasi_config *config, wasi_ctx **out,
                          vm_error *err)
{
    wasi_ctx *ctx = calloc(1, sizeof *ctx);
    if (!ctx)
        goto no_memory;
    ctx->capabilities = config->capabilities;
    ctx->stdio[0] = config->stdin_fd;
    ctx->stdio[1] = config->stdout_fd;
    ctx->stdio[2] = config->stderr_fd;
    ctx->net = config->net;
    ctx->http_net = config->http_net ? config->http_net : config->net;
    ctx->trust = config->trust;
    ctx->display_fd = config->display_fd;
    ctx->ipc_fd = config->ipc_fd;
    ctx->process_fd = config->process_fd;
    ctx->clock_resolution_ns = config->clock_resolution_ns;
    ctx->waiting = config->waiting;
    ctx->waiting_data = config->waiting_data;
    ctx->nargs = config->nargs;
    ctx->nenv = config->nenv;
    ctx->nsettings = config->nsettings;
    wasi_random_fill(&ctx->secret, sizeof ctx->secret);
    ctx->args = copy_strings(config->args, config->nargs);
    ctx->env = copy_strings(config->env, config->nenv);
    ctx->settings = copy_strings(config->settings, config->nsettings);
    if (!ctx->args || !ctx->env || !ctx->settings ||
        !copy_preopens(ctx, config))
        goto no_memory;
    *out = ctx;
    return VM_OK;
no_memory:
    wasi_ctx_destroy(ctx);
    vm_error_set(err, VM_PHASE_LINK, SIZE_MAX,
                 "out of memory for the program's context");
    return VM_NO_MEMORY;
}

static void close_fds(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

void wasi_ctx_destroy(wasi_ctx *ctx)
{
    if (!ctx)
        return;
    wasi_preview1_destroy(ctx->preview1);
    wasi_p3_destroy(ctx->p3);
    vyoma_display_destroy(ctx->display);
    vyoma_ipc_destroy(ctx->ipc);
    for (size_t i = 0; i < ctx->npreopens; i++) {
        wasi_release(ctx->preopens[i].dir);
        free(ctx->preopens[i].guest_path);
    }
    free(ctx->preopens);
    free_strings(ctx->args);
    free_strings(ctx->env);
    free_strings(ctx->settings);
    close_fds(ctx->stdio, 3);
    close_fds((int[]){ctx->display_fd, ctx->ipc_fd, ctx->process_fd}, 3);
    if (ctx->http_net != ctx->net)
        wasi_net_destroy(ctx->http_net);
    wasi_net_destroy(ctx->net);
    wasi_release(ctx->keyvalue);
    free(ctx->scratch);
    free(ctx);
}

void wasi_ctx_interrupt(wasi_ctx *ctx)
{
    ctx->interrupted = 1;
}

bool wasi_ctx_is_interrupted(const wasi_ctx *ctx)
{
    return ctx->interrupted;
}

void wasi_ctx_resume(wasi_ctx *ctx)
{
    ctx->interrupted = 0;
}

uint8_t *wasi_scratch(wasi_ctx *ctx)
{
    if (!ctx->scratch)
        ctx->scratch = malloc(WASI_SCRATCH_SIZE);
    return ctx->scratch;
}

void wasi_random_fill(void *buf, size_t len)
{
    uint8_t *at = buf;
    while (len) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            abort(); /* no guest may run on predictable randomness */
        at += n;
        len -= (size_t)n;
    }
}

/* ---- results ----------------------------------------------------------- */

vm_status wasi_no_memory(cm_call *call)
{
    return cm_trap(call, "memory limit exceeded inside a host function");
}

vm_status wasi_block(cm_call *call, wasi_ctx *ctx, wasi_wait *set, size_t count)
{
    int error = wasi_wait_any(ctx, set, count);
    if (error == EINTR)
        return cm_trap(call, "interrupted while waiting");
    return error ? wasi_no_memory(call) : VM_OK;
}

vm_status wasi_own(cm_call *call, cm_value *result, void *rep)
{
    if (!rep)
        return wasi_no_memory(call);
    result->rep = rep;
    return VM_OK;
}

vm_status wasi_ok_own(cm_call *call, cm_value *result, void *rep)
{
    if (!rep)
        return wasi_no_memory(call);
    return cm_ok(call, result, &(cm_value){.rep = rep});
}

vm_status wasi_err_enum(cm_call *call, cm_value *result, uint64_t code)
{
    return cm_err(call, result, &(cm_value){.variant = {.index = code}});
}

vm_status wasi_outcome(wasi_error_fn lower, cm_call *call, cm_value *result,
                       int number)
{
    cm_value error;
    if (!number)
        return cm_ok(call, result, NULL);
    vm_status status = lower(call, number, &error);
    return status == VM_OK ? cm_err(call, result, &error) : status;
}

vm_status wasi_ok_list(cm_call *call, cm_value *result, cm_value *items,
                       size_t len)
{
    return cm_ok(call, result,
                 &(cm_value){.list = {.items = items, .len = len}});
}

cm_value *wasi_values(cm_call *call, size_t count)
{
    size_t size;
    if (__builtin_mul_overflow(count, sizeof(cm_value), &size))
        return NULL;
    return cm_alloc(call, size ? size : sizeof(cm_value));
}

cm_value wasi_string(const char *text)
{
    return (cm_value){.str = {.data = text, .len = strlen(text)}};
}
