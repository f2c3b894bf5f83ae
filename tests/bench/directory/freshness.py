"""directory.freshness: from a declaration's answer over HTTP (accepted: committed) until the person's entry can be read at the
unified platform, 99th percentile, at PHI_BENCH_RATE declarations a second (2,000), real Kafka, everything on this machine;
its peer is 500 ms. directory.freshness.rate: declarations a second that were accepted, against those that were due.
Entries are looked for every 20 ms, which counts. Called by the suite.
"""
import hmac
import os
import statistics
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "http"))

import psycopg
from world import BIN, IS_SHORT, is_asked, tell

from callers import Load, tokens
from loadgen import keyfile
from phi_client.http import App
from phi_client.life import basic, health
from phi_client.people import Person
from phi_client.suite import Suite, wait_until

RATE = int(os.environ.get("PHI_BENCH_RATE", "20" if IS_SHORT else "2000"))
SECONDS = 2 if IS_SHORT else 6
LOOK_EVERY = 0.02


class Watch(threading.Thread):
    """When each subject's first entry is there, by looking at the rows that came since the last look."""

    def __init__(self, suite, wanted):
        super().__init__(daemon=True)
        self.database, self.wanted, self.seen, self.end = suite.database("000000"), wanted, {}, False

    def run(self):
        with psycopg.connect(**self.database, autocommit=True) as connection:
            since = 0
            while not self.end and len(self.seen) < self.wanted:
                began = time.time()
                # What was not there at the last look is of a transaction that had not ended then.
                (now,) = connection.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint").fetchone()
                rows = connection.execute("SELECT subject FROM platform.entries WHERE xmin::text::bigint >= %s", [since])
                for (subject,) in rows.fetchall():
                    self.seen.setdefault(bytes(subject), time.time())
                since = now
                time.sleep(max(0, LOOK_EVERY - (time.time() - began)))


def subject_of(key, person):
    text = f"{person.id_type}|{person.id_no}|{person.country}"
    return hmac.new(key, text.encode(), "sm3").digest()[:16]


def open_suite():
    suite = Suite(BIN, broker="kafka")
    app = App("citizen-app")
    suite.public_pem(app)
    suite.apps = {"citizen-app": app}
    suite.ctl("prepare", "kafka")
    for step in ("postgres", "broker", "idp", "registry"):
        suite.ctl(step)
    suite.start("svc-platform", "svc-declare", "svc-directory")
    wait_until(lambda: app.post(suite.url("svc-declare"), "/v1/consents").code != "3003", 60, "the app is known")
    return suite, app


def measure(suite, app, folder):
    people = [Person() for _ in range(RATE * SECONDS)]
    known = tokens(suite, people, app)
    load, times = Load(suite, app), os.path.join(folder, "times")
    consent = {"noticeVersion": "2026-11", "purpose": "health-code"}
    load.send("svc-declare", [("/v1/consents", known[one.sub], consent) for one in people], 1e6)
    watch = Watch(suite, len(people))
    watch.start()
    declared = [("/v1/declarations/health", known[one.sub], {"health": health(), "basic": basic()}) for one in people]
    figure = load.send("svc-declare", declared, RATE, 256, times=times)
    watch.join(120)
    watch.end = True
    with open(times, encoding="ascii") as lines:
        accepted = [int(line) / 1e6 for line in lines]
    folder = os.path.join(suite.run, "keys", "svc-declare")
    key = keyfile.secret(f"{folder}/index.key", f"{folder}/password")
    assert len(watch.seen) == len(people), f"{len(watch.seen)} of {len(people)} people have an entry at the unified platform"
    late = [watch.seen[subject_of(key, one)] - at for one, at in zip(people, accepted)]
    return [1000 * one for one in late], figure


def main():
    suite = None
    if not is_asked("directory.freshness"):
        return
    try:
        suite, app = open_suite()
        with tempfile.TemporaryDirectory() as folder:
            late, figure = measure(suite, app, folder)
        p99 = statistics.quantiles(late, n=100)[98]
        print(f"bench directory: fresh after {statistics.median(late):.0f} ms at the median, {max(late):.0f} ms at most; "
              f"accepted after {figure['p99_us'] / 1000:.0f} ms at the 99th percentile", file=sys.stderr)
        tell("directory.freshness", [p99], "ms", "the target", [500])
        tell("directory.freshness.rate", [figure["done"] / figure["wall_s"]], "declarations/s", "due", [RATE])
    finally:
        if suite is not None:
            suite.down()


if __name__ == "__main__":
    main()
