"""What RFC 9110, 9111, 5861, 8246 and 9213 have a shared cache do, case by case, where no other file has the case already: rows of
turns, by section. A turn is a request, what the origin says if it is asked, what it must have been asked, and what the client gets.
What has run out has done so by Age or Date: nobody waits. Where a row stands for something that Limpid does otherwise than other
caches, and may, it says why."""

from dataclasses import dataclass, fields
from typing import Optional, Union

import pytest

from lab.origin import answer
from lab.wire import Malformed, reply
from test_first import HOUR, dated

DAY = 24 * HOUR
STORE = ()  # what the origin is asked then: nothing
ANEW = ("",)  # one request, without conditions
IMS = "If-Modified-Since"
LONG_AGO = "Thu, 01 Jan 2015 00:00:00 GMT"
MODIFIED, SINCE = f"Last-Modified: {LONG_AGO}", f"{IMS}: {LONG_AGO}"
TAG, MATCHES = 'ETag: "a"', 'If-None-Match: "a"'
FRESH, STALE = "Cache-Control: max-age=3600", ["Cache-Control: max-age=60", "Age: 100"]
GONE = "the origin closes the connection"


@dataclass(repr=False)
class Turn:
    """Asked with these fields; the origin says (304 to a condition, unless `changed`). `to_origin`: a word for each request that must
    reach it, its conditions (or a name alone, for any value). `gets`: whose body, by its turn's number, or a body of its own."""
    to_origin: Optional[tuple] = ANEW
    asked: tuple = ()
    says: object = ()
    method: str = "GET"
    path: str = ""
    status: str = "200 OK"
    before: bytes = b""
    changed: bool = False
    body: Optional[str] = None
    gets: Union[int, str, None] = None
    code: Optional[int] = None
    has: tuple = ()
    lacks: tuple = ()
    same: tuple = ()
    tells: tuple = ()
    age: Optional[int] = None
    interim: Optional[list] = None

    def __repr__(self):
        return ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in fields(self) if getattr(self, field.name) != field.default)


def listed(lines):
    return (lines,) if isinstance(lines, str) else tuple(lines)


def then(said, to_origin, *asked, status="200 OK", body=None, **more):
    """A reply, and what becomes of the next request."""
    return [Turn(says=listed(said), status=status, body=body), Turn(to_origin, asked, **more)]


def kept(*said, **more):
    return then(said, STORE, **more)


def asked_anew(*said, **more):
    return then(said, ANEW, **more)


def validated(said, *conditions, **more):
    return then(said, ("; ".join(conditions),), **more)


def conditions(request):
    return "; ".join(f"{name}: {value}" for name, value in request.fields if name.lower() in ("if-none-match", IMS.lower()))


def content(turns, number):
    """The body that the origin has for this turn."""
    return turns[number].body if turns[number].body is not None else ("one", "two", "three", "four")[number]


def said_by(turns, number, request):
    """The origin's answer in this turn."""
    turn = turns[number]
    if turn.says == GONE:
        raise ConnectionResetError  # ends the script, and with it the connection
    if conditions(request) and not turn.changed:
        return turn.before + reply(b"", *dated(turn.says), status="304 Not Modified", length=False)
    body = content(turns, number)
    head, empty = request.method == "HEAD", turn.status.startswith("204")
    lines = [*dated(turn.says), *([f"Content-Length: {len(body)}"] if head else [])]
    return turn.before + reply(b"" if head or empty else body, *lines, status=turn.status, length=not (head or empty))


def reached(came, to_origin):
    """Whether what came to the origin is what was to come; None: anything."""
    if to_origin is None:
        return True
    met = [conditions(request) for request in came]
    return len(met) == len(to_origin) and all(one == word or (word and one.startswith(f"{word}:")) for one, word in zip(met, to_origin))


def told(message):
    return [f"{name}: {value}" for name, value in message.fields]


def faults(turns, number, first, came, got):
    """What is not as the turn says."""
    turn = turns[number]
    if not reached(came, turn.to_origin):
        yield f"the origin was asked {[conditions(request) for request in came]}"
    yield from (f"it lacks {field}" for field in turn.has if field not in told(got))
    yield from (f"it has {name}: {got.get(name)}" for name in turn.lacks if got.all(name))
    yield from (f"{name} was {first.get(name)}, is {got.get(name)}" for name in turn.same if got.all(name) != first.all(name))
    yield from (f"the origin was not told {field}" for field in turn.tells if not all(field in told(request) for request in came))
    code = turn.code or int((turn.status if came else turns[0].status)[:3])
    if got.status != code:
        yield f"status {got.status}"
    gets = turn.gets if turn.gets is not None else number if "" in map(conditions, came) or turn.changed else 0
    body = gets if isinstance(gets, str) else content(turns, gets)
    if turn.method != "HEAD" and code not in (204, 304) and not (turn.code or 0) >= 500 and got.body != body.encode():
        yield f"body {got.body}"
    if turn.age is not None and not turn.age <= int(got.get("Age", -1)) < turn.age + 60:
        yield f"Age {got.get('Age')}"
    if turn.interim is not None and [one.status for one in got.interim] != turn.interim:
        yield f"interim {got.interim}"


