/* Two listings of our table. */
#include "setup/listing.h"

#include <criterion/criterion.h>
#include <string.h>

#define CHAIN(rules) "table inet limpid {\n\tchain c {\n" rules "\t}\n}\n"

static void expect(const char *wanted, const char *now, const char *said)
{
        struct setup_text out = {NULL, 0, 0};

        cr_assert(listing_compare(wanted, now, &out));
        cr_expect_str_eq(out.at ? out.at : "", said);
        setup_text_free(&out);
}

Test(listing, the_same_says_nothing)
{
        expect(CHAIN("\t\ta\n\t\tb\n"), CHAIN("\t\ta\n\t\tb\n"), "");
        expect(CHAIN("\t\ta\n"), CHAIN("\n    a\n"), "");
        expect("", "", "");
}

Test(listing, what_is_missing_and_what_is_more_is_named)
{
        expect(CHAIN("\t\ta\n\t\tb\n"), CHAIN("\t\tb\n"), "table inet limpid: missing: a\n");
        expect(CHAIN("\t\ta\n"), CHAIN("\t\ta\n\t\tb c\n"), "table inet limpid: not of Limpid's: b c\n");
        expect(CHAIN("\t\ta\n"), CHAIN("\t\tb\n"),
               "table inet limpid: missing: a\ntable inet limpid: not of Limpid's: b\n");
        expect(CHAIN("\t\ta\n\t\ta\n"), CHAIN("\t\ta\n"), "table inet limpid: missing: a\n");
        expect(CHAIN("\t\ta\n"), CHAIN("\t\ta\n\t\ta\n\t\ta\n"),
               "table inet limpid: not of Limpid's: a\ntable inet limpid: not of Limpid's: a\n");
}

Test(listing, order_decides)
{
        expect(CHAIN("\t\ta\n\t\tb\n"), CHAIN("\t\tb\n\t\ta\n"), "table inet limpid: its rules are in another order\n");
}

#define BRIDGES(rules) "table bridge limpid {\n\tchain b {\n" rules "\t}\n}\n"

Test(listing, of_bridges_what_both_have)
{
        expect(CHAIN("\t\ta\n") BRIDGES("\t\ta\n\t\tb\n"), CHAIN("\t\ta\n") BRIDGES("\t\ta\n"),
               "table bridge limpid: missing: b\n");
        expect(CHAIN("\t\ta\n") BRIDGES("\t\ta\n"), CHAIN("") BRIDGES("\t\ta\n\t\tc\n"),
               "table inet limpid: missing: a\ntable bridge limpid: not of Limpid's: c\n");
        expect(CHAIN("\t\ta\n") BRIDGES("\t\ta\n\t\tb\n"), CHAIN("\t\ta\n") BRIDGES("\t\tb\n\t\ta\n"), "");
        expect(CHAIN("\t\ta\n") BRIDGES("\t\ta\n"), CHAIN("\t\ta\n"), "");
        expect(CHAIN("\t\ta\n"), CHAIN("\t\ta\n") BRIDGES("\t\ta\n"), "");
}
