/*
 * types.c - the engine's registry of defined types, and subtyping.
 *
 * A recursion group is interned by its key: a vector of words that spells out
 * every type, with references into the group as VM_REC_BIT | position.  Two
 * groups with equal keys are the same types (the spec's iso-recursive
 * equivalence), since ids outside the group are canonical already.
 */
#include "vm/types.h"

#include "vm/module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct vm_recgroup {
    struct vm_recgroup *next;
    uint64_t hash;
    uint32_t first, ntypes;
    size_t nkey;
    uint32_t *key;
    vm_deftype types[]; /* then displays, value types and fields */
} vm_recgroup;

/* ---- keys --------------------------------------------------------------- */

enum { KEY_HEAD = 6 }; /* words per type before its value types */

static size_t key_size(const vm_subtype *group, uint32_t n)
{
    size_t words = 0;
    for (uint32_t i = 0; i < n; i++)
        words += KEY_HEAD + group[i].ntypes * (group[i].is_mutable ? 2 : 1);
    return words;
}

static void key_write(const vm_subtype *group, uint32_t n, uint32_t *key)
{
    for (uint32_t i = 0; i < n; i++) {
        const vm_subtype *t = &group[i];
        *key++ = (uint32_t)t->kind << 1 | t->is_final;
        *key++ = t->super;
        *key++ = t->descriptor;
        *key++ = t->describes;
        *key++ = t->nparams;
        *key++ = t->ntypes;
        for (uint32_t k = 0; k < t->ntypes; k++) {
            *key++ = t->types[k];
            if (t->is_mutable)
                *key++ = t->is_mutable[k];
        }
    }
}

static uint64_t key_hash(const uint32_t *key, size_t n)
{
    uint64_t h = n;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ key[i]) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    return h;
}

/* ---- building ----------------------------------------------------------- */

/* Makes a relative id absolute. */
static uint32_t resolve_id(uint32_t id, uint32_t first)
{
    return id != VM_NO_TYPE && (id & VM_REC_BIT) ? (id & ~VM_REC_BIT) + first
                                                 : id;
}

static vm_type resolve_type(vm_type t, uint32_t first)
{
    if (!vm_type_is_defined(t) || !(t & VM_REC_BIT))
        return t;
    return (t & ~VM_HEAP_MASK) | ((t & VM_HEAP_MASK & ~VM_REC_BIT) + first);
}

uint32_t vm_type_size(vm_type type)
{
    switch (type) {
    case VM_I8: return 1;
    case VM_I16: return 2;
    case VM_I32:
    case VM_F32: return 4;
    case VM_V128: return 16;
    default: return 8;
    }
}

/* Fields in order, each aligned to its size (at most 8), so that a subtype's
 * object starts with its supertype's. */
static void build_struct(vm_deftype *def, const vm_subtype *t, uint32_t first,
                         vm_field *fields)
{
    uint32_t offset = 0;
    for (uint32_t i = 0; i < t->ntypes; i++) {
        uint32_t size = vm_type_size(t->types[i]);
        uint32_t align = size < 8 ? size : 8;
        offset = (offset + align - 1) & ~(align - 1);
        fields[i] = (vm_field){resolve_type(t->types[i], first), offset,
                               (uint8_t)size, t->is_mutable[i]};
        offset += size;
    }
    def->st.nfields = t->ntypes;
    def->st.fields = fields;
    def->st.size = (offset + 7) & ~7u;
}

static void build_func(vm_deftype *def, const vm_subtype *t, uint32_t first,
                       vm_type *types)
{
    def->func = (vm_functype){.nparams = t->nparams,
                              .nresults = t->ntypes - t->nparams,
                              .types = types};
    for (uint32_t i = 0; i < t->ntypes; i++) {
        types[i] = resolve_type(t->types[i], first);
        uint32_t slots = vm_type_slots(types[i]);
        if (i < t->nparams)
            def->func.param_slots += slots;
        else
            def->func.result_slots += slots;
    }
}

/* The super's depth + 1; supers of the same group come earlier in it. */
static uint32_t depth_of(const vm_types *types, const vm_recgroup *g,
                         uint32_t super)
{
    if (super == VM_NO_TYPE)
        return 0;
    if (super >= g->first)
        return g->types[super - g->first].depth + 1u;
    return vm_types_get(types, super)->depth + 1u;
}

