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
