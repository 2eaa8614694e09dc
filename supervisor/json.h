/*
 * json.h - reads JSON text into a tree, and writes strings.  Used by the wast
 * runner; not meant for untrusted bytes beyond "does not crash".
 */
#ifndef VYOMA_JSON_H
#define VYOMA_JSON_H

#include "vm/arena.h"

#include <stdio.h>

typedef enum json_kind {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER, /* str is the number's text */
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
} json_kind;

typedef struct json {
    json_kind kind;
    const char *key; /* NUL-terminated; members of objects only */
    const char *str; /* NUL-terminated UTF-8; may hold NULs before its end */
    size_t len;      /* of str */
    struct json *first, *next; /* elements or members, in order */
} json;

/* NULL when malformed (*where then tells the offset) or out of memory. */
const json *json_parse(vm_arena *arena, const char *text, size_t len,
                       size_t *where);
/* A member, or NULL; `object` may be NULL. */
const json *json_get(const json *object, const char *key);
/* The text of a member that is a string, or NULL. */
const char *json_get_str(const json *object, const char *key);
long json_get_int(const json *object, const char *key);
size_t json_count(const json *array);

/* A string, quotes included; bytes that are no UTF-8 are replaced. */
void json_write_string(const char *text, size_t len, FILE *out);

#endif
