/*
 * harness.h - a compositor in a child process with a picture in memory, and
 * the test in the place of PID 1: it connects clients, injects input, waits
 * for the screen to settle, and looks at pixels and state.
 */
#ifndef TESTS_DESKTOP_HARNESS_H
#define TESTS_DESKTOP_HARNESS_H

#include "gfx/client.h"
#include "gfx/control.h"

#include <stdio.h>
#include <sys/types.h>

struct desk {
    pid_t pid;
    int control, session;
    int width, height;
    uint32_t next_instance;
    /* What nobody waits for (READY, KILL, GONE) goes here; may be NULL. */
    void (*other)(struct desk *desk, const struct gfx_control *msg);
    struct gfx_image screen; /* after desk_look */
    char *state;             /* after desk_state; JSON */
};

void desk_start(struct desk *desk, int width, int height);
/* Ends the compositor; returns its exit status, or 128 + signal. */
int desk_stop(struct desk *desk);

/* Kills the compositor; starts another, which knows no client yet. */
void desk_kill(struct desk *desk);
void desk_again(struct desk *desk);

/* Tells the compositor of a client's connection, whose end stays ours. */
void desk_adopt(struct desk *desk, const char *app, uint32_t flags, int fd);
/* The same for one that has its instance's number already. */
void desk_hand_over(struct desk *desk, const char *app, uint32_t flags, int fd,
                    uint32_t instance);
/* Takes the messages that have arrived. */
void desk_listen(struct desk *desk);
/* A raw connection, or a display on one. */
int desk_connect_raw(struct desk *desk, const char *app, bool shell);
struct gfx_display *desk_connect(struct desk *desk, const char *app,
                                 bool shell);
struct gfx_surface *desk_window(struct gfx_display *d, const char *title,
                                int width, int height, uint32_t flags);
/* Returns when the compositor has handled all that the client has sent. */
void desk_roundtrip(struct gfx_display *d);

void desk_pointer(struct desk *desk, int x, int y);
void desk_button(struct desk *desk, bool down);
void desk_click(struct desk *desk, int x, int y);
void desk_key(struct desk *desk, int code, bool down);
void desk_tap(struct desk *desk, int code); /* down and up */
/* Waits until everything is on the screen and nothing moves. */
void desk_sync(struct desk *desk);
void desk_send(struct desk *desk, uint32_t type, int a, int b);
/* The next message of this type from the compositor (others are dropped). */
struct gfx_control desk_expect(struct desk *desk, uint32_t type, int *fd);

void desk_look(struct desk *desk); /* fills desk->screen */
uint32_t desk_pixel(const struct desk *desk, int x, int y); /* 0xRRGGBB */
void desk_save(struct desk *desk, const char *path);
const char *desk_state(struct desk *desk);

/* A window's field in the state, found by its title; false when absent. */
bool desk_rect(struct desk *desk, const char *title, const char *key,
               int rect[4]); /* x, y, width, height */
bool desk_flag(struct desk *desk, const char *title, const char *key);
/* Redraws everything and counts the pixels that differ from before. */
int desk_redraw_differs(struct desk *desk);
void desk_drag(struct desk *desk, int x0, int y0, int x1, int y1);
struct gfx_surface *desk_panel(struct gfx_display *d, struct gfx_msg *msg);
void fill(struct gfx_surface *s, uint32_t color); /* and present */

/* Waits up to two seconds for an event of this type; drops others. */
bool surface_wait(struct gfx_display *d, struct gfx_surface *s, uint32_t type,
                  struct gfx_msg *event);

/* ---- results as TAP -------------------------------------------------------
 */

void tap(bool ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int tap_end(void); /* exit status */

/* The groups; each is a file. */
void test_windows(void);
void test_input(void);
void test_shell(void);
void test_robust(void);
void test_restart(void);

#endif
