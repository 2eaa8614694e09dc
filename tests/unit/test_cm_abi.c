/*
 * test_cm_abi.c - the canonical ABI's trap conditions for values: what a guest
 * may pass out (lifting), and what its realloc may answer (lowering).  One case
 * per trap_if of definitions.py that concerns synchronous calls; handles are in
 * test_cm_handles.c.
 */
#include "cm_fixture.h"

/* ---- lifting: a guest calls a host function -------------------------------
 *
 * Before each case the guest's memory (one page) holds at
 *    16  ff fe            no UTF-8
 *    32  00 d8 41 00      UTF-16 with a lone surrogate
 *    48  03 00 00 00      a discriminant of 3
 *    64  00 00 11 00      a char of 0x110000
 *    80  20 00 00 00 02 00 00 00   string/list at 32, 2 units
 */

typedef struct bad_lift {
    const char *body; /* of the interface; f is called */
    const char *text; /* in the trap */
    vm_slot slots[3];
    cm_encoding encoding;
} bad_lift;

#define S17                                                                    \
    "a: u8, b: u8, c: u8, d: u8, e: u8, g: u8, h: u8, i: u8, j: u8, k: u8, "   \
    "l: u8, m: u8, n: u8, o: u8, p: u8, q: u8, r: u64"

static const bad_lift bad_lifts[] = {
    {"f: func(c: char);", "invalid `char` bit pattern", {0x110000}},
    {"f: func(c: char);", "invalid `char` bit pattern", {0xd800}},
    {"f: func(c: char);", "invalid `char` bit pattern", {0xdfff}},
    {"f: func(c: char);", "invalid `char` bit pattern", {0xffffffff}},
    {"f: func(c: list<char>);", "invalid `char` bit pattern", {64, 1}},

    {"f: func(s: string);", "out of bounds of memory", {65536, 1}},
    {"f: func(s: string);", "out of bounds of memory", {65535, 2}},
    {"f: func(s: string);", "out of bounds of memory", {0xffffffff, 1}},
    {"f: func(s: string);", "out of bounds of memory", {0, 0xffffffff}},
    {"f: func(s: string);", "out of bounds of memory", {65537, 0}},
    {"f: func(s: string);", "more than 2^28-1", {0, 1 << 28}},
    {"f: func(s: string);", "invalid utf-8", {16, 2}},
    {"f: func(s: string);", "invalid utf-8", {17, 1}},
    {"f: func(s: string);", "unaligned", {1, 0}, CM_UTF16},
    {"f: func(s: string);", "unaligned", {33, 1}, CM_UTF16},
    {"f: func(s: string);", "unpaired surrogate", {32, 1}, CM_UTF16},
    {"f: func(s: string);", "unpaired surrogate", {32, 2}, CM_UTF16},
    {"f: func(s: string);", "more than 2^28-1", {0, 1 << 27}, CM_UTF16},
    {"f: func(s: string);", "out of bounds", {65534, 2}, CM_UTF16},
    {"f: func(s: string);", "unaligned", {33, 1}, CM_LATIN1_UTF16},
    {"f: func(s: string);", "unpaired", {32, 0x80000001}, CM_LATIN1_UTF16},
    {"f: func(s: string);", "out of bounds", {65534, 3}, CM_LATIN1_UTF16},
    {"f: func(s: string);",
     "out of bounds",
     {65534, 0x80000002},
     CM_LATIN1_UTF16},
    {"f: func(s: string);",
     "more than 2^28-1",
     {0, 0xffffffff},
     CM_LATIN1_UTF16},

    {"f: func(l: list<u8>);", "list content out-of-bounds", {65536, 1}},
    {"f: func(l: list<u8>);", "more than 2^28-1", {0, 1 << 28}},
    {"f: func(l: list<u32>);", "list content out-of-bounds", {65532, 2}},
    {"f: func(l: list<u32>);", "unaligned", {2, 1}},
    {"f: func(l: list<u32>);", "unaligned", {2, 0}},
    {"f: func(l: list<u64>);", "unaligned", {4, 1}},
    /* 0x20000001 * 8 is 8 in 32 bits */
    {"f: func(l: list<u64>);", "more than 2^28-1", {0, 0x20000001}},
    {"f: func(l: list<tuple<u64, u8>>);", "more than 2^28-1", {0, 1 << 24}},
    {"f: func(l: list<string>);", "unpaired surrogate", {80, 1}, CM_UTF16},
    {"f: func(l: list<list<u8>>);", "list content out-of-bounds", {64, 1}},
    {"f: func(m: map<u8, u32>);", "unaligned", {2, 1}},

    {"enum e { a, b } f: func(e: e);", "invalid variant discriminant", {2}},
    {"enum e { a, b } f: func(l: list<e>);",
     "invalid variant discriminant",
     {48, 1}},
    {"f: func(o: option<u8>);", "invalid variant discriminant", {2}},
    {"f: func(o: result<u8, u8>);", "invalid variant discriminant", {3}},
    {"f: func(o: result);", "invalid variant discriminant", {0xffffffff}},
    {"f: func(o: list<option<u32>>);", "discriminant", {48, 1}},
    {"variant v { a(char), b(f32), c(u64) } f: func(v: v);",
     "invalid `char`",
     {0, 0x110000}},
    {"variant v { a(string), b } f: func(v: v);", "invalid utf-8", {0, 16, 2}},
    {"variant v { a(string), b } f: func(v: v);", "discriminant", {2, 16, 2}},

    /* seventeen values do not fit into sixteen slots */
    {"f: func(" S17 ");", "unaligned pointer of spilled", {4}},
    {"f: func(" S17 ");", "pointer out of bounds of memory", {65528}},
    {"f: func(" S17 ");", "pointer out of bounds of memory", {0xfffffff8}},
};

