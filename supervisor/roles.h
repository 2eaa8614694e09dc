/*
 * roles.h - the mains of the processes that PID 1 forks, one per role_*.c.
 * Each gets its end of a SOCK_SEQPACKET pair to PID 1 (messages: proto.h),
 * closes everything else, enters its jail, and never returns to the caller's
 * code: the result is the exit status.
 */
#ifndef VYOMA_ROLES_H
#define VYOMA_ROLES_H

#include "supervisor/jail.h"
#include "supervisor/proto.h"

/* Chosen by `vyoma init`'s flags; what a role may need to know of them. */
typedef struct role_options {
    const char *system; /* "/system" */
    const char *data;   /* "/data" */
    bool restarted;     /* not the first process of this role */
    bool headless;      /* no DRM, no evdev */
    bool host;          /* a test on a developer's machine */
    int session;        /* where windows are, for the compositor; or -1 */
} role_options;

/* uids of services; apps start at ROLE_UID_APPS. */
enum {
    ROLE_UID_LOGGER = 9001,
    ROLE_UID_MANIFESTS,
    ROLE_UID_BROKER,
    ROLE_UID_NETD,
    ROLE_UID_COMPOSITOR,
    ROLE_UID_APPS = 10000,
};

int logger_main(int control, const role_options *options);
int manifests_main(int control, const role_options *options);
int broker_main(int control, const role_options *options);
int folders_main(int control, const role_options *options);
int netd_main(int control, const role_options *options);
int display_main(int control, const role_options *options);
int spawner_main(int control, const role_options *options);

/* Compiles the role's filter and enters a jail with usual limits. */
void role_enter(const char *role, uid_t uid, int control);

/*
 * The loop of a service that apps talk to.  `add` is told of each client that
 * PID 1 announces, and owns its descriptor; role_watch has `read` called, with
 * the client, whenever that can be read.  Ends with PID 1.
 */
typedef struct role_service {
    int control, epoll;
    void (*add)(const client_message *message, int fd);
    void (*read)(void *client);
} role_service;
_Noreturn void role_serve(const role_service *service);
void role_watch(int epoll, int fd, void *client);

/* What a jailed runner does; answers its exit status.  A variable so that
 * tests can put a hostile program in the place of the engine. */
typedef struct runner_job {
    const spawn_request *request;
    int fds[RUNNER_FDS];      /* -1: not granted; now the job's */
    struct vm_engine *engine; /* made before the fork: pages are shared */
    struct cm_linker *linker; /* likewise, with all WIT read */
    struct tls_trust *trust;  /* likewise; nothing parsed yet */
} runner_job;
extern int (*runner_payload)(runner_job *job);

/* Jails this process as the request says, then runs the payload. */
_Noreturn void runner_main(runner_job *job, const policy_filter *filter);
/* The sets of system calls that a grant needs. */
uint32_t runner_policy(const app_grant *grant);

#endif
