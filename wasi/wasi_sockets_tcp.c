/*
 * wasi_sockets_tcp.c - wasi:sockets/tcp: sockets as the state machine that
 * TcpSocketOperationalSemantics.md of wasi-sockets describes.
 *
 *   unbound -start-bind-> bind-started -finish-bind-> bound
 *   bound -start-listen-> listen-started -finish-listen-> listening
 *   unbound, bound -start-connect-> connecting -finish-connect-> connected
 *
 * A failed connect leaves the socket closed.
 */
#include "wasi/ifaces.h"
#include "wasi/wasi_sockets.h"

#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    DEFAULT_BACKLOG = 128,
    KEEPALIVE_SECONDS_MAX = 32767, /* of the kernel */
    KEEPALIVE_COUNT_MAX = 127,
    NS_PER_S = 1000000000,
};

typedef enum tcp_state {
    UNBOUND,
    BIND_STARTED,
    BOUND,
    LISTEN_STARTED,
    LISTENING,
    CONNECTING,
    CONNECTED,
    CLOSED,
} tcp_state;

typedef struct tcp_socket {
    wasi_object object;
    int fd; /* owned; -1 never */
    int family;
    int backlog;
    tcp_state state;
    bool shut_in, shut_out;
} tcp_socket;

static void tcp_finish(void *self)
{
    tcp_socket *tcp = self;
    close(tcp->fd);
    free(tcp);
}

/* Owns fd in every case. */
static tcp_socket *tcp_create(int fd, int family, tcp_state state)
{
    tcp_socket *tcp = wasi_object_create(sizeof *tcp, tcp_finish);
    if (!tcp) {
        close(fd);
        return NULL;
    }
    tcp->fd = fd;
    tcp->family = family;
    tcp->backlog = DEFAULT_BACKLOG;
    tcp->state = state;
    return tcp;
}

NET_FN(create_tcp_socket)
{
    wasi_net *net = ((wasi_ctx *)host)->net;
    int family = args[0].variant.index == NET_IPV4 ? AF_INET : AF_INET6;
    int fd = net->ops->open(net, WASI_NET_TCP, family);
    return fd < 0 ? net_outcome(call, result, -fd)
                  : wasi_ok_own(call, result, tcp_create(fd, family, UNBOUND));
}

/* Why an operation that needs another state cannot start. */
static vm_status wrong_state(cm_call *call, const tcp_socket *tcp,
                             cm_value *result)
{
    bool busy = tcp->state == BIND_STARTED || tcp->state == LISTEN_STARTED ||
                tcp->state == CONNECTING;
    return net_code(call, result,
                    busy ? NET_CODE_CONCURRENCY_CONFLICT
                         : NET_CODE_INVALID_STATE);
}

/* ---- bind, listen ------------------------------------------------------ */

NET_FN(start_bind)
{
    tcp_socket *tcp = args[0].rep;
    wasi_net *net = ((wasi_ctx *)host)->net;
    net_address address;
    if (tcp->state != UNBOUND)
        return wrong_state(call, tcp, result);
    net_address_lift(&args[2], &address);
    if (!net_address_unicast(&address, tcp->family))
        return net_code(call, result, NET_CODE_INVALID_ARGUMENT);
    int error =
        net->ops->bind(net, WASI_NET_TCP, tcp->fd, &address.any, address.len);
    if (!error)
        tcp->state = BIND_STARTED;
    return net_bind_outcome(call, result, -error);
}

NET_FN(finish_bind)
{
    tcp_socket *tcp = args[0].rep;
    if (tcp->state != BIND_STARTED)
        return net_code(call, result, NET_CODE_NOT_IN_PROGRESS);
    tcp->state = BOUND;
    return cm_ok(call, result, NULL);
}

NET_FN(start_listen)
{
    tcp_socket *tcp = args[0].rep;
    wasi_net *net = ((wasi_ctx *)host)->net;
    if (tcp->state != BOUND)
        return wrong_state(call, tcp, result);
    int error = net->ops->listen(net, tcp->fd, tcp->backlog);
    if (!error)
        tcp->state = LISTEN_STARTED;
    return net_outcome(call, result, -error);
}

