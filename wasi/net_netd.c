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

/* `give` goes along (or -1); *take, if not NULL, receives a descriptor. */
static int ask(wasi_net *net, net_request *request, const void *data, int give,
               int *take)
{
    netd *n = (netd *)net;
    net_answer answer;
    int got = -1;
    drop_stale(n->fd);
    int err = msg_send(n->fd, request, sizeof *request, data, request->size,
                       &give, give >= 0, 0);
    if (err)
        return err == -EPIPE ? -ENETDOWN : err;
    ssize_t rest = msg_recv(n->fd, &answer, sizeof answer, NULL, 0, &got, 1, 0);
    if (rest)
        return -ENETDOWN;
    if (answer.op != request->op) { /* netd was started again */
        answer.result = -EAGAIN;
    }
    if (take && answer.result >= 0 && got >= 0)
        *take = got;
    else if (got >= 0)
        close(got);
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

static int netd_open(wasi_net *net, wasi_net_protocol protocol, int family)
{
    net_request r = {
        .op = NET_OPEN, .protocol = protocol, .family = (uint32_t)family};
    int fd = -1, err = ask(net, &r, NULL, -1, &fd);
    return err < 0 ? err : fd < 0 ? -EIO : fd;
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

static int netd_resolve(wasi_net *net, const char *name, size_t len)
{
    net_request r = {.op = NET_RESOLVE, .size = (uint32_t)len};
    int fd = -1;
    if (!len || len >= NET_NAME)
        return -EINVAL;
    int err = ask(net, &r, name, -1, &fd);
    return err < 0 ? err : fd < 0 ? -EIO : fd;
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
        .resolve = netd_resolve,
        .destroy = netd_destroy,
    };
    netd *n = malloc(sizeof *n);
    if (!n)
        return NULL;
    *n = (netd){.net = {&ops}, .fd = fd};
    return &n->net;
}
