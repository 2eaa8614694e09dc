/*
 * file.c - opening, naming and describing files: one implementation beneath
 * wasi:filesystem and preview 1.  Resolution is path.c's; this file decides
 * what a grant permits.
 */
#include "wasi/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void file_finish(void *self)
{
    wasi_file *file = self;
    close(file->fd);
    free(file);
}

static wasi_file *file_create(int fd)
{
    wasi_file *file = wasi_object_create(sizeof *file, file_finish);
    if (!file)
        close(fd);
    else
        file->fd = fd;
    return file;
}

wasi_file *wasi_file_create_preopen(int fd, bool writable)
{
    wasi_file *file = file_create(fd);
    if (!file)
        return NULL;
    file->is_dir = true;
    file->readable = true;
    file->mutable = file->asked_to_change = writable;
    return file;
}

static int may_change(const wasi_file *dir)
{
    return !dir->is_dir ? ENOTDIR : dir->mutable ? 0 : EROFS;
}

/* ---- opening ----------------------------------------------------------- */

/*
 * O_NONBLOCK always: opening a FIFO must not hang the guest, and for regular
 * files it means nothing.
 */
static uint64_t open_flags(const wasi_open_how *how)
{
    uint64_t flags = O_NONBLOCK | O_NOCTTY | (uint64_t)how->sync;
    flags |= how->write ? how->read ? O_RDWR : O_WRONLY : O_RDONLY;
    flags |= how->create ? O_CREAT : 0;
    flags |= how->exclusive ? O_EXCL : 0;
    flags |= how->truncate ? O_TRUNC : 0;
    flags |= how->directory ? O_DIRECTORY : 0;
    flags |= how->append ? O_APPEND : 0;
    flags |= how->follow ? 0 : O_NOFOLLOW;
    return flags;
}

static int check_open(const wasi_file *dir, const wasi_open_how *how)
{
    if (!dir->is_dir)
        return ENOTDIR;
    if (how->directory && (how->create || how->exclusive || how->truncate))
        return EINVAL;
    bool changes = how->create || how->truncate || how->write;
    if (how->change || (changes && !how->directory))
        return dir->mutable ? 0 : EROFS;
    return 0;
}

int wasi_file_open(const wasi_file *dir, wasi_path path,
                   const wasi_open_how *how, wasi_file **out)
{
    int fd, error = check_open(dir, how);
    if (!error)
        error = wasi_path_open(dir->fd, path, open_flags(how), 0666, &fd);
    if (error)
        return error;
    struct stat st;
    if (fstat(fd, &st)) {
        error = errno;
        close(fd);
        return error;
    }
    wasi_file *file = file_create(fd);
    if (!file)
        return ENOMEM;
    file->is_dir = S_ISDIR(st.st_mode);
    file->readable = file->is_dir || how->read || !how->write;
    file->writable = how->write && !file->is_dir;
    file->mutable = file->is_dir && dir->mutable;
    file->asked_to_change = file->is_dir && how->change;
    file->sync = how->sync;
    *out = file;
    return 0;
}

/* ---- describing -------------------------------------------------------- */

/* The object itself, without any right to its data. */
static int open_handle(const wasi_file *dir, wasi_path path, bool follow,
                       int *fd)
{
    if (!dir->is_dir)
        return ENOTDIR;
    return wasi_path_open(dir->fd, path, O_PATH | (follow ? 0 : O_NOFOLLOW), 0,
                          fd);
}

int wasi_file_stat(const wasi_file *file, struct stat *out)
{
    return fstat(file->fd, out) ? errno : 0;
}

int wasi_file_stat_at(const wasi_file *dir, wasi_path path, bool follow,
                      struct stat *out)
{
    int fd, error = open_handle(dir, path, follow, &fd);
    if (error)
        return error;
    error = fstat(fd, out) ? errno : 0;
    close(fd);
    return error;
}

