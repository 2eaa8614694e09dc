/*
 * cmd_objdump.c - `vyoma objdump`: the functions of a module, or of the core
 * modules in a component, as WebAssembly and as what the engine makes of it.
 */
#include "supervisor/cmd.h"
#include "supervisor/map_file.h"
#include "supervisor/symbols.h"

#include "vm/cm_print.h"
#include "vm/component.h"
#include "vm/listing.h"
#include "vm/module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct dump {
    const char *path;
    const char *only; /* a function's name or index, or NULL: all */
    uint32_t printed;
} dump;

static int fail(const dump *d, const vm_error *err)
{
    const char *text = err->text[0] ? err->text : "out of memory";
    if (err->offset == SIZE_MAX)
        fprintf(stderr, "vyoma objdump: %s: %s\n", d->path, text);
    else
        fprintf(stderr, "vyoma objdump: %s: at offset 0x%zx: %s\n", d->path,
                err->offset, text);
    return 1;
}

static bool is_wanted(const dump *d, const vm_module *m, uint32_t func)
{
    char label[400], *end;
    if (!d->only)
        return true;
    unsigned long index = strtoul(d->only, &end, 10);
    if (*d->only && !*end)
        return index == func;
    vm_module_func_label(m, func, label, sizeof label);
    return !strcmp(label, d->only);
}

static int print_module(dump *d, vm_module *m)
{
    for (uint32_t i = 0; i < m->nfuncs; i++) {
        vm_error err = {.offset = SIZE_MAX};
        if (!is_wanted(d, m, i))
            continue;
        d->printed++;
        if (vm_listing_print(m, i, symbol_name, stdout, &err) != VM_OK)
            return fail(d, &err);
    }
    return 0;
}

static int print_component(dump *d, vm_engine *engine, const mapped_file *f)
{
    cm_component *component;
    vm_error err = {.offset = SIZE_MAX};
    uint32_t count;
    int code = 0;
    if (cm_component_load(engine, f->bytes, f->len, &component, &err))
        return fail(d, &err);
    vm_module *const *modules = cm_component_modules(component, &count);
    for (uint32_t i = 0; i < count && !code; i++) {
        vm_name name = vm_module_name(modules[i]);
        printf("core module %u%s%.*s:\n\n", i, name.len ? " " : "",
               (int)name.len, name.len ? name.data : "");
        code = print_module(d, modules[i]);
    }
    cm_component_release(component);
    return code;
}

static int print_core(dump *d, vm_engine *engine, const mapped_file *f)
{
    vm_module *module;
    vm_error err = {.offset = SIZE_MAX};
    if (vm_module_load(engine, f->bytes, f->len, &module, &err) != VM_OK)
        return fail(d, &err);
    int code = print_module(d, module);
    vm_module_release(module);
    return code;
}

static int print_file(dump *d)
{
    mapped_file f;
    vm_engine *engine = NULL;
    int code = 1;
    if (!map_file("vyoma objdump", d->path, &f))
        return 1;
    engine = vm_engine_create(NULL);
    if (engine)
        code = cm_is_component(f.bytes, f.len) ? print_component(d, engine, &f)
                                               : print_core(d, engine, &f);
    if (!code && d->only && !d->printed) {
        fprintf(stderr,
                "vyoma objdump: %s: no function '%s'; valid: an index or a "
                "name, as `vyoma inspect` and objdump print them\n",
                d->path, d->only);
        code = 1;
    }
    vm_engine_destroy(engine);
    unmap_file(&f);
    return code;
}

static int usage(FILE *out)
{
    fputs(
        "usage: vyoma objdump [--function NAME|INDEX] FILE\n\n"
        "Prints the functions of a module, or of the core modules in a\n"
        "component: each WebAssembly instruction with its offset in the\n"
        "module, and below it the threaded code that the engine made of it:\n"
        "\n"
        "    cell: HANDLER  result = operands  -> cells branched to\n"
        "\n"
        "[n] is a slot of the frame, acc and facc are accumulators, l0, l1\n"
        "and d0 registers in which locals are kept.  A name A__B is a handler\n"
        "that runs the next instructions as well.\n",
        out);
    return out == stdout ? 0 : 2;
}

int cmd_objdump(int argc, char **argv)
{
    dump d = {0};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            return usage(stdout);
        if (!strncmp(argv[i], "--function=", 11))
            d.only = argv[i] + 11;
        else if (!strcmp(argv[i], "--function") && i + 1 < argc)
            d.only = argv[++i];
        else if (argv[i][0] == '-' || d.path)
            return usage(stderr);
        else
            d.path = argv[i];
    }
    if (!d.path)
        return usage(stderr);
    return print_file(&d);
}
