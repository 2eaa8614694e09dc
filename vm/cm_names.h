/*
 * cm_names.h - the grammar of import and export names, their uniqueness, and
 * the compatibility of versions.  Explainer.md "Import and Export
 * Definitions", "Name Uniqueness", "Canonical Interface Name".
 */
#ifndef VYOMA_CM_NAMES_H
#define VYOMA_CM_NAMES_H

#include "vm/cm_arena.h"

typedef enum cm_name_kind {
    CM_NAME_LABEL,
    CM_NAME_CONSTRUCTOR, /* [constructor]resource */
    CM_NAME_METHOD,      /* [method]resource.label */
    CM_NAME_STATIC,      /* [static]resource.label */
    CM_NAME_INTERFACE,   /* namespace:package/label@version */
} cm_name_kind;

typedef struct cm_extern_name {
    cm_name_kind kind;
    vm_name resource;
    vm_name label;
    vm_name space, package;
    vm_name version; /* len 0: none */
} cm_extern_name;

/* Splits and checks `name`; false with the reason written to `why`. */
VM_MUST_CHECK bool cm_name_parse(vm_name name, cm_extern_name *out, char *why,
                                 size_t size);
/* label of the grammar: words and acronyms joined by '-'. */
bool cm_name_is_kebab(const char *data, size_t len);

/* Printf arguments for a name that may be long. */
#define VM_NAME_FMT "%.*s"
#define VM_NAME_ARG(n) (int)((n).len > 80 ? 80 : (n).len), (n).data

/* A set that only holds strongly-unique names. */
typedef struct cm_nameset {
    uint32_t *slots; /* position + 1 */
    uint32_t mask, count, room;
    struct cm_nameset_entry *entries;
} cm_nameset;

typedef enum cm_nameset_result {
    CM_NAMESET_ADDED,
    CM_NAMESET_CONFLICT, /* *previous is the name it conflicts with */
    CM_NAMESET_NO_MEMORY,
} cm_nameset_result;

/* `name` stays alive as long as the set.  With `annotated`, the prefixes of
 * extern names are looked through; labels are taken as they are. */
cm_nameset_result cm_nameset_add(cm_nameset *set, vm_name name, bool annotated,
                                 vm_name *previous);
/* The position at which an equal name was added, or UINT32_MAX. */
uint32_t cm_nameset_find(const cm_nameset *set, vm_name name);
void cm_nameset_finish(cm_nameset *set);

#endif
