/*
 * deep.c - traps, with a line table that is long enough to need sorting: its
 * backtrace has files and lines, in a jail as well.
 */
#include <stdio.h>

static volatile int zero;

#define STEP(n) printf("%d\n", n + zero);
#define STEPS(n) STEP(n) STEP(n + 1) STEP(n + 2) STEP(n + 3)

static int __attribute__((noinline)) fall(int n)
{
    STEPS(n)
    STEPS(n + 4)
    STEPS(n + 8)
    STEPS(n + 12)
    STEPS(n + 16)
    STEPS(n + 20)
    STEPS(n + 24)
    if (n)
        __builtin_trap();
    return n;
}

int main(int argc, char **argv)
{
    return fall(argc + zero);
}
