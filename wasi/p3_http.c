/* p3_http.c - wasi:http/types 0.3: messages, options, and the tables. */
#include "wasi/p3_http.h"
#include "wasi/ifaces.h"

#include <stdlib.h>
#include <string.h>

#define P3_FN(name)                                                            \
    static vm_status name(cm_call *call, void *host, const cm_value *args,     \
                          cm_value *result)

http_error p3_error_lift(const cm_value *value)
{
    return (http_error)(value->variant.index + 1);
}

vm_status p3_http_wait(cm_call *call, wasi_ctx *ctx, const http_conn *conn)
{
    wasi_wait wait = {.fd = -1, .deadline = WASI_NEVER};
    http_conn_want(conn, &wait);
    return wasi_p3_wait(call, ctx, &wait);
}

/* ---- whether it was sent ----------------------------------------------- */

static void sent_finish(void *self)
{
    p3_sent *sent = self;
    wasi_release(sent->conn);
    free(sent);
}

/* VM_PENDING until the connection has taken all, or failed. */
static vm_status look(cm_call *call, p3_sent *sent)
{
    http_conn *conn = sent->conn;
    if (sent->known)
        return VM_OK;
    if (!conn)
        return wasi_p3_idle(call, sent->ctx);
    http_conn_pump(conn);
    if (conn->state != HTTP_FAILED && !(conn->out_ended && !conn->out.len))
        return p3_http_wait(call, sent->ctx, conn);
    sent->known = true;
    sent->error = conn->state == HTTP_FAILED ? conn->error : HTTP_OK;
    return VM_OK;
}

static vm_status read_sent(void *state, cm_call *call, void *out, size_t max,
                           size_t *n)
{
    p3_sent *sent = state;
    vm_status status = look(call, sent);
    if (status != VM_OK)
        return status;
    *n = 1;
    if (!sent->error)
        return cm_ok(call, out, NULL);
    return sent->conn && sent->conn->error == sent->error
               ? http_failure_result(call, out, sent->conn)
               : http_error_result(call, out, sent->error);
}

/* ---- messages ---------------------------------------------------------- */

/* What nobody took is not wanted. */
static void message_finish(void *self)
{
    p3_message *message = self;
    p3_sent *sent = message->sent;
    if (message->has_contents)
        cm_stream_discard(&message->contents);
    if (message->has_trailers)
        cm_stream_discard(&message->trailers);
    if (sent && !sent->conn && !sent->known) {
        sent->known = true;
        sent->error = HTTP_INTERNAL_ERROR;
    }
    wasi_release(sent);
    wasi_release(message->options);
    wasi_release(message->conn);
    http_outgoing_clear(&message->base);
    free(message);
}

/* Takes the reference to `fields`. */
static p3_message *message_create(wasi_ctx *ctx, http_fields *fields)
{
    p3_message *message = wasi_object_create(sizeof *message, message_finish);
    if (!message) {
        wasi_release(fields);
        return NULL;
    }
    message->ctx = ctx;
    message->base.fields = fields;
    message->base.status = 200;
    fields->immutable = true;
    return message;
}

static bool copy_text(char **to, const char *from)
{
    *to = from ? strdup(from) : NULL;
    return *to || !from;
}

p3_message *p3_message_of(wasi_ctx *ctx, http_conn *conn)
{
    const http_head *head = &conn->head;
    p3_message *message = message_create(ctx, wasi_retain(head->fields));
    if (!message)
        return NULL;
    message->conn = wasi_retain(conn);
    message->base.status = head->status;
    if (!conn->server ||
        (copy_text(&message->base.method, head->method) &&
         copy_text(&message->base.path, head->target) &&
         copy_text(&message->base.authority, head->authority) &&
         copy_text(&message->base.scheme, "http")))
        return message;
    wasi_release(message);
    return NULL;
}

