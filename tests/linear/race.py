"""Histories of one-time codes: many callers use each code at the same moment, over HTTP and over the RPC, at two replicas of
svc-verify of which one is killed; every call, return and answer as a line for the checker."""
import json
import random
import secrets
import threading
import time

import zmq

from loadgen.client import Client, Tokens
from loadgen.load import Crowd
from phi_client import rpc
from phi_client.people import Person
from phi_client.suite import wait_until
from test_rpc import z85

CHUNK = 16  # codes that all callers use at one time
RPC_CALLERS, HTTP_CALLERS = 8, 2
CALLERS = RPC_CALLERS + HTTP_CALLERS
TRIES = 2  # of each caller for each code: the second is the same request once more
ANSWER_S, LEFT_MS = 3.0, 2500
OPEN = ""


class Caller:
    """One caller's uses of all codes, each asked twice with one request id, of whichever replica."""

    def __init__(self, number, history):
        self.number, self.history = number, history

    def told(self, code, request, call, answer):
        assert answer in ("0000", "2004", OPEN), f"a one-time code was answered {answer}"
        self.history.append({"client": self.number, "code": code, "request": request, "call": call,
                             "return": time.monotonic_ns(), "answer": answer})


class HttpCaller(Caller):
    def __init__(self, number, history, suite, tokens, ports):
        super().__init__(number, history)
        self.clients = []
        for port in ports:
            client = Client(suite, suite.apps["scan-app"])
            client.ports = {"svc-verify": port}
            self.clients.append(client)
        self.token = tokens.make(Person(), "scan-app")

    def use(self, codes, requests_of):
        for code in codes:
            serial, call = requests_of[code], time.monotonic_ns()
            # One try: what is not answered, or answered with 503, stays open.
            answer = random.choice(self.clients)._try("svc-verify", "/v1/codes/verify", {"code": code}, self.token,
                                                      serial, f"linear-{self.number}")
            if answer is not None:
                assert answer[0] == 200, answer
            self.told(code, serial, call, answer[1]["resultCode"] if answer else OPEN)


class RpcCaller(Caller):
    def __init__(self, number, history, addresses, server_key, keys):
        super().__init__(number, history)
        self.peers = [rpc.Peer(address, server_key, *keys) for address in addresses]
        self.poller = zmq.Poller()
        for peer in self.peers:
            self.poller.register(peer.socket, zmq.POLLIN)

    def use(self, codes, requests_of):
        """All of them at once, half at each replica."""
        waiting = {}
        for code in codes:
            request_id, call = bytes.fromhex(requests_of[code]), next(rpc._calls)
            payload = rpc.single(code, request_id=request_id, left_ms=LEFT_MS, app=f"linear-{self.number}")
            waiting[call] = (code, time.monotonic_ns())
            random.choice(self.peers).send(rpc.envelope(payload, left_ms=LEFT_MS, call=call, request_id=request_id))
        end = time.monotonic() + ANSWER_S
        while waiting and time.monotonic() < end:
            for socket, _ in self.poller.poll(100):
                frame = rpc.Frame(socket.recv_multipart()[0])
                code, call = waiting.pop(frame.call, (None, None))
                if code is None:
                    continue  # an answer that came after its time: that use stays open
                # A refusal says that nothing is known of the outcome.
                answer = rpc.replies(frame.payload)[0].status if frame.kind == rpc.REPLY else OPEN
                self.told(code, requests_of[code], call, OPEN if answer[:1] == "5" else answer)
        for code, call in waiting.values():
            self.told(code, requests_of[code], call, OPEN)

    def close(self):
        for peer in self.peers:
            peer.close()


