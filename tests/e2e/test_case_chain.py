"""Nobody rewrites a case unseen: `phictl case verify` says which step was altered; a day's root is published once, and every
case is in it. Officers' looks are seen by the citizen."""
import base64
import datetime
import json
import os
import secrets
import subprocess
import time

import psycopg
import pytest

from loadgen.reconcile import Reconciler
from phi_client.chain import digest_of, head_of, heads
from phi_client.life import moment
from phi_client.people import Person
from phi_client.sm2 import PublicKey
from phi_client.sm2 import digest as sm3
from phi_client.suite import wait_until
from phi_client.topics import read_topic

REGION = "320000"

pytestmark = pytest.mark.late


@pytest.fixture
def database(suite):
    with psycopg.connect(**suite.database(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def case(life):
    """Refused, which leaves the record as it is; the person, the case's id."""
    person = Person()
    case_id = life.disputed(person)[0]["caseId"]
    life.decide(case_id, Person(), "refuse", "not-substantiated", note="已核实。")
    return person, case_id


def shown(life, person, case_id, query=""):
    return life.done(life.get("citizen-app", "svc-correction", f"/v1/corrections/{case_id}{query}", person))


def verify(suite, tmp_path, told, *more):
    """(whether it holds, what phictl says)"""
    path = os.path.join(tmp_path, "case.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"data": told}, file, ensure_ascii=False)
    done = subprocess.run([os.path.join(suite.programs, "phictl"), "case", "verify", "--case", path, *more], text=True,
                          capture_output=True, timeout=90)
    assert done.returncode in (0, 1) and done.stderr == "", done
    return done.returncode == 0, done.stdout


def with_topic(suite):
    return ("--bus", suite.bus, "--region", REGION, "--key", key_of(suite, "correction"), "--answer-key",
            key_of(suite, "answer"))


def key_of(suite, use):
    path = os.path.join(suite.run, f"{use}.pem")
    with open(path, "w", encoding="ascii") as file:
        file.write(PublicKey.from_file(suite.public_file("svc-correction", use)).pem())
    return path


def is_signed(record, key):
    signed = b"\n".join([record.topic.encode(), record.key, record.headers["phi-version"], record.value])
    return key.verify(signed, base64.b64decode(record.header("phi-signature")))


def test_an_altered_step_is_told(suite, life, case, database, tmp_path):
    person, case_id = case
    told = wait_until(lambda: shown(life, person, case_id), 5)
    assert verify(suite, tmp_path, told)[0]
    read_topic(suite.bus, f"phi.{REGION}.correction.step", 30,
               lambda seen: sum(r.json["caseId"] == case_id for r in seen) == len(told["steps"]))
    is_well, said = verify(suite, tmp_path, told, *with_topic(suite))
    assert is_well and said.count("the chain holds") == 2, said
    database.execute("UPDATE correction.steps SET outcome = 'retract' WHERE case_id = decode(%s, 'hex') AND seq = 4", (case_id,))
    is_well, said = verify(suite, tmp_path, shown(life, person, case_id))
    assert not is_well and "step 4 (refused, " in said and "is not what its digest was made of" in said, said


def test_a_chain_that_was_made_anew_disagrees_with_the_topic(suite, life, case, database, tmp_path):
    person, case_id = case
    told = shown(life, person, case_id)
    read_topic(suite.bus, f"phi.{REGION}.correction.step", 30,
               lambda seen: sum(r.json["caseId"] == case_id for r in seen) == len(told["steps"]))
    step, before = told["steps"][3], told["steps"][2]["link"]["head"]
    step["reason"] = "other"
    digest = digest_of(told, step)
    head = head_of(bytes.fromhex(before), digest)
    database.execute("UPDATE correction.steps SET reason = 'other', digest = %s, head = %s WHERE case_id = decode(%s, 'hex') AND "
                     "seq = 4", (digest, head, case_id))
    told = shown(life, person, case_id)
    assert all(heads(told)) and verify(suite, tmp_path, told)[0], "by itself it holds"
    is_well, said = verify(suite, tmp_path, told, *with_topic(suite))
    assert not is_well and "step 4 (refused, " in said and "has another head than on the topic" in said, said


@pytest.fixture
def short_days(suite):
    suite.set_extra("svc-correction", PHI_ANCHOR_TURN_S="2", PHI_ANCHOR_AFTER_S="1")
    suite.restart("svc-correction")
    yield
    suite.set_extra("svc-correction")
    suite.restart("svc-correction")


def anchors(suite):
    return [r for r in read_topic(suite.bus, f"phi.{REGION}.audit") if r.header("ce_type") == "cn.phi.audit.anchor"]


def test_every_case_is_in_the_days_root_which_is_told_once(suite, life, case, database, short_days, tmp_path):
    person, case_id = case
    whole = shown(life, person, case_id)

    def proven():
        today = (datetime.datetime.utcnow() + datetime.timedelta(hours=8)).date().isoformat()
        told = shown(life, person, case_id, f"?day={today}")
        return told["proof"] and told["proof"]["head"] == whole["steps"][-1]["link"]["head"] and told

    for _ in range(3):
        wait_until(proven, 20, "the case is in a root")
        suite.kill("svc-correction")
        suite.start("svc-correction")
    told = wait_until(proven, 20, "the case is in a root")
    until = told["proof"]["until"]
    wait_until(lambda: any(r.json["until"] == until for r in anchors(suite)), 20, "the root is on audit")
    is_well, said = verify(suite, tmp_path, told, *with_topic(suite))
    assert is_well and "the case is in it, as it was published" in said, said
    for member, value in (("head", "00" * 32), ("root", "11" * 32), ("index", told["proof"]["index"] ^ 1)):
        assert not verify(suite, tmp_path, {**told, "proof": {**told["proof"], member: value}})[0], member
    records = anchors(suite)
    assert len({r.json["until"] for r in records}) == len({r.event_id for r in records}), "a root was told twice"
    rows = dict(database.execute("SELECT encode(root, 'hex'), count FROM correction.anchors").fetchall())
    assert all(rows[r.json["root"]] == r.json["count"] for r in records)
    key = PublicKey.from_file(suite.public_file("svc-correction", "answer"))
    assert all(is_signed(r, key) for r in records)


def test_looks_of_officers_are_seen_by_the_citizen_alone(life, case):
    person, case_id = case
    officer = life.officer(Person())
    for path in (f"/v1/corrections/{case_id}", "/v1/corrections?limit=100", f"/v1/corrections/{case_id}"):
        seen = life.done(life.get("officer-app", "svc-correction", path, token=officer))
        assert "looks" not in seen
    told = shown(life, person, case_id)
    looks = {(look["unit"], look["purpose"]): look["count"] for look in told["looks"]}
    assert looks == {("health-320100", "case"): 2, ("health-320100", "list"): 1}
    assert "officer-1" not in json.dumps(told) and set(told["looks"][0]) == {"hour", "unit", "purpose", "count"}


# The report of fairness

MARK = "source.contacts"


@pytest.fixture
def many(database):
    """Cases as a year leaves them, of one source more than of others; gone again afterwards."""
    database.execute(
        "INSERT INTO correction.cases (case_id, subject, subject_key, matter, region, source, institution, record_no, state, "
        "statement_sealed, opened_us, decision_version, decided_us, outcome, reason) SELECT decode(md5('fair' || i), 'hex'), "
        "decode(md5('f' || i), 'hex'), 1, decode(md5('m' || i) || md5('m' || i), 'hex'), %s, CASE WHEN i < 140 THEN %s WHEN i < 180 "
        "THEN 'source.tests' ELSE 'source.travel' END, 'fair', 'r', (ARRAY['told', 'refused', 'withdrawn', 'assigned'])[i %% 4 + 1], "
        "'', at, 1, CASE WHEN i %% 4 < 2 THEN at + i * 3600000000 ELSE 0 END, (ARRAY['retract', 'refuse', '', ''])[i %% 4 + 1], "
        "(ARRAY['record-error', 'not-substantiated', '', ''])[i %% 4 + 1] FROM generate_series(1, 199) i, (SELECT (extract(epoch "
        "FROM now()) * 1000000)::bigint - 10 * 86400000000 AS at) t", (REGION, MARK))
    yield
    database.execute("DELETE FROM correction.cases WHERE institution = 'fair'")


def reports(suite):
    done = subprocess.run([os.path.join(suite.programs, "phictl"), "case", "report", "--region", REGION, "--bus", suite.bus,
                           "--key", key_of(suite, "correction"), "--format", "json"], text=True, capture_output=True, timeout=90)
    return json.loads(done.stdout) if done.returncode == 0 else None


def check_table(table):
    """Nothing small is shown, nothing hidden stands alone in a row or column, all in fives."""
    cells = [row["cells"] for row in table["rows"]]
    assert all(len(row) == len(table["columns"]) for row in cells)
    assert all(cell is None or (cell >= 10 and cell % 5 == 0) for row in cells for cell in row)
    for line in [*cells, *zip(*cells)]:
        assert sum(cell is None for cell in line) != 1, table


def test_the_report_of_fairness(suite, database, many, short_days):
    def counted():
        report = reports(suite)
        rows = {row["name"]: row["cells"] for row in report["tables"]["outcomes"]["rows"]} if report else {}
        return rows.get(MARK, [None])[0] and report

    report = wait_until(counted, 30, "a report with the cases")
    for table in report["tables"].values():
        check_table(table)
    rows = {row["name"]: row["cells"] for row in report["tables"]["outcomes"]["rows"]}
    ((corrected, refused),) = database.execute(
        "SELECT count(*) FILTER (WHERE outcome <> 'refuse'), count(*) FILTER (WHERE outcome = 'refuse') FROM correction.cases WHERE "
        "source = %s AND state IN ('decided', 'applied', 'told', 'refused')", (MARK,)).fetchall()
    assert abs(rows[MARK][0] - corrected) <= 12 and abs(rows[MARK][1] - refused) <= 12, rows  # others decide meanwhile
    assert rows["source.travel"][1] is None, "fewer than ten"
    for form in ("table", "csv"):
        said = suite.phictl("case", "report", "--region", REGION, "--bus", suite.bus, "--format", form)
        assert MARK in said and "record-error" in said


# The end of what is kept


def old_case(person, database, ledger):
    """Closed four years ago, its chain as the service would have made it."""
    case_id, at = secrets.token_hex(16), int(time.time()) - 4 * 365 * 86400
    told, head, rows = {"caseId": case_id, "steps": []}, bytes(32), []
    for seq, (step, state) in enumerate((("received", "received"), ("assigned", "assigned"), ("withdrawn", "withdrawn")), 1):
        note = b"\0\0\0\1" + secrets.token_bytes(60) if seq == 1 else None
        salt, digest_of_note = secrets.token_bytes(16), sm3(note) if note else None
        one = {"seq": seq, "at": moment(time.time() - at - seq), "step": step, "state": state, "outcome": "", "reason": "", "unit": "",
               "link": {"actor": "", "noteDigest": digest_of_note.hex() if note else "", "salt": salt.hex()}}
        digest = digest_of(told, one)
        head = head_of(head, digest)
        at_us = int(datetime.datetime.fromisoformat(one["at"]).timestamp()) * 1_000_000
        rows.append((case_id, seq, at_us, step, state, note, digest_of_note, salt, digest, head))
    database.execute(
        "INSERT INTO correction.cases (case_id, subject, subject_key, matter, region, source, institution, record_no, state, "
        "statement_sealed, opened_us, decision_version, decided_us, seq, head) VALUES (decode(%s, 'hex'), %s, 1, %s, %s, "
        "'source.tests', 'cdc-320102', 'r-old', 'withdrawn', '', %s, 0, 0, 3, %s)",
        (case_id, ledger.subject(person), secrets.token_bytes(32), REGION, rows[0][2], head))
    for row in rows:
        database.execute("INSERT INTO correction.steps (case_id, seq, at_us, step, state, reason, note_sealed, note_digest, salt, "
                         "digest, head) VALUES (decode(%s, 'hex'), %s, %s, %s, %s, '', %s, %s, %s, %s, %s)", row)
    return case_id


def test_data_of_a_closed_case_goes_and_its_chain_stays(suite, life, database, tmp_path):
    person, ledger = Person(), Reconciler(suite)
    fresh = life.disputed(person)[0]["caseId"]
    life.done(life.post("citizen-app", "svc-correction", f"/v1/corrections/{fresh}/withdrawal", {}, person))
    try:
        case_id = old_case(person, database, ledger)
    finally:
        ledger.close()
    left = ("SELECT institution || record_no, (SELECT sum(octet_length(note_sealed)) FROM correction.steps s WHERE s.case_id = "
            "c.case_id) FROM correction.cases c WHERE case_id = decode(%s, 'hex')")
    wait_until(lambda: database.execute(left, (case_id,)).fetchone() == ("", 0), 20, "the data is gone")
    told = shown(life, person, case_id)
    assert all(heads(told)) and verify(suite, tmp_path, told)[0]
    assert told["steps"][0]["note"] != "" and len(told["steps"]) == 3
    kept = database.execute(left, (fresh,)).fetchone()
    assert kept[0].startswith("cdc-320102r-") and kept[1] > 0, "a case of today stays"
