/* p3_filesystem.c - wasi:filesystem 0.3, the other skin over file.h. */
#include "wasi/ifaces.h"
#include "wasi/p3.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define FS_FN(name)                                                            \
    static vm_status name(cm_call *call, void *host, const cm_value *args,     \
                          cm_value *result)

enum {
    FLAG_READ = 1,
    FLAG_WRITE = 2,
    FLAG_FILE_SYNC = 4,
    FLAG_DATA_SYNC = 8,
    FLAG_MUTATE = 32,
    OPEN_CREATE = 1,
    OPEN_DIRECTORY = 2,
    OPEN_EXCLUSIVE = 4,
    OPEN_TRUNCATE = 8,
    FOLLOW = 1,
};

static wasi_path path_of(const cm_value *value)
{
    return (wasi_path){value->str.data, value->str.len};
}

/* error-code is 0.2's enum without would-block (1), and with other(none). */
static vm_status fs_error(cm_call *call, int number, cm_value *out)
{
    enum { WOULD_BLOCK = 1, OTHER = 36 };
    uint64_t code = wasi_errno_filesystem(number);
    out->variant.index = code > WOULD_BLOCK ? code - 1 : code;
    out->variant.payload = NULL;
    if (code != WOULD_BLOCK)
        return VM_OK;
    out->variant.index = OTHER;
    out->variant.payload = wasi_values(call, 1);
    return out->variant.payload ? VM_OK : wasi_no_memory(call);
}

/* result<_, error-code> from an errno. */
static vm_status outcome(cm_call *call, cm_value *result, int number)
{
    cm_value error;
    if (!number)
        return cm_ok(call, result, NULL);
    vm_status status = fs_error(call, number, &error);
    return status == VM_OK ? cm_err(call, result, &error) : status;
}

/* ---- streams --------------------------------------------------------------
 */

FS_FN(read_via_stream)
{
    wasi_file *file = args[0].rep;
    int number = file->is_dir ? EISDIR : !file->readable ? EBADF : 0;
    wasi_input *in =
        number ? NULL : wasi_input_create_file(file->fd, file, args[1].u);
    return wasi_p3_input(call, host, in, number, fs_error, result);
}

static vm_status output_at(cm_call *call, wasi_ctx *ctx, const cm_value *args,
                           uint64_t offset, cm_value *result)
{
    wasi_file *file = args[0].rep;
    int number = file->is_dir ? EISDIR : !file->writable ? EBADF : 0;
    wasi_output *out =
        number ? NULL : wasi_output_create_file(file->fd, file, offset);
    return wasi_p3_output(call, ctx, &args[1], out, number, fs_error, result);
}

FS_FN(write_via_stream)
{
    uint64_t offset = args[2].u < INT64_MAX ? args[2].u : INT64_MAX;
    return output_at(call, host, args, offset, result);
}

FS_FN(append_via_stream)
{
    return output_at(call, host, args, UINT64_MAX, result);
}

/* descriptor-type, whose last case is other(option<string>) */
static vm_status put_type(cm_call *call, cm_value *out, mode_t mode)
{
    static const mode_t types[] = {S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO,
                                   S_IFLNK, S_IFREG, S_IFSOCK};
    enum { OTHER = 7 };
    uint64_t index = 0;
    while (index < OTHER && (mode & S_IFMT) != types[index])
        index++;
    out->variant.index = index;
    out->variant.payload = NULL;
    if (index < OTHER)
        return VM_OK;
    out->variant.payload = wasi_values(call, 1);
    return out->variant.payload ? VM_OK : wasi_no_memory(call);
}

static bool is_dots(const wasi_dir_entry *entry)
{
    return !strcmp(entry->name, ".") || !strcmp(entry->name, "..");
}

