"""The verify RPC from outside: a caller with its own key on the allow-list, and everybody who is not on it."""
import random
import secrets
import time

import pytest
import zmq
from zmq.utils import z85 as zmq_z85

from phi_client import rpc
from phi_client.codes import Code, Receipt, from_text
from phi_client.http import new_serial
from phi_client.people import Person
from phi_client.sm2 import PublicKey, digest
from phi_client.suite import wait_until

NO_ANSWER_S = 1.0
LONGEST = 32 + 128 * 1024  # envelope and payload; what is longer ends the connection


@pytest.fixture(scope="module")
def address(suite):
    return f"tcp://127.0.0.1:{suite.port('svc-verify.rpc')}"


@pytest.fixture(scope="module")
def server_key(suite):
    return z85(suite.public_file("svc-verify", "curve"))


def z85(path):
    """The key of a file that holds it in Z85 or in hex."""
    with open(path, encoding="ascii") as file:
        text = file.read().strip()
    return text.encode() if len(text) == 40 else zmq_z85.encode(bytes.fromhex(text))


@pytest.fixture(scope="module")
def keys(suite, address, server_key):
    """A key pair of ours on the allow-list."""
    public, secret = zmq.curve_keypair()
    suite.register("peer", "--curve", public.decode(), "--platform", "320000", "--program", "e2e-peer", "--scopes",
                   "pass", regions=("320000",))

    def is_let_in():
        with rpc.Peer(address, server_key, public, secret) as peer:
            return peer.ask(rpc.single("A"), seconds=1)

    wait_until(is_let_in, 20, "svc-verify knows the peer")
    return public, secret


@pytest.fixture
def peer(address, server_key, keys):
    with rpc.Peer(address, server_key, *keys) as peer:
        yield peer


@pytest.fixture(scope="module")
def holder():
    return Person()


@pytest.fixture
def code(life, holder):
    return life.mint(holder)["code"]


@pytest.fixture(scope="module")
def receipt_key(suite):
    return PublicKey.from_file(suite.public_file("svc-verify", "receipt"))


@pytest.fixture(params=("text", "bytes"))
def form(request):
    """A code as it travels: its text form or its bytes."""
    return (lambda text: text) if request.param == "text" else from_text


def test_a_check_judges_and_tells_no_subject(peer, code, form):
    reply = peer.verify(form(code), operation=rpc.CHECK)
    assert reply.status == "0000" and reply.receipt == b"" and not reply.is_repeat
    assert {"form", "platform", "signature", "deadline"} <= set(reply.checked) and "subject" not in reply.checked
    assert (reply.platform, reply.deadline_s, reply.flags) == ("320000", Code.of(code).deadline_s, 0)


def test_a_verify_gives_a_signed_receipt_for_its_challenge(peer, code, form, receipt_key, life, holder):
    challenge, now = secrets.token_bytes(16), time.time()
    reply = peer.verify(form(code), challenge=challenge)
    assert reply.status == "0000" and {"ledger", "subject"} <= set(reply.checked)
    receipt = Receipt(reply.receipt)
    assert receipt.key_serial == receipt_key.serial and receipt_key.verify(receipt.signed, receipt.signature)
    assert receipt.challenge == challenge and receipt.issuer == "320000" and "320000" in receipt.audience
    # Who asks is what the allow-list says, not what the frame says.
    assert "e2e-peer" in receipt.requester and receipt.app == "e2e-gate" and receipt.scope == 0
    assert now - 2 <= receipt.issued_s <= now + 2 and 0 < receipt.expires_s - receipt.issued_s <= 60
    assert receipt.has_subject and holder.id_no.encode() not in reply.receipt
    uses = life.done(life.get("citizen-app", "svc-verify", "/v1/codes/uses?limit=1", holder))["uses"]
    assert (uses[0]["program"], uses[0]["app"]) == ("e2e-peer", "e2e-gate")


def test_the_same_request_gets_the_recorded_verdict_and_a_receipt_for_the_new_challenge(peer, life, holder):
    code, request_id = life.mint(holder, "pass-once")["code"], secrets.token_bytes(16)
    first = peer.verify(code, request_id=request_id)
    challenge = secrets.token_bytes(16)
    again = peer.verify(code, request_id=request_id, challenge=challenge)
    assert (first.status, first.is_repeat, again.status, again.is_repeat) == ("0000", False, "0000", True)
    assert Receipt(again.receipt).challenge == challenge
    assert peer.verify(code).status == "2004"
    assert peer.verify(code, request_id=request_id, digest=secrets.token_bytes(32)).status == "4002"
    assert peer.verify(life.mint(holder)["code"], request_id=request_id).status == "4002"


