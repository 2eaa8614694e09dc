/* Calls through a table of small functions. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef uint32_t (*step)(uint32_t x, uint32_t y);
static uint32_t add(uint32_t x, uint32_t y)
{
    return x + y;
}
static uint32_t mix(uint32_t x, uint32_t y)
{
    return (x ^ y) * 0x9e3779b1u;
}
static uint32_t turn(uint32_t x, uint32_t y)
{
    return x << (y & 15) | x >> (32 - (y & 15)) % 32;
}
static uint32_t pick(uint32_t x, uint32_t y)
{
    return x > y ? x - y : y - x;
}
static step const steps[] = {add, mix, turn, pick};

int main(int argc, char **argv)
{
    uint32_t n = argc > 1 ? (uint32_t)atoi(argv[1]) : 18000000, x = 1;
    for (uint32_t i = 0; i < n; i++)
        x = steps[(x >> 7 ^ i) & 3](x, i);
    printf("%u\n", x);
}
