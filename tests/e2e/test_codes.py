"""A code from its application to its last use, read and checked by decoders and signatures that are not the suite's."""
import base64
import calendar
import concurrent.futures
import json
import os
import random
import subprocess
import time

import pytest
import requests

from phi_client.codes import Code, consent_digest, consent_record, from_text, to_text
from phi_client.http import new_serial
from phi_client.people import Person
from phi_client.sm2 import PublicKey
from phi_client.suite import wait_until

ROUNDS = 20


@pytest.fixture(scope="module")
def holder():
    return Person()


@pytest.fixture(scope="module")
def scanner():
    return Person()


@pytest.fixture(scope="module")
def code_keys(suite, life):
    """The province's code keys by key set, out of the nation's trust list, whose signature is checked first."""
    answer = suite.apps["citizen-app"].get(suite.url("svc-platform"), "/v1/trust-list", sign=False)
    data = answer.data
    message = "\n".join([data["topic"], data["key"], data["version"], data["value"]]).encode()
    pinned = PublicKey.from_file(suite.public_file("svc-platform", "trust"))
    assert data["keySerial"] == pinned.serial
    assert pinned.verify(message, base64.b64decode(data["signature"])), "the trust list's signature"
    platform = {p["id"]: p for p in json.loads(data["value"])["platforms"]}["320000"]
    keys = {key["keySetId"]: PublicKey(bytes.fromhex(key["public"])) for key in platform["keys"] if key["use"] == "code"}
    assert keys
    return keys


def test_bytes_signature_and_consent_of_a_minted_code(life, holder, code_keys):
    before = int(time.time())
    minted = life.mint(holder)
    code = Code.of(minted["code"])
    assert (code.version, code.type, code.platform) == (1, b"JKM1", "320000")
    assert len(from_text(minted["code"])) == 160 and len(minted["code"]) == 256
    assert code_keys[code.key_set].verify(code.signed, code.signature)
    assert before + 300 <= code.deadline_s <= time.time() + 300
    deadline = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(code.deadline_s + 8 * 3600))
    assert minted["deadline"].startswith(deadline) and minted["deadline"].endswith("+08:00")
    record = consent_record(holder, code.deadline_s - 300)
    assert code.consent_digest.hex() == minted["consentDigest"] == consent_digest(record)


def test_the_consent_record_is_the_holders_to_read(life, holder, scanner):
    minted = life.mint(holder)
    answer = life.post("citizen-app", "svc-codegen", "/v1/codes/consent", {"code": minted["code"]}, holder)
    record = life.done(answer)["record"]
    assert record == consent_record(holder, Code.of(minted["code"]).deadline_s - 300)
    assert answer.data["digest"] == consent_digest(record) == minted["consentDigest"]
    refused = life.post("citizen-app", "svc-codegen", "/v1/codes/consent", {"code": minted["code"]}, scanner)
    assert (refused.status, refused.code, refused.data["field"]) == (403, "3014", "$.code")
    assert holder.name not in refused.body.decode()


def test_two_codes_of_one_person_share_nothing_that_depends_on_the_person(life, holder):
    one, other = (Code.of(life.mint(holder)["code"]) for _ in range(2))
    assert one.serial != other.serial and one.sealed != other.sealed


def test_a_code_verifies_and_says_what_was_checked(life, holder, scanner):
    minted = life.mint(holder)
    data = life.done(life.verify(minted["code"], scanner))
    assert {"form", "platform", "signature", "deadline", "ledger"} <= set(data["checked"])
    assert (data["platform"], data["scope"], data["oneTime"]) == ("320000", "pass", False)
    assert data["deadline"] == minted["deadline"]


def test_a_receipt_comes_with_a_challenge_only(life, holder, scanner):
    minted = life.mint(holder)
    assert "receipt" not in life.done(life.verify(minted["code"], scanner))
    assert "receipt" in life.done(life.verify(minted["code"], scanner, challenge="00" * 15 + "07"))


def test_a_check_records_nothing_and_a_verify_is_the_holders_to_see(life, holder, scanner):
    minted = life.mint(holder)
    uses = lambda person: life.done(life.get("citizen-app", "svc-verify", "/v1/codes/uses?limit=100", person))["uses"]
    before = uses(holder)
    life.done(life.verify(minted["code"], scanner, operation="check"))
    assert uses(holder) == before
    life.done(life.verify(minted["code"], scanner))
    after = uses(holder)
    assert after[1:] == before and len(after) == len(before) + 1
    assert (after[0]["app"], after[0]["platform"], after[0]["scope"], after[0]["resultCode"]) == (
        "scan-app", "320000", "pass", "0000")
    assert uses(Person()) == [] and uses(scanner) == []


