/*
 * socket.c - the sockets beneath wasi:sockets (socket.h), as the state machine
 * that TcpSocketOperationalSemantics.md and its UDP twin describe.
 *
 *   unbound -bind-> bound -listen-> listening
 *   unbound, bound -connect-> connecting -> connected, or closed on failure
 */
#include "wasi/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    DEFAULT_BACKLOG = 128,
    KEEPALIVE_SECONDS_MAX = 32767, /* of the kernel */
    KEEPALIVE_COUNT_MAX = 127,
    NS_PER_S = 1000000000,
};

/* ---- addresses --------------------------------------------------------- */

bool net_address_equal(const net_address *a, const net_address *b)
{
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_INET)
        return a->v4.sin_port == b->v4.sin_port &&
               a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    return a->v6.sin6_port == b->v6.sin6_port &&
           !memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr);
}

static in_port_t port_of(const net_address *address)
{
    return address->any.sa_family == AF_INET ? address->v4.sin_port
                                             : address->v6.sin6_port;
}

/* An address of `family` that can name one host: not multicast, not broadcast,
 * not IPv4 within IPv6. */
static bool is_unicast(const net_address *address, int family)
{
    if (address->any.sa_family != family)
        return false;
    if (family == AF_INET) {
        uint32_t ip = ntohl(address->v4.sin_addr.s_addr);
        return !IN_MULTICAST(ip) && ip != INADDR_BROADCAST;
    }
    const struct in6_addr *ip = &address->v6.sin6_addr;
    return !IN6_IS_ADDR_MULTICAST(ip) && !IN6_IS_ADDR_V4MAPPED(ip) &&
           !IN6_IS_ADDR_V4COMPAT(ip);
}

/* ... and which can be a destination: neither the any address nor port 0. */
static bool is_remote(const net_address *address, int family)
{
    if (!is_unicast(address, family))
        return false;
    if (family == AF_INET)
        return address->v4.sin_port && address->v4.sin_addr.s_addr;
    return address->v6.sin6_port &&
           !IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
}

/* ---- making ------------------------------------------------------------ */

static void socket_finish(void *self)
{
    net_socket *s = self;
    close(s->fd);
    free(s);
}

/* Owns fd in every case. */
static int socket_over(int fd, wasi_net_protocol protocol, int family,
                       net_socket **out)
{
    net_socket *s = wasi_object_create(sizeof *s, socket_finish);
    if (!s) {
        close(fd);
        return ENOMEM;
    }
    s->fd = fd;
    s->family = family;
    s->protocol = protocol;
    s->backlog = DEFAULT_BACKLOG;
    *out = s;
    return 0;
}

int net_socket_create(wasi_ctx *ctx, wasi_net_protocol protocol, int family,
                      net_socket **out)
{
    int fd = ctx->net->ops->open(ctx->net, protocol, family);
    return fd < 0 ? -fd : socket_over(fd, protocol, family, out);
}

/* ---- state ------------------------------------------------------------- */

int net_socket_wrong_state(const net_socket *s)
{
    bool busy = s->state == NET_BIND_STARTED ||
                s->state == NET_LISTEN_STARTED || s->state == NET_CONNECTING;
    return busy ? EALREADY : EISCONN;
}

int net_socket_bind(wasi_ctx *ctx, net_socket *s, const net_address *address)
{
    wasi_net *net = ctx->net;
    if (s->state != NET_UNBOUND)
        return net_socket_wrong_state(s);
    if (!is_unicast(address, s->family))
        return EINVAL;
    int error =
        -net->ops->bind(net, s->protocol, s->fd, &address->any, address->len);
    if (!error) {
        s->state = NET_BOUND;
        s->serves = s->protocol == WASI_NET_UDP && port_of(address);
    }
    /* the kernel's words for "bound already" and "no port is left" */
    return error == EINVAL ? EISCONN : error == ENOBUFS ? EADDRINUSE : error;
}

int net_socket_local(const net_socket *s, net_address *out)
{
    if (s->state == NET_UNBOUND || s->state == NET_BIND_STARTED ||
        s->state == NET_CLOSED)
        return ENOTCONN;
    out->len = sizeof out->v6;
    return getsockname(s->fd, &out->any, &out->len) ? errno : 0;
}

