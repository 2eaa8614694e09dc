/*
 * wasi_sockets_tcp.c - wasi:sockets/tcp 0.2, over socket.h: binding, listening
 * and connecting in two steps each, connections as a pair of wasi:io streams.
 */
#include "wasi/ifaces.h"
#include "wasi/wasi_sockets.h"

#include <errno.h>
#include <poll.h>

static const net_skin skin = {net_error_enum};

NET_DEFINE_COMMON
NET_DEFINE_TCP

static vm_status outcome(cm_call *call, cm_value *result, int error)
{
    return net_outcome(&skin, call, result, error);
}

/* A second step without the first. */
static vm_status not_in_progress(cm_call *call, cm_value *result)
{
    enum { NOT_IN_PROGRESS = 7 };
    return wasi_err_enum(call, result, NOT_IN_PROGRESS);
}

NET_FN(create_tcp_socket)
{
    net_socket *tcp = NULL;
    int error =
        net_socket_create(host, WASI_NET_TCP, net_family_lift(&args[0]), &tcp);
    return net_made(&skin, call, result, error, tcp);
}

/* ---- bind, listen ------------------------------------------------------ */

NET_FN(start_bind)
{
    net_socket *tcp = args[0].rep;
    net_address address;
    net_address_lift(&args[2], &address);
    int error = net_socket_bind(host, tcp, &address);
    if (!error)
        tcp->state = NET_BIND_STARTED;
    return outcome(call, result, error);
}

NET_FN(finish_bind)
{
    net_socket *tcp = args[0].rep;
    if (tcp->state != NET_BIND_STARTED)
        return not_in_progress(call, result);
    tcp->state = NET_BOUND;
    return cm_ok(call, result, NULL);
}

NET_FN(start_listen)
{
    net_socket *tcp = args[0].rep;
    int error = tcp->state == NET_BOUND ? net_socket_listen(host, tcp)
                                        : net_socket_wrong_state(tcp);
    if (!error)
        tcp->state = NET_LISTEN_STARTED;
    return outcome(call, result, error);
}

NET_FN(finish_listen)
{
    net_socket *tcp = args[0].rep;
    if (tcp->state != NET_LISTEN_STARTED)
        return not_in_progress(call, result);
    tcp->state = NET_LISTENING;
    return cm_ok(call, result, NULL);
}

/* ---- streams, accept, connect ------------------------------------------ */

/* Fills two handles; false when out of memory. */
static bool make_streams(net_socket *tcp, cm_value *handles)
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
    net_socket *peer;
    int error = net_socket_accept(args[0].rep, &peer);
    if (error)
        return outcome(call, result, error);
    cm_value *handles = wasi_values(call, 3);
    if (!handles || !make_streams(peer, handles + 1)) {
        wasi_release(peer);
        return wasi_no_memory(call);
    }
    handles[0].rep = peer;
    return wasi_ok_list(call, result, handles, 3);
}

NET_FN(start_connect)
{
    net_address address;
    net_address_lift(&args[2], &address);
    return outcome(call, result,
                   net_socket_connect(host, args[0].rep, &address));
}

NET_FN(finish_connect)
{
    net_socket *tcp = args[0].rep;
    if (tcp->state != NET_CONNECTING)
        return not_in_progress(call, result);
    int error = net_socket_connected(tcp);
    if (error)
        return outcome(call, result, error);
    cm_value *handles = wasi_values(call, 2);
    if (!handles || !make_streams(tcp, handles))
        return wasi_no_memory(call);
    return wasi_ok_list(call, result, handles, 2);
}

/* What is still buffered in the output stream is lost, unless flushed. */
NET_FN(tcp_shutdown)
{
    enum { RECEIVE, SEND, BOTH };
    static const int hows[] = {SHUT_RD, SHUT_WR, SHUT_RDWR};
    net_socket *tcp = args[0].rep;
    uint64_t type = args[1].variant.index;
    if (tcp->state != NET_CONNECTED)
        return outcome(call, result, EISCONN);
    tcp->shut_in |= type != SEND;
    tcp->shut_out |= type != RECEIVE;
    int failed = shutdown(tcp->fd, hows[type]);
    /* ENOTCONN: the peer has gone already, so it is as asked */
    return outcome(call, result, failed && errno != ENOTCONN ? errno : 0);
}

static void tcp_prepare(void *self, wasi_wait *wait)
{
    const net_socket *tcp = self;
    wait->fd = tcp->fd;
    if (tcp->state == NET_CONNECTING)
        wait->events = POLLOUT;
    else if (tcp->state == NET_LISTENING)
        wait->events = POLLIN;
    else
        wait->ready = true;
}

NET_FN(tcp_subscribe)
{
    return wasi_own(call, result,
                    wasi_pollable_create(args[0].rep, tcp_prepare));
}

#define F(name, fn) {"[method]tcp-socket." name, fn}

static const cm_host_func tcp_funcs[] = {
    F("start-bind", start_bind),
    F("finish-bind", finish_bind),
    F("start-connect", start_connect),
    F("finish-connect", finish_connect),
    F("start-listen", start_listen),
    F("finish-listen", finish_listen),
    F("accept", tcp_accept),
    F("local-address", skin_local_address),
    F("remote-address", skin_remote_address),
    F("is-listening", net_is_listening),
    F("address-family", net_address_family),
    F("set-listen-backlog-size", skin_set_backlog),
    F("keep-alive-enabled", skin_get_keep_alive),
    F("set-keep-alive-enabled", skin_set_keep_alive),
    F("keep-alive-idle-time", skin_get_idle_time),
    F("set-keep-alive-idle-time", skin_set_idle_time),
    F("keep-alive-interval", skin_get_interval),
    F("set-keep-alive-interval", skin_set_interval),
    F("keep-alive-count", skin_get_count),
    F("set-keep-alive-count", skin_set_count),
    F("hop-limit", skin_get_hop_limit),
    F("set-hop-limit", skin_set_hop_limit),
    F("receive-buffer-size", skin_get_receive_buffer),
    F("set-receive-buffer-size", skin_set_receive_buffer),
    F("send-buffer-size", skin_get_send_buffer),
    F("set-send-buffer-size", skin_set_send_buffer),
    F("subscribe", tcp_subscribe),
    F("shutdown", tcp_shutdown),
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
