"""A small world (tests/world) comes in through svc-declare as institutions and citizens send it, on the real broker and
database; then every person's entry is compared with the truth, which an evaluator of its own computes from what was sent."""
import collections
import http.client
import json
import os
import random
import sys
import time

import pytest

from loadgen import keyfile
from loadgen.client import Client, Tokens
from loadgen.load import Crowd
from phi_client.http import App, new_serial
from phi_client.life import ndjson
from phi_client.people import id_number
from phi_client.suite import ROOT, wait_until
from phi_client.topics import read_topic

sys.path.insert(0, os.path.join(ROOT, "tests"))

from world import forms  # noqa: E402
from world.facts import subject as subject_of  # noqa: E402
from world.records import ROLES, Retraction, World  # noqa: E402
from world.truth import Fact, Truth, moment  # noqa: E402

PEOPLE, DAYS, SEED, IMPORTS = 360, 7, 132, 20  # few enough to send in seconds, with every oddity among them
REGION, OFFICER, OFFICER_ID = "320000", "officer-1", id_number(1)
# The sources that the suite takes: those whose events have a schema.
KINDS = tuple(kind for kind in forms.KINDS if os.path.exists(os.path.join(ROOT, "docs", "schemas", f"source.{kind}.json")))
TURNS_LOOKED_AT = 16  # svc-directory, rules.h
PLAIN = {"contact": "none", "isolation": "none", "symptoms": [], "stays": []}


class Citizen:
    """A person of the world as the development provider names them."""

    def __init__(self, person):
        self.person = person

    def claims(self):
        document = self.person.document()
        return {"sub": f"world-{self.person.number}", "name": document["name"], "phi_id_type": document["idType"],
                "phi_id_no": document["idNo"], "phi_country": document["country"]}


class Officer:
    def __init__(self, sub=OFFICER):
        self.sub = sub

    def claims(self):
        return {"sub": self.sub, "name": "测试官员", "phi_id_type": "111", "phi_id_no": OFFICER_ID, "phi_country": "CHN"}


class Institution(Client):
    """Sends lines of NDJSON."""

    def report(self, kind, lines):
        path, body, nonce = f"/v1/sources/{kind}", ndjson(lines), f"{random.getrandbits(96):024x}"
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["svc-declare"], timeout=30)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/x-ndjson",
                                                    "Authorization": self._authorization(path, body, nonce)})
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        assert response.status == 200, (kind, content[:600])
        self._check("svc-declare", response, nonce, content)
        return [json.loads(line) for line in content.splitlines()]


