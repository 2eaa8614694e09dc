/* An interpreter in the interpreter: a switch in a loop, a small stack. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { PUSH, ADD, SUB, MUL, DUP, SWAP, LOAD, STORE, JNZ, LT, XOR, SHR, HALT };

/* n = arg; a = 0; b = 1; do { t = a ^ b; a = b + (a >> 3); b = t * 3;
 * n = n - 1 } while (n) */
static const int32_t program[] = {
    PUSH, 0,     STORE, 1,    PUSH, 1,    STORE, 2,    LOAD, 1,   LOAD, 2,
    XOR,  STORE, 3,     LOAD, 2,    LOAD, 1,     PUSH, 3,    SHR, ADD,  STORE,
    1,    LOAD,  3,     PUSH, 3,    MUL,  STORE, 2,    LOAD, 0,   PUSH, 1,
    SUB,  DUP,   STORE, 0,    JNZ,  8,    LOAD,  1,    LOAD, 2,   XOR,  HALT};

static int32_t run(int32_t argument)
{
    int32_t stack[16], vars[4] = {argument};
    const int32_t *pc = program;
    int32_t *sp = stack;
    for (;;) {
        switch (*pc++) {
        case PUSH: *sp++ = *pc++; break;
        case ADD:
            sp--;
            sp[-1] += sp[0];
            break;
        case SUB:
            sp--;
            sp[-1] -= sp[0];
            break;
        case MUL:
            sp--;
            sp[-1] = (int32_t)((uint32_t)sp[-1] * (uint32_t)sp[0]);
            break;
        case DUP:
            sp[0] = sp[-1];
            sp++;
            break;
        case SWAP: {
            int32_t t = sp[-1];
            sp[-1] = sp[-2];
            sp[-2] = t;
            break;
        }
        case LOAD: *sp++ = vars[*pc++]; break;
        case STORE: vars[*pc++] = *--sp; break;
        case JNZ: pc = *--sp ? program + *pc : pc + 1; break;
        case LT:
            sp--;
            sp[-1] = sp[-1] < sp[0];
            break;
        case XOR:
            sp--;
            sp[-1] ^= sp[0];
            break;
        case SHR:
            sp--;
            sp[-1] = sp[-1] >> (sp[0] & 31);
            break;
        case HALT: return sp[-1];
        }
    }
}

int main(int argc, char **argv)
{
    printf("%d\n", run(argc > 1 ? atoi(argv[1]) : 1500000));
}