static vm_status must_not_run(cm_call *call, void *host, const cm_value *args,
                              cm_value *result)
{
    return cm_trap(call, "the host function ran");
}

static void prepare_memory(guest *g)
{
    static const uint8_t bytes[] = {[16] = 0xff, 0xfe,     [33] = 0xd8,
                                    0x41,        [48] = 3, [66] = 0x11,
                                    [80] = 0x20, [84] = 2, [88] = 0};
    uint8_t *mem = vm_memory_data(g->memory);
    memset(mem, 0, 65536);
    memcpy(mem, bytes, sizeof bytes);
}

static void run_bad_lift(const bad_lift *c, bool mem64)
{
    fixture_start(mem64, false);
    prepare_memory(&fx.a);
    fx.a.options.encoding = c->encoding;
    cm_func callee = host_func(functype(c->body), must_not_run, NULL);
    vm_func *import = import_into(&fx.a, &callee);
    vm_slot slots[CM_MAX_FLAT_PARAMS + 1] = {0};
    vm_error err = {0};
    memcpy(slots, c->slots, sizeof c->slots);
    vm_status status = vm_call_slots(fx.store, import, slots, &err);
    assert_traps(status, &err, c->text, c->body);
    fixture_end();
}

static void bad_values_do_not_lift(void **state)
{
    for (size_t i = 0; i < sizeof bad_lifts / sizeof *bad_lifts; i++)
        run_bad_lift(&bad_lifts[i], false);
}

/* The same between components: the callee must not run either. */
static vm_status core_must_not_run(vm_fiber *fiber, void *env, vm_slot *slots)
{
    return vm_trap(fiber, "the callee ran");
}

static void bad_values_do_not_cross(void **state)
{
    for (size_t i = 0; i < sizeof bad_lifts / sizeof *bad_lifts; i++) {
        const bad_lift *c = &bad_lifts[i];
        fixture_start(false, false);
        prepare_memory(&fx.a);
        fx.a.options.encoding = c->encoding;
        cm_func callee =
            export_of(&fx.b, functype(c->body), core_must_not_run, NULL);
        vm_func *import = import_into(&fx.a, &callee);
        vm_slot slots[CM_MAX_FLAT_PARAMS + 1] = {0};
        vm_error err = {0};
        memcpy(slots, c->slots, sizeof c->slots);
        assert_traps(vm_call_slots(fx.store, import, slots, &err), &err,
                     c->text, c->body);
        fixture_end();
    }
}

