"""Two replicas of svc-verify on one ledger: once is once, whoever asks whom, in the same moment."""
import os
import secrets
import socket
import subprocess

import pytest
import zmq

from phi_client import rpc
from phi_client.people import Person
from test_rpc import z85

CODES = 40


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def replica(suite):
    """A second process with the first one's configuration, on ports of its own."""
    http, port = free_port(), free_port()
    environment = {**os.environ, **suite.environment("svc-verify"), "PHI_HTTP_PORT": str(http),
                   "PHI_RPC_BIND": f"tcp://127.0.0.1:{port}"}
    with open(os.path.join(suite.run, "log", "svc-verify-2.log"), "wb") as log:
        process = subprocess.Popen([os.path.join(suite.programs, "svc-verify")], env=environment, stderr=log)
    try:
        yield f"tcp://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture(scope="module")
def peers(suite, replica):
    """One caller with a connection to each replica."""
    public, secret = zmq.curve_keypair()
    suite.register("peer", "--curve", public.decode(), "--platform", "320000", "--program", "e2e-race", "--scopes",
                   "pass", regions=("320000",))
    server = z85(suite.public_file("svc-verify", "curve"))
    addresses = (f"tcp://127.0.0.1:{suite.port('svc-verify.rpc')}", replica)
    found = [rpc.known_peer(address, server, public, secret) for address in addresses]
    yield found
    for peer in found:
        peer.close()


@pytest.fixture(scope="module")
def codes(life):
    person = Person()
    return [life.mint(person, "pass-once")["code"] for _ in range(CODES)]


def answers(peer, count):
    found = {}
    while len(found) < count:
        frame = peer.receive(10)
        assert frame is not None and frame.kind == rpc.REPLY
        found[frame.request_id] = rpc.replies(frame.payload)[0]
    return found


def send_all(peer, items):
    for request_id, code in items:
        peer.send(rpc.envelope(rpc.single(code, request_id=request_id, left_ms=8000), request_id=request_id,
                               left_ms=8000))


def test_a_one_time_code_raced_by_two_replicas_is_good_once(peers, codes):
    asked = [[(secrets.token_bytes(16), code) for code in codes] for _ in peers]
    for peer, items in zip(peers, asked):
        send_all(peer, items)
    found = [answers(peer, CODES) for peer in peers]
    for i in range(CODES):
        verdicts = sorted(found[p][asked[p][i][0]].status for p in range(2))
        assert verdicts == ["0000", "2004"], f"code {i}: {verdicts}"
    # The same requests again, each to the other replica, get the first answers.
    for peer, items in zip(peers, reversed(asked)):
        send_all(peer, items)
    again = [answers(peer, CODES) for peer in peers]
    for p in range(2):
        for request_id, _ in asked[p]:
            reply = again[1 - p][request_id]
            assert (reply.status, reply.is_repeat) == (found[p][request_id].status, True)
            assert (reply.receipt != b"") == (reply.status == "0000")


def test_one_request_sent_to_both_replicas_has_one_answer(peers, life):
    person = Person()
    items = [(secrets.token_bytes(16), life.mint(person, "pass-once")["code"]) for _ in range(10)]
    for peer in peers:
        send_all(peer, items)
    found = [answers(peer, len(items)) for peer in peers]
    for request_id, _ in items:
        replies = [one[request_id] for one in found]
        assert [reply.status for reply in replies] == ["0000", "0000"]
        assert sorted(reply.is_repeat for reply in replies) == [False, True]
