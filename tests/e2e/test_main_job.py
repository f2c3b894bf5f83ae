"""The main job from outside: one code's whole life over HTTP, and after each step what must stand in the tables and on the
topics, read with clients, decoders and signatures that are not the suite's."""
import base64
import functools
import hmac
import os
import re
import subprocess

import psycopg
import pytest

from loadgen import keyfile
from loadgen.watch import partition_of
from phi_client.codes import Code, Receipt
from phi_client.life import ADDRESS, COMPANIONS, PHONE, SEAT, STATEMENT, source_line
from phi_client.people import Person
from phi_client.sm2 import PublicKey
from phi_client.suite import ROOT, wait_until
from phi_client.topics import read_topic

REGION = "320000"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
GREEN = 1  # as the tables keep it: the order of strictness


class Story:
    """The steps, each taken once, when a test first asks for it, after those before it."""

    def __init__(self, suite, life):
        self.suite, self.life = suite, life
        self.citizen, self.scanner, self.officer = Person(), Person(), Person()
        key = self.secret("svc-declare", "index")
        text = f"{self.citizen.id_type}|{self.citizen.id_no}|{self.citizen.country}"
        self.subject = hmac.new(key, text.encode(), "sm3").digest()[:16]

    def secret(self, owner, use):
        return keyfile.secret(self.suite.key_file(owner, use), f"{self.suite.run}/keys/{owner}/password")

    def rows(self, sql, *values, region=REGION):
        with psycopg.connect(**self.suite.database(region)) as connection:
            return connection.execute(sql, values).fetchall()

    def records(self, stream, key=None, count=1):
        """The records of a key, once there are so many; an event that came twice counts once."""
        key, mine = key or self.subject, {}

        def enough(records):
            for record in records:
                if record.key == key:
                    mine.setdefault(record.event_id, record)
            return len(mine) >= count

        read_topic(self.suite.bus, f"phi.{REGION}.{stream}", until=enough)
        return list(mine.values())

    def record(self, stream, key=None):
        (record,) = self.records(stream, key)
        return record

    def explain(self, grade):
        """The citizen's own view, once it says the grade."""
        def look():
            data = self.life.done(self.life.get("citizen-app", "svc-directory", "/v1/health/explain", self.citizen))
            return data if data["grade"]["code"] == grade else None
        return wait_until(look, 20, f"grade {grade}")

    def query(self, code, grade):
        """The scanning person's query, once the nation too says the grade."""
        def look():
            data = self.life.done(self.life.post("scan-app", "svc-directory", "/v1/health/query", {"code": code},
                                                 self.scanner))
            nation = [entry for entry in data["entries"] if entry["via"] == "000000" and entry["grade"] == grade]
            return (data, nation[0]) if nation else None
        return wait_until(look, 20, f"the nation's entry {grade}")

    @functools.cached_property
    def declared(self):
        self.life.consent(self.citizen)
        return self.life.declare(self.citizen)["factId"], self.life.declare_trips(self.citizen)["factIds"]

    @functools.cached_property
    def code(self):
        assert self.declared
        return self.life.mint(self.citizen)["code"]

    @functools.cached_property
    def serial_mac(self):
        return hmac.new(self.secret("svc-codegen", "serial"), Code.of(self.code).serial, "sm3").digest()

    @functools.cached_property
    def green(self):
        assert self.code
        self.suite.settle()  # both facts: each may be a version of its own
        return self.explain("green"), *self.query(self.code, "green")

    @functools.cached_property
    def reported(self):
        assert self.green
        line = source_line(self.citizen, "contacts")
        (answer,) = self.life.report("contacts", [line])
        return line, answer

    @functools.cached_property
    def red(self):
        assert self.reported
        return self.explain("red"), *self.query(self.code, "red")

    @functools.cached_property
    def case(self):
        named = self.red[0]["reasons"][0]["facts"][0]
        fact = {member: named[member] for member in ("region", "source", "institution", "recordNo")}
        return self.life.file(self.citizen, fact), fact

    @functools.cached_property
    def decided(self):
        return self.life.decide(self.case[0]["caseId"], self.officer)

    @functools.cached_property
    def green_again(self):
        assert self.decided
        return self.explain("green"), *self.query(self.code, "green")


@pytest.fixture(scope="module")
def story(suite, life):
    return Story(suite, life)


