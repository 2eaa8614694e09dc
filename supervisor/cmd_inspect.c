/*
 * cmd_inspect.c - `vyoma inspect FILE...`: what a component or core module
 * wants and offers, and how large its parts are, as text or as JSON.  Nothing
 * of it is run.
 */
#include "supervisor/cmd.h"
#include "supervisor/json.h"
#include "supervisor/map_file.h"

#include "vm/cm_component.h"
#include "vm/cm_print.h"
#include "vm/leb.h"
#include "vm/module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct file {
    const char *path;
    mapped_file map;
    bool json;
} file;

static int fail(const file *f, const vm_error *err)
{
    if (err->offset == SIZE_MAX)
        fprintf(stderr, "vyoma inspect: %s: %s\n", f->path,
                err->text[0] ? err->text : "out of memory");
    else
        fprintf(stderr, "vyoma inspect: %s: at byte %zu: %s\n", f->path,
                err->offset, err->text);
    return 1;
}

/* ---- small pieces -----------------------------------------------------------
 */

static void json_name(const char *key, vm_name name)
{
    printf("\"%s\": ", key);
    json_write_string(name.data, name.len, stdout);
}

/* What a function prints, as a JSON string. */
static void json_printed(const char *key, void (*print)(const void *, FILE *),
                         const void *what)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out) {
        print(what, out);
        fclose(out);
    }
    json_name(key, (vm_name){text, len});
    free(text);
}

static void print_externtype(const void *type, FILE *out)
{
    cm_print_externtype(type, out);
}

static void print_world(const void *component, FILE *out)
{
    cm_print_world(component, out);
}

static const char *extern_kind(vm_extern_kind kind)
{
    static const char *const names[] = {
        [VM_EXTERN_FUNC] = "func",     [VM_EXTERN_TABLE] = "table",
        [VM_EXTERN_MEMORY] = "memory", [VM_EXTERN_GLOBAL] = "global",
        [VM_EXTERN_TAG] = "tag",
    };
    return names[kind];
}

/* ---- sections ---------------------------------------------------------------
 */

static const char *const core_sections[] = {
    "custom", "type",  "import",  "function", "table", "memory",     "global",
    "export", "start", "element", "code",     "data",  "data count", "tag"};
static const char *const component_sections[] = {
    "custom",   "core module", "core instance", "core type", "component",
    "instance", "alias",       "type",          "canon",     "start",
    "import",   "export",      "value"};

static void print_section(const file *f, const char *id, vm_name name,
                          size_t offset, size_t size, bool first)
{
    if (!f->json) {
        printf("  %-14s %10zu bytes at 0x%zx", id, size, offset);
        if (name.data)
            printf("  %.*s", (int)name.len, name.data);
        putchar('\n');
        return;
    }
    printf("%s\n  {\"id\": \"%s\", ", first ? "" : ",", id);
    if (name.data) {
        json_name("name", name);
        fputs(", ", stdout);
    }
    printf("\"offset\": %zu, \"size\": %zu}", offset, size);
}

/* The sections of a file that has been loaded: they are well-formed. */
static void print_sections(const file *f, const char *const *names, size_t n)
{
    vm_reader r = vm_reader_start(f->map.bytes, f->map.len, NULL);
    bool first = true;
    (void)vm_reader_bytes(&r, 8);
    fputs(f->json ? ",\n\"sections\": [" : "sections:\n", stdout);
    while (r.pos < r.end && !r.failed) {
        uint8_t id = vm_reader_u8(&r);
        uint32_t size = vm_reader_u32(&r);
        vm_reader inner = r;
        vm_name name = {0};
        if (!id)
            name = vm_reader_name(&inner);
        print_section(f, id < n ? names[id] : "?", name, vm_reader_offset(&r),
                      size, first);
        (void)vm_reader_bytes(&r, size);
        first = false;
    }
    if (f->json)
        putchar(']');
}

/* ---- core modules -----------------------------------------------------------
 */

static void print_item(const file *f, const char *what, const vm_name *module,
                       vm_name name, const vm_externtype *type, bool first)
{
    if (!f->json) {
        printf("  %s ", what);
        if (module)
            printf("%.*s ", (int)module->len, module->data);
        printf("%.*s: ", (int)name.len, name.data);
        cm_print_externtype(type, stdout);
        putchar('\n');
        return;
    }
    fputs(first ? "\n  {" : ",\n  {", stdout);
    if (module) {
        json_name("module", *module);
        fputs(", ", stdout);
    }
    json_name("name", name);
    printf(", \"kind\": \"%s\", ", extern_kind(type->kind));
    json_printed("type", print_externtype, type);
    putchar('}');
}

