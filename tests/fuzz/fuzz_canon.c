/*
 * fuzz_canon.c - libFuzzer: components are loaded, instantiated and called.
 *
 * Bytes changed anywhere hardly ever leave a component valid, since each
 * section, and each component or module inside, carries its size.  So the
 * mutator works on sections: it changes the inside of one and mends the sizes
 * around it, or drops, doubles, exchanges or borrows whole ones.
 */
#include "tests/robust/exercise.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
                               unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t na, const uint8_t *b,
                                 size_t nb, uint8_t *out, size_t max,
                                 unsigned seed);

enum { HEADER = 8, MAX_SECTIONS = 256, MAX_BYTES = 1 << 16 };
enum { CORE_MODULE = 1, COMPONENT = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const vm_store_limits limits = {.memory_bytes = 16 << 20,
                                           .table_elements = 10000,
                                           .instances = 100,
                                           .stack_bytes = 1 << 16};
    vm_engine *engine = vm_engine_create(NULL);
    if (!engine)
        abort();
    (void)exercise_component(engine, &limits, bytes, len);
    vm_engine_destroy(engine);
    return 0;
}

/* ---- sections ------------------------------------------------------------ */

typedef struct section {
    uint8_t id;
    const uint8_t *body;
    size_t size;
} section;

typedef struct sections {
    uint8_t header[HEADER];
    size_t count;
    section at[MAX_SECTIONS];
} sections;

static bool read_size(const uint8_t **p, const uint8_t *end, size_t *out)
{
    *out = 0;
    for (unsigned shift = 0; *p < end && shift < 35; shift += 7) {
        uint8_t byte = *(*p)++;
        *out |= (size_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

static bool parse(const uint8_t *data, size_t size, sections *out)
{
    const uint8_t *p = data + HEADER, *end = data + size;
    if (size < HEADER || memcmp(data, "\0asm", 4) != 0)
        return false;
    memcpy(out->header, data, HEADER);
    for (out->count = 0; p < end && out->count < MAX_SECTIONS; out->count++) {
        section *s = &out->at[out->count];
        s->id = *p++;
        if (!read_size(&p, end, &s->size) || s->size > (size_t)(end - p))
            return false;
        s->body = p;
        p += s->size;
    }
    return p == end;
}

static size_t put_size(uint8_t *out, size_t n)
{
    size_t i = 0;
    for (; n >= 0x80; n >>= 7)
        out[i++] = (uint8_t)(n | 0x80);
    out[i++] = (uint8_t)n;
    return i;
}

/* 0 when it does not fit. */
static size_t print(const sections *from, uint8_t *out, size_t max)
{
    size_t n = HEADER;
    if (max < HEADER)
        return 0;
    memcpy(out, from->header, HEADER);
    for (size_t i = 0; i < from->count; i++) {
        const section *s = &from->at[i];
        if (max - n < s->size + 6)
            return 0;
        out[n++] = s->id;
        n += put_size(out + n, s->size);
        if (s->size)
            memcpy(out + n, s->body, s->size);
        n += s->size;
    }
    return n;
}

/* ---- changes ------------------------------------------------------------- */

static unsigned below(unsigned *seed, size_t n)
{
    *seed = *seed * 1103515245u + 12345u;
    return (unsigned)((*seed >> 8) % n);
}

static size_t mutate(uint8_t *data, size_t size, size_t max, unsigned seed,
                     unsigned depth);

/* Changes the inside of one section; `room` is for its new body. */
static void change_inside(section *s, uint8_t *room, size_t max, unsigned seed,
                          unsigned depth)
{
    if (s->size > max)
        return;
    if (s->size)
        memcpy(room, s->body, s->size);
    bool nested = s->id == COMPONENT || (s->id == CORE_MODULE && depth < 3);
    s->size = nested ? mutate(room, s->size, max, seed, depth + 1)
                     : LLVMFuzzerMutate(room, s->size, max);
    s->body = room;
}

static void change_order(sections *all, unsigned *seed)
{
    size_t i = below(seed, all->count), j = below(seed, all->count);
    section s = all->at[i];
    switch (below(seed, 3)) {
    case 0: /* drop */
        memmove(&all->at[i], &all->at[i + 1],
                (all->count - i - 1) * sizeof *all->at);
        all->count--;
        break;
    case 1: /* double */
        if (all->count == MAX_SECTIONS)
            break;
        memmove(&all->at[j + 1], &all->at[j],
                (all->count - j) * sizeof *all->at);
        all->at[j] = s;
        all->count++;
        break;
    default: /* exchange */
        all->at[i] = all->at[j];
        all->at[j] = s;
        break;
    }
}

static size_t mutate(uint8_t *data, size_t size, size_t max, unsigned seed,
                     unsigned depth)
{
    uint8_t *room = malloc(2 * MAX_BYTES);
    sections *all = malloc(sizeof *all);
    size_t n = 0;
    if (max > MAX_BYTES)
        max = MAX_BYTES;
    if (room && all && size <= max && parse(data, size, all) && all->count) {
        if (below(&seed, 6))
            change_inside(&all->at[below(&seed, all->count)], room, max, seed,
                          depth);
        else
            change_order(all, &seed);
        n = print(all, room + MAX_BYTES, max);
    }
    if (n)
        memcpy(data, room + MAX_BYTES, n);
    else
        n = LLVMFuzzerMutate(data, size, max);
    free(all);
    free(room);
    return n;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
                               unsigned seed)
{
    return mutate(data, size, max, seed, 0);
}

/* A section of `b` comes into `a`, or stands for one of the same kind. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t na, const uint8_t *b,
                                 size_t nb, uint8_t *out, size_t max,
                                 unsigned seed)
{
    sections *to = malloc(2 * sizeof *to), *from = to + 1;
    size_t n = 0;
    if (to && parse(a, na, to) && parse(b, nb, from) && from->count &&
        to->count < MAX_SECTIONS) {
        section s = from->at[below(&seed, from->count)];
        size_t i = below(&seed, to->count + 1);
        bool replaces = i < to->count && to->at[i].id == s.id;
        if (!replaces) {
            memmove(&to->at[i + 1], &to->at[i],
                    (to->count - i) * sizeof *to->at);
            to->count++;
        }
        to->at[i] = s;
        n = print(to, out, max);
    }
    free(to);
    return n;
}
