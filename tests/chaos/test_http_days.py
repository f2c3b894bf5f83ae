"""Callers of the HTTP interface who dawdle: a byte at a time, nothing at all, or never reading what they asked for."""
import resource
import select
import socket
import time

import pytest
import requests

from days import Meanwhile, descriptors, is_ready, resident_mb, tell
from phi_client.http import new_serial
from phi_client.people import Person
from phi_client.replica import Replica
from phi_client.suite import wait_until

pytestmark = pytest.mark.timeout(300)

ARRIVE_MS, ANSWER_MS = 2000, 1500
IDLE = 10_000
BOUND_MB = 128
SLACK_S = 3.0  # of a loaded machine


@pytest.fixture
def verify(suite):
    made = []

    def make(**change):
        made.append(Replica(suite, "svc-verify", **change))
        return made[-1]

    yield make
    for one in made:
        assert one.end() == 0


def connect(port, receive_bytes=None):
    one = socket.socket()
    if receive_bytes:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    one.connect(("127.0.0.1", port))
    return one


def normal(suite, life, url):
    """A function: one good verification at this address, signed and answered."""
    code, scanner = life.mint(Person())["code"], Person()
    app, token = suite.apps["scan-app"].twin(), life.token(scanner, "scan-app")

    def ask():
        answer = app.post(url, "/v1/codes/verify", {"code": code}, token, serial=new_serial())
        assert (answer.status, answer.code) == (200, "0000"), answer

    return ask


HEADERS = b"POST /v1/codes/verify HTTP/1.1\r\nHost: a\r\nX-Slow: " + b"a" * 4000
BODY = (b"POST /v1/codes/verify HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n",
        b"{" + b" " * 4000)


def drip(connections, text, seconds):
    """A byte on each connection every 50 ms; {connection: seconds until it was cut}."""
    begin, cut = time.monotonic(), {}
    for i in range(int(seconds / 0.05)):
        for one in [one for one in connections if one not in cut]:
            try:
                one.send(text[i : i + 1])
                if select.select([one], [], [], 0)[0] and not one.recv(65536):
                    cut[one] = time.monotonic() - begin
            except OSError:
                cut[one] = time.monotonic() - begin
        if len(cut) == len(connections):
            break
        time.sleep(0.05)
    return cut


@pytest.mark.parametrize("what", ("headers", "body"))
def test_a_request_that_comes_a_byte_at_a_time_is_cut_by_its_deadline(suite, life, verify, what):
    one = verify(PHI_HTTP_HEADER_MS=str(ARRIVE_MS), PHI_HTTP_DEADLINE_MS=str(ANSWER_MS))
    ask = normal(suite, life, one.url)
    slow = [connect(one.http) for _ in range(50)]
    if what == "body":
        for each in slow:
            each.send(BODY[0])
    limit = (ARRIVE_MS + ANSWER_MS) / 1000 + SLACK_S
    with Meanwhile(ask) as meanwhile:
        cut = drip(slow, HEADERS if what == "headers" else BODY[1], limit)
    for each in slow:
        each.close()
    assert len(cut) == len(slow), f"{len(slow) - len(cut)} of {len(slow)} still open after {limit} s"
    assert min(cut.values()) > min(ARRIVE_MS, ANSWER_MS) / 1000 - 0.2, "cut before its time"
    assert is_ready(one.url)
    tell(day=f"slow {what}", connections=len(slow), arriveS=ARRIVE_MS / 1000, answerS=ANSWER_MS / 1000,
         cutS=[round(min(cut.values()), 2), round(max(cut.values()), 2)], **meanwhile.figures())


def test_ten_thousand_idle_connections(suite, life, verify):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < IDLE + 2000:
        pytest.skip(f"LEFT OUT: only {hard} open files are allowed here (ulimit -n), {IDLE + 2000} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    idle = []
    try:
        one = verify(PHI_HTTP_CONNECTIONS="16384", PHI_HTTP_HEADER_MS="120000")
        ask, before = normal(suite, life, one.url), resident_mb(one.pid)
        ask()
        idle = [connect(one.http) for _ in range(IDLE)]
        wait_until(lambda: descriptors(one.pid) > IDLE, 30, "all are accepted")
        with Meanwhile(ask, 0) as meanwhile:
            wait_until(lambda: len(meanwhile.seconds) >= 100 or meanwhile.failure, 60, "100 normal requests")
        after, held = resident_mb(one.pid), descriptors(one.pid)
        assert held > IDLE, "some idle ones were closed"
        assert after < BOUND_MB, f"{after:.0f} MB"
    finally:
        for each in idle:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wait_until(lambda: descriptors(one.pid) < 500, 30, "their descriptors are given back")
    tell(day="idle connections", connections=IDLE, rssMb=[round(before, 1), round(after, 1)], **meanwhile.figures())


def test_callers_that_never_read_are_cut(suite, life, verify):
    one = verify(PHI_HTTP_HEADER_MS=str(ARRIVE_MS), PHI_HTTP_DEADLINE_MS=str(ANSWER_MS))
    ask = normal(suite, life, one.url)
    ask()
    before, open_before = resident_mb(one.pid), descriptors(one.pid)
    request = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n"
    begin, deaf = time.monotonic(), []
    with Meanwhile(ask) as meanwhile:
        for _ in range(50):
            deaf.append(connect(one.http, receive_bytes=4096))
            deaf[-1].setblocking(False)
            try:
                deaf[-1].send(request * 200)
            except BlockingIOError:
                pass
        wait_until(lambda: descriptors(one.pid) >= open_before + 40, 10, "they are connected")
        most = resident_mb(one.pid)
        wait_until(lambda: descriptors(one.pid) <= open_before + 5, 3 * ANSWER_MS / 1000 + ARRIVE_MS / 1000 + 10,
                   "those who never read are cut")
        seconds = time.monotonic() - begin
    for each in deaf:
        each.close()
    assert resident_mb(one.pid) < BOUND_MB and most < BOUND_MB
    assert requests.get(one.url + "/healthz", timeout=5).status_code == 200
    tell(day="callers that never read (HTTP)", connections=len(deaf), cutAfterS=round(seconds, 1),
         rssMb=[round(before, 1), round(max(most, resident_mb(one.pid)), 1)], **meanwhile.figures())
