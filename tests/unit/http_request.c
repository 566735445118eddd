/* cases.md F13, F16, H3, H5-H7, H11, H12, M1-M3: what is to be done with a request. */
#include "http/request.h"

#include "http_heads.h"

static struct message message;

static struct request_decision decide(struct span head, uint16_t port)
{
        struct request_decision d;
        struct fault f = parse_request(&message, head);
        cr_assert_eq(f.kind, FAULT_NONE, "%s: %.*s", f.why, (int)head.len, head.at);
        request_decide(&message, port, &d);
        return d;
}

#define EXPECT_VERDICT(expected, text) cr_expect_eq(decide(SPAN(text), 80).verdict, expected, "%s", #text)
#define PASSED(text)                   EXPECT_VERDICT(REQUEST_PASS, text)
#define LOOKED_UP(text)                EXPECT_VERDICT(REQUEST_LOOKUP, text)

Test(request, get_and_head_are_looked_up_and_nothing_else)
{
        LOOKED_UP(GET END);
        LOOKED_UP("HEAD / HTTP/1.1\r\n" HOST END);
        PASSED(POST "Content-Length: 0\r\n" END);
        PASSED("PUT / HTTP/1.1\r\n" HOST END);
        PASSED("PROPFIND / HTTP/1.1\r\n" HOST END);
        LOOKED_UP(GET "Authorization: Basic YTpi\r\nCookie: a\r\nRange: bytes=0-1\r\n" END);
}

Test(request, F13_a_get_with_a_body_is_passed)
{
        PASSED(GET "Content-Length: 1\r\n" END);
        PASSED(GET "Transfer-Encoding: chunked\r\n" END);
        LOOKED_UP(GET "Content-Length: 0\r\n" END);
}

Test(request, F16_expectations)
{
        struct request_decision d = decide(SPAN(GET "Expect: 100-Continue\r\n" END), 80);
        cr_expect(d.verdict == REQUEST_LOOKUP && d.expect_continue);
        d = decide(SPAN(POST "Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 1\r\n" END), 80);
        cr_expect(d.verdict == REQUEST_PASS && d.expect_continue);
        d = decide(SPAN(GET "Expect: 100-continue, a=b\r\n" END), 80);
        cr_expect(d.verdict == REQUEST_REFUSE && d.status == 417 && !d.first_only);
        d = decide(SPAN("GET / HTTP/1.0\r\n" HOST "Expect: 100-continue\r\n" END), 80);
        cr_expect(d.verdict == REQUEST_LOOKUP && !d.expect_continue);
}

Test(request, H3_without_host_it_is_passed)
{
        struct request_decision d = decide(SPAN("GET /a HTTP/1.0\r\n" END), 80);
        cr_expect_eq(d.verdict, REQUEST_PASS);
        cr_expect_eq(d.host.len, 0);
        cr_expect(span_equal(d.path, SPAN("/a")));
}

Test(request, H5_a_port_other_than_the_one_dialled_is_passed)
{
        cr_expect_eq(decide(SPAN("GET / HTTP/1.1\r\nHost: a:8080\r\n" END), 80).verdict, REQUEST_PASS);
        cr_expect_eq(decide(SPAN("GET / HTTP/1.1\r\nHost: a:8080\r\n" END), 8080).verdict, REQUEST_LOOKUP);
        cr_expect_eq(decide(SPAN(GET END), 8080).verdict, REQUEST_PASS);
}

Test(request, H6_the_path_is_byte_exact)
{
        cr_expect(span_equal(decide(SPAN("GET /a/../%61?b?/ HTTP/1.1\r\n" HOST END), 80).path, SPAN("/a/../%61?b?/")));
        cr_expect(span_equal(decide(SPAN("GET /? HTTP/1.1\r\n" HOST END), 80).path, SPAN("/?")));
}

Test(request, absolute_targets_are_taken_apart)
{
        struct request_decision d =
                decide(SPAN("GET http://A.example:81/b?c HTTP/1.1\r\nHost: a.example:81\r\n" END), 81);
        cr_expect(d.verdict == REQUEST_LOOKUP && span_equal(d.host, SPAN("A.example")) && d.port == 81);
        cr_expect(span_equal(d.path, SPAN("/b?c")));
        cr_expect(span_equal(decide(SPAN("GET http://a.example HTTP/1.1\r\n" HOST END), 80).path, SPAN("/")));
        cr_expect(span_equal(decide(SPAN("GET http://a.example?b HTTP/1.1\r\n" HOST END), 80).path, SPAN("?b")));
        cr_expect(span_equal(decide(SPAN("OPTIONS http://a.example HTTP/1.1\r\n" HOST END), 80).path, SPAN("*")));
        d = decide(SPAN("GET http://[::1]:80/ HTTP/1.0\r\n" END), 80);
        cr_expect(d.verdict == REQUEST_LOOKUP && span_equal(d.host, SPAN("[::1]")));
}

Test(request, H7_what_connection_names_is_passed)
{
        PASSED(GET "Connection: Cookie\r\nCookie: a\r\n" END);
        PASSED(GET "Authorization: Basic a\r\nConnection: authorization\r\n" END);
        PASSED(GET "Cache-Control: no-store\r\nConnection: close, cache-control\r\n" END);
        LOOKED_UP(GET "Connection: keep-alive, TE\r\nTE: trailers\r\nKeep-Alive: 5\r\n" END);
        LOOKED_UP(GET "Connection: Cookie\r\n" END);
        LOOKED_UP(GET "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: a\r\n" END);
}

