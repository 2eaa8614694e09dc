/* http_body.c - reading the peer's body, by its framing (RFC 9112, 6 and 7). */
#include "wasi/http.h"

#include <string.h>

enum {
    CHUNK_LINE_MAX = 256,
    KEPT = HTTP_BUFFER / 2, /* of a body, before its request is handled */
};

static ssize_t read_failed(http_conn *conn, http_error error)
{
    http_conn_fail(conn, error);
    return WASI_FAILED;
}

static ssize_t read_done(http_conn *conn)
{
    conn->state = HTTP_DONE;
    conn->deadline = WASI_NEVER;
    return WASI_CLOSED;
}

/* Nothing is buffered: wait, or the peer has ended. */
static ssize_t read_nothing(http_conn *conn)
{
    if (!conn->saw_eof)
        return 0;
    /* RFC 9112, 9.8: without TLS's goodbye that may not be all */
    bool was_cut = conn->tls && tls_was_cut(conn->tls);
    if (conn->head.framing == HTTP_UNTIL_CLOSE && !was_cut)
        return read_done(conn);
    return read_failed(conn, conn->server ? HTTP_CONNECTION_TERMINATED
                                          : HTTP_RESPONSE_INCOMPLETE);
}

static ssize_t take(http_conn *conn, void *buf, size_t len)
{
    size_t n = len < conn->in.len ? len : conn->in.len;
    if (!n)
        return read_nothing(conn);
    memcpy(buf, http_buffer_data(&conn->in), n);
    http_buffer_drop(&conn->in, n);
    return (ssize_t)n;
}

static ssize_t take_left(http_conn *conn, void *buf, size_t len)
{
    ssize_t n = take(conn, buf, len < conn->left ? len : conn->left);
    if (n > 0)
        conn->left -= (uint64_t)n;
    return n;
}

/*
 * The length of a line of chunk framing with its end; 0: it is not all here.
 * Malformed when it is too long or holds a CR or LF of its own: others may see
 * two lines there (RFC 9112, 11.2).
 */
static size_t find_line(const uint8_t *at, size_t len, bool *malformed)
{
    const uint8_t *end = len ? memchr(at, '\n', len) : NULL;
    size_t line = end ? (size_t)(end - at) + 1 : 0;
    *malformed = (line ? line : len) > CHUNK_LINE_MAX || line == 1 ||
                 (line && memchr(at, '\r', line) != end - 1);
    return line;
}

/* The same at the front of what has come; or negative. */
static ssize_t chunk_line(http_conn *conn, const uint8_t **line)
{
    bool malformed;
    *line = http_buffer_data(&conn->in);
    size_t len = find_line(*line, conn->in.len, &malformed);
    if (malformed)
        return read_failed(conn, HTTP_PROTOCOL_ERROR);
    if (!len)
        return conn->saw_eof ? read_nothing(conn) : 0;
    return (ssize_t)len;
}

static bool parse_chunk_size(const uint8_t *line, size_t len, uint64_t *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t i = 0;
    for (*out = 0; i < len && i < 15; i++) {
        const char *digit = strchr(digits, line[i] | 32);
        if (!digit || !*digit || line[i] < '0')
            break;
        *out = *out * 16 + (uint64_t)(digit - digits);
    }
    return i && (i == len || line[i] == ';' || line[i] == ' ');
}

/* 1: go on; else what http_conn_read answers. */
static ssize_t chunk_start(http_conn *conn)
{
    const uint8_t *line;
    ssize_t n = chunk_line(conn, &line);
    if (n <= 0)
        return n;
    if (!parse_chunk_size(line, (size_t)n - 2, &conn->left))
        return read_failed(conn, HTTP_PROTOCOL_ERROR);
    if (conn->left > conn->body_room)
        return read_failed(conn, HTTP_REQUEST_BODY_SIZE);
    conn->body_room -= conn->left;
    http_buffer_drop(&conn->in, (size_t)n);
    conn->chunk = conn->left ? HTTP_CHUNK_DATA : HTTP_CHUNK_TRAILERS;
    return 1;
}

static ssize_t chunk_end(http_conn *conn)
{
    if (conn->in.len < 2)
        return conn->saw_eof ? read_nothing(conn) : 0;
    if (memcmp(http_buffer_data(&conn->in), "\r\n", 2))
        return read_failed(conn, HTTP_PROTOCOL_ERROR);
    http_buffer_drop(&conn->in, 2);
    conn->chunk = HTTP_CHUNK_SIZE;
    return 1;
}

