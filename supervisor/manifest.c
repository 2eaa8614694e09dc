/*
 * manifest.c - what the keys of a manifest mean: one table row per key, in
 * the order of docs/capabilities.md.  toml.c has made the tree; the result is
 * a typed app_grant that no one needs to parse again.
 */
#include "supervisor/manifest.h"

#include "supervisor/toml.h"
#include "wasi/proto_process.h"
#include "wasi/wasi.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

typedef struct reading {
    const char *file;
    toml_doc doc;
    app_grant *grant;
    boot_plan *plan;
    manifest_error *error;
    manifest_open open_component;
    void *env;
    uint32_t hash_line, component_line;
} reading;

/* Applies one value; the type has been checked. */
typedef bool (*apply_fn)(reading *m, const toml_node *node);

enum { /* bits of toml_type, for keys that take several */
       T = 1 << TOML_TABLE,
       A = 1 << TOML_ARRAY,
       S = 1 << TOML_STRING,
       I = 1 << TOML_INTEGER,
       B = 1 << TOML_BOOLEAN,
};

typedef struct key_row {
    const char *key;
    uint32_t types;
    apply_fn apply;
    const char *valid; /* for messages about a wrong type */
} key_row;

static bool __attribute__((format(printf, 3, 4)))
fail(reading *m, uint32_t line, const char *fmt, ...)
{
    if (m->error->text[0])
        return false;
    int used = snprintf(m->error->text, sizeof m->error->text,
                        "%s:%u: ", m->file, line);
    va_list args;
    va_start(args, fmt);
    vsnprintf(m->error->text + used, sizeof m->error->text - (size_t)used, fmt,
              args);
    va_end(args);
    return false;
}

/* ---- tables of keys ------------------------------------------------ */

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Levenshtein's edit distance, one row at a time; long keys are far away. */
static size_t distance(const char *a, const char *b)
{
    size_t row[33], na = strlen(a), nb = strlen(b);
    if (na > 32 || nb > 32)
        return SIZE_MAX;
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t above = row[j];
            row[j] = min3(row[j] + 1, row[j - 1] + 1,
                          diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[nb];
}

static bool fail_unknown(reading *m, const toml_node *node, const key_row *rows,
                         const char *where)
{
    const char *best = NULL;
    size_t best_distance = 4;
    char valid[256] = "";
    for (; rows->key; rows++) {
        size_t d = distance(node->key, rows->key), used = strlen(valid);
        if (d < best_distance) {
            best = rows->key;
            best_distance = d;
        }
        snprintf(valid + used, sizeof valid - used, "%s%s", used ? ", " : "",
                 rows->key);
    }
    if (best)
        return fail(m, node->line, "unknown key '%s' in %s; did you mean '%s'?",
                    node->key, where, best);
    return fail(m, node->line, "unknown key '%s' in %s; valid are: %s",
                node->key, where, valid);
}

static bool apply_table(reading *m, const toml_node *table, const key_row *rows,
                        const char *where)
{
    for (const toml_node *node = toml_first(&m->doc, table); node;
         node = toml_next(&m->doc, node)) {
        const key_row *row = rows;
        while (row->key && strcmp(row->key, node->key))
            row++;
        if (!row->key)
            return fail_unknown(m, node, rows, where);
        if (!(row->types & 1u << node->type))
            return fail(m, node->line, "'%s' is %s, must be %s", node->key,
                        toml_type_name(node->type), row->valid);
        if (!row->apply(m, node))
            return false;
    }
    return true;
}

/* ---- values -------------------------------------------------------- */

static bool copy_string(reading *m, const toml_node *node, char *out,
                        size_t size)
{
    if (strlen(node->text) >= size)
        return fail(m, node->line, "'%s' is longer than %zu bytes",
                    node->key ? node->key : "value", size - 1);
    memset(out, 0, size);
    strcpy(out, node->text);
    return true;
}
#define COPY(m, node, array) copy_string(m, node, array, sizeof(array))

bool manifest_is_app_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return len && !name[len] && name[0] != '-' && len < GRANT_NAME;
}

