/*
 * wasi_sockets.c - wasi:sockets: addresses, what 0.2 and 0.3 have in common
 * (wasi_sockets.h), and 0.2's networks and name lookup.  0.2's TCP and UDP
 * sockets are in files of their own.
 */
#include "wasi/wasi_sockets.h"
#include "wasi/ifaces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ip-address-family, and the cases of ip-address and ip-socket-address */
enum { NET_IPV4, NET_IPV6 };

/* ---- addresses --------------------------------------------------------- */

int net_family_lift(const cm_value *value)
{
    return value->variant.index == NET_IPV4 ? AF_INET : AF_INET6;
}

void net_address_lift(const cm_value *value, net_address *out)
{
    const cm_value *fields = value->variant.payload->list.items;
    memset(out, 0, sizeof *out);
    if (value->variant.index == NET_IPV4) {
        const cm_value *octets = fields[1].list.items;
        uint8_t *to = (uint8_t *)&out->v4.sin_addr;
        out->len = sizeof out->v4;
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons((uint16_t)fields[0].u);
        for (int i = 0; i < 4; i++)
            to[i] = (uint8_t)octets[i].u;
        return;
    }
    const cm_value *groups = fields[2].list.items;
    out->len = sizeof out->v6;
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons((uint16_t)fields[0].u);
    out->v6.sin6_flowinfo = htonl((uint32_t)fields[1].u);
    out->v6.sin6_scope_id = (uint32_t)fields[3].u;
    for (int i = 0; i < 8; i++) {
        out->v6.sin6_addr.s6_addr[2 * i] = (uint8_t)(groups[i].u >> 8);
        out->v6.sin6_addr.s6_addr[2 * i + 1] = (uint8_t)groups[i].u;
    }
}

static void lower_v4(const uint8_t *bytes, cm_value *octets)
{
    for (int i = 0; i < 4; i++)
        octets[i].u = bytes[i];
}

static void lower_v6(const uint8_t *bytes, cm_value *groups)
{
    for (int i = 0; i < 8; i++)
        groups[i].u = (uint64_t)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
}

static void set_list(cm_value *to, cm_value *items, size_t len)
{
    to->list.items = items;
    to->list.len = len;
}

vm_status net_address_lower(cm_call *call, const net_address *address,
                            cm_value *out)
{
    cm_value *record = wasi_values(call, 1 + 4 + 8), *fields = record + 1;
    if (!record)
        return wasi_no_memory(call);
    out->variant.payload = record;
    if (address->any.sa_family == AF_INET) {
        out->variant.index = NET_IPV4;
        set_list(record, fields, 2);
        fields[0].u = ntohs(address->v4.sin_port);
        set_list(&fields[1], fields + 2, 4);
        lower_v4((const uint8_t *)&address->v4.sin_addr, fields + 2);
        return VM_OK;
    }
    out->variant.index = NET_IPV6;
    set_list(record, fields, 4);
    fields[0].u = ntohs(address->v6.sin6_port);
    fields[1].u = ntohl(address->v6.sin6_flowinfo);
    set_list(&fields[2], fields + 4, 8);
    fields[3].u = address->v6.sin6_scope_id;
    lower_v6(address->v6.sin6_addr.s6_addr, fields + 4);
    return VM_OK;
}

const net_address *net_address_option(const cm_value *value, net_address *room)
{
    if (!value->variant.index)
        return NULL;
    net_address_lift(value->variant.payload, room);
    return room;
}

vm_status net_ip_lower(cm_call *call, const wasi_net_address *address,
                       cm_value *out)
{
    cm_value *tuple = wasi_values(call, 1 + 8);
    if (!tuple)
        return wasi_no_memory(call);
    bool v4 = address->family == AF_INET;
    out->variant.index = v4 ? NET_IPV4 : NET_IPV6;
    out->variant.payload = tuple;
    set_list(tuple, tuple + 1, v4 ? 4 : 8);
    (v4 ? lower_v4 : lower_v6)(address->bytes, tuple + 1);
    return VM_OK;
}

/* ---- functions in common ----------------------------------------------- */

vm_status net_outcome(const net_skin *skin, cm_call *call, cm_value *result,
                      int number)
{
    return wasi_outcome(skin->error, call, result, number);
}

vm_status net_made(const net_skin *skin, cm_call *call, cm_value *result,
                   int number, void *object)
{
    return number ? net_outcome(skin, call, result, number)
                  : wasi_ok_own(call, result, object);
}

/* result<ip-socket-address, error-code> */
static vm_status put_address(const net_skin *skin, cm_call *call,
                             cm_value *result, int number,
                             const net_address *address)
{
    cm_value value;
    if (number)
        return net_outcome(skin, call, result, number);
    vm_status status = net_address_lower(call, address, &value);
    return status == VM_OK ? cm_ok(call, result, &value) : status;
}

vm_status net_local_address(const net_skin *skin, cm_call *call, wasi_ctx *ctx,
                            const cm_value *args, cm_value *result)
{
    net_address address;
    int number = net_socket_local(args[0].rep, &address);
    return put_address(skin, call, result, number, &address);
}

