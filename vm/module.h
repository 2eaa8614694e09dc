/*
 * module.h - a decoded, validated module: what decode*.c makes from bytes,
 * validate*.c has checked, and compile*.c and instance.c read.
 *
 * Offsets are into the module's bytes, which the caller of vm_module_load
 * keeps alive.  Everything but the code slots is immutable after loading.
 */
#ifndef VYOMA_VM_MODULE_H
#define VYOMA_VM_MODULE_H

#include "vm/arena.h"
#include "vm/types.h"

#include <stdatomic.h>

struct vm_code; /* threaded code: compile.c */

/* Implementation limits; each is checked where the bytes are read. */
#define VM_MAX_MODULE_BYTES (1u << 30)
#define VM_MAX_LOCALS 50000 /* per function, parameters included */
#define VM_MAX_MEMORIES 100
#define VM_MAX_TABLES 10000
#define VM_MAX_BR_TABLE 100000

/* Every function of the index space; imported ones have body_size 0. */
typedef struct vm_funcdecl {
    const vm_deftype *type;
    struct vm_code *_Atomic code; /* NULL until first called */
    uint32_t locals;      /* offset of the vector of local declarations */
    uint32_t body;        /* offset of the first instruction */
    uint32_t body_size;   /* bytes up to and including the last `end` */
    uint32_t nlocals;     /* parameters included */
    uint32_t local_slots; /* parameters included; v128 counts twice */
    uint32_t max_slots;   /* of the operand stack, at any point */
    uint32_t max_labels;  /* nesting, the function's own label included */
    uint16_t flags;       /* VM_FUNC_* */
} vm_funcdecl;

enum {
    VM_FUNC_HAS_CALLS = 1, /* any instruction that may run a function */
    VM_FUNC_HAS_LOOPS = 2,
    VM_FUNC_HAS_V128 = 4, /* locals or operands */
    VM_FUNC_HAS_EH = 8,   /* try, try_table */
};

/* Walks the declarations: see vm_local_runs_next in reader.h. */

/* A constant expression: bytes [offset, offset + size), `end` included. */
typedef struct vm_constexpr {
    uint32_t offset, size;
} vm_constexpr;

typedef struct vm_tabledecl {
    vm_limits limits;
    vm_type type;
    vm_constexpr init; /* size 0: null */
} vm_tabledecl;

typedef struct vm_globaldecl {
    vm_type type;
    bool is_mutable;
    vm_constexpr init; /* size 0: imported */
} vm_globaldecl;

typedef enum vm_segment_mode {
    VM_SEGMENT_PASSIVE,
    VM_SEGMENT_ACTIVE,
    VM_SEGMENT_DECLARED, /* elements only */
} vm_segment_mode;

typedef struct vm_elemdecl {
    vm_segment_mode mode;
    uint32_t table;
    vm_type type;
    vm_constexpr start; /* active only */
    uint32_t count;
    /*
     * Where the items start: function indices as LEB128 when is_indices, else
     * constant expressions one after the other (each ends with `end`).
     */
    uint32_t items;
    bool is_indices;
} vm_elemdecl;

typedef struct vm_datadecl {
    vm_segment_mode mode;
    uint32_t memory;
    vm_constexpr start;
    uint32_t offset, size; /* the bytes */
} vm_datadecl;

typedef struct vm_section {
    vm_name name; /* custom sections only */
    uint8_t id;
    uint32_t offset, size; /* contents (after the name, for custom ones) */
} vm_section;

struct vm_module {
    vm_engine *engine;
    atomic_uint refs;
    const uint8_t *bytes;
    size_t size;
    vm_arena arena; /* everything below */

    uint32_t ntypes;
    const vm_deftype **types; /* by the module's type index */

    /* Index spaces; imports come first in each. */
    uint32_t nfuncs, nfunc_imports;
    vm_funcdecl *funcs;
    uint32_t ntables, ntable_imports;
    vm_tabledecl *tables;
    uint32_t nmemories, nmemory_imports;
    vm_limits *memories;
    uint32_t nglobals, nglobal_imports;
    vm_globaldecl *globals;
    uint32_t ntags, ntag_imports;
    const vm_deftype **tags;

    uint32_t nimports, nexports;
    vm_import *imports;
    vm_export *exports;
    uint32_t *export_hash;     /* open addressing, position + 1; see below */
    uint32_t export_hash_size; /* a power of two */

    uint32_t start; /* function index, or UINT32_MAX */
    uint32_t nelems, ndatas;
    vm_elemdecl *elems;
    vm_datadecl *datas;
    uint32_t data_count; /* of the data count section, or UINT32_MAX */

    uint32_t nsections;
    vm_section *sections; /* in order, custom ones included */
    uint32_t code_offset; /* contents of the code section (DWARF's base) */

    /* Parsed on first use (names.c, lines.c). */
    struct vm_names *_Atomic names;
    struct vm_lines *_Atomic lines;

    /* What the active segments make: image.c. */
    struct vm_image *_Atomic image;

    /* The compiler's own state, freed by code_free. */
    void *code_state;
    void (*code_free)(vm_module *module);
};

/* Position in exports, or UINT32_MAX. */
uint32_t vm_module_find_export(const vm_module *module, const char *name,
                               size_t len);

/* Finds the n-th custom section of that name; NULL if there is none. */
const vm_section *vm_module_custom(const vm_module *module, const char *name,
                                   uint32_t n);

void vm_names_free(vm_module *module); /* for the module's destruction */

/*
 * The types of the operands on the stack before the instruction at `offset` of
 * a function's body, which can be reached; the topmost last; to be freed.
 * NULL: out of memory.
 */
vm_type *vm_validate_operands(vm_module *module, uint32_t func, uint32_t offset,
                              uint32_t *count);
/*
 * Names from the name section (parsed lazily, thread-safe), else len 0.
 * Malformed name sections are ignored from the first fault on.
 */
vm_name vm_module_name(const vm_module *module);
vm_name vm_module_func_name(const vm_module *module, uint32_t func);
vm_name vm_module_local_name(const vm_module *module, uint32_t func,
                             uint32_t local);
/*
 * What to call a function where people read it: its name, else the name of its
 * export or import, else func[N].  Control characters are replaced; what does
 * not fit is cut off.  Returns the length.
 */
size_t vm_module_func_label(const vm_module *module, uint32_t func, char *buf,
                            size_t size);

/*
 * Branch hints (custom section metadata.code.branch_hint): the hint for the
 * instruction at `offset` (into the module's bytes): 0 unlikely, 1 likely,
 * -1 none.  Offsets asked for in ascending order within one function are
 * answered in amortised constant time when *cursor starts at 0.
 */
int vm_module_branch_hint(const vm_module *module, uint32_t func,
                          uint32_t offset, uint32_t *cursor);

#endif
