/* json.c - see json.h.  A recursive-descent reader with bounded depth. */
#include "supervisor/json.h"

#include "vm/leb.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 1000 };

typedef struct parser {
    vm_arena *arena;
    const char *pos, *end;
    int depth;
} parser;

static void skip_space(parser *p)
{
    while (p->pos < p->end && strchr(" \t\r\n", *p->pos) && *p->pos)
        p->pos++;
}

static bool take(parser *p, char c)
{
    skip_space(p);
    if (p->pos == p->end || *p->pos != c)
        return false;
    p->pos++;
    return true;
}

/* ---- strings ------------------------------------------------------------ */

static int hex4(parser *p)
{
    if (p->end - p->pos < 4)
        return -1;
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char c = *p->pos++;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* After "\u": joins surrogate pairs.  NULL when malformed. */
static char *unescape_unicode(parser *p, char *out)
{
    int c = hex4(p);
    if (c >= 0xd800 && c < 0xdc00 && p->end - p->pos >= 6 &&
        p->pos[0] == '\\' && p->pos[1] == 'u') {
        p->pos += 2;
        int low = hex4(p);
        if (low < 0xdc00 || low > 0xdfff)
            return NULL;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    return c < 0 ? NULL : put_utf8(out, (uint32_t)c);
}

static char *unescape(parser *p, char *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (p->pos == p->end)
        return NULL;
    char c = *p->pos++;
    if (c == 'u')
        return unescape_unicode(p, out);
    const char *at = c ? strchr(from, c) : NULL;
    if (!at)
        return NULL;
    *out++ = to[at - from];
    return out;
}

/* After the opening quote.  Escapes never grow, so the text's length does. */
static char *read_string(parser *p, size_t *len)
{
    const char *close = p->pos;
    while (close < p->end && *close != '"')
        close += *close == '\\' ? 2 : 1;
    if (close >= p->end)
        return NULL;
    char *text = vm_arena_alloc(p->arena, (size_t)(close - p->pos) + 1, 1);
    char *out = text;
    while (out && p->pos < close) {
        char c = *p->pos++;
        if (c == '\\')
            out = unescape(p, out);
        else
            *out++ = c;
    }
    p->pos = close + 1;
    if (!out)
        return NULL;
    *len = (size_t)(out - text);
    return text;
}

/* ---- values ------------------------------------------------------------- */

static bool read_value(parser *p, json *out);

/* Elements up to `close`, separated by commas, with keys in objects. */
static bool read_members(parser *p, json *out, char close)
{
    if (take(p, close))
        return true;
    struct json **link = &out->first;
    do {
        json *item = vm_arena_alloc(p->arena, 1, sizeof *item);
        size_t ignored;
        if (!item)
            return false;
        if (close == '}' &&
            !(take(p, '"') && (item->key = read_string(p, &ignored)) &&
              take(p, ':')))
            return false;
        if (!read_value(p, item))
            return false;
        *link = item;
        link = &item->next;
    } while (take(p, ','));
    return take(p, close);
}

static bool read_number(parser *p, json *out)
{
    const char *start = p->pos;
    while (p->pos < p->end && strchr("+-.eE0123456789", *p->pos) && *p->pos)
        p->pos++;
    out->kind = JSON_NUMBER;
    out->len = (size_t)(p->pos - start);
    char *text = vm_arena_alloc(p->arena, out->len + 1, 1);
    if (!text || !out->len)
        return false;
    memcpy(text, start, out->len);
    out->str = text;
    return true;
}

static bool read_word(parser *p, json *out)
{
    static const struct {
        const char *word;
        json_kind kind;
    } words[] = {
        {"null", JSON_NULL}, {"false", JSON_FALSE}, {"true", JSON_TRUE}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i].word);
        if ((size_t)(p->end - p->pos) >= n &&
            !memcmp(p->pos, words[i].word, n)) {
            p->pos += n;
            out->kind = words[i].kind;
            return true;
        }
    }
    return read_number(p, out);
}

static bool read_value(parser *p, json *out)
{
    bool good;
    if (++p->depth > MAX_DEPTH)
        return false;
    if (take(p, '"')) {
        out->kind = JSON_STRING;
        out->str = read_string(p, &out->len);
        good = out->str;
    } else if (take(p, '[')) {
        out->kind = JSON_ARRAY;
        good = read_members(p, out, ']');
    } else if (take(p, '{')) {
        out->kind = JSON_OBJECT;
        good = read_members(p, out, '}');
    } else {
        good = read_word(p, out);
    }
    p->depth--;
    return good;
}

const json *json_parse(vm_arena *arena, const char *text, size_t len,
                       size_t *where)
{
    parser p = {.arena = arena, .pos = text, .end = text + len};
    json *root = vm_arena_alloc(arena, 1, sizeof *root);
    bool good = root && read_value(&p, root);
    skip_space(&p);
    *where = (size_t)(p.pos - text);
    return good && p.pos == p.end ? root : NULL;
}

/* ---- access ------------------------------------------------------------- */

const json *json_get(const json *object, const char *key)
{
    if (!object || object->kind != JSON_OBJECT)
        return NULL;
    for (const json *m = object->first; m; m = m->next)
        if (!strcmp(m->key, key))
            return m;
    return NULL;
}

const char *json_get_str(const json *object, const char *key)
{
    const json *m = json_get(object, key);
    return m && m->kind == JSON_STRING ? m->str : NULL;
}

long json_get_int(const json *object, const char *key)
{
    const json *m = json_get(object, key);
    return m && m->kind == JSON_NUMBER ? strtol(m->str, NULL, 10) : 0;
}

size_t json_count(const json *array)
{
    size_t n = 0;
    for (const json *m = array ? array->first : NULL; m; m = m->next)
        n++;
    return n;
}

/* ---- writing ----------------------------------------------------------------
 */

void json_write_string(const char *text, size_t len, FILE *out)
{
    bool valid = vm_utf8_valid((const uint8_t *)text, len);
    fputc('"', out);
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte == '"' || byte == '\\')
            fprintf(out, "\\%c", byte);
        else if (byte < ' ')
            fprintf(out, "\\u%04x", byte);
        else
            fputc(byte >= 0x80 && !valid ? '?' : byte, out);
    }
    fputc('"', out);
}
