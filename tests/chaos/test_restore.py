"""A province's database restored from a backup: what was acknowledged after the backup is made again of the topics, before
anybody is answered."""
import glob
import json
import os
import secrets
import subprocess
import time

import psycopg
import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from days import tell
from phi_client.batches import bad_batch
from phi_client.http import new_serial
from phi_client.life import STATEMENT, moment, source_line
from phi_client.people import Person
from phi_client.routes import attachment, png
from phi_client.sm2 import PublicKey
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
    "correction.filers": "case_id, filer, subject, role, issuer, mandate_id, until_us, at_us",
    "correction.handed": "dispute_id, case_id",
    "correction.attachments": "attachment_id, case_id, number, type, size_bytes, digest, at_us",
    "correction.attachment_chunks": "attachment_id, chunk, sealed",
    "correction.batches": "batch_id, records, people, applied, told",
    "correction.batch_records": "batch_id, subject, source, institution, record_no, version, waits",
    "correction.batch_people": "batch_id, subject",
    "directory.facts": "fact_id, subject, source, institution, record_no, revision, content",
    "directory.entries": "subject, grade, sources_mask, then_grade, until_us",
}
# Of which tables the backup lacks fewer rows than there were people after it.
FEWER = {"declare.links": 2, "correction.decisions": BEFORE - 1, "correction.filers": 1, "correction.handed": 2,
         "correction.attachments": 2, "correction.attachment_chunks": 3, "correction.batches": 1, "correction.batch_records": 2,
         "correction.batch_people": 2}
# What the consumers make again once their service is open.
FOLLOWS = ("directory.", "correction.batch")
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


PDF = b"%PDF-1.4\n" + b" " * 400_000 + b"%%EOF\n"  # two chunks


def reported(life, person):
    line = source_line(person, "contacts")
    assert life.report("contacts", [line])[0]["result"] == "accepted"
    return {"region": "320000", "source": "source.contacts", "institution": "cdc-320102", "recordNo": line["recordNo"]}


def attach(life, case_id, person, kind, body):
    return life.done(life.suite.apps["citizen-app"].call(
        "POST", life.suite.url("svc-correction"), attachment(case_id, kind), body, life.token(person),
        headers={"Content-Type": "application/octet-stream"}))


def of_handed(life, person, dispute_id):
    return life.done(life.get("citizen-app", "svc-platform", f"/v1/disputes/{dispute_id}", person))


