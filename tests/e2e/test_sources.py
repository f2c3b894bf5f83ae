"""The institutions' side: fourteen data sources, the list of places, and what the province makes of them."""
import base64
import datetime
import json
import os
import secrets

import jsonschema
import psycopg
import pytest
from phi_client.letters import letter, post
from phi_client.life import SOURCE_KINDS, moment, place_line, source_line
from phi_client.people import Person
from phi_client.sm2 import PublicKey
from phi_client.spoil import spoilt
from phi_client.suite import ROOT, wait_until
from phi_client.topics import read_topic
from test_event_schemas import fall_silent

REGION = "320000"


def of_key(records, key):
    return [record for record in records if record.key == key.encode()]


# The published list of places


def places_of(suite, key, count):
    """The records of one entry on reference.places, once there are `count`."""
    topic = f"phi.{REGION}.reference.places"
    records = read_topic(suite.bus, topic, until=lambda found: len(of_key(found, key)) >= count)
    return of_key(records, key)


def test_a_place_changes_by_revision_and_goes_out_signed_with_a_rising_version(suite, life):
    first = place_line()
    (answer,) = life.publish([first])
    key = answer["place"]
    assert answer["result"] == "accepted" and key.startswith(f"venue/{first['placeId']}/")
    second = {**first, "revision": 2, "risk": "low", "to": moment(0)}
    answers = life.publish([first, second, second, {**second, "risk": "medium"}, first, {**second, "revision": 3,
                                                                                        "withdrawn": True}])
    assert [a["result"] for a in answers] == ["duplicate", "accepted", "duplicate", "rejected", "rejected", "accepted"]
    assert answers[3]["field"] == answers[4]["field"] == "$.revision"
    records = places_of(suite, key, 3)
    assert [record.json["state"] for record in records] == ["in-force", "in-force", "withdrawn"]
    assert [record.json["risk"] for record in records] == ["high", "low", "low"]
    versions = [int(record.header("phi-version")) for record in records]
    assert versions == sorted(set(versions)) == [record.json["version"] for record in records]
    owner = PublicKey.from_file(suite.public_file("svc-declare", "places"))
    for record in records:
        signed = b"\n".join([record.topic.encode(), record.key, record.headers["phi-version"], record.value])
        assert owner.verify(signed, base64.b64decode(record.header("phi-signature"), validate=True))


WRONG_PLACES = (
    ("no such region", {"region": "320199"}, "$.region"),
    ("venue without an id", {"placeId": None}, "$.placeId"),
    ("region with an id", {"kind": "region"}, "$.placeId"),
    ("ends before it begins", {"to": moment(30 * 86400)}, "$.to"),
    ("next year", {"from": moment(-400 * 86400)}, "$.from"),
    ("unknown risk", {"risk": "extreme"}, "$.risk"),
    ("unknown member", {"phone": "1"}, "$.phone"),
)


def test_a_wrong_place_never_stops_the_right_ones(life):
    lines = [place_line(**change) for _name, change, _field in WRONG_PLACES]
    mixed = [line for wrong in lines for line in (wrong, place_line())]
    answers = life.publish(mixed)
    assert {answer["result"] for answer in answers[1::2]} == {"accepted"}
    for (name, _change, field), answer in zip(WRONG_PLACES, answers[::2]):
        assert (answer["result"], answer["field"]) == ("rejected", field), name


# The fourteen sources over HTTP


def report_of(life, kind, query=""):
    return life.done(life.get("lab-app", "svc-declare", f"/v1/sources/{kind}/report{query}"))


def events_of(suite, kind, fact_ids):
    """The events of these facts, in no order."""
    def mine(records):
        return [record for record in records if record.json["factId"] in fact_ids]

    topic = f"phi.{REGION}.source.{kind}"
    return mine(read_topic(suite.bus, topic, until=lambda records: len(mine(records)) >= len(fact_ids)))


