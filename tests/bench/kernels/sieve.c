/* Primes: byte stores with a stride. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 1000000 };
static unsigned char composite[N];

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 24, count = 0;
    while (rounds--) {
        memset(composite, 0, N);
        count = 0;
        for (int i = 2; i < N; i++) {
            if (composite[i])
                continue;
            count++;
            for (int j = i + i; j < N; j += i)
                composite[j] = 1;
        }
    }
    printf("%d\n", count);
}
