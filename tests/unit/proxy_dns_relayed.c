/* proxy/dns_relayed.c: a query leaves under an id of ours, its reply arrives under the client's. */
#include "proxy/dns_relayed.h"

#include <criterion/criterion.h>

static const char asked[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\4Test\0\0\1\0\1";
enum { LEN = sizeof asked - 1 };

Test(dns_relayed, only_the_id_is_changed)
{
        char message[LEN];
        struct dns_relayed q;

        memcpy(message, asked, LEN);
        cr_assert(dns_relayed_begin(&q, message, LEN, 0xabcd));
        cr_assert_eq(dns_id(message), 0xabcd);
        cr_assert_arr_eq(message + 2, asked + 2, LEN - 2);
}

Test(dns_relayed, the_clients_id_comes_back_with_the_reply_and_with_nothing_else)
{
        char message[LEN];
        struct dns_relayed q;

        memcpy(message, asked, LEN);
        cr_assert(dns_relayed_begin(&q, message, LEN, 0xabcd));
        cr_assert_not(dns_relayed_end(&q, message, LEN), "it is no reply");
        message[2] = (char)0x81;
        dns_set_id(message, 0x1234);
        cr_assert_not(dns_relayed_end(&q, message, LEN), "the client's own id is not what it went out under");
        cr_assert_eq(dns_id(message), 0x1234);
        dns_set_id(message, 0xabcd);
        message[13] ^= 0x20;
        cr_assert_not(dns_relayed_end(&q, message, LEN), "the case of the question");
        message[13] ^= 0x20;
        cr_assert(dns_relayed_end(&q, message, LEN));
        cr_assert_eq(dns_id(message), 0x1234);
}

Test(dns_relayed, what_is_none_stays_as_it_is)
{
        char message[LEN];
        struct dns_relayed q;

        memcpy(message, asked, LEN);
        cr_assert_not(dns_relayed_begin(&q, message, LEN - 1, 0xabcd));
        cr_assert_arr_eq(message, asked, LEN);
        cr_assert_eq(q.question_len, 0);
}
