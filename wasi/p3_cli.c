/*
 * p3_cli.c - wasi:cli 0.3's standard streams.  What is (nearly) as in 0.2
 * (environment, exit, terminals, clocks, random) has its 0.3 table beside the
 * 0.2 one.
 */
#include "wasi/ifaces.h"
#include "wasi/p3.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

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
    .funcs = (const cm_host_func[]){{0}},
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
