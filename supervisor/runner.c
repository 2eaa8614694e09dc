/*
 * runner.c - one app's process.  runner_main gives up everything that the
 * manifest does not grant; only then run_component looks at the first byte of
 * the component.  What it holds from then on:
 *
 *   descriptors   those of runner_fd that the grant names, at fixed numbers
 *   files         beneath the granted folders (mounts of their own)
 *   sockets       those that netd hands over; none can be made here
 *   memory        the grant's limit plus the engine's own needs; never
 *                 executable
 *   others        no signal, no trace, no shared namespace but the empty one
 */
#include "supervisor/roles.h"
#include "wasi/msg.h"
#include "wasi/net_netd.h"
#include "wasi/wasi.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <xxhash.h>

/* Native memory beside the guest's own: code, tables, buffers. */
#define RUNNER_OWN_MEMORY (64ull << 20)

uint32_t runner_policy(const app_grant *grant)
{
    static const struct {
        uint32_t capabilities, sets;
    } adds[] = {
        {WASI_CAP_FILESYSTEM, POLICY_FILES},
        {WASI_CAP_NETWORK | WASI_CAP_HTTP, POLICY_STREAM},
        {WASI_CAP_DISPLAY | WASI_CAP_SHELL, POLICY_DISPLAY},
    };
    uint32_t sets = policy_find("runner")->sets;
    for (size_t i = 0; i < sizeof adds / sizeof *adds; i++)
        if (grant->capabilities & adds[i].capabilities)
            sets |= adds[i].sets;
    return grant->time_ns ? sets | POLICY_TIMER : sets;
}

/* ---- [limits] time -------------------------------------------------- */

/* For the signal handler; one run per process. */
static vm_store *timed_store;
static wasi_ctx *timed_ctx;
static volatile sig_atomic_t time_is_up;

static void on_alarm(int signal)
{
    time_is_up = 1;
    if (timed_store)
        vm_store_interrupt(timed_store);
    if (timed_ctx)
        wasi_ctx_interrupt(timed_ctx);
}

/* While signals may still be set up: the jail forbids it. */
static void prepare_clock(void)
{
    sigset_t alarm_only;
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
    sigprocmask(SIG_UNBLOCK, &alarm_only, NULL);
}

