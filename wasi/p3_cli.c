/*
 * p3_cli.c - wasi:cli 0.3's standard streams, and wasi:clocks 0.3.  What is as
 * in 0.2 (environment, exit, terminals, random) has its 0.3 table beside the
 * 0.2 one.
 */
#include "wasi/ifaces.h"
#include "wasi/p3.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000 };

static const cm_host_func no_funcs[] = {{0}};

/* ---- standard streams -----------------------------------------------------
 */

/* error-code: io, illegal-byte-sequence, pipe */
static vm_status cli_error(cm_call *call, int number, cm_value *out)
{
    out->variant.payload = NULL;
    out->variant.index = number == EILSEQ ? 1 : number == EPIPE ? 2 : 0;
    return VM_OK;
}

static int duplicate(const wasi_ctx *ctx, int which)
{
    int fd = ctx->stdio[which];
    return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static vm_status read_stdin(cm_call *call, void *host, const cm_value *args,
                            cm_value *result)
{
    int fd = duplicate(host, 0);
    wasi_input *in = wasi_input_create(fd, NULL);
    if (!in && fd >= 0)
        close(fd);
    return wasi_p3_input(call, host, in, 0, cli_error, result);
}

static vm_status write_output(cm_call *call, wasi_ctx *ctx, int which,
                              const cm_value *stream, cm_value *result)
{
    int fd = duplicate(ctx, which);
    wasi_output *out = wasi_output_create(fd, NULL);
    if (!out && fd >= 0)
        close(fd);
    return wasi_p3_output(call, ctx, stream, out, 0, cli_error, result);
}

static vm_status write_stdout(cm_call *call, void *host, const cm_value *args,
                              cm_value *result)
{
    return write_output(call, host, 1, &args[0], result);
}

static vm_status write_stderr(cm_call *call, void *host, const cm_value *args,
                              cm_value *result)
{
    return write_output(call, host, 2, &args[0], result);
}

const cm_host_interface wasi_p3_cli_types = {
    .name = "wasi:cli/types@0.3",
    .funcs = no_funcs,
};
const cm_host_interface wasi_p3_stdin = {
    .name = "wasi:cli/stdin@0.3",
    .funcs = (const cm_host_func[]){{"read-via-stream", read_stdin}, {0}},
};
const cm_host_interface wasi_p3_stdout = {
    .name = "wasi:cli/stdout@0.3",
    .funcs = (const cm_host_func[]){{"write-via-stream", write_stdout}, {0}},
};
const cm_host_interface wasi_p3_stderr = {
    .name = "wasi:cli/stderr@0.3",
    .funcs = (const cm_host_func[]){{"write-via-stream", write_stderr}, {0}},
};

/* ---- clocks ---------------------------------------------------------------
 */

static vm_status monotonic_now(cm_call *call, void *host, const cm_value *args,
                               cm_value *result)
{
    result->u = wasi_clock_coarsen(host, wasi_now_ns());
    return VM_OK;
}

static vm_status monotonic_resolution(cm_call *call, void *host,
                                      const cm_value *args, cm_value *result)
{
    result->u = wasi_clock_resolution(host, CLOCK_MONOTONIC);
    return VM_OK;
}

static vm_status wait_until(cm_call *call, void *host, const cm_value *args,
                            cm_value *result)
{
    if (wasi_now_ns() >= args[0].u)
        return VM_OK;
    return wasi_p3_wait(call, host,
                        &(wasi_wait){.fd = -1, .deadline = args[0].u});
}

static vm_status wait_for(cm_call *call, void *host, const cm_value *args,
                          cm_value *result)
{
    cm_value *deadline = cm_call_state(call);
    if (!deadline) { /* the first time */
        deadline = cm_alloc(call, sizeof *deadline);
        if (!deadline)
            return wasi_no_memory(call);
        if (__builtin_add_overflow(wasi_now_ns(), args[0].u, &deadline->u))
            deadline->u = WASI_NEVER - 1;
        cm_call_set_state(call, deadline, NULL);
    }
    return wait_until(call, host, deadline, result);
}

static vm_status system_now(cm_call *call, void *host, const cm_value *args,
                            cm_value *result)
{
    struct timespec now;
    cm_value *fields = wasi_values(call, 2);
    if (!fields)
        return wasi_no_memory(call);
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ns = wasi_clock_coarsen(host, (uint64_t)now.tv_sec * NS_PER_S +
                                               (uint64_t)now.tv_nsec);
    fields[0].s = (int64_t)(ns / NS_PER_S);
    fields[1].u = ns % NS_PER_S;
    result->list.items = fields;
    result->list.len = 2;
    return VM_OK;
}

static vm_status system_resolution(cm_call *call, void *host,
                                   const cm_value *args, cm_value *result)
{
    result->u = wasi_clock_resolution(host, CLOCK_REALTIME);
    return VM_OK;
}

/* As in 0.2 a guest is told UTC. */
static vm_status iana_id(cm_call *call, void *host, const cm_value *args,
                         cm_value *result)
{
    return cm_some(call, result, &(cm_value){.str = {"UTC", 3}});
}

static vm_status utc_offset(cm_call *call, void *host, const cm_value *args,
                            cm_value *result)
{
    return cm_some(call, result, &(cm_value){.s = 0});
}

static vm_status debug_string(cm_call *call, void *host, const cm_value *args,
                              cm_value *result)
{
    *result = wasi_string("UTC");
    return VM_OK;
}

const cm_host_interface wasi_p3_clocks_types = {
    .name = "wasi:clocks/types@0.3",
    .funcs = no_funcs,
};
const cm_host_interface wasi_p3_monotonic_clock = {
    .name = "wasi:clocks/monotonic-clock@0.3",
    .funcs = (const cm_host_func[]){{"now", monotonic_now},
                                    {"get-resolution", monotonic_resolution},
                                    {"wait-until", wait_until},
                                    {"wait-for", wait_for},
                                    {0}},
};
const cm_host_interface wasi_p3_system_clock = {
    .name = "wasi:clocks/system-clock@0.3",
    .funcs = (const cm_host_func[]){{"now", system_now},
                                    {"get-resolution", system_resolution},
                                    {0}},
};
const cm_host_interface wasi_p3_timezone = {
    .name = "wasi:clocks/timezone@0.3",
    .funcs = (const cm_host_func[]){{"iana-id", iana_id},
                                    {"utc-offset", utc_offset},
                                    {"to-debug-string", debug_string},
                                    {0}},
};
