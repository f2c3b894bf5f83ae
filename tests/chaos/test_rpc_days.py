"""The RPC of svc-verify on bad days: frames of every length, a crowd with wrong keys, callers that never read."""
import random
import time

import pytest
import zmq

from days import IS_LONG, Meanwhile, counted, descriptors, is_ready, resident_mb, tell
from phi_client import rpc
from phi_client.people import Person
from phi_client.suite import wait_until
from test_rpc import z85

pytestmark = pytest.mark.timeout(900 if IS_LONG else 300)

LONGEST = 64 * 1024
GROWTH_MB = 48
STRANGERS = 200
DEAF, BATCHES = 4, 400
TURNED_AWAY = (zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL |
               zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_DISCONNECTED)


@pytest.fixture(scope="module")
def address(suite):
    return f"tcp://127.0.0.1:{suite.port('svc-verify.rpc')}"


@pytest.fixture(scope="module")
def server_key(suite):
    return z85(suite.public_file("svc-verify", "curve"))


def let_in(suite, address, server_key, program):
    """A key pair of ours on the allow-list."""
    public, secret = zmq.curve_keypair()
    suite.register("peer", "--curve", public.decode(), "--platform", "320000", "--program", program, "--scopes", "pass",
                   regions=("320000",))

    def is_let_in():
        with rpc.Peer(address, server_key, public, secret) as peer:
            return peer.ask(rpc.single("A"), seconds=1)

    wait_until(is_let_in, 30, "svc-verify knows the peer")
    return public, secret


@pytest.fixture(scope="module")
def keys(suite, address, server_key):
    return let_in(suite, address, server_key, "e2e-chaos")


@pytest.fixture(scope="module")
def deaf_keys(suite, address, server_key):
    """Of another caller: so many bad codes get it cut off."""
    return let_in(suite, address, server_key, "e2e-deaf")


@pytest.fixture
def peer(address, server_key, keys):
    with rpc.Peer(address, server_key, *keys) as peer:
        yield peer


@pytest.fixture
def code(life):
    return life.mint(Person())["code"]


@pytest.fixture
def calm(suite):
    """The same process before and after, ready, not grown by more than GROWTH_MB, its descriptors given back."""
    pid = suite.pid("svc-verify")
    before, open_before = resident_mb(pid), descriptors(pid)
    told = {}
    yield told
    assert suite.is_running("svc-verify") and suite.pid("svc-verify") == pid
    assert is_ready(suite.url("svc-verify"))
    wait_until(lambda: descriptors(pid) <= open_before + 8, 30, "descriptors given back")
    after = resident_mb(pid)
    assert after - before < GROWTH_MB, f"{before:.0f} MB before, {after:.0f} MB after"
    tell(**told, rssMb=[round(before, 1), round(after, 1)])


def lengths():
    return range(LONGEST + 1) if IS_LONG else [*range(1025), *range(1025, LONGEST, 151), LONGEST - 1, LONGEST]


@pytest.mark.parametrize("what", ("random bytes", "a good head, then random bytes"))
def test_frames_of_every_length(peer, code, calm, what):
    noise = random.Random(5)
    good = rpc.envelope(rpc.single(code, rpc.CHECK))
    begin, count = time.monotonic(), 0
    for length in lengths():
        frame = noise.randbytes(length)
        if what != "random bytes":
            # The envelope and the payload's first two bytes are as they should be.
            frame = (good[:34] + frame)[:length]
        peer.send(frame)
        count += 1
        if count % 64 == 0:  # unread answers beyond a connection's bound would be lost
            peer.ask_among(rpc.single(code, rpc.CHECK))
    last = peer.ask_among(rpc.single(code, rpc.CHECK))
    assert last.kind == rpc.REPLY and rpc.replies(last.payload)[0].status == "0000"
    calm.update(day=f"frames: {what}", frames=count, seconds=round(time.monotonic() - begin, 1))


def test_a_crowd_with_wrong_keys_keeps_nobody_out(peer, address, server_key, keys, code, calm):
    """Some are not on the list, some take another server's key, some speak no CURVE; each tries again and again."""
    context, crowd = zmq.Context(), []
    turned_away = []  # what the first of each kind sees of its end of the handshake
    context.setsockopt(zmq.MAX_SOCKETS, 2 * STRANGERS)
    wrong = zmq.curve_keypair()[0]

    def ask():
        assert peer.verify(code, operation=rpc.CHECK).status == "0000"

    try:
        with Meanwhile(ask) as meanwhile:
            for i in range(STRANGERS):
                one = context.socket(zmq.DEALER)
                one.linger = 0
                if i % 3 != 2:
                    mine = zmq.curve_keypair() if i % 3 == 0 else keys
                    one.curve_serverkey = server_key if i % 3 == 0 else wrong
                    one.curve_publickey, one.curve_secretkey = mine
                if i < 3:
                    turned_away.append(one.get_monitor_socket(TURNED_AWAY))
                one.connect(address)
                one.send(rpc.envelope(rpc.single(code, rpc.CHECK)))
                crowd.append(one)
            wait_until(lambda: len(meanwhile.seconds) >= 100 or meanwhile.failure, 60, "100 normal requests")
            for events in turned_away:
                assert events.poll(20_000), "one of them was not turned away"
        assert not any(one.poll(0) for one in crowd), "one of them was answered"
    finally:
        for one in crowd[:3]:
            one.disable_monitor()
        context.destroy(linger=0)
    calm.update(day="wrong CURVE keys", strangers=STRANGERS, **meanwhile.figures())


def test_callers_that_never_read(suite, peer, address, server_key, deaf_keys, code, calm):
    """Their answers pile up to a bound and are dropped; whoever reads is served."""
    batch = rpc.batch([rpc.item("AAAA", rpc.CHECK) for _ in range(200)])
    context, deaf, sent = zmq.Context(), [], 0
    served = lambda: counted(suite.url("svc-verify"), "phi_rpc_requests_total")
    before = served()

    def ask():
        assert peer.verify(code, operation=rpc.CHECK).status == "0000"

    try:
        for _ in range(DEAF):
            one = context.socket(zmq.DEALER)
            one.linger, one.rcvhwm, one.rcvbuf, one.sndtimeo = 0, 1, 4096, 2000
            one.curve_serverkey, (one.curve_publickey, one.curve_secretkey) = server_key, deaf_keys
            one.connect(address)
            deaf.append(one)
        with Meanwhile(ask) as meanwhile:
            for _ in range(BATCHES):
                for one in deaf:
                    one.send(rpc.envelope(batch))
                    sent += 1
            wait_until(lambda: len(meanwhile.seconds) >= 50 or meanwhile.failure, 60, "normal requests")
            wait_until(lambda: served() >= before + sent, 60, "all of theirs are done too")
            most = resident_mb(suite.pid("svc-verify"))
    finally:
        context.destroy(linger=0)
    calm.update(day="callers that never read (RPC)", callers=len(deaf), requests=sent, codes=200 * sent,
                mostMb=round(most, 1), **meanwhile.figures())
