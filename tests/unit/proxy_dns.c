/* proxy/dns.c: which datagrams are queries, which are their replies, and what may be learnt from those (cases.md D1,
 * D3, D4, D7). Messages are put together here, byte by byte. */
#include "proxy/dns.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { A = 1, CNAME = 5, TXT = 16, AAAA = 28, IN = 1, REPLY = 0x8180, TRUNCATED = 0x0200, NXDOMAIN = 3, FORMERR = 1 };

static char message[65536];
static size_t len;
static struct dns_addresses found;

static void put(const void *bytes, size_t n)
{
        memcpy(message + len, bytes, n);
        len += n;
}

static void put16(unsigned n)
{
        put((const char[]){(char)(n >> 8), (char)n}, 2);
}

static void put32(uint32_t n)
{
        put16(n >> 16);
        put16(n & 0xffff);
}

/* "www.example" as labels, and the root. */
static void put_name(const char *name)
{
        while (*name) {
                size_t n = strcspn(name, ".");

                put((const char[]){(char)n}, 1);
                put(name, n);
                name += n + (name[n] == '.');
        }
        put("", 1);
}

static void put_header(unsigned id, unsigned flags, unsigned questions, unsigned answers)
{
        len = 0;
        put16(id);
        put16(flags);
        put16(questions);
        put16(answers);
        put32(0);
}

static void begin(unsigned flags, unsigned answers, const char *name, unsigned type)
{
        put_header(7, flags, 1, answers);
        put_name(name);
        put16(type);
        put16(IN);
}

static void put_record(unsigned type, uint32_t ttl, size_t length)
{
        put16(type);
        put16(IN);
        put32(ttl);
        put16((unsigned)length);
}

static void put_a(const char *owner, uint32_t ttl, const char *address)
{
        struct in_addr a;

        put_name(owner);
        put_record(A, ttl, 4);
        inet_pton(AF_INET, address, &a);
        put(&a, 4);
}

static void put_cname(const char *owner, uint32_t ttl, const char *target)
{
        put_name(owner);
        put_record(CNAME, ttl, strlen(target) + 2);
        put_name(target);
}

static struct span whole(void)
{
        return (struct span){message, len};
}

static struct span question_of(const char *name, unsigned type)
{
        static char question[DNS_QUESTION_MAX];
        size_t kept = len, at = 0;
        char saved[512];

        memcpy(saved, message, sizeof saved);
        begin(0, 0, name, type);
        at = len - 12;
        memcpy(question, message + 12, at);
        memcpy(message, saved, sizeof saved);
        len = kept;
        return (struct span){question, at};
}

static bool learnt(const char *name, unsigned type)
{
        struct span question = question_of(name, type);

        return dns_answers(whole(), 7, question) && dns_addresses(whole(), question, &found);
}

static bool has(const char *address)
{
        struct in_addr a;

        inet_pton(AF_INET, address, &a);
        for (size_t i = 0; i < found.count; i++)
                if (found.at[i].in.s_addr == a.s_addr)
                        return true;
        return false;
}

/* ---- queries ----------------------------------------------------------------------------------------------------- */

Test(dns, a_query_has_one_question)
{
        struct span question;

        begin(0x0100, 0, "www.example", A);
        cr_assert(dns_query(whole(), &question));
        cr_assert_eq(question.len, 13 + 4);
        cr_assert_eq(dns_id(message), 7);
        dns_set_id(message, 0xfedc);
        cr_assert_eq(dns_id(message), 0xfedc);
        put_header(7, 0, 2, 0);
        len = 12 + 17;
        cr_assert_not(dns_query(whole(), &question));
        put_header(7, 0, 0, 0);
        cr_assert_not(dns_query(whole(), &question));
}

Test(dns, what_is_a_reply_or_another_operation_is_no_query)
{
        struct span question;

        begin(REPLY, 0, "www.example", A);
        cr_assert_not(dns_query(whole(), &question));
        begin(5 << 11, 0, "www.example", A); /* UPDATE */
        cr_assert_not(dns_query(whole(), &question));
}

Test(dns, a_query_that_ends_early_is_none)
{
        struct span question;

        begin(0, 0, "www.example", A);
        for (size_t n = len; n-- > 0;) {
                char *copy = malloc(n + 1); /* of its size, so that a sanitizer sees what is read beyond */

                memcpy(copy, message, n);
                cr_assert_not(dns_query((struct span){copy, n}, &question), "%zu", n);
                free(copy);
        }
}

Test(dns, a_question_is_never_compressed_nor_longer_than_a_name_can_be)
{
        struct span question;
        const char label[] = "0123456789012345678901234567890123456789012345678901234567890";

        put_header(7, 0, 1, 0);
        put("\xc0\x0c\0\1\0\1", 6);
        cr_assert_not(dns_query(whole(), &question));
        put_header(7, 0, 1, 0);
        for (int i = 0; i < 4; i++) {
                put("\x3d", 1);
                put(label, 61);
        }
        put("\6abcdef", 7); /* with the root: 256 */
        put("\0\0\1\0\1", 5);
        cr_assert_not(dns_query(whole(), &question));
        len -= 12;
        put("\5abcde", 6);
        put("\0\0\1\0\1", 5);
        cr_assert(dns_query(whole(), &question));
        cr_assert_eq(question.len, DNS_QUESTION_MAX);
}

