/* exhaust.c - takes descriptors until there are no more; then gives them back,
 * and everything works as before.  Preview 1, and 2 through the adapter. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MANY = 1 << 17 };
static int fds[MANY];

static int take(const char *path, int flags)
{
    int n = 0;
    while (n < MANY && (fds[n] = open(path, flags)) >= 0)
        n++;
    return n;
}

static int give_back(int n)
{
    while (n)
        if (close(fds[--n]))
            return 0;
    return 1;
}

static int works(void)
{
    struct stat st;
    int fd = open("seed", O_RDONLY);
    return fd >= 0 && !fstat(fd, &st) && st.st_size == 4 && !close(fd);
}

int main(void)
{
    for (int round = 0; round < 3; round++) {
        int files = take("seed", O_RDONLY), error = errno;
        if (files < 8 || files == MANY)
            return printf("%d files\n", files), 1;
        /* the adapter knows no better word than the last */
        if (error != EMFILE && error != ENFILE && error != ENOMEM)
            return printf("errno %d after %d files\n", error, files), 1;
        if (!give_back(files) || !works())
            return puts("nothing works any more"), 1;
        int folders = take(".", O_RDONLY | O_DIRECTORY);
        if (folders < 8 || folders == MANY || !give_back(folders) || !works())
            return printf("%d folders\n", folders), 1;
    }
    puts("exhausted, and well again");
    return 0;
}
