"""A bad batch is one case with thousands of people; and a decision about a record that has not come yet says that it waits."""
import json

import psycopg
import pytest

from phi_client.batches import bad_batch
from phi_client.chain import heads
from phi_client.life import source_line
from phi_client.people import Person
from phi_client.suite import wait_until
from phi_client.topics import read_topic

REGION, SAID = "320000", {"decision": "retract", "reason": "record-error"}


@pytest.fixture
def database(suite):
    with psycopg.connect(**suite.database(), autocommit=True) as connection:
        yield connection


def show(life, person, case_id):
    return life.done(life.get("citizen-app", "svc-correction", f"/v1/corrections/{case_id}", person))


def asked(life, batch_id, sub="officer-1"):
    return life.get("officer-app", "svc-correction", f"/v1/correction-batches/{batch_id}", token=life.officer(Person(), sub))


def batch_of(life, batch_id):
    """The case, or {} as long as it is not there."""
    answer = asked(life, batch_id)
    return answer.data if answer.code == "0000" else {}


def until(life, batch_id, state, timeout=45):
    wait_until(lambda: batch_of(life, batch_id).get("state") == state, timeout, f"the batch is {state}")
    return batch_of(life, batch_id)


def refused(answer, status, code):
    assert (answer.status, answer.code) == (status, code), answer


def fact_of(line, source="source.other"):
    return {"region": REGION, "source": source, "institution": "cdc-320102", "recordNo": line["recordNo"]}


def overdue(database, case_id):
    database.execute("UPDATE correction.cases SET due_us = 1 WHERE case_id = decode(%s, 'hex')", (case_id,))


def verify(suite, path, told):
    """phictl holds the case against the topic, and fails where they differ."""
    path.write_text(json.dumps(told), encoding="utf-8")
    suite.phictl("case", "verify", "--case", path, "--bus", suite.bus, "--region", REGION, "--key",
                 suite.public_file("svc-correction", "correction"))


def test_a_bad_batch_is_one_case_and_ends_the_cases_about_its_records(life, suite, database, tmp_path):
    people = [Person() for _ in range(3)]
    lines, batch = bad_batch(life, people, each=2)
    asked_person, proposed_person, _other = people
    first, second = life.file(asked_person, fact_of(lines[0]))["caseId"], life.file(proposed_person, fact_of(lines[2]))["caseId"]
    life.done(life.officers(first, "evidence-requests", Person(), question="当日在何处？"))
    life.done(life.officers(second, "proposal", Person(), decision="refuse", reason="not-substantiated"))
    batch_id = life.propose("other", batch, Person())["retractionId"]
    told = until(life, batch_id, "proposed")
    assert (told["records"], told["people"], told["applied"], told["told"]) == (6, 3, 0, 0)
    refused(life.officers(batch_id, "decision", Person(), "officer-2", decision="return"), 422, "4004")
    overdue(database, batch_id)
    wait_until(lambda: batch_of(life, batch_id)["escalations"] == 1, 15, "nobody decided in time")
    life.done(life.approve(batch_id, Person()))
    told = until(life, batch_id, "told")
    assert (told["records"], told["people"], told["applied"], told["told"], told["waiting"]) == (6, 3, 6, 3, 0)
    assert [step["step"] for step in told["steps"]] == ["proposed", "escalated", "decided", "applied", "told"] and all(heads(told))
    proposed, decided = told["steps"][0], told["steps"][2]
    assert proposed["unit"] != decided["unit"] and proposed["link"]["actor"] != decided["link"]["actor"]
    verify(suite, tmp_path / "batch.json", told)
    for person, case_id, before in ((asked_person, first, "evidence-asked"), (proposed_person, second, "proposed")):
        wait_until(lambda: show(life, person, case_id)["state"] == "told", 20, "the case ends with the batch")
        ended = show(life, person, case_id)
        assert [step["step"] for step in ended["steps"]][2:] == [before, "batch-decided", "applied", "told"] and all(heads(ended))
        by = ended["steps"][3]
        assert (ended["outcome"], by["reason"], by["content"]) == ("retract", "method-error", {"batchId": batch_id})
        assert by["link"]["actor"] == decided["link"]["actor"]
        verify(suite, tmp_path / "case.json", ended)
    again = life.post("citizen-app", "svc-correction", "/v1/corrections",
                      {"matter": "fact", "fact": fact_of(lines[0]), "statement": "再次申请。"}, asked_person)
    refused(again, 409, "4003")


