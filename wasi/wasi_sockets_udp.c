/*
 * wasi_sockets_udp.c - wasi:sockets/udp.  A socket is bound, and then `stream`
 * yields a pair of datagram streams, tied to one peer or to none.  Asking
 * again makes an earlier pair inoperative.
 */
#include "wasi/ifaces.h"
#include "wasi/wasi_sockets.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BATCH = 16,              /* datagrams in one call */
    DATAGRAM_MAX = 64 << 10, /* of IP */
};
_Static_assert(DATAGRAM_MAX <= WASI_SCRATCH_SIZE, "received into scratch");

typedef struct udp_socket {
    wasi_object object;
    int fd, family;
    enum { UNBOUND, BIND_STARTED, BOUND } state;
    bool has_peer;
    net_address peer;
    uint64_t generation; /* of the pair of streams that works */
} udp_socket;

/* Either direction. */
typedef struct udp_stream {
    wasi_object object;
    udp_socket *socket; /* retained */
    uint64_t generation;
    size_t permitted; /* by check-send */
} udp_stream;

static void socket_finish(void *self)
{
    udp_socket *udp = self;
    close(udp->fd);
    free(udp);
}

static void stream_finish(void *self)
{
    udp_stream *stream = self;
    wasi_release(stream->socket);
    free(stream);
}

NET_FN(create_udp_socket)
{
    wasi_net *net = ((wasi_ctx *)host)->net;
    int family = args[0].variant.index == NET_IPV4 ? AF_INET : AF_INET6;
    int fd = net->ops->open(net, WASI_NET_UDP, family);
    if (fd < 0)
        return net_outcome(call, result, -fd);
    udp_socket *udp = wasi_object_create(sizeof *udp, socket_finish);
    if (!udp) {
        close(fd);
        return wasi_no_memory(call);
    }
    udp->fd = fd;
    udp->family = family;
    return wasi_ok_own(call, result, udp);
}

/* ---- socket ------------------------------------------------------------ */

NET_FN(start_bind)
{
    udp_socket *udp = args[0].rep;
    wasi_net *net = ((wasi_ctx *)host)->net;
    net_address address;
    if (udp->state != UNBOUND)
        return net_code(call, result,
                        udp->state == BOUND ? NET_CODE_INVALID_STATE
                                            : NET_CODE_CONCURRENCY_CONFLICT);
    net_address_lift(&args[2], &address);
    if (!net_address_unicast(&address, udp->family))
        return net_code(call, result, NET_CODE_INVALID_ARGUMENT);
    int error =
        net->ops->bind(net, WASI_NET_UDP, udp->fd, &address.any, address.len);
    if (!error)
        udp->state = BIND_STARTED;
    return net_bind_outcome(call, result, -error);
}

NET_FN(finish_bind)
{
    udp_socket *udp = args[0].rep;
    if (udp->state != BIND_STARTED)
        return net_code(call, result, NET_CODE_NOT_IN_PROGRESS);
    udp->state = BOUND;
    return cm_ok(call, result, NULL);
}

static udp_stream *stream_create(udp_socket *udp)
{
    udp_stream *stream = wasi_object_create(sizeof *stream, stream_finish);
    if (!stream)
        return NULL;
    stream->socket = wasi_retain(udp);
    stream->generation = udp->generation;
    return stream;
}

/* Ties the socket to `peer`, or to none.  0 or an errno. */
static int set_peer(wasi_net *net, udp_socket *udp, const net_address *peer)
{
    net_address none = {.any = {.sa_family = AF_UNSPEC},
                        .len = sizeof none.any};
    int error = 0;
    if (udp->has_peer)
        error =
            net->ops->connect(net, WASI_NET_UDP, udp->fd, &none.any, none.len);
    if (error)
        return -error;
    udp->has_peer = false;
    if (!peer)
        return 0;
    error =
        net->ops->connect(net, WASI_NET_UDP, udp->fd, &peer->any, peer->len);
    if (error)
        return -error;
    udp->has_peer = true;
    udp->peer = *peer;
    return 0;
}

NET_FN(udp_stream_pair)
{
    udp_socket *udp = args[0].rep;
    wasi_net *net = ((wasi_ctx *)host)->net;
    net_address peer;
    bool has_peer = args[1].variant.index == 1;
    if (udp->state != BOUND)
        return net_code(call, result, NET_CODE_INVALID_STATE);
    if (has_peer)
        net_address_lift(args[1].variant.payload, &peer);
    if (has_peer && !net_address_remote(&peer, udp->family))
        return net_code(call, result, NET_CODE_INVALID_ARGUMENT);
    int error = set_peer(net, udp, has_peer ? &peer : NULL);
    if (error)
        return net_connect_outcome(call, result, error);
    udp->generation++;
    cm_value *pair = wasi_values(call, 2);
    udp_stream *in = stream_create(udp), *out = stream_create(udp);
    if (!pair || !in || !out) {
        wasi_release(in);
        wasi_release(out);
        return wasi_no_memory(call);
    }
    pair[0].rep = in;
    pair[1].rep = out;
    return wasi_ok_list(call, result, pair, 2);
}

