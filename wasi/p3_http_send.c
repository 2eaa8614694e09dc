/*
 * p3_http_send.c - wasi:http 0.3: messages on their way.  A head is written at
 * once; the body's stream and the future of its trailers become sinks over the
 * connection, which takes them while the guest runs.
 */
#include "wasi/p3_http.h"

#include <stdlib.h>
#include <string.h>

/* ---- a body on its way ------------------------------------------------- */

/* Shared by the two sinks. */
typedef struct sending {
    wasi_object object;
    wasi_ctx *ctx;
    http_conn *conn; /* retained */
    bool body_over, trailers_over;
    http_fields *trailers; /* owned */
} sending;

static void sending_finish(void *self)
{
    sending *s = self;
    wasi_release(s->conn);
    wasi_release(s->trailers);
    free(s);
}

/* A message ends with its trailers; one that was cut must not look whole.  A
 * server sees to that itself, once what there is has gone. */
static void advance(sending *s, bool complete)
{
    http_conn *conn = s->conn;
    if (!complete && !conn->server && !conn->out_ended)
        http_conn_fail(conn, HTTP_CONNECTION_TERMINATED);
    if (complete && s->body_over && s->trailers_over)
        (void)!http_conn_finish(conn, s->trailers);
}

static vm_status write_body(void *state, cm_call *call, const void *values,
                            size_t n, size_t *taken)
{
    sending *s = state;
    http_conn *conn = s->conn;
    http_conn_pump(conn);
    ssize_t done = http_conn_write(conn, values, n);
    http_conn_pump(conn);
    if (done > 0)
        *taken = (size_t)done;
    return done ? VM_OK : p3_http_wait(call, s->ctx, conn);
}

/* More than the Content-Length said: http_conn_write left an error. */
static void end_body(void *state, bool complete)
{
    sending *s = state;
    s->body_over = true;
    if (s->conn->state != HTTP_FAILED && s->conn->error)
        http_conn_fail(s->conn, s->conn->error);
    advance(s, complete);
    wasi_release(s);
}

/* result<option<trailers>, error-code> */
static vm_status take_trailers(void *state, cm_call *call, const void *values,
                               size_t n, size_t *taken)
{
    sending *s = state;
    const cm_value *outcome = values, *payload = outcome->variant.payload;
    *taken = 1;
    if (outcome->variant.index)
        http_conn_fail(s->conn, p3_error_lift(payload));
    else if (payload->variant.index)
        s->trailers = payload->variant.payload->rep;
    return VM_OK;
}

static void end_trailers(void *state, bool complete)
{
    sending *s = state;
    s->trailers_over = true;
    advance(s, complete);
    wasi_release(s);
}

/* Lets the rest of a message follow its head. */
static vm_status send_body(cm_call *call, wasi_ctx *ctx, http_conn *conn,
                           const cm_value *stream, const cm_value *trailers)
{
    static const cm_sink_ops body = {write_body, end_body};
    static const cm_sink_ops future = {take_trailers, end_trailers};
    sending *s = wasi_object_create(sizeof *s, sending_finish);
    if (!s)
        return wasi_no_memory(call);
    s->ctx = ctx;
    s->conn = wasi_retain(conn);
    wasi_retain(s);
    vm_status status = wasi_p3_sink(call, ctx, stream, &body, s);
    if (status == VM_OK)
        return wasi_p3_sink(call, ctx, trailers, &future, s);
    wasi_release(s);
    return status;
}

/* ---- the rest of a head ------------------------------------------------ */

/*
 * Writes the fields and the end of the head, and lets the body follow: without
 * a length it comes in chunks.  A message without one says so (`says_zero`)
 * where a reader would wait for it.
 */
static vm_status send_rest(cm_call *call, http_conn *conn, p3_message *message,
                           bool says_zero)
{
    uint64_t length = 0;
    bool given = http_fields_length(message->base.fields, &length), has_stream;
    cm_value stream, trailers;
    vm_status status =
        p3_message_body(call, message, &has_stream, &stream, &trailers);
    if (status != VM_OK)
        return status;
    http_conn_put_fields(conn, message->base.fields);
    if (has_stream) {
        http_conn_end_head(conn, given ? HTTP_LENGTH : HTTP_CHUNKED, length);
        status = send_body(call, message->ctx, conn, &stream, &trailers);
    } else {
        cm_stream_discard(&trailers);
        http_conn_end_head(conn, HTTP_NO_BODY,
                           given || says_zero ? 0 : HTTP_UNSAID);
    }
    http_conn_pump(conn);
    return status;
}

