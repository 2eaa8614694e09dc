/*
 * http_conn.c - one HTTP/1.1 exchange on one connection, as a state machine
 * that never waits: a guest that looks at a future or a body pumps it, and a
 * guest that waits polls for what the next step needs.
 *
 *   client: resolving -> connecting (-> securing) -> head -> body -> done
 *   server:                         (securing ->)   head -> body -> done
 *
 * and from done back to head, if the connection is kept.
 */
#include "wasi/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CHUNK_OVERHEAD = 32, /* size line and line ends */
    CHUNK_LINE_MAX = 256,
};

/* For requests that set none, as in wasmtime. */
#define DEFAULT_TIMEOUT ((uint64_t)600 * 1000000000u)

/* ---- buffers ----------------------------------------------------------- */

static bool buffer_reserve(http_buffer *buffer, size_t more)
{
    if (buffer->at && buffer->at + buffer->len + more > buffer->room) {
        memmove(buffer->data, buffer->data + buffer->at, buffer->len);
        buffer->at = 0;
    }
    size_t need = buffer->at + buffer->len + more;
    if (need <= buffer->room)
        return true;
    size_t room = buffer->room ? buffer->room : 4096;
    while (room < need)
        room *= 2;
    uint8_t *data = realloc(buffer->data, room);
    if (!data)
        return false;
    buffer->data = data;
    buffer->room = room;
    return true;
}

static void buffer_drop(http_buffer *buffer, size_t count)
{
    buffer->at += count;
    buffer->len -= count;
    if (!buffer->len)
        buffer->at = 0;
}

static const uint8_t *buffer_data(const http_buffer *buffer)
{
    static const uint8_t empty[1];
    return buffer->data ? buffer->data + buffer->at : empty;
}

/* ---- creation ---------------------------------------------------------- */

static void conn_finish(void *self)
{
    http_conn *conn = self;
    tls_destroy(conn->tls);
    if (conn->fd >= 0)
        close(conn->fd);
    if (conn->lookup_fd >= 0)
        close(conn->lookup_fd);
    http_head_finish(&conn->head);
    wasi_release(conn->trailers);
    free(conn->in.data);
    free(conn->out.data);
    free(conn->host);
    free(conn);
}

static uint64_t after(uint64_t ns)
{
    uint64_t deadline;
    return __builtin_add_overflow(wasi_now_ns(), ns, &deadline) ? WASI_NEVER
                                                                : deadline;
}

static http_conn *conn_create(const http_timeouts *timeouts)
{
    http_conn *conn = wasi_object_create(sizeof *conn, conn_finish);
    if (!conn)
        return NULL;
    conn->fd = conn->lookup_fd = -1;
    conn->timeouts = *timeouts;
    conn->max_body = UINT64_MAX;
    uint64_t *all[] = {&conn->timeouts.connect, &conn->timeouts.first_byte,
                       &conn->timeouts.between_bytes};
    for (int i = 0; i < 3; i++)
        if (!*all[i])
            *all[i] = DEFAULT_TIMEOUT;
    return conn;
}

void http_conn_fail(http_conn *conn, http_error error)
{
    if (conn->state == HTTP_FAILED)
        return;
    conn->state = HTTP_FAILED;
    conn->error = error;
    if (conn->fd >= 0 && !conn->server) /* a server may still say why */
        shutdown(conn->fd, SHUT_RDWR);
}

/* An IPv6 address has brackets, which conn->host loses. */
static bool parse_literal(http_conn *conn)
{
    wasi_net_address *to = &conn->addresses[0];
    char *host = conn->host;
    size_t len = strlen(host);
    bool brackets = len > 2 && host[0] == '[' && host[len - 1] == ']';
    if (brackets) {
        memmove(host, host + 1, len - 2);
        host[len - 2] = 0;
    }
    to->family = brackets ? AF_INET6 : AF_INET;
    if (inet_pton(to->family, host, to->bytes) != 1)
        return false;
    conn->naddresses = 1;
    return true;
}

