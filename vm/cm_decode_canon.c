/*
 * cm_decode_canon.c - canonical definitions: lift, lower and the built-ins.
 * Binary.md "Canonical Definitions"; what is required of each is in
 * CanonicalABI.md "Canonical Definitions".
 */
#include "vm/cm_decode.h"

#include <stdio.h>
#include <string.h>

/* ---- options ----------------------------------------------------------- */

/* Bits for which options were given. */
enum {
    OPT_ENCODING = 1 << 0,
    OPT_MEMORY = 1 << 1,
    OPT_REALLOC = 1 << 2,
    OPT_POST_RETURN = 1 << 3,
    OPT_ASYNC = 1 << 4,
    OPT_CALLBACK = 1 << 5,
};

static const char *const option_names[] = {
    "string-encoding", "memory", "realloc", "post-return", "async", "callback"};

static const char *const encoding_names[] = {"utf8", "utf16", "latin1-utf16"};

typedef struct options {
    cm_static_options o;
    unsigned given;
} options;

static vm_type pointer_type(const options *opts)
{
    return opts->o.mem64 ? VM_I64 : VM_I32;
}

static bool read_core_func(cm_decoder *d, uint32_t *out)
{
    if (!cm_read_u32(d, out))
        return false;
    return *out < d->scope->core[VM_EXTERN_FUNC].count ||
           cm_out_of_bounds(d, "core function", *out);
}

static bool read_core_memory(cm_decoder *d, uint32_t *out, bool *mem64)
{
    if (!cm_read_u32(d, out))
        return false;
    if (*out >= d->scope->core[VM_EXTERN_MEMORY].count)
        return cm_out_of_bounds(d, "memory", *out);
    *mem64 = d->scope->core[VM_EXTERN_MEMORY].at[*out].memory.is64;
    return true;
}

static bool set_encoding(cm_decoder *d, options *opts, uint8_t byte)
{
    if (opts->given & OPT_ENCODING)
        return cm_invalid(d,
                          "canonical encoding option `%s` conflicts with "
                          "option `%s`",
                          encoding_names[opts->o.encoding],
                          encoding_names[byte]);
    opts->o.encoding = (cm_encoding)byte;
    opts->given |= OPT_ENCODING;
    return true;
}

static bool read_option(cm_decoder *d, options *opts)
{
    uint8_t byte;
    if (!cm_read_byte(d, &byte))
        return false;
    if (byte <= 2)
        return set_encoding(d, opts, byte);
    if (byte > 7)
        return cm_bad_byte(d, byte, "canonical option");
    unsigned bit = 1u << (byte - 2);
    if (opts->given & bit)
        return cm_invalid(d,
                          "canonical option `%s` is specified more than once",
                          option_names[byte - 2]);
    opts->given |= bit;
    switch (bit) {
    case OPT_MEMORY:
        return read_core_memory(d, &opts->o.memory, &opts->o.mem64);
    case OPT_REALLOC: return read_core_func(d, &opts->o.realloc);
    case OPT_POST_RETURN: return read_core_func(d, &opts->o.post_return);
    case OPT_CALLBACK: return read_core_func(d, &opts->o.callback);
    default: opts->o.is_async = true; return true;
    }
}

/* Is the core function of that type? */
static bool has_type(const cm_decoder *d, uint32_t func, const vm_type *params,
                     uint32_t nparams, const vm_type *results,
                     uint32_t nresults)
{
    const vm_functype *f = d->scope->core[VM_EXTERN_FUNC].at[func].func;
    return f->nparams == nparams && f->nresults == nresults &&
           (!nparams || !memcmp(f->types, params, nparams * sizeof *params)) &&
           (!nresults ||
            !memcmp(f->types + nparams, results, nresults * sizeof *results));
}

static bool bad_signature(cm_decoder *d, const char *option)
{
    return cm_invalid(d,
                      "canonical option `%s` uses a core function with an "
                      "incorrect signature",
                      option);
}

