"""The broker gone under load and the database gone for a minute each, the database hung, an outbox at its bound."""
import collections
import itertools
import os
import secrets
import signal
import subprocess
import threading
import time

import psycopg
import pytest
import requests

from days import IS_LONG, is_ready, percentile, tell
from loadgen.client import Client, Tokens
from loadgen.load import Load
from loadgen.reconcile import OUTBOXES, Reconciler
from phi_client.http import new_serial
from phi_client.people import Person
from phi_client.replica import Replica
from phi_client.suite import SERVICES, wait_until

GONE_S = int(os.environ.get("PHI_CHAOS_GONE_S", "60"))
PEOPLE = 200 if IS_LONG else 40
PAUSE_S = 0.05 if IS_LONG else 0.2  # of each of the load's 16 callers: the machine has other things to do too
HUNG_S = GONE_S if IS_LONG else min(GONE_S, 15)
DEADLINE_S = 5.0  # PHI_HTTP_DEADLINE_MS of every day
SLACK_S = 3.0

pytestmark = [pytest.mark.late, pytest.mark.timeout(GONE_S + 600)]


@pytest.fixture
def ledger(suite):
    """What reconciles; whatever happened, all runs again after."""
    ledger = Reconciler(suite, patience_s=60 + GONE_S)
    ledger.under_way, ledger.small = [], None
    yield ledger
    ledger.close()
    if ledger.small:
        ledger.small.end()
    for one in ledger.under_way:
        one.failures.append(AssertionError("the test is over"))  # so that its threads end
    for name in ("postgres", "broker", *SERVICES):
        suite.start(name)


class Scans:
    """Codes of the load verified again and again by scanning persons, until `finish`; every acknowledgement kept."""

    def __init__(self, suite, tokens, load, crew=2):
        self.client, self.load, self.acks, self.failures = Client(suite, suite.apps["scan-app"]), load, [], []
        self.tokens = [tokens.make(Person(), "scan-app") for _ in range(crew)]
        self.run_id, self.numbers = secrets.token_hex(4), itertools.count()
        self.ending, self.open = threading.Event(), threading.Event()
        self.open.set()
        self.threads = [threading.Thread(target=self._run, args=(token,), daemon=True) for token in self.tokens]
        for thread in self.threads:
            thread.start()

    def _run(self, token):
        while not self.ending.is_set() and not self.failures:
            if not self.open.wait(0.1):
                continue
            code = self.load.minted[-1].code
            try:
                ack = self.client.post("svc-verify", "/v1/codes/verify", {"code": code}, token,
                                       f"{self.run_id}-{next(self.numbers)}")
                self.acks.append((code, ack))
            except Exception as failure:  # told by finish
                self.failures.append(failure)
            time.sleep(0.01)

    def finish(self):
        self.ending.set()
        for thread in self.threads:
            thread.join(100)
        if self.failures:
            raise self.failures[0]
        assert not any(thread.is_alive() for thread in self.threads)

    def reconcile(self, ledger):
        """Each acknowledged scan is one event, and there is no other."""
        counts = collections.Counter(ledger.serial_mac(code).hex() for code, _ in self.acks)

        def missing():
            events = ledger.events("code.verified", "serialHmac")
            return [mac for mac, count in counts.items() if len(events[mac]) < count]

        ledger.until("events of code.verified", missing)
        events = ledger.events("code.verified", "serialHmac")
        assert {mac: len(of) for mac, of in events.items() if mac in counts} == counts, "a scan told twice"
        return sum(len(records) - 1 for of in events.values() for records in of.values())


def waiting(ledger):
    return sum(ledger.rows(f"SELECT count(*) FROM {schema}.outbox")[0][0] for schema in OUTBOXES)


def through(end, look, every_s=0.5):
    """look() again and again until then: a day lasts, and meanwhile it is watched."""
    while time.monotonic() < end:
        look()
        time.sleep(every_s)


class SmallOutboxes:
    """Replicas whose outbox has its bound at 1 MiB: as those of the others will be one day, when nothing helps."""

    def __init__(self, suite, life):
        self.suite, self.life, self.holder, self.scanner, self.codes = suite, life, Person(), Person(), []
        self.application, self.code = life.apply(self.holder), life.mint(self.holder)["code"]
        self.codes.append(self.code)
        bound = {"PHI_OUTBOX_WARN_MB": "1", "PHI_OUTBOX_MAX_MB": "1"}
        self.replicas = {name: Replica(suite, name, **bound) for name in ("svc-codegen", "svc-verify")}

    def _post(self, service, app_id, path, fields, person):
        return self.suite.apps[app_id].twin().post(self.replicas[service].url, path, fields, self.life.token(person, app_id))

    def _mint(self):
        fields = {name: self.application[name] for name in ("applicationId", "challenge")}
        return self._post("svc-codegen", "citizen-app", "/v1/codes", fields, self.holder)

    def _verify(self, **fields):
        return self._post("svc-verify", "scan-app", "/v1/codes/verify", {"code": self.code, **fields}, self.scanner)

    def refuse(self):
        """What needs a row is refused with its reason; what needs none is done; the replica is ready and says what is up."""
        for one in self.replicas.values():
            wait_until(lambda one=one: "outbox" in one.degraded(), 20, "it tells that its outbox is full")
            assert one.is_ready(), "a gate stays open for what needs no row"
        for answer in (self._mint(), self._verify()):
            assert (answer.status, answer.code) == (503, "5006"), answer
            assert int(answer.headers["Retry-After"]) > 0
        assert self.life.done(self._verify(operation="check"))["platform"] == "320000"

    def take_again(self):
        for one in self.replicas.values():
            wait_until(lambda one=one: "outbox" not in one.degraded(), 30, "it tells that there is room again")
        answer = wait_until(lambda: (a := self._mint()).code != "5006" and a, 10, "minting again")
        self.codes.append(self.life.done(answer)["code"])
        self.life.done(self._verify())

    def end(self):
        for one in self.replicas.values():
            assert one.end() == 0


