"""Appeals: a refused case goes once to the unified platform, whose two officers uphold or overturn."""
import psycopg
import pytest

from phi_client.chain import heads
from phi_client.life import source_line
from phi_client.people import Person
from phi_client.suite import wait_until
from phi_client.topics import read_topic, write_topic

REGION, APPEAL = "320000", "当日有门禁记录，请复核。"
DOWN = f"phi.{REGION}.dispute.down"
UPHELD, OVERTURNED = {"decision": "uphold", "reason": "not-substantiated"}, {"decision": "overturn", "reason": "record-error"}


def refused_case(life):
    person = Person()
    line = source_line(person, "contacts")
    assert life.report("contacts", [line])[0]["result"] == "accepted"
    fact = {"region": REGION, "source": "source.contacts", "institution": "cdc-320102", "recordNo": line["recordNo"]}
    case_id = life.file(person, fact)["caseId"]
    life.decide(case_id, Person(), "refuse", "not-substantiated")
    return person, case_id


def show(life, person, case_id):
    return life.done(life.get("citizen-app", "svc-correction", f"/v1/corrections/{case_id}", person))


def appeal(life, person, case_id):
    return life.post("citizen-app", "svc-correction", f"/v1/corrections/{case_id}/appeal", {"statement": APPEAL}, person)


def refused(answer, status, code):
    assert (answer.status, answer.code) == (status, code), answer


def national(life, case_id, act, officer, sub="national-1", **fields):
    return life.post("officer-app", "svc-platform", f"/v1/appeals/{REGION}/{case_id}/{act}", fields, token=life.officer(officer, sub))


def look(life, case_id, sub="national-1"):
    return life.get("officer-app", "svc-platform", f"/v1/appeals/{REGION}/{case_id}", token=life.officer(Person(), sub))


def lodged(life):
    person, case_id = refused_case(life)
    assert life.done(appeal(life, person, case_id))["state"] == "appealed"
    wait_until(lambda: look(life, case_id).code == "0000", 30, "the platform has it")
    return person, case_id


def settle(life, case_id, said, first=None, second=None):
    life.done(national(life, case_id, "proposal", first or Person(), **said))
    return life.done(national(life, case_id, "decision", second or Person(), "national-2", **said, note="经复核。"))


def of_grade(life, person):
    return life.done(life.post("citizen-app", "svc-directory", "/v1/health/query", {}, person))["grade"]["code"]


def test_overturned_the_record_does_not_count(life):
    person = Person()
    life.consent(person)
    life.declare(person)
    line = source_line(person, "contacts")
    assert life.report("contacts", [line])[0]["result"] == "accepted"
    wait_until(lambda: of_grade(life, person) == "red", 30, "a close contact")
    case_id = life.file(person, {"region": REGION, "source": "source.contacts", "institution": "cdc-320102",
                                 "recordNo": line["recordNo"]})["caseId"]
    life.decide(case_id, Person(), "refuse", "not-substantiated")
    life.done(appeal(life, person, case_id))
    wait_until(lambda: look(life, case_id).code == "0000", 30, "the platform has it")
    told = look(life, case_id).data
    assert (told["statement"], told["state"], told["matter"], told["outcome"]) == (APPEAL, "lodged", "fact", "refuse")
    own = show(life, person, case_id)
    assert told["fact"] == own["fact"] and told["head"] == own["steps"][-2]["link"]["head"]
    assert [step["step"] for step in told["steps"]] == ["received", "assigned", "proposed", "refused"]
    waiting = life.done(life.get("officer-app", "svc-platform", "/v1/appeals?limit=100",
                                 token=life.officer(Person(), "national-2")))["appeals"]
    assert case_id in [one["caseId"] for one in waiting]
    assert settle(life, case_id, OVERTURNED)["state"] == "decided"
    wait_until(lambda: show(life, person, case_id)["state"] == "told", 30, "carried out, applied, told")
    told = show(life, person, case_id)
    assert [step["step"] for step in told["steps"]][4:] == ["appealed", "overturned", "applied", "told"] and all(heads(told))
    assert [step["note"] for step in told["steps"]][4:6] == [APPEAL, "经复核。"] and told["steps"][5]["unit"] == "nation-2"
    assert told["outcome"] == "retract"
    wait_until(lambda: of_grade(life, person) == "green", 30, "green again")
    wait_until(lambda: look(life, case_id).data["state"] == "carried-out", 30, "the platform knows")
    assert "statement" not in look(life, case_id).data, "what was said is gone from there"
    refused(appeal(life, person, case_id), 409, "4003")


