/*
 * init_apps.c - instances of apps: launched, started, ready, ended, started
 * again.  An instance is in one slot of a fixed table from launch until it
 * has ended for good; its uid is the slot's.
 *
 *   launch -> queued -> opening -> asked (spawner) -> pid -> ready -> ended
 *                ^                                                      |
 *                +------------------ waiting (back-off) <---------------+
 */
#include "supervisor/init.h"

#include "wasi/msg.h"
#include "wasi/proto_process.h"
#include "wasi/wasi.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LATER = 100,           /* ms until a service is asked again */
    IN_FLIGHT = 4,         /* starts at a time: the first come up first */
    START_TIME = 1000,     /* ms: one that takes longer makes room */
    BACKOFF_MAX = 30000,   /* ms */
    HEALTHY_AFTER = 10000, /* ms of running: failures are forgotten */
    SLOW_AFTER = 30000,    /* ms: the boot does not wait for it any more */
};

#define EACH(i)                                                                \
    instance *i = init.instances;                                              \
    i < init.instances + INIT_MAX_INSTANCES;                                   \
    i++

/* ---- installed apps ------------------------------------------------ */

const app_grant *apps_find(const char *name)
{
    for (uint32_t i = 0; i < init.napps; i++)
        if (!strcmp(init.apps[i].name, name))
            return &init.apps[i];
    return NULL;
}

void apps_installed(const app_grant *grant)
{
    if (apps_find(grant->name))
        return; /* a restarted manifest reader tells everything again */
    if (init.napps == INIT_MAX_APPS)
        init_say("app %s: more than %d apps", grant->name, INIT_MAX_APPS);
    else
        init.apps[init.napps++] = *grant;
    apps_changed();
}

instance *apps_instance(uint32_t id)
{
    for (EACH(i))
        if (i->id && i->id == id)
            return i;
    return NULL;
}

/* Tells those who asked for changes. */
void apps_changed(void)
{
    uint64_t one = 1;
    for (EACH(i))
        if (i->id && i->changes >= 0)
            (void)!write(i->changes, &one, sizeof one);
}

/* ---- launching ----------------------------------------------------- */

static instance *free_slot(uint32_t launcher, int *err)
{
    instance *found = NULL;
    uint32_t same = 0;
    for (EACH(i)) {
        if (!i->id && !found)
            found = i;
        same += i->id && launcher && i->launcher == launcher;
    }
    if (same >= INIT_MAX_PER_LAUNCHER)
        found = NULL;
    *err = found ? PROC_OK : PROC_TOO_MANY;
    return found;
}

static void pump(void);

