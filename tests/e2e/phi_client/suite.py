"""One running suite, started, stopped and killed through compose/ctl: the same library as compose/up."""
import os
import shlex
import shutil
import subprocess
import tempfile
import time

import psycopg
import requests
from confluent_kafka import Consumer, TopicPartition

from .sm2 import PublicKey

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
SERVICES = ("svc-codegen", "svc-verify", "svc-declare", "svc-directory", "svc-correction", "svc-platform")

# A route of each service that takes POST; an unfinished body is refused there only after the caller is known.
A_POST = {"svc-codegen": "codes", "svc-verify": "codes/verify", "svc-declare": "consents",
          "svc-directory": "health/query", "svc-correction": "corrections", "svc-platform": "directory/query"}


class Suite:
    """A folder of its own, free ports, its own PostgreSQL and broker.

        suite = Suite(broker="kafka"); suite.prepare(apps); suite.up()
        suite.kill("svc-verify"); suite.start("svc-verify"); suite.down()
    """

    def __init__(self, programs, broker="kafka", run=None):
        self.programs, self.broker = os.path.abspath(programs), broker
        self.parameters = {}  # further ones of compose/lib.sh
        self.tokens = []  # every token that was made, to look for in places where none may be
        # Reachable by the unprivileged user of the database, its contents are not.
        self.run = run or tempfile.mkdtemp(prefix="phi-e2e-", dir="/tmp")
        os.makedirs(self.run, exist_ok=True)
        os.chmod(self.run, 0o711)

    def ctl(self, *arguments, check=True, timeout=240, stdin=None):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PHI_")}
        environment.update(PHI_RUN=self.run, PHI_BIN=self.programs, PHI_PORTS="free", **self.parameters)
        done = subprocess.run([os.path.join(ROOT, "compose", "ctl"), *arguments], env=environment, text=True,
                              input=stdin if stdin is not None else "", capture_output=True, timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"compose/ctl {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def up(self):
        """Everything except the apps' keys, which prepare_app puts there before."""
        self.ctl("prepare", self.broker)
        for step in ("postgres", "broker", "idp", "registry"):
            self.ctl(step)
        self.start(*SERVICES)

    def start(self, *names):
        self.ctl("start", *names)

    def stop(self, *names):
        self.ctl("stop", *names)

    def restart(self, *names):
        self.ctl("restart", *names)

    def kill(self, *names):
        """SIGKILL, and waits until it is gone."""
        self.ctl("kill", *names)

    def signal(self, signal, *names):
        self.ctl("signal", signal, *names)

    def pid(self, name):
        with open(os.path.join(self.run, "pids", f"{name}.pid"), encoding="ascii") as file:
            return int(file.read().split()[0])

    def is_running(self, name):
        environment = dict(os.environ, PHI_RUN=self.run, PHI_BIN=self.programs, **self.parameters)
        return subprocess.run([os.path.join(ROOT, "compose", "ctl"), "running", name], env=environment,
                              capture_output=True).returncode == 0

    def down(self, keep=False):
        self.ctl("down")
        if not keep:
            directory = self.state().get("pg.dir", "")
            shutil.rmtree(self.run, ignore_errors=True)
            if directory.startswith("/var/tmp/phi-pg-"):
                shutil.rmtree(directory, ignore_errors=True)

    def state(self):
        with open(os.path.join(self.run, "state"), encoding="utf-8") as lines:
            return dict(line.rstrip("\n").split("=", 1) for line in lines)

    def port(self, name):
        return int(self.state()[f"port.{name}"])

    def url(self, name):
        return f"http://127.0.0.1:{self.port(name)}"

    @property
    def bus(self):
        if self.broker == "kafka":
            return f"127.0.0.1:{self.port('broker')}"
        with open(os.path.join(self.run, "broker", "address"), encoding="ascii") as file:
            return file.read().strip()

    def environment(self, name):
        """What the program reads, as a dict."""
        with open(os.path.join(self.run, "env", f"{name}.env"), encoding="utf-8") as lines:
            return dict(part.split("=", 1) for line in lines for part in shlex.split(line))

    def set_extra(self, name, **variables):
        """Further PHI_* variables of a service (or of "all"), taken at its next start."""
        os.makedirs(os.path.join(self.run, "env"), exist_ok=True)
        with open(os.path.join(self.run, "env", f"{name}.extra"), "w", encoding="utf-8") as file:
            for variable, value in variables.items():
                file.write(f"{variable}={value}\n")

    def log(self, name):
        with open(os.path.join(self.run, "log", f"{name}.log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def key_file(self, owner, use):
        return os.path.join(self.run, "keys", owner, f"{use}.key")

    def public_file(self, owner, use):
        return os.path.join(self.run, "keys", "public", f"{owner}.{use}.pub")

    def phictl(self, *arguments, check=True, timeout=60):
        done = subprocess.run([os.path.join(self.programs, "phictl"), *arguments], capture_output=True, text=True,
                              timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"phictl {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def register(self, what, *arguments, regions=("320000", "000000")):
        """One more record of the callers' registry, in each region, written with phictl by the operator's key."""
        operator = os.path.join(self.run, "keys", "operator")
        for region in regions:
            self.phictl(what, "add", "--region", region, "--bus", self.bus, "--key", f"{operator}/access.key",
                        "--password-file", f"{operator}/password", *arguments)

    def public_pem(self, app):
        """The app's public key as a file."""
        folder = os.path.join(self.run, "keys", "apps", app.app_id)
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "public.pem")
        with open(path, "w", encoding="ascii") as file:
            file.write(app.key.public.pem())
        return path

    def adopt(self, app, wait=True, seconds=20.0):
        """Gives the app the services' answer keys, and waits until each service knows the app."""
        for name in SERVICES:
            app.answer_keys[self.url(name)] = PublicKey.from_file(self.public_file(name, "answer"))
            path = f"/v1/{A_POST[name]}"
            if wait:
                wait_until(lambda: app.post(self.url(name), path).code != "3003", seconds,
                           f"{name} knows {app.app_id}")

    def database(self, region="320000"):
        """Arguments of psycopg.connect for the superuser of this suite's own cluster."""
        return {"host": self.state()["pg.socket"], "port": self.port("postgres"), "user": "postgres",
                "dbname": f"phi_{region}"}

    def settle(self, seconds=30.0):
        """Until everything acknowledged so far has gone through: out of the outboxes, into the directory, to the nation."""
        with psycopg.connect(**self.database(), autocommit=True) as province, \
                psycopg.connect(**self.database("000000"), autocommit=True) as nation:
            outboxes = " + ".join(f"(SELECT count(*) FROM {schema}.outbox)"
                                  for schema in ("codegen", "verify", "declare", "correction"))

            def is_quiet():
                waiting = province.execute(f"SELECT {outboxes}").fetchone()[0]
                waiting += nation.execute("SELECT count(*) FROM platform.outbox").fetchone()[0]
                pending = province.execute(
                    "SELECT count(*) FROM directory.entries WHERE published_version < version").fetchone()[0]
                return (waiting, pending) == (0, 0) and self._is_read(province, "directory") and self._is_read(
                    nation, "platform") and all(self._is_read(province, name, needed=False) for name in ("declare", "correction"))

            # Twice in a row: what the first look saw last may have moved what it saw first.
            wait_until(lambda: is_quiet() and is_quiet(), seconds, "everything has gone through")

    def _is_read(self, database, schema, needed=True):
        """A consumer's offsets are at the ends of its topics."""
        rows = database.execute(f"SELECT topic, partition, next FROM {schema}.offsets").fetchall()
        consumer = Consumer({"bootstrap.servers": self.bus, "group.id": "e2e-ends"})
        try:
            return (bool(rows) or not needed) and all(
                consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=5)[1] == end
                for topic, partition, end in rows)
        finally:
            consumer.close()

    def token(self, kind, **wish):
        """An id token of the development provider; see compose/dev-idp for what may be wished."""
        answer = requests.post(f"{self.url('idp')}/{kind}/token", json=wish, timeout=10)
        answer.raise_for_status()
        token = answer.json()["id_token"]
        self.tokens.append(token)
        return token


class Guest(Suite):
    """A further province that joins a running suite: its own services, keys, database and topics beside the host's.

        guest = Guest(suite, "440000"); guest.join(apps); guest.start("svc-verify"); guest.down()
    """

    def __init__(self, host, region):
        super().__init__(host.programs, broker=host.broker, run=os.path.join(host.run, region))
        self.host, self.region = host, region
        self.parameters = {"PHI_HOST_RUN": host.run, "PHI_PROVINCE": region}
        self.apps = {}

    def join(self, *apps):
        """`apps` are callers that bring their own keys; the others of apps.txt get some."""
        for app in apps:
            self.apps[app.app_id] = app
            self.public_pem(app)
        self.ctl("join")

    @property
    def bus(self):
        return self.host.bus

    def register(self, what, *arguments, regions=None):
        super().register(what, *arguments, regions=regions or (self.region,))

    def database(self, region=None):
        return super().database(region or self.region)


def wait_until(condition, seconds=20.0, what="the condition"):
    """Asks until it is true (and returns what it gave); AssertionError after the deadline."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)