NET_FN(local_address)
{
    udp_socket *udp = args[0].rep;
    if (udp->state != BOUND)
        return net_code(call, result, NET_CODE_INVALID_STATE);
    return net_local_address(call, udp->fd, result);
}

NET_FN(remote_address)
{
    udp_socket *udp = args[0].rep;
    if (!udp->has_peer)
        return net_code(call, result, NET_CODE_INVALID_STATE);
    return net_address_ok(call, result, &udp->peer);
}

NET_FN(address_family)
{
    udp_socket *udp = args[0].rep;
    result->variant.index = udp->family == AF_INET ? NET_IPV4 : NET_IPV6;
    result->variant.payload = NULL;
    return VM_OK;
}

NET_FN(unicast_hop_limit)
{
    udp_socket *udp = args[0].rep;
    return net_get_hops(call, udp->fd, udp->family, result);
}

NET_FN(set_unicast_hop_limit)
{
    udp_socket *udp = args[0].rep;
    return net_set_hops(call, udp->fd, udp->family, args[1].u, result);
}

NET_FN(receive_buffer_size)
{
    return net_get_buffer(call, ((udp_socket *)args[0].rep)->fd, SO_RCVBUF,
                          result);
}

NET_FN(set_receive_buffer_size)
{
    return net_set_buffer(call, ((udp_socket *)args[0].rep)->fd, SO_RCVBUF,
                          args[1].u, result);
}

NET_FN(send_buffer_size)
{
    return net_get_buffer(call, ((udp_socket *)args[0].rep)->fd, SO_SNDBUF,
                          result);
}

NET_FN(set_send_buffer_size)
{
    return net_set_buffer(call, ((udp_socket *)args[0].rep)->fd, SO_SNDBUF,
                          args[1].u, result);
}

static void always_ready(void *self, wasi_wait *wait)
{
    wait->ready = true; /* bind is never left unfinished */
}

NET_FN(udp_subscribe)
{
    return wasi_own(call, result,
                    wasi_pollable_create(args[0].rep, always_ready));
}

/* ---- streams ----------------------------------------------------------- */

static bool is_stale(const udp_stream *stream)
{
    return stream->generation != stream->socket->generation;
}

/* Copies one datagram out of scratch into *record. */
static vm_status put_datagram(cm_call *call, const uint8_t *data, size_t size,
                              const net_address *from, cm_value *record)
{
    cm_value *fields = wasi_values(call, 2);
    uint8_t *copy = cm_alloc(call, size ? size : 1);
    if (!fields || !copy)
        return wasi_no_memory(call);
    memcpy(copy, data, size);
    fields[0].bytes.data = copy;
    fields[0].bytes.len = size;
    record->list.items = fields;
    record->list.len = 2;
    return net_address_lower(call, from, &fields[1]);
}

NET_FN(receive)
{
    const udp_stream *stream = args[0].rep;
    const udp_socket *udp = stream->socket;
    size_t max = args[1].u < BATCH ? args[1].u : BATCH, count = 0;
    uint8_t *scratch = wasi_scratch(host);
    cm_value *items = wasi_values(call, max);
    if (!scratch || !items)
        return wasi_no_memory(call);
    if (is_stale(stream))
        return net_code(call, result, NET_CODE_INVALID_STATE);
    while (count < max) {
        net_address from = {.len = sizeof from.v6};
        ssize_t n = recvfrom(udp->fd, scratch, DATAGRAM_MAX, MSG_DONTWAIT,
                             &from.any, &from.len);
        if (n < 0 && errno != EAGAIN && !count)
            return net_connect_outcome(call, result, errno);
        if (n < 0)
            break;
        /* queued before the socket was tied to its peer */
        if (udp->has_peer && !net_address_equal(&from, &udp->peer))
            continue;
        vm_status status =
            put_datagram(call, scratch, (size_t)n, &from, &items[count++]);
        if (status != VM_OK)
            return status;
    }
    return wasi_ok_list(call, result, items, count);
}