static http_error lookup_error(int error)
{
    return error == ENOENT   ? HTTP_DNS_ERROR
           : error == EAGAIN ? HTTP_DNS_TIMEOUT
           : error == EACCES ? HTTP_REQUEST_DENIED
           : error == EINVAL ? HTTP_REQUEST_URI_INVALID
                             : HTTP_DNS_ERROR;
}

http_conn *http_conn_connect(wasi_net *net, const char *host, uint16_t port,
                             const http_timeouts *timeouts)
{
    http_conn *conn = conn_create(timeouts);
    if (!conn)
        return NULL;
    conn->host = strdup(host);
    if (!conn->host) {
        wasi_release(conn);
        return NULL;
    }
    conn->net = net;
    conn->port = port;
    conn->deadline = after(conn->timeouts.connect);
    conn->state = HTTP_CONNECTING;
    if (parse_literal(conn))
        return conn;
    conn->state = HTTP_RESOLVING;
    conn->lookup_fd = net->ops->resolve(net, host, strlen(host));
    if (conn->lookup_fd < 0)
        http_conn_fail(conn, lookup_error(-conn->lookup_fd));
    return conn;
}

http_conn *http_conn_serve(int fd, const http_timeouts *timeouts,
                           uint64_t max_body)
{
    http_conn *conn = conn_create(timeouts);
    if (!conn) {
        close(fd);
        return NULL;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    conn->fd = fd;
    conn->server = true;
    conn->max_body = max_body;
    conn->state = HTTP_HEAD;
    conn->deadline = after(conn->timeouts.first_byte);
    return conn;
}

void http_conn_secure(http_conn *conn, tls_trust *trust)
{
    conn->trust = trust;
}

void http_conn_secure_server(http_conn *conn, const tls_identity *identity)
{
    conn->identity = identity;
    conn->state = HTTP_SECURING;
}

/* ---- finding the peer -------------------------------------------------- */

/* True when something changed. */
static bool step_resolve(http_conn *conn)
{
    wasi_net_address found;
    wasi_wait wait = {
        .fd = conn->lookup_fd, .events = POLLIN, .deadline = WASI_NEVER};
    if (!wasi_wait_ready(&wait))
        return false;
    /* records are written whole, and sockets keep them so */
    ssize_t n = read(conn->lookup_fd, &found, sizeof found);
    if (n == (ssize_t)sizeof found && !found.error) {
        if (conn->naddresses < HTTP_ADDRESSES_MAX)
            conn->addresses[conn->naddresses++] = found;
        return true;
    }
    if (n == (ssize_t)sizeof found && !conn->naddresses)
        http_conn_fail(conn, lookup_error(found.error));
    else if (!conn->naddresses)
        http_conn_fail(conn, HTTP_DNS_ERROR);
    else
        conn->state = HTTP_CONNECTING;
    return true;
}

static int start_connect(http_conn *conn, const wasi_net_address *to)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {0};
    socklen_t len = sizeof address.v6;
    address.any.sa_family = (sa_family_t)to->family;
    if (to->family == AF_INET) {
        address.v4.sin_port = htons(conn->port);
        memcpy(&address.v4.sin_addr, to->bytes, 4);
        len = sizeof address.v4;
    } else {
        address.v6.sin6_port = htons(conn->port);
        memcpy(&address.v6.sin6_addr, to->bytes, 16);
    }
    wasi_net *net = conn->net;
    conn->fd = net->ops->open(net, WASI_NET_TCP, to->family);
    if (conn->fd < 0)
        return -conn->fd;
    int error =
        net->ops->connect(net, WASI_NET_TCP, conn->fd, &address.any, len);
    return error == -EINPROGRESS ? 0 : -error;
}

