/*
 * role_netd.c - the sole holder of the network.  It gives the machine its
 * address, then keeps one capability (ports below 1024) and no file system,
 * and makes sockets for apps as their manifests allow:
 *
 *   bind, listen   an address and port of `listen`; listening checks the
 *                  address that the socket really has
 *   connect, send  an address and port of `connect`, or an address that this
 *                  process has just looked up for a name in `connect`; UDP
 *                  servers may send to who has sent to them
 *   resolve        names of `connect`, or any with `resolve`
 *
 * IPv4-mapped IPv6 addresses are compared as what they are: IPv4.
 */
#include "supervisor/netd.h"

#include "supervisor/roles.h"
#include "wasi/msg.h"
#include "wasi/proto_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CLIENTS = 512 };

static struct {
    int epoll;
    char dns[INET_ADDRSTRLEN];
    netd_client *clients[MAX_CLIENTS];
    char data[NET_MAX_DATAGRAM];
    struct {
        net_source source;
        char data[NET_MAX_DATAGRAM];
    } received;
} self;

/* ---- the machine's address ----------------------------------------- */

static void put_address(struct sockaddr *to, uint32_t address)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = address};
    memcpy(to, &in, sizeof in);
}

static bool set_address(int fd, unsigned long what, uint32_t address)
{
    struct ifreq request = {.ifr_name = "eth0"};
    put_address(&request.ifr_addr, address);
    return !ioctl(fd, what, &request);
}

static bool add_route(int fd, uint32_t gateway)
{
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
    put_address(&route.rt_dst, 0);
    put_address(&route.rt_genmask, 0);
    put_address(&route.rt_gateway, gateway);
    return !ioctl(fd, SIOCADDRT, &route) || errno == EEXIST;
}

/* QEMU's user network, unless the command line says otherwise. */
static void set_defaults(net_setup *setup)
{
    if (setup->address)
        return;
    setup->address = htonl(0x0a00020f);
    setup->gateway = htonl(0x0a000202);
    setup->dns = htonl(0x0a000203);
    setup->prefix = 24;
}

static void configure(const net_setup *setup)
{
    struct ifreq flags = {.ifr_name = "eth0",
                          .ifr_flags = IFF_UP | IFF_RUNNING};
    uint32_t mask = setup->prefix ? ~0u << (32 - setup->prefix) : 0;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (!set_address(fd, SIOCSIFADDR, setup->address))
        dprintf(STDERR_FILENO, "eth0: %s: no network\n", strerror(errno));
    else if (!set_address(fd, SIOCSIFNETMASK, htonl(mask)) ||
             ioctl(fd, SIOCSIFFLAGS, &flags) || !add_route(fd, setup->gateway))
        dprintf(STDERR_FILENO, "eth0 cannot be set up: %s\n", strerror(errno));
    close(fd);
}

/* ---- requests ------------------------------------------------------ */

typedef struct asking {
    netd_client *from;
    net_request head;
    size_t size;
    int fd;      /* came along, or -1; closed in any case */
    int answer;  /* goes along with the answer, or -1 */
    size_t rest; /* of self.received, follows the answer */
    netd_target target;
} asking;

static socklen_t to_sockaddr(const net_request *r, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (r->family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(r->port);
        memcpy(&in->sin_addr, r->address, 4);
        return sizeof *in;
    }
    if (r->family == AF_INET6) {
        struct sockaddr_in6 *in = (struct sockaddr_in6 *)out;
        in->sin6_family = AF_INET6;
        in->sin6_port = htons(r->port);
        in->sin6_scope_id = r->scope;
        memcpy(&in->sin6_addr, r->address, 16);
        return sizeof *in;
    }
    out->ss_family = AF_UNSPEC;
    return sizeof(sa_family_t);
}

/* The descriptor must be an internet socket of the protocol it claims. */
static int check_socket(const asking *a)
{
    int domain = 0, type = 0;
    socklen_t len = sizeof domain;
    if (a->fd < 0 || getsockopt(a->fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) ||
        getsockopt(a->fd, SOL_SOCKET, SO_TYPE, &type, &len))
        return -EBADF;
    int wanted = a->target.protocol == GRANT_TCP ? SOCK_STREAM : SOCK_DGRAM;
    return (domain == AF_INET || domain == AF_INET6) && type == wanted
               ? 0
               : -EINVAL;
}

