/*
 * sampler.c - samples the guest's thread: -> profile.c.
 *
 * A thread of its own wakes at the profile's rate.  When the guest's thread has
 * used the processor since the last time, it sends that thread a signal, whose
 * handler notes the guest's frames (vm/sample.c) in the one slot there is; the
 * next time the slot is taken into the tree.  So a guest that waits is left in
 * peace, the handler does nothing but look, and a sample's weight is the
 * processor time since the sample before it, however late the thread woke.
 */
#include "supervisor/profile.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define SAMPLE_SIGNAL SIGPROF
#define MAX_NODES (16u << 20)

enum { SLOT_FREE, SLOT_WANTED, SLOT_FULL };

/* One sampler per process. */
static struct {
    profile *profile;
    const vm_store *store;
    pthread_t guest, thread;
    clockid_t guest_clock;
    struct timespec start;
    struct sigaction old;
    atomic_bool stop;
    atomic_int state; /* of the slot */
    vm_sample slot;
    uint64_t weight_ns, time_ns; /* of the sample wanted */
    uint64_t seen_ns;            /* processor time up to that */
} sampler;

static uint64_t nanoseconds(const struct timespec *t)
{
    return (uint64_t)t->tv_sec * 1000000000 + (uint64_t)t->tv_nsec;
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return nanoseconds(&now);
}

static uint64_t elapsed_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC) - nanoseconds(&sampler.start);
}

/* ---- in the guest's thread --------------------------------------------------
 */

/* The general registers, and the stack pointer. */
static uint32_t read_registers(const ucontext_t *c, uintptr_t *out,
                               uintptr_t *sp)
{
#if defined(__x86_64__)
    uint32_t n = 0;
    for (int i = REG_R8; i <= REG_RCX; i++)
        out[n++] = (uintptr_t)c->uc_mcontext.gregs[i];
    *sp = (uintptr_t)c->uc_mcontext.gregs[REG_RSP];
    return n;
#elif defined(__aarch64__)
    for (uint32_t i = 0; i < 31; i++)
        out[i] = (uintptr_t)c->uc_mcontext.regs[i];
    *sp = (uintptr_t)c->uc_mcontext.sp;
    return 31;
#else
    *sp = 0;
    return 0;
#endif
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
    uintptr_t registers[32], sp;
    int error = errno;
    if (atomic_load_explicit(&sampler.state, memory_order_acquire) !=
        SLOT_WANTED)
        return;
    uint32_t n = read_registers(context, registers, &sp);
    vm_sample_take(sampler.store, registers, n, sp, &sampler.slot);
    atomic_store_explicit(&sampler.state, SLOT_FULL, memory_order_release);
    errno = error;
}

/* ---- the tree ---------------------------------------------------------------
 */

static uint64_t hash_of(uint32_t parent, profile_special special,
                        const vm_sample_frame *f)
{
    const uint64_t k = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t h = (parent * 8u + special) * k;
    if (!f)
        return h ^ h >> 29;
    h = (h ^ h >> 29 ^ (uintptr_t)f->code ^ (uintptr_t)f->host) * k;
    h = (h ^ h >> 29 ^ (uintptr_t)f->instance) * k;
    h = (h ^ h >> 29 ^ f->cell) * k;
    return h ^ h >> 29;
}

static bool is_node(const profile_node *n, uint32_t parent,
                    profile_special special, const vm_sample_frame *f)
{
    if (n->parent != parent || n->special != special)
        return false;
    return !f || (n->frame.kind == f->kind && n->frame.code == f->code &&
                  n->frame.instance == f->instance &&
                  n->frame.host == f->host && n->frame.cell == f->cell);
}

/* Where the node's number is, or belongs. */
static uint32_t *slot_of(profile *p, uint32_t parent, profile_special special,
                         const vm_sample_frame *f)
{
    uint32_t i = (uint32_t)hash_of(parent, special, f) & p->mask;
    while (p->slots[i] &&
           !is_node(&p->nodes[p->slots[i] - 1], parent, special, f))
        i = (i + 1) & p->mask;
    return &p->slots[i];
}

static const vm_sample_frame *frame_of(const profile_node *n)
{
    return n->special == PROFILE_FRAME ? &n->frame : NULL;
}

static bool grow_tree(profile *p)
{
    if (p->slots && p->nnodes < p->nodes_cap)
        return true;
    uint32_t cap = p->slots ? p->nodes_cap * 2 : 1024;
    profile_node *nodes =
        cap <= MAX_NODES ? realloc(p->nodes, cap * sizeof *nodes) : NULL;
    if (nodes)
        p->nodes = nodes;
    uint32_t *slots = nodes ? calloc(2 * cap, sizeof *slots) : NULL;
    if (!slots)
        return false;
    free(p->slots);
    p->slots = slots;
    p->mask = 2 * cap - 1;
    p->nodes_cap = cap;
    if (!p->nnodes)
        p->nodes[p->nnodes++] = (profile_node){.special = PROFILE_ENGINE};
    for (uint32_t i = 1; i < p->nnodes; i++) {
        const profile_node *n = &p->nodes[i];
        *slot_of(p, n->parent, n->special, frame_of(n)) = i + 1;
    }
    return true;
}

