/* boom.c - a trap below a few functions; the tests look for the marked lines.
 */
#include <stdlib.h>

#define NOINLINE __attribute__((noinline))

static volatile int zero;

static NOINLINE int divide(int a, int b)
{
    return a / b; /* LINE divide */
}

static NOINLINE int compare(const void *a, const void *b)
{
    return divide(*(const int *)a, zero) + 1; /* LINE compare */
}

int main(void)
{
    int numbers[] = {1, 2, 3, 4};
    qsort(numbers, 4, sizeof *numbers, compare); /* LINE main */
    return numbers[0];
}
