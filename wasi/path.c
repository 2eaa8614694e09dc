/*
 * path.c - resolves a guest's path beneath a granted directory.
 *
 * The kernel does it: openat2 with RESOLVE_BENEATH refuses "..", symbolic
 * links and absolute paths that would leave the directory, whatever another
 * process renames meanwhile.  Operations that name a directory entry rather
 * than a file (mkdir, unlink, rename...) resolve the entry's parent that way,
 * and then use the single last component, which cannot lead anywhere.
 *
 * Kernels and sandboxes without openat2 get a walk of our own, one component
 * at a time with O_NOFOLLOW, keeping a descriptor for each level so that ".."
 * pops what was pushed and never asks the file system.
 */
#include "wasi/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    MAX_DEPTH = 128,  /* of the walk */
    MAX_LINKS = 40,   /* as in the kernel */
    MAX_RETRIES = 64, /* of openat2 against concurrent renames */
};

/* ---- the walk ---------------------------------------------------------- */

struct walk {
    int stack[MAX_DEPTH]; /* stack[0] is the granted directory, not owned */
    size_t depth;
    unsigned links;
    char rest[PATH_MAX]; /* what is left to resolve */
};

static void walk_finish(struct walk *walk)
{
    while (walk->depth)
        close(walk->stack[walk->depth--]);
}

/* Cuts the first component off `rest`.  False at the end. */
static bool next_component(struct walk *walk, char name[NAME_MAX + 1],
                           bool *last, bool *slash, int *error)
{
    char *start = walk->rest + strspn(walk->rest, "/");
    size_t len = strcspn(start, "/");
    if (!len)
        return false;
    if (len > NAME_MAX) {
        *error = ENAMETOOLONG;
        return false;
    }
    memcpy(name, start, len);
    name[len] = 0;
    char *after = start + len + strspn(start + len, "/");
    *slash = start[len] == '/';
    *last = !*after;
    memmove(walk->rest, after, strlen(after) + 1);
    return true;
}

static int follow_link(struct walk *walk, const char *name)
{
    char target[PATH_MAX];
    ssize_t n =
        readlinkat(walk->stack[walk->depth], name, target, sizeof target - 1);
    if (n < 0)
        return errno;
    if (++walk->links > MAX_LINKS)
        return ELOOP;
    target[n] = 0;
    if (target[0] == '/')
        return EPERM;
    size_t left = strlen(walk->rest);
    if ((size_t)n + left + 2 > sizeof walk->rest)
        return ENAMETOOLONG;
    memmove(walk->rest + n + 1, walk->rest, left + 1);
    memcpy(walk->rest, target, (size_t)n);
    walk->rest[n] = '/';
    if (!left)
        walk->rest[n] = 0;
    return 0;
}

static int push_dir(struct walk *walk, int fd)
{
    if (walk->depth + 1 == MAX_DEPTH) {
        close(fd);
        return ENAMETOOLONG;
    }
    walk->stack[++walk->depth] = fd;
    return 0;
}

static int pop_dir(struct walk *walk)
{
    if (!walk->depth)
        return EPERM;
    close(walk->stack[walk->depth--]);
    return 0;
}

