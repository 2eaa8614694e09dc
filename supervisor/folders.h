/*
 * folders.h - the ways into the file system for apps: folders as mounts of
 * their own, and components.  Paths are as in manifests, "/data/x" and
 * "/system/x"; where those are is in role_options.
 */
#ifndef VYOMA_FOLDERS_H
#define VYOMA_FOLDERS_H

#include "supervisor/roles.h"

/*
 * A folder as a mount of its own: ".." ends at it, and what is not writable
 * is so by the kernel.  Made when absent below /data.  No link is followed on
 * the way.  A descriptor for reading the folder, or a negative errno.
 */
int folders_open(const role_options *options, const grant_folder *folder);

/* A component for reading; or a negative errno. */
int folders_open_component(const role_options *options, const char *path);

#endif
