/* wasi_sockets.h - shared by wasi_sockets.c (network, lookup), _tcp and _udp.
 */
#ifndef VYOMA_WASI_SOCKETS_H
#define VYOMA_WASI_SOCKETS_H

#include "wasi/internal.h"
#include "wasi/net.h"

#include <netinet/in.h>

#define NET_FN(name)                                                           \
    static vm_status name(cm_call *call, void *host, const cm_value *args,     \
                          cm_value *result)

/* error-code of wasi:sockets/network that no errno stands for */
enum {
    NET_CODE_INVALID_ARGUMENT = 3,
    NET_CODE_CONCURRENCY_CONFLICT = 6,
    NET_CODE_NOT_IN_PROGRESS = 7,
    NET_CODE_WOULD_BLOCK = 8,
    NET_CODE_INVALID_STATE = 9,
    NET_CODE_ADDRESS_NOT_BINDABLE = 11,
    NET_CODE_ADDRESS_IN_USE = 12,
    NET_CODE_CONNECTION_ABORTED = 16,
    NET_CODE_NAME_UNRESOLVABLE = 18,
    NET_CODE_TEMPORARY_RESOLVER_FAILURE = 19,
    NET_CODE_PERMANENT_RESOLVER_FAILURE = 20,
};

/* ip-address-family */
enum { NET_IPV4, NET_IPV6 };

typedef struct net_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t len;
} net_address;

/* From and to the variant ip-socket-address. */
void net_address_lift(const cm_value *value, net_address *out);
VM_MUST_CHECK vm_status net_address_lower(cm_call *call,
                                          const net_address *address,
                                          cm_value *out);
/* The same, as result<ip-socket-address, error-code>. */
VM_MUST_CHECK vm_status net_address_ok(cm_call *call, cm_value *result,
                                       const net_address *address);
bool net_address_equal(const net_address *a, const net_address *b);

/* True for an address of `family` that can name one host: not multicast, not
 * broadcast, not IPv4-mapped. */
bool net_address_unicast(const net_address *address, int family);
/* ... and which can be a destination: neither the any address nor port 0. */
bool net_address_remote(const net_address *address, int family);

/* ip-name-lookup: an address written out, what may be looked up, and the
 * variant ip-address (false when memory ran out). */
VM_MUST_CHECK bool net_parse_literal(const char *text, size_t len,
                                     wasi_net_address *out);
bool net_is_name(const char *text, size_t len);
bool net_ip_is_mapped(const wasi_net_address *address);
VM_MUST_CHECK bool net_ip_lower(cm_call *call, const wasi_net_address *address,
                                cm_value *out);

/* result<_, error-code>: `error` is 0 or an errno. */
VM_MUST_CHECK vm_status net_outcome(cm_call *call, cm_value *result, int error);
VM_MUST_CHECK vm_status net_code(cm_call *call, cm_value *result, int code);
/* What bind and connect mean by an errno differs from the common table. */
VM_MUST_CHECK vm_status net_bind_outcome(cm_call *call, cm_value *result,
                                         int error);
VM_MUST_CHECK vm_status net_connect_outcome(cm_call *call, cm_value *result,
                                            int error);

/* Socket options that TCP and UDP share: result<value> and result<_>. */
VM_MUST_CHECK vm_status net_get_hops(cm_call *call, int fd, int family,
                                     cm_value *result);
VM_MUST_CHECK vm_status net_set_hops(cm_call *call, int fd, int family,
                                     uint64_t value, cm_value *result);
VM_MUST_CHECK vm_status net_get_buffer(cm_call *call, int fd, int option,
                                       cm_value *result);
VM_MUST_CHECK vm_status net_set_buffer(cm_call *call, int fd, int option,
                                       uint64_t value, cm_value *result);

/* getsockname and getpeername as results. */
VM_MUST_CHECK vm_status net_local_address(cm_call *call, int fd,
                                          cm_value *result);
VM_MUST_CHECK vm_status net_remote_address(cm_call *call, int fd,
                                           cm_value *result);

#endif
