/*
 * test_wasi_path.c - no path leaves its directory: the kernel's resolution and
 * our own walk, on one table of cases, and against a directory that is being
 * swapped for a link to the outside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "wasi/file.h"

/*
 * outside/secret
 * root/file  root/a/b/inner  root/{abs,up,deep_up,loop,dangling,to_file,to_dir}
 */
static char base[] = "/tmp/test_wasi_path.XXXXXX";
static char top[PATH_MAX];
static int root;

static void write_file(const char *path, const char *text)
{
    int fd = openat(root, path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void make_link(const char *target, const char *path)
{
    assert_int_equal(symlinkat(target, root, path), 0);
}

static int set_up(void **state)
{
    strcpy(top, base);
    assert_non_null(mkdtemp(top));
    assert_int_equal(chdir(top), 0);
    mkdir("outside", 0700);
    mkdir("root", 0700);
    root = open("root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    write_file("../outside/secret", "secret");
    write_file("file", "file");
    mkdirat(root, "a", 0700);
    mkdirat(root, "a/b", 0700);
    write_file("a/b/inner", "inner");
    make_link("/etc/passwd", "abs");
    make_link("../outside/secret", "up");
    make_link("../../../outside", "a/b/deep_up");
    make_link("loop", "loop");
    make_link("nowhere", "dangling");
    make_link("a/b/inner", "to_file");
    make_link("a/../a/b", "to_dir");
    return 0;
}

static int tear_down(void **state)
{
    char command[PATH_MAX + 16];
    close(root);
    assert_int_equal(chdir("/"), 0);
    snprintf(command, sizeof command, "rm -rf %s", top);
    return system(command);
}

static const struct {
    const char *path;
    uint64_t flags;
    int error;
} cases[] = {
    {"file", O_RDONLY, 0},
    {"./a/./b//inner", O_RDONLY, 0},
    {"a/../file", O_RDONLY, 0},
    {"a/b/../../file", O_RDONLY, 0},
    {"to_file", O_RDONLY, 0},
    {"to_dir/inner", O_RDONLY, 0},
    {"to_dir/", O_RDONLY, 0},
    {"to_dir/.", O_RDONLY, 0},
    {"to_dir/..", O_RDONLY, 0},
    {".", O_RDONLY | O_DIRECTORY, 0},
    {"a/b/..", O_PATH | O_DIRECTORY, 0},
    {"..", O_PATH, EPERM},
    {"../outside", O_PATH, EPERM},
    {"../root/file", O_PATH, EPERM},
    {"a/../..", O_PATH, EPERM},
    {"a/b/../../../outside/secret", O_RDONLY, EPERM},
    {"to_dir/../../../outside/secret", O_RDONLY, EPERM},
    {"/etc/passwd", O_RDONLY, EPERM},
    {"/", O_PATH, EPERM},
    {"abs", O_RDONLY, EPERM},
    {"up", O_RDONLY, EPERM},
    {"a/b/deep_up", O_RDONLY, EPERM},
    {"a/b/deep_up/secret", O_RDONLY, EPERM},
    {"up", O_WRONLY | O_TRUNC, EPERM},
    {"up", O_WRONLY | O_CREAT, EPERM},
    {"loop", O_RDONLY, ELOOP},
    {"dangling", O_RDONLY, ENOENT},
    {"to_file", O_RDONLY | O_NOFOLLOW, ELOOP},
    {"abs", O_PATH | O_NOFOLLOW, 0},
    {"file/", O_RDONLY, ENOTDIR},
    {"file/.", O_RDONLY, ENOTDIR},
    {"file/x", O_RDONLY, ENOTDIR},
    {"to_file/", O_RDONLY, ENOTDIR},
    {"a", O_WRONLY, EISDIR},
    {"file", O_RDONLY | O_DIRECTORY, ENOTDIR},
    {"file", O_WRONLY | O_CREAT | O_EXCL, EEXIST},
    {"to_file", O_WRONLY | O_CREAT | O_EXCL, EEXIST},
    {"dangling", O_WRONLY | O_CREAT | O_EXCL, EEXIST},
    {"missing", O_RDONLY, ENOENT},
    {"missing/x", O_RDONLY | O_CREAT, ENOENT},
    {"", O_RDONLY, ENOENT},
};

static void check_cases(int (*open_path)(const char *, uint64_t, int *))
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd = -1, error = open_path(cases[i].path, cases[i].flags, &fd);
        if (error != cases[i].error)
            fail_msg("'%s' (flags %#llx): %s, expected %s", cases[i].path,
                     (unsigned long long)cases[i].flags, strerror(error),
                     strerror(cases[i].error));
        if (!error)
            close(fd);
    }
}

static int by_kernel(const char *path, uint64_t flags, int *fd)
{
    return wasi_path_open(root, (wasi_path){path, strlen(path)}, flags, 0600,
                          fd);
}

static int by_walk(const char *path, uint64_t flags, int *fd)
{
    return *path ? wasi_path_walk(root, path, flags, 0600, fd) : ENOENT;
}

static void the_kernel_keeps_paths_inside(void **state)
{
    check_cases(by_kernel);
}

static void the_walk_keeps_paths_inside(void **state)
{
    check_cases(by_walk);
}

static void a_nul_byte_is_refused(void **state)
{
    int fd;
    assert_int_equal(
        wasi_path_open(root, (wasi_path){"file\0x", 6}, O_RDONLY, 0, &fd),
        EINVAL);
}

static void a_long_path_is_refused(void **state)
{
    int fd;
    static char path[PATH_MAX + 10];
    memset(path, 'x', sizeof path);
    assert_int_equal(
        wasi_path_open(root, (wasi_path){path, sizeof path}, O_RDONLY, 0, &fd),
        ENAMETOOLONG);
    path[NAME_MAX + 1] = 0;
    assert_int_equal(by_walk(path, O_RDONLY, &fd), ENAMETOOLONG);
}

/* ---- a race ------------------------------------------------------------ */

static atomic_bool stop;

/* Swaps `swap` between a directory and a link to the outside. */
static void *swapper(void *arg)
{
    while (!stop) {
        syscall(SYS_renameat2, root, "swap", root, "swap_link", 2);
    }
    return NULL;
}

static void a_swapped_link_leads_nowhere(void **state)
{
    pthread_t thread;
    int opened = 0;
    mkdirat(root, "swap", 0700);
    write_file("swap/secret", "inside");
    make_link("../outside", "swap_link");
    assert_int_equal(pthread_create(&thread, NULL, swapper, NULL), 0);
    /* until both outcomes have been seen often enough */
    for (int i = 0; i < 4000 || opened < 20 || i - opened < 20; i++) {
        char text[8] = "";
        int fd, error = i % 2 ? by_kernel("swap/secret", O_RDONLY, &fd)
                              : by_walk("swap/secret", O_RDONLY, &fd);
        if (error) {
            sched_yield();
            continue;
        }
        opened++;
        assert_int_equal(read(fd, text, sizeof text), 6);
        assert_string_equal(text, "inside");
        close(fd);
    }
    stop = true;
    pthread_join(thread, NULL);
}

/* ---- what a grant permits ---------------------------------------------- */

static wasi_file *grant(bool writable)
{
    int fd = fcntl(root, F_DUPFD_CLOEXEC, 0);
    wasi_file *dir = wasi_file_create_preopen(fd, writable);
    assert_non_null(dir);
    return dir;
}

#define P(text) ((wasi_path){text, strlen(text)})

static void a_read_only_grant_changes_nothing(void **state)
{
    wasi_file *dir = grant(false), *file;
    static const wasi_open_how changes[] = {
        {.read = true, .truncate = true},
        {.read = true, .create = true},
        {.write = true},
        {.read = true, .write = true, .append = true},
    };
    struct timespec times[2] = {{1, 0}, {1, 0}};
    struct stat before, after;
    assert_int_equal(fstatat(root, "file", &before, 0), 0);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        assert_int_equal(wasi_file_open(dir, P("file"), &changes[i], &file),
                         EROFS);
    assert_int_equal(wasi_file_mkdir(dir, P("new")), EROFS);
    assert_int_equal(wasi_file_rmdir(dir, P("a/b")), EROFS);
    assert_int_equal(wasi_file_unlink(dir, P("file")), EROFS);
    assert_int_equal(wasi_file_rename(dir, P("file"), dir, P("x")), EROFS);
    assert_int_equal(wasi_file_link(dir, P("file"), dir, P("x")), EROFS);
    assert_int_equal(wasi_file_symlink(dir, P("file"), P("x")), EROFS);
    assert_int_equal(wasi_file_set_times_at(dir, P("file"), true, times),
                     EROFS);
    wasi_open_how reading = {.read = true};
    assert_int_equal(wasi_file_open(dir, P("file"), &reading, &file), 0);
    assert_int_equal(wasi_file_set_size(file, 0), EBADF);
    assert_int_equal(wasi_file_set_times(file, times), EPERM);
    wasi_release(file);
    /* neither does a directory opened through it */
    wasi_open_how sub = {.read = true, .directory = true};
    assert_int_equal(wasi_file_open(dir, P("a"), &sub, &file), 0);
    assert_int_equal(wasi_file_mkdir(file, P("new")), EROFS);
    wasi_release(file);
    assert_int_equal(fstatat(root, "file", &after, 0), 0);
    assert_int_equal(before.st_size, after.st_size);
    assert_int_equal(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
    wasi_release(dir);
}

static void entries_cannot_be_made_or_moved_outside(void **state)
{
    wasi_file *dir = grant(true);
    assert_int_equal(wasi_file_mkdir(dir, P("../new")), EPERM);
    assert_int_equal(wasi_file_mkdir(dir, P("/new")), EPERM);
    assert_int_equal(wasi_file_mkdir(dir, P("a/b/deep_up/new")), EPERM);
    assert_int_equal(wasi_file_unlink(dir, P("../outside/secret")), EPERM);
    assert_int_equal(wasi_file_unlink(dir, P("a/b/deep_up/secret")), EPERM);
    assert_int_equal(wasi_file_rmdir(dir, P("..")), EPERM);
    assert_int_equal(wasi_file_rename(dir, P("file"), dir, P("../f")), EPERM);
    assert_int_equal(wasi_file_rename(dir, P("../outside/secret"), dir, P("f")),
                     EPERM);
    assert_int_equal(wasi_file_rename(dir, P("a/.."), dir, P("f")), EBUSY);
    assert_int_equal(wasi_file_link(dir, P("../outside/secret"), dir, P("f")),
                     EPERM);
    assert_int_equal(wasi_file_link(dir, P("up/"), dir, P("f")), ENOTDIR);
    assert_int_equal(wasi_file_symlink(dir, P("/etc"), P("f")), EPERM);
    assert_int_equal(wasi_file_symlink(dir, P("a"), P("../f")), EPERM);
    wasi_release(dir);
}

static void links_are_read_and_not_followed(void **state)
{
    wasi_file *dir = grant(true);
    char buf[64];
    size_t len;
    struct stat st;
    assert_int_equal(
        wasi_file_readlink(dir, P("to_file"), buf, sizeof buf, &len), 0);
    assert_int_equal(len, 9);
    assert_memory_equal(buf, "a/b/inner", 9);
    assert_int_equal(wasi_file_readlink(dir, P("to_file"), buf, 3, &len), 0);
    assert_int_equal(len, 3);
    assert_int_equal(wasi_file_readlink(dir, P("abs"), buf, sizeof buf, &len),
                     EPERM);
    assert_int_equal(wasi_file_readlink(dir, P("file"), buf, sizeof buf, &len),
                     EINVAL);
    assert_int_equal(wasi_file_stat_at(dir, P("up"), false, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(wasi_file_stat_at(dir, P("up"), true, &st), EPERM);
    /* a hard link to a link is a link: it leads nowhere either */
    assert_int_equal(wasi_file_link(dir, P("up"), dir, P("up2")), 0);
    assert_int_equal(wasi_file_stat_at(dir, P("up2"), true, &st), EPERM);
    assert_int_equal(wasi_file_unlink(dir, P("up2")), 0);
    wasi_release(dir);
}

static void directories_are_read_in_pieces(void **state)
{
    wasi_file *dir = grant(true), *many;
    wasi_dir_reader *reader;
    wasi_dir_entry entry;
    wasi_open_how how = {.read = true, .directory = true};
    assert_int_equal(wasi_file_mkdir(dir, P("many")), 0);
    for (int i = 0; i < 300; i++) {
        char name[32];
        snprintf(name, sizeof name, "many/entry-%03d", i);
        write_file(name, "");
    }
    assert_int_equal(wasi_file_open(dir, P("many"), &how, &many), 0);
    assert_int_equal(wasi_dir_open(many, &reader), 0);
    int count = 0, error;
    uint64_t middle = 0;
    while (!(error = wasi_dir_next(reader, &entry)))
        if (++count == 100)
            middle = entry.next;
    assert_int_equal(error, ENOENT);
    assert_int_equal(count, 302); /* with . and .. */
    assert_int_equal(wasi_dir_seek(reader, middle), 0);
    while (!wasi_dir_next(reader, &entry))
        count--;
    assert_int_equal(count, 100);
    wasi_release(reader);
    wasi_release(many);
    wasi_release(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kernel_keeps_paths_inside),
        cmocka_unit_test(the_walk_keeps_paths_inside),
        cmocka_unit_test(a_nul_byte_is_refused),
        cmocka_unit_test(a_long_path_is_refused),
        cmocka_unit_test(a_swapped_link_leads_nowhere),
        cmocka_unit_test(a_read_only_grant_changes_nothing),
        cmocka_unit_test(entries_cannot_be_made_or_moved_outside),
        cmocka_unit_test(links_are_read_and_not_followed),
        cmocka_unit_test(directories_are_read_in_pieces),
    };
    return cmocka_run_group_tests_name("wasi_path", tests, set_up, tear_down);
}
