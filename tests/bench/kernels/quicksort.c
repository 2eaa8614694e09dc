/* Sorting in place: loads, compares, swaps, some recursion. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 300000 };
static int32_t items[N];

static void sort(int32_t *a, int left, int right)
{
    while (left < right) {
        int32_t pivot = a[left + (right - left) / 2];
        int i = left, j = right;
        while (i <= j) {
            while (a[i] < pivot)
                i++;
            while (a[j] > pivot)
                j--;
            if (i <= j) {
                int32_t t = a[i];
                a[i++] = a[j];
                a[j--] = t;
            }
        }
        sort(a, left, j);
        left = i;
    }
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 4;
    uint32_t seed = 1, sum = 0;
    while (rounds--) {
        for (int i = 0; i < N; i++) {
            seed = seed * 1664525 + 1013904223;
            items[i] = (int32_t)(seed >> 4);
        }
        sort(items, 0, N - 1);
        for (int i = 1; i < N; i++)
            sum += items[i] < items[i - 1] ? 1u << 31 : (uint32_t)items[i] & 7;
    }
    printf("%u\n", sum);
}
