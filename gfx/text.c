/* text.c - fonts and the glyph cache: see text.h. */
#include "gfx/text.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Weverything"
#include <stb/stb_truetype.h>
#pragma clang diagnostic pop

#define KERN_SLOTS 1024
#define CACHE_SLOTS 2048
#define CACHE_BYTES (1 << 20)

static const struct {
    const char *file, *debian;
} sources[GFX_FONT_COUNT] = {
    {"Inter-Regular.otf", "/usr/share/fonts/opentype/inter"},
    {"Inter-SemiBold.otf", "/usr/share/fonts/opentype/inter"},
    {"JetBrainsMono-Regular.ttf", "/usr/share/fonts/truetype/jetbrains-mono"},
};

static struct face {
    stbtt_fontinfo info;
    bool loaded;
    int ascii[128]; /* glyph of each ASCII character */
    int ascent, descent, gap;
    struct {
        uint32_t pair; /* left << 16 | right; 0: empty */
        int kern;
    } kerns[KERN_SLOTS];
} faces[GFX_FONT_COUNT];

static struct {
    struct {
        uint64_t key;            /* 0: empty */
        struct gfx_glyph *glyph; /* NULL: no ink */
    } slots[CACHE_SLOTS];
    int n;
    size_t bytes;
} cache;

/* ---- loading --------------------------------------------------------------
 */

static const void *map_file(const char *path)
{
    void *map = MAP_FAILED;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && st.st_size > 0)
        map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    else
        errno = EINVAL;
    close(fd);
    return map == MAP_FAILED ? NULL : map;
}

static bool load(struct face *face, const char *dir, const char *file,
                 char *why, size_t why_len)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    const void *data = map_file(path);
    if (!data) {
        snprintf(why, why_len, "font %s: %s", path, strerror(errno));
        return false;
    }
    if (!stbtt_InitFont(&face->info, data, 0)) {
        snprintf(why, why_len, "font %s: not a usable font", path);
        return false;
    }
    stbtt_GetFontVMetrics(&face->info, &face->ascent, &face->descent,
                          &face->gap);
    for (int c = 0; c < 128; c++)
        face->ascii[c] = stbtt_FindGlyphIndex(&face->info, c);
    face->loaded = true;
    return true;
}

bool gfx_fonts_load(const char *dir, char *why, size_t why_len)
{
    for (int i = 0; i < GFX_FONT_COUNT; i++)
        if (!faces[i].loaded && !load(&faces[i], dir ? dir : sources[i].debian,
                                      sources[i].file, why, why_len))
            return false;
    return true;
}

/* ---- measuring ------------------------------------------------------------
 */

