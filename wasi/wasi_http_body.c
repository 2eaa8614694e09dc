/*
 * wasi_http_body.c - wasi:http/types: bodies as streams, and trailers.  A
 * stream's every operation pumps its connection first.
 */
#include "wasi/wasi_http.h"

#include <stdlib.h>
#include <string.h>

/* ---- incoming ---------------------------------------------------------- */

static ssize_t body_read(wasi_input *in, void *buf, size_t len)
{
    http_incoming_body *body = in->owner;
    ssize_t n = http_conn_read(body->conn, buf, len);
    if (n == WASI_FAILED)
        in->error = http_failure_errno(body->conn);
    return n;
}

/* Whether a read would now say something, without reading. */
static bool has_input(const http_conn *conn)
{
    if (conn->state == HTTP_FAILED || conn->state == HTTP_DONE)
        return true;
    return conn->state == HTTP_BODY &&
           (conn->in.len || conn->saw_eof || !conn->left) &&
           !(conn->head.framing == HTTP_UNTIL_CLOSE && !conn->in.len &&
             !conn->saw_eof) &&
           !(conn->head.framing == HTTP_CHUNKED && !conn->in.len &&
             !conn->saw_eof);
}

static void body_prepare(wasi_input *in, wasi_wait *wait)
{
    http_incoming_body *body = in->owner;
    http_conn_pump(body->conn);
    if (has_input(body->conn))
        wait->ready = true;
    else
        http_conn_want(body->conn, wait);
}

static const wasi_input_ops body_input = {body_read, body_prepare};

static void body_stream_finish(void *self)
{
    wasi_input *in = self;
    ((http_incoming_body *)in->owner)->streams--;
    wasi_input_finish(in);
}

HTTP_FN(incoming_body_stream)
{
    http_incoming_body *body = args[0].rep;
    if (body->taken)
        return cm_err(call, result, NULL);
    wasi_input *in =
        wasi_input_create_ops(sizeof *in, &body_input, body_stream_finish);
    if (!in)
        return wasi_no_memory(call);
    in->owner = wasi_retain(body);
    body->taken = true;
    body->streams++;
    return wasi_ok_own(call, result, in);
}

/* ---- trailers ---------------------------------------------------------- */

static void trailers_finish(void *self)
{
    http_future_trailers *future = self;
    wasi_release(future->conn);
    free(future);
}

HTTP_FN(incoming_body_finish)
{
    http_incoming_body *body = args[0].rep;
    if (body->streams) {
        wasi_release(body);
        return cm_trap(call, "incoming-body.finish: its stream is still "
                             "alive");
    }
    http_future_trailers *future =
        wasi_object_create(sizeof *future, trailers_finish);
    if (future)
        future->conn = wasi_retain(body->conn);
    wasi_release(body);
    return wasi_own(call, result, future);
}

/* Reads what the guest did not care to read; true once all has come. */
static bool read_to_end(http_conn *conn)
{
    uint8_t waste[4096];
    ssize_t n;
    do
        n = http_conn_read(conn, waste, sizeof waste);
    while (n > 0);
    return n < 0;
}

static void trailers_prepare(void *self, wasi_wait *wait)
{
    http_future_trailers *future = self;
    if (read_to_end(future->conn))
        wait->ready = true;
    else
        http_conn_want(future->conn, wait);
}

HTTP_FN(trailers_subscribe)
{
    return wasi_own(call, result,
                    wasi_pollable_create(args[0].rep, trailers_prepare));
}

/* option<result<result<option<trailers>, error-code>>> */
HTTP_FN(trailers_get)
{
    http_future_trailers *future = args[0].rep;
    http_conn *conn = future->conn;
    cm_value once, outcome, trailers;
    vm_status status;
    if (!read_to_end(conn))
        return cm_some(call, result, NULL);
    if (future->taken) {
        status = cm_err(call, &once, NULL);
        return status == VM_OK ? cm_some(call, result, &once) : status;
    }
    future->taken = true;
    if (conn->state == HTTP_FAILED) {
        status = http_failure_result(call, &outcome, conn);
    } else {
        void *fields = conn->trailers ? wasi_retain(conn->trailers) : NULL;
        status = cm_some(call, &trailers,
                         fields ? &(cm_value){.rep = fields} : NULL);
        if (status == VM_OK)
            status = cm_ok(call, &outcome, &trailers);
    }
    if (status == VM_OK)
        status = cm_ok(call, &once, &outcome);
    return status == VM_OK ? cm_some(call, result, &once) : status;
}

/* ---- outgoing ---------------------------------------------------------- */

static void outgoing_body_free(void *self)
{
    http_outgoing_body *body = self;
    wasi_release(body->conn);
    wasi_release(body->trailers);
    free(body->early);
    free(body);
}