/* One directory-entry at a time: the name is copied for the call. */
static vm_status read_entry(void *owner, cm_call *call, void *out, size_t max,
                            size_t *n, int *number)
{
    wasi_dir_entry entry;
    cm_value *item = out;
    int error;
    do
        error = wasi_dir_next(owner, &entry);
    while (!error && is_dots(&entry));
    if (error) {
        *number = error == ENOENT ? 0 : error;
        return VM_OK;
    }
    cm_value *fields = wasi_values(call, 2);
    char *name = cm_alloc(call, entry.name_len + 1);
    if (!fields || !name)
        return wasi_no_memory(call);
    memcpy(name, entry.name, entry.name_len);
    vm_status status = put_type(call, &fields[0], (mode_t)DTTOIF(entry.type));
    fields[1].str.data = name;
    fields[1].str.len = entry.name_len;
    item->list.items = fields;
    item->list.len = 2;
    *n = 1;
    return status;
}

FS_FN(read_directory)
{
    wasi_dir_reader *reader = NULL;
    int number = wasi_dir_open(args[0].rep, &reader);
    return wasi_p3_source(call, host, number ? NULL : reader, read_entry,
                          number, fs_error, result);
}

/* ---- descriptors ----------------------------------------------------------
 */

FS_FN(advise)
{
    static const int advices[] = {POSIX_FADV_NORMAL,   POSIX_FADV_SEQUENTIAL,
                                  POSIX_FADV_RANDOM,   POSIX_FADV_WILLNEED,
                                  POSIX_FADV_DONTNEED, POSIX_FADV_NOREUSE};
    return outcome(call, result,
                   wasi_file_advise(args[0].rep, args[1].u, args[2].u,
                                    advices[args[3].variant.index]));
}

FS_FN(sync_data)
{
    const wasi_file *file = args[0].rep;
    return outcome(call, result, fdatasync(file->fd) ? errno : 0);
}

FS_FN(file_sync)
{
    const wasi_file *file = args[0].rep;
    return outcome(call, result, fsync(file->fd) ? errno : 0);
}

FS_FN(get_flags)
{
    const wasi_file *file = args[0].rep;
    cm_value flags = {0};
    flags.flags = (file->readable ? FLAG_READ : 0) |
                  (file->writable ? FLAG_WRITE : 0) |
                  (file->mutable ? FLAG_MUTATE : 0) |
                  ((file->sync & O_SYNC) == O_SYNC ? FLAG_FILE_SYNC : 0) |
                  ((file->sync & O_SYNC) == O_DSYNC ? FLAG_DATA_SYNC : 0);
    return cm_ok(call, result, &flags);
}

FS_FN(get_type)
{
    const wasi_file *file = args[0].rep;
    struct stat st;
    cm_value type;
    if (fstat(file->fd, &st))
        return outcome(call, result, errno);
    vm_status status = put_type(call, &type, st.st_mode);
    return status == VM_OK ? cm_ok(call, result, &type) : status;
}

FS_FN(set_size)
{
    return outcome(call, result, wasi_file_set_size(args[0].rep, args[1].u));
}

/* Writes some(instant) to *to, taking three values from *pool. */
static void put_time(cm_value *to, struct timespec time, cm_value **pool)
{
    cm_value *record = (*pool)++, *fields = *pool;
    *pool += 2;
    fields[0].s = time.tv_sec;
    fields[1].u = (uint64_t)time.tv_nsec;
    record->list.items = fields;
    record->list.len = 2;
    to->variant.index = 1;
    to->variant.payload = record;
}

static vm_status ok_stat(cm_call *call, cm_value *result, const struct stat *st)
{
    cm_value *fields = wasi_values(call, 6 + 3 * 3), *pool = fields + 6;
    if (!fields)
        return wasi_no_memory(call);
    vm_status status = put_type(call, &fields[0], st->st_mode);
    fields[1].u = st->st_nlink;
    fields[2].u = (uint64_t)st->st_size;
    put_time(&fields[3], st->st_atim, &pool);
    put_time(&fields[4], st->st_mtim, &pool);
    put_time(&fields[5], st->st_ctim, &pool);
    return status == VM_OK ? wasi_ok_list(call, result, fields, 6) : status;
}

FS_FN(file_stat)
{
    const wasi_file *file = args[0].rep;
    struct stat st;
    if (fstat(file->fd, &st))
        return outcome(call, result, errno);
    return ok_stat(call, result, &st);
}

