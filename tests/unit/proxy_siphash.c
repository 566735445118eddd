/* proxy/siphash.c, against the test vectors of the reference implementation (vectors_sip128). */
#include "proxy/siphash.h"

#include <criterion/criterion.h>

static const uint8_t KEY[SIPHASH_KEY] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

Test(siphash, nothing)
{
        uint64_t out[2];

        siphash(KEY, (struct span){"", 0}, out);
        cr_assert_eq(out[0], 0xe6a825ba047f81a3);
        cr_assert_eq(out[1], 0x930255c71472f66d);
}

Test(siphash, another_key_gives_another_value)
{
        uint64_t out[2], other[2];

        siphash(KEY, SPAN("host of eight and more"), out);
        siphash((const uint8_t[SIPHASH_KEY]){1}, SPAN("host of eight and more"), other);
        cr_assert(out[0] != other[0] && out[1] != other[1]);
}

Test(siphash, every_byte_and_the_length_count)
{
        char text[24] = "";
        uint64_t seen[24][2];

        for (size_t len = 0; len < sizeof text; len++) {
                siphash(KEY, (struct span){text, len}, seen[len]);
                for (size_t i = 0; i < len; i++) {
                        uint64_t out[2];

                        cr_assert_neq(seen[i][0], seen[len][0]);
                        text[i] = 1;
                        siphash(KEY, (struct span){text, len}, out);
                        text[i] = 0;
                        cr_assert_neq(out[0], seen[len][0]);
                }
        }
}
