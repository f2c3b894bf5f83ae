"""Revocation: by the holder and by the issuer's staff, in force at every replica and in another province within two
seconds; records that nobody may have written; the signed filter, read after docs/codes.md alone."""
import base64
import json
import os
import secrets
import struct
import subprocess
import time

import psycopg
import pytest
import requests
import zmq

from loadgen import keyfile
from phi_client import rpc
from phi_client.codes import Code, Reader, Receipt
from phi_client.life import moment
from phi_client.people import Person
from phi_client.sm2 import PrivateKey, PublicKey, digest
from phi_client.suite import ROOT, wait_until
from phi_client.topics import read_topic, write_topic
from test_issuer import HERE, OTHER, Issuer
from test_replicas import free_port
from test_rpc import z85

TOPIC = f"phi.{HERE}.code.revoked"
ROUNDS, LIMIT_S = 3, 2.0

pytestmark = pytest.mark.late


@pytest.fixture(scope="module")
def replica(suite):
    """A second process of the same province."""
    port = free_port()
    environment = {**os.environ, **suite.environment("svc-verify"), "PHI_HTTP_PORT": str(free_port()),
                   "PHI_RPC_BIND": f"tcp://127.0.0.1:{port}"}
    with open(os.path.join(suite.run, "log", "svc-verify-3.log"), "wb") as log:
        process = subprocess.Popen([os.path.join(suite.programs, "svc-verify")], env=environment, stderr=log)
    try:
        yield f"tcp://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture(scope="module")
def province(suite):
    """Another province's svc-verify: it knows what is revoked from the topic, the rest from the issuer through the relay."""
    if suite.broker == "kafka":
        subprocess.run([os.path.join(ROOT, "compose", "kafka", "topics"), "--broker", suite.bus, "--regions", OTHER,
                        "--file", os.path.join(ROOT, "compose", "topics.txt")], check=True, timeout=60)
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        database.execute("CREATE SCHEMA IF NOT EXISTS verify_other AUTHORIZATION verify_320000")
    suite.register("app", "--app", "scan-app", "--public", suite.public_pem(suite.apps["scan-app"]), "--roles", "verify",
                   regions=(OTHER,))
    other = Issuer(suite, z85(suite.public_file("svc-verify", "curve")).decode())
    other.start()
    try:
        yield other.address
    finally:
        other.stop()


@pytest.fixture(scope="module")
def everywhere(suite, replica, province):
    """A caller's connections: to the suite's svc-verify, to its replica, to the other province's."""
    public, secret = zmq.curve_keypair()
    suite.register("peer", "--curve", public.decode(), "--platform", HERE, "--program", "e2e-revoke", "--scopes", "pass",
                   regions=(HERE, OTHER))
    addresses = (f"tcp://127.0.0.1:{suite.port('svc-verify.rpc')}", replica, province)
    peers = [rpc.Peer(address, z85(suite.public_file("svc-verify", "curve")), public, secret) for address in addresses]
    try:
        for peer in peers:
            wait_until(lambda peer=peer: answers(peer), 40, "svc-verify knows the peer")
            while peer.receive(0.5):
                pass
        yield peers
    finally:
        for peer in peers:
            peer.close()


def answers(peer):
    peer.send(rpc.envelope(rpc.single("A")))
    return peer.receive(1)


def status(peer, code):
    return rpc.replies(peer.ask_among(rpc.single(code, operation=rpc.CHECK)).payload)[0].status


def revoke(life, fields, person=None, officer=None):
    app_id = "officer-app" if officer else "citizen-app"
    token = life.officer(officer) if officer else None
    return life.post(app_id, "svc-verify", "/v1/codes/revoke", fields, person, token=token)


