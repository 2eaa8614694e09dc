/*
 * serve_worker.c - one process of `vyoma serve`.  It watches many connections
 * (epoll); when a request has come with its body (or as much of it as is kept),
 * a fresh instance, made ahead while there was nothing to do, handles it; then
 * it is thrown away.  Slow clients thus occupy a buffer, not an instance.
 */
#include "supervisor/serve.h"
#include "wasi/p3_http.h"
#include "wasi/wasi_http.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    EVENTS = 64,        /* taken from epoll at a time */
    CONNECTIONS = 2048, /* per worker */
    SWEEP_MS = 250,     /* how often deadlines are looked at */
    DRAIN_MS = 100,
    LINGER_BYTES = 1 << 20,
};

#define SECONDS(n) ((uint64_t)(n) * 1000000000u)
#define DEFAULT_MAX_BODY ((uint64_t)1 << 30)
#define IDLE_TIMEOUT SECONDS(60)
#define HEADER_TIMEOUT SECONDS(15)
#define BODY_TIMEOUT SECONDS(60)
#define REQUEST_TIMEOUT SECONDS(30)
#define LINGER SECONDS(2)
#define GRACE SECONDS(10)
#define EXTRA_IDLE SECONDS(30)

/* ---- state ------------------------------------------------------------- */

static volatile sig_atomic_t stopping;

static void on_stop(int signal)
{
    stopping = 1;
}

static uint8_t waste[16 << 10]; /* for what is read and not wanted */

typedef struct serve_client {
    http_conn *conn;
    struct serve_client *next, *previous;
    uint32_t watched; /* events given to epoll; 0: none yet */
    bool answered;    /* the present request is with its guest, or done */
    bool lingers;     /* said its last: only reads, until the peer ends */
    size_t wasted;    /* bytes read so */
} client;

/* ---- instances --------------------------------------------------------- */

static void find_handler(cm_instance *made, serve_instance *out)
{
    out->handle = cm_instance_func(made, "wasi:http/handler@0.3.0", "handle");
    out->is_async = out->handle;
    if (!out->handle)
        out->handle =
            cm_instance_func(made, "wasi:http/incoming-handler", "handle");
}

static bool make_instance(serve_worker *worker, serve_instance *out,
                          vm_error *err)
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

static bool take_instance(serve_worker *worker, serve_instance *out,
                          vm_error *err)
{
    if (worker->nwarm) {
        *out = worker->warm[--worker->nwarm];
        return true;
    }
    *out = (serve_instance){0};
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

static void set_timer(serve_worker *worker, vm_store *store)
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

static vm_status call_handler(serve_worker *worker,
                              const serve_instance *instance, http_conn *conn,
                              bool *was_set, vm_error *err)
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
        http_conn_answer(conn, 500, "the application reported an error\n");
        return VM_OK;
    }
    vm_status status = p3_http_respond(cm_result_call(result), conn,
                                       result->value.variant.payload->rep);
    return status == VM_OK ? cm_result_run(result, is_answered, conn, err)
                           : status;
}

static vm_status call_async_handler(serve_worker *worker,
                                    const serve_instance *instance,
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

static void complain(const http_conn *conn, vm_status status,
                     const vm_error *err)
{
    const char *why = status == VM_INTERRUPTED ? "time or fuel limit exceeded"
                      : err->text[0]           ? err->text
                                               : "out of memory";
    fprintf(stderr, "vyoma serve: %s %s: %s\n", conn->head.method,
            conn->head.target, why);
}

/* Out of time, wherever that showed. */
static bool ran_out(const serve_worker *worker, vm_status status)
{
    return status == VM_INTERRUPTED || wasi_ctx_is_interrupted(worker->ctx);
}

static void handle_request(serve_worker *worker, http_conn *conn)
{
    serve_instance instance;
    vm_error err = {.offset = SIZE_MAX};
    bool was_set = false, late = false;
    vm_status status = VM_NO_MEMORY;
    atomic_store(worker->guest_at, wasi_now_ns());
    if (take_instance(worker, &instance, &err)) {
        set_timer(worker, instance.store);
        http_conn_hold(conn, worker->ctx);
        status = (instance.is_async ? call_async_handler : call_handler)(
            worker, &instance, conn, &was_set, &err);
        http_conn_release(conn, worker->ctx);
        late = status != VM_OK && ran_out(worker, status);
        set_timer(worker, NULL);
        vm_store_destroy(instance.store);
    }
    atomic_store(worker->guest_at, 0);
    if (status != VM_OK && status != VM_EXIT)
        complain(conn, status, &err);
    if (!was_set && late)
        http_conn_answer(conn, 504, "the application took too long\n");
    else if (!was_set)
        http_conn_answer(conn, 500, "the application did not answer\n");
    else if (!conn->out_ended) /* what there is goes, and no end of it */
        conn->out_cut = true;
}

/* ---- clients ----------------------------------------------------------- */

/* A listener that nothing can be accepted from is not watched. */
static void set_accepting(serve_worker *worker, bool on)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE};
    if (worker->accepting != on)
        epoll_ctl(worker->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
                  worker->listener, &event);
    worker->accepting = on;
}

