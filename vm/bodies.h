/*
 * bodies.h - what each instruction that is run often does, without the jump to
 * the next one.  interp_*.c make handlers of single bodies; interp_fuse.c makes
 * handlers of sequences of them (fuse.def).
 *
 * A class of instructions that differ only in operation and operand kinds is
 *
 *     DO_CLASS(args)      the body: may jump to a trap, with pc still its own;
 *                         a branch leaves when it is taken
 *     CELLS_CLASS(args)   its length
 *     NAME_CLASS(args)    its handler's name (static, unless vm_x_...)
 *     AT_CLASS(args)      where the compiler's tables hold that handler
 */
#ifndef VYOMA_VM_BODIES_H
#define VYOMA_VM_BODIES_H

#include "vm/interp.h"

/* Tables of macros: laid out by hand. */
/* clang-format off */

#define U32(x) ((uint32_t)(x))
#define S32(x) ((int32_t)(x))
#define S64(x) ((int64_t)(x))

/* Cells that operands need besides the first: constants. */
#define MORE_S 0
#define MORE_A 0
#define MORE_P 0
#define MORE_Q 0
#define MORE_K 1

/* ---- integers: two operands -------------------------------------------------
 *
 * A constant is imm32 for i32, with the other's slot in field 1 either way; for
 * i64 it is the next cell.
 */

#define CALC_I32_ADD(x, y) (U32(x) + U32(y))
#define CALC_I32_SUB(x, y) (U32(x) - U32(y))
#define CALC_I32_MUL(x, y) (U32(x) * U32(y))
#define CALC_I32_AND(x, y) (U32(x) & U32(y))
#define CALC_I32_OR(x, y) (U32(x) | U32(y))
#define CALC_I32_XOR(x, y) (U32(x) ^ U32(y))
#define CALC_I32_SHL(x, y) (U32(x) << (U32(y) & 31))
#define CALC_I32_SHR_S(x, y) U32(S32(x) >> (U32(y) & 31))
#define CALC_I32_SHR_U(x, y) (U32(x) >> (U32(y) & 31))
#define CALC_I32_ROTL(x, y) rotl32(U32(x), U32(y))
#define CALC_I32_ROTR(x, y) rotl32(U32(x), -U32(y))
#define CALC_I64_ADD(x, y) ((x) + (y))
#define CALC_I64_SUB(x, y) ((x) - (y))
#define CALC_I64_MUL(x, y) ((x) * (y))
#define CALC_I64_AND(x, y) ((x) & (y))
#define CALC_I64_OR(x, y) ((x) | (y))
#define CALC_I64_XOR(x, y) ((x) ^ (y))
#define CALC_I64_SHL(x, y) ((x) << ((y) & 63))
#define CALC_I64_SHR_S(x, y) ((uint64_t)(S64(x) >> ((y) & 63)))
#define CALC_I64_SHR_U(x, y) ((x) >> ((y) & 63))
#define CALC_I64_ROTL(x, y) rotl64(x, y)
#define CALC_I64_ROTR(x, y) rotl64(x, -(y))

#define CALC_I32_EQ(x, y) (U32(x) == U32(y))
#define CALC_I32_NE(x, y) (U32(x) != U32(y))
#define CALC_I32_LT_S(x, y) (S32(x) < S32(y))
#define CALC_I32_LT_U(x, y) (U32(x) < U32(y))
#define CALC_I32_GT_S(x, y) (S32(x) > S32(y))
#define CALC_I32_GT_U(x, y) (U32(x) > U32(y))
#define CALC_I32_LE_S(x, y) (S32(x) <= S32(y))
#define CALC_I32_LE_U(x, y) (U32(x) <= U32(y))
#define CALC_I32_GE_S(x, y) (S32(x) >= S32(y))
#define CALC_I32_GE_U(x, y) (U32(x) >= U32(y))
#define CALC_I64_EQ(x, y) ((x) == (y))
#define CALC_I64_NE(x, y) ((x) != (y))
#define CALC_I64_LT_S(x, y) (S64(x) < S64(y))
#define CALC_I64_LT_U(x, y) ((x) < (y))
#define CALC_I64_GT_S(x, y) (S64(x) > S64(y))
#define CALC_I64_GT_U(x, y) ((x) > (y))
#define CALC_I64_LE_S(x, y) (S64(x) <= S64(y))
#define CALC_I64_LE_U(x, y) ((x) <= (y))
#define CALC_I64_GE_S(x, y) (S64(x) >= S64(y))
#define CALC_I64_GE_U(x, y) ((x) >= (y))

