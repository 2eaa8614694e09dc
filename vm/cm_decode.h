/*
 * cm_decode.h - what the files of the component decoder share.  Decoding and
 * validation are one pass:
 *
 *   cm_decode.c        sections, index spaces, instances, aliases, imports
 *   cm_decode_type.c   component-level types
 *   cm_decode_core.c   core modules, core instances, core types
 *   cm_decode_canon.c  canonical definitions
 *   cm_decode_value.c  values and start functions
 *   cm_reader.c        bytes -> numbers and names, growing arrays
 *   cm_subst.c         replacing resource numbers and type identities
 *   cm_visible.c       external visibility of types, opening of instances
 */
#ifndef VYOMA_CM_DECODE_H
#define VYOMA_CM_DECODE_H

#include "vm/cm_match.h"

/* ---- growing arrays ---------------------------------------------------- */

/* An array under construction: DECL names the struct, PUSH appends. */
#define CM_VEC(type)                                                           \
    struct {                                                                   \
        type *at;                                                              \
        uint32_t count, room;                                                  \
    }

typedef struct cm_decoder cm_decoder;

VM_MUST_CHECK bool cm_vec_grow(cm_decoder *d, void **at, uint32_t *room,
                               size_t size);
/* True when the element was appended; else the error is set.  The element may
 * come from the array itself, which moves as it grows. */
#define CM_PUSH(d, vec, ...)                                                   \
    ({                                                                         \
        __typeof__(*(vec)->at) element_ = (__VA_ARGS__);                       \
        ((vec)->count < (vec)->room ||                                         \
         cm_vec_grow(d, (void **)&(vec)->at, &(vec)->room,                     \
                     sizeof *(vec)->at)) &&                                    \
            ((vec)->at[(vec)->count++] = element_, true);                      \
    })
/* The array as it is now, in the arena; NULL and error when out of memory. */
#define CM_FREEZE(d, vec)                                                      \
    cm_freeze(d, (vec)->at, (size_t)(vec)->count * sizeof *(vec)->at)
void *cm_freeze(cm_decoder *d, const void *at, size_t size);

/* A map from 64-bit keys (not 0) to 64-bit values. */
typedef struct cm_map {
    uint64_t (*at)[2];
    uint32_t count, mask; /* mask 0: empty */
} cm_map;
VM_MUST_CHECK bool cm_map_put(cm_map *map, uint64_t key, uint64_t value);
bool cm_map_get(const cm_map *map, uint64_t key, uint64_t *value);
void cm_map_finish(cm_map *map);

/* ---- scopes under construction ----------------------------------------- */

typedef enum cm_scope_kind {
    CM_IN_COMPONENT,
    CM_IN_COMPONENT_TYPE,
    CM_IN_INSTANCE_TYPE,
} cm_scope_kind;

typedef struct cm_coretype {
    const vm_deftype *def; /* or */
    const cm_moduletype *module;
} cm_coretype;

typedef CM_VEC(cm_coretype) cm_vec_coretype;
typedef CM_VEC(vm_externtype) cm_vec_extern;

typedef struct cm_value_info {
    const cm_type *type;
    bool used;
} cm_value_info;

/* The names on one side of a component: what was imported or exported. */
typedef struct cm_side {
    CM_VEC(cm_decl) decls;
    cm_nameset names;
    cm_map resources; /* ident -> position + 1 in decls, of resource types */
} cm_side;

/* One component, component type or instance type being read. */
typedef struct cm_builder {
    cm_scope_kind kind;
    struct cm_builder *outer;
    uint32_t serial; /* which one it is, for visibility */
    uint32_t base;   /* first resource number of its own */
    cm_scope *scope; /* components only */
    cm_vec_coretype core_types;
    cm_vec_extern core[5]; /* by vm_extern_kind */
    CM_VEC(const cm_moduletype *) modules;
    CM_VEC(const cm_coreinst *) core_instances;
    CM_VEC(cm_typedef) types;
    CM_VEC(const cm_functype *) funcs;
    CM_VEC(cm_value_info) values;
    CM_VEC(const cm_componenttype *) components;
    CM_VEC(const cm_interface *) instances;
    CM_VEC(cm_step) steps;
    cm_side imports, exports;
} cm_builder;

