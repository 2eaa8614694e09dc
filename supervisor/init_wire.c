/*
 * init_wire.c - from a grant to descriptors: everything that an app will hold
 * is opened here, by PID 1, and sent to the spawner along with the grant.
 * What the grant does not name is not opened, and so does not exist for the
 * app.  The copies are closed once the spawner has them.
 */
#include "supervisor/init.h"

#include "gfx/control.h"
#include "supervisor/folders.h"
#include "wasi/msg.h"
#include "wasi/wasi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

/* What one start needs; fds are PID 1's until wire_finish. */
typedef struct wiring {
    instance *i;
    const app_grant *grant;
    int fds[RUNNER_FDS];
    bool later;
    char error[160];
} wiring;

static bool fail(wiring *w, const char *what, int err)
{
    snprintf(w->error, sizeof w->error, "%s: %s", what, strerror(-err));
    return false;
}

static bool has(const wiring *w, uint32_t capability)
{
    return w->grant->capabilities & capability;
}

/* A message to a service was not taken. */
static bool fail_service(wiring *w, service_id id, int err)
{
    w->later = true;
    return fail(w, service_name(id), err);
}

/* A socket pair: one end for the app, the other returned. */
static bool pair(wiring *w, runner_fd which, int *other)
{
    int ends[2], err = msg_pair(ends);
    if (err)
        return fail(w, "socket", err);
    w->fds[which] = ends[0];
    *other = ends[1];
    return true;
}

/* ---- one step per kind of descriptor ------------------------------- */

/* They have been opened already (wire_open). */
static bool wire_files(wiring *w)
{
    w->fds[RUNNER_COMPONENT] = w->i->files[0];
    w->i->files[0] = -1;
    for (uint32_t i = 0; i < GRANT_FOLDERS; i++) {
        w->fds[RUNNER_FOLDER + i] = w->i->files[1 + i];
        w->i->files[1 + i] = -1;
    }
    return true;
}

/* The pipe to the logger is there in any case: traps are reported on it. */
static bool wire_log(wiring *w)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return fail(w, "log pipe", -errno);
    w->i->log_read = ends[0];
    w->fds[RUNNER_STDERR] = ends[1];
    service_log(w->grant->name, w->i->id, ends[0]);
    return true;
}

static bool wire_stdio(wiring *w)
{
    if (!wire_log(w))
        return false;
    if (w->i->attached) {
        /* Copies: the originals are there for another try. */
        w->fds[RUNNER_STDIN] = fcntl(w->i->stdio[0], F_DUPFD_CLOEXEC, 3);
        w->fds[RUNNER_STDOUT] = fcntl(w->i->stdio[1], F_DUPFD_CLOEXEC, 3);
        return true;
    }
    if (w->grant->stdio == GRANT_STDIO_CONSOLE) {
        const char *console = init.options.host ? "/dev/null" : "/dev/console";
        w->fds[RUNNER_STDIN] = open(console, O_RDONLY | O_NOCTTY | O_CLOEXEC);
        w->fds[RUNNER_STDOUT] = open(console, O_WRONLY | O_NOCTTY | O_CLOEXEC);
        return w->fds[RUNNER_STDIN] >= 0 || fail(w, console, -errno);
    }
    if (w->grant->stdio == GRANT_STDIO_LOG)
        w->fds[RUNNER_STDOUT] =
            fcntl(w->fds[RUNNER_STDERR], F_DUPFD_CLOEXEC, 3);
    return true;
}

int wire_window(instance *i, bool adopted)
{
    bool shell = i->grant->capabilities & WASI_CAP_SHELL;
    struct gfx_control message = {
        .type = GFX_CONTROL_CLIENT,
        .instance = i->id,
        .flags = (shell ? GFX_CLIENT_SHELL : 0u) |
                 (adopted ? GFX_CLIENT_ADOPTED : 0u),
    };
    snprintf(message.app, sizeof message.app, "%s", i->grant->name);
    snprintf(message.title, sizeof message.title, "%s", i->grant->title);
    return service_send(SERVICE_DISPLAY, &message, sizeof message,
                        &i->display_end, 1);
}

static bool wire_display(wiring *w)
{
    if (!has(w, WASI_CAP_DISPLAY | WASI_CAP_SHELL))
        return true;
    if (!pair(w, RUNNER_DISPLAY, &w->i->display_end))
        return false;
    int err = wire_window(w->i, false);
    if (err == -EPIPE && !has(w, WASI_CAP_SHELL))
        err = 0;                  /* the next compositor gets it */
    if (has(w, WASI_CAP_SHELL)) { /* these meet no other compositor */
        close(w->i->display_end);
        w->i->display_end = -1;
    }
    return !err || fail_service(w, SERVICE_DISPLAY, err);
}

/* Tells a service about a client: its end of the connection and its rights. */
void wire_client(instance *i, service_id id, bool adopted)
{
    static client_message message;
    memset(&message, 0, sizeof message);
    message.id = i->id;
    message.adopted = adopted;
    strcpy(message.app, i->grant->name);
    if (id == SERVICE_BROKER)
        message.ipc = i->grant->ipc;
    else
        message.network = i->grant->network;
    int fd = id == SERVICE_BROKER ? i->ipc_end : i->net_end;
    int err = service_send(id, &message, sizeof message, &fd, 1);
    /* A service that is down gets all its clients when it is up again. */
    if (err && err != -EPIPE)
        init_say("app %s is not known to its service: %s", i->grant->name,
                 strerror(-err));
}

