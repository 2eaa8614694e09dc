/* snoop - wants the wall clock, which its manifest does not grant. */
#include "sdk/std.h"
#include "sdk/wasi.h"

APP_RUN int app_run(void)
{
    datetime now;
    wall_now(&now);
    return (int)now.seconds;
}
