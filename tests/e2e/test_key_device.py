"""svc-codegen with its signing keys in a crypto machine (GM/T 0018): codes that others can check, and a machine that
fails in the middle of a load: each answer is a true code or a 5xxx, and then it works again."""
import os
import subprocess
import threading

import psycopg
import pytest
import requests

from phi_client.codes import Code
from phi_client.people import Person
from phi_client.sm2 import PublicKey
from phi_client.suite import wait_until

pytestmark = [pytest.mark.late, pytest.mark.timeout(240)]

PASSWORD = "machine-password"
CREW = 6
REFUSED = 8  # answers to wait for while the machine fails
# What the machine does at each signature, or at each call.
FAULTS = ("fail SDF_InternalSign_ECC", "wrong SDF_InternalSign_ECC", "busy all", "hangup all", "hang SDF_InternalSign_ECC")


def scalar_of(suite, use):
    """The private number of a key file, by openssl."""
    password = os.path.join(suite.run, "keys", "svc-codegen", "password")
    text = subprocess.run(["openssl", "pkey", "-in", suite.key_file("svc-codegen", use), "-passin", f"file:{password}",
                           "-noout", "-text"], check=True, capture_output=True, text=True).stdout
    lines = text.split("priv:")[1].split("pub:")[0]
    return "".join(lines.split()).replace(":", "").zfill(64)


class Machine:
    """The software crypto machine of tests/sdf with the province's code key and svc-codegen's answer key in it."""

    def __init__(self, suite):
        self.suite, self.folder = suite, os.path.join(suite.run, "machine")
        os.makedirs(self.folder, exist_ok=True)
        os.chmod(self.folder, 0o755)
        self.control = self._write("control", "")
        keys = self._write("keys", "".join(f"sign {index} {PASSWORD} {scalar_of(suite, use)}\n"
                                           for index, use in enumerate(("code", "answer"), 1)))
        library = os.path.join(suite.programs, "..", "tests", "libphi_sdf_soft.so")
        # Keys of a manifest come first, and the machine's are not in one.
        suite.set_extra("svc-codegen", PHI_KEY_MANIFEST_FILE="", PHI_SM2_BACKEND="sdf", PHI_SDF_LIBRARY=os.path.realpath(library),
                        PHI_SDF_PASSWORD_FILE=self._write("password", f"{PASSWORD}\n", 0o600),
                        PHI_SDF_KEYS="code:1,answer:2", PHI_SDF_SESSIONS="4", PHI_SDF_TIMEOUT_MS="500",
                        PHI_CODE_KEY_FILE=self._write("code.key", "sdf:code\n", 0o600),
                        PHI_ANSWER_KEY_FILE=self._write("answer.key", "sdf:answer\n", 0o600),
                        PHI_SDF_SOFT_KEYS=keys, PHI_SDF_SOFT_CONTROL=self.control)

    def _write(self, name, text, mode=0o644):
        path = os.path.join(self.folder, name)
        with open(f"{path}.new", "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
        os.rename(f"{path}.new", path)
        return path

    def fault(self, line):
        self._write("control", line)


@pytest.fixture(scope="module")
def machine(suite):
    machine = Machine(suite)
    suite.restart("svc-codegen")
    yield machine
    suite.set_extra("svc-codegen")
    suite.restart("svc-codegen")


@pytest.fixture(scope="module")
def code_key(suite):
    return PublicKey.from_file(suite.public_file("svc-codegen", "code"))


class Load:
    """Crews that mint until told to stop; every answer is looked at as it comes."""

    def __init__(self, life, code_key):
        self.life, self.code_key = life, code_key
        self.changed, self.is_over = threading.Condition(), False
        self.codes, self.refused, self.wrong = 0, {}, []
        self.threads = [threading.Thread(target=self._work, daemon=True) for _ in range(CREW)]
        for thread in self.threads:
            thread.start()

    def _work(self):
        app, base = self.life.suite.apps["citizen-app"].twin(), self.life.suite.url("svc-codegen")
        person = Person()
        token = self.life.token(person)
        while not self.is_over:
            try:
                answer = app.post(base, "/v1/code-applications", {"scene": "pass"}, token)
                if answer.code == "0000":
                    answer = app.post(base, "/v1/codes", {"applicationId": answer.data["applicationId"],
                                                          "challenge": answer.data["challenge"]}, token)
                self._judge(answer)
            except Exception as failure:  # told by the test
                self._note(lambda f=failure: self.wrong.append(repr(f)))

    def _judge(self, answer):
        if answer.status == 200:
            code = Code.of(answer.data["code"])
            is_true = answer.code == "0000" and answer.signed and self.code_key.verify(code.signed, code.signature)
            self._note(lambda: self._count(is_true, answer))
        else:
            is_clear = answer.status == 503 and answer.code in ("5001", "5002", "5009")
            self._note(lambda: self._refuse(answer) if is_clear else self.wrong.append(repr(answer)))

    def _note(self, change):
        with self.changed:
            change()
            self.changed.notify_all()

    def _count(self, is_true, answer):
        if is_true:
            self.codes += 1
        else:
            self.wrong.append(repr(answer))

    def _refuse(self, answer):
        self.refused[answer.code] = self.refused.get(answer.code, 0) + 1

    def wait(self, figure, more, seconds=30):
        with self.changed:
            want = figure() + more
            assert self.changed.wait_for(lambda: figure() >= want or self.wrong, seconds), f"{figure()} of {want}"
            assert not self.wrong, self.wrong[:3]

    def finish(self):
        self.is_over = True
        for thread in self.threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in self.threads)
        assert not self.wrong, self.wrong[:3]