def started_without_a_broker(suite, tokens):
    """New processes, of which nothing is known but what the database holds: minting and verifying, by themselves."""
    began, ports, made = time.monotonic(), {}, []
    try:
        for service in ("svc-codegen", "svc-verify"):
            made.append(Replica(suite, service))
            ports[service] = made[-1].http
        seconds = time.monotonic() - began
        citizens, scanners = (Client(suite, suite.apps[app], deadline_s=20) for app in ("citizen-app", "scan-app"))
        citizens.ports = scanners.ports = ports
        holder = tokens.make(Person(), "citizen-app")
        data = citizens.post("svc-codegen", "/v1/code-applications", {"scene": "pass"}, holder, new_serial()).data
        fields = {"applicationId": data["applicationId"], "challenge": data["challenge"]}
        code = citizens.post("svc-codegen", "/v1/codes", fields, holder, new_serial()).data["code"]
        scan = scanners.post("svc-verify", "/v1/codes/verify", {"code": code}, tokens.make(Person(), "scan-app"),
                             new_serial())
        assert scan.code == "0000"
        for one in made:
            wait_until(lambda one=one: "bus" in one.degraded(), 20, "it tells that there is no bus")
        return code, seconds
    finally:
        for one in made:
            assert one.end() == 0, "TERM without a broker"


def test_the_broker_gone_under_load(suite, ledger, life):
    tokens = Tokens(suite)
    load = Load(Client(suite, suite.apps["citizen-app"]), tokens, PEOPLE, pause_s=PAUSE_S).start()
    ledger.under_way.append(load)
    load.wait(load.minted, PEOPLE // 4)
    scans = Scans(suite, tokens, load)
    ledger.under_way.append(scans)
    wait_until(lambda: scans.acks or scans.failures, 30, "a scan")
    suite.kill("broker")
    down = time.monotonic()
    code, started_s = started_without_a_broker(suite, tokens)
    calm = []
    through(down + GONE_S, lambda: calm.append(all(is_ready(suite.url(name)) for name in SERVICES)))
    up = time.monotonic()
    most, bytes_of = waiting(ledger), [ledger.rows(f"SELECT pg_total_relation_size('{schema}.outbox')")[0][0]
                                       for schema in OUTBOXES]
    small = SmallOutboxes(suite, life)
    ledger.small = small
    small.refuse()
    load.hold()  # Kafka and they would share the machine, and its start has a limit
    scans.open.clear()
    suite.start("broker")
    again = time.monotonic()
    load.go_on()
    scans.open.set()
    load.finish()
    scans.finish()
    mints = [one.ack for one in load.minted if down < one.ack.at < up]
    seen = [ack for _, ack in scans.acks if down < ack.at < up]
    assert calm and all(calm), "a lost broker makes nobody unready"
    assert mints and seen and most > 0, "minting or verifying stood still"
    ledger.nothing_left()
    drained = time.monotonic() - again
    small.take_again()
    ledger.mints(load.minted, [code, *small.codes])
    doubles = scans.reconcile(ledger)
    ledger.declarations(load.declared)
    tell(day="broker gone", seconds=round(up - down, 1), mints=len(mints), scans=len(seen),
         slowestS=round(max(ack.seconds for ack in mints + seen), 2),
         mintP99S=round(percentile([ack.seconds for ack in mints], 0.99), 2), sentAgain=load.client.again,
         startedInS=round(started_s, 1), outboxRows=most, outboxMb=round(sum(bytes_of) / 2**20, 1), drainedS=round(drained, 1), doubledRecords=doubles,
         reconciled={"declarations": len(load.declared), "mints": len(load.minted), "scans": len(scans.acks)})


class Asker:
    """A request of each service that needs its database, by turns; what came and how long it took."""

    def __init__(self, suite, life):
        self.suite, self.life, self.holder, self.scanner = suite, life, Person(), Person()
        life.consent(self.holder)
        self.code = life.mint(self.holder)["code"]
        for person, app in ((self.holder, "citizen-app"), (self.scanner, "scan-app")):
            life.token(person, app)

    def requests(self):
        citizen, scan = ("citizen-app", self.holder), ("scan-app", self.scanner)
        return {"svc-codegen": (*citizen, "/v1/code-applications", {"scene": "pass"}),
                "svc-verify": (*scan, "/v1/codes/verify", {"code": self.code}),
                "svc-declare": (*citizen, "/v1/consents", {"noticeVersion": "2026-11", "purpose": "health-code"}),
                "svc-directory": (*scan, "/v1/health/query", {"code": self.code})}

    def ask(self, service):
        """(status, code, seconds); an answer must come."""
        app_id, person, path, fields = self.requests()[service]
        begin = time.monotonic()
        answer = self.suite.apps[app_id].twin().post(self.suite.url(service), path, fields,
                                                     self.life.token(person, app_id), timeout=30)
        return answer.status, answer.code, time.monotonic() - begin

    def until(self, end):
        """All of them at once, again and again: {service: answers}."""
        answers = {service: [] for service in self.requests()}

        def run(service):
            while time.monotonic() < end:
                answers[service].append(self.ask(service))
                time.sleep(0.1)

        threads = [threading.Thread(target=run, args=(service,), daemon=True) for service in answers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(end - time.monotonic() + 40)
            assert not thread.is_alive(), "a request hangs"
        return answers


def family(suite):
    """PostgreSQL's processes, the first one first."""
    first = suite.pid("postgres")
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(first)], capture_output=True, text=True, check=True)
    return [first, *map(int, children.stdout.split())]


