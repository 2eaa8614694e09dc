/*
 * netd_rules.c - what netd allows whom, and the names it looks up.  A lookup
 * runs in a thread of its own; what it finds for a name in a client's rules is
 * remembered with the rule, and only that makes an address reachable by name.
 */
#include "supervisor/netd.h"

#include "wasi/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

netd_client *netd_client_create(void)
{
    netd_client *c = calloc(1, sizeof *c);
    if (c) {
        pthread_mutex_init(&c->lock, NULL);
        c->refs = 1;
    }
    return c;
}

void netd_client_release(netd_client *c)
{
    pthread_mutex_lock(&c->lock);
    bool last = !--c->refs;
    pthread_mutex_unlock(&c->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static void map_ipv4(uint8_t out[16], const void *four)
{
    memset(out, 0, 10);
    memset(out + 10, 0xff, 2);
    memcpy(out + 12, four, 4);
}

bool netd_target_from(const struct sockaddr_storage *from, netd_target *to)
{
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;
        map_ipv4(to->address, &in->sin_addr);
        to->port = ntohs(in->sin_port);
        return true;
    }
    if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)from;
        memcpy(to->address, &in->sin6_addr, 16);
        to->port = ntohs(in->sin6_port);
        return true;
    }
    return false;
}

/* ---- decisions ----------------------------------------------------- */

static bool any_rule(const grant_address *rules, uint32_t count,
                     grant_protocol protocol)
{
    for (uint32_t i = 0; i < count; i++)
        if (rules[i].protocol == protocol)
            return true;
    return false;
}

bool netd_may_open(const netd_client *c, grant_protocol protocol)
{
    return any_rule(c->rules.listen, c->rules.nlisten, protocol) ||
           any_rule(c->rules.connect, c->rules.nconnect, protocol);
}

bool netd_may_listen(const netd_client *c, const netd_target *t)
{
    for (uint32_t i = 0; i < c->rules.nlisten; i++)
        if (grant_address_matches(&c->rules.listen[i], t->protocol, t->address,
                                  t->port))
            return true;
    return false;
}

bool netd_may_bind(const netd_client *c, const netd_target *t)
{
    if (!t->port)
        return any_rule(c->rules.connect, c->rules.nconnect, t->protocol);
    return netd_may_listen(c, t);
}

static bool was_resolved(netd_client *c, uint32_t rule, const uint8_t *address)
{
    bool found = false;
    pthread_mutex_lock(&c->lock);
    for (uint32_t i = 0; i < NETD_RESOLVED && i < c->nresolved; i++)
        found = found || (c->resolved[i].rule == rule &&
                          !memcmp(c->resolved[i].address, address, 16));
    pthread_mutex_unlock(&c->lock);
    return found;
}

bool netd_may_connect(netd_client *c, const netd_target *t)
{
    for (uint32_t i = 0; i < c->rules.nconnect; i++) {
        const grant_address *rule = &c->rules.connect[i];
        if (grant_address_matches(rule, t->protocol, t->address, t->port))
            return true;
        if (rule->host == GRANT_HOST_NAME && rule->protocol == t->protocol &&
            t->port >= rule->low_port && t->port <= rule->high_port &&
            was_resolved(c, i, t->address))
            return true;
    }
    return false;
}

bool netd_may_answer(const netd_client *c, const netd_target *peer,
                     uint16_t local_port)
{
    for (uint32_t i = 0; i < NETD_HEARD && i < c->nheard; i++)
        if (c->heard[i].port == peer->port &&
            c->heard[i].local_port == local_port &&
            !memcmp(c->heard[i].address, peer->address, 16))
            return true;
    return false;
}

void netd_hear(netd_client *c, const netd_target *peer, uint16_t local_port)
{
    if (netd_may_answer(c, peer, local_port))
        return;
    netd_heard *heard = &c->heard[c->nheard++ % NETD_HEARD];
    memcpy(heard->address, peer->address, 16);
    heard->port = peer->port;
    heard->local_port = local_port;
    if (c->nheard == 2 * NETD_HEARD) /* stays "full" */
        c->nheard = NETD_HEARD;
}

