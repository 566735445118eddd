#include "http/vary.h"
#include "http_heads.h"

static void expect_names(const char *expected, struct span head)
{
        char text[64];
        struct message m;
        struct out o = {.at = text, .cap = sizeof text};
        cr_assert_eq(parse_response(&m, head, METHOD_GET).kind, FAULT_NONE);
        cr_expect_eq(vary_names(&o, &m), expected != NULL);
        if (expected)
                cr_expect(span_equal((struct span){text, o.len}, (struct span){expected, strlen(expected)}), "%.*s",
                          (int)o.len, text);
}

Test(vary, names_are_lower_sorted_and_once)
{
        expect_names("accept,accept-encoding,b", SPAN(OK "Vary: B, Accept-Encoding\r\nVary: accept,b,,\r\n" END));
        expect_names("", SPAN(OK END));
}

Test(vary, star_malformed_and_overlong_are_never_reused)
{
        expect_names(NULL, SPAN(OK "Vary: a, *\r\n" END));
        expect_names(NULL, SPAN(OK "Vary: a b\r\n" END));
        expect_names(NULL,
                     SPAN(OK "Vary: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" END));
        expect_names(NULL, SPAN(OK "Vary: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,1,2,3,4,5,6,7\r\n" END));
}

static uint64_t hash(struct span head)
{
        struct message m;
        cr_assert_eq(parse_request(&m, head).kind, FAULT_NONE);
        return vary_hash(SPAN("accept,b"), &m);
}
#define HASH(fields) hash(SPAN(GET fields END))

Test(vary, spelling_does_not_split_variants)
{
        cr_expect_eq(HASH("B: x, y\r\n"), HASH("b:x ,y\r\n"));
        cr_expect_eq(HASH("B: x, y\r\n"), HASH("B: x\r\nB: y\r\n"));
        cr_expect_eq(HASH("B: x\r\nOther: 1\r\n"), HASH("B: x\r\n"));
}

Test(vary, values_split_variants)
{
        cr_expect_neq(HASH("B: x\r\n"), HASH("B: X\r\n"));
        cr_expect_neq(HASH("B: x,y\r\n"), HASH("B: xy\r\n"));
        cr_expect_neq(HASH("B: x\r\n"), HASH("Accept: x\r\n"));
        cr_expect_neq(HASH("B:\r\n"), HASH(""));
}

Test(vary, a_star_or_a_malformed_name_anywhere_matches_nothing)
{
        expect_names(NULL, SPAN(OK "Vary: *\r\n" END));
        expect_names(NULL, SPAN(OK "Vary: a\r\nVary: b, *\r\n" END));
        expect_names(NULL, SPAN(OK "Vary: \"a\"\r\n" END));
        expect_names(NULL, SPAN(OK "Vary: a;b\r\n" END));
        expect_names("", SPAN(OK "Vary: , ,\r\n" END));
}

static uint64_t hash_by(const char *names, struct span head)
{
        struct message m;
        cr_assert_eq(parse_request(&m, head).kind, FAULT_NONE);
        return vary_hash((struct span){names, strlen(names)}, &m);
}
#define HASH_BY(names, fields) hash_by(names, SPAN(GET fields END))
#define SAME(names, a, b)      cr_expect_eq(HASH_BY(names, a), HASH_BY(names, b), "%s | %s", a, b)
#define DIFFER(names, a, b)    cr_expect_neq(HASH_BY(names, a), HASH_BY(names, b), "%s | %s", a, b)

Test(vary, no_value_runs_into_the_next)
{
        DIFFER("x,y", "X: 12\r\nY: 3\r\n", "X: 1\r\nY: 23\r\n");
        DIFFER("x,y", "X: 1\r\nY: 2\r\n", "X: 2\r\nY: 1\r\n");
        DIFFER("x", "X: 1, 2\r\n", "X: 12\r\n");
        DIFFER("x", "X: 1, 2\r\n", "X: 2, 1\r\n");
        SAME("x,y", "X: 1\r\nY: 2\r\n", "Y: 2\r\nX: 1\r\n");
}

Test(vary, blanks_within_quotes_matter)
{
        SAME("x", "X: 1\t ,  2\r\n", "X: 1,,2,\r\n");
        DIFFER("x", "X: \"1, 2\"\r\n", "X: \"1,2\"\r\n");
        DIFFER("x", "X: 1, 2\r\n", "X: 1 2\r\n");
}

