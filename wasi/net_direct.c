/*
 * net_direct.c - the back end of net.h that makes sockets in this process: for
 * `vyoma run` on a developer's machine, and for netd, which has its own rules
 * in front.
 */
#include "wasi/net.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ADDRESSES_MAX = 64, /* of one lookup */
    NAME_MAX_DNS = 253,
    LOOKUPS_MAX = 32, /* at the same time, each a thread */
};

struct direct {
    wasi_net net;
    wasi_net_rules rules;
};

static bool allowed(wasi_net *net, wasi_net_protocol protocol)
{
    const wasi_net_rules *rules = &((struct direct *)net)->rules;
    return protocol == WASI_NET_TCP ? rules->tcp : rules->udp;
}

static int direct_open(wasi_net *net, wasi_net_protocol protocol, int family)
{
    if (!allowed(net, protocol))
        return -EACCES;
    int type = protocol == WASI_NET_TCP ? SOCK_STREAM : SOCK_DGRAM;
    int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int on = 1;
    if (family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on)) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

static int direct_bind(wasi_net *net, wasi_net_protocol protocol, int fd,
                       const struct sockaddr *address, socklen_t len)
{
    /* The WIT asks for it: a listener may come back during TIME_WAIT. */
    int on = 1;
    if (protocol == WASI_NET_TCP &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on))
        return -errno;
    return bind(fd, address, len) ? -errno : 0;
}

static int direct_connect(wasi_net *net, wasi_net_protocol protocol, int fd,
                          const struct sockaddr *address, socklen_t len)
{
    return connect(fd, address, len) ? -errno : 0;
}

static int direct_listen(wasi_net *net, int fd, int backlog)
{
    return listen(fd, backlog) ? -errno : 0;
}

static ssize_t direct_sendto(wasi_net *net, int fd, const void *data,
                             size_t size, const struct sockaddr *address,
                             socklen_t len)
{
    ssize_t n =
        sendto(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL, address, len);
    return n < 0 ? -errno : n;
}

static ssize_t direct_receive(wasi_net *net, int fd, void *buf, size_t size,
                              struct sockaddr_storage *from, socklen_t *len)
{
    *len = sizeof *from;
    ssize_t n =
        recvfrom(fd, buf, size, MSG_DONTWAIT, (struct sockaddr *)from, len);
    return n < 0 ? -errno : n;
}

/* ---- name lookup, on a thread of its own -------------------------------- */

struct lookup {
    int fd; /* where the answers go */
    char name[NAME_MAX_DNS + 1];
};

static atomic_int lookups;

static void *lookup_main(void *arg)
{
    struct lookup *lookup = arg;
    wasi_net_address found[ADDRESSES_MAX];
    memset(found, 0, sizeof found);
    int n = wasi_net_lookup(lookup->name, NULL, found, ADDRESSES_MAX);
    if (n < 0) {
        found[0].error = -n;
        n = 1;
    }
    /* one write, smaller than a socket's buffer: it cannot block */
    (void)!send(lookup->fd, found, (size_t)n * sizeof *found, MSG_NOSIGNAL);
    close(lookup->fd);
    free(lookup);
    atomic_fetch_sub(&lookups, 1);
    return NULL;
}

static int start_thread(struct lookup *lookup)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, old;
    if (atomic_fetch_add(&lookups, 1) >= LOOKUPS_MAX) {
        atomic_fetch_sub(&lookups, 1);
        return EAGAIN;
    }
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are for the guest's */
    int error = pthread_create(&thread, &attr, lookup_main, lookup);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (error)
        atomic_fetch_sub(&lookups, 1);
    return error;
}

static int direct_resolve(wasi_net *net, const char *name, size_t len)
{
    if (!((struct direct *)net)->rules.lookup)
        return -EACCES;
    if (!len || len > NAME_MAX_DNS || memchr(name, 0, len))
        return -EINVAL;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return -errno;
    struct lookup *lookup = calloc(1, sizeof *lookup);
    int error = lookup ? 0 : ENOMEM;
    if (lookup) {
        lookup->fd = ends[1];
        memcpy(lookup->name, name, len);
        error = start_thread(lookup);
    }
    if (!error)
        return ends[0];
    free(lookup);
    close(ends[0]);
    close(ends[1]);
    return -error;
}

static void direct_destroy(wasi_net *net)
{
    free(net);
}

static const wasi_net_ops direct_ops = {
    .open = direct_open,
    .bind = direct_bind,
    .connect = direct_connect,
    .listen = direct_listen,
    .sendto = direct_sendto,
    .receive = direct_receive,
    .resolve = direct_resolve,
    .destroy = direct_destroy,
};

wasi_net *wasi_net_direct(const wasi_net_rules *rules)
{
    struct direct *direct = calloc(1, sizeof *direct);
    if (!direct)
        return NULL;
    direct->net.ops = &direct_ops;
    direct->rules = *rules;
    return &direct->net;
}

void wasi_net_destroy(wasi_net *net)
{
    if (net)
        net->ops->destroy(net);
}
