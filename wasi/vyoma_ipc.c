/*
 * vyoma_ipc.c - vyoma:ipc/messaging for the app: requests to the broker on the
 * control connection, messages from the inbox that the broker hands over.  A
 * broker that was started again knows the app, but not its subscriptions: they
 * are told once more along with the new inbox.
 */
#include "wasi/ifaces.h"
#include "wasi/internal.h"
#include "wasi/msg.h"
#include "wasi/proto_ipc.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_TOPICS = 16 };

struct vyoma_ipc {
    wasi_object object;
    int control; /* the context's */
    int inbox;   /* -1: none now */
    size_t ntopics;
    char topics[MAX_TOPICS][IPC_NAME];
    ipc_delivery head; /* read ahead by nobody: filled by receive */
    char payload[IPC_MAX_PAYLOAD];
};

static void ipc_finish(void *self)
{
    struct vyoma_ipc *ipc = self;
    if (ipc->inbox >= 0)
        close(ipc->inbox);
    free(ipc);
}

void vyoma_ipc_destroy(struct vyoma_ipc *ipc)
{
    wasi_release(ipc);
}

/* ---- asking the broker --------------------------------------------- */

static void drop_stale(int fd)
{
    ipc_answer stale;
    int got;
    while (!msg_recv(fd, &stale, sizeof stale, NULL, 0, &got, 1, MSG_DONTWAIT))
        if (got >= 0)
            close(got);
}

static ipc_status ask(struct vyoma_ipc *ipc, ipc_request *request,
                      const void *payload, uint64_t *value, int *take)
{
    ipc_answer answer;
    int got = -1;
    drop_stale(ipc->control);
    if (msg_send(ipc->control, request, sizeof *request, payload, request->size,
                 NULL, 0, 0))
        return IPC_UNAVAILABLE;
    if (msg_recv(ipc->control, &answer, sizeof answer, NULL, 0, &got, 1, 0))
        return IPC_UNAVAILABLE;
    if (take)
        *take = got;
    else if (got >= 0)
        close(got);
    if (answer.op != request->op)
        return IPC_UNAVAILABLE;
    if (value)
        *value = answer.value;
    return answer.status;
}

/* An inbox, and the subscriptions that belong to it. */
static ipc_status connect_inbox(struct vyoma_ipc *ipc)
{
    if (ipc->inbox >= 0)
        return IPC_OK;
    ipc_request hello = {.op = IPC_HELLO};
    ipc_status status = ask(ipc, &hello, NULL, NULL, &ipc->inbox);
    if (!status && ipc->inbox < 0)
        status = IPC_UNAVAILABLE;
    for (size_t i = 0; !status && i < ipc->ntopics; i++) {
        ipc_request again = {.op = IPC_SUBSCRIBE};
        memcpy(again.topic, ipc->topics[i], sizeof again.topic);
        status = ask(ipc, &again, NULL, NULL, NULL);
    }
    return status;
}

static struct vyoma_ipc *get(wasi_ctx *ctx)
{
    if (!ctx->ipc) {
        ctx->ipc = wasi_object_create(sizeof *ctx->ipc, ipc_finish);
        if (ctx->ipc) {
            ctx->ipc->control = ctx->ipc_fd;
            ctx->ipc->inbox = -1;
        }
    }
    return ctx->ipc;
}

static bool set_name(char out[IPC_NAME], cm_value name)
{
    if (name.str.len >= IPC_NAME || memchr(name.str.data, 0, name.str.len))
        return false;
    memcpy(out, name.str.data, name.str.len);
    return true;
}

/* Builds a request from the arguments that are there, asks, and answers
 * result<u, error> or result<_, error>. */
static vm_status request(cm_call *call, wasi_ctx *ctx, ipc_request *r,
                         const cm_value *peer, const cm_value *topic,
                         const cm_value *payload, bool has_value,
                         cm_value *result)
{
    struct vyoma_ipc *ipc = get(ctx);
    uint64_t value = 0;
    if (!ipc)
        return wasi_no_memory(call);
    ipc_status status = connect_inbox(ipc);
    if ((peer && !set_name(r->peer, *peer)) ||
        (topic && !set_name(r->topic, *topic)) ||
        (payload && payload->bytes.len > IPC_MAX_PAYLOAD))
        status = IPC_TOO_LARGE;
    if (payload && !status)
        r->size = (uint32_t)payload->bytes.len;
    if (!status)
        status =
            ask(ipc, r, payload ? payload->bytes.data : NULL, &value, NULL);
    if (status)
        return wasi_err_enum(call, result, status - 1u);
    return cm_ok(call, result, has_value ? &(cm_value){.u = value} : NULL);
}

