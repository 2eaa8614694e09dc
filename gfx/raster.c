/*
 * raster.c - an anti-aliasing scan converter with exact area coverage.
 *
 * Coordinates are 24.8 fixed point (integers: floating point is slow under
 * emulation).  Each edge adds, to every pixel cell it crosses in a row, its
 * signed height (`cover`) and twice the area between it and the cell's left
 * side (`area`).  The running sum of covers along the row, less the cell's
 * own area, is the signed coverage: the method of Levien's LibArt and of
 * FreeType's smooth rasterizer.
 *
 * A row has at most GFX_SIDE_MAX = 64 * 64 cells.  One bit per block of 64
 * says whether any edge touched it; an untouched block has one coverage
 * throughout, so a big shape costs as little as its outline.
 */
#include "gfx/raster.h"

#include <stdlib.h>
#include <string.h>

#define EDGES_MAX 200000
#define BLOCK 64

struct gfx_edge {
    int32_t x0, y0, x1, y1; /* 24.8, y0 < y1 */
    int32_t dir;            /* 1 downwards, -1 upwards */
};

struct cell {
    int32_t cover, area;
};

struct sweep {
    struct gfx_rect clip;
    enum gfx_rule rule;
    gfx_span_fn span;
    void *ctx;
    uint64_t touched; /* bit per block */
    struct cell cells[GFX_SIDE_MAX];
};

void gfx_raster_finish(struct gfx_raster *raster)
{
    free(raster->edges);
    *raster = (struct gfx_raster){0};
}

void gfx_raster_reset(struct gfx_raster *raster)
{
    raster->n = 0;
    raster->overflow = false;
}

static int32_t to_fixed(float v)
{
    const float limit = 1 << 20;
    if (!(v > -limit))
        return -(1 << 28);
    if (v >= limit)
        return 1 << 28;
    return (int32_t)(v * 256 + (v < 0 ? -0.5f : 0.5f));
}

static bool reserve(struct gfx_raster *raster)
{
    if (raster->n < raster->capacity)
        return true;
    int capacity = raster->capacity ? raster->capacity * 2 : 64;
    struct gfx_edge *edges = NULL;
    if (raster->n < EDGES_MAX)
        edges = realloc(raster->edges, (size_t)capacity * sizeof *edges);
    if (!edges) {
        raster->overflow = true;
        return false;
    }
    raster->edges = edges;
    raster->capacity = capacity;
    return true;
}

void gfx_raster_line(struct gfx_raster *raster, float x0, float y0, float x1,
                     float y1)
{
    struct gfx_edge e = {to_fixed(x0), to_fixed(y0), to_fixed(x1), to_fixed(y1),
                         1};
    if (e.y0 == e.y1 || !reserve(raster))
        return;
    if (e.y0 > e.y1)
        e = (struct gfx_edge){e.x1, e.y1, e.x0, e.y0, -1};
    raster->edges[raster->n++] = e;
}

struct gfx_rect gfx_raster_bounds(const struct gfx_raster *raster)
{
    if (!raster->n || raster->overflow)
        return (struct gfx_rect){0};
    struct gfx_rect b = {INT32_MAX, INT32_MAX, INT32_MIN, INT32_MIN};
    for (int i = 0; i < raster->n; i++) {
        const struct gfx_edge *e = &raster->edges[i];
        b.x0 = gfx_min(b.x0, gfx_min(e->x0, e->x1));
        b.x1 = gfx_max(b.x1, gfx_max(e->x0, e->x1));
        b.y0 = gfx_min(b.y0, e->y0);
        b.y1 = gfx_max(b.y1, e->y1);
    }
    return (struct gfx_rect){b.x0 >> 8, b.y0 >> 8, (b.x1 + 255) >> 8,
                             (b.y1 + 255) >> 8};
}

/* ---- one row --------------------------------------------------------------
 */

static void cell_add(struct sweep *s, int column, int cover, int area)
{
    s->cells[column].cover += cover;
    s->cells[column].area += area;
    s->touched |= 1ull << (column / BLOCK);
}

/*
 * A piece of an edge inside the clip and inside one row: from xa to xb
 * (subpixels, 0 <= x < width * 256), of signed height dy.
 */
static void add_inside(struct sweep *s, int xa, int xb, int dy)
{
    if (xa > xb) {
        int t = xa;
        xa = xb;
        xb = t;
    }
    int column = xa >> 8, last = xb >> 8;
    if (column == last) {
        cell_add(s, column, dy, dy * ((xa & 255) + (xb & 255)));
        return;
    }
    int64_t slope = ((int64_t)dy * 65536) / (xb - xa);
    int done = 0, from = xa & 255;
    for (int x = xa; column < last; column++, from = 0) {
        x = (column + 1) * 256;
        int upto = (int)(slope * (x - xa) >> 16);
        cell_add(s, column, upto - done, (upto - done) * (from + 256));
        done = upto;
    }
    if (xb & 255 || done != dy)
        cell_add(s, last, dy - done, (dy - done) * (xb & 255));
}

/* The same without bounds on x: what lies left counts at the left side, what
 * lies right does not count. */
