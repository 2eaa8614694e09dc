/* wasi.c - see wasi.h. */
#include "sdk/wasi.h"

/* ---- streams ---- */

bool output_write_all(handle stream, str data)
{
    while (data.len) {
        size_t n = MIN(data.len, 4096);
        stream_status status;
        output_blocking_write(stream, data.data, n, &status);
        if (status.is_err) {
            if (!status.closed)
                io_error_drop(status.error);
            return false;
        }
        data.data += n;
        data.len -= n;
    }
    return true;
}

void print(str data)
{
    static handle out = -1;
    if (out < 0)
        out = get_stdout();
    output_write_all(out, data);
}

/* ---- time ---- */

const char weekday_names[7][4] = {"Sun", "Mon", "Tue", "Wed",
                                  "Thu", "Fri", "Sat"};
const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

calendar calendar_of(uint64_t seconds)
{
    uint32_t days = (uint32_t)(seconds / 86400);
    uint32_t rest = (uint32_t)(seconds % 86400);
    calendar c = {.hour = (int)(rest / 3600),
                  .minute = (int)(rest / 60 % 60),
                  .second = (int)(rest % 60),
                  .weekday = (int)((days + 4) % 7)};
    /* Years are counted from March, so that the leap day comes last; one era
     * is 400 years or 146,097 days. 719,468 days lie before 1970-01-01. */
    uint32_t z = days + 719468, era = z / 146097, day = z % 146097;
    uint32_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    uint32_t month = (5 * day + 2) / 153; /* 0 is March */
    c.day = (int)(day - (153 * month + 2) / 5 + 1);
    c.month = (int)(month < 10 ? month + 3 : month - 9);
    c.year = (int)(year + era * 400 + (c.month <= 2));
    return c;
}

/* ---- files ---- */

const char *fs_error_name(uint8_t code)
{
    switch (code) {
    case 0: return "permission denied";
    case 7: return "file exists";
    case 14: return "is a directory";
    case 18: return "file name too long";
    case 20: return "no such file or directory";
    case 23: return "no space left";
    case 24: return "not a directory";
    case 31: return "operation not permitted";
    case 33: return "read-only file system";
    default: return "input/output error";
    }
}

handle fs_root(void)
{
    preopen_list dirs;
    get_directories(&dirs);
    return dirs.len ? dirs.items[0].descriptor : -1;
}

/* The granted folders, read once and copied: the list is in the arena. */
static struct root {
    handle descriptor;
    size_t len;
    char path[48];
} roots[4];
static size_t root_count;

static void read_roots(void)
{
    preopen_list dirs;
    get_directories(&dirs);
    for (size_t i = 0; i < dirs.len && root_count < COUNT(roots); i++) {
        str path = dirs.items[i].path;
        struct root *r = &roots[root_count];
        if (path.len > sizeof r->path)
            continue;
        memcpy(r->path, path.data, path.len);
        r->len = path.len;
        r->descriptor = dirs.items[i].descriptor;
        root_count++;
    }
}

handle fs_resolve(str path, str *below)
{
    if (!root_count)
        read_roots();
    handle best = -1;
    size_t length = 0;
    for (size_t i = 0; i < root_count; i++) {
        str root = {roots[i].path, roots[i].len};
        if (root.len && root.data[root.len - 1] == '/')
            root.len--;
        bool inside = str_starts(path, root) &&
                      (path.len == root.len || path.data[root.len] == '/');
        if (!inside || (best >= 0 && root.len < length))
            continue;
        best = roots[i].descriptor;
        length = root.len;
    }
    *below = (str){path.data + length, path.len - length};
    while (below->len && below->data[0] == '/')
        below->data++, below->len--;
    if (!below->len)
        *below = STR(".");
    return best;
}

static bool fail(uint8_t *error, uint8_t code)
{
    *error = code;
    return false;
}

bool fs_load(handle dir, str path, char *buffer, size_t size, size_t *len,
             uint8_t *error)
{
    handle_result file;
    read_result got;
    *len = 0;
    fs_open_at(dir, FOLLOW_SYMLINKS, path.data, path.len, 0, MODE_READ, &file);
    if (file.is_err)
        return fail(error, file.error);
    do {
        void *mark = arena_mark();
        fs_read(file.value, MIN(size - *len, 65536), *len, &got);
        if (!got.is_err) {
            memcpy(buffer + *len, got.data.data, got.data.len);
            *len += got.data.len;
        }
        arena_release(mark);
    } while (!got.is_err && got.data.len && !got.at_end && *len < size);
    fs_drop(file.value);
    return !got.is_err || fail(error, got.error);
}

static bool write_all(handle file, str data, uint8_t *error)
{
    for (uint64_t at = 0; at < data.len;) {
        size_result wrote;
        fs_write(file, data.data + at, data.len - at, at, &wrote);
        if (wrote.is_err)
            return fail(error, wrote.error);
        at += wrote.value;
    }
    status_result synced;
    fs_sync(file, &synced);
    return !synced.is_err || fail(error, synced.error);
}

bool fs_save(handle dir, str path, str data, uint8_t *error)
{
    char name[256];
    text fresh = TEXT(name);
    put(&fresh, path);
    put(&fresh, STR(".new"));
    handle_result file;
    fs_open_at(dir, 0, name, fresh.len, OPEN_CREATE | OPEN_TRUNCATE, MODE_WRITE,
               &file);
    if (file.is_err)
        return fail(error, file.error);
    bool ok = write_all(file.value, data, error);
    fs_drop(file.value);
    if (!ok)
        return false;
    status_result status;
    fs_rename_at(dir, name, fresh.len, dir, path.data, path.len, &status);
    if (status.is_err)
        return fail(error, status.error);
    fs_sync(dir, &status); /* the rename itself; not all hosts can */
    return true;
}
