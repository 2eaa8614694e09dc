/*
 * init_control.c - vyoma:process, PID 1's side: one table row per request,
 * with the verb that the caller's manifest must hold.  Requests are structs
 * of one size (wasi/proto_process.h); nothing here waits for the caller: one
 * who does not read its answers loses its connection.
 */
#include "supervisor/init.h"

#include "wasi/msg.h"
#include "wasi/proto_process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

/* One request being answered. */
typedef struct asking {
    instance *from;
    const proc_request *request;
    proc_reply reply;
    int fds[2];
    size_t nfds;
} asking;

static void answer(asking *a)
{
    a->reply.op = a->request->op;
    int fd = a->from->process.fd;
    int err = fd < 0 ? 0
                     : msg_send(fd, &a->reply, sizeof a->reply, NULL, 0, a->fds,
                                a->nfds, MSG_DONTWAIT);
    if (err)
        init_unwatch(&a->from->process);
    a->reply.nrows = 0;
}

/* ---- list ---------------------------------------------------------- */

static void do_apps(asking *a)
{
    for (uint32_t i = 0; i < init.napps; i++) {
        const app_grant *g = &init.apps[i];
        proc_app *row = &a->reply.apps[a->reply.nrows++];
        memcpy(row->name, g->name, sizeof row->name);
        memcpy(row->title, g->title, sizeof row->title);
        memcpy(row->glyph, g->glyph, sizeof row->glyph);
        row->color = g->color;
        row->accent = g->accent;
        row->visible = g->visible;
        a->reply.more = i + 1 < init.napps;
        if (a->reply.nrows == PROC_ROWS && a->reply.more)
            answer(a);
    }
    answer(a);
}

