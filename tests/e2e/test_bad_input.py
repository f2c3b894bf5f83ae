"""Bad input on every route: the documented refusal, nothing stored, the connection still good, nothing repeated."""
import base64
import json
import time

import psycopg
import pytest
import requests

from phi_client.codes import from_text, to_text
from phi_client.forged import citizen_tokens, forged_tokens, staff_tokens
from phi_client.http import App, envelope, send_raw
from phi_client.life import basic, health, moment, ndjson, source_line, trip
from phi_client.people import Person
from phi_client.routes import ELSEWHERE, OF_PLATFORM, OPEN, ROUTES, SERVICES, Cast, document
from phi_client.sm2 import PrivateKey
from phi_client.spoil import ID_LIKE, MARK, holds_mark, resolve, spoilt

BOUND, LINES_BOUND, FILE_BOUND = 64 * 1024, 8 * 1024 * 1024, 4 * 1024 * 1024
# Rows that a refused request may leave: that its nonce was seen, and the marker of that transaction.
MAY_GROW = {"nonces", "lane_commits"}
# What svc-directory's consumer fills from topics, from whatever was sent before; its routes write none of it.
FED = {"svc-directory": {"facts", "people", "person_keys", "retractions", "reason_codes", "entries", "history", "due", "links",
                         "customers", "places", "places_applied", "stays", "sources", "silences", "offsets",
                         "heal_requests"},
       "svc-platform": {"entries", "buckets", "intake", "refusals", "offsets", "trust_lists", "dispute_steps"},
       "svc-correction": {"person_keys", "erasures", "offsets", "batches", "batch_records", "batch_people"}}


@pytest.fixture(scope="module")
def cast(life):
    return Cast(life)


class Rows:
    """Counts of every table of a service's schema."""

    def __init__(self, suite, service):
        environment = suite.environment(service)
        self.schema = environment["PHI_SCHEMA"]
        self.connection = psycopg.connect(**suite.database(environment["PHI_REGION"]), autocommit=True)
        names = self.connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1", [self.schema]).fetchall()
        self.tables = [name for (name,) in names if name not in MAY_GROW | FED.get(service, set())]
        assert "idempotency" in self.tables and "outbox" in self.tables
        self.query = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {self.schema}.{name}" for name in self.tables)

    def count(self):
        """Without the outbox, whose rows go when they are published; what came into it shows in the others."""
        counts = self.connection.execute(self.query).fetchall()
        return {name: count for name, count in counts if name != "outbox"}


class Door:
    """One route, one connection: sends bad requests and says what is wrong with the answers."""

    def __init__(self, suite, cast, route):
        self.suite, self.cast, self.route, self.url = suite, cast, route, suite.url(route.service)
        self.app = suite.apps[route.app_id].twin()
        self.rows = Rows(suite, route.service)
        self.target, self.fields = route.make(cast)
        self.token = cast.token(route.who, route.app_id)
        if route.service in ("svc-declare", "svc-directory", "svc-correction", "svc-platform"):
            suite.settle()  # what these store comes from elsewhere
        self.before = self.rows.count()

    def body(self, fields=None):
        if self.route.method == "GET":
            return b""
        fields = self.fields if fields is None else fields
        if self.route.is_lines:
            return ndjson(fields)
        if self.route.is_file:
            return fields
        return json.dumps(envelope(fields), ensure_ascii=False).encode()

    def send(self, body=None, app=None, token=True, target=None, method=None, headers=None, **options):
        app = app or self.app
        body = self.body() if body is None else body
        token = self.token if token is True else token
        app.answer_keys = self.app.answer_keys
        app.session = self.app.session
        sent = {"Content-Type": self.route.content_type} if body else {}
        return app.call(method or self.route.method, self.url, target or self.target, body, token,
                        headers={**sent, **(headers or {})}, **options)

    def send_raw(self, target, body=b"", more=()):
        """The target exactly as given."""
        _nonce, authorization = self.app.authorization(self.route.method, target, body)
        headers = [("Authorization", authorization), *more]
        if body:
            headers.append(("Content-Type", self.route.content_type))
        if self.token:
            headers.append(("Phi-Identity", self.token))
        return send_raw(self.url, self.route.method, target, headers, body)

    def refused(self, answer, status, code, field=None, signed=True, what=""):
        shown = f"{self.route.name}, {what}: {answer}"
        assert (answer.status, answer.code) == (status, code), shown
        if field is not None:
            assert answer.data["field"] == field, shown
            assert answer.data["reason"], shown
        assert answer.signed == signed, f"signed: {answer.signed}; {shown}"
        assert not holds_mark(answer.body) and MARK not in str(answer.headers), f"repeats what was sent; {shown}"
        # Rows that go are those past their days of keeping.
        grown = {name: count for name, count in self.rows.count().items() if count > self.before.get(name, 0)}
        assert not grown, f"stored something in {grown}; {shown}"

    def good(self, what="a good request afterwards"):
        """The same connection serves a good request."""
        answer = self.send()
        assert answer.status == 200 and answer.signed, f"{self.route.name}, {what}: {answer}"
        if not self.route.is_lines and answer.headers["Content-Type"].startswith("application/json"):
            assert answer.code == "0000", f"{self.route.name}, {what}: {answer}"
        pools = self.app.session.get_adapter(self.url).poolmanager.pools
        made = sum(pools[key].num_connections for key in pools.keys())
        assert made == 1, f"{self.route.name}: {made} connections, the first was not kept"
        self.before = self.rows.count()
        return answer


