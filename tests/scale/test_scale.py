"""More of every service: the work spreads over 1, 2 and 4 replicas, and while some are killed, leave and come under load nothing
acknowledged is lost and nothing is done twice."""
import collections
import os
import secrets
import time

import pytest

from days import tell
from fleet import CONSUMERS, Fleet, Spread
from loadgen.client import Tokens
from loadgen.load import Crowd, Load
from loadgen.reconcile import Reconciler
from phi_client.people import Person
from phi_client.suite import SERVICES, wait_until

IS_LONG = os.environ.get("PHI_SCALE_LONG") == "1"
SIZES = (1, 2, 4) if IS_LONG else (2,)
PEOPLE = 400 if IS_LONG else 48
PAUSE_S = 0.02 if IS_LONG else 0.1
SCANNERS = 4

pytestmark = [pytest.mark.late, pytest.mark.timeout(600)]


class Errands:
    """What scanning persons and citizens do with what the load has acknowledged: verify, ask, dispute."""

    def __init__(self, suite, fleet, load):
        self.load, self.run_id = load, secrets.token_hex(4)
        self.scanners = Spread(suite, suite.apps["scan-app"], fleet)
        self.citizens = Spread(suite, suite.apps["citizen-app"], fleet)
        tokens = Tokens(suite)
        self.tokens = [tokens.make(Person(), "scan-app") for _ in range(SCANNERS)]
        self.citizens_token = lambda person: tokens.make(person, "citizen-app")

    def scan(self, number):
        code, token = self.load.minted[number % len(self.load.minted)].code, self.tokens[number % SCANNERS]
        request = ("svc-verify", "/v1/codes/verify", {"code": code}, token, f"{self.run_id}-v{number}")
        ack = self.scanners.post(*request)
        if number % 8 == 0:
            assert self.scanners.post(*request).data["receipt" if "receipt" in ack.data else "scope"] is not None
        return code

    def ask(self, number):
        code, token = self.load.minted[number % len(self.load.minted)].code, self.tokens[number % SCANNERS]
        return self.scanners.post("svc-directory", "/v1/health/query", {"code": code}, token, f"{self.run_id}-q{number}").data

    def dispute(self, number):
        one = self.load.declared[number]
        fact = {"region": "320000", "source": "declare.health", "institution": "citizen-app", "recordNo": f"x-{one.fact_id}"}
        return self.citizens.post("svc-correction", "/v1/corrections",
                                  {"matter": "fact", "fact": fact, "statement": "当日体温填写有误。"},
                                  self.citizens_token(one.person), f"{self.run_id}-f{number}").data["caseId"]


@pytest.fixture(params=SIZES)
def fleet(suite, request):
    began = time.monotonic()
    fleet = Fleet(suite, request.param)
    fleet.start_s = round(time.monotonic() - began, 1)
    yield fleet
    fleet.end()


@pytest.fixture
def ledger(suite):
    ledger = Reconciler(suite)
    yield ledger
    ledger.close()


def shares(before, after):
    """What each replica did meanwhile; one that came since has done all of it meanwhile."""
    return {name: [{what: (count - (before[name][at][what] if at < len(before[name]) and what != "partitions" else 0))
                    for what, count in one.items()} for at, one in enumerate(after[name])] for name in SERVICES}


def check_spread(work, size):
    """Everybody answers, and the partitions are shared as evenly as their number allows."""
    for name in ("svc-codegen", "svc-verify", "svc-declare", "svc-directory", "svc-correction"):
        counts = [one["requests"] for one in work[name]]
        assert len(counts) == size and min(counts) > 0, (name, counts)
    for name in ("svc-directory", "svc-platform"):
        owned = [one["partitions"] for one in work[name]]
        assert len(owned) == size and min(owned) > 0 and max(owned) - min(owned) <= sum(owned) / 8, (name, owned)
        assert min(one["records"] for one in work[name]) > 0, (name, work[name])
    assert min(one["rpc"] for one in work["svc-verify"]) > 0 and min(one["rpc"] for one in work["svc-platform"]) > 0


def wait_shared(fleet):
    def is_shared():
        work = fleet.work()
        return all(min(one["partitions"] for one in work[name]) > 0 for name in CONSUMERS[1:])

    wait_until(is_shared, 60, "every replica has partitions")


def test_work_spreads_and_survives_replicas_that_go_and_come(suite, fleet, ledger):
    wait_shared(fleet)
    before, began = fleet.work(), time.monotonic()
    load = Load(Spread(suite, suite.apps["citizen-app"], fleet), Tokens(suite), PEOPLE, pause_s=PAUSE_S).start()
    load.wait(load.declared, PEOPLE // 4)
    load.wait(load.minted, PEOPLE // 4)
    errands, disputes = Errands(suite, fleet, load), PEOPLE // 4
    crowds = [Crowd(errands.scan, list(range(2 * PEOPLE)), 3), Crowd(errands.ask, list(range(PEOPLE)), 2),
              Crowd(errands.dispute, list(range(disputes)), 2)]
    load.wait(load.declared, PEOPLE // 2)
    for crowd in crowds:
        crowd.wait(len(crowd.results) // 2)
    work = shares(before, fleet.work())
    rates = time.monotonic() - began
    if fleet.size > 1:
        check_spread(work, fleet.size)
        change(fleet)
    codes, answers, cases = (crowd.finish() for crowd in crowds)
    seconds = load.finish()
    reconcile(ledger, load, codes, answers, cases)
    tell(replicas=fleet.size, startS=fleet.start_s, seconds=round(seconds, 1), halfS=round(rates, 1),
         declarations=len(load.declared), mints=len(load.minted), verifications=len(codes), queries=len(answers),
         disputes=len(cases), sentAgain=load.client.again + errands.scanners.again + errands.citizens.again,
         work={name: {what: [one[what] for one in ones] for what in ones[0] if any(one[what] for one in ones)}
               for name, ones in work.items()})


def change(fleet):
    """Of each service (of four in the short form) one is killed with -9 or told to leave, under load, and another one comes."""
    for number, name in enumerate(SERVICES if IS_LONG else SERVICES[:4]):
        fleet.remove(name, is_killed=number % 2 == 0)
        fleet.add(name)
    wait_shared(fleet)


def reconcile(ledger, load, codes, answers, cases):
    ledger.declarations(load.declared)
    ledger.mints(load.minted)
    macs = collections.Counter(ledger.serial_mac(code).hex() for code in codes)
    asked = {}

    def missing():
        asked.update(ledger.events("code.verified", "serialHmac"))
        return [mac for mac, count in macs.items() if len(asked.get(mac, ())) < count]

    ledger.until("events of code.verified", missing)
    # A query is a use too: no more events than verifications and queries together.
    assert sum(len(asked[mac]) for mac in asked) == len(codes) + len(answers), "a use lost, or told twice"
    assert all("entries" in answer for answer in answers)
    assert len(set(cases)) == len(cases)
    rows = ledger.rows("SELECT count(*) FROM correction.cases WHERE encode(case_id, 'hex') = ANY(%s)", list(cases))
    assert rows == [(len(cases),)]
    ledger.until("steps of the disputes", lambda: set(cases) - set(ledger.events("correction.step", "caseId")))
    ledger.nothing_left()
