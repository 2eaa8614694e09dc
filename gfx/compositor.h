/*
 * compositor.h - the compositor role: the sole holder of DRM and evdev.
 *
 * PID 1 (or a test) starts it in a process of its own and talks to it over
 * `control_fd` (control.h): new apps' sockets come in there, and readiness and
 * kill requests go out.
 */
#ifndef VYOMA_GFX_COMPOSITOR_H
#define VYOMA_GFX_COMPOSITOR_H

#include <stdbool.h>

struct compositor_config {
    int control_fd;       /* SOCK_SEQPACKET, see control.h; owned from here */
    const char *font_dir; /* "/system/fonts"; NULL: where Debian has them */
    bool headless;        /* a picture in memory; input only over control_fd */
    int width, height; /* headless size; DRM: the wanted mode.  0: 1440x900 */
    const char *drm_path;  /* NULL: "/dev/dri/card0" */
    const char *input_dir; /* NULL: "/dev/input" */
    int session_fd;        /* see session.h; -1: none; owned from here */
    bool hardware_cursor;  /* use the cursor plane (not in screenshots) */
    /*
     * Called once when every device and font is open and the first frame is
     * on the screen, before the first client: the place for the jail.  After
     * it the process opens nothing (new devices excepted, which then fail).
     * Returns 0, or the compositor ends.  May be NULL.
     */
    int (*jail)(void *data);
    void *jail_data;
};

/* Runs until GFX_CONTROL_STOP or the control socket's end.  Exit status. */
int compositor_main(const struct compositor_config *config);

#endif
