/* test_robust.c - clients that misbehave, each beside one that must go on. */
#include "tests/desktop/harness.h"

#include <fcntl.h>
#include <linux/input-event-codes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct robust {
    struct desk desk;
    struct gfx_display *good;
    struct gfx_surface *window;
};

/* True when the good client still gets answers and frames. */
static bool fine(struct robust *t)
{
    struct gfx_msg msg = {.type = GFX_REQ_FRAME}, e;
    gfx_surface_send(t->window, &msg, NULL, 0);
    return surface_wait(t->good, t->window, GFX_EV_FRAME, &e);
}

/* True when the other side closes within two seconds. */
static bool dropped(int fd)
{
    char buf[256];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (poll(&p, 1, 2000) > 0) {
        ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);
        if (n <= 0)
            return true;
    }
    return false;
}

static bool send_drops(struct robust *t, const void *data, size_t len)
{
    int fd = desk_connect_raw(&t->desk, "bad", false);
    bool ok = send(fd, data, len, MSG_NOSIGNAL) >= 0 && dropped(fd);
    close(fd);
    return ok && fine(t);
}

static void test_messages(struct robust *t)
{
    static char junk[sizeof(struct gfx_msg) + 65536];
    struct gfx_msg msg = {.type = GFX_REQ_CREATE, .surface = 1};
    msg.create.width = msg.create.height = 10;
    tap(send_drops(t, &msg, sizeof msg - 1), "a short message drops it");
    tap(send_drops(t, &msg, 4), "a very short one too");
    memcpy(junk, &msg, sizeof msg);
    tap(send_drops(t, junk, sizeof msg + GFX_TITLE_MAX + 1),
        "a tail too long drops it");
    msg.type = 999;
    tap(send_drops(t, &msg, sizeof msg), "an unknown type drops it");
    msg.type = GFX_EV_KEY;
    tap(send_drops(t, &msg, sizeof msg), "an event from a client drops it");
    msg.type = GFX_REQ_PERFORM;
    tap(send_drops(t, &msg, sizeof msg),
        "a privileged request without the privilege drops it");
    msg.type = GFX_REQ_TITLE;
    tap(send_drops(t, &msg, sizeof msg), "a surface that is not, drops it");
    msg = (struct gfx_msg){.type = GFX_REQ_CREATE, .surface = 1};
    msg.create.kind = GFX_PANEL;
    msg.create.width = msg.create.height = 10;
    tap(send_drops(t, &msg, sizeof msg), "a panel without the privilege too");
}

/* PID 1 keeps copies of connections, so that closing one does not end it. */
static void test_copies(struct robust *t)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return;
    desk_adopt(&t->desk, "copied", 0, pair[1]);
    send(pair[0], "bad", 3, MSG_NOSIGNAL);
    desk_expect(&t->desk, GFX_CONTROL_GONE, NULL);
    for (int i = 0; i < 20; i++) {
        send(pair[0], "bad", 3, MSG_NOSIGNAL | MSG_DONTWAIT);
        desk_sync(&t->desk);
    }
    shutdown(pair[0], SHUT_RDWR);
    tap(fine(t), "a connection is not listened to after its end, whoever "
                 "still holds it");
    close(pair[0]);
    close(pair[1]);
}

static void test_sizes(struct robust *t)
{
    static const int sides[][2] = {
        {0, 10}, {10, -1}, {100000, 10}, {INT32_MAX, INT32_MAX}, {4096, 4096}};
    struct gfx_display *d = desk_connect(&t->desk, "big", false);
    int refused = 0;
    for (size_t i = 0; i < 5; i++) {
        struct gfx_msg msg = {0};
        enum gfx_create_error error;
        msg.create.width = sides[i][0];
        msg.create.height = sides[i][1];
        struct gfx_surface *s = gfx_surface_create(d, &msg, "x", 1, &error);
        refused += !s && error != GFX_CREATE_GONE;
    }
    tap(refused == 5, "impossible sizes and too much memory are refused");
    int windows = 0;
    enum gfx_create_error error = GFX_CREATE_GONE;
    for (int i = 0; i < 40; i++) {
        struct gfx_msg msg = {0};
        msg.create.width = msg.create.height = 200;
        windows += gfx_surface_create(d, &msg, "x", 1, &error) != NULL;
    }
    tap(windows == 24 && error == GFX_CREATE_LIMIT,
        "an app may have 24 windows");
    tap(fine(t), "others go on");
    gfx_display_destroy(d);
}