def routes(condition=lambda route: True):
    chosen = [route for route in ROUTES if condition(route)]
    return pytest.mark.parametrize("route", chosen, ids=[f"{r.service} {r.name}" for r in chosen])


@pytest.fixture
def door(suite, cast, route):
    return Door(suite, cast, route)


def has_json(route):
    return route.method == "POST" and not route.is_lines and not route.is_file


def test_every_documented_route_is_in_the_table():
    documented = {(service, method.upper(), path) for service in SERVICES
                  for path, methods in document(service)["paths"].items()
                  for method in methods if method in ("get", "post", "put", "delete", "patch")}
    known = {(r.service, r.method, r.template) for r in ROUTES} | set(OPEN) | set(ELSEWHERE)
    assert documented == known


# Members


@routes(has_json)
def test_members(door, route):
    schema, root = route.schema(), document(route.service)
    good = envelope(door.fields)
    good["bizExtData"] = {"channel": "e2e"}
    cases = list(spoilt(resolve(schema, root), good, root))
    assert {place.split(".")[1].split("[")[0] for *_, place in cases if "." in place} >= set(schema["properties"])
    for what, body, code, field in cases:
        answer = door.send(json.dumps(body, ensure_ascii=False).encode())
        door.refused(answer, 400, code, field, what=what)
    for name, bad in (("a text", MARK), ("a list", [good]), ("a number", 7), ("null", None)):
        answer = door.send(json.dumps(bad).encode())
        assert answer.code in ("1003", "1005"), answer
        door.refused(answer, 400, answer.code, "$", what=f"{name} for a body")
    door.good()