class Race:
    """race = Race(suite); race.run(uses, kills); race.write(path); race.close()"""

    def __init__(self, suite, replica):
        self.suite, self.replica, self.history = suite, replica, []
        self.tokens = Tokens(suite)
        public, secret = zmq.curve_keypair()
        suite.register("peer", "--curve", public.decode(), "--platform", "320000", "--program", "e2e-linear", "--scopes",
                       "pass", regions=("320000",))
        addresses = [f"tcp://127.0.0.1:{port}" for port in (suite.port("svc-verify.rpc"), replica.rpc)]
        server_key, keys = z85(suite.public_file("svc-verify", "curve")), (public, secret)

        def is_known(address):
            with rpc.Peer(address, server_key, *keys) as peer:
                return peer.ask(rpc.single("A"), seconds=1)

        for address in addresses:
            wait_until(lambda address=address: is_known(address), 30, "the replicas know the peer")
        self.callers = [RpcCaller(i, self.history, addresses, server_key, keys) for i in range(RPC_CALLERS)]
        ports = (suite.port("svc-verify"), replica.http)
        self.callers += [HttpCaller(RPC_CALLERS + i, self.history, suite, self.tokens, ports)
                         for i in range(HTTP_CALLERS)]

    def close(self):
        for caller in self.callers[:RPC_CALLERS]:
            caller.close()

    def mint(self, count):
        client, run_id = Client(self.suite, self.suite.apps["citizen-app"]), secrets.token_hex(4)

        def one(number):
            token = self.tokens.make(Person(), "citizen-app")
            data = client.post("svc-codegen", "/v1/code-applications", {"scene": "pass-once"}, token,
                               f"{run_id}-a{number}").data
            fields = {"applicationId": data["applicationId"], "challenge": data["challenge"]}
            return client.post("svc-codegen", "/v1/codes", fields, token, f"{run_id}-c{number}").data["code"]

        return Crowd(one, list(range(count)), threads=8).finish()

    def run(self, uses, kills):
        """At least so many uses; the replica is killed so often, in the middle of them."""
        chunks = max(kills + 1, -(-uses // (CHUNK * CALLERS * TRIES)))
        whole = chunks * CHUNK * CALLERS * TRIES
        struck = [len(self.history) + whole * (i + 1) // (kills + 1) - CHUNK * CALLERS // 2 for i in range(kills)]
        striker = threading.Thread(target=self._strike, args=(struck, time.monotonic() + 30 + whole / 20), daemon=True)
        striker.start()
        for _ in range(chunks):  # codes live for minutes: those of a long run are minted as they are needed
            self._chunk(self.mint(CHUNK))
        striker.join(60)
        assert not striker.is_alive() and self.replica.process.poll() is None
        return chunks * CHUNK

    def _strike(self, counts, end):
        for count in counts:
            while len(self.history) < count:
                if time.monotonic() > end:
                    return
                time.sleep(0.001)
            self.replica.kill()
            self.replica.start()

    def _chunk(self, codes):
        gate = threading.Barrier(CALLERS, timeout=30)

        def use(caller):
            mine = random.sample(codes, len(codes))
            requests_of = {code: secrets.token_hex(16) for code in mine}
            for _ in range(TRIES):
                gate.wait()
                caller.use(mine, requests_of)

        Crowd(use, self.callers, threads=CALLERS).finish()

    def figures(self):
        calls = {}
        for one in self.history:
            calls.setdefault(one["code"], []).append(one)
        answered = [one for one in self.history if one["answer"] != OPEN]
        together = sum(any(a["call"] < b["return"] and b["call"] < a["return"] and a["client"] != b["client"]
                           for a in uses for b in uses) for uses in calls.values())
        return {"uses": len(self.history), "codes": len(calls), "open": len(self.history) - len(answered),
                "codesUsedAtOnce": together, "kills": self.replica.kills}

    def write(self, path):
        write(path, self.history)


def write(path, history):
    """Codes are named by numbers: a history is no place for them."""
    names = {}
    with open(path, "w", encoding="ascii") as file:
        for one in history:
            name = names.setdefault(one["code"], f"code-{len(names)}")
            file.write(json.dumps({**one, "code": name}) + "\n")