static bool check_options(cm_decoder *d, const options *opts)
{
    const vm_type p = pointer_type(opts), pointers[4] = {p, p, p, p};
    static const vm_type ints[3] = {VM_I32, VM_I32, VM_I32};
    if ((opts->given & OPT_REALLOC) && !(opts->given & OPT_MEMORY))
        return cm_invalid(d, "canonical option `realloc` requires `memory` to "
                             "also be specified");
    if ((opts->given & OPT_REALLOC) &&
        !has_type(d, opts->o.realloc, pointers, 4, &p, 1))
        return bad_signature(d, "realloc");
    if ((opts->given & OPT_CALLBACK) && !(opts->given & OPT_ASYNC))
        return cm_invalid(d, "canonical option `callback` cannot be specified "
                             "without `async`");
    if ((opts->given & OPT_CALLBACK) &&
        !has_type(d, opts->o.callback, ints, 3, ints, 1))
        return bad_signature(d, "callback");
    if ((opts->given & OPT_POST_RETURN) && (opts->given & OPT_ASYNC))
        return cm_invalid(d, "canonical option `post-return` cannot be "
                             "specified with `async`");
    return true;
}

/* Reads a vector of options, of which only `allowed` may be there. */
static bool read_options(cm_decoder *d, unsigned allowed, const char *where,
                         options *opts)
{
    uint32_t count;
    *opts = (options){.o = {.memory = UINT32_MAX,
                            .realloc = UINT32_MAX,
                            .post_return = UINT32_MAX,
                            .callback = UINT32_MAX}};
    if (!cm_read_count(d, &count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!read_option(d, opts))
            return false;
    for (unsigned i = 0; i < 6; i++)
        if (opts->given & ~allowed & 1u << i)
            return cm_invalid(d,
                              "canonical option `%s` cannot be specified for "
                              "%s",
                              option_names[i], where);
    return check_options(d, opts);
}

static bool need_option(cm_decoder *d, const options *opts, unsigned bit,
                        bool needed)
{
    return !needed || (opts->given & bit) ||
           cm_invalid(d, "canonical option `%s` is required",
                      bit == OPT_MEMORY ? "memory" : "realloc");
}

/* ---- core signatures --------------------------------------------------- */

static bool add_core_func(cm_decoder *d, const vm_functype *type,
                          const vm_deftype **out)
{
    if (vm_types_intern_func(&d->component->engine->types, type, out))
        return cm_invalid(d, "too many core types");
    vm_externtype item = {
        .kind = VM_EXTERN_FUNC, .func = &(*out)->func, .typeid = (*out)->id};
    return CM_PUSH(d, &d->scope->core[VM_EXTERN_FUNC], item);
}

static void print_types(const vm_type *types, uint32_t count, char *buf,
                        size_t size)
{
    size_t used = (size_t)snprintf(buf, size, "[");
    for (uint32_t i = 0; i < count && used < size; i++) {
        char name[32];
        vm_type_name(types[i], name, sizeof name);
        if (name[0] == 'i' || name[0] == 'f')
            name[0] = (char)(name[0] - 'a' + 'A');
        used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? ", " : "",
                                 name);
    }
    if (used < size)
        snprintf(buf + used, size - used, "]");
}

static bool same_types(cm_decoder *d, const char *what, const vm_type *want,
                       uint32_t nwant, const vm_type *have, uint32_t nhave)
{
    char a[80], b[80];
    if (nwant == nhave && (!nwant || !memcmp(want, have, nwant * sizeof *want)))
        return true;
    print_types(want, nwant, a, sizeof a);
    print_types(have, nhave, b, sizeof b);
    return cm_invalid(d,
                      "lowered %s types `%s` do not match %s types `%s` of "
                      "the core function",
                      what, a, what, b);
}

/* ---- lift and lower ---------------------------------------------------- */

