/*
 * interp_slow.c - handlers that call C: memories, tables, references, wide
 * arithmetic.  Over slots; immediates in the next cell.
 *
 *     field 0: destination, fields 1...3: operands | low 32 bits: first index,
 *     high: second.  An index with bit 31 set has 64-bit addresses.
 */
#include "vm/interp.h"

#include "vm/heap.h"

/* Tables of macros: laid out by hand. */
/* clang-format off */

#define X(name) extern HANDLER(vm_x_##name);
X(MEMORY_SIZE)
X(MEMORY_GROW)
X(MEMORY_INIT)
X(DATA_DROP)
X(MEMORY_COPY) X(MEMORY_FILL) X(TABLE_GET) X(TABLE_SET) X(TABLE_SIZE)
    X(TABLE_GROW) X(TABLE_FILL) X(TABLE_COPY) X(TABLE_INIT) X(ELEM_DROP)
        X(REF_FUNC) X(REF_AS_NON_NULL) X(TRAP) X(I64_ADD128) X(I64_SUB128)
            X(I64_MUL_WIDE_S) X(I64_MUL_WIDE_U)
#undef X

#define FIRST ((uint32_t)pc[2])
#define SECOND ((uint32_t)(pc[2] >> 32))
#define INDEX(imm) ((imm) & 0x7fffffff)
#define IS_64(imm) ((imm) >> 31)

                static inline uint64_t address(vm_slot slot, bool is64)
{
    return is64 ? slot : (uint32_t)slot;
}

/* -1 of the address type, as the result of a failed grow. */
static inline uint64_t sized(int64_t v, bool is64)
{
    return is64 ? (uint64_t)v : (uint32_t)v;
}

#define FAIL(text)                                                             \
    do {                                                                       \
        fiber->status = vm_trap(fiber, text);                                  \
        JUMP(vm_stop);                                                         \
    } while (0)

HANDLER(vm_x_TRAP)
{
    FAIL("unreachable");
}

/* ---- memories ---------------------------------------------------------------
 */

HANDLER(vm_x_MEMORY_SIZE)
{
    const vm_memory *m = inst->memories[INDEX(FIRST)];
    fp[FIELD(0)] = vm_memory_bytes(m) >> m->limits.page_size_log2;
    NEXT(3);
}

HANDLER(vm_x_MEMORY_GROW)
{
    vm_memory *m = inst->memories[INDEX(FIRST)];
    int64_t old = vm_memory_grow(m, address(fp[FIELD(1)], IS_64(FIRST)));
    fp[FIELD(0)] = sized(old, IS_64(FIRST));
    RELOAD_MEMORY();
    NEXT(3);
}

HANDLER(vm_x_MEMORY_INIT)
{
    vm_memory *m = inst->memories[INDEX(SECOND)];
    uint64_t d = address(fp[FIELD(1)], IS_64(SECOND));
    uint64_t s = (uint32_t)fp[FIELD(2)], n = (uint32_t)fp[FIELD(3)];
    if (UNLIKELY(!vm_in_range(s, n, vm_data_size(inst, FIRST)) ||
                 !vm_in_range(d, n, vm_memory_bytes(m))))
        FAIL("out of bounds memory access");
    const vm_module *module = inst->module;
    PAY_FOR(n);
    if (n)
        memcpy(m->data + d, module->bytes + module->datas[FIRST].offset + s, n);
    NEXT(3);
}

HANDLER(vm_x_DATA_DROP)
{
    inst->dropped[FIRST / 8] |= (uint8_t)(1 << (FIRST % 8));
    NEXT(3);
}

HANDLER(vm_x_MEMORY_COPY)
{
    vm_memory *to = inst->memories[INDEX(FIRST)];
    vm_memory *from = inst->memories[INDEX(SECOND)];
    uint64_t d = address(fp[FIELD(1)], IS_64(FIRST));
    uint64_t s = address(fp[FIELD(2)], IS_64(SECOND));
    uint64_t n = address(fp[FIELD(3)], IS_64(FIRST) && IS_64(SECOND));
    if (UNLIKELY(!vm_in_range(s, n, vm_memory_bytes(from)) ||
                 !vm_in_range(d, n, vm_memory_bytes(to))))
        FAIL("out of bounds memory access");
    PAY_FOR(n);
    if (n)
        memmove(to->data + d, from->data + s, n);
    NEXT(3);
}

HANDLER(vm_x_MEMORY_FILL)
{
    vm_memory *m = inst->memories[INDEX(FIRST)];
    uint64_t d = address(fp[FIELD(1)], IS_64(FIRST));
    uint64_t n = address(fp[FIELD(3)], IS_64(FIRST));
    if (UNLIKELY(!vm_in_range(d, n, vm_memory_bytes(m))))
        FAIL("out of bounds memory access");
    PAY_FOR(n);
    if (n)
        memset(m->data + d, (int)(fp[FIELD(2)] & 0xff), n);
    NEXT(3);
}

/* ---- tables
 * ------------------------------------------------------------------- */

/* What is out of bounds traps, and costs nothing. */
#define PAY_FOR_ELEMENTS(table, n)                                             \
    PAY_FOR((n) <= (table)->size ? (n) * sizeof(vm_ref) : 0)