class Besides:
    """Cases with all that cases may have: filed by a guardian, through the unified entry, with attachments, appealed."""

    def __init__(self, life, erased):
        self.life, self.erased = life, life.disputed(erased)[0]["caseId"]
        attach(life, self.erased, erased, "pdf", PDF)
        self.ward, self.handed, self.added, self.overturned, self.upheld = declared(life, 5)
        self.guardian = Person()
        self.wards = life.done(life.post("citizen-app", "svc-correction", "/v1/corrections", {
            "matter": "fact", "fact": reported(life, self.ward), "statement": STATEMENT,
            "onBehalfOf": life.mandate(self.guardian, self.ward)}, self.guardian))["caseId"]
        self.pdf = attach(life, self.wards, self.guardian, "pdf", PDF)
        self.picture = attach(life, self.wards, self.ward, "png", png(32, 32))
        self.dispute_id, self.case_id = self.file_at_platform(self.handed, reported(life, self.handed))
        # A number that adds to a case of the province's.
        fact = reported(life, self.added)
        self.own = life.file(self.added, fact)["caseId"]
        self.second_id, added = self.file_at_platform(self.added, fact)
        assert added == self.own
        for person, decision, reason in ((self.overturned, "overturn", "record-error"), (self.upheld, "uphold", "not-substantiated")):
            self.appeal(person, decision, reason)

    def chunks(self):
        """Of who is erased."""
        with psycopg.connect(**self.life.suite.database(), autocommit=True) as database:
            return database.execute("SELECT count(*) FROM correction.attachment_chunks JOIN correction.attachments USING "
                                    "(attachment_id) WHERE case_id = decode(%s, 'hex')", (self.erased,)).fetchone()[0]

    def others(self, table):
        """Rows but those of who is erased: what they wrote is emptied a moment after the start, by the record of the erasure."""
        with psycopg.connect(**self.life.suite.database(), autocommit=True) as database:
            ids = [one for (one,) in database.execute("SELECT attachment_id::text FROM correction.attachments WHERE case_id = "
                                                      "decode(%s, 'hex')", (self.erased,)).fetchall()]
        return {row for row in table if not any(of in str(row) for of in (self.erased, *(one[2:] for one in ids)))}

    def file_at_platform(self, person, fact):
        filed = {"matter": "fact", "fact": fact, "statement": STATEMENT}
        dispute_id = self.life.dispute(person, filed)["disputeId"]
        wait_until(lambda: "caseId" in of_handed(self.life, person, dispute_id), 30, "the province has answered")
        return dispute_id, of_handed(self.life, person, dispute_id)["caseId"]

    def appeal(self, person, decision, reason):
        life, case_id = self.life, self.life.file(person, reported(self.life, person))["caseId"]
        life.decide(case_id, Person(), "refuse", "not-substantiated")
        life.done(life.post("citizen-app", "svc-correction", f"/v1/corrections/{case_id}/appeal", {"statement": STATEMENT}, person))
        target = f"/v1/appeals/320000/{case_id}"
        wait_until(lambda: life.get("officer-app", "svc-platform", target, token=life.officer(Person(), "national-1")).code == "0000",
                   30, "the platform has it")
        for act, sub in (("proposal", "national-1"), ("decision", "national-2")):
            life.done(life.post("officer-app", "svc-platform", f"{target}/{act}", {"decision": decision, "reason": reason},
                                token=life.officer(Person(), sub)))
        wait_until(lambda: life.get("officer-app", "svc-platform", target, token=life.officer(Person(), "national-1"))
                   .data["state"] == "carried-out", 30, "carried out")

    def check(self):
        """As everybody sees it: who filed for somebody sees the case and its files; a number is one case."""
        life = self.life
        for number, made, kind in ((1, self.pdf, "application/pdf"), (2, self.picture, "image/jpeg")):
            got = life.suite.apps["citizen-app"].call("GET", life.suite.url("svc-correction"),
                                                      f"/v1/corrections/{self.wards}/attachments/{number}", b"",
                                                      life.token(self.guardian))
            assert (got.status, got.headers["Content-Type"], len(got.body)) == (200, kind, made["sizeBytes"]), got
        told = life.done(life.get("citizen-app", "svc-correction", f"/v1/corrections/{self.wards}", self.guardian))
        assert told["filedAs"] == "guardian"
        for person, number, case_id in ((self.handed, self.dispute_id, self.case_id), (self.added, self.second_id, self.own)):
            life.done(life.officers(case_id, "evidence-requests", Person(), question="当日在何处？"))
            wait_until(lambda one=person, of=number: of_handed(life, one, of)["state"] == "evidence-asked", 30,
                       "the platform is told of what moves")
            assert of_handed(life, person, number)["caseId"] == case_id


