/* Heads on their way: F1, F6, F8, H9, M1, M3, R1, R2 and RFC 9110 §7.6. */
#include "http/render.h"

#include "http/request.h"
#include "http_heads.h"

static char bytes[HEAD_MAX + 1024];
static struct message message;

static void expect(const struct out *o, struct span text)
{
        cr_expect(!o->overflow);
        cr_expect(span_equal((struct span){o->at, o->len}, text), "got:\n%.*s\nnot:\n%.*s", (int)o->len, o->at,
                  (int)text.len, text.at);
}

static void expect_request(struct span head, struct request_options options, struct span text)
{
        struct out o = {.at = bytes, .cap = sizeof bytes};
        struct request_decision d;
        struct fault f = parse_request(&message, head);
        cr_assert_eq(f.kind, FAULT_NONE, "%s", f.why);
        request_decide(&message, 80, &d);
        render_request(&o, &message, d.path, &options);
        expect(&o, text);
}

static void expect_response(struct span head, enum method method, struct response_options options, struct span text)
{
        struct out o = {.at = bytes, .cap = sizeof bytes};
        struct fault f = parse_response(&message, head, method);
        cr_assert_eq(f.kind, FAULT_NONE, "%s", f.why);
        render_response(&o, &message, &options);
        expect(&o, text);
}

#define GOES_OUT(in, out_, ...) expect_request(SPAN(in), (struct request_options){__VA_ARGS__}, SPAN(out_))
#define COMES_BACK(in, out_, ...)                                                                                      \
        expect_response(SPAN(in), METHOD_GET, (struct response_options){__VA_ARGS__}, SPAN(out_))

/* ---- requests -------------------------------------------------------------------------------------------------- */

Test(render, end_to_end_fields_keep_order_and_spelling)
{
        GOES_OUT("GET /a?b HTTP/1.1\r\nhOST:a.example\r\nX:  y \t\r\nCookie: \xe4\r\nX:\r\n" END,
                 "GET /a?b HTTP/1.1\r\nhOST:a.example\r\nX:  y \t\r\nCookie: \xe4\r\nX:\r\n" END);
}

Test(render, fields_of_the_hop_are_left_out)
{
        GOES_OUT(GET
                 "Connection: close, x\r\nX: y\r\nKeep-Alive: 5\r\nProxy-Connection: a\r\nUpgrade: h2c\r\nTE: gzip\r\n"
                 "Trailer: a\r\nVia: 1.1 b\r\nProxy-Authorization: c\r\n" END,
                 GET "Via: 1.1 b\r\nProxy-Authorization: c\r\n" END);
}

Test(render, F6_framing_is_canonical_and_in_its_place)
{
        GOES_OUT(POST "content-length:  0005 \r\nX: y\r\n" END, POST "content-length: 5\r\nX: y\r\n" END);
        GOES_OUT(POST "Content-Length: 000\r\n" END, POST "Content-Length: 0\r\n" END);
        GOES_OUT(POST "transfer-ENCODING:  CHUNKED\r\nX: y\r\nTrailer: z\r\n" END,
                 POST "Transfer-Encoding: chunked\r\nX: y\r\nTrailer: z\r\n" END);
}

Test(render, the_target_becomes_origin_form)
{
        GOES_OUT("GET http://a.example/b HTTP/1.1\r\n" HOST END, "GET /b HTTP/1.1\r\n" HOST END);
        GOES_OUT("GET http://a.example HTTP/1.1\r\n" HOST END, "GET / HTTP/1.1\r\n" HOST END);
        GOES_OUT("GET http://a.example?b HTTP/1.1\r\n" HOST END, "GET /?b HTTP/1.1\r\n" HOST END);
        GOES_OUT("OPTIONS * HTTP/1.1\r\n" HOST END, "OPTIONS * HTTP/1.1\r\n" HOST END);
}

