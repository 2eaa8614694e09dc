/*
 * run_options.c - the options of `vyoma run` and `vyoma serve`: one table for
 * the long options, one for each of the groups -W and -S.
 */
#include "supervisor/run_options.h"

#include "wasi/http.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

typedef run_option option;

bool run_options_complain(const run_options *options, const char *what,
                          const char *value, const char *valid)
{
    fprintf(stderr, "vyoma %s: %s '%s'; valid: %s\n", options->command, what,
            value, valid);
    return false;
}

#define complain run_options_complain

/* An array with room for one more.  Ends the program when there is none. */
static void *grow(void *array, size_t count, size_t size)
{
    void *more = reallocarray(array, count + 1, size);
    if (!more) {
        fputs("vyoma: out of memory\n", stderr);
        exit(1);
    }
    return more;
}

static void push(run_list *list, const char *item)
{
    list->items = grow(list->items, list->count, sizeof *list->items);
    list->items[list->count++] = item;
}

/* ---- numbers ----------------------------------------------------------- */

static bool parse_scaled(const char *text, const char *const *units,
                         const uint64_t *scales, uint64_t *out)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    uint64_t value = strtoull(text, &end, 0);
    if (errno)
        return false;
    for (size_t i = 0; units[i]; i++)
        if (!strcmp(end, units[i]))
            return !__builtin_mul_overflow(value, scales[i], out);
    return false;
}

bool run_parse_size(const char *text, uint64_t *out)
{
    static const char *const units[] = {"",    "K",   "M",   "G",
                                        "KiB", "MiB", "GiB", NULL};
    static const uint64_t scales[] = {1,       1 << 10, 1 << 20, 1 << 30,
                                      1 << 10, 1 << 20, 1 << 30};
    return parse_scaled(text, units, scales, out);
}

bool run_parse_duration(const char *text, uint64_t *ns)
{
    static const char *const units[] = {"s", "ms", "us", "ns",
                                        "m", "h",  "",   NULL};
    static const uint64_t scales[] = {1000000000,  1000000,       1000,      1,
                                      60000000000, 3600000000000, 1000000000};
    return parse_scaled(text, units, scales, ns);
}

static bool parse_switch(const run_options *options, const char *name,
                         const char *value, bool *out)
{
    static const char *const words[] = {"n", "no", "false", "y", "yes", "true"};
    if (!value) {
        *out = true;
        return true;
    }
    for (int i = 0; i < 6; i++)
        if (!strcmp(value, words[i])) {
            *out = i >= 3;
            return true;
        }
    return complain(options, name, value, "y, n");
}

/* ---- -W: WebAssembly --------------------------------------------------- */

static bool set_size(run_options *options, const char *what, const char *value,
                     uint64_t *out)
{
    if (value && run_parse_size(value, out) && *out)
        return true;
    return complain(options, what, value ? value : "",
                    "a positive number of bytes, such as 65536 or 64M");
}

static bool set_count(run_options *options, const char *what, const char *value,
                      uint64_t max, uint64_t *out)
{
    if (value && run_parse_size(value, out) && *out && *out <= max)
        return true;
    return complain(options, what, value ? value : "", "a positive number");
}

static bool w_memory(run_options *options, const char *value)
{
    return set_size(options, "-W max-memory-size", value,
                    &options->limits.memory_bytes);
}

static bool w_tables(run_options *options, const char *value)
{
    return set_count(options, "-W max-table-elements", value, UINT32_MAX,
                     &options->limits.table_elements);
}

static bool w_instances(run_options *options, const char *value)
{
    uint64_t n;
    if (!set_count(options, "-W max-instances", value, UINT32_MAX, &n))
        return false;
    options->limits.instances = (uint32_t)n;
    return true;
}

static bool w_stack(run_options *options, const char *value)
{
    uint64_t n;
    if (!set_size(options, "-W max-wasm-stack", value, &n) || n > UINT32_MAX)
        return false;
    options->limits.stack_bytes = (uint32_t)n;
    return true;
}

static bool w_fuel(run_options *options, const char *value)
{
    return set_count(options, "-W fuel", value, UINT64_MAX, &options->fuel);
}

