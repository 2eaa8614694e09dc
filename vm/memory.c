/*
 * memory.c - linear memories.
 *
 * A memory is a reservation of address space (PROT_NONE) whose head is made
 * accessible as it grows, so that its base does not move while handlers hold
 * it in a register.  Only a memory that outgrows its reservation (a 64-bit one,
 * or when address space is scarce) is remapped; shared ones never are.
 */
#include "vm/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define OS_PAGE 4096u
#define RESERVE_32 (UINT64_C(4) << 30)
#define RESERVE_64 (UINT64_C(16) << 30)

static uint64_t round_page(uint64_t bytes)
{
    return (bytes + OS_PAGE - 1) & ~(uint64_t)(OS_PAGE - 1);
}

/* Pages to bytes; false when that is not a number of bytes. */
static bool to_bytes(const vm_limits *l, uint64_t pages, uint64_t *out)
{
    if (pages > UINT64_MAX >> 16)
        return false;
    *out = pages << l->page_size_log2;
    return *out < UINT64_C(1) << 47;
}

/* What address space to reserve for a memory of these limits. */
static uint64_t wanted(const vm_limits *l, uint64_t min_bytes)
{
    uint64_t bytes = l->is64 ? RESERVE_64 : RESERVE_32, max;
    if (l->max != UINT64_MAX && to_bytes(l, l->max, &max) && max < bytes)
        bytes = max;
    return round_page(bytes < min_bytes ? min_bytes : bytes);
}

/* Reserves at least `min` and at most `want` bytes; *got says how many. */
static uint8_t *reserve(uint64_t want, uint64_t min, uint64_t *got)
{
    for (;; want = round_page(want / 2)) {
        if (want < min)
            want = min;
        *got = want;
        if (!want)
            return NULL;
        void *p = mmap(NULL, want, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p != MAP_FAILED)
            return p;
        if (want == min)
            return NULL;
    }
}

vm_status vm_memory_create(vm_store *store, const vm_limits *limits,
                           vm_memory **out)
{
    uint64_t bytes;
    if (!to_bytes(limits, limits->min, &bytes))
        return VM_NO_MEMORY;
    vm_memory *m = calloc(1, sizeof *m);
    if (!m)
        return VM_NO_MEMORY;
    m->limits = *limits;
    m->store = store;
    pthread_mutex_init(&m->lock, NULL);
    if (!vm_store_charge(store, bytes))
        goto fail;
    m->data = reserve(wanted(limits, round_page(bytes)), round_page(bytes),
                      &m->reserved);
    if (m->reserved && !m->data)
        goto refund;
    if (bytes && mprotect(m->data, round_page(bytes), PROT_READ | PROT_WRITE))
        goto unmap;
    m->may_move =
        limits->is64 || m->reserved < wanted(limits, round_page(bytes));
    m->pages = limits->min;
    atomic_store(&m->bytes, bytes);
    m->next = store->memories;
    store->memories = m;
    *out = m;
    return VM_OK;
unmap:
    munmap(m->data, m->reserved);
refund:
    vm_store_refund(store, bytes);
fail:
    pthread_mutex_destroy(&m->lock);
    free(m);
    return VM_NO_MEMORY;
}

void vm_memory_destroy(vm_memory *m)
{
    if (!m)
        return;
    vm_store_refund(m->store, vm_memory_bytes(m));
    if (m->reserved)
        munmap(m->data, m->reserved);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

/* Makes the first `bytes` accessible, moving the memory if it has to. */
static bool extend(vm_memory *m, uint64_t old, uint64_t bytes)
{
    uint64_t need = round_page(bytes);
    if (need > m->reserved) {
        if (m->limits.shared)
            return false;
        uint64_t want = need > UINT64_MAX / 4 ? need : need * 2;
        uint8_t *p = MAP_FAILED;
        for (; p == MAP_FAILED && want >= need;
             want = want == need ? 0 : need) {
            if (!m->reserved)
                p = mmap(NULL, want, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            else if (!mprotect(m->data, m->reserved, PROT_READ | PROT_WRITE))
                p = mremap(m->data, m->reserved, want, MREMAP_MAYMOVE);
            if (p != MAP_FAILED) {
                m->data = p;
                m->reserved = want;
                break;
            }
        }
        if (p == MAP_FAILED)
            return false;
    }
    uint64_t from = round_page(old);
    return need == from ||
           !mprotect(m->data + from, need - from, PROT_READ | PROT_WRITE);
}

static int64_t grow(vm_memory *m, uint64_t delta)
{
    uint64_t old = m->pages, old_bytes = vm_memory_bytes(m), bytes;
    uint64_t cap = m->limits.is64 ? UINT64_MAX : UINT64_C(1) << 32;
    uint64_t max = cap >> m->limits.page_size_log2;
    if (m->limits.max < max)
        max = m->limits.max;
    if (delta > max || old > max - delta ||
        !to_bytes(&m->limits, old + delta, &bytes))
        return -1;
    if (!delta)
        return (int64_t)old;
    if (!vm_store_charge(m->store, bytes - old_bytes))
        return -1;
    if (!extend(m, old_bytes, bytes)) {
        vm_store_refund(m->store, bytes - old_bytes);
        return -1;
    }
    m->pages = old + delta;
    atomic_store(&m->bytes, bytes);
    return (int64_t)old;
}

int64_t vm_memory_grow(vm_memory *m, uint64_t delta)
{
    if (!m->limits.shared)
        return grow(m, delta);
    pthread_mutex_lock(&m->lock);
    int64_t old = grow(m, delta);
    pthread_mutex_unlock(&m->lock);
    return old;
}

uint8_t *vm_memory_data(vm_memory *m)
{
    return m->data;
}

uint64_t vm_memory_size(const vm_memory *m)
{
    return vm_memory_bytes(m);
}

vm_limits vm_memory_type(const vm_memory *m)
{
    vm_limits l = m->limits;
    l.min = m->pages;
    return l;
}
