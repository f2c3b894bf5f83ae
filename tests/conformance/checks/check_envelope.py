"""Bodies, members, bounds, queries: what is wrong is refused with its place, and never repeated."""
import json

from client.caller import encoded, envelope
from client.checks import accepted, check, is_json_post, refused, routes
from client.world import source_line
from client.schema import MARK, NUMBER_LIKE, missing, out_of_bounds, retyped, told, unknown

CLAUSE = "38963 bodies; OpenAPI"
BOUND = 64 * 1024
LINES_MAX = 10_000
posts = routes(is_json_post)


def hold(door, code, cases):
    count = 0
    for place, body in cases:
        answer = refused(door.send(body=encoded(body)), 400, code, place, what=place)
        assert not told(answer.body), f"{place}: the answer repeats what was sent"
        count += 1
    return count


def good_body(door):
    return envelope(door.good[1])


@check("ENV-01", f"{CLAUSE}; 1004", "each member that must be there is missed by its name")
@posts
def check_missing(door):
    schema, _document = door.schema()
    assert hold(door, "1004", missing(schema, good_body(door))) >= 4


@check("ENV-02", f"{CLAUSE}; 1005", "a member of another type is refused by its name")
@posts
def check_types(door):
    schema, document = door.schema()
    assert hold(door, "1005", retyped(schema, good_body(door), document)) >= 4


@check("ENV-03", f"{CLAUSE}; 1006", "a value out of its bounds is refused by its name")
@posts
def check_bounds(door):
    schema, document = door.schema()
    assert hold(door, "1006", out_of_bounds(schema, good_body(door), document)) >= 4


@check("ENV-04", f"{CLAUSE}; 1007",
       "a member that the document doesn't have is refused; a name that looks like data is not repeated")
@posts
def check_unknown(door):
    schema, document = door.schema()
    body = good_body(door)
    assert hold(door, "1007", unknown(schema, body, document)) >= 1
    answer = refused(door.send(body=encoded({**body, NUMBER_LIKE: MARK})), 400, "1007")
    assert not told(answer.body), "the answer repeats a member's name that may be data"


def spoilt_json(body):
    yield "cut", body[:-1]
    yield "something after the end", body + b"{}"
    yield "a member twice", b'{"customNumber":"c-1",' + body[1:]
    yield "a zero byte", body[:-1] + b"\0}"
    yield "an escaped zero", body.replace(b'"conformance"', b'"conf\\u0000"')
    yield "a lone surrogate", body.replace(b'"conformance"', b'"conf\\ud800"')
    yield "broken UTF-8", body.replace(b'"conformance"', b'"conf\xff"')
    yield "GB 18030", body.replace(b'"conformance"', '"江苏"'.encode("gb18030"))
    yield "a byte order mark", b"\xef\xbb\xbf" + body
    yield "nested too deep", body[:-1] + b',"bizExtData":{"a":' + b"[" * 40 + b"]" * 40 + b"}}"
    yield "NaN", body[:-1] + b',"bizExtData":{"a":NaN}}'
    yield "a number too large", body[:-1] + b',"bizExtData":{"a":1e999}}'


@check("ENV-05", "RFC 8259, UTF-8; 1003", "what is not one JSON text in UTF-8 of bearable depth is refused")
@posts
def check_json(door):
    for what, body in spoilt_json(encoded(good_body(door))):
        refused(door.send(body=body), 400, "1003", "$", what=what)


@check("ENV-06", f"{CLAUSE}; 1002", "another content type, charset or encoding than documented is refused")
@routes(lambda route: route.method == "POST")
def check_content_types(door):
    body = door.encode(door.good[1])
    for bad in ("text/plain", "application/x-www-form-urlencoded", f"{door.route.content_type}; charset=gbk"):
        refused(door.send(body=body, content_type=bad), 415, "1002", "Content-Type", what=bad)
    refused(door.send(body=body, headers=[("Content-Encoding", "gzip")]), 415, "1002", "Content-Encoding")


@check("ENV-07", f"{CLAUSE}: JSON bodies up to 64 KiB; 1001", "a body of 64 KiB is taken, one byte more is not")
@posts
def check_body_bound(door):
    body = encoded(good_body(door))
    filled = body[:-1] + b" " * (BOUND - len(body)) + body[-1:]
    refused(door.send(body=filled + b" "), 413, "1001")
    answer = door.send(body=filled)
    assert answer.status not in (400, 413), f"at its bound: {answer}"


@check("ENV-08", f"{CLAUSE}: up to 10,000 lines; 1001", "10,000 lines are taken, one more is not")
def check_lines_bound(world):
    door = world.door("POST /v1/sources/{kind}")
    refused(door.send(body=b"x\n" * (LINES_MAX + 1)), 413, "1001", "body")
    answer = door.send(body=b"x\n" * LINES_MAX)
    assert answer.status == 200 and len(answer.body.splitlines()) == LINES_MAX, "at its bound"
    refused(door.send(body=b"", headers=[("Content-Type", "application/x-ndjson")]), 400, "1004", "body")


@check("ENV-09", "38963 queries; 1012", "a query parameter that is not documented, twice there, or broken is refused")
@routes()
def check_queries(door):
    target, fields = door.good
    path, body = (target or door.route.path).split("?")[0], door.encode(fields)
    for what, query in (("unknown", f"zzUnknown={MARK}"), ("twice", "customNumber=c-1&customNumber=c-1"),
                        ("broken escape", "customNumber=%zz"), ("broken UTF-8", "customNumber=%FF")):
        answer = refused(door.send(body=body, target=f"{path}?{query}"), 400, "1012", what=what)
        assert not told(answer.body), what
    document, operation = door.operation()
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query" and parameter["schema"].get("type") == "integer":
            for bad in ("0x10", "-1", "9" * 30, ""):
                refused(door.send(body=body, target=f"{path}?{parameter['name']}={bad}"), 400, "1012", parameter["name"])


@check("ENV-10", f"{CLAUSE}: bizExtData is the caller's own", "bizExtData of any content is taken")
def check_extra(world):
    door = world.door("POST /v1/code-applications")
    value = {"a": [1, 2.5, None, True, {"名": "值"}], "b": "x" * 1000}
    accepted(door.send(body=encoded({**good_body(door), "bizExtData": value})))
    accepted(door.send(body=json.dumps({**good_body(door), "bizExtData": value}, ensure_ascii=True).encode()), "escaped")


@check("ENV-11", "38963 intake of lines",
       "one answer a line, in order; a wrong line is told by number and place, the others are taken")
def check_lines(world):
    door = world.door("POST /v1/sources/{kind}")
    good, bad = source_line(), {**source_line(), "zzUnknown": MARK}
    wrong = source_line()
    wrong["person"]["idNo"] = wrong["person"]["idNo"][:-1] + ("1" if wrong["person"]["idNo"][-1] != "1" else "2")
    answer = door.send(body=b"".join(encoded(line) + b"\n" for line in (good, bad, source_line(), wrong)) + b"cut {\n")
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert answer.headers["Content-Type"].startswith("application/x-ndjson"), "content type"
    assert [line["line"] for line in lines] == [1, 2, 3, 4, 5], "numbers"
    assert [line["result"] for line in lines] == ["accepted", "rejected", "accepted", "rejected", "rejected"]
    assert lines[1]["field"] == "$.zzUnknown" and lines[3]["field"] == "$.person.idNo", "places"
    assert not told(answer.body) and wrong["person"]["idNo"].encode() not in answer.body, "repeats data"
