/* trap - reads past the end of its memory. */
#include "sdk/std.h"
#include "sdk/wasi.h"

APP_RUN int app_run(void)
{
    return *(volatile int *)0xfffffff0;
}
