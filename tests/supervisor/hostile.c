/*
 * hostile.c - `vyoma init` with another payload in its runners: instead of a
 * component, each app runs the native function that its manifest's first
 * argument names, with all that an attacker who has taken the runner over
 * would have.  It writes what happened to stderr, which is its log; the test
 * (run) reads that on the console.
 */
#include "supervisor/cmd.h"
#include "supervisor/roles.h"
#include "wasi/msg.h"
#include "wasi/net_netd.h"
#include "wasi/proto_ipc.h"
#include "wasi/proto_process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SAY(...) dprintf(STDERR_FILENO, __VA_ARGS__)

static void ready(runner_job *job)
{
    status_message message = {STATUS_READY, 0};
    msg_send(job->fds[RUNNER_STATUS], &message, sizeof message, NULL, 0, NULL,
             0, 0);
}

/* Waits for ever without using the processor. */
static int rest_in_peace(runner_job *job)
{
    ready(job);
    SAY("resting\n");
    for (;;)
        poll(NULL, 0, -1);
}

/* The argument after the action. */
static const char *argument(runner_job *job, uint32_t n)
{
    const grant_strings *args = &job->request->grant.args;
    return args->count > n ? grant_strings_at(args, n) : "";
}

/* ---- what the jail leaves ------------------------------------------ */

static int count_descriptors(runner_job *job)
{
    char open_ones[256] = "";
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            snprintf(open_ones + strlen(open_ones),
                     sizeof open_ones - strlen(open_ones), " %d", fd);
    int granted = 0;
    for (int i = 0; i < RUNNER_FDS; i++)
        granted += job->fds[i] >= 0;
    int found = 0;
    for (char *c = open_ones; *c; c++)
        found += *c == ' ';
    SAY("descriptors: %d granted, %d open\n", granted, found);
    return 0;
}

static int forbidden_call(runner_job *job)
{
    ready(job);
    syscall(atoi(argument(job, 1)), 0, 0, 0, 0, 0, 0);
    SAY("still alive\n");
    return 0;
}

static void try_open(const char *what, int folder, const char *path, int flags)
{
    int fd = openat(folder, path, flags, 0666);
    SAY("%s: %s\n", what, fd >= 0 ? "opened" : strerror(errno));
    if (fd >= 0)
        close(fd);
}

/* Natively, without any of the engine's care for paths. */
static int escape_folder(runner_job *job)
{
    int own = job->fds[RUNNER_FOLDER], other = job->fds[RUNNER_FOLDER + 1];
    struct stat here, above;
    fstat(own, &here);
    fstatat(own, "../../../..", &above, 0);
    SAY("above own: %s\n",
        here.st_ino == above.st_ino && here.st_dev == above.st_dev ? "itself"
                                                                   : "more");
    try_open("own file", own, "file", O_RDWR | O_CREAT);
    try_open("own parent's file", own, "../secret", O_RDONLY);
    try_open("absolute", own, "/etc/passwd", O_RDONLY);
    try_open("proc", own, "/proc/1/environ", O_RDONLY);
    try_open("device", own, "/dev/null", O_RDWR);
    try_open("read-only file", other, "file", O_RDWR | O_CREAT);
    (void)!symlinkat("/etc", own, "link");
    try_open("planted link", own, "link/passwd", O_RDONLY);
    SAY("device node: %s\n",
        mkdirat(own, "sub", 0777) ? strerror(errno) : "sub made");
    return 0;
}

static int eat_memory(runner_job *job)
{
    ready(job);
    size_t total = 0, step = 16 << 20;
    for (;; total += step) {
        char *at = mmap(NULL, step, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED)
            break;
        for (size_t i = 0; i < step; i += 4096)
            at[i] = 1;
    }
    SAY("memory ended after %s\n", total < 200u << 20 ? "a little" : "a lot");
    return 0;
}