def played(there, fetch, path, now, turns):
    """One row: a line for each fault."""
    first = None
    for number, turn in enumerate(turns):
        now[:] = turns, number
        before = len(there.requests)
        try:
            got = fetch(there, path + turn.path, *dated(turn.asked), method=turn.method)
        except (ConnectionError, Malformed) as error:
            yield f"{turns}, turn {number + 1}: {error!r}"
            return
        first = first or got
        yield from (f"{turns}, turn {number + 1}: {fault}" for fault in faults(turns, number, first, there.requests[before:], got))


ROWS = {}

# ---- RFC 9111

ROWS["§3 a status with explicit freshness that has run out"] = [
    *[validated([STALE[0], STALE[1], MODIFIED], SINCE, status=f"{status} Whatever", code=status) for status in (200, 203, 204, 299)],
    # A 304 stands for a 200 (RFC 9110 §15.4.5): of an error or a redirect it can say nothing, so none is asked for.
    *[asked_anew(*STALE, MODIFIED, TAG, status=f"{status} Whatever")
      for status in (301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599)],
    *[asked_anew("Expires: @-5000", "Date: @+0", status=f"{status} Whatever")
      for status in (200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599)],
]

ROWS["§3.1 fields that are stored, and fields that are not"] = [
    *[kept(FRESH, field, has=(field,)) for field in (
        "X-Test: 1", "Content-Foo: 1", "X-Content-Foo: 1", "Content-MD5: rL0Y20zC+Fzt72VPzMSk2A==", "Content-Security-Policy: default-src 'self'",
        "Content-Type: text/plain;charset=utf-8", "Content-Location: /foo", "Content-Language: de", "Content-Encoding: x",
        "Content-Disposition: attachment; filename=a.txt", "Clear-Site-Data: \"cookies\"", "ETag: \"b\"", "Expires: Mon, 11 Jan 2038 11:11:11 GMT",
        "Public-Key-Pins: x", "Set-Cookie2: a=b", "Strict-Transport-Security: max-age=1", "WWW-Authenticate: Basic", "X-Frame-Options: deny",
        "X-XSS-Protection: 1; mode=block", "Pragma: a", "Warning: 199 - a", "Link: </a>; rel=next", "Content-Range: x")],
    *[kept(FRESH, field, lacks=(field.partition(":")[0],)) for field in (
        "Keep-Alive: timeout=5", "Proxy-Authenticate: Basic", "Proxy-Authentication-Info: a=b", "Proxy-Authorization: Basic eDp5",
        "Proxy-Connection: keep-alive", "TE: trailers", "Upgrade: x")],
    kept(FRESH, "Connection: a, B", "A: 1", "b: 2", "C: 3", has=("C: 3",), lacks=("A", "B", "Connection")),
    # What is one client's session is not everybody's, unless the origin has said so in so many words (limpid.conf(5), set_cookie).
    kept(FRESH, "Set-Cookie: a=b", lacks=("Set-Cookie",)),
    kept("Cache-Control: max-age=3600, public", "Set-Cookie: a=b", has=("Set-Cookie: a=b",)),
    kept("Cache-Control: s-maxage=3600", "Set-Cookie: a=b", has=("Set-Cookie: a=b",)),
]

REPLACED = [("X-Test: 1", "X-Test: 2"), ("Content-Foo: 1", "Content-Foo: 2"), ("Content-Type: a/b", "Content-Type: a/c"),
            ("Content-Location: /a", "Content-Location: /b"), ("Content-MD5: 1", "Content-MD5: 2"),
            ("Clear-Site-Data: \"a\"", "Clear-Site-Data: \"b\""),
            ("Content-Security-Policy: default-src 'self'", "Content-Security-Policy: default-src a"), ("Public-Key-Pins: 1", "Public-Key-Pins: 2"),
            ("Set-Cookie2: a=b", "Set-Cookie2: a=c"), ("X-Frame-Options: deny", "X-Frame-Options: sameorigin"),
            ("X-XSS-Protection: 1", "X-XSS-Protection: 0"), ("Expires: Fri, 01 Jan 2038 01:01:01 GMT", "Expires: Mon, 11 Jan 2038 11:11:11 GMT")]