class Keys:
    """The key of decisions, changed while the suite runs; the list of platforms has both with their times."""

    def __init__(self, suite):
        self.suite, self.path = suite, os.path.join(suite.run, "platforms.json")
        with open(self.path, encoding="utf-8") as file:
            self.before = file.read()
        # A folder of its own, with a manifest that has this key alone: the others stay where they are.
        folder = os.path.join(suite.run, "keys", "svc-correction-2")
        os.makedirs(folder, mode=0o700)
        self.manifest, public = os.path.join(folder, "manifest"), os.path.join(folder, "correction.pub")
        password = ("--password-file", os.path.join(suite.run, "keys", "svc-correction", "password"))
        suite.phictl("key", "new", "--manifest", self.manifest, "--use", "correction", *password)
        (file,) = glob.glob(f"{folder}/*.key")
        suite.phictl("key", "public", "--in", file, *password, "--out", public)
        self.key = PublicKey.from_file(public)

    def write(self, text):
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(self.path + ".new", self.path)

    def change(self):
        """From now on the new one signs; the old one is out of force in two seconds."""
        old = PublicKey.from_file(self.suite.public_file("svc-correction", "correction")).serial
        whole = json.loads(self.before)
        (keys,) = [platform["keys"] for platform in whole["platforms"] if platform["id"] == "320000"]
        keys.append({"use": "correction", "serial": self.key.serial, "public": self.key.xy.hex()})
        self.suite.stop("svc-correction")
        for key in keys:
            if key["serial"] == old:
                key["to"] = moment(-2)
        self.write(json.dumps(whole))
        wait_until(self.is_listed, 30, "the list has the new key")
        self.suite.set_extra("svc-correction", PHI_KEY_MANIFEST_FILE=self.manifest)
        self.suite.start("svc-correction")
        time.sleep(2)  # the old key's end

    def is_listed(self):
        return all(self.is_known(region, schema) for region, schema in (("320000", "directory"), ("000000", "platform")))

    def is_known(self, region, schema):
        """By a service that follows the list."""
        with psycopg.connect(**self.suite.database(region), autocommit=True) as database:
            return any(self.key.serial in value for (value,) in database.execute(
                f"SELECT value FROM {schema}.auth_registry WHERE topic = 'phi.registry'").fetchall())

    def put_back(self):
        self.write(self.before)
        self.suite.set_extra("svc-correction")
        self.suite.restart("svc-correction")


def retract_batch(life):
    """A bad batch of two people, one case."""
    _lines, batch = bad_batch(life, [Person(), Person()])
    batch_id = life.propose("other", batch, Person())["retractionId"]
    life.done(life.approve(batch_id, Person()))
    wait_until(lambda: batch_state(life.suite, batch_id) == "told", 60, "each person of the batch is told")


def batch_state(suite, batch_id):
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        found = database.execute("SELECT state FROM correction.cases WHERE case_id = decode(%s, 'hex')", (batch_id,)).fetchone()
    return found and found[0]


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
    besides, keys = Besides(life, erased), Keys(suite)
    suite.settle(60)
    wait_until(lambda: not on_their_way(suite), 60, "what was decided under the old key is carried out")
    keys.change()
    try:
        restored_by_itself(suite, life, besides, backup, cases, erased, asked, scanner)
    finally:
        keys.put_back()


def restored_by_itself(suite, life, besides, backup, cases, erased, asked, scanner):
    for case_id, decision in zip(cases, ["retract"] * (BEFORE - 2) + ["refuse"]):
        life.decide(case_id, Person(), decision, note="已核实。")
    settle_matters(life, erased)
    retract_batch(life)
    suite.settle(60)
    wait_until(lambda: not on_their_way(suite), 60, "what was decided is carried out and told")
    wait_until(lambda: not besides.chunks(), 30, "the erasure is carried out")
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
    for table in (name for name in KEPT if not name.startswith(FOLLOWS)):
        there, wanted = besides.others(now[table]), besides.others(whole[table])
        assert there == wanted, f"{table}: {len(wanted - there)} rows missing once it is open"
    suite.settle(90)
    wait_until(lambda: rows(suite)["correction.attachment_chunks"] == whole["correction.attachment_chunks"], 30,
               "what was attached is as it was: of who is erased nothing")
    now = rows(suite)
    for table in KEPT:
        assert now[table] == whole[table], f"{table}: {len(whole[table] ^ now[table])} rows differ"
    again(life, asked, scanner)
    besides.check()
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
