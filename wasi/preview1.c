/*
 * preview1.c - the way into preview 1: the table of its 46 functions, binding
 * them to a module's imports, and the functions that concern no descriptor.
 */
#include "wasi/preview1.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- guest memory ------------------------------------------------------ */

void *p1_view(const p1_call *call, uint64_t at, uint64_t len)
{
    if (at > call->size || len > call->size - at)
        return NULL;
    return call->mem + at;
}

int p1_put_u32(const p1_call *call, uint32_t at, uint32_t value)
{
    void *to = p1_view(call, at, sizeof value);
    if (!to)
        return EFAULT;
    memcpy(to, &value, sizeof value);
    return 0;
}

int p1_put_u64(const p1_call *call, uint32_t at, uint64_t value)
{
    void *to = p1_view(call, at, sizeof value);
    if (!to)
        return EFAULT;
    memcpy(to, &value, sizeof value);
    return 0;
}

int p1_get_path(const p1_call *call, vm_slot at, vm_slot len, wasi_path *out)
{
    out->len = P1_U32(len);
    out->data = p1_view(call, P1_U32(at), out->len);
    return out->data ? 0 : EFAULT;
}

int p1_wait(p1_call *call, wasi_wait *set, size_t count)
{
    int error = wasi_wait_any(call->ctx, set, count);
    if (error == EINTR)
        call->status = vm_trap(call->fiber, "interrupted while waiting");
    return error;
}

/* ---- arguments, environment, clocks, randomness ------------------------ */

static int put_strings(p1_call *call, char *const *strings, size_t count,
                       uint32_t list, uint32_t text)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(strings[i]) + 1;
        char *to = p1_view(call, text, len);
        if (!to || p1_put_u32(call, list, text))
            return EFAULT;
        memcpy(to, strings[i], len);
        list += sizeof(uint32_t);
        text += (uint32_t)len;
    }
    return 0;
}

static int put_sizes(p1_call *call, char *const *strings, size_t count,
                     uint32_t count_at, uint32_t size_at)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += strlen(strings[i]) + 1;
    if (size > UINT32_MAX)
        return EOVERFLOW;
    int error = p1_put_u32(call, count_at, (uint32_t)count);
    return error ? error : p1_put_u32(call, size_at, (uint32_t)size);
}

static P1_FN(args_get)
{
    return put_strings(call, call->ctx->args, call->ctx->nargs, P1_U32(args[0]),
                       P1_U32(args[1]));
}

static P1_FN(args_sizes_get)
{
    return put_sizes(call, call->ctx->args, call->ctx->nargs, P1_U32(args[0]),
                     P1_U32(args[1]));
}

static P1_FN(environ_get)
{
    return put_strings(call, call->ctx->env, call->ctx->nenv, P1_U32(args[0]),
                       P1_U32(args[1]));
}

static P1_FN(environ_sizes_get)
{
    return put_sizes(call, call->ctx->env, call->ctx->nenv, P1_U32(args[0]),
                     P1_U32(args[1]));
}

/* clockid of the witx -> clockid of the kernel */
static const clockid_t clock_ids[] = {CLOCK_REALTIME, CLOCK_MONOTONIC,
                                      CLOCK_PROCESS_CPUTIME_ID,
                                      CLOCK_THREAD_CPUTIME_ID};
enum { CLOCKS = sizeof clock_ids / sizeof *clock_ids };

static P1_FN(clock_res_get)
{
    if (P1_U32(args[0]) >= CLOCKS)
        return EINVAL;
    return p1_put_u64(
        call, P1_U32(args[1]),
        wasi_clock_resolution(call->ctx, clock_ids[P1_U32(args[0])]));
}

static P1_FN(clock_time_get)
{
    struct timespec now;
    if (P1_U32(args[0]) >= CLOCKS)
        return EINVAL;
    if (clock_gettime(clock_ids[P1_U32(args[0])], &now))
        return errno;
    uint64_t ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    return p1_put_u64(call, P1_U32(args[2]), wasi_clock_coarsen(call->ctx, ns));
}

