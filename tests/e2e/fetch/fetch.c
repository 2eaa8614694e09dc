/*
 * fetch - makes HTTP requests and says what came of them, for tests.
 *
 * usage: fetch [send=BYTES] [wait=MS] [read=BYTES] URL...
 *
 *   send   POSTs so many bytes, of pattern() below, to the URLs that follow
 *   wait   each time limit of the requests that follow
 *   read   gives a body up after so many bytes
 *
 * A line for each URL, and a last one:
 *
 *   fetch: status=200 bytes=5 sum=4f9f2cab      (FNV-1a, 32 bits, in hex)
 *   fetch: error=14 alert=48 text=unknown CA    (error-code's case by number)
 *   fetch: body-error=25 after=100              (in the middle of a body)
 *   fetch: end
 */
#include "sdk/wasi.h"

#define TYPES "wasi:http/types@0.2.12"

/* result<own<...>>, and others whose failure says nothing */
typedef struct maybe_handle {
    uint8_t is_err;
    uint8_t pad[3];
    handle value;
} maybe_handle;

/* error-code; of the payloads only TLS-alert-received's is read */
typedef struct error_code {
    uint8_t which;
    uint8_t pad[7];
    union {
        struct {
            uint8_t has_alert, alert;
            uint8_t pad2[2];
            uint8_t has_text;
            uint8_t pad3[3];
            str text;
        };
        uint64_t size[3];
    };
} error_code;

/* option<error-code>, result<_, error-code>, result<own<...>, error-code> */
typedef struct outcome {
    uint8_t is_err; /* is_some */
    uint8_t pad[7];
    union {
        handle value;
        error_code error;
    };
} outcome;

/* option<result<result<own<incoming-response>, error-code>>> */
typedef struct future_result {
    uint8_t is_some;
    uint8_t pad[7];
    uint8_t is_taken;
    uint8_t pad2[7];
    outcome outcome;
} future_result;

IMPORT(TYPES, "[constructor]fields") handle fields_new(void);
IMPORT(TYPES, "[constructor]outgoing-request") handle request_new(handle);
IMPORT(TYPES, "[method]outgoing-request.set-method")
int request_set_method(handle self, int which, const char *other, size_t len);
IMPORT(TYPES, "[method]outgoing-request.set-scheme")
int request_set_scheme(handle self, int some, int which, const char *other,
                       size_t len);
IMPORT(TYPES, "[method]outgoing-request.set-authority")
int request_set_authority(handle self, int some, const char *text, size_t len);
IMPORT(TYPES, "[method]outgoing-request.set-path-with-query")
int request_set_path(handle self, int some, const char *text, size_t len);
IMPORT(TYPES, "[method]outgoing-request.body")
void request_body(handle self, maybe_handle *out);
IMPORT(TYPES, "[method]outgoing-body.write")
void body_write(handle self, maybe_handle *out);
IMPORT(TYPES, "[static]outgoing-body.finish")
void body_finish(handle self, int has_trailers, handle trailers, outcome *out);
IMPORT(TYPES, "[constructor]request-options") handle options_new(void);
IMPORT(TYPES, "[method]request-options.set-connect-timeout")
int options_set_connect(handle self, int some, uint64_t ns);
IMPORT(TYPES, "[method]request-options.set-first-byte-timeout")
int options_set_first_byte(handle self, int some, uint64_t ns);
IMPORT(TYPES, "[method]request-options.set-between-bytes-timeout")
int options_set_between(handle self, int some, uint64_t ns);
IMPORT("wasi:http/outgoing-handler@0.2.12", "handle")
void send_request(handle request, int some, handle options, outcome *out);
IMPORT(TYPES, "[method]future-incoming-response.subscribe")
handle future_subscribe(handle self);
IMPORT(TYPES, "[method]future-incoming-response.get")
void future_get(handle self, future_result *out);
IMPORT(TYPES, "[resource-drop]future-incoming-response")
void future_drop(handle self);
IMPORT(TYPES, "[method]incoming-response.status") int response_status(handle);
IMPORT(TYPES, "[method]incoming-response.consume")
void response_consume(handle self, maybe_handle *out);
IMPORT(TYPES, "[resource-drop]incoming-response") void response_drop(handle);
IMPORT(TYPES, "[method]incoming-body.stream")
void body_stream(handle self, maybe_handle *out);
IMPORT(TYPES, "[resource-drop]incoming-body") void body_drop(handle self);
IMPORT(TYPES, "http-error-code") void http_error_code(handle, outcome *out);

static char line[256];
static uint64_t to_send, limit, most = UINT64_MAX;

static text begin_line(void)
{
    text t = TEXT(line);
    put_text(&t, "fetch: ");
    return t;
}

static void end_line(text *t)
{
    put_char(t, '\n');
    print(text_str(t));
}

static void put_hex(text *t, uint32_t n)
{
    for (int shift = 28; shift >= 0; shift -= 4)
        put_char(t, "0123456789abcdef"[n >> shift & 15]);
}