Test(vary, names_that_rules_ask_about_are_told_apart)
{
        SAME("x-forwarded-for", "X-Forwarded-For: 1\r\nX-Forwarded-Host: 2\r\n", "X-Forwarded-For: 1\r\n");
        DIFFER("x-forwarded-for", "X-Forwarded-For: 1\r\n", "X-Forwarded-Host: 1\r\n");
        SAME("user-agent", "User-Agent: a\r\n", "user-agent: a\r\nReferer: b\r\n");
        DIFFER("user-agent", "User-Agent: a\r\n", "");
}

#define ENCODING(value) "Accept-Encoding: " value "\r\n"
#define LANGUAGE(value) "Accept-Language: " value "\r\n"

Test(vary, accept_encoding_is_compared_by_meaning)
{
        SAME("accept-encoding", ENCODING("gzip, deflate, br"), ENCODING("br,GZIP;q=1.0, deflate"));
        SAME("accept-encoding", ENCODING("gzip;q=0.5"), ENCODING("gzip ; Q=0.500"));
        SAME("accept-encoding", ENCODING("gzip;q=0"), ENCODING("gzip;q=0."));
        SAME("accept-encoding", ENCODING("gzip") ENCODING("br"), ENCODING("br, gzip"));
        DIFFER("accept-encoding", ENCODING("gzip"), ENCODING("gzip;q=0.5"));
        DIFFER("accept-encoding", ENCODING("gzip"), ENCODING("gzip;q=0"));
        DIFFER("accept-encoding", ENCODING("gzip"), ENCODING("gzip, br"));
        DIFFER("accept-encoding", ENCODING("*"), ENCODING("*;q=0"));
        DIFFER("accept-encoding", ENCODING(""), "");
}

Test(vary, accept_language_is_compared_by_meaning)
{
        SAME("accept-language", LANGUAGE("de-CH, en;q=0.7"), LANGUAGE("EN;q=0.7,de-ch"));
        DIFFER("accept-language", LANGUAGE("de, en;q=0.7"), LANGUAGE("en, de;q=0.7"));
}

Test(vary, malformed_weights_are_compared_as_they_are)
{
        static const char *const odd[] = {"de;q=x", "de;q=1.1", "de;q=2", "de;q=0.5000", "de;q=0x5",
                                          "de;q=",  "de;",      "de x",   "de;q=0.a",    "de;level=1"};
        char head[256];
        for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
                int len = snprintf(head, sizeof head, GET "Accept-Language: %s\r\n" END, odd[i]);
                uint64_t hash_of_odd = hash_by("accept-language", (struct span){head, (size_t)len});
                cr_expect_neq(hash_of_odd, HASH_BY("accept-language", LANGUAGE("de")), "%s", odd[i]);
                cr_expect_neq(hash_of_odd, HASH_BY("accept-language", LANGUAGE("de;q=0.5")), "%s", odd[i]);
                cr_expect_neq(hash_of_odd, HASH_BY("accept-language", LANGUAGE("de;q=0")), "%s", odd[i]);
        }
        SAME("accept-language", LANGUAGE("/, de"), LANGUAGE("de, /"));
}

Test(vary, endless_lists_are_compared_in_their_order)
{
        static char one[2048], two[2048];
        size_t a = (size_t)sprintf(one, GET "Accept-Language: x, y"),
               b = (size_t)sprintf(two, GET "Accept-Language: y, x");
        for (int i = 0; i < 50; i++) {
                a += (size_t)sprintf(one + a, ", l%d", i);
                b += (size_t)sprintf(two + b, ", l%d", i);
        }
        a += (size_t)sprintf(one + a, "\r\n\r\n");
        b += (size_t)sprintf(two + b, "\r\n\r\n");
        cr_expect_neq(hash_by("accept-language", (struct span){one, a}),
                      hash_by("accept-language", (struct span){two, b}));
        cr_expect_eq(hash_by("accept-language", (struct span){one, a}),
                     hash_by("accept-language", (struct span){one, a}));
}

/* It is stored: another way to make it is another format of the store. */
Test(vary, the_hash_stays_what_it_is)
{
        cr_expect_eq(HASH_BY("accept-encoding,x", ENCODING("gzip, br;q=0.5") "X: 1\r\n"), 0x3ff0801a03883fa9);
}