FS_FN(stat_at)
{
    struct stat st;
    int number = wasi_file_stat_at(args[0].rep, path_of(&args[2]),
                                   args[1].flags & FOLLOW, &st);
    return number ? outcome(call, result, number) : ok_stat(call, result, &st);
}

/* Keyed as in 0.2, and the same there. */
static vm_status ok_hash(cm_call *call, const wasi_ctx *ctx, cm_value *result,
                         const struct stat *st)
{
    uint64_t key[] = {st->st_dev, st->st_ino};
    XXH128_hash_t hash = XXH3_128bits_withSeed(key, sizeof key, ctx->secret);
    cm_value *fields = wasi_values(call, 2);
    if (!fields)
        return wasi_no_memory(call);
    fields[0].u = hash.low64;
    fields[1].u = hash.high64;
    return wasi_ok_list(call, result, fields, 2);
}

FS_FN(metadata_hash)
{
    const wasi_file *file = args[0].rep;
    struct stat st;
    if (fstat(file->fd, &st))
        return outcome(call, result, errno);
    return ok_hash(call, host, result, &st);
}

FS_FN(metadata_hash_at)
{
    struct stat st;
    int number = wasi_file_stat_at(args[0].rep, path_of(&args[2]),
                                   args[1].flags & FOLLOW, &st);
    return number ? outcome(call, result, number)
                  : ok_hash(call, host, result, &st);
}

FS_FN(is_same_object)
{
    const wasi_file *a = args[0].rep, *b = args[1].rep;
    struct stat x, y;
    result->u = !fstat(a->fd, &x) && !fstat(b->fd, &y) &&
                x.st_dev == y.st_dev && x.st_ino == y.st_ino;
    return VM_OK;
}

/* new-timestamp */
static int time_of(const cm_value *value, struct timespec *out)
{
    enum { NO_CHANGE, NOW };
    uint64_t index = value->variant.index;
    if (index == NO_CHANGE || index == NOW) {
        out->tv_sec = 0;
        out->tv_nsec = index == NOW ? UTIME_NOW : UTIME_OMIT;
        return 0;
    }
    const cm_value *fields = value->variant.payload->list.items;
    if (fields[1].u >= 1000000000)
        return EINVAL;
    out->tv_sec = (time_t)fields[0].s;
    out->tv_nsec = (long)fields[1].u;
    return 0;
}

static int times_of(const cm_value *values, struct timespec out[2])
{
    int number = time_of(&values[0], &out[0]);
    return number ? number : time_of(&values[1], &out[1]);
}

FS_FN(set_times)
{
    struct timespec times[2];
    int number = times_of(&args[1], times);
    if (!number)
        number = wasi_file_set_times(args[0].rep, times);
    return outcome(call, result, number);
}

FS_FN(set_times_at)
{
    struct timespec times[2];
    int number = times_of(&args[3], times);
    if (!number)
        number = wasi_file_set_times_at(args[0].rep, path_of(&args[2]),
                                        args[1].flags & FOLLOW, times);
    return outcome(call, result, number);
}

/* ---- entries --------------------------------------------------------------
 */

FS_FN(open_at)
{
    wasi_file *dir = args[0].rep, *file;
    uint32_t open = args[3].flags, flags = args[4].flags;
    wasi_open_how how = {
        .follow = args[1].flags & FOLLOW,
        .create = open & OPEN_CREATE,
        .directory = open & OPEN_DIRECTORY,
        .exclusive = open & OPEN_EXCLUSIVE,
        .truncate = open & OPEN_TRUNCATE,
        .read = flags & FLAG_READ,
        .write = flags & FLAG_WRITE,
        .sync = flags & FLAG_FILE_SYNC   ? O_SYNC
                : flags & FLAG_DATA_SYNC ? O_DSYNC
                                         : 0,
    };
    int number = 0;
    if ((flags & FLAG_MUTATE) && !dir->mutable)
        number = EROFS;
    if (!number)
        number = wasi_file_open(dir, path_of(&args[2]), &how, &file);
    return number ? outcome(call, result, number)
                  : wasi_ok_own(call, result, file);
}

FS_FN(create_directory_at)
{
    return outcome(call, result,
                   wasi_file_mkdir(args[0].rep, path_of(&args[1])));
}

