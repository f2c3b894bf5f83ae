"""The one-time ledger is linearizable, says a checker that we did not write (porcupine): thousands of concurrent uses at two
replicas, one of which is killed with -9; and the checker rejects the same history once it is altered."""
import copy
import os
import subprocess

import pytest

import race
from phi_client.replica import Replica

HERE = os.path.dirname(os.path.abspath(__file__))
USES = int(os.environ.get("PHI_LINEAR_USES", "3000"))
KILLS = 2 if USES <= 10_000 else USES // 5000


@pytest.fixture(scope="module")
def checker():
    """PHI_LINEAR names the built checker; without Go, tests/run says aloud that this is left out."""
    path = os.environ.get("PHI_LINEAR")
    if not path:
        pytest.skip("no checker: Go 1.21 or later is missing (tests/linear)")

    def check(history):
        done = subprocess.run([path, "--seconds", "120", history], capture_output=True, text=True, timeout=300)
        print(done.stdout.strip())
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return done.returncode == 0

    return check


@pytest.fixture(scope="module")
def raced(suite, checker):
    """A race that is over: its history, its figures."""
    replica = Replica(suite, "svc-verify")
    try:
        one = race.Race(suite, replica)
        try:
            one.run(USES, KILLS)
        finally:
            one.close()
    finally:
        replica.end()
    return one


def test_the_uses_were_at_once_and_under_kills(raced):
    told = raced.figures()
    print(told)
    assert told["uses"] >= USES and told["kills"] == KILLS
    assert told["codesUsedAtOnce"] >= told["codes"] * 9 // 10, "the callers did not meet"
    assert 0 < told["open"] < told["uses"] // 2, "no outcome was lost to a kill, or nearly all were"


def test_the_history_is_linearizable(raced, checker, tmp_path):
    raced.write(tmp_path / "history.jsonl")
    assert checker(tmp_path / "history.jsonl")


def certain(history):
    """The uses of a code none of whose outcomes is open, with a success and a refusal."""
    by_code = {}
    for one in history:
        by_code.setdefault(one["code"], []).append(one)
    for uses in by_code.values():
        if {one["answer"] for one in uses} == {"0000", "2004"}:
            return uses
    raise AssertionError("every code has an open outcome")


def second_success(uses):
    refused = next(one for one in uses if one["answer"] == "2004")
    for one in uses:
        if one["request"] == refused["request"]:
            one["answer"] = "0000"


def no_success(uses):
    for one in uses:
        one["answer"] = "2004"


def another_answer_to_a_repeat(uses):
    next(one for one in reversed(uses) if one["answer"] == "0000")["answer"] = "2004"


def refused_before_the_use(uses):
    for one in uses:
        if one["answer"] == "2004":
            one["call"] -= 10**12
            one["return"] -= 10**12


@pytest.mark.parametrize("alter", (second_success, no_success, another_answer_to_a_repeat, refused_before_the_use))
def test_an_altered_history_is_rejected(raced, checker, tmp_path, alter):
    history = copy.deepcopy(raced.history)
    alter(certain(history))
    race.write(tmp_path / "altered.jsonl", history)
    assert not checker(tmp_path / "altered.jsonl")
