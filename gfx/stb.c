/*
 * stb.c - the one file that compiles the stb libraries (Debian's libstb-dev):
 * stb_truetype for outlines and metrics, stb_image_write for PNG.
 */
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Weverything"
#define STB_TRUETYPE_IMPLEMENTATION
#include <stb/stb_truetype.h>
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>
#pragma clang diagnostic pop
