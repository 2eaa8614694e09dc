/*
 * canvas.h - the 2D canvas that apps (through vyoma:ui) and the compositor
 * (window frames) draw with.  Meanings are those of wasi/wit/vyoma/ui.wit.
 *
 * A canvas keeps the state and collects the damage; the pixels are a
 * gfx_image that it does not own.
 */
#ifndef VYOMA_GFX_CANVAS_H
#define VYOMA_GFX_CANVAS_H

#include "gfx/text.h"

struct gfx_canvas;

/* Where shadows are kept; see shadow.c. */
void gfx_shadow_draw(struct gfx_image *dst, struct gfx_rect clip, int x, int y,
                     int w, int h, int radius, int blur, uint32_t color);

/* Reach of a shadow beyond its shape. */
static inline int gfx_shadow_reach(int blur)
{
    return blur + 1;
}

struct gfx_canvas *gfx_canvas_create(void); /* NULL: no memory */
void gfx_canvas_destroy(struct gfx_canvas *canvas);

/* (Re)binds the pixels and resets state and damage. */
void gfx_canvas_bind(struct gfx_canvas *canvas, struct gfx_image image);
/* Other pixels of the same size; state and damage stay. */
void gfx_canvas_retarget(struct gfx_canvas *canvas, uint32_t *pixels);
const struct gfx_image *gfx_canvas_image(const struct gfx_canvas *canvas);
/* What was drawn since the last call; empties it. */
struct gfx_region gfx_canvas_take_damage(struct gfx_canvas *canvas);
/*
 * Called before pixels are touched, to make them writable (client.c waits for
 * the compositor there); false: the operation draws nothing.
 */
void gfx_canvas_on_draw(struct gfx_canvas *canvas, bool (*ready)(void *),
                        void *data);

/* False when the stack (64) is full. */
bool gfx_canvas_save(struct gfx_canvas *canvas);
void gfx_canvas_restore(struct gfx_canvas *canvas);
void gfx_canvas_translate(struct gfx_canvas *canvas, float x, float y);
void gfx_canvas_scale(struct gfx_canvas *canvas, float x, float y);
void gfx_canvas_rotate(struct gfx_canvas *canvas, float radians);
void gfx_canvas_clip_rect(struct gfx_canvas *canvas, float x, float y, float w,
                          float h);
void gfx_canvas_clip_rounded_rect(struct gfx_canvas *canvas, float x, float y,
                                  float w, float h, float radius);

void gfx_canvas_clear(struct gfx_canvas *canvas, uint32_t color);
void gfx_canvas_fill_rect(struct gfx_canvas *canvas, float x, float y, float w,
                          float h, uint32_t color);
void gfx_canvas_stroke_rect(struct gfx_canvas *canvas, float x, float y,
                            float w, float h, float width, uint32_t color);
void gfx_canvas_fill_rounded_rect(struct gfx_canvas *canvas, float x, float y,
                                  float w, float h, float radius,
                                  uint32_t color);
void gfx_canvas_stroke_rounded_rect(struct gfx_canvas *canvas, float x, float y,
                                    float w, float h, float radius, float width,
                                    uint32_t color);
void gfx_canvas_fill_ellipse(struct gfx_canvas *canvas, float x, float y,
                             float rx, float ry, uint32_t color);
void gfx_canvas_stroke_circle(struct gfx_canvas *canvas, float x, float y,
                              float radius, float width, uint32_t color);
/* points: x, y of each corner. */
void gfx_canvas_fill_triangle(struct gfx_canvas *canvas, const float points[6],
                              uint32_t color);
void gfx_canvas_line(struct gfx_canvas *canvas, float x0, float y0, float x1,
                     float y1, float width, uint32_t color);
void gfx_canvas_shadow(struct gfx_canvas *canvas, float x, float y, float w,
                       float h, float radius, float blur, uint32_t color);

/* The current path, and the transform its points go through. */
struct gfx_path *gfx_canvas_path(struct gfx_canvas *canvas);
const struct gfx_matrix *gfx_canvas_matrix(const struct gfx_canvas *canvas);
void gfx_canvas_fill_path(struct gfx_canvas *canvas, enum gfx_rule rule,
                          uint32_t color);
void gfx_canvas_fill_linear(struct gfx_canvas *canvas, float x0, float y0,
                            float x1, float y1, uint32_t c0, uint32_t c1);
void gfx_canvas_fill_radial(struct gfx_canvas *canvas, float x, float y,
                            float radius, uint32_t c0, uint32_t c1);
void gfx_canvas_stroke_path(struct gfx_canvas *canvas, float width,
                            uint32_t color);

enum gfx_align { GFX_ALIGN_LEFT, GFX_ALIGN_CENTER, GFX_ALIGN_RIGHT };

void gfx_canvas_text(struct gfx_canvas *canvas, enum gfx_font font, float size,
                     float x, float y, const char *text, size_t len,
                     uint32_t color);
void gfx_canvas_text_in(struct gfx_canvas *canvas, enum gfx_font font,
                        float size, float x, float y, float width,
                        enum gfx_align align, const char *text, size_t len,
                        uint32_t color);

/* Draws an image's rectangle, scaled; the image may not be the canvas's. */
void gfx_canvas_image_draw(struct gfx_canvas *canvas,
                           const struct gfx_image *src, struct gfx_rectf from,
                           struct gfx_rectf to, float alpha);
/* rgba holds width * height * 4 bytes, not premultiplied. */
void gfx_canvas_put_pixels(struct gfx_canvas *canvas, int x, int y, int width,
                           int height, const uint8_t *rgba);
void gfx_canvas_get_pixels(const struct gfx_canvas *canvas, int x, int y,
                           int width, int height, uint8_t *rgba);

#endif
