/*
 * service - a handler that behaves, or misbehaves, as the path says; `routes`
 * has them all.  "/big?n=100" has a number for its argument.
 */
#include "sdk/wasi.h"

#define TYPES "wasi:http/types@0.2.12"
#define HANDLE                                                                 \
    __attribute__((export_name("wasi:http/incoming-handler@0.2.12#handle")))

typedef struct maybe_handle {
    uint8_t is_err;
    uint8_t pad[3];
    handle value;
} maybe_handle;

typedef struct maybe_text {
    uint8_t is_some;
    uint8_t pad[3];
    str text;
} maybe_text;

typedef struct field {
    str name, value;
} field;

typedef struct field_list {
    const field *items;
    size_t len;
} field_list;

IMPORT(TYPES, "[constructor]fields") handle fields_new(void);
IMPORT(TYPES, "[method]fields.append")
void fields_append(handle self, const char *name, size_t name_len,
                   const char *value, size_t value_len, uint8_t *out);
IMPORT(TYPES, "[method]fields.entries")
void fields_entries(handle self, field_list *out);
IMPORT(TYPES, "[method]incoming-request.path-with-query")
void request_path(handle self, maybe_text *out);
IMPORT(TYPES, "[method]incoming-request.authority")
void request_authority(handle self, maybe_text *out);
IMPORT(TYPES, "[method]incoming-request.headers")
handle request_headers(handle self);
IMPORT(TYPES, "[method]incoming-request.consume")
void request_consume(handle self, maybe_handle *out);
IMPORT(TYPES, "[method]incoming-body.stream")
void incoming_stream(handle self, maybe_handle *out);
IMPORT(TYPES, "[constructor]outgoing-response") handle response_new(handle);
IMPORT(TYPES, "[method]outgoing-response.set-status-code")
int response_set_status(handle self, int status);
IMPORT(TYPES, "[method]outgoing-response.body")
void response_body(handle self, maybe_handle *out);
IMPORT(TYPES, "[static]response-outparam.set")
void outparam_set(handle param, int is_err, int response, int, int64_t, int,
                  int, int, int);
IMPORT(TYPES, "[method]outgoing-body.write")
void outgoing_write(handle self, maybe_handle *out);
IMPORT(TYPES, "[static]outgoing-body.finish")
void outgoing_finish(handle self, int has_trailers, handle trailers, void *out);
IMPORT(CLOCKS_MONOTONIC, "subscribe-duration")
handle timer_after(uint64_t nanoseconds);

static uint64_t number; /* the path's argument */

static void add_field(handle fields, str name, str value)
{
    uint8_t done[4];
    fields_append(fields, name.data, name.len, value.data, value.len, done);
}

/* A response's body stream; *body is to be finished. */
static handle begin_with(handle out, int status, handle fields, handle *body)
{
    maybe_handle got;
    handle response = response_new(fields);
    response_set_status(response, status);
    response_body(response, &got);
    *body = got.value;
    outparam_set(out, 0, response, 0, 0, 0, 0, 0, 0);
    outgoing_write(*body, &got);
    return got.value;
}

static handle begin(handle out, int status, handle *body)
{
    return begin_with(out, status, fields_new(), body);
}

static void end(handle stream, handle body)
{
    uint64_t result[8];
    output_drop(stream);
    outgoing_finish(body, 0, 0, result);
}

static void answer(handle out, int status, str text)
{
    handle body, stream = begin(out, status, &body);
    output_write_all(stream, text);
    end(stream, body);
}

/* ---- what behaves ---- */

static void hello(handle request, handle out)
{
    answer(out, 200, STR("hello"));
}

/* The request's body, whole, is what answers. */
static void echo(handle request, handle out)
{
    maybe_handle got;
    stream_read part;
    handle body, stream = begin(out, 200, &body);
    request_consume(request, &got);
    incoming_stream(got.value, &got);
    for (;;) {
        void *mark = arena_mark();
        input_blocking_read(got.value, 65536, &part);
        if (part.is_err || !output_write_all(stream, part.data))
            break;
        arena_release(mark);
    }
    if (part.is_err && part.closed)
        end(stream, body);
}