ROWS["§3.2, §4.3.4 what a 304 replaces, and what it leaves"] = [
    *[[Turn(says=(*STALE, validator, old)), Turn((condition,), says=(FRESH, *([validator] if again else []), new), has=(new, FRESH)),
       Turn(STORE, has=(new, FRESH))]
      for old, new in REPLACED for validator, condition in ((TAG, MATCHES), (MODIFIED, SINCE)) for again in (True, False)],
    [Turn(says=(*STALE, TAG, "X-Test: 1")), Turn((MATCHES,), says=(FRESH, TAG), has=("X-Test: 1",)), Turn(STORE, has=("X-Test: 1",))],
    [Turn(says=(*STALE, TAG)), Turn((MATCHES,), says=(FRESH, TAG, "X-New: 1"), has=("X-New: 1",)), Turn(STORE, has=("X-New: 1",))],
    [Turn(says=(*STALE, TAG, "A: 1", "A: 2")), Turn((MATCHES,), says=(FRESH, TAG, "A: 3")), Turn(STORE, has=("A: 3",))],
    # The bytes are what they are: what says how long they are, how they are coded and which they are stays.
    *[[Turn(says=(*STALE, TAG, *old)), Turn((MATCHES,), says=(FRESH, TAG, new), has=old), Turn(STORE, has=old)]
      for old, new in ((("Content-Encoding: x",), "Content-Encoding: y"), (("Content-Range: x",), "Content-Range: y"), ((), "Content-Length: 10"))],
    [Turn(says=(*STALE, TAG)), Turn((MATCHES,), says=(FRESH, TAG, "Connection: A", "A: 1", "Keep-Alive: timeout=5"), lacks=("A", "Keep-Alive")),
     Turn(STORE, lacks=("A", "Keep-Alive"))],
    # A 304 with another strong tag speaks of something else that is not here: asked again, for all of it.
    [Turn(says=(*STALE, TAG)), Turn((MATCHES, ""), says=(FRESH, 'ETag: "b"'), gets=1), Turn(STORE, gets=1, has=('ETag: "b"',))],
    # What is still stale after a 304 is validated again.
    [Turn(says=(*STALE, TAG)), Turn((MATCHES,), says=("Cache-Control: max-age=0", TAG)), Turn((MATCHES,), says=(TAG,))],
    # A 304 of a cache on the way: as old there as here (§5.1).
    [Turn(says=(*STALE, TAG)), Turn((MATCHES,), says=(FRESH, TAG, "Age: 1000"), age=1000), Turn(STORE, age=1000)],
    [Turn(says=(*STALE, TAG)), Turn((MATCHES,), says=(FRESH, TAG), lacks=("Age",)), Turn(STORE, age=0)],
]

ROWS["§3.4 parts, of an origin that names what it sends"] = [
    *[[Turn(asked=("Range: bytes=5-9",), says=(FRESH, "Content-Range: bytes 5-9/10"), status="206 Partial Content", body="56789"),
       Turn(STORE, (f"Range: bytes={wanted}",), gets=gets, code=206, has=(f"Content-Range: bytes {sent}/10",))]
      for wanted, gets, sent in (("-5", "56789", "5-9"), ("6-8", "678", "6-8"), ("6-", "6789", "6-9"), ("-1", "9", "9-9"))],
    # Nothing says that the rest would be of the same version (no strong validator): the whole is asked for.
    [Turn(asked=("Range: bytes=0-4",), says=(FRESH, "Content-Range: bytes 0-4/10"), status="206 Partial Content", body="01234"),
     Turn(ANEW, says=(FRESH,), body="0123456789")],
]

ROWS["§3.5 replies to who has said who he is"] = [
    *[[Turn(asked=("Authorization: FOO",), says=listed(said), tells=("Authorization: FOO",)), Turn(to_origin, more)]
      for more in ((), ("Authorization: FOO",), ("Authorization: BAR",)) for said, to_origin in (
          (FRESH, ANEW), ("Expires: @+86400", ANEW), ((MODIFIED,), ANEW), ("Cache-Control: max-age=3600, public", STORE),
          ("Cache-Control: max-age=3600, must-revalidate", STORE), ("Cache-Control: s-maxage=3600", STORE),
          ("Cache-Control: max-age=3600, proxy-revalidate", ANEW), ("Cache-Control: max-age=3600, public, private", ANEW))],
    then(FRESH, STORE, "Authorization: FOO"),  # what was for all before is so for him
]

ROWS["§4 what makes a key"] = [
    [Turn(path="?a=1", says=(FRESH,)), Turn(ANEW, path="?a=2", says=(FRESH,)), Turn(STORE, path="?a=1"), Turn(STORE, path="?a=2", gets=1)],
    [Turn(path="?a=1&b=2", says=(FRESH,)), Turn(ANEW, path="?b=2&a=1")],
    [Turn(path="?", says=(FRESH,)), Turn(ANEW)],
    [Turn(path="/a", says=(FRESH,)), Turn(ANEW, path="/A"), Turn(ANEW, path="/%61")],
    [Turn(says=(FRESH,)), Turn(STORE, ("Cookie: a=b",))],
    [Turn(says=(FRESH,)), Turn(STORE, ("X-Other: 1", "Accept: a/b", "User-Agent: x"))],
]

ROWS["§4, §5.1 Age, Date and Expires of what is reused"] = [
    kept("Expires: @+86400", "Date: @-5", age=5, same=("Date", "Expires")),
    kept("Expires: @+86400", "Age: 30", age=30, same=("Date", "Expires")),
    kept(FRESH, "Date: @-5", age=5, same=("Date",)),
    kept(FRESH, "Age: 30", "Date: @-90", age=90, same=("Date",)),
    kept(FRESH, age=0, same=("Date",)),
    # The first reply is the origin's: it says of its age what that says, though it took its time.
    [Turn(says=(FRESH,), lacks=("Age",))],
    [Turn(says=(FRESH, "Age: 7"), has=("Age: 7",))],
]


def varies(names, stored, wanted, to_origin, *more):
    return [Turn(asked=stored, says=(FRESH, MODIFIED, *[f"Vary: {line}" for line in listed(names)], *more)), Turn(to_origin, wanted)]


