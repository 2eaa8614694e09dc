/* wasi_http_message.c - wasi:http/types: requests, responses and options. */
#include "wasi/wasi_http.h"

#include <stdlib.h>
#include <string.h>

/* result with no payload on either side */
static vm_status done(cm_call *call, cm_value *result, bool ok)
{
    return ok ? cm_ok(call, result, NULL) : cm_err(call, result, NULL);
}

static vm_status some_string(cm_call *call, cm_value *result, const char *text)
{
    if (!text)
        return cm_some(call, result, NULL);
    cm_value value = wasi_string(text);
    return cm_some(call, result, &value);
}

/* ---- method and scheme ------------------------------------------------- */

static const char *const methods[] = {"GET",     "HEAD",   "POST",
                                      "PUT",     "DELETE", "CONNECT",
                                      "OPTIONS", "TRACE",  "PATCH"};
static const char *const schemes[] = {"http", "https"};
enum {
    METHOD_OTHER = sizeof methods / sizeof *methods,
    SCHEME_OTHER = sizeof schemes / sizeof *schemes,
};

/* A variant whose last case, `other`, carries the text. */
static vm_status lower_name(cm_call *call, const char *const *names,
                            size_t count, const char *text, cm_value *out)
{
    size_t i = 0;
    while (i < count && strcmp(names[i], text))
        i++;
    *out = (cm_value){.variant = {.index = i}};
    if (i < count)
        return VM_OK;
    cm_value *payload = wasi_values(call, 1);
    if (!payload)
        return wasi_no_memory(call);
    *payload = wasi_string(text);
    out->variant.payload = payload;
    return VM_OK;
}

/* The text, owned by the caller; NULL when memory ran out. */
static char *lift_name(const char *const *names, size_t count,
                       const cm_value *value)
{
    if (value->variant.index < count)
        return strdup(names[value->variant.index]);
    const cm_value *payload = value->variant.payload;
    return strndup(payload->str.data, payload->str.len);
}

static bool is_scheme(const char *text) /* RFC 3986, 3.1 */
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char all[] = "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";
    return *text && strchr(letters, *text) && strspn(text, all) == strlen(text);
}

/* ---- incoming ---------------------------------------------------------- */

static void incoming_finish(void *self)
{
    http_incoming *incoming = self;
    wasi_release(incoming->conn);
    free(incoming);
}

http_incoming *http_incoming_create(http_conn *conn)
{
    http_incoming *incoming =
        wasi_object_create(sizeof *incoming, incoming_finish);
    if (incoming)
        incoming->conn = wasi_retain(conn);
    return incoming;
}

static const http_head *head_of(const cm_value *self)
{
    const http_incoming *incoming = self->rep;
    return &incoming->conn->head;
}

HTTP_FN(request_method)
{
    return lower_name(call, methods, METHOD_OTHER, head_of(&args[0])->method,
                      result);
}

HTTP_FN(request_path)
{
    return some_string(call, result, head_of(&args[0])->target);
}

HTTP_FN(request_scheme)
{
    cm_value http = {.variant = {.index = 0}};
    return cm_some(call, result, &http);
}

HTTP_FN(request_authority)
{
    return some_string(call, result, head_of(&args[0])->authority);
}

HTTP_FN(response_status)
{
    result->u = head_of(&args[0])->status;
    return VM_OK;
}

HTTP_FN(incoming_headers)
{
    return wasi_own(call, result, wasi_retain(head_of(&args[0])->fields));
}

static void body_finish(void *self)
{
    http_incoming_body *body = self;
    wasi_release(body->conn);
    free(body);
}

HTTP_FN(incoming_consume)
{
    http_incoming *incoming = args[0].rep;
    if (incoming->consumed)
        return cm_err(call, result, NULL);
    http_incoming_body *body = wasi_object_create(sizeof *body, body_finish);
    if (!body)
        return wasi_no_memory(call);
    body->conn = wasi_retain(incoming->conn);
    incoming->consumed = true;
    return wasi_ok_own(call, result, body);
}

/* ---- outgoing ---------------------------------------------------------- */

void http_outgoing_clear(http_outgoing *out)
{
    wasi_release(out->fields);
    wasi_release(out->body);
    free(out->method);
    free(out->scheme);
    free(out->authority);
    free(out->path);
}

static void outgoing_finish(void *self)
{
    http_outgoing_clear(self);
    free(self);
}

HTTP_FN(outgoing_new)
{
    http_outgoing *out = wasi_object_create(sizeof *out, outgoing_finish);
    if (!out) {
        wasi_release(args[0].rep);
        return wasi_no_memory(call);
    }
    out->fields = args[0].rep;
    out->fields->immutable = true;
    out->status = 200;
    return wasi_own(call, result, out);
}

HTTP_FN(outgoing_headers)
{
    const http_outgoing *out = args[0].rep;
    return wasi_own(call, result, wasi_retain(out->fields));
}

HTTP_FN(outgoing_request_method)
{
    const http_outgoing *out = args[0].rep;
    return lower_name(call, methods, METHOD_OTHER,
                      out->method ? out->method : "GET", result);
}

/* Replaces *to by text that `valid` accepts. */
static vm_status set_text(cm_call *call, cm_value *result, char **to,
                          char *text, bool valid)
{
    if (!text)
        return wasi_no_memory(call);
    if (!valid) {
        free(text);
        return done(call, result, false);
    }
    free(*to);
    *to = text;
    return done(call, result, true);
}

HTTP_FN(outgoing_request_set_method)
{
    http_outgoing *out = args[0].rep;
    char *text = lift_name(methods, METHOD_OTHER, &args[1]);
    return set_text(call, result, &out->method, text,
                    text && http_is_token(text, strlen(text)));
}

