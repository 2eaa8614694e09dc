/* core.c - functions for --invoke, and ways to end badly; no libc. */
#define EXPORT(name) __attribute__((export_name(#name)))

EXPORT(add) int add(int a, int b)
{
    return a + b;
}

EXPORT(mul64) long long mul64(long long a, long long b)
{
    return a * b;
}

EXPORT(half) double half(double x)
{
    return x / 2;
}

EXPORT(trap) void trap(void)
{
    __builtin_trap();
}

EXPORT(spin) void spin(void)
{
    for (volatile int i = 0;; i++)
        ;
}

static volatile int one = 1;

/* One frame per number, with nothing in linear memory. */
EXPORT(overflow) int overflow(int n)
{
    return n == 0x7fffffff ? 0 : overflow(n + one) + one;
}

EXPORT(grow) int grow(int pages)
{
    return (int)__builtin_wasm_memory_grow(0, pages);
}
