/* wast_value.c - constants in scripts, and matching of results. */
#include "supervisor/wast.h"

#include "vm/heap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Integers are decimal and may be signed; floats are decimal bit patterns. */
static uint64_t parse_int(const char *text)
{
    return *text == '-' ? (uint64_t)strtoll(text, NULL, 10)
                        : strtoull(text, NULL, 10);
}

static bool is_null(const char *text)
{
    return text && !strcmp(text, "null");
}

/* ---- lanes -------------------------------------------------------------- */

/* Of "i8" to "f64"; 0 for anything else. */
static unsigned lane_bits(const char *lane_type)
{
    unsigned long bits = strtoul(lane_type + 1, NULL, 10);
    return bits == 8 || bits == 16 || bits == 32 || bits == 64 ? (unsigned)bits
                                                               : 0;
}

static bool parse_v128(const json *constant, vm_value *out)
{
    const char *lane_type = json_get_str(constant, "lane_type");
    const json *lanes = json_get(constant, "value");
    if (!lane_type || !lanes)
        return false;
    unsigned bytes = lane_bits(lane_type) / 8, at = 0;
    for (const json *l = lanes->first; bytes && l && at + bytes <= 16;
         l = l->next) {
        uint64_t value = parse_int(l->str);
        memcpy(out->v128 + at, &value, bytes);
        at += bytes;
    }
    return at == 16;
}

bool wast_value_parse(const json *constant, vm_value *out)
{
    const char *type = json_get_str(constant, "type");
    const char *text = json_get_str(constant, "value");
    memset(out, 0, sizeof *out);
    if (!type)
        return false;
    if (!strcmp(type, "v128"))
        return parse_v128(constant, out);
    if (text && strchr("if", type[0]) && (type[1] == '3' || type[1] == '6') &&
        strlen(type) == 3) {
        out->u64 = parse_int(text);
        return true;
    }
    if (!strncmp(type, "null", 4) || !strcmp(type, "refnull") ||
        is_null(text)) {
        out->ref = 0;
        return true;
    }
    if (text && (!strcmp(type, "externref") || !strcmp(type, "anyref"))) {
        out->ref = vm_ref_from_host(parse_int(text));
        return true;
    }
    return false;
}

/* ---- floats ------------------------------------------------------------- */

/* nan:canonical is the quiet bit alone; nan:arithmetic at least that bit. */
static bool float_matches(const char *expected, uint64_t bits, unsigned width)
{
    uint64_t sign = UINT64_C(1) << (width - 1);
    uint64_t quiet = width == 32 ? 0x7fc00000 : 0x7ff8000000000000;
    if (!strcmp(expected, "nan:canonical"))
        return (bits & ~sign) == quiet;
    if (!strcmp(expected, "nan:arithmetic"))
        return (bits & quiet) == quiet;
    return bits == parse_int(expected);
}

static bool lane_matches(const char *lane_type, const char *expected,
                         const uint8_t *bytes)
{
    unsigned width = lane_bits(lane_type);
    uint64_t bits = 0, want = 0;
    memcpy(&bits, bytes, width / 8);
    if (*lane_type == 'f')
        return float_matches(expected, bits, width);
    uint64_t value = parse_int(expected);
    memcpy(&want, &value, width / 8);
    return bits == want;
}

static bool v128_matches(const json *expected, const uint8_t *bytes)
{
    const char *lane_type = json_get_str(expected, "lane_type");
    const json *lanes = json_get(expected, "value");
    if (!lane_type || !lanes)
        return false;
    unsigned width = lane_bits(lane_type) / 8, at = 0;
    for (const json *l = lanes->first; l; l = l->next, at += width)
        if (at + width > 16 || !lane_matches(lane_type, l->str, bytes + at))
            return false;
    return at == 16;
}

/* ---- references --------------------------------------------------------- */

static const struct {
    const char *name;
    vm_type type;
    bool is_null; /* expected to be null */
} ref_names[] = {
    {"funcref", VM_REF | VM_HEAP_FUNC, false},
    {"externref", VM_REF | VM_HEAP_EXTERN, false},
    {"anyref", VM_REF | VM_HEAP_ANY, false},
    {"eqref", VM_REF | VM_HEAP_EQ, false},
    {"i31ref", VM_REF | VM_HEAP_I31, false},
    {"structref", VM_REF | VM_HEAP_STRUCT, false},
    {"arrayref", VM_REF | VM_HEAP_ARRAY, false},
    {"exnref", VM_REF | VM_HEAP_EXN, false},
    {"refnull", 0, true},
    {"nullref", 0, true},
    {"nullfuncref", 0, true},
    {"nullexternref", 0, true},
    {"nullexnref", 0, true},
};

