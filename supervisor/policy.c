/*
 * policy.c - the allow-lists, as const tables, and their way into a BPF
 * program through libseccomp.  A row is a system call and, where an argument
 * decides, what that argument must be.  Fails closed: what has no row traps.
 */
#include "supervisor/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

typedef struct rule {
    int number;
    bool checked;
    struct scmp_arg_cmp check;
} rule;

#define ALLOW(name) {SCMP_SYS(name), false, {0}}
/* Argument `arg` has none of `bits`; equals `value`. */
#define WITHOUT(name, arg, bits)                                               \
    {SCMP_SYS(name), true, {arg, SCMP_CMP_MASKED_EQ, bits, 0}}
#define EQUALS(name, arg, value)                                               \
    {SCMP_SYS(name), true, {arg, SCMP_CMP_EQ, value, 0}}
#define END {-1, false, {0}}

static const rule core[] = {
    ALLOW(read),
    ALLOW(write),
    ALLOW(writev),   /* glibc's last words */
    ALLOW(pwritev2), /* without waiting, on pipes */
    ALLOW(close),
    ALLOW(newfstatat), /* what fstat(3) is; names lead nowhere in a jail */
    ALLOW(lseek),
    ALLOW(poll),
    ALLOW(ppoll),
    ALLOW(brk),
    ALLOW(munmap),
    ALLOW(madvise),
    ALLOW(mremap),
    WITHOUT(mmap, 2, PROT_EXEC),
    WITHOUT(mprotect, 2, PROT_EXEC),
    ALLOW(clock_gettime), /* normally by vDSO */
    ALLOW(clock_getres),
    ALLOW(gettimeofday),
    ALLOW(restart_syscall),
    ALLOW(getrandom),
    ALLOW(sysinfo), /* qsort(3) asks how much memory there is */
    ALLOW(futex),
    ALLOW(getpid), /* abort(3) signals itself: the four below */
    ALLOW(gettid),
    ALLOW(rt_sigprocmask),
    EQUALS(tgkill, 2, 6 /* SIGABRT */),
    EQUALS(fcntl, 1, F_GETFL),
    EQUALS(fcntl, 1, F_SETFL),
    EQUALS(fcntl, 1, F_GETFD),
    EQUALS(fcntl, 1, F_SETFD),
    EQUALS(fcntl, 1, F_DUPFD_CLOEXEC),
    EQUALS(prctl, 0, PR_SET_VMA), /* glibc names its heap where it can */
    ALLOW(exit),
    ALLOW(exit_group),
#ifdef SANITIZED
    ALLOW(sigaltstack),
    ALLOW(rt_sigaction),
    ALLOW(sched_yield),
    ALLOW(sched_getaffinity),
    ALLOW(readlink),
    ALLOW(openat),
    ALLOW(prctl),
    ALLOW(getuid),
    ALLOW(tgkill),
#endif
    END,
};

static const rule messages[] = {
    ALLOW(recvmsg),
    ALLOW(recvfrom),
    /* Fast open would be a connect that netd has not seen. */
    WITHOUT(sendmsg, 2, MSG_FASTOPEN),
    EQUALS(sendto, 4, 0), /* no address: the peer is who it is */
    ALLOW(shutdown),
    END,
};

static const rule epoll_[] = {
    ALLOW(epoll_ctl),
    ALLOW(timerfd_settime),
#ifdef __NR_epoll_wait
    ALLOW(epoll_wait),
#else
    ALLOW(epoll_pwait),
#endif
    END,
};

static const rule files[] = {
    ALLOW(openat2),    ALLOW(openat),     ALLOW(newfstatat),
    ALLOW(getdents64), ALLOW(readlinkat), ALLOW(pread64),
    ALLOW(pwrite64),   ALLOW(ftruncate),  ALLOW(fadvise64),
    ALLOW(fsync),      ALLOW(fdatasync),  ALLOW(mkdirat),
    ALLOW(unlinkat),   ALLOW(renameat),   ALLOW(linkat),
    ALLOW(symlinkat),  ALLOW(utimensat),  END,
};

static const rule read_only[] = {
    WITHOUT(openat, 2, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC),
    ALLOW(newfstatat),
    ALLOW(getdents64),
    END,
};

static const rule stream[] = {
    ALLOW(accept4),     ALLOW(getsockopt),  ALLOW(setsockopt),
    ALLOW(getsockname), ALLOW(getpeername), END,
};

static const rule sockets[] = {
    EQUALS(socket, 0, AF_INET),
    EQUALS(socket, 0, AF_INET6),
    ALLOW(bind),
    ALLOW(connect),
    ALLOW(listen),
    WITHOUT(sendto, 3, MSG_FASTOPEN),
    ALLOW(uname),
    ALLOW(pipe2),
    END,
};

static const rule devices[] = {
    ALLOW(ioctl), /* DRM's and evdev's: only devices are open here */
    ALLOW(memfd_create), ALLOW(ftruncate), ALLOW(fcntl), END,
};

/* A child until it has its own filter: what entering a jail takes. */
static const rule spawn[] = {
    ALLOW(clone3),    ALLOW(rt_sigaction), ALLOW(close_range),
#ifdef __NR_dup2
    ALLOW(dup2),
#else
    ALLOW(dup3),
#endif
    ALLOW(setsid),    ALLOW(umask),        ALLOW(setgroups),
    ALLOW(setresuid), ALLOW(setresgid),    ALLOW(prlimit64),
    ALLOW(prctl),     ALLOW(capget),       ALLOW(capset),
    ALLOW(seccomp),   ALLOW(memfd_create), END,
};

static const rule threads[] = {
    ALLOW(clone3), ALLOW(set_robust_list), ALLOW(rseq), ALLOW(rt_sigaction),
    END,
};

