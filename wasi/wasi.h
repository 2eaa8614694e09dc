/*
 * wasi.h - host interfaces for one guest: what it was granted, and nothing
 * else, is put into a linker.  The grant arrives as open descriptors and
 * values; this layer opens nothing that it was not handed a way to open.
 *
 * wasi/ knows vm/ and gfx/ (for vyoma:ui), and nothing of supervisor/: a
 * jailed runner and the developer's `vyoma run` fill the same structure.
 */
#ifndef VYOMA_WASI_H
#define VYOMA_WASI_H

#include "vm/component.h"

typedef struct wasi_ctx wasi_ctx;
typedef struct wasi_net wasi_net; /* net.h: makes sockets, or asks netd */

/* What a manifest can grant.  grants.c maps each to its WIT interfaces. */
typedef enum wasi_capability {
    WASI_CAP_STDIO = 1 << 0,
    WASI_CAP_FILESYSTEM = 1 << 1,
    WASI_CAP_NETWORK = 1 << 2,
    WASI_CAP_DISPLAY = 1 << 3,
    WASI_CAP_IPC = 1 << 4,
    WASI_CAP_PROCESS = 1 << 5,
    WASI_CAP_SHELL = 1 << 6, /* vyoma:desktop/shell: the desktop's own apps */
    WASI_CAP_CLOCKS = 1 << 7,
    WASI_CAP_RANDOM = 1 << 8,
    WASI_CAP_ENVIRONMENT = 1 << 9,
    WASI_CAP_HTTP = 1 << 10,
    WASI_CAP_KEYVALUE = 1 << 11,
} wasi_capability;

typedef struct wasi_preopen {
    int fd;                 /* an open directory; ownership passes */
    const char *guest_path; /* "/data" */
    bool writable;
} wasi_preopen;

typedef struct wasi_config {
    uint32_t capabilities;   /* of wasi_capability */
    const char *const *args; /* args[0] is the program's name */
    size_t nargs;
    const char *const *env; /* "KEY=VALUE" */
    size_t nenv;
    const char *const *settings; /* "KEY=VALUE" of wasi:config; none: env */
    size_t nsettings;
    int stdin_fd, stdout_fd, stderr_fd; /* -1: closed stream */
    const wasi_preopen *preopens;
    size_t npreopens;
    wasi_net *net;      /* NULL without WASI_CAP_NETWORK; ownership passes */
    wasi_net *http_net; /* for outgoing HTTP; NULL: net; ownership passes */
    struct tls_trust *trust; /* for TLS; NULL: none; outlives the context */
    int display_fd;          /* connection to the compositor, or -1 */
    int ipc_fd;              /* connection to the broker, or -1 */
    int process_fd;          /* connection to PID 1, or -1 */
    uint64_t clock_resolution_ns; /* coarsest clock step; 0: finest */
    /* Called once, before the guest first waits for input or time: what it
     * does at its start is then done.  May be NULL. */
    void (*waiting)(void *data);
    void *waiting_data;
} wasi_config;

/* Strings and arrays are copied; descriptors are owned from here on. */
VM_MUST_CHECK vm_status wasi_ctx_create(const wasi_config *config,
                                        wasi_ctx **out, vm_error *err);
void wasi_ctx_destroy(wasi_ctx *ctx);

/* Async-signal-safe: ends the guest's waiting with a trap (its computing is
 * ended by vm_store_interrupt). */
void wasi_ctx_interrupt(wasi_ctx *ctx);
bool wasi_ctx_is_interrupted(const wasi_ctx *ctx);
void wasi_ctx_resume(wasi_ctx *ctx); /* takes it back, for the next guest */

/* Defines exactly the interfaces that config.capabilities grants. */
VM_MUST_CHECK vm_status wasi_link(cm_linker *linker, wasi_ctx *ctx,
                                  vm_error *err);
/*
 * The same in two steps, for a process that forks one child per guest: the
 * parent reads all WIT into the linker once (nine tenths of the work), each
 * child then defines what its guest was granted.
 */
VM_MUST_CHECK vm_status wasi_link_prepare(cm_linker *linker, vm_error *err);
VM_MUST_CHECK vm_status wasi_link_granted(cm_linker *linker, wasi_ctx *ctx,
                                          vm_error *err);

/* An interface of the import's name that is granted: then what is wrong with
 * the import is its version or its types.  Empty: none. */
vm_name wasi_other_version(const cm_linker *linker, const char *interface,
                           size_t len);

/*
 * The manifest key that would grant the import `interface` ("filesystem" for
 * "wasi:filesystem/types@0.2.3"), or NULL when nothing would.
 */
const char *wasi_capability_name(const char *interface, size_t len);
/* The `vyoma run` option for the same, or NULL. */
const char *wasi_capability_option(const char *interface, size_t len);

/* A command's entry: wasi:cli/run of 0.3, else of 0.2; NULL without either. */
cm_func *wasi_find_run(cm_instance *instance);
/* Calls it, and lets what it started come to its end: 0 goes to *code if it
 * answered ok, else 1. */
VM_MUST_CHECK vm_status wasi_call_run(cm_func *run, int *code, vm_error *err);

/*
 * Preview 1, for core modules: makes the host function for an import from
 * "wasi_snapshot_preview1".  VM_INVALID with phase LINK when there is no such
 * function or its type differs.  `ctx` outlives the store.
 */
VM_MUST_CHECK vm_status wasi_preview1_import(wasi_ctx *ctx, vm_store *store,
                                             const vm_import *import,
                                             vm_extern *out, vm_error *err);

#endif
