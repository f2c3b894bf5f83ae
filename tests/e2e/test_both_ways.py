"""svc-verify answers over HTTP as it does over the RPC, one code and many: every return code, told both ways."""
import os
import secrets
import time

import psycopg
import pytest
import zmq

from loadgen import keyfile
from phi_client import rpc
from phi_client.codes import Code, Receipt, from_text, to_text
from phi_client.http import App, new_serial
from phi_client.people import Person
from phi_client.sm2 import PrivateKey
from phi_client.suite import wait_until
from test_rpc import z85

HERE, AWAY, SUSPENDED, UNKNOWN = "320000", "610000", "620000", "630000"
SCOPES = ("pass", "medical", "self")
OPERATIONS = {"verify": rpc.VERIFY, "check": rpc.CHECK, "own": rpc.OWN}
VERDICTS = {"0000", "5004", *(f"200{i}" for i in range(1, 9))}
STATUS = {"3012": 403, "3014": 403, "4002": 409, "5008": 429}  # of what is no verdict
ONE_TIME, PAPER = 1, 2

pytestmark = pytest.mark.late


@pytest.fixture(scope="module")
def code_key(suite):
    folder = os.path.join(suite.run, "keys", "svc-codegen")
    return PrivateKey(keyfile.sm2_number(f"{folder}/code.key", f"{folder}/password"))


@pytest.fixture(scope="module")
def neighbours(suite):
    """Two more platforms on the trust list: one whose services don't answer, one that is suspended."""
    public = os.path.join(suite.run, "keys", "public")
    curve = z85(suite.public_file("svc-verify", "curve")).decode()
    for platform, more in ((AWAY, ("--endpoint", f"verify=tcp://127.0.0.1:9,{curve}")), (SUSPENDED, ("--status", "suspended"))):
        suite.phictl("platform", "add", "--list", os.path.join(suite.run, "platforms.json"), "--id", platform, "--name", "省",
                     "--key", f"code={public}/svc-codegen.code.pub@1", "--key", f"receipt={public}/svc-verify.receipt.pub",
                     *more)
    suite.restart("svc-platform")


class OverHttp:
    """Answers in terms that both ways have; `many` asks for them as items of a batch."""

    def __init__(self, suite, life, person):
        self.app, self.url, self.life, self.person = App("both-app"), suite.url("svc-verify"), life, person
        suite.apps["both-app"] = self.app
        suite.register("app", "--app", "both-app", "--public", suite.public_pem(self.app), "--roles", "verify", "--scopes",
                       "pass,self", regions=(HERE,))
        suite.adopt(self.app, wait=False)
        wait_until(lambda: self.app.post(self.url, "/v1/codes/verify").code != "3003", 20, "svc-verify knows the app")

    def _post(self, path, fields, serial):
        answer = self.app.post(self.url, path, fields, self.life.token(self.person, "both-app"), serial=serial)
        assert answer.signed
        return answer

    @staticmethod
    def members(ask):
        fields = {"code": ask["code"], "operation": ask["operation"], "scope": SCOPES[ask.get("scope", 0)]}
        return {**fields, "challenge": ask["challenge"].hex()} if ask.get("challenge") else fields

    def one(self, ask):
        answer = self._post("/v1/codes/verify", self.members(ask), ask["number"])
        assert answer.status == STATUS.get(answer.code, 200), answer
        return self.terms(answer.json)

    def many(self, asks):
        answer = self._post("/v1/codes/verify/batch", {"items": [{**self.members(ask), "bizSerialNum": ask["number"]}
                                                                 for ask in asks]}, new_serial())
        items = self.life.done(answer)["items"]
        assert [item["bizSerialNum"] for item in items] == [ask["number"] for ask in asks]
        return [self.terms(item) for item in items]

    @staticmethod
    def terms(answer):
        code, data = answer["resultCode"], answer["data"] or {}
        if code not in VERDICTS:
            assert "receipt" not in data
            return {"code": code}
        deadline = data.get("deadline")
        terms = {"code": code, "checked": data["checked"], "unchecked": data["unchecked"],
                 "platform": data.get("platform", ""), "receipt": "receipt" in data,
                 "deadline": int(time.mktime(time.strptime(deadline, "%Y-%m-%dT%H:%M:%S+08:00")) - time.timezone -
                                 8 * 3600) if deadline else 0}
        if code == "0000":
            terms.update(oneTime=data["oneTime"], paper=data["paper"], scope=data["scope"])
        return terms


