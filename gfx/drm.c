/*
 * drm.c - the screen behind DRM/KMS: dumb buffers, legacy mode setting.
 *
 * virtio-gpu copies what is dirty to the host when told (drmModeDirtyFB), so
 * one buffer, drawn where damaged, shows whole frames only, and moves least
 * data.  Any other driver scans its buffer out all the time: there two
 * buffers take turns by page flips.
 *
 * The first frame matters most: one buffer is made, drawn and set; the
 * connector is not probed when a mode of the wanted size is accepted as it is.
 */
#include "gfx/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#define CURSOR_SIDE 64

struct buffer {
    uint32_t handle, fb;
    struct gfx_image image; /* mapped; pixels NULL: not made yet */
    size_t size;
};

struct drm {
    struct gfx_backend base;
    int fd;
    uint32_t connector, crtc;
    drmModeModeInfo mode;
    bool flips;   /* two buffers take turns */
    bool set;     /* the mode is on the screen */
    bool pending; /* a flip has not happened yet */
    int frames;
    int back;
    struct buffer buffers[2];
    struct buffer cursor;
};

static bool make_buffer(struct drm *d, int width, int height, struct buffer *b)
{
    uint32_t pitch;
    uint64_t size, offset;
    if (drmModeCreateDumbBuffer(d->fd, (uint32_t)width, (uint32_t)height, 32, 0,
                                &b->handle, &pitch, &size) ||
        drmModeMapDumbBuffer(d->fd, b->handle, &offset))
        return false;
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd,
                     (off_t)offset);
    if (map == MAP_FAILED)
        return false;
    b->size = size;
    b->image = (struct gfx_image){map, width, height, (int)pitch / 4};
    return true;
}

static bool make_scanout(struct drm *d, struct buffer *b)
{
    return make_buffer(d, d->base.width, d->base.height, b) &&
           drmModeAddFB(d->fd, (uint32_t)d->base.width,
                        (uint32_t)d->base.height, 24, 32,
                        (uint32_t)b->image.stride * 4, b->handle, &b->fb) == 0;
}

/* ---- frames ---------------------------------------------------------------
 */

static void flipped(int fd, unsigned frame, unsigned sec, unsigned usec,
                    void *data)
{
    ((struct drm *)data)->pending = false;
}

static void wait_flip(struct drm *d)
{
    drmEventContext context = {.version = 2, .page_flip_handler = flipped};
    while (d->pending)
        if (drmHandleEvent(d->fd, &context) < 0 && errno != EINTR)
            d->pending = false;
}

static struct gfx_image *begin(struct gfx_backend *backend, int *age)
{
    struct drm *d = (struct drm *)backend;
    struct buffer *b = &d->buffers[d->back];
    wait_flip(d);
    *age = d->flips ? (d->frames >= 2 ? 2 : 0) : d->frames > 0;
    if (!b->image.pixels && !make_scanout(d, b)) {
        fprintf(stderr, "compositor: no second buffer (%s): page flips off\n",
                strerror(errno));
        d->flips = false;
        d->back = !d->back;
        *age = 1;
    }
    return &d->buffers[d->back].image;
}

static void mark_dirty(struct drm *d, const struct gfx_region *damage)
{
    drmModeClip clips[GFX_REGION_MAX];
    for (int i = 0; i < damage->n; i++) {
        const struct gfx_rect *r = &damage->rects[i];
        clips[i] = (drmModeClip){(uint16_t)r->x0, (uint16_t)r->y0,
                                 (uint16_t)r->x1, (uint16_t)r->y1};
    }
    drmModeDirtyFB(d->fd, d->buffers[d->back].fb, clips, (uint32_t)damage->n);
}

static int set_mode(struct drm *d)
{
    return drmModeSetCrtc(d->fd, d->crtc, d->buffers[d->back].fb, 0, 0,
                          &d->connector, 1, &d->mode);
}

static void commit(struct gfx_backend *backend, const struct gfx_region *damage)
{
    struct drm *d = (struct drm *)backend;
    d->frames++;
    if (!d->set) {
        if (set_mode(d))
            fprintf(stderr, "compositor: mode %dx%d refused: %s\n",
                    d->base.width, d->base.height, strerror(errno));
        d->set = true;
        if (!d->flips)
            mark_dirty(d, damage);
    } else if (!d->flips) {
        mark_dirty(d, damage);
    } else {
        d->pending = drmModePageFlip(d->fd, d->crtc, d->buffers[d->back].fb,
                                     DRM_MODE_PAGE_FLIP_EVENT, d) == 0;
    }
    if (d->flips)
        d->back = !d->back;
}

/* ---- cursor ---------------------------------------------------------------
 */

