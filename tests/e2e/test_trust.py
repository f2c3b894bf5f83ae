"""The trust list: over HTTP with its wait, as a file, and on the topic with records that must not count; its age."""
import base64
import json
import os
import re
import threading
import time

import pytest
import requests

from loadgen import keyfile
from phi_client.codes import from_text, to_text
from phi_client.people import Person
from phi_client.replica import Replica
from phi_client.sm2 import PrivateKey
from phi_client.suite import wait_until
from phi_client.topics import write_topic

TOPIC, KEY, OTHER, COUNTED = "phi.registry", b"trust-list", "650000", ("svc-verify", "svc-directory")

pytestmark = pytest.mark.late


class List:
    """What svc-platform gives, and the operators' file behind it."""

    def __init__(self, suite):
        self.suite, self.url = suite, suite.url("svc-platform") + "/v1/trust-list"

    def get(self, query="", **headers):
        return requests.get(self.url + query, headers=headers, timeout=10)

    @property
    def version(self):
        return int(self.get().json()["data"]["version"])

    def put(self, name, status="active"):
        public = os.path.join(self.suite.run, "keys", "public")
        self.suite.phictl("platform", "add", "--list", os.path.join(self.suite.run, "platforms.json"), "--id", OTHER,
                          "--name", name, "--status", status, "--key", f"code={public}/svc-codegen.code.pub@1")

    def after(self, change):
        """The version that follows."""
        before = self.version
        change()
        return wait_until(lambda: (now := self.version) > before and now, 20, "the change is signed")


@pytest.fixture(scope="module")
def trust_list(suite):
    return List(suite)


def metric(suite, service, name):
    text = requests.get(suite.url(service) + "/metrics", timeout=10).text
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
    return int(float(found.group(1))) if found else None


def held(suite, service):
    return metric(suite, service, "phi_trust_list_version")


def counted(suite, service, what):
    return metric(suite, service, f'phi_registry_{what}_total{{topic="{TOPIC}"}}')


def private_key(suite, owner, use):
    folder = os.path.join(suite.run, "keys", owner)
    return PrivateKey(keyfile.sm2_number(f"{folder}/{use}.key", f"{folder}/password"))


def write(suite, value, version, key, spoil=None):
    """A record signed by `key` (None: not at all)."""
    headers = []
    if key:
        message = b"\n".join([TOPIC.encode(), KEY, str(version).encode(), value])
        headers = [("phi-key", key.public.serial.encode()), ("phi-version", str(version).encode()),
                   ("phi-signature", base64.b64encode(key.sign(message)))]
    write_topic(suite.bus, TOPIC, value, key=KEY, headers=[h for h in headers if h[0] != spoil])


def test_the_file_is_read_while_the_program_runs(suite, trust_list):
    version = trust_list.after(lambda: trust_list.put("甲"))
    for service in COUNTED:
        wait_until(lambda: held(suite, service) >= version, 30, f"{service} holds the new list")
    assert 0 <= metric(suite, "svc-verify", "phi_trust_list_age_seconds") < 3600


def test_etag_and_wait(trust_list):
    first = trust_list.get()
    version, etag = int(first.json()["data"]["version"]), first.headers["ETag"]
    assert etag == f'"{version}"'
    assert trust_list.get(**{"If-None-Match": etag}).status_code == 304
    begin = time.monotonic()
    assert trust_list.get(f"?after={version}&wait=1", **{"If-None-Match": etag}).status_code == 304
    assert 0.9 <= time.monotonic() - begin < 8
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(trust_list.get(f"?after={version}&wait=4")))
    waiting.start()
    trust_list.put("乙")
    waiting.join(15)
    # The change may take a moment longer than the wait on a loaded machine; then the wait ends as it should.
    assert answers[0].status_code == 200
    wait_until(lambda: int(trust_list.get(f"?after={version}&wait=4").json()["data"]["version"]) > version, 20, "the news")
    for query in ("?wait=31", "?after=x", "?after=-1", "?wait=1.5", "?until=3"):
        assert trust_list.get(query).json()["resultCode"] == "1012", query