/* What is known of each ident and of each resource number. */
typedef struct cm_ident_info {
    uint32_t serial; /* the scope in which it has an external name; 0: none */
    bool imported;   /* named by an import there, so usable in imports */
} cm_ident_info;

typedef struct cm_resource_info {
    uint32_t serial; /* the scope that defined it with (resource ...), or 0 */
    uint32_t bound;  /* the scope whose imports or exports have bound it */
    bool rep64;
} cm_resource_info;

struct cm_decoder {
    cm_component *component;
    const vm_types *core_types;
    cm_arena *arena;
    vm_error *err;
    const uint8_t *start, *at, *end; /* `end` of the present section */
    cm_builder *scope;
    uint32_t depth, serials;
    CM_VEC(cm_ident_info) idents; /* index 0 unused */
    CM_VEC(cm_resource_info) resources;
    uint64_t work;
};

/* ---- errors and reading (cm_reader.c) ---------------------------------- */

/* Set the first error, at the present position, and return false. */
bool cm_malformed(cm_decoder *d, const char *fmt, ...) VM_PRINTF(2, 3);
bool cm_invalid(cm_decoder *d, const char *fmt, ...) VM_PRINTF(2, 3);
bool cm_no_memory(cm_decoder *d);

VM_MUST_CHECK bool cm_read_byte(cm_decoder *d, uint8_t *out);
VM_MUST_CHECK bool cm_read_u32(cm_decoder *d, uint32_t *out);
VM_MUST_CHECK bool cm_read_u64(cm_decoder *d, uint64_t *out);
VM_MUST_CHECK bool cm_read_s33(cm_decoder *d, int64_t *out);
/* A count of things that take at least one byte each. */
VM_MUST_CHECK bool cm_read_count(cm_decoder *d, uint32_t *out);
VM_MUST_CHECK bool cm_read_name(cm_decoder *d, vm_name *out);
VM_MUST_CHECK bool cm_read_bool(cm_decoder *d, bool *out);
/* invalid leading byte (0x..) for `what` */
bool cm_bad_byte(cm_decoder *d, uint8_t byte, const char *what);

/* ---- types ------------------------------------------------------------- */

VM_MUST_CHECK bool cm_new_ident(cm_decoder *d, uint32_t *out);
VM_MUST_CHECK bool cm_new_resource(cm_decoder *d, uint32_t *out);
VM_MUST_CHECK bool cm_read_valtype(cm_decoder *d, const cm_type **out);
VM_MUST_CHECK bool cm_read_opt_valtype(cm_decoder *d, const cm_type **out);
VM_MUST_CHECK bool cm_read_resultlist(cm_decoder *d, const cm_type **out);
VM_MUST_CHECK bool cm_read_externtype(cm_decoder *d, cm_externtype *out);
VM_MUST_CHECK bool cm_decode_type(cm_decoder *d);      /* one of section 7 */
VM_MUST_CHECK bool cm_decode_core_type(cm_decoder *d); /* one of section 3 */
VM_MUST_CHECK bool cm_type_at(cm_decoder *d, uint32_t index, cm_typedef *out);
/* A resource type by index, for own, borrow and the built-ins. */
VM_MUST_CHECK bool cm_resource_at(cm_decoder *d, uint32_t index,
                                  cm_typedef *out);

void cm_ranges_extern(cm_ranges *to, const cm_externtype *type);
/* Nodes when written out as a tree, and nesting of instance types. */
uint32_t cm_weight_extern(const cm_externtype *type);
uint32_t cm_depth_extern(const cm_externtype *type);
/* Counts work that may be out of proportion to the size of the input. */
VM_MUST_CHECK bool cm_work(cm_decoder *d, uint32_t weight);
/* An interface over decls that are in the arena, with ranges and weight. */
const cm_interface *cm_make_interface(cm_decoder *d, const cm_decl *decls,
                                      uint32_t count);
/* Does the type mention a resource that it does not bind itself? */
bool cm_type_is_open(const cm_typedef *type);

/* ---- substitution (cm_subst.c) ----------------------------------------- */

typedef struct cm_subst {
    cm_decoder *d;
    cm_map resources; /* number + 1 -> number */
    cm_map idents;    /* ident -> const cm_typedef * */
    cm_map memo;      /* const cm_type * -> const cm_type * */
    cm_ranges keys;
} cm_subst;

