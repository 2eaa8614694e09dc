/*
 * interp_move.c - handlers: moves, constants, select, globals, and the start of
 * a frame.
 */
#include "vm/bodies.h"

/* Tables of macros: laid out by hand. */
/* clang-format off */

/* ---- integers, or whole slots
 * ------------------------------------------------ */

#define TO_ALL(X, op, a) X(op, a, S) X(op, a, A) X(op, a, P) X(op, a, Q)
#define ALL(X, op)                                                             \
    TO_ALL(X, op, S)                                                           \
    TO_ALL(X, op, A) TO_ALL(X, op, P) TO_ALL(X, op, Q) TO_ALL(X, op, K)
#define MOVE(op, a, d) static ONE(MOVE, a, d)
#define ITEM(op, a, d) [ROW_AT(a, S, d)] = op##_##a##d,
ALL(MOVE, move)
const vm_handler vm_row_MOVE[VM_ROW_OF_ONE] = {ALL(ITEM, move)};

/* ---- floating point
 * -------------------------------------------------------------- */

#define F32_ALL(X, op) X(op, S, A) X(op, K, A) X(op, A, S)
#define F64_ALL(X, op)                                                         \
    X(op, S, A)                                                                \
    X(op, K, A)                                                                \
    X(op, A, S) X(op, P, S) X(op, P, A) X(op, S, P) X(op, K, P) X(op, A, P)
#define FMOVE(T, a, d) static ONE(FMOVE, T, a, d)
#define FITEM(T, a, d) [ROW_AT(a, S, d)] = fmove_##T##_##a##d,
F32_ALL(FMOVE, f32)
F64_ALL(FMOVE, f64)
const vm_handler vm_row_FMOVE32[VM_ROW_OF_ONE] = {F32_ALL(FITEM, f32)};
const vm_handler vm_row_FMOVE64[VM_ROW_OF_ONE] = {F64_ALL(FITEM, f64)};

/* ---- several slots
 * ---------------------------------------------------------------- */

extern HANDLER(vm_x_MOVE128);
extern HANDLER(vm_x_CONST128);
extern HANDLER(vm_x_MOVE3);
extern HANDLER(vm_x_ZERO1);
extern HANDLER(vm_x_ZERO2);
extern HANDLER(vm_x_ZERO);
extern HANDLER(vm_x_CHECK_STACK);
extern HANDLER(vm_x_SELECT128);

HANDLER(vm_x_MOVE128)
{
    uint64_t lo = fp[FIELD(1)], hi = fp[FIELD(1) + 1];
    fp[FIELD(0)] = lo;
    fp[FIELD(0) + 1] = hi;
    NEXT(2);
}

HANDLER(vm_x_CONST128)
{
    fp[FIELD(0)] = pc[2];
    fp[FIELD(0) + 1] = pc[3];
    NEXT(4);
}

#define MOVE2(a, b) static ONE(MOVE2, a, b)
#define MOVE2_ITEM(a, b) [ROW_AT(a, b, S)] = move2_##a##b,
#define MOVE2_ALL(X)                                                           \
    X(S, S)                                                                    \
    X(S, P) X(S, Q) X(S, K) X(P, S) X(P, P) X(P, Q) X(P, K) X(Q, S) X(Q, P)    \
        X(Q, Q) X(Q, K) X(K, S) X(K, P) X(K, Q) X(K, K)
MOVE2_ALL(MOVE2)
const vm_handler vm_row_MOVE2[VM_ROW] = {MOVE2_ALL(MOVE2_ITEM)};

ONE(MOVE3, )
ONE(ZERO1, )
ONE(ZERO2, )

HANDLER(vm_x_ZERO)
{
    vm_slot *p = fp + FIELD(0), *end = p + (uint32_t)IMM32;
    while (p < end) {
        *p++ = 0;
        __asm__("" : "+r"(p)); /* a loop, not a call of memset */
    }
    NEXT(2);
}

/* The frame reaches imm32 slots up. */
HANDLER(vm_x_CHECK_STACK)
{
    if (UNLIKELY(fp + (uint32_t)IMM32 > fiber->stack_end))
        JUMP(vm_trap_stack);
    NEXT(2);
}

/* ---- select
 * ---------------------------------------------------------------------------
 */

/* The condition is in a slot or the accumulator. */
#define SEL_ALL(X, c, a, b)                                                    \
    X(c, a, b, S) X(c, a, b, A) X(c, a, b, P) X(c, a, b, Q)