static int crash(runner_job *job)
{
    SAY("crashing\n");
    *(volatile int *)8 = 1;
    return 0;
}

static int fail_at_once(runner_job *job)
{
    SAY("failing\n");
    return 7;
}

/* Half a million lines, as fast as they go. */
static int flood_log(runner_job *job)
{
    static char block[4000];
    memset(block, 'x', sizeof block);
    for (size_t i = 79; i < sizeof block; i += 80)
        block[i] = '\n';
    ready(job);
    for (int i = 0; i < 10000; i++)
        if (write(STDOUT_FILENO, block, sizeof block) < 0)
            break;
    SAY("flooded\n");
    return rest_in_peace(job);
}

static int write_controls(runner_job *job)
{
    SAY("before\033[2Jafter\x07 end\n");
    return 0;
}

/* ---- vyoma:process ------------------------------------------------- */

static int ask(runner_job *job, uint32_t op, const char *app, uint32_t id,
               proc_reply *reply, int fds[2])
{
    proc_request request = {.op = op, .id = id, .max_lines = 5};
    strncpy(request.app, app, sizeof request.app - 1);
    if (msg_send(job->fds[RUNNER_PROCESS], &request, sizeof request, NULL, 0,
                 NULL, 0, 0) ||
        msg_recv(job->fds[RUNNER_PROCESS], reply, sizeof *reply, NULL, 0, fds,
                 2, 0))
        return -1;
    return (int)reply->status;
}

/* False, and nothing printed, when the log is empty as yet. */
static bool print_log(int fd)
{
    char text[4096];
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0)
        return false;
    text[got] = 0;
    char *nl = strrchr(text, '\n');
    if (nl)
        *nl = 0;
    char *last = strrchr(text, '\n');
    SAY("its last line: %s\n", last ? last + 1 : text);
    return true;
}

static int control(runner_job *job)
{
    static proc_reply reply;
    int fds[2];
    SAY("apps: %d", ask(job, PROC_APPS, "", 0, &reply, fds));
    SAY(", %u rows, first %s\n", reply.nrows, reply.apps[0].name);
    SAY("instances: %d\n", ask(job, PROC_INSTANCES, "", 0, &reply, fds));
    SAY("launch unknown: %d\n",
        ask(job, PROC_LAUNCH, "nosuch", 0, &reply, fds));
    int status = ask(job, PROC_LAUNCH, "rest", 0, &reply, fds);
    uint32_t id = reply.id;
    SAY("launch: %d\n", status);
    SAY("kill: %d\n", ask(job, PROC_KILL, "", id, &reply, fds));
    SAY("kill unknown: %d\n", ask(job, PROC_KILL, "", 999999, &reply, fds));
    do { /* the other app has started, but may not have written */
        status = ask(job, PROC_LOG, argument(job, 1), 0, &reply, fds);
    } while (status == PROC_OK && !print_log(fds[0]));
    SAY("log: %d\n", status);
    SAY("bad op: %d\n", ask(job, 4711, "", 0, &reply, fds));
    SAY("power: %d\n", ask(job, PROC_POWER_OFF, "", 0, &reply, fds));
    return rest_in_peace(job);
}

/* Talks to an instance through pipes, as the terminal does to the shell. */
static int attach(runner_job *job)
{
    static proc_reply reply;
    int fds[2];
    char text[64];
    int status = ask(job, PROC_LAUNCH_ATTACHED, "echo", 0, &reply, fds);
    SAY("attached: %d\n", status);
    if (status)
        return 1;
    (void)!write(fds[0], "ping", 4);
    ssize_t got = read(fds[1], text, sizeof text);
    SAY("echoed: %.*s\n", got > 0 ? (int)got : 0, text);
    close(fds[0]);
    got = read(fds[1], text, sizeof text);
    SAY("then: %s\n", got == 0 ? "end of file" : "more");
    return 0;
}

