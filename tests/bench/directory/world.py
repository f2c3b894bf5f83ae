"""A province of the suite for the directory's benches: real Kafka, PostgreSQL, svc-declare, svc-directory, svc-platform."""
import os
import sys
import time

import psycopg
import requests

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))

from phi_client.http import App  # noqa: E402
from phi_client.life import Life, ndjson, source_line  # noqa: E402
from phi_client.people import Person  # noqa: E402
from phi_client.suite import Suite, wait_until  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
LINES = 5000  # a request


def cpu_seconds(pid):
    """User and system time of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Province:
    def __init__(self, programs):
        self.suite = Suite(programs, broker="kafka")
        self.app = App("lab-app")

    def open(self):
        suite = self.suite
        suite.public_pem(self.app)
        suite.apps = {"lab-app": self.app}
        suite.ctl("prepare", "kafka")
        for step in ("postgres", "broker", "idp", "registry"):
            suite.ctl(step)
        suite.start("svc-declare", "svc-directory", "svc-platform", "svc-verify")
        wait_until(lambda: self.app.post(suite.url("svc-declare"), "/v1/sources/tests").code != "3003", 60, "the app is known")
        self.life = Life(suite)

    def close(self):
        self.suite.down()

    def sql(self, statement, *values, region="320000"):
        with psycopg.connect(**self.suite.database(region), autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else None

    def report(self, people, facts):
        """So many tests of each of so many people, one person's after the other, into the topic; the accepted."""
        lines = [source_line(person, "tests", result="negative") for person in (Person() for _ in range(people))
                 for _ in range(facts)]
        for at in range(0, len(lines), LINES):
            answer = self.app.call("POST", self.suite.url("svc-declare"), "/v1/sources/tests", ndjson(lines[at : at + LINES]),
                                   headers={"Content-Type": "application/x-ndjson"})
            assert answer.status == 200 and answer.body.count(b'"accepted"') == len(lines[at : at + LINES]), answer
            print(f"bench directory: {min(at + LINES, len(lines)):,} of {len(lines):,} records reported", file=sys.stderr)
        wait_until(lambda: self.sql("SELECT count(*) FROM declare.outbox")[0][0] == 0, 300, "the records are on the topic")
        return len(lines)

    def metric(self, name):
        """The sum of a counter's lines."""
        text = requests.get(f"{self.suite.url('svc-directory')}/metrics", timeout=10).text
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))

    def backend_cpu(self):
        """Processor time of the directory's sessions in the database, those of now."""
        pids = self.sql("SELECT pid FROM pg_stat_activity WHERE usename LIKE 'directory%'")
        return sum(cpu_seconds(pid) for (pid,) in pids)

    def wait(self, condition, seconds, what, step=0.02):
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                raise AssertionError(f"not within {seconds} s: {what}")
            time.sleep(step)
