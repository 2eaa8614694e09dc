/*
 * image.c - the initial contents of a module's tables and memory, made when
 * the first instance (tables) or the second one (memory) asks for them; under
 * a lock, and never changed afterwards.
 */
#include "vm/image.h"

#include "vm/reader.h"
#include "vm/store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    PAGE = 4096,
    LEAST_DATA = 64 << 10, /* bytes of segments that are worth a file */
    GAP = 16,              /* pages without data that do not end a run */
    MAX_RUNS = 64,
};

/* Pages [first, first + count) of the memory and of the file. */
typedef struct run {
    uint32_t first, count;
} run;

struct vm_image {
    pthread_mutex_t lock;
    bool tables_done, data_asked, data_done;
    vm_table_image *tables;
    int fd; /* -1: no data image */
    uint32_t nruns;
    run runs[MAX_RUNS];
};

static pthread_mutex_t creation = PTHREAD_MUTEX_INITIALIZER;

static struct vm_image *image_of(vm_module *m)
{
    struct vm_image *image =
        atomic_load_explicit(&m->image, memory_order_acquire);
    if (image)
        return image;
    pthread_mutex_lock(&creation);
    image = atomic_load(&m->image);
    if (!image && (image = calloc(1, sizeof *image))) {
        image->fd = -1;
        pthread_mutex_init(&image->lock, NULL);
        atomic_store_explicit(&m->image, image, memory_order_release);
    }
    pthread_mutex_unlock(&creation);
    return image;
}

static void free_tables(vm_table_image *tables, uint32_t n)
{
    for (uint32_t i = 0; tables && i < n; i++)
        free(tables[i].funcs);
    free(tables);
}

void vm_image_free(vm_module *m)
{
    struct vm_image *image = atomic_load(&m->image);
    if (!image)
        return;
    free_tables(image->tables, m->ntables);
    if (image->fd >= 0)
        close(image->fd);
    pthread_mutex_destroy(&image->lock);
    free(image);
}

/* The number that an offset is, when it is one constant instruction. */
static bool constant_offset(const vm_module *m, vm_constexpr expr, bool is64,
                            uint64_t *out)
{
    const uint8_t *p = m->bytes + expr.offset;
    vm_op op = vm_read_op(&p);
    if (op == VM_OP_I32_CONST && !is64)
        *out = (uint32_t)vm_read_s32(&p);
    else if (op == VM_OP_I64_CONST && is64)
        *out = (uint64_t)vm_read_s64(&p);
    else
        return false;
    return vm_read_op(&p) == VM_OP_END;
}

/* ---- tables ----------------------------------------------------------------
 */

/* Where an element segment goes; false when it must be carried out. */
static bool place_elem(const vm_module *m, const vm_elemdecl *e, uint64_t *d)
{
    if (e->table < m->ntable_imports || !e->is_indices)
        return false;
    const vm_tabledecl *t = &m->tables[e->table];
    return !t->init.size && constant_offset(m, e->start, t->limits.is64, d) &&
           vm_in_range(*d, e->count, t->limits.min);
}

/* How much of each table the segments cover; false: no images. */
static bool measure_tables(const vm_module *m, vm_table_image *tables)
{
    uint64_t all = 0, covered = 0, d;
    for (uint32_t i = 0; i < m->nelems; i++) {
        const vm_elemdecl *e = &m->elems[i];
        if (e->mode != VM_SEGMENT_ACTIVE)
            continue;
        if (!place_elem(m, e, &d) || d + e->count > UINT32_MAX)
            return false;
        covered += e->count;
        if (e->count && d + e->count > tables[e->table].count)
            tables[e->table].count = (uint32_t)(d + e->count);
    }
    for (uint32_t i = 0; i < m->ntables; i++)
        all += tables[i].count;
    return all <= 2 * covered + 1024; /* not for the sake of a few */
}

static void fill_tables(const vm_module *m, vm_table_image *tables)
{
    for (uint32_t i = 0; i < m->nelems; i++) {
        const vm_elemdecl *e = &m->elems[i];
        uint64_t d;
        if (e->mode != VM_SEGMENT_ACTIVE || !place_elem(m, e, &d))
            continue;
        const uint8_t *p = m->bytes + e->items;
        for (uint32_t k = 0; k < e->count; k++)
            tables[e->table].funcs[d + k] = vm_read_u32(&p) + 1;
    }
}

static vm_table_image *make_tables(const vm_module *m)
{
    vm_table_image *tables = calloc(m->ntables + 1, sizeof *tables);
    bool made = tables && measure_tables(m, tables);
    for (uint32_t i = 0; made && i < m->ntables; i++) {
        size_t count = tables[i].count;
        tables[i].funcs = calloc(count ? count : 1, sizeof(uint32_t));
        made = tables[i].funcs;
    }
    if (made) {
        fill_tables(m, tables);
        return tables;
    }
    free_tables(tables, m->ntables);
    return NULL;
}