def moment_of(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def revoked_at(peer, code, seconds=20):
    wait_until(lambda: status(peer, code) == "2005", seconds, "the code is revoked there")


def test_a_lost_paper_is_refused_everywhere_within_two_seconds(everywhere, life):
    holder, took = Person(), []
    codes = [life.mint(holder, "paper")["code"] for _ in range(ROUNDS)]
    here, _replica, other = everywhere
    assert [status(peer, codes[0]) for peer in everywhere] == ["0000"] * 3
    for code in codes:
        data = life.done(revoke(life, {"code": code}, holder))
        began = time.monotonic()
        assert data["kind"] == "code" and status(here, code) == "2005", "where it was asked for it is in force at once"
        for peer in everywhere:
            revoked_at(peer, code)
        took.append(time.monotonic() - began)
    # A machine that is busy with other things may take its time once, not each time.
    assert min(took) < LIMIT_S, took
    assert life.done(revoke(life, {"code": codes[0]}, holder))["kind"] == "code", "twice is fine"
    reply = rpc.replies(here.ask_among(rpc.single(life.mint(holder, "paper")["code"], operation=rpc.CHECK)).payload)[0]
    assert reply.status == "0000" and "revocation" in reply.checked, "the holder's other codes are good"
    assert status(other, life.mint(holder)["code"]) == "0000"


def test_the_verdict_over_http_and_to_the_holder(life):
    holder, scanner = Person(), Person()
    code = life.mint(holder, "paper")["code"]
    life.done(revoke(life, {"code": code}, holder))
    answer = life.verify(code, scanner, challenge=secrets.token_hex(16))
    assert (answer.status, answer.code) == (200, "2005") and "receipt" not in answer.data
    assert "revocation" in answer.data["checked"]
    uses = life.done(life.get("citizen-app", "svc-verify", "/v1/codes/uses", holder))["uses"]
    assert [use["resultCode"] for use in uses] == ["2005"]


def test_who_may_not_and_what_is_none(life):
    holder, stranger = Person(), Person()
    code = life.mint(holder)["code"]
    assert revoke(life, {"code": code}, stranger).code == "3014"
    assert revoke(life, {"serial": "ab" * 16}, holder).code == "3012"
    assert revoke(life, {"code": "AAAA"}, holder).code == "2001"
    forged = code[:-3] + ("A" if code[-3] != "A" else "B") + code[-2:]
    assert revoke(life, {"code": forged}, holder).code == "2002"
    assert revoke(life, {"code": code, "serial": "ab" * 16}, officer=Person()).status == 400
    assert revoke(life, {}, holder).status == 400
    assert life.post("scan-app", "svc-verify", "/v1/codes/revoke", {"code": code}, stranger).code == "3012"
    far = {"deadlineFrom": moment_of(time.time()), "deadlineUntil": moment_of(time.time() + 40 * 86400)}
    assert revoke(life, {"keySetId": 1, **far}, officer=Person()).status == 400
    assert life.verify(code, stranger).code == "0000"


def test_the_issuer_revokes_a_serial_a_subject_and_a_key_set(everywhere, life):
    here, second, other = everywhere
    holder = Person()
    code = life.mint(holder, "paper")["code"]
    life.done(revoke(life, {"serial": Code.of(code).serial.hex()}, officer=Person()))
    for peer in everywhere:
        revoked_at(peer, code)
    # All of a subject between two deadlines: the papers, not the code of the next minutes.
    paper, short = life.mint(holder, "paper")["code"], life.mint(holder)["code"]
    subject = Receipt(life.receipt(short, Person())).subject.hex()
    span = {"deadlineFrom": moment_of(time.time() + 86400), "deadlineUntil": moment_of(time.time() + 30 * 86400)}
    life.done(revoke(life, {"subject": subject, **span}, officer=Person()))
    for peer in (here, second):
        revoked_at(peer, paper)
        assert status(peer, short) == "0000"
    assert status(other, paper) == "2005", "what is sealed is its issuer's to tell, through the relay"
    # All of a key set between two deadlines: here the one second of this short code, so that no paper is met.
    short = life.mint(Person())["code"]
    second_of = moment_of(Code.of(short).deadline_s)
    life.done(revoke(life, {"keySetId": Code.of(short).key_set, "deadlineFrom": second_of, "deadlineUntil": second_of},
                     officer=Person()))
    for peer in everywhere:
        revoked_at(peer, short)
    assert status(here, life.mint(Person(), "paper")["code"]) == "0000"


def record(topic, key, version, value, signer, serial=None):
    data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
    message = b"\n".join([topic.encode(), key, str(version).encode(), data])
    headers = [("phi-key", (serial or signer.public.serial).encode()), ("phi-version", str(version).encode()),
               ("phi-signature", base64.b64encode(signer.sign(message)))]
    return data, key, headers


def counted(suite, result):
    text = requests.get(f"{suite.url('svc-verify')}/metrics", timeout=5).text
    lines = [line for line in text.splitlines() if line.startswith("phi_revocation_records_total") and f'"{result}"' in line]
    return float(lines[0].rsplit(" ", 1)[1]) if lines else 0.0


def test_records_that_nobody_may_have_written(everywhere, suite, life):
    here = everywhere[0]
    folder = os.path.join(suite.run, "keys", "svc-verify")
    key = PrivateKey(keyfile.sm2_number(f"{folder}/revocation.key", f"{folder}/password"))
    code = life.mint(Person(), "paper")["code"]
    name = digest(HERE.encode() + Code.of(code).serial)[:16].hex()
    value = {"kind": "code", "id": name, "deadlineUntil": moment_of(Code.of(code).deadline_s), "revokedAt": moment()}
    row, stranger, version = f"code:{name}".encode(), PrivateKey(), int(time.time() * 1e6)
    elsewhere = f"phi.{OTHER}.code.revoked"
    data, _key, headers = record(TOPIC, row, version, value, key)
    cases = (("unsigned", (data, row, [])), ("unsigned", (data, row, headers[:2])),
             ("foreign", record(TOPIC, row, version, value, stranger)),
             ("forged", record(TOPIC, row, version, value, stranger, key.public.serial)),
             ("forged", record(elsewhere, row, version, value, key)),
             ("forged", (data.replace(b"code", b"codf"), row, headers)),
             ("malformed", record(TOPIC, row, version, b"[]", key)),
             ("malformed", record(TOPIC, row, version, {**value, "id": "00"}, key)))
    before = {result: counted(suite, result) for result, _record in cases}
    for _result, (data, row_key, sent) in cases:
        write_topic(suite.bus, TOPIC, data, row_key, sent)
    expected = {result: before[result] + sum(one == result for one, _record in cases) for result in before}
    wait_until(lambda: {result: counted(suite, result) for result in before} == expected, 20, "each is counted")
    assert status(here, code) == "0000"
    # The true one, and then an older one and the same again, which change nothing.
    write_topic(suite.bus, TOPIC, *record(TOPIC, row, version, value, key))
    revoked_at(here, code)
    known = counted(suite, "known")
    for number in (version, version - 1):
        write_topic(suite.bus, TOPIC, *record(TOPIC, row, number, value, key))
    wait_until(lambda: counted(suite, "known") >= known + 2, 20, "older ones are counted")
    assert status(here, code) == "2005"


def test_what_is_on_the_topic(suite, life):
    holder = Person()
    code = life.mint(holder, "paper")["code"]
    life.done(revoke(life, {"code": code}, holder))
    name = digest(HERE.encode() + Code.of(code).serial)[:16].hex()
    found = read_topic(suite.bus, TOPIC, until=lambda records: records[-1].key == f"code:{name}".encode())[-1]
    assert found.json["kind"] == "code" and found.json["id"] == name
    assert Code.of(code).serial.hex() not in found.value.decode()
    message = b"\n".join([TOPIC.encode(), found.key, found.headers["phi-version"], found.value])
    key = PublicKey.from_file(suite.public_file("svc-verify", "revocation"))
    assert key.verify(message, base64.b64decode(found.headers["phi-signature"])) and key.serial == found.header("phi-key")


class Filter:
    def __init__(self, data):
        r = Reader(data)
        assert r.take(4) == b"JKF1"
        self.platform, self.sequence, self.issued_s, self.not_after_s = r.take(6).decode(), *struct.unpack(">QQQ", r.take(24))
        self.key_serial = r.take(16).decode()
        self.ranges = [(r.take(6).decode(), r.number(1), r.number(8), r.number(8)) for _ in range(r.number(2))]
        self.count, self.probes, self.bits = r.number(4), r.number(1), r.number(4)
        self.set = r.take(self.bits // 8)
        self.signed, self.signature = data[: r.at], r.take(64)
        r.end()

    def has(self, name):
        a, b = struct.unpack(">QQ", name)
        places = [(a + i * b) % 2**64 % self.bits for i in range(self.probes)] if self.bits else []
        return bool(places) and all(self.set[place // 8] >> place % 8 & 1 for place in places)


def test_the_filter_for_scanners_without_a_network(suite, life):
    holder = Person()
    code, good = life.mint(holder, "paper")["code"], life.mint(holder)["code"]
    life.done(revoke(life, {"code": code}, holder))
    name, other = (digest(HERE.encode() + Code.of(one).serial)[:16] for one in (code, good))
    url = f"{suite.url('svc-verify')}/v1/codes/revocations"

    def fetch():
        answer = requests.get(url, timeout=5)
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/octet-stream"
        return answer, Filter(answer.content)

    first = fetch()[1]
    answer, found = wait_until(lambda: (lambda got: got if got[1].has(name) else None)(fetch()), 20, "the filter has it")
    assert found.sequence >= first.sequence and found.platform == HERE
    assert found.issued_s < time.time() + 1 < found.not_after_s and found.count >= 1
    key = PublicKey.from_file(suite.public_file("svc-verify", "revocation"))
    assert key.serial == found.key_serial and key.verify(found.signed, found.signature)
    assert not found.has(other)
    again = requests.get(url, headers={"If-None-Match": answer.headers["ETag"]}, timeout=5)
    assert (again.status_code, again.content) in ((304, b""), (200, again.content))
    assert requests.get(url, headers={"If-None-Match": '"1"'}, timeout=5).status_code == 200


def test_phictl_judges_with_the_filter(suite, life, tmp_path):
    holder = Person()
    code, good = life.mint(holder, "paper")["code"], life.mint(holder)["code"]
    life.done(revoke(life, {"code": code}, holder))
    trust, filter_file = tmp_path / "list.json", tmp_path / "filter.bin"
    trust.write_bytes(requests.get(f"{suite.url('svc-platform')}/v1/trust-list", timeout=5).content)

    def verdict(text):
        filter_file.write_bytes(requests.get(f"{suite.url('svc-verify')}/v1/codes/revocations", timeout=5).content)
        done = subprocess.run([os.path.join(suite.programs, "phictl"), "code", "verify", "--trust-list", trust, "--trust-key",
                               suite.public_file("svc-platform", "trust"), "--filter", filter_file, text],
                              capture_output=True, text=True, timeout=20)
        return done.returncode, done.stdout

    wait_until(lambda: verdict(code)[0] == 7, 20, "the filter has it")
    status_of, said = verdict(good)
    assert status_of == 0 and f"filter of {HERE}" in said
    filter_file.write_bytes(filter_file.read_bytes()[:-1] + b"x")
    assert suite.phictl("code", "verify", "--trust-list", str(trust), "--trust-key",
                        suite.public_file("svc-platform", "trust"), "--filter", str(filter_file), good, check=False) == ""


def test_a_restart_forgets_nothing(everywhere, suite, life):
    holder = Person()
    code = life.mint(holder, "paper")["code"]
    life.done(revoke(life, {"code": code}, holder))
    suite.restart("svc-verify")
    wait_until(lambda: life.verify(code, Person()).code == "2005", 20, "it is refused after the restart")