static void test_dies(struct robust *t)
{
    struct gfx_display *d = desk_connect(&t->desk, "dies", false);
    struct gfx_surface *s = desk_window(d, "Dies", 300, 200, 0);
    fill(s, 0xffff00ff);
    desk_roundtrip(d);
    int r[4] = {0};
    desk_rect(&t->desk, "Dies", "content", r);
    desk_pointer(&t->desk, r[0] + 100, r[1] - 10);
    desk_button(&t->desk, true);
    desk_pointer(&t->desk, r[0] + 150, r[1] + 40);
    struct gfx_msg frame = {.type = GFX_REQ_FRAME};
    gfx_surface_send(s, &frame, NULL, 0);
    close(dup(gfx_display_fd(d)));
    shutdown(gfx_display_fd(d), SHUT_RDWR);
    desk_expect(&t->desk, GFX_CONTROL_GONE, NULL);
    desk_pointer(&t->desk, 300, 300);
    desk_button(&t->desk, false);
    desk_sync(&t->desk);
    tap(!desk_rect(&t->desk, "Dies", "content", r) && fine(t),
        "one that dies while being dragged leaves nothing");
    tap(desk_redraw_differs(&t->desk) == 0, "not even on the screen");
    gfx_display_destroy(d);
}

/* Takes no events at all, while the pointer plays on its window. */
static void test_never_reads(struct robust *t)
{
    struct gfx_display *d = desk_connect(&t->desk, "hung", false);
    struct gfx_surface *s = desk_window(d, "Hung", 300, 200, 0);
    int r[4] = {0};
    fill(s, 0xff808080);
    desk_roundtrip(d);
    desk_sync(&t->desk);
    desk_rect(&t->desk, "Hung", "content", r);
    for (int i = 0; i < 3000; i++) {
        desk_pointer(&t->desk, r[0] + 20 + i % 100, r[1] + 20);
        desk_button(&t->desk, i % 2 == 0);
        desk_tap(&t->desk, KEY_A);
        if (i % 100 == 0)
            desk_sync(&t->desk);
    }
    desk_button(&t->desk, false);
    desk_sync(&t->desk);
    tap(fine(t), "one that never reads stalls nobody");
    int a[4] = {0}, b[4] = {0};
    desk_rect(&t->desk, "Hung", "frame", a);
    desk_drag(&t->desk, a[0] + 150, a[1] + 10, a[0] + 180, a[1] + 60);
    desk_rect(&t->desk, "Hung", "frame", b);
    tap(b[0] == a[0] + 30 && b[1] == a[1] + 50, "its window can be moved");
    struct gfx_msg e;
    uint64_t deadline = 5;
    while (deadline-- && !desk_flag(&t->desk, "Hung", "unresponsive"))
        surface_wait(t->good, t->window, GFX_EV_SCREEN, &e);
    tap(desk_flag(&t->desk, "Hung", "unresponsive"),
        "and it is known to be unresponsive");
    desk_roundtrip(d);
    desk_sync(&t->desk);
    tap(!desk_flag(&t->desk, "Hung", "unresponsive"), "until it reads again");
    gfx_display_destroy(d);
}

/* Presents as fast as it can. */
static void test_floods(struct robust *t)
{
    struct gfx_display *d = desk_connect(&t->desk, "flood", false);
    struct gfx_surface *s = desk_window(d, "Flood", 300, 200, 0);
    for (int i = 0; i < 2000; i++)
        fill(s, 0xff000000u | (uint32_t)i * 77);
    desk_roundtrip(d);
    tap(fine(t), "one that floods with frames stalls nobody");
    uint32_t last = 1999 * 77 & 0xffffff;
    int r[4] = {0};
    desk_sync(&t->desk);
    desk_rect(&t->desk, "Flood", "content", r);
    desk_look(&t->desk);
    tap(desk_pixel(&t->desk, r[0] + 150, r[1] + 100) == last,
        "and its last frame is the one that stays");
    gfx_display_destroy(d);
}

static unsigned descriptors(struct robust *t)
{
    char path[64];
    unsigned n = 0;
    for (int fd = 0; fd < 1024; fd++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", t->desk.pid, fd);
        n += access(path, F_OK) == 0;
    }
    return n;
}