class OverRpc:
    def __init__(self, suite):
        keys = zmq.curve_keypair()
        suite.register("peer", "--curve", keys[0].decode(), "--platform", HERE, "--program", "e2e-both", "--scopes",
                       "pass,self", regions=(HERE,))
        self.peer = rpc.known_peer(f"tcp://127.0.0.1:{suite.port('svc-verify.rpc')}",
                                   z85(suite.public_file("svc-verify", "curve")), *keys)
        self.ids = {}  # by number, as a caller of the RPC makes them

    def _item(self, ask):
        request_id = self.ids.setdefault(ask["number"], secrets.token_bytes(16))
        options = {"holder": ask["holder"]} if ask["operation"] == "own" else {}
        return rpc.item(ask["code"], OPERATIONS[ask["operation"]], request_id, ask.get("challenge"), ask.get("scope", 0),
                        **options)

    def one(self, ask):
        frame = self.peer.ask(b"\xa1" + self._item(ask))
        return self.terms(rpc.replies(frame.payload)[0], ask)

    def many(self, asks):
        frame = self.peer.ask(rpc.batch([self._item(ask) for ask in asks]))
        return [self.terms(reply, ask) for reply, ask in zip(rpc.replies(frame.payload), asks, strict=True)]

    @staticmethod
    def terms(reply, ask):
        if reply.status not in VERDICTS:
            assert reply.receipt == b""
            return {"code": reply.status}
        # Over HTTP a receipt is for who asks for one; in a frame there is always a challenge.
        terms = {"code": reply.status, "checked": reply.checked, "unchecked": reply.unchecked, "platform": reply.platform,
                 "receipt": bool(reply.receipt and ask.get("challenge")), "deadline": reply.deadline_s}
        if reply.status == "0000":
            terms.update(oneTime=bool(reply.flags & ONE_TIME), paper=bool(reply.flags & PAPER), scope=SCOPES[reply.scope])
        return terms


@pytest.fixture(scope="module")
def asker():
    """Who scans over HTTP; whose own code is meant by own."""
    return Person()


@pytest.fixture(scope="module")
def ways(suite, life, asker):
    over_rpc = OverRpc(suite)
    yield OverHttp(suite, life, asker), over_rpc
    over_rpc.peer.close()


@pytest.fixture(scope="module")
def mine(life, ways, asker):
    """The asker's own code and subject."""
    code = life.mint(asker)["code"]
    return code, Receipt(ways[1].peer.verify(code).receipt).subject


def signed_as(code, key, platform=None, version=None):
    """The same code with another platform or version, its signature good."""
    data = bytearray(from_text(code))[:-64]
    at = data.index(b"JKM1")
    if platform:
        data[at + 4 : at + 10] = platform.encode()
    if version:
        data[at - 2 : at] = version.to_bytes(2, "big")
    return to_text(bytes(data) + key.sign(bytes(data)))


def make_codes(suite, life, code_key, ways):
    """{what: code}"""
    person = Person()
    good, brief = life.mint(person)["code"], life.mint(person, "pass-brief")["code"]
    once, paper, lost = (life.mint(person, scene)["code"] for scene in ("pass-once", "paper", "paper"))
    assert ways[1].peer.verify(once).status == "0000", "spent"
    life.done(life.post("citizen-app", "svc-verify", "/v1/codes/revoke", {"code": lost}, person))
    wait_until(lambda: time.time() > Code.of(brief).deadline_s + 1, 30, "the brief code's end")
    return {"good": good, "paper": paper, "expired": brief, "used": once, "revoked": lost, "none": "AAAA",
            "forged": good[:-3] + ("A" if good[-3] != "A" else "B") + good[-2:],
            "of a platform nobody knows": signed_as(good, code_key, UNKNOWN),
            "of a suspended platform": signed_as(good, code_key, SUSPENDED),
            "of a platform that is away": signed_as(good, code_key, AWAY),
            "of another version": signed_as(good, code_key, version=9)}


@pytest.fixture(scope="module")
def codes(suite, life, code_key, neighbours, ways):
    codes = make_codes(suite, life, code_key, ways)
    for what, status in (("of a platform that is away", "5004"), ("of a suspended platform", "2007")):
        wait_until(lambda what=what, status=status: ways[1].peer.verify(codes[what], operation=rpc.CHECK).status == status, 40,
                   f"the trust list with a code {what}")
    return codes