static void show_error(const error_code *error)
{
    text t = begin_line();
    put_text(&t, "error=");
    put_number(&t, error->which);
    if (error->which == 14 && error->has_alert) {
        put_text(&t, " alert=");
        put_number(&t, error->alert);
    }
    if (error->which == 14 && error->has_text) {
        put_text(&t, " text=");
        put(&t, error->text);
    }
    end_line(&t);
}

/* ---- a request ---- */

static uint8_t pattern(uint64_t i)
{
    return (uint8_t)(i * 7 + (i >> 8));
}

/* "https://host:port/path" */
static bool set_target(handle request, str url)
{
    bool secure = str_starts(url, STR("https://"));
    size_t start = secure ? 8 : 7, slash = start;
    if (url.len < start)
        return false;
    while (slash < url.len && url.data[slash] != '/')
        slash++;
    return !request_set_scheme(request, 1, secure, NULL, 0) &&
           !request_set_authority(request, 1, url.data + start,
                                  slash - start) &&
           !request_set_path(request, 1, url.data + slash, url.len - slash);
}

static handle make_options(void)
{
    handle options = options_new();
    uint64_t ns = limit * MILLISECOND;
    options_set_connect(options, 1, ns);
    options_set_first_byte(options, 1, ns);
    options_set_between(options, 1, ns);
    return options;
}

static void write_body(handle body)
{
    static char part[4096];
    maybe_handle stream;
    outcome done;
    body_write(body, &stream);
    for (uint64_t at = 0; at < to_send;) {
        size_t n = (size_t)MIN(to_send - at, sizeof part);
        for (size_t i = 0; i < n; i++)
            part[i] = (char)pattern(at + i);
        if (!output_write_all(stream.value, (str){part, n}))
            break; /* what is wrong shows with the response */
        at += n;
    }
    output_drop(stream.value);
    body_finish(body, 0, 0, &done);
}

/* The response, or false after a line about the error. */
static bool get_response(handle future, handle *out)
{
    future_result result;
    for (future_get(future, &result); !result.is_some;
         future_get(future, &result)) {
        handle pollable = future_subscribe(future);
        pollable_block(pollable);
        pollable_drop(pollable);
    }
    if (result.outcome.is_err)
        show_error(&result.outcome.error);
    *out = result.outcome.value;
    return !result.outcome.is_err;
}

/* True at a complete end; else after a line about the error. */
static bool read_body(handle stream, uint64_t *bytes, uint32_t *sum)
{
    stream_read part;
    for (*bytes = 0, *sum = 2166136261u; *bytes < most;) {
        void *mark = arena_mark();
        input_blocking_read(stream, 65536, &part);
        if (part.is_err)
            break;
        for (size_t i = 0; i < part.data.len; i++)
            *sum = (*sum ^ (uint8_t)part.data.data[i]) * 16777619u;
        *bytes += part.data.len;
        arena_release(mark);
    }
    if (!part.is_err || part.closed)
        return true;
    outcome code;
    http_error_code(part.error, &code);
    io_error_drop(part.error);
    text t = begin_line();
    put_text(&t, "body-error=");
    put_number(&t, code.is_err ? code.error.which : -1);
    put_text(&t, " after=");
    put_number(&t, (int64_t)*bytes);
    end_line(&t);
    return false;
}

static void show_response(handle response)
{
    maybe_handle body, stream;
    uint64_t bytes;
    uint32_t sum;
    response_consume(response, &body);
    body_stream(body.value, &stream);
    if (read_body(stream.value, &bytes, &sum)) {
        text t = begin_line();
        put_text(&t, "status=");
        put_number(&t, response_status(response));
        put_text(&t, " bytes=");
        put_number(&t, (int64_t)bytes);
        put_text(&t, " sum=");
        put_hex(&t, sum);
        end_line(&t);
    }
    input_drop(stream.value);
    body_drop(body.value);
    response_drop(response);
}

static void fetch(str url)
{
    maybe_handle body;
    outcome sent;
    handle request = request_new(fields_new()), response;
    if (!set_target(request, url)) {
        print(STR("fetch: not a URL\n"));
        return;
    }
    if (to_send) {
        request_set_method(request, 2, NULL, 0);
        request_body(request, &body);
    }
    send_request(request, limit != 0, limit ? make_options() : 0, &sent);
    if (sent.is_err) {
        show_error(&sent.error);
        return;
    }
    if (to_send)
        write_body(body.value);
    if (get_response(sent.value, &response))
        show_response(response);
    future_drop(sent.value);
}

/* "name=number" */
static bool option(str word, str name, uint64_t *out)
{
    return str_starts(word, name) &&
           str_number((str){word.data + name.len, word.len - name.len}, out);
}

APP_RUN int app_run(void)
{
    str_list words;
    get_arguments(&words);
    for (size_t i = 1; i < words.len; i++) {
        str word = words.items[i];
        if (!option(word, STR("send="), &to_send) &&
            !option(word, STR("wait="), &limit) &&
            !option(word, STR("read="), &most))
            fetch(word);
    }
    print(STR("fetch: end\n"));
    return 0;
}