instance *apps_launch(const app_grant *grant, const grant_strings *args,
                      uint32_t launcher, const int fds[2], int *err)
{
    instance *i = free_slot(launcher, err);
    if (init.power) {
        *err = PROC_FAILED;
        i = NULL;
    }
    if (!i) {
        for (int f = 0; fds && f < 2; f++)
            close(fds[f]);
        return NULL;
    }
    *i = (instance){
        .id = init.next_id++,
        .launcher = launcher,
        .grant = grant,
        .queued = true,
        .attached = fds != NULL,
        .syscall_killed = -1,
        .log_read = -1,
        .changes = -1,
        .ipc_end = -1,
        .net_end = -1,
        .display_end = -1,
        .stdio = {fds ? fds[0] : -1, fds ? fds[1] : -1},
        .files = {-1, -1, -1, -1, -1},
        .status.fd = -1,
        .process.fd = -1,
        .started = init_now(),
    };
    if (args)
        i->args = *args;
    pump();
    return i;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* PID 1's copies: the app's end of file depends on them. */
static void close_stdio(instance *i)
{
    close_fd(&i->stdio[0]);
    close_fd(&i->stdio[1]);
}

/* What belongs to one run of the instance. */
static void unwire(instance *i)
{
    char path[96];
    init_unwatch(&i->status);
    init_unwatch(&i->process);
    close_fd(&i->log_read);
    close_fd(&i->changes);
    close_fd(&i->ipc_end);
    close_fd(&i->net_end);
    close_fd(&i->display_end);
    for (size_t f = 0; f < FOLDER_FDS; f++)
        close_fd(&i->files[f]);
    if (!init.cgroups)
        return;
    wire_cgroup_path(i, path);
    rmdir(path);
}

/* ---- readiness ----------------------------------------------------- */

static void check_all_ready(void)
{
    if (!init.planned || init.all_ready || init.power)
        return;
    for (EACH(i))
        if (i->id && i->boot && !i->settled)
            return;
    init.all_ready = true;
    init_say("all-ready %llu", (unsigned long long)init_now());
    if (init.plan.scale)
        apps_scale();
}

static void report(instance *i, const char *what)
{
    if (i->reported || init.power)
        return;
    i->reported = i->settled = true;
    if (!i->scale)
        init_say("%s %s %llu", what, i->grant->name,
                 (unsigned long long)init_now());
}

void apps_ready(instance *i)
{
    if (i->state != INSTANCE_STARTING)
        return;
    i->state = INSTANCE_READY;
    report(i, "ready");
    pump();
    apps_changed();
    check_all_ready();
    apps_scale_progress();
}

/* One message of a runner; false when there is none now, or never again. */
static bool take_status(instance *i)
{
    status_message message = {0};
    ssize_t rest = msg_recv(i->status.fd, &message, sizeof message, NULL, 0,
                            NULL, 0, MSG_DONTWAIT);
    if (rest == -EAGAIN)
        return false;
    /* There are two things to say.  One that says more is out of its mind. */
    if (rest || ++i->statuses > 2)
        return init_unwatch(&i->status), false;
    if (message.kind == STATUS_READY)
        apps_ready(i);
    else if (message.kind == STATUS_SECCOMP)
        i->syscall_killed = message.value;
    return true;
}

static void on_status(watch *w)
{
    take_status(w->owner);
}

void apps_watch_status(instance *i, int fd)
{
    i->statuses = 0;
    init_watch(&i->status, fd, on_status, i);
}

/* ---- the end of a run ---------------------------------------------- */

static bool out_of_memory(const instance *i)
{
    char path[128], folder[96], text[256] = "";
    if (!init.cgroups)
        return false;
    wire_cgroup_path(i, folder);
    snprintf(path, sizeof path, "%s/memory.events", folder);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!read(fd, text, sizeof text - 1);
        close(fd);
    }
    const char *kills = strstr(text, "oom_kill ");
    return kills && kills[9] != '0';
}

static void say_ended(const instance *i, int status)
{
    const char *app = i->grant->name;
    if (i->syscall_killed >= 0) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE,
                                                      i->syscall_killed);
        init_say("app %s killed by seccomp: system call %d (%s)", app,
                 i->syscall_killed, name ? name : "unknown");
        free(name);
    } else if (WIFSIGNALED(status) && out_of_memory(i)) {
        init_say("app %s killed: it used more than its memory limit", app);
    } else if (WIFSIGNALED(status)) {
        init_say("app %s ended by signal %d (%s)", app, WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    } else if (WEXITSTATUS(status)) {
        init_say("app %s ended with status %d", app, WEXITSTATUS(status));
    }
}

static bool wants_restart(const instance *i, bool failed)
{
    const app_grant *g = i->grant;
    if (i->attached || init.power)
        return false;
    if (i->revive)
        return true;
    if (i->killed) /* by a person: only what has to run comes back */
        return g->restart == GRANT_RESTART_ALWAYS;
    if (g->restart == GRANT_RESTART_NEVER ||
        (g->restart == GRANT_RESTART_ON_FAILURE && !failed))
        return false;
    return !g->attempts || i->failures < g->attempts;
}

static void wait_for_restart(instance *i)
{
    uint64_t wait = i->grant->backoff_ms;
    for (uint32_t n = 1; n < i->failures && wait < BACKOFF_MAX; n++)
        wait *= 2;
    i->due = init_now() + (wait < BACKOFF_MAX ? wait : BACKOFF_MAX);
    i->state = INSTANCE_WAITING;
    i->revive = i->killed = false;
    i->restarts++;
}

static void ended(instance *i, bool failed)
{
    uint64_t ran = init_now() - i->started;
    i->pid = 0;
    i->asked = i->queued = i->opening = false;
    unwire(i);
    close_stdio(i);
    i->failures = failed ? (ran > HEALTHY_AFTER ? 1 : i->failures + 1) : 0;
    i->syscall_killed = -1;
    if (failed)
        report(i, "failed");
    else
        report(i, "ended");
    if (wants_restart(i, failed))
        wait_for_restart(i);
    else
        i->id = 0;
    apps_changed();
    check_all_ready();
    apps_scale_progress();
    pump();
}