# What is asked, and what must come of it.
CASES = (("good", "verify", "0000"), ("good", "check", "0000"), ("good", "own", "3014"), ("paper", "verify", "0000"),
         ("mine", "own", "0000"), ("mine", "verify", "0000"), ("none", "verify", "2001"), ("none", "own", "2001"),
         ("forged", "verify", "2002"), ("forged", "own", "2002"), ("expired", "verify", "2003"), ("expired", "check", "2003"),
         ("used", "verify", "2004"), ("used", "check", "0000"), ("revoked", "verify", "2005"), ("revoked", "check", "2005"),
         ("of a platform nobody knows", "verify", "2006"), ("of a suspended platform", "verify", "2007"),
         ("of another version", "verify", "2008"), ("of a platform that is away", "verify", "5004"),
         ("of a platform that is away", "check", "5004"))


def request(codes, mine, what, operation, **more):
    code = mine[0] if what == "mine" else codes[what]
    return {"code": code, "operation": operation, "holder": mine[1], "challenge": secrets.token_bytes(16),
            "number": new_serial(), **more}


@pytest.mark.parametrize("what,operation,expected", CASES, ids=lambda value: value.replace(" ", "-"))
def test_one_code_both_ways(ways, codes, mine, what, operation, expected):
    http, over_rpc = ways
    for more in ({}, {"challenge": None}):
        told = http.one(request(codes, mine, what, operation, **more))
        assert told == over_rpc.one(request(codes, mine, what, operation, **more))
        assert told["code"] == expected
        assert told.get("receipt", False) == (expected == "0000" and operation == "verify" and "challenge" not in more)


def test_many_codes_both_ways(ways, codes, mine):
    asks = lambda: [request(codes, mine, what, operation) for what, operation, _ in CASES]
    http, over_rpc = ways
    told = http.many(asks())
    assert told == over_rpc.many(asks())
    assert [terms["code"] for terms in told] == [expected for *_, expected in CASES]
    assert told == [http.one(ask) for ask in asks()], "in a batch as alone"


@pytest.mark.parametrize("way", (0, 1), ids=("http", "rpc"))
def test_scopes_and_repeats_both_ways(ways, codes, mine, life, way):
    ask = lambda **more: ways[way].one(request(codes, mine, "good", "verify", **more))
    assert ask(scope=1) == {"code": "3012"}
    assert (ask(scope=2)["code"], ask(scope=2)["scope"]) == ("0000", "pass"), "never more than the code's"
    once = {"code": life.mint(Person(), "pass-once")["code"], "number": new_serial()}
    assert ask(**once) == ask(**once) and ask(**once)["code"] == "0000", "the same request again"
    assert ask(**{**once, "code": codes["good"]}) == {"code": "4002"}, "the same number with another code"
    assert ask(code=once["code"])["code"] == "2004", "another request"


def test_a_number_is_one_request_in_a_batch_and_alone(ways, codes, mine, life):
    http, _rpc = ways
    once = request(codes, mine, "good", "verify", code=life.mint(Person(), "pass-once")["code"])
    other = request(codes, mine, "good", "verify", code=once["code"])
    alone = http.one(once)
    assert alone["code"] == "0000" and http.many([once, other, once]) == [alone, http.one(other), alone]
    assert http.one(other)["code"] == "2004"


def test_bounds_of_a_batch(ways, codes, mine):
    http, _rpc = ways
    item = lambda **more: {"bizSerialNum": new_serial(), "code": "AAAA", **more}
    for items, expected in (([], "1006"), ([item() for _ in range(129)], "1006"), ("x", "1005"), ([item(), 7], "1005"),
                            ([item(operation="batch")], "1006"), ([item(items=[])], "1007"), ([{"code": "AAAA"}], "1004")):
        answer = http._post("/v1/codes/verify/batch", {"items": items}, new_serial())
        assert (answer.status, answer.code) == (400, expected), answer
    told = http.many([request(codes, mine, "none", "check") for _ in range(128)])
    assert told == 128 * [told[0]] and told[0]["code"] == "2001"


def test_who_is_cut_off_is_told_both_ways(suite, ways, codes, mine):
    """Rows of another replica: what one cut off, all cut off."""
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        for caller in (f"{HERE}/app/both-app", f"{HERE}/e2e-both/e2e-gate"):
            database.execute("INSERT INTO verify.cuts (caller, cut_us, measure, value, bound) VALUES (%s, (extract(epoch FROM "
                             "clock_timestamp()) * 1000000)::bigint, 'perMinute', 2, 1)", (caller,))
    for way in ways:
        wait_until(lambda way=way: way.one(request(codes, mine, "good", "check")) == {"code": "5008"}, 20, "it is cut off")
        assert way.many([request(codes, mine, "good", "verify"), request(codes, mine, "none", "own")]) == 2 * [{"code": "5008"}]
