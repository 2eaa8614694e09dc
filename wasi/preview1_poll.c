/*
 * preview1_poll.c - preview 1: poll_oneoff and the sock_ functions (which act
 * on sockets that the host passed in as standard streams).
 */
#include "wasi/preview1.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- poll_oneoff ------------------------------------------------------- */

enum {
    SUBSCRIPTION_SIZE = 48,
    EVENT_SIZE = 32,
    SUBSCRIPTIONS_MAX = 4096,
    TYPE_CLOCK = 0,
    TYPE_FD_READ = 1,
    TYPE_FD_WRITE = 2,
    CLOCK_ABSTIME = 1,
    EVENT_HANGUP = 1,
};

struct subscription {
    uint64_t userdata;
    uint8_t type;
    int error;
};

static uint64_t load(const uint8_t *at, size_t size)
{
    uint64_t value = 0;
    memcpy(&value, at, size);
    return value;
}

static int prepare_clock(const uint8_t *at, wasi_wait *wait)
{
    uint32_t id = (uint32_t)load(at + 16, 4);
    uint64_t timeout = load(at + 24, 8), now = wasi_now_ns();
    if (id > 1)
        return EINVAL;
    wait->fd = -1;
    if (load(at + 40, 2) & CLOCK_ABSTIME) {
        struct timespec wall;
        clock_gettime(id ? CLOCK_MONOTONIC : CLOCK_REALTIME, &wall);
        uint64_t then =
            (uint64_t)wall.tv_sec * 1000000000u + (uint64_t)wall.tv_nsec;
        timeout = timeout > then ? timeout - then : 0;
    }
    if (__builtin_add_overflow(now, timeout, &wait->deadline))
        wait->deadline = WASI_NEVER;
    return 0;
}

static int prepare_fd(p1_call *call, const uint8_t *at, short events,
                      wasi_wait *wait)
{
    p1_fd *fd;
    int error =
        p1_get_fd(call, load(at + 16, 4), P1_RIGHT(POLL_FD_READWRITE), &fd);
    if (error)
        return error;
    wait->fd = fd->file->fd;
    wait->events = events;
    return 0;
}

static void prepare(p1_call *call, const uint8_t *at, struct subscription *sub,
                    wasi_wait *wait)
{
    sub->userdata = load(at, 8);
    sub->type = at[8];
    wait->fd = -1;
    wait->deadline = WASI_NEVER;
    switch (sub->type) {
    case TYPE_CLOCK: sub->error = prepare_clock(at, wait); break;
    case TYPE_FD_READ: sub->error = prepare_fd(call, at, POLLIN, wait); break;
    case TYPE_FD_WRITE: sub->error = prepare_fd(call, at, POLLOUT, wait); break;
    default: sub->error = EINVAL; break;
    }
    if (sub->error)
        wait->ready = true;
}

static void put_event(uint8_t *to, const struct subscription *sub,
                      const wasi_wait *wait)
{
    struct {
        uint64_t userdata;
        uint16_t error;
        uint8_t type, pad[5];
        uint64_t nbytes;
        uint16_t flags, pad2[3];
    } event = {.userdata = sub->userdata,
               .error = wasi_errno_preview1(sub->error),
               .type = sub->type};
    _Static_assert(sizeof event == EVENT_SIZE, "event of the witx");
    int bytes = 0;
    if (!sub->error && sub->type == TYPE_FD_READ) {
        if (!ioctl(wait->fd, FIONREAD, &bytes))
            event.nbytes = (uint64_t)bytes;
        struct pollfd fd = {.fd = wait->fd, .events = POLLIN};
        if (poll(&fd, 1, 0) > 0 && (fd.revents & POLLHUP))
            event.flags = EVENT_HANGUP;
    } else if (!sub->error && sub->type == TYPE_FD_WRITE) {
        event.nbytes = 65536;
    }
    memcpy(to, &event, sizeof event);
}

