/*
 * toml.c - text -> toml_doc.  The first step of the manifest reader; what the
 * keys mean is manifest.c's business.
 *
 * Values nest through an explicit stack of open containers (`open`), so depth
 * is bounded by TOML_MAX_DEPTH and never by the C stack.  Grammar: TOML 1.0
 * without floats, dates, dotted and quoted keys, [[...]], multi-line strings.
 */
#include "supervisor/toml.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct reader {
    toml_doc *doc;
    const char *at, *end;
    uint32_t line;
    uint16_t table; /* that of the last [header] */
} reader;

static bool __attribute__((format(printf, 2, 3))) fail(reader *r,
                                                       const char *fmt, ...)
{
    if (r->doc->error[0])
        return false;
    va_list args;
    va_start(args, fmt);
    vsnprintf(r->doc->error, sizeof r->doc->error, fmt, args);
    va_end(args);
    r->doc->error_line = r->line;
    return false;
}

/* ---- characters ---------------------------------------------------- */

static int peek(const reader *r)
{
    return r->at < r->end ? (unsigned char)*r->at : -1;
}

static bool is_key_char(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Puts a character into words, for error texts. */
static const char *shown(int c, char buf[16])
{
    if (c < 0)
        return "the end of the file";
    if (c == '\n')
        return "the end of the line";
    snprintf(buf, 16, c > 32 && c < 127 ? "'%c'" : "byte 0x%02x", c);
    return buf;
}

static bool unexpected(reader *r, const char *wanted)
{
    char buf[16];
    return fail(r, "%s, expected %s", shown(peek(r), buf), wanted);
}

static void skip_blanks(reader *r)
{
    while (peek(r) == ' ' || peek(r) == '\t')
        r->at++;
}

/* Blanks, a comment, and CR before LF; stops at LF or the end. */
static bool skip_to_line_end(reader *r)
{
    skip_blanks(r);
    if (peek(r) == '#') {
        for (; r->at < r->end && *r->at != '\n'; r->at++)
            if ((unsigned char)*r->at < 32 && *r->at != '\t' && *r->at != '\r')
                return fail(r, "a control character in a comment");
    }
    if (peek(r) == '\r' && r->at + 1 < r->end && r->at[1] == '\n')
        r->at++;
    return true;
}

static bool skip_lines(reader *r)
{
    for (;;) {
        if (!skip_to_line_end(r))
            return false;
        if (peek(r) != '\n')
            return true;
        r->at++;
        r->line++;
    }
}

/* ---- nodes and strings --------------------------------------------- */

static toml_node *add_node(reader *r, uint16_t parent, const char *key)
{
    toml_doc *doc = r->doc;
    if (doc->count == TOML_MAX_NODES) {
        fail(r, "more than %d values", TOML_MAX_NODES);
        return NULL;
    }
    uint16_t index = (uint16_t)doc->count++;
    toml_node *node = &doc->nodes[index], *up = &doc->nodes[parent];
    *node = (toml_node){.key = key, .line = r->line};
    if (up->last)
        doc->nodes[up->last].next = index;
    else
        up->first = index;
    up->last = index;
    return node;
}

static bool put(reader *r, char c)
{
    if (r->doc->used + 1 >= sizeof r->doc->strings)
        return fail(r, "more than %d bytes of strings", TOML_MAX_TEXT);
    r->doc->strings[r->doc->used++] = c;
    return true;
}

static bool read_key(reader *r, const char **key)
{
    uint32_t start = r->doc->used;
    while (is_key_char(peek(r)))
        if (!put(r, *r->at++))
            return false;
    if (r->doc->used == start)
        return unexpected(r, "a key (letters, digits, - and _)");
    *key = r->doc->strings + start;
    return put(r, 0);
}

static bool check_unused(reader *r, uint16_t table, const char *key)
{
    const toml_node *old = toml_get(r->doc, &r->doc->nodes[table], key);
    return !old || fail(r, "'%s' is already given in line %u", key, old->line);
}

static bool put_utf8(reader *r, uint32_t c)
{
    if (c < 0x80)
        return put(r, (char)c);
    if (c < 0x800)
        return put(r, (char)(0xc0 | c >> 6)) && put(r, (char)(0x80 | (c & 63)));
    return put(r, (char)(0xe0 | c >> 12)) &&
           put(r, (char)(0x80 | (c >> 6 & 63))) &&
           put(r, (char)(0x80 | (c & 63)));
}

static bool read_unicode_escape(reader *r)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        int c = peek(r), digit = -1;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            digit = (c | 32) - 'a' + 10;
        if (digit < 0)
            return unexpected(r, "four hexadecimal digits after \\u");
        value = value << 4 | (uint32_t)digit;
    }
    if (!value || (value >= 0xd800 && value < 0xe000))
        return fail(r, "\\u%04x is not a character", value);
    return put_utf8(r, value);
}

