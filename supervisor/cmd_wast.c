/*
 * cmd_wast.c - `vyoma wast PATH...`: runs scripts of the official test suite;
 * with --collect-often, garbage is collected at every allocation.
 *
 * One node process turns .wast text into JSON and binary modules (see
 * tests/tools/wast2json.mjs); each script then runs in a process of its own, so
 * that a crash costs that script only.
 */
#include "supervisor/cmd.h"
#include "supervisor/wast.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS_PER_SCRIPT = 300 };

typedef struct paths {
    char **items;
    size_t count, capacity;
    bool lacking; /* a folder had none */
} paths;

typedef struct converter {
    pid_t pid;
    FILE *in, *out;
    char dir[64];
} converter;

typedef struct totals {
    unsigned long passed, failed, skipped;
} totals;

/* ---- which scripts ------------------------------------------------------ */

static bool add_path(paths *list, const char *path)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        char **items = realloc(list->items, capacity * sizeof *items);
        if (!items)
            return false;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count] = strdup(path);
    return list->items[list->count++];
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* A file as it is; of a folder, every .wast file below it, sorted. */
static bool collect(paths *list, const char *path)
{
    char *roots[] = {(char *)path, NULL};
    FTS *fts = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (!fts)
        return false;
    bool good = true;
    size_t before = list->count;
    for (FTSENT *e; good && (e = fts_read(fts));) {
        size_t n = strlen(e->fts_name);
        if (e->fts_info == FTS_NS || e->fts_info == FTS_ERR) {
            fprintf(stderr, "vyoma wast: %s: %s\n", e->fts_path,
                    strerror(e->fts_errno));
            good = false;
        } else if (e->fts_info == FTS_F &&
                   (e->fts_level == 0 ||
                    (n > 5 && !strcmp(e->fts_name + n - 5, ".wast")))) {
            good = add_path(list, e->fts_path);
        }
    }
    fts_close(fts);
    if (good && list->count == before) {
        fprintf(stderr, "vyoma wast: %s: there is no .wast file in it\n", path);
        list->lacking = true;
    }
    return good;
}

/* ---- the converter ------------------------------------------------------ */

/* The folder with wast2json.mjs: $VYOMA_TOOLS, or found from the binary. */
static bool find_tools(char *out, size_t size)
{
    char exe[PATH_MAX];
    const char *given = getenv("VYOMA_TOOLS");
    if (given) {
        snprintf(out, size, "%s/wast2json.mjs", given);
        return access(out, R_OK) == 0;
    }
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n <= 0)
        return false;
    exe[n] = '\0';
    for (char *slash; (slash = strrchr(exe, '/')); *slash = '\0') {
        snprintf(out, size, "%.*s/tests/tools/wast2json.mjs",
                 (int)(slash - exe), exe);
        if (access(out, R_OK) == 0)
            return true;
    }
    return false;
}

static bool spawn_node(converter *c, const char *script, int in, int out)
{
    posix_spawn_file_actions_t actions;
    const char *node = getenv("NODE");
    char *argv[] = {(char *)(node ? node : "node"), (char *)script, "--batch",
                    c->dir, NULL};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    int error = posix_spawnp(&c->pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error)
        fprintf(stderr,
                "vyoma wast: cannot start node (%s); it assembles the "
                "scripts. `make tools` installs it\n",
                strerror(error));
    return !error;
}

static bool start_converter(converter *c)
{
    char script[PATH_MAX];
    int to[2], from[2];
    if (!find_tools(script, sizeof script)) {
        fprintf(stderr, "vyoma wast: wast2json.mjs is not found; set "
                        "VYOMA_TOOLS to its folder (tests/tools)\n");
        return false;
    }
    const char *tmp = getenv("TMPDIR");
    snprintf(c->dir, sizeof c->dir, "%.40s/vyoma-wast-XXXXXX",
             tmp ? tmp : "/tmp");
    if (!mkdtemp(c->dir) || pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC)) {
        perror("vyoma wast");
        return false;
    }
    bool good = spawn_node(c, script, to[0], from[1]);
    close(to[0]);
    close(from[1]);
    c->in = fdopen(to[1], "w");
    c->out = fdopen(from[0], "r");
    return good && c->in && c->out;
}