static const uint32_t *supers_of(const vm_types *types, const vm_recgroup *g,
                                 uint32_t super)
{
    return super >= g->first ? g->types[super - g->first].supers
                             : vm_types_get(types, super)->supers;
}

/*
 * Bytes behind the deftypes: a display, and types or fields, for each.  How
 * deep a type is follows from its super; inside the group, from its position.
 */
static size_t payload_size(const vm_types *types, const vm_subtype *group,
                           uint32_t n)
{
    uint32_t depth = 1;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t super = group[i].super;
        if (super != VM_NO_TYPE && !(super & VM_REC_BIT) &&
            vm_types_get(types, super)->depth + 2u > depth)
            depth = vm_types_get(types, super)->depth + 2u;
    }
    size_t size = 0;
    for (uint32_t i = 0; i < n; i++) {
        size_t words = depth + (size_t)i;
        if (words > VM_MAX_SUPERS + 1)
            words = VM_MAX_SUPERS + 1;
        size += words * sizeof(uint32_t);
        if (group[i].kind == VM_COMP_STRUCT)
            size += group[i].ntypes * sizeof(vm_field);
        if (group[i].kind == VM_COMP_FUNC)
            size += group[i].ntypes * sizeof(vm_type);
    }
    return size;
}

/* False when a type is too deep. */
static bool build_types(vm_types *types, vm_recgroup *g,
                        const vm_subtype *group)
{
    uint8_t *room = (uint8_t *)(g->types + g->ntypes);
    for (uint32_t i = 0; i < g->ntypes; i++) {
        const vm_subtype *t = &group[i];
        vm_deftype *def = &g->types[i];
        uint32_t super = resolve_id(t->super, g->first);
        uint32_t depth = depth_of(types, g, super);
        if (depth > VM_MAX_SUPERS)
            return false;
        uint32_t *display = (uint32_t *)room;
        if (depth)
            memcpy(display, supers_of(types, g, super),
                   depth * sizeof *display);
        display[depth] = g->first + i;
        room += (depth + 1) * sizeof *display;
        *def = (vm_deftype){.id = g->first + i,
                            .kind = (uint8_t)t->kind,
                            .is_final = t->is_final,
                            .depth = (uint16_t)depth,
                            .supers = display,
                            .descriptor = resolve_id(t->descriptor, g->first),
                            .describes = resolve_id(t->describes, g->first)};
        if (t->kind == VM_COMP_FUNC) {
            build_func(def, t, g->first, (vm_type *)room);
            room += t->ntypes * sizeof(vm_type);
        } else if (t->kind == VM_COMP_STRUCT) {
            build_struct(def, t, g->first, (vm_field *)room);
            room += t->ntypes * sizeof(vm_field);
        } else {
            def->array = (vm_field){resolve_type(t->types[0], g->first), 0,
                                    (uint8_t)vm_type_size(t->types[0]),
                                    t->is_mutable[0]};
        }
    }
    return true;
}

/* ---- the table ---------------------------------------------------------- */

bool vm_types_init(vm_types *types)
{
    *types = (vm_types){.nbuckets = 64};
    types->buckets = calloc(types->nbuckets, sizeof *types->buckets);
    if (!types->buckets)
        return false;
    pthread_mutex_init(&types->lock, NULL);
    return true;
}

static void free_group(vm_recgroup *g)
{
    if (g)
        free(g->key);
    free(g);
}

void vm_types_finish(vm_types *types)
{
    for (uint32_t i = 0; i < types->nbuckets; i++) {
        for (vm_recgroup *g = types->buckets[i], *next; g; g = next) {
            next = g->next;
            free_group(g);
        }
    }
    free(types->buckets);
    for (size_t i = 0; i < sizeof types->chunks / sizeof *types->chunks; i++)
        free(types->chunks[i]);
    pthread_mutex_destroy(&types->lock);
}

static vm_recgroup *find_group(const vm_types *types, const vm_recgroup *like)
{
    vm_recgroup *g = types->buckets[like->hash & (types->nbuckets - 1)];
    for (; g; g = g->next)
        if (g->hash == like->hash && g->nkey == like->nkey &&
            !memcmp(g->key, like->key, like->nkey * sizeof *like->key))
            return g;
    return NULL;
}