NET_FN(finish_listen)
{
    tcp_socket *tcp = args[0].rep;
    if (tcp->state != LISTEN_STARTED)
        return net_code(call, result, NET_CODE_NOT_IN_PROGRESS);
    tcp->state = LISTENING;
    return cm_ok(call, result, NULL);
}

/* ---- streams, accept, connect ------------------------------------------ */

/* Fills two handles; false when out of memory. */
static bool make_streams(tcp_socket *tcp, cm_value *handles)
{
    wasi_input *in = wasi_input_create(tcp->fd, tcp);
    wasi_output *out = wasi_output_create(tcp->fd, tcp);
    if (!in || !out) {
        wasi_release(in);
        wasi_release(out);
        return false;
    }
    in->shut = &tcp->shut_in;
    out->shut = &tcp->shut_out;
    handles[0].rep = in;
    handles[1].rep = out;
    return true;
}

NET_FN(tcp_accept)
{
    tcp_socket *tcp = args[0].rep;
    if (tcp->state != LISTENING)
        return net_code(call, result, NET_CODE_INVALID_STATE);
    int fd = accept4(tcp->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        /* accept(2): errors already pending on the new connection */
        bool aborted = errno == EPROTO || errno == ENETDOWN ||
                       errno == EHOSTDOWN || errno == EHOSTUNREACH ||
                       errno == ENETUNREACH || errno == ENONET;
        return aborted ? net_code(call, result, NET_CODE_CONNECTION_ABORTED)
                       : net_outcome(call, result, errno);
    }
    cm_value *handles = wasi_values(call, 3);
    tcp_socket *peer = tcp_create(fd, tcp->family, CONNECTED);
    if (!handles || !peer || !make_streams(peer, handles + 1)) {
        wasi_release(peer);
        return wasi_no_memory(call);
    }
    handles[0].rep = peer;
    return wasi_ok_list(call, result, handles, 3);
}

NET_FN(start_connect)
{
    tcp_socket *tcp = args[0].rep;
    wasi_net *net = ((wasi_ctx *)host)->net;
    net_address address;
    if (tcp->state != UNBOUND && tcp->state != BOUND)
        return wrong_state(call, tcp, result);
    net_address_lift(&args[2], &address);
    if (!net_address_remote(&address, tcp->family))
        return net_code(call, result, NET_CODE_INVALID_ARGUMENT);
    int error = net->ops->connect(net, WASI_NET_TCP, tcp->fd, &address.any,
                                  address.len);
    if (error && error != -EINPROGRESS) {
        tcp->state = CLOSED;
        return net_connect_outcome(call, result, -error);
    }
    tcp->state = CONNECTING;
    return cm_ok(call, result, NULL);
}

NET_FN(finish_connect)
{
    tcp_socket *tcp = args[0].rep;
    if (tcp->state != CONNECTING)
        return net_code(call, result, NET_CODE_NOT_IN_PROGRESS);
    wasi_wait wait = {.fd = tcp->fd, .events = POLLOUT, .deadline = WASI_NEVER};
    if (!wasi_wait_ready(&wait))
        return net_code(call, result, NET_CODE_WOULD_BLOCK);
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(tcp->fd, SOL_SOCKET, SO_ERROR, &error, &len))
        error = errno;
    if (error) {
        tcp->state = CLOSED;
        return net_connect_outcome(call, result, error);
    }
    cm_value *handles = wasi_values(call, 2);
    if (!handles || !make_streams(tcp, handles))
        return wasi_no_memory(call);
    tcp->state = CONNECTED;
    return wasi_ok_list(call, result, handles, 2);
}

/* What is still buffered in the output stream is lost, unless flushed. */
NET_FN(tcp_shutdown)
{
    enum { RECEIVE, SEND, BOTH };
    static const int hows[] = {SHUT_RD, SHUT_WR, SHUT_RDWR};
    tcp_socket *tcp = args[0].rep;
    uint64_t type = args[1].variant.index;
    if (tcp->state != CONNECTED)
        return net_code(call, result, NET_CODE_INVALID_STATE);
    tcp->shut_in |= type != SEND;
    tcp->shut_out |= type != RECEIVE;
    int failed = shutdown(tcp->fd, hows[type]);
    /* ENOTCONN: the peer has gone already, so it is as asked */
    return net_outcome(call, result, failed && errno != ENOTCONN ? errno : 0);
}

