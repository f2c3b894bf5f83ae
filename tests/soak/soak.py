"""svc-codegen and svc-verify under a rush hour's mixture on many connections: rates and resident memory, second by second."""
import argparse
import csv
import json
import os
import subprocess
import sys
import threading
import time

import picture

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
os.environ.setdefault("PHI_BENCH_ROUNDS", "1")
os.environ.setdefault("PHI_BENCH_MS", "100")
sys.path[:0] = [os.path.join(ROOT, "tests", "e2e"), os.path.join(ROOT, "tests", "bench", "verify")]

import requests  # noqa: E402
from phi_client.http import App  # noqa: E402
from phi_client.life import Life  # noqa: E402
from phi_client.people import Person  # noqa: E402
from phi_client.suite import wait_until  # noqa: E402
from rpc import Service  # noqa: E402

BIN = os.environ["PHI_BENCH_BIN"]
BOUND_MB = 128
PERSONS, CODES = 32, 32
TOKENS_EVERY_S = 90
SLICE_MS = 15_000
GROWTH_MB = 4


def resident_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def patiently(step, tries=6):
    """A 503 is overload: asked again a second later."""
    for left in range(tries - 1, -1, -1):
        try:
            return step()
        except AssertionError:
            if left == 0:
                raise
            time.sleep(1)


