/*
 * http_head.c - fields, and heads of HTTP/1.1 messages.  Strict on what is
 * read, since leniency between two parsers is how requests are smuggled: RFC
 * 9112 is followed where it says MUST, and where it permits rejecting.
 */
#include "wasi/http.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- characters -------------------------------------------------------- */

bool http_is_token(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
            return false;
    }
    return len > 0;
}

bool http_is_value(const void *value, size_t len)
{
    const uint8_t *p = value;
    for (size_t i = 0; i < len; i++)
        if ((p[i] < ' ' && p[i] != '\t') || p[i] == 0x7f)
            return false;
    return true;
}

static bool name_is(const char *name, size_t len, const char *is)
{
    return len == strlen(is) && !strncasecmp(name, is, len);
}

bool http_is_forbidden(const char *name, size_t len)
{
    static const char *const names[] = {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
        "host",
        "http2-settings",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (name_is(name, len, names[i]))
            return true;
    return false;
}

/* ---- fields ------------------------------------------------------------ */

static void fields_finish(void *self)
{
    http_fields *fields = self;
    for (size_t i = 0; i < fields->count; i++)
        free(fields->items[i].text);
    if (fields->budget)
        *fields->budget -= fields->bytes;
    free(fields->items);
    free(fields);
}

http_fields *http_fields_create(size_t *budget)
{
    http_fields *fields =
        wasi_object_create(sizeof(http_fields), fields_finish);
    if (fields)
        fields->budget = budget;
    return fields;
}

static void count_bytes(http_fields *fields, ssize_t bytes)
{
    fields->bytes += (size_t)bytes;
    if (fields->budget)
        *fields->budget += (size_t)bytes;
}

enum { PER_FIELD = 32 }; /* so that empty ones count as well */

int http_fields_add(http_fields *fields, const char *name, size_t name_len,
                    const void *value, size_t value_len)
{
    if (name_len > HTTP_FIELDS_MAX || value_len > HTTP_FIELDS_MAX)
        return E2BIG;
    size_t bytes = name_len + value_len + PER_FIELD;
    if (fields->bytes + bytes > HTTP_FIELDS_MAX ||
        (fields->budget && *fields->budget + bytes > HTTP_BUDGET))
        return E2BIG;
    if (fields->count == fields->room) {
        size_t room = fields->room ? fields->room * 2 : 8;
        http_field *items = realloc(fields->items, room * sizeof *items);
        if (!items)
            return ENOMEM;
        fields->items = items;
        fields->room = room;
    }
    char *text = malloc(name_len + value_len + 1);
    if (!text)
        return ENOMEM;
    memcpy(text, name, name_len);
    if (value_len)
        memcpy(text + name_len, value, value_len);
    http_field *field = &fields->items[fields->count++];
    field->text = text;
    field->name_len = (uint32_t)name_len;
    field->value_len = (uint32_t)value_len;
    count_bytes(fields, (ssize_t)bytes);
    return 0;
}

http_fields *http_fields_clone(const http_fields *from, size_t *budget)
{
    http_fields *to = http_fields_create(budget);
    for (size_t i = 0; to && i < from->count; i++) {
        const http_field *f = &from->items[i];
        if (http_fields_add(to, f->text, f->name_len, f->text + f->name_len,
                            f->value_len)) {
            wasi_release(to);
            return NULL;
        }
    }
    return to;
}

const http_field *http_fields_find(const http_fields *fields, const char *name,
                                   size_t len, size_t *at)
{
    for (; *at < fields->count; ++*at) {
        const http_field *f = &fields->items[*at];
        if (f->name_len == len && !strncasecmp(f->text, name, len))
            return &fields->items[(*at)++];
    }
    return NULL;
}

bool http_fields_remove(http_fields *fields, const char *name, size_t len)
{
    size_t kept = 0;
    for (size_t i = 0; i < fields->count; i++) {
        http_field *f = &fields->items[i];
        if (f->name_len == len && !strncasecmp(f->text, name, len)) {
            count_bytes(fields, -(ssize_t)(f->name_len + f->value_len +
                                           (size_t)PER_FIELD));
            free(f->text);
        } else {
            fields->items[kept++] = *f;
        }
    }
    bool any = kept != fields->count;
    fields->count = kept;
    return any;
}

/* ---- heads: lines ------------------------------------------------------ */

void http_head_finish(http_head *head)
{
    free(head->target);
    free(head->authority);
    wasi_release(head->fields);
    *head = (http_head){0};
}

size_t http_head_end(const uint8_t *data, size_t len)
{
    const uint8_t *end = memmem(data, len, "\r\n\r\n", 4);
    return end ? (size_t)(end - data) + 4 : 0;
}

struct line {
    const char *data;
    size_t len;
};

/* Cuts a line off; false when none is left. */
static bool next_line(const uint8_t **at, const uint8_t *end, struct line *out)
{
    const uint8_t *stop = memmem(*at, (size_t)(end - *at), "\r\n", 2);
    if (!stop)
        return false;
    *out = (struct line){(const char *)*at, (size_t)(stop - *at)};
    *at = stop + 2;
    return true;
}

static void trim(const char **data, size_t *len)
{
    while (*len && (**data == ' ' || **data == '\t')) {
        ++*data;
        --*len;
    }
    while (*len && ((*data)[*len - 1] == ' ' || (*data)[*len - 1] == '\t'))
        --*len;
}

static http_error parse_field(struct line line, http_fields *fields)
{
    const char *colon = memchr(line.data, ':', line.len);
    if (!colon)
        return HTTP_PROTOCOL_ERROR;
    size_t name_len = (size_t)(colon - line.data);
    const char *value = colon + 1;
    size_t value_len = line.len - name_len - 1;
    trim(&value, &value_len);
    if (!http_is_token(line.data, name_len) || !http_is_value(value, value_len))
        return HTTP_PROTOCOL_ERROR;
    int error = http_fields_add(fields, line.data, name_len, value, value_len);
    return error == E2BIG ? HTTP_RESPONSE_HEADER_SECTION_SIZE
           : error        ? HTTP_INTERNAL_ERROR
                          : HTTP_OK;
}

static http_error parse_fields(const uint8_t *at, const uint8_t *end,
                               http_fields **out)
{
    struct line line;
    http_fields *fields = *out = http_fields_create(NULL);
    if (!fields)
        return HTTP_INTERNAL_ERROR;
    while (next_line(&at, end, &line) && line.len) {
        http_error error = parse_field(line, fields);
        if (error)
            return error;
    }
    return HTTP_OK;
}

http_error http_trailers_parse(const uint8_t *data, size_t len,
                               http_fields **out)
{
    http_error error = parse_fields(data, data + len, out);
    (*out)->immutable = true;
    return error;
}

/* ---- heads: what the fields mean --------------------------------------- */

static const http_field *first(const http_fields *fields, const char *name)
{
    size_t at = 0;
    return http_fields_find(fields, name, strlen(name), &at);
}

/* True when a comma-separated list field has the token. */
static bool has_token(const http_fields *fields, const char *name,
                      const char *token)
{
    size_t at = 0;
    const http_field *f;
    while ((f = http_fields_find(fields, name, strlen(name), &at))) {
        const char *p = f->text + f->name_len, *end = p + f->value_len;
        while (p < end) {
            const char *comma = memchr(p, ',', (size_t)(end - p));
            const char *stop = comma ? comma : end;
            const char *word = p;
            size_t len = (size_t)(stop - p);
            trim(&word, &len);
            if (name_is(word, len, token))
                return true;
            p = stop + 1;
        }
    }
    return false;
}

static bool parse_length(const http_field *f, uint64_t *out)
{
    const char *p = f->text + f->name_len;
    if (!f->value_len || f->value_len > 18)
        return false;
    *out = 0;
    for (uint32_t i = 0; i < f->value_len; i++) {
        if (!isdigit((unsigned char)p[i]))
            return false;
        *out = *out * 10 + (uint64_t)(p[i] - '0');
    }
    return true;
}

static bool is_only_coding(const http_fields *fields, const http_field *coding)
{
    size_t at = 0, len = sizeof "transfer-encoding" - 1;
    (void)http_fields_find(fields, "transfer-encoding", len, &at);
    return !http_fields_find(fields, "transfer-encoding", len, &at) &&
           name_is(coding->text + coding->name_len, coding->value_len,
                   "chunked");
}

/* RFC 9112, 6.3: both framings at once, or lengths that differ, are refused. */
static http_error find_framing(http_head *head, bool is_request)
{
    size_t at = 0;
    const http_field *f;
    const http_field *coding = first(head->fields, "transfer-encoding");
    bool coded = coding != NULL;
    /* nothing but chunks is understood, and those from HTTP/1.1 on (6.1) */
    bool chunked = coded && head->minor && is_only_coding(head->fields, coding);
    bool has_length = false;
    while ((f = http_fields_find(head->fields, "content-length", 14, &at))) {
        uint64_t length;
        if (!parse_length(f, &length) || (has_length && length != head->length))
            return HTTP_PROTOCOL_ERROR;
        head->length = length;
        has_length = true;
    }
    if (coded && (!chunked || has_length))
        return is_request ? HTTP_PROTOCOL_ERROR : HTTP_RESPONSE_TRANSFER_CODING;
    head->framing = chunked      ? HTTP_CHUNKED
                    : has_length ? HTTP_LENGTH
                    : is_request ? HTTP_NO_BODY
                                 : HTTP_UNTIL_CLOSE;
    if (head->framing == HTTP_LENGTH && !head->length)
        head->framing = HTTP_NO_BODY;
    return HTTP_OK;
}

/* "HTTP/1.0" or "HTTP/1.1" -> the minor version, or -1. */
static int parse_version(const char *text)
{
    if (memcmp(text, "HTTP/1.", 7) || (text[7] != '0' && text[7] != '1'))
        return -1;
    return text[7] - '0';
}

/* 3.2: one Host, and a valid one; an absolute target goes before it. */
static http_error find_authority(http_head *head)
{
    size_t at = 0;
    const http_field *host = http_fields_find(head->fields, "host", 4, &at);
    if (!host && head->minor)
        return HTTP_PROTOCOL_ERROR;
    if (!host)
        return HTTP_OK;
    const char *text = host->text + host->name_len;
    for (uint32_t i = 0; i < host->value_len; i++)
        if (text[i] <= ' ' || strchr("/?#@\\,\"<>", text[i]))
            return HTTP_PROTOCOL_ERROR;
    if (http_fields_find(head->fields, "host", 4, &at))
        return HTTP_PROTOCOL_ERROR;
    if (!head->authority)
        head->authority = strndup(text, host->value_len);
    return head->authority ? HTTP_OK : HTTP_INTERNAL_ERROR;
}

static http_error understand(http_head *head, int minor, bool is_request)
{
    head->minor = (uint8_t)minor;
    http_error error = find_framing(head, is_request);
    if (!error && is_request)
        error = find_authority(head);
    if (error)
        return error;
    head->keep_alive =
        minor == 1 && !has_token(head->fields, "connection", "close");
    head->expects_continue = is_request && minor == 1 &&
                             has_token(head->fields, "expect", "100-continue");
    for (size_t i = 0; i < head->fields->count;) {
        const http_field *f = &head->fields->items[i];
        char name[32];
        if (f->name_len >= sizeof name ||
            !http_is_forbidden(f->text, f->name_len)) {
            i++;
            continue;
        }
        size_t len = f->name_len;
        memcpy(name, f->text, len);
        http_fields_remove(head->fields, name, len);
        i = 0;
    }
    head->fields->immutable = true;
    return HTTP_OK;
}

bool http_fields_length(const http_fields *fields, uint64_t *out)
{
    size_t at = 0;
    const http_field *field =
        http_fields_find(fields, "content-length", 14, &at);
    if (!field || !field->value_len || field->value_len > 18)
        return false;
    const char *digits = field->text + field->name_len;
    uint64_t length = 0;
    for (uint32_t i = 0; i < field->value_len; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return false;
        length = length * 10 + (uint64_t)(digits[i] - '0');
    }
    *out = length;
    return true;
}

/* ---- heads: first lines ------------------------------------------------ */

static bool is_target(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f || text[i] == '#')
            return false;
    return len > 0;
}

