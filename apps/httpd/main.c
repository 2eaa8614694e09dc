/*
 * httpd - an HTTP/1.1 server on WASI sockets.
 *
 * Serves the files of the granted directory /www and, at /status, figures of
 * its own as JSON.  One loop polls the listener, every connection and the
 * nearest deadline; no client can make it wait: input is read and output is
 * written only as far as the streams are ready, and a connection that does
 * not move for IDLE_LIMIT is closed.
 */
#include "httpd/http.h"
#include "sdk/wasi.h"

#define PORT 8080
#define CONNECTIONS 48
#define HEAD_LIMIT 2048
#define IDLE_LIMIT (15 * SECOND)
#define CHUNK 16384

typedef struct connection {
    handle socket, input, output;
    handle readable, writable;
    uint64_t deadline;
    size_t in_len;
    size_t out_len, out_done;
    handle file; /* the rest of the body comes from here; -1: none */
    uint64_t file_at, file_size;
    bool writing, keep_alive, open;
    char out[512]; /* the head, and small bodies */
    char in[HEAD_LIMIT];
} connection;

static connection connections[CONNECTIONS];
static uint64_t started, requests;
static int active;

static const char welcome[] = "<!doctype html><h1>It works</h1>";

static void close_connection(connection *c)
{
    pollable_drop(c->readable);
    pollable_drop(c->writable);
    input_drop(c->input);
    output_drop(c->output);
    tcp_drop(c->socket);
    if (c->file >= 0)
        fs_drop(c->file);
    c->open = false;
    active--;
}

static void touch(connection *c)
{
    c->deadline = monotonic_now() + IDLE_LIMIT;
}

/* ---- answers ---- */

/* Puts the head of a response into the output. */
static text begin(connection *c, int status, str type, uint64_t length)
{
    text out = TEXT(c->out);
    http_put_head(&out, status, type, length, c->keep_alive);
    c->out_len = out.len;
    c->out_done = 0;
    c->writing = true;
    return out;
}

static void answer(connection *c, int status, str type, str body, bool head)
{
    text out = begin(c, status, type, body.len);
    if (!head)
        put(&out, body);
    c->out_len = out.len;
}

static void answer_error(connection *c, int status, bool head)
{
    if (status != 404)
        c->keep_alive = false;
    answer(c, status, STR("text/plain"), http_reason(status), head);
}

static void answer_status(connection *c, bool head)
{
    char buffer[128];
    text body = TEXT(buffer);
    put(&body, STR("{\"ms\":"));
    put_number(&body, (int64_t)((monotonic_now() - started) / MILLISECOND));
    put(&body, STR(",\"requests\":"));
    put_number(&body, (int64_t)requests);
    put(&body, STR(",\"open\":"));
    put_number(&body, active);
    put(&body, STR("}\n"));
    answer(c, 200, STR("application/json"), text_str(&body), head);
}

/* Opens a file below the one granted folder. */
static bool open_file(connection *c, str path)
{
    static handle root = -1;
    handle_result file;
    stat_result stat;
    if (root < 0 && (root = fs_root()) < 0)
        return false;
    fs_open_at(root, FOLLOW_SYMLINKS, path.data, path.len, 0, MODE_READ, &file);
    if (file.is_err)
        return false;
    fs_stat(file.value, &stat);
    if (stat.is_err || stat.type != TYPE_REGULAR) {
        fs_drop(file.value);
        return false;
    }
    c->file = file.value;
    c->file_size = stat.size;
    return true;
}

static void answer_file(connection *c, str path, bool head)
{
    str name = {path.data + 1, path.len - 1};
    if (!name.len)
        name = STR("index.html");
    if (!open_file(c, name)) {
        if (path.len == 1)
            answer(c, 200, STR("text/html; charset=utf-8"), STR(welcome), head);
        else
            answer_error(c, 404, head);
        return;
    }
    begin(c, 200, http_type_of(name), c->file_size);
    c->file_at = head ? c->file_size : 0;
}

/* Answers the request at the head of the input, if one is complete. */
static void next_request(connection *c)
{
    http_request r;
    http_parse got = http_parse_head((str){c->in, c->in_len}, &r);
    if (got == HTTP_MORE) {
        if (c->in_len == HEAD_LIMIT)
            answer_error(c, 431, false);
        return;
    }
    c->keep_alive = r.keep_alive;
    if (got == HTTP_BAD)
        answer_error(c, 400, false);
    else if (r.has_body)
        answer_error(c, 413, false);
    else if (!r.is_get && !r.is_head)
        answer_error(c, 405, false);
    else if (str_equal(r.path, STR("/status")))
        answer_status(c, r.is_head);
    else
        answer_file(c, r.path, r.is_head);
    requests++;
    if (got == HTTP_REQUEST) { /* r.path is not used any more */
        c->in_len -= r.size;
        memmove(c->in, c->in + r.size, c->in_len);
    }
}

/* ---- moving bytes ---- */

