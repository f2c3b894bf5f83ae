"""The checker itself, as far as that needs no suite: its arithmetic, its settings, its report, its documents."""
import http.server
import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import threading
import xml.etree.ElementTree

import pytest

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnknownMarkWarning")
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from client import code, curve, schema, settings, sm3  # noqa: E402
from client.caller import Person  # noqa: E402

VECTORS = os.path.join(HERE, "..", "vectors")


def vectors(name):
    with open(os.path.join(VECTORS, name), encoding="utf-8") as file:
        return json.load(file)


def script(name):
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(HERE, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def run(*arguments):
    done = subprocess.run([sys.executable, "-B", os.path.join(HERE, "run"), *arguments], text=True, capture_output=True,
                          timeout=60)
    return done.returncode, done.stdout + done.stderr


# Arithmetic


def test_sm3_with_and_without_openssl():
    for size in (0, 1, 55, 56, 63, 64, 65, 1000):
        data = bytes(range(256)) * 4
        assert sm3.sm3(data[:size]) == sm3.sm3_plain(data[:size])
    assert sm3.sm3_plain(b"abc").hex().startswith("66c7f0f462eeedd9")


def test_sm4_counter_mode_of_the_vectors():
    case = vectors("codes/good-one-time.json") if os.path.exists(
        os.path.join(VECTORS, "codes", "good-one-time.json")) else vectors("codes/deadline-now.json")
    part, key = case["layers"]["A"], case["issuer"]["keySets"][0]["sealKey"]
    plain = bytes.fromhex(part["subject"]) + bytes([part["flags"]])
    assert sm3.sm4_ctr(bytes.fromhex(key), bytes.fromhex(part["serial"]), plain).hex() == part["sealed"]


def test_sm2_signs_what_it_verifies_and_nothing_else():
    key = curve.PrivateKey()
    signature = key.sign(b"message")
    assert key.public.verify(b"message", signature) and not key.public.verify(b"messagf", signature)
    assert not key.public.verify(b"message", key.sign(b"message", b"")), "another user id"
    assert not key.public.verify(b"message", bytes(64)) and not key.public.verify(b"message", signature[:63])
    zeros = [bytes(32) + signature[32:], signature[:32] + bytes(32)]
    assert not any(key.public.verify(b"message", one) for one in zeros)


def test_es256_is_what_others_verify():
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    key = ec.generate_private_key(ec.SECP256R1())
    made = curve.es256(key.private_numbers().private_value, b"text")
    der = encode_dss_signature(int.from_bytes(made[:32], "big"), int.from_bytes(made[32:], "big"))
    key.public_key().verify(der, b"text", ec.ECDSA(hashes.SHA256()))


# Codes and schemas


def test_codes_of_the_vectors_are_read():
    names = [name for name in os.listdir(os.path.join(VECTORS, "codes")) if name.startswith("deadline-")]
    for case in [vectors(f"codes/{name}") for name in names]:
        one = code.Code(case["layers"]["text"])
        platforms = {row["id"]: row for row in case["trustList"]["platforms"]}
        keys = {key["keySetId"]: key for key in platforms[one.platform]["keys"] if key["use"] == "code"}
        public = curve.PublicKey(bytes.fromhex(keys[one.key_set]["public"]))
        assert public.verify(one.signed, one.signature) and one.digest.hex() == case["layers"]["B"]["consentDigest"]
    assert len(names) > 3


@pytest.mark.parametrize("text", ("aaaa", "AAAA=", "A", "AAA", "AB", "AAAA AAAA", "0AAA"))
def test_texts_that_are_none(text):
    with pytest.raises(ValueError):
        code.bytes_of(text)


def test_a_schema_tells_its_faults():
    rule = {"type": "object", "required": ["a"], "additionalProperties": False, "properties": {
        "a": {"type": "string", "pattern": "^x"}, "b": {"type": "integer", "nullable": True}}}
    assert not list(schema.faults({"a": "x", "b": None}, rule, {}))
    for bad in ({}, {"a": 1}, {"a": "y"}, {"a": "x", "b": "1"}, {"a": "x", "b": True}, {"a": "x", "c": 1}, []):
        assert list(schema.faults(bad, rule, {})), bad


def test_an_invented_person_has_a_right_number():
    people = [Person() for _ in range(50)]
    assert len({person.id_no for person in people}) == 50
    for person in people:
        weights = [pow(2, 17 - i, 11) for i in range(17)]
        total = sum(int(digit) * weight for digit, weight in zip(person.id_no, weights))
        assert person.id_no[-1] == "10X98765432"[total % 11]


# Settings, command line, report


def test_settings_name_what_is_wrong(tmp_path):
    for value, word in (({"zz": 1}, "zz"), ({"apps": {"zz": {}}}, "apps.zz"), ({"trust_key": "zz"}, "trust_key"),
                        ({"apps": {"scan": {"id": "a", "key": "not hex"}}}, "apps.scan.key")):
        path = tmp_path / "config.json"
        path.write_text(json.dumps(value))
        status, told = run("--url", "http://127.0.0.1:1", "--config", str(path))
        assert status == 2 and word in told, told


def test_keys_come_as_hex_or_pem(tmp_path):
    key = curve.PrivateKey()
    assert settings.private_number(f"{key.number:064x}", "x") == key.number
    pem = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", str(pem)],
                   check=True, capture_output=True)
    public = tmp_path / "key.pub"
    subprocess.run(["openssl", "pkey", "-in", str(pem), "-pubout", "-out", str(public)], check=True, capture_output=True)
    number = settings.private_number({"file": str(pem)}, "x")
    assert curve.PrivateKey(number).public.xy == settings.public_key(str(public), "x").xy