NET_FN(check_send)
{
    udp_stream *stream = args[0].rep;
    if (is_stale(stream))
        return net_code(call, result, NET_CODE_INVALID_STATE);
    wasi_wait wait = {
        .fd = stream->socket->fd, .events = POLLOUT, .deadline = WASI_NEVER};
    stream->permitted = wasi_wait_ready(&wait) ? BATCH : 0;
    return cm_ok(call, result, &(cm_value){.u = stream->permitted});
}

/* One datagram.  Bytes, or a negative errno. */
static ssize_t send_one(wasi_net *net, const udp_socket *udp,
                        const cm_value *datagram)
{
    const cm_value *fields = datagram->list.items;
    const void *data = fields[0].bytes.data;
    size_t size = fields[0].bytes.len;
    net_address to;
    bool has_to = fields[1].variant.index == 1;
    if (has_to)
        net_address_lift(fields[1].variant.payload, &to);
    if (has_to && !net_address_remote(&to, udp->family))
        return -EINVAL;
    if (has_to && !udp->has_peer)
        return net->ops->sendto(net, udp->fd, data, size, &to.any, to.len);
    if (!udp->has_peer || (has_to && !net_address_equal(&to, &udp->peer)))
        return -EINVAL;
    ssize_t n = send(udp->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n < 0 ? -errno : n;
}

NET_FN(send_datagrams)
{
    udp_stream *stream = args[0].rep;
    wasi_net *net = ((wasi_ctx *)host)->net;
    size_t count = args[1].list.len, sent = 0;
    if (count > stream->permitted)
        return cm_trap(call, "send of %zu datagrams: check-send permitted %zu",
                       count, stream->permitted);
    if (is_stale(stream))
        return net_code(call, result, NET_CODE_INVALID_STATE);
    stream->permitted -= count;
    for (; sent < count; sent++) {
        ssize_t n = send_one(net, stream->socket, &args[1].list.items[sent]);
        if (n < 0 && n != -EAGAIN && !sent)
            return net_connect_outcome(call, result, (int)-n);
        if (n < 0)
            break;
    }
    return cm_ok(call, result, &(cm_value){.u = sent});
}

static void prepare_in(void *self, wasi_wait *wait)
{
    const udp_stream *stream = self;
    wait->fd = stream->socket->fd;
    wait->events = POLLIN;
    wait->ready = is_stale(stream);
}

static void prepare_out(void *self, wasi_wait *wait)
{
    const udp_stream *stream = self;
    wait->fd = stream->socket->fd;
    wait->events = POLLOUT;
    wait->ready = is_stale(stream);
}

NET_FN(subscribe_in)
{
    return wasi_own(call, result,
                    wasi_pollable_create(args[0].rep, prepare_in));
}

NET_FN(subscribe_out)
{
    return wasi_own(call, result,
                    wasi_pollable_create(args[0].rep, prepare_out));
}

static const cm_host_func udp_funcs[] = {
    {"[method]udp-socket.start-bind", start_bind},
    {"[method]udp-socket.finish-bind", finish_bind},
    {"[method]udp-socket.stream", udp_stream_pair},
    {"[method]udp-socket.local-address", local_address},
    {"[method]udp-socket.remote-address", remote_address},
    {"[method]udp-socket.address-family", address_family},
    {"[method]udp-socket.unicast-hop-limit", unicast_hop_limit},
    {"[method]udp-socket.set-unicast-hop-limit", set_unicast_hop_limit},
    {"[method]udp-socket.receive-buffer-size", receive_buffer_size},
    {"[method]udp-socket.set-receive-buffer-size", set_receive_buffer_size},
    {"[method]udp-socket.send-buffer-size", send_buffer_size},
    {"[method]udp-socket.set-send-buffer-size", set_send_buffer_size},
    {"[method]udp-socket.subscribe", udp_subscribe},
    {"[method]incoming-datagram-stream.receive", receive},
    {"[method]incoming-datagram-stream.subscribe", subscribe_in},
    {"[method]outgoing-datagram-stream.check-send", check_send},
    {"[method]outgoing-datagram-stream.send", send_datagrams},
    {"[method]outgoing-datagram-stream.subscribe", subscribe_out},
    {0},
};

const cm_host_interface wasi_iface_udp = {
    .name = "wasi:sockets/udp",
    .funcs = udp_funcs,
    .resources =
        (const cm_host_resource[]){{"udp-socket", wasi_drop},
                                   {"incoming-datagram-stream", wasi_drop},
                                   {"outgoing-datagram-stream", wasi_drop},
                                   {0}},
};

const cm_host_interface wasi_iface_udp_create_socket = {
    .name = "wasi:sockets/udp-create-socket",
    .funcs =
        (const cm_host_func[]){{"create-udp-socket", create_udp_socket}, {0}},
};