/* The authority and the fields, a line each. */
static void fields(handle request, handle out)
{
    maybe_text authority;
    field_list list;
    handle body, stream = begin(out, 200, &body);
    request_authority(request, &authority);
    output_write_all(stream, authority.is_some ? authority.text : STR("-"));
    fields_entries(request_headers(request), &list);
    for (size_t i = 0; i < list.len; i++) {
        output_write_all(stream, STR("\n"));
        output_write_all(stream, list.items[i].name);
        output_write_all(stream, STR(": "));
        output_write_all(stream, list.items[i].value);
    }
    end(stream, body);
}

static void big(handle request, handle out)
{
    static char part[4096];
    handle body, stream = begin(out, 200, &body);
    memset(part, 'x', sizeof part);
    while (number) {
        size_t n = (size_t)MIN(number, sizeof part);
        if (!output_write_all(stream, (str){part, n}))
            return;
        number -= n;
    }
    end(stream, body);
}

static void wait(handle request, handle out)
{
    pollable_block(timer_after(number * MILLISECOND));
    answer(out, 200, STR("waited"));
}

/* Says something, waits, and says the rest. */
static void drip(handle request, handle out)
{
    handle body, stream = begin(out, 200, &body);
    output_write_all(stream, STR("begun"));
    pollable_block(timer_after(number * MILLISECOND));
    output_write_all(stream, STR("ended"));
    end(stream, body);
}

static void nothing(handle request, handle out)
{
    answer(out, 204, STR(""));
}

/* ---- what does not ---- */

static void trap(handle request, handle out)
{
    __builtin_trap();
}

static void spin(handle request, handle out)
{
    for (volatile int i = 0;; i++)
        ;
}

static void silent(handle request, handle out)
{
}

static void glutton(handle request, handle out)
{
    for (;;)
        arena_alloc(1 << 20);
}

static void error(handle request, handle out)
{
    outparam_set(out, 1, 38 /* internal-error */, 0, 0, 0, 0, 0, 0);
}

static void twice(handle request, handle out)
{
    hello(request, out);
    hello(request, out);
}

static void late_trap(handle request, handle out)
{
    hello(request, out);
    __builtin_trap();
}

static void cut(handle request, handle out)
{
    handle body, stream = begin(out, 200, &body);
    output_write_all(stream, STR("half"));
    __builtin_trap();
}

/* Says five bytes and gives `number`. */
static void length(handle request, handle out)
{
    handle body, fields = fields_new();
    add_field(fields, STR("content-length"), STR("5"));
    handle stream = begin_with(out, 200, fields, &body);
    for (; number; number--)
        if (!output_write_all(stream, STR("x")))
            break;
    end(stream, body);
}

static const struct {
    const char *path;
    void (*handle)(handle request, handle out);
} routes[] = {
    {"/", hello},          {"/echo", echo},           {"/fields", fields},
    {"/big", big},         {"/wait", wait},           {"/drip", drip},
    {"/nothing", nothing}, {"/trap", trap},           {"/spin", spin},
    {"/silent", silent},   {"/glutton", glutton},     {"/error", error},
    {"/twice", twice},     {"/late-trap", late_trap}, {"/cut", cut},
    {"/length", length},
};

HANDLE void handle_request(handle request, handle out)
{
    maybe_text path;
    request_path(request, &path);
    int query = str_find(path.text, STR("?n="));
    if (query >= 0) {
        size_t from = (size_t)query + 3;
        str_number((str){path.text.data + from, path.text.len - from}, &number);
        path.text.len = (size_t)query;
    }
    for (size_t i = 0; i < COUNT(routes); i++)
        if (str_equal(path.text, str_of(routes[i].path))) {
            routes[i].handle(request, out);
            return;
        }
    answer(out, 404, STR("no such path"));
}