static void print_items(const file *f, const vm_module *m)
{
    size_t n;
    const vm_import *imports = vm_module_imports(m, &n);
    if (f->json)
        fputs(",\n\"imports\": [", stdout);
    for (size_t i = 0; i < n; i++)
        print_item(f, "import", &imports[i].module, imports[i].name,
                   &imports[i].type, !i);
    const vm_export *exports = vm_module_exports(m, &n);
    if (f->json)
        fputs("],\n\"exports\": [", stdout);
    for (size_t i = 0; i < n; i++)
        print_item(f, "export", NULL, exports[i].name, &exports[i].type, !i);
    if (f->json)
        putchar(']');
}

static void print_functions(const file *f, const vm_module *m)
{
    uint32_t largest = 0, code = 0;
    char label[400] = "";
    for (uint32_t i = 0; i < m->nfuncs; i++) {
        code += m->funcs[i].body_size;
        if (m->funcs[i].body_size > m->funcs[largest].body_size)
            largest = i;
    }
    if (m->nfuncs)
        vm_module_func_label(m, largest, label, sizeof label);
    if (f->json) {
        printf(",\n\"functions\": {\"count\": %u, \"imported\": %u, "
               "\"code_bytes\": %u",
               m->nfuncs, m->nfunc_imports, code);
        if (code) {
            printf(", \"largest\": {");
            json_name("name", (vm_name){label, strlen(label)});
            printf(", \"bytes\": %u}", m->funcs[largest].body_size);
        }
        putchar('}');
        return;
    }
    printf("functions: %u, of which %u imported; %u bytes of instructions",
           m->nfuncs, m->nfunc_imports, code);
    if (code)
        printf("; largest: %s, %u bytes", label, m->funcs[largest].body_size);
    putchar('\n');
}

static void print_memories(const file *f, const vm_module *m)
{
    if (f->json)
        fputs(",\n\"memories\": [", stdout);
    for (uint32_t i = 0; i < m->nmemories; i++) {
        const vm_limits *l = &m->memories[i];
        uint64_t unit = UINT64_C(1) << l->page_size_log2;
        if (f->json) {
            printf("%s\n  {\"min_pages\": %llu", i ? "," : "",
                   (unsigned long long)l->min);
            if (l->max != UINT64_MAX)
                printf(", \"max_pages\": %llu", (unsigned long long)l->max);
            printf(", \"page_bytes\": %llu, \"is64\": %s, \"shared\": %s, "
                   "\"imported\": %s}",
                   (unsigned long long)unit, l->is64 ? "true" : "false",
                   l->shared ? "true" : "false",
                   i < m->nmemory_imports ? "true" : "false");
            continue;
        }
        printf("memory %u: %llu pages of %llu bytes at first, ", i,
               (unsigned long long)l->min, (unsigned long long)unit);
        if (l->max == UINT64_MAX)
            fputs("no limit", stdout);
        else
            printf("at most %llu", (unsigned long long)l->max);
        printf("%s%s\n", l->is64 ? ", 64-bit" : "",
               l->shared ? ", shared" : "");
    }
    if (f->json)
        putchar(']');
}

static void print_counts(const file *f, const vm_module *m)
{
    uint64_t data = 0;
    for (uint32_t i = 0; i < m->ndatas; i++)
        data += m->datas[i].size;
    printf(f->json ? ",\n\"types\": %u, \"tables\": %u, \"globals\": %u, "
                     "\"tags\": %u, \"element_segments\": %u, "
                     "\"data_segments\": %u, \"data_bytes\": %llu"
                   : "types: %u, tables: %u, globals: %u, tags: %u, element "
                     "segments: %u, data segments: %u with %llu bytes\n",
           m->ntypes, m->ntables, m->nglobals, m->ntags, m->nelems, m->ndatas,
           (unsigned long long)data);
    if (m->start == UINT32_MAX)
        return;
    printf(f->json ? ", \"start\": %u" : "start: func[%u]\n", m->start);
}

