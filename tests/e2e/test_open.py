"""Open streams: who may have one, what stands on it and what does not, the end of its term; and the operators' tap."""
import collections
import csv
import io
import json
import re
import subprocess
import uuid

import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition

from phi_client.analysts import PROJECT, REGION, Analysts
from phi_client.life import moment, source_line
from phi_client.people import Person
from phi_client.suite import wait_until
from phi_client.topics import read_topic

HOUR = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:00:00\+08:00$")


@pytest.fixture(scope="module")
def analysts(suite, life):
    return Analysts(suite, life)


@pytest.fixture(scope="module")
def topic(analysts):
    return analysts.in_force()


@pytest.fixture(scope="module")
def story(suite, life, topic):
    """Three sick people, each with a case and a test; their subjects."""
    people, lines = [Person() for _ in range(3)], []
    for person in people:
        life.consent(person)
        life.declare(person)
    lines = [source_line(person, "cases", region=region) for person, region in zip(people, ("320102", "320505", "320102"))]
    assert {answer["result"] for answer in life.report("cases", lines)} == {"accepted"}
    tests = [source_line(person, "tests", result="positive") for person in people]
    assert {answer["result"] for answer in life.report("tests", tests)} == {"accepted"}
    suite.settle()
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        rows = database.execute("SELECT record_no, encode(subject, 'hex') FROM directory.facts WHERE record_no = ANY(%s)",
                                ([line["recordNo"] for line in [*lines, *tests]],)).fetchall()
    assert len(rows) == 6
    subjects = dict(rows)
    return {"lines": lines, "tests": tests, "subjects": [subjects[line["recordNo"]] for line in lines]}


def events(suite, topic, enough=lambda seen: True):
    """Records of the open stream by type; doubles by id are dropped, as analysts do."""
    def split(records):
        seen = {record.event_id: record for record in records}
        return {kind: [r for r in seen.values() if r.header("ce_type") == f"cn.phi.open.{kind}"] for kind in ("fact", "grade")}
    wait_until(lambda: enough(split(read_topic(suite.bus, topic))), 30, "the stream has it")
    return split(read_topic(suite.bus, topic))


def test_two_officers_of_two_units_open_a_stream(analysts, life, suite):
    project = f"p-{uuid.uuid4().hex[:8]}"
    citizen = life.get("citizen-app", "svc-directory", f"/v1/open/projects/{project}", Person())
    assert citizen.status == 403
    officer = life.post("officer-app", "svc-directory", "/v1/open/projects", {}, token=life.officer(Person(), "officer-3"))
    assert officer.status == 403
    for changed, place in (({"project": "Not-Small"}, "$.project"), ({"purpose": ""}, "$.purpose"),
                           ({"streams": ["person.key"]}, "$.streams[0]"), ({"streams": []}, "$.streams"),
                           ({"until": moment(60)}, "$.until"), ({"until": moment(-400 * 86400)}, "$.until")):
        refused = analysts.register(project, **changed)
        assert refused.status in (400, 422) and place in str(refused.data), (changed, refused)
    life.done(analysts.register(project))
    assert analysts.register(project, sub="open-2").status == 409
    for sub, why in (("open-1", "can't approve"), ("open-3", "another unit")):
        refused = analysts.step(project, "approve", sub)
        assert refused.status == 403 and why in str(refused.data), refused
    assert life.done(analysts.show(project))["state"] == "registered"
    life.done(analysts.step(project, "approve"))
    assert analysts.step(project, "approve").status == 409
    shown = life.done(analysts.show(project))
    assert (shown["state"], shown["isKeyDestroyed"], shown["topic"]) == ("approved", False, f"phi.{REGION}.open.{project}")
    # ended by one: the secret is gone, and with it whom the pseudonyms meant.
    life.done(analysts.step(project, "end", "open-3"))
    wait_until(lambda: life.done(analysts.show(project))["isKeyDestroyed"], 10, "the key is destroyed")
    assert life.done(analysts.show(project))["state"] == "over"
    assert analysts.step(project, "approve").status == 409
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        assert database.execute("SELECT secret FROM directory.open_projects WHERE project = %s", (project,)).fetchone() == (None,)
    told = [r.json["step"] for r in read_topic(suite.bus, f"phi.{REGION}.audit")
            if r.header("ce_type") == "cn.phi.audit.open" and r.json["project"] == project]
    assert told == ["register", "approve", "end"]


