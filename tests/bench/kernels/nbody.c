/* Planets: f64 in structures, square roots. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct body {
    double x, y, z, vx, vy, vz, mass;
} body;

enum { N = 5 };
static body bodies[N] = {
    {0, 0, 0, 0, 0, 0, 39.47},
    {4.84, -1.16, -0.10, 0.60, 2.81, -0.02, 0.037},
    {8.34, 4.12, -0.40, -1.01, 1.82, 0.008, 0.011},
    {12.89, -15.11, -0.22, 1.08, 0.86, -0.010, 0.0017},
    {15.37, -25.91, 0.17, 0.97, 0.59, -0.034, 0.0020},
};

static void attract(body *a, body *b, double dt)
{
    double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
    double d2 = dx * dx + dy * dy + dz * dz;
    double mag = dt / (d2 * sqrt(d2));
    a->vx -= dx * b->mass * mag;
    a->vy -= dy * b->mass * mag;
    a->vz -= dz * b->mass * mag;
    b->vx += dx * a->mass * mag;
    b->vy += dy * a->mass * mag;
    b->vz += dz * a->mass * mag;
}

static void advance(double dt)
{
    for (int i = 0; i < N; i++)
        for (int j = i + 1; j < N; j++)
            attract(&bodies[i], &bodies[j], dt);
    for (int i = 0; i < N; i++) {
        bodies[i].x += dt * bodies[i].vx;
        bodies[i].y += dt * bodies[i].vy;
        bodies[i].z += dt * bodies[i].vz;
    }
}

int main(int argc, char **argv)
{
    int steps = argc > 1 ? atoi(argv[1]) : 800000;
    while (steps--)
        advance(0.001);
    printf("%.9f %.9f\n", bodies[0].x, bodies[4].vz);
}
