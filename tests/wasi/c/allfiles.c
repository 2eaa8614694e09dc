/*
 * allfiles.c - every operation on files that wasi-libc has, once, below /data.
 * Says the first that fails, or "all done".
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MUST(expression)                                                       \
    do {                                                                       \
        if ((expression) < 0) {                                                \
            perror(#expression);                                               \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

static void contents(void)
{
    char text[16];
    struct stat st;
    const struct timespec times[2] = {{1, 0}, {2, 0}};
    int fd = open("/data/a", O_RDWR | O_CREAT | O_TRUNC, 0600);
    MUST(fd);
    MUST(write(fd, "hello", 5));
    MUST(pwrite(fd, "J", 1, 0));
    MUST(pread(fd, text, sizeof text, 1));
    MUST(lseek(fd, 0, SEEK_SET));
    MUST(read(fd, text, sizeof text));
    MUST(ftruncate(fd, 100));
    MUST(-posix_fadvise(fd, 0, 10, POSIX_FADV_WILLNEED));
    MUST(fdatasync(fd));
    MUST(fsync(fd));
    MUST(fstat(fd, &st));
    MUST(futimens(fd, times));
    MUST(close(fd));
    fd = open("/data/a", O_WRONLY | O_APPEND);
    MUST(fd);
    MUST(write(fd, "more", 4));
    MUST(close(fd));
}

static void names(void)
{
    char text[64];
    struct stat st;
    const struct timespec times[2] = {{3, 0}, {4, 0}};
    MUST(mkdir("/data/folder", 0700));
    MUST(symlink("a", "/data/link"));
    MUST(readlink("/data/link", text, sizeof text));
    MUST(link("/data/a", "/data/b"));
    MUST(rename("/data/b", "/data/folder/c"));
    MUST(stat("/data/folder/c", &st));
    MUST(lstat("/data/link", &st));
    MUST(utimensat(AT_FDCWD, "/data/a", times, 0));
    MUST(access("/data/a", R_OK));
    DIR *folder = opendir("/data/folder");
    while (folder && readdir(folder))
        ;
    MUST(folder ? closedir(folder) : -1);
    MUST(unlink("/data/folder/c"));
    MUST(unlink("/data/link"));
    MUST(rmdir("/data/folder"));
}

int main(void)
{
    contents();
    names();
    puts("all done");
    return 0;
}
