/*
 * wasi_keyvalue.c - wasi:keyvalue: one store per guest, named "", in memory.
 *
 * A hash table of chained entries.  Every change gives its entry a number that
 * is never used again, which is what compare-and-swap compares.
 */
#include "wasi/ifaces.h"
#include "wasi/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
    HEADS = 4096,
    PAGE_KEYS = 1000,       /* of list-keys, at least, before a cursor */
    STORE_BYTES = 64 << 20, /* keys, values and entries together */
};

typedef struct entry {
    struct entry *next;
    uint64_t version;
    size_t key_len, value_len;
    char *key;
    uint8_t *value;
} entry;

typedef struct wasi_keyvalue {
    wasi_object object;
    entry *heads[HEADS];
    size_t bytes;
    uint64_t version; /* of the last change */
} store;

typedef struct cas {
    wasi_object object;
    store *store; /* retained */
    char *key;
    size_t key_len;
    uint64_t version; /* 0: there was none */
} cas;

/* ---- the table --------------------------------------------------------- */

static void entry_free(store *store, entry *e)
{
    store->bytes -= sizeof *e + e->key_len + e->value_len;
    free(e->key);
    free(e->value);
    free(e);
}

static void store_finish(void *self)
{
    store *store = self;
    for (size_t i = 0; i < HEADS; i++)
        for (entry *e = store->heads[i], *next; e; e = next) {
            next = e->next;
            entry_free(store, e);
        }
    free(store);
}

/* Where the entry is, or would be linked. */
static entry **find(store *store, const char *key, size_t len)
{
    entry **at = &store->heads[XXH3_64bits(key, len) % HEADS];
    while (*at && ((*at)->key_len != len || memcmp((*at)->key, key, len)))
        at = &(*at)->next;
    return at;
}

static void *duplicate(const void *data, size_t len)
{
    void *copy = malloc(len ? len : 1);
    if (copy && len)
        memcpy(copy, data, len);
    return copy;
}

static entry *entry_create(store *store, const char *key, size_t len)
{
    entry *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->key = duplicate(key, len);
    e->key_len = len;
    if (!e->key) {
        free(e);
        return NULL;
    }
    store->bytes += sizeof *e + len;
    return e;
}

/* 0, ENOSPC or ENOMEM. */
static int store_set(store *store, const char *key, size_t key_len,
                     const void *value, size_t value_len)
{
    entry **at = find(store, key, key_len);
    size_t more = value_len + (*at ? 0 : sizeof **at + key_len);
    if (more > STORE_BYTES || store->bytes + more > STORE_BYTES)
        return ENOSPC;
    void *copy = duplicate(value, value_len);
    if (!copy)
        return ENOMEM;
    if (!*at && !(*at = entry_create(store, key, key_len))) {
        free(copy);
        return ENOMEM;
    }
    entry *e = *at;
    free(e->value);
    store->bytes += value_len - e->value_len;
    e->value = copy;
    e->value_len = value_len;
    e->version = ++store->version;
    return 0;
}

static void store_delete(store *store, const char *key, size_t len)
{
    entry **at = find(store, key, len), *e = *at;
    if (!e)
        return;
    *at = e->next;
    entry_free(store, e);
}

/* ---- results ----------------------------------------------------------- */

enum { NO_SUCH_STORE, ACCESS_DENIED, OTHER };

static bool error_value(cm_call *call, const char *text, cm_value *out)
{
    cm_value *payload = wasi_values(call, 1);
    if (!payload)
        return false;
    *payload = wasi_string(text);
    *out = (cm_value){.variant = {.index = OTHER, .payload = payload}};
    return true;
}

static const char *set_problem(int error)
{
    return error == ENOSPC ? "the store is full" : "out of memory";
}

static vm_status outcome(cm_call *call, cm_value *result, int error)
{
    cm_value value;
    if (!error)
        return cm_ok(call, result, NULL);
    return error_value(call, set_problem(error), &value)
               ? cm_err(call, result, &value)
               : wasi_no_memory(call);
}

/* option<list<u8>>: a view of the entry, which stands still meanwhile. */
static vm_status option_of(cm_call *call, const entry *e, cm_value *out)
{
    if (!e)
        return cm_some(call, out, NULL);
    cm_value bytes = {.bytes = {.data = e->value, .len = e->value_len}};
    return cm_some(call, out, &bytes);
}

static vm_status ok_option(cm_call *call, cm_value *result, const entry *e)
{
    cm_value option;
    vm_status status = option_of(call, e, &option);
    return status == VM_OK ? cm_ok(call, result, &option) : status;
}

