/*
 * mutate.c - loads damaged modules and expects nothing but an answer.
 *
 *   mutate SECONDS FILE...
 *
 * Every truncation and every single-bit flip of each file is loaded (of large
 * files, an even sample, unless EXHAUSTIVE is in the environment), until the
 * time is up; what still loads is also instantiated and its exports run for a
 * little while.  Files run in child
 * processes: a crash names the file and the damage.  Prints TAP.
 */
#include "tests/robust/exercise.h"
#include "tests/tools/read_file.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WHOLE = 4096, SAMPLES = 4096, SECONDS_PER_LOAD = 60 };

/* Shared with the parent: what the child is at. */
typedef struct progress {
    const char *kind;
    size_t position;
    unsigned long loads, accepted;
} progress;

typedef struct input {
    uint8_t *bytes;
    size_t len;
} input;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* A copy of exactly the right size, so that reading past it is noticed. */
static void try_copy(progress *p, const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    if (!copy)
        abort();
    memcpy(copy, bytes, len);
    alarm(SECONDS_PER_LOAD);
    p->loads++;
    p->accepted += exercise_bytes(copy, len);
    free(copy);
}

static size_t step_of(size_t count)
{
    bool whole = count <= WHOLE * 8 || getenv("EXHAUSTIVE");
    return whole ? 1 : count / SAMPLES;
}

static void truncate_all(progress *p, const input *in)
{
    p->kind = "truncated to byte";
    size_t step = step_of(in->len * 8);
    for (p->position = 0; p->position < in->len; p->position += step)
        try_copy(p, in->bytes, p->position);
}

static void flip_all(progress *p, input *in)
{
    p->kind = "with a flip of bit";
    size_t step = step_of(in->len * 8);
    for (p->position = 0; p->position < in->len * 8; p->position += step) {
        uint8_t mask = (uint8_t)(1u << p->position % 8);
        in->bytes[p->position / 8] ^= mask;
        try_copy(p, in->bytes, in->len);
        in->bytes[p->position / 8] ^= mask;
    }
}

static void run_child(const char *path, progress *p)
{
    input in;
    in.bytes = read_file(path, &in.len);
    if (!in.bytes)
        _exit(1);
    p->kind = "unchanged at";
    try_copy(p, in.bytes, in.len);
    truncate_all(p, &in);
    flip_all(p, &in);
    _exit(0);
}

/* True when the file's process ended well. */
static bool run_file(const char *path, progress *p)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        run_child(path, p);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return false;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    printf("# %s\n", WIFSIGNALED(status) ? strsignal(WTERMSIG(status))
                                         : "error exit (see above)");
    return false;
}

int main(int argc, char **argv)
{
    progress *p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (argc < 3 || p == MAP_FAILED) {
        fprintf(stderr, "usage: mutate SECONDS FILE...\n");
        return 2;
    }
    double end = now() + atof(argv[1]);
    int files = 0, bad = 0;
    for (int i = 2; i < argc && now() < end; i++, files++) {
        fflush(stdout);
        if (run_file(argv[i], p))
            continue;
        bad++;
        printf("not ok - %s %s %zu\n", argv[i], p->kind, p->position);
    }
    if (!bad)
        printf("ok - %d modules damaged: %lu loads, %lu accepted and run\n",
               files, p->loads, p->accepted);
    return bad != 0;
}
