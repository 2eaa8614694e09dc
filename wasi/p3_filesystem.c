/* p3_filesystem.c - wasi:filesystem 0.3: the other skin of filesystem.h, with
 * the component model's own streams. */
#include "wasi/filesystem.h"
#include "wasi/ifaces.h"
#include "wasi/p3.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#define FS_FN(name)                                                            \
    static vm_status name(cm_call *call, void *host, const cm_value *args,     \
                          cm_value *result)

/* error-code is 0.2's enum without would-block (1), and with other. */
static vm_status put_error(cm_call *call, int number, cm_value *out)
{
    enum { WOULD_BLOCK = 1, OTHER = 36 };
    uint64_t code = wasi_errno_filesystem(number);
    if (code == WOULD_BLOCK)
        return wasi_p3_other(call, OTHER, out);
    *out =
        (cm_value){.variant = {.index = code > WOULD_BLOCK ? code - 1 : code}};
    return VM_OK;
}

static vm_status put_type(cm_call *call, mode_t mode, cm_value *out)
{
    static const mode_t types[] = {S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO,
                                   S_IFLNK, S_IFREG, S_IFSOCK};
    enum { OTHER = sizeof types / sizeof *types };
    uint64_t index = 0;
    while (index < OTHER && (mode & S_IFMT) != types[index])
        index++;
    if (index == OTHER)
        return wasi_p3_other(call, OTHER, out);
    *out = (cm_value){.variant = {.index = index}};
    return VM_OK;
}

static const fs_skin skin = {.error = put_error,
                             .type = put_type,
                             .old_times = true,
                             .create_writes = true};

FS_COMMON(FS_DEFINE)

/* ---- streams ----------------------------------------------------------- */

FS_FN(read_via_stream)
{
    wasi_file *file = args[0].rep;
    int number = fs_may_read(file, args[1].u);
    wasi_input *in =
        number ? NULL : wasi_input_create_file(file->fd, file, args[1].u);
    return wasi_p3_input(call, host, in, number, put_error, result);
}

static vm_status output_at(cm_call *call, wasi_ctx *ctx, const cm_value *args,
                           uint64_t offset, cm_value *result)
{
    wasi_file *file = args[0].rep;
    int number = fs_may_write(file);
    wasi_output *out =
        number ? NULL : wasi_output_create_file(file->fd, file, offset);
    return wasi_p3_output(call, ctx, &args[1], out, number, put_error, result);
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

/* One directory-entry at a time: the name is copied for the call. */
static vm_status read_entry(void *owner, cm_call *call, void *out, size_t max,
                            size_t *n, int *number)
{
    wasi_dir_entry entry;
    cm_value *item = out;
    int error = fs_next_entry(owner, &entry);
    if (error) {
        *number = error == ENOENT ? 0 : error;
        return VM_OK;
    }
    cm_value *fields = wasi_values(call, 2);
    char *name = cm_alloc(call, entry.name_len + 1);
    if (!fields || !name)
        return wasi_no_memory(call);
    memcpy(name, entry.name, entry.name_len);
    vm_status status = put_type(call, (mode_t)DTTOIF(entry.type), &fields[0]);
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
                          number, put_error, result);
}

/* ---- interfaces -------------------------------------------------------- */

static const cm_host_func types_funcs[] = {
    {"[method]descriptor.read-via-stream", read_via_stream},
    {"[method]descriptor.write-via-stream", write_via_stream},
    {"[method]descriptor.append-via-stream", append_via_stream},
    {"[method]descriptor.read-directory", read_directory},
    FS_COMMON(FS_ROW){0},
};

const cm_host_interface wasi_p3_filesystem_types = {
    .name = "wasi:filesystem/types@0.3",
    .funcs = types_funcs,
    .resources = (const cm_host_resource[]){{"descriptor", wasi_drop}, {0}},
};

const cm_host_interface wasi_p3_preopens = {
    .name = "wasi:filesystem/preopens@0.3",
    .funcs =
        (const cm_host_func[]){{"get-directories", fs_get_directories}, {0}},
};
