/*
 * p3_sockets.c - wasi:sockets 0.3, over socket.h: functions that wait, a
 * listener as a stream of sockets, connections as streams of bytes.
 */
#include "wasi/ifaces.h"
#include "wasi/p3.h"
#include "wasi/wasi_sockets.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

_Static_assert(NET_DATAGRAM_MAX <= WASI_SCRATCH_SIZE, "received into scratch");

/* ---- errors ------------------------------------------------------------ */

/* By 0.2's error-code, which wasi_errno_network tells. */
enum { INVALID_STATE = 5, BROKEN = 10, OTHER = 14 };
static const uint8_t codes[] = {
    OTHER,         /* unknown */
    0,             /* access-denied */
    1,             /* not-supported */
    2,             /* invalid-argument */
    3,             /* out-of-memory */
    4,             /* timeout */
    INVALID_STATE, /* concurrency-conflict */
    INVALID_STATE, /* not-in-progress */
    OTHER,         /* would-block */
    INVALID_STATE, /* invalid-state */
    OTHER,         /* new-socket-limit */
    6,             /* address-not-bindable */
    7,             /* address-in-use */
    8,             /* remote-unreachable */
    9,             /* connection-refused */
    11,            /* connection-reset */
    12,            /* connection-aborted */
    13,            /* datagram-too-large */
    OTHER,         /* name-unresolvable */
    OTHER,         /* temporary-resolver-failure */
    OTHER,         /* permanent-resolver-failure */
};

static vm_status put_error(cm_call *call, int number, cm_value *out)
{
    uint64_t code =
        number == EPIPE ? BROKEN : codes[wasi_errno_network(number)];
    if (code == OTHER)
        return wasi_p3_other(call, OTHER, out);
    *out = (cm_value){.variant = {.index = code}};
    return VM_OK;
}

static const net_skin skin = {put_error};

NET_DEFINE_COMMON
NET_DEFINE_TCP

static vm_status outcome(cm_call *call, cm_value *result, int error)
{
    return net_outcome(&skin, call, result, error);
}

static vm_status wait_for(cm_call *call, wasi_ctx *ctx, int fd, short events)
{
    return wasi_p3_wait(
        call, ctx,
        &(wasi_wait){.fd = fd, .events = events, .deadline = WASI_NEVER});
}

/* ---- both kinds -------------------------------------------------------- */

static vm_status create(cm_call *call, wasi_ctx *ctx,
                        wasi_net_protocol protocol, const cm_value *family,
                        cm_value *result)
{
    net_socket *s = NULL;
    int error = net_socket_create(ctx, protocol, net_family_lift(family), &s);
    return net_made(&skin, call, result, error, s);
}

NET_FN(tcp_create)
{
    return create(call, host, WASI_NET_TCP, &args[0], result);
}

NET_FN(udp_create)
{
    return create(call, host, WASI_NET_UDP, &args[0], result);
}

NET_FN(socket_bind)
{
    net_address address;
    net_address_lift(&args[1], &address);
    return outcome(call, result, net_socket_bind(host, args[0].rep, &address));
}

/* ---- TCP --------------------------------------------------------------- */

NET_FN(tcp_connect)
{
    net_socket *tcp = args[0].rep;
    int error = 0;
    if (!cm_call_state(call)) { /* the first time */
        net_address address;
        net_address_lift(&args[1], &address);
        error = net_socket_connect(host, tcp, &address);
        cm_call_set_state(call, tcp, NULL);
    }
    if (!error)
        error = net_socket_connected(tcp);
    return error == EAGAIN ? wait_for(call, host, tcp->fd, POLLOUT)
                           : outcome(call, result, error);
}

/* The state of a stream of accepted sockets. */
typedef struct acceptor {
    wasi_object object;
    wasi_ctx *ctx;
    net_socket *tcp; /* retained */
} acceptor;

static void acceptor_finish(void *self)
{
    acceptor *a = self;
    wasi_release(a->tcp);
    free(a);
}

/* Out of descriptors or memory: others may free some. */
static vm_status accept_later(cm_call *call, wasi_ctx *ctx)
{
    enum { PAUSE_NS = 50 * 1000 * 1000 };
    return wasi_p3_wait(
        call, ctx,
        &(wasi_wait){.fd = -1, .deadline = wasi_now_ns() + PAUSE_NS});
}

static vm_status accept_next(void *state, cm_call *call, void *out, size_t max,
                             size_t *n)
{
    acceptor *a = state;
    net_socket *peer;
    int error;
    do
        error = net_socket_accept(a->tcp, &peer);
    while (error == ECONNABORTED || error == EINTR);
    if (error == EAGAIN)
        return wait_for(call, a->ctx, a->tcp->fd, POLLIN);
    if (error)
        return accept_later(call, a->ctx);
    ((cm_value *)out)->rep = peer;
    *n = 1;
    return VM_OK;
}

