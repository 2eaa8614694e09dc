/*
 * test_policy.c - every role's allow-list, tried with real system calls: what
 * is not in it ends the process and its number is reported.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "supervisor/jail.h"
#include "supervisor/proto.h"

/* Runs `act` in a child inside the sets' filter; its wait status, and the
 * system call that it reported, or -1. */
static int run_jailed(uint32_t sets, void (*act)(const void *), const void *arg,
                      int *reported)
{
    policy_filter filter;
    int pipe_ends[2], status;
    status_message message = {0};
    assert_int_equal(policy_compile(sets, &filter), 0);
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t pid = fork();
    if (!pid) {
        jail_drop_privileges(&(jail){.name = "test",
                                     .uid = 12345,
                                     .keep_namespaces = true,
                                     .descriptors = 64,
                                     .filter = &filter,
                                     .report_fd = pipe_ends[1]});
        act(arg);
        _exit(0);
    }
    close(pipe_ends[1]);
    ssize_t got = read(pipe_ends[0], &message, sizeof message);
    *reported = got == sizeof message ? message.value : -1;
    close(pipe_ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    policy_filter_finish(&filter);
    return status;
}

typedef struct call {
    long number;
    long args[6];
} call;

static void make_call(const void *arg)
{
    const call *c = arg;
    syscall(c->number, c->args[0], c->args[1], c->args[2], c->args[3],
            c->args[4], c->args[5]);
}

/* No role makes any of these (with one exception: is_its_work). */
static const call never[] = {
    {SYS_execve, {0}},
    {SYS_execveat, {0}},
    {SYS_ptrace, {0}},
    {SYS_process_vm_readv, {0}},
    {SYS_process_vm_writev, {0}},
    {SYS_pidfd_getfd, {0}},
    {SYS_kill, {1, SIGKILL}},
    {SYS_tgkill, {1, 1, SIGKILL}},
    {SYS_mount, {0}},
    {SYS_umount2, {0}},
    {SYS_pivot_root, {0}},
    {SYS_chroot, {0}},
    {SYS_unshare, {CLONE_NEWUSER}},
    {SYS_setns, {0}},
    {SYS_open_tree, {0}},
    {SYS_move_mount, {0}},
    {SYS_bpf, {BPF_PROG_LOAD}},
    {SYS_io_uring_setup, {1}},
    {SYS_userfaultfd, {0}},
    {SYS_perf_event_open, {0}},
    {SYS_keyctl, {0}},
    {SYS_init_module, {0}},
    {SYS_reboot, {0}},
    {SYS_swapon, {0}},
    {SYS_setuid, {0}},
    {SYS_personality, {0xffffffff}},
    {SYS_socket, {AF_UNIX, SOCK_STREAM}},
    {SYS_socket, {AF_NETLINK, SOCK_RAW}},
    {SYS_socket, {AF_PACKET, SOCK_RAW}},
    {SYS_mmap,
     {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1}},
    {SYS_mprotect, {0, 4096, PROT_EXEC}},
    {SYS_sendmsg, {1, 0, MSG_FASTOPEN}},
    {SYS_shmget, {0}},
    {SYS_mknodat, {0}},
    {SYS_fchmodat, {0}},
    {SYS_fchownat, {0}},
    {SYS_name_to_handle_at, {0}},
    {SYS_open_by_handle_at, {0}},
};

static void expect_death(const policy_role *role, const call *c)
{
    int reported, status = run_jailed(role->sets, make_call, c, &reported);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
        fail_msg("%s may make system call %ld (status %#x)", role->name,
                 c->number, status);
    if (reported != c->number)
        fail_msg("%s: call %ld was reported as %d", role->name, c->number,
                 reported);
}

/* The one role that works on the file system of all. */
static bool is_its_work(const policy_role *role, long number)
{
    return !strcmp(role->name, "folders") &&
           (number == SYS_open_tree || number == SYS_fchmodat);
}

static void forbidden_calls_end_every_role(void **state)
{
    if (geteuid() || !policy_is_exact())
        skip();
    for (size_t r = 0; r < policy_role_count; r++)
        for (size_t i = 0; i < sizeof never / sizeof *never; i++)
            if (!is_its_work(&policy_roles[r], never[i].number))
                expect_death(&policy_roles[r], &never[i]);
}

/* Further ones that a runner with every set that a manifest can add lacks. */
static void runner_cannot(void **state)
{
    static const call more[] = {
        {SYS_socket, {AF_INET, SOCK_STREAM}},
        {SYS_bind, {0}},
        {SYS_connect, {0}},
        {SYS_listen, {0}},
        {SYS_clone3, {0}},
        {SYS_clone, {SIGCHLD}},
        {SYS_setresuid, {0}},
        {SYS_seccomp, {0}},
        {SYS_rt_sigaction, {SIGSYS}},
        {SYS_ioctl, {0, 0x5412 /* TIOCSTI */}},
        {SYS_sendto, {1, 0, 0, 0, 4096, 16}}, /* with an address */
        {SYS_epoll_create1, {0}},
        {SYS_prlimit64, {0}},
    };
    policy_role all = *policy_find("runner");
    if (geteuid() || !policy_is_exact())
        skip();
    all.sets |= POLICY_FILES | POLICY_STREAM | POLICY_DISPLAY;
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        expect_death(&all, &more[i]);
}

static void ordinary_work(const void *arg)
{
    struct timespec now;
    struct stat st;
    void *at = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *heap = malloc(300000);
    if (at == MAP_FAILED || !heap)
        _exit(1);
    memset(heap, 1, 300000);
    free(heap);
    if (munmap(at, 1 << 20) || fstat(0, &st) ||
        syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now) ||
        write(STDERR_FILENO, "", 0))
        _exit(2);
}

