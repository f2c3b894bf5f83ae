"""svc-directory's bad days on the real broker and database. Each sends a copy of one province (tests/world) while something
goes wrong; then facts, decisions and entries are those of the undisturbed copy in every field but version, times and signature,
here and at the nation, and no fact, decision or entry is missing or there twice."""
import collections
import os
import random
import signal
import threading
import time

import psycopg
import pytest

from days import IS_LONG, counted, tell
from phi_client.replica import Replica
from phi_client.suite import wait_until
from phi_client.topics import read_topic
from province import REGION, Province, is_decision

PEOPLE, DAYS = (2000, 7) if IS_LONG else (360, 7)
KILLS = int(os.environ.get("PHI_CHAOS_KILLS", "50" if IS_LONG else "5"))
SESSION_MS = 2000  # short, so that a killed replica's partitions don't stand still for long
DLQ = f"phi.{REGION}.dlq.svc-directory"

pytestmark = [pytest.mark.late, pytest.mark.timeout(1800 if IS_LONG else 300)]


class Sending:
    """copy.send in a thread of its own."""

    def __init__(self, copy, records, seconds):
        self.failure = None
        self.thread = threading.Thread(target=self._run, args=(copy, records, seconds), daemon=True)
        self.thread.start()

    def _run(self, copy, records, seconds):
        try:
            copy.send(records, seconds)
        except BaseException as failure:  # told by finish
            self.failure = failure

    def finish(self):
        self.thread.join(200)
        assert not self.thread.is_alive(), "not acknowledged by the broker"
        if self.failure:
            raise self.failure


def by_grade(picture):
    return dict(sorted(collections.Counter(entry[0] for entry in picture["entries"].values()).items()))


@pytest.fixture(scope="module")
def province(suite):
    suite.set_extra("svc-directory", PHI_BUS_SESSION_MS=str(SESSION_MS))
    suite.restart("svc-directory")
    province = Province(suite, PEOPLE, DAYS)
    yield province
    province.database.close()
    suite.set_extra("svc-directory")
    suite.restart("svc-directory")


@pytest.fixture(scope="module")
def undisturbed(province):
    """What every other copy must look like; itself held against the independent evaluator."""
    copy = province.copy()
    copy.send(copy.records)
    picture = copy.picture()
    facts = {(f"source.{r.kind}" if "." not in r.kind else r.kind, r.institution, r.number, r.revision)
             for r in (one.record for one in copy.records if not is_decision(one))
             if r.at > province.world.end - 90 * 86400}
    assert set(picture["facts"]) == facts, "a fact is missing, or there is one besides"
    assert sum(picture["retractions"].values()) == sum(map(is_decision, copy.records))
    truth, now = copy.truth(), int(time.time() * 1e6)
    grades = ("grey", "green", "yellow", "review", "red")
    for number, subject in copy.subjects.items():
        wanted, told = truth.entry(subject.hex(), now, with_until=False), picture["entries"].get(number)
        assert (told and (grades[told[0]], [reason[0] for reason in told[1]])) == (
            wanted and (wanted.grade, list(wanted.reasons))), (number, told, wanted)
    assert len(by_grade(picture)) >= 4 and picture["retractions"]
    return picture


@pytest.fixture
def compare(province, undisturbed):
    """compare(copy, **figures): it has become what the undisturbed copy became."""

    def differences(told, wanted):
        return [(key, told.get(key), wanted.get(key)) for key in {*told, *wanted} if told.get(key) != wanted.get(key)]

    def check(copy, what, **figures):
        picture = copy.picture()
        for part in ("facts", "retractions", "entries", "nation"):
            found = differences(picture[part], undisturbed[part])
            assert not found, f"{what}: {len(found)} {part} differ: {found[:3]}"
        tell(day=what, facts=len(picture["facts"]), decisions=sum(picture["retractions"].values()),
             entries=len(picture["entries"]), byGrade=by_grade(picture), differences=0, **figures)

    yield check
    for name in ("postgres", "broker", "svc-directory"):
        province.suite.start(name)


def stop_in_a_batch(province, pid, skip=0, seconds=30):
    """SIGSTOP at a moment at which a batch's transaction is open, after so many others; its (backend, transaction)."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not province.batches():
            continue
        if skip > 0:
            skip -= 1
            time.sleep(random.uniform(0, 0.02))
            continue
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.01)  # what was on its way to the database has come
        open_batches = province.batches()
        if open_batches:
            return open_batches[0]
        os.kill(pid, signal.SIGCONT)
    raise AssertionError(f"no batch was seen under way in {seconds} s")


def test_killed_in_mid_batch(suite, province, compare):
    """kill -9 at random points, each with a batch's transaction open: what it had done is not there, and is done once."""
    copy, rolled_back, waits = province.copy(), 0, []
    size = len(copy.records) // (KILLS + 1)
    draws = random.Random(KILLS)
    for number in range(KILLS):
        copy.send(copy.records[number * size:(number + 1) * size])
        pid = suite.pid("svc-directory")
        try:
            _backend, xid = stop_in_a_batch(province, pid, draws.randrange(4), 3)
        except AssertionError:  # it was quicker: more of it
            again = copy.records[:(number + 1) * size]
            sending = Sending(copy, again, 0)
            _backend, xid = stop_in_a_batch(province, pid)
            sending.finish()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not suite.is_running("svc-directory"), 10, "it is gone")
        wait_until(lambda: not province.batches(), 20, "its transaction is gone")
        rolled_back += province.rows("SELECT pg_xact_status(%s::text::xid8)", xid)[0][0] == "aborted"
        begin = time.monotonic()
        suite.start("svc-directory")
        waits.append(time.monotonic() - begin)
    copy.send(copy.records[KILLS * size:])
    compare(copy, "kill -9 in mid-batch", kills=KILLS, rolledBack=rolled_back, slowestStartS=round(max(waits), 1))
    assert rolled_back > 0  # the others died between a COMMIT and its answer


