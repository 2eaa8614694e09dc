/*
 * preview1.h - shared by the preview1*.c files: wasi_snapshot_preview1 for core
 * modules, a thin skin over file.h and io.h.  preview1.c holds the table of
 * functions and the way in; the others hold the functions.
 *
 * A function gets its arguments as slots and answers 0 or an errno of the host,
 * which the way out translates.  Layouts and numbers are those of
 * WASI/legacy/preview1/witx.
 */
#ifndef VYOMA_WASI_PREVIEW1_H
#define VYOMA_WASI_PREVIEW1_H

#include "wasi/file.h"
#include "wasi/internal.h"

/* ---- numbers of the witx ----------------------------------------------- */

#define P1_RIGHTS(X)                                                           \
    X(FD_DATASYNC)                                                             \
    X(FD_READ)                                                                 \
    X(FD_SEEK)                                                                 \
    X(FD_FDSTAT_SET_FLAGS)                                                     \
    X(FD_SYNC)                                                                 \
    X(FD_TELL)                                                                 \
    X(FD_WRITE)                                                                \
    X(FD_ADVISE)                                                               \
    X(FD_ALLOCATE)                                                             \
    X(PATH_CREATE_DIRECTORY)                                                   \
    X(PATH_CREATE_FILE)                                                        \
    X(PATH_LINK_SOURCE)                                                        \
    X(PATH_LINK_TARGET)                                                        \
    X(PATH_OPEN)                                                               \
    X(FD_READDIR)                                                              \
    X(PATH_READLINK)                                                           \
    X(PATH_RENAME_SOURCE)                                                      \
    X(PATH_RENAME_TARGET)                                                      \
    X(PATH_FILESTAT_GET)                                                       \
    X(PATH_FILESTAT_SET_SIZE)                                                  \
    X(PATH_FILESTAT_SET_TIMES)                                                 \
    X(FD_FILESTAT_GET)                                                         \
    X(FD_FILESTAT_SET_SIZE)                                                    \
    X(FD_FILESTAT_SET_TIMES)                                                   \
    X(PATH_SYMLINK)                                                            \
    X(PATH_REMOVE_DIRECTORY)                                                   \
    X(PATH_UNLINK_FILE)                                                        \
    X(POLL_FD_READWRITE)                                                       \
    X(SOCK_SHUTDOWN)                                                           \
    X(SOCK_ACCEPT)

enum {
#define X(name) P1_BIT_##name,
    P1_RIGHTS(X)
#undef X
        P1_RIGHT_COUNT,
};
#define P1_RIGHT(name) ((uint64_t)1 << P1_BIT_##name)

enum {
    P1_FDFLAG_APPEND = 1,
    P1_FDFLAG_DSYNC = 2,
    P1_FDFLAG_NONBLOCK = 4,
    P1_FDFLAG_RSYNC = 8,
    P1_FDFLAG_SYNC = 16,
    P1_OFLAG_CREAT = 1,
    P1_OFLAG_DIRECTORY = 2,
    P1_OFLAG_EXCL = 4,
    P1_OFLAG_TRUNC = 8,
    P1_FST_ATIM = 1,
    P1_FST_ATIM_NOW = 2,
    P1_FST_MTIM = 4,
    P1_FST_MTIM_NOW = 8,
    P1_LOOKUP_FOLLOW = 1,
};

/* ---- state of one guest ------------------------------------------------ */

typedef struct p1_fd {
    wasi_file *file;     /* NULL: the number is free */
    const char *preopen; /* the guest's name of a preopened directory */
    uint64_t rights, inheriting;
    uint16_t flags;          /* P1_FDFLAG_ */
    wasi_dir_reader *reader; /* of fd_readdir, on first use */
    uint64_t reader_at;
} p1_fd;

typedef struct wasi_preview1 {
    p1_fd *fds;
    uint32_t nfds;
    vm_instance *instance; /* whose memory the next field is */
    vm_memory *memory;
    struct p1_binding *bindings; /* one per row of the table */
} wasi_preview1;

void wasi_preview1_destroy(wasi_preview1 *preview1); /* NULL is accepted */

/* One call in progress. */
typedef struct p1_call {
    wasi_ctx *ctx;
    wasi_preview1 *p1;
    vm_fiber *fiber;
    uint8_t *mem;
    uint64_t size;
    vm_status status; /* VM_OK, or how the call leaves the guest */
} p1_call;

typedef int (*p1_fn)(p1_call *call, const vm_slot *args);

#define P1_U32(slot) ((uint32_t)(slot))

/* A checked piece of guest memory, or NULL (answer EFAULT). */
void *p1_view(const p1_call *call, uint64_t at, uint64_t len);
VM_MUST_CHECK int p1_put_u32(const p1_call *call, uint32_t at, uint32_t value);
VM_MUST_CHECK int p1_put_u64(const p1_call *call, uint32_t at, uint64_t value);
VM_MUST_CHECK int p1_get_path(const p1_call *call, vm_slot at, vm_slot len,
                              wasi_path *out);
/* EBADF, or an errno for the missing right. */
VM_MUST_CHECK int p1_get_fd(const p1_call *call, vm_slot fd, uint64_t rights,
                            p1_fd **out);
/* Takes over one reference to `file`. */
VM_MUST_CHECK int p1_add_fd(wasi_preview1 *p1, const p1_fd *fd, uint32_t *out);
/* Waits for one; EINTR also ends the call with a trap. */
VM_MUST_CHECK int p1_wait(p1_call *call, wasi_wait *set, size_t count);

uint8_t p1_filetype(mode_t mode, int fd);
uint64_t p1_file_rights(const wasi_file *file);
int p1_put_filestat(const p1_call *call, uint32_t at, const struct stat *st,
                    int fd);
/* From fst_flags and the two stamps; EINVAL when they contradict. */
int p1_times(uint32_t flags, uint64_t atim, uint64_t mtim,
             struct timespec out[2]);

/* The functions, by file. */
#define P1_FN(name) int p1_##name(p1_call *call, const vm_slot *args)
P1_FN(fd_advise);
P1_FN(fd_allocate);
P1_FN(fd_close);
P1_FN(fd_datasync);
P1_FN(fd_fdstat_get);
P1_FN(fd_fdstat_set_flags);
P1_FN(fd_fdstat_set_rights);
P1_FN(fd_filestat_get);
P1_FN(fd_filestat_set_size);
P1_FN(fd_filestat_set_times);
P1_FN(fd_pread);
P1_FN(fd_prestat_get);
P1_FN(fd_prestat_dir_name);
P1_FN(fd_pwrite);
P1_FN(fd_read);
P1_FN(fd_readdir);
P1_FN(fd_renumber);
P1_FN(fd_seek);
P1_FN(fd_sync);
P1_FN(fd_tell);
P1_FN(fd_write);
P1_FN(path_create_directory);
P1_FN(path_filestat_get);
P1_FN(path_filestat_set_times);
P1_FN(path_link);
P1_FN(path_open);
P1_FN(path_readlink);
P1_FN(path_remove_directory);
P1_FN(path_rename);
P1_FN(path_symlink);
P1_FN(path_unlink_file);
P1_FN(poll_oneoff);
P1_FN(sock_accept);
P1_FN(sock_recv);
P1_FN(sock_send);
P1_FN(sock_shutdown);

#endif
