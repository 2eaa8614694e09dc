/* main.c - the groups of desktop tests, one after the other. */
#include "tests/desktop/harness.h"

int main(void)
{
    test_windows();
    test_input();
    test_shell();
    test_robust();
    test_restart();
    return tap_end();
}
