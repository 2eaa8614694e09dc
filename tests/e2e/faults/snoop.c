/* snoop - wants the wall clock, which its manifest does not grant. */
#include "sdk/std.h"
#include "sdk/wasi.h"

APP_RUN int app_run(void)
{
    wall_time now;
    wall_clock_now(&now);
    return (int)now.seconds;
}
