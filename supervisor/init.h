/*
 * init.h - PID 1 from the inside: its state, and what its files do.
 *
 *   init.c           options, the event loop, reaping
 *   init_boot.c      mounts, console, host name
 *   init_services.c  the table of services: start, restart, messages
 *   init_apps.c      instances of apps: start, restart, end
 *   init_wire.c      what an instance will hold: descriptors and limits
 *   init_control.c   vyoma:process requests of apps
 *   init_power.c     the way down
 *
 * PID 1 is one thread around epoll.  It parses no text, blocks on nothing,
 * and holds no more than fixed tables; every message that it receives has a
 * fixed size and is checked before use.
 */
#ifndef VYOMA_INIT_H
#define VYOMA_INIT_H

#include "supervisor/grant.h"
#include "supervisor/proto.h"
#include "supervisor/roles.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    INIT_MAX_APPS = 128,
    INIT_MAX_INSTANCES = 512,
    INIT_MAX_PER_LAUNCHER = 32, /* a spawn bomb ends here */
};

/* Something that the loop waits for; `on` runs when fd is ready or closed. */
typedef struct watch {
    int fd; /* -1: none */
    void (*on)(struct watch *watch);
    void *owner;
} watch;

typedef struct service {
    const struct service_row *row;
    pid_t pid; /* 0: not running */
    bool ready;
    bool done;             /* ended as it should (manifest reader) */
    uint64_t started, due; /* ms since boot; due 0: not waiting */
    uint32_t failures, restarts;
    int log_read; /* kept, so that a new logger can go on reading */
    int log_write;
    watch control;
} service;

typedef enum service_id {
    SERVICE_DISPLAY,
    SERVICE_LOGGER,
    SERVICE_MANIFESTS,
    SERVICE_FOLDERS,
    SERVICE_SPAWNER,
    SERVICE_NETD,
    SERVICE_BROKER,
    SERVICE_COUNT,
} service_id;

typedef enum instance_state { /* the WIT enum `state`, in its order */
                              INSTANCE_STARTING,
                              INSTANCE_READY,
                              INSTANCE_STOPPING,
                              INSTANCE_WAITING,
} instance_state;

typedef struct instance {
    uint32_t id;       /* 0: free */
    uint32_t launcher; /* id of the instance that asked, or 0 */
    const app_grant *grant;
    instance_state state;
    bool queued;  /* to be sent to the spawner */
    bool opening; /* its component and folders */
    bool asked;   /* the spawner, which has not answered yet */
    pid_t pid;    /* 0: not running */
    bool boot;    /* counts for all-ready */
    bool scale;
    bool attached;
    bool revive;   /* lost its compositor: started again in any case */
    bool killed;   /* asked to end: not restarted */
    bool reported; /* this run: ready, failed, ended or slow was said */
    bool settled;  /* any run: the boot does not wait for it any more */
    uint64_t started, due;
    uint32_t failures, restarts;
    uint32_t statuses;  /* messages on the status socket */
    int syscall_killed; /* number, or -1 */
    int log_read;
    int files[FOLDER_FDS]; /* component and folders, until forked; or -1 */
    int stdio[2];          /* attached: stdin and stdout, until forked; or -1 */
    /* The services' ends, for restarted services. */
    int ipc_end, net_end, display_end;
    int changes; /* eventfd shared with the app, or -1 */
    watch status, process;
    grant_strings args;
} instance;

typedef struct init_state {
    role_options options;
    int epoll, signals;
    int log; /* PID 1's own lines go here */
    bool cgroups;
    service services[SERVICE_COUNT];
    uint32_t napps;
    app_grant apps[INIT_MAX_APPS];
    instance instances[INIT_MAX_INSTANCES];
    uint32_t next_id;
    boot_plan plan;
    bool planned, all_ready, scaling;
    uint64_t scale_started;
    int power; /* 0, or the command for reboot(2) once all is down */
    uint64_t power_due;
} init_state;

extern init_state init;

/* init.c */
uint64_t init_now(void); /* ms since boot */
void init_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int init_watch(watch *w, int fd, void (*on)(watch *w), void *owner);
void init_unwatch(watch *w); /* closes fd */
/* Adds to what the loop's time-out must respect. */
void init_due(uint64_t *next, uint64_t due);

/* init_boot.c */
void boot_mount(void);
void boot_cgroups(void);

/* init_services.c */
void services_start(void);
void services_planned(void); /* starts what needs the boot plan */
void services_tick(uint64_t now, uint64_t *next);
bool services_reaped(pid_t pid, int status);
/* Sends to a service; -EAGAIN, -EPIPE, ... */
int service_send(service_id id, const void *message, size_t size,
                 const int *fds, size_t nfds);
const char *service_name(service_id id);
void services_stop(int sig);
bool services_alive(void);
/* Hands a writer's pipe to the logger. */
void service_log(const char *name, uint32_t id, int read_end);

/* init_apps.c */
const app_grant *apps_find(const char *name);
instance *apps_instance(uint32_t id);
void apps_installed(const app_grant *grant);
void apps_plan(const boot_plan *plan);
/* A new instance; `fds` are its stdin and stdout (owned from here), or -1.
 * Returns it or NULL with *err one of proc_status. */
instance *apps_launch(const app_grant *grant, const grant_strings *args,
                      uint32_t launcher, const int fds[2], int *err);
/* The spawner's answer; then what reap() saw before it, if anything. */
void apps_spawned(const spawn_reply *reply);
/* The folders' answer; takes the descriptors. */
void apps_opened(const folder_reply *reply, const int fds[FOLDER_FDS]);
bool apps_reaped(pid_t pid, int status);
void init_match_early(pid_t pid);
void apps_tick(uint64_t now, uint64_t *next);
void apps_ready(instance *i);
void apps_kill(instance *i);
void apps_end_all(int sig);
bool apps_alive(void);
/* The service lost its state: give it its clients again. */
void apps_reconnect(service_id id);
void apps_display_lost(void);
/* The compositor has closed its connection. */
void apps_window_closed(instance *i, bool misused);
void apps_changed(void);
uint64_t apps_memory(const instance *i);
void apps_watch_status(instance *i, int fd);
/* vyoma.scale: further instances of one app, and how long they took. */
void apps_scale(void);
void apps_scale_progress(void);

/* init_wire.c */
typedef enum wire_result {
    WIRE_OK,
    WIRE_LATER,  /* a service that it needs is being started again */
    WIRE_FAILED, /* the reason is in the app's log */
} wire_result;
wire_result wire_and_spawn(instance *i);
/* Component and folders: those of the image are opened at once (0, or a
 * negative errno and what it was), others by the service that may wait for the
 * disk and answers with apps_opened (false: it is not there now). */
bool wire_needs_disk(const app_grant *grant);
int wire_open_image(instance *i, const char **what);
bool wire_ask_files(instance *i);
void wire_client(instance *i, service_id id, bool adopted);
/* The same for the compositor; 0 or a negative errno. */
int wire_window(instance *i, bool adopted);
void wire_cgroup_path(const instance *i, char out[96]);

/* init_control.c */
void control_accept(instance *i, int fd);

/* init_power.c */
void power_down(int command); /* RB_POWER_OFF, RB_AUTOBOOT */
void power_tick(uint64_t now, uint64_t *next);

#endif
