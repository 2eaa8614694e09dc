/* oracle_value.c - see oracle.h. */
#include "tests/fuzz/oracle.h"

#include "vm/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- which values there are -----------------------------------------------
 */

static bool is_exn(vm_type type)
{
    return vm_type_is_ref(type) && (vm_type_id(type) == VM_HEAP_EXN ||
                                    vm_type_id(type) == VM_HEAP_NOEXN);
}

static bool is_opaque(vm_type type)
{
    return type == VM_V128 || is_exn(type);
}

bool oracle_can_call(const vm_functype *type)
{
    for (uint32_t i = 0; i < type->nparams + type->nresults; i++)
        if (is_opaque(type->types[i]))
            return false;
    return true;
}

static const int32_t ints[] = {0, 1, -1, INT32_MIN, INT32_MAX, 42, 65535, 1000};
static const int64_t longs[] = {0,         1,  -1,    INT64_MIN,
                                INT64_MAX, 42, 65536, 0x80000000};
static const float floats[] = {0,     -0.0f, 1.5f,  -1,
                               3e38f, 1e10f, 1e-45, -2147483648.0f};
static const double doubles[] = {0,     -0.0, 1.5,    -1,
                                 1e308, 4e9,  5e-324, -9223372036854775808.0};

static bool choose_ref(vm_store *store, vm_type type, unsigned n, vm_ref *out)
{
    const vm_ref candidates[] = {0, vm_ref_from_i31(n & 0x7fffffff),
                                 vm_ref_from_host(1 + n % 2)};
    uint32_t top = vm_heap_top(&store->engine->types, vm_type_id(type));
    /* a JavaScript number would become an i31: only host objects outside */
    size_t count = top == VM_HEAP_FUNC ? 1 : 3;
    for (size_t i = 0; i < count; i++) {
        *out = candidates[(n + i) % count];
        bool is_number = vm_ref_is_i31(*out);
        if (!(is_number && top == VM_HEAP_EXTERN) &&
            vm_ref_test(store, *out, type))
            return true;
    }
    return false;
}

bool oracle_choose(vm_store *store, vm_type type, unsigned n, uint64_t *out)
{
    *out = 0;
    switch (type) {
    case VM_I32: *out = (uint32_t)ints[n % 8]; return true;
    case VM_I64: *out = (uint64_t)longs[n % 8]; return true;
    case VM_F32: memcpy(out, &floats[n % 8], 4); return true;
    case VM_F64: memcpy(out, &doubles[n % 8], 8); return true;
    default: break;
    }
    return !is_opaque(type) && choose_ref(store, type, n, out);
}

/* ---- printing --------------------------------------------------------------
 */

/* Of functions only whether they are null can be told by the word alone. */
static void print_ref(vm_type type, vm_ref ref)
{
    if (!ref)
        printf(" n");
    else if (ref & 1)
        printf(" s%d", (int32_t)((uint32_t)(ref >> 32) << 1) >> 1);
    else if (vm_ref_is_host(ref))
        printf(" h%" PRIu64, vm_ref_to_host(ref));
    else
        printf(" r");
}

/* Every NaN is one, since engines may choose their bits. */
static void print_value(vm_type type, uint64_t bits)
{
    double value;
    float single;
    switch (type) {
    case VM_I32: printf(" i%" PRId32, (int32_t)bits); break;
    case VM_I64: printf(" l%" PRId64, (int64_t)bits); break;
    case VM_F32:
        memcpy(&single, &bits, sizeof single);
        if (single != single)
            printf(" fnan");
        else
            printf(" f%08" PRIx32, (uint32_t)bits);
        break;
    case VM_F64:
        memcpy(&value, &bits, sizeof value);
        if (value != value)
            printf(" dnan");
        else
            printf(" d%016" PRIx64, bits);
        break;
    default:
        if (is_opaque(type))
            printf(" v");
        else
            print_ref(type, bits);
    }
}

void oracle_print_values(const vm_type *types, uint32_t n, const vm_slot *slots)
{
    for (uint32_t i = 0; i < n; slots += vm_type_slots(types[i++]))
        print_value(types[i], *slots);
}

void oracle_print_types(const vm_type *types, uint32_t n)
{
    static const char letters[] = {[VM_I32 & 7] = 'i',
                                   [VM_I64 & 7] = 'l',
                                   [VM_F32 & 7] = 'f',
                                   [VM_F64 & 7] = 'd'};
    for (uint32_t i = 0; i < n; i++)
        printf(" %c", is_opaque(types[i])        ? 'v'
                      : vm_type_is_ref(types[i]) ? 'r'
                                                 : letters[types[i] & 7]);
}

static uint32_t hash_of(const uint8_t *bytes, uint64_t n)
{
    uint32_t hash = 2166136261u;
    for (uint64_t i = 0; i < n; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return hash;
}

enum { HASHED = 65536, ELEMENTS = 200 };

static void print_memory(vm_memory *memory)
{
    uint64_t size = vm_memory_size(memory);
    printf(" %" PRIu64 " %" PRIu32 "\n", size,
           hash_of(vm_memory_data(memory), size < HASHED ? size : HASHED));
}

static void print_table(vm_table *table)
{
    uint64_t size = vm_table_size(table);
    printf(" %" PRIu64 " ", size);
    for (uint64_t i = 0; i < size && i < ELEMENTS; i++) {
        vm_ref ref = 0;
        putchar(vm_table_get(table, i, &ref) && ref ? '1' : '0');
    }
    putchar('\n');
}

void oracle_print_state(vm_instance *instance, const vm_export *exports,
                        size_t n)
{
    for (size_t i = 0; i < n; i++) {
        vm_extern x = vm_instance_export_at(instance, i);
        vm_type type = exports[i].type.global.type;
        vm_value value;
        switch (x.kind) {
        case VM_EXTERN_GLOBAL:
            if (is_opaque(type))
                break;
            value = vm_global_get(x.global);
            printf("global %zu", i);
            oracle_print_values(&type, 1, &value.u64);
            putchar('\n');
            break;
        case VM_EXTERN_TABLE:
            if (is_exn(exports[i].type.table.type))
                break;
            printf("table %zu", i);
            print_table(x.table);
            break;
        case VM_EXTERN_MEMORY:
            printf("memory %zu", i);
            print_memory(x.memory);
            break;
        default: break;
        }
    }
}

/* ---- ends ------------------------------------------------------------------
 */

bool oracle_is_exhausted(const vm_error *err)
{
    return strstr(err->text, "exhausted") || strstr(err->text, "limit") ||
           strstr(err->text, "out of memory") ||
           strstr(err->text, "interrupted");
}

void oracle_stop(const vm_error *err)
{
    printf("exhausted %s\n", err->text);
    fflush(stdout);
    _Exit(0);
}