bool apps_reaped(pid_t pid, int status)
{
    instance *i = init.instances;
    while (i < init.instances + INIT_MAX_INSTANCES && i->pid != pid)
        i++;
    if (i == init.instances + INIT_MAX_INSTANCES || !i->id)
        return false;
    while (i->status.fd >= 0 && take_status(i))
        ; /* its last words */
    if (!i->killed && !i->revive && !init.power)
        say_ended(i, status);
    ended(i, status != 0 && !i->killed);
    return true;
}

/* ---- starting ------------------------------------------------------ */

/* Not its own failure: it waits a little for the service. */
static void start_later(instance *i)
{
    i->asked = i->opening = false;
    unwire(i);
    i->state = INSTANCE_WAITING;
    i->due = init_now() + LATER;
}

/* The second half of a start: its files are open. */
static void spawn(instance *i)
{
    wire_result result = wire_and_spawn(i);
    i->asked = result == WIRE_OK;
    if (result == WIRE_LATER)
        start_later(i);
    if (result != WIRE_FAILED)
        return;
    init_say("app %s cannot be started (see its log)", i->grant->name);
    ended(i, true);
}

static void cannot_open(instance *i, const char *what, int err)
{
    init_say("app %s cannot be started: %s: %s", i->grant->name, what,
             strerror(-err));
    ended(i, true);
}

static void start(instance *i)
{
    const char *what;
    int err;
    i->queued = i->reported = false;
    i->due = 0;
    i->state = INSTANCE_STARTING;
    i->started = init_now();
    if (!wire_needs_disk(i->grant)) {
        if (!(err = wire_open_image(i, &what)))
            spawn(i);
        else
            cannot_open(i, what, err);
        return;
    }
    i->opening = wire_ask_files(i);
    if (!i->opening)
        start_later(i);
}

void apps_opened(const folder_reply *reply, const int fds[FOLDER_FDS])
{
    instance *i = apps_instance(reply->id);
    bool wanted = i && i->opening;
    for (uint32_t f = 0; f < FOLDER_FDS; f++) {
        if (wanted)
            i->files[f] = fds[f];
        else if (fds[f] >= 0)
            close(fds[f]);
    }
    if (!wanted)
        return;
    i->opening = false;
    if (!reply->error) {
        spawn(i);
        return;
    }
    const app_grant *g = i->grant;
    const char *what = reply->which && reply->which <= g->nfolders
                           ? g->folders[reply->which - 1].host
                           : g->component;
    cannot_open(i, what, reply->error);
}

/* Between the request to the spawner and readiness. */
static bool is_starting(const instance *i, uint64_t now)
{
    return i->id && (i->asked || ((i->pid || i->opening) && !i->reported &&
                                  now < i->started + START_TIME));
}

/* Starts queued instances while few others are starting. */
static void pump(void)
{
    static bool inside; /* start() may fail and come back here */
    uint64_t now = init_now();
    uint32_t asked = 0;
    if (inside || !init.services[SERVICE_SPAWNER].pid || init.power)
        return;
    inside = true;
    for (EACH(i))
        asked += is_starting(i, now);
    for (EACH(i)) {
        if (asked >= IN_FLIGHT)
            break;
        if (i->id && i->queued) {
            start(i);
            asked += is_starting(i, now);
        }
    }
    inside = false;
}

void apps_spawned(const spawn_reply *reply)
{
    instance *i = apps_instance(reply->id);
    if (i && i->asked) {
        i->asked = false;
        i->pid = reply->pid > 0 ? reply->pid : 0;
        close_stdio(i);
        if (!i->pid) {
            init_say("app %s cannot be forked: %s", i->grant->name,
                     strerror(-reply->pid));
            ended(i, true);
        } else if (i->killed || init.power) {
            kill(i->pid, SIGKILL);
        }
        apps_changed();
    }
    pump();
}

/* One that computes or hangs before its first wait must not hold the boot. */
static void give_up_waiting(instance *i, uint64_t now, uint64_t *next)
{
    uint64_t late = i->started + SLOW_AFTER;
    if (i->reported || (!i->pid && !i->opening))
        return;
    if (now < i->started + START_TIME)
        init_due(next, i->started + START_TIME);
    if (now < late) {
        init_due(next, late);
        return;
    }
    report(i, "slow");
    check_all_ready();
    apps_scale_progress();
}

void apps_tick(uint64_t now, uint64_t *next)
{
    for (EACH(i)) {
        if (i->id && i->state == INSTANCE_STARTING)
            give_up_waiting(i, now, next);
        if (!i->id || i->state != INSTANCE_WAITING)
            continue;
        if (i->due <= now) {
            i->state = INSTANCE_STARTING;
            i->queued = true;
        } else {
            init_due(next, i->due);
        }
    }
    pump();
}