/* ---- state ------------------------------------------------------------- */

NET_FN(local_address)
{
    tcp_socket *tcp = args[0].rep;
    if (tcp->state == UNBOUND || tcp->state == BIND_STARTED ||
        tcp->state == CLOSED)
        return net_code(call, result, NET_CODE_INVALID_STATE);
    return net_local_address(call, tcp->fd, result);
}

NET_FN(remote_address)
{
    tcp_socket *tcp = args[0].rep;
    if (tcp->state != CONNECTED)
        return net_code(call, result, NET_CODE_INVALID_STATE);
    return net_remote_address(call, tcp->fd, result);
}

NET_FN(is_listening)
{
    tcp_socket *tcp = args[0].rep;
    result->u = tcp->state == LISTENING;
    return VM_OK;
}

NET_FN(address_family)
{
    tcp_socket *tcp = args[0].rep;
    result->variant.index = tcp->family == AF_INET ? NET_IPV4 : NET_IPV6;
    result->variant.payload = NULL;
    return VM_OK;
}

NET_FN(set_listen_backlog_size)
{
    tcp_socket *tcp = args[0].rep;
    wasi_net *net = ((wasi_ctx *)host)->net;
    if (!args[1].u)
        return net_code(call, result, NET_CODE_INVALID_ARGUMENT);
    if (tcp->state == CONNECTING || tcp->state == CONNECTED ||
        tcp->state == CLOSED)
        return net_code(call, result, NET_CODE_INVALID_STATE);
    tcp->backlog = args[1].u < INT_MAX ? (int)args[1].u : INT_MAX;
    int error = 0;
    if (tcp->state == LISTENING)
        error = net->ops->listen(net, tcp->fd, tcp->backlog);
    return net_outcome(call, result, -error);
}

static void tcp_prepare(void *self, wasi_wait *wait)
{
    tcp_socket *tcp = self;
    wait->fd = tcp->fd;
    if (tcp->state == CONNECTING)
        wait->events = POLLOUT;
    else if (tcp->state == LISTENING)
        wait->events = POLLIN;
    else
        wait->ready = true;
}

NET_FN(tcp_subscribe)
{
    return wasi_own(call, result,
                    wasi_pollable_create(args[0].rep, tcp_prepare));
}

/* ---- options ----------------------------------------------------------- */

static vm_status get_option(cm_call *call, const cm_value *args, int level,
                            int option, uint64_t unit, cm_value *result)
{
    tcp_socket *tcp = args[0].rep;
    int value = 0;
    socklen_t len = sizeof value;
    if (getsockopt(tcp->fd, level, option, &value, &len))
        return net_outcome(call, result, errno);
    return cm_ok(call, result, &(cm_value){.u = (uint64_t)value * unit});
}

/* Rounds up to `unit` and clamps to 1..max. */
static vm_status set_option(cm_call *call, const cm_value *args, int option,
                            uint64_t unit, uint64_t max, cm_value *result)
{
    tcp_socket *tcp = args[0].rep;
    uint64_t units = args[1].u / unit + (args[1].u % unit != 0);
    if (!units)
        return net_code(call, result, NET_CODE_INVALID_ARGUMENT);
    int value = (int)(units < max ? units : max);
    int failed = setsockopt(tcp->fd, IPPROTO_TCP, option, &value, sizeof value);
    return net_outcome(call, result, failed ? errno : 0);
}

NET_FN(keep_alive_enabled)
{
    return get_option(call, args, SOL_SOCKET, SO_KEEPALIVE, 1, result);
}

