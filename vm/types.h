/*
 * types.h - value types, defined types, and the engine's registry of them.
 *
 * A vm_type is 32 bits:
 *
 *   number, vector, packed   the binary code (0x7f i32 ... 0x77 i16)
 *   reference                VM_REF | VM_NULLABLE? | VM_EXACT? | heap type
 *   heap type                VM_ABSTRACT | binary code (0x70 func ...), or the
 *                            id of a defined type
 *   0                        bottom: the validator's "unknown"
 *
 * Ids are engine-wide: a recursion group is canonicalised when a module is
 * decoded (references inside the group made relative, the whole hashed and
 * interned), so that iso-recursive type equality is integer equality across
 * modules, and subtyping is one compare in the type's display of supertypes.
 */
#ifndef VYOMA_VM_TYPES_H
#define VYOMA_VM_TYPES_H

#include "vm/vm.h"

#include <pthread.h>

enum {
    VM_I32 = 0x7f,
    VM_I64 = 0x7e,
    VM_F32 = 0x7d,
    VM_F64 = 0x7c,
    VM_V128 = 0x7b,
    VM_I8 = 0x78, /* storage types, in fields only */
    VM_I16 = 0x77,
    VM_BOTTOM = 0,
};

#define VM_REF 0x80000000u
#define VM_NULLABLE 0x40000000u
#define VM_EXACT 0x20000000u
#define VM_ABSTRACT 0x10000000u
#define VM_HEAP_MASK 0x1fffffffu /* VM_ABSTRACT and code, or id */

/* Abstract heap types, as the low bits of a reference. */
enum {
    VM_HEAP_NOEXN = VM_ABSTRACT | 0x74,
    VM_HEAP_NOFUNC = VM_ABSTRACT | 0x73,
    VM_HEAP_NOEXTERN = VM_ABSTRACT | 0x72,
    VM_HEAP_NONE = VM_ABSTRACT | 0x71,
    VM_HEAP_FUNC = VM_ABSTRACT | 0x70,
    VM_HEAP_EXTERN = VM_ABSTRACT | 0x6f,
    VM_HEAP_ANY = VM_ABSTRACT | 0x6e,
    VM_HEAP_EQ = VM_ABSTRACT | 0x6d,
    VM_HEAP_I31 = VM_ABSTRACT | 0x6c,
    VM_HEAP_STRUCT = VM_ABSTRACT | 0x6b,
    VM_HEAP_ARRAY = VM_ABSTRACT | 0x6a,
    VM_HEAP_EXN = VM_ABSTRACT | 0x69,
    VM_HEAP_BOTTOM = VM_ABSTRACT | 0, /* below all: the validator's unknown */
};

#define VM_FUNCREF (VM_REF | VM_NULLABLE | VM_HEAP_FUNC)
#define VM_EXTERNREF (VM_REF | VM_NULLABLE | VM_HEAP_EXTERN)
#define VM_ANYREF (VM_REF | VM_NULLABLE | VM_HEAP_ANY)
#define VM_EXNREF (VM_REF | VM_NULLABLE | VM_HEAP_EXN)

static inline bool vm_type_is_ref(vm_type t)
{
    return t & VM_REF;
}

static inline bool vm_type_is_nullable(vm_type t)
{
    return t & VM_NULLABLE;
}

/* A reference to a defined type: vm_type_id(t) is its id. */
static inline bool vm_type_is_defined(vm_type t)
{
    return (t & (VM_REF | VM_ABSTRACT)) == VM_REF;
}

static inline uint32_t vm_type_id(vm_type t)
{
    return t & VM_HEAP_MASK;
}

/* Non-null references have no default; everything else starts as 0. */
static inline bool vm_type_is_defaultable(vm_type t)
{
    return (t & (VM_REF | VM_NULLABLE)) != VM_REF;
}

/* 8-byte slots in a frame. */
static inline uint32_t vm_type_slots(vm_type t)
{
    return t == VM_V128 ? 2 : 1;
}

/* ---- defined types ------------------------------------------------------ */

typedef enum vm_comp_kind {
    VM_COMP_FUNC,
    VM_COMP_STRUCT,
    VM_COMP_ARRAY,
} vm_comp_kind;

typedef struct vm_field {
    vm_type type;    /* may be VM_I8 or VM_I16 */
    uint32_t offset; /* from the start of the object's payload */
    uint8_t size;    /* 1, 2, 4, 8 or 16 bytes; aligned to min(size, 8) */
    bool is_mutable;
} vm_field;

