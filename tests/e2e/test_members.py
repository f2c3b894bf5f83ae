"""A platform joins: application with a tested report, two officers of two units, certificates, the trust list, hand-over,
suspension, renewal, other keys, retirement; and what has no right to any of it."""
import json
import os

import psycopg
import pytest
import requests

from loadgen import keyfile
from phi_client.codes import from_text, to_text
from phi_client.http import App, new_serial
from phi_client.people import Person
from phi_client.sm2 import PrivateKey
from phi_client.suite import wait_until
from phi_client.topics import read_topic

REGION, PHONE = "510000", "02888886666"
USES = ("code", "receipt", "directory", "encryption")
KEYS = (*USES, "encryption.directory")  # one whose it is not said, and svc-directory's own

pytestmark = pytest.mark.late


class Joining:
    """The province's own folder, and the hands of everybody who takes part."""

    def __init__(self, suite, folder):
        self.suite, self.folder, self.url = suite, str(folder), suite.url("svc-platform")
        self.password = self.path("password")
        with open(os.open(self.password, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write("of-the-province\n")
        for name in KEYS:
            self.key(name)
        self.app_key("province", "platform.apply", REGION)
        self.app_key("other-province", "platform.apply", "520000")
        self.app_key("lab", "testing", "lab")
        self.app_key("desk", "platform.review", "-")

    def path(self, name):
        return os.path.join(self.folder, name)

    def key(self, name, use=None):
        """A key and the request for its certificate."""
        self.suite.phictl("key", "new", "--use", "platform", "--out", self.path(f"{name}.key"), "--password-file", self.password)
        self.suite.phictl("cert", "request", "--key", self.path(f"{name}.key"), "--password-file", self.password,
                          "--organization", "四川省平台", "--name", f"{REGION} {name}", "--out", self.path(f"{name}.req"))

    def app_key(self, name, role, institution):
        self.suite.phictl("key", "new", "--use", "app", "--out", self.path(f"{name}.app.key"), "--password-file", self.password)
        public = self.path(f"{name}.app.pub")
        self.suite.phictl("key", "public", "--in", self.path(f"{name}.app.key"), "--password-file", self.password, "--out",
                          public)
        self.suite.register("app", "--app", f"e2e-{name}", "--public", public, "--roles", role, "--institution", institution,
                            regions=("000000",))

    def app(self, name):
        number = keyfile.sm2_number(self.path(f"{name}.app.key"), self.password)
        return App(f"e2e-{name}", key=PrivateKey(number))

    def signed(self, name):
        return ("--url", self.url, "--app", f"e2e-{name}", "--key", self.path(f"{name}.app.key"), "--password-file",
                self.password, "--answer-key", self.suite.public_file("svc-platform", "answer"))

    def token(self, sub):
        return self.suite.token("staff", sub=sub, aud="e2e-desk")

    def officer(self, sub, verb, *arguments):
        identity = self.path(f"{sub}.token")
        with open(identity, "w", encoding="ascii") as file:
            file.write(self.token(sub) + "\n")
        return json.loads(self.suite.phictl("platform", verb, *self.signed("desk"), "--identity", identity, *arguments))

    def decide(self, sub, verb, *arguments):
        return self.officer(sub, verb, "--region", REGION, "--reason", "checked", *arguments)["state"]

    def attest(self, name, region=REGION, **counts):
        with open(self.path(f"{name}.report"), "w", encoding="utf-8") as file:
            json.dump({"counts": {"passed": 900, "failed": 0, "skipped": 3, **counts}, "checks": []}, file)
        out = self.path(f"{name}.statement")
        self.suite.phictl("platform", "attest", "--report", self.path(f"{name}.report"), "--region", region, "--institution",
                          "e2e-lab", "--key", self.path("lab.app.key"), "--password-file", self.password, "--out", out)
        return out

    def requests_of(self, *names, code_set=1):
        return [argument for name in names for argument in
                ("--request", f"{name.split('.')[0]}={self.path(name)}.req" + (
                     f"@{code_set}" if name.startswith("code") else "@directory" if name == KEYS[-1] else ""))]

    def apply(self, statement, *uses, name="province"):
        return json.loads(self.suite.phictl(
            "platform", "apply", *self.signed(name), "--region", REGION, "--name", "四川省", "--organisation", "四川省平台",
            "--contact-name", "值班员", "--contact-phone", PHONE, "--test-report", statement,
            *self.requests_of(*(uses or KEYS))))

    def listed(self):
        value = json.loads(requests.get(self.url + "/v1/trust-list", timeout=10).json()["data"]["value"])
        return next((one for one in value["platforms"] if one["id"] == REGION), None)

    def serial(self, name):
        number = keyfile.sm2_number(self.path(f"{name}.key"), self.password)
        return PrivateKey(number).public.serial


@pytest.fixture(scope="module")
def joining(suite, tmp_path_factory):
    joining = Joining(suite, tmp_path_factory.mktemp("member"))
    app = joining.app("desk")
    wait_until(lambda: app.get(joining.url, "/v1/platforms", joining.token("officer-1")).code == "0000", 30, "the desk is known")
    return joining


def refused(call, what):
    with pytest.raises(AssertionError, match=what):
        call()


def test_what_is_not_in_order_is_not_taken(suite, joining):
    good = joining.attest("good")
    refused(lambda: joining.apply(good, name="other-province"), "3012|forbidden|speak")
    refused(lambda: joining.apply(joining.attest("failed", failed=1)), "checks failed")
    refused(lambda: joining.apply(joining.attest("elsewhere", region="520000")), "not the institution's")
    refused(lambda: joining.apply(good, "code", "receipt", "directory"), "encryption")
    with open(good, encoding="utf-8") as file:
        statement = json.load(file)
    stranger = joining.path("stranger.statement")
    with open(stranger, "w", encoding="utf-8") as file:
        json.dump({**statement, "institution": "e2e-desk"}, file)
    refused(lambda: joining.apply(stranger), "testing institution")
    with psycopg.connect(**suite.database("000000"), autocommit=True) as database:
        assert database.execute("SELECT count(*) FROM platform.members WHERE region = %s", (REGION,)).fetchone() == (0,)


def test_two_officers_of_two_units_let_it_in(suite, joining):
    assert joining.apply(joining.path("good.statement"))["state"] == "applied"
    assert joining.listed() is None
    assert joining.decide("officer-1", "approve") == "applied"
    refused(lambda: joining.decide("officer-1", "approve"), "another officer")
    refused(lambda: joining.decide("auditor-1", "approve"), "no officer")
    assert joining.listed() is None
    # The second one's request comes twice, with a kill -9 in between: one step, one answer.
    app, fields, serial = joining.app("desk"), {"action": "approve", "reason": "checked"}, new_serial()
    path = f"/v1/platforms/{REGION}/decisions"
    first = app.post(joining.url, path, fields, joining.token("officer-2"), serial=serial)
    suite.kill("svc-platform")
    suite.start("svc-platform")
    again = app.post(joining.url, path, fields, joining.token("officer-2"), serial=serial)
    assert first.data["state"] == again.data["state"] == "active" and first.data == again.data
    listed = wait_until(joining.listed, 20, "it stands in the trust list")
    assert listed["status"] == "active" and {key["use"] for key in listed["keys"]} == set(USES)
    assert {key["serial"] for key in listed["keys"]} == {joining.serial(name) for name in KEYS}
    assert {key["serial"]: key["service"] for key in listed["keys"] if "service" in key} == {joining.serial(KEYS[-1]): "directory"}
    with psycopg.connect(**suite.database("000000"), autocommit=True) as database:
        rows = database.execute("SELECT action, unit FROM platform.member_steps WHERE region = %s AND action = 'approve'",
                                (REGION,)).fetchall()
        assert sorted(rows) == [("approve", "health-320000"), ("approve", "health-320100")]
        sealed = database.execute("SELECT contact_sealed FROM platform.members WHERE region = %s", (REGION,)).fetchone()[0]
        assert PHONE.encode() not in bytes(sealed)


def test_its_certificates_are_of_the_platform_ca(suite, joining):
    shown = joining.officer("officer-1", "show", "--region", REGION)
    assert shown["contact"]["phone"] == PHONE and [step["step"] for step in shown["steps"]].count("approve") == 2
    own = json.loads(suite.phictl("platform", "show", *joining.signed("province"), "--region", REGION))
    assert "contact" not in own
    trust = joining.path("trust.json")
    suite.phictl("trust", "fetch", "--url", joining.url, "--trust-key", suite.public_file("svc-platform", "trust"), "--out", trust)
    for key in own["keys"]:
        path = joining.path(f"{key['use']}.pem")
        with open(path, "w", encoding="ascii") as file:
            file.write(key["certificate"])
        suite.phictl("cert", "verify", "--in", path, "--root", os.path.join(suite.run, "keys", "public", "ca.pem"), "--use",
                     key["use"], "--trust-list", trust, "--trust-key", suite.public_file("svc-platform", "trust"))


def test_what_is_handed_over_is_sealed_and_given_once(suite, joining):
    public = joining.path("encryption.pub")
    suite.phictl("key", "public", "--in", joining.path("encryption.key"), "--password-file", joining.password, "--out", public)
    folder = os.path.join(suite.run, "keys", "svc-directory")
    with open(f"{folder}/manifest", encoding="ascii") as lines:
        index = next(line.split()[4] for line in lines if line.startswith("key index "))
    parcel = joining.path("index.sealed")
    suite.phictl("key", "distribute", "--manifest", f"{folder}/manifest", "--password-file", f"{folder}/password", "--id", index,
                 "--to", public, "--out", parcel)
    joining.officer("officer-1", "hand-over", "--region", REGION, "--parcel", parcel)
    refused(lambda: joining.officer("officer-2", "hand-over", "--region", REGION, "--parcel", parcel), "no officer")
    out = joining.path("handed")
    os.mkdir(out)
    fetch = ("platform", "hand-over", *joining.signed("province"), "--region", REGION, "--unseal-key",
             joining.path("encryption.key"), "--out", out)
    assert "parcels=2" in suite.phictl(*fetch)
    assert "parcels=0" in suite.phictl(*fetch)
    with open(f"{out}/bus.credentials", encoding="ascii") as file:
        given = dict(line.strip().split("=", 1) for line in file)
    assert given["user"] == f"province-{REGION}" and len(given["password"]) == 48
    own = joining.path("own")
    os.mkdir(own)
    suite.phictl("key", "store", "--manifest", f"{own}/manifest", "--password-file", joining.password, "--in",
                 f"{out}/index.parcel", "--unseal-key", joining.path("encryption.key"))
    with open(f"{own}/manifest", encoding="ascii") as lines:
        assert any(line.split()[:2] == ["key", "index"] and line.split()[4] == index for line in lines)
    # The bus's operator has the same user; nothing of it is readable in the table.
    identity, users = joining.path("officer-1.token"), joining.path("users")
    suite.phictl("platform", "bus", *joining.signed("desk"), "--identity", identity, "--out", users)
    with open(users, encoding="ascii") as file:
        assert f"province-{REGION} {given['password']} on" in file.read().splitlines()
    with psycopg.connect(**suite.database("000000"), autocommit=True) as database:
        for column, table in (("password_sealed::text", "member_users"), ("sealed", "member_parcels")):
            for (text,) in database.execute(f"SELECT {column} FROM platform.{table} WHERE region = %s", (REGION,)):
                assert given["password"] not in text and given["password"].encode().hex() not in text


def test_suspended_at_once_back_with_two(life, joining):
    key = PrivateKey(keyfile.sm2_number(joining.path("code.key"), joining.password))
    person, scanner = Person(), Person()

    def verdict():
        data = from_text(life.mint(person)["code"])
        at = data.index(b"JKM1") + 4
        signed = data[:at] + REGION.encode() + data[at + 6 : -64]
        return life.verify(to_text(signed + key.sign(signed)), scanner).code

    wait_until(lambda: verdict() == "5004", 30, "its codes are known")
    assert joining.decide("officer-2", "suspend") == "suspended"
    wait_until(lambda: verdict() == "2007", 30, "its codes are those of a suspended platform")
    assert joining.decide("officer-2", "resume") == "suspended"
    assert joining.decide("officer-1", "resume") == "active"
    wait_until(lambda: verdict() == "5004", 30, "it is back")


def test_keys_are_renewed_and_replaced(suite, joining):
    before = {key["serial"]: key for key in joining.listed()["keys"]}
    change = ("--region", REGION, *joining.signed("province"))
    suite.phictl("platform", "renew", *change, *joining.requests_of("receipt"))
    serial = joining.serial("receipt")
    wait_until(lambda: {k["serial"]: k for k in joining.listed()["keys"]}[serial]["to"] > before[serial]["to"], 20, "renewed")
    joining.key("code.new")
    refused(lambda: suite.phictl("platform", "renew", *change, *joining.requests_of("code.new", code_set=2)), "not renewed")
    refused(lambda: suite.phictl("platform", "replace", *change, *joining.requests_of("code.new", code_set=1)), "there before")
    suite.phictl("platform", "replace", *change, *joining.requests_of("code.new", code_set=2), "--overlap", "0")
    assert joining.serial("code.new") not in {key["serial"] for key in joining.listed()["keys"]}
    for officer in ("officer-1", "officer-2"):
        assert joining.decide(officer, "approve", "--replacement") == "active"
    keys = wait_until(lambda: (now := {k["serial"]: k for k in joining.listed()["keys"]}) and
                      joining.serial("code.new") in now and now, 20, "the new key is listed")
    old, new = keys[joining.serial("code")], keys[joining.serial("code.new")]
    assert (old["keySetId"], new["keySetId"]) == (1, 2) and old["to"] <= new["from"]


def test_retired_and_each_step_told(suite, joining):
    assert joining.decide("officer-1", "retire") == "active"
    assert joining.decide("officer-2", "retire") == "retired"
    wait_until(lambda: joining.listed()["status"] == "suspended", 20, "it is out of force")
    refused(lambda: joining.decide("officer-1", "resume"), "state")
    wanted = ["apply", "approve", "approve", "parcel", "hand-over", "hand-over", "suspend", "resume", "resume", "renew",
              "ask-replace", "replace", "replace", "retire", "retire"]

    def told(records):
        return [record.json["step"] for record in records if record.header("ce_type") == "cn.phi.audit.platform"
                and record.json["platform"] == REGION]

    records = read_topic(suite.bus, "phi.000000.audit", until=lambda found: len(told(found)) >= len(wanted))
    assert sorted(told(records)) == sorted(wanted)
    for record in records:
        assert PHONE.encode() not in record.value