static bool read_escape(reader *r)
{
    static const char from[] = "\"\\nt", to[] = "\"\\\n\t";
    int c = peek(r);
    if (c == 'u') {
        r->at++;
        return read_unicode_escape(r);
    }
    const char *found = c > 0 ? strchr(from, c) : NULL;
    if (!found)
        return unexpected(r, "one of \\\" \\\\ \\n \\t \\uXXXX");
    r->at++;
    return put(r, to[found - from]);
}

static bool read_string(reader *r, const char **text)
{
    char quote = *r->at++;
    uint32_t start = r->doc->used;
    for (;;) {
        int c = peek(r);
        if (c < 32 && c != '\t')
            return unexpected(r, quote == '"' ? "the closing \""
                                              : "the closing '");
        r->at++;
        if (c == quote)
            break;
        if (!(c == '\\' && quote == '"' ? read_escape(r) : put(r, (char)c)))
            return false;
    }
    *text = r->doc->strings + start;
    return put(r, 0);
}

static bool read_integer(reader *r, int64_t *value)
{
    bool negative = peek(r) == '-', digits = false;
    if (negative || peek(r) == '+')
        r->at++;
    int64_t v = 0;
    for (; is_key_char(peek(r)) || peek(r) == '.'; r->at++) {
        char c = *r->at;
        if (c == '_' && digits)
            continue;
        if (c < '0' || c > '9')
            return unexpected(r, "a digit (only decimal integers are read)");
        digits = true;
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_sub_overflow(v, c - '0', &v))
            return fail(r, "the number does not fit 64 bits");
    }
    if (!digits)
        return unexpected(r, "a digit");
    if (!negative && __builtin_mul_overflow(v, -1, &v))
        return fail(r, "the number does not fit 64 bits");
    *value = v;
    return true;
}

static bool take_word(reader *r, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) ||
        (r->at + len < r->end && is_key_char((unsigned char)r->at[len])))
        return false;
    r->at += len;
    return true;
}

/* ---- values -------------------------------------------------------- */

/* Reads a scalar, or only the bracket that opens a container. */
static bool read_value_start(reader *r, toml_node *node)
{
    int c = peek(r);
    if (c == '"' || c == '\'') {
        node->type = TOML_STRING;
        return read_string(r, &node->text);
    }
    if (c == '[' || c == '{') {
        node->type = c == '[' ? TOML_ARRAY : TOML_TABLE;
        r->at++;
        return true;
    }
    if (c == '-' || c == '+' || (c >= '0' && c <= '9')) {
        node->type = TOML_INTEGER;
        return read_integer(r, &node->integer);
    }
    node->type = TOML_BOOLEAN;
    node->integer = c == 't';
    if (take_word(r, "true") || take_word(r, "false"))
        return true;
    return unexpected(r, "a value: \"string\", number, true, false, [array] "
                         "or {table}");
}

static bool read_pair_start(reader *r, uint16_t table, toml_node **node)
{
    const char *key;
    if (!read_key(r, &key) || !check_unused(r, table, key))
        return false;
    skip_blanks(r);
    if (peek(r) == '.')
        return fail(r, "dotted keys are not read; use { } or a [table]");
    if (peek(r) != '=')
        return unexpected(r, "'=' after the key");
    r->at++;
    skip_blanks(r);
    return (*node = add_node(r, table, key)) && read_value_start(r, *node);
}

static bool is_container(const toml_node *node)
{
    return node->type == TOML_ARRAY || node->type == TOML_TABLE;
}

/* Reads the rest of the container `top`, whose bracket has been read: runs
 * until the stack of open containers is empty again. */