FS_FN(remove_directory_at)
{
    return outcome(call, result,
                   wasi_file_rmdir(args[0].rep, path_of(&args[1])));
}

FS_FN(unlink_file_at)
{
    return outcome(call, result,
                   wasi_file_unlink(args[0].rep, path_of(&args[1])));
}

FS_FN(rename_at)
{
    return outcome(call, result,
                   wasi_file_rename(args[0].rep, path_of(&args[1]), args[2].rep,
                                    path_of(&args[3])));
}

FS_FN(link_at)
{
    int number = EINVAL; /* hard links to where a link leads: not supported */
    if (!(args[1].flags & FOLLOW))
        number = wasi_file_link(args[0].rep, path_of(&args[2]), args[3].rep,
                                path_of(&args[4]));
    return outcome(call, result, number);
}

FS_FN(symlink_at)
{
    return outcome(
        call, result,
        wasi_file_symlink(args[0].rep, path_of(&args[1]), path_of(&args[2])));
}

FS_FN(readlink_at)
{
    char *buf = cm_alloc(call, PATH_MAX);
    size_t len;
    if (!buf)
        return wasi_no_memory(call);
    int number =
        wasi_file_readlink(args[0].rep, path_of(&args[1]), buf, PATH_MAX, &len);
    if (number)
        return outcome(call, result, number);
    return cm_ok(call, result, &(cm_value){.str = {.data = buf, .len = len}});
}

FS_FN(get_directories)
{
    const wasi_ctx *ctx = host;
    cm_value *items = wasi_values(call, ctx->npreopens);
    cm_value *pairs = wasi_values(call, ctx->npreopens * 2);
    if (!items || !pairs)
        return wasi_no_memory(call);
    for (size_t i = 0; i < ctx->npreopens; i++, pairs += 2) {
        pairs[0].rep = wasi_retain(ctx->preopens[i].dir);
        pairs[1] = wasi_string(ctx->preopens[i].guest_path);
        items[i].list.items = pairs;
        items[i].list.len = 2;
    }
    result->list.items = items;
    result->list.len = ctx->npreopens;
    return VM_OK;
}

static const cm_host_func types_funcs[] = {
    {"[method]descriptor.read-via-stream", read_via_stream},
    {"[method]descriptor.write-via-stream", write_via_stream},
    {"[method]descriptor.append-via-stream", append_via_stream},
    {"[method]descriptor.advise", advise},
    {"[method]descriptor.sync-data", sync_data},
    {"[method]descriptor.get-flags", get_flags},
    {"[method]descriptor.get-type", get_type},
    {"[method]descriptor.set-size", set_size},
    {"[method]descriptor.set-times", set_times},
    {"[method]descriptor.read-directory", read_directory},
    {"[method]descriptor.sync", file_sync},
    {"[method]descriptor.create-directory-at", create_directory_at},
    {"[method]descriptor.stat", file_stat},
    {"[method]descriptor.stat-at", stat_at},
    {"[method]descriptor.set-times-at", set_times_at},
    {"[method]descriptor.link-at", link_at},
    {"[method]descriptor.open-at", open_at},
    {"[method]descriptor.readlink-at", readlink_at},
    {"[method]descriptor.remove-directory-at", remove_directory_at},
    {"[method]descriptor.rename-at", rename_at},
    {"[method]descriptor.symlink-at", symlink_at},
    {"[method]descriptor.unlink-file-at", unlink_file_at},
    {"[method]descriptor.is-same-object", is_same_object},
    {"[method]descriptor.metadata-hash", metadata_hash},
    {"[method]descriptor.metadata-hash-at", metadata_hash_at},
    {0},
};

const cm_host_interface wasi_p3_filesystem_types = {
    .name = "wasi:filesystem/types@0.3",
    .funcs = types_funcs,
    .resources = (const cm_host_resource[]){{"descriptor", wasi_drop}, {0}},
};

const cm_host_interface wasi_p3_preopens = {
    .name = "wasi:filesystem/preopens@0.3",
    .funcs = (const cm_host_func[]){{"get-directories", get_directories}, {0}},
};
