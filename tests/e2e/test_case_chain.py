"""Nobody rewrites a case unseen: `phictl case verify` says which step was altered; a day's root is published once, and every
case is in it. Officers' looks are seen by the citizen."""
import base64
import datetime
import json
import os
import subprocess

import psycopg
import pytest

from phi_client.chain import digest_of, heads, head_of
from phi_client.people import Person
from phi_client.sm2 import PublicKey
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