def test_a_term_ends_by_the_clock(analysts, life, suite):
    project = f"p-{uuid.uuid4().hex[:8]}"
    life.done(analysts.register(project))
    life.done(analysts.step(project, "approve"))
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        database.execute("UPDATE directory.open_projects SET until_us = 1 WHERE project = %s", (project,))
        wait_until(lambda: database.execute("SELECT secret IS NULL FROM directory.open_projects WHERE project = %s",
                                            (project,)).fetchone() == (True,), 10, "the key is destroyed")


def test_what_analysts_get(suite, story, topic):
    found = events(suite, topic, lambda seen: len(seen["fact"]) >= 6 and sum(r.json["grade"] == "red" for r in seen["grade"]) >= 3)
    ours = [r for r in found["fact"] if r.json["stream"] == "source.cases"]
    seen = collections.Counter(r.json["content"]["region"] for r in ours)
    assert not collections.Counter(["3201", "3201", "3205"]) - seen, seen
    for record in found["fact"] + found["grade"]:
        value = record.json
        assert record.key.hex() == value["person"] and value["project"] == PROJECT
        assert value["month"] == record.header("ce_time")[:7] and HOUR.match(record.header("ce_time"))
    # Whatever cases other tests reported: these members and no others, of which the story's cases have all.
    members = {"class", "diagnosedAt", "onsetAt", "region", "severity", "outcome", "outcomeAt"}
    assert all(set(r.json["content"]) <= members for r in ours)
    assert sum(set(r.json["content"]) == members for r in ours) >= 3
    assert all(HOUR.match(value) for r in ours for name, value in r.json["content"].items() if name.endswith("At"))
    assert all(HOUR.match(r.json["observedAt"]) for r in ours) and all(HOUR.match(r.json["since"]) for r in found["grade"])
    # The one who has a case and a test is one person in both, and in their grade.
    tested = {r.json["person"] for r in found["fact"] if r.json["stream"] == "source.tests"}
    red = {r.json["person"] for r in found["grade"] if r.json["grade"] == "red" and r.json["reasons"] == ["positive-test"]}
    assert len(tested & red & {r.json["person"] for r in ours}) >= 3
    assert {"green", "red"} <= {r.json["grade"] for r in found["grade"]}


def test_nothing_of_the_inside_stands_there(suite, story, topic):
    for record in read_topic(suite.bus, topic):
        whole = b"\0".join([record.key, record.value, *(value or b"" for value in record.headers.values())])
        for subject in story["subjects"]:
            assert subject.encode() not in whole and bytes.fromhex(subject) not in whole
        for line in story["lines"] + story["tests"]:
            assert line["recordNo"].encode() not in whole and line["person"]["idNo"].encode() not in whole
        # The id's time and the record's timestamp are the hour's, whatever the moment was.
        assert (uuid.UUID(record.event_id).int >> 80) % 3_600_000 == 0


def test_timestamps_say_the_hour(suite, story, topic):
    consumer = Consumer({"bootstrap.servers": suite.bus, "group.id": f"e2e-{uuid.uuid4()}", "auto.offset.reset": "earliest"})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
        message = wait_until(lambda: consumer.poll(0.5), 20, "a record")
        assert not message.error() and message.timestamp()[1] % 3_600_000 == 0
    finally:
        consumer.close()


# --- the tap ---


def tap(suite, stream, *arguments, check=True):
    done = subprocess.run([f"{suite.programs}/phictl", "tap", stream, "--region", REGION, "--bus", suite.bus, *arguments],
                          capture_output=True, text=True, timeout=60)
    assert not check or done.returncode == 0, done.stderr
    return done


