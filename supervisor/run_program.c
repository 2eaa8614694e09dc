/*
 * run_program.c - one component or core module from its file to its end, on the
 * developer's own machine, with what the options grant: load -> link -> run.
 * `vyoma run` and `vyoma profile` stand on it (run_program.h).
 */
#include "supervisor/run_program.h"

#include "supervisor/map_file.h"
#include "supervisor/run_invoke.h"
#include "vm/coredump.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    STATUS_TRAP = 134,        /* 128 + SIGABRT, as wasmtime ends after a trap */
    STATUS_INTERRUPTED = 130, /* 128 + SIGINT */
    STATUS_ERROR = 1,         /* did not load or link */
};

/* Everything that one run holds. */
typedef struct run {
    const run_options *options;
    const run_observer *observer; /* may be NULL */
    vm_engine *engine;
    vm_store *store;
    wasi_ctx *ctx;
    mapped_file file;
    vm_error err;
} run;

/* ---- being stopped ------------------------------------------------------ */

/* For signal handlers; one run per process. */
static vm_store *stoppable_store;
static wasi_ctx *stoppable_ctx;
static volatile sig_atomic_t timed_out, stopped;

static void interrupt(void)
{
    if (stoppable_store)
        vm_store_interrupt(stoppable_store);
    if (stoppable_ctx)
        wasi_ctx_interrupt(stoppable_ctx);
}

static void on_alarm(int signal)
{
    timed_out |= !stopped;
    interrupt();
}

