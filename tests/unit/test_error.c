/* test_error.c - vm_error keeps the first error and never overflows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vm/vm.h"

static void first_error_wins(void **state)
{
    vm_error err = {0};
    vm_error_set(&err, VM_PHASE_DECODE, 7, "bad %s", "magic");
    vm_error_set(&err, VM_PHASE_LINK, 9, "later");
    assert_string_equal(err.text, "bad magic");
    assert_int_equal(err.offset, 7);
    assert_int_equal(err.phase, VM_PHASE_DECODE);
}

static void long_text_is_cut(void **state)
{
    vm_error err = {0};
    vm_error_set(&err, VM_PHASE_RUN, 0, "%01000d", 1);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

static void null_is_accepted(void **state)
{
    vm_error_set(NULL, VM_PHASE_RUN, 0, "nobody listens");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_error_wins),
        cmocka_unit_test(long_text_is_cut),
        cmocka_unit_test(null_is_accepted),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
