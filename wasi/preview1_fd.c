/* preview1_fd.c - preview 1: the descriptor table and the fd_ functions. */
#include "wasi/preview1.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    FDS_MAX = 1 << 16,
    IOVS_MAX = 1024,
    FILESTAT_SIZE = 64,
    FDSTAT_SIZE = 24,
    DIRENT_SIZE = 24,
};

#define FILE_ONLY                                                              \
    (P1_RIGHT(FD_SEEK) | P1_RIGHT(FD_TELL) | P1_RIGHT(FD_READ) |               \
     P1_RIGHT(FD_WRITE) | P1_RIGHT(FD_ADVISE) | P1_RIGHT(FD_ALLOCATE) |        \
     P1_RIGHT(FD_FILESTAT_SET_SIZE))
#define DIR_ONLY                                                               \
    (P1_RIGHT(PATH_CREATE_DIRECTORY) | P1_RIGHT(PATH_CREATE_FILE) |            \
     P1_RIGHT(PATH_LINK_SOURCE) | P1_RIGHT(PATH_LINK_TARGET) |                 \
     P1_RIGHT(PATH_OPEN) | P1_RIGHT(FD_READDIR) | P1_RIGHT(PATH_READLINK) |    \
     P1_RIGHT(PATH_RENAME_SOURCE) | P1_RIGHT(PATH_RENAME_TARGET) |             \
     P1_RIGHT(PATH_FILESTAT_GET) | P1_RIGHT(PATH_FILESTAT_SET_SIZE) |          \
     P1_RIGHT(PATH_FILESTAT_SET_TIMES) | P1_RIGHT(PATH_SYMLINK) |              \
     P1_RIGHT(PATH_REMOVE_DIRECTORY) | P1_RIGHT(PATH_UNLINK_FILE))

/* ---- the table --------------------------------------------------------- */

uint64_t p1_file_rights(const wasi_file *file)
{
    uint64_t all = ((uint64_t)1 << P1_RIGHT_COUNT) - 1;
    if (file->is_dir)
        return all & ~FILE_ONLY;
    all &= ~DIR_ONLY;
    if (!file->readable)
        all &= ~P1_RIGHT(FD_READ);
    if (!file->writable)
        all &= ~P1_RIGHT(FD_WRITE);
    return all;
}

int p1_get_fd(const p1_call *call, vm_slot number, uint64_t rights, p1_fd **out)
{
    uint32_t n = P1_U32(number);
    if (n >= call->p1->nfds || !call->p1->fds[n].file)
        return EBADF;
    p1_fd *fd = *out = &call->p1->fds[n];
    uint64_t missing = rights & ~fd->rights;
    if (!missing)
        return 0;
    if (fd->file->is_dir)
        return missing & FILE_ONLY ? EISDIR : ENOTCAPABLE;
    if (missing & DIR_ONLY)
        return ENOTDIR;
    return missing & (P1_RIGHT(FD_READ) | P1_RIGHT(FD_WRITE)) ? EBADF
                                                              : ENOTCAPABLE;
}

int p1_add_fd(wasi_preview1 *p1, const p1_fd *fd, uint32_t *out)
{
    uint32_t n = 3;
    while (n < p1->nfds && p1->fds[n].file)
        n++;
    if (n == p1->nfds) {
        uint32_t more = p1->nfds * 2;
        p1_fd *fds = n < FDS_MAX ? realloc(p1->fds, more * sizeof *fds) : NULL;
        if (!fds) {
            wasi_release(fd->file);
            return n < FDS_MAX ? ENOMEM : EMFILE;
        }
        memset(fds + n, 0, (more - n) * sizeof *fds);
        p1->fds = fds;
        p1->nfds = more;
    }
    p1->fds[n] = *fd;
    *out = n;
    return 0;
}

static p1_fd *fd_of(const p1_call *call, vm_slot number)
{
    return &call->p1->fds[P1_U32(number)]; /* the way in has checked it */
}

static void forget(p1_fd *fd)
{
    wasi_release(fd->file);
    wasi_release(fd->reader);
    *fd = (p1_fd){0};
}

P1_FN(fd_close)
{
    forget(fd_of(call, args[0]));
    return 0;
}

P1_FN(fd_renumber)
{
    p1_fd *from = fd_of(call, args[0]), *to;
    int error = p1_get_fd(call, args[1], 0, &to);
    if (error || from == to)
        return error;
    forget(to);
    *to = *from;
    *from = (p1_fd){0};
    return 0;
}

