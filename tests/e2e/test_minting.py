"""What the policy says of a code: how long it lives, when it is given again, which record stands behind it, who may
apply for whom."""
import concurrent.futures
import json
import os
import re
import time

import psycopg
import pytest

from phi_client.codes import Code, consent_digest, consent_record
from phi_client.http import new_serial
from phi_client.life import batch_line
from phi_client.people import Person
from phi_client.replica import Replica
from phi_client.sm2 import PrivateKey
from phi_client.suite import ROOT, wait_until

FAR = 60  # seconds that a deadline may be off on a loaded machine


@pytest.fixture(scope="module")
def holder():
    return Person()


def counters(suite, url=None):
    """What svc-codegen, or a replica of it, counted: minted, and given again wherever it was found."""
    text = suite.apps["citizen-app"].get(url or suite.url("svc-codegen"), "/metrics", sign=False).body.decode()
    found = dict(re.findall(r'^(phi_codes_[a-z_]+(?:{[^}]*})?) (\d+)', text, re.M))
    return (int(found.get("phi_codes_minted_total", 0)),
            sum(int(value) for name, value in found.items() if name.startswith("phi_codes_again_total")))


def refresh(life, person, application):
    return life.mint(person, application=application)


def test_refreshes_give_the_same_code_and_sign_none(life, suite, holder):
    application = life.apply(holder)
    first = refresh(life, holder, application)
    minted, again = counters(suite)
    for _ in range(5):
        assert refresh(life, holder, application) == first
    assert counters(suite) == (minted, again + 5)
    other = refresh(life, holder, life.apply(holder))
    assert other["code"] != first["code"], "another application has a code of its own"


def test_of_many_refreshes_at_once_all_get_one_code(life, suite, holder):
    application = life.apply(holder)
    fields = {name: application[name] for name in ("applicationId", "challenge")}
    token, url = life.token(holder), suite.url("svc-codegen")
    apps = [suite.apps["citizen-app"].twin() for _ in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda app: [app.post(url, "/v1/codes", fields, token) for _ in range(4)], apps))
    codes = {life.done(answer)["code"] for some in answers for answer in some}
    assert len(codes) == 1
    record = life.done(life.post("citizen-app", "svc-codegen", "/v1/codes/consent", {"code": codes.pop()}, holder))
    assert holder.id_no in record["record"], "the code that was told is kept"


@pytest.fixture
def overloaded(suite, tmp_path):
    """A replica where no commit may wait, so that every request comes at a time of overload, and where a refresh has a new
    code at any other time."""
    with open(os.path.join(ROOT, "svc-codegen", "policy", "320000.json"), encoding="utf-8") as file:
        policy = {**json.load(file), "refreshSeconds": 0}
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(policy, ensure_ascii=False), encoding="utf-8")
    replica = Replica(suite, "svc-codegen", PHI_POLICY_FILE=str(path), PHI_OVERLOAD_COMMITS="0")
    yield replica
    replica.end()


def test_under_overload_a_refresh_gets_the_code_that_is_still_valid(life, suite, holder, overloaded):
    app, token = suite.apps["citizen-app"].twin(), life.token(holder)
    wait_until(lambda: app.post(overloaded.url, "/v1/codes").code != "3003", 20, "the replica knows the app")

    def mint(application):
        fields = {name: application[name] for name in ("applicationId", "challenge")}
        return life.done(app.post(overloaded.url, "/v1/codes", fields, token))["code"]

    many, brief, once = (life.apply(holder, scene) for scene in ("pass", "pass-brief", "pass-once"))
    first = life.mint(holder, application=many)["code"]
    assert [mint(many) for _ in range(3)] == [first] * 3, "out of the database, then out of memory"
    assert counters(suite, overloaded.url) == (0, 3)
    assert mint(once) != mint(once), "a one-time code is given once"
    short = mint(brief)
    wait_until(lambda: time.time() > Code.of(short).deadline_s, 10, "the code is over")
    assert mint(brief) != short, "one that is over is not given again"