def test_uses_come_in_pages(life, scanner):
    person = Person()
    code = life.mint(person)["code"]
    for _ in range(5):
        life.done(life.verify(code, scanner))
    seen, before = [], ""
    for _ in range(4):
        page = life.done(life.get("citizen-app", "svc-verify", f"/v1/codes/uses?limit=2{before}", person))
        seen += [use["usedAt"] for use in page["uses"]]
        if "next" not in page:
            break
        before = "&before=" + requests.utils.quote(page["next"], safe="")
    assert len(seen) == 5 and seen == sorted(seen, reverse=True)


def flips(data, count, seed=20260):
    """Bits to flip: the first and last of every byte that means something by itself, and a sample of the rest."""
    bits = {0, 7, 8, 15, 16, 23, 36 * 8 - 1, 36 * 8, 38 * 8 + 15, len(data) * 8 - 1}
    rest = [bit for bit in range(len(data) * 8) if bit not in bits]
    return sorted(bits | set(random.Random(seed).sample(rest, count - len(bits))))


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 0x80 >> bit % 8
    return to_text(bytes(changed))


def test_no_flipped_bit_verifies(life, holder, scanner):
    code = life.mint(holder)["code"]
    data = from_text(code)
    token = life.token(scanner, "scan-app")
    allowed = {"2001", "2002", "2003", "2006", "2007", "2008"}
    for bit in flips(data, 80):
        answer = life.post("scan-app", "svc-verify", "/v1/codes/verify",
                           {"code": flipped(data, bit), "operation": "check"}, token=token)
        assert answer.status == 200 and answer.code in allowed, f"bit {bit}: {answer}"
        assert "receipt" not in answer.data
    assert life.done(life.verify(code, scanner, operation="check"))


@pytest.mark.parametrize("change", ("lower case", "cut", "padded", "one letter more", "spare bits", "other alphabet"))
def test_another_text_of_a_code_is_none(life, holder, scanner, change):
    code = life.mint(holder)["code"]
    other = {"lower case": code.lower(), "cut": code[:-2], "padded": code + "=", "one letter more": code + "AA",
             "spare bits": code[:-1], "other alphabet": "0" + code[1:]}[change]
    answer = life.verify(other, scanner)
    assert (answer.status, answer.code) == (200, "2001"), answer


def application_body(application):
    return {"applicationId": application["applicationId"], "challenge": application["challenge"]}


def test_the_same_request_again_gets_the_same_code_and_another_body_a_conflict(life, holder):
    application, serial = life.apply(holder), new_serial()
    mint = lambda **more: life.post("citizen-app", "svc-codegen", "/v1/codes",
                                    {**application_body(application), **more}, holder, serial=serial)
    first = mint()
    life.codes.append(life.done(first)["code"])
    again = mint()
    assert again.body == first.body
    other = mint(picture={"format": "svg"})
    assert (other.status, other.code, other.data["field"]) == (409, "4002", "$.bizSerialNum")
    assert life.done(mint()) == first.data


def test_the_same_number_of_another_person_is_a_conflict(life, holder):
    serial, other = new_serial(), Person()
    consent = {"noticeVersion": "2026-11", "purpose": "health-code"}
    life.done(life.post("citizen-app", "svc-declare", "/v1/consents", consent, holder, serial=serial))
    answer = life.post("citizen-app", "svc-declare", "/v1/consents", consent, other, serial=serial)
    assert (answer.status, answer.code) == (409, "4002"), answer


def test_an_application_is_good_for_its_own_person_app_and_challenge(life, holder):
    application = life.apply(holder)
    body = application_body(application)
    for person, changed in ((Person(), {}), (holder, {"challenge": "00" * 16}), (holder, {"applicationId": "00" * 16})):
        answer = life.post("citizen-app", "svc-codegen", "/v1/codes", {**body, **changed}, person)
        assert (answer.status, answer.code, answer.data["field"]) == (422, "4006", "$.applicationId"), answer
    assert life.mint(holder, application=application)["code"] == life.mint(holder, application=application)["code"]


def test_a_code_past_its_life_says_so(life, holder, scanner):
    minted = life.mint(holder, "pass-brief")
    assert life.done(life.verify(minted["code"], scanner))
    answer = wait_until(lambda: (a := life.verify(minted["code"], scanner)).code != "0000" and a, 10, "the code's end")
    assert (answer.status, answer.code, answer.json["resultDesc"]) == (200, "2003", "健康码已过期")
    assert time.time() > Code.of(minted["code"]).deadline_s
    assert "receipt" not in answer.data


