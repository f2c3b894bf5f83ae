"""phictl code: every case of tests/vectors/codes as it judges it, each kind of input, and codes that it makes itself."""
import base64
import concurrent.futures
import json
import os
import subprocess
import sys
import time

import pytest
from PIL import Image

from phi_client.codes import Code, from_text
from phi_client.suite import ROOT

VECTORS = os.path.join(ROOT, "tests", "vectors")
sys.path.insert(0, VECTORS)

import reference  # noqa: E402  the independent SM2 that made the vectors

OWNER = 0x2B5A
STATUS = {"ok": 0, "issuer": 0, "code_malformed": 3, "code_version": 3, "code_platform": 4, "code_suspended": 4,
          "code_signature": 5, "code_expired": 6}


def load(name):
    with open(os.path.join(VECTORS, "codes", f"{name}.json"), encoding="utf-8") as file:
        return json.load(file)


def signed(trust_list, **change):
    value = json.dumps(trust_list, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    data = {"topic": "phi.registry", "key": "trust-list", "version": str(trust_list["version"]), "value": value, **change}
    message = "\n".join((data["topic"], data["key"], data["version"], data["value"])).encode()
    xy = reference.public(OWNER)
    return {**data, "keySerial": reference.sm3(xy).hex()[:16],
            "signature": base64.b64encode(reference.sign(OWNER, message)).decode()}


class Bench:
    """phictl, a folder, and the vectors' trust list signed by a key of ours."""

    def __init__(self, programs, folder):
        self.program, self.folder = os.path.join(programs, "phictl"), folder
        self.owner = reference.public(OWNER).hex()
        self.list = self.write("trust.json", json.dumps(signed(load("good-pass")["trustList"])).encode())

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    def run(self, *arguments, given=None):
        # fontconfig keeps its tables: known to a sanitizers' build by the list of the unit tests
        known = "suppressions=" + os.path.join(ROOT, "tests", "tools", "lsan.supp") + ":print_suppressions=0"
        done = subprocess.run([self.program, "code", *arguments], input=given, capture_output=True, timeout=60,
                              env={**os.environ, "LSAN_OPTIONS": known})
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def verify(self, argument, clock_s, given=None, trust=None):
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock_s))
        status, out, err = self.run("verify", "--trust-list", trust or self.list, "--trust-key", self.owner, "--at", at,
                                    "--json", argument, given=given)
        return status, json.loads(out) if out else None, err

    def key(self, name, *how):
        """A new key file under the password "bench"."""
        path = str(self.folder / f"{name}.key")
        subprocess.run([self.program, "key", "new", "--out", path, "--password-file", self.password(), *how], check=True,
                       capture_output=True, timeout=60)
        return path

    def password(self):
        path = self.write("password", b"bench\n")
        os.chmod(path, 0o600)
        return path


@pytest.fixture(scope="module")
def bench(programs, tmp_path_factory):
    return Bench(programs, tmp_path_factory.mktemp("phictl-code"))


def test_every_case(bench):
    names = sorted(name[:-5] for name in os.listdir(os.path.join(VECTORS, "codes")) if name.endswith(".json"))
    # Only its issuer unseals, so phictl does not see what is wrong inside a seal.
    cases = [case for case in map(load, names) if case["expect"]["verdict"] and case["expect"]["sealed"] != "code_malformed"]

    def judge(case):
        data = case["layers"]["bytes"]
        text = case["layers"]["text"]
        path = bench.write(f"{case['name']}.bin", bytes.fromhex(data)) if text is None else text
        return case, bench.verify(path, case["clockS"])

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for case, (status, found, _) in pool.map(judge, cases):
            expect = case["expect"]
            if case["name"] in ("form-empty", "form-one-byte"):
                continue  # a file without a length is taken as a text
            layers = {layer: one["result"] for layer, one in found["layers"].items()}
            wanted = {layer: expect[layer] for layer in ("text", "form", "platform", "signature", "deadline") if expect[layer]}
            assert layers == wanted, case["name"]
            assert found["verdict"] == ("ok" if expect["verdict"] == "issuer" else expect["verdict"]), case["name"]
            assert found["place"] == (expect["place"] or ""), case["name"]
            assert status == STATUS[expect["verdict"]], case["name"]
            assert set(found["notSeen"]) == {"sealed", "subject", "one-time use", "revocation"}
    assert len(cases) > 140