static void accept_again(serve_worker *worker)
{
    if (!stopping && worker->nclients < CONNECTIONS)
        set_accepting(worker, true);
}

static void drop_client(serve_worker *worker, client *client)
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
    accept_again(worker);
}

static void watch(serve_worker *worker, client *client, uint32_t events)
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

/* A request that never reached a guest: says why. */
static void refuse(http_conn *conn)
{
    size_t i = 0, count = sizeof refusals / sizeof *refusals;
    while (i < count && refusals[i].error != conn->error)
        i++;
    bool idle = conn->error == HTTP_CONNECTION_READ_TIMEOUT && !conn->in.len &&
                !conn->head.target;
    if (i < count && !idle)
        http_conn_answer(conn, refusals[i].status, refusals[i].text);
}

/*
 * Ends our side, and lets the peer read what it was told: closing while it
 * still sends would take that away from it (RFC 9112, 9.6).  False: gone.
 */
static bool linger(serve_worker *worker, client *client)
{
    http_conn *conn = client->conn;
    if (!client->lingers) {
        http_conn_last_words(conn);
        conn->deadline = http_after(LINGER);
        client->lingers = true;
        watch(worker, client, EPOLLIN);
    }
    while (client->wasted < LINGER_BYTES) {
        ssize_t n = recv(conn->fd, waste, sizeof waste, MSG_DONTWAIT);
        if (n <= 0)
            return n < 0 && errno == EAGAIN && wasi_now_ns() < conn->deadline;
        client->wasted += (size_t)n;
    }
    return false;
}

/* True when its answer is on its way, or cut off, and nothing follows. */
static bool is_over(http_conn *conn)
{
    return conn->state == HTTP_FAILED || (conn->out_cut && !conn->out.len);
}

/* Handles what has come, as far as that goes.  False: nothing follows. */
static bool advance(serve_worker *worker, client *client)
{
    http_conn *conn = client->conn;
    for (;;) {
        http_conn_pump(conn);
        if (!client->answered && conn->state != HTTP_FAILED &&
            http_conn_body_is_here(conn) && conn->state != HTTP_FAILED) {
            client->answered = true;
            conn->head.keep_alive &= !stopping;
            handle_request(worker, conn);
            continue;
        }
        if (conn->state == HTTP_FAILED && !client->answered)
            refuse(conn);
        if (is_over(conn))
            return false;
        if (!client->answered || conn->out.len)
            return true;
        if (!http_conn_reset(conn))
            return false;
        client->answered = false;
    }
}

/* Lets one client get as far as it can.  False: it is gone. */
static bool serve_client(serve_worker *worker, client *client)
{
    http_conn *conn = client->conn;
    if (client->lingers || !advance(worker, client))
        return linger(worker, client);
    if (stopping && !client->answered && conn->state == HTTP_HEAD &&
        !conn->in.len)
        return false;
    wasi_wait wait = {.fd = -1};
    http_conn_want(conn, &wait);
    watch(worker, client,
          (wait.events & POLLOUT ? EPOLLOUT : 0u) |
              (wait.events & POLLIN ? EPOLLIN : 0u));
    return true;
}

static uint64_t or_default(uint64_t ns, uint64_t other)
{
    return ns ? ns : other;
}

