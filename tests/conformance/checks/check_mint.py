"""Application (1000), minting (2000), and a code's bytes after GB/T 38961."""
import base64
import calendar
import re
import shutil
import subprocess
import time

import pytest

from client.caller import moment
from client.checks import check, refused
from client.code import Code, bytes_of, consent_digest, consent_record
from client.curve import SM2, PublicKey
from client.sm3 import hmac_sm3

ONE_TIME, RESERVED, LIFE_S = 1, 0xC0, 300
MANY = 24


def seconds_of(text):
    """RFC 3339 at +08:00 in seconds since 1970."""
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) - 8 * 3600


def published(world, use, when_s):
    """The platform's keys of a use in force at a time, out of the trust list."""
    _data, platforms = world.trust_list()
    assert world.settings.region in platforms, "the platform is not in the trust list"
    keys = [key for key in platforms[world.settings.region]["keys"] if key["use"] == use]
    return [key for key in keys if seconds_of(key.get("from", moment(60))) <= when_s < seconds_of(key.get("to", moment(-3600)))]


@check("MNT-01", "38963 6.5, 1000", "an application has an id, a random challenge, and times")
def check_application(world):
    made = [world.apply(world.holder) for _ in range(4)]
    for name in ("applicationId", "challenge"):
        assert all(re.fullmatch("[0-9a-f]{32}", one[name]) for one in made), name
        assert len({one[name] for one in made}) == len(made), f"{name} repeats"
    now = time.time()
    assert abs(seconds_of(made[-1]["usableUntil"]) - now - 300) <= 5, "usable for five minutes"
    assert seconds_of(made[-1]["termUntil"]) > now


@check("MNT-02", "GB/T 38961 4.1; text form", "a code is 160 bytes, written as 256 letters and digits in upper case")
def check_text(world):
    text = world.mint()["code"]
    assert re.fullmatch("[A-Z2-7]{256}", text), "letters"
    assert len(bytes_of(text)) == 160


@check("MNT-03", "GB/T 38961 4.1: A, B, S", "both lengths don't count themselves: A 34, B 58, and 64 bytes of S")
def check_lengths(world):
    data = bytes_of(world.mint()["code"])
    assert int.from_bytes(data[:2], "big") == 34, "A's length"
    assert int.from_bytes(data[36:38], "big") == 58, "B's length"
    assert len(data) == 2 + 34 + 2 + 58 + 64


@check("MNT-04", "GB/T 38961 4.1: B", "version 1, type JKM1, the platform's id")
def check_head(world):
    code = Code(world.mint()["code"])
    assert (code.version, code.type) == (1, b"JKM1")
    assert code.platform == world.settings.region


@check("MNT-05", "GB/T 38961 4.1: deadline in UTC; 5 minutes",
       "the deadline is UTC, as the answer says it, the scene's life after minting")
def check_deadline(world):
    before = int(time.time())
    minted = world.mint()
    after = int(time.time())
    code, life = Code(minted["code"]), world.settings.scenes.get("plain_life_seconds", LIFE_S)
    assert before + life - 1 <= code.deadline_s <= after + life + 1, f"{code.deadline_s - after} s from now, wanted {life}"
    assert minted["deadline"].endswith("+08:00") and seconds_of(minted["deadline"]) == code.deadline_s, "the answer's deadline"


@check("MNT-06", "GB/T 38961 4.1: S; GB/T 32918, user id 1234567812345678",
       "S verifies over A ‖ B under the published key of its key set, and over nothing else")
def check_signature(world):
    code = Code(world.mint()["code"])
    keys = [key for key in published(world, "code", int(time.time())) if key["keySetId"] == code.key_set]
    assert keys, f"no code key in force with the key set {code.key_set}"
    found = [key for key in keys if PublicKey(bytes.fromhex(key["public"])).verify(code.signed, code.signature)]
    assert found, "S does not verify"
    assert not PublicKey(bytes.fromhex(found[0]["public"])).verify(code.signed[:-1] + b"\0", code.signature)


