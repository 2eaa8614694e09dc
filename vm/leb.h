/*
 * leb.h - the checked reader: LEB128 numbers, names and vectors from bytes
 * that nobody has looked at yet.  The decoder, the validator and the component
 * decoder read through it.
 *
 * Errors are sticky: the first one is written to `err`, the reader then stands
 * at its end and answers zeros, so callers may check `failed` once per item
 * instead of once per byte.  Loops stay bounded, because vm_reader_count never
 * answers more items than the bytes left could hold.
 */
#ifndef VYOMA_VM_LEB_H
#define VYOMA_VM_LEB_H

#include "vm/vm.h"

typedef struct vm_reader {
    const uint8_t *pos, *end;
    const uint8_t *base; /* offset 0 in errors */
    vm_error *err;
    bool failed;
} vm_reader;

static inline vm_reader vm_reader_start(const uint8_t *bytes, size_t len,
                                        vm_error *err)
{
    return (vm_reader){bytes, bytes + len, bytes, err, false};
}

static inline size_t vm_reader_left(const vm_reader *r)
{
    return (size_t)(r->end - r->pos);
}

static inline size_t vm_reader_offset(const vm_reader *r)
{
    return (size_t)(r->pos - r->base);
}

/* Malformed, or invalid, at the byte `at`; the first call wins. */
void vm_reader_malformed(vm_reader *r, const uint8_t *at, const char *fmt, ...)
    VM_PRINTF(3, 4);
void vm_reader_invalid(vm_reader *r, const uint8_t *at, const char *fmt, ...)
    VM_PRINTF(3, 4);

/* LEB128 of up to `bits` bits; the out-of-line half of what follows. */
uint64_t vm_reader_uleb(vm_reader *r, unsigned bits);
int64_t vm_reader_sleb(vm_reader *r, unsigned bits);

uint8_t vm_reader_u8_slow(vm_reader *r); /* fails: no byte is left */

static inline uint8_t vm_reader_u8(vm_reader *r)
{
    return r->pos < r->end ? *r->pos++ : vm_reader_u8_slow(r);
}

/* The next byte without taking it, or 0 at the end. */
static inline uint8_t vm_reader_peek(const vm_reader *r)
{
    return r->pos < r->end ? *r->pos : 0;
}

static inline uint32_t vm_reader_u32(vm_reader *r)
{
    if (r->pos < r->end && *r->pos < 0x80)
        return *r->pos++;
    return (uint32_t)vm_reader_uleb(r, 32);
}

static inline uint64_t vm_reader_u64(vm_reader *r)
{
    if (r->pos < r->end && *r->pos < 0x80)
        return *r->pos++;
    return vm_reader_uleb(r, 64);
}

static inline int64_t vm_reader_s33(vm_reader *r)
{
    return vm_reader_sleb(r, 33);
}

/*
 * A vector's length: malformed when the bytes left cannot hold that many items
 * of `min_size` bytes each.  `what` is used in the message.
 */
uint32_t vm_reader_count(vm_reader *r, size_t min_size, const char *what);

/* Takes `n` bytes; NULL (and failed) when there are fewer. */
const uint8_t *vm_reader_bytes(vm_reader *r, size_t n);

/* A length-prefixed UTF-8 string, as a view of the bytes. */
vm_name vm_reader_name(vm_reader *r);

/* True when bytes are UTF-8 as RFC 3629 has it. */
bool vm_utf8_valid(const uint8_t *bytes, size_t len);

#endif