HANDLER(vm_x_TABLE_GET)
{
    vm_ref ref;
    if (UNLIKELY(!vm_table_get(inst->tables[INDEX(FIRST)],
                               address(fp[FIELD(1)], IS_64(FIRST)), &ref)))
        FAIL("out of bounds table access");
    fp[FIELD(0)] = ref;
    NEXT(3);
}

HANDLER(vm_x_TABLE_SET)
{
    if (UNLIKELY(!vm_table_set(inst->tables[INDEX(FIRST)],
                               address(fp[FIELD(1)], IS_64(FIRST)),
                               fp[FIELD(2)])))
        FAIL("out of bounds table access");
    NEXT(3);
}

HANDLER(vm_x_TABLE_SIZE)
{
    fp[FIELD(0)] = inst->tables[INDEX(FIRST)]->size;
    NEXT(3);
}

HANDLER(vm_x_TABLE_GROW)
{
    vm_table *t = inst->tables[INDEX(FIRST)];
    uint64_t delta = address(fp[FIELD(2)], IS_64(FIRST));
    PAY_FOR(delta <= t->store->limits.table_elements ? delta * sizeof(vm_ref)
                                                     : 0);
    int64_t old = vm_table_grow(t, delta, fp[FIELD(1)]);
    fp[FIELD(0)] = sized(old, IS_64(FIRST));
    NEXT(3);
}

HANDLER(vm_x_TABLE_FILL)
{
    vm_table *t = inst->tables[INDEX(FIRST)];
    uint64_t n = address(fp[FIELD(3)], IS_64(FIRST));
    PAY_FOR_ELEMENTS(t, n);
    if (UNLIKELY(!vm_table_fill(t, address(fp[FIELD(1)], IS_64(FIRST)),
                                fp[FIELD(2)], n)))
        FAIL("out of bounds table access");
    NEXT(3);
}

HANDLER(vm_x_TABLE_COPY)
{
    uint64_t n = address(fp[FIELD(3)], IS_64(FIRST) && IS_64(SECOND));
    vm_table *to = inst->tables[INDEX(FIRST)];
    PAY_FOR_ELEMENTS(to, n);
    if (UNLIKELY(!vm_table_copy(to, inst->tables[INDEX(SECOND)],
                                address(fp[FIELD(1)], IS_64(FIRST)),
                                address(fp[FIELD(2)], IS_64(SECOND)), n)))
        FAIL("out of bounds table access");
    NEXT(3);
}

HANDLER(vm_x_TABLE_INIT)
{
    vm_table *t = inst->tables[INDEX(SECOND)];
    uint32_t n = (uint32_t)fp[FIELD(3)];
    PAY_FOR_ELEMENTS(t, n);
    if (UNLIKELY(!vm_table_init(t, &inst->elems[FIRST],
                                address(fp[FIELD(1)], IS_64(SECOND)),
                                (uint32_t)fp[FIELD(2)], n)))
        FAIL("out of bounds table access");
    NEXT(3);
}

HANDLER(vm_x_ELEM_DROP)
{
    inst->elems[FIRST].count = 0;
    NEXT(3);
}

/* ---- references
 * ------------------------------------------------------------------ */

HANDLER(vm_x_REF_FUNC)
{
    vm_func *f = vm_instance_func(inst, FIRST);
    if (UNLIKELY(!f))
        FAIL("out of memory: function reference");
    fp[FIELD(0)] = vm_ref_from_func(f);
    NEXT(3);
}

HANDLER(vm_x_REF_AS_NON_NULL)
{
    uint64_t ref = fp[FIELD(1)];
    if (UNLIKELY(!ref))
        FAIL("null reference");
    fp[FIELD(0)] = ref;
    NEXT(2);
}

/* ---- wide arithmetic
 * --------------------------------------------------------------- */

typedef unsigned __int128 u128;

static inline u128 pair(const vm_slot *p)
{
    return (u128)p[1] << 64 | p[0];
}

static inline void put_pair(vm_slot *p, u128 v)
{
    p[0] = (uint64_t)v;
    p[1] = (uint64_t)(v >> 64);
}

/* Operands are four slots in a row, from field 1 on; the result two. */
HANDLER(vm_x_I64_ADD128)
{
    const vm_slot *p = fp + FIELD(1);
    put_pair(fp + FIELD(0), pair(p) + pair(p + 2));
    NEXT(2);
}

HANDLER(vm_x_I64_SUB128)
{
    const vm_slot *p = fp + FIELD(1);
    put_pair(fp + FIELD(0), pair(p) - pair(p + 2));
    NEXT(2);
}

HANDLER(vm_x_I64_MUL_WIDE_S)
{
    const vm_slot *p = fp + FIELD(1);
    put_pair(fp + FIELD(0),
             (u128)((__int128)(int64_t)p[0] * (__int128)(int64_t)p[1]));
    NEXT(2);
}

HANDLER(vm_x_I64_MUL_WIDE_U)
{
    const vm_slot *p = fp + FIELD(1);
    put_pair(fp + FIELD(0), (u128)p[0] * p[1]);
    NEXT(2);
}
