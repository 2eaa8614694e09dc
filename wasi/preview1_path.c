/* preview1_path.c - preview 1: the path_ functions, over file.h. */
#include "wasi/preview1.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static wasi_file *dir_of(const p1_call *call, vm_slot number)
{
    return call->p1->fds[P1_U32(number)].file; /* the way in has checked it */
}

/* ---- opening ----------------------------------------------------------- */

static const struct {
    uint32_t flag;
    int sync;
} sync_flags[] = {
    {P1_FDFLAG_DSYNC, O_DSYNC},
    {P1_FDFLAG_RSYNC, O_RSYNC},
    {P1_FDFLAG_SYNC, O_SYNC},
};

static wasi_open_how open_how(uint32_t lookup, uint32_t oflags, uint64_t rights,
                              uint32_t fdflags)
{
    wasi_open_how how = {
        .follow = lookup & P1_LOOKUP_FOLLOW,
        .create = oflags & P1_OFLAG_CREAT,
        .directory = oflags & P1_OFLAG_DIRECTORY,
        .exclusive = oflags & P1_OFLAG_EXCL,
        .truncate = oflags & P1_OFLAG_TRUNC,
        .read = rights & (P1_RIGHT(FD_READ) | P1_RIGHT(FD_READDIR)),
        .write = rights & (P1_RIGHT(FD_WRITE) | P1_RIGHT(FD_ALLOCATE) |
                           P1_RIGHT(FD_FILESTAT_SET_SIZE)),
        .append = fdflags & P1_FDFLAG_APPEND,
    };
    for (size_t i = 0; i < sizeof sync_flags / sizeof *sync_flags; i++)
        if (fdflags & sync_flags[i].flag)
            how.sync |= sync_flags[i].sync;
    return how;
}

static uint64_t needed_rights(uint32_t oflags)
{
    return (oflags & P1_OFLAG_CREAT ? P1_RIGHT(PATH_CREATE_FILE) : 0) |
           (oflags & P1_OFLAG_TRUNC ? P1_RIGHT(PATH_FILESTAT_SET_SIZE) : 0);
}

/*
 * Of the rights asked for, reading and writing decide how the file is opened;
 * otherwise a new descriptor has all that its kind and its directory's
 * inheriting rights allow, since toolchains ask for odd sets and today's
 * runtimes ignore them.  What a guest gives up by fd_fdstat_set_rights is gone.
 */
P1_FN(path_open)
{
    uint32_t oflags = P1_U32(args[4]), fdflags = P1_U32(args[7]);
    p1_fd *dir;
    int error = p1_get_fd(call, args[0], needed_rights(oflags), &dir);
    wasi_path path;
    if (!error)
        error = p1_get_path(call, args[2], args[3], &path);
    if (!error && (oflags > 15 || fdflags > 31))
        error = EINVAL;
    if (error)
        return error;
    wasi_open_how how = open_how(P1_U32(args[1]), oflags, args[5], fdflags);
    p1_fd fd = {.flags = (uint16_t)fdflags, .inheriting = dir->inheriting};
    error = wasi_file_open(dir->file, path, &how, &fd.file);
    if (error)
        return error;
    fd.rights = p1_file_rights(fd.file) & (dir->inheriting | dir->rights);
    uint32_t number;
    error = p1_add_fd(call->p1, &fd, &number);
    return error ? error : p1_put_u32(call, P1_U32(args[8]), number);
}

/* ---- describing -------------------------------------------------------- */

P1_FN(path_filestat_get)
{
    wasi_path path;
    struct stat st;
    int error = p1_get_path(call, args[2], args[3], &path);
    if (!error)
        error = wasi_file_stat_at(dir_of(call, args[0]), path,
                                  args[1] & P1_LOOKUP_FOLLOW, &st);
    return error ? error : p1_put_filestat(call, P1_U32(args[4]), &st, -1);
}

P1_FN(path_filestat_set_times)
{
    wasi_path path;
    struct timespec times[2];
    int error = p1_get_path(call, args[2], args[3], &path);
    if (!error)
        error = p1_times(P1_U32(args[6]), args[4], args[5], times);
    return error ? error
                 : wasi_file_set_times_at(dir_of(call, args[0]), path,
                                          args[1] & P1_LOOKUP_FOLLOW, times);
}

/* ---- entries ----------------------------------------------------------- */

static int with_path(const p1_call *call, const vm_slot *args,
                     int (*op)(const wasi_file *dir, wasi_path path))
{
    wasi_path path;
    int error = p1_get_path(call, args[1], args[2], &path);
    return error ? error : op(dir_of(call, args[0]), path);
}

P1_FN(path_create_directory)
{
    return with_path(call, args, wasi_file_mkdir);
}

P1_FN(path_remove_directory)
{
    return with_path(call, args, wasi_file_rmdir);
}

P1_FN(path_unlink_file)
{
    return with_path(call, args, wasi_file_unlink);
}

P1_FN(path_link)
{
    wasi_path from = {0}, to = {0};
    p1_fd *dir;
    int error = p1_get_fd(call, args[4], P1_RIGHT(PATH_LINK_TARGET), &dir);
    if (!error)
        error = p1_get_path(call, args[2], args[3], &from);
    if (!error)
        error = p1_get_path(call, args[5], args[6], &to);
    if (!error && (args[1] & P1_LOOKUP_FOLLOW))
        error = EINVAL;
    return error ? error
                 : wasi_file_link(dir_of(call, args[0]), from, dir->file, to);
}

P1_FN(path_rename)
{
    wasi_path from = {0}, to = {0};
    p1_fd *dir;
    int error = p1_get_fd(call, args[3], P1_RIGHT(PATH_RENAME_TARGET), &dir);
    if (!error)
        error = p1_get_path(call, args[1], args[2], &from);
    if (!error)
        error = p1_get_path(call, args[4], args[5], &to);
    return error ? error
                 : wasi_file_rename(dir_of(call, args[0]), from, dir->file, to);
}

P1_FN(path_symlink)
{
    wasi_path target = {0}, path = {0};
    p1_fd *dir;
    int error = p1_get_fd(call, args[2], P1_RIGHT(PATH_SYMLINK), &dir);
    if (!error)
        error = p1_get_path(call, args[0], args[1], &target);
    if (!error)
        error = p1_get_path(call, args[3], args[4], &path);
    return error ? error : wasi_file_symlink(dir->file, target, path);
}

P1_FN(path_readlink)
{
    wasi_path path;
    size_t size = P1_U32(args[4]), len;
    char *buf = p1_view(call, P1_U32(args[3]), size);
    int error = p1_get_path(call, args[1], args[2], &path);
    if (!error && !buf)
        error = EFAULT;
    if (!error)
        error =
            wasi_file_readlink(dir_of(call, args[0]), path, buf, size, &len);
    return error ? error : p1_put_u32(call, P1_U32(args[5]), (uint32_t)len);
}
