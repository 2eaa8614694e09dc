/*
 * jail.h - how a role gives up everything but what it holds.  Each role's
 * main fills one `jail` and enters it before it looks at any input.
 */
#ifndef VYOMA_JAIL_H
#define VYOMA_JAIL_H

#include "supervisor/policy.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct jail {
    const char *name;     /* process name, at most 15 bytes */
    uid_t uid;            /* and gid; 0 stays root (spawner only) */
    bool keep_network;    /* else: an empty network namespace */
    bool keep_namespaces; /* already in the empty ones (runner) */
    uint64_t keep_caps;   /* bits of CAP_*; normally none */
    uint32_t descriptors; /* RLIMIT_NOFILE */
    uint32_t processes;   /* RLIMIT_NPROC; 0: none may be made */
    uint64_t memory;      /* RLIMIT_DATA; 0: no limit of this kind */
    const policy_filter *filter;
    int report_fd; /* where STATUS_SECCOMP goes before the process dies */
} jail;

/* Steps, in order: namespaces with an empty read-only root, session, rlimits,
 * uid, capabilities, no new privileges, seccomp.  A step that fails is
 * written to stderr and ends the process: no role runs half jailed. */
void jail_enter(const jail *jail);

/* jail_enter in two halves, for the spawner, whose children do the second. */
void jail_enter_namespaces(const jail *jail);
void jail_drop_privileges(const jail *jail);

/* Where a child reports to until it enters its own jail. */
void jail_report_to(int fd);

/* Closes every descriptor that is not in `keep` (sorted here), 0-2 included. */
void jail_close_others(int *keep, size_t count);

#endif
