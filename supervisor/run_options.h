/*
 * run_options.h - the options of `vyoma run` and `vyoma serve`, spelled as in
 * wasmtime, and the context and limits that they describe.
 */
#ifndef VYOMA_RUN_OPTIONS_H
#define VYOMA_RUN_OPTIONS_H

#include "wasi/net.h"
#include "wasi/tls.h"
#include "wasi/wasi.h"

typedef struct run_list {
    const char **items;
    size_t count;
} run_list;

typedef struct run_link {
    const char *name; /* of the import */
    const char *file;
} run_link;

typedef struct run_options {
    const char *command; /* "run", for messages */
    const char *file;
    const char *argv0;  /* NULL: the file's name */
    const char *invoke; /* NULL: the command's entry */
    const char *addr;   /* of `serve` */
    char *coredump;     /* file to write after a trap, or NULL */
    uint64_t workers;   /* processes of `serve`; 0: the default */
    uint64_t max_body;  /* bytes of a request's body; 0: the default */
    uint64_t max_head;  /* the same of its head */
    uint64_t idle_timeout_ns, header_timeout_ns, body_timeout_ns; /* too */
    const char *tls_cert, *tls_key; /* PEM files; NULL: plain HTTP */
    run_list args;                  /* args.items[0] is the program's name */
    run_list env;                   /* NAME=VALUE */
    run_list settings;              /* the same, of wasi:config */
    wasi_preopen *preopens;
    size_t npreopens;
    run_link *links;
    size_t nlinks;
    tls_trust *trust; /* with `http`: the machine's authorities, and --ca's */
    vm_store_limits limits;
    uint64_t fuel;       /* UINT64_MAX: endless */
    uint64_t timeout_ns; /* 0: endless */
    bool deterministic;
    bool count; /* what is executed, for `profile` */
    bool inherit_env, inherit_network, lookup, no_tcp, no_udp, http, keyvalue;
    bool help;
} run_options;

/* An option; a command may have more of them than `run`.  It then gives its own
 * structure as `options`, whose first member is the run_options. */
typedef struct run_option {
    const char *name;     /* "--dir", "max-memory-size" */
    const char *argument; /* "HOST[::GUEST]"; NULL: none, or y/n */
    bool (*set)(run_options *options, const char *value);
    const char *help; /* NULL: not shown */
} run_option;

typedef struct run_command {
    const char *text;       /* what --help says it does */
    const run_option *more; /* ends with a NULL name */
} run_command;

/*
 * Parses argv.  Returns 0, or an exit status after saying what is wrong on
 * stderr.  With `help` set, usage was printed.  Preopened directories are open.
 */
int run_options_parse(int argc, char **argv, run_options *out);
int run_options_parse_more(int argc, char **argv, const run_command *command,
                           run_options *out);
/* Says what is wrong with a value; false. */
bool run_options_complain(const run_options *options, const char *what,
                          const char *value, const char *valid);
void run_options_finish(run_options *options);

/* Duplicates standard streams and preopens into a context. */
VM_MUST_CHECK vm_status run_options_context(const run_options *options,
                                            wasi_ctx **out, vm_error *err);

/* "64M", "1G", "4096" -> bytes; "2s", "150ms", "1m" -> ns.  False: neither. */
bool run_parse_size(const char *text, uint64_t *out);
bool run_parse_duration(const char *text, uint64_t *ns);

#endif
