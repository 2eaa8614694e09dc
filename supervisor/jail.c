/*
 * jail.c - the sandbox, step by step.  After jail_enter a role holds its
 * descriptors and nothing else: no file name leads anywhere (the root is an
 * empty read-only tmpfs), no signal reaches another uid, no socket can be made
 * but in an empty network namespace, and no system call passes that its
 * role's table does not name.
 *
 * On a forbidden call the kernel raises SIGSYS instead of making it.  The
 * handler reports the number to PID 1, then makes the call again: SIGSYS is
 * blocked inside its own handler, so this time the kernel kills the process.
 * The handler never returns; nothing of the program runs after the violation.
 */
#include "supervisor/jail.h"

#include "supervisor/proto.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

static void must(bool ok, const char *step)
{
    if (ok)
        return;
    dprintf(STDERR_FILENO, "jail: %s: %s\n", step, strerror(errno));
    _exit(126);
}

/* ---- descriptors --------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

void jail_close_others(int *keep, size_t count)
{
    unsigned next = 0;
    qsort(keep, count, sizeof *keep, by_value);
    for (size_t i = 0; i < count; i++) {
        if (keep[i] < 0)
            continue;
        unsigned fd = (unsigned)keep[i];
        if (fd > next)
            must(!close_range(next, fd - 1, 0), "close_range");
        next = fd + 1;
    }
    must(!close_range(next, ~0u, 0), "close_range");
}

/* ---- namespaces ---------------------------------------------------- */

/* An empty tmpfs becomes the root.  pivot_root is refused where the root is
 * the initramfs, so it is moved over the old root, as switch_root does. */
static void empty_root(void)
{
    must(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL),
         "making mounts private");
    must(!mount("none", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                "size=4k,nr_inodes=4,mode=755"),
         "mounting an empty root");
    must(!chdir("/tmp"), "entering the empty root");
    must(!mount("none", "/tmp", NULL,
                MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                "size=4k,nr_inodes=4,mode=755"),
         "making the root read only");
    must(!mount(".", "/", NULL, MS_MOVE, NULL), "moving the root");
    must(!chroot(".") && !chdir("/"), "chroot");
}

void jail_enter_namespaces(const jail *jail)
{
    int flags = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
    if (!jail->keep_network)
        flags |= CLONE_NEWNET;
    must(!unshare(flags), "unshare");
    empty_root();
}

/* ---- privileges ---------------------------------------------------- */

static void limit(int what, uint64_t value, const char *step)
{
    struct rlimit r = {value, value};
    must(!setrlimit(what, &r), step);
}

/* Needs CAP_SETPCAP, so it comes before the uid changes. */
static void bound_capabilities(uint64_t keep)
{
    for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
        if (!(keep >> cap & 1))
            prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

static void set_capabilities(uint64_t keep)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    must(!syscall(SYS_capget, &head, data), "capget");
    for (int i = 0; i < 2; i++) {
        data[i].permitted &= (uint32_t)(keep >> 32 * i);
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    must(!syscall(SYS_capset, &head, data), "capset");
}

static void change_user(const jail *jail)
{
    if (!jail->uid)
        return;
    if (jail->keep_caps)
        must(!prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keepcaps");
    must(!setgroups(0, NULL), "setgroups");
    must(!setresgid(jail->uid, jail->uid, jail->uid), "setresgid");
    must(!setresuid(jail->uid, jail->uid, jail->uid), "setresuid");
}

static int report_fd;

void jail_report_to(int fd)
{
    report_fd = fd;
}

static void on_forbidden_call(int sig, siginfo_t *info, void *context)
{
    status_message message = {STATUS_SECCOMP, info->si_syscall};
    (void)!write(report_fd, &message, sizeof message);
    /* Blocked now: the same call again, and it is over. */
    syscall(info->si_syscall, -1, -1, -1, -1, -1, -1);
    _exit(127); /* not reached: arguments decided, and were others */
}

static void enter_seccomp(const jail *jail)
{
    struct sigaction action = {.sa_sigaction = on_forbidden_call,
                               .sa_flags = SA_SIGINFO};
    report_fd = jail->report_fd;
    must(!sigaction(SIGSYS, &action, NULL), "sigaction");
    must(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
    must(!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0,
                  &jail->filter->program),
         "seccomp");
}

void jail_drop_privileges(const jail *jail)
{
    prctl(PR_SET_NAME, jail->name, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
    /* No memory may become executable (Linux 6.3; the filter forbids it
     * too, so that an older kernel loses nothing). */
    prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);
    setsid();
    umask(0);
    limit(RLIMIT_CORE, 0, "limiting core dumps");
    limit(RLIMIT_NOFILE, jail->descriptors, "limiting descriptors");
    if (jail->memory && policy_is_exact())
        limit(RLIMIT_DATA, jail->memory, "limiting memory");
    bound_capabilities(jail->keep_caps);
    change_user(jail);
    limit(RLIMIT_NPROC, jail->processes, "limiting processes");
    set_capabilities(jail->keep_caps);
    enter_seccomp(jail);
}

void jail_enter(const jail *jail)
{
    if (!jail->keep_namespaces)
        jail_enter_namespaces(jail);
    jail_drop_privileges(jail);
}