HTTP_FN(outgoing_request_path)
{
    const http_outgoing *out = args[0].rep;
    return some_string(call, result, out->path);
}

HTTP_FN(outgoing_request_scheme)
{
    const http_outgoing *out = args[0].rep;
    cm_value scheme;
    if (!out->scheme)
        return cm_some(call, result, NULL);
    vm_status status =
        lower_name(call, schemes, SCHEME_OTHER, out->scheme, &scheme);
    return status == VM_OK ? cm_some(call, result, &scheme) : status;
}

HTTP_FN(outgoing_request_authority)
{
    const http_outgoing *out = args[0].rep;
    return some_string(call, result, out->authority);
}

/* RFC 3986, 3.3 and 3.4, but for what is seen in the wild: []{}|^\" and UTF-8.
 */
static bool is_path(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || strchr("#<>`\x7f", *text))
            return false;
    return true;
}

/* What userinfo and reg-name may hold (RFC 3986, 3.2). */
#define NAME_BYTES                                                             \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"           \
    "-._~%!$&'()*+,;="

/* RFC 3986, 3.2: [userinfo "@"] host [":" port] */
static bool is_authority(const char *text)
{
    size_t user = strspn(text, NAME_BYTES ":");
    const char *host = text[user] == '@' ? text + user + 1 : text;
    size_t len = strspn(host, NAME_BYTES);
    if (*host == '[') {
        len = 1 + strspn(host + 1, "0123456789abcdefABCDEF:.");
        len += host[len] == ']' && len > 1 ? 1 : strlen(host);
    }
    if (!len || len > strlen(host))
        return false;
    if (!host[len])
        return true;
    size_t digits = strspn(host + len + 1, "0123456789");
    return host[len] == ':' && digits <= 5 && !host[len + 1 + digits] &&
           strtol(host + len + 1, NULL, 10) <= 65535;
}

static bool is_host(const char *text)
{
    return is_authority(text) && !strchr(text, '@');
}

/* option<string>: none clears */
static vm_status set_option(cm_call *call, cm_value *result, char **to,
                            const cm_value *option,
                            bool (*is_valid)(const char *text))
{
    if (!option->variant.index) {
        free(*to);
        *to = NULL;
        return done(call, result, true);
    }
    const cm_value *value = option->variant.payload;
    char *text = strndup(value->str.data, value->str.len);
    bool valid = text && strlen(text) == value->str.len && is_valid(text);
    return set_text(call, result, to, text, valid);
}

HTTP_FN(outgoing_request_set_path)
{
    http_outgoing *out = args[0].rep;
    return set_option(call, result, &out->path, &args[1], is_path);
}

vm_status http_set_authority(cm_call *call, const cm_value *args,
                             bool may_name_user, cm_value *result)
{
    http_outgoing *out = args[0].rep;
    return set_option(call, result, &out->authority, &args[1],
                      may_name_user ? is_authority : is_host);
}

HTTP_FN(outgoing_request_set_authority)
{
    return http_set_authority(call, args, false, result);
}

HTTP_FN(outgoing_request_set_scheme)
{
    http_outgoing *out = args[0].rep;
    if (!args[1].variant.index) {
        free(out->scheme);
        out->scheme = NULL;
        return done(call, result, true);
    }
    char *text = lift_name(schemes, SCHEME_OTHER, args[1].variant.payload);
    return set_text(call, result, &out->scheme, text, text && is_scheme(text));
}

HTTP_FN(outgoing_response_status)
{
    const http_outgoing *out = args[0].rep;
    result->u = out->status;
    return VM_OK;
}

HTTP_FN(outgoing_response_set_status)
{
    http_outgoing *out = args[0].rep;
    bool valid = args[1].u >= 100 && args[1].u <= 599; /* RFC 9110, 15 */
    if (valid)
        out->status = (uint16_t)args[1].u;
    return done(call, result, valid);
}

/* ---- request-options --------------------------------------------------- */

static void options_finish(void *self)
{
    free(self);
}

HTTP_FN(options_new)
{
    return wasi_own(call, result,
                    wasi_object_create(sizeof(http_options), options_finish));
}

static vm_status get_timeout(cm_call *call, const cm_value *args,
                             cm_value *result, int which)
{
    const http_options *options = args[0].rep;
    cm_value value = {.u = options->timeout[which]};
    return cm_some(call, result, options->has[which] ? &value : NULL);
}

static vm_status set_timeout(cm_call *call, const cm_value *args,
                             cm_value *result, int which)
{
    http_options *options = args[0].rep;
    options->has[which] = args[1].variant.index == 1;
    options->timeout[which] =
        options->has[which] ? args[1].variant.payload->u : 0;
    return done(call, result, true);
}

enum { CONNECT, FIRST_BYTE, BETWEEN_BYTES };

HTTP_FN(connect_timeout)
{
    return get_timeout(call, args, result, CONNECT);
}

HTTP_FN(set_connect_timeout)
{
    return set_timeout(call, args, result, CONNECT);
}

HTTP_FN(first_byte_timeout)
{
    return get_timeout(call, args, result, FIRST_BYTE);
}

HTTP_FN(set_first_byte_timeout)
{
    return set_timeout(call, args, result, FIRST_BYTE);
}

HTTP_FN(between_bytes_timeout)
{
    return get_timeout(call, args, result, BETWEEN_BYTES);
}

HTTP_FN(set_between_bytes_timeout)
{
    return set_timeout(call, args, result, BETWEEN_BYTES);
}
