/*
 * driver.c - what a large module costs: loading it (decoded, validated, to be
 * translated lazily), and each further instance of it.  run.py makes the
 * table.
 *
 * Imports are satisfied by functions that trap and by empty memories, tables
 * and globals: nothing of the guest runs but a start function, and where that
 * traps the instance counts as made.  The pages of its memories are counted
 * apart from all else that an instance takes.
 */
#include "vm/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOADS = 7, INSTANCES = 64 };

static void die(const char *what, const vm_error *err)
{
    fprintf(stderr, "driver: %s: %s\n", what, err ? err->text : "failed");
    exit(1);
}

static double ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static const uint8_t *map(const char *path, size_t *len)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st))
        die(path, NULL);
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        die(path, NULL);
    close(fd);
    *len = (size_t)st.st_size;
    return bytes;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* ---- loading ---------------------------------------------------------------
 */

/* Median CPU and elapsed milliseconds of mapping and loading a file. */
static void measure_loads(const char *path, unsigned threads, double *cpu,
                          double *elapsed)
{
    double cpus[LOADS], walls[LOADS];
    for (int i = 0; i < LOADS; i++) {
        vm_error err = {0};
        vm_module *module = NULL;
        size_t len;
        double c = ms(CLOCK_PROCESS_CPUTIME_ID), w = ms(CLOCK_MONOTONIC);
        vm_engine *engine = vm_engine_create(&(vm_options){.threads = threads});
        const uint8_t *bytes = map(path, &len);
        if (!engine || vm_module_load(engine, bytes, len, &module, &err))
            die(path, &err);
        cpus[i] = ms(CLOCK_PROCESS_CPUTIME_ID) - c;
        walls[i] = ms(CLOCK_MONOTONIC) - w;
        vm_module_release(module);
        vm_engine_destroy(engine);
        munmap((void *)(uintptr_t)bytes, len);
    }
    qsort(cpus, LOADS, sizeof *cpus, ascending);
    qsort(walls, LOADS, sizeof *walls, ascending);
    *cpu = cpus[LOADS / 2];
    *elapsed = walls[LOADS / 2];
}

/* ---- instances --------------------------------------------------------------
 */

static vm_status refuse(vm_fiber *fiber, void *env, vm_slot *slots)
{
    return vm_trap(fiber, "an import of the benchmark was called");
}

static vm_extern stand_in(vm_store *store, const vm_externtype *type)
{
    vm_extern x = {.kind = type->kind};
    vm_status status = VM_OK;
    switch (type->kind) {
    case VM_EXTERN_FUNC:
        x.func = vm_func_create_host(store, type->func, refuse, NULL);
        break;
    case VM_EXTERN_TABLE:
        status = vm_table_create(store, &type->table.limits, type->table.type,
                                 0, &x.table);
        break;
    case VM_EXTERN_MEMORY:
        status = vm_memory_create(store, &type->memory, &x.memory);
        break;
    case VM_EXTERN_GLOBAL:
        status =
            vm_global_create(store, type->global.type, type->global.is_mutable,
                             (vm_value){0}, &x.global);
        break;
    case VM_EXTERN_TAG:
        status = vm_tag_create(store, type->func, &x.tag);
        break;
    }
    if (status != VM_OK)
        die("import", NULL);
    return x;
}

static vm_store *instantiate(vm_module *module, vm_engine *engine)
{
    vm_error err = {0};
    vm_store *store = NULL;
    vm_instance *instance = NULL;
    size_t count;
    const vm_import *imports = vm_module_imports(module, &count);
    vm_extern *externs = calloc(count + 1, sizeof *externs);
    if (!externs || vm_store_create(engine, NULL, &store))
        die("store", NULL);
    for (size_t i = 0; i < count; i++)
        externs[i] = stand_in(store, &imports[i].type);
    vm_status status =
        vm_instance_create(store, module, externs, &instance, &err);
    if (status != VM_OK && status != VM_TRAP)
        die("instance", &err);
    free(externs);
    return store;
}

/* Private bytes of this process, in all. */
static long private_bytes(void)
{
    char line[128];
    long kb, sum = 0;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Private_Dirty: %ld", &kb) == 1 ||
            sscanf(line, "Private_Clean: %ld", &kb) == 1)
            sum += kb;
    if (file)
        fclose(file);
    return sum << 10;
}

/* Of a store's memories: the pages that are its own, from /proc/self/pagemap:
 * present (bit 63), and not of a file (bit 61). */
static long touched_bytes(const vm_store *store)
{
    long sum = 0, page = sysconf(_SC_PAGESIZE);
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die("/proc/self/pagemap", NULL);
    for (const vm_memory *m = store->memories; m; m = m->next)
        for (uint64_t at = 0; at < m->bytes; at += (uint64_t)page) {
            uint64_t entry = 0;
            off_t where = (off_t)(((uintptr_t)m->data + at) / (size_t)page * 8);
            if (pread(fd, &entry, sizeof entry, where) == sizeof entry &&
                entry >> 63 && !(entry >> 61 & 1))
                sum += page;
        }
    close(fd);
    return sum;
}

static void measure_instances(const char *path)
{
    vm_error err = {0};
    vm_store *stores[INSTANCES];
    vm_module *module = NULL;
    size_t len;
    const uint8_t *bytes = map(path, &len);
    vm_engine *engine = vm_engine_create(&(vm_options){.images = true});
    if (!engine || vm_module_load(engine, bytes, len, &module, &err))
        die(path, &err);
    /* What the module itself keeps is made with the first instances. */
    vm_store *first = instantiate(module, engine);
    vm_store *second = instantiate(module, engine);
    long before = private_bytes(), touched = 0;
    double start = ms(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < INSTANCES; i++)
        stores[i] = instantiate(module, engine);
    double each = (ms(CLOCK_PROCESS_CPUTIME_ID) - start) / INSTANCES;
    long all = private_bytes() - before;
    for (int i = 0; i < INSTANCES; i++)
        touched += touched_bytes(stores[i]);
    printf(", \"instance_ms\": %.3f, \"memory_kb\": %.1f, \"other_kb\": %.1f",
           each, (double)touched / INSTANCES / 1024,
           (double)(all - touched) / INSTANCES / 1024);
    for (int i = 0; i < INSTANCES; i++)
        vm_store_destroy(stores[i]);
    vm_store_destroy(second);
    vm_store_destroy(first);
    vm_module_release(module);
    vm_engine_destroy(engine);
    munmap((void *)(uintptr_t)bytes, len);
}

int main(int argc, char **argv)
{
    double cpu, elapsed, cpu2, elapsed2;
    if (argc != 2) {
        fprintf(stderr, "usage: driver MODULE.wasm\n");
        return 2;
    }
    measure_loads(argv[1], 1, &cpu, &elapsed);
    measure_loads(argv[1], 2, &cpu2, &elapsed2);
    printf("{\"cpu_ms\": %.1f, \"ms\": %.1f, \"ms_2_threads\": %.1f", cpu,
           elapsed, elapsed2);
    measure_instances(argv[1]);
    printf("}\n");
    return 0;
}
