/*
 * stream.c - byte streams over descriptors, beneath wasi:io/streams.
 *
 * Guests see non-blocking streams.  Descriptors inherited from a parent (a
 * terminal, a pipe) must not be switched to O_NONBLOCK, since that flag is
 * shared with other processes; so each kind of descriptor has its own way of
 * moving only what it can move now.  What a write could not place is kept in
 * the stream (at most one permit's worth) and goes out first.
 */
#include "wasi/io.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    STREAM_PERMIT = 64 << 10,
    FILE_PERMIT = 1 << 20,
};

static ssize_t input_failed(wasi_input *in)
{
    if (errno == EAGAIN || errno == EINTR)
        return 0;
    in->error = errno;
    return WASI_FAILED;
}

static ssize_t output_failed(wasi_output *out)
{
    if (errno == EAGAIN || errno == EINTR)
        return 0;
    out->error = errno;
    return errno == EPIPE ? WASI_CLOSED : WASI_FAILED;
}

/* ---- the kinds of descriptor ------------------------------------------- */

static bool readable_now(int fd)
{
    return wasi_wait_ready(
        &(wasi_wait){.fd = fd, .events = POLLIN, .deadline = WASI_NEVER});
}

static ssize_t fd_read(wasi_input *in, void *buf, size_t len)
{
    if (!readable_now(in->fd))
        return 0;
    ssize_t n = read(in->fd, buf, len);
    return n > 0 ? n : n == 0 ? WASI_CLOSED : input_failed(in);
}

static ssize_t socket_read(wasi_input *in, void *buf, size_t len)
{
    ssize_t n = recv(in->fd, buf, len, MSG_DONTWAIT);
    return n > 0 ? n : n == 0 ? WASI_CLOSED : input_failed(in);
}

static ssize_t file_read(wasi_input *in, void *buf, size_t len)
{
    if (in->offset > INT64_MAX) {
        errno = EINVAL;
        return input_failed(in);
    }
    ssize_t n = pread(in->fd, buf, len, (off_t)in->offset);
    if (n < 0)
        return input_failed(in);
    in->offset += (uint64_t)n;
    return n ? n : WASI_CLOSED;
}

static void fd_prepare_read(wasi_input *in, wasi_wait *wait)
{
    wait->fd = in->fd;
    wait->events = POLLIN;
}

static void file_prepare_read(wasi_input *in, wasi_wait *wait)
{
    wait->ready = true;
}

static ssize_t fd_write(wasi_output *out, const void *buf, size_t len)
{
    ssize_t n = write(out->fd, buf, len);
    return n >= 0 ? n : output_failed(out);
}

/* A blocking pipe takes PIPE_BUF bytes without waiting once it polls ready;
 * kernels that know RWF_NOWAIT for pipes move more at a time. */
static ssize_t pipe_write(wasi_output *out, const void *buf, size_t len)
{
    struct iovec part = {(void *)buf, len};
    ssize_t n = pwritev2(out->fd, &part, 1, -1, RWF_NOWAIT);
    if (n >= 0 || errno != EOPNOTSUPP)
        return n >= 0 ? n : output_failed(out);
    wasi_wait wait = {.fd = out->fd, .events = POLLOUT, .deadline = WASI_NEVER};
    if (!wasi_wait_ready(&wait))
        return 0;
    return fd_write(out, buf, len < PIPE_BUF ? len : PIPE_BUF);
}

