/*
 * grant.c - grants as values: defaults, checks on receipt, and the addresses
 * of network rules.  Used by the manifest reader (which fills grants from
 * text) and by all who receive them.
 */
#include "supervisor/grant.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

void grant_init(app_grant *grant, const char *name, const char *file)
{
    memset(grant, 0, sizeof *grant);
    strncpy(grant->name, name, sizeof grant->name - 1);
    strncpy(grant->title, name, sizeof grant->title - 1);
    strncpy(grant->file, file, sizeof grant->file - 1);
    strcpy(grant->glyph, "tile");
    grant->color = 0x8e8e93;
    grant->accent = 0xffffff;
    grant->visible = 1;
    grant->memory = 64u << 20;
    grant->descriptors = 128;
    grant->backoff_ms = 250;
}

/* ---- checks on receipt --------------------------------------------- */

static bool ended(const char *text, size_t size)
{
    return memchr(text, 0, size) != NULL;
}
#define ENDED(array) ended(array, sizeof(array))

static bool strings_are_sane(const grant_strings *s)
{
    if (s->count > GRANT_STRINGS || s->used > sizeof s->bytes)
        return false;
    uint32_t nuls = 0;
    for (uint32_t i = 0; i < s->used; i++)
        nuls += !s->bytes[i];
    return nuls == s->count && (!s->used || !s->bytes[s->used - 1]);
}

static bool addresses_are_sane(const grant_address *a, uint32_t count)
{
    if (count > GRANT_ADDRESSES)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!ENDED(a[i].name) || a[i].prefix > 128 ||
            a[i].host > GRANT_HOST_NAME || a[i].low_port > a[i].high_port)
            return false;
    return true;
}

static bool topics_are_sane(const grant_topics *t)
{
    if (t->count > GRANT_TOPICS)
        return false;
    for (uint32_t i = 0; i < t->count; i++)
        if (!ENDED(t->name[i]))
            return false;
    return true;
}

static bool folders_are_sane(const app_grant *g)
{
    if (g->nfolders > GRANT_FOLDERS)
        return false;
    for (uint32_t i = 0; i < g->nfolders; i++)
        if (!ENDED(g->folders[i].host) || !ENDED(g->folders[i].guest) ||
            g->folders[i].host[0] != '/')
            return false;
    return true;
}

bool grant_is_sane(const app_grant *g)
{
    return ENDED(g->name) && g->name[0] && !strchr(g->name, '/') &&
           g->name[0] != '.' && ENDED(g->title) && ENDED(g->glyph) &&
           ENDED(g->component) && g->component[0] == '/' && ENDED(g->file) &&
           g->stdio <= GRANT_STDIO_NONE && g->restart <= GRANT_RESTART_ALWAYS &&
           g->capabilities < 1u << GRANT_CAPABILITIES &&
           strings_are_sane(&g->args) && strings_are_sane(&g->environment) &&
           folders_are_sane(g) &&
           addresses_are_sane(g->network.listen, g->network.nlisten) &&
           addresses_are_sane(g->network.connect, g->network.nconnect) &&
           topics_are_sane(&g->ipc.peers) && topics_are_sane(&g->ipc.provide) &&
           topics_are_sane(&g->ipc.subscribe);
}

bool boot_plan_is_sane(const boot_plan *plan)
{
    if (plan->napps > GRANT_BOOT_APPS || !ENDED(plan->scale_app))
        return false;
    for (uint32_t i = 0; i < plan->napps; i++)
        if (!ENDED(plan->apps[i]))
            return false;
    return plan->prefix <= 32;
}

/* By bit of wasi_capability. */
static const char *const capability_keys[GRANT_CAPABILITIES] = {
    "stdio", "filesystem", "network", "display",     "ipc",  "process",
    "shell", "clocks",     "random",  "environment", "http", "keyvalue",
};

uint32_t grant_capability_line(const app_grant *grant, const char *key)
{
    for (uint32_t i = 0; i < GRANT_CAPABILITIES; i++)
        if (!strcmp(capability_keys[i], key))
            return grant->lines[i];
    return 1;
}

/* ---- packed strings ------------------------------------------------ */

bool grant_strings_add(grant_strings *strings, const char *text)
{
    size_t size = strlen(text) + 1;
    if (strings->count == GRANT_STRINGS ||
        size > sizeof strings->bytes - strings->used)
        return false;
    memcpy(strings->bytes + strings->used, text, size);
    strings->used += (uint32_t)size;
    strings->count++;
    return true;
}