int wasi_file_set_times_at(const wasi_file *dir, wasi_path path, bool follow,
                           const struct timespec times[2])
{
    int fd, error = may_change(dir);
    if (!error)
        error = open_handle(dir, path, follow, &fd);
    if (error)
        return error;
    /* glibc refuses an empty path with flags; the kernel has it since 5.8 */
    error = syscall(SYS_utimensat, fd, "", times, AT_EMPTY_PATH) ? errno : 0;
    close(fd);
    return error;
}

int wasi_file_set_times(const wasi_file *file, const struct timespec times[2])
{
    if (!file->writable && !file->mutable)
        return EPERM;
    return futimens(file->fd, times) ? errno : 0;
}

int wasi_file_set_size(const wasi_file *file, uint64_t size)
{
    if (file->is_dir)
        return EBADF;
    if (!file->writable)
        return EBADF;
    if (size > INT64_MAX)
        return EFBIG;
    return ftruncate(file->fd, (off_t)size) ? errno : 0;
}

int wasi_file_advise(const wasi_file *file, uint64_t offset, uint64_t len,
                     uint64_t advice)
{
    static const int advices[] = {POSIX_FADV_NORMAL,   POSIX_FADV_SEQUENTIAL,
                                  POSIX_FADV_RANDOM,   POSIX_FADV_WILLNEED,
                                  POSIX_FADV_DONTNEED, POSIX_FADV_NOREUSE};
    if (advice >= sizeof advices / sizeof *advices)
        return EINVAL;
    if (file->is_dir)
        return EBADF;
    if (offset > INT64_MAX || len > INT64_MAX)
        return EINVAL;
    return posix_fadvise(file->fd, (off_t)offset, (off_t)len, advices[advice]);
}

int wasi_file_sync(const wasi_file *file, bool only_data)
{
    return (only_data ? fdatasync(file->fd) : fsync(file->fd)) ? errno : 0;
}

/* ---- directory entries ------------------------------------------------- */

/* Does `act` to the entry that `path` names: a directory's descriptor and a
 * single component.  `dots` as in wasi_path_parent. */
static int with_entry(const wasi_file *dir, wasi_path path, int dots,
                      int (*act)(int fd, const char *name, const void *data),
                      const void *data)
{
    wasi_parent parent;
    int error = may_change(dir);
    if (!error)
        error = wasi_path_parent(dir->fd, path, dots, &parent);
    if (error)
        return error;
    error = act(parent.fd, parent.name, data) ? errno : 0;
    close(parent.fd);
    return error;
}

static int make_directory(int fd, const char *name, const void *data)
{
    return mkdirat(fd, name, 0777);
}

static int remove_directory(int fd, const char *name, const void *data)
{
    return unlinkat(fd, name, AT_REMOVEDIR);
}

static int remove_file(int fd, const char *name, const void *data)
{
    return unlinkat(fd, name, 0);
}

static int make_link(int fd, const char *name, const void *target)
{
    return symlinkat(target, fd, name);
}

int wasi_file_mkdir(const wasi_file *dir, wasi_path path)
{
    return with_entry(dir, path, EEXIST, make_directory, NULL);
}

int wasi_file_rmdir(const wasi_file *dir, wasi_path path)
{
    int fd, error = with_entry(dir, path, EINVAL, remove_directory, NULL);
    /* "link/" names what the link leads to: that may be outside */
    if (error != ENOTDIR || !path.len || path.data[path.len - 1] != '/')
        return error;
    error = wasi_path_open(dir->fd, path, O_PATH | O_DIRECTORY, 0, &fd);
    if (!error)
        close(fd);
    return error ? error : ENOTDIR;
}

int wasi_file_unlink(const wasi_file *dir, wasi_path path)
{
    return with_entry(dir, path, EISDIR, remove_file, NULL);
}

/* Both ends of a rename or link. */
static int two_parents(const wasi_file *from_dir, wasi_path from,
                       const wasi_file *to_dir, wasi_path to, int dots,
                       wasi_parent ends[2])
{
    int error = may_change(from_dir);
    if (!error)
        error = may_change(to_dir);
    if (!error)
        error = wasi_path_parent(from_dir->fd, from, dots, &ends[0]);
    if (error)
        return error;
    error = wasi_path_parent(to_dir->fd, to, dots, &ends[1]);
    if (error)
        close(ends[0].fd);
    return error;
}

