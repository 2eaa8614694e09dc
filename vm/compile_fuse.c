/*
 * compile_fuse.c - instructions that are made of several.
 *
 * While compiling: an operation on the pending one (SHL_ADD, GLOBAL_ADD).  When
 * the code is complete: sequences that have a handler of their own get it
 * (fuse.def).
 */
#include "vm/compile.h"
#include "vm/fuse.h"

#include <pthread.h>

/* The entry's value is being held back, and it is this instruction's. */
static bool is_pending(const cc *c, const entry *e, vm_op op)
{
    return e->kind == E_PENDING && c->has_pending && c->pending.op == op;
}

/* ---- arithmetic
 * ---------------------------------------------------------------- */

static bool shl_add(cc *c, uint32_t shifted, uint32_t other)
{
    entry *y = &c->stack[other];
    insn in = c->pending;
    if (!is_pending(c, &c->stack[shifted], VM_OP_I32_SHL) || in.bk != VM_K_K ||
        in.ak == VM_K_K)
        return false;
    vm_kind kind = y->kind == E_SLOT    ? VM_K_S
                   : y->kind == E_CONST ? VM_K_K
                   : y->kind == E_P     ? VM_K_P
                   : y->kind == E_Q     ? VM_K_Q
                                        : VM_KINDS;
    if (kind == VM_KINDS ||
        !vm_rows[VM_X_SHL_ADD][VM_ROW_INDEX(in.ak, kind, VM_K_S)])
        return false;
    in.op = VM_X_SHL_ADD;
    in.row = vm_rows[VM_X_SHL_ADD];
    in.format = FMT_CELL;
    in.c = (uint16_t)(in.k & 31);
    in.bk = (uint8_t)kind;
    in.b = kind == VM_K_S ? (uint16_t)y->slot : 0;
    in.k = y->k;
    c->has_pending = false;
    cc_pop(c);
    cc_pop(c);
    cc_push_pending(c, &in, false);
    return true;
}

/* global + K, or - K */
static bool global_add(cc *c, vm_op op)
{
    const entry *k = &c->stack[c->sp - 1];
    insn in = c->pending;
    if (k->kind != E_CONST ||
        !is_pending(c, &c->stack[c->sp - 2], (vm_op)VM_X_GLOBAL_GET) ||
        in.result != C_INT)
        return false;
    in.op = VM_X_GLOBAL_ADD;
    in.row = vm_rows[VM_X_GLOBAL_ADD];
    in.nextra = 1;
    in.extra[0] = op == VM_OP_I32_ADD ? (uint32_t)k->k : -(uint32_t)k->k;
    c->has_pending = false;
    cc_pop(c);
    cc_pop(c);
    cc_push_pending(c, &in, false);
    return true;
}

bool cc_fuse_binary(cc *c, vm_op op)
{
    uint32_t b = c->sp - 1, a = c->sp - 2;
    if (!c->has_pending || c->pending_at < a)
        return false;
    if (op == VM_OP_I32_SUB)
        return global_add(c, op);
    return op == VM_OP_I32_ADD &&
           (global_add(c, op) || shl_add(c, a, b) || shl_add(c, b, a));
}

/* ---- sequences
 * ------------------------------------------------------------------ */

/*
 * A hash table from the handlers of a sequence to its number, plus one; built
 * when the first function is compiled.  Linear probing; a quarter full at most.
 */
#define SEQUENCE_BITS 12
#define SEQUENCE_TABLE (1u << SEQUENCE_BITS)
static uint16_t sequence_table[SEQUENCE_TABLE];
static pthread_once_t sequences_once = PTHREAD_ONCE_INIT;

static uint32_t sequence_hash(vm_cell a, vm_cell b, vm_cell d)
{
    uint64_t h = a * 0x9e3779b97f4a7c15 ^ b * 0xc2b2ae3d27d4eb4f ^
                 d * 0x165667b19e3779f9;
    return (uint32_t)(h >> (64 - SEQUENCE_BITS));
}

static vm_cell part(const vm_sequence *s, int i)
{
    return s->part[i] ? (uintptr_t)*s->part[i] : 0;
}

static void build_sequences(void)
{
    for (uint32_t i = 0; i < vm_nsequences && i < SEQUENCE_TABLE / 2; i++) {
        const vm_sequence *s = &vm_sequences[i];
        uint32_t at = sequence_hash(part(s, 0), part(s, 1), part(s, 2));
        while (sequence_table[at])
            at = (at + 1) % SEQUENCE_TABLE;
        sequence_table[at] = (uint16_t)(i + 1);
    }
}

/* The handler of a, b and, unless it is 0, d; 0: none. */
static vm_cell find_sequence(vm_cell a, vm_cell b, vm_cell d)
{
    uint32_t at = sequence_hash(a, b, d);
    for (; sequence_table[at]; at = (at + 1) % SEQUENCE_TABLE) {
        const vm_sequence *s = &vm_sequences[sequence_table[at] - 1];
        if (part(s, 0) == a && part(s, 1) == b && part(s, 2) == d)
            return (uintptr_t)s->whole;
    }
    return 0;
}

#define NO_START UINT32_MAX

/* The cell where the next instruction starts, from the code's map. */
static uint32_t next_start(const cc *c, const uint8_t **map, uint32_t cell)
{
    if (*map == c->map + c->nmap)
        return NO_START;
    cell += vm_read_u32(map);
    vm_read_u32(map); /* the offset in the module's bytes */
    return cell;
}

/*
 * Every instruction that starts a sequence gets the handler of the longest one.
 * The cells do not move: sequences may overlap, and a branch into one runs the
 * rest of it.
 */
void cc_fuse_sequences(cc *c)
{
    const uint8_t *map = c->map;
    pthread_once(&sequences_once, build_sequences);
    uint32_t first = next_start(c, &map, 0);
    uint32_t second = next_start(c, &map, first);
    while (second != NO_START) {
        uint32_t third = next_start(c, &map, second);
        vm_cell a = c->cells[first], b = c->cells[second], whole = 0;
        if (third != NO_START)
            whole = find_sequence(a, b, c->cells[third]);
        if (!whole)
            whole = find_sequence(a, b, 0);
        if (whole)
            c->cells[first] = whole;
        first = second;
        second = third;
    }
}