const char *grant_strings_at(const grant_strings *strings, uint32_t i)
{
    const char *at = strings->bytes;
    while (i--)
        at += strlen(at) + 1;
    return at;
}

bool grant_topics_has(const grant_topics *topics, const char *name)
{
    for (uint32_t i = 0; i < topics->count; i++)
        if (!strcmp(topics->name[i], name))
            return true;
    return false;
}

/* ---- addresses ----------------------------------------------------- */

static bool parse_port(const char *text, const char *end, uint16_t *out)
{
    uint32_t value = 0;
    if (text == end || end - text > 5)
        return false;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9')
            return false;
        value = value * 10 + (uint32_t)(*text - '0');
    }
    if (!value || value > 65535)
        return false;
    *out = (uint16_t)value;
    return true;
}

static bool parse_ports(const char *text, grant_address *out)
{
    const char *end = text + strlen(text), *dash = strchr(text, '-');
    if (!strcmp(text, "*")) {
        out->low_port = 1;
        out->high_port = 65535;
        return true;
    }
    return parse_port(text, dash ? dash : end, &out->low_port) &&
           parse_port(dash ? dash + 1 : text, end, &out->high_port) &&
           out->low_port <= out->high_port;
}

static bool parse_prefix(const char *text, uint32_t bits, uint8_t *out)
{
    uint16_t value = 0;
    if (strcmp(text, "0") &&
        (!parse_port(text, text + strlen(text), &value) || value > bits))
        return false;
    *out = (uint8_t)(128 - bits + value);
    return true;
}

static bool is_name(const char *text)
{
    for (const char *c = text; *c; c++)
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') &&
            *c != '-' && *c != '.')
            return false;
    /* Only digits and dots: a mistyped address, not a name. */
    return text[strspn(text, "0123456789.")] != 0;
}

static bool parse_host(char *text, grant_address *out)
{
    if (!strcmp(text, "*")) {
        out->host = GRANT_HOST_ANY;
        return true;
    }
    size_t len = strlen(text);
    char *slash = strchr(text, '/');
    if (slash)
        *slash++ = 0;
    out->host = GRANT_HOST_ADDRESS;
    out->prefix = 128;
    if (text[0] == '[') {
        len = strlen(text);
        if (text[len - 1] != ']')
            return false;
        text[len - 1] = 0;
        return inet_pton(AF_INET6, text + 1, out->address) == 1 &&
               (!slash || parse_prefix(slash, 128, &out->prefix));
    }
    if (inet_pton(AF_INET, text, out->address + 12) == 1) {
        memset(out->address + 10, 0xff, 2);
        return !slash || parse_prefix(slash, 32, &out->prefix);
    }
    out->host = GRANT_HOST_NAME;
    strcpy(out->name, text);
    return !slash && len && is_name(text);
}

bool grant_address_parse(const char *text, grant_address *out, const char **why)
{
    char host[GRANT_HOST];
    memset(out, 0, sizeof *out);
    *why = "an address is \"tcp:HOST:PORT\" or \"udp:HOST:PORT\"";
    if (!strncmp(text, "tcp:", 4))
        out->protocol = GRANT_TCP;
    else if (!strncmp(text, "udp:", 4))
        out->protocol = GRANT_UDP;
    else
        return false;
    text += 4;
    const char *colon = strrchr(text, ':');
    *why = "a port is 1-65535, LOW-HIGH or *";
    if (!parse_ports(colon ? colon + 1 : text, out))
        return false;
    *why = "a host is an IPv4 address, [IPv6], ADDRESS/PREFIX, a lower-case "
           "name, or *";
    if (!colon)
        return true; /* "tcp:8080": any host */
    size_t len = (size_t)(colon - text);
    if (!len || len >= sizeof host)
        return false;
    memcpy(host, text, len);
    host[len] = 0;
    return parse_host(host, out);
}

bool grant_address_matches(const grant_address *rule, grant_protocol protocol,
                           const uint8_t address[16], uint16_t port)
{
    if (rule->protocol != protocol || port < rule->low_port ||
        port > rule->high_port || rule->host == GRANT_HOST_NAME)
        return false;
    if (rule->host == GRANT_HOST_ANY)
        return true;
    uint32_t whole = rule->prefix / 8, rest = rule->prefix % 8;
    if (memcmp(rule->address, address, whole))
        return false;
    return !rest || !((rule->address[whole] ^ address[whole]) >> (8 - rest));
}
