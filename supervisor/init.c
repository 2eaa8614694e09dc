/*
 * init.c - PID 1: options, the event loop, reaping.  See init.h.
 *
 * usage: vyoma init [--system DIR] [--data DIR] [--headless] [--host]
 *   --host  a test inside namespaces of a developer's machine: no devices,
 *           no mounts beyond its own, exits instead of powering off
 */
#include "supervisor/init.h"

#include "supervisor/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

init_state init = {.log = STDERR_FILENO};

uint64_t init_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* One line to the log; lost rather than waited for. */
void init_say(const char *fmt, ...)
{
    char line[512];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(line, sizeof line - 1, fmt, args);
    va_end(args);
    if (len > (int)sizeof line - 2)
        len = sizeof line - 2;
    line[len++] = '\n';
    if (init.log == STDERR_FILENO) /* before the logger, which adds this */
        (void)!write(init.log, "vyoma: ", 7);
    (void)!write(init.log, line, (size_t)len);
}

/* ---- waiting ------------------------------------------------------- */

int init_watch(watch *w, int fd, void (*on)(watch *w), void *owner)
{
    *w = (watch){fd, on, owner};
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = w};
    return epoll_ctl(init.epoll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

void init_unwatch(watch *w)
{
    if (w->fd >= 0) {
        epoll_ctl(init.epoll, EPOLL_CTL_DEL, w->fd, NULL);
        close(w->fd);
    }
    w->fd = -1;
}

void init_due(uint64_t *next, uint64_t due)
{
    if (due && due < *next)
        *next = due;
}

static int tick(void)
{
    uint64_t next = UINT64_MAX, now = init_now();
    services_tick(now, &next);
    apps_tick(now, &next);
    power_tick(now, &next);
    if (next == UINT64_MAX)
        return -1;
    now = init_now();
    return next <= now ? 0 : next - now > 60000 ? 60000 : (int)(next - now);
}

/* ---- signals ------------------------------------------------------- */

/* Children that ended before the spawner's reply told whose they were. */
static struct {
    pid_t pid;
    int status;
} early[64];

static void reap(void)
{
    static size_t next;
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
        if (services_reaped(pid, status) || apps_reaped(pid, status))
            continue;
        early[next % 64].pid = pid;
        early[next++ % 64].status = status;
    }
}

void init_match_early(pid_t pid)
{
    for (size_t i = 0; i < 64; i++)
        if (early[i].pid == pid) {
            early[i].pid = 0;
            apps_reaped(pid, early[i].status);
        }
}

static void on_signal(watch *w)
{
    struct signalfd_siginfo info;
    while (read(w->fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            reap();
        else if (info.ssi_signo == SIGINT) /* ctrl-alt-del */
            power_down(RB_AUTOBOOT);
        else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGPWR)
            power_down(RB_POWER_OFF);
    }
}

/* Every signal that can be blocked is; what matters comes through signalfd. */
static int block_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* ---- start --------------------------------------------------------- */

static bool parse_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"system", required_argument, NULL, 's'},
        {"data", required_argument, NULL, 'd'},
        {"headless", no_argument, NULL, 'h'},
        {"host", no_argument, NULL, 'H'},
        {0},
    };
    init.options.system = "/system";
    init.options.data = "/data";
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 's': init.options.system = optarg; break;
        case 'd': init.options.data = optarg; break;
        case 'h': init.options.headless = true; break;
        case 'H': init.options.host = true; break;
        default: return false;
        }
    }
    return true;
}

static void prepare(void)
{
    struct rlimit files = {8192, 8192};
    setrlimit(RLIMIT_NOFILE, &files);
    for (size_t i = 0; i < INIT_MAX_INSTANCES; i++) {
        instance *at = &init.instances[i];
        at->status.fd = at->process.fd = at->log_read = at->changes = -1;
        at->stdio[0] = at->stdio[1] = at->ipc_end = at->net_end =
            at->display_end = -1;
        for (size_t f = 0; f < FOLDER_FDS; f++)
            at->files[f] = -1;
    }
    init.next_id = 1;
    init.epoll = epoll_create1(EPOLL_CLOEXEC);
}

int cmd_init(int argc, char **argv)
{
    static watch signals;
    /* The kernel hands /init the words of its command line that it does not
     * know: not ours to read. */
    bool kernel = !strcmp(argv[0], "/init");
    if (!parse_options(kernel ? 1 : argc, argv)) {
        fprintf(stderr, "usage: vyoma init [--system DIR] [--data DIR] "
                        "[--headless] [--host]\n");
        return 2;
    }
    if (getpid() != 1) {
        fprintf(stderr, "vyoma init: must be process 1 (of a PID namespace: "
                        "unshare -fpmn)\n");
        return 2;
    }
    boot_mount();
    int fd = block_signals();
    prepare();
    init_watch(&signals, fd, on_signal, NULL);
    init_say("start %llu", (unsigned long long)init_now());
    services_start();
    for (;;) {
        struct epoll_event events[32];
        int n = epoll_wait(init.epoll, events, 32, tick());
        for (int i = 0; i < n; i++) {
            watch *w = events[i].data.ptr;
            if (w->fd >= 0) /* not closed by an event before it */
                w->on(w);
        }
    }
}
