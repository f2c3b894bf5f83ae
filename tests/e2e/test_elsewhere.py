"""A person of another province is scanned here: their home directory is asked for masked identity, grade and details."""
import os
import subprocess

import psycopg
import pytest
import zmq

from loadgen import keyfile
from phi_client import rpc
from phi_client.life import basic, health
from phi_client.people import Person
from phi_client.replica import Replica
from phi_client.sm2 import PrivateKey
from phi_client.suite import ROOT, wait_until
from test_issuer import of_other_province
from test_query import query
from test_rpc import z85

OTHER, HERE = "330000", "320000"

# Before test_keys takes the key that signs the other province's codes.
pytestmark = pytest.mark.late


@pytest.fixture(scope="module")
def doctor():
    return Person()


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

    def join(self, *more):
        """Into the trust list."""
        public = os.path.join(self.suite.run, "keys", "public")
        endpoints = [argument for use, service in (("verify", "svc-verify"), ("directory", "svc-directory"))
                     for argument in ("--endpoint", f"{use}={self.started[service].environment['PHI_RPC_BIND']},"
                                                    f"{self.curve(service)}")]
        self.suite.phictl("platform", "add", "--list", os.path.join(self.suite.run, "platforms.json"), "--id", OTHER,
                          "--name", "浙江省", "--key", f"code={public}/svc-codegen.code.pub@1", "--key",
                          f"receipt={public}/svc-verify.receipt.pub", "--key",
                          f"directory={public}/svc-directory.directory.pub", *endpoints, *more)
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


def test_the_home_province_says_who_it_is_and_what_grade(life, province, visitor, doctor, code_of):
    def look():
        data = scanned(life, doctor, code_of(visitor))
        return data if data and data["holder"] else None

    data = wait_until(look, 60, "the home province has answered")
    assert data["holder"]["name"].startswith(visitor.name[0]) and visitor.id_no not in str(data)
    assert data["grade"]["code"] == "yellow" and OTHER not in data["notAsked"] + data["unanswered"]
    assert (OTHER, OTHER, "yellow") in {(entry["region"], entry["via"], entry["grade"]) for entry in data["entries"]}
    assert "details" not in data


def test_a_stranger_gets_nothing_at_the_home_provinces_door(suite, province, visitor):
    public, secret = zmq.curve_keypair()
    server = z85(suite.public_file("svc-directory", "curve"))
    peer = rpc.Peer(province.started["svc-directory"].environment["PHI_RPC_BIND"], server, public, secret)
    try:
        peer.send(rpc.envelope(b"\xa1\x05" + bytes(20) + b"\x00\x01x", request_id=bytes(16), left_ms=2000))
        assert peer.receive(2) is None
    finally:
        peer.close()


def test_a_home_province_that_is_away_is_said(life, province, visitor, doctor, code_of):
    province.started["svc-directory"].end()
    data = wait_until(lambda: scanned(life, doctor, code_of(visitor)), 30, "an answer without the home province")
    assert data["unanswered"] == [OTHER] or OTHER in data["unanswered"]
    assert data["holder"] is None
