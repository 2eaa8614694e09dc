/* The set: a short f64 loop with a data-dependent end. */
#include <stdio.h>
#include <stdlib.h>

static int escape(double cr, double ci)
{
    double zr = 0, zi = 0;
    int i = 0;
    for (; i < 100 && zr * zr + zi * zi < 4; i++) {
        double t = zr * zr - zi * zi + cr;
        zi = 2 * zr * zi + ci;
        zr = t;
    }
    return i;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 1200;
    long total = 0;
    for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++)
            total += escape(3.0 * x / n - 2, 2.0 * y / n - 1);
    printf("%ld\n", total);
}
