/*
 * http.h - HTTP/1.1 on a non-blocking socket, beneath wasi:http: both sides.
 *
 *   http_head.c  messages' heads: text to fields and back, and their rules
 *   http_conn.c  one exchange on one connection: finding the peer, sending,
 *                receiving; advanced by http_conn_pump whenever a guest looks
 *                or waits
 *   http_body.c  the peer's body
 *   http_write.c our message
 *   http_client.c  an outgoing request's connection and first lines
 *   wasi_http*.c the WIT's resources
 */
#ifndef VYOMA_WASI_HTTP_H
#define VYOMA_WASI_HTTP_H

#include "wasi/internal.h"
#include "wasi/net.h"
#include "wasi/tls.h"

enum {
    HTTP_HEAD_MAX = 64 << 10,    /* bytes of a head on the wire */
    HTTP_FIELDS_MAX = 128 << 10, /* bytes in one `fields` */
    HTTP_BUDGET = 16 << 20,      /* bytes in all `fields` of a guest */
    HTTP_BUFFER = 64 << 10,      /* each way, per connection */
    HTTP_ADDRESSES_MAX = 8,      /* of a host, tried in turn */
};

/* error-code of wasi:http/types, in the WIT's order; 0 is none here, so each
 * is one more than its case. */
typedef enum http_error {
    HTTP_OK,
    HTTP_DNS_TIMEOUT,
    HTTP_DNS_ERROR,
    HTTP_DESTINATION_NOT_FOUND,
    HTTP_DESTINATION_UNAVAILABLE,
    HTTP_DESTINATION_IP_PROHIBITED,
    HTTP_DESTINATION_IP_UNROUTABLE,
    HTTP_CONNECTION_REFUSED,
    HTTP_CONNECTION_TERMINATED,
    HTTP_CONNECTION_TIMEOUT,
    HTTP_CONNECTION_READ_TIMEOUT,
    HTTP_CONNECTION_WRITE_TIMEOUT,
    HTTP_CONNECTION_LIMIT_REACHED,
    HTTP_TLS_PROTOCOL_ERROR,
    HTTP_TLS_CERTIFICATE_ERROR,
    HTTP_TLS_ALERT_RECEIVED,
    HTTP_REQUEST_DENIED,
    HTTP_REQUEST_LENGTH_REQUIRED,
    HTTP_REQUEST_BODY_SIZE,
    HTTP_REQUEST_METHOD_INVALID,
    HTTP_REQUEST_URI_INVALID,
    HTTP_REQUEST_URI_TOO_LONG,
    HTTP_REQUEST_HEADER_SECTION_SIZE,
    HTTP_REQUEST_HEADER_SIZE,
    HTTP_REQUEST_TRAILER_SECTION_SIZE,
    HTTP_REQUEST_TRAILER_SIZE,
    HTTP_RESPONSE_INCOMPLETE,
    HTTP_RESPONSE_HEADER_SECTION_SIZE,
    HTTP_RESPONSE_HEADER_SIZE,
    HTTP_RESPONSE_BODY_SIZE,
    HTTP_RESPONSE_TRAILER_SECTION_SIZE,
    HTTP_RESPONSE_TRAILER_SIZE,
    HTTP_RESPONSE_TRANSFER_CODING,
    HTTP_RESPONSE_CONTENT_CODING,
    HTTP_RESPONSE_TIMEOUT,
    HTTP_UPGRADE_FAILED,
    HTTP_PROTOCOL_ERROR,
    HTTP_LOOP_DETECTED,
    HTTP_CONFIGURATION_ERROR,
    HTTP_INTERNAL_ERROR,
    HTTP_ERROR_COUNT,
} http_error;

/* Stream errors carry an errno; those of HTTP are this and the error, with the
 * TLS alert in the second byte. */
#define HTTP_ERRNO 20000

/* ---- fields ------------------------------------------------------------ */

typedef struct http_field {
    char *text; /* name, then value; owned */
    uint32_t name_len, value_len;
} http_field;

typedef struct http_fields {
    wasi_object object;
    http_field *items;
    size_t count, room;
    size_t bytes;   /* of names and values */
    size_t *budget; /* counts all of one guest's; NULL for the peer's */
    bool immutable;
} http_fields;

/* NULL: out of memory */
http_fields *http_fields_create(size_t *budget);
http_fields *http_fields_clone(const http_fields *fields, size_t *budget);
/* 0, E2BIG past HTTP_FIELDS_MAX, or ENOMEM. */
VM_MUST_CHECK int http_fields_add(http_fields *fields, const char *name,
                                  size_t name_len, const void *value,
                                  size_t value_len);