static void drop_error(uint8_t closed, handle error)
{
    if (!closed)
        io_error_drop(error);
}

/* Each returns false when the connection is over. */
static bool read_some(connection *c)
{
    stream_read got;
    input_read(c->input, HEAD_LIMIT - c->in_len, &got);
    if (got.is_err) {
        drop_error(got.closed, got.error);
        return false;
    }
    if (!got.data.len)
        return true;
    memcpy(c->in + c->in_len, got.data.data, got.data.len);
    c->in_len += got.data.len;
    touch(c);
    next_request(c);
    return true;
}

/* The next bytes to send, at most `room`; empty when all is sent. */
static bool next_output(connection *c, uint64_t room, str *out)
{
    if (c->out_done < c->out_len) {
        *out = (str){c->out + c->out_done, MIN(room, c->out_len - c->out_done)};
        return true;
    }
    *out = (str){0};
    if (c->file < 0 || c->file_at >= c->file_size)
        return true;
    read_result got;
    fs_read(c->file, MIN(MIN(room, CHUNK), c->file_size - c->file_at),
            c->file_at, &got);
    if (got.is_err || !got.data.len)
        return false; /* the file shrank: the promised length is void */
    *out = got.data;
    return true;
}

static void sent(connection *c, size_t n)
{
    if (c->out_done < c->out_len)
        c->out_done += n;
    else
        c->file_at += n;
}

static bool finish_response(connection *c)
{
    stream_status flushed;
    output_flush(c->output, &flushed);
    if (flushed.is_err)
        drop_error(flushed.closed, flushed.error);
    if (c->file >= 0)
        fs_drop(c->file);
    c->file = -1;
    c->writing = false;
    if (flushed.is_err || !c->keep_alive)
        return false;
    next_request(c); /* it may have been sent along with the first */
    return true;
}

static bool write_some(connection *c)
{
    stream_room room;
    output_check_write(c->output, &room);
    if (room.is_err) {
        drop_error(room.closed, room.error);
        return false;
    }
    if (!room.room)
        return true;
    str data;
    if (!next_output(c, room.room, &data))
        return false;
    if (!data.len)
        return finish_response(c);
    stream_status status;
    output_write(c->output, data.data, data.len, &status);
    if (status.is_err) {
        drop_error(status.closed, status.error);
        return false;
    }
    sent(c, data.len);
    touch(c);
    return true;
}

/* ---- the loop ---- */

static void accept_all(handle listener)
{
    for (;;) {
        connection *c = connections;
        while (c < connections + CONNECTIONS && c->open)
            c++;
        if (c == connections + CONNECTIONS)
            return; /* the kernel's backlog holds the rest */
        accept_result got;
        tcp_accept(listener, &got);
        if (got.is_err)
            return;
        *c = (connection){.socket = got.socket,
                          .input = got.input,
                          .output = got.output,
                          .file = -1,
                          .open = true};
        c->readable = input_subscribe(c->input);
        c->writable = output_subscribe(c->output);
        touch(c);
        active++;
    }
}

static void serve(handle listener)
{
    static handle polled[CONNECTIONS + 2];
    static connection *owner[CONNECTIONS + 2];
    handle acceptable = tcp_subscribe(listener);
    for (;;) {
        void *mark = arena_mark();
        size_t n = 0;
        uint64_t now = monotonic_now(), nearest = now + 60 * SECOND;
        for (connection *c = connections; c < connections + CONNECTIONS; c++) {
            if (!c->open)
                continue;
            if (c->deadline <= now) {
                close_connection(c);
                continue;
            }
            nearest = MIN(nearest, c->deadline);
            owner[n] = c;
            polled[n++] = c->writing ? c->writable : c->readable;
        }
        size_t clients = n;
        handle timer = subscribe_instant(nearest);
        polled[n++] = timer;
        if (active < CONNECTIONS)
            polled[n++] = acceptable;
        ready_list ready;
        wasi_poll(polled, n, &ready);
        pollable_drop(timer);
        for (size_t i = 0; i < ready.len; i++) {
            uint32_t at = ready.items[i];
            if (at > clients)
                accept_all(listener);
            if (at >= clients)
                continue;
            connection *c = owner[at];
            if (!(c->writing ? write_some(c) : read_some(c)))
                close_connection(c);
        }
        arena_release(mark);
    }
}

static bool listen_on(handle socket, int port)
{
    status_result done;
    handle network = instance_network();
    tcp_start_bind(socket, network, 0, port, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                   &done);
    if (!done.is_err)
        tcp_finish_bind(socket, &done);
    if (!done.is_err)
        tcp_start_listen(socket, &done);
    if (!done.is_err)
        tcp_finish_listen(socket, &done);
    return !done.is_err;
}

APP_RUN int app_run(void)
{
    started = monotonic_now();
    handle_result socket;
    create_tcp_socket(0, &socket);
    if (socket.is_err || !listen_on(socket.value, PORT)) {
        print(STR("port 8080 refused\n"));
        return 1;
    }
    serve(socket.value);
    return 0;
}
