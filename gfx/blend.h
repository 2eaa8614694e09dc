/*
 * blend.h - pixel arithmetic: four 16-bit lanes in a 64-bit word.
 *
 * Why not vectors: the machine this must be fast on is QEMU's TCG, which runs
 * 64-bit integer operations natively and emulates vector multiplications lane
 * by lane.
 */
#ifndef VYOMA_GFX_BLEND_H
#define VYOMA_GFX_BLEND_H

#include <stdint.h>

#define PX_LANES 0x00ff00ff00ff00ffull
#define PX_HALF 0x0080008000800080ull

static inline uint64_t px_spread(uint32_t p)
{
    return (p & 0x00ff00ffu) | (uint64_t)((p >> 8) & 0x00ff00ffu) << 32;
}

static inline uint32_t px_pack(uint64_t lanes)
{
    return (uint32_t)lanes | (uint32_t)(lanes >> 32) << 8;
}

/* 0..255 to 0..256, so that multiplying by 255 is exact. */
static inline unsigned px_scale(unsigned a)
{
    return a + (a >> 7);
}

/* p * a / 255 in every channel, rounded. */
static inline uint32_t px_mul(uint32_t p, unsigned a)
{
    return px_pack((px_spread(p) * px_scale(a) + PX_HALF) >> 8 & PX_LANES);
}

/* Porter-Duff "source over"; both premultiplied. */
static inline uint32_t px_over(uint32_t dst, uint32_t src)
{
    return src + px_mul(dst, 255 - (src >> 24));
}

/* Mixes a (t = 0) and b (t = 256). */
static inline uint32_t px_mix(uint32_t a, uint32_t b, unsigned t)
{
    return px_pack((px_spread(a) * (256 - t) + px_spread(b) * t + PX_HALF) >>
                       8 &
                   PX_LANES);
}

/* 0xAARRGGBB as people write it, to premultiplied. */
static inline uint32_t px_premultiply(uint32_t color)
{
    unsigned a = color >> 24;
    return px_mul(color | 0xff000000u, a);
}

#endif
