"""docs/asyncapi.yaml and docs/schemas say what stands on the topics: held against the list of topics and, after all
other tests, against every record of the session."""
import base64
import collections
import functools
import json
import os
import re
import time

import jsonschema
import psycopg
import pytest
import yaml
from confluent_kafka.admin import AdminClient
from phi_client import letters
from phi_client.analysts import Analysts
from phi_client.grants import Grants
from phi_client.life import SHOT, SOURCE_KINDS, moment, place_line, source_line, trip
from phi_client.people import Person
from phi_client.sm2 import PublicKey
from phi_client.suite import ROOT, wait_until
from phi_client.topics import read_topic
from test_watch import restore

DOCS, REGION = os.path.join(ROOT, "docs"), "320000"
CUT = f"{REGION}/e2e/one-of-each"  # a caller
MESSAGES = "#/components/messages/"
# Whose records count on a registry's topic: the owner and the use of the pinned key. Others may have been put there by tests.
OWNERS = {f"phi.{REGION}.access.registry": ("operator", "access"), "phi.000000.access.registry": ("operator", "access"),
          f"phi.{REGION}.code.revoked": ("svc-verify", "revocation"), "phi.registry": ("svc-platform", "trust")}


@functools.cache
def document():
    with open(os.path.join(DOCS, "asyncapi.yaml"), encoding="utf-8") as file:
        return yaml.safe_load(file)


def channels():
    """(topic, channel) of the province under test and of the nation."""
    return [(c["address"].replace("{region}", REGION), c) for c in document()["channels"].values()]


def messages_of(channel):
    parts = document()["components"]["messages"]
    return [parts[m["$ref"].removeprefix(MESSAGES)] for m in channel.get("messages", {}).values()]


def produced():
    """(topic, message) of every topic whose records are JSON and that some program writes today."""
    return [(topic, message) for topic, channel in channels() for message in messages_of(channel)
            if "$ref" in message["payload"]]


def schema(name):
    with open(os.path.join(DOCS, name), encoding="utf-8") as file:
        return json.load(file)