uint32_t profile_child(profile *p, uint32_t parent, profile_special special,
                       const vm_sample_frame *frame)
{
    if (!grow_tree(p)) {
        p->out_of_memory = true;
        return 0;
    }
    uint32_t *slot = slot_of(p, parent, special, frame);
    if (!*slot) {
        p->nodes[p->nnodes] =
            (profile_node){.parent = parent, .special = (uint8_t)special};
        if (frame)
            p->nodes[p->nnodes].frame = *frame;
        *slot = ++p->nnodes;
    }
    return *slot - 1;
}

static bool reserve_sample(profile *p)
{
    if (p->nsamples < p->samples_cap)
        return true;
    uint32_t cap = p->samples_cap ? p->samples_cap * 2 : 1024;
    profile_sample *samples =
        cap > p->nsamples ? reallocarray(p->samples, cap, sizeof *samples)
                          : NULL;
    if (!samples)
        return false;
    p->samples = samples;
    p->samples_cap = cap;
    return true;
}

static uint32_t node_of_sample(profile *p, const vm_sample *s)
{
    uint32_t node = 0;
    if (s->lost)
        return profile_child(p, 0, PROFILE_LOST, NULL);
    if (!s->count)
        return profile_child(p, 0, PROFILE_ENGINE, NULL);
    if (s->truncated)
        node = profile_child(p, 0, PROFILE_TRUNCATED, NULL);
    for (uint32_t i = s->count; i-- && !p->out_of_memory;)
        node = profile_child(p, node, PROFILE_FRAME, &s->frames[i]);
    return node;
}

static void take_sample(profile *p)
{
    uint32_t node = node_of_sample(p, &sampler.slot);
    if (p->out_of_memory || !reserve_sample(p)) {
        p->out_of_memory = true;
        return;
    }
    p->samples[p->nsamples++] =
        (profile_sample){node, (uint32_t)sampler.weight_ns, sampler.time_ns};
    p->nodes[node].self_ns += sampler.weight_ns;
    p->nodes[node].samples++;
    p->cpu_ns += sampler.weight_ns;
    if (sampler.slot.lost)
        p->lost_ns += sampler.weight_ns;
}

/* ---- the sampling thread ----------------------------------------------------
 */

/* Takes what there is, and asks for the next sample when one is due. */
static void tick(uint64_t period_ns)
{
    if (atomic_load_explicit(&sampler.state, memory_order_acquire) ==
        SLOT_FULL) {
        take_sample(sampler.profile);
        atomic_store(&sampler.state, SLOT_FREE);
    }
    uint64_t used = clock_ns(sampler.guest_clock);
    if (atomic_load(&sampler.state) != SLOT_FREE ||
        used - sampler.seen_ns < period_ns / 2 ||
        sampler.profile->out_of_memory)
        return;
    uint64_t weight = used - sampler.seen_ns;
    sampler.weight_ns = weight < UINT32_MAX ? weight : UINT32_MAX;
    sampler.time_ns = elapsed_ns();
    sampler.seen_ns = used;
    atomic_store_explicit(&sampler.state, SLOT_WANTED, memory_order_release);
    pthread_kill(sampler.guest, SAMPLE_SIGNAL);
}

/* Periods vary by a quarter, so that no loop of the guest keeps in step. */
static void *sample_thread(void *unused)
{
    uint64_t period = 1000000000 / sampler.profile->rate;
    uint32_t random = 12345;
    while (!atomic_load(&sampler.stop)) {
        random = random * 1103515245 + 12345;
        uint64_t ns = period - period / 4 + (random >> 16) % (period / 2 + 1);
        nanosleep(&(struct timespec){(time_t)(ns / 1000000000),
                                     (long)(ns % 1000000000)},
                  NULL);
        tick(period);
    }
    return NULL;
}

/* ---- starting and stopping --------------------------------------------------
 */

static bool start_thread(void)
{
    sigset_t all, old;
    sigfillset(&all); /* signals are for the guest's thread */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&sampler.thread, NULL, sample_thread, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (error)
        fprintf(stderr, "vyoma profile: cannot start a thread: %s\n",
                strerror(error));
    return !error;
}

bool sampler_start(profile *p, const vm_store *store)
{
    uintptr_t registers[32], sp;
    ucontext_t here = {0};
    if (!read_registers(&here, registers, &sp)) {
        fputs("vyoma profile: sampling is not supported on this processor; "
              "use --counts\n",
              stderr);
        return false;
    }
    sampler.profile = p;
    sampler.store = store;
    sampler.guest = pthread_self();
    pthread_getcpuclockid(sampler.guest, &sampler.guest_clock);
    clock_gettime(CLOCK_MONOTONIC, &sampler.start);
    sampler.seen_ns = clock_ns(sampler.guest_clock);
    p->start_ms = clock_ns(CLOCK_REALTIME) / 1000000;
    atomic_store(&sampler.stop, false);
    atomic_store(&sampler.state, SLOT_FREE);
    struct sigaction action = {.sa_sigaction = on_signal,
                               .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SAMPLE_SIGNAL, &action, &sampler.old);
    if (start_thread())
        return true;
    sigaction(SAMPLE_SIGNAL, &sampler.old, NULL);
    return false;
}

/* The last signal may still be on its way: its handler does nothing then. */
void sampler_stop(void)
{
    atomic_store(&sampler.stop, true);
    pthread_join(sampler.thread, NULL);
    if (atomic_load(&sampler.state) == SLOT_FULL)
        take_sample(sampler.profile);
    atomic_store(&sampler.state, SLOT_FREE);
    sigaction(SAMPLE_SIGNAL, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    sigaction(SAMPLE_SIGNAL, &sampler.old, NULL);
    sampler.profile->wall_ns = elapsed_ns();
}