static ssize_t socket_write(wasi_output *out, const void *buf, size_t len)
{
    ssize_t n = send(out->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n >= 0 ? n : output_failed(out);
}

static ssize_t file_write(wasi_output *out, const void *buf, size_t len)
{
    ssize_t n;
    if (out->offset == UINT64_MAX) {
        struct iovec part = {(void *)buf, len};
        n = pwritev2(out->fd, &part, 1, 0, RWF_APPEND);
    } else if (out->offset > INT64_MAX) {
        errno = EFBIG;
        n = -1;
    } else {
        n = pwrite(out->fd, buf, len, (off_t)out->offset);
        if (n > 0)
            out->offset += (uint64_t)n;
    }
    return n >= 0 ? n : output_failed(out);
}

static void fd_prepare_write(wasi_output *out, wasi_wait *wait)
{
    wait->fd = out->fd;
    wait->events = POLLOUT;
}

static void file_prepare_write(wasi_output *out, wasi_wait *wait)
{
    wait->ready = true;
}

static const wasi_input_ops fd_input = {fd_read, fd_prepare_read};
static const wasi_input_ops socket_input = {socket_read, fd_prepare_read};
static const wasi_input_ops file_input = {file_read, file_prepare_read};
static const wasi_output_ops fd_output = {fd_write, fd_prepare_write,
                                          STREAM_PERMIT};
static const wasi_output_ops pipe_output = {pipe_write, fd_prepare_write,
                                            STREAM_PERMIT};
static const wasi_output_ops socket_output = {socket_write, fd_prepare_write,
                                              STREAM_PERMIT};
static const wasi_output_ops file_output = {file_write, file_prepare_write,
                                            FILE_PERMIT};

static const struct {
    mode_t type;
    const wasi_input_ops *input;
    const wasi_output_ops *output;
} kinds[] = {
    {S_IFSOCK, &socket_input, &socket_output},
    {S_IFIFO, &fd_input, &pipe_output},
    {0, &fd_input, &fd_output}, /* terminals, devices, files as stdio */
};

static size_t kind_of(int fd)
{
    struct stat st;
    mode_t type = fd >= 0 && !fstat(fd, &st) ? st.st_mode & S_IFMT : 0;
    size_t kind = 0;
    while (kinds[kind].type && kinds[kind].type != type)
        kind++;
    return kind;
}

/* ---- creation ---------------------------------------------------------- */

static void close_owned(void *owner, int fd)
{
    if (owner)
        wasi_release(owner);
    else if (fd >= 0)
        close(fd);
}

void wasi_input_finish(void *self)
{
    wasi_input *in = self;
    close_owned(in->owner, in->fd);
    free(in);
}

void wasi_output_finish(void *self)
{
    wasi_output *out = self;
    close_owned(out->owner, out->fd);
    free(out->pending);
    free(out);
}

void *wasi_input_create_ops(size_t size, const wasi_input_ops *ops,
                            void (*finish)(void *self))
{
    wasi_input *in = wasi_object_create(size, finish);
    if (!in)
        return NULL;
    in->ops = ops;
    in->fd = -1;
    return in;
}

void *wasi_output_create_ops(size_t size, const wasi_output_ops *ops,
                             void (*finish)(void *self))
{
    wasi_output *out = wasi_object_create(size, finish);
    if (!out)
        return NULL;
    out->ops = ops;
    out->fd = -1;
    return out;
}

static wasi_input *input_over(const wasi_input_ops *ops, int fd, void *owner)
{
    wasi_input *in = wasi_input_create_ops(sizeof *in, ops, wasi_input_finish);
    if (!in)
        return NULL;
    in->fd = fd;
    in->owner = owner ? wasi_retain(owner) : NULL;
    in->closed = fd < 0;
    in->network = ops == &socket_input;
    return in;
}

static wasi_output *output_over(const wasi_output_ops *ops, int fd, void *owner)
{
    wasi_output *out =
        wasi_output_create_ops(sizeof *out, ops, wasi_output_finish);
    if (!out)
        return NULL;
    out->fd = fd;
    out->owner = owner ? wasi_retain(owner) : NULL;
    out->closed = fd < 0;
    out->network = ops == &socket_output;
    return out;
}

wasi_input *wasi_input_create(int fd, void *owner)
{
    return input_over(kinds[kind_of(fd)].input, fd, owner);
}

wasi_output *wasi_output_create(int fd, void *owner)
{
    return output_over(kinds[kind_of(fd)].output, fd, owner);
}

wasi_input *wasi_input_create_file(int fd, void *owner, uint64_t offset)
{
    wasi_input *in = input_over(&file_input, fd, owner);
    if (in)
        in->offset = offset;
    return in;
}

wasi_output *wasi_output_create_file(int fd, void *owner, uint64_t offset)
{
    wasi_output *out = output_over(&file_output, fd, owner);
    if (out)
        out->offset = offset;
    return out;
}

static bool input_closed(const wasi_input *in)
{
    return in->closed || (in->shut && *in->shut);
}

static bool output_closed(const wasi_output *out)
{
    return out->closed || (out->shut && *out->shut);
}

/* ---- reading ----------------------------------------------------------- */

ssize_t wasi_input_read(wasi_input *in, void *buf, size_t len)
{
    if (input_closed(in))
        return WASI_CLOSED;
    if (!len)
        return 0;
    ssize_t n = in->ops->read(in, buf, len);
    if (n < 0)
        in->closed = true;
    return n;
}

void wasi_input_prepare(void *self, wasi_wait *wait)
{
    wasi_input *in = self;
    if (input_closed(in))
        wait->ready = true;
    else
        in->ops->prepare(in, wait);
}

/* ---- writing ----------------------------------------------------------- */

/* Writes until done or the descriptor takes no more; bytes, or negative. */
static ssize_t push(wasi_output *out, const uint8_t *buf, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = out->ops->write(out, buf + done, len - done);
        if (n < 0) {
            out->closed = true;
            return n;
        }
        if (!n)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

ssize_t wasi_output_flush(wasi_output *out)
{
    if (output_closed(out))
        return WASI_CLOSED;
    if (!out->pending_len)
        return 1;
    ssize_t n = push(out, out->pending + out->pending_at, out->pending_len);
    if (n < 0)
        return n;
    out->pending_at += (size_t)n;
    out->pending_len -= (size_t)n;
    if (out->pending_len)
        return 0;
    free(out->pending);
    out->pending = NULL;
    return 1;
}

ssize_t wasi_output_check(wasi_output *out)
{
    ssize_t flushed = wasi_output_flush(out);
    if (flushed <= 0)
        return flushed;
    wasi_wait wait = {.fd = -1, .deadline = WASI_NEVER};
    out->ops->prepare(out, &wait);
    return wasi_wait_ready(&wait) ? (ssize_t)out->ops->permit : 0;
}

static ssize_t keep(wasi_output *out, const uint8_t *buf, size_t len)
{
    size_t old = out->pending_len;
    uint8_t *all = malloc(old + len);
    if (!all) {
        out->error = ENOMEM;
        out->closed = true;
        return WASI_FAILED;
    }
    if (old)
        memcpy(all, out->pending + out->pending_at, old);
    memcpy(all + old, buf, len);
    free(out->pending);
    out->pending = all;
    out->pending_at = 0;
    out->pending_len = old + len;
    return (ssize_t)len;
}

ssize_t wasi_output_write(wasi_output *out, const void *buf, size_t len)
{
    ssize_t flushed = wasi_output_flush(out);
    if (flushed < 0)
        return flushed;
    ssize_t n = flushed ? push(out, buf, len) : 0;
    if (n < 0)
        return n;
    if ((size_t)n < len &&
        keep(out, (const uint8_t *)buf + n, len - (size_t)n) < 0)
        return WASI_FAILED;
    return (ssize_t)len;
}

ssize_t wasi_output_take(wasi_output *out, const void *buf, size_t len)
{
    wasi_wait wait = {.fd = -1, .deadline = WASI_NEVER};
    if (output_closed(out))
        return WASI_CLOSED;
    out->ops->prepare(out, &wait);
    if (!wasi_wait_ready(&wait))
        return 0;
    ssize_t n = out->ops->write(
        out, buf, len < out->ops->permit ? len : out->ops->permit);
    if (n < 0)
        out->closed = true;
    return n;
}

void wasi_output_prepare(void *self, wasi_wait *wait)
{
    wasi_output *out = self;
    if (output_closed(out))
        wait->ready = true;
    else
        out->ops->prepare(out, wait);
}