static bool check_strings(reading *m, const toml_node *array)
{
    for (const toml_node *node = toml_first(&m->doc, array); node;
         node = toml_next(&m->doc, node))
        if (node->type != TOML_STRING)
            return fail(m, node->line, "'%s' holds %s, must hold strings only",
                        array->key, toml_type_name(node->type));
    return true;
}

/* "12", "32K", "64M", "1G" -> bytes; "10ms", "2s" -> the unit of the table. */
typedef struct unit {
    const char *suffix;
    uint64_t factor;
} unit;
static const unit sizes[] = {
    {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {NULL, 0}};
static const unit times_ns[] = {
    {"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {NULL, 0}};

static bool read_quantity(const char *text, const unit *units, uint64_t *out)
{
    if (text[0] < '0' || text[0] > '9')
        return false;
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    for (; units->suffix && !errno; units++)
        if (!strcmp(end, units->suffix))
            return !__builtin_mul_overflow(value, units->factor, out);
    return false;
}

static bool integer_in(reading *m, const toml_node *node, int64_t low,
                       int64_t high, uint64_t *out)
{
    if (node->integer < low || node->integer > high)
        return fail(m, node->line, "'%s' is %lld, must be %lld to %lld",
                    node->key, (long long)node->integer, (long long)low,
                    (long long)high);
    *out = (uint64_t)node->integer;
    return true;
}

static bool size_value(reading *m, const toml_node *node, uint64_t low,
                       uint64_t *out)
{
    if (!read_quantity(node->text, sizes, out))
        return fail(m, node->line,
                    "'%s' is \"%s\", must be a size such as \"512K\", "
                    "\"32M\" or \"1G\"",
                    node->key, node->text);
    if (*out < low)
        return fail(m, node->line, "'%s' must be at least %lluK", node->key,
                    (unsigned long long)low >> 10);
    return true;
}

/* Index of the string in a NULL-ended list, or fails naming the list. */
static bool one_of(reading *m, const toml_node *node, const char *const *list,
                   uint32_t *out)
{
    char valid[160] = "";
    for (uint32_t i = 0; list[i]; i++) {
        if (!strcmp(node->text, list[i])) {
            *out = i;
            return true;
        }
        size_t used = strlen(valid);
        snprintf(valid + used, sizeof valid - used, "%s\"%s\"",
                 used ? ", " : "", list[i]);
    }
    return fail(m, node->line, "\"%s\" is not valid; valid are: %s", node->text,
                valid);
}

/* ---- keys at the top ----------------------------------------------- */

static bool apply_name(reading *m, const toml_node *node)
{
    if (strcmp(node->text, m->grant->name))
        return fail(m, node->line,
                    "name is \"%s\", must equal the file's name: \"%s\"",
                    node->text, m->grant->name);
    return true;
}

static bool apply_title(reading *m, const toml_node *node)
{
    return COPY(m, node, m->grant->title);
}

static bool read_color(reading *m, const toml_node *node, uint32_t *out)
{
    const char *text = node->text;
    if (text[0] != '#' || strspn(text + 1, "0123456789abcdefABCDEF") != 6 ||
        text[7])
        return fail(m, node->line,
                    "'%s' is \"%s\", must be a colour: \"#rrggbb\"", node->key,
                    text);
    *out = (uint32_t)strtoul(text + 1, NULL, 16);
    return true;
}

static bool apply_glyph(reading *m, const toml_node *node)
{
    return COPY(m, node, m->grant->glyph);
}
static bool apply_color(reading *m, const toml_node *node)
{
    return read_color(m, node, &m->grant->color);
}
static bool apply_accent(reading *m, const toml_node *node)
{
    return read_color(m, node, &m->grant->accent);
}

static const key_row icon_keys[] = {
    {"glyph", S, apply_glyph, "a string"},
    {"color", S, apply_color, "a colour: \"#rrggbb\""},
    {"accent", S, apply_accent, "a colour: \"#rrggbb\""},
    {0},
};

static bool apply_icon(reading *m, const toml_node *node)
{
    return apply_table(m, node, icon_keys, "icon");
}

static bool apply_component(reading *m, const toml_node *node)
{
    const char *prefix = node->text[0] == '/' ? "" : "/system/apps/";
    m->component_line = node->line;
    if (!node->text[0] || strstr(node->text, ".."))
        return fail(m, node->line,
                    "component must be a file in /system/apps or an absolute "
                    "path without '..'");
    int len = snprintf(m->grant->component, sizeof m->grant->component, "%s%s",
                       prefix, node->text);
    return (size_t)len < sizeof m->grant->component ||
           fail(m, node->line, "component is longer than %d bytes",
                GRANT_PATH - 1);
}

static bool apply_args(reading *m, const toml_node *array)
{
    if (!check_strings(m, array))
        return false;
    for (const toml_node *node = toml_first(&m->doc, array); node;
         node = toml_next(&m->doc, node))
        if (!grant_strings_add(&m->grant->args, node->text))
            return fail(m, node->line,
                        "args are more than %d or longer than %d bytes",
                        GRANT_STRINGS, GRANT_BLOB - 1);
    return true;
}

static bool apply_hash(reading *m, const toml_node *node)
{
    if (strspn(node->text, "0123456789abcdef") != 16 || node->text[16])
        return fail(m, node->line,
                    "xxh64 must be 16 lower-case hexadecimal digits, as "
                    "printed by xxhsum -H1");
    m->grant->xxh64 = strtoull(node->text, NULL, 16);
    m->grant->has_hash = 1;
    m->hash_line = node->line;
    return true;
}

static bool apply_visible(reading *m, const toml_node *node)
{
    m->grant->visible = (uint32_t)node->integer;
    return true;
}

/* ---- [capabilities] ------------------------------------------------ */

static void grant_bit(reading *m, const toml_node *node, uint32_t bit, bool on)
{
    if (on)
        m->grant->capabilities |= bit;
    m->grant->lines[__builtin_ctz(bit)] = node->line;
}

/* Keys that are plain switches: name and bit. */
#define SWITCH(name, bit)                                                      \
    static bool apply_##name(reading *m, const toml_node *node)                \
    {                                                                          \
        grant_bit(m, node, bit, node->integer);                                \
        return true;                                                           \
    }
SWITCH(display, WASI_CAP_DISPLAY)
SWITCH(shell, WASI_CAP_SHELL)
SWITCH(random, WASI_CAP_RANDOM)
SWITCH(http, WASI_CAP_HTTP)
SWITCH(keyvalue, WASI_CAP_KEYVALUE)

static bool apply_stdio(reading *m, const toml_node *node)
{
    static const char *const values[] = {"log", "console", "none", NULL};
    if (!one_of(m, node, values, &m->grant->stdio))
        return false;
    m->grant->capabilities &= ~(uint32_t)WASI_CAP_STDIO;
    grant_bit(m, node, WASI_CAP_STDIO, m->grant->stdio != GRANT_STDIO_NONE);
    return true;
}

static bool apply_clocks(reading *m, const toml_node *node)
{
    bool on = node->type == TOML_STRING || node->integer;
    if (node->type == TOML_STRING &&
        !read_quantity(node->text, times_ns, &m->grant->clock_resolution_ns))
        return fail(m, node->line,
                    "clocks is \"%s\", must be true, false or the coarsest "
                    "step such as \"10ms\"",
                    node->text);
    grant_bit(m, node, WASI_CAP_CLOCKS, on);
    return true;
}

static bool apply_environment(reading *m, const toml_node *table)
{
    char pair[GRANT_BLOB];
    for (const toml_node *node = toml_first(&m->doc, table); node;
         node = toml_next(&m->doc, node)) {
        if (node->type != TOML_STRING)
            return fail(m, node->line, "'%s' is %s, must be a string",
                        node->key, toml_type_name(node->type));
        int len = snprintf(pair, sizeof pair, "%s=%s", node->key, node->text);
        if ((size_t)len >= sizeof pair ||
            !grant_strings_add(&m->grant->environment, pair))
            return fail(m, node->line,
                        "environment has more than %d values or %d bytes",
                        GRANT_STRINGS, GRANT_BLOB - 1);
    }
    grant_bit(m, table, WASI_CAP_ENVIRONMENT, true);
    return true;
}

static grant_folder *last_folder(reading *m)
{
    return &m->grant->folders[m->grant->nfolders - 1];
}

static bool is_below(const char *path, const char *top)
{
    size_t len = strlen(top);
    return !strncmp(path, top, len) && (path[len] == '/' || !path[len]);
}

static bool check_path(reading *m, const toml_node *node)
{
    const char *p = node->text;
    size_t len = strlen(p);
    if (p[0] == '/' && !strstr(p, "//") && !strstr(p, "/../") &&
        !strstr(p, "/./") && (len < 3 || strcmp(p + len - 3, "/..")) &&
        (len < 2 || strcmp(p + len - 2, "/.")))
        return true;
    return fail(m, node->line,
                "'%s' is \"%s\", must be an absolute path without '.' and "
                "'..'",
                node->key, p);
}

static bool apply_host(reading *m, const toml_node *node)
{
    if (!check_path(m, node))
        return false;
    if (!is_below(node->text, "/data") && !is_below(node->text, "/system"))
        return fail(m, node->line,
                    "host is \"%s\", must be below /data or /system",
                    node->text);
    return COPY(m, node, last_folder(m)->host);
}
static bool apply_guest(reading *m, const toml_node *node)
{
    return check_path(m, node) && COPY(m, node, last_folder(m)->guest);
}
static bool apply_write(reading *m, const toml_node *node)
{
    last_folder(m)->writable = (uint32_t)node->integer;
    return true;
}

static const key_row folder_keys[] = {
    {"host", S, apply_host, "a path below /data or /system"},
    {"guest", S, apply_guest, "an absolute path"},
    {"write", B, apply_write, "true or false"},
    {0},
};

static bool apply_folder(reading *m, const toml_node *node)
{
    if (node->type != TOML_TABLE)
        return fail(m, node->line,
                    "filesystem holds %s, must hold { host = \"...\", guest = "
                    "\"...\", write = ... }",
                    toml_type_name(node->type));
    if (m->grant->nfolders == GRANT_FOLDERS)
        return fail(m, node->line, "filesystem has more than %d folders",
                    GRANT_FOLDERS);
    m->grant->nfolders++;
    if (!apply_table(m, node, folder_keys, "filesystem"))
        return false;
    grant_folder *folder = last_folder(m);
    if (!folder->host[0])
        return fail(m, node->line, "a folder needs 'host'");
    if (!folder->guest[0]) /* the same path, when that is short enough */
        snprintf(folder->guest, sizeof folder->guest, "%.*s",
                 GRANT_GUEST_PATH - 1, folder->host);
    if (folder->writable && is_below(folder->host, "/system"))
        return fail(m, node->line, "/system is read only; write must be false");
    return true;
}

static bool apply_filesystem(reading *m, const toml_node *array)
{
    for (const toml_node *node = toml_first(&m->doc, array); node;
         node = toml_next(&m->doc, node))
        if (!apply_folder(m, node))
            return false;
    grant_bit(m, array, WASI_CAP_FILESYSTEM, m->grant->nfolders > 0);
    return true;
}

static bool read_addresses(reading *m, const toml_node *array,
                           grant_address *out, uint32_t *count)
{
    if (!check_strings(m, array))
        return false;
    for (const toml_node *node = toml_first(&m->doc, array); node;
         node = toml_next(&m->doc, node)) {
        const char *why;
        if (*count == GRANT_ADDRESSES)
            return fail(m, node->line, "'%s' has more than %d addresses",
                        array->key, GRANT_ADDRESSES);
        if (!grant_address_parse(node->text, &out[(*count)++], &why))
            return fail(m, node->line, "\"%s\" in '%s': %s", node->text,
                        array->key, why);
    }
    return true;
}

static bool apply_listen(reading *m, const toml_node *array)
{
    grant_network *net = &m->grant->network;
    if (!read_addresses(m, array, net->listen, &net->nlisten))
        return false;
    for (uint32_t i = 0; i < net->nlisten; i++)
        if (net->listen[i].host == GRANT_HOST_NAME)
            return fail(m, array->line,
                        "listen takes addresses, not the name '%s'",
                        net->listen[i].name);
    return true;
}
static bool apply_connect(reading *m, const toml_node *array)
{
    grant_network *net = &m->grant->network;
    return read_addresses(m, array, net->connect, &net->nconnect);
}
static bool apply_resolve(reading *m, const toml_node *node)
{
    m->grant->network.resolve = (uint32_t)node->integer;
    return true;
}

static const key_row network_keys[] = {
    {"listen", A, apply_listen, "an array such as [\"tcp:8080\"]"},
    {"connect", A, apply_connect, "an array such as [\"tcp:10.0.2.2:80\"]"},
    {"resolve", B, apply_resolve, "true or false"},
    {0},
};

static bool apply_network(reading *m, const toml_node *node)
{
    grant_bit(m, node, WASI_CAP_NETWORK, true);
    return apply_table(m, node, network_keys, "network");
}

static bool read_topics(reading *m, const toml_node *array, grant_topics *out)
{
    if (!check_strings(m, array))
        return false;
    for (const toml_node *node = toml_first(&m->doc, array); node;
         node = toml_next(&m->doc, node)) {
        if (out->count == GRANT_TOPICS)
            return fail(m, node->line, "'%s' has more than %d names",
                        array->key, GRANT_TOPICS);
        if (!node->text[0] || !COPY(m, node, out->name[out->count]))
            return fail(m, node->line, "a name in '%s' is empty", array->key);
        out->count++;
    }
    return true;
}

static bool apply_peers(reading *m, const toml_node *node)
{
    return read_topics(m, node, &m->grant->ipc.peers);
}
static bool apply_provide(reading *m, const toml_node *node)
{
    return read_topics(m, node, &m->grant->ipc.provide);
}
static bool apply_subscribe(reading *m, const toml_node *node)
{
    return read_topics(m, node, &m->grant->ipc.subscribe);
}

static const key_row ipc_keys[] = {
    {"peers", A, apply_peers, "an array of app names"},
    {"provide", A, apply_provide, "an array of topics"},
    {"subscribe", A, apply_subscribe, "an array of topics"},
    {0},
};

static bool apply_ipc(reading *m, const toml_node *node)
{
    grant_bit(m, node, WASI_CAP_IPC, true);
    return apply_table(m, node, ipc_keys, "ipc");
}

static bool apply_process(reading *m, const toml_node *array)
{
    static const char *const verbs[] = {
        [PROC_VERB_LIST] = "list",   [PROC_VERB_LAUNCH] = "launch",
        [PROC_VERB_KILL] = "kill",   [PROC_VERB_LOG] = "log",
        [PROC_VERB_POWER] = "power", [PROC_VERB_COUNT] = NULL,
    };
    if (!check_strings(m, array))
        return false;
    for (const toml_node *node = toml_first(&m->doc, array); node;
         node = toml_next(&m->doc, node)) {
        uint32_t verb;
        if (!one_of(m, node, verbs, &verb))
            return false;
        m->grant->verbs |= 1u << verb;
    }
    grant_bit(m, array, WASI_CAP_PROCESS, m->grant->verbs != 0);
    return true;
}

static const key_row capability_keys[] = {
    {"display", B, apply_display, "true or false"},
    {"shell", B, apply_shell, "true or false"},
    {"stdio", S, apply_stdio, "\"log\", \"console\" or \"none\""},
    {"clocks", B | S, apply_clocks, "true, false or a step such as \"10ms\""},
    {"random", B, apply_random, "true or false"},
    {"environment", T, apply_environment, "a table of strings"},
    {"filesystem", A, apply_filesystem, "an array of { host, guest, write }"},
    {"network", T, apply_network, "a table { listen, connect, resolve }"},
    {"ipc", T, apply_ipc, "a table { peers, provide, subscribe }"},
    {"process", A, apply_process, "an array of verbs such as [\"list\"]"},
    {"http", B, apply_http, "true or false"},
    {"keyvalue", B, apply_keyvalue, "true or false"},
    {0},
};

static bool apply_capabilities(reading *m, const toml_node *node)
{
    for (uint32_t i = 0; i < GRANT_CAPABILITIES; i++)
        m->grant->lines[i] = node->line;
    return apply_table(m, node, capability_keys, "[capabilities]");
}

/* ---- [limits] and [restart] ---------------------------------------- */

static bool apply_memory(reading *m, const toml_node *node)
{
    return size_value(m, node, 256 << 10, &m->grant->memory);
}
static bool apply_stack(reading *m, const toml_node *node)
{
    if (!size_value(m, node, 16 << 10, &m->grant->stack))
        return false;
    return m->grant->stack <= 1 << 30 ||
           fail(m, node->line, "stack is \"%s\", must be at most 1G",
                node->text);
}
static bool apply_fuel(reading *m, const toml_node *node)
{
    return integer_in(m, node, 1, INT64_MAX, &m->grant->fuel);
}

static bool apply_time(reading *m, const toml_node *node)
{
    if (!read_quantity(node->text, times_ns, &m->grant->time_ns) ||
        m->grant->time_ns < 1000000)
        return fail(m, node->line,
                    "time is \"%s\", must be a duration from \"1ms\" on",
                    node->text);
    return true;
}

#define LIMIT32(name, field, low, high)                                        \
    static bool apply_##name(reading *m, const toml_node *node)                \
    {                                                                          \
        uint64_t value;                                                        \
        if (!integer_in(m, node, low, high, &value))                           \
            return false;                                                      \
        m->grant->field = (uint32_t)value;                                     \
        return true;                                                           \
    }
LIMIT32(cpu, cpu_percent, 1, 1000)
LIMIT32(table_elements, table_elements, 1, UINT32_MAX)
LIMIT32(instances, instances, 1, 1000000)
LIMIT32(descriptors, descriptors, 16, 4096)
LIMIT32(attempts, attempts, 0, 1000000)

static const key_row limit_keys[] = {
    {"memory", S, apply_memory, "a size such as \"32M\""},
    {"stack", S, apply_stack, "a size such as \"1M\""},
    {"fuel", I, apply_fuel, "an integer"},
    {"time", S, apply_time, "a duration such as \"10s\""},
    {"cpu", I, apply_cpu, "percent of one processor"},
    {"table-elements", I, apply_table_elements, "an integer"},
    {"instances", I, apply_instances, "an integer"},
    {"descriptors", I, apply_descriptors, "an integer"},
    {0},
};

static bool apply_limits(reading *m, const toml_node *node)
{
    return apply_table(m, node, limit_keys, "[limits]");
}

static bool apply_policy(reading *m, const toml_node *node)
{
    static const char *const policies[] = {"never", "on-failure", "always",
                                           NULL};
    return one_of(m, node, policies, &m->grant->restart);
}

static bool apply_backoff(reading *m, const toml_node *node)
{
    uint64_t ns;
    if (!read_quantity(node->text, times_ns, &ns) || ns < 10000000 ||
        ns > 3600000000000)
        return fail(m, node->line,
                    "backoff is \"%s\", must be \"10ms\" to \"3600s\"",
                    node->text);
    m->grant->backoff_ms = (uint32_t)(ns / 1000000);
    return true;
}

static const key_row restart_keys[] = {
    {"policy", S, apply_policy, "\"never\", \"on-failure\" or \"always\""},
    {"backoff", S, apply_backoff, "a duration such as \"500ms\""},
    {"attempts", I, apply_attempts, "an integer"},
    {0},
};

static bool apply_restart(reading *m, const toml_node *node)
{
    return apply_table(m, node, restart_keys, "[restart]");
}

static const key_row manifest_keys[] = {
    {"name", S, apply_name, "a string"},
    {"title", S, apply_title, "a string"},
    {"icon", T, apply_icon, "a table { glyph, color, accent }"},
    {"component", S, apply_component, "a string"},
    {"args", A, apply_args, "an array of strings"},
    {"xxh64", S, apply_hash, "a string of 16 hexadecimal digits"},
    {"visible", B, apply_visible, "true or false"},
    {"capabilities", T, apply_capabilities, "a table"},
    {"limits", T, apply_limits, "a table"},
    {"restart", T, apply_restart, "a table"},
    {0},
};

/* ---- the component's bytes ----------------------------------------- */

static bool hash_file(int fd, uint64_t *out)
{
    static char chunk[65536];
    XXH64_state_t *state = XXH64_createState();
    ssize_t got;
    if (!state)
        return false;
    XXH64_reset(state, 0);
    while ((got = read(fd, chunk, sizeof chunk)) > 0)
        XXH64_update(state, chunk, (size_t)got);
    *out = XXH64_digest(state);
    XXH64_freeState(state);
    return got == 0;
}

static bool check_component(reading *m)
{
    if (!m->open_component)
        return true;
    const app_grant *grant = m->grant;
    int fd = m->open_component(m->env, grant->component);
    if (fd < 0 && errno == ENOTSUP)
        return true;
    if (fd < 0)
        return fail(m, m->component_line, "component %s: %s", grant->component,
                    strerror(errno));
    bool ok = true;
    uint64_t hash;
    if (grant->has_hash && !hash_file(fd, &hash))
        ok = fail(m, m->hash_line, "component %s: cannot be read: %s",
                  grant->component, strerror(errno));
    else if (grant->has_hash && hash != grant->xxh64)
        ok = fail(m, m->hash_line,
                  "component %s has xxh64 %016llx, the manifest says %016llx",
                  grant->component, (unsigned long long)hash,
                  (unsigned long long)grant->xxh64);
    close(fd);
    return ok;
}

/* ---- whole files --------------------------------------------------- */

static bool start(reading *m, const char *file, const char *text, size_t len,
                  manifest_error *error)
{
    m->file = file;
    m->error = error;
    error->text[0] = 0;
    return toml_parse(&m->doc, text, len) ||
           fail(m, m->doc.error_line, "%s", m->doc.error);
}

static uint32_t last_line(const char *text, size_t len)
{
    uint32_t line = 1;
    for (size_t i = 0; i + 1 < len; i++)
        line += text[i] == '\n';
    return line;
}

/* The file's own name without folders and ".toml". */
static bool stem_of(const char *file, char out[GRANT_NAME])
{
    const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file;
    size_t len = strlen(base);
    if (len > 5 && !strcmp(base + len - 5, ".toml"))
        len -= 5;
    if (len >= GRANT_NAME)
        return false;
    memcpy(out, base, len);
    out[len] = 0;
    return manifest_is_app_name(out);
}

bool manifest_parse(const char *file, const char *text, size_t len,
                    manifest_open open_component, void *env, app_grant *grant,
                    manifest_error *error)
{
    static reading m;
    char name[GRANT_NAME];
    memset(&m, 0, sizeof m);
    m.grant = grant;
    m.open_component = open_component;
    m.env = env;
    if (!start(&m, file, text, len, error))
        return false;
    if (!stem_of(file, name))
        return fail(&m, 1,
                    "the file's name must be NAME.toml, NAME of a-z, "
                    "0-9 and -, at most 31 characters");
    grant_init(grant, name, file);
    grant->capabilities = WASI_CAP_STDIO;
    snprintf(grant->component, sizeof grant->component, "/system/apps/%s.wasm",
             name);
    m.component_line = 1;
    for (uint32_t i = 0; i < GRANT_CAPABILITIES; i++)
        grant->lines[i] = last_line(text, len);
    const toml_node *root = &m.doc.nodes[0];
    if (!apply_table(&m, root, manifest_keys, "the manifest"))
        return false;
    if (!toml_get(&m.doc, root, "name"))
        return fail(&m, 1, "'name' is missing; add name = \"%s\"", name);
    return check_component(&m);
}

static bool apply_boot_apps(reading *m, const toml_node *array)
{
    if (!check_strings(m, array))
        return false;
    for (const toml_node *node = toml_first(&m->doc, array); node;
         node = toml_next(&m->doc, node)) {
        if (!manifest_is_app_name(node->text))
            return fail(m, node->line, "\"%s\" is not an app's name",
                        node->text);
        if (m->plan->napps == GRANT_BOOT_APPS)
            return fail(m, node->line, "more than %d apps", GRANT_BOOT_APPS);
        strcpy(m->plan->apps[m->plan->napps++], node->text);
    }
    return true;
}

static const key_row boot_keys[] = {
    {"apps", A, apply_boot_apps, "an array of app names"},
    {0},
};

bool manifest_parse_boot(const char *file, const char *text, size_t len,
                         boot_plan *plan, manifest_error *error)
{
    static reading m;
    memset(&m, 0, sizeof m);
    m.plan = plan;
    return start(&m, file, text, len, error) &&
           apply_table(&m, &m.doc.nodes[0], boot_keys, "the boot list");
}