@check("MNT-07", "GB/T 32918.2", "S is raw r ‖ s with both in [1, n-1]")
def check_signature_range(world):
    for _ in range(3):
        signature = Code(world.mint()["code"]).signature
        for number in (int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")):
            assert 0 < number < SM2.n


@check("MNT-08", "GB/T 38961 4.2: consent record; OID 1.2.156.10197.1.401",
       "the digest in B is SM3 of name|idNo|idType|country|time, time in UTC+8 at minting")
def check_consent(world):
    before = int(time.time())
    minted = world.mint()
    code = Code(minted["code"])
    wanted = {consent_digest(consent_record(world.holder, moment_s)) for moment_s in range(before - 2, int(time.time()) + 3)}
    assert code.digest in wanted, "not the digest of the holder's record"
    assert minted["consentDigest"] == code.digest.hex(), "consentDigest"


@check("MNT-09", "38963; GB/T 38961 4.2", "the holder reads the record whose SM3 stands in the code; nobody else does")
def check_consent_read(world):
    text = world.mint()["code"]
    data = world.done(world.post("/v1/codes/consent", {"code": text}))
    code = Code(text)
    assert consent_digest(data["record"]) == code.digest and data["digest"] == code.digest.hex()
    assert data["record"].rsplit("|", 1)[0] == consent_record(world.holder, 0).rsplit("|", 1)[0], "not the holder's"
    answer = refused(world.post("/v1/codes/consent", {"code": text}, world.scanner), 403, "3014", "$.code")
    assert world.holder.name.encode() not in answer.body
    answer = world.post("/v1/codes/consent", {"code": text[:-8] + "AAAAAAAA"}, world.scanner)
    assert answer.status in (403, 404) and "record" not in answer.data


@check("MNT-10", "GB/T 38961 4.1: A; privacy",
       "serials are random: none repeats, no byte of serial or sealed part stays; two codes share nothing of the person")
def check_random(world):
    codes = [Code(world.mint()["code"]) for _ in range(MANY)]
    for name in ("serial", "sealed"):
        values = [getattr(code, name) for code in codes]
        assert len(set(values)) == MANY, f"a {name} repeats"
        still = [i for i in range(len(values[0])) if len({value[i] for value in values}) < 3]
        assert not still, f"bytes {still} of {name} hardly change"
    assert len({code.signature[:32] for code in codes}) == MANY, "a nonce of the signature repeats"
    steps = {int.from_bytes(b.serial, "big") - int.from_bytes(a.serial, "big") for a, b in zip(codes, codes[1:])}
    assert len(steps) > MANY // 2, "serials count"


@check("MNT-11", "GB/T 38961 4.1: A; flags",
       "the sealed part is the holder's subject index and the scene's flags, reserved bits zero")
def check_sealed(world):
    platform = world.platform("own")
    if not platform.seal_key:
        pytest.skip("the configuration has no platforms.own.seal_key")
    for scene, flags in (("plain", 0), ("once", ONE_TIME)):
        if scene not in world.settings.scenes:
            continue
        subject, found = Code(world.mint(scene=world.scene(scene))["code"]).unseal(platform.seal_key)
        assert found & RESERVED == 0 and found == flags, f"{scene}: flags {found:08b}"
        if platform.index_key:
            person = f"{world.holder.id_type}|{world.holder.id_no}|{world.holder.country}"
            assert subject == hmac_sm3(platform.index_key, person.encode())[:16], "another subject"


@check("MNT-12", "38963 6.6: application and challenge",
       "only the app, the person and the challenge of an application mint by it")
def check_application_bound(world):
    application = world.apply(world.holder)
    good = {"applicationId": application["applicationId"], "challenge": application["challenge"]}
    for what, changed in (("another challenge", {"challenge": "0" * 32}), ("another application", {"applicationId": "0" * 32}),
                          ("another application's challenge", {"challenge": world.apply(world.holder)["challenge"]})):
        refused(world.post("/v1/codes", {**good, **changed}), 422, "4006", "$.applicationId", what=what)
    refused(world.post("/v1/codes", good, world.scanner), 422, "4006", "$.applicationId", what="another person")
    world.done(world.post("/v1/codes", good))


@check("MNT-13", "38963 6.6: refreshes until the term ends",
       "an application mints again, and one whose term is over does not")
def check_term(world):
    application = world.done(world.post("/v1/code-applications", {"scene": world.scene("plain"), "termSeconds": 1}))
    fields = {"applicationId": application["applicationId"], "challenge": application["challenge"]}
    end = time.monotonic() + 5
    while time.monotonic() < end:
        answer = world.post("/v1/codes", fields)
        if answer.code != "0000":
            break
        time.sleep(0.2)
    refused(answer, 422, "4006", "$.applicationId")


@check("MNT-14", "38963 6.5: scenes", "a scene that isn't served is refused by its name")
def check_scene(world):
    refused(world.post("/v1/code-applications", {"scene": "zz-no-scene"}), 422, "4004", "$.scene")


@check("MNT-15", "GB/T 38961 4.1; one-time", "an answer says whether its code is one-time, as its scene is")
def check_one_time_is_told(world):
    assert world.mint()["oneTime"] is False
    assert world.mint(scene=world.scene("once"))["oneTime"] is True


@check("MNT-16", "GB/T 38961 5: QR, GB/T 18284",
       "the neutral picture is a QR of the code, and holds nothing of the person")
def check_picture(world):
    minted = world.mint(picture={"format": "png"})
    data = base64.b64decode(minted["picture"]["base64"], validate=True)
    assert minted["picture"]["mediaType"] == "image/png" and data.startswith(b"\x89PNG\r\n\x1a\n")
    svg = base64.b64decode(world.mint(picture={"format": "svg"})["picture"]["base64"]).decode()
    assert "<svg" in svg and world.holder.name not in svg and world.holder.id_no not in svg
    if not shutil.which("zbarimg"):
        pytest.skip("zbarimg is not installed: the picture was not read")
    read = subprocess.run(["zbarimg", "-q", "--raw", "PNG:-"], input=data, capture_output=True, timeout=30)
    assert read.stdout.decode().strip() == minted["code"], "zbar reads something else"