static bool check_async(cm_decoder *d, const options *opts,
                        const cm_functype *f)
{
    return !opts->o.is_async || f->is_async ||
           cm_invalid(d, "the `async` canonical option requires an async "
                         "function type");
}

static bool check_lift(cm_decoder *d, const options *opts, uint32_t core,
                       const cm_functype *f)
{
    cm_flat flat;
    const vm_functype *have = d->scope->core[VM_EXTERN_FUNC].at[core].func;
    bool is_async = opts->o.is_async;
    cm_flatten(f, CM_LIFT, is_async, opts->given & OPT_CALLBACK, opts->o.mem64,
               &flat);
    /* Parameters are written into the callee's memory. */
    bool stores = f->params->has_pointer || flat.spilled_params;
    bool loads = f->result &&
                 (f->result->has_pointer ||
                  f->result->nflat >
                      (is_async ? CM_MAX_FLAT_PARAMS : CM_MAX_FLAT_RESULTS));
    if (!check_async(d, opts, f) ||
        !need_option(d, opts, OPT_MEMORY, stores || loads) ||
        !need_option(d, opts, OPT_REALLOC, stores) ||
        !same_types(d, "parameter", flat.types, flat.nparams, have->types,
                    have->nparams) ||
        !same_types(d, "result", flat.types + flat.nparams, flat.nresults,
                    have->types + have->nparams, have->nresults))
        return false;
    return !(opts->given & OPT_POST_RETURN) ||
           has_type(d, opts->o.post_return, flat.types + flat.nparams,
                    flat.nresults, NULL, 0) ||
           bad_signature(d, "post-return");
}

static bool check_lower(cm_decoder *d, const options *opts,
                        const cm_functype *f, cm_flat *flat)
{
    cm_flatten(f, CM_LOWER, opts->o.is_async, false, opts->o.mem64, flat);
    bool loads = f->params->has_pointer || flat->spilled_params;
    bool stores = f->result && f->result->has_pointer;
    return check_async(d, opts, f) &&
           need_option(d, opts, OPT_MEMORY,
                       loads || stores || flat->spilled_result) &&
           need_option(d, opts, OPT_REALLOC, stores);
}

static bool read_sort_func(cm_decoder *d, const char *what)
{
    uint8_t sort;
    if (!cm_read_byte(d, &sort))
        return false;
    return sort == 0 || cm_bad_byte(d, sort, what);
}

static bool add_canon(cm_decoder *d, cm_step_kind kind, uint32_t index,
                      const cm_canon *canon)
{
    const cm_canon *copy = cm_freeze(d, canon, sizeof *canon);
    return copy && cm_step_add(d, (cm_step){.kind = (uint8_t)kind,
                                            .index = index,
                                            .canon = copy});
}

static bool read_lift(cm_decoder *d, cm_canon *c)
{
    uint32_t core, type;
    options opts;
    cm_typedef def;
    if (!read_sort_func(d, "canonical function lift") ||
        !cm_read_u32(d, &core) || !read_options(d, ~0u, "lifts", &opts) ||
        !cm_read_u32(d, &type) || !cm_type_at(d, type, &def))
        return false;
    if (core >= d->scope->core[VM_EXTERN_FUNC].count)
        return cm_out_of_bounds(d, "core function", core);
    if (def.kind != CM_DEF_FUNC)
        return cm_invalid(d, "type index %u is not a function type", type);
    if (!check_lift(d, &opts, core, def.func))
        return false;
    c->func = def.func;
    c->options = opts.o;
    return CM_PUSH(d, &d->scope->funcs, def.func) &&
           add_canon(d, CM_STEP_LIFT, core, c);
}

