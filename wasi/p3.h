/*
 * p3.h - what the WASI 0.3 interfaces (p3_*.c) are made of: host functions
 * that wait, and byte streams as the host's end of a stream<u8> with the
 * future<result<_, error-code>> that goes with it.
 */
#ifndef VYOMA_WASI_P3_H
#define VYOMA_WASI_P3_H

#include "wasi/file.h"
#include "wasi/internal.h"

/* Answers VM_PENDING for a host function, stream or future that waits for
 * `wait`; it is tried again once that is ready. */
VM_MUST_CHECK vm_status wasi_p3_wait(cm_call *call, wasi_ctx *ctx,
                                     const wasi_wait *wait);

/* The same where another operation of the guest is what changes things. */
VM_MUST_CHECK vm_status wasi_p3_idle(cm_call *call, wasi_ctx *ctx);

/* cm_stream_from_host, cm_future_from_host and cm_stream_to_host for sources
 * and sinks that wait so. */
VM_MUST_CHECK vm_status wasi_p3_stream(cm_call *call, wasi_ctx *ctx,
                                       const cm_source *source, void *state,
                                       cm_value *out);
VM_MUST_CHECK vm_status wasi_p3_future(cm_call *call, wasi_ctx *ctx,
                                       const cm_source *source, void *state,
                                       cm_value *out);
VM_MUST_CHECK vm_status wasi_p3_sink(cm_call *call, wasi_ctx *ctx,
                                     const cm_value *value,
                                     const cm_sink_ops *sink, void *state);

/* A variant's case other(option<string>), with none. */
VM_MUST_CHECK vm_status wasi_p3_other(cm_call *call, uint64_t index,
                                      cm_value *out);
/* An interface's error-code for an errno. */
typedef vm_status (*wasi_p3_error)(cm_call *call, int number, cm_value *out);

/*
 * result: tuple<stream<u8>, future<result<_, error-code>>> over `in`, whose
 * reference passes; with `number` (an errno) instead of `in`, one that fails.
 */
VM_MUST_CHECK vm_status wasi_p3_input(cm_call *call, wasi_ctx *ctx,
                                      wasi_input *in, int number,
                                      wasi_p3_error error, cm_value *result);
/* result: future<result<_, error-code>> of writing `stream` to `out`. */
VM_MUST_CHECK vm_status wasi_p3_output(cm_call *call, wasi_ctx *ctx,
                                       const cm_value *stream, wasi_output *out,
                                       int number, wasi_p3_error error,
                                       cm_value *result);
/* The same as input, for other streams: `read` as in cm_source, with `owner`
 * as state, whose reference passes; it sets *number to fail. */
typedef vm_status (*wasi_p3_read)(void *owner, cm_call *call, void *out,
                                  size_t max, size_t *n, int *number);
VM_MUST_CHECK vm_status wasi_p3_source(cm_call *call, wasi_ctx *ctx,
                                       void *owner, wasi_p3_read read,
                                       int number, wasi_p3_error error,
                                       cm_value *result);

void wasi_p3_destroy(struct wasi_p3 *p3);

#endif
