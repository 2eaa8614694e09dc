/* harness.c - see harness.h. */
#include "tests/desktop/harness.h"
#include "gfx/compositor.h"
#include "gfx/session.h"
#include "supervisor/jail.h"

#include <linux/input-event-codes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
    printf("Bail out! %s\n", what);
    exit(1);
}

static void launch(struct desk *desk)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        die("no socket pair");
    fflush(stdout);
    desk->pid = fork();
    if (desk->pid == 0) {
        int session = desk->session;
        int keep[5] = {0, 1, 2, pair[1], session};
        jail_close_others(keep, 5);
        struct compositor_config config = {.control_fd = pair[1],
                                           .session_fd = session,
                                           .headless = true,
                                           .width = desk->width,
                                           .height = desk->height};
        exit(compositor_main(&config));
    }
    close(pair[1]);
    desk->control = pair[0];
    desk_expect(desk, GFX_CONTROL_FIRST_FRAME, NULL);
}

void desk_start(struct desk *desk, int width, int height)
{
    *desk = (struct desk){.width = width, .height = height};
    desk->session = gfx_session_create();
    launch(desk);
}

void desk_kill(struct desk *desk)
{
    kill(desk->pid, SIGKILL);
    waitpid(desk->pid, NULL, 0);
    close(desk->control);
}

void desk_again(struct desk *desk)
{
    launch(desk);
}

int desk_stop(struct desk *desk)
{
    int status = 0;
    desk_send(desk, GFX_CONTROL_STOP, 0, 0);
    waitpid(desk->pid, &status, 0);
    close(desk->control);
    close(desk->session);
    free(desk->state);
    gfx_image_finish(&desk->screen);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void send_fd(struct desk *desk, const struct gfx_control *msg, int fd)
{
    struct iovec iov = {(void *)(uintptr_t)msg, sizeof *msg};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fd >= 0) {
        m.msg_control = &control;
        m.msg_controllen = sizeof control;
        control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd),
                                          .cmsg_level = SOL_SOCKET,
                                          .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    }
    if (sendmsg(desk->control, &m, MSG_NOSIGNAL) < 0)
        die("the compositor is gone");
}

void desk_send(struct desk *desk, uint32_t type, int a, int b)
{
    struct gfx_control msg = {.type = type, .a = a, .b = b};
    send_fd(desk, &msg, -1);
}

/* One message, if there is one within the time; its descriptor or -1. */
static bool take(struct desk *desk, struct gfx_control *msg, int *fd, int ms)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct pollfd p = {.fd = desk->control, .events = POLLIN};
    if (poll(&p, 1, ms) < 1)
        return false;
    struct iovec iov = {msg, sizeof *msg};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    if (recvmsg(desk->control, &m, MSG_CMSG_CLOEXEC) != sizeof *msg)
        die("the compositor died");
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    *fd = -1;
    if (c)
        memcpy(fd, CMSG_DATA(c), sizeof *fd);
    return true;
}

struct gfx_control desk_expect(struct desk *desk, uint32_t type, int *fd)
{
    struct gfx_control msg;
    int got;
    for (;;) {
        if (!take(desk, &msg, &got, 20000))
            die("no answer from the compositor in twenty seconds");
        if (msg.type == type && fd)
            *fd = got;
        else if (got >= 0)
            close(got);
        if (msg.type == type)
            return msg;
        if (desk->other)
            desk->other(desk, &msg);
    }
}

void desk_listen(struct desk *desk)
{
    struct gfx_control msg;
    int got;
    while (take(desk, &msg, &got, 0)) {
        if (got >= 0)
            close(got);
        if (desk->other)
            desk->other(desk, &msg);
    }
}

/* ---- clients --------------------------------------------------------------
 */

void desk_hand_over(struct desk *desk, const char *app, uint32_t flags, int fd,
                    uint32_t instance)
{
    struct gfx_control msg = {
        .type = GFX_CONTROL_CLIENT, .instance = instance, .flags = flags};
    strncpy(msg.app, app, sizeof msg.app - 1);
    strncpy(msg.title, app, sizeof msg.title - 1);
    send_fd(desk, &msg, fd);
}

