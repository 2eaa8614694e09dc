/* session.c - see session.h. */
#include "gfx/session.h"
#include "gfx/server.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define AGE_MAX 3

int gfx_session_create(void)
{
    int fd = memfd_create("session", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -1;
    if (ftruncate(fd, sizeof(struct gfx_session_memory)) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        return fd;
    close(fd);
    return -1;
}

static size_t used_bytes(const struct gfx_session *m)
{
    return offsetof(struct gfx_session, windows) +
           m->nwindows * sizeof *m->windows;
}

/* FNV-1a: against writes that did not end, not against an enemy. */
uint64_t gfx_session_check(const struct gfx_session *session)
{
    const uint8_t *bytes = (const uint8_t *)session;
    size_t at = offsetof(struct gfx_session, check), n = used_bytes(session);
    uint64_t sum = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) {
        bool own = i >= at && i < at + sizeof session->check;
        sum = (sum ^ (own ? 0 : bytes[i])) * 0x100000001b3u;
    }
    return sum;
}

/* ---- reading --------------------------------------------------------------
 */

/* A copy first: the memory could change while it is looked at. */
static bool read_slot(const struct gfx_session *slot, struct gfx_session *out)
{
    memcpy(out, slot, sizeof *out);
    return out->magic == GFX_SESSION_MAGIC &&
           out->nwindows <= GFX_SESSION_WINDOWS && out->nspaces >= 1 &&
           out->nspaces <= SPACES_MAX && out->space < out->nspaces &&
           out->check == gfx_session_check(out);
}

static void take_over(struct server *s, const struct gfx_session *m)
{
    s->session_serial = m->serial;
    s->nspaces = m->nspaces;
    s->space = m->space;
    s->space_at = (float)m->space;
    for (uint32_t i = 0; i < m->nwindows; i++) {
        struct gfx_session_window *w = &s->lost->windows[s->lost->nwindows];
        *w = m->windows[i];
        if (++w->age <= AGE_MAX && w->space < m->nspaces)
            s->lost->nwindows++;
        s->next_recency =
            w->recency > s->next_recency && w->recency < UINT32_MAX / 2
                ? w->recency
                : s->next_recency;
    }
}

void session_open(struct server *s, int fd)
{
    struct stat st;
    if (fd < 0)
        return;
    struct gfx_session *a = calloc(2, sizeof *a), *b = a ? a + 1 : NULL;
    s->lost = calloc(1, sizeof *s->lost);
    if (!a || !s->lost || fstat(fd, &st) ||
        st.st_size != sizeof(struct gfx_session_memory))
        goto out;
    void *map = mmap(NULL, sizeof(struct gfx_session_memory),
                     PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        goto out;
    s->session = map;
    bool first = read_slot(&s->session->slots[0], a);
    bool second = read_slot(&s->session->slots[1], b);
    if (first || second)
        take_over(s, !second || (first && a->serial > b->serial) ? a : b);
out:
    free(a);
    close(fd);
}

void session_finish(struct server *s)
{
    if (s->session)
        munmap(s->session, sizeof *s->session);
    free(s->lost);
}

static struct gfx_session_window *find(struct server *s, uint32_t instance,
                                       uint32_t surface)
{
    for (uint32_t i = 0; s->lost && i < s->lost->nwindows; i++)
        if (s->lost->windows[i].instance == instance &&
            s->lost->windows[i].surface == surface)
            return &s->lost->windows[i];
    return NULL;
}

static void drop(struct server *s, struct gfx_session_window *w)
{
    w->instance = 0; /* nobody's; its place keeps the order of the others */
    s->session_stale = true;
}

void session_forget(struct server *s, uint32_t instance)
{
    for (uint32_t i = 0; s->lost && i < s->lost->nwindows; i++)
        if (s->lost->windows[i].instance == instance)
            drop(s, &s->lost->windows[i]);
}

static int within(int64_t value, int64_t low, int64_t high)
{
    return (int)(value < low ? low : value > high ? high : value);
}

/* Any four numbers become a place where its user can get hold of it. */
static struct gfx_rect sane_place(const struct surface *f, int64_t x, int64_t y,
                                  int64_t width, int64_t height)
{
    const struct server *s = f->client->server;
    int w = within(width, f->min_width, gfx_max(f->width, s->width));
    int h = within(height, f->min_height, gfx_max(f->height, s->height));
    return gfx_rect_of(within(x, 60 - w, s->width - 60),
                       within(y, framed(f) ? TITLE_HEIGHT : 0, s->height - 8),
                       w, h);
}

bool session_restore(struct surface *f)
{
    struct server *s = f->client->server;
    struct gfx_session_window *w = find(s, f->client->who.instance, f->id);
    if (!w)
        return false;
    const int32_t *r = w->restore;
    struct gfx_rect place = sane_place(f, w->x, w->y, w->width, w->height);
    f->restore =
        sane_place(f, r[0], r[1], (int64_t)r[2] - r[0], (int64_t)r[3] - r[1]);
    f->minimised = w->flags & GFX_SESSION_MINIMISED;
    f->hidden = w->flags & GFX_SESSION_HIDDEN;
    f->closed = w->flags & GFX_SESSION_CLOSED;
    f->snapped = w->flags & GFX_SESSION_SNAPPED;
    f->was_focused = w->flags & GFX_SESSION_FOCUSED;
    f->fullscreen =
        w->flags & GFX_SESSION_FULLSCREEN && !(f->flags & GFX_WINDOW_FIXED);
    if (f->fullscreen)
        place = gfx_rect_of(0, 0, s->width, s->height);
    f->x = place.x0;
    f->y = place.y0;
    f->width = place.x1 - place.x0;
    f->height = place.y1 - place.y0;
    f->space = w->space < s->nspaces ? w->space : s->nspaces - 1;
    f->recency = w->recency < s->next_recency ? w->recency : s->next_recency;
    f->order = (uint32_t)(w - s->lost->windows) + 1;
    drop(s, w);
    return true;
}

/* ---- writing --------------------------------------------------------------
 */

static struct gfx_session_window record_of(const struct surface *f)
{
    const struct gfx_rect *r = &f->restore;
    const struct server *s = f->client->server;
    return (struct gfx_session_window){
        .instance = f->client->who.instance,
        .surface = f->id,
        .x = f->x,
        .y = f->y,
        .width = f->width,
        .height = f->height,
        .restore = {r->x0, r->y0, r->x1, r->y1},
        .flags = (f->minimised ? GFX_SESSION_MINIMISED : 0u) |
                 (f->hidden ? GFX_SESSION_HIDDEN : 0u) |
                 (f->closed ? GFX_SESSION_CLOSED : 0u) |
                 (f->fullscreen ? GFX_SESSION_FULLSCREEN : 0u) |
                 (f->snapped ? GFX_SESSION_SNAPPED : 0u) |
                 (s->active == f || (!f->mapped && f->was_focused)
                      ? GFX_SESSION_FOCUSED
                      : 0u),
        .space = f->space,
        .recency = f->recency,
    };
}

/* Those that are still to come, then those that are here: a window that has
 * come belongs below one that had been above it, which restoring sees to. */
void session_save(struct server *s)
{
    if (!s->session || !s->session_stale)
        return;
    s->session_stale = false;
    struct gfx_session *to = &s->session->slots[++s->session_serial & 1];
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->lost->nwindows; i++)
        if (s->lost->windows[i].instance && n < GFX_SESSION_WINDOWS)
            to->windows[n++] = s->lost->windows[i];
    for (int i = 0; i < s->nstack; i++) {
        if (s->stack[i]->kind != GFX_WINDOW)
            continue;
        if (n == GFX_SESSION_WINDOWS) /* the lowest gives way */
            memmove(to->windows, to->windows + 1, --n * sizeof *to->windows);
        to->windows[n++] = record_of(s->stack[i]);
    }
    to->nwindows = n;
    to->nspaces = s->nspaces;
    to->space = s->space;
    to->serial = s->session_serial;
    to->magic = GFX_SESSION_MAGIC;
    to->check = gfx_session_check(to);
}
