/*
 * wasi_sockets.c - wasi:sockets: networks, addresses, options, name lookup.
 * TCP and UDP sockets are in files of their own.
 */
#include "wasi/wasi_sockets.h"
#include "wasi/ifaces.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- addresses --------------------------------------------------------- */

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

vm_status net_address_ok(cm_call *call, cm_value *result,
                         const net_address *address)
{
    cm_value value;
    vm_status status = net_address_lower(call, address, &value);
    return status == VM_OK ? cm_ok(call, result, &value) : status;
}

bool net_address_equal(const net_address *a, const net_address *b)
{
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_INET)
        return a->v4.sin_port == b->v4.sin_port &&
               a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    return a->v6.sin6_port == b->v6.sin6_port &&
           !memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr);
}

bool net_address_unicast(const net_address *address, int family)
{
    if (address->any.sa_family != family)
        return false;
    if (family == AF_INET) {
        uint32_t ip = ntohl(address->v4.sin_addr.s_addr);
        return !IN_MULTICAST(ip) && ip != INADDR_BROADCAST;
    }
    const struct in6_addr *ip = &address->v6.sin6_addr;
    return !IN6_IS_ADDR_MULTICAST(ip) && !IN6_IS_ADDR_V4MAPPED(ip) &&
           (!IN6_IS_ADDR_V4COMPAT(ip));
}

bool net_address_remote(const net_address *address, int family)
{
    if (!net_address_unicast(address, family))
        return false;
    if (family == AF_INET)
        return address->v4.sin_port && address->v4.sin_addr.s_addr;
    return address->v6.sin6_port &&
           !IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
}

/* ---- outcomes ---------------------------------------------------------- */

vm_status net_code(cm_call *call, cm_value *result, int code)
{
    return wasi_err_enum(call, result, (uint64_t)code);
}

vm_status net_outcome(cm_call *call, cm_value *result, int error)
{
    return error ? wasi_err_enum(call, result, wasi_errno_network(error))
                 : cm_ok(call, result, NULL);
}

vm_status net_bind_outcome(cm_call *call, cm_value *result, int error)
{
    switch (error) {
    case EAFNOSUPPORT: return net_code(call, result, NET_CODE_INVALID_ARGUMENT);
    case EINVAL: return net_code(call, result, NET_CODE_INVALID_STATE);
    case ENOBUFS: return net_code(call, result, NET_CODE_ADDRESS_IN_USE);
    default: return net_outcome(call, result, error);
    }
}

vm_status net_connect_outcome(cm_call *call, cm_value *result, int error)
{
    switch (error) {
    case EAFNOSUPPORT: return net_code(call, result, NET_CODE_INVALID_ARGUMENT);
    case EADDRNOTAVAIL: return net_code(call, result, NET_CODE_ADDRESS_IN_USE);
    case EAGAIN: return net_code(call, result, NET_CODE_ADDRESS_IN_USE);
    default: return net_outcome(call, result, error);
    }
}

/* ---- options ----------------------------------------------------------- */

static int hops_level(int family)
{
    return family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
}

static int hops_option(int family)
{
    return family == AF_INET ? IP_TTL : IPV6_UNICAST_HOPS;
}

vm_status net_get_hops(cm_call *call, int fd, int family, cm_value *result)
{
    int value = 0;
    socklen_t len = sizeof value;
    if (getsockopt(fd, hops_level(family), hops_option(family), &value, &len))
        return net_outcome(call, result, errno);
    return cm_ok(call, result, &(cm_value){.u = (uint8_t)value});
}

vm_status net_set_hops(cm_call *call, int fd, int family, uint64_t value,
                       cm_value *result)
{
    int hops = (int)value;
    if (!value)
        return net_code(call, result, NET_CODE_INVALID_ARGUMENT);
    int failed = setsockopt(fd, hops_level(family), hops_option(family), &hops,
                            sizeof hops);
    return net_outcome(call, result, failed ? errno : 0);
}

/* Linux keeps, and tells, twice what was asked for. */
vm_status net_get_buffer(cm_call *call, int fd, int option, cm_value *result)
{
    int value = 0;
    socklen_t len = sizeof value;
    if (getsockopt(fd, SOL_SOCKET, option, &value, &len))
        return net_outcome(call, result, errno);
    return cm_ok(call, result, &(cm_value){.u = (uint64_t)value / 2});
}

vm_status net_set_buffer(cm_call *call, int fd, int option, uint64_t value,
                         cm_value *result)
{
    if (!value)
        return net_code(call, result, NET_CODE_INVALID_ARGUMENT);
    int size = value < INT_MAX / 2 ? (int)value : INT_MAX / 2;
    int failed = setsockopt(fd, SOL_SOCKET, option, &size, sizeof size);
    return net_outcome(call, result, failed ? errno : 0);
}

vm_status net_local_address(cm_call *call, int fd, cm_value *result)
{
    net_address address = {.len = sizeof address.v6};
    if (getsockname(fd, &address.any, &address.len))
        return net_outcome(call, result, errno);
    return net_address_ok(call, result, &address);
}

vm_status net_remote_address(cm_call *call, int fd, cm_value *result)
{
    net_address address = {.len = sizeof address.v6};
    if (getpeername(fd, &address.any, &address.len))
        return net_outcome(call, result, errno);
    return net_address_ok(call, result, &address);
}

/* ---- network ----------------------------------------------------------- */

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
    if (!error->network)
        return cm_some(call, result, NULL);
    cm_value code = {.variant = {.index = wasi_errno_network(error->number)}};
    return cm_some(call, result, &code);
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