static ssize_t chunk_trailers(http_conn *conn)
{
    const uint8_t *data = http_buffer_data(&conn->in);
    size_t len = conn->in.len;
    if (len >= 2 && !memcmp(data, "\r\n", 2)) {
        http_buffer_drop(&conn->in, 2);
        return read_done(conn);
    }
    size_t end = len ? http_head_end(data, len) : 0;
    if (!end && len >= HTTP_HEAD_MAX)
        return read_failed(conn, HTTP_RESPONSE_TRAILER_SECTION_SIZE);
    if (!end)
        return conn->saw_eof ? read_nothing(conn) : 0;
    http_error error = http_trailers_parse(data, end, &conn->trailers);
    if (error)
        return read_failed(conn, error);
    http_buffer_drop(&conn->in, end);
    return read_done(conn);
}

static ssize_t read_chunked(http_conn *conn, void *buf, size_t len)
{
    ssize_t n = 1;
    for (;;) {
        switch (conn->chunk) {
        case HTTP_CHUNK_SIZE: n = chunk_start(conn); break;
        case HTTP_CHUNK_END: n = chunk_end(conn); break;
        case HTTP_CHUNK_TRAILERS: return chunk_trailers(conn);
        case HTTP_CHUNK_DATA:
            n = take_left(conn, buf, len);
            if (n > 0 && !conn->left)
                conn->chunk = HTTP_CHUNK_END;
            return n;
        }
        if (n != 1)
            return n;
    }
}

ssize_t http_conn_read(http_conn *conn, void *buf, size_t len)
{
    http_conn_pump(conn);
    if (conn->state == HTTP_FAILED)
        return WASI_FAILED;
    if (conn->state != HTTP_BODY)
        return conn->state == HTTP_DONE ? WASI_CLOSED : 0;
    switch (conn->head.framing) {
    case HTTP_CHUNKED: return read_chunked(conn, buf, len);
    case HTTP_UNTIL_CLOSE: return take(conn, buf, len);
    case HTTP_LENGTH:
        return conn->left ? take_left(conn, buf, len) : read_done(conn);
    default: return read_done(conn);
    }
}

/* ---- whether all is here ------------------------------------------------ */

/* One chunk at `at`, with its line end: its bytes, of the last one only its
 * line's; SIZE_MAX if it is not all here.  *size is what it holds. */
static size_t whole_chunk(const uint8_t *at, size_t len, uint64_t *size,
                          bool *malformed)
{
    *size = UINT64_MAX;
    size_t line = find_line(at, len, malformed);
    if (*malformed || !line)
        return SIZE_MAX;
    if (!parse_chunk_size(at, line - 2, size)) {
        *malformed = true;
        return SIZE_MAX;
    }
    if (!*size)
        return line;
    if (*size > len || len - *size < line + 2)
        return SIZE_MAX;
    *malformed = memcmp(at + line + *size, "\r\n", 2) != 0;
    return line + (size_t)*size + 2;
}

/* Goes through the chunks that are here.  True when the body's end is among
 * them, or when it is malformed or too large, which fails the connection. */
static bool chunks_are_here(http_conn *conn)
{
    const uint8_t *at = http_buffer_data(&conn->in);
    size_t left = conn->in.len;
    uint64_t size = UINT64_MAX, room = conn->body_room;
    bool malformed = false;
    while (size) {
        size_t n = whole_chunk(at, left, &size, &malformed);
        bool is_known = size != UINT64_MAX;
        if (malformed || (is_known && size > room)) {
            http_conn_fail(conn, malformed ? HTTP_PROTOCOL_ERROR
                                           : HTTP_REQUEST_BODY_SIZE);
            return true;
        }
        if (n == SIZE_MAX)
            return false;
        room -= size;
        at += n;
        left -= n;
    }
    return (left >= 2 && !memcmp(at, "\r\n", 2)) || http_head_end(at, left);
}

bool http_conn_body_is_here(http_conn *conn)
{
    const http_buffer *in = &conn->in;
    if (conn->state != HTTP_BODY || in->len >= KEPT)
        return conn->state >= HTTP_BODY;
    bool is_here = conn->head.framing == HTTP_CHUNKED ? chunks_are_here(conn)
                                                      : in->len >= conn->left;
    if (!is_here && conn->saw_eof) /* nor will it ever be */
        http_conn_fail(conn, HTTP_CONNECTION_TERMINATED);
    return is_here || conn->saw_eof;
}
