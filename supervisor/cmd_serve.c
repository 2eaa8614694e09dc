/*
 * cmd_serve.c - `vyoma serve`: a component that handles wasi:http requests,
 * behind a listening socket.  The parent loads the component once and forks
 * workers (serve_worker.c), which share its pages; it keeps them running.
 */
#include "supervisor/cmd.h"
#include "supervisor/map_file.h"
#include "supervisor/serve.h"
#include "wasi/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    WORKERS_PER_CPU = 2,
    WORKERS_MAX = 1024,
    EXTRA_WORKERS = 64,
    LOOK_MS = 100, /* how often the parent looks after them */
};

#define DEFAULT_ADDR "0.0.0.0:8080"
#define HELD_UP ((uint64_t)100 * 1000000u)

/* ---- the parent -------------------------------------------------------- */

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080".  -1 and errno. */
static int listen_at(const char *addr)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    const char *colon = strrchr(addr, ':');
    char host[64], *end;
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
    if (!colon || *end || !colon[1] || port > 65535 ||
        (size_t)(colon - addr) >= sizeof host) {
        errno = EINVAL;
        return -1;
    }
    snprintf(host, sizeof host, "%.*s", (int)(colon - addr), addr);
    v4.sin_port = v6.sin6_port = htons((uint16_t)port);
    size_t len = strlen(host);
    bool is_v6 = host[0] == '[' && host[len - 1] == ']';
    if (is_v6) {
        host[len - 1] = 0;
        memmove(host, host + 1, len - 1);
    } else if (!strcmp(host, "localhost")) {
        strcpy(host, "127.0.0.1");
    } else if (!len) {
        strcpy(host, "0.0.0.0");
    }
    int ok = is_v6 ? inet_pton(AF_INET6, host, &v6.sin6_addr)
                   : inet_pton(AF_INET, host, &v4.sin_addr);
    if (ok != 1) {
        errno = EINVAL;
        return -1;
    }
    int on = 1, fd = socket(is_v6 ? AF_INET6 : AF_INET,
                            SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, is_v6 ? (void *)&v6 : (void *)&v4,
             is_v6 ? sizeof v6 : sizeof v4) ||
        listen(fd, SOMAXCONN)) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static void announce(int listener, bool secure)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t len = sizeof address;
    char text[INET6_ADDRSTRLEN] = "?";
    getsockname(listener, &address.any, &len);
    bool is_v6 = address.any.sa_family == AF_INET6;
    inet_ntop(address.any.sa_family,
              is_v6 ? (void *)&address.v6.sin6_addr
                    : (void *)&address.v4.sin_addr,
              text, sizeof text);
    printf("Serving HTTP on http%s://%s%s%s:%u/\n", secure ? "s" : "",
           is_v6 ? "[" : "", text, is_v6 ? "]" : "",
           ntohs(is_v6 ? address.v6.sin6_port : address.v4.sin_port));
    fflush(stdout);
}

static volatile sig_atomic_t stopping;

static void on_stop(int signal)
{
    stopping = 1;
}

/* The processes: `base` of them always, the others while all are held up. */
typedef struct pool {
    serve_worker *worker;
    size_t base;
    pid_t pids[WORKERS_MAX + EXTRA_WORKERS]; /* 0: none */
    _Atomic uint64_t *guest_at;              /* of each; shared */
} pool;

enum { POOL = WORKERS_MAX + EXTRA_WORKERS };

/* Until a worker has a handler of its own (serve_work), SIGTERM waits: that of
 * this process, which it would get instead, means nothing to it. */
static bool start(pool *pool, size_t i)
{
    serve_worker *worker = pool->worker;
    sigset_t term, before;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &before);
    atomic_store(&pool->guest_at[i], 0);
    pool->pids[i] = fork();
    if (!pool->pids[i]) {
        worker->is_extra = i >= pool->base;
        worker->guest_at = &pool->guest_at[i];
        _exit(serve_work(worker));
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (pool->pids[i] < 0)
        pool->pids[i] = 0;
    return pool->pids[i] > 0;
}

/*
 * A guest that waits (for its client to send, or to take what it says, or for
 * another server) holds its process up.  When all have been so for a moment,
 * one more is started, which takes what new clients come.
 */
