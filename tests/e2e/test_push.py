"""A province without the bus hands its directory over by HTTP: the same checks, the same topic behind it, one writer."""
import base64
import json
import os
import random
import secrets
import subprocess

import psycopg
import pytest

from loadgen import keyfile
from phi_client.codes import Receipt
from phi_client.http import App
from phi_client.people import Person
from phi_client.sm2 import PrivateKey
from phi_client.suite import ROOT, wait_until
from phi_client.topics import read_topic

REGION, LINES = "440000", 2500
TOPIC, ROUTE = f"phi.{REGION}.directory", "/v1/directory/entries"

# A province more in the trust list.
pytestmark = pytest.mark.late


def entry(version=1795219200000001, **changed):
    return {"from": "2026-11-21T08:00:00+08:00", "grade": "yellow", "reasons": ["contact"], "region": REGION, "sources": 1,
            "subject": secrets.token_hex(16), "updated": "2026-11-21T08:00:01+08:00", "version": str(version),
            "withdrawn": False, **changed}


class Pusher:
    """440000: its app, its directory key, and a folder with the files that phictl reads."""

    def __init__(self, suite):
        self.suite, self.app = suite, App(f"directory-{REGION}")
        self.folder = os.path.join(suite.run, "push")
        os.makedirs(self.folder, exist_ok=True)
        for name in ("app", "directory"):
            self.make_key(name)
        self.app.key = PrivateKey(keyfile.sm2_number(self.path("app.key"), self.path("app.password")))
        self.key = PrivateKey(keyfile.sm2_number(self.path("directory.key"), self.path("directory.password")))
        if suite.broker == "kafka":
            subprocess.run([os.path.join(ROOT, "compose", "kafka", "topics"), "--broker", suite.bus, "--regions", REGION,
                            "--file", os.path.join(ROOT, "compose", "topics.txt")], check=True, timeout=120)
        suite.register("app", "--app", self.app.app_id, "--public", self.path("app.pub"), "--roles", "directory",
                       "--client-id", self.app.app_id, "--institution", REGION, regions=("000000",))
        suite.set_extra("svc-platform", PHI_STATISTICS_S="5")
        self.list("active")
        self.app.answer_keys[self.url] = suite.apps["citizen-app"].answer_keys[suite.url("svc-platform")]
        wait_until(lambda: self.app.call("GET", self.url, f"/v1/platforms/{REGION}/healing").status == 200, 30,
                   "the app is known, the list in force")
        assert self.app.call("GET", self.url, ROUTE).status == 404, "nothing was pushed yet"

    @property
    def url(self):
        return self.suite.url("svc-platform")

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_key(self, name):
        with open(self.path(f"{name}.password"), "w", opener=lambda p, f: os.open(p, f, 0o600), encoding="ascii") as file:
            file.write(secrets.token_hex(16) + "\n")
        self.suite.phictl("key", "new", "--use", name, "--out", self.path(f"{name}.key"), "--password-file",
                          self.path(f"{name}.password"))
        self.suite.phictl("key", "public", "--in", self.path(f"{name}.key"), "--password-file", self.path(f"{name}.password"),
                          "--out", self.path(f"{name}.pub"))

    def list(self, status):
        self.suite.phictl("platform", "add", "--list", os.path.join(self.suite.run, "platforms.json"), "--id", REGION,
                          "--name", "广东省", "--status", status, "--key", f"directory={self.path('directory.pub')}")
        self.suite.restart("svc-platform")

    def push(self, entries):
        """phictl directory push; what it printed."""
        with open(self.path("entries.ndjson"), "w", encoding="utf-8") as file:
            file.writelines(json.dumps(one) + "\n" for one in entries)
        return subprocess.run(
            [os.path.join(self.suite.programs, "phictl"), "directory", "push", "--region", REGION, "--url", self.url, "--file",
             self.path("entries.ndjson"), "--app", self.app.app_id, "--key", self.path("app.key"), "--password-file",
             self.path("app.password"), "--directory-key", self.path("directory.key"), "--directory-password-file",
             self.path("directory.password")], capture_output=True, text=True, timeout=60, check=False)

    def line(self, value, key=None, topic=TOPIC, signer=None):
        text = json.dumps(value, sort_keys=True, separators=(",", ":"))
        subject = bytes.fromhex(key or value["subject"])
        signer = signer or self.key
        signature = signer.sign(b"\n".join([topic.encode(), subject, value["version"].encode(), text.encode()]))
        return {"key": subject.hex(), "keySerial": signer.public.serial, "signature": base64.b64encode(signature).decode(),
                "value": text, "version": value["version"]}

    def post(self, lines, writer, start=0, take=False):
        body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        target = f"{ROUTE}?writer={writer}&from={start}" + ("&take=true" if take else "")
        return self.app.call("POST", self.url, target, body, headers={"Content-Type": "application/x-ndjson"})

    def results(self, *arguments, **options):
        answer = self.post(*arguments, **options)
        assert answer.status == 200 and answer.signed, answer
        return [json.loads(line) for line in answer.body.splitlines()]

    def nation(self):
        with psycopg.connect(**self.suite.database("000000"), autocommit=True) as database:
            rows = database.execute("SELECT subject, version, grade FROM platform.entries WHERE region = %s", [REGION])
            return {subject.hex(): (version, grade) for subject, version, grade in rows}