class Caller:
    """bench_mint_load as a caller of one service; `figures` is its last line."""

    def __init__(self, app, port, connections, outstanding):
        keys = {"BENCH_APP": app.app_id, "BENCH_SECRET": f"{app.key.number:064x}"}
        command = [os.path.join(BIN, "bench_mint_load"), "soak", *(str(a) for a in (port, connections, outstanding, 10**12))]
        self.figures = {name: 0 for name in ("sent", "done", "failed", "refused", "reopened")}
        self.process = subprocess.Popen(command, env={**os.environ, **keys}, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.figures = json.loads(line)

    def tell(self, *lines):
        self.process.stdin.write("".join(line + "\n" for line in lines))
        self.process.stdin.flush()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Rpc:
    """Verifications over the RPC, one slice after the other; each slice mints codes of its own."""

    def __init__(self, service, outstanding):
        self.service, self.outstanding, self.done, self.refused = service, outstanding, 0, 0
        self.ending, self.failure = False, None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            pid = self.service.suite.pid("svc-verify")
            while not self.ending:
                self._slice(pid)
        except Exception as failure:  # told by the main thread
            self.failure = failure

    def _slice(self, pid):
        try:
            self.done += self.service.load("rate", self.service.address, pid, SLICE_MS, self.outstanding)["done"]
        except AssertionError:  # some of its requests were not answered well: overload, on a busy machine
            self.refused += 1

    def close(self):
        self.ending = True
        self.thread.join(SLICE_MS / 1000 * 1.2 + 30)


class Rush:
    """The services and their callers."""

    def __init__(self, given):
        self.given, self.service, self.callers, self.rpc = given, Service(), [], None
        self.suite, self.apps = self.service.suite, {name: App(name) for name in ("citizen-app", "scan-app")}

    def open(self):
        suite, given = self.suite, self.given
        suite.apps = self.apps
        for app in self.apps.values():
            suite.public_pem(app)
        self.service.open()
        suite.start("svc-codegen")
        self.pids = {name: suite.pid(name) for name in ("svc-codegen", "svc-verify")}
        for app, name, path in (("citizen-app", "svc-codegen", "codes"), ("scan-app", "svc-verify", "codes/verify")):
            wait_until(lambda: self.apps[app].post(suite.url(name), f"/v1/{path}").code != "3003", 30, "the app is known")
        self.life, self.people = Life(suite), [Person() for _ in range(PERSONS)]
        made = [patiently(lambda: self.life.apply(self.people[i % PERSONS])) for i in range(given.applications)]
        self.callers = [Caller(self.apps["citizen-app"], suite.port("svc-codegen"), given.connections, given.outstanding),
                        Caller(self.apps["scan-app"], suite.port("svc-verify"), given.connections, max(given.outstanding // 8, 1))]
        self.renew()
        self.callers[0].tell(*(f"application {i % PERSONS} {one['applicationId']}:{one['challenge']}" for i, one in enumerate(made)))
        self.rpc = Rpc(self.service, max(given.outstanding // 4, 1))

    def renew(self):
        """Tokens live for some minutes, and so do codes."""
        self.renewed = time.monotonic()
        mints, checks = self.callers
        mints.tell(*(f"token {i} {self.life.token(one)}" for i, one in enumerate(self.people)))
        checks.tell(*(f"token {i} {self.life.token(one, 'scan-app')}" for i, one in enumerate(self.people)))
        for i in range(CODES):
            checks.tell(f"code {i} {i % PERSONS} {patiently(lambda: self.life.mint(self.people[i]))['code']}")

    def sample(self, start):
        for caller in self.callers:
            assert caller.process.poll() is None, "a caller has ended"
            assert caller.figures["failed"] == 0, f"a caller's requests failed: {caller.figures}"
        if self.rpc.failure:
            raise self.rpc.failure
        done = [caller.figures["done"] for caller in self.callers] + [self.rpc.done]
        return {"second": round(time.monotonic() - start, 1), "codes_http": done[0], "verify_http": done[1],
                "verify_rpc": done[2], "requests": sum(done),
                "refused": sum(caller.figures["refused"] for caller in self.callers), "rpc_slices_refused": self.rpc.refused,
                "reopened": sum(caller.figures["reopened"] for caller in self.callers),
                "codegen_mb": round(resident_mb(self.pids["svc-codegen"]), 1),
                "verify_mb": round(resident_mb(self.pids["svc-verify"]), 1)}

    def counted(self):
        """What of the requests were mints, and what look-ups."""
        text = requests.get(self.suite.url("svc-codegen") + "/metrics", timeout=10).text
        values = {line.split(" ")[0]: float(line.split(" ")[1]) for line in text.splitlines() if line.startswith("phi_codes_")}
        again = sum(value for name, value in values.items() if name.startswith("phi_codes_again_total"))
        return {"minted": int(values["phi_codes_minted_total"]), "lookedUp": int(again)}

    def close(self):
        for caller in self.callers:
            caller.close()
        if self.rpc:
            self.rpc.close()
        self.service.close()


def say(sample, before, given, start):
    passed = max(sample["second"] - before["second"], 0.1)
    rate = (sample["requests"] - before["requests"]) / passed
    left = (given.requests - sample["requests"]) / max(rate, 1)
    ends = min(left, given.minutes * 60 - (time.monotonic() - start))
    print(f"soak: {sample['second']:7.0f} s  {sample['requests']:>11,} requests  {rate:7,.0f}/s  "
          f"codegen {sample['codegen_mb']:.1f} MB  verify {sample['verify_mb']:.1f} MB  ends in {ends / 60:.1f} min",
          file=out(given), flush=True)


def run(rush, given):
    samples, said, start = [], {"second": 0, "requests": 0}, time.monotonic()
    while True:
        time.sleep(1)
        if time.monotonic() - rush.renewed > TOKENS_EVERY_S:
            rush.renew()
        samples.append(rush.sample(start))
        is_over = samples[-1]["requests"] >= given.requests or time.monotonic() - start > given.minutes * 60
        if is_over or samples[-1]["second"] - said["second"] >= 10:
            say(samples[-1], said, given, start)
            said = samples[-1]
        if given.csv and (is_over or len(samples) % 60 == 0):
            write(given, samples)
        if is_over:
            return samples


def write(given, samples):
    """At most some hundred lines, evenly spread."""
    step = max(len(samples) // 400, 1)
    kept = samples[::step]
    with open(given.csv, "w", encoding="ascii", newline="") as file:
        out = csv.DictWriter(file, fieldnames=list(kept[0]), lineterminator="\n")
        out.writeheader()
        out.writerows(kept)
    if given.picture:
        picture.draw(kept, BOUND_MB, given.picture)


def judge(samples, connections):
    """Flat from the second third on, and under the bound."""
    third = len(samples) // 3
    verdict = {}
    for name in ("codegen_mb", "verify_mb"):
        middle, last = (sorted(one[name] for one in part)[len(part) // 2]
                        for part in (samples[third:2 * third], samples[2 * third:]))
        peak = max(one[name] for one in samples)
        verdict[name] = {"middle": middle, "last": last, "peak": peak}
        assert last - middle <= GROWTH_MB, f"{name} still grows: {middle} in the second third, {last} in the last"
        assert peak < BOUND_MB, f"{name}: {peak} at {connections} connections"
    return verdict


def out(given):
    return sys.stderr if given.figures else sys.stdout


def tell(name, figures, count):
    """A line as tests/bench/run takes them."""
    print(json.dumps({"bench": f"memory.{name.split('_')[0]}", "ours": figures["peak"], "unit": "MB resident at most",
                      "peer": "the bound", "peer_value": BOUND_MB, "ratio": round(figures["peak"] / BOUND_MB, 2),
                      "cores": os.cpu_count(), "n": count, **figures}), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=10_000_000)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--outstanding", type=int, default=256)
    parser.add_argument("--applications", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=240)
    parser.add_argument("--csv")
    parser.add_argument("--picture")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--figures", action="store_true")
    given = parser.parse_args()
    if given.short:
        given.minutes, given.applications = min(given.minutes, 1), min(given.applications, 100)
    rush = Rush(given)
    try:
        rush.open()
        samples = run(rush, given)
        print(json.dumps({**samples[-1], **rush.counted(), "connections": given.connections}), file=out(given), flush=True)
        verdict = judge(samples, given.connections)
        for name, figures in verdict.items():
            tell(name, figures, len(samples))
    finally:
        rush.close()


if __name__ == "__main__":
    main()