/* Dropped instead of finished: the message must not look complete. */
void wasi_http_drop_outgoing_body(void *host, void *rep)
{
    http_outgoing_body *body = rep;
    body->dropped = true;
    if (body->conn && !body->finished)
        http_conn_fail(body->conn, HTTP_CONNECTION_TERMINATED);
    wasi_release(body);
}

HTTP_FN(outgoing_body)
{
    http_outgoing *out = args[0].rep;
    if (out->body)
        return cm_err(call, result, NULL);
    http_outgoing_body *body =
        wasi_object_create(sizeof *body, outgoing_body_free);
    if (!body)
        return wasi_no_memory(call);
    body->has_length = http_fields_length(out->fields, &body->length);
    out->body = wasi_retain(body);
    return wasi_ok_own(call, result, body);
}

static ssize_t write_early(http_outgoing_body *body, const void *buf,
                           size_t len)
{
    if (!body->early)
        body->early = malloc(HTTP_BUFFER);
    if (!body->early)
        return WASI_FAILED;
    size_t room = HTTP_BUFFER - body->early_len;
    if (len > room)
        len = room;
    memcpy(body->early + body->early_len, buf, len);
    body->early_len += len;
    return (ssize_t)len;
}

static ssize_t body_write(wasi_output *out, const void *buf, size_t len)
{
    http_outgoing_body *body = out->owner;
    http_conn *conn = body->conn;
    if (body->has_length && len > body->length - body->written) {
        out->error = HTTP_ERRNO + HTTP_REQUEST_BODY_SIZE;
        return WASI_FAILED;
    }
    ssize_t n =
        conn ? http_conn_write(conn, buf, len) : write_early(body, buf, len);
    if (n == WASI_FAILED)
        out->error = conn && conn->error ? http_failure_errno(conn)
                                         : HTTP_ERRNO + HTTP_INTERNAL_ERROR;
    if (n > 0)
        body->written += (uint64_t)n;
    if (conn)
        http_conn_pump(conn);
    return n;
}

static void body_prepare_write(wasi_output *out, wasi_wait *wait)
{
    http_outgoing_body *body = out->owner;
    http_conn *conn = body->conn;
    if (!conn) { /* full: until the message is sent, if ever */
        wait->ready = body->early_len < HTTP_BUFFER;
        return;
    }
    http_conn_pump(conn);
    if (conn->state == HTTP_FAILED || conn->out_ended ||
        http_conn_room(conn) > HTTP_BUFFER / 4)
        wait->ready = true;
    else
        http_conn_want(conn, wait);
}

static const wasi_output_ops body_output = {body_write, body_prepare_write,
                                            16 << 10};

static void body_output_finish(void *self)
{
    wasi_output *out = self;
    ((http_outgoing_body *)out->owner)->streams--;
    wasi_output_finish(out);
}

HTTP_FN(outgoing_body_write)
{
    http_outgoing_body *body = args[0].rep;
    if (body->taken)
        return cm_err(call, result, NULL);
    wasi_output *out =
        wasi_output_create_ops(sizeof *out, &body_output, body_output_finish);
    if (!out)
        return wasi_no_memory(call);
    out->owner = wasi_retain(body);
    body->taken = true;
    body->streams++;
    return wasi_ok_own(call, result, out);
}

HTTP_FN(outgoing_body_finish)
{
    http_outgoing_body *body = args[0].rep;
    http_fields *trailers =
        args[1].variant.index ? args[1].variant.payload->rep : NULL;
    bool alive = body->streams != 0;
    bool wrong = body->has_length && body->written != body->length;
    wasi_release(body->trailers);
    body->trailers = trailers;
    body->finished = !wrong;
    if (body->conn && wrong)
        http_conn_fail(body->conn, HTTP_REQUEST_BODY_SIZE);
    else if (body->conn)
        wrong = !http_conn_finish(body->conn, trailers);
    wasi_release(body);
    if (alive)
        return cm_trap(call, "outgoing-body.finish: its stream is still alive");
    return wrong ? http_error_result(call, result, HTTP_REQUEST_BODY_SIZE)
                 : cm_ok(call, result, NULL);
}

void http_body_attach(http_outgoing_body *body, http_conn *conn)
{
    body->conn = wasi_retain(conn);
    size_t done = 0;
    while (done < body->early_len) {
        ssize_t n =
            http_conn_write(conn, body->early + done, body->early_len - done);
        if (n <= 0)
            break;
        done += (size_t)n;
        http_conn_pump(conn);
    }
    free(body->early);
    body->early = NULL;
    body->early_len = 0;
    if (body->dropped && !body->finished)
        http_conn_fail(conn, HTTP_CONNECTION_TERMINATED);
    else if (body->finished)
        (void)!http_conn_finish(conn, body->trailers);
}