static int echo(runner_job *job)
{
    char text[64];
    ssize_t got;
    while ((got = read(STDIN_FILENO, text, sizeof text)) > 0)
        (void)!write(STDOUT_FILENO, text, (size_t)got);
    return 0;
}

static int bomb(runner_job *job)
{
    static proc_reply reply;
    int fds[2], count = 0;
    ready(job);
    while (count < 1000 &&
           ask(job, PROC_LAUNCH, "rest", 0, &reply, fds) == PROC_OK)
        count++;
    SAY("bomb: %d launched, then status %u\n", count, reply.status);
    return rest_in_peace(job);
}

static int garble(runner_job *job)
{
    char junk[64] = {1};
    static proc_reply reply;
    int fds[2];
    send(job->fds[RUNNER_PROCESS], junk, sizeof junk, MSG_NOSIGNAL);
    SAY("after garbage: %d\n", ask(job, PROC_APPS, "", 0, &reply, fds));
    return rest_in_peace(job);
}

/* Asks without ever reading an answer. */
static int deaf(runner_job *job)
{
    proc_request request = {.op = PROC_APPS};
    int sent = 0, err = 0;
    while (sent < 100000 && !err) {
        err = msg_send(job->fds[RUNNER_PROCESS], &request, sizeof request, NULL,
                       0, NULL, 0, 0);
        sent += !err;
    }
    SAY("deaf: %s\n", strerror(-err));
    return rest_in_peace(job);
}

static int power(runner_job *job)
{
    static proc_reply reply;
    int fds[2];
    SAY("power: %d\n", ask(job, PROC_POWER_OFF, "", 0, &reply, fds));
    return rest_in_peace(job);
}

/* ---- vyoma:ipc ----------------------------------------------------- */

static ipc_answer broker_ask(runner_job *job, ipc_request *r, const char *data,
                             int *fd)
{
    ipc_answer answer = {.status = 99};
    int got = -1;
    r->size = (uint32_t)strlen(data);
    msg_send(job->fds[RUNNER_IPC], r, sizeof *r, data, r->size, NULL, 0, 0);
    if (msg_recv(job->fds[RUNNER_IPC], &answer, sizeof answer, NULL, 0, &got, 1,
                 0))
        answer.status = 98;
    if (fd)
        *fd = got;
    return answer;
}

static int hello(runner_job *job)
{
    int inbox = -1;
    broker_ask(job, &(ipc_request){.op = IPC_HELLO}, "", &inbox);
    return inbox;
}

/* Answers requests with the name that the broker gave their sender. */
static int answerer(runner_job *job)
{
    int inbox = hello(job);
    broker_ask(job, &(ipc_request){.op = IPC_SUBSCRIBE, .topic = "news"}, "",
               NULL);
    ready(job);
    for (;;) {
        ipc_delivery head;
        char payload[IPC_MAX_PAYLOAD + 1] = "";
        ssize_t size = msg_recv(inbox, &head, sizeof head, payload,
                                IPC_MAX_PAYLOAD, NULL, 0, 0);
        if (size < 0) { /* another broker now */
            close(inbox);
            SAY("inbox ended\n");
            inbox = hello(job);
            continue;
        }
        payload[size] = 0;
        SAY("kind %u from %s: %s\n", head.kind, head.sender, payload);
        ipc_request reply = {.op = IPC_REPLY, .id = head.id};
        if (head.kind == IPC_KIND_REQUEST)
            broker_ask(job, &reply, head.sender, NULL);
    }
}

/* Until the other app is there: apps start in any order. */
static void await_peer(runner_job *job)
{
    ipc_request news = {.op = IPC_PUBLISH, .topic = "news"};
    while (!broker_ask(job, &news, "early", NULL).value)
        poll(NULL, 0, 5);
}

