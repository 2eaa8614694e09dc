/* wire.c - the message table, and sending and receiving: see wire.h. */
#include "gfx/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static const struct {
    const char *name; /* NULL: no such type */
    enum gfx_side from;
    uint16_t tail_max;
} table[GFX_MSG_TYPES] = {
    [GFX_REQ_CREATE] = {"create", GFX_FROM_APP, GFX_TITLE_MAX},
    [GFX_REQ_DESTROY] = {"destroy", GFX_FROM_APP, 0},
    [GFX_REQ_PRESENT] = {"present", GFX_FROM_APP, 0},
    [GFX_REQ_FRAME] = {"request-frame", GFX_FROM_APP, 0},
    [GFX_REQ_TITLE] = {"set-title", GFX_FROM_APP, GFX_TITLE_MAX},
    [GFX_REQ_SIZE] = {"set-size", GFX_FROM_APP, 0},
    [GFX_REQ_CURSOR] = {"set-cursor", GFX_FROM_APP, 0},
    [GFX_REQ_MENUS] = {"set-menus", GFX_FROM_APP, GFX_MENUS_MAX},
    [GFX_REQ_ATTENTION] = {"request-attention", GFX_FROM_APP, 0},
    [GFX_REQ_HIDE] = {"hide", GFX_FROM_APP, 0},
    [GFX_REQ_PONG] = {"pong", GFX_FROM_APP, 0},
    [GFX_REQ_SYNC] = {"sync", GFX_FROM_APP, 0},
    [GFX_REQ_CLIP_SET] = {"clipboard-set", GFX_FROM_APP, GFX_TAIL_MAX},
    [GFX_REQ_CLIP_GET] = {"clipboard-get", GFX_FROM_APP, 0},
    [GFX_REQ_RESUME] = {"resume", GFX_FROM_APP, 0},

    [GFX_REQ_PANEL_MOVE] = {"panel-move", GFX_FROM_SHELL, 0},
    [GFX_REQ_PANEL_SHOW] = {"panel-show", GFX_FROM_SHELL, 0},
    [GFX_REQ_WATCH] = {"watch", GFX_FROM_SHELL, 0},
    [GFX_REQ_PERFORM] = {"perform", GFX_FROM_SHELL, 0},
    [GFX_REQ_CHOOSE] = {"choose-menu", GFX_FROM_SHELL, 0},
    [GFX_REQ_TRANSFORM] = {"transform", GFX_FROM_SHELL, 0},
    [GFX_REQ_DOCK_ICON] = {"dock-icon", GFX_FROM_SHELL, 32},
    [GFX_REQ_SHORTCUT] = {"shortcut", GFX_FROM_SHELL, 0},
    [GFX_REQ_HANDLED] = {"handled", GFX_FROM_SHELL, 0},
    [GFX_REQ_SPACES] = {"spaces", GFX_FROM_SHELL, 0},
    [GFX_REQ_MENUS_GET] = {"menus-get", GFX_FROM_SHELL, 0},
    [GFX_REQ_THUMBNAIL] = {"thumbnail", GFX_FROM_SHELL, 0},
    [GFX_REQ_DUMP] = {"dump", GFX_FROM_SHELL, 0},

    [GFX_EV_CONFIGURE] = {"configure", GFX_FROM_COMPOSITOR, 0},
    [GFX_EV_KEY] = {"key", GFX_FROM_COMPOSITOR, 0},
    [GFX_EV_POINTER] = {"pointer", GFX_FROM_COMPOSITOR, 0},
    [GFX_EV_SCROLL] = {"scroll", GFX_FROM_COMPOSITOR, 0},
    [GFX_EV_FOCUS] = {"focus", GFX_FROM_COMPOSITOR, 0},
    [GFX_EV_MENU] = {"menu", GFX_FROM_COMPOSITOR, 0},
    [GFX_EV_FRAME] = {"frame", GFX_FROM_COMPOSITOR, 0},
    [GFX_EV_CLOSE] = {"close", GFX_FROM_COMPOSITOR, 0},
    [GFX_EV_QUIT] = {"quit", GFX_FROM_COMPOSITOR, 0},
    [GFX_EV_OUTSIDE] = {"outside", GFX_FROM_COMPOSITOR, 0},
    [GFX_EV_PING] = {"ping", GFX_FROM_COMPOSITOR, 0},
    [GFX_EV_REPLY] = {"reply", GFX_FROM_COMPOSITOR, GFX_TAIL_MAX},
    [GFX_EV_REFUSED] = {"refused", GFX_FROM_COMPOSITOR, 0},
    [GFX_EV_RESTARTED] = {"restarted", GFX_FROM_COMPOSITOR, 0},
    [GFX_EV_SCREEN] = {"screen", GFX_FROM_COMPOSITOR, 0},
    [GFX_EV_WINDOW] = {"window", GFX_FROM_COMPOSITOR, 32 + GFX_TITLE_MAX},
    [GFX_EV_WINDOW_GONE] = {"window-gone", GFX_FROM_COMPOSITOR, 0},
    [GFX_EV_MENUS_CHANGED] = {"menus-changed", GFX_FROM_COMPOSITOR, 0},
    [GFX_EV_SHORTCUT] = {"shortcut", GFX_FROM_COMPOSITOR, 0},
    [GFX_EV_MENU_SHORTCUT] = {"menu-shortcut", GFX_FROM_COMPOSITOR, 0},
    [GFX_EV_SPACES] = {"spaces", GFX_FROM_COMPOSITOR, 0},
    [GFX_EV_REVEAL] = {"reveal", GFX_FROM_COMPOSITOR, 0},
};

