/* msg.c - fixed-size messages and descriptors over SOCK_SEQPACKET sockets. */
#include "wasi/msg.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int msg_pair(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) ? -errno
                                                                       : 0;
}

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(MSG_MAX_FDS * sizeof(int))];
};

int msg_send(int fd, const void *head, size_t size, const void *data,
             size_t size2, const int *fds, size_t nfds, int flags)
{
    union control control = {0};
    struct iovec parts[2] = {{(void *)head, size}, {(void *)data, size2}};
    struct msghdr msg = {.msg_iov = parts, .msg_iovlen = size2 ? 2 : 1};
    if (nfds > MSG_MAX_FDS)
        return -EINVAL;
    if (nfds) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
    }
    ssize_t sent;
    do
        sent = sendmsg(fd, &msg, flags | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

/* Moves the received descriptors to `fds`; false if there were too many. */
static bool take_fds(struct msghdr *msg, int *fds, size_t max)
{
    size_t count = 0;
    bool fits = !(msg->msg_flags & MSG_CTRUNC);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (count < max) {
                fds[count++] = fd;
            } else {
                close(fd);
                fits = false;
            }
        }
    }
    return fits;
}

ssize_t msg_recv(int fd, void *head, size_t size, void *data, size_t size2,
                 int *fds, size_t max, int flags)
{
    union control control;
    /* recvmsg writes what cppcheck thinks it reads. */
    /* cppcheck-suppress ctuuninitvar */
    struct iovec parts[2] = {{head, size}, {data, size2}};
    struct msghdr msg = {.msg_iov = parts,
                         .msg_iovlen = size2 ? 2 : 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};
    for (size_t i = 0; i < max; i++)
        fds[i] = -1;
    ssize_t got;
    do
        got = recvmsg(fd, &msg, flags | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    bool fits = take_fds(&msg, fds, max) && !(msg.msg_flags & MSG_TRUNC) &&
                (size_t)got >= size;
    if (fits)
        return got - (ssize_t)size;
    for (size_t i = 0; i < max; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
    return got ? -EBADMSG : -EPIPE;
}