def test_own_is_for_the_holder_alone(peer, code):
    subject = Receipt(peer.verify(code).receipt).subject
    assert peer.verify(code, operation=rpc.OWN, holder=subject).status == "0000"
    assert peer.verify(code, operation=rpc.OWN, holder=digest(b"somebody")[:16]).status == "3014"


def test_a_scope_that_the_row_does_not_name_is_refused(peer, code):
    reply = peer.verify(code, scope=1)
    assert reply.status == "3012" and reply.receipt == b""


def test_a_batch_answers_in_its_order(peer, code, life, holder):
    other = life.mint(holder)["code"]
    wrong = code[:200] + ("A" if code[200] != "A" else "B") + code[201:]
    ids = [secrets.token_bytes(16) for _ in range(4)]
    items = [rpc.item(code, rpc.CHECK, ids[0]), rpc.item(wrong, rpc.CHECK, ids[1]), rpc.item(other, rpc.VERIFY, ids[2]),
             rpc.item("AAAA", rpc.CHECK, ids[3])]
    frame = peer.ask(rpc.batch(items))
    assert frame.kind == rpc.REPLY
    answers = rpc.replies(frame.payload)
    assert [answer.request_id for answer in answers] == ids
    assert [answer.status for answer in answers] == ["0000", "2002", "0000", "2001"]


