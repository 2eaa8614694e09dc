/* init_boot.c - what PID 1 mounts and opens: once at boot, and for apps. */
#include "supervisor/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* <sys/mount.h> and <linux/mount.h> cannot both be included. */
extern int mount(const char *source, const char *target, const char *type,
                 unsigned long flags, const void *data);

static const struct {
    const char *source, *target, *type;
    unsigned long flags;
    const char *options;
} mounts[] = {
    {"devtmpfs", "/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC, "mode=755"},
    {"proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
    {"sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
    {"tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
     "size=16m,mode=1777"},
    {"cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC,
     NULL},
};

/* The console as 0, 1, 2; the kernel may not have found one for us yet. */
static void open_console(void)
{
    int fd = open("/dev/console", O_RDWR | O_NOCTTY);
    if (fd < 0)
        fd = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3 && fd >= 0; i++)
        if (fd != i)
            dup2(fd, i);
    if (fd > 2)
        close(fd);
}

/* Its address is netd's business; "lo" only has to be up. */
static void raise_loopback(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (ioctl(fd, SIOCSIFFLAGS, &request))
        init_say("lo cannot be raised: %s", strerror(errno));
    close(fd);
}

void boot_mount(void)
{
    raise_loopback();
    for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
        /* On a developer's machine only what a PID namespace needs new. */
        if (init.options.host && strcmp(mounts[i].target, "/proc"))
            continue;
        mkdir(mounts[i].target, 0755);
        if (mount(mounts[i].source, mounts[i].target, mounts[i].type,
                  mounts[i].flags, mounts[i].options) &&
            errno != EBUSY)
            init_say("%s cannot be mounted: %s", mounts[i].target,
                     strerror(errno));
    }
    if (init.options.host)
        return;
    open_console();
    reboot(RB_DISABLE_CAD); /* ctrl-alt-del is SIGINT */
    (void)!sethostname("vyoma", 5);
}

/* ---- /data --------------------------------------------------------- */

void boot_mount_data(void)
{
    if (init.options.host)
        return;
    mkdir(init.data, 0755);
    /* Uncached: what a write acknowledged, the host has. */
    if (!mount("data", init.data, "9p", MS_NOSUID | MS_NODEV | MS_NOEXEC,
               "trans=virtio,version=9p2000.L,access=any,cache=none,"
               "msize=131072")) {
        init.data_mounted = true;
        return;
    }
    init_say("WARNING: no shared folder \"data\" (%s): /data is in memory and "
             "ends with this boot",
             strerror(errno));
    if (mount("tmpfs", init.data, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              "size=25%,mode=755"))
        init_say("/data cannot be mounted: %s", strerror(errno));
    else
        init.data_mounted = true;
}

/* ---- folders and components of apps -------------------------------- */

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

/* The folder as a detached mount of its own. */
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

int boot_open_folder(const grant_folder *folder)
{
    bool system = !strncmp(folder->host, "/system", 7);
    int top = open(system ? init.options.system : init.data,
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

/* "/data/x" and "/system/x" where this PID 1 has them. */
static bool real_path(const char *path, char out[512])
{
    const char *top = init.data, *rest = path + 5;
    if (!strncmp(path, "/system", 7)) {
        top = init.options.system;
        rest = path + 7;
    }
    return snprintf(out, 512, "%s%s", top, rest) < 512;
}

int boot_open_component(const char *path)
{
    char real[512];
    if (!strncmp(path, "/data/", 6) || !strncmp(path, "/system/", 8)) {
        if (!real_path(path, real))
            return -ENAMETOOLONG;
        path = real;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

/* ---- control groups ------------------------------------------------ */

static bool put_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) > 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

/* Services share one group with the larger part of the processors. */
void boot_cgroups(void)
{
    if (init.options.host)
        return;
    init.cgroups = put_file("/sys/fs/cgroup/cgroup.subtree_control",
                            "+memory +pids +cpu") &&
                   !mkdir("/sys/fs/cgroup/apps", 0755) &&
                   put_file("/sys/fs/cgroup/apps/cgroup.subtree_control",
                            "+memory +pids +cpu");
    if (!init.cgroups)
        init_say("WARNING: no control groups (%s): only the engine limits "
                 "what apps use",
                 strerror(errno));
}
