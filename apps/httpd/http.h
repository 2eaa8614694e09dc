/*
 * http.h - requests in, response heads out: the part of httpd that knows
 * HTTP/1.1 (RFC 9112) and no socket.
 */
#ifndef HTTPD_HTTP_H
#define HTTPD_HTTP_H

#include "sdk/std.h"

typedef enum http_parse {
    HTTP_MORE, /* the head is not complete yet */
    HTTP_REQUEST,
    HTTP_BAD, /* not a request */
} http_parse;

typedef struct http_request {
    bool is_get, is_head;
    bool keep_alive;
    bool has_body; /* refused: nothing here takes one */
    str path;      /* starts with '/', without the query; inside the input */
    size_t size;   /* bytes of the head, the empty line included */
} http_request;

http_parse http_parse_head(str input, http_request *out);

/* Content type by the file name's extension. */
str http_type_of(str path);

/* Appends "HTTP/1.1 200 OK" and the headers, with the empty line. */
void http_put_head(text *out, int status, str type, uint64_t length,
                   bool keep_alive);
str http_reason(int status);

#endif