def test_a_refresh_finds_its_code_in_the_database(life, suite, holder):
    """Another replica, or the same one after a restart, knows it too."""
    application = life.apply(holder)
    first = refresh(life, holder, application)
    suite.restart("svc-codegen")
    again = refresh(life, holder, application)
    is_late = Code.of(again["code"]).deadline_s - Code.of(first["code"]).deadline_s > 10
    assert again == first or is_late


def test_one_time_codes_are_never_given_again(life, holder):
    application, serial = life.apply(holder, "pass-once"), new_serial()
    fields = {name: application[name] for name in ("applicationId", "challenge")}
    mint = lambda serial: life.done(life.post("citizen-app", "svc-codegen", "/v1/codes", fields, holder,
                                              serial=serial))["code"]
    first = mint(serial)
    assert mint(serial) == first, "the stored answer of the same request"
    assert len({first, mint(new_serial()), mint(new_serial())}) == 3


def test_paper_lives_for_days(life, holder):
    for days in (1, 30):
        application = life.apply(holder, "paper", paperDays=days)
        minted = life.mint(holder, application=application)
        assert minted["paper"] is True and minted["oneTime"] is False
        assert abs(Code.of(minted["code"]).deadline_s - time.time() - days * 86400) < FAR
        assert life.done(life.verify(minted["code"], Person()))


def test_days_are_for_paper(life, holder):
    answer = life.post("citizen-app", "svc-codegen", "/v1/code-applications", {"scene": "pass", "paperDays": 1}, holder)
    assert (answer.status, answer.code, answer.data["field"]) == (422, "4004", "$.paperDays"), answer
    minted = life.mint(holder, application=life.apply(holder, "paper"))
    assert abs(Code.of(minted["code"]).deadline_s - time.time() - 7 * 86400) < FAR, "the policy's days, unasked"


def record_of(life, person, code):
    return life.done(life.post("citizen-app", "svc-codegen", "/v1/codes/consent", {"code": code}, person))["record"]


def whole(record):
    """A record of Table 1: canonical, every element there."""
    value = json.loads(record)
    assert json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False) == record
    assert set(value) == {"SQZT", "YXQX", "BSQZT", "XXKZZ", "XXLB", "XXSY", "CZQX"}
    return value


def test_beyond_passing_the_record_is_table_1_and_its_sm3_is_in_the_code(life, holder):
    minted = life.mint(holder, "medical")
    code, record = Code.of(minted["code"]), record_of(life, holder, minted["code"])
    assert consent_digest(record) == code.consent_digest.hex() == minted["consentDigest"]
    value = whole(record)
    assert value["SQZT"] == value["XXSY"] == holder.document()
    assert value["YXQX"]["until"] == minted["deadline"] and value["YXQX"]["grantedAt"] == value["YXQX"]["from"]
    assert value["CZQX"][0] == "read" and "tests" in value["XXLB"] and value["XXKZZ"]["platform"] == "320000"


def test_a_minor_does_not_apply(life):
    child = Person(year=time.gmtime().tm_year - 10)
    answer = life.post("citizen-app", "svc-codegen", "/v1/code-applications", {"scene": "pass"}, child)
    assert (answer.status, answer.code, answer.data["field"]) == (403, "3016", "Phi-Identity"), answer
    assert "18" in answer.data["reason"]
    assert child.name not in answer.body.decode() and child.id_no not in answer.body.decode()
    grown = Person(year=time.gmtime().tm_year - 19)
    assert life.mint(grown)["onBehalf"] is False


