"""A province of tests/world as it stands on the bus: facts under the health side's MAC, decisions signed. Copies of one world
differ in nothing but the key of their subjects and a mark in their record numbers, so what becomes of them can be compared.

    province = Province(suite, people=360, days=7); copy = province.copy()
    copy.send(copy.records); suite.settle(60); picture = copy.picture()
"""
import base64
import collections
import hashlib
import hmac
import json
import os
import random
import secrets
import sys
import time
import uuid

import psycopg
from confluent_kafka import Producer

from loadgen import keyfile
from loadgen.sm2 import Signer
from loadgen.watch import partition_of
from phi_client.sm2 import PrivateKey
from phi_client.suite import ROOT, wait_until

sys.path.insert(0, os.path.join(ROOT, "tests"))

from world import forms  # noqa: E402
from world.facts import fact_id, subject as subject_of  # noqa: E402
from world.records import Retraction, World  # noqa: E402
from world.truth import Fact, Truth  # noqa: E402

REGION, SEED, IMPORTS = "320000", 132, 20
Sendable = collections.namedtuple("Sendable", "topic key value headers day record")
# Which transactions are a batch of facts: those that have moved an offset.
BATCHES = ("SELECT a.pid, a.backend_xid::text FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.relation = "
           "'directory.offsets'::regclass AND l.mode = 'RowExclusiveLock' AND l.granted AND a.backend_xid IS NOT NULL AND "
           "a.query <> 'COMMIT'")


def topic(stream):
    return f"phi.{REGION}.{stream}"


