/*
 * alloc.c - the N-th allocation fails, for every N: load, instantiate, run and
 * drop must cope.
 *
 *   alloc SECONDS FILE...
 *
 * The linker sends the engine's malloc, calloc, realloc and mmap here (see
 * rules.mk).  Each file runs in a process of its own; prints TAP.
 */
#include "tests/robust/exercise.h"
#include "tests/tools/read_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FAILURES = 3000 };

static struct state {
    unsigned long count, fail_at; /* fail_at 0: never */
    unsigned long total;
} *state; /* shared with the parent */

/* True when this allocation is the one. */
static bool fails(void)
{
    return state && state->fail_at && ++state->count == state->fail_at;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_mmap(void *p, size_t n, int prot, int flags, int fd, off_t at);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_mmap(void *p, size_t n, int prot, int flags, int fd, off_t at);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

void *__wrap_mmap(void *p, size_t n, int prot, int flags, int fd, off_t at)
{
    if (!fails())
        return __real_mmap(p, n, prot, flags, fd, at);
    errno = ENOMEM;
    return MAP_FAILED;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Fails allocation 1, 2, ... until one run needs fewer. */
static void run_child(const char *path)
{
    size_t len;
    uint8_t *bytes = read_file(path, &len);
    if (!bytes)
        _exit(1);
    alarm(60);
    (void)exercise_bytes(bytes, len); /* makes what is made once */
    for (unsigned long n = 1; n <= MAX_FAILURES; n++) {
        state->count = 0;
        state->fail_at = n;
        (void)exercise_bytes(bytes, len);
        if (state->count < n)
            break;
        state->total++;
    }
    state->fail_at = 0;
    free(bytes);
    exit(0); /* so that leaks are looked for */
}

static bool run_file(const char *path)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        run_child(path);
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv)
{
    struct state *shared =
        __real_mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (argc < 3 || shared == MAP_FAILED) {
        fprintf(stderr, "usage: alloc SECONDS FILE...\n");
        return 2;
    }
    state = shared;
    double end = now() + atof(argv[1]);
    int files = 0, bad = 0;
    for (int i = 2; i < argc && now() < end; i++, files++) {
        fflush(stdout);
        if (run_file(argv[i]))
            continue;
        bad++;
        printf("not ok - %s: allocation %lu failing\n", argv[i],
               state->fail_at);
        state->fail_at = 0;
    }
    if (!bad)
        printf("ok - %lu failing allocations in %d modules\n", state->total,
               files);
    return bad != 0;
}
