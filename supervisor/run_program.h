/*
 * run_program.h - running one file to its end, as `vyoma run` does.
 */
#ifndef VYOMA_RUN_PROGRAM_H
#define VYOMA_RUN_PROGRAM_H

#include "supervisor/run_options.h"

/*
 * Watches a run.  `start` comes before any guest code runs; `end`, once, when
 * the guest has ended in whatever way: its state is as it was left.
 */
typedef struct run_observer {
    void *env;
    void (*start)(void *env, vm_store *store);
    void (*end)(void *env, vm_store *store);
} run_observer;

/*
 * Loads, links and runs options->file.  Says on stderr what went wrong.
 * Returns the exit status: the guest's; 134 after a trap, 130 when stopped, 1
 * when it did not load or link.  `observer` may be NULL.
 */
int run_program(const run_options *options, const run_observer *observer);

/* Async-signal-safe: makes the guest stop soon, as by a trap. */
void run_program_stop(void);

#endif
