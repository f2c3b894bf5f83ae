"""What citizens may do about what is kept of them: consents and their end, wards, basic information, a copy, erasure."""
import base64
import json

import psycopg
import pytest

from phi_client.life import ADDRESS, PHONE, basic, health, moment, source_line, trip
from phi_client.people import Person
from phi_client.suite import wait_until
from phi_client.topics import read_topic

REGION, ERASED = "320000", "已删除"
DECLARE = "svc-declare"


def post(life, path, fields, person, **options):
    return life.post("citizen-app", DECLARE, path, fields, person, **options)


def consents(life, person):
    return life.done(life.get("citizen-app", DECLARE, "/v1/consents", person))["consents"]


def export(life, person, **fields):
    return life.done(post(life, "/v1/me/export", fields, person))


def refused(answer, code):
    assert answer.code == code and answer.signed, answer
    return True


def test_a_withdrawn_consent_ends_declarations(life):
    person = Person()
    given = life.consent(person)
    life.declare(person)
    taken = life.done(post(life, "/v1/consents/withdraw", {"purpose": "health-code"}, person))
    assert taken["consents"] == 1
    (line,) = consents(life, person)
    assert line["consentId"] == given["consentId"] and line["withdrawnAt"] == taken["withdrawnAt"]
    assert line["givenBy"] == "self"
    refused(post(life, "/v1/declarations/health", {"health": health()}, person), "3015")
    refused(post(life, "/v1/declarations/trips", {"trips": [trip()]}, person), "3015")
    refused(post(life, "/v1/me/basic", {"basic": basic()}, person), "3015")
    refused(post(life, "/v1/consents/withdraw", {"purpose": "health-code"}, person), "4003")
    life.consent(person)
    life.declare(person, with_basic=False)
    assert [bool(line["withdrawnAt"]) for line in consents(life, person)] == [False, True]


def test_basic_information_comes_once_and_can_be_amended(life):
    person = Person()
    life.consent(person)
    assert life.done(post(life, "/v1/me/basic", {"basic": basic()}, person))["amended"] is False
    life.declare(person, with_basic=False)
    moved = {**basic(), "address": "苏州市姑苏区另一路八号", "region": "320508", "registeredRegion": "320102",
             "birthDate": f"{person.id_no[6:10]}-{person.id_no[10:12]}-{person.id_no[12:14]}"}
    assert life.done(post(life, "/v1/me/basic", {"basic": moved}, person))["amended"] is True
    kept = export(life, person)["basic"]
    assert kept["address"] == moved["address"] and kept["birthDate"] == moved["birthDate"]
    assert (kept["name"], kept["idNo"]) == (person.name, person.id_no)


@pytest.mark.parametrize("change,code", [({"birthDate": "1990-01-01"}, "4004"), ({"birthDate": "2990-01-01"}, "4004"),
                                         ({"birthDate": "1990-02-30"}, "1006"), ({"registeredRegion": "990000"}, "1006"),
                                         ({"sex": "3"}, "1006"), ({"nationality": "XXX"}, "4004"), ({"age": 3}, "1007")])
def test_basic_information_that_is_refused(life, change, code):
    person = Person()
    life.consent(person)
    refused(post(life, "/v1/me/basic", {"basic": {**basic(), **change}}, person), code)


def test_a_guardian_declares_for_a_ward(life):
    guardian, ward, stranger = Person(), Person(), Person()
    behalf = life.mandate(guardian, ward)
    life.done(post(life, "/v1/consents", {"noticeVersion": "1", "purpose": "health-code", "onBehalfOf": behalf}, guardian))
    fact = life.done(post(life, "/v1/declarations/health",
                          {"basic": basic(), "health": health(), "onBehalfOf": behalf}, guardian))
    (mine,) = export(life, ward)["declarations"]["items"]
    assert mine["factId"] == fact["factId"] and mine["content"]["declarant"] == "guardian"
    assert mine["personal"]["declarant"]["name"] == guardian.name and mine["personal"]["name"] == ward.name
    assert export(life, guardian)["declarations"]["items"] == []
    assert [line["givenBy"] for line in consents(life, ward)] == ["guardian"]
    for wrong in (life.mandate(stranger, ward), life.mandate(guardian, ward, until="2020-01-01T00:00:00+08:00"),
                  {**behalf, "ward": stranger.document()}):
        refused(post(life, "/v1/declarations/health", {"health": health(), "onBehalfOf": wrong}, guardian), "3017")


def test_the_copy_holds_what_is_kept_and_nothing_of_others(life):
    person, other = Person(), Person()
    for one in (person, other):
        life.consent(one)
        life.declare(one, note="乏力")
    life.declare_trips(person, trip(), trip(seat="01A"))
    assert life.report("tests", [source_line(person, "tests")])[0]["result"] == "accepted"
    copy = export(life, person)
    assert copy["basic"]["phone"] == PHONE and copy["basic"]["address"] == ADDRESS
    assert len(copy["declarations"]["items"]) == 3 and "next" in copy["declarations"]
    assert {item["personal"]["name"] for item in copy["declarations"]["items"]} == {person.name}
    assert [item["source"] for item in copy["reports"]["items"]] == ["source.tests"]
    assert other.name not in json.dumps(copy, ensure_ascii=False)
    older = export(life, person, declarationsBefore=copy["declarations"]["items"][-1]["recordedAt"])
    assert older["declarations"]["items"] == []