/* Repeats, so that a wait which began between two looks ends as well. */
static void set_timer(uint64_t ns)
{
    struct itimerval timer = {
        .it_value = {(time_t)(ns / 1000000000),
                     (suseconds_t)(ns % 1000000000 / 1000)},
        .it_interval = {.tv_usec = 20000},
    };
    if (ns < 1000)
        timer.it_value.tv_usec = 1;
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void prepare_stopping(const run *run)
{
    stoppable_store = run->store;
    stoppable_ctx = run->ctx;
    timed_out = stopped = 0;
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
    if (run->options->timeout_ns)
        set_timer(run->options->timeout_ns);
}

static void end_stopping(void)
{
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    stoppable_store = NULL;
    stoppable_ctx = NULL;
}

void run_program_stop(void)
{
    stopped = 1;
    interrupt();
    set_timer(20000000);
}

/* ---- outcomes ---------------------------------------------------------- */

static void print_backtrace(const run *run)
{
    size_t size = 8 << 10; /* of a deep recursion, the top will do */
    char *text = malloc(size);
    if (text && vm_fiber_backtrace(run->store, text, size))
        fprintf(stderr, "%s", text);
    free(text);
}

static void write_coredump(const run *run)
{
    const char *path = run->options->coredump;
    if (!path)
        return;
    errno = ENOMEM;
    FILE *out = fopen(path, "we");
    bool ok = out && vm_coredump_write(run->store, run->options->file, out);
    if (out && fclose(out))
        ok = false;
    if (ok)
        fprintf(stderr, "vyoma: core dumped to %s\n", path);
    else
        fprintf(stderr, "vyoma: -D coredump=%s: %s\n", path, strerror(errno));
}

static int report(run *run, vm_status status, const char *path)
{
    vm_error *err = &run->err;
    if (status == VM_EXIT)
        return vm_store_exit_code(run->store);
    if (timed_out)
        fprintf(stderr,
                "vyoma: %s: trap: wall-time limit exceeded (-W timeout)\n",
                path);
    else if (stopped)
        fprintf(stderr, "vyoma: %s: interrupted\n", path);
    else if (status == VM_INTERRUPTED)
        fprintf(stderr, "vyoma: %s: trap: all fuel consumed (-W fuel)\n", path);
    else if (status == VM_THROWN)
        fprintf(stderr, "vyoma: %s: uncaught exception%s%s\n", path,
                err->text[0] ? ": " : "", err->text);
    else if (status == VM_TRAP)
        fprintf(stderr, "vyoma: %s: trap: %s\n", path, err->text);
    else if (err->offset != SIZE_MAX)
        fprintf(stderr, "vyoma: %s: at offset 0x%zx: %s\n", path, err->offset,
                err->text);
    else
        fprintf(stderr, "vyoma: %s: %s\n", path,
                err->text[0] ? err->text : "out of memory");
    if (status == VM_INVALID || status == VM_NO_MEMORY)
        return STATUS_ERROR;
    print_backtrace(run);
    write_coredump(run);
    return stopped ? STATUS_INTERRUPTED : STATUS_TRAP;
}

static int link_error(run *run)
{
    return report(run, VM_INVALID, run->options->file);
}

static void start_guest(const run *run)
{
    if (run->observer)
        run->observer->start(run->observer->env, run->store);
}

static void end_store(run *run)
{
    end_stopping();
    if (run->store && run->observer)
        run->observer->end(run->observer->env, run->store);
    vm_store_destroy(run->store);
    run->store = NULL;
}

/* ---- core modules ------------------------------------------------------ */

static bool name_is(vm_name name, const char *text)
{
    return name.len == strlen(text) && !memcmp(name.data, text, name.len);
}

static vm_status resolve_import(run *run, const vm_import *import,
                                vm_extern *out)
{
    if (name_is(import->module, "wasi_snapshot_preview1"))
        return wasi_preview1_import(run->ctx, run->store, import, out,
                                    &run->err);
    vm_error_set(&run->err, VM_PHASE_LINK, SIZE_MAX,
                 "unknown import %.*s.%.*s: only wasi_snapshot_preview1 is "
                 "given to core modules",
                 (int)import->module.len, import->module.data,
                 (int)import->name.len, import->name.data);
    return VM_INVALID;
}

static vm_status instantiate_module(run *run, vm_module *module,
                                    vm_instance **out)
{
    size_t count;
    const vm_import *imports = vm_module_imports(module, &count);
    vm_extern *externs = calloc(count + 1, sizeof *externs);
    vm_status status = externs ? VM_OK : VM_NO_MEMORY;
    for (size_t i = 0; status == VM_OK && i < count; i++)
        status = resolve_import(run, &imports[i], &externs[i]);
    if (status == VM_OK)
        status =
            vm_instance_create(run->store, module, externs, out, &run->err);
    free(externs);
    return status;
}

static vm_func *find_func(vm_instance *instance, const char *name)
{
    vm_extern found;
    if (vm_instance_export(instance, name, strlen(name), &found) &&
        found.kind == VM_EXTERN_FUNC)
        return found.func;
    return NULL;
}

static bool is_nullary(const vm_func *func)
{
    const vm_functype *type = vm_func_type(func);
    return type->nparams == 0 && type->nresults == 0;
}

/* A command's _start; or a reactor's _initialize and then --invoke. */
static int run_entry(run *run, vm_instance *instance)
{
    const run_options *options = run->options;
    vm_status status = VM_OK;
    vm_func *init = find_func(instance, "_initialize");
    if (init && is_nullary(init))
        status = vm_call(run->store, init, NULL, NULL, &run->err);
    if (status != VM_OK)
        return report(run, status, options->file);
    const char *name = options->invoke ? options->invoke : "_start";
    vm_func *func = find_func(instance, name);
    if (!func && !options->invoke)
        return 0; /* nothing but a start function to run */
    if (!func) {
        vm_error_set(&run->err, VM_PHASE_LINK, SIZE_MAX,
                     "--invoke: it exports no function '%s'", name);
        return link_error(run);
    }
    if (!options->invoke && is_nullary(func)) {
        status = vm_call(run->store, func, NULL, NULL, &run->err);
        return status == VM_OK ? 0 : report(run, status, options->file);
    }
    status = run_invoke_core(run->store, func, options->args.items + 1,
                             options->args.count - 1, &run->err);
    return status == VM_OK ? 0 : report(run, status, options->file);
}

static int run_module(run *run)
{
    vm_module *module;
    vm_status status = vm_module_load(run->engine, run->file.bytes,
                                      run->file.len, &module, &run->err);
    if (status != VM_OK)
        return report(run, status, run->options->file);
    vm_instance *instance;
    status = instantiate_module(run, module, &instance);
    vm_module_release(module);
    return status == VM_OK ? run_entry(run, instance)
                           : report(run, status, run->options->file);
}

/* ---- components -------------------------------------------------------- */

/* Is there a --link for it?  Then the trouble is with what it gives. */
static bool is_linked(const run *run, vm_name name)
{
    for (size_t i = 0; i < run->options->nlinks; i++)
        if (strlen(run->options->links[i].name) == name.len &&
            !memcmp(run->options->links[i].name, name.data, name.len))
            return true;
    return false;
}

/* Says which option would grant it. */
static int missing_import(run *run, const cm_linker *linker, const char *path,
                          vm_name name)
{
    vm_name other = wasi_other_version(linker, name.data, name.len);
    const char *option = wasi_capability_option(name.data, name.len);
    const char *key = wasi_capability_name(name.data, name.len);
    fprintf(stderr, "vyoma: %s: %s\n", path, run->err.text);
    if (!name.len || is_linked(run, name))
        return STATUS_ERROR;
    if (other.len)
        fprintf(stderr, "  this host has %.*s\n", (int)other.len, other.data);
    else if (option)
        fprintf(stderr, "  %.*s is granted by %s\n", (int)name.len, name.data,
                option);
    else if (key)
        fprintf(stderr,
                "  %.*s is granted to apps by '%s' in a manifest, not by "
                "vyoma run\n",
                (int)name.len, name.data, key);
    else
        fprintf(stderr,
                "  %.*s is no interface of this host: give it by --link "
                "IMPORT=FILE\n",
                (int)name.len, name.data);
    return STATUS_ERROR;
}

/* Instantiates one file into the store. */
static int instantiate(run *run, cm_linker *linker, const char *path,
                       const mapped_file *file, cm_instance **out)
{
    cm_component *component;
    vm_status status = cm_component_load(run->engine, file->bytes, file->len,
                                         &component, &run->err);
    if (status != VM_OK)
        return report(run, status, path);
    vm_name missing = {0};
    status =
        cm_instantiate(linker, component, run->store, out, &missing, &run->err);
    cm_component_release(component);
    if (status == VM_INVALID)
        return missing_import(run, linker, path, missing);
    return status == VM_OK ? 0 : report(run, status, path);
}

/* The instance of a --link's file; links to one file share one, so that its
 * interfaces may share resources. */
static int linked_instance(run *run, cm_linker *linker, size_t i,
                           cm_instance **made)
{
    const run_link *links = run->options->links;
    for (size_t k = 0; k < i; k++)
        if (!strcmp(links[k].file, links[i].file)) {
            made[i] = made[k];
            return 0;
        }
    mapped_file file; /* as long as the process: instances need its bytes */
    if (!map_file("vyoma", links[i].file, &file))
        return STATUS_ERROR;
    return instantiate(run, linker, links[i].file, &file, &made[i]);
}

/* In the order given: a linked component may import what was linked before. */
static int add_links(run *run, cm_linker *linker)
{
    size_t n = run->options->nlinks;
    cm_instance **made = calloc(n + 1, sizeof *made);
    int code = made ? 0 : report(run, VM_NO_MEMORY, run->options->file);
    for (size_t i = 0; i < n && !code; i++) {
        code = linked_instance(run, linker, i, made);
        if (!code &&
            cm_linker_define_instance(linker, run->options->links[i].name,
                                      made[i], &run->err) != VM_OK)
            code = link_error(run);
    }
    free(made);
    return code;
}

static int call_run(run *run, cm_instance *instance)
{
    const char *path = run->options->file;
    if (run->options->invoke) {
        vm_status status = run_invoke_component(
            instance, run->options->invoke, run->options->args.items + 1,
            run->options->args.count - 1, &run->err);
        return status == VM_OK ? 0 : report(run, status, path);
    }
    cm_func *func = wasi_find_run(instance);
    if (!func) {
        vm_error_set(&run->err, VM_PHASE_LINK, SIZE_MAX,
                     "it exports no wasi:cli/run, so it is not a command: "
                     "use --invoke, or vyoma serve for wasi:http");
        return link_error(run);
    }
    int code = 0;
    vm_status status = wasi_call_run(func, &code, &run->err);
    return status == VM_OK ? code : report(run, status, path);
}

static int run_component(run *run)
{
    cm_linker *linker = cm_linker_create(run->engine);
    cm_instance *instance;
    int code = STATUS_ERROR;
    if (!linker)
        return report(run, VM_NO_MEMORY, run->options->file);
    if (wasi_link(linker, run->ctx, &run->err) != VM_OK)
        code = link_error(run);
    else if (!(code = add_links(run, linker)) &&
             !(code = instantiate(run, linker, run->options->file, &run->file,
                                  &instance)))
        code = call_run(run, instance);
    end_store(run); /* handles end before what they came from */
    cm_linker_destroy(linker);
    return code;
}

/* ---- the whole ------------------------------------------------------- */

/* That this process may use; sysconf would open a file to find out. */
static unsigned processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) ? 1
                                                  : (unsigned)CPU_COUNT(&set);
}

