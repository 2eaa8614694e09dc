/* role.c - what all jailed services share: filter, usual limits, jail. */
#include "supervisor/roles.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void role_enter(const char *role, uid_t uid, int control)
{
    policy_filter filter;
    int err = policy_compile(policy_find(role)->sets, &filter);
    if (err) {
        dprintf(STDERR_FILENO, "%s: its filter cannot be compiled: %s\n", role,
                strerror(-err));
        _exit(126);
    }
    jail_enter(&(jail){
        .name = role,
        .uid = uid,
        .descriptors = 4096,
        .filter = &filter,
        .report_fd = control,
    });
    policy_filter_finish(&filter);
}