/* True when there were any. */
bool http_fields_remove(http_fields *fields, const char *name, size_t len);
/* The next one named so at or after *at; NULL at the end. */
const http_field *http_fields_find(const http_fields *fields, const char *name,
                                   size_t len, size_t *at);

/* The length that a guest's fields give a body; false: none, or nonsense. */
bool http_fields_length(const http_fields *fields, uint64_t *out);

/* RFC 9110: 5.6.2 token; 5.5 field-value. */
bool http_is_token(const char *text, size_t len);
bool http_is_value(const void *value, size_t len);
/* Fields that belong to the connection, not to the guest. */
bool http_is_forbidden(const char *name, size_t len);

/* ---- heads ------------------------------------------------------------- */

/* How a body's end is known (RFC 9112, 6.3). */
typedef enum http_framing {
    HTTP_NO_BODY,
    HTTP_LENGTH,
    HTTP_CHUNKED,
    HTTP_UNTIL_CLOSE,
    HTTP_NOT_SENT, /* ours, of a response to HEAD: taken, and dropped */
} http_framing;

typedef struct http_head {
    char method[32], *target, *authority; /* requests; owned */
    uint16_t status;                      /* responses */
    uint8_t minor;                        /* of the version, 1.x */
    http_fields *fields;                  /* owned; forbidden ones removed */
    http_framing framing;
    uint64_t length;
    bool keep_alive;
    bool expects_continue;
} http_head;

void http_head_finish(http_head *head);
/* The length of the head at the start of `data`, with its empty line; 0 when
 * that has not come yet. */
size_t http_head_end(const uint8_t *data, size_t len);
/* `to_head`: it answers a HEAD request.  HTTP_OK or what is wrong. */
http_error http_head_parse_request(const uint8_t *data, size_t len,
                                   http_head *out);
http_error http_head_parse_response(const uint8_t *data, size_t len,
                                    bool to_head, http_head *out);
/* Trailer fields: as a head without its first line. */
http_error http_trailers_parse(const uint8_t *data, size_t len,
                               http_fields **out);

/* ---- connections ------------------------------------------------------- */

typedef struct http_buffer {
    uint8_t *data;
    size_t at, len, room;
} http_buffer;

/* False: out of memory. */
VM_MUST_CHECK bool http_buffer_reserve(http_buffer *buffer, size_t more);
void http_buffer_drop(http_buffer *buffer, size_t count);
const uint8_t *http_buffer_data(const http_buffer *buffer);

typedef enum http_state {
    HTTP_RESOLVING,
    HTTP_CONNECTING,
    HTTP_SECURING, /* connected; the TLS handshake is on its way */
    HTTP_HEAD,     /* open; waiting for the peer's head */
    HTTP_BODY,     /* head is known; its body may be read */
    HTTP_DONE,     /* body and trailers are complete */
    HTTP_FAILED,
} http_state;

/* Where inside chunked framing the reader is (RFC 9112, 7.1). */
typedef enum http_chunk {
    HTTP_CHUNK_SIZE,
    HTTP_CHUNK_DATA,
    HTTP_CHUNK_END,
    HTTP_CHUNK_TRAILERS,
} http_chunk;

/* ns; 0: the default.  For a server's: until a request begins, until its head
 * is whole, and until its body is, or the peer takes more of the answer. */
typedef struct http_timeouts {
    uint64_t connect, first_byte, between_bytes;
} http_timeouts;

typedef struct http_conn {
    wasi_object object;
    uint64_t max_body;
    size_t max_head;
    wasi_net *net; /* not owned */
    int fd;        /* -1: none yet */
    int lookup_fd; /* -1: none */
    bool server;   /* we answer */
    bool to_head;  /* the exchange is a HEAD request */
    http_state state;
    http_error error;  /* in HTTP_FAILED */
    uint8_t tls_alert; /* with HTTP_TLS_ALERT_RECEIVED */
    struct tls *tls;   /* NULL: plain, or not yet */
    tls_trust *trust;  /* of a client that is to use TLS; not owned */
    const tls_identity *identity; /* of such a server; not owned */
    char *host;                   /* the peer's name; owned */
    wasi_net_address addresses[HTTP_ADDRESSES_MAX];
    size_t naddresses, tried;
    uint16_t port;
    http_timeouts timeouts;
    uint64_t deadline; /* of the present phase */
    http_buffer in, out;
    http_head head; /* the peer's */
    http_chunk chunk;
    uint64_t left;      /* of the body, or of the present chunk */
    uint64_t body_room; /* what the peer's body may still take */
    http_fields *trailers;
    http_framing out_framing;
    uint64_t out_left; /* of a body with a length */
    bool out_ended;    /* our message is complete */
    bool out_cut;      /* it never will be: the connection is to end */
    bool held;         /* see http_conn_hold */
    bool unpushed;     /* the kernel keeps the last of what it was given */
    bool saw_eof;
} http_conn;