static int do_open(asking *a)
{
    int one = 1;
    if (!netd_may_open(a->from, a->target.protocol))
        return -EACCES;
    if (a->head.family != AF_INET && a->head.family != AF_INET6)
        return -EAFNOSUPPORT;
    int type = a->target.protocol == GRANT_TCP ? SOCK_STREAM : SOCK_DGRAM;
    a->answer =
        socket((int)a->head.family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (a->answer < 0)
        return -errno;
    if (a->head.family == AF_INET6)
        setsockopt(a->answer, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    return 0;
}

static int do_bind(asking *a)
{
    struct sockaddr_storage address;
    int one = 1, err = check_socket(a);
    if (err)
        return err;
    if (!netd_may_bind(a->from, &a->target))
        return -EACCES;
    /* As WASI asks: a restarted server gets its port back at once. */
    if (a->target.protocol == GRANT_TCP)
        setsockopt(a->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    socklen_t len = to_sockaddr(&a->head, &address);
    return bind(a->fd, (struct sockaddr *)&address, len) ? -errno : 0;
}

/* What a socket is bound to. */
static int local_target(const asking *a, netd_target *out)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    if (getsockname(a->fd, (struct sockaddr *)&address, &len))
        return -errno;
    out->protocol = a->target.protocol;
    return netd_target_from(&address, out) ? 0 : -EACCES;
}

static bool may_reach(const asking *a)
{
    netd_target local;
    if (netd_may_connect(a->from, &a->target))
        return true;
    return a->target.protocol == GRANT_UDP && !local_target(a, &local) &&
           netd_may_answer(a->from, &a->target, local.port);
}

static int do_connect(asking *a)
{
    struct sockaddr_storage address;
    int err = check_socket(a);
    if (err)
        return err;
    if (a->head.family != AF_UNSPEC && !may_reach(a))
        return -EACCES;
    socklen_t len = to_sockaddr(&a->head, &address);
    return connect(a->fd, (struct sockaddr *)&address, len) ? -errno : 0;
}

static int do_listen(asking *a)
{
    netd_target real;
    a->target.protocol = GRANT_TCP;
    int err = check_socket(a);
    if (!err)
        err = local_target(a, &real);
    if (err)
        return err;
    if (!netd_may_listen(a->from, &real))
        return -EACCES;
    return listen(a->fd, a->head.backlog) ? -errno : 0;
}

static int do_sendto(asking *a)
{
    struct sockaddr_storage address;
    a->target.protocol = GRANT_UDP;
    int err = check_socket(a);
    if (err)
        return err;
    if (!may_reach(a))
        return -EACCES;
    socklen_t len = to_sockaddr(&a->head, &address);
    ssize_t sent =
        sendto(a->fd, self.data, a->size, MSG_DONTWAIT | MSG_NOSIGNAL,
               (struct sockaddr *)&address, len);
    return sent < 0 ? -errno : (int)sent;
}

static void put_source(const struct sockaddr_storage *from, net_source *out)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)from;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
    *out = (net_source){.family = from->ss_family};
    if (from->ss_family == AF_INET) {
        out->port = ntohs(in->sin_port);
        memcpy(out->address, &in->sin_addr, 4);
    } else {
        out->port = ntohs(in6->sin6_port);
        out->scope = in6->sin6_scope_id;
        memcpy(out->address, &in6->sin6_addr, 16);
    }
}

/* For servers: who has sent may be answered. */
static int do_receive(asking *a)
{
    struct sockaddr_storage from = {0};
    socklen_t len = sizeof from;
    netd_target local, peer = {.protocol = GRANT_UDP};
    a->target.protocol = GRANT_UDP;
    int err = check_socket(a);
    if (!err)
        err = local_target(a, &local);
    if (err)
        return err;
    if (!netd_may_listen(a->from, &local))
        return -EACCES;
    ssize_t n = recvfrom(a->fd, self.received.data, sizeof self.received.data,
                         MSG_DONTWAIT, (struct sockaddr *)&from, &len);
    if (n < 0)
        return -errno;
    if (!netd_target_from(&from, &peer))
        return -EIO;
    netd_hear(a->from, &peer, local.port);
    put_source(&from, &self.received.source);
    a->rest = sizeof self.received.source + (size_t)n;
    return (int)n;
}

static int do_resolve(asking *a)
{
    char name[NET_NAME];
    if (!a->size || a->size >= sizeof name || memchr(self.data, 0, a->size))
        return -EINVAL;
    memcpy(name, self.data, a->size);
    name[a->size] = 0;
    if (!netd_may_resolve(a->from, name))
        return -EACCES;
    a->answer = netd_resolve(a->from, name, self.dns);
    return a->answer < 0 ? a->answer : 0;
}