static const rule display[] = {
    ALLOW(memfd_create),
    ALLOW(ftruncate),
    EQUALS(fcntl, 1, F_ADD_SEALS),
    EQUALS(fcntl, 1, F_GET_SEALS),
    END,
};

static const rule mounts[] = {
    ALLOW(openat),    ALLOW(mkdirat),       ALLOW(fchmodat),
    ALLOW(open_tree), ALLOW(mount_setattr), END,
};

static const rule pairs[] = {
    EQUALS(socketpair, 0, AF_UNIX),
    END,
};

static const rule timer[] = {
    ALLOW(setitimer),
    ALLOW(rt_sigreturn),
    END,
};

static const rule console[] = {
    EQUALS(ioctl, 1, TCGETS),
    EQUALS(ioctl, 1, TIOCGWINSZ),
    EQUALS(ioctl, 1, FIONREAD),
    END,
};

static const struct {
    uint32_t bit;
    const rule *rules;
} sets_table[] = {
    {POLICY_CORE, core},       {POLICY_MESSAGES, messages},
    {POLICY_EPOLL, epoll_},    {POLICY_FILES, files},
    {POLICY_READ, read_only},  {POLICY_STREAM, stream},
    {POLICY_SOCKETS, sockets}, {POLICY_DEVICES, devices},
    {POLICY_SPAWN, spawn},     {POLICY_THREADS, threads},
    {POLICY_CONSOLE, console}, {POLICY_DISPLAY, display},
    {POLICY_PAIRS, pairs},     {POLICY_MOUNTS, mounts},
    {POLICY_TIMER, timer},
};
#define SETS (sizeof sets_table / sizeof *sets_table)

const policy_role policy_roles[] = {
    {"compositor",
     POLICY_CORE | POLICY_MESSAGES | POLICY_EPOLL | POLICY_DEVICES},
    {"logger", POLICY_CORE | POLICY_MESSAGES | POLICY_EPOLL},
    {"manifests", POLICY_CORE | POLICY_MESSAGES | POLICY_READ},
    {"folders", POLICY_CORE | POLICY_MESSAGES | POLICY_MOUNTS},
    /* Runners inherit its filter: theirs can only be narrower. */
    {"spawner", POLICY_CORE | POLICY_MESSAGES | POLICY_EPOLL | POLICY_FILES |
                    POLICY_STREAM | POLICY_SPAWN | POLICY_CONSOLE |
                    POLICY_DISPLAY | POLICY_TIMER},
    /* The resolver looks for its files, in an empty root. */
    {"netd", POLICY_CORE | POLICY_MESSAGES | POLICY_EPOLL | POLICY_STREAM |
                 POLICY_SOCKETS | POLICY_THREADS | POLICY_READ},
    {"broker", POLICY_CORE | POLICY_MESSAGES | POLICY_EPOLL | POLICY_PAIRS},
    /* A runner starts from this; what its manifest grants adds sets. */
    {"runner", POLICY_CORE | POLICY_MESSAGES | POLICY_CONSOLE},
};
const size_t policy_role_count = sizeof policy_roles / sizeof *policy_roles;

const policy_role *policy_find(const char *name)
{
    for (size_t i = 0; i < policy_role_count; i++)
        if (!strcmp(policy_roles[i].name, name))
            return &policy_roles[i];
    return NULL;
}

bool policy_allows(uint32_t sets, int number)
{
    for (size_t s = 0; s < SETS; s++)
        for (const rule *r = sets_table[s].rules;
             (sets & sets_table[s].bit) && r->number != -1; r++)
            if (r->number == number)
                return true;
    return false;
}

bool policy_is_exact(void)
{
#ifdef SANITIZED
    return false;
#else
    return true;
#endif
}

/* ---- compiling ----------------------------------------------------- */

/* True when a set of the union allows the call whatever its arguments. */
static bool allowed_freely(uint32_t sets, int number)
{
    for (size_t s = 0; s < SETS; s++)
        for (const rule *r = sets_table[s].rules;
             (sets & sets_table[s].bit) && r->number != -1; r++)
            if (r->number == number && !r->checked)
                return true;
    return false;
}

static int add_rules(scmp_filter_ctx ctx, uint32_t sets)
{
    for (size_t s = 0; s < SETS; s++) {
        if (!(sets & sets_table[s].bit))
            continue;
        for (const rule *r = sets_table[s].rules; r->number != -1; r++) {
            /* Negative numbers stand for calls this architecture lacks. */
            if (r->number < 0 ||
                (r->checked && allowed_freely(sets, r->number)))
                continue;
            int err = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, r->number,
                                             r->checked, &r->check);
            if (err && err != -EEXIST)
                return err;
        }
    }
    return 0;
}

static int export_program(scmp_filter_ctx ctx, policy_filter *out)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int err = seccomp_export_bpf(ctx, fd);
    off_t size = lseek(fd, 0, SEEK_END);
    struct sock_filter *program = NULL;
    if (!err && (size <= 0 || !(program = malloc((size_t)size)) ||
                 pread(fd, program, (size_t)size, 0) != size))
        err = -ENOMEM;
    close(fd);
    if (err) {
        free(program);
        return err;
    }
    out->program.filter = program;
    out->program.len = (unsigned short)((size_t)size / sizeof *program);
    return 0;
}

int policy_compile(uint32_t sets, policy_filter *out)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
    if (!ctx)
        return -ENOMEM;
    /* Another architecture's calls (int 0x80) end the process at once. */
    int err =
        seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (!err)
        err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (!err)
        err = add_rules(ctx, sets);
    if (!err)
        err = export_program(ctx, out);
    seccomp_release(ctx);
    return err;
}

void policy_filter_finish(policy_filter *filter)
{
    free(filter->program.filter);
    filter->program.filter = NULL;
}