static inline uint32_t rotl32(uint32_t x, uint32_t n)
{
    return x << (n & 31) | x >> (-n & 31);
}

static inline uint64_t rotl64(uint64_t x, uint64_t n)
{
    return x << (n & 63) | x >> (-n & 63);
}

/* W: 32 or 64 */
#define KONST_32 ((uint32_t)IMM32)
#define KONST_64 pc[2]
#define KONST_SLOT_32 FIELD(1)
#define KONST_SLOT_64 FIELD(2)
#define INT_A_S(W) fp[FIELD(1)]
#define INT_A_A(W) acc
#define INT_A_P(W) l0
#define INT_A_Q(W) l1
#define INT_A_K(W) KONST_##W
#define INT_B_S(W, a) INT_B_S_##a(W)
#define INT_B_S_S(W) fp[FIELD(2)]
#define INT_B_S_A(W) fp[FIELD(2)]
#define INT_B_S_P(W) fp[FIELD(2)]
#define INT_B_S_Q(W) fp[FIELD(2)]
#define INT_B_S_K(W) fp[KONST_SLOT_##W]
#define INT_B_A(W, a) acc
#define INT_B_P(W, a) l0
#define INT_B_Q(W, a) l1
#define INT_B_K(W, a) KONST_##W
#define INT_CELLS_32(a, b) 2
#define INT_CELLS_64(a, b) (2 + MORE_##a + MORE_##b)

#define DO_INT(W, op, a, b, d)                                                 \
    {                                                                          \
        uint64_t x = INT_A_##a(W), y = INT_B_##b(W, a);                        \
        INT_PUT_##d((uint64_t)(CALC_##op(x, y)));                              \
    }
#define CELLS_INT(W, op, a, b, d) INT_CELLS_##W(a, b)
#define NAME_INT(W, op, a, b, d) op##_##a##b##d
#define AT_INT(W, op, a, b, d) vm_row_##op[ROW_AT(a, b, d)]

/* ---- integers: one operand -------------------------------------------------- */

#define CALC_I32_CLZ(x) (U32(x) ? U32(__builtin_clz(U32(x))) : 32)
#define CALC_I32_CTZ(x) (U32(x) ? U32(__builtin_ctz(U32(x))) : 32)
#define CALC_I32_POPCNT(x) U32(__builtin_popcount(U32(x)))
#define CALC_I64_CLZ(x) ((x) ? (uint64_t)__builtin_clzll(x) : 64)
#define CALC_I64_CTZ(x) ((x) ? (uint64_t)__builtin_ctzll(x) : 64)
#define CALC_I64_POPCNT(x) (uint64_t)__builtin_popcountll(x)
#define CALC_I32_EXTEND8_S(x) U32((int8_t)(x))
#define CALC_I32_EXTEND16_S(x) U32((int16_t)(x))
#define CALC_I64_EXTEND8_S(x) ((uint64_t)(int8_t)(x))
#define CALC_I64_EXTEND16_S(x) ((uint64_t)(int16_t)(x))
#define CALC_I64_EXTEND32_S(x) ((uint64_t)(int32_t)(x))
#define CALC_I64_EXTEND_I32_S(x) ((uint64_t)(int32_t)(x))
#define CALC_I64_EXTEND_I32_U(x) ((uint64_t)U32(x))

#define DO_UNARY(op, a, d)                                                     \
    {                                                                          \
        uint64_t x = INT_A_##a(_);                                             \
        INT_PUT_##d((uint64_t)(CALC_##op(x)));                                 \
    }
#define CELLS_UNARY(op, a, d) 2
#define NAME_UNARY(op, a, d) op##_##a##d
#define AT_UNARY(op, a, d) vm_row_##op[ROW_AT(a, S, d)]

