/*
 * cmd_serve.c - `vyoma serve`: a component that exports wasi:http/handler (0.3)
 * or wasi:http/incoming-handler (0.2), behind a listening socket.
 *
 * The parent loads the component once and forks workers, which share its pages.
 * A worker watches many connections (epoll); when a request has come with its
 * body (or as much of it as is kept), a fresh instance, made ahead while there
 * was nothing to do, handles it; then it is thrown away.  Slow clients thus
 * occupy a buffer, not an instance.
 */
#include "supervisor/cmd.h"
#include "supervisor/run_options.h"
#include "wasi/p3_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    EVENTS = 64,        /* taken from epoll at a time */
    CONNECTIONS = 2048, /* per worker */
    WARM = 4,           /* instances made ahead */
    WORKERS_PER_CPU = 2,
    WORKERS_MAX = 1024,
    SWEEP_MS = 1000, /* how often deadlines are looked at */
};

#define DEFAULT_ADDR "0.0.0.0:8080"
#define DEFAULT_MAX_BODY ((uint64_t)1 << 30)
#define HEAD_TIMEOUT ((uint64_t)30 * 1000000000u)
#define REQUEST_TIMEOUT ((uint64_t)30 * 1000000000u)

/* ---- state ------------------------------------------------------------- */

typedef struct instance {
    vm_store *store;
    cm_func *handle;
    bool is_async; /* 0.3's, which returns its response */
} instance;

typedef struct client {
    http_conn *conn;
    struct client *next, *previous;
    uint32_t watched; /* events given to epoll; 0: none yet */
    bool answered;    /* the present request is with its guest, or done */
} client;

typedef struct worker {
    const run_options *options;
    vm_engine *engine;
    cm_component *component;
    wasi_ctx *ctx;
    cm_linker *linker;
    int listener, epoll;
    client *clients;
    size_t nclients;
    instance warm[WARM];
    size_t nwarm;
} worker;

/* ---- instances --------------------------------------------------------- */

static void find_handler(cm_instance *made, instance *out)
{
    out->handle = cm_instance_func(made, "wasi:http/handler@0.3.0", "handle");
    out->is_async = out->handle;
    if (!out->handle)
        out->handle =
            cm_instance_func(made, "wasi:http/incoming-handler", "handle");
}

static bool make_instance(worker *worker, instance *out, vm_error *err)
{
    cm_instance *made;
    vm_name missing = {0};
    if (vm_store_create(worker->engine, &worker->options->limits,
                        &out->store) != VM_OK)
        return false;
    vm_store_set_fuel(out->store, worker->options->fuel);
    if (cm_instantiate(worker->linker, worker->component, out->store, &made,
                       &missing, err) == VM_OK)
        find_handler(made, out);
    if (out->handle)
        return true;
    vm_error_set(err, VM_PHASE_LINK, SIZE_MAX,
                 "it exports neither wasi:http/handler nor "
                 "wasi:http/incoming-handler");
    vm_store_destroy(out->store);
    return false;
}

static bool take_instance(worker *worker, instance *out, vm_error *err)
{
    if (worker->nwarm) {
        *out = worker->warm[--worker->nwarm];
        return true;
    }
    *out = (instance){0};
    return make_instance(worker, out, err);
}

/* ---- one request ------------------------------------------------------- */

static vm_store *timed_store;
static wasi_ctx *timed_ctx;

static void on_alarm(int signal)
{
    vm_store_interrupt(timed_store);
    wasi_ctx_interrupt(timed_ctx);
}

static void set_timer(worker *worker, vm_store *store)
{
    uint64_t ns = worker->options->timeout_ns;
    struct itimerval timer = {0};
    if (!ns)
        ns = REQUEST_TIMEOUT;
    if (store) {
        timed_store = store;
        timed_ctx = worker->ctx;
        timer.it_value.tv_sec = (time_t)(ns / 1000000000u);
        timer.it_value.tv_usec =
            (suseconds_t)(ns % 1000000000u / 1000u) + (ns < 1000);
        timer.it_interval.tv_usec = 20000;
    }
    setitimer(ITIMER_REAL, &timer, NULL);
    if (!store)
        wasi_ctx_resume(worker->ctx);
}

static void answer_plainly(http_conn *conn, unsigned status, const char *text)
{
    http_conn_print(conn,
                    "HTTP/1.1 %u \r\nconnection: close\r\n"
                    "content-type: text/plain\r\ncontent-length: %zu\r\n\r\n%s",
                    status, strlen(text), text);
    conn->out_ended = true;
    conn->head.keep_alive = false;
}

