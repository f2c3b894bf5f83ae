"""What operators see and do: health, readiness, metrics, signals, configuration, logs."""
import glob
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import psycopg
import pytest
import requests

from phi_client import life as words
from phi_client.http import envelope, new_serial
from phi_client.people import Person
from phi_client.routes import SERVICES, document
from phi_client.suite import wait_until
from phi_client.topics import read_topic

services = pytest.mark.parametrize("service", SERVICES)
late = pytest.mark.late


def get(suite, service, path, **options):
    return requests.get(suite.url(service) + path, timeout=5, **options)


# Endpoints


@services
def test_health_and_readiness(suite, service):
    alive, ready = get(suite, service, "/healthz"), get(suite, service, "/readyz")
    assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
    assert ready.status_code == 200 and ready.json()["ready"] is True and ready.json()["degraded"] == []
    for answer in (alive, ready):
        assert answer.headers["Content-Type"].startswith("application/json")
        assert re.fullmatch(r"[0-9A-Za-z._-]{8,64}", answer.headers["X-Request-Id"])


@services
def test_the_document_is_the_one_in_the_folder(suite, service):
    answer = get(suite, service, "/openapi.json")
    assert answer.status_code == 200 and answer.json() == document(service)


@services
def test_operators_paths_take_get_only(suite, service):
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
        answer = requests.post(suite.url(service) + path, data=b"{}", timeout=5)
        assert (answer.status_code, answer.json()["resultCode"]) == (405, "1010"), path
        head = requests.head(suite.url(service) + path, timeout=5)
        assert head.status_code == 200 and head.content == b"", path


@services
def test_a_request_id_of_the_caller_is_kept(suite, service):
    mine = f"e2e-{new_serial()}"
    assert get(suite, service, "/healthz", headers={"X-Request-Id": mine}).headers["X-Request-Id"] == mine
    for bad in ("short", "with space in it", "x" * 100):
        made = get(suite, service, "/healthz", headers={"X-Request-Id": bad}).headers["X-Request-Id"]
        assert made != bad and re.fullmatch("[0-9a-f]{32}", made)


SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')


def parse_metrics(text):
    """The text format 0.0.4 by its rules: {(name, labels): value}, types by family."""
    types, helped, samples, family = {}, set(), {}, None
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            assert name not in helped, f"a second HELP of {name}"
            helped.add(name)
            continue
        if line.startswith("# TYPE "):
            _hash, _type, name, kind = line.split(" ")
            assert kind in ("counter", "gauge", "histogram") and name not in types
            types[name], family = kind, name
            continue
        match = SAMPLE.fullmatch(line)
        assert match, f"no sample: {line}"
        name, labels, value = match.groups()
        assert family and name.startswith(family), f"{name} outside its family {family}"
        assert name[len(family):] in (("_bucket", "_sum", "_count") if types[family] == "histogram" else ("",))
        pairs = LABEL.findall(labels or "")
        assert LABEL.sub("", labels or "") == "", f"labels: {line}"
        key = (name, tuple(sorted(pairs)))
        assert key not in samples and len(dict(pairs)) == len(pairs), f"twice: {line}"
        samples[key] = float(value)
    assert helped == set(types)
    return samples, types


def check_histograms(samples, types):
    for family in [name for name, kind in types.items() if kind == "histogram"]:
        series = {}
        for (name, labels), value in samples.items():
            if name == f"{family}_bucket":
                rest = tuple(pair for pair in labels if pair[0] != "le")
                series.setdefault(rest, []).append((float(dict(labels)["le"]), value))
        for labels, buckets in series.items():
            bounds, counts = zip(*buckets)
            assert list(bounds) == sorted(set(bounds)) and bounds[-1] == float("inf"), family
            assert list(counts) == sorted(counts), f"{family} is cumulative"
            assert counts[-1] == samples[f"{family}_count", labels] and samples[f"{family}_sum", labels] >= 0


