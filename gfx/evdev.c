/*
 * evdev.c - input devices through libevdev: keyboards, tablets (absolute) and
 * mice (relative).  Events are gathered until SYN_REPORT, then given to the
 * seat.
 */
#include "gfx/server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libevdev/libevdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define DEVICES_MAX 16
#define WHEEL_STEP 40.f /* pixels per click */

struct device {
    int fd;
    struct libevdev *dev;
    const struct input_absinfo *abs_x, *abs_y; /* NULL: relative */
    int x, y;                                  /* absolute values */
    int dx, dy;
    float scroll_x, scroll_y;
    bool moved;
};

struct input {
    struct server *server;
    struct device devices[DEVICES_MAX];
    int n;
};

static int to_screen(const struct input_absinfo *info, int value, int size)
{
    int64_t range = (int64_t)info->maximum - info->minimum;
    if (range <= 0)
        return 0;
    return (int)(((int64_t)value - info->minimum) * (size - 1) / range);
}

static void on_rel(struct device *d, uint32_t code, int value)
{
    switch (code) {
    case REL_X: d->dx += value; break;
    case REL_Y: d->dy += value; break;
    case REL_WHEEL: d->scroll_y -= (float)value * WHEEL_STEP; return;
    case REL_HWHEEL: d->scroll_x += (float)value * WHEEL_STEP; return;
    default: return;
    }
    d->moved = true;
}

static void on_abs(struct device *d, uint32_t code, int value)
{
    if (code == ABS_X)
        d->x = value;
    else if (code == ABS_Y)
        d->y = value;
    else
        return;
    d->moved = true;
}

static void apply_motion(struct server *s, struct device *d)
{
    if (d->moved && d->abs_x)
        seat_pointer(s, to_screen(d->abs_x, d->x, s->width),
                     to_screen(d->abs_y, d->y, s->height));
    else if (d->moved)
        seat_pointer(s, s->seat.x + d->dx, s->seat.y + d->dy);
    d->moved = false;
    d->dx = d->dy = 0;
    if (d->scroll_x != 0 || d->scroll_y != 0)
        seat_scroll(s, d->scroll_x, d->scroll_y);
    d->scroll_x = d->scroll_y = 0;
}

/* A press belongs to the place that the same report moved to. */
static void on_key(struct server *s, struct device *d, uint32_t code, int value)
{
    apply_motion(s, d);
    if (code >= BTN_MOUSE && code < BTN_JOYSTICK) {
        if (value != 2)
            seat_button(s, code, value == 1);
    } else {
        seat_key(s, code, value);
    }
}

static void on_event(struct server *s, struct device *d,
                     const struct input_event *e)
{
    switch (e->type) {
    case EV_REL: on_rel(d, e->code, e->value); break;
    case EV_ABS: on_abs(d, e->code, e->value); break;
    case EV_KEY: on_key(s, d, e->code, e->value); break;
    case EV_SYN: apply_motion(s, d); break;
    default: break;
    }
}

static void drop_device(struct input *input, struct device *d)
{
    libevdev_free(d->dev);
    close(d->fd); /* leaves epoll by itself */
    *d = input->devices[--input->n];
}

/* False when the device is gone. */
static bool read_device(struct server *s, struct device *d)
{
    unsigned flag = LIBEVDEV_READ_FLAG_NORMAL;
    struct input_event e;
    for (int left = 512; left > 0; left--) {
        int rc = libevdev_next_event(d->dev, flag, &e);
        if (rc == -EAGAIN && flag == LIBEVDEV_READ_FLAG_NORMAL)
            return true;
        if (rc < 0 && rc != -EAGAIN)
            return false;
        if (rc == -EAGAIN) {
            flag = LIBEVDEV_READ_FLAG_NORMAL;
            continue;
        }
        if (rc == LIBEVDEV_READ_STATUS_SYNC)
            flag = LIBEVDEV_READ_FLAG_SYNC; /* events were lost: resync */
        on_event(s, d, &e);
    }
    return true;
}

void input_read(struct input *input)
{
    for (int i = 0; i < input->n;)
        if (read_device(input->server, &input->devices[i]))
            i++;
        else
            drop_device(input, &input->devices[i]);
}

static bool useful(struct libevdev *dev)
{
    return libevdev_has_event_code(dev, EV_KEY, KEY_A) ||
           libevdev_has_event_code(dev, EV_KEY, BTN_LEFT);
}

static void add_device(struct input *input, const char *path)
{
    struct device *d = &input->devices[input->n];
    *d = (struct device){.fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    if (d->fd < 0)
        return;
    if (libevdev_new_from_fd(d->fd, &d->dev) < 0) {
        close(d->fd);
        return;
    }
    if (!useful(d->dev) || !server_watch(input->server, d->fd, input, false)) {
        libevdev_free(d->dev);
        close(d->fd);
        return;
    }
    libevdev_grab(d->dev, LIBEVDEV_GRAB); /* keys must not reach the console */
    d->abs_x = libevdev_get_abs_info(d->dev, ABS_X);
    d->abs_y = libevdev_get_abs_info(d->dev, ABS_Y);
    if (!d->abs_y)
        d->abs_x = NULL;
    input->n++;
}

struct input *input_open(struct server *s, const char *dir)
{
    struct input *input = calloc(1, sizeof *input);
    DIR *list = input ? opendir(dir) : NULL;
    if (!list) {
        fprintf(stderr, "compositor: %s: %s\n", dir, strerror(errno));
        return input;
    }
    input->server = s;
    for (struct dirent *e; (e = readdir(list)) && input->n < DEVICES_MAX;) {
        char path[300];
        if (strncmp(e->d_name, "event", 5))
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        add_device(input, path);
    }
    closedir(list);
    if (!input->n)
        fprintf(stderr, "compositor: no keyboard or pointer in %s\n", dir);
    return input;
}
