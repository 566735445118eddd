/* Digits: at every length, and nothing written beside them. */
#include "http/digits.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

static void expect(uint64_t n)
{
        char text[DIGITS_MAX + 3], wanted[DIGITS_MAX + 3];
        unsigned digits = digits_count(n);

        snprintf(wanted, sizeof wanted, "<%" PRIu64 ">", n);
        cr_assert_eq(digits, strlen(wanted) - 2, "%" PRIu64, n);
        memset(text, 0, sizeof text);
        text[0] = '<';
        text[digits + 1] = '>';
        digits_write(text + 1 + digits, n);
        cr_expect_str_eq(text, wanted);
}

Test(digits, around_every_power_of_ten)
{
        expect(0);
        for (uint64_t n = 1; n < UINT64_MAX / 10; n *= 10) {
                expect(n);
                expect(n - 1);
                expect(n * 10 - 1);
        }
        expect(UINT64_MAX);
}

Test(digits, every_pair)
{
        for (uint64_t n = 0; n < 1000; n++)
                expect(n);
}
