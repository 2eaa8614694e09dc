/*
 * compile.h - the compiler's state, shared by compile*.c.
 *
 *   code.c           who owns code objects and when they are compiled
 *   compile.c        the pass over a body: control flow and labels
 *   compile_ops.c    everything else, instruction by instruction
 *   compile_emit.c   the symbolic stack, and emitting cells
 *
 * The pass keeps the operand stack symbolically: an entry says where its value
 * is (a slot, a constant, a register), so that local.get and constants emit
 * nothing and become operands.  The last computation is held back ("pending")
 * until it is known where its result goes: a local.set makes it write the
 * local, a consumer takes it from the accumulator, a branch fuses with a
 * comparison, and only otherwise does it go to its home slot.
 *
 * Every entry has a home: the slot at its height in the frame.  At the start of
 * every block all entries are moved home (constants may stay), so that
 * different paths to a label agree.
 */
#ifndef VYOMA_VM_COMPILE_H
#define VYOMA_VM_COMPILE_H

#include "vm/code.h"
#include "vm/reader.h"
#include "vm/xops.h"

#include <setjmp.h>

typedef enum entry_kind {
    E_SLOT,  /* a slot: the home, or a local's */
    E_CONST, /* k */
    E_ACC,   /* the integer accumulator */
    E_F32,   /* the f32 accumulator */
    E_F64,   /* the f64 accumulator */
    E_P,     /* pinned locals */
    E_Q,
    E_D0,
    E_PENDING, /* the result of cc.pending */
    E_SUM,     /* an i32 sum of a local and a constant or another local, not
                  computed yet: most of them are addresses */
} entry_kind;

typedef struct entry {
    uint8_t kind;
    bool wide; /* v128: two slots */
    uint32_t slot, home;
    uint32_t local; /* index + 1 of the local it stands for, or 0 */
    uint64_t k;
    /* E_SUM: kinds (vm_kind) of both; the second's slot and local */
    uint8_t ak, bk;
    uint32_t slot2, local2;
} entry;

/* Where a value can be in a register. */
typedef enum value_class {
    C_INT,
    C_F32,
    C_F64,
    C_SLOT, /* nowhere: references, vectors, what has one handler */
    C_NONE, /* no result */
} value_class;

typedef enum insn_format {
    FMT_INT,       /* d, a, b; a 32-bit constant in imm32 */
    FMT_CELL,      /* d, a, b, c; a constant in the next cell */
    FMT_LOAD,      /* d, a, imm32; a constant a is added to it */
    FMT_STORE,     /* a, b, imm32; a constant b in the next cell */
    FMT_SELECT,    /* d, a, b, c; constants in the next two cells */
    FMT_IMM,       /* d, a, imm32; a constant a in the next cell */
    FMT_SUM_LOAD,  /* d, a, imm32, K in the next cell; or d, a, b, offset */
    FMT_SUM_STORE, /* a, value, imm32, K; or a, b, value, offset */
} insn_format;

typedef struct insn {
    uint16_t op; /* vm_op or VM_X_* */
    uint8_t format, result;
    uint8_t ak, bk; /* vm_kind */
    uint8_t nextra;
    uint16_t a, b, c; /* slots */
    uint32_t imm;
    uint32_t offset; /* in the module's bytes */
    uint64_t k, k2;
    uint64_t extra[3];
    const vm_handler *row; /* NULL: vm_simple[op], or `handler` */
    vm_handler handler;
} insn;

typedef struct local {
    vm_type type;
    uint32_t slot, refs; /* entries on the stack that stand for it */
    uint8_t pin;         /* E_P, E_Q, E_D0, or E_SLOT */
    bool zero;           /* may be read before it is assigned */
} local;

typedef enum label_kind {
    L_FUNC,
    L_BLOCK,
    L_LOOP,
    L_IF,
    L_ELSE,
    L_TRY,
    L_CATCH,
    L_TRY_TABLE,
} label_kind;

#define NO_PATCH UINT32_MAX

