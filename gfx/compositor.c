/*
 * compositor.c - the role's main: first frame, jail, then one loop.
 *
 * Each turn takes what has arrived (control, apps, input), and then draws if
 * something is damaged and the last frame is a sixtieth of a second old; else
 * a timer is set for when it will be.  With nothing to do no timer runs.
 */
#include "gfx/compositor.h"
#include "gfx/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define FRAME_NS 16666667ull
#define PING_CHECK_NS 500000000ull
#define EVENTS_PER_TURN 64

int stbi_write_png_to_func(void (*write)(void *, void *, int), void *ctx,
                           int width, int height, int channels,
                           const void *data, int stride);

uint64_t gfx_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

bool server_watch(struct server *s, int fd, void *data, bool writable)
{
    struct epoll_event e = {.events = EPOLLIN | (writable ? EPOLLOUT : 0u),
                            .data.ptr = data};
    if (epoll_ctl(s->epoll, EPOLL_CTL_MOD, fd, &e) == 0)
        return true;
    return errno == ENOENT && epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

void server_unwatch(struct server *s, int fd)
{
    epoll_ctl(s->epoll, EPOLL_CTL_DEL, fd, NULL);
}

void server_wake(struct server *s)
{
    s->wake = true;
}

/* ---- PID 1 ----------------------------------------------------------------
 */

static void send_control(struct server *s, const struct gfx_control *msg,
                         int fd)
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
    while (sendmsg(s->control, &m, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
}

void control_tell(struct server *s, enum gfx_control_type type,
                  uint32_t instance, int a)
{
    struct gfx_control msg = {.type = type, .instance = instance, .a = a};
    send_control(s, &msg, -1);
}

static void on_dump(struct server *s)
{
    struct gfx_control msg = {.type = GFX_CONTROL_DUMPED};
    size_t len = 0;
    char *json = dump_state(s, &len);
    int fd = json ? memfd_with("dump", json, len) : -1;
    send_control(s, &msg, fd);
    if (fd >= 0)
        close(fd);
    free(json);
}

struct png_out {
    int fd;
    bool failed;
};

static void write_png(void *ctx, void *data, int size)
{
    struct png_out *out = ctx;
    for (int at = 0; at < size && !out->failed;) {
        ssize_t n = write(out->fd, (char *)data + at, (size_t)(size - at));
        if (n > 0)
            at += (int)n;
        else if (n == 0 || errno != EINTR)
            out->failed = true;
    }
}

/* For tests, which look often. */
static bool bare_pixels(const struct gfx_image *image, int fd)
{
    struct png_out out = {.fd = fd};
    for (int y = 0; y < image->height; y++)
        write_png(&out, image->pixels + (size_t)y * image->stride,
                  image->width * (int)sizeof *image->pixels);
    return !out.failed;
}

/* PNG wants bytes R, G, B. */
static bool screenshot(const struct gfx_image *image, int fd)
{
    struct png_out out = {.fd = fd};
    size_t n = (size_t)image->width * (size_t)image->height;
    uint8_t *rgb = malloc(n * 3), *to = rgb;
    if (!rgb || fd < 0) {
        free(rgb);
        return false;
    }
    for (int y = 0; y < image->height; y++) {
        const uint32_t *row = image->pixels + (size_t)y * image->stride;
        for (int x = 0; x < image->width; x++, to += 3) {
            to[0] = (uint8_t)(row[x] >> 16);
            to[1] = (uint8_t)(row[x] >> 8);
            to[2] = (uint8_t)row[x];
        }
    }
    int ok = stbi_write_png_to_func(write_png, &out, image->width,
                                    image->height, 3, rgb, image->width * 3);
    free(rgb);
    return ok && !out.failed;
}

/* Nothing is read while a sync is waited for: it orders what follows it. */
static void listen_control(struct server *s, bool listen)
{
    struct epoll_event e = {.events = listen ? EPOLLIN : 0u,
                            .data.ptr = &s->control};
    s->sync_wanted = !listen;
    epoll_ctl(s->epoll, EPOLL_CTL_MOD, s->control, &e);
}

/* Takes the descriptor over. */
static void on_control(struct server *s, const struct gfx_control *msg, int fd)
{
    switch (msg->type) {
    case GFX_CONTROL_CLIENT:
        if (fd >= 0)
            client_add(s, msg, fd);
        return;
    case GFX_CONTROL_DUMP: on_dump(s); break;
    case GFX_CONTROL_SCREENSHOT:
        control_tell(s, GFX_CONTROL_SHOT, 0,
                     !(msg->a ? bare_pixels : screenshot)(s->shown, fd));
        break;
    case GFX_CONTROL_KEY: seat_key(s, (uint32_t)msg->a, msg->b); break;
    case GFX_CONTROL_POINTER: seat_pointer(s, msg->a, msg->b); break;
    case GFX_CONTROL_BUTTON:
        seat_button(s, (uint32_t)msg->a, msg->b != 0);
        break;
    case GFX_CONTROL_SCROLL:
        seat_scroll(s, (float)msg->a, (float)msg->b);
        break;
    case GFX_CONTROL_SYNC: listen_control(s, false); break;
    case GFX_CONTROL_STOP: s->stopping = true; break;
    case GFX_CONTROL_REDRAW: damage_all(s); break;
    default: break;
    }
    if (fd >= 0)
        close(fd);
}

static int descriptor_of(struct msghdr *m)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    int fd = -1;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

static void read_control(struct server *s)
{
    struct gfx_control msg;
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    for (int i = 0; i < EVENTS_PER_TURN && !s->sync_wanted; i++) {
        struct iovec iov = {&msg, sizeof msg};
        struct msghdr m = {.msg_iov = &iov,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
        ssize_t n = recvmsg(s->control, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            s->stopping = true; /* PID 1 is gone */
            return;
        }
        if (n == sizeof msg)
            on_control(s, &msg, descriptor_of(&m));
    }
}

/* ---- frames ---------------------------------------------------------------
 */

/* Draws this frame's damage, and what older contents of the image lack. */
static void draw(struct server *s)
{
    int age = 0;
    struct gfx_region damage = s->damage, draw_now = s->damage;
    struct gfx_image *image = s->backend->ops->begin(s->backend, &age);
    if (age == 0)
        gfx_region_add(&draw_now, gfx_image_rect(image));
    else if (age == 2)
        gfx_region_add_region(&draw_now, &s->old_damage);
    s->damage.n = 0;
    for (int i = 0; i < draw_now.n; i++)
        scene_draw(s, image, draw_now.rects[i]);
    s->backend->ops->commit(s->backend, age == 0 ? &draw_now : &damage);
    s->old_damage = damage;
    s->shown = image;
}

static void draw_timed(struct server *s)
{
    uint64_t begin = gfx_now();
    draw(s);
    uint64_t took = gfx_now() - begin;
    s->drawn.count++;
    s->drawn.total += took;
    if (took > s->drawn.longest)
        s->drawn.longest = took;
}

static void send_frames(struct server *s, uint64_t now)
{
    struct gfx_msg msg = {.type = GFX_EV_FRAME};
    msg.frame.time = now;
    for (int i = 0; i < s->nstack; i++) {
        if (!s->stack[i]->frame_wanted)
            continue;
        s->stack[i]->frame_wanted = false;
        client_event(s->stack[i], &msg, false);
    }
}

static void set_timer(struct server *s, uint64_t at)
{
    struct itimerspec t = {
        .it_value = {(time_t)(at / 1000000000), (long)(at % 1000000000)}};
    timerfd_settime(s->timer, TFD_TIMER_ABSTIME, &t, NULL);
}

static void frame(struct server *s, uint64_t now)
{
    s->wake = anim_tick(s, now);
    if (s->damage.n)
        draw_timed(s);
    send_frames(s, now);
    s->last_frame = now;
}

/* Draws if it is time; else sees to it that it will be. */
static void pace(struct server *s)
{
    uint64_t now = gfx_now();
    if ((s->wake || s->damage.n) && now - s->last_frame >= FRAME_NS) {
        frame(s, now);
        clients_reap(s);
    }
    bool held = keys_check(s, now);
    bool pings = clients_check_pings(s) || held;
    if (s->wake || s->damage.n)
        set_timer(s, s->last_frame + FRAME_NS);
    else if (pings)
        set_timer(s, now + PING_CHECK_NS);
    else
        set_timer(s, 0);
    if (s->sync_wanted && !s->wake && !s->damage.n && !s->held.owner) {
        control_tell(s, GFX_CONTROL_SYNCED, 0, 0);
        listen_control(s, true);
    }
}

/* ---- loop -----------------------------------------------------------------
 */

static void on_event(struct server *s, const struct epoll_event *e)
{
    uint64_t ticks;
    if (e->data.ptr == &s->control) {
        read_control(s);
        if (e->events & EPOLLHUP)
            s->stopping = true; /* PID 1 is gone, with or without a sync */
    } else if (e->data.ptr == &s->timer) {
        if (read(s->timer, &ticks, sizeof ticks) < 0)
            return;
    } else if (e->data.ptr == s->input) {
        input_read(s->input);
    } else {
        struct client *c = e->data.ptr;
        if (e->events & EPOLLOUT)
            client_writable(c);
        if (e->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            client_readable(c);
    }
}

static void loop(struct server *s)
{
    struct epoll_event events[EVENTS_PER_TURN];
    while (!s->stopping) {
        int n = epoll_wait(s->epoll, events, EVENTS_PER_TURN, -1);
        if (n < 0 && errno != EINTR) {
            perror("compositor: epoll_wait");
            s->exit_code = 1;
            return;
        }
        for (int i = 0; i < n; i++)
            on_event(s, &events[i]);
        seat_flush(s);
        clients_reap(s);
        session_save(s);
        pace(s);
    }
}

/* ---- start and end --------------------------------------------------------
 */

/* The wallpaper goes up before anything else is made. */
static bool first_frame(struct server *s)
{
    int age;
    struct gfx_region all = {.n = 1};
    s->backend = s->config->headless ? gfx_headless_create(s->config)
                                     : gfx_drm_create(s->config);
    if (!s->backend)
        return false;
    s->width = s->backend->width;
    s->height = s->backend->height;
    struct gfx_image *image = s->backend->ops->begin(s->backend, &age);
    wallpaper_draw(image);
    all.rects[0] = gfx_image_rect(image);
    s->backend->ops->commit(s->backend, &all);
    s->shown = image;
    control_tell(s, GFX_CONTROL_FIRST_FRAME, 0, 0);
    if (!gfx_image_init(&s->wallpaper, s->width, s->height))
        return false;
    gfx_copy(&s->wallpaper, gfx_image_rect(image), image, 0, 0);
    return true;
}

static bool start_cursor(struct server *s)
{
    if (!cursors_init(s))
        return false;
    int hx, hy;
    cursor_hot(GFX_CURSOR_ARROW, &hx, &hy);
    /* Without a plane of ours the host would add a cursor of its own. */
    const struct gfx_image *picture =
        s->config->hardware_cursor ? &s->cursors[GFX_CURSOR_ARROW] : NULL;
    bool plane = s->backend->ops->set_cursor(s->backend, picture, hx, hy);
    s->hardware_cursor = plane && picture;
    s->seat.x = s->width / 2;
    s->seat.y = s->height / 2;
    damage_rect(s, cursor_rect(s));
    return true;
}

static bool start(struct server *s)
{
    char why[256];
    s->nspaces = 1;
    s->control = s->config->control_fd;
    session_open(s, s->config->session_fd);
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (s->epoll < 0 || s->timer < 0 ||
        !server_watch(s, s->control, &s->control, false) ||
        !server_watch(s, s->timer, &s->timer, false))
        return false;
    signal(SIGPIPE, SIG_IGN);
    if (!first_frame(s))
        return false;
    if (!gfx_fonts_load(s->config->font_dir, why, sizeof why))
        fprintf(stderr, "compositor: %s: no text will show\n", why);
    if (!start_cursor(s))
        return false;
    if (!s->config->headless)
        s->input = input_open(s, s->config->input_dir ? s->config->input_dir
                                                      : "/dev/input");
    return !s->config->jail || s->config->jail(s->config->jail_data) == 0;
}

static void finish(struct server *s)
{
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (s->clients[i])
            s->clients[i]->doomed = true;
    clients_reap(s);
    session_finish(s);
    gfx_image_finish(&s->wallpaper);
    for (int i = 0; i < GFX_CURSORS; i++)
        gfx_image_finish(&s->cursors[i]);
    if (s->backend)
        s->backend->ops->destroy(s->backend);
    close(s->timer);
    close(s->epoll);
    close(s->control);
    free(s);
}

int compositor_main(const struct compositor_config *config)
{
    struct server *s = calloc(1, sizeof *s);
    if (!s) {
        fprintf(stderr, "compositor: no memory\n");
        return 1;
    }
    s->config = config;
    if (start(s))
        loop(s);
    else
        s->exit_code = 1;
    int code = s->exit_code;
    finish(s);
    return code;
}