vm_status net_remote_address(const net_skin *skin, cm_call *call, wasi_ctx *ctx,
                             const cm_value *args, cm_value *result)
{
    net_address address;
    int number = net_socket_remote(args[0].rep, &address);
    return put_address(skin, call, result, number, &address);
}

vm_status net_set_backlog(const net_skin *skin, cm_call *call, wasi_ctx *ctx,
                          const cm_value *args, cm_value *result)
{
    return net_outcome(skin, call, result,
                       net_socket_set_backlog(ctx, args[0].rep, args[1].u));
}

vm_status net_get_option(const net_skin *skin, cm_call *call,
                         const cm_value *args, net_option option,
                         cm_value *result)
{
    cm_value value = {0};
    int number = net_option_get(args[0].rep, option, &value.u);
    return number ? net_outcome(skin, call, result, number)
                  : cm_ok(call, result, &value);
}

vm_status net_set_option(const net_skin *skin, cm_call *call,
                         const cm_value *args, net_option option,
                         cm_value *result)
{
    return net_outcome(skin, call, result,
                       net_option_set(args[0].rep, option, args[1].u));
}

vm_status net_is_listening(cm_call *call, void *host, const cm_value *args,
                           cm_value *result)
{
    const net_socket *s = args[0].rep;
    result->u = s->state == NET_LISTENING;
    return VM_OK;
}

vm_status net_address_family(cm_call *call, void *host, const cm_value *args,
                             cm_value *result)
{
    const net_socket *s = args[0].rep;
    *result = (cm_value){
        .variant = {.index = s->family == AF_INET ? NET_IPV4 : NET_IPV6}};
    return VM_OK;
}

/* ---- 0.2: network ------------------------------------------------------ */

vm_status net_error_enum(cm_call *call, int number, cm_value *out)
{
    *out = (cm_value){.variant = {.index = wasi_errno_network(number)}};
    return VM_OK;
}

static const net_skin skin = {net_error_enum};

static void network_finish(void *self)
{
    free(self);
}

/* The one network there is: what it may do is decided by ctx->net. */
NET_FN(instance_network)
{
    return wasi_own(call, result,
                    wasi_object_create(sizeof(wasi_object), network_finish));
}

NET_FN(network_error_code)
{
    const wasi_error *error = args[0].rep;
    cm_value code;
    if (!error->network)
        return cm_some(call, result, NULL);
    vm_status status = net_error_enum(call, error->number, &code);
    return status == VM_OK ? cm_some(call, result, &code) : status;
}

const cm_host_interface wasi_iface_network = {
    .name = "wasi:sockets/network",
    .funcs =
        (const cm_host_func[]){{"network-error-code", network_error_code}, {0}},
    .resources = (const cm_host_resource[]){{"network", wasi_drop}, {0}},
};

const cm_host_interface wasi_iface_instance_network = {
    .name = "wasi:sockets/instance-network",
    .funcs =
        (const cm_host_func[]){{"instance-network", instance_network}, {0}},
};

/* ---- 0.2: ip-name-lookup ----------------------------------------------- */

/* error-code of a lookup, where it differs from the common table */
static vm_status lookup_outcome(cm_call *call, cm_value *result, int error)
{
    enum { UNRESOLVABLE = 18, TEMPORARY, PERMANENT };
    static const struct {
        int error, code;
    } codes[] = {{ENOENT, UNRESOLVABLE}, {EBUSY, TEMPORARY}, {EIO, PERMANENT}};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].error == error)
            return wasi_err_enum(call, result, (uint64_t)codes[i].code);
    return net_outcome(&skin, call, result, error);
}

NET_FN(resolve_addresses)
{
    net_lookup *lookup;
    int error =
        net_lookup_start(host, args[1].str.data, args[1].str.len, &lookup);
    return error ? lookup_outcome(call, result, error)
                 : wasi_ok_own(call, result, lookup);
}

NET_FN(resolve_next_address)
{
    wasi_net_address address;
    int error = net_lookup_next(args[0].rep, &address);
    if (error == ENODATA)
        return cm_ok(call, result, &(cm_value){.variant = {.index = 0}});
    if (error)
        return lookup_outcome(call, result, error);
    cm_value *some = wasi_values(call, 1);
    vm_status status =
        some ? net_ip_lower(call, &address, some) : wasi_no_memory(call);
    cm_value option = {.variant = {.index = 1, .payload = some}};
    return status == VM_OK ? cm_ok(call, result, &option) : status;
}

NET_FN(lookup_subscribe)
{
    return wasi_own(call, result,
                    wasi_pollable_create(args[0].rep, net_lookup_prepare));
}

static const cm_host_func lookup_funcs[] = {
    {"resolve-addresses", resolve_addresses},
    {"[method]resolve-address-stream.resolve-next-address",
     resolve_next_address},
    {"[method]resolve-address-stream.subscribe", lookup_subscribe},
    {0},
};

const cm_host_interface wasi_iface_ip_name_lookup = {
    .name = "wasi:sockets/ip-name-lookup",
    .funcs = lookup_funcs,
    .resources =
        (const cm_host_resource[]){{"resolve-address-stream", wasi_drop}, {0}},
};
