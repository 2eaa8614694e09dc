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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* For requests that set none, as in wasmtime. */
#define DEFAULT_TIMEOUT ((uint64_t)600 * 1000000000u)

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

uint64_t http_after(uint64_t ns)
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
    conn->max_head = HTTP_HEAD_MAX;
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
    conn->deadline = http_after(conn->timeouts.connect);
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
    conn->deadline = http_after(conn->timeouts.connect);
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
    conn->deadline = http_after(conn->timeouts.first_byte);
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
    if (!conn->server) /* which waits for a request just as long */
        conn->deadline = http_after(conn->timeouts.first_byte);
    return true;
}

/* ---- bytes in and out -------------------------------------------------- */

/* Both: bytes, 0 for "not now", or negative: no more. */

static ssize_t send_some(http_conn *conn, const void *buf, size_t len)
{
    if (conn->tls)
        return tls_write(conn->tls, buf, len);
    bool more = conn->held && !conn->out_ended;
    ssize_t n = send(conn->fd, buf, len,
                     MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    if (n > 0)
        conn->unpushed = more;
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

/* tcp(7): setting it again lets go what is kept back. */
static void push(void *self)
{
    http_conn *conn = self;
    int on = 1;
    if (conn->unpushed)
        setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    conn->unpushed = false;
}

void http_conn_hold(http_conn *conn, wasi_ctx *ctx)
{
    conn->held = true;
    ctx->before_wait = push;
    ctx->before_wait_data = conn;
}

void http_conn_release(http_conn *conn, wasi_ctx *ctx)
{
    conn->held = false;
    ctx->before_wait = NULL;
    push(conn);
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
    if (!conn->out.len) {
        if (conn->out_ended)
            push(conn);
        return false;
    }
    ssize_t n = send_some(conn, http_buffer_data(&conn->out), conn->out.len);
    if (n > 0)
        http_buffer_drop(&conn->out, (size_t)n);
    if (conn->server && conn->state == HTTP_DONE &&
        (n > 0 || conn->deadline == WASI_NEVER))
        conn->deadline = http_after(conn->timeouts.between_bytes);
    if (n >= 0)
        return n > 0;
    /* the peer may have answered before it closed: read that first */
    http_buffer_drop(&conn->out, conn->out.len);
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
    if (!http_buffer_reserve(&conn->in, PART)) {
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
    if (conn->state == HTTP_BODY && !conn->server)
        conn->deadline = http_after(conn->timeouts.between_bytes);
    if (conn->state == HTTP_HEAD && conn->server &&
        conn->in.len == (size_t)n) /* a request begins */
        conn->deadline = http_after(conn->timeouts.first_byte);
    return true;
}

/* ---- the peer's head --------------------------------------------------- */

static void begin_body(http_conn *conn)
{
    conn->state = HTTP_BODY;
    conn->chunk = HTTP_CHUNK_SIZE;
    conn->body_room = conn->max_body;
    conn->left = conn->head.framing == HTTP_LENGTH ? conn->head.length : 0;
    conn->deadline = http_after(conn->timeouts.between_bytes);
    if (conn->head.framing == HTTP_NO_BODY) {
        conn->state = HTTP_DONE;
        conn->deadline = WASI_NEVER;
    }
    if (conn->left > conn->body_room)
        http_conn_fail(conn, HTTP_REQUEST_BODY_SIZE);
    /* RFC 9110, 10.1.1 */
    if (conn->state == HTTP_BODY && conn->head.expects_continue &&
        !conn->in.len)
        http_conn_print(conn, "HTTP/1.1 100 Continue\r\n\r\n");
}

/* A line end that is none (RFC 9112, 2.2, lets it be refused): without this
 * such a request would only run out of time. */
static bool has_bare_newline(const uint8_t *data, size_t len)
{
    const uint8_t *at = len ? memchr(data, '\n', len) : NULL;
    for (; at; at = memchr(at + 1, '\n', len - (size_t)(at + 1 - data)))
        if (at == data || at[-1] != '\r')
            return true;
    return false;
}

static bool no_head(http_conn *conn)
{
    if (conn->server &&
        has_bare_newline(http_buffer_data(&conn->in), conn->in.len))
        http_conn_fail(conn, HTTP_PROTOCOL_ERROR);
    else if (conn->in.len >= conn->max_head)
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
    /* An empty line before a request is passed over (RFC 9112, 2.2). */
    if (conn->server && conn->in.len >= 2 &&
        !memcmp(http_buffer_data(&conn->in), "\r\n", 2)) {
        http_buffer_drop(&conn->in, 2);
        return true;
    }
    const uint8_t *data = http_buffer_data(&conn->in);
    size_t end = conn->in.len ? http_head_end(data, conn->in.len) : 0;
    if (!end || end > conn->max_head)
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
    http_buffer_drop(&conn->in, end);
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
        [HTTP_DONE] = HTTP_CONNECTION_WRITE_TIMEOUT, /* a server's */
    };
    if (conn->state <= HTTP_DONE && wasi_now_ns() >= conn->deadline)
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
    conn->deadline = http_after(conn->in.len ? conn->timeouts.first_byte
                                             : conn->timeouts.connect);
    return true;
}

void http_conn_last_words(http_conn *conn)
{
    while (conn->out.len) {
        ssize_t n =
            send_some(conn, http_buffer_data(&conn->out), conn->out.len);
        if (n <= 0)
            break;
        http_buffer_drop(&conn->out, (size_t)n);
    }
    if (conn->tls) {
        tls_destroy(conn->tls);
        conn->tls = NULL;
    }
    shutdown(conn->fd, SHUT_WR);
}
