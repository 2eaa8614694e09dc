/*
 * cm_types.h - component-level types: what a component's binary (cm_decode)
 * and WIT text (cm_wit) are turned into, and what the canonical ABI walks.
 *
 * Types are immutable once finished, live in an arena owned by the component
 * (or the linker's WIT), and carry their canonical-ABI layout for both pointer
 * sizes, so that lift and lower never compute one.  Index [0] of a layout pair
 * is for 32-bit memories, [1] for 64-bit ones.
 *
 * A resource type is a number, unique within its arena's owner; what it stands
 * for at run time is looked up in a cm_view (an instance of the component, or
 * the linker), since the same component may be instantiated many times.
 */
#ifndef VYOMA_CM_TYPES_H
#define VYOMA_CM_TYPES_H

#include "vm/cm_arena.h"

#define CM_MAX_FLAT_PARAMS 16
#define CM_MAX_FLAT_ASYNC_PARAMS 4
#define CM_MAX_FLAT_RESULTS 1
#define CM_MAX_TYPE_SIZE (1u << 28) /* Binary.md: elem_size below this */
#define CM_MAX_TYPE_DEPTH 128
#define CM_MAX_TYPE_WEIGHT 1000000u /* nodes, when written out as a tree */

typedef enum cm_kind {
    CM_BOOL,
    CM_S8,
    CM_U8,
    CM_S16,
    CM_U16,
    CM_S32,
    CM_U32,
    CM_S64,
    CM_U64,
    CM_F32,
    CM_F64,
    CM_CHAR,
    CM_STRING,
    CM_ERROR_CONTEXT, /* the last primitive */
    CM_LIST,
    CM_FIXED_LIST,
    CM_MAP, /* elem: the tuple<k, v> of its entries */
    CM_RECORD,
    CM_TUPLE,
    CM_VARIANT,
    CM_ENUM,
    CM_OPTION,
    CM_RESULT,
    CM_FLAGS,
    CM_OWN,
    CM_BORROW,
    CM_STREAM,
    CM_FUTURE,
    CM_KIND_COUNT,
} cm_kind;

typedef struct cm_type cm_type;

/* A field, case, label or parameter. */
typedef struct cm_field {
    vm_name name;        /* len 0 in tuples */
    const cm_type *type; /* NULL: a case or label without payload */
    uint32_t offset[2];  /* of a field in its record or tuple */
} cm_field;

/* Which idents and resource numbers a type mentions, transitively, as ranges
 * (lo > hi: none), so that substitution can skip what it cannot change. */
typedef struct cm_ranges {
    uint32_t ident_lo, ident_hi;
    uint32_t resource_lo, resource_hi;
} cm_ranges;

#define CM_RANGES_NONE ((cm_ranges){UINT32_MAX, 0, UINT32_MAX, 0})

static inline void cm_ranges_join(cm_ranges *to, const cm_ranges *from)
{
    if (from->ident_lo < to->ident_lo)
        to->ident_lo = from->ident_lo;
    if (from->ident_hi > to->ident_hi)
        to->ident_hi = from->ident_hi;
    if (from->resource_lo < to->resource_lo)
        to->resource_lo = from->resource_lo;
    if (from->resource_hi > to->resource_hi)
        to->resource_hi = from->resource_hi;
}

/*
 *   kind                          fields[count]               elem
 *   list, fixed-list, map         -  (count: fixed length)    element
 *   record, tuple                 fields                      -
 *   variant, enum                 cases                       -
 *   option                        none, some                  payload
 *   result                        ok, error                   -
 *   flags                         labels                      -
 *   stream, future                -                           payload or NULL
 *   own, borrow                   -  (resource)               -
 */
struct cm_type {
    uint8_t kind;      /* cm_kind */
    uint8_t disc_size; /* variant-like: 1, 2 or 4; flags: bytes */
    uint8_t align[2];
    bool has_borrow : 1;   /* transitively */
    bool has_resource : 1; /* own or borrow, transitively */
    bool has_async : 1;    /* stream or future, transitively */
    bool has_pointer : 1;  /* string, list or map: needs memory (realloc) */
    uint8_t depth;
    uint8_t nflat; /* core values when flattened; > 16: does not fit */
    uint8_t flat[2][CM_MAX_FLAT_PARAMS]; /* vm_type codes, if nflat <= 16 */
    uint32_t size[2];
    uint32_t payload[2]; /* variant-like: offset of the payload */
    uint32_t count;
    uint32_t weight;
    uint32_t resource; /* own, borrow: resource number, see cm_view */
    /* Validation's: which definition a record, variant, enum or flags, or the
     * resource of an own or borrow, came from (0: none); see cm_visible.c. */
    uint32_t ident;
    uint32_t visible_in; /* scope it was last found visible in; a cache */
    cm_ranges inside;
    const cm_field *fields;
    const cm_type *elem;
};

/* A function type.  `params` is a record, so that spilled parameters need no
 * special case: it may have no fields, and then has size 0 and alignment 1. */
typedef struct cm_functype {
    bool is_async;
    const cm_type *params;
    const cm_type *result; /* NULL: none */
} cm_functype;

/* ---- types of things that are imported and exported -------------------- */

typedef enum cm_sort { /* the binary format's codes, but for core modules */
                       CM_SORT_CORE_MODULE = 0,
                       CM_SORT_FUNC = 1,
                       CM_SORT_VALUE = 2,
                       CM_SORT_TYPE = 3,
                       CM_SORT_COMPONENT = 4,
                       CM_SORT_INSTANCE = 5,
} cm_sort;