/* Where the path begins in "http://authority/path"; NULL in other targets. */
static const char *after_scheme(const char *target, size_t len)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(schemes[i]);
        if (len > n && !strncasecmp(target, schemes[i], n))
            return target + n;
    }
    return NULL;
}

/* RFC 9112, 3.2: a path, or absolute (and then it names the authority), or "*"
 * of OPTIONS, or CONNECT's authority. */
static http_error split_target(http_head *head, const char *target, size_t len)
{
    const char *rest = after_scheme(target, len);
    bool other =
        (len == 1 && *target == '*' && !strcmp(head->method, "OPTIONS")) ||
        !strcmp(head->method, "CONNECT");
    if (rest) {
        size_t host = strcspn(rest, "/? \r");
        if (!host || memchr(rest, '@', host))
            return HTTP_REQUEST_URI_INVALID;
        head->authority = strndup(rest, host);
        len -= (size_t)(rest + host - target);
        target = rest + host;
    } else if (*target != '/' && !other) {
        return HTTP_REQUEST_URI_INVALID;
    }
    if (asprintf(&head->target, "%s%.*s", len && *target != '?' ? "" : "/",
                 (int)len, target) < 0)
        head->target = NULL;
    return head->target ? HTTP_OK : HTTP_INTERNAL_ERROR;
}

