"""Where a province can't reach another directly, the unified platform's relay has a way: it carries an envelope and
learns nothing."""
import os
import re
import time

import psycopg
import pytest
import requests
import zmq

from phi_client import rpc
from phi_client.suite import wait_until
from test_elsewhere import OTHER, Province, code_of, doctor, scanned, visitor  # noqa: F401
from test_rpc import z85

# Before test_keys takes the key that signs the other province's codes.
pytestmark = pytest.mark.late


class CutOff(Province):
    """330000 whose doors know the unified platform only."""

    def register(self):
        super().register()
        self.suite.register("peer", "--curve", self.curve("svc-platform"), "--platform", "000000", "--program", "svc-platform",
                            "--scopes", "pass,medical,self", regions=(OTHER,))


@pytest.fixture(scope="module")
def province(suite):
    province = CutOff(suite)
    try:
        province.start("svc-verify")
        province.start("svc-declare")
        province.start("svc-directory", PHI_RULES_FILE=province.rules())
        public = os.path.join(suite.run, "keys", "public")
        province.join("--key", f"encryption={public}/svc-verify.encryption.pub@verify", "--key",
                      f"encryption={public}/svc-directory.encryption.pub@directory")
        yield province
    finally:
        province.end()


def counted(suite, service, name, label):
    text = requests.get(suite.url(service) + "/metrics", timeout=5).text
    found = re.search(rf'^{name}{{{label}}} (\d+)', text, re.M)
    return int(found.group(1)) if found else 0


def relayed(suite):
    return counted(suite, "svc-platform", "phi_relay_calls_total", 'result="answered"')


def over_relay(suite):
    """320000 asks 330000 through the relay only, from now on."""
    for service in ("svc-verify", "svc-directory"):
        suite.set_extra(service, PHI_RELAY_REGIONS=OTHER)
    suite.restart("svc-verify", "svc-directory")


@pytest.fixture(scope="module")
def relay(suite, province, visitor):  # noqa: F811
    over_relay(suite)
    yield
    for service in ("svc-verify", "svc-directory"):
        suite.set_extra(service)
    suite.restart("svc-verify", "svc-directory")


def test_a_scan_goes_through_the_relay(suite, life, relay, visitor, doctor, code_of):  # noqa: F811
    before = relayed(suite)

    def look():
        data = scanned(life, doctor, code_of(visitor))
        return data if data and data["holder"] else None

    data = wait_until(look, 60, "the home province has answered through the relay")
    assert data["holder"]["name"].startswith(visitor.name[0]) and visitor.id_no not in str(data)
    assert data["grade"]["code"] == "yellow" and OTHER not in data["notAsked"] + data["unanswered"]
    assert relayed(suite) >= before + 2, "verification, and the health query"


def test_the_relay_learns_nothing(suite, life, relay, visitor, doctor, code_of):  # noqa: F811
    """The frames that reach it, and what it writes, hold neither code nor person."""
    code = code_of(visitor)
    wait_until(lambda: scanned(life, doctor, code), 30, "a scan through the relay")
    with open(f"/proc/{suite.pid('svc-platform')}/maps", encoding="ascii") as maps:
        spans = [line.split()[0].split("-") for line in maps if " rw-p " in line and ("[heap]" in line or len(line.split()) < 6)]
    secrets = [code.encode(), visitor.name.encode(), visitor.id_no.encode()]
    with open(f"/proc/{suite.pid('svc-platform')}/mem", "rb", buffering=0) as memory:
        for start, end in ((int(a, 16), int(b, 16)) for a, b in spans):
            try:
                memory.seek(start)
                held = memory.read(end - start)
            except OSError:
                continue
            assert not [secret for secret in secrets if secret in held]
    log = suite.log("svc-platform")
    assert code not in log and visitor.name not in log and visitor.id_no not in log
    with psycopg.connect(**suite.database("000000"), autocommit=True) as database:
        for table in ("outbox", "intake", "refusals", "buckets"):
            rows = str(database.execute(f"SELECT * FROM platform.{table}").fetchall())
            assert code not in rows and visitor.id_no not in rows


def test_a_stranger_gets_nothing_at_the_relay(suite, relay):
    public, secret = zmq.curve_keypair()
    peer = rpc.Peer(suite.environment("svc-platform")["PHI_RPC_BIND"], z85(suite.public_file("svc-platform", "curve")), public,
                    secret)
    try:
        peer.send(rpc.envelope(b"\xa1\x06" + bytes(20) + OTHER.encode() + b"\x00\x00\x00\x00\x01x", request_id=bytes(16),
                               left_ms=2000))
        assert peer.receive(2) is None
    finally:
        peer.close()


def test_without_the_issuer_the_answer_is_degraded_in_time(suite, life, relay, province, visitor, doctor, code_of):  # noqa: F811
    code = code_of(visitor)
    province.started["svc-verify"].end()
    begun = time.monotonic()
    answer = life.post("scan-app", "svc-directory", "/v1/health/query", {"code": code}, doctor)
    assert time.monotonic() - begun < 5
    assert answer.code == "5004" and answer.data["grade"]["code"] == "grey", answer
    assert {"form", "platform", "signature", "deadline"} <= set(answer.data["checked"]), answer
