/*
 * ticker - the smallest app that lives: says so once, then wakes every minute.
 * The scale benchmark runs hundreds of it.
 */
#include "sdk/wasi.h"

APP_RUN int app_run(void)
{
    print(STR("tick\n"));
    for (;;) {
        handle minute = subscribe_duration(60 * SECOND);
        pollable_block(minute);
        pollable_drop(minute);
    }
}
