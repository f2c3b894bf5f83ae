"""Facts in the directory: records that move to somebody else, cases that reopen, and what was known then."""
import base64
import datetime
import hmac
import json
import secrets
import urllib.parse
import uuid

import psycopg
import pytest

from loadgen import keyfile
from loadgen.watch import partition_of
from phi_client.life import basic, health, source_line
from phi_client.people import Person
from phi_client.sm2 import PublicKey, digest
from phi_client.suite import wait_until
from phi_client.topics import read_topic, write_topic

TESTS, NOTICES = "phi.320000.source.tests", "phi.320000.notice.citizen-app"


@pytest.fixture
def explained(life):
    """A function: what the person is told about their grade."""

    def ask(person, as_of=None):
        query = f"?asOf={urllib.parse.quote(as_of, safe='')}" if as_of else ""
        return life.done(life.get("citizen-app", "svc-directory", f"/v1/health/explain{query}", person))

    return ask


def now():
    return datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))).isoformat(timespec="microseconds")


def report_test(life, person, result, **changed):
    line = source_line(person, "tests", result=result, **{k: v for k, v in changed.items() if k == "specimenNo"})
    line.update({k: v for k, v in changed.items() if k != "specimenNo"})
    (answer,) = life.report("tests", [line])
    assert answer["result"] == "accepted", answer
    return line


def until_grade(explained, person, grade):
    return wait_until(lambda: (lambda data: data if data["grade"]["code"] == grade else None)(explained(person)), 30,
                      f"grade {grade}")


def bus_key(suite):
    return keyfile.secret(suite.key_file("svc-declare", "bus"), f"{suite.run}/keys/svc-declare/password")


def told_of(suite, line):
    """The event of a line that was accepted."""
    def is_it(record):
        return line["recordNo"].encode() in (record.value or b"")

    return next(filter(is_it, read_topic(suite.bus, TESTS, 30, until=lambda seen: any(map(is_it, seen)))))


def amend(suite, record, subject):
    """Writes the next revision of a record, about another person, as whoever holds the bus key can: svc-declare refuses
    an institution's, an officer's correction of a mistaken identity is one."""
    value = {**record.json, "subject": subject.hex(), "revision": record.json["revision"] + 1, "sealed": None}
    for name in ("digest", "identity"):
        value.pop(name, None)
    parts = [value["region"], value["source"], value["institution"], value["recordNo"], str(value["revision"])]
    value["factId"] = digest(b"".join(len(p).to_bytes(2, "big") + p.encode() for p in parts))[:16].hex()
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    mac = hmac.new(bus_key(suite), b"\n".join([TESTS.encode(), subject, b"0", text]), "sm3").digest()
    headers = [(name, record.headers[name]) for name in ("ce_specversion", "ce_type", "ce_source", "ce_time", "content-type")]
    headers += [("ce_id", str(uuid.uuid4()).encode()), ("phi-mac", base64.b64encode(mac))]
    write_topic(suite.bus, TESTS, text, key=subject, headers=headers, partition=partition_of(subject))


def test_an_amendment_about_somebody_else_changes_both(life, explained, suite):
    one, other = Person(), Person()
    line, others = report_test(life, one, "positive"), report_test(life, other, "negative")
    until_grade(explained, one, "red")
    until_grade(explained, other, "green")
    first = told_of(suite, line)
    amend(suite, first, told_of(suite, others).key)
    assert until_grade(explained, other, "red")["reasons"][0]["facts"][0]["revision"] == 2
    assert until_grade(explained, one, "grey")["reasons"] == []
    # Nothing stands about the first one any more: the entry is withdrawn, here and at the nation, until something comes.
    subject = first.key

    def withdrawn():
        found = []
        for region, schema in (("320000", "directory"), ("000000", "platform")):
            with psycopg.connect(**suite.database(region), autocommit=True) as database:
                found += database.execute(f"SELECT is_withdrawn FROM {schema}.entries WHERE subject = %s", (subject,)).fetchall()
        return found

    wait_until(lambda: withdrawn() == [(True,), (True,)], 30, "the entry is withdrawn")
    report_test(life, one, "negative")
    until_grade(explained, one, "green")
    wait_until(lambda: withdrawn() == [(False,), (False,)], 30, "it is back")