/* ---- replies ----------------------------------------------------------------------------------------------------- */

Test(dns, d1_a_reply_repeats_id_and_question)
{
        begin(REPLY, 0, "www.example", A);
        cr_assert(dns_answers(whole(), 7, question_of("www.example", A)));
        cr_assert_not(dns_answers(whole(), 8, question_of("www.example", A)));
        cr_assert_not(dns_answers(whole(), 7, question_of("www.example", AAAA)));
        cr_assert_not(dns_answers(whole(), 7, question_of("wwx.example", A)));
        cr_assert_not(dns_answers(whole(), 7, question_of("ww.example", A)));
}

Test(dns, d1_the_case_of_the_question_counts)
{
        begin(REPLY, 0, "www.Example", A);
        cr_assert_not(dns_answers(whole(), 7, question_of("www.example", A)));
        cr_assert(dns_answers(whole(), 7, question_of("www.Example", A)));
}

Test(dns, a_query_is_no_reply)
{
        begin(0x0100, 0, "www.example", A);
        cr_assert_not(dns_answers(whole(), 7, question_of("www.example", A)));
}

Test(dns, only_an_error_may_leave_the_question_out_and_teaches_nothing)
{
        struct span question = question_of("www.example", A);

        put_header(7, REPLY | FORMERR, 0, 0);
        cr_assert(dns_answers(whole(), 7, question));
        cr_assert_not(dns_addresses(whole(), question, &found));
        put_header(7, REPLY, 0, 0);
        cr_assert_not(dns_answers(whole(), 7, question));
        put_header(7, REPLY | FORMERR, 0, 1);
        cr_assert_not(dns_answers(whole(), 7, question));
}

/* ---- what is learnt ---------------------------------------------------------------------------------------------- */

Test(dns, addresses_of_the_name_asked_for)
{
        begin(REPLY, 2, "WWW.Example", A);
        put_a("www.example", 300, "192.0.2.1");
        put_a("www.EXAMPLE", 200, "192.0.2.2");
        cr_assert(learnt("WWW.Example", A));
        cr_assert_str_eq(found.host, "www.example");
        cr_assert_eq(found.count, 2);
        cr_assert_eq(found.ttl, 200);
        cr_assert_eq(found.family, AF_INET);
        cr_assert(has("192.0.2.1") && has("192.0.2.2"));
}

Test(dns, ipv6_addresses_and_compressed_owners)
{
        struct in6_addr a;

        begin(REPLY, 1, "www.example", AAAA);
        put("\xc0\x0c", 2);
        put_record(AAAA, 60, 16);
        inet_pton(AF_INET6, "2001:db8::7", &a);
        put(&a, 16);
        cr_assert(learnt("www.example", AAAA));
        cr_assert_eq(found.family, AF_INET6);
        cr_assert_arr_eq(&found.at[0].in6, &a, 16);
}

Test(dns, d7_the_end_of_the_chain_is_bound_to_its_beginning_alone)
{
        begin(REPLY, 4, "evil.test", A);
        put_a("last.test", 300, "192.0.2.3"); /* in whatever order */
        put_cname("victim.test", 20, "last.test");
        put_cname("evil.test", 100, "victim.test");
        put_a("victim.test", 300, "192.0.2.66"); /* it has a CNAME: this is none of it */
        cr_assert_not(learnt("evil.test", A), "a name with a CNAME has nothing else");
        begin(REPLY, 3, "evil.test", A);
        put_cname("evil.test", 100, "victim.test");
        put_cname("victim.test", 20, "last.test");
        put_a("last.test", 300, "192.0.2.3");
        cr_assert(learnt("evil.test", A));
        cr_assert_str_eq(found.host, "evil.test");
        cr_assert_eq(found.count, 1);
        cr_assert_eq(found.ttl, 20);
}

Test(dns, d4_what_is_not_of_the_chain_is_not_learnt)
{
        begin(REPLY, 2, "evil.test", A);
        put_a("evil.test", 300, "192.0.2.3");
        put_a("victim.test", 300, "192.0.2.66");
        cr_assert(learnt("evil.test", A));
        cr_assert_eq(found.count, 1);
        cr_assert(has("192.0.2.3"));
        begin(REPLY, 2, "evil.test", A);
        put_a("victim.test", 300, "192.0.2.66");
        put_cname("victim.test", 300, "evil.test");
        cr_assert_not(learnt("evil.test", A));
}

Test(dns, additional_and_authority_records_teach_nothing)
{
        begin(REPLY, 0, "www.example", A);
        message[11] = 1; /* one additional record */
        put_a("www.example", 300, "192.0.2.66");
        cr_assert_not(learnt("www.example", A));
}

Test(dns, d3_chains_that_come_round_are_given_up)
{
        begin(REPLY, 2, "a.test", A);
        put_cname("a.test", 1, "b.test");
        put_cname("b.test", 1, "a.test");
        cr_assert_not(learnt("a.test", A));
}