static void ordinary_work_passes_in_every_role(void **state)
{
    if (geteuid())
        skip();
    for (size_t r = 0; r < policy_role_count; r++) {
        int reported, status = run_jailed(policy_roles[r].sets, ordinary_work,
                                          NULL, &reported);
        if (status)
            fail_msg("%s: status %#x, system call %d", policy_roles[r].name,
                     status, reported);
    }
}

/* abort() has to end a role as SIGABRT, so that it is seen for what it is. */
static void do_abort(const void *arg)
{
    abort();
}

static void abort_is_an_abort(void **state)
{
    if (geteuid())
        skip();
    int reported, status = run_jailed(policy_find("runner")->sets, do_abort,
                                      NULL, &reported);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_int_equal(reported, -1);
}

static void show_privileges(const void *arg)
{
    /* Reading is core; the descriptor was opened before the jail. */
    char text[4096];
    ssize_t got = read(*(const int *)arg, text, sizeof text - 1);
    text[got > 0 ? got : 0] = 0;
    static const char *const wanted[] = {
        "Uid:\t12345\t12345\t12345\t12345",
        "Gid:\t12345\t12345\t12345\t12345",
        "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(text, wanted[i]))
            _exit((int)i + 1);
}

static void no_privilege_is_left(void **state)
{
    if (geteuid())
        skip();
    int status;
    policy_filter filter;
    assert_int_equal(policy_compile(policy_find("runner")->sets, &filter), 0);
    pid_t pid = fork();
    if (!pid) {
        int fd = open("/proc/self/status", O_RDONLY);
        jail_drop_privileges(&(jail){.name = "test",
                                     .uid = 12345,
                                     .descriptors = 64,
                                     .filter = &filter,
                                     .report_fd = 2});
        show_privileges(&fd);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    policy_filter_finish(&filter);
    int line = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
    if (line)
        fail_msg("line %d of the wanted ones is missing", line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forbidden_calls_end_every_role),
        cmocka_unit_test(runner_cannot),
        cmocka_unit_test(ordinary_work_passes_in_every_role),
        cmocka_unit_test(abort_is_an_abort),
        cmocka_unit_test(no_privilege_is_left),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
