/*
 * map_file.h - the bytes of a file, mapped.
 */
#ifndef VYOMA_MAP_FILE_H
#define VYOMA_MAP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mapped_file {
    const uint8_t *bytes;
    size_t len;
} mapped_file;

/* False after a message, "WHO: PATH: why"; a folder or an empty file is not
 * mapped either. */
bool map_file(const char *who, const char *path, mapped_file *out);
/* Does nothing for a file that was not mapped: all zeros. */
void unmap_file(mapped_file *file);

#endif
