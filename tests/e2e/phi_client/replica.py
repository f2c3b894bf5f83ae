"""One more process of a service with the suite's configuration, on ports of its own, which can be killed and comes back."""
import os
import signal
import socket
import subprocess

import requests

from .suite import wait_until


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Replica:
    """replica = Replica(suite, "svc-verify", PHI_HTTP_HEADER_MS="2000"); replica.kill(); replica.start(); replica.end()"""

    def __init__(self, suite, service, **change):
        self.suite, self.service, self.http, self.rpc, self.kills = suite, service, free_port(), free_port(), 0
        self.url = f"http://127.0.0.1:{self.http}"
        outside = {name: value for name, value in os.environ.items() if not name.startswith("PHI_")}
        self.environment = {**outside, **suite.environment(service), "PHI_HTTP_PORT": str(self.http), **change}
        if "PHI_RPC_BIND" in self.environment:
            self.environment["PHI_RPC_BIND"] = f"tcp://127.0.0.1:{self.rpc}"
        try:
            self.start()
        except BaseException:
            self.end()
            raise

    def start(self):
        with open(os.path.join(self.suite.run, "log", f"{self.service}.{self.http}.log"), "ab") as log:
            self.process = subprocess.Popen([os.path.join(self.suite.programs, self.service)], env=self.environment,
                                            stderr=log, stdout=log, stdin=subprocess.DEVNULL)
        wait_until(self.is_ready, 60, f"a replica of {self.service} is ready")

    def is_ready(self):
        assert self.process.poll() is None, "the replica ended"
        try:
            return requests.get(self.url + "/readyz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def degraded(self):
        return requests.get(self.url + "/readyz", timeout=5).json()["degraded"]

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        self.kills += 1

    def end(self):
        """TERM; the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
