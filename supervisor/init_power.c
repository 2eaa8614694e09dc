/*
 * init_power.c - the way down: apps, then services, then disks, then reboot(2).
 * Each step is bounded: what does not end by itself in time is killed.
 */
#include "supervisor/init.h"

#include <linux/reboot.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

enum { APPS_MS = 1500, SERVICES_MS = 500, DISKS_MS = 3000 };

/* In order; each is entered once, when its predecessor is done or late. */
static enum { UP, ENDING_APPS, KILLING_APPS, ENDING_SERVICES, DOWN } stage;

void power_down(int command)
{
    if (init.power)
        return;
    init.power = command;
    stage = ENDING_APPS;
    init.power_due = init_now() + APPS_MS;
    init_say("going down: ending apps");
    apps_end_all(SIGTERM);
}

static void end_services(uint64_t now)
{
    stage = ENDING_SERVICES;
    init.power_due = now + SERVICES_MS;
    services_stop(SIGTERM);
}

/* In a child, and not for ever: the disk's other end may be gone. */
static void write_disks(void)
{
    pid_t pid = fork();
    if (!pid) {
        sync();
        _exit(umount2(init.options.data, 0) != 0);
    }
    for (int ms = 0; pid > 0 && ms < DISKS_MS; ms += 5) {
        if (waitpid(pid, NULL, WNOHANG) == pid)
            return;
        usleep(5000);
    }
    init_say("WARNING: /data did not answer in time");
}

static _Noreturn void down(void)
{
    init_say("down %llu", (unsigned long long)init_now());
    services_stop(SIGKILL);
    if (init.options.host)
        _exit(0);
    write_disks();
    kill(-1, SIGTERM); /* the logger, once it has written what it had */
    for (int i = 0; i < 10; i++)
        usleep(1000);
    reboot(init.power);
    /* Not in the machine's power: stop here rather than panic. */
    for (;;)
        pause();
}

void power_tick(uint64_t now, uint64_t *next)
{
    bool late = now >= init.power_due;
    if (stage == ENDING_APPS && !apps_alive())
        end_services(now);
    else if (stage == ENDING_APPS && late) {
        apps_end_all(SIGKILL);
        init.power_due = now + SERVICES_MS;
        stage = KILLING_APPS;
    } else if (stage == KILLING_APPS && (late || !apps_alive()))
        end_services(now);
    else if (stage == ENDING_SERVICES && (late || !services_alive())) {
        stage = DOWN;
        down();
    }
    if (stage != UP)
        init_due(next, init.power_due);
}