static bool w_timeout(run_options *options, const char *value)
{
    if (value && run_parse_duration(value, &options->timeout_ns) &&
        options->timeout_ns)
        return true;
    return complain(options, "-W timeout", value ? value : "",
                    "a duration such as 2s, 150ms or 1m");
}

static bool w_deterministic(run_options *options, const char *value)
{
    return parse_switch(options, "-W deterministic", value,
                        &options->deterministic);
}

/* Every proposal that the engine has is always on. */
static bool w_always_on(run_options *options, const char *value)
{
    bool on;
    if (!parse_switch(options, "-W", value, &on))
        return false;
    return on ||
           complain(options, "cannot turn off the feature with", value, "y");
}

static const option w_options[] = {
    {"max-memory-size", "BYTES", w_memory, "all linear memories together"},
    {"max-table-elements", "N", w_tables, "elements of each table"},
    {"max-instances", "N", w_instances, "core instances"},
    {"max-wasm-stack", "BYTES", w_stack, "the guest's call stack"},
    {"fuel", "N", w_fuel, "units of work before it is stopped"},
    {"timeout", "DURATION", w_timeout, "wall time before it is stopped"},
    {"deterministic", NULL, w_deterministic,
     "canonical NaNs and deterministic relaxed SIMD"},
    {"nan-canonicalization", NULL, w_deterministic, "the same"},
    {"relaxed-simd-deterministic", NULL, w_deterministic, "the same"},
    {"all-proposals", NULL, w_always_on, "accepted: they are always on"},
    {"gc", NULL, w_always_on, NULL},
    {"exceptions", NULL, w_always_on, NULL},
    {"function-references", NULL, w_always_on, NULL},
    {"tail-call", NULL, w_always_on, NULL},
    {"memory64", NULL, w_always_on, NULL},
    {"multi-memory", NULL, w_always_on, NULL},
    {"multi-value", NULL, w_always_on, NULL},
    {"reference-types", NULL, w_always_on, NULL},
    {"bulk-memory", NULL, w_always_on, NULL},
    {"simd", NULL, w_always_on, NULL},
    {"relaxed-simd", NULL, w_always_on, NULL},
    {"extended-const", NULL, w_always_on, NULL},
    {"component-model", NULL, w_always_on, NULL},
    {"component-model-async", NULL, w_always_on, NULL},
    {"wide-arithmetic", NULL, w_always_on, NULL},
    {"custom-page-sizes", NULL, w_always_on, NULL},
    {"threads", NULL, w_always_on, NULL},
    {0},
};

/* ---- -S: system interfaces --------------------------------------------- */

static bool s_inherit_network(run_options *options, const char *value)
{
    return parse_switch(options, "-S inherit-network", value,
                        &options->inherit_network);
}

static bool s_lookup(run_options *options, const char *value)
{
    return parse_switch(options, "-S allow-ip-name-lookup", value,
                        &options->lookup);
}

static bool s_inherit_env(run_options *options, const char *value)
{
    return parse_switch(options, "-S inherit-env", value,
                        &options->inherit_env);
}

static bool s_tcp(run_options *options, const char *value)
{
    bool on;
    if (!parse_switch(options, "-S tcp", value, &on))
        return false;
    options->no_tcp = !on;
    return true;
}

static bool s_udp(run_options *options, const char *value)
{
    bool on;
    if (!parse_switch(options, "-S udp", value, &on))
        return false;
    options->no_udp = !on;
    return true;
}

static bool s_http(run_options *options, const char *value)
{
    return parse_switch(options, "-S http", value, &options->http);
}

static bool s_keyvalue(run_options *options, const char *value)
{
    return parse_switch(options, "-S keyvalue", value, &options->keyvalue);
}

static bool s_config_var(run_options *options, const char *value)
{
    char *copy = value && strchr(value, '=') ? strdup(value) : NULL;
    if (!copy)
        return complain(options, "-S config-var", value ? value : "",
                        "NAME=VALUE");
    push(&options->settings, copy);
    return true;
}

static bool s_accepted(run_options *options, const char *value)
{
    bool on;
    return parse_switch(options, "-S", value, &on);
}