/* `args`: headers, contents, trailers. */
static vm_status new_message(cm_call *call, wasi_ctx *ctx, const cm_value *args,
                             http_options *options, cm_value *result)
{
    static const cm_source source = {read_sent, wasi_release, false};
    p3_message *message = message_create(ctx, args[0].rep);
    p3_sent *sent = wasi_object_create(sizeof *sent, sent_finish);
    cm_value *pair = wasi_values(call, 2);
    if (!message || !sent || !pair) {
        wasi_release(message);
        wasi_release(sent);
        wasi_release(options);
        return wasi_no_memory(call);
    }
    sent->ctx = ctx;
    message->sent = sent;
    message->options = options;
    message->has_contents = args[1].variant.index == 1;
    if (message->has_contents)
        message->contents = *args[1].variant.payload;
    message->has_trailers = true;
    message->trailers = args[2];
    pair[0].rep = message;
    result->list.items = pair;
    result->list.len = 2;
    return wasi_p3_future(call, ctx, &source, wasi_retain(sent), &pair[1]);
}

P3_FN(request_new)
{
    http_options *options =
        args[3].variant.index ? args[3].variant.payload->rep : NULL;
    if (options)
        options->immutable = true;
    return new_message(call, host, args, options, result);
}

P3_FN(response_new)
{
    return new_message(call, host, args, NULL, result);
}

P3_FN(request_get_options)
{
    const p3_message *message = args[0].rep;
    cm_value options = {.rep = message->options};
    if (!message->options)
        return cm_some(call, result, NULL);
    wasi_retain(message->options);
    return cm_some(call, result, &options);
}

/* An empty path is "/" (RFC 9110, 4.2.3). */
P3_FN(request_set_path)
{
    http_outgoing *request = args[0].rep;
    vm_status status =
        wasi_http_outgoing_request_set_path(call, host, args, result);
    if (status != VM_OK || !request->path || *request->path)
        return status;
    free(request->path);
    request->path = strdup("/");
    return request->path ? VM_OK : wasi_no_memory(call);
}

/* User information may be said; it is not sent. */
P3_FN(request_set_authority)
{
    return http_set_authority(call, args, true, result);
}

/* ---- bodies of peers --------------------------------------------------- */

/* What a body's stream and the future of its trailers share. */
typedef struct incoming {
    wasi_object object;
    wasi_ctx *ctx;
    http_conn *conn; /* retained */
    bool over;       /* the stream is */
} incoming;

static void incoming_finish(void *self)
{
    incoming *in = self;
    wasi_release(in->conn);
    free(in);
}

static vm_status read_body(void *state, cm_call *call, void *out, size_t max,
                           size_t *n)
{
    incoming *in = state;
    ssize_t got = http_conn_read(in->conn, out, max);
    if (!got)
        return p3_http_wait(call, in->ctx, in->conn);
    *n = got > 0 ? (size_t)got : 0; /* the other future tells of failures */
    return VM_OK;
}

static void end_body(void *state)
{
    incoming *in = state;
    in->over = true;
    wasi_release(in);
}

/* Once the stream is over; what the guest did not care to read goes first. */
static vm_status read_trailers(void *state, cm_call *call, void *out,
                               size_t max, size_t *n)
{
    incoming *in = state;
    http_conn *conn = in->conn;
    uint8_t waste[4096];
    ssize_t got = 1;
    cm_value trailers;
    if (!in->over)
        return wasi_p3_idle(call, in->ctx);
    while (got > 0)
        got = http_conn_read(conn, waste, sizeof waste);
    if (!got)
        return p3_http_wait(call, in->ctx, conn);
    *n = 1;
    if (conn->state == HTTP_FAILED)
        return http_failure_result(call, out, conn);
    void *fields = conn->trailers ? wasi_retain(conn->trailers) : NULL;
    vm_status status =
        cm_some(call, &trailers, fields ? &(cm_value){.rep = fields} : NULL);
    return status == VM_OK ? cm_ok(call, out, &trailers) : status;
}

