/* run_invoke.c - `vyoma run --invoke`: see run_invoke.h. */
#include "supervisor/run_invoke.h"
#include "supervisor/wave.h"
#include "vm/cm_internal.h"
#include "vm/types.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_LIMIT ((size_t)256 << 20)

/* ---- core functions ---------------------------------------------------- */

/* Integers may be written signed or unsigned, decimal or hexadecimal. */
static bool parse_core(const char *text, vm_type type, vm_value *out)
{
    char *end;
    errno = 0;
    memset(out, 0, sizeof *out);
    switch (type) {
    case VM_I32:
    case VM_I64:
        out->u64 = *text == '-' ? (uint64_t)strtoll(text, &end, 0)
                                : strtoull(text, &end, 0);
        if (type == VM_I32 && *text == '-' && out->i64 < INT32_MIN)
            return false;
        if (type == VM_I32 && *text != '-' && out->u64 > UINT32_MAX)
            return false;
        break;
    case VM_F32: out->f32 = strtof(text, &end); break;
    case VM_F64: out->f64 = strtod(text, &end); break;
    default: return false;
    }
    return *text && !*end && !errno;
}

static void print_core(vm_type type, const vm_value *value)
{
    switch (type) {
    case VM_I32: printf("%" PRId32 "\n", value->i32); break;
    case VM_I64: printf("%" PRId64 "\n", value->i64); break;
    case VM_F32: printf("%.9g\n", value->f32); break;
    case VM_F64: printf("%.17g\n", value->f64); break;
    case VM_V128:
        for (int i = 15; i >= 0; i--)
            printf("%02x", value->v128[i]);
        putchar('\n');
        break;
    default: puts(value->ref ? "<reference>" : "null"); break;
    }
}

static vm_status parse_all(const vm_functype *type, const char *const *args,
                           size_t count, vm_value *values, vm_error *err)
{
    if (count != type->nparams) {
        vm_error_set(err, VM_PHASE_LINK, SIZE_MAX,
                     "--invoke: the function takes %u arguments, %zu given",
                     type->nparams, count);
        return VM_INVALID;
    }
    for (size_t i = 0; i < count; i++)
        if (!parse_core(args[i], type->types[i], &values[i])) {
            vm_error_set(err, VM_PHASE_LINK, SIZE_MAX,
                         "--invoke: argument %zu, '%s', is not of the "
                         "parameter's type",
                         i + 1, args[i]);
            return VM_INVALID;
        }
    return VM_OK;
}

vm_status run_invoke_core(vm_store *store, vm_func *func,
                          const char *const *args, size_t count, vm_error *err)
{
    const vm_functype *type = vm_func_type(func);
    vm_value *params = calloc(type->nparams + 1u, sizeof *params);
    vm_value *results = calloc(type->nresults + 1u, sizeof *results);
    vm_status status = params && results ? VM_OK : VM_NO_MEMORY;
    if (status == VM_OK)
        status = parse_all(type, args, count, params, err);
    if (status == VM_OK)
        status = vm_call(store, func, params, results, err);
    for (uint32_t i = 0; status == VM_OK && i < type->nresults; i++)
        print_core(type->types[type->nparams + i], &results[i]);
    free(results);
    free(params);
    return status;
}

/* ---- components -------------------------------------------------------- */

/* Finds "name", or "ns:pkg/iface.name" / "ns:pkg/iface#name". */
static cm_func *find(cm_instance *instance, const char *name, size_t len)
{
    char copy[256];
    if (len >= sizeof copy)
        return NULL;
    memcpy(copy, name, len);
    copy[len] = 0;
    cm_func *func = cm_instance_func(instance, NULL, copy);
    char *cut = func ? NULL : strpbrk(copy, "#");
    if (!func && !cut)
        cut = strrchr(copy, '.');
    if (!cut)
        return func;
    *cut = 0;
    return cm_instance_func(instance, copy, cut + 1);
}

/* The command line's words, each one argument, as "(a, b)". */
static char *join(cm_arena *arena, const char *const *args, size_t count)
{
    size_t size = 3;
    for (size_t i = 0; i < count; i++)
        size += strlen(args[i]) + 2;
    char *text = cm_arena_alloc(arena, 1, size), *to = text;
    if (!text)
        return NULL;
    *to++ = '(';
    for (size_t i = 0; i < count; i++)
        to += sprintf(to, "%s%s", i ? ", " : "", args[i]);
    strcpy(to, ")");
    return text;
}

static vm_status parse_call(cm_arena *arena, const cm_functype *type,
                            const char *args, cm_value **out, vm_error *err)
{
    wave_text text = {.at = args,
                      .end = args + strlen(args),
                      .start = args,
                      .arena = arena,
                      .err = err};
    *out = cm_arena_alloc(arena, type->params->count + 1, sizeof **out);
    if (!*out)
        return VM_NO_MEMORY;
    return wave_parse_args(&text, type->params, *out) && wave_at_end(&text)
               ? VM_OK
               : VM_INVALID;
}

static vm_status call_and_print(cm_func *func, const cm_value *args,
                                vm_error *err)
{
    cm_result result;
    vm_status status = cm_func_call(func, args, &result, err);
    if (status != VM_OK)
        return status;
    if (func->type->result) {
        wave_print(stdout, func->type->result, &result.value);
        putchar('\n');
    }
    cm_result_free(&result);
    return VM_OK;
}

vm_status run_invoke_component(cm_instance *instance, const char *call,
                               const char *const *args, size_t count,
                               vm_error *err)
{
    size_t len = strcspn(call, "(");
    cm_func *func = find(instance, call, len);
    if (!func) {
        vm_error_set(err, VM_PHASE_LINK, SIZE_MAX,
                     "--invoke: it exports no function '%.*s'", (int)len, call);
        return VM_INVALID;
    }
    cm_arena arena;
    cm_arena_init(&arena, ARENA_LIMIT);
    cm_value *values;
    const char *text = call[len] ? call + len : join(&arena, args, count);
    vm_status status = text ? parse_call(&arena, func->type, text, &values, err)
                            : VM_NO_MEMORY;
    if (status == VM_OK)
        status = call_and_print(func, values, err);
    cm_arena_finish(&arena);
    return status;
}
