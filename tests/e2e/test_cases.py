"""Cases: who may move them where, each step a link of a chain, and what happens when nobody moves them."""
import concurrent.futures

import psycopg
import pytest

from phi_client.chain import heads
from phi_client.life import source_line
from phi_client.people import Person
from phi_client.suite import wait_until

REGION, SAID = "320000", {"decision": "retract", "reason": "record-error"}


@pytest.fixture
def database(suite):
    with psycopg.connect(**suite.database(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def case(life):
    """Somebody's own, about a record that is there; the person, the case's id."""
    person = Person()
    line = source_line(person, "contacts")
    assert life.report("contacts", [line])[0]["result"] == "accepted"
    fact = {"region": REGION, "source": "source.contacts", "institution": "cdc-320102", "recordNo": line["recordNo"]}
    return person, life.file(person, fact)["caseId"]


def show(life, person, case_id):
    return life.done(life.get("citizen-app", "svc-correction", f"/v1/corrections/{case_id}", person))


def refused(answer, status, code):
    assert (answer.status, answer.code) == (status, code), answer


def citizen(life, person, case_id, act, **fields):
    return life.post("citizen-app", "svc-correction", f"/v1/corrections/{case_id}/{act}", fields, person)


def test_evidence_is_asked_for_and_given(life, case):
    person, case_id = case
    officer, second = Person(), Person()
    refused(citizen(life, person, case_id, "evidence", text="没有人问我。"), 409, "4003")
    asked = life.done(life.officers(case_id, "evidence-requests", officer, question="当日在何处？"))
    assert (asked["state"], asked["stateZh"]) == ("evidence-asked", "等待补充材料")
    refused(citizen(life, Person(), case_id, "evidence", text="不是我的事。"), 404, "4001")
    given = life.done(citizen(life, person, case_id, "evidence", text="当日在家，有门禁记录。"))
    assert given["state"] == "assigned"
    life.done(life.officers(case_id, "proposal", officer, **SAID))
    returned = life.done(life.officers(case_id, "decision", second, "officer-2", decision="return", note="请附门禁记录。"))
    assert (returned["state"], returned["outcome"]) == ("assigned", "")
    life.decide(case_id, second)
    told = show(life, person, case_id)
    assert [step["step"] for step in told["steps"]][:8] == ["received", "assigned", "evidence-asked", "evidence-given", "proposed",
                                                            "returned", "proposed", "decided"]
    assert [step["note"] for step in told["steps"]][2:4] == ["当日在何处？", "当日在家，有门禁记录。"]


def test_two_decide_at_once_and_one_does(life, case):
    _person, case_id = case
    life.done(life.officers(case_id, "proposal", Person(), **SAID))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda second: life.officers(case_id, "decision", second, "officer-2", **SAID), (Person(), Person())))
    assert sorted(answer.code for answer in answers) == ["0000", "4003"], answers


def test_a_case_is_taken_back_and_its_matter_is_free(life, case):
    person, case_id = case
    fact = show(life, person, case_id)["fact"]
    assert life.file(person, fact)["added"] is True
    assert life.done(citizen(life, person, case_id, "withdrawal"))["state"] == "withdrawn"
    refused(life.officers(case_id, "proposal", Person(), **SAID), 409, "4003")
    again = life.file(person, fact)
    assert again["added"] is False and again["caseId"] != case_id


def test_the_case_says_how_far_it_got_and_a_new_record_opens_it_again(life):
    person, officer = Person(), Person()
    line = source_line(person, "tests", result="positive")
    assert life.report("tests", [line])[0]["result"] == "accepted"
    case_id = life.file(person, {"region": REGION, "source": "source.tests", "institution": "cdc-320102",
                                 "recordNo": line["recordNo"]})["caseId"]
    life.decide(case_id, officer)
    wait_until(lambda: show(life, person, case_id)["state"] == "told", 30, "applied, and told")
    told = show(life, person, case_id)
    assert [step["step"] for step in told["steps"]][3:] == ["decided", "applied", "told"] and "dueAt" not in told
    again = {**line, "recordNo": f"{line['recordNo']}-2"}
    assert life.report("tests", [again])[0]["result"] == "accepted"
    wait_until(lambda: show(life, person, case_id)["state"] == "assigned", 30, "opened again")
    told = show(life, person, case_id)
    assert told["steps"][-1]["step"] == "reopened" and (told["outcome"], told["escalations"]) == ("", 0) and all(heads(told))
    assert life.file(person, told["fact"])["caseId"] == case_id, "its matter is open again"
    life.decide(case_id, officer, "refuse", "not-substantiated")
    assert show(life, person, case_id)["state"] == "refused"


# The chain


def test_every_step_is_a_link_and_a_change_breaks_the_chain(life, case):
    person, case_id = case
    life.decide(case_id, Person(), note="同意。")
    told = show(life, person, case_id)
    assert all(heads(told)) and len({step["link"]["head"] for step in told["steps"]}) == len(told["steps"]) >= 4
    for change in ({"outcome": "refuse"}, {"unit": "health-000000"}, {"at": "2026-01-01T00:00:00+08:00"}):
        steps = [dict(step) for step in told["steps"]]
        steps[2].update(change)
        assert list(heads({**told, "steps": steps}))[2] is False, change
    assert not all(heads({**told, "steps": told["steps"][1:]}))


# Time


def overdue(database, case_id):
    database.execute("UPDATE correction.cases SET due_us = 1 WHERE case_id = decode(%s, 'hex')", (case_id,))


def test_a_case_past_its_time_is_escalated_and_waiting_ends(life, case, database):
    person, case_id = case
    assert show(life, person, case_id)["dueAt"]
    for level in (1, 2, 3):
        overdue(database, case_id)
        wait_until(lambda wanted=level: show(life, person, case_id)["escalations"] == wanted, 15, f"level {level}")
    assert "dueAt" not in show(life, person, case_id), "three times, then people have to look"
    life.done(life.officers(case_id, "evidence-requests", Person(), question="当日在何处？"))
    overdue(database, case_id)
    wait_until(lambda: show(life, person, case_id)["state"] == "assigned", 15, "back to the source")
    told = show(life, person, case_id)
    assert [step["step"] for step in told["steps"]][2:] == ["escalated"] * 3 + ["evidence-asked", "evidence-overdue"]
    assert told["escalations"] == 0 and told["dueAt"] and all(heads(told))
