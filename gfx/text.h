/*
 * text.h - fonts: measuring, and glyphs as coverage bitmaps or as paths.
 *
 * Fonts are mapped once (before a process jails itself, or before it forks:
 * the pages are shared) and never unmapped.  Only the image's own fonts are
 * opened: stb_truetype is not meant for hostile ones.
 */
#ifndef VYOMA_GFX_TEXT_H
#define VYOMA_GFX_TEXT_H

#include "gfx/path.h"

enum gfx_font { GFX_FONT_UI, GFX_FONT_UI_BOLD, GFX_FONT_MONO, GFX_FONT_COUNT };

#define GFX_TEXT_SIZE_MAX 512.f /* pixels per em */

struct gfx_font_metrics {
    float ascent, descent, line_height; /* pixels, all positive */
};

/* Coverage of one glyph, placed relative to the pen on the baseline. */
struct gfx_glyph {
    int left, top; /* of the bitmap; top is negative above the baseline */
    int width, height;
    uint8_t coverage[]; /* width * height */
};

/*
 * Maps the three fonts from `dir` (NULL: where Debian installs them).  Later
 * calls do nothing.  On failure false, and the text says which file and why;
 * text is then not drawn and has no width.
 */
bool gfx_fonts_load(const char *dir, char *why, size_t why_len);

/*
 * Text is UTF-8; a bad byte shows as U+FFFD.  Sizes are clamped to 1 ..
 * GFX_TEXT_SIZE_MAX.
 */
float gfx_text_width(enum gfx_font font, float size, const char *text,
                     size_t len);
/* Bytes that fit in `width`; `round` counts a character from its middle. */
size_t gfx_text_fit(enum gfx_font font, float size, const char *text,
                    size_t len, float width, bool round);
void gfx_font_metrics_get(enum gfx_font font, float size,
                          struct gfx_font_metrics *out);

/* Calls `place` for each visible glyph with its pen position. */
typedef void (*gfx_place_fn)(void *ctx, enum gfx_font font, int glyph, float x);
/* Returns the width. */
float gfx_text_walk(enum gfx_font font, float size, const char *text,
                    size_t len, gfx_place_fn place, void *ctx);

/*
 * The glyph's bitmap for a pen at a quarter pixel (phase 0 to 3); from a cache
 * that may be flushed by the next call.  NULL when it has no ink.
 */
const struct gfx_glyph *gfx_glyph_get(enum gfx_font font, float size, int glyph,
                                      int phase);
/* Adds the outline, with the pen at (x, y). */
void gfx_glyph_path(struct gfx_path *path, const struct gfx_matrix *m,
                    enum gfx_font font, float size, int glyph, float x,
                    float y);

/* The next code point of [*at, len); advances *at. */
uint32_t gfx_utf8_next(const char *text, size_t len, size_t *at);

#endif
