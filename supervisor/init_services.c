/*
 * init_services.c - the services of PID 1, as a table.  A row says what runs,
 * what its messages mean, and what must be told to others when it has been
 * started again.  The death of one never takes another with it: apps keep
 * their sockets, whose other ends PID 1 holds copies of, and the new process
 * of the service is given them.
 */
#include "supervisor/init.h"

#include "gfx/control.h"
#include "gfx/session.h"
#include "wasi/msg.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MESSAGE_MAX = sizeof(manifest_message) };

typedef struct service_row {
    const char *name;
    int (*main)(int control, const role_options *options);
    /* A message of `size` bytes other than a status_message. */
    void (*on_message)(const void *message, const int *fds);
    size_t size;
    void (*started)(void); /* runs, perhaps anew */
    void (*ended)(void);
} service_row;

/* ---- what services say --------------------------------------------- */

static void on_manifest(const void *message, const int *fds)
{
    const manifest_message *m = message;
    if (m->kind == MANIFEST_GRANT && grant_is_sane(&m->grant))
        apps_installed(&m->grant);
    else if (m->kind == MANIFEST_PLAN && boot_plan_is_sane(&m->plan))
        apps_plan(&m->plan);
    else
        init_say("a message of the manifest reader is malformed: ignored");
}

static void on_spawned(const void *message, const int *fds)
{
    const spawn_reply *reply = message;
    apps_spawned(reply);
    if (reply->pid > 0)
        init_match_early(reply->pid);
}

static void on_opened(const void *message, const int *fds)
{
    apps_opened(message, fds);
}

static void on_display(const void *message, const int *fds)
{
    const struct gfx_control *m = message;
    instance *i = apps_instance(m->instance);
    if (m->type == GFX_CONTROL_FIRST_FRAME)
        init_say("first-frame %llu", (unsigned long long)init_now());
    else if (m->type == GFX_CONTROL_READY && i)
        apps_ready(i);
    else if (m->type == GFX_CONTROL_KILL && i)
        apps_kill(i);
    else if (m->type == GFX_CONTROL_GONE && i)
        apps_window_closed(i, m->a);
}

/* ---- after a start or an end --------------------------------------- */

/* PID 1's own lines take the same way as all others, through this pipe. */
static int own_log = -1;

static void add_logs(void)
{
    service_log("vyoma", 0, own_log);
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        if (init.services[i].log_read >= 0)
            service_log(init.services[i].row->name, 0,
                        init.services[i].log_read);
    apps_reconnect(SERVICE_LOGGER);
}

static void setup_net(void)
{
    const boot_plan *plan = &init.plan;
    net_setup setup = {plan->address, plan->gateway, plan->dns, plan->prefix};
    service_send(SERVICE_NETD, &setup, sizeof setup, NULL, 0);
    apps_reconnect(SERVICE_NETD);
}

static void reconnect_broker(void)
{
    apps_reconnect(SERVICE_BROKER);
}

static void reconnect_display(void)
{
    apps_reconnect(SERVICE_DISPLAY);
}

static void retry_opens(void)
{
    apps_reconnect(SERVICE_FOLDERS);
}

static void retry_spawns(void)
{
    apps_reconnect(SERVICE_SPAWNER);
}

static const service_row rows[SERVICE_COUNT] = {
    [SERVICE_DISPLAY] = {"compositor", display_main, on_display,
                         sizeof(struct gfx_control), reconnect_display,
                         apps_display_lost},
    [SERVICE_LOGGER] = {"logger", logger_main, NULL, 0, add_logs, NULL},
    [SERVICE_MANIFESTS] = {"manifests", manifests_main, on_manifest,
                           sizeof(manifest_message), NULL, NULL},
    [SERVICE_FOLDERS] = {"folders", folders_main, on_opened,
                         sizeof(folder_reply), NULL, retry_opens},
    [SERVICE_SPAWNER] = {"spawner", spawner_main, on_spawned,
                         sizeof(spawn_reply), NULL, retry_spawns},
    [SERVICE_NETD] = {"netd", netd_main, NULL, 0, setup_net, NULL},
    [SERVICE_BROKER] = {"broker", broker_main, NULL, 0, reconnect_broker, NULL},
};

const char *service_name(service_id id)
{
    return rows[id].name;
}

/* ---- messages ------------------------------------------------------ */

static void on_status(service *s, const status_message *m)
{
    if (m->kind == STATUS_READY)
        s->ready = true;
    if (m->kind == STATUS_SECCOMP) {
        char *name =
            seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, m->value);
        init_say("service %s killed by seccomp: system call %d (%s)",
                 s->row->name, m->value, name ? name : "unknown");
        free(name);
    }
}

