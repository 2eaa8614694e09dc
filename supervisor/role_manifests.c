/*
 * role_manifests.c - the manifest reader: text in, typed grants out.  It holds
 * three descriptors for reading (the folders of manifests and components, the
 * kernel's command line) and its socket to PID 1; it may open nothing for
 * writing and lives until the last grant is sent.
 *
 * A manifest that does not parse is reported with file:line on stderr (the
 * log) and left out; the others are sent.
 */
#include "supervisor/folders.h"
#include "supervisor/manifest.h"
#include "supervisor/roles.h"
#include "wasi/msg.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_MANIFESTS = 128, MAX_TEXT = 16385 };

typedef struct source {
    int system;    /* the folder /system */
    int manifests; /* /system/manifests */
    int cmdline;
    int control;
} source;

static void complain(const char *text)
{
    dprintf(STDERR_FILENO, "%s\n", text);
}

static bool send_message(int control, const manifest_message *message)
{
    int err = msg_send(control, message, sizeof *message, NULL, 0, NULL, 0, 0);
    if (err)
        dprintf(STDERR_FILENO, "manifests: PID 1 does not listen: %s\n",
                strerror(-err));
    return !err;
}

/* Reads a whole small file; negative errno. */
static ssize_t read_text(int fd, char *text, size_t size)
{
    size_t used = 0;
    ssize_t got = 0;
    while (used < size && (got = read(fd, text + used, size - used)) > 0)
        used += (size_t)got;
    return got < 0 ? -errno : (ssize_t)used;
}

static ssize_t read_manifest(source *from, const char *name, char *text)
{
    if (from->manifests < 0)
        return -ENOENT;
    int fd = openat(from->manifests, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    ssize_t len = read_text(fd, text, MAX_TEXT);
    close(fd);
    return len;
}

/* Components below /system are seen through the folder held open; others
 * (below /data) are out of this jail's reach: the runner checks them. */
static int open_component(void *env, const char *path)
{
    source *from = env;
    if (strncmp(path, "/system/", 8)) {
        errno = ENOTSUP;
        return -1;
    }
    return openat(from->system, path + 8, O_RDONLY | O_CLOEXEC);
}

static void read_one(source *from, const char *name)
{
    static char text[MAX_TEXT];
    static manifest_message message;
    manifest_error error;
    char file[GRANT_PATH];
    snprintf(file, sizeof file, "manifests/%.100s", name);
    ssize_t len = read_manifest(from, name, text);
    memset(&message, 0, sizeof message);
    message.kind = MANIFEST_GRANT;
    if (len < 0)
        dprintf(STDERR_FILENO, "%s: %s\n", file, strerror((int)-len));
    else if (!manifest_parse(file, text, (size_t)len, open_component, from,
                             &message.grant, &error))
        complain(error.text);
    else
        send_message(from->control, &message);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool is_manifest(const char *name)
{
    size_t len = strlen(name);
    return len > 5 && len < 64 && !strcmp(name + len - 5, ".toml") &&
           strcmp(name, "boot.toml");
}

static void read_all(source *from)
{
    static char names[MAX_MANIFESTS][64];
    size_t count = 0;
    DIR *folder = from->manifests < 0 ? NULL : fdopendir(from->manifests);
    for (struct dirent *e; folder && (e = readdir(folder));) {
        if (!is_manifest(e->d_name))
            continue;
        if (count == MAX_MANIFESTS) {
            dprintf(STDERR_FILENO,
                    "manifests: more than %d; the rest is "
                    "ignored\n",
                    MAX_MANIFESTS);
            break;
        }
        strcpy(names[count++], e->d_name);
    }
    qsort(names, count, sizeof names[0], by_name);
    for (size_t i = 0; i < count; i++)
        read_one(from, names[i]);
}

static void read_plan(source *from)
{
    static char text[MAX_TEXT];
    manifest_message message = {.kind = MANIFEST_PLAN};
    manifest_error error;
    ssize_t len = read_manifest(from, "boot.toml", text);
    if (len < 0)
        dprintf(STDERR_FILENO, "manifests/boot.toml: %s: no app is started\n",
                strerror((int)-len));
    else if (!manifest_parse_boot("manifests/boot.toml", text, (size_t)len,
                                  &message.plan, &error))
        complain(error.text);
    len = read_text(from->cmdline, text, MAX_TEXT);
    if (len > 0 &&
        !manifest_parse_cmdline(text, (size_t)len, &message.plan, &error))
        complain(error.text);
    send_message(from->control, &message);
}

int manifests_main(int control, const role_options *options)
{
    source from = {.control = control};
    /* A mount of its own: ".." ends at it. */
    from.system = folders_open(options, &(grant_folder){.host = "/system"});
    from.manifests = from.system < 0
                         ? -1
                         : openat(from.system, "manifests",
                                  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    from.cmdline = open(options->host ? "/dev/null" : "/proc/cmdline",
                        O_RDONLY | O_CLOEXEC);
    if (from.manifests < 0)
        dprintf(STDERR_FILENO, "%s/manifests: %s\n", options->system,
                strerror(errno));
    role_enter("manifests", ROLE_UID_MANIFESTS, control);
    read_all(&from);
    read_plan(&from);
    return 0;
}
