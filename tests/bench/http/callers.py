"""Callers of signed routes for the benches: many requests of many citizens at a rate (bench_http_load)."""
import concurrent.futures
import json
import os
import subprocess
import sys

PROGRAMS = os.environ["PHI_BENCH_BIN"]


def tokens(suite, people, app):
    """An id token of each, by sub."""
    def one(person):
        return person.sub, suite.token("citizens", **{**person.claims(), "aud": app.client_id})
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return dict(pool.map(one, people))


def _text(members):
    return "-" if members is None else json.dumps(members, separators=(",", ":"), ensure_ascii=False)[1:-1]


class Load:
    def __init__(self, suite, app):
        self.suite, self.app = suite, app

    def send(self, service, requests, rate, connections=64, count=None, times=None):
        """(path, token, members beside the envelope, None: a GET) of each; latencies in us from when a request was due."""
        lines = "".join(f"{path} {token} {_text(members)}\n"
                        for path, token, members in requests)
        command = [os.path.join(PROGRAMS, "bench_http_load"), str(self.suite.port(service)), str(rate), str(connections),
                   str(count or len(requests)), *([times] if times else [])]
        keys = {"BENCH_APP": self.app.app_id, "BENCH_SECRET": f"{self.app.key.number:064x}"}
        done = subprocess.run(command, env={**os.environ, **keys}, input=lines, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"bench: {service}: {done.stderr}{done.stdout}")
        return json.loads(done.stdout)
