/* wave.c - reading and writing WAVE, directed by the type: see wave.h. */
#include "supervisor/wave.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_MAX = 64 };

/* ---- lexing ------------------------------------------------------------ */

static bool fail(wave_text *text, const char *expected, const cm_type *type)
{
    char name[96] = "";
    if (type)
        cm_type_print(type, name, sizeof name);
    vm_error_set(text->err, VM_PHASE_LINK, SIZE_MAX,
                 "argument text, column %zu: expected %s%s%s",
                 (size_t)(text->at - text->start) + 1, expected,
                 type ? " of type " : "", name);
    return false;
}

static void skip_space(wave_text *text)
{
    while (text->at < text->end && strchr(" \t\r\n", *text->at))
        text->at++;
}

static bool next_is(wave_text *text, char c)
{
    skip_space(text);
    return text->at < text->end && *text->at == c;
}

static bool accept(wave_text *text, char c)
{
    if (!next_is(text, c))
        return false;
    text->at++;
    return true;
}

static bool expect(wave_text *text, char c)
{
    char what[] = {'\'', c, '\'', 0};
    return accept(text, c) || fail(text, what, NULL);
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' ||
           c == '_' || c == '%';
}

/* A label, keyword or number; not consumed. */
static vm_name peek_word(wave_text *text)
{
    skip_space(text);
    const char *p = text->at;
    while (p < text->end && is_word(*p))
        p++;
    const char *start = text->at;
    if (start < p && *start == '%')
        start++;
    return (vm_name){start, (size_t)(p - start)};
}

static void take_word(wave_text *text, vm_name word)
{
    text->at = word.data + word.len;
}

static bool word_is(vm_name word, const char *is)
{
    return word.len == strlen(is) && !memcmp(word.data, is, word.len);
}

static cm_value *values(wave_text *text, size_t count)
{
    cm_value *items =
        cm_arena_alloc(text->arena, count ? count : 1, sizeof *items);
    if (!items)
        vm_error_set(text->err, VM_PHASE_LINK, SIZE_MAX, "out of memory");
    return items;
}

/* ---- scalars ----------------------------------------------------------- */

static bool copy_word(wave_text *text, char buf[TOKEN_MAX])
{
    vm_name word = peek_word(text);
    if (!word.len || word.len >= TOKEN_MAX)
        return false;
    memcpy(buf, word.data, word.len);
    buf[word.len] = 0;
    return true;
}

static bool parse_bool(wave_text *text, const cm_type *type, cm_value *out)
{
    vm_name word = peek_word(text);
    out->u = word_is(word, "true");
    if (!out->u && !word_is(word, "false"))
        return fail(text, "true or false", NULL);
    take_word(text, word);
    return true;
}

static bool parse_signed(wave_text *text, const cm_type *type, cm_value *out)
{
    int bits = type->kind == CM_S8    ? 8
               : type->kind == CM_S16 ? 16
               : type->kind == CM_S32 ? 32
                                      : 64;
    char buf[TOKEN_MAX], *end;
    if (!copy_word(text, buf))
        return fail(text, "a number", type);
    errno = 0;
    long long value = strtoll(buf, &end, 10);
    long long max = bits == 64 ? INT64_MAX : (1LL << (bits - 1)) - 1;
    if (*end || errno || value > max || value < -max - 1)
        return fail(text, "a number in range", type);
    out->s = value;
    take_word(text, peek_word(text));
    return true;
}

static bool parse_unsigned(wave_text *text, const cm_type *type, cm_value *out)
{
    int bits = type->kind == CM_U8    ? 8
               : type->kind == CM_U16 ? 16
               : type->kind == CM_U32 ? 32
                                      : 64;
    char buf[TOKEN_MAX], *end;
    if (!copy_word(text, buf) || buf[0] == '-')
        return fail(text, "a number", type);
    errno = 0;
    unsigned long long value = strtoull(buf, &end, 10);
    if (*end || errno || (bits < 64 && value >> bits))
        return fail(text, "a number in range", type);
    out->u = value;
    take_word(text, peek_word(text));
    return true;
}

