/* headless.c - a back end in memory, for tests and for servers. */
#include "gfx/backend.h"

#include <stdlib.h>

struct headless {
    struct gfx_backend base;
    struct gfx_image image;
    bool drawn;
};

static struct gfx_image *begin(struct gfx_backend *backend, int *age)
{
    struct headless *h = (struct headless *)backend;
    *age = h->drawn;
    return &h->image;
}

static void commit(struct gfx_backend *backend, const struct gfx_region *damage)
{
    ((struct headless *)backend)->drawn = true;
}

static bool set_cursor(struct gfx_backend *backend,
                       const struct gfx_image *image, int hot_x, int hot_y)
{
    return false;
}

static void destroy(struct gfx_backend *backend)
{
    struct headless *h = (struct headless *)backend;
    gfx_image_finish(&h->image);
    free(h);
}

static const struct gfx_backend_ops ops = {
    .begin = begin,
    .commit = commit,
    .set_cursor = set_cursor,
    .destroy = destroy,
};

struct gfx_backend *gfx_headless_create(const struct compositor_config *config)
{
    struct headless *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->base.ops = &ops;
    h->base.width = config->width ? config->width : 1440;
    h->base.height = config->height ? config->height : 900;
    if (gfx_image_init(&h->image, h->base.width, h->base.height))
        return &h->base;
    free(h);
    return NULL;
}
