/*
 * internal.h - shared by the files of wasi/: the context of one guest and
 * helpers for host functions.  `host` of every interface is the wasi_ctx.
 */
#ifndef VYOMA_WASI_INTERNAL_H
#define VYOMA_WASI_INTERNAL_H

#include "wasi/io.h"

#include <signal.h>

struct wasi_file;

typedef struct wasi_dir_grant {
    struct wasi_file *dir;
    char *guest_path;
} wasi_dir_grant;

struct wasi_ctx {
    uint32_t capabilities;
    char **args;
    size_t nargs;
    char **env; /* "KEY=VALUE" */
    size_t nenv;
    char **settings; /* of wasi:config; none: env */
    size_t nsettings;
    int stdio[3]; /* owned; -1: closed */
    wasi_dir_grant *preopens;
    size_t npreopens;
    wasi_net *net;
    int display_fd, ipc_fd, process_fd;
    uint64_t clock_resolution_ns;
    void (*waiting)(void *data); /* NULL once it was called */
    void *waiting_data;
    void (*before_wait)(void *data); /* NULL, or what each wait begins with */
    void *before_wait_data;
    uint8_t *scratch;        /* wasi_scratch */
    uint64_t secret;         /* keys the metadata hashes */
    wasi_net *http_net;      /* for outgoing requests; may be net */
    struct tls_trust *trust; /* of outgoing TLS; not owned; may be NULL */
    struct wasi_keyvalue *keyvalue; /* made on first use */
    size_t http_budget;             /* bytes in the guest's header fields */
    volatile sig_atomic_t interrupted;
    struct wasi_preview1 *preview1; /* made on first use */
    struct wasi_p3 *p3;             /* the same */
    struct vyoma_display *display;  /* the same */
    struct vyoma_ipc *ipc;          /* the same */
};

/* A buffer for one host call's result, made on first use; NULL: no memory.
 * A value that points into it is safe until the guest calls again. */
#define WASI_SCRATCH_SIZE ((size_t)256 << 10)
uint8_t *wasi_scratch(wasi_ctx *ctx);

/* The trap for a failed cm_alloc or wasi_*_create. */
VM_MUST_CHECK vm_status wasi_no_memory(cm_call *call);
/* Waits and turns EINTR and ENOMEM into traps. */
VM_MUST_CHECK vm_status wasi_block(cm_call *call, wasi_ctx *ctx, wasi_wait *set,
                                   size_t count);
void vyoma_display_destroy(struct vyoma_display *display); /* vyoma_ui.c */
void vyoma_ipc_destroy(struct vyoma_ipc *ipc);             /* vyoma_ipc.c */
/* Result builders. */
VM_MUST_CHECK vm_status wasi_own(cm_call *call, cm_value *result, void *rep);
VM_MUST_CHECK vm_status wasi_ok_own(cm_call *call, cm_value *result, void *rep);
VM_MUST_CHECK vm_status wasi_err_enum(cm_call *call, cm_value *result,
                                      uint64_t code);
/* result<_, error-code> from an errno; `lower` makes the error-code of it. */
typedef vm_status (*wasi_error_fn)(cm_call *call, int number, cm_value *out);
VM_MUST_CHECK vm_status wasi_outcome(wasi_error_fn lower, cm_call *call,
                                     cm_value *result, int number);
VM_MUST_CHECK vm_status wasi_ok_list(cm_call *call, cm_value *result,
                                     cm_value *items, size_t len);
/* `count` zeroed values (of a record, tuple or list). */
cm_value *wasi_values(cm_call *call, size_t count);
cm_value wasi_string(const char *text);

/* Preview 1's "capabilities insufficient", which no errno stands for. */
#define ENOTCAPABLE 10076

/* One line per errno: what each interface calls it. */
typedef struct wasi_errno {
    int number;
    uint16_t preview1;  /* errno of wasi_snapshot_preview1 */
    uint8_t filesystem; /* error-code of wasi:filesystem/types */
    uint8_t network;    /* error-code of wasi:sockets/network */
} wasi_errno;
const wasi_errno *wasi_errno_find(int number);
uint16_t wasi_errno_preview1(int number);
uint64_t wasi_errno_filesystem(int number);
uint64_t wasi_errno_network(int number);

/* A nanosecond reading rounded down to the granted resolution. */
uint64_t wasi_clock_coarsen(const wasi_ctx *ctx, uint64_t ns);
uint64_t wasi_clock_resolution(const wasi_ctx *ctx, int clock);
/* Fills with unpredictable bytes; aborts if the kernel has none. */
void wasi_random_fill(void *buf, size_t len);

#endif
