/*
 * validate.h - what the validator's files share: the state of one function
 * body or constant expression, and the operand stack's fast paths.
 *
 * The algorithm is the specification's (appendix A.4), with explicit stacks
 * instead of recursion.  Errors are sticky in the reader (leb.h): after one,
 * pops answer VM_BOTTOM and the loop ends by itself.
 */
#ifndef VYOMA_VM_VALIDATE_H
#define VYOMA_VM_VALIDATE_H

#include "vm/decode.h"

#define VM_MAX_OPERANDS (1u << 20)
#define VM_FAST_LOCALS 256

/* A block, from its opening instruction to its `end`. */
typedef struct vm_ctrl {
    uint32_t height; /* of the operand stack below the block's parameters */
    uint32_t ninits; /* of the log of initialised locals */
    uint32_t nparams, nresults;
    const vm_type *types; /* parameters, then results; NULL: `single` */
    vm_type single;
    uint16_t op; /* what opened it, or the last else or catch */
    bool unreachable;
} vm_ctrl;

typedef struct vm_local_run {
    uint32_t end; /* index after the last of the run */
    vm_type type;
} vm_local_run;

typedef struct vm_validator {
    vm_reader r;
    vm_module *m;
    const vm_types *types;
    vm_typescope scope;

    vm_type *stack;
    uint32_t height, capacity, max_height;
    uint32_t floor; /* the innermost block's height */

    vm_ctrl *ctrls;
    uint32_t nctrls, ctrl_capacity, max_ctrls;

    /* Locals: the first ones by index, all of them by runs. */
    vm_type fast[VM_FAST_LOCALS];
    uint32_t nlocals, nfast;
    vm_local_run *runs;
    uint32_t nruns, run_capacity;

    /* Locals without a default: set[i] once written in this block; inits logs
     * them, so that the end of a block can forget. */
    bool tracks_inits;
    bool *set;
    uint32_t set_capacity;
    uint32_t *inits;
    uint32_t ninits, init_capacity;

    const vm_functype *type; /* of the function; NULL: constant expression */
    uint32_t nglobals;       /* constant expressions: those visible */
    uint16_t flags;          /* VM_FUNC_* */
    uint8_t *declared;       /* bit set: functions ref.func may name */
    bool no_memory;
    const uint8_t *at; /* the current instruction */
} vm_validator;

/* ---- errors ------------------------------------------------------------- */

void vm_validate_fail(vm_validator *v, const char *fmt, ...) VM_PRINTF(2, 3);
/* "type mismatch: expected WANT, got GOT". */
void vm_validate_mismatch(vm_validator *v, vm_type want, vm_type got);
/* Checks an index against its space's size; answers 0 after an error. */
bool vm_validate_index(vm_validator *v, uint32_t index, uint32_t count,
                       const char *what);

/* ---- operands ----------------------------------------------------------- */

bool vm_validate_grow(vm_validator *v);
vm_type vm_validate_underflow(vm_validator *v);

static inline void vm_push(vm_validator *v, vm_type type)
{
    if (v->height == v->capacity && !vm_validate_grow(v))
        return;
    v->stack[v->height++] = type;
}

static inline vm_type vm_pop_any(vm_validator *v)
{
    return v->height > v->floor ? v->stack[--v->height]
                                : vm_validate_underflow(v);
}

static inline vm_type vm_pop(vm_validator *v, vm_type want)
{
    vm_type got = vm_pop_any(v);
    if (got != want && got != VM_BOTTOM &&
        !vm_type_matches(v->types, got, want))
        vm_validate_mismatch(v, want, got);
    return got;
}

/* A reference of any type: VM_REF | VM_HEAP_BOTTOM when unknown. */
vm_type vm_pop_ref(vm_validator *v);
void vm_pop_types(vm_validator *v, const vm_type *types, uint32_t n);
void vm_push_types(vm_validator *v, const vm_type *types, uint32_t n);

/* ---- blocks ------------------------------------------------------------- */

static inline const vm_type *vm_ctrl_params(const vm_ctrl *c)
{
    return c->types;
}

static inline const vm_type *vm_ctrl_results(const vm_ctrl *c)
{
    return c->types ? c->types + c->nparams : &c->single;
}

/* What a branch to the block carries (section 3.1.5, labels). */
static inline const vm_type *vm_label_types(const vm_ctrl *c, uint32_t *n)
{
    if (c->op == VM_OP_LOOP) {
        *n = c->nparams;
        return vm_ctrl_params(c);
    }
    *n = c->nresults;
    return vm_ctrl_results(c);
}

void vm_push_ctrl(vm_validator *v, const vm_ctrl *c);
/* Pops the results and the block; they are not pushed. */
vm_ctrl vm_pop_ctrl(vm_validator *v);
void vm_validate_unreachable(vm_validator *v);
/* Reads a label; NULL after an error.  Valid until the next push_ctrl. */
vm_ctrl *vm_validate_label(vm_validator *v);

/* ---- instructions that the signature table does not cover --------------- */

typedef void (*vm_op_check)(vm_validator *v, vm_op op);
/* NULL for those that the main loop handles. */
extern const vm_op_check vm_ref_checks[VM_OP_COUNT];

/* Memory immediates; answers the address type. */
vm_type vm_validate_memory(vm_validator *v, uint32_t *index);
void vm_validate_call(vm_validator *v, const vm_functype *type);
void vm_validate_tail_call(vm_validator *v, const vm_functype *type);

/* opcodes.def's signature strings, made into something fast. */
typedef struct vm_signature {
    uint8_t npop, npush;     /* npop VM_SPECIAL: "*" */
    uint8_t pop[5], push[2]; /* types in stack order; VM_ADDRESS for 'a' */
    bool is_const;           /* allowed in constant expressions */
} vm_signature;

enum { VM_ADDRESS = 1, VM_SPECIAL = 0xff };

/* One instruction. */
void vm_validate_step(vm_validator *v);
/* From the reader's position to its end, or to the first error. */
void vm_validate_run(vm_validator *v);
void vm_validate_init_loop(const vm_signature *signatures);

/*
 * Checks the body the reader stands at, up to the reader's end, with locals
 * and `type` set; and a constant expression that leaves `result`.
 */
void vm_validate_body(vm_validator *v);
/* Its beginning, for going on step by step. */
void vm_validate_start(vm_validator *v);
void vm_validate_const(vm_validator *v, vm_constexpr expr, vm_type result);
/* All bodies of the module; v needs no operand stack of its own. */
void vm_validate_bodies(vm_validator *v);
void vm_validator_finish(vm_validator *v); /* frees the stacks */
/* Builds what the checks above read; called once per process. */
void vm_validate_init(void);

#endif
