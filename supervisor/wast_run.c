/*
 * wast_run.c - runs the commands of one converted script.
 *
 * A command answers true when what it asserts holds.  Otherwise it leaves in
 * `got` what happened instead, or in `skip` why it cannot be run.
 */
#include "supervisor/wast.h"

#include "vm/decode.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool wast_fail(wast_script *s, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(s->got, sizeof s->got, fmt, args);
    va_end(args);
    return false;
}

bool wast_fail_status(wast_script *s, vm_status status, const vm_error *err)
{
    static const char *const names[] = {
        "success",    "a trap",          "an uncaught exception",
        "suspension", "an interruption", "an exit",
        "rejection",  "out of memory"};
    return wast_fail(s, "%s%s%s", names[status], *err->text ? ": " : "",
                     err->text);
}

static bool skip(wast_script *s, const char *why)
{
    s->skip = why;
    return false;
}

static bool skip_unsupported(wast_script *s)
{
    s->is_unsupported = true;
    return skip(s, VM_NO_DESCRIPTORS);
}

static void *alloc(wast_script *s, size_t size)
{
    void *p = vm_arena_alloc(&s->arena, 1, size);
    if (!p) {
        fprintf(stderr, "vyoma wast: out of memory\n");
        exit(2);
    }
    return p;
}

/* ---- files -------------------------------------------------------------- */

static uint8_t *read_file(wast_script *s, const char *name, size_t *len)
{
    char path[4096];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", s->dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        fprintf(stderr, "vyoma wast: cannot read %s\n", path);
        exit(2);
    }
    uint8_t *bytes = alloc(s, (size_t)st.st_size + 1);
    size_t at = 0;
    for (ssize_t n; at < (size_t)st.st_size; at += (size_t)n) {
        n = read(fd, bytes + at, (size_t)st.st_size - at);
        if (n <= 0)
            break;
    }
    close(fd);
    *len = at;
    return bytes;
}

/* The command's module as bytes; NULL when there is only text. */
static uint8_t *command_bytes(wast_script *s, const json *command, size_t *len)
{
    const char *name = json_get_str(command, "binary_filename");
    const char *type = json_get_str(command, "module_type");
    if (!name && type && !strcmp(type, "binary"))
        name = json_get_str(command, "filename");
    if (!name) {
        skip(s, "the text format is not read");
        return NULL;
    }
    return read_file(s, name, len);
}

/* Version 13, layer 1.  Other preambles are for the core decoder to refuse. */
static bool is_component(const uint8_t *bytes, size_t len)
{
    return len >= 8 && !memcmp(bytes, "\0asm\x0d\0\1\0", 8);
}

/* ---- instances ---------------------------------------------------------- */

static wast_instance *add_instance(wast_script *s, const char *name)
{
    wast_instance *i = alloc(s, sizeof *i);
    i->name = name;
    i->next = s->instances;
    s->instances = i;
    s->current = i;
    return i;
}

/* The newest one of that name, or the current one for NULL. */
static wast_instance *find_instance(wast_script *s, const char *name)
{
    if (!name)
        return s->current;
    for (wast_instance *i = s->instances; i; i = i->next)
        if (i->name && !strcmp(i->name, name))
            return i;
    return NULL;
}

static wast_definition *add_definition(wast_script *s, const char *name,
                                       vm_module *module)
{
    wast_definition *d = alloc(s, sizeof *d);
    d->name = name;
    d->core = module;
    d->next = s->definitions;
    s->definitions = d;
    return d;
}

static bool fail_status(wast_script *s, vm_status status, const vm_error *err)
{
    static const char *const phases[] = {"malformed", "invalid", "unlinkable",
                                         "at run time"};
    if (status == VM_INVALID && strstr(err->text, VM_NO_DESCRIPTORS))
        return skip_unsupported(s);
    if (status == VM_INVALID)
        return wast_fail(s, "%s: %s (at 0x%zx)", phases[err->phase], err->text,
                         err->offset);
    return wast_fail_status(s, status, err);
}

/* Instantiates with imports from what is registered. */
static vm_status instantiate(wast_script *s, vm_module *module,
                             wast_instance *out, vm_error *err)
{
    size_t n;
    const vm_import *imports = vm_module_imports(module, &n);
    vm_extern *externs = alloc(s, n * sizeof *externs);
    for (size_t i = 0; i < n; i++) {
        if (wast_import_find(s, &imports[i], &externs[i]))
            continue;
        vm_error_set(err, VM_PHASE_LINK, SIZE_MAX, "unknown import %.*s.%.*s",
                     (int)imports[i].module.len, imports[i].module.data,
                     (int)imports[i].name.len, imports[i].name.data);
        return VM_INVALID;
    }
    out->module = module;
    return vm_instance_create(s->store, module, externs, &out->core, err);
}