static http_error connect_error(int error)
{
    switch (error) {
    case ECONNREFUSED: return HTTP_CONNECTION_REFUSED;
    case ETIMEDOUT: return HTTP_CONNECTION_TIMEOUT;
    case EACCES:
    case EPERM: return HTTP_DESTINATION_IP_PROHIBITED;
    case ENETUNREACH:
    case EHOSTUNREACH: return HTTP_DESTINATION_IP_UNROUTABLE;
    case EMFILE:
    case ENFILE: return HTTP_CONNECTION_LIMIT_REACHED;
    default: return HTTP_CONNECTION_TERMINATED;
    }
}

/* One address did not work: the next, or the end. */
static bool next_address(http_conn *conn, int error)
{
    if (conn->fd >= 0)
        close(conn->fd);
    conn->fd = -1;
    if (conn->tried == conn->naddresses)
        http_conn_fail(conn, connect_error(error));
    return true;
}

static bool step_connect(http_conn *conn)
{
    if (conn->fd < 0) {
        int error = start_connect(conn, &conn->addresses[conn->tried++]);
        return error ? next_address(conn, error) : true;
    }
    wasi_wait wait = {
        .fd = conn->fd, .events = POLLOUT, .deadline = WASI_NEVER};
    if (!wasi_wait_ready(&wait))
        return false;
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &len))
        error = errno;
    if (error)
        return next_address(conn, error);
    if (conn->trust) {
        conn->state = HTTP_SECURING; /* in the same time */
        return true;
    }
    conn->state = HTTP_HEAD;
    conn->deadline = after(conn->timeouts.first_byte);
    return true;
}

static bool fail_tls(http_conn *conn)
{
    static const http_error errors[] = {
        [TLS_CAUSE_PROTOCOL] = HTTP_TLS_PROTOCOL_ERROR,
        [TLS_CAUSE_CERTIFICATE] = HTTP_TLS_CERTIFICATE_ERROR,
        [TLS_CAUSE_ALERT] = HTTP_TLS_ALERT_RECEIVED,
        [TLS_CAUSE_CLOSED] = HTTP_CONNECTION_TERMINATED,
        [TLS_CAUSE_MEMORY] = HTTP_INTERNAL_ERROR,
    };
    tls_failure failure = tls_failure_of(conn->tls);
    conn->tls_alert = failure.alert;
    http_conn_fail(conn, errors[failure.cause]);
    return true;
}

static bool step_secure(http_conn *conn)
{
    if (!conn->tls)
        conn->tls = conn->server
                        ? tls_accept(conn->identity, conn->fd)
                        : tls_connect(conn->trust, conn->fd, conn->host);
    if (!conn->tls) {
        http_conn_fail(conn, HTTP_INTERNAL_ERROR);
        return true;
    }
    int n = tls_handshake(conn->tls);
    if (n < 0)
        return fail_tls(conn);
    if (!n)
        return false;
    conn->state = HTTP_HEAD;
    if (!conn->server) /* whose handshake and head share one deadline */
        conn->deadline = after(conn->timeouts.first_byte);
    return true;
}

/* ---- bytes in and out -------------------------------------------------- */

/* Both: bytes, 0 for "not now", or negative: no more. */

