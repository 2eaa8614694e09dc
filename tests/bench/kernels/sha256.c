/* SHA-256 (FIPS 180-4): 32-bit arithmetic, rotations, small arrays. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t k[64], h[8];

static uint32_t rotr(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

/* The constants: fractional parts of roots of primes, by integer arithmetic. */
static uint32_t root_bits(uint32_t prime, int power)
{
    unsigned __int128 target = (unsigned __int128)prime << (32 * power);
    uint64_t low = 0, high = UINT64_C(1) << 38;
    while (low + 1 < high) {
        uint64_t mid = (low + high) / 2;
        unsigned __int128 p = mid;
        for (int i = 1; i < power; i++)
            p *= mid;
        if (p <= target)
            low = mid;
        else
            high = mid;
    }
    return (uint32_t)low;
}

static void make_constants(void)
{
    int n = 0;
    for (uint32_t p = 2; n < 64; p++) {
        int prime = 1;
        for (uint32_t d = 2; d * d <= p; d++)
            prime &= p % d != 0;
        if (!prime)
            continue;
        if (n < 8)
            h[n] = root_bits(p, 2);
        k[n++] = root_bits(p, 3);
    }
}

static void block(const uint8_t *p)
{
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++, p += 4)
        w[i] = (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (rotr(a, 7) ^ rotr(a, 18) ^ a >> 3) + w[i - 7] +
               (rotr(b, 17) ^ rotr(b, 19) ^ b >> 10);
    }
    memcpy(s, h, sizeof s);
    for (int i = 0; i < 64; i++) {
        uint32_t e = s[4], a = s[0];
        uint32_t t1 = s[7] + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) +
                      ((e & s[5]) ^ (~e & s[6])) + k[i] + w[i];
        uint32_t t2 = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) +
                      ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        h[i] += s[i];
}

int main(int argc, char **argv)
{
    static uint8_t data[65536];
    int rounds = argc > 1 ? atoi(argv[1]) : 120;
    make_constants();
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + (i >> 8));
    while (rounds--)
        for (size_t i = 0; i < sizeof data; i += 64)
            block(data + i);
    printf("%08x%08x\n", h[0], h[7]);
}
