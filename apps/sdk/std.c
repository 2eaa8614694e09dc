/* std.c - see std.h. */
#include "sdk/std.h"

/* ---- memory ---- */

/*
 * With -mbulk-memory the compiler turns these builtins into one memory.copy or
 * memory.fill, the fastest copy that an interpreter has.
 */
void *memcpy(void *to, const void *from, size_t n)
{
    return __builtin_memcpy(to, from, n);
}

void *memmove(void *to, const void *from, size_t n)
{
    return __builtin_memmove(to, from, n);
}

void *memset(void *to, int byte, size_t n)
{
    return __builtin_memset(to, byte, n);
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;
    for (; n; n--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

/* ---- text ---- */

size_t text_length(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

str str_of(const char *s)
{
    return (str){s, text_length(s)};
}

bool str_equal(str a, str b)
{
    return a.len == b.len && !memcmp(a.data, b.data, a.len);
}

bool str_starts(str s, str prefix)
{
    return s.len >= prefix.len && !memcmp(s.data, prefix.data, prefix.len);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

int str_find(str s, str needle)
{
    for (size_t at = 0; at + needle.len <= s.len; at++) {
        size_t i = 0;
        while (i < needle.len && lower(s.data[at + i]) == lower(needle.data[i]))
            i++;
        if (i == needle.len)
            return (int)at;
    }
    return -1;
}

str str_word(str *rest)
{
    str s = *rest;
    while (s.len && s.data[0] == ' ')
        s.data++, s.len--;
    size_t n = 0;
    while (n < s.len && s.data[n] != ' ')
        n++;
    *rest = (str){s.data + n, s.len - n};
    while (rest->len && rest->data[0] == ' ')
        rest->data++, rest->len--;
    return (str){s.data, n};
}

bool str_number(str s, uint64_t *out)
{
    uint64_t n = 0;
    if (!s.len || s.len > 18)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(s.data[i] - '0');
    }
    *out = n;
    return true;
}

void put(text *t, str s)
{
    size_t n = MIN(s.len, t->size - t->len);
    memcpy(t->data + t->len, s.data, n);
    t->len += n;
}

void put_text(text *t, const char *s)
{
    put(t, str_of(s));
}

void put_char(text *t, char c)
{
    put(t, (str){&c, 1});
}

void put_padded(text *t, uint64_t n, int width, char fill)
{
    char digits[20];
    int count = 0;
    do
        digits[count++] = (char)('0' + n % 10);
    while (n /= 10);
    for (int i = count; i < width; i++)
        put_char(t, fill);
    while (count)
        put_char(t, digits[--count]);
}

void put_number(text *t, int64_t n)
{
    if (n < 0)
        put_char(t, '-');
    put_padded(t, n < 0 ? -(uint64_t)n : (uint64_t)n, 0, ' ');
}

void put_column(text *t, size_t start, size_t width)
{
    while (t->len - start < width && t->len < t->size)
        put_char(t, ' ');
}

void put_size(text *t, uint64_t bytes)
{
    static const char units[] = "BKMGT";
    int unit = 0;
    uint64_t tenths = bytes * 10;
    while (tenths >= 10240 && unit < 4)
        tenths /= 1024, unit++;
    put_number(t, (int64_t)(tenths / 10));
    if (unit && tenths < 100) {
        put_char(t, '.');
        put_number(t, (int64_t)(tenths % 10));
    }
    put_char(t, ' ');
    if (unit)
        put_char(t, units[unit]);
    put_char(t, 'B');
}

str text_str(const text *t)
{
    return (str){t->data, t->len};
}
