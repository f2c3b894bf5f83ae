"""Who may read and write which topics, on the real broker: users with SCRAM credentials and the rights of compose/acls.txt;
and each program at its work with nothing but its own rights."""
import base64
import hmac
import logging
import os
import secrets
import subprocess
import time

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from loadgen import keyfile
from phi_client.life import basic, health
from phi_client.people import Person
from phi_client.replica import Replica
from phi_client.suite import ROOT, wait_until
from phi_client.topics import read_topic

HERE, ONE, OTHER = "320000", "440000", "530000"
PROGRAMS = ("svc-codegen", "svc-verify", "svc-declare", "svc-directory", "svc-correction")
QUIET = logging.getLogger("acls")  # refusals are what is looked for
DENIED = KafkaError.TOPIC_AUTHORIZATION_FAILED

QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False

pytestmark = pytest.mark.late


class Access:
    def __init__(self, suite):
        self.suite, self.users = suite, {}
        names = [f"{HERE}.{program}" for program in PROGRAMS] + ["000000.svc-platform"]
        names += [f"{HERE}.{who}" for who in ("lab-app", "citizen-app", "analyst", "operator")] + [f"{OTHER}.svc-codegen"]
        names += [f"province-{region}" for region in (HERE, ONE, OTHER)]
        self.tool("topics", "--regions", f"{ONE},{OTHER}", "--file", os.path.join(ROOT, "compose", "topics.txt"))
        self.write({name: secrets.token_hex(24) for name in names})

    def tool(self, name, *arguments):
        subprocess.run([os.path.join(ROOT, "compose", "kafka", name), "--broker", self.suite.bus, *arguments], check=True,
                       timeout=120)

    def write(self, users, word="on"):
        self.users.update(users)
        path = os.path.join(self.suite.run, "bus-users")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.writelines(f"{name} {password} {word}\n" for name, password in users.items())
        self.tool("access", "--regions", f"{HERE},{ONE},{OTHER}", "--users", path)

    @property
    def address(self):
        return f"127.0.0.1:{self.suite.port('broker.sasl')}"

    def settings(self, user, password=None):
        return {"bootstrap.servers": self.address, "security.protocol": "sasl_plaintext", "sasl.mechanisms": "SCRAM-SHA-512",
                "sasl.username": user, "sasl.password": password or self.users[user], "socket.timeout.ms": 10000,
                "logger": QUIET}

    def password_file(self, user):
        path = os.path.join(self.suite.run, f"bus-password-{user}")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write(self.users[user] + "\n")
        return path

    def environment(self, service):
        region = "000000" if service == "svc-platform" else HERE
        own, nations = f"{region}.{service}", f"{region}.{service}" if region == "000000" else f"province-{region}"
        return {"PHI_BUS": self.address, "PHI_BUS_USER": own, "PHI_BUS_PASSWORD_FILE": self.password_file(own),
                "PHI_PLATFORM_BUS": self.address, "PHI_PLATFORM_BUS_USER": nations,
                "PHI_PLATFORM_BUS_PASSWORD_FILE": self.password_file(nations)}

    def can_write(self, user, topic):
        errors = []
        producer = Producer({**self.settings(user), "message.timeout.ms": 15000})
        producer.produce(topic, key=b"e2e", value=b"{}", headers=[("e2e-written", b"1")],
                         on_delivery=lambda error, _message: errors.append(error))
        assert producer.flush(20) == 0 and errors
        assert errors[0] is None or errors[0].code() == DENIED, errors
        return errors[0] is None

    def can_read(self, user, topic):
        """A poll gives a record, the end, or a refusal."""
        consumer = Consumer({**self.settings(user), "group.id": f"{user}.e2e", "enable.partition.eof": True,
                             "enable.auto.commit": False})
        try:
            # Who may not even see a topic is told so with the metadata, others when they fetch.
            error = consumer.list_topics(topic, timeout=15).topics[topic].error
            assert error is None or error.code() == DENIED, error
            if error is not None:
                return False
            consumer.assign([TopicPartition(topic, 0, 0)])
            end = time.monotonic() + 20
            while time.monotonic() < end:
                message = consumer.poll(0.5)
                if message is None or message.error() and message.error().code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
                    continue  # without a group one reads as well
                if message.error() is None or message.error().code() == KafkaError._PARTITION_EOF:
                    return True
                assert message.error().code() == DENIED, message.error()
                return False
            raise AssertionError(f"{user} {topic}: neither a record nor a refusal")
        finally:
            consumer.close()


@pytest.fixture(scope="module")
def access(suite):
    if suite.broker != "kafka":
        pytest.skip("the embedded broker knows no users")
    access = Access(suite)
    wait_until(lambda: knows(access, f"province-{ONE}"), 30, "the users are known")
    return access


def knows(access, user, password=None):
    consumer = Consumer({**access.settings(user, password), "group.id": f"{user}.e2e"})
    try:
        consumer.list_topics(timeout=3)
        return True
    except KafkaException:
        return False
    finally:
        consumer.close()