def test_a_guardian_mints_for_a_ward(life, holder):
    ward = Person(year=time.gmtime().tm_year - 10)
    application = life.apply(holder, onBehalfOf=life.mandate(holder, ward))
    assert application["onBehalf"] is True
    minted = life.mint(holder, application=application)
    assert minted["onBehalf"] is True
    code, record = Code.of(minted["code"]), record_of(life, holder, minted["code"])
    value = whole(record)
    assert consent_digest(record) == code.consent_digest.hex()
    mandate = value["SQZT"].pop("mandate")
    assert value["SQZT"] == holder.document() and value["XXSY"] == ward.document()
    assert (mandate["issuer"], mandate["relation"]) == ("civil-app", "parent")
    assert record_of(life, ward, minted["code"]) == record, "the ward's to read as well"
    refused = life.post("citizen-app", "svc-codegen", "/v1/codes/consent", {"code": minted["code"]}, Person())
    assert (refused.status, refused.code) == (403, "3014")
    assert life.done(life.verify(minted["code"], Person()))
    uses = lambda person: life.done(life.get("citizen-app", "svc-verify", "/v1/codes/uses", person))["uses"]
    assert len(uses(ward)) == 1 and uses(Person()) == [], "the code is the ward's"
    other = life.post("citizen-app", "svc-codegen", "/v1/codes",
                      {name: application[name] for name in ("applicationId", "challenge")}, ward)
    assert (other.status, other.code) == (422, "4006"), "it takes the guardian's token"


def days(count):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + count * 86400))


@pytest.mark.parametrize("what,changed,member", (
    ("another relation than was signed", {"relation": "child"}, "signature"),
    ("a longer term than was signed", {"until": days(60)}, "signature"),
    ("over", {"signed_from": days(-30), "signed_until": days(-1)}, "until"),
    ("not begun", {"signed_from": days(1), "signed_until": days(30)}, "until"),
    ("too long", {"signed_from": days(-1), "signed_until": days(400)}, "until"),
    ("of an app that issues none", {"issuer": "lab-app"}, "issuer"),
    ("of nobody", {"issuer": "no-app"}, "issuer"),
    ("of an unknown key", {"key": PrivateKey()}, "keySerial"),
))
def test_a_mandate_that_does_not_hold(life, holder, what, changed, member):
    behalf = life.mandate(holder, Person(year=2015), **changed)
    answer = life.post("citizen-app", "svc-codegen", "/v1/code-applications", {"scene": "pass", "onBehalfOf": behalf},
                       holder)
    field = f"$.onBehalfOf.mandate.{member}"
    assert (answer.status, answer.code, answer.data["field"]) == (403, "3017", field), f"{what}: {answer}"


def test_a_mandate_is_its_guardian_s_and_its_ward_s(life, holder):
    ward, other = Person(year=2015), Person(year=2016)
    behalf = life.mandate(holder, ward)
    apply = lambda person, behalf: life.post("citizen-app", "svc-codegen", "/v1/code-applications",
                                             {"scene": "pass", "onBehalfOf": behalf}, person)
    for answer in (apply(Person(), behalf), apply(holder, {**behalf, "ward": other.document()})):
        assert (answer.status, answer.code) == (403, "3017"), answer
    assert apply(holder, life.mandate(holder, holder)).code == "3017", "for oneself there is no mandate"
    assert apply(Person(year=2012), life.mandate(Person(), ward)).code == "3016", "a minor is nobody's guardian"


def test_a_code_on_behalf_ends_with_its_mandate(life, holder):
    until = days(2)
    behalf = life.mandate(holder, Person(year=2015), signed_until=until)
    minted = life.mint(holder, application=life.apply(holder, "paper", paperDays=30, onBehalfOf=behalf))
    assert time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(Code.of(minted["code"]).deadline_s)) == until


def test_passing_on_one_s_own_has_the_short_record(life, holder):
    minted = life.mint(holder, "pass-once")
    assert record_of(life, holder, minted["code"]) == consent_record(holder, Code.of(minted["code"]).deadline_s - 300)