@pytest.mark.parametrize("kind", SOURCE_KINDS)
def test_every_kind_is_taken_and_told_of(suite, life, kind):
    """Right lines around wrong ones; sent again they are duplicates; the same number with other content is a conflict."""
    lines = [source_line(Person(), kind) for _ in range(3)]
    first = next(iter(lines[0]["content"]))
    wrong = source_line(Person(), kind, **{first: "no such code"})
    before = report_of(life, kind)
    answers = life.report(kind, [lines[0], wrong, lines[1], {"recordNo": "x"}, lines[2]])
    assert [a["result"] for a in answers] == ["accepted", "rejected", "accepted", "rejected", "accepted"]
    assert answers[1]["field"] == f"$.content.{first}" and answers[3]["field"] == "$.revision"
    again = life.report(kind, [*lines, {**lines[0], "observedAt": moment(3500)}, {**lines[1], "revision": 2},
                               {**lines[2], "person": source_line(Person(), kind)["person"], "revision": 2}])
    assert [a["result"] for a in again] == ["duplicate"] * 3 + ["rejected", "accepted", "rejected"]
    assert again[3]["field"] == "$.revision" and again[5]["field"] == "$.person"
    taken = {a["factId"] for a in answers if a["result"] == "accepted"}
    events = events_of(suite, kind, taken)
    assert sorted(e.json["factId"] for e in events) == sorted(taken)
    assert {e.json["institution"] for e in events} == {"cdc-320102"}
    after = report_of(life, kind)
    counts = {name: after[name] - before[name] for name in ("accepted", "duplicates", "rejected", "conflicts")}
    assert counts == {"accepted": 4, "duplicates": 3, "rejected": 4, "conflicts": 2}
    assert after["resumeAfter"] == lines[1]["recordNo"] and after["problems"][0]["isConflict"]
    assert report_of(life, kind, f"?recordNo={lines[1]['recordNo']}")["revisions"] == [1, 2]


def test_a_registry_clerk_would_refuse(life):
    good = source_line(Person(), "tests")
    digits = good["person"]["idNo"]
    born = f"{digits[6:10]}-{digits[10:12]}-{digits[12:14]}"
    sex, other = ("1", "2") if int(digits[16]) % 2 else ("2", "1")
    swapped = digits[:-1] + ("0" if digits[-1] != "0" else "1")
    clerk = (
        ({"person": {**good["person"], "idNo": swapped}}, "$.person.idNo"),
        ({"person": {**good["person"], "birthDate": "1900-01-01"}}, "$.person.birthDate"),
        ({"person": {**good["person"], "sex": other}}, "$.person.sex"),
        ({"observedAt": moment(-600)}, "$.observedAt"),
        ({"content": {**good["content"], "sampledAt": moment(60)}}, "$.content.sampledAt"),
        ({"content": {**good["content"], "reportedAt": moment(9000)}}, "$.content.reportedAt"),
    )
    answers = life.report("tests", [{**good, **change} for change, _field in clerk])
    assert [(a["result"], a["field"]) for a in answers] == [("rejected", field) for _change, field in clerk]
    (answer,) = life.report("tests", [{**good, "person": {**good["person"], "birthDate": born, "sex": sex}}])
    assert answer["result"] == "accepted"
    hot = source_line(Person(), "checkpoints", temperature=43.1)
    nowhere = source_line(Person(), "roaming", region="320199")
    assert life.report("checkpoints", [hot])[0]["field"] == "$.content.temperature"
    assert life.report("roaming", [nowhere])[0]["field"] == "$.content.region"


def test_yesterday_sent_twice_and_taken_up_where_it_stopped(suite, life):
    """What was taken is told by the report; sending all again makes nothing twice."""
    people = [Person() for _ in range(20)]
    lines = [source_line(people[i % 20], "checkpoints") for i in range(60)]
    first = life.report("checkpoints", lines[:40])
    assert {a["result"] for a in first} == {"accepted"}
    at = [line["recordNo"] for line in lines].index(report_of(life, "checkpoints")["resumeAfter"])
    assert at == 39
    assert {a["result"] for a in life.report("checkpoints", lines[at + 1:])} == {"accepted"}
    before = report_of(life, "checkpoints")["accepted"]
    again = life.report("checkpoints", lines)
    assert {a["result"] for a in again} == {"duplicate"} and [a["factId"] for a in again[:40]] == [a["factId"] for a in first]
    assert report_of(life, "checkpoints")["accepted"] == before
    events = events_of(suite, "checkpoints", {a["factId"] for a in again})
    assert len({e.event_id for e in events}) == len(lines)


