"""What was acknowledged, held against the services' tables, the topics and the unified platform: none missing, none twice."""
import base64
import collections
import hmac
import json
import time

import psycopg

from . import keyfile
from .watch import Watch, partition_of

REGION = "320000"
DLQS = [f"phi.{REGION}.dlq.svc-{name}" for name in ("codegen", "verify", "declare", "directory", "correction")]
STREAMS = ("declare.health", "code.minted", "code.verified", "correction.step", "correction.decided", "directory")
OUTBOXES = ("codegen", "verify", "declare", "correction")


def topic(stream):
    return f"phi.{REGION}.{stream}"


def sm3_mac(key, message):
    return hmac.new(key, message, "sm3").digest()


class Reconciler:
    """Made before the load begins: it watches the topics from there."""

    def __init__(self, suite, patience_s=60.0):
        """`patience_s`: what comes through later than that is lost."""
        self.suite, self.patience_s = suite, patience_s
        self.watch = Watch(suite.bus, [topic(stream) for stream in STREAMS] + DLQS + ["phi.000000.dlq.svc-platform"],
                           patience_s)
        self.serial_key, self.index_key = (
            keyfile.secret(suite.key_file("svc-codegen", use), f"{suite.run}/keys/svc-codegen/password")
            for use in ("serial", "index"))

    def close(self):
        self.watch.close()

    def subject(self, person):
        text = f"{person.id_type}|{person.id_no}|{person.country}"
        return sm3_mac(self.index_key, text.encode())[:16]

    def serial_mac(self, code):
        """Of a code's serial: the bytes after the length of A and the key set."""
        return sm3_mac(self.serial_key, base64.b32decode(code)[3:19])

    def rows(self, sql, *values, region=REGION):
        with psycopg.connect(**self.suite.database(region), connect_timeout=10) as connection:
            return connection.execute(sql, values).fetchall()

    def events(self, stream, member):
        """{member's value: {ce_id: records}} of what came since the watch began."""
        found = collections.defaultdict(lambda: collections.defaultdict(list))
        for record in self.watch.read()[topic(stream)]:
            found[record.json[member]][record.event_id].append(record)
        return found

    def until(self, what, look):
        """Waits until `look` gives an empty collection: what is still missing."""
        end = time.monotonic() + self.patience_s
        while True:
            missing = look()
            if not missing:
                return
            assert time.monotonic() < end, f"{what}: after {self.patience_s:.0f} s {len(missing)} missing: {list(missing)[:3]}"
            time.sleep(0.2)

    # --- declarations ---

    def declarations(self, declared):
        wanted = {self.subject(one.person): bytes.fromhex(one.fact_id) for one in declared}
        assert len(wanted) == len(declared) == len(set(wanted.values()))
        self._kept("declare.declarations", wanted)
        self.until("facts at svc-directory", lambda: self._missing_facts(wanted))
        self._kept("directory.facts", wanted)
        self.until("events of declare.health", lambda: self._missing_events("declare.health", "factId", wanted.values()))
        self._events_of_facts(wanted)
        self._directory(wanted)

    def _kept(self, table, wanted):
        """One declaration a person, and it is the acknowledged one."""
        rows = self.rows(f"SELECT subject, fact_id FROM {table} WHERE subject = ANY(%s)", list(wanted))
        assert len(rows) == len(wanted), f"{table}: {len(rows)} rows for {len(wanted)} acknowledged declarations"
        assert {bytes(subject): bytes(fact) for subject, fact in rows} == wanted, table

    def _missing_facts(self, wanted):
        rows = self.rows("SELECT fact_id FROM directory.facts WHERE fact_id = ANY(%s)", list(wanted.values()))
        return set(wanted.values()) - {bytes(row[0]) for row in rows}

    def _missing_events(self, stream, member, wanted):
        return {value.hex() for value in wanted} - set(self.events(stream, member))

    def _events_of_facts(self, wanted):
        events = self.events("declare.health", "factId")
        strangers = set(events) - {fact.hex() for fact in wanted.values()}
        assert not strangers, f"{len(strangers)} events of declarations that nobody was told of"
        for subject, fact in wanted.items():
            assert len(events[fact.hex()]) == 1, "one declaration, two events: doubles must carry the same id"
            (records,) = events[fact.hex()].values()
            for record in records:
                assert record.key == subject and record.json["subject"] == subject.hex()
                assert record.partition == partition_of(subject)

    def _directory(self, wanted):
        """The entry of each person: published by the province, kept by the nation, the newest on the topic."""
        self.until("entries at svc-directory", lambda: set(wanted) - set(self._entries(wanted)))
        self.until("entries published", lambda: [s for s, (v, out) in self._entries(wanted).items() if v != out])
        self.until("entries at the unified platform", lambda: self._not_at_the_nation(wanted))
        at_home, newest = {s: version for s, (version, _) in self._entries(wanted).items()}, {}
        for record in self.watch.read()[topic("directory")]:
            value = record.json
            if record.key in wanted:
                assert bytes.fromhex(value["subject"]) == record.key and value["version"] == record.header("phi-version")
                newest[record.key] = max(newest.get(record.key, 0), int(value["version"]))
        assert newest == at_home, "the topic's newest versions are not the tables'"

    def _entries(self, wanted):
        rows = self.rows("SELECT subject, version, published_version FROM directory.entries WHERE subject = ANY(%s)",
                         list(wanted))
        return {bytes(subject): (version, published) for subject, version, published in rows}

    def _nation(self, wanted):
        rows = self.rows("SELECT subject, version FROM platform.entries WHERE region = %s AND subject = ANY(%s)", REGION,
                         list(wanted), region="000000")
        return {bytes(subject): version for subject, version in rows}

    def _not_at_the_nation(self, wanted):
        nation, home = self._nation(wanted), self._entries(wanted)
        return [subject for subject in wanted if nation.get(subject) != home[subject][0]]

    # --- mints ---

    def mints(self, minted, besides=()):
        """`besides`: codes that others asked for meanwhile."""
        wanted = {self.serial_mac(one.code): bytes.fromhex(one.application_id) for one in minted}
        assert len(wanted) == len(minted) == len(set(wanted.values()))
        rows = self.rows("SELECT serial_hmac, application_id FROM codegen.codes WHERE application_id = ANY(%s)",
                         list(wanted.values()))
        assert len(rows) == len(wanted), f"codegen.codes: {len(rows)} rows for {len(wanted)} acknowledged mints"
        assert {bytes(serial): bytes(application) for serial, application in rows} == wanted
        people = [self.subject(one.person) for one in minted]
        applications = self.rows("SELECT count(*) FROM codegen.applications WHERE subject = ANY(%s)", people)[0][0]
        assert applications == len(minted), f"{applications} applications for {len(minted)} acknowledged"
        self.until("events of code.minted", lambda: self._missing_events("code.minted", "serialHmac", wanted))
        events = self.events("code.minted", "serialHmac")
        known = set(wanted) | {self.serial_mac(code) for code in besides}
        strangers = set(events) - {serial.hex() for serial in known}
        assert not strangers, f"{len(strangers)} events of codes that nobody was given"
        for serial in wanted:
            assert len(events[serial.hex()]) == 1, "one code, two events: doubles must carry the same id"
            (records,) = events[serial.hex()].values()
            assert {record.key for record in records} == {serial[:16]}

    # --- all of it, in the tables ---

    def still_there(self, declared, minted):
        facts = {self.subject(one.person): bytes.fromhex(one.fact_id) for one in declared}
        self._kept("declare.declarations", facts)
        self._kept("directory.facts", facts)
        assert set(self._nation(facts)) == set(facts)
        codes = {self.serial_mac(one.code) for one in minted}
        rows = self.rows("SELECT serial_hmac FROM codegen.codes WHERE serial_hmac = ANY(%s)", list(codes))
        assert len(rows) == len(codes) == len(minted)

    # --- what a service leaves behind ---

    def nothing_left(self):
        """All published rows are gone from the outboxes, and nothing was set aside."""
        self.until("empty outboxes", lambda: [name for name in OUTBOXES if self._outbox(name)])
        records = self.watch.read()
        dead = {name: len(records[name]) for name in records if ".dlq." in name}
        assert not dead, f"dead letters: {dead}"

    def _outbox(self, schema):
        return self.rows(f"SELECT count(*) FROM {schema}.outbox")[0][0]

    def count(self, stream):
        return len(self.watch.read()[topic(stream)])


def describe(**figures):
    return json.dumps(figures, ensure_ascii=False)
