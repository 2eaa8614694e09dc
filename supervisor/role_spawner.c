/*
 * role_spawner.c - the warmed parent: it holds the engine and the compiled
 * seccomp filters in memory, lives in the empty namespaces that all runners
 * share, and forks one runner per request of PID 1.  With CLONE_PARENT the
 * runner is PID 1's child, which reaps it; with CLONE_INTO_CGROUP it is born
 * inside its limits.
 *
 * The spawner stays root to give each runner a uid of its own, but in an empty
 * root, without devices, network, or capabilities beyond those below; it only
 * reads fixed-size messages of PID 1.
 */
#include "gfx/text.h"
#include "supervisor/roles.h"
#include "wasi/msg.h"
#include "wasi/tls.h"
#include "wasi/wasi.h"

#include <errno.h>
#include <glob.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void enter(int control)
{
    policy_filter filter;
    if (policy_compile(policy_find("spawner")->sets, &filter)) {
        dprintf(STDERR_FILENO, "spawner: its filter cannot be compiled\n");
        _exit(126);
    }
    jail_enter(&(jail){
        .name = "spawner",
        .descriptors = 4096,
        .processes = 1 << 16,
        .keep_caps = 1ull << CAP_SETUID | 1ull << CAP_SETGID |
                     1ull << CAP_SETPCAP | 1ull << CAP_SYS_RESOURCE |
                     1ull << CAP_DAC_OVERRIDE, /* root's cgroup files */
        .filter = &filter,
        .report_fd = control,
    });
}

/* Filters by what a manifest grants: compiled at first use, then shared. */
static const policy_filter *filter_for(uint32_t sets)
{
    static struct {
        uint32_t sets;
        policy_filter filter;
    } cache[16];
    size_t i = 0;
    while (i < 16 && cache[i].sets && cache[i].sets != sets)
        i++;
    if (i == 16)
        return NULL;
    if (!cache[i].sets && !policy_compile(sets, &cache[i].filter))
        cache[i].sets = sets;
    return cache[i].sets ? &cache[i].filter : NULL;
}

/* fork(2) with a parent and a cgroup of choice. */
static pid_t fork_into(int cgroup)
{
    struct clone_args args = {.flags = CLONE_PARENT};
    if (cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup;
    }
    long pid = syscall(SYS_clone3, &args, sizeof args);
    return pid < 0 ? -errno : (pid_t)pid;
}

/* Puts the descriptors that came along in their places. */
static void place_fds(const spawn_request *request, const int *got,
                      runner_job *job)
{
    size_t next = 0;
    for (int i = 0; i < RUNNER_FDS; i++)
        job->fds[i] =
            request->present >> i & 1 && next < MSG_MAX_FDS ? got[next++] : -1;
}

static int spawn(const spawn_request *request, runner_job *job, int control)
{
    const policy_filter *filter = filter_for(runner_policy(&request->grant));
    if (!filter)
        return -ENOMEM;
    pid_t pid = fork_into(job->fds[RUNNER_CGROUP]);
    if (pid)
        return pid;
    close(control);
    runner_main(job, filter);
}

/* What every runner needs and none changes. */
typedef struct warm {
    vm_engine *engine;
    cm_linker *linker;
    tls_trust *trust;
} warm;

/* The authorities of the machine: every file in SYSTEM/certificates.  Mapped
 * here, since runners open no file. */
static tls_trust *load_trust(const role_options *options)
{
    char pattern[256];
    glob_t found;
    tls_trust *trust = tls_trust_create();
    snprintf(pattern, sizeof pattern, "%s/certificates/*", options->system);
    if (!trust || glob(pattern, 0, NULL, &found))
        return trust;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        int error = tls_trust_add_file(trust, found.gl_pathv[i]);
        if (error)
            fprintf(stderr, "spawner: %s: %s: not believed\n",
                    found.gl_pathv[i], strerror(error));
    }
    globfree(&found);
    return trust;
}

static bool warm_up(warm *w)
{
    vm_error err = {0};
    w->engine = vm_engine_create(NULL);
    w->linker = w->engine ? cm_linker_create(w->engine) : NULL;
    if (w->linker && wasi_link_prepare(w->linker, &err) == VM_OK)
        return true;
    dprintf(STDERR_FILENO, "spawner: the engine cannot be prepared: %s\n",
            err.text);
    return false;
}

static void serve(int control, const warm *warm)
{
    static spawn_request request;
    int got[MSG_MAX_FDS];
    ssize_t rest = msg_recv(control, &request, sizeof request, NULL, 0, got,
                            MSG_MAX_FDS, 0);
    if (rest == -EPIPE)
        _exit(0); /* PID 1 is gone */
    if (rest < 0)
        return;
    runner_job job = {.request = &request,
                      .engine = warm->engine,
                      .linker = warm->linker,
                      .trust = warm->trust};
    place_fds(&request, got, &job);
    spawn_reply reply = {.id = request.id};
    reply.pid = spawn(&request, &job, control);
    for (size_t i = 0; i < MSG_MAX_FDS; i++)
        if (got[i] >= 0)
            close(got[i]);
    (void)!msg_send(control, &reply, sizeof reply, NULL, 0, NULL, 0, 0);
}

/* Mapped once, here: runners draw text but open no file. */
static void load_fonts(const role_options *options)
{
    char fonts[256], why[256];
    snprintf(fonts, sizeof fonts, "%s/fonts", options->system);
    if (!gfx_fonts_load(options->host ? NULL : fonts, why, sizeof why))
        fprintf(stderr, "spawner: %s: apps will show no text\n", why);
}

int spawner_main(int control, const role_options *options)
{
    load_fonts(options);
    warm warm = {.trust = load_trust(options)};
    enter(control);
    if (!warm_up(&warm))
        return 1;
    status_message ready = {STATUS_READY, 0};
    (void)!msg_send(control, &ready, sizeof ready, NULL, 0, NULL, 0, 0);
    for (;;)
        serve(control, &warm);
}