NET_FN(tcp_listen)
{
    static const cm_source accepted = {accept_next, wasi_release, false};
    net_socket *tcp = args[0].rep;
    cm_value stream;
    int error = net_socket_listen(host, tcp);
    if (error)
        return outcome(call, result, error);
    acceptor *a = wasi_object_create(sizeof *a, acceptor_finish);
    if (!a)
        return wasi_no_memory(call);
    a->ctx = host;
    a->tcp = wasi_retain(tcp);
    vm_status status = wasi_p3_stream(call, host, &accepted, a, &stream);
    return status == VM_OK ? cm_ok(call, result, &stream) : status;
}

/* The guest has no more to send, and all is on its way. */
static void sending_finish(void *self)
{
    wasi_output *out = self;
    shutdown(out->fd, SHUT_WR);
    wasi_output_finish(out);
}

static void receiving_finish(void *self)
{
    wasi_input *in = self;
    shutdown(in->fd, SHUT_RD);
    wasi_input_finish(in);
}

/* Each direction can be asked for once. */
static int claim(const net_socket *tcp, bool *claimed)
{
    if (tcp->state != NET_CONNECTED || *claimed)
        return ENOTCONN;
    *claimed = true;
    return 0;
}

NET_FN(tcp_send)
{
    net_socket *tcp = args[0].rep;
    int error = claim(tcp, &tcp->sends);
    wasi_output *out = error ? NULL : wasi_output_create(tcp->fd, tcp);
    if (out)
        out->object.finish = sending_finish;
    return wasi_p3_output(call, host, &args[1], out, error, put_error, result);
}

NET_FN(tcp_receive)
{
    net_socket *tcp = args[0].rep;
    int error = claim(tcp, &tcp->receives);
    wasi_input *in = error ? NULL : wasi_input_create(tcp->fd, tcp);
    if (in)
        in->object.finish = receiving_finish;
    return wasi_p3_input(call, host, in, error, put_error, result);
}

/* ---- UDP --------------------------------------------------------------- */

NET_FN(udp_connect)
{
    net_address address;
    net_address_lift(&args[1], &address);
    return outcome(call, result,
                   net_socket_set_peer(host, args[0].rep, &address));
}

NET_FN(udp_disconnect)
{
    net_socket *udp = args[0].rep;
    return outcome(call, result,
                   udp->has_peer ? net_socket_set_peer(host, udp, NULL)
                                 : ENOTCONN);
}

NET_FN(udp_send)
{
    net_socket *udp = args[0].rep;
    net_address room;
    int error =
        net_socket_send(host, udp, args[1].bytes.data, args[1].bytes.len,
                        net_address_option(&args[2], &room));
    return error == EAGAIN ? wait_for(call, host, udp->fd, POLLOUT)
                           : outcome(call, result, error);
}

NET_FN(udp_receive)
{
    net_socket *udp = args[0].rep;
    uint8_t *scratch = wasi_scratch(host);
    net_address from;
    if (!scratch)
        return wasi_no_memory(call);
    if (udp->state != NET_BOUND)
        return outcome(call, result, ENOTCONN);
    ssize_t n = net_socket_receive(host, udp, scratch, NET_DATAGRAM_MAX, &from);
    if (n == -EAGAIN)
        return wait_for(call, host, udp->fd, POLLIN);
    if (n < 0)
        return outcome(call, result, (int)-n);
    cm_value *pair = wasi_values(call, 2);
    if (!pair)
        return wasi_no_memory(call);
    pair[0].bytes.data = scratch;
    pair[0].bytes.len = (size_t)n;
    vm_status status = net_address_lower(call, &from, &pair[1]);
    return status == VM_OK ? wasi_ok_list(call, result, pair, 2) : status;
}

/* ---- ip-name-lookup ---------------------------------------------------- */

static vm_status lookup_outcome(cm_call *call, cm_value *result, int error)
{
    enum { OTHER_FAILURE = 5 };
    static const struct {
        int error, code;
    } cases[] = {{EACCES, 0}, {EINVAL, 1}, {ENOENT, 2}, {EBUSY, 3}, {EIO, 4}};
    cm_value other;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (cases[i].error == error)
            return wasi_err_enum(call, result, (uint64_t)cases[i].code);
    vm_status status = wasi_p3_other(call, OTHER_FAILURE, &other);
    return status == VM_OK ? cm_err(call, result, &other) : status;
}

/* A lookup with what it found so far: kept by the call while it waits. */
typedef struct resolving {
    wasi_object object;
    net_lookup *lookup;
    size_t count;
    wasi_net_address found[64];
} resolving;