static bool read_lower(cm_decoder *d, cm_canon *c)
{
    uint32_t func;
    options opts;
    cm_flat flat;
    if (!read_sort_func(d, "canonical function lower") ||
        !cm_read_u32(d, &func) ||
        !read_options(d, ~(OPT_POST_RETURN | OPT_CALLBACK), "lowerings", &opts))
        return false;
    if (func >= d->scope->funcs.count)
        return cm_out_of_bounds(d, "function", func);
    c->func = d->scope->funcs.at[func];
    if (!check_lower(d, &opts, c->func, &flat))
        return false;
    c->options = opts.o;
    vm_functype type = cm_flat_functype(&flat);
    return add_core_func(d, &type, &c->core) &&
           add_canon(d, CM_STEP_LOWER, func, c);
}

/* ---- built-ins --------------------------------------------------------- */

/* What the immediates of a built-in are. */
typedef enum immediates {
    IMM_NONE,
    IMM_RESOURCE,
    IMM_LOCAL_RESOURCE,
    IMM_STREAM,
    IMM_FUTURE,
    IMM_STREAM_OPTS,
    IMM_FUTURE_OPTS,
    IMM_STREAM_ASYNC,
    IMM_FUTURE_ASYNC,
    IMM_ASYNC,
    IMM_CANCEL,
    IMM_CANCEL_MEMORY,
    IMM_RETURN,
    IMM_CONTEXT,
    IMM_OPTS,
    IMM_THREAD,
} immediates;

/* Signatures: i is i32, l is i64, p the memory's address type, r the
 * resource's representation, c the context's type; "parameters:results". */
static const struct {
    const char *name, *signature;
    immediates imm;
} builtins[CM_BUILTIN_COUNT] = {
    [CM_RESOURCE_NEW] = {"resource.new", "r:i", IMM_LOCAL_RESOURCE},
    [CM_RESOURCE_DROP] = {"resource.drop", "i:", IMM_RESOURCE},
    [CM_RESOURCE_REP] = {"resource.rep", "i:r", IMM_LOCAL_RESOURCE},
    [CM_TASK_CANCEL] = {"task.cancel", ":", IMM_NONE},
    [CM_SUBTASK_CANCEL] = {"subtask.cancel", "i:i", IMM_ASYNC},
    [CM_TASK_RETURN] = {"task.return", "", IMM_RETURN},
    [CM_CONTEXT_GET] = {"context.get", ":c", IMM_CONTEXT},
    [CM_CONTEXT_SET] = {"context.set", "c:", IMM_CONTEXT},
    [CM_THREAD_YIELD] = {"thread.yield", ":i", IMM_CANCEL},
    [CM_SUBTASK_DROP] = {"subtask.drop", "i:", IMM_NONE},
    [CM_STREAM_NEW] = {"stream.new", ":l", IMM_STREAM},
    [CM_STREAM_READ] = {"stream.read", "ipp:i", IMM_STREAM_OPTS},
    [CM_STREAM_WRITE] = {"stream.write", "ipp:i", IMM_STREAM_OPTS},
    [CM_STREAM_CANCEL_READ] = {"stream.cancel-read", "i:i", IMM_STREAM_ASYNC},
    [CM_STREAM_CANCEL_WRITE] = {"stream.cancel-write", "i:i", IMM_STREAM_ASYNC},
    [CM_STREAM_DROP_READABLE] = {"stream.drop-readable", "i:", IMM_STREAM},
    [CM_STREAM_DROP_WRITABLE] = {"stream.drop-writable", "i:", IMM_STREAM},
    [CM_FUTURE_NEW] = {"future.new", ":l", IMM_FUTURE},
    [CM_FUTURE_READ] = {"future.read", "ip:i", IMM_FUTURE_OPTS},
    [CM_FUTURE_WRITE] = {"future.write", "ip:i", IMM_FUTURE_OPTS},
    [CM_FUTURE_CANCEL_READ] = {"future.cancel-read", "i:i", IMM_FUTURE_ASYNC},
    [CM_FUTURE_CANCEL_WRITE] = {"future.cancel-write", "i:i", IMM_FUTURE_ASYNC},
    [CM_FUTURE_DROP_READABLE] = {"future.drop-readable", "i:", IMM_FUTURE},
    [CM_FUTURE_DROP_WRITABLE] = {"future.drop-writable", "i:", IMM_FUTURE},
    [CM_ERROR_CONTEXT_NEW] = {"error-context.new", "pp:i", IMM_OPTS},
    [CM_ERROR_CONTEXT_DEBUG_MESSAGE] = {"error-context.debug-message",
                                        "ip:", IMM_OPTS},
    [CM_ERROR_CONTEXT_DROP] = {"error-context.drop", "i:", IMM_NONE},
    [CM_WAITABLE_SET_NEW] = {"waitable-set.new", ":i", IMM_NONE},
    [CM_WAITABLE_SET_WAIT] = {"waitable-set.wait", "ip:i", IMM_CANCEL_MEMORY},
    [CM_WAITABLE_SET_POLL] = {"waitable-set.poll", "ip:i", IMM_CANCEL_MEMORY},
    [CM_WAITABLE_SET_DROP] = {"waitable-set.drop", "i:", IMM_NONE},
    [CM_WAITABLE_JOIN] = {"waitable.join", "ii:", IMM_NONE},
    [CM_BACKPRESSURE_INC] = {"backpressure.inc", ":", IMM_NONE},
    [CM_BACKPRESSURE_DEC] = {"backpressure.dec", ":", IMM_NONE},
    [CM_THREAD_INDEX] = {"thread.index", ":i", IMM_NONE},
    [CM_THREAD_NEW_INDIRECT] = {"thread.new-indirect", "", IMM_THREAD},
    [CM_THREAD_RESUME_LATER] = {"thread.resume-later", "i:", IMM_NONE},
    [CM_THREAD_SUSPEND] = {"thread.suspend", ":i", IMM_CANCEL},
    [CM_THREAD_SUSPEND_THEN_RESUME] = {"thread.suspend-then-resume", "i:i",
                                       IMM_CANCEL},
    [CM_THREAD_YIELD_THEN_RESUME] = {"thread.yield-then-resume", "i:i",
                                     IMM_CANCEL},
    [CM_THREAD_SUSPEND_THEN_PROMOTE] = {"thread.suspend-then-promote", "i:i",
                                        IMM_CANCEL},
    [CM_THREAD_YIELD_THEN_PROMOTE] = {"thread.yield-then-promote", "i:i",
                                      IMM_CANCEL},
};

