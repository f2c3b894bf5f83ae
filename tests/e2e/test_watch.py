"""Callers that ask too much, or for too many codes that are none: warned, cut off at every replica, restored by phictl."""
import json
import os
import subprocess

import pytest
import zmq

from phi_client import rpc
from phi_client.people import Person
from phi_client.suite import wait_until
from phi_client.topics import read_topic
from test_replicas import free_port
from test_rpc import z85

pytestmark = pytest.mark.late

FAR = {"warn": 1_000_000, "cut": 2_000_000}
NEVER = {"warn": 100, "cut": 100, "least": 1_000_000}
POLICY = {"version": 1, "rows": [
    {"caller": "*", "perMinute": FAR, "failedPercent": NEVER, "subjectsPerMinute": FAR},
    {"caller": "/busy-gate", "perMinute": {"warn": 20, "cut": 60}, "failedPercent": NEVER, "subjectsPerMinute": FAR},
    {"caller": "/lost-gate", "perMinute": FAR, "failedPercent": {"warn": 20, "cut": 50, "least": 10},
     "subjectsPerMinute": FAR}]}
PROGRAM = "e2e-watch"


@pytest.fixture(scope="module")
def replica(suite, tmp_path_factory):
    """A replica with bounds that a test can pass; the first one has those of every day."""
    policy = tmp_path_factory.mktemp("watch") / "policy.json"
    policy.write_text(json.dumps(POLICY))
    port = free_port()
    environment = {**os.environ, **suite.environment("svc-verify"), "PHI_HTTP_PORT": str(free_port()),
                   "PHI_RPC_BIND": f"tcp://127.0.0.1:{port}", "PHI_POLICY_FILE": str(policy)}
    with open(os.path.join(suite.run, "log", "svc-verify-watch.log"), "wb") as log:
        process = subprocess.Popen([os.path.join(suite.programs, "svc-verify")], env=environment, stderr=log)
    try:
        yield f"tcp://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture(scope="module")
def peers(suite, replica):
    """Connections to the watching replica and to the first one."""
    public, secret = zmq.curve_keypair()
    suite.register("peer", "--curve", public.decode(), "--platform", "320000", "--program", PROGRAM, "--scopes", "pass",
                   regions=("320000",))
    server = z85(suite.public_file("svc-verify", "curve"))
    found = [rpc.known_peer(address, server, public, secret)
             for address in (replica, f"tcp://127.0.0.1:{suite.port('svc-verify.rpc')}")]
    yield found
    for peer in found:
        peer.close()


def told(suite, caller):
    """(step, measure) of the events on audit about a caller, in order."""
    events = [json.loads(record.value) for record in read_topic(suite.bus, "phi.320000.audit")]
    return [(event["step"], event.get("measure")) for event in events if event.get("caller") == caller]


def restore(suite, caller):
    """An operator lets the caller in again."""
    operator = os.path.join(suite.run, "keys", "operator")
    suite.phictl("caller", "restore", "--region", "320000", "--bus", suite.bus, "--key", f"{operator}/access.key",
                 "--password-file", f"{operator}/password", "--caller", caller)


def status(peer, code, app):
    return peer.verify(code, operation=rpc.CHECK, app=app).status


@pytest.mark.parametrize("app, measure, wrong", (("busy-gate", "perMinute", False), ("lost-gate", "failedPercent", True)))
def test_a_caller_past_its_bounds_is_cut_off_and_restored(suite, peers, life, app, measure, wrong):
    watching, first = peers
    caller = f"320000/{PROGRAM}/{app}"
    good = life.mint(Person())["code"]
    code = "AAAA" if wrong else good

    def is_cut():
        return [status(watching, code, app) for _ in range(25)][-1] == "5008"

    wait_until(is_cut, 60, "the caller is cut off")
    wait_until(lambda: status(first, good, app) == "5008", 20, "and at the other replica")
    assert status(watching, good, "e2e-gate") == "0000", "other callers are served"
    wait_until(lambda: ("cut", measure) in told(suite, caller), 20, "the cut is on audit")
    assert ("warned", measure) in told(suite, caller)
    restore(suite, caller)
    wait_until(lambda: status(first, good, app) == status(watching, good, app) == "0000", 30, "the caller is restored")
    wait_until(lambda: ("restored", None) in told(suite, caller), 20, "the restoring is on audit")
    assert told(suite, caller).count(("restored", None)) == 1
