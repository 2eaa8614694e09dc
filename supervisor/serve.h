/*
 * serve.h - `vyoma serve`: cmd_serve.c listens and keeps processes running,
 * serve_worker.c is what each of them does.
 */
#ifndef VYOMA_SERVE_H
#define VYOMA_SERVE_H

#include "supervisor/run_options.h"
#include "wasi/tls.h"

#include <stdatomic.h>
#include <stdbool.h>

enum { SERVE_WARM = 4 }; /* instances made ahead, per worker */

typedef struct serve_instance {
    vm_store *store;
    cm_func *handle;
    bool is_async; /* 0.3's, which returns its response */
} serve_instance;

/* Made by the parent; each worker has a copy after the fork. */
typedef struct serve_worker {
    const run_options *options;
    vm_engine *engine;
    cm_component *component;
    tls_identity *identity; /* NULL: plain HTTP */
    int listener;
    bool is_extra;              /* ends when there is nothing to do */
    _Atomic uint64_t *guest_at; /* shared: when its guest began; 0: none */
    wasi_ctx *ctx;
    cm_linker *linker;
    int epoll;
    bool accepting; /* the listener is in `epoll` */
    struct serve_client *clients;
    size_t nclients;
    serve_instance warm[SERVE_WARM];
    size_t nwarm;
} serve_worker;

/* One instance in the parent: what is wrong with the component shows now. */
bool serve_try(serve_worker *worker, vm_error *err);
/* The exit status; not 0 when it could not even begin. */
int serve_work(serve_worker *worker);

#endif