int net_socket_remote(const net_socket *s, net_address *out)
{
    if (s->protocol == WASI_NET_UDP) {
        *out = s->peer;
        return s->has_peer ? 0 : ENOTCONN;
    }
    if (s->state != NET_CONNECTED)
        return ENOTCONN;
    out->len = sizeof out->v6;
    return getpeername(s->fd, &out->any, &out->len) ? errno : 0;
}

/* ---- TCP --------------------------------------------------------------- */

/* What connecting means by an errno: no local port was left. */
static int connect_errno(int error)
{
    return error == EADDRNOTAVAIL || error == EAGAIN ? EADDRINUSE
           : error == EAFNOSUPPORT                   ? EINVAL
                                                     : error;
}

int net_socket_connect(wasi_ctx *ctx, net_socket *s, const net_address *address)
{
    wasi_net *net = ctx->net;
    if (s->state != NET_UNBOUND && s->state != NET_BOUND)
        return net_socket_wrong_state(s);
    if (!is_remote(address, s->family))
        return EINVAL;
    int error = -net->ops->connect(net, s->protocol, s->fd, &address->any,
                                   address->len);
    s->state = error && error != EINPROGRESS ? NET_CLOSED : NET_CONNECTING;
    return s->state == NET_CLOSED ? connect_errno(error) : 0;
}

int net_socket_connected(net_socket *s)
{
    wasi_wait wait = {.fd = s->fd, .events = POLLOUT, .deadline = WASI_NEVER};
    int error = 0;
    socklen_t len = sizeof error;
    if (!wasi_wait_ready(&wait))
        return EAGAIN;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len))
        error = errno;
    s->state = error ? NET_CLOSED : NET_CONNECTED;
    return connect_errno(error);
}

int net_socket_listen(wasi_ctx *ctx, net_socket *s)
{
    if (s->state != NET_UNBOUND && s->state != NET_BOUND)
        return net_socket_wrong_state(s);
    int error = -ctx->net->ops->listen(ctx->net, s->fd, s->backlog);
    if (!error)
        s->state = NET_LISTENING;
    return error;
}

/* accept(2): errors that belong to the new connection, which has gone. */
static bool is_aborted(int error)
{
    static const int errors[] = {EPROTO,      ENETDOWN,   ENOPROTOOPT,
                                 EHOSTDOWN,   ENONET,     EHOSTUNREACH,
                                 ENETUNREACH, EOPNOTSUPP, ECONNABORTED};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i] == error)
            return true;
    return false;
}

int net_socket_accept(const net_socket *s, net_socket **out)
{
    if (s->state != NET_LISTENING)
        return EISCONN;
    int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return is_aborted(errno) ? ECONNABORTED : errno;
    int error = socket_over(fd, WASI_NET_TCP, s->family, out);
    if (!error)
        (*out)->state = NET_CONNECTED;
    return error;
}

int net_socket_set_backlog(wasi_ctx *ctx, net_socket *s, uint64_t size)
{
    if (!size)
        return EINVAL;
    if (s->state == NET_CONNECTING || s->state == NET_CONNECTED ||
        s->state == NET_CLOSED)
        return EISCONN;
    s->backlog = size < INT_MAX ? (int)size : INT_MAX;
    return s->state == NET_LISTENING
               ? -ctx->net->ops->listen(ctx->net, s->fd, s->backlog)
               : 0;
}

/* ---- UDP --------------------------------------------------------------- */

static int tie(wasi_net *net, const net_socket *s, const net_address *peer)
{
    return -net->ops->connect(net, WASI_NET_UDP, s->fd, &peer->any, peer->len);
}

int net_socket_set_peer(wasi_ctx *ctx, net_socket *s, const net_address *peer)
{
    static const net_address none = {.any = {.sa_family = AF_UNSPEC},
                                     .len = sizeof none.any};
    if (peer && !is_remote(peer, s->family))
        return EINVAL;
    int error = s->has_peer ? tie(ctx->net, s, &none) : 0;
    if (error)
        return connect_errno(error);
    s->has_peer = false;
    if (!peer)
        return 0;
    error = tie(ctx->net, s, peer);
    if (error)
        return connect_errno(error);
    s->state = NET_BOUND;
    s->has_peer = true;
    s->peer = *peer;
    return 0;
}

