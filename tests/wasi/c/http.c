/*
 * http.c - a request handler on bare imports: what each path does is in
 * `routes`.  The canonical ABI's flattening is written out by hand.
 */
#define HEAP_BYTES (1 << 20)
#include "bare.h"

#define TYPES "wasi:http/types@0.2.12"
#define STREAMS "wasi:io/streams@0.2.12"

IMPORT(TYPES, "[constructor]fields") int fields_new(void);
IMPORT(TYPES, "[method]fields.append")
void fields_append(int self, const char *name, int name_len, const char *value,
                   int value_len, u8 *ret);
IMPORT(TYPES, "[method]incoming-request.path-with-query")
void request_path(int self, int *ret);
IMPORT(TYPES, "[method]incoming-request.consume")
void request_consume(int self, int *ret);
IMPORT(TYPES, "[method]incoming-body.stream") void body_stream(int, int *ret);
IMPORT(TYPES, "[constructor]outgoing-response") int response_new(int fields);
IMPORT(TYPES, "[method]outgoing-response.set-status-code")
int response_set_status(int self, int status);
IMPORT(TYPES, "[method]outgoing-response.body")
void response_body(int self, int *ret);
IMPORT(TYPES, "[static]response-outparam.set")
void outparam_set(int param, int is_err, int response, int, long long, int, int,
                  int, int);
IMPORT(TYPES, "[method]outgoing-body.write") void body_write(int, int *ret);
IMPORT(TYPES, "[static]outgoing-body.finish")
void body_finish(int self, int has_trailers, int trailers, u8 *ret);
IMPORT(STREAMS, "[method]input-stream.blocking-read")
void blocking_read(int self, unsigned long long len, int *ret);
IMPORT(STREAMS, "[method]output-stream.blocking-write-and-flush")
void write_and_flush(int self, const void *data, int len, int *ret);
IMPORT(STREAMS, "[resource-drop]output-stream") void drop_output(int self);

static int same(const char *a, const char *b, int len)
{
    for (int i = 0; i < len; i++)
        if (a[i] != b[i])
            return 0;
    return b[len] == 0;
}

/* Sends the head; the handle of the body's stream. */
static int begin(int out, int status, int *body)
{
    int ret[4];
    u8 appended[4];
    int fields = fields_new();
    fields_append(fields, "x-made-by", 9, "vyoma", 5, appended);
    int response = response_new(fields);
    response_set_status(response, status);
    response_body(response, ret);
    *body = ret[1];
    outparam_set(out, 0, response, 0, 0, 0, 0, 0, 0);
    body_write(*body, ret);
    return ret[1];
}

static void end(int stream, int body)
{
    u8 ret[64] __attribute__((aligned(8)));
    drop_output(stream);
    body_finish(body, 0, 0, ret);
}

static void hello(int request, int out)
{
    static const char text[] = "Hello from a component!\n";
    int body, ret[4], stream = begin(out, 200, &body);
    write_and_flush(stream, text, sizeof text - 1, ret);
    end(stream, body);
}

static void echo(int request, int out)
{
    int body, ret[4], stream = begin(out, 201, &body);
    request_consume(request, ret);
    body_stream(ret[1], ret);
    int input = ret[1];
    for (;;) {
        used = 0;
        blocking_read(input, 4096, ret);
        if (ret[0])
            break;
        int in[2] = {ret[1], ret[2]};
        write_and_flush(stream, (void *)in[0], in[1], ret);
    }
    end(stream, body);
}

static void missing(int request, int out)
{
    int body;
    end(begin(out, 404, &body), body);
}

static void trap(int request, int out)
{
    __builtin_trap();
}

static void spin(int request, int out)
{
    for (volatile int i = 0;; i++)
        ;
}

static void silent(int request, int out)
{
}

/* Says that a body comes, and then does not finish it. */
static void cut(int request, int out)
{
    int body, ret[4], stream = begin(out, 200, &body);
    write_and_flush(stream, "half", 4, ret);
}

static const struct {
    const char *path;
    void (*handle)(int request, int out);
} routes[] = {
    {"/", hello},    {"/echo", echo},     {"/trap", trap},
    {"/spin", spin}, {"/silent", silent}, {"/cut", cut},
};

__attribute__((export_name("wasi:http/incoming-handler@0.2.12#handle"))) void
handle(int request, int out)
{
    int ret[3];
    request_path(request, ret);
    const char *path = (const char *)ret[1];
    for (unsigned i = 0; i < sizeof routes / sizeof *routes; i++)
        if (ret[0] && ret[2] == length(routes[i].path) &&
            same(path, routes[i].path, ret[2])) {
            routes[i].handle(request, out);
            return;
        }
    missing(request, out);
}
