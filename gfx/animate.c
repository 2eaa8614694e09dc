/*
 * animate.c - windows on their way: opening, to and from the dock, and where
 * Mission Control shows them; and spaces sliding by.
 */
#include "gfx/server.h"

#include <math.h>
#include <string.h>

#define OPEN_MS 150
#define MINIMISE_MS 260

static struct gfx_rectf to_rectf(struct gfx_rect r)
{
    return (struct gfx_rectf){(float)r.x0, (float)r.y0, (float)(r.x1 - r.x0),
                              (float)(r.y1 - r.y0)};
}

static float mix(float a, float b, float t)
{
    return a + (b - a) * t;
}

/* Fast away, slow to arrive. */
static float ease(float t)
{
    float r = 1 - t;
    return 1 - r * r * r;
}

static void finish(struct surface *f)
{
    struct anim *a = &f->anim;
    a->running = false;
    if (a->end == ANIM_NOTHING)
        return;
    a->shown = false;
    gfx_image_finish(&f->snapshot);
    seat_refocus(f->client->server);
}

static void advance(struct surface *f, uint64_t now)
{
    struct anim *a = &f->anim;
    float t = a->duration && now < a->start + a->duration
                  ? (float)(now - a->start) / (float)a->duration
                  : 1;
    float k = ease(t);
    damage_surface(f);
    a->now = (struct gfx_rectf){
        mix(a->from.x, a->to.x, k), mix(a->from.y, a->to.y, k),
        mix(a->from.w, a->to.w, k), mix(a->from.h, a->to.h, k)};
    a->alpha = mix(a->alpha_from, a->alpha_to, k);
    if (t >= 1)
        finish(f);
    damage_surface(f);
}

static void start(struct surface *f, struct gfx_rectf from, float alpha_from,
                  struct gfx_rectf to, float alpha_to, unsigned ms,
                  enum anim_end end)
{
    damage_surface(f);
    f->anim = (struct anim){.shown = true,
                            .running = true,
                            .from = from,
                            .to = to,
                            .now = from,
                            .alpha_from = alpha_from,
                            .alpha_to = alpha_to,
                            .alpha = alpha_from,
                            .start = gfx_now(),
                            .duration = (uint64_t)ms * 1000000,
                            .end = end};
    f->snapshot_stale = true;
    damage_surface(f);
    server_wake(f->client->server);
}

void anim_show(struct surface *f, struct gfx_rectf to, float alpha, unsigned ms,
               enum anim_end end)
{
    bool shown = f->anim.shown;
    start(f, shown ? f->anim.now : to_rectf(frame_rect(f)),
          shown ? f->anim.alpha : 1, to, fmaxf(0, fminf(alpha, 1)), ms, end);
}

void anim_settle(struct surface *f, unsigned ms)
{
    if (f->anim.shown)
        anim_show(f, to_rectf(frame_rect(f)), 1, ms, ANIM_SETTLE);
}

void anim_forget(struct client *mover)
{
    struct server *s = mover->server;
    for (int i = 0; i < s->nstack; i++)
        if (s->stack[i]->mover == mover) {
            s->stack[i]->mover = NULL;
            anim_settle(s->stack[i], OPEN_MS);
        }
}

void anim_open(struct surface *f)
{
    struct gfx_rectf to = to_rectf(frame_rect(f));
    struct gfx_rectf from = {to.x + to.w * 0.03f, to.y + to.h * 0.03f,
                             to.w * 0.94f, to.h * 0.94f};
    start(f, from, 0, to, 1, OPEN_MS, ANIM_SETTLE);
}

/* Where the app lives in the dock, or the middle of the lower edge. */
static struct gfx_rectf dock_place(const struct surface *f)
{
    const struct server *s = f->client->server;
    for (int i = 0; i < s->ndock_icons; i++)
        if (!strncmp(s->dock_icons[i].app, f->client->who.app,
                     sizeof s->dock_icons[i].app))
            return to_rectf(s->dock_icons[i].rect);
    return (struct gfx_rectf){(float)s->width / 2 - 24, (float)s->height - 56,
                              48, 48};
}

void anim_minimise(struct surface *f)
{
    struct server *s = f->client->server;
    anim_show(f, dock_place(f), 0.1f, MINIMISE_MS, ANIM_HIDE);
    f->minimised = true;
    shell_window_changed(f);
    if (s->active == f)
        focus_choose(s);
}

void anim_restore(struct surface *f)
{
    f->minimised = false;
    start(f, dock_place(f), 0.1f, to_rectf(frame_rect(f)), 1, MINIMISE_MS,
          ANIM_SETTLE);
    shell_window_changed(f);
}

float space_offset(const struct server *s, const struct surface *f)
{
    if (f->kind == GFX_PANEL)
        return 0;
    return ((float)f->space - s->space_at) * (float)s->width;
}

static bool slide(struct server *s, uint64_t now)
{
    float to = (float)s->space;
    if (s->space_at == to)
        return false;
    float t = (float)(now - s->space_start) / (float)s->space_duration;
    s->space_at = t < 1 ? mix(s->space_from, to, ease(t)) : to;
    damage_all(s);
    if (t >= 1)
        seat_refocus(s);
    return t < 1;
}

bool anim_tick(struct server *s, uint64_t now)
{
    bool more = slide(s, now);
    for (int i = 0; i < s->nstack; i++) {
        struct surface *f = s->stack[i];
        if (!f->anim.running)
            continue;
        advance(f, now);
        more |= f->anim.running;
    }
    return more;
}