Test(dns, d3_pointers_lead_backwards_or_nowhere)
{
        begin(REPLY, 1, "www.example", A);
        put((const char[]){(char)0xc0, (char)len}, 2); /* at itself */
        put_record(A, 60, 4);
        put("\xc0\0\2\1", 4);
        cr_assert_not(learnt("www.example", A));
        begin(REPLY, 1, "www.example", A);
        put((const char[]){(char)0xc0, (char)(len + 2), (char)0xc0, (char)len}, 4); /* at each other */
        put_record(A, 60, 4);
        put("\xc0\0\2\1", 4);
        cr_assert_not(learnt("www.example", A));
        begin(REPLY, 1, "www.example", A);
        put("\xff\xff", 2); /* beyond the end */
        put_record(A, 60, 4);
        put("\xc0\0\2\1", 4);
        cr_assert_not(learnt("www.example", A));
}

Test(dns, d3_nothing_from_a_reply_that_ends_early)
{
        struct span question = question_of("www.example", A);

        begin(REPLY, 2, "www.example", A);
        put_cname("www.example", 60, "a.example");
        put_a("a.example", 60, "192.0.2.1");
        for (size_t n = len; n-- > 0;) {
                char *copy = malloc(n + 1);

                memcpy(copy, message, n);
                cr_assert_not(dns_answers((struct span){copy, n}, 7, question) &&
                                      dns_addresses((struct span){copy, n}, question, &found),
                              "%zu", n);
                free(copy);
        }
        cr_assert(learnt("www.example", A));
}

Test(dns, nothing_from_errors_truncated_replies_and_other_types)
{
        begin(REPLY | NXDOMAIN, 1, "www.example", A);
        put_a("www.example", 60, "192.0.2.1");
        cr_assert_not(learnt("www.example", A));
        begin(REPLY | TRUNCATED, 1, "www.example", A);
        put_a("www.example", 60, "192.0.2.1");
        cr_assert_not(learnt("www.example", A));
        begin(REPLY, 1, "www.example", TXT);
        put_a("www.example", 60, "192.0.2.1");
        cr_assert_not(learnt("www.example", TXT));
        begin(REPLY, 1, "www.example", AAAA);
        put_a("www.example", 60, "192.0.2.1");
        cr_assert_not(learnt("www.example", AAAA), "the other family was not asked for");
}

Test(dns, names_that_no_host_has_are_not_learnt)
{
        begin(REPLY, 1, "a b.example", A);
        put_a("a b.example", 60, "192.0.2.1");
        cr_assert_not(learnt("a b.example", A));
        begin(REPLY, 1, "_a-1.example", A);
        put_a("_a-1.example", 60, "192.0.2.1");
        cr_assert(learnt("_a-1.example", A));
        begin(REPLY, 1, "", A);
        put_a("", 60, "192.0.2.1");
        cr_assert_not(learnt("", A));
}

Test(dns, a_label_with_a_dot_is_not_two_labels)
{
        struct span question;

        put_header(7, 0, 1, 0);
        put("\x0bwww.example\0\0\1\0\1", 17);
        cr_assert(dns_query(whole(), &question));
        question = (struct span){memcpy(malloc(question.len), question.at, question.len), question.len};
        put_header(7, REPLY, 1, 1);
        len += 17;
        put_a("www.example", 60, "192.0.2.1");
        cr_assert(dns_answers(whole(), 7, question));
        cr_assert_not(dns_addresses(whole(), question, &found));
        free((void *)(uintptr_t)question.at);
}

Test(dns, a_ttl_beyond_31_bits_is_none)
{
        begin(REPLY, 1, "www.example", A);
        put_a("www.example", 0x80000000U, "192.0.2.1");
        cr_assert(learnt("www.example", A));
        cr_assert_eq(found.ttl, 0);
}

Test(dns, d3_64_kib_of_answers_are_bounded)
{
        char address[32];

        begin(REPLY, 200, "www.example", A);
        for (int i = 0; i < 200; i++) {
                snprintf(address, sizeof address, "192.0.2.%d", i);
                put_a("www.example", 60, address);
        }
        cr_assert(learnt("www.example", A));
        cr_assert_eq(found.count, DNS_ADDRESSES_MAX);
        begin(REPLY, 60000, "www.example", A);
        while (len < 65000)
                put_a("www.example", 60, "192.0.2.1");
        cr_assert_not(learnt("www.example", A));
}

Test(dns, d3_junk_is_survived)
{
        struct span question = question_of("www.example", A);

        srand(1);
        for (int round = 0; round < 20000; round++) {
                begin(REPLY, 3, "www.example", A);
                put_cname("www.example", 60, "a.example");
                put_a("a.example", 60, "192.0.2.1");
                put_a("a.example", 60, "192.0.2.2");
                for (int i = 0; i < 3; i++)
                        message[2 + (size_t)rand() % (len - 2)] = (char)rand();
                if (dns_answers(whole(), 7, question) && dns_addresses(whole(), question, &found)) {
                        cr_assert(found.count <= 3);
                        cr_assert_str_eq(found.host, "www.example");
                }
        }
}
