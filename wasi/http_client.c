/*
 * http_client.c - how an outgoing request begins, whichever version of
 * wasi:http it came from: scheme and authority become a connection, and the
 * request's line and first fields are written to it.
 */
#include "wasi/http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HOST_MAX = 256 };

/* "host", "host:port", "[v6]" or "[v6]:port" (RFC 3986, 3.2; without user
 * information, which RFC 9110, 4.2.4 forbids to send). */
static bool split_authority(const char *authority, char host[HOST_MAX],
                            uint16_t *port)
{
    const char *end = authority[0] == '[' ? strchr(authority, ']') : NULL;
    if (authority[0] == '[' && !end)
        return false;
    const char *colon = strchr(end ? end : authority, ':');
    size_t len = colon ? (size_t)(colon - authority) : strlen(authority);
    if (!len || len >= HOST_MAX)
        return false;
    memcpy(host, authority, len);
    host[len] = 0;
    if (!colon || !colon[1])
        return true;
    char *rest;
    unsigned long value = strtoul(colon + 1, &rest, 10);
    if (*rest || colon[1] < '0' || colon[1] > '9' || !value || value > 65535)
        return false;
    *port = (uint16_t)value;
    return true;
}

http_error http_client_open(wasi_ctx *ctx, const char *scheme,
                            const char *authority,
                            const http_timeouts *timeouts, http_conn **out)
{
    char host[HOST_MAX];
    bool secure = !scheme || !strcasecmp(scheme, "https");
    uint16_t port = secure ? 443 : 80;
    if (!ctx->http_net)
        return HTTP_REQUEST_DENIED;
    if (!secure && strcasecmp(scheme, "http"))
        return HTTP_REQUEST_URI_INVALID;
    if (!authority || !split_authority(authority, host, &port))
        return HTTP_REQUEST_URI_INVALID;
    if (secure && !ctx->trust)
        return HTTP_CONFIGURATION_ERROR;
    *out = http_conn_connect(ctx->http_net, host, port, timeouts);
    if (*out && secure)
        http_conn_secure(*out, ctx->trust);
    return *out ? HTTP_OK : HTTP_INTERNAL_ERROR;
}

void http_client_begin(http_conn *conn, const char *method, const char *path,
                       const char *authority)
{
    if (!method)
        method = "GET";
    if (!path || !*path)
        path = "/";
    conn->to_head = !strcmp(method, "HEAD");
    http_conn_print(conn,
                    "%s %s%s HTTP/1.1\r\nhost: %s\r\nconnection: close\r\n",
                    method, *path == '?' ? "/" : "", path, authority);
}