/* ---- state ------------------------------------------------------------- */

uint8_t p1_filetype(mode_t mode, int fd)
{
    int type = 0;
    socklen_t len = sizeof type;
    switch (mode & S_IFMT) {
    case S_IFBLK: return 1;
    case S_IFCHR: return 2;
    case S_IFDIR: return 3;
    case S_IFREG: return 4;
    case S_IFSOCK:
        if (fd >= 0)
            getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
        return type == SOCK_DGRAM ? 5 : 6;
    case S_IFLNK: return 7;
    default: return 0; /* the witx has no pipe */
    }
}

P1_FN(fd_fdstat_get)
{
    struct {
        uint8_t filetype, pad;
        uint16_t flags;
        uint32_t pad2;
        uint64_t rights, inheriting;
    } out = {0};
    _Static_assert(sizeof out == FDSTAT_SIZE, "fdstat of the witx");
    p1_fd *fd = fd_of(call, args[0]);
    struct stat st;
    if (fstat(fd->file->fd, &st))
        return errno;
    out.filetype = p1_filetype(st.st_mode, fd->file->fd);
    out.flags = fd->flags;
    out.rights = fd->rights;
    out.inheriting = fd->inheriting;
    /* isatty() of wasi-libc: a character device without seek and tell */
    if (out.filetype == 2 && isatty(fd->file->fd))
        out.rights &= ~(P1_RIGHT(FD_SEEK) | P1_RIGHT(FD_TELL));
    void *to = p1_view(call, P1_U32(args[1]), sizeof out);
    if (!to)
        return EFAULT;
    memcpy(to, &out, sizeof out);
    return 0;
}

P1_FN(fd_fdstat_set_flags)
{
    p1_fd *fd = fd_of(call, args[0]);
    uint32_t flags = P1_U32(args[1]);
    uint32_t fixed = P1_FDFLAG_DSYNC | P1_FDFLAG_RSYNC | P1_FDFLAG_SYNC;
    if (flags & ~(uint32_t)(fixed | P1_FDFLAG_APPEND | P1_FDFLAG_NONBLOCK))
        return EINVAL;
    if ((flags ^ fd->flags) & fixed)
        return EOPNOTSUPP; /* the kernel cannot change these either */
    if ((flags ^ fd->flags) & P1_FDFLAG_APPEND) {
        int now = fcntl(fd->file->fd, F_GETFL);
        bool append = flags & P1_FDFLAG_APPEND;
        now = append ? now | O_APPEND : now & ~O_APPEND;
        if (fcntl(fd->file->fd, F_SETFL, now))
            return errno;
    }
    fd->flags = (uint16_t)flags;
    return 0;
}

/* Rights can only be given up. */
P1_FN(fd_fdstat_set_rights)
{
    p1_fd *fd = fd_of(call, args[0]);
    if ((args[1] & ~fd->rights) || (args[2] & ~fd->inheriting))
        return ENOTCAPABLE;
    fd->rights = args[1];
    fd->inheriting = args[2];
    return 0;
}

