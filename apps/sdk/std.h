/*
 * std.h - the little of a C library that a small app needs: an arena for what
 * host calls return, text building, number formatting.
 *
 * Memory model: every list or string that a host call returns is put into one
 * arena, which a small module that the app tools add to each component
 * provides (tools/plumb.mjs).  An app's event loop takes a mark, handles what
 * came, and releases the mark; what must live longer is copied into the app's
 * own static buffers.  There is no free list, and nothing to leak.
 */
#ifndef VYOMA_SDK_STD_H
#define VYOMA_SDK_STD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* A piece of text or bytes that somebody else owns; not NUL-terminated. */
typedef struct str {
    const char *data;
    size_t len;
} str;

#define STR(literal) ((str){(literal), sizeof(literal) - 1})

#define ARENA(function)                                                        \
    __attribute__((import_module("mem"), import_name(function)))

/* 8-byte aligned; traps when the app's memory limit is reached. */
ARENA("alloc") void *arena_alloc(size_t size);
ARENA("mark") void *arena_mark(void);
/* Frees all that was allocated since the mark. */
ARENA("release") void arena_release(void *mark);

size_t text_length(const char *text);
str str_of(const char *text);
bool str_equal(str a, str b);
bool str_starts(str text, str prefix);
/* Case-insensitive (ASCII) position of `needle` in `text`, or -1. */
int str_find(str text, str needle);
/* Cuts the first word off `*rest`; spaces separate words. */
str str_word(str *rest);
/* Parses a decimal number that fills `text`; false on anything else. */
bool str_number(str text, uint64_t *out);

/* A bounded text builder: what does not fit is cut, never overrun. */
typedef struct text {
    char *data;
    size_t len, size;
} text;

#define TEXT(buffer) ((text){(buffer), 0, sizeof(buffer)})

void put(text *t, str s);
void put_text(text *t, const char *s);
void put_char(text *t, char c);
void put_number(text *t, int64_t n);
/* Pads with `fill` on the left to `width`. */
void put_padded(text *t, uint64_t n, int width, char fill);
/* Pads the text since `start` with spaces to `width` columns. */
void put_column(text *t, size_t start, size_t width);
/* 1536 -> "1.5 KB" */
void put_size(text *t, uint64_t bytes);
str text_str(const text *t);

/* Provided by the SDK, emitted by the compiler too. */
void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#endif