@services
def test_metrics_keep_to_the_rules_of_their_format(suite, service):
    answer = get(suite, service, "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    samples, types = parse_metrics(answer.text)
    check_histograms(samples, types)
    assert {"counter", "gauge", "histogram"} == set(types.values())
    for name, kind in types.items():
        assert name.startswith("phi_") and (name.endswith("_total") == (kind == "counter")), name
        if kind == "histogram":
            assert name.endswith("_seconds"), name


def total(suite, service, name, **labels):
    samples, _types = parse_metrics(get(suite, service, "/metrics").text)
    return sum(value for (sample, pairs), value in samples.items()
               if sample == name and set(labels.items()) <= set(pairs))


def test_metrics_count_what_happened(suite, life, person):
    minted = lambda: total(suite, "svc-codegen", "phi_codes_minted_total")
    before = minted()
    code = life.mint(person)["code"]
    assert minted() == before + 1
    answer = requests.post(suite.url("svc-codegen") + "/v1/codes", data=b"{}", timeout=5,
                           headers={"Content-Type": "application/json"})
    assert answer.status_code == 401 and minted() == before + 1, "a refusal is no code"
    for text in (get(suite, name, "/metrics").text for name in SERVICES):
        assert person.name not in text and person.id_no not in text and code not in text


# Configuration


def run(suite, service, *arguments, change=(), without=(), timeout=20):
    environment = {**{k: v for k, v in os.environ.items() if not k.startswith("PHI_")}, **suite.environment(service)}
    environment.update(change)
    for name in without:
        environment.pop(name, None)
    return subprocess.run([os.path.join(suite.programs, service), *arguments], env=environment, text=True,
                          capture_output=True, timeout=timeout)


def rows_of(suite, service):
    """[(variable, kind, least, most, is required)] as --help lists them."""
    done = run(suite, service, "--help")
    assert done.returncode == 0 and done.stderr == "" and done.stdout.startswith(f"{service}: ")
    found = re.findall(r"  (--[a-z0-9-]+) VALUE\n      (.*?)  \[(PHI_[A-Z0-9_]+)\]\n", done.stdout)
    assert len(found) > 20
    rows = []
    for flag, text, name in found:
        assert flag == "--" + name[4:].lower().replace("_", "-")
        limits = re.search(r", (-?\d+) to (-?\d+)", text)
        kind = re.search(r"; (text|number|true or false|duration|size|choice|list|file|secret file)\b", text)
        assert kind, text
        rows.append((name, kind[1], int(limits[1]) if limits else None, int(limits[2]) if limits else None,
                     "default: required" in text))
    return rows


@services
def test_help_and_check(suite, service):
    rows = rows_of(suite, service)
    done = run(suite, service, "--check")
    assert done.returncode == 0, done.stderr
    shown = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert set(shown) == {row[0] for row in rows}
    secrets = [name for name, kind, *_ in rows if kind == "secret file"]
    assert "PHI_KEY_PASSWORD_FILE" in secrets
    for name in secrets:
        path = suite.environment(service).get(name)
        if path:
            with open(path, encoding="ascii") as file:
                assert file.readline().strip() not in done.stdout
            assert shown[name].startswith("(set)")
    for argument, word in (("--zz-unknown", "--zz-unknown"), ("stray", "argument 1")):
        refused = run(suite, service, argument)
        assert refused.returncode == 2 and word in refused.stderr


def wrong_values(kind, least, most):
    if kind in ("number", "duration", "size"):
        return ["abc", "1.5", str(least - 1), str(most + 1)]
    return {"true or false": ["maybe"], "choice": ["zz"], "file": ["/nonexistent/file"],
            "secret file": ["/nonexistent/file"]}.get(kind, [])


@services
def test_a_wrong_value_is_refused_with_the_variables_name(suite, service):
    tried = 0
    for name, kind, least, most, is_required in rows_of(suite, service):
        for bad in wrong_values(kind, least, most):
            done = run(suite, service, "--check", change={name: bad})
            assert done.returncode == 2 and name in done.stderr, f"{name}={bad}: {done.returncode} {done.stderr}"
            tried += 1
        if is_required:
            done = run(suite, service, "--check", without=[name])
            assert done.returncode == 2 and name in done.stderr, f"without {name}: {done.stderr}"
    assert tried > 30


def test_a_secret_that_others_can_read_is_refused(suite, tmp_path):
    path = tmp_path / "password"
    path.write_text("not-to-be-shown\n")
    path.chmod(0o644)
    done = run(suite, "svc-codegen", "--check", change={"PHI_KEY_PASSWORD_FILE": str(path)})
    assert done.returncode == 2 and "PHI_KEY_PASSWORD_FILE" in done.stderr
    assert "not-to-be-shown" not in done.stdout + done.stderr


def test_a_wrong_password_stops_the_start_and_is_not_shown(suite, tmp_path):
    path = tmp_path / "password"
    path.write_text("not-to-be-shown\n")
    path.chmod(0o600)
    done = run(suite, "svc-codegen", change={"PHI_KEY_PASSWORD_FILE": str(path), "PHI_HTTP_PORT": str(free_port())})
    assert done.returncode == 1 and "start_failed" in done.stderr
    assert "not-to-be-shown" not in done.stdout + done.stderr


# Signals: on a replica of our own, whose exit status we see


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Replica:
    """One more of a service, on a port of its own, beside the suite's."""

    def __init__(self, suite, service, **change):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environment = {**{k: v for k, v in os.environ.items() if not k.startswith("PHI_")},
                       **suite.environment(service), "PHI_HTTP_PORT": str(self.port), **change}
        if "PHI_RPC_BIND" in environment:
            environment["PHI_RPC_BIND"] = f"tcp://127.0.0.1:{free_port()}"
        with open(os.path.join(suite.run, "log", f"{service}.replica.log"), "ab") as log:
            self.process = subprocess.Popen([os.path.join(suite.programs, service)], env=environment, stderr=log,
                                            stdout=log, stdin=subprocess.DEVNULL)
        try:
            wait_until(self.is_ready, 30, f"a replica of {service} is ready")
        except BaseException:
            self.end()
            raise

    def is_ready(self):
        assert self.process.poll() is None, "the replica ended"
        try:
            return requests.get(self.url + "/readyz", timeout=2).status_code == 200
        except requests.ConnectionError:
            return False

    def accepts(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)


@pytest.fixture
def replica(suite):
    made = []

    def make(service, **change):
        made.append(Replica(suite, service, **change))
        return made[-1]

    yield make
    for one in made:
        one.end()


@late
@services
def test_term_ends_an_idle_service_with_status_0(replica, service):
    one = replica(service, PHI_DRAIN_MS="8000")
    one.process.send_signal(signal.SIGHUP)
    assert one.is_ready(), "SIGHUP ends nothing"
    begin = time.monotonic()
    one.process.send_signal(signal.SIGTERM)
    assert one.process.wait(8) == 0 and time.monotonic() - begin < 8


class Held:
    """A request under way at the replica: its commit waits for a lock of ours on the service's table."""

    def __init__(self, suite, life, one, table="declare.consents"):
        self.app, self.one, self.serial, self.answer, self.person = (
            suite.apps["citizen-app"].twin(), one, new_serial(), None, Person())
        self.token = life.token(self.person)
        self.body = envelope({"noticeVersion": "2026-11", "purpose": "health-code"}, serial=self.serial)
        self.lock = psycopg.connect(**suite.database())
        self.lock.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        self.eyes = psycopg.connect(**suite.database(), autocommit=True)
        self.thread = threading.Thread(target=self.send, daemon=True)
        self.thread.start()
        wait_until(self.is_waiting, 5, "the commit waits for the lock")

    def send(self):
        try:
            self.answer = self.app.call("POST", self.one.url, "/v1/consents", self.body, self.token, timeout=20)
        except requests.ConnectionError as error:
            self.answer = error

    def is_waiting(self):
        return self.eyes.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
                                 "application_name = 'svc-declare'").fetchone()[0] > 0

    def release(self):
        self.lock.rollback()
        self.lock.close()
        self.eyes.close()


