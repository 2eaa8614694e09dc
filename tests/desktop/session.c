/*
 * session.c - PID 1's part in a test of the whole desktop: it reads the
 * manifests, starts components with what they are granted (unjailed, in
 * processes of their own), and answers vyoma:process.
 */
#include "tests/desktop/session.h"
#include "gfx/control.h"
#include "gfx/session.h"
#include "supervisor/manifest.h"
#include "supervisor/roles.h"
#include "wasi/msg.h"
#include "wasi/proto_process.h"
#include "wasi/wasi.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void bail(const char *what, const char *name)
{
    printf("bail %s: %s\n", what, name);
    exit(1);
}

/* ---- what is installed ----------------------------------------------------
 */

static app_grant *new_app(struct session *s)
{
    if (s->napps == APPS_MAX)
        bail("too many apps", "");
    return &s->apps[s->napps++];
}

static void read_manifest(struct session *s, const char *name)
{
    static char text[8192];
    char path[300];
    manifest_error error;
    snprintf(path, sizeof path, "manifests/%s", name);
    int fd = open(path, O_RDONLY);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (len < 0)
        bail("no manifest", name);
    close(fd);
    if (!manifest_parse(path, text, (size_t)len, NULL, NULL, new_app(s),
                        &error))
        bail(name, error.text);
}

static int is_manifest(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 5 && !strcmp(e->d_name + n - 5, ".toml") &&
           strcmp(e->d_name, "boot.toml");
}

static void read_manifests(struct session *s)
{
    struct dirent **names;
    int n = scandir("manifests", &names, is_manifest, alphasort);
    if (n < 1)
        bail("no manifests in", "manifests/");
    for (int i = 0; i < n; i++) {
        read_manifest(s, names[i]->d_name);
        free(names[i]);
    }
    free(names);
}

void session_install(struct session *s, const char *name, const char *title,
                     uint32_t color)
{
    s->puppets[s->napps] = true;
    app_grant *g = new_app(s);
    grant_init(g, name, "puppet.toml");
    snprintf(g->title, sizeof g->title, "%s", title);
    g->color = color;
    g->accent = 0xffffff;
    g->visible = true;
    g->capabilities = WASI_CAP_DISPLAY;
}

static const app_grant *find_app(struct session *s, const char *name)
{
    for (int i = 0; i < s->napps; i++)
        if (!strcmp(s->apps[i].name, name))
            return &s->apps[i];
    return NULL;
}

struct run *session_run(struct session *s, const char *app)
{
    for (int i = 0; i < RUNS_MAX; i++)
        if (s->runs[i].id && !strcmp(s->runs[i].grant->name, app))
            return &s->runs[i];
    return NULL;
}

/* Wakes whoever waits for changes among the instances. */
static void changed(struct session *s)
{
    uint64_t one = 1;
    for (int i = 0; i < RUNS_MAX; i++)
        if (s->runs[i].id && s->runs[i].changes >= 0)
            (void)!write(s->runs[i].changes, &one, sizeof one);
}

/* ---- starting -------------------------------------------------------------
 */

/* The child: holds what its manifest grants, and becomes the app. */
static _Noreturn void become(struct session *s, const app_grant *grant,
                             int fds[RUNNER_FDS])
{
    static spawn_request request;
    int keep[RUNNER_FDS + 3] = {0, 1, 2};
    for (int i = 0; i < RUNNER_FDS; i++)
        keep[3 + i] = fds[i];
    jail_close_others(keep, RUNNER_FDS + 3);
    dup2(2, 1); /* the first stream is the test's */
    request.grant = *grant;
    runner_job job = {
        .request = &request, .engine = s->engine, .linker = s->linker};
    memcpy(job.fds, fds, sizeof job.fds);
    _exit(runner_payload(&job));
}