static const option s_options[] = {
    {"inherit-network", NULL, s_inherit_network,
     "TCP and UDP to and from anywhere"},
    {"allow-ip-name-lookup", NULL, s_lookup, "look host names up"},
    {"tcp", NULL, s_tcp, "=n takes TCP away again"},
    {"udp", NULL, s_udp, "=n takes UDP away again"},
    {"inherit-env", NULL, s_inherit_env, "pass the whole environment on"},
    {"http", NULL, s_http, "HTTP requests to anywhere"},
    {"config-var", "NAME=VALUE", s_config_var, "a value of wasi:config"},
    {"keyvalue", NULL, s_keyvalue, "wasi:keyvalue, in memory"},
    {"config", NULL, s_accepted, NULL},
    {"cli", NULL, s_accepted, "accepted: it is always there"},
    {"common", NULL, s_accepted, NULL},
    {"preview2", NULL, s_accepted, NULL},
    {"p3", NULL, s_accepted, NULL},
    {"network-error-code", NULL, s_accepted, NULL},
    {"cli-exit-with-code", NULL, s_accepted, NULL},
    {0},
};

/* ---- -D: debugging ------------------------------------------------------- */

static bool d_coredump(run_options *options, const char *value)
{
    if (!value || !*value)
        return complain(options, "-D coredump", "", "FILE");
    free(options->coredump);
    options->coredump = strdup(value);
    return options->coredump != NULL;
}

static bool d_accepted(run_options *options, const char *value)
{
    bool on;
    return parse_switch(options, "-D", value, &on);
}

static const option d_options[] = {
    {"coredump", "FILE", d_coredump, "write a core dump after a trap"},
    {"debug-info", NULL, d_accepted, "accepted: it is always read"},
    {"address-map", NULL, d_accepted, NULL},
    {0},
};

/* ---- long options ------------------------------------------------------ */

static bool add_dir(run_options *options, const char *value, bool writable)
{
    const char *sep = strstr(value, "::");
    char *host = sep ? strndup(value, (size_t)(sep - value)) : strdup(value);
    const char *guest = sep ? sep + 2 : value;
    int fd = host ? open(host, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0) {
        fprintf(stderr, "vyoma %s: --dir %s: %s: %s\n", options->command, value,
                host ? host : "", strerror(errno));
        free(host);
        return false;
    }
    free(host);
    options->preopens =
        grow(options->preopens, options->npreopens, sizeof *options->preopens);
    options->preopens[options->npreopens++] = (wasi_preopen){
        .fd = fd, .guest_path = *guest ? guest : "/", .writable = writable};
    return true;
}

static bool o_dir(run_options *options, const char *value)
{
    return add_dir(options, value, true);
}

static bool o_dir_ro(run_options *options, const char *value)
{
    return add_dir(options, value, false);
}

/* NAME alone passes the host's value on, if it has one. */
static bool o_env(run_options *options, const char *value)
{
    size_t len = strcspn(value, "=");
    if (!len)
        return complain(options, "--env", value, "NAME=VALUE or NAME");
    if (value[len]) {
        push(&options->env, value);
        return true;
    }
    for (char **entry = environ; *entry; entry++)
        if (!strncmp(*entry, value, len) && (*entry)[len] == '=')
            push(&options->env, *entry);
    return true;
}

static bool o_invoke(run_options *options, const char *value)
{
    options->invoke = value;
    return true;
}

static bool o_argv0(run_options *options, const char *value)
{
    options->argv0 = value;
    return true;
}

static bool o_addr(run_options *options, const char *value)
{
    options->addr = value;
    return true;
}

static bool o_workers(run_options *options, const char *value)
{
    return set_count(options, "--workers", value, 1024, &options->workers);
}

static bool o_max_body(run_options *options, const char *value)
{
    return set_size(options, "--max-body", value, &options->max_body);
}

static bool o_max_head(run_options *options, const char *value)
{
    return set_count(options, "--max-header", value, HTTP_HEAD_MAX,
                     &options->max_head);
}

static bool set_duration(const run_options *options, const char *what,
                         const char *value, uint64_t *out)
{
    return (run_parse_duration(value, out) && *out) ||
           complain(options, what, value, "a duration such as 2s or 150ms");
}

static bool o_idle(run_options *options, const char *value)
{
    return set_duration(options, "--idle-timeout", value,
                        &options->idle_timeout_ns);
}

