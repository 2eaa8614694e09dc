/*
 * vyoma_process.c - vyoma:process/control for the app: each function asks
 * PID 1 (proto_process.h) and turns its answer into values.  Whether the app
 * may is PID 1's decision; here it only becomes a sentence.
 */
#include "wasi/ifaces.h"
#include "wasi/internal.h"
#include "wasi/msg.h"
#include "wasi/proto_process.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_ROWS = 1024, LOG_BYTES = 65536 };

static const char *const verbs[] = {
    [PROC_APPS] = "list",       [PROC_INSTANCES] = "list",
    [PROC_SYSTEM] = "list",     [PROC_CHANGES] = "list",
    [PROC_LAUNCH] = "launch",   [PROC_LAUNCH_ATTACHED] = "launch",
    [PROC_KILL] = "kill",       [PROC_LOG] = "log",
    [PROC_POWER_OFF] = "power", [PROC_RESTART] = "power",
};

/* ---- asking -------------------------------------------------------- */

typedef struct asking {
    cm_call *call;
    wasi_ctx *ctx;
    proc_request request;
    proc_reply reply;
    int fds[2];
    bool lost; /* the connection is gone */
} asking;

static void next_reply(asking *a)
{
    a->lost = msg_recv(a->ctx->process_fd, &a->reply, sizeof a->reply, NULL, 0,
                       a->fds, 2, 0) != 0 ||
              a->reply.nrows > PROC_ROWS;
}

/* True when the answer is PROC_OK. */
static bool ask(asking *a, proc_op op)
{
    a->request.op = op;
    a->fds[0] = a->fds[1] = -1;
    a->lost = msg_send(a->ctx->process_fd, &a->request, sizeof a->request, NULL,
                       0, NULL, 0, 0) != 0;
    if (!a->lost)
        next_reply(a);
    return !a->lost && a->reply.status == PROC_OK;
}

static vm_status fail_text(asking *a, cm_value *result, const char *text)
{
    size_t len = strlen(text);
    char *copy = cm_alloc(a->call, len + 1);
    if (!copy)
        return wasi_no_memory(a->call);
    memcpy(copy, text, len + 1);
    return cm_err(a->call, result,
                  &(cm_value){.str = {.data = copy, .len = len}});
}

/* The reply's status as result::err. */
static vm_status fail(asking *a, cm_value *result)
{
    char text[160];
    const proc_request *r = &a->request;
    uint32_t status = a->lost ? PROC_BAD + 1u : a->reply.status;
    switch (status) {
    case PROC_DENIED:
        snprintf(text, sizeof text,
                 "not granted: the manifest needs process = [\"%s\"]",
                 verbs[r->op]);
        break;
    case PROC_NO_APP:
        snprintf(text, sizeof text, "there is no app named '%s'", r->app);
        break;
    case PROC_NO_INSTANCE:
        snprintf(text, sizeof text, "nothing with id %u is running", r->id);
        break;
    case PROC_TOO_MANY:
        snprintf(text, sizeof text, "too many apps are running");
        break;
    case PROC_FAILED:
        snprintf(text, sizeof text, "'%s' cannot be started; see its log",
                 r->app);
        break;
    case PROC_BAD:
        snprintf(text, sizeof text, "the arguments are too many or too long");
        break;
    default: snprintf(text, sizeof text, "the system does not answer");
    }
    return fail_text(a, result, text);
}

/* A name that does not fit is cut, for the message, and names no app. */
static bool set_app(asking *a, cm_value name)
{
    size_t room = sizeof a->request.app - 1, len = name.str.len;
    memcpy(a->request.app, name.str.data, len < room ? len : room);
    a->reply.status = PROC_NO_APP;
    return len <= room && !memchr(name.str.data, 0, len);
}

/* A string of the reply: bounded by its array, copied for the guest. */
static cm_value copy_string(asking *a, const char *from, size_t size)
{
    size_t len = strnlen(from, size);
    char *copy = cm_alloc(a->call, len + 1);
    if (copy)
        memcpy(copy, from, len);
    return (cm_value){.str = {.data = copy ? copy : "", .len = copy ? len : 0}};
}
#define COPY(a, array) copy_string(a, array, sizeof(array))

static cm_value record(cm_value *fields, size_t count)
{
    return (cm_value){.list = {.items = fields, .len = count}};
}

/* ---- lists --------------------------------------------------------- */