ROWS["§4.1 fields that select"] = [
    varies("Foo", ("Foo: 1",), ("Foo: 1",), STORE),
    varies("Foo", ("Foo: 1",), ("Foo: 2",), ANEW),
    varies("Foo", ("Foo: 1",), (), ANEW),
    varies("Foo", (), ("Foo: 1",), ANEW),
    varies("Foo", (), (), STORE),
    varies("Foo", ("Foo:",), (), ANEW),
    varies("fOO", ("Foo: 1",), ("foo: 1",), STORE),
    varies("Foo", ("Foo: a",), ("Foo: A",), ANEW),
    varies("Foo", ("Foo: 1", "Other: 2"), ("Foo: 1", "Other: 3"), STORE),
    varies("Foo, Bar", ("Foo: 1", "Bar: abc"), ("Foo: 1", "Bar: abc"), STORE),
    varies(("Foo", "Bar"), ("Foo: 1", "Bar: abc"), ("Bar: abc", "Foo: 1"), STORE),
    varies(("Foo", "Bar"), ("Foo: 1", "Bar: abc"), ("Foo: 1", "Bar: abd"), ANEW),
    varies("Foo, Bar", ("Foo: 1", "Bar: abc"), ("Foo: 2", "Bar: abc"), ANEW),
    varies("Foo, Bar", ("Foo: 1", "Bar: abc"), ("Foo: abc", "Bar: 1"), ANEW),
    varies("Foo, Bar", ("Foo: 1", "Bar: abc"), (), ANEW),
    varies("Foo, Bar, Baz", ("Foo: 1", "Bar: abc", "Baz: 789"), ("Baz: 789", "Foo: 1", "Bar: abc"), STORE),
    varies("Foo, Bar, Baz", ("Foo: 1", "Bar: abc", "Baz: 789"), ("Foo: 2", "Bar: abc", "Baz: 789"), ANEW),
    varies("Foo, Bar, Baz", ("Foo: 1", "Bar: abc", "Baz: 789"), ("Foo: 1", "Baz: 789", "Bar: abcde"), ANEW),
    varies("Foo, Bar, Baz", ("Foo: 1", "Baz: 789"), ("Foo: 1", "Baz: 789"), STORE),
    *[varies(star, ("Foo: 1", "*: 1"), ("Foo: 1", "*: 1"), ANEW)
      for star in ("*", "*, *", ("*", "*"), ", *", ("", "*"), "*, Foo", "Foo, *", ("Foo", "*"), ("*", "Foo"))],
    varies("Foo Bar", ("Foo: 1",), ("Foo: 1",), ANEW),
    varies('"Foo"', ("Foo: 1",), ("Foo: 1",), ANEW),
    # Lists are compared by their members, and what has weights by its meaning.
    varies("Foo", ("Foo: 1,2",), ("Foo:  1, 2 ",), STORE),
    varies("Foo", ("Foo: 1, 2",), ("Foo: 1", "Foo: 2"), STORE),
    varies("Foo", ("Foo: 1, 2",), ("Foo: 2, 1",), ANEW),
    varies("Accept-Language", ("Accept-Language: en, de",), ("Accept-Language: de, en",), STORE),
    varies("Accept-Language", ("Accept-Language: en, de",), ("Accept-Language: eN, De",), STORE),
    varies("Accept-Language", ("Accept-Language: en, de",), ("Accept-Language:  en ,   de",), STORE),
    varies("Accept-Language", ("Accept-Language: en, de;q=0.5",), ("Accept-Language: en;q=0.5, de",), ANEW),
    # Which language would be chosen is the origin's to say, though one that is stored would do.
    varies("Accept-Language", ("Accept-Language: en, de",), ("Accept-Language: fr;q=0.5, de",), ANEW, "Content-Language: de"),
    varies("Cookie", ("Cookie: a",), ("Cookie: b",), ANEW),
    varies("User-Agent", ("User-Agent: a",), ("User-Agent: a",), STORE),
    # A coding that nobody said depends on Accept-Encoding is for those alone who asked alike.
    [Turn(asked=("Accept-Encoding: gzip",), says=(FRESH, "Content-Encoding: gzip")), Turn(STORE, ("Accept-Encoding: gzip",)), Turn(ANEW)],
    [Turn(asked=("Foo: 1",), says=(FRESH, "Vary: Foo")), Turn(ANEW, ("Foo: 2",), says=(FRESH, "Vary: Foo")), Turn(STORE, ("Foo: 1",)),
     Turn(STORE, ("Foo: 2",), gets=1)],
]

