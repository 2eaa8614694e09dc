/*
 * code.c - code objects of a module: made when first referred to, compiled
 * when first called, shared by all instances and threads, freed with the
 * module.
 */
#include "vm/code.h"
#include "vm/compile.h"

#include <stdlib.h>
#include <string.h>

/* Compiled functions, ordered by address, for finding one by pc. */
typedef struct code_state {
    pthread_mutex_t lock;
    struct vm_code **all; /* every object, to free */
    uint32_t nall, all_cap;
    struct vm_code **sorted;
    uint32_t nsorted, sorted_cap;
    atomic_bool changing; /* sorted, by the thread that holds the lock */
} code_state;

static pthread_mutex_t creation = PTHREAD_MUTEX_INITIALIZER;

static void free_code(struct vm_code *code)
{
    free((void *)(uintptr_t)code->cells);
    free(code->exact);
    free(code);
}

static void free_state(vm_module *m)
{
    code_state *s = m->code_state;
    if (!s)
        return;
    for (uint32_t i = 0; i < s->nall; i++)
        free_code(s->all[i]);
    free(s->all);
    free(s->sorted);
    pthread_mutex_destroy(&s->lock);
    free(s);
    m->code_state = NULL;
}

static code_state *state_of(vm_module *m)
{
    code_state *s =
        __atomic_load_n((code_state **)&m->code_state, __ATOMIC_ACQUIRE);
    if (s)
        return s;
    pthread_mutex_lock(&creation);
    s = m->code_state;
    if (!s && (s = calloc(1, sizeof *s))) {
        pthread_mutexattr_t attr; /* compiling asks for callees' objects */
        pthread_mutexattr_init(&attr);
        pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
        pthread_mutex_init(&s->lock, &attr);
        pthread_mutexattr_destroy(&attr);
        m->code_free = free_state;
        __atomic_store_n((code_state **)&m->code_state, s, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&creation);
    return s;
}

/* Room for one more pointer. */
static bool reserve(struct vm_code ***array, uint32_t n, uint32_t *cap)
{
    if (n < *cap)
        return true;
    uint32_t want = *cap ? *cap * 2 : 64;
    struct vm_code **grown = realloc(*array, want * sizeof *grown);
    if (!grown)
        return false;
    *array = grown;
    *cap = want;
    return true;
}

/* ---- objects ---------------------------------------------------------------
 */

static struct vm_code *create(code_state *s, vm_module *m, uint32_t func)
{
    if (!reserve(&s->all, s->nall, &s->all_cap))
        return NULL;
    struct vm_code *code = calloc(1, sizeof *code);
    if (!code)
        return NULL;
    code->entry = vm_lazy_entry;
    code->rec = vm_rec_slot(&m->funcs[func]);
    code->func = func;
    code->module = m;
    s->all[s->nall++] = code;
    atomic_store_explicit(&m->funcs[func].code, code, memory_order_release);
    return code;
}

struct vm_code *vm_code_get(vm_module *m, uint32_t func)
{
    struct vm_code *code =
        atomic_load_explicit(&m->funcs[func].code, memory_order_acquire);
    if (code)
        return code;
    code_state *s = state_of(m);
    if (!s)
        return NULL;
    pthread_mutex_lock(&s->lock);
    code = atomic_load(&m->funcs[func].code);
    if (!code)
        code = create(s, m, func);
    pthread_mutex_unlock(&s->lock);
    return code;
}

/* The code with the last address that is not behind pc, or NULL. */
static struct vm_code *find_sorted(const code_state *s, const vm_cell *pc)
{
    uint32_t lo = 0, hi = s->nsorted;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (s->sorted[mid]->cells <= pc)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo ? s->sorted[lo - 1] : NULL;
}

struct vm_code *vm_code_find(vm_module *m, const vm_cell *pc)
{
    code_state *s = state_of(m);
    if (!s)
        return NULL;
    pthread_mutex_lock(&s->lock);
    struct vm_code *found = find_sorted(s, pc);
    if (found && pc > found->cells + found->ncells)
        found = NULL;
    pthread_mutex_unlock(&s->lock);
    return found;
}

struct vm_code *vm_code_find_async(vm_module *m, const vm_cell *pc)
{
    const code_state *s =
        __atomic_load_n((code_state **)&m->code_state, __ATOMIC_ACQUIRE);
    if (!s || atomic_load_explicit(&s->changing, memory_order_acquire))
        return NULL;
    struct vm_code *found = find_sorted(s, pc);
    return found && pc <= found->cells + found->ncells ? found : NULL;
}

/* ---- compiling --------------------------------------------------------------
 */

static void finish(cc *c)
{
    free(c->cells);
    free(c->map);
    free(c->locals);
    free(c->stack);
    free(c->labels);
    free(c->patches);
    free(c->jumps);
    free(c->eh);
    free(c->blocks);
    free(c->notes);
}

static void set_changing(code_state *s, bool changing)
{
    atomic_store_explicit(&s->changing, changing, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
}

/* Cells, handler table, basic blocks and map in one block of memory. */
static bool publish(cc *c, code_state *s)
{
    struct vm_code *code = c->code;
    size_t cells = c->ncells * sizeof(vm_cell), eh = c->neh * sizeof(vm_eh);
    size_t blocks = c->nblocks * sizeof(vm_code_block);
    uint8_t *block = malloc(cells + eh + blocks + c->nmap);
    set_changing(s, true);
    if (!block || !reserve(&s->sorted, s->nsorted, &s->sorted_cap)) {
        set_changing(s, false);
        free(block);
        return false;
    }
    memcpy(block, c->cells, cells);
    if (eh)
        memcpy(block + cells, c->eh, eh);
    if (blocks)
        memcpy(block + cells + eh, c->blocks, blocks);
    memcpy(block + cells + eh + blocks, c->map, c->nmap);
    code->frame = c->max_slot;
    code->ncells = c->ncells;
    code->eh = (const vm_eh *)(block + cells);
    code->neh = c->neh;
    code->blocks = (const vm_code_block *)(block + cells + eh);
    code->nblocks = c->nblocks;
    code->map = block + cells + eh + blocks;
    code->map_size = c->nmap;
    code->cells = (const vm_cell *)block;
    __atomic_store_n(&code->entry, code->cells + c->skip, __ATOMIC_RELEASE);
    uint32_t i = s->nsorted++;
    for (; i && s->sorted[i - 1]->cells > code->cells; i--)
        s->sorted[i] = s->sorted[i - 1];
    s->sorted[i] = code;
    set_changing(s, false);
    return true;
}

/* A compiler at the start of the function. */
static cc new_compiler(struct vm_code *code, vm_error *err)
{
    vm_module *m = code->module;
    const vm_funcdecl *f = &m->funcs[code->func];
    return (cc){.err = err,
                .m = m,
                .f = f,
                .type = &f->type->func,
                .code = code,
                .deterministic = m->engine->options.deterministic,
                .counting = m->engine->options.count || code->counts,
                .p = m->bytes + f->body,
                .offset = f->body,
                .map_offset = f->body,
                .free_patch = NO_PATCH};
}

static vm_status compile(code_state *s, struct vm_code *code, vm_error *err)
{
    cc c = new_compiler(code, err);
    volatile vm_status status = VM_OK;
    if (setjmp(c.fail))
        status = VM_TRAP;
    else
        cc_body(&c);
    if (status == VM_OK && !publish(&c, s)) {
        vm_error_set(err, VM_PHASE_RUN, c.f->body,
                     "out of memory: cannot compile function %u", code->func);
        status = VM_TRAP;
    }
    finish(&c);
    return status;
}

/* They must differ by the counters alone. */
static bool is_twin(const struct vm_code *twin, const struct vm_code *code)
{
    return twin->ncells == code->ncells + 2 * twin->nblocks &&
           twin->frame == code->frame;
}

static struct vm_code *create_twin(code_state *s, struct vm_code *code)
{
    if (!reserve(&s->all, s->nall, &s->all_cap))
        return NULL;
    struct vm_code *twin = calloc(1, sizeof *twin);
    if (!twin)
        return NULL;
    *twin = (struct vm_code){.entry = vm_lazy_entry,
                             .rec = code->rec,
                             .func = code->func,
                             .module = code->module,
                             .counts = true,
                             .twin = code};
    s->all[s->nall++] = twin;
    vm_error err = {0};
    return compile(s, twin, &err) == VM_OK && is_twin(twin, code) ? twin : NULL;
}

struct vm_code *vm_code_twin(struct vm_code *code)
{
    code_state *s = state_of(code->module);
    if (code->twin)
        return code->twin != code ? code->twin : NULL;
    pthread_mutex_lock(&s->lock);
    struct vm_code *twin = code->twin ? code->twin : create_twin(s, code);
    code->twin = twin ? twin : code;
    pthread_mutex_unlock(&s->lock);
    return twin != code ? twin : NULL;
}

cc *cc_listing(struct vm_code *code, uint32_t stop, vm_error *err)
{
    cc *volatile c = malloc(sizeof *c);
    if (!c)
        return NULL;
    *c = new_compiler(code, err);
    c->listing = true;
    c->stop = stop;
    if (!setjmp(c->fail)) {
        cc_body(c);
        return c;
    }
    cc_listing_free(c);
    return NULL;
}

void cc_listing_free(cc *c)
{
    finish(c);
    free(c);
}

vm_status vm_code_compile(struct vm_code *code, vm_error *err)
{
    code_state *s = state_of(code->module);
    vm_status status = VM_OK;
    pthread_mutex_lock(&s->lock);
    if (code->entry == vm_lazy_entry)
        status = compile(s, code, err);
    pthread_mutex_unlock(&s->lock);
    return status;
}