static uint64_t nanoseconds(struct timespec time)
{
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

int p1_put_filestat(const p1_call *call, uint32_t at, const struct stat *st,
                    int fd)
{
    uint64_t out[] = {st->st_dev,
                      st->st_ino,
                      p1_filetype(st->st_mode, fd),
                      st->st_nlink,
                      (uint64_t)st->st_size,
                      nanoseconds(st->st_atim),
                      nanoseconds(st->st_mtim),
                      nanoseconds(st->st_ctim)};
    _Static_assert(sizeof out == FILESTAT_SIZE, "filestat of the witx");
    void *to = p1_view(call, at, sizeof out);
    if (!to)
        return EFAULT;
    memcpy(to, out, sizeof out);
    return 0;
}

P1_FN(fd_filestat_get)
{
    struct stat st;
    int fd = fd_of(call, args[0])->file->fd;
    if (fstat(fd, &st))
        return errno;
    return p1_put_filestat(call, P1_U32(args[1]), &st, fd);
}

P1_FN(fd_filestat_set_size)
{
    return wasi_file_set_size(fd_of(call, args[0])->file, args[1]);
}

static int one_time(bool set, bool now, uint64_t value, struct timespec *out)
{
    if (set && now)
        return EINVAL;
    if (set)
        *out = (struct timespec){(time_t)(value / 1000000000u),
                                 (long)(value % 1000000000u)};
    else
        out->tv_nsec = now ? UTIME_NOW : UTIME_OMIT;
    return 0;
}

int p1_times(uint32_t flags, uint64_t atim, uint64_t mtim,
             struct timespec out[2])
{
    if (flags & ~(uint32_t)(P1_FST_ATIM | P1_FST_ATIM_NOW | P1_FST_MTIM |
                            P1_FST_MTIM_NOW))
        return EINVAL;
    int error =
        one_time(flags & P1_FST_ATIM, flags & P1_FST_ATIM_NOW, atim, &out[0]);
    return error ? error
                 : one_time(flags & P1_FST_MTIM, flags & P1_FST_MTIM_NOW, mtim,
                            &out[1]);
}

P1_FN(fd_filestat_set_times)
{
    struct timespec times[2];
    int error = p1_times(P1_U32(args[3]), args[1], args[2], times);
    return error ? error
                 : wasi_file_set_times(fd_of(call, args[0])->file, times);
}

P1_FN(fd_advise)
{
    return wasi_file_advise(fd_of(call, args[0])->file, args[1], args[2],
                            P1_U32(args[3]));
}

P1_FN(fd_allocate)
{
    p1_fd *fd = fd_of(call, args[0]);
    if (args[1] > INT64_MAX || args[2] > INT64_MAX)
        return EINVAL;
    if (!fd->file->writable)
        return EBADF;
    return posix_fallocate(fd->file->fd, (off_t)args[1], (off_t)args[2]);
}

P1_FN(fd_datasync)
{
    return wasi_file_sync(fd_of(call, args[0])->file, true);
}

P1_FN(fd_sync)
{
    return wasi_file_sync(fd_of(call, args[0])->file, false);
}

P1_FN(fd_prestat_get)
{
    p1_fd *fd = fd_of(call, args[0]);
    if (!fd->preopen)
        return EBADF;
    int error = p1_put_u32(call, P1_U32(args[1]), 0); /* a directory */
    return error ? error
                 : p1_put_u32(call, P1_U32(args[1]) + 4,
                              (uint32_t)strlen(fd->preopen));
}

P1_FN(fd_prestat_dir_name)
{
    p1_fd *fd = fd_of(call, args[0]);
    if (!fd->preopen)
        return EBADF;
    size_t len = strlen(fd->preopen);
    if (len > P1_U32(args[2]))
        return ENAMETOOLONG;
    void *to = p1_view(call, P1_U32(args[1]), len);
    if (!to)
        return EFAULT;
    memcpy(to, fd->preopen, len);
    return 0;
}

/* ---- data -------------------------------------------------------------- */

/* The guest's list of {pointer, length}; more than IOVS_MAX are cut, which a
 * short count then tells. */
static int get_iovs(const p1_call *call, vm_slot at, vm_slot count,
                    struct iovec *out, int *n)
{
    uint32_t(*list)[2] = p1_view(call, P1_U32(at), (uint64_t)P1_U32(count) * 8);
    if (!list)
        return EFAULT;
    uint32_t many = P1_U32(count) < IOVS_MAX ? P1_U32(count) : IOVS_MAX;
    for (uint32_t i = 0; i < many; i++) {
        uint32_t part[2];
        memcpy(part, (char *)list + (size_t)i * 8, sizeof part);
        out[i].iov_len = part[1];
        out[i].iov_base = p1_view(call, part[0], part[1]);
        if (!out[i].iov_base)
            return EFAULT;
    }
    *n = (int)many;
    return 0;
}

/* Waits until `fd` can move data, unless the guest asked not to wait. */
static int await(p1_call *call, const p1_fd *fd, short events)
{
    wasi_wait wait = {
        .fd = fd->file->fd, .events = events, .deadline = WASI_NEVER};
    if (wasi_wait_ready(&wait))
        return 0;
    if (fd->flags & P1_FDFLAG_NONBLOCK)
        return EAGAIN;
    return p1_wait(call, &wait, 1);
}

static int put_count(p1_call *call, vm_slot at, ssize_t n)
{
    return n < 0 ? errno : p1_put_u32(call, P1_U32(at), (uint32_t)n);
}

/* readv or writev, again and again until it moved something. */
static int move(p1_call *call, const vm_slot *args, short events,
                ssize_t (*op)(int fd, const struct iovec *iovs, int n))
{
    struct iovec iovs[IOVS_MAX];
    int n, error = get_iovs(call, args[1], args[2], iovs, &n);
    p1_fd *fd = fd_of(call, args[0]);
    while (!error) {
        ssize_t moved = op(fd->file->fd, iovs, n);
        bool waits = moved < 0 && errno == EAGAIN;
        if (!waits || (fd->flags & P1_FDFLAG_NONBLOCK))
            return put_count(call, args[3], moved);
        error = await(call, fd, events);
    }
    return error;
}

P1_FN(fd_read)
{
    return move(call, args, POLLIN, readv);
}

P1_FN(fd_write)
{
    return move(call, args, POLLOUT, writev);
}

static int move_at(p1_call *call, const vm_slot *args,
                   ssize_t (*op)(int fd, const struct iovec *iovs, int n,
                                 off_t at))
{
    struct iovec iovs[IOVS_MAX];
    int n, error = get_iovs(call, args[1], args[2], iovs, &n);
    if (!error && args[3] > INT64_MAX)
        error = EINVAL;
    if (error)
        return error;
    return put_count(
        call, args[4],
        op(fd_of(call, args[0])->file->fd, iovs, n, (off_t)args[3]));
}

P1_FN(fd_pread)
{
    return move_at(call, args, preadv);
}

P1_FN(fd_pwrite)
{
    return move_at(call, args, pwritev);
}

P1_FN(fd_seek)
{
    static const int whences[] = {SEEK_SET, SEEK_CUR, SEEK_END};
    if (P1_U32(args[2]) > 2)
        return EINVAL;
    off_t at = lseek(fd_of(call, args[0])->file->fd, (off_t)args[1],
                     whences[P1_U32(args[2])]);
    return at < 0 ? errno : p1_put_u64(call, P1_U32(args[3]), (uint64_t)at);
}

P1_FN(fd_tell)
{
    off_t at = lseek(fd_of(call, args[0])->file->fd, 0, SEEK_CUR);
    return at < 0 ? errno : p1_put_u64(call, P1_U32(args[1]), (uint64_t)at);
}

/* ---- directories ------------------------------------------------------- */

static int seek_reader(p1_fd *fd, uint64_t cookie)
{
    int error = fd->reader ? 0 : wasi_dir_open(fd->file, &fd->reader);
    if (!error && (cookie != fd->reader_at || !cookie))
        error = wasi_dir_seek(fd->reader, cookie);
    fd->reader_at = cookie;
    return error;
}

static uint8_t dirent_type(uint8_t type)
{
    return p1_filetype((mode_t)DTTOIF(type), -1);
}

/* One entry, cut where the buffer ends; bytes written. */
static size_t put_entry(const wasi_dir_entry *entry, uint8_t *to, size_t room)
{
    struct {
        uint64_t next, inode;
        uint32_t name_len;
        uint32_t type;
    } head = {entry->next, entry->inode, (uint32_t)entry->name_len,
              dirent_type(entry->type)};
    _Static_assert(sizeof head == DIRENT_SIZE, "dirent of the witx");
    size_t n = sizeof head < room ? sizeof head : room;
    memcpy(to, &head, n);
    size_t left = room - n;
    size_t name = entry->name_len < left ? entry->name_len : left;
    memcpy(to + n, entry->name, name);
    return n + name;
}

/* Fills the buffer as far as it goes: a full buffer means "there is more". */
P1_FN(fd_readdir)
{
    p1_fd *fd = fd_of(call, args[0]);
    size_t size = P1_U32(args[2]), used = 0;
    uint8_t *buf = p1_view(call, P1_U32(args[1]), size);
    if (!buf)
        return EFAULT;
    int error = seek_reader(fd, args[3]);
    if (error)
        return error;
    while (used < size) {
        wasi_dir_entry entry;
        error = wasi_dir_next(fd->reader, &entry);
        if (error == ENOENT)
            break;
        if (error)
            return error;
        used += put_entry(&entry, buf + used, size - used);
        fd->reader_at = entry.next;
    }
    if (used == size)
        fd->reader_at = UINT64_MAX; /* the last entry may be cut: seek again */
    return p1_put_u32(call, P1_U32(args[4]), (uint32_t)used);
}