static ssize_t send_some(http_conn *conn, const void *buf, size_t len)
{
    if (conn->tls)
        return tls_write(conn->tls, buf, len);
    ssize_t n = send(conn->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

static ssize_t receive_some(http_conn *conn, void *buf, size_t len)
{
    if (conn->tls)
        return tls_read(conn->tls, buf, len);
    ssize_t n = recv(conn->fd, buf, len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return n ? n : WASI_CLOSED;
}

static bool step_flush(http_conn *conn)
{
    if (!conn->out.len)
        return false;
    ssize_t n = send_some(conn, buffer_data(&conn->out), conn->out.len);
    if (n > 0)
        buffer_drop(&conn->out, (size_t)n);
    if (n >= 0)
        return n > 0;
    /* the peer may have answered before it closed: read that first */
    buffer_drop(&conn->out, conn->out.len);
    conn->out_ended = true;
    conn->head.keep_alive = false;
    return true;
}

static bool wants_input(const http_conn *conn)
{
    return !conn->saw_eof && conn->in.len < HTTP_BUFFER &&
           (conn->state == HTTP_HEAD || conn->state == HTTP_BODY);
}

static bool step_fill(http_conn *conn)
{
    enum { PART = 16 << 10 };
    if (!wants_input(conn))
        return false;
    if (!buffer_reserve(&conn->in, PART)) {
        http_conn_fail(conn, HTTP_INTERNAL_ERROR);
        return true;
    }
    ssize_t n =
        receive_some(conn, conn->in.data + conn->in.at + conn->in.len, PART);
    if (!n)
        return false;
    if (n == WASI_FAILED && conn->tls)
        return fail_tls(conn);
    if (n < 0) {
        conn->saw_eof = true;
        return true;
    }
    conn->in.len += (size_t)n;
    if (conn->state == HTTP_BODY)
        conn->deadline = after(conn->timeouts.between_bytes);
    return true;
}

/* ---- the peer's head --------------------------------------------------- */

static void begin_body(http_conn *conn)
{
    conn->state = HTTP_BODY;
    conn->chunk = HTTP_CHUNK_SIZE;
    conn->body_room = conn->max_body;
    conn->left = conn->head.framing == HTTP_LENGTH ? conn->head.length : 0;
    conn->deadline = after(conn->timeouts.between_bytes);
    if (conn->head.framing == HTTP_NO_BODY) {
        conn->state = HTTP_DONE;
        conn->deadline = WASI_NEVER;
    }
    if (conn->left > conn->body_room)
        http_conn_fail(conn, HTTP_REQUEST_BODY_SIZE);
}

static bool no_head(http_conn *conn)
{
    if (conn->in.len >= HTTP_HEAD_MAX)
        http_conn_fail(conn, conn->server ? HTTP_REQUEST_HEADER_SECTION_SIZE
                                          : HTTP_RESPONSE_HEADER_SECTION_SIZE);
    else if (conn->saw_eof)
        http_conn_fail(conn, conn->server ? HTTP_CONNECTION_TERMINATED
                                          : HTTP_RESPONSE_INCOMPLETE);
    else
        return false;
    return true;
}

static bool step_head(http_conn *conn)
{
    const uint8_t *data = buffer_data(&conn->in);
    size_t end = conn->in.len ? http_head_end(data, conn->in.len) : 0;
    if (!end)
        return no_head(conn);
    http_head_finish(&conn->head);
    http_error error =
        conn->server
            ? http_head_parse_request(data, end, &conn->head)
            : http_head_parse_response(data, end, conn->to_head, &conn->head);
    if (error) {
        http_conn_fail(conn, error);
        return true;
    }
    buffer_drop(&conn->in, end);
    bool interim = !conn->server && conn->head.status < 200;
    if (interim && conn->head.status == 101)
        http_conn_fail(conn, HTTP_UPGRADE_FAILED);
    if (!interim)
        begin_body(conn);
    return true;
}

/* ---- the whole machine ------------------------------------------------- */

static void check_deadline(http_conn *conn)
{
    static const http_error errors[] = {
        [HTTP_RESOLVING] = HTTP_DNS_TIMEOUT,
        [HTTP_CONNECTING] = HTTP_CONNECTION_TIMEOUT,
        [HTTP_SECURING] = HTTP_CONNECTION_TIMEOUT,
        [HTTP_HEAD] = HTTP_CONNECTION_READ_TIMEOUT,
        [HTTP_BODY] = HTTP_CONNECTION_READ_TIMEOUT,
    };
    if (conn->state <= HTTP_BODY && wasi_now_ns() >= conn->deadline)
        http_conn_fail(conn, errors[conn->state]);
}

static bool step(http_conn *conn)
{
    switch (conn->state) {
    case HTTP_RESOLVING: return step_resolve(conn);
    case HTTP_CONNECTING: return step_connect(conn);
    case HTTP_SECURING: return step_secure(conn);
    case HTTP_HEAD:
        return step_head(conn) || step_flush(conn) || step_fill(conn);
    case HTTP_BODY: return step_flush(conn) || step_fill(conn);
    case HTTP_DONE: return step_flush(conn);
    default: return false;
    }
}

void http_conn_pump(http_conn *conn)
{
    while (step(conn))
        ;
    check_deadline(conn);
}

/* Either direction of TLS may need the other. */
static short events_of(const http_conn *conn, bool writing)
{
    return conn->tls ? tls_events(conn->tls, writing)
           : writing ? POLLOUT
                     : POLLIN;
}

void http_conn_want(const http_conn *conn, wasi_wait *wait)
{
    wait->step = true;
    wait->deadline = conn->deadline ? conn->deadline : WASI_NEVER;
    switch (conn->state) {
    case HTTP_RESOLVING:
        wait->fd = conn->lookup_fd;
        wait->events = POLLIN;
        return;
    case HTTP_CONNECTING:
        wait->fd = conn->fd;
        wait->events = POLLOUT;
        return;
    case HTTP_SECURING:
        wait->fd = conn->fd;
        wait->events = events_of(conn, false);
        return;
    case HTTP_FAILED: wait->ready = true; return;
    default:
        wait->events =
            (short)((wants_input(conn) ? events_of(conn, false) : 0) |
                    (conn->out.len ? events_of(conn, true) : 0));
        wait->fd = wait->events ? conn->fd : -1;
    }
}

/* ---- reading a body ---------------------------------------------------- */

static ssize_t read_failed(http_conn *conn, http_error error)
{
    http_conn_fail(conn, error);
    return WASI_FAILED;
}

static ssize_t read_done(http_conn *conn)
{
    conn->state = HTTP_DONE;
    conn->deadline = WASI_NEVER;
    return WASI_CLOSED;
}

/* Nothing is buffered: wait, or the peer has ended. */
static ssize_t read_nothing(http_conn *conn)
{
    if (!conn->saw_eof)
        return 0;
    /* RFC 9112, 9.8: without TLS's goodbye that may not be all */
    bool was_cut = conn->tls && tls_was_cut(conn->tls);
    if (conn->head.framing == HTTP_UNTIL_CLOSE && !was_cut)
        return read_done(conn);
    return read_failed(conn, conn->server ? HTTP_CONNECTION_TERMINATED
                                          : HTTP_RESPONSE_INCOMPLETE);
}

static ssize_t take(http_conn *conn, void *buf, size_t len)
{
    size_t n = len < conn->in.len ? len : conn->in.len;
    if (!n)
        return read_nothing(conn);
    memcpy(buf, buffer_data(&conn->in), n);
    buffer_drop(&conn->in, n);
    return (ssize_t)n;
}

static ssize_t take_left(http_conn *conn, void *buf, size_t len)
{
    ssize_t n = take(conn, buf, len < conn->left ? len : conn->left);
    if (n > 0)
        conn->left -= (uint64_t)n;
    return n;
}

/* A line of chunk framing; its length, 0 (not yet), or negative. */
static ssize_t chunk_line(http_conn *conn, const uint8_t **line)
{
    *line = buffer_data(&conn->in);
    const uint8_t *end =
        conn->in.len ? memmem(*line, conn->in.len, "\r\n", 2) : NULL;
    if (!end && conn->in.len > CHUNK_LINE_MAX)
        return read_failed(conn, HTTP_PROTOCOL_ERROR);
    if (!end)
        return conn->saw_eof ? read_nothing(conn) : 0;
    return end - *line + 2;
}

static bool parse_chunk_size(const uint8_t *line, size_t len, uint64_t *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t i = 0;
    for (*out = 0; i < len && i < 15; i++) {
        const char *digit = strchr(digits, line[i] | 32);
        if (!digit || !*digit || line[i] < '0')
            break;
        *out = *out * 16 + (uint64_t)(digit - digits);
    }
    return i && (i == len || line[i] == ';' || line[i] == ' ');
}

/* 1: go on; else what http_conn_read answers. */
static ssize_t chunk_start(http_conn *conn)
{
    const uint8_t *line;
    ssize_t n = chunk_line(conn, &line);
    if (n <= 0)
        return n;
    if (!parse_chunk_size(line, (size_t)n - 2, &conn->left))
        return read_failed(conn, HTTP_PROTOCOL_ERROR);
    if (conn->left > conn->body_room)
        return read_failed(conn, HTTP_REQUEST_BODY_SIZE);
    conn->body_room -= conn->left;
    buffer_drop(&conn->in, (size_t)n);
    conn->chunk = conn->left ? HTTP_CHUNK_DATA : HTTP_CHUNK_TRAILERS;
    return 1;
}

static ssize_t chunk_end(http_conn *conn)
{
    if (conn->in.len < 2)
        return conn->saw_eof ? read_nothing(conn) : 0;
    if (memcmp(buffer_data(&conn->in), "\r\n", 2))
        return read_failed(conn, HTTP_PROTOCOL_ERROR);
    buffer_drop(&conn->in, 2);
    conn->chunk = HTTP_CHUNK_SIZE;
    return 1;
}

static ssize_t chunk_trailers(http_conn *conn)
{
    const uint8_t *data = buffer_data(&conn->in);
    size_t len = conn->in.len;
    if (len >= 2 && !memcmp(data, "\r\n", 2)) {
        buffer_drop(&conn->in, 2);
        return read_done(conn);
    }
    size_t end = len ? http_head_end(data, len) : 0;
    if (!end && len >= HTTP_HEAD_MAX)
        return read_failed(conn, HTTP_RESPONSE_TRAILER_SECTION_SIZE);
    if (!end)
        return conn->saw_eof ? read_nothing(conn) : 0;
    http_error error = http_trailers_parse(data, end, &conn->trailers);
    if (error)
        return read_failed(conn, error);
    buffer_drop(&conn->in, end);
    return read_done(conn);
}

static ssize_t read_chunked(http_conn *conn, void *buf, size_t len)
{
    ssize_t n = 1;
    for (;;) {
        switch (conn->chunk) {
        case HTTP_CHUNK_SIZE: n = chunk_start(conn); break;
        case HTTP_CHUNK_END: n = chunk_end(conn); break;
        case HTTP_CHUNK_TRAILERS: return chunk_trailers(conn);
        case HTTP_CHUNK_DATA:
            n = take_left(conn, buf, len);
            if (n > 0 && !conn->left)
                conn->chunk = HTTP_CHUNK_END;
            return n;
        }
        if (n != 1)
            return n;
    }
}

ssize_t http_conn_read(http_conn *conn, void *buf, size_t len)
{
    http_conn_pump(conn);
    if (conn->state == HTTP_FAILED)
        return WASI_FAILED;
    if (conn->state != HTTP_BODY)
        return conn->state == HTTP_DONE ? WASI_CLOSED : 0;
    switch (conn->head.framing) {
    case HTTP_CHUNKED: return read_chunked(conn, buf, len);
    case HTTP_UNTIL_CLOSE: return take(conn, buf, len);
    case HTTP_LENGTH:
        return conn->left ? take_left(conn, buf, len) : read_done(conn);
    default: return read_done(conn);
    }
}

/* ---- our message ------------------------------------------------------- */

static void put(http_conn *conn, const void *data, size_t len)
{
    if (conn->state == HTTP_FAILED)
        return;
    if (!buffer_reserve(&conn->out, len)) {
        http_conn_fail(conn, HTTP_INTERNAL_ERROR);
        return;
    }
    memcpy(conn->out.data + conn->out.at + conn->out.len, data, len);
    conn->out.len += len;
}

void http_conn_print(http_conn *conn, const char *format, ...)
{
    va_list args;
    char *text;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    if (n < 0) {
        http_conn_fail(conn, HTTP_INTERNAL_ERROR);
        return;
    }
    put(conn, text, (size_t)n);
    free(text);
}

void http_conn_put_fields(http_conn *conn, const http_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        const http_field *f = &fields->items[i];
        put(conn, f->text, f->name_len);
        put(conn, ": ", 2);
        put(conn, f->text + f->name_len, f->value_len);
        put(conn, "\r\n", 2);
    }
}

void http_conn_end_head(http_conn *conn, http_framing framing, uint64_t length)
{
    if (framing == HTTP_CHUNKED)
        http_conn_print(conn, "transfer-encoding: chunked\r\n");
    put(conn, "\r\n", 2);
    conn->out_framing = framing;
    conn->out_left = framing == HTTP_LENGTH ? length : 0;
    conn->out_ended = framing == HTTP_NO_BODY;
}

size_t http_conn_room(const http_conn *conn)
{
    size_t used = conn->out.len + CHUNK_OVERHEAD;
    return used < HTTP_BUFFER ? HTTP_BUFFER - used : 0;
}

ssize_t http_conn_write(http_conn *conn, const void *buf, size_t len)
{
    size_t room = http_conn_room(conn);
    if (conn->state == HTTP_FAILED || conn->out_ended)
        return WASI_FAILED;
    if (len > room)
        len = room;
    if (!len)
        return 0;
    if (conn->out_framing == HTTP_LENGTH && len > conn->out_left) {
        conn->error =
            conn->server ? HTTP_RESPONSE_BODY_SIZE : HTTP_REQUEST_BODY_SIZE;
        return WASI_FAILED;
    }
    if (conn->out_framing == HTTP_CHUNKED)
        http_conn_print(conn, "%zx\r\n", len);
    put(conn, buf, len);
    if (conn->out_framing == HTTP_CHUNKED)
        put(conn, "\r\n", 2);
    else
        conn->out_left -= conn->out_framing == HTTP_LENGTH ? len : 0;
    return conn->state == HTTP_FAILED ? WASI_FAILED : (ssize_t)len;
}

bool http_conn_finish(http_conn *conn, const http_fields *trailers)
{
    if (conn->out_ended)
        return true;
    conn->out_ended = true;
    if (conn->out_framing == HTTP_LENGTH && conn->out_left) {
        http_conn_fail(conn, conn->server ? HTTP_RESPONSE_BODY_SIZE
                                          : HTTP_REQUEST_BODY_SIZE);
        return false;
    }
    if (conn->out_framing == HTTP_CHUNKED) {
        put(conn, "0\r\n", 3);
        if (trailers)
            http_conn_put_fields(conn, trailers);
        put(conn, "\r\n", 2);
    }
    http_conn_pump(conn);
    return true;
}

bool http_conn_body_is_here(const http_conn *conn)
{
    const http_buffer *in = &conn->in;
    if (conn->state != HTTP_BODY || conn->saw_eof || in->len >= HTTP_BUFFER / 2)
        return conn->state >= HTTP_BODY;
    if (conn->head.framing == HTTP_CHUNKED)
        return in->len >= 5 &&
               !memcmp(buffer_data(in) + in->len - 5, "0\r\n\r\n", 5);
    return in->len >= conn->left;
}

bool http_conn_reset(http_conn *conn)
{
    if (conn->state != HTTP_DONE || !conn->out_ended || conn->out.len ||
        !conn->head.keep_alive || conn->saw_eof)
        return false;
    http_head_finish(&conn->head);
    wasi_release(conn->trailers);
    conn->trailers = NULL;
    conn->out_ended = false;
    conn->state = HTTP_HEAD;
    conn->deadline = after(conn->timeouts.first_byte);
    return true;
}
