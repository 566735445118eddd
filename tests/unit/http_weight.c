/* Elements with weights (RFC 9110 §12.4.2). */
#include "http/weight.h"

#include "http_heads.h"

static void expect(const char *element, const char *name, unsigned weight)
{
        struct weighted w = weighted_read((struct span){element, strlen(element)});

        cr_expect(span_equal(w.name, (struct span){name, strlen(name)}), "%s: %.*s", element, (int)w.name.len,
                  w.name.at);
        cr_expect_eq(w.weight, weight, "%s: %u", element, w.weight);
}

Test(weight, in_thousandths)
{
        expect("gzip", "gzip", 1000);
        expect("gzip;q=1", "gzip", 1000);
        expect("GZIP ; Q=0.5", "GZIP", 500);
        expect("de-CH;q=0.001", "de-CH", 1);
        expect("*;q=0", "*", 0);
        expect("br;q=0.000", "br", 0);
        expect("br;q=1.000", "br", 1000);
}

Test(weight, what_is_no_weight_is_left_as_it_is)
{
        static const char *const odd[] = {"gzip;q=2", "gzip;q=0.1234", "gzip;q=", "gzip;level=9", "gzip;q=1.001",
                                          "gzip q=1", ";q=1",          "gzip;",   "gzip;q=0,5",   "gzip;q=-1"};

        for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
                expect(odd[i], odd[i], WEIGHT_ONE + 1);
}
