/*
 * policy.h - which system calls each role may make.  Anything else ends the
 * process (see jail.c for how the number reaches the log).
 */
#ifndef VYOMA_POLICY_H
#define VYOMA_POLICY_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a process may do, as sets of system calls that roles are made of. */
typedef enum policy_set {
    POLICY_CORE = 1 << 0,     /* memory, time, streams it holds, its end */
    POLICY_MESSAGES = 1 << 1, /* send and receive on sockets it holds */
    POLICY_EPOLL = 1 << 2,
    POLICY_FILES = 1 << 3,   /* everything beneath folders it holds */
    POLICY_READ = 1 << 4,    /* open for reading only, list folders */
    POLICY_STREAM = 1 << 5,  /* accept and set up sockets it was given */
    POLICY_SOCKETS = 1 << 6, /* make, bind, connect */
    POLICY_DEVICES = 1 << 7, /* DRM and evdev */
    POLICY_SPAWN = 1 << 8,   /* fork jailed children: what a jail needs */
    POLICY_THREADS = 1 << 9,
    POLICY_CONSOLE = 1 << 10, /* ask a terminal for its size */
    POLICY_DISPLAY = 1 << 11, /* shared memory for window buffers */
    POLICY_MOUNTS = 1 << 13,  /* folders as mounts of their own */
    POLICY_PAIRS = 1 << 12,   /* make connected pairs of sockets */
    POLICY_TIMER = 1 << 14,   /* stop itself after a time */
} policy_set;

typedef struct policy_role {
    const char *name;
    uint32_t sets;
} policy_role;

/* Services in the order of init's table, then the runner's base. */
extern const policy_role policy_roles[];
extern const size_t policy_role_count;
const policy_role *policy_find(const char *name);

/* A compiled filter: `program.filter` is malloc'd. */
typedef struct policy_filter {
    struct sock_fprog program;
} policy_filter;

/* False in sanitized builds, whose runtime needs calls and memory of its own:
 * the lists are then wider, and memory is not limited. */
bool policy_is_exact(void);

/* Compiles the union of sets; 0 or a negative errno. */
int policy_compile(uint32_t sets, policy_filter *out);
void policy_filter_finish(policy_filter *filter);

/* The system calls of one set, ended by -1, for tests and documentation. */
bool policy_allows(uint32_t sets, int number);

#endif