/* Enters a directory, or splices a link's target in. */
static int step(struct walk *walk, const char *name)
{
    if (!strcmp(name, "."))
        return 0;
    if (!strcmp(name, ".."))
        return pop_dir(walk);
    int fd = openat(walk->stack[walk->depth], name,
                    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        return push_dir(walk, fd);
    if (errno != ENOTDIR && errno != ELOOP)
        return errno;
    int error = follow_link(walk, name);
    return error == EINVAL ? ENOTDIR : error;
}

/* Opens the last component; *again when it was a link to follow. */
static int open_last(struct walk *walk, const char *name, bool slash,
                     uint64_t flags, mode_t mode, int *out, bool *again)
{
    int dir = walk->stack[walk->depth];
    bool follow = slash || !(flags & O_NOFOLLOW);
    if (follow && !(flags & O_EXCL)) {
        int error = follow_link(walk, name);
        *again = !error;
        if (error != EINVAL && error != ENOENT)
            return error;
    }
    if (slash)
        flags |= O_DIRECTORY;
    int fd = openat(dir, name, (int)(flags | O_NOFOLLOW | O_CLOEXEC), mode);
    if (fd < 0)
        return errno;
    *out = fd;
    return 0;
}

static int walk_run(struct walk *walk, uint64_t flags, mode_t mode, int *out)
{
    char name[NAME_MAX + 1];
    bool last = false, slash = false;
    int error = 0;
    while (next_component(walk, name, &last, &slash, &error)) {
        bool dots = !strcmp(name, ".") || !strcmp(name, "..");
        if (!last || dots) {
            error = step(walk, name);
        } else {
            bool again = false;
            error = open_last(walk, name, slash, flags, mode, out, &again);
            if (!again)
                return error;
            if (slash)
                strcat(walk->rest, "/");
        }
        if (error)
            return error;
    }
    if (error)
        return error;
    /* it ended in "." or "..": the directory itself */
    int fd =
        openat(walk->stack[walk->depth], ".", (int)(flags | O_CLOEXEC), mode);
    if (fd < 0)
        return errno;
    *out = fd;
    return 0;
}

int wasi_path_walk(int dir, const char *path, uint64_t flags, mode_t mode,
                   int *out)
{
    struct walk walk = {.stack = {dir}};
    if (path[0] == '/')
        return EPERM;
    size_t len = strlen(path);
    if (len + 2 > sizeof walk.rest)
        return ENAMETOOLONG;
    memcpy(walk.rest, path, len + 1);
    int error = walk_run(&walk, flags, mode, out);
    walk_finish(&walk);
    return error;
}

/* ---- openat2 ----------------------------------------------------------- */

static int open_beneath(int dir, const char *path, uint64_t flags, mode_t mode,
                        int *out)
{
    struct open_how how = {
        .flags = flags | O_CLOEXEC,
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    int tries = 0;
    long fd;
    do /* EAGAIN: a rename elsewhere made ".." unsure; ask again */
        fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
    while (fd < 0 && (errno == EINTR || errno == EAGAIN) &&
           ++tries < MAX_RETRIES);
    if (fd < 0)
        return errno == EXDEV ? EPERM : errno;
    *out = (int)fd;
    return 0;
}

static int copy_path(wasi_path path, char buf[PATH_MAX])
{
    if (!path.len)
        return ENOENT;
    if (path.len >= PATH_MAX)
        return ENAMETOOLONG;
    if (memchr(path.data, 0, path.len))
        return EINVAL;
    memcpy(buf, path.data, path.len);
    buf[path.len] = 0;
    return 0;
}

int wasi_path_open(int dir, wasi_path path, uint64_t flags, mode_t mode,
                   int *out)
{
    char buf[PATH_MAX];
    int error = copy_path(path, buf);
    if (!error)
        error = open_beneath(dir, buf, flags, mode, out);
    if (error == ENOSYS)
        error = wasi_path_walk(dir, buf, flags, mode, out);
    return error;
}

/* Splits "a/b/name/" into "a/b" and "name/".  False for "", "." and "..". */
static bool split(wasi_path path, wasi_path *head, wasi_path *name)
{
    size_t end = path.len;
    while (end && path.data[end - 1] == '/')
        end--;
    size_t start = end;
    while (start && path.data[start - 1] != '/')
        start--;
    size_t slash = end < path.len ? 1 : 0;
    *head = (wasi_path){path.data, start};
    *name = (wasi_path){path.data + start, end - start + slash};
    size_t len = end - start;
    return len && !(len <= 2 && !memcmp(name->data, "..", len));
}

int wasi_path_parent(int dir, wasi_path path, int dots, wasi_parent *out)
{
    wasi_path head, name;
    if (!path.len)
        return ENOENT;
    if (path.data[0] == '/')
        return EPERM;
    if (memchr(path.data, 0, path.len))
        return EINVAL;
    int fd;
    if (!split(path, &head, &name)) {
        int error = wasi_path_open(dir, path, O_PATH, 0, &fd);
        if (!error)
            close(fd);
        return error ? error : dots;
    }
    if (name.len >= sizeof out->name)
        return ENAMETOOLONG;
    memcpy(out->name, name.data, name.len);
    out->name[name.len] = 0;
    if (!head.len)
        head = (wasi_path){".", 1};
    return wasi_path_open(dir, head, O_PATH | O_DIRECTORY, 0, &out->fd);
}