def is_decision(one):
    return isinstance(one.record, Retraction)


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Province:
    def __init__(self, suite, people, days, imports=IMPORTS):
        self.suite, self.world = suite, World(people, days, SEED, int(time.time()) // 60 * 60, imports)
        self.people = {person.number: person for person in self.world.people.all()}
        self.bus_key = keyfile.secret(suite.key_file("svc-declare", "bus"), f"{suite.run}/keys/svc-declare/password")
        number = keyfile.sm2_number(suite.key_file("svc-correction", "correction"), f"{suite.run}/keys/svc-correction/password")
        self.signer = Signer(PrivateKey(number))
        self.database = psycopg.connect(**suite.database(), autocommit=True)

    def copy(self, **how):
        return Copy(self, **how)

    def connect(self):
        """Anew: the database was away."""
        self.database.close()
        self.database = psycopg.connect(**self.suite.database(), autocommit=True)

    def rows(self, sql, *values):
        return self.database.execute(sql, values).fetchall()

    def batches(self):
        return self.rows(BATCHES)


class Copy:
    """`clock`: by how many seconds the clock of an institution's producer is off."""

    def __init__(self, province, clock=lambda institution: 0):
        self.province, self.mark, self.clock = province, secrets.token_hex(4), clock
        key = secrets.token_bytes(32)
        self.subjects = {number: subject_of(person, key) for number, person in province.people.items()}
        self.numbers = {subject: number for number, subject in self.subjects.items()}
        self.records = []
        draws = random.Random(self.mark)
        for day in range(province.world.days):
            made = [self._made(person, record, day) for person, record in province.world.arriving(day)]
            draws.shuffle(made)
            # What svc-declare refuses never stands on the bus.
            self.records += [one for one in made if is_decision(one) or one.record.expect != "rejected"]

    # --- what is sent ---

    def _made(self, person, record, day):
        if isinstance(record, Retraction):
            return self._decision(person, record, day)
        return self.fact(person, record, day)

    def fact(self, person, record, day):
        stream, no = forms.stream(record.kind), f"{self.mark}-{record.number}"
        off = self.clock(record.institution)
        value = {"factId": fact_id(REGION, stream, record.institution, no, record.revision).hex(), "region": REGION,
                 "source": stream, "institution": record.institution, "recordNo": no, "revision": record.revision,
                 "subject": self.subjects[person.number].hex(), "subjectKeyVersion": 1,
                 "observedAt": forms.moment(record.at), "recordedAt": forms.moment(self._told(day) + off),
                 "content": forms.fact(record, person.county), "sealed": None}
        return self._sealed(topic(stream), self.subjects[person.number], value, day, record, off)

    def _told(self, day):
        """When what arrives on a day was written down here."""
        return self.province.world.begin(day + 1) - 1800

    def _sealed(self, name, key, value, day, record, off=0):
        text = value if isinstance(value, bytes) else canonical(value)
        mac = hmac.digest(self.province.bus_key, b"\n".join([name.encode(), key, b"0", text]), "sm3")
        return Sendable(name, key, text, [*self._envelope("cn.phi." + name.split(".", 2)[2], off),
                                          ("phi-mac", base64.b64encode(mac))], day, record)

    def _envelope(self, kind, off=0):
        return [("ce_specversion", b"1.0"), ("ce_id", str(uuid.uuid4()).encode()), ("ce_type", kind.encode()),
                ("ce_source", f"/phi/{REGION}/svc-declare".encode()),
                ("ce_time", forms.moment(int(time.time()) + off).encode()), ("content-type", b"application/json")]

    def _decision(self, person, record, day):
        key, name, no = self.subjects[person.number], topic("correction.decided"), f"{self.mark}-{record.number}"
        version = self._told(day) * 1_000_000
        value = {"caseId": hashlib.md5(no.encode()).hexdigest(), "decisionVersion": str(version), "subject": key.hex(),
                 "action": "retract", "decidedAt": forms.moment(self._told(day)), "reason": "record-error",
                 "fact": {"region": REGION, "source": record.source, "institution": record.institution, "recordNo": no}}
        text = canonical(value)
        signature = self.province.signer.sign(b"\n".join([name.encode(), key, str(version).encode(), text]))
        headers = [*self._envelope("cn.phi.correction.decided"), ("phi-key", self.province.signer.serial.encode()),
                   ("phi-version", str(version).encode()), ("phi-signature", base64.b64encode(signature))]
        return Sendable(name, key, text, headers, day, record)

    def send(self, records, seconds=0.0):
        """All of them, acknowledged, spread over so many seconds; waits for a broker that is away."""
        failures = []
        producer = Producer({"bootstrap.servers": self.province.suite.bus, "enable.idempotence": True, "linger.ms": 5,
                             "delivery.timeout.ms": 120000, "log_level": 0, "error_cb": lambda _error: None})
        begin = time.monotonic()
        for number, one in enumerate(records):
            producer.produce(one.topic, one.value, one.key, partition=partition_of(one.key), headers=one.headers,
                             on_delivery=lambda error, _message: failures.append(error) if error else None)
            ahead = seconds * number / len(records) - (time.monotonic() - begin)
            producer.poll(0)
            if ahead > 0.02:
                producer.flush(ahead)
                time.sleep(max(0.0, seconds * number / len(records) - (time.monotonic() - begin)))
        assert producer.flush(120) == 0 and not failures, failures[:3]

    # --- what became of it ---

    def facts(self):
        """{(source, institution, number, revision): (person, content)}"""
        rows = self.province.rows("SELECT source, institution, record_no, revision, subject, content FROM directory.facts WHERE "
                                  "record_no LIKE %s", f"{self.mark}-%")
        assert len({row[:4] for row in rows}) == len(rows)
        return {(source, institution, self._plain(no), revision): (self.numbers[bytes(subject)], content)
                for source, institution, no, revision, subject, content in rows}

    def _plain(self, record_no):
        return record_no.removeprefix(f"{self.mark}-")

    def retractions(self):
        rows = self.province.rows("SELECT source, institution, record_no, subject, is_retracted FROM directory.retractions WHERE "
                                  "record_no LIKE %s", f"{self.mark}-%")
        return collections.Counter((source, institution, self._plain(no), self.numbers[bytes(subject)], is_retracted)
                                   for source, institution, no, subject, is_retracted in rows)

    def entries(self):
        """{person: every field of the entry but version and times of its making}"""
        words = {code: (reason, rule, version) for code, reason, rule, version in self.province.rows(
            "SELECT code, reason, rule, version FROM directory.reason_codes")}
        rows = self.province.rows("SELECT subject, subject_key, partition, grade, reasons, sources_mask, then_grade, until_us, "
                                  "version, published_version FROM directory.entries WHERE subject = ANY(%s)",
                                  list(self.numbers))
        found = {}
        for subject, key, partition, grade, codes, sources, then, until, version, published in rows:
            assert version == published and partition == partition_of(bytes(subject))
            reasons = [words[int.from_bytes(codes[at:at + 2], "big")] for at in range(0, len(codes), 2)]
            found[self.numbers[bytes(subject)]] = (grade, reasons, sources, then, until, key)
        return found

    def nation(self):
        """{person: the same at the unified platform}"""
        with psycopg.connect(**self.province.suite.database("000000"), autocommit=True) as nation:
            rows = nation.execute("SELECT subject, grade, reasons, sources, then_grade, until_us, is_withdrawn FROM "
                                  "platform.entries WHERE region = %s AND subject = ANY(%s)",
                                  (REGION, list(self.numbers))).fetchall()
        return {self.numbers[bytes(row[0])]: row[1:] for row in rows}

    def is_due(self):
        """Whether somebody is to be graded anew now."""
        return self.province.rows("SELECT count(*) FROM directory.due WHERE after_us <= %s AND subject = ANY(%s)",
                                  int(time.time() * 1e6), list(self.numbers))[0][0] > 0

    def picture(self, seconds=90):
        self.province.suite.settle(seconds)
        wait_until(lambda: not self.is_due(), 30, "everybody is graded")
        self.province.suite.settle(30)
        return {"facts": self.facts(), "retractions": self.retractions(), "entries": self.entries(), "nation": self.nation()}

    def truth(self):
        """The independent evaluator's, of what was sent."""
        with open(os.path.join(ROOT, "svc-directory", "rules", f"{REGION}.json"), encoding="utf-8") as file:
            truth = Truth(json.load(file))
        for one in self.records:
            record = one.record
            if is_decision(one):
                truth.retract(record.source, record.institution, record.number, self._told(one.day) * 1_000_000)
            elif record.expect == "accepted":
                content = json.loads(one.value)["content"]
                truth.add(Fact(self.subjects[record.person].hex(), forms.stream(record.kind), record.institution, record.number,
                               record.revision, record.at * 1_000_000, content, self._told(one.day) * 1_000_000,
                               content.get("eventKey")))
        return truth

    # --- what nobody may send ---

    def poison(self):
        """(record, the reason in its dead letter): one of every kind of what the directory can't take."""
        good = next(one for one in self.records if not is_decision(one) and one.record.kind == "tests")
        name, key = good.topic, good.key
        value = json.loads(good.value)
        no_mac = [header for header in good.headers if header[0] != "phi-mac"]
        wrong = {**value, "recordNo": value["recordNo"] + "-x"}
        elsewhere = {**value, "region": "440000"}
        return [
            (good._replace(headers=no_mac), "unsigned"),
            (good._replace(headers=[*no_mac, ("phi-mac", base64.b64encode(bytes(32)))]), "signature"),
            (self._sealed(name, key, b"{\"factId\":", 0, good.record), "json"),
            (self._sealed(name, key, wrong, 0, good.record), "data_broken"),
            (self._sealed(name, key, elsewhere, 0, good.record), "forbidden"),
            (self._sealed(name, key, {**value, "content": 7}, 0, good.record), "field_type"),
            (self._sealed(name, key, {**value, "content": {**value["content"], "result": "x" * 17000}}, 0, good.record),
             "body_too_large"),
            (self._sealed(name, key, {**value, "content": {**value["content"], "result": "inconclusive"}}, 0, good.record),
             "conflict"),
        ]

