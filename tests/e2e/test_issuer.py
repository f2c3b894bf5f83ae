"""A code of another province: checked here by the trust list, then asked about at its issuer, and what is said when
the issuer can't be reached. The other province is a svc-verify of its own region, with a schema and callers of its own."""
import os
import secrets
import subprocess

import psycopg
import pytest
import zmq

from loadgen import keyfile
from phi_client import rpc
from phi_client.codes import Code, Receipt, from_text, to_text
from phi_client.http import new_serial
from phi_client.people import Person
from phi_client.sm2 import PrivateKey, PublicKey
from phi_client.suite import ROOT, wait_until
from test_replicas import free_port
from test_rpc import z85

OTHER, HERE = "330000", "320000"

pytestmark = pytest.mark.late


@pytest.fixture(scope="module")
def code_key(suite):
    """The key that signs codes, here and in the other province."""
    folder = os.path.join(suite.run, "keys", "svc-codegen")
    return PrivateKey(keyfile.sm2_number(f"{folder}/code.key", f"{folder}/password"))


@pytest.fixture(scope="module")
def issuer(suite):
    """The other province's svc-verify, and its place in the trust list."""
    if suite.broker == "kafka":
        subprocess.run([os.path.join(ROOT, "compose", "kafka", "topics"), "--broker", suite.bus, "--regions", OTHER,
                        "--file", os.path.join(ROOT, "compose", "topics.txt")], check=True, timeout=60)
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        database.execute("CREATE SCHEMA IF NOT EXISTS verify_other AUTHORIZATION verify_320000")
    curve = z85(suite.public_file("svc-verify", "curve")).decode()
    suite.register("peer", "--curve", curve, "--platform", HERE, "--program", "svc-verify", "--scopes", "pass",
                   regions=(OTHER,))
    # Readiness wants one app at least.
    suite.register("app", "--app", "scan-app", "--public", suite.public_pem(suite.apps["scan-app"]), "--roles", "verify",
                   regions=(OTHER,))
    issuer = Issuer(suite, curve)
    public = os.path.join(suite.run, "keys", "public")
    suite.phictl("platform", "add", "--list", os.path.join(suite.run, "platforms.json"), "--id", OTHER, "--name", "浙江省",
                 "--key", f"code={public}/svc-codegen.code.pub@1", "--key", f"receipt={public}/svc-verify.receipt.pub",
                 "--endpoint", f"verify={issuer.address},{curve}")
    suite.restart("svc-platform")
    issuer.start()
    try:
        yield issuer
    finally:
        issuer.stop()


class Issuer:
    def __init__(self, suite, curve):
        self.suite, self.curve, self.process = suite, curve, None
        self.http, self.port = free_port(), free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"

    def start(self):
        environment = {**os.environ, **self.suite.environment("svc-verify"), "PHI_REGION": OTHER,
                       "PHI_SCHEMA": "verify_other", "PHI_HTTP_PORT": str(self.http), "PHI_RPC_BIND": self.address}
        with open(os.path.join(self.suite.run, "log", "svc-verify-other.log"), "ab") as log:
            self.process = subprocess.Popen([os.path.join(self.suite.programs, "svc-verify")], env=environment, stderr=log)

    def stop(self):
        if self.process:
            self.process.terminate()
            assert self.process.wait(30) == 0
            self.process = None


def of_other_province(code, key):
    """The same code, issued by the other province: what is sealed in it opens there, since the seal key is the same."""
    data = from_text(code)
    at = data.index(b"JKM1") + 4
    signed = data[:at] + OTHER.encode() + data[at + 6 : -64]
    return to_text(signed + key.sign(signed))


@pytest.fixture(scope="module")
def peer(suite, issuer):
    public, secret = zmq.curve_keypair()
    suite.register("peer", "--curve", public.decode(), "--platform", HERE, "--program", "e2e-routes", "--scopes", "pass",
                   regions=(HERE,))
    with rpc.known_peer(f"tcp://127.0.0.1:{suite.port('svc-verify.rpc')}",
                        z85(suite.public_file("svc-verify", "curve")), public, secret) as peer:
        yield peer