/* A response that has no body may say how long it would be, but for those that
 * never have one (RFC 9110, 8.6). */
static void send_no_body(http_conn *conn, const p3_message *response)
{
    uint64_t length = HTTP_UNSAID;
    if (response->base.status >= 200 && response->base.status != 204)
        (void)http_fields_length(response->base.fields, &length);
    http_conn_put_fields(conn, response->base.fields);
    http_conn_end_head(conn, HTTP_NO_BODY, length);
    http_conn_pump(conn);
}

/* The future of `new` depends on this connection from here on. */
static void follow(p3_message *message, http_conn *conn)
{
    if (message->sent && !message->sent->conn)
        message->sent->conn = wasi_retain(conn);
}

/* ---- client ------------------------------------------------------------ */

/* The state of a call of `send`: its connection. */
static void abandon(void *state)
{
    http_conn *conn = state;
    if (conn->state < HTTP_BODY)
        http_conn_fail(conn, HTTP_CONNECTION_TERMINATED);
    wasi_release(conn);
}

static http_timeouts timeouts_of(const http_options *options)
{
    return options ? (http_timeouts){options->timeout[0], options->timeout[1],
                                     options->timeout[2]}
                   : (http_timeouts){0};
}

/* User information is not sent (RFC 9110, 4.2.4). */
static const char *host_of(const p3_message *request)
{
    const char *authority = request->base.authority;
    const char *user = authority ? strchr(authority, '@') : NULL;
    return user ? user + 1 : authority;
}

static vm_status start(cm_call *call, wasi_ctx *ctx, p3_message *request,
                       http_conn *conn)
{
    const char *method = request->base.method ? request->base.method : "GET";
    http_client_begin(conn, method, request->base.path, host_of(request));
    follow(request, conn);
    return send_rest(call, conn, request, http_request_has_body(method));
}

static vm_status begin_send(cm_call *call, wasi_ctx *ctx, p3_message *request,
                            http_error *error)
{
    http_conn *conn = NULL;
    vm_status status = VM_OK;
    http_timeouts timeouts = timeouts_of(request->options);
    *error = http_client_open(ctx, request->base.scheme, host_of(request),
                              &timeouts, &conn);
    if (!*error) {
        cm_call_set_state(call, conn, abandon);
        status = start(call, ctx, request, conn);
    } else if (request->sent) {
        request->sent->known = true;
        request->sent->error = *error;
    }
    wasi_release(request);
    return status;
}

vm_status p3_http_client_send(cm_call *call, void *host, const cm_value *args,
                              cm_value *result)
{
    wasi_ctx *ctx = host;
    http_error error = HTTP_OK;
    if (!cm_call_state(call)) { /* the first time */
        vm_status status = begin_send(call, ctx, args[0].rep, &error);
        if (status != VM_OK)
            return status;
    }
    if (error)
        return http_error_result(call, result, error);
    http_conn *conn = cm_call_state(call);
    http_conn_pump(conn);
    if (conn->state < HTTP_BODY)
        return p3_http_wait(call, ctx, conn);
    return conn->state == HTTP_FAILED
               ? http_failure_result(call, result, conn)
               : wasi_ok_own(call, result, p3_message_of(ctx, conn));
}

/* ---- server ------------------------------------------------------------ */

vm_status p3_http_respond(cm_call *call, http_conn *conn, p3_message *response)
{
    unsigned code = response->base.status;
    vm_status status = VM_OK;
    http_conn_begin_response(conn, code, response->base.fields);
    follow(response, conn);
    if (http_response_has_body(conn, code))
        status = send_rest(call, conn, response, true);
    else
        send_no_body(conn, response); /* what it has is let go with it */
    wasi_release(response);
    return status;
}
