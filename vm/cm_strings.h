/*
 * cm_strings.h - the canonical ABI's string encodings: checking, measuring and
 * transcoding between UTF-8, UTF-16LE and Latin-1.  Pure functions over bytes;
 * cm_abi.c decides where the bytes live.
 */
#ifndef VYOMA_CM_STRINGS_H
#define VYOMA_CM_STRINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum cm_text_encoding {
    CM_TEXT_UTF8,
    CM_TEXT_UTF16,
    CM_TEXT_LATIN1
} cm_text_encoding;

/* A string in guest or host memory.  `units` counts code units: bytes, or
 * 2-byte units for UTF-16.  `data` may be odd for UTF-16. */
typedef struct cm_text {
    const uint8_t *data;
    size_t units;
    cm_text_encoding encoding;
} cm_text;

/* True when the text is well-formed Unicode in its encoding: no overlong
 * forms, no surrogates outside UTF-16 pairs, nothing past U+10FFFF. */
bool cm_text_valid(cm_text text);

/* Bytes the (valid) text takes in encoding `to`; SIZE_MAX when `to` is
 * CM_TEXT_LATIN1 and a character does not fit. */
size_t cm_text_size(cm_text text, cm_text_encoding to);

/* Writes the (valid) text in encoding `to`; returns cm_text_size bytes.  `out`
 * must not overlap the text. */
size_t cm_text_convert(cm_text text, cm_text_encoding to, uint8_t *out);

#endif