void apps_kill(instance *i)
{
    i->killed = true;
    if (i->pid) {
        i->state = INSTANCE_STOPPING;
        kill(i->pid, SIGKILL);
        apps_changed();
    } else if (!i->asked) {
        ended(i, false);
    }
}

void apps_end_all(int sig)
{
    for (EACH(i))
        if (i->id && i->pid)
            kill(i->pid, sig);
}

bool apps_alive(void)
{
    for (EACH(i))
        if (i->id && (i->pid || i->asked))
            return true;
    return false;
}

/* ---- services that were started again ------------------------------ */

void apps_reconnect(service_id id)
{
    for (EACH(i)) {
        if (!i->id)
            continue;
        if (id == SERVICE_LOGGER && i->log_read >= 0)
            service_log(i->grant->name, i->id, i->log_read);
        if ((id == SERVICE_BROKER && i->ipc_end >= 0) ||
            (id == SERVICE_NETD && i->net_end >= 0))
            wire_client(i, id, true);
        if (id == SERVICE_DISPLAY && i->display_end >= 0)
            wire_window(i, true);
        if ((id == SERVICE_SPAWNER && i->asked) ||
            (id == SERVICE_FOLDERS && i->opening))
            start_later(i); /* it had the request in its hands */
    }
}

void apps_window_closed(instance *i, bool misused)
{
    close_fd(&i->display_end);
    if (misused)
        init_say("app %s misused its display connection, which was closed",
                 i->grant->name);
}

/* The desktop's own parts know too much of a compositor to meet another: they
 * start afresh.  Apps show their windows to the next one (gfx/client.c). */
void apps_display_lost(void)
{
    for (EACH(i))
        if (i->id && i->pid && i->grant->capabilities & WASI_CAP_SHELL) {
            kill(i->pid, SIGKILL);
            i->revive = true;
        }
}

/* ---- memory -------------------------------------------------------- */

uint64_t apps_memory(const instance *i)
{
    char path[128], folder[96], text[32] = "";
    if (!init.cgroups || !i->pid)
        return 0;
    wire_cgroup_path(i, folder);
    snprintf(path, sizeof path, "%s/memory.current", folder);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    (void)!read(fd, text, sizeof text - 1);
    close(fd);
    return strtoull(text, NULL, 10); /* the kernel's own number */
}

/* ---- the boot list, and many copies of one app --------------------- */

void apps_plan(const boot_plan *plan)
{
    if (init.planned)
        return;
    init.plan = *plan;
    services_planned();
    for (uint32_t a = 0; a < plan->napps; a++) {
        const app_grant *grant = apps_find(plan->apps[a]);
        int err = PROC_NO_APP;
        instance *i = grant ? apps_launch(grant, NULL, 0, NULL, &err) : NULL;
        if (i)
            i->boot = true;
        else
            init_say("app %s of the boot list %s", plan->apps[a],
                     err == PROC_NO_APP ? "has no valid manifest"
                                        : "is one too many");
    }
    init.planned = true;
    check_all_ready();
}

static uint64_t free_memory(void)
{
    struct sysinfo info;
    sysinfo(&info);
    return (uint64_t)info.freeram * info.mem_unit;
}

static uint64_t free_before;

void apps_scale(void)
{
    const app_grant *grant = apps_find(init.plan.scale_app);
    uint32_t count = init.plan.scale;
    init.scale_started = init_now();
    free_before = free_memory();
    for (uint32_t n = 0; grant && n < count; n++) {
        int err;
        instance *i = apps_launch(grant, NULL, 0, NULL, &err);
        if (i)
            i->scale = true;
        else
            count = n;
    }
    init.plan.scale = grant ? count : 0;
    init.scaling = true;
    apps_scale_progress();
}

void apps_scale_progress(void)
{
    uint32_t ready = 0, failed = init.plan.scale;
    if (!init.scaling)
        return;
    for (EACH(i)) {
        if (!i->id || !i->scale)
            continue;
        if (!i->settled)
            return;
        ready += i->state == INSTANCE_READY;
    }
    failed -= ready < failed ? ready : failed;
    init.scaling = false;
    uint64_t used = free_before - free_memory();
    init_say("scale: %u ready in %llu ms, %u failed, %llu KiB per app", ready,
             (unsigned long long)(init_now() - init.scale_started), failed,
             (unsigned long long)(ready ? used / ready / 1024 : 0));
}
