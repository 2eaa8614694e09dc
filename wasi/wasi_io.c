/* wasi_io.c - wasi:io/{error,poll,streams}, the skin over io.h. */
#include "wasi/ifaces.h"
#include "wasi/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCKING_MAX = 4096, /* of blocking-write-and-flush, says the WIT */
    POLL_MAX = 1 << 16,  /* pollables in one call */
};

/* ---- error ------------------------------------------------------------- */

static void error_finish(void *self)
{
    free(self);
}

wasi_error *wasi_error_create(int number, bool network)
{
    wasi_error *error = wasi_object_create(sizeof *error, error_finish);
    if (!error)
        return NULL;
    error->number = number;
    error->network = network;
    return error;
}

static vm_status to_debug_string(cm_call *call, void *host,
                                 const cm_value *args, cm_value *result)
{
    const wasi_error *error = args[0].rep;
    const char *text = strerrordesc_np(error->number);
    *result = wasi_string(text ? text : "unknown error");
    return VM_OK;
}

const cm_host_interface wasi_iface_error = {
    .name = "wasi:io/error",
    .funcs =
        (const cm_host_func[]){
            {"[method]error.to-debug-string", to_debug_string}, {0}},
    .resources = (const cm_host_resource[]){{"error", wasi_drop}, {0}},
};

/* ---- poll -------------------------------------------------------------- */

static vm_status pollable_ready(cm_call *call, void *host, const cm_value *args,
                                cm_value *result)
{
    result->u = wasi_pollable_ready(args[0].rep);
    return VM_OK;
}

static vm_status wait_outcome(cm_call *call, int error)
{
    if (error == EINTR)
        return cm_trap(call, "interrupted while waiting");
    return error ? wasi_no_memory(call) : VM_OK;
}

static vm_status pollable_block(cm_call *call, void *host, const cm_value *args,
                                cm_value *result)
{
    wasi_pollable *pollable = args[0].rep;
    wasi_wait wait;
    return wait_outcome(call, wasi_wait_pollables(host, &pollable, &wait, 1));
}