/* Doubling; staying small when memory is short only costs time. */
static void grow_buckets(vm_types *types)
{
    uint32_t n = types->nbuckets * 2;
    vm_recgroup **buckets = calloc(n, sizeof *buckets);
    if (!buckets)
        return;
    for (uint32_t i = 0; i < types->nbuckets; i++) {
        for (vm_recgroup *g = types->buckets[i], *next; g; g = next) {
            next = g->next;
            g->next = buckets[g->hash & (n - 1)];
            buckets[g->hash & (n - 1)] = g;
        }
    }
    free(types->buckets);
    types->buckets = buckets;
    types->nbuckets = n;
}

/* Gives ids `first`... their chunks; false when out of memory. */
static bool reserve_ids(vm_types *types, uint32_t n)
{
    for (uint32_t i = types->count >> VM_TYPE_CHUNK_BITS;
         i <= (types->count + n - 1) >> VM_TYPE_CHUNK_BITS; i++) {
        if (!types->chunks[i])
            types->chunks[i] = calloc(VM_TYPE_CHUNK, sizeof(vm_deftype *));
        if (!types->chunks[i])
            return false;
    }
    return true;
}

static void publish(vm_types *types, vm_recgroup *g)
{
    for (uint32_t i = 0; i < g->ntypes; i++) {
        uint32_t id = g->first + i;
        types->chunks[id >> VM_TYPE_CHUNK_BITS][id & (VM_TYPE_CHUNK - 1)] =
            &g->types[i];
    }
    types->count += g->ntypes;
    if (++types->ngroups > types->nbuckets)
        grow_buckets(types);
    g->next = types->buckets[g->hash & (types->nbuckets - 1)];
    types->buckets[g->hash & (types->nbuckets - 1)] = g;
}

static vm_status add_group(vm_types *types, const vm_subtype *group,
                           vm_recgroup *g)
{
    if (g->ntypes > VM_MAX_TYPES - types->count)
        return VM_INVALID;
    if (!reserve_ids(types, g->ntypes))
        return VM_NO_MEMORY;
    g->first = types->count;
    if (!build_types(types, g, group))
        return VM_INVALID;
    publish(types, g);
    return VM_OK;
}

vm_status vm_types_intern(vm_types *types, const vm_subtype *group, uint32_t n,
                          uint32_t *first)
{
    vm_recgroup *g = malloc(sizeof *g + n * sizeof *g->types +
                            payload_size(types, group, n));
    if (!g)
        return VM_NO_MEMORY;
    *g = (vm_recgroup){.ntypes = n, .nkey = key_size(group, n)};
    vm_status status = VM_NO_MEMORY;
    g->key = malloc((g->nkey + 1) * sizeof *g->key);
    if (!g->key)
        goto done;
    key_write(group, n, g->key);
    g->hash = key_hash(g->key, g->nkey);

    pthread_mutex_lock(&types->lock);
    vm_recgroup *known = find_group(types, g);
    status = known ? VM_OK : add_group(types, group, g);
    if (status == VM_OK)
        *first = known ? known->first : g->first;
    if (status == VM_OK && !known)
        g = NULL; /* the registry owns it now */
    pthread_mutex_unlock(&types->lock);
done:
    free_group(g);
    return status;
}

vm_status vm_types_intern_func(vm_types *types, const vm_functype *func,
                               const vm_deftype **out)
{
    vm_subtype t = {.kind = VM_COMP_FUNC,
                    .is_final = true,
                    .super = VM_NO_TYPE,
                    .descriptor = VM_NO_TYPE,
                    .describes = VM_NO_TYPE,
                    .nparams = func->nparams,
                    .ntypes = func->nparams + func->nresults,
                    .types = func->types};
    uint32_t id;
    vm_status status = vm_types_intern(types, &t, 1, &id);
    if (status == VM_OK)
        *out = vm_types_get(types, id);
    return status;
}

/* ---- subtyping ---------------------------------------------------------- */