/* Towards `host` (a name or address literal).  NULL: out of memory. */
http_conn *http_conn_connect(wasi_net *net, const char *host, uint16_t port,
                             const http_timeouts *timeouts);
/* On an accepted socket, which is owned from here on.  Bodies larger than
 * `max_body` are refused. */
http_conn *http_conn_serve(int fd, const http_timeouts *timeouts,
                           uint64_t max_body);
/*
 * The connection is to use TLS: for a client that was just created, with
 * authorities to believe; for a server's, with what it shows.  They outlive it.
 */
void http_conn_secure(http_conn *conn, tls_trust *trust);
void http_conn_secure_server(http_conn *conn, const tls_identity *identity);
/* All of the request's body is here, or as much as is kept. */
bool http_conn_body_is_here(http_conn *conn);

/* A deadline so far from now. */
uint64_t http_after(uint64_t ns);
/* Goes as far as possible without waiting. */
void http_conn_pump(http_conn *conn);
/* Says what the next step needs; to be used after http_conn_pump. */
void http_conn_want(const http_conn *conn, wasi_wait *wait);
void http_conn_fail(http_conn *conn, http_error error);

/* Body bytes, 0, WASI_CLOSED at the end, WASI_FAILED with conn->error. */
ssize_t http_conn_read(http_conn *conn, void *buf, size_t len);
/* Room for body bytes in the out buffer. */
size_t http_conn_room(const http_conn *conn);
/* Text of our head; on failure the connection has failed. */
void http_conn_print(http_conn *conn, const char *format, ...) VM_PRINTF(2, 3);
/* Without a Content-Length, which http_conn_end_head says. */
void http_conn_put_fields(http_conn *conn, const http_fields *fields);
/* Ends our head; what follows is a body of this framing.  `length` is said,
 * unless it is HTTP_UNSAID or comes in chunks. */
#define HTTP_UNSAID UINT64_MAX
void http_conn_end_head(http_conn *conn, http_framing framing, uint64_t length);
/* Takes up to http_conn_room bytes; the count, or WASI_FAILED. */
ssize_t http_conn_write(http_conn *conn, const void *buf, size_t len);
/* Completes the body; `trailers` may be NULL.  False: wrong length. */
VM_MUST_CHECK bool http_conn_finish(http_conn *conn,
                                    const http_fields *trailers);
/* ---- clients ----------------------------------------------------------- */

/*
 * Starts on an exchange with `authority` (no scheme: https), as far as `ctx` is
 * granted it.  HTTP_OK and a connection, or what is wrong with the request;
 * HTTP_INTERNAL_ERROR: out of memory.  What fails later is in conn->error.
 */
VM_MUST_CHECK http_error http_client_open(wasi_ctx *ctx, const char *scheme,
                                          const char *authority,
                                          const http_timeouts *timeouts,
                                          http_conn **out);
/* Writes what a request's head starts with; NULL: GET, and "/". */
void http_client_begin(http_conn *conn, const char *method, const char *path,
                       const char *authority);

/* ---- servers ----------------------------------------------------------- */

/* RFC 9110, 6.4.1 and 9.3: whether a response with this status has a body, and
 * whether a reader waits for one after a request with this method. */
bool http_response_has_body(const http_conn *conn, unsigned status);
bool http_request_has_body(const char *method);
/*
 * While a guest answers, and until it waits or its answer is complete, packets
 * that are not full are kept back, so that head, body and end share one; the
 * kernel lets them go by itself after 0.2 s.
 */
void http_conn_hold(http_conn *conn, wasi_ctx *ctx);
void http_conn_release(http_conn *conn, wasi_ctx *ctx);
/* Our response's first lines: status, date, whether the connection is kept. */
void http_conn_begin_response(http_conn *conn, unsigned status,
                              const http_fields *fields);
/* A whole response of ours in plain text; the connection ends after it. */
void http_conn_answer(http_conn *conn, unsigned status, const char *text);
/* Sends what is in the out buffer even though the exchange has failed, as far
 * as that can be done at once, and then our end. */
void http_conn_last_words(http_conn *conn);
/* A server's connection: makes it ready for the next request, if it can be. */
bool http_conn_reset(http_conn *conn);

#endif