/* Loads the command's module, which lives until the script ends. */
static vm_status load(wast_script *s, const json *command, vm_module **out,
                      vm_error *err)
{
    size_t len;
    uint8_t *bytes = command_bytes(s, command, &len);
    if (!bytes)
        return VM_INVALID;
    vm_status status = vm_module_load(s->engine, bytes, len, out, err);
    if (status == VM_OK)
        add_definition(s, json_get_str(command, "name"), *out);
    return status;
}

/* ---- commands: modules -------------------------------------------------- */

static bool run_module(wast_script *s, const json *command)
{
    size_t len;
    vm_error err = {0};
    uint8_t *bytes = command_bytes(s, command, &len);
    if (!bytes)
        return false;
    if (is_component(bytes, len))
        return wast_component_run(
            s, command, bytes, len,
            add_instance(s, json_get_str(command, "name")));
    vm_module *module;
    vm_status status = load(s, command, &module, &err);
    wast_instance *instance = add_instance(s, json_get_str(command, "name"));
    if (status == VM_OK)
        status = instantiate(s, module, instance, &err);
    return status == VM_OK || fail_status(s, status, &err);
}

static bool run_definition(wast_script *s, const json *command)
{
    size_t len;
    vm_error err = {0};
    uint8_t *bytes = command_bytes(s, command, &len);
    if (!bytes)
        return false;
    if (is_component(bytes, len))
        return wast_component_define(s, command, bytes, len);
    vm_module *module;
    vm_status status = load(s, command, &module, &err);
    return status == VM_OK || fail_status(s, status, &err);
}

static bool run_instance(wast_script *s, const json *command)
{
    const char *name = json_get_str(command, "module");
    wast_definition *d = s->definitions;
    while (d && name && (!d->name || strcmp(d->name, name)))
        d = d->next;
    if (!d && s->is_unsupported)
        return skip_unsupported(s);
    if (!d)
        return wast_fail(s, "no module is named %s",
                         name ? name : "(the last)");
    vm_error err = {0};
    wast_instance *i = add_instance(s, json_get_str(command, "instance"));
    if (d->component)
        return wast_component_instance(s, d, i);
    vm_status status = instantiate(s, d->core, i, &err);
    return status == VM_OK || fail_status(s, status, &err);
}

static bool run_register(wast_script *s, const json *command)
{
    wast_instance *i = find_instance(s, json_get_str(command, "name"));
    if (!i)
        return wast_fail(s, "no such instance");
    wast_instance *copy = alloc(s, sizeof *copy);
    *copy = *i;
    copy->name = json_get_str(command, "as");
    copy->next = s->registered;
    s->registered = copy;
    return true;
}

/* ---- commands: what must be rejected ------------------------------------ */

static bool expect_rejection(wast_script *s, const json *command,
                             vm_phase phase)
{
    size_t len;
    vm_error err = {0};
    uint8_t *bytes = command_bytes(s, command, &len);
    if (!bytes)
        return false;
    if (is_component(bytes, len))
        return wast_component_rejected(s, bytes, len, phase);
    vm_module *module;
    vm_status status = load(s, command, &module, &err);
    if (status == VM_INVALID && err.phase == phase)
        return true;
    return fail_status(s, status, &err);
}

static bool run_malformed(wast_script *s, const json *command)
{
    return expect_rejection(s, command, VM_PHASE_DECODE);
}

static bool run_invalid(wast_script *s, const json *command)
{
    return expect_rejection(s, command, VM_PHASE_VALIDATE);
}

/* The suite's text begins the engine's message.  Numbers at its end do not
 * count ("uninitialized element 2"). */
static bool text_matches(const char *want, const char *got)
{
    size_t n = want ? strlen(want) : 0;
    while (n && strchr(" 0123456789", want[n - 1]))
        n--;
    return want && !strncmp(want, got, n);
}

/* An instantiation that must fail with that status. */
static bool expect_unlinked(wast_script *s, const json *command, vm_status want)
{
    size_t len;
    vm_error err = {0};
    uint8_t *bytes = command_bytes(s, command, &len);
    if (!bytes)
        return false;
    if (is_component(bytes, len))
        return wast_component_unlinked(s, command, bytes, len, want);
    vm_module *module;
    wast_instance instance = {0};
    vm_status status = load(s, command, &module, &err);
    if (status != VM_OK)
        return fail_status(s, status, &err);
    status = instantiate(s, module, &instance, &err);
    if (status != want || (want == VM_INVALID && err.phase != VM_PHASE_LINK))
        return fail_status(s, status, &err);
    if (want == VM_TRAP &&
        !text_matches(json_get_str(command, "text"), err.text))
        return fail_status(s, status, &err);
    return true;
}

static bool run_unlinkable(wast_script *s, const json *command)
{
    return expect_unlinked(s, command, VM_INVALID);
}

