/*
 * wasi_sockets.h - what the interfaces of wasi:sockets 0.2 (wasi_sockets*.c)
 * and 0.3 (p3_sockets.c) share above socket.h: addresses as WIT values, and the
 * functions that differ only in how an error is spelled.
 */
#ifndef VYOMA_WASI_SOCKETS_H
#define VYOMA_WASI_SOCKETS_H

#include "wasi/socket.h"

#define NET_FN(name)                                                           \
    static vm_status name(cm_call *call, void *host, const cm_value *args,     \
                          cm_value *result)

/* From ip-address-family; from and to the variant ip-socket-address. */
int net_family_lift(const cm_value *value);
void net_address_lift(const cm_value *value, net_address *out);
VM_MUST_CHECK vm_status net_address_lower(cm_call *call,
                                          const net_address *address,
                                          cm_value *out);
/* From option<ip-socket-address>: `room`, or NULL for none. */
const net_address *net_address_option(const cm_value *value, net_address *room);
/* To the variant ip-address. */
VM_MUST_CHECK vm_status net_ip_lower(cm_call *call,
                                     const wasi_net_address *address,
                                     cm_value *out);

/* ---- functions in common ----------------------------------------------- */

typedef struct net_skin {
    /* error-code for an errno */
    wasi_error_fn error;
} net_skin;

/* result<_, error-code> */
VM_MUST_CHECK vm_status net_outcome(const net_skin *skin, cm_call *call,
                                    cm_value *result, int number);
/* result<own, error-code>; `object` is not looked at after an error. */
VM_MUST_CHECK vm_status net_made(const net_skin *skin, cm_call *call,
                                 cm_value *result, int number, void *object);
VM_MUST_CHECK vm_status net_get_option(const net_skin *skin, cm_call *call,
                                       const cm_value *args, net_option option,
                                       cm_value *result);
VM_MUST_CHECK vm_status net_set_option(const net_skin *skin, cm_call *call,
                                       const cm_value *args, net_option option,
                                       cm_value *result);
vm_status net_local_address(const net_skin *skin, cm_call *call, wasi_ctx *ctx,
                            const cm_value *args, cm_value *result);
vm_status net_remote_address(const net_skin *skin, cm_call *call, wasi_ctx *ctx,
                             const cm_value *args, cm_value *result);
vm_status net_set_backlog(const net_skin *skin, cm_call *call, wasi_ctx *ctx,
                          const cm_value *args, cm_value *result);
/* These need no skin. */
vm_status net_is_listening(cm_call *call, void *host, const cm_value *args,
                           cm_value *result);
vm_status net_address_family(cm_call *call, void *host, const cm_value *args,
                             cm_value *result);

/* With a `skin` in scope: host functions called skin_NAME. */
#define NET_DEFINE(name)                                                       \
    static vm_status skin_##name(cm_call *call, void *host,                    \
                                 const cm_value *args, cm_value *result)       \
    {                                                                          \
        return net_##name(&skin, call, host, args, result);                    \
    }
#define NET_DEFINE_OPTION(name, option)                                        \
    static vm_status skin_get_##name(cm_call *call, void *host,                \
                                     const cm_value *args, cm_value *result)   \
    {                                                                          \
        return net_get_option(&skin, call, args, option, result);              \
    }                                                                          \
    static vm_status skin_set_##name(cm_call *call, void *host,                \
                                     const cm_value *args, cm_value *result)   \
    {                                                                          \
        return net_set_option(&skin, call, args, option, result);              \
    }
/* What TCP and UDP sockets have, and what only TCP sockets have. */
#define NET_DEFINE_COMMON                                                      \
    NET_DEFINE(local_address)                                                  \
    NET_DEFINE(remote_address)                                                 \
    NET_DEFINE_OPTION(hop_limit, NET_HOP_LIMIT)                                \
    NET_DEFINE_OPTION(receive_buffer, NET_RECEIVE_BUFFER)                      \
    NET_DEFINE_OPTION(send_buffer, NET_SEND_BUFFER)
#define NET_DEFINE_TCP                                                         \
    NET_DEFINE(set_backlog)                                                    \
    NET_DEFINE_OPTION(keep_alive, NET_KEEP_ALIVE)                              \
    NET_DEFINE_OPTION(idle_time, NET_KEEP_ALIVE_IDLE_TIME)                     \
    NET_DEFINE_OPTION(interval, NET_KEEP_ALIVE_INTERVAL)                       \
    NET_DEFINE_OPTION(count, NET_KEEP_ALIVE_COUNT)

/* 0.2's, for its three files. */
vm_status net_error_enum(cm_call *call, int number, cm_value *out);

#endif