static int (*const ops[NET_OP_END])(asking *a) = {
    [NET_OPEN] = do_open,       [NET_BIND] = do_bind,
    [NET_CONNECT] = do_connect, [NET_LISTEN] = do_listen,
    [NET_SENDTO] = do_sendto,   [NET_RESOLVE] = do_resolve,
    [NET_RECEIVE] = do_receive,
};

/* ---- clients ------------------------------------------------------- */

static void client_end(netd_client *c)
{
    for (size_t i = 0; i < MAX_CLIENTS; i++)
        if (self.clients[i] == c)
            self.clients[i] = NULL;
    /* PID 1 holds the socket too: closing alone would neither tell the client
     * nor take it out of epoll. */
    shutdown(c->control, SHUT_RDWR);
    epoll_ctl(self.epoll, EPOLL_CTL_DEL, c->control, NULL);
    close(c->control);
    netd_client_release(c);
}

static bool answer(asking *a, int result)
{
    net_answer reply = {a->head.op, result};
    int err = msg_send(a->from->control, &reply, sizeof reply, &self.received,
                       a->rest, &a->answer, a->answer >= 0, MSG_DONTWAIT);
    if (a->answer >= 0)
        close(a->answer);
    if (a->fd >= 0)
        close(a->fd);
    return !err;
}

static void client_read(void *client)
{
    netd_client *c = client;
    asking a = {.from = c, .answer = -1};
    ssize_t size = msg_recv(c->control, &a.head, sizeof a.head, self.data,
                            sizeof self.data, &a.fd, 1, MSG_DONTWAIT);
    if (size == -EAGAIN)
        return;
    if (size < 0 || a.head.op >= NET_OP_END || !ops[a.head.op] ||
        a.head.size != (size_t)size || a.head.protocol > 1) {
        if (size != -EPIPE && size != -ECONNRESET)
            dprintf(STDERR_FILENO, "netd: %s sent a malformed message\n",
                    c->app);
        if (size >= 0 && a.fd >= 0)
            close(a.fd);
        client_end(c);
        return;
    }
    a.size = (size_t)size;
    struct sockaddr_storage address;
    to_sockaddr(&a.head, &address);
    a.target.protocol = a.head.protocol == 0 ? GRANT_TCP : GRANT_UDP;
    (void)netd_target_from(&address, &a.target);
    if (!answer(&a, ops[a.head.op](&a)))
        client_end(c);
}

static void client_add(const client_message *message, int fd)
{
    size_t i = 0;
    while (i < MAX_CLIENTS && self.clients[i])
        i++;
    netd_client *c = i < MAX_CLIENTS ? netd_client_create() : NULL;
    if (!c) {
        close(fd);
        return;
    }
    c->id = message->id;
    c->control = fd;
    c->rules = message->network;
    memcpy(c->app, message->app, sizeof c->app);
    self.clients[i] = c;
    role_watch(self.epoll, fd, c);
    net_answer lost = {0, -EAGAIN};
    if (message->adopted)
        (void)!msg_send(fd, &lost, sizeof lost, NULL, 0, NULL, 0, MSG_DONTWAIT);
}

static void enter(int control)
{
    policy_filter filter;
    if (policy_compile(policy_find("netd")->sets, &filter)) {
        dprintf(STDERR_FILENO, "netd: its filter cannot be compiled\n");
        _exit(126);
    }
    jail_enter(&(jail){
        .name = "netd",
        .uid = ROLE_UID_NETD,
        .keep_network = true,
        .keep_caps = 1ull << CAP_NET_BIND_SERVICE,
        .descriptors = 4096,
        .processes = 64, /* threads: one per lookup */
        .filter = &filter,
        .report_fd = control,
    });
}

int netd_main(int control, const role_options *options)
{
    net_setup setup;
    if (msg_recv(control, &setup, sizeof setup, NULL, 0, NULL, 0, 0))
        return 1;
    set_defaults(&setup);
    inet_ntop(AF_INET, &setup.dns, self.dns, sizeof self.dns);
    if (!options->host)
        configure(&setup);
    self.epoll = epoll_create1(EPOLL_CLOEXEC);
    enter(control);
    role_serve(&(role_service){control, self.epoll, client_add, client_read});
}