def test_an_institution_mints_for_its_people(life, suite):
    people = [Person() for _ in range(150)]
    lines = [batch_line(person) for person in people]
    answers = life.batch(lines)
    assert [(a["line"], a["serial"], a["result"]) for a in answers] == [
        (i + 1, line["serial"], "minted") for i, line in enumerate(lines)]
    assert len({a["code"] for a in answers}) == len(people)
    code, record = Code.of(answers[70]["code"]), record_of(life, people[70], answers[70]["code"])
    assert consent_digest(record) == code.consent_digest.hex() == answers[70]["consentDigest"]
    value = whole(record)
    collected = value["SQZT"].pop("collectedBy")
    assert collected == {"app": "home-app", "institution": "home-320102", "consentRef": "paper-1"}
    assert value["SQZT"] == value["XXSY"] == people[70].document()
    assert abs(code.deadline_s - time.time() - 14 * 86400) < FAR
    assert life.done(life.verify(answers[149]["code"], Person()))
    again = life.batch(lines[100:] + [batch_line(Person())])
    assert [a["code"] for a in again[:50]] == [a["code"] for a in answers[100:]], "sent again, each has its code"
    assert [a["result"] for a in again] == ["again"] * 50 + ["minted"]


def test_a_wrong_line_stops_no_other(life):
    good, minor = [batch_line(Person()) for _ in range(3)], Person(year=2015)
    lines = [good[0], {**batch_line(Person()), "scene": "pass"}, good[1], batch_line(minor),
             {**good[0], "consentRef": "paper-2"}, batch_line(Person(), paperDays=31), good[2]]
    answers = life.batch(lines)
    assert [a["result"] for a in answers] == ["minted", "rejected", "minted"] + ["rejected"] * 3 + ["minted"]
    assert [(a["resultCode"], a["field"]) for a in answers if a["result"] == "rejected"] == [
        ("4004", "$.scene"), ("3016", "$.person.idNo"), ("4002", "$.serial"), ("1006", "$.paperDays")]
    assert minor.id_no not in json.dumps(answers) and minor.name not in json.dumps(answers, ensure_ascii=False)
    other = life.batch([{**good[0], "consentRef": "paper-2"}])[0]
    assert (other["result"], other["resultCode"]) == ("rejected", "4002"), "a number is one certificate's"


def test_what_is_past_its_days_of_keeping_is_deleted(life, suite):
    """By the province's policy: applications 90 days after their term, codes and records 1,095 after their deadline."""
    people = [Person(), Person()]
    applications = [life.apply(person) for person in people]
    kept, old = (life.mint(person, application=application)["consentDigest"]
                 for person, application in zip(people, applications))
    with psycopg.connect(**suite.database(), autocommit=True) as database:

        def age(table, column, ago, key, value):
            sql = f"UPDATE codegen.{table} SET {column} = {ago} WHERE {key} = decode(%s, 'hex')"
            assert database.execute(sql, (value,)).rowcount == 1

        def left():
            codes = database.execute("SELECT encode(consent_digest, 'hex') FROM codegen.codes").fetchall()
            found = database.execute("SELECT encode(application_id, 'hex') FROM codegen.applications").fetchall()
            return {row[0] for row in codes + found} & {kept, old, *(a["applicationId"] for a in applications)}

        now = "extract(epoch FROM now())::bigint"
        age("codes", "deadline_s", f"{now} - 1096 * 86400", "consent_digest", old)
        age("codes", "deadline_s", f"{now} - 1094 * 86400", "consent_digest", kept)
        age("applications", "term_until_us", f"({now} - 91 * 86400) * 1000000", "application_id",
            applications[1]["applicationId"])
        age("applications", "term_until_us", f"({now} - 89 * 86400) * 1000000", "application_id",
            applications[0]["applicationId"])
        replica = Replica(suite, "svc-codegen")  # looks at its start, the first one only each minute
        try:
            wait_until(lambda: left() == {kept, applications[0]["applicationId"]}, 30, "what is over has gone")
        finally:
            replica.end()


def test_two_batches_of_the_same_lines_at_once_mint_each_once(life):
    lines = [batch_line(Person()) for _ in range(40)]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        found = list(pool.map(life.batch, [lines] * 3))
    for of_line in zip(*found):
        assert len({a["code"] for a in of_line}) == 1