static bool same_name(const char *a, const char *b)
{
    size_t len = strlen(a);
    if (len && a[len - 1] == '.') /* "example.org." */
        len--;
    return strlen(b) == len && !strncasecmp(a, b, len);
}

bool netd_may_resolve(const netd_client *c, const char *name)
{
    if (c->rules.resolve)
        return true;
    for (uint32_t i = 0; i < c->rules.nconnect; i++)
        if (c->rules.connect[i].host == GRANT_HOST_NAME &&
            same_name(name, c->rules.connect[i].name))
            return true;
    return false;
}

/* ---- lookups ------------------------------------------------------- */

/* A name must not lead back into this machine: whoever owns the name would
 * reach what other apps listen on. */
static bool is_local(const uint8_t a[16])
{
    static const uint8_t loopback[16] = {[15] = 1}, any[16];
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (!memcmp(a, mapped, 12))
        return a[12] == 127 || a[12] == 0;
    return !memcmp(a, loopback, 16) || !memcmp(a, any, 16);
}

void netd_learn(netd_client *c, const char *name, const uint8_t address[16])
{
    if (is_local(address))
        return;
    pthread_mutex_lock(&c->lock);
    for (uint32_t i = 0; i < c->rules.nconnect; i++) {
        const grant_address *rule = &c->rules.connect[i];
        if (rule->host != GRANT_HOST_NAME || !same_name(name, rule->name))
            continue;
        netd_resolved *r = &c->resolved[c->nresolved++ % NETD_RESOLVED];
        r->rule = i;
        memcpy(r->address, address, 16);
        if (c->nresolved == 2 * NETD_RESOLVED) /* stays "full" */
            c->nresolved = NETD_RESOLVED;
    }
    pthread_mutex_unlock(&c->lock);
}

typedef struct lookup {
    netd_client *client;
    int answer;
    char name[256], servers[64];
} lookup;

static void *run_lookup(void *data)
{
    lookup *l = data;
    wasi_net_address found[16];
    int count = wasi_net_lookup(l->name, l->servers, found, 16);
    if (count < 0)
        found[0] = (wasi_net_address){.error = -count};
    for (int i = 0; i < count; i++) {
        uint8_t address[16];
        if (found[i].family == AF_INET)
            map_ipv4(address, found[i].bytes);
        else
            memcpy(address, found[i].bytes, 16);
        netd_learn(l->client, l->name, address);
    }
    size_t size = sizeof *found * (size_t)(count < 0 ? 1 : count);
    (void)!write(l->answer, found, size); /* less than a pipe holds */
    close(l->answer);
    pthread_mutex_lock(&l->client->lock);
    l->client->lookups--;
    pthread_mutex_unlock(&l->client->lock);
    netd_client_release(l->client);
    free(l);
    return NULL;
}

/* Counts a lookup in; false when the client has too many already. */
static bool begin_lookup(netd_client *c)
{
    pthread_mutex_lock(&c->lock);
    bool ok = c->lookups < NETD_LOOKUPS;
    c->lookups += ok;
    c->refs += ok;
    pthread_mutex_unlock(&c->lock);
    return ok;
}

static void cancel_lookup(netd_client *c)
{
    pthread_mutex_lock(&c->lock);
    c->lookups--;
    pthread_mutex_unlock(&c->lock);
    netd_client_release(c);
}

int netd_resolve(netd_client *c, const char *name, const char *servers)
{
    int ends[2];
    pthread_t thread;
    if (!begin_lookup(c))
        return -EAGAIN;
    lookup *l = calloc(1, sizeof *l);
    if (!l || pipe2(ends, O_CLOEXEC)) {
        free(l);
        cancel_lookup(c);
        return -ENOMEM;
    }
    *l = (lookup){.client = c, .answer = ends[1]};
    strncpy(l->name, name, sizeof l->name - 1);
    strncpy(l->servers, servers, sizeof l->servers - 1);
    if (pthread_create(&thread, NULL, run_lookup, l)) {
        close(ends[0]);
        close(ends[1]);
        free(l);
        cancel_lookup(c);
        return -EAGAIN;
    }
    pthread_detach(thread);
    return ends[0];
}
