"""Two provinces and the nation: a citizen of 440000, whose code is made there, is scanned in 320000, while the issuer is
up, down, and back. Each province has its own keys, database, topics and services; only the index key is the nation's."""
import json
import os

import psycopg
import pytest
import requests

from loadgen import keyfile
from phi_client.codes import Code
from phi_client.http import App
from phi_client.life import STATEMENT, basic, health
from phi_client.people import Person
from phi_client.sm2 import PublicKey
from phi_client.suite import Guest, wait_until
from phi_client.topics import read_topic

HOME, HERE, NATION = "440000", "320000", "000000"
AT_HOME = ("svc-codegen", "svc-verify", "svc-declare", "svc-directory")

pytestmark = pytest.mark.late


def joined(suite, region):
    guest = Guest(suite, region)
    try:
        # The nation's own node has the registry of svc-platform: its callers stay who they are.
        guest.join(*(suite.apps.values() if region == NATION else [App("citizen-app")]))
        guest.start(*AT_HOME)
        yield guest
    finally:
        guest.down(keep=True)  # inside the suite's folder


@pytest.fixture(scope="module")
def home(suite):
    yield from joined(suite, HOME)


def ask(home, service, path, fields, token):
    answer = home.apps["citizen-app"].post(home.url(service), path, fields, token)
    assert answer.code == "0000", answer
    return answer.data


@pytest.fixture(scope="module")
def citizen(home):
    return declared(home)


def declared(home):
    """Declared a fever at home, where the grade is yellow by now."""
    person, app = Person(), home.apps["citizen-app"]
    token = home.token("citizens", **person.claims(), aud="citizen-app", ttl=3600)
    consent = {"noticeVersion": "2026-11", "purpose": "health-code"}
    wait_until(lambda: app.post(home.url("svc-declare"), "/v1/consents", consent, token).code == "0000", 30, "consent")
    ask(home, "svc-declare", "/v1/declarations/health", {"health": health(temperature=38.2), "basic": basic()}, token)
    wait_until(lambda: ask(home, "svc-directory", "/v1/health/query", {}, token)["grade"]["code"] == "yellow", 40,
               "graded at home")
    person.home_token = token
    return person


def mint(home, person):
    application = ask(home, "svc-codegen", "/v1/code-applications", {"scene": "pass"}, person.home_token)
    fields = {"applicationId": application["applicationId"], "challenge": application["challenge"]}
    return ask(home, "svc-codegen", "/v1/codes", fields, person.home_token)["code"]


@pytest.fixture(scope="module")
def scanner():
    return Person()


def scan(life, scanner, code):
    return life.post("scan-app", "svc-directory", "/v1/health/query", {"code": code}, scanner)


def whole(answer, region=HOME):
    """Everything that there is to say of the citizen, from home and from the nation."""
    if answer.code != "0000" or not answer.data["holder"]:
        return False
    said = {(entry["region"], entry["via"], entry["grade"]) for entry in answer.data["entries"]}
    return {(region, region, "yellow"), (region, "000000", "yellow")} <= said and answer.data


def test_the_index_key_is_the_nations_and_no_other_key_is_shared(suite, home):
    def secret(owner, name):
        folder = os.path.join(owner.run, "keys", "svc-directory")
        with open(f"{folder}/manifest", encoding="ascii") as lines:
            files = [line.split()[-1] for line in lines if line.split()[:2] == ["key", name]]
        return keyfile.secret(os.path.join(folder, files[-1]), f"{folder}/password")

    assert secret(suite, "index") == secret(home, "index")
    for name in ("health", "bus", "mark"):
        assert secret(suite, name) != secret(home, name)


def test_scanned_in_another_province(home, life, citizen, scanner):
    code = mint(home, citizen)
    assert Code.of(code).platform == HOME
    data = wait_until(lambda: whole(scan(life, scanner, code)), 60, "the home province and the nation have answered")
    name = data["holder"]["name"]
    assert name.startswith(citizen.name[0]) and "*" in name and citizen.name != name
    assert citizen.id_no not in str(data) and data["grade"]["code"] == "yellow" and not data["unanswered"]
    # The use stands where the code comes from.
    with psycopg.connect(**home.database(), autocommit=True) as database:
        assert database.execute("SELECT count(*) FROM verify.uses").fetchone()[0] >= 1


def test_the_issuer_down_is_said_and_back_is_back(home, life, citizen, scanner):
    code = mint(home, citizen)
    wait_until(lambda: whole(scan(life, scanner, code)), 60, "the issuer answers")
    home.stop("svc-verify", "svc-directory")
    answer = wait_until(lambda: (said := scan(life, scanner, code)).code == "5004" and said, 30, "the issuer is away")
    assert answer.status == 200 and answer.data["grade"]["code"] == "grey" and not answer.data.get("holder")
    assert {"form", "platform", "signature", "deadline"} <= set(answer.data["checked"])
    assert "subject" in answer.data["unchecked"]
    # What the trust list alone can say is still said: a forged code is none.
    forged = code[:-3] + ("A" if code[-3] != "A" else "B") + code[-2:]
    assert scan(life, scanner, forged).code == "2002"
    home.start("svc-verify", "svc-directory")
    wait_until(lambda: whole(scan(life, scanner, mint(home, citizen))), 60, "the issuer is back")


