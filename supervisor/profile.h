/*
 * profile.h - a profile in the making and its end.
 *
 *   sampler.c         a thread that asks a thousand times a second where the
 *                     guest is, and gathers the answers as a tree of calls
 *   profile.c         the finished profile: functions, lines, instructions
 *   profile_write.c   as a table, folded stacks, or JSON
 *   profile_firefox.c as a file for profiler.firefox.com
 */
#ifndef VYOMA_PROFILE_H
#define VYOMA_PROFILE_H

#include "vm/counts.h"
#include "vm/sample.h"

#include <stdio.h>

/* ---- what the sampler gathers ----------------------------------------------
 */

/* A frame and how it was reached.  Node 0 is the root, without a frame. */
typedef struct profile_node {
    uint32_t parent;
    uint32_t func; /* in funcs; set by profile_finish */
    vm_sample_frame frame;
    uint64_t self_ns;
    uint32_t samples;
    uint8_t special; /* profile_special */
} profile_node;

/* Nodes that stand for no frame. */
typedef enum profile_special {
    PROFILE_FRAME,
    PROFILE_ENGINE,    /* no guest runs: loading and linking */
    PROFILE_TRUNCATED, /* the outer frames of a deep stack */
    PROFILE_LOST,      /* where the guest was could not be told */
} profile_special;

typedef struct profile_sample {
    uint32_t node;
    uint32_t weight_ns; /* processor time since the sample before */
    uint64_t time_ns;   /* wall time since the start */
} profile_sample;

/* ---- what it becomes -------------------------------------------------------
 */

typedef struct profile_func {
    char *name;
    char *path;     /* of the source, or NULL */
    uint32_t line;  /* the first that was seen in it */
    uint32_t index; /* guest: in its module */
    uint32_t start; /* guest: offset in its module's bytes */
    uint8_t kind;   /* vm_sample_kind; PROFILE_* names have kind ENGINE */
    uint64_t self_ns, total_ns;
    uint64_t calls, instructions; /* counted, in all instances of its module */
    uint32_t samples;
} profile_func;

#define PROFILE_KIND_ENGINE 3

/* Time in a line, or at an opcode, or at an opcode that follows another; and
 * how often that was executed. */
typedef struct profile_part {
    const char *first; /* of pairs */
    const char *name;
    uint32_t line;
    uint64_t self_ns, count;
} profile_part;

typedef struct profile {
    const char *program;
    uint32_t rate;     /* samples a second that were wanted */
    uint64_t start_ms; /* Unix time */
    uint64_t cpu_ns, wall_ns;
    uint64_t lost_ns;
    bool timed; /* not only counted */
    bool out_of_memory;

    profile_node *nodes;
    uint32_t nnodes, nodes_cap;
    uint32_t *slots; /* hash of nodes: number + 1 */
    uint32_t mask;
    profile_sample *samples;
    uint32_t nsamples, samples_cap;

    profile_func *funcs; /* by self time, the largest first */
    uint32_t nfuncs;
    profile_part *lines, *opcodes, *pairs;
    uint32_t nlines, nopcodes, npairs;
    /* Of each node: path and line of the instruction, or NULL and 0; and in
     * guest code its vm_op. */
    struct profile_position {
        const char *path;
        uint32_t line, column, offset;
        uint16_t op;
    } *positions;

    char **paths; /* others than those of funcs */
    uint32_t npaths;

    vm_counts *counts;  /* NULL: they could not be had */
    char **count_names; /* of counts->funcs */
} profile;

/* ---- sampler.c -------------------------------------------------------------
 */

/* Starts to sample the calling thread; it must stay the guest's.  False after
 * a message: not on this machine. */
bool sampler_start(profile *profile, const vm_store *store);
/* Ends; the profile then holds nodes and samples. */
void sampler_stop(void);

/* The node of a frame below `parent`; made if need be.  0: out of memory. */
uint32_t profile_child(profile *profile, uint32_t parent,
                       profile_special special, const vm_sample_frame *frame);

/* ---- profile.c -------------------------------------------------------------
 */

/* Finds names and positions, while the store is there. */
void profile_finish(profile *profile);
void profile_free(profile *profile);
const char *profile_node_name(const profile *profile, uint32_t node);

/* ---- writing ---------------------------------------------------------------
 */

void profile_write_table(const profile *profile, FILE *out);
void profile_write_folded(const profile *profile, FILE *out);
void profile_write_json(const profile *profile, FILE *out);
void profile_write_firefox(const profile *profile, FILE *out);
/* A JSON string, quotes included; bytes that are not UTF-8 are replaced. */
void profile_write_string(const char *text, FILE *out);

#endif
