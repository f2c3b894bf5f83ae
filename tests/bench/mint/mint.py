"""svc-codegen's minting under load, beside its floors in the same run; called by the suite.

mint.http.rate: one-time codes per second of svc-codegen's own processor time, 256 connections with a request outstanding
on each, every mint committed before it is answered; floor: a program that answers the same bytes over the same HTTP
library after the same cryptography, in batches of what has arrived. mint.http.bare: against that library without any
cryptography. mint.http.again: many-time codes of 32 applications, so that each request but one in ten seconds and application
is a refresh that gets the code it has; against minting. mint.http.wall: against the first floor by the clock, load
generator, service, database and broker (or load generator and floor) sharing the machine. mint.http.cpu.postgresql,
mint.http.cpu.broker: what database and (embedded) broker take of the processor beside svc-codegen, in us a mint.
"""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))

from phi_client.http import App  # noqa: E402
from phi_client.life import Life  # noqa: E402
from phi_client.people import Person  # noqa: E402
from phi_client.suite import Suite, wait_until  # noqa: E402

BIN = os.environ["PHI_BENCH_BIN"]
ROUNDS = min(int(os.environ["PHI_BENCH_ROUNDS"]), 5)
MS = int(os.environ["PHI_BENCH_MS"]) * 20
CONNECTIONS = 256
APPLICATIONS = 32


def listed(applications):
    return " ".join(f"{one['applicationId']}:{one['challenge']}" for one in applications)


class Service:
    """svc-codegen and what it needs, in a folder and on ports of its own."""

    def __init__(self):
        self.suite = Suite(os.path.join(os.path.dirname(BIN), "bin"), broker="embedded")
        self.app = App("citizen-app")

    def open(self):
        suite = self.suite
        suite.public_pem(self.app)
        suite.apps = {self.app.app_id: self.app}
        suite.ctl("prepare", "embedded")
        for step in ("postgres", "broker", "idp", "registry"):
            suite.ctl(step)
        suite.start("svc-codegen")
        self.port, self.pid = suite.port("svc-codegen"), suite.pid("svc-codegen")
        wait_until(lambda: self.app.post(suite.url("svc-codegen"), "/v1/codes").code != "3003", 30, "the app is known")
        life, person = Life(suite), Person()
        made, again = ([life.apply(person, scene) for _ in range(APPLICATIONS)] for scene in ("pass-once", "pass"))
        self.keys = {
            "BENCH_APP": self.app.app_id, "BENCH_SECRET": f"{self.app.key.number:064x}",
            "BENCH_PUBLIC": self.app.key.public.xy.hex(), "BENCH_TOKEN": life.token(person),
            "BENCH_APPLICATIONS": listed(made)}
        self.again = {**self.keys, "BENCH_APPLICATIONS": listed(again)}

    def close(self):
        self.suite.down()


class Floor:
    def __init__(self, kind, keys):
        program = os.path.join(BIN, "bench_mint_floor")
        self.process = subprocess.Popen([program, kind], env={**os.environ, **keys}, stdout=subprocess.PIPE, text=True)
        self.pid, self.port = self.process.pid, int(self.process.stdout.readline())

    def close(self):
        self.process.kill()
        self.process.wait()


def measure(server, keys):
    """Mints per second of the server's processor time, and by the clock."""
    command = [os.path.join(BIN, "bench_mint_load"), *(str(a) for a in (server.port, server.pid, MS, CONNECTIONS))]
    done = subprocess.run(command, env={**os.environ, **keys}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"bench mint.http: {done.stderr}")
    figure = json.loads(done.stdout)
    assert figure["failed"] == 0 and figure["done"] > 0, f"{figure}: {done.stderr}"
    measure.done = figure["done"]
    return figure["done"] / figure["cpu_s"], figure["done"] / figure["wall_s"]


def processor_s(parent):
    """Of a process and its children, in s; a child that is gone is counted with its parent."""
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False).stdout.split()
    ticks = 0
    for pid in (str(parent), *children):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += sum(int(field) for field in fields[11:15 if pid == str(parent) else 13])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure_beside(service, names):
    """us a mint of the neighbours' processor time."""
    pids = [service.suite.pid(name) for name in names]
    before = [processor_s(pid) for pid in pids]
    per_cpu_s, _per_s = measure(service, service.keys)
    spent = [processor_s(pid) - start for pid, start in zip(pids, before)]
    return per_cpu_s, spent, measure.done


def tell(name, ours, unit, peer, floor):
    a, b = (sorted(values)[len(values) // 2] for values in (ours, floor))
    print(json.dumps({"bench": name, "ours": round(a, 1), "unit": unit, "peer": peer, "peer_value": round(b, 1),
                      "ratio": round(a / b, 2), "cores": os.cpu_count(), "n": len(ours)}), flush=True)


def main():
    service, floors = Service(), []
    try:
        service.open()
        floors = [Floor(kind, service.keys) for kind in ("crypto", "bare")]
        rounds = [[*(measure(server, service.keys) for server in (service, *floors)), measure(service, service.again)]
                  for _ in range(ROUNDS)]
        beside = [measure_beside(service, ("postgres", "broker")) for _ in range(ROUNDS)]
        by_cpu, by_clock = ([[one[server][by] for one in rounds] for server in range(4)] for by in range(2))
        tell("mint.http.rate", by_cpu[0], "mints/cpu-s", "HTTP with the same cryptography", by_cpu[1])
        tell("mint.http.bare", by_cpu[0], "mints/cpu-s", "bare HTTP library", by_cpu[2])
        tell("mint.http.again", by_cpu[3], "refreshes/cpu-s", "minting", by_cpu[0])
        tell("mint.http.wall", by_clock[0], "mints/s", "HTTP with the same cryptography", by_clock[1])
        for at, name in enumerate(("postgresql", "broker")):
            tell(f"mint.http.cpu.{name}", [spent[at] / done * 1e6 for _rate, spent, done in beside], "us/mint", "svc-codegen itself",
                 [1e6 / rate for rate, _spent, _done in beside])
    finally:
        for floor in floors:
            floor.close()
        service.close()


if __name__ == "__main__":
    main()