class Entry:
    """Cases about one's own grade, filed at the unified platform, one for each province."""

    def __init__(self, suite, home, life):
        self.life, self.person, self.provinces = life, Person(), {HOME: home, HERE: suite}
        self.numbers = {region: life.dispute(self.person, {"matter": "grade", "statement": STATEMENT}, region)["disputeId"]
                        for region in self.provinces}
        for region in self.provinces:
            wait_until(lambda of=region: "caseId" in self.look(of), 60, f"{region} has answered")
        self.cases = {region: self.look(region)["caseId"] for region in self.provinces}

    def look(self, region):
        return self.life.done(self.life.get("citizen-app", "svc-platform", f"/v1/disputes/{self.numbers[region]}", self.person))

    def handed(self, region):
        """Of both numbers, those that the province has, with their cases."""
        with psycopg.connect(**self.provinces[region].database(region), autocommit=True) as database:
            return database.execute("SELECT encode(dispute_id, 'hex'), encode(case_id, 'hex') FROM correction.handed WHERE "
                                    "encode(dispute_id, 'hex') = ANY(%s)", (list(self.numbers.values()),)).fetchall()

    def letters(self, topic_of, number):
        return [r.json for r in read_topic(self.life.suite.bus, f"phi.{topic_of}.dispute.down") if number.encode() in r.value]

    def ask(self, region, path, fields):
        one = self.provinces[region]
        if region == HERE:
            return self.life.done(self.life.post("citizen-app", "svc-correction", path, fields, self.person))
        return ask(one, "svc-correction", path, fields, one.token("citizens", **self.person.claims(), aud="citizen-app"))


def test_cases_for_two_provinces_at_the_unified_entry(suite, home, life):
    home.start("svc-correction")
    entry = Entry(suite, home, life)
    for region, other in ((HOME, HERE), (HERE, HOME)):
        number, case_id = entry.numbers[region], entry.cases[region]
        assert entry.handed(region) == [(number, case_id)], "each province has its own"
        # Sealed to that province's svc-correction alone.
        own = PublicKey.from_file(entry.provinces[region].public_file("svc-correction", "intake")).serial
        letters = entry.letters(region, number)
        assert letters and {key["serial"] for letter in letters for key in letter["keys"]} == {own}
        assert not entry.letters(other, number)
    # Each goes its own way, and both are followed.
    entry.ask(HOME, f"/v1/corrections/{entry.cases[HOME]}/withdrawal", {})
    assert entry.ask(HERE, "/v1/corrections", {"matter": "grade", "statement": STATEMENT})["caseId"] == entry.cases[HERE]
    wait_until(lambda: entry.look(HOME)["state"] == "withdrawn", 60, "taken back at home")
    wait_until(lambda: [step["step"] for step in entry.look(HERE)["steps"]] == ["received", "assigned", "filed-again"], 60,
               "added to here")
    assert entry.look(HERE)["state"] == "assigned"
    listed = life.done(life.get("citizen-app", "svc-platform", "/v1/disputes", entry.person))["disputes"]
    assert {(one["region"], one["disputeId"], one["state"]) for one in listed} == {
        (HOME, entry.numbers[HOME], "withdrawn"), (HERE, entry.numbers[HERE], "assigned")}



@pytest.fixture
def nation(suite):
    yield from joined(suite, NATION)


def test_the_nations_node_mints_for_a_province_without_a_system(nation, suite, life, scanner):
    """GB/T 38961 B.5: region 000000 mints and verifies as any other."""
    citizen = declared(nation)
    code = mint(nation, citizen)
    assert Code.of(code).platform == NATION

    def look():
        answer = scan(life, scanner, code)
        return answer.code == "0000" and answer.data["holder"] and answer.data

    data = wait_until(look, 60, "the nation's node says who it is")
    name, grades = data["holder"]["name"], {entry["grade"] for entry in data["entries"] if entry["region"] == NATION}
    # Its entry is one: what the nation signs (listings asked for, letters) counts as before.
    listed = json.loads(requests.get(suite.url("svc-platform") + "/v1/trust-list", timeout=10).json()["data"]["value"])
    (own,) = [one for one in listed["platforms"] if one["id"] == NATION]
    assert {"code", "answer"} <= {key["use"] for key in own["keys"]} and own["endpoints"]["relay"]
    assert name.startswith(citizen.name[0]) and "*" in name and grades == {"yellow"} and data["grade"]["code"] == "yellow"