def test_a_report_is_the_institutions_own(suite, life):
    answer = life.get("citizen-app", "svc-declare", "/v1/sources/tests/report")
    assert answer.status == 403
    assert life.get("lab-app", "svc-declare", "/v1/sources/weather/report").status == 404
    assert life.get("lab-app", "svc-declare", "/v1/sources/tests/report?recordNo=a%20b").status == 400


# intake.<app>

TOPIC = f"phi.{REGION}.intake.lab-app"


def recipient(suite):
    return PublicKey.from_file(suite.public_file("svc-declare", "intake"))


def dead_letters(suite):
    return [record.header("phi-dlq-reason") for record in read_topic(suite.bus, f"phi.{REGION}.dlq.svc-declare")
            if record.header("phi-dlq-topic") == TOPIC]


def test_a_letter_is_taken_as_over_http(suite, life):
    app = suite.apps["lab-app"]
    lines = [source_line(Person(), "border") for _ in range(3)]
    wrong = source_line(Person(), "border", country="XXX")
    life.report("border", lines[:1])
    before, dead = report_of(life, "border"), len(dead_letters(suite))
    post(suite.bus, TOPIC, letter(TOPIC, "border", [lines[0], wrong, *lines[1:]], recipient(suite)), app)
    wait_until(lambda: report_of(life, "border")["accepted"] == before["accepted"] + 2, 30, "the letter is taken")
    after = report_of(life, "border")
    assert after["duplicates"] == before["duplicates"] + 1 and after["rejected"] == before["rejected"] + 1
    problem = after["problems"][0]
    assert (problem["way"], problem["field"], problem["recordNo"]) == ("intake", "$.content.country", None)
    for line in lines:
        assert report_of(life, "border", f"?recordNo={line['recordNo']}")["revisions"] == [1]
    wait_until(lambda: len(dead_letters(suite)) > dead, 30, "the letter with the wrong line is set aside")


def spoilt_letters(suite):
    """(what, value, headers, is it in the institution's report)"""
    to, lines = recipient(suite), [source_line(Person(), "tests")]
    good = letter(TOPIC, "tests", lines, to)
    other = PublicKey.from_file(suite.public_file("svc-declare", "places"))
    return (
        ("unsigned", good, {"phi-signature": None}, False),
        ("another's key", good, {"phi-key": "0123456789abcdef"}, False),
        ("signature of something else", good, {"phi-version": "7"}, False),
        ("no JSON", b"hello", {}, True),
        ("unknown member", {**good, "remark": 1}, {}, True),
        ("no such kind", {**good, "kind": "weather"}, {}, True),
        ("places are no kind", {**good, "kind": "places"}, {}, True),
        ("sealed to another", letter(TOPIC, "tests", lines, other), {}, True),
        ("of another topic", letter(TOPIC + "x", "tests", lines, to), {}, True),
        ("no line", letter(TOPIC, "tests", b"", to), {}, True),
        ("too many lines", letter(TOPIC, "tests", b"x\n" * 501, to), {}, True),
    )


def test_a_wrong_letter_goes_to_the_dlq_and_into_the_report(suite, life):
    app, cases = suite.apps["lab-app"], spoilt_letters(suite)
    before, dead = report_of(life, "tests"), len(dead_letters(suite))
    for _what, value, headers, _is_told in cases:
        post(suite.bus, TOPIC, value, app, **headers)
    good = source_line(Person(), "tests")
    post(suite.bus, TOPIC, letter(TOPIC, "tests", [good], recipient(suite)), app)
    wait_until(lambda: report_of(life, "tests", f"?recordNo={good['recordNo']}")["revisions"] == [1], 30, "poison does not block")
    assert report_of(life, "tests")["accepted"] == before["accepted"] + 1
    wait_until(lambda: len(dead_letters(suite)) >= dead + len(cases), 30, "every wrong letter is set aside")
    told = [p for p in report_of(life, "tests")["problems"] if p["way"] == "intake"]
    assert len(told) >= sum(is_told for _w, _v, _h, is_told in cases)


# A source that falls silent