static vm_status call_handler(worker *worker, const instance *instance,
                              http_conn *conn, bool *was_set, vm_error *err)
{
    cm_value args[2] = {{.rep = http_incoming_create(conn)},
                        {.rep = http_outparam_create(conn, was_set)}};
    cm_result result;
    if (!args[0].rep || !args[1].rep)
        return VM_NO_MEMORY;
    vm_status status = cm_func_call(instance->handle, args, &result, err);
    if (status == VM_OK)
        cm_result_free(&result);
    return status;
}

static bool is_answered(void *data)
{
    const http_conn *conn = data;
    return conn->out_ended || conn->state == HTTP_FAILED;
}

/* result<response, error-code>: the response's body follows while the guest
 * runs on. */
static vm_status answer_with(cm_result *result, http_conn *conn, vm_error *err)
{
    if (result->value.variant.index) {
        answer_plainly(conn, 500, "the application reported an error\n");
        return VM_OK;
    }
    vm_status status = p3_http_respond(cm_result_call(result), conn,
                                       result->value.variant.payload->rep);
    return status == VM_OK ? cm_result_run(result, is_answered, conn, err)
                           : status;
}

static vm_status call_async_handler(worker *worker, const instance *instance,
                                    http_conn *conn, bool *was_set,
                                    vm_error *err)
{
    cm_value request = {.rep = p3_message_of(worker->ctx, conn)};
    cm_result result;
    if (!request.rep)
        return VM_NO_MEMORY;
    vm_status status = cm_func_call(instance->handle, &request, &result, err);
    if (status != VM_OK)
        return status;
    *was_set = true;
    status = answer_with(&result, conn, err);
    cm_result_free(&result);
    return status;
}

static void handle_request(worker *worker, http_conn *conn)
{
    instance instance;
    vm_error err = {.offset = SIZE_MAX};
    bool was_set = false;
    vm_status status = VM_NO_MEMORY;
    if (take_instance(worker, &instance, &err)) {
        set_timer(worker, instance.store);
        status = (instance.is_async ? call_async_handler : call_handler)(
            worker, &instance, conn, &was_set, &err);
        set_timer(worker, NULL);
        vm_store_destroy(instance.store);
    }
    if (status != VM_OK && status != VM_EXIT)
        fprintf(stderr, "vyoma serve: %s %s: %s\n", conn->head.method,
                conn->head.target,
                status == VM_INTERRUPTED ? "time or fuel limit exceeded"
                : err.text[0]            ? err.text
                                         : "out of memory");
    if (!was_set)
        answer_plainly(conn, 500, "the application did not answer\n");
    else if (!conn->out_ended)
        http_conn_fail(conn, HTTP_INTERNAL_ERROR); /* cut: it never finished */
}

/* ---- clients ----------------------------------------------------------- */

static void drop_client(worker *worker, client *client)
{
    if (client->previous)
        client->previous->next = client->next;
    else
        worker->clients = client->next;
    if (client->next)
        client->next->previous = client->previous;
    worker->nclients--;
    wasi_release(client->conn); /* closes: epoll forgets it */
    free(client);
}

static void watch(worker *worker, client *client, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = client};
    if (client->watched == events)
        return;
    epoll_ctl(worker->epoll, client->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
              client->conn->fd, &event);
    client->watched = events;
}

static const struct {
    http_error error;
    unsigned status;
    const char *text;
} refusals[] = {
    {HTTP_REQUEST_HEADER_SECTION_SIZE, 431, "the header is too large\n"},
    {HTTP_RESPONSE_HEADER_SECTION_SIZE, 431, "the header is too large\n"},
    {HTTP_REQUEST_BODY_SIZE, 413, "the body is too large\n"},
    {HTTP_CONNECTION_READ_TIMEOUT, 408, "the request took too long\n"},
    {HTTP_REQUEST_METHOD_INVALID, 400, "the method is malformed\n"},
    {HTTP_REQUEST_URI_INVALID, 400, "the target is malformed\n"},
    {HTTP_PROTOCOL_ERROR, 400, "the request is malformed\n"},
};