uint32_t gfx_utf8_next(const char *text, size_t len, size_t *at)
{
    static const uint32_t least[4] = {0, 0x80, 0x800, 0x10000};
    const uint8_t *p = (const uint8_t *)text + *at;
    size_t left = len - *at;
    *at += 1;
    if (p[0] < 0x80)
        return p[0];
    unsigned more = p[0] >= 0xf0 ? 3 : p[0] >= 0xe0 ? 2 : 1;
    if (p[0] < 0xc2 || p[0] > 0xf4 || left <= more)
        return 0xfffd;
    uint32_t c = p[0] & (0x3fu >> more);
    for (unsigned i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0xfffd;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0xfffd;
    *at += more;
    return c;
}

static float clamp_size(float size)
{
    return size >= 1 ? fminf(size, GFX_TEXT_SIZE_MAX) : 1;
}

static float scale_of(const struct face *face, float size)
{
    return stbtt_ScaleForMappingEmToPixels(&face->info, size);
}

static int glyph_in(const struct face *face, uint32_t c)
{
    return c < 128 ? face->ascii[c] : stbtt_FindGlyphIndex(&face->info, (int)c);
}

/* The glyph, and the font that has it: the monospaced one knows more. */
static int find_glyph(enum gfx_font *font, uint32_t c)
{
    int glyph = glyph_in(&faces[*font], c);
    if (glyph || c < 128)
        return glyph;
    int other = glyph_in(&faces[GFX_FONT_MONO], c);
    if (other)
        *font = GFX_FONT_MONO;
    return other;
}

static int kern(struct face *face, int left, int right)
{
    if (!left || face == &faces[GFX_FONT_MONO])
        return 0;
    uint32_t pair = (uint32_t)left << 16 | (uint32_t)right;
    uint32_t slot = pair * 2654435761u >> 22;
    if (face->kerns[slot].pair != pair) {
        face->kerns[slot].pair = pair;
        face->kerns[slot].kern =
            stbtt_GetGlyphKernAdvance(&face->info, left, right);
    }
    return face->kerns[slot].kern;
}

struct pen {
    enum gfx_font font; /* of the glyph just placed */
    int glyph;
    float x;
    float advance;
};

/* Moves the pen to the next character's glyph. */
static void step(struct pen *pen, enum gfx_font font, float size, uint32_t c)
{
    int before = pen->glyph;
    enum gfx_font before_font = pen->font;
    pen->x += pen->advance;
    pen->font = font;
    pen->glyph = find_glyph(&pen->font, c);
    struct face *face = &faces[pen->font];
    float scale = scale_of(face, size);
    int advance, bearing;
    stbtt_GetGlyphHMetrics(&face->info, pen->glyph, &advance, &bearing);
    if (before_font == pen->font)
        pen->x += (float)kern(face, before, pen->glyph) * scale;
    pen->advance = (float)advance * scale;
}

float gfx_text_walk(enum gfx_font font, float size, const char *text,
                    size_t len, gfx_place_fn place, void *ctx)
{
    struct pen pen = {.font = font};
    size = clamp_size(size);
    if (!faces[font].loaded || !faces[GFX_FONT_MONO].loaded)
        return 0;
    for (size_t at = 0; at < len;) {
        uint32_t c = gfx_utf8_next(text, len, &at);
        if (c < 32 || c == 127)
            continue;
        step(&pen, font, size, c);
        if (place && c != ' ')
            place(ctx, pen.font, pen.glyph, pen.x);
    }
    return pen.x + pen.advance;
}

float gfx_text_width(enum gfx_font font, float size, const char *text,
                     size_t len)
{
    return gfx_text_walk(font, size, text, len, NULL, NULL);
}

size_t gfx_text_fit(enum gfx_font font, float size, const char *text,
                    size_t len, float width, bool round)
{
    struct pen pen = {.font = font};
    size = clamp_size(size);
    if (!faces[font].loaded || !faces[GFX_FONT_MONO].loaded)
        return len;
    for (size_t at = 0; at < len;) {
        size_t before = at;
        step(&pen, font, size, gfx_utf8_next(text, len, &at));
        if (pen.x + (round ? pen.advance / 2 : pen.advance) > width)
            return before;
    }
    return len;
}

void gfx_font_metrics_get(enum gfx_font font, float size,
                          struct gfx_font_metrics *out)
{
    const struct face *face = &faces[font];
    *out = (struct gfx_font_metrics){0};
    if (!face->loaded)
        return;
    float scale = scale_of(face, clamp_size(size));
    out->ascent = (float)face->ascent * scale;
    out->descent = (float)-face->descent * scale;
    out->line_height =
        (float)(face->ascent - face->descent + face->gap) * scale;
}

/* ---- glyphs ---------------------------------------------------------------
 */

void gfx_glyph_path(struct gfx_path *path, const struct gfx_matrix *m,
                    enum gfx_font font, float size, int glyph, float x, float y)
{
    const struct face *face = &faces[font];
    stbtt_vertex *v = NULL;
    int n = stbtt_GetGlyphShape(&face->info, glyph, &v);
    float s = scale_of(face, clamp_size(size));
    for (int i = 0; i < n; i++) {
        float px = x + (float)v[i].x * s, py = y - (float)v[i].y * s;
        float cx = x + (float)v[i].cx * s, cy = y - (float)v[i].cy * s;
        float dx = x + (float)v[i].cx1 * s, dy = y - (float)v[i].cy1 * s;
        switch (v[i].type) {
        case STBTT_vmove: gfx_path_move(path, m, px, py); break;
        case STBTT_vline: gfx_path_line(path, m, px, py); break;
        case STBTT_vcurve: gfx_path_quad(path, m, cx, cy, px, py); break;
        case STBTT_vcubic:
            gfx_path_cubic(path, m, cx, cy, dx, dy, px, py);
            break;
        default: break;
        }
    }
    stbtt_FreeShape(&face->info, v);
}

static void keep_span(void *ctx, int x, int y, int n, const uint8_t *cov,
                      unsigned all)
{
    struct gfx_glyph *g = ctx;
    uint8_t *to = g->coverage + (y - g->top) * g->width + (x - g->left);
    if (cov)
        memcpy(to, cov, (size_t)n);
    else
        memset(to, (int)all, (size_t)n);
}

static struct gfx_glyph *render(enum gfx_font font, float size, int glyph,
                                int phase)
{
    static _Thread_local struct gfx_path path;
    static _Thread_local struct gfx_raster raster;
    gfx_path_reset(&path);
    gfx_raster_reset(&raster);
    gfx_glyph_path(&path, &GFX_IDENTITY, font, size, glyph, (float)phase / 4,
                   0);
    gfx_path_fill(&path, &raster);
    struct gfx_rect b = gfx_raster_bounds(&raster);
    if (gfx_rect_empty(b))
        return NULL;
    size_t bytes = (size_t)gfx_rect_area(b);
    struct gfx_glyph *g = calloc(1, sizeof *g + bytes);
    if (!g)
        return NULL;
    g->left = b.x0;
    g->top = b.y0;
    g->width = b.x1 - b.x0;
    g->height = b.y1 - b.y0;
    gfx_raster_sweep(&raster, b, GFX_NONZERO, keep_span, g);
    cache.bytes += sizeof *g + bytes;
    return g;
}

static void flush(void)
{
    for (int i = 0; i < CACHE_SLOTS; i++)
        free(cache.slots[i].glyph);
    memset(&cache, 0, sizeof cache);
}

const struct gfx_glyph *gfx_glyph_get(enum gfx_font font, float size, int glyph,
                                      int phase)
{
    uint32_t eighths = (uint32_t)(clamp_size(size) * 8 + 0.5f);
    uint64_t key = 1ull << 63 | (uint64_t)font << 48 |
                   (uint64_t)(unsigned)phase << 44 | (uint64_t)eighths << 24 |
                   (uint64_t)(unsigned)glyph;
    if (cache.n > CACHE_SLOTS * 3 / 4 || cache.bytes > CACHE_BYTES)
        flush();
    size_t slot = (size_t)(key * 0x9e3779b97f4a7c15ull >> 53);
    while (cache.slots[slot].key && cache.slots[slot].key != key)
        slot = (slot + 1) % CACHE_SLOTS;
    if (!cache.slots[slot].key) {
        cache.slots[slot].key = key;
        cache.slots[slot].glyph =
            render(font, (float)eighths / 8, glyph, phase);
        cache.n++;
    }
    return cache.slots[slot].glyph;
}
