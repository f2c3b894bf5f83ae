#!/usr/bin/env python3
"""Health codes JKM1 as docs/codes.md tells them: decoding, and a verifier's verdict on each layer."""
import calendar
import datetime
import sys

import sm2
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
PROVINCES = {str(n) for r in ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65)) for n in range(r[0], r[1] + 1)}
PROVINCES |= {"71", "81", "82"}


class Refused(Exception):
    def __init__(self, verdict, place=None):
        super().__init__(verdict)
        self.verdict, self.place = verdict, place


def text_to_bytes(text):
    if not text or len(text) > 6756 or len(text) % 8 in (1, 3, 6) or any(c not in LETTERS for c in text):
        raise Refused("code_malformed")
    value = 0
    for letter in text:
        value = value << 5 | LETTERS.index(letter)
    spare = 5 * len(text) % 8
    if value & ((1 << spare) - 1):
        raise Refused("code_malformed")
    return (value >> spare).to_bytes(5 * len(text) // 8, "big")


def is_division(platform):
    """Six digits of a division, or 000000."""
    if not (platform.isascii() and platform.isdigit()):
        return False
    return platform == "000000" or (platform[:2] in PROVINCES and not (platform[2:4] == "00" and platform[4:] != "00"))


def seconds_of(deadline):
    """Since 1970; None where it is no time."""
    if not (deadline.isascii() and deadline.isdigit()):
        return None
    try:
        when = datetime.datetime.strptime(deadline, "%Y%m%d%H%M%S")
    except ValueError:
        return None
    is_plain = when.year >= 1970 and when.strftime("%Y").zfill(4) + when.strftime("%m%d%H%M%S") == deadline
    return calendar.timegm(when.timetuple()) if is_plain else None


def decode(code):
    """The parts of a code; Refused with the verdict and the place of the first defect."""
    if len(code) < 2:
        raise Refused("code_malformed", "A.length")
    a_length = int.from_bytes(code[:2], "big")
    if not 1 <= a_length <= 4096:
        raise Refused("code_malformed", "A.length")
    if len(code) < 2 + a_length:
        raise Refused("code_malformed", "A")
    rest = code[2 + a_length :]
    if len(rest) < 2:
        raise Refused("code_malformed", "B.length")
    b_length = int.from_bytes(rest[:2], "big")
    if len(rest) < 2 + b_length:
        raise Refused("code_malformed", "B")
    b, s = rest[2 : 2 + b_length], rest[2 + b_length :]
    if b_length < 6:
        raise Refused("code_malformed", "B.length")
    if b[2:6] != b"JKM1":
        raise Refused("code_version", "B.type")
    if b[:2] != b"\x00\x01":
        raise Refused("code_version", "B.version")
    if b_length != 58:
        raise Refused("code_malformed", "B.length")
    platform, deadline = b[6:12].decode("latin-1"), b[12:26].decode("latin-1")
    if not is_division(platform):
        raise Refused("code_malformed", "B.platform")
    deadline_s = seconds_of(deadline)
    if deadline_s is None:
        raise Refused("code_malformed", "B.deadline")
    if len(s) != 64:
        raise Refused("code_malformed", "S")
    return {"a": code[2 : 2 + a_length], "platform": platform, "deadline": deadline, "deadline_s": deadline_s,
            "digest": b[26:58], "s": s, "signed": code[:-64]}


def in_force(key, now_s):
    moment = datetime.datetime.fromtimestamp(now_s, datetime.timezone.utc)
    begins, ends = (datetime.datetime.fromisoformat(key[name]) if name in key else None for name in ("from", "to"))
    return (begins is None or begins <= moment) and (ends is None or moment < ends)


class Verifier:
    """With the value of a trust list, the id of the platform it stands at ("": none), and seal keys by key set."""

    def __init__(self, trust_list, own_platform="", seal_keys=None):
        self.platforms = {platform["id"]: platform for platform in trust_list["platforms"]}
        self.own_platform, self.seal_keys = own_platform, seal_keys or {}

    def code_keys(self, code):
        return [key for key in self.platforms.get(code["platform"], {"keys": []})["keys"] if key["use"] == "code"]

    def is_own_form(self, code):
        return len(code["a"]) == 34 and code["a"][0] in [key["keySetId"] for key in self.code_keys(code)]

    def serial(self, code):
        return code["a"][1:17] if self.is_own_form(code) else sm2.sm3(code["signed"])[:16]

    def revocation_id(self, code):
        return sm2.sm3(code["platform"].encode() + self.serial(code))[:16]

    def check_platform(self, code):
        platform = self.platforms.get(code["platform"])
        if platform is None:
            raise Refused("code_platform")
        if platform["status"] != "active":
            raise Refused("code_suspended")

    def check_signature(self, code, now_s):
        keys = [key for key in self.code_keys(code) if in_force(key, now_s)]
        if self.is_own_form(code):
            keys = [key for key in keys if key["keySetId"] == code["a"][0]]
        if not any(sm2.verifies(bytes.fromhex(key["public"]), code["signed"], code["s"]) for key in keys):
            raise Refused("code_signature")

    def unseal(self, code):
        """Subject and flags; None where that is for another to do. After the signature only."""
        if not self.is_own_form(code) or code["platform"] != self.own_platform:
            return None
        key_set, serial, sealed = code["a"][0], code["a"][1:17], code["a"][17:]
        plain = Cipher(algorithms.SM4(self.seal_keys[key_set]), modes.CTR(serial)).decryptor().update(sealed)
        subject, flags = plain[:16], plain[16]
        if flags & 0xC0 or flags >> 3 not in (0, 1):
            raise Refused("code_malformed")
        return subject, flags

    def judge(self, given, now_s):
        """given: text (str) or bytes. The layers reached, the verdict, the place of a defect, and what was found."""
        layers, code, content, place = {}, None, None, None
        layer = "text"
        try:
            if isinstance(given, str):
                given = text_to_bytes(given)
                layers["text"] = "ok"
            layer = "form"
            code = decode(given)
            layers["form"], layer = "ok", "platform"
            self.check_platform(code)
            layers["platform"], layer = "ok", "signature"
            self.check_signature(code, now_s)
            layers["signature"], layer = "ok", "sealed"
            content = self.unseal(code)
            layers["sealed"], layer = "ok" if content else "issuer", "deadline"
            if now_s > code["deadline_s"]:
                raise Refused("code_expired")
            layers["deadline"] = "ok"
            verdict = layers["sealed"]
        except Refused as refused:
            layers[layer] = verdict = refused.verdict
            place = refused.place
        return {"layers": layers, "verdict": verdict, "place": place, "code": code, "content": content}


if __name__ == "__main__":
    try:
        for name, value in decode(text_to_bytes(sys.argv[1])).items():
            print(f"{name:12}{value.hex() if isinstance(value, bytes) else value}")
    except Refused as refused:
        sys.exit(f"{refused.verdict} {refused.place or ''}")