static int ipc_client(runner_job *job)
{
    int inbox = hello(job);
    await_peer(job);
    ipc_delivery head;
    char payload[64] = "";
    ipc_request send = {.op = IPC_SEND, .peer = "answerer", .topic = "t"};
    SAY("send: %u\n", broker_ask(job, &send, "hello", NULL).status);
    ipc_request stranger = {.op = IPC_SEND, .peer = "rest", .topic = "t"};
    SAY("send elsewhere: %u\n", broker_ask(job, &stranger, "x", NULL).status);
    ipc_request news = {.op = IPC_PUBLISH, .topic = "news"};
    SAY("publish: %llu got it\n",
        (unsigned long long)broker_ask(job, &news, "today", NULL).value);
    ipc_request lies = {.op = IPC_PUBLISH, .topic = "lies"};
    SAY("publish elsewhere: %u\n", broker_ask(job, &lies, "x", NULL).status);
    ipc_request q = {.op = IPC_REQUEST, .peer = "answerer", .topic = "who"};
    ipc_answer a = broker_ask(job, &q, "who am I", NULL);
    ssize_t size = msg_recv(inbox, &head, sizeof head, payload, 63, NULL, 0, 0);
    SAY("reply %s: I am %.*s\n",
        head.id == a.value && head.kind == IPC_KIND_REPLY ? "to my request"
                                                          : "to another",
        (int)size, payload);
    ipc_request forged = {.op = IPC_REPLY, .id = a.value};
    SAY("reply in its place: %u\n", broker_ask(job, &forged, "x", NULL).status);
    return rest_in_peace(job);
}

/* Floods a peer that never reads: the queue ends, others still get through. */
static int ipc_flood(runner_job *job)
{
    ipc_request send = {.op = IPC_SEND, .peer = "sleeper", .topic = "t"};
    static char data[8192];
    memset(data, 'x', sizeof data - 1);
    uint32_t status = 0, count = 0;
    hello(job);
    await_peer(job);
    while (count < 10000) {
        status = broker_ask(job, &send, data, NULL).status;
        if (status && (status != IPC_NO_PEER || count))
            break;
        count += !status;
    }
    SAY("flood: status %u %s\n", status,
        count && count < 10000 ? "after some" : "unexpectedly");
    send = (ipc_request){.op = IPC_SEND, .peer = "answerer", .topic = "t"};
    SAY("others: %u\n", broker_ask(job, &send, "through", NULL).status);
    char half[20] = {IPC_SEND};
    (void)!write(job->fds[RUNNER_IPC], half, sizeof half);
    char c;
    SAY("after half a message: %s\n",
        recv(job->fds[RUNNER_IPC], &c, 1, 0) <= 0 ? "cut off" : "answered");
    return rest_in_peace(job);
}

static int ipc_sleeper(runner_job *job)
{
    hello(job);
    return rest_in_peace(job);
}

/* ---- network ------------------------------------------------------- */

static int v4(wasi_net *net,
              int (*op)(wasi_net *, wasi_net_protocol, int,
                        const struct sockaddr *, socklen_t),
              wasi_net_protocol protocol, const char *address, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, address, &in.sin_addr);
    int fd = net->ops->open(net, protocol, AF_INET);
    if (fd < 0)
        return fd;
    int err = op(net, protocol, fd, (struct sockaddr *)&in, sizeof in);
    close(fd);
    return err;
}

static int v6(wasi_net *net,
              int (*op)(wasi_net *, wasi_net_protocol, int,
                        const struct sockaddr *, socklen_t),
              const char *address, uint16_t port)
{
    struct sockaddr_in6 in = {.sin6_family = AF_INET6,
                              .sin6_port = htons(port)};
    inet_pton(AF_INET6, address, &in.sin6_addr);
    int zero = 0, fd = net->ops->open(net, WASI_NET_TCP, AF_INET6);
    if (fd < 0)
        return fd;
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    int err = op(net, WASI_NET_TCP, fd, (struct sockaddr *)&in, sizeof in);
    close(fd);
    return err;
}