@late
def test_term_finishes_what_was_taken(suite, life, replica):
    one = replica("svc-declare", PHI_DRAIN_MS="8000")
    held = Held(suite, life, one)
    begin = time.monotonic()
    one.process.send_signal(signal.SIGTERM)
    wait_until(lambda: not one.accepts(), 5, "no new work is taken")
    assert one.process.poll() is None and held.answer is None, "what was taken isn't finished yet"
    held.release()
    assert one.process.wait(8) == 0 and time.monotonic() - begin < 8
    held.thread.join(5)
    assert (held.answer.status, held.answer.code) == (200, "0000"), held.answer
    again = suite.apps["citizen-app"].call("POST", suite.url("svc-declare"), "/v1/consents", held.body,
                                           life.token(held.person))
    assert life.done(again) == held.answer.data, "the acknowledged one is kept: another replica has its answer"


@late
def test_a_second_term_leaves_at_once(suite, life, replica):
    one = replica("svc-declare", PHI_DRAIN_MS="20000")
    held = Held(suite, life, one)
    try:
        one.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not one.accepts(), 5, "no new work is taken")
        assert one.process.poll() is None
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(2) != 0, "work was left: the status says so"
        held.thread.join(5)
        assert isinstance(held.answer, requests.ConnectionError), "nothing was acknowledged"
    finally:
        held.release()


@late
def test_a_drain_that_hangs_ends_in_its_time(suite, life, replica):
    one = replica("svc-declare", PHI_DRAIN_MS="1000", PHI_HTTP_DEADLINE_MS="60000", PHI_DATABASE_TIMEOUT_MS="60000")
    held = Held(suite, life, one)
    try:
        begin = time.monotonic()
        one.process.send_signal(signal.SIGTERM)
        one.process.wait(1 + 4)
        assert time.monotonic() - begin >= 0.9, "it waited for what was under way"
    finally:
        held.release()


# Neighbours that are gone