/* An i31 or a host's word is told apart by vm_ref_test; func, extern and exn
 * references have hierarchies of their own, so their type says enough. */
static bool ref_matches(const wast_script *s, const json *expected,
                        vm_type type, vm_ref ref)
{
    const char *name = json_get_str(expected, "type");
    const char *text = json_get_str(expected, "value");
    for (size_t i = 0; i < sizeof ref_names / sizeof *ref_names; i++) {
        if (strcmp(ref_names[i].name, name))
            continue;
        if (ref_names[i].is_null || is_null(text))
            return ref == 0;
        if (text)
            return ref == vm_ref_from_host(parse_int(text));
        vm_type want = ref_names[i].type;
        uint32_t heap = vm_type_id(want);
        if (ref == 0)
            return false;
        if (heap == VM_HEAP_FUNC || heap == VM_HEAP_EXTERN ||
            heap == VM_HEAP_EXN)
            return vm_heap_top(&s->engine->types, vm_type_id(type)) == heap;
        return vm_ref_test(s->store, ref, want);
    }
    return false;
}

/* ---- any value ---------------------------------------------------------- */

static bool number_matches(const json *expected, vm_type type, vm_value got)
{
    const char *text = json_get_str(expected, "value");
    if (!text)
        return false;
    switch (type) {
    case VM_I32: return got.u32 == (uint32_t)parse_int(text);
    case VM_I64: return got.u64 == parse_int(text);
    case VM_F32: return float_matches(text, got.u32, 32);
    default: return float_matches(text, got.u64, 64);
    }
}

static bool either_matches(const wast_script *s, const json *expected,
                           vm_type type, vm_value got)
{
    const json *values = json_get(expected, "values");
    for (const json *v = values ? values->first : NULL; v; v = v->next)
        if (wast_value_matches(s, v, type, got))
            return true;
    return false;
}

bool wast_value_matches(const wast_script *s, const json *expected,
                        vm_type type, vm_value got)
{
    char own[40];
    const char *name = json_get_str(expected, "type");
    if (!name)
        return false;
    if (!strcmp(name, "either"))
        return either_matches(s, expected, type, got);
    if (vm_type_is_ref(type))
        return ref_matches(s, expected, type, got.ref);
    if (strcmp(name, vm_type_name(type, own, sizeof own)))
        return false;
    return type == VM_V128 ? v128_matches(expected, got.v128)
                           : number_matches(expected, type, got);
}

/* ---- text --------------------------------------------------------------- */

static void append(char *buf, size_t size, const char *text)
{
    size_t len = strlen(buf);
    snprintf(buf + len, size - len, "%s%s", len ? " " : "", text);
}

void wast_value_format(vm_type type, vm_value v, char *buf, size_t size)
{
    char text[80], name[40];
    vm_type_name(type, name, sizeof name);
    switch (type) {
    case VM_I32:
        snprintf(text, sizeof text, "i32 %" PRId32 " (0x%" PRIx32 ")", v.i32,
                 v.u32);
        break;
    case VM_I64:
        snprintf(text, sizeof text, "i64 %" PRId64 " (0x%" PRIx64 ")", v.i64,
                 v.u64);
        break;
    case VM_F32:
        snprintf(text, sizeof text, "f32 %a (0x%" PRIx32 ")", v.f32, v.u32);
        break;
    case VM_F64:
        snprintf(text, sizeof text, "f64 %a (0x%" PRIx64 ")", v.f64, v.u64);
        break;
    case VM_V128: {
        uint32_t lanes[4];
        memcpy(lanes, v.v128, sizeof lanes);
        snprintf(text, sizeof text, "v128 %08x %08x %08x %08x", lanes[0],
                 lanes[1], lanes[2], lanes[3]);
        break;
    }
    default: snprintf(text, sizeof text, "%s 0x%" PRIx64, name, v.ref); break;
    }
    append(buf, size, text);
}

void wast_constant_format(const json *constant, char *buf, size_t size)
{
    const char *type = json_get_str(constant, "type");
    const json *value = json_get(constant, "value");
    if (!value)
        value = json_get(constant, "values");
    append(buf, size, type ? type : "?");
    if (value && value->str)
        append(buf, size, value->str);
    for (const json *v = value ? value->first : NULL; v; v = v->next) {
        if (v->str)
            append(buf, size, v->str);
        else
            wast_constant_format(v, buf, size);
    }
}
