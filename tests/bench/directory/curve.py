"""How the directory's figures change with its size; see the command `curve`."""
import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for room in ("regrade", "http", "platform"):
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), room))

import curve_picture
from directory import BATCH, due, measure_ingest
from floor import Floor
from world import BIN, PROGRAMS, Province

from callers import Load, tokens
from phi_client.http import App
from phi_client.life import Life
from phi_client.people import Person
from phi_client.suite import wait_until
from rebuild import rebuild
from regrade import Officers, everybody, one_percent, regrade

SIZES = (10_000, 100_000, 1_000_000)
INGESTED = 20_000  # of a size, the last ones, measured
DUE = 100_000
CITIZENS = 20
QUERIES, QUERIES_RATE = 2000, 200


class Curve:
    def __init__(self, province, folder):
        self.province, self.suite = province, province.suite
        self.officers = Officers(self.suite, None, folder)
        self.rows, self.taken = [], 0

    def keep(self, people, bench, rates, unit, peer="", peer_value=0.0):
        row = {"people": people, "bench": bench, "by_clock": round(rates[0], 1), "unit": unit,
               "by_our_processor": round(rates[1]), "by_the_databases_processor": round(rates[2]), "peer": peer,
               "peer_value": round(peer_value, 1), "load": round(os.getloadavg()[0], 1)}
        self.rows.append(row)
        print(json.dumps(row), flush=True)

    def grow(self, people):
        """To so many people; the last ones measured."""
        last = min(INGESTED, people - self.taken)
        more = people - self.taken - last
        if more:
            before = self.province.metric("phi_directory_facts_total")
            self.province.report(more, 1)
            self.province.taken(before + more)
        self.suite.stop("svc-directory")
        since_us = int(time.time() * 1e6)
        self.province.report(last, 1)
        self.suite.ctl("start", "svc-directory")
        rates = measure_ingest(self.province, last)
        self.taken = people
        with Floor(self.suite.database(), BATCH, since_us) as floor:
            bare = floor.write()
        self.keep(people, "directory.ingest", rates, "facts/s", "COPY + INSERT ON CONFLICT", bare)

    def regrade(self, people):
        for name, make in (("same", one_percent), ("all", everybody)):
            trial, rates = regrade(self.province, self.officers, make, 0, 1)
            self.keep(people, f"regrade.{name}", rates, "people/s")
            if name == "same":
                self.keep(people, "regrade.trial", trial, "people/s")

    def query(self, people):
        """Citizens about themselves; beside a bare select by primary key."""
        app, load = self.suite.apps["citizen-app"], Load(self.suite, self.suite.apps["citizen-app"])
        requests = [("/v1/health/query", token, {"scope": "self"}) for token in tokens(self.suite, self.citizens, app).values()]
        with self.province.stopwatch() as watch:
            figure = load.send("svc-directory", requests, QUERIES_RATE, count=QUERIES)
        conninfo = " ".join(f"{name}={value}" for name, value in self.suite.database().items())
        select = subprocess.run([os.path.join(PROGRAMS, "bench_select"), conninfo, "directory", str(QUERIES_RATE), str(QUERIES)],
                                capture_output=True, text=True, check=True)
        self.keep(people, "query.p99", (figure["p99_us"] / 1000, *watch.rates(QUERIES)[1:]), "ms", "a bare select",
                  json.loads(select.stdout)["p99_us"] / 1000)

    def declare(self):
        """Citizens with an entry of their own."""
        suite, app = self.suite, self.suite.apps["citizen-app"]
        suite.start("svc-declare")
        suite.adopt(app, wait=False)
        for name, path in (("svc-declare", "consents"), ("svc-directory", "health/query")):
            wait_until(lambda: app.post(suite.url(name), f"/v1/{path}").code != "3003", 60, "the app is known")
        life, self.citizens = Life(suite), [Person() for _ in range(CITIZENS)]
        for person in self.citizens:
            life.consent(person)
            life.declare(person)
        self.province.taken(CITIZENS)
        self.taken += CITIZENS
        suite.stop("svc-declare")

    def platform(self, people):
        self.keep(people, "platform.ingest", rebuild(self.province, people), "entries/s")
        self.suite.stop("svc-platform")

    def measure(self, people):
        self.grow(people)
        self.keep(people, "directory.due", due(self.province, DUE), "people/s", "100,000 in 10 s", 10000)
        self.regrade(people)
        self.query(people)
        self.platform(people)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--csv")
    parser.add_argument("--picture")
    parser.add_argument("sizes", nargs="*", type=int)
    given = parser.parse_args()
    with Province(BIN, ("citizen-app",)) as province, tempfile.TemporaryDirectory() as folder:
        curve = Curve(province, folder)
        curve.declare()
        for people in given.sizes or SIZES:
            curve.measure(people)
            if given.csv:
                with open(given.csv, "w", encoding="ascii", newline="") as file:
                    out = csv.DictWriter(file, fieldnames=list(curve.rows[0]), lineterminator="\n")
                    out.writeheader()
                    out.writerows(curve.rows)
            if given.picture:
                curve_picture.draw(curve.rows, given.picture)


if __name__ == "__main__":
    main()
