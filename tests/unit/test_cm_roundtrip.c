/*
 * test_cm_roundtrip.c - random values of random types go from the embedder into
 * component a, from there into component b, from there to a host function,
 * and all the way back; and must come back as they were.
 *
 * That is each way of lifting and lowering once: flat and spilled, views,
 * copies and raw, for each pair of string encodings and address sizes.
 */
#include "cm_fixture.h"

static uint64_t seed;

static uint32_t random_below(uint32_t n)
{
    seed ^= seed << 13; /* xorshift64 */
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 11) % n);
}

static uint64_t random_bits(void)
{
    uint64_t high = random_below(1u << 31);
    return high << 33 ^ (uint64_t)random_below(1u << 31) << 2 ^ high;
}

/* ---- types, as WIT --------------------------------------------------------
 */

static char defs[20000]; /* definitions of named types */
static unsigned ndefs;

static char *random_type(char *out, unsigned depth);

static char *add(char *out, const char *text)
{
    return out + sprintf(out, "%s", text);
}

/* record, variant, enum, flags: defined by name, used by it */
static char *random_named(char *out, unsigned depth)
{
    static const char *const keywords[] = {"record", "variant", "enum",
                                           "flags"};
    char text[6000], *at = text;
    unsigned kind = random_below(4), n = 1 + random_below(5), id = ndefs++;
    at += sprintf(at, "%s t%u { ", keywords[kind], id);
    for (unsigned i = 0; i < n; i++) {
        bool payload = kind == 0 || (kind == 1 && random_below(3));
        at += sprintf(at, "m%u%s", i, !payload ? "" : kind ? "(" : ": ");
        if (payload)
            at = random_type(at, depth + 1);
        at = add(at, payload && kind ? "), " : ", ");
    }
    add(at, "} ");
    strcat(defs, text);
    return out + sprintf(out, "t%u", id);
}

static char *random_tuple(char *out, unsigned depth)
{
    out = add(out, "tuple<");
    for (unsigned n = 1 + random_below(4); n; n--)
        out = add(random_type(out, depth + 1), n > 1 ? ", " : ">");
    return out;
}

static char *random_type(char *out, unsigned depth)
{
    static const char *const leaves[] = {
        "bool", "u8",  "s8",  "u16", "s16",  "u32",    "s32",
        "u64",  "s64", "f32", "f64", "char", "string", "list<u8>"};
    if (depth >= 3 || !random_below(3))
        return add(out, leaves[random_below(14)]);
    switch (random_below(7)) {
    case 0: return random_tuple(out, depth);
    case 1: return add(random_type(add(out, "list<"), depth + 1), ">");
    case 2: return add(random_type(add(out, "list<"), depth + 1), ", 3>");
    case 3: return add(random_type(add(out, "option<"), depth + 1), ">");
    case 4:
        out = add(random_type(add(out, "result<"), depth + 1), ", ");
        return add(random_type(out, depth + 1), ">");
    case 5: return add(random_type(add(out, "map<string, "), depth + 1), ">");
    default: return random_named(out, depth);
    }
}

/* ---- values ---------------------------------------------------------------
 */

static cm_value random_value(const cm_type *type);

static const char *const texts[] = {
    "",
    "a",
    "hello, world",
    "na\xc3\xafve",
    "\xe2\x82\xac uro",
    "\xf0\x9f\x98\x80",
    "\xc3\xbf\xc2\x80",
    "mixed \xc3\xa9 \xe4\xb8\xad \xf0\x9d\x84\x9e"};

static cm_value random_list(const cm_type *type, const cm_type *elem, size_t n)
{
    cm_value value = {0};
    value.list.items = cm_arena_alloc(&fx.wit.arena, n, sizeof(cm_value));
    value.list.len = n;
    for (size_t i = 0; i < n; i++)
        value.list.items[i] = random_value(elem ? elem : type->fields[i].type);
    return value;
}

static cm_value random_variant(const cm_type *type)
{
    cm_value value = {0};
    value.variant.index = random_below(type->count);
    const cm_type *payload = type->fields[value.variant.index].type;
    if (payload) {
        value.variant.payload =
            cm_arena_alloc(&fx.wit.arena, 1, sizeof(cm_value));
        *value.variant.payload = random_value(payload);
    }
    return value;
}

static cm_value random_scalar(const cm_type *type)
{
    cm_value value = {.u = random_bits()};
    switch ((cm_kind)type->kind) {
    case CM_BOOL: value.u &= 1; break;
    case CM_U8: value.u &= 0xff; break;
    case CM_U16: value.u &= 0xffff; break;
    case CM_U32: value.u &= 0xffffffff; break;
    case CM_S8: value.s = (int8_t)value.s; break;
    case CM_S16: value.s = (int16_t)value.s; break;
    case CM_S32: value.s = (int32_t)value.s; break;
    case CM_F32:
        value.u &= 0xffffffff;
        if (value.f32 != value.f32)
            value.u = 0x7fc00000;
        break;
    case CM_F64:
        if (value.f64 != value.f64)
            value.u = 0x7ff8000000000000;
        break;
    case CM_CHAR: value.u %= 0xd800; break;
    case CM_FLAGS: value.u &= (UINT64_C(1) << type->count) - 1; break;
    default: break;
    }
    return value;
}

