"""Several replicas of every service, and callers who ask whichever is there.

    fleet = Fleet(suite, 2); client = Spread(suite, suite.apps["scan-app"], fleet); fleet.work(); fleet.end()
"""
import random
import re
import threading

import requests

from loadgen.client import Client
from phi_client.replica import Replica, free_port
from phi_client.suite import SERVICES

# Those with topics of their own, in which database their offsets are, and the work that is theirs besides requests.
CONSUMERS = ("svc-declare", "svc-directory", "svc-platform")
OWN_ROUTE = re.compile(r'^phi_http_requests_total\{[^}]*/v1/[^}]*\} (\S+)$', re.M)


class Fleet:
    """The suite's own process of each service is the first; so many, on ports of their own."""

    def __init__(self, suite, size):
        self.suite, self.size, self.lock = suite, size, threading.Lock()
        self.replicas = {name: [] for name in SERVICES}
        for _ in range(size - 1):
            for name in sorted(SERVICES, key=lambda name: name == "svc-directory"):  # it knows the others
                self.add(name)

    def add(self, name):
        extra = {"PHI_DATABASE_POOL": "4", "PHI_HTTP_WORKERS": "4"}
        if name == "svc-directory":
            extra["PHI_RPC_BIND"] = f"tcp://127.0.0.1:{free_port()}"
            extra["PHI_VERIFY_RPC"] = self._rpc("svc-verify")
            extra["PHI_PLATFORM_RPC"] = self._rpc("svc-platform")
        one = Replica(self.suite, name, **extra)
        with self.lock:
            self.replicas[name].append(one)
        return one

    def _rpc(self, name):
        """All replicas of it, those that are there now."""
        return ",".join([f"tcp://127.0.0.1:{self.suite.port(name + '.rpc')}",
                         *(f"tcp://127.0.0.1:{one.rpc}" for one in self.replicas[name])])

    def ports(self, name):
        with self.lock:
            return [self.suite.port(name), *(one.http for one in self.replicas[name])]

    def remove(self, name, is_killed):
        """The oldest of the added ones: out of the callers' list only once it is gone, as a balancer learns it."""
        one = self.replicas[name][0]
        if is_killed:
            one.kill()
        else:
            assert one.end() == 0
        with self.lock:
            self.replicas[name].remove(one)

    def metrics(self, port):
        return requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text

    def work(self):
        """{service: [{requests, rpc, partitions, records} of each replica]}"""
        return {name: [look(self.metrics(port)) for port in self.ports(name)] for name in SERVICES}

    def end(self):
        for replicas in self.replicas.values():
            while replicas:
                replicas.pop().end()


def total(text, name):
    return int(sum(float(value) for value in re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.M)))


def look(text):
    return {"requests": int(sum(float(value) for value in OWN_ROUTE.findall(text))),
            "rpc": total(text, "phi_rpc_requests_total"), "partitions": total(text, "phi_consumer_partitions"),
            "records": total(text, "phi_consumer_records_total")}


class Ports:
    def __init__(self, fleet):
        self.fleet = fleet

    def __getitem__(self, name):
        return random.choice(self.fleet.ports(name))


class Spread(Client):
    """As a balancer spreads: another replica now and then, and always after one that did not answer."""

    def __init__(self, suite, app, fleet):
        super().__init__(suite, app)
        self.ports = Ports(fleet)

    def _try(self, service, *request):
        held = self.local.__dict__.setdefault("connections", {})
        if random.random() < 0.2 and service in held:
            held.pop(service).close()
        answer = super()._try(service, *request)
        if answer is None and service in held:
            held.pop(service).close()
        return answer
