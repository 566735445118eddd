#include "http/render.h"
#include <criterion/criterion.h>

Test(reason, every_status_that_we_send_has_its_phrase)
{
        static const uint16_t sent[] = {200, 206, 304, 400, 412, 414, 416, 417, 431, 501, 502, 503, 504, 505};
        for (size_t i = 0; i < sizeof sent / sizeof sent[0]; i++)
                cr_expect_str_neq(reason_phrase(sent[i]), "Unknown", "%d", sent[i]);
        cr_expect_str_eq(reason_phrase(299), "Unknown");
}
