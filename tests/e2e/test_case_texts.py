"""What people write about a case is theirs: sealed under their data key, and gone with it, while the case stays."""
import base64
import secrets

import psycopg

from phi_client.life import source_line
from phi_client.people import Person
from phi_client.suite import wait_until
from phi_client.topics import read_topic

REGION, ERASED = "320000", "已删除"
STATEMENT, AGAIN, NOTE = "当日在家，未到过该场所。", "补充：有票据。", "经核查，记录无误。"


def database(suite):
    return psycopg.connect(**suite.database(), autocommit=True)


def steps_of(suite, case_id, count):
    def mine(records):
        return list({r.event_id: r for r in records if case_id.encode() in (r.value or b"")}.values())

    return mine(read_topic(suite.bus, f"phi.{REGION}.correction.step", 30, until=lambda seen: len(mine(seen)) >= count))


def file(life, person, fact, statement):
    return life.done(life.post("citizen-app", "svc-correction", "/v1/corrections",
                               {"matter": "fact", "fact": fact, "statement": statement}, person))["caseId"]


def show(life, person, case_id):
    return life.done(life.get("citizen-app", "svc-correction", f"/v1/corrections/{case_id}", person))


def texts(case):
    return [case["statement"]] + [step["note"] for step in case["steps"]]


def kept_key(suite, case_subject):
    """The version of the person's key that svc-correction knows."""
    with database(suite) as connection:
        found = connection.execute("SELECT version FROM correction.person_keys WHERE subject = %s", (case_subject,)).fetchone()
    return found and found[0]


def test_an_erasure_ends_what_was_written_and_the_case_stays(suite, life):
    person, officer = Person(), Person()
    line = source_line(person, "contacts")
    assert life.report("contacts", [line])[0]["result"] == "accepted"
    fact = {"region": REGION, "source": "source.contacts", "institution": "cdc-320102", "recordNo": line["recordNo"]}
    (key,) = {r.key for r in read_topic(suite.bus, f"phi.{REGION}.source.contacts", 30, until=lambda seen: any(
        line["recordNo"].encode() in r.value for r in seen)) if line["recordNo"].encode() in r.value}
    wait_until(lambda: kept_key(suite, key) == 1, 30, "svc-correction has the person's key")
    case_id = file(life, person, fact, STATEMENT)
    assert file(life, person, fact, AGAIN) == case_id
    life.decide(case_id, officer, "refuse", "not-substantiated", note=NOTE)
    before = show(life, person, case_id)
    assert texts(before) == [STATEMENT, STATEMENT, None, AGAIN, None, NOTE]
    told = steps_of(suite, case_id, 5)
    sealed = [base64.b64decode(r.json["sealed"]) for r in told if "sealed" in r.json]
    assert len(sealed) == 3 and {int.from_bytes(one[:4], "big") for one in sealed} == {1}, "under the person's key"
    life.done(life.post("citizen-app", "svc-declare", "/v1/me/erase", {"confirm": "erase"}, person))
    wait_until(lambda: kept_key(suite, key) == 2, 30, "svc-correction knows of the erasure")
    after = show(life, person, case_id)
    assert texts(after) == [ERASED, ERASED, None, ERASED, None, ERASED]
    for name in ("state", "openedAt", "decidedAt", "fact"):
        assert after[name] == before[name]
    assert [{**step, "note": None} for step in after["steps"]] == [{**step, "note": None} for step in before["steps"]]
    with database(suite) as connection:
        left = connection.execute("SELECT octet_length(statement_sealed), (SELECT sum(octet_length(note_sealed)) FROM "
                                  "correction.steps s WHERE s.case_id = c.case_id) FROM correction.cases c WHERE case_id = "
                                  "decode(%s, 'hex')", (case_id,)).fetchone()
        assert left == (0, 0), "nothing is left to open"
        # From the topic's beginning: the erasure is told again, and takes nothing that came after it.
        later = file(life, person, {**fact, "recordNo": f"r-{secrets.token_hex(8)}"}, AGAIN)
        suite.stop("svc-correction")
        connection.execute("DELETE FROM correction.person_keys")
        connection.execute("DELETE FROM correction.offsets WHERE topic LIKE '%%person.key'")
        suite.start("svc-correction")
        wait_until(lambda: connection.execute("SELECT count(*) FROM correction.offsets WHERE topic LIKE '%%person.key'"
                                              ).fetchone() == (8,) and kept_key(suite, key) == 2, 30, "read again")
    assert texts(show(life, person, case_id)) == [ERASED, ERASED, None, ERASED, None, ERASED]
    assert texts(show(life, person, later)) == [AGAIN, AGAIN, None]