static bool wire_ipc(wiring *w)
{
    if (!has(w, WASI_CAP_IPC))
        return true;
    if (!pair(w, RUNNER_IPC, &w->i->ipc_end))
        return false;
    wire_client(w->i, SERVICE_BROKER, false);
    return true;
}

static bool wire_net(wiring *w)
{
    if (!has(w, WASI_CAP_NETWORK | WASI_CAP_HTTP))
        return true;
    if (!pair(w, RUNNER_NET, &w->i->net_end))
        return false;
    wire_client(w->i, SERVICE_NETD, false);
    return true;
}

static bool wire_process(wiring *w)
{
    int other;
    if (!has(w, WASI_CAP_PROCESS))
        return true;
    if (!pair(w, RUNNER_PROCESS, &other))
        return false;
    control_accept(w->i, other);
    return true;
}

/* ---- limits of the kernel ------------------------------------------ */

static void put_limit(const char *folder, const char *file, const char *fmt,
                      unsigned long long value)
{
    char path[160], text[64];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    int len = snprintf(text, sizeof text, fmt, value);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, (size_t)len) < 0)
        init_say("%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
}

void wire_cgroup_path(const instance *i, char out[96])
{
    snprintf(out, 96, "/sys/fs/cgroup/apps/%s.%u", i->grant->name, i->id);
}

static bool wire_cgroup(wiring *w)
{
    char path[96];
    if (!init.cgroups)
        return true;
    wire_cgroup_path(w->i, path);
    if (mkdir(path, 0755) && errno != EEXIST)
        return fail(w, path, -errno);
    put_limit(path, "memory.max", "%llu", w->grant->memory + (64ull << 20));
    put_limit(path, "pids.max", "%llu", 1);
    if (w->grant->cpu_percent)
        put_limit(path, "cpu.max", "%llu 100000",
                  w->grant->cpu_percent * 1000ull);
    w->fds[RUNNER_CGROUP] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return w->fds[RUNNER_CGROUP] >= 0 || fail(w, path, -errno);
}

/* ---- all of them --------------------------------------------------- */

static bool wire_status(wiring *w)
{
    int other;
    if (!pair(w, RUNNER_STATUS, &other))
        return false;
    apps_watch_status(w->i, other);
    return true;
}

static bool (*const steps[])(wiring *w) = {
    wire_status,  wire_stdio, wire_files, wire_cgroup,
    wire_display, wire_ipc,   wire_net,   wire_process,
};

static int send_request(wiring *w)
{
    static spawn_request request;
    int fds[RUNNER_FDS];
    size_t count = 0;
    request = (spawn_request){
        .id = w->i->id,
        .uid = ROLE_UID_APPS + (uint32_t)(w->i - init.instances),
        .args = w->i->args,
        .grant = *w->grant,
    };
    for (int f = 0; f < RUNNER_FDS; f++)
        if (w->fds[f] >= 0) {
            request.present |= 1u << f;
            fds[count++] = w->fds[f];
        }
    return service_send(SERVICE_SPAWNER, &request, sizeof request, fds, count);
}

/* ---- component and folders ----------------------------------------- */

static bool in_image(const char *path)
{
    return !strncmp(path, "/system/", 8);
}

bool wire_needs_disk(const app_grant *grant)
{
    bool image = in_image(grant->component);
    for (uint32_t i = 0; i < grant->nfolders; i++)
        image = image && (in_image(grant->folders[i].host) ||
                          !strcmp(grant->folders[i].host, "/system"));
    return !image;
}

int wire_open_image(instance *i, const char **what)
{
    const app_grant *grant = i->grant;
    *what = grant->component;
    i->files[0] = folders_open_component(&init.options, grant->component);
    int err = i->files[0];
    for (uint32_t f = 0; err >= 0 && f < grant->nfolders; f++) {
        *what = grant->folders[f].host;
        err = i->files[1 + f] = folders_open(&init.options, &grant->folders[f]);
    }
    return err < 0 ? err : 0;
}

bool wire_ask_files(instance *i)
{
    const app_grant *grant = i->grant;
    static folder_request request;
    request = (folder_request){.id = i->id, .count = grant->nfolders};
    memcpy(request.component, grant->component, sizeof request.component);
    memcpy(request.folders, grant->folders, sizeof request.folders);
    return !service_send(SERVICE_FOLDERS, &request, sizeof request, NULL, 0);
}

/* ---- forking ------------------------------------------------------- */

static void close_all(wiring *w)
{
    for (int f = 0; f < RUNNER_FDS; f++)
        if (w->fds[f] >= 0)
            close(w->fds[f]);
}

wire_result wire_and_spawn(instance *i)
{
    wiring w = {.i = i, .grant = i->grant};
    bool ok = true;
    for (int f = 0; f < RUNNER_FDS; f++)
        w.fds[f] = -1;
    for (size_t s = 0; ok && s < sizeof steps / sizeof *steps; s++)
        ok = steps[s](&w);
    int err = ok ? send_request(&w) : 0;
    if (err)
        ok = fail_service(&w, SERVICE_SPAWNER, err);
    if (!ok && !w.later && w.fds[RUNNER_STDERR] >= 0)
        dprintf(w.fds[RUNNER_STDERR], "cannot be started: %s\n", w.error);
    close_all(&w);
    return ok ? WIRE_OK : w.later ? WIRE_LATER : WIRE_FAILED;
}
