/* folders.c - folders of apps as detached mounts; components. */
#include "supervisor/folders.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Any app may write to its own folder, whatever uid it runs with this time:
 * what keeps others out is that only its own process holds the folder. */
static void make_folder(int parent, const char *name)
{
    if (!mkdirat(parent, name, 0777))
        (void)!fchmodat(parent, name, 0777, 0);
}

/* Walks "x/y" below `top` without following links (an app may have planted
 * one in a folder that another app is granted too).  Takes `top`. */
static int walk(int top, const char *path, bool create)
{
    char name[GRANT_PATH];
    while (top >= 0 && *path) {
        size_t len = strcspn(path, "/");
        if (!len) {
            path++;
            continue;
        }
        snprintf(name, sizeof name, "%.*s", (int)len, path);
        path += len;
        if (create)
            make_folder(top, name);
        int next =
            openat(top, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int err = errno;
        close(top);
        errno = err;
        top = next;
    }
    return top < 0 ? -errno : top;
}

static int open_mount(int folder, bool writable)
{
    int tree =
        (int)syscall(SYS_open_tree, folder, "",
                     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    if (tree < 0)
        return -errno;
    struct mount_attr attr = {
        .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
                    (writable ? 0 : MOUNT_ATTR_RDONLY),
    };
    int fd = -1;
    if (!syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr,
                 sizeof attr))
        fd = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -errno : fd;
    close(tree);
    return result;
}

int folders_open(const role_options *options, const grant_folder *folder)
{
    bool system = !strncmp(folder->host, "/system", 7);
    int top = open(system ? options->system : options->data,
                   O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return -errno;
    int at = walk(top, folder->host + (system ? 7 : 5), !system);
    if (at < 0)
        return at;
    int fd = open_mount(at, folder->writable);
    close(at);
    return fd;
}

int folders_open_component(const role_options *options, const char *path)
{
    char real[512];
    int len = 0;
    if (!strncmp(path, "/data/", 6))
        len = snprintf(real, sizeof real, "%s%s", options->data, path + 5);
    else if (!strncmp(path, "/system/", 8))
        len = snprintf(real, sizeof real, "%s%s", options->system, path + 7);
    if (len <= 0 || len >= (int)sizeof real)
        return -EACCES; /* manifests name nothing else */
    int fd = open(real, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    return fd < 0 ? -errno : fd;
}
