/*
 * toml.h - a reader for the subset of TOML that manifests use.  Debian has no
 * maintained C library for TOML, and a manifest is the one text in the system
 * that decides who may do what, so the subset is small and strict: it is
 * listed in docs/capabilities.md.  No recursion on input, no heap: the tree
 * lives in the caller's fixed arrays, and names and strings in one buffer.
 */
#ifndef VYOMA_TOML_H
#define VYOMA_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TOML_MAX_NODES = 512,
    TOML_MAX_TEXT = 16384, /* bytes in one document */
    TOML_MAX_DEPTH = 6,
};

typedef enum toml_type {
    TOML_TABLE,
    TOML_ARRAY,
    TOML_STRING,
    TOML_INTEGER,
    TOML_BOOLEAN,
} toml_type;

/* A value with its key; children of tables and arrays are linked lists in the
 * order of the text.  Index 0 is the root table; 0 as a link is "none". */
typedef struct toml_node {
    uint8_t type;   /* toml_type */
    bool is_header; /* made by a [table] line */
    uint16_t first, last, next;
    uint32_t line;
    const char *key;  /* NULL inside arrays and for the root */
    const char *text; /* TOML_STRING: NUL-terminated, holds no NUL */
    int64_t integer;  /* TOML_INTEGER; TOML_BOOLEAN: 0 or 1 */
} toml_node;

typedef struct toml_doc {
    uint32_t count;
    uint32_t used; /* of strings */
    uint32_t error_line;
    char error[200]; /* what is wrong, and what would be valid */
    toml_node nodes[TOML_MAX_NODES];
    char strings[TOML_MAX_TEXT + 2];
} toml_doc;

/* False on the first error, with error and error_line set. */
bool toml_parse(toml_doc *doc, const char *text, size_t len);

/* The child with that key, or NULL. */
const toml_node *toml_get(const toml_doc *doc, const toml_node *table,
                          const char *key);
/* Iteration: first child, next sibling; NULL at the end. */
const toml_node *toml_first(const toml_doc *doc, const toml_node *node);
const toml_node *toml_next(const toml_doc *doc, const toml_node *node);
/* "a string", "an array", ... */
const char *toml_type_name(uint8_t type);

#endif
