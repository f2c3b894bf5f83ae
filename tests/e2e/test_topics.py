"""What stands on the topics, read with a client that is not the suite's: envelopes, signatures, nothing personal."""
import base64
import datetime
import json
import re
import uuid

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from phi_client import life as words
from phi_client.codes import Code
from phi_client.life import SOURCE_KINDS, source_line, trip
from phi_client.people import Person
from phi_client.sm2 import PrivateKey, PublicKey, digest
from phi_client.suite import wait_until
from phi_client.topics import read_all, read_topic, write_topic

REGION = "320000"
NOTE, HISTORY = "自述乏力两日", "青霉素过敏史"
SOURCES = {"code.minted": "svc-codegen", "code.verified": "svc-verify", "declare.health": "svc-declare",
           "declare.trip": "svc-declare", "declare.person": "svc-declare", **{f"source.{kind}": "svc-declare" for kind in SOURCE_KINDS},
           "correction.step": "svc-correction", "correction.decided": "svc-correction svc-declare", "directory": "svc-directory"}
FACTS = ("declare.health", "declare.trip", *(f"source.{kind}" for kind in SOURCE_KINDS))
SUBJECT_KEYED = (*FACTS, "declare.person", "correction.step", "correction.decided", "directory")
# Whose signature each signed topic carries: the key's owner and use.
SIGNED = {f"phi.{REGION}.directory": ("svc-directory", "directory"),
          f"phi.{REGION}.correction.decided": ("svc-correction", "correction"),  # of cases; bulk retractions: svc-declare
          f"phi.{REGION}.code.revoked": ("svc-verify", "revocation"),
          f"phi.{REGION}.reference.places": ("svc-declare", "places"),
          f"phi.{REGION}.reference.sources": ("svc-declare", "places"),
          f"phi.{REGION}.access.registry": ("operator", "access"), "phi.000000.access.registry": ("operator", "access"),
          "phi.registry": ("svc-platform", "trust")}


class Story:
    """One person's whole life on the topics, and every text of it that must not be found there."""

    def __init__(self, life):
        self.life, self.person, self.scanner, self.officer = life, Person(), Person(), Person()
        life.consent(self.person)
        declared = life.post("citizen-app", "svc-declare", "/v1/declarations/health",
                             {"basic": {**words.basic(), "medicalHistory": HISTORY},
                              "health": words.health(symptoms=["cough"], note=NOTE)}, self.person)
        self.facts = {life.done(declared)["factId"], *life.declare_trips(self.person, trip(), trip(seat="11-3A"))["factIds"]}
        self.lines = {kind: source_line(self.person, kind) for kind in SOURCE_KINDS}
        for kind, line in self.lines.items():
            self.facts |= {answer["factId"] for answer in life.report(kind, [line])}
        self.codes = [life.mint(self.person)["code"], life.mint(self.person, "pass-once")["code"]]
        for code in self.codes:
            life.done(life.verify(code, self.scanner, challenge="ab" * 16))
        life.publish([words.place_line()])
        self.case, _fact = life.disputed(self.person)
        life.decide(self.case["caseId"], self.officer)
        self.token = life.token(self.person)

    def secrets(self):
        """(what, bytes in any form in which they could stand)"""
        for who, person in (("holder", self.person), ("scanner", self.scanner), ("officer", self.officer)):
            yield f"{who}'s name", forms(person.name)
            yield f"{who}'s id number", forms(person.id_no)
            yield f"{who}'s sub", forms(person.sub)
        for what, text in (("phone", words.PHONE), ("address", words.ADDRESS), ("seat", words.SEAT),
                           ("companions", words.COMPANIONS), ("statement", words.STATEMENT), ("note", NOTE),
                           ("medical history", HISTORY), ("token", self.token), ("token's signature",
                                                                                 self.token.split(".")[2]),
                           ("specimen", self.lines["tests"]["content"]["specimenNo"])):
            yield what, forms(text)
        for code in self.codes:
            serial = Code.of(code).serial
            yield "code", forms(code)
            yield "code's serial", (serial, serial.hex().encode(), serial.hex().upper().encode(),
                                    base64.b64encode(serial).rstrip(b"=")[:-1])


