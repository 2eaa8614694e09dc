/*
 * wasi_http_send.c - wasi:http: sending a request (outgoing-handler) with the
 * future of its response, and answering one (response-outparam).
 */
#include "wasi/wasi_http.h"

#include <stdlib.h>
#include <string.h>

/* ---- framing ----------------------------------------------------------- */

/*
 * Writes the fields and the end of a head.  A body that is complete already, or
 * absent, gets a length; one still to be written comes in chunks, unless the
 * guest gave its length.  `says_zero`: an absent one is worth saying.
 */
static void put_rest_of_head(http_conn *conn, const http_outgoing *message,
                             bool says_zero)
{
    const http_outgoing_body *body = message->body;
    uint64_t given;
    says_zero |= http_fields_length(message->fields, &given);
    http_conn_put_fields(conn, message->fields);
    if (body && body->has_length) {
        http_conn_end_head(conn, body->length ? HTTP_LENGTH : HTTP_NO_BODY,
                           body->length);
    } else if (body && !(body->finished && !body->trailers)) {
        http_conn_end_head(conn, HTTP_CHUNKED, 0);
    } else {
        size_t length = body ? body->early_len : 0;
        http_conn_end_head(conn, length ? HTTP_LENGTH : HTTP_NO_BODY,
                           length || says_zero ? length : HTTP_UNSAID);
    }
}

/* A response that has no body may say how long it would be, but for those that
 * never have one (RFC 9110, 8.6). */
static void put_rest_without_body(http_conn *conn, const http_outgoing *message)
{
    bool comes = message->body && !message->body->finished;
    uint64_t length = HTTP_UNSAID;
    if (message->status >= 200 && message->status != 204)
        (void)http_fields_length(message->fields, &length);
    http_conn_put_fields(conn, message->fields);
    http_conn_end_head(conn, comes ? HTTP_NOT_SENT : HTTP_NO_BODY, length);
}

/* ---- outgoing-handler -------------------------------------------------- */

static void future_finish(void *self)
{
    http_future_response *future = self;
    wasi_release(future->conn);
    free(future);
}

static http_timeouts timeouts_of(const cm_value *option)
{
    const http_options *options =
        option->variant.index ? option->variant.payload->rep : NULL;
    if (!options)
        return (http_timeouts){0};
    return (http_timeouts){options->timeout[0], options->timeout[1],
                           options->timeout[2]};
}

static void send_request(http_conn *conn, http_outgoing *request)
{
    const char *method = request->method ? request->method : "GET";
    http_client_begin(conn, method, request->path, request->authority);
    put_rest_of_head(conn, request, http_request_has_body(method));
    if (request->body)
        http_body_attach(request->body, conn);
    http_conn_pump(conn);
}

HTTP_FN(handle)
{
    http_outgoing *request = args[0].rep;
    http_timeouts timeouts = timeouts_of(&args[1]);
    if (args[1].variant.index)
        wasi_release(args[1].variant.payload->rep);
    http_conn *conn = NULL;
    http_error error = http_client_open(host, request->scheme,
                                        request->authority, &timeouts, &conn);
    if (error) {
        wasi_release(request);
        return http_error_result(call, result, error);
    }
    http_future_response *future =
        wasi_object_create(sizeof *future, future_finish);
    if (!future) {
        wasi_release(conn);
        wasi_release(request);
        return wasi_no_memory(call);
    }
    future->conn = conn;
    send_request(conn, request);
    wasi_release(request);
    return wasi_ok_own(call, result, future);
}

/* ---- future-incoming-response ------------------------------------------ */

static void response_prepare(void *self, wasi_wait *wait)
{
    http_conn *conn = ((http_future_response *)self)->conn;
    http_conn_pump(conn);
    if (conn->state >= HTTP_BODY)
        wait->ready = true;
    else
        http_conn_want(conn, wait);
}

HTTP_FN(response_subscribe)
{
    return wasi_own(call, result,
                    wasi_pollable_create(args[0].rep, response_prepare));
}

/* option<result<result<incoming-response, error-code>>> */
HTTP_FN(response_get)
{
    http_future_response *future = args[0].rep;
    http_conn *conn = future->conn;
    cm_value once, outcome;
    vm_status status;
    http_conn_pump(conn);
    if (conn->state < HTTP_BODY)
        return cm_some(call, result, NULL);
    if (future->taken) {
        status = cm_err(call, &once, NULL);
        return status == VM_OK ? cm_some(call, result, &once) : status;
    }
    future->taken = true;
    status = conn->state == HTTP_FAILED
                 ? http_failure_result(call, &outcome, conn)
                 : wasi_ok_own(call, &outcome, http_incoming_create(conn));
    if (status == VM_OK)
        status = cm_ok(call, &once, &outcome);
    return status == VM_OK ? cm_some(call, result, &once) : status;
}

/* ---- response-outparam ------------------------------------------------- */

static void outparam_finish(void *self)
{
    http_outparam *outparam = self;
    wasi_release(outparam->conn);
    free(outparam);
}

http_outparam *http_outparam_create(http_conn *conn, bool *was_set)
{
    http_outparam *outparam =
        wasi_object_create(sizeof *outparam, outparam_finish);
    if (!outparam)
        return NULL;
    outparam->conn = wasi_retain(conn);
    outparam->was_set = was_set;
    return outparam;
}

HTTP_FN(outparam_send_informational)
{
    http_outparam *outparam = args[0].rep;
    http_fields *fields = args[2].rep;
    bool valid = args[1].u >= 100 && args[1].u <= 199;
    if (valid && outparam->conn->head.minor) { /* HTTP/1.0 has none */
        http_conn_print(outparam->conn, "HTTP/1.1 %u \r\n",
                        (unsigned)args[1].u);
        http_conn_put_fields(outparam->conn, fields);
        http_conn_print(outparam->conn, "\r\n");
    }
    wasi_release(fields);
    return valid ? cm_ok(call, result, NULL)
                 : http_error_result(call, result, HTTP_PROTOCOL_ERROR);
}

static void send_response(http_conn *conn, http_outgoing *response)
{
    http_conn_begin_response(conn, response->status, response->fields);
    if (http_response_has_body(conn, response->status))
        put_rest_of_head(conn, response, true);
    else
        put_rest_without_body(conn, response);
    if (response->body)
        http_body_attach(response->body, conn);
    http_conn_pump(conn);
}

HTTP_FN(outparam_set)
{
    http_outparam *outparam = args[0].rep;
    bool is_error = args[1].variant.index == 1;
    *outparam->was_set = true;
    if (is_error) {
        http_conn_answer(outparam->conn, 500,
                         "the application reported an error\n");
    } else {
        http_outgoing *response = args[1].variant.payload->rep;
        send_response(outparam->conn, response);
        wasi_release(response);
    }
    wasi_release(outparam);
    return VM_OK;
}