def check_envelope(record, stream, program):
    """CloudEvents 1.0 in binary mode, and the partition by the documented rule."""
    assert record.header("ce_specversion") == "1.0" and re.fullmatch(UUID, record.event_id)
    assert record.header("ce_type") == f"cn.phi.{stream}" and record.header("ce_source") == f"/phi/{REGION}/{program}"
    assert record.header("content-type").split(";")[0] == "application/json"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", record.header("ce_time"))
    assert record.partition == partition_of(record.key)


def check_nothing_personal(story, *records):
    told = [story.citizen.name, story.citizen.id_no, story.citizen.sub, PHONE, ADDRESS, SEAT, COMPANIONS, STATEMENT,
            story.code, Code.of(story.code).serial.hex()]
    for record in records:
        seen = record.value + b"".join(name.encode() + (value or b"") for name, value in record.headers.items())
        assert not [text for text in told if text.encode() in seen], record.topic


def signed_bytes(record, version):
    return b"\n".join([record.topic.encode(), record.key, version.encode(), record.value])


def check_mac(story, record):
    expected = hmac.new(story.secret("svc-declare", "bus"), signed_bytes(record, "0"), "sm3").digest()
    assert base64.b64decode(record.header("phi-mac")) == expected


def check_signed(story, record, owner, use):
    """Signed by its owner's key: verified by gmssl, and not for another version."""
    key = PublicKey.from_file(story.suite.public_file(owner, use))
    version, signature = record.header("phi-version"), base64.b64decode(record.header("phi-signature"))
    assert record.header("phi-key") == key.serial
    assert key.verify(signed_bytes(record, version), signature)
    assert not key.verify(signed_bytes(record, str(int(version) + 1)), signature)


def test_declarations_are_kept_and_told(story):
    health, trips = story.declared
    facts = {"declare.health": [health], "declare.trip": trips}
    rows = story.rows("SELECT source, encode(fact_id, 'hex') FROM declare.declarations WHERE subject = %s", story.subject)
    assert sorted(rows) == sorted((stream, fact) for stream, ids in facts.items() for fact in ids)
    assert story.rows("SELECT count(*) FROM declare.consents WHERE subject = %s", story.subject) == [(1,)]
    for stream, ids in facts.items():
        record = story.record(stream)
        check_envelope(record, stream, "svc-declare")
        check_mac(story, record)
        check_nothing_personal(story, record)
        value = record.json
        assert [value["factId"]] == ids and value["subject"] == story.subject.hex() and value["sealed"]
        assert (value["source"], value["institution"], value["revision"]) == (stream, "citizen-app", 1)


def test_a_code_is_signed_kept_and_told(story, suite):
    code = Code.of(story.code)
    key = PublicKey.from_file(suite.public_file("svc-codegen", "code"))
    assert key.verify(code.signed, code.signature) and not key.verify(code.signed[:-1] + b"\0", code.signature)
    rows = story.rows("SELECT scene, deadline_s, consent_digest FROM codegen.codes WHERE serial_hmac = %s",
                      story.serial_mac)
    assert rows == [("pass", code.deadline_s, code.consent_digest)]
    record = story.record("code.minted", story.serial_mac[:16])
    check_envelope(record, "code.minted", "svc-codegen")
    check_nothing_personal(story, record)
    value = record.json
    assert value["serialHmac"] == story.serial_mac.hex() and (value["platform"], value["scene"]) == (REGION, "pass")
    assert (value["oneTime"], value["paper"], value["app"]) == (False, False, "citizen-app")


def test_kcat_shows_headers_and_nothing_personal(story, suite):
    assert story.code
    done = subprocess.run(["kcat", "-C", "-e", "-q", "-b", suite.bus, "-t", f"phi.{REGION}.code.minted", "-f", "%h %s\n"],
                          capture_output=True, text=True, timeout=30, check=True)
    lines = [line for line in done.stdout.splitlines() if story.serial_mac.hex() in line]
    assert len(lines) == 1 and "ce_type=cn.phi.code.minted" in lines[0] and "ce_specversion=1.0" in lines[0]
    for text in (story.citizen.name, story.citizen.id_no, story.citizen.sub, story.code):
        assert text not in done.stdout


