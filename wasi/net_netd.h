/*
 * net_netd.h - the back end of net.h for jailed apps: netd makes, binds and
 * connects the sockets; this process only uses what it is handed.
 */
#ifndef VYOMA_NET_NETD_H
#define VYOMA_NET_NETD_H

#include "wasi/net.h"

/* Over a connection of proto_net.h, owned from here.  NULL: no memory. */
wasi_net *wasi_net_netd(int fd);

#endif
