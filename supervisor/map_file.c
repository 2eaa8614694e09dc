/*
 * map_file.c - how commands get at the files they are given (map_file.h).
 */
#include "supervisor/map_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool map_file(const char *who, const char *path, mapped_file *out)
{
    struct stat st;
    void *bytes = MAP_FAILED;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && !fstat(fd, &st)) {
        if (S_ISDIR(st.st_mode))
            errno = EISDIR;
        else if (st.st_size == 0)
            errno = ENODATA; /* an empty file, or none that can be mapped */
        else
            bytes =
                mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (bytes == MAP_FAILED) {
        fprintf(stderr, "%s: %s: %s\n", who, path,
                error == ENODATA ? "the file is empty" : strerror(error));
        return false;
    }
    *out = (mapped_file){bytes, (size_t)st.st_size};
    return true;
}

void unmap_file(mapped_file *file)
{
    if (file->bytes)
        munmap((void *)file->bytes, file->len);
    *file = (mapped_file){0};
}
