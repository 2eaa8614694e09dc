/* wasi_random.c - wasi:random: all three interfaces draw from the kernel. */
#include "wasi/ifaces.h"
#include "wasi/internal.h"

#include <xxhash.h>

/* The canonical ABI's MAX_LIST_BYTE_LENGTH; the store's memory limit applies as
 * well. */
#define RANDOM_MAX (((uint64_t)1 << 28) - 1)

static vm_status random_bytes(cm_call *call, void *host, const cm_value *args,
                              cm_value *result)
{
    uint64_t len = args[0].u;
    if (len > RANDOM_MAX)
        return cm_trap(call,
                       "%llu random bytes asked for in one call: "
                       "at most %llu are given",
                       (unsigned long long)len, (unsigned long long)RANDOM_MAX);
    uint8_t *bytes = cm_alloc(call, len ? len : 1);
    if (!bytes)
        return wasi_no_memory(call);
    wasi_random_fill(bytes, len);
    result->bytes.data = bytes;
    result->bytes.len = len;
    return VM_OK;
}

static vm_status random_u64(cm_call *call, void *host, const cm_value *args,
                            cm_value *result)
{
    wasi_random_fill(&result->u, sizeof result->u);
    return VM_OK;
}

/* The same as long as the instance lives: 0.3 says so, and 0.2 means it. */
static vm_status insecure_seed(cm_call *call, void *host, const cm_value *args,
                               cm_value *result)
{
    const wasi_ctx *ctx = host;
    uintptr_t place = (uintptr_t)cm_call_store(call);
    XXH128_hash_t seed =
        XXH3_128bits_withSeed(&place, sizeof place, ctx->secret);
    cm_value *pair = wasi_values(call, 2);
    if (!pair)
        return wasi_no_memory(call);
    pair[0].u = seed.low64;
    pair[1].u = seed.high64;
    result->list.items = pair;
    result->list.len = 2;
    return VM_OK;
}

const cm_host_interface wasi_iface_random = {
    .name = "wasi:random/random",
    .funcs = (const cm_host_func[]){{"get-random-bytes", random_bytes},
                                    {"get-random-u64", random_u64},
                                    {0}},
};

const cm_host_interface wasi_iface_insecure = {
    .name = "wasi:random/insecure",
    .funcs = (const cm_host_func[]){{"get-insecure-random-bytes", random_bytes},
                                    {"get-insecure-random-u64", random_u64},
                                    {0}},
};

const cm_host_interface wasi_iface_insecure_seed = {
    .name = "wasi:random/insecure-seed",
    .funcs = (const cm_host_func[]){{"insecure-seed", insecure_seed}, {0}},
};

/* ---- as in 0.3 -------------------------------------------------------------
 */

const cm_host_interface wasi_p3_random = {
    .name = "wasi:random/random@0.3",
    .funcs = (const cm_host_func[]){{"get-random-bytes", random_bytes},
                                    {"get-random-u64", random_u64},
                                    {0}},
};

const cm_host_interface wasi_p3_insecure = {
    .name = "wasi:random/insecure@0.3",
    .funcs = (const cm_host_func[]){{"get-insecure-random-bytes", random_bytes},
                                    {"get-insecure-random-u64", random_u64},
                                    {0}},
};

const cm_host_interface wasi_p3_insecure_seed = {
    .name = "wasi:random/insecure-seed@0.3",
    .funcs = (const cm_host_func[]){{"get-insecure-seed", insecure_seed}, {0}},
};