NET_FN(set_keep_alive_enabled)
{
    tcp_socket *tcp = args[0].rep;
    int on = args[1].u != 0;
    int failed = setsockopt(tcp->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    return net_outcome(call, result, failed ? errno : 0);
}

NET_FN(keep_alive_idle_time)
{
    return get_option(call, args, IPPROTO_TCP, TCP_KEEPIDLE, NS_PER_S, result);
}

NET_FN(set_keep_alive_idle_time)
{
    return set_option(call, args, TCP_KEEPIDLE, NS_PER_S, KEEPALIVE_SECONDS_MAX,
                      result);
}

NET_FN(keep_alive_interval)
{
    return get_option(call, args, IPPROTO_TCP, TCP_KEEPINTVL, NS_PER_S, result);
}

NET_FN(set_keep_alive_interval)
{
    return set_option(call, args, TCP_KEEPINTVL, NS_PER_S,
                      KEEPALIVE_SECONDS_MAX, result);
}

NET_FN(keep_alive_count)
{
    return get_option(call, args, IPPROTO_TCP, TCP_KEEPCNT, 1, result);
}

NET_FN(set_keep_alive_count)
{
    return set_option(call, args, TCP_KEEPCNT, 1, KEEPALIVE_COUNT_MAX, result);
}

NET_FN(hop_limit)
{
    tcp_socket *tcp = args[0].rep;
    return net_get_hops(call, tcp->fd, tcp->family, result);
}

NET_FN(set_hop_limit)
{
    tcp_socket *tcp = args[0].rep;
    return net_set_hops(call, tcp->fd, tcp->family, args[1].u, result);
}

NET_FN(receive_buffer_size)
{
    return net_get_buffer(call, ((tcp_socket *)args[0].rep)->fd, SO_RCVBUF,
                          result);
}

NET_FN(set_receive_buffer_size)
{
    return net_set_buffer(call, ((tcp_socket *)args[0].rep)->fd, SO_RCVBUF,
                          args[1].u, result);
}

NET_FN(send_buffer_size)
{
    return net_get_buffer(call, ((tcp_socket *)args[0].rep)->fd, SO_SNDBUF,
                          result);
}

NET_FN(set_send_buffer_size)
{
    return net_set_buffer(call, ((tcp_socket *)args[0].rep)->fd, SO_SNDBUF,
                          args[1].u, result);
}

static const cm_host_func tcp_funcs[] = {
    {"[method]tcp-socket.start-bind", start_bind},
    {"[method]tcp-socket.finish-bind", finish_bind},
    {"[method]tcp-socket.start-connect", start_connect},
    {"[method]tcp-socket.finish-connect", finish_connect},
    {"[method]tcp-socket.start-listen", start_listen},
    {"[method]tcp-socket.finish-listen", finish_listen},
    {"[method]tcp-socket.accept", tcp_accept},
    {"[method]tcp-socket.local-address", local_address},
    {"[method]tcp-socket.remote-address", remote_address},
    {"[method]tcp-socket.is-listening", is_listening},
    {"[method]tcp-socket.address-family", address_family},
    {"[method]tcp-socket.set-listen-backlog-size", set_listen_backlog_size},
    {"[method]tcp-socket.keep-alive-enabled", keep_alive_enabled},
    {"[method]tcp-socket.set-keep-alive-enabled", set_keep_alive_enabled},
    {"[method]tcp-socket.keep-alive-idle-time", keep_alive_idle_time},
    {"[method]tcp-socket.set-keep-alive-idle-time", set_keep_alive_idle_time},
    {"[method]tcp-socket.keep-alive-interval", keep_alive_interval},
    {"[method]tcp-socket.set-keep-alive-interval", set_keep_alive_interval},
    {"[method]tcp-socket.keep-alive-count", keep_alive_count},
    {"[method]tcp-socket.set-keep-alive-count", set_keep_alive_count},
    {"[method]tcp-socket.hop-limit", hop_limit},
    {"[method]tcp-socket.set-hop-limit", set_hop_limit},
    {"[method]tcp-socket.receive-buffer-size", receive_buffer_size},
    {"[method]tcp-socket.set-receive-buffer-size", set_receive_buffer_size},
    {"[method]tcp-socket.send-buffer-size", send_buffer_size},
    {"[method]tcp-socket.set-send-buffer-size", set_send_buffer_size},
    {"[method]tcp-socket.subscribe", tcp_subscribe},
    {"[method]tcp-socket.shutdown", tcp_shutdown},
    {0},
};

const cm_host_interface wasi_iface_tcp = {
    .name = "wasi:sockets/tcp",
    .funcs = tcp_funcs,
    .resources = (const cm_host_resource[]){{"tcp-socket", wasi_drop}, {0}},
};

const cm_host_interface wasi_iface_tcp_create_socket = {
    .name = "wasi:sockets/tcp-create-socket",
    .funcs =
        (const cm_host_func[]){{"create-tcp-socket", create_tcp_socket}, {0}},
};
