"""Cases that are filed for somebody: by a guardian for a ward, by a community worker under a mandate."""
import psycopg
import pytest

from phi_client.life import STATEMENT, moment, source_line
from phi_client.people import Person

REGION, SAID = "320000", {"decision": "retract", "reason": "record-error"}


def reported(life, person):
    line = source_line(person, "contacts")
    assert life.report("contacts", [line])[0]["result"] == "accepted"
    return {"region": REGION, "source": "source.contacts", "institution": "cdc-320102", "recordNo": line["recordNo"]}


def file_for(life, filer, behalf, fact):
    return life.post("citizen-app", "svc-correction", "/v1/corrections",
                     {"matter": "fact", "fact": fact, "statement": STATEMENT, "onBehalfOf": behalf}, filer)


def look(life, person, case_id):
    return life.get("citizen-app", "svc-correction", f"/v1/corrections/{case_id}", person)


def act(life, person, case_id, what, **fields):
    return life.post("citizen-app", "svc-correction", f"/v1/corrections/{case_id}/{what}", fields, person)


def refused(answer, status, code):
    assert (answer.status, answer.code) == (status, code), answer


@pytest.mark.parametrize("relation,role", [("parent", "guardian"), ("community", "worker")])
def test_who_files_for_somebody_sees_the_case_and_acts_in_it(life, relation, role):
    filer, ward, stranger = Person(), Person(), Person()
    behalf = life.mandate(filer, ward, signed_relation=relation)
    case_id = life.done(file_for(life, filer, behalf, reported(life, ward)))["caseId"]
    for who in (ward, filer):
        told = life.done(look(life, who, case_id))
        assert told["filedAs"] == role and told["statement"] == STATEMENT
        assert told["steps"][0]["unit"] == role and len(told["steps"][0]["link"]["actor"]) == 64
        listed = life.done(life.get("citizen-app", "svc-correction", "/v1/corrections", who))["cases"]
        assert [case["caseId"] for case in listed] == [case_id]
    refused(look(life, stranger, case_id), 404, "4001")
    life.done(life.officers(case_id, "evidence-requests", Person(), question="当日在何处？"))
    refused(act(life, stranger, case_id, "evidence", text="不是我的事。"), 404, "4001")
    assert life.done(act(life, filer, case_id, "evidence", text="与本人在家。"))["state"] == "assigned"
    given = life.done(look(life, ward, case_id))["steps"][-1]
    assert (given["step"], given["unit"], given["note"]) == ("evidence-given", role, "与本人在家。")
    # The person adds to the same case themselves, and may take it back.
    again = life.file(ward, life.done(look(life, ward, case_id))["fact"])
    assert (again["caseId"], again["added"]) == (case_id, True)
    assert life.done(act(life, ward, case_id, "withdrawal"))["state"] == "withdrawn"


def test_a_case_of_one_s_own_is_not_shown_to_who_filed_another(life):
    filer, ward = Person(), Person()
    behalf = life.mandate(filer, ward)
    life.done(file_for(life, filer, behalf, reported(life, ward)))
    own = life.file(ward, reported(life, ward))["caseId"]
    assert life.done(look(life, ward, own))["filedAs"] == "self"
    refused(look(life, filer, own), 404, "4001")


def test_a_mandate_that_does_not_hold_files_nothing(suite, life):
    filer, ward, stranger = Person(), Person(), Person()
    fact = reported(life, ward)
    past = moment(86400)
    for wrong in (life.mandate(stranger, ward), life.mandate(filer, ward, signed_from=moment(2 * 86400), signed_until=past),
                  life.mandate(filer, ward, until=past), life.mandate(filer, ward, issuer="home-app"),
                  life.mandate(filer, filer), {**life.mandate(filer, ward), "ward": stranger.document()}):
        refused(file_for(life, filer, wrong, fact), 403, "3017")
    assert life.done(life.get("citizen-app", "svc-correction", "/v1/corrections", ward))["cases"] == []


def test_with_the_mandate_the_sight_ends(suite, life):
    filer, ward = Person(), Person()
    case_id = life.done(file_for(life, filer, life.mandate(filer, ward), reported(life, ward)))["caseId"]
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        done = database.execute("UPDATE correction.filers SET until_us = 1 WHERE case_id = decode(%s, 'hex')", (case_id,))
        assert done.rowcount == 1
    refused(look(life, filer, case_id), 404, "4001")
    refused(act(life, filer, case_id, "withdrawal"), 404, "4001")
    assert life.done(life.get("citizen-app", "svc-correction", "/v1/corrections", filer))["cases"] == []
    assert life.done(look(life, ward, case_id))["filedAs"] == "guardian", "it stays the ward's"
    # A mandate that was prolonged: they file again, and see it again.
    added = life.done(file_for(life, filer, life.mandate(filer, ward), life.done(look(life, ward, case_id))["fact"]))
    assert (added["caseId"], added["added"]) == (case_id, True)
    assert life.done(look(life, filer, case_id))["filedAs"] == "guardian"


def test_nobody_decides_about_their_ward(life):
    officer, ward = Person(), Person()
    filed = life.done(file_for(life, officer, life.mandate(officer, ward), reported(life, ward)))["caseId"]
    own = life.file(ward, reported(life, ward))["caseId"]
    for case_id in (filed, own):
        refused(life.officers(case_id, "evidence-requests", officer, question="当日在何处？"), 403, "3012")
        refused(life.officers(case_id, "proposal", officer, **SAID), 403, "3012")
        life.done(life.officers(case_id, "proposal", Person(), **SAID))
        refused(life.officers(case_id, "decision", officer, "officer-2", **SAID), 403, "3012")
        life.done(life.officers(case_id, "decision", Person(), "officer-2", **SAID))