def test_silence_is_told_by_the_clock(suite, life):
    """No report: silent past the rhythm, heard of again after one."""
    fall_silent(suite, "source.border", "border-320000")
    key = "source.border/border-320000"

    def states(records):
        return [record.json["state"] for record in of_key(records, key)]

    topic = f"phi.{REGION}.reference.sources"
    records = of_key(read_topic(suite.bus, topic, until=lambda found: states(found)[-2:] == ["silent", "heard"]), key)
    versions = [record.json["version"] for record in records]
    assert versions == sorted(set(versions)) == [int(record.header("phi-version")) for record in records]
    assert records[-2].json["freshUntil"] < records[-1].json["freshUntil"]
    audit = [record.json for record in read_topic(suite.bus, f"phi.{REGION}.audit")
             if record.header("ce_type") == "cn.phi.audit.source"]
    assert [a["step"] for a in audit if a["institution"] == "border-320000"][-2:] == ["silent", "heard"]
    assert report_of(life, "tests")["rhythm"]["state"] == "heard"


# A bad batch of one laboratory


def decided(suite, case_id, count):
    def of_case(records):
        return [record for record in records if record.json["caseId"] == case_id]

    topic = f"phi.{REGION}.correction.decided"
    return of_case(read_topic(suite.bus, topic, until=lambda records: len(of_case(records)) >= count))


def grade_of(suite, person_facts):
    """The reasons that svc-directory's tables give for these facts' retraction: how many of them are retracted."""
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        return database.execute("SELECT count(*) FROM directory.retractions WHERE record_no = ANY (%s)",
                                (person_facts,)).fetchone()[0]


def bad_batch(life, count, kind="fever-clinics"):
    """`count` records observed in a minute of their own, one before it; the people, the lines and what retracts them."""
    ago = 86400 * 20 + secrets.randbelow(86400)
    at, before, visited, bounds = moment(ago), moment(ago + 60), moment(ago + 600), (moment(ago + 5), moment(ago - 5))
    people = [Person() for _ in range(min(count, 40))]

    def line(observed, number=0):
        return {**source_line(people[number % len(people)], kind, visitedAt=visited), "observedAt": observed}

    lines, other = [line(at, number) for number in range(count)], line(before)
    for first in range(0, count, 100):
        assert {a["result"] for a in life.report(kind, lines[first:first + 100])} == {"accepted"}
    assert life.report(kind, [other])[0]["result"] == "accepted"
    return people, lines, other, {"institution": "cdc-320102", "time": "observedAt", "from": bounds[0], "to": bounds[1],
                                  "reason": "method-error"}


def test_a_bad_batch_is_retracted_by_two_officers(suite, life):
    _people, lines, other, batch = bad_batch(life, 510)
    first, second = Person(), Person()
    proposed = life.propose("fever-clinics", batch, first)
    assert (proposed["state"], proposed["records"], proposed["told"]) == ("proposed", len(lines), 0)
    itself = life.approve(proposed["retractionId"], first, "officer-1")
    assert (itself.status, itself.code) == (403, "3012"), "who proposed does not approve"
    approved = life.done(life.approve(proposed["retractionId"], second))
    assert approved["state"] in ("approved", "done") and approved["records"] == len(lines)
    assert life.done(life.approve(proposed["retractionId"], second))["records"] == len(lines), "asked again, the same"

    def shown():
        return life.done(life.get("officer-app", "svc-declare", f"/v1/retractions/{proposed['retractionId']}",
                                  token=life.officer(first)))

    wait_until(lambda: shown()["state"] == "done", 30, "every record is told")
    assert shown()["told"] == len(lines)
    records = decided(suite, proposed["retractionId"], len(lines))
    assert sorted(r.json["fact"]["recordNo"] for r in records) == sorted(line["recordNo"] for line in lines)
    assert {r.json["fact"]["source"] for r in records} == {"source.fever-clinics"}
    owner = PublicKey.from_file(suite.public_file("svc-declare", "retraction"))
    assert {r.header("phi-key") for r in records} == {owner.serial}

    def of_this(records):
        acts = [record.json for record in records if record.header("ce_type") == "cn.phi.audit.retraction"]
        return [act for act in acts if act["retractionId"] == proposed["retractionId"]]

    acts = of_this(read_topic(suite.bus, f"phi.{REGION}.audit", 30, until=lambda records: len(of_this(records)) >= 2))
    assert [(act["step"], act["records"]) for act in acts] == [("proposed", len(lines)), ("approved", len(lines))]
    assert len({act["officer"] for act in acts}) == len({act["unit"] for act in acts}) == 2
    numbers = [line["recordNo"] for line in lines]
    wait_until(lambda: grade_of(suite, numbers) == len(lines), 60, "svc-directory retracts each of them")
    assert grade_of(suite, [other["recordNo"]]) == 0