static void start_what_lacks(pool *pool)
{
    uint64_t now = wasi_now_ns();
    size_t idle = 0, unused = POOL;
    for (size_t i = 0; i < pool->base; i++)
        if (!pool->pids[i])
            start(pool, i);
    for (size_t i = 0; i < pool->base + EXTRA_WORKERS; i++) {
        uint64_t began = atomic_load(&pool->guest_at[i]);
        if (!pool->pids[i] && unused == POOL)
            unused = i;
        idle += pool->pids[i] && (!began || now - began < HELD_UP);
    }
    if (!idle && unused != POOL)
        start(pool, unused);
}

/* Takes note of those that ended; an exit status when one could not begin. */
static int reap(pool *pool)
{
    int status;
    for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
        for (size_t i = 0; i < POOL; i++)
            if (pool->pids[i] == ended)
                pool->pids[i] = 0;
        if (WIFEXITED(status) && WEXITSTATUS(status))
            return WEXITSTATUS(status);
    }
    return 0;
}

static void stop_workers(const pool *pool)
{
    for (size_t i = 0; i < POOL; i++)
        if (pool->pids[i])
            kill(pool->pids[i], SIGTERM);
    while (wait(NULL) > 0 || errno == EINTR)
        ;
}

/* Keeps the workers running until told to stop. */
static int supervise(serve_worker *worker, size_t count)
{
    static pool pool;
    struct sigaction stop = {.sa_handler = on_stop}; /* no SA_RESTART */
    struct timespec look = {.tv_nsec = LOOK_MS * 1000000};
    sigset_t child;
    int failed = 0;
    size_t size = POOL * sizeof *pool.guest_at;
    pool.worker = worker;
    pool.base = count < WORKERS_MAX ? count : WORKERS_MAX;
    pool.guest_at = mmap(NULL, size, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if ((void *)pool.guest_at == MAP_FAILED)
        return 1;
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    while (!stopping && !failed) {
        start_what_lacks(&pool);
        sigtimedwait(&child, NULL, &look);
        failed = reap(&pool);
    }
    stop_workers(&pool);
    return failed;
}

/* --tls-cert and --tls-key.  False after saying what is wrong. */
static bool load_identity(serve_worker *worker)
{
    const run_options *options = worker->options;
    char why[512];
    const char *cert = options->tls_cert, *key = options->tls_key;
    if (!cert && !key)
        return true;
    if (!cert) {
        fprintf(stderr, "vyoma serve: --tls-key needs --tls-cert\n");
        return false;
    }
    worker->identity =
        tls_identity_create(cert, key ? key : cert, why, sizeof why);
    if (!worker->identity)
        fprintf(stderr,
                "vyoma serve: %s (a PEM file, with the key or with "
                "--tls-key)\n",
                why);
    return worker->identity;
}

static int serve(serve_worker *worker, const mapped_file *file)
{
    const run_options *options = worker->options;
    vm_error err = {.offset = SIZE_MAX};
    vm_options engine = {.deterministic = options->deterministic,
                         .images = true};
    worker->engine = vm_engine_create(&engine);
    if (!worker->engine ||
        cm_component_load(worker->engine, file->bytes, file->len,
                          &worker->component, &err) != VM_OK ||
        !serve_try(worker, &err)) {
        fprintf(stderr, "vyoma serve: %s: %s\n", options->file,
                err.text[0] ? err.text : "out of memory");
        return 1;
    }
    if (!load_identity(worker))
        return 1;
    const char *addr = options->addr ? options->addr : DEFAULT_ADDR;
    worker->listener = listen_at(addr);
    if (worker->listener < 0) {
        fprintf(stderr,
                "vyoma serve: --addr %s: %s (HOST:PORT, where HOST is "
                "an address or localhost)\n",
                addr, strerror(errno));
        return 1;
    }
    announce(worker->listener, worker->identity != NULL);
    uint64_t cpus = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
    return supervise(worker, options->workers ? options->workers
                                              : cpus * WORKERS_PER_CPU);
}

int cmd_serve(int argc, char **argv)
{
    run_options options;
    serve_worker worker = {.options = &options, .listener = -1};
    int status = run_options_parse(argc, argv, &options);
    if (status || options.help) {
        run_options_finish(&options);
        return status;
    }
    mapped_file file = {0};
    status = map_file("vyoma serve", options.file, &file)
                 ? serve(&worker, &file)
                 : 1;
    if (worker.listener >= 0)
        close(worker.listener);
    tls_identity_destroy(worker.identity);
    cm_component_release(worker.component);
    if (worker.engine)
        vm_engine_destroy(worker.engine);
    unmap_file(&file);
    run_options_finish(&options);
    return status;
}