static void add_piece(struct sweep *s, int xa, int xb, int dy)
{
    int right = ((s->clip.x1 - s->clip.x0) * 256) - 1;
    int lo = gfx_min(xa, xb), hi = gfx_max(xa, xb);
    if (lo > right)
        return;
    if (hi <= 0) {
        cell_add(s, 0, dy, 0);
        return;
    }
    if (lo < 0) {
        int part = (int)((int64_t)dy * -lo / (hi - lo));
        cell_add(s, 0, part, 0);
        dy -= part;
        lo = 0;
    }
    if (hi > right) {
        dy = (int)((int64_t)dy * (right - lo) / (hi - lo));
        hi = right;
    }
    add_inside(s, lo, hi, dy);
}

static int edge_x(const struct gfx_edge *e, int y)
{
    if (y == e->y1)
        return e->x1;
    return e->x0 +
           (int)((int64_t)(e->x1 - e->x0) * (y - e->y0) / (e->y1 - e->y0));
}

static void add_edge(struct sweep *s, const struct gfx_edge *e, int y)
{
    int ya = gfx_max(e->y0, y * 256), yb = gfx_min(e->y1, (y + 1) * 256);
    if (ya >= yb)
        return;
    int left = s->clip.x0 * 256;
    add_piece(s, edge_x(e, ya) - left, edge_x(e, yb) - left,
              (yb - ya) * e->dir);
}

static unsigned coverage(enum gfx_rule rule, int value)
{
    unsigned v = (unsigned)(value < 0 ? -value : value) >> 9;
    if (rule == GFX_EVEN_ODD) {
        v &= 511;
        if (v > 256)
            v = 512 - v;
    }
    return v > 255 ? 255 : v;
}

/* Coverage of one touched block; clears its cells. */
static int emit_block(struct sweep *s, int x, int n, int y, int cover)
{
    uint8_t cov[BLOCK];
    unsigned any = 0;
    for (int i = 0; i < n; i++) {
        struct cell *c = &s->cells[x + i];
        cover += c->cover;
        cov[i] = (uint8_t)coverage(s->rule, cover * 512 - c->area);
        any |= cov[i];
        *c = (struct cell){0};
    }
    if (any)
        s->span(s->ctx, s->clip.x0 + x, y, n, cov, 0);
    return cover;
}

static void emit_row(struct sweep *s, int y)
{
    int width = s->clip.x1 - s->clip.x0, cover = 0;
    for (int x = 0; x < width;) {
        int block = x / BLOCK;
        if (s->touched >> block & 1) {
            int n = gfx_min(BLOCK, width - x);
            cover = emit_block(s, x, n, y, cover);
            x += n;
            continue;
        }
        uint64_t rest = s->touched >> block; /* non-zero bits further right */
        int run = rest ? __builtin_ctzll(rest) * BLOCK : width - x;
        run = gfx_min(run, width - x);
        unsigned all = coverage(s->rule, cover * 512);
        if (all)
            s->span(s->ctx, s->clip.x0 + x, y, run, NULL, all);
        x += run;
    }
    s->touched = 0;
}

/* ---- all rows -------------------------------------------------------------
 */

/* Moves the edge at `at` down to where no child begins lower: a heap by y0. */
static void sift(struct gfx_edge *e, int at, int n)
{
    struct gfx_edge moving = e[at];
    for (int child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && e[child + 1].y0 > e[child].y0)
            child++;
        if (e[child].y0 <= moving.y0)
            break;
        e[at] = e[child];
    }
    e[at] = moving;
}

/*
 * Sorts by the top, in place.  (glibc's qsort allocates, and asks the kernel
 * how much memory there is, which a jailed runner may not.)
 */
static void sort_by_top(struct gfx_edge *e, int n)
{
    for (int i = n / 2; i-- > 0;)
        sift(e, i, n);
    for (int i = n - 1; i > 0; i--) {
        struct gfx_edge lowest = e[0];
        e[0] = e[i];
        e[i] = lowest;
        sift(e, 0, i);
    }
}

void gfx_raster_sweep(struct gfx_raster *raster, struct gfx_rect clip,
                      enum gfx_rule rule, gfx_span_fn span, void *ctx)
{
    static _Thread_local struct sweep sweep; /* cells stay zero between uses */
    struct sweep *s = &sweep;
    clip = gfx_rect_and(clip, gfx_raster_bounds(raster));
    if (gfx_rect_empty(clip) || clip.x1 - clip.x0 > GFX_SIDE_MAX)
        return;
    s->clip = clip;
    s->rule = rule;
    s->span = span;
    s->ctx = ctx;
    sort_by_top(raster->edges, raster->n);
    /* edges[0, active) cross the row; the rest from `next` on lie below. */
    struct gfx_edge *e = raster->edges;
    int active = 0, next = 0;
    for (int y = clip.y0; y < clip.y1; y++) {
        for (; next < raster->n && e[next].y0 < (y + 1) * 256; next++)
            if (e[next].y1 > y * 256) {
                struct gfx_edge t = e[active];
                e[active++] = e[next];
                e[next] = t;
            }
        for (int i = 0; i < active;) {
            add_edge(s, &e[i], y);
            if (e[i].y1 <= (y + 1) * 256)
                e[i] = e[--active];
            else
                i++;
        }
        emit_row(s, y);
    }
    raster->n = 0;
}
