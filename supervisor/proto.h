/*
 * proto.h - messages between PID 1 and its services, one struct per
 * direction.  PID 1 is one end of every connection here; what apps say to
 * services is in wasi/proto_*.h, and the compositor's is gfx/control.h.
 */
#ifndef VYOMA_PROTO_H
#define VYOMA_PROTO_H

#include "supervisor/grant.h"

#include <assert.h>
#include <stdint.h>

/* ---- any service or runner -> PID 1, on its control or status socket ---- */

typedef enum status_kind {
    STATUS_READY = 1,
    STATUS_SECCOMP, /* about to be killed for the system call `value` */
} status_kind;

typedef struct status_message {
    uint32_t kind;
    int32_t value;
} status_message;

/* ---- manifest reader -> PID 1 ------------------------------------------- */

typedef enum manifest_kind {
    MANIFEST_GRANT = 1,
    MANIFEST_PLAN, /* the last message: the reader then ends */
} manifest_kind;

typedef struct manifest_message {
    uint32_t kind, pad;
    union {
        app_grant grant;
        boot_plan plan;
    };
} manifest_message;

/* ---- PID 1 -> logger ------------------------------------------------------
 */

typedef enum log_kind {
    LOG_ADD = 1, /* with one descriptor: the read end of a pipe */
    LOG_QUERY,   /* with one descriptor: lines are written to it */
} log_kind;

typedef struct log_message {
    uint32_t kind;
    uint32_t id;        /* LOG_ADD: the instance; 0 for services */
    uint32_t max_lines; /* LOG_QUERY */
    uint32_t pad;
    char name[GRANT_NAME];
} log_message;

/* ---- PID 1 -> broker, netd -------------------------------------------------
 */

/* A client's end of its connection comes along. */
typedef struct client_message {
    uint32_t id;      /* the instance */
    uint32_t adopted; /* the service before this one had it already */
    char app[GRANT_NAME];
    union {
        grant_ipc ipc;
        grant_network network;
    };
} client_message;

/* PID 1 -> netd, first: the machine's own address (all 0: the default). */
typedef struct net_setup {
    uint32_t address, gateway, dns, prefix;
} net_setup;

/* ---- PID 1 <-> folders ------------------------------------------------ */

/* The component, then the folders. */
enum { FOLDER_FDS = 1 + GRANT_FOLDERS };

typedef struct folder_request {
    uint32_t id;
    uint32_t count; /* of folders */
    char component[GRANT_PATH];
    grant_folder folders[GRANT_FOLDERS];
} folder_request;

typedef struct folder_reply {
    uint32_t id;
    uint32_t count; /* of descriptors that come along */
    int32_t error;  /* 0, or the errno of descriptor number `which` */
    uint32_t which;
} folder_reply;

/* ---- PID 1 <-> spawner ------------------------------------------------------
 */

/* Which descriptors come along, in this order. */
typedef enum runner_fd {
    RUNNER_STATUS, /* to PID 1 */
    RUNNER_COMPONENT,
    RUNNER_CGROUP,
    RUNNER_STDIN,
    RUNNER_STDOUT,
    RUNNER_STDERR,
    RUNNER_DISPLAY,
    RUNNER_IPC,
    RUNNER_NET,
    RUNNER_PROCESS,
    RUNNER_FOLDER, /* GRANT_FOLDERS of them */
    RUNNER_FDS = RUNNER_FOLDER + GRANT_FOLDERS,
} runner_fd;

typedef struct spawn_request {
    uint32_t id;
    uint32_t uid;
    uint32_t present; /* bits of runner_fd */
    uint32_t pad;
    grant_strings args; /* the launcher's, after the manifest's */
    app_grant grant;
} spawn_request;

typedef struct spawn_reply {
    uint32_t id;
    int32_t pid;  /* or a negative errno */
    uint64_t pad; /* unlike a status_message in size */
} spawn_reply;

static_assert(sizeof(status_message) == 8, "wire size");
static_assert(sizeof(log_message) == 48, "wire size");
static_assert(sizeof(app_grant) < 8192, "fits a socket message many times");

#endif