static bool o_header(run_options *options, const char *value)
{
    return set_duration(options, "--header-timeout", value,
                        &options->header_timeout_ns);
}

static bool o_body(run_options *options, const char *value)
{
    return set_duration(options, "--body-timeout", value,
                        &options->body_timeout_ns);
}

static bool o_tls_cert(run_options *options, const char *value)
{
    options->tls_cert = value;
    return true;
}

static bool o_tls_key(run_options *options, const char *value)
{
    options->tls_key = value;
    return true;
}

static bool o_ca(run_options *options, const char *value)
{
    if (!options->trust)
        options->trust = tls_trust_create();
    int error =
        options->trust ? tls_trust_add_file(options->trust, value) : ENOMEM;
    if (!error)
        return true;
    fprintf(stderr, "vyoma %s: --ca %s: %s\n", options->command, value,
            error == ENODATA ? "no certificate in PEM form in it"
                             : strerror(error));
    return false;
}

static bool o_link(run_options *options, const char *value)
{
    const char *equals = strchr(value, '=');
    if (!strcmp(options->command, "serve")) {
        fprintf(stderr, "vyoma serve: --link is for vyoma run: make one "
                        "component of both (wac plug) and serve that\n");
        return false;
    }
    if (!equals || equals == value || !equals[1])
        return complain(options, "--link", value, "IMPORT-NAME=FILE");
    char *name = strndup(value, (size_t)(equals - value));
    if (!name)
        return false;
    options->links =
        grow(options->links, options->nlinks, sizeof *options->links);
    options->links[options->nlinks++] = (run_link){name, equals + 1};
    return true;
}

static bool in_group(run_options *options, const char *group,
                     const option *table, const char *text)
{
    char *copy = strdup(text), *rest = copy, *item;
    bool ok = copy != NULL;
    while (ok && (item = strsep(&rest, ","))) {
        char *value = strchr(item, '=');
        if (value)
            *value++ = 0;
        const option *row = table;
        while (row->name && strcmp(row->name, item))
            row++;
        if (!row->name)
            fprintf(stderr, "vyoma %s: no option '%s' in %s; see --help\n",
                    options->command, item, group);
        ok = row->name && row->set(options, value);
    }
    free(copy);
    return ok;
}

static bool o_w(run_options *options, const char *value)
{
    return in_group(options, "-W", w_options, value);
}

static bool o_s(run_options *options, const char *value)
{
    return in_group(options, "-S", s_options, value);
}

static bool o_d(run_options *options, const char *value)
{
    return in_group(options, "-D", d_options, value);
}

static bool o_help(run_options *options, const char *value)
{
    options->help = true;
    return true;
}

static const option long_options[] = {
    {"--dir", "HOST[::GUEST]", o_dir, "grant a directory"},
    {"--dir-ro", "HOST[::GUEST]", o_dir_ro, "grant a directory, read-only"},
    {"--env", "NAME[=VALUE]", o_env, "set, or pass on, a variable"},
    {"--invoke", "CALL", o_invoke,
     "call this export: a name, or for components name(arguments)"},
    {"--link", "IMPORT=FILE", o_link,
     "run: satisfy an import from another component"},
    {"--ca", "FILE", o_ca,
     "believe these certificates as well as the machine's"},
    {"--argv0", "NAME", o_argv0, "the program's name as it sees it"},
    {"--addr", "HOST:PORT", o_addr, "serve: where to listen"},
    {"--workers", "N", o_workers, "serve: processes"},
    {"--max-body", "BYTES", o_max_body, "serve: largest request body (1G)"},
    {"--max-header", "BYTES", o_max_head,
     "serve: largest request head (64K, no more)"},
    {"--idle-timeout", "DURATION", o_idle,
     "serve: until a request begins (60s)"},
    {"--header-timeout", "DURATION", o_header,
     "serve: until its head is whole (15s)"},
    {"--body-timeout", "DURATION", o_body,
     "serve: until its body is, or the client reads on (60s)"},
    {"--tls-cert", "FILE", o_tls_cert,
     "serve: HTTPS, with this certificate and its chain"},
    {"--tls-key", "FILE", o_tls_key, "serve: its key, if not in that file"},
    {"-W", "KEY[=VALUE],...", o_w, NULL},
    {"-S", "KEY[=VALUE],...", o_s, NULL},
    {"-D", "KEY[=VALUE],...", o_d, NULL},
    {"--wasm", "KEY[=VALUE],...", o_w, NULL},
    {"--wasi", "KEY[=VALUE],...", o_s, NULL},
    {"--debug", "KEY[=VALUE],...", o_d, NULL},
    {"--help", NULL, o_help, "this text"},
    {"-h", NULL, o_help, NULL},
    {0},
};