static vm_status ipc_send(cm_call *call, void *host, const cm_value *args,
                          cm_value *result)
{
    ipc_request r = {.op = IPC_SEND};
    return request(call, host, &r, &args[0], &args[1], &args[2], false, result);
}

static vm_status ipc_publish(cm_call *call, void *host, const cm_value *args,
                             cm_value *result)
{
    ipc_request r = {.op = IPC_PUBLISH};
    return request(call, host, &r, NULL, &args[0], &args[1], true, result);
}

static void remember_topic(struct vyoma_ipc *ipc, const char topic[IPC_NAME])
{
    for (size_t i = 0; i < ipc->ntopics; i++)
        if (!strcmp(ipc->topics[i], topic))
            return;
    if (ipc->ntopics < MAX_TOPICS)
        memcpy(ipc->topics[ipc->ntopics++], topic, IPC_NAME);
}

static vm_status ipc_subscribe(cm_call *call, void *host, const cm_value *args,
                               cm_value *result)
{
    ipc_request r = {.op = IPC_SUBSCRIBE};
    vm_status status =
        request(call, host, &r, NULL, &args[0], NULL, false, result);
    if (status == VM_OK && result->variant.index == 0)
        remember_topic(get(host), r.topic);
    return status;
}

static vm_status ipc_ask(cm_call *call, void *host, const cm_value *args,
                         cm_value *result)
{
    ipc_request r = {.op = IPC_REQUEST};
    return request(call, host, &r, &args[0], &args[1], &args[2], true, result);
}

static vm_status ipc_reply(cm_call *call, void *host, const cm_value *args,
                           cm_value *result)
{
    ipc_request r = {.op = IPC_REPLY, .id = args[0].u};
    return request(call, host, &r, NULL, NULL, &args[1], false, result);
}

/* ---- receiving ----------------------------------------------------- */

static cm_value copy_name(cm_call *call, const char *name)
{
    size_t len = strnlen(name, IPC_NAME);
    char *copy = cm_alloc(call, len + 1);
    if (copy)
        memcpy(copy, name, len);
    return (cm_value){.str = {.data = copy ? copy : "", .len = copy ? len : 0}};
}

static vm_status ipc_receive(cm_call *call, void *host, const cm_value *args,
                             cm_value *result)
{
    struct vyoma_ipc *ipc = get(host);
    if (!ipc)
        return wasi_no_memory(call);
    if (connect_inbox(ipc))
        return cm_some(call, result, NULL);
    ssize_t size =
        msg_recv(ipc->inbox, &ipc->head, sizeof ipc->head, ipc->payload,
                 sizeof ipc->payload, NULL, 0, MSG_DONTWAIT);
    if (size < 0) {
        if (size != -EAGAIN) { /* the broker ended: its successor is asked
                                  for an inbox next time */
            close(ipc->inbox);
            ipc->inbox = -1;
        }
        return cm_some(call, result, NULL);
    }
    cm_value *f = wasi_values(call, 5);
    if (!f)
        return wasi_no_memory(call);
    f[0].variant.index = ipc->head.kind;
    f[1] = copy_name(call, ipc->head.sender);
    f[2] = copy_name(call, ipc->head.topic);
    f[3].u = ipc->head.id;
    f[4].bytes.data = (const uint8_t *)ipc->payload;
    f[4].bytes.len = (size_t)size;
    return cm_some(call, result, &(cm_value){.list = {.items = f, .len = 5}});
}

static void inbox_prepare(void *parent, wasi_wait *wait)
{
    struct vyoma_ipc *ipc = parent;
    /* Without a broker: look again in a while, not in a loop. */
    *wait = (wasi_wait){
        .fd = ipc->inbox,
        .events = POLLIN,
        .deadline = ipc->inbox >= 0 ? WASI_NEVER : wasi_now_ns() + 100000000};
}

static vm_status ipc_arrivals(cm_call *call, void *host, const cm_value *args,
                              cm_value *result)
{
    struct vyoma_ipc *ipc = get(host);
    if (!ipc)
        return wasi_no_memory(call);
    (void)connect_inbox(ipc);
    return wasi_own(call, result, wasi_pollable_create(ipc, inbox_prepare));
}

const cm_host_interface vyoma_iface_ipc = {
    .name = "vyoma:ipc/messaging",
    .funcs = (const cm_host_func[]){{"send", ipc_send},
                                    {"publish", ipc_publish},
                                    {"subscribe", ipc_subscribe},
                                    {"request", ipc_ask},
                                    {"reply", ipc_reply},
                                    {"receive", ipc_receive},
                                    {"arrivals", ipc_arrivals},
                                    {0}},
};