static cm_value random_value(const cm_type *type)
{
    cm_value value = {0};
    switch ((cm_kind)type->kind) {
    case CM_STRING:
        value.str.data = texts[random_below(8)];
        value.str.len = strlen(value.str.data);
        return value;
    case CM_LIST:
    case CM_MAP:
        if (type->elem->kind != CM_U8)
            return random_list(type, type->elem, random_below(4));
        value.bytes.data = (const uint8_t *)texts[random_below(8)];
        value.bytes.len = strlen((const char *)value.bytes.data);
        return value;
    case CM_FIXED_LIST: return random_list(type, type->elem, type->count);
    case CM_RECORD:
    case CM_TUPLE: return random_list(type, NULL, type->count);
    case CM_VARIANT:
    case CM_ENUM:
    case CM_OPTION:
    case CM_RESULT: return random_variant(type);
    default: return random_scalar(type);
    }
}

static bool equal(const cm_type *type, const cm_value *a, const cm_value *b);

static bool equal_items(const cm_type *type, const cm_value *a,
                        const cm_value *b)
{
    if (a->list.len != b->list.len)
        return false;
    for (size_t i = 0; i < a->list.len; i++)
        if (!equal(type->elem ? type->elem : type->fields[i].type,
                   &a->list.items[i], &b->list.items[i]))
            return false;
    return true;
}

static bool equal(const cm_type *type, const cm_value *a, const cm_value *b)
{
    switch ((cm_kind)type->kind) {
    case CM_LIST:
        if (type->elem->kind != CM_U8)
            return equal_items(type, a, b);
        __attribute__((fallthrough));
    case CM_STRING:
        return a->str.len == b->str.len &&
               !memcmp(a->str.data, b->str.data, a->str.len);
    case CM_MAP:
    case CM_FIXED_LIST:
    case CM_RECORD:
    case CM_TUPLE: return equal_items(type, a, b);
    case CM_VARIANT:
    case CM_ENUM:
    case CM_OPTION:
    case CM_RESULT: {
        if (a->variant.index != b->variant.index)
            return false;
        const cm_type *payload = type->fields[a->variant.index].type;
        return !payload ||
               equal(payload, a->variant.payload, b->variant.payload);
    }
    default: return a->u == b->u;
    }
}

/* ---- the way through ------------------------------------------------------
 */

/* Core code of a guest: hands on to an import what it was called with. */
typedef struct relay {
    guest *guest;
    vm_func *import;
    cm_flat lift, lower;
} relay;

enum { OUT = 64, OUT_SIZE = 4000 }; /* where results are spilled to */

static vm_status relay_call(vm_fiber *fiber, void *env, vm_slot *slots)
{
    relay *r = env;
    vm_error err = {0};
    vm_slot inner[CM_MAX_FLAT_PARAMS + 1] = {0};
    memcpy(inner, slots, r->lift.nparams * sizeof *slots);
    if (r->lower.spilled_result)
        inner[r->lower.nparams - 1] = OUT;
    if (vm_call_slots(fx.store, r->import, inner, &err) != VM_OK)
        return vm_trap(fiber, "%s", err.text);
    slots[0] = r->lower.spilled_result ? OUT : inner[0];
    return VM_OK;
}

static void relay_init(relay *r, guest *g, cm_func *callee)
{
    r->guest = g;
    r->import = import_into(g, callee);
    cm_flatten(callee->type, CM_LIFT, false, false, g->options.mem64, &r->lift);
    cm_flatten(callee->type, CM_LOWER, false, false, g->options.mem64,
               &r->lower);
}

static const cm_value *expected;

static vm_status host_echo(cm_call *call, void *host, const cm_value *args,
                           cm_value *result)
{
    const cm_functype *type = host;
    if (!equal(type->result, &args[0], expected))
        return cm_trap(call, "the host got another value");
    *result = args[0];
    return VM_OK;
}

static void one_trip(const cm_functype *type, const char *text)
{
    relay in_a, in_b;
    vm_error err = {0};
    cm_result result;
    cm_value value = random_value(type->result);
    expected = &value;
    fx.a.plan = fx.b.plan = (realloc_plan){.next = OUT + OUT_SIZE};
    cm_func host = host_func(type, host_echo, (void *)type);
    relay_init(&in_b, &fx.b, &host);
    cm_func b = export_of(&fx.b, type, relay_call, &in_b);
    relay_init(&in_a, &fx.a, &b);
    cm_func a = export_of(&fx.a, type, relay_call, &in_a);
    if (cm_func_call(&a, &value, &result, &err) != VM_OK)
        fail_msg("%s: %s", text, err.text);
    if (!equal(type->result, &result.value, &value))
        fail_msg("%s: another value came back", text);
    cm_result_free(&result);
}

static void trips(bool mem64_a, bool mem64_b, cm_encoding a, cm_encoding b)
{
    char type[20000], body[50000];
    fixture_start(mem64_a, mem64_b);
    fx.a.options.encoding = a;
    fx.b.options.encoding = b;
    for (unsigned i = 0; i < 40; i++) {
        defs[0] = '\0';
        ndefs = 0;
        random_type(type, 0);
        snprintf(body, sizeof body, "%s f: func(x: %s) -> %s;", defs, type,
                 type);
        const cm_functype *f = functype(body);
        if (f->result->size[1] > OUT_SIZE)
            continue;
        for (unsigned k = 0; k < 4; k++)
            one_trip(f, body);
    }
    fixture_end();
}

static void values_come_back(void **state)
{
    static const cm_encoding encodings[] = {CM_UTF8, CM_UTF16, CM_LATIN1_UTF16};
    seed = 88172645463325252u;
    for (unsigned i = 0; i < 36; i++)
        trips(i & 1, i & 2, encodings[i / 4 % 3], encodings[i / 12]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back),
    };
    return cmocka_run_group_tests_name("cm_roundtrip", tests, NULL, NULL);
}
