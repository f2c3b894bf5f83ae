"""svc-platform on real Kafka and PostgreSQL; called by the suite.

platform.ingest: entries a second by the clock, from a province's topic, its tables empty, each signature checked, into the
nation's table, until both sides' people, versions and grades have one digest; floor: the same rows by COPY and INSERT … ON CONFLICT
into the same table and indexes. platform.ingest.cpu: entries a second of svc-platform's own processor time, against that of its
sessions in the database.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "directory"))

from floor import PLATFORM, Floor  # noqa: E402
from rebuild import published, rebuild  # noqa: E402
from world import BIN, ROUNDS, Province, facts_wanted, tell  # noqa: E402

BATCH = 256


def main():
    people = facts_wanted()
    with Province(BIN) as province:
        province.taken(province.report(people, 1))
        published(province)
        province.suite.start("svc-platform")
        ours, bare = [rebuild(province, people)], []
        with Floor(province.suite.database("000000"), BATCH, 0, "platform", PLATFORM) as floor:
            for i in range(ROUNDS):
                if i > 0:
                    ours.append(rebuild(province, people))
                floor.clear()
                bare.append(floor.write())
    tell("platform.ingest", [one[0] for one in ours], "entries/s", "COPY + INSERT ON CONFLICT", bare)
    tell("platform.ingest.cpu", [one[1] for one in ours], "entries/cpu-s", "its sessions in PostgreSQL",
         [one[2] for one in ours])


if __name__ == "__main__":
    sys.exit(main())
