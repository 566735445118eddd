"""Where a request ends, rows F of the hostile cases. What the origin was sent is the proof, never the status alone."""

import threading
import time

import pytest

from lab import wait
from lab.limpid import sanitized
from lab.origin import answer
from lab.verdicts import filled, only_saw, plain_origin, refused, send_all, tunnelled
from lab.wire import Closed, chunked, get, reply

MIB = 1 << 20
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: HOST\r\n\r\n"
SECOND = pytest.mark.parametrize("second", [False, True], ids=["first", "second"])


def post(*fields, body=b"", version="1.1"):
    return "\r\n".join([f"POST /bad HTTP/{version}", "Host: HOST", *fields, "", ""]).encode("latin-1") + body


def odd(line, body=b""):
    """A GET with one odd line (bytes as they are) among its fields."""
    return b"GET /odd HTTP/1.1\r\nHost: HOST\r\n" + line + b"\r\n\r\n" + body


@SECOND
@pytest.mark.parametrize("fields", [("Content-Length: 5", "Transfer-Encoding: chunked"), ("Transfer-Encoding: chunked", "Content-Length: 5"),
                                    ("Content-Length: 0", "Transfer-Encoding: chunked"), ("Content-Length: 5", "transfer-encoding:"),
                                    ("Content-Length: 5", "Transfer-Encoding: identity")])
def test_f1_both_framings(limpid, origin, connect, fields, second):
    refused(plain_origin(origin), connect, post(*fields, body=b"0\r\n\r\n" + SMUGGLED), (400, 501), second)


@SECOND
@pytest.mark.parametrize("fields", [
    ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), ("Transfer-Encoding: chunked, chunked",),
    ("Transfer-Encoding: identity", "Transfer-Encoding: chunked"), ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
    ("Transfer-Encoding: gzip, chunked",), ("Transfer-Encoding: ,chunked",), ("Transfer-Encoding: chunked,",),
    ("Transfer-Encoding: chunked, identity",)])
def test_f2_more_codings_than_chunked(limpid, origin, connect, fields, second):
    refused(plain_origin(origin), connect, post(*fields, body=b"0\r\n\r\n" + SMUGGLED), (400, 501), second)


@SECOND
@pytest.mark.parametrize("value", ["xchunked", '"chunked"', "chunked;q=1", "\x0bchunked", "chunked\x0b", "\xa0chunked", "chunked\xa0", "",
                                   "chun ked", "chunked\x00"])
def test_f3_what_is_almost_chunked(limpid, origin, connect, value, second):
    refused(plain_origin(origin), connect, post(f"Transfer-Encoding: {value}", body=b"0\r\n\r\n" + SMUGGLED), (400, 501), second)


