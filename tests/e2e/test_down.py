"""Down to the provinces: what national institutions compared reaches svc-declare of the province, sealed, and counts as a source."""
import base64
import json
import secrets

import psycopg
import pytest

from phi_client.letters import letter
from phi_client.life import ndjson, source_line
from phi_client.people import Person
from phi_client.sm2 import PublicKey
from phi_client.suite import wait_until
from phi_client.topics import read_topic, write_topic

REGION, INSTITUTION = "320000", "000000.immigration"
LETTERS, FACTS, DEAD = (f"phi.{REGION}.{name}" for name in ("intake.000000", "source.border", "dlq.svc-declare"))


def reports_of(life, person):
    return [(one["source"], one["institution"]) for one in life.export(person)["reports"]["items"]]


def until_taken(life, person):
    wait_until(lambda: ("source.border", INSTITUTION) in reports_of(life, person), 30, "the province took it")


def facts_of(suite, line):
    def mine(records):
        return list({r.event_id: r for r in records if line["recordNo"].encode() in (r.value or b"")}.values())

    return mine(read_topic(suite.bus, FACTS, 30, until=mine))


def dead_at(suite):
    """(reason, offset) of the national letters that were set aside."""
    return [(r.header("phi-dlq-reason"), int(r.header("phi-dlq-offset"))) for r in read_topic(suite.bus, DEAD)
            if r.header("phi-dlq-topic") == LETTERS]


def write(suite, value, headers, key=None):
    """Its offset."""
    before = len(read_topic(suite.bus, LETTERS))
    write_topic(suite.bus, LETTERS, value, headers=headers, key=key)
    records = read_topic(suite.bus, LETTERS, 30, until=lambda seen: len(seen) > before)
    return next(r.offset for r in reversed(records) if r.value == value)


@pytest.fixture(scope="module")
def handed(suite, life):
    """A traveller, the line about them, and the letter that brought it."""
    person = Person()
    line = source_line(person, "border")
    seen = len(read_topic(suite.bus, LETTERS))
    (answer,) = life.hand_down("border", [line])
    assert answer == {"line": 1, "result": "forwarded"}
    until_taken(life, person)
    return person, line, read_topic(suite.bus, LETTERS, 30, until=lambda records: len(records) > seen)[-1]


def test_a_result_becomes_a_fact_of_the_province(suite, life, handed):
    person, line, record = handed
    (fact,) = facts_of(suite, line)
    assert (fact.json["institution"], fact.json["region"]) == (INSTITUTION, REGION)
    assert fact.json["content"]["direction"] == "entry"
    for text in (person.name, person.id_no, line["recordNo"]):
        assert text.encode() not in record.value, "sealed"
    assert record.key is None and record.json["institution"] == "immigration"
    own = PublicKey.from_file(suite.public_file("svc-declare", "intake"))
    assert [one["serial"] for one in record.json["keys"]] == [own.serial], "to svc-declare's key and no other"
    owner = PublicKey.from_file(suite.public_file("svc-platform", "answer"))
    assert record.header("phi-key") == owner.serial


def test_wrong_lines_stop_no_right_ones(suite, life):
    one, other = Person(), Person()
    lines = [source_line(one, "border"), {**source_line(other, "border"), "recordNo": "two words"},
             source_line(other, "border", direction="sideways"), source_line(other, "border")]
    answers = life.hand_down("border", lines)
    assert [answer["result"] for answer in answers] == ["forwarded", "rejected", "forwarded", "forwarded"]
    assert answers[1]["field"] == "$.recordNo"
    until_taken(life, one)
    until_taken(life, other)
    # The province says itself what it did not take.
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        found = database.execute("SELECT count(*) FROM declare.source_problems WHERE institution = %s AND field = %s",
                                 (INSTITUTION, "$.content.direction")).fetchone()
    assert found == (1,)


def test_more_than_a_letter_holds_comes_in_several(suite, life):
    person = Person()
    before = len(read_topic(suite.bus, LETTERS))
    number = f"n-{secrets.token_hex(4)}"
    lines = [source_line(person, "border", record_no=f"{number}-{i}") for i in range(501)]
    assert {answer["result"] for answer in life.hand_down("border", lines)} == {"forwarded"}
    assert len(read_topic(suite.bus, LETTERS, 30, until=lambda seen: len(seen) >= before + 2)) == before + 2

    def taken():
        with psycopg.connect(**suite.database(), autocommit=True) as database:
            return database.execute("SELECT count(*) FROM declare.intake WHERE institution = %s AND record_no LIKE %s",
                                    (INSTITUTION, f"{number}-%")).fetchone() == (501,)

    wait_until(taken, 30, "all are taken")


@pytest.mark.parametrize("target,app,status,code", [
    ("/v1/platforms/990000/sources/border", "border-app", 404, "4001"),
    ("/v1/platforms/000000/sources/border", "border-app", 404, "4001"),
    ("/v1/platforms/320000/sources/weather", "border-app", 404, "4001"),
    ("/v1/platforms/320000/sources/tests", "border-app", 403, "3012"),
    ("/v1/platforms/320000/sources/border", "officer-app", 403, "3012")])
def test_who_may_not_hand_down_what(suite, target, app, status, code):
    answer = suite.apps[app].call("POST", suite.url("svc-platform"), target, ndjson([source_line(Person(), "border")]),
                                  headers={"Content-Type": "application/x-ndjson"})
    assert (answer.status, answer.code) == (status, code), answer


def test_only_the_nation_writes_as_the_nation(suite, life, handed):
    person, line, record = handed
    headers = [(name, value) for name, value in record.headers.items()]
    signed = {name: value for name, value in headers}
    own = PublicKey.from_file(suite.public_file("svc-declare", "intake"))
    forged = letter(LETTERS, "border", [source_line(person, "border")], own)
    forged = json.dumps({"kind": "border", "institution": "immigration", "lines": forged["lines"],
                         "keys": [{"serial": own.serial, "key": forged["key"]}]}, separators=(",", ":")).encode()
    app = suite.apps["border-app"]
    by_app = app.key.sign(b"\n".join([LETTERS.encode(), b"", signed["phi-version"], forged]))
    cases = (("signature", forged, signed),
             ("key", forged, {**signed, "phi-key": app.key.public.serial.encode(),
                              "phi-signature": base64.b64encode(by_app)}),
             ("unsigned", forged, {name: value for name, value in headers if not name.startswith("phi-")}),
             ("signature", record.value.replace(b'"immigration"', b'"immigratiom"'), signed))
    for reason, value, spoilt in cases:
        offset = write(suite, value, list(spoilt.items()))
        wait_until(lambda at=(reason, offset): at in dead_at(suite), 30, f"set aside: {reason}")
    # The same letter again is taken again and changes nothing.
    facts = len(facts_of(suite, line))
    write(suite, record.value, headers)
    fresh = Person()
    life.hand_down("border", [source_line(fresh, "border")])
    until_taken(life, fresh)
    assert len(facts_of(suite, line)) == facts
    assert reports_of(life, person).count(("source.border", INSTITUTION)) == 1
