/*
 * cm_wit.h - WIT text: the types of host interfaces, read from the same text
 * that app authors read.  Grammar: component-model, design/mvp/WIT.md.
 *
 * text -> packages (cm_wit_add, which only finds where each begins) -> syntax
 * trees (cm_wit_parse.c, on first use) -> cm_interface (cm_wit_types.c, on
 * first use).  cm_linker.c then holds host tables against those.
 *
 * Trees live in the cm_wit's arena; names are views of the text.
 */
#ifndef VYOMA_CM_WIT_H
#define VYOMA_CM_WIT_H

#include "vm/cm_types.h"

/* ---- syntax trees ------------------------------------------------------- */

/* A place in a text, for messages: "streams.wit:12:5". */
typedef struct wit_source {
    const char *name;
    const char *text;
    size_t len;
} wit_source;

/* "wasi:io/streams@0.2.12", "streams" (then package.len is 0). */
typedef struct wit_path {
    vm_name package, item, version;
    uint32_t pos;
} wit_path;

enum {                           /* kinds of wit_type beyond cm_kind */
       WIT_NAME = CM_KIND_COUNT, /* a defined type, by name */
       WIT_RESOURCE,             /* only as a definition's body */
};

typedef struct wit_type wit_type;

typedef struct wit_field {
    vm_name name;
    const wit_type *type; /* NULL: none */
    uint32_t pos;
} wit_field;

/* The same shape as cm_type, with names where that has types. */
struct wit_type {
    uint32_t kind; /* cm_kind, WIT_NAME or WIT_RESOURCE */
    uint32_t pos;
    uint32_t count;
    vm_name name; /* WIT_NAME, CM_OWN, CM_BORROW */
    wit_field *fields;
    const wit_type *elem;
};

typedef enum wit_state { WIT_FRESH, WIT_BUSY, WIT_DONE } wit_state;

/* A named type of an interface or world: `type` NULL when it is a `use`. */
typedef struct wit_def {
    vm_name name;
    uint32_t pos;
    const wit_type *type;
    wit_path from;      /* use: the interface */
    vm_name from_name;  /* use: the name there */
    wit_state state;    /* resolution: finds cycles */
    bool owns_resource; /* a resource defined right here */
    cm_typedef out;
} wit_def;

typedef struct wit_func {
    vm_name name; /* "read" or "[method]input-stream.read" */
    uint32_t pos;
    bool is_async;
    uint32_t nparams;
    wit_field *params;
    const wit_type *result; /* NULL: none */
} wit_func;

typedef struct wit_package wit_package;

typedef struct wit_interface {
    vm_name name;
    uint32_t pos;
    const wit_source *source;
    wit_package *package;
    uint32_t ndefs, nfuncs;
    wit_def *defs;
    wit_func *funcs;
    wit_state state;
    vm_name full_name; /* "wasi:io/streams@0.2.12", once resolved */
    const cm_interface *out;
} wit_interface;

typedef enum wit_item_kind {
    WIT_ITEM_PATH,      /* import wasi:io/poll; import a: wasi:io/poll; */
    WIT_ITEM_FUNC,      /* export run: func(); */
    WIT_ITEM_INTERFACE, /* import a: interface { ... } */
    WIT_ITEM_INCLUDE,
} wit_item_kind;

typedef struct wit_item {
    wit_item_kind kind;
    bool is_export;
    vm_name name;         /* the plain name, if it has one */
    wit_path path;        /* path, include */
    wit_func func;        /* func */
    wit_interface *iface; /* interface */
} wit_item;

typedef struct wit_world {
    vm_name name;
    uint32_t pos;
    wit_interface *types; /* the world's own types and uses */
    uint32_t nitems;
    wit_item *items;
} wit_world;

/* A top-level `use a:b/c as d;` */
typedef struct wit_alias {
    vm_name name;
    wit_path path;
} wit_alias;

/* A part of a text that belongs to one package. */
typedef struct wit_region {
    const wit_source *source;
    size_t start, end;
} wit_region;

struct wit_package {
    wit_package *next;
    vm_name id, version; /* "wasi:io", "0.2.12" or "" */
    uint32_t nregions, ninterfaces, nworlds, naliases;
    wit_region *regions;
    wit_state state;
    wit_interface **interfaces;
    wit_world **worlds;
    wit_alias *aliases;
};

typedef struct cm_wit {
    cm_arena arena;
    wit_package *packages; /* in the order they were added */
    uint32_t nresources;   /* resource numbers given out so far */
} cm_wit;

/* ---- for the linker ------------------------------------------------------ */

void cm_wit_init(cm_wit *wit);
void cm_wit_finish(cm_wit *wit);

/* Finds the packages in `text`, which like `name` is kept by reference.
 * VM_INVALID on a lexical error or unbalanced braces. */
VM_MUST_CHECK vm_status cm_wit_add(cm_wit *wit, const char *name,
                                   const char *text, size_t len, vm_error *err);

/*
 * Finds an interface by its full name; without a version, or with a
 * compatible one, the highest compatible version there is.  Parses and
 * resolves what is needed.  VM_INVALID with phase LINK when there is none or
 * its text is wrong.
 */
VM_MUST_CHECK vm_status cm_wit_find(cm_wit *wit, const char *name, size_t len,
                                    wit_interface **out, vm_error *err);

/* The full name that an interface would have, without parsing: with the
 * version of the first package that fits.  The text is the wit's. */
VM_MUST_CHECK vm_status cm_wit_name(cm_wit *wit, const char *name, size_t len,
                                    vm_name *out, vm_error *err);

/* Parses and resolves everything that was added: for tests and tools. */
VM_MUST_CHECK vm_status cm_wit_check(cm_wit *wit, vm_error *err);

/* ---- between the cm_wit_*.c files ---------------------------------------- */

VM_MUST_CHECK vm_status wit_parse_package(cm_wit *wit, wit_package *package,
                                          vm_error *err);
/* Sets err to "name:line:col: text"; always VM_INVALID. */
VM_MUST_CHECK vm_status wit_fail(const wit_source *source, size_t pos,
                                 vm_error *err, const char *fmt, ...)
    VM_PRINTF(4, 5);

/* Appends a zeroed item to an arena vector that grows by doubling; NULL when
 * memory ran out. */
void *wit_push(cm_arena *arena, void **items, uint32_t *count, size_t size);

/* Returns from a function of the reader with an error that another had. */
#define TRY(expression)                                                        \
    do {                                                                       \
        vm_status status_ = (expression);                                      \
        if (status_ != VM_OK)                                                  \
            return status_;                                                    \
    } while (0)

#endif
