"""The life of a key: generated, stored, distributed, backed up, rotated, recovered, archived, destroyed; by hand with
phictl, and in a running suite, where key sets change by the clock."""
import base64
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from phi_client.codes import Code
from phi_client.people import Person
from phi_client.sm2 import PublicKey
from phi_client.suite import wait_until
from phi_client.topics import read_topic

REGION, TOPIC = "320000", "phi.320000.audit"
KEY = re.compile(r"key=([0-9a-f]{16})")


class Folder:
    """A folder of keys with phictl at work in it; without a password it is one of the suite's, which has its own."""

    def __init__(self, programs, path, password="a password"):
        self.phictl, self.path = os.path.join(programs, "phictl"), str(path)
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        self.manifest, self.password = f"{self.path}/manifest", f"{self.path}/password"
        if password is None:
            return
        with open(os.open(self.password, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write(password)

    def command(self, verb, *arguments):
        return [self.phictl, "key", verb, "--manifest", self.manifest, "--password-file", self.password, *arguments]

    def run(self, verb, *arguments):
        return subprocess.run(self.command(verb, *arguments), capture_output=True, text=True, timeout=60)

    def do(self, verb, *arguments):
        done = self.run(verb, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, verb, *arguments):
        """The error's name and what it says."""
        done = self.run(verb, *arguments)
        assert done.returncode == 1, done.stdout
        return done.stderr

    def new(self, use, *arguments):
        return KEY.search(self.do("new", "--use", use, *arguments))[1]

    def rows(self):
        """{(use, set): (id, state)}"""
        lines = (line.split() for line in self.do("list").splitlines()[1:])
        return {(use, int(number)): (key, state) for use, number, _kind, key, state, *_ in lines}

    def steps(self):
        return [json.loads(line) for line in self.do("audit").splitlines()]


@pytest.fixture
def folder(programs, tmp_path):
    return Folder(programs, tmp_path / "keys")


def test_a_key_from_its_making_to_its_end(folder):
    old = folder.new("code", "--set", "7")
    folder.do("rotate", "--use", "code", "--from", "+0s", "--overlap", "+1h")
    rows = folder.rows()
    new = rows["code", 8][0]
    assert rows == {("code", 7): (old, "overlaps"), ("code", 8): (new, "active")}
    assert "in use" in folder.refused("archive", "--id", new)
    assert "--now" in folder.refused("destroy", "--id", old)
    folder.do("archive", "--id", old, "--now")
    archived = f"{folder.path}/archive/code-{old}.key"
    assert os.stat(archived).st_mode & 0o7777 == 0o400 and folder.rows()["code", 7] == (old, "archived")
    folder.do("status")
    folder.do("destroy", "--id", old)
    assert not os.path.exists(archived) and folder.rows()["code", 7] == (old, "destroyed")
    assert "(state)" in folder.refused("destroy", "--id", old)
    assert [step["step"] for step in folder.steps()] == ["generate", "retire", "rotate", "archive", "destroy"]
    assert {step["key"] for step in folder.steps()} == {old, new}


def test_any_shares_that_are_enough_recover_a_key(folder, programs, tmp_path):
    key = folder.new("store", "--secret", "32")
    shares, other = str(tmp_path / "shares"), Folder(programs, tmp_path / "other", "another password")
    folder.do("backup", "--id", key, "--needed", "3", "--shares", "4", "--out", shares)
    files = sorted(os.listdir(shares))
    assert len(files) == 4 and {os.stat(f"{shares}/{file}").st_mode & 0o7777 for file in files} == {0o600}
    given = [part for file in (files[3], files[0], files[2]) for part in ("--share", f"{shares}/{file}")]
    assert "are needed" in other.refused("recover", *given[:4])
    with open(f"{shares}/{files[0]}", "r+", encoding="ascii") as file:
        text = file.read()
        file.seek(0)
        file.write(text.replace("needed=3", "needed=2"))
    assert "mistyped" in other.refused("recover", *given)
    with open(f"{shares}/{files[0]}", "w", encoding="ascii") as file:
        file.write(text)
    assert KEY.search(other.do("recover", *given))[1] == key
    other.do("status")  # opens the file and holds its id against the manifest
    assert "nothing is lost" in folder.refused("recover", *given)
    os.unlink(f"{folder.path}/store-{key}.key")
    assert f"key={key}" in folder.run("status").stdout
    folder.do("recover", *given)
    folder.do("status")


def test_a_key_travels_to_its_recipient_only(folder, programs, tmp_path):
    seal = folder.new("seal", "--secret", "16", "--set", "3", "--to", "+31d")
    other = Folder(programs, tmp_path / "other", "another password")
    own, parcel, public = other.new("app"), str(tmp_path / "parcel"), str(tmp_path / "own.pub")
    other.do("distribute", "--id", own, "--out", str(tmp_path / "own.json"), "--pem", public)
    folder.do("distribute", "--id", seal, "--to", public, "--out", parcel)
    with open(parcel, encoding="ascii") as file:
        text = file.read()
    with open(str(tmp_path / "wrong"), "w", encoding="ascii") as file:
        file.write(text.replace("A", "B", 3))
    unseal = ("--unseal-key", f"{other.path}/app-{own}.key", "--in")
    assert "not a parcel" in other.refused("store", *unseal, str(tmp_path / "wrong"))
    code = folder.new("code")
    assert "not a parcel" in folder.refused("store", "--unseal-key", f"{folder.path}/code-{code}.key", "--in", parcel)
    other.do("store", *unseal, parcel)
    assert other.rows()["seal", 3] == (seal, "active")
    before = other.do("list")
    other.do("store", *unseal, parcel)
    assert other.do("list") == before, "the same key with the same times"
    assert "in the manifest" in other.refused("store", "--use", "seal", "--in", f"{other.path}/seal-{seal}.key")
    other.do("status")


def test_a_bundle_shows_that_its_sender_has_the_key(folder, programs, tmp_path):
    key, bundle, platforms = folder.new("code", "--set", "2"), str(tmp_path / "code.json"), str(tmp_path / "list")
    folder.do("distribute", "--id", key, "--out", bundle, "--pem", str(tmp_path / "code.pub"))
    phictl = [os.path.join(programs, "phictl"), "platform"]
    subprocess.run([*phictl, "add", "--list", platforms, "--id", "320000", "--name", "x", "--key",
                    f"receipt={tmp_path / 'code.pub'}"], check=True)
    put = [*phictl, "key", "--list", platforms, "--id", "320000", "--bundle", bundle]
    subprocess.run(put, check=True)
    with open(platforms, encoding="utf-8") as file:
        keys = next(one["keys"] for one in json.load(file)["platforms"] if one["id"] == "320000")
    assert [(k["use"], k.get("keySetId"), k["serial"]) for k in keys] == [("code", 2, key)]
    with open(bundle, encoding="utf-8") as file:
        text = file.read()
    with open(bundle, "w", encoding="utf-8") as file:
        file.write(text.replace('"keySetId": 2', '"keySetId": 3'))
    refused = subprocess.run(put, capture_output=True, text=True)
    assert refused.returncode == 1 and "proof" in refused.stderr


def test_wide_modes_and_wrong_passwords_are_refused(folder):
    key = folder.new("code")
    path = f"{folder.path}/code-{key}.key"
    for name in (path, folder.manifest, folder.password):
        os.chmod(name, 0o640)
        done = folder.run("status")
        assert done.returncode == 1 and "wider than 0600" in done.stdout + done.stderr
        os.chmod(name, 0o600)
    with open(folder.password, "w", encoding="ascii") as file:
        file.write("not it")
    assert "another password" in folder.refused("list")


def test_uses_that_can_not_change_alone_say_why(folder):
    folder.new("index", "--secret", "32")
    assert "subject index" in folder.refused("rotate", "--use", "index")
    assert "no key of this use" in folder.refused("rotate", "--use", "code")
    assert "of this use and set" in folder.refused("new", "--use", "index", "--secret", "32")
    assert folder.run("rotate").returncode == 2


def log_of(folder):
    with open(f"{folder.path}/audit.log", "rb") as file:
        return file.read()


def put_log(folder, data):
    with open(f"{folder.path}/audit.log", "wb") as file:
        file.write(data)


def test_the_audit_log_shows_every_change_to_it(folder):
    folder.new("code")
    folder.new("seal", "--secret", "16")
    whole = log_of(folder)
    first, second = whole.splitlines(keepends=True)
    for wrong in (whole.replace(b"generate", b"generatf", 1), first, second, second + first, b"",
                  whole.replace(b"uid-", b"uid+", 2)):
        put_log(folder, wrong)
        assert "data_broken" in folder.refused("status")
        assert "data_broken" in folder.refused("new", "--use", "store", "--secret", "32")
    put_log(folder, whole)
    folder.do("status")


def test_a_command_that_was_cut_off_is_gone_on_with(folder):
    """The states that kill -9 can leave: a step in the log and not in the manifest, and half a line."""
    folder.new("code")
    shutil.copy2(folder.manifest, folder.manifest + ".before")
    folder.new("seal", "--secret", "16")
    os.replace(folder.manifest + ".before", folder.manifest)
    put_log(folder, log_of(folder) + b"0123456789abcdef")
    assert "cut off" in folder.run("status").stdout
    folder.new("seal", "--secret", "16")
    assert [step["step"] for step in folder.steps()] == ["generate", "generate", "interrupted", "generate"]


def test_killed_at_any_moment_the_folder_stays_sound(folder):
    folder.new("code")
    for round_number in range(6):
        process = subprocess.Popen(folder.command("rotate", "--use", "code", "--from", f"+{round_number + 1}h"),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.03 * (round_number + 1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        lines = folder.run("status").stdout.splitlines()
        assert lines[-1].startswith("version=")
        assert all("not in the manifest" in line or "cut off" in line for line in lines[:-1]), lines
    folder.do("rotate", "--use", "code", "--from", "+9h")
    assert [step["seq"] for step in folder.steps()] == list(range(1, len(folder.steps()) + 1))


@pytest.mark.parametrize("verb", "new public curve store export distribute backup recover rotate archive destroy "
                                 "list status audit".split())
def test_every_verb_has_an_example(programs, verb):
    done = subprocess.run([os.path.join(programs, "phictl"), "key", verb, "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and f"\n  phictl key {verb} " in done.stdout.split("\nexample:")[1]


class Keys:
    """The keys of the running suite, and their operator."""

    def __init__(self, suite, programs, folder):
        self.suite, self.folder, self.count = suite, str(folder), 0
        self.codegen, self.verify = (Folder(programs, f"{suite.run}/keys/{name}", None)
                                     for name in ("svc-codegen", "svc-verify"))
        self.audit = ("--audit-bus", suite.bus, "--region", REGION, "--audit-key", suite.key_file("operator", "access"))

    def file(self):
        self.count += 1
        return f"{self.folder}/{self.count}"

    def tell(self, *sets):
        """Every set's code key to the nation, whose list is signed at svc-platform's start."""
        rows, bundles = self.codegen.rows(), []
        for number in sets:
            bundles += ["--bundle", self.file()]
            self.codegen.do("distribute", "--id", rows["code", number][0], "--out", bundles[-1], *self.audit)
        self.suite.phictl("platform", "key", "--list", f"{self.suite.run}/platforms.json", "--id", REGION, *bundles)
        self.suite.restart("svc-platform")

    def share_seals(self, *sets):
        """Every set's seal key to svc-verify, sealed to a key of its own."""
        for number in sets:
            parcel = self.file()
            self.codegen.do("distribute", "--id", self.codegen.rows()["seal", number][0], "--out", parcel,
                            "--to", self.suite.public_file("svc-verify", "answer"), *self.audit)
            self.verify.do("store", "--in", parcel, "--unseal-key", self.suite.key_file("svc-verify", "answer"))


@pytest.fixture(scope="module")
def keys(suite, programs, tmp_path_factory):
    return Keys(suite, programs, tmp_path_factory.mktemp("keys"))


def steps_seen(suite):
    """{(program, step, key)} on the audit topic; every record signed by who it says."""
    signers = {name: PublicKey.from_file(suite.public_file(*owner)) for name, owner in (
        ("phictl", ("operator", "access")), ("svc-codegen", ("svc-codegen", "answer")),
        ("svc-verify", ("svc-verify", "answer")))}
    seen = set()
    for record in read_topic(suite.bus, TOPIC):
        if record.header("ce_type") != "cn.phi.audit":
            continue
        value = record.json
        if value["program"] in signers:
            signed = b"\n".join([TOPIC.encode(), record.key, record.headers["phi-version"], record.value])
            assert signers[value["program"]].verify(signed, base64.b64decode(record.header("phi-signature")))
        seen.add((value["program"], value["step"], value.get("key")))
    return seen


def metrics(suite, service):
    return f"{suite.url(service)}/metrics"


@pytest.mark.late
def test_key_sets_change_in_a_running_suite(suite, life, keys):
    holder, scanner = Person(), Person()
    verify = lambda minted: life.verify(minted["code"], scanner).code
    set_of = lambda minted: Code.of(minted["code"]).key_set
    before = life.mint(holder)
    old, new = set_of(before), set_of(before) + 1
    keys.codegen.do("rotate", "--use", "code", "--use", "seal", "--from", "+5s", "--overlap", "+1h", *keys.audit)
    keys.tell(old, new)
    keys.share_seals(old, new)
    suite.restart("svc-verify")
    brief = life.mint(holder, "pass-brief")
    assert set_of(brief) == old and verify(before) == "0000"
    suite.restart("svc-codegen")
    after = wait_until(lambda: (minted := life.mint(holder)) and set_of(minted) == new and minted, 30, "the new set mints")
    assert verify(after) == "0000"
    # codes of the old set: good up to their deadline, and then what is said is that
    assert verify(before) == "0000"
    wait_until(lambda: verify(brief) == "2003", 15, "the brief code's end")

    rows = keys.codegen.rows()
    code, seal = rows["code", new][0], rows["seal", new][0]
    uses = {line.split()[3]: int(line.split()[-1]) for line in
            keys.codegen.do("list", "--metrics", metrics(suite, "svc-codegen")).splitlines()[1:]}
    assert uses[code] > 0 and uses[seal] > 0
    uses = keys.verify.do("list", "--metrics", metrics(suite, "svc-verify"))
    assert re.search(rf"seal +{new} .* {seal} .* [1-9][0-9]*$", uses, re.M), uses
    wanted = {("phictl", "retire", rows["code", old][0]), ("phictl", "rotate", code), ("phictl", "distribute", seal),
              ("svc-codegen", "load", code), ("svc-codegen", "in-force", code), ("svc-codegen", "in-force", seal),
              ("svc-verify", "load", seal), ("svc-verify", "in-force", seal)}
    wait_until(lambda: wanted <= steps_seen(suite), 20, "every step on the bus")

    # out of force before its time: its codes are refused, those of the new set are not
    for use in ("code", "seal"):
        keys.codegen.do("archive", "--now", "--id", rows[use, old][0], *keys.audit)
    keys.tell(old)
    wait_until(lambda: verify(before) == "2002", 20, "codes of the old set are refused")
    assert verify(after) == "0000"
    suite.restart("svc-codegen")
    assert set_of(life.mint(holder)) == new


@pytest.mark.late
def test_a_recovered_key_mints_codes_that_verify(suite, life, keys, tmp_path):
    holder, scanner = Person(), Person()
    number = Code.of(life.mint(holder)["code"]).key_set
    code, shares = keys.codegen.rows()["code", number][0], str(tmp_path / "shares")
    keys.codegen.do("backup", "--id", code, "--needed", "2", "--shares", "3", "--out", shares)
    suite.stop("svc-codegen")
    with open(keys.codegen.manifest, encoding="ascii") as file:
        name = re.search(rf" {code} .* (\S+)$", file.read(), re.M)[1]
    os.unlink(f"{keys.codegen.path}/{name}")
    keys.codegen.do("recover", *(part for file in sorted(os.listdir(shares))[1:] for part in ("--share", f"{shares}/{file}")))
    suite.start("svc-codegen")
    minted = life.mint(holder)
    assert Code.of(minted["code"]).key_set == number
    assert life.done(life.verify(minted["code"], scanner))
