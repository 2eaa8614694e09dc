/* glutton - takes memory, writes to it, and traps when there is no more. */
#include "sdk/std.h"
#include "sdk/wasi.h"

APP_RUN int app_run(void)
{
    for (;;) {
        char *page = arena_alloc(65536);
        for (int i = 0; i < 65536; i += 4096)
            page[i] = 1;
    }
}
