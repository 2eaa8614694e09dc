/* wit.h - the WIT text that the binary carries, made from wasi/wit by
 * wit/embed.py: one row per package, ended by a NULL name. */
#ifndef VYOMA_WASI_WIT_H
#define VYOMA_WASI_WIT_H

#include <stddef.h>

typedef struct wasi_wit_text {
    const char *name; /* "wasi:io@0.2.12" */
    size_t len;
    const char *text;
} wasi_wit_text;

extern const wasi_wit_text wasi_wit[];

#endif