static P1_FN(random_get)
{
    enum { PIECE = 1 << 20 };
    size_t left = P1_U32(args[1]);
    uint8_t *to = p1_view(call, P1_U32(args[0]), left);
    if (!to)
        return EFAULT;
    while (left && !call->ctx->interrupted) { /* gigabytes take their time */
        size_t n = left < PIECE ? left : PIECE;
        wasi_random_fill(to, n);
        to += n;
        left -= n;
    }
    if (left)
        call->status = vm_trap(call->fiber, "interrupted");
    return left ? EINTR : 0;
}

static P1_FN(proc_exit)
{
    call->status = vm_exit(call->fiber, (int)P1_U32(args[0]));
    return 0;
}

static P1_FN(proc_raise)
{
    return ENOSYS;
}

static P1_FN(sched_yield)
{
    sched_yield();
    return 0;
}

/* ---- the table --------------------------------------------------------- */

/* `params`: i for i32, l for i64.  `rights` are checked on the descriptor that
 * is the first argument. */
static const struct p1_row {
    const char *name, *params;
    uint64_t rights;
    bool on_fd; /* the first argument is a descriptor */
    p1_fn fn;
} table[] = {
    {"args_get", "ii", 0, false, p1_args_get},
    {"args_sizes_get", "ii", 0, false, p1_args_sizes_get},
    {"environ_get", "ii", 0, false, p1_environ_get},
    {"environ_sizes_get", "ii", 0, false, p1_environ_sizes_get},
    {"clock_res_get", "ii", 0, false, p1_clock_res_get},
    {"clock_time_get", "ili", 0, false, p1_clock_time_get},
    {"fd_advise", "illi", P1_RIGHT(FD_ADVISE), true, p1_fd_advise},
    {"fd_allocate", "ill", P1_RIGHT(FD_ALLOCATE), true, p1_fd_allocate},
    {"fd_close", "i", 0, true, p1_fd_close},
    {"fd_datasync", "i", P1_RIGHT(FD_DATASYNC), true, p1_fd_datasync},
    {"fd_fdstat_get", "ii", 0, true, p1_fd_fdstat_get},
    {"fd_fdstat_set_flags", "ii", P1_RIGHT(FD_FDSTAT_SET_FLAGS), true,
     p1_fd_fdstat_set_flags},
    {"fd_fdstat_set_rights", "ill", 0, true, p1_fd_fdstat_set_rights},
    {"fd_filestat_get", "ii", P1_RIGHT(FD_FILESTAT_GET), true,
     p1_fd_filestat_get},
    {"fd_filestat_set_size", "il", P1_RIGHT(FD_FILESTAT_SET_SIZE), true,
     p1_fd_filestat_set_size},
    {"fd_filestat_set_times", "illi", P1_RIGHT(FD_FILESTAT_SET_TIMES), true,
     p1_fd_filestat_set_times},
    {"fd_pread", "iiili", P1_RIGHT(FD_READ) | P1_RIGHT(FD_SEEK), true,
     p1_fd_pread},
    {"fd_prestat_get", "ii", 0, true, p1_fd_prestat_get},
    {"fd_prestat_dir_name", "iii", 0, true, p1_fd_prestat_dir_name},
    {"fd_pwrite", "iiili", P1_RIGHT(FD_WRITE) | P1_RIGHT(FD_SEEK), true,
     p1_fd_pwrite},
    {"fd_read", "iiii", P1_RIGHT(FD_READ), true, p1_fd_read},
    {"fd_readdir", "iiili", P1_RIGHT(FD_READDIR), true, p1_fd_readdir},
    {"fd_renumber", "ii", 0, true, p1_fd_renumber},
    {"fd_seek", "ilii", P1_RIGHT(FD_SEEK), true, p1_fd_seek},
    {"fd_sync", "i", P1_RIGHT(FD_SYNC), true, p1_fd_sync},
    {"fd_tell", "ii", P1_RIGHT(FD_TELL), true, p1_fd_tell},
    {"fd_write", "iiii", P1_RIGHT(FD_WRITE), true, p1_fd_write},
    {"path_create_directory", "iii", P1_RIGHT(PATH_CREATE_DIRECTORY), true,
     p1_path_create_directory},
    {"path_filestat_get", "iiiii", P1_RIGHT(PATH_FILESTAT_GET), true,
     p1_path_filestat_get},
    {"path_filestat_set_times", "iiiilli", P1_RIGHT(PATH_FILESTAT_SET_TIMES),
     true, p1_path_filestat_set_times},
    {"path_link", "iiiiiii", P1_RIGHT(PATH_LINK_SOURCE), true, p1_path_link},
    {"path_open", "iiiiillii", P1_RIGHT(PATH_OPEN), true, p1_path_open},
    {"path_readlink", "iiiiii", P1_RIGHT(PATH_READLINK), true,
     p1_path_readlink},
    {"path_remove_directory", "iii", P1_RIGHT(PATH_REMOVE_DIRECTORY), true,
     p1_path_remove_directory},
    {"path_rename", "iiiiii", P1_RIGHT(PATH_RENAME_SOURCE), true,
     p1_path_rename},
    {"path_symlink", "iiiii", 0, false, p1_path_symlink},
    {"path_unlink_file", "iii", P1_RIGHT(PATH_UNLINK_FILE), true,
     p1_path_unlink_file},
    {"poll_oneoff", "iiii", 0, false, p1_poll_oneoff},
    {"proc_exit", "i", 0, false, p1_proc_exit}, /* the one without a result */
    {"proc_raise", "i", 0, false, p1_proc_raise},
    {"sched_yield", "", 0, false, p1_sched_yield},
    {"random_get", "ii", 0, false, p1_random_get},
    {"sock_accept", "iii", P1_RIGHT(SOCK_ACCEPT), true, p1_sock_accept},
    {"sock_recv", "iiiiii", P1_RIGHT(FD_READ), true, p1_sock_recv},
    {"sock_send", "iiiii", P1_RIGHT(FD_WRITE), true, p1_sock_send},
    {"sock_shutdown", "ii", P1_RIGHT(SOCK_SHUTDOWN), true, p1_sock_shutdown},
};
enum { ROWS = sizeof table / sizeof *table };
_Static_assert(ROWS == 46, "wasi_snapshot_preview1 has 46 functions");