static bool put_app(asking *a, const proc_app *row, cm_value *out)
{
    cm_value *icon = wasi_values(a->call, 3), *app = wasi_values(a->call, 4);
    if (!icon || !app)
        return false;
    icon[0] = COPY(a, row->glyph);
    icon[1].u = row->color;
    icon[2].u = row->accent;
    app[0] = COPY(a, row->name);
    app[1] = COPY(a, row->title);
    app[2] = record(icon, 3);
    app[3].u = row->visible != 0;
    *out = record(app, 4);
    return true;
}

static bool put_instance(asking *a, const proc_instance *row, cm_value *out)
{
    cm_value *f = wasi_values(a->call, 7);
    if (!f)
        return false;
    f[0].u = row->id;
    f[1] = COPY(a, row->app);
    f[2].variant.index = row->state & 3;
    f[3].u = row->restarts;
    f[4].u = row->memory;
    f[5].u = row->cpu;
    f[6].u = row->uptime;
    *out = record(f, 7);
    return true;
}

static vm_status list(asking *a, proc_op op, cm_value *result)
{
    if (!ask(a, op))
        return fail(a, result);
    cm_value *items = wasi_values(a->call, MAX_ROWS);
    size_t count = 0;
    if (!items)
        return wasi_no_memory(a->call);
    for (;; next_reply(a)) {
        if (a->lost)
            return fail(a, result);
        for (size_t i = 0; i < a->reply.nrows && count < MAX_ROWS; i++) {
            bool ok =
                op == PROC_APPS
                    ? put_app(a, &a->reply.apps[i], &items[count])
                    : put_instance(a, &a->reply.instances[i], &items[count]);
            if (!ok)
                return wasi_no_memory(a->call);
            count++;
        }
        if (!a->reply.more)
            return wasi_ok_list(a->call, result, items, count);
    }
}

static vm_status apps(cm_call *call, void *host, const cm_value *args,
                      cm_value *result)
{
    asking a = {.call = call, .ctx = host};
    return list(&a, PROC_APPS, result);
}

static vm_status instances(cm_call *call, void *host, const cm_value *args,
                           cm_value *result)
{
    asking a = {.call = call, .ctx = host};
    return list(&a, PROC_INSTANCES, result);
}

static vm_status system_info(cm_call *call, void *host, const cm_value *args,
                             cm_value *result)
{
    asking a = {.call = call, .ctx = host};
    if (!ask(&a, PROC_SYSTEM))
        return fail(&a, result);
    cm_value *f = wasi_values(call, 5);
    if (!f)
        return wasi_no_memory(call);
    f[0].u = a.reply.system.memory_total;
    f[1].u = a.reply.system.memory_free;
    f[2].u = a.reply.system.processors;
    f[3].u = a.reply.system.cpu;
    f[4].u = a.reply.system.uptime;
    return wasi_ok_list(call, result, f, 5);
}

/* ---- changes ------------------------------------------------------- */

/* PID 1 adds to the eventfd; it empties it itself when it lists instances. */
typedef struct changes {
    wasi_object object;
    int fd;
} changes;

static void changes_finish(void *self)
{
    close(((changes *)self)->fd);
    free(self);
}

static void changes_prepare(void *parent, wasi_wait *wait)
{
    *wait = (wasi_wait){.fd = ((changes *)parent)->fd,
                        .events = POLLIN,
                        .deadline = WASI_NEVER};
}

static vm_status subscribe_changes(cm_call *call, void *host,
                                   const cm_value *args, cm_value *result)
{
    asking a = {.call = call, .ctx = host};
    if (!ask(&a, PROC_CHANGES) || a.fds[0] < 0)
        return fail(&a, result);
    changes *c = wasi_object_create(sizeof *c, changes_finish);
    if (!c) {
        close(a.fds[0]);
        return wasi_no_memory(call);
    }
    c->fd = a.fds[0];
    wasi_pollable *pollable = wasi_pollable_create(c, changes_prepare);
    wasi_release(c); /* the pollable holds it */
    return wasi_ok_own(call, result, pollable);
}

/* ---- launch and kill ----------------------------------------------- */

static bool set_args(asking *a, const cm_value *list)
{
    size_t used = 0;
    if (list->list.len > PROC_MAX_ARGS)
        return false;
    for (size_t i = 0; i < list->list.len; i++) {
        cm_value s = list->list.items[i];
        if (s.str.len >= sizeof a->request.args - used ||
            memchr(s.str.data, 0, s.str.len))
            return false;
        memcpy(a->request.args + used, s.str.data, s.str.len);
        used += s.str.len + 1;
    }
    a->request.nargs = (uint32_t)list->list.len;
    return true;
}

static bool do_launch(asking *a, proc_op op, const cm_value *args)
{
    a->request.op = op;
    a->reply.status = PROC_BAD;
    return set_args(a, &args[1]) && set_app(a, args[0]) && ask(a, op);
}