Test(render, http_1_0_goes_on_as_1_1_with_a_host)
{
        GOES_OUT("GET /a HTTP/1.0\r\nX: y\r\nExpect: 100-continue\r\n" END,
                 "GET /a HTTP/1.1\r\nHost: b:8\r\nX: y\r\n" END, .authority = SPAN("b:8"));
        GOES_OUT("GET /a HTTP/1.0\r\n" HOST END, "GET /a HTTP/1.1\r\n" HOST END);
        GOES_OUT("GET /a HTTP/1.0\r\n" END, "GET /a HTTP/1.1\r\nVia: 1.0 limpid\r\n" END, .via = true);
}

Test(render, host_says_what_the_reply_is_stored_under)
{
        GOES_OUT("GET /a HTTP/1.1\r\nX: y\r\nhost: B.:80\r\n" END, "GET /a HTTP/1.1\r\nX: y\r\nhost: b\r\n" END,
                 .authority = SPAN("b"));
}

Test(render, via_is_added_to_those_that_are_there)
{
        GOES_OUT(GET "Via: 1.0 a\r\n" END, GET "Via: 1.0 a\r\nVia: 1.1 limpid\r\n" END, .via = true);
}

Test(render, conditions_are_replaced_by_those_of_the_store)
{
        GOES_OUT(GET "If-None-Match: a\r\nIf-Modified-Since: b\r\nIf-Range: c\r\nRange: d\r\nIf-Match: e\r\n" END,
                 GET "If-Match: e\r\nIf-None-Match: \"x\"\r\nIf-Modified-Since: y\r\n" END, .drop_conditions = true,
                 .etag = SPAN("\"x\""), .last_modified = SPAN("y"));
        GOES_OUT(GET "If-None-Match: a\r\nRange: d\r\n" END, GET "If-None-Match: a\r\nRange: d\r\n" END);
}

Test(render, te_trailers_is_asked_for_anew)
{
        GOES_OUT(GET "TE: gzip, trailers\r\nConnection: TE\r\n" END, GET "TE: trailers\r\nConnection: TE\r\n" END);
        GOES_OUT(GET "TE: trailers\r\n" END, GET END);
        GOES_OUT(GET "TE: trailers\r\nConnection: TE, upgrade\r\nUpgrade: a\r\n" END,
                 GET "Upgrade: a\r\nTE: trailers\r\nConnection: TE, upgrade\r\n" END, .upgrade = true);
}

Test(render, M3_upgrade_is_kept_if_wanted)
{
        GOES_OUT(GET "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" END,
                 GET "Upgrade: websocket\r\nConnection: upgrade\r\n" END, .upgrade = true);
        GOES_OUT(GET "Connection: Upgrade\r\nUpgrade: websocket\r\n" END, GET END);
}

Test(render, M1_max_forwards_is_counted_down)
{
        GOES_OUT("TRACE / HTTP/1.1\r\n" HOST "max-forwards: 3\r\n" END,
                 "TRACE / HTTP/1.1\r\n" HOST "Max-Forwards: 2\r\n" END);
        GOES_OUT(GET "Max-Forwards: 3\r\n" END, GET "Max-Forwards: 3\r\n" END);
        GOES_OUT("OPTIONS / HTTP/1.1\r\n" HOST "Max-Forwards: x\r\n" END,
                 "OPTIONS / HTTP/1.1\r\n" HOST "Max-Forwards: x\r\n" END);
}

Test(render, a_head_that_does_not_fit_is_an_overflow)
{
        char small[20];
        struct out o = {.at = small, .cap = sizeof small};
        struct request_options options = {.via = false};
        cr_assert_eq(REQUEST(&message, GET END).kind, FAULT_NONE);
        render_request(&o, &message, SPAN("/"), &options);
        cr_expect(o.overflow);
        cr_expect_leq(o.len, sizeof small);
}

/* ---- responses ------------------------------------------------------------------------------------------------- */

Test(render, a_response_keeps_order_spelling_and_reason)
{
        COMES_BACK("HTTP/1.0 404 Not \xfc here\r\nserver:x\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: "
                   "007\r\n" END,
                   "HTTP/1.1 404 Not \xfc here\r\nserver:x\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: "
                   "7\r\n" END);
        COMES_BACK("HTTP/1.1 200\r\nContent-Length: 0\r\n" END, "HTTP/1.1 200 \r\nContent-Length: 0\r\n" END);
}

