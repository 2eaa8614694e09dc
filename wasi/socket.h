/*
 * socket.h - TCP and UDP sockets and name lookups, beneath wasi:sockets of
 * 0.2 (wasi_sockets*.c) and 0.3 (p3_sockets.c).  What a policy must decide goes
 * through net.h; the rules of wasi-sockets' operational semantics are here.
 *
 * Functions answer 0 or an errno: EINVAL for an address that cannot be meant,
 * EISCONN for a socket in another state, EALREADY for one that is busy.
 */
#ifndef VYOMA_WASI_SOCKET_H
#define VYOMA_WASI_SOCKET_H

#include "wasi/internal.h"
#include "wasi/net.h"

#include <netinet/in.h>

/* ---- addresses --------------------------------------------------------- */

typedef struct net_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t len;
} net_address;

bool net_address_equal(const net_address *a, const net_address *b);

/* ---- sockets ----------------------------------------------------------- */

typedef enum net_state {
    NET_UNBOUND,
    NET_BIND_STARTED, /* 0.2 binds and listens in two steps */
    NET_BOUND,
    NET_LISTEN_STARTED,
    NET_LISTENING,
    NET_CONNECTING,
    NET_CONNECTED,
    NET_CLOSED, /* connecting failed */
} net_state;

typedef struct net_socket {
    wasi_object object;
    int fd; /* owned; non-blocking */
    int family;
    wasi_net_protocol protocol;
    net_state state; /* UDP: unbound, bind-started, bound */
    int backlog;
    bool shut_in, shut_out;
    bool sends, receives; /* 0.3: asked for already */
    bool serves;          /* UDP: bound to a port of its choice */
    bool has_peer;        /* UDP */
    net_address peer;
    uint64_t generation; /* UDP of 0.2: of the pair of streams that works */
} net_socket;

/* `family` is AF_INET or AF_INET6. */
VM_MUST_CHECK int net_socket_create(wasi_ctx *ctx, wasi_net_protocol protocol,
                                    int family, net_socket **out);
/* EALREADY or EISCONN: why an operation that needs another state fails. */
int net_socket_wrong_state(const net_socket *s);
VM_MUST_CHECK int net_socket_bind(wasi_ctx *ctx, net_socket *s,
                                  const net_address *address);
VM_MUST_CHECK int net_socket_local(const net_socket *s, net_address *out);
VM_MUST_CHECK int net_socket_remote(const net_socket *s, net_address *out);

/* TCP.  Connecting goes on until net_socket_connected says other than EAGAIN;
 * it waits for POLLOUT meanwhile, accepting for POLLIN. */
VM_MUST_CHECK int net_socket_connect(wasi_ctx *ctx, net_socket *s,
                                     const net_address *address);
VM_MUST_CHECK int net_socket_connected(net_socket *s);
VM_MUST_CHECK int net_socket_listen(wasi_ctx *ctx, net_socket *s);
/* ECONNABORTED: the next connection has gone already. */
VM_MUST_CHECK int net_socket_accept(const net_socket *s, net_socket **out);
VM_MUST_CHECK int net_socket_set_backlog(wasi_ctx *ctx, net_socket *s,
                                         uint64_t size);

/* UDP: ties the socket to `peer`, or (NULL) to none. */
VM_MUST_CHECK int net_socket_set_peer(wasi_ctx *ctx, net_socket *s,
                                      const net_address *peer);
/* One datagram, to `to` or (NULL) the peer.  EAGAIN: not now. */
VM_MUST_CHECK int net_socket_send(wasi_ctx *ctx, net_socket *s,
                                  const void *data, size_t size,
                                  const net_address *to);
/* One datagram's size, or a negative errno. */
enum { NET_DATAGRAM_MAX = 64 << 10 };
VM_MUST_CHECK ssize_t net_socket_receive(wasi_ctx *ctx, const net_socket *s,
                                         void *buf, size_t size,
                                         net_address *from);

/* ---- options ----------------------------------------------------------- */

typedef enum net_option {
    NET_KEEP_ALIVE,
    NET_KEEP_ALIVE_IDLE_TIME, /* ns, as the next */
    NET_KEEP_ALIVE_INTERVAL,
    NET_KEEP_ALIVE_COUNT,
    NET_HOP_LIMIT,
    NET_RECEIVE_BUFFER,
    NET_SEND_BUFFER,
} net_option;

VM_MUST_CHECK int net_option_get(const net_socket *s, net_option option,
                                 uint64_t *out);
/* Rounds up to what the kernel can say, and clamps; EINVAL for 0. */
VM_MUST_CHECK int net_option_set(const net_socket *s, net_option option,
                                 uint64_t value);

/* ---- name lookup ------------------------------------------------------- */

typedef struct net_lookup {
    wasi_object object;
    int fd; /* yields wasi_net_address records; -1: `next` is all there is */
    bool ended;
    size_t have; /* bytes of `next` */
    wasi_net_address next;
} net_lookup;

/* A name or an address written out. */
VM_MUST_CHECK int net_lookup_start(wasi_ctx *ctx, const char *name, size_t len,
                                   net_lookup **out);
/* EAGAIN: not yet; ENODATA: there is no other; else what ended it: ENOENT (no
 * such name), EACCES, EINVAL, EBUSY (try later), EIO. */
VM_MUST_CHECK int net_lookup_next(net_lookup *lookup, wasi_net_address *out);
void net_lookup_prepare(void *lookup, wasi_wait *wait);

#endif