#define KV_FN(name)                                                            \
    static vm_status name(cm_call *call, void *host, const cm_value *args,     \
                          cm_value *result)

static entry *entry_of(const cm_value *bucket, const cm_value *key)
{
    return *find(bucket->rep, key->str.data, key->str.len);
}

/* ---- store ------------------------------------------------------------- */

KV_FN(kv_open)
{
    wasi_ctx *ctx = host;
    if (args[0].str.len)
        return wasi_err_enum(call, result, NO_SUCH_STORE);
    if (!ctx->keyvalue)
        ctx->keyvalue = wasi_object_create(sizeof(store), store_finish);
    if (!ctx->keyvalue)
        return wasi_no_memory(call);
    return wasi_ok_own(call, result, wasi_retain(ctx->keyvalue));
}

KV_FN(bucket_get)
{
    return ok_option(call, result, entry_of(&args[0], &args[1]));
}

KV_FN(bucket_set)
{
    return outcome(call, result,
                   store_set(args[0].rep, args[1].str.data, args[1].str.len,
                             args[2].bytes.data, args[2].bytes.len));
}

KV_FN(bucket_delete)
{
    store_delete(args[0].rep, args[1].str.data, args[1].str.len);
    return cm_ok(call, result, NULL);
}

KV_FN(bucket_exists)
{
    bool found = entry_of(&args[0], &args[1]) != NULL;
    return cm_ok(call, result, &(cm_value){.u = found});
}

/* The cursor is the number of the next chain. */
static bool parse_cursor(const cm_value *option, size_t *out)
{
    *out = 0;
    if (!option->variant.index)
        return true;
    const cm_value *text = option->variant.payload;
    for (size_t i = 0; i < text->str.len; i++) {
        char c = text->str.data[i];
        if (c < '0' || c > '9' || *out > HEADS)
            return false;
        *out = *out * 10 + (size_t)(c - '0');
    }
    return text->str.len > 0;
}

static size_t chain_length(const entry *e)
{
    size_t n = 0;
    for (; e; e = e->next)
        n++;
    return n;
}

KV_FN(bucket_list_keys)
{
    const store *store = args[0].rep;
    size_t from, to, count = 0, n = 0;
    cm_value error;
    if (!parse_cursor(&args[1], &from))
        return error_value(call, "not a cursor of this store", &error)
                   ? cm_err(call, result, &error)
                   : wasi_no_memory(call);
    for (to = from; to < HEADS && count < PAGE_KEYS; to++)
        count += chain_length(store->heads[to]);
    cm_value *fields = wasi_values(call, 3 + count);
    char *cursor = cm_alloc(call, 16);
    if (!fields || !cursor)
        return wasi_no_memory(call);
    cm_value *keys = fields + 3;
    for (size_t i = from; i < to; i++)
        for (const entry *e = store->heads[i]; e; e = e->next) {
            keys[n].str.data = e->key;
            keys[n++].str.len = e->key_len;
        }
    fields[0].list.items = keys;
    fields[0].list.len = n;
    if (to < HEADS) {
        fields[2].str.data = cursor;
        fields[2].str.len = (size_t)snprintf(cursor, 16, "%zu", to);
        fields[1].variant.index = 1;
        fields[1].variant.payload = &fields[2];
    }
    return wasi_ok_list(call, result, fields, 2);
}

const cm_host_interface wasi_iface_keyvalue_store = {
    .name = "wasi:keyvalue/store",
    .funcs =
        (const cm_host_func[]){{"open", kv_open},
                               {"[method]bucket.get", bucket_get},
                               {"[method]bucket.set", bucket_set},
                               {"[method]bucket.delete", bucket_delete},
                               {"[method]bucket.exists", bucket_exists},
                               {"[method]bucket.list-keys", bucket_list_keys},
                               {0}},
    .resources = (const cm_host_resource[]){{"bucket", wasi_drop}, {0}},
};

/* ---- batch ------------------------------------------------------------- */

KV_FN(get_many)
{
    size_t count = args[1].list.len;
    cm_value *options = wasi_values(call, count);
    cm_value *pairs = wasi_values(call, count * 3);
    if (!options || !pairs)
        return wasi_no_memory(call);
    for (size_t i = 0; i < count; i++, pairs += 3) {
        const cm_value *key = &args[1].list.items[i];
        const entry *e = entry_of(&args[0], key);
        if (!e)
            continue;
        pairs[0].list.items = pairs + 1;
        pairs[0].list.len = 2;
        pairs[1].str.data = e->key;
        pairs[1].str.len = e->key_len;
        pairs[2].bytes.data = e->value;
        pairs[2].bytes.len = e->value_len;
        options[i].variant.index = 1;
        options[i].variant.payload = pairs;
    }
    return wasi_ok_list(call, result, options, count);
}