def picture_of(case, path, scale=4, quiet=4, beside=None):
    symbol = case["layers"]["picture"]
    size = symbol["size"]
    image = Image.new("L", ((size + 2 * quiet) * (2 if beside else 1), size + 2 * quiet), 255)
    for place, row in enumerate(symbol["modules"]):
        for x in range(size):
            if int(row[x // 8 * 2 : x // 8 * 2 + 2], 16) >> (7 - x % 8) & 1:
                image.putpixel((x + quiet, place + quiet), 0)
                if beside:
                    image.putpixel((x + size + 3 * quiet, place + quiet), 0)
    image.resize((image.width * scale, image.height * scale), Image.NEAREST).save(path)
    return str(path)


@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_a_picture_is_read(bench, kind):
    case = load("good-one-time")
    path = picture_of(case, bench.folder / f"code.{kind}")
    assert bench.verify(path, case["clockS"])[1]["verdict"] == "ok"
    status, out, _ = bench.run("decode", "--json", path)
    assert status == 0 and json.loads(out)["from"] == "picture"
    assert "".join(part["hex"] for part in json.loads(out)["parts"]) == case["layers"]["bytes"]


def test_a_picture_of_a_bad_code_is_no_code(bench):
    case = load("text-lower-case")
    assert bench.verify(picture_of(case, bench.folder / "lower.png"), case["clockS"])[0] == 3


def test_pictures_without_one_symbol(bench):
    Image.new("L", (300, 300), 255).save(bench.folder / "white.png")
    status, _, err = bench.run("decode", str(bench.folder / "white.png"))
    assert status == 1 and "no QR symbol" in err
    two = picture_of(load("deadline-now"), bench.folder / "two.png", beside=True)
    status, _, err = bench.run("decode", two)
    assert status == 0 or "more than one" in err  # the same symbol twice is one or two
    status, _, err = bench.run("decode", bench.write("cut.png", b"\x89PNG\r\n\x1a\n" + bytes(40)))
    assert status == 1 and "not a PNG" in err


def test_text_and_bytes_from_stdin_and_files(bench):
    case = load("good-pass")
    text, data = case["layers"]["text"], bytes.fromhex(case["layers"]["bytes"])
    for given in (text.encode(), text.encode() + b"\n", text.encode() + b"\r\n", data):
        assert bench.verify("-", case["clockS"], given=given)[0] == 0
        assert bench.verify(bench.write("given", given), case["clockS"])[0] == 0
    assert bench.verify("-", case["clockS"], given=text.encode() + b"\n\n")[0] == 3
    assert bench.verify(text + "\n", case["clockS"])[0] == 3, "an argument is taken as it is"


def test_decode_shows_each_byte_once(bench):
    for name in ("good-pass", "good-opaque-33", "form-s-der", "form-b-length-59", "form-a-length-less", "form-b-cut"):
        case = load(name)
        data = case["layers"]["bytes"]
        status, out, _ = bench.run("decode", "--json", case["layers"]["text"])
        found = json.loads(out)
        assert "".join(part["hex"] for part in found["parts"]) == data, name
        at = 0
        for part in found["parts"]:
            assert part["offset"] == at and part["length"] == len(part["hex"]) // 2
            at += part["length"]
        assert (found["form"], found["place"]) == (case["expect"]["form"], case["expect"]["place"] or "")
        assert status == STATUS[case["expect"]["form"]]
    status, out, _ = bench.run("decode", load("good-pass")["layers"]["text"])
    assert status == 0 and "44:l=    6  B.platform" in out and "320000 江苏省" in out


def test_a_list_that_is_not_the_owners_gives_no_verdict(bench):
    case = load("good-pass")
    genuine = signed(case["trustList"])
    other = dict(genuine, value=genuine["value"].replace("suspended", "activated", 1))
    versions = signed(case["trustList"], version="2")
    for name, data in (("altered", other), ("another version", versions), ("another topic", dict(genuine, topic="phi.x"))):
        path = bench.write("bad.json", json.dumps({"data": data}).encode())
        status, found, err = bench.verify(case["layers"]["text"], case["clockS"], trust=path)
        assert status == 1 and found is None and err, name
    stranger = reference.public(7).hex()
    status, _, _ = bench.run("verify", "--trust-list", bench.list, "--trust-key", stranger, case["layers"]["text"])
    assert status == 1


def test_minted_codes_are_good(bench):
    sign, seal = bench.key("sign"), bench.key("seal", "--secret", "16")
    record = "张三|11010519491231002X|111|CHN|20261121080000"
    consent = bench.write("consent", record.encode() + b"\n")
    picture = str(bench.folder / "minted.png")
    common = ("mint", "--platform", "320000", "--sign-key", sign, "--seal-key", seal, "--password-file", bench.password(),
              "--consent", consent, "--key-set", "9", "--subject", "00" * 16)
    status, out, err = bench.run(*common, "--one-time", "--scope", "medical", "--life", "60", "--json", "--out", picture)
    assert status == 0, err
    minted = json.loads(out)
    code = Code.of(minted["code"])
    assert (code.key_set, code.platform) == (9, "320000") and abs(code.deadline_s - time.time() - 60) < 30
    assert code.consent_digest.hex() == minted["consentDigest"] == reference.sm3(record.encode()).hex()
    public = subprocess.run([bench.program, "key", "public", "--in", sign, "--password-file", bench.password()], check=True,
                            capture_output=True, text=True, timeout=60).stdout
    xy = next(word for word in public.replace("=", " ").split() if len(word) == 128)
    assert reference.verify(bytes.fromhex(xy), code.signed, code.signature)
    status, out, _ = bench.run("decode", "--json", picture)
    assert status == 0 and "".join(p["hex"] for p in json.loads(out)["parts"]) == from_text(minted["code"]).hex()
    assert bench.run(*common, "--out", picture)[0] == 1, "a picture is never overwritten"
    for kind in ("svg", "pdf"):
        status, out, _ = bench.run(*common, "--out", str(bench.folder / f"minted.{kind}"), "--symbol", "qr")
        assert status == 0 and len(out) == 257
    for wrong in (("--scope", "self"), ("--life", "0"), ("--key-set", "256"), ("--subject", "00"), ("--out", "x.gif"),
                  ("--platform", "99")):
        kept = [word for word in common if word not in ("--subject", "00" * 16)] if wrong[0] == "--subject" else list(common)
        if wrong[0] in kept:
            kept[kept.index(wrong[0]) + 1] = wrong[1]
            wrong = ()
        status, out, err = bench.run(*kept, *wrong)
        assert status == 1 and not out and err, wrong


def test_the_suites_own_codes_and_list(suite, life, bench):
    from phi_client.people import Person

    minted = life.mint(Person())["code"]
    answer = suite.apps["citizen-app"].get(suite.url("svc-platform"), "/v1/trust-list", sign=False)
    trust = bench.write("suite.json", json.dumps({"data": answer.data}).encode())
    status, out, err = bench.run("verify", "--trust-list", trust, "--trust-key", suite.public_file("svc-platform", "trust"),
                                 "--json", minted)
    assert status == 0 and json.loads(out)["verdict"] == "ok", (out, err)