VM_MUST_CHECK bool cm_subst_resource(cm_subst *s, uint32_t from, uint32_t to);
VM_MUST_CHECK bool cm_subst_ident(cm_subst *s, uint32_t from, cm_typedef to);
/* NULL (or false) with the error set when memory ran out. */
const cm_type *cm_subst_type(cm_subst *s, const cm_type *type);
VM_MUST_CHECK bool cm_subst_extern(cm_subst *s, const cm_externtype *type,
                                   cm_externtype *out);
const cm_interface *cm_subst_interface(cm_subst *s, const cm_interface *iface);
void cm_subst_finish(cm_subst *s);

/* ---- visibility and opening (cm_visible.c) ----------------------------- */

typedef enum cm_level {
    CM_AS_IMPORT,
    CM_AS_EXPORT,
    CM_AS_BAG, /* of an instance made from items: nothing gets a name */
} cm_level;

/*
 * What a type becomes by being imported or exported from the present scope: its
 * definitions get names of their own, fresh resource types get numbers, and
 * everything it mentions must have a name already.
 */
VM_MUST_CHECK bool cm_declare(cm_decoder *d, cm_level level,
                              const cm_externtype *type, cm_externtype *out);
/* Exports an item as it is: what an instance exports has a name by that. */
VM_MUST_CHECK bool cm_export_item(cm_decoder *d, const cm_externtype *item,
                                  cm_externtype *out);
/* Checks a name against its type and adds it to the side. */
VM_MUST_CHECK bool cm_side_add(cm_decoder *d, cm_side *side, cm_level level,
                               vm_name name, const cm_externtype *type);
/* The type of `component` instantiated with the given named arguments, of
 * which `names` becomes an index. */
typedef struct cm_given {
    vm_name name;
    cm_externtype type;
} cm_given;
const cm_interface *cm_instantiate_type(cm_decoder *d,
                                        const cm_componenttype *type,
                                        const cm_given *given, uint32_t count,
                                        cm_names *names);
/* Ends the present scope's type: which exports bind which resources. */
const cm_componenttype *cm_component_type(cm_decoder *d);
void cm_side_finish(cm_side *side);

/* ---- index spaces (cm_decode.c) ---------------------------------------- */

VM_MUST_CHECK bool cm_scope_enter(cm_decoder *d, cm_builder *b,
                                  cm_scope_kind kind);
void cm_scope_leave(cm_decoder *d);
/* Adds what was imported, exported or aliased to its index space. */
VM_MUST_CHECK bool cm_space_add(cm_decoder *d, const cm_externtype *type);
VM_MUST_CHECK bool cm_decode_alias(cm_decoder *d);
VM_MUST_CHECK bool cm_read_extern_name(cm_decoder *d, vm_name *name,
                                       vm_name *implements);
VM_MUST_CHECK bool cm_import_or_export_decl(cm_decoder *d, cm_level level);
bool cm_check_implements(cm_decoder *d, vm_name name, vm_name implements,
                         cm_sort sort);
bool cm_out_of_bounds(cm_decoder *d, const char *space, uint32_t index);

VM_MUST_CHECK bool cm_decode_core_module(cm_decoder *d, const uint8_t *bytes,
                                         size_t size);
VM_MUST_CHECK bool cm_decode_core_instance(cm_decoder *d);
VM_MUST_CHECK bool cm_decode_core_alias(cm_decoder *d, vm_extern_kind kind);
VM_MUST_CHECK bool cm_decode_canon(cm_decoder *d);

/* ---- values (cm_decode_value.c) ---------------------------------------- */

VM_MUST_CHECK bool cm_decode_value(cm_decoder *d); /* one of section 12 */
VM_MUST_CHECK bool cm_decode_start(cm_decoder *d); /* section 9 */
VM_MUST_CHECK bool cm_value_add(cm_decoder *d, const cm_type *type, bool used);
/* The one use that a value has. */
VM_MUST_CHECK bool cm_value_use(cm_decoder *d, uint32_t index,
                                const cm_type **type);
VM_MUST_CHECK bool cm_values_all_used(cm_decoder *d);

VM_MUST_CHECK bool cm_step_add(cm_decoder *d, cm_step step);

#endif
