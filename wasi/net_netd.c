/* net_netd.c - sockets that netd makes: one request and answer per call. */
#include "wasi/net_netd.h"

#include "wasi/msg.h"
#include "wasi/proto_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct netd {
    wasi_net net;
    int fd;
} netd;

/* An answer of a netd that has ended meanwhile may wait in the socket. */
static void drop_stale(int fd)
{
    net_answer stale;
    int got;
    while (!msg_recv(fd, &stale, sizeof stale, NULL, 0, &got, 1, MSG_DONTWAIT))
        if (got >= 0)
            close(got);
}

/* What may come with an answer. */
typedef struct reply {
    int fd;     /* -1: none */
    void *data; /* room for `size` bytes */
    size_t size, got;
} reply;

/* `give` goes along (or -1); `reply` may be NULL. */
static int ask(wasi_net *net, net_request *request, const void *data, int give,
               reply *reply)
{
    netd *n = (netd *)net;
    net_answer answer;
    int got = -1;
    drop_stale(n->fd);
    int err = msg_send(n->fd, request, sizeof *request, data, request->size,
                       &give, give >= 0, 0);
    if (err)
        return err == -EPIPE ? -ENETDOWN : err;
    ssize_t rest =
        msg_recv(n->fd, &answer, sizeof answer, reply ? reply->data : NULL,
                 reply ? reply->size : 0, &got, 1, 0);
    if (rest < 0)
        return -ENETDOWN;
    if (answer.op != request->op) { /* netd was started again */
        answer.result = -EAGAIN;
    }
    if (reply && answer.result >= 0)
        reply->fd = got;
    else if (got >= 0)
        close(got);
    if (reply)
        reply->got = (size_t)rest;
    return answer.result;
}

static bool put_address(net_request *r, const struct sockaddr *address,
                        socklen_t len)
{
    r->family = address->sa_family;
    if (address->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        r->port = ntohs(in->sin_port);
        memcpy(r->address, &in->sin_addr, 4);
        return true;
    }
    if (address->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)address;
        r->port = ntohs(in->sin6_port);
        r->scope = in->sin6_scope_id;
        memcpy(r->address, &in->sin6_addr, 16);
        return true;
    }
    return address->sa_family == AF_UNSPEC;
}

static int ask_fd(wasi_net *net, net_request *request, const void *data)
{
    reply reply = {.fd = -1};
    int err = ask(net, request, data, -1, &reply);
    return err < 0 ? err : reply.fd < 0 ? -EIO : reply.fd;
}

static int netd_open(wasi_net *net, wasi_net_protocol protocol, int family)
{
    net_request r = {
        .op = NET_OPEN, .protocol = protocol, .family = (uint32_t)family};
    return ask_fd(net, &r, NULL);
}

static int with_address(wasi_net *net, net_op op, wasi_net_protocol protocol,
                        int fd, const struct sockaddr *address, socklen_t len)
{
    net_request r = {.op = op, .protocol = protocol};
    if (!put_address(&r, address, len))
        return -EAFNOSUPPORT;
    return ask(net, &r, NULL, fd, NULL);
}

static int netd_bind(wasi_net *net, wasi_net_protocol protocol, int fd,
                     const struct sockaddr *address, socklen_t len)
{
    return with_address(net, NET_BIND, protocol, fd, address, len);
}

static int netd_connect(wasi_net *net, wasi_net_protocol protocol, int fd,
                        const struct sockaddr *address, socklen_t len)
{
    return with_address(net, NET_CONNECT, protocol, fd, address, len);
}

static int netd_listen(wasi_net *net, int fd, int backlog)
{
    net_request r = {.op = NET_LISTEN, .backlog = backlog};
    return ask(net, &r, NULL, fd, NULL);
}

static ssize_t netd_sendto(wasi_net *net, int fd, const void *data, size_t size,
                           const struct sockaddr *address, socklen_t len)
{
    net_request r = {
        .op = NET_SENDTO, .protocol = WASI_NET_UDP, .size = (uint32_t)size};
    if (size > NET_MAX_DATAGRAM)
        return -EMSGSIZE;
    if (!put_address(&r, address, len))
        return -EAFNOSUPPORT;
    return ask(net, &r, data, fd, NULL);
}

static socklen_t get_source(const net_source *source,
                            struct sockaddr_storage *from)
{
    struct sockaddr_in *in = (struct sockaddr_in *)from;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)from;
    memset(from, 0, sizeof *from);
    from->ss_family = (sa_family_t)source->family;
    if (source->family == AF_INET) {
        in->sin_port = htons(source->port);
        memcpy(&in->sin_addr, source->address, 4);
        return sizeof *in;
    }
    in6->sin6_port = htons(source->port);
    in6->sin6_scope_id = source->scope;
    memcpy(&in6->sin6_addr, source->address, 16);
    return sizeof *in6;
}

static ssize_t netd_receive(wasi_net *net, int fd, void *buf, size_t size,
                            struct sockaddr_storage *from, socklen_t *len)
{
    struct {
        net_source source;
        uint8_t data[NET_MAX_DATAGRAM];
    } *in = malloc(sizeof *in);
    net_request r = {.op = NET_RECEIVE, .protocol = WASI_NET_UDP};
    if (!in)
        return -ENOMEM;
    reply reply = {.fd = -1, .data = in, .size = sizeof *in};
    ssize_t n = ask(net, &r, NULL, fd, &reply);
    if (n >= 0 && reply.got != sizeof in->source + (size_t)n)
        n = -EIO;
    if (n >= 0) {
        *len = get_source(&in->source, from);
        n = (size_t)n < size ? n : (ssize_t)size;
        memcpy(buf, in->data, (size_t)n);
    }
    free(in);
    return n;
}

static int netd_resolve(wasi_net *net, const char *name, size_t len)
{
    net_request r = {.op = NET_RESOLVE, .size = (uint32_t)len};
    if (!len || len >= NET_NAME)
        return -EINVAL;
    return ask_fd(net, &r, name);
}

static void netd_destroy(wasi_net *net)
{
    close(((netd *)net)->fd);
    free(net);
}

wasi_net *wasi_net_netd(int fd)
{
    static const wasi_net_ops ops = {
        .open = netd_open,
        .bind = netd_bind,
        .connect = netd_connect,
        .listen = netd_listen,
        .sendto = netd_sendto,
        .receive = netd_receive,
        .resolve = netd_resolve,
        .destroy = netd_destroy,
    };
    netd *n = malloc(sizeof *n);
    if (!n)
        return NULL;
    *n = (netd){.net = {&ops}, .fd = fd};
    return &n->net;
}
