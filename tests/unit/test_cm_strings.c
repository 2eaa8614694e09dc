/* test_cm_strings.c - UTF-8, UTF-16 and Latin-1: every code point round-trips,
 * every kind of malformed text is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vm/cm_strings.h"

static cm_text utf8(const char *s)
{
    return (cm_text){(const uint8_t *)s, strlen(s), CM_TEXT_UTF8};
}

/* Every scalar value, in one text per plane: UTF-8 -> UTF-16 -> UTF-8. */
static void every_character_round_trips(void **state)
{
    uint8_t *a = malloc(4 * 0x10000), *b = malloc(4 * 0x10000),
            *c = malloc(4 * 0x10000);
    for (uint32_t plane = 0; plane <= 0x10; plane++) {
        size_t units = 0;
        for (uint32_t i = 0; i < 0x10000; i++) {
            uint32_t ch = plane << 16 | i;
            if (ch >= 0xd800 && ch <= 0xdfff)
                continue;
            if (ch < 0x10000) {
                a[2 * units] = (uint8_t)ch;
                a[2 * units++ + 1] = (uint8_t)(ch >> 8);
                continue;
            }
            uint32_t pair[] = {0xd800 + ((ch - 0x10000) >> 10),
                               0xdc00 + (ch & 0x3ff)};
            for (int k = 0; k < 2; k++, units++) {
                a[2 * units] = (uint8_t)pair[k];
                a[2 * units + 1] = (uint8_t)(pair[k] >> 8);
            }
        }
        cm_text wide = {a, units, CM_TEXT_UTF16};
        assert_true(cm_text_valid(wide));
        size_t n = cm_text_size(wide, CM_TEXT_UTF8);
        assert_int_equal(cm_text_convert(wide, CM_TEXT_UTF8, b), n);
        cm_text narrow = {b, n, CM_TEXT_UTF8};
        assert_true(cm_text_valid(narrow));
        assert_int_equal(cm_text_size(narrow, CM_TEXT_UTF16), 2 * units);
        assert_int_equal(cm_text_convert(narrow, CM_TEXT_UTF16, c), 2 * units);
        assert_memory_equal(a, c, 2 * units);
    }
    free(a);
    free(b);
    free(c);
}

static void malformed_utf8_is_refused(void **state)
{
    static const char *const bad[] = {
        "\x80",             /* continuation alone */
        "\xc0\x80",         /* overlong NUL */
        "\xc1\xbf",         /* overlong */
        "\xc3",             /* cut short */
        "\xe0\x9f\xbf",     /* overlong */
        "\xed\xa0\x80",     /* surrogate */
        "\xed\xbf\xbf",     /* surrogate */
        "\xe2\x82",         /* cut short */
        "\xe2\x28\xa1",     /* bad second byte */
        "\xe2\x82\x28",     /* bad third byte */
        "\xf0\x8f\xbf\xbf", /* overlong */
        "\xf4\x90\x80\x80", /* past U+10FFFF */
        "\xf5\x80\x80\x80",
        "\xff",
        "ascii then \xf0\x9f\x98", /* cut short after a run */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(cm_text_valid(utf8(bad[i])));
    assert_true(cm_text_valid(utf8("")));
    assert_true(
        cm_text_valid(utf8("\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80")));
    assert_true(
        cm_text_valid((cm_text){(const uint8_t *)"a\0b", 3, CM_TEXT_UTF8}));
}

static void malformed_utf16_is_refused(void **state)
{
    static const uint8_t high[] = {'a', 0, 0x00, 0xd8};
    static const uint8_t low[] = {0x00, 0xdc, 'a', 0};
    static const uint8_t swapped[] = {0x00, 0xdc, 0x00, 0xd8};
    static const uint8_t twice[] = {0x00, 0xd8, 0x00, 0xd8};
    static const uint8_t good[] = {0x3d, 0xd8, 0x00, 0xde};
    assert_false(cm_text_valid((cm_text){high, 2, CM_TEXT_UTF16}));
    assert_false(cm_text_valid((cm_text){low, 2, CM_TEXT_UTF16}));
    assert_false(cm_text_valid((cm_text){swapped, 2, CM_TEXT_UTF16}));
    assert_false(cm_text_valid((cm_text){twice, 2, CM_TEXT_UTF16}));
    assert_true(cm_text_valid((cm_text){good, 2, CM_TEXT_UTF16}));
    assert_false(cm_text_valid((cm_text){good, 1, CM_TEXT_UTF16}));
}

static void latin1_fits_or_not(void **state)
{
    uint8_t bytes[256], wide[512], back[256];
    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    cm_text text = {bytes, 256, CM_TEXT_LATIN1};
    assert_true(cm_text_valid(text));
    assert_int_equal(cm_text_size(text, CM_TEXT_UTF8), 128 + 2 * 128);
    size_t n = cm_text_convert(text, CM_TEXT_UTF8, wide);
    cm_text as_utf8 = {wide, n, CM_TEXT_UTF8};
    assert_true(cm_text_valid(as_utf8));
    assert_int_equal(cm_text_size(as_utf8, CM_TEXT_LATIN1), 256);
    assert_int_equal(cm_text_convert(as_utf8, CM_TEXT_LATIN1, back), 256);
    assert_memory_equal(back, bytes, 256);
    assert_int_equal(cm_text_size(utf8("\xc4\x80"), CM_TEXT_LATIN1), SIZE_MAX);
    assert_int_equal(cm_text_size(utf8("\xc3\xbf"), CM_TEXT_LATIN1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_round_trips),
        cmocka_unit_test(malformed_utf8_is_refused),
        cmocka_unit_test(malformed_utf16_is_refused),
        cmocka_unit_test(latin1_fits_or_not),
    };
    return cmocka_run_group_tests_name("cm_strings", tests, NULL, NULL);
}