def forms(text):
    """A text as it is, as JSON would escape it, in hex and in base64 at each of the three places."""
    data = text.encode()
    encoded = [base64.b64encode(b" " * pad + data)[(0, 2, 3)[pad]:].rstrip(b"=")[:-2] for pad in range(3)]
    return (data, json.dumps(text)[1:-1].encode(), data.hex().encode(), *(part for part in encoded if len(part) > 12))


@pytest.fixture(scope="module")
def story(life):
    return Story(life)


@pytest.fixture(scope="module")
def records(suite, story):
    """Every record of every topic, once what the story made is there."""
    def is_whole(found):
        ids = {(value_of(r) or {}).get("factId") for stream in FACTS for r in found[f"phi.{REGION}.{stream}"]}
        cases = [{(value_of(r) or {}).get("caseId") for r in found[f"phi.{REGION}.{stream}"]}
                 for stream in ("correction.step", "correction.decided")]
        codes = {(value_of(r) or {}).get("serialHmac") for r in found[f"phi.{REGION}.code.minted"]
                 if deadline_of(r) in deadlines}
        used = {(value_of(r) or {}).get("serialHmac") for r in found[f"phi.{REGION}.code.verified"]}
        return story.facts <= ids and all(story.case["caseId"] in seen for seen in cases) and len(codes & used) >= 2

    deadlines = {Code.of(code).deadline_s for code in story.codes}
    wait_until(lambda: is_whole(read_all(suite.bus, [f"phi.{REGION}.{stream}" for stream in SOURCES])), 30,
               "the story is on the topics")
    subject = next(r.key for r in read_topic(suite.bus, f"phi.{REGION}.declare.health")
                   if (value_of(r) or {}).get("factId") in story.facts)
    read_topic(suite.bus, f"phi.{REGION}.directory", 30, until=lambda seen: any(r.key == subject for r in seen))
    found = read_all(suite.bus, topics(suite))
    return {topic: [r for r in seen if not r.is_written_by_tests] for topic, seen in found.items()}


def value_of(record):
    try:
        return json.loads(record.value)
    except (TypeError, ValueError):
        return None


def topics(suite):
    names = AdminClient({"bootstrap.servers": suite.bus}).list_topics(timeout=10).topics
    return sorted(name for name in names if name.startswith("phi."))


def deadline_of(record):
    text = (value_of(record) or {}).get("deadline")
    return int(datetime.datetime.fromisoformat(text).timestamp()) if text else None


@pytest.mark.parametrize("stream", SOURCES)
def test_envelopes(records, stream):
    """CloudEvents 1.0, Kafka binding, binary mode; the value is JSON in one line."""
    seen = records[f"phi.{REGION}.{stream}"]
    assert seen
    for record in seen:
        assert record.header("ce_specversion") == "1.0"
        assert record.header("ce_type") in {f"cn.phi.{stream}", *(["cn.phi.directory.mark"] if stream == "directory" else [])}
        assert record.header("ce_source") in {f"/phi/{REGION}/{program}" for program in SOURCES[stream].split()}
        assert uuid.UUID(record.header("ce_id")).version == 7
        assert datetime.datetime.fromisoformat(record.header("ce_time")).utcoffset() is not None
        assert record.header("content-type").startswith("application/json")
        assert isinstance(record.json, dict) and b"\n" not in record.value
        assert not any(name.startswith("ce_") and name not in
                       ("ce_specversion", "ce_type", "ce_source", "ce_id", "ce_time", "ce_traceparent")
                       for name in record.headers), record.headers
    assert len({r.event_id for r in seen}) == len({(r.event_id, r.key, r.value) for r in seen}), "an id means one event"


def test_keys_say_the_partition(records):
    """The first twelve bits of a subject, modulo the number of partitions: what lies elsewhere, its owner never sees."""
    for stream in (*SUBJECT_KEYED, "code.minted", "code.verified"):
        seen = records[f"phi.{REGION}.{stream}"]
        for record in seen:
            assert len(record.key) == 16, stream
            assert record.partition == (int.from_bytes(record.key[:2], "big") >> 4) % 8, stream
        assert len({r.partition for r in seen}) > (1 if len({r.key for r in seen}) > 20 else 0), stream