static bool parse_float(wave_text *text, const cm_type *type, cm_value *out)
{
    char buf[TOKEN_MAX], *end;
    if (!copy_word(text, buf))
        return fail(text, "a number", type);
    double value = strtod(buf, &end);
    if (*end)
        return fail(text, "a number", type);
    if (type->kind == CM_F32)
        out->f32 = strtof(buf, &end);
    else
        out->f64 = value;
    take_word(text, peek_word(text));
    return true;
}

/* ---- characters and strings -------------------------------------------- */

static size_t put_utf8(char *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t leads[] = {0, 0xc0, 0xe0, 0xf0};
    for (size_t i = more; i; i--, c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3f));
    to[0] = (char)(leads[more] | c);
    return more + 1;
}

static bool is_scalar(uint32_t c)
{
    return c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

/* After a backslash: \n \r \t \" \' \\ \u{hex} */
static bool parse_escape(wave_text *text, uint32_t *out)
{
    static const char from[] = "nrt\"'\\", to[] = "\n\r\t\"'\\";
    if (text->at == text->end)
        return fail(text, "an escape", NULL);
    const char *found = strchr(from, *text->at);
    if (found && *found) {
        *out = (uint8_t)to[found - from];
        text->at++;
        return true;
    }
    if (text->end - text->at < 3 || text->at[0] != 'u' || text->at[1] != '{')
        return fail(text, "one of \\n \\r \\t \\\" \\' \\\\ \\u{...}", NULL);
    uint32_t value = 0;
    const char *p = text->at + 2;
    for (; p < text->end && *p != '}' && value <= 0x10ffff; p++) {
        const char *hex = "0123456789abcdefABCDEF", *digit = strchr(hex, *p);
        if (!digit || !*digit)
            break;
        value = value * 16 + (uint32_t)(digit - hex - (digit - hex > 15) * 6);
    }
    if (p == text->end || *p != '}' || !is_scalar(value))
        return fail(text, "\\u{hexadecimal scalar value}", NULL);
    text->at = p + 1;
    *out = value;
    return true;
}

/* Copies until `quote`.  The text is the shell's: checked as UTF-8 by lower. */
static bool parse_quoted(wave_text *text, char quote, cm_value *out)
{
    skip_space(text);
    if (!expect(text, quote))
        return false;
    char *buf =
        cm_arena_alloc(text->arena, 1, (size_t)(text->end - text->at) + 4);
    size_t len = 0;
    while (buf && text->at < text->end && *text->at != quote) {
        uint32_t c;
        if (*text->at != '\\') {
            buf[len++] = *text->at++;
            continue;
        }
        text->at++;
        if (!parse_escape(text, &c))
            return false;
        len += put_utf8(buf + len, c);
    }
    out->str.data = buf;
    out->str.len = len;
    return buf && expect(text, quote);
}

static bool parse_string(wave_text *text, const cm_type *type, cm_value *out)
{
    return parse_quoted(text, '"', out);
}

static bool parse_char(wave_text *text, const cm_type *type, cm_value *out)
{
    cm_value str;
    if (!parse_quoted(text, '\'', &str))
        return false;
    const uint8_t *p = (const uint8_t *)str.str.data;
    size_t want = !str.str.len  ? 0
                  : p[0] < 0x80 ? 1
                  : p[0] < 0xe0 ? 2
                  : p[0] < 0xf0 ? 3
                                : 4;
    if (!want || want != str.str.len)
        return fail(text, "one character between ' and '", NULL);
    uint32_t c = want == 1 ? p[0] : p[0] & (0x7f >> want);
    for (size_t i = 1; i < want; i++)
        c = c << 6 | (p[i] & 0x3f);
    if (!is_scalar(c))
        return fail(text, "a Unicode scalar value", NULL);
    out->u = c;
    return true;
}

/* ---- compounds --------------------------------------------------------- */

/* Values of one type up to `close`; grows by doubling in the arena. */
static bool parse_items(wave_text *text, const cm_type *elem, cm_value *out)
{
    size_t room = 8, count = 0;
    cm_value *items = values(text, room);
    while (items && !next_is(text, ']')) {
        if (count == room) {
            cm_value *more = values(text, room *= 2);
            if (!more)
                return false;
            memcpy(more, items, count * sizeof *items);
            items = more;
        }
        if (!wave_parse(text, elem, &items[count++]))
            return false;
        if (!accept(text, ','))
            break;
    }
    out->list.items = items;
    out->list.len = count;
    return items && expect(text, ']');
}

/* list<u8> is bytes for the host. */
static bool pack_bytes(wave_text *text, cm_value *out)
{
    size_t len = out->list.len;
    uint8_t *bytes = cm_arena_alloc(text->arena, len ? len : 1, 1);
    for (size_t i = 0; bytes && i < len; i++)
        bytes[i] = (uint8_t)out->list.items[i].u;
    out->bytes.data = bytes;
    out->bytes.len = len;
    return bytes != NULL;
}

static bool parse_list(wave_text *text, const cm_type *type, cm_value *out)
{
    if (!expect(text, '[') || !parse_items(text, type->elem, out))
        return false;
    if (type->kind == CM_FIXED_LIST && out->list.len != type->count)
        return fail(text, "as many elements as the fixed-length list has",
                    type);
    return type->kind != CM_LIST || type->elem->kind != CM_U8 ||
           pack_bytes(text, out);
}

static bool parse_tuple(wave_text *text, const cm_type *type, cm_value *out)
{
    cm_value *items = values(text, type->count);
    if (!items || !expect(text, '('))
        return false;
    for (uint32_t i = 0; i < type->count; i++) {
        if (i && !expect(text, ','))
            return false;
        if (!wave_parse(text, type->fields[i].type, &items[i]))
            return false;
    }
    accept(text, ',');
    out->list.items = items;
    out->list.len = type->count;
    return expect(text, ')');
}

static uint32_t find_field(const cm_type *type, vm_name name)
{
    uint32_t i = 0;
    while (i < type->count && !vm_name_equal(type->fields[i].name, name))
        i++;
    return i;
}

/* Fields in any order; those of an option type may be left out. */
static bool parse_record(wave_text *text, const cm_type *type, cm_value *out)
{
    cm_value *items = values(text, type->count);
    bool *seen = cm_arena_alloc(text->arena, type->count + 1, sizeof *seen);
    if (!items || !seen || !expect(text, '{'))
        return false;
    while (!next_is(text, '}')) {
        vm_name name = peek_word(text);
        uint32_t i = find_field(type, name);
        if (i == type->count || seen[i])
            return fail(text, "a field (once)", type);
        take_word(text, name);
        seen[i] = true;
        if (!expect(text, ':') ||
            !wave_parse(text, type->fields[i].type, &items[i]))
            return false;
        if (!accept(text, ','))
            break;
    }
    for (uint32_t i = 0; i < type->count; i++)
        if (!seen[i] && type->fields[i].type->kind != CM_OPTION)
            return fail(text, "all fields", type);
    out->list.items = items;
    out->list.len = type->count;
    return expect(text, '}');
}

static bool parse_flags(wave_text *text, const cm_type *type, cm_value *out)
{
    out->u = 0;
    if (!expect(text, '{'))
        return false;
    while (!next_is(text, '}')) {
        vm_name name = peek_word(text);
        uint32_t i = find_field(type, name);
        if (i == type->count)
            return fail(text, "a label", type);
        take_word(text, name);
        out->flags |= 1u << i;
        if (!accept(text, ','))
            break;
    }
    return expect(text, '}');
}

static bool parse_payload(wave_text *text, const cm_type *type, cm_value *out)
{
    out->variant.payload = values(text, 1);
    return out->variant.payload && expect(text, '(') &&
           wave_parse(text, type, out->variant.payload) && expect(text, ')');
}

static bool parse_variant(wave_text *text, const cm_type *type, cm_value *out)
{
    vm_name name = peek_word(text);
    uint32_t i = find_field(type, name);
    if (i == type->count)
        return fail(text, "a case", type);
    take_word(text, name);
    out->variant.index = i;
    out->variant.payload = NULL;
    const cm_type *payload = type->fields[i].type;
    return !payload || parse_payload(text, payload, out);
}

static bool parse_option(wave_text *text, const cm_type *type, cm_value *out)
{
    vm_name word = peek_word(text);
    out->variant.index = 1;
    out->variant.payload = NULL;
    if (word_is(word, "none")) {
        take_word(text, word);
        out->variant.index = 0;
        return true;
    }
    if (word_is(word, "some")) {
        take_word(text, word);
        return parse_payload(text, type->fields[1].type, out);
    }
    out->variant.payload = values(text, 1); /* a bare value means some */
    return out->variant.payload &&
           wave_parse(text, type->fields[1].type, out->variant.payload);
}

static bool parse_result(wave_text *text, const cm_type *type, cm_value *out)
{
    vm_name word = peek_word(text);
    bool is_err = word_is(word, "err");
    const cm_type *payload = type->fields[is_err].type;
    out->variant.index = is_err;
    out->variant.payload = NULL;
    if (is_err || word_is(word, "ok")) {
        take_word(text, word);
        return !payload || parse_payload(text, payload, out);
    }
    if (!payload)
        return fail(text, "ok or err", type);
    out->variant.payload = values(text, 1); /* a bare value means ok */
    return out->variant.payload &&
           wave_parse(text, payload, out->variant.payload);
}

typedef bool (*parse_fn)(wave_text *text, const cm_type *type, cm_value *out);
static const parse_fn parsers[CM_KIND_COUNT] = {
    [CM_BOOL] = parse_bool,       [CM_S8] = parse_signed,
    [CM_U8] = parse_unsigned,     [CM_S16] = parse_signed,
    [CM_U16] = parse_unsigned,    [CM_S32] = parse_signed,
    [CM_U32] = parse_unsigned,    [CM_S64] = parse_signed,
    [CM_U64] = parse_unsigned,    [CM_F32] = parse_float,
    [CM_F64] = parse_float,       [CM_CHAR] = parse_char,
    [CM_STRING] = parse_string,   [CM_LIST] = parse_list,
    [CM_FIXED_LIST] = parse_list, [CM_RECORD] = parse_record,
    [CM_TUPLE] = parse_tuple,     [CM_VARIANT] = parse_variant,
    [CM_ENUM] = parse_variant,    [CM_OPTION] = parse_option,
    [CM_RESULT] = parse_result,   [CM_FLAGS] = parse_flags,
};

bool wave_parse(wave_text *text, const cm_type *type, cm_value *out)
{
    if (!parsers[type->kind])
        return fail(text, "nothing: there is no text for a value", type);
    return parsers[type->kind](text, type, out);
}

bool wave_parse_args(wave_text *text, const cm_type *params, cm_value *out)
{
    cm_value tuple;
    if (!parse_tuple(text, params, &tuple))
        return false;
    if (params->count)
        memcpy(out, tuple.list.items, params->count * sizeof *out);
    return true;
}

bool wave_at_end(wave_text *text)
{
    skip_space(text);
    return text->at == text->end || fail(text, "the end", NULL);
}

/* ---- printing ---------------------------------------------------------- */

static void print_escaped(FILE *out, char quote, const char *data, size_t len)
{
    static const char from[] = "\n\r\t\\", to[] = "nrt\\";
    fputc(quote, out);
    for (size_t i = 0; i < len; i++) {
        const char *found = data[i] ? strchr(from, data[i]) : NULL;
        if (found)
            fprintf(out, "\\%c", to[found - from]);
        else if (data[i] == quote)
            fprintf(out, "\\%c", quote);
        else if ((uint8_t)data[i] < 0x20)
            fprintf(out, "\\u{%x}", (unsigned)data[i]);
        else
            fputc(data[i], out);
    }
    fputc(quote, out);
}

/* The shortest decimal that reads back the same. */
static void print_float(FILE *out, double value, bool is_f32)
{
    char buf[40];
    if (isnan(value) || isinf(value)) {
        fputs(isnan(value) ? "nan" : value > 0 ? "inf" : "-inf", out);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(buf, sizeof buf, "%.*g", digits, value);
        if (is_f32 ? strtof(buf, NULL) == (float)value
                   : strtod(buf, NULL) == value)
            break;
    }
    fputs(buf, out);
}

static void print_fields(FILE *out, const cm_type *type, const cm_value *value,
                         bool named)
{
    fputc(named ? '{' : '(', out);
    for (uint32_t i = 0; i < type->count; i++) {
        const cm_field *field = &type->fields[i];
        if (i)
            fputs(", ", out);
        if (named)
            fprintf(out, "%.*s: ", (int)field->name.len, field->name.data);
        wave_print(out, field->type, &value->list.items[i]);
    }
    fputc(named ? '}' : ')', out);
}

static void print_list(FILE *out, const cm_type *type, const cm_value *value)
{
    bool bytes = type->kind == CM_LIST && type->elem->kind == CM_U8;
    fputc('[', out);
    for (size_t i = 0; i < value->list.len; i++) {
        if (i)
            fputs(", ", out);
        if (bytes)
            fprintf(out, "%u", value->bytes.data[i]);
        else
            wave_print(out, type->elem, &value->list.items[i]);
    }
    fputc(']', out);
}

static void print_case(FILE *out, vm_name name, const cm_type *payload,
                       const cm_value *value)
{
    fprintf(out, "%.*s", (int)name.len, name.data);
    if (!payload)
        return;
    fputc('(', out);
    wave_print(out, payload, value->variant.payload);
    fputc(')', out);
}

static void print_variant(FILE *out, const cm_type *type, const cm_value *value)
{
    static const vm_name options[] = {{"none", 4}, {"some", 4}};
    static const vm_name results[] = {{"ok", 2}, {"err", 3}};
    uint64_t i = value->variant.index;
    if (type->kind == CM_OPTION)
        print_case(out, options[i], i ? type->fields[1].type : NULL, value);
    else if (type->kind == CM_RESULT)
        print_case(out, results[i], type->fields[i].type, value);
    else
        print_case(out, type->fields[i].name, type->fields[i].type, value);
}

static void print_flags(FILE *out, const cm_type *type, const cm_value *value)
{
    const char *between = "";
    fputc('{', out);
    for (uint32_t i = 0; i < type->count; i++) {
        if (!(value->flags >> i & 1))
            continue;
        fprintf(out, "%s%.*s", between, (int)type->fields[i].name.len,
                type->fields[i].name.data);
        between = ", ";
    }
    fputc('}', out);
}

void wave_print(FILE *out, const cm_type *type, const cm_value *value)
{
    char utf8[4];
    switch ((cm_kind)type->kind) {
    case CM_BOOL: fputs(value->u ? "true" : "false", out); break;
    case CM_S8:
    case CM_S16:
    case CM_S32:
    case CM_S64: fprintf(out, "%" PRId64, value->s); break;
    case CM_U8:
    case CM_U16:
    case CM_U32:
    case CM_U64: fprintf(out, "%" PRIu64, value->u); break;
    case CM_F32: print_float(out, value->f32, true); break;
    case CM_F64: print_float(out, value->f64, false); break;
    case CM_CHAR:
        print_escaped(out, '\'', utf8, put_utf8(utf8, (uint32_t)value->u));
        break;
    case CM_STRING:
        print_escaped(out, '"', value->str.data, value->str.len);
        break;
    case CM_LIST:
    case CM_FIXED_LIST:
    case CM_MAP: print_list(out, type, value); break;
    case CM_RECORD: print_fields(out, type, value, true); break;
    case CM_TUPLE: print_fields(out, type, value, false); break;
    case CM_VARIANT:
    case CM_ENUM:
    case CM_OPTION:
    case CM_RESULT: print_variant(out, type, value); break;
    case CM_FLAGS: print_flags(out, type, value); break;
    default: fprintf(out, "<%s>", cm_kind_name(type->kind)); break;
    }
}
