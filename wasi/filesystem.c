/* filesystem.c - wasi:filesystem's functions, for 0.2 and 0.3 (filesystem.h):
 * arguments to file.h's operations, and their outcomes back. */
#include "wasi/filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#define FS_FN(name)                                                            \
    vm_status fs_##name(const fs_skin *skin, cm_call *call, wasi_ctx *ctx,     \
                        const cm_value *args, cm_value *result)

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

vm_status fs_outcome(const fs_skin *skin, cm_call *call, cm_value *result,
                     int number)
{
    return wasi_outcome(skin->error, call, result, number);
}

/* ---- data -------------------------------------------------------------- */

int fs_may_read(const wasi_file *file, uint64_t offset)
{
    return file->is_dir         ? EISDIR
           : !file->readable    ? EBADF
           : offset > INT64_MAX ? EINVAL
                                : 0;
}

int fs_may_write(const wasi_file *file)
{
    return file->is_dir ? EISDIR : !file->writable ? EBADF : 0;
}

FS_FN(advise)
{
    return fs_outcome(skin, call, result,
                      wasi_file_advise(args[0].rep, args[1].u, args[2].u,
                                       args[3].variant.index));
}

FS_FN(sync_data)
{
    return fs_outcome(skin, call, result, wasi_file_sync(args[0].rep, true));
}

FS_FN(sync)
{
    return fs_outcome(skin, call, result, wasi_file_sync(args[0].rep, false));
}

FS_FN(set_size)
{
    return fs_outcome(skin, call, result,
                      wasi_file_set_size(args[0].rep, args[1].u));
}

/* ---- description ------------------------------------------------------- */

FS_FN(get_flags)
{
    const wasi_file *file = args[0].rep;
    cm_value flags = {0};
    flags.flags = (file->readable ? FLAG_READ : 0) |
                  (file->writable ? FLAG_WRITE : 0) |
                  (file->asked_to_change ? FLAG_MUTATE : 0) |
                  ((file->sync & O_SYNC) == O_SYNC ? FLAG_FILE_SYNC : 0) |
                  ((file->sync & O_SYNC) == O_DSYNC ? FLAG_DATA_SYNC : 0);
    return cm_ok(call, result, &flags);
}

FS_FN(get_type)
{
    struct stat st;
    cm_value type;
    int number = wasi_file_stat(args[0].rep, &st);
    if (number)
        return fs_outcome(skin, call, result, number);
    vm_status status = skin->type(call, st.st_mode, &type);
    return status == VM_OK ? cm_ok(call, result, &type) : status;
}

/* Writes some(time) to *to, taking three values from *pool. */
static void put_time(const fs_skin *skin, cm_value *to, struct timespec time,
                     cm_value **pool)
{
    cm_value *record = (*pool)++, *fields = *pool;
    *pool += 2;
    fields[0].s = time.tv_sec < 0 && !skin->old_times ? 0 : time.tv_sec;
    fields[1].u = (uint64_t)time.tv_nsec;
    record->list.items = fields;
    record->list.len = 2;
    to->variant.index = 1;
    to->variant.payload = record;
}

/* result<descriptor-stat, error-code> */
static vm_status put_stat(const fs_skin *skin, cm_call *call, cm_value *result,
                          int number, const struct stat *st)
{
    cm_value *fields = wasi_values(call, 6 + 3 * 3), *pool = fields + 6;
    if (number)
        return fs_outcome(skin, call, result, number);
    if (!fields)
        return wasi_no_memory(call);
    vm_status status = skin->type(call, st->st_mode, &fields[0]);
    fields[1].u = st->st_nlink;
    fields[2].u = (uint64_t)st->st_size;
    put_time(skin, &fields[3], st->st_atim, &pool);
    put_time(skin, &fields[4], st->st_mtim, &pool);
    put_time(skin, &fields[5], st->st_ctim, &pool);
    return status == VM_OK ? wasi_ok_list(call, result, fields, 6) : status;
}

FS_FN(stat)
{
    struct stat st;
    int number = wasi_file_stat(args[0].rep, &st);
    return put_stat(skin, call, result, number, &st);
}

FS_FN(stat_at)
{
    struct stat st;
    int number = wasi_file_stat_at(args[0].rep, path_of(&args[2]),
                                   args[1].flags & FOLLOW, &st);
    return put_stat(skin, call, result, number, &st);
}

/*
 * Equal for the same object, whatever happens to its contents; keyed, so that
 * a guest does not learn the host's numbers.
 */
static vm_status put_hash(const fs_skin *skin, cm_call *call,
                          const wasi_ctx *ctx, cm_value *result, int number,
                          const struct stat *st)
{
    if (number)
        return fs_outcome(skin, call, result, number);
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
    struct stat st;
    int number = wasi_file_stat(args[0].rep, &st);
    return put_hash(skin, call, ctx, result, number, &st);
}

FS_FN(metadata_hash_at)
{
    struct stat st;
    int number = wasi_file_stat_at(args[0].rep, path_of(&args[2]),
                                   args[1].flags & FOLLOW, &st);
    return put_hash(skin, call, ctx, result, number, &st);
}

