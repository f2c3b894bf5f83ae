"""A province of the suite for the directory's benches: real Kafka, PostgreSQL, svc-directory; what they share."""
import json
import os
import statistics
import subprocess
import sys
import time

import psycopg
import requests

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))

from phi_client.http import App  # noqa: E402
from phi_client.suite import Suite  # noqa: E402

PROGRAMS = os.environ["PHI_BENCH_BIN"]
BIN = os.path.join(os.path.dirname(PROGRAMS), "bin")
ROUNDS = min(int(os.environ["PHI_BENCH_ROUNDS"]), 3)
IS_SHORT = int(os.environ["PHI_BENCH_MS"]) < 50
TICKS = os.sysconf("SC_CLK_TCK")


def facts_wanted():
    return int(os.environ.get("PHI_BENCH_FACTS", "2000" if IS_SHORT else "50000"))


def is_asked(bench):
    """By PHI_BENCH_NAMES, of which "directory" asks for directory.due and "directory.due" for itself."""
    wanted = os.environ.get("PHI_BENCH_NAMES", "").split()
    return not wanted or any(f"{bench}.".startswith(f"{one}.") or one.startswith(f"{bench}.") for one in wanted)


def tell(name, ours, unit, peer, floor):
    a, b = statistics.median(ours), statistics.median(floor)
    print(json.dumps({"bench": name, "ours": round(a, 1), "unit": unit, "peer": peer, "peer_value": round(b, 1),
                      "ratio": round(a / b, 2), "cores": os.cpu_count(), "n": len(ours)}), flush=True)


def cpu_seconds(pid):
    """User and system time of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Stopwatch:
    """The clock, the service's processor time and that of its sessions in the database, those of the beginning."""

    def __init__(self, province, service="svc-directory", user="directory"):
        self.pid = province.suite.pid(service)
        self.sessions = [pid for (pid,) in province.sql("SELECT pid FROM pg_stat_activity WHERE usename LIKE %s",
                                                        f"{user}%")]

    def read(self):
        alive = [pid for pid in self.sessions if os.path.exists(f"/proc/{pid}/stat")]
        return time.monotonic(), cpu_seconds(self.pid), sum(cpu_seconds(pid) for pid in alive)

    def __enter__(self):
        self.before = self.read()
        return self

    def __exit__(self, *_):
        self.wall, self.cpu, self.database = (b - a for a, b in zip(self.before, self.read()))

    def rates(self, count):
        """A second by the clock, of our processor time, of the database's."""
        return tuple(count / max(seconds, 0.01) for seconds in (self.wall, self.cpu, self.database))


class Province:
    def __init__(self, programs, apps=()):
        self.suite = Suite(programs, broker="kafka")
        self.suite.apps = {name: App(name) for name in apps}

    def __enter__(self):
        """Database, bus, trust list, svc-directory. svc-platform has written the list and goes: it shares the machine."""
        suite = self.suite
        try:
            for app in suite.apps.values():
                suite.public_pem(app)
            suite.ctl("prepare", "kafka")
            for step in ("postgres", "broker", "idp", "registry"):
                suite.ctl(step)
            suite.start("svc-platform", "svc-directory")
            suite.stop("svc-platform")
        except BaseException:
            suite.down()
            raise
        return self

    def __exit__(self, *_):
        self.suite.down()

    def sql(self, statement, *values, region="320000"):
        with psycopg.connect(**self.suite.database(region), autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else None

    def people(self):
        return self.sql("SELECT count(*) FROM directory.entries")[0][0]

    def report(self, people, facts):
        """So many tests of each of so many new people, one person's after the other, on their topic; how many. One in a
        hundred of the people has tests of another method."""
        keys = os.path.join(self.suite.run, "keys", "svc-directory")
        done = subprocess.run([os.path.join(PROGRAMS, "bench_directory_load"), self.suite.bus, "320000", str(people),
                               str(facts), keys], check=True, stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout)["facts"]

    def taken(self, facts):
        self.wait(lambda: self.metric("phi_directory_facts_total") >= facts, 1800, "all facts are taken", 0.1)

    def metric(self, name, service="svc-directory"):
        """The sum of a counter's lines."""
        text = requests.get(f"{self.suite.url(service)}/metrics", timeout=10).text
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))

    def stopwatch(self):
        return Stopwatch(self)

    def wait(self, condition, seconds, what, step=0.02):
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                raise AssertionError(f"not within {seconds} s: {what}")
            time.sleep(step)