#define SEL_SA(X, c, a, b) X(c, a, b, S) X(c, a, b, A)
#define SEL_PAIRS(X, c)                                                        \
    SEL_ALL(X, c, S, S) SEL_ALL(X, c, S, K) SEL_ALL(X, c, K, S)                \
    SEL_ALL(X, c, K, K) SEL_ALL(X, c, P, K) SEL_ALL(X, c, K, P)                \
    SEL_ALL(X, c, Q, K) SEL_ALL(X, c, K, Q)                                    \
    SEL_SA(X, c, S, P) SEL_SA(X, c, S, Q) SEL_SA(X, c, P, S)                   \
    SEL_SA(X, c, Q, S) SEL_SA(X, c, P, Q) SEL_SA(X, c, Q, P)
#define SELECT(c, a, b, d) static ONE(SELECT, c, a, b, d)
#define SEL_ITEM(c, a, b, d) [ROW_AT(a, b, d)] = select_##c##_##a##b##d,
#define SELECT_ROW(c)                                                          \
    SEL_PAIRS(SELECT, c)                                                       \
    const vm_handler vm_row_SELECT_##c[VM_ROW] = {SEL_PAIRS(SEL_ITEM, c)};
SELECT_ROW(S)
SELECT_ROW(A)

HANDLER(vm_x_SELECT128)
{
    const vm_slot *p = fp + ((uint32_t)fp[FIELD(3)] ? FIELD(1) : FIELD(2));
    uint64_t lo = p[0], hi = p[1];
    fp[FIELD(0)] = lo;
    fp[FIELD(0) + 1] = hi;
    NEXT(2);
}

/* ---- globals
 * -----------------------------------------------------------------------------
 */

#define GET(op, d) static ONE(GLOBAL_GET, d)
#define GET_ITEM(op, d) [ROW_AT(S, S, d)] = global_get_##d,
#define DESTINATIONS(X) X(_, S) X(_, A) X(_, P) X(_, Q)
DESTINATIONS(GET)
const vm_handler vm_row_GLOBAL_GET[VM_ROW_OF_ONE] = {DESTINATIONS(GET_ITEM)};

#define SET(op, a) static ONE(GLOBAL_SET, a)
#define SET_ITEM(op, a) [ROW_AT(a, S, S)] = global_set_##a,
#define SOURCES(X) X(_, S) X(_, A) X(_, P) X(_, Q) X(_, K)
SOURCES(SET)
const vm_handler vm_row_GLOBAL_SET[VM_ROW_OF_ONE] = {SOURCES(SET_ITEM)};

#define GET_ADD(op, d) static ONE(GLOBAL_ADD, d)
#define GET_ADD_ITEM(op, d) [ROW_AT(S, S, d)] = global_add_##d,
DESTINATIONS(GET_ADD)
const vm_handler vm_row_GLOBAL_ADD[VM_ROW_OF_ONE] = {DESTINATIONS(GET_ADD_ITEM)};

#define SET_ADD(op, a) static ONE(GLOBAL_SET_ADD, a)
#define SET_ADD_ITEM(op, a) [ROW_AT(a, S, S)] = global_set_add_##a,
#define LOCALS(X) X(_, S) X(_, P) X(_, Q)
LOCALS(SET_ADD)
const vm_handler vm_row_GLOBAL_SET_ADD[VM_ROW_OF_ONE] = {LOCALS(SET_ADD_ITEM)};

/* Any global, by index: imported ones, and vectors. */
extern HANDLER(vm_x_GLOBAL_GET_ANY);
extern HANDLER(vm_x_GLOBAL_SET_ANY);
extern HANDLER(vm_x_GLOBAL_GET128);
extern HANDLER(vm_x_GLOBAL_SET128);

HANDLER(vm_x_GLOBAL_GET_ANY)
{
    fp[FIELD(0)] = inst->globals[IMM32]->value.u64;
    NEXT(2);
}

HANDLER(vm_x_GLOBAL_SET_ANY)
{
    inst->globals[IMM32]->value.u64 = fp[FIELD(1)];
    NEXT(2);
}

HANDLER(vm_x_GLOBAL_GET128)
{
    memcpy(&fp[FIELD(0)], &inst->globals[IMM32]->value, 16);
    NEXT(2);
}

HANDLER(vm_x_GLOBAL_SET128)
{
    memcpy(&inst->globals[IMM32]->value, &fp[FIELD(1)], 16);
    NEXT(2);
}