ROWS["§4.2.1 lifetimes"] = [
    *[kept(*listed(said)) for said in (
        "Cache-Control: max-age=2147483647", "Cache-Control: max-age=2147483649", "Cache-Control: max-age=99999999999",
        "Cache-Control: foobar, max-age=3600",
        ("Cache-Control: max-age=3600", "Expires: @-7200", "Date: @+0"), ("Cache-Control: max-age=0, s-maxage=3600", "Expires: @-10"),
        ("Cache-Control: max-age=1, s-maxage=3600", "Age: 2"), ("Cache-Control: max-age=1800", "Cache-Control: max-age=1", "Age: 2"),
        "Cache-Control: max-age=3600,", "Cache-Control: ,max-age=3600", "Cache-Control: max-age=3600 ,a", "Cache-Control: max-age=3600, a='b'")],
    *[asked_anew(*listed(said)) for said in (
        ("Cache-Control: max-age=1", "Cache-Control: max-age=1800", "Age: 2"), ("Cache-Control: max-age=3600, s-maxage=1", "Age: 2"),
        ("Cache-Control: s-maxage=1, max-age=3600", "Age: 2"), ("Cache-Control: max-age=3600", "Cache-Control: s-maxage=1", "Age: 2"),
        ('Cache-Control: a="max-age=3600", max-age=1', "Age: 2"), ('Cache-Control: max-age=1, a="max-age=3600"', "Age: 2"),
        "Cache-Control: max-age=a3600", "Cache-Control: max-age=3600a", "Cache-Control: max-age=3600.5", "Cache-Control: max-age=+3600",
        "Cache-Control: max-age=00", 'Cache-Control: max-age="3600', "Cache-Control: max_age=3600", "Cache-Control: max-age=3600;no-store",
        "Cache-Control: max-age=3600 no-store", ("Cache-Control: max-age=x", "Expires: @+3600"))],
]

ROWS["§4.2.2 what is guessed from Last-Modified"] = [
    *[kept(f"Last-Modified: @-{ago}", "Date: @+0", f"Age: {ago // 10 - 25}") for ago in (300, 600, 1200, 1800, HOUR, 12 * HOUR, DAY)],
    *[validated([f"Last-Modified: @-{ago}", "Date: @+0", f"Age: {ago // 10 + 2}"], IMS)
      for ago in (5, 10, 30, 60, 300, 600, 1200, 1800, HOUR, 12 * HOUR, DAY)],
    kept(f"Last-Modified: @-{100 * DAY}", f"Age: {7 * DAY - 60}"), validated([f"Last-Modified: @-{100 * DAY}", f"Age: {7 * DAY + 1}"], IMS),
    *[asked_anew(f"Last-Modified: @-{DAY}", status=f"{status} Whatever") for status in (201, 202, 403, 502, 503, 504, 599)],
    *[kept(f"Last-Modified: @-{DAY}", "Cache-Control: public", status=f"{status} Whatever") for status in (201, 202, 403, 599)],
    kept(f"Last-Modified: @-{DAY}", "Pragma: no-cache"), kept(f"Last-Modified: @-{DAY}", "Content-Disposition: attachment; filename=a.txt"),
    validated(["Last-Modified: now", TAG], MATCHES),
]

ROWS["§4.2.3 age"] = [
    *[kept("Cache-Control: max-age=3600", "Date: @+0", *(f"Age: {age}" for age in listed(ages)))
      for ages in ("abc", "7200.0", "-7200", "0, 0", ("0", "0"), "7200;foo=bar", "7200;foo=111", "'7200'", "0x7200", "+7200")],
    kept("Cache-Control: max-age=10000", "Age: 3600", "Age: 3600"), kept("Cache-Control: max-age=10000", "Age: 3600, 3600"),
    *[asked_anew(FRESH, f"Age: {age}") for age in (2147483647, 2147483648, 2147483649)],
    asked_anew("Date: @-10", "Expires: @+10", "Age: 25"), asked_anew("Date: @+10", "Expires: @+20", "Age: 15"),
    asked_anew("Date: @-7200", "Cache-Control: s-maxage=3600"), kept("Date: @-7200", "Expires: @+3600"),
]

ROWS["§4.3.1, §4.3.3 asking whether it is still good"] = [
    validated([*STALE, TAG], MATCHES), validated([*STALE, MODIFIED], SINCE), validated([*STALE, TAG, MODIFIED], MATCHES, SINCE),
    validated([*STALE, 'ETag: W/"a"'], 'If-None-Match: W/"a"'),
    validated([*STALE, "ETag: a"], "If-None-Match: a"),  # as the origin wrote it, which is what it will know again
    asked_anew(*STALE, 'ETag: w/"a"'), asked_anew(*STALE, 'ETag: W\\"a"'), asked_anew(*STALE, TAG, 'ETag: "b"'),
    asked_anew(*STALE, "Last-Modified: now"),
    [Turn(asked=("Abc: 123",), says=(*STALE, TAG, "Vary: Abc")), Turn((MATCHES,), ("Abc: 123",), tells=("Abc: 123",))],
    [Turn(asked=("Abc: 123",), says=(FRESH, TAG, "Vary: Abc")),
     Turn((MATCHES,), ("Abc: 456",), changed=True, says=(FRESH, "Vary: Abc"), tells=("Abc: 456",)),
     Turn(STORE, ("Abc: 123",))],
    validated(["Cache-Control: max-age=60, must-revalidate", "Age: 100", TAG], MATCHES), kept("Cache-Control: max-age=3600, must-revalidate", TAG),
    # Whoever has a condition of his own: Limpid asks with what is stored, and judges his by what it has then.
    then([*STALE, MODIFIED], (SINCE,), SINCE, code=304), then([*STALE, TAG], (MATCHES,), 'If-None-Match: "b"'),
    then([*STALE, TAG], (MATCHES,), 'If-None-Match: "b", "a"', code=304),
    then([*STALE], ('If-None-Match: "b"',), 'If-None-Match: "b"', code=304), then([*STALE], ("If-None-Match: b",), "If-None-Match: b", code=304),
    [Turn((MATCHES,), (MATCHES,), code=304)],
]