def test_the_command_line(tmp_path):
    status, told = run("--help")
    assert status == 0 and "Examples:" in told
    assert run()[0] == 2
    status, told = run("--url", "http://127.0.0.1:1")
    assert status == 2 and "nothing answers" in told
    status, told = run("--list")
    names = [line.split()[0] for line in told.splitlines()]
    assert status == 0 and len(names) == len(set(names)) > 100


class Bare(http.server.BaseHTTPRequestHandler):
    """An implementation that has nothing but a wrong health answer."""

    def do_GET(self):
        body = b'{"paths": {}}' if self.path == "/openapi.json" else b"ok"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def bare():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bare) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_reports_of_an_implementation_that_has_nothing(bare, tmp_path):
    junit, told = tmp_path / "r.xml", tmp_path / "r.json"
    status, table = run("--url", bare, "--junit", str(junit), "--json", str(told))
    assert status == 1 and "OPS-01   FAILED" in table
    value = json.loads(told.read_text())
    outcomes = {one["check"]: one["outcome"] for one in value["checks"]}
    assert outcomes["OPS-01"] == "failed" and outcomes["SIG-04"] == outcomes["VER-01"] == "skipped"
    reasons = {case["detail"] for case in value["cases"] if case["outcome"] == "skipped"}
    assert all(reasons) and any("no address given serves" in reason for reason in reasons)
    assert value["counts"]["passed"] == sum(case["outcome"] == "passed" for case in value["cases"])
    suite = xml.etree.ElementTree.parse(junit).getroot()[0]
    assert int(suite.get("tests")) == len(value["cases"]) and int(suite.get("failures")) == value["counts"]["failed"]
    named = suite.find(".//property[@name='check']").get("value")
    assert named in outcomes


# Documents


def test_the_document_is_fresh():
    with open(os.path.join(HERE, "..", "..", "docs", "conformance.md"), encoding="utf-8") as file:
        assert file.read() == script("document").text(), "tests/conformance/document writes it"


def test_mutants_name_checks_that_exist():
    module = script("mutants")
    known = set(script("document").checks())
    listed = module.listed()
    assert len({mutant.name for mutant in listed}) == len(listed)
    for mutant in listed:
        assert set(mutant.checks) <= known, mutant.name
    assert {mutant.name for mutant in listed} == module.built(), "mutants.txt and the code"