Test(request, H11_unkeyed_routing_fields_are_passed)
{
        PASSED(GET "X-Forwarded-Host: b\r\n" END);
        PASSED(GET "x-forwarded-anything: b\r\n" END);
        PASSED(GET "Forwarded: for=b\r\n" END);
        PASSED(GET "X-Original-URL: /b\r\n" END);
        PASSED(GET "X-Rewrite-URL: /b\r\n" END);
        PASSED(GET "X-HTTP-Method-Override: DELETE\r\n" END);
}

Test(request, H12_connection_authentication_is_passed)
{
        PASSED(GET "Authorization: NTLM TlRMTVNTUAAB\r\n" END);
        PASSED(GET "Authorization: negotiate abc=\r\n" END);
        PASSED(GET "Proxy-Authorization: Kerberos a\r\n" END);
        LOOKED_UP(GET "Authorization: Bearer NTLM\r\n" END);
}

static bool authenticates(struct span head)
{
        cr_assert_eq(parse_response(&message, head, METHOD_GET).kind, FAULT_NONE);
        return message_authenticates_connection(&message);
}

Test(request, H12_challenges_are_known_in_any_place)
{
        cr_expect(authenticates(SPAN(OK "WWW-Authenticate: Negotiate\r\n" END)));
        cr_expect(authenticates(SPAN(OK "WWW-Authenticate: Basic realm=\"a\"\r\nWWW-Authenticate: NTLM\r\n" END)));
        cr_expect(authenticates(SPAN(OK "WWW-Authenticate: Basic realm=\"a\", ntlm\r\n" END)));
        cr_expect(authenticates(SPAN(OK "Proxy-Authenticate: Kerberos\r\n" END)));
        cr_expect(!authenticates(SPAN(OK "WWW-Authenticate: Basic realm=\"a, NTLM\"\r\n" END)));
        cr_expect(!authenticates(SPAN(OK "WWW-Authenticate: NTLMX\r\n" END)));
        cr_expect(!authenticates(SPAN(OK END)));
}

Test(request, M1_max_forwards_zero_is_answered_here)
{
        struct request_decision d = decide(SPAN("OPTIONS * HTTP/1.1\r\n" HOST "Max-Forwards: 0\r\n" END), 80);
        cr_expect(d.verdict == REQUEST_ANSWER && d.status == 200);
        d = decide(SPAN("TRACE / HTTP/1.1\r\n" HOST "Max-Forwards: 00\r\n" END), 80);
        cr_expect(d.verdict == REQUEST_ANSWER && d.status == 501);
        PASSED("TRACE / HTTP/1.1\r\n" HOST "Max-Forwards: 1\r\n" END);
        PASSED("OPTIONS / HTTP/1.1\r\n" HOST "Max-Forwards: -0\r\n" END);
        PASSED("OPTIONS / HTTP/1.1\r\n" HOST END);
        LOOKED_UP(GET "Max-Forwards: 0\r\n" END);
}

Test(request, M2_connect_becomes_a_tunnel)
{
        EXPECT_VERDICT(REQUEST_TUNNEL, "CONNECT b.example:443 HTTP/1.1\r\n" HOST END);
        EXPECT_VERDICT(REQUEST_TUNNEL, "CONNECT b.example:443 HTTP/1.0\r\nExpect: x\r\n" END);
}

Test(request, M3_an_upgrade_is_passed)
{
        PASSED(GET "Connection: Upgrade\r\nUpgrade: websocket\r\n" END);
        LOOKED_UP(GET "Upgrade: websocket\r\n" END);
}

Test(request, methods_are_safe_and_idempotent_by_rfc_9110)
{
        cr_expect(method_safe(METHOD_GET) && method_safe(METHOD_HEAD) && method_safe(METHOD_OPTIONS) &&
                  method_safe(METHOD_TRACE));
        cr_expect(!method_safe(METHOD_PUT) && !method_safe(METHOD_POST) && !method_safe(METHOD_OTHER));
        cr_expect(method_idempotent(METHOD_PUT) && method_idempotent(METHOD_DELETE) && method_idempotent(METHOD_GET));
        cr_expect(!method_idempotent(METHOD_POST) && !method_idempotent(METHOD_PATCH) &&
                  !method_idempotent(METHOD_CONNECT));
}

#define KEEPS(text) cr_expect(decide(SPAN(text), 80).keeps_post, "%s", #text)
#define DROPS(text) cr_expect_not(decide(SPAN(text), 80).keeps_post, "%s", #text)

Test(request, a_posts_reply_may_be_kept_where_only_the_method_is_against_it)
{
        KEEPS(POST "Content-Length: 3\r\n" END);
        DROPS("PUT / HTTP/1.1\r\n" HOST END);
        DROPS(GET END);
        DROPS(POST "Content-Length: 3\r\nX-Forwarded-Host: a\r\n" END);
        DROPS(POST "Content-Length: 3\r\nUpgrade: x\r\nConnection: upgrade\r\n" END);
        DROPS(POST "Content-Length: 3\r\nConnection: x\r\nX: 1\r\n" END);
        DROPS("POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\n");
}
