"""svc-verify's RPC under load, beside its floors in the same run; called by the suite.

verify.rpc.rate: verifications per second of svc-verify's own processor time, 256 requests outstanding, one code a request,
CURVE on, each recorded before it is answered; floor: a bare loop of the same cryptography on one thread.
verify.rpc.cpu.*: where that time goes, by threads, and what database and broker take beside it, in us a code.
verify.rpc.p99, verify.rpc.check.p99: open loop at half of the rate that was reached by the clock; floors: a bare group commit
of what has arrived, and a bare ZeroMQ echo with CURVE, at the same rate. The difference to the floor is what the targets name.
"""
import glob
import json
import os
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))

import zmq  # noqa: E402
from loadgen import keyfile  # noqa: E402
from phi_client import rpc  # noqa: E402
from phi_client.suite import Suite  # noqa: E402
from zmq.utils import z85  # noqa: E402

BIN = os.environ["PHI_BENCH_BIN"]
ROUNDS = int(os.environ["PHI_BENCH_ROUNDS"])
MS = int(os.environ["PHI_BENCH_MS"]) * 20
LOAD = os.path.join(BIN, "bench_verify_load")
OUTSTANDING = 256


# Beginnings of the names of svc-verify's threads, and what they do.
KINDS = (("rpc-worker", "workers"), ("rpc", "rpc"), ("ZMQbg", "zeromq"), ("lane", "lanes"), ("rdk:", "kafka"),
         ("bus-answers", "kafka"), ("relay", "relay"))


def threads(pid):
    """Name and processor time in us of each of a process's threads; none of one that is gone."""
    for thread in glob.glob(f"/proc/{pid}/task/*"):
        try:
            with open(f"{thread}/schedstat", encoding="ascii") as stat, open(f"{thread}/comm", encoding="utf-8") as comm:
                yield comm.read().strip(), int(stat.read().split()[0]) / 1000
        except OSError:
            continue


def tree(parent):
    """A process and its children."""
    with subprocess.Popen(["ps", "-o", "pid=", "--ppid", str(parent)], stdout=subprocess.PIPE, text=True) as ps:
        return [parent, *(int(line) for line in ps.stdout)]


def log(text):
    print(f"bench verify.rpc: {text}", file=sys.stderr, flush=True)


def curve_hex(path):
    with open(path, encoding="ascii") as file:
        text = file.read().strip()
    return z85.decode(text.encode()).hex() if len(text) == 40 else text


class Service:
    """svc-verify and what it needs, in a folder and on ports of its own."""

    def __init__(self):
        self.suite = Suite(os.path.join(os.path.dirname(BIN), "bin"), broker="embedded")

    def open(self):
        suite = self.suite
        suite.ctl("prepare", "embedded")
        policy = os.path.join(suite.run, "watch.json")  # one caller alone asks for more than a province's busiest minute
        far = {"warn": 2_000_000_000, "cut": 2_000_000_000}
        with open(policy, "w", encoding="ascii") as file:
            json.dump({"version": 1, "rows": [{"caller": "*", "perMinute": far, "subjectsPerMinute": far,
                                               "failedPercent": {"warn": 100, "cut": 100, "least": 1}}]}, file)
        os.chmod(policy, 0o644)
        suite.set_extra("svc-verify", PHI_POLICY_FILE=policy)
        for step in ("postgres", "broker", "idp", "registry"):
            suite.ctl(step)
        suite.start("svc-platform", "svc-verify")
        self.address = f"tcp://127.0.0.1:{suite.port('svc-verify.rpc')}"
        public, secret = zmq.curve_keypair()
        suite.register("peer", "--curve", public.decode(), "--platform", "320000", "--program", "bench", "--scopes", "pass",
                       regions=("320000",))
        server = curve_hex(suite.public_file("svc-verify", "curve"))
        codegen = os.path.join(suite.run, "keys", "svc-codegen")
        self.keys = {
            "BENCH_SERVER": server, "BENCH_PUBLIC": z85.decode(public).hex(), "BENCH_SECRET": z85.decode(secret).hex(),
            "BENCH_CODE": f"{keyfile.sm2_number(f'{codegen}/code.key', f'{codegen}/password'):064x}",
            "BENCH_SEAL": keyfile.secret(f"{codegen}/seal.key", f"{codegen}/password").hex(), "BENCH_REGION": "320000",
            "BENCH_KEY_SET": "1"}
        rpc.known_peer(self.address, z85.encode(bytes.fromhex(server)), public, secret, seconds=60).close()

    def load(self, *arguments):
        environment = {**os.environ, **self.keys}
        done = subprocess.run([LOAD, *(str(a) for a in arguments)], env=environment, capture_output=True, text=True, check=True)
        figure = json.loads(done.stdout)
        assert figure["failed"] == 0, f"{figure['failed']} requests failed"
        return figure

    def processor_us(self):
        """Processor time of all that takes part, in us: svc-verify by the kind of thread, database and broker as a whole."""
        found = {}
        for place, pids in (("", [self.suite.pid("svc-verify")]), ("broker", [self.suite.pid("broker")]),
                            ("postgresql", tree(self.suite.pid("postgres")))):
            for pid in pids:
                for name, us in threads(pid):
                    where = place or next((kind for start, kind in KINDS if name.startswith(start)), "rest")
                    found[where] = found.get(where, 0) + us
        return found

    def resident_mib(self):
        with open(f"/proc/{self.suite.pid('svc-verify')}/status", encoding="ascii") as lines:
            return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))

    def close(self):
        self.suite.down()