def test_a_one_time_code_is_good_once(life, holder, scanner):
    minted = life.mint(holder, "pass-once")
    assert minted["oneTime"] is True
    serial = new_serial()
    first = life.verify(minted["code"], scanner, serial=serial)
    assert life.done(first)["oneTime"] is True
    second = life.verify(minted["code"], scanner)
    assert (second.status, second.code) == (200, "2004") and "receipt" not in second.data
    assert "uses" not in second.data and "usedAt" not in second.body.decode()
    again = life.verify(minted["code"], scanner, serial=serial)
    assert again.code == "0000", "the same request again gets the first verdict"
    other_code = life.mint(holder)["code"]
    conflict = life.verify(other_code, scanner, serial=serial)
    assert (conflict.status, conflict.code) == (409, "4002"), conflict


def test_a_check_does_not_spend_a_one_time_code(life, holder, scanner):
    code = life.mint(holder, "pass-once")["code"]
    assert life.verify(code, scanner, operation="check").code == "0000"
    assert life.verify(code, scanner).code == "0000"


def test_of_two_at_once_one_gets_a_one_time_code(life, holder, scanner, suite):
    """Two callers with connections of their own send at the same moment, again and again."""
    apps = [suite.apps["scan-app"].twin(), suite.apps["scan-app"].twin()]
    token = life.token(scanner, "scan-app")
    codes = [life.mint(holder, "pass-once")["code"] for _ in range(ROUNDS)]
    url = suite.url("svc-verify")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for app in apps:  # connections that stand already
            app.get(url, "/healthz", sign=False)
        for code in codes:
            prepared = [app.prepare("POST", url, "/v1/codes/verify", {"code": code}, token) for app in apps]
            verdicts = [answer.code for answer in pool.map(lambda pair: pair[0].send(pair[1]), zip(apps, prepared))]
            assert sorted(verdicts) == ["0000", "2004"]


def test_a_scope_that_the_app_may_not_ask_for_is_refused(life, holder, scanner):
    code = life.mint(holder)["code"]
    answer = life.verify(code, scanner, scope="medical")
    assert (answer.status, answer.code) == (403, "3012"), answer


@pytest.mark.parametrize("symbology", ("qr", "gm", "hx"))
@pytest.mark.parametrize("form", ("png", "svg", "pdf"))
def test_a_neutral_picture_comes_with_the_code(life, holder, form, symbology):
    picture = life.mint(holder, picture={"format": form, "symbology": symbology})["picture"]
    data = base64.b64decode(picture["base64"], validate=True)
    assert data.startswith({"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-1."}[form]), data[:20]
    assert picture["mediaType"] == {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}[form]
    assert picture["symbology"] == symbology
    assert holder.name.encode() not in data


def test_a_picture_tells_which_app_drew_it(suite, life, holder, tmp_path):
    path = tmp_path / "code.png"
    path.write_bytes(base64.b64decode(life.mint(holder, picture={"format": "png"})["picture"]["base64"]))
    keys = os.path.join(suite.run, "keys", "svc-codegen")
    done = subprocess.run([os.path.join(suite.programs, "phictl"), "code", "trace", "--key", os.path.join(keys, "mark.key"),
                           "--password-file", os.path.join(keys, "password"), "--app", "citizen-app", path],
                          capture_output=True, text=True, timeout=60, check=True)
    said = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert (said["platform"], said["app"], said["wrong"]) == ("320000", "citizen-app", "0")
    drawn = time.strptime(said["minute"][:16], "%Y-%m-%dT%H:%M")
    assert abs(time.time() + 8 * 3600 - calendar.timegm(drawn)) < 120


def test_a_paper_certificate_lives_for_days_and_is_scanned(life, holder, scanner, tmp_path):
    minted = life.mint(holder, "paper", picture={"format": "pdf"})
    assert 604700 < Code.of(minted["code"]).deadline_s - time.time() < 604801
    path = tmp_path / "paper.pdf"
    path.write_bytes(base64.b64decode(minted["picture"]["base64"], validate=True))
    subprocess.run(["pdftoppm", "-r", "100", "-png", "-singlefile", path, tmp_path / "page"], check=True, timeout=60)
    done = subprocess.run(["zbarimg", "--quiet", "--raw", tmp_path / "page.png"], capture_output=True, text=True, timeout=30,
                          check=True)
    assert done.stdout.strip() == minted["code"]
    assert life.verify(minted["code"], scanner).data["paper"] is True


@pytest.mark.parametrize("form", ("png", "svg"))
def test_a_paper_certificate_comes_in_the_other_forms(life, holder, form):
    for symbology in ("qr", "gm"):
        picture = life.mint(holder, "paper", picture={"format": form, "symbology": symbology})["picture"]
        assert "个人健康信息码纸质凭证".encode() in base64.b64decode(picture["base64"]) or form == "png"