/* A request that never reached a guest: says why, then closes. */
static void refuse(http_conn *conn)
{
    size_t i = 0, count = sizeof refusals / sizeof *refusals;
    char text[256];
    while (i < count && refusals[i].error != conn->error)
        i++;
    bool idle = conn->error == HTTP_CONNECTION_READ_TIMEOUT && !conn->in.len;
    if (i == count || idle)
        return;
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 %u \r\nconnection: close\r\n"
                     "content-length: %zu\r\n\r\n%s",
                     refusals[i].status, strlen(refusals[i].text),
                     refusals[i].text);
    (void)!send(conn->fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Lets one client get as far as it can.  False: it is gone. */
static bool serve_client(worker *worker, client *client)
{
    http_conn *conn = client->conn;
    for (;;) {
        http_conn_pump(conn);
        if (conn->state == HTTP_FAILED && !client->answered)
            refuse(conn);
        if (conn->state == HTTP_FAILED)
            return false;
        if (!client->answered && http_conn_body_is_here(conn)) {
            client->answered = true;
            handle_request(worker, conn);
            continue;
        }
        if (!client->answered)
            break;
        if (conn->out.len)
            break;
        if (!http_conn_reset(conn))
            return false;
        client->answered = false;
    }
    wasi_wait wait = {.fd = -1};
    http_conn_want(conn, &wait);
    watch(worker, client,
          (wait.events & POLLOUT ? EPOLLOUT : 0u) |
              (wait.events & POLLIN ? EPOLLIN : 0u) | EPOLLRDHUP);
    return true;
}

static void accept_clients(worker *worker)
{
    http_timeouts timeouts = {.first_byte = HEAD_TIMEOUT,
                              .between_bytes = HEAD_TIMEOUT};
    uint64_t max_body = worker->options->max_body;
    while (worker->nclients < CONNECTIONS) {
        int fd =
            accept4(worker->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        client *client = calloc(1, sizeof *client);
        http_conn *conn = http_conn_serve(
            fd, &timeouts, max_body ? max_body : DEFAULT_MAX_BODY);
        if (!client || !conn) {
            wasi_release(conn);
            free(client);
            return;
        }
        client->conn = conn;
        client->next = worker->clients;
        if (client->next)
            client->next->previous = client;
        worker->clients = client;
        worker->nclients++;
        if (!serve_client(worker, client))
            drop_client(worker, client);
    }
}

static void sweep(worker *worker)
{
    uint64_t now = wasi_now_ns();
    for (client *client = worker->clients, *next; client; client = next) {
        next = client->next;
        if (now >= client->conn->deadline && !serve_client(worker, client))
            drop_client(worker, client);
    }
}

/* ---- the worker -------------------------------------------------------- */

static volatile sig_atomic_t stopping;

static void on_stop(int signal)
{
    stopping = 1;
}

/* Makes an instance ahead; true when there may be more to do. */
static bool warm_up(worker *worker)
{
    vm_error err = {0};
    if (worker->nwarm == WARM)
        return false;
    instance *next = &worker->warm[worker->nwarm];
    *next = (instance){0};
    if (!make_instance(worker, next, &err))
        return false;
    worker->nwarm++;
    return true;
}

static int worker_loop(worker *worker)
{
    struct epoll_event events[EVENTS];
    uint64_t swept = wasi_now_ns();
    while (!stopping) {
        int wait = worker->nwarm < WARM ? 0 : SWEEP_MS;
        int n = epoll_wait(worker->epoll, events, EVENTS, wait);
        if (n == 0 && wait == 0 && !warm_up(worker))
            n = epoll_wait(worker->epoll, events, EVENTS, SWEEP_MS);
        for (int i = 0; i < n; i++) {
            client *client = events[i].data.ptr;
            if (!client)
                accept_clients(worker);
            else if (!serve_client(worker, client))
                drop_client(worker, client);
        }
        if (wasi_now_ns() - swept >= (uint64_t)SWEEP_MS * 1000000u) {
            sweep(worker);
            swept = wasi_now_ns();
        }
    }
    return 0;
}

static bool worker_init(worker *worker, vm_error *err)
{
    worker->linker = cm_linker_create(worker->engine);
    worker->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!worker->linker || worker->epoll < 0)
        return false;
    return run_options_context(worker->options, &worker->ctx, err) == VM_OK &&
           wasi_link(worker->linker, worker->ctx, err) == VM_OK;
}

static void worker_finish(worker *worker)
{
    for (client *client = worker->clients, *next; client; client = next) {
        next = client->next;
        wasi_release(client->conn);
        free(client);
    }
    worker->clients = NULL;
    worker->nclients = 0;
    while (worker->nwarm)
        vm_store_destroy(worker->warm[--worker->nwarm].store);
    cm_linker_destroy(worker->linker);
    wasi_ctx_destroy(worker->ctx);
    close(worker->epoll);
}

static int worker_main(worker *worker)
{
    vm_error err = {.offset = SIZE_MAX};
    struct epoll_event accepting = {.events = EPOLLIN | EPOLLEXCLUSIVE};
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
    if (!worker_init(worker, &err)) {
        fprintf(stderr, "vyoma serve: %s\n", err.text);
        return 1;
    }
    epoll_ctl(worker->epoll, EPOLL_CTL_ADD, worker->listener, &accepting);
    int status = worker_loop(worker);
    worker_finish(worker);
    return status;
}

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

static void announce(int listener)
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
    printf("Serving HTTP on http://%s%s%s:%u/\n", is_v6 ? "[" : "", text,
           is_v6 ? "]" : "",
           ntohs(is_v6 ? address.v6.sin6_port : address.v4.sin_port));
    fflush(stdout);
}