def test_more_who_wait_than_may_are_answered_at_once(trust_list):
    version, answers, begin = trust_list.version, [], time.monotonic()
    callers = [threading.Thread(target=lambda: answers.append(trust_list.get(f"?after={version + 10**9}&wait=3")))
               for _ in range(12)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(20)
    assert [answer.status_code for answer in answers] == [200] * 12 and time.monotonic() - begin < 12


def test_what_does_not_count_changes_nothing(suite, trust_list):
    version, data = trust_list.version, trust_list.get().json()["data"]
    for service in COUNTED:
        wait_until(lambda: held(suite, service) == version, 30, f"{service} holds the newest list")
    ours, strangers = private_key(suite, "svc-platform", "trust"), private_key(suite, "svc-codegen", "code")

    def forged(to):
        value = {**json.loads(data["value"]), "version": to}
        value["platforms"] = [{**one, "status": "suspended"} for one in value["platforms"]]
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()

    newer, older = version + 1000, version - 1000
    for what, change in {
        "refused": (lambda: write(suite, forged(newer), newer, None),
                    lambda: write(suite, forged(newer), newer, strangers),
                    lambda: write(suite, forged(newer), newer, ours, spoil="phi-signature"),
                    lambda: write(suite, forged(newer), newer + 1, ours)),
        "older": (lambda: write(suite, forged(older), older, ours),),
    }.items():
        for number, step in enumerate(change):
            before = {service: counted(suite, service, what) for service in COUNTED}
            step()
            for service in COUNTED:
                wait_until(lambda: counted(suite, service, what) > before[service], 20, f"{service}: {what} {number}")
                assert held(suite, service) == version


def test_codes_of_a_suspended_platform_are_told_so(suite, trust_list, life):
    key, person, scanner = private_key(suite, "svc-codegen", "code"), Person(), Person()

    def told(wanted):
        data = from_text(life.mint(person)["code"])
        at = data.index(b"JKM1") + 4
        signed = data[:at] + OTHER.encode() + data[at + 6 : -64]
        return life.verify(to_text(signed + key.sign(signed)), scanner).code == wanted

    for status, wanted in (("suspended", "2007"), ("active", "5004")):
        trust_list.put("乙", status)
        wait_until(lambda: told(wanted), 30, f"codes of a platform that is {status}")


def test_as_a_file(suite, trust_list, tmp_path):
    file, trust = str(tmp_path / "list.json"), suite.public_file("svc-platform", "trust")
    fetch = ("trust", "fetch", "--url", suite.url("svc-platform"), "--out", file)
    assert f"version={trust_list.version}" in suite.phictl(*fetch, "--trust-key", trust)
    assert "unchanged" in suite.phictl(*fetch, "--trust-key", trust, "--wait", "1")
    shown = suite.phictl("trust", "show", "--trust-list", file, "--trust-key", trust)
    assert "320000 active 江苏省" in shown and re.search(r"^  receipt +[0-9a-f]{16} from", shown, re.M)
    suite.phictl("trust", "verify", "--trust-list", file, "--trust-key", trust, "--max-age", "7200")
    stranger = suite.public_file("svc-verify", "receipt")
    with pytest.raises(AssertionError, match="--trust-list|key"):
        suite.phictl("trust", "verify", "--trust-list", file, "--trust-key", stranger)
    with pytest.raises(AssertionError, match="key"):
        suite.phictl(*fetch, "--trust-key", stranger)
    # A file that holds a newer list keeps it.
    with open(file, encoding="utf-8") as text:
        data = json.load(text)
    version = int(data["version"]) + 10**9
    value = data["value"].replace(f'"version":{data["version"]}', f'"version":{version}')
    key = private_key(suite, "svc-platform", "trust")
    message = b"\n".join([TOPIC.encode(), KEY, str(version).encode(), value.encode()])
    newer = {**data, "version": str(version), "value": value, "signature": base64.b64encode(key.sign(message)).decode()}
    with open(file, "w", encoding="utf-8") as text:
        json.dump(newer, text)
    with pytest.raises(AssertionError, match="older"):
        suite.phictl(*fetch, "--trust-key", trust)


class Stale(Replica):
    """Up, but past its grace."""

    def is_ready(self):
        assert self.process.poll() is None, "the replica ended"
        try:
            answer = requests.get(self.url + "/readyz", timeout=2)
        except requests.RequestException:
            return False
        return answer.status_code == 503 and answer.json().get("missing") == "trust-list"


def test_a_list_from_the_database_serves_and_its_age_is_told(suite, life):
    nowhere = {"PHI_PLATFORM_BUS": "127.0.0.1:1", "PHI_TRUST_WARN_S": "1"}
    replica = Replica(suite, "svc-verify", **nowhere)
    try:
        wait_until(lambda: "trust-list" in replica.degraded(), 20, "the age is warned of")
        code = life.mint(Person())["code"]
        asked = {"code": code, "scope": "pass"}
        good = suite.apps["scan-app"].post(replica.url, "/v1/codes/verify", asked, life.token(Person(), "scan-app"))
        assert good.code == "0000", good
    finally:
        replica.end()
    stale = Stale(suite, "svc-verify", PHI_TRUST_GRACE_S="1", **nowhere)
    try:
        late = suite.apps["scan-app"].post(stale.url, "/v1/codes/verify", asked, life.token(Person(), "scan-app"))
        assert (late.status, late.code) == (503, "5003"), late
    finally:
        stale.end()


def test_a_held_back_list_shows(suite, trust_list):
    """An unchanged list is signed again."""
    suite.set_extra("svc-platform", PHI_TRUST_RENEW_S="1")
    try:
        suite.restart("svc-platform")
        before = trust_list.version
        wait_until(lambda: trust_list.version > before, 20, "signed again, nothing changed")
    finally:
        suite.set_extra("svc-platform")
        suite.restart("svc-platform")