static void remove_tree(const char *dir)
{
    char *roots[] = {(char *)dir, NULL};
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *e; fts && (e = fts_read(fts));) {
        if (e->fts_info == FTS_DP)
            rmdir(e->fts_accpath);
        else if (e->fts_info != FTS_D)
            unlink(e->fts_accpath);
    }
    if (fts)
        fts_close(fts);
}

/* Paths are few enough to fit the pipe while node starts reading. */
static void send_paths(converter *c, const paths *list)
{
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < list->count; i++)
        fprintf(c->in, "%s\n", list->items[i]);
    fclose(c->in);
}

static void finish_converter(converter *c)
{
    fclose(c->out);
    waitpid(c->pid, NULL, 0);
    remove_tree(c->dir);
}

/* ---- one script --------------------------------------------------------- */

static void run_child(const vm_options *options, const char *path,
                      const char *dir, const char *stem, wast_counts *counts)
{
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    alarm(SECONDS_PER_SCRIPT);
    wast_run(options, path, dir, stem, counts);
    fflush(stdout);
    _exit(0);
}

static void report_death(const char *path, int status, wast_counts *counts)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    atomic_fetch_add(&counts->failed, 1);
    if (WIFSIGNALED(status))
        printf("%s:%u: died: %s; the rest was not run\n", path,
               atomic_load(&counts->line), strsignal(WTERMSIG(status)));
    else
        printf("%s:%u: died with status %d; the rest was not run\n", path,
               atomic_load(&counts->line), WEXITSTATUS(status));
}

static void run_script(const vm_options *options, const char *path,
                       const char *dir, const char *stem, wast_counts *counts,
                       totals *sum)
{
    memset(counts, 0, sizeof *counts);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        run_child(options, path, dir, stem, counts);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    report_death(path, status, counts);
    printf("%s: %u passed, %u failed, %u skipped\n", path, counts->passed,
           counts->failed, counts->skipped);
    sum->passed += counts->passed;
    sum->failed += counts->failed;
    sum->skipped += counts->skipped;
}

/* Runs scripts in order, as the converter says that they are ready. */
static bool run_all(converter *c, const vm_options *options, const paths *list,
                    totals *sum)
{
    wast_counts *counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *line = NULL;
    size_t size = 0, done = 0;
    if (counts == MAP_FAILED)
        return false;
    for (; done < list->count && getline(&line, &size, c->out) > 0; done++) {
        char stem[24], *message = strchr(line, ' ');
        line[strcspn(line, "\n")] = '\0';
        snprintf(stem, sizeof stem, "%zu", done);
        if (message) {
            printf("%s: cannot be assembled:%s\n", list->items[done], message);
            sum->failed++;
        } else {
            run_script(options, list->items[done], c->dir, stem, counts, sum);
        }
    }
    free(line);
    munmap(counts, sizeof *counts);
    return done == list->count;
}

static void free_paths(paths *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
}

/* Runs all scripts of the list; returns the exit status. */
static int run_list(const vm_options *options, const paths *list)
{
    converter c = {0};
    totals sum = {0};
    if (!start_converter(&c))
        return 2;
    send_paths(&c, list);
    bool complete = run_all(&c, options, list, &sum);
    finish_converter(&c);
    if (!complete)
        fprintf(stderr, "vyoma wast: the converter ended early; `make tools` "
                        "installs what it needs from npm\n");
    printf("%lu passed, %lu failed, %lu skipped\n", sum.passed, sum.failed,
           sum.skipped);
    return !complete || list->lacking ? 2 : sum.failed ? 1 : 0;
}

int cmd_wast(int argc, char **argv)
{
    paths list = {0};
    vm_options options = {0};
    int i = 1;
    if (i < argc && !strcmp(argv[i], "--collect-often")) {
        options.collect_often = true;
        i++;
    }
    bool found = i < argc;
    if (!found)
        fprintf(stderr, "usage: vyoma wast [--collect-often] PATH...\n");
    for (; found && i < argc; i++)
        found = collect(&list, argv[i]);
    int status = found ? run_list(&options, &list) : 2;
    free_paths(&list);
    return status;
}
