/*
 * role.c - what jailed services share: filter, usual limits, jail; and the loop
 * of those that apps are clients of.
 */
#include "supervisor/roles.h"

#include "wasi/msg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

void role_enter(const char *role, uid_t uid, int control)
{
    policy_filter filter;
    int err = policy_compile(policy_find(role)->sets, &filter);
    if (err) {
        dprintf(STDERR_FILENO, "%s: its filter cannot be compiled: %s\n", role,
                strerror(-err));
        _exit(126);
    }
    jail_enter(&(jail){
        .name = role,
        .uid = uid,
        .descriptors = 4096,
        .filter = &filter,
        .report_fd = control,
    });
    policy_filter_finish(&filter);
}

/* ---- clients ----------------------------------------------------------- */

void role_watch(int epoll, int fd, void *client)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = client};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
}

static void announced(const role_service *service)
{
    static client_message message;
    int fd;
    ssize_t rest = msg_recv(service->control, &message, sizeof message, NULL, 0,
                            &fd, 1, MSG_DONTWAIT);
    if (rest == -EPIPE)
        _exit(0);
    if (!rest && fd >= 0)
        service->add(&message, fd);
}

void role_serve(const role_service *service)
{
    role_watch(service->epoll, service->control, NULL);
    for (;;) {
        /* One event at a time: handling it may free another's client. */
        struct epoll_event event;
        if (epoll_wait(service->epoll, &event, 1, -1) < 1)
            continue;
        if (event.data.ptr)
            service->read(event.data.ptr);
        else
            announced(service);
    }
}
