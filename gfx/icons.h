/*
 * icons.h - the icons of apps, from a manifest's glyph name and two colours.
 */
#ifndef VYOMA_GFX_ICONS_H
#define VYOMA_GFX_ICONS_H

#include "gfx/canvas.h"

/*
 * Draws a tile of `color` (0xRRGGBB) with the glyph in `accent` on it, in the
 * square of `size` pixels at (x, y).  A name that is not known leaves the
 * tile empty.
 */
void gfx_icon_draw(struct gfx_canvas *canvas, const char *glyph, size_t len,
                   uint32_t color, uint32_t accent, float x, float y,
                   float size);

#endif