def conditional(said, code, *asked, **more):
    return then([FRESH, *listed(said)], STORE, *asked, code=code, **more)


ROWS["§4.3.2 a client's conditions on what is fresh"] = [
    conditional(TAG, 304, MATCHES, has=(TAG, FRESH)), conditional('ETag: W/"a"', 304, 'If-None-Match: W/"a"'),
    conditional('ETag: W/"a"', 304, MATCHES),
    *[conditional(TAG, 304, f"If-None-Match: {tags}")
      for tags in ('"a", "b", "c"', '"b", "a", "c"', '"b", "c", "a"', '"b","a"', 'W/"a"', '"b" , , "a"')],
    conditional(TAG, 304, 'If-None-Match: "b"', 'If-None-Match: "a"'), conditional('ETag: "a,b"', 304, 'If-None-Match: "a,b"'),
    conditional('ETag: "abc\xfc"', 304, 'If-None-Match: "abc\xfc"', has=('ETag: "abc\xfc"',)), conditional('ETag: ""', 304, 'If-None-Match: ""'),
    conditional(TAG, 200, "If-None-Match: a"), conditional("ETag: a", 304, "If-None-Match: a"), conditional("ETag: a", 200, MATCHES),
    conditional(TAG, 200, 'If-None-Match: "A"'), conditional(TAG, 200, 'If-None-Match: "'), conditional((), 200, MATCHES),
    conditional((), 304, "If-None-Match: *"),
    # What is no entity tag is none, however alike it is (RFC 9110 §8.8.3: the W of a weak one is a capital).
    *[conditional(f"ETag: {odd}", 200, f"If-None-Match: {odd}") for odd in ('w/"a"', 'W\\"a"', 'W"a"', 'a"b')],
    conditional((TAG, MODIFIED), 304, MATCHES, f"{IMS}: Wed, 01 Jan 2014 00:00:00 GMT"),
    conditional((TAG, MODIFIED), 200, 'If-None-Match: "b"', f"{IMS}: @+0"),
    conditional(MODIFIED, 304, SINCE), conditional(MODIFIED, 304, f"{IMS}: @-2000"), conditional(MODIFIED, 200, f"{IMS}: Wed, 31 Dec 2014 23:59:59 GMT"),
    conditional(MODIFIED, 304, f"{IMS}: Thursday, 01-Jan-15 00:00:00 GMT"), conditional(MODIFIED, 304, f"{IMS}: Thu Jan  1 00:00:00 2015"),
    conditional(MODIFIED, 200, f"{IMS}: now"), conditional(MODIFIED, 200, SINCE, SINCE),
    # Without Last-Modified its Date counts, so what the client has from before that is older.
    conditional((), 200, f"{IMS}: @-3000"), conditional("Date: @-3000", 304, f"{IMS}: @-2000"),
    conditional((TAG, "Content-Location: /a", "Vary: Foo", "X-Test: 1", "Content-Type: a/b"), 304, MATCHES,
                has=("Content-Location: /a", "Vary: Foo"), lacks=("X-Test", "Content-Type", "Content-Length"), same=("Date",)),
    conditional(TAG, 304, MATCHES, method="HEAD"), conditional(TAG, 200, 'If-None-Match: "b"', method="HEAD"),
]

ROWS["§4.3.5 HEAD"] = [
    [Turn(says=(*STALE, "A: 1")), Turn(ANEW, method="HEAD", body="one", says=("Cache-Control: max-age=1000", "A: 2"), has=("A: 2",), code=200),
     Turn(STORE, has=("A: 2", "Cache-Control: max-age=1000"))],
    [Turn(says=(*STALE, "A: 1")), Turn(ANEW, method="HEAD", body="one", says=("Cache-Control: max-age=1000",)), Turn(STORE, has=("A: 1",))],
    # An error says nothing of what is stored; that is as stale as it was.
    [Turn(says=(*STALE, "A: 1")), Turn(ANEW, method="HEAD", status="410 Gone", says=("Cache-Control: max-age=1000", "A: 2")), Turn(ANEW)],
    [Turn(says=(FRESH, "A: 1")), Turn(STORE, method="HEAD", has=("A: 1", "Content-Length: 3"))],
    [Turn(method="HEAD", body="one", says=(FRESH,)), Turn(ANEW, says=(FRESH,)), Turn(STORE, method="HEAD")],
]

