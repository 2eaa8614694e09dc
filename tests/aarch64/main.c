/* main.c - `vyoma wast` alone, for an architecture whose other libraries are
 * not here: the engine, and the runner of the suite's scripts. */
#include "supervisor/cmd.h"

int main(int argc, char **argv)
{
    return cmd_wast(argc, argv);
}
