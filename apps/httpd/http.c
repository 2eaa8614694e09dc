/* http.c - see http.h. */
#include "httpd/http.h"

static bool next_line(str *rest, str *line)
{
    for (size_t i = 0; i < rest->len; i++) {
        if (rest->data[i] != '\n')
            continue;
        *line = (str){rest->data, i};
        if (i && line->data[i - 1] == '\r')
            line->len--;
        *rest = (str){rest->data + i + 1, rest->len - i - 1};
        return true;
    }
    return false;
}

static bool request_line(str line, http_request *r)
{
    str method = str_word(&line), target = str_word(&line);
    if (!target.len || target.data[0] != '/' || line.len != 8 ||
        !str_starts(line, STR("HTTP/1.")))
        return false;
    r->is_get = str_equal(method, STR("GET"));
    r->is_head = str_equal(method, STR("HEAD"));
    r->keep_alive = line.data[7] != '0';
    r->path = target;
    for (size_t i = 0; i < target.len; i++)
        if (target.data[i] == '?')
            r->path.len = MIN(r->path.len, i);
    return true;
}

/* Letters of any case match the pattern's lower case ones. */
static bool begins(str line, const char *pattern)
{
    for (size_t i = 0; pattern[i]; i++)
        if (i == line.len || (line.data[i] | 0x20) != pattern[i])
            return false;
    return true;
}

static void header(str line, http_request *r)
{
    if (begins(line, "connection: close"))
        r->keep_alive = false;
    if (begins(line, "transfer-encoding:") ||
        (begins(line, "content-length:") && line.data[line.len - 1] != '0'))
        r->has_body = true;
}

http_parse http_parse_head(str input, http_request *r)
{
    *r = (http_request){0};
    str rest = input, line;
    if (!next_line(&rest, &line))
        return HTTP_MORE;
    if (!request_line(line, r))
        return HTTP_BAD;
    while (next_line(&rest, &line)) {
        if (!line.len) {
            r->size = (size_t)(rest.data - input.data);
            return HTTP_REQUEST;
        }
        header(line, r);
    }
    return HTTP_MORE;
}

str http_type_of(str path)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".txt", "text/plain; charset=utf-8"},
        {".css", "text/css"},
        {".png", "image/png"},
    };
    for (size_t i = 0; i < COUNT(types); i++) {
        str ending = str_of(types[i].ending);
        if (path.len > ending.len &&
            str_equal((str){path.data + path.len - ending.len, ending.len},
                      ending))
            return str_of(types[i].type);
    }
    return STR("application/octet-stream");
}

str http_reason(int status)
{
    return status == 200   ? STR("OK")
           : status == 404 ? STR("Not Found")
                           : STR("Bad");
}

void http_put_head(text *out, int status, str type, uint64_t length,
                   bool keep_alive)
{
    put(out, STR("HTTP/1.1 "));
    put_number(out, status);
    put_char(out, ' ');
    put(out, http_reason(status));
    put(out, STR("\r\nContent-Type: "));
    put(out, type);
    put(out, STR("\r\nContent-Length: "));
    put_number(out, (int64_t)length);
    put(out,
        keep_alive ? STR("\r\n\r\n") : STR("\r\nConnection: close\r\n\r\n"));
}