@pytest.fixture(scope="module")
def routed(peer, life, code_key):
    """Waits until a code of the other province goes all the way."""
    person = Person()

    def goes():
        reply = peer.verify(of_other_province(life.mint(person)["code"], code_key))
        return reply.status == "0000"

    wait_until(goes, 40, "codes of the other province are asked about there")
    return peer


def test_the_issuer_says_who_and_signs_the_receipt(routed, suite, life, code_key):
    person, challenge = Person(), secrets.token_bytes(16)
    code = of_other_province(life.mint(person)["code"], code_key)
    reply = routed.verify(code, challenge=challenge)
    assert (reply.status, reply.platform, reply.deadline_s) == ("0000", OTHER, Code.of(code).deadline_s)
    assert {"form", "platform", "signature", "deadline", "ledger", "subject"} <= set(reply.checked) and not reply.unchecked
    receipt, key = Receipt(reply.receipt), PublicKey.from_file(suite.public_file("svc-verify", "receipt"))
    assert receipt.issuer == OTHER and receipt.challenge == challenge and key.verify(receipt.signed, receipt.signature)
    assert receipt.requester == f"{HERE}.svc-verify" and receipt.app == "e2e-gate" and HERE in receipt.audience
    # The use is recorded where the code comes from, and only there.
    with psycopg.connect(**suite.database(), autocommit=True) as database:
        count = "SELECT count(*) FROM {}.uses WHERE serial_hmac = %s"
        assert database.execute(count.format("verify_other"), (receipt.serial_hmac,)).fetchone() == (1,)
        assert database.execute(count.format("verify"), (receipt.serial_hmac,)).fetchone() == (0,)


def test_once_is_once_there_too_and_a_repeat_is_one(routed, life, code_key):
    code = of_other_province(life.mint(Person(), "pass-once")["code"], code_key)
    request_id = secrets.token_bytes(16)
    first = routed.verify(code, request_id=request_id)
    again = routed.verify(code, request_id=request_id)
    assert (first.status, first.is_repeat, again.status, again.is_repeat) == ("0000", False, "0000", True)
    assert first.request_id == again.request_id == request_id
    assert routed.verify(code).status == "2004"


def test_over_http_the_same(routed, life, code_key):
    code = of_other_province(life.mint(Person())["code"], code_key)
    data = life.done(life.verify(code, Person(), serial=new_serial()))
    assert data["platform"] == OTHER and data["unchecked"] == [] and "subject" in data["checked"]


def test_what_can_be_judged_here_is_not_asked_there(routed, life, code_key):
    code = of_other_province(life.mint(Person())["code"], code_key)
    wrong = code[:-3] + ("A" if code[-3] != "A" else "B") + code[-2:]
    assert routed.verify(wrong).status == "2002"
    nowhere = from_text(code).replace(OTHER.encode(), b"990000")
    assert routed.verify(to_text(nowhere)).status in ("2001", "2006")


def test_an_issuer_that_is_away_is_said_and_back_is_back(routed, issuer, life, code_key):
    issuer.stop()
    code = of_other_province(life.mint(Person())["code"], code_key)
    reply = routed.verify(code)
    assert reply.status == "5004" and reply.receipt == b""
    assert {"form", "platform", "signature", "deadline"} == set(reply.checked)
    assert {"ledger", "revocation", "subject"} == set(reply.unchecked)
    answer = life.verify(code, Person())
    assert (answer.status, answer.code) == (200, "5004")
    assert set(answer.data["unchecked"]) == {"ledger", "revocation", "subject"}
    # Our own codes are as good as before, meanwhile.
    assert routed.verify(life.mint(Person())["code"]).status == "0000"
    issuer.start()
    wait_until(lambda: routed.verify(of_other_province(life.mint(Person())["code"], code_key)).status == "0000", 40,
               "the issuer is asked again")