/* NULL: no more now. */
static http_conn *accept_one(serve_worker *worker)
{
    const run_options *options = worker->options;
    http_timeouts timeouts = {
        .connect = or_default(options->idle_timeout_ns, IDLE_TIMEOUT),
        .first_byte = or_default(options->header_timeout_ns, HEADER_TIMEOUT),
        .between_bytes = or_default(options->body_timeout_ns, BODY_TIMEOUT),
    };
    int fd =
        accept4(worker->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
        set_accepting(worker, false); /* out of descriptors: until the sweep */
    if (fd < 0)
        return NULL;
    http_conn *conn = http_conn_serve(
        fd, &timeouts, or_default(options->max_body, DEFAULT_MAX_BODY));
    if (conn && options->max_head)
        conn->max_head = options->max_head;
    if (conn && worker->identity)
        http_conn_secure_server(conn, worker->identity);
    return conn;
}

static void accept_clients(serve_worker *worker)
{
    http_conn *conn;
    while (worker->nclients < CONNECTIONS && (conn = accept_one(worker))) {
        client *client = calloc(1, sizeof *client);
        if (!client) {
            wasi_release(conn);
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
    if (worker->nclients == CONNECTIONS)
        set_accepting(worker, false);
}

static void sweep(serve_worker *worker)
{
    uint64_t now = wasi_now_ns();
    for (client *client = worker->clients, *next; client; client = next) {
        next = client->next;
        if (now >= client->conn->deadline && !serve_client(worker, client))
            drop_client(worker, client);
    }
    accept_again(worker);
}

/* ---- the worker -------------------------------------------------------- */

/* Makes an instance ahead; true when there may be more to do. */
static bool warm_up(serve_worker *worker)
{
    vm_error err = {0};
    if (worker->nwarm == SERVE_WARM)
        return false;
    serve_instance *next = &worker->warm[worker->nwarm];
    *next = (serve_instance){0};
    if (!make_instance(worker, next, &err))
        return false;
    worker->nwarm++;
    return true;
}

static void serve_events(serve_worker *worker, const struct epoll_event *events,
                         int n)
{
    for (int i = 0; i < n; i++) {
        client *client = events[i].data.ptr;
        if (!client)
            accept_clients(worker);
        else if (!serve_client(worker, client))
            drop_client(worker, client);
    }
}

/* No more requests begin; those that did are answered, within GRACE. */
static void drain(serve_worker *worker)
{
    struct epoll_event events[EVENTS];
    uint64_t deadline = http_after(GRACE);
    set_accepting(worker, false);
    for (client *client = worker->clients, *next; client; client = next) {
        next = client->next;
        if (!serve_client(worker, client))
            drop_client(worker, client);
    }
    while (worker->nclients && wasi_now_ns() < deadline)
        serve_events(worker, events,
                     epoll_wait(worker->epoll, events, EVENTS, DRAIN_MS));
}

static void work(serve_worker *worker)
{
    struct epoll_event events[EVENTS];
    uint64_t swept = wasi_now_ns(), busy = swept;
    while (!stopping) {
        int wait = worker->nwarm < SERVE_WARM ? 0 : SWEEP_MS;
        int n = epoll_wait(worker->epoll, events, EVENTS, wait);
        if (n == 0 && wait == 0 && !warm_up(worker))
            n = epoll_wait(worker->epoll, events, EVENTS, SWEEP_MS);
        serve_events(worker, events, n);
        uint64_t now = wasi_now_ns();
        if (now - swept >= (uint64_t)SWEEP_MS * 1000000u) {
            sweep(worker);
            swept = now;
        }
        busy = n > 0 || worker->nclients ? now : busy;
        if (worker->is_extra && now - busy > EXTRA_IDLE)
            return;
    }
    drain(worker);
}

static bool worker_init(serve_worker *worker, vm_error *err)
{
    worker->linker = cm_linker_create(worker->engine);
    worker->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!worker->linker || worker->epoll < 0)
        return false;
    return run_options_context(worker->options, &worker->ctx, err) == VM_OK &&
           wasi_link(worker->linker, worker->ctx, err) == VM_OK;
}

static void worker_finish(serve_worker *worker)
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

int serve_work(serve_worker *worker)
{
    vm_error err = {.offset = SIZE_MAX};
    struct sigaction stop = {.sa_handler = on_stop}; /* no SA_RESTART */
    sigset_t term;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* a terminal's goes to the parent as well */
    sigaction(SIGTERM, &stop, NULL);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &term, NULL);
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
    if (!worker_init(worker, &err)) {
        fprintf(stderr, "vyoma serve: %s\n", err.text);
        return 1;
    }
    accept_again(worker);
    work(worker);
    worker_finish(worker);
    return 0;
}

bool serve_try(serve_worker *worker, vm_error *err)
{
    serve_instance instance = {0};
    bool ok = worker_init(worker, err) && make_instance(worker, &instance, err);
    if (ok)
        vm_store_destroy(instance.store);
    worker_finish(worker);
    worker->ctx = NULL;
    worker->linker = NULL;
    return ok;
}
