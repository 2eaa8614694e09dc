/* cmd_wast.c - `vyoma wast PATH...`: the official test suite's scripts. */
#include "supervisor/cmd.h"

#include <stdio.h>

int cmd_wast(int argc, char **argv)
{
    fprintf(stderr, "vyoma wast: not built yet\n");
    return 2;
}