typedef struct cm_interface cm_interface;         /* an instance type */
typedef struct cm_componenttype cm_componenttype; /* see cm_internal.h */
typedef struct cm_moduletype cm_moduletype;       /* see cm_internal.h */

/* What an entry of the type index space can be. */
typedef enum cm_def_kind {
    CM_DEF_VALUE,
    CM_DEF_RESOURCE,
    CM_DEF_FUNC,
    CM_DEF_INSTANCE,
    CM_DEF_COMPONENT,
} cm_def_kind;

typedef struct cm_typedef {
    cm_def_kind kind;
    uint32_t ident; /* resources: see cm_type.ident */
    union {
        const cm_type *value;
        uint32_t resource;
        const cm_functype *func;
        const cm_interface *instance;
        const cm_componenttype *component;
    };
} cm_typedef;

/* The type of an import or export. */
typedef struct cm_externtype {
    cm_sort sort;
    bool fresh; /* sort type: (sub resource), so a new resource type here */
    union {
        const cm_functype *func;
        const cm_type *value;
        cm_typedef type; /* sort type: what it is (eq), or the resource */
        const cm_interface *instance;
        const cm_componenttype *component;
        const cm_moduletype *module;
    };
} cm_externtype;

typedef struct cm_decl {
    vm_name name; /* "run", "wasi:io/streams@0.2.0", "[method]r.m" */
    cm_externtype type;
} cm_decl;

struct cm_interface {
    uint32_t count;
    const cm_decl *exports;
    cm_names index; /* by name; filled by cm_interface_create */
    uint32_t weight, depth;
    cm_ranges inside;
    uint32_t base, nbound; /* resource numbers that belong to it alone */
};

/* ---- construction ------------------------------------------------------ */

/* The shared node of a primitive kind (CM_BOOL .. CM_ERROR_CONTEXT). */
const cm_type *cm_type_prim(cm_kind kind);

/*
 * Makes a type and computes its layout.  `fields` (count of them, kept by
 * reference; offsets are filled in), `elem` and `resource` as the table above
 * says; option and result take their cases ("none"/"some", "ok"/"error") in
 * `fields`, and map its key and value.  NULL with *why set to what rule it
 * breaks (a constant string), or with *why NULL when memory ran out.
 */
typedef struct cm_type_spec {
    cm_kind kind;
    uint32_t count;
    cm_field *fields;
    const cm_type *elem;
    uint32_t resource;
    uint32_t ident;
} cm_type_spec;
const cm_type *cm_type_create(cm_arena *arena, const cm_type_spec *spec,
                              const char **why);

/* The record of a function's parameters; may be empty. */
const cm_type *cm_type_params(cm_arena *arena, cm_field *fields, uint32_t count,
                              const char **why);
/* Option and result in one step (payloads may be NULL for result). */
const cm_type *cm_type_option(cm_arena *arena, const cm_type *some,
                              const char **why);
const cm_type *cm_type_result(cm_arena *arena, const cm_type *ok,
                              const cm_type *error, const char **why);

/* `exports` is kept by reference.  Names must be unique (checked above). */
const cm_interface *cm_interface_create(cm_arena *arena, const cm_decl *exports,
                                        uint32_t count);
const cm_decl *cm_interface_find(const cm_interface *iface, const char *name,
                                 size_t len);

/* ---- flattening -------------------------------------------------------- */

typedef struct cm_flat {
    uint8_t nparams, nresults;
    bool spilled_params; /* passed as one pointer */
    bool spilled_result; /* lower: out pointer is the last parameter; lift:
                            the only result is a pointer */
    vm_type types[CM_MAX_FLAT_PARAMS + 1 + CM_MAX_FLAT_RESULTS]; /* p, then r */
} cm_flat;

typedef enum cm_dir { CM_LIFT, CM_LOWER } cm_dir;

/* CanonicalABI.md flatten_functype.  `mem64`: the memory option's addresses. */
void cm_flatten(const cm_functype *type, cm_dir dir, bool is_async,
                bool has_callback, bool mem64, cm_flat *out);
/* cm_flat as a vm_functype that points into it. */
vm_functype cm_flat_functype(const cm_flat *flat);

/* ---- matching ---------------------------------------------------------- */

typedef struct cm_resource cm_resource; /* run-time identity; cm_internal.h */

/* What the resource numbers in a type stand for: slots[n - base]. */
typedef struct cm_view {
    uint32_t base, count;
    cm_resource **slots;
} cm_view;

/*
 * True when a value of type `sub` may be used where `super` is expected; both
 * at run time, resource types being compared by identity through the views.
 * Fresh resource types of `super` are bound in its view on the way (slots that
 * hold NULL).  On false, `err` says what differs, prefixed by `what`.
 */
VM_MUST_CHECK bool cm_type_matches(const cm_externtype *sub,
                                   const cm_view *sub_view,
                                   const cm_externtype *super,
                                   const cm_view *super_view, vm_name what,
                                   vm_error *err);

/* Writes the type in WIT syntax for messages; always NUL-terminated. */
void cm_type_print(const cm_type *type, char *buf, size_t size);
const char *cm_kind_name(cm_kind kind);
const char *cm_sort_name(cm_sort sort);

#endif