void desk_adopt(struct desk *desk, const char *app, uint32_t flags, int fd)
{
    desk_hand_over(desk, app, flags, fd, ++desk->next_instance);
}

int desk_connect_raw(struct desk *desk, const char *app, bool shell)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        die("no socket pair");
    desk_adopt(desk, app, shell ? GFX_CLIENT_SHELL : 0, pair[1]);
    close(pair[1]);
    return pair[0];
}

struct gfx_display *desk_connect(struct desk *desk, const char *app, bool shell)
{
    char why[256];
    if (!gfx_fonts_load(NULL, why, sizeof why))
        die(why);
    return gfx_display_create(desk_connect_raw(desk, app, shell));
}

struct gfx_surface *desk_window(struct gfx_display *d, const char *title,
                                int width, int height, uint32_t flags)
{
    struct gfx_msg msg = {0};
    enum gfx_create_error error;
    msg.create.kind = GFX_WINDOW;
    msg.create.flags = flags;
    msg.create.width = width;
    msg.create.height = height;
    struct gfx_surface *s =
        gfx_surface_create(d, &msg, title, strlen(title), &error);
    if (!s)
        die("no window");
    return s;
}

void desk_roundtrip(struct gfx_display *d)
{
    struct gfx_msg msg = {.type = GFX_REQ_CLIP_GET}, reply;
    int fd;
    if (!gfx_display_call(d, &msg, NULL, 0, &reply, NULL, &fd))
        die("the compositor does not answer a client");
}

bool surface_wait(struct gfx_display *d, struct gfx_surface *s, uint32_t type,
                  struct gfx_msg *event)
{
    struct pollfd p = {.fd = gfx_display_fd(d), .events = POLLIN};
    do {
        gfx_display_dispatch(d);
        while (gfx_surface_event(s, event))
            if (event->type == type)
                return true;
    } while (poll(&p, 1, 2000) > 0);
    return false;
}

/* ---- input ----------------------------------------------------------------
 */

void desk_pointer(struct desk *desk, int x, int y)
{
    desk_send(desk, GFX_CONTROL_POINTER, x, y);
}

void desk_button(struct desk *desk, bool down)
{
    desk_send(desk, GFX_CONTROL_BUTTON, BTN_LEFT, down);
}

void desk_click(struct desk *desk, int x, int y)
{
    desk_pointer(desk, x, y);
    desk_button(desk, true);
    desk_button(desk, false);
}

void desk_key(struct desk *desk, int code, bool down)
{
    desk_send(desk, GFX_CONTROL_KEY, code, down);
}

void desk_tap(struct desk *desk, int code)
{
    desk_key(desk, code, true);
    desk_key(desk, code, false);
}

void desk_sync(struct desk *desk)
{
    desk_send(desk, GFX_CONTROL_SYNC, 0, 0);
    desk_expect(desk, GFX_CONTROL_SYNCED, NULL);
}

/* ---- looking --------------------------------------------------------------
 */

static int take_picture(struct desk *desk, bool bare)
{
    struct gfx_control msg = {.type = GFX_CONTROL_SCREENSHOT, .a = bare};
    int fd = memfd_create("shot", MFD_CLOEXEC);
    send_fd(desk, &msg, fd);
    if (desk_expect(desk, GFX_CONTROL_SHOT, NULL).a)
        die("no screenshot");
    return fd;
}

static void *read_all(int fd, size_t *len)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *data = calloc(1, (size_t)size + 1);
    if (pread(fd, data, (size_t)size, 0) != size)
        die("short read");
    close(fd);
    *len = (size_t)size;
    return data;
}