def test_an_app_is_told_of_a_changed_grade_without_names(life, explained, suite):
    person, customer = Person(), f"customer-{secrets.token_hex(6)}"
    life.consent(person)
    life.done(life.post("citizen-app", "svc-declare", "/v1/declarations/health",
                        {"basic": basic(), "health": health()}, person, customer=customer))
    until_grade(explained, person, "green")
    report_test(life, person, "positive")
    data = until_grade(explained, person, "red")
    own = hmac.new(bus_key(suite), b"notice\ncitizen-app", "sm3").digest()
    known_as = hmac.new(own, customer.encode(), "sm3").digest()[:16]
    records = [r for r in read_topic(suite.bus, NOTICES, 30, until=lambda seen: any(r.key == known_as for r in seen))
               if r.key == known_as]
    (record,) = {r.event_id: r for r in records}.values()
    value = record.json
    assert (value["person"], value["grade"], value["before"]) == (known_as.hex(), "red", "green")
    assert value["version"] == record.header("phi-version") == data["nation"]["version"]
    assert [reason["reason"] for reason in value["reasons"]] == [reason["reason"] for reason in data["reasons"]]
    key = PublicKey.from_file(suite.public_file("svc-directory", "directory"))
    signed = b"\n".join([NOTICES.encode(), record.key, record.headers["phi-version"], record.value])
    assert key.verify(signed, base64.b64decode(record.header("phi-signature")))
    for text in (person.name, person.id_no, customer):
        assert text.encode() not in record.value


def test_a_new_record_about_a_retracted_event_reopens_the_case(life, explained, suite):
    person, officer, specimen = Person(), Person(), f"SPECIMEN-{secrets.token_hex(6)}"
    line = report_test(life, person, "positive", specimenNo=specimen)
    until_grade(explained, person, "red")
    was_red = now()
    case = life.file(person, {"region": "320000", "source": "source.tests", "institution": "cdc-320102",
                              "recordNo": line["recordNo"]})
    life.decide(case["caseId"], officer)
    until_grade(explained, person, "grey")
    again = report_test(life, person, "negative", specimenNo=specimen)
    data = until_grade(explained, person, "review")
    assert "case-reopened" in [reason["reason"] for reason in data["reasons"]]
    assert all(reason["zh"] and reason["en"] for reason in data["reasons"])
    reopened = read_topic(suite.bus, "phi.320000.correction.reopened", 30, until=lambda seen: any(
        r.json["caseId"] == case["caseId"] for r in seen))
    assert {r.json["fact"]["recordNo"] for r in reopened if r.json["caseId"] == case["caseId"]} == {again["recordNo"]}
    # What was known then, is told as it was then.
    then = explained(person, was_red)
    assert then["grade"]["code"] == "red" and then["knownAt"] <= was_red
    assert [fact["recordNo"] for fact in then["reasons"][0]["facts"]] == [line["recordNo"]]
    before = explained(person, "2020-01-01T00:00:00+08:00")
    assert before["grade"]["code"] == "grey" and before["reasons"] == [] and "knownAt" not in before


def test_a_time_that_is_none_is_refused(life):
    for text, wanted in (("yesterday", (400, "1012")), ("2999-01-01T00:00:00+08:00", (422, "4004"))):
        answer = life.get("citizen-app", "svc-directory", f"/v1/health/explain?asOf={urllib.parse.quote(text, safe='')}",
                          Person())
        assert (answer.status, answer.code) == wanted


def test_the_clock_alone_changes_a_grade(life, explained, suite):
    """An entry that is past its end is shown as it is now at once, and graded anew without a fact."""
    person = Person()
    report_test(life, person, "positive")
    data = until_grade(explained, person, "red")
    since = data["since"]
    suite.settle()
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        (subject, version), = database.execute(
            "UPDATE directory.entries e SET until_us = from_us, then_grade = 4 FROM directory.facts f WHERE f.subject = "
            "e.subject AND f.record_no = %s RETURNING e.subject, e.version",
            (data["reasons"][0]["facts"][0]["recordNo"],)).fetchall()

        def newer():
            (found,) = database.execute("SELECT version FROM directory.entries WHERE subject = %s AND version > %s AND "
                                        "until_us > from_us", (subject, version)).fetchall() or [None]
            return found

        wait_until(newer, 30, "graded by the clock")
    suite.settle()
    again = explained(person)
    assert again["grade"]["code"] == "red" and again["since"] == since
    assert again["nation"]["version"] == again["nation"]["publishedVersion"]
