/*
 * wasi_sockets_udp.c - wasi:sockets/udp 0.2, over socket.h.  A socket is bound,
 * and then `stream` yields a pair of datagram streams, tied to one peer or to
 * none.  Asking again makes an earlier pair inoperative.
 */
#include "wasi/ifaces.h"
#include "wasi/wasi_sockets.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 16 }; /* datagrams in one call */
_Static_assert(NET_DATAGRAM_MAX <= WASI_SCRATCH_SIZE, "received into scratch");

/* Either direction. */
typedef struct udp_stream {
    wasi_object object;
    net_socket *socket; /* retained */
    uint64_t generation;
    size_t permitted; /* by check-send */
} udp_stream;

static const net_skin skin = {net_error_enum};

NET_DEFINE_COMMON

static vm_status outcome(cm_call *call, cm_value *result, int error)
{
    return net_outcome(&skin, call, result, error);
}

static void stream_finish(void *self)
{
    udp_stream *stream = self;
    wasi_release(stream->socket);
    free(stream);
}

NET_FN(create_udp_socket)
{
    net_socket *udp = NULL;
    int error =
        net_socket_create(host, WASI_NET_UDP, net_family_lift(&args[0]), &udp);
    return net_made(&skin, call, result, error, udp);
}

/* ---- socket ------------------------------------------------------------ */

NET_FN(start_bind)
{
    net_socket *udp = args[0].rep;
    net_address address;
    net_address_lift(&args[2], &address);
    int error = net_socket_bind(host, udp, &address);
    if (!error)
        udp->state = NET_BIND_STARTED;
    return outcome(call, result, error);
}

NET_FN(finish_bind)
{
    enum { NOT_IN_PROGRESS = 7 };
    net_socket *udp = args[0].rep;
    if (udp->state != NET_BIND_STARTED)
        return wasi_err_enum(call, result, NOT_IN_PROGRESS);
    udp->state = NET_BOUND;
    return cm_ok(call, result, NULL);
}

static udp_stream *stream_create(net_socket *udp)
{
    udp_stream *stream = wasi_object_create(sizeof *stream, stream_finish);
    if (!stream)
        return NULL;
    stream->socket = wasi_retain(udp);
    stream->generation = udp->generation;
    return stream;
}

NET_FN(udp_stream_pair)
{
    net_socket *udp = args[0].rep;
    net_address room;
    int error = udp->state == NET_BOUND ? 0 : EISCONN;
    if (!error)
        error =
            net_socket_set_peer(host, udp, net_address_option(&args[1], &room));
    if (error)
        return outcome(call, result, error);
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
    size_t max = args[1].u < BATCH ? args[1].u : BATCH, count = 0;
    uint8_t *scratch = wasi_scratch(host);
    cm_value *items = wasi_values(call, max);
    if (!scratch || !items)
        return wasi_no_memory(call);
    if (is_stale(stream))
        return outcome(call, result, EISCONN);
    while (count < max) {
        net_address from;
        ssize_t n = net_socket_receive(host, stream->socket, scratch,
                                       NET_DATAGRAM_MAX, &from);
        if (n < 0 && n != -EAGAIN && !count)
            return outcome(call, result, (int)-n);
        if (n < 0)
            break;
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
        return outcome(call, result, EISCONN);
    wasi_wait wait = {
        .fd = stream->socket->fd, .events = POLLOUT, .deadline = WASI_NEVER};
    stream->permitted = wasi_wait_ready(&wait) ? BATCH : 0;
    return cm_ok(call, result, &(cm_value){.u = stream->permitted});
}

static int send_one(wasi_ctx *ctx, net_socket *udp, const cm_value *datagram)
{
    const cm_value *fields = datagram->list.items;
    net_address room;
    return net_socket_send(ctx, udp, fields[0].bytes.data, fields[0].bytes.len,
                           net_address_option(&fields[1], &room));
}

NET_FN(send_datagrams)
{
    udp_stream *stream = args[0].rep;
    size_t count = args[1].list.len, sent = 0;
    if (count > stream->permitted)
        return cm_trap(call, "send of %zu datagrams: check-send permitted %zu",
                       count, stream->permitted);
    if (is_stale(stream))
        return outcome(call, result, EISCONN);
    stream->permitted -= count;
    for (; sent < count; sent++) {
        int error = send_one(host, stream->socket, &args[1].list.items[sent]);
        if (error && error != EAGAIN && !sent)
            return outcome(call, result, error);
        if (error)
            break;
    }
    return cm_ok(call, result, &(cm_value){.u = sent});
}

static void prepare(const udp_stream *stream, short events, wasi_wait *wait)
{
    wait->fd = stream->socket->fd;
    wait->events = events;
    wait->ready = is_stale(stream);
}

static void prepare_in(void *self, wasi_wait *wait)
{
    prepare(self, POLLIN, wait);
}

static void prepare_out(void *self, wasi_wait *wait)
{
    prepare(self, POLLOUT, wait);
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

#define F(name, fn) {"[method]udp-socket." name, fn}

static const cm_host_func udp_funcs[] = {
    F("start-bind", start_bind),
    F("finish-bind", finish_bind),
    F("stream", udp_stream_pair),
    F("local-address", skin_local_address),
    F("remote-address", skin_remote_address),
    F("address-family", net_address_family),
    F("unicast-hop-limit", skin_get_hop_limit),
    F("set-unicast-hop-limit", skin_set_hop_limit),
    F("receive-buffer-size", skin_get_receive_buffer),
    F("set-receive-buffer-size", skin_set_receive_buffer),
    F("send-buffer-size", skin_get_send_buffer),
    F("set-send-buffer-size", skin_set_send_buffer),
    F("subscribe", udp_subscribe),
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
