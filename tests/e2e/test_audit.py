"""Auditors' looks at consent records: two of them, a stated law, told on audit and to the person; and what staff revoke."""
import base64
import secrets
import time

import psycopg
import pytest

from phi_client.codes import consent_digest
from phi_client.http import new_serial
from phi_client.life import LAW
from phi_client.people import Person
from phi_client.replica import Replica
from phi_client.sm2 import PublicKey
from phi_client.suite import wait_until
from phi_client.topics import read_topic

AUDIT, ASK = "phi.320000.audit", "/v1/codes/consent/requests"


class Auditor:
    """`sub` of the development registry, or an account that is registered here."""

    def __init__(self, suite, unit, sub=None, roles="auditor", regions="320000", person=None):
        self.suite, self.unit, self.person, self.sub = suite, unit, person or Person(), sub or f"auditor-{secrets.token_hex(4)}"
        if sub is None:
            suite.register("staff", "--issuer", f"{suite.url('idp')}/staff", "--sub", self.sub, "--unit", unit, "--roles",
                           roles, "--regions", regions, regions=("320000",))

    def post(self, path, fields, url=None, app="audit-app", named=True, serial=None):
        claims = self.person.claims() if named else {}
        token = self.suite.token("staff", **{**claims, "sub": self.sub, "aud": app})
        return self.suite.apps[app].twin().post(url or self.suite.url("svc-codegen"), path, fields, token,
                                                serial=serial or new_serial())

    def ask(self, code, law=LAW, **options):
        return self.post(ASK, {"code": code, "legalReference": law}, **options)

    def approve(self, request, **options):
        return self.post(f"{ASK}/{request}/approval", {}, **options)


@pytest.fixture(scope="module")
def crew(suite, life):
    """first and second of two units, colleague of the first one's unit, and who may not."""
    both = Person()
    crew = {"first": Auditor(suite, "audit-320100", "auditor-1"), "second": Auditor(suite, "court-320100", "auditor-2"),
            "colleague": Auditor(suite, "audit-320100"), "officer": Auditor(suite, "health-320100", roles="decide"),
            "elsewhere": Auditor(suite, "audit-110000", regions="110000"),
            "one": Auditor(suite, "audit-320200", person=both), "alias": Auditor(suite, "court-320200", person=both)}
    code = life.mint(Person())["code"]
    for name in ("colleague", "one", "alias"):
        wait_until(lambda name=name: crew[name].ask(code).code == "0000", 20, f"{name} is known")
    return crew


@pytest.fixture
def holder():
    return Person()


@pytest.fixture
def code(life, holder):
    return life.mint(holder)["code"]


def looks(life, person, query=""):
    return life.done(life.get("citizen-app", "svc-codegen", "/v1/codes/consent/looks" + query, person))


def own(life, code, person):
    return life.done(life.post("citizen-app", "svc-codegen", "/v1/codes/consent", {"code": code}, person))


def asked(life, auditor, code):
    data = life.done(auditor.ask(code))
    assert set(data) == {"requestId", "until"}, "who asks sees nothing"
    return data["requestId"]


def test_two_auditors_see_a_record_once_and_the_person_is_told(suite, life, crew, holder, code):
    request = asked(life, crew["first"], code)
    assert own(life, code, holder)["looks"] == [] and looks(life, holder) == {"looks": []}, "nobody has looked yet"
    serial = new_serial()
    answer = crew["second"].approve(request, serial=serial)
    data = life.done(answer)
    assert crew["second"].approve(request, serial=serial).body == answer.body, "whose answer was lost gets it again"
    assert consent_digest(data["record"]) == data["digest"] and holder.id_no in data["record"]
    assert data["legalReference"] == LAW
    assert crew["second"].approve(request).code == "4003", "once"
    (look,) = looks(life, holder)["looks"]
    assert look == {"requestId": request, "digest": data["digest"], "scene": "pass", "units": ["audit-320100", "court-320100"],
                    "legalReference": LAW, "requestedAt": look["requestedAt"], "seenAt": look["seenAt"]}
    assert look["requestedAt"] <= look["seenAt"]
    assert own(life, code, holder) == {"record": data["record"], "digest": data["digest"], "looks": [look]}
    assert looks(life, Person()) == {"looks": []}, "nobody else's to see"