P1_FN(poll_oneoff)
{
    uint32_t count = P1_U32(args[2]), ready = 0;
    uint8_t *in =
        p1_view(call, P1_U32(args[0]), (uint64_t)count * SUBSCRIPTION_SIZE);
    uint8_t *out = p1_view(call, P1_U32(args[1]), (uint64_t)count * EVENT_SIZE);
    if (!in || !out)
        return EFAULT;
    if (!count || count > SUBSCRIPTIONS_MAX)
        return EINVAL;
    wasi_wait *waits = calloc(count, sizeof *waits);
    struct subscription *subs = calloc(count, sizeof *subs);
    int error = waits && subs ? 0 : ENOMEM;
    for (uint32_t i = 0; !error && i < count; i++)
        prepare(call, in + (size_t)i * SUBSCRIPTION_SIZE, &subs[i], &waits[i]);
    if (!error)
        error = p1_wait(call, waits, count);
    for (uint32_t i = 0; !error && i < count; i++)
        if (waits[i].ready)
            put_event(out + (size_t)ready++ * EVENT_SIZE, &subs[i], &waits[i]);
    free(subs);
    free(waits);
    return error ? error : p1_put_u32(call, P1_U32(args[3]), ready);
}

/* ---- sockets ----------------------------------------------------------- */

static int socket_of(const p1_call *call, vm_slot number, p1_fd **out)
{
    *out = &call->p1->fds[P1_U32(number)];
    struct stat st;
    if (fstat((*out)->file->fd, &st))
        return errno;
    return S_ISSOCK(st.st_mode) ? 0 : ENOTSOCK;
}

P1_FN(sock_accept)
{
    p1_fd *from;
    int error = socket_of(call, args[0], &from);
    if (error)
        return error;
    int fd = accept4(from->file->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return errno;
    p1_fd new = {.file = wasi_file_create_preopen(fd, false),
                 .flags = (uint16_t)(args[1] & P1_FDFLAG_NONBLOCK)};
    if (!new.file)
        return ENOMEM;
    new.file->is_dir = false;
    new.file->writable = true;
    new.rights = p1_file_rights(new.file);
    uint32_t number;
    error = p1_add_fd(call->p1, &new, &number);
    return error ? error : p1_put_u32(call, P1_U32(args[2]), number);
}

/* One message through the guest's list of buffers: fd_read's and fd_write's
 * way of waiting applies here too, so sockets reuse them. */
P1_FN(sock_recv)
{
    p1_fd *fd;
    int error = socket_of(call, args[0], &fd);
    if (!error && (P1_U32(args[3]) & ~3u))
        error = EINVAL;
    if (!error && P1_U32(args[3]))
        error = EOPNOTSUPP; /* peek, waitall */
    if (error)
        return error;
    vm_slot read_args[] = {args[0], args[1], args[2], args[4]};
    error = p1_fd_read(call, read_args);
    if (error)
        return error;
    uint16_t *flags = p1_view(call, P1_U32(args[5]), sizeof *flags);
    if (!flags)
        return EFAULT;
    memset(flags, 0, sizeof *flags);
    return 0;
}

P1_FN(sock_send)
{
    p1_fd *fd;
    int error = socket_of(call, args[0], &fd);
    if (!error && P1_U32(args[3]))
        error = EINVAL;
    if (error)
        return error;
    vm_slot write_args[] = {args[0], args[1], args[2], args[4]};
    return p1_fd_write(call, write_args);
}

P1_FN(sock_shutdown)
{
    static const int hows[] = {-1, SHUT_RD, SHUT_WR, SHUT_RDWR};
    p1_fd *fd;
    int error = socket_of(call, args[0], &fd);
    if (error)
        return error;
    uint32_t how = P1_U32(args[1]);
    if (how == 0 || how > 3)
        return EINVAL;
    return shutdown(fd->file->fd, hows[how]) ? errno : 0;
}
