/*
 * role_folders.c - opens folders for PID 1, and waits for the disk in its
 * place: /data is a 9P share, whose other end may stall.  If it does, only
 * apps with folders wait; PID 1 and all others go on.
 *
 * It mounts /data, and stays root in the first mount namespace, where those
 * folders are; no network, no other capabilities, few system calls, and its
 * only input are PID 1's fixed-size requests.
 */
#include "supervisor/folders.h"

#include "wasi/msg.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static void mount_data(const char *path)
{
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    mkdir(path, 0755);
    /* Uncached: what a write acknowledged, the host has. */
    if (!mount("data", path, "9p", flags,
               "trans=virtio,version=9p2000.L,access=any,cache=none,"
               "msize=131072"))
        return;
    dprintf(STDERR_FILENO,
            "WARNING: no shared folder \"data\" (%s): /data is in memory and "
            "ends with this boot\n",
            strerror(errno));
    if (mount("tmpfs", path, "tmpfs", flags, "size=25%,mode=755"))
        dprintf(STDERR_FILENO, "/data cannot be mounted: %s\n",
                strerror(errno));
}

static void enter(int control)
{
    policy_filter filter;
    if (unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) ||
        policy_compile(policy_find("folders")->sets, &filter)) {
        dprintf(STDERR_FILENO, "folders: cannot be jailed: %s\n",
                strerror(errno));
        _exit(126);
    }
    jail_drop_privileges(&(jail){
        .name = "folders",
        .keep_namespaces = true,
        .keep_caps = 1ull << CAP_SYS_ADMIN | 1ull << CAP_DAC_OVERRIDE |
                     1ull << CAP_FOWNER,
        .descriptors = 256,
        .filter = &filter,
        .report_fd = control,
    });
    policy_filter_finish(&filter);
}

/* Opens everything of one request; on failure says which. */
static void open_all(const folder_request *request, const role_options *options,
                     folder_reply *reply, int fds[FOLDER_FDS])
{
    int got = folders_open_component(options, request->component);
    for (uint32_t i = 0;; i++) {
        if (got < 0) {
            reply->error = got;
            reply->which = i;
            return;
        }
        fds[reply->count++] = got;
        if (i == request->count)
            return;
        got = folders_open(options, &request->folders[i]);
    }
}

static void serve(int control, const role_options *options)
{
    static folder_request request;
    int fds[FOLDER_FDS];
    ssize_t rest =
        msg_recv(control, &request, sizeof request, NULL, 0, NULL, 0, 0);
    if (rest == -EPIPE)
        _exit(0);
    if (rest || request.count > GRANT_FOLDERS)
        return;
    folder_reply reply = {.id = request.id};
    open_all(&request, options, &reply, fds);
    (void)!msg_send(control, &reply, sizeof reply, NULL, 0, fds, reply.count,
                    0);
    for (uint32_t i = 0; i < reply.count; i++)
        close(fds[i]);
}

int folders_main(int control, const role_options *options)
{
    if (!options->host && !options->restarted)
        mount_data(options->data);
    enter(control);
    for (;;)
        serve(control, options);
}