typedef struct label {
    uint8_t kind;
    bool reached; /* some branch leads to its end */
    vm_blocktype type;
    uint32_t sp, height; /* below the parameters */
    uint32_t start;      /* loops: cell to branch to; try: start of the body */
    uint32_t body_end;   /* legacy try: the cell after the body */
    uint32_t patches, else_patch, delegates;
    uint32_t stub, stub_epoch, next_stub; /* br_table */
    const uint8_t *catches;               /* try_table */
} label;

/* A place to fill in when a label is bound. */
typedef struct patch {
    uint32_t next;
    bool is_eh;     /* where is an entry of the handler table */
    uint32_t where; /* in halves of cells */
    uint32_t base;  /* cell of the instruction */
} patch;

/* A branch whose target is known: the half of a cell that holds it. */
typedef struct jump {
    uint32_t half, base;
} jump;

/* What was known of an instruction when it was written (listing.c). */
struct cc_noted {
    insn in;
    vm_kind d;
    uint32_t slot; /* of the destination */
    uint32_t cell;
};

typedef struct cc {
    jmp_buf fail;
    vm_error *err;
    vm_module *m;
    const vm_funcdecl *f;
    const vm_functype *type;
    struct vm_code *code;
    bool deterministic;

    const uint8_t *p;
    uint32_t offset; /* of the current instruction */

    vm_cell *cells;
    uint32_t ncells, cells_cap;
    uint8_t *map;
    uint32_t nmap, map_cap, map_cell, map_offset;

    local *locals;
    uint32_t nlocals, pinned;

    entry *stack;
    uint32_t sp, stack_cap, clean; /* below clean nothing is symbolic */
    uint32_t height, max_slot;
    uint32_t acc_at[3]; /* by class: index of the entry there, plus one */

    insn pending;
    bool has_pending;
    uint32_t pending_at;

    label *labels;
    uint32_t nlabels, labels_cap;
    patch *patches;
    uint32_t npatches, patches_cap, free_patch;
    jump *jumps;
    uint32_t njumps, jumps_cap;
    vm_eh *eh;
    uint32_t neh, eh_cap;
    uint32_t epoch; /* of br_tables */

    /* compile_count.c */
    vm_code_block *blocks;
    uint32_t nblocks, blocks_cap;
    uint16_t block_from;
    bool counting, block_open;

    struct cc_noted *notes; /* when listing */
    uint32_t nnotes, notes_cap;
    bool listing;

    uint32_t stop; /* go no further than this offset; 0: to the end */
    uint32_t skip; /* cells before the entry that are not needed */
    bool dead;
} cc;

/* ---- compile_emit.c --------------------------------------------------------
 */

/* Grows an array of `size`-byte items so that *cap > n; leaves on failure. */
void *cc_grow(cc *c, void *array, uint32_t n, uint32_t *cap, size_t size);
_Noreturn void cc_fail(cc *c, const char *fmt, ...) VM_PRINTF(2, 3);

void cc_push(cc *c, entry e);
void cc_push_home(cc *c, bool wide); /* a value in its home slot */
entry cc_pop(cc *c);
void cc_push_pending(cc *c, const insn *in, bool wide);
void cc_push_const(cc *c, uint64_t k);

/* Emits the pending instruction, to its home slot. */
void cc_flush(cc *c);
/* Moves everything home; consts too if asked.  The pending instruction may be
 * one that has been popped already: it is left alone. */
void cc_spill(cc *c, uint32_t from, bool consts);
void cc_spill_local(cc *c, uint32_t index);
/* What a call destroys. */
void cc_spill_accumulators(cc *c);

/* Finds operands for an instruction with up to two of them, which have been
 * popped (b may be NULL), choosing a variant; the classes say what registers
 * they may be in.  Emits whatever has to come before. */
void cc_resolve(cc *c, insn *in, entry *a, value_class ac, entry *b,
                value_class bc, bool commutative);
/* The value in a slot of the frame, moving it home if need be. */
uint16_t cc_in_slot(cc *c, entry *e);

/* Row index of a fused access whose address is the sum; false: no such kinds.
 */
bool cc_sum_kinds(entry *sum);

bool cc_can_put(const insn *in, vm_kind d, value_class class);
void cc_encode(cc *c, const insn *in, vm_kind d, uint32_t slot);
void cc_move(cc *c, const entry *e, entry_kind to, uint32_t slot);
void cc_set_local(cc *c, uint32_t index, bool tee);

