/* http_write.c - our side's message: buffers, heads, bodies by their framing.
 */
#include "wasi/http.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { CHUNK_OVERHEAD = 32 }; /* size line and line ends */

/* ---- buffers ----------------------------------------------------------- */

bool http_buffer_reserve(http_buffer *buffer, size_t more)
{
    if (buffer->at && buffer->at + buffer->len + more > buffer->room) {
        memmove(buffer->data, buffer->data + buffer->at, buffer->len);
        buffer->at = 0;
    }
    size_t need = buffer->at + buffer->len + more;
    if (need <= buffer->room)
        return true;
    size_t room = buffer->room ? buffer->room : 4096;
    while (room < need)
        room *= 2;
    uint8_t *data = realloc(buffer->data, room);
    if (!data)
        return false;
    buffer->data = data;
    buffer->room = room;
    return true;
}

void http_buffer_drop(http_buffer *buffer, size_t count)
{
    buffer->at += count;
    buffer->len -= count;
    if (!buffer->len)
        buffer->at = 0;
}

const uint8_t *http_buffer_data(const http_buffer *buffer)
{
    static const uint8_t empty[1];
    return buffer->data ? buffer->data + buffer->at : empty;
}

/* ---- our message ------------------------------------------------------- */

static void put(http_conn *conn, const void *data, size_t len)
{
    if (conn->state == HTTP_FAILED)
        return;
    if (!http_buffer_reserve(&conn->out, len)) {
        http_conn_fail(conn, HTTP_INTERNAL_ERROR);
        return;
    }
    memcpy(conn->out.data + conn->out.at + conn->out.len, data, len);
    conn->out.len += len;
}

void http_conn_print(http_conn *conn, const char *format, ...)
{
    va_list args;
    char *text;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    if (n < 0) {
        http_conn_fail(conn, HTTP_INTERNAL_ERROR);
        return;
    }
    put(conn, text, (size_t)n);
    free(text);
}

void http_conn_put_fields(http_conn *conn, const http_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        const http_field *f = &fields->items[i];
        if (f->name_len == 14 && !strncasecmp(f->text, "content-length", 14))
            continue;
        put(conn, f->text, f->name_len);
        put(conn, ": ", 2);
        put(conn, f->text + f->name_len, f->value_len);
        put(conn, "\r\n", 2);
    }
}

void http_conn_end_head(http_conn *conn, http_framing framing, uint64_t length)
{
    /* Chunks are HTTP/1.1's; an older peer, whose connection is never kept,
     * reads to its end. */
    if (framing == HTTP_CHUNKED && conn->server && !conn->head.minor)
        framing = HTTP_UNTIL_CLOSE;
    if (framing == HTTP_CHUNKED)
        http_conn_print(conn, "transfer-encoding: chunked\r\n");
    else if (framing != HTTP_UNTIL_CLOSE && length != HTTP_UNSAID)
        http_conn_print(conn, "content-length: %llu\r\n",
                        (unsigned long long)length);
    put(conn, "\r\n", 2);
    conn->out_framing = framing;
    conn->out_left = framing == HTTP_LENGTH ? length : 0;
    conn->out_ended = framing == HTTP_NO_BODY;
}

size_t http_conn_room(const http_conn *conn)
{
    size_t used = conn->out.len + CHUNK_OVERHEAD;
    return used < HTTP_BUFFER ? HTTP_BUFFER - used : 0;
}

ssize_t http_conn_write(http_conn *conn, const void *buf, size_t len)
{
    size_t room = http_conn_room(conn);
    if (conn->state == HTTP_FAILED || conn->out_ended)
        return WASI_FAILED;
    if (conn->out_framing == HTTP_NOT_SENT)
        return (ssize_t)len;
    if (len > room)
        len = room;
    if (!len)
        return 0;
    if (conn->out_framing == HTTP_LENGTH && len > conn->out_left) {
        conn->error =
            conn->server ? HTTP_RESPONSE_BODY_SIZE : HTTP_REQUEST_BODY_SIZE;
        return WASI_FAILED;
    }
    if (conn->out_framing == HTTP_CHUNKED)
        http_conn_print(conn, "%zx\r\n", len);
    put(conn, buf, len);
    if (conn->out_framing == HTTP_CHUNKED)
        put(conn, "\r\n", 2);
    else
        conn->out_left -= conn->out_framing == HTTP_LENGTH ? len : 0;
    return conn->state == HTTP_FAILED ? WASI_FAILED : (ssize_t)len;
}

bool http_conn_finish(http_conn *conn, const http_fields *trailers)
{
    if (conn->out_ended)
        return true;
    conn->out_ended = true;
    if (conn->out_framing == HTTP_LENGTH && conn->out_left) {
        http_conn_fail(conn, conn->server ? HTTP_RESPONSE_BODY_SIZE
                                          : HTTP_REQUEST_BODY_SIZE);
        return false;
    }
    if (conn->out_framing == HTTP_CHUNKED) {
        put(conn, "0\r\n", 3);
        if (trailers)
            http_conn_put_fields(conn, trailers);
        put(conn, "\r\n", 2);
    }
    http_conn_pump(conn);
    return true;
}

bool http_request_has_body(const char *method)
{
    return !strcmp(method, "POST") || !strcmp(method, "PUT") ||
           !strcmp(method, "PATCH");
}

bool http_response_has_body(const http_conn *conn, unsigned status)
{
    return strcmp(conn->head.method, "HEAD") && status >= 200 &&
           status != 204 && status != 304;
}

/* ---- a server's head ---------------------------------------------------- */

/* RFC 9110, 5.6.7, and 6.6.1: who has a clock sends a Date. */
static const char *date_now(void)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static char text[48];
    static time_t made;
    time_t now = time(NULL);
    struct tm tm;
    if (now == made || !gmtime_r(&now, &tm))
        return text;
    made = now;
    snprintf(text, sizeof text, "%.3s, %02d %.3s %d %02d:%02d:%02d GMT",
             days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
             1900 + tm.tm_year, tm.tm_hour, tm.tm_min, tm.tm_sec);
    return text;
}

void http_conn_begin_response(http_conn *conn, unsigned status,
                              const http_fields *fields)
{
    size_t at = 0;
    http_conn_print(conn, "HTTP/1.1 %u \r\n", status);
    if (!fields || !http_fields_find(fields, "date", 4, &at))
        http_conn_print(conn, "date: %s\r\n", date_now());
    if (!conn->head.keep_alive)
        http_conn_print(conn, "connection: close\r\n");
}

void http_conn_answer(http_conn *conn, unsigned status, const char *text)
{
    http_state state = conn->state;
    conn->state = HTTP_DONE; /* what failed is the request, not the way back */
    conn->head.keep_alive = false;
    http_conn_begin_response(conn, status, NULL);
    http_conn_print(conn,
                    "content-type: text/plain\r\ncontent-length: %zu\r\n\r\n",
                    strlen(text));
    if (strcmp(conn->head.method, "HEAD"))
        http_conn_print(conn, "%s", text);
    if (conn->state != HTTP_FAILED)
        conn->state = state;
    conn->out_ended = true;
}