static vm_status launch(cm_call *call, void *host, const cm_value *args,
                        cm_value *result)
{
    asking a = {.call = call, .ctx = host};
    if (!do_launch(&a, PROC_LAUNCH, args))
        return fail(&a, result);
    return cm_ok(call, result, &(cm_value){.u = a.reply.id});
}

static vm_status launch_attached(cm_call *call, void *host,
                                 const cm_value *args, cm_value *result)
{
    asking a = {.call = call, .ctx = host};
    if (!do_launch(&a, PROC_LAUNCH_ATTACHED, args))
        return fail(&a, result);
    cm_value *f = wasi_values(call, 3);
    if (!f)
        return wasi_no_memory(call);
    f[0].u = a.reply.id;
    f[1].rep = wasi_output_create(a.fds[0], NULL);
    f[2].rep = wasi_input_create(a.fds[1], NULL);
    if (!f[1].rep || !f[2].rep)
        return wasi_no_memory(call);
    return wasi_ok_list(call, result, f, 3);
}

static vm_status kill_instance(cm_call *call, void *host, const cm_value *args,
                               cm_value *result)
{
    asking a = {.call = call, .ctx = host};
    a.request.id = (uint32_t)args[0].u;
    return ask(&a, PROC_KILL) ? cm_ok(call, result, NULL) : fail(&a, result);
}

/* ---- log ----------------------------------------------------------- */

/* Apps write what they like; a string is UTF-8.  Bytes that are not part of a
 * sequence become '?'. */
static void make_utf8(char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)text[i];
        size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : 3, good = 1;
        while (good < n && i + good < len && (text[i + good] & 0xc0) == 0x80)
            good++;
        unsigned char d = i + 1 < len ? (unsigned char)text[i + 1] : 0;
        bool bad = good < n || (c >= 0x80 && c < 0xc2) || c >= 0xf0 ||
                   (c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f);
        if (bad)
            text[i] = '?';
        i += bad ? 1 : n;
    }
}

static size_t read_all(int fd, char *text, size_t size)
{
    size_t used = 0;
    ssize_t got;
    while (used < size && (got = read(fd, text + used, size - used)) > 0)
        used += (size_t)got;
    return used;
}

static size_t split_lines(const char *text, size_t len, cm_value *lines)
{
    size_t count = 0;
    while (len && count < PROC_MAX_LOG_LINES) {
        const char *end = memchr(text, '\n', len);
        size_t size = end ? (size_t)(end - text) : len;
        lines[count++] = (cm_value){.str = {.data = text, .len = size}};
        size += end != NULL;
        text += size;
        len -= size;
    }
    return count;
}

static vm_status log_lines(cm_call *call, void *host, const cm_value *args,
                           cm_value *result)
{
    asking a = {.call = call, .ctx = host};
    a.request.max_lines = (uint32_t)args[1].u;
    a.request.op = PROC_LOG;
    if (!set_app(&a, args[0]) || !ask(&a, PROC_LOG) || a.fds[0] < 0)
        return fail(&a, result);
    char *text = cm_alloc(call, LOG_BYTES);
    cm_value *lines = wasi_values(call, PROC_MAX_LOG_LINES);
    size_t len = text ? read_all(a.fds[0], text, LOG_BYTES) : 0;
    close(a.fds[0]);
    if (!text || !lines)
        return wasi_no_memory(call);
    make_utf8(text, len);
    return wasi_ok_list(call, result, lines, split_lines(text, len, lines));
}

/* ---- power --------------------------------------------------------- */

static vm_status power(cm_call *call, wasi_ctx *ctx, proc_op op,
                       cm_value *result)
{
    asking a = {.call = call, .ctx = ctx};
    return ask(&a, op) ? cm_ok(call, result, NULL) : fail(&a, result);
}

static vm_status power_off(cm_call *call, void *host, const cm_value *args,
                           cm_value *result)
{
    return power(call, host, PROC_POWER_OFF, result);
}

static vm_status restart(cm_call *call, void *host, const cm_value *args,
                         cm_value *result)
{
    return power(call, host, PROC_RESTART, result);
}

const cm_host_interface vyoma_iface_process = {
    .name = "vyoma:process/control",
    .funcs = (const cm_host_func[]){{"apps", apps},
                                    {"instances", instances},
                                    {"system", system_info},
                                    {"changes", subscribe_changes},
                                    {"launch", launch},
                                    {"launch-attached", launch_attached},
                                    {"kill", kill_instance},
                                    {"log", log_lines},
                                    {"power-off", power_off},
                                    {"restart", restart},
                                    {0}},
};