/* ---- ip-name-lookup ---------------------------------------------------- */

typedef struct lookup {
    wasi_object object;
    int fd; /* yields wasi_net_address records; -1: `next` is all there is */
    bool ended;
    size_t have; /* bytes of `next` */
    wasi_net_address next;
} lookup;

static void lookup_finish(void *self)
{
    lookup *stream = self;
    if (stream->fd >= 0)
        close(stream->fd);
    free(stream);
}

/* An address written out needs no lookup. */
bool net_parse_literal(const char *text, size_t len, wasi_net_address *out)
{
    char copy[INET6_ADDRSTRLEN];
    if (len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = 0;
    *out = (wasi_net_address){.family = AF_INET};
    if (inet_pton(AF_INET, copy, out->bytes) == 1)
        return true;
    out->family = AF_INET6;
    return inet_pton(AF_INET6, copy, out->bytes) == 1;
}

/* RFC 1123 letters, digits, hyphens and dots, and the underscore in use. */
bool net_is_name(const char *text, size_t len)
{
    if (!len || len > 253)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool alnum =
            (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
        if (!alnum && c != '-' && c != '.' && c != '_')
            return false;
    }
    return true;
}

static vm_status lookup_outcome(cm_call *call, cm_value *result, int error)
{
    static const struct {
        int error, code;
    } codes[] = {
        {ENOENT, NET_CODE_NAME_UNRESOLVABLE},
        {EAGAIN, NET_CODE_TEMPORARY_RESOLVER_FAILURE},
        {EIO, NET_CODE_PERMANENT_RESOLVER_FAILURE},
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].error == error)
            return net_code(call, result, codes[i].code);
    return net_outcome(call, result, error);
}

NET_FN(resolve_addresses)
{
    const wasi_ctx *ctx = host;
    const char *name = args[1].str.data;
    size_t len = args[1].str.len;
    wasi_net_address literal;
    bool is_literal = net_parse_literal(name, len, &literal);
    if (!is_literal && !net_is_name(name, len))
        return net_code(call, result, NET_CODE_INVALID_ARGUMENT);
    int fd = -1;
    if (!is_literal) {
        fd = ctx->net->ops->resolve(ctx->net, name, len);
        if (fd < 0)
            return lookup_outcome(call, result, -fd);
    }
    lookup *stream = wasi_object_create(sizeof *stream, lookup_finish);
    if (!stream) {
        if (fd >= 0)
            close(fd);
        return wasi_no_memory(call);
    }
    stream->fd = fd;
    if (is_literal) {
        stream->next = literal;
        stream->have = sizeof literal;
    }
    return wasi_ok_own(call, result, stream);
}

/* 0: `next` is complete; ENODATA: there is no other; EAGAIN: not yet. */
static int read_record(lookup *stream)
{
    while (stream->have < sizeof stream->next) {
        if (stream->ended || stream->fd < 0)
            return ENODATA;
        wasi_wait wait = {
            .fd = stream->fd, .events = POLLIN, .deadline = WASI_NEVER};
        if (!wasi_wait_ready(&wait))
            return EAGAIN;
        ssize_t n = read(stream->fd, (char *)&stream->next + stream->have,
                         sizeof stream->next - stream->have);
        if (n <= 0)
            stream->ended = true;
        else
            stream->have += (size_t)n;
    }
    stream->have = 0;
    return 0;
}

bool net_ip_is_mapped(const wasi_net_address *address)
{
    return address->family == AF_INET6 &&
           IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)address->bytes);
}

bool net_ip_lower(cm_call *call, const wasi_net_address *address, cm_value *out)
{
    cm_value *tuple = wasi_values(call, 1 + 8);
    if (!tuple)
        return false;
    bool v4 = address->family == AF_INET;
    out->variant.index = v4 ? NET_IPV4 : NET_IPV6;
    out->variant.payload = tuple;
    set_list(tuple, tuple + 1, v4 ? 4 : 8);
    (v4 ? lower_v4 : lower_v6)(address->bytes, tuple + 1);
    return true;
}

static vm_status ok_address(cm_call *call, cm_value *result,
                            const wasi_net_address *address)
{
    cm_value *some = wasi_values(call, 1);
    if (!some || !net_ip_lower(call, address, some))
        return wasi_no_memory(call);
    cm_value option = {.variant = {.index = 1, .payload = some}};
    return cm_ok(call, result, &option);
}

NET_FN(resolve_next_address)
{
    lookup *stream = args[0].rep;
    int error;
    do
        error = read_record(stream);
    while (!error && !stream->next.error && net_ip_is_mapped(&stream->next));
    if (error == EAGAIN)
        return net_code(call, result, NET_CODE_WOULD_BLOCK);
    if (error == ENODATA)
        return cm_ok(call, result, &(cm_value){.variant = {.index = 0}});
    if (stream->next.error) {
        stream->ended = true;
        return lookup_outcome(call, result, stream->next.error);
    }
    return ok_address(call, result, &stream->next);
}

static void lookup_prepare(void *self, wasi_wait *wait)
{
    lookup *stream = self;
    wait->fd = stream->fd;
    wait->events = POLLIN;
    wait->ready = stream->fd < 0 || stream->ended;
}

NET_FN(lookup_subscribe)
{
    return wasi_own(call, result,
                    wasi_pollable_create(args[0].rep, lookup_prepare));
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
