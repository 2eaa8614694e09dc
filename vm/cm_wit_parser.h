/*
 * cm_wit_parser.h - what the two halves of WIT's parser share: cm_wit_parse.c
 * (packages, worlds, interfaces) and cm_wit_def.c (types and functions).
 */
#ifndef VYOMA_CM_WIT_PARSER_H
#define VYOMA_CM_WIT_PARSER_H

#include "vm/cm_wit_lex.h"

typedef struct wit_parser {
    cm_wit *wit;
    wit_package *package;
    wit_lexer lex;
    unsigned depth; /* of nested types */
    vm_error *err;
} wit_parser;

/* PUSH(p, array, count): a new zeroed element, or NULL. */
#define PUSH(p, array, count)                                                  \
    wit_push(&(p)->wit->arena, (void **)&(array), &(count), sizeof *(array))

/* ---- tokens -------------------------------------------------------------- */

/* "expected WANTED, found ..." */
VM_MUST_CHECK vm_status wit_unexpected(wit_parser *p, const char *wanted);
VM_MUST_CHECK vm_status wit_no_memory(wit_parser *p);

static inline bool at(const wit_parser *p, int kind)
{
    return p->lex.token.kind == kind;
}

static inline bool at_keyword(const wit_parser *p, const char *keyword)
{
    return wit_lex_is(&p->lex, keyword);
}

static inline bool accept(wit_parser *p, int kind)
{
    if (!at(p, kind))
        return false;
    wit_lex_next(&p->lex);
    return true;
}

static inline bool accept_keyword(wit_parser *p, const char *keyword)
{
    if (!at_keyword(p, keyword))
        return false;
    wit_lex_next(&p->lex);
    return true;
}

static inline vm_status expect(wit_parser *p, int kind, const char *wanted)
{
    return accept(p, kind) ? VM_OK : wit_unexpected(p, wanted);
}

/* ---- productions that both have ------------------------------------------ */

VM_MUST_CHECK vm_status wit_parse_id(wit_parser *p, vm_name *out);
VM_MUST_CHECK vm_status wit_parse_path(wit_parser *p, wit_path *out);
VM_MUST_CHECK vm_status wit_skip_gates(wit_parser *p);

/* ---- definitions (cm_wit_def.c) -------------------------------------------
 */

VM_MUST_CHECK vm_status wit_parse_func_type(wit_parser *p, wit_func *func);
VM_MUST_CHECK vm_status wit_add_func(wit_parser *p, wit_interface *iface,
                                     vm_name name, uint32_t pos,
                                     wit_func **out);
/* A type, a resource or a `use`; *found tells whether one begins here. */
VM_MUST_CHECK vm_status wit_parse_def(wit_parser *p, wit_interface *iface,
                                      bool *found);

#endif
