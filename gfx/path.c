/*
 * path.c - flattening and stroking.
 *
 * Curves are cut into lines when they are added, in device space, finely
 * enough for a twentieth of a pixel.  A stroke is the union of one
 * quadrilateral per line and one wedge per join, all of the same orientation,
 * which the nonzero rule makes one shape.
 */
#include "gfx/path.h"

#include <math.h>
#include <stdlib.h>

#define POINTS_MAX 65536
#define CURVE_MAX 64 /* lines per curve */

void gfx_path_finish(struct gfx_path *path)
{
    free(path->points);
    free(path->marks);
    *path = (struct gfx_path){0};
}

void gfx_path_reset(struct gfx_path *path)
{
    path->n = 0;
    path->overflow = false;
}

static bool grow(struct gfx_path *path)
{
    int capacity = path->capacity ? path->capacity * 2 : 32;
    if (capacity > POINTS_MAX)
        return false;
    struct gfx_point *points =
        realloc(path->points, (size_t)capacity * sizeof *points);
    if (!points)
        return false;
    path->points = points;
    uint8_t *marks = realloc(path->marks, (size_t)capacity);
    if (!marks)
        return false;
    path->marks = marks;
    path->capacity = capacity;
    return true;
}

/* Far outside any image, but well inside what arithmetic bears; NaN is 0. */
static float tame(float v)
{
    const float limit = 1 << 20;
    return v > -limit ? fminf(v, limit) : v <= -limit ? -limit : 0;
}

static void add(struct gfx_path *path, struct gfx_point p, uint8_t mark)
{
    if (path->n == path->capacity && !grow(path)) {
        path->overflow = true;
        return;
    }
    path->points[path->n] = (struct gfx_point){tame(p.x), tame(p.y)};
    path->marks[path->n++] = mark;
}

/* A line without a move before it starts a contour. */
static void add_line(struct gfx_path *path, struct gfx_point p)
{
    bool fresh = !path->n || path->marks[path->n - 1] & GFX_MARK_CLOSED;
    add(path, p, fresh ? GFX_MARK_START : 0);
}

static struct gfx_point current(const struct gfx_path *path,
                                struct gfx_point otherwise)
{
    return path->n ? path->points[path->n - 1] : otherwise;
}

void gfx_path_move(struct gfx_path *path, const struct gfx_matrix *m, float x,
                   float y)
{
    add(path, gfx_apply(m, x, y), GFX_MARK_START);
}

void gfx_path_line(struct gfx_path *path, const struct gfx_matrix *m, float x,
                   float y)
{
    add_line(path, gfx_apply(m, x, y));
}

/* Lines for a curve whose control polygon bends by `d` pixels. */
static int pieces(float d)
{
    if (!(d < 1e6f))
        return 1;
    int n = (int)ceilf(sqrtf(d * 3));
    return n < 1 ? 1 : gfx_min(n, CURVE_MAX);
}

static float bend(struct gfx_point a, struct gfx_point b, struct gfx_point c)
{
    return hypotf(a.x - 2 * b.x + c.x, a.y - 2 * b.y + c.y);
}

void gfx_path_cubic(struct gfx_path *path, const struct gfx_matrix *m,
                    float c0x, float c0y, float c1x, float c1y, float x,
                    float y)
{
    struct gfx_point b = gfx_apply(m, c0x, c0y), c = gfx_apply(m, c1x, c1y);
    struct gfx_point a = current(path, b), d = gfx_apply(m, x, y);
    int n = pieces(fmaxf(bend(a, b, c), bend(b, c, d)) * 6);
    for (int i = 1; i < n; i++) {
        float t = (float)i / (float)n, s = 1 - t;
        float wa = s * s * s, wb = 3 * s * s * t, wc = 3 * s * t * t,
              wd = t * t * t;
        add_line(path,
                 (struct gfx_point){wa * a.x + wb * b.x + wc * c.x + wd * d.x,
                                    wa * a.y + wb * b.y + wc * c.y + wd * d.y});
    }
    add_line(path, d);
}