def lines_of(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_tap_filters_and_coarsens(suite, story):
    seen = lines_of(tap(suite, "source.cases", "--since", "1h", "--until", "now", "--format", "json",
                        "--where", "content.class=confirmed and content.region=3205"))
    assert seen and {one["content"]["region"] for one in seen} == {"3205"}
    everything = tap(suite, "source.cases", "--since", "1h", "--until", "now", "--format", "json").stdout
    assert len(everything.splitlines()) > len(seen)
    for subject in story["subjects"]:
        assert subject not in everything
    for line in story["lines"]:
        assert line["recordNo"] not in everything and line["content"]["region"] not in everything
    assert "sealed" not in everything and "eventKey" not in everything
    # What is not shown can't be asked for either.
    (case,) = (line for line in story["lines"] if line["content"]["region"] == "320505")
    for where in ("content.region=320505", f"recordNo={case['recordNo']}", f"subject={story['subjects'][1]}"):
        assert lines_of(tap(suite, "source.cases", "--since", "1h", "--until", "now", "--where", where, "--format", "json")) == []


def test_tap_renames_people(suite, story, tmp_path):
    key = tmp_path / "project.key"
    key.write_text("ab" * 32 + "\n")
    key.chmod(0o600)
    arguments = ("source.cases", "--since", "1h", "--until", "now", "--format", "json")
    def people(*more):
        return {one["person"] for one in lines_of(tap(suite, *arguments, *more))}
    first, second = people(), people()
    assert first and not first & second, "without a key nobody has one name twice"
    named = ("--project", "flu-study", "--secret-file", str(key))
    assert people(*named) == people(*named) and not people(*named) & first
    assert not people(*named) & people("--project", "other-study", "--secret-file", str(key))
    key.chmod(0o644)
    assert tap(suite, *arguments, *named, check=False).returncode == 1


def test_tap_of_grades_as_table_and_csv(suite, story):
    arguments = ("directory", "--since", "1h", "--until", "now", "--where", "grade=red")
    rows = list(csv.DictReader(io.StringIO(tap(suite, *arguments, "--format", "csv").stdout)))
    assert len(rows) >= 3 and {row["grade"] for row in rows} == {"red"} and {"time", "person", "from"} <= set(rows[0])
    table = tap(suite, *arguments, "--count", "2", "--columns", "time,grade,person").stdout.splitlines()
    assert table[0].split() == ["time", "grade", "person"] and len(table) == 3
    assert [line.split()[1] for line in table[1:]] == ["red", "red"]


def test_tap_of_an_open_stream_shows_it_as_it_is(suite, story, topic):
    shown = lines_of(tap(suite, f"open.{PROJECT}", "--since", "2h", "--until", "now", "--format", "json"))
    assert {one["person"] for one in shown} == {record.json["person"] for record in read_topic(suite.bus, topic)}


def test_tap_follows(suite, story, life):
    person = Person()
    life.consent(person)
    process = subprocess.Popen([f"{suite.programs}/phictl", "tap", "source.cases", "--region", REGION, "--bus", suite.bus,
                                "--since", "0s", "--where", "content.region=3212", "--count", "1", "--format", "json"],
                               stdout=subprocess.PIPE, text=True)
    try:
        # Reported again and again: the tap's "now" is when it has begun to read.
        def ended():
            life.report("cases", [source_line(person, "cases", region="321202")])
            return process.poll() is not None
        wait_until(ended, 30, "the tap has seen one")
        assert process.returncode == 0 and json.loads(process.stdout.read())["content"]["region"] == "3212"
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("arguments, why", [
    (("--where", "grade"), "--where"), (("--where", "grade=red or x=1"), "--where"), (("--format", "xml"), "--format"),
    (("--since", "yesterday"), "--since"), (("--until", "soon"), "--until"), (("--count", "0"), "--count"),
    (("--project", "x"), "--secret-file"),
])
def test_tap_refuses(suite, arguments, why):
    done = tap(suite, "directory", *arguments, check=False)
    assert done.returncode == 1 and why in done.stderr, done.stderr


@pytest.mark.parametrize("stream", ["no-such-stream", "person.key", "dlq.svc-directory", "../x"])
def test_tap_has_no_eyes_for(suite, stream):
    done = tap(suite, stream, "--until", "now", check=False)
    assert done.returncode == 1 and done.stdout == "", done.stderr