@pytest.mark.parametrize("user,right,topic,is_right", [
    (f"province-{ONE}", "write", f"phi.{ONE}.directory", True),
    (f"province-{ONE}", "read", f"phi.{OTHER}.directory", False),
    (f"province-{ONE}", "write", f"phi.{OTHER}.directory", False),
    (f"province-{ONE}", "read", f"phi.{OTHER}.directory.request", False),
    (f"province-{ONE}", "read", f"phi.{OTHER}.code.revoked", True),
    (f"province-{ONE}", "write", f"phi.{OTHER}.code.revoked", False),
    (f"province-{ONE}", "read", "phi.registry", True),
    (f"province-{ONE}", "write", "phi.registry", False),
    (f"province-{ONE}", "read", "phi.000000.access.registry", False),
    (f"{HERE}.analyst", "read", f"phi.{HERE}.declare.health", False),
    (f"{HERE}.analyst", "read", f"phi.{HERE}.source.tests", False),
    (f"{HERE}.analyst", "read", f"phi.{HERE}.open.dev-study", True),
    (f"{HERE}.analyst", "write", f"phi.{HERE}.open.dev-study", False),
    (f"{HERE}.lab-app", "write", f"phi.{HERE}.intake.lab-app", True),
    (f"{HERE}.lab-app", "read", f"phi.{HERE}.intake.lab-app", False),
    (f"{HERE}.lab-app", "write", f"phi.{HERE}.source.tests", False),
    (f"{HERE}.lab-app", "write", f"phi.{ONE}.intake.lab-app", False),
    (f"{HERE}.citizen-app", "read", f"phi.{HERE}.notice.citizen-app", True),
    (f"{HERE}.citizen-app", "write", f"phi.{HERE}.notice.citizen-app", False),
    (f"{HERE}.citizen-app", "read", f"phi.{HERE}.declare.health", False),
    (f"{HERE}.svc-codegen", "read", f"phi.{HERE}.declare.health", False),
    (f"{HERE}.svc-verify", "write", f"phi.{HERE}.declare.health", False),
    (f"{HERE}.svc-codegen", "write", f"phi.{HERE}.access.registry", False),
    (f"{OTHER}.svc-codegen", "write", f"phi.{HERE}.code.minted", False),
])
def test_rights(access, user, right, topic, is_right):
    assert (access.can_write if right == "write" else access.can_read)(user, topic) is is_right


def test_no_one_without_the_password_and_no_one_who_was_cut_off(access):
    user = f"province-{OTHER}"
    assert knows(access, user) and not knows(access, user, "not the password")
    access.write({user: access.users[user]}, "off")
    wait_until(lambda: not knows(access, user), 20, "the credential is gone")
    access.write({user: access.users[user]})
    wait_until(lambda: knows(access, user), 20, "it is back")


def test_an_app_gets_its_notice_key_sealed_to_it(suite, tmp_path):
    folder, bus = os.path.join(suite.run, "keys", "svc-directory"), suite.key_file("svc-directory", "bus")
    key, public, parcel, out = (str(tmp_path / name) for name in ("app.key", "app.pub", "parcel", "notice.key"))
    password = ("--password-file", f"{folder}/password")
    suite.phictl("key", "new", "--use", "app", "--out", key, *password)
    suite.phictl("key", "public", "--in", key, "--out", public, *password)
    suite.phictl("key", "notice", "--bus-key", bus, "--app", "citizen-app", "--to", public, "--out", parcel, *password)
    suite.phictl("key", "notice", "--in", parcel, "--unseal-key", key, "--out", out, *password)
    wanted = hmac.new(keyfile.secret(bus, f"{folder}/password"), b"notice\ncitizen-app", "sm3").hexdigest()
    with open(out, encoding="ascii") as file:
        assert file.read().strip() == wanted
    with open(parcel, encoding="ascii") as file:
        assert wanted not in base64.b64decode(file.read()).hex()


class Strict(Replica):
    """A replica that is a user of the bus; its log tells of every refusal."""

    def log(self):
        with open(os.path.join(self.suite.run, "log", f"{self.service}.{self.http}.log"), encoding="utf-8") as file:
            return file.read()


def test_every_program_works_with_its_own_rights(access, suite, life):
    replicas = {}
    try:
        for service in (*PROGRAMS, "svc-platform"):
            replicas[service] = Strict(suite, service, **access.environment(service))
        for service, replica in replicas.items():
            wait_until(lambda: "bus" not in replica.degraded(), 30, f"{service} has its bus")
        person, app = Person(), suite.apps["citizen-app"]
        token = life.token(person)

        def ask(service, path, fields):
            answer = wait_until(lambda: (said := app.post(replicas[service].url, path, fields, token)).code != "3003" and said,
                                30, "the app is known")
            assert answer.code == "0000", answer
            return answer.data

        ask("svc-declare", "/v1/consents", {"noticeVersion": "2026-11", "purpose": "health-code"})
        fact = ask("svc-declare", "/v1/declarations/health", {"basic": basic(), "health": health()})["factId"]
        application = ask("svc-codegen", "/v1/code-applications", {"scene": "pass"})
        code = ask("svc-codegen", "/v1/codes", {name: application[name] for name in ("applicationId", "challenge")})["code"]
        wait_until(lambda: ask("svc-directory", "/v1/health/query", {})["grade"]["code"] == "green", 120, "graded")
        ask("svc-verify", "/v1/codes/revoke", {"code": code})
        suite.settle(120)
        for stream, mark in (("declare.health", fact.encode()), ("audit", b"svc-codegen")):
            read_topic(suite.bus, f"phi.{HERE}.{stream}", until=lambda records: any(mark in r.value for r in records))
    finally:
        for replica in replicas.values():
            replica.end()
    for service, replica in replicas.items():
        refused = [line for line in replica.log().splitlines() if "uthorization" in line or "SASL" in line]
        assert not refused, f"{service}: {refused[:3]}"
