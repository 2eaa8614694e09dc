/* A 64-bit hash in the manner of xxHash: multiplications and rotations. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define P1 0x9e3779b185ebca87u
#define P2 0xc2b2ae3d27d4eb4fu
#define P3 0x165667b19e3779f9u

static uint64_t rotl(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

static uint64_t round64(uint64_t acc, uint64_t v)
{
    return rotl(acc + v * P2, 31) * P1;
}

static uint64_t hash(const uint8_t *p, size_t n, uint64_t seed)
{
    uint64_t v[4] = {seed + P1 + P2, seed + P2, seed, seed - P1}, w;
    for (; n >= 32; n -= 32)
        for (int i = 0; i < 4; i++, p += 8) {
            memcpy(&w, p, 8);
            v[i] = round64(v[i], w);
        }
    uint64_t h =
        rotl(v[0], 1) + rotl(v[1], 7) + rotl(v[2], 12) + rotl(v[3], 18);
    for (; n; n--)
        h = rotl(h ^ *p++ * P3, 11) * P1;
    h = (h ^ h >> 33) * P2;
    h = (h ^ h >> 29) * P3;
    return h ^ h >> 32;
}

int main(int argc, char **argv)
{
    static uint8_t data[100003];
    int rounds = argc > 1 ? atoi(argv[1]) : 6000;
    uint64_t h = 0;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * i >> 3);
    while (rounds--)
        h = hash(data, sizeof data, h);
    printf("%llx\n", (unsigned long long)h);
}
