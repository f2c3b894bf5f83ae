"""Acknowledged means kept, once means once: every service killed with -9 in the middle of a load on the real broker, the
broker killed, the database stopped at once; then every acknowledgement is held against tables, topics and the nation.

All kills of services together meet 2,000 declarations of distinct people and 2,000 mints."""
import os
import secrets
import signal
import time

import pytest

from loadgen.client import Client, Tokens
from loadgen.load import Crowd, Load
from loadgen.reconcile import Reconciler, describe
from phi_client.people import Person
from phi_client.suite import SERVICES, wait_until

pytestmark = [pytest.mark.late, pytest.mark.timeout(240)]

EACH = -(-2000 // len(SERVICES))
OUTAGE = 200
KILLS = 2  # of each service, in one load
CODES, SCANNERS = 40, 4
DISPUTES = 32
PILE = 40
# What moves when a consumer works, and in which region's database.
INTAKE = {"svc-directory": ("SELECT count(*) FROM directory.facts", "320000"),
          "svc-platform": ("SELECT count(*), max(version) FROM platform.entries", "000000")}


class Bench:
    """Clients, tokens, and what all kills so far had acknowledged."""

    def __init__(self, suite):
        self.suite = suite
        self.citizens, self.scanners, self.officers = (
            Client(suite, suite.apps[app]) for app in ("citizen-app", "scan-app", "officer-app"))
        self.tokens, self.staff = Tokens(suite), Tokens(suite, "staff")
        self.declared, self.minted = [], []

    def load(self, count):
        self.citizens.again = 0
        return Load(self.citizens, self.tokens, count)


@pytest.fixture(scope="module")
def bench(suite):
    return Bench(suite)


@pytest.fixture
def ledger(suite):
    """What reconciles: it has to see the topics before the load begins. Whatever happened, all runs again after."""
    ledger = Reconciler(suite)
    yield ledger
    ledger.close()
    for name in ("postgres", "broker", *SERVICES):
        suite.start(name)


def kill(bench, ledger, victim, load):
    """(when it was gone, when it was ready again). Who lives by a topic dies in the middle of a batch: held still until
    work has piled up, let go, killed at the first row that moves."""
    suite, pid = bench.suite, bench.suite.pid(victim)
    if victim in INTAKE:
        sql, region = INTAKE[victim]
        os.kill(pid, signal.SIGSTOP)
        load.wait(load.declared, len(load.declared) + PILE)
        before = ledger.rows(sql, region=region)
        os.kill(pid, signal.SIGCONT)
        wait_until(lambda: ledger.rows(sql, region=region) != before, 30, f"{victim} at work")
    os.kill(pid, signal.SIGKILL)
    down = time.monotonic()
    wait_until(lambda: not suite.is_running(victim), 5, f"{victim} gone")
    suite.start(victim)
    return down, time.monotonic()


def works_again(bench, load):
    """A scan of a code of the load: every service but the dispute's has its part in it, the nation's entry too."""
    one, token = load.minted[-1], bench.tokens.make(Person(), "scan-app")

    def nation():
        data = bench.scanners.post("svc-directory", "/v1/health/query", {"code": one.code}, token,
                                   f"again-{secrets.token_hex(8)}").data
        return [entry for entry in data["entries"] if entry["via"] == "000000"]

    wait_until(nation, 20, "the nation's entry in a scan")


def settle(bench, ledger, load, besides=()):
    """Reconciles what the load had acknowledged; keeps it for the test of all together."""
    ledger.declarations(load.declared)
    ledger.mints(load.minted, besides)
    ledger.nothing_left()
    works_again(bench, load)
    bench.declared += load.declared
    bench.minted += load.minted


def figures(load, seconds, outages):
    acks = [one.ack for one in load.declared + load.minted]
    inside = sum(any(down <= ack.at < up for down, up in outages) for ack in acks)
    return {"declarations": len(load.declared), "mints": len(load.minted), "seconds": round(seconds, 1),
            "outages": [round(up - down, 1) for down, up in outages],
            "before": sum(ack.at < outages[0][0] for ack in acks), "during": inside,
            "after": sum(ack.at >= outages[-1][1] for ack in acks), "sentAgain": load.client.again,
            "repeated": sum(one.repeat for one in load.declared + load.minted)}


class OneTimeCodes:
    """Each shown to several scanning persons at once, through the kill of svc-verify: one success for a code."""

    def __init__(self, bench, ledger):
        self.bench, self.ledger, self.run_id = bench, ledger, secrets.token_hex(4)
        self.codes = Crowd(self.mint, list(range(CODES))).finish()
        self.tokens = [bench.tokens.make(Person(), "scan-app") for _ in range(SCANNERS)]
        self.shown = [(code, scanner) for code in range(CODES) for scanner in range(SCANNERS)]

    def start(self, _load):
        self.crowd = Crowd(self.scan, self.shown, threads=4)

    def mint(self, number):
        token, post = self.bench.tokens.make(Person(), "citizen-app"), self.bench.citizens.post
        application = post("svc-codegen", "/v1/code-applications", {"scene": "pass-once"}, token,
                           f"{self.run_id}-a{number}").data
        fields = {"applicationId": application["applicationId"], "challenge": application["challenge"]}
        return post("svc-codegen", "/v1/codes", fields, token, f"{self.run_id}-c{number}").data["code"]

    def scan(self, item):
        code, scanner = item
        request = ("svc-verify", "/v1/codes/verify", {"code": self.codes[code]}, self.tokens[scanner],
                   f"{self.run_id}-v{code}-{scanner}")
        ack = self.bench.scanners.post(*request, expect=("0000", "2004"))
        again = self.bench.scanners.post(*request, expect=("0000", "2004"))
        assert again.code == ack.code, "a repeat of one verification got another verdict"
        return ack

    def check(self):
        acks = self.crowd.finish()
        successes = [0] * CODES
        for (code, _), ack in zip(self.shown, acks):
            successes[code] += ack.code == "0000"
        assert successes == [1] * CODES, f"successes for each one-time code: {successes}"
        macs = [self.ledger.serial_mac(code) for code in self.codes]
        rows = self.ledger.rows("SELECT serial_hmac FROM verify.ledger WHERE serial_hmac = ANY(%s)", macs)
        assert sorted(bytes(row[0]) for row in rows) == sorted(macs)
        uses = self.ledger.rows("SELECT result_code FROM verify.uses WHERE serial_hmac = ANY(%s)", macs)
        assert len(uses) == len(self.shown) and sum(code == "0000" for (code,) in uses) == CODES
        self.ledger.until("events of code.verified", lambda: [mac for mac in macs if len(self.events(mac)) < SCANNERS])
        for mac in macs:
            verdicts = [records[0].json["resultCode"] for records in self.events(mac).values()]
            assert sorted(verdicts) == ["0000"] + ["2004"] * (SCANNERS - 1)
        return {"oneTimeCodes": CODES, "verifications": len(acks), "verifiedAgain": sum(ack.tries > 1 for ack in acks)}

    def events(self, mac):
        return self.ledger.events("code.verified", "serialHmac")[mac.hex()]


STEPS = ("received", "assigned", "proposed", "decided", "applied", "told")


class Disputes:
    """About declared facts, filed by their people and decided by an officer, through the kill of svc-correction."""

    codes = ()

    def __init__(self, bench, ledger):
        self.bench, self.ledger, self.run_id = bench, ledger, secrets.token_hex(4)
        officers = [Person(), Person()]
        for number, officer in enumerate(officers, 1):
            officer.sub = f"officer-{number}"
        self.staff, self.second = (bench.staff.make(officer, "officer-app") for officer in officers)

    def start(self, load):
        self.declared = load.declared[:DISPUTES]
        self.record_nos = self.read_record_nos()
        self.crowd = Crowd(self.dispute, self.declared, threads=4)

    def read_record_nos(self):
        """The numbers by which the directory knows the facts, as the topic tells them."""
        wanted, look = {one.fact_id for one in self.declared}, lambda: self.ledger.events("declare.health", "factId")
        self.ledger.until("events of declare.health", lambda: wanted - set(look()))
        return {fact: records[0].json["recordNo"] for fact, events in look().items() for records in events.values()}

    def dispute(self, one):
        token, record_no = self.bench.tokens.make(one.person, "citizen-app"), self.record_nos[one.fact_id]
        fact = {"region": "320000", "source": "declare.health", "institution": "citizen-app", "recordNo": record_no}
        fields = {"matter": "fact", "fact": fact, "statement": "当日体温填写有误。"}
        case = self.bench.citizens.post("svc-correction", "/v1/corrections", fields, token,
                                        f"{self.run_id}-f-{one.fact_id}")
        path, said = f"/v1/corrections/{case.data['caseId']}", {"decision": "retract", "reason": "record-error"}
        self.bench.officers.post("svc-correction", f"{path}/proposal", said, self.staff, f"{self.run_id}-p-{one.fact_id}")
        request = ("svc-correction", f"{path}/decision", said, self.second, f"{self.run_id}-d-{one.fact_id}")
        decision = self.bench.officers.post(*request)
        assert self.bench.officers.post(*request).data == decision.data, "a repeat got another decision"
        return case, decision

    def check(self):
        acks = self.crowd.finish()
        cases = {case.data["caseId"]: decision.data["decisionVersion"] for case, decision in acks}
        assert len(cases) == len(self.declared)
        self.check_tables(cases)
        self.check_events(cases)
        return {"disputes": len(cases), "disputedAgain": sum(max(c.tries, d.tries) > 1 for c, d in acks)}

    def check_tables(self, cases):
        rows, subjects = self.ledger.rows, [self.ledger.subject(one.person) for one in self.declared]
        found = rows("SELECT encode(case_id, 'hex'), state, decision_version::text FROM correction.cases "
                     "WHERE subject = ANY(%s)", subjects)
        assert {row[0]: row[2] for row in found} == cases and {row[1] for row in found} <= {"decided", "applied", "told"}
        kept = ("SELECT encode(case_id, 'hex') FROM correction.steps WHERE case_id = ANY(%s) AND step = ANY(%s)",
                [bytes.fromhex(case) for case in cases], list(STEPS))
        self.ledger.until("steps, the directory's word included", lambda: len(rows(*kept)) < len(STEPS) * len(cases))
        found = rows("SELECT encode(case_id, 'hex'), step FROM correction.steps WHERE case_id = ANY(%s)",
                     [bytes.fromhex(case) for case in cases])
        assert sorted(found) == sorted((case, step) for case in cases for step in STEPS)
        kept = ("SELECT case_id FROM directory.retractions WHERE subject = ANY(%s)", subjects)
        self.ledger.until("retractions at svc-directory", lambda: set(cases) - {row[0] for row in rows(*kept)})
        assert len(rows(*kept)) == len(cases)

    def check_events(self, cases):
        steps = lambda: self.ledger.events("correction.step", "caseId")
        self.ledger.until("events of correction.step", lambda: [case for case in cases if len(steps()[case]) < len(STEPS)])
        decided = self.ledger.events("correction.decided", "caseId")
        for case, version in cases.items():
            (records,) = decided[case].values()
            assert records[0].header("phi-version") == version == records[0].json["decisionVersion"]
            numbers = [records[0].json["seq"] for records in steps()[case].values()]
            assert sorted(numbers) == list(range(1, len(STEPS) + 1))


ALONGSIDE = {"svc-verify": OneTimeCodes, "svc-correction": Disputes}


@pytest.mark.parametrize("victim", SERVICES)
def test_a_service_killed_loses_nothing_and_doubles_nothing(suite, bench, ledger, victim):
    alongside, outages = ALONGSIDE[victim](bench, ledger) if victim in ALONGSIDE else None, []
    load = bench.load(EACH).start()
    for number in range(1, KILLS + 1):
        load.wait(load.minted if victim == "svc-codegen" else load.declared, EACH * number // (KILLS + 3))
        if alongside:
            if not outages:
                alongside.start(load)
            alongside.crowd.wait(len(alongside.crowd.results) * number // (KILLS + 2))
        outages.append(kill(bench, ledger, victim, load))
    told = figures(load, load.finish(), outages)
    assert told["before"] > 0, "the service died before the load began"
    assert told["during"] + told["after"] > 0, "the load was over before the kill"
    begin = time.monotonic()
    if alongside:
        told.update(alongside.check())
    settle(bench, ledger, load, alongside.codes if alongside else ())
    print(describe(victim=victim, **told, reconciledSeconds=round(time.monotonic() - begin, 1)))


def test_all_kills_together(bench, ledger):
    """Two thousand each, still there after all the kills and restarts."""
    if len(bench.declared) < EACH * len(SERVICES):
        pytest.skip("not all services were killed in this run")
    assert len({one.fact_id for one in bench.declared}) >= 2000 and len({one.code for one in bench.minted}) >= 2000
    ledger.still_there(bench.declared, bench.minted)


def test_the_broker_killed_stops_nobody_and_loses_nothing(suite, bench, ledger):
    load = bench.load(OUTAGE).start()
    load.wait(load.declared, OUTAGE // 3)
    suite.kill("broker")
    down, at_kill = time.monotonic(), len(load.declared) + len(load.minted)
    load.wait(load.declared, OUTAGE * 2 // 3)
    load.hold()
    suite.start("broker")
    up = time.monotonic()
    load.go_on()
    told = figures(load, load.finish(), [(down, up)])
    whole = told["declarations"] + told["mints"]
    assert at_kill < told["before"] + told["during"] < whole, "nothing acknowledged without a broker, or all"
    begin = time.monotonic()
    settle(bench, ledger, load)
    print(describe(victim="broker", **told, reconciledSeconds=round(time.monotonic() - begin, 1)))


def test_the_database_stopped_at_once_loses_nothing(suite, bench, ledger):
    load = bench.load(OUTAGE).start()
    load.wait(load.declared, OUTAGE // 3)
    suite.signal("QUIT", "postgres")  # "immediate": no checkpoint, recovery at the next start
    wait_until(lambda: not suite.is_running("postgres"), 15, "PostgreSQL gone")
    down = time.monotonic()
    suite.start("postgres")
    up = time.monotonic()
    told = figures(load, load.finish(), [(down, up)])
    assert told["before"] and told["after"], "the database was stopped before or after the load"
    assert told["during"] == 0, "acknowledged without a database"
    begin = time.monotonic()
    settle(bench, ledger, load)
    print(describe(victim="postgres", **told, reconciledSeconds=round(time.monotonic() - begin, 1)))