static uint64_t cpu_of(pid_t pid)
{
    clockid_t clock;
    struct timespec t;
    if (!pid || clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
        return 0;
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void fill_instance(proc_instance *row, const instance *i)
{
    memcpy(row->app, i->grant->name, sizeof row->app);
    row->id = i->id;
    row->state = i->state;
    row->restarts = i->restarts;
    row->memory = apps_memory(i);
    row->cpu = cpu_of(i->pid);
    row->uptime = i->pid ? init_now() - i->started : 0;
}

static void do_instances(asking *a)
{
    uint64_t count;
    if (a->from->changes >= 0) /* from here on, something new is news */
        (void)!read(a->from->changes, &count, sizeof count);
    a->reply.more = 1;
    for (size_t i = 0; i < INIT_MAX_INSTANCES; i++) {
        if (!init.instances[i].id)
            continue;
        if (a->reply.nrows == PROC_ROWS)
            answer(a);
        fill_instance(&a->reply.instances[a->reply.nrows++],
                      &init.instances[i]);
    }
    a->reply.more = 0;
    answer(a);
}

/* All ended children, and those that run. */
static uint64_t all_cpu(void)
{
    struct rusage ended;
    getrusage(RUSAGE_CHILDREN, &ended);
    uint64_t sum =
        (uint64_t)(ended.ru_utime.tv_sec + ended.ru_stime.tv_sec) * 1000000000 +
        (uint64_t)(ended.ru_utime.tv_usec + ended.ru_stime.tv_usec) * 1000;
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        sum += cpu_of(init.services[i].pid);
    for (size_t i = 0; i < INIT_MAX_INSTANCES; i++)
        sum += init.instances[i].id ? cpu_of(init.instances[i].pid) : 0;
    return sum;
}

static void do_system(asking *a)
{
    struct sysinfo info;
    sysinfo(&info);
    a->reply.nrows = 1;
    a->reply.system = (proc_system){
        .memory_total = (uint64_t)info.totalram * info.mem_unit,
        .memory_free =
            (uint64_t)(info.freeram + info.bufferram) * info.mem_unit,
        .cpu = all_cpu(),
        .uptime = init_now(),
        .processors = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN),
    };
    answer(a);
}

static void do_changes(asking *a)
{
    if (a->from->changes < 0)
        a->from->changes = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    a->fds[0] = a->from->changes;
    a->nfds = a->fds[0] >= 0;
    a->reply.status = a->nfds ? PROC_OK : PROC_FAILED;
    answer(a);
}

/* ---- launch and kill ----------------------------------------------- */

static bool read_args(const proc_request *request, grant_strings *args)
{
    const char *at = request->args, *end = at + sizeof request->args;
    memset(args, 0, sizeof *args);
    if (request->nargs > PROC_MAX_ARGS)
        return false;
    for (uint32_t i = 0; i < request->nargs; i++) {
        const char *nul = memchr(at, 0, (size_t)(end - at));
        if (!nul || !grant_strings_add(args, at))
            return false;
        at = nul + 1;
    }
    return true;
}

/* `fds`: stdin and stdout for the new instance, taken; or NULL. */
static bool launch(asking *a, const int fds[2])
{
    grant_strings args;
    const app_grant *grant = apps_find(a->request->app);
    int err = grant ? PROC_BAD : PROC_NO_APP;
    instance *i = NULL;
    if (grant && read_args(a->request, &args)) {
        i = apps_launch(grant, &args, a->from->id, fds, &err);
    } else if (fds) {
        close(fds[0]);
        close(fds[1]);
    }
    if (i && !i->id) /* it has failed at once */
        err = PROC_FAILED;
    a->reply.status = (uint32_t)err;
    a->reply.id = i ? i->id : 0;
    return i;
}

static void do_launch(asking *a)
{
    launch(a, NULL);
    answer(a);
}

static void do_launch_attached(asking *a)
{
    int in[2], out[2];
    a->reply.status = PROC_FAILED;
    if (pipe2(in, O_CLOEXEC)) {
        answer(a);
        return;
    }
    if (pipe2(out, O_CLOEXEC)) {
        close(in[0]);
        close(in[1]);
        answer(a);
        return;
    }
    int theirs[2] = {in[0], out[1]};
    a->fds[0] = in[1];
    a->fds[1] = out[0];
    a->nfds = launch(a, theirs) ? 2 : 0;
    answer(a);
    close(in[1]);
    close(out[0]);
}

static void do_kill(asking *a)
{
    instance *i = apps_instance(a->request->id);
    a->reply.status = i ? PROC_OK : PROC_NO_INSTANCE;
    answer(a);
    if (i)
        apps_kill(i);
}

/* ---- log and power ------------------------------------------------- */

static bool has_log(const char *name)
{
    if (apps_find(name) || !strcmp(name, "vyoma"))
        return true;
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        if (!strcmp(service_name(i), name))
            return true;
    return false;
}

/* The logger writes into one end of a pipe, the caller reads the other. */
static void do_log(asking *a)
{
    int ends[2];
    log_message message = {.kind = LOG_QUERY,
                           .max_lines = a->request->max_lines};
    if (message.max_lines > PROC_MAX_LOG_LINES)
        message.max_lines = PROC_MAX_LOG_LINES;
    memcpy(message.name, a->request->app, sizeof message.name);
    a->reply.status = has_log(message.name) ? PROC_FAILED : PROC_NO_APP;
    if (a->reply.status == PROC_FAILED && !pipe2(ends, O_CLOEXEC)) {
        if (!service_send(SERVICE_LOGGER, &message, sizeof message, &ends[1],
                          1)) {
            a->reply.status = PROC_OK;
            a->fds[0] = ends[0];
            a->nfds = 1;
        }
        answer(a);
        close(ends[0]);
        close(ends[1]);
        return;
    }
    answer(a);
}

static void do_power_off(asking *a)
{
    answer(a);
    power_down(RB_POWER_OFF);
}

static void do_restart(asking *a)
{
    answer(a);
    power_down(RB_AUTOBOOT);
}

/* ---- dispatch ------------------------------------------------------ */

static const struct {
    proc_verb verb;
    void (*run)(asking *a);
} ops[PROC_OP_END] = {
    [PROC_APPS] = {PROC_VERB_LIST, do_apps},
    [PROC_INSTANCES] = {PROC_VERB_LIST, do_instances},
    [PROC_SYSTEM] = {PROC_VERB_LIST, do_system},
    [PROC_CHANGES] = {PROC_VERB_LIST, do_changes},
    [PROC_LAUNCH] = {PROC_VERB_LAUNCH, do_launch},
    [PROC_LAUNCH_ATTACHED] = {PROC_VERB_LAUNCH, do_launch_attached},
    [PROC_KILL] = {PROC_VERB_KILL, do_kill},
    [PROC_LOG] = {PROC_VERB_LOG, do_log},
    [PROC_POWER_OFF] = {PROC_VERB_POWER, do_power_off},
    [PROC_RESTART] = {PROC_VERB_POWER, do_restart},
};

static void on_request(watch *w)
{
    proc_request request;
    asking a = {.from = w->owner, .request = &request};
    ssize_t rest = msg_recv(w->fd, &request, sizeof request, NULL, 0, NULL, 0,
                            MSG_DONTWAIT);
    if (rest == -EAGAIN)
        return;
    if (rest) {
        init_unwatch(w);
        return;
    }
    request.app[sizeof request.app - 1] = 0;
    if (request.op >= PROC_OP_END || !ops[request.op].run) {
        a.reply.status = PROC_BAD;
        answer(&a);
    } else if (!(a.from->grant->verbs >> ops[request.op].verb & 1)) {
        a.reply.status = PROC_DENIED;
        answer(&a);
    } else {
        ops[request.op].run(&a);
    }
}

void control_accept(instance *i, int fd)
{
    init_watch(&i->process, fd, on_request, i);
}