static bool set_cursor(struct gfx_backend *backend,
                       const struct gfx_image *image, int hot_x, int hot_y)
{
    struct drm *d = (struct drm *)backend;
    struct buffer *b = &d->cursor;
    if (!b->image.pixels && !make_buffer(d, CURSOR_SIDE, CURSOR_SIDE, b))
        return false;
    memset(b->image.pixels, 0, b->size);
    if (image)
        gfx_copy(&b->image, gfx_image_rect(image), image, 0, 0);
    return drmModeSetCursor2(d->fd, d->crtc, b->handle, CURSOR_SIDE,
                             CURSOR_SIDE, hot_x, hot_y) == 0;
}

static void move_cursor(struct gfx_backend *backend, int x, int y)
{
    struct drm *d = (struct drm *)backend;
    drmModeMoveCursor(d->fd, d->crtc, x, y);
}

static void free_buffer(struct drm *d, struct buffer *b)
{
    if (b->image.pixels)
        munmap(b->image.pixels, b->size);
    if (b->fb)
        drmModeRmFB(d->fd, b->fb);
    if (b->handle)
        drmModeDestroyDumbBuffer(d->fd, b->handle);
}

static void destroy(struct gfx_backend *backend)
{
    struct drm *d = (struct drm *)backend;
    wait_flip(d);
    free_buffer(d, &d->buffers[0]);
    free_buffer(d, &d->buffers[1]);
    free_buffer(d, &d->cursor);
    close(d->fd);
    free(d);
}

static const struct gfx_backend_ops ops = {
    .begin = begin,
    .commit = commit,
    .set_cursor = set_cursor,
    .move_cursor = move_cursor,
    .destroy = destroy,
};

/* ---- setting up -----------------------------------------------------------
 */

/* A mode of the wanted size at 60 Hz; a virtual screen only looks at the
 * visible size, the blanking just has to be plausible. */
static drmModeModeInfo make_mode(int width, int height)
{
    drmModeModeInfo m = {
        .hdisplay = (uint16_t)width,
        .hsync_start = (uint16_t)(width + 48),
        .hsync_end = (uint16_t)(width + 80),
        .htotal = (uint16_t)(width + 160),
        .vdisplay = (uint16_t)height,
        .vsync_start = (uint16_t)(height + 3),
        .vsync_end = (uint16_t)(height + 9),
        .vtotal = (uint16_t)(height + 26),
        .vrefresh = 60,
        .type = DRM_MODE_TYPE_USERDEF,
    };
    m.clock = (uint32_t)m.htotal * m.vtotal * 60 / 1000;
    snprintf(m.name, sizeof m.name, "%dx%d", width, height);
    return m;
}

/* The connector's mode of the wanted size, or its preferred one. */
static bool probe(struct drm *d, drmModeRes *res, int width, int height)
{
    for (int i = 0; i < res->count_connectors; i++) {
        drmModeConnector *c = drmModeGetConnector(d->fd, res->connectors[i]);
        bool found =
            c && c->connection == DRM_MODE_CONNECTED && c->count_modes > 0;
        if (found) {
            d->connector = c->connector_id;
            d->mode = c->modes[0];
            for (int k = c->count_modes - 1; k >= 0; k--)
                if (c->modes[k].hdisplay == width &&
                    c->modes[k].vdisplay == height)
                    d->mode = c->modes[k];
        }
        drmModeFreeConnector(c);
        if (found)
            return true;
    }
    return false;
}

static bool is_virtio(int fd)
{
    drmVersionPtr version = drmGetVersion(fd);
    bool virtio = version && !strcmp(version->name, "virtio_gpu");
    drmFreeVersion(version);
    return virtio;
}

static bool setup(struct drm *d, const struct compositor_config *config)
{
    int width = config->width ? config->width : 1440;
    int height = config->height ? config->height : 900;
    drmModeRes *res = drmModeGetResources(d->fd);
    if (!res || !res->count_crtcs || !res->count_connectors) {
        drmModeFreeResources(res);
        errno = ENODEV;
        return false;
    }
    d->crtc = res->crtcs[0];
    d->connector = res->connectors[0];
    d->flips = !is_virtio(d->fd);
    bool ok = true;
    if (d->flips)
        ok = probe(d, res, width, height);
    else
        d->mode = make_mode(width, height);
    drmModeFreeResources(res);
    d->base.width = d->mode.hdisplay;
    d->base.height = d->mode.vdisplay;
    return ok && make_scanout(d, &d->buffers[0]);
}

struct gfx_backend *gfx_drm_create(const struct compositor_config *config)
{
    const char *path = config->drm_path ? config->drm_path : "/dev/dri/card0";
    struct drm *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->base.ops = &ops;
    d->fd = open(path, O_RDWR | O_CLOEXEC);
    if (d->fd >= 0 && setup(d, config))
        return &d->base;
    fprintf(stderr, "compositor: %s: %s\n", path, strerror(errno));
    if (d->fd >= 0)
        close(d->fd);
    free(d);
    return NULL;
}
