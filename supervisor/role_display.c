/*
 * role_display.c - the compositor's jail.  The compositor (gfx/) opens DRM,
 * evdev and fonts, shows the first frame, and then calls back to be jailed,
 * before the first client exists: it keeps those descriptors, loses files,
 * network and root, and from then on only gets sockets from PID 1.
 */
#include "gfx/compositor.h"
#include "supervisor/roles.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static int jail_compositor(void *data)
{
    role_enter("compositor", ROLE_UID_COMPOSITOR, *(int *)data);
    return 0;
}

int display_main(int control, const role_options *options)
{
    static char fonts[256];
    snprintf(fonts, sizeof fonts, "%s/fonts", options->system);
    struct compositor_config config = {
        .control_fd = control,
        .font_dir = options->host ? NULL : fonts,
        .headless = options->headless,
        .session_fd = options->session,
        .jail = jail_compositor,
        .jail_data = &control,
    };
    /* Before all others: the first frame, and then the pointer. */
    setpriority(PRIO_PROCESS, 0, -10);
    return compositor_main(&config);
}