/* Repeats, so that a wait which began between two looks ends as well. */
static void start_clock(uint64_t ns)
{
    const struct itimerval timer = {
        .it_value = {(time_t)(ns / 1000000000),
                     (suseconds_t)(ns % 1000000000 / 1000)},
        .it_interval = {.tv_usec = 20000},
    };
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* ---- the jail ------------------------------------------------------ */

/* Moves the app's streams to 0, 1 and 2; one that is not granted becomes the
 * spawner's /dev/null, so that no other descriptor can take its number. */
static void place_stdio(runner_job *job)
{
    for (int i = 0; i < 3; i++) {
        int *fd = &job->fds[RUNNER_STDIN + i];
        if (*fd >= 0) {
            dup2(*fd, i);
            close(*fd);
        } else if (i) {
            dup2(STDIN_FILENO, i); /* stdin is null unless granted */
        }
        *fd = i;
    }
}

_Noreturn void runner_main(runner_job *job, const policy_filter *filter)
{
    const app_grant *grant = &job->request->grant;
    char name[16];
    int keep[RUNNER_FDS];
    jail_report_to(job->fds[RUNNER_STATUS]);
    snprintf(name, sizeof name, "%s", grant->name);
    if (job->fds[RUNNER_CGROUP] >= 0)
        close(job->fds[RUNNER_CGROUP]);
    job->fds[RUNNER_CGROUP] = -1;
    place_stdio(job);
    if (grant->time_ns)
        prepare_clock();
    memcpy(keep, job->fds, sizeof keep);
    jail_close_others(keep, RUNNER_FDS);
    jail_drop_privileges(&(jail){
        .name = name,
        .uid = job->request->uid,
        .keep_namespaces = true, /* the spawner's empty ones */
        .descriptors = grant->descriptors,
        .memory = grant->memory + RUNNER_OWN_MEMORY,
        .filter = filter,
        .report_fd = job->fds[RUNNER_STATUS],
    });
    _exit(runner_payload(job));
}

/* ---- the component ------------------------------------------------- */

typedef struct bytes {
    const uint8_t *data;
    size_t len;
} bytes;

/* Files of the image never change: they are mapped, and 200 instances share
 * their pages.  Others are copied, since a writer could pull them away. */
static bool read_component(const runner_job *job, bytes *out)
{
    const char *path = job->request->grant.component;
    int fd = job->fds[RUNNER_COMPONENT];
    struct stat st;
    if (fstat(fd, &st) || st.st_size <= 0 || st.st_size > 1 << 30) {
        dprintf(STDERR_FILENO, "%s is empty, or larger than 1 GiB\n", path);
        return false;
    }
    out->len = (size_t)st.st_size;
    bool image = !strncmp(path, "/system/", 8);
    void *at = mmap(NULL, out->len, PROT_READ | (image ? 0 : PROT_WRITE),
                    image ? MAP_PRIVATE : MAP_PRIVATE | MAP_ANONYMOUS,
                    image ? fd : -1, 0);
    out->data = at;
    bool ok = at != MAP_FAILED;
    for (size_t used = 0; ok && !image && used < out->len;) {
        ssize_t got = read(fd, (char *)at + used, out->len - used);
        ok = got > 0;
        used += ok ? (size_t)got : 0;
    }
    if (!ok)
        dprintf(STDERR_FILENO, "%s cannot be read: %s\n", path,
                strerror(errno));
    close(fd);
    return ok;
}

static void complain(const runner_job *job, const char *what,
                     const vm_error *err)
{
    const app_grant *grant = &job->request->grant;
    if (err && err->phase <= VM_PHASE_VALIDATE && err->offset != SIZE_MAX)
        dprintf(STDERR_FILENO, "%s: %s (%s, byte %zu)\n", what, err->text,
                grant->component, err->offset);
    else
        dprintf(STDERR_FILENO, "%s: %s\n", what,
                err && err->text[0] ? err->text : strerror(errno));
}

/* "app 'x' does not start: wasi:random/random@0.2.12 is not granted; ..." */
static void complain_missing(const runner_job *job, vm_name missing,
                             const vm_error *err)
{
    const app_grant *grant = &job->request->grant;
    const char *key = wasi_capability_name(missing.data, missing.len);
    vm_name other = wasi_other_version(job->linker, missing.data, missing.len);
    if (!key || !missing.len || other.len) {
        complain(job, "does not start", err);
        if (other.len)
            dprintf(STDERR_FILENO, "this host has %.*s\n", (int)other.len,
                    other.data);
        return;
    }
    dprintf(STDERR_FILENO,
            "app '%s' does not start: its import %.*s is not granted; grant "
            "it with '%s' under [capabilities], %s:%u\n",
            grant->name, (int)missing.len, missing.data, key, grant->file,
            grant_capability_line(grant, key));
}

typedef struct config_store {
    const char *args[2 * GRANT_STRINGS + 1];
    const char *env[GRANT_STRINGS];
    wasi_preopen folders[GRANT_FOLDERS];
} config_store;

static size_t add_strings(const grant_strings *from, const char **to, size_t n)
{
    for (uint32_t i = 0; i < from->count; i++)
        to[n++] = grant_strings_at(from, i);
    return n;
}

static void tell_ready(void *data)
{
    const runner_job *job = data;
    status_message ready = {STATUS_READY, 0};
    (void)!msg_send(job->fds[RUNNER_STATUS], &ready, sizeof ready, NULL, 0,
                    NULL, 0, 0);
}

static void fill_config(runner_job *job, config_store *store,
                        wasi_config *config)
{
    const app_grant *grant = &job->request->grant;
    bool stdio = grant->capabilities & WASI_CAP_STDIO;
    /* Apps with windows are ready when the first one is shown, which the
     * compositor says; all others when they begin to wait for something. */
    bool window_app = (grant->capabilities & WASI_CAP_DISPLAY) &&
                      !(grant->capabilities & WASI_CAP_SHELL);
    *config = (wasi_config){
        .capabilities = grant->capabilities,
        .args = store->args,
        .env = store->env,
        .stdin_fd = stdio ? STDIN_FILENO : -1,
        .stdout_fd = stdio ? STDOUT_FILENO : -1,
        .stderr_fd = stdio ? STDERR_FILENO : -1,
        .preopens = store->folders,
        .display_fd = job->fds[RUNNER_DISPLAY],
        .ipc_fd = job->fds[RUNNER_IPC],
        .process_fd = job->fds[RUNNER_PROCESS],
        .trust = job->trust,
        .clock_resolution_ns = grant->clock_resolution_ns,
        .waiting = window_app ? NULL : tell_ready,
        .waiting_data = job,
    };
    store->args[0] = grant->name;
    config->nargs = add_strings(&grant->args, store->args, 1);
    config->nargs =
        add_strings(&job->request->args, store->args, config->nargs);
    config->nenv = add_strings(&grant->environment, store->env, 0);
    for (uint32_t i = 0; i < grant->nfolders; i++)
        if (job->fds[RUNNER_FOLDER + i] >= 0)
            store->folders[config->npreopens++] = (wasi_preopen){
                .fd = job->fds[RUNNER_FOLDER + i],
                .guest_path = grant->folders[i].guest,
                .writable = grant->folders[i].writable,
            };
    if (job->fds[RUNNER_NET] >= 0)
        config->net = wasi_net_netd(job->fds[RUNNER_NET]);
}

/* One app: everything between its bytes and its exit status. */
typedef struct guest {
    wasi_ctx *ctx;
    cm_component *component;
    vm_store *store;
    cm_instance *instance;
} guest;

static bool prepare(runner_job *job, guest *g, vm_error *err)
{
    const app_grant *grant = &job->request->grant;
    config_store store = {0};
    wasi_config config;
    vm_store_limits limits = {
        .memory_bytes = grant->memory,
        .table_elements = grant->table_elements,
        .instances = grant->instances,
        .stack_bytes = (uint32_t)grant->stack,
    };
    fill_config(job, &store, &config);
    return !wasi_ctx_create(&config, &g->ctx, err) &&
           !wasi_link_granted(job->linker, g->ctx, err) &&
           !vm_store_create(job->engine, &limits, &g->store);
}

static int finish_run(const runner_job *job, guest *g, vm_status status,
                      const vm_error *err)
{
    static char trace[4096];
    if (status == VM_EXIT)
        return vm_store_exit_code(g->store);
    if (time_is_up)
        dprintf(STDERR_FILENO,
                "%s: trap: wall-time limit exceeded ([limits] time)\n",
                job->request->grant.component);
    else
        complain(job, status == VM_INTERRUPTED ? "stopped" : "trap", err);
    if (vm_fiber_backtrace(g->store, trace, sizeof trace))
        dprintf(STDERR_FILENO, "%s\n", trace);
    return 134;
}

static bool load(runner_job *job, guest *g, vm_error *err)
{
    const app_grant *grant = &job->request->grant;
    bytes file;
    if (!read_component(job, &file))
        return false;
    if (grant->has_hash && XXH64(file.data, file.len, 0) != grant->xxh64) {
        dprintf(STDERR_FILENO,
                "%s has another xxh64 than %s says: not started\n",
                grant->component, grant->file);
        return false;
    }
    if (!cm_component_load(job->engine, file.data, file.len, &g->component,
                           err))
        return true;
    complain(job, "not a valid component", err);
    return false;
}

static int run_component(runner_job *job)
{
    static guest g;
    const app_grant *grant = &job->request->grant;
    vm_error err = {0};
    vm_name missing = {0};
    if (!prepare(job, &g, &err)) {
        complain(job, "cannot be prepared", &err);
        return 125;
    }
    if (!load(job, &g, &err))
        return 125;
    if (grant->fuel)
        vm_store_set_fuel(g.store, grant->fuel);
    if (grant->time_ns) {
        timed_store = g.store;
        timed_ctx = g.ctx;
        start_clock(grant->time_ns);
    }
    vm_status status = cm_instantiate(job->linker, g.component, g.store,
                                      &g.instance, &missing, &err);
    if (status != VM_OK && time_is_up)
        return finish_run(job, &g, status, &err);
    if (status != VM_OK) {
        complain_missing(job, missing, &err);
        return 125;
    }
    cm_func *run = wasi_find_run(g.instance);
    if (!run) {
        dprintf(STDERR_FILENO, "%s does not export wasi:cli/run\n",
                grant->component);
        return 125;
    }
    int code = 0;
    status = wasi_call_run(run, &code, &err);
    return status == VM_OK ? code : finish_run(job, &g, status, &err);
}

int (*runner_payload)(runner_job *job) = run_component;