const char *cm_builtin_name(cm_builtin kind)
{
    const char *name = builtins[kind].name;
    return name ? name : "";
}

/* The signature under construction. */
typedef struct signature {
    vm_type types[CM_MAX_FLAT_PARAMS + 2];
    uint32_t nparams, nresults;
    vm_type pointer, rep, context;
} signature;

static void sign(signature *s, const char *text)
{
    uint32_t *count = &s->nparams;
    for (; *text; text++) {
        vm_type type = VM_I32;
        switch (*text) {
        case ':': count = &s->nresults; continue;
        case 'l': type = VM_I64; break;
        case 'p': type = s->pointer; break;
        case 'r': type = s->rep; break;
        case 'c': type = s->context; break;
        default: break;
        }
        s->types[s->nparams + s->nresults] = type;
        ++*count;
    }
}

static bool read_resource(cm_decoder *d, bool local, cm_canon *c, signature *s)
{
    uint32_t index;
    cm_typedef def;
    if (!cm_read_u32(d, &index) || !cm_resource_at(d, index, &def))
        return false;
    const cm_resource_info *info = &d->resources.at[def.resource];
    c->resource = def.resource;
    s->rep = info->rep64 ? VM_I64 : VM_I32;
    return !local || info->serial == d->scope->serial ||
           cm_invalid(d, "type index %u is not a local resource", index);
}