def test_an_owner_held_still_past_the_rebalance(suite, province, compare):
    """It stands still with a batch open; another takes over; what it comes back to do is refused."""
    copy, pid = province.copy(), suite.pid("svc-directory")
    whole = counted(suite.url("svc-directory"), "phi_consumer_partitions")
    third = len(copy.records) // 3
    sending, other = Sending(copy, copy.records[:third], 0), None
    try:
        _backend, xid = stop_in_a_batch(province, pid)
        sending.finish()
        begin = time.monotonic()
        other = Replica(suite, "svc-directory", PHI_BUS_SESSION_MS=str(SESSION_MS))
        copy.send(copy.records[third:2 * third])
        wait_until(lambda: owned(other) == whole, 30, "the other owns all partitions")
        took_over = time.monotonic() - begin
        # Its own open transaction holds one partition still until the database ends it.
        suite.settle(60)
        caught_up = time.monotonic() - begin
        assert province.rows("SELECT pg_xact_status(%s::text::xid8)", xid)[0][0] == "aborted", "the stale owner's batch stands"
        os.kill(pid, signal.SIGCONT)
        sending = Sending(copy, copy.records[2 * third:], 5)
        wait_until(lambda: counted(suite.url("svc-directory"), "phi_consumer_partitions") == whole / 2, 30, "it has its share again")
        sending.finish()
        suite.settle(60)
    finally:
        os.kill(pid, signal.SIGCONT)
        if other:
            assert other.end() == 0
    compare(copy, "an owner held still past the rebalance", tookOverS=round(took_over, 1), caughtUpS=round(caught_up, 1))


def owned(replica):
    return counted(replica.url, "phi_consumer_partitions")


def test_a_rebalance_in_mid_batch(suite, province, compare):
    """A second replica comes and goes while facts flow, three times."""
    copy, shares = province.copy(), []
    sending = Sending(copy, copy.records, 20 if IS_LONG else 7)
    while sending.thread.is_alive() or not shares:
        other = Replica(suite, "svc-directory", PHI_BUS_SESSION_MS=str(SESSION_MS))
        try:
            wait_until(lambda: owned(other) > 0, 20, "it has a share")
            time.sleep(0.5)
            shares.append(counted(other.url, "phi_consumer_records_total"))
        finally:
            assert other.end() == 0
    sending.finish()
    assert sum(shares) > 0, "the second replica never had anything to do"
    compare(copy, "a rebalance in mid-batch", joinedAndLeft=len(shares), recordsOfTheSecond=int(sum(shares)))


def test_the_broker_killed_under_facts(suite, province, compare):
    copy = province.copy()
    sending = Sending(copy, copy.records, 4)
    time.sleep(1.5)
    suite.kill("broker")
    suite.start("broker")
    sending.finish()
    compare(copy, "the broker killed and started")


def test_the_database_stopped_under_facts(suite, province, compare):
    copy = province.copy()
    sending = Sending(copy, copy.records, 4)
    time.sleep(1.5)
    suite.signal("QUIT", "postgres")
    wait_until(lambda: not suite.is_running("postgres"), 15, "PostgreSQL gone")
    suite.start("postgres")
    sending.finish()
    province.connect()
    compare(copy, "the database stopped at once and started")


def test_poison_blocks_nothing(suite, province, compare):
    """Every kind among good ones of the same person: to the dead letters, each with its reason, the rest as ever."""
    copy, before = province.copy(), len(read_topic(suite.bus, DLQ))
    poison, records = copy.poison(), list(copy.records)
    draws = random.Random(7)
    for one, reason in poison:
        records.insert(len(records) if reason == "conflict" else draws.randrange(len(records)), one)
    copy.send(records)
    letters = read_topic(suite.bus, DLQ, 60, until=lambda seen: len(seen) >= before + len(poison))[before:]
    assert collections.Counter(letter.header("phi-dlq-reason") for letter in letters) == collections.Counter(
        reason for _, reason in poison)
    compare(copy, "poison", deadLetters=len(letters))


def test_yesterday_comes_twice(province, compare):
    """Everything of the last day but one again, under event ids of its own, and the whole last day in another order."""
    copy = province.copy()
    again = [one for one in copy.records if one.day == DAYS - 2]
    twice = [one._replace(headers=[*copy._envelope("cn.phi.again"), *(h for h in one.headers if h[0].startswith("phi-"))])
             for one in again]
    last = [one for one in copy.records if one.day == DAYS - 1]
    copy.send(copy.records)
    copy.send(twice + last[::-1])
    compare(copy, "yesterday twice", sentAgain=len(twice) + len(last))


def test_decisions_before_their_facts(province, compare):
    copy = province.copy()
    decisions = [one for one in copy.records if is_decision(one)]
    copy.send(decisions)
    wait_until(lambda: sum(copy.retractions().values()) == len(decisions), 30, "the decisions are there")
    assert not copy.facts()
    copy.send([one for one in copy.records if not is_decision(one)])
    compare(copy, "every retraction before its fact")


def test_producers_clocks_a_minute_apart(province, compare):
    copy = province.copy(clock=lambda institution: (-30, 30)[sum(institution.encode()) % 2])
    copy.send(copy.records)
    compare(copy, "producers' clocks a minute apart")
