/*
 * service.c - a request handler of WASI 0.3 on bare imports: what each path
 * does is in `routes`.  It is lifted with a stack of its own, so reads and
 * writes simply wait.  The canonical ABI's flattening is written out by hand.
 */
#define HEAP_BYTES (2 << 20)
#include "bare.h"

#define TYPES "wasi:http/types@0.3.0"

typedef long long s64;

IMPORT(TYPES, "[constructor]fields") int fields_new(void);
IMPORT(TYPES, "[method]fields.append")
void fields_append(int self, const char *name, int name_len, const char *value,
                   int value_len, u8 *ret);
IMPORT(TYPES, "[method]request.get-path-with-query")
void request_path(int self, int *ret);
IMPORT(TYPES, "[method]request.set-path-with-query")
int request_set_path(int self, int some, const char *text, int len);
IMPORT(TYPES, "[method]request.set-authority")
int request_set_authority(int self, int some, const char *text, int len);
IMPORT(TYPES, "[static]request.consume-body")
void consume(int request, int outcome, int *ret);
IMPORT(TYPES, "[future-new-0][static]request.consume-body")
s64 outcome_new(void);
IMPORT(TYPES, "[stream-read-1][static]request.consume-body")
int body_read(int stream, void *to, int len);

IMPORT(TYPES, "[static]response.new")
void response_new(int fields, int some, int stream, int trailers, int *ret);
IMPORT(TYPES, "[method]response.set-status-code")
int response_set_status(int self, int status);
IMPORT(TYPES, "[stream-new-0][static]response.new") s64 stream_new(void);
IMPORT(TYPES, "[stream-write-0][static]response.new")
int stream_write(int stream, const void *data, int len);
IMPORT(TYPES, "[stream-drop-writable-0][static]response.new")
void stream_drop(int stream);
IMPORT(TYPES, "[future-new-1][static]response.new") s64 trailers_new(void);
IMPORT(TYPES, "[future-write-1][static]response.new")
int trailers_write(int future, const void *value);
IMPORT(TYPES, "[future-read-2][static]response.new")
int sent_read(int future, void *to);

IMPORT("wasi:http/client@0.3.0", "send") void send(int request, int *ret);
IMPORT("[export]wasi:http/handler@0.3.0", "[task-return]handle")
void answer(int is_err, int response, int, s64, int, int, int, int);

static void append(int fields, const char *name, const char *value)
{
    u8 ret[8];
    fields_append(fields, name, length(name), value, length(value), ret);
    if (ret[0])
        __builtin_trap();
}

/* ---- answers ------------------------------------------------------------- */

static int reader(s64 ends)
{
    return (int)ends;
}

static int writer(s64 ends)
{
    return (int)(ends >> 32);
}

/* The ends that this side of an answer keeps. */
typedef struct body {
    int stream, trailers, sent;
} body;

/* Answers with `fields` and a body that is still to be written. */
static body begin(int fields)
{
    s64 stream = stream_new(), trailers = trailers_new();
    int ret[2];
    response_new(fields, 1, reader(stream), reader(trailers), ret);
    answer(0, ret[0], 0, 0, 0, 0, 0, 0);
    return (body){writer(stream), writer(trailers), ret[1]};
}

static void put(const body *body, const void *data, int len)
{
    int done = 0;
    while (done < len) {
        unsigned n =
            (unsigned)stream_write(body->stream, (u8 *)data + done, len - done);
        if ((n & 15) == 1) /* dropped */
            return;
        done += (int)(n >> 4);
    }
}

/* result<option<trailers>, error-code>: ok(some(fields)), ok(none) or err */
static void end(const body *body, int is_err, int fields)
{
    _Alignas(8) u8 value[64] = {0};
    value[0] = (u8)is_err;
    value[8] = is_err ? 38 /* internal-error */ : fields != 0;
    *(int *)(value + 12) = is_err ? 0 : fields;
    stream_drop(body->stream);
    trailers_write(body->trailers, value);
}

/* ---- what the paths do ----------------------------------------------------
 */