const char *gfx_wire_name(uint32_t type)
{
    if (type >= GFX_MSG_TYPES || !table[type].name)
        return "unknown";
    return table[type].name;
}

bool gfx_wire_send(int socket, const struct gfx_msg *msg, const void *tail,
                   size_t len, int fd)
{
    struct iovec iov[2] = {{(void *)(uintptr_t)msg, sizeof *msg},
                           {(void *)(uintptr_t)tail, len}};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = len ? 2 : 1};
    if (fd >= 0) {
        m.msg_control = &control;
        m.msg_controllen = sizeof control;
        control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd),
                                          .cmsg_level = SOL_SOCKET,
                                          .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    }
    ssize_t n;
    do
        n = sendmsg(socket, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n >= 0;
}

/* Keeps the first descriptor, closes any others. */
static int take_descriptor(struct msghdr *m)
{
    int kept = -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (kept < 0)
                kept = fd;
            else
                close(fd);
        }
    }
    return kept;
}

static bool acceptable(enum gfx_side from, const struct gfx_msg *msg,
                       size_t tail)
{
    if (msg->type >= GFX_MSG_TYPES || !table[msg->type].name ||
        tail > table[msg->type].tail_max)
        return false;
    if (from == GFX_FROM_COMPOSITOR)
        return table[msg->type].from == GFX_FROM_COMPOSITOR;
    return table[msg->type].from <= from;
}

enum gfx_wire_status gfx_wire_recv(int socket, enum gfx_side from,
                                   struct gfx_msg *msg, char *tail, size_t *len,
                                   int *fd)
{
    struct iovec iov[2] = {{msg, sizeof *msg}, {tail, GFX_TAIL_MAX}};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(4 * sizeof(int))];
    } control;
    struct msghdr m = {.msg_iov = iov,
                       .msg_iovlen = 2,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    ssize_t n;
    do
        n = recvmsg(socket, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    *fd = -1;
    if (n < 0)
        return errno == EAGAIN ? GFX_WIRE_EMPTY : GFX_WIRE_CLOSED;
    if (n == 0)
        return GFX_WIRE_CLOSED;
    *fd = take_descriptor(&m);
    *len = n > (ssize_t)sizeof *msg ? (size_t)n - sizeof *msg : 0;
    tail[*len] = 0;
    if (n >= (ssize_t)sizeof *msg && !(m.msg_flags & MSG_TRUNC) &&
        acceptable(from, msg, *len) && (*fd < 0 || from == GFX_FROM_COMPOSITOR))
        return GFX_WIRE_OK;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return GFX_WIRE_BAD;
}