@pytest.fixture(scope="module")
def pusher(suite):
    yield Pusher(suite)
    suite.set_extra("svc-platform")
    suite.restart("svc-platform")


def test_a_file_is_handed_over_and_again_goes_on(pusher):
    entries = [entry(grade=random.choice(["red", "green"])) for _ in range(LINES)]
    done = pusher.push(entries)
    assert done.returncode == 0 and done.stdout == "", done
    wait_until(lambda: len(pusher.nation()) == LINES, 30, "all of them are in the nation")
    assert pusher.app.call("GET", pusher.url, ROUTE).data["next"] == LINES
    count = len(read_topic(pusher.suite.bus, TOPIC))
    assert pusher.push(entries).returncode == 0
    assert len(read_topic(pusher.suite.bus, TOPIC)) == count >= LINES, "nothing goes twice"
    newer = [{**one, "grade": "review", "version": str(int(one["version"]) + 1)} for one in entries[:10]]
    assert pusher.push(newer).returncode == 0
    wait_until(lambda: [pusher.nation()[one["subject"]] for one in newer] == [(1795219200000002, 3)] * 10, 30,
               "another file is another writer's turn")


def test_what_is_not_the_provinces_own_word_is_refused(pusher):
    stranger, good = PrivateKey(), entry()
    tampered, unsigned = pusher.line(entry()), pusher.line(entry())
    tampered["value"] = tampered["value"].replace("yellow", "green")
    del unsigned["signature"]
    foreign = entry(region="320000")
    cases = {"good": (pusher.line(good), None), "tampered": (tampered, "3002"), "unsigned": (unsigned, "1003"),
             "a stranger's": (pusher.line(entry(), signer=stranger), "9006"),
             "about another region": (pusher.line(foreign), "1006"),
             "signed for another region's topic": (pusher.line(foreign, topic="phi.320000.directory"), "3002"),
             "keyed by somebody else": (pusher.line(entry(), key="00" * 16), "1006"),
             "no entry": (pusher.line({**entry(), "name": "x"}), "1004")}
    before = len(read_topic(pusher.suite.bus, TOPIC))
    told = pusher.results([line for line, _code in cases.values()], "forger", take=True)
    found = {name: one.get("resultCode") for name, one in zip(cases, told)}
    assert {name for name, code in found.items() if code is None} == {"good"}, told
    assert {name: found[name] for name in ("tampered", "a stranger's", "about another region",
                                           "signed for another region's topic", "keyed by somebody else")} == {
        name: cases[name][1] for name in ("tampered", "a stranger's", "about another region",
                                          "signed for another region's topic", "keyed by somebody else")}
    assert len(read_topic(pusher.suite.bus, TOPIC)) == before + 1
    wait_until(lambda: good["subject"] in pusher.nation(), 30, "the good one is in the nation")
    answer = pusher.suite.apps["citizen-app"].call("POST", pusher.url, f"{ROUTE}?writer=a&from=0", b"{}\n",
                                                   headers={"Content-Type": "application/x-ndjson"})
    assert answer.status == 403, "an app without the role"


def test_one_writer_at_a_time(pusher):
    lines = [pusher.line(entry()) for _ in range(4)]
    assert {one["result"] for one in pusher.results(lines[:2], "one", take=True)} == {"accepted"}
    assert [one["result"] for one in pusher.results(lines[:3], "one")] == ["repeated", "repeated", "accepted"]
    assert pusher.post(lines[3:], "one", start=7).code == "4003", "a gap"
    assert pusher.post(lines[3:], "two").code == "4003", "not its turn"
    assert {one["result"] for one in pusher.results(lines[3:], "two", take=True)} == {"accepted"}
    assert pusher.post(lines[3:], "one", start=3).code == "4003", "no more its turn"
    for query in ("", "?writer=%20x", "?writer=a&from=-1", "?writer=a&take=yes"):
        answer = pusher.app.call("POST", pusher.url, ROUTE + query, b"{}\n", headers={"Content-Type": "application/x-ndjson"})
        assert answer.status == 400, (query, answer)