/* What a host function of the engine is given. */
struct p1_binding {
    wasi_ctx *ctx;
    const struct p1_row *row;
};

/* ---- state ------------------------------------------------------------- */

static int add_stdio(wasi_ctx *ctx, wasi_preview1 *p1, int which)
{
    int fd = fcntl(ctx->stdio[which], F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return 0; /* a closed stream: EBADF */
    wasi_file *file = wasi_file_create_preopen(fd, false);
    if (!file)
        return ENOMEM;
    file->is_dir = false;
    file->readable = which == 0;
    file->writable = which != 0;
    p1->fds[which] = (p1_fd){.file = file, .rights = p1_file_rights(file)};
    return 0;
}

static int add_preopen(wasi_preview1 *p1, const wasi_dir_grant *grant)
{
    wasi_file like_file = {.readable = true, .writable = grant->dir->mutable};
    p1_fd fd = {.file = wasi_retain(grant->dir),
                .preopen = grant->guest_path,
                .rights = p1_file_rights(grant->dir)};
    fd.inheriting = fd.rights | p1_file_rights(&like_file);
    uint32_t number;
    return p1_add_fd(p1, &fd, &number);
}

static wasi_preview1 *create(wasi_ctx *ctx)
{
    wasi_preview1 *p1 = calloc(1, sizeof *p1);
    if (!p1)
        return NULL;
    p1->bindings = calloc(ROWS, sizeof *p1->bindings);
    p1->fds = calloc(8, sizeof *p1->fds);
    p1->nfds = 8;
    if (!p1->bindings || !p1->fds)
        goto fail;
    for (size_t i = 0; i < ROWS; i++)
        p1->bindings[i] = (struct p1_binding){ctx, &table[i]};
    for (int i = 0; i < 3; i++)
        if (add_stdio(ctx, p1, i))
            goto fail;
    for (size_t i = 0; i < ctx->npreopens; i++)
        if (add_preopen(p1, &ctx->preopens[i]))
            goto fail;
    return p1;
fail:
    wasi_preview1_destroy(p1);
    return NULL;
}

void wasi_preview1_destroy(wasi_preview1 *p1)
{
    if (!p1)
        return;
    for (uint32_t i = 0; p1->fds && i < p1->nfds; i++) {
        wasi_release(p1->fds[i].file);
        wasi_release(p1->fds[i].reader);
    }
    free(p1->fds);
    free(p1->bindings);
    free(p1);
}

/* ---- the way in -------------------------------------------------------- */

static void find_memory(p1_call *call)
{
    vm_instance *instance = vm_fiber_caller(call->fiber);
    wasi_preview1 *p1 = call->p1;
    if (instance != p1->instance) {
        vm_extern found;
        bool ok = instance &&
                  vm_instance_export(instance, "memory", 6, &found) &&
                  found.kind == VM_EXTERN_MEMORY;
        p1->instance = instance;
        p1->memory = ok ? found.memory : NULL;
    }
    if (!p1->memory)
        return;
    call->mem = vm_memory_data(p1->memory);
    call->size = vm_memory_size(p1->memory);
}

static vm_status enter(vm_fiber *fiber, void *env, vm_slot *slots)
{
    const struct p1_binding *binding = env;
    const struct p1_row *row = binding->row;
    p1_call call = {
        .ctx = binding->ctx, .p1 = binding->ctx->preview1, .fiber = fiber};
    find_memory(&call);
    int error = 0;
    p1_fd *fd;
    if (row->on_fd)
        error = p1_get_fd(&call, slots[0], row->rights, &fd);
    if (!error)
        error = row->fn(&call, slots);
    if (row->fn != p1_proc_exit)
        slots[0] = wasi_errno_preview1(error);
    return call.status;
}

/* The codes of value types in the binary format. */
enum { TYPE_I32 = 0x7f, TYPE_I64 = 0x7e };

static uint32_t make_type(const struct p1_row *row, vm_type types[16])
{
    uint32_t n = 0;
    for (const char *p = row->params; *p; p++)
        types[n++] = *p == 'l' ? TYPE_I64 : TYPE_I32;
    types[n] = TYPE_I32;
    return n;
}

static bool same_type(const vm_functype *a, const vm_functype *b)
{
    return a->nparams == b->nparams && a->nresults == b->nresults &&
           !memcmp(a->types, b->types,
                   (a->nparams + a->nresults) * sizeof *a->types);
}

static size_t find_row(vm_name name)
{
    size_t i = 0;
    while (i < ROWS && (strlen(table[i].name) != name.len ||
                        memcmp(table[i].name, name.data, name.len)))
        i++;
    return i;
}

static vm_status no_match(const vm_import *import, const char *why,
                          vm_error *err)
{
    vm_error_set(err, VM_PHASE_LINK, SIZE_MAX,
                 "import wasi_snapshot_preview1.%.*s %s", (int)import->name.len,
                 import->name.data, why);
    return VM_INVALID;
}

vm_status wasi_preview1_import(wasi_ctx *ctx, vm_store *store,
                               const vm_import *import, vm_extern *out,
                               vm_error *err)
{
    size_t i = find_row(import->name);
    if (i == ROWS)
        return no_match(import, "is not a function of preview 1", err);
    vm_type types[16];
    uint32_t n = make_type(&table[i], types);
    uint32_t results = table[i].fn == p1_proc_exit ? 0 : 1;
    vm_functype type = {.nparams = n,
                        .nresults = results,
                        .param_slots = n,
                        .result_slots = results,
                        .types = types};
    if (import->type.kind != VM_EXTERN_FUNC ||
        !same_type(import->type.func, &type))
        return no_match(import, "does not have the type of preview 1", err);
    if (!ctx->preview1)
        ctx->preview1 = create(ctx);
    out->kind = VM_EXTERN_FUNC;
    out->func = ctx->preview1
                    ? vm_func_create_host_as(store, &import->type, enter,
                                             &ctx->preview1->bindings[i])
                    : NULL;
    if (out->func) {
        vm_func_set_name(out->func, import->module, import->name);
        return VM_OK;
    }
    vm_error_set(err, VM_PHASE_LINK, SIZE_MAX, "out of memory for preview 1");
    return VM_NO_MEMORY;
}
