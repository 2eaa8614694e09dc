/*
 * proto_net.h - the wire between an app that was granted network and netd:
 * one SOCK_SEQPACKET connection per instance, one request at a time.  Sockets
 * travel along as descriptors: netd makes, binds and connects them; the app
 * only sends, receives and accepts.
 */
#ifndef VYOMA_PROTO_NET_H
#define VYOMA_PROTO_NET_H

#include <assert.h>
#include <stdint.h>

enum { NET_MAX_DATAGRAM = 65535, NET_NAME = 256 };

typedef enum net_op {
    NET_OPEN = 1, /* answers with one descriptor */
    NET_BIND,     /* comes with one descriptor, as do those below */
    NET_CONNECT,
    NET_LISTEN,
    NET_SENDTO,  /* a datagram of `size` bytes follows */
    NET_RESOLVE, /* a name of `size` bytes follows; answers a descriptor */
    NET_RECEIVE, /* a net_source and a datagram follow the answer */
    NET_OP_END,
} net_op;

typedef struct net_request {
    uint32_t op;
    uint32_t protocol; /* wasi_net_protocol */
    uint32_t family;   /* AF_INET, AF_INET6; AF_UNSPEC disconnects */
    uint32_t size;
    int32_t backlog;
    uint32_t scope;
    uint16_t port; /* host order */
    uint16_t pad[3];
    uint8_t address[16]; /* network order; the first four for AF_INET */
} net_request;

typedef struct net_answer {
    uint32_t op;
    int32_t result; /* 0, bytes sent or received, or a negative errno */
} net_answer;

typedef struct net_source {
    uint32_t family; /* the rest as in net_request */
    uint32_t scope;
    uint16_t port;
    uint16_t pad;
    uint8_t address[16];
} net_source;

static_assert(sizeof(net_source) == 28, "wire size");
static_assert(sizeof(net_request) == 48, "wire size");
static_assert(sizeof(net_answer) == 8, "wire size");

#endif
