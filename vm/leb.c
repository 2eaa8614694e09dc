/* leb.c - the out-of-line half of the checked reader (leb.h). */
#include "vm/leb.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fail(vm_reader *r, vm_phase phase, const uint8_t *at,
                 const char *fmt, va_list args)
{
    char text[sizeof r->err->text];
    vsnprintf(text, sizeof text, fmt, args);
    if (!r->failed)
        vm_error_set(r->err, phase, (size_t)(at - r->base), "%s", text);
    r->failed = true;
    r->pos = r->end;
}

void vm_reader_malformed(vm_reader *r, const uint8_t *at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fail(r, VM_PHASE_DECODE, at, fmt, args);
    va_end(args);
}

void vm_reader_invalid(vm_reader *r, const uint8_t *at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fail(r, VM_PHASE_VALIDATE, at, fmt, args);
    va_end(args);
}

uint8_t vm_reader_u8_slow(vm_reader *r)
{
    vm_reader_malformed(r, r->end, "unexpected end: one more byte is needed");
    return 0;
}

/*
 * Section 5.2.2: at most ceil(bits/7) bytes, and the bits of the last one that
 * lie beyond `bits` must be zero (unsigned) or copies of the sign (signed).
 */
uint64_t vm_reader_uleb(vm_reader *r, unsigned bits)
{
    const uint8_t *start = r->pos;
    uint64_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        uint8_t byte = vm_reader_u8(r);
        if (r->failed)
            return 0;
        unsigned room = bits - shift;
        if (room < 7 && (byte & 0x7f) >> room) {
            if (byte & 0x80)
                break;
            vm_reader_malformed(r, start,
                                "integer too large for %u unsigned bits", bits);
            return 0;
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    vm_reader_malformed(r, start, "integer representation too long for %u bits",
                        bits);
    return 0;
}

int64_t vm_reader_sleb(vm_reader *r, unsigned bits)
{
    const uint8_t *start = r->pos;
    uint64_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        uint8_t byte = vm_reader_u8(r);
        if (r->failed)
            return 0;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        unsigned room = bits - shift; /* bits of this byte that count */
        if (room < 7) {
            int8_t sign_bits = (int8_t)(byte << 1) >> room;
            if (sign_bits != 0 && sign_bits != -1) {
                vm_reader_malformed(
                    r, start, "integer too large for %u signed bits", bits);
                return 0;
            }
        }
        if ((byte & 0x40) && shift + 7 < 64)
            value |= ~UINT64_C(0) << (shift + 7);
        return (int64_t)value;
    }
    vm_reader_malformed(r, start, "integer representation too long for %u bits",
                        bits);
    return 0;
}

uint32_t vm_reader_count(vm_reader *r, size_t min_size, const char *what)
{
    const uint8_t *start = r->pos;
    uint32_t count = vm_reader_u32(r);
    if (count > vm_reader_left(r) / min_size) {
        vm_reader_malformed(r, start,
                            "unexpected end: %u %s cannot fit in the %zu bytes "
                            "left (length out of bounds)",
                            count, what, vm_reader_left(r));
        return 0;
    }
    return count;
}

const uint8_t *vm_reader_bytes(vm_reader *r, size_t n)
{
    if (n > vm_reader_left(r)) {
        vm_reader_malformed(r, r->pos,
                            "unexpected end: %zu bytes are needed, %zu are "
                            "left (length out of bounds)",
                            n, vm_reader_left(r));
        return NULL;
    }
    const uint8_t *bytes = r->pos;
    r->pos += n;
    return bytes;
}

vm_name vm_reader_name(vm_reader *r)
{
    uint32_t len = vm_reader_u32(r);
    const uint8_t *bytes = vm_reader_bytes(r, len);
    if (!bytes)
        return (vm_name){0};
    if (!vm_utf8_valid(bytes, len)) {
        vm_reader_malformed(
            r, bytes, "malformed UTF-8 encoding in a name of %u bytes", len);
        return (vm_name){0};
    }
    return (vm_name){(const char *)bytes, len};
}

/* Length of the sequence at p (1-4), or 0 when it is not valid UTF-8. */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
    static const struct {
        uint8_t mask, lead, more;
        uint32_t min;
    } forms[] = {
        {0xe0, 0xc0, 1, 0x80},
        {0xf0, 0xe0, 2, 0x800},
        {0xf8, 0xf0, 3, 0x10000},
    };
    if (*p < 0x80)
        return 1;
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        if ((*p & forms[f].mask) != forms[f].lead)
            continue;
        if (left <= forms[f].more)
            return 0;
        uint32_t c = *p & (uint8_t)~forms[f].mask;
        for (size_t i = 1; i <= forms[f].more; i++) {
            if ((p[i] & 0xc0) != 0x80)
                return 0;
            c = c << 6 | (p[i] & 0x3f);
        }
        bool surrogate = c >= 0xd800 && c <= 0xdfff;
        return c < forms[f].min || c > 0x10ffff || surrogate
                   ? 0
                   : forms[f].more + 1;
    }
    return 0;
}

bool vm_utf8_valid(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0, n; i < len; i += n) {
        uint64_t word;
        while (len - i >= sizeof word) { /* eight ASCII bytes at a time */
            memcpy(&word, bytes + i, sizeof word);
            if (word & UINT64_C(0x8080808080808080))
                break;
            i += sizeof word;
        }
        if (i == len)
            break;
        n = utf8_sequence(bytes + i, len - i);
        if (!n)
            return false;
    }
    return true;
}
