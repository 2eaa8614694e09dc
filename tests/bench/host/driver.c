/*
 * driver.c - runs guest.wat's exports in this engine and prints a JSON object
 * of nanoseconds per crossing; with further components also how fast these are
 * instantiated and what an instance takes.  run.py makes the table.
 */
#include "vm/component.h"
#include "wasi/wasi.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { REPEATS = 5 };

static const char *const kinds[] = {"clock",       "write-1",     "write-4k",
                                    "write-1m",    "string-in",   "records-16",
                                    "poll-4",      "environment", "call",
                                    "call-string", "call-records"};

static void die(const char *what, const vm_error *err)
{
    fprintf(stderr, "driver: %s: %s\n", what, err ? err->text : "failed");
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

typedef struct host {
    vm_engine *engine;
    wasi_ctx *ctx;
    cm_linker *linker;
    cm_component *component;
} host;

/* ---- the host's own interface -----------------------------------------------
 */

static const char calls_wit[] =
    "package bench:host@1.0.0;\n"
    "interface calls {\n"
    "  record point { x: u32, y: f64, name: string }\n"
    "  take: func(s: string) -> u32;\n"
    "  points: func(l: list<point>) -> list<point>;\n"
    "}\n";

static vm_status take(cm_call *call, void *host, const cm_value *args,
                      cm_value *result)
{
    result->u = args[0].bytes.len;
    return VM_OK;
}

static vm_status points(cm_call *call, void *host, const cm_value *args,
                        cm_value *result)
{
    *result = args[0];
    return VM_OK;
}

static const cm_host_interface calls = {
    .name = "bench:host/calls",
    .funcs = (const cm_host_func[]){{"take", take}, {"points", points}, {0}},
};

static cm_component *load(vm_engine *engine, const char *path)
{
    vm_error err = {0};
    struct stat st;
    cm_component *component = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        die(path, NULL);
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED ||
        cm_component_load(engine, bytes, (size_t)st.st_size, &component, &err))
        die(path, &err);
    close(fd);
    return component;
}

static void open_host(host *h, const char *path)
{
    static const char *const env[] = {"A=1", "B=2", "C=3", "D=4"};
    vm_error err = {0};
    wasi_config config = {.capabilities =
                              UINT32_MAX &
                              ~(uint32_t)(WASI_CAP_DISPLAY | WASI_CAP_IPC |
                                          WASI_CAP_PROCESS | WASI_CAP_SHELL),
                          .env = env,
                          .nenv = 4,
                          .stdin_fd = -1,
                          .stdout_fd = open("/dev/null", O_WRONLY),
                          .stderr_fd = dup(2),
                          .display_fd = -1,
                          .ipc_fd = -1,
                          .process_fd = -1};
    h->engine = vm_engine_create(&(vm_options){.images = true});
    h->linker = h->engine ? cm_linker_create(h->engine) : NULL;
    if (!h->linker || wasi_ctx_create(&config, &h->ctx, &err) ||
        wasi_link(h->linker, h->ctx, &err) ||
        cm_linker_add_wit(h->linker, "calls.wit", calls_wit,
                          sizeof calls_wit - 1, &err) ||
        cm_linker_define(h->linker, &calls, NULL, &err))
        die("host", &err);
    h->component = load(h->engine, path);
}

static cm_instance *instantiate(const host *h, vm_store **store)
{
    vm_error err = {0};
    cm_instance *instance = NULL;
    if (vm_store_create(h->engine, NULL, store) ||
        cm_instantiate(h->linker, h->component, *store, &instance, NULL, &err))
        die("instantiate", &err);
    return instance;
}

/* ---- crossings ------------------------------------------------------------
 */

static double call(cm_func *func, uint32_t n)
{
    vm_error err = {0};
    cm_result result;
    cm_value arg = {.u = n};
    double start = now();
    if (cm_func_call(func, &arg, &result, &err))
        die("call", &err);
    double end = now();
    cm_result_free(&result);
    return end - start;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Nanoseconds for one, the median of runs of at least 0.1 s each. */
static double measure(cm_func *func)
{
    double times[REPEATS];
    uint32_t n = 16;
    while (call(func, n) < 1e8 && n < 1u << 30)
        n *= 2;
    for (int i = 0; i < REPEATS; i++)
        times[i] = call(func, n) / n;
    qsort(times, REPEATS, sizeof *times, compare);
    return times[REPEATS / 2];
}

/* ---- instances ------------------------------------------------------------
 */

static long resident(void)
{
    long pages = 0, total;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &total, &pages) != 2)
        pages = 0;
    if (file)
        fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static void instances(const host *h, const char *name)
{
    enum { MANY = 200 };
    vm_store *stores[MANY];
    double start = now();
    unsigned made = 0;
    while (now() - start < 5e8) {
        vm_store *store;
        instantiate(h, &store);
        vm_store_destroy(store);
        made++;
    }
    printf(", \"%s-per-second\": %.0f", name, made / ((now() - start) / 1e9));
    long before = resident();
    for (int i = 0; i < MANY; i++)
        instantiate(h, &stores[i]);
    printf(", \"%s-bytes\": %ld", name, (resident() - before) / MANY);
    for (int i = 0; i < MANY; i++)
        vm_store_destroy(stores[i]);
}

int main(int argc, char **argv)
{
    host h;
    vm_store *store;
    if (argc < 2) {
        fprintf(stderr, "usage: driver GUEST.wasm [SMALL.wasm [LARGE.wasm]]\n");
        return 2;
    }
    open_host(&h, argv[1]);
    cm_instance *instance = instantiate(&h, &store);
    printf("{");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        cm_func *func = cm_instance_func(instance, NULL, kinds[i]);
        if (!func)
            die(kinds[i], NULL);
        printf("%s\"%s\": %.2f", i ? ", " : "", kinds[i], measure(func));
        fflush(stdout);
    }
    vm_store_destroy(store);
    for (int i = 2; i < argc && i < 4; i++) {
        cm_component_release(h.component);
        h.component = load(h.engine, argv[i]);
        instances(&h, i == 2 ? "small" : "large");
    }
    printf("}\n");
    cm_component_release(h.component);
    cm_linker_destroy(h.linker);
    wasi_ctx_destroy(h.ctx);
    vm_engine_destroy(h.engine);
    return 0;
}
