/* cm_value.c - see cm_value.h. */
#include "vm/cm_value.h"

static bool copy_items(cm_arena *arena, const cm_type *t, const cm_value *from,
                       cm_value *to)
{
    size_t n = from->list.len;
    cm_value *items = cm_arena_alloc(arena, n, sizeof *items);
    if (!items)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!cm_value_copy(arena, t->elem ? t->elem : t->fields[i].type,
                           &from->list.items[i], &items[i]))
            return false;
    to->list.items = items;
    return true;
}

static bool copy_payload(cm_arena *arena, const cm_type *t,
                         const cm_value *from, cm_value *to)
{
    const cm_type *payload = t->fields[from->variant.index].type;
    if (!payload)
        return true;
    to->variant.payload = cm_arena_alloc(arena, 1, sizeof *to);
    return to->variant.payload &&
           cm_value_copy(arena, payload, from->variant.payload,
                         to->variant.payload);
}

bool cm_value_copy(cm_arena *arena, const cm_type *t, const cm_value *from,
                   cm_value *to)
{
    *to = *from;
    switch ((cm_kind)t->kind) {
    case CM_STRING:
        to->str.data = cm_arena_copy(arena, from->str.data, from->str.len);
        return to->str.data != NULL;
    case CM_LIST:
        if (t->elem->kind != CM_U8)
            return copy_items(arena, t, from, to);
        to->bytes.data =
            cm_arena_copy(arena, from->bytes.data, from->bytes.len);
        return to->bytes.data != NULL;
    case CM_FIXED_LIST: /* its values one by one, u8 too */
    case CM_MAP:
    case CM_RECORD:
    case CM_TUPLE: return copy_items(arena, t, from, to);
    case CM_VARIANT:
    case CM_ENUM:
    case CM_OPTION:
    case CM_RESULT: return copy_payload(arena, t, from, to);
    default: return true;
    }
}
