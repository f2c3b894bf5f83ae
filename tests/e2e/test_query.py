"""6.4: who sees what of a person, by scope; and a person of another province, whose home is asked."""
import os
import subprocess

import psycopg
import pytest
import zmq

from loadgen import keyfile
from phi_client import rpc
from phi_client.life import ADDRESS, PHONE, basic, health, moment, source_line
from phi_client.people import Person
from phi_client.replica import Replica
from phi_client.sm2 import PrivateKey
from phi_client.suite import ROOT, wait_until
from test_issuer import of_other_province
from test_rpc import z85

OTHER, HERE = "330000", "320000"


def query(life, app_id, who, **fields):
    return life.post(app_id, "svc-directory", "/v1/health/query", fields, who)


def graded(life, person, grade, app_id="citizen-app"):
    """The citizen's own query, once it says so."""
    def look():
        answer = query(life, app_id, person)
        return answer.data if answer.code == "0000" and answer.data["grade"]["code"] == grade else None
    return wait_until(look, 30, f"the grade {grade}")


@pytest.fixture(scope="module")
def ill(life):
    """Somebody with a fever who was tested and vaccinated, and was somewhere a month ago."""
    person = Person()
    life.consent(person)
    life.declare(person, temperature=38.1, symptoms=["cough"])
    life.declare_trips(person)
    reported = {"tests": source_line(person, "tests", result="negative"), "contacts": source_line(person, "contacts")}
    for kind, line in reported.items():
        assert [answer["result"] for answer in life.report(kind, [line])] == ["accepted"]
    return graded(life, person, "red") and person


@pytest.fixture(scope="module")
def doctor():
    return Person()


def test_ones_own_query_needs_no_code_and_shows_the_details(life, ill):
    data = query(life, "citizen-app", ill).data
    assert data["holder"]["name"].startswith(ill.name[0]) and data["notAsked"] == ["000000"] and not data["unanswered"]
    (entry,) = data["entries"]
    assert (entry["region"], entry["via"], entry["grade"]) == (HERE, "local", "red")
    details = data["details"]
    assert [fact["content"]["temperature"] for fact in details["declarations"] if fact["source"] == "declare.health"] == [38.1]
    assert {fact["source"] for fact in details["declarations"]} == {"declare.health", "declare.trip"}
    assert [fact["content"]["result"] for fact in details["tests"]] == ["negative"]
    assert [fact["source"] for fact in details["reports"]] == ["source.contacts"] and details["truncated"] is False
    assert ADDRESS not in str(data) and PHONE not in str(data) and ill.id_no not in str(data)


def test_medical_shows_details_only_where_code_app_and_request_have_it(life, ill, doctor):
    medical, passing = life.mint(ill, "medical")["code"], life.mint(ill)["code"]
    shown = life.done(query(life, "clinic-app", doctor, code=medical, scope="medical"))
    assert shown["grade"]["code"] == "red" and [fact["content"]["result"] for fact in shown["details"]["tests"]] == ["negative"]
    assert "details" not in life.done(query(life, "clinic-app", doctor, code=life.mint(ill, "medical")["code"]))
    assert "details" not in life.done(query(life, "scan-app", doctor, code=passing))
    refused = query(life, "scan-app", doctor, code=passing, scope="medical")
    assert (refused.status, refused.code, refused.data["field"]) == (403, "3012", "$.scope")


def test_a_code_of_passing_never_shows_details(life, ill, doctor):
    answer = query(life, "clinic-app", doctor, code=life.mint(ill)["code"], scope="medical")
    assert "details" not in (answer.data or {}), answer


@pytest.mark.parametrize("app_id, fields, code, field", [
    ("scan-app", {}, "3012", "$.scope"),
    ("citizen-app", {"scope": "pass"}, "1006", "$.scope"),
    ("citizen-app", {"scope": "everything"}, "1006", "$.scope"),
])
def test_a_scope_that_does_not_fit_is_refused(life, doctor, app_id, fields, code, field):
    answer = query(life, app_id, doctor, **fields)
    assert (answer.code, answer.data["field"]) == (code, field), answer


def test_self_is_not_a_scope_of_a_scan(life, ill, doctor):
    answer = query(life, "citizen-app", doctor, code=life.mint(ill)["code"], scope="self")
    assert (answer.code, answer.data["field"]) == ("1006", "$.scope"), answer


def test_explain_says_until_when_and_how_far_it_has_got(life):
    person = Person()
    life.consent(person)
    life.declare(person, temperature=38.1)
    graded(life, person, "yellow")

    def arrived():
        data = life.get("citizen-app", "svc-directory", "/v1/health/explain", person).data
        return data if data["nation"]["seenVersion"] == data["nation"]["version"] else None

    data = wait_until(arrived, 30, "the nation holds the entry's version")
    assert data["nation"]["publishedVersion"] == data["nation"]["version"] != "0"
    assert data["until"] > moment(0) and data["then"]["code"] in ("green", "grey") and data["decisions"] == []


# --- another province ---


