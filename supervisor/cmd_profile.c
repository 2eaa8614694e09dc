/*
 * cmd_profile.c - `vyoma profile`: runs a file as `vyoma run` does, and tells
 * where the time went, or, with --counts, what was executed.
 *
 * The profile and what the program prints must not mix.  With -o FILE the
 * profile goes there.  Without, the table goes to standard error, as that of
 * `perf stat`; the other formats, which are for programs to read, go to
 * standard output, and what the program prints there to standard error.
 */
#include "supervisor/cmd.h"
#include "supervisor/profile.h"
#include "supervisor/run_program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct options {
    run_options run; /* first: see run_option */
    const char *output;
    const char *format;
    uint64_t rate;
} options;

typedef struct session {
    const options *options;
    profile profile;
    bool sampling, finished, to_file;
    FILE *out;
    const char *where; /* that is, for messages */
} session;

static const struct {
    const char *name;
    void (*write)(const profile *profile, FILE *out);
    bool counts; /* tells counts as well as time */
} formats[] = {
    {"table", profile_write_table, true},
    {"folded", profile_write_folded, false},
    {"firefox", profile_write_firefox, false},
    {"json", profile_write_json, true},
};
#define FORMATS (sizeof formats / sizeof *formats)

/* ---- options ----------------------------------------------------------------
 */

static bool o_output(run_options *base, const char *value)
{
    ((options *)base)->output = value;
    return *value || run_options_complain(base, "-o", value, "a file's name");
}

static bool o_format(run_options *base, const char *value)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (!strcmp(formats[i].name, value)) {
            ((options *)base)->format = value;
            return true;
        }
    return run_options_complain(base, "--format", value,
                                "table, folded, firefox, json");
}

static bool o_counts(run_options *base, const char *value)
{
    base->count = true;
    return true;
}

static bool o_rate(run_options *base, const char *value)
{
    char *end;
    unsigned long n = strtoul(value, &end, 10);
    ((options *)base)->rate = n;
    return (end != value && !*end && n >= 1 && n <= 10000) ||
           run_options_complain(base, "--rate", value,
                                "samples a second, 1 to 10000");
}

static const run_option own_options[] = {
    {"-o", "FILE", o_output, "write the profile there; -: standard output"},
    {"--output", "FILE", o_output, NULL},
    {"--format", "FORMAT", o_format, "table (default), folded, firefox, json"},
    {"--counts", NULL, o_counts, "count all that is executed, do not sample"},
    {"--rate", "HZ", o_rate, "samples a second (250)"},
    {0},
};

static const run_command command = {
    .text =
        "Runs a component or module as `vyoma run` does, then tells which\n"
        "functions, source lines, instructions and pairs of instructions took\n"
        "the time, by samples of its stack, and how often they were executed,\n"
        "by counting a small part.  With --counts everything is counted, and\n"
        "nothing sampled.  The profile is written however the program ends;\n"
        "Ctrl-C ends it.\n"
        "Formats: a table, folded stacks (microseconds) for flame graphs, a\n"
        "file for profiler.firefox.com, JSON (see docs/profiling.md).\n"
        "Without -o the table goes to standard error; the other formats go to\n"
        "standard output, and what the program prints to standard error.\n",
    .more = own_options,
};

/* ---- the run ----------------------------------------------------------------
 */

static void on_interrupt(int signal)
{
    run_program_stop();
}

static void start(void *env, vm_store *store)
{
    session *s = env;
    struct sigaction action = {.sa_handler = on_interrupt,
                               .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (s->options->run.count)
        return;
    s->profile.timed = s->sampling = sampler_start(&s->profile, store);
    if (!vm_counts_start(store, NULL))
        s->profile.out_of_memory = true;
}

static void end(void *env, vm_store *store)
{
    session *s = env;
    if (s->sampling)
        sampler_stop();
    s->profile.counts = vm_counts_collect(store);
    s->finished = s->sampling || s->profile.counts;
    profile_finish(&s->profile);
}

/* ---- the profile's place ----------------------------------------------------
 */

/* From here on what is printed goes to standard error.  Returns a descriptor
 * for what standard output was, or -1. */
static int take_stdout(void)
{
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (fd >= 0 && dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Before the run, which would be in vain if it failed; what a file holds is
 * replaced only when there is a profile. */
static bool open_output(session *s)
{
    const char *path = s->options->output;
    bool table = !strcmp(s->options->format, "table");
    int fd;
    s->where = path;
    if (path ? !strcmp(path, "-") : !table) {
        s->where = "standard output";
        fd = take_stdout();
    } else if (path) {
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        s->to_file = true;
    } else {
        s->where = "standard error";
        fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    }
    s->out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!s->out)
        fprintf(stderr, "vyoma profile: %s: %s\n", s->where, strerror(errno));
    return s->out;
}

static bool write_profile(const session *s)
{
    size_t i = 0;
    while (strcmp(formats[i].name, s->options->format))
        i++;
    fflush(stdout); /* what --invoke returned comes before a table */
    /* A device or a pipe has no length to set. */
    bool ok = !s->to_file || !ftruncate(fileno(s->out), 0) || errno == EINVAL;
    if (ok)
        formats[i].write(&s->profile, s->out);
    ok = ok && !fflush(s->out) && !ferror(s->out);
    if (!ok)
        fprintf(stderr, "vyoma profile: %s: %s\n", s->where, strerror(errno));
    return ok;
}

static int run(const options *options)
{
    session s = {.options = options,
                 .profile = {.program = options->run.file,
                             .rate = (uint32_t)options->rate}};
    const run_observer observer = {&s, start, end};
    if (!open_output(&s))
        return 1;
    int code = run_program(&options->run, &observer);
    if (s.profile.out_of_memory)
        fputs("vyoma profile: out of memory: the profile is not complete\n",
              stderr);
    bool ran = s.profile.nsamples ||
               (s.profile.counts && s.profile.counts->instructions);
    if (s.finished && (ran || !code) && !write_profile(&s) && !code)
        code = 1;
    fclose(s.out);
    profile_free(&s.profile);
    return code;
}

static bool format_fits(const options *options)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (!strcmp(formats[i].name, options->format) && options->run.count &&
            !formats[i].counts) {
            fprintf(stderr,
                    "vyoma profile: --format %s is for time, and --counts "
                    "tells none; valid: table, json\n",
                    options->format);
            return false;
        }
    return true;
}

int cmd_profile(int argc, char **argv)
{
    options options = {.format = "table", .rate = 250};
    int code = run_options_parse_more(argc, argv, &command, &options.run);
    if (!code && !options.run.help)
        code = format_fits(&options) ? run(&options) : 2;
    run_options_finish(&options.run);
    return code;
}