/* Only one service sends descriptors; what another sends is not kept. */
static void close_fds(const int fds[FOLDER_FDS])
{
    for (size_t i = 0; i < FOLDER_FDS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* One message; false when there is none now, or never again. */
static bool take_message(service *s)
{
    static _Alignas(16) char message[MESSAGE_MAX];
    size_t head = sizeof(status_message);
    int fds[FOLDER_FDS];
    ssize_t rest =
        msg_recv(s->control.fd, message, head, message + head,
                 sizeof message - head, fds, FOLDER_FDS, MSG_DONTWAIT);
    if (rest == 0)
        on_status(s, (const status_message *)message);
    else if (rest > 0 && s->row->on_message &&
             head + (size_t)rest == s->row->size)
        s->row->on_message(message, fds);
    else if (rest == -EAGAIN)
        return false;
    else if (rest == -EPIPE || rest == -ECONNRESET)
        return init_unwatch(&s->control), false; /* waitpid sees the end */
    else
        init_say("a message of service %s is malformed: ignored", s->row->name);
    if (rest <= 0 || s->row->on_message != on_opened)
        close_fds(fds);
    return true;
}

static void on_control(watch *w)
{
    take_message(w->owner);
}

int service_send(service_id id, const void *message, size_t size,
                 const int *fds, size_t nfds)
{
    int fd = init.services[id].control.fd;
    if (fd < 0)
        return -EPIPE;
    return msg_send(fd, message, size, NULL, 0, fds, nfds, MSG_DONTWAIT);
}

void service_log(const char *name, uint32_t id, int read_end)
{
    log_message message = {.kind = LOG_ADD, .id = id};
    snprintf(message.name, sizeof message.name, "%s", name);
    service_send(SERVICE_LOGGER, &message, sizeof message, &read_end, 1);
}

/* ---- processes ----------------------------------------------------- */

/* The child's side: nothing of PID 1 is left but the control socket. */
static _Noreturn void become(const service *s, int control)
{
    sigset_t none;
    int null = open("/dev/null", O_RDWR);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    if (s->log_write >= 0) { /* the logger itself writes to the console */
        dup2(s->log_write, STDOUT_FILENO);
        dup2(s->log_write, STDERR_FILENO);
    }
    /* The one thing that a service leaves to its successor. */
    bool display = s == &init.services[SERVICE_DISPLAY];
    int keep[] = {0, 1, 2, control, display ? init.options.session : control};
    jail_close_others(keep, 5);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    init.options.restarted = s->restarts > 0;
    _exit(s->row->main(control, &init.options));
}

static bool make_log(service *s)
{
    int ends[2];
    if (s->log_read >= 0 || s == &init.services[SERVICE_LOGGER])
        return false;
    if (pipe2(ends, O_CLOEXEC))
        return false;
    s->log_read = ends[0];
    s->log_write = ends[1];
    return true;
}

static void service_start(service *s)
{
    int ends[2] = {-1, -1};
    bool new_log = make_log(s);
    s->due = 0;
    s->ready = false;
    s->started = init_now();
    s->pid = msg_pair(ends) ? -1 : fork();
    if (!s->pid)
        become(s, ends[1]);
    if (s->pid < 0) {
        init_say("service %s cannot be started: %s", s->row->name,
                 strerror(errno));
        if (ends[0] >= 0)
            close(ends[0]);
        s->pid = 0;
        s->due = s->started + 1000;
    } else {
        init_watch(&s->control, ends[0], on_control, s);
    }
    if (ends[1] >= 0)
        close(ends[1]);
    if (new_log && init.services[SERVICE_LOGGER].pid)
        service_log(s->row->name, 0, s->log_read);
    if (s->pid && s->row->started)
        s->row->started();
}

void services_start(void)
{
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        init.services[i].row = &rows[i];
        init.services[i].log_read = init.services[i].log_write = -1;
        init.services[i].control.fd = -1;
    }
    int ends[2];
    init.options.session = gfx_session_create();
    if (!pipe2(ends, O_CLOEXEC | O_NONBLOCK)) {
        own_log = ends[0];
        init.log = ends[1];
    }
    /* The picture first; everything else starts while it is made. */
    service_start(&init.services[SERVICE_DISPLAY]);
    service_start(&init.services[SERVICE_LOGGER]);
    service_start(&init.services[SERVICE_MANIFESTS]);
    service_start(&init.services[SERVICE_FOLDERS]);
    service_start(&init.services[SERVICE_SPAWNER]);
    boot_cgroups();
    service_start(&init.services[SERVICE_BROKER]);
}

void services_planned(void)
{
    service *netd = &init.services[SERVICE_NETD];
    if (!netd->pid && !netd->due)
        service_start(netd);
}

static void say_ended(const service *s, int status)
{
    if (WIFSIGNALED(status))
        init_say("service %s ended by signal %d (%s)", s->row->name,
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        init_say("service %s ended with status %d", s->row->name,
                 WEXITSTATUS(status));
}

bool services_reaped(pid_t pid, int status)
{
    service *s = init.services;
    while (s < init.services + SERVICE_COUNT && s->pid != pid)
        s++;
    if (s == init.services + SERVICE_COUNT)
        return false;
    while (s->control.fd >= 0 && take_message(s))
        ; /* its last words */
    init_unwatch(&s->control);
    s->pid = 0;
    s->done = s == &init.services[SERVICE_MANIFESTS] && init.planned;
    if (s->done || init.power)
        return true;
    say_ended(s, status);
    uint64_t now = init_now();
    s->restarts++;
    s->failures = now - s->started > 10000 ? 0 : s->failures + 1;
    uint64_t wait = 50ull << (s->failures < 9 ? s->failures : 9);
    s->due = now + wait;
    if (s->row->ended)
        s->row->ended();
    return true;
}

void services_tick(uint64_t now, uint64_t *next)
{
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        service *s = &init.services[i];
        if (s->due && s->due <= now && !init.power)
            service_start(s);
        init_due(next, s->due);
    }
}

void services_stop(int sig)
{
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        if (init.services[i].pid && i != SERVICE_LOGGER)
            kill(init.services[i].pid, sig);
}

bool services_alive(void)
{
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        if (init.services[i].pid && i != SERVICE_LOGGER)
            return true;
    return false;
}