def is_dull(record):
    """A declaration that all is well: seven of eight are left out, there are enough of them."""
    what = record.what
    return (record.kind == "declare.health" and what["tenths"] < 373 and (record.person + record.at // 86400) % 8 and
            all(what[name] == value for name, value in PLAIN.items()))


class Sent:
    """The world as it is sent, and the truth of what was acknowledged."""

    def __init__(self, suite):
        self.suite, self.world = suite, World(PEOPLE, DAYS, SEED, int(time.time()) // 60 * 60, IMPORTS)
        key_file = suite.key_file("svc-declare", "index")
        self.index_key = keyfile.secret(key_file, f"{suite.run}/keys/svc-declare/password")
        self.tokens, self.citizens = Tokens(suite), Client(suite, suite.apps["citizen-app"])
        self.officers, self.staff = Client(suite, suite.apps["officer-app"]), Tokens(suite, "staff")
        with open(os.path.join(ROOT, "svc-directory", "rules", "320000.json"), encoding="utf-8") as file:
            self.rules = json.load(file)
        self.truth, self.naive, self.tally = Truth(self.rules), Truth(self.rules), collections.Counter()
        self.people = {person.number: person for person in self.world.people.all()}
        self.subjects = {number: subject_of(person, self.index_key).hex() for number, person in self.people.items()}
        self.institutions = {}

    def register(self):
        for role in sorted({ROLES[kind] for kind in KINDS}):
            app = App(f"world-{role}")
            self.suite.register("app", "--app", app.app_id, "--public", self.suite.public_pem(app), "--roles", "source",
                                "--sources", ",".join(kind for kind in KINDS if ROLES[kind] == role), "--institution",
                                f"{role}-{REGION}", regions=(REGION,))
            self.institutions[role] = app
        for app in self.institutions.values():
            self.suite.adopt(app, wait=False)
        wait_until(lambda: app.post(self.suite.url("svc-declare"), "/v1/consents").code != "3003", 20,
                   "svc-declare knows the institutions")
        self.institutions = {role: Institution(self.suite, app) for role, app in self.institutions.items()}

    def add(self, record):
        """What was acknowledged is a fact from now on."""
        person = self.people[record.person]
        content = forms.fact(record, person.county)
        fact = Fact(self.subjects[record.person], forms.stream(record.kind), record.institution, record.number,
                    record.revision, record.at * 1_000_000, content, int(time.time() * 1e6), content.get("eventKey"))
        self.truth.add(fact)
        self.naive.add(fact)

    def declare(self, number, records):
        """A citizen's consent and declarations, in their order."""
        citizen = Citizen(self.people[number])
        token = self.tokens.make(citizen, self.citizens.audience)
        consent = {"noticeVersion": "2026-11", "purpose": "health-code"}
        self.citizens.post("svc-declare", "/v1/consents", consent, token, new_serial(), customer=f"c-{number}")
        first, sent = True, []
        for record in records:
            fields = forms.declaration(record)
            path = "/v1/declarations/health"
            if record.kind == "declare.trip":
                path = "/v1/declarations/trips"
            elif first:
                fields["basic"], first = forms.basic(citizen.person), False
            self.citizens.post("svc-declare", path, fields, token, f"world-{record.number}", customer=f"c-{number}")
            sent.append(record)
        return sent

    def declarations(self):
        """(number, records) of those who declare, health first."""
        for number, person in self.people.items():
            records = [record for record in self.world.of_person(person) if not isinstance(record, Retraction) and
                       record.kind.startswith("declare.") and not is_dull(record)]
            healthy = [at for at, record in enumerate(records) if record.kind == "declare.health"]
            if healthy:
                yield number, records[healthy[0]:]

    def report(self, day):
        """A day's lines, source by source, in no order; every line's answer is what the world says."""
        lines = collections.defaultdict(list)
        for person, record in self.world.arriving(day):
            if not isinstance(record, Retraction) and record.kind in KINDS:
                lines[record.kind].append((person, record))
        for kind, records in sorted(lines.items()):
            random.Random(f"{kind} {day}").shuffle(records)
            answers = self.institutions[ROLES[kind]].report(kind, [forms.line(record, person)
                                                                   for person, record in records])
            assert len(answers) == len(records)
            for (_person, record), answer in zip(records, answers):
                assert answer["result"] == record.expect, (record, answer)
                self.tally[record.expect] += 1
                if record.expect == "accepted":
                    self.add(record)
                    self.tally["amended"] += record.revision > 1
                    self.tally["amended before it came"] += kind == "tests" and record.revision > 1 and len(
                        self.truth.records["source.tests", record.institution, record.number]) == 1

    def retract(self, day):
        """What is retracted that day: the person disputes the record, an officer decides; it may not have come yet."""
        for person, record in self.world.arriving(day):
            if not isinstance(record, Retraction) or record.source.removeprefix("source.") not in KINDS:
                continue
            token = self.tokens.make(Citizen(person), self.citizens.audience)
            fact = {"region": REGION, "source": record.source, "institution": record.institution,
                    "recordNo": record.number}
            case = self.citizens.post("svc-correction", "/v1/corrections",
                                      {"matter": "fact", "fact": fact, "statement": "记录有误。"}, token, new_serial()).data
            for act, officer in (("proposal", Officer()), ("decision", Officer("officer-2"))):
                self.officers.post("svc-correction", f"/v1/corrections/{case['caseId']}/{act}",
                                   {"decision": "retract", "reason": "record-error"},
                                   self.staff.make(officer, "officer-app"), new_serial())
            self.truth.retract(record.source, record.institution, record.number, int(time.time() * 1e6))
            self.tally["retracted"] += 1
            self.tally["retracted before it came"] += record[1:4] not in self.truth.records

    def all(self):
        self.register()
        crowd = Crowd(lambda item: self.declare(*item), list(self.declarations()), threads=6)
        for day in range(DAYS):
            self.retract(day)
            self.report(day)
        for records in crowd.finish():
            for record in records:
                self.add(record)
                self.tally["declared"] += 1
        self.suite.settle(90)

    def entries(self):
        """The newest entry of each of the world's people, as published."""
        wanted, newest = set(self.subjects.values()), {}
        for record in read_topic(self.suite.bus, f"phi.{REGION}.directory"):
            if (record.key or b"").hex() not in wanted:  # other tests' people, and what no province would send
                continue
            entry = record.json
            held = newest.get(entry["subject"])
            if entry["subject"] in wanted and (held is None or int(entry["version"]) > int(held["version"])):
                newest[entry["subject"]] = entry
        return newest


@pytest.fixture(scope="module")
def sent(suite):
    sent = Sent(suite)
    sent.all()
    return sent


def differences(truth, entries, now, subjects):
    for subject in subjects:
        entry, wanted = entries.get(subject), truth.entry(subject, now, with_until=False)
        told = entry and (entry["grade"], entry["reasons"])
        if told != (wanted and (wanted.grade, wanted.reasons)):
            yield subject, told, wanted


def test_every_entry_is_the_truth(sent, capsys):
    now, entries = int(time.time() * 1e6), sent.entries()
    subjects = list(sent.subjects.values())
    assert list(differences(sent.truth, entries, now, subjects)) == []
    counts = collections.Counter(entry["grade"] for entry in entries.values())
    with capsys.disabled():
        print(f"\n{len(entries)} entries of {len(subjects)} people as they must be: " + ", ".join(
            f"{grade} {count}" for grade, count in sorted(counts.items())) + "; " + ", ".join(
            f"{count} {what}" for what, count in sorted(sent.tally.items())))
    assert min(counts[grade] for grade in ("red", "yellow", "green")) >= 10 and counts["review"]
    assert len(entries) < len(subjects)
    assert sent.tally["retracted"] >= 4 and sent.tally["duplicate"] and sent.tally["rejected"]
    assert sent.tally["retracted before it came"] and sent.tally["amended before it came"]
    # Without its retractions the truth would be another: the comparison notices.
    assert list(differences(sent.naive, entries, now, subjects))


def test_every_entry_names_the_sources_it_knows(sent):
    now = int(time.time() * 1e6)
    for subject, entry in sent.entries().items():
        letters = {forms.LETTERS.get(source.removeprefix("source."), "m") for source in sent.truth.sources(subject, now)}
        assert entry["sources"] == sum(1 << "abcdefghijklmn".index(letter) for letter in letters), subject


def test_every_entry_says_until_when_and_what_then(sent):
    now = int(time.time() * 1e6)
    for subject, entry in sent.entries().items():
        wanted = sent.truth.entry(subject, now)
        told = entry.get("until"), entry.get("then")
        if told != ((moment(wanted.until), wanted.then) if wanted.until else (None, None)):
            # So many turns change nothing that the directory looks again at the last of them.
            assert wanted.turns > TURNS_LOOKED_AT and entry["then"] == entry["grade"], (subject, told, wanted)
            assert told[0] < moment(wanted.until)