static void stop_workers(const pid_t *pids, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (pids[i] > 0)
            kill(pids[i], SIGTERM);
    while (wait(NULL) > 0)
        ;
}

/* Starts what does not run.  False when none could be started. */
static bool start_workers(worker *worker, pid_t *pids, uint64_t count)
{
    bool any = false;
    for (uint64_t i = 0; i < count; i++) {
        if (!pids[i])
            pids[i] = fork();
        if (pids[i] == 0)
            _exit(worker_main(worker));
        if (pids[i] < 0)
            pids[i] = 0;
        any |= pids[i] > 0;
    }
    return any;
}

/* Keeps the workers running until told to stop. */
static int supervise(worker *worker, uint64_t count)
{
    struct sigaction stop = {.sa_handler = on_stop}; /* no SA_RESTART */
    pid_t pids[WORKERS_MAX] = {0};
    int failed = 0;
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    if (count > WORKERS_MAX)
        count = WORKERS_MAX;
    while (!stopping && !failed && start_workers(worker, pids, count)) {
        int status;
        pid_t ended = wait(&status);
        for (uint64_t i = 0; ended > 0 && i < count; i++)
            if (pids[i] == ended)
                pids[i] = 0;
        if (ended > 0 && WIFEXITED(status))
            failed = WEXITSTATUS(status); /* it could not even begin */
    }
    stop_workers(pids, count);
    return failed;
}

/* One instance in the parent: what is wrong with the component shows now. */
static bool try_once(worker *worker, vm_error *err)
{
    instance instance = {0};
    bool ok = worker_init(worker, err) && make_instance(worker, &instance, err);
    if (ok)
        vm_store_destroy(instance.store);
    worker_finish(worker);
    worker->ctx = NULL;
    worker->linker = NULL;
    return ok;
}

static const uint8_t *map_component(const char *path, size_t *len)
{
    struct stat st = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int error = fd < 0 || fstat(fd, &st) ? errno : st.st_size ? 0 : ENODATA;
    void *bytes = MAP_FAILED;
    *len = (size_t)st.st_size;
    if (!error) {
        bytes = mmap(NULL, *len, PROT_READ, MAP_PRIVATE, fd, 0);
        error = bytes == MAP_FAILED ? errno : 0;
    }
    if (fd >= 0)
        close(fd);
    if (error)
        fprintf(stderr, "vyoma serve: %s: %s\n", path, strerror(error));
    return error ? NULL : bytes;
}

static int serve(worker *worker, const uint8_t *bytes, size_t len)
{
    const run_options *options = worker->options;
    vm_error err = {.offset = SIZE_MAX};
    vm_options engine = {.deterministic = options->deterministic};
    worker->engine = vm_engine_create(&engine);
    if (!worker->engine ||
        cm_component_load(worker->engine, bytes, len, &worker->component,
                          &err) != VM_OK ||
        !try_once(worker, &err)) {
        fprintf(stderr, "vyoma serve: %s: %s\n", options->file,
                err.text[0] ? err.text : "out of memory");
        return 1;
    }
    const char *addr = options->addr ? options->addr : DEFAULT_ADDR;
    worker->listener = listen_at(addr);
    if (worker->listener < 0) {
        fprintf(stderr,
                "vyoma serve: --addr %s: %s (HOST:PORT, where HOST is "
                "an address or localhost)\n",
                addr, strerror(errno));
        return 1;
    }
    announce(worker->listener);
    uint64_t cpus = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
    return supervise(worker, options->workers ? options->workers
                                              : cpus * WORKERS_PER_CPU);
}

int cmd_serve(int argc, char **argv)
{
    run_options options;
    worker worker = {.options = &options, .listener = -1};
    int status = run_options_parse(argc, argv, &options);
    if (status || options.help) {
        run_options_finish(&options);
        return status;
    }
    size_t len;
    const uint8_t *bytes = map_component(options.file, &len);
    status = bytes ? serve(&worker, bytes, len) : 1;
    if (worker.listener >= 0)
        close(worker.listener);
    cm_component_release(worker.component);
    if (worker.engine)
        vm_engine_destroy(worker.engine);
    if (bytes)
        munmap((void *)bytes, len);
    run_options_finish(&options);
    return status;
}
