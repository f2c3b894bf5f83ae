"""What the tests of bad days share: how long a day is, what a process holds, who calls meanwhile."""
import json
import os
import re
import threading
import time

import requests

IS_LONG = os.environ.get("PHI_CHAOS_LONG") == "1"


def tell(**figures):
    """A line of figures; kept in the file PHI_CHAOS_FIGURES names."""
    line = json.dumps(figures, ensure_ascii=False)
    print("\n" + line)
    path = os.environ.get("PHI_CHAOS_FIGURES")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")


def resident_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


class Meanwhile:
    """ask() again and again in a thread of its own while a bad day lasts; the first failure is raised at the end."""

    def __init__(self, ask, pause_s=0.02):
        self.ask, self.pause_s, self.seconds, self.failure = ask, pause_s, [], None
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self.ending.is_set():
            begin = time.monotonic()
            try:
                self.ask()
            except Exception as failure:  # told by __exit__
                self.failure = failure
                return
            self.seconds.append(time.monotonic() - begin)
            self.ending.wait(self.pause_s)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.ending.set()
        self.thread.join(60)
        if kind is None:
            assert not self.thread.is_alive(), "a normal request hangs"
            if self.failure:
                raise self.failure
            assert self.seconds, "no normal request was asked meanwhile"

    def figures(self):
        return {"asked": len(self.seconds), "p99Ms": round(percentile(self.seconds, 0.99) * 1000, 1)}


def is_ready(url):
    return requests.get(url + "/readyz", timeout=5).status_code == 200


def counted(url, name):
    """A counter of /metrics, all its labels together."""
    text = requests.get(url + "/metrics", timeout=5).text
    values = re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.M)
    assert values, f"no {name}"
    return sum(map(float, values))
