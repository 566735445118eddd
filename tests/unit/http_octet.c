#include "http/octet.h"
#include <criterion/criterion.h>

Test(octet, token_octets_are_those_of_rfc_9110)
{
        for (int c = 0; c < 256; c++) {
                bool tchar = c > 32 && c < 127 && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
                cr_assert_eq(octet_is((char)c, OCTET_TOKEN), tchar, "octet %d", c);
        }
}

Test(octet, control_octets_are_all_but_the_tab)
{
        for (int c = 0; c < 256; c++)
                cr_assert_eq(octet_is((char)c, OCTET_CONTROL), (c < 32 && c != '\t') || c == 127, "octet %d", c);
}

Test(octet, host_octets_hold_nothing_that_ends_an_authority)
{
        for (const char *c = "/?#@:,;\\ \t[]<>\"'&"; *c; c++)
                cr_assert(!octet_is(*c, OCTET_HOST), "octet %c", *c);
        cr_assert_eq(octet_run(SPAN("xn--a_b.example:80"), OCTET_HOST), 15);
}