class Province:
    """330000 on the same broker and database: svc-verify, svc-declare and svc-directory of its own."""

    def __init__(self, suite):
        self.suite, self.started = suite, {}
        if suite.broker == "kafka":
            subprocess.run([os.path.join(ROOT, "compose", "kafka", "topics"), "--broker", suite.bus, "--regions", OTHER,
                            "--file", os.path.join(ROOT, "compose", "topics.txt")], check=True, timeout=120)
        self.register()

    def register(self):
        suite = self.suite
        for program, scopes in (("svc-verify", "pass,medical"), ("svc-directory", "pass,medical")):
            suite.register("peer", "--curve", self.curve(program), "--platform", HERE, "--program", program, "--scopes",
                           scopes, regions=(OTHER,))
        suite.register("app", "--app", "citizen-app", "--public", suite.public_pem(suite.apps["citizen-app"]), "--roles",
                       "declare,query,picture", "--scopes", "pass,self", "--client-id", "citizen-app", regions=(OTHER,))
        issuer = f"{suite.url('idp')}/citizens"
        suite.register("provider", "--issuer", issuer, "--jwks", f"{issuer}/jwks.json", "--kind", "citizen", "--acr",
                       "real-name", regions=(OTHER,))

    def curve(self, program):
        return z85(self.suite.public_file(program, "curve")).decode()

    def start(self, service, **change):
        schema = f"{service[4:]}_query"
        with psycopg.connect(**self.suite.database(), autocommit=True) as database:
            database.execute(f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {service[4:]}_{HERE}")
        self.started[service] = Replica(self.suite, service, PHI_REGION=OTHER, PHI_SCHEMA=schema, **change)

    def rules(self):
        """The province's own file: 320000's under its name."""
        with open(self.suite.environment("svc-directory")["PHI_RULES_FILE"], encoding="utf-8") as file:
            text = file.read().replace(f'"region": "{HERE}"', f'"region": "{OTHER}"')
        path = os.path.join(self.suite.run, "rules-330000.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o644)
        return path

    def join(self):
        """Into the trust list."""
        public = os.path.join(self.suite.run, "keys", "public")
        endpoints = [argument for use, service in (("verify", "svc-verify"), ("directory", "svc-directory"))
                     for argument in ("--endpoint", f"{use}={self.started[service].environment['PHI_RPC_BIND']},"
                                                    f"{self.curve(service)}")]
        self.suite.phictl("platform", "add", "--list", os.path.join(self.suite.run, "platforms.json"), "--id", OTHER,
                          "--name", "浙江省", "--key", f"code={public}/svc-codegen.code.pub@1", "--key",
                          f"receipt={public}/svc-verify.receipt.pub", "--key",
                          f"directory={public}/svc-directory.directory.pub", *endpoints)
        self.suite.restart("svc-platform")

    def end(self):
        for replica in self.started.values():
            replica.end()


@pytest.fixture(scope="module")
def province(suite):
    province = Province(suite)
    try:
        province.start("svc-verify")
        province.start("svc-declare")
        province.start("svc-directory", PHI_RULES_FILE=province.rules())
        province.join()
        yield province
    finally:
        province.end()


@pytest.fixture(scope="module")
def visitor(suite, life, province):
    """Declared at home, in 330000; a code of theirs."""
    person, app = Person(), suite.apps["citizen-app"]
    declare = province.started["svc-declare"].url
    fields = {"noticeVersion": "2026-11", "purpose": "health-code"}
    wait_until(lambda: app.post(declare, "/v1/consents", fields, life.token(person)).code == "0000", 30,
               "the app is known")
    fields = {"health": health(temperature=38.2), "basic": basic()}
    done = app.post(declare, "/v1/declarations/health", fields, life.token(person))
    assert done.code == "0000", done

    def is_graded():
        answer = app.post(province.started["svc-directory"].url, "/v1/health/query", {}, life.token(person))
        return answer.code == "0000" and answer.data["grade"]["code"] == "yellow"

    wait_until(is_graded, 40, "graded at home")
    return person


@pytest.fixture(scope="module")
def code_of(suite, life):
    folder = os.path.join(suite.run, "keys", "svc-codegen")
    key = PrivateKey(keyfile.sm2_number(f"{folder}/code.key", f"{folder}/password"))
    return lambda person: of_other_province(life.mint(person)["code"], key)


def scanned(life, doctor, code):
    answer = query(life, "scan-app", doctor, code=code)
    return answer.data if answer.code == "0000" else None


@pytest.mark.late
def test_the_home_province_says_who_it_is_and_what_grade(life, province, visitor, doctor, code_of):
    def look():
        data = scanned(life, doctor, code_of(visitor))
        return data if data and data["holder"] else None

    data = wait_until(look, 60, "the home province has answered")
    assert data["holder"]["name"].startswith(visitor.name[0]) and visitor.id_no not in str(data)
    assert data["grade"]["code"] == "yellow" and OTHER not in data["notAsked"] + data["unanswered"]
    assert (OTHER, OTHER, "yellow") in {(entry["region"], entry["via"], entry["grade"]) for entry in data["entries"]}
    assert "details" not in data


@pytest.mark.late
def test_a_stranger_gets_nothing_at_the_home_provinces_door(suite, province, visitor):
    public, secret = zmq.curve_keypair()
    server = z85(suite.public_file("svc-directory", "curve"))
    peer = rpc.Peer(province.started["svc-directory"].environment["PHI_RPC_BIND"], server, public, secret)
    try:
        peer.send(rpc.envelope(b"\xa1\x05" + bytes(20) + b"\x00\x01x", request_id=bytes(16), left_ms=2000))
        assert peer.receive(2) is None
    finally:
        peer.close()


@pytest.mark.late
def test_a_home_province_that_is_away_is_said(life, province, visitor, doctor, code_of):
    province.started["svc-directory"].end()
    data = wait_until(lambda: scanned(life, doctor, code_of(visitor)), 30, "an answer without the home province")
    assert data["unanswered"] == [OTHER] or OTHER in data["unanswered"]
    assert data["holder"] is None