def gone(suite):
    suite.signal("QUIT", "postgres")
    wait_until(lambda: not suite.is_running("postgres"), 15, "PostgreSQL gone")
    return lambda: suite.start("postgres")


def hung(suite):
    """Every process of it stands still: connections stay open, nothing is answered."""
    stopped = family(suite)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)

    def go_on():
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)

    return go_on


@pytest.mark.parametrize("how", (gone, hung))
def test_the_database_away_is_told_in_time_and_all_flows_again(suite, life, ledger, how):
    asker, pids = Asker(suite, life), {name: suite.pid(name) for name in SERVICES}
    for service in asker.requests():
        assert asker.ask(service)[:2] == (200, "0000"), service
    go_on, down = how(suite), time.monotonic()
    try:
        answers = asker.until(down + (GONE_S if how is gone else HUNG_S))
        for service in SERVICES:
            wait_until(lambda service=service: not is_ready(suite.url(service)), 20, f"{service} is not ready")
            assert requests.get(suite.url(service) + "/healthz", timeout=5).status_code == 200
    finally:
        go_on()
    up = time.monotonic()
    for service, told in answers.items():
        assert told, service
        for status, code, seconds in told:
            assert status in (503, 504) and code[0] == "5", f"{service}: {status} {code} with no database"
            assert seconds < DEADLINE_S + SLACK_S, f"{service}: {seconds:.1f} s"
    for service in asker.requests():
        wait_until(lambda service=service: asker.ask(service)[:2] == (200, "0000"), 30, f"{service} flows again")
    flows = time.monotonic() - up
    for service in SERVICES:
        wait_until(lambda service=service: is_ready(suite.url(service)), 30, f"{service} is ready again")
    assert {name: suite.pid(name) for name in SERVICES} == pids, "restarted"
    everything = [one for told in answers.values() for one in told]
    tell(day=f"database {how.__name__}", seconds=round(up - down, 1), refused=len(everything),
         codes=sorted({code for _, code, _ in everything}), slowestS=round(max(s for *_, s in everything), 2),
         flowsAgainS=round(flows, 1))


@pytest.mark.skipif(not IS_LONG, reason="long form only; the short one is test_kill's")
def test_the_load_through_a_lost_database_is_kept_whole(suite, ledger):
    """Acknowledged before, during and after: nothing lost, nothing twice, without a restart of any service."""
    pids = {name: suite.pid(name) for name in SERVICES}
    load = Load(Client(suite, suite.apps["citizen-app"]), Tokens(suite), PEOPLE).start()
    ledger.under_way.append(load)
    load.wait(load.declared, PEOPLE // 3)
    go_on, down = gone(suite), time.monotonic()

    def look():
        with pytest.raises(psycopg.OperationalError):
            ledger.rows("SELECT 1")

    through(down + GONE_S, look)
    go_on()
    up = time.monotonic()
    load.finish()
    acks = [one.ack for one in load.declared + load.minted]
    assert any(ack.at < down for ack in acks) and any(ack.at > up for ack in acks)
    ledger.declarations(load.declared)
    ledger.mints(load.minted)
    ledger.nothing_left()
    assert {name: suite.pid(name) for name in SERVICES} == pids, "restarted"
    tell(day="database gone under load", seconds=round(up - down, 1), declarations=len(load.declared),
         mints=len(load.minted), sentAgain=load.client.again)
