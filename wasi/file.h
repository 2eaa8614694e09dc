/*
 * file.h - files and directories of a guest, beneath wasi:filesystem and
 * preview 1 alike.  Every path is resolved beneath a directory that was
 * granted (path.c); no operation here can name anything outside of it.
 *
 * Functions return 0 or an errno.  Paths are views: not NUL-terminated.  EPERM
 * means that a path left its directory; EROFS that a read-only grant was asked
 * to change something.
 */
#ifndef VYOMA_WASI_FILE_H
#define VYOMA_WASI_FILE_H

#include "wasi/io.h"

#include <limits.h>
#include <sys/stat.h>
#include <time.h>

typedef struct wasi_file {
    wasi_object object;
    int fd; /* owned */
    bool is_dir;
    bool readable, writable; /* the data of a file */
    bool mutable;            /* a directory's contents may be changed */
    bool asked_to_change;    /* opened saying so: what get-flags tells */
    int sync;                /* O_SYNC, O_DSYNC as opened */
} wasi_file;

/* Owns `fd` in every case.  NULL when out of memory. */
wasi_file *wasi_file_create_preopen(int fd, bool writable);

typedef struct wasi_path {
    const char *data;
    size_t len;
} wasi_path;

/* What wasi_file_open is asked for. */
typedef struct wasi_open_how {
    bool follow, create, directory, exclusive, truncate;
    bool read, write, append, nonblock;
    bool change; /* a directory: EROFS where that is not granted */
    int sync;    /* O_SYNC, O_DSYNC or 0 */
} wasi_open_how;

VM_MUST_CHECK int wasi_file_open(const wasi_file *dir, wasi_path path,
                                 const wasi_open_how *how, wasi_file **out);
VM_MUST_CHECK int wasi_file_stat(const wasi_file *file, struct stat *out);
VM_MUST_CHECK int wasi_file_stat_at(const wasi_file *dir, wasi_path path,
                                    bool follow, struct stat *out);
VM_MUST_CHECK int wasi_file_set_times_at(const wasi_file *dir, wasi_path path,
                                         bool follow,
                                         const struct timespec times[2]);
VM_MUST_CHECK int wasi_file_set_times(const wasi_file *file,
                                      const struct timespec times[2]);
VM_MUST_CHECK int wasi_file_set_size(const wasi_file *file, uint64_t size);
/* `advice`: 0..5, in the order in which all WASI versions list them. */
VM_MUST_CHECK int wasi_file_advise(const wasi_file *file, uint64_t offset,
                                   uint64_t len, uint64_t advice);
VM_MUST_CHECK int wasi_file_sync(const wasi_file *file, bool only_data);
VM_MUST_CHECK int wasi_file_mkdir(const wasi_file *dir, wasi_path path);
VM_MUST_CHECK int wasi_file_rmdir(const wasi_file *dir, wasi_path path);
VM_MUST_CHECK int wasi_file_unlink(const wasi_file *dir, wasi_path path);
VM_MUST_CHECK int wasi_file_rename(const wasi_file *from_dir, wasi_path from,
                                   const wasi_file *to_dir, wasi_path to);
VM_MUST_CHECK int wasi_file_link(const wasi_file *from_dir, wasi_path from,
                                 const wasi_file *to_dir, wasi_path to);
VM_MUST_CHECK int wasi_file_symlink(const wasi_file *dir, wasi_path target,
                                    wasi_path path);
/* The link's text, cut at `size` bytes; its length goes to *len.  Absolute
 * targets are refused with EPERM. */
VM_MUST_CHECK int wasi_file_readlink(const wasi_file *dir, wasi_path path,
                                     char *buf, size_t size, size_t *len);

/* ---- reading a directory ----------------------------------------------- */

typedef struct wasi_dir_entry {
    uint64_t inode;
    uint64_t next;    /* the position after it: pass to wasi_dir_seek */
    uint8_t type;     /* DT_ of dirent.h */
    const char *name; /* until the next call */
    size_t name_len;
} wasi_dir_entry;

typedef struct wasi_dir_reader {
    wasi_object object;
    int fd; /* owned: a descriptor with a position of its own */
    size_t at, len;
    _Alignas(8) char buf[2048];
} wasi_dir_reader;

VM_MUST_CHECK int wasi_dir_open(const wasi_file *dir, wasi_dir_reader **out);
VM_MUST_CHECK int wasi_dir_seek(wasi_dir_reader *reader, uint64_t position);
/* ENOENT at the end. */
VM_MUST_CHECK int wasi_dir_next(wasi_dir_reader *reader, wasi_dir_entry *out);

/* ---- path.c: resolution ------------------------------------------------ */

/*
 * Opens `path` beneath `dir`, never leaving it: flags as for openat2(2), always
 * with O_CLOEXEC.  EPERM when the path would escape.
 */
VM_MUST_CHECK int wasi_path_open(int dir, wasi_path path, uint64_t flags,
                                 mode_t mode, int *out);

/* The directory that holds a path's last component, and that component (with
 * its trailing slash, if any, since that changes what is asked). */
typedef struct wasi_parent {
    int fd; /* owned */
    char name[NAME_MAX + 2];
} wasi_parent;

/* `dots` is the errno for a path that ends in "." or "..". */
VM_MUST_CHECK int wasi_path_parent(int dir, wasi_path path, int dots,
                                   wasi_parent *out);

/* For tests: as wasi_path_open, by the walk used on kernels without openat2. */
VM_MUST_CHECK int wasi_path_walk(int dir, const char *path, uint64_t flags,
                                 mode_t mode, int *out);

#endif