int net_socket_send(wasi_ctx *ctx, net_socket *s, const void *data, size_t size,
                    const net_address *to)
{
    wasi_net *net = ctx->net;
    ssize_t n;
    if (to && !is_remote(to, s->family))
        return EINVAL;
    if (to && !s->has_peer) {
        n = net->ops->sendto(net, s->fd, data, size, &to->any, to->len);
    } else if (!s->has_peer || (to && !net_address_equal(to, &s->peer))) {
        return EINVAL;
    } else {
        n = send(s->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        n = n < 0 ? -errno : n;
    }
    if (n >= 0)
        s->state = NET_BOUND;
    return n < 0 ? (int)-n : 0;
}

/* A server's datagrams come through the policy, which learns whom it may
 * answer. */
static ssize_t receive_one(wasi_net *net, const net_socket *s, void *buf,
                           size_t size, net_address *from)
{
    struct sockaddr_storage storage;
    if (s->serves) {
        ssize_t n =
            net->ops->receive(net, s->fd, buf, size, &storage, &from->len);
        if (n >= 0)
            memcpy(&from->v6, &storage, sizeof from->v6);
        return n;
    }
    from->len = sizeof from->v6;
    ssize_t n =
        recvfrom(s->fd, buf, size, MSG_DONTWAIT, &from->any, &from->len);
    return n < 0 ? -errno : n;
}

ssize_t net_socket_receive(wasi_ctx *ctx, const net_socket *s, void *buf,
                           size_t size, net_address *from)
{
    ssize_t n;
    do /* what came before the socket was tied to its peer is not for it */
        n = receive_one(ctx->net, s, buf, size, from);
    while (n >= 0 && s->has_peer && !net_address_equal(from, &s->peer));
    return n;
}

/* ---- options ----------------------------------------------------------- */

/* How an option's integer and the WIT's number relate. */
static const struct {
    int level, option;
    int level6, option6; /* on IPv6 sockets, if they differ */
    uint64_t unit;       /* the number is the integer times this */
    uint64_t max;
    bool may_be_zero;
    bool doubled; /* Linux tells twice what was asked for */
} options[] = {
    [NET_KEEP_ALIVE] = {.level = SOL_SOCKET,
                        .option = SO_KEEPALIVE,
                        .unit = 1,
                        .max = 1,
                        .may_be_zero = true},
    [NET_KEEP_ALIVE_IDLE_TIME] = {.level = IPPROTO_TCP,
                                  .option = TCP_KEEPIDLE,
                                  .unit = NS_PER_S,
                                  .max = KEEPALIVE_SECONDS_MAX},
    [NET_KEEP_ALIVE_INTERVAL] = {.level = IPPROTO_TCP,
                                 .option = TCP_KEEPINTVL,
                                 .unit = NS_PER_S,
                                 .max = KEEPALIVE_SECONDS_MAX},
    [NET_KEEP_ALIVE_COUNT] = {.level = IPPROTO_TCP,
                              .option = TCP_KEEPCNT,
                              .unit = 1,
                              .max = KEEPALIVE_COUNT_MAX},
    [NET_HOP_LIMIT] = {.level = IPPROTO_IP,
                       .option = IP_TTL,
                       .level6 = IPPROTO_IPV6,
                       .option6 = IPV6_UNICAST_HOPS,
                       .unit = 1,
                       .max = 255},
    [NET_RECEIVE_BUFFER] = {.level = SOL_SOCKET,
                            .option = SO_RCVBUF,
                            .unit = 1,
                            .max = INT_MAX / 2,
                            .doubled = true},
    [NET_SEND_BUFFER] = {.level = SOL_SOCKET,
                         .option = SO_SNDBUF,
                         .unit = 1,
                         .max = INT_MAX / 2,
                         .doubled = true},
};

static int level_of(const net_socket *s, net_option row)
{
    bool other = s->family == AF_INET6 && options[row].option6;
    return other ? options[row].level6 : options[row].level;
}

static int option_of(const net_socket *s, net_option row)
{
    bool other = s->family == AF_INET6 && options[row].option6;
    return other ? options[row].option6 : options[row].option;
}

int net_option_get(const net_socket *s, net_option row, uint64_t *out)
{
    int value = 0;
    socklen_t len = sizeof value;
    if (getsockopt(s->fd, level_of(s, row), option_of(s, row), &value, &len))
        return errno;
    *out = (uint64_t)(options[row].doubled ? value / 2 : value) *
           options[row].unit;
    return 0;
}

int net_option_set(const net_socket *s, net_option row, uint64_t value)
{
    uint64_t unit = options[row].unit, max = options[row].max;
    uint64_t units = value / unit + (value % unit != 0);
    int number = (int)(units < max ? units : max);
    if (!units && !options[row].may_be_zero)
        return EINVAL;
    return setsockopt(s->fd, level_of(s, row), option_of(s, row), &number,
                      sizeof number)
               ? errno
               : 0;
}

/* ---- name lookup ------------------------------------------------------- */

static void lookup_finish(void *self)
{
    net_lookup *lookup = self;
    if (lookup->fd >= 0)
        close(lookup->fd);
    free(lookup);
}

/* An address written out needs no lookup. */
static bool parse_literal(const char *text, size_t len, wasi_net_address *out)
{
    char copy[INET6_ADDRSTRLEN];
    if (len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = 0;
    *out = (wasi_net_address){.family = AF_INET};
    if (inet_pton(AF_INET, copy, out->bytes) == 1)
        return true;
    out->family = AF_INET6;
    return inet_pton(AF_INET6, copy, out->bytes) == 1;
}

/* RFC 1123 letters, digits, hyphens and dots, and the underscore in use. */
static bool is_name(const char *text, size_t len)
{
    if (!len || len > 253)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool alnum =
            (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
        if (!alnum && c != '-' && c != '.' && c != '_')
            return false;
    }
    return true;
}

/* EAGAIN of the resolver is "try later"; ours is "not yet". */
static int lookup_errno(int error)
{
    return error == EAGAIN ? EBUSY : error;
}

int net_lookup_start(wasi_ctx *ctx, const char *name, size_t len,
                     net_lookup **out)
{
    wasi_net_address literal;
    bool is_literal = parse_literal(name, len, &literal);
    if (!is_literal && !is_name(name, len))
        return EINVAL;
    int fd = is_literal ? -1 : ctx->net->ops->resolve(ctx->net, name, len);
    if (!is_literal && fd < 0)
        return lookup_errno(-fd);
    net_lookup *lookup = wasi_object_create(sizeof *lookup, lookup_finish);
    if (!lookup) {
        if (fd >= 0)
            close(fd);
        return ENOMEM;
    }
    lookup->fd = fd;
    if (is_literal) {
        lookup->next = literal;
        lookup->have = sizeof literal;
    }
    *out = lookup;
    return 0;
}

/* Completes `next`. */
static int read_record(net_lookup *lookup)
{
    while (lookup->have < sizeof lookup->next) {
        if (lookup->ended || lookup->fd < 0)
            return ENODATA;
        wasi_wait wait = {
            .fd = lookup->fd, .events = POLLIN, .deadline = WASI_NEVER};
        if (!wasi_wait_ready(&wait))
            return EAGAIN;
        ssize_t n = read(lookup->fd, (char *)&lookup->next + lookup->have,
                         sizeof lookup->next - lookup->have);
        if (n <= 0)
            lookup->ended = true;
        else
            lookup->have += (size_t)n;
    }
    lookup->have = 0;
    return 0;
}

static bool is_mapped(const wasi_net_address *address)
{
    return address->family == AF_INET6 &&
           IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)address->bytes);
}

int net_lookup_next(net_lookup *lookup, wasi_net_address *out)
{
    int error;
    do
        error = read_record(lookup);
    while (!error && !lookup->next.error && is_mapped(&lookup->next));
    if (!error && lookup->next.error) {
        lookup->ended = true;
        error = lookup_errno(lookup->next.error);
    }
    if (!error)
        *out = lookup->next;
    return error;
}

void net_lookup_prepare(void *self, wasi_wait *wait)
{
    const net_lookup *lookup = self;
    wait->fd = lookup->fd;
    wait->events = POLLIN;
    wait->ready = lookup->fd < 0 || lookup->ended;
}
