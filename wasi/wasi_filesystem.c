/* wasi_filesystem.c - wasi:filesystem 0.2: a skin of filesystem.h, with byte
 * streams as wasi:io's resources and directories read entry by entry. */
#include "wasi/filesystem.h"
#include "wasi/ifaces.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#define FS_FN(name)                                                            \
    static vm_status name(cm_call *call, void *host, const cm_value *args,     \
                          cm_value *result)

static vm_status put_error(cm_call *call, int number, cm_value *out)
{
    *out = (cm_value){.variant = {.index = wasi_errno_filesystem(number)}};
    return VM_OK;
}

/* descriptor-type of the WIT */
static vm_status put_type(cm_call *call, mode_t mode, cm_value *out)
{
    static const struct {
        mode_t mode;
        uint64_t type;
    } types[] = {{S_IFBLK, 1}, {S_IFCHR, 2}, {S_IFDIR, 3}, {S_IFIFO, 4},
                 {S_IFLNK, 5}, {S_IFREG, 6}, {S_IFSOCK, 7}};
    *out = (cm_value){.variant = {.index = 0}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if ((mode & S_IFMT) == types[i].mode)
            out->variant.index = types[i].type;
    return VM_OK;
}

static const fs_skin skin = {.error = put_error, .type = put_type};

FS_COMMON(FS_DEFINE)

static vm_status outcome(cm_call *call, cm_value *result, int number)
{
    return fs_outcome(&skin, call, result, number);
}

/* ---- streams ----------------------------------------------------------- */

FS_FN(read_via_stream)
{
    wasi_file *file = args[0].rep;
    int number = fs_may_read(file, 0); /* reading says what the offset means */
    return number
               ? outcome(call, result, number)
               : wasi_ok_own(call, result,
                             wasi_input_create_file(file->fd, file, args[1].u));
}

static vm_status output_at(cm_call *call, wasi_file *file, uint64_t offset,
                           cm_value *result)
{
    int number = fs_may_write(file);
    return number
               ? outcome(call, result, number)
               : wasi_ok_own(call, result,
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

FS_FN(file_read)
{
    wasi_file *file = args[0].rep;
    uint8_t *scratch = wasi_scratch(host);
    cm_value *pair = wasi_values(call, 2);
    int number = fs_may_read(file, args[2].u);
    if (!scratch || !pair)
        return wasi_no_memory(call);
    if (number)
        return outcome(call, result, number);
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
    int number = fs_may_write(file);
    if (!number && args[2].u > INT64_MAX)
        number = EFBIG;
    if (number)
        return outcome(call, result, number);
    ssize_t n = pwrite(file->fd, args[1].bytes.data, args[1].bytes.len,
                       (off_t)args[2].u);
    if (n < 0)
        return outcome(call, result, errno);
    return cm_ok(call, result, &(cm_value){.u = (uint64_t)n});
}

/* ---- directory-entry-stream -------------------------------------------- */

FS_FN(read_directory)
{
    wasi_dir_reader *reader;
    int number = wasi_dir_open(args[0].rep, &reader);
    return number ? outcome(call, result, number)
                  : wasi_ok_own(call, result, reader);
}

FS_FN(read_directory_entry)
{
    wasi_dir_entry entry;
    int number = fs_next_entry(args[0].rep, &entry);
    cm_value option = {.variant = {.index = 0}};
    if (number == ENOENT)
        return cm_ok(call, result, &option);
    if (number)
        return outcome(call, result, number);
    cm_value *record = wasi_values(call, 3), *fields = record + 1;
    if (!record)
        return wasi_no_memory(call);
    vm_status status = put_type(call, (mode_t)DTTOIF(entry.type), &fields[0]);
    fields[1].str.data = entry.name;
    fields[1].str.len = entry.name_len;
    record->list.items = fields;
    record->list.len = 2;
    option.variant.index = 1;
    option.variant.payload = record;
    return status == VM_OK ? cm_ok(call, result, &option) : status;
}

/* ---- interfaces -------------------------------------------------------- */

FS_FN(filesystem_error_code)
{
    const wasi_error *error = args[0].rep;
    cm_value code;
    if (error->network)
        return cm_some(call, result, NULL);
    vm_status status = put_error(call, error->number, &code);
    return status == VM_OK ? cm_some(call, result, &code) : status;
}

static const cm_host_func types_funcs[] = {
    {"[method]descriptor.read-via-stream", read_via_stream},
    {"[method]descriptor.write-via-stream", write_via_stream},
    {"[method]descriptor.append-via-stream", append_via_stream},
    {"[method]descriptor.read", file_read},
    {"[method]descriptor.write", file_write},
    {"[method]descriptor.read-directory", read_directory},
    {"[method]directory-entry-stream.read-directory-entry",
     read_directory_entry},
    {"filesystem-error-code", filesystem_error_code},
    FS_COMMON(FS_ROW){0},
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
    .funcs =
        (const cm_host_func[]){{"get-directories", fs_get_directories}, {0}},
};
