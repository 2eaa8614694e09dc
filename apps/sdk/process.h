/*
 * process.h - imports of vyoma:process: what is installed, what runs, start,
 * stop, logs, power.  Granted verb by verb: see docs/capabilities.md.
 */
#ifndef VYOMA_SDK_PROCESS_H
#define VYOMA_SDK_PROCESS_H

#include "sdk/wasi.h"

#define PROCESS "vyoma:process/control@0.1.0"

typedef struct app_icon {
    str glyph;
    uint32_t color, accent; /* 0xRRGGBB */
} app_icon;

typedef struct app_info {
    str name, title;
    app_icon icon;
    bool visible;
} app_info;

enum { STATE_STARTING, STATE_READY, STATE_STOPPING, STATE_WAITING };

typedef struct app_instance {
    uint32_t id;
    str app;
    uint8_t state;
    uint32_t restarts;
    uint64_t memory, cpu, uptime; /* bytes, nanoseconds, milliseconds */
} app_instance;

/* result<T, string> for each T in use */
typedef struct app_list {
    uint8_t is_err;
    union {
        struct {
            const app_info *items;
            size_t len;
        };
        str error;
    };
} app_list;

typedef struct instance_list {
    uint8_t is_err;
    union {
        struct {
            const app_instance *items;
            size_t len;
        };
        str error;
    };
} instance_list;

typedef struct system_info {
    uint8_t is_err;
    uint8_t pad[7];
    union {
        struct {
            uint64_t memory_total, memory_free;
            uint32_t processors, pad2;
            uint64_t cpu, uptime;
        };
        str error;
    };
} system_info;

typedef struct launch_result {
    uint8_t is_err;
    union {
        uint32_t id;
        struct {
            uint32_t attached_id;
            handle to, from; /* its stdin, its stdout */
        };
        str error;
    };
} launch_result;

typedef struct lines_result {
    uint8_t is_err;
    union {
        str_list lines;
        str error;
    };
} lines_result;

typedef struct changes_result {
    uint8_t is_err;
    union {
        handle pollable;
        str error;
    };
} changes_result;

typedef struct done_result {
    uint8_t is_err;
    str error;
} done_result;

IMPORT(PROCESS, "apps") void process_apps(app_list *out);
IMPORT(PROCESS, "instances") void process_instances(instance_list *out);
IMPORT(PROCESS, "system") void process_system(system_info *out);
IMPORT(PROCESS, "changes") void process_changes(changes_result *out);
IMPORT(PROCESS, "launch")
void process_launch(const char *app, size_t len, const str *args, size_t count,
                    launch_result *out);
IMPORT(PROCESS, "launch-attached")
void process_launch_attached(const char *app, size_t len, const str *args,
                             size_t count, launch_result *out);
IMPORT(PROCESS, "kill") void process_kill(uint32_t id, done_result *out);
IMPORT(PROCESS, "log")
void process_log(const char *app, size_t len, uint32_t max_lines,
                 lines_result *out);
IMPORT(PROCESS, "power-off") void process_power_off(done_result *out);
IMPORT(PROCESS, "restart") void process_restart(done_result *out);

#endif