static bool read_value(cm_decoder *d, cm_kind kind, cm_canon *c)
{
    uint32_t index;
    cm_typedef def;
    if (!cm_read_u32(d, &index) || !cm_type_at(d, index, &def))
        return false;
    if (def.kind != CM_DEF_VALUE || def.value->kind != kind)
        return cm_invalid(d, "type index %u is not a %s type", index,
                          cm_kind_name(kind));
    c->value = def.value;
    return true;
}

static bool read_copy_options(cm_decoder *d, cm_canon *c, signature *s)
{
    options opts;
    const cm_type *elem = c->value->elem;
    bool reads = c->kind == CM_STREAM_READ || c->kind == CM_FUTURE_READ;
    if (!read_options(d, OPT_ENCODING | OPT_MEMORY | OPT_REALLOC | OPT_ASYNC,
                      builtins[c->kind].name, &opts) ||
        !need_option(d, &opts, OPT_MEMORY, elem != NULL) ||
        !need_option(d, &opts, OPT_REALLOC, elem && reads && elem->has_pointer))
        return false;
    c->options = opts.o;
    s->pointer = pointer_type(&opts);
    return true;
}

static bool read_return(cm_decoder *d, cm_canon *c, signature *s)
{
    options opts;
    cm_flat flat;
    cm_field field = {0};
    const char *why;
    if (!cm_read_resultlist(d, &c->value) ||
        !read_options(d, OPT_ENCODING | OPT_MEMORY, "task.return", &opts))
        return false;
    field.type = c->value;
    cm_functype f = {
        .params = cm_type_params(d->arena, &field, c->value != NULL, &why)};
    if (!f.params)
        return why ? cm_invalid(d, "%s", why) : cm_no_memory(d);
    if (c->value && c->value->has_borrow)
        return cm_invalid(d, "task.return cannot return a `borrow` type");
    cm_flatten(&f, CM_LOWER, false, false, opts.o.mem64, &flat);
    if (!need_option(d, &opts, OPT_MEMORY,
                     flat.spilled_params || f.params->has_pointer))
        return false;
    c->options = opts.o;
    memcpy(s->types, flat.types, flat.nparams * sizeof *flat.types);
    s->nparams = flat.nparams;
    return true;
}

static bool read_context(cm_decoder *d, cm_canon *c, signature *s)
{
    uint8_t type;
    if (!cm_read_byte(d, &type) || !cm_read_u32(d, &c->index))
        return false;
    if (type != VM_I32 && type != VM_I64)
        return cm_invalid(d, "`%s` must be of type i32 or i64",
                          builtins[c->kind].name);
    s->context = type;
    return c->index < 2 ||
           cm_invalid(d, "`%s` index %u is out of range, expected 0 or 1",
                      builtins[c->kind].name, c->index);
}

static bool read_error_options(cm_decoder *d, cm_canon *c, signature *s)
{
    options opts;
    if (!read_options(d, OPT_ENCODING | OPT_MEMORY | OPT_REALLOC,
                      builtins[c->kind].name, &opts) ||
        !need_option(d, &opts, OPT_MEMORY, true) ||
        !need_option(d, &opts, OPT_REALLOC,
                     c->kind == CM_ERROR_CONTEXT_DEBUG_MESSAGE))
        return false;
    c->options = opts.o;
    s->pointer = pointer_type(&opts);
    return true;
}