static void test_leaks(struct robust *t)
{
    desk_sync(&t->desk);
    unsigned before = descriptors(t);
    for (int i = 0; i < 50; i++) {
        struct gfx_display *d = desk_connect(&t->desk, "short", false);
        fill(desk_window(d, "Short", 300, 200, 0), 0xff00ff00);
        gfx_display_destroy(d);
        desk_expect(&t->desk, GFX_CONTROL_GONE, NULL);
    }
    desk_sync(&t->desk);
    tap(descriptors(t) == before, "fifty apps leave no descriptor behind");
}

static uint32_t seed = 12345; /* or what DESKTOP_SEED says */

static uint32_t any(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 4;
}

/* A request of any type, small and huge values, any tail that fits. */
static void random_request(int fd, bool first, bool panel)
{
    static char packet[sizeof(struct gfx_msg) + 4096];
    struct gfx_msg msg;
    uint32_t *word = (uint32_t *)&msg;
    size_t len = any() & 1 ? 0 : any() % 4096;
    for (size_t k = 0; k < sizeof msg / 4; k++)
        word[k] = any() & 3 ? any() & 255 : any() << (any() & 31);
    for (size_t k = 0; k < len; k++)
        packet[sizeof msg + k] = (char)any();
    msg.type = 1 + any() % GFX_REQ_DUMP;
    msg.surface = first ? 1 : any() & 1;
    if (first) {
        msg.type = GFX_REQ_CREATE;
        msg.create.kind = panel;
        msg.create.width = 1 + (int)(any() & 511);
        msg.create.height = 1 + (int)(any() & 511);
    }
    if (msg.type != GFX_REQ_TITLE && msg.type != GFX_REQ_MENUS &&
        msg.type != GFX_REQ_CLIP_SET && msg.type != GFX_REQ_CREATE &&
        msg.type != GFX_REQ_DOCK_ICON)
        len = 0;
    if (len > 32)
        len = msg.type == GFX_REQ_DOCK_ICON ? 32 : len % 256;
    memcpy(packet, &msg, sizeof msg);
    (void)!send(fd, packet, sizeof msg + len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* From a client that may use the privileged requests too. */
static void test_random(struct robust *t)
{
    enum { ROUNDS = 150 };
    int fds[ROUNDS];
    const char *other = getenv("DESKTOP_SEED");
    seed = other ? (uint32_t)strtoul(other, NULL, 0) : seed;
    for (int round = 0; round < ROUNDS; round++) {
        int fd = fds[round] = desk_connect_raw(&t->desk, "random", true);
        for (int i = 0; i < 60; i++)
            random_request(fd, i == 0, round & 1);
        desk_pointer(&t->desk, (int)(any() % 700), (int)(any() % 500));
        desk_button(&t->desk, round & 1);
        desk_tap(&t->desk, (int)(any() % 130));
        if (round % 3)
            shutdown(fd, SHUT_RDWR);
        if (round % 10 == 9)
            desk_sync(&t->desk);
    }
    for (int round = 0; round < ROUNDS; round++)
        close(fds[round]);
    desk_button(&t->desk, false);
    struct gfx_msg msg = {.type = GFX_REQ_SPACES}; /* where ours is */
    struct gfx_display *d = desk_connect(&t->desk, "tidy", true);
    msg.spaces.op = GFX_SPACES_COUNT;
    msg.spaces.space = 1;
    gfx_display_send(d, &msg, NULL, 0);
    desk_roundtrip(d);
    tap(fine(t), "random requests stall nobody");
    tap(desk_redraw_differs(&t->desk) == 0, "and leave the screen right");
    gfx_display_destroy(d);
}

void test_robust(void)
{
    struct robust t;
    desk_start(&t.desk, 800, 600);
    t.good = desk_connect(&t.desk, "good", false);
    t.window = desk_window(t.good, "Good", 200, 120, 0);
    fill(t.window, 0xffffffff);
    desk_roundtrip(t.good);
    test_messages(&t);
    test_copies(&t);
    test_sizes(&t);
    test_dies(&t);
    test_never_reads(&t);
    test_floods(&t);
    test_leaks(&t);
    test_random(&t);
    gfx_display_destroy(t.good);
    tap(desk_stop(&t.desk) == 0, "the compositor ends cleanly");
}
