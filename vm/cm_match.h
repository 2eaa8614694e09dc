/*
 * cm_match.h - subtyping between imports and what is given for them, used both
 * by validation (cm_decode*.c, where resource types are numbers) and by
 * linking (cm_instance.c, where they are run-time identities).
 */
#ifndef VYOMA_CM_MATCH_H
#define VYOMA_CM_MATCH_H

#include "vm/cm_component.h"
#include "vm/cm_names.h"

/* What a resource number stands for while matching: an identity at run time;
 * at validation, a number that is known outside (+ 1, as a pointer). */
typedef const void *cm_token;

typedef struct cm_env {
    const cm_view *view; /* numbers outside of it stand for themselves */
    const struct cm_env *outer;
} cm_env;

/* An ident of `super` that was matched with a type of `sub`. */
typedef struct cm_pair {
    uint32_t ident;
    cm_typedef with;
} cm_pair;

typedef struct cm_match {
    const vm_types *types; /* for core subtyping */
    size_t used;           /* of why, which is written back to front */
    bool no_memory;
    bool top; /* comparing definitions, not uses of them: wording only */
    uint32_t npairs, pairs_room;
    cm_pair *pairs; /* malloc'ed; NULL unless want_pairs */
    bool want_pairs;
    char why[240];
} cm_match;

void cm_match_init(cm_match *m, const vm_types *types);
void cm_match_finish(cm_match *m);
/* The reason of the mismatch, from the outside in. */
const char *cm_match_why(const cm_match *m);

/* True when `sub` may be given for `super`. */
VM_MUST_CHECK bool cm_match_extern(cm_match *m, const cm_externtype *sub,
                                   const cm_env *sub_env,
                                   const cm_externtype *super,
                                   const cm_env *super_env);

/* Core types (cm_core.c): the reason is a text that lives as long as `why`. */
VM_MUST_CHECK bool cm_core_matches(const vm_types *types,
                                   const vm_externtype *sub,
                                   const vm_externtype *super, char *why,
                                   size_t size);
const char *cm_core_kind_name(vm_extern_kind kind);

#endif