def events_of(suite, request):
    return [record for record in read_topic(suite.bus, AUDIT) if record.header("ce_type") == "cn.phi.audit.consent"
            and record.json["requestId"] == request]


def test_each_step_is_on_audit_and_signed(suite, life, crew, holder, code):
    request = asked(life, crew["first"], code)
    record = life.done(crew["second"].approve(request))["record"]
    wait_until(lambda: len(events_of(suite, request)) == 2, 20, "both steps")
    key = PublicKey.from_file(suite.public_file("svc-codegen", "answer"))
    events = sorted(events_of(suite, request), key=lambda event: event.json["at"])
    assert [(event.json["step"], event.json["unit"]) for event in events] == [("requested", "audit-320100"),
                                                                              ("seen", "court-320100")]
    assert len({event.json["actor"] for event in events}) == 2
    for event in events:
        assert event.json["legalReference"] == LAW and bytes.fromhex(event.json["serialHmac"])[:16] == event.key
        signed = b"\n".join([AUDIT.encode(), event.key, event.headers["phi-version"], event.value])
        assert key.verify(signed, base64.b64decode(event.header("phi-signature")))
        for secret in (holder.name, holder.id_no, record, code, crew["first"].person.id_no, crew["first"].sub):
            assert secret.encode() not in event.value


def refusal(answer):
    assert "record" not in (answer.data or {})
    return answer.status, answer.code


def test_nobody_looks_alone(life, crew, holder, code):
    request = asked(life, crew["first"], code)
    assert refusal(crew["first"].approve(request)) == (403, "3012"), "the same account"
    assert refusal(crew["colleague"].approve(request)) == (403, "3012"), "the same unit"
    for_two = asked(life, crew["one"], code)
    assert refusal(crew["alias"].approve(for_two)) == (403, "3012"), "the same person under two accounts"
    assert looks(life, holder) == {"looks": []}
    assert life.done(crew["second"].approve(request))["digest"], "the refused ones have not used it up"


@pytest.mark.parametrize("who", ("officer", "elsewhere"))
def test_who_is_no_auditor_here_may_neither_ask_nor_approve(life, crew, code, who):
    request = asked(life, crew["first"], code)
    assert refusal(crew[who].ask(code)) == (403, "3012")
    assert refusal(crew[who].approve(request)) == (403, "3012")


def test_nobody_audits_themselves(suite, life, crew, code):
    self_code = life.mint(crew["first"].person)["code"]
    assert refusal(crew["first"].ask(self_code)) == (403, "3012")
    request = asked(life, crew["colleague"], life.mint(crew["second"].person)["code"])
    assert refusal(crew["second"].approve(request)) == (403, "3012")
    assert refusal(crew["first"].ask(code, named=False)) == (403, "3012"), "nor unnamed"


def test_a_look_at_a_record_granted_for_another_is_told_to_both(life, crew):
    guardian, ward = Person(), Person(year=2015)
    application = life.apply(guardian, onBehalfOf=life.mandate(guardian, ward))
    code = life.mint(guardian, application=application)["code"]
    request = asked(life, crew["first"], code)
    assert ward.id_no in life.done(crew["second"].approve(request))["record"]
    assert [look["requestId"] for look in looks(life, guardian)["looks"]] == [request]
    of_guardian = asked(life, crew["first"], life.mint(crew["second"].person)["code"])
    assert refusal(crew["second"].approve(of_guardian)) == (403, "3012")