static int inspect_module(vm_engine *engine, const file *f)
{
    vm_module *m;
    vm_error err = {.offset = SIZE_MAX};
    if (vm_module_load(engine, f->map.bytes, f->map.len, &m, &err))
        return fail(f, &err);
    if (f->json) {
        printf("{\"file\": ");
        json_write_string(f->path, strlen(f->path), stdout);
        printf(", \"kind\": \"module\", \"size\": %zu", f->map.len);
        if (vm_module_name(m).len) {
            fputs(", ", stdout);
            json_name("name", vm_module_name(m));
        }
    } else {
        printf("%s: core module, %zu bytes\n", f->path, f->map.len);
    }
    print_items(f, m);
    print_functions(f, m);
    print_memories(f, m);
    print_counts(f, m);
    print_sections(f, core_sections,
                   sizeof core_sections / sizeof *core_sections);
    if (f->json)
        puts("}");
    vm_module_release(m);
    return 0;
}

/* ---- components -------------------------------------------------------------
 */

static void json_decls(const char *key, const cm_decl *decls, uint32_t n)
{
    printf(",\n\"%s\": [", key);
    for (uint32_t i = 0; i < n; i++) {
        fputs(i ? ",\n  {" : "\n  {", stdout);
        json_name("name", decls[i].name);
        printf(", \"kind\": \"%s\"}", cm_sort_name(decls[i].type.sort));
    }
    putchar(']');
}

static void json_modules(const cm_component *c)
{
    uint32_t count;
    vm_module *const *modules = cm_component_modules(c, &count);
    fputs(",\n\"core_modules\": [", stdout);
    for (uint32_t i = 0; i < count; i++) {
        const vm_module *m = modules[i];
        printf("%s\n  {\"size\": %zu, \"functions\": %u, \"imports\": %u, "
               "\"exports\": %u, ",
               i ? "," : "", m->size, m->nfuncs - m->nfunc_imports, m->nimports,
               m->nexports);
        json_name("name", vm_module_name(m));
        putchar('}');
    }
    putchar(']');
}

static int inspect_component(vm_engine *engine, const file *f)
{
    cm_component *c;
    vm_error err = {.offset = SIZE_MAX};
    if (cm_component_load(engine, f->map.bytes, f->map.len, &c, &err))
        return fail(f, &err);
    const cm_componenttype *type = c->root->type;
    if (f->json) {
        printf("{\"file\": ");
        json_write_string(f->path, strlen(f->path), stdout);
        printf(", \"kind\": \"component\", \"size\": %zu", f->map.len);
        json_decls("imports", type->imports, type->nimports);
        json_decls("exports", type->exports->exports, type->exports->count);
        fputs(",\n", stdout);
        json_printed("wit", print_world, c);
        json_modules(c);
    } else {
        printf("// %s: component, %zu bytes\n", f->path, f->map.len);
        cm_print_world(c, stdout);
        cm_print_parts(c, stdout);
    }
    print_sections(f, component_sections,
                   sizeof component_sections / sizeof *component_sections);
    if (f->json)
        puts("}");
    cm_component_release(c);
    return 0;
}

/* ---- the command ------------------------------------------------------------
 */

static int usage(FILE *out)
{
    fputs("usage: vyoma inspect [--json] FILE...\n\n"
          "Prints what components and core modules import and export, and "
          "the sizes of their parts.\n"
          "  --json   one JSON object for each file (docs/profiling.md)\n",
          out);
    return out == stdout ? 0 : 2;
}

static int inspect(vm_engine *engine, const char *path, bool json)
{
    file f = {.path = path, .json = json};
    if (!map_file("vyoma inspect", path, &f.map))
        return 1;
    int code = cm_is_component(f.map.bytes, f.map.len)
                   ? inspect_component(engine, &f)
                   : inspect_module(engine, &f);
    unmap_file(&f.map);
    return code;
}

int cmd_inspect(int argc, char **argv)
{
    int code = 0, i = 1;
    bool json = false;
    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            return usage(stdout);
        if (strcmp(argv[i], "--json"))
            return usage(stderr);
        json = true;
    }
    if (i == argc)
        return usage(stderr);
    vm_engine *engine = vm_engine_create(NULL);
    if (!engine) {
        fputs("vyoma inspect: out of memory\n", stderr);
        return 1;
    }
    for (; i < argc; i++)
        code |= inspect(engine, argv[i], json);
    vm_engine_destroy(engine);
    return code;
}