void gfx_path_quad(struct gfx_path *path, const struct gfx_matrix *m, float cx,
                   float cy, float x, float y)
{
    struct gfx_point b = gfx_apply(m, cx, cy), c = gfx_apply(m, x, y);
    struct gfx_point a = current(path, b);
    int n = pieces(bend(a, b, c) * 2);
    for (int i = 1; i < n; i++) {
        float t = (float)i / (float)n, s = 1 - t;
        add_line(path, (struct gfx_point){
                           s * s * a.x + 2 * s * t * b.x + t * t * c.x,
                           s * s * a.y + 2 * s * t * b.y + t * t * c.y});
    }
    add_line(path, c);
}

/* A quarter circle at most per cubic: 4/3 tan(angle / 4). */
void gfx_path_arc(struct gfx_path *path, const struct gfx_matrix *m, float x,
                  float y, float rx, float ry, float start, float end)
{
    const float turn = 6.2831853f;
    float sweep = end - start;
    if (!(fabsf(start) < 1e4f && fabsf(sweep) < 1e4f))
        return;
    sweep = fmaxf(-turn, fminf(turn, sweep));
    int n = (int)ceilf(fabsf(sweep) / (turn / 4) - 1e-4f);
    gfx_path_line(path, m, x + rx * cosf(start), y + ry * sinf(start));
    if (n < 1)
        return;
    float step = sweep / (float)n, k = 4.f / 3 * tanf(step / 4);
    for (int i = 0; i < n; i++) {
        float a = start + step * (float)i, b = a + step;
        float ca = cosf(a), sa = sinf(a), cb = cosf(b), sb = sinf(b);
        gfx_path_cubic(path, m, x + rx * (ca - k * sa), y + ry * (sa + k * ca),
                       x + rx * (cb + k * sb), y + ry * (sb - k * cb),
                       x + rx * cb, y + ry * sb);
    }
}

void gfx_path_rounded_rect(struct gfx_path *path, const struct gfx_matrix *m,
                           float x, float y, float w, float h, float radius)
{
    float r = fminf(radius, fminf(w, h) / 2);
    if (!(r > 0)) {
        gfx_path_move(path, m, x, y);
        gfx_path_line(path, m, x + w, y);
        gfx_path_line(path, m, x + w, y + h);
        gfx_path_line(path, m, x, y + h);
        gfx_path_close(path);
        return;
    }
    const float q = 1.5707963f;
    gfx_path_move(path, m, x, y + r);
    gfx_path_arc(path, m, x + r, y + r, r, r, 2 * q, 3 * q);
    gfx_path_arc(path, m, x + w - r, y + r, r, r, 3 * q, 4 * q);
    gfx_path_arc(path, m, x + w - r, y + h - r, r, r, 0, q);
    gfx_path_arc(path, m, x + r, y + h - r, r, r, q, 2 * q);
    gfx_path_close(path);
}

void gfx_path_close(struct gfx_path *path)
{
    if (path->n)
        path->marks[path->n - 1] |= GFX_MARK_CLOSED;
}

/* ---- filling --------------------------------------------------------------
 */

/* One past the contour that starts at `i`. */
static int contour_end(const struct gfx_path *path, int i)
{
    do
        i++;
    while (i < path->n && !(path->marks[i] & GFX_MARK_START));
    return i;
}

void gfx_path_fill(const struct gfx_path *path, struct gfx_raster *raster)
{
    if (path->overflow) {
        raster->overflow = true;
        return;
    }
    for (int i = 0; i < path->n;) {
        int end = contour_end(path, i);
        const struct gfx_point *p = path->points;
        for (int k = i; k < end; k++) {
            const struct gfx_point *q = &p[k + 1 < end ? k + 1 : i];
            gfx_raster_line(raster, p[k].x, p[k].y, q->x, q->y);
        }
        i = end;
    }
}

/* ---- stroking -------------------------------------------------------------
 */

struct stroke {
    struct gfx_raster *raster;
    float half; /* of the width */
};

/* A convex polygon, turned so that all have the same orientation. */
static void polygon(struct stroke *s, const struct gfx_point *p, int n)
{
    float area = 0;
    for (int i = 0; i < n; i++) {
        const struct gfx_point *a = &p[i], *b = &p[(i + 1) % n];
        area += a->x * b->y - b->x * a->y;
    }
    for (int i = 0; i < n; i++) {
        const struct gfx_point *a = &p[i], *b = &p[(i + 1) % n];
        if (area < 0) {
            const struct gfx_point *t = a;
            a = b;
            b = t;
        }
        gfx_raster_line(s->raster, a->x, a->y, b->x, b->y);
    }
}

