/* Spheres: f32 vectors by value, square roots, recursion for reflections. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct vec {
    float x, y, z;
} vec;

static vec add(vec a, vec b, float s)
{
    return (vec){a.x + b.x * s, a.y + b.y * s, a.z + b.z * s};
}
static float dot(vec a, vec b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}
static vec unit(vec a)
{
    float s = 1 / sqrtf(dot(a, a));
    return (vec){a.x * s, a.y * s, a.z * s};
}

static const struct {
    vec centre;
    float radius, shine;
} spheres[] = {{{0, 0, 5}, 1, 0.4f},
               {{2, 1, 6}, 1, 0.2f},
               {{-2, -0.5f, 4}, 0.7f, 0.5f},
               {{0, -101, 5}, 100, 0.1f}};

static int nearest(vec from, vec way, float *distance)
{
    int hit = -1;
    *distance = 1e9f;
    for (int i = 0; i < 4; i++) {
        vec to = add(spheres[i].centre, from, -1);
        float b = dot(to, way);
        float d = b * b - dot(to, to) + spheres[i].radius * spheres[i].radius;
        if (d < 0)
            continue;
        float t = b - sqrtf(d);
        if (t > 0.001f && t < *distance) {
            *distance = t;
            hit = i;
        }
    }
    return hit;
}

static float trace(vec from, vec way, int depth)
{
    float t;
    int i = nearest(from, way, &t);
    if (i < 0)
        return 0.3f + 0.3f * way.y;
    vec point = add(from, way, t);
    vec normal = unit(add(point, spheres[i].centre, -1));
    float light = dot(normal, unit((vec){1, 2, -1}));
    if (light < 0)
        light = 0;
    if (depth) {
        vec mirror = add(way, normal, -2 * dot(way, normal));
        light += spheres[i].shine * trace(point, mirror, depth - 1);
    }
    return light;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 1200;
    double sum = 0;
    for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++)
            sum += trace((vec){0, 0, 0},
                         unit((vec){2.0f * x / n - 1, 1 - 2.0f * y / n, 1}), 3);
    printf("%.4f\n", sum);
}
