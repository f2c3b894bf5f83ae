"""The unified entry: a case filed at the unified platform, sealed to its province, decided there, followed here."""
import os
import signal

import psycopg
import pytest

from phi_client.http import new_serial
from phi_client.life import STATEMENT, moment, source_line
from phi_client.people import Person
from phi_client.suite import wait_until
from phi_client.topics import read_topic, write_topic

REGION, SUSPENDED = "320000", "650000"
DOWN, UP = f"phi.{REGION}.dispute.down", f"phi.{REGION}.dispute.up"


@pytest.fixture
def nation(suite):
    with psycopg.connect(**suite.database("000000"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def province(suite):
    with psycopg.connect(**suite.database(), autocommit=True) as connection:
        yield connection


def reported(life, person):
    line = source_line(person, "contacts")
    assert life.report("contacts", [line])[0]["result"] == "accepted"
    return {"region": REGION, "source": "source.contacts", "institution": "cdc-320102", "recordNo": line["recordNo"]}


def about(fact, **more):
    return {"matter": "fact", "fact": fact, "statement": STATEMENT, **more}


def file(life, person, dispute, region=REGION, **options):
    return life.post("citizen-app", "svc-platform", "/v1/disputes", {"region": region, "dispute": dispute}, person, **options)


def look(life, person, dispute_id):
    return life.done(life.get("citizen-app", "svc-platform", f"/v1/disputes/{dispute_id}", person))


def taken(life, person, dispute_id, state="assigned"):
    wait_until(lambda: look(life, person, dispute_id)["state"] == state, 30, f"the platform knows that it is {state}")
    return look(life, person, dispute_id)


def refused(answer, status, code):
    assert (answer.status, answer.code) == (status, code), answer


def filed_for(province, dispute_id):
    """The cases that the number belongs to."""
    return [case for (case,) in province.execute("SELECT encode(case_id, 'hex') FROM correction.handed WHERE dispute_id = "
                                                 "decode(%s, 'hex')", (dispute_id,)).fetchall()]


def test_a_case_of_a_province_is_filed_and_followed_at_the_platform(suite, life, nation):
    person, stranger = Person(), Person()
    dispute_id = life.done(file(life, person, about(reported(life, person))))["disputeId"]
    told = taken(life, person, dispute_id)
    assert told["region"] == REGION and told["dueAt"] and told["answeredAt"] and "waitingSince" not in told
    case = life.done(life.get("citizen-app", "svc-correction", f"/v1/corrections/{told['caseId']}", person))
    assert (case["statement"], case["filedAs"], case["dueAt"]) == (STATEMENT, "self", told["dueAt"])
    refused(life.get("citizen-app", "svc-platform", f"/v1/disputes/{dispute_id}", stranger), 404, "4001")
    assert life.done(life.get("citizen-app", "svc-platform", "/v1/disputes", stranger))["disputes"] == []
    life.decide(told["caseId"], Person())
    told = taken(life, person, dispute_id, "told")
    case = life.done(life.get("citizen-app", "svc-correction", f"/v1/corrections/{told['caseId']}", person))
    shown = ("seq", "at", "step", "state", "outcome", "reason")
    assert told["steps"] == [{name: step[name] for name in shown} for step in case["steps"]]
    assert (told["outcome"], told["reason"]) == ("retract", "record-error") and "dueAt" not in told
    (listed,) = life.done(life.get("citizen-app", "svc-platform", "/v1/disputes", person))["disputes"]
    assert (listed["disputeId"], listed["state"]) == (dispute_id, "told")
    # Nothing of it in clear: neither on the topics nor at the platform.
    records = [r for topic in (DOWN, UP) for r in read_topic(suite.bus, topic) if dispute_id.encode() in r.value]
    rows = [str(row) for row in nation.execute("SELECT d::text FROM platform.disputes d UNION ALL SELECT s::text FROM "
                                               "platform.dispute_steps s").fetchall()]
    assert len(records) >= 3 and rows
    for text in (person.name, person.id_no, STATEMENT, case["fact"]["recordNo"]):
        assert not any(text.encode() in record.value for record in records) and not any(text in row for row in rows)


def test_a_number_is_one_case_however_often_it_comes(life, nation, province):
    person, serial = Person(), new_serial()
    fact = reported(life, person)
    first = life.done(file(life, person, about(fact), serial=serial))
    again = life.done(file(life, person, about(fact), serial=serial))
    assert first == again
    refused(file(life, person, about(fact, statement="另一段陈述。"), serial=serial), 409, "4002")
    case_id = taken(life, person, first["disputeId"])["caseId"]
    # A second number about the same matter adds to the open case, and both are told.
    second = life.done(file(life, person, about(fact)))["disputeId"]
    assert taken(life, person, second)["caseId"] == case_id
    # A letter that comes again, as after an answer that was lost.
    before = nation.execute("UPDATE platform.disputes SET next_us = 1, letter = (SELECT letter FROM platform.disputes WHERE "
                            "dispute_id = decode(%s, 'hex')), answered_us = 0, seq = 0 WHERE dispute_id = decode(%s, 'hex')",
                            (second, second)).rowcount
    assert before == 1
    life.done(life.officers(case_id, "evidence-requests", Person(), question="当日在何处？"))
    for number in (first["disputeId"], second):
        told = taken(life, person, number, "evidence-asked")
        assert [step["step"] for step in told["steps"]] == ["received", "assigned", "filed-again", "evidence-asked"]
        assert filed_for(province, number) == [case_id]


def test_who_files_for_a_ward_does_so_here_too(life):
    guardian, ward = Person(), Person()
    dispute = about(reported(life, ward), onBehalfOf=life.mandate(guardian, ward))
    dispute_id = life.done(file(life, guardian, dispute))["disputeId"]
    told = taken(life, guardian, dispute_id)
    case = life.done(life.get("citizen-app", "svc-correction", f"/v1/corrections/{told['caseId']}", ward))
    assert case["filedAs"] == "guardian" and len(case["steps"][0]["link"]["actor"]) == 64


def test_what_the_province_does_not_take_is_said(life):
    person, ward = Person(), Person()
    fact = reported(life, person)
    past = life.mandate(person, ward, signed_from=moment(2 * 86400), signed_until=moment(86400))
    for wrong, code, field in ((about({**fact, "region": "440000"}), "4004", "$.fact.region"),
                               (about(fact, onBehalfOf=past), "3017", "$.onBehalfOf.mandate.until"),
                               ({"matter": "fact", "fact": fact}, "1004", "$.statement"),
                               ({**about(fact), "more": 1}, "1007", "$.more")):
        dispute_id = life.done(file(life, person, wrong))["disputeId"]
        told = taken(life, person, dispute_id, "not-taken")
        assert (told["refusal"]["code"], told["refusal"]["field"]) == (code, field), told
        assert "caseId" not in told and told["steps"] == []


@pytest.fixture(scope="module")
def suspended(suite):
    """One more platform on the trust list, suspended."""
    path = os.path.join(suite.run, "platforms.json")
    with open(path, encoding="utf-8") as file_:
        before = file_.read()
    suite.phictl("platform", "add", "--list", path, "--id", SUSPENDED, "--name", SUSPENDED, "--status", "suspended",
                 "--key", f"encryption={suite.public_file('svc-correction', 'intake')}")
    yield SUSPENDED
    with open(path, "w", encoding="utf-8") as file_:
        file_.write(before)


def test_regions_that_take_no_cases(life, suspended):
    person = Person()
    refused(file(life, person, {"matter": "grade"}, "810000"), 404, "4001")
    refused(file(life, person, {"matter": "grade"}, "000000"), 400, "1006")
    wait_until(lambda: file(life, person, {"matter": "grade"}, suspended).code == "4003", 30, "the list names it suspended")
    assert life.done(life.get("citizen-app", "svc-platform", "/v1/disputes", person))["disputes"] == []
    refused(file(life, person, {"matter": "x" * 17000}), 413, "1001")


def test_only_the_nation_and_the_province_speak(suite, life):
    person = Person()
    dispute_id = life.done(file(life, person, about(reported(life, person))))["disputeId"]
    taken(life, person, dispute_id)
    letter = next(r for r in read_topic(suite.bus, DOWN) if dispute_id.encode() in r.value)
    said = next(r for r in read_topic(suite.bus, UP) if dispute_id.encode() in r.value)
    cases = ((letter, DOWN, b'"disputeId":"', f"phi.{REGION}.dlq.svc-correction"),
             (said, UP, b'"state":"assigned"', "phi.000000.dlq.svc-platform"))
    for record, topic, part, dead in cases:
        value = record.value.replace(part, part[:-1] + b'f' + part[-1:] if part.endswith(b'd"') else part + b"0", 1)
        write_topic(suite.bus, topic, value, headers=list(record.headers.items()))
        offset = next(r.offset for r in read_topic(suite.bus, topic, 30, until=lambda seen, v=value: any(r.value == v for r in seen))
                      if r.value == value)

        def is_dead(at=offset, of=topic, where=dead):
            return any((r.header("phi-dlq-topic"), r.header("phi-dlq-offset")) == (of, str(at)) for r in read_topic(suite.bus, where))

        wait_until(is_dead, 30, f"a changed record of {topic} is set aside")
    assert look(life, person, dispute_id)["state"] == "assigned"


# Neighbours that are down


@pytest.mark.late
def test_a_province_that_is_down_is_said_and_takes_it_when_it_is_back(suite, life, nation, province):
    person = Person()
    fact = reported(life, person)
    suite.stop("svc-correction")
    try:
        dispute_id = life.done(file(life, person, about(fact)))["disputeId"]
        told = look(life, person, dispute_id)
        assert (told["state"], told["waitingSince"], told["isSilent"]) == ("accepted", told["filedAt"], False)
        nation.execute("UPDATE platform.disputes SET filed_us = filed_us - 120 * 1000000::bigint, next_us = 1 WHERE dispute_id = "
                       "decode(%s, 'hex')", (dispute_id,))
        told = look(life, person, dispute_id)
        assert told["isSilent"] is True and told["waitingSince"] == told["filedAt"]
        # Handed over again meanwhile: two letters wait, and are one case.
        wait_until(lambda: sum(dispute_id.encode() in r.value for r in read_topic(suite.bus, DOWN)) == 2, 20, "handed over again")
    finally:
        suite.start("svc-correction")
    told = taken(life, person, dispute_id)
    assert filed_for(province, dispute_id) == [told["caseId"]] and "isSilent" not in told
    assert [step["step"] for step in told["steps"]] == ["received", "assigned"]


@pytest.mark.late
def test_killed_between_acceptance_and_handing_over(suite, life, province):
    person = Person()
    fact = reported(life, person)
    broker = suite.pid("broker")
    os.kill(broker, signal.SIGSTOP)  # nothing leaves
    try:
        dispute_id = life.done(file(life, person, about(fact)))["disputeId"]
        suite.kill("svc-platform")
    finally:
        os.kill(broker, signal.SIGCONT)
    suite.start("svc-platform")
    told = taken(life, person, dispute_id)
    assert filed_for(province, dispute_id) == [told["caseId"]]
    assert [step["step"] for step in told["steps"]] == ["received", "assigned"]