def test_the_graded_picture_is_read_by_zbar(story, tmp_path):
    assert story.green
    data = story.life.done(story.life.post("citizen-app", "svc-directory", "/v1/health/picture",
                                           {"code": story.code, "format": "png"}, story.citizen))
    assert data["mediaType"] == "image/png"
    path = tmp_path / "code.png"
    path.write_bytes(base64.b64decode(data["base64"], validate=True))
    done = subprocess.run(["zbarimg", "--quiet", "--raw", path], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == story.code


def test_the_graded_picture_comes_in_every_form(story):
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF-1."}
    for form, symbology in (("png", "hx"), ("svg", "gm"), ("pdf", "qr"), ("pdf", "hx")):
        data = story.life.done(story.life.post("citizen-app", "svc-directory", "/v1/health/picture",
                                               {"code": story.code, "format": form, "symbology": symbology}, story.citizen))
        picture = base64.b64decode(data["base64"], validate=True)
        assert picture.startswith(starts[form]) and data["symbology"] == symbology
        if form == "svg":
            assert "<title id=\"phi-title\">未见异常".encode() in picture and b"<desc " in picture


def test_a_scan_gives_masked_name_and_grade(story):
    _explained, data, _nation = story.green
    name, id_no = data["holder"]["name"], data["holder"]["idNo"]
    assert "*" in name and name[0] == story.citizen.name[0] and name != story.citizen.name
    assert id_no == story.citizen.id_no[:4] + "*" * 10 + story.citizen.id_no[-4:]
    assert (data["grade"]["code"], data["grade"]["zh"]) == ("green", "未见异常")
    assert {"colour", "shape", "en"} <= set(data["grade"]) and data["time"]
    assert {entry["via"] for entry in data["entries"]} == {"local", "000000"} and data["notAsked"] == []


def test_the_nation_answers_a_receipt(story, suite, life):
    entry = story.green[2]
    receipt = life.receipt(story.code, story.scanner)
    read = Receipt(receipt)
    key = PublicKey.from_file(suite.public_file("svc-verify", "receipt"))
    assert read.key_serial == key.serial and key.verify(read.signed, read.signature)
    assert (read.subject, read.serial_hmac, read.app) == (story.subject, story.serial_mac, "scan-app")
    fields = {"receipt": base64.b64encode(receipt).decode()}
    data = life.done(life.post("directory-320000", "svc-platform", "/v1/directory/query", fields))
    assert data["strictest"] == "green"
    assert [(e["region"], e["grade"], e["version"]) for e in data["entries"]] == [(REGION, "green", entry["version"])]
    spoilt = {"receipt": base64.b64encode(receipt[:-1] + bytes([receipt[-1] ^ 1])).decode()}
    assert life.post("directory-320000", "svc-platform", "/v1/directory/query", spoilt).code == "3013"


def test_the_holder_sees_each_use_and_the_topic_tells_it(story, life):
    assert story.green
    known = life.done(life.get("citizen-app", "svc-verify", "/v1/codes/uses?limit=100", story.citizen))["uses"]
    life.done(life.post("scan-app", "svc-directory", "/v1/health/query", {"code": story.code}, story.scanner))
    uses = life.done(life.get("citizen-app", "svc-verify", "/v1/codes/uses?limit=100", story.citizen))["uses"]
    assert uses[1:] == known and len(uses) == len(known) + 1
    assert (uses[0]["platform"], uses[0]["program"], uses[0]["app"], uses[0]["scope"], uses[0]["resultCode"]) == (
        REGION, "svc-directory", "scan-app", "pass", "0000")
    rows = story.rows("SELECT count(*) FROM verify.uses WHERE serial_hmac = %s", story.serial_mac)
    records = story.records("code.verified", story.serial_mac[:16], rows[0][0])
    for record in records:
        check_envelope(record, "code.verified", "svc-verify")
        check_nothing_personal(story, record)
        assert record.json["serialHmac"] == story.serial_mac.hex() and record.json["resultCode"] == "0000"
    assert len(records) == rows[0][0]


def test_a_code_of_five_seconds_says_that_it_has_expired(story, life):
    code = life.mint(story.citizen, "pass-brief")["code"]
    assert life.verify(code, story.scanner, operation="check").code == "0000"
    answer = wait_until(lambda: (lambda a: a if a.code != "0000" else None)(
        life.verify(code, story.scanner, operation="check")), 15, "the code's end")
    assert (answer.status, answer.code, answer.json["resultDesc"]) == (200, "2003", "健康码已过期")


def test_a_reported_contact_makes_red(story):
    line, answer = story.reported
    assert answer["result"] == "accepted"
    record = story.record("source.contacts")
    check_envelope(record, "source.contacts", "svc-declare")
    check_mac(story, record)
    check_nothing_personal(story, record)
    assert (record.json["factId"], record.json["recordNo"]) == (answer["factId"], line["recordNo"])
    explained, data, nation = story.red
    assert data["grade"]["code"] == "red" and nation["reasons"] == ["close-contact"]
    assert explained["reasons"][0]["facts"][0]["recordNo"] == line["recordNo"]


def test_a_dispute_is_kept_and_told(story):
    case, fact = story.case
    assert case["state"] == "assigned" and fact["source"] == "source.contacts"
    rows = story.rows("SELECT encode(case_id, 'hex'), record_no FROM correction.cases WHERE subject = %s", story.subject)
    assert rows == [(case["caseId"], fact["recordNo"])]
    record = story.records("correction.step")[0]
    check_envelope(record, "correction.step", "svc-correction")
    check_nothing_personal(story, record)
    assert (record.json["caseId"], record.json["step"]) == (case["caseId"], "received")


def test_a_decision_is_signed_and_retracts_the_fact(story, life):
    decided, (case, fact) = story.decided, story.case
    assert (decided["state"], decided["outcome"]) == ("decided", "retract")
    record = story.record("correction.decided")
    check_envelope(record, "correction.decided", "svc-correction")
    check_signed(story, record, "svc-correction", "correction")
    check_nothing_personal(story, record)
    value = record.json
    assert (value["caseId"], value["action"], value["fact"]) == (case["caseId"], "retract", fact)
    assert value["decisionVersion"] == record.header("phi-version") == decided["decisionVersion"]
    assert story.green_again
    rows = story.rows("SELECT case_id, decision_version::text FROM directory.retractions WHERE subject = %s",
                      story.subject)
    assert rows == [(case["caseId"], decided["decisionVersion"])]
    steps = life.done(life.get("citizen-app", "svc-correction", f"/v1/corrections/{case['caseId']}", story.citizen))
    assert [step["step"] for step in steps["steps"]][:4] == ["received", "assigned", "proposed", "decided"]
    told = {record.json["step"] for record in story.records("correction.step", count=4)}
    assert told >= {"received", "assigned", "proposed", "decided"}


def test_the_history_says_what_was_when(story):
    explained, data, _nation = story.green_again
    assert data["grade"]["code"] == "green"
    grades = [period["grade"] for period in explained["history"]]
    assert grades[:3] == ["green", "red", "green"] and "to" not in explained["history"][0]
    assert all("to" in period for period in explained["history"][1:])


def test_the_newest_entry_on_the_topic_is_the_nations_and_signed(story):
    nation = story.green_again[2]
    ((version, grade),) = story.rows("SELECT version, grade FROM platform.entries WHERE subject = %s AND region = %s",
                                     story.subject, REGION, region="000000")
    ((home, published),) = story.rows("SELECT version, published_version FROM directory.entries WHERE subject = %s",
                                      story.subject)
    records = story.records("directory", count=3)
    versions = [int(record.header("phi-version")) for record in records]
    assert versions[-1] == max(versions) == version == home == published == int(nation["version"]) and grade == GREEN
    for record in records:
        check_envelope(record, "directory", "svc-directory")
        check_signed(story, record, "svc-directory", "directory")
        check_nothing_personal(story, record)
        assert record.json["version"] == record.header("phi-version") and record.json["region"] == REGION
    assert {record.json["grade"] for record in records} >= {"green", "red"}


def test_the_main_job_of_compose_passes_here_too(suite):
    """The story as compose/up tells it, signed by phictl, on this suite."""
    password = f"{suite.run}/keys/operator/password"
    for app in suite.apps.values():
        folder = os.path.join(suite.run, "keys", "apps", app.app_id)
        keyfile.write_sm2(os.path.join(folder, "app.key"), password, app.key)
        with open(password, encoding="ascii") as source:
            secret = source.read()
        with open(os.open(os.path.join(folder, "password"), os.O_WRONLY | os.O_CREAT, 0o600), "w",
                  encoding="ascii") as file:
            file.write(secret)
    done = subprocess.run([os.path.join(ROOT, "compose", "main-job"), "--run", suite.run, "--bin", suite.programs],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the whole life of a code, done" in done.stdout