/* (a << field 3) + b: an address, most often. */
#define SHL_B_S fp[FIELD(2)]
#define SHL_B_P l0
#define SHL_B_Q l1
#define SHL_B_K pc[2]
#define DO_SHL_ADD(a, b, d)                                                    \
    {                                                                          \
        uint32_t x = U32(INT_A_##a(_)) << FIELD(3);                            \
        INT_PUT_##d((uint64_t)(x + U32(SHL_B_##b)));                           \
    }
#define CELLS_SHL_ADD(a, b, d) (2 + MORE_##b)
#define NAME_SHL_ADD(a, b, d) shl_add_##a##b##d
#define AT_SHL_ADD(a, b, d) vm_row_SHL_ADD[ROW_AT(a, b, d)]

/* ---- floating point ---------------------------------------------------------
 *
 * T: f32 or f64; a constant is the next cell.
 */

#define CALC_F32_ADD(x, y) ((x) + (y))
#define CALC_F32_SUB(x, y) ((x) - (y))
#define CALC_F32_MUL(x, y) ((x) * (y))
#define CALC_F32_DIV(x, y) ((x) / (y))
#define CALC_F32_MIN(x, y) min_f32(x, y)
#define CALC_F32_MAX(x, y) max_f32(x, y)
#define CALC_F32_COPYSIGN(x, y) __builtin_copysignf(x, y)
#define CALC_F64_ADD(x, y) ((x) + (y))
#define CALC_F64_SUB(x, y) ((x) - (y))
#define CALC_F64_MUL(x, y) ((x) * (y))
#define CALC_F64_DIV(x, y) ((x) / (y))
#define CALC_F64_MIN(x, y) min_f64(x, y)
#define CALC_F64_MAX(x, y) max_f64(x, y)
#define CALC_F64_COPYSIGN(x, y) __builtin_copysign(x, y)

#define DO_FLOAT(T, op, a, b, d)                                               \
    {                                                                          \
        T x = FLT_A_##a(T), y = FLT_B_##b(T);                                  \
        FLT_PUT_##d(T, CALC_##op(x, y));                                       \
    }
#define CELLS_FLOAT(T, op, a, b, d) (2 + MORE_##a + MORE_##b)
#define NAME_FLOAT(T, op, a, b, d) op##_##a##b##d
#define AT_FLOAT(T, op, a, b, d) vm_row_##op[ROW_AT(a, b, d)]

/* ---- memory -----------------------------------------------------------------
 *
 * All addresses are those of the end of the access: that is what is compared,
 * and the offset includes the size.
 */

#define CHECK(end)                                                             \
    __asm__("" : "+r"(end)); /* else the sum is computed twice */              \
    if (UNLIKELY(end > msize))                                                 \
    JUMP(vm_trap_memory)

/* What an access has in memory, and how it is put. */
#define MEM_TYPE(op, M, ...) typedef M mem_##op;
VM_INT_LOAD(MEM_TYPE)
VM_FLOAT_LOAD(MEM_TYPE)
VM_INT_STORE(MEM_TYPE)
VM_FLOAT_STORE(MEM_TYPE)

#define INT_PUT_AS(d, T, v) INT_PUT_##d((uint64_t)(T)(v))
#define PUT_I32_LOAD(d, v) INT_PUT_AS(d, uint32_t, v)
#define PUT_I64_LOAD(d, v) INT_PUT_AS(d, uint64_t, v)
#define PUT_I32_LOAD8_S(d, v) INT_PUT_AS(d, uint32_t, v)
#define PUT_I32_LOAD8_U(d, v) INT_PUT_AS(d, uint32_t, v)
#define PUT_I32_LOAD16_S(d, v) INT_PUT_AS(d, uint32_t, v)
#define PUT_I32_LOAD16_U(d, v) INT_PUT_AS(d, uint32_t, v)
#define PUT_I64_LOAD8_S(d, v) INT_PUT_AS(d, uint64_t, v)
#define PUT_I64_LOAD16_S(d, v) INT_PUT_AS(d, uint64_t, v)
#define PUT_I64_LOAD32_S(d, v) INT_PUT_AS(d, uint64_t, v)
#define PUT_F32_LOAD(d, v) FLT_PUT_##d(f32, v)
#define PUT_F64_LOAD(d, v) FLT_PUT_##d(f64, v)

#define ACCESS_LOAD(op, d, end)                                                \
    mem_##op v;                                                                \
    CHECK(end);                                                                \
    memcpy(&v, mem + (end) - sizeof v, sizeof v);                              \
    PUT_##op(d, v);
#define ACCESS_STORE(op, value, end)                                           \
    mem_##op v = (mem_##op)(value);                                            \
    CHECK(end);                                                                \
    memcpy(mem + (end) - sizeof v, &v, sizeof v);

/* One address, in field f. */
#define OFFSET ((uint64_t)(uint32_t)IMM32)
#define ADDRESS_S(f) (U32(fp[FIELD(f)]) + OFFSET)
#define ADDRESS_A(f) (U32(acc) + OFFSET)
#define ADDRESS_P(f) (U32(l0) + OFFSET)
#define ADDRESS_Q(f) (U32(l1) + OFFSET)
#define ADDRESS_K(f) OFFSET

#define DO_LOAD(op, a, d)                                                      \
    {                                                                          \
        uint64_t end = ADDRESS_##a(1);                                         \
        ACCESS_LOAD(op, d, end)                                                \
    }
#define CELLS_LOAD(op, a, d) 2
#define NAME_LOAD(op, a, d) op##_##a##d
#define AT_LOAD(op, a, d) vm_row_##op[ROW_AT(a, S, d)]

/* The value stored: in field f, or the cell that is cells from pc. */
#define INT_VALUE_S(op, f, cells) fp[FIELD(f)]
#define INT_VALUE_A(op, f, cells) acc
#define INT_VALUE_P(op, f, cells) l0
#define INT_VALUE_Q(op, f, cells) l1
#define INT_VALUE_K(op, f, cells) pc[cells]
#define FLT_VALUE_S(op, f, cells) get_##op(&fp[FIELD(f)])
#define FLT_VALUE_A(op, f, cells) FLT_ACC_##op
#define FLT_VALUE_P(op, f, cells) d0
#define FLT_VALUE_K(op, f, cells) get_##op(&pc[cells])
#define VALUE_I32_STORE(v, f, cells) INT_VALUE_##v(_, f, cells)
#define VALUE_I64_STORE(v, f, cells) INT_VALUE_##v(_, f, cells)
#define VALUE_I32_STORE8(v, f, cells) INT_VALUE_##v(_, f, cells)
#define VALUE_I32_STORE16(v, f, cells) INT_VALUE_##v(_, f, cells)
#define VALUE_F32_STORE(v, f, cells) FLT_VALUE_##v(f32, f, cells)
#define VALUE_F64_STORE(v, f, cells) FLT_VALUE_##v(f64, f, cells)

#define DO_STORE(op, a, v_)                                                    \
    {                                                                          \
        uint64_t end = ADDRESS_##a(0);                                         \
        ACCESS_STORE(op, VALUE_##op(v_, 1, 2), end)                            \
    }
#define CELLS_STORE(op, a, v) (2 + MORE_##v)
#define NAME_STORE(op, a, v) op##_##a##v
#define AT_STORE(op, a, v) vm_row_##op[ROW_AT(a, v, S)]

/*
 * A 32-bit sum as the address, from field f on:
 *
 *     x + K    load   field 0: destination, 1: x, imm32: offset | K
 *              store  field 0: x, 1: value, imm32: offset | K
 *     x + y    load   fields: destination, x, y, offset
 *              store  fields: x, y, value, offset
 *
 * A constant value follows in a cell of its own.
 */
#define TERM_S(f) fp[FIELD(f)]
#define TERM_P(f) l0
#define TERM_Q(f) l1
#define SUM_K(a, f) ((uint64_t)(U32(TERM_##a(f)) + U32(pc[2])) + OFFSET)
#define SUM_S(a, f)                                                            \
    ((uint64_t)(U32(TERM_##a(f)) + U32(TERM_S(f + 1))) + FIELD(3))
#define SUM_P(a, f) ((uint64_t)(U32(TERM_##a(f)) + U32(l0)) + FIELD(3))
#define SUM_Q(a, f) ((uint64_t)(U32(TERM_##a(f)) + U32(l1)) + FIELD(3))
#define VALUE_FIELD_K 1
#define VALUE_FIELD_S 2
#define VALUE_FIELD_P 2
#define VALUE_FIELD_Q 2

#define DO_SUM_LOAD(op, a, b, d)                                               \
    {                                                                          \
        uint64_t end = SUM_##b(a, 1);                                          \
        ACCESS_LOAD(op, d, end)                                                \
    }
#define CELLS_SUM_LOAD(op, a, b, d) (2 + MORE_##b)
#define NAME_SUM_LOAD(op, a, b, d) op##_##a##b##d
#define AT_SUM_LOAD(op, a, b, d) vm_sum_##op[ROW_AT(a, b, d)]

#define DO_SUM_STORE(op, a, b, v_)                                             \
    {                                                                          \
        uint64_t end = SUM_##b(a, 0);                                          \
        ACCESS_STORE(op, VALUE_##op(v_, VALUE_FIELD_##b, 2 + MORE_##b), end)   \
    }
#define CELLS_SUM_STORE(op, a, b, v) (2 + MORE_##b + MORE_##v)
#define NAME_SUM_STORE(op, a, b, v) op##_##a##b##v
#define AT_SUM_STORE(op, a, b, v) vm_sum_##op[SUM_STORE_AT(a, b, v)]

/* ---- moves ------------------------------------------------------------------ */

#define DO_MOVE(a, d)                                                          \
    {                                                                          \
        INT_PUT_##d(INT_A_##a(64));                                            \
    }
#define CELLS_MOVE(a, d) (2 + MORE_##a)
#define NAME_MOVE(a, d) move_##a##d
#define AT_MOVE(a, d) vm_row_MOVE[ROW_AT(a, S, d)]

/* a, b to slots d, d + 1, in this order; constants in the next two cells. */
#define PAIR_A_S fp[FIELD(1)]
#define PAIR_A_P l0
#define PAIR_A_Q l1
#define PAIR_A_K pc[2]
#define PAIR_B_S fp[FIELD(2)]
#define PAIR_B_P l0
#define PAIR_B_Q l1
#define PAIR_B_K pc[3]
#define DO_MOVE2(a, b)                                                         \
    {                                                                          \
        fp[FIELD(0)] = PAIR_A_##a;                                             \
        fp[FIELD(0) + 1] = PAIR_B_##b;                                         \
    }
#define CELLS_MOVE2(a, b) (2 + (MORE_##a | MORE_##b) * 2)
#define NAME_MOVE2(a, b) move2_##a##b
#define AT_MOVE2(a, b) vm_row_MOVE2[ROW_AT(a, b, S)]

/* Slots a, b, c to d, d + 1, d + 2, in this order. */
#define DO_MOVE3(_)                                                            \
    {                                                                          \
        fp[FIELD(0)] = fp[FIELD(1)];                                           \
        fp[FIELD(0) + 1] = fp[FIELD(2)];                                       \
        fp[FIELD(0) + 2] = fp[FIELD(3)];                                       \
    }
#define CELLS_MOVE3(_) 2
#define NAME_MOVE3(_) vm_x_MOVE3
#define AT_MOVE3(_) vm_simple[VM_X_MOVE3]

#define DO_FMOVE(T, a, d)                                                      \
    {                                                                          \
        FLT_PUT_##d(T, FLT_A_##a(T));                                          \
    }
#define CELLS_FMOVE(T, a, d) (2 + MORE_##a)
#define NAME_FMOVE(T, a, d) fmove_##T##_##a##d
#define FMOVE_ROW_f32 vm_row_FMOVE32
#define FMOVE_ROW_f64 vm_row_FMOVE64
#define AT_FMOVE(T, a, d) FMOVE_ROW_##T[ROW_AT(a, S, d)]

/* field 1: a, field 2: b, field 3: condition; constants in the next two. */
#define CONDITION_S fp[FIELD(3)]
#define CONDITION_A acc
#define CONDITION_P l0
#define CONDITION_Q l1
#define DO_SELECT(c, a, b, d)                                                  \
    {                                                                          \
        uint64_t x = PAIR_A_##a, y = PAIR_B_##b;                               \
        INT_PUT_##d((uint32_t)CONDITION_##c ? x : y);                          \
    }
#define CELLS_SELECT(c, a, b, d) (2 + (MORE_##a | MORE_##b) * 2)
#define NAME_SELECT(c, a, b, d) select_##c##_##a##b##d
#define AT_SELECT(c, a, b, d) vm_row_SELECT_##c[ROW_AT(a, b, d)]

/* ---- globals of the instance ------------------------------------------------
 *
 * imm32: the value's offset in the instance.
 */

#define OWN_GLOBAL ((vm_slot *)((char *)inst + (uint32_t)IMM32))

#define DO_GLOBAL_GET(d)                                                       \
    {                                                                          \
        INT_PUT_##d(*OWN_GLOBAL);                                              \
    }
#define CELLS_GLOBAL_GET(d) 2
#define NAME_GLOBAL_GET(d) global_get_##d
#define AT_GLOBAL_GET(d) vm_row_GLOBAL_GET[ROW_AT(S, S, d)]

#define DO_GLOBAL_SET(a)                                                       \
    {                                                                          \
        *OWN_GLOBAL = INT_A_##a(64);                                           \
    }
#define CELLS_GLOBAL_SET(a) (2 + MORE_##a)
#define NAME_GLOBAL_SET(a) global_set_##a
#define AT_GLOBAL_SET(a) vm_row_GLOBAL_SET[ROW_AT(a, S, S)]

/* The stack pointer's: global + K to d, and a + K to the global; K is in the
 * next cell. */
#define DO_GLOBAL_ADD(d)                                                       \
    {                                                                          \
        INT_PUT_##d((uint64_t)(U32(*OWN_GLOBAL) + U32(pc[2])));                \
    }
#define CELLS_GLOBAL_ADD(d) 3
#define NAME_GLOBAL_ADD(d) global_add_##d
#define AT_GLOBAL_ADD(d) vm_row_GLOBAL_ADD[ROW_AT(S, S, d)]

#define DO_GLOBAL_SET_ADD(a)                                                   \
    {                                                                          \
        *OWN_GLOBAL = (uint64_t)(U32(INT_A_##a(_)) + U32(pc[2]));              \
    }
#define CELLS_GLOBAL_SET_ADD(a) 3
#define NAME_GLOBAL_SET_ADD(a) global_set_add_##a
#define AT_GLOBAL_SET_ADD(a) vm_row_GLOBAL_SET_ADD[ROW_AT(a, S, S)]

/* ---- the start of a frame --------------------------------------------------- */

#define DO_ZERO1(_)                                                            \
    {                                                                          \
        fp[FIELD(0)] = 0;                                                      \
    }
#define CELLS_ZERO1(_) 2
#define NAME_ZERO1(_) vm_x_ZERO1
#define AT_ZERO1(_) vm_simple[VM_X_ZERO1]

#define DO_ZERO2(_)                                                            \
    {                                                                          \
        fp[FIELD(0)] = 0;                                                      \
        fp[FIELD(0) + 1] = 0;                                                  \
    }
#define CELLS_ZERO2(_) 2
#define NAME_ZERO2(_) vm_x_ZERO2
#define AT_ZERO2(_) vm_simple[VM_X_ZERO2]

/* ---- branches ---------------------------------------------------------------
 *
 *     field 0: a's slot, field 1: b's slot, imm32: target, in cells from pc;
 *     a constant b is the next cell.  way: f forward, b backward, and for
 *     floating point nf and nb, if the comparison does not hold
 */

/* Conditional branches forward lead to too many places to remember.  The barrier
 * makes pc itself what the next handler is loaded through. */
#define GO()                                                                   \
    {                                                                          \
        pc += IMM32;                                                           \
        __asm__("" : "+r"(pc));                                                \
        NEXT(0);                                                               \
    }
#define GO_BACK()                                                              \
    {                                                                          \
        FOLLOW(pc + IMM32);                                                    \
        COUNT_THEN_GO();                                                       \
    }
#define WAY_f(test) if (test) GO()
#define WAY_b(test) if (test) GO_BACK()
#define WAY_nf(test) if (!(test)) GO()
#define WAY_nb(test) if (!(test)) GO_BACK()
#define WHICH_f VM_BRANCH_FORWARD
#define WHICH_b VM_BRANCH_BACK
#define WHICH_nf VM_BRANCH_FORWARD_NOT
#define WHICH_nb VM_BRANCH_BACK_NOT

#define CALC_BR_TRUE(x, y) (U32(x) != 0)
#define CALC_BR_FALSE(x, y) (U32(x) == 0)
#define BR_A_S fp[FIELD(0)]
#define BR_A_A acc
#define BR_A_P l0
#define BR_A_Q l1
#define BR_B_S fp[FIELD(1)]
#define BR_B_P l0
#define BR_B_Q l1
#define BR_B_K pc[2]
#define DO_BRANCH(op, a, b, way) WAY_##way(CALC_##op(BR_A_##a, BR_B_##b))
#define CELLS_BRANCH(op, a, b, way) (2 + MORE_##b)
#define NAME_BRANCH(op, a, b, way) br_##op##_##a##b##_##way
#define BRANCH_INDEX(a, b, way) VM_ROW_INDEX(KIND_##a, KIND_##b, WHICH_##way)
#define AT_BRANCH(op, a, b, way) vm_brow_##op[BRANCH_INDEX(a, b, way)]

#define COMPARE_EQ(x, y) ((x) == (y))
#define COMPARE_NE(x, y) ((x) != (y))
#define COMPARE_LT(x, y) ((x) < (y))
#define COMPARE_GT(x, y) ((x) > (y))
#define COMPARE_LE(x, y) ((x) <= (y))
#define COMPARE_GE(x, y) ((x) >= (y))
#define CALC_F32_EQ COMPARE_EQ
#define CALC_F32_NE COMPARE_NE
#define CALC_F32_LT COMPARE_LT
#define CALC_F32_GT COMPARE_GT
#define CALC_F32_LE COMPARE_LE
#define CALC_F32_GE COMPARE_GE
#define CALC_F64_EQ COMPARE_EQ
#define CALC_F64_NE COMPARE_NE
#define CALC_F64_LT COMPARE_LT
#define CALC_F64_GT COMPARE_GT
#define CALC_F64_LE COMPARE_LE
#define CALC_F64_GE COMPARE_GE
#define FBR_A_S(T) get_##T(&fp[FIELD(0)])
#define FBR_A_A(T) FLT_ACC_##T
#define FBR_A_P(T) d0
#define FBR_B_S(T) get_##T(&fp[FIELD(1)])
#define FBR_B_A(T) FLT_ACC_##T
#define FBR_B_P(T) d0
#define FBR_B_K(T) get_##T(&pc[2])
#define DO_FBRANCH(T, op, a, b, way)                                           \
    WAY_##way(CALC_##op(FBR_A_##a(T), FBR_B_##b(T)))
#define CELLS_FBRANCH(T, op, a, b, way) CELLS_BRANCH(op, a, b, way)
#define NAME_FBRANCH(T, op, a, b, way) NAME_BRANCH(op, a, b, way)
#define AT_FBRANCH(T, op, a, b, way) AT_BRANCH(op, a, b, way)

/* The rest leave in any case: they can only come last, and have no length. */
#define DO_BR(_)                                                               \
    {                                                                          \
        FOLLOW(pc + IMM32);                                                    \
        NEXT(0);                                                               \
    }
#define CELLS_BR(_) 0
#define NAME_BR(_) vm_x_BR
#define AT_BR(_) vm_simple[VM_X_BR]

#define DO_BR_BACK(_) GO_BACK()
#define CELLS_BR_BACK(_) 0
#define NAME_BR_BACK(_) vm_x_BR_BACK
#define AT_BR_BACK(_) vm_simple[VM_X_BR_BACK]

/* imm32: number of targets, the default last; then targets, two in a cell. */
#define DO_TABLE(a)                                                            \
    {                                                                          \
        uint32_t i = (uint32_t)BR_A_##a, n = (uint32_t)IMM32;                  \
        i = i < n ? i : n - 1;                                                 \
        pc += ((const int32_t *)(pc + 2))[i];                                  \
        __asm__("" : "+r"(pc));                                                \
        NEXT(0);                                                               \
    }
#define CELLS_TABLE(a) 0
#define NAME_TABLE(a) br_table_##a
#define AT_TABLE(a) vm_row_BR_TABLE[ROW_AT(a, S, S)]

/* ---- calls and returns ------------------------------------------------------
 *
 *     CALL   field 0: arguments, 1: callee's record | code
 *     RET    field 0: own record, 1: value; a constant in the next cell
 */

/* Enters `code` in a frame at nfp, to return to `back` and `back_fp`. */
#define ENTER(code, nfp, rec, back, back_fp)                                   \
    do {                                                                       \
        if (UNLIKELY((rec) > fiber->stack_limit))                              \
            JUMP(vm_trap_stack);                                               \
        (rec)[VM_REC_PC] = (uintptr_t)(back);                                  \
        (rec)[VM_REC_FP] = (uintptr_t)(back_fp);                               \
        (rec)[VM_REC_L0] = l0;                                                 \
        (rec)[VM_REC_L1] = l1;                                                 \
        put_f64(&(rec)[VM_REC_D0], d0);                                        \
        fp = (nfp);                                                            \
        FOLLOW((code)->entry);                                                 \
        acc = (uintptr_t)(code); /* for vm_lazy */                             \
        COUNT_THEN_GO();                                                       \
    } while (0)

#define CALL_CELLS 3
#define DO_CALL(_)                                                             \
    {                                                                          \
        const struct vm_code *code = (const struct vm_code *)(uintptr_t)pc[2]; \
        vm_slot *nfp = fp + FIELD(0), *rec = nfp + FIELD(1);                   \
        ENTER(code, nfp, rec, pc + CALL_CELLS, fp);                            \
    }
#define CELLS_CALL(_) 0
#define NAME_CALL(_) vm_x_CALL
#define AT_CALL(_) vm_simple[VM_X_CALL]

#define RETURN()                                                               \
    do {                                                                       \
        const vm_slot *rec = fp + FIELD(0);                                    \
        FOLLOW((const vm_cell *)(uintptr_t)rec[VM_REC_PC]);                    \
        l0 = rec[VM_REC_L0];                                                   \
        l1 = rec[VM_REC_L1];                                                   \
        d0 = get_f64(&rec[VM_REC_D0]);                                         \
        fp = (vm_slot *)(uintptr_t)rec[VM_REC_FP];                             \
        NEXT(0);                                                               \
    } while (0)

#define DO_RET(a)                                                              \
    {                                                                          \
        acc = INT_A_##a(64);                                                   \
        RETURN();                                                              \
    }
#define CELLS_RET(a) 0
#define NAME_RET(a) ret_##a
#define AT_RET(a) vm_row_RET[ROW_AT(a, S, S)]

#define DO_FRET(T, a)                                                          \
    {                                                                          \
        FLT_ACC_##T = FLT_A_##a(T);                                            \
        RETURN();                                                              \
    }
#define CELLS_FRET(T, a) 0
#define NAME_FRET(T, a) ret_##T##_##a
#define FRET_ROW_f32 vm_row_RET_F32
#define FRET_ROW_f64 vm_row_RET_F64
#define AT_FRET(T, a) FRET_ROW_##T[ROW_AT(a, S, S)]

#define DO_RET_SLOTS(_)                                                        \
    {                                                                          \
        RETURN();                                                              \
    }
#define CELLS_RET_SLOTS(_) 0
#define NAME_RET_SLOTS(_) vm_x_RET_SLOTS
#define AT_RET_SLOTS(_) vm_simple[VM_X_RET_SLOTS]

/* ---- a handler of one body --------------------------------------------------- */

/* clang-format on */

#define ONE(CLASS, ...)                                                        \
    HANDLER(NAME_##CLASS(__VA_ARGS__))                                         \
    {                                                                          \
        DO_##CLASS(__VA_ARGS__) NEXT(CELLS_##CLASS(__VA_ARGS__));              \
    }

#endif