static vm_status incoming_body(cm_call *call, const p3_message *message,
                               cm_value *stream, cm_value *trailers)
{
    static const cm_source body = {read_body, end_body, true};
    static const cm_source future = {read_trailers, wasi_release, false};
    incoming *in = wasi_object_create(sizeof *in, incoming_finish);
    if (!in)
        return wasi_no_memory(call);
    in->ctx = message->ctx;
    in->conn = wasi_retain(message->conn);
    vm_status status =
        wasi_p3_future(call, in->ctx, &future, wasi_retain(in), trailers);
    if (status == VM_OK)
        return wasi_p3_stream(call, in->ctx, &body, in, stream);
    wasi_release(in);
    return status;
}

vm_status p3_message_body(cm_call *call, p3_message *message, bool *has_stream,
                          cm_value *stream, cm_value *trailers)
{
    if (message->conn) {
        *has_stream = true;
        return incoming_body(call, message, stream, trailers);
    }
    *has_stream = message->has_contents;
    *stream = message->contents;
    *trailers = message->trailers;
    message->has_contents = message->has_trailers = false;
    return VM_OK;
}

/* ---- consume-body ------------------------------------------------------ */

/* How the guest got on with a message: told to who made it. */
static vm_status take_outcome(void *state, cm_call *call, const void *values,
                              size_t n, size_t *taken)
{
    p3_sent *sent = state;
    const cm_value *outcome = values;
    if (!sent->known) {
        sent->known = true;
        sent->error = outcome->variant.index
                          ? p3_error_lift(outcome->variant.payload)
                          : HTTP_OK;
    }
    *taken = 1;
    return VM_OK;
}

static void end_outcome(void *state, bool complete)
{
    wasi_release(state);
}

static vm_status read_nothing(void *state, cm_call *call, void *out, size_t max,
                              size_t *n)
{
    *n = 0;
    return VM_OK;
}

P3_FN(consume_body)
{
    static const cm_sink_ops outcome = {take_outcome, end_outcome};
    static const cm_source empty = {read_nothing, NULL, true};
    p3_message *message = args[0].rep;
    cm_value *pair = wasi_values(call, 2);
    bool has_stream;
    vm_status status =
        pair ? p3_message_body(call, message, &has_stream, &pair[0], &pair[1])
             : wasi_no_memory(call);
    if (status == VM_OK && !has_stream)
        status = wasi_p3_stream(call, host, &empty, NULL, &pair[0]);
    if (status == VM_OK && message->sent)
        status = cm_stream_to_host(call, &args[1], &outcome,
                                   wasi_retain(message->sent));
    else if (status == VM_OK) /* a peer has no way to be told */
        cm_stream_discard(&args[1]);
    wasi_release(message);
    result->list.items = pair;
    result->list.len = 2;
    return status;
}

/* ---- fields and options ------------------------------------------------ */

P3_FN(fields_get_and_delete)
{
    http_fields *fields = args[0].rep;
    cm_value values;
    int bad = http_may_change(fields, &args[1]);
    if (bad >= 0)
        return wasi_err_enum(call, result, (uint64_t)bad);
    vm_status status = http_fields_copy_values(call, fields, &args[1], &values);
    if (status != VM_OK)
        return status;
    http_fields_remove(fields, args[1].str.data, args[1].str.len);
    return cm_ok(call, result, &values);
}

P3_FN(options_clone)
{
    const http_options *from = args[0].rep;
    vm_status status = wasi_http_options_new(call, host, NULL, result);
    if (status != VM_OK)
        return status;
    http_options *to = result->rep;
    memcpy(to->has, from->has, sizeof to->has);
    memcpy(to->timeout, from->timeout, sizeof to->timeout);
    return VM_OK;
}