static bool read_containers(reader *r, uint16_t top)
{
    uint16_t open[TOML_MAX_DEPTH];
    int depth = 0;
    open[0] = top;
    bool after_value = false;
    while (depth >= 0) {
        toml_node *in = &r->doc->nodes[open[depth]], *node;
        bool array = in->type == TOML_ARRAY;
        /* Inline tables stay on one line (TOML 1.0), arrays need not. */
        if (array ? !skip_lines(r) : (skip_blanks(r), false))
            return false;
        if (peek(r) == (array ? ']' : '}')) {
            if (!array && !after_value && in->first)
                return unexpected(r, "a key after ','");
            r->at++;
            depth--;
            after_value = true;
            continue;
        }
        if (after_value) {
            if (peek(r) != ',')
                return unexpected(r, array ? "',' or ']'" : "',' or '}'");
            r->at++;
            after_value = false;
            continue;
        }
        if (array) {
            node = add_node(r, open[depth], NULL);
            if (!node || !read_value_start(r, node))
                return false;
        } else if (!read_pair_start(r, open[depth], &node)) {
            return false;
        }
        after_value = !is_container(node);
        if (!after_value) {
            if (++depth == TOML_MAX_DEPTH)
                return fail(r, "more than %d nested values", TOML_MAX_DEPTH);
            open[depth] = (uint16_t)(node - r->doc->nodes);
        }
    }
    return true;
}

/* ---- lines --------------------------------------------------------- */

static bool read_header(reader *r)
{
    r->at++;
    if (peek(r) == '[')
        return fail(r, "[[arrays of tables]] are not read; use [ { }, { } ]");
    skip_blanks(r);
    const char *key;
    if (!read_key(r, &key) || !check_unused(r, 0, key))
        return false;
    skip_blanks(r);
    if (peek(r) != ']')
        return unexpected(r, "']' after the table's name");
    r->at++;
    toml_node *node = add_node(r, 0, key);
    if (!node)
        return false;
    node->type = TOML_TABLE;
    node->is_header = true;
    r->table = (uint16_t)(node - r->doc->nodes);
    return true;
}

static bool read_pair(reader *r)
{
    toml_node *node;
    if (!read_pair_start(r, r->table, &node))
        return false;
    return !is_container(node) ||
           read_containers(r, (uint16_t)(node - r->doc->nodes));
}

/* RFC 3629: the length of the sequence at `at`, or 0 when it is not UTF-8. */
static size_t utf8_length(const char *at, const char *end)
{
    const unsigned char *c = (const unsigned char *)at;
    size_t len = c[0] < 0x80   ? 1
                 : c[0] < 0xc2 ? 0
                 : c[0] < 0xe0 ? 2
                 : c[0] < 0xf0 ? 3
                 : c[0] < 0xf5 ? 4
                               : 0;
    if (!len || (size_t)(end - at) < len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) ||
        (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
        return 0;
    return len;
}

static bool check_utf8(reader *r)
{
    size_t len;
    for (const char *at = r->at; at < r->end; at += len) {
        if (!(len = utf8_length(at, r->end)))
            return fail(r, "byte 0x%02x is not UTF-8", (unsigned char)*at);
        r->line += *at == '\n';
    }
    r->line = 1;
    return true;
}

bool toml_parse(toml_doc *doc, const char *text, size_t len)
{
    reader r = {doc, text, text + len, 1, 0};
    memset(doc, 0, sizeof *doc);
    doc->count = 1; /* the root table */
    doc->nodes[0].line = 1;
    if (len > TOML_MAX_TEXT)
        return fail(&r, "longer than %d bytes", TOML_MAX_TEXT);
    if (!check_utf8(&r))
        return false;
    for (;;) {
        if (!skip_lines(&r))
            return false;
        if (r.at == r.end)
            return true;
        if (!(peek(&r) == '[' ? read_header(&r) : read_pair(&r)) ||
            !skip_to_line_end(&r))
            return false;
        if (r.at < r.end && *r.at != '\n')
            return unexpected(&r, "the end of the line");
    }
}

/* ---- the tree ------------------------------------------------------ */

const toml_node *toml_first(const toml_doc *doc, const toml_node *node)
{
    return node->first ? &doc->nodes[node->first] : NULL;
}

const toml_node *toml_next(const toml_doc *doc, const toml_node *node)
{
    return node->next ? &doc->nodes[node->next] : NULL;
}

const toml_node *toml_get(const toml_doc *doc, const toml_node *table,
                          const char *key)
{
    const toml_node *node = toml_first(doc, table);
    while (node && strcmp(node->key, key))
        node = toml_next(doc, node);
    return node;
}

const char *toml_type_name(uint8_t type)
{
    static const char *const names[] = {
        [TOML_TABLE] = "a table",     [TOML_ARRAY] = "an array",
        [TOML_STRING] = "a string",   [TOML_INTEGER] = "an integer",
        [TOML_BOOLEAN] = "a boolean",
    };
    return names[type];
}
