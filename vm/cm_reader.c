/*
 * cm_reader.c - reading bytes of the component format, with bounds and errors,
 * and the growing arrays and maps that the decoder collects things in.
 */
#include "vm/cm_decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/cm_strings.h"

/* ---- errors ------------------------------------------------------------ */

static void set(cm_decoder *d, vm_phase phase, const char *fmt, va_list args)
{
    char text[300];
    vsnprintf(text, sizeof text, fmt, args);
    vm_error_set(d->err, phase, (size_t)(d->at - d->start), "%s", text);
}

bool cm_malformed(cm_decoder *d, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    set(d, VM_PHASE_DECODE, fmt, args);
    va_end(args);
    return false;
}

bool cm_invalid(cm_decoder *d, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    set(d, VM_PHASE_VALIDATE, fmt, args);
    va_end(args);
    return false;
}

bool cm_no_memory(cm_decoder *d)
{
    return cm_invalid(d,
                      "out of memory, or the component's types take more "
                      "than %zu MiB",
                      d->arena->limit >> 20);
}

bool cm_bad_byte(cm_decoder *d, uint8_t byte, const char *what)
{
    d->at--;
    return cm_malformed(d, "invalid leading byte (0x%x) for %s", byte, what);
}

/* ---- numbers ----------------------------------------------------------- */

bool cm_read_byte(cm_decoder *d, uint8_t *out)
{
    if (d->at == d->end)
        return cm_malformed(d, "unexpected end-of-file");
    *out = *d->at++;
    return true;
}

static bool read_uleb(cm_decoder *d, unsigned bits, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte;
        if (!cm_read_byte(d, &byte))
            return false;
        if (shift + 7 > bits) {
            if (byte & 0x80)
                return cm_malformed(d, "integer representation too long");
            if (byte >> (bits - shift))
                return cm_malformed(d, "integer too large");
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            break;
    }
    *out = value;
    return true;
}

bool cm_read_u32(cm_decoder *d, uint32_t *out)
{
    uint64_t value;
    if (!read_uleb(d, 32, &value))
        return false;
    *out = (uint32_t)value;
    return true;
}

bool cm_read_u64(cm_decoder *d, uint64_t *out)
{
    return read_uleb(d, 64, out);
}

bool cm_read_s33(cm_decoder *d, int64_t *out)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        if (!cm_read_byte(d, &byte))
            return false;
        if (shift == 28) {
            uint8_t high = byte & 0x70; /* bits 32 and above: all the sign */
            if (byte & 0x80)
                return cm_malformed(d, "integer representation too long");
            if (high != 0 && high != 0x70)
                return cm_malformed(d, "integer too large");
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (byte & 0x40)
        value |= ~UINT64_C(0) << shift;
    *out = (int64_t)value;
    return true;
}

bool cm_read_count(cm_decoder *d, uint32_t *out)
{
    if (!cm_read_u32(d, out))
        return false;
    if (*out > (size_t)(d->end - d->at))
        return cm_malformed(d, "unexpected end-of-file: %u items in %zu bytes",
                            *out, (size_t)(d->end - d->at));
    return *out <= CM_MAX_ITEMS ||
           cm_invalid(d, "%u items exceed the limit of %u", *out, CM_MAX_ITEMS);
}

bool cm_read_name(cm_decoder *d, vm_name *out)
{
    uint32_t len;
    if (!cm_read_u32(d, &len))
        return false;
    if (len > (size_t)(d->end - d->at))
        return cm_malformed(d,
                            "unexpected end-of-file: a name of %u bytes, "
                            "%zu are left",
                            len, (size_t)(d->end - d->at));
    if (!cm_text_valid((cm_text){d->at, len, CM_TEXT_UTF8}))
        return cm_malformed(d, "malformed UTF-8 encoding of a name");
    *out = (vm_name){(const char *)d->at, len};
    d->at += len;
    return true;
}

bool cm_read_bool(cm_decoder *d, bool *out)
{
    uint8_t byte;
    if (!cm_read_byte(d, &byte))
        return false;
    *out = byte;
    return byte <= 1 || cm_malformed(d, "invalid boolean value %u", byte);
}

/* ---- arrays and maps --------------------------------------------------- */

bool cm_vec_grow(cm_decoder *d, void **at, uint32_t *room, size_t size)
{
    uint32_t more = *room ? *room * 2 : 8;
    if (more > 2 * CM_MAX_ITEMS)
        return cm_invalid(d, "an index space exceeds the limit of %u items",
                          CM_MAX_ITEMS);
    void *bigger = realloc(*at, more * size);
    if (!bigger)
        return cm_no_memory(d);
    *at = bigger;
    *room = more;
    return true;
}

void *cm_freeze(cm_decoder *d, const void *at, size_t size)
{
    void *copy = cm_arena_copy(d->arena, at, size);
    if (!copy)
        cm_no_memory(d);
    return copy;
}

static uint32_t map_slot(const cm_map *map, uint64_t key)
{
    uint64_t h = key * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t at = (uint32_t)(h >> 32) & map->mask;
    while (map->at[at][0] && map->at[at][0] != key)
        at = (at + 1) & map->mask;
    return at;
}

static bool map_grow(cm_map *map)
{
    cm_map bigger = {.mask = map->mask ? map->mask * 2 + 1 : 15,
                     .count = map->count};
    bigger.at = calloc((size_t)bigger.mask + 1, sizeof *bigger.at);
    if (!bigger.at)
        return false;
    for (uint32_t i = 0; map->at && i <= map->mask; i++)
        if (map->at[i][0]) {
            uint32_t at = map_slot(&bigger, map->at[i][0]);
            memcpy(bigger.at[at], map->at[i], sizeof bigger.at[at]);
        }
    free(map->at);
    *map = bigger;
    return true;
}

bool cm_map_put(cm_map *map, uint64_t key, uint64_t value)
{
    if ((!map->at || map->count > map->mask / 2) && !map_grow(map))
        return false;
    uint32_t at = map_slot(map, key);
    map->count += map->at[at][0] == 0;
    map->at[at][0] = key;
    map->at[at][1] = value;
    return true;
}

bool cm_map_get(const cm_map *map, uint64_t key, uint64_t *value)
{
    if (!map->at)
        return false;
    uint32_t at = map_slot(map, key);
    if (!map->at[at][0])
        return false;
    *value = map->at[at][1];
    return true;
}

void cm_map_finish(cm_map *map)
{
    free(map->at);
    *map = (cm_map){0};
}
