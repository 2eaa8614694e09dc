/* init_boot.c - what PID 1 mounts and opens at boot; /data is role_folders.c's.
 */
#include "supervisor/init.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

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
