/* test_toml.c - the TOML subset: what is read, what is refused and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/toml.h"

static toml_doc doc;

static bool parse(const char *text)
{
    return toml_parse(&doc, text, strlen(text));
}

static const toml_node *at(const char *key)
{
    const toml_node *node = toml_get(&doc, &doc.nodes[0], key);
    assert_non_null(node);
    return node;
}

static void reads_every_type(void **state)
{
    assert_true(parse("# a comment\r\n"
                      "s = \"a\\\"b\\\\\\n\\u00e9\"  # after\n"
                      "l = 'C:\\raw'\n"
                      "i = -1_000\n"
                      "max = 9223372036854775807\n"
                      "min = -9223372036854775808\n"
                      "b = false\n"
                      "a = [1, [2, 3],\n  # inside\n  'x',\n]\n"
                      "t = { k = true, deep = { z = 1 } }\n"
                      "e = {}\n"
                      "[head]\n"
                      "s = 'again'"));
    assert_string_equal(at("s")->text, "a\"b\\\n\xc3\xa9");
    assert_string_equal(at("l")->text, "C:\\raw");
    assert_int_equal(at("i")->integer, -1000);
    assert_true(at("max")->integer == INT64_MAX);
    assert_true(at("min")->integer == INT64_MIN);
    assert_int_equal(at("b")->type, TOML_BOOLEAN);
    assert_int_equal(at("b")->integer, 0);
    const toml_node *item = toml_first(&doc, at("a"));
    assert_int_equal(item->integer, 1);
    item = toml_next(&doc, item);
    assert_int_equal(item->type, TOML_ARRAY);
    assert_int_equal(toml_first(&doc, item)->integer, 2);
    item = toml_next(&doc, item);
    assert_string_equal(item->text, "x");
    assert_int_equal(item->line, 10);
    assert_null(toml_next(&doc, item));
    const toml_node *deep = toml_get(&doc, at("t"), "deep");
    assert_int_equal(toml_get(&doc, deep, "z")->integer, 1);
    assert_null(toml_first(&doc, at("e")));
    assert_string_equal(toml_get(&doc, at("head"), "s")->text, "again");
}

static const struct {
    const char *text;
    uint32_t line;
    const char *part; /* of the message */
} refused[] = {
    {"a = 1\na = 2", 2, "'a' is already given in line 1"},
    {"[t]\n[t]", 2, "already given"},
    {"a = {x = 1, x = 2}", 1, "already given"},
    {"a", 1, "expected '='"},
    {"a =", 1, "expected a value"},
    {"a = yes", 1, "expected a value"},
    {"a = trueish", 1, "expected a value"},
    {"a = 1.5", 1, "decimal integers"},
    {"a = 0x10", 1, "decimal integers"},
    {"a = 9223372036854775808", 1, "does not fit"},
    {"a = -9223372036854775809", 1, "does not fit"},
    {"a = \"open", 1, "the closing \""},
    {"a = \"open\n\"", 1, "the closing \""},
    {"a = \"\\q\"", 1, "one of"},
    {"a = \"\\u12\"", 1, "four hexadecimal"},
    {"a = \"\\u0000\"", 1, "not a character"},
    {"a = \"\\ud800\"", 1, "not a character"},
    {"a = [1 2]", 1, "',' or ']'"},
    {"a = [1, 2", 1, "',' or ']'"},
    {"a = {x = 1,}", 1, "a key after ','"},
    {"a = {x = 1\n}", 1, "',' or '}'"},
    {"a = {x = [1\n}", 2, "',' or ']'"},
    {"a.b = 1", 1, "dotted keys"},
    {"[[a]]", 1, "arrays of tables"},
    {"[a", 1, "']'"},
    {"a = 1 b = 2", 1, "the end of the line"},
    {"= 1", 1, "expected a key"},
    {"\xff = 1", 1, "not UTF-8"},
    {"\n# \xc0\x80", 2, "not UTF-8"},
    {"# \x01", 1, "control character"},
    {"a = [[[[[[[1]]]]]]]", 1, "nested"},
};

static void refuses_with_line_and_reason(void **state)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_false(parse(refused[i].text));
        if (!strstr(doc.error, refused[i].part))
            fail_msg("%s: got \"%s\"", refused[i].text, doc.error);
        assert_int_equal(doc.error_line, refused[i].line);
    }
}

static void too_much_is_refused(void **state)
{
    static char text[TOML_MAX_TEXT + 2];
    strcpy(text, "a = [");
    for (int i = 0; i < TOML_MAX_NODES + 10; i++)
        strcat(text, "1,");
    strcat(text, "]");
    assert_false(parse(text));
    assert_non_null(strstr(doc.error, "values"));
    memset(text, ' ', sizeof text);
    assert_false(toml_parse(&doc, text, sizeof text));
    assert_non_null(strstr(doc.error, "longer"));
    /* Brackets without end are bounded by depth, not by the stack. */
    memset(text, '[', TOML_MAX_TEXT);
    memcpy(text, "a =", 3);
    assert_false(toml_parse(&doc, text, TOML_MAX_TEXT));
}

/* No prefix and no changed byte of a document may crash the reader (the
 * sanitized build sees what goes wrong inside). */
static void survives_cuts_and_flips(void **state)
{
    char text[] = "a = \"x\\u00e9\"\n[t]\nb = [1, {c = 'd', e = [true]}]\n";
    size_t len = sizeof text - 1;
    for (size_t cut = 0; cut <= len; cut++)
        (void)toml_parse(&doc, text, cut);
    for (size_t i = 0; i < len * 8; i++) {
        text[i / 8] ^= (char)(1 << i % 8);
        if (!toml_parse(&doc, text, len))
            assert_true(doc.error[0] && doc.error_line);
        text[i / 8] ^= (char)(1 << i % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_type),
        cmocka_unit_test(refuses_with_line_and_reason),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(survives_cuts_and_flips),
    };
    return cmocka_run_group_tests_name("toml", tests, NULL, NULL);
}