/* 64-bit addresses: what 32 bits would cut off counts. */
static void wide_pointers_are_checked_whole(void **state)
{
    static const bad_lift cases[] = {
        {"f: func(s: string);", "out of bounds", {0x100000000, 1}},
        {"f: func(s: string);", "more than 2^28-1", {0, 0x100000000}},
        {"f: func(l: list<u32>);", "out-of-bounds", {0x100000000, 1}},
        {"f: func(l: list<u64>);", "2^28-1", {0, UINT64_C(1) << 61}},
        {"f: func(" S17 ");", "out of bounds", {0x100000000}},
        {"f: func(s: string);",
         "more than 2^28-1",
         {0, 0x80000001},
         CM_LATIN1_UTF16},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        run_bad_lift(&cases[i], true);
}

/* ---- good values, at the edges --------------------------------------------
 */

static cm_value seen[4];
static char seen_text[64];

static vm_status note(cm_call *call, void *host, const cm_value *args,
                      cm_value *result)
{
    const cm_functype *type = host;
    memcpy(seen, args, type->params->count * sizeof *args);
    seen_text[0] = '\0';
    if (type->params->fields[0].type->kind == CM_STRING)
        memcpy(seen_text, args[0].str.data, args[0].str.len);
    seen_text[args[0].str.len % sizeof seen_text] = '\0';
    return VM_OK;
}

static void lift(const char *body, const vm_slot slots[3], cm_encoding encoding)
{
    fx.a.options.encoding = encoding;
    const cm_functype *type = functype(body);
    cm_func callee = host_func(type, note, (void *)type);
    vm_slot copy[CM_MAX_FLAT_PARAMS + 1] = {0};
    vm_error err = {0};
    memcpy(copy, slots, 3 * sizeof *slots);
    if (vm_call_slots(fx.store, import_into(&fx.a, &callee), copy, &err))
        fail_msg("%s: %s", body, err.text);
}

#define LIFT(body, ...) lift(body, (const vm_slot[3]){__VA_ARGS__}, CM_UTF8)

static void values_lift_as_defined(void **state)
{
    fixture_start(false, false);
    prepare_memory(&fx.a);
    LIFT("f: func(b: bool);", 0xdeadbeef00000002); /* high half: unspecified */
    assert_int_equal(seen[0].u, 1);
    LIFT("f: func(b: bool);", 0xdeadbeef00000000);
    assert_int_equal(seen[0].u, 0);
    LIFT("f: func(b: u8);", 0x1ff);
    assert_int_equal(seen[0].u, 0xff);
    LIFT("f: func(b: s8);", 0x180);
    assert_int_equal(seen[0].s, -128);
    LIFT("f: func(b: s16);", 0xffff8000);
    assert_int_equal(seen[0].s, -32768);
    LIFT("f: func(b: s32);", 0x80000000);
    assert_int_equal(seen[0].s, INT32_MIN);
    LIFT("f: func(b: f32);", 0xffc12345); /* NaNs become the canonical one */
    assert_int_equal(seen[0].u, 0x7fc00000);
    LIFT("f: func(b: f64);", 0xfff0000000000001);
    assert_int_equal(seen[0].u, 0x7ff8000000000000);
    LIFT("f: func(b: f64);", 0xfff0000000000000); /* -inf is none */
    assert_int_equal(seen[0].u, 0xfff0000000000000);
    LIFT("flags g { a, b, c } f: func(b: g);", 0xff);
    assert_int_equal(seen[0].flags, 7);
    LIFT("f: func(c: char);", 0x10ffff);
    assert_int_equal(seen[0].u, 0x10ffff);
    LIFT("f: func(s: string);", 65536, 0); /* empty, at the very end */
    assert_int_equal(seen[0].str.len, 0);
    LIFT("variant v { a(f32), b(u64) } f: func(v: v);", 0, 0xdead00003f800000);
    assert_int_equal(seen[0].variant.index, 0);
    LIFT("f: func(l: list<u8, 3>);", 1, 2, 3);
    assert_int_equal(seen[0].list.len, 3);
    fixture_end();
}

static void strings_reach_the_host_as_utf8(void **state)
{
    static const uint8_t wide[] = {0xe9, 0, 0x3d, 0xd8, 0x00, 0xde};
    static const uint8_t narrow[] = {0xe9, 'a'};
    fixture_start(false, false);
    uint8_t *mem = vm_memory_data(fx.a.memory);
    memcpy(mem + 128, wide, sizeof wide);
    memcpy(mem + 136, narrow, sizeof narrow);
    lift("f: func(s: string);", (const vm_slot[3]){128, 3}, CM_UTF16);
    assert_string_equal(seen_text, "\xc3\xa9\xf0\x9f\x98\x80");
    lift("f: func(s: string);", (const vm_slot[3]){128, 0x80000003},
         CM_LATIN1_UTF16);
    assert_string_equal(seen_text, "\xc3\xa9\xf0\x9f\x98\x80");
    lift("f: func(s: string);", (const vm_slot[3]){136, 2}, CM_LATIN1_UTF16);
    assert_string_equal(seen_text, "\xc3\xa9"
                                   "a");
    /* UTF-8 is not copied */
    memcpy(mem + 200, "hello", 5);
    lift("f: func(s: string);", (const vm_slot[3]){200, 5}, CM_UTF8);
    assert_ptr_equal(seen[0].str.data, mem + 200);
    lift("f: func(s: list<u8>);", (const vm_slot[3]){200, 5}, CM_UTF8);
    assert_ptr_equal(seen[0].bytes.data, mem + 200);
    fixture_end();
}

/* ---- lowering: what realloc may answer ------------------------------------
 */

typedef struct bad_realloc {
    const char *body;
    const char *text;
    uint64_t address;
    cm_encoding encoding;
} bad_realloc;

/* The host answers with these, in order of the kinds. */
static vm_status answer(cm_call *call, void *host, const cm_value *args,
                        cm_value *result)
{
    static cm_value numbers[] = {{.u = 1}, {.u = 2}, {.u = 3}};
    const cm_type *type = host;
    if (type->kind == CM_STRING) {
        result->str.data = "h\xc3\xa9";
        result->str.len = 3;
    } else {
        result->list.items = numbers;
        result->list.len = 3;
    }
    return VM_OK;
}

static vm_status call_answer(const char *body, vm_slot out, vm_error *err)
{
    const cm_functype *type = functype(body);
    cm_func callee = host_func(type, answer, (void *)type->result);
    vm_slot slots[CM_MAX_FLAT_PARAMS + 1] = {out};
    return vm_call_slots(fx.store, import_into(&fx.a, &callee), slots, err);
}

static void bad_reallocs_are_caught(void **state)
{
    static const bad_realloc cases[] = {
        {"f: func() -> string;", "beyond end of memory", 65534},
        {"f: func() -> string;", "beyond end of memory", 0xffffffff},
        {"f: func() -> string;", "not aligned", 4097, CM_UTF16},
        {"f: func() -> string;", "beyond end", 65532, CM_UTF16},
        {"f: func() -> string;", "not aligned", 4097, CM_LATIN1_UTF16},
        {"f: func() -> string;", "beyond end", 65534, CM_LATIN1_UTF16},
        {"f: func() -> list<u32>;", "not aligned", 4098},
        {"f: func() -> list<u32>;", "beyond end of memory", 65528},
        {"f: func() -> list<u32>;", "beyond end of memory", 0xfffffffc},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vm_error err = {0};
        fixture_start(false, false);
        fx.a.options.encoding = cases[i].encoding;
        fx.a.plan.answer = true;
        fx.a.plan.address = cases[i].address;
        assert_traps(call_answer(cases[i].body, 64, &err), &err, cases[i].text,
                     cases[i].body);
        fixture_end();
    }
}

static void a_bad_result_pointer_is_caught(void **state)
{
    vm_error err = {0};
    fixture_start(false, false);
    assert_traps(call_answer("f: func() -> string;", 66, &err), &err,
                 "not aligned", "odd pointer");
    err = (vm_error){0};
    assert_traps(call_answer("f: func() -> string;", 65532, &err), &err,
                 "out of bounds", "pointer at the end");
    err = (vm_error){0};
    assert_traps(call_answer("f: func() -> string;", 0xfffffffc, &err), &err,
                 "out of bounds", "pointer past the end");
    fixture_end();
}

static void a_trapping_realloc_ends_the_call(void **state)
{
    vm_error err = {0};
    fixture_start(false, false);
    fx.a.plan.traps = true;
    assert_traps(call_answer("f: func() -> string;", 64, &err), &err,
                 "realloc gave up", "trap");
    fixture_end();
}

/* The memory may grow, and move, under the values being stored. */
static void a_growing_realloc_is_fine(void **state)
{
    vm_error err = {0};
    uint32_t words[2];
    fixture_start(false, false);
    fx.a.plan.grows = true;
    fx.a.plan.next = 65536; /* only there after growing */
    assert_int_equal(call_answer("f: func() -> list<u32>;", 64, &err), VM_OK);
    memcpy(words, vm_memory_data(fx.a.memory) + 64, 8);
    assert_int_equal(words[0], 65536);
    assert_int_equal(words[1], 3);
    memcpy(words, vm_memory_data(fx.a.memory) + 65536, 8);
    assert_int_equal(words[0], 1);
    assert_int_equal(words[1], 2);
    fixture_end();
}

/* A realloc that calls out again: cannot leave. */
static void realloc_cannot_call_out(void **state)
{
    vm_error err = {0};
    fixture_start(false, false);
    cm_func other = host_func(functype("f: func();"), must_not_run, NULL);
    fx.a.plan.reenters = import_into(&fx.a, &other);
    assert_traps(call_answer("f: func() -> string;", 64, &err), &err,
                 "cannot leave component instance", "call from realloc");
    fixture_end();
}

/* ---- the sequence of reallocs, as definitions.py has it --------------------
 */

typedef struct transcode {
    cm_encoding from, to;
    char text[8];   /* in the source's bytes */
    uint32_t units; /* with the tag bit */
    const char *asked;
    uint32_t out_units;
} transcode;

/* Core code of b: its string parameter's length is what is looked at. */
static uint64_t got_ptr, got_units;
static vm_status take_string(vm_fiber *fiber, void *env, vm_slot *slots)
{
    got_ptr = (uint32_t)slots[0];
    got_units = (uint32_t)slots[1];
    return VM_OK;
}

static const transcode transcodes[] = {
    {CM_UTF8, CM_UTF8, "h\xc3\xa9", 3, "0,0,1,3", 3},
    {CM_UTF8, CM_UTF8, "", 0, "0,0,1,0", 0},
    {CM_UTF8, CM_UTF16, "ab", 2, "0,0,2,4", 2},
    {CM_UTF8, CM_UTF16, "h\xc3\xa9", 3, "0,0,2,6 4096,6,2,4", 2},
    {CM_UTF8, CM_LATIN1_UTF16, "ab", 2, "0,0,2,2", 2},
    {CM_UTF8, CM_LATIN1_UTF16, "h\xc3\xa9", 3, "0,0,2,3 4096,3,2,2", 2},
    {CM_UTF8, CM_LATIN1_UTF16, "h\xe2\x82\xac", 4,
     "0,0,2,4 4096,4,2,8 4100,8,2,4", 0x80000002},
    {CM_UTF16, CM_UTF8, "a\0b\0", 2, "0,0,1,2", 2},
    {CM_UTF16, CM_UTF8, "a\0\xe9\0", 2, "0,0,1,2 4096,2,1,6 4098,6,1,3", 3},
    {CM_UTF16, CM_UTF8, "\xac\x20", 1, "0,0,1,1 4096,1,1,3", 3},
    {CM_UTF16, CM_UTF16, "a\0\xe9\0", 2, "0,0,2,4", 2},
    {CM_UTF16, CM_LATIN1_UTF16, "a\0\xe9\0", 2, "0,0,2,2", 2},
    {CM_UTF16, CM_LATIN1_UTF16, "a\0\xac\x20", 2, "0,0,2,2 4096,2,2,4",
     0x80000002},
    {CM_LATIN1_UTF16, CM_UTF8, "a\xe9", 2, "0,0,1,2 4096,2,1,4 4098,4,1,3", 3},
    {CM_LATIN1_UTF16, CM_UTF16, "a\xe9", 2, "0,0,2,4", 2},
    {CM_LATIN1_UTF16, CM_LATIN1_UTF16, "a\xe9", 2, "0,0,2,2", 2},
    {CM_LATIN1_UTF16, CM_LATIN1_UTF16, "a\0\xe9\0", 0x80000002,
     "0,0,2,4 4096,4,1,2", 2},
    {CM_LATIN1_UTF16, CM_LATIN1_UTF16, "a\0\xac\x20", 0x80000002, "0,0,2,4",
     0x80000002},
    {CM_LATIN1_UTF16, CM_LATIN1_UTF16, "", 0x80000000, "0,0,2,0 4096,0,1,0", 0},
};

static void print_asked(const realloc_plan *plan, char *out)
{
    *out = '\0';
    for (unsigned i = 0; i < plan->calls; i++)
        out += sprintf(out, "%s%llu,%llu,%llu,%llu", i ? " " : "",
                       (unsigned long long)plan->asked[i][0],
                       (unsigned long long)plan->asked[i][1],
                       (unsigned long long)plan->asked[i][2],
                       (unsigned long long)plan->asked[i][3]);
}

/* One row's call, b's realloc answering as it was told; VM_OK when it went
 * well. */
static vm_status cross(const transcode *t, vm_error *err)
{
    fx.a.options.encoding = t->from;
    fx.b.options.encoding = t->to;
    cm_func callee =
        export_of(&fx.b, functype("f: func(s: string);"), take_string, NULL);
    memcpy(vm_memory_data(fx.a.memory) + 64, t->text, 8);
    vm_slot slots[CM_MAX_FLAT_PARAMS + 1] = {64, t->units};
    return vm_call_slots(fx.store, import_into(&fx.a, &callee), slots, err);
}

static void strings_cross_as_defined(void **state)
{
    for (size_t i = 0; i < sizeof transcodes / sizeof *transcodes; i++) {
        const transcode *t = &transcodes[i];
        char asked[500];
        vm_error err = {0};
        fixture_start(false, false);
        if (cross(t, &err))
            fail_msg("case %zu: %s", i, err.text);
        print_asked(&fx.b.plan, asked);
        assert_string_equal(asked, t->asked);
        assert_int_equal(got_units, t->out_units);
        fixture_end();
    }
}

/* Call `good` of the sequence, and those after it, get `address`.  False when
 * the sequence has no such call, or that call asks for nothing that the
 * address could be wrong for. */
static bool crosses_badly(const transcode *t, unsigned good, uint64_t address,
                          const char *text)
{
    vm_error err = {0};
    fixture_start(false, false);
    fx.b.plan.answer = true;
    fx.b.plan.good = good;
    fx.b.plan.address = address;
    vm_status status = cross(t, &err);
    const uint64_t *asked = fx.b.plan.asked[good];
    bool wrong = fx.b.plan.calls > good &&
                 (address % asked[2] || address + asked[3] > 65536);
    if (wrong)
        assert_traps(status, &err, text, t->asked);
    fixture_end();
    return wrong;
}

/* Each answer of realloc is looked at, not only the first. */
static void each_realloc_of_a_string_is_checked(void **state)
{
    unsigned tried = 0;
    for (size_t i = 0; i < sizeof transcodes / sizeof *transcodes; i++)
        for (unsigned good = 0; good < 3; good++) {
            const transcode *t = &transcodes[i];
            tried += crosses_badly(t, good, 4097, "not aligned");
            tried += crosses_badly(t, good, 65536, "beyond end of memory");
            tried += crosses_badly(t, good, 0xfffffffe, "beyond end of memory");
        }
    assert_int_equal(tried, 77); /* all that can go wrong */
}

static void a_bad_realloc_for_spilled_values_is_caught(void **state)
{
    static const struct {
        uint64_t address;
        const char *text;
    } cases[] = {{4100, "not aligned"},
                 {65528, "beyond end of memory"},
                 {0xfffffff8, "beyond end of memory"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vm_error err = {0};
        vm_slot slots[CM_MAX_FLAT_PARAMS + 1] = {64};
        fixture_start(false, false);
        fx.b.plan.answer = true;
        fx.b.plan.address = cases[i].address;
        cm_func callee = export_of(&fx.b, functype("f: func(" S17 ");"),
                                   core_must_not_run, NULL);
        assert_traps(
            vm_call_slots(fx.store, import_into(&fx.a, &callee), slots, &err),
            &err, cases[i].text, "spilled");
        fixture_end();
    }
}

/* ---- results, post-return, re-entrance ------------------------------------
 */

static vm_func *calls_out;
static vm_status returns_64(vm_fiber *fiber, void *env, vm_slot *slots)
{
    slots[0] = 64;
    return VM_OK;
}

static vm_status post_return_leaves(vm_fiber *fiber, void *env, vm_slot *slots)
{
    vm_error err = {0};
    vm_slot inner[CM_MAX_FLAT_PARAMS + 1] = {0};
    assert_int_equal(slots[0], 64); /* it gets the flat result */
    if (vm_call_slots(fx.store, calls_out, inner, &err) != VM_OK)
        return vm_trap(fiber, "%s", err.text);
    return VM_OK;
}

static vm_status post_return_clears(vm_fiber *fiber, void *env, vm_slot *slots)
{
    memset(vm_memory_data(fx.b.memory), 'x', 256);
    return VM_OK;
}

static void post_return_cannot_call_out(void **state)
{
    static const vm_type i32[] = {0x7f};
    vm_error err = {0};
    cm_result result;
    fixture_start(false, false);
    cm_func f =
        export_of(&fx.b, functype("f: func() -> string;"), returns_64, NULL);
    f.options.post_return = core_func(i32, 1, 0, post_return_leaves, NULL);
    cm_func out = host_func(functype("f: func();"), must_not_run, NULL);
    calls_out = import_into(&fx.b, &out);
    assert_traps(cm_func_call(&f, NULL, &result, &err), &err,
                 "cannot leave component instance", "call from post-return");
    /* a trap ends the instance for good */
    err = (vm_error){0};
    assert_traps(cm_func_call(&f, NULL, &result, &err), &err,
                 "cannot enter component instance", "after a trap");
    fixture_end();
}

/* The embedder's result is its own copy. */
static void results_outlive_post_return(void **state)
{
    static const vm_type i32[] = {0x7f};
    vm_error err = {0};
    cm_result result;
    fixture_start(false, false);
    uint8_t *mem = vm_memory_data(fx.b.memory);
    memcpy(mem + 64, &(uint32_t){80}, 4);
    memcpy(mem + 68, &(uint32_t){5}, 4);
    memcpy(mem + 80, "hello", 5);
    cm_func f =
        export_of(&fx.b, functype("f: func() -> string;"), returns_64, NULL);
    f.options.post_return = core_func(i32, 1, 0, post_return_clears, NULL);
    assert_int_equal(cm_func_call(&f, NULL, &result, &err), VM_OK);
    assert_int_equal(result.value.str.len, 5);
    assert_memory_equal(result.value.str.data, "hello", 5);
    cm_result_free(&result);
    fixture_end();
}

static vm_status calls_back(vm_fiber *fiber, void *env, vm_slot *slots)
{
    cm_result result;
    vm_error err = {0};
    vm_status status = cm_func_call(env, NULL, &result, &err);
    return status == VM_OK ? VM_OK : vm_trap(fiber, "%s", err.text);
}

static void a_running_instance_cannot_be_entered(void **state)
{
    vm_error err = {0};
    cm_result result;
    cm_func f;
    fixture_start(false, false);
    f = export_of(&fx.b, functype("f: func();"), calls_back, &f);
    assert_traps(cm_func_call(&f, NULL, &result, &err), &err,
                 "cannot enter component instance", "recursion");
    fixture_end();
}

/* Parent and child cannot call each other, in either direction. */
static void kin_cannot_call(void **state)
{
    for (int way = 0; way < 2; way++) {
        vm_error err = {0};
        vm_slot slots[CM_MAX_FLAT_PARAMS + 1] = {0};
        fixture_start(false, false);
        if (way)
            fx.a.inst.parent = &fx.b.inst;
        else
            fx.b.inst.parent = &fx.a.inst;
        cm_func f =
            export_of(&fx.b, functype("f: func() -> u32;"), returns_64, NULL);
        assert_traps(
            vm_call_slots(fx.store, import_into(&fx.a, &f), slots, &err), &err,
            "cannot enter component instance", "kin");
        fixture_end();
    }
}

/* ---- host functions that wait, and limits ----------------------------------
 */

static unsigned tries;
static vm_status waits_twice(cm_call *call, void *host, const cm_value *args,
                             cm_value *result)
{
    assert_int_equal(args[0].str.len, 5);
    assert_memory_equal(args[0].str.data, "hello", 5);
    assert_ptr_equal(cm_call_state(call), tries ? &tries : NULL);
    cm_call_set_state(call, &tries, NULL);
    if (tries++ < 2)
        return VM_PENDING;
    result->u = args[0].str.len;
    return VM_OK;
}

static void a_pending_call_keeps_its_arguments(void **state)
{
    static const uint8_t wide[] = "h\0e\0l\0l\0o";
    vm_error err = {0};
    vm_fiber *fiber;
    vm_slot slots[CM_MAX_FLAT_PARAMS + 1] = {64, 5};
    fixture_start(false, false);
    fx.a.options.encoding = CM_UTF16;
    memcpy(vm_memory_data(fx.a.memory) + 64, wide, sizeof wide);
    cm_func callee =
        host_func(functype("f: func(s: string) -> u32;"), waits_twice, NULL);
    vm_func *import = import_into(&fx.a, &callee);
    tries = 0;
    assert_int_equal(vm_fiber_create(fx.store, &fiber), VM_OK);
    assert_int_equal(vm_fiber_start(fiber, import, slots, &err), VM_OK);
    assert_int_equal(vm_fiber_run(fiber, &err), VM_PENDING);
    assert_int_equal(vm_fiber_run(fiber, &err), VM_PENDING);
    err = (vm_error){0};
    assert_int_equal(vm_fiber_run(fiber, &err), VM_OK);
    assert_int_equal((uint32_t)vm_fiber_results(fiber)[0], 5);
    vm_fiber_destroy(fiber);
    fixture_end();
}

static vm_status wants_all(cm_call *call, void *host, const cm_value *args,
                           cm_value *result)
{
    if (!cm_alloc(call, CM_CALL_BYTES + 1))
        return cm_trap(call, "no room for %d", 42);
    return VM_OK;
}

static void a_call_cannot_take_all_memory(void **state)
{
    vm_error err = {0};
    vm_slot slots[CM_MAX_FLAT_PARAMS + 1] = {0};
    fixture_start(false, false);
    cm_func callee = host_func(functype("f: func();"), wants_all, NULL);
    assert_traps(
        vm_call_slots(fx.store, import_into(&fx.a, &callee), slots, &err), &err,
        "no room for 42", "cm_alloc");
    fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_values_do_not_lift),
        cmocka_unit_test(bad_values_do_not_cross),
        cmocka_unit_test(wide_pointers_are_checked_whole),
        cmocka_unit_test(values_lift_as_defined),
        cmocka_unit_test(strings_reach_the_host_as_utf8),
        cmocka_unit_test(bad_reallocs_are_caught),
        cmocka_unit_test(a_bad_result_pointer_is_caught),
        cmocka_unit_test(a_trapping_realloc_ends_the_call),
        cmocka_unit_test(a_growing_realloc_is_fine),
        cmocka_unit_test(realloc_cannot_call_out),
        cmocka_unit_test(strings_cross_as_defined),
        cmocka_unit_test(each_realloc_of_a_string_is_checked),
        cmocka_unit_test(a_bad_realloc_for_spilled_values_is_caught),
        cmocka_unit_test(post_return_cannot_call_out),
        cmocka_unit_test(results_outlive_post_return),
        cmocka_unit_test(a_running_instance_cannot_be_entered),
        cmocka_unit_test(kin_cannot_call),
        cmocka_unit_test(a_pending_call_keeps_its_arguments),
        cmocka_unit_test(a_call_cannot_take_all_memory),
    };
    return cmocka_run_group_tests_name("cm_abi", tests, NULL, NULL);
}