def test_who_may_not_retract_a_batch(suite, life):
    people, _lines, _other, batch = bad_batch(life, 2)
    officer = Person()

    def ask(kind="fever-clinics", sub="officer-1", person=officer, **changed):
        answer = life.post("officer-app", "svc-declare", f"/v1/sources/{kind}/retractions", {**batch, **changed},
                           token=life.officer(person, sub))
        return answer.status, answer.code

    holder = people[0]
    assert ask(person=holder) == (403, "3012"), "nobody decides about themselves"
    assert ask(institution="nobody-1") == (404, "4001")
    assert ask(to=batch["from"], **{"from": batch["to"]})[0] == 422
    assert ask(kind="weather") == (404, "4001")
    proposed = life.propose("fever-clinics", batch, officer)
    answer = life.approve(proposed["retractionId"], holder)
    assert (answer.status, answer.code) == (403, "3012"), "nobody decides about themselves, second officer or not"
    suite.register("staff", "--issuer", f"http://127.0.0.1:{suite.port('idp')}/staff", "--sub", "officer-3", "--unit", "health-320100", "--roles",
                   "decide", "--regions", REGION, "--sources", "fever-clinics")
    answer = wait_until(lambda: [a for a in [life.approve(proposed["retractionId"], Person(), "officer-3")]
                                 if "unit" in str(a.body)], 20, "the third officer is known")[0]
    assert (answer.status, answer.code) == (403, "3012")
    assert life.approve("0" * 32, Person()).status == 404


# docs/lines says what the reader takes


FORMATS = jsonschema.FormatChecker(formats=())
# What JSON Schema can't say: these a right line of the schema may still be refused for.
BEYOND_THE_SCHEMA = ("in the future", "after observedAt", "before what it follows", "no region's code", "no region of GB/T 2260", "no country of GB/T 2659")


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(text):
    return "T" in text and datetime.datetime.fromisoformat(text).tzinfo is not None


@FORMATS.checks("date", raises=ValueError)
def is_date(text):
    return bool(datetime.date.fromisoformat(text))


def right_variants(schema, line):
    """The line without each optional member of its content, and with each code of each of its lists."""
    content = schema["properties"]["content"]
    tied = {name for rule in content.get("allOf", ()) for name in rule["then"]["required"]}
    first = next(iter(content["properties"]))
    for name, member in content["properties"].items():
        if name not in content["required"] and name not in tied:
            yield {**line, "content": {key: value for key, value in line["content"].items() if key != name}}
        for code in member.get("enum", ()) if name != first or not tied else ():
            if name not in tied or name in line["content"]:
                yield {**line, "content": {**line["content"], name: code}}


@pytest.mark.parametrize("kind", SOURCE_KINDS)
def test_the_schema_of_lines_and_the_reader_agree(life, kind):
    with open(os.path.join(ROOT, "docs", "lines", f"{kind}.json"), encoding="utf-8") as file:
        schema = json.load(file)
    validator = jsonschema.Draft7Validator(schema, format_checker=FORMATS)
    good = source_line(Person(), kind)
    right = [{**line, "recordNo": f"{good['recordNo']}-{number}"} for number, line in enumerate(right_variants(schema, good))]
    wrong = [bad for _what, bad, _code, _field in spoilt(schema, good, schema)]
    assert right and len(wrong) > 40
    for line in right:
        assert validator.is_valid(line), next(validator.iter_errors(line)).message
    for line, answer in zip(right, life.report(kind, right)):
        assert answer["result"] == "accepted" or answer["reason"] in BEYOND_THE_SCHEMA, (line["content"], answer)
    for line, answer in zip(wrong, life.report(kind, wrong)):
        assert not validator.is_valid(line) and answer["result"] == "rejected", (line, answer)
