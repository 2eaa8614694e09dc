/* Moving and comparing memory by hand: word and byte loops. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 65536 };
static uint8_t a[N], b[N];

static void move_bytes(uint8_t *to, const uint8_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = from[i];
        __asm__("" ::: "memory");
    }
}

static void move_words(uint64_t *to, const uint64_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = from[i];
        __asm__("" ::: "memory");
    }
}

static uint32_t differ(const uint8_t *x, const uint8_t *y, size_t n)
{
    uint32_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += x[i] != y[i];
    return count;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 900;
    uint32_t sum = 0;
    for (int i = 0; i < N; i++)
        a[i] = (uint8_t)(i * 31 >> 4);
    for (int r = 0; r < rounds; r++) {
        move_bytes(b + 1, a, N - 1);
        sum += differ(a, b, N);
        move_words((uint64_t *)a, (uint64_t *)b, N / 8);
        a[r] = (uint8_t)r;
    }
    printf("%u\n", sum);
}