UNSAFE = ("POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "FOO")
ROWS["§4.4 what an unsafe method invalidates"] = [
    *[[Turn(says=(FRESH,)), Turn(ANEW, method=method, status=status), Turn(ANEW)]
      for method in UNSAFE for status in ("200 OK", "204 No", "303 See Other")],
    *[[Turn(says=(FRESH,)), Turn(ANEW, method=method, status=status), Turn(STORE)]
      for method in UNSAFE for status in ("400 Bad", "500 Oops", "503 Busy")],
    *[[Turn(path="?made", says=(FRESH,)), Turn(ANEW, method=method, says=(f"{field}: ?made",), status=status), Turn(to_origin, path="?made")]
      for method in UNSAFE for field in ("Location", "Content-Location") for status, to_origin in (("201 Created", ANEW), ("500 Oops", STORE))],
    [Turn(says=(FRESH,)), Turn(ANEW, method="OPTIONS"), Turn(STORE)],
]

ROWS["§5.2.1 what requests say"] = [
    then([FRESH, "Age: 1800"], ANEW, "Cache-Control: max-age=600"), then([FRESH, "Age: 2"], ANEW, "Cache-Control: max-age=1"),
    then("Cache-Control: max-age=1500", ANEW, "Cache-Control: min-fresh=2000"),
    then(["Cache-Control: max-age=1500", "Age: 1000"], ANEW, "Cache-Control: min-fresh=1000"),
    then(["Cache-Control: max-age=1500", "Age: 2000"], STORE, "Cache-Control: max-stale=1000", age=2000),
    then([FRESH, MODIFIED], (SINCE,), "Cache-Control: no-cache"), then([FRESH, TAG], (MATCHES,), "Cache-Control: No-Cache"),
    then([FRESH, TAG], (MATCHES,), "Cache-Control: max-age=0"), then([FRESH, TAG], (MATCHES,), "Pragma: No-Cache"),
    then([FRESH, TAG], STORE, "Pragma: no-cache=a"),
    # It forbids storing, and nothing else (§5.2.1.5).
    then(FRESH, STORE, "Cache-Control: no-store"),
    then([*STALE, TAG], STORE, "Cache-Control: only-if-cached", code=504), [Turn(STORE, ("Cache-Control: only-if-cached",), code=504)],
    then(FRESH, STORE, "Cache-Control: nothing-to-see-here", "Pragma: foo"),
]

ROWS["§5.2.2 what responses say"] = [
    asked_anew("Cache-Control: no-store"), asked_anew("Cache-Control: No-StOrE", "Expires: @+3600"),
    asked_anew("Cache-Control: PRIVATE, max-age=3600"),
    asked_anew("Cache-Control: max-age=3600, No-CaChE", "Expires: @+3600"), asked_anew("Cache-Control: no-cache=, max-age=3600"),
    validated(["Cache-Control: no-cache", TAG], MATCHES), validated(["Cache-Control: max-age=3600, no-cache", "Expires: @+3600", TAG], MATCHES),
    validated(["Cache-Control: no-cache", MODIFIED], SINCE),
    kept('Cache-Control: no-cache="a"', FRESH, "A: 1", "B: 2", has=("B: 2",), lacks=("A",)),
    kept('Cache-Control: max-age=3600, no-cache="A, b"', "A: 1", "B: 2", "C: 3", has=("C: 3",), lacks=("A", "B")),
    kept('Cache-Control: max-age=3600, private="a"', "A: 1", "B: 2", has=("B: 2",), lacks=("A",)),
    # The older one is for those who do not ask for a newer; who does, and gets what must not be stored, ends it.
    [Turn(says=(FRESH,)), Turn(STORE, says=("Cache-Control: no-store",)), Turn(STORE)],
    *[[Turn(says=(FRESH, TAG)), Turn((MATCHES,), ("Cache-Control: no-cache",), changed=True, says=(f"Cache-Control: {said}",)), Turn(ANEW)]
      for said in ("no-store", "no-store, max-age=0", "private")],
    kept("Cache-Control: max-age=3600, no-transform", "Content-Type: image/png", has=("Content-Type: image/png",)),
]

WRONG_DATES = ["Thu, 18 Aug 2050 02.01.18 GMT", "Thu, 18 Aug 2050 02:01:18 +0000", "-1", "never", '"Thu, 18 Aug 2050 02:01:18 GMT"',
               "Thu, 18 Aug 2050 02:01:18 GMT GMT", "Thu, 31 Feb 2050 02:01:18 GMT", "Thu, 18 Abc 2050 02:01:18 GMT"]
ROWS["§5.3 Expires"] = [
    *[kept(f"Expires: {date}", "Date: @+0") for date in (
        "Tue, 19 Jan 2038 14:14:08 GMT", "Sun, 21 Nov 2286 04:46:39 GMT", "THU, 18 Aug 2050 02:01:18 GMT", "Thu, 18 AUG 2050 02:01:18 GMT",
        "Thu, 18 Aug 2050 02:01:18 gMT", "Fri, 18 Aug 2050 02:01:18 GMT")],
    *[asked_anew(f"Expires: {date}", "Date: @+0") for date in WRONG_DATES],
    *[validated([f"Expires: {date}", MODIFIED], SINCE) for date in WRONG_DATES],
    asked_anew("Expires: Thu, 18 Aug 2050 2:01:18 GMT", "Expires: Thu, 18 Aug 2050 2:01:19 GMT"),
]

# ---- RFC 5861, 8246, 9213

ROWS["RFC 5861 §4, RFC 9111 §4.2.4 an origin that is gone"] = [
    [Turn(says=listed(STALE)), Turn(None, says=GONE, gets=0, age=100)],
    [Turn(says=("Cache-Control: max-age=60, stale-if-error=3600", "Age: 100")), Turn(None, says=GONE, gets=0, age=100, lacks=("Warning",))],
    *[[Turn(says=(f"Cache-Control: max-age=60, {forbids}", "Age: 100", TAG)), Turn(None, says=GONE, code=502)]
      for forbids in ("must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=60", "stale-if-error=1")],
]
ROWS["RFC 8246 §2 immutable"] = [
    then(["Cache-Control: max-age=3600, immutable", TAG], STORE, "Cache-Control: max-age=0"),
    then(["Cache-Control: max-age=60, immutable", "Age: 100", TAG], (MATCHES,), "Cache-Control: max-age=0"),
    validated(["Cache-Control: max-age=60, immutable", "Age: 100", TAG], MATCHES),
    then(["Cache-Control: max-age=3600, immutable", TAG], (MATCHES,), "Cache-Control: no-cache"),
]
ROWS["RFC 9213 fields for caches of another's: none of ours, and not ours to take away"] = [
    *[row for name in ("CDN-Cache-Control", "Surrogate-Control", "Edge-Control") for row in (
        *[asked_anew(f"{name}: {said}") for said in ("max-age=3600", "max-age=99999999999", "foobar, MaX-aGe=3600", "max-age=3600;x", "public")],
        *[kept(FRESH, f"{name}: {said}", has=(f"{name}: {said}",))
          for said in ("no-store", "private", "no-cache", "max-age=0", "max-age=1", "&&&", "foo")],
        *[asked_anew(f"Cache-Control: {said}", f"{name}: max-age=3600") for said in ("no-store", "max-age=0", "private")],
        asked_anew("Expires: @-3600", f"{name}: max-age=3600"), kept("Expires: @+3600", f"{name}: max-age=0"),
        asked_anew("Cache-Control: max-age=1", "Age: 2", f"{name}: max-age=3600"))],
]

# ---- RFC 9110

TEN = "0123456789"
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nX-Early: 1\r\n\r\n"


def ranged(wanted, code, gets, *sent, said=(), asked=(), **more):
    has = ("A: 1", *sent) if code < 300 else sent
    return then([FRESH, "A: 1", *listed(said)], STORE, f"Range: {wanted}", *asked, body=TEN, code=code, gets=gets, has=has, **more)


ROWS["RFC 9110 §14 parts of what is whole"] = [
    ranged("bytes=0-1", 206, "01", "Content-Range: bytes 0-1/10", "Content-Length: 2"),
    ranged("bytes=1-", 206, TEN[1:], "Content-Range: bytes 1-9/10"),
    ranged("bytes=-1", 206, "9", "Content-Range: bytes 9-9/10"), ranged("bytes=-99", 206, TEN, "Content-Range: bytes 0-9/10"),
    ranged("BYTES=0-1", 206, "01"), ranged("bytes=8-99", 206, "89", "Content-Range: bytes 8-9/10"),
    ranged("bytes=10-", 416, "", "Content-Range: bytes */10"), ranged("bytes=-0", 416, "", "Content-Range: bytes */10"),
    *[ranged(odd, 200, TEN, lacks=("Content-Range",))
      for odd in ("bytes=abc", "bytes=2-1", "lines=0-1", "bytes 0-1", "bytes=0-1x", "bytes=-", "0-1")],
    ranged("bytes=0-1", 200, TEN, asked=("Range: bytes=2-3",)),
    ranged("bytes=0-1", 206, "01", said=TAG, asked=('If-Range: "a"',)), ranged("bytes=0-1", 200, TEN, said=TAG, asked=('If-Range: "b"',)),
    ranged("bytes=0-1", 200, TEN, said='ETag: W/"a"', asked=('If-Range: W/"a"',)),
    ranged("bytes=0-1", 206, "01", said=MODIFIED, asked=(f"If-Range: {LONG_AGO}",)),
    ranged("bytes=0-1", 200, TEN, said=MODIFIED, asked=("If-Range: Fri, 02 Jan 2015 00:00:00 GMT",)),
    ranged("bytes=0-1", 200, TEN, asked=('If-Range: "a"',)),
    ranged("bytes=0-1", 304, "", said=TAG, asked=(MATCHES,)), ranged("bytes=0-1", 206, "01", said=TAG, asked=('If-None-Match: "b"',)),
    [Turn(says=(FRESH,), body=TEN, status="404 No"), Turn(STORE, ("Range: bytes=0-1",), code=404)],
    [Turn(says=(FRESH,), body=TEN), Turn(STORE, ("Range: bytes=0-1",), method="HEAD", lacks=("Content-Range",))],
]
ROWS["RFC 9110 §15.2 interim responses"] = [
    *[[Turn(says=(FRESH,), before=before, interim=codes, lacks=("X-Early",)), Turn(STORE, interim=[], lacks=("X-Early", "Link"))]
      for before, codes in ((b"HTTP/1.1 102 Processing\r\n\r\n", [102]), (EARLY, [103]), (EARLY + EARLY, [103, 103]),
                            (b"HTTP/1.1 199 X\r\n\r\n", [199]))],
]


@pytest.mark.parametrize("section", ROWS, ids=lambda section: section.replace("§", ""))
def test_what_becomes_of_the_next_request(limpid, origin, fetch, section):
    now = []
    there = origin(answer(lambda request: said_by(*now, request)))
    wrong = [fault for number, turns in enumerate(ROWS[section]) for fault in played(there, fetch, f"/{number}", now, turns)]
    assert not wrong, "\n".join([f"{len(wrong)} faults", *wrong])