static void wait_for_input(int fd)
{
    poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
}

static const char *word(int err)
{
    return err == -EACCES ? "refused"
           : err >= 0 || err == -EINPROGRESS || err == -ECONNREFUSED ||
                   err == -ENETUNREACH
               ? "allowed"
               : strerror(-err);
}

/* Grant: listen tcp:127.0.0.1:8080, connect tcp:127.0.0.2:80. */
static int network(runner_job *job)
{
    wasi_net *net = wasi_net_netd(job->fds[RUNNER_NET]);
    const wasi_net_ops *ops = net->ops;
    SAY("bind granted: %s\n",
        word(v4(net, ops->bind, WASI_NET_TCP, "127.0.0.1", 8080)));
    SAY("bind other port: %s\n",
        word(v4(net, ops->bind, WASI_NET_TCP, "127.0.0.1", 8081)));
    SAY("bind any: %s\n",
        word(v4(net, ops->bind, WASI_NET_TCP, "0.0.0.0", 8080)));
    SAY("bind mapped: %s\n", word(v6(net, ops->bind, "::ffff:0.0.0.0", 8080)));
    SAY("bind v6 any: %s\n", word(v6(net, ops->bind, "::", 8080)));
    SAY("connect granted: %s\n",
        word(v4(net, ops->connect, WASI_NET_TCP, "127.0.0.2", 80)));
    SAY("connect mapped granted: %s\n",
        word(v6(net, ops->connect, "::ffff:127.0.0.2", 80)));
    SAY("connect other: %s\n",
        word(v4(net, ops->connect, WASI_NET_TCP, "127.0.0.1", 80)));
    SAY("connect mapped other: %s\n",
        word(v6(net, ops->connect, "::ffff:127.0.0.1", 80)));
    SAY("connect zero: %s\n",
        word(v4(net, ops->connect, WASI_NET_TCP, "0.0.0.0", 80)));
    SAY("udp: %s\n", word(net->ops->open(net, WASI_NET_UDP, AF_INET)));
    SAY("resolve: %s\n", word(net->ops->resolve(net, "example.org", 11)));
    int fd = ops->open(net, WASI_NET_TCP, AF_INET);
    SAY("listen unbound: %s\n", word(ops->listen(net, fd, 5)));
    int pair[2] = {job->fds[RUNNER_STATUS], 0};
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons(8080),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    SAY("bind no socket of the net: %s\n",
        ops->bind(net, WASI_NET_TCP, pair[0], (struct sockaddr *)&in,
                  sizeof in) == -EINVAL
            ? "refused"
            : "allowed");
    return rest_in_peace(job);
}

static struct sockaddr_in local_of(int fd)
{
    struct sockaddr_in in;
    socklen_t len = sizeof in;
    getsockname(fd, (struct sockaddr *)&in, &len);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return in;
}

static const char *sent(wasi_net *net, int from, struct sockaddr_in to)
{
    return word((int)net->ops->sendto(net, from, "x", 1, (struct sockaddr *)&to,
                                      sizeof to));
}

/* Grant: listen and connect udp:127.0.0.1:5300.  A server, and two clients that
 * nobody granted it to reach. */