def json_faults(body):
    """(what, the spoilt bytes): none is a JSON text in UTF-8 of a bearable depth."""
    text = body.decode()
    yield "empty", b""
    for cut in (1, 2, len(body) // 2, len(body) - 1):
        yield f"cut to {cut} bytes", body[:cut]
    yield "something after the end", body + b"{}"
    yield "a member twice", b'{"customNumber":"c-1",' + body[1:]
    yield "a zero byte", body[:-1] + b"\x00}"
    yield "an escaped zero", text.replace('"e2e"', '"e\\u00002e"').encode()
    yield "a lone surrogate", text.replace('"e2e"', '"e\\ud8002e"').encode()
    yield "invalid UTF-8", body.replace(b'"e2e"', b'"e\xff2e"')
    yield "an overlong form", body.replace(b'"e2e"', b'"e\xc0\xaf2e"')
    yield "a surrogate in UTF-8", body.replace(b'"e2e"', b'"e\xed\xa0\x802e"')
    yield "GB 18030", text.replace('"e2e"', '"江苏"').encode("gb18030")
    yield "UTF-16", text.encode("utf-16")
    yield "a byte order mark", b"\xef\xbb\xbf" + body
    yield "nested too deep", body[:-1] + b',"bizExtData":{"a":' + b"[" * 40 + b"]" * 40 + b"}}"
    yield "nested far too deep", b"[" * 30_000
    yield "single quotes", body.replace(b'"', b"'")
    yield "NaN", body[:-1] + b',"bizExtData":{"a":NaN}}'
    yield "a number too large", body[:-1] + b',"bizExtData":{"a":1e999}}'
    yield "a whole number too large", body[:-1] + b',"bizExtData":{"a":9223372036854775808}}'


@routes(has_json)
def test_bodies(door, route):
    for what, body in json_faults(door.body()):
        door.refused(door.send(body), *((415, "1002") if not body else (400, "1003")),
                     "Content-Type" if not body else "$", signed=bool(body), what=what)
    answer = door.send(b"", headers={"Content-Type": "application/json"})
    door.refused(answer, 400, "1003", "$", what="no body")
    door.good()


@routes(lambda route: route.method == "POST")
def test_a_body_over_its_bound(door, route):
    bound = LINES_BOUND if route.is_lines else FILE_BOUND if route.is_file else BOUND
    body = door.body()
    filled = body[:-1] + b" " * (bound - len(body)) + body[-1:]
    assert len(filled) == bound
    if has_json(route):  # eight megabytes take a signature in Python too long
        answer = door.send(filled)
        assert (answer.status, answer.code) == (200, "0000"), f"at its bound: {answer}"
        door.target, door.fields = route.make(door.cast)
        door.before = door.rows.count()
    door.refused(door.send(filled + b" ", sign=False), 413, "1001", signed=False, what="one byte over")
    door.good()


@routes(lambda route: route.method == "POST")
def test_content_types(door, route):
    other = "application/json" if route.is_lines else "application/x-ndjson"
    for bad in (other, "text/plain", "application/x-www-form-urlencoded", f"{route.content_type}; charset=gbk",
                f"{route.content_type}x", "multipart/form-data; boundary=x", MARK):
        door.refused(door.send(headers={"Content-Type": bad}), 415, "1002", "Content-Type", signed=False, what=bad)
    door.refused(door.send(headers={"Content-Encoding": "gzip"}), 415, "1002", "Content-Encoding", signed=False,
                 what="gzip")
    answer = door.send(headers={"Content-Type": f"{route.content_type}; charset=UTF-8"})
    assert answer.status == 200, answer
    door.target, door.fields = route.make(door.cast)
    door.before = door.rows.count()
    door.good()


# Callers


def authorization_faults(app, method, target, body):
    """(what, the header, the return code, the place)"""
    _nonce, good = app.authorization(method, target, body)
    def replaced(name, value):
        before, after = good.split(f'{name}="', 1)
        return f'{before}{name}="{value}"{after[after.index(chr(34)) + 1:]}'
    yield "another scheme", "Bearer " + MARK, "3001", "Authorization"
    yield "no parameters", "PHI-SM2-SM3 ", "1008", "Authorization"
    yield "rubbish", f"PHI-SM2-SM3 {MARK}", "1008", "Authorization"
    yield "an unknown parameter", good + f',more="{MARK}"', "1008", "Authorization"
    yield "a parameter twice", good.replace("timestamp=", "nonce=", 1), "1008", None
    yield "no closing quote", good[:-1], "1008", "signature"
    for name, bad in (("app_id", f"{MARK} x"), ("app_id", "a" * 33), ("key_serial", MARK), ("key_serial", "AB" * 8),
                      ("timestamp", MARK), ("timestamp", "-1"), ("timestamp", "01"), ("timestamp", "9" * 13),
                      ("nonce", "short"), ("nonce", "n" * 33), ("nonce", MARK + "MARKERMARKER!"),
                      ("signature", MARK), ("signature", "A" * 88)):
        yield f'{name}="{bad}"', replaced(name, bad), "1008", name
    yield "a signature of zeros", replaced("signature", "A" * 86 + "=="), "3002", "signature"


def signing(app, key=None, **parts):
    """The authorization of `app` over something else than what is sent."""
    other = App(app.app_id, app.client_id, app.key)
    if key:
        class Forger:
            public, sign = app.key.public, key.sign
        other.key = Forger()
    return other.authorization(parts["method"], parts["target"], parts["body"])[1]


@routes()
def test_callers(door, route, strangers):
    method, target, body = route.method, door.target, door.body()
    send = lambda header, **more: door.send(body, sign=False, headers={"Authorization": header}, **more)
    door.refused(door.send(body, sign=False), 401, "3001", "Authorization", signed=False, what="unsigned")
    for what, header, code, field in authorization_faults(door.app, method, target, body):
        status = 400 if code == "1008" else 401
        door.refused(send(header), status, code, field, signed=False, what=what)
    sent = {"method": method, "target": target, "body": body}
    for what, changed in (("another method", {"method": "PUT"}), ("another target", {"target": target + "/"}),
                          ("another body", {"body": body + b" "}), ("another key", {"key": PrivateKey()})):
        door.refused(send(signing(door.app, **{**sent, **changed})), 401, "3002", "signature", signed=False,
                     what=f"signed over {what}")
    door.refused(door.send(body, app=App("nobody-app", key=PrivateKey())), 401, "3003", "app_id", signed=False, what="unknown app")
    door.refused(door.send(body, app=App(route.app_id, key=PrivateKey())), 401, "3003", "key_serial", signed=False, what="unknown key")
    for off in (-3600, -70, 70, 3600):
        door.refused(door.send(body, timestamp=int(time.time()) + off), 401, "3005", "timestamp", signed=False,
                     what=f"{off} s")
    door.refused(door.send(body, app=strangers["suspended-app"].twin()), 403, "3004", "app_id", what="suspended")
    field = "region" if route.path in OF_PLATFORM else "app_id"
    door.refused(door.send(body, app=strangers["idle-app"].twin()), 403, "3012", field, what="no role")
    door.good()


@routes()
def test_a_replayed_request(door, route):
    body = door.body()
    nonce, header = door.app.authorization(route.method, door.target, body)
    send = lambda: door.app.call(route.method, door.url, door.target, body, door.token, sign=False, check=False,
                                 headers={"Authorization": header, **({"Content-Type": route.content_type} if body
                                                                      else {})})
    first = send()
    assert first.status == 200 and first.headers["Phi-Nonce"] == nonce, first
    door.before = door.rows.count()
    for _ in range(3):
        door.refused(send(), 401, "3006", "nonce", what="the same bytes again")
    door.target, door.fields = route.make(door.cast)
    door.before = door.rows.count()
    door.good()


# Tokens


@routes(lambda route: route.who)
def test_tokens(door, route, suite, cast):
    kind = "staff" if route.who == "staff" else "citizens"
    body, aud = door.body(), door.app.client_id
    person = Person()
    door.refused(door.send(body, token=None), 401, "3007", "Phi-Identity", what="no token")
    jwks = requests.get(f"{suite.url('idp')}/{kind}/jwks.json", timeout=5).json()
    for what, token, field in forged_tokens(door.token, jwks):
        door.refused(door.send(body, token=token), 401, "3008", field, what=what)
    cases = staff_tokens(suite, aud) if route.who == "staff" else citizen_tokens(suite, person, aud)
    for what, token, status, code, field in cases:
        door.refused(door.send(body, token=token), status, code, field, what=what)
    if route.who == "citizen":
        staff = suite.token("staff", sub="officer-1", aud=aud)
        door.refused(door.send(body, token=staff), 401, "3008", "iss", what="a staff token")
    if route.who == "staff":
        citizen = suite.token("citizens", **{**person.claims(), "aud": aud})
        door.refused(door.send(body, token=citizen), 401, "3008", "iss", what="a citizen's token")
    door.good()


# Queries, paths, methods, headers


def query_faults(route):
    known = {one["name"]: one["schema"] for one in route.operation().get("parameters", ()) if one["in"] == "query"}
    yield "an unknown parameter", f"zzUnknown={MARK}", "query"
    yield "a parameter twice", "customNumber=c-1&customNumber=c-1", "query"
    yield "too many parameters", "&".join(f"a{i}={MARK}" for i in range(40)), "query"
    for name, schema in known.items():
        bad = [""] if schema.get("minLength") or schema["type"] == "integer" else []
        if schema["type"] == "integer":
            bad += [MARK, str(schema["minimum"] - 1), str(schema["maximum"] + 1), "1.5", "9" * 30, "0x10", "+5"]
        elif schema.get("format") == "date-time":
            bad += [MARK, "2026-13-01T00:00:00Z"]
        elif schema.get("format") == "date":
            bad += [MARK, "2026-02-30"]
        else:
            bad += [f"{MARK}%20x", "a" * (schema["maxLength"] + 1), "%E6%B1%9F"]
        for value in bad:
            yield f"{name}={value}", f"{name}={value}", name
    for what, value in (("broken UTF-8", "%FF"), ("a zero", "%00"), ("a half escape", "%4"), ("no hex", "%zz"),
                        ("a control character", "%07")):
        yield what, f"customNumber={value}", "target"


@routes()
def test_queries(door, route):
    path, body = door.target.split("?")[0], door.body()
    needed = door.target.split("?")[1].split("&") if route.is_file else []  # these are right, but for the one that is wrong
    for what, query, field in query_faults(route):
        rest = [one for one in needed if f"{one.split('=')[0]}=" not in query]
        answer = door.send_raw(f"{path}?{'&'.join([query, *rest])}", body)
        # What no reader can take apart is refused before the caller is looked for.
        signed = field != "target" and what not in ("a parameter twice", "too many parameters")
        door.refused(answer, 400, "1012", field, signed=signed, what=what)
    door.good()


@routes()
def test_methods_and_paths(door, route):
    others = {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"} - {
        r.method for r in ROUTES if (r.service, r.path) == (route.service, route.path)}
    for method in sorted(others):
        answer = door.send(door.body() if method != "GET" else b"", method=method, target=door.target.split("?")[0])
        door.refused(answer, 405, "1010", signed=False, what=method)
        assert route.method in answer.headers["Allow"]
    path = door.target.split("?")[0]
    for bad in (path + "/", path + "/more", path.replace("/v1/", "/v2/"), path.upper(), path.replace("/v1/", "/v1//"),
                "/v1/%2e%2e" + path, path.replace("/v1", "/v1/.", 1), "/v1/.." + path, path.replace("/v1", "/%76%31")):
        answer = door.send_raw(bad, door.body())
        # /v1/corrections/{id} takes any last part: there it is an id that nobody has.
        if answer.signed:
            door.refused(answer, 404, "4001", "id", what=bad)
        else:
            assert answer.status in (404, 405), f"{bad}: {answer}"
            door.refused(answer, answer.status, "1009" if answer.status == 404 else "1010", signed=False, what=bad)
    door.good()


@routes()
def test_headers(door, route):
    """Twice there, readers could differ in which one they take; too long or too many are not read on."""
    body = door.body()
    _nonce, authorization = door.app.authorization(route.method, door.target, body)
    single = [("Authorization", authorization), ("Content-Type", route.content_type),
              ("Phi-Identity", door.token or "A"), ("X-Request-Id", "e2e-request-1")]
    cases = [(f"{name} twice", [*single, (name, value)]) for name, value in single]
    cases.append(("too many", [*single, *((f"X-More-{i}", MARK) for i in range(40))]))
    for what, headers in cases:
        answer = send_raw(door.url, route.method, door.target, headers, body)
        door.refused(answer, 400, "1008", what=what, signed=False)
    door.good()


# What only one route has


TAKEN = ("intake", "person_keys", "source_marks", "source_problems")  # what lines of a source, right or wrong, may leave behind


@pytest.mark.parametrize("kind", ("contacts", "tests"))
def test_lines_of_a_source(suite, cast, kind):
    """A wrong line is told by its number, place and reason; the right ones around it are taken."""
    route = [r for r in ROUTES if r.path == f"/v1/sources/{kind}"][0]
    door, root = Door(suite, cast, route), document("svc-declare")
    schema = root["components"]["schemas"][f"{kind.capitalize()}Line"]
    good = source_line(Person(), kind)
    cases = [(what, json.dumps(bad, ensure_ascii=False).encode(), field)
             for what, bad, _code, field in spoilt(schema, good, root)]
    text = json.dumps(good, ensure_ascii=False).encode()
    cases += [("empty", b"", "$"), ("cut", text[:40], "$"), ("invalid UTF-8", text.replace(b'"r-', b'"\xff-'), "$"),
              ("no object", b"7", "$"), ("two on a line", text + text, "$"), ("too long", text[:-1] + b" " * 70_000, "$")]
    assert len(cases) > 60
    lines = [ndjson([source_line(Person(), kind)])]
    for _what, bad, _field in cases:
        lines += [bad + b"\n", ndjson([source_line(Person(), kind)])]
    answer = door.send(b"".join(lines))
    assert answer.status == 200 and answer.signed and not holds_mark(answer.body)
    results = [json.loads(line) for line in answer.body.splitlines()]
    assert [result["line"] for result in results] == list(range(1, len(lines) + 1))
    assert {result["result"] for result in results[::2]} == {"accepted"}
    for (what, _bad, field), result in zip(cases, results[1::2]):
        assert (result["result"], result["field"]) == ("rejected", field), f"{what}: {result}"
        assert result["reason"] and "factId" not in result
    after = door.rows.count()
    assert after["intake"] - door.before["intake"] == len(cases) + 1
    assert {name: count for name, count in after.items() if name not in TAKEN} == {
        name: count for name, count in door.before.items() if name not in TAKEN}
    door.before = after
    door.target, door.fields = route.make(cast)
    door.good()


@routes(lambda route: route.is_lines)
def test_bodies_of_a_source(door, route):
    door.refused(door.send(b"", headers={"Content-Type": route.content_type}), 400, "1004", "body", what="no line")
    line = ndjson(door.fields)
    door.refused(door.send(b"x\n" * 10_001), 413, "1001", "body", what="too many lines")
    assert len(door.send(b"x\n" * 10_000, check=False).body.splitlines()) == 10_000
    answer = door.send(line.rstrip(b"\n"))
    assert answer.status == 200, "the last line needs no end"
    door.target, door.fields = route.make(door.cast)
    door.before = door.rows.count()
    door.good()


def test_a_source_that_the_app_does_not_report_or_nobody_knows(suite, cast):
    route = [r for r in ROUTES if r.path == "/v1/sources/contacts"][0]
    door = Door(suite, cast, route)
    for kind in ("weather", "CONTACTS", "%E6%B5%8B", "a" * 300, ID_LIKE):
        door.refused(door.send(target=f"/v1/sources/{kind}"), 404, "4001", "kind", what=kind)
    door.good()


def test_a_code_of_an_unknown_platform(life, suite, cast):
    """The platform is looked for before the signature: unknown is unknown, forged or not."""
    data = bytearray(from_text(cast.code))
    at = data.index(b"JKM1320000") + 4
    for platform, code in ((b"330000", "2006"), (b"999999", "2001"), (b"32000x", "2001"), (b"000000", "2002")):
        data[at : at + 6] = platform
        for service, path in (("svc-verify", "/v1/codes/verify"), ("svc-directory", "/v1/health/query")):
            route = [r for r in ROUTES if r.path == path][0]
            door = Door(suite, cast, route)
            answer = life.post("scan-app", service, path, {"code": to_text(bytes(data))}, cast.scanner)
            door.refused(answer, 200, code, what=f"{platform} at {path}")


def test_rules_of_declarations(life, suite, cast):
    door = Door(suite, cast, [r for r in ROUTES if r.path == "/v1/declarations/health"][0])
    stranger, consented = Person(), Person()
    life.consent(consented)
    door.before = door.rows.count()
    declare = lambda person, fields, path="/v1/declarations/health": life.post("citizen-app", "svc-declare", path,
                                                                               fields, person)
    door.refused(declare(stranger, {"basic": basic(), "health": health()}), 403, "3015", "Phi-Identity",
                 what="no consent")
    door.refused(declare(consented, {"health": health()}), 422, "4005", "$.basic", what="no basic information")
    for what, changed, field in (
            ("observed in the future", {"observedAt": moment(-600)}, "$.health.observedAt"),
            ("a stay in the future", {"riskStays": [{"region": "320100", "from": moment(60), "to": moment(-600)}]},
             "$.health.riskStays[0].to"),
            ("a stay that ends before it begins",
             {"riskStays": [{"region": "320100", "from": moment(60), "to": moment(120)}]}, "$.health.riskStays[0].to")):
        door.refused(declare(cast.holder, {"health": health(**changed)}), 422, "4004", field, what=what)
    answer = declare(cast.holder, {"health": health(symptoms=["cough", "cough"])})
    door.refused(answer, 400, "1006", "$.health.symptoms[1]", what="a symptom twice")
    late = trip(departedAt=moment(60), arrivedAt=moment(120))
    door.refused(declare(cast.holder, {"trips": [trip(), late]}, "/v1/declarations/trips"), 422, "4004",
                 "$.trips[1].arrivedAt", what="arrived before departed; the good trip is not stored either")


def test_rules_of_disputes(life, suite, cast):
    case, fact = life.disputed(cast.holder)
    door = Door(suite, cast, [r for r in ROUTES if r.path == "/v1/corrections/{id}/decision"][0])
    other = Person()
    path = f"/v1/corrections/{case['caseId']}"
    decide = lambda officer, case_path=path, **options: life.post(
        "officer-app", "svc-correction", f"{case_path}/decision", {"decision": "retract", "reason": "record-error"},
        token=life.officer(officer, **options))
    file = lambda person, changed: life.post("citizen-app", "svc-correction", "/v1/corrections", {
        "matter": "fact", "fact": {**fact, **changed}, "statement": MARK}, person)
    door.refused(file(cast.holder, {"region": "330000"}), 422, "4004", "$.fact.region", what="another region")
    door.refused(life.get("citizen-app", "svc-correction", path, other), 404, "4001", "id", what="a stranger's look")
    for bad in ("00" * 16, "zz" * 16, "1"):
        door.refused(life.get("citizen-app", "svc-correction", f"/v1/corrections/{bad}", cast.holder), 404, "4001",
                     "id", what=bad)
    door.refused(decide(cast.holder), 403, "3012", "Phi-Identity", what="nobody decides about themselves")
    nameless = suite.token("staff", sub="officer-1", aud="officer-app")
    answer = life.post("officer-app", "svc-correction", f"{path}/decision",
                       {"decision": "retract", "reason": "record-error"}, token=nameless)
    door.refused(answer, 403, "3012", "Phi-Identity", what="an officer without a name")
    answer = life.post("officer-app", "svc-correction", f"/v1/corrections/{'00' * 16}/decision",
                       {"decision": "retract", "reason": "record-error"}, token=life.officer(cast.officer))
    door.refused(answer, 404, "4001", "id", what="no such case")
    door.refused(decide(cast.officer), 409, "4003", "id", what="nothing is proposed")
    said = {"decision": "retract", "reason": "record-error"}
    assert life.done(life.officers(case["caseId"], "proposal", cast.officer, **said))["state"] == "proposed"
    door.before = door.rows.count()
    door.refused(life.officers(case["caseId"], "proposal", cast.officer, **said), 409, "4003", "id", what="proposed already")
    door.refused(decide(cast.officer), 403, "3012", "Phi-Identity", what="who proposed does not decide")
    door.refused(decide(cast.holder, sub="officer-2"), 403, "3012", "Phi-Identity", what="about themselves, as the second")
    answer = life.officers(case["caseId"], "decision", Person(), "officer-2", decision="refuse", reason="other")
    door.refused(answer, 422, "4004", "$.decision", what="another decision than what was proposed")
    assert life.done(decide(Person(), sub="officer-2"))["state"] == "decided"
    door.before = door.rows.count()
    door.refused(decide(cast.officer), 409, "4003", "id", what="decided already")


def test_receipts_of_others(life, suite, cast):
    route = [r for r in ROUTES if r.path == "/v1/directory/query"][0]
    door = Door(suite, cast, route)
    good = base64.b64decode(door.fields["receipt"])
    ask = lambda data: door.send(json.dumps(envelope({"receipt": base64.b64encode(data).decode()})).encode())
    for at in range(0, len(good) * 8, 37):
        changed = bytearray(good)
        changed[at // 8] ^= 0x80 >> at % 8
        answer = ask(bytes(changed))
        assert answer.code in ("3013", "1011"), f"bit {at}: {answer}"
        door.refused(answer, 403 if answer.code == "3013" else 400, answer.code, what=f"bit {at}")
    for data in (good[:-1], good + b"\0", b"PHIR", b"\0" * 200):
        answer = ask(data)
        assert answer.status in (400, 403) and answer.code in ("3013", "1011"), answer
    door.good()


def test_the_open_route(suite):
    """No signature is asked for, and what is wrong besides is still refused."""
    app, url = App("nobody-app"), suite.url("svc-platform")
    assert app.get(url, "/v1/trust-list", sign=False).code == "0000"
    assert app.get(url, "/v1/trust-list").code == "0000", "a stranger's signature does no harm"
    answer = app.get(url, f"/v1/trust-list?zzUnknown={MARK}", sign=False)
    assert (answer.status, answer.code, answer.data["field"]) == (400, "1012", "query") and not holds_mark(answer.body)
    answer = app.call("POST", url, "/v1/trust-list", {}, sign=False)
    assert (answer.status, answer.code) == (405, "1010")
