/*
 * cmd_run.c - `vyoma run`: its options, and then run_program.c.  The exit
 * status follows the guest.
 */
#include "supervisor/cmd.h"
#include "supervisor/run_program.h"

int cmd_run(int argc, char **argv)
{
    run_options options;
    int code = run_options_parse(argc, argv, &options);
    if (!code && !options.help)
        code = run_program(&options, NULL);
    run_options_finish(&options);
    return code;
}
