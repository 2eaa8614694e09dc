/*
 * atomic.c - memory.atomic.wait and notify: a table of waiters by address,
 * shared by all stores, since threads of a guest are stores of an embedder.
 */
#include "vm/atomic.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>

typedef struct waiter {
    struct waiter *next;
    void *address;
    pthread_cond_t woken;
    bool done;
} waiter;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static waiter *waiters; /* in the order they came */

static bool holds(const void *address, uint32_t bytes, uint64_t expected)
{
    if (bytes == 4)
        return __atomic_load_n((const uint32_t *)address, __ATOMIC_SEQ_CST) ==
               (uint32_t)expected;
    return __atomic_load_n((const uint64_t *)address, __ATOMIC_SEQ_CST) ==
           expected;
}

static void enqueue(waiter *w)
{
    waiter **link = &waiters;
    while (*link)
        link = &(*link)->next;
    *link = w;
}

static void dequeue(const waiter *w)
{
    waiter **link = &waiters;
    while (*link && *link != w)
        link = &(*link)->next;
    if (*link)
        *link = w->next;
}

static struct timespec deadline(int64_t timeout)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += timeout / 1000000000;
    t.tv_nsec += timeout % 1000000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    return t;
}

uint32_t vm_atomic_wait(void *address, uint32_t bytes, uint64_t expected,
                        int64_t timeout)
{
    waiter w = {.address = address};
    pthread_condattr_t attr;
    struct timespec until = {0};
    int error = 0;
    if (timeout >= 0)
        until = deadline(timeout);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w.woken, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_lock(&lock);
    bool wait = holds(address, bytes, expected);
    if (wait)
        enqueue(&w);
    while (wait && !w.done && error != ETIMEDOUT)
        error = timeout < 0 ? pthread_cond_wait(&w.woken, &lock)
                            : pthread_cond_timedwait(&w.woken, &lock, &until);
    if (wait && !w.done)
        dequeue(&w);
    pthread_mutex_unlock(&lock);
    pthread_cond_destroy(&w.woken);
    return !wait ? 1 : w.done ? 0 : 2;
}

uint32_t vm_atomic_notify(void *address, uint32_t count)
{
    uint32_t n = 0;
    pthread_mutex_lock(&lock);
    waiter **link = &waiters;
    while (*link && n < count) {
        waiter *w = *link;
        if (w->address != address) {
            link = &w->next;
            continue;
        }
        *link = w->next;
        w->done = true;
        pthread_cond_signal(&w->woken);
        n++;
    }
    pthread_mutex_unlock(&lock);
    return n;
}