/* Immutable once interned; lives as long as the engine. */
typedef struct vm_deftype {
    uint32_t id;
    uint8_t kind; /* vm_comp_kind */
    bool is_final;
    /*
     * The display: supers[0..depth] are the ids from the root down to this
     * type itself.  a <: b iff a->depth >= b->depth and
     * a->supers[b->depth] == b->id.
     */
    uint16_t depth;
    const uint32_t *supers;
    union {
        vm_functype func;
        struct {
            uint32_t nfields;
            uint32_t size; /* payload bytes, a multiple of 8 */
            const vm_field *fields;
        } st;
        vm_field array; /* the element; offset 0 */
    };
    /* custom descriptors: ids, or VM_NO_TYPE */
    uint32_t descriptor, describes;
} vm_deftype;

#define VM_NO_TYPE UINT32_MAX
#define VM_MAX_TYPES (1u << 20) /* per engine */
#define VM_MAX_SUPERS 63        /* depth of subtyping */
#define VM_MAX_PARAMS 1000
#define VM_MAX_FIELDS 10000

static inline bool vm_deftype_extends(const vm_deftype *a, const vm_deftype *b)
{
    return a->depth >= b->depth && a->supers[b->depth] == b->id;
}

/* ---- the registry ------------------------------------------------------- */

#define VM_TYPE_CHUNK_BITS 10
#define VM_TYPE_CHUNK (1u << VM_TYPE_CHUNK_BITS)

/* Readers need no lock: chunks never move, and an id is known only to those
 * who got it from a finished interning. */
typedef struct vm_types {
    vm_deftype **chunks[VM_MAX_TYPES >> VM_TYPE_CHUNK_BITS];
    uint32_t count;
    struct vm_recgroup **buckets; /* hash of interned groups */
    uint32_t nbuckets, ngroups;
    pthread_mutex_t lock;
} vm_types;

struct vm_engine {
    vm_options options;
    vm_types types;
};

static inline const vm_deftype *vm_types_get(const vm_types *types, uint32_t id)
{
    return types->chunks[id >> VM_TYPE_CHUNK_BITS][id & (VM_TYPE_CHUNK - 1)];
}

/* One type of a recursion group about to be interned. */
typedef struct vm_subtype {
    vm_comp_kind kind;
    bool is_final;
    uint32_t super; /* as vm_type ids below; VM_NO_TYPE: none */
    uint32_t descriptor, describes;
    uint32_t nparams; /* functions: the first nparams of types */
    uint32_t ntypes;  /* params + results, or fields, or 1 */
    const vm_type *types;
    const bool *is_mutable; /* structs and arrays: one per type */
} vm_subtype;

/* Marks an id as relative: the n-th type of the group being interned. */
#define VM_REC_BIT 0x08000000u

/*
 * Interns a recursion group; *first receives the id of its first type, the
 * others follow.  VM_NO_MEMORY, or VM_INVALID when VM_MAX_TYPES is exceeded.
 * Does not check that declared supertypes match (see validate_types.c).
 */
VM_MUST_CHECK vm_status vm_types_intern(vm_types *types,
                                        const vm_subtype *group, uint32_t n,
                                        uint32_t *first);
/* A function type outside any module: host functions, components. */
VM_MUST_CHECK vm_status vm_types_intern_func(vm_types *types,
                                             const vm_functype *func,
                                             const vm_deftype **out);
VM_MUST_CHECK bool vm_types_init(vm_types *types);
void vm_types_finish(vm_types *types);

/* Subtyping of value types, a <: b; reflexive.  VM_BOTTOM is below all. */
bool vm_type_matches_slow(const vm_types *types, vm_type a, vm_type b);
static inline bool vm_type_matches(const vm_types *types, vm_type a, vm_type b)
{
    return a == b ||
           ((a & VM_REF) && (b & VM_REF) && vm_type_matches_slow(types, a, b));
}
/* The top of a heap type's hierarchy: VM_HEAP_ANY, _FUNC, _EXTERN, _EXN. */
uint32_t vm_heap_top(const vm_types *types, uint32_t heap);
/* The bottom of it: VM_HEAP_NONE, _NOFUNC, _NOEXTERN, _NOEXN. */
uint32_t vm_heap_bottom(const vm_types *types, uint32_t heap);

/* Writes the type in text format, e.g. "(ref null 7)"; returns buf. */
char *vm_type_name(vm_type type, char *buf, size_t size);

/* Bytes in memory or in an object's field. */
uint32_t vm_type_size(vm_type type);

#endif