static void print_group(const char *title, const option *table)
{
    printf("\n%s\n", title);
    for (const option *row = table; row->name; row++) {
        char left[48];
        if (!row->help)
            continue;
        snprintf(left, sizeof left, "%s%s%s", row->name,
                 !row->argument        ? ""
                 : row->name[0] == '-' ? " "
                                       : "=",
                 row->argument ? row->argument : "");
        printf("  %-28s %s\n", left, row->help);
    }
}

static const char run_text[] =
    "Runs a WebAssembly component or module (WASI 0.2, 0.3 or preview 1).\n"
    "Without options it gets standard streams, clocks and randomness,\n"
    "but no directory, no network and no environment.\n"
    "Its exit status is the program's; 134 after a trap.\n";
static const char serve_text[] =
    "Answers HTTP requests by a component that exports\n"
    "wasi:http/handler (0.3) or wasi:http/incoming-handler (0.2); each "
    "request\n"
    "gets a fresh instance.\n";

static void print_help(const run_options *options, const run_command *command)
{
    bool serves = !strcmp(options->command, "serve");
    printf("usage: vyoma %s [OPTIONS] FILE%s\n\n%s", options->command,
           serves ? " [OPTIONS]" : " [ARGS...]", command->text);
    if (command->more)
        print_group("options of its own:", command->more);
    print_group("options:", long_options);
    print_group("-W KEY[=VALUE],...  WebAssembly:", w_options);
    print_group("-S KEY[=VALUE],...  system interfaces:", s_options);
    if (!serves)
        print_group("-D KEY[=VALUE],...  debugging:", d_options);
}

/* ---- parsing ----------------------------------------------------------- */

typedef enum parsed { PARSED, PARSED_WRONG, PARSED_OTHER } parsed;

/* One option at argv[*i].  "--x=v", "--x v", "-Wv" and "-W v" are the same. */
static parsed parse_row(int argc, char **argv, int *i, const option *row,
                        run_options *options)
{
    const char *text = argv[*i];
    size_t len = strlen(row->name);
    if (strncmp(text, row->name, len))
        return PARSED_OTHER;
    const char *value = text + len;
    bool is_short = row->name[1] != '-';
    if (!row->argument && *value)
        return PARSED_OTHER;
    if (row->argument && *value == '=' && !is_short)
        value++;
    else if (row->argument && *value && !is_short)
        return PARSED_OTHER;
    else if (row->argument && !*value && *i + 1 < argc)
        value = argv[++*i];
    else if (row->argument && !*value)
        return complain(options, "missing value after", text, row->argument)
                   ? PARSED
                   : PARSED_WRONG;
    return row->set(options, row->argument ? value : NULL) ? PARSED
                                                           : PARSED_WRONG;
}

