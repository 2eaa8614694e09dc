/*
 * test_wasi_stream.c - byte streams, waiting, lookups and the errno table,
 * beneath the interfaces that guests see.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wasi/internal.h"
#include "wasi/net.h"

static char big[300000];

static int set_up(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(i * 7 + i / 251);
    return 0;
}

/* A blocking pipe must never block the writer, and nothing may be lost. */
static void a_full_pipe_keeps_the_rest(void **state)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    wasi_output *out = wasi_output_create(ends[1], NULL);
    wasi_input *in = wasi_input_create(ends[0], NULL);
    size_t sent = 0, got = 0;
    static char back[sizeof big];
    ssize_t n;
    while (sent < sizeof big && (n = wasi_output_check(out)) > 0) {
        n = n < 50000 ? n : 50000; /* so that one write is cut */
        size_t part =
            (size_t)n < sizeof big - sent ? (size_t)n : sizeof big - sent;
        assert_int_equal(wasi_output_write(out, big + sent, part), part);
        sent += part;
    }
    assert_true(sent < sizeof big); /* it did fill up */
    assert_int_equal(wasi_output_flush(out), 0);
    while (got < sent) {
        n = wasi_input_read(in, back + got, 10000);
        assert_true(n >= 0);
        got += (size_t)n;
        assert_true(wasi_output_flush(out) >= 0);
    }
    assert_int_equal(got, sent);
    assert_memory_equal(back, big, sent);
    assert_int_equal(wasi_output_flush(out), 1);
    assert_int_equal(wasi_input_read(in, back, 1), 0); /* empty, not ended */
    wasi_release(out);
    assert_int_equal(wasi_input_read(in, back, 1), WASI_CLOSED);
    assert_int_equal(wasi_input_read(in, back, 1), WASI_CLOSED);
    wasi_release(in);
}

static void a_reader_that_went_away_closes(void **state)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    wasi_output *out = wasi_output_create(ends[1], NULL);
    close(ends[0]);
    assert_true(wasi_output_check(out) > 0);
    assert_int_equal(wasi_output_write(out, "x", 1), WASI_CLOSED);
    assert_int_equal(wasi_output_check(out), WASI_CLOSED);
    wasi_release(out);
}

static void sockets_move_what_they_can(void **state)
{
    int ends[2];
    char back[8];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    wasi_output *out = wasi_output_create(ends[1], NULL);
    wasi_input *in = wasi_input_create(ends[0], NULL);
    assert_int_equal(wasi_input_read(in, back, sizeof back), 0);
    assert_int_equal(wasi_output_write(out, "hello", 5), 5);
    wasi_wait wait = {.fd = -1, .deadline = WASI_NEVER};
    wasi_input_prepare(in, &wait);
    assert_int_equal(wasi_wait_one(NULL, &wait), 0);
    assert_int_equal(wasi_input_read(in, back, sizeof back), 5);
    assert_true(in->network && out->network);
    wasi_release(in);
    wasi_release(out);
}

static void files_are_read_and_written_at_offsets(void **state)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    char back[16] = "";
    wasi_output *out = wasi_output_create_file(fd, NULL, 4);
    assert_int_equal(wasi_output_write(out, "4567", 4), 4);
    assert_int_equal(wasi_output_write(out, "89", 2), 2);
    wasi_output *more = wasi_output_create_file(dup(fd), NULL, UINT64_MAX);
    assert_int_equal(wasi_output_write(more, "ab", 2), 2);
    wasi_input *in = wasi_input_create_file(dup(fd), NULL, 5);
    assert_int_equal(wasi_input_read(in, back, sizeof back), 7);
    assert_string_equal(back, "56789ab");
    assert_int_equal(wasi_input_read(in, back, 1), WASI_CLOSED);
    wasi_release(in);
    wasi_release(more);
    wasi_release(out);
}

static void a_closed_standard_stream_is_an_ended_one(void **state)
{
    char c;
    wasi_input *in = wasi_input_create(-1, NULL);
    wasi_output *out = wasi_output_create(-1, NULL);
    assert_int_equal(wasi_input_read(in, &c, 1), WASI_CLOSED);
    assert_int_equal(wasi_output_check(out), WASI_CLOSED);
    wasi_release(in);
    wasi_release(out);
}

static void children_outlive_their_parents(void **state)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    wasi_input *in = wasi_input_create(ends[0], NULL);
    wasi_pollable *pollable = wasi_pollable_create(in, wasi_input_prepare);
    wasi_release(in);
    wasi_wait wait = wasi_pollable_wait(pollable);
    assert_false(wasi_wait_ready(&wait));
    assert_int_equal(write(ends[1], "x", 1), 1);
    wait = wasi_pollable_wait(pollable);
    assert_true(wasi_wait_ready(&wait));
    wasi_release(pollable);
    assert_int_equal(write(ends[1], "x", 1), -1); /* the reader is gone */
    close(ends[1]);
}

static void waiting_ends_at_the_earliest(void **state)
{
    uint64_t start = wasi_now_ns();
    wasi_wait set[40];
    for (int i = 0; i < 40; i++)
        set[i] = (wasi_wait){
            .fd = -1, .deadline = i == 30 ? start + 2000000 : WASI_NEVER};
    assert_int_equal(wasi_wait_any(NULL, set, 40), 0);
    assert_true(wasi_now_ns() >= start + 2000000);
    for (int i = 0; i < 40; i++)
        assert_int_equal(set[i].ready, i == 30);
}