int wasi_file_rename(const wasi_file *from_dir, wasi_path from,
                     const wasi_file *to_dir, wasi_path to)
{
    wasi_parent ends[2];
    int error = two_parents(from_dir, from, to_dir, to, EBUSY, ends);
    if (error)
        return error;
    if (renameat(ends[0].fd, ends[0].name, ends[1].fd, ends[1].name))
        error = errno;
    close(ends[0].fd);
    close(ends[1].fd);
    return error;
}

int wasi_file_link(const wasi_file *from_dir, wasi_path from,
                   const wasi_file *to_dir, wasi_path to)
{
    wasi_parent ends[2];
    int error = two_parents(from_dir, from, to_dir, to, EPERM, ends);
    if (error)
        return error;
    /* a trailing slash would make the kernel follow a link: refuse first */
    if (strchr(ends[0].name, '/'))
        error = ENOTDIR;
    else if (linkat(ends[0].fd, ends[0].name, ends[1].fd, ends[1].name, 0))
        error = errno;
    close(ends[0].fd);
    close(ends[1].fd);
    return error;
}

int wasi_file_symlink(const wasi_file *dir, wasi_path target, wasi_path path)
{
    char text[PATH_MAX];
    if (!target.len)
        return ENOENT;
    if (target.data[0] == '/')
        return EPERM;
    if (target.len >= sizeof text)
        return ENAMETOOLONG;
    if (memchr(target.data, 0, target.len))
        return EINVAL;
    memcpy(text, target.data, target.len);
    text[target.len] = 0;
    return with_entry(dir, path, EEXIST, make_link, text);
}

int wasi_file_readlink(const wasi_file *dir, wasi_path path, char *buf,
                       size_t size, size_t *len)
{
    char text[PATH_MAX];
    int fd, error = open_handle(dir, path, false, &fd);
    if (error)
        return error;
    ssize_t n = readlinkat(fd, "", text, sizeof text);
    error = n >= 0 ? 0 : errno == ENOENT ? EINVAL : errno; /* not a link */
    close(fd);
    if (error)
        return error;
    if (n && text[0] == '/')
        return EPERM;
    *len = (size_t)n < size ? (size_t)n : size;
    memcpy(buf, text, *len);
    return 0;
}

/* ---- reading a directory ----------------------------------------------- */

/* As getdents64(2) writes it. */
struct kernel_dirent {
    uint64_t inode, next;
    uint16_t size;
    uint8_t type;
    char name[];
};

static void dir_finish(void *self)
{
    wasi_dir_reader *reader = self;
    close(reader->fd);
    free(reader);
}

int wasi_dir_open(const wasi_file *dir, wasi_dir_reader **out)
{
    if (!dir->is_dir)
        return ENOTDIR;
    int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    wasi_dir_reader *reader = wasi_object_create(sizeof *reader, dir_finish);
    if (!reader) {
        close(fd);
        return ENOMEM;
    }
    reader->fd = fd;
    *out = reader;
    return 0;
}

int wasi_dir_seek(wasi_dir_reader *reader, uint64_t position)
{
    if (position > INT64_MAX)
        return EINVAL;
    reader->at = reader->len = 0;
    return lseek(reader->fd, (off_t)position, SEEK_SET) < 0 ? errno : 0;
}

int wasi_dir_next(wasi_dir_reader *reader, wasi_dir_entry *out)
{
    if (reader->at == reader->len) {
        long n = syscall(SYS_getdents64, reader->fd, reader->buf,
                         sizeof reader->buf);
        if (n <= 0)
            return n ? errno : ENOENT;
        reader->at = 0;
        reader->len = (size_t)n;
    }
    struct kernel_dirent *entry = (void *)(reader->buf + reader->at);
    reader->at += entry->size;
    *out = (wasi_dir_entry){.inode = entry->inode,
                            .next = entry->next,
                            .type = entry->type,
                            .name = entry->name,
                            .name_len = strlen(entry->name)};
    return 0;
}