def keys_of(suite, subject):
    found = [record.json for record in read_topic(suite.bus, f"phi.{REGION}.person.key") if record.key == subject]
    return [(record["version"], record["state"]) for record in found]


def test_erasure_ends_what_was_sealed_everywhere(suite, life):
    person, scanner = Person(), Person()
    life.consent(person)
    fact = life.declare(person, note="家人发热")["factId"]
    code = life.mint(person)["code"]
    record = next(r for r in read_topic(suite.bus, f"phi.{REGION}.declare.health", 30,
                                        until=lambda seen: any(fact.encode() in (r.value or b"") for r in seen))
                  if fact.encode() in (r.value or b""))
    wait_until(lambda: query(life, code, scanner)["holder"], 30, "the directory knows the person")
    assert query(life, code, scanner)["holder"]["name"] != ERASED
    refused(post(life, "/v1/me/erase", {"confirm": "yes"}, person), "1006")
    life.done(post(life, "/v1/me/erase", {"confirm": "erase"}, person))
    wait_until(lambda: query(life, code, scanner)["holder"]["name"] == ERASED, 30, "erased in the directory")
    assert query(life, code, scanner)["grade"]["code"] in ("green", "grey", "yellow", "red", "review")
    refused(post(life, "/v1/declarations/health", {"health": health()}, person), "3015")
    copy = export(life, person)
    assert "basic" not in copy and [item["personal"] for item in copy["declarations"]["items"]] == [ERASED]
    assert copy["declarations"]["items"][0]["content"]["temperature"] == 36.5, "coded facts stay"
    assert keys_of(suite, record.key) == [(1, "kept"), (2, "erased")]
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        for schema in ("declare", "directory"):
            (row,) = database.execute(f"SELECT version, octet_length(wrapped) FROM {schema}.person_keys WHERE subject = %s",
                                      (record.key,)).fetchall()
            assert row == (2, 4 + 16 + 32 + 8), "no key is wrapped any more"
        assert database.execute("SELECT octet_length(identity_sealed) FROM directory.people WHERE subject = %s",
                                (record.key,)).fetchone() == (0,)
        # From the topic's beginning, with nothing kept: what the topic tells is the end, not the key.
        suite.stop("svc-directory")
        database.execute("DELETE FROM directory.person_keys")
        database.execute("DELETE FROM directory.offsets WHERE topic LIKE '%%person.key'")
        database.execute("UPDATE directory.people SET identity_sealed = %s WHERE subject = %s",
                         (base64.b64decode(record.json["identity"]), record.key))
        suite.start("svc-directory")
        assert query(life, code, scanner)["holder"]["name"] == ERASED
        assert database.execute("SELECT version FROM directory.person_keys WHERE subject = %s",
                                (record.key,)).fetchone() == (2,)
    # A new beginning has a key of its own, and does not bring the old text back.
    life.consent(person)
    life.declare(person)
    wait_until(lambda: (query(life, code, scanner)["holder"] or {"name": ERASED})["name"] != ERASED, 30, "named again")
    assert sorted(str(item["personal"])[:3] == ERASED for item in export(life, person)["declarations"]["items"]) == [False, True]


def due(life, person):
    return life.get("citizen-app", DECLARE, "/v1/declarations/due", person)


def test_who_is_to_declare_again_in_a_control_period(life):
    """svc-declare/control/320000.json: daily in 320583, nowhere else."""
    inside, outside = Person(), Person()
    for person, region in ((inside, "320583"), (outside, "320102")):
        life.consent(person)
        refused(due(life, person), "4005")
        life.done(post(life, "/v1/me/basic", {"basic": {**basic(), "region": region}}, person))
    told = life.done(due(life, inside))
    assert told["due"] and told["lastAt"] is None and told["nextAt"] is None
    assert told["dueSince"] == told["period"]["from"] and told["period"]["everyHours"] == 24
    nothing = {"due": False, "dueSince": None, "nextAt": None, "lastAt": None, "period": None}
    assert life.done(due(life, outside)) == nothing
    life.declare(inside, with_basic=False, observedAt=moment(25 * 3600))
    told = life.done(due(life, inside))
    assert told["due"] and told["lastAt"] < told["dueSince"] <= moment(0)
    life.declare(inside, with_basic=False)
    told = life.done(due(life, inside))
    assert not told["due"] and told["dueSince"] is None and told["nextAt"] > moment(0)


def query(life, code, scanner):
    return life.done(life.post("scan-app", "svc-directory", "/v1/health/query", {"code": code, "scope": "pass"}, scanner))