void desk_look(struct desk *desk)
{
    size_t len, n = (size_t)desk->width * (size_t)desk->height;
    uint32_t *pixels = read_all(take_picture(desk, true), &len);
    if (len != n * sizeof *pixels)
        die("the picture has another size");
    if (!desk->screen.pixels &&
        !gfx_image_init(&desk->screen, desk->width, desk->height))
        die("no memory");
    for (int y = 0; y < desk->height; y++)
        for (int x = 0; x < desk->width; x++)
            desk->screen.pixels[(size_t)y * desk->screen.stride + x] =
                pixels[y * desk->width + x] & 0xffffff;
    free(pixels);
}

uint32_t desk_pixel(const struct desk *desk, int x, int y)
{
    return desk->screen.pixels[(size_t)y * desk->screen.stride + x];
}

void desk_save(struct desk *desk, const char *path)
{
    size_t len;
    void *png = read_all(take_picture(desk, false), &len);
    FILE *out = fopen(path, "wb");
    if (!out || fwrite(png, 1, len, out) != len || fclose(out))
        die("cannot write the picture");
    free(png);
}

const char *desk_state(struct desk *desk)
{
    int fd = -1;
    size_t len;
    desk_send(desk, GFX_CONTROL_DUMP, 0, 0);
    desk_expect(desk, GFX_CONTROL_DUMPED, &fd);
    free(desk->state);
    desk->state = read_all(fd, &len);
    return desk->state;
}

/* The text after `key` in the surface with this title; NULL. */
static const char *field(struct desk *desk, const char *title, const char *key)
{
    char name[128];
    snprintf(name, sizeof name, "\"title\": \"%s\"", title);
    const char *at = strstr(desk_state(desk), name);
    const char *end = at ? strchr(at, '}') : NULL;
    snprintf(name, sizeof name, "\"%s\": ", key);
    at = at ? strstr(at, name) : NULL;
    return at && at < end ? at + strlen(name) : NULL;
}

bool desk_rect(struct desk *desk, const char *title, const char *key,
               int rect[4])
{
    const char *at = field(desk, title, key);
    return at && sscanf(at, "[%d, %d, %d, %d]", &rect[0], &rect[1], &rect[2],
                        &rect[3]) == 4;
}

bool desk_flag(struct desk *desk, const char *title, const char *key)
{
    const char *at = field(desk, title, key);
    return at && !strncmp(at, "true", 4);
}

int desk_redraw_differs(struct desk *desk)
{
    desk_sync(desk);
    desk_look(desk);
    size_t n = (size_t)desk->screen.width * (size_t)desk->screen.height;
    uint32_t *before = malloc(n * sizeof *before);
    memcpy(before, desk->screen.pixels, n * sizeof *before);
    desk_send(desk, GFX_CONTROL_REDRAW, 0, 0);
    desk_sync(desk);
    desk_look(desk);
    int differ = 0;
    for (size_t i = 0; i < n; i++)
        differ += before[i] != desk->screen.pixels[i];
    free(before);
    return differ;
}

void desk_drag(struct desk *desk, int x0, int y0, int x1, int y1)
{
    desk_pointer(desk, x0, y0);
    desk_button(desk, true);
    desk_pointer(desk, (x0 + x1) / 2, (y0 + y1) / 2);
    desk_pointer(desk, x1, y1);
    desk_button(desk, false);
    desk_sync(desk);
}

struct gfx_surface *desk_panel(struct gfx_display *d, struct gfx_msg *msg)
{
    enum gfx_create_error error;
    msg->create.kind = GFX_PANEL;
    struct gfx_surface *s = gfx_surface_create(d, msg, "panel", 5, &error);
    if (!s)
        die("no panel");
    return s;
}

void fill(struct gfx_surface *s, uint32_t color)
{
    gfx_canvas_clear(gfx_surface_canvas(s), color);
    gfx_surface_present(s);
}

/* ---- TAP ------------------------------------------------------------------
 */

static int count, failed;

void tap(bool ok, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    printf("%sok %d - ", ok ? "" : "not ", ++count);
    vprintf(fmt, args);
    printf("\n");
    fflush(stdout);
    va_end(args);
    failed += !ok;
}

int tap_end(void)
{
    printf("1..%d\n", count);
    return failed != 0;
}
