/* cases.md H2-H4: whom a request is for. */
#include "http/authority.h"

#include "http_heads.h"

Test(authority, H2_two_hosts_are_refused)
{
        REFUSED(GET "Host: a.example\r\n" END);
        REFUSED(GET "host: b.example\r\n" END);
        REFUSED("GET / HTTP/1.0\r\n" HOST HOST END);
}

Test(authority, H2_hosts_that_are_no_host_are_refused)
{
        static const char *const hosts[] = {
                "",          "a,b",         "a, b", "u@a",     "u:p@a",  "a/b",        "a?b",
                "a#b",       "a b",         "a:0",  "a:65536", "a:-1",   "a:99999999", "a:8o",
                "a:80:80",   ":80",         "[::1", "::1",     "[::1]x", "[::g]",      "[]",
                "[1.2.3.4]", "a\\b",        "a\"",  "\xe4",    "a\tb",   "a;b",        "[fe80::1%25eth0]",
                "http://a",  "[::1]:99999", "a\vb", "a<b>",    "[v1.a]",
        };
        char head[256];
        struct message m;
        for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
                int len = snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", hosts[i]);
                struct fault f = parse_request(&m, (struct span){head, (size_t)len});
                cr_expect_eq(f.kind, FAULT_FRAMING, "Host: %s", hosts[i]);
                cr_expect_eq(f.status, 400);
        }
}

Test(authority, hosts_and_ports_are_found)
{
        struct authority a;
        cr_assert(authority_parse(SPAN("A.example"), &a));
        cr_expect(span_equal(a.host, SPAN("A.example")));
        cr_expect_eq(a.port, 80);
        cr_assert(authority_parse(SPAN("[2001:db8::1]:8080"), &a));
        cr_expect(span_equal(a.host, SPAN("[2001:db8::1]")));
        cr_expect_eq(a.port, 8080);
        cr_assert(authority_parse(SPAN("192.0.2.1:65535"), &a));
        cr_expect_eq(a.port, 65535);
        cr_assert(authority_parse(SPAN("a.:"), &a), "an empty port is the default");
        cr_expect_eq(a.port, 80);
        cr_assert(authority_parse(SPAN("[::ffff:192.0.2.1]"), &a));
        cr_assert(authority_parse(SPAN("a_b-c.example"), &a));
}

static void expect_written(struct authority a, struct span text)
{
        char bytes[AUTHORITY_MAX];
        struct out o = {.at = bytes, .cap = sizeof bytes};
        authority_write(&o, &a);
        cr_expect(!o.overflow && span_equal((struct span){o.at, o.len}, text), "%.*s", (int)o.len, o.at);
}

Test(authority, all_that_share_a_key_are_written_alike)
{
        expect_written((struct authority){SPAN("A-z.Example."), 80}, SPAN("a-z.example"));
        expect_written((struct authority){SPAN("a.example"), 8080}, SPAN("a.example:8080"));
        expect_written((struct authority){SPAN("[2001:DB8::1]"), 80}, SPAN("[2001:db8::1]"));
        expect_written((struct authority){SPAN("."), 80}, SPAN("."));
}

Test(authority, a_host_of_more_than_255_bytes_is_none)
{
        char text[256];
        struct authority a;
        memset(text, 'a', sizeof text);
        cr_expect(authority_parse((struct span){text, 255}, &a));
        cr_expect(!authority_parse((struct span){text, 256}, &a));
}

Test(authority, H3_no_host_is_odd_in_1_1_and_allowed_in_1_0)
{
        ODD("GET / HTTP/1.1\r\nAccept: */*\r\n" END);
        ODD("GET http://a.example/ HTTP/1.1\r\n" END);
        ACCEPTED("GET / HTTP/1.0\r\nAccept: */*\r\n" END);
        ACCEPTED("GET http://a.example/ HTTP/1.0\r\n" END);
}

Test(authority, H4_absolute_targets_must_agree_with_host)
{
        ACCEPTED("GET http://a.example/ HTTP/1.1\r\n" HOST END);
        ACCEPTED("GET HTTP://A.EXAMPLE:80 HTTP/1.1\r\n" HOST END);
        ACCEPTED("GET http://a.example?q HTTP/1.1\r\n" HOST END);
        ACCEPTED("GET http://a.example:8080/ HTTP/1.1\r\nHost: a.example:8080\r\n" END);
        REFUSED("GET http://b.example/ HTTP/1.1\r\n" HOST END);
        REFUSED("GET http://a.example:8080/ HTTP/1.1\r\n" HOST END);
        REFUSED("GET http://a.example./ HTTP/1.1\r\n" HOST END);
        REFUSED("GET http://u@a.example/ HTTP/1.1\r\n" HOST END);
        REFUSED("GET http:///x HTTP/1.1\r\n" HOST END);
}

Test(authority, H4_other_schemes_are_refused)
{
        REFUSED("GET https://a.example/ HTTP/1.1\r\n" HOST END);
        REFUSED("GET ftp://a.example/ HTTP/1.1\r\n" HOST END);
        REFUSED("GET httpx://a.example/ HTTP/1.1\r\n" HOST END);
        REFUSED("GET h+t://a.example/ HTTP/1.1\r\n" HOST END);
}

Test(authority, H4_fragments_are_refused)
{
        REFUSED("GET /a#b HTTP/1.1\r\n" HOST END);
        REFUSED("GET /# HTTP/1.1\r\n" HOST END);
        REFUSED("GET http://a.example/#b HTTP/1.1\r\n" HOST END);
}

Test(authority, targets_of_no_form_are_odd)
{
        ODD("GET a HTTP/1.1\r\n" HOST END);
        ODD("GET * HTTP/1.1\r\n" HOST END);
        ODD("GET a.example:80 HTTP/1.1\r\n" HOST END);
        ODD("GET ://a HTTP/1.1\r\n" HOST END);
        ACCEPTED("OPTIONS * HTTP/1.1\r\n" HOST END);
}

Test(authority, M2_the_target_of_connect_is_not_judged)
{
        ACCEPTED("CONNECT b.example:443 HTTP/1.1\r\n" HOST END);
        struct message m;
        cr_expect_eq(REQUEST(&m, "CONNECT a:443 HTTP/1.1\r\n" HOST "Content-Length: 5\r\n" END).kind, FAULT_NONE);
        cr_expect_eq(m.method, METHOD_CONNECT);
        cr_expect_eq(m.framing, FRAMING_NONE);
}