const vm_table_image *vm_image_tables(vm_module *m)
{
    struct vm_image *image = image_of(m);
    if (!image)
        return NULL;
    pthread_mutex_lock(&image->lock);
    if (!image->tables_done)
        image->tables = make_tables(m);
    image->tables_done = true;
    pthread_mutex_unlock(&image->lock);
    return image->tables;
}

/* ---- data ------------------------------------------------------------------
 */

/* False when the segments must be copied: one is for another memory, has an
 * offset that is not a constant or does not fit, or they are small. */
static bool suits_data(const vm_module *m, uint64_t *end)
{
    uint64_t all = 0;
    *end = 0;
    if (!m->nmemories || m->nmemory_imports || m->memories[0].is64 ||
        m->memories[0].shared || m->memories[0].page_size_log2 != 16)
        return false;
    for (uint32_t i = 0; i < m->ndatas; i++) {
        const vm_datadecl *data = &m->datas[i];
        uint64_t d;
        if (data->mode != VM_SEGMENT_ACTIVE)
            continue;
        if (data->memory || !constant_offset(m, data->start, false, &d) ||
            !vm_in_range(d, data->size, m->memories[0].min << 16))
            return false;
        all += data->size;
        if (data->size && d + data->size > *end)
            *end = d + data->size;
    }
    return all >= LEAST_DATA;
}

static bool write_all(int fd, const uint8_t *bytes, size_t n, uint64_t at)
{
    while (n) {
        ssize_t done = pwrite(fd, bytes, n, (off_t)at);
        if (done <= 0)
            return false;
        bytes += done;
        at += (uint64_t)done;
        n -= (size_t)done;
    }
    return true;
}

/* Writes the segments into the file, and marks their pages. */
static bool write_data(const vm_module *m, int fd, uint8_t *used)
{
    for (uint32_t i = 0; i < m->ndatas; i++) {
        const vm_datadecl *data = &m->datas[i];
        uint64_t d;
        if (data->mode != VM_SEGMENT_ACTIVE || !data->size ||
            !constant_offset(m, data->start, false, &d))
            continue;
        if (!write_all(fd, m->bytes + data->offset, data->size, d))
            return false;
        memset(used + d / PAGE, 1, (d + data->size - 1) / PAGE - d / PAGE + 1);
    }
    return true;
}

/* Runs of used pages; what is left over joins the last run. */
static void find_runs(struct vm_image *image, const uint8_t *used,
                      uint32_t pages)
{
    uint32_t last = 0; /* used page + 1 */
    for (uint32_t i = 0; i < pages; i++) {
        if (!used[i])
            continue;
        bool starts = !image->nruns || i - last > GAP;
        if (starts && image->nruns < MAX_RUNS)
            image->runs[image->nruns++] = (run){i, 0};
        run *r = &image->runs[image->nruns - 1];
        r->count = i + 1 - r->first;
        last = i + 1;
    }
}

static void make_data(const vm_module *m, struct vm_image *image)
{
    uint64_t end;
    if (!suits_data(m, &end) || !end)
        return;
    uint32_t pages = (uint32_t)((end + PAGE - 1) / PAGE);
    uint8_t *used = calloc(pages, 1);
    int fd = memfd_create("wasm-data", MFD_CLOEXEC);
    if (used && fd >= 0 && !ftruncate(fd, (off_t)pages * PAGE) &&
        write_data(m, fd, used)) {
        find_runs(image, used, pages);
        image->fd = fd;
        fd = -1;
    }
    if (fd >= 0)
        close(fd);
    free(used);
}

/* False for the first instance, and where there is no image. */
static bool data_is_ready(const vm_module *m, struct vm_image *image)
{
    pthread_mutex_lock(&image->lock);
    if (image->data_asked && !image->data_done) {
        make_data(m, image);
        image->data_done = true;
    }
    image->data_asked = true;
    pthread_mutex_unlock(&image->lock);
    return image->data_done && image->fd >= 0;
}

bool vm_image_map_data(vm_module *m, vm_memory *memory)
{
    struct vm_image *image = m->engine->options.images ? image_of(m) : NULL;
    if (!image || !data_is_ready(m, image) || memory->may_move)
        return false;
    for (uint32_t i = 0; i < image->nruns; i++) {
        uint64_t at = (uint64_t)image->runs[i].first * PAGE;
        void *p = mmap(memory->data + at, (size_t)image->runs[i].count * PAGE,
                       PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
                       image->fd, (off_t)at);
        if (p == MAP_FAILED)
            abort(); /* a hole where guest memory was */
    }
    return true;
}
