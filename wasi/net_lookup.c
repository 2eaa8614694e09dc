/*
 * net_lookup.c - one blocking name lookup through c-ares, which, unlike
 * getaddrinfo, works in a static binary.  Runs on helper threads and in netd.
 */
#include "wasi/net.h"

#include <ares.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/time.h>

enum {
    TIMEOUT_MS = 5000, /* per try */
    TRIES = 3,
};

struct answer {
    wasi_net_address *out;
    size_t max, count;
    int status; /* ARES_, or -1 while it runs */
};

static void add(struct answer *answer, const struct sockaddr *address)
{
    if (answer->count == answer->max)
        return;
    wasi_net_address *to = &answer->out[answer->count];
    const void *bytes;
    size_t size;
    if (address->sa_family == AF_INET) {
        bytes = &((const struct sockaddr_in *)address)->sin_addr;
        size = sizeof(struct in_addr);
    } else if (address->sa_family == AF_INET6) {
        bytes = &((const struct sockaddr_in6 *)address)->sin6_addr;
        size = sizeof(struct in6_addr);
    } else {
        return;
    }
    *to = (wasi_net_address){.family = address->sa_family};
    memcpy(to->bytes, bytes, size);
    answer->count++;
}

static void finished(void *arg, int status, int timeouts,
                     struct ares_addrinfo *info)
{
    struct answer *answer = arg;
    answer->status = status;
    if (!info)
        return;
    for (struct ares_addrinfo_node *node = info->nodes; node;
         node = node->ai_next)
        add(answer, node->ai_addr);
    ares_freeaddrinfo(info);
}

static int to_errno(int status)
{
    switch (status) {
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_ENONAME: return ENOENT;
    case ARES_EBADNAME:
    case ARES_EBADSTR: return EINVAL;
    case ARES_ENOMEM: return ENOMEM;
    case ARES_ETIMEOUT:
    case ARES_ESERVFAIL:
    case ARES_ECONNREFUSED: return EAGAIN;
    default: return EIO;
    }
}

/* Serves the channel's sockets until the answer is known. */
static void run(ares_channel channel, const struct answer *answer)
{
    while (answer->status < 0) {
        ares_socket_t socks[ARES_GETSOCK_MAXNUM];
        struct pollfd fds[ARES_GETSOCK_MAXNUM];
        /* a bit each: readable in the lower half, writable in the upper */
        unsigned mask =
            (unsigned)ares_getsock(channel, socks, ARES_GETSOCK_MAXNUM);
        int n = 0;
        for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
            short events =
                (mask >> i & 1 ? POLLIN : 0) |
                (mask >> (i + ARES_GETSOCK_MAXNUM) & 1 ? POLLOUT : 0);
            if (events)
                fds[n++] = (struct pollfd){.fd = socks[i], .events = events};
        }
        struct timeval limit = {.tv_sec = 1}, left,
                       *wait = ares_timeout(channel, &limit, &left);
        poll(fds, (nfds_t)n,
             (int)(wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1));
        for (int i = 0; i < n; i++)
            ares_process_fd(
                channel,
                fds[i].revents & (POLLIN | POLLERR | POLLHUP) ? fds[i].fd
                                                              : ARES_SOCKET_BAD,
                fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
        ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    }
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init(void)
{
    ares_library_init(ARES_LIB_INIT_ALL);
}

int wasi_net_lookup(const char *name, const char *servers,
                    wasi_net_address *out, size_t max)
{
    struct ares_options options = {.timeout = TIMEOUT_MS, .tries = TRIES};
    ares_channel channel;
    pthread_once(&once, init);
    int status = ares_init_options(&channel, &options,
                                   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
    if (status != ARES_SUCCESS)
        return -to_errno(status);
    if (servers && (status = ares_set_servers_csv(channel, servers))) {
        ares_destroy(channel);
        return -to_errno(status);
    }
    struct answer answer = {.out = out, .max = max, .status = -1};
    struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC,
                                        .ai_socktype = SOCK_STREAM};
    ares_getaddrinfo(channel, name, NULL, &hints, finished, &answer);
    run(channel, &answer);
    ares_destroy(channel);
    if (answer.status != ARES_SUCCESS)
        return -to_errno(answer.status);
    return answer.count ? (int)answer.count : -ENOENT;
}
