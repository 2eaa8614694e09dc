/*
 * validate_bodies.c - all function bodies of a module, each with its locals;
 * on several threads when the engine's options ask for that and there is
 * enough to do.
 */
#include "vm/validate.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- one body -------------------------------------------------------------
 */

static bool add_run(vm_validator *v, uint32_t count, vm_type type)
{
    if (count == 0)
        return true;
    if (v->nruns == v->run_capacity) {
        uint32_t capacity = v->run_capacity ? v->run_capacity * 2 : 64;
        vm_local_run *runs = realloc(v->runs, capacity * sizeof *runs);
        if (!runs)
            return false;
        v->runs = runs;
        v->run_capacity = capacity;
    }
    for (uint32_t i = v->nlocals; i < v->nlocals + count && i < VM_FAST_LOCALS;
         i++)
        v->fast[i] = type;
    v->nlocals += count;
    v->runs[v->nruns++] = (vm_local_run){v->nlocals, type};
    v->tracks_inits |= !vm_type_is_defaultable(type);
    return true;
}

/* Parameters are set from the start, other locals without a default not. */
static bool start_tracking(vm_validator *v)
{
    if (v->nlocals > v->set_capacity) {
        free(v->set);
        v->set = malloc(v->nlocals);
        v->set_capacity = v->set ? v->nlocals : 0;
        if (!v->set)
            return false;
    }
    memset(v->set, false, v->nlocals);
    memset(v->set, true, v->type->nparams);
    return true;
}

/* The reader stands at the declarations, which the decoder has checked. */
static bool load_locals(vm_validator *v, const vm_funcdecl *func)
{
    v->nlocals = v->nruns = 0;
    v->tracks_inits = false;
    for (uint32_t i = 0; i < v->type->nparams; i++)
        if (!add_run(v, 1, v->type->types[i]))
            return false;
    v->tracks_inits = false;
    v->r.pos = v->m->bytes + func->locals;
    for (uint32_t runs = vm_reader_u32(&v->r); runs; runs--) {
        uint32_t count = vm_reader_u32(&v->r);
        if (!add_run(v, count, vm_decode_valtype(&v->r, &v->scope)))
            return false;
    }
    v->nfast = v->nlocals < VM_FAST_LOCALS ? v->nlocals : VM_FAST_LOCALS;
    return !v->tracks_inits || start_tracking(v);
}

static void check_body(vm_validator *v, vm_funcdecl *func)
{
    v->type = &func->type->func;
    v->r.end = v->m->bytes + func->body + func->body_size;
    if (!load_locals(v, func)) {
        v->no_memory = true;
        vm_reader_invalid(&v->r, v->r.pos, "out of memory");
        return;
    }
    vm_validate_body(v);
    func->flags |= v->flags;
    func->max_slots = v->max_height << !!(func->flags & VM_FUNC_HAS_V128);
    func->max_labels = v->max_ctrls;
}

vm_type *vm_validate_operands(vm_module *m, uint32_t func, uint32_t offset,
                              uint32_t *count)
{
    vm_error err = {0};
    const vm_funcdecl *f = &m->funcs[func];
    vm_validator v = {.r = {.base = m->bytes, .err = &err},
                      .m = m,
                      .types = &m->engine->types,
                      .scope = vm_module_scope(m),
                      .type = &f->type->func,
                      .declared = malloc(m->nfuncs / 8 + 1)};
    vm_type *types = NULL;
    v.r.end = m->bytes + f->body + f->body_size;
    if (v.declared && load_locals(&v, f)) {
        memset(v.declared, 0xff, m->nfuncs / 8 + 1);
        vm_validate_start(&v);
        while (!v.r.failed && v.r.pos < m->bytes + offset)
            vm_validate_step(&v);
        types = v.r.failed ? NULL : malloc((v.height + 1) * sizeof *types);
    }
    *count = types ? v.height : 0;
    if (*count)
        memcpy(types, v.stack, *count * sizeof *types);
    free(v.declared);
    vm_validator_finish(&v);
    return types;
}

void vm_validator_finish(vm_validator *v)
{
    free(v->stack);
    free(v->ctrls);
    free(v->runs);
    free(v->set);
    free(v->inits);
}

/* ---- several threads --------------------------------------------------------
 */

/* Functions are handed out in order, so that the error in the first bad one
 * is always found, and wins. */
enum { HANDOUT = 128, MAX_THREADS = 8, WORTH_BYTES = 1 << 20 };

typedef struct job {
    const vm_validator *like; /* what every worker starts from */
    atomic_uint next;
    atomic_bool failed;
} job;

typedef struct worker {
    job *job;
    vm_validator v;
    vm_error err;
    uint32_t func; /* that failed */
    pthread_t thread;
} worker;

static void *work(void *arg)
{
    worker *w = arg;
    vm_module *m = w->v.m;
    while (!atomic_load(&w->job->failed)) {
        uint32_t first = atomic_fetch_add(&w->job->next, HANDOUT);
        for (uint32_t i = first; i < first + HANDOUT; i++) {
            if (i >= m->nfuncs)
                return NULL;
            check_body(&w->v, &m->funcs[i]);
            if (w->v.r.failed) {
                w->func = i;
                atomic_store(&w->job->failed, true);
                return NULL;
            }
        }
    }
    return NULL;
}

static void start_worker(worker *w, job *j)
{
    *w = (worker){.job = j,
                  .func = UINT32_MAX,
                  .v = {.r = j->like->r,
                        .m = j->like->m,
                        .types = j->like->types,
                        .scope = j->like->scope,
                        .declared = j->like->declared}};
    w->v.r.err = &w->err;
}

/* Takes over the first function's error, if there is one. */
static void collect_error(vm_validator *v, const worker *workers, unsigned n)
{
    const worker *first = NULL;
    for (unsigned i = 0; i < n; i++) {
        v->no_memory |= workers[i].v.no_memory;
        if (workers[i].func != UINT32_MAX &&
            (!first || workers[i].func < first->func))
            first = &workers[i];
    }
    if (!first)
        return;
    vm_error_set(v->r.err, first->err.phase, first->err.offset, "%s",
                 first->err.text);
    v->r.failed = true;
}

/* This thread is the first worker; fewer than asked for will do. */
static void check_in_parallel(vm_validator *v, unsigned threads)
{
    worker *workers = calloc(threads, sizeof *workers);
    if (!workers) {
        v->no_memory = true;
        return;
    }
    job j = {.like = v, .next = v->m->nfunc_imports};
    unsigned n = 1;
    start_worker(&workers[0], &j);
    for (; n < threads; n++) {
        start_worker(&workers[n], &j);
        if (pthread_create(&workers[n].thread, NULL, work, &workers[n]))
            break;
    }
    work(&workers[0]);
    for (unsigned i = 1; i < n; i++)
        pthread_join(workers[i].thread, NULL);
    collect_error(v, workers, n);
    for (unsigned i = 0; i < n; i++)
        vm_validator_finish(&workers[i].v);
    free(workers);
}

void vm_validate_bodies(vm_validator *v)
{
    vm_module *m = v->m;
    unsigned threads = m->engine->options.threads;
    if (threads > MAX_THREADS)
        threads = MAX_THREADS;
    if (threads > 1 && m->size - m->code_offset >= WORTH_BYTES) {
        check_in_parallel(v, threads);
        return;
    }
    for (uint32_t i = m->nfunc_imports; i < m->nfuncs && !v->r.failed; i++)
        check_body(v, &m->funcs[i]);
}