def test_upheld_it_stays_refused_for_good(life):
    person, case_id = lodged(life)
    settle(life, case_id, UPHELD)
    wait_until(lambda: show(life, person, case_id)["state"] == "closed", 30, "closed")
    told = show(life, person, case_id)
    assert (told["outcome"], told["steps"][-1]["step"]) == ("refuse", "upheld") and "dueAt" not in told and all(heads(told))
    refused(appeal(life, person, case_id), 409, "4003")
    refused(national(life, case_id, "proposal", Person(), **OVERTURNED), 409, "4003")


def test_who_may_appeal_and_when(life, suite):
    person, case_id = refused_case(life)
    refused(appeal(life, Person(), case_id), 404, "4001")
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        sql = "UPDATE correction.cases SET decided_us = decided_us + %s WHERE case_id = decode(%s, 'hex')"
        database.execute(sql, (-31 * 86400 * 1000000, case_id))
        refused(appeal(life, person, case_id), 422, "4004")
        database.execute(sql, (2 * 86400 * 1000000, case_id))
    open_case = life.file(person, show(life, person, case_id)["fact"])
    assert open_case["added"] is False
    refused(appeal(life, person, case_id), 409, "4003")
    refused(appeal(life, person, open_case["caseId"]), 409, "4003")
    life.done(life.post("citizen-app", "svc-correction", f"/v1/corrections/{open_case['caseId']}/withdrawal", {}, person))
    assert life.done(appeal(life, person, case_id))["state"] == "appealed"
    refused(appeal(life, person, case_id), 409, "4003")
    again = life.file(person, show(life, person, case_id)["fact"])
    assert (again["caseId"], again["added"]) == (case_id, True), "one case about a matter is open"


def test_two_officers_of_two_units_who_had_no_part(suite, life):
    person, case_id = lodged(life)
    refused(look(life, case_id, "auditor-1"), 403, "3012")
    refused(look(life, case_id, "officer-1"), 403, "3012")
    # The province's officer, had they an office at the platform too, or somebody of their unit.
    for sub, unit in (("national-3", "health-320100"), ("national-4", "nation-1")):
        suite.register("staff", "--issuer", f"{suite.url('idp')}/staff", "--sub", sub, "--unit", unit, "--regions", REGION,
                       "--roles", "appeal", regions=("000000",))
        wait_until(lambda who=sub: look(life, case_id, who).code == "0000", 20, "known")
    refused(national(life, case_id, "proposal", Person(), "national-3", **UPHELD), 403, "3012")
    refused(national(life, case_id, "decision", Person(), "national-2", **UPHELD), 409, "4003")
    first = Person()
    life.done(national(life, case_id, "proposal", first, **UPHELD))
    refused(national(life, case_id, "decision", first, **UPHELD), 403, "3012")
    refused(national(life, case_id, "decision", Person(), "national-4", **UPHELD), 403, "3012")
    refused(national(life, case_id, "decision", Person(), "national-2", **OVERTURNED), 422, "4004")
    assert life.done(national(life, case_id, "decision", Person(), "national-2", decision="return"))["state"] == "lodged"
    # Who it is about decides as an officer of the platform: only the province can know, and returns it.
    life.done(national(life, case_id, "proposal", first, **UPHELD))
    life.done(national(life, case_id, "decision", person, "national-2", **UPHELD))
    wait_until(lambda: look(life, case_id).data["state"] == "lodged", 30, "returned by the province")
    assert show(life, person, case_id)["state"] == "appealed"
    settle(life, case_id, UPHELD)
    wait_until(lambda: show(life, person, case_id)["state"] == "closed", 30, "closed")