static void resolving_finish(void *self)
{
    resolving *r = self;
    wasi_release(r->lookup);
    free(r);
}

static int start_resolving(cm_call *call, wasi_ctx *ctx, const cm_value *name,
                           resolving **out)
{
    resolving *r = *out = wasi_object_create(sizeof *r, resolving_finish);
    if (!r)
        return ENOMEM;
    cm_call_set_state(call, r, wasi_release);
    return net_lookup_start(ctx, name->str.data, name->str.len, &r->lookup);
}

/* ENODATA at the end, EAGAIN when there may be more. */
static int collect(resolving *r)
{
    int error = 0;
    while (!error && r->count < sizeof r->found / sizeof *r->found) {
        error = net_lookup_next(r->lookup, &r->found[r->count]);
        r->count += !error;
    }
    return error && error != ENODATA ? error : r->count ? ENODATA : ENOENT;
}

NET_FN(resolve_addresses)
{
    resolving *r = cm_call_state(call);
    int error = r ? 0 : start_resolving(call, host, &args[0], &r);
    if (!error)
        error = collect(r);
    if (error == EAGAIN)
        return wait_for(call, host, r->lookup->fd, POLLIN);
    if (error != ENODATA)
        return lookup_outcome(call, result, error);
    cm_value *items = wasi_values(call, r->count);
    if (!items)
        return wasi_no_memory(call);
    for (size_t i = 0; i < r->count; i++) {
        vm_status status = net_ip_lower(call, &r->found[i], &items[i]);
        if (status != VM_OK)
            return status;
    }
    return wasi_ok_list(call, result, items, r->count);
}

/* ---- tables ------------------------------------------------------------ */

#define TCP(name, fn) {"[method]tcp-socket." name, fn}
#define UDP(name, fn) {"[method]udp-socket." name, fn}

static const cm_host_func types_funcs[] = {
    {"[static]tcp-socket.create", tcp_create},
    TCP("bind", socket_bind),
    TCP("connect", tcp_connect),
    TCP("listen", tcp_listen),
    TCP("send", tcp_send),
    TCP("receive", tcp_receive),
    TCP("get-local-address", skin_local_address),
    TCP("get-remote-address", skin_remote_address),
    TCP("get-is-listening", net_is_listening),
    TCP("get-address-family", net_address_family),
    TCP("set-listen-backlog-size", skin_set_backlog),
    TCP("get-keep-alive-enabled", skin_get_keep_alive),
    TCP("set-keep-alive-enabled", skin_set_keep_alive),
    TCP("get-keep-alive-idle-time", skin_get_idle_time),
    TCP("set-keep-alive-idle-time", skin_set_idle_time),
    TCP("get-keep-alive-interval", skin_get_interval),
    TCP("set-keep-alive-interval", skin_set_interval),
    TCP("get-keep-alive-count", skin_get_count),
    TCP("set-keep-alive-count", skin_set_count),
    TCP("get-hop-limit", skin_get_hop_limit),
    TCP("set-hop-limit", skin_set_hop_limit),
    TCP("get-receive-buffer-size", skin_get_receive_buffer),
    TCP("set-receive-buffer-size", skin_set_receive_buffer),
    TCP("get-send-buffer-size", skin_get_send_buffer),
    TCP("set-send-buffer-size", skin_set_send_buffer),
    {"[static]udp-socket.create", udp_create},
    UDP("bind", socket_bind),
    UDP("connect", udp_connect),
    UDP("disconnect", udp_disconnect),
    UDP("send", udp_send),
    UDP("receive", udp_receive),
    UDP("get-local-address", skin_local_address),
    UDP("get-remote-address", skin_remote_address),
    UDP("get-address-family", net_address_family),
    UDP("get-unicast-hop-limit", skin_get_hop_limit),
    UDP("set-unicast-hop-limit", skin_set_hop_limit),
    UDP("get-receive-buffer-size", skin_get_receive_buffer),
    UDP("set-receive-buffer-size", skin_set_receive_buffer),
    UDP("get-send-buffer-size", skin_get_send_buffer),
    UDP("set-send-buffer-size", skin_set_send_buffer),
    {0},
};

const cm_host_interface wasi_p3_sockets_types = {
    .name = "wasi:sockets/types@0.3",
    .funcs = types_funcs,
    .resources = (const cm_host_resource[]){{"tcp-socket", wasi_drop},
                                            {"udp-socket", wasi_drop},
                                            {0}},
};

const cm_host_interface wasi_p3_ip_name_lookup = {
    .name = "wasi:sockets/ip-name-lookup@0.3",
    .funcs =
        (const cm_host_func[]){{"resolve-addresses", resolve_addresses}, {0}},
};