http_error http_head_parse_request(const uint8_t *data, size_t len,
                                   http_head *out)
{
    const uint8_t *at = data, *end = data + len;
    struct line line;
    *out = (http_head){0};
    if (!next_line(&at, end, &line))
        return HTTP_PROTOCOL_ERROR;
    const char *space = memchr(line.data, ' ', line.len);
    size_t method = space ? (size_t)(space - line.data) : 0;
    if (!http_is_token(line.data, method) || method >= sizeof out->method)
        return HTTP_REQUEST_METHOD_INVALID;
    memcpy(out->method, line.data, method);
    const char *target = space + 1;
    size_t rest = line.len - method - 1;
    const char *stop = memchr(target, ' ', rest);
    size_t target_len = stop ? (size_t)(stop - target) : 0;
    if (!is_target(target, target_len))
        return HTTP_REQUEST_URI_INVALID;
    int minor = rest - target_len - 1 == 8 ? parse_version(stop + 1) : -1;
    if (minor < 0)
        return HTTP_PROTOCOL_ERROR;
    http_error error = split_target(out, target, target_len);
    if (!error)
        error = parse_fields(at, end, &out->fields);
    return error ? error : understand(out, minor, true);
}

http_error http_head_parse_response(const uint8_t *data, size_t len,
                                    bool to_head, http_head *out)
{
    const uint8_t *at = data, *end = data + len;
    struct line line;
    *out = (http_head){0};
    if (!next_line(&at, end, &line) || line.len < 12)
        return HTTP_PROTOCOL_ERROR;
    int minor = parse_version(line.data);
    const char *code = line.data + 9;
    if (minor < 0 || line.data[8] != ' ' || !isdigit(code[0]) ||
        !isdigit(code[1]) || !isdigit(code[2]) || code[0] == '0' ||
        (line.len > 12 && line.data[12] != ' '))
        return HTTP_PROTOCOL_ERROR;
    out->status = (uint16_t)((code[0] - '0') * 100 + (code[1] - '0') * 10 +
                             (code[2] - '0'));
    http_error error = parse_fields(at, end, &out->fields);
    if (!error)
        error = understand(out, minor, false);
    if (to_head || out->status < 200 || out->status == 204 ||
        out->status == 304)
        out->framing = HTTP_NO_BODY;
    return error;
}