@SECOND
@pytest.mark.parametrize("version", ["1.0", "0.9"])
def test_f4_a_transfer_coding_before_its_time(limpid, origin, connect, version, second):
    refused(plain_origin(origin), connect, post("Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED, version=version), (400, 505), second)


@SECOND
@pytest.mark.parametrize("fields", [("Content-Length: 5", "Content-Length: 5"), ("Content-Length: 5", "Content-Length: 6"),
                                    *((f"Content-Length: {value}",) for value in ("5, 5", "5,6", "+5", "-5", "0x5", "5x", "", "5 5", "5.0"))])
def test_f5_lengths_that_are_no_length(limpid, origin, connect, fields, second):
    refused(plain_origin(origin), connect, post(*fields, body=b"12345" + SMUGGLED), (400,), second)


@SECOND
@pytest.mark.parametrize("length", [1 << 63, (1 << 64) - 1, 1 << 64, (1 << 64) + 5, 10 ** 40])
def test_f6_lengths_beyond_all_bounds(limpid, origin, connect, length, second):
    refused(plain_origin(origin), connect, post(f"Content-Length: {length}", body=b"12345" + SMUGGLED), (400, 413), second)


def test_f6_leading_zeros_are_sent_on_in_canonical_form(limpid, origin, connect):
    there = plain_origin(origin)
    wire = connect(there)
    assert wire.ask(filled(post("Content-Length: 0005", body=b"12345"), there)).status == 200
    assert there.requests[0].all("Content-Length") == ["5"]
    assert there.requests[0].body == b"12345"


ODD = {
    "f7_blank_before_the_colon": odd(b"Name : value"),
    "f7_tab_before_the_colon": odd(b"Name\t: value"),
    "f7_blank_before_the_colon_of_a_framing_field": odd(b"Transfer-Encoding : chunked"),
    "f7_no_name": odd(b": value"),
    "f7_nul_in_a_name": odd(b"Na\0me: value"),
    "f7_nul_in_a_value": odd(b"Name: val\0ue"),
    "f7_control_byte_in_a_name": odd(b"Na\x01me: value"),
    "f7_control_byte_in_a_value": odd(b"Name: val\x01ue"),
    "f7_nul_in_the_target": b"GET /od\0d HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "f7_control_byte_in_the_target": b"GET /od\x7fd HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "f8_folded_field": odd(b"Name: value\r\n folded"),
    "f8_folded_with_a_tab": odd(b"Name: value\r\n\tfolded"),
    "f8_bare_cr_in_a_field": odd(b"Name: val\rue"),
    "f8_bare_cr_that_hides_a_field": odd(b"Name: value\rTransfer-Encoding: chunked"),
    "f9_bare_line_feeds": b"GET /odd HTTP/1.1\nHost: HOST\n\n",
    "f9_a_bare_line_feed_in_the_middle": odd(b"Name: value\nOther: value"),
    "f9_a_bare_line_feed_after_the_request_line": b"GET /odd HTTP/1.1\nHost: HOST\r\n\r\n",
    "f9_a_head_that_ends_in_a_bare_line_feed": b"GET /odd HTTP/1.1\r\nHost: HOST\r\n\n",
    "f14_http_2_0": b"GET /odd HTTP/2.0\r\nHost: HOST\r\n\r\n",
    "f14_the_preface_of_http_2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "f14_rtsp": b"OPTIONS rtsp://HOST/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    "f14_a_target_without_a_slash": b"GET path HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "f14_an_asterisk_for_a_target": b"GET * HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "f14_tls": bytes.fromhex("16030100c8010000c40303") + bytes(range(180)),
    "f14_ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "f14_binary": b"\0\x01\x02\x03\xff\xfe" * 10,
    "f18_a_name_of_64_kib": odd(b"N" * 65536 + b": value"),
    "f18_a_target_of_64_kib": b"GET /" + b"o" * 65536 + b" HTTP/1.1\r\nHost: HOST\r\n\r\n",
}


@pytest.mark.parametrize("case", ODD)
def test_odd_bytes_at_first_are_tunnelled(limpid, origin, connect, case):
    tunnelled(origin, connect, ODD[case])


@pytest.mark.parametrize("case", ODD)
def test_odd_bytes_later_are_refused(limpid, origin, connect, case):
    refused(plain_origin(origin), connect, ODD[case], (400, 414, 431, 501, 505), second=True)


@SECOND
@pytest.mark.parametrize("fields", [("Transfer-Encoding:\r\n chunked",), ("Transfer-Encoding: chunked\r\n ",), ("Content-Length:\r\n 5",),
                                    ("Content-Length: 5\r\n 5",), ("Transfer-Encoding: chun\rked",), ("Content-Length: 5\r5",)])
def test_f8_framing_fields_folded_or_with_a_bare_cr(limpid, origin, connect, fields, second):
    refused(plain_origin(origin), connect, post(*fields, body=b"0\r\n\r\n" + SMUGGLED), (400, 501), second)


def refused_in_the_body(limpid, there, connect, head, body):
    """R for a fault that only the body shows: the origin may have had the head and what was good of the body, but neither a
    complete request nor a byte of what follows the fault; its connection is closed."""
    wire = connect(there)
    send_all(wire, filled(head + body, there))
    got = wire.response()
    assert got.status == 400, got
    assert wire.read_all() == b""
    assert connect(there).ask(get(there.host, "/canary")).status == 200
    assert [request.target for request in there.requests] == ["/canary"]
    assert b"smuggled" not in there.received
    wait.eventually(lambda: all(connection.over.is_set() for connection in there.connections if not connection.requests),
                    "the origin's connection with half a request to end")


BAD_CHUNKS = {
    "hexadecimal_prefix": b"0x3\r\nabc\r\n0\r\n\r\n", "plus": b"+3\r\nabc\r\n0\r\n\r\n", "minus": b"-3\r\nabc\r\n0\r\n\r\n",
    "underscore": b"0_2e\r\nabc\r\n0\r\n\r\n", "blank_before": b" 3\r\nabc\r\n0\r\n\r\n", "blank_behind": b"3 \r\nabc\r\n0\r\n\r\n",
    "empty": b"\r\nabc\r\n0\r\n\r\n", "near_2^64": b"FFFFFFFFFFFFFFED\r\nabc\r\n0\r\n\r\n", "above_2^64": b"10000000000000003\r\nabc\r\n0\r\n\r\n",
    "more_than_the_size": b"3\r\nabcdef\r\n0\r\n\r\n", "less_than_the_size": b"5\r\nabc\r\n0\r\n\r\n", "no_end_of_line": b"3\r\nabc0\r\n\r\n",
    "f11_bare_line_feed": b"3\nabc\r\n0\r\n\r\n", "f11_bare_cr": b"3\rabc\r\n0\r\n\r\n", "f11_line_feed_in_an_extension": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "f11_cr_in_an_extension": b"3;a\rb\r\nabc\r\n0\r\n\r\n", "f11_bare_line_feed_behind_a_chunk": b"3\r\nabc\n0\r\n\r\n",
    "f11_bare_line_feed_at_the_end": b"3\r\nabc\r\n0\n\n", "f11_nul_in_an_extension": b"3;a\0b\r\nabc\r\n0\r\n\r\n",
    "not_a_number": b"xyz\r\nabc\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("case", BAD_CHUNKS)
def test_f10_f11_chunks_that_are_none(limpid, origin, connect, case):
    refused_in_the_body(limpid, plain_origin(origin), connect, post("Transfer-Encoding: chunked"), BAD_CHUNKS[case] + SMUGGLED)


@pytest.mark.parametrize("case", ["more_than_the_size", "near_2^64", "f11_bare_line_feed"])
def test_f10_a_bad_chunk_behind_a_good_one(limpid, origin, connect, case):
    there = plain_origin(origin)
    wire = connect(there)
    wire.send(filled(post("Transfer-Encoding: chunked", body=b"4\r\ngood\r\n"), there))
    wait.eventually(lambda: b"good" in there.received, "the good chunk at the origin")
    send_all(wire, BAD_CHUNKS[case] + filled(SMUGGLED, there))
    assert b"smuggled" not in wire.read_all()
    there.connection(1).over.wait(wait.DEADLINE)
    assert not there.requests and b"abcd" not in there.received and b"smuggled" not in there.received
    assert only_saw_last(there, connect)


def only_saw_last(there, connect):
    return connect(there).ask(get(there.host, "/canary")).status == 200 and [r.target for r in there.requests] == ["/canary"]


def bounded(limpid, before):
    """Anonymous memory has not grown by what was sent (a build with sanitizers keeps freed memory: not asked there)."""
    return sanitized() or limpid.rss_anon() - before < 8 * MIB


@pytest.mark.parametrize("what", ["extension", "zeros"])
def test_f11_64_mib_of_a_chunk_line(limpid, origin, connect, what):
    there = plain_origin(origin)
    before = limpid.rss_anon()
    line = b"3;" + b"x" * (64 * MIB) if what == "extension" else b"0" * (64 * MIB) + b"3"
    wire = connect(there)
    send_all(wire, filled(post("Transfer-Encoding: chunked"), there) + line + b"\r\nabc\r\n0\r\n\r\n")
    answer_of_some_kind(wire)
    assert bounded(limpid, before)
    assert only_saw_last(there, connect)


def answer_of_some_kind(wire, status=(400, 413, 431)):
    """A refusal, or, where the peer closed with much unread, a reset that overtook it."""
    try:
        assert wire.response().status in status
        wire.read_all()
    except ConnectionError:
        pass


def test_f12_trailers_that_are_no_trailers_are_dropped(limpid, origin, connect):
    there = plain_origin(origin)
    body = chunked("abc", trailers=["Content-Length: 4", "Host: other.test", "Transfer-Encoding: chunked", "X-Sum: 1"])
    wire = connect(there)
    assert wire.ask(filled(post("Transfer-Encoding: chunked", body=body), there)).status == 200
    seen = there.requests[0]
    assert seen.body == b"abc"
    assert not {"content-length", "host", "transfer-encoding"} & {name.lower() for name, _ in seen.trailers}
    assert wire.ask(get(there.host, "/next")).status == 200, "the connection goes on"


def test_f12_a_million_trailers(limpid, origin, connect):
    there = plain_origin(origin)
    before = limpid.rss_anon()
    wire = connect(there)
    send_all(wire, filled(post("Transfer-Encoding: chunked"), there) + b"3\r\nabc\r\n0\r\n" + b"X: y\r\n" * 1_000_000 + b"\r\n")
    answer_of_some_kind(wire)
    assert bounded(limpid, before)
    assert only_saw_last(there, connect)


def test_f13_a_get_with_a_body_passes_framed(limpid, origin, connect, fetch):
    there = origin(answer(lambda request: reply(request.body or b"stored", "Cache-Control: max-age=60")))
    assert fetch(there, "/x").body == b"stored"
    wire = connect(there)
    wire.send(get(there.host, "/x", "Content-Length: 30"), b"GET /smuggled HTTP/1.1\r\nA: b\r\n", get(there.host, "/next"))
    got = wire.response()
    assert got.body == b"GET /smuggled HTTP/1.1\r\nA: b\r\n" and not got.hit
    assert wire.response().status == 200
    assert [request.target for request in there.requests] == ["/x", "/x", "/next"]
    assert fetch(there, "/x").body == b"stored", "what a GET with a body fetched is not stored"


def test_f15_nothing_behind_a_close_is_a_request(limpid, origin, connect):
    there = plain_origin(origin)
    wire = connect(there)
    wire.send(get(there.host, "/last", "Connection: close"), filled(SMUGGLED, there))
    assert wire.response().status == 200
    assert wire.read_all() == b""
    assert only_saw(there, connect, ["/last"])


def test_f15_nothing_behind_a_request_of_1_0_is_a_request(limpid, origin, connect):
    there = plain_origin(origin)
    wire = connect(there)
    wire.send(get(there.host, "/last", version="1.0"), filled(SMUGGLED, there))
    assert wire.response().status == 200
    assert wire.read_all() == b""
    assert only_saw(there, connect, ["/last"])


@pytest.mark.parametrize("fields", [("Expect: 100-continue",), ("Expect: 100-continue", "Expect: 100-continue"), ("expect: 100-Continue",)])
def test_f16_expectations_are_met(limpid, origin, connect, fields):
    """The body is sent without waiting, and the next request right behind it."""
    there = plain_origin(origin)
    wire = connect(there)
    wire.send(filled(post(*fields, "Content-Length: 5", body=b"12345"), there), get(there.host, "/next"))
    assert wire.response().status == 200
    assert wire.response().status == 200
    assert [(request.target, request.body) for request in there.requests] == [("/bad", b"12345"), ("/next", b"")]


def test_f16_an_unknown_expectation(limpid, origin, connect):
    there = plain_origin(origin)
    wire = connect(there)
    wire.send(filled(post("Expect: the-unexpected", "Content-Length: 5", body=b"12345"), there))
    assert wire.response().status == 417
    assert only_saw(there, connect, [])


@pytest.mark.parametrize("fields, body", [(("Content-Length: 1000000",), b"some"), (("Transfer-Encoding: chunked",), b"4\r\nsome\r\n")])
def test_f17_the_origin_answers_before_the_body_has_ended(limpid, origin, connect, fields, body):
    def early(connection):
        connection.read_until("some")
        connection.send(reply("too much", status="413 Content Too Large"))

    there = origin(early, answer(reply("fine")))
    wire = connect(there)
    wire.send(filled(post(*fields, body=body), there))
    got = wire.response()
    assert (got.status, got.body) == (413, b"too much")
    assert wire.read_all() == b""
    assert there.connection(1).over.wait(wait.DEADLINE), "upstream is closed as well"


def test_f18_a_head_of_64_mib_at_first_is_tunnelled_in_bounded_memory(limpid, origin, connect):
    before = limpid.rss_anon()
    tunnelled(origin, connect, b"GET / HTTP/1.1\r\nHost: HOST\r\n" + b"X: " + b"y" * (64 * MIB) + b"\r\n\r\n")
    assert bounded(limpid, before)


def test_f18_a_million_fields_at_first_are_tunnelled_in_bounded_memory(limpid, origin, connect):
    before = limpid.rss_anon()
    tunnelled(origin, connect, b"GET / HTTP/1.1\r\nHost: HOST\r\n" + b"X: y\r\n" * 1_000_000 + b"\r\n")
    assert bounded(limpid, before)


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\nHost: HOST\r\nX: " + b"y" * (64 * MIB), b"GET / HTTP/1.1\r\nHost: HOST\r\n" + b"X: y\r\n" * 1_000_000,
                                  b"\r\n" * 1_000_000], ids=["64_mib", "a_million_fields", "a_million_blank_lines"])
def test_f18_heads_without_end_later_are_refused(limpid, origin, connect, head):
    there = plain_origin(origin)
    before = limpid.rss_anon()
    wire = connect(there)
    assert wire.ask(get(there.host, "/before")).status == 200
    send_all(wire, filled(head, there))
    answer_of_some_kind(wire)
    assert bounded(limpid, before)
    assert only_saw(there, connect, ["/before"])


def test_f18_a_million_blank_lines_at_first_do_no_harm(limpid, origin, connect):
    """Tunnelled or refused; an empty line or two before a request are what old clients send."""
    before = limpid.rss_anon()
    there = origin()
    wire = connect(there)
    send_all(wire, b"\r\n" * 1_000_000)
    wait.eventually(lambda: there.connections or wire.ended)
    assert bounded(limpid, before)
    wire.close()
    assert connect(there).ask(b"\r\n" + get(there.host)).status == 200
