/*
 * msg.h - fixed-size messages and descriptors over SOCK_SEQPACKET sockets:
 * the one way in which the processes of the system talk.  A message arrives
 * whole or not at all; its size is checked here, its fields by the receiver.
 */
#ifndef VYOMA_MSG_H
#define VYOMA_MSG_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { MSG_MAX_FDS = 16 };

/* Both ends close-on-exec; 0 or a negative errno. */
int msg_pair(int ends[2]);

/*
 * Sends head and (if size2) a second part as one message, with descriptors
 * (which stay the caller's).  Never raises SIGPIPE.  0, or a negative errno:
 * -EAGAIN when the receiver's queue is full and the socket is non-blocking or
 * `flags` has MSG_DONTWAIT.
 */
int msg_send(int fd, const void *head, size_t size, const void *data,
             size_t size2, const int *fds, size_t nfds, int flags);

/*
 * Receives one message of `size` bytes (at most size2 more go to `data`).
 * Returns the bytes of the second part, or a negative errno: -EPIPE at the
 * other side's end, -EBADMSG for a message of another size or with more than
 * `max` descriptors (all of which are then closed).  Unused entries of fds are
 * -1.  Descriptors are close-on-exec.
 */
ssize_t msg_recv(int fd, void *head, size_t size, void *data, size_t size2,
                 int *fds, size_t max, int flags);

#endif
