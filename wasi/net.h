/*
 * net.h - where sockets come from.  Everything that a policy must decide
 * (making, binding, connecting, listening, sending to an address, looking a
 * name up) goes through this table; data on a socket that is already allowed
 * (send, recv, accept, shutdown, options) stays in the guest's own process.
 *
 * Back ends: net_direct.c does it here and now (the developer's `vyoma run`,
 * and netd itself); net_netd.c asks netd, from a process that may not.
 */
#ifndef VYOMA_WASI_NET_H
#define VYOMA_WASI_NET_H

#include "wasi/wasi.h"

#include <sys/socket.h>
#include <sys/types.h>

typedef enum wasi_net_protocol {
    WASI_NET_TCP,
    WASI_NET_UDP,
} wasi_net_protocol;

/* All functions answer 0 (or a value) or a negative errno; -EACCES is a
 * refusal by policy. */
typedef struct wasi_net_ops {
    /* A non-blocking, close-on-exec socket of AF_INET or AF_INET6 (which is
     * then IPV6_V6ONLY), owned by the caller. */
    int (*open)(wasi_net *net, wasi_net_protocol protocol, int family);
    int (*bind)(wasi_net *net, wasi_net_protocol protocol, int fd,
                const struct sockaddr *address, socklen_t len);
    /* TCP: 0, or -EINPROGRESS: wait for POLLOUT, then read SO_ERROR.  UDP:
     * sets the only peer; AF_UNSPEC takes it away again. */
    int (*connect)(wasi_net *net, wasi_net_protocol protocol, int fd,
                   const struct sockaddr *address, socklen_t len);
    int (*listen)(wasi_net *net, int fd, int backlog);
    /* UDP to an address that connect did not name.  Bytes sent. */
    ssize_t (*sendto)(wasi_net *net, int fd, const void *data, size_t size,
                      const struct sockaddr *address, socklen_t len);
    /* UDP: a datagram that came to a server, which is a socket bound to a port
     * of its choice; whoever sent it may be answered from then on.  Bytes. */
    ssize_t (*receive)(wasi_net *net, int fd, void *buf, size_t size,
                       struct sockaddr_storage *from, socklen_t *len);
    /* Starts a lookup.  The result is a descriptor that yields
     * wasi_net_address records and then ends; owned by the caller. */
    int (*resolve)(wasi_net *net, const char *name, size_t len);
    void (*destroy)(wasi_net *net);
} wasi_net_ops;

struct wasi_net {
    const wasi_net_ops *ops;
};

/* One answer of a lookup, written in one piece to a pipe or socket. */
typedef struct wasi_net_address {
    int32_t error;     /* 0, or the errno that ends the lookup: ENOENT (no such
                          name), EAGAIN (try later), EACCES, EINVAL, EIO */
    int32_t family;    /* AF_INET, AF_INET6 */
    uint8_t bytes[16]; /* network order; the first four for AF_INET */
} wasi_net_address;

/* Rules of the direct back end; false refuses with EACCES. */
typedef struct wasi_net_rules {
    bool tcp, udp, lookup;
} wasi_net_rules;
/* NULL when out of memory. */
wasi_net *wasi_net_direct(const wasi_net_rules *rules);
void wasi_net_destroy(wasi_net *net); /* NULL is accepted */

/*
 * Looks `name` up and blocks until the answer is known: IPv6 and IPv4 in
 * the order of RFC 6724.  `servers` is "10.0.2.3" or "a,b", or NULL for
 * /etc/resolv.conf.  Returns the number of addresses, at most `max`, or a
 * negative errno as in wasi_net_address.  For helper threads and netd.
 */
int wasi_net_lookup(const char *name, const char *servers,
                    wasi_net_address *out, size_t max);

#endif
