/*
 * main.c - the one binary's entry: a table of commands.
 *
 * This is the only file that knows all the layers.  Each command lives in a
 * file of its own, cmd_NAME.c; the guest's PID 1 is the command "init", which
 * is also what runs when the kernel starts this binary as /init.
 */
#include "supervisor/cmd.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"init", cmd_init, "process 1 of the guest"},
    {"inspect", cmd_inspect, "print imports, exports and sizes of a file"},
    {"objdump", cmd_objdump, "list wasm beside the engine's code for it"},
    {"profile", cmd_profile, "run it, and tell what took the time"},
    {"run", cmd_run, "run a component or module"},
    {"serve", cmd_serve, "answer HTTP requests by a component"},
    {"wast", cmd_wast, "run scripts of the official test suite"},
};

static int usage(FILE *out)
{
    fputs("usage: vyoma COMMAND [ARGS]\n\ncommands:\n", out);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    return out == stdout ? 0 : 2;
}

/* The status, unless what the command printed did not get where it should. */
static int all_written(int status)
{
    bool failed = ferror(stdout);
    errno = 0;
    if (!fflush(stdout) && !failed)
        return status;
    fprintf(stderr, "vyoma: standard output could not be written: %s\n",
            errno ? strerror(errno) : "an earlier write failed");
    return status ? status : 1;
}

static int command(int argc, char **argv)
{
    if (!strcmp(argv[0], "/init"))
        return cmd_init(argc, argv);
    if (argc < 2)
        return usage(stderr);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))
        return usage(stdout);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(argv[1], commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "vyoma: no command named '%s'\n", argv[1]);
    return usage(stderr);
}

int main(int argc, char **argv)
{
    return all_written(command(argc, argv));
}