static vm_status prepare(run *run)
{
    const run_options *options = run->options;
    vm_options engine = {
        .deterministic = options->deterministic,
        .count = options->count,
        .threads = processors(),
        .images = true,
    };
    run->engine = vm_engine_create(&engine);
    if (!run->engine)
        return VM_NO_MEMORY;
    vm_status status =
        vm_store_create(run->engine, &options->limits, &run->store);
    if (status == VM_OK)
        status = run_options_context(options, &run->ctx, &run->err);
    if (status == VM_OK)
        vm_store_set_fuel(run->store, options->fuel);
    return status;
}

static int run_file(run *run)
{
    vm_status status = prepare(run);
    if (status != VM_OK)
        return report(run, status, run->options->file);
    prepare_stopping(run);
    start_guest(run);
    return cm_is_component(run->file.bytes, run->file.len) ? run_component(run)
                                                           : run_module(run);
}

int run_program(const run_options *options, const run_observer *observer)
{
    run run = {
        .options = options, .observer = observer, .err = {.offset = SIZE_MAX}};
    signal(SIGPIPE, SIG_IGN); /* a guest sees EPIPE instead */
    if (!map_file("vyoma", options->file, &run.file))
        return STATUS_ERROR;
    int code = run_file(&run);
    end_store(&run);
    if (run.engine)
        vm_engine_destroy(run.engine);
    wasi_ctx_destroy(run.ctx);
    unmap_file(&run.file);
    return code;
}