/* request-options-error */
static vm_status set_timeout(cm_call *call, void *host, const cm_value *args,
                             cm_value *result, cm_host_fn set)
{
    enum { NOT_SUPPORTED, IMMUTABLE };
    const http_options *options = args[0].rep;
    return options->immutable ? wasi_err_enum(call, result, IMMUTABLE)
                              : set(call, host, args, result);
}

P3_FN(set_connect_timeout)
{
    return set_timeout(call, host, args, result, wasi_http_set_connect_timeout);
}

P3_FN(set_first_byte_timeout)
{
    return set_timeout(call, host, args, result,
                       wasi_http_set_first_byte_timeout);
}

P3_FN(set_between_bytes_timeout)
{
    return set_timeout(call, host, args, result,
                       wasi_http_set_between_bytes_timeout);
}

/* ---- tables ------------------------------------------------------------ */

#define FIELDS(name, fn) {"[method]fields." name, fn}
#define REQUEST(name, fn) {"[method]request." name, fn}
#define OPTIONS(name, fn) {"[method]request-options." name, fn}
#define RESPONSE(name, fn) {"[method]response." name, fn}

static const cm_host_func types_funcs[] = {
    {"[constructor]fields", wasi_http_fields_new},
    {"[static]fields.from-list", wasi_http_fields_from_list_told},
    FIELDS("get", wasi_http_fields_get),
    FIELDS("has", wasi_http_fields_has),
    FIELDS("set", wasi_http_fields_set_told),
    FIELDS("delete", wasi_http_fields_delete),
    FIELDS("get-and-delete", fields_get_and_delete),
    FIELDS("append", wasi_http_fields_append_told),
    FIELDS("copy-all", wasi_http_fields_entries),
    FIELDS("clone", wasi_http_fields_clone),
    {"[static]request.new", request_new},
    REQUEST("get-method", wasi_http_outgoing_request_method),
    REQUEST("set-method", wasi_http_outgoing_request_set_method),
    REQUEST("get-path-with-query", wasi_http_outgoing_request_path),
    REQUEST("set-path-with-query", request_set_path),
    REQUEST("get-scheme", wasi_http_outgoing_request_scheme),
    REQUEST("set-scheme", wasi_http_outgoing_request_set_scheme),
    REQUEST("get-authority", wasi_http_outgoing_request_authority),
    REQUEST("set-authority", request_set_authority),
    REQUEST("get-options", request_get_options),
    REQUEST("get-headers", wasi_http_outgoing_headers),
    {"[static]request.consume-body", consume_body},
    {"[constructor]request-options", wasi_http_options_new},
    OPTIONS("get-connect-timeout", wasi_http_connect_timeout),
    OPTIONS("set-connect-timeout", set_connect_timeout),
    OPTIONS("get-first-byte-timeout", wasi_http_first_byte_timeout),
    OPTIONS("set-first-byte-timeout", set_first_byte_timeout),
    OPTIONS("get-between-bytes-timeout", wasi_http_between_bytes_timeout),
    OPTIONS("set-between-bytes-timeout", set_between_bytes_timeout),
    OPTIONS("clone", options_clone),
    {"[static]response.new", response_new},
    RESPONSE("get-status-code", wasi_http_outgoing_response_status),
    RESPONSE("set-status-code", wasi_http_outgoing_response_set_status),
    RESPONSE("get-headers", wasi_http_outgoing_headers),
    {"[static]response.consume-body", consume_body},
    {0},
};

const cm_host_interface wasi_p3_http_types = {
    .name = "wasi:http/types@0.3",
    .funcs = types_funcs,
    .resources = (const cm_host_resource[]){{"fields", wasi_drop},
                                            {"request", wasi_drop},
                                            {"request-options", wasi_drop},
                                            {"response", wasi_drop},
                                            {0}},
};

const cm_host_interface wasi_p3_http_client = {
    .name = "wasi:http/client@0.3",
    .funcs = (const cm_host_func[]){{"send", p3_http_client_send}, {0}},
};