static void hello(int request)
{
    static const char text[] = "Hello from a service!\n";
    int fields = fields_new(), trailers = fields_new();
    append(fields, "x-made-by", "vyoma");
    body body = begin(fields);
    put(&body, text, sizeof text - 1);
    append(trailers, "x-trailer", "it was all");
    end(&body, 0, trailers);
}

/* The request's body is the response's, as it is. */
static void echo(int request)
{
    int parts[2], ret[2];
    consume(request, reader(outcome_new()), parts);
    response_new(fields_new(), 1, parts[0], parts[1], ret);
    response_set_status(ret[0], 201);
    answer(0, ret[0], 0, 0, 0, 0, 0, 0);
}

/* ... through this component's memory. */
static void copy(int request)
{
    static u8 part[10000];
    int parts[2];
    consume(request, reader(outcome_new()), parts);
    body body = begin(fields_new());
    for (;;) {
        unsigned n = (unsigned)body_read(parts[0], part, sizeof part);
        put(&body, part, (int)(n >> 4));
        if ((n & 15) == 1)
            break;
    }
    end(&body, 0, 0);
}

static void big(int request)
{
    static u8 zeros[1 << 20];
    body body = begin(fields_new());
    put(&body, zeros, sizeof zeros);
    end(&body, 0, 0);
}

static void fails(int request)
{
    answer(1, 15 /* HTTP-request-denied */, 0, 0, 0, 0, 0, 0);
}

static void traps(int request)
{
    __builtin_trap();
}

static void spins(int request)
{
    for (volatile int i = 0;; i++)
        ;
}

static void silent(int request)
{
}

static void cut(int request)
{
    body body = begin(fields_new());
    put(&body, "half", 4);
    __builtin_trap();
}

/* The writer stays, and so does the response. */
static void unfinished(int request)
{
    body body = begin(fields_new());
    put(&body, "half", 4);
}

static void aborts(int request)
{
    body body = begin(fields_new());
    put(&body, "half", 4);
    end(&body, 1, 0);
}

static void lies(int request)
{
    int fields = fields_new();
    append(fields, "content-length", "4");
    body body = begin(fields);
    put(&body, "half and more", 13);
    end(&body, 0, 0);
}

/* "/proxy/HOST:PORT/PATH": the request goes there as it is, and the answer
 * comes back as it is. */
static void proxy(int request)
{
    int path[3], ret[16], at = 7, slash;
    request_path(request, path);
    const char *text = (const char *)path[1];
    for (slash = at; slash < path[2] && text[slash] != '/';)
        slash++;
    if (request_set_authority(request, 1, text + at, slash - at) ||
        request_set_path(request, 1, text + slash, path[2] - slash))
        __builtin_trap();
    send(request, ret);
    if (*(u8 *)ret)
        answer(1, *(u8 *)(ret + 2), 0, 0, 0, 0, 0, 0);
    else
        answer(0, ret[2], 0, 0, 0, 0, 0, 0);
}

static const struct {
    const char *path;
    void (*run)(int request);
} routes[] = {
    {"/echo", echo},     {"/copy", copy},  {"/big", big},
    {"/error", fails},   {"/trap", traps}, {"/spin", spins},
    {"/silent", silent}, {"/cut", cut},    {"/unfinished", unfinished},
    {"/abort", aborts},  {"/lie", lies},   {"/proxy/", proxy},
};

static int starts(const char *text, int len, const char *prefix)
{
    int n = length(prefix);
    for (int i = 0; i < n; i++)
        if (i == len || text[i] != prefix[i])
            return 0;
    return 1;
}

__attribute__((
    export_name("[async-lift-stackful]wasi:http/handler@0.3.0#handle"))) void
handle(int request)
{
    int path[3];
    request_path(request, path);
    for (unsigned i = 0; i < sizeof routes / sizeof *routes; i++)
        if (starts((const char *)path[1], path[2], routes[i].path)) {
            routes[i].run(request);
            return;
        }
    hello(request);
}
