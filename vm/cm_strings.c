/*
 * cm_strings.c - string encodings of the canonical ABI (cm_strings.h).
 *
 * Everything but plain validation goes through next_char/put_char, one code
 * point at a time, with a fast way around both for runs of ASCII, which is
 * what nearly all strings are.  next_char trusts cm_text_valid.
 */
#include "vm/cm_strings.h"

#include <string.h>

static const uint64_t high_bits = 0x8080808080808080u;

/* How many bytes from p on are ASCII (at most n). */
static size_t ascii_run(const uint8_t *p, size_t n)
{
    size_t i = 0;
    for (uint64_t word; i + 8 <= n; i += 8) {
        memcpy(&word, p + i, 8);
        if (word & high_bits)
            break;
    }
    while (i < n && p[i] < 0x80)
        i++;
    return i;
}

/* Length of the well-formed multi-byte sequence at p, or 0 (Unicode 16,
 * table 3-7: the second byte's range depends on the first). */
static size_t utf8_sequence(const uint8_t *p, size_t n)
{
    uint8_t lead = p[0], low = 0x80, high = 0xbf;
    size_t len = lead < 0xc2   ? 0
                 : lead < 0xe0 ? 2
                 : lead < 0xf0 ? 3
                 : lead < 0xf5 ? 4
                               : 0;
    if (lead == 0xe0)
        low = 0xa0; /* overlong */
    if (lead == 0xed)
        high = 0x9f; /* surrogates */
    if (lead == 0xf0)
        low = 0x90; /* overlong */
    if (lead == 0xf4)
        high = 0x8f; /* past U+10FFFF */
    if (!len || len > n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

static bool utf8_valid(const uint8_t *p, size_t n)
{
    for (;;) {
        size_t run = ascii_run(p, n);
        p += run;
        n -= run;
        if (!n)
            return true;
        size_t len = utf8_sequence(p, n);
        if (!len)
            return false;
        p += len;
        n -= len;
    }
}

static uint32_t unit16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static bool is_high(uint32_t unit)
{
    return (unit & 0xfc00) == 0xd800;
}

static bool is_low(uint32_t unit)
{
    return (unit & 0xfc00) == 0xdc00;
}

static bool utf16_valid(const uint8_t *p, size_t units)
{
    for (size_t i = 0; i < units; i++) {
        uint32_t unit = unit16(p + 2 * i);
        if (is_low(unit))
            return false;
        if (!is_high(unit))
            continue;
        if (++i == units || !is_low(unit16(p + 2 * i)))
            return false;
    }
    return true;
}

bool cm_text_valid(cm_text text)
{
    switch (text.encoding) {
    case CM_TEXT_UTF8: return utf8_valid(text.data, text.units);
    case CM_TEXT_UTF16: return utf16_valid(text.data, text.units);
    case CM_TEXT_LATIN1: return true;
    }
    return false;
}

/* Reads one code point of a valid UTF-8 text and moves *p past it. */
static uint32_t next_utf8(const uint8_t **p)
{
    const uint8_t *s = *p;
    if (s[0] < 0x80) {
        *p += 1;
        return s[0];
    }
    if (s[0] < 0xe0) {
        *p += 2;
        return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
    }
    if (s[0] < 0xf0) {
        *p += 3;
        return (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
    }
    *p += 4;
    return (s[0] & 0x07u) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 |
           (s[3] & 0x3fu);
}

static uint32_t next_char(cm_text_encoding encoding, const uint8_t **p)
{
    if (encoding == CM_TEXT_UTF8)
        return next_utf8(p);
    if (encoding == CM_TEXT_LATIN1)
        return *(*p)++;
    uint32_t high = unit16(*p);
    *p += 2;
    if (!is_high(high))
        return high;
    uint32_t low = unit16(*p);
    *p += 2;
    return 0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff);
}

static size_t char_size(uint32_t c, cm_text_encoding to)
{
    switch (to) {
    case CM_TEXT_UTF8:
        return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    case CM_TEXT_UTF16: return c < 0x10000 ? 2 : 4;
    case CM_TEXT_LATIN1: return c < 0x100 ? 1 : SIZE_MAX;
    }
    return SIZE_MAX;
}

static void put16(uint8_t *out, uint32_t unit)
{
    out[0] = (uint8_t)unit;
    out[1] = (uint8_t)(unit >> 8);
}

static void put_utf8(uint8_t *out, uint32_t c, size_t size)
{
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = size - 1; i > 0; i--, c >>= 6)
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
    out[0] = (uint8_t)(lead[size] | c);
}

static size_t put_char(uint8_t *out, uint32_t c, cm_text_encoding to)
{
    size_t size = char_size(c, to);
    if (to == CM_TEXT_UTF8) {
        put_utf8(out, c, size);
    } else if (to == CM_TEXT_LATIN1) {
        out[0] = (uint8_t)c;
    } else if (size == 2) {
        put16(out, c);
    } else {
        put16(out, 0xd800 + ((c - 0x10000) >> 10));
        put16(out + 2, 0xdc00 + (c & 0x3ff));
    }
    return size;
}

static size_t text_bytes(cm_text text)
{
    return text.encoding == CM_TEXT_UTF16 ? text.units * 2 : text.units;
}

/* ASCII characters at p that the fast way can take in one go. */
static size_t fast_run(cm_text_encoding from, const uint8_t *p,
                       const uint8_t *end)
{
    return from == CM_TEXT_UTF16 ? 0 : ascii_run(p, (size_t)(end - p));
}

size_t cm_text_size(cm_text text, cm_text_encoding to)
{
    if (text.encoding == to || text.units == 0)
        return text_bytes(text);
    const uint8_t *p = text.data, *end = p + text_bytes(text);
    size_t total = 0;
    while (p < end) {
        size_t run = fast_run(text.encoding, p, end);
        p += run;
        total += to == CM_TEXT_UTF16 ? run * 2 : run;
        if (p == end)
            break;
        size_t size = char_size(next_char(text.encoding, &p), to);
        if (size == SIZE_MAX)
            return SIZE_MAX;
        total += size;
    }
    return total;
}

static size_t put_run(uint8_t *out, const uint8_t *p, size_t n,
                      cm_text_encoding to)
{
    if (to != CM_TEXT_UTF16) {
        memcpy(out, p, n);
        return n;
    }
    for (size_t i = 0; i < n; i++)
        put16(out + 2 * i, p[i]);
    return 2 * n;
}

size_t cm_text_convert(cm_text text, cm_text_encoding to, uint8_t *out)
{
    size_t bytes = text_bytes(text);
    if (text.encoding == to) {
        if (bytes)
            memcpy(out, text.data, bytes);
        return bytes;
    }
    if (bytes == 0)
        return 0;
    const uint8_t *p = text.data, *end = p + bytes;
    uint8_t *at = out;
    while (p < end) {
        size_t run = fast_run(text.encoding, p, end);
        at += put_run(at, p, run, to);
        p += run;
        if (p < end)
            at += put_char(at, next_char(text.encoding, &p), to);
    }
    return (size_t)(at - out);
}
