"""A province's database restored from a backup: what was acknowledged after the backup is made again of the topics, before
anybody is answered."""
import os
import secrets
import subprocess
import time

import psycopg
import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from days import tell
from phi_client.http import new_serial
from phi_client.life import source_line
from phi_client.people import Person
from phi_client.suite import SERVICES, wait_until

PG = "/usr/lib/postgresql/15/bin"
PROVINCE = [name for name in SERVICES if name != "svc-platform"]
HOUR_MS, BEFORE, AFTER = 3600_000, 6, 12
TOPIC = "phi.320000.code.verified"
# Everything that must be as it was: tables and, of each, the columns that say what was acknowledged.
KEPT = {
    "declare.declarations": "fact_id, subject, source, institution, record_no, revision, content_digest, content, sealed, "
                            "observed_us, recorded_us",
    "declare.intake": "source, institution, record_no, revision, content_digest, fact_id, subject, observed_us, recorded_us",
    "declare.person_keys": "subject, version, wrapped",
    "declare.consents": "consent_id, subject, app_id, notice_version, purpose, recorded_us, withdrawn_us, given_by, granted_by",
    "declare.basic": "subject, app_id, region, sealed, updated_us",
    "declare.links": "link_id, lesser, greater, revision, is_linked, proof, lesser_view, greater_view, changed_us",
    "verify.uses": "id, platform, program, subject, subject_key, serial_hmac, app, scope, result_code, flags, deadline_s, used_us",
    "verify.requests": "platform, program, request_id, serial_hmac, requester_digest, scope, result_code, used_us",
    "verify.ledger": "deadline_s, serial_hmac, used_us",
    "correction.cases": "case_id, subject, subject_key, matter, region, source, institution, record_no, state, opened_us, seq, "
                        "head, due_us, level, outcome, reason, proposer, decision_version, decided_us",
    "correction.steps": "case_id, seq, at_us, step, state, outcome, reason, unit, actor, note_sealed, note_digest, salt, digest, "
                        "head",
    "correction.decisions": "case_id, decision_version, decision, officer, unit, proposer, proposer_unit, decided_us",
    "correction.open_matters": "matter, case_id",
    "directory.facts": "fact_id, subject, source, institution, record_no, revision, content",
    "directory.entries": "subject, grade, sources_mask, then_grade, until_us",
}
# Of which tables the backup lacks fewer rows than there were people after it.
FEWER = {"declare.links": 2, "correction.decisions": BEFORE - 1}
WITH_TOPICS = ("declare", "verify", "correction")

pytestmark = [pytest.mark.late, pytest.mark.timeout(600)]


class Backup:
    """Of the province's database, by pg_dump while everything runs; the nation's stays as it is."""

    def __init__(self, suite):
        self.suite, self.path = suite, os.path.join(suite.run, "province.dump")
        self.where = ["-h", suite.state()["pg.socket"], "-p", str(suite.port("postgres")), "-U", "postgres"]
        self.run("pg_dump", "-Fc", "-f", self.path, "phi_320000")

    def run(self, program, *arguments):
        subprocess.run([os.path.join(PG, program), *self.where, *arguments], check=True, capture_output=True, timeout=120)

    def restore(self):
        maintenance = {**self.suite.database(), "dbname": "postgres"}
        with psycopg.connect(**maintenance, autocommit=True) as database:
            database.execute("DROP DATABASE phi_320000 WITH (FORCE)")
        self.run("pg_restore", "--create", "-d", "postgres", self.path)


def rows(suite):
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        return {table: set(database.execute(f"SELECT {', '.join(f'({name})::text' for name in columns.split(', '))} FROM {table}")
                           .fetchall()) for table, columns in KEPT.items()}


def set_retention(suite, value):
    admin = AdminClient({"bootstrap.servers": suite.bus})
    entry = ConfigEntry("retention.ms", str(value), incremental_operation=AlterConfigOpType.SET)
    (done,) = admin.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, TOPIC, incremental_configs=[entry])]).values()
    done.result(15)


def live(life, count, scanner):
    """People who declare, are tested, and are scanned once with a code that holds once: their requests, to be repeated."""
    people, asked = [Person() for _ in range(count)], []
    for person in people:
        life.consent(person)
        life.declare(person)
        code, serial = life.mint(person, "pass-once")["code"], new_serial()
        answer = life.verify(code, scanner, serial)
        assert answer.code == "0000", answer
        asked.append((code, serial))
    answers = life.report("tests", [source_line(person, "tests", result="negative") for person in people])
    assert {answer["result"] for answer in answers} == {"accepted"}
    return asked