/* The abstract type right above a defined one. */
static uint32_t abstract_of(const vm_types *types, uint32_t heap)
{
    static const uint32_t above[] = {[VM_COMP_FUNC] = VM_HEAP_FUNC,
                                     [VM_COMP_STRUCT] = VM_HEAP_STRUCT,
                                     [VM_COMP_ARRAY] = VM_HEAP_ARRAY};
    return heap & VM_ABSTRACT ? heap : above[vm_types_get(types, heap)->kind];
}

uint32_t vm_heap_top(const vm_types *types, uint32_t heap)
{
    switch (abstract_of(types, heap)) {
    case VM_HEAP_FUNC:
    case VM_HEAP_NOFUNC: return VM_HEAP_FUNC;
    case VM_HEAP_EXTERN:
    case VM_HEAP_NOEXTERN: return VM_HEAP_EXTERN;
    case VM_HEAP_EXN:
    case VM_HEAP_NOEXN: return VM_HEAP_EXN;
    default: return VM_HEAP_ANY;
    }
}

uint32_t vm_heap_bottom(const vm_types *types, uint32_t heap)
{
    switch (vm_heap_top(types, heap)) {
    case VM_HEAP_FUNC: return VM_HEAP_NOFUNC;
    case VM_HEAP_EXTERN: return VM_HEAP_NOEXTERN;
    case VM_HEAP_EXN: return VM_HEAP_NOEXN;
    default: return VM_HEAP_NONE;
    }
}

/* Section 3.3.3, heap types. */
static bool heap_matches(const vm_types *types, uint32_t a, uint32_t b)
{
    if (a == b)
        return true;
    if (!(b & VM_ABSTRACT)) {
        if (!(a & VM_ABSTRACT))
            return vm_deftype_extends(vm_types_get(types, a),
                                      vm_types_get(types, b));
        return a == vm_heap_bottom(types, b);
    }
    uint32_t up = abstract_of(types, a);
    if (up == b || b == vm_heap_top(types, a) || up == vm_heap_bottom(types, b))
        return true;
    return b == VM_HEAP_EQ &&
           (up == VM_HEAP_I31 || up == VM_HEAP_STRUCT || up == VM_HEAP_ARRAY);
}

bool vm_type_matches_slow(const vm_types *types, vm_type a, vm_type b)
{
    if (a == b)
        return true;
    if (!vm_type_is_ref(a) || !vm_type_is_ref(b))
        return false;
    if (vm_type_is_nullable(a) && !vm_type_is_nullable(b))
        return false;
    uint32_t ha = vm_type_id(a), hb = vm_type_id(b);
    if (ha == VM_HEAP_BOTTOM)
        return true;
    /* an exact type has no subtypes but the bottom */
    if (b & VM_EXACT)
        return (ha == hb && (a & VM_EXACT)) || ha == vm_heap_bottom(types, hb);
    return heap_matches(types, ha, hb);
}

/* ---- text --------------------------------------------------------------- */

static const char *const heap_names[] = {
    "exn",    "array", "struct", "i31",      "eq",     "any",
    "extern", "func",  "none",   "noextern", "nofunc", "noexn",
};

char *vm_type_name(vm_type type, char *buf, size_t size)
{
    static const struct {
        vm_type type;
        const char *name;
    } plain[] = {
        {VM_I32, "i32"}, {VM_I64, "i64"},          {VM_F32, "f32"},
        {VM_F64, "f64"}, {VM_V128, "v128"},        {VM_I8, "i8"},
        {VM_I16, "i16"}, {VM_BOTTOM, "(unknown)"},
    };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (plain[i].type == type) {
            snprintf(buf, size, "%s", plain[i].name);
            return buf;
        }
    }
    if (vm_type_id(type) == VM_HEAP_BOTTOM) {
        snprintf(buf, size, "(ref unknown)");
        return buf;
    }
    const char *null = vm_type_is_nullable(type) ? "null " : "";
    const char *exact = type & VM_EXACT ? "exact " : "";
    if (type & VM_ABSTRACT)
        snprintf(buf, size, "(ref %s%s%s)", null, exact,
                 heap_names[(type & 0xff) - 0x69]);
    else
        snprintf(buf, size, "(ref %s%s%u)", null, exact, vm_type_id(type));
    return buf;
}