/* The start function takes one i32 (or i64) and comes out of a table. */
static bool read_thread(cm_decoder *d, cm_canon *c, signature *s)
{
    const cm_builder *b = d->scope;
    uint32_t type;
    if (!cm_read_u32(d, &type) || !cm_read_u32(d, &c->table))
        return false;
    if (type >= b->core_types.count)
        return cm_out_of_bounds(d, "type", type);
    const vm_deftype *def = b->core_types.at[type].def;
    if (!def || def->kind != VM_COMP_FUNC || def->func.nparams != 1 ||
        def->func.nresults != 0 ||
        (def->func.types[0] != VM_I32 && def->func.types[0] != VM_I64))
        return cm_invalid(d, "start function must take a single i32 or i64 "
                             "argument and return nothing");
    if (c->table >= b->core[VM_EXTERN_TABLE].count)
        return cm_out_of_bounds(d, "table", c->table);
    const vm_externtype *table = &b->core[VM_EXTERN_TABLE].at[c->table];
    if (!vm_type_matches(d->core_types, table->table.type, VM_FUNCREF))
        return cm_invalid(d, "thread.new-indirect needs a table of funcref");
    c->core = def;
    s->types[0] = table->table.limits.is64 ? VM_I64 : VM_I32;
    s->types[1] = def->func.types[0];
    s->types[2] = VM_I32;
    s->nparams = 2;
    s->nresults = 1;
    return true;
}

static bool read_immediates(cm_decoder *d, cm_canon *c, signature *s)
{
    switch (builtins[c->kind].imm) {
    case IMM_NONE: return true;
    case IMM_RESOURCE: return read_resource(d, false, c, s);
    case IMM_LOCAL_RESOURCE: return read_resource(d, true, c, s);
    case IMM_STREAM: return read_value(d, CM_STREAM, c);
    case IMM_FUTURE: return read_value(d, CM_FUTURE, c);
    case IMM_STREAM_OPTS:
        return read_value(d, CM_STREAM, c) && read_copy_options(d, c, s);
    case IMM_FUTURE_OPTS:
        return read_value(d, CM_FUTURE, c) && read_copy_options(d, c, s);
    case IMM_STREAM_ASYNC:
        return read_value(d, CM_STREAM, c) && cm_read_bool(d, &c->is_async);
    case IMM_FUTURE_ASYNC:
        return read_value(d, CM_FUTURE, c) && cm_read_bool(d, &c->is_async);
    case IMM_ASYNC: return cm_read_bool(d, &c->is_async);
    case IMM_CANCEL: return cm_read_bool(d, &c->cancellable);
    case IMM_CANCEL_MEMORY:
        if (!cm_read_bool(d, &c->cancellable) ||
            !read_core_memory(d, &c->options.memory, &c->options.mem64))
            return false;
        s->pointer = c->options.mem64 ? VM_I64 : VM_I32;
        return true;
    case IMM_RETURN: return read_return(d, c, s);
    case IMM_CONTEXT: return read_context(d, c, s);
    case IMM_OPTS: return read_error_options(d, c, s);
    case IMM_THREAD: return read_thread(d, c, s);
    }
    return false;
}

static bool read_builtin(cm_decoder *d, cm_canon *c)
{
    signature s = {.pointer = VM_I32, .rep = VM_I32, .context = VM_I32};
    if (!read_immediates(d, c, &s))
        return false;
    sign(&s, builtins[c->kind].signature);
    vm_functype type = {.nparams = s.nparams,
                        .nresults = s.nresults,
                        .param_slots = s.nparams,
                        .result_slots = s.nresults,
                        .types = s.types};
    return add_core_func(d, &type, &c->core) &&
           add_canon(d, CM_STEP_BUILTIN, 0, c);
}

bool cm_decode_canon(cm_decoder *d)
{
    cm_canon c = {.options = {.memory = UINT32_MAX,
                              .realloc = UINT32_MAX,
                              .post_return = UINT32_MAX,
                              .callback = UINT32_MAX}};
    uint8_t byte;
    if (!cm_read_byte(d, &byte))
        return false;
    c.kind = (cm_builtin)byte;
    if (byte == CM_CANON_LIFT)
        return read_lift(d, &c);
    if (byte == CM_CANON_LOWER)
        return read_lower(d, &c);
    if (byte >= CM_BUILTIN_COUNT || !builtins[byte].name)
        return cm_bad_byte(d, byte, "canonical function");
    return read_builtin(d, &c);
}