def test_which_app_brings_whom(life, crew, holder, code):
    """An auditor comes through an auditors' app, a citizen through a citizens'; neither takes the other's way."""
    assert refusal(crew["first"].ask(code, app="citizen-app")) == (403, "3012")
    citizen = life.token(holder, "audit-app")
    answer = life.post("audit-app", "svc-codegen", ASK, {"code": code, "legalReference": LAW}, token=citizen)
    assert refusal(answer) == (401, "3008")
    assert refusal(crew["first"].post("/v1/codes/consent", {"code": code})) == (403, "3012")


@pytest.mark.parametrize("reference,expected", ((None, "1004"), ("法", "1006"), ("x" * 121, "1006"), (7, "1005"),
                                                ("关于 13900001234 的举报", "1006"), ("举报 １３９００００１２３４ 号", "1006"),
                                                ("法\n号第一条", "1006")))
def test_a_legal_reference_is_stated_and_names_nobody(crew, code, reference, expected):
    answer = crew["first"].post(ASK, {"code": code} if reference is None else {"code": code, "legalReference": reference})
    assert (answer.status, answer.code) == (400, expected)
    assert "139" not in answer.body.decode(errors="replace"), "the value is not repeated"


def test_what_there_is_none_of(crew):
    assert [crew["second"].approve(bad * 31 + "0").code for bad in ("0", "x")] == ["4001"] * 2
    assert crew["first"].ask("AAAA").code == "4001"


def test_a_request_ends_with_its_time(suite, life, crew, code):
    replica = Replica(suite, "svc-codegen", PHI_AUDIT_REQUEST_MS="1000")
    try:
        wait_until(lambda: crew["first"].ask("AAAA", url=replica.url).code == "4001", 20, "the replica knows the app")
        request = life.done(crew["first"].ask(code, url=replica.url))["requestId"]
        with psycopg.connect(**suite.database(), autocommit=True) as database:
            wait_until(lambda: database.execute(
                "SELECT until_us < extract(epoch FROM clock_timestamp()) * 1000000 FROM codegen.consent_requests "
                "WHERE request_id = %s", (bytes.fromhex(request),)).fetchone()[0], 20, "its time is over")
        assert refusal(crew["second"].approve(request, url=replica.url)) == (409, "4003")
    finally:
        assert replica.end() == 0


def test_pages_of_looks(suite, life, crew, holder):
    codes = [life.mint(holder, application=life.apply(holder))["code"] for _ in range(3)]
    requests = [asked(life, crew["first"], code) for code in codes]
    for request in requests:
        life.done(crew["second"].approve(request))
    found, query = [], "?limit=1"
    while True:
        page = looks(life, holder, query)
        found += [look["requestId"] for look in page["looks"]]
        if "next" not in page:
            break
        query = f"?limit=1&before={page['next']}"
    assert found == requests[::-1]


def revocations(suite, since):
    return [record.json for record in read_topic(suite.bus, AUDIT)
            if record.header("ce_type") == "cn.phi.audit.revocation" and record.json["at"] >= since]


def test_what_staff_revoke_is_on_audit_and_what_holders_do_is_not(suite, life, holder):
    since = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 8 * 3600 - 1))
    own_paper, other = life.mint(holder, "paper")["code"], life.mint(Person(), "paper")["code"]
    life.done(life.post("citizen-app", "svc-verify", "/v1/codes/revoke", {"code": own_paper}, holder))
    officer = life.officer(Person())
    data = life.done(life.post("officer-app", "svc-verify", "/v1/codes/revoke", {"code": other}, token=officer))
    wait_until(lambda: revocations(suite, since), 20, "the officer's")
    (event,) = revocations(suite, since)
    assert (event["step"], event["kind"], event["unit"]) == ("revoked", "code", "health-320100")
    assert event["at"] == data["revokedAt"] and event["deadlineUntil"] == data["deadlineUntil"]
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        row = database.execute("SELECT who FROM verify.revocations WHERE id = %s", (bytes.fromhex(event["id"]),)).fetchone()
    assert bytes(row[0]).hex() == event["actor"]