def closed(node):
    """The same schema without room for members that it does not name: what writers of today may send."""
    if isinstance(node, list):
        return [closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {key: closed(value) for key, value in node.items() if key != "$schema"}
    if copy.get("type") == "object" and "properties" in copy:
        copy["unevaluatedProperties"] = False
    return copy


def topic_rows():
    with open(os.path.join(ROOT, "compose", "topics.txt"), encoding="utf-8") as lines:
        return [line.split(None, 6) for line in lines if line.strip() and not line.startswith("#")]


def test_the_document_names_exactly_the_topics_that_are_made():
    assert document()["asyncapi"].startswith("3.")
    rows = {row[0]: row for row in topic_rows()}
    named = {channel["address"]: channel for channel in document()["channels"].values()}
    assert sorted(named) == sorted(rows) and len(named) == len(document()["channels"])
    for address, (_name, bus, _key, partitions, policy, hours, _meaning) in rows.items():
        kafka = named[address]["bindings"]["kafka"]
        retention = -1 if hours == "-" else int(hours) * 3600 * 1000
        assert kafka == {"partitions": int(partitions),
                         "topicConfiguration": {"cleanup.policy": [policy], "retention.ms": retention}}, address
        assert named[address]["servers"] == [{"$ref": f"#/servers/{bus}"}], address


def test_the_broker_has_the_topics_of_the_document_and_no_others(suite):
    known = AdminClient({"bootstrap.servers": suite.bus}).list_topics(timeout=10).topics
    ours = re.compile(rf"phi\.({REGION}|000000)\.|phi\.registry$")
    assert {name for name in known if ours.match(name)} == {topic for topic, _channel in channels()}


def test_every_reference_of_the_document_leads_somewhere():
    whole = document()
    for reference in re.findall(r"\$ref: '?([^'}\s]+)", open(os.path.join(DOCS, "asyncapi.yaml"), encoding="utf-8").read()):
        if not reference.startswith("#/"):
            assert os.path.exists(os.path.join(DOCS, reference)), reference
            continue
        part = whole
        for step in reference[2:].split("/"):
            assert step in part, reference
            part = part[step]
    written = {op["channel"]["$ref"].rsplit("/", 1)[1] for op in whole["operations"].values() if op["action"] == "send"}
    assert written == {name for name, channel in whole["channels"].items() if channel.get("messages")}


def test_every_schema_is_one_and_is_used():
    used = {message["payload"]["$ref"] for _topic, message in produced()}
    assert used == {f"schemas/{name}" for name in os.listdir(os.path.join(DOCS, "schemas"))}
    for name in used:
        jsonschema.Draft7Validator.check_schema(schema(name))


def set_aside(suite):
    """(topic, partition, offset) of the records that a consumer refused: tests write such."""
    places = set()
    for topic in (f"phi.{REGION}.dlq.svc-directory", f"phi.{REGION}.dlq.svc-declare",
                  f"phi.{REGION}.dlq.svc-correction", "phi.000000.dlq.svc-platform"):
        for letter in read_topic(suite.bus, topic):
            places.add((letter.header("phi-dlq-topic"), int(letter.header("phi-dlq-partition")),
                        int(letter.header("phi-dlq-offset"))))
    return places


def is_owners(suite, record):
    """Signed by the owner of a registry."""
    owner = PublicKey.from_file(suite.public_file(*OWNERS[record.topic]))
    if None in (record.header("phi-signature"), record.header("phi-version")) or record.value is None:
        return False
    signed = b"\n".join([record.topic.encode(), record.key or b"", record.headers["phi-version"], record.value])
    try:
        return owner.verify(signed, base64.b64decode(record.header("phi-signature"), validate=True))
    except ValueError:
        return False


def fault_of(record, message, validators):
    """What is wrong with a record, or None."""
    try:
        value = json.loads(record.value)
    except (TypeError, ValueError):
        return "no JSON"
    for validator in validators:
        error = next(validator.iter_errors(value), None)
        if error is not None:
            return f"{error.json_path}: {error.message[:200]}"
    if record.header("ce_specversion") != "1.0" or record.header("ce_type") != message["name"]:
        return f"ce_type {record.header('ce_type')}"
    headers = document()["components"]["schemas"]
    wanted = headers[message["headers"]["$ref"].rsplit("/", 1)[1]]
    missing = (set(wanted["required"]) | set(headers["cloudEvent"]["required"])) - set(record.headers)
    return f"headers missing: {sorted(missing)}" if missing else None


def fall_silent(suite, source, institution):
    """A source that never reports, expected since 1970: the watch says that it is silent, then, expected since now, not."""
    where = "WHERE source = %s AND institution = %s"
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        def is_state(state):
            found = database.execute(f"SELECT state FROM declare.rhythms {where}", (source, institution)).fetchone()
            return found == (state,)

        wait_until(lambda: is_state("heard"), 15, "the watch looks")
        for since, state in ((1, "silent"), (time.time_ns() // 1000, "heard")):
            database.execute(f"UPDATE declare.rhythms SET since_us = %s {where}", (since, source, institution))
            wait_until(lambda told=state: is_state(told), 15, state)


def reopen(life, person, officer):
    """A record retracted, and another one about its event: grades change, the case opens again."""
    line = source_line(person, "tests", result="positive")
    life.report("tests", [line])
    life.suite.settle()
    case = life.file(person, {"region": REGION, "source": "source.tests", "institution": "cdc-320102",
                              "recordNo": line["recordNo"]})
    life.decide(case["caseId"], officer)
    life.suite.settle()
    life.report("tests", [{**line, "recordNo": f"{line['recordNo']}-2"}])
    life.suite.settle()


def appeal(life, officer):
    """A refused case, appealed and upheld."""
    person, said = Person(), {"decision": "uphold", "reason": "other"}
    case_id = life.disputed(person)[0]["caseId"]
    life.decide(case_id, officer, "refuse", "other")
    life.done(life.post("citizen-app", "svc-correction", f"/v1/corrections/{case_id}/appeal", {"statement": "请复核。"}, person))
    for act, sub in (("proposal", "national-1"), ("decision", "national-2")):
        wait_until(lambda to=act, who=sub: life.post("officer-app", "svc-platform", f"/v1/appeals/{REGION}/{case_id}/{to}", said,
                                                     token=life.officer(Person(), who)).code == "0000", 30, act)


def try_rules(life, officer):
    with open(os.path.join(ROOT, "svc-directory", "rules", f"{REGION}.json"), encoding="utf-8") as file:
        rules = {**json.load(file), "version": int(time.time())}
    life.done(life.post("officer-app", "svc-directory", "/v1/rules/trials", {"rules": json.dumps(rules)}, token=life.officer(officer)))


@pytest.fixture(scope="module")
def one_of_each(suite, life):
    """At least one record on every topic that is written today, also when this file runs alone."""
    person, scanner, officer = Person(), Person(), Person()
    Analysts(suite, life).in_force()
    life.consent(person)
    life.declare(person, symptoms=["cough"], vaccinationDoses=2, vaccinations=[SHOT])
    life.declare_trips(person, trip())
    suite.settle()  # graded before the reports: a change, of which apps are told
    for kind in SOURCE_KINDS:
        (answer,) = life.report(kind, [source_line(person, kind)])
        assert answer["result"] == "accepted", answer
    life.publish([place_line()])
    life.hand_down("border", [source_line(person, "border")])
    code = life.mint(person)["code"]
    life.verify(code, scanner)
    look = life.ask_for_record(code, life.auditor(officer))["requestId"]
    life.done(life.post("audit-app", "svc-codegen", f"/v1/codes/consent/requests/{look}/approval", {},
                        token=life.auditor(Person(), "auditor-2")))
    life.done(life.post("officer-app", "svc-verify", "/v1/codes/revoke", {"code": life.mint(person, "paper")["code"]},
                        token=life.officer(officer)))
    case, _fact = life.disputed(person)
    life.decide(case["caseId"], officer)
    reopen(life, person, officer)
    life.dispute(person, {"matter": "grade", "statement": "与本人无关。"})
    life.dispute(person, {"matter": "fact"})  # the province says what is missing
    appeal(life, officer)
    life.link(person, person.passport())
    life.done(life.propose_link((person, person.passport()), officer))
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        database.execute("INSERT INTO verify.cuts (caller, cut_us, measure, value, bound) VALUES (%s, 1, 'perMinute', 2, 1) "
                         "ON CONFLICT DO NOTHING", (CUT,))
    restore(suite, CUT)
    life.propose("tests", {"institution": "cdc-320102", "time": "recordedAt", "from": moment(3600), "to": moment(), "reason": "other"},
                 officer)
    try_rules(life, officer)
    Grants(suite, life).in_force()
    life.done(life.post("directory-320000", "svc-platform", f"/v1/platforms/{REGION}/healing", {"bucket": 7}))
    fall_silent(suite, "source.border", "border-320000")
    topic, to = f"phi.{REGION}.intake.lab-app", PublicKey.from_file(suite.public_file("svc-declare", "intake"))
    letters.post(suite.bus, topic, letters.letter(topic, "other", [source_line(person, "other", country="XXX")], to),
                 suite.apps["lab-app"])


@pytest.mark.last
@pytest.mark.parametrize("topic,message", produced(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_record_keeps_to_its_schema(suite, one_of_each, topic, message):
    rules = schema(message["payload"]["$ref"])
    checker = jsonschema.Draft7Validator.FORMAT_CHECKER
    validators = [jsonschema.Draft7Validator(rules, format_checker=checker), jsonschema.Draft202012Validator(closed(rules))]
    others = {other["name"] for name, other in produced() if name == topic} - {message["name"]}

    def of_message(records):
        return [record for record in records if record.header("ce_type") not in others]

    read_topic(suite.bus, topic, until=of_message)
    records = of_message(read_topic(suite.bus, topic, seconds=60))
    faults = {}
    for record in records:
        fault = fault_of(record, message, validators)
        if fault is not None and not (topic in OWNERS and (record.is_written_by_tests or
                                                                   not is_owners(suite, record))):
            faults[record.topic, record.partition, record.offset] = fault
    assert len(records) > len(faults), f"{topic}: {collections.Counter(faults.values())}"

    def are_all_set_aside():
        return not faults or set(faults) <= set_aside(suite)

    wait_until(are_all_set_aside, 15, f"{topic}: {collections.Counter(faults.values())} would be set aside")