@pytest.fixture(scope="module")
def analyst(pusher):
    app = App("analyst")
    pusher.suite.register("app", "--app", app.app_id, "--public", pusher.suite.public_pem(app), "--roles", "statistics",
                          "--client-id", app.app_id, regions=("000000",))
    app.answer_keys = pusher.app.answer_keys
    return app


def test_statistics_tell_of_no_small_cell(pusher, analyst):
    suite = pusher.suite
    grades = ["grey", "green", "yellow", "review", "red"]

    def counted():
        answer = analyst.call("GET", pusher.url, "/v1/statistics")
        rows = {row["region"]: row["people"] for row in answer.data["regions"]} if answer.code == "0000" else {}
        return {**rows, "nation": answer.data["nation"]} if REGION in rows else None

    def kept(shown):
        with psycopg.connect(**suite.database("000000"), autocommit=True) as database:
            rows = database.execute("SELECT region, CASE WHEN until_us < extract(epoch FROM now()) * 1000000 THEN then_grade ELSE "
                                    "grade END, count(*) FROM platform.entries WHERE NOT is_withdrawn GROUP BY 1, 2").fetchall()
        true = {(region, grades[grade]): count for region, grade, count in rows if region in shown}
        return {**true, **{("nation", name): sum(n for (_region, grade), n in true.items() if grade == name) for name in grades}}

    def agree():
        """The count and the rows; entries of other tests may still be changing, so that the count is a while behind."""
        shown = counted()
        true = kept(shown or {})
        is_near = shown and all(shown[region][name] is None or abs(shown[region][name] - true.get((region, name), 0)) <= 2
                                for region in shown for name in grades)
        return (shown, true) if is_near else None

    shown, true = wait_until(agree, 60, "the nation is counted, with this region's people, as the rows say")
    for region in set(shown) - {"nation"}:
        hidden = [name for name in [*grades, "all"] if shown[region][name] is None]
        assert len(hidden) != 1, (region, hidden)
        for name in grades:
            value, count = shown[region][name], true.get((region, name), 0)
            assert value is None or (value >= 10 and value % 5 == 0), (region, name, value, count)
            assert count >= 10 or value is None
    assert (shown["nation"]["red"] or 0) > 1000 and shown[REGION]["grey"] is None
    assert analyst.call("GET", pusher.url, "/v1/statistics?region=440000").status == 400, "no filters"
    assert pusher.app.call("GET", pusher.url, "/v1/statistics").status == 403


def test_a_suspended_platform_is_not_heard(pusher):
    pusher.list("suspended")
    line = pusher.line(entry())
    answer = wait_until(lambda: (lambda one: one if one.status == 403 else None)(pusher.post([line], "late", take=True)), 20,
                        "the list is in force")
    assert answer.code == "3012", answer
    pusher.list("active")


def test_what_a_suspended_platform_said_does_not_count(pusher, analyst, life):
    person, scanner, missing = Person(), Person(), {"region": REGION, "state": "suspended", "updatedAt": "2026-11-21T08:00:01+08:00"}
    life.consent(person)
    life.declare(person)
    code = life.mint(person)["code"]
    line = pusher.line(entry(subject=Receipt(life.receipt(code, scanner)).subject.hex(), grade="red"))
    wait_until(lambda: pusher.post([line], "elsewhere", take=True).status == 200, 20, "the list of the test before is over")

    def nation():
        receipt = base64.b64encode(life.receipt(code, scanner)).decode()
        answer = life.post("directory-320000", "svc-platform", "/v1/directory/query", {"receipt": receipt})
        return (answer.data["strictest"], answer.data["leftOut"]) if answer.code == "0000" else None

    def counted():
        answer = analyst.call("GET", pusher.url, "/v1/statistics")
        shown = {row["region"] for row in answer.data["regions"]} if answer.code == "0000" else {}
        return REGION in shown, REGION in answer.data["leftOut"]

    wait_until(lambda: nation() == ("red", []), 30, "the other region's word counts")
    pusher.list("suspended")
    try:
        wait_until(lambda: nation() == ("green", [missing]), 30, "it is left out, and said to be")
        scanned = life.done(life.post("scan-app", "svc-directory", "/v1/health/query", {"code": code}, scanner))
        assert scanned["grade"]["code"] == "green" and scanned["leftOut"] == [missing], scanned
        assert REGION not in {one["region"] for one in scanned["entries"]}
        wait_until(lambda: counted() == (False, True), 30, "its people are not counted")
    finally:
        pusher.list("active")
    wait_until(lambda: nation() == ("red", []), 30, "it counts again")
    wait_until(lambda: counted() == (True, False), 30, "its people are counted again")
