/*
 * filesystem.h - the functions that wasi:filesystem 0.2 (wasi_filesystem.c) and
 * 0.3 (p3_filesystem.c) have in common, over file.h.  The two spell errors,
 * types and times differently: an fs_skin says how.
 */
#ifndef VYOMA_WASI_FILESYSTEM_H
#define VYOMA_WASI_FILESYSTEM_H

#include "wasi/file.h"
#include "wasi/internal.h"

typedef struct fs_skin {
    /* error-code for an errno */
    wasi_error_fn error;
    /* descriptor-type */
    vm_status (*type)(cm_call *call, mode_t mode, cm_value *out);
    bool old_times;     /* before 1970: 0.2's datetime cannot say them */
    bool create_writes; /* a file that is created is opened for writing */
} fs_skin;

/* Rows of the functions in common: a C name and the WIT's. */
#define FS_COMMON(X)                                                           \
    X(advise, "[method]descriptor.advise")                                     \
    X(sync_data, "[method]descriptor.sync-data")                               \
    X(sync, "[method]descriptor.sync")                                         \
    X(get_flags, "[method]descriptor.get-flags")                               \
    X(get_type, "[method]descriptor.get-type")                                 \
    X(set_size, "[method]descriptor.set-size")                                 \
    X(set_times, "[method]descriptor.set-times")                               \
    X(set_times_at, "[method]descriptor.set-times-at")                         \
    X(stat, "[method]descriptor.stat")                                         \
    X(stat_at, "[method]descriptor.stat-at")                                   \
    X(metadata_hash, "[method]descriptor.metadata-hash")                       \
    X(metadata_hash_at, "[method]descriptor.metadata-hash-at")                 \
    X(is_same_object, "[method]descriptor.is-same-object")                     \
    X(open_at, "[method]descriptor.open-at")                                   \
    X(create_directory_at, "[method]descriptor.create-directory-at")           \
    X(remove_directory_at, "[method]descriptor.remove-directory-at")           \
    X(unlink_file_at, "[method]descriptor.unlink-file-at")                     \
    X(rename_at, "[method]descriptor.rename-at")                               \
    X(link_at, "[method]descriptor.link-at")                                   \
    X(symlink_at, "[method]descriptor.symlink-at")                             \
    X(readlink_at, "[method]descriptor.readlink-at")

#define FS_DECLARE(name, wit)                                                  \
    vm_status fs_##name(const fs_skin *skin, cm_call *call, wasi_ctx *ctx,     \
                        const cm_value *args, cm_value *result);
FS_COMMON(FS_DECLARE)

/* With a `skin` in scope: host functions for the rows, and the rows. */
#define FS_DEFINE(name, wit)                                                   \
    static vm_status skin_##name(cm_call *call, void *host,                    \
                                 const cm_value *args, cm_value *result)       \
    {                                                                          \
        return fs_##name(&skin, call, host, args, result);                     \
    }
#define FS_ROW(name, wit) {wit, skin_##name},

/* result<_, error-code> from an errno. */
VM_MUST_CHECK vm_status fs_outcome(const fs_skin *skin, cm_call *call,
                                   cm_value *result, int number);
/* Why a file's data cannot be read, or written: an errno or 0. */
int fs_may_read(const wasi_file *file, uint64_t offset);
int fs_may_write(const wasi_file *file);
/* As wasi_dir_next, without "." and "..": EILSEQ for names that are no
 * strings. */
VM_MUST_CHECK int fs_next_entry(wasi_dir_reader *reader, wasi_dir_entry *out);
/* wasi:filesystem/preopens, which is the same in both. */
vm_status fs_get_directories(cm_call *call, void *host, const cm_value *args,
                             cm_value *result);

#endif
