/*
 * cm_value.h - values that belong to a component or an instance rather than to
 * a call: value definitions, and what start functions take and return.
 */
#ifndef VYOMA_CM_VALUE_H
#define VYOMA_CM_VALUE_H

#include "vm/cm_types.h"
#include "vm/component.h"

/* A copy of all that the value points to; false when memory ran out.  For
 * types without handles. */
VM_MUST_CHECK bool cm_value_copy(cm_arena *arena, const cm_type *type,
                                 const cm_value *from, cm_value *to);

#endif