/* Raw cells. */
uint32_t cc_start(cc *c, vm_handler h); /* returns its cell */
void cc_cell(cc *c, uint64_t cell);
static inline uint64_t cc_fields(uint32_t f0, uint32_t f1, uint32_t f2,
                                 uint32_t f3)
{
    return (uint64_t)(f0 | f1 << 16) | (uint64_t)(f2 | f3 << 16) << 32;
}

/* ---- compile_fuse.c
 * ----------------------------------------------------------- */

/* A binary operation with the pending one; false: no such pair. */
bool cc_fuse_binary(cc *c, vm_op op);
/* Gives sequences that have a handler of their own that one; last of all. */
void cc_fuse_sequences(cc *c);

/* ---- compile_gc.c -----------------------------------------------------------
 */

bool cc_gc(cc *c, vm_op op);

/* ---- compile_count.c --------------------------------------------------------
 */

/* At a function's entry, and before each instruction, when counting. */
void cc_count_entry(cc *c);
void cc_count(cc *c, vm_op op);
void cc_count_way(cc *c);
bool vm_op_is_counted(vm_op op);

/* ---- listing.c
 * ---------------------------------------------------------------
 */

void cc_note(cc *c, const insn *in, vm_kind d, uint32_t slot);
/* What was noted of the instruction that starts at the cell, or NULL. */
const struct cc_noted *cc_noted_at(const cc *c, uint32_t cell);
/* A compiler that has compiled the function, up to the instruction at the
 * offset `stop` or, if that is 0, whole; for looking at (code.c). */
cc *cc_listing(struct vm_code *code, uint32_t stop, vm_error *err);
void cc_listing_free(cc *c);

/* ---- compile_ops.c
 * ----------------------------------------------------------- */

void cc_op(cc *c, vm_op op);
/* An instruction with one handler: pops n operands (at most 3) into slots.
 * result: 'v' a vector, ':' none, else one slot.  Extra cells are in `in`. */
void cc_simple(cc *c, insn *in, uint32_t n, char result);
/* The comparison that is true when `op` is false, or with swapped operands;
 * VM_OP_COUNT if there is none. */
vm_op cc_negate(vm_op op);
vm_op cc_swap(vm_op op);

/* ---- compile.c
 * ------------------------------------------------------------------ */

uint32_t vm_rec_slot(const vm_funcdecl *f);
void cc_branch(cc *c, uint32_t depth);
/* A branch to `depth` when the popped condition holds (or not). */
void cc_branch_if(cc *c, entry cond, bool sense, uint32_t depth);
/* Lays the frame out and decides what is pinned. */
void cc_locals(cc *c);
/* Compiles the whole body into c. */
void cc_body(cc *c);

bool cc_control(cc *c, vm_op op); /* false: not a control instruction */
void cc_return(cc *c);

/* ---- compile_at.c
 * ----------------------------------------------------------- */

/* Where a value is, as in an entry (entry_kind); E_PENDING: not known. */
typedef struct cc_place {
    vm_type type;
    uint32_t slot;
    uint8_t pin;
    uint8_t ak, bk; /* E_SUM */
    uint32_t slot2;
    uint64_t k;
} cc_place;
/* Those of a function's locals, parameters first: registers (E_P, E_Q, E_D0) or
 * slots; to be freed.  NULL: out of memory. */
cc_place *vm_code_places(struct vm_code *code);
/* Those of the operands, the topmost last, when the instruction of the cell has
 * stopped; `all`: those that it takes included, which a callee has made its
 * own.  To be freed.  NULL: out of memory, or not known. */
cc_place *vm_code_operands(struct vm_code *code, uint32_t cell, bool all,
                           uint32_t *count);

/* ---- compile_call.c
 * ---------------------------------------------------------------- */

bool cc_call(cc *c, vm_op op);
/* Puts the top n values on top of the stack in their homes. */
void cc_stage(cc *c, uint32_t n);
void cc_push_results(cc *c, const vm_type *types, uint32_t n);

#endif
