"""Everybody graded anew by svc-directory on real PostgreSQL, after another rule set was tried and published as officers do
it (phictl rules); called by the suite.

regrade.same, regrade.all: people a second of svc-directory's own processor time in the sweep after a set by which one
person in a hundred, or everybody, has another grade; the peers are the targets. regrade.*.database: people a second of
PostgreSQL's processor time; regrade.*.wall: by the clock, everything on the machine's cores.
regrade.trial: people a second that phictl rules try compares; regrade.trial.memory: svc-directory's highest resident
memory after it, against that before any trial.
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "directory"))

from world import BIN, ROUNDS, Province, facts_wanted, is_asked, tell  # noqa: E402

from test_rules import Bench as Officers, a_rule, any_fact  # noqa: E402

OTHER_METHOD = any_fact({"===": [{"var": "current.content.method"}, "antibody"]})


def one_percent(officers):
    return officers.file(a_rule(OTHER_METHOD, grade="yellow"))


def everybody(officers):
    return officers.file(a_rule({"!": [{"!": [{"var": "facts"}]}]}, grade="yellow"))


def resident_kb(pid, which):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(which + ":"))


def tried(province, officers, path):
    """A trial: people a second by the clock, of our processor time, of the database's; and its report."""
    with province.stopwatch() as watch:
        trial = officers.trial(path, seconds=1200)
    people = trial["report"]["people"]
    assert trial["state"] == "done" and people == province.people(), trial
    return watch.rates(people), trial


def swept(province, act):
    """After an act that changes the rules in force, until everybody has been graded by them; and how many changed."""
    people = province.people()
    before = province.metric("phi_directory_regrades_total")
    changed = province.metric('phi_directory_regrades_total{result="changed"}')
    act()
    province.wait(lambda: province.metric("phi_directory_regrades_total") > before, 60, "the sweep begins", 0.01)
    with province.stopwatch() as watch:
        first = province.metric("phi_directory_regrades_total")
        province.wait(lambda: province.metric("phi_directory_regrades_total") >= before + people, 1800, "all are swept", 0.1)
    return watch.rates(before + people - first), province.metric('phi_directory_regrades_total{result="changed"}') - changed


def regrade(province, officers, make_file, least, most):
    """Tried, published, swept, rolled back: the trial's rates and the sweep's."""
    people = province.people()
    trial_rates, trial = tried(province, officers, make_file(officers))
    rates, changed = swept(province, lambda: officers.ask("publish", trial["trialId"]))
    assert least * people <= changed <= most * people, f"{changed} of {people} changed"
    swept(province, lambda: officers.ask("rollback"))
    return trial_rates, rates


def tell_regrade(name, rates, target):
    tell(name, [one[1] for one in rates], "people/cpu-s", "the target", [target])
    tell(f"{name}.database", [one[2] for one in rates], "people/cpu-s", "ours", [one[1] for one in rates])
    tell(f"{name}.wall", [one[0] for one in rates], "people/s", "the target", [target])


def main():
    if not any(is_asked(f"regrade.{name}") for name in ("same", "all", "trial")):
        return
    with Province(BIN) as province, tempfile.TemporaryDirectory() as folder:
        province.taken(province.report(facts_wanted(), 1))
        officers = Officers(province.suite, None, folder)
        pid = province.suite.pid("svc-directory")
        memory = resident_kb(pid, "VmRSS")
        same = [regrade(province, officers, one_percent, 0.005, 0.02) for _ in range(ROUNDS)]
        tell("regrade.trial", [one[0][0] for one in same], "people/s", "of its own processor time",
             [one[0][1] for one in same])
        tell("regrade.trial.memory", [resident_kb(pid, "VmHWM") / 1024], "MiB", "before", [memory / 1024])
        tell_regrade("regrade.same", [one[1] for one in same], 50000)
        everyone = [regrade(province, officers, everybody, 0.98, 1) for _ in range(ROUNDS)]
        tell_regrade("regrade.all", [one[1] for one in everyone], 10000)


if __name__ == "__main__":
    sys.exit(main())