def test_what_was_replaced_leaves_the_disk_within_a_day(suite):
    """An erased person's wrapped key, before all."""
    resource = ConfigResource(ResourceType.TOPIC, f"phi.{REGION}.person.key")
    client = AdminClient({"bootstrap.servers": suite.bus})
    (found,) = client.describe_configs([resource]).values()
    settings = {name: entry.value for name, entry in found.result(20).items()}
    assert (settings["cleanup.policy"], settings["max.compaction.lag.ms"]) == ("compact", "86400000")


def test_one_person_has_one_subject_on_all_topics(suite, story, records):
    subjects = {record.key for stream in FACTS for record in records[f"phi.{REGION}.{stream}"]
                if (value_of(record) or {}).get("factId") in story.facts}
    assert len(subjects) == 1
    subject = subjects.pop()
    for stream in ("correction.step", "correction.decided"):
        keys = {r.key for r in records[f"phi.{REGION}.{stream}"]
                if (value_of(r) or {}).get("caseId") == story.case["caseId"]}
        assert keys == {subject}, stream
    assert subject in {r.key for r in records[f"phi.{REGION}.directory"]}
    assert digest(f"{story.person.id_type}|{story.person.id_no}|CHN".encode())[:16] != subject, "a subject needs a key"


@pytest.mark.parametrize("stream", FACTS)
def test_facts_are_sealed_and_carry_a_mac(records, stream):
    for record in records[f"phi.{REGION}.{stream}"]:
        value = record.json
        assert len(base64.b64decode(record.header("phi-mac"), validate=True)) == 32
        assert value["subject"] == record.key.hex() and value["region"] == REGION and value["source"] == stream
        assert re.fullmatch("[0-9a-f]{32}", value["factId"])
        sealed = base64.b64decode(value["sealed"], validate=True)
        assert len(sealed) >= 4 + 16 + 32 + 10, "key id, nonce, text, MAC"


def test_serials_are_told_by_an_hmac_only(records, story):
    serials = {Code.of(code).serial.hex() for code in story.codes}
    for stream in ("code.minted", "code.verified"):
        for record in records[f"phi.{REGION}.{stream}"]:
            hmac = record.json["serialHmac"]
            assert re.fullmatch("[0-9a-f]{64}", hmac) and record.key.hex() == hmac[:32]
            assert hmac[:32] not in serials
            assert "subject" not in record.json, "minting and use are not told with the person"
    minted = {r.json["serialHmac"] for r in records[f"phi.{REGION}.code.minted"]}
    used = {r.json["serialHmac"] for r in records[f"phi.{REGION}.code.verified"]}
    assert used <= minted


def personal(record, secrets):
    """What of a person stands in a record, in its key, its headers or its value."""
    parts = [record.key or b"", record.value or b""]
    for name, value in record.headers.items():
        parts += [name.encode(), value or b""]
    whole = b"\0".join(parts)
    return [what for what, texts in secrets if any(text in whole for text in texts)]


def test_nothing_personal_stands_on_any_topic(records, story):
    secrets = list(story.secrets())
    for topic, seen in records.items():
        for record in seen:
            found = personal(record, secrets)
            assert not found, f"{topic} {record.partition}/{record.offset}: {found}"
    shapes = re.compile(rb"(?<![0-9A-Za-z+/])[1-8][0-9]{16}[0-9X](?![0-9A-Za-z+/=])|"
                        rb"(?<![0-9A-Za-z+/])1[3-9][0-9]{9}(?![0-9A-Za-z+/=])|eyJ[A-Za-z0-9_-]{20,}\.|[A-Z2-7]{200,}")
    for topic, seen in records.items():
        for record in seen:
            found = shapes.search(record.value or b"")
            assert not found, f"{topic} {record.partition}/{record.offset}: the shape of an id number, phone, token or code"


def test_the_search_finds_what_it_looks_for(story):
    class Planted:
        key, value, headers = b"k", json.dumps({"a": f"x{story.person.name}y"}).encode(), {"h": None}
    assert personal(Planted, list(story.secrets())) == ["holder's name"]
    Planted.value, Planted.headers = b"{}", {"h": base64.b64encode(b"z" + story.person.id_no.encode() + b"zz")}
    assert personal(Planted, list(story.secrets())) == ["holder's id number"]


