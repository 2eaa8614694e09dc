/*
 * backend.h - where the picture goes: a screen behind DRM (drm.c), or memory
 * (headless.c).  The compositor draws into `frame` and says what changed.
 */
#ifndef VYOMA_GFX_BACKEND_H
#define VYOMA_GFX_BACKEND_H

#include "gfx/compositor.h"
#include "gfx/image.h"

struct gfx_backend;

struct gfx_backend_ops {
    /*
     * The image to draw the next frame into.  *age is how many frames old its
     * contents are: 1 when it is what is shown now, 0 when they are undefined.
     */
    struct gfx_image *(*begin)(struct gfx_backend *backend, int *age);
    /* Shows it; only `damage` (of this frame alone) has changed. */
    void (*commit)(struct gfx_backend *backend,
                   const struct gfx_region *damage);
    /* The cursor plane; NULL image hides it.  False: there is none. */
    bool (*set_cursor)(struct gfx_backend *backend,
                       const struct gfx_image *image, int hot_x, int hot_y);
    void (*move_cursor)(struct gfx_backend *backend, int x, int y);
    void (*destroy)(struct gfx_backend *backend);
};

struct gfx_backend {
    const struct gfx_backend_ops *ops;
    int width, height;
};

/* NULL after saying why on stderr. */
struct gfx_backend *gfx_drm_create(const struct compositor_config *config);
struct gfx_backend *gfx_headless_create(const struct compositor_config *config);

#endif
