/* wasi_filesystem.c - wasi:filesystem, the skin over file.h. */
#include "wasi/file.h"
#include "wasi/ifaces.h"
#include "wasi/internal.h"

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
    FLAG_REQUESTED_SYNC = 16,
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

/* result<_, error-code> from an errno. */
static vm_status outcome(cm_call *call, cm_value *result, int error)
{
    return error ? wasi_err_enum(call, result, wasi_errno_filesystem(error))
                 : cm_ok(call, result, NULL);
}

/* ---- streams ----------------------------------------------------------- */

FS_FN(read_via_stream)
{
    wasi_file *file = args[0].rep;
    if (file->is_dir || !file->readable)
        return outcome(call, result, file->is_dir ? EISDIR : EBADF);
    return wasi_ok_own(call, result,
                       wasi_input_create_file(file->fd, file, args[1].u));
}

static vm_status output_at(cm_call *call, wasi_file *file, uint64_t offset,
                           cm_value *result)
{
    if (file->is_dir || !file->writable)
        return outcome(call, result, file->is_dir ? EISDIR : EBADF);
    return wasi_ok_own(call, result,
                       wasi_output_create_file(file->fd, file, offset));
}

FS_FN(write_via_stream)
{
    uint64_t offset = args[1].u < INT64_MAX ? args[1].u : INT64_MAX;
    return output_at(call, args[0].rep, offset, result);
}

FS_FN(append_via_stream)
{
    return output_at(call, args[0].rep, UINT64_MAX, result);
}

/* ---- data -------------------------------------------------------------- */

FS_FN(file_read)
{
    wasi_file *file = args[0].rep;
    uint8_t *scratch = wasi_scratch(host);
    cm_value *pair = wasi_values(call, 2);
    if (!scratch || !pair)
        return wasi_no_memory(call);
    if (file->is_dir || !file->readable)
        return outcome(call, result, file->is_dir ? EISDIR : EBADF);
    if (args[2].u > INT64_MAX)
        return outcome(call, result, EINVAL);
    size_t len = args[1].u < WASI_SCRATCH_SIZE ? args[1].u : WASI_SCRATCH_SIZE;
    ssize_t n = pread(file->fd, scratch, len, (off_t)args[2].u);
    if (n < 0)
        return outcome(call, result, errno);
    pair[0].bytes.data = scratch;
    pair[0].bytes.len = (size_t)n;
    pair[1].u = n == 0 && len;
    return wasi_ok_list(call, result, pair, 2);
}

FS_FN(file_write)
{
    wasi_file *file = args[0].rep;
    if (file->is_dir || !file->writable)
        return outcome(call, result, file->is_dir ? EISDIR : EBADF);
    if (args[2].u > INT64_MAX)
        return outcome(call, result, EFBIG);
    ssize_t n = pwrite(file->fd, args[1].bytes.data, args[1].bytes.len,
                       (off_t)args[2].u);
    if (n < 0)
        return outcome(call, result, errno);
    return cm_ok(call, result, &(cm_value){.u = (uint64_t)n});
}

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
    wasi_file *file = args[0].rep;
    return outcome(call, result, fdatasync(file->fd) ? errno : 0);
}

FS_FN(file_sync)
{
    wasi_file *file = args[0].rep;
    return outcome(call, result, fsync(file->fd) ? errno : 0);
}

FS_FN(set_size)
{
    return outcome(call, result, wasi_file_set_size(args[0].rep, args[1].u));
}

/* ---- description ------------------------------------------------------- */

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

/* descriptor-type of the WIT */
static uint64_t type_of(mode_t mode)
{
    static const struct {
        mode_t mode;
        uint64_t type;
    } types[] = {{S_IFBLK, 1}, {S_IFCHR, 2}, {S_IFDIR, 3}, {S_IFIFO, 4},
                 {S_IFLNK, 5}, {S_IFREG, 6}, {S_IFSOCK, 7}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if ((mode & S_IFMT) == types[i].mode)
            return types[i].type;
    return 0;
}

FS_FN(get_type)
{
    const wasi_file *file = args[0].rep;
    struct stat st;
    if (fstat(file->fd, &st))
        return outcome(call, result, errno);
    cm_value type = {.variant = {.index = type_of(st.st_mode)}};
    return cm_ok(call, result, &type);
}

/* Writes some(datetime) to *to, taking three values from *pool. */
static void put_time(cm_value *to, struct timespec time, cm_value **pool)
{
    cm_value *record = (*pool)++, *fields = *pool;
    *pool += 2;
    fields[0].u = time.tv_sec < 0 ? 0 : (uint64_t)time.tv_sec;
    fields[1].u = (uint64_t)time.tv_nsec;
    record->list.items = fields;
    record->list.len = 2;
    to->variant.index = 1;
    to->variant.payload = record;
}

static vm_status ok_stat(cm_call *call, cm_value *result, const struct stat *st)
{
    cm_value *fields = wasi_values(call, 6 + 3 * 3);
    if (!fields)
        return wasi_no_memory(call);
    cm_value *pool = fields + 6;
    fields[0].variant.index = type_of(st->st_mode);
    fields[1].u = st->st_nlink;
    fields[2].u = (uint64_t)st->st_size;
    put_time(&fields[3], st->st_atim, &pool);
    put_time(&fields[4], st->st_mtim, &pool);
    put_time(&fields[5], st->st_ctim, &pool);
    return wasi_ok_list(call, result, fields, 6);
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
    int error = wasi_file_stat_at(args[0].rep, path_of(&args[2]),
                                  args[1].flags & FOLLOW, &st);
    return error ? outcome(call, result, error) : ok_stat(call, result, &st);
}

/*
 * Equal for the same object, whatever happens to its contents; keyed, so that
 * a guest does not learn the host's numbers.
 */
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
    int error = wasi_file_stat_at(args[0].rep, path_of(&args[2]),
                                  args[1].flags & FOLLOW, &st);
    return error ? outcome(call, result, error)
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
    if (value->variant.index == NO_CHANGE || value->variant.index == NOW) {
        out->tv_sec = 0;
        out->tv_nsec = value->variant.index == NOW ? UTIME_NOW : UTIME_OMIT;
        return 0;
    }
    const cm_value *fields = value->variant.payload->list.items;
    if (fields[0].u > INT64_MAX || fields[1].u >= 1000000000)
        return EINVAL;
    out->tv_sec = (time_t)fields[0].u;
    out->tv_nsec = (long)fields[1].u;
    return 0;
}