def test_what_is_filed_while_the_batch_is_carried_out_ends_too(life, database):
    """Filed when the record did count still, and committed when it did no more: seen by the second look."""
    person = Person()
    (line,), batch = bad_batch(life, [person])
    case_id = life.file(person, fact_of(line))["caseId"]
    batch_id = life.propose("other", batch, Person())["retractionId"]
    # As if the first look had been before the case was there.
    database.execute("UPDATE correction.cases SET state = 'withdrawn' WHERE case_id = decode(%s, 'hex')", (case_id,))
    life.done(life.approve(batch_id, Person()))
    until(life, batch_id, "told")
    swept = "SELECT swept FROM correction.batch_records WHERE batch_id = decode(%s, 'hex')"
    wait_until(lambda: database.execute(swept, (batch_id,)).fetchone()[0] == 1, 20, "looked for once")
    database.execute("UPDATE correction.cases SET state = 'assigned' WHERE case_id = decode(%s, 'hex')", (case_id,))
    database.execute("UPDATE correction.batch_records SET at_us = at_us - 60000000 WHERE batch_id = decode(%s, 'hex')", (batch_id,))
    wait_until(lambda: show(life, person, case_id)["state"] == "told", 20, "the second look finds it")


def test_a_batch_that_is_not_carried_out(life, suite):
    people = [Person()]
    lines, batch = bad_batch(life, people)
    proposer = Person()

    def end(batch_id, sub):
        return life.post("officer-app", "svc-declare", f"/v1/retractions/{batch_id}/refusal", {}, token=life.officer(proposer, sub))

    for sub, state in (("officer-1", "withdrawn"), ("officer-2", "refused")):
        batch_id = life.propose("other", batch, proposer)["retractionId"]
        assert life.done(end(batch_id, sub))["state"] == state
        assert life.done(end(batch_id, sub))["state"] == state, "asked again, the same"
        told = until(life, batch_id, state)
        assert [step["step"] for step in told["steps"]] == ["proposed", state] and all(heads(told)) and "dueAt" not in told
        refused(life.approve(batch_id, Person()), 409, "4003")
    assert life.file(people[0], fact_of(lines[0]))["added"] is False, "its records are as they were"
    events = read_topic(suite.bus, f"phi.{REGION}.correction.batch", 30, until=lambda records: any(
        record.json["batchId"] == batch_id and record.json["step"] == "refused" for record in records))
    assert people[0].id_no not in str([record.json for record in events])


def test_another_sources_officer_does_not_see_the_batch(life, suite):
    _lines, batch = bad_batch(life, [Person()])
    batch_id = life.propose("other", batch, Person())["retractionId"]
    until(life, batch_id, "proposed")
    suite.register("staff", "--issuer", f"http://127.0.0.1:{suite.port('idp')}/staff", "--sub", "officer-b", "--unit", "health-320100",
                   "--roles", "decide", "--regions", REGION, "--sources", "fever-clinics")
    wait_until(lambda: asked(life, batch_id, "officer-b").code == "4001", 20, "the officer is known, and sees nothing")


# A record that has not come yet


def officers_view(life, case_id):
    return life.done(life.get("officer-app", "svc-correction", f"/v1/corrections/{case_id}", token=life.officer(Person())))


def test_a_decision_waits_for_its_record_and_says_so(life, database):
    person = Person()
    line = source_line(person, "other")
    case_id = life.file(person, fact_of(line))["caseId"]
    life.decide(case_id, Person())
    wait_until(lambda: show(life, person, case_id).get("waitsFor") == "record", 30, "the record has not come")
    assert officers_view(life, case_id)["waitsFor"] == "record"
    overdue(database, case_id)
    wait_until(lambda: show(life, person, case_id)["escalations"] == 1, 15, "it is escalated")
    told = show(life, person, case_id)
    assert [(step["step"], step["reason"]) for step in told["steps"]][-2:] == [("decided", "record-error"),
                                                                               ("escalated", "record-awaited")]
    assert (told["state"], told["outcome"]) == ("decided", "retract")
    assert life.report("other", [line])[0]["result"] == "accepted"
    wait_until(lambda: show(life, person, case_id)["state"] == "told", 30, "it has come, and does not count")
    told = show(life, person, case_id)
    assert "waitsFor" not in told and all(heads(told))
    assert [step["step"] for step in told["steps"]][-2:] == ["applied", "told"]
    assert "waitsFor" not in officers_view(life, case_id)


def test_somebody_elses_record_is_waited_for_in_vain(life):
    """As one that is not there at all: the citizen learns nothing of others."""
    line = source_line(Person(), "other")
    assert life.report("other", [line])[0]["result"] == "accepted"
    stranger = Person()
    case_id = life.file(stranger, fact_of(line))["caseId"]
    life.decide(case_id, Person())
    wait_until(lambda: show(life, stranger, case_id).get("waitsFor") == "record", 30, "none about this person")
