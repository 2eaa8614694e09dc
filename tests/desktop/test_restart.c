/*
 * test_restart.c - the compositor ends while an app goes on; its successor gets
 * the app's connection, as PID 1 would hand it over, with all that the app said
 * in the meantime still in it.
 */
#include "tests/desktop/harness.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RED 0xffff0000
#define BLUE 0xff0000ff

struct lasting {
    struct desk desk;
    int theirs; /* the compositor's end */
    struct gfx_display *display;
    struct gfx_surface *window;
};

/* The app reads its events: it meets the successor, then its new buffers. */
static bool resized(struct lasting *t, int width, int height)
{
    struct gfx_msg e;
    return surface_wait(t->display, t->window, GFX_EV_CONFIGURE, &e) &&
           e.configure.width == width && e.configure.height == height;
}

static void begin(struct lasting *t)
{
    int pair[2];
    desk_start(&t->desk, 800, 600);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return;
    t->theirs = pair[1];
    desk_adopt(&t->desk, "lasting", 0, pair[1]);
    t->display = gfx_display_create(pair[0]);
    t->window = desk_window(t->display, "Lasting", 200, 120, 0);
    (void)resized(t, 200, 120);
    fill(t->window, RED);
    desk_roundtrip(t->display);
    desk_sync(&t->desk);
}

static void start_another(struct lasting *t)
{
    desk_again(&t->desk);
    desk_hand_over(&t->desk, "lasting", GFX_CLIENT_ADOPTED, t->theirs, 1);
}

/* The colour in the middle of a window; 0 without it. */
static uint32_t shows(struct lasting *t, const char *title)
{
    int r[4];
    desk_sync(&t->desk);
    desk_look(&t->desk);
    return desk_rect(&t->desk, title, "content", r)
               ? desk_pixel(&t->desk, r[0] + r[2] / 2, r[1] + r[3] / 2)
               : 0;
}

static void test_comes_back(struct lasting *t)
{
    struct gfx_msg title = {.type = GFX_REQ_TITLE}, e;
    desk_kill(&t->desk);
    /* said to nobody */
    gfx_surface_send(t->window, &title, "Renamed", 7);
    fill(t->window, RED);
    start_another(t);
    tap(resized(t, 200, 120), "an app meets the next compositor");
    desk_roundtrip(t->display);
    tap(shows(t, "Renamed") == (RED & 0xffffff),
        "its window is there, as it was, under its last title");
    fill(t->window, BLUE);
    desk_roundtrip(t->display);
    tap(shows(t, "Renamed") == (BLUE & 0xffffff), "and can be drawn into");
    struct gfx_msg frame = {.type = GFX_REQ_FRAME};
    gfx_surface_send(t->window, &frame, NULL, 0);
    tap(surface_wait(t->display, t->window, GFX_EV_FRAME, &e),
        "and gets its frames");
}

/* A frame that was asked of the one that ended. */
static void test_frame_is_not_lost(struct lasting *t)
{
    struct gfx_msg frame = {.type = GFX_REQ_FRAME}, e;
    desk_kill(&t->desk);
    gfx_surface_send(t->window, &frame, NULL, 0);
    start_another(t);
    tap(surface_wait(t->display, t->window, GFX_EV_FRAME, &e),
        "a frame that was asked for comes from the next one");
}

static void test_again_and_again(struct lasting *t)
{
    bool ok = true;
    for (int i = 0; i < 5; i++) {
        desk_kill(&t->desk);
        start_another(t);
        ok &= resized(t, 200, 120);
        desk_roundtrip(t->display);
    }
    tap(ok && shows(t, "Renamed") == (BLUE & 0xffffff),
        "five compositors later it is the same");
}

/* Nothing that was meant for the last one is taken amiss. */
static void test_stale_requests(struct lasting *t)
{
    struct gfx_msg gone = {.type = GFX_REQ_PRESENT};
    desk_kill(&t->desk);
    for (int i = 0; i < 5; i++)
        gfx_surface_send(t->window, &gone, NULL, 0);
    struct gfx_surface *second = NULL;
    start_another(t);
    second = desk_window(t->display, "Second", 100, 80, 0);
    fill(second, RED);
    desk_roundtrip(t->display);
    tap(shows(t, "Second") == (RED & 0xffffff) &&
            shows(t, "Renamed") == (BLUE & 0xffffff),
        "a window that is made meanwhile, beside the old one");
    gfx_surface_destroy(second);
}

void test_restart(void)
{
    struct lasting t = {.theirs = -1};
    begin(&t);
    test_comes_back(&t);
    test_frame_is_not_lost(&t);
    test_again_and_again(&t);
    test_stale_requests(&t);
    gfx_display_destroy(t.display);
    close(t.theirs);
    tap(desk_stop(&t.desk) == 0, "the last compositor ends cleanly");
}
