/*
 * p3_http.h - wasi:http 0.3, over http.h: p3_http.c has messages and the
 * tables, p3_http_send.c what sends and answers them.  The functions that mean
 * the same in 0.2 are 0.2's.
 */
#ifndef VYOMA_WASI_P3_HTTP_H
#define VYOMA_WASI_P3_HTTP_H

#include "wasi/p3.h"
#include "wasi/wasi_http.h"

/* Whether a message has been sent: what future<result<_, error-code>> of
 * `new` tells.  Shared by the message, that future, and who sends. */
typedef struct p3_sent {
    wasi_object object;
    wasi_ctx *ctx;
    bool known;
    http_error error; /* then; HTTP_OK */
    http_conn *conn;  /* else what it depends on; retained; NULL: nothing yet */
} p3_sent;

/*
 * request and response.  A guest's own holds what `new` got; one from a peer
 * has a connection, and its body is still there.
 */
typedef struct p3_message {
    http_outgoing base; /* its texts and fields; no body */
    wasi_ctx *ctx;
    http_conn *conn; /* retained; NULL: a guest's own */
    http_options *options;
    p3_sent *sent;
    bool has_contents, has_trailers; /* not given on yet */
    cm_value contents, trailers;     /* stream<u8>, future<...> */
} p3_message;

/* From a peer: what conn->head says.  NULL: out of memory. */
p3_message *p3_message_of(wasi_ctx *ctx, http_conn *conn);
/*
 * Gives a message's body on: a stream (*has_stream false: none) and the future
 * of its trailers, as values to lower or to take.
 */
VM_MUST_CHECK vm_status p3_message_body(cm_call *call, p3_message *message,
                                        bool *has_stream, cm_value *stream,
                                        cm_value *trailers);

/* Answers VM_PENDING until the connection can go on. */
VM_MUST_CHECK vm_status p3_http_wait(cm_call *call, wasi_ctx *ctx,
                                     const http_conn *conn);
/* error-code from the guest */
http_error p3_error_lift(const cm_value *value);

/* What a server asks of the guest: the argument of `handle`, and sending what
 * it returned, whose reference passes; the body follows while the guest runs
 * on. */
VM_MUST_CHECK vm_status p3_http_respond(cm_call *call, http_conn *conn,
                                        p3_message *response);

vm_status p3_http_client_send(cm_call *call, void *host, const cm_value *args,
                              cm_value *result);

#endif
