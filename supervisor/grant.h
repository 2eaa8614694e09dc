/*
 * grant.h - what one manifest grants, as a fixed-size value.  The manifest
 * reader fills it from text; PID 1, broker, netd and runner only ever see
 * this.  All strings are NUL-terminated inside their arrays; grant_is_sane
 * checks that on receipt, since the sender is a process that has read
 * untrusted text.
 */
#ifndef VYOMA_GRANT_H
#define VYOMA_GRANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GRANT_NAME = 32, /* bytes with the NUL */
    GRANT_TITLE = 48,
    GRANT_GLYPH = 24,
    GRANT_PATH = 128,
    GRANT_GUEST_PATH = 64,
    GRANT_HOST = 64,
    GRANT_BLOB = 512,
    GRANT_STRINGS = 16, /* args, and environment values */
    GRANT_FOLDERS = 4,
    GRANT_ADDRESSES = 8,
    GRANT_TOPICS = 8,
    GRANT_CAPABILITIES = 12, /* bits of wasi_capability */
    GRANT_BOOT_APPS = 64,
};

/* Several strings packed into one array, each ended by a NUL. */
typedef struct grant_strings {
    uint32_t count;
    uint32_t used;
    char bytes[GRANT_BLOB];
} grant_strings;

typedef struct grant_folder {
    char host[GRANT_PATH];        /* absolute, below /data or /system */
    char guest[GRANT_GUEST_PATH]; /* absolute, as the app sees it */
    uint32_t writable;
} grant_folder;

typedef enum grant_protocol { GRANT_TCP = 1, GRANT_UDP = 2 } grant_protocol;
typedef enum grant_host_kind {
    GRANT_HOST_ANY,     /* "*", or left out */
    GRANT_HOST_ADDRESS, /* address and prefix */
    GRANT_HOST_NAME,    /* looked up by netd */
} grant_host_kind;

/* "tcp:10.0.2.2/24:80-90".  IPv4 is held as IPv4-mapped IPv6, with the prefix
 * counted in the 128 bits, so that both forms of an address compare equal. */
typedef struct grant_address {
    uint8_t protocol; /* grant_protocol */
    uint8_t host;     /* grant_host_kind */
    uint8_t prefix;
    uint8_t pad;
    uint16_t low_port, high_port;
    uint8_t address[16];
    char name[GRANT_HOST];
} grant_address;

typedef struct grant_network {
    uint32_t nlisten, nconnect;
    uint32_t resolve; /* any name may be looked up */
    grant_address listen[GRANT_ADDRESSES];
    grant_address connect[GRANT_ADDRESSES];
} grant_network;

typedef struct grant_topics {
    uint32_t count;
    char name[GRANT_TOPICS][GRANT_NAME];
} grant_topics;

typedef struct grant_ipc {
    grant_topics peers, provide, subscribe;
} grant_ipc;

typedef enum grant_stdio {
    GRANT_STDIO_LOG,
    GRANT_STDIO_CONSOLE,
    GRANT_STDIO_NONE,
    GRANT_STDIO_ATTACHED, /* chosen by the launcher, not by manifests */
} grant_stdio;

typedef enum grant_restart {
    GRANT_RESTART_NEVER,
    GRANT_RESTART_ON_FAILURE,
    GRANT_RESTART_ALWAYS,
} grant_restart;

typedef struct app_grant {
    char name[GRANT_NAME];
    char title[GRANT_TITLE];
    char glyph[GRANT_GLYPH];
    uint32_t color, accent; /* 0xRRGGBB */
    uint32_t visible;
    char component[GRANT_PATH]; /* absolute */
    uint64_t xxh64;             /* of the component, when has_hash */
    uint32_t has_hash;
    uint32_t capabilities; /* of wasi_capability */
    uint32_t stdio;        /* grant_stdio */
    uint32_t verbs;        /* bits of proc_verb */
    uint64_t clock_resolution_ns;
    grant_strings args;
    grant_strings environment; /* "KEY=VALUE" */
    uint32_t nfolders;
    grant_folder folders[GRANT_FOLDERS];
    grant_network network;
    grant_ipc ipc;

    uint64_t memory; /* limits; 0 is the default */
    uint64_t stack;
    uint64_t fuel;
    uint64_t time_ns; /* of a run, on the wall clock */
    uint32_t cpu_percent;
    uint32_t table_elements;
    uint32_t instances;
    uint32_t descriptors;

    uint32_t restart; /* grant_restart */
    uint32_t backoff_ms;
    uint32_t attempts;

    char file[GRANT_PATH]; /* the manifest, for messages */
    /* The line where a missing capability belongs: the key's own line when it
     * is there but false, else that of [capabilities], else the last one. */
    uint32_t lines[GRANT_CAPABILITIES];
} app_grant;

/* From the kernel's command line and boot.toml. */
typedef struct boot_plan {
    uint32_t napps;
    char apps[GRANT_BOOT_APPS][GRANT_NAME];
    uint32_t scale; /* vyoma.scale=N:APP: that many further instances */
    char scale_app[GRANT_NAME];
    uint32_t address, gateway, dns; /* vyoma.ip=A/P:GATEWAY:DNS, net order */
    uint32_t prefix;
} boot_plan;

/* Defaults of every field that a manifest may leave out. */
void grant_init(app_grant *grant, const char *name, const char *file);
bool grant_is_sane(const app_grant *grant);
bool boot_plan_is_sane(const boot_plan *plan);

/* The manifest's line for a capability's key ("filesystem"). */
uint32_t grant_capability_line(const app_grant *grant, const char *key);

/* Appends a string; false when it does not fit. */
bool grant_strings_add(grant_strings *strings, const char *text);
/* The i-th string (i < count). */
const char *grant_strings_at(const grant_strings *strings, uint32_t i);
bool grant_topics_has(const grant_topics *topics, const char *name);

/* Parses "tcp:HOST:PORTS".  On failure *why says what would be valid. */
bool grant_address_parse(const char *text, grant_address *out,
                         const char **why);
/* Whether an address (IPv4 as IPv4-mapped) and port are inside a rule.  Rules
 * with a name never match here: netd compares what it has looked up. */
bool grant_address_matches(const grant_address *rule, grant_protocol protocol,
                           const uint8_t address[16], uint16_t port);

#endif