def readiness(suite):
    answer = requests.get(f"{suite.url('svc-codegen')}/readyz", timeout=5)
    return answer.status_code, answer.json()


def metric(suite, name):
    text = requests.get(f"{suite.url('svc-codegen')}/metrics", timeout=5).text
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name} ")))


def codes_kept(suite):
    with psycopg.connect(**suite.database()) as province:
        return province.execute("SELECT count(*) FROM codegen.codes").fetchone()[0]


def test_a_code_of_the_machine_is_a_code_like_any(suite, life, machine, code_key):
    holder, scanner = Person(), Person()
    before = metric(suite, "phi_key_device_calls_total")
    minted = life.mint(holder)
    code = Code.of(minted["code"])
    assert code_key.verify(code.signed, code.signature)
    life.done(life.verify(minted["code"], scanner))
    # the answers to application and mint, and the code
    assert metric(suite, "phi_key_device_calls_total") - before >= 3
    assert readiness(suite)[1]["degraded"] == []


def test_a_machine_that_fails_in_the_middle_of_a_load(suite, life, machine, code_key):
    kept = codes_kept(suite)
    load = Load(life, code_key)
    try:
        for fault in FAULTS:
            load.wait(lambda: load.codes, 2 * CREW)
            machine.fault(fault)
            load.wait(lambda: load.refused.get("5009", 0), REFUSED)
            wait_until(lambda: readiness(suite)[0] == 503, 10, f"not ready while {fault}")
            status, body = readiness(suite)
            assert status == 503 and body["missing"] == "key-device" and "key-device" in body["degraded"], (fault, body)
            machine.fault("")
            wait_until(lambda: readiness(suite) == (200, {**readiness(suite)[1], "degraded": []}), 10, "ready again")
        load.wait(lambda: load.codes, 2 * CREW)
    finally:
        machine.fault("")
        load.is_over = True
    load.finish()
    assert metric(suite, "phi_key_device_failures_total") >= len(FAULTS)
    # A code whose answer the machine could not sign any more is kept, and its caller is refused; none was given and not kept.
    assert 0 <= codes_kept(suite) - kept - load.codes <= sum(load.refused.values())
