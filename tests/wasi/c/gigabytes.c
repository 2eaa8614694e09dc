/* gigabytes.c - asks preview 1 for three gigabytes of random bytes at once. */
#include <stdint.h>
#include <stdio.h>

__attribute__((import_module("wasi_snapshot_preview1"),
               import_name("random_get"))) int
random_get(void *to, uint32_t len);

int main(void)
{
    uint32_t len = 3u << 30;
    unsigned long page = __builtin_wasm_memory_grow(0, len >> 16);
    if (page == -1ul)
        return puts("no memory"), 1;
    return random_get((void *)(page << 16), len);
}