Test(render, a_response_loses_what_is_its_hops_own)
{
        COMES_BACK(OK "Connection: keep-alive, X\r\nX: y\r\nKeep-Alive: a\r\nUpgrade: h2\r\nTE: "
                      "b\r\nContent-Length: 0\r\n" END,
                   OK "Content-Length: 0\r\n" END);
}

Test(render, what_trailers_there_were_is_said_even_where_they_are_lost)
{
        COMES_BACK(OK "Trailer: a\r\nContent-Length: 0\r\n" END, OK "Trailer: a\r\nContent-Length: 0\r\n" END);
}

Test(render, chunks_go_on_as_chunks_unless_the_length_is_stripped)
{
        COMES_BACK(OK "transfer-encoding:chunked\r\nTrailer: a\r\nX: y\r\n" END,
                   OK "Transfer-Encoding: chunked\r\nTrailer: a\r\nX: y\r\n" END);
        COMES_BACK(OK "Transfer-Encoding: chunked\r\nTrailer: a\r\nX: y\r\n" END,
                   OK "Trailer: a\r\nX: y\r\nConnection: close\r\n" END, .strip_length = true, .close = true);
        COMES_BACK(OK "X: y\r\n" END, OK "X: y\r\nTransfer-Encoding: chunked\r\n" END, .chunked = true);
        COMES_BACK(OK "Content-Length: 5\r\nX: y\r\n" END, OK "X: y\r\nTransfer-Encoding: chunked\r\n" END,
                   .chunked = true);
        COMES_BACK(OK "Content-Length: 5\r\n" END, OK END, .strip_length = true);
}

Test(render, R2_replies_without_a_body_keep_their_length)
{
        struct response_options none = {.via = false}, chunked = {.chunked = true};
        expect_response(SPAN(OK "Content-Length: 5\r\n" END), METHOD_HEAD, none, SPAN(OK "Content-Length: 5\r\n" END));
        expect_response(SPAN(OK "Transfer-Encoding: chunked\r\n" END), METHOD_HEAD, chunked, SPAN(OK END));
        COMES_BACK("HTTP/1.1 304 a\r\nContent-Length: 5\r\nETag: b\r\n" END,
                   "HTTP/1.1 304 a\r\nContent-Length: 5\r\nETag: b\r\n" END);
        COMES_BACK("HTTP/1.1 204 a\r\nContent-Length: 5\r\nX: y\r\n" END, "HTTP/1.1 204 a\r\nX: y\r\n" END);
}

Test(render, R1_an_odd_response_is_straightened_out)
{
        COMES_BACK(OK "X : y\r\nA:\r\n b,\r\n\t c\r\nContent-Length: 5, 05\r\nno name\r\nContent-Length: 5\r\n" END,
                   OK "X: y\r\nA: b,  \t c\r\nContent-Length: 5\r\n" END);
        COMES_BACK("HTTP/1.1 200 OK\nA: b\nContent-Length: 0\n\n", OK "A: b\r\nContent-Length: 0\r\n" END);
}

Test(render, cache_status_and_via_are_appended)
{
        COMES_BACK(OK "Cache-Status: a; hit\r\nVia: 1.1 a\r\nContent-Length: 0\r\n" END,
                   OK "Cache-Status: a; hit\r\nVia: 1.1 a\r\nContent-Length: 0\r\nCache-Status: Limpid; fwd=miss\r\n"
                      "Via: 1.1 limpid\r\nConnection: keep-alive\r\n" END,
                   .cache_status = SPAN("Limpid; fwd=miss"), .via = true, .keep_alive = true);
}

Test(render, M3_switching_protocols_keeps_upgrade)
{
        COMES_BACK("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
                   "a\r\n" END,
                   "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: a\r\nConnection: "
                   "upgrade\r\n" END,
                   .upgrade = true);
}

Test(render, interim_heads_go_on_with_their_own_fields)
{
        struct out o = {.at = bytes, .cap = sizeof bytes};
        cr_assert_eq(
                RESPONSE(&message,
                         "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: close\r\nContent-Length: 5\r\n" END)
                        .kind,
                FAULT_NONE);
        render_interim(&o, &message);
        expect(&o, SPAN("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n" END));
}