class Echo:
    """The floor of `check`: a ROUTER with CURVE that sends back what comes."""

    def __init__(self, service):
        public, secret = zmq.curve_keypair()
        self.service = service
        self.address = "tcp://127.0.0.1:" + str(free_port())
        self.server = z85.decode(public).hex()
        environment = {**os.environ, **service.keys, "BENCH_SECRET": z85.decode(secret).hex()}
        self.process = subprocess.Popen([LOAD, "echo", self.address], env=environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def latency(self, ms, rate):
        environment = {**os.environ, **self.service.keys, "BENCH_SERVER": self.server}
        done = subprocess.run([LOAD, "latency", self.address, "check", str(ms), str(rate)], env=environment,
                              capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def close(self):
        self.process.kill()
        self.process.wait()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def crypto_floor():
    """One check and one receipt signature a code, in batches, per second of one thread's processor time."""
    environment = {**os.environ, "PHI_BENCH_ROUNDS": "1", "PHI_BENCH_MS": str(max(MS // 10, 5))}
    lines = subprocess.run([os.path.join(BIN, "bench_verify_core")], env=environment, capture_output=True, text=True,
                           check=True).stdout.splitlines()
    return next(json.loads(line)["peer_value"] for line in lines if '"verify.core.receipt"' in line)


def commit_floor(ms, rate):
    """Latencies of a bare group commit at this rate, on a database of its own."""
    tool = os.path.join(ROOT, "tests", "tools", "with-postgres")
    done = subprocess.run([tool, os.path.join(BIN, "bench_ledger"), "commit", str(ms), str(rate)], capture_output=True,
                          text=True, check=True)
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))


def median(values):
    return sorted(values)[len(values) // 2]


def tell(name, ours, unit, peer, floor, count):
    a, b = median(ours), median(floor)
    print(json.dumps({"bench": name, "ours": round(a, 1), "unit": unit, "peer": peer, "peer_value": round(b, 1),
                      "ratio": round(a / b, 2) if b else 0, "cores": os.cpu_count(), "n": count}), flush=True)


def main():
    service = Service()
    rounds = min(ROUNDS, 5)
    try:
        service.open()
        ours, floor, by_clock, stages = [], [], [], []
        for _ in range(rounds):
            before = service.processor_us()
            figure = service.load("rate", service.address, service.suite.pid("svc-verify"), MS, OUTSTANDING)
            stages.append({place: (us - before.get(place, 0)) / figure["all"] for place, us in service.processor_us().items()})
            ours.append(figure["done"] / figure["cpu_s"])
            by_clock.append(figure["done"] / figure["wall_s"])
            floor.append(crypto_floor())
        tell("verify.rpc.rate", ours, "codes/cpu-s", "bare check and signature", floor, rounds)
        tell("verify.rpc.wall", by_clock, "codes/s", "bare check and signature", floor, rounds)
        for place in sorted(stages[0]):
            tell(f"verify.rpc.cpu.{place}", [stage.get(place, 0) for stage in stages], "us/code", "svc-verify",
                 [1e6 / rate for rate in ours], rounds)
        half = median(by_clock) / 2
        log(f"open loop at {half:.0f}/s; {service.resident_mib():.0f} MiB resident after the rates")
        verify, commit, check, echo = [], [], [], []
        answering = Echo(service)
        try:
            for _ in range(rounds):
                for kept, figure in ((verify, service.load("latency", service.address, "verify", MS, half)),
                                     (commit, commit_floor(MS, half)),
                                     (check, service.load("latency", service.address, "check", MS, half)),
                                     (echo, answering.latency(MS, half))):
                    kept.append(figure["p99_us"])
                    time.sleep(0.2)
        finally:
            answering.close()
        tell("verify.rpc.p99", verify, "us", "bare group commit", commit, rounds)
        tell("verify.rpc.check.p99", check, "us", "bare ZeroMQ echo", echo, rounds)
    finally:
        service.close()


if __name__ == "__main__":
    main()
