/* wasi_http.h - the resources of wasi:http/types, over http.h. */
#ifndef VYOMA_WASI_HTTP_TYPES_H
#define VYOMA_WASI_HTTP_TYPES_H

#include "wasi/http.h"

#define HTTP_FN(name)                                                          \
    vm_status wasi_http_##name(cm_call *call, void *host,                      \
                               const cm_value *args, cm_value *result)

/* incoming-request and incoming-response: what they say is in conn->head. */
typedef struct http_incoming {
    wasi_object object;
    http_conn *conn; /* retained, as in all below */
    bool consumed;
} http_incoming;

typedef struct http_incoming_body {
    wasi_object object;
    http_conn *conn;
    bool taken;
    unsigned streams; /* alive */
} http_incoming_body;

typedef struct http_future_trailers {
    wasi_object object;
    http_conn *conn;
    bool taken;
} http_future_trailers;

typedef struct http_outgoing_body {
    wasi_object object;
    http_conn *conn; /* NULL until the message is on its way */
    uint8_t *early;  /* what was written before that; HTTP_BUFFER bytes */
    size_t early_len;
    bool taken, finished, dropped;
    unsigned streams;
    bool has_length; /* the guest gave a Content-Length */
    uint64_t length, written;
    http_fields *trailers;
} http_outgoing_body;

/* outgoing-request and outgoing-response. */
typedef struct http_outgoing {
    wasi_object object;
    http_fields *fields;
    http_outgoing_body *body;                 /* NULL until asked for */
    char *method, *scheme, *authority, *path; /* owned; NULL: none */
    uint16_t status;
} http_outgoing;

typedef struct http_options {
    wasi_object object;
    bool immutable; /* 0.3: it belongs to a request */
    bool has[3];
    uint64_t timeout[3]; /* connect, first byte, between bytes */
} http_options;

typedef struct http_outparam {
    wasi_object object;
    http_conn *conn;
    bool *was_set; /* the server's note */
} http_outparam;

typedef struct http_future_response {
    wasi_object object;
    http_conn *conn;
    bool taken;
} http_future_response;

/* Resources made by the host side. */
http_incoming *http_incoming_create(http_conn *conn);
http_outparam *http_outparam_create(http_conn *conn, bool *was_set);

/* The variant error-code; `alert` is TLS's, or 0.  False: out of memory. */
VM_MUST_CHECK bool http_error_lower(cm_call *call, http_error error,
                                    uint8_t alert, cm_value *out);
/* As result::err(error-code). */
VM_MUST_CHECK vm_status http_error_result(cm_call *call, cm_value *result,
                                          http_error error);
/* The same of a failed connection; and what its streams' errors carry. */
VM_MUST_CHECK vm_status http_failure_result(cm_call *call, cm_value *result,
                                            const http_conn *conn);
int http_failure_errno(const http_conn *conn);

/* Frees what a message holds, not the message. */
void http_outgoing_clear(http_outgoing *message);
/* request.set-authority, with or without user information. */
VM_MUST_CHECK vm_status http_set_authority(cm_call *call, const cm_value *args,
                                           bool may_name_user,
                                           cm_value *result);
/* Why a field of this name cannot be changed, as header-error; or -1. */
int http_may_change(const http_fields *fields, const cm_value *name);
/* fields.get, with copies that outlive changes. */
VM_MUST_CHECK vm_status http_fields_copy_values(cm_call *call,
                                                const http_fields *fields,
                                                const cm_value *name,
                                                cm_value *result);

/* Puts a body on its way: early bytes first. */
void http_body_attach(http_outgoing_body *body, http_conn *conn);

void wasi_http_drop_outgoing_body(void *host, void *rep);

/* The functions, by file: the table is in wasi_http.c. */
HTTP_FN(http_error_code);
HTTP_FN(fields_new);
HTTP_FN(fields_from_list);
HTTP_FN(fields_from_list_told); /* 0.3: too much is no trap */
HTTP_FN(fields_set_told);
HTTP_FN(fields_append_told);
HTTP_FN(fields_get);
HTTP_FN(fields_has);
HTTP_FN(fields_set);
HTTP_FN(fields_delete);
HTTP_FN(fields_append);
HTTP_FN(fields_entries);
HTTP_FN(fields_clone);
HTTP_FN(request_method);
HTTP_FN(request_path);
HTTP_FN(request_scheme);
HTTP_FN(request_authority);
HTTP_FN(incoming_headers);
HTTP_FN(incoming_consume);
HTTP_FN(response_status);
HTTP_FN(outgoing_new);
HTTP_FN(outgoing_request_method);
HTTP_FN(outgoing_request_set_method);
HTTP_FN(outgoing_request_path);
HTTP_FN(outgoing_request_set_path);
HTTP_FN(outgoing_request_scheme);
HTTP_FN(outgoing_request_set_scheme);
HTTP_FN(outgoing_request_authority);
HTTP_FN(outgoing_request_set_authority);
HTTP_FN(outgoing_headers);
HTTP_FN(outgoing_body);
HTTP_FN(outgoing_response_status);
HTTP_FN(outgoing_response_set_status);
HTTP_FN(options_new);
HTTP_FN(connect_timeout);
HTTP_FN(set_connect_timeout);
HTTP_FN(first_byte_timeout);
HTTP_FN(set_first_byte_timeout);
HTTP_FN(between_bytes_timeout);
HTTP_FN(set_between_bytes_timeout);
HTTP_FN(incoming_body_stream);
HTTP_FN(incoming_body_finish);
HTTP_FN(trailers_subscribe);
HTTP_FN(trailers_get);
HTTP_FN(outgoing_body_write);
HTTP_FN(outgoing_body_finish);
HTTP_FN(handle);
HTTP_FN(response_subscribe);
HTTP_FN(response_get);
HTTP_FN(outparam_send_informational);
HTTP_FN(outparam_set);

#endif