KV_FN(set_many)
{
    int error = 0;
    for (size_t i = 0; !error && i < args[1].list.len; i++) {
        const cm_value *pair = args[1].list.items[i].list.items;
        error = store_set(args[0].rep, pair[0].str.data, pair[0].str.len,
                          pair[1].bytes.data, pair[1].bytes.len);
    }
    return outcome(call, result, error);
}

KV_FN(delete_many)
{
    for (size_t i = 0; i < args[1].list.len; i++) {
        const cm_value *key = &args[1].list.items[i];
        store_delete(args[0].rep, key->str.data, key->str.len);
    }
    return cm_ok(call, result, NULL);
}

const cm_host_interface wasi_iface_keyvalue_batch = {
    .name = "wasi:keyvalue/batch",
    .funcs = (const cm_host_func[]){{"get-many", get_many},
                                    {"set-many", set_many},
                                    {"delete-many", delete_many},
                                    {0}},
};

/* ---- atomics ----------------------------------------------------------- */

static void cas_finish(void *self)
{
    cas *cas = self;
    wasi_release(cas->store);
    free(cas->key);
    free(cas);
}

static cas *cas_create(store *store, const char *key, size_t len)
{
    cas *cas = wasi_object_create(sizeof *cas, cas_finish);
    if (!cas)
        return NULL;
    const entry *e = *find(store, key, len);
    cas->store = wasi_retain(store);
    cas->key = duplicate(key, len);
    cas->key_len = len;
    cas->version = e ? e->version : 0;
    if (!cas->key) {
        wasi_release(cas);
        return NULL;
    }
    return cas;
}

KV_FN(cas_new)
{
    return wasi_ok_own(
        call, result,
        cas_create(args[0].rep, args[1].str.data, args[1].str.len));
}

KV_FN(cas_current)
{
    const cas *cas = args[0].rep;
    return ok_option(call, result, *find(cas->store, cas->key, cas->key_len));
}

/* As text, so that it is also what `get` shows. */
KV_FN(increment)
{
    const entry *e = entry_of(&args[0], &args[1]);
    char text[32] = "0", *end;
    cm_value error;
    bool valid = !e || (e->value_len && e->value_len < sizeof text);
    if (e && valid) {
        memcpy(text, e->value, e->value_len);
        text[e->value_len] = 0;
    }
    errno = 0;
    int64_t sum = strtoll(text, &end, 10);
    valid = valid && !*end && !errno &&
            !__builtin_add_overflow(sum, args[2].s, &sum);
    if (!valid)
        return error_value(call, "the value is no number that can take this",
                           &error)
                   ? cm_err(call, result, &error)
                   : wasi_no_memory(call);
    int len = snprintf(text, sizeof text, "%" PRId64, sum);
    int failed = store_set(args[0].rep, args[1].str.data, args[1].str.len, text,
                           (size_t)len);
    return failed ? outcome(call, result, failed)
                  : cm_ok(call, result, &(cm_value){.s = sum});
}

KV_FN(swap)
{
    enum { STORE_ERROR, CAS_FAILED };
    cas *cas = args[0].rep;
    const entry *e = *find(cas->store, cas->key, cas->key_len);
    cm_value *payload = wasi_values(call, 1);
    cm_value error = {.variant = {.index = CAS_FAILED, .payload = payload}};
    vm_status status = payload ? VM_OK : wasi_no_memory(call);
    bool same = (e ? e->version : 0) == cas->version;
    int failed = 0;
    if (status == VM_OK && same)
        failed = store_set(cas->store, cas->key, cas->key_len,
                           args[1].bytes.data, args[1].bytes.len);
    else if (status == VM_OK)
        status = wasi_own(call, payload,
                          cas_create(cas->store, cas->key, cas->key_len));
    wasi_release(cas);
    if (status != VM_OK || (same && !failed))
        return status == VM_OK ? cm_ok(call, result, NULL) : status;
    if (failed) {
        error.variant.index = STORE_ERROR;
        if (!error_value(call, set_problem(failed), payload))
            return wasi_no_memory(call);
    }
    return cm_err(call, result, &error);
}

const cm_host_interface wasi_iface_keyvalue_atomics = {
    .name = "wasi:keyvalue/atomics",
    .funcs = (const cm_host_func[]){{"[static]cas.new", cas_new},
                                    {"[method]cas.current", cas_current},
                                    {"increment", increment},
                                    {"swap", swap},
                                    {0}},
    .resources = (const cm_host_resource[]){{"cas", wasi_drop}, {0}},
};
