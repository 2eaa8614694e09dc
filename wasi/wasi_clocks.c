/* wasi_clocks.c - wasi:clocks of 0.2 and 0.3: monotonic clock, wall (system)
 * clock, time zone. */
#include "wasi/ifaces.h"
#include "wasi/p3.h"

#include <time.h>

enum { NS_PER_S = 1000000000 };

uint64_t wasi_clock_coarsen(const wasi_ctx *ctx, uint64_t ns)
{
    uint64_t step = ctx->clock_resolution_ns;
    return step > 1 ? ns - ns % step : ns;
}

uint64_t wasi_clock_resolution(const wasi_ctx *ctx, int clock)
{
    struct timespec step;
    if (clock_getres(clock, &step))
        return 1;
    uint64_t ns = (uint64_t)step.tv_sec * NS_PER_S + (uint64_t)step.tv_nsec;
    return ns > ctx->clock_resolution_ns ? ns : ctx->clock_resolution_ns;
}

/* ---- monotonic-clock --------------------------------------------------- */

static vm_status monotonic_now(cm_call *call, void *host, const cm_value *args,
                               cm_value *result)
{
    result->u = wasi_clock_coarsen(host, wasi_now_ns());
    return VM_OK;
}

static vm_status monotonic_resolution(cm_call *call, void *host,
                                      const cm_value *args, cm_value *result)
{
    result->u = wasi_clock_resolution(host, CLOCK_MONOTONIC);
    return VM_OK;
}

static vm_status subscribe_instant(cm_call *call, void *host,
                                   const cm_value *args, cm_value *result)
{
    return wasi_own(call, result, wasi_pollable_create_timer(args[0].u));
}

static vm_status subscribe_duration(cm_call *call, void *host,
                                    const cm_value *args, cm_value *result)
{
    uint64_t deadline;
    if (__builtin_add_overflow(wasi_now_ns(), args[0].u, &deadline))
        deadline = WASI_NEVER;
    return wasi_own(call, result, wasi_pollable_create_timer(deadline));
}

const cm_host_interface wasi_iface_monotonic_clock = {
    .name = "wasi:clocks/monotonic-clock",
    .funcs = (const cm_host_func[]){{"now", monotonic_now},
                                    {"resolution", monotonic_resolution},
                                    {"subscribe-instant", subscribe_instant},
                                    {"subscribe-duration", subscribe_duration},
                                    {0}},
};

static vm_status wait_until(cm_call *call, void *host, const cm_value *args,
                            cm_value *result)
{
    if (wasi_now_ns() >= args[0].u)
        return VM_OK;
    return wasi_p3_wait(call, host,
                        &(wasi_wait){.fd = -1, .deadline = args[0].u});
}

static vm_status wait_for(cm_call *call, void *host, const cm_value *args,
                          cm_value *result)
{
    cm_value *deadline = cm_call_state(call);
    if (!deadline) { /* the first time */
        deadline = cm_alloc(call, sizeof *deadline);
        if (!deadline)
            return wasi_no_memory(call);
        if (__builtin_add_overflow(wasi_now_ns(), args[0].u, &deadline->u))
            deadline->u = WASI_NEVER - 1;
        cm_call_set_state(call, deadline, NULL);
    }
    return wait_until(call, host, deadline, result);
}

const cm_host_interface wasi_p3_monotonic_clock = {
    .name = "wasi:clocks/monotonic-clock@0.3",
    .funcs = (const cm_host_func[]){{"now", monotonic_now},
                                    {"get-resolution", monotonic_resolution},
                                    {"wait-until", wait_until},
                                    {"wait-for", wait_for},
                                    {0}},
};

/* ---- wall-clock, system-clock
 * -------------------------------------------------------- */

static vm_status datetime(cm_call *call, uint64_t ns, cm_value *result)
{
    cm_value *fields = wasi_values(call, 2);
    if (!fields)
        return wasi_no_memory(call);
    fields[0].u = ns / NS_PER_S;
    fields[1].u = ns % NS_PER_S;
    result->list.items = fields;
    result->list.len = 2;
    return VM_OK;
}

static vm_status wall_now(cm_call *call, void *host, const cm_value *args,
                          cm_value *result)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
    return datetime(call, wasi_clock_coarsen(host, ns), result);
}

static vm_status wall_resolution(cm_call *call, void *host,
                                 const cm_value *args, cm_value *result)
{
    return datetime(call, wasi_clock_resolution(host, CLOCK_REALTIME), result);
}

const cm_host_interface wasi_iface_wall_clock = {
    .name = "wasi:clocks/wall-clock",
    .funcs = (const cm_host_func[]){{"now", wall_now},
                                    {"resolution", wall_resolution},
                                    {0}},
};

static vm_status system_resolution(cm_call *call, void *host,
                                   const cm_value *args, cm_value *result)
{
    result->u = wasi_clock_resolution(host, CLOCK_REALTIME);
    return VM_OK;
}

const cm_host_interface wasi_p3_system_clock = {
    .name = "wasi:clocks/system-clock@0.3",
    .funcs = (const cm_host_func[]){{"now", wall_now},
                                    {"get-resolution", system_resolution},
                                    {0}},
};

/* ---- timezone ----------------------------------------------------------
 * A guest is told UTC: reading the host's zone would open files, which a
 * jailed process cannot, and tell where its user is.  The WIT allows it.
 */

static vm_status timezone_display(cm_call *call, void *host,
                                  const cm_value *args, cm_value *result)
{
    cm_value *fields = wasi_values(call, 3);
    if (!fields)
        return wasi_no_memory(call);
    fields[0].s = 0;
    fields[1] = wasi_string("UTC");
    fields[2].u = false;
    result->list.items = fields;
    result->list.len = 3;
    return VM_OK;
}

static vm_status utc_offset(cm_call *call, void *host, const cm_value *args,
                            cm_value *result)
{
    result->s = 0;
    return VM_OK;
}

const cm_host_interface wasi_iface_timezone = {
    .name = "wasi:clocks/timezone",
    .funcs = (const cm_host_func[]){{"display", timezone_display},
                                    {"utc-offset", utc_offset},
                                    {0}},
};

static vm_status iana_id(cm_call *call, void *host, const cm_value *args,
                         cm_value *result)
{
    return cm_some(call, result, &(cm_value){.str = {"UTC", 3}});
}

static vm_status some_utc_offset(cm_call *call, void *host,
                                 const cm_value *args, cm_value *result)
{
    return cm_some(call, result, &(cm_value){.s = 0});
}

static vm_status debug_string(cm_call *call, void *host, const cm_value *args,
                              cm_value *result)
{
    *result = wasi_string("UTC");
    return VM_OK;
}

const cm_host_interface wasi_p3_timezone = {
    .name = "wasi:clocks/timezone@0.3",
    .funcs = (const cm_host_func[]){{"iana-id", iana_id},
                                    {"utc-offset", some_utc_offset},
                                    {"to-debug-string", debug_string},
                                    {0}},
};

const cm_host_interface wasi_p3_clocks_types = {
    .name = "wasi:clocks/types@0.3",
    .funcs = (const cm_host_func[]){{0}},
};