static bool run_uninstantiable(wast_script *s, const json *command)
{
    return expect_unlinked(s, command, VM_TRAP);
}

/* ---- actions ------------------------------------------------------------ */

/* What an action left behind. */
typedef struct outcome {
    vm_status status;
    vm_error err;
    uint32_t nresults;
    const vm_type *types;
    vm_value *results;
} outcome;

static bool invoke(wast_script *s, const json *action, vm_func *func,
                   outcome *out)
{
    const vm_functype *type = vm_func_type(func);
    const json *args = json_get(action, "args");
    if (json_count(args) != type->nparams)
        return wast_fail(s, "%zu arguments for %u parameters", json_count(args),
                         type->nparams);
    vm_value *values = alloc(s, (type->nparams + 1) * sizeof *values);
    uint32_t i = 0;
    for (const json *a = args ? args->first : NULL; a; a = a->next)
        if (!wast_value_parse(a, &values[i++]))
            return skip(s, "an argument of unknown type");
    out->nresults = type->nresults;
    out->types = type->types + type->nparams;
    out->results = alloc(s, (type->nresults + 1) * sizeof *out->results);
    out->status = vm_call(s->store, func, values, out->results, &out->err);
    return true;
}

static bool get(wast_script *s, const vm_module *module, const json *field,
                const vm_global *global, outcome *out)
{
    size_t n;
    uint32_t at = vm_module_find_export(module, field->str, field->len);
    out->types = &vm_module_exports(module, &n)[at].type.global.type;
    out->nresults = 1;
    out->results = alloc(s, sizeof *out->results);
    *out->results = vm_global_get(global);
    return true;
}

/* The component instance that a command is for, or NULL. */
static wast_instance *component_of(wast_script *s, const json *command)
{
    const json *action = json_get(command, "action");
    wast_instance *i = find_instance(s, json_get_str(action, "module"));
    return i && i->component ? i : NULL;
}

/* False when the action cannot even be tried. */
static bool act(wast_script *s, const json *command, outcome *out)
{
    *out = (outcome){0};
    const json *action = json_get(command, "action");
    const char *type = json_get_str(action, "type");
    const json *field = json_get(action, "field");
    wast_instance *i = find_instance(s, json_get_str(action, "module"));
    vm_extern e;
    if (s->is_unsupported && (!i || !i->core))
        return skip_unsupported(s);
    if (!i || !i->core || !field || !type)
        return wast_fail(s, "no such instance");
    if (!vm_instance_export(i->core, field->str, field->len, &e))
        return wast_fail(s, "no export is named %s", field->str);
    if (!strcmp(type, "invoke") && e.kind == VM_EXTERN_FUNC)
        return invoke(s, action, e.func, out);
    if (!strcmp(type, "get") && e.kind == VM_EXTERN_GLOBAL)
        return get(s, i->module, field, e.global, out);
    return wast_fail(s, "the export %s is of another kind", field->str);
}

static bool run_action(wast_script *s, const json *command)
{
    outcome o;
    wast_instance *component = component_of(s, command);
    if (component)
        return wast_component_return(s, command, component);
    if (!act(s, command, &o))
        return false;
    return o.status == VM_OK || fail_status(s, o.status, &o.err);
}

static bool results_match(const wast_script *s, const json *expected,
                          const outcome *o)
{
    uint32_t i = 0;
    if (json_count(expected) != o->nresults)
        return false;
    for (const json *e = expected->first; e; e = e->next, i++)
        if (!wast_value_matches(s, e, o->types[i], o->results[i]))
            return false;
    return true;
}

static bool run_return(wast_script *s, const json *command)
{
    outcome o;
    wast_instance *component = component_of(s, command);
    if (component)
        return wast_component_return(s, command, component);
    if (!act(s, command, &o))
        return false;
    if (o.status != VM_OK)
        return fail_status(s, o.status, &o.err);
    if (results_match(s, json_get(command, "expected"), &o))
        return true;
    for (uint32_t i = 0; i < o.nresults; i++)
        wast_value_format(o.types[i], o.results[i], s->got, sizeof s->got);
    if (!o.nresults)
        return wast_fail(s, "no results");
    return false;
}

static bool expect_trap(wast_script *s, const json *command)
{
    outcome o;
    wast_instance *component = component_of(s, command);
    if (component)
        return wast_component_trap(s, command, component);
    if (!act(s, command, &o))
        return false;
    const char *text = json_get_str(command, "text");
    if (o.status == VM_TRAP && text_matches(text, o.err.text))
        return true;
    return fail_status(s, o.status, &o.err);
}

static bool run_exception(wast_script *s, const json *command)
{
    outcome o;
    if (!act(s, command, &o))
        return false;
    return o.status == VM_THROWN || fail_status(s, o.status, &o.err);
}

