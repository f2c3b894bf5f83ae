"""Health queries by code on a running province; called by the suite.

query.rate: queries a second by the clock, closed loop, everything on the machine's cores; against one verification over
the RPC each. query.p99: open loop at half of that rate; its peer is the sum of what one verification over the RPC and one bare
select by primary key have at their 99th percentile at the same rate in the same run. query.p99.over: the difference, against 3 ms.
"""
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("verify", "http"):
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), folder))

import psycopg  # noqa: E402
from callers import PROGRAMS, Load, tokens  # noqa: E402
from rpc import Service  # noqa: E402

from phi_client.http import App  # noqa: E402
from phi_client.life import Life  # noqa: E402
from phi_client.people import Person  # noqa: E402
from phi_client.suite import wait_until  # noqa: E402

ROUNDS = min(int(os.environ["PHI_BENCH_ROUNDS"]), 3)
SECONDS = int(os.environ["PHI_BENCH_MS"]) / 20
PEOPLE = 40


def tell(name, ours, unit, peer, floor):
    a, b = statistics.median(ours), statistics.median(floor)
    print(json.dumps({"bench": name, "ours": round(a, 2), "unit": unit, "peer": peer, "peer_value": round(b, 2),
                      "ratio": round(a / b, 2), "cores": os.cpu_count(), "n": len(ours)}), flush=True)


class Province(Service):
    """What rpc.py opens, with everything that a query needs."""

    def open(self):
        suite = self.suite
        suite.apps = {name: App(name) for name in ("citizen-app", "scan-app")}
        for app in suite.apps.values():
            suite.public_pem(app)
        super().open()
        suite.start("svc-codegen", "svc-declare", "svc-directory")
        for app in suite.apps.values():
            suite.adopt(app, wait=False)
        for name, path in (("svc-codegen", "codes"), ("svc-declare", "consents"), ("svc-directory", "health/query")):
            wait_until(lambda: app.post(suite.url(name), f"/v1/{path}").code != "3003", 60, f"{name} knows the callers")

    def requests(self):
        """Queries by the codes of people whose grade is known."""
        suite, scanner = self.suite, Person()
        life, people, codes = Life(suite), [Person() for _ in range(PEOPLE)], []
        for person in people:
            life.consent(person)
            life.declare(person)
            codes.append(life.mint(person)["code"])
        wait_until(lambda: self.known() >= PEOPLE, 60, "everybody's grade")
        token = tokens(suite, [scanner], suite.apps["scan-app"])[scanner.sub]
        return [("/v1/health/query", token, {"code": code, "scope": "pass"}) for code in codes]

    def known(self):
        with psycopg.connect(**self.suite.database()) as connection:
            return connection.execute("SELECT count(*) FROM directory.entries").fetchone()[0]

    def select(self, rate, count):
        """A bare select by primary key at this rate."""
        at = self.suite.database()
        conninfo = " ".join(f"{name}={value}" for name, value in at.items())
        done = subprocess.run([os.path.join(PROGRAMS, "bench_select"), conninfo, "directory", str(rate), str(count)],
                              capture_output=True, text=True, check=True)
        return json.loads(done.stdout)


def main():
    province = Province()
    try:
        province.open()
        load = Load(province.suite, province.suite.apps["scan-app"])
        requests = province.requests()
        fast = load.send("svc-directory", requests, 1e6, count=max(200, int(SECONDS * 200)))
        rate = fast["done"] / fast["wall_s"]
        half, count = rate / 2, max(100, int(SECONDS * rate / 2))
        ours, verify, select, rpc_rates = [], [], [], []
        for _ in range(ROUNDS):
            ours.append(load.send("svc-directory", requests, half, count=count)["p99_us"] / 1000)
            verify.append(province.load("latency", province.address, "verify", int(SECONDS * 1000), half)["p99_us"] / 1000)
            select.append(province.select(half, count)["p99_us"] / 1000)
            figure = province.load("rate", province.address, province.suite.pid("svc-verify"), int(SECONDS * 1000), 64)
            rpc_rates.append(figure["done"] / figure["wall_s"])
        print(f"bench query: open loop at {half:.0f}/s", file=sys.stderr)
        floor = [a + b for a, b in zip(verify, select)]
        tell("query.rate", [rate], "queries/s", "verifications over the RPC", rpc_rates)
        tell("query.p99", ours, "ms", "one verify RPC + one bare select", floor)
        tell("query.p99.over", [a - b for a, b in zip(ours, floor)], "ms", "the target", [3])
    finally:
        province.close()


if __name__ == "__main__":
    main()
