/*
 * cmd_inspect.c - `vyoma inspect FILE...`: what a component or core module
 * wants and offers, and how large its parts are.  Nothing of it is run.
 */
#include "supervisor/cmd.h"

#include "vm/cm_print.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct file {
    const char *path;
    const uint8_t *bytes;
    size_t len;
} file;

static bool map_file(const char *path, file *out)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *map = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
        map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    else if (fd >= 0)
        errno = EINVAL; /* an empty file, or none that can be mapped */
    if (map == MAP_FAILED)
        fprintf(stderr, "vyoma inspect: %s: %s\n", path, strerror(errno));
    else
        *out = (file){path, map, (size_t)st.st_size};
    if (fd >= 0)
        close(fd);
    return map != MAP_FAILED;
}

static int fail(const file *f, const vm_error *err)
{
    if (err->offset == SIZE_MAX)
        fprintf(stderr, "vyoma inspect: %s: %s\n", f->path, err->text);
    else
        fprintf(stderr, "vyoma inspect: %s: at byte %zu: %s\n", f->path,
                err->offset, err->text);
    return 1;
}

static int inspect_component(vm_engine *engine, const file *f)
{
    cm_component *component;
    vm_error err = {0};
    if (cm_component_load(engine, f->bytes, f->len, &component, &err))
        return fail(f, &err);
    printf("// %s: component, %zu bytes\n", f->path, f->len);
    cm_print_world(component, stdout);
    cm_print_parts(component, stdout);
    cm_component_release(component);
    return 0;
}

static int inspect_module(vm_engine *engine, const file *f)
{
    vm_module *module;
    vm_error err = {0};
    size_t nimports, nexports;
    if (vm_module_load(engine, f->bytes, f->len, &module, &err))
        return fail(f, &err);
    const vm_import *imports = vm_module_imports(module, &nimports);
    const vm_export *exports = vm_module_exports(module, &nexports);
    printf("%s: core module, %zu bytes\n", f->path, f->len);
    for (size_t i = 0; i < nimports; i++) {
        printf("  import %.*s %.*s: ", (int)imports[i].module.len,
               imports[i].module.data, (int)imports[i].name.len,
               imports[i].name.data);
        cm_print_externtype(&imports[i].type, stdout);
        putchar('\n');
    }
    for (size_t i = 0; i < nexports; i++) {
        printf("  export %.*s: ", (int)exports[i].name.len,
               exports[i].name.data);
        cm_print_externtype(&exports[i].type, stdout);
        putchar('\n');
    }
    vm_module_release(module);
    return 0;
}

int cmd_inspect(int argc, char **argv)
{
    int status = 0;
    if (argc < 2 || argv[1][0] == '-') {
        fputs("usage: vyoma inspect FILE...\n\n"
              "Prints what components and core modules import and export, and "
              "the sizes of their parts.\n",
              argc < 2 ? stderr : stdout);
        return argc < 2 ? 2 : 0;
    }
    vm_engine *engine = vm_engine_create(NULL);
    if (!engine) {
        fputs("vyoma inspect: out of memory\n", stderr);
        return 1;
    }
    for (int i = 1; i < argc; i++) {
        file f;
        if (!map_file(argv[i], &f)) {
            status = 1;
            continue;
        }
        status |= cm_is_component(f.bytes, f.len)
                      ? inspect_component(engine, &f)
                      : inspect_module(engine, &f);
        munmap((void *)f.bytes, f.len);
    }
    vm_engine_destroy(engine);
    return status;
}
