/*
 * proto_process.h - the wire between an app that holds vyoma:process and
 * PID 1: one SOCK_SEQPACKET connection per instance, one request at a time,
 * each request and reply one fixed-size message.  Declared here once; both
 * ends check sizes on receipt (msg_recv).
 */
#ifndef VYOMA_PROTO_PROCESS_H
#define VYOMA_PROTO_PROCESS_H

#include <assert.h>
#include <stdint.h>

enum {
    PROC_NAME = 32,
    PROC_TITLE = 48,
    PROC_GLYPH = 24,
    PROC_ARGS = 512,
    PROC_MAX_ARGS = 16,
    PROC_ROWS = 16, /* rows in one reply; more replies follow */
    PROC_MAX_LOG_LINES = 500,
};

typedef enum proc_verb {
    PROC_VERB_LIST,
    PROC_VERB_LAUNCH,
    PROC_VERB_KILL,
    PROC_VERB_LOG,
    PROC_VERB_POWER,
    PROC_VERB_COUNT,
} proc_verb;

typedef enum proc_op {
    PROC_APPS = 1,        /* rows of proc_app */
    PROC_INSTANCES,       /* rows of proc_instance */
    PROC_SYSTEM,          /* one proc_system */
    PROC_CHANGES,         /* one descriptor: an eventfd */
    PROC_LAUNCH,          /* id */
    PROC_LAUNCH_ATTACHED, /* id, two descriptors: its stdin, its stdout */
    PROC_KILL,
    PROC_LOG, /* one descriptor: a pipe with the lines, then end of file */
    PROC_POWER_OFF,
    PROC_RESTART,
    PROC_OP_END,
} proc_op;

typedef enum proc_status {
    PROC_OK,
    PROC_DENIED,      /* the manifest lacks the verb */
    PROC_NO_APP,      /* no such app */
    PROC_NO_INSTANCE, /* no such id */
    PROC_TOO_MANY,    /* the limit on instances */
    PROC_FAILED,      /* could not be started; the log has more */
    PROC_BAD,         /* the request is malformed */
} proc_status;

typedef struct proc_request {
    uint32_t op;
    uint32_t id;        /* PROC_KILL */
    uint32_t max_lines; /* PROC_LOG */
    uint32_t nargs;
    char app[PROC_NAME];
    char args[PROC_ARGS]; /* nargs strings, each ended by a NUL */
} proc_request;

typedef struct proc_app {
    char name[PROC_NAME];
    char title[PROC_TITLE];
    char glyph[PROC_GLYPH];
    uint32_t color, accent;
    uint32_t visible, pad;
} proc_app;

typedef struct proc_instance {
    char app[PROC_NAME];
    uint32_t id;
    uint32_t state; /* index of the WIT enum `state` */
    uint32_t restarts, pad;
    uint64_t memory, cpu, uptime;
} proc_instance;

typedef struct proc_system {
    uint64_t memory_total, memory_free;
    uint64_t cpu, uptime;
    uint32_t processors, pad;
} proc_system;

typedef struct proc_reply {
    uint32_t op;
    uint32_t status; /* proc_status */
    uint32_t id;
    uint16_t nrows;
    uint16_t more; /* another reply to the same request follows */
    union {
        proc_app apps[PROC_ROWS];
        proc_instance instances[PROC_ROWS];
        proc_system system;
    };
} proc_reply;

static_assert(sizeof(proc_request) == 560, "wire size");
static_assert(sizeof(proc_app) == 120, "wire size");
static_assert(sizeof(proc_instance) == 72, "wire size");
static_assert(sizeof(proc_reply) == 16 + 16 * 120, "wire size");

#endif