def degraded(suite, service):
    """What a service that is ready lacks."""
    answer = get(suite, service, "/readyz")
    assert answer.status_code == 200, "a lost broker makes nobody unready"
    return answer.json()["degraded"]


@late
def test_without_the_broker_requests_still_succeed(suite, life):
    person = Person()
    life.consent(person)
    suite.signal("STOP", "broker")
    try:
        for service in SERVICES:
            wait_until(lambda: "bus" in degraded(suite, service), 20, f"{service} says that the bus is lost")
        codes = [life.mint(person) for _ in range(3)]
        fact = life.declare(person)["factId"]
        for minted in codes:
            assert life.verify(minted["code"], Person()).code == "0000"
    finally:
        suite.signal("CONT", "broker")
    for service in SERVICES:
        wait_until(lambda: degraded(suite, service) == [], 30, f"{service} is whole again by itself")
    deadlines = {minted["deadline"] for minted in codes}

    def arrived(records):
        ours = [r for r in records if (r.json if r.value else {}).get("deadline") in deadlines]
        return len({r.event_id for r in ours}) >= len(codes)

    read_topic(suite.bus, "phi.320000.code.minted", 30, until=arrived)
    read_topic(suite.bus, "phi.320000.declare.health", 30,
               until=lambda records: any((r.json if r.value else {}).get("factId") == fact for r in records))


@late
def test_without_the_database_a_service_is_not_ready_and_comes_back(suite, life, person):
    suite.stop("postgres")
    try:
        for service in SERVICES:
            wait_until(lambda: get(suite, service, "/readyz").status_code == 503, 20,
                       f"{service} says that it is not ready")
            state = get(suite, service, "/readyz").json()
            assert state["ready"] is False and state["missing"] == "database"
            assert get(suite, service, "/healthz").status_code == 200
        refused = life.post("citizen-app", "svc-codegen", "/v1/code-applications", {"scene": "pass"}, person)
        assert refused.status == 503 and refused.code in ("5001", "5002", "5005"), refused
        assert int(refused.headers["Retry-After"]) > 0
    finally:
        suite.start("postgres")
    for service in SERVICES:
        wait_until(lambda: get(suite, service, "/readyz").status_code == 200, 30, f"{service} is ready again")
    wait_until(lambda: life.apply(person), 10, "requests succeed again")


# Logs


def logs(suite):
    return {os.path.basename(path): open(path, encoding="utf-8", errors="replace").read()
            for path in sorted(glob.glob(os.path.join(suite.run, "log", "*.log")))}


# Every name that these tests invent begins so, every id number has this area and year, every phone and text is this.
PERSONAL = {
    "a name": re.compile("测试[甲乙丙丁戊己庚辛壬癸]|" + re.escape(json.dumps("测试")[1:-1])),
    "an id number": re.compile("3201021890[0-9]{7}[0-9X]|(?<![0-9A-Za-z])[1-8][0-9]{16}[0-9X](?![0-9A-Za-z])"),
    "a token": re.compile(r"eyJ[A-Za-z0-9_-]{10,}"),
    "a code": re.compile("[A-Z2-7]{64,}"),
    "a phone, address, seat or statement": re.compile("|".join(map(re.escape, (
        words.PHONE, words.ADDRESS, words.SEAT, words.COMPANIONS, words.STATEMENT)))),
    "a signature or authorization": re.compile('PHI-SM2-SM3|signature="'),
    "a key": re.compile("PRIVATE KEY"),
}


def found(text):
    return {what: match[0] for what, pattern in PERSONAL.items() if (match := pattern.search(text))}


def test_the_search_finds_what_it_looks_for(life, person):
    token, code = life.token(person), life.mint(person)["code"]
    for planted in (person.name, person.id_no, token, code, words.PHONE, words.ADDRESS):
        assert found(f'level=info why="{planted}"'), planted
    assert found("level=info event=ready port=8101 request=0f3c5a7e9b1d2f4061728394a5b6c7d8 took_us=183") == {}


@pytest.mark.last
def test_logs_of_the_whole_session_name_nobody(suite, life):
    life.declare(*[person for person in [Person()] if life.consent(person)])
    life.verify(life.mint(Person())["code"], Person())
    seen = logs(suite)
    for service in SERVICES:
        text = seen[f"{service}.log"]
        assert "event=ready" in text and "level=" in text
    for name, text in seen.items():
        assert not (bad := found(text)), f"{name}: {bad}"
        for line in text.splitlines():
            if name.startswith("svc-") and not line.startswith("---"):
                assert re.match(r"time=\S+ level=\S+ service=\S+ event=\S+", line), f"{name}: no log line: {line[:200]}"
