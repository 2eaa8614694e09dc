/*
 * manifest.h - manifests/NAME.toml -> app_grant, and the boot list and kernel
 * command line -> boot_plan.  Runs in the manifest reader's jail only.
 */
#ifndef VYOMA_MANIFEST_H
#define VYOMA_MANIFEST_H

#include "supervisor/grant.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct manifest_error {
    char text[400]; /* "FILE:LINE: what; what would be valid" */
} manifest_error;

/*
 * Opens the component at an absolute path for reading, so that its presence
 * and hash can be checked; -1 with errno, ENOTSUP when that is not possible
 * here.  NULL: not checked.
 */
typedef int (*manifest_open)(void *env, const char *path);

/* a-z, 0-9 and -, not starting with -, at most 31. */
bool manifest_is_app_name(const char *name);

/*
 * `file` is the manifest's path as shown in messages; its last part without
 * ".toml" must equal the key `name`.  On failure *grant is unspecified.
 */
bool manifest_parse(const char *file, const char *text, size_t len,
                    manifest_open open_component, void *env, app_grant *grant,
                    manifest_error *error);

/* boot.toml; fills napps and apps. */
bool manifest_parse_boot(const char *file, const char *text, size_t len,
                         boot_plan *plan, manifest_error *error);

/* The options "vyoma.NAME=VALUE" of a kernel command line; others are left to
 * their readers.  Fills the other fields of the plan. */
bool manifest_parse_cmdline(const char *text, size_t len, boot_plan *plan,
                            manifest_error *error);

#endif