static void what_is_ready_does_not_hide_the_rest(void **state)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    wasi_wait set[] = {
        {.fd = -1, .ready = true, .deadline = WASI_NEVER},
        {.fd = ends[0], .events = POLLIN, .deadline = WASI_NEVER},
        {.fd = ends[0], .events = POLLPRI, .deadline = WASI_NEVER},
    };
    assert_int_equal(wasi_wait_any(NULL, set, 3), 0);
    assert_true(set[0].ready && set[1].ready && !set[2].ready);
    close(ends[0]);
    close(ends[1]);
}

static void an_interrupt_ends_waiting(void **state)
{
    wasi_ctx *ctx;
    wasi_config config = {.stdin_fd = -1,
                          .stdout_fd = -1,
                          .stderr_fd = -1,
                          .display_fd = -1,
                          .ipc_fd = -1,
                          .process_fd = -1};
    assert_int_equal(wasi_ctx_create(&config, &ctx, NULL), VM_OK);
    wasi_wait wait = {.fd = -1, .deadline = WASI_NEVER};
    wasi_ctx_interrupt(ctx);
    assert_int_equal(wasi_wait_one(ctx, &wait), EINTR);
    wasi_ctx_destroy(ctx);
}

/* ---- network ----------------------------------------------------------- */

static int read_answers(int fd, wasi_net_address *out, size_t max)
{
    size_t have = 0;
    ssize_t n;
    while ((n = read(fd, (char *)out + have, max * sizeof *out - have)) > 0)
        have += (size_t)n;
    close(fd);
    assert_int_equal(have % sizeof *out, 0);
    return (int)(have / sizeof *out);
}

static void localhost_resolves(void **state)
{
    wasi_net *net = wasi_net_direct(&(wasi_net_rules){.lookup = true});
    wasi_net_address found[64];
    int fd = net->ops->resolve(net, "localhost", 9);
    assert_true(fd >= 0);
    int n = read_answers(fd, found, 64);
    bool v4 = false;
    for (int i = 0; i < n; i++) {
        assert_int_equal(found[i].error, 0);
        v4 |= found[i].family == AF_INET && found[i].bytes[0] == 127;
    }
    assert_true(v4);
    wasi_net_destroy(net);
}

static void what_is_not_granted_is_refused(void **state)
{
    wasi_net *net = wasi_net_direct(&(wasi_net_rules){.tcp = false});
    assert_int_equal(net->ops->open(net, WASI_NET_TCP, AF_INET), -EACCES);
    assert_int_equal(net->ops->open(net, WASI_NET_UDP, AF_INET6), -EACCES);
    assert_int_equal(net->ops->resolve(net, "localhost", 9), -EACCES);
    wasi_net_destroy(net);
}

/* ---- errno ------------------------------------------------------------- */

static void errnos_have_their_names(void **state)
{
    assert_int_equal(wasi_errno_preview1(0), 0);
    assert_int_equal(wasi_errno_preview1(ENOENT), 44);
    assert_int_equal(wasi_errno_preview1(EXDEV), 75);
    assert_int_equal(wasi_errno_preview1(ENOTCAPABLE), 76);
    assert_int_equal(wasi_errno_filesystem(ENOENT), 20);
    assert_int_equal(wasi_errno_filesystem(EXDEV), 36);
    assert_int_equal(wasi_errno_filesystem(EROFS), 33);
    assert_int_equal(wasi_errno_network(ECONNREFUSED), 14);
    assert_int_equal(wasi_errno_network(EACCES), 1);
    assert_int_equal(wasi_errno_network(12345), 0);
}

/* A process that may have few descriptors may wait for many things. */
static void many_waits_share_few_descriptors(void **state)
{
    enum { MANY = 2000 };
    static wasi_wait set[MANY];
    struct rlimit old, few = {64, 64};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    for (size_t i = 0; i < MANY; i++)
        set[i] = (wasi_wait){.fd = i % 3 ? ends[i % 3 - 1] : -1,
                             .events = i % 3 == 1 ? POLLIN : POLLOUT,
                             .deadline = WASI_NEVER};
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    few.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    int error = wasi_wait_any(NULL, set, MANY);
    setrlimit(RLIMIT_NOFILE, &old);
    assert_int_equal(error, 0);
    for (size_t i = 0; i < MANY; i++) /* the pipe is empty */
        assert_int_equal(set[i].ready, i % 3 == 2);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_pipe_keeps_the_rest),
        cmocka_unit_test(a_reader_that_went_away_closes),
        cmocka_unit_test(sockets_move_what_they_can),
        cmocka_unit_test(files_are_read_and_written_at_offsets),
        cmocka_unit_test(a_closed_standard_stream_is_an_ended_one),
        cmocka_unit_test(children_outlive_their_parents),
        cmocka_unit_test(waiting_ends_at_the_earliest),
        cmocka_unit_test(what_is_ready_does_not_hide_the_rest),
        cmocka_unit_test(an_interrupt_ends_waiting),
        cmocka_unit_test(localhost_resolves),
        cmocka_unit_test(what_is_not_granted_is_refused),
        cmocka_unit_test(errnos_have_their_names),
        cmocka_unit_test(many_waits_share_few_descriptors),
    };
    return cmocka_run_group_tests_name("wasi_stream", tests, set_up, NULL);
}
