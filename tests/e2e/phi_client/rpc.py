"""The verify RPC over ZeroMQ with CURVE, written after docs/rpc.md alone."""
import itertools
import secrets
import struct

import zmq

from .codes import Reader
from .suite import wait_until

CHECKS = ("form", "platform", "signature", "deadline", "revocation", "ledger", "subject")
VERIFY, CHECK, OWN, BATCH, QUERY = 1, 2, 3, 4, 5
REQUEST, REPLY, REFUSAL = 1, 2, 3
_calls = itertools.count(1)


def text8(text):
    return bytes([len(text)]) + text.encode("ascii")


def item(code, operation=VERIFY, request_id=None, challenge=None, scope=0, left_ms=3000, holder=b"", app="e2e-gate",
         digest=bytes(32)):
    """One request without the first byte of its frame."""
    data = code.encode("ascii") if isinstance(code, str) else code
    return (bytes([operation]) + struct.pack(">HI", 1 if isinstance(code, str) else 0, left_ms) +
            (request_id or secrets.token_bytes(16)) + (challenge or secrets.token_bytes(16)) +
            struct.pack(">H", len(data)) + data + b"320000" + text8("e2e") + text8(app) + digest + bytes([scope]) +
            holder)


def single(*arguments, **options):
    return b"\xa1" + item(*arguments, **options)


def batch(items, left_ms=3000):
    return b"\xa1" + bytes([BATCH]) + struct.pack(">IH", left_ms, len(items)) + b"".join(items)


def envelope(payload, left_ms=3000, call=None, request_id=None, kind=REQUEST, version=1, magic=b"PH"):
    number = next(_calls) if call is None else call
    return (magic + bytes([version, kind]) + struct.pack(">IQ", left_ms, number) +
            (request_id or secrets.token_bytes(16)) + payload)


class Frame:
    """An answer's envelope."""

    def __init__(self, data):
        r = Reader(data)
        assert r.take(2) == b"PH" and r.number(1) == 1
        self.kind, self.number, self.call, self.request_id = r.number(1), r.number(4), r.number(8), r.take(16)
        self.payload = r.data[r.at :]


class Reply:
    def __init__(self, r):
        self.request_id, self.status = r.take(16), f"{r.number(2):04d}"
        checked, unchecked, flags = r.number(2), r.number(2), r.number(2)
        self.checked = [name for i, name in enumerate(CHECKS) if checked >> i & 1]
        self.unchecked = [name for i, name in enumerate(CHECKS) if unchecked >> i & 1]
        assert not checked & unchecked and not (checked | unchecked) >> len(CHECKS) and flags in (0, 1)
        self.is_repeat = flags == 1
        self.platform, self.deadline_s, self.flags, self.scope = r.text8(), r.number(8), r.number(1), r.number(1)
        self.receipt = r.take(r.number(2))


def replies(payload):
    r = Reader(payload)
    assert r.number(1) == 0xB1
    is_batch = r.number(1)
    assert is_batch in (0, BATCH)
    found = [Reply(r) for _ in range(r.number(2) if is_batch else 1)]
    r.end()
    return found


class Peer:
    """One caller; keys are Z85 as pyzmq takes them. Without keys it speaks no CURVE."""

    def __init__(self, address, server_key=None, public=None, secret=None):
        # The context of the process: one of its own would wait at its end for a peer that a failed test left open.
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        if server_key:
            self.socket.curve_serverkey, self.socket.curve_publickey, self.socket.curve_secretkey = (
                server_key, public, secret)
        self.socket.connect(address)

    def send(self, *parts):
        self.socket.send_multipart(parts)

    def receive(self, seconds=5.0):
        """The next answer's frame, or None when none comes in time."""
        if not self.socket.poll(int(seconds * 1000)):
            return None
        parts = self.socket.recv_multipart()
        assert len(parts) == 1, "an answer is one part"
        return Frame(parts[0])

    def ask(self, payload, seconds=5.0, **options):
        request_id = secrets.token_bytes(16)
        call = next(_calls)
        self.send(envelope(payload, call=call, request_id=request_id, **options))
        frame = self.receive(seconds)
        if frame is not None:
            assert frame.call == call and frame.request_id == request_id, "an answer to another call"
        return frame

    def ask_among(self, payload, seconds=10.0):
        """The answer to one request, with answers to earlier ones passed over."""
        request_id = secrets.token_bytes(16)
        self.send(envelope(payload, request_id=request_id))
        while True:
            frame = self.receive(seconds)
            assert frame is not None, "no answer"
            if frame.request_id == request_id:
                return frame

    def verify(self, *arguments, **options):
        """The reply to one request; a refusal is not expected."""
        frame = self.ask(single(*arguments, **options))
        assert frame is not None, "no answer"
        assert frame.kind == REPLY and frame.number == 0, f"refused with {frame.number}"
        return replies(frame.payload)[0]

    def close(self):
        self.socket.close(linger=0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def known_peer(address, *keys, seconds=30):
    """A Peer whose key the server knows; each try has a connection of its own, so that no answer to it comes later."""
    def is_known():
        with Peer(address, *keys) as one:
            return one.ask(single("A"), seconds=1)

    wait_until(is_known, seconds, "the server knows the caller")
    return Peer(address, *keys)
