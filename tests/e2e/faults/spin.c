/* spin - never ends, never asks for anything. */
#include "sdk/std.h"
#include "sdk/wasi.h"

APP_RUN int app_run(void)
{
    for (volatile unsigned n = 0;; n++)
        ;
}
