/* hot.c - where a profile has to find the time: the mode is the argument. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

static char from[1 << 16], to[1 << 16];
static volatile uint32_t sink;

static NOINLINE void hot(uint32_t n)
{
    uint32_t x = 1;
    for (uint32_t i = 0; i < n; i++) {
        x = x * 1664525u + 1013904223u; /* LINE hot */
        x ^= x >> 7;
    }
    sink += x;
}

static NOINLINE void cold(void)
{
    for (uint32_t i = 0; i < 1000; i++)
        sink += i;
}

/* Calls and returns as often as can be, through a table. */
static NOINLINE uint32_t even(uint32_t n);
static NOINLINE uint32_t odd(uint32_t n);
static uint32_t (*volatile table[2])(uint32_t) = {even, odd};

static uint32_t even(uint32_t n)
{
    return n ? table[1](n - 1) + 1 : 0;
}

static uint32_t odd(uint32_t n)
{
    return n ? table[0](n - 1) + 1 : 0;
}

static NOINLINE uint32_t fib(uint32_t n)
{
    if (n < 2)
        return n;
    uint32_t a = fib(n - 1);
    return a + fib(n - 2);
}

/* Handlers that call C: memory.copy, floor. */
static NOINLINE void copying(int n)
{
    for (int i = 0; i < n; i++) {
        from[i & 0xffff]++;
        __builtin_memcpy(to, from, sizeof to);
        sink += (unsigned char)to[7];
    }
}

static NOINLINE double rounding(int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += floor(i * 0.37);
    return sum;
}

static NOINLINE void writing(int n)
{
    for (int i = 0; i < n; i++) {
        fputc('.', stderr);
        fflush(stderr);
    }
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "hot";
    cold();
    if (!strcmp(mode, "hot"))
        hot(60000000);
    else if (!strcmp(mode, "calls"))
        for (int i = 0; i < 15000; i++)
            sink += table[0](500);
    else if (!strcmp(mode, "deep"))
        for (int i = 0; i < 500; i++)
            sink += table[0](15000);
    else if (!strcmp(mode, "fib"))
        sink += fib(36);
    else if (!strcmp(mode, "copy"))
        copying(60000);
    else if (!strcmp(mode, "floor"))
        sink += (uint32_t)rounding(30000000);
    else if (!strcmp(mode, "write"))
        writing(100000);
    else if (!strcmp(mode, "exit"))
        exit((hot(20000000), 7));
    else if (!strcmp(mode, "trap"))
        hot(20000000), __builtin_trap();
    else if (!strcmp(mode, "spin"))
        for (puts("spinning"), fflush(stdout);;)
            hot(1000);
    puts("done");
    return 0;
}
