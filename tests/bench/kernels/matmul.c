/* Matrix multiplication in f64: strided loads, multiply and add. */
#include <stdio.h>
#include <stdlib.h>

enum { N = 160 };
static double a[N][N], b[N][N], c[N][N];

static void multiply(void)
{
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double sum = 0;
            for (int k = 0; k < N; k++)
                sum += a[i][k] * b[k][j];
            c[i][j] = sum;
        }
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 25;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = (i * j) % 7 - 3;
            b[i][j] = (i + j) % 5 * 0.25;
        }
    double trace = 0;
    while (rounds--) {
        multiply();
        for (int i = 0; i < N; i++)
            trace += c[i][i];
    }
    printf("%.6f\n", trace);
}