static bool parse_option(int argc, char **argv, int *i, const option *more,
                         run_options *options)
{
    const option *const tables[] = {more, long_options};
    for (int t = 0; t < 2; t++)
        for (const option *row = tables[t]; row && row->name; row++) {
            parsed parsed = parse_row(argc, argv, i, row, options);
            if (parsed != PARSED_OTHER)
                return parsed == PARSED;
        }
    fprintf(stderr, "vyoma %s: no option '%s'; see vyoma %s --help\n",
            options->command, argv[*i], options->command);
    return false;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Options up to the file's name; *i is where they end. */
static bool parse_leading(int argc, char **argv, int *i, const option *more,
                          run_options *out)
{
    for (; *i < argc && argv[*i][0] == '-' && argv[*i][1]; ++*i) {
        if (!strcmp(argv[*i], "--")) {
            ++*i;
            return true;
        }
        if (!parse_option(argc, argv, i, more, out))
            return false;
    }
    return true;
}

int run_options_parse(int argc, char **argv, run_options *out)
{
    bool serves = !strcmp(argv[0], "serve");
    const run_command command = {.text = serves ? serve_text : run_text};
    return run_options_parse_more(argc, argv, &command, out);
}

int run_options_parse_more(int argc, char **argv, const run_command *command,
                           run_options *out)
{
    bool serves = !strcmp(argv[0], "serve");
    *out =
        (run_options){.command = argv[0], .fuel = UINT64_MAX, .http = serves};
    int i = 1;
    if (!parse_leading(argc, argv, &i, command->more, out))
        return 2;
    if (out->help) {
        print_help(out, command);
        return 0;
    }
    if (i == argc) {
        fprintf(stderr, "vyoma %s: no file given; see vyoma %s --help\n",
                argv[0], argv[0]);
        return 2;
    }
    out->file = argv[i++];
    /* a server has no arguments of its own, so options may follow as well */
    if (serves && !parse_leading(argc, argv, &i, command->more, out))
        return 2;
    push(&out->args, out->argv0 ? out->argv0 : base_name(out->file));
    while (i < argc)
        push(&out->args, argv[i++]);
    if (out->http && !out->trust)
        out->trust = tls_trust_create();
    if (out->http && out->trust) /* without any, TLS fails when it is used */
        (void)!tls_trust_add_system(out->trust);
    if (out->inherit_env)
        for (char **entry = environ; *entry; entry++)
            push(&out->env, *entry);
    return 0;
}

void run_options_finish(run_options *options)
{
    for (size_t i = 0; i < options->npreopens; i++)
        close(options->preopens[i].fd);
    for (size_t i = 0; i < options->nlinks; i++)
        free((char *)options->links[i].name);
    tls_trust_destroy(options->trust);
    free(options->links);
    free(options->preopens);
    free(options->args.items);
    free(options->env.items);
    for (size_t i = 0; i < options->settings.count; i++)
        free((char *)options->settings.items[i]);
    free(options->settings.items);
    free(options->coredump);
}

/* ---- context ----------------------------------------------------------- */

static int duplicate(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

vm_status run_options_context(const run_options *options, wasi_ctx **out,
                              vm_error *err)
{
    wasi_net_rules rules = {
        .tcp = options->inherit_network && !options->no_tcp,
        .udp = options->inherit_network && !options->no_udp,
        .lookup = options->lookup,
    };
    wasi_preopen *preopens = calloc(options->npreopens + 1, sizeof *preopens);
    wasi_net *net = wasi_net_direct(&rules), *http_net = NULL;
    if (options->http)
        http_net =
            wasi_net_direct(&(wasi_net_rules){.tcp = true, .lookup = true});
    if (!preopens || !net || (options->http && !http_net)) {
        free(preopens);
        wasi_net_destroy(net);
        wasi_net_destroy(http_net);
        vm_error_set(err, VM_PHASE_LINK, SIZE_MAX, "out of memory");
        return VM_NO_MEMORY;
    }
    for (size_t i = 0; i < options->npreopens; i++) {
        preopens[i] = options->preopens[i];
        preopens[i].fd = duplicate(preopens[i].fd);
    }
    wasi_config config = {
        .capabilities = WASI_CAP_STDIO | WASI_CAP_FILESYSTEM |
                        WASI_CAP_NETWORK | WASI_CAP_CLOCKS | WASI_CAP_RANDOM |
                        WASI_CAP_ENVIRONMENT | WASI_CAP_HTTP |
                        (options->keyvalue ? WASI_CAP_KEYVALUE : 0),
        .args = options->args.items,
        .nargs = options->args.count,
        .env = options->env.items,
        .nenv = options->env.count,
        .settings = options->settings.items,
        .nsettings = options->settings.count,
        .stdin_fd = duplicate(STDIN_FILENO),
        .stdout_fd = duplicate(STDOUT_FILENO),
        .stderr_fd = duplicate(STDERR_FILENO),
        .preopens = preopens,
        .npreopens = options->npreopens,
        .net = net,
        .http_net = http_net,
        .trust = options->trust,
        .display_fd = -1,
        .ipc_fd = -1,
        .process_fd = -1,
    };
    vm_status status = wasi_ctx_create(&config, out, err);
    free(preopens);
    return status;
}
