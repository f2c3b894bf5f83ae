"""svc-directory on real Kafka and PostgreSQL, all on one machine; called by the suite.

directory.ingest.one, .five: facts a second by the clock, from the topic into facts, people, entries and history, graded and
with the offset committed, with one and with five facts a person in a batch; floor: the same rows by COPY and INSERT … ON
CONFLICT into the same tables and indexes, as many facts a transaction (floor.py). directory.ingest.*.cpu: facts a second of
svc-directory's own processor time; its peer is that of its sessions in the database.
directory.due: people whose grade time ends in one second, graded anew a second; its peer is 10,000 (100,000 in 10 s).
"""
import sys
import time

from floor import Floor
from world import BIN, ROUNDS, Province, facts_wanted, is_asked, tell

BATCH = 1000
STATE = "facts, people, retractions, entries, history, due, links, offsets"


def ingest(province, facts):
    """One reading of the whole topic into empty tables: by the clock, by our processor time, by the database's."""
    suite = province.suite
    suite.stop("svc-directory")
    province.sql("TRUNCATE " + ", ".join(f"directory.{table}" for table in STATE.split(", ")))
    suite.ctl("start", "svc-directory")
    return measure_ingest(province, facts)


def measure_ingest(province, facts):
    """From the first batch on until svc-directory, just started, has taken so many facts."""
    province.wait(lambda: province.metric("phi_directory_facts_total") > 0, 120, "the first facts are taken", 0.005)
    with province.stopwatch() as watch:
        before = province.metric("phi_directory_facts_total")
        province.wait(lambda: province.metric("phi_directory_facts_total") >= facts, 1800, "all facts are taken", 0.1)
    return watch.rates(facts - before)


def bench_ingest(province, name, facts):
    with Floor(province.suite.database(), BATCH) as floor:
        ours, bare = [], []
        for _ in range(ROUNDS):
            ours.append(ingest(province, facts))
            floor.clear()
            bare.append(floor.write())
    tell(f"directory.ingest.{name}", [one[0] for one in ours], "facts/s", "COPY + INSERT ON CONFLICT", bare)
    tell(f"directory.ingest.{name}.cpu", [one[1] for one in ours], "facts/cpu-s", "its sessions in PostgreSQL",
         [one[2] for one in ours])


def due(province, most=1000000):
    """The grade of so many, or of everybody, ends at one moment to come: from then on, graded anew, found by index."""
    people = min(province.people(), most)
    at = time.time() + 3 + people / 5000
    province.sql("UPDATE directory.entries SET until_us = %s WHERE subject IN (SELECT subject FROM directory.entries LIMIT %s)",
                 int(at * 1e6), people)
    province.sql("VACUUM ANALYZE directory.entries")
    before = province.metric("phi_directory_regrades_total")
    time.sleep(max(0, at - time.time()))
    assert province.metric("phi_directory_regrades_total") == before, "the moment came too early"
    with province.stopwatch() as watch:
        province.wait(lambda: province.metric("phi_directory_regrades_total") >= before + people, 1800, "all are graded anew",
                      0.1)
    return watch.rates(people)


def bench_due(province):
    rates = [due(province) for _ in range(ROUNDS)]
    tell("directory.due", [one[0] for one in rates], "people/s", "100,000 in 10 s", [10000])
    tell("directory.due.cpu", [one[1] for one in rates], "people/cpu-s", "its sessions in PostgreSQL",
         [one[2] for one in rates])


def main():
    for name, facts in (("one", 1), ("five", 5)):
        if not is_asked(f"directory.ingest.{name}") and not (facts == 1 and is_asked("directory.due")):
            continue
        with Province(BIN) as province:  # of its own, since a topic is read from its beginning
            count = province.report(facts_wanted() // facts, facts)
            province.taken(count)
            if is_asked(f"directory.ingest.{name}"):
                bench_ingest(province, name, count)
            if facts == 1 and is_asked("directory.due"):
                bench_due(province)


if __name__ == "__main__":
    sys.exit(main())
