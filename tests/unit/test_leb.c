/* test_leb.c - the checked reader: LEB128 limits, UTF-8, counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vm/leb.h"

typedef struct leb_case {
    const char *bytes;
    size_t len;
    unsigned bits;
    bool is_signed;
    int64_t value;
    const char *error; /* begins the message; NULL: none */
} leb_case;

#define BYTES(s) s, sizeof s - 1

static const leb_case leb_cases[] = {
    {BYTES("\x00"), 32, false, 0, NULL},
    {BYTES("\xe5\x8e\x26"), 32, false, 624485, NULL},
    {BYTES("\xff\xff\xff\xff\x0f"), 32, false, UINT32_MAX, NULL},
    {BYTES("\xff\xff\xff\xff\x1f"), 32, false, 0, "integer too large"},
    {BYTES("\x80\x80\x80\x80\x80\x00"), 32, false, 0, "integer represent"},
    {BYTES("\x80\x80\x80\x80\x00"), 32, false, 0, NULL},
    {BYTES("\x80"), 32, false, 0, "unexpected end"},
    {BYTES("\x7f"), 32, true, -1, NULL},
    {BYTES("\xc0\xbb\x78"), 32, true, -123456, NULL},
    {BYTES("\x80\x80\x80\x80\x78"), 32, true, INT32_MIN, NULL},
    {BYTES("\x80\x80\x80\x80\x70"), 32, true, 0, "integer too large"},
    {BYTES("\xff\xff\xff\xff\x07"), 32, true, INT32_MAX, NULL},
    {BYTES("\xff\xff\xff\xff\x0f"), 32, true, 0, "integer too large"},
    {BYTES("\x80\x80\x80\x80\x70"), 33, true, INT64_C(-4294967296), NULL},
    {BYTES("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f"), 64, true, INT64_MIN,
     NULL},
    {BYTES("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7e"), 64, true, 0,
     "integer too large"},
    {BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 64, false, -1, NULL},
    {BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), 64, false, 0,
     "integer too large"},
};

static void leb_limits(void **state)
{
    for (size_t i = 0; i < sizeof leb_cases / sizeof *leb_cases; i++) {
        const leb_case *c = &leb_cases[i];
        vm_error err = {0};
        vm_reader r = vm_reader_start((const uint8_t *)c->bytes, c->len, &err);
        int64_t got = c->is_signed ? vm_reader_sleb(&r, c->bits)
                                   : (int64_t)vm_reader_uleb(&r, c->bits);
        assert_int_equal(r.failed, c->error != NULL);
        if (c->error)
            assert_memory_equal(err.text, c->error, strlen(c->error));
        else
            assert_int_equal(got, c->value);
        assert_ptr_equal(r.pos, r.end);
    }
}

static void errors_stick(void **state)
{
    static const uint8_t bytes[] = {0x80, 0x80, 0x80, 0x80, 0x80, 1, 2, 3};
    vm_error err = {0};
    vm_reader r = vm_reader_start(bytes, sizeof bytes, &err);
    assert_int_equal(vm_reader_u32(&r), 0);
    assert_true(r.failed);
    assert_int_equal(err.offset, 0);
    assert_int_equal(vm_reader_u8(&r), 0);
    assert_null(vm_reader_bytes(&r, 1));
    assert_int_equal(err.offset, 0);
}

static void counts_are_bounded(void **state)
{
    static const uint8_t bytes[] = {0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0};
    vm_error err = {0};
    vm_reader r = vm_reader_start(bytes, sizeof bytes, &err);
    assert_int_equal(vm_reader_count(&r, 1, "things"), 0);
    assert_true(r.failed);
    static const uint8_t good[] = {2, 0, 0, 0, 0};
    r = vm_reader_start(good, sizeof good, &err);
    assert_int_equal(vm_reader_count(&r, 2, "things"), 2);
    r = vm_reader_start(good, sizeof good, &err);
    assert_int_equal(vm_reader_count(&r, 3, "things"), 0);
}

static void utf8(void **state)
{
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"", true},
        {"plain ascii, long enough for a word", true},
        {"\xc2\x80 \xdf\xbf", true},
        {"\xe0\xa0\x80\xef\xbf\xbf", true},
        {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true},
        {"\xc0\x80", false},         /* overlong */
        {"\xe0\x80\x80", false},     /* overlong */
        {"\xf0\x80\x80\x80", false}, /* overlong */
        {"\xed\xa0\x80", false},     /* surrogate */
        {"\xf4\x90\x80\x80", false}, /* past U+10FFFF */
        {"\x80", false},
        {"ab\xff", false},
        {"cut \xe2\x82", false},
        {"\xe2\x28\xa1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(vm_utf8_valid((const uint8_t *)cases[i].text,
                                       strlen(cases[i].text)),
                         cases[i].valid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leb_limits),
        cmocka_unit_test(errors_stick),
        cmocka_unit_test(counts_are_bounded),
        cmocka_unit_test(utf8),
    };
    return cmocka_run_group_tests_name("leb", tests, NULL, NULL);
}
