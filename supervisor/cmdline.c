/*
 * cmdline.c - the options "vyoma.NAME=VALUE" of the kernel's command line, one
 * table row each.  Part of the manifest reader, since PID 1 parses nothing.
 */
#include "supervisor/manifest.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse_scale(const char *value, boot_plan *plan)
{
    char *end;
    unsigned long count = strtoul(value, &end, 10);
    if (end == value || *end != ':' || count > 4096 ||
        !manifest_is_app_name(end + 1))
        return false;
    plan->scale = (uint32_t)count;
    strcpy(plan->scale_app, end + 1);
    return true;
}

/* "10.0.2.15/24:10.0.2.2:10.0.2.3" */
static bool parse_ip(const char *value, boot_plan *plan)
{
    char copy[64], *slash, *gateway, *dns, *end;
    struct in_addr a, g, d;
    if (strlen(value) >= sizeof copy)
        return false;
    strcpy(copy, value);
    if (!(slash = strchr(copy, '/')) || !(gateway = strchr(slash, ':')) ||
        !(dns = strchr(gateway + 1, ':')))
        return false;
    *slash = *gateway = *dns = 0;
    unsigned long prefix = strtoul(slash + 1, &end, 10);
    if (end == slash + 1 || *end || prefix > 32 ||
        inet_pton(AF_INET, copy, &a) != 1 ||
        inet_pton(AF_INET, gateway + 1, &g) != 1 ||
        inet_pton(AF_INET, dns + 1, &d) != 1)
        return false;
    plan->address = a.s_addr;
    plan->gateway = g.s_addr;
    plan->dns = d.s_addr;
    plan->prefix = (uint32_t)prefix;
    return true;
}

static const struct {
    const char *name;
    bool (*parse)(const char *value, boot_plan *plan);
    const char *valid;
} options[] = {
    {"vyoma.scale=", parse_scale, "vyoma.scale=COUNT:APP"},
    {"vyoma.ip=", parse_ip, "vyoma.ip=ADDRESS/PREFIX:GATEWAY:DNS"},
};

static bool parse_option(const char *word, boot_plan *plan,
                         manifest_error *error)
{
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        size_t len = strlen(options[i].name);
        if (strncmp(word, options[i].name, len))
            continue;
        if (options[i].parse(word + len, plan))
            return true;
        snprintf(error->text, sizeof error->text,
                 "kernel command line: '%.100s' is not valid; valid is %s",
                 word, options[i].valid);
        return false;
    }
    snprintf(error->text, sizeof error->text,
             "kernel command line: unknown option '%.100s'; valid are %s, %s",
             word, options[0].valid, options[1].valid);
    return false;
}

bool manifest_parse_cmdline(const char *text, size_t len, boot_plan *plan,
                            manifest_error *error)
{
    char word[160];
    bool ok = true;
    error->text[0] = 0;
    for (size_t i = 0; i < len;) {
        size_t start_at = i;
        while (i < len && text[i] != ' ' && text[i] != '\n' && text[i])
            i++;
        size_t size = i++ - start_at;
        if (size < 6 || memcmp(text + start_at, "vyoma.", 6))
            continue;
        size = size < sizeof word ? size : sizeof word - 1;
        memcpy(word, text + start_at, size);
        word[size] = 0;
        ok = parse_option(word, plan, error) && ok;
    }
    return ok;
}