def settle_matters(life, erased):
    """What people settle besides: a consent ended and given anew, documents linked and parted, everything of one erased."""
    person, linked, parted = (Person() for _ in range(3))
    for one in (person, linked, parted):
        life.consent(one)
        life.declare(one)
    life.done(life.post("citizen-app", "svc-declare", "/v1/consents/withdraw", {"purpose": "health-code"}, person))
    life.consent(person)
    life.link(linked, linked.passport())
    life.unlink(parted, life.link(parted, parted.passport())["linkId"])
    life.done(life.post("citizen-app", "svc-declare", "/v1/me/erase", {"confirm": "erase"}, erased))


def dispute(life, count):
    """Cases about records that are there."""
    return [life.disputed(person)[0]["caseId"] for person in declared(life, count)]


def declared(life, count):
    """People whose data key svc-correction has: what was written before lies on no topic."""
    people = [Person() for _ in range(count)]
    for person in people:
        life.consent(person)
        life.declare(person)
    life.suite.settle(60)
    return people


def start_alone(suite, name):
    """The exit status and the log of a program that is to refuse."""
    outside = {key: value for key, value in os.environ.items() if not key.startswith("PHI_")}
    done = subprocess.run([os.path.join(suite.programs, name)], env={**outside, **suite.environment(name)},
                          capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr + done.stdout


def test_a_restored_province_catches_up_by_itself(suite, life):
    scanner = Person()
    live(life, BEFORE, scanner)
    cases = dispute(life, BEFORE)
    erased = Person()
    life.consent(erased)
    life.declare(erased, note="自述乏力两日")
    suite.settle(60)
    wait_until(lambda: alive(suite) >= set(WITH_TOPICS), 20, "the database knows how new it is")
    backup = Backup(suite)
    asked = live(life, AFTER, scanner)
    dispute(life, AFTER)
    for case_id, decision in zip(cases, ["retract"] * (BEFORE - 2) + ["refuse"]):
        life.decide(case_id, Person(), decision, note="已核实。")
    settle_matters(life, erased)
    suite.settle(60)
    wait_until(lambda: not on_their_way(suite), 60, "what was decided is carried out and told")
    whole = rows(suite)
    suite.kill(*PROVINCE)
    backup.restore()
    restored = rows(suite)
    lost = {table: len(whole[table] - restored[table]) for table in KEPT}
    assert all(count >= FEWER.get(table, AFTER) for table, count in lost.items()), \
        f"the backup holds what came after it: {lost}"
    # The topic might not hold everything any more: nobody is answered from half a ledger.
    set_retention(suite, 24 * HOUR_MS)
    try:
        status, log = start_alone(suite, "svc-verify")
        assert status != 0 and TOPIC in log and "keeps 24 h" in log, log[-2000:]
    finally:
        set_retention(suite, 168 * HOUR_MS)
    began = time.monotonic()
    suite.start(*PROVINCE)
    ready_s = time.monotonic() - began
    assert all("event=caught_up" in suite.log(f"svc-{name}") for name in WITH_TOPICS)
    now = rows(suite)
    for table in (name for name in KEPT if not name.startswith("directory.")):
        assert now[table] == whole[table], f"{table}: {len(whole[table] - now[table])} rows missing once it is open"
    suite.settle(90)
    now = rows(suite)
    for table in KEPT:
        assert now[table] == whole[table], f"{table}: {len(whole[table] ^ now[table])} rows differ"
    again(life, asked, scanner)
    tell(day="restored from a backup", readyS=round(ready_s, 1), lost=lost)


def alive(suite):
    """The services whose database says how new it is."""
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        return {name for name in WITH_TOPICS
                if database.execute(f"SELECT count(*) FROM {name}.alive").fetchone()[0]}


def on_their_way(suite):
    """How many cases still move by themselves: a decision is carried out by svc-directory, then the person is told."""
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        return database.execute("SELECT count(*) FROM correction.cases "
                                "WHERE state IN ('decided', 'overturned', 'applied')").fetchone()[0]


def again(life, asked, scanner):
    """What was used is used, and who asked gets the same answer again."""
    for code, serial in asked:
        assert life.verify(code, scanner, serial).code == "0000", "another answer to the same request"
        assert life.verify(code, Person(), new_serial()).code == "2004", f"a code used twice, {secrets.token_hex(2)}"


def test_an_ordinary_start_reads_next_to_nothing(suite, life):
    live(life, 2, Person())
    suite.settle(60)
    dispute(life, 2)
    suite.settle(60)
    names = [f"svc-{name}" for name in WITH_TOPICS]
    suite.restart(*names)
    for name in names:
        last = suite.log(name).rpartition("event=signal")[2]
        assert "event=ready" in last and "database_is_behind" not in last, name
