"""svc-directory on real Kafka and PostgreSQL, all on one machine; called by the suite.

directory.ingest.one, .five: facts a second by the clock, from the topic into facts, people, entries and history, graded and
with the offset committed, with one and with five facts a person in a batch; floor: the same rows by COPY and INSERT … ON
CONFLICT into the same tables and indexes, as many facts a transaction (floor.py). directory.ingest.*.cpu: facts a second of
svc-directory's own processor time; its peer is that of its sessions in the database.
directory.due: people whose grade time ends in one second, graded anew a second; its peer is 10,000 (100,000 in 10 s).
"""
import json
import os
import statistics
import sys
import time

from floor import Floor
from world import Province, cpu_seconds, wait_until

BIN = os.path.join(os.path.dirname(os.environ["PHI_BENCH_BIN"]), "bin")
ROUNDS = min(int(os.environ["PHI_BENCH_ROUNDS"]), 3)
IS_SHORT = int(os.environ["PHI_BENCH_MS"]) < 50
FACTS = int(os.environ.get("PHI_BENCH_FACTS", "2000" if IS_SHORT else "50000"))
BATCH = 500
STATE = "facts, people, retractions, entries, history, due, links, offsets"


def tell(name, ours, unit, peer, floor):
    a, b = statistics.median(ours), statistics.median(floor)
    print(json.dumps({"bench": name, "ours": round(a, 1), "unit": unit, "peer": peer, "peer_value": round(b, 1),
                      "ratio": round(a / b, 2), "cores": os.cpu_count(), "n": len(ours)}), flush=True)


def ingest(province, facts):
    """One reading of the whole topic into empty tables: by the clock, by our processor time, by the database's."""
    suite = province.suite
    suite.stop("svc-directory")
    province.sql("TRUNCATE " + ", ".join(f"directory.{table}" for table in STATE.split(", ")))
    suite.ctl("start", "svc-directory")
    pid = suite.pid("svc-directory")
    province.wait(lambda: province.metric("phi_directory_facts_total") > 0, 120, "the first facts are taken", 0.005)
    before, began = province.metric("phi_directory_facts_total"), time.monotonic()
    cpu, database = cpu_seconds(pid), province.backend_cpu()
    province.wait(lambda: province.metric("phi_directory_facts_total") >= facts, 600, "all facts are taken")
    taken, wall = facts - before, time.monotonic() - began
    return taken / wall, taken / (cpu_seconds(pid) - cpu), taken / max(province.backend_cpu() - database, 0.01)


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


def bench_due(province):
    """Everybody's grade ends at one moment that has come: graded anew, found by index."""
    people = province.sql("SELECT count(*) FROM directory.entries")[0][0]
    rates = []
    for _ in range(ROUNDS):
        before = province.metric("phi_directory_regrades_total")
        began = time.monotonic()
        province.sql("UPDATE directory.entries SET until_us = (extract(epoch FROM clock_timestamp()) * 1e6)::bigint - 1")
        province.wait(lambda: province.metric("phi_directory_regrades_total") >= before + people, 600, "all are graded anew")
        rates.append(people / (time.monotonic() - began))
    tell("directory.due", rates, "people/s", "100,000 in 10 s", [10000])


def main():
    wanted = os.environ.get("PHI_BENCH_NAMES", "").split() or ["directory"]
    asked = lambda name: any(f"directory.{name}.".startswith(one + ".") or one.startswith(f"directory.{name}") for one in wanted)  # noqa: E731
    province = Province(BIN)
    try:
        province.open()
        one = province.report(FACTS, 1)
        wait_until(lambda: province.metric("phi_directory_facts_total") >= one, 600, "the first reading")
        if asked("ingest"):
            bench_ingest(province, "one", one)
        if asked("due"):
            bench_due(province)
        if asked("ingest"):
            bench_ingest_five(province)
    finally:
        province.close()


def bench_ingest_five(province):
    """A suite of its own, since a topic is read from its beginning."""
    other = Province(BIN)
    province.suite.stop("svc-directory", "svc-platform", "svc-verify", "svc-declare")
    try:
        other.open()
        facts = other.report(FACTS // 5, 5)
        wait_until(lambda: other.metric("phi_directory_facts_total") >= facts, 600, "the first reading")
        bench_ingest(other, "five", facts)
    finally:
        other.close()


if __name__ == "__main__":
    sys.exit(main())