static int udp_server(runner_job *job)
{
    wasi_net *net = wasi_net_netd(job->fds[RUNNER_NET]);
    const wasi_net_ops *ops = net->ops;
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(5300),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_storage from;
    socklen_t len;
    char data[8];
    int server = ops->open(net, WASI_NET_UDP, AF_INET);
    int client = ops->open(net, WASI_NET_UDP, AF_INET);
    int other = ops->open(net, WASI_NET_UDP, AF_INET);
    SAY("udp bind: %s\n", word(ops->bind(net, WASI_NET_UDP, server,
                                         (struct sockaddr *)&at, sizeof at)));
    SAY("udp ask: %s\n", sent(net, client, at));
    SAY("udp too early: %s\n", sent(net, server, local_of(client)));
    wait_for_input(server);
    SAY("udp receive: %s\n",
        word((int)ops->receive(net, server, data, sizeof data, &from, &len)));
    SAY("udp answer: %s\n", sent(net, server, local_of(client)));
    SAY("udp from another socket: %s\n", sent(net, other, local_of(client)));
    SAY("udp to another: %s\n", sent(net, server, local_of(other)));
    at = local_of(client);
    at.sin_port = htons(ntohs(at.sin_port) + 1);
    SAY("udp to another port: %s\n", sent(net, server, at));
    SAY("udp no server receives: %s\n",
        word((int)ops->receive(net, client, data, sizeof data, &from, &len)));
    SAY("udp nothing came: %s\n",
        ops->receive(net, server, data, sizeof data, &from, &len) == -EAGAIN
            ? "yes"
            : "no");
    return rest_in_peace(job);
}

/* No name server answers here: what counts is that netd outlives the lookup,
 * and that only names of the rules are looked up. */
static int lookup(runner_job *job)
{
    wasi_net *net = wasi_net_netd(job->fds[RUNNER_NET]);
    wasi_net_address answer;
    int fd = net->ops->resolve(net, "Example.ORG", 11);
    SAY("lookup granted: %s\n", word(fd));
    ssize_t got = read(fd, &answer, sizeof answer);
    SAY("lookup ended: %s\n",
        got == sizeof answer && answer.error ? "no answer" : "strange");
    SAY("lookup other: %s\n", word(net->ops->resolve(net, "example.com", 11)));
    SAY("lookup part: %s\n", word(net->ops->resolve(net, "example.or", 10)));
    return rest_in_peace(job);
}

/* ---- dispatch ------------------------------------------------------ */

static const struct {
    const char *name;
    int (*run)(runner_job *job);
} actions[] = {
    {"rest", rest_in_peace},
    {"descriptors", count_descriptors},
    {"call", forbidden_call},
    {"escape", escape_folder},
    {"eat", eat_memory},
    {"crash", crash},
    {"fail", fail_at_once},
    {"flood", flood_log},
    {"controls", write_controls},
    {"control", control},
    {"attach", attach},
    {"echo", echo},
    {"bomb", bomb},
    {"garble", garble},
    {"deaf", deaf},
    {"power", power},
    {"answerer", answerer},
    {"ipc", ipc_client},
    {"ipc-flood", ipc_flood},
    {"sleeper", ipc_sleeper},
    {"network", network},
    {"lookup", lookup},
    {"udp-server", udp_server},
};

static int act(runner_job *job)
{
    const char *name = argument(job, 0);
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (!strcmp(actions[i].name, name))
            return actions[i].run(job);
    SAY("no action '%s'\n", name);
    return 1;
}

/* Whether a role has a set, of its own or by a runner's manifest. */
static bool has_set(const policy_role *role, uint32_t set)
{
    const uint32_t granted =
        POLICY_FILES | POLICY_STREAM | POLICY_DISPLAY | POLICY_TIMER;
    bool runs = !strcmp(role->name, "runner");
    return (role->sets | (runs ? granted : 0)) & set;
}

/* "ROLE... : CALL..." for each set of system calls. */
static int list_rules(void)
{
    for (uint32_t set = 1; set && set <= POLICY_TIMER; set <<= 1) {
        for (size_t r = 0; r < policy_role_count; r++)
            if (has_set(&policy_roles[r], set))
                printf("%s ", policy_roles[r].name);
        printf(":");
        for (int n = 0; n < 600; n++) {
            char *name =
                policy_allows(set, n)
                    ? seccomp_syscall_resolve_num_arch(seccomp_arch_native(), n)
                    : NULL;
            if (name)
                printf(" %s", name);
            free(name);
        }
        puts("");
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "rules"))
        return list_rules();
    runner_payload = act;
    return cmd_init(argc, argv);
}