def test_a_forged_decision_changes_nothing(suite, life):
    person, case_id = lodged(life)
    settle(life, case_id, UPHELD)
    wait_until(lambda: show(life, person, case_id)["state"] == "closed", 30, "closed")
    letter = next(r for r in read_topic(suite.bus, DOWN) if r.json["kind"] == "appeal-decided" and r.json["caseId"] == case_id)
    other, other_id = lodged(life)
    answer = dict(letter.headers)
    cases = (letter.value.replace(case_id.encode(), other_id.encode()), letter.value.replace(b'"uphold"', b'"overturn"'))
    for value in (*cases, letter.value):
        write_topic(suite.bus, DOWN, value, headers=list(answer.items()))

    def dead():
        places = {(r.header("phi-dlq-topic"), r.header("phi-dlq-offset")) for r in read_topic(suite.bus, f"phi.{REGION}.dlq.svc-correction")}
        return [r for r in read_topic(suite.bus, DOWN) if r.value in cases and (DOWN, str(r.offset)) in places]

    wait_until(lambda: len(dead()) == 2, 30, "both are set aside")
    # The genuine one again, a second time, is nothing new.
    assert show(life, other, other_id)["state"] == "appealed" and show(life, person, case_id)["state"] == "closed"
    steps = [step["step"] for step in show(life, person, case_id)["steps"]]
    assert steps.count("upheld") == 1


@pytest.mark.late
def test_decided_while_the_province_is_killed(suite, life):
    person, case_id = lodged(life)
    suite.kill("svc-correction")
    try:
        settle(life, case_id, OVERTURNED)
        suite.kill("svc-platform")
        suite.start("svc-platform")
    finally:
        suite.start("svc-correction")
    wait_until(lambda: show(life, person, case_id)["state"] == "told", 60, "carried out once")
    steps = [step["step"] for step in show(life, person, case_id)["steps"]]
    assert steps[4:] == ["appealed", "overturned", "applied", "told"]


def decisions(suite, case_id):
    return [r for r in read_topic(suite.bus, DOWN) if r.json["kind"] == "appeal-decided" and r.json["caseId"] == case_id]


def pass_over(suite, topic):
    """What is on the topic by now never arrives at the province, as if its retention had ended."""
    end = max(r.offset for r in read_topic(suite.bus, topic)) + 1
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        sql = "UPDATE correction.offsets SET next = %s WHERE topic = %s"
        assert database.execute(sql, (end, topic)).rowcount == 1


@pytest.mark.late
def test_a_decision_that_never_arrived_is_sent_again(suite, life):
    """And a copy of one that was returned, which comes late, is not taken for the next."""
    (person, case_id), (other, other_id) = lodged(life), lodged(life)
    settle(life, other_id, UPHELD, second=other)
    wait_until(lambda: look(life, other_id).data["state"] == "lodged", 30, "returned: the person decided")
    (returned,) = decisions(suite, other_id)
    suite.stop("svc-correction")
    try:
        settle(life, case_id, OVERTURNED)
        wait_until(lambda: decisions(suite, case_id), 30, "sent")
        pass_over(suite, DOWN)
        write_topic(suite.bus, DOWN, returned.value, headers=list(returned.headers.items()))
        settle(life, other_id, UPHELD)
    finally:
        suite.start("svc-correction")
    wait_until(lambda: show(life, other, other_id)["state"] == "closed", 60, "the second decision is carried out")
    wait_until(lambda: look(life, other_id).data["state"] == "carried-out", 30, "the platform knows")
    assert show(life, person, case_id)["state"] == "appealed" and len(decisions(suite, case_id)) == 1
    with psycopg.connect(**suite.database("000000"), autocommit=True) as nation:
        row = "FROM platform.appeals WHERE case_id = decode(%s, 'hex')"
        (due,) = nation.execute(f"SELECT next_us - changed_us {row}", (case_id,)).fetchone()
        assert due == int(suite.environment("svc-platform").get("PHI_DISPUTE_RESEND_S", "3600")) * 1000000
        nation.execute("UPDATE platform.appeals SET next_us = 1 WHERE case_id = decode(%s, 'hex')", (case_id,))
        wait_until(lambda: show(life, person, case_id)["state"] == "told", 60, "carried out once it was sent again")
        wait_until(lambda: look(life, case_id).data["state"] == "carried-out", 30, "the platform knows")
        assert nation.execute(f"SELECT letter, next_us = 9223372036854775807 {row}", (case_id,)).fetchone() == ("", True)
    assert len(decisions(suite, case_id)) == 2
    steps = [step["step"] for step in show(life, person, case_id)["steps"]]
    assert steps[4:] == ["appealed", "overturned", "applied", "told"]