/* ---- the table ---------------------------------------------------------- */

static bool run_custom(wast_script *s, const json *command)
{
    return skip(s, "text annotations are not read");
}

static bool run_thread(wast_script *s, const json *command)
{
    return skip(s, "threads of a script are not run");
}

static bool run_suspension(wast_script *s, const json *command)
{
    return skip(s, "stack switching is not supported");
}

static const struct {
    const char *type;
    bool (*run)(wast_script *s, const json *command);
} commands[] = {
    {"module", run_module},
    {"module_definition", run_definition},
    {"module_instance", run_instance},
    {"register", run_register},
    {"action", run_action},
    {"assert_return", run_return},
    {"assert_trap", expect_trap},
    {"assert_exhaustion", expect_trap},
    {"assert_exception", run_exception},
    {"assert_malformed", run_malformed},
    {"assert_invalid", run_invalid},
    {"assert_unlinkable", run_unlinkable},
    {"assert_uninstantiable", run_uninstantiable},
    {"assert_malformed_custom", run_custom},
    {"assert_invalid_custom", run_custom},
    {"assert_suspension", run_suspension},
    {"thread", run_thread},
    {"wait", run_thread},
};

static bool run_command(wast_script *s, const json *command, const char *type)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(commands[i].type, type))
            return commands[i].run(s, command);
    return skip(s, "an unknown command");
}

/* ---- reports ------------------------------------------------------------ */

/* "file:line: assert_return "f" failed: expected ..., got ..." */
static void report_failure(wast_script *s, const json *command,
                           const char *type, long line)
{
    char expected[400] = "";
    const json *list = json_get(command, "expected");
    const char *text = json_get_str(command, "text");
    const json *action = json_get(command, "action");
    const char *field = json_get_str(action, "field");
    for (const json *e = list ? list->first : NULL; e; e = e->next)
        wast_constant_format(e, expected, sizeof expected);
    printf("%s:%ld: %s%s%s%s", s->path, line, type, field ? " \"" : "",
           field ? field : "", field ? "\"" : "");
    if (text || *expected)
        printf(": expected %s", text ? text : expected);
    printf(": got %s\n", *s->got ? s->got : "something else");
}

/* Each reason is printed once per script. */
static void report_skip(wast_script *s, long line)
{
    for (int i = 0; i < WAST_MAX_SKIPS; i++) {
        if (!s->skip_reasons[i]) {
            s->skip_reasons[i] = s->skip;
            printf("%s:%ld: skipped: %s\n", s->path, line, s->skip);
        }
        if (s->skip_reasons[i] == s->skip)
            return;
    }
}

static void run_and_count(wast_script *s, const json *command)
{
    const char *type = json_get_str(command, "type");
    long line = json_get_int(command, "line");
    atomic_store(&s->counts->line, (unsigned)line);
    s->skip = NULL;
    *s->got = '\0';
    if (run_command(s, command, type ? type : "")) {
        atomic_fetch_add(&s->counts->passed, 1);
    } else if (s->skip) {
        atomic_fetch_add(&s->counts->skipped, 1);
        report_skip(s, line);
    } else {
        atomic_fetch_add(&s->counts->failed, 1);
        report_failure(s, command, type, line);
    }
}

/* ---- a script ----------------------------------------------------------- */

static bool open_script(wast_script *s, const vm_options *options)
{
    const vm_store_limits limits = {.memory_bytes = UINT64_C(8) << 30,
                                    .table_elements = 10u << 20,
                                    .instances = 100000};
    s->engine = vm_engine_create(options);
    return s->engine &&
           vm_store_create(s->engine, &limits, &s->store) == VM_OK &&
           wast_spectest_create(s);
}

static void close_script(wast_script *s)
{
    vm_store_destroy(s->store);
    for (wast_definition *d = s->definitions; d; d = d->next)
        if (d->component)
            wast_component_release(d);
        else
            vm_module_release(d->core);
    vm_engine_destroy(s->engine);
    vm_arena_finish(&s->arena);
}

void wast_run(const vm_options *options, const char *path, const char *dir,
              const char *stem, wast_counts *counts)
{
    wast_script s = {.path = path, .dir = dir, .counts = counts};
    char name[64];
    size_t len, where;
    snprintf(name, sizeof name, "%s.json", stem);
    const char *text = (const char *)read_file(&s, name, &len);
    const json *root = json_parse(&s.arena, text, len, &where);
    const json *list = json_get(root, "commands");
    if (!list || !open_script(&s, options)) {
        printf("%s: cannot be run: %s\n", path,
               list ? "no memory" : "the converter's output is malformed");
        atomic_fetch_add(&counts->failed, 1);
        return;
    }
    for (const json *c = list->first; c; c = c->next)
        run_and_count(&s, c);
    close_script(&s);
}
