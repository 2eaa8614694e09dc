/*
 * interp_fuse.c - handlers: sequences of two or three instructions that
 * programs run most often, in one (fuse.def).
 *
 * Each saves the dispatches inside of it.  The cells stay as they are, only the
 * first one's handler is exchanged, by compile_fuse.c: so a branch may lead
 * into the middle of a sequence, and a trap finds pc where it belongs.
 */
#include "vm/bodies.h"
#include "vm/fuse.h"

/* Tables of macros: laid out by hand. */
/* clang-format off */

/* CLASS and its arguments in parentheses, as in bodies.h */
#define BODY(CLASS, args) DO_##CLASS args
#define CELLS(CLASS, args) CELLS_##CLASS args
#define NAME(CLASS, args) NAME_##CLASS args
#define AT(CLASS, args) AT_##CLASS args
#define JOIN2(a, b) JOIN2_(a, b)
#define JOIN2_(a, b) a##__##b
#define JOIN3(a, b, c) JOIN3_(a, b, c)
#define JOIN3_(a, b, c) a##__##b##__##c

#define SEQUENCE2(A, a, B, b)                                                  \
    static HANDLER(JOIN2(NAME(A, a), NAME(B, b)))                              \
    {                                                                          \
        BODY(A, a)                                                             \
        pc += CELLS(A, a);                                                     \
        BODY(B, b)                                                             \
        NEXT(CELLS(B, b));                                                     \
    }
#define SEQUENCE3(A, a, B, b, C, c)                                            \
    static HANDLER(JOIN3(NAME(A, a), NAME(B, b), NAME(C, c)))                  \
    {                                                                          \
        BODY(A, a)                                                             \
        pc += CELLS(A, a);                                                     \
        BODY(B, b)                                                             \
        pc += CELLS(B, b);                                                     \
        BODY(C, c)                                                             \
        NEXT(CELLS(C, c));                                                     \
    }
#include "vm/fuse.def"
#undef SEQUENCE2
#undef SEQUENCE3

#define SEQUENCE2(A, a, B, b)                                                  \
    {{&AT(A, a), &AT(B, b), NULL}, JOIN2(NAME(A, a), NAME(B, b))},
#define SEQUENCE3(A, a, B, b, C, c)                                            \
    {{&AT(A, a), &AT(B, b), &AT(C, c)},                                        \
     JOIN3(NAME(A, a), NAME(B, b), NAME(C, c))},
const vm_sequence vm_sequences[] = {
#include "vm/fuse.def"
};
const uint32_t vm_nsequences = sizeof vm_sequences / sizeof *vm_sequences;