static void open_folders(struct session *s, const app_grant *grant,
                         int fds[RUNNER_FDS])
{
    for (uint32_t i = 0; i < grant->nfolders; i++) {
        char path[256];
        const char *host = grant->folders[i].host;
        bool data = !strncmp(host, "/data", 5);
        snprintf(path, sizeof path, "%s%s", data ? s->data : "build/",
                 data ? host + 5 : "");
        if (data)
            mkdir(path, 0755);
        fds[RUNNER_FOLDER + i] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
}

static int pair(int *fd)
{
    int ends[2];
    if (msg_pair(ends))
        bail("no socket pair", "");
    *fd = ends[0];
    return ends[1];
}

static void start_component(struct session *s, struct run *r, int display)
{
    char path[300];
    int fds[RUNNER_FDS];
    for (int i = 0; i < RUNNER_FDS; i++)
        fds[i] = -1;
    snprintf(path, sizeof path, "build/apps/%s.wasm", r->grant->name);
    fds[RUNNER_COMPONENT] = open(path, O_RDONLY | O_CLOEXEC);
    if (fds[RUNNER_COMPONENT] < 0)
        bail("not built (make apps)", path);
    fds[RUNNER_DISPLAY] = display;
    r->status = pair(&fds[RUNNER_STATUS]);
    if (r->grant->capabilities & WASI_CAP_PROCESS)
        r->process = pair(&fds[RUNNER_PROCESS]);
    open_folders(s, r->grant, fds);
    fflush(stdout);
    r->pid = fork();
    if (!r->pid)
        become(s, r->grant, fds);
    for (int i = 0; i < RUNNER_FDS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static void start_puppet(struct run *r, int display)
{
    char why[256];
    if (!gfx_fonts_load(NULL, why, sizeof why))
        bail("fonts", why);
    r->puppet = calloc(1, sizeof *r->puppet);
    if (!r->puppet || !(r->puppet->display = gfx_display_create(display)))
        bail("no memory", "");
}

struct run *session_launch(struct session *s, const char *app)
{
    const app_grant *grant = find_app(s, app);
    struct run *r = s->runs;
    while (r < s->runs + RUNS_MAX && r->id)
        r++;
    if (!grant || r == s->runs + RUNS_MAX)
        return NULL;
    *r = (struct run){.grant = grant,
                      .process = -1,
                      .status = -1,
                      .changes = -1,
                      .display_end = -1};
    int display = -1;
    if (grant->capabilities & (WASI_CAP_DISPLAY | WASI_CAP_SHELL)) {
        bool shell = grant->capabilities & WASI_CAP_SHELL;
        r->display_end = pair(&display);
        desk_adopt(&s->desk, app, shell ? GFX_CLIENT_SHELL : 0, r->display_end);
        if (shell) {
            close(r->display_end);
            r->display_end = -1;
        }
    }
    r->id = s->desk.next_instance;
    if (s->puppets[grant - s->apps])
        start_puppet(r, display);
    else
        start_component(s, r, display);
    changed(s);
    return r;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void forget(struct session *s, struct run *r)
{
    close_fd(&r->process);
    close_fd(&r->status);
    close_fd(&r->changes);
    close_fd(&r->display_end);
    puppet_destroy(r->puppet);
    *r = (struct run){0};
    changed(s);
}

void session_end(struct session *s, struct run *r, int signal)
{
    if (r->pid) {
        kill(r->pid, signal);
        if (signal == SIGKILL) {
            kill(r->pid, SIGCONT);
            waitpid(r->pid, NULL, 0);
            forget(s, r);
        }
        return;
    }
    forget(s, r);
}

static void reap(struct session *s)
{
    for (int i = 0; i < RUNS_MAX; i++) {
        struct run *r = &s->runs[i];
        if (r->id && r->pid && waitpid(r->pid, NULL, WNOHANG) == r->pid)
            forget(s, r);
    }
}

/* ---- vyoma:process --------------------------------------------------------
 */

struct asking {
    struct session *s;
    struct run *from;
    const proc_request *request;
    proc_reply reply;
    int fd;
};

static void answer(struct asking *a)
{
    a->reply.op = a->request->op;
    (void)!msg_send(a->from->process, &a->reply, sizeof a->reply, NULL, 0,
                    &a->fd, a->fd >= 0, MSG_DONTWAIT);
    a->reply.nrows = 0;
}

/* A full reply goes out before the next row. */
static void make_room(struct asking *a)
{
    a->reply.more = 1;
    if (a->reply.nrows == PROC_ROWS)
        answer(a);
}

static void do_apps(struct asking *a)
{
    for (int i = 0; i < a->s->napps; i++) {
        const app_grant *g = &a->s->apps[i];
        make_room(a);
        proc_app *row = &a->reply.apps[a->reply.nrows++];
        *row = (proc_app){
            .color = g->color, .accent = g->accent, .visible = g->visible};
        memcpy(row->name, g->name, sizeof row->name);
        memcpy(row->title, g->title, sizeof row->title);
        memcpy(row->glyph, g->glyph, sizeof row->glyph);
    }
    a->reply.more = 0;
    answer(a);
}

static void do_instances(struct asking *a)
{
    uint64_t count;
    if (a->from->changes >= 0)
        (void)!read(a->from->changes, &count, sizeof count);
    for (int i = 0; i < RUNS_MAX; i++) {
        const struct run *r = &a->s->runs[i];
        if (!r->id)
            continue;
        make_room(a);
        proc_instance *row = &a->reply.instances[a->reply.nrows++];
        *row = (proc_instance){.id = r->id, .state = r->ready};
        memcpy(row->app, r->grant->name, sizeof row->app);
    }
    a->reply.more = 0;
    answer(a);
}

static void do_system(struct asking *a)
{
    struct sysinfo info;
    sysinfo(&info);
    a->reply.nrows = 1;
    a->reply.system = (proc_system){
        .memory_total = (uint64_t)info.totalram * info.mem_unit,
        .memory_free = (uint64_t)info.freeram * info.mem_unit,
        .processors = 1,
    };
    answer(a);
}

static void do_changes(struct asking *a)
{
    if (a->from->changes < 0)
        a->from->changes = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    a->fd = a->from->changes;
    answer(a);
}

static void do_launch(struct asking *a)
{
    struct run *r = session_launch(a->s, a->request->app);
    a->reply.status = r ? PROC_OK : PROC_NO_APP;
    a->reply.id = r ? r->id : 0;
    answer(a);
}

static void do_power(struct asking *a)
{
    snprintf(a->s->power, sizeof a->s->power, "%s",
             a->request->op == PROC_RESTART ? "restart" : "off");
    answer(a);
}

static void (*const ops[PROC_OP_END])(struct asking *a) = {
    [PROC_APPS] = do_apps,     [PROC_INSTANCES] = do_instances,
    [PROC_SYSTEM] = do_system, [PROC_CHANGES] = do_changes,
    [PROC_LAUNCH] = do_launch, [PROC_POWER_OFF] = do_power,
    [PROC_RESTART] = do_power,
};

static void on_request(struct session *s, struct run *r)
{
    static proc_request request;
    struct asking a = {.s = s, .from = r, .request = &request, .fd = -1};
    ssize_t rest = msg_recv(r->process, &request, sizeof request, NULL, 0, NULL,
                            0, MSG_DONTWAIT);
    if (rest == -EAGAIN)
        return;
    if (rest) {
        close_fd(&r->process);
        return;
    }
    a.reply.status = PROC_OK;
    request.app[sizeof request.app - 1] = 0;
    if (request.op < PROC_OP_END && ops[request.op]) {
        ops[request.op](&a);
    } else {
        a.reply.status = PROC_BAD;
        answer(&a);
    }
}

/* ---- the compositor's messages --------------------------------------------
 */

static void on_control(struct desk *desk, const struct gfx_control *msg)
{
    struct session *s = (struct session *)desk;
    for (int i = 0; i < RUNS_MAX; i++) {
        struct run *r = &s->runs[i];
        if (!r->id || r->id != msg->instance)
            continue;
        if (msg->type == GFX_CONTROL_READY) {
            r->ready = true;
            changed(s);
        } else if (msg->type == GFX_CONTROL_KILL) {
            r->killed = true;
        }
    }
}

static void bury(struct session *s)
{
    for (int i = 0; i < RUNS_MAX; i++)
        if (s->runs[i].id && s->runs[i].killed)
            session_end(s, &s->runs[i], SIGKILL);
    reap(s);
}

/* What a compositor leaves that dies while it writes: the later copy of the
 * two, with some of the windows elsewhere, and the checksum of what it was. */
static void session_tear(struct gfx_session_memory *m)
{
    int older = m->slots[0].serial < m->slots[1].serial ? 0 : 1;
    struct gfx_session *to = &m->slots[older];
    *to = m->slots[!older];
    to->serial++;
    for (uint32_t i = 0; i < to->nwindows; i += 2)
        to->windows[i].x += 100;
}

/* What a compositor could leave that has been taken over: a checksum that is
 * right, numbers that are not. */
static void session_scribble(struct gfx_session_memory *m, uint32_t seed)
{
    for (int slot = 0; slot < 2; slot++) {
        uint32_t *words = (uint32_t *)&m->slots[slot];
        for (size_t i = 0; i < sizeof m->slots[slot] / 4; i++) {
            seed = seed * 1664525 + 1013904223;
            words[i] = seed >> 28 ? seed : seed & 1 ? 0x7fffffff : 0x80000000;
        }
        struct gfx_session *to = &m->slots[slot];
        to->magic = GFX_SESSION_MAGIC;
        if (seed >> 16 & 3) { /* else these are wild as well */
            to->nwindows = GFX_SESSION_WINDOWS;
            to->nspaces = 1 + seed % 16;
            to->space = seed % to->nspaces;
        }
        for (uint32_t i = 0; i < GFX_SESSION_WINDOWS; i++) {
            to->windows[i].instance = 1 + i % 16;
            to->windows[i].surface = 1 + i / 16 % 4;
            to->windows[i].age = 0;
            to->windows[i].space %= 16;
        }
        if (to->nwindows <= GFX_SESSION_WINDOWS)
            to->check = gfx_session_check(to);
    }
}

static void session_damage(struct session *s, uint32_t seed)
{
    struct gfx_session_memory *m = mmap(NULL, sizeof *m, PROT_READ | PROT_WRITE,
                                        MAP_SHARED, s->desk.session, 0);
    if (m == MAP_FAILED)
        bail("no session", "");
    if (seed == SESSION_TORN)
        session_tear(m);
    else
        session_scribble(m, seed);
    munmap(m, sizeof *m);
}

void session_crash(struct session *s, uint32_t damage)
{
    desk_kill(&s->desk);
    if (damage)
        session_damage(s, damage);
    desk_again(&s->desk);
    for (int i = 0; i < RUNS_MAX; i++)
        if (s->runs[i].id && s->runs[i].display_end < 0 &&
            s->runs[i].grant->capabilities & WASI_CAP_SHELL) {
            const char *name = s->runs[i].grant->name;
            session_end(s, &s->runs[i], SIGKILL);
            session_launch(s, name);
        }
    for (int i = 0; i < RUNS_MAX; i++) {
        struct run *r = &s->runs[i];
        if (r->id && r->display_end >= 0)
            desk_hand_over(&s->desk, r->grant->name, GFX_CLIENT_ADOPTED,
                           r->display_end, r->id);
    }
}

/* ---- life -----------------------------------------------------------------
 */

void session_start(struct session *s)
{
    vm_error err = {0};
    char why[256];
    *s = (struct session){0};
    strcpy(s->data, "/tmp/vyoma-desktop-XXXXXX");
    if (!mkdtemp(s->data))
        bail("no folder", s->data);
    read_manifests(s);
    gfx_fonts_load(NULL, why, sizeof why);
    s->engine = vm_engine_create(NULL);
    s->linker = cm_linker_create(s->engine);
    if (wasi_link_prepare(s->linker, &err) != VM_OK)
        bail("engine", err.text);
    desk_start(&s->desk, 1440, 900);
    s->desk.other = on_control;
}

void session_stop(struct session *s)
{
    for (int i = 0; i < RUNS_MAX; i++)
        if (s->runs[i].id)
            session_end(s, &s->runs[i], SIGKILL);
    desk_stop(&s->desk);
    cm_linker_destroy(s->linker);
    vm_engine_destroy(s->engine);
}

void session_serve(struct session *s, int fd)
{
    struct pollfd polled[2 + 2 * RUNS_MAX];
    struct run *owner[2 + 2 * RUNS_MAX];
    for (;;) {
        nfds_t n = 2;
        polled[0] = (struct pollfd){.fd = fd, .events = POLLIN};
        polled[1] = (struct pollfd){.fd = s->desk.control, .events = POLLIN};
        for (int i = 0; i < RUNS_MAX; i++) {
            struct run *r = &s->runs[i];
            bool alive = r->puppet && !r->puppet->frozen;
            int fds[2] = {r->id ? r->process : -1,
                          r->id && alive ? gfx_display_fd(r->puppet->display)
                                         : -1};
            for (int k = 0; k < 2; k++) {
                if (fds[k] < 0)
                    continue;
                owner[n] = r;
                polled[n++] = (struct pollfd){.fd = fds[k], .events = POLLIN};
            }
        }
        poll(polled, n, 20); /* children end without a sound */
        for (nfds_t i = 2; i < n; i++) {
            if (!polled[i].revents || !owner[i]->id)
                continue;
            if (polled[i].fd == owner[i]->process)
                on_request(s, owner[i]);
            else
                puppet_dispatch(owner[i]);
        }
        if (polled[1].revents)
            desk_listen(&s->desk);
        bury(s);
        if (polled[0].revents)
            return;
    }
}