static vm_status poll(cm_call *call, void *host, const cm_value *args,
                      cm_value *result)
{
    size_t count = args[0].list.len, found = 0;
    if (!count)
        return cm_trap(call, "wasi:io/poll.poll of an empty list");
    if (count > POLL_MAX)
        return cm_trap(call, "wasi:io/poll.poll of %zu pollables: at most %d",
                       count, POLL_MAX);
    wasi_wait *waits = cm_alloc(call, count * sizeof *waits);
    wasi_pollable **pollables = cm_alloc(call, count * sizeof(void *));
    cm_value *ready = wasi_values(call, count);
    if (!waits || !pollables || !ready)
        return wasi_no_memory(call);
    for (size_t i = 0; i < count; i++)
        pollables[i] = args[0].list.items[i].rep;
    vm_status status =
        wait_outcome(call, wasi_wait_pollables(host, pollables, waits, count));
    if (status != VM_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        if (waits[i].ready)
            ready[found++].u = i;
    result->list.items = ready;
    result->list.len = found;
    return VM_OK;
}

const cm_host_interface wasi_iface_poll = {
    .name = "wasi:io/poll",
    .funcs = (const cm_host_func[]){{"poll", poll},
                                    {"[method]pollable.ready", pollable_ready},
                                    {"[method]pollable.block", pollable_block},
                                    {0}},
    .resources = (const cm_host_resource[]){{"pollable", wasi_drop}, {0}},
};

/* ---- streams: results -------------------------------------------------- */

/* The variant stream-error. */
enum { LAST_OPERATION_FAILED, CLOSED };

/* Turns WASI_CLOSED or WASI_FAILED into the error of a result. */
static vm_status stream_error(cm_call *call, cm_value *result, ssize_t code,
                              int number, bool network)
{
    cm_value payload, error = {.variant = {.index = CLOSED}};
    if (code == WASI_FAILED) {
        vm_status status =
            wasi_own(call, &payload, wasi_error_create(number, network));
        if (status != VM_OK)
            return status;
        error.variant.index = LAST_OPERATION_FAILED;
        error.variant.payload = &payload;
    }
    cm_value *kept = wasi_values(call, 1);
    if (!kept) {
        if (code == WASI_FAILED)
            wasi_release(payload.rep);
        return wasi_no_memory(call);
    }
    if (error.variant.payload) {
        *kept = payload;
        error.variant.payload = kept;
    }
    return cm_err(call, result, &error);
}

static vm_status input_error(cm_call *call, cm_value *result,
                             const wasi_input *in, ssize_t code)
{
    return stream_error(call, result, code, in->error, in->network);
}

static vm_status output_error(cm_call *call, cm_value *result,
                              const wasi_output *out, ssize_t code)
{
    return stream_error(call, result, code, out->error, out->network);
}

static vm_status ok_count(cm_call *call, cm_value *result, uint64_t count)
{
    return cm_ok(call, result, &(cm_value){.u = count});
}

/* ---- input-stream ------------------------------------------------------ */

static vm_status wait_input(cm_call *call, wasi_ctx *ctx, wasi_input *in)
{
    wasi_wait wait = {.fd = -1, .deadline = WASI_NEVER};
    wasi_input_prepare(in, &wait);
    return wait.ready ? VM_OK : wasi_block(call, ctx, &wait, 1);
}

static vm_status wait_output(cm_call *call, wasi_ctx *ctx, wasi_output *out)
{
    wasi_wait wait = {.fd = -1, .deadline = WASI_NEVER};
    wasi_output_prepare(out, &wait);
    return wait.ready ? VM_OK : wasi_block(call, ctx, &wait, 1);
}

/*
 * Reads into the scratch buffer.  When `blocking`, waits until there is a byte,
 * an end or an error.  *n is as from wasi_input_read.
 */
static vm_status read_scratch(cm_call *call, wasi_ctx *ctx, wasi_input *in,
                              uint64_t len, bool blocking, ssize_t *n)
{
    uint8_t *scratch = wasi_scratch(ctx);
    if (!scratch)
        return wasi_no_memory(call);
    size_t want = len < WASI_SCRATCH_SIZE ? len : WASI_SCRATCH_SIZE;
    for (;;) {
        *n = wasi_input_read(in, scratch, want);
        if (*n || !want || !blocking)
            return VM_OK;
        vm_status status = wait_input(call, ctx, in);
        if (status != VM_OK)
            return status;
    }
}

static vm_status read_with(cm_call *call, wasi_ctx *ctx, const cm_value *args,
                           cm_value *result, bool blocking)
{
    wasi_input *in = args[0].rep;
    ssize_t n;
    vm_status status = read_scratch(call, ctx, in, args[1].u, blocking, &n);
    if (status != VM_OK)
        return status;
    if (n < 0)
        return input_error(call, result, in, n);
    cm_value bytes = {.bytes = {.data = ctx->scratch, .len = (size_t)n}};
    return cm_ok(call, result, &bytes);
}

static vm_status skip_with(cm_call *call, wasi_ctx *ctx, const cm_value *args,
                           cm_value *result, bool blocking)
{
    wasi_input *in = args[0].rep;
    ssize_t n;
    vm_status status = read_scratch(call, ctx, in, args[1].u, blocking, &n);
    if (status != VM_OK)
        return status;
    return n < 0 ? input_error(call, result, in, n)
                 : ok_count(call, result, (uint64_t)n);
}

static vm_status input_read(cm_call *call, void *host, const cm_value *args,
                            cm_value *result)
{
    return read_with(call, host, args, result, false);
}

static vm_status input_blocking_read(cm_call *call, void *host,
                                     const cm_value *args, cm_value *result)
{
    return read_with(call, host, args, result, true);
}

static vm_status input_skip(cm_call *call, void *host, const cm_value *args,
                            cm_value *result)
{
    return skip_with(call, host, args, result, false);
}

static vm_status input_blocking_skip(cm_call *call, void *host,
                                     const cm_value *args, cm_value *result)
{
    return skip_with(call, host, args, result, true);
}

static vm_status input_subscribe(cm_call *call, void *host,
                                 const cm_value *args, cm_value *result)
{
    return wasi_own(call, result,
                    wasi_pollable_create(args[0].rep, wasi_input_prepare));
}

/* ---- output-stream ----------------------------------------------------- */

static vm_status check_write(cm_call *call, void *host, const cm_value *args,
                             cm_value *result)
{
    wasi_output *out = args[0].rep;
    ssize_t n = wasi_output_check(out);
    if (n < 0)
        return output_error(call, result, out, n);
    out->permitted = (size_t)n;
    return ok_count(call, result, (uint64_t)n);
}

static vm_status over_permit(cm_call *call, const wasi_output *out,
                             uint64_t len)
{
    return cm_trap(call, "write of %llu bytes: check-write permitted %zu",
                   (unsigned long long)len, out->permitted);
}

static vm_status output_write(cm_call *call, void *host, const cm_value *args,
                              cm_value *result)
{
    wasi_output *out = args[0].rep;
    size_t len = args[1].bytes.len;
    if (len > out->permitted)
        return over_permit(call, out, len);
    out->permitted -= len;
    ssize_t n = wasi_output_write(out, args[1].bytes.data, len);
    return n < 0 ? output_error(call, result, out, n)
                 : cm_ok(call, result, NULL);
}

/* Waits until everything accepted has gone out. */
static vm_status drain(cm_call *call, wasi_ctx *ctx, wasi_output *out,
                       cm_value *result)
{
    for (;;) {
        ssize_t done = wasi_output_flush(out);
        if (done < 0)
            return output_error(call, result, out, done);
        if (done)
            return cm_ok(call, result, NULL);
        vm_status status = wait_output(call, ctx, out);
        if (status != VM_OK)
            return status;
    }
}

static vm_status write_drain(cm_call *call, wasi_ctx *ctx, wasi_output *out,
                             const void *data, size_t len, cm_value *result)
{
    out->permitted = 0;
    ssize_t n = wasi_output_write(out, data, len);
    if (n < 0)
        return output_error(call, result, out, n);
    return drain(call, ctx, out, result);
}

static vm_status blocking_write_and_flush(cm_call *call, void *host,
                                          const cm_value *args,
                                          cm_value *result)
{
    if (args[1].bytes.len > BLOCKING_MAX)
        return cm_trap(call,
                       "blocking-write-and-flush of %zu bytes: at most %d",
                       args[1].bytes.len, BLOCKING_MAX);
    return write_drain(call, host, args[0].rep, args[1].bytes.data,
                       args[1].bytes.len, result);
}

static vm_status output_flush(cm_call *call, void *host, const cm_value *args,
                              cm_value *result)
{
    wasi_output *out = args[0].rep;
    ssize_t n = wasi_output_flush(out);
    return n < 0 ? output_error(call, result, out, n)
                 : cm_ok(call, result, NULL);
}

static vm_status blocking_flush(cm_call *call, void *host, const cm_value *args,
                                cm_value *result)
{
    return drain(call, host, args[0].rep, result);
}

static vm_status output_subscribe(cm_call *call, void *host,
                                  const cm_value *args, cm_value *result)
{
    return wasi_own(call, result,
                    wasi_pollable_create(args[0].rep, wasi_output_prepare));
}

static const uint8_t zeroes[BLOCKING_MAX];

static vm_status write_zeroes(cm_call *call, void *host, const cm_value *args,
                              cm_value *result)
{
    wasi_output *out = args[0].rep;
    uint64_t left = args[1].u;
    if (left > out->permitted)
        return over_permit(call, out, left);
    out->permitted -= left;
    while (left) {
        size_t part = left < sizeof zeroes ? left : sizeof zeroes;
        ssize_t n = wasi_output_write(out, zeroes, part);
        if (n < 0)
            return output_error(call, result, out, n);
        left -= part;
    }
    return cm_ok(call, result, NULL);
}

static vm_status blocking_write_zeroes(cm_call *call, void *host,
                                       const cm_value *args, cm_value *result)
{
    if (args[1].u > BLOCKING_MAX)
        return cm_trap(call,
                       "blocking-write-zeroes-and-flush of %llu bytes: "
                       "at most %d",
                       (unsigned long long)args[1].u, BLOCKING_MAX);
    return write_drain(call, host, args[0].rep, zeroes, args[1].u, result);
}

static vm_status splice_with(cm_call *call, wasi_ctx *ctx, const cm_value *args,
                             cm_value *result, bool blocking)
{
    wasi_output *out = args[0].rep;
    wasi_input *in = args[1].rep;
    uint64_t len = args[2].u;
    ssize_t room, n;
    vm_status status;
    while (!(room = wasi_output_check(out)) && blocking) {
        status = wait_output(call, ctx, out);
        if (status != VM_OK)
            return status;
    }
    if (room < 0)
        return output_error(call, result, out, room);
    out->permitted = 0;
    if ((uint64_t)room < len)
        len = (uint64_t)room;
    status = read_scratch(call, ctx, in, len, blocking, &n);
    if (status != VM_OK)
        return status;
    if (n < 0)
        return input_error(call, result, in, n);
    ssize_t written = wasi_output_write(out, ctx->scratch, (size_t)n);
    return written < 0 ? output_error(call, result, out, written)
                       : ok_count(call, result, (uint64_t)n);
}

static vm_status output_splice(cm_call *call, void *host, const cm_value *args,
                               cm_value *result)
{
    return splice_with(call, host, args, result, false);
}

static vm_status blocking_splice(cm_call *call, void *host,
                                 const cm_value *args, cm_value *result)
{
    return splice_with(call, host, args, result, true);
}

static const cm_host_func stream_funcs[] = {
    {"[method]input-stream.read", input_read},
    {"[method]input-stream.blocking-read", input_blocking_read},
    {"[method]input-stream.skip", input_skip},
    {"[method]input-stream.blocking-skip", input_blocking_skip},
    {"[method]input-stream.subscribe", input_subscribe},
    {"[method]output-stream.check-write", check_write},
    {"[method]output-stream.write", output_write},
    {"[method]output-stream.blocking-write-and-flush",
     blocking_write_and_flush},
    {"[method]output-stream.flush", output_flush},
    {"[method]output-stream.blocking-flush", blocking_flush},
    {"[method]output-stream.subscribe", output_subscribe},
    {"[method]output-stream.write-zeroes", write_zeroes},
    {"[method]output-stream.blocking-write-zeroes-and-flush",
     blocking_write_zeroes},
    {"[method]output-stream.splice", output_splice},
    {"[method]output-stream.blocking-splice", blocking_splice},
    {0},
};

const cm_host_interface wasi_iface_streams = {
    .name = "wasi:io/streams",
    .funcs = stream_funcs,
    .resources = (const cm_host_resource[]){{"input-stream", wasi_drop},
                                            {"output-stream", wasi_drop},
                                            {0}},
};
