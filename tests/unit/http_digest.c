#include "http/digest.h"
#include <criterion/criterion.h>

/* The test values of the paper: key 00 … 0f, input 00 01 02 …. */
static uint64_t digest_of_first(size_t len)
{
        struct digest d;
        digest_begin(&d, 0x0706050403020100, 0x0f0e0d0c0b0a0908);
        for (size_t i = 0; i < len; i++)
                digest_byte(&d, (unsigned char)i);
        return digest_end(&d);
}

Test(digest, is_siphash)
{
        cr_expect_eq(digest_of_first(0), 0x726fdb47dd0e0e31);
        cr_expect_eq(digest_of_first(15), 0xa129ca6149be45e5);
}

Test(digest, a_span_is_its_bytes)
{
        struct digest a, b;
        digest_begin(&a, 1, 2);
        digest_begin(&b, 1, 2);
        digest_span(&a, (struct span){"0123456789", 10});
        digest_span(&a, (struct span){NULL, 0});
        for (char c = '0'; c <= '9'; c++)
                digest_byte(&b, (unsigned char)c);
        cr_expect_eq(digest_end(&a), digest_end(&b));
}

Test(digest, keys_matter)
{
        struct digest a, b;
        digest_begin(&a, 1, 2);
        digest_begin(&b, 2, 1);
        cr_expect_neq(digest_end(&a), digest_end(&b));
}