def test_no_flipped_bit_verifies(peer, code):
    """Every bit of the code, in batches."""
    data = from_text(code)
    for first in range(0, len(data) * 8, 256):
        items = []
        for bit in range(first, min(first + 256, len(data) * 8)):
            changed = bytearray(data)
            changed[bit // 8] ^= 0x80 >> bit % 8
            items.append(rpc.item(bytes(changed), rpc.CHECK))
        frame = peer.ask(rpc.batch(items, left_ms=10_000), seconds=15, left_ms=10_000)
        assert frame is not None and frame.kind == rpc.REPLY
        for i, answer in enumerate(rpc.replies(frame.payload)):
            assert answer.status in ("2001", "2002", "2003", "2006", "2008"), f"bit {first + i}: {answer.status}"
            assert answer.receipt == b""


@pytest.mark.parametrize("who", ("unlisted key", "wrong server key", "no CURVE", "server key as its own"))
def test_who_is_not_let_in_gets_no_answer(peer, address, server_key, keys, code, who):
    stranger = zmq.curve_keypair()
    wrong_server = zmq.curve_keypair()[0]
    arguments = {"unlisted key": (server_key, *stranger), "wrong server key": (wrong_server, *keys), "no CURVE": (),
                 "server key as its own": (server_key, server_key, stranger[1])}[who]
    with rpc.Peer(address, *arguments) as other:
        other.send(rpc.envelope(rpc.single(code, rpc.CHECK)))
        assert other.receive(NO_ANSWER_S) is None
        assert peer.verify(code, operation=rpc.CHECK).status == "0000", "a listed caller is served meanwhile"


def test_a_row_that_goes_cuts_a_connection_that_stands(suite, address, server_key, code):
    public, secret = zmq.curve_keypair()
    row = ("--curve", public.decode(), "--platform", "320000", "--program", "e2e-gone", "--scopes", "pass")
    suite.register("peer", *row, regions=("320000",))
    with rpc.known_peer(address, server_key, public, secret) as gone:
        assert gone.ask(rpc.single(code, rpc.CHECK)) is not None
        suite.register("peer", *row, "--status", "suspended", regions=("320000",))
        # No answer must come before a second in which none came is believed.
        wait_until(lambda: gone.ask(rpc.single(code, rpc.CHECK), seconds=1) is None, 20, "the peer is cut off")
        assert gone.ask(rpc.single(code, rpc.CHECK), seconds=NO_ANSWER_S) is None


@pytest.mark.parametrize("part", ("version", "kind", "payload", "operation", "flags", "app", "scope", "left over"))
def test_a_frame_that_is_not_as_documented_is_refused(peer, code, part):
    good = rpc.single(code, rpc.CHECK)
    sent = {
        "version": rpc.envelope(good, version=2), "kind": rpc.envelope(good, kind=7), "payload": rpc.envelope(b""),
        "operation": rpc.envelope(b"\xa1\x09" + good[2:]), "flags": rpc.envelope(good[:2] + b"\xff\xff" + good[4:]),
        "app": rpc.envelope(rpc.single(code, rpc.CHECK, app="")), "scope": rpc.envelope(good[:-1] + b"\x09"),
        "left over": rpc.envelope(good + b"\x00"),
    }[part]
    peer.send(sent)
    frame = peer.receive()
    assert frame is not None and (frame.kind, frame.number, frame.payload) == (rpc.REFUSAL, 1011, b"")
    assert peer.verify(code, operation=rpc.CHECK).status == "0000"


def test_work_past_its_time_is_not_done(peer, code):
    assert peer.ask(rpc.single(code, left_ms=0), seconds=NO_ANSWER_S, left_ms=0) is None
    assert peer.verify(code).status == "0000"


def alive(suite, pid):
    return suite.is_running("svc-verify") and suite.pid("svc-verify") == pid


def test_malformed_frames_of_many_lengths_do_no_harm(peer, suite, code):
    pid, random_bytes = suite.pid("svc-verify"), random.Random(7)
    good = rpc.envelope(rpc.single(code, rpc.CHECK))
    frames = [good[:length] for length in range(len(good))]
    frames += [random_bytes.randbytes(length) for length in (*range(0, 64), 127, 128, 1000, 4096, 65536, LONGEST)]
    frames += [b"PH\x01\x01" + random_bytes.randbytes(length) for length in (*range(0, 200), 5000, LONGEST - 4)]
    frames += [good[:at] + bytes([value]) + good[at + 1 :] for at in range(32, 80) for value in (0, 1, 127, 255)]
    frames += [rpc.envelope(rpc.batch([rpc.item(code, rpc.CHECK)] * count)[:-cut]) for count in (1, 2, 200)
               for cut in (1, 33, 300)]
    frames += [rpc.envelope(b"\xa1\x04" + bytes(4) + count.to_bytes(2, "big")) for count in (0, 1, 256, 257, 65535)]
    # A caller with more unread answers than the connection holds loses the later ones, so they are read in between.
    for begin in range(0, len(frames), 64):
        for frame in frames[begin : begin + 64]:
            peer.send(frame)
        marker = peer.ask_among(rpc.single(code, rpc.CHECK))
    assert rpc.replies(marker.payload)[0].status == "0000"
    assert alive(suite, pid)


def test_more_parts_or_too_long_a_message_do_no_harm(peer, address, server_key, keys, suite, code):
    pid = suite.pid("svc-verify")
    peer.send(rpc.envelope(rpc.single(code, rpc.CHECK)), b"more")
    assert peer.receive(NO_ANSWER_S) is None
    with rpc.Peer(address, server_key, *keys) as other:
        other.send(bytes(200_000))
        assert other.receive(NO_ANSWER_S) is None
    assert peer.verify(code, operation=rpc.CHECK).status == "0000"
    assert alive(suite, pid)


def test_the_rpc_and_http_share_one_ledger(peer, life, holder):
    code = life.mint(holder, "pass-once")["code"]
    assert peer.verify(code).status == "0000"
    assert life.verify(code, Person(), serial=new_serial()).code == "2004"


def test_the_nations_query_wants_a_receipt(suite, server_key, keys):
    """5110 speaks the same transport: its own key, and rubbish is refused there too."""
    public, secret = zmq.curve_keypair()
    suite.register("peer", "--curve", public.decode(), "--platform", "320000", "--program", "e2e-peer", "--scopes",
                   "pass", regions=("000000",))
    address = f"tcp://127.0.0.1:{suite.port('svc-platform.rpc')}"
    query = b"\xa1\x05" + (3000).to_bytes(4, "big") + secrets.token_bytes(16)
    nations_keys = (z85(suite.public_file("svc-platform", "curve")), public, secret)

    def first_answer():  # each try has a connection of its own, so that no answer to it comes later
        with rpc.Peer(address, *nations_keys) as one:
            return one.ask(query + b"\x00\x04PHIR", seconds=1)

    frame = wait_until(first_answer, 20, "svc-platform knows the peer")
    assert frame.kind == rpc.REPLY
    assert frame.payload[:2] == b"\xb1\x05" and frame.payload[2:18] == query[6:22]
    assert frame.payload[18:22] in (b"3013", b"1011"), frame.payload[18:22]
    with rpc.Peer(address, *nations_keys) as nation:
        refused = nation.ask(query)
        assert refused.kind == rpc.REFUSAL and refused.number == 1011
    with rpc.Peer(address, server_key, public, secret) as wrong:
        assert wrong.ask(query, seconds=NO_ANSWER_S) is None