FS_FN(is_same_object)
{
    struct stat a, b;
    result->u = !wasi_file_stat(args[0].rep, &a) &&
                !wasi_file_stat(args[1].rep, &b) && a.st_dev == b.st_dev &&
                a.st_ino == b.st_ino;
    return VM_OK;
}

/* new-timestamp */
static int time_of(const fs_skin *skin, const cm_value *value,
                   struct timespec *out)
{
    enum { NO_CHANGE, NOW };
    uint64_t index = value->variant.index;
    if (index == NO_CHANGE || index == NOW) {
        out->tv_sec = 0;
        out->tv_nsec = index == NOW ? UTIME_NOW : UTIME_OMIT;
        return 0;
    }
    const cm_value *fields = value->variant.payload->list.items;
    if (fields[1].u >= 1000000000 || (!skin->old_times && fields[0].s < 0))
        return EINVAL;
    out->tv_sec = (time_t)fields[0].s;
    out->tv_nsec = (long)fields[1].u;
    return 0;
}

static int times_of(const fs_skin *skin, const cm_value *values,
                    struct timespec out[2])
{
    int number = time_of(skin, &values[0], &out[0]);
    return number ? number : time_of(skin, &values[1], &out[1]);
}

FS_FN(set_times)
{
    struct timespec times[2];
    int number = times_of(skin, &args[1], times);
    if (!number)
        number = wasi_file_set_times(args[0].rep, times);
    return fs_outcome(skin, call, result, number);
}

FS_FN(set_times_at)
{
    struct timespec times[2];
    int number = times_of(skin, &args[3], times);
    if (!number)
        number = wasi_file_set_times_at(args[0].rep, path_of(&args[2]),
                                        args[1].flags & FOLLOW, times);
    return fs_outcome(skin, call, result, number);
}

/* ---- entries ----------------------------------------------------------- */

/*
 * No mode at all means reading; exclusive says nothing without create.  Whether
 * a directory may be changed follows from the grant alone, since wasi-libc
 * opens directories for reading and then creates in them; the flag is
 * remembered for get-flags.
 */
static wasi_open_how how_of(const fs_skin *skin, const cm_value *args)
{
    uint32_t open = args[3].flags, flags = args[4].flags;
    bool create = open & OPEN_CREATE;
    return (wasi_open_how){
        .follow = args[1].flags & FOLLOW,
        .create = create,
        .directory = open & OPEN_DIRECTORY,
        .exclusive = create && (open & OPEN_EXCLUSIVE),
        .truncate = open & OPEN_TRUNCATE,
        .read = (flags & FLAG_READ) || !(flags & FLAG_WRITE),
        .write = (create && skin->create_writes) || (flags & FLAG_WRITE),
        .change = flags & FLAG_MUTATE,
        .sync = flags & FLAG_FILE_SYNC   ? O_SYNC
                : flags & FLAG_DATA_SYNC ? O_DSYNC
                                         : 0,
    };
}

FS_FN(open_at)
{
    wasi_open_how how = how_of(skin, args);
    wasi_file *file;
    int number = wasi_file_open(args[0].rep, path_of(&args[2]), &how, &file);
    return number ? fs_outcome(skin, call, result, number)
                  : wasi_ok_own(call, result, file);
}

FS_FN(create_directory_at)
{
    return fs_outcome(skin, call, result,
                      wasi_file_mkdir(args[0].rep, path_of(&args[1])));
}

FS_FN(remove_directory_at)
{
    return fs_outcome(skin, call, result,
                      wasi_file_rmdir(args[0].rep, path_of(&args[1])));
}

FS_FN(unlink_file_at)
{
    return fs_outcome(skin, call, result,
                      wasi_file_unlink(args[0].rep, path_of(&args[1])));
}

FS_FN(rename_at)
{
    return fs_outcome(skin, call, result,
                      wasi_file_rename(args[0].rep, path_of(&args[1]),
                                       args[2].rep, path_of(&args[3])));
}

FS_FN(link_at)
{
    int number = EINVAL; /* hard links to where a link leads: not supported */
    if (!(args[1].flags & FOLLOW))
        number = wasi_file_link(args[0].rep, path_of(&args[2]), args[3].rep,
                                path_of(&args[4]));
    return fs_outcome(skin, call, result, number);
}

FS_FN(symlink_at)
{
    return fs_outcome(
        skin, call, result,
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
    int number =
        wasi_file_readlink(args[0].rep, path_of(&args[1]), buf, PATH_MAX, &len);
    if (!number && !is_utf8(buf, len))
        number = EILSEQ;
    if (number)
        return fs_outcome(skin, call, result, number);
    return cm_ok(call, result, &(cm_value){.str = {.data = buf, .len = len}});
}

int fs_next_entry(wasi_dir_reader *reader, wasi_dir_entry *out)
{
    int number;
    do
        number = wasi_dir_next(reader, out);
    while (!number && (!strcmp(out->name, ".") || !strcmp(out->name, "..")));
    return !number && !is_utf8(out->name, out->name_len) ? EILSEQ : number;
}

/* ---- preopens ---------------------------------------------------------- */

vm_status fs_get_directories(cm_call *call, void *host, const cm_value *args,
                             cm_value *result)
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