static int times_of(const cm_value *values, struct timespec out[2])
{
    int error = time_of(&values[0], &out[0]);
    return error ? error : time_of(&values[1], &out[1]);
}

FS_FN(set_times)
{
    struct timespec times[2];
    int error = times_of(&args[1], times);
    if (!error)
        error = wasi_file_set_times(args[0].rep, times);
    return outcome(call, result, error);
}

FS_FN(set_times_at)
{
    struct timespec times[2];
    int error = times_of(&args[3], times);
    if (!error)
        error = wasi_file_set_times_at(args[0].rep, path_of(&args[2]),
                                       args[1].flags & FOLLOW, times);
    return outcome(call, result, error);
}

/* ---- entries ----------------------------------------------------------- */

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
    int error = 0;
    if ((flags & FLAG_MUTATE) && !dir->mutable)
        error = EROFS;
    if (!error)
        error = wasi_file_open(dir, path_of(&args[2]), &how, &file);
    return error ? outcome(call, result, error)
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
    int error = EINVAL; /* hard links to where a link leads: not supported */
    if (!(args[1].flags & FOLLOW))
        error = wasi_file_link(args[0].rep, path_of(&args[2]), args[3].rep,
                               path_of(&args[4]));
    return outcome(call, result, error);
}

FS_FN(symlink_at)
{
    return outcome(
        call, result,
        wasi_file_symlink(args[0].rep, path_of(&args[1]), path_of(&args[2])));
}

/* Strings of the component model are UTF-8; names on disk need not be. */
static bool is_utf8(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + len;
    while (p < end) {
        unsigned char lead = *p++;
        int more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
        if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || end - p < more)
            return false;
        if ((lead == 0xe0 && *p < 0xa0) || (lead == 0xed && *p > 0x9f) ||
            (lead == 0xf0 && *p < 0x90) || (lead == 0xf4 && *p > 0x8f))
            return false;
        for (; more; more--)
            if ((*p++ & 0xc0) != 0x80)
                return false;
    }
    return true;
}

FS_FN(readlink_at)
{
    char *buf = cm_alloc(call, PATH_MAX);
    size_t len;
    if (!buf)
        return wasi_no_memory(call);
    int error =
        wasi_file_readlink(args[0].rep, path_of(&args[1]), buf, PATH_MAX, &len);
    if (!error && !is_utf8(buf, len))
        error = EILSEQ;
    if (error)
        return outcome(call, result, error);
    return cm_ok(call, result, &(cm_value){.str = {.data = buf, .len = len}});
}

/* ---- directory-entry-stream -------------------------------------------- */

FS_FN(read_directory)
{
    wasi_dir_reader *reader;
    int error = wasi_dir_open(args[0].rep, &reader);
    return error ? outcome(call, result, error)
                 : wasi_ok_own(call, result, reader);
}

static bool is_dots(const wasi_dir_entry *entry)
{
    return !strcmp(entry->name, ".") || !strcmp(entry->name, "..");
}

FS_FN(read_directory_entry)
{
    wasi_dir_entry entry;
    int error;
    do
        error = wasi_dir_next(args[0].rep, &entry);
    while (!error && is_dots(&entry));
    cm_value option = {.variant = {.index = 0}};
    if (error == ENOENT)
        return cm_ok(call, result, &option);
    if (!error && !is_utf8(entry.name, entry.name_len))
        error = EILSEQ;
    if (error)
        return outcome(call, result, error);
    cm_value *record = wasi_values(call, 3), *fields = record + 1;
    if (!record)
        return wasi_no_memory(call);
    fields[0].variant.index = type_of((mode_t)DTTOIF(entry.type));
    fields[1].str.data = entry.name;
    fields[1].str.len = entry.name_len;
    record->list.items = fields;
    record->list.len = 2;
    option.variant.index = 1;
    option.variant.payload = record;
    return cm_ok(call, result, &option);
}

/* ---- interfaces -------------------------------------------------------- */

FS_FN(filesystem_error_code)
{
    const wasi_error *error = args[0].rep;
    if (error->network)
        return cm_some(call, result, NULL);
    cm_value code = {
        .variant = {.index = wasi_errno_filesystem(error->number)}};
    return cm_some(call, result, &code);
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
    {"[method]descriptor.read", file_read},
    {"[method]descriptor.write", file_write},
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
    {"[method]directory-entry-stream.read-directory-entry",
     read_directory_entry},
    {"filesystem-error-code", filesystem_error_code},
    {0},
};

const cm_host_interface wasi_iface_filesystem_types = {
    .name = "wasi:filesystem/types",
    .funcs = types_funcs,
    .resources =
        (const cm_host_resource[]){{"descriptor", wasi_drop},
                                   {"directory-entry-stream", wasi_drop},
                                   {0}},
};

const cm_host_interface wasi_iface_preopens = {
    .name = "wasi:filesystem/preopens",
    .funcs = (const cm_host_func[]){{"get-directories", get_directories}, {0}},
};
