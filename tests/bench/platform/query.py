"""The nationwide query on 5110 beside a bare select by primary key; called by the suite.

platform.query.rate: queries a second by the clock, 32 outstanding, everything on the machine's cores; platform.query.cpu by
svc-platform's processor time in it. platform.query.p50, .p99: open loop at half of that rate, each with a signed receipt, CURVE on,
counted from the moment it was due; the peer is what a bare prepared select by primary key of the same table has at the same rate, in turns,
over the same way to the database and with as many sessions as the service has workers. platform.query.over: the difference at the 99th
percentile, against 2 ms. Entries are put there in SQL: PHI_BENCH_FACTS people. PHI_BENCH_RATE: that rate instead of the half.
"""
import json
import os
import secrets
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("directory", "verify"):
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), folder))

import psycopg  # noqa: E402
import zmq  # noqa: E402
from rpc import LOAD, curve_hex  # noqa: E402
from world import IS_SHORT, PROGRAMS, ROUNDS, facts_wanted  # noqa: E402
from zmq.utils import z85  # noqa: E402

from loadgen import keyfile  # noqa: E402
from phi_client import rpc  # noqa: E402
from phi_client.suite import Suite, wait_until  # noqa: E402

MS = 300 if IS_SHORT else 5000
REGION, OUTSTANDING, ASKED, WORKERS = "320000", 32, 1024, 2


def tell(name, ours, unit, peer, floor):
    a, b = statistics.median(ours), statistics.median(floor)
    print(json.dumps({"bench": name, "ours": round(a, 2), "unit": unit, "peer": peer, "peer_value": round(b, 2),
                      "ratio": round(a / b, 2), "cores": os.cpu_count(), "n": len(ours)}), flush=True)


class Nation:
    def __init__(self):
        self.suite = Suite(os.path.join(os.path.dirname(PROGRAMS), "bin"), broker="embedded")

    def open(self):
        suite = self.suite
        suite.ctl("prepare", "embedded")
        for step in ("postgres", "broker", "idp", "registry"):
            suite.ctl(step)
        suite.start("svc-platform")
        self.address = f"tcp://127.0.0.1:{suite.port('svc-platform.rpc')}"
        public, secret = zmq.curve_keypair()
        suite.register("peer", "--curve", public.decode(), "--platform", REGION, "--program", "bench", "--scopes", "pass",
                       regions=("000000",))
        server = curve_hex(suite.public_file("svc-platform", "curve"))
        verify = os.path.join(suite.run, "keys", "svc-verify")
        self.keys = {
            "BENCH_SERVER": server, "BENCH_PUBLIC": z85.decode(public).hex(), "BENCH_SECRET": z85.decode(secret).hex(),
            "BENCH_REGION": REGION, "BENCH_SUBJECTS": os.path.join(suite.run, "subjects"),
            "BENCH_RECEIPT": f"{keyfile.sm2_number(f'{verify}/receipt.key', f'{verify}/password'):064x}"}
        self.put(facts_wanted())
        keys = (z85.encode(bytes.fromhex(server)), public, secret)

        def is_known():
            with rpc.Peer(self.address, *keys) as one:
                return one.ask(b"\xa1\x07" + (1000).to_bytes(4, "big") + secrets.token_bytes(32), seconds=1)

        wait_until(is_known, 60, "the server knows the caller")

    def put(self, people):
        """Entries of so many people, and a file of those who are asked about, from all over the table."""
        with psycopg.connect(**self.suite.database("000000"), autocommit=True) as database:
            database.execute("INSERT INTO platform.entries SELECT decode(md5(n::text), 'hex'), %s, n, 1 + n %% 4, 'none', 1, n, "
                             "9223372036854775807, 1, n, false FROM generate_series(1, %s) AS n", (REGION, people))
            database.execute("VACUUM ANALYZE platform.entries")
            rows = database.execute("SELECT encode(subject, 'hex') FROM platform.entries ORDER BY md5(version::text || 'x') LIMIT %s",
                                    (ASKED,)).fetchall()
        with open(self.keys["BENCH_SUBJECTS"], "w", encoding="ascii") as file:
            file.writelines(f"{subject}\n" for (subject,) in rows)

    def load(self, *arguments):
        done = subprocess.run([LOAD, *(str(a) for a in arguments)], env={**os.environ, **self.keys}, capture_output=True, text=True,
                              check=True)
        figure = json.loads(done.stdout)
        # At half load none is refused, unless others on the machine took the processors meanwhile: that is said.
        assert figure["failed"] < figure["done"] / 10, f"{figure['failed']} of {figure['done']} queries refused"
        if figure["failed"]:
            print(f"bench platform: {figure['failed']} of {figure['done']} queries refused, too much at once", file=sys.stderr)
        return figure

    def select(self, rate, count):
        """As the service reaches its database: its address, its role."""
        service = self.suite.environment("svc-platform")
        with open(service["PHI_DATABASE_PASSWORD_FILE"], encoding="utf-8") as file:
            environment = {**os.environ, "PGPASSWORD": file.read().strip()}
        done = subprocess.run([os.path.join(PROGRAMS, "bench_select"), service["PHI_DATABASE"], "platform", str(rate), str(count),
                               str(WORKERS)], env=environment, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)


def main():
    nation = Nation()
    try:
        nation.open()
        fast = nation.load("rate", nation.address, nation.suite.pid("svc-platform"), MS, OUTSTANDING)
        rate = fast["done"] / fast["wall_s"]
        half = float(os.environ.get("PHI_BENCH_RATE", rate / 2))
        ours, select = {"p50": [], "p99": []}, {"p50": [], "p99": []}
        for _ in range(ROUNDS):
            for into, figure in ((ours, nation.load("latency", nation.address, "query", MS, half)),
                                 (select, nation.select(half, max(100, int(half * MS / 1000))))):
                for name, values in into.items():
                    values.append(figure[f"{name}_us"] / 1000)
        print(f"bench platform: nationwide queries, open loop at {half:.0f}/s", file=sys.stderr)
        tell("platform.query.rate", [rate], "queries/s", "the open loop's rate", [half])
        tell("platform.query.cpu", [fast["done"] / fast["cpu_s"]], "queries/cpu-s", "the rate by the clock", [rate])
        for name, values in ours.items():
            tell(f"platform.query.{name}", values, "ms", "a bare select by primary key", select[name])
        tell("platform.query.over", [a - b for a, b in zip(ours["p99"], select["p99"])], "ms", "the target", [2])
    finally:
        nation.suite.down()


if __name__ == "__main__":
    main()