/* The part of a disc around c from direction `from` over `sweep` radians. */
static void wedge(struct stroke *s, struct gfx_point c, float from, float sweep)
{
    struct gfx_point p[36];
    float steps = fabsf(sweep) * sqrtf(s->half) * 1.2f;
    int n = steps < 34 ? gfx_max((int)steps + 1, 1) : 34;
    p[0] = c;
    for (int i = 0; i <= n; i++) {
        float a = from + sweep * (float)i / (float)n;
        p[i + 1] = (struct gfx_point){c.x + s->half * cosf(a),
                                      c.y + s->half * sinf(a)};
    }
    polygon(s, p, n + 2);
}

static void segment(struct stroke *s, struct gfx_point a, struct gfx_point b)
{
    float dx = b.x - a.x, dy = b.y - a.y, len = hypotf(dx, dy);
    float nx = -dy / len * s->half, ny = dx / len * s->half;
    const struct gfx_point p[4] = {{a.x + nx, a.y + ny},
                                   {b.x + nx, b.y + ny},
                                   {b.x - nx, b.y - ny},
                                   {a.x - nx, a.y - ny}};
    polygon(s, p, 4);
}

static float direction(struct gfx_point a, struct gfx_point b)
{
    return atan2f(b.y - a.y, b.x - a.x);
}

/* Fills the outer side of the bend at b. */
static void join(struct stroke *s, struct gfx_point a, struct gfx_point b,
                 struct gfx_point c)
{
    const float pi = 3.14159265f;
    float d0 = direction(a, b), turn = direction(b, c) - d0;
    if (turn > pi)
        turn -= 2 * pi;
    if (turn < -pi)
        turn += 2 * pi;
    if (fabsf(turn) < 1e-3f)
        return;
    float side = turn > 0 ? -pi / 2 : pi / 2;
    wedge(s, b, d0 + side, turn);
}

static void cap(struct stroke *s, struct gfx_point at, struct gfx_point next)
{
    const float pi = 3.14159265f;
    wedge(s, at, direction(at, next) + pi / 2, pi);
}

static bool same(struct gfx_point a, struct gfx_point b)
{
    return fabsf(a.x - b.x) < 1e-3f && fabsf(a.y - b.y) < 1e-3f;
}

/* The next point from k on that differs from `from`; -1 when none does. */
static int next_other(const struct gfx_point *p, int k, int end,
                      struct gfx_point from)
{
    while (k < end && same(p[k], from))
        k++;
    return k < end ? k : -1;
}

static void stroke_contour(struct stroke *s, const struct gfx_point *p, int n,
                           bool closed, bool round_ends)
{
    int second = next_other(p, 1, n, p[0]);
    if (second < 0) { /* a dot */
        if (round_ends)
            wedge(s, p[0], 0, 6.2831853f);
        return;
    }
    struct gfx_point before = p[0], at = p[0];
    for (int k = second; k >= 0; k = next_other(p, k, n, at)) {
        segment(s, at, p[k]);
        if (!same(before, at))
            join(s, before, at, p[k]);
        before = at;
        at = p[k];
    }
    if (closed) {
        if (!same(at, p[0])) {
            segment(s, at, p[0]);
            join(s, before, at, p[0]);
            before = at;
        }
        join(s, before, p[0], p[second]);
    } else if (round_ends) {
        cap(s, p[0], p[second]);
        cap(s, at, before);
    }
}

void gfx_path_stroke(const struct gfx_path *path, struct gfx_raster *raster,
                     float width, bool round_ends)
{
    struct stroke s = {raster, width / 2};
    if (path->overflow || !(width > 0 && width < 1e5f)) {
        raster->overflow |= path->overflow;
        return;
    }
    for (int i = 0; i < path->n;) {
        int end = contour_end(path, i);
        bool closed = path->marks[end - 1] & GFX_MARK_CLOSED;
        stroke_contour(&s, path->points + i, end - i, closed, round_ends);
        i = end;
    }
}
