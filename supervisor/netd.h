/*
 * netd.h - netd's clients and the decisions about them, apart from the
 * sockets (role_netd.c), so that they can be tested without a network.
 */
#ifndef VYOMA_NETD_H
#define VYOMA_NETD_H

#include "supervisor/grant.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>

enum { NETD_RESOLVED = 64, NETD_LOOKUPS = 4, NETD_HEARD = 256 };

/* An address that was looked up for a rule's name. */
typedef struct netd_resolved {
    uint32_t rule; /* index in rules.connect */
    uint8_t address[16];
} netd_resolved;

/* Who sent a datagram to a UDP server, and to which of its ports. */
typedef struct netd_heard {
    uint8_t address[16];
    uint16_t port, local_port;
} netd_heard;

typedef struct netd_client {
    uint32_t id;
    int control;
    char app[GRANT_NAME];
    grant_network rules;
    uint32_t nheard; /* ever; the table turns */
    netd_heard heard[NETD_HEARD];
    /* Shared with the threads that look names up. */
    pthread_mutex_t lock;
    uint32_t refs, lookups;
    uint32_t nresolved; /* ever; the table turns */
    netd_resolved resolved[NETD_RESOLVED];
} netd_client;

/* Where a request wants to go: IPv4 as IPv4-mapped IPv6. */
typedef struct netd_target {
    grant_protocol protocol;
    uint16_t port;
    uint8_t address[16];
} netd_target;

netd_client *netd_client_create(void);
void netd_client_release(netd_client *c);

/* Fills address and port; false for another family. */
bool netd_target_from(const struct sockaddr_storage *from, netd_target *to);

bool netd_may_open(const netd_client *c, grant_protocol protocol);
/* Port 0 is a client's choice of its own port: allowed where it may connect,
 * and no way to listen, which asks netd_may_listen. */
bool netd_may_bind(const netd_client *c, const netd_target *target);
bool netd_may_listen(const netd_client *c, const netd_target *target);
bool netd_may_connect(netd_client *c, const netd_target *target);
/* UDP: a server may answer, from the same port, who has sent it something. */
void netd_hear(netd_client *c, const netd_target *peer, uint16_t local_port);
bool netd_may_answer(const netd_client *c, const netd_target *peer,
                     uint16_t local_port);
bool netd_may_resolve(const netd_client *c, const char *name);

/* Starts a lookup in a thread; a descriptor that yields wasi_net_address
 * records, or a negative errno. */
int netd_resolve(netd_client *c, const char *name, const char *servers);
/* Remembers an address for the rules with that name. */
void netd_learn(netd_client *c, const char *name, const uint8_t address[16]);

#endif