def signature_holds(record, key):
    if record.header("phi-key") != key.serial or record.header("phi-signature") is None:
        return False
    message = b"\n".join([record.topic.encode(), record.key or b"", record.headers["phi-version"], record.value or b""])
    return key.verify(message, base64.b64decode(record.header("phi-signature"), validate=True))


@pytest.mark.parametrize("topic", SIGNED)
def test_what_others_act_on_is_signed_by_its_owner(suite, records, topic):
    key = PublicKey.from_file(suite.public_file(*SIGNED[topic]))
    bulk = PublicKey.from_file(suite.public_file("svc-declare", "retraction"))
    seen = [record for record in records[topic] if record.header("phi-key") != bulk.serial]
    assert seen
    for record in seen[-200:]:
        assert signature_holds(record, key), f"{record.partition}/{record.offset}"
    versions = {}
    for record in sorted(seen, key=lambda r: (r.partition, r.offset)):
        version = int(record.header("phi-version"))
        assert version >= versions.get(record.key, 0), "versions of a key rise"
        versions[record.key] = version
    changed = seen[-1]
    changed.value = changed.value[:-1] + b" }"
    assert not signature_holds(changed, key), "the signature covers the value"


def test_entries_say_what_the_directory_says(records, story, life):
    subject = next(r.key for r in records[f"phi.{REGION}.declare.health"]
                   if (value_of(r) or {}).get("factId") in story.facts)
    newest = max((r for r in records[f"phi.{REGION}.directory"] if r.key == subject),
                 key=lambda r: int(r.header("phi-version")))
    value = newest.json
    assert (value["subject"], value["region"], value["version"]) == (subject.hex(), REGION, newest.header("phi-version"))
    assert value["withdrawn"] is False and value["grade"] in ("red", "review", "yellow", "green", "grey")


FORGED = ("unsigned", "signed by another key", "another region's entry", "no JSON", "empty", "a tombstone")


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_entry_is_set_aside_and_blocks_nothing(suite, story, life, records, how):
    """Write access to a bus is no root of trust: the nation keeps the owner's word, and takes what comes after."""
    topic, forger = f"phi.{REGION}.directory", PrivateKey()
    owner = max((r for r in records[topic] if r.value), key=lambda r: r.offset)
    value = {**json.loads(owner.value if owner.value.endswith(b"}") else b"{}"), "grade": "green"}
    if how == "another region's entry":
        value["region"] = "330000"
    data = {"no JSON": b"\xff{", "empty": b"", "a tombstone": None}.get(how, json.dumps(value).encode())
    version = b"9999999999999999"
    headers = [("ce_specversion", b"1.0"), ("ce_id", str(uuid.uuid4()).encode()), ("ce_type", b"cn.phi.directory"),
               ("ce_source", b"/phi/320000/svc-directory"), ("ce_time", words.moment().encode()),
               ("content-type", b"application/json")]
    if how != "unsigned":
        signature = forger.sign(b"\n".join([topic.encode(), owner.key, version, data or b""]))
        headers += [("phi-key", forger.public.serial.encode()), ("phi-version", version),
                    ("phi-signature", base64.b64encode(signature))]
    letters = lambda: read_topic(suite.bus, "phi.000000.dlq.svc-platform")
    before = len(letters())
    write_topic(suite.bus, topic, data, key=owner.key, headers=headers, partition=owner.partition)
    wait_until(lambda: len(letters()) > before, 15, "the dead letter")
    letter = max(letters(), key=lambda r: r.offset)
    assert data is None or not data or data not in letter.value, "dead letters are sealed"
    # What comes after on the same partition still arrives at the nation.
    person = Person()
    life.consent(person)
    life.declare(person)
    code = life.mint(person)["code"]
    def nation():
        receipt = base64.b64encode(life.receipt(code, story.scanner)).decode()
        answer = life.post("directory-320000", "svc-platform", "/v1/directory/query", {"receipt": receipt})
        return life.done(answer)["entries"]
    wait_until(nation, 15, "the nation knows the next person")
